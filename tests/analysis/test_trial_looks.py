"""How often a test was looked at, and what all looks leave."""

import datetime as dt
from dataclasses import asdict, replace

import pytest
from made.trials import plan_of, trial_of, units_of
from pydantic import ValidationError
from repurchase.analysis.trial_looks import look_records, trial_looks, tuned_at
from repurchase.analysis.trial_results import fingerprint, stage
from repurchase.analysis.trials import records
from repurchase.looks import Look, recorded
from repurchase.records import record_rows
from repurchase.stats.sequential import sequence_p


def look(period="2025-05", **told):
    given = {"experiment": "x", "period": period, "fingerprint": f"f{period}", "arm": "new",
             "metric": "margin", "horizon": 30, "rule": "always_valid", "tuned": 1000, "n": 400.0,
             "value": 6.0, "low": 1.0, "high": 12.0, "p": 0.03}  # fmt: skip
    return Look(**{**given, **told})


def running(**told):
    """A difference of 5 with an error of 2, whose plan is not fulfilled."""
    return trial_of(readings={30: (5.0, 2.0)}, over=False, **told)


def test_a_look_is_known_by_what_was_read_whatever_its_order():
    """Another outcome, arm or customer is another look; the rows' order is none."""
    same = trial_of(outcomes={"new": [1, 2, 3], "control": [0, 2, 1]}).fingerprint

    assert 16 == len(same)
    assert same == trial_of(outcomes={"control": [2, 1, 0], "new": [3, 1, 2]}).fingerprint
    for other in (
        {"new": [1, 2, 4], "control": [0, 2, 1]}, {"new": [1, 2, 3, 0], "control": [0, 2, 1]},
        {"control": [1, 2, 3], "new": [0, 2, 1]}, {"new": [2, 2, 2], "control": [0, 2, 1]},
    ):  # fmt: skip
        assert same != trial_of(outcomes=other).fingerprint


def test_who_is_not_ripe_is_no_part_of_the_look():
    """A customer who was assigned yesterday has shown nothing yet."""
    trial = trial_of()
    more = units_of({"new": [1, 2, 3, 50], "control": [0, 2, 1]})
    more = more.mutate(ripe_30=more.margin_30 < 50)

    assert trial.fingerprint == fingerprint(trial.plan, more)


def test_the_same_data_in_the_same_period_are_no_new_look():
    """A repeated run, or a second edition of the same; other data of the period are one."""
    trial = running()
    first = trial_looks(trial, [], period="2025-06")
    own = first.arms[0].looks[-1]
    again = trial_looks(trial, [own], period="2025-06")
    other = trial_looks(trial, [replace(own, fingerprint="other")], period="2025-06")
    next_month = trial_looks(trial, [own], period="2025-07")

    assert (1, True) == (first.count, first.new)
    assert (1, False) == (again.count, again.new)
    assert (2, True) == (other.count, other.new)
    assert (2, True, "2025-06") == (next_month.count, next_month.new, next_month.first)


def test_looks_are_counted_before_and_after_the_plan_was_fulfilled():
    """Those of other tests are none; two arms are looked at in one look."""
    earlier = [look("2025-03"), look("2025-03", arm="b"), look("2025-04", rule="fixed"),
               look("2025-04", experiment="y", fingerprint="z")]  # fmt: skip
    told = trial_looks(trial_of(), earlier, period="2025-06")

    assert (3, 1, "2025-03") == (told.count, told.early, told.first)


def test_what_a_look_left_out_stays_out_and_the_smallest_p_counts():
    """5 -+ 1.96 x 2 widened to hold always, cut by the 1 to 12 of the look before."""
    told = trial_looks(running(), [look()], period="2025-06").arms[0]
    own = told.looks[-1]

    assert sequence_p(5.0, 2.0, n=1000, expected_n=1000) == pytest.approx(own.p)
    assert own.low < 0 and own.high < 12
    assert (5.0, 1.0, own.high) == tuple(told.left)
    assert 0.03 == told.p < own.p


@pytest.mark.parametrize(
    "other", [{"tuned": 500}, {"metric": "revenue"}, {"horizon": 60}, {"arm": "b"}]
)
def test_only_looks_of_one_sequence_are_read_together(other):
    """Another tuning, figure, stretch or arm is another sequence; it counts as a look all the same.
    """
    told = trial_looks(running(), [look(**other)], period="2025-06")
    own = told.arms[0].looks[-1]

    assert 2 == told.count
    assert (own.low, own.high) == tuple(told.arms[0].left)[1:]
    assert own.p == told.arms[0].p


def test_looks_that_leave_nothing_contradict_each_other():
    """Then nothing is made of them together."""
    told = trial_looks(running(), [look(value=30.0, low=25.0, high=35.0)], period="2025-06").arms[0]

    assert (None, True) == (told.left, told.apart)


def test_once_the_plan_is_fulfilled_the_interval_of_this_look_rules():
    """The p-value of all looks stays."""
    told = trial_looks(trial_of(), [look(p=1e-9)], period="2025-06").arms[0]

    assert (None, False, 1e-9) == (told.left, told.apart, told.p)


def test_a_broken_test_and_one_without_a_ripe_customer_are_not_looked_at():
    """Nothing of theirs is shown; the earlier looks still are counted."""
    for trial in (trial_of(broken=True), trial_of(readings={})):
        told = trial_looks(trial, [look()], period="2025-06")

        assert (1, False, ()) == (told.count, told.new, told.arms)


def test_the_sequence_is_tuned_where_the_first_look_tuned_it():
    """Unless the plan says how many customers it wants."""
    earlier = [look("2025-03", tuned=300), look("2025-04", tuned=700)]

    assert 300 == tuned_at(plan_of(), earlier)
    assert tuned_at(plan_of("y"), earlier) is None
    assert tuned_at(plan_of(planned_n=5000), earlier) is None


def test_what_is_recorded_is_read_back_as_the_same_look():
    """So the next review knows of this one what it needs, from its records alone."""
    trial = running()
    told = trial_looks(trial, [look("2025-05")], period="2025-06")
    made = [*records(trial), *look_records(trial, told)]
    rows = record_rows(replace(r, period="2025-06") for r in made)
    kept = recorded(rows)

    assert 1 == len(kept)
    assert told.arms[0].looks[-1] == Look(**kept[0])
    assert {"edition", "pack"} == set(asdict(look())) - set(kept[0])
    counted = {r.metric: r.value for r in look_records(trial, told)}
    assert (2.0, 0.03) == (counted["trial_looks"], counted["trial_looks_p"])


@pytest.mark.parametrize(("kind", "over"), [("test", True), ("holdout", False)])
def test_a_standing_hold_out_is_never_over(kind, over):
    """However many customers are held out, its interval is the one that holds at every look."""
    plan = plan_of(kind=kind, planned_end=None, planned_n=6)
    units = units_of({"new": [1, 2, 3], "control": [0, 2, 1]})
    found = stage(plan, units, horizon=30, seen_until=dt.date(2025, 12, 31))

    assert (6, over) == (found.ripe, found.over)


def test_a_hold_out_with_an_end_is_refused():
    """It would be a test."""
    with pytest.raises(ValidationError, match="a standing hold-out has no planned_end"):
        plan_of(kind="holdout")
