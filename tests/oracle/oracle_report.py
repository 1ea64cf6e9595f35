"""The oracle table: what every check found at worst, and how far every wrong ablation was off at least."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class OracleTable:
    """Judges and keeps every comparison; the same name may be judged many times.

    Attributes:
        checks: name -> (comparisons, worst difference, tolerance).
        controls: name -> (comparisons, smallest difference, difference needed).
    """

    checks: dict[str, tuple[int, float, float]] = field(default_factory=dict)
    controls: dict[str, tuple[int, float, float]] = field(default_factory=dict)

    def agree(self, check: str, difference: float, tolerance: float) -> None:
        """The two sides must differ by at most `tolerance`."""
        count, worst, _ = self.checks.get(check, (0, 0.0, 0.0))
        self.checks[check] = (count + 1, max(difference, worst), tolerance)
        assert difference <= tolerance, f"{check}: {difference} > {tolerance}"

    def differ(self, control: str, difference: float, needed: float) -> None:
        """The wrong side must be off by more than `needed`; otherwise the check could not notice it."""
        count, least, _ = self.controls.get(control, (0, float("inf"), 0.0))
        self.controls[control] = (count + 1, min(difference, least), needed)
        assert difference > needed, f"{control}: {difference} <= {needed}, it would go unnoticed"

    def markdown(self) -> str:
        """Both tables, as Markdown."""
        checks = _table("check", "worst difference", "at most", self.checks)
        controls = _table("negative control", "smallest difference", "more than", self.controls)
        return "\n\n".join(part for part in (checks, controls) if part)


def _table(name: str, difference: str, bound: str, rows: dict[str, tuple[int, float, float]]) -> str:
    if not rows:
        return ""
    lines = [f"| {name} | compared | {difference} | {bound} |", "|---|---|---|---|"]
    for row, (count, found, limit) in rows.items():
        lines.append(f"| {row} | {count} | {found:.3g} | {limit:g} |")
    return "\n".join(lines)
