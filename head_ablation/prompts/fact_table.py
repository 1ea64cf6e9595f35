"""A table of facts as it stands in its file: a CSV with a header, or a JSONL with an object a line."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from head_ablation.common.files import UTF_8, numbered_jsonl
from head_ablation.common.problems import Problem, StudyError

FIELD_CHARACTERS = 2**31 - 1  # whole texts may stand beside the facts; the csv module stops at 131,072
A_FACT = "one text or number, or null where it is not known"


@dataclass(frozen=True)
class Line:
    """A row: its line number (of a CSV: where it ends), and its values in the order of the header.

    Attributes:
        problems: field -> what it holds instead of a fact.
    """

    number: int
    values: list[str]
    problems: Mapping[str, str]


@dataclass(frozen=True)
class FactTable:
    """The rows of a file.

    Attributes:
        header: the names of all columns.
        lines: the rows.
        unit: what a column is called in such a file.
    """

    header: list[str]
    lines: list[Line]
    unit: str


def read_table(path: str | Path) -> FactTable:
    """The rows of a CSV, or of a JSONL, which its first character tells (a JSON list is refused as no JSONL).

    Raises:
        StudyError: the file cannot be read, or is neither.
    """
    return _jsonl_table(path) if _begins_as_json(path) else _csv_table(path)


def as_fact(value: Any) -> str | None:
    """What JSON holds as text; empty for null, None for what is no fact (a truth value, a list, an object)."""
    if value is None:
        return ""
    return str(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else None


def _begins_as_json(path: str | Path) -> bool:
    try:
        with Path(path).open(encoding=UTF_8) as file:
            return next((line for line in file if line.strip()), "").lstrip().startswith(("{", "["))
    except (OSError, UnicodeDecodeError):  # the reader says what is wrong
        return False


def _jsonl_table(path: str | Path) -> FactTable:
    rows = numbered_jsonl(path)
    header = list(dict.fromkeys(key for _, row in rows for key in row))
    lines = [
        Line(number, [as_fact(row.get(key)) or "" for key in header], _no_facts(row, header)) for number, row in rows
    ]
    return FactTable(header, lines, "field")


def _no_facts(row: Mapping[str, Any], header: list[str]) -> dict[str, str]:
    found = {key: "nothing" for key in header if key not in row}
    return found | {key: str(value) for key, value in row.items() if as_fact(value) is None}


def _csv_table(path: str | Path) -> FactTable:
    rows = list(_csv_lines(path))
    return FactTable(rows[0].values if rows else [], rows[1:], "column")


def _csv_lines(path: str | Path) -> Iterator[Line]:
    csv.field_size_limit(FIELD_CHARACTERS)
    try:
        with Path(path).open(encoding=UTF_8, newline="") as file:
            reader = csv.reader(file, strict=True)
            yield from (Line(reader.line_num, values, {}) for values in reader if values)
    except OSError as error:
        raise StudyError([Problem(path, "file", error.strerror, "a readable CSV or JSONL")]) from None
    except UnicodeDecodeError as error:
        raise StudyError([Problem(path, "file", f"no UTF-8 ({error})", "a CSV or JSONL in UTF-8")]) from None
    except csv.Error as error:
        fix = "A field with commas, quotation marks or line breaks stands in quotation marks; those in it are doubled."
        raise StudyError([Problem(path, f"line {reader.line_num}", f"no CSV ({error})", "whole rows", fix)]) from None
