"""An experiment is checked before its result is looked at; what fails withholds the verdict."""

import datetime as dt

import ibis
import pandas as pd
import pytest
from repurchase.analysis.trial_checks import CHECKS, broken, checks, planned_shares
from repurchase.analysis.trial_units import TrialTables, units
from repurchase.params import ArmPlan, ExperimentPlan

DAY = dt.date(2025, 6, 2)
PLAN = ExperimentPlan(id="x", arms={"new": ArmPlan(share=0.5), "control": ArmPlan(share=0.5)})


def rows(new=200, control=200, day=DAY, first=0, exposed="new"):
    """Customers of two arms; those of `exposed` were reached an hour after assignment."""
    made = []
    for i in range(new + control):
        arm = "new" if i < new else "control"
        at = dt.datetime.combine(day, dt.time(9))
        seen = at + dt.timedelta(hours=1) if arm == exposed else None
        made.append((f"c{first + i}", arm, day, at, seen, 0.5, "log"))
    return made


def judged(made, plan=PLAN, days=(), segments=(), today=()):
    names = ["customer_id", "arm", "assigned_on", "assigned_at", "exposed_at", "planned_share",
             "assignment_source"]  # fmt: skip
    kinds = dict.fromkeys(names, "string") | {
        "assigned_on": "date", "assigned_at": "timestamp", "exposed_at": "timestamp",
        "planned_share": "float64",
    }  # fmt: skip
    frame = pd.DataFrame(made, columns=names)
    for column in ("assigned_at", "exposed_at"):
        frame[column] = pd.to_datetime(frame[column])
    assigned = ibis.memtable(frame, schema=kinds)
    bought = pd.DataFrame(days, columns=["customer_id", "order_date", "net_revenue", "net_margin"])
    table = ibis.memtable(
        bought, schema={"customer_id": "string", "order_date": "date", "net_revenue": "float64",
                        "net_margin": "float64"},
    )  # fmt: skip
    made_units = units(TrialTables(assigned, table), horizons=(30, 90), seen_until=DAY)
    labels = ibis.memtable(pd.DataFrame({"customer_id": [m[0] for m in made]}).drop_duplicates())
    made_units = made_units.inner_join(labels, "customer_id")
    if segments:
        made_units = made_units.mutate(
            **{s: made_units.customer_id.length().cast("string") for s in segments}
        )
    found = checks(
        plan, assigned, made_units, segments={s: s for s in segments}, today=today
    )  # fmt: skip
    drawn = "as_drawn", "all_drawn"
    assert tuple(c for c in CHECKS if c not in drawn) == tuple(
        c.name for c in found if c.name not in drawn
    )
    return {c.name: c for c in found}, broken(found)


def test_a_sound_experiment_passes_everything_that_can_be_told():
    """Nothing withholds its verdict."""
    found, failed = judged(rows())

    assert () == failed
    assert "passed" == found["sample_ratio"].state and 1.0 == found["sample_ratio"].p
    assert "not_computable" == found["sample_ratio_by_segment"].state


def test_a_broken_split_withholds_the_verdict():
    """A tenth of the treated is missing: 200 against 120 is no half."""
    found, failed = judged(rows(new=120))

    assert "sample_ratio" in failed
    assert found["sample_ratio"].p == pytest.approx(7.744e-06, rel=1e-3)


def test_a_split_that_is_broken_on_one_day_alone_is_seen():
    """Two days that even out: 90 to 10 and 10 to 90."""
    made = rows(90, 10) + rows(10, 90, DAY + dt.timedelta(days=1), 100)
    found, failed = judged(made)

    assert ("sample_ratio_by_day",) == failed
    assert "2025-06-02" == found["sample_ratio_by_day"].where


def test_a_split_that_is_broken_within_a_segment_is_seen():
    """Most names of three letters are in the control; noted if the test may have moved them."""
    made = rows(10, 90) + rows(90, 10, first=100)
    found, failed = judged(made, segments=("length",))
    loose, noted = judged(made, segments=("length",), today=("length",))

    assert ("sample_ratio_by_segment",) == failed
    assert "length: 3" == found["sample_ratio_by_segment"].where
    assert ((), "noted") == (noted, loose["sample_ratio_by_segment"].state)


def test_customers_in_two_arms_are_counted_and_many_withhold():
    """One of four hundred is noted, forty are too many; a row logged twice is neither."""
    twice = [(*r[:1], "control", *r[2:]) for r in rows()[:40]]
    few, failed_few = judged([*rows(), twice[0], rows()[1]])
    many, failed_many = judged([*rows(), *twice])

    assert ("noted", 1, 400) == (few["two_arms"].state, few["two_arms"].count, few["two_arms"].n)
    assert ("noted", 1) == (few["repeated_rows"].state, few["repeated_rows"].count)
    assert () == failed_few and "two_arms" in failed_many
    assert 40 == many["two_arms"].count


def test_exposure_before_assignment_and_of_the_control_withhold():
    """Each beyond one in a hundred."""
    early = [(*r[:4], r[3] - dt.timedelta(days=1), *r[5:]) if r[4] else r for r in rows()]
    hit = [(*r[:4], r[3], *r[5:]) if i >= 380 else r for i, r in enumerate(rows())]

    assert ("early_exposure",) == judged(early)[1]
    assert ("contamination",) == judged(hit)[1]
    assert 20 == judged(hit)[0]["contamination"].count
    assert "not_computable" == judged(rows(exposed=None))[0]["contamination"].state


def test_treated_without_a_logged_exposure_are_noted():
    """They thin the effect and bias nothing."""
    gaps = [(*r[:4], None, *r[5:]) if i < 30 else r for i, r in enumerate(rows())]
    found, failed = judged(gaps)

    assert ("noted", 30, ()) == (
        found["logging_gaps"].state, found["logging_gaps"].count, failed)  # fmt: skip


def test_arms_that_differed_before_the_start_withhold():
    """The treated bought twice as much beforehand: chance did not choose them."""
    before = [(f"c{i}", DAY - dt.timedelta(days=5), 10.0 + i % 7 + (20 if i < 200 else 0), None)
              for i in range(400)]  # fmt: skip
    found, failed = judged(rows(), days=before)

    assert ("balance_before",) == failed
    assert "new: before_revenue" == found["balance_before"].where


def test_arms_that_were_not_planned_withhold():
    """Which customers are they?"""
    made = [*rows(), ("c999", "third", *rows()[0][2:])]
    found, failed = judged(made)

    assert ("unplanned_arms",) == failed and "third" == found["unplanned_arms"].where


def test_shares_come_from_the_plan_then_from_the_log():
    """Some systems log the treated share on every row."""
    plain = ExperimentPlan(id="x")

    assert {"new": 0.5, "control": 0.5} == planned_shares(PLAN, {"new": 0.9, "control": 0.1})
    assert {"new": 0.2, "control": 0.8} == planned_shares(plain, {"new": 0.2, "control": 0.2})
    assert {"new": 0.2, "control": 0.8} == planned_shares(plain, {"new": 0.2, "control": 0.8})
    assert {} == planned_shares(plain, {"new": None, "control": 0.8})
