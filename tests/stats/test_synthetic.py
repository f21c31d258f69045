"""Mixes of controls are the best there are, and what is not the best does not pass."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from repurchase.stats import synthetic
from repurchase.stats.difference import NotComparable
from repurchase.stats.panel import Panel
from repurchase.stats.synthetic import (
    NotSolved,
    check_minimum,
    simplex,
    synthetic_control,
    synthetic_difference,
)
from scipy import optimize


def panel_of(y, treated, before, *, weight=None):
    y = np.asarray(y, float)
    weight = np.ones(y.shape) if weight is None else weight
    told = np.arange(y.shape[1]) < before
    return Panel(y, np.where(np.isnan(y), 0.0, weight), np.arange(len(y)) < treated,
                 told, ~told, 12)  # fmt: skip


def company(seed, treated, controls, periods=24, before=16, *, effect=0.0, level=0.0):
    """Units that follow two common factors, with errors that last (.3 a period)."""
    chance = np.random.default_rng(seed)
    units = treated + controls
    error = chance.normal(size=(units, periods))
    for t in range(1, periods):
        error[:, t] = 0.3 * error[:, t - 1] + math.sqrt(0.91) * error[:, t]
    factors = np.cumsum(chance.normal(size=(2, periods)), axis=1) / 2
    y = chance.normal(size=(units, 1)) + chance.normal(size=(units, 2)) * 0.3 @ factors + error
    y = y + chance.normal(size=periods) + level
    y[:treated, before:] += effect
    weight = chance.integers(20, 50, size=(units, 1)) * np.ones((1, periods))
    return panel_of(y, treated, before, weight=weight)


# ---- shares -------------------------------------------------------------------------------------


def best_by_every_set(design):
    """The smallest error over all sets of columns: equality-constrained least squares on each."""
    columns = design.shape[1]
    best, found = math.inf, None
    for size in range(1, columns + 1):
        for chosen in itertools.combinations(range(columns), size):
            part = design[:, chosen]
            system = np.block([[part.T @ part, np.ones((size, 1))], [np.ones((1, size)), 0.0]])
            shares = np.linalg.lstsq(system, np.eye(size + 1)[-1], rcond=None)[0][:size]
            error = float(((part @ shares) ** 2).sum())
            if (shares > -1e-9).all() and error < best - 1e-12:
                best, found = error, np.zeros(columns)
                found[list(chosen)] = shares
    return found


@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e6])
def test_shares_are_the_best_of_all_sets_of_controls(scale):
    """Six controls, so 63 sets: whatever the unit of money."""
    design = np.random.default_rng(3).normal(size=(12, 6)) + 0.3

    assert best_by_every_set(design) == pytest.approx(simplex(design * scale), abs=1e-7)


def test_shares_are_those_of_a_general_optimiser():
    """Well scaled and run to its end, SLSQP finds the same error and shares."""
    design = np.random.default_rng(4).normal(size=(40, 15)) + 0.2
    told = optimize.minimize(
        lambda w: ((design @ w) ** 2).sum(), np.full(15, 1 / 15),
        jac=lambda w: 2 * design.T @ (design @ w), bounds=[(0, 1)] * 15, method="SLSQP",
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1},
        options={"ftol": 1e-15, "maxiter": 1000},
    )  # fmt: skip

    assert told.x == pytest.approx(simplex(design), abs=1e-5)


def test_an_optimiser_that_stayed_where_it_began_does_not_pass():
    """Outcomes of about 1/10,000: SLSQP calls equal shares a success, and the effect is another.

    The same happened on a published case, where equal shares said -41.7 instead of -19.5.
    """
    panel = company(5, 1, 8, effect=3.0, level=5.0)
    small = panel.y * 1e-4
    design = (small[1:, :16] - small[0, :16]).T
    stuck = optimize.minimize(
        lambda w: ((design @ w) ** 2).sum(), np.full(8, 1 / 8), bounds=[(0, 1)] * 8,
        method="SLSQP", constraints={"type": "eq", "fun": lambda w: w.sum() - 1},
    )  # fmt: skip
    assert stuck.success and np.full(8, 1 / 8) == pytest.approx(stuck.x, abs=1e-3)

    with pytest.raises(NotSolved, match="could still be lowered"):
        check_minimum(design, stuck.x)

    scaled = Panel(small, panel.weight, panel.treated, panel.before, panel.after, 12)
    found = synthetic_control(scaled)
    wrong = float((small[0] - stuck.x @ small[1:])[16:].mean())
    assert synthetic_control(panel).effect.value == pytest.approx(found.effect.value * 1e4)
    assert abs(wrong - found.effect.value) > 0.1e-4


@pytest.mark.parametrize("shares", [[0.5, 0.6], [1.2, -0.2]])
def test_what_are_no_shares_does_not_pass(shares):
    """They sum to one and none is negative."""
    with pytest.raises(NotSolved, match="do not sum"):
        check_minimum(np.eye(2), np.array(shares))


def test_a_solver_that_gives_up_is_named(monkeypatch):
    """And passes as nothing."""

    def gives_up(*_):
        raise RuntimeError("Maximum number of iterations reached.")

    monkeypatch.setattr(synthetic.optimize, "nnls", gives_up)

    with pytest.raises(NotSolved, match="iterations"):
        simplex(np.eye(3))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 12), st.integers(1, 30))
def test_no_other_shares_are_better(seed, rows, columns):
    """More controls than periods or fewer: none of many random mixes has a smaller error."""
    chance = np.random.default_rng(seed)
    design = chance.normal(size=(rows, columns)) + chance.normal()
    found = ((design @ simplex(design)) ** 2).sum()

    others = chance.dirichlet(np.full(columns, 0.3), size=200)

    assert found <= ((others @ design.T) ** 2).sum(axis=1).min() + 1e-6 * (1 + found)


# ---- synthetic control --------------------------------------------------------------------------


def test_a_mix_that_is_exact_is_found():
    """The treated are .3 of one and .7 of another, and 2 more after, 4 in the last period, which
    weighs three times as much: (7 x 2 + 3 x 4) / 10."""
    y = np.random.default_rng(1).normal(size=(5, 24))
    y[0] = 0.3 * y[2] + 0.7 * y[4]
    y[0, 16:] += 2
    y[0, 23] += 2
    weight = np.ones((5, 24))
    weight[:, 23] = 3

    found = synthetic_control(panel_of(y, 1, 16, weight=weight))

    assert [0, 0.3, 0, 0.7] == pytest.approx(found.weights.tolist(), abs=1e-7)
    assert (2.6, 0.0) == pytest.approx((found.effect.value, found.pre_rmspe), abs=1e-6)
    assert 0.0 == pytest.approx(found.hold_out_error, abs=1e-6)
    assert 1 / 5 == found.ratio_p and (1, 2, 3, 4) == found.controls
    assert found.expected[16:] == pytest.approx((0.3 * y[2] + 0.7 * y[4])[16:], abs=1e-6)


def test_controls_with_gaps_and_treated_with_gaps():
    """A control with a gap is left out and counted; so are treated, with the share they hold."""
    panel = company(2, 3, 6)
    y = panel.y.copy()
    y[0, 20], y[5, 3] = np.nan, np.nan

    found = synthetic_control(panel_of(y, 3, 16, weight=panel.weight))

    held = np.where(np.isnan(y), 0, panel.weight)[:3, 16:].sum(axis=1)
    assert (1, (3, 4, 6, 7, 8)) == (found.dropped, found.controls)
    assert 1 - held[0] / held.sum() == pytest.approx(found.covered)


def test_placebos_are_the_same_read_of_each_control():
    """As if it had been treated; and leaving out is fitting without."""
    panel = company(3, 1, 5, effect=2.0)

    found = synthetic_control(panel)

    for unit, value in found.placebo_units:
        order = [unit, *(i for i in range(1, 6) if i != unit)]
        own = panel_of(panel.y[order], 1, 16)
        assert value == pytest.approx(synthetic_control(own).effect.value)
    assert [1, 2, 3, 4, 5] == [p.unit for p in found.placebo_units]
    assert found.leave_one_out
    for unit, value in found.leave_one_out:
        rest = panel_of(np.delete(panel.y, unit, axis=0), 1, 16)
        assert value == pytest.approx(synthetic_control(rest).effect.value)


def test_what_is_missing_is_named():
    """Nobody untreated, or nothing before."""
    with pytest.raises(NotComparable) as alone:
        synthetic_control(panel_of(np.ones((2, 4)), 2, 2))
    with pytest.raises(NotComparable) as late:
        synthetic_difference(panel_of(np.ones((2, 4)), 1, 0))

    assert ("no_controls", "no_before") == (alone.value.why, late.value.why)


def test_too_few_periods_bound_nothing():
    """Three before cannot be cut in thirds of two."""
    found = synthetic_control(company(4, 2, 5, 5, 3))

    assert "cross_fitted" == found.interval
    assert (-math.inf, math.inf) == found.effect[1:3]


@pytest.mark.parametrize(
    ("periods", "before", "interval"), [(36, 24, "conformal"), (16, 12, "cross_fitted")]
)
def test_the_interval_holds_the_truth_as_often_as_it_says(periods, before, interval):
    """An effect of 1 on companies with common factors: within 3 binomial errors of 95 in 100."""
    held = 0
    for seed in range(60):
        found = synthetic_control(company(seed, 5, 15, periods, before, effect=1.0))
        held += found.effect.low <= 1 <= found.effect.high
        assert interval == found.interval

    assert held / 60 >= 0.95 - 3 * math.sqrt(0.95 * 0.05 / 60)


# ---- synthetic difference-in-differences --------------------------------------------------------


@pytest.mark.parametrize("treated", [1, 3, 6])
def test_levels_and_common_months_are_taken_out_exactly(treated):
    """Units apart by their levels, months by what all share: the effect of 2 to the last digit,
    where synthetic control cannot reach the treated's level."""
    y = np.arange(12.0)[::-1, None] * 5 + np.sin(np.arange(20.0))
    y[:treated, 12:] += 2

    found = synthetic_difference(panel_of(y, treated, 12))

    assert 2.0 == pytest.approx(found.effect.value, abs=1e-6)
    assert found.seen[:12] == pytest.approx(found.expected[:12], abs=1e-6)
    assert (1.0, 1.0) == pytest.approx((found.weights.sum(), found.time_weights.sum()))


def test_shares_are_those_of_the_paper_by_a_general_optimiser():
    """Unit shares with an intercept and the ridge zeta = (treated x after)^(1/4) x the spread of
    the controls' steps, written out and minimised by SLSQP."""
    panel = company(6, 1, 7)
    y, x = panel.y[0, :16], panel.y[1:, :16]
    zeta = (1 * 8) ** 0.25 * np.diff(x, axis=1).std(ddof=1)

    def loss(p):
        return ((p[0] + p[1:] @ x - y) ** 2).sum() + zeta**2 * 16 * (p[1:] ** 2).sum()

    told = optimize.minimize(
        loss, np.r_[0, np.full(7, 1 / 7)], bounds=[(None, None)] + [(0, 1)] * 7, method="SLSQP",
        constraints={"type": "eq", "fun": lambda p: p[1:].sum() - 1},
        options={"ftol": 1e-14, "maxiter": 1000},
    )  # fmt: skip

    found = synthetic_difference(panel)

    assert told.x[1:] == pytest.approx(found.weights, abs=1e-4)
    gap = panel.y[0] - found.weights @ panel.y[1:]
    value = gap[16:].mean() - found.time_weights @ gap[:16]
    assert value == pytest.approx(found.effect.value)


def test_the_error_of_one_treated_is_that_of_its_placebos():
    """Each control once as treated; of many treated it is the jackknife."""
    one, many = synthetic_difference(company(7, 1, 9)), synthetic_difference(company(7, 8, 9))

    assert ("placebo", "jackknife") == (one.method, many.method)
    assert 9 == len(one.placebo_units) and 0 == len(many.placebo_units)
    assert one.placebo_units.std(ddof=1) == pytest.approx(one.effect.se)


def test_the_jackknife_by_hand():
    """Shares as they are, each unit left out in turn: (n - 1) / n times the sum of squares."""
    panel = company(8, 6, 7)

    found = synthetic_difference(panel)

    effects = []
    for i in range(13):
        own = np.delete(np.arange(6), i) if i < 6 else np.arange(6)
        mean = np.average(panel.y[own], axis=0, weights=panel.weight[own, 0])
        shares = found.weights.copy()
        if i >= 6:
            shares[i - 6] = 0
            shares /= shares.sum()
        gap = mean - shares @ panel.y[6:]
        effects.append(gap[16:].mean() - found.time_weights @ gap[:16])
    spread = 12 / 13 * ((effects - np.mean(effects)) ** 2).sum()
    assert math.sqrt(spread) == pytest.approx(found.effect.se)


@pytest.mark.parametrize(("treated", "controls"), [(1, 12), (8, 15)])
def test_its_interval_holds_the_truth_as_often_as_it_says(treated, controls):
    """An effect of 1: within 3 binomial errors of 95 in 100."""
    held = 0
    for seed in range(80):
        panel = company(seed, treated, controls, 30, 20, effect=1.0)
        found = synthetic_difference(panel, draws=60).effect
        held += found.low <= 1 <= found.high

    assert held / 80 >= 0.95 - 3 * math.sqrt(0.95 * 0.05 / 80)


# ---- what must not matter -----------------------------------------------------------------------


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([1e-3, 1.0, 1e4]))
def test_order_and_scale_do_not_matter(seed, scale):
    """Controls in another order, money in another unit, sizes counted in hundreds."""
    panel = company(seed, 2, 6, 22, 14)
    order = np.r_[[1, 0], 2 + np.random.default_rng(seed).permutation(6)]
    other = panel_of(panel.y[order] * scale, 2, 14, weight=panel.weight[order] / 100)

    one, two = synthetic_control(panel), synthetic_control(other)
    three, four = synthetic_difference(panel), synthetic_difference(other)

    assert one.effect.value * scale == pytest.approx(two.effect.value, rel=1e-5, abs=1e-5 * scale)
    assert one.effect.low * scale == pytest.approx(two.effect.low, rel=1e-2, abs=1e-2 * scale)
    by_unit = {int(order[c]): w for c, w in zip(two.controls, two.weights, strict=True)}
    assert dict(zip(one.controls, one.weights, strict=True)) == pytest.approx(by_unit, abs=1e-5)
    assert three.effect.value * scale == pytest.approx(
        four.effect.value, rel=1e-5, abs=1e-5 * scale
    )
