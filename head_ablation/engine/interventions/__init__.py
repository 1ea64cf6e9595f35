"""Interventions: what becomes of an ablated head's output. No torch is imported here."""

from head_ablation.common.registry import Registry
from head_ablation.engine.interventions.intervention import Intervention
from head_ablation.engine.interventions.zero_output import ZERO_OUTPUT

INTERVENTIONS = Registry[Intervention](
    "intervention",
    ZERO_OUTPUT,
)
