"""Whether a planted model is as sharp as its answers need: margins in nats, worked out from the construction.

Attention counts as one-hot when the best key's score is `LEAST_NATS` above the next one: the rest, at most POSITIONS
times exp(-LEAST_NATS), is below what float32 can add to 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from head_ablation.common.problems import Problem, refuse
from head_ablation.planted.codes import most_alike
from head_ablation.planted.options import least_lead
from head_ablation.planted.rotation import POSITIONS, TURNING, frequencies, still_components
from head_ablation.planted.weights import CONSTANT, LOWER, MATCH_NATS, NATS, POSITION_NATS, WRITTEN, Construction

LEAST_NATS = 30.0
GENERATED = 64  # positions behind the prompt's


@dataclass(frozen=True)
class Margins:
    """How sure a planted model is.

    Attributes:
        position_nats: of heads that look at a place, over the next place.
        match_nats: of a match, with one redundant head alone, over any other word.
        answer_nats: of the word that is said over the next one, at a threshold that is as near as any.
        norm_share: by which share what heads write changes the norm at most.
        most_alike: the largest product of two codes.
    """

    position_nats: float
    match_nats: float
    answer_nats: float
    norm_share: float
    most_alike: float


def margins(made: Construction) -> Margins:
    """The margins of a construction."""
    alike = most_alike(made.codes)
    norm = _norm_share(made)
    return Margins(
        position_nats=(1 - norm) * POSITION_NATS * min(map(_position_gap, (*LOWER.values(), made.roles.copy_lag))),
        match_nats=(1 - norm) * MATCH_NATS * (1 - alike - 2 * _turned()),
        answer_nats=NATS * least_lead(made.options),
        norm_share=norm,
        most_alike=alike,
    )


def check_margins(made: Construction) -> Margins:
    """The margins, which suffice.

    Raises:
        StudyError: they do not.
    """
    found = margins(made)
    low = {name: getattr(found, name) for name in ("position_nats", "match_nats") if getattr(found, name) < LEAST_NATS}
    unsure = found.norm_share * made.options.written / min(made.options.thresholds) * NATS
    problems = [Problem("planted model", name, f"{nats:.3g}", f"{LEAST_NATS} or more") for name, nats in low.items()]
    if unsure > found.answer_nats / 2:
        said = f"{unsure:.2g} nats by which norms change a logit"
        problems.append(Problem("planted model", "norm_share", said, f"at most {found.answer_nats / 2:.2g}"))
    refuse(problems)
    return found


def _position_gap(lag: int) -> float:
    """By how much the place `lag` positions back is nearer than any other, per nat of a pair."""
    distances = np.setdiff1d(np.arange(-lag, POSITIONS + GENERATED), [0])  # from the place looked at, further back
    nearness = np.cos(np.outer(distances, frequencies()[:TURNING])).sum(axis=1)
    return float(TURNING - nearness.max())


def _turned() -> float:
    """By how much pairs that should stand still turn from one end of a prompt to the other, in radians."""
    return float(frequencies()[still_components()[0] :].max() * (POSITIONS + GENERATED))


def _norm_share(made: Construction) -> float:
    """Half of the squares of all that can stand beside the constant, in shares of its square."""
    embedded, before, asked, cancelled, unread = 4, 1, 4 * 2, 1, 1
    output = (made.options.written * WRITTEN) ** 2
    return (embedded + before + asked + cancelled + unread + output) / (2 * CONSTANT**2)
