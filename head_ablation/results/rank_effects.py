"""What the heads of a range of ranks add to the drop of accuracy: the drops between neighbouring levels."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pandas as pd

from head_ablation.heads.arms import ARMS
from head_ablation.results.conditions import Conditions
from head_ablation.results.rows import EXPERIMENT

COLUMNS = ["method", "arm", "after", "level", "value", "low", "high", "undecided", "companies", "interval"]


def rank_effects(levels: pd.DataFrame, samples: pd.DataFrame) -> pd.DataFrame:
    """Per method, arm and pair of neighbouring levels: the drop from one to the next, for each head added.

    `value`, `low` and `high` are percentage points a head, with the interval of `Conditions.difference`: accuracy with
    `after` heads ablated minus accuracy with `level` heads ablated, divided by `level - after`; `after` is 0 for the
    baseline. Times the heads added, the values of an arm sum up to its drop. The heads at ranks `after + 1` to `level`
    are ablated in addition to all heads above them, so the values depend on that order. `undecided` counts the
    experiments in which the ranking does not decide the heads of either level, of top heads alone.

    Args:
        levels: a `levels_table`.
        samples: the `samples_table` of the same results; it may be empty.
    """
    methods = levels["method"].dropna().unique()
    rows = [row for method in methods for row in _rows(Conditions.of_method(levels, samples, method), method)]
    return pd.DataFrame(rows, columns=COLUMNS)


def _rows(conditions: Conditions, method: str) -> Iterator[dict[str, Any]]:
    for arm in [arm.name for arm in ARMS if arm.name in set(conditions.levels["arm"])]:
        own = conditions.levels[conditions.levels["arm"] == arm]
        for after, level in pairwise([0, *sorted(own["level"].unique())]):
            found = conditions.difference((arm, after) if after else ("baseline", 0), (arm, level))
            ends = zip(("value", "low", "high"), found, strict=True)
            yield {
                "method": method,
                "arm": arm,
                "after": after,
                "level": level,
                **{end: 100 * value / (level - after) for end, value in ends},
                "undecided": _undecided(own, (after, level)),
                "companies": conditions.companies(level),
                "interval": conditions.interval,
            }


def _undecided(rows: pd.DataFrame, ends: tuple[int, int]) -> int:
    """The experiments of an arm whose heads the ranking does not decide at one of two levels, or both."""
    found = rows[rows["level"].isin(ends) & ((rows["tied"] > 0) | (rows["unscored"] > 0)).fillna(False)]
    return len(found.drop_duplicates(EXPERIMENT))
