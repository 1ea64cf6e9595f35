"""Running a model for the checks: prompts read at once, answers token by token, transformers' own `generate`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from head_ablation.engine.generation import GenerationSettings, generate
from head_ablation.engine.settings import AblationSettings
from head_ablation.heads.head import HeadSet

NO_HEADS = HeadSet(())


@torch.inference_mode()
def read(model: Any, token_ids: Sequence[int]) -> Tensor:
    """Logits of a prompt read in one forward call, without a cache: [positions, vocabulary]."""
    return model(input_ids=torch.tensor([list(token_ids)]), use_cache=False).logits[0]


@torch.inference_mode()
def read_then_step(model: Any, prompt: Sequence[int], answer: Sequence[int]) -> Tensor:
    """Logits of the prompt's last position and of each answer token, fed one by one with a cache.

    Returns:
        [1 + answer tokens, vocabulary]: row i decides answer token i.
    """
    output = model(input_ids=torch.tensor([list(prompt)]), use_cache=True, logits_to_keep=1)
    rows = [output.logits[0, -1]]
    for token in answer:
        output = model(
            input_ids=torch.tensor([[token]]),
            past_key_values=output.past_key_values,
            use_cache=True,
        )
        rows.append(output.logits[0, -1])
    return torch.stack(rows)


def transformers_answer(model: Any, prompt: Sequence[int], max_new_tokens: int) -> list[int]:
    """The greedy answer of transformers' own `generate` to one prompt."""
    ids = torch.tensor([list(prompt)])
    settings = {"do_sample": False, "max_new_tokens": max_new_tokens, "pad_token_id": 0}
    output = model.generate(ids, attention_mask=torch.ones_like(ids), **settings)
    return output[0, len(prompt) :].tolist()


@torch.inference_mode()
def continued_answer(reader: Any, answerer: Any, prompt: Sequence[int], max_new_tokens: int) -> list[int]:
    """The greedy answer of `answerer` from the prompt's last token on, on what `reader` cached of the tokens before."""
    ids = torch.tensor([list(prompt)])
    settings = {"do_sample": False, "max_new_tokens": max_new_tokens, "pad_token_id": 0}
    if ids.shape[1] > 1:
        settings["past_key_values"] = reader(input_ids=ids[:, :-1], use_cache=True).past_key_values
    output = answerer.generate(ids, attention_mask=torch.ones_like(ids), **settings)
    return output[0, ids.shape[1] :].tolist()


def our_answers(
    model: Any,
    prompts: Sequence[Sequence[int]],
    heads: HeadSet,
    max_new_tokens: int,
    batch_size: int = 4,
    positions: str = "all",
) -> list[list[int]]:
    """The token ids that `head_ablation.engine.generation.generate` yields."""
    settings = GenerationSettings(max_new_tokens, (), batch_size, AblationSettings(positions=positions))
    return [answer.token_ids for answer in generate(model, str, prompts, heads, settings)]


@contextmanager
def recorded_logits(model: Any) -> Iterator[list[Tensor]]:
    """Collects the last position's logits [rows, vocabulary] of every forward call made inside the block."""
    record: list[Tensor] = []
    handle = model.register_forward_hook(lambda _model, _args, output: record.append(output.logits[:, -1].clone()))
    try:
        yield record
    finally:
        handle.remove()


def worst_difference(ours: Tensor, theirs: Tensor) -> float:
    """The largest absolute difference of two tensors of one shape."""
    assert ours.shape == theirs.shape, f"{tuple(ours.shape)} against {tuple(theirs.shape)}"
    return float((ours.double() - theirs.double()).abs().max())


def differing_tokens(ours: Sequence[Sequence[int]], theirs: Sequence[Sequence[int]]) -> int:
    """How many tokens of the answers are not the same, missing ones included."""
    assert len(ours) == len(theirs), f"{len(ours)} answers against {len(theirs)}"
    count = 0
    for mine, other in zip(ours, theirs, strict=True):
        count += sum(a != b for a, b in zip(mine, other, strict=False))
        count += abs(len(mine) - len(other))
    return count
