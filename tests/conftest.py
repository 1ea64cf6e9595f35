"""How the tests are shared out between pytest's processes."""

from __future__ import annotations

import os
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

# Modules of minutes, the longest first; SLURM's mostly wait.
LONGEST = (
    *("test_faults", "test_submissions", "test_survival", "test_stale_files", "test_recomputation_given"),
    *("test_recomputation_detected", "test_failure", "test_seams", "test_store_entries", "test_published_study"),
    *("test_planted_study", "test_progress_of_a_run", "test_tiny_study", "test_anywhere", "test_report_page"),
)


class ByModule(LoadScopeScheduling):
    """A module's tests, which share fixtures, go to one process; so do all that need SLURM: the machine takes one."""

    def _split_scope(self, nodeid: str) -> str:
        module = nodeid.split("::")[0]
        return "tests/slurm" if module.startswith("tests/slurm/") else module


def pytest_configure() -> None:
    """Hook of pytest. Snakemake's plugin asks SLURM for its settings at every start, and waits 10 seconds for an answer
    where SLURM is installed but not running; with an empty configuration the answer is an error at once."""
    os.environ.setdefault("SLURM_CONF", os.devnull)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByModule:
    """Hook of pytest-xdist; the modules go out in the order of `testpaths`, those of minutes first."""
    config.option.loadscopereorder = False
    return ByModule(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The modules that take longest start first; tests of the embedded model, which has to be converted, are slow."""
    items.sort(key=lambda item: LONGEST.index(item.path.stem) if item.path.stem in LONGEST else len(LONGEST))
    for item in items:
        if "embedded_model" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.slow)
