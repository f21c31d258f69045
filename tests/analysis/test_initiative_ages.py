"""Is what a unit's customers did held against what customers of the same age did before?"""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from repurchase.analysis import initiative_ages, initiative_panel
from repurchase.initiatives import Group, Initiative

DAY = dt.date.fromisoformat


@pytest.fixture
def days(lives):
    """ann and ben of the app, cat and dan of the store."""
    return lives(
        {
            "ann": ["2025-01-10", "2025-02-03", "2025-02-20", "2025-03-05"],
            "ben": ["2025-02-11", "2025-03-30", "2025-04-02"],
            "cat": ["2025-01-01", "2025-02-15", "2025-03-01"],
            "dan": ["2025-03-09", "2025-04-09"],
        },
        channel={"ann": "app", "ben": "app", "cat": "store", "dan": "store"},
    )


def units(days):
    return initiative_panel.by_place(days, "channel")


def test_repeats_are_counted_by_the_age_of_the_customer(days):
    """In March ann and cat are two months old and ben is one; the month of joining is no repeat."""
    found = initiative_ages.by_age(days, units(days), step="month")
    told = found.set_index(["unit", "start", "age"])["orders"].to_dict()

    assert {
        ("app", DAY("2025-02-01"), 1): 2.0,
        ("app", DAY("2025-03-01"), 1): 1.0,
        ("app", DAY("2025-03-01"), 2): 1.0,
        ("app", DAY("2025-04-01"), 2): 1.0,
        ("store", DAY("2025-02-01"), 1): 1.0,
        ("store", DAY("2025-03-01"), 2): 1.0,
        ("store", DAY("2025-04-01"), 1): 1.0,
    } == told


def expected(days, until="2025-03-01"):
    cells = initiative_panel.cells(days, units(days), step="month")
    ages = initiative_ages.by_age(days, units(days), step="month")
    before = cells["start"] <= DAY(until)
    found = initiative_ages.expected(cells, ages, before, "month")
    return pd.concat([cells[["unit", "start", "members"]], found], axis=1)


def test_what_is_expected_follows_from_the_ages(days):
    """Up to March customers of one month ordered 4 times in 3 months, those of two twice in 2.

    In April the app has ben (two months old) and ann (three, an age not seen before, taken for the
    oldest that was): 1 + 1; the store has dan (one month) and cat (three): 4 / 3 + 1.
    """
    found = expected(days).set_index(["unit", "start"])["expected_orders"]

    assert 2.0 == pytest.approx(found["app", DAY("2025-04-01")])
    assert 4 / 3 + 1 == pytest.approx(found["store", DAY("2025-04-01")])
    assert 0.0 == found["app", DAY("2025-01-01")]


def test_what_is_learnt_from_adds_up_to_what_it_was(days):
    """Over all rows before, as many orders, as much money are expected as there were."""
    ages = initiative_ages.by_age(days, units(days), step="month")
    found = expected(days)
    before = found["start"] <= DAY("2025-03-01")
    seen = ages[ages["start"] <= DAY("2025-03-01")]

    for figure in initiative_ages.FIGURES:
        assert seen[figure].sum() == pytest.approx(found.loc[before, f"expected_{figure}"].sum())


def test_nothing_learnt_is_nothing_expected(days):
    """Before the first member there is no rate of any age."""
    found = expected(days, until="2025-01-01")

    assert found[initiative_panel.EXPECTED].isna().all(axis=None)


def test_growing_older_is_no_change(lives):
    """Customers who order in their second month and never again: the mean falls, the difference
    from what their age did before does not."""
    told, channel = {}, {}
    for number in range(40):
        month = 1 + number // 4
        joined = dt.date(2024 + (month - 1) // 12, (month - 1) % 12 + 1, 3)
        again = (joined + dt.timedelta(days=31)).replace(day=7)
        told[f"c{number}"] = [joined.isoformat(), again.isoformat()]
        channel[f"c{number}"] = ("app", "store")[number % 2]
    days = lives(told, channel=channel)
    plan = Initiative(
        id="x", name="X", go_live=DAY("2024-07-01"), unit="channel", treated=Group(labels=("app",))
    )
    windows = initiative_panel.windows(
        plan, data_from=DAY("2024-01-01"), seen_until=DAY("2024-10-31")
    )
    cells = initiative_panel.cells(days, units(days), step="month")
    plain = initiative_panel.build(plan, cells, windows)
    ages = initiative_ages.by_age(days, units(days), step="month")
    aged = initiative_panel.build(plan, cells, windows, None, ages)
    fell, stayed = (initiative_panel.stats_panel(p, "orders") for p in (plain, aged))

    def change(panel):
        return np.nanmean(panel.y[0, panel.after]) - np.average(
            panel.y[0, panel.before], weights=panel.weight[0, panel.before]
        )

    assert change(fell) < -0.1
    assert 0.0 == pytest.approx(change(stayed), abs=1e-9)
    assert initiative_panel.of_equal_age(aged) and not initiative_panel.of_equal_age(plain)


def test_weeks_are_counted_by_fours(lives):
    """Five weeks after the first is the second age."""
    days = lives({"ann": ["2025-01-06", "2025-02-10"]}, channel={"ann": "app"})
    found = initiative_ages.by_age(days, units(days), step="week")

    assert [2] == list(found["age"])
