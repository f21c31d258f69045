"""Changes and differences of changes, against a pencil, Card & Krueger and statsmodels."""

import csv
import math

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from repurchase.stats.difference import (
    FEW_UNITS,
    MANY_UNITS,
    NotComparable,
    _Absorbed,
    _joint_p,
    _regress,
    _Wild,
    difference_in_differences,
    naive,
    ols,
    season_matched,
)
from repurchase.stats.panel import Panel


def panel_of(y, treated, before, *, weight=None, left_out=(), season=12):
    """nan was not seen; `before` is the number of periods before, the others are after."""
    y = np.asarray(y, float)
    weight = np.ones(y.shape) if weight is None else np.asarray(weight, float)
    periods = np.arange(y.shape[1])
    used = ~np.isin(periods, left_out)
    return Panel(y, np.where(np.isnan(y), 0.0, weight), np.asarray(treated),
                 (periods < before) & used, (periods >= before) & used, season)  # fmt: skip


def company(seed, treated, controls, periods=12, before=6, *, effect=0.0, gaps=0.0):
    """Units with levels, common months and errors that last (.5 a period), and sizes."""
    chance = np.random.default_rng(seed)
    units = treated + controls
    error = chance.normal(size=(units, periods))
    for t in range(1, periods):
        error[:, t] = 0.5 * error[:, t - 1] + math.sqrt(0.75) * error[:, t]
    y = 2 * chance.normal(size=(units, 1)) + chance.normal(size=periods) + error
    told = np.arange(units) < treated
    y[:treated, before:] += effect
    y[chance.random(y.shape) < gaps] = np.nan
    weight = chance.integers(5, 50, size=(units, 1)) * chance.uniform(0.8, 1.2, size=y.shape)
    return panel_of(y, told, before, weight=weight)


# ---- the treated against themselves -------------------------------------------------------------


def test_the_naive_change_by_pencil():
    """Changes 2 and 5 of units that weigh 1 and 3 after: 17 / 4; shares 1/4 and 3/4 of distances
    -9/4 and 3/4 give the error sqrt(2 x (81 + 81) / 256), and t with one degree 12.7062."""
    y = [[1, 1, 3], [2, 4, 8], [0, 0, 99]]
    weight = [[2, 2, 1], [1, 1, 3], [1, 1, 1]]

    found = naive(panel_of(y, [True, True, False], 2, weight=weight))

    error = math.sqrt(2 * (9 / 16) ** 2 * 2)
    assert (17 / 4, error) == pytest.approx((found.effect.value, found.effect.se))
    assert 17 / 4 - 12.706204736 * error == pytest.approx(found.effect.low)
    assert ("units", 2, 1) == (found.by, found.units, found.periods)


def test_one_unit_is_read_by_its_periods():
    """Welch's interval of (6, 8) and (1, 2, 3): 7 - 2, variance 1 + 1/3; statsmodels' bounds."""
    found = naive(panel_of([[1, 2, 3, 6, 8]], [True], 3))

    assert (5.0, math.sqrt(4 / 3)) == pytest.approx((found.effect.value, found.effect.se))
    welch = sm.stats.CompareMeans.from_data([6, 8], [1, 2, 3]).tconfint_diff(usevar="unequal")
    assert welch == pytest.approx(found.effect[1:3])
    assert ("periods", 1, 2) == (found.by, found.units, found.periods)


def test_the_same_season_a_year_before():
    """Quarters: those after less the same a year before; the quarter without one is left out."""
    y = [[np.nan, 2, 3, 4, 11, 13, 14], [7, 7, 7, 7, 7, 8, 9], [0, 0, 0, 0, 50, 50, 50]]

    found = season_matched(panel_of(y, [True, True, False], 4, season=4))

    # of the first unit 13 - 2 and 14 - 3, of the second 0, 1 and 2; two and three quarters seen
    assert (2 * 11 + 3 * 1) / 5 == pytest.approx(found.effect.value)
    assert ("units", 2, 3) == (found.by, found.units, found.periods)


def test_a_year_ago_that_was_no_before_is_not_compared():
    """A year-ago period in the ramp-up or after go-live is no season to compare with."""
    with pytest.raises(NotComparable) as short:
        season_matched(panel_of(np.ones((2, 6)), [True, True], 3, season=4, left_out=(0, 1)))

    assert "no_year_ago" == short.value.why


@pytest.mark.parametrize(
    ("treated", "before", "why"),
    [([False, False], 2, "no_treated"), ([True, False], 0, "no_before"),
     ([True, False], 4, "no_after"), ([True, True], 2, "no_controls")],
)  # fmt: skip
def test_what_is_missing_is_named(treated, before, why):
    """Instead of a number from nothing."""
    with pytest.raises(NotComparable) as found:
        difference_in_differences(panel_of(np.ones((2, 4)), treated, before))

    assert why == found.value.why


# ---- Card & Krueger -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def stores(shared_data):
    """Card & Krueger 1994, as Wooldridge's njmin3: 410 stores in two waves, in one order."""
    with (shared_data.parent / "reference" / "njmin3.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return {k: np.array([float(r[k] or "nan") for r in rows]) for k in ("nj", "d", "d_nj", "fte")}


def test_card_and_krueger(stores):
    """Cell means, 2.7536 (paper: 2.76), OLS error 1.6884, HC1 1.7955."""
    seen = ~np.isnan(stores["fte"])
    y, nj, d, both = (stores[k][seen] for k in ("fte", "nj", "d", "d_nj"))

    found = ols(y, np.column_stack([both, nj, d, np.ones(len(y))]))

    assert (2.7536, 1.6884, 1.7955) == pytest.approx(
        (found.coefficients[0], found.plain[0], found.hc1[0]), abs=5e-5
    )
    pa, nj_first = found.coefficients[3], found.coefficients[3] + found.coefficients[1]
    assert (23.3312, 20.4394) == pytest.approx((pa, nj_first), abs=5e-5)


def test_card_and_krueger_balanced(stores):
    """Stores seen in both waves: 2.7500; their error 1.3423 is that of two mean changes, and 1.3377
    with the states' variances pooled store by store (HC1 of the changes on the state)."""
    waves = [np.concatenate([stores["fte"][(stores["nj"] == nj) & (stores["d"] == d)]
                             for nj in (1, 0)]) for d in (0, 1)]  # fmt: skip
    y, told = np.column_stack(waves), np.arange(410) < (stores["nj"] == 1).sum() / 2
    panel = panel_of(y, told, 1, season=1)
    whole = ~np.isnan(y).any(axis=1)
    change = (y[:, 1] - y[:, 0])[whole]

    found = difference_in_differences(panel)
    line = ols(change, np.column_stack([told[whole], np.ones(whole.sum())]))

    sides = [naive(panel_of(y, told == side, 1, season=1)).effect for side in (True, False)]

    assert 2.75 == pytest.approx(found.effect.value, abs=5e-5)
    assert 2.75 == pytest.approx(sides[0].value - sides[1].value, abs=5e-5)
    assert 1.3423 == pytest.approx(math.hypot(sides[0].se, sides[1].se), abs=5e-5)
    assert (2.75, 1.3377) == pytest.approx((line.coefficients[0], line.hc1[0]), abs=5e-5)
    assert 1.3377 == pytest.approx(found.effect.se, abs=1e-3)
    assert (int((told & whole).sum()), int((~told & whole).sum())) == (
        found.treated, found.controls,
    )  # fmt: skip
    assert "clustered" == found.method and found.pre_trend is None


# ---- against statsmodels ------------------------------------------------------------------------


def dummies(panel, columns):
    """Long rows: the columns, each unit, each period but the first."""
    i, t = np.nonzero(panel.weight > 0)
    units = (i[:, None] == np.arange(len(panel.y))).astype(float)
    periods = (t[:, None] == np.arange(1, panel.y.shape[1])).astype(float)
    x = np.column_stack([*(c[i, t] for c in columns), units, periods])
    fit = sm.WLS(panel.y[i, t], x, weights=panel.weight[i, t]).fit(
        cov_type="cluster", cov_kwds={"groups": i}
    )
    n, k = x.shape
    # statsmodels counts the columns of the units too
    return fit, math.sqrt((n - k) / (n - k + len(panel.y) - 1))


@pytest.mark.parametrize("gaps", [0.0, 0.2])
def test_effect_and_clustered_error_are_those_of_statsmodels(gaps):
    """Weights, gaps or none: as least squares with a column for each unit
    and period, the units' columns not counted among those that were fitted."""
    panel = company(3, 15, 20, effect=1.0, gaps=gaps)

    found = difference_in_differences(panel).clustered
    told, factor = dummies(panel, [np.outer(panel.treated, panel.after).astype(float)])

    expected = told.params[0], told.bse[0] * factor
    assert expected == pytest.approx((found.value, found.se), rel=1e-9)


def test_the_event_study_is_that_of_statsmodels():
    """Each period against all others before, one regression a period."""
    panel = company(4, 50, 45, effect=1.0, gaps=0.1)

    effects = {at.period: at.effect for at in difference_in_differences(panel).event_study}

    assert list(range(12)) == sorted(effects)
    for t, found in effects.items():
        periods = [*(s for s in range(6) if s != t), t]
        weight = panel.weight[:, periods]
        both = (weight[:, -1] > 0) & (weight[:, :-1].sum(axis=1) > 0)
        part = panel_of(panel.y[both][:, periods], panel.treated[both], len(periods) - 1,
                        weight=weight[both])  # fmt: skip
        told, factor = dummies(part, [np.outer(part.treated, part.after).astype(float)])
        assert (told.params[0], factor * told.bse[0]) == pytest.approx(
            (found.value, found.se), rel=1e-8
        )


def test_the_joint_test_is_that_of_statsmodels():
    """Its blocks are the five periods before the last one before."""
    panel = company(4, 50, 45, effect=1.0, gaps=0.1)
    found = difference_in_differences(panel)
    columns = [np.outer(panel.treated, np.arange(12) == t).astype(float) for t in range(5)]

    assert ((0,), (1,), (2,), (3,), (4,)) == found.pre_trend.stretches
    after = np.outer(panel.treated, panel.after).astype(float)
    shorter, factor = dummies(panel, [*columns, after])
    contrast = np.eye(6, len(shorter.params))[:5]
    wald = shorter.f_test(contrast)
    assert float(wald.fvalue) / factor**2 == pytest.approx(found.pre_trend.statistic, rel=1e-7)


def test_rows_are_those_of_statsmodels():
    """Plain, HC1 and clustered errors, weighted."""
    chance = np.random.default_rng(8)
    x = np.column_stack([np.ones(60), chance.normal(size=(60, 2))])
    y, w, g = chance.normal(size=60), chance.uniform(1, 3, 60), np.repeat(np.arange(12), 5)
    model = sm.WLS(y, x, weights=w)

    found = ols(y, x, weights=w, clusters=g)

    clustered = model.fit(cov_type="cluster", cov_kwds={"groups": g})
    for told, ours in ((model.fit().bse, found.plain), (clustered.bse, found.clustered),
                       (model.fit(cov_type="HC1").bse, found.hc1)):  # fmt: skip
        assert told == pytest.approx(ours, rel=1e-9)


def test_columns_that_depend_on_each_other_are_refused():
    """They have no single answer."""
    with pytest.raises(ValueError, match="depend"):
        ols([1, 2, 3], [[1, 2], [1, 2], [1, 2]])


# ---- the wild bootstrap -------------------------------------------------------------------------


def drawn_by_hand(panel, signs, value, tested, nuisance):
    """t or Wald of each draw, by regressions of rebuilt outcomes on columns for all effects."""
    i, t = np.nonzero(panel.weight > 0)
    w = panel.weight[i, t]
    effects = np.column_stack(
        [(i[:, None] == np.arange(len(panel.y))), (t[:, None] == np.arange(1, panel.y.shape[1]))]
    ).astype(float)
    mine = np.column_stack([c[i, t] for c in tested])
    rest = np.column_stack([*(c[i, t] for c in nuisance), effects])
    y = panel.y[i, t] - mine @ np.full(mine.shape[1], value)
    root = np.sqrt(w)
    beta = np.linalg.lstsq(rest * root[:, None], y * root, rcond=None)[0]
    left, both = y - rest @ beta, np.column_stack([mine, rest])
    k = mine.shape[1]

    def statistic(outcome):
        fit = sm.WLS(outcome, both, weights=w).fit(
            cov_type="cluster", cov_kwds={"groups": i, "use_correction": False}
        )
        first = fit.params[:k]
        return float(first @ np.linalg.solve(fit.cov_params()[:k, :k], first))

    seen = statistic(y)
    return seen, np.array([statistic(rest @ beta + left * draw[i]) for draw in signs])


def regression_of(panel, columns):
    return _regress(_Absorbed(panel.weight), np.nan_to_num(panel.y), np.array(columns))


def test_the_bootstrap_is_that_of_rebuilt_outcomes():
    """Each draw's t by refitting everything, for two values said to be the effect, with gaps and
    another regressor beside."""
    panel = company(6, 7, 8, 8, 4, gaps=0.1)
    signs = np.random.default_rng(1).choice([-1.0, 1.0], size=(40, 15))
    effect = np.outer(panel.treated, panel.after).astype(float)
    other = np.outer(panel.treated, np.arange(8) == 2).astype(float)
    wild = _Wild(regression_of(panel, [effect, other]), 0, signs)

    for value in (0.0, 0.7):
        seen, drawn = drawn_by_hand(panel, signs, value, [effect], [other])
        assert (1 + (drawn >= seen).sum()) / 41 == pytest.approx(wild.p(value))


def test_the_joint_bootstrap_is_that_of_rebuilt_outcomes():
    """Three coefficients together, one beside."""
    panel = company(7, 7, 9, 8, 4, gaps=0.1)
    signs = np.random.default_rng(2).choice([-1.0, 1.0], size=(500, 16))
    columns = [np.outer(panel.treated, np.arange(8) == t).astype(float) for t in range(3)]
    after = np.outer(panel.treated, panel.after).astype(float)

    found = _joint_p(regression_of(panel, [*columns, after]), 3, signs)

    seen, drawn = drawn_by_hand(panel, signs, 0.0, columns, [after])
    assert (1 + (drawn >= seen).sum()) / 501 == pytest.approx(found)


def test_the_interval_holds_what_the_test_does_not_refuse():
    """At a bound p passes through 5 %: a little inside it is above, a little outside below."""
    panel = company(9, 8, 12, effect=2.0)
    effect = np.outer(panel.treated, panel.after).astype(float)
    signs = np.random.default_rng(1).choice([-1.0, 1.0], size=(999, 20))
    regression = regression_of(panel, [effect])
    wild = _Wild(regression, 0, signs)
    se = regression.effect(0).se

    low, high = wild.interval(se)

    assert wild.p(low - 0.1 * se) <= 0.05 < wild.p(low + 0.1 * se)
    assert wild.p(high + 0.1 * se) <= 0.05 < wild.p(high - 0.1 * se)


# ---- few units ----------------------------------------------------------------------------------


def test_one_treated_unit_is_held_to_the_spread_of_the_controls():
    """Changes 9 of the treated and 1, 2, 3 of the controls: 9 - 2, one variance of 1 with 2 df,
    error sqrt(1 + 1/3) and t 4.3027 (Donald & Lang 2007)."""
    y = [[1, 10], [5, 6], [3, 5], [0, 3]]

    found = difference_in_differences(panel_of(y, [True, False, False, False], 1))

    error = math.sqrt(4 / 3)
    assert "unit_changes" == found.method
    assert (7.0, error) == pytest.approx((found.effect.value, found.effect.se))
    assert 7 - 4.30265273 * error == pytest.approx(found.effect.low)


def test_two_units_bound_nothing():
    """A difference of two is printed without an interval."""
    found = difference_in_differences(panel_of([[1, 5], [1, 2]], [True, False], 1))

    assert (3.0, -math.inf, math.inf) == found.effect[:3]


@pytest.mark.parametrize(
    ("treated", "controls", "method"),
    [(MANY_UNITS, MANY_UNITS, "clustered"), (MANY_UNITS - 1, MANY_UNITS, "wild_bootstrap"),
     (FEW_UNITS, MANY_UNITS, "wild_bootstrap"), (FEW_UNITS - 1, MANY_UNITS, "unit_changes")],
)  # fmt: skip
def test_the_smaller_side_says_where_the_interval_comes_from(treated, controls, method):
    """By named limits."""
    found = difference_in_differences(company(1, treated, controls, 6, 3), draws=99)

    assert method == found.method


@pytest.mark.parametrize(("treated", "controls"), [(1, 8), (3, 20), (7, 12)])
def test_the_interval_holds_nothing_as_often_as_it_says(treated, controls):
    """Errors that last, sizes that differ, no effect: about 95 in 100; clustered errors with few
    treated hold far less often. Within 3 binomial errors of 150 companies."""
    held, plain = 0, 0
    for seed in range(150):
        found = difference_in_differences(company(seed, treated, controls, 8, 4), draws=199)
        held += found.effect.low <= 0 <= found.effect.high
        plain += found.clustered.low <= 0 <= found.clustered.high

    assert 0.95 - 3 * math.sqrt(0.95 * 0.05 / 150) <= held / 150
    if treated == 1:
        assert plain / 150 < 0.75


# ---- what speaks against it ---------------------------------------------------------------------


def test_a_different_course_before_is_seen():
    """The treated rise by .5 a period: slope, joint test and placebo dates tell; else not."""
    calm = company(11, 20, 20, 16, 10)
    rising = Panel(calm.y + 0.5 * np.outer(calm.treated, np.arange(16)), calm.weight, calm.treated,
                   calm.before, calm.after, 12)  # fmt: skip

    quiet, found = difference_in_differences(calm), difference_in_differences(rising)

    assert found.slope.low < 0.5 < found.slope.high and found.slope.low > 0
    assert found.slope.value - quiet.slope.value == pytest.approx(0.5)
    assert found.pre_trend.p < 0.01 < quiet.pre_trend.p
    assert all(at.effect.low > 0 for at in found.placebo_dates)
    assert {3, 4, 5, 6, 7} == {at.period for at in found.placebo_dates}


def test_few_units_are_tested_by_hotelling():
    """Two periods before: the t-test of the units' changes between them, squared."""
    panel = company(12, 3, 6, 4, 2)

    found = difference_in_differences(panel).pre_trend

    change = panel.y[:, 0] - panel.y[:, 1]
    one, two = change[:3], change[3:]
    pooled = (2 * one.var(ddof=1) + 5 * two.var(ddof=1)) / 7
    t = (one.mean() - two.mean()) / math.sqrt(pooled * (1 / 3 + 1 / 6))
    assert (t**2, (1, 7), False) == (
        pytest.approx(found.statistic), found.df, found.bootstrapped,
    )  # fmt: skip


def test_placebo_units_are_effects_of_controls():
    """With one treated: each control alone as treated, by refitting; p counts the true one too."""
    panel = company(13, 1, 6, 6, 3, effect=30.0)

    found = difference_in_differences(panel)

    own = []
    for row in range(1, 7):
        treated = np.arange(7) == row
        kept = Panel(panel.y[1:], panel.weight[1:], treated[1:], panel.before, panel.after, 12)
        own.append(difference_in_differences(kept).effect.value)
    assert own == pytest.approx(found.placebo_units.tolist())
    assert 1 / 7 == pytest.approx(found.placebo_units_p)


def test_leaving_out_a_control_is_fitting_without_it():
    """Each named by its row."""
    panel = company(14, 3, 4, 6, 3, gaps=0.1)

    found = difference_in_differences(panel)

    for unit, value in found.leave_one_out:
        keep = np.arange(7) != unit
        rest = Panel(panel.y[keep], panel.weight[keep], panel.treated[keep],
                     panel.before, panel.after, 12)  # fmt: skip
        assert value == pytest.approx(difference_in_differences(rest).effect.value)
    assert [3, 4, 5, 6] == [w.unit for w in found.leave_one_out]


def test_units_seen_on_one_side_are_left_out():
    """A shop that opened after tells no change."""
    panel = company(15, 4, 5)
    y = np.vstack([panel.y, np.where(panel.before, np.nan, 1000.0)])
    more = panel_of(y, [*panel.treated, False], 6, weight=np.vstack([panel.weight, np.ones(12)]))

    one, two = difference_in_differences(panel), difference_in_differences(more)

    assert one.effect == two.effect and one.controls == two.controls


# ---- what must not matter -----------------------------------------------------------------------


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.1, 100), st.sampled_from([0.0, 0.15]))
def test_order_levels_and_scale_do_not_matter(seed, scale, gaps):
    """Units in another order, each at another level, months that were good for all, in cents."""
    panel = company(seed, 3, 5, 8, 4, effect=1.0, gaps=gaps)
    chance = np.random.default_rng(seed)
    order = chance.permutation(8)
    y = (panel.y + chance.normal(size=(8, 1)) * 5 + chance.normal(size=8) * 5)[order] * scale
    other = Panel(y, panel.weight[order] * 7, panel.treated[order], panel.before, panel.after, 12)

    one, two = difference_in_differences(panel), difference_in_differences(other)

    assert one.effect.value * scale == pytest.approx(two.effect.value, rel=1e-6, abs=1e-6 * scale)
    assert one.effect.se * scale == pytest.approx(two.effect.se, rel=1e-6)
    assert {int(order[w.unit]): w.value for w in two.leave_one_out} == pytest.approx(
        {w.unit: w.value * scale for w in one.leave_one_out}, rel=1e-5, abs=1e-6 * scale
    )


def test_left_out_periods_are_not_read():
    """The ramp-up may hold anything."""
    panel = company(16, 4, 5)
    wild = panel.y.copy()
    wild[:, 6] = 1e6
    told = [panel_of(y, panel.treated, 6, weight=panel.weight, left_out=(6,))
            for y in (panel.y, wild)]  # fmt: skip

    one, two = map(difference_in_differences, told)

    assert one.effect == two.effect and one.event_study == two.event_study
    assert naive(told[0]) == naive(told[1])


def test_the_same_seed_gives_the_same_answer():
    """And another seed another interval, with the same effect."""
    panel = company(17, 8, 9, effect=1.0)

    one, same, other = (difference_in_differences(panel, seed=s, draws=199) for s in (1, 1, 2))

    assert one.effect == same.effect and one.pre_trend == same.pre_trend
    assert one.effect.value == other.effect.value and one.effect.low != other.effect.low
