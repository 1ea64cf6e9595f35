"""copy_score: retrieval heads by what they copy while the model answers (Wu et al. 2024, arXiv 2404.15574).

A head copies a needle token if, in the attention row of the position that produced the token, its highest weight over
all keys lies on a position inside the needle that holds the same token id. A head's score on a prompt is the share of
the needle's distinct tokens that it copied, |g_h & k| / |k| (the paper's definition; the released code counts
repeats). Its score is the mean over all successful prompts, zeros included.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from head_ablation.common.problems import StudyError
from head_ablation.detectors.detector import Detector, Ranking
from head_ablation.heads.head import Head
from head_ablation.prompts.prompt import Prompt

if TYPE_CHECKING:
    import torch

    from head_ablation.detectors.settings import DetectionSettings
    from head_ablation.engine.generation import GenerationSettings
    from head_ablation.engine.runner import Runner


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
    on_read: Callable[[int], object] = lambda _prompts: None,
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

    from head_ablation.engine.prefill import read_alike

    def watch(places: list[int]) -> Iterator[Copies]:
        return _watch_equal(model, decode, [prompts[place] for place in places], needle, settings, on_read)

    return read_alike([prompt.token_ids for prompt in prompts], watch)


def _watch_equal(
    model: Any,
    decode: Callable[[list[int]], str],
    prompts: Sequence[Prompt],
    needle: str,
    settings: GenerationSettings,
    on_read: Callable[[int], object],
) -> Iterator[Copies]:
    from head_ablation.engine.generation import end_tokens, is_ended
    from head_ablation.engine.watching import answer_steps

    ends = end_tokens(model)
    for start in range(0, len(prompts), settings.batch_size):
        batch = prompts[start : start + settings.batch_size]
        watched = [_Watch(prompt, _needle_span(prompt, needle)) for prompt in batch]
        steps = answer_steps(model, [prompt.token_ids for prompt in batch], settings.max_new_tokens, on_read)
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


def rank_heads(heads: Sequence[Head], successes: Sequence[Copies]) -> list[dict[str, Any]]:
    """Every head with its mean score, `hits` (prompts in which it copied) and `num_samples` (successful prompts).

    Ties are broken by layer, then head. Without a successful prompt there is nothing to rank heads by: none is listed.
    """
    if not successes:
        return []
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


def rank(runner: Runner, prompts: Sequence[Prompt], settings: DetectionSettings) -> Ranking:
    """The ranking of all heads by what they copied on prompts that were answered correctly.

    Raises:
        StudyError: out of memory.
    """
    from head_ablation.engine.ablation import model_shape

    with runner.reading(len(prompts), "detection") as bar:
        watched = watch_copies(runner.model, runner.decode, prompts, settings.needle, runner.decoding(), bar.update)
        answered = list(zip(prompts, watched, strict=True))
    for prompt, found in answered:
        print(f"{prompt.filename}: gold {prompt.gold!r}, answer {found.text!r}", file=sys.stderr)
    successes = [found for prompt, found in answered if settings.is_success(found.text, prompt)]
    return {
        "samples_processed": len(prompts),
        "successful_retrievals": len(successes),
        "success_rate": len(successes) / len(prompts),
        "head_rankings": rank_heads(model_shape(runner.model).all_heads(), successes),
    }


COPY_SCORE = Detector(
    name="copy_score",
    description="the share of the needle's tokens that a head copies while the model answers",
    version=3,
    rank=rank,
    source="Wu et al. 2024, arXiv 2404.15574",
)
