"""Tables that somebody damaged by hand are refused with file, row and column; whole ones are read."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from results_factory import random_study

from head_ablation.common.problems import StudyError
from head_ablation.results.curves import curves_table
from head_ablation.results.rows import levels_table
from head_ablation.results.table_files import read_curves, read_levels, read_table, write_table

Rows = list[list[str]]
Change = Callable[[Rows], None]
LEVELS = levels_table(random_study(levels=(5, 10), draws=2))
TABLES = {"levels": (read_levels, LEVELS), "curves": (read_curves, curves_table(LEVELS))}


def put(row: int, column: str, value: str) -> Change:
    """A change of one cell; the header is row 1."""

    def change(rows: Rows) -> None:
        rows[row - 1][rows[0].index(column)] = value

    return change


def without_column(column: str) -> Change:
    def change(rows: Rows) -> None:
        place = rows[0].index(column)
        for row in rows:
            del row[place]

    return change


def without_row(row: int) -> Change:
    return lambda rows: rows.pop(row - 1) and None


def twice(row: int) -> Change:
    return lambda rows: rows.append([*rows[row - 1]])


def refusal(folder: Path, table: str, change: Change) -> str:
    """What is said of a table with a change, without the file's folder and the advice."""
    read, whole = TABLES[table]
    path = folder / f"{table}.csv"
    write_table(path, whole)
    rows = [line.split(",") for line in path.read_text().splitlines()]
    change(rows)
    path.write_text("\n".join(map(",".join, rows)) + "\n")
    with pytest.raises(StudyError) as refused:
        read(path)
    return str(refused.value).replace(f"{folder}/", "")


@pytest.mark.parametrize("table", TABLES)
def test_a_whole_table_is_read_as_written(tmp_path: Path, table: str) -> None:
    read, whole = TABLES[table]
    write_table(tmp_path / "table.csv", whole)
    pd.testing.assert_frame_equal(read(tmp_path / "table.csv"), whole, check_exact=True)


@pytest.mark.parametrize(
    ("table", "change", "said"),
    [
        ("curves", without_column("low"), "header: found no column low; expected the columns method, question, arm"),
        ("levels", without_column("companies"), "header: found no column companies; expected the columns method"),
        ("curves", put(3, "accuracy", "much"), "row 3, accuracy: found much; expected a number"),
        ("levels", put(4, "tokens", "2k"), "row 4, tokens: found 2k; expected a whole number"),
        ("levels", put(4, "level", "5.5"), "row 4, level: found 5.5; expected a whole number"),
        ("levels", put(4, "tied", "some"), "row 4, tied: found some; expected a whole number or nothing"),
        ("levels", put(4, "total", ""), "row 4, total: found nothing; expected a whole number"),
        ("curves", put(3, "accuracy", ""), "row 3, accuracy: found nothing; expected a value"),
        ("curves", put(3, "accuracy", "nan"), "row 3, accuracy: found nan; expected a number"),
        ("curves", put(3, "method", ""), "row 3, method: found nothing; expected a value"),
        ("levels", put(3, "arm", ""), "row 3, arm: found nothing; expected a value"),
        ("levels", put(3, "arm", "Top 5"), "row 3, arm: found Top 5; expected baseline, or the name of an arm"),
        ("levels", put(3, "accuracy", "80"), "row 3, accuracy: found 80.0; expected a share, from 0 to 1"),
        ("levels", put(3, "accuracy", "inf"), "row 3, accuracy: found inf; expected a share, from 0 to 1"),
        ("levels", put(3, "companies", "0"), "row 3, companies: found 0; expected 1 or more"),
        ("curves", put(3, "level", "-5"), "row 3, level: found -5; expected 0 or more"),
        ("curves", put(3, "low", "1"), "row 3, low: found 1.0; expected at most the accuracy"),
        ("levels", put(3, "accuracy_high", "0"), "row 3, accuracy_high: found 0.0; expected at least the accuracy"),
        ("levels", twice(3), "row 9: found the method, model, question, tokens, arm, level, draw of a row above"),
        ("levels", without_row(2), "model, question, tokens: found without it instruct/inc_year/2048; expected of"),
        ("curves", without_row(2), "method, question, arm: found without it wu24/inc_year/top; expected of each a row"),
    ],
)
def test_what_cannot_be_in_a_table_is_refused_by_row_and_column(
    tmp_path: Path, table: str, change: Change, said: str
) -> None:
    assert f"- {table}.csv: {said}" in refusal(tmp_path, table, change)


def test_everything_wrong_with_a_table_is_said_at_once(tmp_path: Path) -> None:
    def change(rows: Rows) -> None:
        for row, column in ((2, "total"), (3, "accuracy"), (4, "tokens")):
            put(row, column, "x")(rows)

    said = refusal(tmp_path, "levels", change)
    assert re.findall(r"row (\d), (\w+)", said) == [("4", "tokens"), ("2", "total"), ("3", "accuracy")]
    assert said.count("Remove it and run again") == 3


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "file: found no table"),
        (b"method;question\nwu24;inc_year\n", "header: found no column method, question"),
        (b'method,"question\n', "file: found no table"),
        (b"\xff\xfe\x00", "file: found "),
        (None, "file: found nothing; expected a table at this path"),
    ],
)
def test_a_file_that_is_no_table_is_one_message(tmp_path: Path, content: bytes | None, said: str) -> None:
    path = tmp_path / "curves.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(StudyError, match=rf"curves.csv: {said}"):
        read_curves(path)


def test_a_table_of_other_columns_is_read_where_none_is_needed(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("method,points\nNone,0.1\n")
    assert read_table(tmp_path / "table.csv").to_dict("records") == [{"method": "None", "points": 0.1}]
