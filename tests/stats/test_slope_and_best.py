"""A line through what is unequally sure, and the chance of each arm to be the best."""

import math

import numpy as np
import pytest
from repurchase.stats.best import chance_best
from repurchase.stats.slope import weighted_slope
from repurchase.stats.trial import beta_binomial, normal_effect


def test_the_weighted_slope_is_what_a_pencil_finds():
    """Values 2, 1, 0, 1 at weeks 1 to 4 with variances 1, 1, 1 and 2.

    Weights 1, 1, 1, .5 sum to 3.5, mean week 8 / 3.5 = 16/7; the sum of weighted squares is
    81/49 + 4/49 + 25/49 + .5 * 144/49 = 182/49, that of products
    (-9 * 2 - 2 * 1 + 0 + .5 * 12 * 1) / 7 = -2: the slope is -98/182 = -7/13, its variance 49/182.
    """
    found = weighted_slope([1, 2, 3, 4], [2.0, 1.0, 0.0, 1.0], np.diag([1.0, 1.0, 1.0, 2.0]))

    assert -7 / 13 == pytest.approx(found.slope.value, rel=1e-12)
    assert math.sqrt(49 / 182) == pytest.approx(found.error, rel=1e-12)
    assert found.p == pytest.approx(math.erfc(7 / 13 / math.sqrt(49 / 182) / math.sqrt(2)))


def test_weeks_that_move_together_make_the_slope_surer_or_less_sure():
    """Three weeks: the slope is (last - first) / 2, so its variance (1 + 1 - 2 r) / 4."""
    for r in (0.6, 0.0, -0.6):
        shared = np.eye(3)
        shared[0, 2] = shared[2, 0] = r
        found = weighted_slope([1, 2, 3], [4.0, 9.0, 6.0], shared)
        assert (1.0, math.sqrt((2 - 2 * r) / 4)) == pytest.approx(
            (found.slope.value, found.error))  # fmt: skip


def test_two_values_have_no_slope_that_could_be_tested():
    """Nor have values at one place."""
    with pytest.raises(ValueError, match="three values"):
        weighted_slope([1, 2], [1.0, 2.0], np.eye(2))
    with pytest.raises(ValueError, match="three values"):
        weighted_slope([1, 1, 1], [1.0, 2.0, 3.0], np.eye(3))


def test_of_two_arms_the_better_is_told_by_the_normal_difference():
    """Both errors together are that of the difference."""
    found = chance_best([10.0, 10.5], [0.3, 0.4])

    assert normal_effect(0.5, 0.5).chance == pytest.approx(found[1], abs=1e-10)
    assert 1.0 == pytest.approx(sum(found), abs=1e-12)


def test_of_several_arms_the_chances_are_those_of_many_draws():
    """A million draws, one arm far less sure than the others."""
    means, errors = [0.0, 0.4, 0.5, -1.0], [0.2, 0.3, 0.2, 1.5]
    drawn = np.random.default_rng(4).normal(means, errors, (1_000_000, 4)).argmax(axis=1)
    shares = np.bincount(drawn, minlength=4) / 1_000_000

    assert shares.tolist() == pytest.approx(chance_best(means, errors), abs=0.002)


def test_shares_of_millions_of_units_are_compared_too():
    """By the normal approximation, which holds there."""
    n, a, b = 2_000_000, 200_000, 200_400
    error = math.sqrt(sum(k / n * (1 - k / n) / n for k in (a, b)))
    found = beta_binomial((a, n), (b, n))
    normal = normal_effect((b - a) / n, error)

    assert normal.chance == pytest.approx(found.chance, abs=1e-4)
    assert normal.risk == pytest.approx(found.risk, rel=1e-2)
    assert beta_binomial((0, 10), (10, 10)).chance > 0.9999
