"""What the benchmark times: a model, prompts and heads, and how time is taken. Needs torch and transformers alone."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from head_ablation.engine.ablation import model_shape
from head_ablation.engine.generation import GenerationSettings, generate
from head_ablation.heads.head import HeadSet


@dataclass(frozen=True)
class Case:
    """What is timed.

    Attributes:
        model: a Llama of transformers.
        prompts: token ids, all of one length.
        heads: the ablated heads.
        max_new_tokens: of each answer; nothing but the end-of-sequence token ends it earlier.
    """

    model: Any
    prompts: list[list[int]]
    heads: HeadSet
    max_new_tokens: int = 10

    @property
    def tokens(self) -> int:
        """Of one prompt."""
        return len(self.prompts[0])

    def answers(self) -> list[list[int]]:
        """Ours, all prompts in one batch."""
        settings = GenerationSettings(self.max_new_tokens, (), batch_size=len(self.prompts))
        said = generate(self.model, lambda _: "", self.prompts, self.heads, settings)
        return [answer.token_ids for answer in said]


def random_prompts(count: int, tokens: int, vocabulary: int, shared: bool, seed: int = 0) -> list[list[int]]:
    """Prompts of a model with random weights: the same filler around needles of 20 to 60 tokens, or all different."""
    generator = torch.Generator().manual_seed(seed)

    def draw(length: int) -> list[int]:
        return torch.randint(10, vocabulary - 1000, (length,), generator=generator).tolist()

    if not shared:
        return [draw(tokens) for _ in range(count)]
    filler, needles = draw(tokens), [draw(20 + place * 40 // count) for place in range(count)]
    halves = [(tokens - len(needle)) // 2 for needle in needles]
    whole = [filler[:half] + needle + filler[half:] for half, needle in zip(halves, needles, strict=True)]
    return [prompt[:tokens] for prompt in whole]


def every_nth_head(model: Any, step: int) -> HeadSet:
    """A head set spread over the whole model."""
    return HeadSet(tuple(model_shape(model).all_heads()[::step]))


def timed(run: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds, until the GPU is done too, and the result."""
    _wait()
    start = time.perf_counter()
    result = run()
    _wait()
    return time.perf_counter() - start, result


def _wait() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
