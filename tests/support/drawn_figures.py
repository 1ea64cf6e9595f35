"""Figures of small studies, and what is written on them, for tests of figures."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.axis import Axis, Tick
from matplotlib.figure import Figure
from matplotlib.text import Text

from head_ablation.common.experiment import Experiment
from head_ablation.figures import FIGURES
from head_ablation.figures.figure import Design, Tables
from head_ablation.figures.head_map import HeadMap, head_map
from head_ablation.heads.head import ModelShape
from head_ablation.results.curves import curves_table
from head_ablation.results.rows import EXPERIMENT, TablesTask, levels_table, samples_table

PLAIN = Design()
COLUMN = Design(width_inches=3.25)
SHAPE = ModelShape(layers=12, heads=16)


def tables_of(results: Sequence[dict[str, Any]], task: TablesTask | None = None) -> Tables:
    """The tables of some results, as a study's figures get them, and a made-up ranking for each."""
    levels = levels_table(results, task or TablesTask())
    return Tables(curves_table(levels), levels, samples_table(results), head_maps=maps_of(levels))


def maps_of(levels: pd.DataFrame) -> list[HeadMap]:
    """For each method and experiment of a levels table a ranking of all heads; two thirds of them score."""
    ablated = levels.dropna(subset="method")
    numbers = [int(level) for level in sorted(ablated["level"].unique())]
    keys = ablated[["method", *EXPERIMENT]].drop_duplicates().itertuples(index=False, name=None)
    return [
        head_map(method, Experiment(*place), ranking(seed), numbers, SHAPE)
        for seed, (method, *place) in enumerate(keys)
    ]


def ranking(seed: int = 0, shape: ModelShape = SHAPE) -> dict[str, Any]:
    """A ranking of all heads of a grid, in a seeded order."""
    heads = shape.all_heads()
    random.Random(seed).shuffle(heads)
    scores = [max(0.0, 1 - 1.5 * place / len(heads)) for place in range(len(heads))]
    entries = [{"head": str(head), "score": score} for head, score in zip(heads, scores, strict=True)]
    return {"successful_retrievals": 18, "head_rankings": entries}


def drawn(name: str, tables: Tables, design: Design = PLAIN) -> Figure:
    return FIGURES[name].draw(tables, design)


def only(tables: Tables, chosen: pd.Series) -> Tables:
    """The tables of some rows of the levels; the samples stay."""
    levels = tables.levels[chosen]
    return tables._replace(levels=levels, curves=curves_table(levels))


def plain(text: str) -> str:
    """A text without the line breaks that its place gave it."""
    return " ".join(text.split()).replace(r"\$", "$")


def caption(fig: Figure) -> str:
    return plain(fig.texts[-1].get_text())


def legend(fig: Figure) -> list[str]:
    """The legend's names, line by line."""
    fig.draw_without_rendering()
    boxes = [(text.get_window_extent(), plain(text.get_text())) for text in fig.legends[0].get_texts()]
    line = min(box.height for box, _ in boxes)
    top = max(box.y1 for box, _ in boxes)
    return [name for _, name in sorted(boxes, key=lambda box: (round((top - box[0].y1) / line), box[0].x0))]


def titles(fig: Figure) -> list[str]:
    return [plain(ax.get_title(loc="left")) for ax in fig.axes]


def notes(fig: Figure) -> list[str]:
    return [plain(text.get_text()) for ax in fig.axes for text in ax.texts]


def lines_of(ax: Axes, colour: str, width: float) -> list[np.ndarray]:
    """The heights of the lines of a colour and width, without their marks."""
    return [
        np.asarray(line.get_ydata(), dtype=float)
        for line in ax.lines
        if line.get_color() == colour and line.get_linewidth() == width and line.get_linestyle() != "None"
    ]


def texts(fig: Figure) -> list[Text]:
    """Every visible text of the figure that says something."""
    found = [text for text in fig.findobj(Text) if text.get_visible() and text.get_text().strip()]
    hidden = {
        label
        for ax in fig.axes
        for axis in (ax.xaxis, ax.yaxis)
        for tick in axis.get_major_ticks()
        for label in (tick.label1, tick.label2)
        if not label.get_visible() or not _is_in_view(axis, tick)
    }
    return [text for text in found if text not in hidden]


def _is_in_view(axis: Axis, tick: Tick) -> bool:
    low, high = sorted(axis.get_view_interval())
    return bool(low <= tick.get_loc() <= high)


def overlaps(fig: Figure) -> list[tuple[str, str]]:
    """Pairs of texts that cover each other by more than half a point."""
    fig.draw_without_rendering()
    boxes = [(text.get_text(), text.get_window_extent()) for text in texts(fig)]
    margin = 0.5 * fig.dpi / 72
    return [
        (one, two)
        for (one, a), (two, b) in combinations(boxes, 2)
        if min(a.x1, b.x1) - max(a.x0, b.x0) > margin and min(a.y1, b.y1) - max(a.y0, b.y0) > margin
    ]


def outside(fig: Figure) -> list[str]:
    """Texts that leave the page."""
    fig.draw_without_rendering()
    page = fig.bbox
    boxes = [(text.get_text(), text.get_window_extent()) for text in texts(fig)]
    return [
        text
        for text, box in boxes
        if not (page.x0 <= box.x0 and box.x1 <= page.x1 and page.y0 <= box.y0 and box.y1 <= page.y1)
    ]


def upon_data(fig: Figure) -> list[str]:
    """Notes and legends that stand on a panel."""
    fig.draw_without_rendering()
    around = [("legend", legend.get_window_extent()) for legend in fig.legends]
    around += [(text.get_text(), text.get_window_extent()) for text in [*fig.texts, *_above_panels(fig)]]
    return [name for name, box in around if any(ax.get_window_extent().overlaps(box) for ax in fig.axes)]


def _above_panels(fig: Figure) -> list[Text]:
    return [text for ax in fig.axes for text in ax.texts]
