"""Arms: where the ablated heads come from, the ranking or a control."""

from head_ablation.common.registry import Registry
from head_ablation.heads.arms.arm import Arm
from head_ablation.heads.arms.random import RANDOM
from head_ablation.heads.arms.top import TOP

ARMS = Registry[Arm](
    "arm",
    TOP,
    RANDOM,
)
