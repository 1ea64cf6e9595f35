"""Fixtures: the tiny study, planned or finished, in a temporary checkout; the table of what ran again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from checkouts import Checkout, copy_project
from recomputation_report import RAN, RecomputationTable, markdown
from recorded import recorded


@pytest.fixture
def recomputation(record_property: Callable[[str, object], None]) -> RecomputationTable:
    """Judges what ran after each change; it is all printed after the tests."""
    return RecomputationTable(record_property)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Prints the recomputation table, if any change was made."""
    rows = recorded(terminalreporter, RAN)
    if rows:
        terminalreporter.section("what ran again")
        terminalreporter.write_line(markdown(rows))


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A copy of the project."""
    return copy_project(tmp_path_factory.mktemp("checkout"))


@pytest.fixture(scope="session")
def finished(checkout: Checkout) -> Checkout:
    """The tiny study, run to its end."""
    checkout.snakemake()
    return checkout
