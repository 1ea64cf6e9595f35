"""Tables as CSV files, read with the types that they were written with, and refused where somebody damaged them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

import pandas as pd

from head_ablation.common.files import read_text, write_text
from head_ablation.common.problems import Problem, StudyError, refuse, some
from head_ablation.results.rows import CONDITION, CONDITION_TYPES, EXPERIMENT, LEVEL_TYPES

COUNTS = ("models", "experiments", "prompts", "draws", "undecided")
TEXTS = ("interval", "filename", "company", "gold", "base_text", "text", "change")
TYPES = {**CONDITION_TYPES, **LEVEL_TYPES, **dict.fromkeys(COUNTS, "int64"), **dict.fromkeys(TEXTS, "str")}
"""Column -> type, of all tables; a column that is not listed holds decimal numbers."""

LEVELS = (*CONDITION_TYPES, *LEVEL_TYPES)
CURVE = ("method", "question", "arm")
CURVES = (
    *(*CURVE, "level", "accuracy", "companies", "majority_accuracy", "baseline_accuracy"),
    *("models", "experiments", "draws", "undecided", "low", "high"),
)
MAY_LACK = (
    *("method", "majority_accuracy", "correct_published", "accuracy_published"),
    *("ranking_prompts", "tied", "unscored"),
)
SHARES = (
    *("accuracy", "low", "high", "accuracy_low", "accuracy_high"),
    *("baseline_accuracy", "majority_accuracy", "accuracy_published"),
)
LEAST = {"tokens": 1, "level": 0, "draw": 0, "companies": 1}
EXPECTED = {"int64": "a whole number", "Int64": "a whole number or nothing", "float64": "a number"}
ARM = "baseline, or the name of an arm"
FIX = "Remove it and run again: tables are made again from the results"


def write_table(path: str | Path, table: pd.DataFrame) -> None:
    """Writes a table as CSV, whole or not at all; a missing value is an empty field."""
    write_text(path, table.to_csv(index=False))


def read_table(path: str | Path, needed: Iterable[str] = ()) -> pd.DataFrame:
    """A table that `write_table` wrote. A name such as `None`, `1` or `007` stays the text it is; numbers are exact.

    Args:
        path: the file.
        needed: columns that it must have.

    Raises:
        StudyError: there is no such table, a column is missing, or a cell is of another type; names all of them.
    """
    text = read_text(path, "a table")
    header = _read(path, text, nrows=0).columns
    if missing := [column for column in needed if column not in header]:
        expected = f"the columns {', '.join(needed)}"
        raise StudyError([Problem(path, "header", f"no column {', '.join(missing)}", expected, FIX)])
    types = {column: TYPES.get(column, "float64") for column in header}
    try:
        return _read(path, text, dtype=types)
    except ValueError as error:
        cells = _read(path, text, dtype=str)
        refuse(problem for column, kind in types.items() for problem in _type_problems(path, cells[column], kind))
        raise StudyError([Problem(path, "file", f"no table ({error})", "a table (CSV)", FIX)]) from None


def read_levels(path: str | Path) -> pd.DataFrame:
    """The `levels_table` in a file; StudyError with all that cannot be in one."""
    table = read_table(path, LEVELS)
    refuse(
        [
            *_value_problems(path, table, ("accuracy_low", "accuracy", "accuracy_high")),
            *_repeated(path, table, CONDITION),
            *_lacking(path, table, EXPERIMENT, lambda rows: (rows["arm"] == "baseline").any(), "its baseline's row"),
        ]
    )
    return table


def read_curves(path: str | Path) -> pd.DataFrame:
    """The `curves_table` in a file, by question; StudyError with all that cannot be in one."""
    table = read_table(path, CURVES)
    expected = "a row of level 0 and one of another level"
    refuse(
        [
            *_value_problems(path, table, ("low", "accuracy", "high"), given=("method", "baseline_accuracy")),
            *_repeated(path, table, (*CURVE, "level")),
            *_lacking(path, table, CURVE, lambda rows: rows["level"].min() == 0 < rows["level"].max(), expected),
        ]
    )
    return table


def _read(path: str | Path, text: str, **how: Any) -> pd.DataFrame:
    try:
        return pd.read_csv(StringIO(text), keep_default_na=False, na_values=[""], index_col=False, **how)
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        found = str(error).partition("\n")[0]
        raise StudyError([Problem(path, "file", f"no table ({found})", "a table (CSV)", FIX)]) from None


def _type_problems(path: str | Path, cells: pd.Series, kind: str) -> Iterator[Problem]:
    """The cells of a column that are not of its type; rows are counted as a spreadsheet does, the header is row 1."""
    for row, cell in enumerate(cells, start=2):
        lacks = pd.isna(cell)
        if kind != "str" and (kind == "int64" if lacks else not _is_number(cell, kind)):
            yield _cell(path, row, cells.name, "nothing" if lacks else cell, EXPECTED[kind])


def _is_number(cell: str, kind: str) -> bool:
    written = r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?" if kind == "float64" else r"[+-]?\d{1,18}"
    return re.fullmatch(written, cell) is not None


def _value_problems(
    path: str | Path, table: pd.DataFrame, limits: Sequence[str], given: Sequence[str] = ()
) -> Iterator[Problem]:
    """The cells that are missing or out of range, and the limits of intervals that are on the wrong side."""
    low, middle, high = limits
    for column in table:
        name, cells = str(column), table[column]
        if name not in MAY_LACK or name in given:
            yield from _bad(path, cells, cells.isna(), "a value")
        if name in SHARES:
            yield from _bad(path, cells, (cells < 0) | (cells > 1), "a share, from 0 to 1")
        if name in LEAST:
            yield from _bad(path, cells, cells < LEAST[name], f"{LEAST[name]} or more")
    yield from _bad(path, table["arm"], ~table["arm"].fillna("baseline").str.fullmatch("[a-z_]+"), ARM)
    yield from _bad(path, table[low], table[low] > table[middle], f"at most the {middle}")
    yield from _bad(path, table[high], table[high] < table[middle], f"at least the {middle}")


def _bad(path: str | Path, cells: pd.Series, is_bad: pd.Series, expected: str) -> Iterator[Problem]:
    for row in cells.index[is_bad.fillna(False).astype(bool)]:
        found = "nothing" if pd.isna(cells[row]) else cells[row]
        yield _cell(path, row + 2, cells.name, found, expected)


def _cell(path: str | Path, row: int, column: object, found: object, expected: str) -> Problem:
    return Problem(path, f"row {row}, {column}", found, expected, FIX)


def _repeated(path: str | Path, table: pd.DataFrame, key: Sequence[str]) -> Iterator[Problem]:
    for row in table.index[table.duplicated([*key])]:
        yield Problem(path, f"row {row + 2}", f"the {', '.join(key)} of a row above", "each once", FIX)


def _lacking(
    path: str | Path, table: pd.DataFrame, key: Sequence[str], is_whole: Callable[[pd.DataFrame], Any], expected: str
) -> Iterator[Problem]:
    """The groups of rows that are not whole; one problem for all of them."""
    lacking = [names for names, rows in table.groupby([*key], sort=False) if not is_whole(rows)]
    if lacking:
        found = f"without it {some('/'.join(map(str, names)) for names in lacking)}"
        yield Problem(path, ", ".join(key), found, f"of each {expected}", FIX)
