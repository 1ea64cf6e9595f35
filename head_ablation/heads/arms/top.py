"""The top arm: the heads that the ranking has first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
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
    for (_, smaller), (condition, larger) in pairwise(in_order):
        kept = smaller & larger
        yield Judged(condition, kept == smaller, kept, smaller)


TOP = Arm(
    name="top",
    description="the first heads of the ranking",
    order=_order,
    rule="top heads are the first of the ranking; without one, they contain those of the level below",
    judge=_judge,
)
