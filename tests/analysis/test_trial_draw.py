"""A drawn list goes out and comes back: what was changed on the way is seen."""

import datetime as dt

import ibis
import pandas as pd
import pytest
from repurchase.analysis.trial_draw import CODE, SIZE, CameBack, came_back, code, handed
from repurchase.analysis.trial_plan import assigned
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
    """As it is read back: text, but for what a spreadsheet may have made a number."""
    columns = ["customer_id", "arm", *(c for c in frame.columns if c.startswith("x_"))]
    return ibis.memtable(frame[columns].astype("string"))


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
