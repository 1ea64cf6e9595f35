"""The page `results/{study}/report.html`: every number can be followed to what the model said."""

from head_ablation.common.registry import Registry
from head_ablation.report.answers import ANSWERS
from head_ablation.report.audit import AUDIT
from head_ablation.report.experiments import EXPERIMENTS
from head_ablation.report.figure8 import FIGURE8
from head_ablation.report.finding import FINDING
from head_ablation.report.heads import HEADS
from head_ablation.report.record import RECORD
from head_ablation.report.section import Section
from head_ablation.report.truth import TRUTH

SECTIONS = Registry[Section](
    "section",
    FINDING,
    FIGURE8,
    EXPERIMENTS,
    ANSWERS,
    HEADS,
    AUDIT,
    TRUTH,
    RECORD,
)
