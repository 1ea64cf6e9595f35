"""Figure 8: accuracy against the number of ablated heads, ranked heads against controls, in panels.

The views share their panels: one for each question, method or experiment, of one model each. A model is never averaged
with another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import PercentFormatter

from head_ablation.common.problems import some
from head_ablation.figures.figure import Design, Tables
from head_ablation.figures.lines import Pen, draws_in_words, handles, shared_words, with_shared_controls
from head_ablation.figures.page import Page, Panel, titled_once
from head_ablation.figures.style import GREY, SHARED, style
from head_ablation.figures.text import N_COMPANIES, NO_BREAK
from head_ablation.results.curves import curves_table
from head_ablation.results.rows import EXPERIMENT

UNDECIDED = (
    "Hollow marks on solid lines: levels whose heads the ranking does not decide, in one experiment or more, as it has"
    " heads of equal score on both sides of the cut, or heads that never scored."
)
POOLED = {
    "method": ", mean over a panel's experiments; thin lines show single ones, of top heads and of grey controls",
    "question": ", mean over the experiments of one model and question",
}
"""What points are where they stand for several experiments, by what the colours are."""
FLOOR = "always the most frequent answer"
Key = tuple[Any, ...]


def panels(tables: Tables, design: Design, by: Sequence[str], hue: str, shape: float = 0.75) -> Figure:
    """Figure 8 with a panel for each combination of `by`, coloured by `hue`.

    Args:
        tables: of which the levels are drawn.
        design: how it looks.
        by: columns of the levels, the model first; the last one names the panels.
        hue: "method" or "question".
        shape: a panel's height for its width.
    """
    means = _curves(tables.levels, [column for column in EXPERIMENT if column in {*by, hue}], hue)
    single = _curves(tables.levels, EXPERIMENT, hue)
    keys, found = _keys(means, design, by), {tuple(row) for row in means[list(by)].to_numpy()}
    hues, group = design.labels.order(hue, means["hue"]), len({key[-1] for key in keys})
    with style(design):
        heads = [_head(design, by, key, _at(single, by, key)) for key in keys]
        heads = titled_once(design, heads, group) if len(by) == len(EXPERIMENT) else heads
        page = Page(design, heads, group, "heads ablated", "accuracy", shape)
        drawn = []
        for key, ax in zip(keys, page.axes, strict=True):
            pen = Pen(ax, design, hues, page.panel_points)
            if key in found:
                own = _at(means, by, key)
                own = with_shared_controls(own, design) if hue == "method" else own
                behind = _at(single, by, key) if hue == "method" else single[:0]
                pen.draw(own, behind, control_bars=hue == "method")
                _draw_references(pen, _at(means, by, key))
                drawn.append(own)
            ax.set(ylim=(-0.03, 1.03), yticks=np.linspace(0, 1, 5))
            ax.yaxis.set_major_formatter(PercentFormatter(1))
        rows = pd.concat(drawn)
        pooled = len(by) < len(EXPERIMENT) and means["experiments"].max() > 1
        legend = handles(
            rows, hue, design, draws_in_words(tables.levels), "one experiment" if pooled and hue == "method" else ""
        )
        return page.close([*legend, *_reference_handles(means)], _caption(rows, means, pooled, hue, tables.missing))


def _curves(levels: pd.DataFrame, by: Sequence[str], hue: str) -> pd.DataFrame:
    curves = curves_table(levels, by).rename(columns={"accuracy": "value"})
    return curves.assign(hue=curves[hue], experiment=["/".join(map(str, row)) for row in curves[list(by)].to_numpy()])


def _keys(curves: pd.DataFrame, design: Design, by: Sequence[str]) -> list[Key]:
    """All combinations of what occurs, in the config's order, so that panels stand in rows and columns."""
    index = pd.MultiIndex.from_product([design.order(column, curves[column]) for column in by])
    return [tuple(key) for key in index]


def _at(curves: pd.DataFrame, by: Sequence[str], key: Key) -> pd.DataFrame:
    chosen = np.logical_and.reduce([curves[column] == value for column, value in zip(by, key, strict=True)])
    return curves[chosen]


def _head(design: Design, by: Sequence[str], key: Key, single: pd.DataFrame) -> Panel:
    """Title and note of a panel: which it is, and how many companies and experiments it rests on."""
    *about, last = key
    model = design.labels.name("model", about[0])
    length = [f"{tokens:,}{NO_BREAK}tokens" for tokens in about[1:]]
    rest = "not in this study" if single.empty else basis(single)
    return Panel(design.labels.name(by[-1], last), "\n".join([model, "; ".join([*length, rest])]))


def basis(single: pd.DataFrame) -> str:
    """On how many companies and experiments curves rest: `n = 22 to 36 companies, 32 experiments`."""
    of_each = single.groupby(EXPERIMENT)["companies"].max()
    low, high, count = of_each.min(), of_each.max(), len(of_each)
    span = f"{high}" if low == high else f"{low} to {high}"
    experiments = f", {count}{NO_BREAK}experiments" if count > 1 else ""
    return f"n{NO_BREAK}={NO_BREAK}{span} {'company' if high == 1 else 'companies'}{experiments}"


def _draw_references(pen: Pen, panel: pd.DataFrame) -> None:
    """A dotted baseline and a dash-dot floor for each hue; a grey one if all share it."""
    for column, linestyle in (("value", ":"), ("majority_accuracy", "-.")):
        rows = panel[panel["level"] == 0].dropna(subset=column).drop_duplicates(["hue", column])
        shared = rows[column].round(9).nunique() == 1
        for row in rows.iloc[: 1 if shared else len(rows)].to_dict("records"):
            pen.reference(row[column], SHARED if shared else row["hue"], linestyle)


def _reference_handles(curves: pd.DataFrame) -> list[Line2D]:
    thin: Mapping[str, Any] = {"color": GREY, "linewidth": 0.9}
    made = [Line2D([], [], **thin, linestyle=":", label="baseline, no head ablated")]
    if curves["majority_accuracy"].notna().any():
        made.append(Line2D([], [], **thin, linestyle="-.", label=FLOOR))
    return made


def control_kinds(rows: pd.DataFrame) -> tuple[bool, bool]:
    """Whether some controls are shared, and whether some are not."""
    controls = rows[rows["arm"] != "top"]
    return bool((controls["hue"] == SHARED).any()), bool((controls["hue"] != SHARED).any())


def _caption(rows: pd.DataFrame, means: pd.DataFrame, pooled: bool, hue: str, missing: Sequence[str]) -> str:
    """What points, bars and bands are, what n counts, what was averaged, what is marked or missing."""
    has_shared, has_own = control_kinds(rows)
    bars = "Bars and grey bands" if has_shared else "Bars" if hue == "method" else "Bars, of top heads alone"
    said = [
        f"Points: share of the prompts that count answered correctly{POOLED[hue] if pooled else ''}.",
        f"{bars}: Wilson 95\u00a0% intervals with {N_COMPANIES}"
        + (", of the experiment that has most (a company counts once, at however many lengths)." if pooled else "."),
        shared_words(has_shared and means["hue"].nunique() > 1, has_own),
        UNDECIDED if (means["undecided"] > 0).any() else "",
        f"Not shown, since no head could be ranked: {some(missing)}." if missing else "",
    ]
    return " ".join(filter(None, said)).replace("$", r"\$")
