"""What a figure is: a name, which is its files' too, and how it is drawn from the tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
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
    """How figures are labelled: keys and the names to show, in the figures' order."""

    labels: tuple[tuple[str, str], ...]


class Tables(NamedTuple):
    """What figures are drawn from: `curves_table` by question, and `levels_table`."""

    curves: pd.DataFrame
    levels: pd.DataFrame


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
