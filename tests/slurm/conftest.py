"""A SLURM that runs to the end of the session."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from cluster import Cluster, running_cluster, why_not


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """The cluster. It stays up after its tests, for the tests that the same process runs then."""
    reason = why_not()
    if reason:
        pytest.skip(reason)
    os.environ.pop("SLURM_CONF", None)  # SLURM's commands now read the cluster's own configuration
    with running_cluster() as running:
        yield running
