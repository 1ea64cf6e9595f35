"""Heads, the conditions of a study, and which heads each condition ablates."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

HEAD_PATTERN = re.compile(r"L(0|[1-9]\d*)H(0|[1-9]\d*)")
CONDITION_PATTERN = re.compile(r"top-(?P<top>\d+)|random-(?P<random>\d+)-(?P<draw>\d+)")


class Head(NamedTuple):
    """A query head, counted from 0, written `L15H30`; ordered by layer, then head."""

    layer: int
    head: int

    def __str__(self) -> str:
        return f"L{self.layer}H{self.head}"

    @classmethod
    def parse(cls, text: str) -> Head:
        """The head written `text`; ValueError if it is not of the form L15H30."""
        match = HEAD_PATTERN.fullmatch(text)
        if match is None:
            raise ValueError(f"'{text}' is not a head; heads are written like L15H30")
        return cls(int(match[1]), int(match[2]))


@dataclass(frozen=True)
class ModelShape:
    """The grid that heads live in, and how far its positions reach.

    Attributes:
        layers, heads: query heads per layer, not key-value heads.
        positions: the longest prompt in tokens; None where only the grid is known.
        rotary: whether positions are rotations, so that an answer may run past the last one that was trained;
            learned positions end there.
    """

    layers: int
    heads: int
    positions: int | None = None
    rotary: bool = False

    def __contains__(self, head: Head) -> bool:
        return 0 <= head.layer < self.layers and 0 <= head.head < self.heads

    def grid(self) -> str:
        """The grid in words, for messages."""
        return f"{self.layers} layers x {self.heads} heads, counted from 0"

    def all_heads(self) -> list[Head]:
        """Every head, in layer-major order."""
        return [Head(layer, head) for layer in range(self.layers) for head in range(self.heads)]


@dataclass(frozen=True, order=True)
class Condition:
    """What is ablated: an arm, a level (number of heads) and, in the random arm, a draw."""

    arm: str
    level: int
    draw: int | None = None

    def __post_init__(self) -> None:
        if (self.arm == "random") != (self.draw is not None):
            raise ValueError(f"arm '{self.arm}' with draw {self.draw}: random arms have draws")
        if self.level < 1:
            raise ValueError(f"level {self.level}: at least 1 head must be ablated")

    def __str__(self) -> str:
        return "-".join(str(part) for part in (self.arm, self.level, self.draw) if part is not None)

    @classmethod
    def parse(cls, text: str) -> Condition:
        """The condition written `text`, e.g. `top-5` or `random-5-0`."""
        match = CONDITION_PATTERN.fullmatch(text)
        if match is None:
            raise ValueError(f"'{text}' is not a condition; they are written top-5 or random-5-0")
        if match["top"]:
            return cls("top", int(match["top"]))
        return cls("random", int(match["random"]), int(match["draw"]))


@dataclass(frozen=True)
class HeadSet:
    """The heads of one condition, in layer-major order, without repetition."""

    heads: tuple[Head, ...]

    def __post_init__(self) -> None:
        if len(set(self.heads)) != len(self.heads):
            raise ValueError(f"{len(self.heads)} heads, only {len(set(self.heads))} of them differ")
        object.__setattr__(self, "heads", tuple(sorted(self.heads)))

    def __iter__(self) -> Iterator[Head]:
        return iter(self.heads)

    def __len__(self) -> int:
        return len(self.heads)

    @classmethod
    def parse(cls, names: Iterable[str]) -> HeadSet:
        """From names such as L15H30."""
        return cls(tuple(Head.parse(name) for name in names))

    def names(self) -> list[str]:
        """The names, in layer-major order: the canonical form on disk."""
        return [str(head) for head in self.heads]

    def by_layer(self) -> dict[int, list[int]]:
        """Layer -> its ablated heads; layers without any are absent."""
        layers: dict[int, list[int]] = {}
        for layer, head in self.heads:
            layers.setdefault(layer, []).append(head)
        return layers


@dataclass(frozen=True)
class RandomArm:
    """How control heads are drawn.

    Attributes:
        draws: number of independent draws per level.
        seed: the seed.
        sampler: `permutation` (the default: each draw walks one seeded permutation of all heads and skips
            the excluded ones, so one changed top head leaves the other draws as they are) or `study` (the
            published study's: `random.seed(seed)`, `random.sample` over the remaining heads in layer-major
            order; a single draw).
        exclude_top: this many top heads are never drawn (or all that the ranking lists, if it lists fewer).
    """

    draws: int
    seed: int
    sampler: str
    exclude_top: int


def choose_heads(
    condition: Condition,
    ranked: Sequence[Head],
    shape: ModelShape,
    random_arm: RandomArm,
    experiment: str,
) -> HeadSet:
    """The heads that `condition` ablates.

    Args:
        condition: arm, level, draw.
        ranked: the ranking's heads, best first.
        shape: the model's grid of heads.
        random_arm: how controls are drawn.
        experiment: the experiment's name; random draws of different experiments are independent.

    Raises:
        ValueError: fewer heads than the level asks for; says both numbers.
    """
    if condition.arm == "top":
        pool = list(ranked)
    else:
        pool = _random_order(condition, ranked, shape, random_arm, experiment)
    if len(pool) < condition.level:
        raise ValueError(f"{condition} needs {condition.level} heads, there are {len(pool)}")
    return HeadSet(tuple(pool[: condition.level]))


def _random_order(
    condition: Condition,
    ranked: Sequence[Head],
    shape: ModelShape,
    random_arm: RandomArm,
    experiment: str,
) -> list[Head]:
    excluded = set(ranked[: random_arm.exclude_top])
    if random_arm.sampler == "study":
        rest = [head for head in shape.all_heads() if head not in excluded]
        return random.Random(random_arm.seed).sample(rest, min(condition.level, len(rest)))
    order = shape.all_heads()
    random.Random(f"{random_arm.seed}:{experiment}:{condition.draw}").shuffle(order)
    return [head for head in order if head not in excluded]
