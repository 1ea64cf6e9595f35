"""summed_attention: the attention that a head pays to the needle from the prompt's last token.

The score of a head on a prompt is the sum over the needle's positions j of a(t, j), t the last token: what decides the
answer's first token. An indifferent head, whose row is uniform, gives len(needle) / T; the lift beside each score in a
ranking is the mean of how many times as much the head gives.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from head_ablation.detectors.detector import LAST, Batch, Detector
from head_ablation.detectors.memory import answer_bytes

if TYPE_CHECKING:
    import torch

    from head_ablation.engine.watching import Rows


class _Watcher:
    def __init__(self, batch: Batch, _options: Any):
        self.batch, self.sums = batch, batch.zeros()

    def see(self, _kind: str, rows: Rows, _going: Sequence[bool]) -> None:
        for layer, weights in enumerate(rows.layers):
            for place, row in zip(rows.prompts, weights[:, :, -1], strict=True):  # [heads, keys]
                self.sums[place, layer] = row[:, slice(*self.batch.needles[place])].sum(dim=-1).cpu().double()

    def scores(self) -> torch.Tensor:
        return self.sums


def _lift(scores: Sequence[float], shares: Sequence[float]) -> Mapping[str, Any]:
    return {"lift": sum(score / share for score, share in zip(scores, shares, strict=True)) / len(scores)}


SUMMED_ATTENTION = Detector(
    name="summed_attention",
    description="the attention that a head pays to the needle from the prompt's last token, and its lift over chance",
    watches=(LAST,),
    watch=_Watcher,
    beside=_lift,
    memory_bytes=answer_bytes,
    equation="sum over j in needle of a(last, j)",
    source="the published study's Phase 2, with the model's own attention",
)
