"""any_copy: heads that copy at least `min_tokens` of the needle's tokens while the model answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from head_ablation.common.registry import option
from head_ablation.detectors.copy_score import CopyWatcher
from head_ablation.detectors.detector import ANSWER, Batch, Detector
from head_ablation.detectors.memory import answer_bytes

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class AnyCopyOptions:
    min_tokens: int = option(1, "a number of tokens, 1 or more", type="integer", minimum=1)


class _Watcher(CopyWatcher):
    def __init__(self, batch: Batch, options: AnyCopyOptions):
        super().__init__(batch)
        self.min_tokens = options.min_tokens

    def scores(self) -> torch.Tensor:
        """Heads that copied enough have a score of 1, all others of 0."""
        scores = self.batch.zeros()
        for place, copied in enumerate(self.copied):
            for head, tokens in copied.items():
                scores[place, head.layer, head.head] = len(tokens) >= self.min_tokens
        return scores


ANY_COPY = Detector(
    name="any_copy",
    description="the share of successful prompts in which a head copies at least `min_tokens` of the needle's tokens",
    options=AnyCopyOptions,
    watches=(ANSWER,),
    watch=_Watcher,
    successes_only=True,
    memory_bytes=answer_bytes,
    equation="1 if the head copied at least min_tokens of the needle's tokens, else 0",
    source="a coarser form of the copy score of Wu et al. 2024, arXiv 2404.15574",
)
