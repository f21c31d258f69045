"""Intervals of shares and ratios against published and simulated values."""

import numpy as np
import pytest
from repurchase.stats.proportion import (
    Cross,
    Estimate,
    Moments,
    change_of,
    correlation,
    ratio,
    ratio_change,
    share_of_sums,
    wilson,
)


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [  # Newcombe 1998, table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_gives_the_published_intervals(successes, n, low, high):
    """Newcombe's four examples."""
    estimate = wilson(successes, n)

    assert low == pytest.approx(estimate.low, abs=5e-5)
    assert high == pytest.approx(estimate.high, abs=5e-5)


def test_wilson_of_all_reaches_exactly_one():
    """Twenty of twenty: the upper bound is one, the lower mirrors nought of twenty."""
    estimate = wilson(20, 20)

    assert (1.0, 1.0) == (estimate.value, estimate.high)
    assert 1 - 0.1611 == pytest.approx(estimate.low, abs=5e-5)


@pytest.mark.parametrize(("successes", "n"), [(1, 0), (-1, 5), (6, 5)])
def test_an_impossible_count_is_refused(successes, n):
    """Nobody out of nobody is no share."""
    with pytest.raises(ValueError, match="must be"):
        wilson(successes, n)


def _moments(a, b):
    return Moments(len(a), a.sum(), b.sum(), (a * a).sum(), (a * b).sum(), (b * b).sum())


def _cross(a, b, c, d):
    return Cross((a * c).sum(), (a * d).sum(), (b * c).sum(), (b * d).sum())


def test_a_ratio_of_four_units_by_pencil():
    """a = 1, 0, 1, 1 of b = 1, 1, 1, 1: 3/4 with variance 4/3 * (3/16 * 4) / 16."""
    a, b = np.array([1.0, 0, 1, 1]), np.ones(4)

    estimate = ratio(_moments(a, b))

    assert 0.75 == estimate.value
    assert 1.959963984540054 * 0.25 == pytest.approx(estimate.high - 0.75)


def test_a_change_against_itself_is_certainly_nothing():
    """The same customers with the same outcome in both windows: no change, no width."""
    rng = np.random.default_rng(1)
    a, b = rng.integers(0, 2, 50).astype(float), np.ones(50)

    change = ratio_change(_moments(a, b), _moments(a, b), _cross(a, b, a, b))

    assert (0.0, 0.0, 0.0) == pytest.approx(tuple(change), abs=1e-12)


def test_a_change_of_strangers_is_that_of_independent_samples():
    """Customers of one window only: the paired formula falls back to the two-sample one."""
    rng = np.random.default_rng(2)
    x, y = rng.integers(0, 2, 400).astype(float), rng.integers(0, 2, 300).astype(float)
    zeros = np.zeros
    a, b = np.r_[x, zeros(300)], np.r_[np.ones(400), zeros(300)]
    c, d = np.r_[zeros(400), y], np.r_[zeros(400), np.ones(300)]

    change = ratio_change(_moments(a, b), _moments(c, d), _cross(a, b, c, d))

    p, q = x.mean(), y.mean()
    half = 1.959963984540054 * np.sqrt(p * (1 - p) / 400 + q * (1 - q) / 300)
    assert p - q == pytest.approx(change.value)
    assert 2 * half == pytest.approx(change.high - change.low, rel=2e-3)


def test_the_paired_interval_covers_the_truth_where_two_intervals_would_not():
    """Over 1,000 companies with overlapping customers, 95 % intervals cover at a sound rate.

    An exact binomial test at .001 does not reject 95 % between 926 and 970 of 1,000 (METHODS,
    Calibration). Each customer's propensity is her own, so windows are correlated.
    """
    rng = np.random.default_rng(3)
    covered = 0
    for _ in range(1000):
        taste = rng.beta(1, 2, 600)
        here, there = rng.random((2, 600)) < 0.6
        a = ((rng.random(600) < taste) & here).astype(float)
        c = ((rng.random(600) < taste) & there).astype(float)
        b, d = here.astype(float), there.astype(float)
        change = ratio_change(_moments(a, b), _moments(c, d), _cross(a, b, c, d))
        covered += change.low <= 0 <= change.high

    assert 926 <= covered <= 970


@pytest.mark.parametrize(
    ("now", "then", "low", "high"),
    [  # Newcombe 1998, "Interval estimation for the difference", table II, method 10
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((0, 10), (0, 20), -0.1611, 0.2775),
        ((10, 10), (0, 20), 0.6791, 1.0),
    ],
)
def test_a_change_of_shares_gives_the_published_intervals(now, then, low, high):
    """Newcombe's examples, nought and all among them."""
    change = change_of(wilson(*now), wilson(*then))

    assert (low, high) == pytest.approx((change.low, change.high), abs=5e-5)


def test_what_errs_together_is_taken_off_a_change():
    """Intervals of 3 and 4 to each side: 5 apart, 1 and 7 at correlations of 1 and -1."""
    now, then = Estimate(10.0, 7.0, 13.0), Estimate(8.0, 4.0, 12.0)

    assert (2.0, -3.0, 7.0) == pytest.approx(tuple(change_of(now, then)))
    assert (2.0, 1.0, 3.0) == pytest.approx(tuple(change_of(now, then, 1.0)))
    assert (2.0, -5.0, 9.0) == pytest.approx(tuple(change_of(now, then, -1.0)))


def test_the_correlation_of_two_windows_is_that_of_their_residuals():
    """The same customers alike in both windows, the other way round, and strangers."""
    a, b = np.array([1.0, 0, 1, 0]), np.ones(4)
    alike = correlation(_moments(a, b), _moments(a, b), _cross(a, b, a, b))
    other = correlation(_moments(a, b), _moments(1 - a, b), _cross(a, b, 1 - a, b))
    certain = correlation(_moments(b, b), _moments(a, b), _cross(b, b, a, b))
    first, last = np.r_[a, np.zeros(4)], np.r_[np.zeros(4), a]
    here, there = np.r_[b, np.zeros(4)], np.r_[np.zeros(4), b]
    strangers = correlation(
        _moments(first, here), _moments(last, there), _cross(first, here, last, there)
    )

    assert (1.0, -1.0, 0.0, 0.0) == pytest.approx((alike, other, certain, strangers))


def test_a_share_of_sums_of_few_units_by_pencil():
    """a = 1, 0, 1, 1 of 1 each: four units, so t of 3; in log odds, by the error of the ratio."""
    estimate = share_of_sums(_moments(np.array([1.0, 0, 1, 1]), np.ones(4)))

    # variance 1/16 as for the ratio; t(3) = 3.18245; log odds of 3/4 are log 3
    half = 3.18245 * 0.25 / (0.75 * 0.25)
    assert 0.75 == estimate.value
    assert 1 / (1 + np.exp(half) / 3) == pytest.approx(estimate.low, rel=1e-4)
    assert 1 / (1 + np.exp(-half) / 3) == pytest.approx(estimate.high, rel=1e-4)


def test_a_share_of_sums_outside_of_the_unit_interval_is_a_plain_ratio():
    """More came back than was sold: -1/4 keeps its symmetric interval."""
    m = _moments(np.array([-2.0, 1, 0, 0]), np.ones(4))

    assert ratio(m) == share_of_sums(m)


def test_a_share_of_heavy_sums_covers_where_the_plain_interval_does_not():
    """Over 1,000 companies of 60 customers whose spending is very uneven (METHODS, Calibration)."""
    rng = np.random.default_rng(5)
    heavy, plain = 0, 0
    for _ in range(1000):
        b = np.exp(1.0 * rng.standard_normal(60))
        a = b * (rng.random(60) < 0.8)
        m = _moments(a, b)
        heavy += share_of_sums(m).low <= 0.8 <= share_of_sums(m).high
        plain += ratio(m).low <= 0.8 <= ratio(m).high

    assert 926 <= heavy <= 971
    assert plain < 926
