"""What is damaged, stale or of another config is found, and made again or refused."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path

import pytest
from checkouts import copy_project, jobs_run
from tiny_study import TinyStudy, generations, write_tiny_study

pytestmark = pytest.mark.workflow

PLACE = "given/tiny_model/inc_year/tokens_400"


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> TinyStudy:
    """The study, run to its end."""
    study = write_tiny_study(copy_project(tmp_path_factory.mktemp("finished"), share_models=False))
    study.checkout.snakemake()
    return study


def test_a_config_changed_after_the_metadata_was_lost_is_refused(finished: TinyStudy) -> None:
    study = finished
    shutil.rmtree(study.checkout.folder / ".snakemake")
    assert "Nothing to be done" in study.checkout.snakemake()  # the same config
    study.configure(lambda config: config.update(ablation={"positions": "decode"}))
    assert "were made by another config" in study.checkout.snakemake(check=False)
    shutil.rmtree(study.checkout.results())
    study.checkout.snakemake()
    content = json.loads(study.checkout.results("generations", PLACE, "top-10.json").read_text())
    assert content["settings"]["positions"] == "decode"
    assert "Nothing to be done" in study.checkout.snakemake()
    study.configure(lambda config: config.pop("ablation"))
    study.checkout.snakemake()


def damage(path: Path, number: int) -> None:
    """Truncates every other file, and changes an answer in the rest."""
    text = path.read_text()
    path.write_text(text[: len(text) // 2] if number % 2 else re.sub(r'"text": "', '"text": "1929', text, count=1))


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


def stale(study: TinyStudy, condition: str, field: str, value: object) -> str:
    """Puts another value into a generation file; what Snakemake then says."""
    path = study.checkout.results("generations", PLACE, f"{condition}.json")
    whole = path.read_bytes()
    content = json.loads(whole)
    (content["settings"] if field in content["settings"] else content)[field] = value
    path.write_text(json.dumps(content))
    try:
        return study.checkout.snakemake(check=False)
    finally:
        path.write_bytes(whole)


@pytest.mark.parametrize(
    ("condition", "field", "value"),
    [
        ("top-10", "heads", [f"L0H{head}" for head in range(10)]),
        ("random-40-0", "heads", [f"L{layer}H0" for layer in range(8)]),
        ("top-30", "prompts_sha256", "0" * 64),
        ("top-30", "positions", "decode"),
    ],
)
def test_scoring_refuses_a_stale_generation_file(
    finished: TinyStudy, condition: str, field: str, value: object
) -> None:
    output = stale(finished, condition, field, value)
    assert re.search(
        rf"{PLACE}/{condition}\.json: (settings\.)?{field}: found .*; expected .* as the study says now", output
    )
    assert "Remove it and run again" in output
    assert not finished.checkout.results("ablation", f"{PLACE}.json").exists()
    assert jobs_run(finished.checkout.snakemake()) == ["draw", "score inc_year", "tables"]


@pytest.mark.parametrize(
    ("file", "index"),
    [
        ("samples/inc_year.test.jsonl", "samples/inc_year.index.json"),
        (f"heads/{PLACE}/top-20.json", f"heads/{PLACE}/index.json"),
    ],
)
@pytest.mark.parametrize("lost", [False, True])
def test_a_file_changed_or_removed_by_hand_is_refused(finished: TinyStudy, file: str, index: str, lost: bool) -> None:
    path = finished.checkout.results(*file.split("/"))
    whole = path.read_bytes()
    path.unlink() if lost else path.write_bytes(whole.replace(b"1", b"2"))
    assert f"{file} is not what the study's files say now" in finished.checkout.snakemake(check=False)
    finished.checkout.results(*index.split("/")).unlink()
    finished.checkout.snakemake()
    assert path.read_bytes() == whole


def test_a_ranking_that_comes_with_an_old_time_stamp_is_noticed(finished: TinyStudy) -> None:
    ranking = finished.ranking("inc_state")
    stamp, whole = ranking.stat().st_mtime - 3600, ranking.read_text()
    finished.edit_ranking("inc_state", lambda entries: entries.insert(5, entries.pop(15)))
    os.utime(ranking, (stamp, stamp))
    ran = jobs_run(finished.checkout.snakemake())
    assert "generations inc_state top-10" in ran
    assert "generations inc_state top-20" not in ran
    ranking.write_text(whole)
    finished.checkout.snakemake()
