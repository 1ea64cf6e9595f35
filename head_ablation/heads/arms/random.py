"""The random arm: heads drawn uniformly, the ranking's first ones excluded."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

from head_ablation.common.registry import option
from head_ablation.heads.arms.arm import Arm, Choice, Judged, Sets
from head_ablation.heads.head import Head, ModelShape


@dataclass(frozen=True)
class RandomOptions:
    """How control heads are drawn.

    Attributes:
        draws: independent draws per level.
        seed: the seed.
        sampler: `permutation`: each draw walks one seeded permutation of all heads and skips the excluded ones, so
            that one changed top head leaves the other draws as they are. `published`: the published study's
            `random.seed(seed)`, then `random.sample` over the remaining heads in layer-major order; a single draw.
        exclude_top: so many first heads of the ranking are never drawn (or all that it lists, if it lists fewer).
    """

    draws: int = option(1, "a number of draws, 0 or more", type="integer", minimum=0)
    seed: int | None = option(None, "a whole number or null (the study's seed)", type=["integer", "null"])
    sampler: str = option("permutation", "permutation or published", enum=["permutation", "published"])
    exclude_top: int | None = option(
        None, "a number of heads or null (50 or the highest level)", type=["integer", "null"], minimum=0
    )


def _order(options: RandomOptions, choice: Choice) -> Sequence[Head]:
    excluded = set(choice.ranked[: options.exclude_top])
    return SAMPLERS[options.sampler](options, choice, excluded)


def _permutation(options: RandomOptions, choice: Choice, excluded: set[Head]) -> list[Head]:
    order = _shuffled(f"{options.seed}:{choice.experiment}:{choice.draw}", choice.shape)
    rest = (head for head in order if head not in excluded)
    return list(islice(rest, choice.level))


@lru_cache(maxsize=1)  # the levels of one draw follow each other
def _shuffled(seed: str, shape: ModelShape) -> tuple[Head, ...]:
    order = shape.all_heads()
    random.Random(seed).shuffle(order)
    return tuple(order)


def _published(options: RandomOptions, choice: Choice, excluded: set[Head]) -> list[Head]:
    rest = [head for head in choice.shape.all_heads() if head not in excluded]
    return random.Random(options.seed).sample(rest, min(choice.level, len(rest)))


SAMPLERS = {"permutation": _permutation, "published": _published}


def _judge(sets: Sets) -> Iterator[Judged]:
    best = set(sets.ranked[: sets.excluded]) if sets.ranked else sets.highest_top
    for condition, heads in sets.by_condition:
        taken = heads & best
        yield Judged(condition, not taken, taken, f"none of the first {len(best)}")


RANDOM = Arm(
    name="random",
    description="heads drawn uniformly from all but the ranking's first `exclude_top`",
    options=RandomOptions,
    order=_order,
    draws=lambda options: options.draws,
    gap="gap",
    rule="random heads are none of the excluded ones",
    judge=_judge,
)
