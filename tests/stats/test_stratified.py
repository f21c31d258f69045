"""Differences within strata, by hand, against least squares, and on simulated customers."""

import numpy as np
import pytest
import statsmodels.api as sm
from repurchase.stats.proportion import Z95
from repurchase.stats.stratified import (
    Stratum,
    common_difference,
    mantel_haenszel,
    of_clusters,
)

# In each stratum the group is ten points better, but most of it stands where all are bad.
TWO = [Stratum(80, 16, 20, 2), Stratum(20, 12, 80, 40)]


def test_the_common_difference_is_that_within_the_strata():
    """The plain difference of the totals is 28 less 42 of a hundred: of the other sign."""
    found = common_difference(TWO)

    assert (pytest.approx(0.1), 32.0, 100, 100) == found


def test_satos_interval_by_hand():
    """P = 80² 2 - 20² 16 + 80 20 (-60) / 2, over 100², and so on: variance .1 ΣP + ΣQ over 32²."""
    p = (6400 * 2 - 400 * 16 + 1600 * -30) / 1e4 + (400 * 40 - 6400 * 12 + 1600 * 30) / 1e4
    q = (16 * 18 + 2 * 64) / 200 + (12 * 40 + 40 * 8) / 200
    half = Z95 * ((0.1 * p + q) / 32**2) ** 0.5

    assert (0.1, 0.1 - half, 0.1 + half) == pytest.approx(mantel_haenszel(TWO))


def test_one_stratum_is_the_plain_difference_of_two_shares():
    """Sato's variance is then p (1 - p) / n of both."""
    half = Z95 * (0.3 * 0.7 / 50 + 0.2 * 0.8 / 50) ** 0.5
    found = mantel_haenszel([Stratum(50, 15, 50, 10)])

    assert (0.1, 0.1 - half, 0.1 + half) == pytest.approx(found)


def test_strata_with_one_group_alone_say_nothing():
    """They change no digit; without any other there is no difference at all."""
    alone = Stratum(30, 30, 0, 0)

    assert mantel_haenszel(TWO) == mantel_haenszel([alone, *TWO, Stratum(0, 0, 9, 1)])
    assert mantel_haenszel([alone]) is None
    assert common_difference([]) is None


def _clustered(rng, customers=400, effect=0.0):
    """Rows of customers who get several messages: (customer, stratum, x, y)."""
    rows = []
    for customer in range(customers):
        own = rng.beta(1, 4)
        for _ in range(rng.integers(1, 6)):
            stratum = int(rng.integers(0, 4))
            x = int(rng.random() < 0.2 + 0.15 * stratum)
            rows.append((customer, stratum, x, int(rng.random() < own / 2 + 0.05 * stratum
                                                   + effect * x)))  # fmt: skip
    return np.array(rows)


def _estimate(rows):
    """As the engine sums it: counts by stratum first, then squares by customer."""
    customer, stratum, x, y = rows.T
    strata = [
        Stratum(*(float(part) for s in (1, 0) for part in ((mine & (x == s)).sum(),
                                                           y[mine & (x == s)].sum())))
        for mine in (stratum == k for k in np.unique(stratum))
    ]  # fmt: skip
    found = common_difference(strata)
    mean_x = np.array([x[stratum == k].mean() for k in stratum])
    mean_y = np.array([y[stratum == k].mean() for k in stratum])
    part = (x - mean_x) * (y - mean_y - found.value * (x - mean_x))
    squares = float((np.bincount(customer, weights=part) ** 2).sum())
    return of_clusters(found, squares, len(np.unique(customer)))


def test_clusters_as_statsmodels_has_them():
    """Least squares with a dummy a stratum and a covariance by customer, without its n - k."""
    rows = _clustered(np.random.default_rng(3))
    customer, stratum, x, y = rows.T
    design = np.column_stack([x, *(stratum == k for k in np.unique(stratum))]).astype(float)
    fit = sm.OLS(y, design).fit(cov_type="cluster", cov_kwds={"groups": customer})
    n, k = design.shape
    error = fit.bse[0] * ((n - k) / (n - 1)) ** 0.5
    found = _estimate(rows)

    assert fit.params[0] == pytest.approx(found.value)
    assert error * Z95 == pytest.approx(found.high - found.value)


def test_intervals_of_clusters_hold_the_truth():
    """Of 300 companies without a difference the interval leaves 0 out in about one of twenty."""
    rng = np.random.default_rng(7)
    found = [_estimate(_clustered(rng, customers=150)) for _ in range(300)]
    wrong = sum(not e.low <= 0 <= e.high for e in found)

    # an exact binomial test at .001 does not reject 5 % between 5 and 29 of 300
    assert 5 <= wrong <= 29


def test_no_variance_is_no_interval():
    """One customer alone, or a share that never varies, is not called sure."""
    assert of_clusters(common_difference(TWO), 1.0, 1) is None
    assert mantel_haenszel([Stratum(50, 0, 50, 0)]) is None
