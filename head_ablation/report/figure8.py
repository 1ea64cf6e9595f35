"""Figure 8 on the page: a panel for each model and question, whose points choose the answers below."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import pandas as pd

from head_ablation.figures.palettes import PALETTES
from head_ablation.heads.arms import ARMS
from head_ablation.report.section import Content, Section
from head_ablation.report.sources import Sources
from head_ablation.results.curves import curves_table
from head_ablation.results.rows import EXPERIMENT

PANEL = ["model", "question"]
SHAPES = ("circle", "square", "triangle-up", "diamond", "triangle-down", "cross")
DASHES = ((4, 3), (2, 2), (1, 2), (6, 2, 1, 2), (8, 3))  # of control arms, in the registry's order
COLOURS = PALETTES["colorblind"]  # of methods
GREY = "#7a7a7a"  # of controls: 4 to 1 and more on white and on black
Rows = list[dict[str, Any]]


def _content(sources: Sources) -> Content:
    if sources.curves.empty:
        return Content({"panels": 0})
    from head_ablation.report.charts import accuracy_chart  # slow to import

    methods = sorted(sources.levels["method"].dropna().unique(), key=lambda key: sources.place("method", key))
    looks = _looks(methods)
    panels = [*_panels(sources, looks)]
    data: dict[str, Any] = {"chart": accuracy_chart(sources.task.levels), "panels": panels, "labels": sources.labels}
    data["legend"] = _legend(sources, methods, looks)
    undecided = bool((sources.curves["undecided"] > 0).any())
    floor = bool(sources.curves["majority_accuracy"].notna().any())
    return Content({"panels": len(panels), "undecided": undecided, "floor": floor, "lengths": _lengths(sources)}, data)


def _lengths(sources: Sources) -> int:
    return int(sources.levels["tokens"].nunique())


def _looks(methods: Sequence[str]) -> dict[str, dict[str, str]]:
    """Method -> its colour and mark."""
    return {
        method: {"colour": COLOURS[place % len(COLOURS)], "shape": SHAPES[place % len(SHAPES)]}
        for place, method in enumerate(methods)
    }


def _dash(arm: str) -> list[int]:
    """A line's dash; solid for the top arm."""
    controls = [name for name in ARMS.names if name != "top"]
    place = controls.index(arm) if arm in controls else len(controls)
    return [1, 0] if arm == "top" else list(DASHES[place % len(DASHES)])


def _legend(sources: Sources, methods: Sequence[str], looks: dict[str, dict[str, str]]) -> Rows:
    arms = [arm.name for arm in ARMS if arm.name in set(sources.levels["arm"])]
    top = [{"text": f"top heads of {sources.label('method', m)}", "dash": _dash("top"), **looks[m]} for m in methods]
    controls = [
        {"text": f"{sources.label('arm', a)} heads", "dash": _dash(a), "colour": GREY} for a in arms if a != "top"
    ]
    return [*top, *controls]


def _panels(sources: Sources, looks: dict[str, dict[str, str]]) -> Iterator[dict[str, Any]]:
    means, single = (curves_table(sources.levels, by) for by in (PANEL, EXPERIMENT))
    keys = means[PANEL].drop_duplicates().itertuples(index=False, name=None)
    for model, question in sorted(keys, key=lambda k: (sources.place("question", k[1]), sources.place("model", k[0]))):
        own, parts = (table[(table["model"] == model) & (table["question"] == question)] for table in (means, single))
        lengths = sorted(map(int, parts["tokens"].unique()))
        yield {
            "model": model,
            "question": question,
            "tokens": lengths,
            "companies": int(own["companies"].max()),
            "rows": [*_points(own, "mean", looks), *(_points(parts, "one", looks) if len(lengths) > 1 else [])],
            "lines": _lines(own),
        }


def _points(curves: pd.DataFrame, kind: str, looks: dict[str, dict[str, str]]) -> Rows:
    """The points of curves, of one kind: means over prompt lengths, or single experiments."""
    series = [*dict.fromkeys(zip(curves["method"], curves["arm"], strict=True))]
    step = _step(curves["level"], len(series))
    found = []
    for row in curves.to_dict("records"):
        place = series.index((row["method"], row["arm"]))
        aside = step * (place - (len(series) - 1) / 2) if row["level"] and kind == "mean" else 0
        found.append(_point({str(key): value for key, value in row.items()}, kind, round(aside, 4), looks))
    return found


def _step(levels: pd.Series, series: int) -> float:
    """How far apart the marks of one level stand, so that none hides another."""
    known = sorted(set(levels))
    nearest = min((b - a for a, b in pairwise(known)), default=1)
    return float(min(0.11, 0.5 / series) * nearest)


def _point(row: dict[str, Any], kind: str, aside: float, looks: dict[str, dict[str, str]]) -> dict[str, Any]:
    method, arm, level = row["method"], row["arm"], int(row["level"])
    top, tokens = arm == "top", [int(row["tokens"])] if "tokens" in row else []
    return {
        "kind": kind,
        "method": method,
        "arm": arm,
        "level": level,
        "x": level + aside,
        "key": "/".join(map(str, [method, arm, level, *tokens])),
        "line": "/".join(map(str, [method, arm, *tokens])),
        **{name: round(100 * row[name], 2) for name in ("accuracy", "low", "high")},
        "colour": looks[method]["colour"] if top else GREY,
        "shape": looks[method]["shape"],
        "filled": bool(top and not (level and row["undecided"])),
        "dash": _dash(arm),
        **{name: int(row[name]) for name in ("companies", "draws", "undecided")},
        "experiments": int(row["experiments"]),
        **({"tokens": tokens[0]} if tokens else {}),
    }


def _lines(curves: pd.DataFrame) -> Rows:
    """Level lines: accuracy without ablation, and of always giving the most frequent answer; each value once."""
    start = curves[curves["level"] == 0]
    found = [{"line": "baseline", "y": round(100 * value, 2)} for value in start["accuracy"]]
    found += [{"line": "floor", "y": round(100 * value, 2)} for value in start["majority_accuracy"].dropna()]
    return list({(one["line"], one["y"]): one for one in found}.values())


FIGURE8 = Section(
    name="figure8",
    description="Figure 8: accuracy against the number of ablated heads; a point chooses the answers behind it",
    title="Figure 8: accuracy against ablated heads",
    content=_content,
)
