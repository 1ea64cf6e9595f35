"""Evidence is held against texts and golds: what contradicts them is refused, what it allows is used."""

import json

import pytest
from project import PROJECT

from head_ablation.common.problems import StudyError
from head_ablation.prompts.evidence import Evidence, Question, read_evidence
from head_ablation.prompts.filings import FilingsFiles, FilingsSettings, load_filings
from head_ablation.prompts.samples import build_samples

FILINGS = PROJECT.parent / "shared" / "data" / "filings"
QUESTIONS = {"inc_state": Question("state", "us_state"), "inc_year": Question("year", "year")}
TEXT = "ITEM 1. BUSINESS\nAcme was founded in Ohio in 1929, and reincorporated in Texas in 1954."
STATE, YEAR, OTHER_YEAR = [37, 41], [45, 49], [82, 86]
FACTS = {"1.txt": {"state": "Ohio", "year": "1929.0"}, "2.txt": {"state": "Utah", "year": ""}}
TEXTS = {"1.txt": TEXT, "2.txt": "A Utah company.", "elsewhere.txt": "Of no ground truth."}


def evidence(folder, *rows):
    file = folder / "evidence.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return file


def read(folder, *rows):
    return read_evidence(evidence(folder, *rows), FACTS, TEXTS, QUESTIONS)


def about(question, content, filename="1.txt"):
    return {"filename": filename, "answers": {question: content}}


def test_the_spans_are_those_of_the_text():
    assert [TEXT[slice(*span)] for span in (STATE, YEAR, OTHER_YEAR)] == ["Ohio", "1929", "1954"]


def test_what_evidence_says_is_kept_by_column(tmp_path):
    full = {"value": 1929, "evidence": YEAR, "ambiguous": True, "alternatives": [1954], "other_evidence": [OTHER_YEAR]}
    found = read(tmp_path, {"filename": "1.txt", "answers": {"inc_state": None, "inc_year": full, "unasked": 3}})
    assert found == {"1.txt": {"year": Evidence((45, 49), ("1954",), True)}}
    assert read(tmp_path, about("inc_year", {"alternatives": ["1954"]})) == {
        "1.txt": {"year": Evidence(None, ("1954",))}
    }
    assert read(tmp_path, about("inc_year", {"evidence": [0, 4]}, "elsewhere.txt"))["elsewhere.txt"]


@pytest.mark.parametrize(
    ("row", "field", "found", "expected"),
    [
        (about("inc_year", {"evidence": [45, 4900]}), "inc_year, evidence", "[45, 4900]", f"{len(TEXT)} characters"),
        (about("inc_year", {"evidence": [49, 45]}), "inc_year, evidence", "[49, 45]", "a span within"),
        (about("inc_year", {"evidence": [-4, 49]}), "inc_year, evidence", "[-4, 49]", "a span within"),
        (about("inc_year", {"evidence": [45]}), "inc_year, evidence", "'[45]'", "two whole numbers"),
        (about("inc_year", {"evidence": "45-49"}), "inc_year, evidence", "'45-49'", "two whole numbers"),
        (about("inc_year", {"evidence": [0, 16]}), "inc_year, evidence", "'ITEM 1. BUSINESS'", "state '1929.0'"),
        (about("inc_year", {"evidence": OTHER_YEAR}), "inc_year, evidence", "'1954'", "state '1929.0'"),
        (about("inc_year", {"other_evidence": [YEAR, STATE]}), "inc_year, other_evidence[1]", "'Ohio'", "'1929.0'"),
        (about("inc_year", {"value": 1954}), "inc_year, value", "'1954'", "'1929.0', as in the ground truth"),
        (about("inc_state", {"value": "Texas"}), "inc_state, value", "'Texas'", "'Ohio', as in the ground truth"),
        (about("inc_state", {"value": "Bavaria"}), "inc_state, value", "'Bavaria'", "a US state"),
        (about("inc_state", {"value": ["Ohio"]}), "inc_state, value", "['Ohio']", "one text or number"),
        (about("inc_year", {"alternatives": [1954, "old"]}), "inc_year, alternatives[1]", "'old'", "a year"),
        (about("inc_year", {"alternatives": 1954}), "inc_year, alternatives", "'1954'", "a list"),
        (about("inc_year", {"ambiguous": "yes"}), "inc_year, ambiguous", "'yes'", "true or false"),
        (about("inc_year", {"alternativs": [1954]}), "inc_year, alternativs", "an unknown field", "'alternatives'"),
        (about("inc_year", 1929), "inc_year", "'1929'", "null, or fields such as value"),
        (about("inc_year", None, "3.txt"), "line 1, filename", "'3.txt'", "a filing of the ground truth"),
        ({"filename": "1.txt"}, "line 1", "the keys filename", "answers by question"),
    ],
)
def test_evidence_that_cannot_be_right_is_refused_by_line_filing_and_field(tmp_path, row, field, found, expected):
    with pytest.raises(StudyError) as refusal:
        read(tmp_path, row)
    (problem,) = refusal.value.problems
    assert problem.field.startswith("line 1") and problem.field.endswith(field)
    assert found in str(problem.found) and expected in problem.expected


def test_all_problems_of_the_file_are_told_at_once(tmp_path):
    rows = [
        {"filename": "1.txt", "answers": {"inc_state": {"value": "Texas"}, "inc_year": {"evidence": [0, 999]}}},
        about("inc_state", None, "unknown.txt"),
        about("inc_state", {"evidence": [0, 1]}, "2.txt"),
        about("inc_state", None),
    ]
    with pytest.raises(StudyError) as refusal:
        read(tmp_path, *rows)
    assert [problem.field for problem in refusal.value.problems] == [
        "line 1, 1.txt, inc_state, value",
        "line 1, 1.txt, inc_year, evidence",
        "line 2, filename",
        "line 3, 2.txt, inc_state, evidence",
        "line 4, filename",  # a second line about one filing
    ]


@pytest.mark.skipif(not FILINGS.is_dir(), reason="the real filings are not beside this checkout")
def test_the_evidence_of_real_filings_is_accepted_and_used():
    columns = {
        "inc_state": ("original_Inc_state_truth", "us_state"),
        "inc_year": ("original_Inc_year_truth", "year"),
        "employee_count": ("employee_count_truth", "integer"),
        "hq_state": ("headquarters_state_truth", "us_state"),
    }
    files = FilingsFiles(*(str(FILINGS / name) for name in ("ground_truth.csv", "filings.jsonl", "evidence.jsonl")))
    questions = {key: Question(*asked) for key, asked in columns.items()}
    filings = load_filings(files, FilingsSettings(("NULL",), "refuse", 0, "hash", 0.2, questions))
    samples = {key: build_samples(filings, *asked) for key, asked in columns.items()}
    assert all(sample.answer_span for found in samples.values() for sample in found)
    assert {key: sum(sample.ambiguous for sample in found) for key, found in samples.items()} == {
        "inc_state": 2,
        "inc_year": 3,
        "employee_count": 1,
        "hq_state": 0,
    }
    assert {sample.alternatives for sample in samples["inc_state"]} == {(), ("New Jersey",)}
