"""Units chosen for doing badly come back by themselves, by as much as is expected."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from repurchase.stats.difference import NotComparable
from repurchase.stats.panel import Panel
from repurchase.stats.reversion import reliability, reversion


def panel_of(y, treated, before, weight=None):
    y = np.asarray(y, float)
    weight = np.where(np.isnan(y), 0.0, 1.0 if weight is None else weight)
    before = np.arange(y.shape[1]) < before
    return Panel(y, weight, np.asarray(treated), before, ~before, 12)


def test_by_pencil():
    """Halves (1, 2, 3, 4) and (2, 1, 4, 3) correlate by .6, so whole windows by 1.2 / 1.6 = .75;
    the two lowest stand 1 below the mean of 2.5 and are to rise by a quarter of it.

    Fisher's interval of .6 with n - 3 = 1: tanh(atanh(.6) -+ 1.96).
    """
    y = [[1, 2, 9], [2, 1, 9], [3, 4, 0], [4, 3, 0]]

    found = reversion(panel_of(y, [True, True, False, False], 2))

    low, high = (math.tanh(math.atanh(0.6) + side * 1.959963984540054) for side in (-1, 1))
    assert (0.6, 0.75, -1.0, 4) == pytest.approx(
        (found.correlation, found.reliability, found.gap, found.units)
    )
    assert (0.25, 1 - reliability(high), 1.0) == pytest.approx(found.expected[:3])
    assert (low, high) == pytest.approx((found.correlation_low, found.correlation_high))


@pytest.mark.parametrize("chosen_by", [1, 3, 8])
def test_the_lowest_fifth_rises_as_expected(chosen_by):
    """With no effect at all: what 400 of 2,000 units rise by is inside the interval, whichever last
    periods they were chosen by, and is far from nothing."""
    chance = np.random.default_rng(5)
    y = chance.normal(size=(2000, 1)) + 2 * chance.normal(size=(2000, 16)) + np.arange(16)
    score = y[:, 8 - chosen_by : 8].mean(axis=1)
    treated = score < np.quantile(score, 0.2)

    found = reversion(panel_of(y, treated, 8))

    rise = y[:, 8:].mean(axis=1) - y[:, :8].mean(axis=1)
    seen = rise[treated].mean() - rise.mean()
    error = rise[treated].std() / math.sqrt(treated.sum())
    # reliability of a mean of 8: 1 / (1 + 4 / 8)
    assert 2 / 3 == pytest.approx(found.reliability, abs=0.03)
    assert found.expected.low - 2 * error < seen < found.expected.high + 2 * error
    assert found.expected.value > 4 * error


def test_units_that_do_not_change_do_not_come_back():
    """What is always the same below the others stays there."""
    y = np.repeat(np.arange(6.0)[:, None], 5, axis=1)

    found = reversion(panel_of(y, np.arange(6) < 2, 4))

    assert (0.0, -2.0) == pytest.approx((found.expected.value, found.gap))


def test_three_units_say_nothing_of_it():
    """Then all or nothing of the distance may come back."""
    found = reversion(panel_of([[1, 2, 3], [3, 4, 4], [5, 4, 3]], [True, False, False], 2))

    assert (0.0, -found.gap) == pytest.approx(found.expected[1:3])


def test_what_cannot_be_told_is_refused():
    """One period before has no halves; nobody untreated leaves no mean to come back to."""
    with pytest.raises(NotComparable) as short:
        reversion(panel_of([[1, 2], [2, 1]], [True, False], 1))
    with pytest.raises(NotComparable) as alone:
        reversion(panel_of([[1, 2, 1], [2, 1, 1]], [True, True], 2))

    assert ("no_before", "no_controls") == (short.value.why, alone.value.why)


@given(st.integers(0, 2**32 - 1), st.floats(0.1, 10), st.floats(-5, 5))
def test_order_scale_and_common_months_do_not_matter(seed, scale, shift):
    """Units in another order, money in another unit, a month that was good for everyone."""
    chance = np.random.default_rng(seed)
    y = chance.normal(size=(9, 7)) + chance.normal(size=(9, 1))
    treated, order = np.arange(9) < 3, chance.permutation(9)
    other = (y * scale + shift * np.arange(7))[order]

    one, two = reversion(panel_of(y, treated, 5)), reversion(panel_of(other, treated[order], 5))

    assert one.correlation == pytest.approx(two.correlation, abs=1e-9)
    assert [v * scale for v in one.expected[:3]] == pytest.approx(two.expected[:3], abs=1e-8)
