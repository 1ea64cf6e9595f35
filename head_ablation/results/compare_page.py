"""The tables of a comparison as Markdown."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd

from head_ablation.common.markup import plain
from head_ablation.common.problems import some
from head_ablation.results.compare import ALL, ONE, PAIRED, UNPAIRED

METHODS = {
    PAIRED: "Newcombe 1998 for paired proportions: Wilson limits with n = companies, and the correlation of both sides",
    UNPAIRED: "Newcombe 1998 for independent proportions: Wilson limits with n = the companies of each side",
    ONE: "both sides share one measurement, so that there is nothing to compare",
}


def accuracy_section(table: pd.DataFrame) -> list[str]:
    """An `accuracy_table` in lines of Markdown: what the intervals are, then a table for each group."""
    used = [kind for kind in METHODS if (table["interval"] == kind).any()]
    lines = ["Accuracy in percent; b - a in percentage points with its 95 % interval.", ""]
    lines += [f"- {kind}: {METHODS[kind]}." for kind in used]
    unpaired = sorted({name for names in table.loc[table["interval"] == UNPAIRED, "unpaired"] for name in names})
    if unpaired:
        lines += [f"- Not the same prompts with answers on both sides, hence unpaired: {plain(some(unpaired))}."]
    heads = ["condition", "a", "b", "b - a", "companies", "experiments", "prompts", "interval"]
    for group, rows in table.groupby("group", sort=False):
        cells = [
            [
                _condition(row),
                f"{100 * row['accuracy_a']:.1f}",
                f"{100 * row['accuracy_b']:.1f}",
                _points(row),
                _both(row, "companies"),
                row["experiments"],
                _both(row, "prompts"),
                row["interval"],
            ]
            for _, row in rows.iterrows()
        ]
        lines += ["", f"### {_group(group)}", "", *markdown_table(heads, cells)]
    return lines


def overlap_section(table: pd.DataFrame) -> list[str]:
    """The table of `overlap_by_question` in lines of Markdown."""
    heads = ["question", "level", "experiments", "heads in both, mean (range)", "Jaccard index, mean (range)"]
    cells = [
        [
            row["question"],
            row["level"],
            row["experiments"],
            f"{row['common_mean']:.1f} ({row['common_min']} to {row['common_max']})",
            f"{row['jaccard_mean']:.2f} ({row['jaccard_min']:.2f} to {row['jaccard_max']:.2f})",
        ]
        for _, row in table.iterrows()
    ]
    return markdown_table(heads, cells)


def answers_section(table: pd.DataFrame) -> list[str]:
    """An `answers_table` in lines of Markdown."""
    heads = ["condition", "answers", "same text", "right in both", "only in a", "only in b", "in none"]
    lines = ["Answers to the same prompt under the same condition; in a drawn arm, under the draw of the same number."]
    if others := int(table.loc[table["group"] != ALL, "gold"].sum()):
        lines += ["", f"{others} of these answers have another gold answer in b than in a."]
    for group, rows in table.groupby("group", sort=False):
        cells = [
            [_condition(row), row["answers"], _same(row), row["both"], row["only_a"], row["only_b"], row["none"]]
            for _, row in rows.iterrows()
        ]
        lines += ["", f"### {_group(group)}", "", *markdown_table(heads, cells)]
    return lines


def markdown_table(heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[str]:
    """A table whose cells show any text as it is."""
    return [_line(heads), "|" + " --- |" * len(heads), *map(_line, rows)]


def _line(cells: Sequence[Any]) -> str:
    return f"| {' | '.join(map(plain, cells))} |"


def _group(group: object) -> str:
    return "All questions" if group == ALL else f"Question {plain(group)}"


def _condition(row: pd.Series) -> str:
    return row["arm"] if row["arm"] == "baseline" else f"{row['arm']}, {row['level']} heads"


def _points(row: pd.Series) -> str:
    value, low, high = (100 * row[name] for name in ("difference", "low", "high"))
    return "-" if math.isnan(value) else f"{value:z.1f} ({low:z.1f} to {high:z.1f})"


def _both(row: pd.Series, name: str) -> str:
    """A number that both sides have, or both numbers."""
    a, b = int(row[f"{name}_a"]), int(row[f"{name}_b"])
    return f"{a}" if a == b else f"{a}, {b}"


def _same(row: pd.Series) -> str:
    """How many answers have the same text; of how many, where some have none."""
    if not row["texts"]:
        return "-"
    return f"{row['same']}" if row["texts"] == row["answers"] else f"{row['same']} of {row['texts']}"
