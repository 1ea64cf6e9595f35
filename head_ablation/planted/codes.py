"""The words' codes: vectors of +1 and -1, drawn by a seed, of which no two are alike."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from head_ablation.common.problems import StudyError

Array = NDArray[np.float64]
WIDTH = 32  # components of a code
MOST_ALIKE = 0.5  # the largest product of two codes, each of length 1
TRIES = 10_000  # for one word


def draw_codes(words: int, seed: int) -> Array:
    """Codes of length 1.  # [words, WIDTH]

    Each is drawn anew until its product with every earlier one is at most `MOST_ALIKE`, in size.

    Raises:
        StudyError: there is no room for so many.
    """
    rng = np.random.default_rng(seed)
    codes = np.empty((words, WIDTH))
    for place in range(words):
        codes[place] = _draw(rng, codes[:place], words)
    return codes


def _draw(rng: np.random.Generator, earlier: Array, words: int) -> Array:
    for _ in range(TRIES):
        code = rng.choice([-1.0, 1.0], WIDTH) / np.sqrt(WIDTH)
        if not len(earlier) or np.abs(earlier @ code).max() <= MOST_ALIKE:
            return code
    raise StudyError(f"{words} words have no codes of {WIDTH} components that differ; shorten the planted texts")


def most_alike(codes: Array) -> float:
    """The largest product of two codes, in size."""
    products = np.abs(codes @ codes.T)
    np.fill_diagonal(products, 0)
    return float(products.max())
