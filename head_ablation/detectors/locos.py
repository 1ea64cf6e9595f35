"""locos: heads that write the answer's tokens with what they read in the needle (LOCOS, arXiv 2607.01002).

phi(t, j) = a(t, j) W_U[y_t]^T W_O^h v_j is what a head adds to the logit of y_t, the token that position t produced,
by looking at key j: the raw unembedding, without the final norm. A head's score on a prompt is the mean over the steps
of the answer, the token that ends it included, of

    sum over j in needle of phi(t, j) - len(needle) / len(off) * sum over j off the needle of phi(t, j)

where all other keys of the row are off the needle. Only prompts that were answered correctly count. Models whose heads
do not write attention times values (a gate stands between, or a latent is kept in the values' place) are refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from head_ablation.detectors.detector import ANSWER, Batch, Detector
from head_ablation.detectors.memory import answer_bytes

if TYPE_CHECKING:
    import torch

    from head_ablation.engine.watching import Rows

SEEN = 8  # tokens on which it is tried that heads write what they read


class _Watcher:
    def __init__(self, batch: Batch, _options: Any):
        from head_ablation.engine.unembedding import Unembedding

        self.batch, self.sums, self.steps = batch, batch.zeros(), [0] * len(batch.prompts)
        self.unembedding = Unembedding(batch.model)
        self.unembedding.refuse_gates(batch.prompts[0].token_ids[:SEEN])

    def see(self, _kind: str, rows: Rows, going: Sequence[bool]) -> None:
        import torch

        keys = rows.layers[0].shape[-1]
        contrast = torch.stack([_contrast(self.batch.needles[place], keys) for place in rows.prompts])
        goes_on = torch.tensor(going, dtype=torch.float64)[:, None]
        for layer, (weights, values) in enumerate(zip(rows.layers, rows.values, strict=True)):
            signed = weights[:, :, -1] * contrast.to(weights.device)[:, None]  # [prompts, heads, keys]
            added = self.unembedding.added(layer, signed, values, rows.tokens)  # [prompts, heads]
            self.sums[:, layer] += goes_on * added.cpu().double()
        self.steps = [steps + bool(more) for steps, more in zip(self.steps, going, strict=True)]

    def scores(self) -> torch.Tensor:
        import torch

        return self.sums / torch.tensor(self.steps)[:, None, None].clamp(min=1)


def _contrast(needle: tuple[int, int], keys: int) -> torch.Tensor:
    """The weight of each key: 1 in the needle, elsewhere so that all together weigh nothing."""
    import torch

    start, end = needle
    length, off = end - start, keys - (end - start)
    contrast = torch.full((keys,), -length / off)
    contrast[start:end] = 1
    return contrast


LOCOS = Detector(
    name="locos",
    description="what a head adds to the answer's logits by what it reads in the needle, less what it reads elsewhere",
    watches=(ANSWER,),
    watch=_Watcher,
    successes_only=True,
    memory_bytes=answer_bytes,
    equation="mean over t of sum over needle of phi(t, j) - len(needle) / len(off) * sum over the rest of phi(t, j)",
    source="LOCOS, arXiv 2607.01002",
)
