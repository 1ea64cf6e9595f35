"""Layer by head: where the ranked heads stand, and which levels ablate them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from head_ablation.figures.figure import Design, Figure, Tables

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing


def _draw(tables: Tables, design: Design) -> Drawing:
    from head_ablation.figures.maps import maps

    return maps(tables, design)


HEAT_MAP = Figure(
    name="heat_map",
    description="layer by head: the rank of each head, coloured by the levels that ablate it; one panel per ranking",
    view="ranks by layer and head",
    draw=_draw,
    title="Heads",
    caption="heads.rst",
    of_rankings=True,
)
