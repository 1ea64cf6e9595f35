"""Figures: each is drawn from the tables, some from the rankings, too. No matplotlib is imported here."""

from head_ablation.common.registry import Registry
from head_ablation.figures.by_method import BY_METHOD
from head_ablation.figures.by_question import BY_QUESTION
from head_ablation.figures.effect_against_rank import EFFECT_AGAINST_RANK
from head_ablation.figures.figure import Figure
from head_ablation.figures.grid import GRID
from head_ablation.figures.headline import HEADLINE
from head_ablation.figures.heat_map import HEAT_MAP

FIGURES = Registry[Figure](
    "figure",
    HEADLINE,
    BY_QUESTION,
    BY_METHOD,
    GRID,
    EFFECT_AGAINST_RANK,
    HEAT_MAP,
)
