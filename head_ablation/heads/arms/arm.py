"""What an arm is: where ablated heads come from, and what finished results must keep of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from head_ablation.common.registry import Entry
from head_ablation.heads.head import Head, ModelShape


class Choice(NamedTuple):
    """What an arm chooses heads for.

    Attributes:
        ranked: the ranking's heads, best first.
        shape: the model's grid of heads.
        experiment: its name; draws of different experiments are independent.
        level: number of heads.
        draw: index of the draw; None in an arm without draws.
    """

    ranked: Sequence[Head]
    shape: ModelShape
    experiment: str
    level: int
    draw: int | None


class Sets(NamedTuple):
    """The head sets of one arm in a finished result, and what they are judged by.

    Attributes:
        by_condition: condition and its heads.
        ranked: the ranking's heads, best first; empty if it is not given.
        excluded: so many of a ranking's first heads are kept from control arms.
        highest_top: the heads of the result's own highest top level.
    """

    by_condition: Sequence[tuple[str, set[Head]]]
    ranked: Sequence[Head]
    excluded: int
    highest_top: set[Head]


class Judged(NamedTuple):
    """One check of a head set: its condition, whether it is as it should be, what was found and expected."""

    condition: str
    holds: bool
    found: set[Head]
    expected: set[Head] | str


@dataclass(frozen=True, kw_only=True)
class Arm(Entry):
    """An arm.

    Attributes:
        order: options and choice -> heads in the order in which they are ablated; a level takes the first ones.
        draws: options -> number of draws; None for an arm without draws.
        gap: the key results' name of the contrast with the top arm; None for the top arm itself.
        rule: what holds of its head sets in a finished result, in words.
        judge: checks the rule, set by set.
    """

    order: Callable[[Any, Choice], Sequence[Head]]
    draws: Callable[[Any], int] | None = None
    gap: str | None = None
    rule: str
    judge: Callable[[Sets], Iterator[Judged]]

    @property
    def is_drawn(self) -> bool:
        """Whether its conditions have a draw."""
        return self.draws is not None
