"""Heads by layer, one panel per ranking: colours are ranks, and change at the study's levels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from math import ceil

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from head_ablation.common.problems import StudyError, some
from head_ablation.figures.figure import Design, Tables
from head_ablation.figures.head_map import HeadMap
from head_ablation.figures.page import Page, Panel, columns_of, titled_once
from head_ablation.figures.palettes import PALETTES
from head_ablation.figures.style import GREY, Look, lighter, shades, style
from head_ablation.figures.text import NO_BREAK

MOST_STEPS = 6
"""More colours than that are not told apart; of more levels, the figure takes so many."""
MOST_ROWS = 6
"""More rows of panels than that fill more than a page; then the figure takes the rankings at the longest prompts."""
NO_SCORE = "white"
LOWER = 0.82  # of the way to white: ranks below the highest level
Key = tuple[str, str, int, str]
"""A method, a model, a prompt length and a question: rows first, then columns."""


@dataclass(frozen=True)
class Ramp:
    """The colours of ranks.

    Attributes:
        levels: where they change.
        colours: of the heads that these levels ablate, best first, then of those that rank lower.
    """

    levels: tuple[int, ...]
    colours: tuple[str, ...]

    @classmethod
    def of_levels(cls, levels: Sequence[int], palette: str) -> Ramp:
        """From dark to light, of the palette's first colour."""
        chosen = sorted({levels[round(place)] for place in np.linspace(0, len(levels) - 1, MOST_STEPS)})
        colour = PALETTES[palette][0]
        return cls(tuple(chosen), (*shades(colour, len(chosen)), lighter(colour, LOWER)))

    def steps(self, ranking: HeadMap) -> NDArray[np.float64]:
        """The place of each head's colour; NaN of heads that never scored and that no level ablates.

        Returns:
            places in `colours`.  # [layer, head]
        """
        found = np.full((ranking.shape.layers, ranking.shape.heads), np.nan)
        for head, rank in ranking.ranks.items():
            if rank <= max(ranking.scored, self.levels[-1]):
                found[head.layer, head.head] = np.searchsorted(self.levels, rank)
        return found

    def names(self) -> list[str]:
        """The colours in words."""
        ends = [(after + 1, level) for after, level in pairwise((0, *self.levels))]
        named = [f"rank {low}" if low == high else f"ranks {low} to {high}" for low, high in ends]
        return [*named, "lower ranks"]


def maps(tables: Tables, design: Design) -> Figure:
    """A panel for each ranking: a column per question, a row per method, model and length.

    Raises:
        StudyError: there is no ranking.
    """
    if not tables.head_maps:
        raise StudyError("no heads to draw: no ranking has any")
    every = {_key(ranking): ranking for ranking in tables.head_maps}
    shown = _shown(every, design)
    ramp = Ramp.of_levels(max((ranking.levels for ranking in shown.values()), key=len), design.palette)
    keys = _keys(shown, design)
    group = len({key[-1] for key in keys})
    with style(design):
        heads = titled_once(design, [_head(design, key, shown.get(key)) for key in keys], group)
        page = Page(design, heads, group, "head", "layer")
        for ax, key in zip(page.axes, keys, strict=True):
            ax.grid(visible=False)
            if key in shown:
                _draw(ax, shown[key], ramp, page.panel_points)
        shapes = [ranking.shape for ranking in shown.values()]
        page.axes[0].set(
            xlim=(-0.5, max(shape.heads for shape in shapes) - 0.5),
            ylim=(-0.5, max(shape.layers for shape in shapes) - 0.5),
        )
        for axis in (page.axes[0].xaxis, page.axes[0].yaxis):
            axis.set_major_locator(MaxNLocator(4, integer=True))
        undecided = any(ranking.undecided for ranking in shown.values())
        return page.close(_handles(ramp, undecided), _caption(tables, design, every, shown, ramp))


def _key(ranking: HeadMap) -> Key:
    model, question, tokens = ranking.experiment
    return ranking.method, model, tokens, question


def _shown(every: Mapping[Key, HeadMap], design: Design) -> dict[Key, HeadMap]:
    """All rankings, or those at the longest prompts."""
    questions, longest = len({key[-1] for key in every}), max(tokens for _, _, tokens, _ in every)
    rows = len({key[:-1] for key in every}) * ceil(questions / columns_of(design, len(every), questions))
    return {key: one for key, one in every.items() if rows <= MOST_ROWS or key[2] == longest}


def _keys(shown: Mapping[Key, HeadMap], design: Design) -> list[Key]:
    """All combinations of what occurs, in the config's order, so that panels stand in rows and columns."""
    columns = zip(("method", "model", "tokens", "question"), zip(*shown, strict=True), strict=True)
    return [(m, n, t, q) for m, n, t, q in product(*(design.order(column, values) for column, values in columns))]


def _head(design: Design, key: Key, ranking: HeadMap | None) -> Panel:
    """Title and note of a panel: which ranking it is, and on how many prompts it rests."""
    method, model, tokens, question = key
    name = design.labels.name
    rests = "no ranked head" if ranking is None else _basis(ranking.prompts)
    note = [
        name("method", method),
        name("model", model),
        "; ".join(filter(None, [f"{tokens:,}{NO_BREAK}tokens", rests])),
    ]
    return Panel(name("question", question), "\n".join(note))


def _basis(prompts: int | None) -> str:
    return (
        ""
        if prompts is None
        else f"n{NO_BREAK}={NO_BREAK}{prompts:,}{NO_BREAK}{'prompt' if prompts == 1 else 'prompts'}"
    )


def _draw(ax: Axes, ranking: HeadMap, ramp: Ramp, points: float) -> None:
    layers, heads = ranking.shape.layers, ranking.shape.heads
    edges = (-0.5, heads - 0.5, -0.5, layers - 0.5)
    look: Look = {"cmap": ListedColormap(ramp.colours), "vmin": 0, "vmax": len(ramp.colours) - 1}
    ax.imshow(ramp.steps(ranking), **look, extent=edges, interpolation="nearest", aspect="auto", origin="lower")
    ax.add_patch(Rectangle((-0.5, -0.5), heads, layers, fill=False, edgecolor=GREY, linewidth=0.5))
    if ranking.undecided:
        rows, columns = zip(*sorted(ranking.undecided), strict=True)
        ax.plot(columns, rows, **_dot(min(3.5, max(1.5, 0.5 * points / heads))))


def _dot(size: float) -> Look:
    return {
        "linestyle": "none",
        "marker": "o",
        "markersize": size,
        "color": "black",
        "markerfacecolor": "white",
        "markeredgewidth": 0.4,
    }


def _handles(ramp: Ramp, undecided: bool) -> list[Patch | Line2D]:
    colours = dict(zip(ramp.names(), ramp.colours, strict=True)) | {"no score": NO_SCORE}
    made: list[Patch | Line2D] = [
        Patch(facecolor=colour, edgecolor=GREY, linewidth=0.5, label=name) for name, colour in colours.items()
    ]
    return [*made, Line2D([], [], **_dot(3.5), label="not decided by the ranking")] if undecided else made


def _caption(
    tables: Tables, design: Design, every: Mapping[Key, HeadMap], shown: Mapping[Key, HeadMap], ramp: Ramp
) -> str:
    """What a panel is, where colours change, what is marked, left out or missing."""
    levels = {level for ranking in shown.values() for level in ranking.levels}
    longest, drawn = max(key[2] for key in shown), {key[0] for key in every}
    methods = [method for method in design.order("method", tables.levels["method"]) if method not in drawn]
    unranked = [design.labels.name("method", method) for method in methods]
    said = {
        "A panel is one ranking, which rests on n train prompts; rank 1 is the best head; nothing is averaged."
        " Colours change at levels: a level ablates the heads of its colour and of all darker ones.": True,
        f"{len(ramp.levels)} of {len(levels)} levels have a colour.": len(ramp.levels) < len(levels),
        f"Shown of {len(every)} rankings: those at {longest:,} tokens, the longest prompts.": len(shown) < len(every),
        "Dots: ablated heads of equal score as a head that the level leaves out, or without a score.": any(
            ranking.undecided for ranking in shown.values()
        ),
        "Panels end at the last ranked head.": not all(ranking.is_whole for ranking in shown.values()),
        f"Without rankings, so not shown: {some(unranked)}.": bool(unranked),
        f"Not shown, since no head could be ranked: {some(tables.missing)}.": bool(tables.missing),
    }
    return " ".join(sentence for sentence, holds in said.items() if holds).replace("$", r"\$")
