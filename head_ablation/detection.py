"""Detecting retrieval heads with the copy score of Wu et al. 2024 (arXiv 2404.15574).

While the model answers, a head copies a needle token if, in the attention row of the position that produced the
token, its highest weight over all keys lies on a position inside the needle that holds the same token id. A
head's score on a prompt is the share of the needle's distinct tokens it copied, |g_h & k| / |k| (the paper's
definition; the released code counts repeats). Its score is the mean over all successful prompts, zeros included.

Only the rows of the last position are needed. The prompt up to its last token is read with the model's fast
attention; that token and the answer's tokens are read one at a time with eager attention, so that each weight
tensor is [rows, heads, 1, keys].
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from head_ablation.ablation import model_shape
from head_ablation.attention import attention
from head_ablation.generation import GenerationSettings, best_tokens, end_tokens, is_ended
from head_ablation.heads import Head
from head_ablation.key_values import KeyValues
from head_ablation.problems import StudyError
from head_ablation.prompts import Prompt
from head_ablation.reading import OnRead, Prefix, read_alike, read_prefix, read_prompts, unheard

ROW_SUM_TOLERANCE = 0.02  # bfloat16 weights of thousands of keys


@dataclass(frozen=True)
class Copies:
    """One prompt's answer and what each head copied into it.

    Attributes:
        text: the answer.
        copied: token ids that each head copied from the needle; heads that copied nothing are absent.
        needle: the needle's distinct token ids.
    """

    text: str
    copied: dict[Head, set[int]]
    needle: set[int]

    def score(self, head: Head) -> float:
        """The share of the needle's distinct tokens that the head copied."""
        return len(self.copied.get(head, set()) & self.needle) / len(self.needle)


def watch_copies(
    model: Any,
    decode: Callable[[list[int]], str],
    prompts: Sequence[Prompt],
    needle: str,
    settings: GenerationSettings,
    on_read: OnRead = unheard,
) -> Iterator[Copies]:
    """Yields, prompt by prompt, the greedy answer and the tokens that each head copied.

    Args:
        model: a causal language model of transformers.
        decode: token ids -> text.
        prompts: prompts whose answers stand in them.
        needle: `passage` or `answer`, the span that counts as the needle.
        settings: decoding settings.
        on_read: told how many prompts have been read, which takes most of the time.

    Raises:
        StudyError: the model gives no attention weights, or rows that do not sum to 1.
    """

    def watch(places: list[int]) -> Iterator[Copies]:
        return _watch_equal(model, decode, [prompts[place] for place in places], needle, settings, on_read)

    return read_alike([prompt.token_ids for prompt in prompts], watch)


@torch.inference_mode()
def _watch_equal(
    model: Any,
    decode: Callable[[list[int]], str],
    prompts: Sequence[Prompt],
    needle: str,
    settings: GenerationSettings,
    on_read: OnRead,
) -> Iterator[Copies]:
    ends = end_tokens(model)
    for start in range(0, len(prompts), settings.batch_size):
        batch = prompts[start : start + settings.batch_size]
        watched = [_Watch(prompt, _needle_span(prompt, needle)) for prompt in batch]
        steps = _answer_steps(model, [prompt.token_ids for prompt in batch], settings.max_new_tokens, on_read)
        for tokens, winners in steps:
            for watch, token, most_attended in zip(watched, tokens, winners, strict=True):
                if not watch.ended:
                    watch.step(token, most_attended)
                    watch.ended = is_ended(watch.tokens, ends, settings.stop, decode)
            if all(watch.ended for watch in watched):
                break
        yield from (watch.copies(decode) for watch in watched)


def _needle_span(prompt: Prompt, needle: str) -> tuple[int, int]:
    span = prompt.passage_span if needle == "passage" else prompt.answer_span
    if span is None:
        raise StudyError(f"{prompt.filename}: the answer's place in the prompt is not known")
    return span


@dataclass
class _Watch:
    """One prompt while it is being answered."""

    prompt: Prompt
    span: tuple[int, int]
    tokens: list[int] = field(default_factory=list)
    copied: dict[Head, set[int]] = field(default_factory=dict)
    ended: bool = False

    def step(self, token: int, most_attended: torch.Tensor) -> None:
        """Notes a token and who copied it; most_attended [layers, heads] is of the row that produced it."""
        self.tokens.append(token)
        start, end = self.span
        inside = ((most_attended >= start) & (most_attended < end)).nonzero().tolist()
        for layer, head in inside:
            if self.prompt.token_ids[int(most_attended[layer, head])] == token:
                self.copied.setdefault(Head(layer, head), set()).add(token)

    def copies(self, decode: Callable[[list[int]], str]) -> Copies:
        needle = set(self.prompt.token_ids[slice(*self.span)])
        return Copies(decode(self.tokens), self.copied, needle)


def _answer_steps(
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


def rank_heads(heads: Sequence[Head], successes: Sequence[Copies]) -> list[dict[str, Any]]:
    """Every head with its mean score, `hits` (prompts in which it copied) and `num_samples` (successful prompts).

    Ties are broken by layer, then head.

    Raises:
        StudyError: there is no successful prompt.
    """
    if not successes:
        raise StudyError("no train prompt was answered correctly, so no head can be ranked; see the answers in the log")
    n = len(successes)
    scores = {head: sum(copies.score(head) for copies in successes) / n for head in heads}
    hits = {head: sum(head in copies.copied for copies in successes) for head in heads}
    ordered = sorted(heads, key=lambda head: (-scores[head], head))
    return [
        {
            "head": str(head),
            "score": scores[head],
            "rank": rank,
            "hits": hits[head],
            "num_samples": n,
        }
        for rank, head in enumerate(ordered, start=1)
    ]
