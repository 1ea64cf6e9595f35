"""Conditions: what is ablated, an arm at a level and, in a drawn arm, which draw."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from head_ablation.heads.arms import ARMS

PATTERN = r"(?P<arm>[a-z_]+)-(?P<level>\d+)(?:-(?P<draw>\d+))?"


@dataclass(frozen=True, order=True)
class Condition:
    """What is ablated: an arm, a level (number of heads) and, in a drawn arm, a draw."""

    arm: str
    level: int
    draw: int | None = None

    def __post_init__(self) -> None:
        if ARMS[self.arm].is_drawn != (self.draw is not None):
            raise ValueError(f"arm '{self.arm}' with draw {self.draw}: drawn arms have draws, the others have none")
        if self.level < 1:
            raise ValueError(f"level {self.level}: at least 1 head must be ablated")

    def __str__(self) -> str:
        return "-".join(str(part) for part in (self.arm, self.level, self.draw) if part is not None)

    @classmethod
    def parse(cls, text: str) -> Condition:
        """The condition written `text`, e.g. `top-5` or `random-5-0`.

        Raises:
            ValueError: the text is not of this form, or its arm is not registered.
        """
        match = re.fullmatch(PATTERN, text)
        if match is None or match["arm"] not in ARMS or ARMS[match["arm"]].is_drawn != (match["draw"] is not None):
            examples = " or ".join(f"{arm.name}-5{'-0' * arm.is_drawn}" for arm in ARMS)
            raise ValueError(f"'{text}' is not a condition; they are written {examples}")
        return cls(match["arm"], int(match["level"]), None if match["draw"] is None else int(match["draw"]))


@dataclass(frozen=True)
class ArmSettings:
    """The arms of a study: name -> options, none of them left open."""

    arms: Mapping[str, Mapping[str, Any]]

    def options(self, arm: str) -> Any:
        """An arm's options, as its options dataclass."""
        return ARMS.chosen_options(arm, self.arms[arm])

    def count(self, levels: Sequence[int]) -> int:
        """How many `conditions` there are, without making them."""
        draws = [arm.draws(self.options(arm.name)) if arm.draws else 1 for arm in ARMS if arm.name in self.arms]
        return len(levels) * sum(draws)

    def conditions(self, levels: Sequence[int]) -> list[Condition]:
        """All conditions of one method and experiment, without the baseline."""
        return [
            Condition(arm.name, level, draw)
            for arm in ARMS
            if arm.name in self.arms
            for level in levels
            for draw in (range(arm.draws(self.options(arm.name))) if arm.draws else [None])
        ]

    @property
    def excluded(self) -> int:
        """So many first heads of the ranking are never drawn by any arm that excludes some."""
        return max((options["exclude_top"] for options in self.arms.values() if "exclude_top" in options), default=0)
