"""Detectors: they rank a model's heads on train prompts. No torch is imported here."""

from head_ablation.common.registry import Registry
from head_ablation.detectors.attribution import ATTRIBUTION
from head_ablation.detectors.copy_score import COPY_SCORE
from head_ablation.detectors.core import CORE
from head_ablation.detectors.detector import Detector
from head_ablation.detectors.induction import INDUCTION
from head_ablation.detectors.locos import LOCOS
from head_ablation.detectors.qrhead import QRHEAD
from head_ablation.detectors.single_head import SINGLE_HEAD
from head_ablation.detectors.summed_attention import SUMMED_ATTENTION

DETECTORS = Registry[Detector](
    "detector",
    COPY_SCORE,
    SUMMED_ATTENTION,
    QRHEAD,
    LOCOS,
    ATTRIBUTION,
    INDUCTION,
    CORE,
    SINGLE_HEAD,
)
