"""What made a file: versions, commit, machine, time. Kept beside it, so that the file itself is byte-stable."""

from __future__ import annotations

import platform
import subprocess
import time
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from head_ablation import PROTOCOL_VERSION, __version__

HOME = Path(__file__).parents[2]  # of the project
PACKAGES = ("torch", "transformers", "tokenizers", "safetensors")


class Stopwatch:
    """Seconds since it was made."""

    def __init__(self) -> None:
        self._start = time.perf_counter()

    @property
    def seconds(self) -> float:
        """Elapsed wall time."""
        return round(time.perf_counter() - self._start, 3)


def provenance(**facts: Any) -> dict[str, Any]:
    """`facts`, and what this process knows of itself: the content of a provenance file."""
    return {
        "library_version": __version__,
        "protocol_version": PROTOCOL_VERSION,
        "git_commit": git_commit(),
        "packages": {name: _version(name) for name in PACKAGES},
        "python": platform.python_version(),
        "host": platform.node(),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        **facts,
    }


@cache
def git_commit(home: Path = HOME) -> str | None:
    """The commit of this project's checkout, with `-dirty` if it was changed; None without git.

    Args:
        home: the project's folder. It may lie in a checkout of something else, whose commit says nothing of it.
    """
    top = _git(home, "rev-parse", "--show-toplevel")
    if top is None or Path(top).resolve() != home.resolve():
        return None
    return _git(home, "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")


def _git(folder: Path, *command: str) -> str | None:
    try:
        done = subprocess.run(["git", *command], cwd=folder, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
