"""The experiments: how far the drop of each departs from their mean, at every level."""

from __future__ import annotations

from typing import Any

import pandas as pd

from head_ablation.report.section import Content, Section
from head_ablation.report.sources import Sources
from head_ablation.results.rows import EXPERIMENT, baseline_rows

GROUP = ["method", "level"]
PERCENT = ["baseline", "accuracy", "accuracy_low", "accuracy_high", "accuracy_drop", "mean_drop", "departure"]


def _content(sources: Sources) -> Content:
    rows = departures(sources.levels)
    if rows.empty:
        return Content({"experiments": 0})
    experiments = int(rows.groupby(GROUP).size().max())
    data = {"rows": _numbers(rows), "labels": sources.labels, "levels": sorted(map(int, rows["level"].unique()))}
    return Content({"experiments": experiments}, data)


def departures(levels: pd.DataFrame) -> pd.DataFrame:
    """The drop with top heads ablated in each experiment, the mean drop of all experiments of the same method and
    level, and the difference of both, the largest first; fractions.

    Args:
        levels: a `levels_table`.
    """
    top = levels[levels["arm"] == "top"]
    one = ["method", *EXPERIMENT]
    base = baseline_rows(levels, top[one].drop_duplicates()).set_index(one)["accuracy"].rename("baseline")
    found = top.join(base, on=one)
    mean = found.groupby(GROUP)["accuracy_drop"].transform("mean")
    found = found.assign(mean_drop=mean, departure=found["accuracy_drop"] - mean)
    order = found.assign(size=found["departure"].abs()).sort_values("size", ascending=False, kind="stable").index
    return found.loc[order, [*one, "level", *PERCENT, "companies"]].reset_index(drop=True)


def _numbers(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows for the page, in percent and percentage points."""
    shown = rows.assign(**{name: (100 * rows[name]).round(1) for name in PERCENT})
    return [{str(key): value for key, value in row.items()} for row in shown.to_dict("records")]


EXPERIMENTS = Section(
    name="experiments",
    description="every experiment's drop beside the mean of all, those that depart most first",
    title="Experiments",
    content=_content,
)
