"""Rules that the texts and tables in resources/ keep."""

import csv
import re
from collections import Counter
from collections.abc import Iterator
from string import Formatter
from typing import Any

import pytest
import yaml
from project import PROJECT

RESOURCES = PROJECT / "resources"
FILLER = (RESOURCES / "filler.txt").read_text(encoding="utf-8")
PHRASES = yaml.safe_load((PROJECT / "head_ablation" / "prompts" / "passages.yaml").read_text(encoding="utf-8"))
with (RESOURCES / "companies.csv").open(encoding="utf-8", newline="") as table:
    COMPANIES = list(csv.DictReader(table))

COLUMNS = [
    "filename",
    "cik",
    "year",
    "registrant_name_truth",
    "original_Inc_state_truth",
    "original_Inc_year_truth",
    "employee_count_truth",
    "headquarters_city_truth",
    "headquarters_state_truth",
]
STATES = re.findall(
    r"[^,]+",
    "Alabama,Alaska,Arizona,Arkansas,California,Colorado,Connecticut,Delaware,Florida,Georgia,"
    "Hawaii,Idaho,Illinois,Indiana,Iowa,Kansas,Kentucky,Louisiana,Maine,Maryland,Massachusetts,"
    "Michigan,Minnesota,Mississippi,Missouri,Montana,Nebraska,Nevada,New Hampshire,New Jersey,"
    "New Mexico,New York,North Carolina,North Dakota,Ohio,Oklahoma,Oregon,Pennsylvania,"
    "Rhode Island,South Carolina,South Dakota,Tennessee,Texas,Utah,Vermont,Virginia,Washington,"
    "West Virginia,Wisconsin,Wyoming",
)
NUMBER_WORDS = (
    "zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|"
    "fifteen|sixteen|seventeen|eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|"
    "ninety|hundreds?|thousands?|millions?|billions?|dozens?|score|first|second|seconds|third|"
    "thirds|fourth|fifth|sixth|seventh|eighth|ninth|tenth|once|twice|thrice|half|halves|"
    "quarters?|pairs?|single|singly|couple|double|triple|decades?|century|centuries"
)
FILING_WORDS = (
    r"compan(?:y|ies)|business(?:es)?|corporat\w*|incorporat\w*|registrant|subsidiar\w*|"
    r"employ\w*|headquarter\w*|workforce|staff|customers?|industry|industries|shareholders?"
)
FORBIDDEN_IN_FILLER = {
    "state name": "|".join(rf"\b{state}\b" for state in STATES),
    "digit": r"\d+",
    "number word": rf"\b(?:{NUMBER_WORDS})\b",
    "filing word": rf"\b(?:{FILING_WORDS})\b",
    "character outside ASCII": r"[^\x00-\x7f]",
}


def filler_faults(text: str) -> list[str]:
    """Every forbidden thing in a filler text, as "kind: what was found"."""
    return [
        f"{kind}: {found}"
        for kind, pattern in FORBIDDEN_IN_FILLER.items()
        for found in re.findall(pattern, text, flags=re.IGNORECASE)
    ]


def known(column: str) -> list[str]:
    return [row[column] for row in COMPANIES if row[column] != "NULL"]


def strings_in(node: Any) -> Iterator[str]:
    """All strings of a phrase table, at any depth."""
    if isinstance(node, str):
        yield node
    elif isinstance(node, (list, dict)):
        for child in node.values() if isinstance(node, dict) else node:
            yield from strings_in(child)


def phrase_literals() -> list[str]:
    """What passages.yaml itself puts into a passage: its text outside the braces."""
    tables = {key: value for key, value in PHRASES.items() if key not in ("places", "hardness")}
    industries = [{**industry, "keywords": []} for industry in PHRASES["industries"]]
    texts = strings_in({**tables, "industries": industries})
    return [literal for text in texts for literal, *_ in Formatter().parse(text)]


def test_filler_holds_nothing_that_could_answer_a_question() -> None:
    assert filler_faults(FILLER) == []


@pytest.mark.parametrize(
    ("planted", "fault"),
    [
        ("It rained in Ohio.", "state name: Ohio"),
        ("It rained in 1929.", "digit: 1929"),
        ("It rained Twice.", "number word: Twice"),
        ("It had twelve employees.", "filing word: employees"),
        ("It rained in a caf\u00e9.", "character outside ASCII: \u00e9"),
    ],
)
def test_filler_checker_finds_a_planted_fault(planted: str, fault: str) -> None:
    assert fault in filler_faults(f"{FILLER}\n{planted}\n")


def test_filler_is_long_enough_and_not_padded() -> None:
    assert 3000 <= len(FILLER.split()) <= 3600


def test_filler_repeats_no_paragraph_and_no_sentence() -> None:
    paragraphs = FILLER.strip().split("\n\n")
    sentences = re.findall(r"[^.?!]+[.?!]", FILLER)
    assert len(paragraphs) >= 20
    assert [text for text, times in Counter(paragraphs + sentences).items() if times > 1] == []


def test_company_table_has_the_ground_truth_columns_and_enough_rows() -> None:
    assert list(COMPANIES[0]) == COLUMNS
    assert len(COMPANIES) >= 80


def test_company_table_names_each_filing_and_each_company_only_once() -> None:
    for column in ("filename", "cik", "registrant_name_truth"):
        assert len({row[column] for row in COMPANIES}) == len(COMPANIES), column


def test_company_table_files_are_named_after_filer_and_year() -> None:
    for row in COMPANIES:
        assert row["filename"] == f"{row['cik']}_{row['year']}.txt"


def test_company_table_cells_are_stripped_and_filled() -> None:
    cells = [cell for row in COMPANIES for cell in row.values()]
    assert [cell for cell in cells if cell != cell.strip() or cell in ("", "NLL")] == []


def test_company_table_knows_name_state_and_year_of_every_company() -> None:
    for column in COLUMNS[3:6]:
        assert len(known(column)) == len(COMPANIES), column


@pytest.mark.parametrize("column", ["original_Inc_state_truth", "headquarters_state_truth"])
def test_company_states_are_states(column: str) -> None:
    assert set(known(column)) <= set(STATES)


def test_company_years_are_years_up_to_the_filing() -> None:
    assert all(1800 <= int(year) <= 1993 for year in known("original_Inc_year_truth"))


def test_company_employee_counts_are_plain_positive_integers() -> None:
    counts = known("employee_count_truth")
    assert [count for count in counts if not (count.isdecimal() and int(count) > 1)] == []


def test_company_names_do_not_give_a_place_away() -> None:
    for row in COMPANIES:
        for column in ("original_Inc_state_truth", *COLUMNS[7:]):
            assert row[column] not in row["registrant_name_truth"]


def test_phrases_spell_out_no_state_and_no_number_except_the_fiscal_year_end() -> None:
    text = "\n".join(phrase_literals()).replace("December 31,", "")
    for kind in ("state name", "digit"):
        assert re.findall(FORBIDDEN_IN_FILLER[kind], text) == []


def test_subsidiaries_are_placed_in_states() -> None:
    assert {state for state, _ in PHRASES["places"]} <= set(STATES)
