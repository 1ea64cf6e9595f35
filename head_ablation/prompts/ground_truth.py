"""The ground truth: a row per filing, its company, and what is known about it, from a CSV or a JSONL."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from head_ablation.common.problems import Problem, did_you_mean, refuse
from head_ablation.prompts.fact_table import A_FACT, FactTable, Line, read_table
from head_ablation.prompts.matchers import MATCHERS

NULL_VALUES = ("NULL",)
NO_COMPANY = ("", "nan", "none", "null", "na", "n/a", "<na>", "unknown", "-", "?")
"""What stands for a company whose number is not known, in small letters: no two of them are one company."""


@dataclass(frozen=True)
class Fields:
    """What the files of filings call what every study needs.

    Attributes:
        filename: the name of a filing, once in the ground truth.
        company: the unit of sampling; that of `filename`, where every filing stands for itself.
        text: the passage, in the file of texts.
    """

    filename: str = "filename"
    company: str = "cik"
    text: str = "section_1"


OF_FILINGS = Fields()


def read_ground_truth(
    path: str | Path,
    columns: Iterable[str],
    null_values: Sequence[str] = NULL_VALUES,
    names: Fields = OF_FILINGS,
) -> list[dict[str, str]]:
    """The rows of a ground truth, values stripped, unknown ones empty; with the name as `filename` and the company,
    as `company_of` writes it, as `cik`.

    Args:
        path: the CSV or JSONL; must have the names of filing and company, and `columns`.
        columns: the answer columns that the questions need.
        null_values: what stands for a fact that is not known.
        names: what the file calls filing and company.

    Raises:
        StudyError: the file or a column is missing, a row has no filename or company, more fields than the header, or
            something else than a fact, or a filename repeats; all rows at once.
    """
    table = read_table(path)
    needed = dict.fromkeys([names.filename, names.company, *columns])
    refuse(_header_problems(path, table, needed, names))
    rows = [_row(table.header, line, null_values) for line in table.lines]
    problems = [
        p
        for line, row in zip(table.lines, rows, strict=True)
        for p in _row_problems(path, table, line, row, needed, names)
    ]
    refuse([*problems, *_repeated(path, table.lines, rows, names)])
    return [row | {"filename": row[names.filename], "cik": company_of(row[names.company])} for row in rows]


def _row(header: Sequence[str], line: Line, null_values: Sequence[str]) -> dict[str, str]:
    values = dict.fromkeys(header, "") | dict(zip(header, line.values, strict=False))
    return {key: _known(value, null_values) for key, value in values.items() if key}


def company_of(cik: str) -> str:
    """A company's number without what does not tell it from others: 0000320193 and 320193.0 are 320193."""
    number = re.fullmatch(r"(?:CIK)?0*(\d+)(?:\.0+)?", cik, re.IGNORECASE)
    return number[1] if number else cik


def _header_problems(path: str | Path, table: FactTable, needed: Iterable[str], names: Fields) -> Iterator[Problem]:
    for column in needed:
        if column not in table.header:
            fix = " ".join(filter(None, [did_you_mean(column, table.header), _other_name(column, names)]))
            yield Problem(path, column, f"no such {table.unit}", f"this {table.unit}", fix)
    for column, count in Counter(table.header).items():
        if column and count > 1:  # of any name: generated passages take other columns than the questions'
            found = [str(place) for place, name in enumerate(table.header, start=1) if name == column]
            yield Problem(path, column, f"{count} columns of this name, at {', '.join(found)}", "one")


def _other_name(column: str, names: Fields) -> str:
    if column == names.filename:
        return "The config's filings.fields.filename says which one names the filing."
    if column == names.company:
        return "The config's filings.fields.company says which one is the unit of sampling (if each text is, its name)."
    return ""


def _row_problems(
    path: str | Path, table: FactTable, line: Line, row: dict[str, str], needed: Iterable[str], names: Fields
) -> Iterator[Problem]:
    place, columns = f"line {line.number}", len(table.header)
    wrong = [column for column in needed if column in line.problems]
    if any(field.strip() for field in line.values[columns:]):
        fix = "A value with a comma stands in quotation marks."
        yield Problem(path, place, f"{len(line.values)} fields", f"{columns}, as in the header", fix)
    elif wrong:
        yield from (Problem(path, f"{place}, {column}", line.problems[column], A_FACT) for column in wrong)
    elif not row[names.filename]:
        yield Problem(path, f"{place}, {names.filename}", "nothing", "the filing's name")
    elif row[names.company].casefold() in NO_COMPANY:
        wanted = "the company's number: answers about one company are not independent"
        field = f"{row[names.filename]}, {names.company}"
        yield Problem(path, field, row[names.company] or "nothing", wanted)


def _repeated(
    path: str | Path, lines: Sequence[Line], rows: Iterable[dict[str, str]], names: Fields
) -> Iterator[Problem]:
    first: dict[str, int] = {}
    for line, row in zip(lines, rows, strict=True):
        name = row[names.filename]
        if name in first:
            found = f"'{name}' more than once, first in line {first[name]}"
            yield Problem(path, f"line {line.number}, {names.filename}", found, "each filing once")
        elif name:
            first[name] = line.number


def _known(value: str, null_values: Sequence[str]) -> str:
    stripped = value.strip()
    return "" if stripped in null_values else stripped


def ground_truth_problems(path: str | Path, rows: list[dict[str, str]], column: str, matcher: str) -> list[Problem]:
    """Every value of `column` that is not of the matcher's kind, and a column without any value."""
    answered = [row for row in rows if row[column]]
    if not answered:
        return [Problem(path, column, "no value in any row", "an answer in some rows")]
    problems = []
    for row in answered:
        try:
            MATCHERS[matcher].gold_values(row[column])
        except ValueError as error:
            found, _, expected = str(error).removeprefix("found ").rpartition("; expected ")
            problems.append(Problem(path, f"{row['filename']}, {column}", found, expected))
    return problems
