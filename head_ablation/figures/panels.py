"""Figure 8: accuracy against the number of ablated heads, ranked heads against controls.

The views share their panels: a panel per question, per method, or per experiment.
Top heads are solid with filled markers, controls dashed with hollow ones in a lighter tone, so that
nothing rests on colour alone. Marks at one level stand slightly side by side; the baseline at 0.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import PercentFormatter

from head_ablation.common.problems import some
from head_ablation.figures.figure import Labels
from head_ablation.figures.style import (
    BASELINE,
    CAPTION_CHARACTERS_PER_INCH,
    GREY,
    Look,
    canvas,
    colour_of,
    label_of,
    look_of,
    order_of,
    style,
)
from head_ablation.heads.arms import ARMS
from head_ablation.results.curves import curves_table
from head_ablation.results.rows import EXPERIMENT

UNDECIDED = (
    " Hollow marks on solid lines: levels whose heads the ranking does not decide, in one experiment or more, as it has"
    " heads of equal score on both sides of the cut, or heads that never scored."
)


def grid(levels: pd.DataFrame, labels: Labels, missing: Sequence[str] = ()) -> Figure:
    """One panel per experiment: a column per question, a row per model and length.

    Args:
        levels: a `levels_table`.
        labels: names to show for questions, methods and models (and their order).
        missing: what is not shown since no head could be ranked, in words.
    """
    curves = curves_table(levels, EXPERIMENT)
    questions, methods = (order_of(curves[key], labels) for key in ("question", "method"))
    models = order_of(curves["model"], labels)
    rows = [
        (model, tokens)
        for model in models
        for tokens in sorted(curves.loc[curves["model"] == model, "tokens"].unique())
    ]
    with style({"font.size": 8, "axes.titlesize": 9}):
        size = (1.2 + 2.1 * len(questions), 0.5 + 1.4 * len(rows))
        fig, axes = canvas(len(rows), len(questions), (max(size[0], 5.0), size[1]))
        for (row, column), ax in np.ndenumerate(axes):
            (model, tokens), question = rows[row], questions[column]
            keys = (curves["model"] == model) & (curves["tokens"] == tokens)
            panel = curves[keys & (curves["question"] == question)]
            name = label_of(labels, question) if row == 0 else ""
            if panel.empty:
                _head(ax, name, "not in this study")
                continue
            _draw_panel(ax, panel, "method", methods, size=2.2)
            _head(ax, name, f"n = {panel['companies'].max()} companies")
        for (model, tokens), ax in zip(rows, axes[:, 0], strict=True):
            ax.set_ylabel(f"{label_of(labels, model)}\n{tokens:,} tokens\naccuracy", fontsize=8)
        return _finish(fig, curves, methods, labels, missing)


def panels(curves: pd.DataFrame, panel_key: str, hue_key: str, labels: Labels, missing: Sequence[str] = ()) -> Figure:
    """A row (or two) of panels, one for each value of `panel_key`, coloured by `hue_key`.

    Args:
        curves: a `curves_table` by question.
        panel_key, hue_key: its columns "question" and "method", either way round.
        labels: names to show for questions and methods (and their order); keys name themselves.
        missing: as `grid`.
    """
    shown, hues = order_of(curves[panel_key], labels), order_of(curves[hue_key], labels)
    columns = len(shown) if len(shown) <= 3 else (len(shown) + 1) // 2
    rows = -(-len(shown) // columns)
    with style({}):
        width = max(0.8 + 3.3 * columns, 5.0)
        fig, axes = canvas(rows, columns, (width, 0.3 + 2.7 * rows))
        for ax, value in zip(axes.flat, shown, strict=False):
            panel = curves[curves[panel_key] == value]
            _draw_panel(ax, panel, hue_key, hues, size=4)
            _head(ax, label_of(labels, value), _basis(panel))
            ax.tick_params(labelbottom=True)
        for ax in axes.flat[len(shown) :]:
            ax.remove()
        for ax in axes[:, 0]:
            ax.set_ylabel("accuracy")
        return _finish(fig, curves, hues, labels, missing)


def _draw_panel(ax: Axes, panel: pd.DataFrame, hue_key: str, hues: Sequence[str], size: float) -> None:
    """Curves with their intervals, a dotted baseline and a dash-dot floor, for each hue."""
    series = {(str(hue), str(arm)): rows for (hue, arm), rows in panel.groupby([hue_key, "arm"])}
    order = sorted(series, key=lambda key: (key[1] == "top", hues.index(key[0])))
    levels = sorted(panel["level"].unique())
    step = min(0.11, 0.5 / len(order)) * min(np.diff(levels))
    for place, (hue, arm) in enumerate(order):
        offset = step * (place - (len(order) - 1) / 2)
        _draw_curve(ax, series[hue, arm], offset, look_of(hues, hue, arm, size))
    for row, colour, _ in _references(panel, "accuracy", hue_key, hues):
        ax.axhline(row["accuracy"], color=colour, linestyle=":", linewidth=1.1, zorder=1.5)
        _draw_bars(ax, pd.DataFrame([row]), 0, BASELINE | {"color": colour, "markersize": size})
    for row, colour, shared in _references(panel, "majority_accuracy", hue_key, hues):
        floor = row["majority_accuracy"]
        ax.axhline(floor, color=colour, linestyle="-.", linewidth=0.9, zorder=1.4)
        if shared:
            _note(ax, f"{floor:.0%}", (1.01, floor), ("axes fraction", "data"), va="center")
    ax.set(xticks=levels, ylim=(-0.03, 1.03), yticks=np.linspace(0, 1, 5))
    ax.yaxis.set_major_formatter(PercentFormatter(1))


def _draw_curve(ax: Axes, curve: pd.DataFrame, offset: float, look: Look) -> None:
    """One line from the baseline through its levels, set aside by `offset`, with error bars."""
    curve = curve.sort_values("level")
    x = curve["level"] + offset * (curve["level"] > 0)
    ax.plot(x, curve["accuracy"], **(look | {"marker": "none"}))
    undecided = curve["undecided"] > 0
    _draw_bars(ax, curve[(curve["level"] > 0) & ~undecided], offset, look)
    _draw_bars(ax, curve[undecided], offset, look | {"markerfacecolor": "white"})


def _draw_bars(ax: Axes, points: pd.DataFrame, offset: float, look: Look) -> None:
    reach = [points["accuracy"] - points["low"], points["high"] - points["accuracy"]]
    bars = look | {"linestyle": "none", "elinewidth": 0.9}
    ax.errorbar(points["level"] + offset, points["accuracy"], yerr=reach, **bars)


def _references(
    panel: pd.DataFrame, column: str, hue_key: str, hues: Sequence[str]
) -> Iterator[tuple[Mapping[Any, Any], str, bool]]:
    """Level-0 rows with distinct values of `column`; one grey row if all hues share its value."""
    rows = panel[panel["level"] == 0].dropna(subset=column).drop_duplicates([hue_key, column])
    shared = rows[column].round(9).nunique() == 1
    for row in rows.iloc[: 1 if shared else len(rows)].to_dict("records"):
        yield row, GREY if shared else colour_of(hues, str(row[hue_key])), shared


def _head(ax: Axes, title: str, note: str) -> None:
    """Title and, in small print below it, what the panel rests on; above the data, never on it."""
    ax.set_title(title, loc="left", pad=14 if title else 4)
    _note(ax, note, (0, 1.02), "axes fraction", va="bottom")


def _note(ax: Axes, text: str, xy: tuple[float, float], xycoords: Any, va: Any) -> None:
    ax.annotate(text, xy, xycoords=xycoords, va=va, fontsize="x-small", color=GREY)


def _basis(panel: pd.DataFrame) -> str:
    companies, experiments = panel["companies"].max(), panel["experiments"].max()
    plural = "experiment" if experiments == 1 else "experiments"
    return f"n = {companies} companies, {experiments} {plural}"


def _finish(fig: Figure, curves: pd.DataFrame, hues: Sequence[str], labels: Labels, missing: Sequence[str]) -> Figure:
    """Adds legend and caption below the panels and fixes the layout, so that saving keeps it."""
    width, panels_height = fig.get_size_inches()
    lines = textwrap.wrap(_caption(curves, missing), int(width * CAPTION_CHARACTERS_PER_INCH))
    handles = _legend_handles(curves, hues, labels)
    columns = min(int(width / 2.4), len(handles))
    caption = 0.1 + 0.14 * len(lines)
    legend = 0.15 + 0.19 * -(-len(handles) // columns)
    height = panels_height + legend + caption
    fig.set_size_inches(width, height)
    below = (legend + caption) / height
    fig.set_layout_engine("constrained", rect=(0, below, 1, 1 - below))
    fig.text(0.15 / width, 0.06 / height, "\n".join(lines).replace("$", r"\$"), fontsize=7, color=GREY, va="bottom")
    place: dict[str, Any] = {
        "loc": "lower left",
        "bbox_to_anchor": (0, caption / height),
        "frameon": False,
    }
    fig.legend(handles=handles, ncols=columns, **place).set_in_layout(False)
    fig.draw_without_rendering()
    fig.set_layout_engine("none")
    return fig


def _legend_handles(curves: pd.DataFrame, hues: Sequence[str], labels: Labels) -> list[Line2D]:
    """A colour and marker for each hue, a dash for each arm, the baseline, and the floor if any."""
    handles = [Line2D([], [], **look_of(hues, hue, "top", 4), label=label_of(labels, hue)) for hue in hues]
    for arm in curves["arm"].unique():
        look = look_of([""], "", arm, 4) | {"color": GREY, "marker": "none"}
        handles.append(Line2D([], [], **look, label=f"{label_of(labels, arm).replace('_', ' ')} heads ablated"))
    handles.append(Line2D([], [], **BASELINE, color=GREY, label="baseline, no head ablated"))
    if curves["majority_accuracy"].notna().any():
        floor = "always the most frequent answer"
        handles.append(Line2D([], [], color=GREY, linestyle="-.", linewidth=0.9, label=floor))
    return handles


def _caption(curves: pd.DataFrame, missing: Sequence[str]) -> str:
    """What the bars are, what n counts, what was averaged, what is marked or missing."""
    pooled = curves["experiments"].max() > 1
    drawn = curves[curves["arm"].isin([arm.name for arm in ARMS if arm.is_drawn]) & (curves["level"] > 0)]
    draws = drawn.groupby("arm")["draws"].min()
    return "".join(
        [
            "Bars: Wilson 95 % intervals with n = distinct companies",
            " (one company's answers at several lengths or models count as one)" if pooled else "",
            ". Points: share of the prompts that count answered correctly",
            *(f"; {arm} heads: mean of {count} draws" for arm, count in draws.items() if count > 1),
            "; averaged over experiments" if pooled else "",
            ". Marks of one level stand side by side.",
            UNDECIDED if (curves["undecided"] > 0).any() else "",
            f" Not shown, since no head could be ranked: {some(missing)}." if missing else "",
        ]
    )
