"""Detectors: they rank a model's heads on train prompts. No torch is imported here."""

from head_ablation.common.registry import Registry
from head_ablation.detectors.copy_score import COPY_SCORE
from head_ablation.detectors.detector import Detector

DETECTORS = Registry[Detector](
    "detector",
    COPY_SCORE,
)
