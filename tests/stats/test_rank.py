"""AUC, lift and calibration against slow formulas, statsmodels and simulated scores."""

import math

import numpy as np
import pytest
import statsmodels.api as sm
from repurchase.stats.fitting import NotFitted
from repurchase.stats.rank import (
    auc,
    auc_difference,
    calibration,
    calibration_table,
    lift,
    mean_ranks,
    part_lift,
    pooled_auc,
    pooled_auc_difference,
)
from scipy.special import expit
from scipy.stats import norm, rankdata


def delong(score, other, happened):
    """DeLong, DeLong & Clarke-Pearson 1988, equations 4 to 6, pair by pair."""
    y = np.asarray(happened, dtype=bool)

    def kernel(s):
        s = np.asarray(s, dtype=float)
        above, below = s[y][:, None], s[~y][None, :]
        return (above > below) + 0.5 * (above == below)

    one, two = kernel(score), kernel(other)
    by_event = np.cov([one.mean(axis=1), two.mean(axis=1)])
    by_rest = np.cov([one.mean(axis=0), two.mean(axis=0)])
    return one.mean(), two.mean(), by_event / y.sum() + by_rest / (~y).sum()


def test_six_customers_by_pencil():
    """Three of three bought; eight pairs, one of them wrong, one tied: 7.5 of 9."""
    score, happened = [9, 7, 4, 7, 3, 1], [1, 1, 1, 0, 0, 0]

    assert 7.5 / 9 == pytest.approx(auc(score, happened).value)


def test_the_interval_and_the_difference_are_delongs():
    """Two rounded scores with ties over 60 customers."""
    rng = np.random.default_rng(1)
    y = rng.random(60) < 0.4
    s, t = (rng.normal(size=60) + y).round(1), (rng.normal(size=60) + 0.5 * y).round(1)
    a, b, covariance = delong(s, t, y)

    one, difference = auc(s, y), auc_difference(s, t, y)

    assert a == pytest.approx(one.value)
    half = 1.959963984540054 * np.sqrt(covariance[0, 0]) / (a * (1 - a))
    centre = np.log(a / (1 - a))
    assert expit([centre - half, centre + half]).tolist() == pytest.approx([one.low, one.high])
    error = np.sqrt(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    assert (a - b, a - b - 1.959963984540054 * error) == pytest.approx(difference[:2])
    assert 2 * norm.sf(abs(a - b) / error) == pytest.approx(difference.p)


def test_delong_covers_the_truth_and_raises_no_false_alarm():
    """1,000 samples: the interval of a normal score (AUC phi(1 / sqrt 2)), two equally good ones.

    An exact binomial test at .001 does not reject 95 % between 926 and 970 (METHODS, Calibration).
    """
    rng = np.random.default_rng(2)
    covered = equal = 0
    for _ in range(1000):
        y = np.arange(300) < 90
        trait = rng.normal(size=300)
        s, t = (0.8 * trait + 0.6 * rng.normal(size=300) + y for _ in range(2))
        found = auc(s, y)
        covered += found.low <= norm.cdf(np.sqrt(0.5)) <= found.high
        difference = auc_difference(s, t, y)
        equal += difference.low <= 0 <= difference.high

    assert 926 <= covered <= 970
    assert 926 <= equal <= 970


def test_a_perfect_or_constant_score():
    """Perfect: one, of unknown width; constant: a half; against itself: no difference."""
    assert 1.0 == auc([1, 2, 3, 4], [0, 0, 1, 1]).value
    assert np.isnan(auc([1, 2, 3, 4], [0, 0, 1, 1]).low)
    assert 0.5 == auc([1, 1, 1, 1], [0, 0, 1, 1]).value
    assert (0.0, 0.0, 0.0, 1.0) == tuple(auc_difference([1, 3, 2, 2], [1, 3, 2, 2], [0, 1, 1, 0]))


@pytest.mark.parametrize(
    ("score", "happened", "rule"),
    [([1, 2], [1], "equally"), ([1, np.nan], [0, 1], "NaN"), ([1, 2], [0, 2], "0 or 1"),
     ([1, 2], [1, 1], "some"), ([], [], "some")],
)  # fmt: skip
def test_a_score_that_cannot_be_judged_is_refused(score, happened, rule):
    """Uneven, unknown, not a yes or no, the same for all, nobody."""
    with pytest.raises(ValueError, match=rule):
        auc(score, happened)


def test_lift_of_twenty_customers_by_pencil():
    """The best two of twenty both bought, five of twenty did: 1 / .25; the log delta method."""
    happened = np.zeros(20, dtype=int)
    happened[[0, 1, 5, 6, 7]] = 1

    found = lift(-np.arange(20), happened)

    assert (4.0, 2, 1.0, 0.25) == pytest.approx(
        (found.value, found.n, found.top.value, found.base.value)
    )
    # the part is certain (p q = 0), the rest is 3 of 18
    half = np.exp(1.959963984540054 * np.sqrt(18 * (3 / 18) * (15 / 18) / 25))
    assert (4 / half, 4 * half) == pytest.approx((found.low, found.high))


def test_lift_knows_no_order_of_rows_among_ties():
    """All scores equal: the lift is one however the rows are sorted."""
    happened = np.r_[np.ones(10), np.zeros(90)]

    assert 1.0 == pytest.approx(lift(np.zeros(100), happened).value)
    assert 1.0 == pytest.approx(lift(np.zeros(100), happened[::-1]).value)
    nobody = lift(np.arange(100), happened)
    assert (0.0, True) == (nobody.value, bool(np.isnan(nobody.high)))
    with pytest.raises(ValueError, match="share"):
        lift([1, 2], [0, 1], share=1)


def test_lift_covers_the_truth():
    """1,000 samples of 1,000 customers whose chance is known at each rank."""
    rng = np.random.default_rng(3)
    chance = np.linspace(0.6, 0.05, 1000)
    truth = chance[:100].mean() / chance.mean()
    covered = 0
    for _ in range(1000):
        found = lift(-np.arange(1000), rng.random(1000) < chance)
        covered += found.low <= truth <= found.high

    assert 926 <= covered


def test_a_calibration_table_by_pencil():
    """Four customers in two parts; ties stay together; money has the interval of a mean."""
    low, high = calibration_table([0.1, 0.3, 0.6, 0.8], [0, 1, 1, 1], bins=2)

    assert (2, 0.2, 0.5) == pytest.approx((low.n, low.predicted, low.observed.value))
    assert (2, 0.7, 1.0) == pytest.approx((high.n, high.predicted, high.observed.value))
    (one,) = calibration_table([5, 5, 5, 5], [2.0, 4.0, 6.0, 8.0], bins=2)
    half = 1.959963984540054 * np.sqrt(20 / 3) / 2
    assert (4, 5.0) == (one.n, one.predicted)
    assert (5, 5 - half, 5 + half) == pytest.approx(tuple(one.observed))
    with pytest.raises(ValueError, match="not empty"):
        calibration_table([], [])


def test_ten_parts_hold_every_customer_in_order():
    """1,003 customers: each part about a hundred, ascending, none lost."""
    p = np.random.default_rng(4).random(1003)

    parts = calibration_table(p, p < 0.5)

    assert 10 == len(parts)
    assert 1003 == sum(part.n for part in parts)
    assert {100, 101} == {part.n for part in parts}
    assert sorted(part.predicted for part in parts) == [part.predicted for part in parts]


def test_slope_and_intercept_are_those_of_statsmodels():
    """Predictions twice as extreme as the truth: a slope near one half."""
    rng = np.random.default_rng(5)
    x = rng.normal(size=2000)
    p, y = expit(2 * x + 0.4), rng.random(2000) < expit(x)

    found = calibration(p, y)

    both = sm.Logit(y.astype(float), sm.add_constant(2 * x + 0.4)).fit(disp=0)
    low, high = both.conf_int()[1]
    assert (both.params[1], low, high) == pytest.approx(tuple(found.slope), rel=1e-6)
    level = sm.Logit(y.astype(float), np.ones(2000), offset=2 * x + 0.4).fit(disp=0)
    assert level.params[0] == pytest.approx(found.intercept.value, rel=1e-6)
    assert found.slope.high < 1


def test_a_calibration_that_cannot_be_found_says_why():
    """All alike, parted perfectly, certain: never a number."""
    with pytest.raises(NotFitted, match="equal"):
        calibration([0.5, 0.5, 0.5], [0, 1, 1])
    with pytest.raises(NotFitted, match=r"at_limit|flat|not_converged"):
        calibration([0.2, 0.3, 0.7, 0.8], [0, 0, 1, 1])
    with pytest.raises(ValueError, match="inside"):
        calibration([0.0, 0.5], [0, 1])


def test_one_group_is_the_plain_auc_and_the_plain_difference():
    """With every unit once and one date nothing is pooled: DeLong's values and intervals."""
    rng = np.random.default_rng(4)
    happened = rng.random(400) < 0.4
    score, other = happened + rng.normal(0, 1, 400), happened + rng.normal(0, 2, 400)
    once = np.zeros(400), np.arange(400)

    pooled = pooled_auc(score, happened, *once)
    gain = pooled_auc_difference(score, other, happened, *once)

    assert tuple(auc(score, happened)) == pytest.approx(tuple(pooled), abs=1e-3)
    assert tuple(auc_difference(score, other, happened)) == pytest.approx(tuple(gain), abs=1e-3)


def test_the_same_customers_twice_tell_no_more_than_once():
    """Both dates alike: the mean stays, the interval too; other customers would narrow it."""
    rng = np.random.default_rng(5)
    happened = rng.random(300) < 0.4
    score = happened + rng.normal(0, 1, 300)
    twice, group = np.r_[score, score], np.repeat([0, 1], 300)
    came = np.r_[happened, happened]

    once = pooled_auc(score, happened, np.zeros(300), np.arange(300))
    same = pooled_auc(twice, came, group, np.r_[np.arange(300), np.arange(300)])
    others = pooled_auc(twice, came, group, np.arange(600))

    assert tuple(once) == pytest.approx(tuple(same))
    assert (others.high - others.low) * 2**0.5 == pytest.approx(same.high - same.low, rel=0.01)


def test_groups_count_alike_by_pencil():
    """A date with AUC 1 and one with AUC 1/2: the mean, whatever their sizes."""
    score = [1, 2, 3, 4, 5, 5, 5]
    happened = [0, 0, 1, 1, 0, 1, 0]
    group = ["a"] * 4 + ["b"] * 3

    assert 0.75 == pooled_auc(score, happened, group, range(7)).value
    with pytest.raises(ValueError, match="happened"):
        pooled_auc(score, [0, 0, 1, 1, 0, 0, 0], group, range(7))


def test_ranks_are_scipys():
    """Ties share the mean of their ranks, infinities and all."""
    values = np.random.default_rng(3).integers(0, 20, 200).astype(float)
    values[:2] = np.inf, -np.inf

    assert rankdata(values).tolist() == mean_ranks(values).tolist()
    assert [] == mean_ranks([]).tolist()


def test_the_lift_of_a_part_is_its_rate_over_that_of_all() -> None:
    """30 of 100 where 100 of 1,000: three times, between 2.308 and 3.899; that of all is 1."""
    assert (3.0, 2.3082, 3.8991) == pytest.approx(tuple(part_lift(30, 100, 100, 1000)), abs=1e-4)
    assert 1 == part_lift(100, 1000, 100, 1000).value
    assert math.isnan(part_lift(0, 100, 100, 1000).low)
