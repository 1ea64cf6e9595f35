"""The heat map shows each head at its layer and number, in the colour of the first level that ablates it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from drawn_figures import COLUMN, PLAIN, caption, drawn, legend, notes, ranking, tables_of, titles
from matplotlib.axes import Axes
from results_factory import random_study

from head_ablation.common.experiment import Experiment
from head_ablation.common.problems import StudyError
from head_ablation.figures.figure import Tables
from head_ablation.figures.head_map import HeadMap, RankingsTask, head_map, read_head_maps
from head_ablation.heads.head import ModelShape

PLACE = Experiment("instruct", "inc_year", 2048)
GRID = ModelShape(layers=2, heads=4)
NONE = np.nan


def given(scores: Sequence[float], heads: Sequence[str]) -> dict[str, Any]:
    entries = [{"head": head, "score": score} for head, score in zip(heads, scores, strict=True)]
    return {"successful_retrievals": 7, "head_rankings": entries}


def small(scores: Sequence[float], levels: Sequence[int], shape: ModelShape | None = GRID) -> HeadMap:
    """A ranking of L1H3, L0H0, L0H1, L1H0, ... as far as there are scores."""
    heads = ["L1H3", "L0H0", "L0H1", "L1H0", "L1H1"][: len(scores)]
    return head_map("wu24", PLACE, given(scores, heads), levels, shape)


def with_maps(*maps: HeadMap, **changes: Any) -> Tables:
    return tables_of(random_study(**changes))._replace(head_maps=maps)


def cells(ax: Axes) -> np.ndarray:
    """The places of colours.  # [layer, head]"""
    (image,) = ax.images
    return np.ma.filled(np.ma.asarray(image.get_array(), dtype=float), np.nan)


def dots(ax: Axes) -> set[tuple[int, int]]:
    """Layer and head of each dot."""
    return {
        (int(y), int(x))
        for line in ax.lines
        for x, y in zip(np.asarray(line.get_xdata()), np.asarray(line.get_ydata()), strict=True)
    }


def test_each_head_has_the_colour_of_the_first_level_that_ablates_it() -> None:
    (ax,) = drawn("heat_map", with_maps(small([0.9, 0.8, 0.7, 0.6], [1, 3]))).axes
    expected = [[1, 1, NONE, NONE], [2, NONE, NONE, 0]]  # L1H3 best, then L0H0 and L0H1; L1H0 below the levels
    np.testing.assert_array_equal(cells(ax), expected)
    other = drawn("heat_map", with_maps(small([0.9, 0.8, 0.7, 0.6], [2, 3]))).axes[0]
    assert not np.array_equal(cells(other), expected, equal_nan=True)  # negative control: other levels


def test_layer_0_is_the_lowest_row() -> None:
    (ax,) = drawn("heat_map", with_maps(small([0.9], [1]))).axes
    assert ax.images[0].origin == "lower"
    low, high = ax.get_ylim()
    assert low < high


def test_the_legend_names_ranks_and_heads_without_score() -> None:
    fig = drawn("heat_map", with_maps(small([0.9, 0.8, 0.7, 0.6], [1, 3])))
    assert legend(fig) == ["rank 1", "ranks 2 to 3", "lower ranks", "no score"]
    assert [ax.get_xlabel() for ax in fig.axes] == ["head"]


def test_listed_heads_of_score_0_have_no_score_unless_scores_may_be_negative() -> None:
    zero = drawn("heat_map", with_maps(small([0.9, 0.8, 0.0, 0.0], [1]))).axes[0]
    signed = drawn("heat_map", with_maps(small([0.9, 0.8, 0.0, -0.1], [1]))).axes[0]
    assert [np.isfinite(cells(ax)).sum() for ax in (zero, signed)] == [2, 4]


def test_heads_that_a_tie_leaves_open_or_that_never_scored_have_dots() -> None:
    tied = drawn("heat_map", with_maps(small([0.9, 0.5, 0.5, 0.4], [2])))
    assert dots(tied.axes[0]) == {(0, 0)}  # L0H0, but not its equal L0H1, which no level ablates
    assert "not decided by the ranking" in legend(tied) and "Dots: ablated heads" in caption(tied)
    unscored = drawn("heat_map", with_maps(small([0.9, 0.0, 0.0, 0.0], [1, 2])))
    assert dots(unscored.axes[0]) == {(0, 0)}
    decided = drawn("heat_map", with_maps(small([0.9, 0.8, 0.7, 0.6], [2])))
    assert dots(decided.axes[0]) == set() and "Dots" not in caption(decided)


def test_no_two_rankings_are_averaged_and_each_panel_says_which_it_is() -> None:
    tables = tables_of(random_study(["inc_state", "inc_year"], ["wu24", "qrhead"], ["base", "chat"], (384,), (5, 10)))
    fig = drawn("heat_map", tables)
    assert titles(fig)[:2] == ["inc state", "inc year"] and set(titles(fig)[2:]) == {""}
    assert notes(fig)[::2] == [
        f"{method} {model} 384 tokens; n = 18 prompts" for method in ("qrhead", "wu24") for model in ("base", "chat")
    ]
    pictures = [cells(ax) for ax in fig.axes]
    assert len(pictures) == 8 and len({picture.tobytes() for picture in pictures}) == 8


def test_of_more_rankings_than_fill_a_page_those_at_the_longest_prompts_are_shown_and_that_is_said() -> None:
    tables = tables_of(random_study(["inc_state", "inc_year"], lengths=range(100, 800, 100), levels=(5,)))
    fig = drawn("heat_map", tables)
    assert len(fig.axes) == 2 and "Shown of 14 rankings: those at 700 tokens" in caption(fig)
    few = drawn("heat_map", tables_of(random_study(["inc_state", "inc_year"], lengths=(384, 512), levels=(5,))))
    assert len(few.axes) == 4 and "Shown of" not in caption(few)


def test_of_many_levels_some_have_colours_and_the_highest_is_one_of_them() -> None:
    tables = with_maps(head_map("wu24", PLACE, ranking(), range(1, 38), None))
    fig = drawn("heat_map", tables)
    assert "6 of 37 levels have a colour." in caption(fig)
    assert np.nanmax(cells(fig.axes[0])) == 6 and "to 37" in " ".join(legend(fig))


def test_a_ranking_that_is_missing_leaves_a_marked_panel() -> None:
    tables = tables_of(random_study(["inc_state", "inc_year"], lengths=(384, 512), levels=(5,)))
    fig = drawn("heat_map", tables._replace(head_maps=tables.head_maps[1:]))
    assert [note for note in notes(fig) if "no ranked head" in note] == ["wu24 instruct 384 tokens; no ranked head"]


def test_methods_without_a_ranking_are_named() -> None:
    tables = tables_of(random_study(methods=["wu24", "qrhead"], levels=(5,)))
    own = [one for one in tables.head_maps if one.method == "wu24"]
    assert "Without rankings, so not shown: qrhead." in caption(drawn("heat_map", tables._replace(head_maps=own)))
    assert "Without rankings" not in caption(drawn("heat_map", tables))
    with pytest.raises(StudyError, match="no ranking has any"):
        drawn("heat_map", tables._replace(head_maps=[]))


def test_an_unknown_grid_ends_at_the_last_ranked_head_and_that_is_said() -> None:
    fig = drawn("heat_map", with_maps(small([0.9, 0.8], [1], shape=None)))
    assert cells(fig.axes[0]).shape == (2, 4)
    assert "end at the last ranked head" in caption(fig)
    assert "end at the last ranked head" not in caption(drawn("heat_map", with_maps(small([0.9, 0.8], [1]))))


def test_models_of_different_shapes_stand_at_the_same_scale() -> None:
    large = head_map(
        "wu24", Experiment("large", "inc_year", 2048), ranking(shape=ModelShape(6, 8)), [3], ModelShape(6, 8)
    )
    fig = drawn("heat_map", with_maps(small([0.9], [1]), large))
    assert {(ax.get_xlim(), ax.get_ylim()) for ax in fig.axes} == {((-0.5, 7.5), (-0.5, 5.5))}
    assert sorted(cells(ax).shape for ax in fig.axes) == [(2, 4), (6, 8)]


@pytest.mark.parametrize("design", [PLAIN, COLUMN, replace(PLAIN, palette="grey")])
def test_no_score_is_white_and_no_rank_is(design: Any) -> None:
    (ax,) = drawn("heat_map", with_maps(small([0.9, 0.8, 0.7], [1])), design).axes
    colours = ax.images[0].get_cmap()(np.arange(2))
    assert (colours[:, :3] < 0.95).any(axis=1).all()


def test_rankings_are_read_from_their_files_with_the_grids_of_models(tmp_path: Path) -> None:
    files = {"a": given([0.9], ["L0H1"]), "b": {"head_rankings": [], "unranked": "no prompt was answered"}}
    for name, content in files.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
    shape = tmp_path / "run" / "shape.json"
    shape.parent.mkdir()
    shape.write_text(json.dumps({"layers": 3, "heads": 2, "positions": None, "rotary": False}))
    places = [("run", "a"), ("told", "a"), ("unknown", "a"), ("run", "b")]
    task = RankingsTask(
        files=tuple(("wu24", model, "inc_year", 384, str(tmp_path / f"{name}.json")) for model, name in places),
        levels=(1, 2),
        grids={"told": ModelShape(5, 5), "unknown": None},
    )
    found = read_head_maps(task, [shape])
    grids = {one.experiment.model: (one.shape.layers, one.shape.heads, one.is_whole) for one in found}
    assert grids == {"run": (3, 2, True), "told": (5, 5, True), "unknown": (1, 2, False)}
    assert {one.levels for one in found} == {(1,)} and {one.prompts for one in found} == {7}
