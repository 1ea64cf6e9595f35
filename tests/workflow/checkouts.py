"""A checkout of the project in a temporary folder, to run the workflow in for real."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
PARTS = (
    *("Snakefile", "config.yaml", "rules", "scripts", "head_ablation", "schemas"),
    *("resources", "studies", "envs", "profiles", "report"),
)


@dataclass(frozen=True)
class Checkout:
    """A copy of the project whose prepared models are the project's own."""

    folder: Path

    def snakemake(self, *arguments: str, check: bool = True) -> str:
        """Runs Snakemake on the tiny study and returns what it printed."""
        fixed = ("--cores", "2", "--configfile", "studies/ci.yaml")  # last: it would swallow targets behind it
        command = [sys.executable, "-m", "snakemake", *arguments, *fixed]
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        done = subprocess.run(
            command,
            cwd=self.folder,
            env={**os.environ, "PATH": path},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if check and done.returncode:
            pytest.fail(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout[-6000:]}")
        return done.stdout

    def results(self, *names: str) -> Path:
        """A path below results/ci."""
        return self.folder.joinpath("results", "ci", *names)


def copy_project(folder: Path) -> Checkout:
    """The project's files as they are now, with results/models shared, so that a model is converted once."""
    for part in PARTS:
        source = PROJECT / part
        if source.is_dir():
            shutil.copytree(source, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, folder / part)
    models = PROJECT / "results" / "models"
    models.mkdir(parents=True, exist_ok=True)
    (folder / "results").mkdir()
    (folder / "results" / "models").symlink_to(models)
    return Checkout(folder)
