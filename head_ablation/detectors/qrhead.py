"""qrhead: heads whose attention to the needle comes from the question (QRHead, arXiv 2506.09944), for one document.

C(j) is the mean over the query's positions t of a(t, j), less the same mean in the null prompt, whose question is
"N/A". Tokens of the needle with C(j) <= mean - 2 standard deviations (unbiased, over the needle) are dropped for the
head; its score is the sum of the rest. Both prompts have the same ids before the query, so that the null prompt is read
on the same keys and values, cut at the query's start, and the needle stands at the same positions.

The query goes from the question's first token through the prompt's last one, as in the paper's code. `query: published`
ends it with the question's last token, as the published study did.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from head_ablation.common.registry import option
from head_ablation.detectors.detector import NULL, QUERY, Batch, Detector
from head_ablation.detectors.memory import watched_bytes

if TYPE_CHECKING:
    import torch

    from head_ablation.engine.watching import Rows

DEVIATIONS = 2


@dataclass(frozen=True)
class QrheadOptions:
    query: str = option(
        "to_end", "from the question's first token to the prompt's last, or to its own", enum=["to_end", "published"]
    )


class _Watcher:
    """Adds up a(t, j) over the query, for the needle's positions j: [layers, heads, needle] of each prompt."""

    def __init__(self, batch: Batch, options: QrheadOptions):
        import torch

        assert batch.query is not None
        self.batch, query = batch, batch.query
        start = query.start(batch.prompts[0])
        shape = batch.shape
        self.sums = {
            kind: [
                torch.zeros(shape.layers, shape.heads, end - first, dtype=torch.float64) for first, end in batch.needles
            ]
            for kind in (QUERY, NULL)
        }
        ends = {QUERY: query.real, NULL: query.null}
        spans = {kind: end.positions(options.query == "to_end") for kind, end in ends.items()}
        self.queries = {kind: range(start + first, start + end) for kind, (first, end) in spans.items()}

    def see(self, kind: str, rows: Rows, _going: Sequence[bool]) -> None:
        inside = [place for place, t in enumerate(rows.positions) if t in self.queries[kind]]
        for layer, weights in enumerate(rows.layers):
            for place, row in zip(rows.prompts, weights[:, :, inside], strict=True):  # [heads, positions, keys]
                needle = row[:, :, slice(*self.batch.needles[place])]
                self.sums[kind][place][layer] += needle.sum(dim=1).cpu().double()

    def scores(self) -> torch.Tensor:
        scores = self.batch.zeros()
        for place in range(len(self.batch.prompts)):
            real, null = (self.sums[kind][place] / len(self.queries[kind]) for kind in (QUERY, NULL))
            scores[place] = _kept_sum(real - null)
        return scores


def _kept_sum(contrast: torch.Tensor) -> torch.Tensor:
    """The sum over a needle's tokens [..., needle] without those far below their mean."""
    if contrast.shape[-1] < 2:
        return contrast.sum(dim=-1)
    spread = contrast.std(dim=-1, keepdim=True)  # unbiased
    low = contrast <= contrast.mean(dim=-1, keepdim=True) - DEVIATIONS * spread
    return contrast.masked_fill(low & (spread > 0), 0).sum(dim=-1)


QRHEAD = Detector(
    name="qrhead",
    description="attention from the question to the needle, less that of a null query, without low outliers",
    options=QrheadOptions,
    watches=(QUERY, NULL),
    watch=_Watcher,
    asks=True,
    memory_bytes=watched_bytes,
    equation="sum over kept j in needle of C(j), C(j) = mean over t in query of a(t, j) - a_null(t, j)",
    source="Zhang et al. 2025 (QRHead), arXiv 2506.09944",
)
