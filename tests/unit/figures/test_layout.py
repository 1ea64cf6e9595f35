"""No text of a figure meets another, at the width of a column and of a page, whatever the study and its labels."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from drawn_figures import COLUMN, PLAIN, drawn, outside, overlaps, tables_of, upon_data
from matplotlib.lines import Line2D
from matplotlib.text import Text
from published_study import RESULTS, needs_published_study
from results_factory import random_study

from head_ablation.figures import FIGURES
from head_ablation.figures.figure import Design, Labels, Tables
from head_ablation.figures.page import Page, Panel
from head_ablation.figures.style import style
from head_ablation.figures.text import width_of, wrapped

QUESTIONS = ["inc_state", "inc_year", "employee_count", "hq_state"]
METHODS = ["wu24", "summed_attention", "qrhead"]
DEMO: dict[str, Any] = {"questions": QUESTIONS[:2], "levels": (4, 8, 12, 16), "lengths": (384,), "draws": 1}
SIZES: dict[str, dict[str, Any]] = {
    "one experiment": {},
    "two lengths": {"questions": QUESTIONS[:2], "methods": METHODS[:2], "lengths": (384, 512)},
    "five questions": {"questions": [*QUESTIONS, "own"], "levels": (5, 10)},
    "close levels": {"levels": (1, 2, 3, 4, 5, 100)},
    "the published study's size": {
        "questions": QUESTIONS,
        "methods": METHODS,
        "models": ("base", "instruct"),
        "lengths": (2048, 4096, 6144, 8192),
    },
}
WIDTHS = {"column": COLUMN, "page": PLAIN}
LABELS = Labels(
    method=(("wu24", "Copy score of Wu et al. 2024, on twenty prompts"), ("qrhead", "QRHead")),
    model=(("instruct", "SmolLM2-135M-Instruct-with-a-name-that-no-line-holds"),),
    question=(("inc_year", "In which year the company was incorporated, $x_1$"), ("inc_state", "State\nof it")),
    arm=(("random", "heads drawn from all heads that no level of the ranking holds"),),
)


def check(figure: str, tables: Tables, design: Design) -> None:
    fig = drawn(figure, tables, design)
    assert fig.get_size_inches()[0] == design.width_inches
    assert overlaps(fig) == []
    assert outside(fig) == []
    assert upon_data(fig) == []


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("figure", FIGURES.names)
def test_texts_of_the_demo_keep_apart(figure: str, width: str) -> None:
    check(figure, tables_of(random_study(**DEMO)), WIDTHS[width])


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("figure", FIGURES.names)
def test_texts_keep_apart_whatever_the_study(figure: str, width: str, size: str) -> None:
    check(figure, tables_of(random_study(**SIZES[size])), WIDTHS[width])


@needs_published_study
@pytest.mark.slow
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("figure", FIGURES.names)
def test_texts_of_the_published_files_keep_apart(figure: str, width: str) -> None:
    tables = tables_of([json.loads(path.read_text(encoding="utf-8")) for path in RESULTS])
    check(figure, tables, WIDTHS[width])
    check(figure, tables, replace(WIDTHS[width], labels=LABELS))


@pytest.mark.parametrize("design", [COLUMN, PLAIN, replace(COLUMN, font_size=12), replace(COLUMN, width_inches=2.5)])
@pytest.mark.parametrize("figure", FIGURES.names)
def test_long_labels_keep_apart(figure: str, design: Design) -> None:
    tables = tables_of(random_study(QUESTIONS[:2], METHODS, levels=(5, 10)))
    check(figure, tables, replace(design, labels=LABELS))


def test_a_note_that_just_fits_above_the_last_panel_stays_on_the_page() -> None:
    with style(PLAIN):
        panels = [Panel("title", "mean over models and lengths")] * 4
        page = Page(PLAIN, panels, 4, "heads ablated", "drop (percentage points)")
        fig = page.close([Line2D([], [], label="a line")], "A caption.")
    assert overlaps(fig) == outside(fig) == []


def test_titles_of_a_row_stand_at_one_height_whatever_their_notes() -> None:
    def heights(notes: tuple[str, str]) -> set[float]:
        with style(PLAIN):
            panels = [Panel("title", note) for note in notes]
            fig = Page(PLAIN, panels, 2, "heads ablated", "accuracy").close(
                [Line2D([], [], label="a line")], "A caption."
            )
        fig.draw_without_rendering()
        return {round(text.get_window_extent().y0, 3) for text in fig.findobj(Text) if text.get_text() == "title"}

    assert len(heights(("one line", "three\nlines\nof it"))) == 1
    assert heights(("one line", "one line")) != heights(("one line", "three\nlines\nof it"))  # negative control


def in_the_way(fig: Any) -> Any:
    box = fig.legends[0].get_texts()[0].get_window_extent()
    fig.text(*fig.transFigure.inverted().transform((box.x0, box.y0)), "in the way")
    return overlaps(fig)


def beyond_the_page(fig: Any) -> Any:
    fig.text(0.9, 0.5, "more than fits there, by far")
    return outside(fig)


def on_a_panel(fig: Any) -> Any:
    fig.axes[0].annotate("n = 24", (0.5, 0.5), xycoords="axes fraction")
    return upon_data(fig)


@pytest.mark.parametrize("wrong", [in_the_way, beyond_the_page, on_a_panel])
def test_the_checks_see_what_is_wrong(wrong: Callable[[Any], Any]) -> None:
    """Negative controls: a text upon the legend, one that leaves the page, one upon a panel."""
    assert wrong(drawn("figure8_by_question", tables_of(random_study(**DEMO)), PLAIN))


def test_lines_fit_their_width_and_lose_no_letter() -> None:
    text = "a sentence with a_word_that_is_too_long_for_any_line and $\\alpha + \\beta$ US$ 5"
    lines = wrapped(text, 1.0, 8)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert len(lines) > 3 and all(width_of(line, 8) <= 1.0 for line in lines)
    assert "$\\alpha + \\beta$" in " ".join(lines)


def test_a_no_break_space_ends_no_line() -> None:
    assert wrapped("n\u00a0=\u00a024 companies", 0.7, 8) == ["n\u00a0=\u00a024", "companies"]
    assert wrapped("n = 24 companies", 0.3, 8)[0] == "n ="  # negative control
