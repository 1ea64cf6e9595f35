"""Figure 8 by method."""

from __future__ import annotations

from typing import TYPE_CHECKING

from head_ablation.figures.figure import Design, Figure, Tables

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing


def _draw(tables: Tables, design: Design) -> Drawing:
    from head_ablation.figures.panels import panels

    return panels(tables, design, ["model", "method"], "question")


BY_METHOD = Figure(
    name="figure8_by_method",
    description="Figure 8: one panel per method and model, a colour per question",
    view="by method",
    draw=_draw,
)
