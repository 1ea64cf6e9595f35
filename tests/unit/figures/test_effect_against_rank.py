"""Effect against rank: steps whose area is the drop, with their intervals, and a mark for each experiment."""

from __future__ import annotations

import numpy as np
import pytest
from drawn_figures import PLAIN, caption, drawn, legend, notes, only, tables_of, titles
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import to_hex
from matplotlib.patches import StepPatch
from results_factory import answers, random_study, result

from head_ablation.figures.figure import Tables
from head_ablation.figures.palettes import PALETTES
from head_ablation.figures.style import GREY
from head_ablation.heads.ranking_facts import Cut, RankingFacts
from head_ablation.results.rank_effects import rank_effects
from head_ablation.results.rows import TablesTask

BLUE = PALETTES["colorblind"][0]


def stairs(ax: Axes, colour: str) -> list[tuple[np.ndarray, np.ndarray]]:
    """Edges and heights of the steps of a colour that are lines."""
    patches = [patch for patch in ax.patches if isinstance(patch, StepPatch) and not patch.get_fill()]
    return [
        (np.asarray(patch.get_data().edges), np.asarray(patch.get_data().values))
        for patch in patches
        if to_hex(patch.get_edgecolor()) == to_hex(colour)
    ]


def marks(ax: Axes, marker: str) -> list[tuple[float, float]]:
    lines = [line for line in ax.lines if line.get_marker() == marker]
    return [
        (float(x), float(y))
        for line in lines
        for x, y in zip(np.asarray(line.get_xdata()), np.asarray(line.get_ydata()), strict=True)
    ]


def effects(tables: Tables, arm: str) -> np.ndarray:
    found = rank_effects(tables.levels, tables.samples)
    return found.loc[found["arm"] == arm, "value"].to_numpy()


def test_steps_stand_at_the_ranks_that_a_level_adds() -> None:
    tables = tables_of(random_study(levels=(5, 10, 30)))
    (ax,) = drawn("effect_against_rank", tables).axes
    ((edges, top),) = stairs(ax, BLUE)
    ((_, control),) = stairs(ax, GREY)
    assert edges.tolist() == [0, 5, 10, 30]
    np.testing.assert_allclose(top, effects(tables, "top"))
    np.testing.assert_allclose(control, effects(tables, "random"))
    assert not np.allclose(top, control)


def test_the_area_of_the_steps_is_the_drop() -> None:
    tables = tables_of(random_study(levels=(5, 10, 30), lengths=(384, 512)))
    ((edges, top),) = stairs(drawn("effect_against_rank", tables).axes[0], BLUE)
    levels = tables.levels
    ends = [levels.loc[chosen, "accuracy"].mean() for chosen in (levels["arm"] == "baseline", levels["arm"] == "top")]
    highest = levels[(levels["arm"] == "top") & (levels["level"] == 30)]["accuracy"].mean()
    assert top @ np.diff(edges) == pytest.approx(100 * (ends[0] - highest))
    assert top @ np.diff(edges) != pytest.approx(100 * (ends[0] - ends[1]))  # negative control: another mean


def test_bars_are_the_intervals() -> None:
    tables = tables_of(random_study(levels=(5, 10)))
    (ax,) = drawn("effect_against_rank", tables).axes
    (bars,) = [part for part in ax.collections if isinstance(part, LineCollection)]
    found = rank_effects(tables.levels, tables.samples).query("arm == 'top'")
    ends = [(low, high) for (_, low), (_, high) in bars.get_segments()]
    np.testing.assert_allclose(ends, found[["low", "high"]])


def test_each_experiment_has_a_mark_so_that_camps_are_seen() -> None:
    say = lambda right: answers("1" * right + "0" * (100 - right))  # noqa: E731
    two = [result(say(90), {10: say(right)}, tokens=tokens) for tokens, right in ((512, 10), (1024, 90))]
    fig = drawn("effect_against_rank", tables_of(two))
    assert sorted(round(y, 6) for _, y in marks(fig.axes[0], "_")) == [0, 8]
    assert "one experiment" in legend(fig) and "mean over experiments" in caption(fig)
    single = drawn("effect_against_rank", tables_of(two[:1]))
    assert marks(single.axes[0], "_") == [] and "one experiment" not in legend(single)


def test_no_model_is_averaged_with_another() -> None:
    tables = tables_of(random_study(["inc_state", "inc_year"], models=("base", "chat"), levels=(5, 10)))
    fig = drawn("effect_against_rank", tables)
    assert titles(fig) == ["inc state", "inc year"] * 2
    assert notes(fig) == [f"{model} n = 24 companies" for model in ("base", "base", "chat", "chat")]


def test_ranges_that_the_ranking_does_not_decide_have_hollow_marks() -> None:
    task = TablesTask({"wu24/instruct/inc_year/tokens_2048": RankingFacts(18, (Cut(10, 3, 1, 0),))})
    fig = drawn("effect_against_rank", tables_of(random_study(levels=(5, 10, 20, 30)), task))
    white = [line for line in fig.axes[0].lines if line.get_markerfacecolor() == "white"]
    assert sorted(float(x) for line in white for x in np.asarray(line.get_xdata())) == [7.5, 15]
    assert "Hollow marks" in caption(fig)
    assert "Hollow marks" not in caption(drawn("effect_against_rank", tables_of(random_study(levels=(5, 10)))))


def test_marks_of_methods_stand_side_by_side() -> None:
    tables = tables_of(random_study(methods=["wu24", "qrhead", "summed_attention"], levels=(5, 10, 20)))
    (ax,) = drawn("effect_against_rank", tables, PLAIN).axes
    bars = [part for part in ax.collections if isinstance(part, LineCollection)]
    places = [round(segment[0][0], 6) for part in bars for segment in part.get_segments()]
    assert len(places) == len(set(places)) >= 9


def test_a_study_without_controls_says_nothing_of_them() -> None:
    tables = tables_of(random_study(levels=(5, 10)))
    fig = drawn("effect_against_rank", only(tables, tables.levels["arm"] != "random"))
    assert "Controls" not in caption(fig) and not any("random" in name for name in legend(fig))


def test_an_experiment_that_was_not_run_leaves_a_marked_panel() -> None:
    tables = tables_of(random_study(["inc_state", "inc_year"], models=("base", "chat"), levels=(5, 10)))
    gap = (tables.levels["question"] == "inc_year") & (tables.levels["model"] == "chat")
    fig = drawn("effect_against_rank", only(tables, ~gap))
    assert [note for note in notes(fig) if "not in this study" in note] == ["chat not in this study"]
