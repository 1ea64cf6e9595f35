"""A SLURM that runs to the end of the session."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from cluster import Cluster, running_cluster, why_not


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """The cluster. It stays up after its tests: where SLURM's commands are but no SLURM, Snakemake starts slowly."""
    reason = why_not()
    if reason:
        pytest.skip(reason)
    with running_cluster() as running:
        yield running
