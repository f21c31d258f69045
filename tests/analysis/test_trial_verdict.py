"""One verdict an experiment, by rules in a fixed order."""

import datetime as dt

import pandas as pd
import pytest
from repurchase.analysis.trial_results import COLUMNS, PullForward, Stage
from repurchase.analysis.trial_verdict import verdict, worse
from repurchase.params import ArmPlan, ExperimentPlan
from repurchase.stats.proportion import Estimate

END = dt.date(2025, 6, 30)


def plan(**changes):
    told = {"id": "x", "arms": {"new": ArmPlan(share=0.5), "control": ArmPlan(share=0.5)},
            "planned_end": dt.date(2025, 6, 1)}  # fmt: skip
    return ExperimentPlan(**(told | changes))


def row(arm="new", metric="margin", difference=5.0, half=2.0, role="primary", p=0.001, horizon=30):
    found = dict.fromkeys(COLUMNS)
    return found | {
        "experiment": "x", "arm": arm, "metric": metric, "horizon": horizon, "role": role,
        "difference": difference, "low": difference - half, "high": difference + half, "p": p,
        "rule": "fixed",
    }  # fmt: skip


def told(rows, plan=None, *, over=True, ripe_later=1000, pulled=None, **more):
    plan = plan or globals()["plan"]()
    stages = {
        30: Stage(30, 1000, 1000, 1000, over, END),
        90: Stage(90, 1000, ripe_later, 1000, over, dt.date(2025, 8, 29)),
    }
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    return verdict(plan, frame, stages, pulled or {}, **more)


def kept(early=5.0, later=1.0):
    """A gain that stays."""
    return PullForward(*(Estimate(x, x - 1, x + 1) for x in (early, later, early + later)), False)


def gone():
    """A gain that the later days take back."""
    return PullForward(Estimate(5.0, 3.0, 7.0), Estimate(-6.0, -8.0, -4.0),
                       Estimate(-1.0, -4.0, 2.0), True)  # fmt: skip


def test_a_sure_gain_that_stays_is_adopted_and_valued():
    """A thousand customers, 5 each."""
    found = told([row()], pulled={"new": kept()})

    assert ("adopt", "gains", "new") == (found.decision, found.why, found.arm)
    assert (5000.0, 3000.0, 7000.0) == tuple(found.yearly)
    assert 1000 == found.yearly_units
    assert 8000 == told([row()], plan(units_a_year=8000), pulled={"new": kept()}).yearly_units


def test_a_gain_is_not_adopted_for_good_before_the_longer_horizon_is_ripe():
    """It is said when to read again."""
    found = told([row()], ripe_later=400, pulled={"new": kept()})

    assert ("adopt_provisionally", dt.date(2025, 8, 29)) == (found.decision, found.on)


def test_orders_that_only_came_forward_are_no_gain():
    """What is said is the difference over the whole longer horizon."""
    found = told([row()], pulled={"new": gone()})

    assert ("keep_control", "pulled_forward") == (found.decision, found.why)
    assert -1.0 == found.gain.value


def test_what_the_arm_costs_is_taken_off():
    """5 a customer, less 3.5 each: the interval reaches below nothing."""
    dear = plan(arms={"new": ArmPlan(share=0.5, cost=3.5), "control": ArmPlan(share=0.5)})
    found = told([row()], dear, pulled={"new": kept()})

    assert ("keep_control", "not_shown") == (found.decision, found.why)
    assert (1.5, -0.5, 3.5) == tuple(found.gain)


def test_a_broken_experiment_says_no_difference():
    """Whatever the figures."""
    found = told([row()], pulled={"new": kept()}, broken=["sample_ratio"])

    assert ("invalid", None, ("sample_ratio",)) == (found.decision, found.gain, found.broken)


def test_harm_to_a_guardrail_stops_it_though_the_metric_gains():
    """Sure at a level shared among the guardrails; a hint stops nothing."""
    rail = row(metric="opt_out", role="guardrail", difference=0.02, half=0.01, p=0.0001)
    found = told([row(), rail], pulled={"new": kept()})

    assert ("stop_for_harm", "guardrail", "opt_out") == (found.decision, found.why, found.rail)
    hints = [row(), {**rail, "p": 0.06}, {**rail, "metric": "complaint", "p": 0.06}]
    assert "adopt" == told(hints, pulled={"new": kept()}).decision


def test_a_guardrail_is_asked_one_way_only():
    """p of .04 both ways is .02 of "no worse"; of two guardrails .025 is the limit.

    A gain is never harm, and while the test runs the interval of every look must say so too.
    """
    rail = row(metric="opt_out", role="guardrail", difference=0.02, half=0.021, p=0.04)
    other = {**rail, "metric": "complaint", "p": 0.9}
    both = [row(), rail, other]
    better = [row(), {**rail, "difference": -0.02, "low": -0.04, "high": -0.001}, other]
    running = [row(), {**rail, "rule": "always_valid"}, other]

    assert [0.02, 0.45] == pytest.approx(worse(pd.DataFrame(both))["one_sided"].tolist())
    assert 0.98 == pytest.approx(worse(pd.DataFrame(better))["one_sided"].iloc[0])
    assert "stop_for_harm" == told(both, pulled={"new": kept()}).decision
    assert "adopt" == told(better, pulled={"new": kept()}).decision
    assert "adopt" == told(running, pulled={"new": kept()}).decision


def test_a_running_test_that_surely_loses_is_stopped_a_finished_one_is_dropped():
    """Both keep the control; only one is in a hurry."""
    losing = [row(difference=-5.0)]

    assert ("stop_for_harm", "loses") == (
        (found := told(losing, over=False)).decision, found.why)  # fmt: skip
    assert "keep_control" == told(losing).decision


def test_no_effect_worth_having_is_told_from_not_shown():
    """Only who said what is worth having can be told that there is none."""
    flat = [row(difference=0.5, half=1.0, p=0.3)]

    assert "not_shown" == told(flat).why
    assert "no_effect_worth_having" == told(flat, plan(smallest_effect=2.0)).why
    assert "too_small" == told([row(difference=0.5, half=0.2)], plan(smallest_effect=2.0)).why


def test_a_running_test_runs_on_until_its_day():
    """Without a plan there is no day, and that is said."""
    flat = [row(difference=0.5, half=1.0)]
    found = told(flat, over=False)

    assert ("keep_running", "running", END) == (found.decision, found.why, found.on)
    assert "no_plan" == told(flat, plan(planned_end=None), over=False).why
    assert "nothing_to_compare" == told([], over=False).why
    unripe = {30: Stage(30, 1000, 0, 1000, False, END)}
    none = pd.DataFrame(columns=list(COLUMNS))
    assert "nothing_ripe" == verdict(plan(), none, unripe, {}).why


def test_one_winner_of_two_arms_must_be_surer():
    """2.0 of a half of 1.99 would do for one arm, not for the better of two."""
    rows = [row("new", difference=2.0, half=1.99), row("other", difference=0.0)]
    three = plan(arms={a: ArmPlan(share=1) for a in ("new", "other", "control")})

    assert "adopt" == told(rows[:1], pulled={"new": kept()}).decision
    assert "keep_control" == told(rows, three, pulled={"new": kept()}).decision


@pytest.mark.parametrize("longer", [30, 10])
def test_the_longer_horizon_is_longer(longer):
    """A plan that says otherwise is refused."""
    with pytest.raises(ValueError, match="longer"):
        plan(longer_horizon_days=longer)
