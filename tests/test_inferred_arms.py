"""Arms that nobody logged are told from what the plan says, in a whole review."""

import datetime as dt

import pytest
from repurchase.errors import ParameterError
from repurchase.model.prepare import prepare
from repurchase.params import ExperimentPlan, load_params
from repurchase.period import Period
from repurchase.review import Review

DAY = dt.date(2025, 5, 5)
ARMS = {"app": "source_channel = 'app'", "control": "source_channel = 'store'"}


@pytest.fixture
def review_of(little_company):
    """A review of the little demo company with these plans alone."""

    def make(*plans):
        params = load_params("little", "2025-09", root=little_company)
        snapshot = prepare(params, cache=little_company / ".cache")
        profile = params.profile.model_copy(update={"experiments": plans})
        object.__setattr__(params, "profile", profile)
        return Review(params, snapshot)

    return make


def plan_of(**changes):
    told = {"id": "channels", "planned_end": DAY, "longer_horizon_days": None,
            "inferred": {"table": "customers", "assigned_on": DAY, "arms": ARMS}}  # fmt: skip
    return ExperimentPlan(**(told | changes))


def test_arms_are_told_from_the_customers_columns(review_of):
    """As many units as the table has customers of each channel; no log, so inferred."""
    review = review_of(plan_of())
    trial = next(t for t in review.ab_review.trials() if t.plan.id == "channels")
    counted = review.sql(
        "select source_channel, count(distinct customer_id) as n from customers group by 1"
    )
    n = dict(zip(counted["source_channel"], counted["n"], strict=True))

    assert trial.inferred and Period.parse("2025-09") == review.period
    assert n["app"] + n["store"] == trial.stages[30].assigned
    check = next(c for c in trial.checks if c.name == "sample_ratio")
    assert "not_computable" == check.state  # nobody planned any shares


def test_a_day_that_has_not_come_tells_no_arms(review_of):
    """Assigned in October, reviewed in September."""
    later = {"table": "customers", "assigned_on": dt.date(2025, 10, 1), "arms": ARMS}
    found = review_of(plan_of(inferred=later)).ab_review.trials()

    assert "channels" not in {t.plan.id for t in found}


def test_an_expression_that_names_no_column_is_refused_with_its_place(review_of):
    """The plan, the arm, and the columns that there are."""
    wrong = {"table": "customers", "assigned_on": DAY, "arms": {**ARMS, "app": "chanel = 'app'"}}

    with pytest.raises(ParameterError, match="no column 'chanel'") as caught:
        review_of(plan_of(inferred=wrong)).ab_review.trials()
    assert "experiments, channels, inferred.arms.app" in str(caught.value)


def test_a_segment_that_is_none_is_refused(review_of):
    """With those that there are."""
    with pytest.raises(ParameterError, match="names the segment 'regoin'"):
        review_of(plan_of(segments=("regoin",))).ab_review.trials()


def test_inferred_arms_hold_the_control():
    """Else nothing could be compared with anything."""
    alone = {"table": "customers", "assigned_on": DAY, "arms": {"app": "true", "web": "false"}}
    with pytest.raises(ValueError, match="'control' among them"):
        plan_of(inferred=alone)
