"""A study sent to the cluster through the shipped profile."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen

from cluster import Cluster
from tiny_study import TinyStudy

IMPATIENT = Path(__file__).with_name("impatient.py")


@dataclass(frozen=True)
class ClusterStudy:
    """A study whose level jobs each take one card of the cluster.

    Attributes:
        study: the study.
        cluster: where it is run.
    """

    study: TinyStudy
    cluster: Cluster

    @property
    def log(self) -> Path:
        """What Snakemake printed; a pipe that nobody reads would stop it when it is full."""
        return self.study.checkout.folder / "snakemake.log"

    def start(self, *arguments: str) -> Popen[str]:
        """Starts `snakemake --profile slurm`."""
        how = ("--latency-wait", "5", *arguments, "--profile", "slurm")
        with self.log.open("w") as log:
            return self.study.checkout.popen(*how, program=(str(IMPATIENT),), stdout=log)

    def finish(self, process: Popen[str]) -> str:
        """Waits for a run that is to succeed; what it printed."""
        try:
            assert process.wait(timeout=600) == 0, self.log.read_text()[-6000:]
        finally:
            process.kill()
        return self.log.read_text()

    def run(self, *arguments: str) -> str:
        """Runs it to its end; what it printed."""
        return self.finish(self.start(*arguments))

    def submissions(self) -> list[dict[str, str]]:
        """What accounting knows of the study's submissions."""
        return self.cluster.submissions(self.study.checkout.folder)

    def loads(self) -> int:
        """The level jobs that computed something, by their logs: each loaded the model."""
        logs = [path.read_text() for path in self.study.checkout.results("logs", "generations").rglob("*.log")]
        return sum("from the store" not in log for log in logs)
