"""Decoding under watch: each step's tokens, and the key to which every head's row attends most.

Only the rows of the last position are needed. The prompt up to its last token is read with the model's fast attention;
that token and the answer's tokens are read one at a time with eager attention, so that each weight tensor is
[rows, heads, 1, keys].
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch

from head_ablation.common.problems import StudyError
from head_ablation.engine.ablation import model_shape
from head_ablation.engine.attention import attention
from head_ablation.engine.generation import best_tokens
from head_ablation.engine.kv_cache import KeyValues
from head_ablation.engine.prefill import OnRead, Prefix, read_prefix, read_prompts, refuse_lengths
from head_ablation.models.architectures import has_sinks

ROW_SUM_TOLERANCE = 0.02  # bfloat16 weights of thousands of keys


@torch.inference_mode()
def answer_steps(
    model: Any, prompts: Sequence[Sequence[int]], max_new_tokens: int, on_read: OnRead
) -> Iterator[tuple[list[int], torch.Tensor]]:
    """Each step's greedy tokens [rows] and the key that each head's row attended to most [rows, layers, heads]."""
    ids = torch.tensor(prompts, device=model.device)
    refuse_lengths(model, ids.shape[1], max_new_tokens)
    prefix = Prefix.for_model(model, ids[:, :-1])
    room = KeyValues(model_shape(model).layers, len(ids), ids.shape[1] + max_new_tokens)
    read_prompts(model, ids[:, :-1], prefix.shared, read_prefix(model, prefix), room, on_read)
    last = ids[:, -1:]
    for _ in range(max_new_tokens):
        with attention(model, "eager"):
            output = model(
                input_ids=last, past_key_values=room, use_cache=True, output_attentions=True, logits_to_keep=1
            )
        winners = _most_attended(model, output.attentions)
        last, tokens = best_tokens(output.logits[:, -1])
        yield tokens, winners


def _most_attended(model: Any, attentions: Sequence[torch.Tensor] | None) -> torch.Tensor:
    """The position with the highest weight in the last position's row of every head: [rows, layers, heads]."""
    shape = model_shape(model)
    if not attentions or any(weights is None for weights in attentions):
        raise StudyError(f"{type(model).__name__} gives no attention weights to detect heads with")
    device = attentions[0].device  # layers may stand on several
    rows = [weights[:, :, -1].float().to(device) for weights in attentions]  # layers x [rows, heads, keys]
    if [row.shape[1] for row in rows] != [shape.heads] * shape.layers:
        raise StudyError(f"attention rows of {len(rows)} layers; expected {shape.layers} x {shape.heads} heads")
    worst = _worst_sum(rows, has_sinks(getattr(model.config, "model_type", "")))
    if not worst < ROW_SUM_TOLERANCE:
        raise StudyError(f"attention rows miss the sum 1 by {worst:.3g}; expected under {ROW_SUM_TOLERANCE}")
    return torch.stack([row.argmax(dim=-1) for row in rows], dim=1)


def _worst_sum(rows: Sequence[torch.Tensor], sinks: bool) -> float:
    """How far a row's sum is from 1 at most; with sinks, which take a part themselves, from 0 to 1. NaN if any is."""
    excess = [row.sum(dim=-1) - 1 for row in rows]
    misses = [torch.maximum(more, -1 - more) if sinks else more.abs() for more in excess]
    return float(torch.stack([miss.max() for miss in misses]).max())
