"""What a figure is: a name, which is its files' too, and how it is drawn from the tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from head_ablation.common.registry import Entry

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure as Drawing

Labels = Mapping[str, str]
"""Key -> the name to show; their order is the figures'."""


@dataclass(frozen=True)
class FigureTask:
    """How figures are labelled, and what they should show.

    Attributes:
        labels: keys and the names to show, in the figures' order.
        methods: all methods of the study.
    """

    labels: tuple[tuple[str, str], ...]
    methods: tuple[str, ...]

    def missing(self, levels: pd.DataFrame) -> list[str]:
        """The methods and experiments that have a baseline, but no head was ablated in them, in words."""
        names, own = dict(self.labels), ["model", "question", "tokens"]
        shown = set(levels.dropna(subset="method")[["method", *own]].itertuples(index=False, name=None))
        return [
            f"{method}, {names.get(question, question)} ({model}, {tokens} tokens)"
            for method in self.methods
            for model, question, tokens in levels[own].drop_duplicates().itertuples(index=False, name=None)
            if (method, model, question, tokens) not in shown
        ]


class Tables(NamedTuple):
    """What figures are drawn from: `curves_table` by question, `levels_table`, and in words what these lack."""

    curves: pd.DataFrame
    levels: pd.DataFrame
    missing: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Figure(Entry):
    """A figure.

    Attributes:
        view: what it shows, for the report's list of figures.
        title: the figure that it is a view of.
        draw: tables and labels -> the figure. Imports matplotlib only when it is called.
    """

    view: str
    draw: Callable[[Tables, Labels], Drawing]
    title: str = "Figure 8"
