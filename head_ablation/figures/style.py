"""One style for all figures: colours, markers, dashes, files."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import seaborn as sns
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure

from head_ablation.common.files import whole_file
from head_ablation.figures.figure import Design
from head_ablation.figures.palettes import PALETTES
from head_ablation.heads.arms import ARMS

Look = dict[str, Any]  # keyword arguments of a line
MARKERS = "os^DvPX*"
CONTROL_DASHES = ((0, (4, 2)), (0, (2, 1)), (0, (1, 1)), (0, (5, 1, 1, 1)), (0, (8, 3)))  # in the arms' order
GREY, PALE, BAND = "0.35", "0.7", "0.88"
SMALL = 0.82  # notes and captions, beside the font size
SHARED = ""
"""The hue of what all hues of a panel share; drawn in grey."""
STYLE: dict[Any, Any] = {"svg.hashsalt": "figure8", "pdf.fonttype": 42}
METADATA: dict[str, dict[str, Any]] = {  # no dates, so equal figures are equal bytes
    "svg": {"Date": None},
    "png": {"Software": None},
    "pdf": {"CreationDate": None},
}


def save_figure(fig: Figure, paths: Sequence[Path]) -> None:
    """Writes a figure to each path, in the format of its ending (png at 300 dpi), whole or not at all.

    Equal figures have equal bytes.
    """
    for path in paths:
        kind = path.suffix[1:]
        with whole_file(path) as temporary, matplotlib.rc_context(STYLE):
            fig.savefig(temporary, format=kind, dpi=300, metadata=METADATA[kind])


def style(design: Design) -> AbstractContextManager[None]:
    """The settings of matplotlib under which a figure is drawn."""
    size = design.font_size
    rc: dict[Any, Any] = sns.axes_style("ticks") | STYLE
    rc |= {"font.size": size, "axes.titlesize": size, "axes.labelsize": size, "legend.fontsize": size}
    rc |= {"xtick.labelsize": 0.9 * size, "ytick.labelsize": 0.9 * size, "xtick.direction": "out"}
    rc |= {"xtick.major.size": 2.5, "ytick.major.size": 2.5, "xtick.major.pad": 2, "ytick.major.pad": 2}
    rc |= {"axes.linewidth": 0.6, "xtick.major.width": 0.6, "ytick.major.width": 0.6}
    rc |= {"axes.grid": True, "grid.color": "0.92", "grid.linewidth": 0.5}
    rc |= {"axes.spines.top": False, "axes.spines.right": False}
    return matplotlib.rc_context(rc)


def look_of(design: Design, hues: Sequence[str], hue: str, arm: str) -> Look:
    """Line and marker of one curve: solid and filled for top heads, dashed, lighter and hollow for controls."""
    top = arm == "top"
    colour = colour_of(design, hues, hue)
    return {
        "color": colour if top or hue == SHARED else lighter(colour),
        "linestyle": "-" if top else _dash(arm),
        "linewidth": 1.3 if top else 0.9,
        "marker": "none" if hue == SHARED else MARKERS[hues.index(hue) % len(MARKERS)],
        "markersize": 3.2 if top else 2.6,
        "markeredgewidth": 0.7,
        "markerfacecolor": colour if top else "white",
        "zorder": 3 if top else 2.5,
    }


def colour_of(design: Design, hues: Sequence[str], hue: str) -> str:
    """The colour of a hue, in the palette's order; grey of what all share."""
    colours = PALETTES[design.palette]
    return GREY if hue == SHARED else colours[list(hues).index(hue) % len(colours)]


def lighter(colour: str, share: float = 0.45) -> str:
    """A colour so far on its way to white."""
    red, green, blue = ((1 - share) * part + share for part in to_rgb(colour))
    return to_hex((red, green, blue))


def shades(colour: str, number: int) -> list[str]:
    """Shades of a colour from dark to light, at even steps of lightness (CIE L*)."""
    shares = np.linspace(-0.75, 0.6, 100)  # of the way to black, below 0, and to white
    lightness = [_lightness(_shade(colour, share)) for share in shares]
    targets = np.linspace(lightness[0], lightness[-1], number)
    return [_shade(colour, share) for share in np.interp(targets, lightness, shares)]


def _shade(colour: str, share: float) -> str:
    red, green, blue = ((1 + min(share, 0)) * part for part in to_rgb(colour))
    return lighter(to_hex((red, green, blue)), max(share, 0))


def _lightness(colour: str) -> float:
    srgb = np.array(to_rgb(colour))
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    luminance = float(linear @ (0.2126, 0.7152, 0.0722))
    return 116 * max(luminance, 0.008856) ** (1 / 3) - 16


def _dash(control: str) -> Any:
    controls = [arm for arm in ARMS.names if arm != "top"]
    place = controls.index(control) if control in controls else len(controls)
    return CONTROL_DASHES[place % len(CONTROL_DASHES)]
