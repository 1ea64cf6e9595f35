"""The finding in numbers: for each question and method, words about the highest level and a table of all levels."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from head_ablation.report.section import Content, Section
from head_ablation.report.sources import Sources
from head_ablation.results.key_results import contrasts, key_results_table
from head_ablation.results.rows import EXPERIMENT, baseline_rows
from head_ablation.results.sign_flips import sign_flip_p

Side = tuple[str, int]
"""An arm and a level."""


def _content(sources: Sources) -> Content:
    found = [*_findings(sources)]
    return Content({"findings": found, "tested": any(finding["tested"] for finding in found)})


def _findings(sources: Sources) -> Iterator[dict[str, Any]]:
    for question in sources.task.questions:
        for method in sources.task.methods:
            levels, samples = (_about(table, method, question) for table in (sources.levels, sources.samples))
            rows = key_results_table(levels, samples)
            if len(rows):
                yield _finding(sources, rows, samples, (method, question))


def _about(table: pd.DataFrame, method: str, question: str) -> pd.DataFrame:
    """The rows of one method and question, baselines included."""
    own = (table["method"] == method) | table["method"].isna()
    return table[own & (table["question"] == question)]


def _finding(sources: Sources, rows: pd.DataFrame, samples: pd.DataFrame, key: tuple[str, str]) -> dict[str, Any]:
    method, question = key
    shown = {name: arms for name, arms in contrasts(set(sources.levels["arm"])).items() if f"{name}_points" in rows}
    highest = rows.iloc[-1]
    tested = highest["interval"] != "unpaired"
    companies = _company_accuracies(samples, method) if tested else None
    levels = [_level(row, shown, companies) for _, row in rows.iterrows()]
    accuracies = _accuracies(sources.curves, method, question, int(highest["level"]))
    return {
        "method": sources.label("method", method),
        "question": sources.label("question", question),
        "level": int(highest["level"]),
        "baseline": accuracies.pop("baseline"),
        "accuracies": [(sources.label("arm", arm), accuracy) for arm, accuracy in accuracies.items()],
        "contrasts": [cell for cell in levels[-1]["cells"] if cell["value"] is not None],
        "arms": {arm: sources.label("arm", arm) for arms in shown.values() for arm in arms},
        "basis": {name: int(highest[name]) for name in ("companies", "prompts", "experiments", "draws", "undecided")},
        "interval": highest["interval"],
        "tested": tested,
        "headings": [_heading(sources, *arms) for arms in shown.values()],
        "levels": levels,
    }


def _accuracies(curves: pd.DataFrame, method: str, question: str, level: int) -> dict[str, float]:
    """Arm -> accuracy at a level, the baseline's among them."""
    rows = curves[(curves["method"] == method) & (curves["question"] == question)]
    return {"baseline": rows["baseline_accuracy"].iloc[0]} | dict(
        rows.loc[rows["level"] == level, ["arm", "accuracy"]].itertuples(index=False, name=None)
    )


def _heading(sources: Sources, first: str, second: str) -> str:
    one, other = (sources.label("arm", arm) for arm in (first, second))
    return f"drop, {other} heads" if first == "baseline" else f"{one} minus {other}"


def _level(row: pd.Series, shown: Mapping[str, tuple[str, str]], companies: pd.DataFrame | None) -> dict[str, Any]:
    """A row of the key results: each contrast with its p-value, None without answers of companies."""
    cells = [_points(row, name, arms) for name, arms in shown.items()]
    for cell, arms in zip(cells, shown.values(), strict=True):
        cell["p"] = None
        if companies is not None and cell["value"] is not None:
            cell["p"] = _p(companies, _sides(arms, row["level"]))
    return {"level": int(row["level"]), "cells": cells}


def _points(row: pd.Series, name: str, arms: tuple[str, str]) -> dict[str, Any]:
    """A contrast of a row of the key results: its two sides and its numbers, None where it has none."""
    numbers = [float(row[f"{name}_points{suffix}"]) for suffix in ("", "_low", "_high")]
    value, low, high = (None if math.isnan(number) else number for number in numbers)
    return {"of": arms[0], "arm": arms[1], "value": value, "low": low, "high": high}


def _sides(arms: tuple[str, str], level: int) -> list[Side]:
    return [(arm, 0 if arm == "baseline" else int(level)) for arm in arms]


def _company_accuracies(samples: pd.DataFrame, method: str) -> pd.DataFrame:
    """What a company adds to the mean accuracy, draws and filings averaged.  # [(experiment, company), (arm, level)]"""
    counted = samples[samples["counted"]].astype({"correct": "float64"})
    own = counted[counted["method"] == method]
    asked = own[["method", *EXPERIMENT]].drop_duplicates()
    both = pd.concat([baseline_rows(counted, asked), own[own["arm"] != "baseline"]])
    index = [*EXPERIMENT, "company"]
    accuracies = both.pivot_table("correct", index, ["arm", "level"])
    prompts = both[both["arm"] == "baseline"].groupby(index).size()
    return accuracies.mul(prompts / prompts.groupby(EXPERIMENT).transform("sum"), axis=0)


def _p(accuracies: pd.DataFrame, sides: Sequence[Side]) -> float:
    """The sign-flip test's p-value for two conditions, over the experiments that have both."""
    pair = accuracies.reindex(columns=list(sides)).dropna()
    return sign_flip_p((pair[sides[0]] - pair[sides[1]]).groupby("company").sum())


def p_words(p: float) -> str:
    """A p-value with two digits that count, or that it is below 0.001: 8,192 random signs tell no more."""
    return "p\u00a0<\u00a00.001" if p < 0.001 else f"p\u00a0=\u00a0{p:#.2g}"


def _signed(contrast: Mapping[str, Any]) -> str:
    return "-" if contrast["value"] is None else "{value:z.1f} ({low:z.1f} to {high:z.1f})".format(**contrast)


FINDING = Section(
    name="finding",
    description="the finding in numbers: changes of accuracy with n, interval and test, for each question and method",
    title="The finding in numbers",
    content=_content,
)
FILTERS = {"p_words": p_words, "points": _signed}
