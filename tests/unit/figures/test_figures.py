"""Figures draw what the tables say, say what they show, and are written byte for byte alike."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from drawn_figures import PLAIN, caption, drawn, legend, lines_of, notes, only, tables_of, texts, titles
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from results_factory import answers, random_study, result

from head_ablation.common.problems import StudyError
from head_ablation.figures import FIGURES
from head_ablation.figures.figure import Design, FigureTask, Labels, Tables
from head_ablation.figures.palettes import PALETTES
from head_ablation.figures.style import GREY, MARKERS
from head_ablation.heads.ranking_facts import Cut, RankingFacts
from head_ablation.results.key_results import key_results_table
from head_ablation.results.rows import TablesTask

QUESTIONS = ["inc_state", "inc_year", "employee_count", "hq_state"]
METHODS = ["wu24", "summed_attention", "qrhead"]
FIGURE8 = [name for name in FIGURES.names if name.startswith("figure8")]
LINES = ["headline", *FIGURE8]
BLUE = PALETTES["colorblind"][0]
THICK, DASHED, THIN = 1.3, 0.9, 0.45  # of top heads, of a control, of a single experiment


def study(**changes: object) -> Tables:
    return tables_of(random_study(**changes))  # type: ignore[arg-type]


def by_question(tables: Tables, design: Design = PLAIN) -> Figure:
    return drawn("figure8_by_question", tables, design)


def accuracies(tables: Tables, arm: str, **where: object) -> list[float]:
    """What the levels say, baseline first, draws averaged, then experiments."""
    levels = tables.levels
    for column, value in where.items():
        levels = levels[levels[column] == value]
    ablated = levels[levels["arm"] == arm].groupby(["model", "question", "tokens", "level"])["accuracy"].mean()
    baseline = levels.loc[levels["arm"] == "baseline", "accuracy"].mean()
    return [baseline, *ablated.groupby("level").mean()]


def test_top_is_solid_and_the_control_is_dashed_and_both_start_at_the_baseline() -> None:
    tables = study()
    (ax,) = by_question(tables).axes
    (top,), (control, *_) = lines_of(ax, BLUE, THICK), lines_of(ax, GREY, DASHED)
    np.testing.assert_allclose(top, accuracies(tables, "top"))
    np.testing.assert_allclose(control, accuracies(tables, "random"))
    assert not np.allclose(top, control)


def test_bars_and_bands_are_the_limits_of_the_table() -> None:
    tables = study()
    (ax,) = by_question(tables).axes
    (bars,) = [part for part in ax.collections if isinstance(part, LineCollection)]
    (band,) = [part for part in ax.collections if isinstance(part, PolyCollection)]
    limits = dict(iter(tables.curves.groupby("arm")))
    top = limits["top"][limits["top"]["level"] > 0]
    found = {(round(low, 9), round(high, 9)) for (_, low), (_, high) in bars.get_segments()}
    assert found == set(zip(top["low"].round(9), top["high"].round(9), strict=True))
    corners = {(round(x), round(y, 9)) for x, y in band.get_paths()[0].vertices}
    for end in ("low", "high"):
        assert set(zip(limits["random"]["level"], limits["random"][end].round(9), strict=True)) <= corners


def apart() -> Tables:
    """A study in which 20 heads take one model's accuracy to 6 of 100, and the other's to 66."""
    say = lambda right: answers("1" * right + "0" * (100 - right))  # noqa: E731
    return tables_of(
        [
            result(say(90), {20: say(right)}, {20: [say(88)]}, model=model)
            for model, right in (("base", 6), ("chat", 66))
        ]
    )


@pytest.mark.parametrize("figure", FIGURE8)
def test_a_model_is_never_averaged_with_another(figure: str) -> None:
    ends = [lines_of(ax, BLUE, THICK)[0][-1] for ax in drawn(figure, apart()).axes]
    assert ends == [0.06, 0.66]  # and not 0.36, their mean, which curves.csv has
    assert apart().curves.query("arm == 'top' and level == 20")["accuracy"].tolist() == [0.36]


def test_the_headline_names_its_means_and_shows_each_model_beside_them() -> None:
    fig = drawn("headline", apart(), Design(labels=Labels(model=(("chat", "Chat"), ("base", "Base")))))
    assert titles(fig) == ["All experiments", "Chat", "Base"]
    assert [round(lines_of(ax, BLUE, THICK)[0][-1], 6) for ax in fig.axes] == [54, 24, 84]


def test_camps_that_a_mean_hides_are_seen() -> None:
    """Eight experiments at 9 to 94 % whose mean is 69 %: each is a thin line."""
    ends = [9, 9, 81, 88, 91, 94, 94, 94]
    say = lambda right: answers("1" * right + "0" * (100 - right))  # noqa: E731
    results = [result(say(95), {30: say(right)}, tokens=512 + place) for place, right in enumerate(ends)]
    (ax,) = by_question(tables_of(results)).axes
    thin = [line for line in ax.lines if line.get_linewidth() == THIN]
    assert sorted(round(100 * float(np.asarray(line.get_ydata())[-1])) for line in thin) == ends
    assert "one experiment" in legend(by_question(tables_of(results)))
    assert "one experiment" not in legend(by_question(tables_of(results[:1])))


def test_headline_draws_the_key_results_and_their_intervals() -> None:
    tables = study(questions=QUESTIONS[:2], lengths=(384, 512))
    fig = drawn("headline", tables)
    whole = key_results_table(tables.levels, tables.samples)
    np.testing.assert_allclose(lines_of(fig.axes[0], BLUE, THICK)[0], [0, *whole["top_drop_points"]])
    np.testing.assert_allclose(lines_of(fig.axes[0], GREY, DASHED)[0], [0, *whole["random_drop_points"]])
    (bars,) = [part for part in fig.axes[0].collections if isinstance(part, LineCollection)]
    lows = [low for (_, low), _ in bars.get_segments()]
    np.testing.assert_allclose(sorted(lows), sorted(whole["top_drop_points_low"]))
    assert titles(fig) == ["All experiments", "inc state", "inc year"]
    assert notes(fig)[0] == "n = 24 companies, 4 experiments"


@pytest.mark.parametrize(("samples", "way"), [(True, "paired by company"), (False, "unpaired")])
def test_the_headlines_caption_names_the_way_of_its_intervals(samples: bool, way: str) -> None:
    one = result(answers("1110"), {5: answers("1000")}, {5: [answers("1110")]}, samples=samples)
    assert f"95 % intervals, Newcombe 1998, from Wilson limits with n = companies, {way}." in caption(
        drawn("headline", tables_of([one]))
    )


@pytest.mark.parametrize("figure", FIGURE8)
def test_accuracy_axes_are_honest(figure: str) -> None:
    for ax in drawn(figure, study(questions=QUESTIONS[:2], methods=METHODS)).axes:
        low, high = ax.get_ylim()
        assert low <= 0 and high >= 1
        assert list(ax.get_xticks()) == [0, 5, 10, 20, 30, 40, 50]


def test_the_caption_names_interval_method_and_n() -> None:
    said = caption(by_question(study(lengths=(384, 512))))
    assert "Wilson 95 % intervals with n = companies" in said
    assert "a company counts once, at however many lengths" in said
    assert "thin lines show single ones" in said


@pytest.mark.parametrize(("draws", "words"), [(1, "random heads, 1 draw"), (5, "random heads, mean of 5 draws")])
@pytest.mark.parametrize("figure", [*LINES, "effect_against_rank"])
def test_draws_are_disclosed_a_single_one_too(figure: str, draws: int, words: str) -> None:
    assert words in legend(drawn(figure, study(draws=draws, levels=(5, 10))))


def test_draws_that_differ_between_experiments_are_disclosed_as_a_span() -> None:
    tables = tables_of([*random_study(draws=2, levels=(5,)), *random_study(["hq_state"], draws=4, levels=(5,))])
    assert "random heads, mean of 2 to 4 draws" in legend(by_question(tables))


def test_every_panel_says_its_companies_and_all_of_its_experiments() -> None:
    few = random_study(["inc_year"], models=("a", "b"), lengths=(384, 512), companies=20)
    many = random_study(["hq_state"], models=("a", "b"), lengths=(384, 512), companies=30)
    tables = tables_of([*few, *many])
    assert notes(drawn("figure8_by_method", tables)) == [
        f"{model} n = 20 to 30 companies, 4 experiments" for model in "ab"
    ]
    assert notes(by_question(tables))[:2] == ["a n = 30 companies, 2 experiments", "a n = 20 companies, 2 experiments"]
    assert notes(drawn("headline", tables))[0] == "n = 20 to 30 companies, 8 experiments"
    assert notes(drawn("figure8_grid", tables))[0] == "a 384 tokens; n = 30 companies"


def test_labels_name_and_order_all_that_is_shown_and_words_of_the_key_are_the_fallback() -> None:
    labels = Labels(
        method=(("qrhead", "QRHead"), ("wu24", "Wu et al.")),
        model=(("small", "Small"), ("big", "Big")),
        question=(("inc_year", "Year"), ("employee_count", "Employees")),
        arm=(("random", "any heads"),),
    )
    design = Design(labels=labels, tokens=(512, 384))
    questions = ["employee_count", "hq_state", "inc_year"]
    tables = study(questions=questions, methods=METHODS, models=("big", "small"), lengths=(384, 512), levels=(5, 10))
    fig = by_question(tables, design)
    assert titles(fig) == ["Year", "Employees", "hq state"] * 2
    assert [note.split()[0] for note in notes(fig)] == ["Small"] * 3 + ["Big"] * 3
    assert legend(fig)[:3] == ["QRHead: top heads", "Wu et al.: top heads", "summed attention: top heads"]
    assert "any heads, mean of 3 draws" in legend(fig)
    grid = notes(drawn("figure8_grid", tables, design))
    assert [" ".join(note.split()[:2]) for note in grid[::3]] == ["Small 512", "Small 384", "Big 512", "Big 384"]


def controls(gap: int) -> Tables:
    """Two methods whose controls are so many of 50 answers apart."""
    say = lambda right: answers("1" * right + "0" * (50 - right))  # noqa: E731
    made = [("wu24", 45), ("qrhead", 45 - gap)]
    return tables_of([result(say(46), {5: say(20)}, {5: [say(right)]}, method=method) for method, right in made])


def dashed(fig: Figure) -> list[tuple[str, list[float]]]:
    """Colour and heights of the first panel's controls."""
    lines = [line for line in fig.axes[0].lines if line.get_linestyle() == "--" and line.get_linewidth() == DASHED]
    return [(to_hex(line.get_color()), [round(float(y), 6) for y in np.asarray(line.get_ydata())]) for line in lines]


def test_methods_whose_controls_agree_share_one_and_others_do_not() -> None:
    agree, disagree = by_question(controls(gap=2)), by_question(controls(gap=25))
    assert dashed(agree) == [(to_hex(GREY), [0.92, 0.88])]  # the mean of 45 and 43 of 50
    assert "mean over methods, whose controls agree" in caption(agree)
    assert [heights for _, heights in dashed(disagree)] == [[0.92, 0.4], [0.92, 0.9]]
    assert "whose controls agree" not in caption(disagree)


def test_single_experiments_of_controls_are_drawn_where_methods_share_a_control() -> None:
    tables = study(methods=METHODS, lengths=(384, 512))
    shown = {}
    for way in ("shared", "each"):
        (ax,) = by_question(tables, replace(PLAIN, controls=way)).axes
        thin = [line.get_linestyle() for line in ax.lines if line.get_linewidth() == THIN]
        shown[way] = (thin.count("-"), thin.count("--"))
    assert shown == {"shared": (6, 2), "each": (6, 0)}


def test_each_methods_control_is_drawn_on_demand() -> None:
    fig = by_question(controls(gap=2), replace(PLAIN, controls="each"))
    (one, _), (two, _) = dashed(fig)
    assert len({one, two, to_hex(GREY)}) == 3
    assert "whose controls agree" not in caption(fig)


def test_marks_of_one_level_stand_side_by_side() -> None:
    (ax,) = by_question(study(methods=METHODS), replace(PLAIN, controls="each")).axes
    bars = [part for part in ax.collections if isinstance(part, LineCollection)]
    places = [round(segment[0][0], 6) for part in bars for segment in part.get_segments()]
    assert len(places) == len(set(places)) == 3 * 2 * 6  # no bar upon another


def test_the_design_decides_width_palette_and_legend() -> None:
    tables = study(methods=METHODS[:2])
    fig = by_question(tables, Design(width_inches=5, palette="okabe_ito", legend=False))
    assert fig.get_size_inches()[0] == 5
    assert fig.legends == [] and "Wilson" in caption(fig)
    assert lines_of(fig.axes[0], PALETTES["okabe_ito"][0], THICK)


def test_the_font_size_is_that_of_titles_and_notes_are_a_little_smaller() -> None:
    fig = by_question(study(), Design(font_size=10))
    sizes = {text.get_text(): text.get_fontsize() for text in texts(fig)}
    assert sizes["inc year"] == 10 and sizes["heads ablated"] == 10
    assert min(sizes.values()) >= 8


@pytest.mark.slow
def test_a_floor_is_drawn_only_where_the_results_have_one() -> None:
    tables = study()
    floor = "always the most frequent answer"
    without = tables._replace(levels=tables.levels.assign(majority_accuracy=np.nan))
    for given, expected in ((tables, True), (without, False)):
        assert (floor in legend(by_question(given))) is expected


def test_an_experiment_that_was_not_run_leaves_a_marked_panel() -> None:
    tables = study(questions=QUESTIONS[:2], lengths=(384, 512))
    gap = (tables.levels["question"] == "inc_year") & (tables.levels["tokens"] == 512)
    fig = drawn("figure8_grid", only(tables, ~gap))
    assert [note for note in notes(fig) if "not in this study" in note] == ["instruct 512 tokens; not in this study"]


@pytest.mark.parametrize("figure", LINES)
def test_a_study_without_a_random_arm_is_drawn(figure: str) -> None:
    tables = study(levels=(5, 10))
    fig = drawn(figure, only(tables, tables.levels["arm"] != "random"))
    assert any(len(line) == 3 for line in lines_of(fig.axes[0], BLUE, THICK))
    assert any(name.endswith("top heads") for name in legend(fig)) and not any("random" in name for name in legend(fig))
    assert "random" not in caption(fig) and "grey" not in caption(fig)


@pytest.mark.parametrize("figure", FIGURES.names)
def test_a_table_without_ablations_is_refused(figure: str) -> None:
    tables = study()
    with pytest.raises(StudyError, match="no curves to draw"):
        drawn(figure, only(tables, tables.levels["arm"] == "baseline"))


@pytest.mark.parametrize(("module", "unwanted"), [("results.rows", "matplotlib"), ("results.statistics", "pandas")])
def test_modules_import_no_more_than_they_need(module: str, unwanted: str) -> None:
    code = f"import sys, head_ablation.{module}; sys.exit({unwanted!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def hollow(fig: Figure) -> list[float]:
    """The levels that hollow marks of the top curve stand at."""
    marks = [line for line in fig.axes[0].lines if line.get_marker() in MARKERS and line.get_color() == BLUE]
    white = [line for line in marks if line.get_markerfacecolor() == "white"]
    return [round(float(level)) for line in white for level in line.get_xdata()]  # type: ignore[union-attr]


@pytest.mark.parametrize("figure", LINES)
def test_levels_that_the_ranking_does_not_decide_have_hollow_marks_and_a_line_in_the_caption(figure: str) -> None:
    cuts = (Cut(40, 200, 3, 0), Cut(50, 0, 0, 7))
    task = TablesTask({"wu24/instruct/inc_year/tokens_2048": RankingFacts(18, cuts)})
    fig = drawn(figure, tables_of(random_study(), task))
    assert hollow(fig) == [40, 50]
    assert "Hollow marks on solid lines" in caption(fig)
    undoubted = drawn(figure, study())
    assert hollow(undoubted) == [] and "Hollow" not in caption(undoubted)


@pytest.mark.parametrize("figure", FIGURES.names)
def test_what_could_not_be_ranked_is_named_in_the_caption(figure: str) -> None:
    alone = result(answers("1110"), {}, {}, question="inc_state")
    design = Design(labels=Labels(question=(("inc_state", "State"),)))
    tables = tables_of([*random_study(), alone])
    missing = FigureTask(design, ("wu24",)).missing(tables.levels)
    assert missing == ["wu24, State (instruct, 2048 tokens)"]
    said = caption(drawn(figure, tables._replace(missing=missing), design))
    assert said.endswith("Not shown, since no head could be ranked: wu24, State (instruct, 2048 tokens).")
    assert FigureTask(design, ("wu24",)).missing(study().levels) == []
