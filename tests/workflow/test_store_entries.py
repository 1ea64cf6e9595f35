"""The store: damaged entries are never used, and results that are copied cost no model load."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from checkouts import jobs_run
from finished_study import copy_finished_study
from tiny_study import QUESTIONS, TinyStudy, generations

pytestmark = pytest.mark.workflow


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> TinyStudy:
    """The study, run to its end."""
    return copy_finished_study(tmp_path_factory, "store_entries")


def damage(path: Path, number: int) -> None:
    """Truncates every other file, and changes an answer in the rest."""
    text = path.read_text()
    path.write_text(text[: len(text) // 2] if number % 2 else re.sub(r'"text": "', '"text": "1929', text, count=1))


def test_jobs_that_start_together_load_the_model_for_different_sweeps(finished: TinyStudy) -> None:
    """Two cores, two sweeps: the baselines load the model, and all levels are in the store when their jobs start."""
    logs = {path: path.read_text() for path in finished.checkout.results("logs", "generations").rglob("*.log")}
    loaded = [path for path, text in logs.items() if "from the store" not in text]
    folder = finished.checkout.results("logs", "generations", "baseline", "tiny_model")
    assert sorted(loaded) == [folder / question / "tokens_400.log" for question in QUESTIONS]


def test_damaged_store_entries_are_never_used(finished: TinyStudy) -> None:
    whole = generations(finished)
    entries = sorted((finished.checkout.folder / "results" / "store" / "entries").glob("*/*.json"))
    for number, path in enumerate(entries):
        damage(path, number)
    finished.checkout.snakemake("--forcerun", "generations", "baseline")
    assert generations(finished) == whole
    logs = [path.read_text() for path in finished.checkout.results("logs", "generations").rglob("*.log")]
    assert any("its digest does not fit its content" in log for log in logs)
    assert any("broken JSON" in log for log in logs)


def test_results_copied_without_metadata_cost_no_model_load(finished: TinyStudy) -> None:
    whole = generations(finished)
    ran = jobs_run(finished.checkout.snakemake("--forceall"))
    assert sum(job.startswith(("generations", "baseline")) for job in ran) == len(whole)
    logs = {path: path.read_text() for path in finished.checkout.results("logs", "generations").rglob("*.log")}
    assert len(logs) == len(whole)
    assert [path for path, text in logs.items() if "from the store" not in text] == []
    assert generations(finished) == whole
