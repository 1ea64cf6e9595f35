"""copy_score: retrieval heads by what they copy while the model answers (Wu et al. 2024, arXiv 2404.15574).

A head copies a needle token if, in the attention row of the position that produced the token, its highest weight over
all keys lies on a position inside the needle that holds the same token id. A head's score on a prompt is the share of
the needle's distinct tokens that it copied, |g_h & k| / |k| (the paper's definition; the released code counts
repeats). Its score is the mean over all successful prompts, zeros included.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from head_ablation.detectors.detector import ANSWER, Batch, Detector
from head_ablation.detectors.memory import answer_bytes
from head_ablation.heads.head import Head

if TYPE_CHECKING:
    import torch

    from head_ablation.engine.watching import Rows


class CopyWatcher:
    """Notes which needle tokens each head copies.

    Attributes:
        copied: of each prompt the token ids that each head copied; heads that copied nothing are absent.
        needles: of each prompt the needle's distinct token ids.
    """

    def __init__(self, batch: Batch, _options: Any = None):
        self.batch = batch
        self.copied: list[dict[Head, set[int]]] = [{} for _ in batch.prompts]
        self.needles = [
            set(prompt.token_ids[slice(*span)]) for prompt, span in zip(batch.prompts, batch.needles, strict=True)
        ]

    def see(self, _kind: str, rows: Rows, going: Sequence[bool]) -> None:
        import torch

        device = rows.layers[0].device  # layers may stand on several
        winners = torch.stack([layer[:, :, -1].argmax(dim=-1).to(device) for layer in rows.layers], dim=1)
        for place, token, most_attended, goes_on in zip(rows.prompts, rows.tokens, winners, going, strict=True):
            if goes_on:
                self._step(place, token, most_attended)

    def _step(self, place: int, token: int, most_attended: torch.Tensor) -> None:
        """Notes who copied a token; most_attended [layers, heads] is of the row that produced it."""
        start, end = self.batch.needles[place]
        inside = ((most_attended >= start) & (most_attended < end)).nonzero().tolist()
        for layer, head in inside:
            if self.batch.prompts[place].token_ids[int(most_attended[layer, head])] == token:
                self.copied[place].setdefault(Head(layer, head), set()).add(token)

    def scores(self) -> torch.Tensor:
        scores = self.batch.zeros()
        for place, (copied, needle) in enumerate(zip(self.copied, self.needles, strict=True)):
            for (layer, head), tokens in copied.items():
                scores[place, layer, head] = len(tokens) / len(needle)
        return scores


COPY_SCORE = Detector(
    name="copy_score",
    description="the share of the needle's tokens that a head copies while the model answers",
    version=3,
    watches=(ANSWER,),
    watch=CopyWatcher,
    successes_only=True,
    beside=lambda scores, _shares: {"hits": sum(score > 0 for score in scores)},
    memory_bytes=answer_bytes,
    equation="|tokens copied and in the needle| / |tokens in the needle|",
    source="Wu et al. 2024, arXiv 2404.15574",
)
