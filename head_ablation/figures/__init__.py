"""Figures: each is drawn from the tables. No matplotlib is imported here."""

from head_ablation.common.registry import Registry
from head_ablation.figures.by_method import BY_METHOD
from head_ablation.figures.by_question import BY_QUESTION
from head_ablation.figures.figure import Figure
from head_ablation.figures.grid import GRID
from head_ablation.figures.headline import HEADLINE

FIGURES = Registry[Figure](
    "figure",
    HEADLINE,
    BY_QUESTION,
    BY_METHOD,
    GRID,
)
