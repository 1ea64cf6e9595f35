"""What is drawn in a panel: a line per hue and arm from level 0 on, with intervals.

Rows have the columns `hue`, `arm`, `level`, `value`, `low`, `high` and `undecided`. Top heads are solid with filled
marks and bars, set side by side; a control that all hues share is grey, with a band; other controls are dashed,
lighter, with hollow marks. Level 0 is the baseline.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from head_ablation.figures.figure import Design
from head_ablation.figures.style import BAND, GREY, PALE, SHARED, Look, colour_of, lighter, look_of
from head_ablation.figures.text import width_of
from head_ablation.heads.arms import ARMS

STEP_POINTS = 2.2  # between marks of one level


def with_shared_controls(rows: pd.DataFrame, design: Design) -> pd.DataFrame:
    """The rows, with one control for all hues where the design wants one and their controls agree.

    They agree if, at every level, each one's value lies within the interval of all others. What they share is then the
    mean of their values, and reaches from their lowest to their highest limit.
    """
    parts = []
    for arm, own in rows.groupby("arm", sort=False):
        merged = design.controls == "shared" and arm != "top" and _agree(own)
        parts.append(_merged(own) if merged else own)
    return pd.concat(parts, ignore_index=True)


def _agree(rows: pd.DataFrame) -> bool:
    by_level = rows.groupby("level")
    low, high = by_level["low"].max(), by_level["high"].min()
    return bool(((low <= by_level["value"].min()) & (by_level["value"].max() <= high)).all())


def _merged(rows: pd.DataFrame) -> pd.DataFrame:
    found = rows.groupby(["arm", "level"], as_index=False, sort=False).agg(
        value=("value", "mean"), low=("low", "min"), high=("high", "max"), undecided=("undecided", "max")
    )
    return found.assign(hue=SHARED)


@dataclass(frozen=True)
class Pen:
    """Draws one panel.

    Attributes:
        ax: its axes.
        design: of the figure.
        hues: all hues of the figure, in order.
        points: the panel's width, in points.
    """

    ax: Axes
    design: Design
    hues: Sequence[str]
    points: float

    def draw(self, rows: pd.DataFrame, single: pd.DataFrame, control_bars: bool = True) -> None:
        """The panel's lines; behind those of top heads and shared controls, thin, one for each of several experiments.

        Args:
            rows: of the panel.
            single: the same of single experiments, told apart by `experiment`; it may be empty.
            control_bars: whether controls that are not shared have bars.
        """
        order = self.order(rows)
        self.set_levels(sorted(rows["level"].unique()))
        side_by_side = [key for key in order if key[0] != SHARED and (key[1] == "top" or control_bars)]
        for hue, arm in order:
            curve = rows[(rows["hue"] == hue) & (rows["arm"] == arm)].sort_values("level")
            look = self.look(hue, arm)
            for line in _lines(single, hue, arm) if hue == SHARED or arm == "top" else ():
                self._thin(line, look)
            if hue == SHARED:
                self._band(curve, look)
            else:
                offset = self.offset(side_by_side, (hue, arm))
                self._curve(curve, look, offset, bars=arm == "top" or control_bars)

    def order(self, rows: pd.DataFrame) -> list[tuple[str, str]]:
        """Hue and arm of each curve, those in front last."""
        shown = list(rows[["hue", "arm"]].drop_duplicates().itertuples(index=False, name=None))
        return sorted(shown, key=lambda key: (key[1] == "top", key[0] != SHARED, self._place(key[0]), key[1]))

    def look(self, hue: str, arm: str) -> Look:
        """How a curve looks."""
        return look_of(self.design, self.hues, hue, arm)

    def reference(self, value: float, hue: str, linestyle: str) -> None:
        """A line across the panel."""
        colour = colour_of(self.design, self.hues, hue)
        self.ax.axhline(value, color=colour, linestyle=linestyle, linewidth=0.9, zorder=2.2)

    def _place(self, hue: str) -> int:
        return -1 if hue == SHARED else list(self.hues).index(hue)

    def set_levels(self, levels: Sequence[int]) -> None:
        """Ticks at the levels, 0 among them."""
        reach = 0.05 * levels[-1]
        self.ax.set(xticks=levels, xlim=(-reach, levels[-1] + reach))
        size = 0.9 * self.design.font_size
        scale = self.points / 72 / (levels[-1] + 2 * reach)  # inches per head
        self.ax.set_xticklabels(_spaced(levels, scale, size))

    def offset(self, order: Sequence[tuple[str, str]], key: tuple[str, str]) -> float:
        """How far a curve's marks are set aside, in heads."""
        if key not in order:
            return 0.0
        levels = self.ax.get_xticks()
        low, high = self.ax.get_xlim()
        step = min(STEP_POINTS * (high - low) / self.points, 0.75 * min(np.diff(levels)) / len(order))
        return step * (order.index(key) - (len(order) - 1) / 2)

    def _thin(self, line: pd.DataFrame, look: Look) -> None:
        colour = PALE if look["color"] == GREY else lighter(look["color"], 0.5)
        thin = {"linestyle": look["linestyle"], "linewidth": 0.45, "color": colour, "zorder": 2.1}
        self.ax.plot(line["level"], line["value"], **thin)

    def _band(self, curve: pd.DataFrame, look: Look) -> None:
        edges = curve["level"], curve["low"], curve["high"]
        self.ax.fill_between(*edges, color=BAND, linewidth=0, zorder=1.5)
        self.ax.plot(curve["level"], curve["value"], **look)

    def marks(self, x: pd.Series, curve: pd.DataFrame, look: Look, bars: bool) -> None:
        """Marks, with bars or without; hollow where the ranking does not decide the heads."""
        marks = look | {"linestyle": "none"}
        hollow = marks | {"markerfacecolor": "white"}
        undecided = curve["undecided"] > 0
        for chosen, drawn in ((~undecided, marks), (undecided, hollow)):
            if bars and chosen.any():
                part = curve[chosen]
                reach = [part["value"] - part["low"], part["high"] - part["value"]]
                self.ax.errorbar(x[chosen], part["value"], yerr=reach, elinewidth=0.6, **drawn)
            else:
                self.ax.plot(x[chosen], curve["value"][chosen], **drawn)

    def _curve(self, curve: pd.DataFrame, look: Look, offset: float, bars: bool) -> None:
        x, ablated = curve["level"] + offset * (curve["level"] > 0), curve["level"] > 0
        self.ax.plot(x, curve["value"], **(look | {"marker": "none"}))
        self.marks(x[ablated], curve[ablated], look, bars)


def _lines(single: pd.DataFrame, hue: str, arm: str) -> Iterator[pd.DataFrame]:
    """One line for each single experiment; of what hues share, their mean."""
    own = single[(single["arm"] == arm) & ((single["hue"] == hue) | (hue == SHARED))]
    if own["experiment"].nunique() > 1:
        for _, line in own.groupby("experiment", sort=False):
            yield line.groupby("level", as_index=False).agg(value=("value", "mean"))


def _spaced(levels: Sequence[int], scale: float, size: float) -> list[str]:
    """The levels' labels; empty where one would touch another: 0 and the highest first, then from high to low."""
    kept: list[int] = []
    for level in dict.fromkeys([levels[0], levels[-1], *reversed(levels)]):
        room = [abs(level - other) * scale - (_width(level, size) + _width(other, size)) / 2 for other in kept]
        if all(space > 0.35 * size / 72 for space in room):
            kept.append(level)
    return [f"{level}" if level in kept else "" for level in levels]


def _width(level: int, size: float) -> float:
    return width_of(f"{level}", size)


def handles(rows: pd.DataFrame, column: str, design: Design, draws: pd.Series, thin: str) -> list[Line2D]:
    """The legend: a colour and mark for each hue, a dash for each arm, and what the thin lines are.

    Args:
        rows: of all panels, as they were drawn.
        column: what the hues are.
        draws: arm -> draws in words.
        thin: what a thin line is; empty if there is none.
    """
    hues = design.labels.order(column, set(rows["hue"]) - {SHARED})
    arms = [arm for arm in ARMS.names if arm in set(rows["arm"])]
    ending = ""
    if column == "method":  # a method's colour is that of its top heads; a question's, of controls too
        arms, ending = [arm for arm in arms if arm != "top"], f": {arm_name(design, 'top')}"
    names = {hue: design.labels.name(column, hue) + ending for hue in hues}
    made = [Line2D([], [], **look_of(design, hues, hue, "top"), label=name) for hue, name in names.items()]
    for arm in arms:
        name = ", ".join(filter(None, [arm_name(design, arm), draws.get(arm)]))
        made.append(Line2D([], [], **look_of(design, hues, SHARED, arm), label=name))
    if thin:
        made.append(Line2D([], [], color=PALE, linewidth=0.6, label=thin))
    return made


def arm_name(design: Design, arm: str) -> str:
    """`top heads`, unless the arm has a name of its own."""
    named = dict(design.labels.arm)
    return named.get(arm, f"{arm.replace('_', ' ')} heads")


def draws_in_words(levels: pd.DataFrame) -> pd.Series:
    """Drawn arm -> `1 draw`, `mean of 5 draws` or, where experiments differ, `mean of 1 to 5 draws`."""
    drawn = levels[levels["arm"].isin([arm.name for arm in ARMS if arm.is_drawn])]
    count = drawn.groupby(["method", "model", "question", "tokens", "arm", "level"])["draw"].nunique().groupby("arm")
    ends = pd.DataFrame({"low": count.min(), "high": count.max()})
    return ends.apply(_draws, axis=1) if len(ends) else pd.Series(dtype="str")


def _draws(ends: pd.Series) -> str:
    if ends["high"] == 1:
        return "1 draw"
    span = f"{ends['high']}" if ends["low"] == ends["high"] else f"{ends['low']} to {ends['high']}"
    return f"mean of {span} draws"


def shared_words(has_shared: bool, has_own: bool) -> str:
    """What a grey control is, where methods share one."""
    apart = " Controls that disagree are drawn in their methods' colours." if has_own else ""
    about = "Grey controls: mean over methods, whose controls agree; bands from their lowest to their highest limit."
    return about + apart if has_shared else ""
