"""Mean drops of accuracy against the number of ablated heads, with the intervals of the key results."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from head_ablation.common.problems import some
from head_ablation.figures.figure import Design, Tables
from head_ablation.figures.lines import Pen, draws_in_words, handles, shared_words, with_shared_controls
from head_ablation.figures.page import Page, Panel
from head_ablation.figures.panels import UNDECIDED, basis, control_kinds
from head_ablation.figures.style import SHARED, style
from head_ablation.figures.text import N_COMPANIES
from head_ablation.heads.arms import ARMS
from head_ablation.results.key_results import key_results_table


class Part(NamedTuple):
    """Some experiments of a study, and what they have in common."""

    title: str
    levels: pd.DataFrame
    samples: pd.DataFrame


def drops(tables: Tables, design: Design) -> Figure:
    """A panel for all experiments, then one for each model and each question, if there are several."""
    parts = list(_parts(tables, design))
    found = [key_results_table(part.levels, part.samples) for part in parts]
    rows = [_rows(table) for table in found]
    hues = design.labels.order("method", pd.concat(rows)["hue"])
    with style(design):
        panels = [Panel(part.title, _basis(part)) for part in parts]
        page = Page(design, panels, len(panels), "heads ablated", "drop of accuracy (percentage points)")
        drawn = [with_shared_controls(own, design) for own in rows]
        for ax, own in zip(page.axes, drawn, strict=True):
            pen = Pen(ax, design, hues, page.panel_points)
            pen.draw(own, own[:0].assign(experiment=""))
            pen.reference(0, SHARED, ":")
        all_rows = pd.concat(drawn)
        page.axes[0].set(ylim=limits(all_rows, at_least=10))
        for ax in page.axes:
            ax.yaxis.set_major_locator(MaxNLocator(7, steps=[1, 2, 2.5, 5, 10], integer=True))
        legend = handles(all_rows, "method", design, draws_in_words(tables.levels), "")
        return page.close(legend, _caption(all_rows, found[0], tables))


def _parts(tables: Tables, design: Design) -> Iterator[Part]:
    ablated = tables.levels[tables.levels["arm"] != "baseline"]
    yield Part("All experiments", tables.levels, tables.samples)
    for column in ("model", "question"):
        keys = design.labels.order(column, ablated[column])
        for key in keys if len(keys) > 1 else []:
            levels, samples = (frame[frame[column] == key] for frame in (tables.levels, tables.samples))
            yield Part(design.labels.name(column, key), levels, samples)


def _basis(part: Part) -> str:
    """As many companies and experiments as were ablated."""
    return basis(part.levels[part.levels["arm"] != "baseline"])


def _rows(key_results: pd.DataFrame) -> pd.DataFrame:
    """The drops of the key results as rows of lines; at level 0 there is none."""
    made = []
    for arm in [arm.name for arm in ARMS if f"{arm.name}_drop_points" in key_results]:
        columns = {f"{arm}_drop_points{end}": name for end, name in (("", "value"), ("_low", "low"), ("_high", "high"))}
        own = key_results[["method", "level", "undecided", *columns]].rename(columns={"method": "hue"} | columns)
        made.append(own.assign(arm=arm, undecided=own["undecided"] * (arm == "top")).dropna(subset="value"))
    rows = pd.concat(made, ignore_index=True)
    start = rows[["hue", "arm"]].drop_duplicates().assign(level=0, value=0.0, low=0.0, high=0.0, undecided=0)
    return pd.concat([start, rows], ignore_index=True)


def limits(rows: pd.DataFrame, at_least: float) -> tuple[float, float]:
    """The limits of an axis that holds all bars and bands, 0 and `at_least`."""
    low, high = min(rows["low"].min(), 0), max(rows["high"].max(), at_least)
    return low - 0.04 * (high - low), high + 0.04 * (high - low)


def _caption(rows: pd.DataFrame, whole: pd.DataFrame, tables: Tables) -> str:
    has_shared, has_own = control_kinds(rows)
    ways = " or ".join(sorted(set(whole["interval"])))
    said = [
        "Points: accuracy without ablation minus accuracy with ablated heads, mean over experiments (draws first).",
        f"{'Bars and grey bands' if has_shared else 'Bars'}: 95\u00a0% intervals, Newcombe 1998, from Wilson limits"
        f" with {N_COMPANIES}, {ways}.",
        shared_words(has_shared and whole["method"].nunique() > 1, has_own),
        UNDECIDED if (rows["undecided"] > 0).any() else "",
        f"Not shown, since no head could be ranked: {some(tables.missing)}." if tables.missing else "",
    ]
    return " ".join(filter(None, said)).replace("$", r"\$")
