"""The benchmark's table: a row as soon as it is measured."""

from __future__ import annotations

from collections.abc import Iterable

Row = tuple[str, float, str]  # what, how much, what is expected


def show(rows: Iterable[Row]) -> None:
    """Prints rows as they come, in Markdown."""
    print("| what | measured | expected |", "|---|---|---|", sep="\n", flush=True)
    for what, value, expected in rows:
        print(f"| {what} | {value:.3g} | {expected} |", flush=True)
