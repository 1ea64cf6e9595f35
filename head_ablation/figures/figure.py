"""What a figure is: a name, which is its files' too, and how it is drawn from tables and rankings, as a design says."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from head_ablation.common.problems import StudyError
from head_ablation.common.registry import Entry
from head_ablation.figures.palettes import CONTROLS, PALETTES, WIDTHS

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure as Drawing

    from head_ablation.figures.head_map import HeadMap

Names = tuple[tuple[str, str], ...]
"""Keys and the names to show, in the figures' order."""


@dataclass(frozen=True)
class Labels:
    """The names to show for what the tables hold under their column's name."""

    method: Names = ()
    model: Names = ()
    question: Names = ()
    arm: Names = ()

    def name(self, column: str, key: str) -> str:
        """The name to show; of a key without one, its words."""
        return dict(getattr(self, column)).get(key, key.replace("_", " "))

    def order(self, column: str, values: Iterable[str]) -> list[str]:
        """The values that occur: those with a name first, in its order, then the others by key.

        Raises:
            StudyError: none occurs.
        """
        found = {value for value in values if isinstance(value, str)}
        if not found:
            raise StudyError("no curves to draw: the table has no ablated condition")
        named = [key for key, _ in getattr(self, column)]
        return [key for key in named if key in found] + sorted(found.difference(named))


@dataclass(frozen=True)
class Design:
    """How figures look.

    Attributes:
        labels: the names to show.
        tokens: prompt lengths, in the figures' order.
        width_inches: of the whole figure.
        font_size: of its text, in points; notes are smaller.
        palette: one of `PALETTES`.
        legend: whether there is one.
        controls: one of `CONTROLS`.
    """

    labels: Labels = field(default_factory=Labels)
    tokens: tuple[int, ...] = ()
    width_inches: float = WIDTHS["page"]
    font_size: float = 8
    palette: str = next(iter(PALETTES))
    legend: bool = True
    controls: str = CONTROLS[0]

    @property
    def em(self) -> float:
        """The font's size in inches."""
        return self.font_size / 72

    def order(self, column: str, values: Iterable[Any]) -> list[Any]:
        """The values of a column that occur, as `Labels.order` has them; prompt lengths as `tokens` has them."""
        if column != "tokens":
            return self.labels.order(column, values)
        found = set(values)
        return [tokens for tokens in self.tokens if tokens in found] + sorted(found.difference(self.tokens))


@dataclass(frozen=True)
class FigureTask:
    """How figures look, and what they should show: all methods of the study."""

    design: Design
    methods: tuple[str, ...]

    def missing(self, levels: pd.DataFrame) -> list[str]:
        """The methods and experiments that have a baseline, but no head was ablated in them, in words."""
        name, own = self.design.labels.name, ["model", "question", "tokens"]
        shown = set(levels.dropna(subset="method")[["method", *own]].itertuples(index=False, name=None))
        return [
            f"{name('method', method)}, {name('question', question)} ({name('model', model)}, {tokens} tokens)"
            for method in self.methods
            for model, question, tokens in levels[own].drop_duplicates().itertuples(index=False, name=None)
            if (method, model, question, tokens) not in shown
        ]


class Tables(NamedTuple):
    """What figures are drawn from, and in words what is missing there.

    Attributes:
        curves: `curves_table` by question.
        levels: `levels_table`.
        samples: of `samples_table` at least what tells conditions and companies apart, and what was right and counts.
        missing: what no head could be ranked for.
        head_maps: the rankings that have heads; empty for figures that are not `of_rankings`.
    """

    curves: pd.DataFrame
    levels: pd.DataFrame
    samples: pd.DataFrame
    missing: Sequence[str] = ()
    head_maps: Sequence[HeadMap] = ()


@dataclass(frozen=True, kw_only=True)
class Figure(Entry):
    """A figure.

    Attributes:
        view: what it shows, for the report's list of figures.
        title: the figure that it is a view of.
        draw: tables and design -> the figure. Imports matplotlib only when it is called.
        caption: the file in `report/` that explains it in Snakemake's report.
        of_rankings: whether it shows rankings, so that it is left out where no method has one.
    """

    view: str
    draw: Callable[[Tables, Design], Drawing]
    title: str = "Figure 8"
    caption: str = "figure8.rst"
    of_rankings: bool = False
