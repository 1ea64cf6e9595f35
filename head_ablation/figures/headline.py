"""The headline: how much accuracy drops, over all experiments, by model and by question."""

from __future__ import annotations

from typing import TYPE_CHECKING

from head_ablation.figures.figure import Design, Figure, Tables

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing


def _draw(tables: Tables, design: Design) -> Drawing:
    from head_ablation.figures.drops import drops

    return drops(tables, design)


HEADLINE = Figure(
    name="headline",
    description="mean drop of accuracy with its interval: all experiments, each model, each question",
    view="all experiments, by model, by question",
    draw=_draw,
    title="Mean drops",
)
