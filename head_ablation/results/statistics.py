"""Confidence intervals for accuracies and for differences of accuracies.

The unit of sampling is the company, not the answer: answers of one company at several prompt
lengths, by several models or under several random draws are correlated, so together they count as
one. Companies are few (26-36 in the published study) and accuracies lie near 0 and 1, where the
normal interval fails; hence Wilson intervals, and for differences Newcombe's combination of them.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

CONFIDENCE = 0.95


class Difference(NamedTuple):
    """A difference of two proportions (a fraction, -1 to 1) and its confidence limits."""

    difference: float
    low: float
    high: float


def wilson(proportion: float, n: float, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Wilson score interval of a proportion.

    With `n` the number of distinct companies the interval is conservative for a mean over several
    answers per company: values in [0, 1] never vary more than 0/1 values of the same mean. For one
    experiment with one filing per company it is the ordinary Wilson interval.

    Args:
        proportion: accuracy as a fraction, 0 to 1.
        n: number of independent units (companies); may be fractional (an effective number).
        confidence: coverage aimed at.

    Returns:
        Lower and upper limit, fractions. Of non-zero width also at 0 and 1.

    Raises:
        ValueError: if the proportion is not in [0, 1] or n is not positive.

    Source: Wilson 1927, J. Am. Stat. Assoc. 22:209-212.
    """
    if not (0 <= proportion <= 1 and 0 < n < math.inf):
        raise ValueError(
            f"no interval for proportion {proportion} of n = {n}: "
            "the proportion must be from 0 to 1 and n finite and above 0"
        )
    from statsmodels.stats.proportion import proportion_confint  # slow to import

    low, high = proportion_confint(proportion * n, n, alpha=1 - confidence, method="wilson")
    return min(float(low), proportion), max(float(high), proportion)  # rounding at 0 and 1


def mover_difference(
    first: float, second: float, n: float, phi: float = 0.0, confidence: float = CONFIDENCE
) -> Difference:
    """Interval of `first - second`, two proportions over n units each, from their Wilson limits.

    MOVER, the method of variance estimates recovery. With phi = 0 it is Newcombe's hybrid score
    interval for independent proportions, too wide (so safe) for positively correlated pairs.

    Args:
        first: proportion, 0 to 1.
        second: proportion subtracted from it.
        n: number of units behind each.
        phi: correlation of the two over units, -1 to 1.
        confidence: coverage aimed at.

    Source: Newcombe 1998, Statistics in Medicine 17:873-890 (method 10, phi = 0) and 17:2635-2650.
    """
    first_low, first_high = wilson(first, n, confidence)
    second_low, second_high = wilson(second, n, confidence)

    def reach(a: float, b: float) -> float:
        return math.sqrt(max(a * a - 2 * phi * a * b + b * b, 0.0))

    difference = first - second
    return Difference(
        difference,
        difference - reach(first - first_low, second_high - second),
        difference + reach(first_high - first, second - second_low),
    )


def paired_difference(
    first: ArrayLike,
    second: ArrayLike,
    weights: ArrayLike | None = None,
    confidence: float = CONFIDENCE,
) -> Difference:
    """Interval of the difference of two accuracies measured on the same companies.

    For 0/1 values and equal weights this is Newcombe's method 10 for paired proportions: Wilson
    limits, combined by a phi whose numerator carries a continuity correction, so that conditions
    with the same answers keep an interval of non-zero width. For means over several answers phi
    stays the covariance over the 0/1 standard deviations sqrt(p (1 - p)), which is what the Wilson
    limits stand for; the Pearson correlation would credit the pairing with too much.

    Args:
        first: mean accuracy of each company, 0 to 1.  # [companies]
        second: the same companies under the other condition, same order.  # [companies]
        weights: weight of each company, equal by default; unequal weights lower n to
            `effective_companies`.  # [companies]
        confidence: coverage aimed at.

    Raises:
        ValueError: for no companies, unequal lengths, or values that are NaN or outside [0, 1].

    Source: Newcombe 1998, Statistics in Medicine 17:2635-2650, method 10.
    """
    one, two = (np.asarray(values, dtype=float) for values in (first, second))
    share = np.ones(one.shape) if weights is None else np.asarray(weights, dtype=float)
    if not one.size or not one.shape == two.shape == share.shape:
        raise ValueError(f"cannot pair {one.size} companies with {two.size} ({share.size} weights)")
    outside = [int((~((values >= 0) & (values <= 1))).sum()) for values in (one, two)]
    if any(outside):
        raise ValueError(
            f"accuracies must lie from 0 to 1: {outside[0]} of {one.size} first and "
            f"{outside[1]} of {two.size} second values do not"
        )
    n = effective_companies(share)
    share = share / share.sum()
    p, q = (min(float(share @ values), 1.0) for values in (one, two))  # rounding at 1
    return mover_difference(p, q, n, _corrected_phi(one, two, share, n), confidence)


def effective_companies(weights: ArrayLike) -> float:
    """Number of equally weighted companies that a weighted mean is worth: (sum w)^2 / sum w^2.

    Source: Kish 1965, Survey Sampling (the effective sample size under unequal weights).
    """
    values = np.asarray(weights, dtype=float)
    if not values.size or not (values > 0).all():
        bad = int((~(values > 0)).sum())
        raise ValueError(f"{bad} of {values.size} company weights are not above 0")
    return float(values.sum() ** 2 / (values**2).sum())


def _corrected_phi(one: NDArray[np.float64], two: NDArray[np.float64], share: NDArray[np.float64], n: float) -> float:
    """Newcombe's phi: a positive covariance is moved 1/(2n) towards 0; 0 where undefined."""
    p, q = float(share @ one), float(share @ two)
    variances = p * (1 - p) * q * (1 - q)
    if variances < 1e-15:  # an accuracy of 0 or 1, up to rounding
        return 0.0
    covariance = float(share @ ((one - p) * (two - q)))
    if covariance > 0:
        covariance = max(covariance - 1 / (2 * n), 0.0)
    return max(-1.0, min(1.0, covariance / math.sqrt(variances)))
