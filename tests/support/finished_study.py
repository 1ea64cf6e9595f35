"""The tiny study with given rankings, run to its end once for all of pytest's processes."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from checkouts import Checkout, copy_project
from filelock import FileLock
from tiny_study import TinyStudy, tiny_study, write_tiny_study


def finished_study(temporary: pytest.TempPathFactory) -> TinyStudy:
    """The study as it is where nobody disturbs it, for all that only read it: it is shared, and never changed."""
    folder = _of_all_processes(temporary) / "finished"
    with FileLock(f"{folder}.lock"):
        if not folder.is_dir():
            begun = temporary.mktemp("begun")
            write_tiny_study(copy_project(begun, share_models=False)).checkout.snakemake()
            begun.rename(folder)
    return tiny_study(Checkout(folder))


def copy_finished_study(temporary: pytest.TempPathFactory, name: str) -> TinyStudy:
    """A copy of it in a folder of this name, time stamps and Snakemake's records included."""
    folder = temporary.mktemp(name)
    shutil.copytree(finished_study(temporary).checkout.folder, folder, symlinks=True, dirs_exist_ok=True)
    return tiny_study(Checkout(folder))


def _of_all_processes(temporary: pytest.TempPathFactory) -> Path:
    """The temporary folder that the processes of pytest-xdist share; that of the only process, without it."""
    own = temporary.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
