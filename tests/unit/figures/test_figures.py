"""Figures draw what the tables say, keep text apart, and are written byte for byte alike."""

from __future__ import annotations

import subprocess
import sys
from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text
from results_factory import answers, random_study, result

from head_ablation.common.problems import StudyError
from head_ablation.figures import FIGURES
from head_ablation.figures.figure import FigureTask, Tables
from head_ablation.figures.panels import panels
from head_ablation.figures.style import save_figure
from head_ablation.heads.ranking_facts import Cut, RankingFacts
from head_ablation.results.curves import curves_table
from head_ablation.results.rows import TablesTask, levels_table

QUESTIONS = ["inc_state", "inc_year", "employee_count", "hq_state"]
METHODS = ["wu24", "summed_attention", "qrhead"]
SIZES = {
    "one experiment": {},
    "two questions": {"questions": QUESTIONS[:2], "methods": METHODS[:2], "lengths": (384, 512)},
    "five questions": {"questions": [*QUESTIONS, "own"], "levels": (5, 10)},
    "full study": {
        "questions": QUESTIONS,
        "methods": METHODS,
        "models": ("base", "instruct"),
        "lengths": (2048, 4096, 6144, 8192),
    },
}
KINDS = (".svg", ".png", ".pdf")
Labels = dict[str, str]


def drawn(name: str, levels: pd.DataFrame, labels: Labels | None = None) -> Figure:
    """A registered figure of a table of levels."""
    curves = curves_table(levels) if "arm" in levels and (levels["arm"] != "baseline").any() else levels
    return FIGURES[name].draw(Tables(curves, levels), labels or {})


def figure8_by_question(curves: pd.DataFrame, labels: Labels | None = None) -> Figure:
    return FIGURES["figure8_by_question"].draw(Tables(curves, curves), labels or {})


def saved(fig: Figure, stem: Path) -> list[Path]:
    """The files of a figure in each format."""
    paths = [stem.parent / (stem.name + kind) for kind in KINDS]
    save_figure(fig, paths)
    return paths


def study(**changes: object) -> pd.DataFrame:
    return levels_table(random_study(**changes))  # type: ignore[arg-type]


def texts(fig: Figure) -> list[Text]:
    """Every visible text of the figure that says something."""
    found = [text for text in fig.findobj(Text) if text.get_visible() and text.get_text().strip()]
    hidden = {
        label
        for ax in fig.axes
        for axis in (ax.xaxis, ax.yaxis)
        for tick in axis.get_major_ticks()
        for label in (tick.label1, tick.label2)
        if not label.get_visible()
    }
    return [text for text in found if text not in hidden]


def overlaps(fig: Figure) -> list[tuple[str, str]]:
    """Pairs of texts that cover each other by more than a point."""
    fig.draw_without_rendering()
    boxes = [(text.get_text(), text.get_window_extent()) for text in texts(fig)]
    margin = fig.dpi / 72
    return [
        (one, two)
        for (one, a), (two, b) in combinations(boxes, 2)
        if min(a.x1, b.x1) - max(a.x0, b.x0) > margin and min(a.y1, b.y1) - max(a.y0, b.y0) > margin
    ]


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("figure", FIGURES.names)
def test_no_text_overlaps_or_leaves_the_page(figure: str, size: str) -> None:
    fig = drawn(figure, study(**SIZES[size]))
    assert overlaps(fig) == []
    page = fig.bbox
    for text in texts(fig):
        box = text.get_window_extent()
        assert page.x0 <= box.x0 and box.x1 <= page.x1, text.get_text()
        assert page.y0 <= box.y0 and box.y1 <= page.y1, text.get_text()


def test_the_overlap_check_sees_an_overlap() -> None:
    """Negative control: a second text upon the legend."""
    fig = drawn("figure8_by_question", study())
    box = fig.legends[0].get_texts()[0].get_window_extent()
    x, y = fig.transFigure.inverted().transform((box.x0, box.y0))
    fig.text(x, y, "in the way")
    assert overlaps(fig)


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("figure", FIGURES.names)
def test_legend_and_notes_stand_outside_the_data(figure: str, size: str) -> None:
    fig = drawn(figure, study(**SIZES[size]))
    fig.draw_without_rendering()
    outside = [fig.legends[0].get_window_extent()]
    outside += [text.get_window_extent() for ax in fig.axes for text in ax.texts]
    for box in outside:
        assert not any(ax.get_window_extent().overlaps(box) for ax in fig.axes)


def test_top_is_solid_and_random_dashed_and_both_start_at_the_baseline() -> None:
    levels = study()
    fig = figure8_by_question(curves_table(levels))
    lines = [line for line in fig.axes[0].lines if len(line.get_xdata()) == 7]
    assert [line.get_linestyle() for line in lines] == ["--", "-"]
    baseline = levels.loc[levels["arm"] == "baseline", "accuracy"].item()
    assert [(line.get_xdata()[0], line.get_ydata()[0]) for line in lines] == [(0, baseline)] * 2


def test_curves_are_drawn_at_the_accuracies_of_the_table() -> None:
    curves = curves_table(study())
    fig = figure8_by_question(curves)
    drawn = [line for line in fig.axes[0].lines if len(line.get_xdata()) == 7][1]
    expected = curves[curves["arm"] == "top"].sort_values("level")
    np.testing.assert_allclose(drawn.get_ydata(), expected["accuracy"])
    np.testing.assert_allclose(drawn.get_xdata(), expected["level"], atol=1)


def test_error_bars_are_the_limits_of_the_table() -> None:
    curves = curves_table(study())
    ax = figure8_by_question(curves).axes[0]
    drawn = {
        (round(low, 9), round(high, 9))
        for bars in ax.collections
        for (_, low), (_, high) in bars.get_segments()  # type: ignore[attr-defined]
    }
    assert drawn == set(zip(curves["low"].round(9), curves["high"].round(9), strict=True))


@pytest.mark.parametrize("figure", FIGURES.names)
def test_axes_are_honest(figure: str) -> None:
    for ax in drawn(figure, study(questions=QUESTIONS[:2], methods=METHODS)).axes:
        low, high = ax.get_ylim()
        assert low <= 0 and high >= 1
        assert list(ax.get_xticks()) == [0, 5, 10, 20, 30, 40, 50]


def test_the_caption_names_interval_method_and_n() -> None:
    caption = figure8_by_question(curves_table(study(lengths=(384, 512)))).texts[0].get_text()
    said = " ".join(caption.split())
    assert "Wilson 95 % intervals with n = distinct companies" in said
    assert "mean of 3 draws" in said
    assert "count as one" in said


def test_every_panel_says_its_n() -> None:
    fig = figure8_by_question(curves_table(study(lengths=(384, 512))))
    assert "n = 24 companies, 2 experiments" in [text.get_text() for text in fig.axes[0].texts]


def test_labels_name_and_order_the_panels_and_keys_are_the_fallback() -> None:
    labels = {"inc_year": "Year", "employee_count": "Employees"}
    curves = curves_table(study(questions=["employee_count", "hq_state", "inc_year"]))
    titles = [ax.get_title(loc="left") for ax in figure8_by_question(curves, labels).axes]
    assert titles == ["Year", "Employees", "hq_state"]


@pytest.mark.slow
def test_a_floor_is_drawn_only_where_the_results_have_one() -> None:
    levels = study()
    floor = "always the most frequent answer"
    for table, expected in ((levels, True), (levels.assign(majority_accuracy=np.nan), False)):
        legend = figure8_by_question(curves_table(table)).legends[0]
        assert (floor in [text.get_text() for text in legend.get_texts()]) is expected


def test_an_experiment_that_was_not_run_leaves_a_marked_panel() -> None:
    levels = study(questions=QUESTIONS[:2], lengths=(384, 512))
    gap = (levels["question"] == "inc_year") & (levels["tokens"] == 512)
    fig = drawn("figure8_grid", levels[~gap])
    notes = [text.get_text() for ax in fig.axes for text in ax.texts]
    assert notes.count("not in this study") == 1


@pytest.mark.parametrize("figure", FIGURES.names)
def test_a_study_without_a_random_arm_is_drawn(figure: str) -> None:
    fig = drawn(figure, study(levels=(5, 10)).query("arm != 'random'"))
    assert overlaps(fig) == []
    assert any(len(line.get_xdata()) == 3 and line.get_linestyle() == "-" for line in fig.axes[0].lines)
    legend = [text.get_text() for text in fig.legends[0].get_texts()]
    assert "top heads ablated" in legend and "random heads ablated" not in legend
    assert "random" not in fig.texts[0].get_text()


def test_a_table_without_ablations_is_refused() -> None:
    levels = study()
    with pytest.raises(StudyError, match="no curves to draw"):
        figure8_by_question(curves_table(levels[levels["arm"] == "baseline"]))


@pytest.mark.slow
def test_writing_twice_gives_the_same_bytes_for_each_format(tmp_path: Path) -> None:
    levels = study(questions=QUESTIONS[:2])
    fig = figure8_by_question(curves_table(levels))
    first = saved(fig, tmp_path / "first")
    second = saved(fig, tmp_path / "second")
    again = saved(figure8_by_question(curves_table(levels)), tmp_path / "again")
    assert [path.suffix for path in first] == [".svg", ".png", ".pdf"]
    for paths in zip(first, second, again, strict=True):
        assert len({path.read_bytes() for path in paths}) == 1


@pytest.mark.slow
def test_another_figure_gives_other_bytes(tmp_path: Path) -> None:
    """Negative control for the test above."""
    one = saved(figure8_by_question(curves_table(study())), tmp_path / "one")
    two = saved(figure8_by_question(curves_table(study(seed=1))), tmp_path / "two")
    for a, b in zip(one, two, strict=True):
        assert a.read_bytes() != b.read_bytes()


def test_files_hold_no_date(tmp_path: Path) -> None:
    for path in saved(figure8_by_question(curves_table(study())), tmp_path / "figure"):
        assert b"CreationDate" not in path.read_bytes()
        assert b"<dc:date>" not in path.read_bytes()


def test_a_failed_write_leaves_the_old_file_and_no_litter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fig = figure8_by_question(curves_table(study()))
    old = saved(fig, tmp_path / "figure")[0].read_bytes()

    def half(path: Path, **_: object) -> None:
        Path(path).write_bytes(b"half a fig")
        raise OSError("disk full")

    monkeypatch.setattr(fig, "savefig", half)
    with pytest.raises(OSError, match="disk full"):
        saved(fig, tmp_path / "figure")
    assert (tmp_path / "figure.svg").read_bytes() == old
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.parametrize(("module", "unwanted"), [("results.rows", "matplotlib"), ("results.statistics", "pandas")])
def test_modules_import_no_more_than_they_need(module: str, unwanted: str) -> None:
    code = f"import sys, head_ablation.{module}; sys.exit({unwanted!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def hollow(fig: Figure) -> list[float]:
    """The levels that hollow marks of the top curve stand at."""
    ax = fig.axes[0]
    dashed = {line.get_color() for line in ax.lines if line.get_linestyle() == "--"}
    marks = [
        line for line in ax.lines if line.get_marker() not in ("None", "none", "") and line.get_color() not in dashed
    ]
    white = [line for line in marks if line.get_markerfacecolor() == "white"]
    return [round(float(level)) for line in white for level in line.get_xdata()]  # type: ignore[union-attr]


@pytest.mark.parametrize("figure", FIGURES.names)
def test_levels_that_the_ranking_does_not_decide_have_hollow_marks_and_a_line_in_the_caption(figure: str) -> None:
    cuts = (Cut(40, 200, 3, 0), Cut(50, 0, 0, 7))
    task = TablesTask({"wu24/instruct/inc_year/tokens_2048": RankingFacts(18, cuts)})
    fig = drawn(figure, levels_table(random_study(), task))
    assert hollow(fig) == [40, 50]
    assert "Hollow marks on solid lines" in fig.texts[0].get_text().replace("\n", " ")
    assert overlaps(fig) == []
    plain = drawn(figure, study())
    assert hollow(plain) == [] and "Hollow" not in plain.texts[0].get_text()


@pytest.mark.parametrize("figure", FIGURES.names)
def test_what_could_not_be_ranked_is_named_in_the_caption(figure: str) -> None:
    alone = result(answers("1110"), {}, {}, question="inc_state")
    levels = levels_table([*random_study(), alone])
    missing = FigureTask((("inc_state", "State"),), ("wu24",)).missing(levels)
    assert missing == ["wu24, State (instruct, 2048 tokens)"]
    fig = FIGURES[figure].draw(Tables(curves_table(levels), levels, missing), {"inc_state": "State"})
    caption = fig.texts[0].get_text().replace("\n", " ")
    assert caption.endswith("Not shown, since no head could be ranked: wu24, State (instruct, 2048 tokens).")
    assert FigureTask((), ("wu24",)).missing(levels_table(random_study())) == []


def test_a_label_with_dollar_signs_and_markup_is_drawn_as_written_and_leaves_no_tag_in_the_svg(tmp_path: Path) -> None:
    label = "</text><script>x</script> US$"
    levels = study()
    fig = drawn("figure8_by_question", levels, {"inc_year": label})
    (path,) = [path for path in saved(fig, tmp_path / "figure") if path.suffix == ".svg"]
    tags = {element.tag.rpartition("}")[2] for element in ElementTree.parse(path).iter()}
    assert label in {text.get_text() for text in texts(fig)}
    assert "svg" in tags and "script" not in tags


def test_dollar_signs_of_two_labels_in_the_caption_are_no_formula(tmp_path: Path) -> None:
    curves = curves_table(study())
    fig = panels(curves, "question", "method", {}, ["in US$ (a)", r"in \frac US$ (b)"])
    assert saved(fig, tmp_path / "figure")
