"""Rotary positions of a planted model: the first pairs of a head turn, the last ones stand still.

Pair i turns by ROTARY_BASE^(-2 i / HEAD_WIDTH) = 10^(-i / 2) a position. The first `TURNING` pairs tell positions
apart; the last half turns by at most 10^-8 and is for words.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from head_ablation.planted.codes import WIDTH

HEAD_WIDTH = 64
PAIRS = HEAD_WIDTH // 2
ROTARY_BASE = 1e16
POSITIONS = 2048  # of a prompt
TURNING = 8  # pairs that tell positions apart
Array = NDArray[np.float64]


def frequencies() -> Array:
    """By how much each pair turns a position, in radians.  # [PAIRS]"""
    return ROTARY_BASE ** (-2 * np.arange(PAIRS) / HEAD_WIDTH)


def turning_components() -> Array:
    """The components of a key that turn: 1 in the first of each turning pair.  # [HEAD_WIDTH]"""
    return (np.arange(HEAD_WIDTH) < TURNING).astype(float)


def looking_back(lag: int) -> Array:
    """The query that is nearest to the key `lag` positions back, TURNING where it is.  # [HEAD_WIDTH]

    transformers turns component i with component i + PAIRS.
    """
    query = np.zeros(HEAD_WIDTH)
    angles = -lag * frequencies()[:TURNING]
    query[:TURNING], query[PAIRS : PAIRS + TURNING] = np.cos(angles), np.sin(angles)
    return query


def still_components() -> NDArray[np.int64]:
    """The components of queries and keys that hold codes.  # [WIDTH]"""
    still = np.arange(PAIRS - WIDTH // 2, PAIRS)
    return np.concatenate([still, still + PAIRS])
