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
from head_ablation.engine.prefill import OnRead, Prefix, read_prefix, read_prompts

ROW_SUM_TOLERANCE = 0.02  # bfloat16 weights of thousands of keys


@torch.inference_mode()
def answer_steps(
    model: Any, prompts: Sequence[Sequence[int]], max_new_tokens: int, on_read: OnRead
) -> Iterator[tuple[list[int], torch.Tensor]]:
    """Each step's greedy tokens [rows] and the key that each head's row attended to most [rows, layers, heads]."""
    ids = torch.tensor(prompts, device=model.device)
    prefix = Prefix.of(ids[:, :-1])
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
    rows = [weights[:, :, -1].float() for weights in attentions]  # layers x [rows, heads, keys]
    if [row.shape[1] for row in rows] != [shape.heads] * shape.layers:
        raise StudyError(f"attention rows of {len(rows)} layers; expected {shape.layers} x {shape.heads} heads")
    worst = float(torch.stack([(row.sum(dim=-1) - 1).abs().max() for row in rows]).max())  # NaN if any is
    if not worst < ROW_SUM_TOLERANCE:
        raise StudyError(f"attention rows miss the sum 1 by {worst:.3g}; expected under {ROW_SUM_TOLERANCE}")
    return torch.stack([row.argmax(dim=-1) for row in rows], dim=1)
