"""The top arm: the heads that the ranking has first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Any

from head_ablation.heads.arms.arm import Arm, Choice, Judged, Sets
from head_ablation.heads.head import Head


def _order(_options: Any, choice: Choice) -> Sequence[Head]:
    return choice.ranked


def _judge(sets: Sets) -> Iterator[Judged]:
    in_order = sorted(sets.by_condition, key=lambda one: len(one[1]))
    if sets.ranked:
        for condition, heads in in_order:
            first = set(sets.ranked[: len(heads)])
            yield Judged(condition, heads == first, heads, first)
        return
    following = [heads for _, heads in in_order[2:]]
    smaller = in_order[0][1] if in_order else set()
    for (condition, heads), larger in zip_longest(in_order[1:], following):
        kept = smaller & heads
        yield Judged(condition, kept == smaller, kept, smaller)
        if kept == smaller or larger is None or heads <= larger:  # else it is the odd one out, between two that agree
            smaller = heads


TOP = Arm(
    name="top",
    description="the first heads of the ranking",
    order=_order,
    rule="top heads are the first of the ranking; without one, they contain those of the level below",
    judge=_judge,
)
