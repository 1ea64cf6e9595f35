"""What a head adds to the drop of accuracy, against its rank."""

from __future__ import annotations

from typing import TYPE_CHECKING

from head_ablation.figures.figure import Design, Figure, Tables

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing


def _draw(tables: Tables, design: Design) -> Drawing:
    from head_ablation.figures.steps import steps

    return steps(tables, design)


EFFECT_AGAINST_RANK = Figure(
    name="effect_against_rank",
    description="drop of accuracy for each head added from one level to the next, against rank, by question and model",
    view="drop for each head added, by rank",
    draw=_draw,
    title="Heads",
    caption="heads.rst",
)
