"""Intervals against numbers worked by hand, published tables, and variants that must differ."""

from __future__ import annotations

import math

import numpy as np
import pytest

from head_ablation.results.statistics import effective_companies, mover_difference, paired_difference, wilson

Z = 1.959963984540054

# Newcombe 1998, Statistics in Medicine 17:2635-2650, Table III, method 10:
# pairs (both right, first only, second only, neither), then the 95 % limits.
NEWCOMBE_TABLE_III = [
    ((36, 12, 2, 0), (0.0569, 0.3404)),
    ((20, 12, 2, 16), (0.0562, 0.3292)),
    ((18, 12, 2, 18), (0.0562, 0.3290)),
    ((36, 14, 0, 0), (0.1528, 0.4167)),
    ((35, 14, 0, 1), (0.1461, 0.4175)),
    ((18, 14, 0, 18), (0.1441, 0.3963)),
    ((2, 97, 1, 0), (0.8721, 0.9854)),
    ((1, 97, 1, 1), (0.8736, 0.9850)),
    ((0, 29, 1, 0), (0.6666, 0.9882)),
    ((2, 98, 0, 0), (0.9178, 0.9945)),
    ((1, 98, 0, 1), (0.9171, 0.9916)),
    ((0, 30, 0, 0), (0.8395, 1.0)),
    ((54, 0, 0, 0), (-0.0664, 0.0664)),
    ((53, 0, 0, 1), (-0.0729, 0.0729)),
    ((30, 0, 0, 24), (-0.0358, 0.0358)),
]


def pairs(both: int, first: int, second: int, neither: int) -> tuple[list[int], list[int]]:
    """Two 0/1 answers of each company."""
    one = [1] * both + [1] * first + [0] * second + [0] * neither
    two = [1] * both + [0] * first + [1] * second + [0] * neither
    return one, two


def test_wilson_of_3_of_16_is_the_number_worked_by_hand() -> None:
    # centre (3 + z^2/2) / (16 + z^2) = 4.92073 / 19.84146 = 0.248002
    # half   z sqrt(3 * 13 / 16 + z^2/4) / (16 + z^2) = 1.95996 * 1.84333 / 19.84146 = 0.182086
    centre = (3 + Z**2 / 2) / (16 + Z**2)
    half = Z * math.sqrt(3 * 13 / 16 + Z**2 / 4) / (16 + Z**2)
    assert (centre, half) == pytest.approx((0.248002, 0.182086), abs=5e-6)
    assert wilson(3 / 16, 16) == pytest.approx((centre - half, centre + half))


def test_wilson_of_16_of_16_reaches_down_to_n_over_n_plus_z_squared() -> None:
    assert wilson(1.0, 16) == pytest.approx((16 / (16 + Z**2), 1.0))
    assert wilson(0.0, 16) == pytest.approx((0.0, Z**2 / (16 + Z**2)))


@pytest.mark.parametrize("n", [1, 2, 16, 33, 1000, 7.5])
@pytest.mark.parametrize("proportion", [0.0, 0.01, 1 / 3, 0.5, 0.97, 1.0])
def test_wilson_holds_its_proportion_has_width_and_stays_within_0_and_1(proportion: float, n: float) -> None:
    low, high = wilson(proportion, n)
    assert 0 <= low <= proportion <= high <= 1
    assert high - low > 0


def test_wilson_mirrors_and_narrows_with_n_and_widens_with_confidence() -> None:
    low, high = wilson(0.2, 20)
    assert wilson(0.8, 20) == pytest.approx((1 - high, 1 - low))
    assert wilson(0.2, 40)[1] - wilson(0.2, 40)[0] < high - low
    assert wilson(0.2, 20, 0.99)[1] > high


def test_wilson_is_not_the_normal_interval() -> None:
    """Negative control: Wald gives 16/16 no width at all."""
    wald = Z * math.sqrt(1.0 * 0.0 / 16)
    assert wald == 0
    assert wilson(1.0, 16)[0] < 0.81


@pytest.mark.parametrize(("proportion", "n"), [(math.nan, 16), (0.5, 0), (0.5, math.nan), (1.5, 16), (-0.1, 16)])
def test_wilson_refuses_what_is_no_proportion_and_names_both_numbers(proportion: float, n: float) -> None:
    with pytest.raises(ValueError, match="proportion") as raised:
        wilson(proportion, n)
    assert str(proportion) in str(raised.value)
    assert str(n) in str(raised.value)


@pytest.mark.parametrize(("cells", "limits"), NEWCOMBE_TABLE_III)
def test_paired_difference_reproduces_newcombes_table(
    cells: tuple[int, int, int, int], limits: tuple[float, float]
) -> None:
    found = paired_difference(*pairs(*cells))
    assert found.difference == pytest.approx((cells[1] - cells[2]) / sum(cells))
    assert (found.low, found.high) == pytest.approx(limits, abs=1.01e-4)


def test_an_uncorrected_phi_would_miss_newcombes_table() -> None:
    """Negative control: method 8 gives equal answers no width, and (20, 12, 2, 16) other limits."""
    equal = mover_difference(0.5, 0.5, 54, phi=1.0)
    assert equal.high - equal.low == pytest.approx(0)
    corrected = paired_difference(*pairs(27, 0, 0, 27))
    assert corrected.high - corrected.low > 0.05
    one, two = pairs(20, 12, 2, 16)
    phi = float(np.corrcoef(one, two)[0, 1])
    uncorrected = mover_difference(32 / 50, 22 / 50, 50, phi)
    assert (uncorrected.low, uncorrected.high) == pytest.approx((0.0618, 0.3242), abs=1e-4)


def test_without_correlation_it_is_newcombes_hybrid_score_interval() -> None:
    # The formula written out separately: d -+ z sqrt(limits' own variances), 17:873-890, method 10.
    (l1, u1), (l2, u2) = wilson(0.7, 20), wilson(0.4, 20)
    low = 0.3 - Z * math.sqrt(l1 * (1 - l1) / 20 + u2 * (1 - u2) / 20)
    high = 0.3 + Z * math.sqrt(u1 * (1 - u1) / 20 + l2 * (1 - l2) / 20)
    assert mover_difference(0.7, 0.4, 20) == pytest.approx((0.3, low, high))


def test_swapping_the_sides_mirrors_the_interval() -> None:
    one, two = pairs(20, 12, 2, 16)
    there, back = paired_difference(one, two), paired_difference(two, one)
    assert (back.low, back.high) == pytest.approx((-there.high, -there.low))


def test_pairing_narrows_when_companies_agree_and_widens_when_they_oppose() -> None:
    unpaired = mover_difference(0.64, 0.44, 50)
    agreeing = paired_difference(*pairs(22, 10, 0, 18))
    opposed = paired_difference(*pairs(8, 24, 14, 4))
    assert agreeing.high - agreeing.low < unpaired.high - unpaired.low
    assert opposed.high - opposed.low > unpaired.high - unpaired.low


def test_repeating_every_answer_gives_no_narrower_interval() -> None:
    """Several answers of a company count as one: their mean goes in, not their number."""
    one, two = pairs(20, 12, 2, 16)
    mean = paired_difference(np.mean([one] * 8, axis=0), np.mean([two] * 8, axis=0))
    assert mean == pytest.approx(paired_difference(one, two))
    pooled = paired_difference(one * 8, two * 8)  # the wrong variant
    assert pooled.high - pooled.low < 0.5 * (mean.high - mean.low)


def test_pearsons_phi_would_claim_certainty_that_means_do_not_have() -> None:
    """Negative control: perfectly correlated means of different spread still differ by company."""
    one = np.array([0.1, 0.9] * 10)
    two = np.array([0.4, 0.6] * 10)
    found = paired_difference(one, two)
    pearson = mover_difference(0.5, 0.5, 20, phi=float(np.corrcoef(one, two)[0, 1]))
    standard_error = float(np.std(one - two, ddof=1)) / math.sqrt(20)
    assert pearson.high < standard_error
    assert found.high > 2 * standard_error
    # covariance 0.4 * 0.1, moved by 1 / (2 * 20), over the 0/1 variance 0.5 * 0.5
    assert found == pytest.approx(mover_difference(0.5, 0.5, 20, phi=(0.04 - 0.025) / 0.25))


def test_equal_weights_change_nothing_and_unequal_ones_lower_n() -> None:
    one, two = pairs(20, 12, 2, 16)
    assert paired_difference(one, two, [3.0] * 50) == pytest.approx(paired_difference(one, two))
    # (1 + 1 + 2)^2 / (1 + 1 + 4) = 16 / 6
    assert effective_companies([1, 1, 2]) == pytest.approx(16 / 6)
    weighted = paired_difference([1, 0, 1], [0, 0, 1], [1, 1, 2])
    assert weighted.difference == pytest.approx(1 / 4)
    # p = 3/4, q = 2/4, covariance = 2/4 - 3/8 = 1/8, moved by 1 / (2 * 16/6) = 3/16 to 0
    assert weighted == pytest.approx(mover_difference(3 / 4, 2 / 4, 16 / 6, phi=0.0))


@pytest.mark.parametrize("weights", [None, np.linspace(0.1, 3.0, 7)])
def test_random_differences_hold_their_value_and_stay_within_minus_1_and_1(
    weights: np.ndarray | None,
) -> None:
    generator = np.random.default_rng(0)
    for _ in range(200):
        one, two = generator.integers(0, 5, (2, 7)) / 4
        found = paired_difference(one, two, weights)
        assert -1 <= found.low <= found.difference <= found.high <= 1
        assert found.high > found.low


def test_a_single_company_and_extreme_accuracies_have_an_interval() -> None:
    assert paired_difference([1.0], [0.0]).low < 1
    assert paired_difference([1.0] * 16, [1.0] * 16).high > 0.1


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        ([], [], "0 companies with 0"),
        ([1.0, 0.0], [1.0], "2 companies with 1"),
        ([1.0, math.nan], [1.0, 0.0], "1 of 2 first and 0 of 2 second"),
        ([1.0, 0.0], [1.2, -0.2], "0 of 2 first and 2 of 2 second"),
    ],
)
def test_paired_difference_refuses_and_says_both_numbers(first: list[float], second: list[float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        paired_difference(first, second)


def test_weights_that_are_not_above_zero_are_refused() -> None:
    with pytest.raises(ValueError, match="1 of 2 company weights"):
        paired_difference([1.0, 0.0], [1.0, 0.0], [1.0, 0.0])
