"""A drawn list goes out and comes back: what was changed on the way is seen."""

import datetime as dt

import ibis
import pandas as pd
import pytest
from repurchase.analysis.trial_checks import broken, checks
from repurchase.analysis.trial_draw import CODE, SIZE, STRATUM, CameBack, came_back, code, handed
from repurchase.analysis.trial_plan import assigned
from repurchase.analysis.trial_units import TrialTables, units
from repurchase.params import ExperimentPlan, TrialAssignment


def plan(**changes):
    told = {
        "id": "spring", "arms": {"control": {"share": 3}, "coupon": {"share": 1}},
        "start": dt.date(2025, 10, 6), "assignment": {"seed": 7},
    }  # fmt: skip
    return ExperimentPlan.model_validate(told | changes)


def drawn_list(n=40, own=None):
    own = own or plan()
    people = pd.DataFrame({"customer_id": [f"{i:04d}" for i in range(n)], "stratum": "all"})
    shares = {arm: p.share for arm, p in own.arms.items()}
    told = assigned(people, shares, experiment_id=own.id, seed=own.assignment.seed)
    return handed(own, told)


def logged(frame):
    """As it is read back: headings that are not mapped get their mark, and all of it is text."""
    own = [c for c in (STRATUM, CODE, SIZE) if c in frame.columns]
    rows = frame[["customer_id", "arm", *own]].rename(columns={c: f"x_{c}" for c in own})
    return ibis.memtable(rows.astype("string"))


def test_the_list_has_the_columns_that_experiments_are_read_from():
    """Every arm with its share of one; nobody is exposed yet; one code a row, of letters."""
    found = drawn_list()

    assert [30, 10] == [int((found["arm"] == a).sum()) for a in ("control", "coupon")]
    assert {0.75, 0.25} == set(found["planned_share"])
    assert {dt.date(2025, 10, 6)} == set(found["assigned_at"])
    assert found["exposed_at"].isna().all() and {"drawn"} == set(found["assignment_source"])
    assert 40 == found[CODE].nunique() and {40} == set(found[SIZE])
    assert found[CODE].str.fullmatch("[b-t]{10}").all()


def test_a_code_is_of_the_customer_the_arm_the_test_and_the_seed():
    """Any other one of the four gives another code."""
    mine = code(plan(), "0001", "coupon")
    others = [
        code(plan(), "0002", "coupon"), code(plan(), "0001", "control"),
        code(plan(id="autumn"), "0001", "coupon"),
        code(plan(assignment=TrialAssignment(seed=8)), "0001", "coupon"),
    ]  # fmt: skip

    assert mine == code(plan(), "0001", "coupon")
    assert 5 == len({mine, *others})


def test_a_list_that_comes_back_as_it_went_out_is_as_drawn():
    """Nothing is otherwise and nobody is missing, in whatever order."""
    shuffled = drawn_list().sample(frac=1, random_state=1)

    assert CameBack(40, 0, 0) == came_back(plan(), logged(shuffled))


def test_what_was_changed_on_the_way_is_counted():
    """Two customers moved to the other arm, one whose noughts were lost, one without a code, one
    added by hand, and three left out."""
    found = drawn_list()
    other = {"control": "coupon", "coupon": "control"}
    found.loc[[0, 1], "arm"] = found.loc[[0, 1], "arm"].map(other)
    found.loc[2, "customer_id"] = found.loc[2, "customer_id"].lstrip("0")
    found.loc[3, CODE] = None
    found = pd.concat([found.iloc[:37], found.iloc[[4]].assign(customer_id="9999")])

    assert CameBack(38, 5, 7) == came_back(plan(), logged(found))


def test_without_codes_nothing_is_said():
    """A list drawn elsewhere is held against the shares alone."""
    found = drawn_list()

    assert came_back(plan(assignment=None), logged(found)) is None
    assert came_back(plan(), logged(found.drop(columns=CODE))) is None
    assert came_back(plan(), logged(found.assign(**{CODE: None}))) is None
    assert CameBack(40, 0, None) == came_back(plan(), logged(found.drop(columns=SIZE)))


@pytest.mark.parametrize(
    "wrong", [{"arms": {}}, {"start": None}, {"assignment": {"strata": ["a", "a"]}}]
)
def test_a_plan_that_cannot_be_drawn_is_refused(wrong):
    """Arms with shares and a first day are needed, and each stratum once."""
    with pytest.raises(ValueError, match="assignment"):
        plan(**wrong)


def judged(frame, own):
    """The two checks of a list that came back, and what withholds the verdict."""
    rows = frame[["customer_id", "arm"]].assign(
        assigned_on=own.start, assigned_at=dt.datetime.combine(own.start, dt.time()),
        exposed_at=None, planned_share=None, assignment_source="drawn",
        **{f"x_{c}": frame[c].astype("string") for c in (CODE, SIZE)},
    )  # fmt: skip
    kinds = dict.fromkeys(rows.columns, "string") | {
        "assigned_on": "date", "assigned_at": "timestamp", "exposed_at": "timestamp",
        "planned_share": "float64",
    }  # fmt: skip
    given = ibis.memtable(rows, schema=kinds)
    table = units(TrialTables(given, None), horizons=(30,), seen_until=dt.date(2025, 12, 31))
    found = checks(own, given, table)
    return {c.name: c for c in found if "drawn" in c.name}, broken(found)


def test_a_list_that_was_changed_withholds_the_verdict():
    """One of 400 otherwise is noted, five are too many; who did not come back is noted alone."""
    own, found = plan(), drawn_list(400)
    found = found.drop(found.index[found["arm"] == "coupon"][:1])
    whole, failed = judged(found, own)
    assert ("passed", "noted", 1, 400) == (
        whole["as_drawn"].state, whole["all_drawn"].state, whole["all_drawn"].count,
        whole["all_drawn"].n,
    )  # fmt: skip
    assert () == failed

    for moved, state, withheld in ((1, "noted", ()), (5, "failed", ("as_drawn",))):
        changed = found.copy()
        changed.iloc[:moved, changed.columns.get_loc(CODE)] = "nonsense"
        told, failed = judged(changed, own)
        assert (state, moved, withheld) == (
            told["as_drawn"].state, told["as_drawn"].count, failed)  # fmt: skip
    assert {} == judged(found, plan(assignment=None))[0]
