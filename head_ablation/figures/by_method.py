"""Figure 8 by method."""

from __future__ import annotations

from typing import TYPE_CHECKING

from head_ablation.figures.figure import Figure, Labels, Tables

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing


def _draw(tables: Tables, labels: Labels) -> Drawing:
    from head_ablation.figures.panels import panels

    return panels(tables.curves, "method", "question", labels, tables.missing)


BY_METHOD = Figure(
    name="figure8_by_method",
    description="Figure 8: one panel per method, a colour per question",
    view="by method",
    draw=_draw,
)
