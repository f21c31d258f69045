"""Cash against METHODS' numbers, the articles' arithmetic, and numpy's own polynomial roots."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from repurchase.stats.finance import irr, meanings, npv, payback, rise, roi

# METHODS, section 3, "Finance"
CASH = (-1000, 300, 400, 500, 200)


def test_the_reference_cash():
    """NPV at 10 % 115.5659, IRR 15.3221 %, payback 2.6, discounted 3.154 periods (METHODS)."""
    assert 115.5659 == pytest.approx(npv(CASH, 0.1), abs=5e-5)
    assert 15.3221 == pytest.approx(100 * irr(CASH), abs=5e-5)
    assert 2.6 == pytest.approx(payback(CASH))
    assert 3.154 == pytest.approx(payback(CASH, 0.1), abs=5e-4)


def test_the_articles_roi():
    """180 gained on 70 of system and 30 of labour: 80 left, 80 % (SOURCES T15, T8)."""
    assert (0.8, 0.3) == (roi(180, 70 + 30), roi(130, 100))
    assert roi(180, 0) is None


@pytest.mark.parametrize(
    ("before", "after", "points", "percent"),
    [(0.4, 0.78, 38, 95.0), (0.3, 0.8, 50, 166.7), (0.3, 0.55, 25, 83.3)],
)
def test_points_and_per_cent_are_told_apart(before, after, points, percent):
    """The articles' three rises (SOURCES T7, T8, T9): points and per cent of the first."""
    found = rise(before, after)

    assert points == pytest.approx(100 * found.points)
    assert percent == pytest.approx(100 * found.relative, abs=0.05)


def test_a_rise_from_nothing_has_no_per_cent():
    """What was 0 or lost money has no base to be a share of."""
    assert (0.8, None) == tuple(rise(0.0, 0.8))
    assert rise(-0.2, 0.3).relative is None


def test_reaches_80_is_not_rises_80():
    """From 30 %: reaches 80, rises to 110 by points, or to 54 by per cent (SOURCES T8, T16)."""
    found = meanings(0.8, 0.3)

    assert {"reaches": 0.8, "rises_points": 1.1, "rises_relative": 0.54} == pytest.approx(found)
    assert (0.8, None, None) == tuple(meanings(0.8, None).values())


def test_cash_that_turns_twice_has_no_one_rate():
    """-100, 230, -132 has two rates, 10 and 20 %; another has three: none of them is told."""
    assert 0 == pytest.approx(npv((-100, 230, -132), 0.1), abs=1e-9)
    assert 0 == pytest.approx(npv((-100, 230, -132), 0.2), abs=1e-9)
    assert irr((-100, 230, -132)) is None
    three = (-1.0, 3.6, -4.31, 1.716)  # -(x - 1.1)(x - 1.2)(x - 1.3)
    assert [0] * 3 == pytest.approx([npv(three, r) for r in (0.1, 0.2, 0.3)], abs=1e-9)
    assert irr(three) is None
    assert irr((-100, -5)) is None


def test_a_total_loss_but_for_a_penny_has_a_rate_below_zero():
    """100 for 10 back a period later is -90 %."""
    assert -0.9 == pytest.approx(irr((-100, 10)))


def test_what_slips_back_is_paid_back_only_when_it_stays():
    """-100, 150, -100, 100: above 0 after 2/3 of a period, for good after 2.5."""
    assert 2.5 == pytest.approx(payback((-100, 150, -100, 100)))
    assert payback((-100, 50, 49)) is None
    assert 0.0 == payback((0, 10))


@settings(max_examples=60, deadline=None)
@given(
    spent=st.floats(10, 1e4),
    back=st.lists(st.floats(0, 1e4), min_size=1, max_size=30),
    shift=st.integers(-5, 5),
)
def test_the_rate_is_the_only_positive_root_of_the_polynomial(spent, back, shift):
    """Against numpy.roots; neither the unit nor when the clock begins matters."""
    assume(sum(back) > spent / 2)
    cash = [-spent, *back]
    found = irr(cash, [k + shift for k in range(len(cash))])
    roots = np.roots(cash)  # in x = 1 + rate
    real = roots.real[(abs(roots.imag) < 1e-9) & (roots.real > 0.02)]

    assert found is not None
    assert np.min(abs(real - 1 - found)) < 1e-6
    assert found == pytest.approx(irr([100 * c for c in cash]), rel=1e-6, abs=1e-9)


def test_times_must_fit():
    """An amount without a time is refused."""
    with pytest.raises(ValueError, match="1 times for 2 amounts"):
        npv((1, 2), 0.1, [0])
    with pytest.raises(ValueError, match="rate == -1"):
        npv((1, 2), -1)
