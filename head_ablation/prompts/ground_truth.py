"""The ground truth: a CSV with a row per filing, its company, and what is known about it."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from head_ablation.common.files import UTF_8
from head_ablation.common.problems import Problem, StudyError, did_you_mean, refuse
from head_ablation.prompts.matchers import MATCHERS

NULL_VALUES = ("NULL",)
IDENTITY = ("filename", "cik")
NO_COMPANY = ("", "nan", "none", "null", "na", "n/a", "<na>", "unknown", "-", "?")
"""What stands for a company whose number is not known, in small letters: no two of them are one company."""
FIELD_CHARACTERS = 2**31 - 1  # whole sections may stand beside the facts; the csv module stops at 131,072


@dataclass(frozen=True)
class _Line:
    """A row as it stands in the file: its line number (where it ends) and its fields."""

    number: int
    fields: list[str]


def read_ground_truth(
    path: str | Path, columns: Iterable[str], null_values: Sequence[str] = NULL_VALUES
) -> list[dict[str, str]]:
    """The rows of a ground-truth CSV, values stripped, unknown ones empty; `cik` as `company_of` writes it.

    Args:
        path: the CSV; must have `filename`, `cik` and `columns`.
        columns: the answer columns that the questions need.
        null_values: what stands for a fact that is not known.

    Raises:
        StudyError: the file or a column is missing, a row has no filename or company or more fields than the header,
            or a filename repeats; all rows at once.
    """
    lines = _read_lines(path)
    header = lines[0].fields if lines else []
    refuse(_header_problems(path, header, [*IDENTITY, *columns]))
    rows = []
    for line in lines[1:]:
        values = dict.fromkeys(header, "") | dict(zip(header, line.fields, strict=False))
        rows.append({key: _known(value, null_values) for key, value in values.items() if key})
    refuse([*_row_problems(path, lines, rows), *_repeated(path, lines, rows)])
    return [row | {"cik": company_of(row["cik"])} for row in rows]


def company_of(cik: str) -> str:
    """A company's number without what does not tell it from others: 0000320193 and 320193.0 are 320193."""
    number = re.fullmatch(r"(?:CIK)?0*(\d+)(?:\.0+)?", cik, re.IGNORECASE)
    return number[1] if number else cik


def _read_lines(path: str | Path) -> list[_Line]:
    csv.field_size_limit(FIELD_CHARACTERS)
    try:
        with Path(path).open(encoding=UTF_8, newline="") as file:
            reader = csv.reader(file, strict=True)
            return [_Line(reader.line_num, fields) for fields in reader if fields]
    except OSError as error:
        raise StudyError([Problem(path, "file", error.strerror, "a readable CSV")]) from None
    except UnicodeDecodeError as error:
        raise StudyError([Problem(path, "file", f"no UTF-8 ({error})", "a CSV in UTF-8")]) from None
    except csv.Error as error:
        fix = "A field with commas, quotation marks or line breaks stands in quotation marks; those in it are doubled."
        raise StudyError([Problem(path, f"line {reader.line_num}", f"no CSV ({error})", "whole rows", fix)]) from None


def _header_problems(path: str | Path, header: Sequence[str], needed: Sequence[str]) -> Iterator[Problem]:
    for column in dict.fromkeys(needed):
        if column not in header:
            yield Problem(path, column, "no such column", "this column", did_you_mean(column, header))
    for column, count in Counter(header).items():
        if column and count > 1:  # of any name: generated passages take other columns than the questions'
            found = [str(place) for place, name in enumerate(header, start=1) if name == column]
            yield Problem(path, column, f"{count} columns of this name, at {', '.join(found)}", "one")


def _row_problems(path: str | Path, lines: Sequence[_Line], rows: Iterable[dict[str, str]]) -> Iterator[Problem]:
    columns = len(lines[0].fields)
    for line, row in zip(lines[1:], rows, strict=True):
        place = f"line {line.number}"
        if any(field.strip() for field in line.fields[columns:]):
            fix = "A value with a comma stands in quotation marks."
            yield Problem(path, place, f"{len(line.fields)} fields", f"{columns}, as in the header", fix)
        elif not row["filename"]:
            yield Problem(path, f"{place}, filename", "nothing", "the filing's name")
        elif row["cik"].casefold() in NO_COMPANY:
            wanted = "the company's number: answers about one company are not independent"
            yield Problem(path, f"{row['filename']}, cik", row["cik"] or "nothing", wanted)


def _repeated(path: str | Path, lines: Sequence[_Line], rows: Iterable[dict[str, str]]) -> Iterator[Problem]:
    first: dict[str, int] = {}
    for line, row in zip(lines[1:], rows, strict=True):
        name = row["filename"]
        if name in first:
            found = f"'{name}' more than once, first in line {first[name]}"
            yield Problem(path, f"line {line.number}, filename", found, "each filing once")
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
