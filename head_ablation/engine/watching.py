"""Reading and decoding under watch: what the rows of every head say, of a few positions at a time.

A row is what one position pays attention to: a weight for each key up to its own. Prompts are read up to their last
token with the model's fast attention, in one pass. Behind that, eager attention reads the last token and the answer's
tokens one by one, and what else is to be watched in blocks, so that the rows of all layers take no more memory than
WATCHED_BYTES, or those of one position. The weights are the model's own: rotation, norms of queries and keys, windows,
softcaps, sinks and grouped queries are as they are in its answers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch

from head_ablation.common.problems import StudyError
from head_ablation.engine.ablation import model_shape
from head_ablation.engine.attention import attention
from head_ablation.engine.generation import best_tokens
from head_ablation.engine.kv_cache import KeyValues
from head_ablation.engine.prefill import OnRead, Prefix, read_prefix, read_prompts, refuse_lengths, rotary_lengths
from head_ablation.models.architectures import has_sinks
from head_ablation.models.size import WATCHED_BYTES, row_bytes

ROW_SUM_TOLERANCE = 0.02  # bfloat16 weights of thousands of keys


@dataclass(frozen=True)
class Rows:
    """The attention rows of some positions of some prompts of a batch.

    Attributes:
        prompts: the places of the prompts in their batch.
        first: the first of the positions.
        layers: of each layer [prompts, heads, positions, keys], float32; a key behind its position has weight 0.
        values: of each layer what it keeps of its values [prompts, key-value heads, keys, width].
        tokens: of each prompt the token that the row produced, where there is one row, of the last position.
    """

    prompts: range
    first: int
    layers: Sequence[torch.Tensor]
    values: Sequence[torch.Tensor]
    tokens: Sequence[int] = ()

    @property
    def positions(self) -> range:
        """The positions, counted in the prompt."""
        return range(self.first, self.first + self.layers[0].shape[2])


class WatchedBatch:
    """Prompts of one length, read once up to their last token; what is read on top of that is watched.

    Args:
        model: a causal language model of transformers.
        prompts: token ids [prompts, T].
        room: how many tokens may follow behind a prompt.
        on_read: told how many prompts have been read.

    Raises:
        StudyError: lengths at which the model's rotary factors change.
    """

    @torch.inference_mode()
    def __init__(self, model: Any, prompts: Sequence[Sequence[int]], room: int, on_read: OnRead):
        self.model, self.shape = model, model_shape(model)
        self.ids = torch.tensor(prompts, device=model.device)  # [prompts, T]
        self.rows, self.tokens = self.ids.shape
        refuse_lengths(model, self.tokens, room)
        before_last = self.ids[:, :-1]
        prefix = Prefix.for_model(model, before_last)
        self.cache = KeyValues(self.shape.layers, self.rows, self.tokens + room)
        read_prompts(model, before_last, prefix.shared, read_prefix(model, prefix), self.cache, on_read)

    @torch.inference_mode()
    def answer(self, max_new_tokens: int) -> Iterator[Rows]:
        """Greedy decoding: of each step the row of the position that produced its tokens, and the tokens."""
        self.cache.open(0, self.rows, self.tokens - 1)
        last = self.ids[:, -1:]
        for step in range(max_new_tokens):
            logits, layers = self._read(last)
            last, tokens = best_tokens(logits)
            yield Rows(range(self.rows), self.tokens - 1 + step, layers, self._values(range(self.rows)), tokens)

    @torch.inference_mode()
    def with_ends(self, start: int, ends: Sequence[Sequence[int]]) -> Iterator[Rows]:
        """Reads other ends [prompts, tokens] in the place of what the prompts have from position `start` on.

        What stands before `start` is kept as it was read: each prompt's own ids, at their own positions.

        Yields:
            The rows of the ends, block by block.

        Raises:
            StudyError: the model's rotary factors change between `start` and the prompts' end.
        """
        self._refuse_start(start)
        ids = torch.tensor(ends, device=self.model.device)
        tokens = ids.shape[1]
        one = row_bytes(self.shape.layers, self.shape.heads, start + tokens)
        together = max(1, int(WATCHED_BYTES // one))  # rows of all layers that are held at once
        for prompts in _ranges(self.rows, together):
            self.cache.open(prompts.start, prompts.stop, start)
            for block in _ranges(tokens, max(1, together // len(prompts)) if self._reads_blocks else 1):
                _, layers = self._read(ids[prompts.start : prompts.stop, block.start : block.stop])
                yield Rows(prompts, start + block.start, layers, self._values(prompts))

    @cached_property
    def _reads_blocks(self) -> bool:
        """Whether several positions can be watched at once: not where a model keeps its attention's mask (Falcon)."""
        with attention(self.model, "eager"):
            return bool(self.model.config._attn_implementation == "eager")

    def _refuse_start(self, start: int) -> None:
        lengths = rotary_lengths(self.model)
        if lengths.read_whole(self.tokens) and not lengths.read_whole(start + 1):
            raise StudyError(
                f"prompts of {self.tokens} tokens whose ends are read anew from {start} on; expected at least"
                f" {lengths.longrope} tokens before that, where LongRoPE changes its factors: use longer prompts"
            )

    def _read(self, ids: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """Logits [prompts, vocabulary] of the last of these tokens, and the rows of all of them, layer by layer."""
        with attention(self.model, "eager"):
            output = self.model(
                input_ids=ids, past_key_values=self.cache, use_cache=True, output_attentions=True, logits_to_keep=1
            )
        return output.logits[:, -1], checked_rows(self.model, output.attentions)

    def _values(self, prompts: range) -> list[torch.Tensor]:
        rows = slice(prompts.start, prompts.stop)
        return [block.values[rows, :, : block.length] for block in self.cache.blocks]  # type: ignore[index]


def _ranges(count: int, size: int) -> Iterator[range]:
    """0 to `count`, in ranges of up to `size`."""
    for start in range(0, count, size):
        yield range(start, min(count, start + size))


def checked_rows(model: Any, attentions: Sequence[torch.Tensor] | None) -> list[torch.Tensor]:
    """Attention weights as rows [prompts, heads, positions, keys] in float32, layer by layer.

    Raises:
        StudyError: the model gives none, or not one of each head, or rows that do not sum to 1.
    """
    shape = model_shape(model)
    if not attentions or any(weights is None for weights in attentions):
        raise StudyError(f"{type(model).__name__} gives no attention weights to detect heads with")
    rows = [weights.float() for weights in attentions]
    if [row.shape[1] for row in rows] != [shape.heads] * shape.layers:
        raise StudyError(f"attention rows of {len(rows)} layers; expected {shape.layers} x {shape.heads} heads")
    worst = _worst_sum(rows, has_sinks(getattr(model.config, "model_type", "")))
    if not worst < ROW_SUM_TOLERANCE:
        raise StudyError(f"attention rows miss the sum 1 by {worst:.3g}; expected under {ROW_SUM_TOLERANCE}")
    return rows


def _worst_sum(rows: Sequence[torch.Tensor], sinks: bool) -> float:
    """How far a row's sum is from 1 at most; with sinks, which take a part themselves, from 0 to 1. NaN if any is."""
    excess = [row.sum(dim=-1) - 1 for row in rows]
    misses = [torch.maximum(more, -1 - more) if sinks else more.abs() for more in excess]
    device = misses[0].device  # layers may stand on several
    return float(torch.stack([miss.max().to(device) for miss in misses]).max())
