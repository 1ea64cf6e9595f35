"""Properties of the generated "Section 1" passages."""

import csv
import random
import re
import subprocess
import sys
from functools import cache
from string import Formatter

import pytest
import yaml
from project import PROJECT

from head_ablation.prompts.passages import COLUMN_OF_FIELD, Passage, write_passage

TOKENIZER_FILE = PROJECT / "results" / "models" / "smollm2" / "tokenizer.json"
PHRASES = yaml.safe_load((PROJECT / "head_ablation" / "prompts" / "passages.yaml").read_text(encoding="utf-8"))
with (PROJECT / "resources" / "companies.csv").open(encoding="utf-8", newline="") as table:
    COMPANIES = list(csv.DictReader(table))
COLUMNS = sorted(set(COLUMN_OF_FIELD.values()))
STATE_COLUMNS = ("original_Inc_state_truth", "headquarters_state_truth")
STATES = {state for state, _ in PHRASES["places"]} | {row[column] for row in COMPANIES for column in STATE_COLUMNS}
SEEDS = range(5)
DISTRACTOR_FIELDS = ("sub", "other_city", "other_state", "other_year")
MIN_TOKENS, MAX_TOKENS = 150, 300
# SmolLM2 makes 1.05 to 1.17 tokens of each piece: a word, a digit or a punctuation mark.
PIECE = re.compile(r"\d|[^\W\d]+|[^\w\s]")
MIN_PIECES, MAX_PIECES = 145, 254

ACME = {
    "filename": "7_1993.txt",
    "cik": "7",
    "year": "1993",
    "registrant_name_truth": "Acme Anvil Corporation",
    "original_Inc_state_truth": "Ohio",
    "original_Inc_year_truth": "1926",
    "employee_count_truth": "12500",
    "headquarters_city_truth": "Akron",
    "headquarters_state_truth": "Oregon",
}


@cache
def all_passages() -> list[tuple[dict[str, str], Passage]]:
    return [(row, write_passage(row, seed)) for row in COMPANIES for seed in SEEDS]


def outside_spans(passage: Passage) -> str:
    """The text with every stated fact blanked out."""
    text = passage.text
    for start, end in passage.answer_spans.values():
        text = text[:start] + "#" * (end - start) + text[end:]
    return text


def numbers_in(text: str) -> list[int]:
    return [int(found.replace(",", "")) for found in re.findall(r"\d[\d,]*\d|\d", text)]


def states_in(text: str) -> set[str]:
    return {state for state in STATES if re.search(rf"\b{state}\b", text)}


def truths_told_elsewhere(row: dict[str, str], passage: Passage) -> list[str]:
    """Columns whose true value also stands outside the sentence that states it."""
    rest = outside_spans(passage)
    tokens = {str(number) for number in numbers_in(rest)} | states_in(rest)
    city = row["headquarters_city_truth"]
    tokens |= {city} if re.search(rf"\b{re.escape(city)}\b", rest) else set()
    return [column for column in COLUMNS if row[column] in tokens]


def columns_of(template: str) -> set[str]:
    fields = [field for _, field, _, _ in Formatter().parse(template)]
    return {COLUMN_OF_FIELD[field] for field in fields if field in COLUMN_OF_FIELD}


def test_same_seed_gives_the_same_passage() -> None:
    assert write_passage(ACME, 3) == write_passage(dict(ACME), 3)


def test_same_seed_gives_the_same_passage_in_another_process() -> None:
    code = f"from head_ablation.prompts.passages import *; print(write_passage({ACME!r}, 3).text)"
    for hash_seed in ("1", "2"):
        printed = subprocess.run(
            [sys.executable, "-c", code],
            cwd=PROJECT,
            env={"PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(PROJECT)},
            capture_output=True,
            text=True,
            check=True,
        )
        assert printed.stdout == write_passage(ACME, 3).text + "\n"


def test_another_seed_gives_another_passage() -> None:
    assert len({passage.text for _, passage in all_passages()}) == len(COMPANIES) * len(SEEDS)


def test_row_order_does_not_matter() -> None:
    shuffled = random.Random(0).sample(COMPANIES, len(COMPANIES))
    texts = {row["filename"]: write_passage(row, 0).text for row in shuffled}
    assert [texts[row["filename"]] for row in COMPANIES] == [write_passage(row, 0).text for row in COMPANIES]


def test_spans_hold_the_value_of_every_known_fact() -> None:
    for row, passage in all_passages():
        stated = {column: passage.text[a:b] for column, (a, b) in passage.answer_spans.items()}
        stated["employee_count_truth"] = stated.get("employee_count_truth", "NULL").replace(",", "")
        assert {column: stated.get(column, "NULL") for column in COLUMNS} == {column: row[column] for column in COLUMNS}


def test_employee_counts_are_written_with_and_without_separators() -> None:
    written = set()
    for seed in range(30):
        passage = write_passage(ACME, seed)
        start, end = passage.answer_spans["employee_count_truth"]
        written.add(passage.text[start:end])
    assert written == {"12,500", "12500"}


def test_no_truth_stands_anywhere_but_in_its_span() -> None:
    for row, passage in all_passages():
        assert truths_told_elsewhere(row, passage) == [], (row["filename"], passage.text)


@pytest.mark.parametrize("column", [c for c in COLUMNS if c != "registrant_name_truth"])
def test_leak_checker_finds_a_subsidiary_that_shares_a_truth(column: str) -> None:
    passage = write_passage(ACME, 0)
    leaking = Passage(f"{passage.text} A subsidiary has {ACME[column]}.", passage.answer_spans)
    assert column in truths_told_elsewhere(ACME, leaking)


def test_every_passage_has_a_subsidiary_of_another_state_and_year() -> None:
    for row, passage in all_passages():
        rest = outside_spans(passage)
        years = [number for number in numbers_in(rest) if 1900 <= number <= 1993]
        assert len(states_in(rest)) == 1, passage.text
        assert len(years) == 2, passage.text
        assert int(row["year"]) in years, passage.text


def test_every_passage_has_a_numeric_distractor_beside_the_years() -> None:
    for _, passage in all_passages():
        rest = outside_spans(passage).replace("December 31,", "")
        assert len(numbers_in(rest)) >= 3, passage.text


def test_filing_year_is_left_out_when_it_is_the_year_of_incorporation() -> None:
    row = {**ACME, "original_Inc_year_truth": "1993"}
    for seed in range(20):
        passage = write_passage(row, seed)
        assert passage.text.count("1993") == 1
        assert "original_Inc_year_truth" not in truths_told_elsewhere(row, passage)


@pytest.mark.parametrize("column", COLUMNS)
def test_unknown_fact_has_no_span_and_the_others_keep_theirs(column: str) -> None:
    for unknown in ("NULL", ""):
        for seed in range(10):
            passage = write_passage({**ACME, column: unknown}, seed)
            assert set(passage.answer_spans) == set(COLUMNS) - {column}
            assert "NULL" not in passage.text


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        (("employee_count_truth",), r"employ|work force"),
        (
            ("headquarters_city_truth", "headquarters_state_truth"),
            r"headquarters|(executive|general) offices|Company[^.]*headquartered",
        ),
        (
            ("original_Inc_state_truth", "original_Inc_year_truth"),
            r"(Company|registrant)[^.]*(incorporated|organized|formed|dates|existed|# corporation)",
        ),
    ],
)
def test_unknown_fact_has_no_sentence(columns: tuple[str, ...], sentence: str) -> None:
    for seed in range(30):
        known = write_passage(ACME, seed)
        unknown = write_passage({**ACME, **dict.fromkeys(columns, "NULL")}, seed)
        assert not re.search(sentence, unknown.text), unknown.text
        assert all(column in known.answer_spans for column in columns)


def test_unknown_name_is_the_registrant() -> None:
    assert "The Registrant" in write_passage({**ACME, "registrant_name_truth": "NULL"}, 0).text


def test_bad_facts_are_all_reported_at_once() -> None:
    bad = {**ACME, "original_Inc_year_truth": "1926?", "employee_count_truth": "12,500"}
    with pytest.raises(ValueError, match=r"7_1993\.txt.*'1926\?'.*'12,500'"):
        write_passage(bad, 0)


def test_missing_filename_is_reported() -> None:
    with pytest.raises(ValueError, match="filename is missing"):
        write_passage({**ACME, "filename": ""}, 0)


def test_span_outside_the_text_is_refused() -> None:
    with pytest.raises(ValueError, match="original_Inc_year_truth"):
        Passage("1926", {"original_Inc_year_truth": (0, 5)})


@pytest.mark.parametrize("column", [c for c in COLUMNS if c != "registrant_name_truth"])
def test_each_fact_has_six_phrasings_some_of_them_alone(column: str) -> None:
    stated = [columns_of(t) for t in PHRASES["fact_sentences"] if column in columns_of(t)]
    assert len(stated) >= 6
    assert {column} in stated
    assert max(len(columns) for columns in stated) > 1


def test_fact_sentences_speak_of_the_company_and_distractors_of_the_subsidiary() -> None:
    for template in PHRASES["openings"] + PHRASES["fact_sentences"]:
        assert re.search(r"[Tt]he \"?(Company|registrant)|\"Company\"", template), template
        assert "{sub}" not in template, template
        assert "{other" not in template, template
    for template in PHRASES["subsidiary_sentences"]:
        assert all(f"{{{field}}}" in template for field in DISTRACTOR_FIELDS), template
        assert not columns_of(template), template


def test_passages_have_the_promised_length_in_words_and_digits() -> None:
    for row, passage in all_passages():
        pieces = len(PIECE.findall(passage.text))
        assert MIN_PIECES <= pieces <= MAX_PIECES, (row["filename"], pieces)


def test_passages_have_the_promised_length_in_tokens() -> None:
    if not TOKENIZER_FILE.exists():
        pytest.skip(f"{TOKENIZER_FILE.relative_to(PROJECT)} is absent: fetch the model to count tokens")
    tokenizers = pytest.importorskip("tokenizers")
    tokenizer = tokenizers.Tokenizer.from_file(str(TOKENIZER_FILE))
    for row, passage in all_passages():
        tokens = len(tokenizer.encode(passage.text).ids)
        assert MIN_TOKENS <= tokens <= MAX_TOKENS, (row["filename"], tokens)
