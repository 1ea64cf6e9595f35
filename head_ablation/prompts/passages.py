"""Writes a short "Section 1" of a 10-K filing from a company's facts, with distractors.

The phrases and the hardness settings are data: passages.yaml beside this module. A passage depends only on
the seed and the filing's file name, never on the order of the table.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from string import Formatter
from typing import Any

import yaml

PHRASES_FILE = files(__package__) / "passages.yaml"
UNKNOWN_VALUES = ("", "NULL")
UNKNOWN_NAME = "The Registrant"
COLUMN_OF_FIELD = {
    "name": "registrant_name_truth",
    "state": "original_Inc_state_truth",
    "year": "original_Inc_year_truth",
    "employees": "employee_count_truth",
    "employees_plain": "employee_count_truth",
    "city": "headquarters_city_truth",
    "hq_state": "headquarters_state_truth",
}
INTEGER_COLUMNS = ("original_Inc_year_truth", "employee_count_truth")
INDUSTRY_TOPICS = ("business", "products", "competition", "regulation")


@dataclass(frozen=True)
class Passage:
    """A generated Section 1: its text, and where each fact stands in it."""

    text: str
    answer_spans: dict[str, tuple[int, int]]  # column -> characters [start, end) of the value

    def __post_init__(self) -> None:
        for column, (start, end) in self.answer_spans.items():
            if not 0 <= start < end <= len(self.text):
                found = f"[{start}, {end}) in a text of {len(self.text)} characters"
                raise ValueError(f"span of {column} is {found}, expected to lie inside it")


def write_passage(facts: Mapping[str, str], seed: int) -> Passage:
    """Writes one passage that states every known fact of a company exactly once.

    Args:
        facts: A row of resources/companies.csv; "NULL" or empty = unknown, left out.
        seed: Varies phrasing, order and distractors.

    Returns:
        The passage with the span of each known fact; the name is among them.

    Raises:
        ValueError: When the row lacks its filename, or a year or a count is not a whole number.
    """
    known, phrases = _known_facts(facts), _phrases()
    rng = random.Random(f"{seed}:{facts['filename']}")
    fields = _fact_fields(known) | _distractor_fields(rng, known, facts.get("year", ""), phrases)
    opening, *sentences = _fact_sentences(rng, set(known), phrases)
    sentences += _distractor_sentences(rng, fields, phrases)
    industry = _industry(rng, known.get("registrant_name_truth", ""), phrases)
    sentences += [rng.choice(industry[topic]) for topic in INDUSTRY_TOPICS]
    sentences += _padding(rng, [opening, *sentences], industry, phrases["hardness"])
    rng.shuffle(sentences)
    return _render([opening, *sentences], fields)


@cache
def _phrases() -> dict[str, Any]:
    phrases: dict[str, Any] = yaml.safe_load(PHRASES_FILE.read_text(encoding="utf-8"))
    return phrases


def _known_facts(facts: Mapping[str, str]) -> dict[str, str]:
    """Column -> value of the known facts, checked; all problems of the row are reported at once."""
    stripped = {c: facts.get(c, "").strip() for c in dict.fromkeys(COLUMN_OF_FIELD.values())}
    known = {column: value for column, value in stripped.items() if value not in UNKNOWN_VALUES}
    problems = [
        f"{column} is {known[column]!r}, expected digits"
        for column in INTEGER_COLUMNS
        if column in known and not known[column].isdecimal()
    ]
    if not facts.get("filename", "").strip():
        problems.append("filename is missing")
    if problems:
        raise ValueError(f"facts of {facts.get('filename') or 'a company'}: {'; '.join(problems)}")
    return known


def _fact_fields(known: Mapping[str, str]) -> dict[str, str]:
    """Template field -> text for the known facts."""
    fields = {f: known[column] for f, column in COLUMN_OF_FIELD.items() if column in known}
    if "employees" in fields:
        fields["employees"] = f"{int(fields['employees']):,}"
    return fields


def _distractor_fields(
    rng: random.Random, known: Mapping[str, str], filing_year: str, phrases: Mapping[str, Any]
) -> dict[str, str]:
    """Template field -> text for values that belong to something other than the company."""
    told, names = " ".join(known.values()), phrases["subsidiary_names"]
    sub = f"{rng.choice(names['stems'])} {rng.choice(names['endings'])}"
    places = [p for p in phrases["places"] if not any(value in told for value in p)]
    state, city = rng.choice(places)
    fields = {"sub": sub, "other_state": state, "other_city": city}
    integers = [filing_year, *(known.get(column, "") for column in INTEGER_COLUMNS)]
    taken = {int(value) for value in integers if value.isdecimal()}
    for name in ("other_year", "sites", "customers", "square_feet"):
        number = _draw(rng, phrases["hardness"][f"{name}_range"], taken)
        fields[name] = str(number) if name == "other_year" else f"{number:,}"
    if filing_year.isdecimal() and filing_year != known.get("original_Inc_year_truth"):
        fields["filing_year"] = filing_year
    return fields


def _draw(rng: random.Random, bounds: Sequence[int], taken: set[int]) -> int:
    """A number within bounds (ends included) that is not taken; taken grows by it."""
    while (number := rng.randint(*bounds)) in taken:
        pass
    taken.add(number)
    return number


def _columns_of(template: str) -> set[str]:
    """The facts that a template states."""
    fields = (field for _, field, _, _ in Formatter().parse(template))
    return {COLUMN_OF_FIELD[field] for field in fields if field in COLUMN_OF_FIELD}


def _fact_sentences(rng: random.Random, known: set[str], phrases: Mapping[str, Any]) -> Iterator[str]:
    """An opening, then sentences that state each remaining known fact exactly once."""
    left = known | {COLUMN_OF_FIELD["name"]}  # every opening has a name, if only "The Registrant"
    candidates = phrases["openings"]
    while left:
        template = rng.choice([t for t in candidates if _columns_of(t) <= left])
        left -= _columns_of(template)
        candidates = phrases["fact_sentences"]
        yield template


def _distractor_sentences(rng: random.Random, fields: Mapping[str, str], phrases: Mapping[str, Any]) -> list[str]:
    kinds = ["subsidiary_sentences"]
    kinds += ["filing_year_sentences"] if "filing_year" in fields else []
    return [rng.choice(phrases[kind]) for kind in kinds]


def _industry(rng: random.Random, name: str, phrases: Mapping[str, Any]) -> dict[str, Any]:
    """The industry that the name gives away, else a generic one."""
    industries: list[dict[str, Any]] = phrases["industries"]
    inferred = [i for i in industries if any(keyword in name for keyword in i["keywords"])]
    return inferred[0] if inferred else rng.choice([i for i in industries if not i["keywords"]])


def _padding(
    rng: random.Random,
    sentences: list[str],
    industry: Mapping[str, Any],
    hardness: Mapping[str, Any],
) -> list[str]:
    """Numeric distractors, then unused sentences of the industry, up to the target length."""
    numbers = rng.sample(industry["numbers"], len(industry["numbers"]))
    unused = [s for topic in INDUSTRY_TOPICS for s in industry[topic] if s not in sentences]
    padding: list[str] = []
    for sentence in numbers + rng.sample(unused, len(unused)):
        words = len(" ".join(sentences + padding).split())
        if len(padding) >= hardness["always_numbers"] and words >= hardness["target_words"]:
            break
        padding.append(sentence)
    return padding


def _render(sentences: Sequence[str], fields: Mapping[str, str]) -> Passage:
    """Fills the fields in, breaks into three paragraphs, and notes where the facts land."""
    third = len(sentences) // 3
    fields = {"name": UNKNOWN_NAME} | dict(fields)
    text, spans = "", {}
    for index, sentence in enumerate(sentences):
        text += "" if index == 0 else "\n\n" if index in (third, 2 * third) else " "
        for literal, field, _, _ in Formatter().parse(sentence):
            text += literal
            value = fields[field] if field else ""
            if field in COLUMN_OF_FIELD and value != UNKNOWN_NAME:
                spans[COLUMN_OF_FIELD[field]] = (len(text), len(text) + len(value))
            text += value
    return Passage(text=text, answer_spans=spans)
