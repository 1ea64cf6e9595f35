"""Reading prompts: what they share once, the rest a few at a time, into keys and values that are decoded together.

Prompts of one experiment begin alike: BOS and the first filler, as far as each one's passage lets it. The longest such
prefix is read once per condition (never for several: ablation changes what is cached), and each prompt takes from it
what it shares. Reading few prompts at a time bounds memory, and loses nothing: a thousand tokens keep any device busy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import torch

from head_ablation.common.problems import StudyError
from head_ablation.engine.ablation import model_shape
from head_ablation.engine.attention import reading_attention
from head_ablation.engine.kv_cache import KeyValues
from head_ablation.models.rotary import RotaryLengths
from head_ablation.models.size import READ_TOKENS

T = TypeVar("T")
OnRead = Callable[[int], object]  # is told of so many prompts that have been read, group by group


def unheard(_prompts: int) -> None:
    """For nobody who wants to know how far reading is."""


@dataclass(frozen=True)
class Prefix:
    """What equally long prompts share.

    Attributes:
        token_ids: the longest beginning that two of them have in common.
        shared: how much of it each prompt begins with, at most T - 1 (each keeps a token to read).
    """

    token_ids: list[int]
    shared: list[int]

    @classmethod
    def of(cls, ids: torch.Tensor) -> Prefix:
        """Of prompts [rows, T]; uses the prompt with the longest total overlap as reference."""
        pairs = torch.stack([(ids == row).int().cumprod(dim=1).sum(dim=1) for row in ids])  # [rows, rows]
        pairs = pairs.clamp(max=ids.shape[1] - 1).fill_diagonal_(0)
        reference = int(pairs.sum(dim=1).argmax())
        shared = pairs[reference]
        shared[reference] = longest = int(shared.max())
        return cls(ids[reference, :longest].tolist(), shared.tolist())

    @classmethod
    def for_model(cls, model: Any, ids: torch.Tensor) -> Prefix:
        """Of prompts [rows, T]; nothing where a beginning, read alone, is not what it is in the whole prompt."""
        rows, tokens = ids.shape
        return cls([], [0] * rows) if rotary_lengths(model).read_whole(tokens) else cls.of(ids)

    def tokens_read(self, tokens: int) -> int:
        """How many tokens are read for all prompts of that length."""
        return len(self.token_ids) + sum(tokens - shared for shared in self.shared)


def rotary_lengths(model: Any) -> RotaryLengths:
    """Up to which lengths the model's rotary factors stay as they are."""
    return RotaryLengths.of(model.config.get_text_config().to_dict())


def refuse_lengths(model: Any, tokens: int, answer: int) -> None:
    """Raises StudyError if prompts of `tokens` and answers of `answer` tokens have no factors that hold throughout."""
    if wanted := rotary_lengths(model).problem(tokens, answer):
        raise StudyError(f"prompts of {tokens} tokens; expected {wanted}")


def read_alike(prompts: Sequence[Sequence[int]], answer: Callable[[list[int]], Iterator[T]]) -> Iterator[T]:
    """What `answer` gives for the places of prompts that can be read together, in the prompts' own order.

    Those are of one length (only the published study's way of building prompts makes several), and come sorted by how
    much they share, least first.
    """
    ready: dict[int, T] = {}
    given = 0
    for length in dict.fromkeys(map(len, prompts)):
        places = [place for place, prompt in enumerate(prompts) if len(prompt) == length]
        shared = Prefix.of(torch.tensor([prompts[place] for place in places])).shared
        places = [place for _, place in sorted(zip(shared, places, strict=True))]
        for place, found in zip(places, answer(places), strict=True):
            ready[place] = found
            while given in ready:
                yield ready.pop(given)
                given += 1


def read_prefix(model: Any, prefix: Prefix) -> KeyValues | None:
    """The keys and values of the prefix, in one row; None if nothing is shared."""
    if not prefix.token_ids:
        return None
    kept = KeyValues(model_shape(model).layers, rows=1, positions=len(prefix.token_ids))
    read_on(model, torch.tensor([prefix.token_ids], device=model.device), kept)
    return kept


def read_prompts(
    model: Any,
    ids: torch.Tensor,
    shared: Sequence[int],
    prefix: KeyValues | None,
    cache: KeyValues,
    on_read: OnRead = unheard,
) -> torch.Tensor:
    """Reads prompts into the first rows of `cache`.

    Args:
        model: a causal language model of transformers.
        ids: [rows, T], sorted by what they share, least first.
        shared: how much of the prefix each begins with.
        prefix: as `read_prefix` gives it.
        cache: filled here, and left open on all rows.
        on_read: told how many have been read.

    Returns:
        The logits of the last position: [rows, vocabulary].
    """
    rows, tokens = ids.shape
    logits = []
    with reading_attention(model):
        for start, end in _groups(shared, tokens):
            cache.open(start, end, shared[start])
            if prefix is not None:
                cache.copy_prefix(prefix)
            logits.append(read_on(model, ids[start:end, shared[start] :], cache))
            on_read(end - start)
    cache.open(0, rows, tokens)
    return torch.cat(logits)


def _groups(shared: Sequence[int], tokens: int) -> Iterator[tuple[int, int]]:
    """Rows that are read together: from `start` to `end`, at most READ_TOKENS but always one; they share the least."""
    start = 0
    while start < len(shared):
        end = min(len(shared), start + max(1, READ_TOKENS // (tokens - shared[start])))
        yield start, end
        start = end


def read_on(model: Any, ids: torch.Tensor, cache: KeyValues) -> torch.Tensor:
    """Adds tokens [rows of the cache's window, new positions]; the logits of the last one [rows, vocabulary]."""
    logits: torch.Tensor = model(input_ids=ids, past_key_values=cache, use_cache=True, logits_to_keep=1).logits
    return logits[:, -1]
