"""How likely the model finds given answers to a prompt: teacher forcing on one reading of the prompt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from head_ablation.engine.ablation import model_shape
from head_ablation.engine.attention import reading_attention
from head_ablation.engine.kv_cache import KeyValues
from head_ablation.engine.prefill import read_on, refuse_lengths


@torch.inference_mode()
def answer_log_probs(model: Any, prompt: Sequence[int], answers: Sequence[Sequence[int]]) -> list[float]:
    """The log-probability of each answer's tokens behind a prompt, in nats.

    Args:
        model: a causal language model of transformers.
        prompt: token ids.
        answers: token ids of each, at least one.
    """
    tokens, longest = len(prompt), max(map(len, answers))
    refuse_lengths(model, tokens, longest)
    cache = KeyValues(model_shape(model).layers, rows=1, positions=tokens + longest)
    with reading_attention(model):
        first = read_on(model, torch.tensor([prompt], device=model.device), cache)  # [1, vocabulary]
        return [float(sum_log_probs(_logits(model, first, cache, tokens, answer), answer)) for answer in answers]


def _logits(model: Any, first: torch.Tensor, cache: KeyValues, tokens: int, answer: Sequence[int]) -> torch.Tensor:
    """The logits [answer tokens, vocabulary] that decide an answer's tokens."""
    if len(answer) == 1:
        return first
    cache.open(0, 1, tokens)
    ids = torch.tensor([answer[:-1]], device=model.device)
    later: torch.Tensor = model(input_ids=ids, past_key_values=cache, use_cache=True).logits[0]
    return torch.cat([first, later.to(first.device)])


def sum_log_probs(logits: torch.Tensor, answer: Sequence[int]) -> torch.Tensor:
    """The log-probability of an answer of which `logits` [answer tokens, vocabulary] decide the tokens."""
    chosen = torch.tensor(answer, device=logits.device)[:, None]
    return logits.float().log_softmax(dim=-1).gather(1, chosen).sum()


def margin(log_probs: Sequence[float]) -> float:
    """By how much the first answer is likelier than the best of the others; its own log-probability if it is alone."""
    gold, *others = log_probs
    return gold - max(others, default=0.0)
