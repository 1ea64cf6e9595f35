"""Runs Snakemake in a fork of a process that has imported it already, which saves half of a short run's time."""

from __future__ import annotations

import multiprocessing
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from project import PROJECT

OURS = ("filelock", "jsonschema", "pandas", "pyarrow", "yaml")  # what the Snakefile imports besides its own library
THEIRS = ("snakemake.cli", "snakemake.report.html_reporter", "snakemake_executor_plugin_slurm", "smart_open")
SERVER = multiprocessing.get_context("forkserver")
SERVER.set_forkserver_preload([*OURS, *THEIRS, "snakemake_logger_plugin_rich"])


def run_snakemake(arguments: Sequence[str], folder: Path, environment: Mapping[str, str]) -> tuple[int, str]:
    """Runs `python -m snakemake` in a folder, in a session of its own.

    Args:
        arguments: its arguments.
        folder: where it runs; the library that it imports is the one there.
        environment: all variables.

    Returns:
        Its exit code, and what it printed.
    """
    with tempfile.NamedTemporaryFile() as output:
        process = SERVER.Process(target=_snakemake, args=(arguments, folder, environment, output.name))
        process.start()
        process.join()
        return process.exitcode or 0, Path(output.name).read_text()


def _snakemake(arguments: Sequence[str], folder: Path, environment: Mapping[str, str], output: str) -> None:
    """What the fork does: it becomes the program."""
    os.setsid()
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.dont_write_bytecode = "PYTHONDONTWRITEBYTECODE" in environment
    sys.argv = ["snakemake", *arguments]
    added = [part for part in environment.get("PYTHONPATH", "").split(os.pathsep) if part]
    sys.path[:] = [str(folder), *added, *(part for part in sys.path if not _is_of_the_tests(part))]
    with open(output, "a") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    from snakemake.cli import main

    main()


def _is_of_the_tests(path: str) -> bool:
    """Whether pytest put a folder into the path for the tests alone."""
    return Path(path or ".").resolve() in (PROJECT, *(PROJECT / "tests").rglob("*"))
