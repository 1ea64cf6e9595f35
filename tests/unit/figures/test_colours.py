"""Colours are told apart by the colour-blind, and marks by those who print in grey."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, pairwise

import numpy as np
import pytest
from drawn_figures import drawn, tables_of
from matplotlib.colors import to_rgb
from results_factory import random_study

from head_ablation.figures.maps import NO_SCORE, Ramp
from head_ablation.figures.palettes import PALETTES
from head_ablation.figures.style import MARKERS

METHODS = ["wu24", "summed_attention", "qrhead"]


def seen_without(cones: str, colour: str) -> np.ndarray:
    """A colour as CIE Lab, as it is seen without one kind of cones (Machado et al. 2009, severity 1)."""
    matrix = {
        "red": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
        "green": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
        "none": np.eye(3),
    }[cones]
    srgb = np.array(to_rgb(colour))
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    rgb = np.clip(np.asarray(matrix) @ linear, 0, 1)
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    x, y, z = np.cbrt(np.asarray(to_xyz) @ rgb / np.array([0.9505, 1.0, 1.089]))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def nearest(colours: Sequence[str]) -> float:
    """The least difference of two colours, in CIE Lab, to whom cones of one kind are missing."""
    return min(
        float(np.linalg.norm(seen_without(cones, one) - seen_without(cones, two)))
        for cones in ("none", "red", "green")
        for one, two in combinations(colours, 2)
    )


@pytest.mark.parametrize("palette", PALETTES)
def test_the_first_colours_of_a_palette_are_told_apart_by_the_colour_blind(palette: str) -> None:
    assert nearest(PALETTES[palette][:4]) > 15
    assert nearest(["#d62728", "#8c6d31", "#2ca02c"]) < 15  # negative control: red, brown and green


def test_methods_differ_in_their_marks_so_that_a_figure_can_be_printed_in_grey() -> None:
    (ax,) = drawn("figure8_by_question", tables_of(random_study(methods=METHODS))).axes
    marks = {line.get_marker() for line in ax.lines} & set(MARKERS)
    assert len(marks) == len(METHODS)


@pytest.mark.parametrize("levels", [(5,), (4, 8, 12, 16), (5, 10, 20, 30, 40, 50), tuple(range(1, 38))])
@pytest.mark.parametrize("palette", PALETTES)
def test_neighbouring_colours_of_a_heat_map_are_told_apart_and_grow_lighter(
    palette: str, levels: Sequence[int]
) -> None:
    colours = [*Ramp.of_levels(levels, palette).colours, NO_SCORE]
    assert min(nearest(pair) for pair in pairwise(colours)) > 8
    lightness = [seen_without("none", colour)[0] for colour in colours]
    assert lightness == sorted(lightness)
    assert nearest(["#0173b2", "#0a78b6"]) < 8  # negative control: two shades of a blue
