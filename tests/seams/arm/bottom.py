"""The bottom arm: the heads that the ranking has last or does not list."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from head_ablation.heads.arms.arm import Arm, Choice, Judged, Sets
from head_ablation.heads.head import Head


def _order(_options: Any, choice: Choice) -> Sequence[Head]:
    listed = set(choice.ranked)
    unlisted = [head for head in choice.shape.all_heads() if head not in listed]
    return [*choice.ranked, *unlisted][::-1]  # heads that a detector never saw at work come behind all others


def _judge(sets: Sets) -> Iterator[Judged]:
    for condition, heads in sets.by_condition:
        if sets.ranked:
            listed = heads & set(sets.ranked)
            last = set(sets.ranked[len(sets.ranked) - len(listed) :])
            yield Judged(condition, listed == last, listed, last)
        else:
            taken = heads & sets.highest_top
            yield Judged(condition, not taken, taken, f"none of the {len(sets.highest_top)} top heads")


BOTTOM = Arm(
    name="bottom",
    description="the heads that the ranking has last or does not list",
    order=_order,
    gap="bottom_gap",
    rule="bottom heads are the last of the ranking or not in it; without one, none is a top head",
    judge=_judge,
)
