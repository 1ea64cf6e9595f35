"""A study sent to the cluster through the shipped profile."""

from __future__ import annotations

from dataclasses import dataclass
from subprocess import Popen

from cluster import Cluster
from tiny_study import TinyStudy


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
        try:
            output, _ = process.communicate(timeout=300)
        finally:
            process.kill()
        assert process.returncode == 0, output[-6000:]
        return output

    def submissions(self) -> list[dict[str, str]]:
        """What accounting knows of the study's submissions."""
        return self.cluster.submissions(self.study.checkout.folder)

    def loads(self) -> int:
        """The level jobs that computed something, by their logs: each loaded the model."""
        logs = [path.read_text() for path in self.study.checkout.results("logs", "generations").rglob("*.log")]
        return sum("from the store" not in log for log in logs)
