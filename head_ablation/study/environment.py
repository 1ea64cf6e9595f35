"""What jobs find in their environment: the interpreter that runs Snakemake, the library, the workflow's folder."""

from __future__ import annotations

import os
import sys
from pathlib import Path

HOME_VARIABLE = "HEAD_ABLATION"


def prepare_environment(home: Path) -> None:
    """Lets jobs call `python "$HEAD_ABLATION"/scripts/...`; an activated environment of a job still comes first.

    Args:
        home: the workflow's folder.
    """
    os.environ[HOME_VARIABLE] = str(home)
    _put_first("PATH", Path(sys.executable).parent)
    _put_first("PYTHONPATH", home)


def _put_first(variable: str, folder: Path) -> None:
    others = [part for part in os.environ.get(variable, "").split(os.pathsep) if part and part != str(folder)]
    os.environ[variable] = os.pathsep.join([str(folder), *others])
