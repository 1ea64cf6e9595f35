"""A checkout of the project in a temporary folder, to run the workflow in for real."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from forked import run_snakemake
from project import PROJECT

PARTS = (
    *("Snakefile", "config.yaml", "rules", "scripts", "head_ablation"),
    *("resources", "studies", "envs", "profiles", "report"),
)


@dataclass(frozen=True)
class Checkout:
    """A copy of the project whose prepared models are the project's own.

    Attributes:
        folder: where it is.
        config: the study that is run.
        study: its name.
    """

    folder: Path
    config: str = "studies/ci.yaml"
    study: str = "ci"

    def start(self, *arguments: str, **how: Any) -> subprocess.Popen[str]:
        """Starts Snakemake on the study, on this machine's cores."""
        return self.popen(*arguments, "--cores", "2", **how)

    def popen(self, *arguments: str, **how: Any) -> subprocess.Popen[str]:
        """Starts Snakemake (or a `program`, what follows `python`) on the study, in a process group of its own."""
        command = [sys.executable, *how.pop("program", ("-m", "snakemake")), *self._complete(arguments)]
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env=self._environment(how.pop("env", {})),
            stdout=how.pop("stdout", subprocess.PIPE),
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            **how,
        )

    def snakemake(self, *arguments: str, check: bool = True, env: Mapping[str, str] = MappingProxyType({})) -> str:
        """Runs Snakemake on the study, on this machine's cores, and returns what it printed."""
        complete = self._complete((*arguments, "--cores", "2"))
        code, output = run_snakemake(complete, self.folder, self._environment(env))
        if check and code:
            pytest.fail(f"snakemake {' '.join(complete)} ended with {code}:\n{output[-6000:]}")
        return output

    def _complete(self, arguments: Sequence[str]) -> list[str]:
        """The arguments, and the config last: it would swallow targets behind it."""
        return [*arguments, "--configfile", self.config]

    def _environment(self, own: Mapping[str, str]) -> dict[str, str]:
        """That of an activated environment, where Python keeps what it compiles: a study starts it dozens of times."""
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        return {**inherited, "PATH": path, **own}

    def results(self, *names: str) -> Path:
        """A path below the study's results."""
        return self.folder.joinpath("results", self.study, *names)


def jobs_run(output: str) -> list[str]:
    """The jobs that Snakemake says it runs (or would run), as `rule` or `rule question condition`, sorted."""
    blocks = re.findall(r"^( *)(?:local)?(?:rule|checkpoint) (\w+):\n((?:\1    .*\n)*)", output, re.MULTILINE)
    return sorted(" ".join([rule, *_wildcards(block)]) for _, rule, block in blocks if rule != "all")


def _wildcards(block: str) -> list[str]:
    found = dict(re.findall(r"(question|split|condition)=([\w-]+)", block))
    return [found[key] for key in ("question", "split", "condition") if key in found]


def copy_project(folder: Path, share_models: bool = True) -> Checkout:
    """The project's files as they are now.

    Args:
        folder: where to.
        share_models: use the project's own results/models, so that SmolLM2 is converted once.
    """
    for part in PARTS:
        source = PROJECT / part
        if source.is_dir():
            shutil.copytree(source, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, folder / part)
    (folder / "slurm").symlink_to("profiles/slurm")
    (folder / "results").mkdir()
    if share_models:
        models = PROJECT / "results" / "models"
        models.mkdir(parents=True, exist_ok=True)
        (folder / "results" / "models").symlink_to(models)
    return Checkout(folder)
