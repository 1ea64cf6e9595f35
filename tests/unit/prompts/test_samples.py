"""Samples: the published split by company, unknown facts left out, answers found where they stand."""

import csv
import json

import pytest
from project import PROJECT
from published_study import FOLDER, load, needs_published_study

from head_ablation.common.problems import StudyError
from head_ablation.prompts.evidence import Question
from head_ablation.prompts.filings import FilingsFiles, FilingsSettings, load_filings, read_filing_texts
from head_ablation.prompts.ground_truth import ground_truth_problems, read_ground_truth
from head_ablation.prompts.matchers import MATCHERS
from head_ablation.prompts.samples import (
    Sample,
    build_samples,
    left_out,
    load_split_filings,
    split_companies,
)

STATE, YEAR, COUNT = "original_Inc_state_truth", "original_Inc_year_truth", "employee_count_truth"
HEADER = f"filename,cik,year,{STATE},{YEAR},{COUNT}"
ROWS = ["1_1993.txt,1,1993,Ohio,1929,12500", "2_1993.txt,2,1993,NULL,1954.0,", "3_1993.txt,3,1993, Texas ,NULL,0"]
COMPANIES = PROJECT / "resources" / "companies.csv"


def ground_truth(folder, rows=tuple(ROWS), header=HEADER, encoding="utf-8"):
    file = folder / "truth.csv"
    file.write_text("\n".join([header, *rows]) + "\n", encoding=encoding)
    return file


def filings_file(folder, texts, name="filings.jsonl"):
    rows = [{"filename": f, "cik": f.split("_")[0], "year": "1993", "section_1": t} for f, t in texts.items()]
    file = folder / name
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return file


TEXTS = {
    "1_1993.txt": "Rivals of 1929 abound. Acme was founded in Ohio in 1929 and has 12,500 employees.",
    "2_1993.txt": "Brook began in 1954.",
    "3_1993.txt": "Cedar is a Texas company. It has 10 plants and 0 employees.",
}


QUESTIONS = {
    "inc_state": Question(STATE, "us_state"),
    "inc_year": Question(YEAR, "year"),
    "employee_count": Question(COUNT, "integer"),
}


def settings(questions=QUESTIONS, seed=0, absent="refuse", split="hash", test_fraction=0.5):
    return FilingsSettings(("NULL",), absent, seed, split, test_fraction, questions)


def filings(folder, evidence=None, texts=TEXTS, rows=tuple(ROWS), **how):
    files = FilingsFiles(ground_truth(folder, rows), filings_file(folder, texts), evidence)
    return load_filings(files, settings(**how))


@needs_published_study
def test_the_split_is_the_published_one():
    rows = read_ground_truth(FOLDER / "ground_truth.csv", [])
    companies = split_companies(rows, seed=42, test_fraction=0.2, split="published")
    for name in ("train", "test"):
        ours = {row["filename"] for row in rows if row["cik"] in companies[name]}
        assert ours == set(load(FOLDER / f"{name}_samples.json"))
    assert split_companies(rows, seed=43, test_fraction=0.2, split="published") != companies  # negative controls
    assert split_companies(rows, seed=42, test_fraction=0.2, split="hash") != companies


@needs_published_study
def test_the_published_test_sets_have_the_published_sizes():
    rows = read_ground_truth(FOLDER / "ground_truth.csv", [STATE])
    test = split_companies(rows, 42, 0.2, "published")["test"]
    answered = [row for row in rows if row["cik"] in test and row[STATE] not in ("", "NULL")]
    published = load(FOLDER / "published" / "wu24" / "llama3_instruct" / "inc_state" / "tokens_2048.json")
    # Four train and one test filing had no text in the published study.
    assert len(answered) - published["test_samples"] in (0, 1)


@pytest.mark.parametrize("split", ["hash", "published"])
@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("fraction", [0.1, 0.2, 0.5])
def test_companies_are_never_in_both_splits(seed, fraction, split):
    rows = [{"cik": str(number % 13), "filename": f"{number}"} for number in range(40)]
    companies = split_companies(rows, seed, fraction, split)
    assert not companies["train"] & companies["test"]
    assert companies["train"] | companies["test"] == {str(number) for number in range(13)}
    if split == "published":
        assert len(companies["test"]) == int(fraction * 13)


@pytest.mark.parametrize("split", ["hash", "published"])
def test_the_split_does_not_depend_on_how_many_filings_a_company_has(split):
    once = [{"cik": str(number)} for number in range(10)]
    many = [row for row in once for _ in range(3)]
    assert split_companies(once, 1, 0.3, split) == split_companies(many, 1, 0.3, split)


@pytest.mark.parametrize(("split", "stays"), [("hash", True), ("published", False)])
def test_one_more_company_moves_no_other_by_hash_but_does_in_the_study(split, stays):
    rows = [{"cik": str(number)} for number in range(60)]
    before, after = split_companies(rows[:-1], 42, 0.3, split), split_companies(rows, 42, 0.3, split)
    assert (after["test"] - {"59"} == before["test"]) is stays


def test_the_hash_split_meets_its_share_on_average():
    rows = [{"cik": str(number)} for number in range(100)]
    sizes = [len(split_companies(rows, seed, 0.2)["test"]) for seed in range(200)]
    assert sum(sizes) / len(sizes) == pytest.approx(20, abs=1)  # 3.5 standard errors
    assert len({frozenset(split_companies(rows, seed, 0.2)["test"]) for seed in range(20)}) == 20


def test_unknown_facts_give_no_sample(tmp_path):
    loaded = filings(tmp_path)
    assert [s.filename for s in build_samples(loaded, STATE, "us_state")] == ["1_1993.txt", "3_1993.txt"]
    assert [s.filename for s in build_samples(loaded, YEAR, "year")] == ["1_1993.txt", "2_1993.txt"]
    assert [s.filename for s in build_samples(loaded, COUNT, "integer")] == ["1_1993.txt", "3_1993.txt"]


def test_a_sample_carries_company_gold_and_passage(tmp_path):
    _, texas = build_samples(filings(tmp_path), STATE, "us_state")
    assert (texas.company, texas.gold, texas.passage) == ("3", "Texas", TEXTS["3_1993.txt"])


def test_years_written_as_decimal_numbers_are_found_and_judged(tmp_path):
    _, brook = build_samples(filings(tmp_path), YEAR, "year")
    assert brook.gold == "1954.0"
    assert brook.passage[slice(*brook.answer_span)] == "1954"
    assert MATCHERS["year"].is_correct("1954", brook.gold)


def test_without_evidence_the_first_equal_mention_is_taken(tmp_path):
    acme, _ = build_samples(filings(tmp_path), YEAR, "year")
    assert acme.answer_span == (10, 14)  # "Rivals of 1929": the risk that evidence removes


def test_zero_is_not_found_in_ten(tmp_path):
    _, cedar = build_samples(filings(tmp_path), COUNT, "integer")
    assert cedar.answer_span == (47, 48)
    assert cedar.passage[46:58] == " 0 employees"


def test_an_answer_that_is_not_stated_has_no_span(tmp_path):
    texts = TEXTS | {"2_1993.txt": "Brook began long ago."}
    _, brook = build_samples(filings(tmp_path, texts=texts), YEAR, "year")
    assert brook.answer_span is None


def evidence_file(folder, rows):
    file = folder / "evidence.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return file


def test_evidence_says_which_mention_is_the_answer(tmp_path):
    sentence = (TEXTS["1_1993.txt"].index("Acme"), len(TEXTS["1_1993.txt"]))
    answers = {"inc_year": {"value": 1929, "evidence": sentence}, "inc_state": None, "unasked": {"evidence": [0, 1]}}
    evidence = evidence_file(tmp_path, [{"filename": "1_1993.txt", "answers": answers}])
    acme, brook = build_samples(filings(tmp_path, evidence), YEAR, "year")
    assert acme.answer_span == (51, 55)
    assert acme.passage[51:55] == "1929"
    assert brook.passage[slice(*brook.answer_span)] == "1954"  # no evidence for this one


@pytest.mark.parametrize(
    "row", [{"answers": {}}, {"filename": "1_1993.txt"}, {"filename": "1_1993.txt", "answers": None}]
)
def test_evidence_without_its_fields_is_refused_by_line(tmp_path, row):
    evidence = evidence_file(tmp_path, [row])
    with pytest.raises(StudyError, match=r"evidence\.jsonl: line 1.*expected .*filename.*answers"):
        filings(tmp_path, evidence)


def test_a_missing_column_is_refused_and_the_nearest_named(tmp_path):
    with pytest.raises(StudyError) as refusal:
        read_ground_truth(ground_truth(tmp_path), ["original_Inc_stat_truth", YEAR, "original_Inc_stat_truth"])
    assert len(refusal.value.problems) == 1
    assert "truth.csv: original_Inc_stat_truth: found no such column" in str(refusal.value)
    assert f"Did you mean '{STATE}'?" in str(refusal.value)


def test_repeated_filings_are_refused_all_at_once(tmp_path):
    file = ground_truth(tmp_path, [ROWS[0], ROWS[0], ROWS[1], ROWS[2], ROWS[2]])
    with pytest.raises(StudyError) as refusal:
        read_ground_truth(file, [STATE])
    assert [(problem.field, problem.found) for problem in refusal.value.problems] == [
        ("line 3, filename", "'1_1993.txt' more than once, first in line 2"),
        ("line 6, filename", "'3_1993.txt' more than once, first in line 5"),
    ]


def test_a_table_that_cannot_be_read_is_refused_by_name(tmp_path):
    with pytest.raises(StudyError, match=r"none\.csv: file: found No such file"):
        read_ground_truth(tmp_path / "none.csv", [])
    latin = ground_truth(tmp_path, ["é_1993.txt,1,1993,Ohio,1929,1"], encoding="latin-1")
    with pytest.raises(StudyError, match=r"truth\.csv: file: found .*UTF-8"):
        read_ground_truth(latin, [])


def test_a_byte_order_mark_and_short_rows_do_not_matter(tmp_path):
    file = ground_truth(tmp_path, ["1_1993.txt,1,1993"], encoding="utf-8-sig")
    (row,) = read_ground_truth(file, [STATE])
    assert row["filename"] == "1_1993.txt"
    assert row[STATE] == ""


def test_missing_filings_and_fields_are_refused(tmp_path):
    file = filings_file(tmp_path, {"1_1993.txt": "text"})
    with pytest.raises(StudyError, match=r"filings\.jsonl: filename: found no '2_1993\.txt'"):
        read_filing_texts(file, ["1_1993.txt", "2_1993.txt"])
    file.write_text('{"filename": "1_1993.txt", "cik": "1"}\n', encoding="utf-8")
    with pytest.raises(StudyError) as refusal:
        read_filing_texts(file, ["1_1993.txt"])
    assert [problem.field for problem in refusal.value.problems] == ["line 1, section_1"]


def test_values_of_another_kind_are_refused_with_their_filing(tmp_path):
    rows = read_ground_truth(ground_truth(tmp_path, [*ROWS, "4_1993.txt,4,1993,Bavaria,old,many"]), [])
    for column, matcher, value in ((STATE, "us_state", "Bavaria"), (YEAR, "year", "old"), (COUNT, "integer", "many")):
        (problem,) = ground_truth_problems("truth.csv", rows, column, matcher)
        assert problem.field == f"4_1993.txt, {column}"
        assert problem.found == f"'{value}'"
        assert problem.expected == MATCHERS[matcher].expected


def test_a_column_without_any_value_is_refused(tmp_path):
    rows = read_ground_truth(ground_truth(tmp_path, ["1_1993.txt,1,1993,NULL,1929,1"]), [])
    (problem,) = ground_truth_problems("truth.csv", rows, STATE, "us_state")
    assert problem.found == "no value in any row"


def test_generated_passages_state_every_gold_answer():
    columns = {"inc_state": STATE, "inc_year": YEAR, "employee_count": COUNT, "hq_state": "headquarters_state_truth"}
    kinds = {"inc_state": "us_state", "inc_year": "year", "employee_count": "integer", "hq_state": "us_state"}
    questions = {key: Question(column, kinds[key]) for key, column in columns.items()}
    loaded = load_filings(FilingsFiles(COMPANIES, None, None), settings(questions, seed=42))
    for question, column in columns.items():
        matcher = MATCHERS[kinds[question]]
        samples = build_samples(loaded, column, kinds[question])
        assert samples
        for sample in samples:
            stated = sample.passage[slice(*sample.answer_span)]
            assert matcher.gold_values(stated) == matcher.gold_values(sample.gold)


def test_generated_passages_depend_on_the_seed_only():
    generated = FilingsFiles(COMPANIES, None, None)
    once, again, other = (load_filings(generated, settings({}, seed)) for seed in (1, 1, 2))
    assert once == again
    assert [f.passage for f in once] != [f.passage for f in other]


def test_facts_that_no_passage_can_state_are_refused_all_at_once(tmp_path):
    file = ground_truth(tmp_path, [ROWS[0], "2_1993.txt,2,1993,Ohio,1954.5,7", "4_1993.txt,4,1993,Ohio,1929,many"])
    with pytest.raises(StudyError) as refusal:
        load_filings(FilingsFiles(file, None, None), settings())
    assert [problem.field for problem in refusal.value.problems] == ["2_1993.txt", "4_1993.txt"]
    assert "employee_count_truth is 'many', expected digits" in str(refusal.value)


def test_a_sample_comes_back_from_json_as_it_was():
    for span in ((3, 7), None):
        sample = Sample("1_1993.txt", "1", "In 1929.", "1929", span)
        assert Sample.from_json(json.loads(json.dumps(sample.to_json()))) == sample


def test_the_shipped_companies_split_leaves_both_sides_answers():
    with COMPANIES.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    companies = split_companies(rows, 42, 0.2)
    assert len(companies["test"]) >= 10
    assert len(companies["train"]) >= 30


def test_a_filing_without_text_is_refused_or_left_out_by_name(tmp_path):
    texts = {**TEXTS, "1_1993.txt": " \n"}
    del texts["3_1993.txt"]
    with pytest.raises(StudyError) as refusal:
        filings(tmp_path, texts=texts)
    assert "an empty section_1 of '1_1993.txt'" in str(refusal.value) and "no '3_1993.txt'" in str(refusal.value)
    loaded = filings(tmp_path, texts=texts, absent="leave_out")
    assert [s.filename for s in build_samples(loaded, YEAR, "year")] == ["2_1993.txt"]
    assert left_out(loaded, YEAR) == ["1_1993.txt"]  # the third's year is not known anyway
    assert left_out(loaded, COUNT) == ["1_1993.txt", "3_1993.txt"]
    assert left_out(filings(tmp_path), COUNT) == []  # negative control


def test_leaving_a_filing_out_moves_no_other_to_another_split(tmp_path):
    how = settings(seed=42, absent="leave_out", split="published")
    rows = [f"{n}_1993.txt,{n},1993,Ohio,1929,5" for n in range(20)]
    texts = {f"{n}_1993.txt": "Since 1929." for n in range(20)}
    truth = ground_truth(tmp_path, rows)
    loaded, whole = load_split_filings(FilingsFiles(truth, filings_file(tmp_path, texts), None), how)
    del texts["4_1993.txt"]
    fewer, split = load_split_filings(FilingsFiles(truth, filings_file(tmp_path, texts), None), how)
    assert split == whole
    sizes = [len(build_samples(some, YEAR, "year")) for some in (loaded, fewer)]
    assert sizes == [20, 19]


def test_what_stands_for_an_unknown_fact_can_be_told(tmp_path):
    file = ground_truth(tmp_path, ["1_1993.txt,1,1993,NLL,1929,5", "2_1993.txt,2,1993,Ohio,NULL,5"])
    told = read_ground_truth(file, [STATE], null_values=["NULL", "NLL"])
    assert [row[STATE] for row in told] == ["", "Ohio"]
    assert ground_truth_problems(file, told, STATE, "us_state") == []
    untold = read_ground_truth(file, [STATE])  # negative control: a state that is not a state
    (problem,) = ground_truth_problems(file, untold, STATE, "us_state")
    assert "'NLL'" in problem.found


@needs_published_study
def test_the_published_ground_truth_is_accepted_with_its_slip_told():
    columns = {STATE: "us_state", YEAR: "year", COUNT: "integer", "headquarters_state_truth": "us_state"}
    rows = read_ground_truth(FOLDER / "ground_truth.csv", columns, null_values=["NULL", "NLL"])
    assert [p for column, kind in columns.items() for p in ground_truth_problems("t", rows, column, kind)] == []
    assert [row["filename"] for row in rows if row[COUNT] == "0"]  # real counts, scored as numbers
