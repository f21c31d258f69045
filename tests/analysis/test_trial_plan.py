"""Before a test: how many customers it takes, and who is put into which arm."""

import math

import pandas as pd
import pytest
from repurchase.analysis.trial_plan import assigned, needed, spread
from repurchase.stats.sample_ratio import sample_ratio
from repurchase.stats.trial import Sums


def people(**strata):
    """Customers c0, c1, ... in strata of these sizes."""
    labels = [name for name, size in strata.items() for _ in range(size)]
    return pd.DataFrame({"customer_id": [f"c{i}" for i in range(len(labels))], "stratum": labels})


def test_every_stratum_is_split_as_planned():
    """To within one customer, whatever the sizes."""
    found = assigned(people(a=101, b=7, c=1), {"new": 0.5, "control": 0.5}, experiment_id="x")
    counts = found.groupby(["stratum", "arm"]).size().unstack(fill_value=0)

    assert 109 == len(found) == found["customer_id"].nunique()
    assert {50, 51} == set(counts.loc["a"]) and {3, 4} == set(counts.loc["b"])
    assert 1 == counts.loc["c"].sum()


def test_uneven_shares_hold_over_many_small_strata():
    """What is left over is drawn, so that one arm is not always given it."""
    many = people(**{f"s{i}": 3 for i in range(600)})
    found = assigned(many, {"new": 0.2, "other": 0.3, "control": 0.5}, experiment_id="x")
    counts = found["arm"].value_counts()

    assert sample_ratio([counts[a] for a in ("new", "other", "control")], [0.2, 0.3, 0.5]) > 0.01


def test_the_same_in_every_run_and_another_by_another_seed():
    """The order of rows and arms does not matter; the seed and the experiment's name do."""
    rows = people(a=40, b=30)
    first = assigned(rows, {"new": 1, "control": 1}, experiment_id="x")
    again = assigned(rows.sample(frac=1, random_state=3), {"new": 1, "control": 1},
                     experiment_id="x")  # fmt: skip

    pd.testing.assert_frame_equal(first, again)
    turned = assigned(rows, {"control": 1, "new": 1}, experiment_id="x")
    pd.testing.assert_frame_equal(first, turned)
    for other in ({"seed": 2, "experiment_id": "x"}, {"experiment_id": "y"}):
        assert (first["arm"] != assigned(rows, {"new": 1, "control": 1}, **other)["arm"]).any()


@pytest.mark.parametrize("arms", [{"new": 1.0}, {"new": 0.5, "control": 0.0}])
def test_a_split_needs_two_arms(arms):
    """Each with a share."""
    with pytest.raises(ValueError, match="two or more"):
        assigned(people(a=4), arms, experiment_id="x")


def test_a_customer_on_two_rows_is_refused():
    """Nobody can be in two arms."""
    rows = pd.concat([people(a=2), people(a=1)])
    with pytest.raises(ValueError, match="on two rows"):
        assigned(rows, {"new": 1, "control": 1}, experiment_id="x")


# metric 0 10 0 10, before 0 8 2 10: variance 100 / 3, covariance 80 / 3, variance before 68 / 3
SUMS = Sums(
    4,
    {"margin": 20.0, "before_margin": 20.0},
    {("margin", "margin"): 200.0, ("before_margin", "before_margin"): 168.0,
     ("before_margin", "margin"): 180.0},
)  # fmt: skip


def test_the_companys_own_spread():
    """By hand: 80^2 / (100 * 68) of the variance is known beforehand."""
    found = spread(SUMS, "margin", horizon=30)

    assert (4, 5.0) == (found.customers, found.mean)
    assert math.sqrt(100 / 3) == pytest.approx(found.deviation)
    assert 80**2 / (100 * 68) == pytest.approx(found.explained)
    with pytest.raises(ValueError, match="at least 2"):
        spread(Sums(1, {}, {}), "margin", horizon=30)


def test_customers_and_days_for_an_effect():
    """16 variances over effect squared (80 % power); those who are missing join by the day."""
    found = needed(spread(SUMS, "margin", horizon=30), [1.0, 100.0], joining_a_day=2.0,
                   adjusted=False)  # fmt: skip
    wanted = math.ceil((1.959964 + 0.841621) ** 2 * (100 / 3) / 0.25)

    assert [wanted, 1] == found["customers"].tolist()
    assert [False, True] == found["enough"].tolist()
    assert [math.ceil((wanted - 4) / 2) + 30, 30] == found["days"].tolist()
    assert [0.2, 20.0] == pytest.approx(found["relative"].tolist())
    smaller = needed(spread(SUMS, "margin", horizon=30), [1.0])
    assert wanted * (1 - 80**2 / 6800) == pytest.approx(smaller["customers"].iloc[0], abs=1)
    assert math.isnan(smaller["days"].iloc[0])
