"""What became of the year's tests, by hand."""

import datetime as dt
import math

import pytest
from made.trials import Z, plan_of, trial_of
from repurchase.analysis.trial_memory import memory, memory_records
from repurchase.params import ArmPlan, ExperimentDecision
from repurchase.stats.shrinkage import shrunken

UNTIL, SINCE = dt.date(2025, 9, 30), dt.date(2024, 10, 1)


def adopted(on=dt.date(2025, 7, 15), lift=9.0, **told):
    return ExperimentDecision(**{"verdict": "adopt", "arm": "new", "on": on, "lift": lift, **told})


def told_of(*trials):
    return memory(trials, since=SINCE, until=UNTIL)


def test_a_decision_is_read_again_over_the_same_days_and_over_the_longest_ripe_ones():
    """9 was claimed; 5 are read over 30 days, 2 over 90, less a cost of .5 each."""
    arms = {"new": ArmPlan(share=0.5, cost=0.5), "control": ArmPlan(share=0.5)}
    plan = plan_of(decision=adopted(), arms=arms, longer_horizon_days=90, units_a_year=2000)
    (one,) = told_of(trial_of(plan, {30: (5.0, 1.0), 90: (2.0, 2.0)})).decisions

    assert (9.0, 4.5, 1.5, 90) == (one.claimed, one.again.value, one.now.value, one.now_horizon)
    assert (1.5 - 2 * Z, 1.5 + 2 * Z) == pytest.approx(one.now[1:])
    assert ("not_sure", 2000, True) == (one.state, one.units, one.in_year)
    half_ripe = trial_of(plan, {30: (5.0, 1.0), 90: (2.0, 2.0)}, ripe={90: 999})
    (one,) = told_of(half_ripe).decisions
    assert (4.5, 30, "still_there") == (one.now.value, one.now_horizon, one.state)


@pytest.mark.parametrize(
    ("verdict", "difference", "state"),
    [("adopt", 5.0, "still_there"), ("adopt", 1.0, "not_sure"), ("adopt", -0.1, "gone"),
     ("adopt_provisionally", -5.0, "gone"), ("keep_control", 1.0, "confirmed"),
     ("keep_control", 5.0, "missed")],
)  # fmt: skip
def test_what_has_become_of_a_decision(verdict, difference, state):
    """By the interval of today, whose half is 1.96."""
    plan = plan_of(decision=adopted(verdict=verdict))

    assert state == told_of(trial_of(plan, {30: (difference, 1.0)})).decisions[0].state


def test_nothing_is_said_of_a_broken_test_an_unripe_one_or_another_figure():
    """The claim still stands there."""
    plan = plan_of(decision=adopted())
    other = trial_of(plan.model_copy(update={"metric": "revenue"}), asked="margin")
    found = [trial_of(plan, broken=True), trial_of(plan, {}), other]

    for trial, state in zip(found, ("withheld", "not_ripe", "other_figure"), strict=True):
        (one,) = told_of(trial).decisions
        assert (state, 9.0, None, None) == (one.state, one.claimed, one.again, one.now)


def test_a_decision_that_names_no_arm_is_read_where_there_is_one():
    """With two nobody can tell which was meant."""
    plan = plan_of(decision=adopted(arm=None))
    (one,) = told_of(trial_of(plan)).decisions
    two = trial_of(plan)
    two.frame.loc[1] = {**two.frame.loc[0].to_dict(), "arm": "newer"}

    assert ("new", 5.0) == (one.arm, one.now.value)
    assert (None, None) == (told_of(two).decisions[0].arm, told_of(two).decisions[0].now)


def test_the_year_is_counted_by_what_became_of_its_tests():
    """One each: adopted, finished without a decision, running, broken; an old and a future one."""
    old = plan_of("old", decision=adopted(on=dt.date(2024, 9, 30)))
    found = told_of(
        trial_of(plan_of("a", decision=adopted())),
        trial_of(plan_of("b", decision=adopted(on=dt.date(2025, 10, 1)))),
        trial_of(plan_of("c"), over=False),
        trial_of(plan_of("d"), broken=True),
        trial_of(old, day=dt.date(2024, 8, 1)),
        trial_of(plan_of("e", kind="holdout", planned_end=None), over=False),
    )

    assert (4, 2, 1, 1) == (found.run, found.finished, found.running, found.broken)
    assert (1, 1, 1) == (found.decided, found.won, found.still_there)
    assert ["a", "old"] == [d.experiment for d in found.decisions]
    assert [True, False] == [d.in_year for d in found.decisions]


@pytest.mark.parametrize(("first", "counts"), [(2, 0), (3, 1)])
def test_a_test_belongs_to_the_year_in_which_its_days_end(first, counts):
    """Assigned on 2 September 2024 its 30 days end on 1 October."""
    day = dt.date(2024, 9, first) - dt.timedelta(days=1)

    assert counts == told_of(trial_of(day=day)).run


def test_the_money_of_the_year_less_what_the_tests_cost():
    """Claimed 1,000 x 9 + 500 x 4; read 1,000 x 5 + 500 x 2, errors 1,000 and 500; 6 units of 2;
    of two tests no cost is said."""
    dear = {"new": ArmPlan(share=0.5, cost=2), "control": ArmPlan(share=0.5)}
    lost = trial_of(plan_of("lost", arms=dear), {30: (-3.0, 1.0)})
    found = told_of(
        trial_of(plan_of("a", decision=adopted(), units_a_year=1000)),
        trial_of(plan_of("b", decision=adopted(lift=4), units_a_year=500), {30: (2.0, 1.0)}),
        lost,
    )
    half = Z * math.hypot(1000, 500)

    assert (11_000, 2, 2) == (found.claimed, found.claims, found.valued)
    assert (6000, 6000 - half, 6000 + half) == pytest.approx(tuple(found.now))
    assert tuple(found.now) == pytest.approx(tuple(found.again))
    assert (3 * 2, 18, 2) == (found.cost, found.customers, found.unpriced)


def test_winners_are_drawn_towards_all_tests():
    """Of 6, 3 and 0 with errors of 1 eight ninths are kept; two tests are too few."""
    a = trial_of(plan_of("a", decision=adopted(), units_a_year=100), {30: (6.0, 1.0)})
    b, c = (trial_of(plan_of(n), {30: (x, 1.0)}) for n, x in (("b", 3.0), ("c", 0.0)))
    found = told_of(a, b, c)
    (group,) = found.shrinkage

    assert (3, 3.0, 2) == pytest.approx((group.tests, group.mean, group.winners))
    assert (4.5, (17 / 3 + 3) / 2) == pytest.approx((group.read, group.drawn))
    effect = shrunken([6, 3, 0], [1, 1, 1]).effects[0]
    assert tuple(effect) == pytest.approx(tuple(found.decisions[0].drawn))
    assert [100 * x for x in effect] == pytest.approx(list(found.drawn))
    two = told_of(a, b)
    assert ((), None, None) == (two.shrinkage, two.drawn, two.decisions[0].drawn)


def test_what_is_recorded_names_what_is_missing():
    """Counts always; money with its interval; what could not be drawn with its reason."""
    found = memory_records(told_of(trial_of(plan_of(decision=adopted(), units_a_year=10))))
    told = {(r.metric, r.dimensions): r for r in found}

    assert 1 == told["trial_tests", "state=won"].value
    yearly = told["trial_yearly", "reading=now"]
    assert (50.0, 50 - 10 * Z) == pytest.approx((yearly.value, yearly.low))
    assert (90.0, None) == (told["trial_yearly", "reading=claimed"].value,
                            told["trial_yearly", "reading=claimed"].low)  # fmt: skip
    drawn = told["trial_yearly", "reading=drawn"]
    assert ("not_computed", "fewer than 3 tests of this figure over these days") == (
        drawn.status, drawn.reason)  # fmt: skip
    nobody = memory_records(told_of(trial_of()))
    assert ["no test was adopted in the twelve months"] == [
        r.reason for r in nobody if r.metric == "trial_yearly"
    ]
    assert [0.0] * 7 == [r.value for r in memory_records(told_of()) if r.metric == "trial_tests"]
