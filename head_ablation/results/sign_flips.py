"""A test of a difference of two accuracies measured on the same companies."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

RESAMPLES = 2**13
"""All signs of up to 13 companies; of more, so many at random."""


def sign_flip_p(differences: ArrayLike) -> float:
    """Two-sided p-value of a mean difference: how often it would be as large if each company's sign were a coin's.

    For one answer a company it is the exact McNemar test. Companies without a difference change nothing and are left
    out; the signs of up to 13 others are all tried, of more, 8,192 seeded ones.

    Args:
        differences: of each company, all in the same unit; a company that weighs more has a larger one.  # [companies]

    Source: Fisher 1935, The Design of Experiments, section 21; `scipy.stats.permutation_test`.
    """
    changed = np.asarray(differences, dtype=float)
    changed = changed[np.abs(changed) > 1e-12]
    if changed.size < 2:
        return 1.0  # one company alone: its sign is a coin's
    from scipy.stats import permutation_test  # slow to import

    found = permutation_test(
        (changed,), lambda flipped, axis: flipped.sum(axis), permutation_type="samples", n_resamples=RESAMPLES, rng=0
    )
    return float(found.pvalue)
