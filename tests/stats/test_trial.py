"""Randomised trials reproduce the published numbers of tea-tasting, GrowthBook and others."""

import csv
import json
import math

import numpy as np
import pytest
from repurchase.stats.multiplicity import benjamini_hochberg
from repurchase.stats.proportion import Z95
from repurchase.stats.sample_ratio import sample_ratio
from repurchase.stats.sequential import confidence_sequence, mixing_scale, msprt
from repurchase.stats.trial import (
    Sums,
    beta_binomial,
    detectable,
    lift,
    normal_effect,
    power_of,
    relative_effect,
    units_for_effect,
    units_for_shares,
)


def sums_of(rows, names):
    """Sums and products of the named columns of some rows, by plain Python."""
    products = {
        (x, y): math.fsum(r[x] * r[y] for r in rows) for x in names for y in names if x <= y
    }
    return Sums(len(rows), {x: math.fsum(r[x] for r in rows) for x in names}, products)


def from_moments(mean, square, n):
    """An arm of which sum and sum of squares are published."""
    return Sums(n, {"y": mean}, {("y", "y"): square})


# GrowthBook, packages/stats/tests: sum, sum of squares, n
GB_A, GB_B = from_moments(1396.87, 52377.9767, 3407), from_moments(2422.7, 134698.29, 3461)


@pytest.fixture(scope="module")
def tea(shared_data):
    """tea-tasting's generated users by arm, and its own answers (version 2)."""

    reference = shared_data.parent / "reference"

    def arms(name):
        with (reference / name).open(encoding="utf-8") as file:
            rows = [{k: float(v) for k, v in row.items()} for row in csv.DictReader(file)]
        names = [n for n in rows[0] if n not in ("user", "variant")]
        return [sums_of([r for r in rows if r["variant"] == v], names) for v in (0, 1)]

    told = json.loads((reference / "teatasting_expected.json").read_text(encoding="utf-8"))
    return arms, told


def same(found, told):
    assert told["control"] == pytest.approx(found.control, rel=1e-9)
    assert told["treatment"] == pytest.approx(found.treatment, rel=1e-9)
    ends = ("effect_size", "effect_size_ci_lower", "effect_size_ci_upper")
    assert [told[e] for e in ends] == pytest.approx(list(found.difference), rel=1e-9)
    assert [told["rel_" + e] for e in ends] == pytest.approx(list(found.relative), rel=1e-9)
    assert told["pvalue"] == pytest.approx(found.p, rel=1e-9)


@pytest.mark.parametrize(
    ("name", "value", "per"),
    [
        ("orders_per_user", "orders", None),
        ("revenue_per_user", "revenue", None),
        ("orders_per_session", "orders", "sessions"),
    ],
)
def test_differences_and_ratios_are_tea_tastings_own(tea, name, value, per):
    """Its case to 1e-9: a mean by Welch, a ratio by the delta method."""
    arms, told = tea

    same(lift(*arms("teatasting_users_rng42.csv"), value, per=per), told["plain"][name])


def test_cuped_is_tea_tastings_own(tea):
    """With the same users' orders before: the adjusted difference, and the variance saved."""
    arms, told = tea
    control, treatment = arms("teatasting_users_cov_rng42.csv")
    found = lift(control, treatment, "orders", before="orders_covariate")
    plain = lift(control, treatment, "orders")

    assert 0.00733041 == pytest.approx(found.p, abs=5e-9)
    expected = told["cuped"]["orders_per_user"]
    assert expected["effect_size"] == pytest.approx(found.difference.value, rel=1e-9)
    assert 1 - (found.error / plain.error) ** 2 == pytest.approx(found.gained)
    assert 0.2 < found.gained < 0.9
    ratio = lift(control, treatment, "orders", per="sessions", before="orders_covariate",
                 per_before="sessions_covariate")  # fmt: skip
    assert told["cuped"]["orders_per_session"]["pvalue"] == pytest.approx(ratio.p, rel=1e-9)


def test_a_covariate_that_never_varies_changes_nothing(tea):
    """Nobody bought before: CUPED has nothing to take away."""
    rows = [[{"y": float(i % 3), "x": 0.0} for i in range(n)] for n in (30, 31)]
    control, treatment = (sums_of(r, ["x", "y"]) for r in rows)

    assert lift(control, treatment, "y") == lift(control, treatment, "y", before="x")


def mean_and_error(arm):
    return arm.mean("y"), math.sqrt(arm.covariance("y", "y") / arm.n)


def test_growthbooks_means():
    """Absolute interval and p by Welch, the relative one by the delta method."""
    found = lift(GB_A, GB_B, "y")
    relative = relative_effect(mean_and_error(GB_A), mean_and_error(GB_B))

    assert (0.04538, 0.53462) == pytest.approx(found.difference[1:], abs=5e-6)
    assert 0.02016 == pytest.approx(found.p, abs=5e-6)
    assert (0.70732, -0.03526, 1.44989) == pytest.approx(relative, abs=2e-4)  # theirs takes t
    with pytest.raises(ValueError, match="must be > 0"):
        relative_effect((0.0, 1.0), (1.0, 1.0))


def test_growthbooks_sequential_intervals():
    """Means with tuning 1,000 (control n = 3,000), shares with tuning 5,000."""
    control = from_moments(1396.87, 52377.9767, 3000)
    value, low, high = relative_effect(mean_and_error(control), mean_and_error(GB_B))
    found = confidence_sequence(value, (high - low) / 2 / Z95, n=3000 + GB_B.n, expected_n=1000)

    assert (0.50336, -0.55844, 1.56516) == pytest.approx(found, abs=6e-5)

    p, q = 1396 / 3000, 2422 / 3461
    arms = [(s, math.sqrt(s * (1 - s) / n)) for s, n in ((p, 3000), (q, 3461))]
    value, low, high = relative_effect(*arms)
    found = confidence_sequence(value, (high - low) / 2 / Z95, n=6461, expected_n=5000)

    assert (0.50386, 0.40098, 0.60675) == pytest.approx(found, abs=5e-6)


def test_growthbooks_posterior():
    """49 of 100 against 51 of 100: a normal effect, relative."""
    arms = [(s, math.sqrt(s * (1 - s) / 100)) for s in (0.49, 0.51)]
    value, low, high = relative_effect(*arms)
    found = normal_effect(value, (high - low) / 2 / Z95)

    assert 0.60918 == pytest.approx(found.chance, abs=1e-5)
    assert (0.0814, 0.04058) == pytest.approx(found.risk, abs=1e-4)


def test_beta_binomial_is_what_sampling_both_posteriors_gives():
    """An independent count: a million draws, and the symmetric case by thought."""
    rng = np.random.default_rng(7)
    a, b = rng.beta(31, 71, 1_000_000), rng.beta(41, 61, 1_000_000)
    found = beta_binomial((30, 100), (40, 100))

    assert (b > a).mean() == pytest.approx(found.chance, abs=2e-3)
    assert np.maximum(b - a, 0).mean() == pytest.approx(found.risk[0], abs=3e-4)
    assert np.maximum(a - b, 0).mean() == pytest.approx(found.risk[1], abs=3e-4)
    assert 0.5 == pytest.approx(beta_binomial((20, 50), (20, 50)).chance)


def test_split_against_plan():
    """METHODS' four published splits, three arms, and a refusal."""
    half = [0.5, 0.5]
    for counts, p in (
        ([600, 400], 2.5396286e-10), ([44_000, 45_000], 0.0008022781),
        ([821_588, 815_482], 1.8217929e-06), ([502, 498], 0.8993432),
    ):  # fmt: skip
        assert p == pytest.approx(sample_ratio(counts, half), rel=1e-6)
    assert 0.903693 == pytest.approx(sample_ratio([21307, 21387, 21306], [1, 1, 1]), abs=5e-7)
    with pytest.raises(ValueError, match="two arms or more"):
        sample_ratio([5], [1.0])


def test_a_ratio_that_is_the_same_of_every_unit_cannot_be_tested():
    """Each order is 9.00: rounding must not make the variance negative."""
    arms = [
        sums_of([{"y": 9.0 * k, "n": float(k)} for k in orders], ["y", "n"])
        for orders in ([0, 1, 1, 2, 3, 0, 1], [1, 1, 0, 2, 2, 1])
    ]
    found = lift(*arms, "y", per="n")

    assert (9.0, 9.0, 0.0, 0.0) == (
        found.control, found.treatment, found.difference.value, found.error)  # fmt: skip
    assert math.isnan(found.p) and math.isnan(found.difference.low)


def test_mixture_test():
    """METHODS' case; at the null with much data the ratio falls towards 0 and p stays 1."""
    assert (1.922116, 0.520260) == pytest.approx(msprt(0.02, 1e-4, 1e-4), abs=5e-7)
    assert 1.0 == msprt(0.0, 1e-8, 1e-4).p
    assert msprt(0.0, 1e-8, 1e-4).ratio < 0.02


def test_a_sequence_is_wider_than_one_look_and_narrowest_where_it_is_tuned():
    """At the planned size its price is about 1.4 to 1.5 normal widths; elsewhere it is dearer."""

    def price(n):
        found = confidence_sequence(0.0, 1.0, n=n, expected_n=1_000)
        return found.high / Z95

    assert 1.3 < price(1_000) < 1.6
    assert price(1_000) < min(price(50), price(20_000))
    assert mixing_scale(1_000) > mixing_scale(2_000)


def test_how_many_units_are_needed():
    """METHODS: 10 to 12 %, 3,840.85 an arm; a trial of that size finds it four times in five."""
    assert 3840.847 == pytest.approx(units_for_shares(0.10, 0.12), abs=5e-4)

    total = units_for_effect(0.02, 0.3)
    error = 0.3 * math.sqrt(4 / total)
    assert 0.8 == pytest.approx(power_of(0.02, error), abs=1e-4)
    assert 0.02 == pytest.approx(detectable(error))
    assert 2 * total == pytest.approx(
        units_for_effect(0.02, 0.3, share=0.5 - math.sqrt(0.125)), rel=1e-9
    )


def test_fifteen_hypotheses():
    """Benjamini and Hochberg 1995: 4 stand by their rule, 3 by Bonferroni."""
    told = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240,
            0.4262, 0.5719, 0.6528, 0.7590, 1.0]  # fmt: skip

    assert 4 == sum(q < 0.05 for q in benjamini_hochberg(told))
    assert 3 == sum(p < 0.05 / 15 for p in told)


def with_before(*rows):
    """Of (value, before), a unit a row."""
    value, before = (list(column) for column in zip(*rows, strict=True))
    return Sums(
        len(rows),
        {"value": sum(value), "before": sum(before)},
        {("value", "value"): sum(v * v for v in value),
         ("before", "before"): sum(b * b for b in before),
         ("before", "value"): sum(v * b for v, b in rows)},
    )  # fmt: skip


def test_one_buyer_is_not_adjusted_to_certainty():
    """What he bought before tells all that he bought since: nothing would be left over, and the
    interval would be a point or, by rounding, none."""
    control = with_before((1279.0, 2364.0), *[(0.0, 0.0)] * 8)
    found = lift(control, with_before(*[(0.0, 0.0)] * 9), "value", before="before")

    assert 1279.0 / 9 == pytest.approx(found.error)
    assert 0.0 == found.gained and -1279.0 / 9 == pytest.approx(found.difference.value)


@pytest.mark.filterwarnings("error")
def test_where_nobody_differs_nothing_is_tested():
    """Three units of 5 against three of 7: the difference is known, its error is not."""
    control, treated = (with_before((x, 1.0), (x, 2.0), (x, 4.0)) for x in (5.1, 7.3))
    found = lift(control, treated, "value", before="before")

    assert (5.1, 7.3, 0.0) == pytest.approx((found.control, found.treatment, found.error))
    assert math.isnan(found.p) and math.isnan(found.difference.low)
