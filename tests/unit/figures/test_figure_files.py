"""Files of figures: equal figures are equal bytes, whole or not at all, whatever the labels hold."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest
from drawn_figures import PLAIN, caption, drawn, tables_of, titles
from matplotlib.figure import Figure
from results_factory import random_study

from head_ablation.figures import FIGURES
from head_ablation.figures.figure import Design, Labels, Tables
from head_ablation.figures.style import save_figure

QUESTIONS = ["inc_state", "inc_year"]
METHODS = ["wu24", "summed_attention"]
KINDS = (".svg", ".png", ".pdf")


def saved(fig: Figure, stem: Path) -> list[Path]:
    """The files of a figure in each format."""
    paths = [stem.parent / (stem.name + kind) for kind in KINDS]
    save_figure(fig, paths)
    return paths


def study(**changes: object) -> Tables:
    return tables_of(random_study(**changes))  # type: ignore[arg-type]


def by_question(tables: Tables, design: Design = PLAIN) -> Figure:
    return drawn("figure8_by_question", tables, design)


@pytest.mark.slow
@pytest.mark.parametrize("figure", FIGURES.names)
def test_writing_twice_gives_the_same_bytes_for_each_format(figure: str, tmp_path: Path) -> None:
    tables = study(questions=QUESTIONS, methods=METHODS, lengths=(384, 512))
    fig = drawn(figure, tables)
    first = saved(fig, tmp_path / "first")
    second = saved(fig, tmp_path / "second")
    again = saved(drawn(figure, tables), tmp_path / "again")
    assert [path.suffix for path in first] == [".svg", ".png", ".pdf"]
    for paths in zip(first, second, again, strict=True):
        assert len({path.read_bytes() for path in paths}) == 1


@pytest.mark.slow
def test_another_figure_gives_other_bytes(tmp_path: Path) -> None:
    """Negative control for the test above."""
    one = saved(by_question(study()), tmp_path / "one")
    two = saved(by_question(study(seed=1)), tmp_path / "two")
    for a, b in zip(one, two, strict=True):
        assert a.read_bytes() != b.read_bytes()


def test_files_hold_no_date(tmp_path: Path) -> None:
    for path in saved(by_question(study()), tmp_path / "figure"):
        assert b"CreationDate" not in path.read_bytes()
        assert b"<dc:date>" not in path.read_bytes()


def test_a_failed_write_leaves_the_old_file_and_no_litter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fig = by_question(study())
    old = saved(fig, tmp_path / "figure")[0].read_bytes()

    def half(path: Path, **_: object) -> None:
        Path(path).write_bytes(b"half a fig")
        raise OSError("disk full")

    monkeypatch.setattr(fig, "savefig", half)
    with pytest.raises(OSError, match="disk full"):
        saved(fig, tmp_path / "figure")
    assert (tmp_path / "figure.svg").read_bytes() == old
    assert len(list(tmp_path.iterdir())) == 3


def test_a_label_with_dollar_signs_and_markup_is_drawn_as_written_and_leaves_no_tag_in_the_svg(tmp_path: Path) -> None:
    label = "</text><script>x</script> US$"
    fig = by_question(study(), Design(labels=Labels(question=(("inc_year", label),))))
    (path,) = [path for path in saved(fig, tmp_path / "figure") if path.suffix == ".svg"]
    tags = {element.tag.rpartition("}")[2] for element in ElementTree.parse(path).iter()}
    assert label in titles(fig)
    assert "svg" in tags and "script" not in tags


def test_dollar_signs_of_two_labels_in_the_caption_are_no_formula(tmp_path: Path) -> None:
    for figure in FIGURES.names:
        fig = drawn(figure, study()._replace(missing=["in US$ (a)", r"in \frac US$ (b)"]))
        assert saved(fig, tmp_path / "figure")
        assert "in US$ (a)" in caption(fig)
