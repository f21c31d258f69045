"""Shifted beta-geometric against Fader and Hardie's two cohorts and a planted truth."""

import numpy as np
import pytest
from repurchase.stats.fitting import NotFitted
from repurchase.stats.sbg import fit_renewals, renewal_rate, still_there

# Fader & Hardie 2007, tables of a cohort of 1,000 over seven renewals; METHODS 2, sBG
REGULAR = [63.1, 46.8, 38.2, 32.6, 28.9, 26.2, 24.1]
HIGH_END = [86.9, 74.3, 65.3, 59.3, 55.1, 51.7, 49.1]


def cohort(percent):
    """Who left at each renewal, and who was there after the last, of 1,000 members."""
    there = np.r_[1000, 10 * np.array(percent)]
    return -np.diff(there), np.r_[np.zeros(len(percent) - 1), there[-1]]


@pytest.mark.parametrize(
    ("percent", "alpha", "beta", "likelihood", "forecast"),
    [
        (REGULAR, 0.704077, 1.182043, -1680.26519, [22.01, 20.44, 19.12, 17.99, 17.00]),
        (HIGH_END, 0.668088, 3.806095, -1611.15815, [46.04, 43.58, 41.42, 39.51, 37.80]),
    ],
)
def test_the_two_published_cohorts_come_out(percent, alpha, beta, likelihood, forecast):
    """Parameters and the forecast of renewals 8 to 12 (METHODS 2, sBG)."""
    model = fit_renewals(*cohort(percent))

    assert (alpha, beta) == pytest.approx((model.alpha, model.beta), rel=2e-6)
    assert likelihood == pytest.approx(model.log_likelihood, abs=1e-5)
    projected = 100 * still_there(model, np.arange(8, 13))
    assert forecast == pytest.approx(projected.tolist(), abs=5e-3)
    assert 1000 == model.members


def test_survival_is_the_product_of_renewal_rates():
    """Everybody is there before the first renewal; the rate rises as the fickle leave."""
    model = fit_renewals(*cohort(REGULAR))
    rates = renewal_rate(model, np.arange(1, 6))

    assert 1.0 == pytest.approx(still_there(model, 0))
    assert np.cumprod(rates).tolist() == pytest.approx(still_there(model, np.arange(1, 6)).tolist())
    assert (np.diff(rates) > 0).all()


def test_cohorts_of_different_age_add_up_to_the_planted_truth():
    """20,000 members, each seen for one to eight renewals: the young are not taken as loyal."""
    rng = np.random.default_rng(1)
    leaves, seen = rng.geometric(rng.beta(0.7, 1.2, 20_000)), rng.integers(1, 9, 20_000)
    left = leaves <= seen
    lost = np.bincount(leaves[left], minlength=9)[1:]
    there = np.bincount(seen[~left], minlength=9)[1:]

    model = fit_renewals(lost, there)

    off = np.log([model.alpha / 0.7, model.beta / 1.2]) / np.sqrt(np.diag(model.covariance))
    assert [0, 0] == pytest.approx(off.tolist(), abs=3.5)


@pytest.mark.parametrize(
    ("lost", "there", "why"),
    [
        ([0, 0], [0, 0], {"too_few"}),
        ([5], [9], {"too_few"}),
        ([0, 0], [0, 9], {"at_limit"}),
        ([9, 0], [0, 0], {"at_limit", "flat", "not_converged"}),
    ],
)
def test_a_cohort_that_shows_nothing_is_not_fitted(lost, there, why):
    """Nobody, one renewal, nobody left, everybody left at once."""
    with pytest.raises(NotFitted) as refused:
        fit_renewals(lost, there)

    assert refused.value.why in why


def test_impossible_counts_are_refused():
    """Negative and uneven arrays are mistakes of the caller."""
    with pytest.raises(ValueError, match="lost and still_there"):
        fit_renewals([1, -1], [0, 1])
    with pytest.raises(ValueError, match="lost and still_there"):
        fit_renewals([1, 1], [0])
