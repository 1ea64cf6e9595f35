"""One style for all figures: colours, markers, dashes, canvas, files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure

from head_ablation.common.files import whole_file
from head_ablation.common.problems import StudyError
from head_ablation.figures.figure import Labels
from head_ablation.heads.arms import ARMS

Look = dict[str, Any]  # keyword arguments of a line
MARKERS = "os^DvPX*"
CONTROL_DASHES = ((0, (4, 2)), (0, (2, 1)), (0, (1, 1)), (0, (5, 1, 1, 1)), (0, (8, 3)))  # in the arms' order
GREY = "0.35"
BASELINE: Look = {"linestyle": ":", "marker": "s", "markersize": 4, "zorder": 4}
CAPTION_CHARACTERS_PER_INCH = 19  # at 7 points
STYLE: dict[Any, Any] = {
    "font.size": 9,
    "axes.titlesize": 10,
    "legend.fontsize": 8.5,
    "svg.hashsalt": "figure8",
}
STYLE |= {"pdf.fonttype": 42, "axes.linewidth": 0.8, "grid.linewidth": 0.5}
METADATA: dict[str, dict[str, Any]] = {  # no dates, so equal figures are equal bytes
    "svg": {"Date": None},
    "png": {"Software": None},
    "pdf": {"CreationDate": None},
}


def save_figure(fig: Figure, paths: Sequence[Path]) -> None:
    """Writes a figure to each path, in the format of its ending (png at 200 dpi), whole or not at all.

    Equal figures have equal bytes.
    """
    for path in paths:
        kind = path.suffix[1:]
        with whole_file(path) as temporary, matplotlib.rc_context(STYLE):
            fig.savefig(temporary, format=kind, dpi=200, metadata=METADATA[kind])


def _dash(control: str) -> Any:
    controls = [arm for arm in ARMS.names if arm != "top"]
    place = controls.index(control) if control in controls else len(controls)
    return CONTROL_DASHES[place % len(CONTROL_DASHES)]


def look_of(hues: Sequence[str], hue: str, arm: str, size: float) -> Look:
    """Line and marker of one curve."""
    top = arm == "top"
    colour = colour_of(hues, hue) if top else lighter(colour_of(hues, hue))
    return {
        "color": colour,
        "linestyle": "-" if top else _dash(arm),
        "linewidth": 1.6 if top else 1.2,
        "marker": MARKERS[hues.index(hue) % len(MARKERS)],
        "markersize": size,
        "markerfacecolor": colour if top else "white",
        "zorder": 3 if top else 2,
    }


def colour_of(hues: Sequence[str], hue: str) -> str:
    return to_hex(sns.color_palette("colorblind", len(hues))[list(hues).index(hue)])


def lighter(colour: str) -> str:
    red, green, blue = (0.55 * part + 0.45 for part in to_rgb(colour))
    return to_hex((red, green, blue))


def canvas(rows: int, columns: int, size: tuple[float, float]) -> tuple[Figure, np.ndarray]:
    """A figure outside pyplot (no global state) and its axes.  # [rows, columns]"""
    fig = Figure(figsize=size, layout="constrained")
    axes = fig.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    for ax in axes[-1]:
        ax.set_xlabel("heads ablated")
    return fig, axes


def style(changes: Mapping[str, Any]) -> AbstractContextManager[None]:
    rc: dict[Any, Any] = {
        **sns.axes_style("ticks"),
        **STYLE,
        **changes,
        "axes.grid": True,
        "grid.color": "0.9",
    }
    return matplotlib.rc_context(rc | {"axes.spines.top": False, "axes.spines.right": False})


def order_of(values: pd.Series, labels: Labels) -> list[str]:
    """The values that occur: those with a label first, in its order, then the others by name.

    Raises:
        StudyError: none occurs.
    """
    found = set(values.dropna())
    if not found:
        raise StudyError("no curves to draw: the table has no ablated condition")
    return [key for key in labels if key in found] + sorted(found - set(labels))


def label_of(labels: Labels, key: str) -> str:
    return labels.get(key, key)
