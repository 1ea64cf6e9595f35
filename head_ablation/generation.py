"""What the model says: batched greedy decoding over prompts of equal length, under one ablation.

The prompts of a batch are equally long, so it needs no padding and no mask. The prefix that all prompts share is read
once per condition; it may not be shared across conditions, since ablation changes what is cached. The
composition of the batches is part of the protocol: the same for the baseline and every condition.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import torch

from head_ablation.ablation import HookReport, ablate
from head_ablation.heads import HeadSet
from head_ablation.problems import StudyError


@dataclass(frozen=True)
class GenerationSettings:
    """All that decides an answer besides model, prompts and heads.

    Attributes:
        max_new_tokens: greedy steps at most.
        stop: strings that end an answer once it contains one of them.
        batch_size: prompts read and decoded together.
        positions: `all` (prompt reading and decoding are ablated) or `decode` (only from the last prompt token
            on, as Wu et al. 2024 mask).
    """

    max_new_tokens: int
    stop: tuple[str, ...]
    batch_size: int
    positions: str = "all"


@dataclass(frozen=True)
class Answer:
    """The raw generation for one prompt: token ids (the ending token included) and their text."""

    token_ids: list[int]
    text: str


Decode = Callable[[list[int]], str]
T = TypeVar("T")


def generate(
    model: Any,
    decode: Decode,
    prompts: Sequence[Sequence[int]],
    heads: HeadSet,
    settings: GenerationSettings,
) -> Iterator[Answer]:
    """Yields the greedy answer to each prompt, in order, with `heads` ablated.

    Prompts of different lengths (only the published study's way of building them makes such) are batched apart.

    Args:
        model: a causal language model of transformers, in evaluation mode.
        decode: token ids -> text.
        prompts: token ids of each.
        heads: ablated heads; empty for the baseline.
        settings: decoding settings.

    Raises:
        StudyError: not-a-number logits, or an ablation hook that did not fire.
    """

    def answer(places: list[int]) -> Iterator[Answer]:
        return _generate_equal(model, decode, [prompts[place] for place in places], heads, settings)

    return by_length(prompts, answer)


def by_length(prompts: Sequence[Sequence[int]], answer: Callable[[list[int]], Iterator[T]]) -> Iterator[T]:
    """What `answer` gives for the places of equally long prompts, a length at a time, in the prompts' own order."""
    lengths = list(dict.fromkeys(map(len, prompts)))
    ready: dict[int, T] = {}
    given = 0
    for length in lengths:
        places = [place for place, prompt in enumerate(prompts) if len(prompt) == length]
        for place, found in zip(places, answer(places), strict=True):
            ready[place] = found
            while given in ready:
                yield ready.pop(given)
                given += 1


@torch.inference_mode()
def _generate_equal(
    model: Any,
    decode: Decode,
    prompts: Sequence[Sequence[int]],
    heads: HeadSet,
    settings: GenerationSettings,
) -> Iterator[Answer]:
    ids = torch.tensor(prompts, device=model.device)  # [prompts, T]
    ends = end_tokens(model)
    with ablate(model, heads) as report:
        prefix = _read_prefix(model, ids, report, settings)
    for batch in torch.split(ids, settings.batch_size):
        cache = _repeat(prefix, len(batch))
        # The hooks are gone, and known to have fired, before an answer leaves: the caller may use the model meanwhile.
        with ablate(model, heads) as report:
            answers = _decode_batch(model, decode, batch, cache, report, ends, settings)
        for tokens in answers:
            yield Answer(tokens, decode(tokens))


def end_tokens(model: Any) -> set[int]:
    """The ids of the model's end-of-sequence tokens."""
    ends = model.generation_config.eos_token_id
    return set(ends) if isinstance(ends, list) else {ends}


def is_ended(tokens: list[int], ends: set[int], stop: Sequence[str], decode: Decode) -> bool:
    """Whether an answer ends here: at an end token, or because it contains a stop string."""
    return tokens[-1] in ends or any(text in decode(tokens) for text in stop)


def shared_prefix_length(ids: torch.Tensor) -> int:
    """How many leading tokens all prompts share, at most T - 1 (each prompt keeps one token to read)."""
    differs = (ids != ids[0]).any(dim=0).nonzero()
    shared = int(differs[0]) if len(differs) else ids.shape[1]
    return min(shared, ids.shape[1] - 1)


def _read_prefix(model: Any, ids: torch.Tensor, report: HookReport, settings: GenerationSettings) -> Any:
    """The cache [1 row] of the tokens that every prompt begins with, or None if they share none."""
    shared = shared_prefix_length(ids)
    report.active = settings.positions == "all"
    if shared == 0:
        return None
    return model(input_ids=ids[:1, :shared], use_cache=True, logits_to_keep=1).past_key_values


def _repeat(prefix: Any, rows: int) -> Any:
    cache = copy.deepcopy(prefix)
    if cache is not None and rows > 1:
        cache.batch_repeat_interleave(rows)
    return cache


def _decode_batch(
    model: Any,
    decode: Decode,
    batch: torch.Tensor,
    cache: Any,
    report: HookReport,
    ends: set[int],
    settings: GenerationSettings,
) -> list[list[int]]:
    """Greedy decoding of one batch [rows, T]; rows that have ended wait for the others."""
    logits, cache = _read_prompts(model, batch, cache, report, settings)
    answers: list[list[int]] = [[] for _ in batch]
    open_rows = set(range(len(batch)))
    last = batch[:, -1:]
    for step in range(settings.max_new_tokens):
        if step:
            logits, cache = _forward(model, last, cache)
        last = logits.argmax(dim=-1, keepdim=True)  # [rows, 1]
        for row, token in enumerate(last[:, 0].tolist()):
            if row in open_rows:
                answers[row].append(token)
                if is_ended(answers[row], ends, settings.stop, decode):
                    open_rows.discard(row)
        if not open_rows:
            break
    return answers


def _read_prompts(
    model: Any, batch: torch.Tensor, cache: Any, report: HookReport, settings: GenerationSettings
) -> tuple[torch.Tensor, Any]:
    """Reads the prompts beyond the shared prefix; the logits [rows, vocabulary] of the first new token."""
    shared = cache.get_seq_length() if cache is not None else 0
    report.active = settings.positions == "all"
    if settings.positions == "decode" and shared < batch.shape[1] - 1:
        _, cache = _forward(model, batch[:, shared:-1], cache)
        shared = batch.shape[1] - 1
    report.active = True
    return _forward(model, batch[:, shared:], cache)


def _forward(model: Any, ids: torch.Tensor, cache: Any) -> tuple[torch.Tensor, Any]:
    output = model(input_ids=ids, past_key_values=cache, use_cache=True, logits_to_keep=1)
    logits = output.logits[:, -1]  # [rows, vocabulary]
    if logits.isnan().any():
        raise StudyError("the model's logits are not numbers (NaN); try dtype: float32 or bfloat16")
    return logits, output.past_key_values
