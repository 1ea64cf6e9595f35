"""What tests recorded for the tables at the end: it comes with their reports, from any of pytest's processes."""

from __future__ import annotations

from typing import Any


def recorded(terminalreporter: Any, name: str) -> list[Any]:
    """The values that tests gave pytest's `record_property` under a name."""
    reports = [report for outcome in terminalreporter.stats.values() for report in outcome]
    calls = [report for report in reports if getattr(report, "when", None) == "call"]
    return [value for report in calls for key, value in report.user_properties if key == name]
