"""Units and periods of an initiative: who belongs to which, what is counted, whole periods only."""

import datetime as dt

import ibis
import numpy as np
import pandas as pd
import pytest
from repurchase.analysis import initiative_panel
from repurchase.calendar import Window
from repurchase.initiatives import Initiative

DAY = dt.date.fromisoformat


def plan(**told):
    given = {"id": "x", "name": "x", "go_live": dt.date(2025, 3, 1), "unit": "channel"}
    return Initiative(**{**given, **told})


def spans(data_from="2024-01-01", seen_until="2025-06-30", **told):
    return initiative_panel.windows(
        plan(**told), data_from=DAY(data_from), seen_until=DAY(seen_until)
    )


def window(first, last):
    return Window(DAY(first), DAY(last))


def test_ramp_up_and_anticipation_lie_in_neither_window():
    """A month that holds a day of either is left out whole."""
    found = spans(ramp_up_days=10, anticipation_days=5)

    assert window("2024-01-01", "2025-01-31") == found.before
    assert window("2025-04-01", "2025-06-30") == found.after


def test_only_whole_periods_that_the_data_cover():
    """Data from the 2nd of a month to the 29th of another hold neither month."""
    found = spans("2024-01-02", "2025-06-29")

    assert window("2024-02-01", "2025-02-28") == found.before
    assert window("2025-03-01", "2025-05-31") == found.after


def test_weeks_begin_on_monday():
    """Saturday the 1st of March 2025: the week before ends on 23 February, the next begins on 3."""
    found = spans(step="week", before_months=1)

    assert window("2025-01-27", "2025-02-23") == found.before
    assert window("2025-03-03", "2025-06-29") == found.after


def test_planned_windows_bound_what_is_read():
    """Two months before; six were planned after, and four have passed."""
    found = spans(before_months=2, after_months=6)

    assert window("2025-01-01", "2025-02-28") == found.before
    assert window("2025-03-01", "2025-06-30") == found.after
    assert (DAY("2025-08-31"), False) == (found.complete_from, found.closed)


def test_an_initiative_that_ended_has_a_window_that_grows_no_more():
    """It ended in May: April is the last whole month."""
    found = spans(ends=dt.date(2025, 5, 20))

    assert window("2025-03-01", "2025-04-30") == found.after
    assert (None, True) == (found.complete_from, found.closed)


@pytest.mark.parametrize(
    ("told", "day", "short"),
    [
        ({}, None, False),  # March, April, May are there
        ({"go_live": DAY("2025-05-20")}, "2025-09-01", False),
        ({"go_live": DAY("2025-05-20"), "after_months": 3}, "2025-09-01", False),
        ({"go_live": DAY("2025-05-20"), "after_months": 2}, None, True),
        ({"ends": DAY("2025-05-30")}, None, True),
        ({"ends": DAY("2025-05-31")}, None, False),
        ({"ends": DAY("2025-05-30"), "step": "week"}, None, False),
        ({"go_live": DAY("2025-06-16"), "step": "week"}, "2025-07-28", False),
    ],
)
def test_from_when_it_can_be_read_or_that_it_never_can(told, day, short):
    """A reading needs three whole months or six whole weeks."""
    found = spans(**told)

    assert (day and DAY(day), short) == (found.readable_from, found.too_short)


def test_no_window_where_the_data_hold_none_of_it():
    """Data that begin with the go-live have none before, those that end with it none after."""
    assert spans("2025-03-01").before is None
    assert spans(seen_until="2025-03-30").after is None


@pytest.fixture
def days(lives):
    """ann and ben of the app, cat of the store; cat's second order is in her first month."""
    return lives(
        {
            "ann": ["2025-01-10", "2025-02-03", "2025-02-20", "2025-03-05"],
            "ben": ["2025-02-11", "2025-03-30"],
            "cat": ["2025-02-01", "2025-02-15", "2025-03-01"],
        },
        channel={"ann": "app", "ben": "app", "cat": "store"},
    )


def test_members_are_customers_from_the_month_after_their_first(days):
    """What they order in their first month is no repeat of a member; all after it is."""
    cells = initiative_panel.cells(days, initiative_panel.by_place(days, "channel"), step="month")
    found = cells.set_index(["unit", "start"])

    march, february = DAY("2025-03-01"), DAY("2025-02-01")
    assert [2.0, 2.0, 20.0, 10.0, 2.0, 0.0] == list(found.loc[
        ("app", march), ["members", "orders", "revenue", "margin", "buyers", "newcomers"]
    ])  # fmt: skip
    assert [1.0, 2.0, 1.0] == list(
        found.loc[("app", february), ["members", "orders", "newcomers"]]
    )
    assert [0.0, 0.0, 1.0] == list(
        found.loc[("store", february), ["members", "orders", "newcomers"]]
    )
    # nobody of the store was there in January: the period is there all the same
    assert 0.0 == found.loc[("store", DAY("2025-01-01")), "members"]


def built(days, **told):
    cells = initiative_panel.cells(days, initiative_panel.by_place(days, "channel"), step="month")
    given = plan(**told)
    windows = initiative_panel.windows(
        given, data_from=DAY("2025-01-01"), seen_until=DAY("2025-03-31")
    )
    return initiative_panel.build(given, cells, windows)


def test_the_statistics_get_means_and_members(days):
    """The app was treated from March: two orders of two members; January had no member at all."""
    panel = built(days, treated={"labels": ["app"]})
    told = initiative_panel.stats_panel(panel, "orders")

    assert [True, False] == list(told.treated)
    assert [[0.0, 1.0, 2.0], [0.0, 0.0, 1.0]] == told.weight.tolist()
    assert [2.0, 1.0] == told.y[0, 1:].tolist()
    assert np.isnan(told.y[:, 0]).all()
    assert [False, True, False] == list(told.before)
    assert [False, False, True] == list(told.after)
    assert (["app", "store"], 3) == (
        initiative_panel.units_of(panel)[0], len(initiative_panel.units_of(panel)[1])
    )  # fmt: skip


def test_groups_by_labels(days):
    """Controls are all others unless named; who is excepted or has no label is neither."""
    units = ["", "app", "shop", "store"]

    assert {"": "other", "app": "treated", "shop": "control", "store": "control"} == (
        initiative_panel.groups(plan(treated={"labels": ["app"]}), units)
    )
    assert {"": "other", "app": "treated", "shop": "other", "store": "control"} == (
        initiative_panel.groups(plan(treated={"labels": ["app"]}, except_for=["shop"]), units)
    )
    assert {"": "other", "app": "treated", "shop": "other", "store": "control"} == (
        initiative_panel.groups(
            plan(treated={"labels": ["app"]}, controls={"labels": ["store"]}), units
        )
    )
    assert "treated" == initiative_panel.groups(plan(), units)["store"]


def test_a_label_that_nobody_has_is_named(days):
    """A misspelt store is no silent nothing."""
    panel = built(days, treated={"labels": ["app", "aqp"]})

    assert ("aqp",) == panel.absent


def test_margin_unknown_of_more_than_one_in_a_hundred_is_no_margin(lives):
    """One order date of two without a margin: the month's margin is missing, not halved."""
    told = lives(
        {"ann": ["2025-01-10", "2025-02-03", "2025-03-05"], "ben": ["2025-01-11", "2025-02-05"]},
        channel={"ann": "app", "ben": "app"},
        money=lambda name, rank: None if (name, rank) == ("ben", 2) else 10.0,
    )
    panel = built(told)
    found = panel.frame.set_index("start")

    assert not panel.margin_known
    assert np.isnan(found.loc[DAY("2025-02-01"), "margin"])
    assert 5.0 == found.loc[DAY("2025-03-01"), "margin"]


def test_customers_are_put_into_a_hundred_groups_a_side(lives):
    """Treated by a list, the rest controls; in the same groups whatever else is there."""
    names = [f"c{i:04}" for i in range(3_000)]
    days = lives({name: ["2025-01-10"] for name in names})
    listed = ibis.memtable(pd.DataFrame({"customer_id": names[:1_000]}))
    units = initiative_panel.by_chance(days, listed, None).to_pandas()
    sides = units["unit"].str.partition(" ")
    found = units.assign(side=sides[0], group=sides[2])

    assert {"treated": 1_000, "control": 2_000} == found["side"].value_counts().to_dict()
    assert {f"{i:02}" for i in range(100)} == set(found["group"])
    # the number of a group's customers is binomial: 30 and five deviations
    assert found["group"].value_counts().max() < 30 + 5 * 30**0.5
    others = initiative_panel.by_chance(days, listed, listed).to_pandas()
    of_all = units.set_index("customer_id")["unit"]
    assert all(of_all[c] == u for c, u in others.itertuples(index=False) if u)
    assert 2_000 == (others["unit"] == "").sum()
