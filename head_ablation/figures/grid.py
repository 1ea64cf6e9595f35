"""Figure 8 experiment by experiment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from head_ablation.figures.figure import Design, Figure, Tables

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing


def _draw(tables: Tables, design: Design) -> Drawing:
    from head_ablation.figures.panels import panels

    return panels(tables, design, ["model", "tokens", "question"], "method", shape=0.6)


GRID = Figure(
    name="figure8_grid",
    description="Figure 8: one panel per experiment, a column per question, a row per model and length",
    view="single experiments",
    draw=_draw,
)
