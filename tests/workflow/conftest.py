"""Fixtures: the tiny study, planned or finished, in a temporary checkout; the table of what ran again."""

from __future__ import annotations

from typing import Any

import pytest
from checkouts import Checkout, copy_project
from recomputation_report import RecomputationTable

TABLE = pytest.StashKey[RecomputationTable]()


@pytest.fixture(scope="session")
def recomputation(pytestconfig: pytest.Config) -> RecomputationTable:
    """Judges what ran after each change, and prints it all after the tests."""
    return pytestconfig.stash.setdefault(TABLE, RecomputationTable())


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Prints the recomputation table, if any change was made."""
    table = config.stash.get(TABLE, None)
    if table is not None:
        terminalreporter.section("what ran again")
        terminalreporter.write_line(table.markdown())


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A copy of the project."""
    return copy_project(tmp_path_factory.mktemp("checkout"))


@pytest.fixture(scope="session")
def finished(checkout: Checkout) -> Checkout:
    """The tiny study, run to its end."""
    checkout.snakemake()
    return checkout
