"""Draws have the quantiles that they were told, and are the same for the same seed."""

import numpy as np
import pytest
from repurchase.stats.proportion import Estimate
from repurchase.stats.uncertain import spread, strata, triangular, two_sided


def test_each_factor_is_spread_evenly_and_none_follows_another():
    """Every 20th part holds its twentieth; the order differs; a seed gives the same again."""
    u = strata(2000, 3, seed=1)

    assert [100] * 20 == np.histogram(u[0], bins=20, range=(0, 1))[0].tolist()
    assert abs(np.corrcoef(u)[0, 1]) < 0.06
    assert (u == strata(2000, 3, seed=1)).all()
    assert (u != strata(2000, 3, seed=2)).any()


def test_an_estimate_keeps_its_interval():
    """A lopsided interval comes back with both ends and its value as the median."""
    told = Estimate(10.0, 4.0, 12.0)
    draws = two_sided(strata(40_000, 1, seed=3)[0], told)

    found = (np.median(draws), *spread(draws, 10.0)[1:])
    assert (10.0, 4.0, 12.0) == pytest.approx(found, abs=2e-3)


def test_a_triangle_has_its_mean_and_ends():
    """Mean (low + likely + high) / 3, variance (a2 + b2 + c2 - ab - ac - bc) / 18."""
    draws = triangular(strata(40_000, 1, seed=3)[0], 0.9, 0.96, 1.0)

    assert 2.86 / 3 == pytest.approx(draws.mean(), abs=1e-5)
    assert (0.81 + 0.9216 + 1 - 0.864 - 0.9 - 0.96) / 18 == pytest.approx(draws.var(), rel=1e-3)
    assert 0.9 <= draws.min() < 0.901 and 0.999 < draws.max() <= 1.0
    assert (1.0, 1.0) == (triangular(draws, 1, 1, 1).min(), triangular(draws, 1, 1, 1).max())


def test_bounds_out_of_order_are_refused():
    """The likeliest value lies between the ends."""
    with pytest.raises(ValueError, match="low <= likely <= high"):
        triangular(np.array([0.5]), 1.0, 0.9, 1.1)
