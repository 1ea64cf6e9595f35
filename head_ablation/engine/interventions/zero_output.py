"""zero_output: an ablated head's slice is zeroed, so that it adds exactly nothing to the residual stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from head_ablation.engine.interventions.intervention import Intervention

if TYPE_CHECKING:
    import torch


def _overwrite(outputs: torch.Tensor, ablated: torch.Tensor, _options: Any) -> None:
    outputs.index_fill_(-2, ablated, 0)


ZERO_OUTPUT = Intervention(
    name="zero_output",
    description="the head's slice of the output projection's input is zeroed; the head adds exactly nothing",
    overwrite=_overwrite,
)
