"""The key results: contrasts between arms in percentage points, with their intervals, as a table and as a page."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Any

import pandas as pd

from head_ablation.common.markup import plain
from head_ablation.heads.arms import ARMS
from head_ablation.heads.ranking_facts import FEW_PROMPTS
from head_ablation.results.conditions import Conditions
from head_ablation.results.rows import EXPERIMENT


def contrasts(arms: Collection[str] = ()) -> dict[str, tuple[str, str]]:
    """The contrasts between arms: name -> the arm that is compared, and with it the arm that is expected to lose more.

    Args:
        arms: those that occur; the published study's two, top and random, are contrasted in any case.
    """
    shown = [arm for arm in ARMS if arm.name in {"top", "random", *arms}]
    drops = {f"{arm.name}_drop": ("baseline", arm.name) for arm in shown}
    return drops | {arm.gap: (arm.name, "top") for arm in shown if arm.gap}


def key_results_table(levels: pd.DataFrame, samples: pd.DataFrame) -> pd.DataFrame:
    """Per method and level, in percentage points: drop of top heads, of random heads, and the gap.

    Each number is the mean over the experiments that have both sides (draws averaged first). Its
    95 % interval is paired by company where every condition of the method has samples, a company
    weighing as much as its answers do in that mean; otherwise it is unpaired, with n = the largest
    number of companies. `prompts`, `unanswerable` and `ambiguous` are summed over experiments; `ranking_prompts` are
    those behind the ranking that rests on the fewest, `undecided` the experiments whose top heads the ranking does not
    decide.

    Args:
        levels: a `levels_table`.
        samples: the `samples_table` of the same results; it may be empty.
    """
    rows = []
    for method in levels["method"].dropna().unique():
        conditions = Conditions.of_method(levels, samples, method)
        for level in sorted(set(conditions.levels["level"]) - {0}):
            row = {"method": method, "level": level} | _counts(conditions, level)
            for name, arms in contrasts(set(levels["arm"])).items():
                first, second = ((arm, 0 if arm == "baseline" else level) for arm in arms)
                found = conditions.difference(first, second)
                for suffix, value in zip(["", "_low", "_high"], found, strict=True):
                    row[f"{name}_points{suffix}"] = 100 * value
            rows.append(row)
    table = pd.DataFrame(rows, columns=None if rows else ["method", "level", "ranking_prompts", "undecided"])
    return table.astype({"ranking_prompts": "Int64"})


def key_results_markdown(
    key_results: pd.DataFrame, labels: Mapping[str, str] | None = None, unranked: Mapping[str, str] | None = None
) -> str:
    """The key results as a short Markdown page: per method what its numbers rest on, and a table.

    Args:
        key_results: a `key_results_table`.
        labels: names to show for methods; a method that has none is shown by its key.
        unranked: `{method}/{experiment}` -> why no head could be ranked, so that it is part of no number.
    """
    shown = contrasts([arm.name for arm in ARMS if f"{arm.name}_drop_points" in key_results])
    page = ["# Key results", "", "Changes of accuracy in percentage points (95 % interval)."]
    page += [
        f"The {name.replace('_', ' ')} is the accuracy with {arm} heads ablated minus that with top heads ablated."
        for name, (arm, other) in shown.items()
        if other == "top" and arm != "baseline"
    ]
    for method, rows in key_results.groupby("method", sort=False):
        page += ["", f"## {plain((labels or {}).get(str(method), method))}", "", _basis(rows), ""]
        page += [f"| heads ablated | {' | '.join(_heading(name, arms) for name, arms in shown.items())} |"]
        page += ["|---:" * (1 + len(shown)) + "|"]
        for _, row in rows.iterrows():
            level = f"{row['level']} \\*" if row["undecided"] else f"{row['level']}"
            page += [f"| {level} | {' | '.join(_points(row, name) for name in shown)} |"]
        page += _undecided(rows)
    if unranked:
        page += ["", "## Not ranked", "", "In these experiments no head could be ranked; no number includes them.", ""]
        page += [f"- {plain(name)}: {plain(reason)}" for name, reason in unranked.items()]
    return "\n".join([*page, ""])


def _heading(name: str, arms: tuple[str, str]) -> str:
    return f"drop, {arms[1]} heads" if arms[0] == "baseline" else name.replace("_", " ")


def _counts(conditions: Conditions, level: int) -> dict[str, Any]:
    """What one row of the key results rests on."""
    ablated = conditions.levels[conditions.levels["level"] == level]
    drawn = ablated[ablated["arm"].isin([arm.name for arm in ARMS if arm.is_drawn])]
    draws = drawn.groupby([*EXPERIMENT, "arm"]).size()
    experiments = ablated.drop_duplicates(EXPERIMENT)
    return {
        "experiments": len(experiments),
        "companies": conditions.companies(level),
        "prompts": experiments["total"].sum(),
        "unanswerable": experiments["unanswerable"].sum(),
        "ambiguous": experiments["ambiguous"].sum(),
        "draws": draws.min() if len(draws) else 0,
        "ranking_prompts": ablated["ranking_prompts"].min(),
        "undecided": int(((ablated["tied"] > 0) | (ablated["unscored"] > 0)).fillna(False).sum()),
        "interval": conditions.interval,
    }


def _basis(rows: pd.DataFrame) -> str:
    """One sentence: n, what was left out, which interval."""
    spans = {}
    for name in ["companies", "experiments", "prompts", "unanswerable", "ambiguous", "draws"]:
        low, high = rows[name].min(), rows[name].max()
        spans[name] = f"{low}" if low == high else f"{low}-{high}"
    apart = f", {spans['ambiguous']} ambiguous" if rows["ambiguous"].any() else ""
    return (
        f"n = {spans['companies']} companies; experiments: {spans['experiments']}; "
        f"prompts that count: {spans['prompts']} ({spans['unanswerable']} unanswerable left out{apart}); "
        f"random draws per level: {spans['draws']}. Intervals: Newcombe 1998, from Wilson limits "
        f"with n = companies, {rows['interval'].iloc[0]}.{_behind(rows)}"
    )


def _behind(rows: pd.DataFrame) -> str:
    """How many prompts the ranking rests on, where that is known."""
    known = rows["ranking_prompts"].dropna()
    if known.empty:
        return ""
    least = int(known.min())
    few = f" That is few: fewer than {FEW_PROMPTS} prompts say little about heads." if least < FEW_PROMPTS else ""
    return f" Prompts behind each ranking: at least {least}.{few}"


def _undecided(rows: pd.DataFrame) -> list[str]:
    """What the mark at some levels means; nothing if the ranking decides all."""
    marked = rows[rows["undecided"] > 0]
    if marked.empty:
        return []
    number = ", ".join(
        f"{row['level']} heads: {row['undecided']} of {row['experiments']}" for _, row in marked.iterrows()
    )
    return [
        "",
        f"\\* Experiments in which the ranking does not decide the top heads ({number}): it has heads of equal score on"
        " both sides of the cut, or heads that never scored; which of them are ablated says nothing about the detector."
        " `levels.csv` has their numbers (`tied`, `unscored`).",
    ]


def _points(row: pd.Series, name: str) -> str:
    """A difference and its interval in percentage points, as a table cell."""
    value, low, high = (row[f"{name}_points{suffix}"] for suffix in ["", "_low", "_high"])
    return "-" if math.isnan(value) else f"{value:z.1f} ({low:z.1f} to {high:z.1f})"
