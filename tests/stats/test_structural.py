"""The structural time series against R's CausalImpact, and what must hold of any sampler."""

import numpy as np
import pandas as pd
import pytest
from repurchase.stats.panel import Panel
from repurchase.stats.structural import (
    NoControlSeries,
    from_panel,
    sensitivity,
    series,
    split_rhat,
    structural,
)

# CausalImpact 1.3.0 in R, its printed summaries (R_ci_summary_*.txt): effect, sd, interval
PUBLISHED = {
    "arma": (["X"], 70, 0.89, 0.30, (0.27, 1.5)),
    "google": (["x1", "x2"], 61, 27.0, 4.5, (18.0, 36.0)),
}


def wandering(seed=0, periods=80, before=60, effect=2.0, controls=1):
    """A series that follows its first control, with a level that moves a little."""
    rng = np.random.default_rng(seed)
    x = 100 + np.cumsum(rng.normal(0, 1, (periods, controls)), axis=0)
    y = 0.8 * x[:, 0] + np.cumsum(rng.normal(0, 0.02, periods)) + rng.normal(0, 0.5, periods)
    first = np.arange(periods) < before
    y[~first] += effect
    return y, x, first


@pytest.mark.parametrize("case", PUBLISHED)
def test_it_says_what_causal_impact_says(case, shared_data):
    """Effect within .3 posterior deviations, its deviation within 15 %, the interval as printed."""
    path = shared_data.parent / "reference" / f"R_ci_{case}_data.csv"
    if not path.exists():
        pytest.skip(f"{path.name} is not here")
    columns, rows, effect, sd, interval = PUBLISHED[case]
    data = pd.read_csv(path)
    before = np.arange(len(data)) < rows
    found = structural(
        data["y"].to_numpy(dtype=float), data[columns].to_numpy(dtype=float),
        before=before, after=~before,
    )  # fmt: skip

    assert effect == pytest.approx(found.effect.value, abs=0.3 * sd)
    assert sd == pytest.approx(found.effect.se, rel=0.15)
    assert interval == pytest.approx((found.effect.low, found.effect.high), abs=0.3 * sd)
    assert max(found.rhat.values()) < 1.05
    assert found.total.value == pytest.approx(found.effect.value * (~before).sum())


def test_a_planted_effect_is_found_and_none_is_not():
    """Of 12 series each: the interval holds the truth, and holds no effect where there is none."""
    held = {2.0: 0, 0.0: 0}
    for effect in held:
        for seed in range(12):
            y, x, before = wandering(seed, effect=effect)
            told = structural(y, x, before=before, after=~before, draws=200).effect
            held[effect] += told.low <= effect <= told.high

    assert min(held.values()) >= 10
    assert structural(*wandering()[:2], before=wandering()[2], after=~wandering()[2]).effect.low > 0


def test_units_of_money_do_not_matter():
    """A hundred times the series is a hundred times the effect, draw by draw; so is the control's
    own unit."""
    y, x, before = wandering()
    one = structural(y, x, before=before, after=~before)
    cents = structural(100 * y, 7 * x + 3, before=before, after=~before)

    assert cents.effect[:4] == pytest.approx([100 * v for v in one.effect[:4]], rel=1e-6)
    assert cents.tail == one.tail


def test_the_seed_decides_and_the_chains_differ():
    """The same seed gives the same draws; another one others that say the same."""
    y, x, before = wandering()
    one, again, other = (
        structural(y, x, before=before, after=~before, seed=s) for s in (1, 1, 2)
    )

    assert one.effect == again.effect
    assert one.effect != other.effect
    assert other.effect.value == pytest.approx(one.effect.value, abs=0.3 * one.effect.se)
    assert 1.0 != one.rhat["sigma"]


def test_controls_that_say_nothing_are_left_out():
    """Of ten controls one is followed; it is in every draw, the others seldom."""
    y, x, before = wandering(controls=10)
    found = structural(y, x, before=before, after=~before)

    assert found.inclusion[0] == 1.0
    assert found.inclusion[1:].max() < 0.5


def test_what_was_not_seen_is_neither_learnt_from_nor_counted():
    """Gaps before and after change the effect little; a ramp-up in neither window is left out."""
    y, x, before = wandering(periods=90, before=60)
    whole = structural(y, x, before=before, after=~before)
    holes = y.copy()
    holes[[3, 17, 40, 70]] = np.nan
    gapped = structural(holes, x, before=before, after=~before)
    ramp = y.copy()
    ramp[60:65] += 50
    late = np.arange(len(y)) >= 65
    left_out = structural(ramp, x, before=before, after=late)

    assert gapped.effect.value == pytest.approx(whole.effect.value, abs=whole.effect.se)
    assert left_out.effect.value == pytest.approx(2.0, abs=3 * left_out.effect.se)
    assert left_out.effect.value < 5


def test_a_level_that_may_wander_further_is_less_sure():
    """The prior that matters most is asked at a tenth of it and at ten times."""
    y, x, before = wandering()
    found = sensitivity(y, x, before=before, after=~before)

    assert [0.001, 0.1] == list(found)
    assert found[0.1].se > 1.5 * found[0.001].se


def test_r_hat_sees_chains_that_do_not_agree():
    """1 for draws of one law (11.4 of Bayesian Data Analysis), far above it for two levels."""
    rng = np.random.default_rng(1)
    alike = rng.normal(size=(2, 1000))
    apart = alike + np.array([[0.0], [3.0]])

    assert split_rhat(alike) == pytest.approx(1.0, abs=0.01)
    assert split_rhat(apart) > 1.5
    assert np.isnan(split_rhat(np.ones((2, 10))))


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda y, x, b: (np.full_like(y, 3.0), x, b), "stands still"),
        (lambda y, x, b: (y, np.full_like(x, np.nan), b), "control series is missing"),
        (lambda y, x, b: (y, x, np.arange(len(y)) < 2), "2 periods before"),
        (lambda y, x, b: (y[:-1], x, b), "one value a period"),
    ],
)
def test_what_cannot_be_told_is_refused(spoil, why):
    """With what is wrong, rather than an effect that means nothing."""
    y, x, before = spoil(*wandering())

    with pytest.raises(ValueError, match=why):
        structural(y, x, before=before, after=~before)


def shops(periods=30, before=18, gap=False):
    """Two treated shops of unlike size and three controls, one of which may have a gap."""
    rng = np.random.default_rng(4)
    year = 10 + np.sin(np.arange(periods) / 2)
    y = year + rng.normal(0, 0.05, (5, periods))
    first = np.arange(periods) < before
    y[:2, ~first] += 1.0
    weight = np.outer([10.0, 30.0, 5.0, 5.0, 90.0], np.ones(periods))
    if gap:
        y[4, 20], weight[4, 20] = np.nan, 0.0
    treated = np.array([True, True, False, False, False])
    return Panel(y, weight, treated, first, ~first, 12)


def test_a_panel_becomes_two_means():
    """Weighted by size, of the units that were seen throughout; the planted effect is found."""
    panel = shops()
    y, x, single = series(panel)
    weights = np.array([10, 30]) / 40
    found = from_panel(panel, draws=300)

    assert y == pytest.approx(weights @ panel.y[:2])
    assert x[:, 0] == pytest.approx(np.array([0.05, 0.05, 0.9]) @ panel.y[2:])
    assert ((), 1) == (single, x.shape[1])
    assert 1.0 == pytest.approx(found.effect.value, abs=0.1)
    assert found.effect.low < 1.0 < found.effect.high


def test_a_control_with_a_gap_is_not_used_and_none_is_an_error():
    """A mean of other units in one period would move for no reason."""
    panel = shops(gap=True)
    x = series(panel)[1]
    alone = Panel(panel.y[[0, 1, 4]], panel.weight[[0, 1, 4]], panel.treated[[0, 1, 4]],
                  panel.before, panel.after, 12)  # fmt: skip

    assert x[:, 0] == pytest.approx(panel.y[2:4].mean(axis=0))
    with pytest.raises(NoControlSeries):
        from_panel(alone)


def test_a_long_panel_also_follows_single_controls():
    """With weeks enough before, those that moved most like the treated."""
    x = series(shops(periods=60, before=45))[1]

    assert 4 == x.shape[1]
