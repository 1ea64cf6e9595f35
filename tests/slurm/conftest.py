"""Fixtures: a SLURM that runs to the end of the session, and the tiny study sent to it through the shipped profile."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from subprocess import Popen

import pytest
from cluster import Cluster, running_cluster, why_not
from tiny_study import TinyStudy


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """The cluster. It stays up after its tests: where SLURM's commands are but no SLURM, Snakemake starts slowly."""
    reason = why_not()
    if reason:
        pytest.skip(reason)
    with running_cluster() as running:
        yield running


@dataclass(frozen=True)
class ClusterStudy:
    """A study whose level jobs each take one card of the cluster.

    Attributes:
        study: the study.
        cluster: where it is run.
    """

    study: TinyStudy
    cluster: Cluster

    def start(self, *arguments: str) -> Popen[str]:
        """Starts `snakemake --profile slurm`."""
        quick = ("--slurm-init-seconds-before-status-checks", "20", "--latency-wait", "5")
        return self.study.checkout.popen(*quick, *arguments, "--profile", "slurm")

    def run(self, *arguments: str) -> str:
        """Runs it to its end; what it printed."""
        process = self.start(*arguments)
        output, _ = process.communicate(timeout=300)
        assert process.returncode == 0, output[-6000:]
        return output

    def submissions(self) -> list[dict[str, str]]:
        """What accounting knows of the study's submissions."""
        return self.cluster.submissions(self.study.checkout.folder)

    def loads(self) -> int:
        """The level jobs that computed something, by their logs: each loaded the model."""
        logs = [path.read_text() for path in self.study.checkout.results("logs", "generations").rglob("*.log")]
        return sum("from the store" not in log for log in logs)
