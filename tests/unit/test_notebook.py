"""The notebook runs on the tables of a study, says what a flipped prompt says, and is kept without outputs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from project import PROJECT
from report_factory import BEFORE, BEHIND, PASSAGE, small_results, write_study

NOTEBOOK = PROJECT / "notebooks" / "figure8.ipynb"
DEMO = 'STUDY = Path("../results/demo")'

pytestmark = pytest.mark.slow  # a kernel has to start


def read() -> Any:
    return nbformat.read(NOTEBOOK, as_version=4)


def codes(notebook: Any) -> list[Any]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def run(study: Path) -> Any:
    """The notebook after it ran on a study."""
    notebook = read()
    first = codes(notebook)[0]
    assert DEMO in first.source
    first.source = first.source.replace(DEMO, f"STUDY = Path({str(study)!r})")
    NotebookClient(notebook, timeout=300, startup_timeout=300, kernel_name="python3").execute(cwd=str(study))
    return notebook


def printed(cell: Any) -> str:
    return "".join(output.text for output in cell.outputs if output.output_type == "stream")


def test_it_draws_figure_8_and_opens_a_flipped_answer(tmp_path: Path) -> None:
    write_study(tmp_path, small_results())
    *_, figure, _, answer = codes(run(tmp_path))
    assert any("image/png" in output.get("data", {}) for output in figure.outputs)
    flips = pd.read_csv(tmp_path / "tables" / "flips.csv", keep_default_na=False)
    one = flips[(flips["arm"] == "top") & (flips["change"] == "right → wrong")].iloc[0]
    said = printed(answer)
    for shown in (one["filename"], one["question"], str(one["gold"]), repr(one["base_text"]), repr(one["text"])):
        assert shown in said
    assert f"{BEFORE}{PASSAGE}{BEHIND}" in said


def test_a_study_without_tables_stops_it(tmp_path: Path) -> None:
    """Negative control: the cells do run."""
    with pytest.raises(CellExecutionError, match=r"levels\.csv"):
        run(tmp_path)


def test_it_is_kept_without_outputs() -> None:
    cells = codes(read())
    assert [cell.outputs for cell in cells] == [[] for _ in cells]
    assert {cell.execution_count for cell in cells} == {None}
