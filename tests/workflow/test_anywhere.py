"""The workflow runs from any folder: by its path, as a module, from another directory, beside a dead run's lock."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from checkouts import Checkout, copy_project, jobs_run
from tiny_study import TinyStudy, write_tiny_study

pytestmark = pytest.mark.workflow

MODULE = """
configfile: "{config}"
module head_ablation: snakefile: "{snakefile}" config: config prefix: "ablation"
use rule * from head_ablation as head_ablation_*
"""
FIGURE = "results/tiny/figures/figure8_by_question.svg"


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """The workflow, which runs nothing in its own folder."""
    return copy_project(tmp_path_factory.mktemp("workflow"), share_models=False)


def study_in(folder: Path) -> TinyStudy:
    """A study whose config and inputs lie in a folder of their own; the config names them from there."""
    (folder / "studies").mkdir(parents=True)
    study = write_tiny_study(Checkout(folder))
    config = folder / "tiny.yaml"
    (folder / "studies" / "tiny.yaml").rename(config)
    (folder / "studies").rmdir()
    study = replace(study, checkout=replace(study.checkout, config="tiny.yaml"))
    study.configure(lambda content: content.update(levels=[10], questions={"inc_year": {}}))
    return study


def snakemake(folder: Path, *arguments: str | Path, **environment: str) -> str:
    """Runs Snakemake in a folder by the path of its program alone, as without an activated environment."""
    program = Path(sys.executable).parent / "snakemake"
    plain = {"PATH": "/usr/bin:/bin", "HOME": os.environ.get("HOME", "/tmp"), **environment}
    command = [str(part) for part in (program, *arguments)]
    done = subprocess.run(command, cwd=folder, env=plain, capture_output=True, text=True, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]
    return done.stdout + done.stderr


def test_named_by_its_path_it_runs_in_a_folder_with_braces_and_blanks(checkout: Checkout, tmp_path: Path) -> None:
    study = study_in(tmp_path / "a {folder} of mine")
    folder = study.checkout.folder
    snakemake(folder, "-s", checkout.folder / "Snakefile", "--configfile", "tiny.yaml", "--cores", "2")
    assert (folder / FIGURE).stat().st_size
    assert list((checkout.folder / "results").iterdir()) == []
    (folder / ".snakemake" / "locks").mkdir(exist_ok=True)
    (folder / ".snakemake" / "locks" / "0.input.lock").write_text("own/truth.csv\n")
    (folder / ".snakemake" / "locks" / "0.output.lock").write_text(f"{FIGURE}\n")
    again = snakemake(folder, "-s", checkout.folder / "Snakefile", "--configfile", "tiny.yaml", "-n")
    assert "Nothing to be done" in again  # a dead run's lock keeps nobody from looking


def test_three_lines_make_it_a_module_of_another_workflow(checkout: Checkout, tmp_path: Path) -> None:
    study = study_in(tmp_path / "outer")
    folder = study.checkout.folder
    text = MODULE.format(config="tiny.yaml", snakefile=checkout.folder / "Snakefile")
    text = text.replace("head_ablation: ", "head_ablation:\n    ").replace(" config: config", "\n    config: config")
    (folder / "Snakefile").write_text(text.replace(" prefix: ", "\n    prefix: "))
    snakemake(folder, "--cores", "2")
    assert (folder / "ablation" / FIGURE).stat().st_size
    assert sorted(path.name for path in folder.iterdir() if path.name[0] != ".") == [
        *("Snakefile", "ablation", "own", "tiny.yaml"),
    ]
    assert "Nothing to be done" in snakemake(folder, "-n")


def test_another_directory_takes_the_results_and_paths_stay_the_configs(checkout: Checkout, tmp_path: Path) -> None:
    study = study_in(tmp_path / "inputs")
    there = tmp_path / "results go here"
    config = study.checkout.folder / "tiny.yaml"
    planned = snakemake(
        tmp_path, "-s", checkout.folder / "Snakefile", "--configfile", config, "--directory", there, "-n"
    )
    assert {"draw", "score inc_year"} <= set(jobs_run(planned))
