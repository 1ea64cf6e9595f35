"""Keys and values of many prompts, in memory that is taken once.

transformers' own cache is copied whole whenever a token is added and cannot be filled row by row. Here each layer has
one block, [rows, key-value heads, positions, width]; a forward call works on a window of it: some rows, from a position
on. So prompts are read a few at a time and decoded all together, a shared prefix is copied to where it is needed, and
rows that have ended make way for the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from transformers.cache_utils import Cache, CacheLayerMixin


class _Layer(CacheLayerMixin):  # type: ignore[no-untyped-call]
    """One layer's block; keys and values may differ in heads and width."""

    is_sliding = False  # a sliding window is left to the mask

    def __init__(self, rows: int, positions: int):
        super().__init__()  # type: ignore[no-untyped-call]
        self.rows, self.positions = rows, positions
        self.window, self.length = slice(0, rows), 0

    def lazy_initialization(self, key_states: torch.Tensor, value_states: torch.Tensor) -> None:
        self.keys, self.values = self._block(key_states), self._block(value_states)
        self.is_initialized = True

    def _block(self, states: torch.Tensor) -> torch.Tensor:
        _, heads, _, width = states.shape
        return states.new_empty(self.rows, heads, self.positions, width)

    def update(self, key_states: torch.Tensor, value_states: torch.Tensor, *_: Any, **__: Any) -> Any:
        """Adds positions to the rows of the window; gives all that those rows have."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        start, self.length = self.length, self.length + key_states.shape[2]
        for block, states in ((self.keys, key_states), (self.values, value_states)):
            block[self.window, :, start : self.length] = states  # type: ignore[index]
        return tuple(block[self.window, :, : self.length] for block in (self.keys, self.values))  # type: ignore[index]

    def get_seq_length(self) -> int:
        return self.length

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        return self.length + query_length, 0

    def get_max_length(self) -> int:
        return self.positions


class KeyValues(Cache):
    """A cache for transformers whose forward calls read and write the rows of a window.

    Args:
        layers: of the model.
        rows: prompts held at once.
        positions: tokens of each, those of its answer included.
    """

    def __init__(self, layers: int, rows: int, positions: int):
        self.blocks = [_Layer(rows, positions) for _ in range(layers)]
        super().__init__(layers=list(self.blocks))

    def open(self, start: int, end: int, length: int) -> None:
        """From now on the window is the rows from `start` to `end`, of which `length` positions are filled."""
        for layer in self.blocks:
            layer.window, layer.length = slice(start, end), length

    def copy_prefix(self, prefix: KeyValues) -> None:
        """Fills the window's rows, up to their length, with the first row of another one."""
        for mine, other in zip(self.blocks, prefix.blocks, strict=True):
            if not mine.is_initialized:
                mine.lazy_initialization(other.keys, other.values)  # type: ignore[arg-type]
            for to, source in ((mine.keys, other.keys), (mine.values, other.values)):
                to[mine.window, :, : mine.length] = source[:1, :, : mine.length]  # type: ignore[index]

    def keep(self, rows: Sequence[int]) -> list[int]:
        """Moves some rows, counted from 0, to the front and makes them the window.

        Returns:
            Where each row of the new window was before. Only rows that have to are moved.
        """
        order = [row if row in set(rows) else -1 for row in range(len(rows))]
        late = [row for row in rows if row >= len(rows)]
        moves = list(zip([place for place, row in enumerate(order) if row < 0], late, strict=True))
        for layer in self.blocks:
            for block in (layer.keys, layer.values):
                for place, row in moves:
                    block[place, :, : layer.length] = block[row, :, : layer.length]  # type: ignore[index]
            layer.window = slice(0, len(rows))
        for place, row in moves:
            order[place] = row
        return order
