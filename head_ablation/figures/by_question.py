"""Figure 8 by question."""

from __future__ import annotations

from typing import TYPE_CHECKING

from head_ablation.figures.figure import Design, Figure, Tables

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing


def _draw(tables: Tables, design: Design) -> Drawing:
    from head_ablation.figures.panels import panels

    return panels(tables, design, ["model", "question"], "method")


BY_QUESTION = Figure(
    name="figure8_by_question",
    description="Figure 8: one panel per question and model, a colour per method",
    view="by question",
    draw=_draw,
)
