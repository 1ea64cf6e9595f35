"""What the model says: batched greedy decoding over prompts of equal length, under one ablation.

The prompts of a batch are equally long, so it needs no padding and no mask. They are read a few at a time and decoded
all together, in one loop that rows leave when their answers end. The composition of the batches is part of the
protocol: the same for the baseline and every condition.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from head_ablation.common.problems import StudyError
from head_ablation.engine.ablation import HookReport, ablate, model_shape
from head_ablation.engine.kv_cache import KeyValues
from head_ablation.engine.prefill import (
    OnRead,
    Prefix,
    read_alike,
    read_on,
    read_prefix,
    read_prompts,
    refuse_lengths,
    unheard,
)
from head_ablation.engine.settings import AblationSettings
from head_ablation.heads.head import HeadSet

NO_OPTIONS = AblationSettings()  # zero_output at all positions


@dataclass(frozen=True)
class GenerationSettings:
    """All that decides an answer besides model, prompts and heads.

    Attributes:
        max_new_tokens: greedy steps at most.
        stop: strings that end an answer once it contains one of them, behind leading white space.
        batch_size: prompts held and decoded together.
        ablation: what becomes of ablated heads, and at which positions.
    """

    max_new_tokens: int
    stop: tuple[str, ...]
    batch_size: int
    ablation: AblationSettings = NO_OPTIONS


@dataclass(frozen=True)
class Answer:
    """The raw generation for one prompt: token ids (the ending token included) and their text."""

    token_ids: list[int]
    text: str


NOT_A_NUMBER = -1  # in the place of a token
Decode = Callable[[list[int]], str]


def generate(
    model: Any,
    decode: Decode,
    prompts: Sequence[Sequence[int]],
    heads: HeadSet,
    settings: GenerationSettings,
    on_read: OnRead = unheard,
) -> Iterator[Answer]:
    """Yields the greedy answer to each prompt, in order, with `heads` ablated.

    Args:
        model: a causal language model of transformers, in evaluation mode.
        decode: token ids -> text.
        prompts: token ids of each.
        heads: ablated heads; empty for the baseline.
        settings: decoding settings.
        on_read: told how many prompts have been read, which takes most of the time.

    Raises:
        StudyError: not-a-number logits, or an ablation hook that did not fire.
    """

    def answer(places: list[int]) -> Iterator[Answer]:
        return _generate_equal(model, decode, [prompts[place] for place in places], heads, settings, on_read)

    return read_alike(prompts, answer)


@torch.inference_mode()
def _generate_equal(
    model: Any,
    decode: Decode,
    prompts: Sequence[Sequence[int]],
    heads: HeadSet,
    settings: GenerationSettings,
    on_read: OnRead,
) -> Iterator[Answer]:
    ids = torch.tensor(prompts, device=model.device)  # [prompts, T]
    refuse_lengths(model, ids.shape[1], settings.max_new_tokens)
    prefix = Prefix.for_model(model, ids)
    with ablate(model, heads, settings.ablation) as report:
        report.active = settings.ablation.positions == "all"
        read = read_prefix(model, prefix)
    room = KeyValues(
        model_shape(model).layers,
        rows=min(settings.batch_size, len(ids)),
        positions=ids.shape[1] + settings.max_new_tokens,
    )
    for batch in range(0, len(ids), settings.batch_size):
        rows = slice(batch, batch + settings.batch_size)
        # The hooks are gone, and known to have fired, before an answer leaves: the caller may use the model meanwhile.
        with ablate(model, heads, settings.ablation) as report:
            logits = _read(model, ids[rows], prefix.shared[rows], read, room, report, settings, on_read)
            answers = _decode(model, decode, logits, room, settings)
        for tokens in answers:
            yield Answer(tokens, decode(tokens))


def end_tokens(model: Any) -> set[int]:
    """The ids of the model's end-of-sequence tokens."""
    ends = model.generation_config.eos_token_id
    return set(ends) if isinstance(ends, list) else {ends}


def is_ended(tokens: list[int], ends: set[int], stop: Sequence[str], decode: Decode) -> bool:
    """Whether an answer ends here: at an end token, or because it contains a stop string.

    White space that an answer begins with ends none: a model may put a line break before it says anything.
    """
    if tokens[-1] in ends:
        return True
    said = decode(tokens).lstrip() if stop else ""
    return any(text in said for text in stop)


def _read(
    model: Any,
    ids: torch.Tensor,
    shared: list[int],
    prefix: KeyValues | None,
    room: KeyValues,
    report: HookReport,
    settings: GenerationSettings,
    on_read: OnRead,
) -> torch.Tensor:
    """Reads a batch [rows, T]; the logits [rows, vocabulary] of the first new token."""
    if settings.ablation.positions == "all":
        return read_prompts(model, ids, shared, prefix, room, on_read)
    room.open(0, len(ids), 0)
    if ids.shape[1] > 1:
        report.active = False
        before_last = [min(count, ids.shape[1] - 2) for count in shared]
        read_prompts(model, ids[:, :-1], before_last, prefix, room, on_read)
        report.active = True
    return read_on(model, ids[:, -1:], room)


def _decode(
    model: Any, decode: Decode, logits: torch.Tensor, room: KeyValues, settings: GenerationSettings
) -> list[list[int]]:
    """Greedy decoding of all rows behind logits [rows, vocabulary]; rows that have ended leave."""
    ends = end_tokens(model)
    answers: list[list[int]] = [[] for _ in logits]
    open_rows = list(range(len(answers)))  # the answer that each row of the window belongs to
    last = torch.empty(0)
    for step in range(settings.max_new_tokens):
        if step:
            logits = read_on(model, last, room)
        last, tokens = best_tokens(logits)
        for row, token in zip(open_rows, tokens, strict=True):
            answers[row].append(token)
        going = [at for at, row in enumerate(open_rows) if not is_ended(answers[row], ends, settings.stop, decode)]
        if not going:
            break
        if len(going) < len(open_rows):
            going = room.keep(going)
            open_rows, last = [open_rows[at] for at in going], last[going]
    return answers


def best_tokens(logits: torch.Tensor) -> tuple[torch.Tensor, list[int]]:
    """The most likely token of each row of logits [rows, vocabulary]: [rows, 1] where the model is, and as numbers.

    Raises:
        StudyError: a row has a logit that is not a number.
    """
    best = torch.where(logits.isnan().any(dim=-1), NOT_A_NUMBER, logits.argmax(dim=-1))
    tokens = best.tolist()  # the one time per token that a GPU is waited for
    if NOT_A_NUMBER in tokens:
        raise StudyError("the model's logits are not numbers (NaN); try dtype: float32 or bfloat16")
    return best[:, None], tokens
