"""Fixtures: the tiny study, planned or finished, in a temporary checkout."""

from __future__ import annotations

import pytest
from checkouts import Checkout, copy_project


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A copy of the project."""
    return copy_project(tmp_path_factory.mktemp("checkout"))


@pytest.fixture(scope="session")
def finished(checkout: Checkout) -> Checkout:
    """The tiny study, run to its end."""
    checkout.snakemake()
    return checkout
