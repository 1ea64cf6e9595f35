"""The recomputation table: for every change, the jobs that Snakemake says it ran."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class RecomputationTable:
    """Judges and keeps what ran.

    Attributes:
        rows: change -> kind of ranking -> jobs.
    """

    rows: dict[str, dict[str, list[str]]] = field(default_factory=dict)

    def same(self, kind: str, change: str, ran: list[str], expected: list[str]) -> None:
        """The jobs that ran must be those that the change brings."""
        self.rows.setdefault(change, {})[kind] = ran
        assert ran == sorted(expected)

    def markdown(self) -> str:
        """All rows, as Markdown; each as expected, or its test has failed."""
        lines = ["| change | jobs, rankings given | jobs, rankings detected |", "|---|---|---|"]
        for change, jobs in self.rows.items():
            cells = [_counts(jobs[kind]) if kind in jobs else "" for kind in ("given", "detected")]
            lines.append(f"| {change} | {' | '.join(cells)} |")
        return "\n".join(lines)


def _counts(jobs: list[str]) -> str:
    """`2 heads, 4 generations`, in the order of the stages."""
    counts = Counter(job.split()[0] for job in jobs)
    return ", ".join(f"{count} {rule}" for rule, count in sorted(counts.items())) or "none"
