"""Winners shrink: several trials' effects drawn towards all of them."""

import doctest
import math

import pytest
from repurchase.stats import shrinkage
from repurchase.stats.shrinkage import shrunken
from scipy.optimize import brentq


def test_equal_errors_by_hand():
    """Effects 0, 3, 6 with errors of 1: their variance is 9, of which 1 is noise, so 8/9 is kept.

    The middle one's variance: 8/9 of 1 and (1/9) squared of the mean's 9/3.
    """
    found = shrunken([0, 3, 6], [1, 1, 1])

    assert (3.0, math.sqrt(8)) == pytest.approx((found.mean, found.deviation))
    assert [1 / 3, 3, 17 / 3] == pytest.approx([x.value for x in found.effects])
    half = 1.959963984540054 * math.sqrt(8 / 9 + 3 / 81)
    assert (3 - half, 3 + half) == pytest.approx(found.effects[1][1:])


def test_effects_that_differ_by_chance_alone_are_all_the_common_one():
    """Squares of 2 with 2 degrees of freedom leave nothing; the mean's error is 1 / sqrt(3)."""
    found = shrunken([-1, 0, 1], [1, 1, 1])

    assert 0 == found.deviation
    half = 1.959963984540054 / math.sqrt(3)
    for effect in found.effects:
        assert (0, -half, half) == pytest.approx(tuple(effect))


def test_uneven_errors_against_a_root_found_otherwise():
    """The less is known of an effect, the further it is drawn."""
    values, errors = [10.0, 2.0, -1.0, 30.0, 4.0], [3.0, 1.0, 2.0, 12.0, 0.5]

    def excess(variance):
        weights = [1 / (e * e + variance) for e in errors]
        mean = sum(w * v for w, v in zip(weights, values, strict=True)) / sum(weights)
        return sum(w * (v - mean) ** 2 for w, v in zip(weights, values, strict=True)) - 4

    variance = brentq(excess, 0, 1e4, xtol=1e-13)
    weights = [1 / (e * e + variance) for e in errors]
    mean = sum(w * v for w, v in zip(weights, values, strict=True)) / sum(weights)
    found = shrunken(values, errors)

    assert math.sqrt(variance) == pytest.approx(found.deviation, rel=1e-9)
    for value, error, effect in zip(values, errors, found.effects, strict=True):
        keep = variance / (variance + error**2)
        assert mean + keep * (value - mean) == pytest.approx(effect.value, rel=1e-9)
    assert found.effects[3].value < 16 < 30


def test_a_sum_shares_the_error_of_the_mean():
    """Effects that are all the mean: three of them are three times as uncertain, not 1.7 times.

    One alone is the effect itself.
    """
    alike = shrunken([-1, 0, 1], [1, 1, 1])
    third = 1.959963984540054 * 3 / math.sqrt(3)

    assert (0, -third, third) == pytest.approx(tuple(alike.total([1, 1, 1])))
    found = shrunken([0, 3, 6], [1, 1, 1])
    assert tuple(found.effects[2]) == pytest.approx(tuple(found.total([0, 0, 1])))
    half = 1.959963984540054 * math.sqrt(8 / 9 * (4 + 1) + (3 / 9) ** 2 * 3)
    total = found.total([2, 0, 1])
    assert 2 / 3 + 17 / 3 == pytest.approx(total.value)
    assert half == pytest.approx(total.high - total.value)


@pytest.mark.parametrize("told", [([1, 2], [1, 1]), ([1, 2, 3], [1, 1]), ([1, 2, 3], [1, 0, 1])])
def test_too_few_or_senseless_trials_are_refused(told):
    """Two effects tell nothing of how effects differ."""
    with pytest.raises(ValueError, match="must be"):
        shrunken(*told)


def test_the_examples_hold():
    """As printed in the code."""
    found = doctest.testmod(shrinkage)

    assert (0, 1) == (found.failed, found.attempted)
