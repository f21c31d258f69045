"""What a next test needs, and what was drawn, in words."""

import datetime as dt

import pandas as pd
import pytest
from repurchase.analysis.trial_draw import handed
from repurchase.analysis.trial_plan import Spread, assigned, needed
from repurchase.context import Context
from repurchase.params import ExperimentPlan
from repurchase.records import Result
from repurchase.show.trial_planning import assignment_sheets, drawn_lists, trial_planning


def planned(context: Context, **changes) -> Result:
    """Margin of 20 (deviation 150) and a share of 6 % of 18,408 customers, 19.4 joining a day."""
    told = {"joining": 19.4} | changes
    parts = []
    for metric, mean, deviation in (("margin", 20.0, 150.0), ("repurchase", 0.06, 0.2375)):
        spread = Spread(metric, 30, 18_408, mean, deviation, 0.07)
        rows = needed(spread, [0.1 * mean, 0.5 * mean], joining_a_day=told["joining"])
        parts.append(rows.assign(metric=metric, horizon=30, eligible=18_408, mean=mean,
                                 deviation=deviation, explained=0.07,
                                 joining_a_day=told["joining"], share=0.5))  # fmt: skip
    return Result(pd.concat(parts, ignore_index=True), (), None, context)


def texts(table) -> list[list[str]]:
    return [[c if isinstance(c, str) else c.text for c in row] for row in table.rows]


def test_a_row_an_effect_with_customers_and_days(context: Context) -> None:
    """What would take years is called so; what those there are suffice for takes the horizon."""
    table = trial_planning(planned(context), id="X-15")
    wanted = 4 * (1.959964 + 0.841621) ** 2 * 150**2 * 0.93 / 4

    assert "X-15" == table.id
    assert [
        ["margin", "+10%", "+¥2.00", f"{wanted:,.0f}", "over 2 years"],
        ["", "+50%", "+¥10.00", "6,570", "30"],
        ["share who ordered", "+10%", "+0.6 pp", "45,749", "over 2 years"],
        ["", "+50%", "+3.0 pp", "1,830", "30"],
    ] == texts(table)
    assert "18,408" in table.caption and "19.4 a day" in table.caption


def test_where_nobody_joins_no_day_is_told(context: Context) -> None:
    """A dash where those there are do not suffice."""
    rows = texts(trial_planning(planned(context, joining=0.0), id="X-15"))

    assert ["–", "30"] == [row[-1] for row in rows[:2]]


def test_without_orders_no_size_is_told(context: Context) -> None:
    """It says so."""
    nothing = Result(pd.DataFrame(), (), None, context)

    assert "cannot be told" in trial_planning(nothing, id="X-15").text


@pytest.fixture
def context(context_of) -> Context:
    """In English, in yuan."""
    return context_of()


@pytest.fixture
def drawn() -> pd.DataFrame:
    """Ten customers in two strata, two of five in the coupon's arm."""
    plan = ExperimentPlan.model_validate({
        "id": "spring", "arms": {"control": {"share": 3}, "coupon": {"share": 2}},
        "start": dt.date(2025, 10, 6), "assignment": {"seed": 7},
    })  # fmt: skip
    people = pd.DataFrame({"customer_id": list("abcdefghij"), "stratum": ["s"] * 5 + ["t"] * 5})
    return handed(plan, assigned(people, {"control": 3, "coupon": 2}, experiment_id="spring"))


def test_each_arm_of_a_drawn_list_is_counted(context: Context, drawn: pd.DataFrame) -> None:
    """A row an arm, the test and its strata named once."""
    table = drawn_lists({"spring": drawn}, context=context, id="X-16")

    assert [["spring", "2", "control", "6", "60.0%"], ["", "", "coupon", "4", "40.0%"]] == texts(
        table
    )
    assert () == drawn_lists({}, context=context, id="X-16").blocks


def test_lists_of_several_tests_are_one_sheet_and_a_file_each(
    context: Context, drawn: pd.DataFrame
) -> None:
    """Labels tell the files; an empty column stays one."""
    both = {"spring": drawn, "autumn": drawn.assign(experiment_id="autumn")}
    sheets = assignment_sheets(both, context=context)
    (frame,) = sheets.frames.values()

    assert ("assignments", ("spring",) * 10 + ("autumn",) * 10) == (sheets.name, sheets.labels)
    assert frame["exposed_at"].isna().all() and "2025-10-06" == frame["assigned_at"].iloc[0]
