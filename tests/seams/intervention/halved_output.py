"""halved_output: an ablated head's output is scaled by `factor`, so that the head adds only a part of what it did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from head_ablation.common.registry import option
from head_ablation.engine.interventions.intervention import Intervention

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class HalvedOutputOptions:
    factor: float = option(0.5, "a factor from 0 to 1", type="number", minimum=0, maximum=1)


def _overwrite(outputs: torch.Tensor, ablated: torch.Tensor, options: HalvedOutputOptions) -> None:
    outputs[..., ablated, :] *= options.factor  # [batch, positions, ablated heads, head_width]


HALVED_OUTPUT = Intervention(
    name="halved_output",
    description="the head's slice of the output projection's input is multiplied by `factor`",
    options=HalvedOutputOptions,
    overwrite=_overwrite,
)
