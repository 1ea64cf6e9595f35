"""What a head adds to the drop of accuracy, against its rank: steps from level to level, by question and model."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from head_ablation.common.problems import some
from head_ablation.figures.drops import limits
from head_ablation.figures.figure import Design, Tables
from head_ablation.figures.lines import Pen, draws_in_words, handles, shared_words, with_shared_controls
from head_ablation.figures.page import Page, Panel
from head_ablation.figures.panels import basis, control_kinds
from head_ablation.figures.style import BAND, PALE, SHARED, Look, lighter, style
from head_ablation.figures.text import N_COMPANIES
from head_ablation.results.rank_effects import rank_effects
from head_ablation.results.rows import EXPERIMENT

UNDECIDED = (
    "Hollow marks on solid lines: heads between levels of which the ranking does not decide one, in one experiment or"
    " more, as it has heads of equal score on both sides of the cut, or heads that never scored."
)
ONE: Look = {"linestyle": "none", "marker": "_", "markersize": 5, "markeredgewidth": 0.6}
Key = tuple[str, str]
"""A model and a question."""


def steps(tables: Tables, design: Design) -> Figure:
    """A panel for each question and model: the drop for each head added from one level to the next."""
    parts = _parts(tables, design)
    found = {key: rank_effects(*part).rename(columns={"method": "hue"}) for key, part in parts.items()}
    effects = {key: rows for key, rows in found.items() if not rows.empty}
    hues = design.order("method", tables.levels["method"])
    group = len({question for _, question in parts})
    with style(design):
        heads = [_head(design, key, levels) for key, (levels, _) in parts.items()]
        page = Page(design, heads, group, "rank", "drop per added head (points)")
        drawn = {key: with_shared_controls(rows, design) for key, rows in effects.items()}
        for ax, key in zip(page.axes, parts, strict=True):
            pen = Pen(ax, design, hues, page.panel_points)
            pen.reference(0, SHARED, ":")
            if key in drawn:
                _draw(pen, drawn[key], _single(*parts[key]))
        all_rows = pd.concat(drawn.values())
        page.axes[0].set(ylim=limits(all_rows, at_least=1))
        page.axes[0].yaxis.set_major_locator(MaxNLocator(7, steps=[1, 2, 2.5, 5, 10]))
        legend = handles(all_rows, "method", design, draws_in_words(tables.levels), "")
        several = any(levels["tokens"].nunique() > 1 for levels, _ in parts.values())
        legend += [Line2D([], [], **ONE, color=PALE, label="one experiment")] if several else []
        return page.close(legend, _caption(all_rows, pd.concat(effects.values()), tables))


def _parts(tables: Tables, design: Design) -> dict[Key, tuple[pd.DataFrame, pd.DataFrame]]:
    """The levels and samples of each model and question, in the config's order."""
    ablated = tables.levels[tables.levels["arm"] != "baseline"]
    models, questions = (design.order(column, ablated[column]) for column in ("model", "question"))
    keys = [(model, question) for model in models for question in questions]
    return {key: (_of(tables.levels, key), _of(tables.samples, key)) for key in keys}


def _of(frame: pd.DataFrame, key: Key) -> pd.DataFrame:
    return frame[(frame["model"] == key[0]) & (frame["question"] == key[1])]


def _head(design: Design, key: Key, levels: pd.DataFrame) -> Panel:
    ablated = levels[levels["arm"] != "baseline"]
    model, question = design.labels.name("model", key[0]), design.labels.name("question", key[1])
    return Panel(question, f"{model}\n{'not in this study' if ablated.empty else basis(ablated)}")


def _single(levels: pd.DataFrame, samples: pd.DataFrame) -> pd.DataFrame:
    """The values of single experiments, of top heads alone; none if there is one experiment."""
    found = [
        rank_effects(own[own["arm"].isin(["baseline", "top"])], samples[:0])
        for _, own in levels.groupby("tokens", sort=False)
    ]
    return pd.concat(found) if len(found) > 1 else rank_effects(levels[:0], samples[:0])


def _draw(pen: Pen, rows: pd.DataFrame, single: pd.DataFrame) -> None:
    """Steps and bars of one panel, and a thin mark for each single experiment."""
    pen.set_levels([0, *sorted(rows["level"].unique())])
    order = pen.order(rows)
    side_by_side = [key for key in order if key[0] != SHARED]
    for hue, arm in order:
        curve = rows[(rows["hue"] == hue) & (rows["arm"] == arm)].sort_values("level").reset_index(drop=True)
        edges, look = np.array([0, *curve["level"]]), pen.look(hue, arm)
        middles = pd.Series((edges[1:] + edges[:-1]) / 2 + pen.offset(side_by_side, (hue, arm)))
        line: Look = {name: look[name] for name in ("color", "linestyle", "linewidth", "zorder")}
        pen.ax.stairs(curve["value"], edges, baseline=None, **line)
        if hue == SHARED:
            pen.ax.stairs(curve["high"], edges, baseline=curve["low"], fill=True, color=BAND, linewidth=0, zorder=1.5)
        else:
            pen.marks(middles, curve, look, bars=True)
        own = single[(single["method"] == hue) & (arm == "top")]
        x = own["level"].map(dict(zip(curve["level"], middles, strict=True)))
        pen.ax.plot(x, own["value"], **ONE, color=lighter(look["color"]), zorder=2.1)


def _caption(rows: pd.DataFrame, effects: pd.DataFrame, tables: Tables) -> str:
    has_shared, has_own = control_kinds(rows)
    ways = " or ".join(sorted(set(effects["interval"])))
    several = tables.levels[EXPERIMENT].drop_duplicates().groupby(["model", "question"]).size().max() > 1
    controls = " Controls: the same of their heads, in the order of the draw." if has_shared or has_own else ""
    said = [
        "Steps: drop of accuracy from one level to the next, in percentage points for each head that the level adds, at"
        f" the ranks of these heads; all heads above them stay ablated{', mean over experiments' * bool(several)}. The"
        f" area between steps and 0, up to a level, is the drop at that level.{controls}",
        f"{'Bars and grey bands' if has_shared else 'Bars'}: 95\u00a0% intervals, Newcombe 1998, from Wilson limits"
        f" with {N_COMPANIES}, {ways}.",
        shared_words(has_shared and effects["hue"].nunique() > 1, has_own),
        UNDECIDED if (rows["undecided"] > 0).any() else "",
        f"Not shown, since no head could be ranked: {some(tables.missing)}." if tables.missing else "",
    ]
    return " ".join(filter(None, said)).replace("$", r"\$")
