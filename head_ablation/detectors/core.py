"""core: heads whose attention picks the right one of several documents (CoRe heads, arXiv 2510.02219).

The documents of a prompt are its passage and the filler around it, cut into chunks of equal length, as near to the
passage's length as it goes; the first token, a sink of attention, belongs to none. A document's weight is the sum over
its tokens j of the mean over the query's positions t of a(t, j); the score of a head on a prompt is the passage's share
in the softmax of weights / tau. The query goes from the question's first token through the prompt's last one.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from head_ablation.common.registry import option
from head_ablation.detectors.detector import QUERY, Batch, Detector
from head_ablation.detectors.memory import watched_bytes
from head_ablation.prompts.prompt import Span

if TYPE_CHECKING:
    import torch

    from head_ablation.engine.watching import Rows


@dataclass(frozen=True)
class CoreOptions:
    tau: float = option(
        0.1, "the softmax's temperature; by model, the paper's code takes 0.001 or 0.1", type="number", minimum=1e-6
    )


def documents(passage: Span, query_start: int) -> list[Span]:
    """The documents [start, end) of a prompt, the passage first."""
    start, end = passage
    length = max(1, end - start)
    return [passage, *_chunks((1, start), length), *_chunks((end, query_start), length)]


def _chunks(filler: Span, length: int) -> list[Span]:
    start, end = filler
    if end <= start:
        return []
    count = max(1, round((end - start) / length))
    cuts = [start + (end - start) * part // count for part in range(count + 1)]
    return list(itertools.pairwise(cuts))


class _Watcher:
    """Adds up a(t, j) over the query and each document's tokens: [layers, heads, documents] of each prompt."""

    def __init__(self, batch: Batch, options: CoreOptions):
        import torch

        assert batch.query is not None
        self.batch, self.tau = batch, options.tau
        start = batch.query.start(batch.prompts[0])
        first, end = batch.query.real.positions(to_end=True)
        self.query = range(start + first, start + end)
        self.documents = [documents(prompt.passage_span, self.query.start) for prompt in batch.prompts]
        shape = batch.shape
        self.sums = [torch.zeros(shape.layers, shape.heads, len(some), dtype=torch.float64) for some in self.documents]

    def see(self, _kind: str, rows: Rows, _going: Sequence[bool]) -> None:
        import torch

        inside = [place for place, t in enumerate(rows.positions) if t in self.query]
        for layer, weights in enumerate(rows.layers):
            summed = weights[:, :, inside].sum(dim=2)  # [prompts, heads, keys]
            for place, row in zip(rows.prompts, summed, strict=True):
                of_documents = [row[:, start:end].sum(dim=-1) for start, end in self.documents[place]]
                self.sums[place][layer] += torch.stack(of_documents, dim=-1).cpu().double()

    def scores(self) -> torch.Tensor:
        scores = self.batch.zeros()
        for place, sums in enumerate(self.sums):
            scores[place] = (sums / len(self.query) / self.tau).softmax(dim=-1)[..., 0]
        return scores


CORE = Detector(
    name="core",
    description="the passage's share in a softmax over documents, passage and filler, of the question's attention",
    options=CoreOptions,
    watches=(QUERY,),
    watch=_Watcher,
    asks=True,
    memory_bytes=watched_bytes,
    equation="softmax over documents d of (sum over j in d of mean over t in query of a(t, j)) / tau, at the passage",
    source="CoRe heads, arXiv 2510.02219",
)
