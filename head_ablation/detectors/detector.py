"""What a detector is: it scores all heads while the model answers train prompts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from head_ablation.common.registry import Entry

if TYPE_CHECKING:
    from head_ablation.detectors.settings import DetectionSettings
    from head_ablation.engine.runner import Runner
    from head_ablation.prompts.prompt import Prompt

Ranking = dict[str, Any]
"""`samples_processed`, `successful_retrievals`, `success_rate`, `head_rankings`: what a ranking file says besides what
it ranks."""


@dataclass(frozen=True, kw_only=True)
class Detector(Entry):
    """A detector.

    Attributes:
        rank: a loaded model, answerable train prompts and settings -> the ranking of all heads, or of none if no
            prompt serves. Imports torch only when it is called.
        source: paper or equation.
    """

    rank: Callable[[Runner, Sequence[Prompt], DetectionSettings], Ranking]
    source: str
