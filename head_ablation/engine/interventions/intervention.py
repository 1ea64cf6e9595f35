"""What an intervention is: it overwrites the outputs of ablated heads before the attention output projection."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from head_ablation.common.registry import Entry

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, kw_only=True)
class Intervention(Entry):
    """An intervention.

    Attributes:
        overwrite: takes head outputs [batch, positions, heads, head_width], the ablated heads' indexes
            [ablated heads] and the options, and writes the ablated heads' slices in place; all others stay as they are.
    """

    overwrite: Callable[[torch.Tensor, torch.Tensor, Any], None]
