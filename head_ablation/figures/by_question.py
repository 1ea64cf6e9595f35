"""Figure 8 by question."""

from __future__ import annotations

from typing import TYPE_CHECKING

from head_ablation.figures.figure import Figure, Labels, Tables

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing


def _draw(tables: Tables, labels: Labels) -> Drawing:
    from head_ablation.figures.panels import panels

    return panels(tables.curves, "question", "method", labels, tables.missing)


BY_QUESTION = Figure(
    name="figure8_by_question",
    description="Figure 8: one panel per question, a colour per method",
    view="by question",
    draw=_draw,
)
