"""Conditions of a profile against the tables that were prepared."""

import dataclasses
import datetime as dt

import pytest
from repurchase.errors import ParameterError
from repurchase.initiatives import Initiative
from repurchase.model.conditions import check_columns
from repurchase.model.prepare import prepare
from repurchase.params import ExperimentPlan, FunnelSpec, FunnelStep, load_params
from repurchase.period import Period

WHERE = {"unit": "customer", "treated": {"where": "levle = 'gold'"}}


@pytest.fixture(scope="module")
def told(little_company):
    """A way to check a profile with other keys."""
    params = load_params("little", "2025-09", root=little_company)
    snapshot = prepare(params, cache=little_company / ".cache")

    def check(period="2025-09", **keys):
        profile = params.profile.model_copy(update=keys)
        check_columns(
            dataclasses.replace(params, profile=profile, period=Period.parse(period)), snapshot
        )

    return check


def plan(**told):
    return Initiative(**{"id": "x", "name": "x", "go_live": dt.date(2025, 1, 1), **told})


def funnel(**step):
    first = FunnelStep.model_validate({"name": "one", "orders": "first"})
    other = FunnelStep.model_validate({"name": "two", **step})
    return FunnelSpec(name="f", steps=(first, other))


def trial(day, **arms):
    """A test whose arms are told from columns of the events."""
    inferred = {"table": "events", "assigned_on": day, "arms": arms}
    return ExperimentPlan(
        id="t", control="b", horizon_days=30, metric="orders", inferred=inferred
    )  # fmt: skip


def test_what_fits_passes(told):
    """The demo company's own conditions, and columns that are derived."""
    other = told(
        segments={"joined late": "created_date > date '2025-01-01'"},
        initiatives=(plan(costs={"discounts": "discount > 0 and net_revenue > 10"}),),
    )

    assert [None, None] == [told(), other]


@pytest.mark.parametrize(
    ("keys", "where"),
    [
        ({"segments": {"mine": "levle"}}, "params/little.yaml, segments.mine"),
        (
            {"initiatives": (plan(**WHERE),)},
            "params/little.yaml, initiatives, x, treated.where",
        ),
        (
            {"initiatives": (plan(costs={"discounts": "levle > 0"}),)},
            "params/little.yaml, initiatives, x, costs.discounts",
        ),
        (
            {"funnels": (funnel(events=["sms"], where="levle = 'x'"),)},
            "params/little.yaml, funnels.0.steps.1",
        ),
        (
            {"experiments": (trial(dt.date(2025, 9, 30), a="levle = 'x'", b="type = 'sms'"),)},
            "params/little.yaml, experiments, t, inferred.arms.a",
        ),
    ],
)
def test_a_column_that_there_is_not_is_told_before_a_chapter_runs(told, keys, where):
    """With its place, and the columns that there are."""
    with pytest.raises(ParameterError, match="there is no column 'levle'") as caught:
        told(**keys)

    assert where == caught.value.where
    assert "customer_id" in caught.value.remedy


def test_several_are_told_at_once(told):
    """So that one run says all that is wrong."""
    with pytest.raises(ParameterError) as caught:
        told(segments={"mine": "levle"}, initiatives=(plan(**WHERE),))

    assert 2 == caught.value.what.count("there is no column 'levle'")
    assert "segments.mine; params/little.yaml, initiatives, x, treated.where" in caught.value.where


def test_what_the_period_does_not_ask_is_not_looked_at(told):
    """A plan may be written before the columns that it will be told from."""
    told("2025-08", initiatives=(plan(**WHERE, go_live=dt.date(2025, 9, 1)),))
    told("2025-08", experiments=(trial(dt.date(2025, 9, 1), a="levle = 'x'", b="type = 'sms'"),))
    with pytest.raises(ParameterError):
        told("2025-09", initiatives=(plan(**WHERE, go_live=dt.date(2025, 9, 1)),))
