"""Figure 8 experiment by experiment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from head_ablation.figures.figure import Figure, Labels, Tables

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing


def _draw(tables: Tables, labels: Labels) -> Drawing:
    from head_ablation.figures.panels import grid

    return grid(tables.levels, labels, tables.missing)


GRID = Figure(
    name="figure8_grid",
    description="Figure 8: one panel per experiment, a column per question, a row per model and length",
    view="single experiments",
    draw=_draw,
)
