"""The recomputation table: for every change, the jobs that Snakemake says it ran."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

RAN = "what ran again"


@dataclass(frozen=True)
class RecomputationTable:
    """Judges what ran and records it.

    Attributes:
        record: pytest's `record_property`.
    """

    record: Callable[[str, object], None]

    def same(self, kind: str, change: str, ran: list[str], expected: list[str]) -> None:
        """The jobs that ran must be those that the change brings."""
        self.record(RAN, (kind, change, ran))
        assert ran == sorted(expected)


def markdown(rows: Iterable[tuple[str, str, list[str]]]) -> str:
    """All changes, as Markdown; each as expected, or its test has failed."""
    jobs: dict[str, dict[str, str]] = {}
    for kind, change, ran in rows:
        jobs.setdefault(change, {"given": "", "detected": ""})[kind] = _counts(ran)
    lines = ["| change | jobs, rankings given | jobs, rankings detected |", "|---|---|---|"]
    lines += [f"| {change} | {ran['given']} | {ran['detected']} |" for change, ran in jobs.items()]
    return "\n".join(lines)


def _counts(jobs: list[str]) -> str:
    """`2 heads, 4 generations`, in the order of the stages."""
    counts = Counter(job.split()[0] for job in jobs)
    return ", ".join(f"{count} {rule}" for rule, count in sorted(counts.items())) or "none"
