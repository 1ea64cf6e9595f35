"""An experiment and the paths that carry its name."""

from __future__ import annotations

from typing import NamedTuple

PATTERN = "{model}/{question}/tokens_{tokens}"
"""How an experiment stands in every path."""


class Experiment(NamedTuple):
    """One (model, question, tokens)."""

    model: str
    question: str
    tokens: int

    def __str__(self) -> str:
        return PATTERN.format(**self._asdict())
