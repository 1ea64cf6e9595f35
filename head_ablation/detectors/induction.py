"""induction: heads that look at what followed the last time (Olsson et al. 2022, arXiv 2209.11895).

The model reads [BOS, r1 ... rn, r1 ... rn], n random tokens twice. At a position t of the second half the token that
followed the last time stands at t - n + 1; a head's score is the mean over the second half of a(t, t - n + 1), for each
of several draws. No filings are needed, and no question changes it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from head_ablation.common.problems import StudyError
from head_ablation.common.registry import option
from head_ablation.detectors.detector import Detector, Reading, Unit
from head_ablation.detectors.memory import watched_bytes

if TYPE_CHECKING:
    import torch

    from head_ablation.prompts.prompt import Prompt


@dataclass(frozen=True)
class InductionOptions:
    length: int = option(50, "random tokens that are read twice", type="integer", minimum=2)
    draws: int = option(10, "independent draws of them", type="integer", minimum=1)
    seed: int = option(0, "seeds the draws", type="integer", minimum=0)


def repeated_tokens(vocabulary: Sequence[int], bos: int | None, length: int, seed: str) -> list[int]:
    """BOS, if there is one, and `length` different tokens of the vocabulary, twice.

    Raises:
        StudyError: there are not so many.
    """
    if length > len(vocabulary):
        raise StudyError(f"induction: length {length}; expected at most {len(vocabulary)}, the tokenizer's tokens")
    drawn = random.Random(seed).sample(vocabulary, length)
    return [*([] if bos is None else [bos]), *drawn, *drawn]


def _measure(
    reading: Reading, _prompts: Sequence[Prompt], options: InductionOptions, _on_read: Callable[[int], object]
) -> Iterator[Unit]:
    from head_ablation.engine.unembedding import vocabulary_size

    size = vocabulary_size(reading.model)
    known = [token for token in reading.tokenizer.text_ids() if token < size]
    for draw in range(options.draws):
        ids = repeated_tokens(known, reading.tokenizer.bos_id, options.length, f"{options.seed}-{draw}")
        yield f"draw-{draw}", induction_scores(reading.model, ids, options.length)


def induction_scores(model: object, ids: list[int], length: int) -> torch.Tensor:
    """The scores [layers, heads] on tokens whose last `length` are those before them."""
    import torch

    from head_ablation.engine.watching import WatchedBatch

    start = len(ids) - length
    batch = WatchedBatch(model, [ids], room=0, on_read=lambda _prompts: None)
    scores = torch.zeros(batch.shape.layers, batch.shape.heads, dtype=torch.float64)
    for rows in batch.with_ends(start, [ids[start:]]):
        for layer, weights in enumerate(rows.layers):
            for place, t in enumerate(rows.positions):
                scores[layer] += weights[0, :, place, t - length + 1].cpu().double() / length
    return scores


INDUCTION = Detector(
    name="induction",
    description="attention to the token that followed the last time, in random tokens that are read twice",
    options=InductionOptions,
    measure=_measure,
    reads_prompts=False,
    readings=lambda _heads, _prompts, options: options.draws,
    memory_bytes=watched_bytes,
    equation="mean over t in the second half of a(t, t - n + 1), in [BOS, r1 ... rn, r1 ... rn]",
    source="Olsson et al. 2022, arXiv 2209.11895",
)
