"""Costs by their days: booked, planned and run on; the accounts; what is missing."""

import datetime as dt
from decimal import Decimal

import ibis
import pandas as pd
import pytest
from made.initiative_money import UNTIL, booked_of, plan_of
from repurchase.analysis import initiative_costs
from repurchase.analysis.initiative_costs import Accounts
from repurchase.calendar import Window
from repurchase.model.reconcile import MoneyBridge
from repurchase.period import Period

STOP = dt.date(2027, 12, 31)
TO_DATE = Window(dt.date(2024, 1, 1), UNTIL)


def sums(plan, booked, *, window=TO_DATE, until=UNTIL, stop=STOP):
    known = initiative_costs.lines(plan, booked, until=until, stop=stop)
    rows = initiative_costs.table(known, window).to_dict("records")
    return {(r["category"], r["kind"], r["source"]): r["amount"] for r in rows}


def planned(**told):
    return plan_of(costs={"planned": [{"category": "labour", "start": dt.date(2025, 1, 1)} | told]})


def test_a_cost_falls_on_its_days():
    """3,650 for the year 2025: 273 of its 365 days lie up to the end of September."""
    year = booked_of(
        (dt.date(2025, 1, 1), dt.date(2025, 12, 31), "other", 3_650.0, False, None, None)
    )

    assert 2_730 == pytest.approx(sums(plan_of(), year)["other", "one_off", "booked"])


def test_hours_times_rate_by_month_and_in_part():
    """40 hours at 50 a month from the 17th of September: 14 of 30 days, then whole months."""
    plan = planned(hours=40, hourly_rate=50, start=dt.date(2025, 9, 17), monthly=True)
    later = Window(UNTIL + dt.timedelta(days=1), dt.date(2025, 12, 31))

    assert 933.33 == pytest.approx(sums(plan, None)["labour", "running", "planned"])
    assert 6_000 == pytest.approx(sums(plan, None, window=later)["labour", "running", "planned"])
    known = initiative_costs.lines(plan, None, until=UNTIL, stop=STOP)
    assert 120 == pytest.approx(initiative_costs.table(known, later)["hours"].iloc[0])


def test_what_is_estimated_is_said_and_one_off_is_spread_between_its_days():
    """300 from the 16th to the end of September is half due by the 23rd."""
    plan = planned(amount=300, estimated=True, start=dt.date(2025, 9, 16), end=UNTIL)
    window = Window(dt.date(2025, 1, 1), dt.date(2025, 9, 23))

    assert {("labour", "one_off", "estimated"): 160.0} == sums(plan, None, window=window)


def test_running_costs_run_on_at_the_last_three_months_level():
    """400, 400, then 700 in September: 500 a month, 27 months; the build does not run on."""
    more = booked_of((dt.date(2025, 9, 1), UNTIL, "software", 300.0, True, None, None))
    later = Window(UNTIL + dt.timedelta(days=1), STOP)

    assert {("software", "running", "projected"): 13_500.0} == sums(plan_of(), more, window=later)


def test_a_planned_amount_ahead_takes_the_place_of_the_projection():
    """What the company plans to pay is not counted besides what it has been paying."""
    costs = {"planned": [{"category": "software", "amount": 100, "start": dt.date(2025, 10, 1),
                          "monthly": True}]}  # fmt: skip
    later = Window(UNTIL + dt.timedelta(days=1), STOP)
    found = sums(plan_of(costs=costs), booked_of(), window=later)

    assert {("software", "running", "planned"): 2_700.0} == found


def test_a_licence_paid_ahead_runs_on_after_its_last_day():
    """1,200 booked for October to December: projected from January on, at 400 as before."""
    ahead = booked_of(
        (dt.date(2025, 10, 1), dt.date(2025, 12, 31), "software", 1_200.0, True, None, None)
    )
    found = sums(plan_of(), ahead, window=Window(dt.date(2025, 10, 1), STOP))

    assert 1_200 == pytest.approx(found["software", "running", "booked"])
    assert 24 * 400 == pytest.approx(found["software", "running", "projected"])


def test_what_stopped_costing_is_not_run_on():
    """No training in the last three months, none to come; of what recurs unsaid nothing is."""
    old = booked_of(
        (dt.date(2025, 1, 1), dt.date(2025, 1, 31), "training", 90.0, True, None, None),
        (dt.date(2025, 9, 1), UNTIL, "labour", 50.0, None, None, None),
    )
    later = Window(UNTIL + dt.timedelta(days=1), STOP)

    assert {"software"} == {category for category, *_ in sums(plan_of(), old, window=later)}
    assert 50 == sums(plan_of(), old)["labour", "not_told", "booked"]


def test_the_course_has_every_cent_once():
    """Months add up to the sums to date and to come, also in a month that is cut in two."""
    until = dt.date(2025, 9, 17)
    known = initiative_costs.lines(plan_of(), booked_of(), until=until, stop=STOP)
    months = [Period.parse("2024-10").shifted(k) for k in range(39)]
    course = initiative_costs.course(known, months, until=until)
    cut = Window(dt.date(2024, 1, 1), until), Window(until + dt.timedelta(days=1), STOP)

    assert 9_200 + 400 * (8 + 17 / 30) == pytest.approx(course.to_date)
    assert (course.to_date, course.to_come) == pytest.approx(
        tuple(initiative_costs.table(known, w)["amount"].sum() for w in cut), abs=0.02
    )


def test_expected_categories_without_a_row_are_missing():
    """In the plan's order; a planned amount is a row."""
    plan = planned(amount=1)
    expected = plan.costs.model_copy(update={"expected": ("training", "build", "labour")})
    plan = plan.model_copy(update={"costs": expected})
    known = initiative_costs.lines(plan, booked_of(), until=UNTIL, stop=STOP)

    assert ("training",) == initiative_costs.missing(plan, known)


def test_booked_rows_are_those_of_the_initiatives_ids():
    """Its own id unless others are named; hours stand in for an amount that is empty."""
    day = dt.date(2025, 2, 1)
    rows = pd.DataFrame(
        [("x", day, day, "labour", None, 10.0, 30.0), ("y", day, day, "build", 7.0, None, None),
         ("z", day, day, "build", 9.0, None, None)],
        columns=["initiative_id", "period_start", "period_end", "category", "amount", "hours",
                 "hourly_rate"],
    )  # fmt: skip
    table = ibis.memtable(
        rows, schema={"initiative_id": "string", "period_start": "date", "period_end": "date",
                      "category": "string", "amount": "float64", "hours": "float64",
                      "hourly_rate": "float64"},
    )  # fmt: skip
    table = table.mutate(amount=table.amount.cast("decimal(18, 2)"))
    named = plan_of(costs={"ids": ["y", "z"]})

    assert {("labour", "not_told", "booked"): 300.0} == sums(
        plan_of(), initiative_costs.booked(table, plan_of())
    )
    assert {("build", "not_told", "booked"): 16.0} == sums(
        named, initiative_costs.booked(table, named)
    )
    assert initiative_costs.booked(None, named) is None
    assert initiative_costs.booked(table.drop("initiative_id"), named).empty


def test_the_accounts_are_of_the_windows_days():
    """Known customers' revenue from the first to the last day, and how the books tie."""
    days = pd.DataFrame(
        {"order_date": [dt.date(2025, 1, 31), dt.date(2025, 2, 1), dt.date(2025, 2, 28)],
         "net_revenue": [1.0, 20.0, 300.0]}
    )  # fmt: skip
    window = Window(dt.date(2025, 2, 1), dt.date(2025, 2, 28))
    table = ibis.memtable(days, schema={"order_date": "date", "net_revenue": "float64"})
    tied = MoneyBridge((), Decimal("0.002"), True)

    assert Accounts(window, 320.0) == initiative_costs.accounts(table, window, None)
    assert Accounts(window, 320.0, 0.002, True) == initiative_costs.accounts(table, window, tied)


def test_discounts_are_of_purchases_in_the_window():
    """What was given off an order that was none counts for nothing."""
    orders = pd.DataFrame(
        {"order_date": [dt.date(2025, 2, 1), dt.date(2025, 2, 2), dt.date(2025, 3, 1)],
         "discount": [5.0, 70.0, 900.0], "is_purchase": [True, False, True]}
    )  # fmt: skip
    window = Window(dt.date(2025, 2, 1), dt.date(2025, 2, 28))
    table = ibis.memtable(
        orders, schema={"order_date": "date", "discount": "float64", "is_purchase": "boolean"}
    )

    assert 5.0 == initiative_costs.discounts(table, window)
    assert initiative_costs.discounts(table.drop("discount"), window) is None


def test_the_end_is_the_plans_or_the_horizons():
    """The earlier of the two."""
    assert STOP == initiative_costs.stop_of(plan_of())
    assert UNTIL == initiative_costs.stop_of(plan_of(ends=UNTIL))
    assert dt.date(2025, 12, 31) == initiative_costs.stop_of(plan_of(horizon_months=12))
