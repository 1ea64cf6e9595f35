"""The sign-flip test is the exact McNemar test where that applies, and keeps its level."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import permutation_test
from statsmodels.stats.contingency_tables import mcnemar

from head_ablation.results.sign_flips import FEW, sign_flip_p


@pytest.mark.parametrize(("losses", "gains"), [(6, 0), (5, 1), (9, 2), (3, 3), (1, 0), (0, 0)])
def test_one_answer_a_company_is_the_exact_mcnemar_test(losses: int, gains: int) -> None:
    expected = mcnemar([[10, losses], [gains, 5]], exact=True).pvalue
    assert sign_flip_p([1] * losses + [-1] * gains + [0] * 15) == pytest.approx(expected)


def test_many_companies_are_close_to_the_exact_test() -> None:
    expected = mcnemar([[0, 20], [8, 0]], exact=True).pvalue
    assert sign_flip_p([1] * 20 + [-1] * 8) == pytest.approx(expected, rel=0.1)


@pytest.mark.parametrize("companies", [2, 5, 13, 14, 40])
def test_it_agrees_with_scipys_permutation_test(companies: int) -> None:
    differences = np.random.default_rng(companies).normal(0.2, 1, companies).round(1)
    drawn = {} if companies <= FEW else {"n_resamples": 2**16, "rng": 1}
    expected = permutation_test((differences,), np.sum, permutation_type="samples", **({"n_resamples": 2**13} | drawn))
    assert sign_flip_p(differences) == pytest.approx(expected.pvalue, rel=1e-9 if companies <= FEW else 0.1)


def test_the_same_differences_have_the_same_p() -> None:
    differences = np.linspace(-0.5, 0.9, 30)
    assert sign_flip_p(differences) == sign_flip_p(differences)


def test_a_larger_effect_has_a_smaller_p() -> None:
    """Negative control: the test does see an effect."""
    noise = np.linspace(-0.5, 0.5, 12)
    assert sign_flip_p(noise + 0.6) < 0.01 < 0.5 < sign_flip_p(noise)
