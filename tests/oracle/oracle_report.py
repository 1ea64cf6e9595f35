"""The oracle table: what every check found at worst, and how far every wrong ablation was off at least."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import pandas as pd

CHECK, CONTROL = "oracle check", "oracle control"
Comparison = tuple[str, float, float]


@dataclass(frozen=True)
class OracleTable:
    """Judges comparisons and records each; the same name may be judged many times.

    Attributes:
        record: pytest's `record_property`.
    """

    record: Callable[[str, object], None]

    def agree(self, check: str, difference: float, tolerance: float) -> None:
        """The two sides must differ by at most `tolerance`."""
        self.record(CHECK, (check, float(difference), float(tolerance)))
        assert difference <= tolerance, f"{check}: {difference} > {tolerance}"

    def differ(self, control: str, difference: float, needed: float) -> None:
        """The wrong side must be off by more than `needed`; otherwise the check could not notice it."""
        self.record(CONTROL, (control, float(difference), float(needed)))
        assert difference > needed, f"{control}: {difference} <= {needed}, it would go unnoticed"


def markdown(checks: Iterable[Comparison], controls: Iterable[Comparison]) -> str:
    """Both tables, as Markdown."""
    parts = [
        _table(checks, ["check", "worst difference", "at most"], "max"),
        _table(controls, ["negative control", "smallest difference", "more than"], "min"),
    ]
    return "\n\n".join(parts)


def _table(comparisons: Iterable[Comparison], columns: list[str], keep: str) -> str:
    name, difference, bound = columns
    rows = pd.DataFrame(comparisons, columns=columns).groupby(name, sort=False)
    table = rows.agg(**{"compared": (bound, "size"), difference: (difference, keep), bound: (bound, "last")})
    lines = [f"| {name} | compared | {difference} | {bound} |", "|---|---|---|---|"]
    lines += [f"| {row[0]} | {row[1]} | {row[2]:.3g} | {row[3]:g} |" for row in table.itertuples(name=None)]
    return "\n".join(lines)
