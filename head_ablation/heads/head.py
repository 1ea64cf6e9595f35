"""Heads, head sets and the grid that heads live in."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

HEAD_PATTERN = re.compile(r"L(0|[1-9][0-9]*)H(0|[1-9][0-9]*)")


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
