"""The table the boss asks for, counted by hand on a few customers."""

import datetime as dt

import ibis
import pandas as pd
import pytest
from repurchase.analysis import before_after
from repurchase.analysis.initiative_panel import InitiativePanel, InitiativeWindows
from repurchase.calendar import Window

DAY = dt.date.fromisoformat
LIVE = DAY("2025-01-01")


def windows(after=("2025-01-01", "2025-06-30"), *, closed=False, complete_from=None):
    return InitiativeWindows(
        Window(DAY("2024-01-01"), DAY("2024-12-31")), after and Window(*map(DAY, after)), LIVE,
        DAY("2025-06-30"), "month", complete_from, closed,
    )  # fmt: skip


def table(days, told=None, *, surveys=None, costs=None, groups=None, everyone=False):
    named = groups or {"ann": "treated", "ben": "treated", "cat": "treated", "dan": "control",
                       "eve": "control"}  # fmt: skip
    frame = pd.DataFrame({"customer_id": list(named), "group": list(named.values())})
    # two orders an order date, and one that did not count
    placed = days.select("order_date").mutate(is_purchase=True)
    orders = placed.union(placed).union(placed.mutate(is_purchase=False))
    given = before_after.Tables(days, orders, ibis.memtable(frame), surveys, costs)
    panel = InitiativePanel(pd.DataFrame(), told or windows(), "store_id", True)
    found = before_after.table(
        given, panel, data_from=DAY("2022-01-01"), country=None, activity_months=12,
        everyone=everyone,
    )  # fmt: skip
    return found.set_index(["metric", "group"])


@pytest.fixture
def days(lives):
    """ann comes back within 90 days in 2024, ben does not; in 2025 cat does. dan and eve wait."""
    return lives(
        {
            "ann": ["2024-01-10", "2024-03-01", "2025-02-01"],
            "ben": ["2024-02-01", "2024-09-01"],
            "cat": ["2025-01-05", "2025-02-05"],
            "dan": ["2024-01-10", "2024-08-01"],
            "eve": ["2024-05-01", "2025-03-01"],
        },
        money=lambda name, rank: 10.0 * rank,
    )


def test_repurchase_counts_first_orders_that_had_their_days_in_the_window(days):
    """One of two before, one of one after: +50 points, twice as often."""
    found = table(days).loc[("repurchase_90d", "treated")]

    assert (0.5, 2.0, 1.0, 1.0) == tuple(found[["before", "before_n", "after", "after_n"]])
    assert (0.5, 1.0) == (found["change"], found["relative"])
    assert found["change_low"] < 0.5 < found["change_high"]
    assert 0.0 == table(days).loc[("repurchase_90d", "control"), "before"]


def test_who_joined_too_late_to_have_had_the_days_is_not_counted(lives):
    """fay joined in November 2024: that she has not come back by its end says nothing."""
    days = lives({"ann": ["2024-01-10", "2024-03-01"], "fay": ["2024-11-15"]})
    found = table(days, groups={"ann": "treated", "fay": "treated"})

    assert (1.0, 1.0) == tuple(found.loc[("repurchase_90d", "treated"), ["before", "before_n"]])


def test_average_repeat_order_leaves_the_first_order_out(days):
    """Before: ann 20 and ben 20; after: ann's third, 30, and cat's second, 20."""
    found = table(days).loc[("average_repeat_order", "treated")]

    assert (20.0, 2.0, 25.0, 2.0, 5.0) == tuple(
        found[["before", "before_n", "after", "after_n", "change"]]
    )


def test_activity_is_a_month_of_membership(days):
    """dan was there 356 days of 2024 and came once; all of 181 in 2025 and did not come; eve."""
    found = table(days).loc[("activity", "control")]
    month = 365.25 / 12

    assert month * 1 / (356 + 244) == pytest.approx(found["before"])
    assert month * 1 / (181 + 181) == pytest.approx(found["after"])


def test_customer_value_is_all_they_paid_so_far(days):
    """Up to the end of 2024 ann and ben paid 30 each; half a year later ann 60, cat 30."""
    found = table(days)

    assert 30.0 == found.loc[("customer_value_revenue", "treated"), "before"]
    assert 40.0 == found.loc[("customer_value_revenue", "treated"), "after"]
    assert 20.0 == found.loc[("customer_value_margin", "treated"), "after"]


def test_value_net_of_what_a_customer_cost_to_win(days):
    """120 of advertising in the first half of 2025, and one who joined in the twelve months."""
    costs = ibis.memtable(pd.DataFrame({
        "period_start": [DAY("2025-01-01"), DAY("2024-01-01"), DAY("2025-01-01")],
        "period_end": [DAY("2025-06-30"), DAY("2024-12-31"), DAY("2025-06-30")],
        "category": ["advertising", "campaign", "advertising"],
        "amount": [120.0, 366.0, 1_000.0],
        "initiative_id": [None, None, "x"],
    }))  # fmt: skip
    found = table(days, costs=costs).loc[("customer_value_net", "treated")]

    # in 2024 four joined for 366; up to June 2025 one for 120 and the second half of 2024's 366
    assert 30 - 366 / 4 == pytest.approx(found["before"])
    assert 40 - (120 + 366 * 184 / 366) / 1 == pytest.approx(found["after"])


def test_churn_is_a_quarter_s_loss_of_those_who_were_active(days):
    """On 31 March 2025 ann, ben and cat were active (twelve months); all are on 30 June."""
    found = table(days).loc[("churn", "treated")]
    lost = table(days).loc[("churn", "control")]

    assert (0.0, 3.0) == tuple(found[["after", "after_n"]])
    # dan's and eve's last orders are of August 2024 and March 2025: neither is a year ago
    assert (0.0, 2.0) == tuple(lost[["after", "after_n"]])


def test_churn_counts_who_left_the_activity_window(lives):
    """The last order of May 2024 was a year ago in the quarter's middle; the other stays."""
    days = lives({"ann": ["2024-05-15"], "ben": ["2024-05-15", "2025-05-01"]})
    found = table(days, groups={"ann": "treated", "ben": "treated"}).loc[("churn", "treated")]

    assert (0.5, 2.0) == tuple(found[["after", "after_n"]])


def test_what_is_not_ripe_has_its_day(days):
    """A month after: nobody had 90 days in it. An open window says when; a closed one never."""
    short = table(days, windows(("2025-01-01", "2025-01-31"))).loc[("repurchase_90d", "treated")]
    closed = table(days, windows(("2025-01-01", "2025-01-31"), closed=True))
    later = table(
        days, windows(("2025-01-01", "2025-01-31"), complete_from=DAY("2025-02-28"))
    )  # ends before anybody has had 90 days

    assert pd.isna(short["after"]) and 0.5 == short["before"]
    assert DAY("2025-04-01") == short["readable_from"]
    assert "no unit has had its 90 days yet" == short["reason"]
    for frame in (closed, later):
        row = frame.loc[("repurchase_90d", "treated")]
        assert row["readable_from"] is None
        assert "the window is shorter than the 90 days that it takes" == row["reason"]


def test_the_same_season_a_year_before_stands_beside(days):
    """January to June 2024: ann's repeat of March alone; before is the whole of 2024."""
    found = table(days).loc[("average_repeat_order", "treated")]

    assert (20.0, 1.0, 5.0) == tuple(found[["year_ago", "year_ago_n", "season_change"]])


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        # New Year's Day of 2025 is 29 January, of 2024 10 February: both ends are near it
        (("2025-01-15", "2025-02-05"), ("2024-01-27", "2024-02-17")),
        # only the beginning is; the end keeps its date
        (("2025-02-01", "2025-09-30"), ("2024-02-13", "2024-09-30")),
        (("2025-05-01", "2025-06-30"), ("2024-05-01", "2024-06-30")),
    ],
)
def test_a_moving_feast_moves_the_year_before(window, expected):
    """An end near the Spring Festival is as far from it as it was."""
    assert Window(*map(DAY, expected)) == before_after.year_ago(Window(*map(DAY, window)), "CN")


def test_a_year_before_that_was_treated_already_is_no_comparison():
    """Fourteen months after: the year before begins after the go-live."""
    told = before_after.spans(
        windows(("2026-01-01", "2026-06-30")), data_from=DAY("2022-01-01"), country=None
    )
    young = before_after.spans(windows(), data_from=DAY("2024-03-01"), country=None)

    assert "a year before, the initiative was running already" == told.why["year_ago"]
    assert "the data begin too late for it" == young.why["year_ago"]


def test_satisfaction_is_the_promoters_less_the_detractors(days):
    """Before: 10 and 3 make 0; after: 9, 9 and 7 make 67. Nobody known is left out."""
    rows = [("ann", "nps", 10, "2024-05-01"), ("ben", "nps", 3, "2024-06-01"),
            ("ann", "nps", 9, "2025-02-01"), ("cat", "nps", 9, "2025-03-01"),
            ("ben", "nps", 7, "2025-03-02"), (None, "nps", 0, "2025-03-02"),
            ("ann", "csat", 1, "2025-03-02")]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["customer_id", "instrument", "score", "answered_date"])
    frame["score"] = frame["score"].astype(float)
    frame["answered_date"] = [DAY(d) for d in frame["answered_date"]]
    found = table(days, surveys=ibis.memtable(frame)).loc[("satisfaction", "treated")]

    assert (0.0, 2.0, 3.0, "nps") == tuple(found[["before", "before_n", "after_n", "detail"]])
    assert 200 / 3 == pytest.approx(found["after"])
    assert "the profile names no source for surveys" == (
        table(days).loc[("satisfaction", "treated"), "reason"]
    )


def test_cost_to_serve_is_the_whole_company_s_unless_everyone_was_treated(days):
    """60 of shipping in 2025 for the eight orders after; 99 were spent on an initiative."""
    costs = ibis.memtable(pd.DataFrame({
        "period_start": [DAY("2025-01-01")] * 2, "period_end": [DAY("2025-06-30")] * 2,
        "category": ["shipping"] * 2, "amount": [60.0, 99.0], "initiative_id": [None, "x"],
    }))  # fmt: skip
    found = table(days, costs=costs)
    whole = table(days, costs=costs, everyone=True)

    assert pd.isna(found.loc[("cost_to_serve", "treated"), "after"])
    assert found.loc[("cost_to_serve", "treated"), "reason"]
    assert (7.5, 8.0) == tuple(found.loc[("cost_to_serve", "all"), ["after", "after_n"]])
    assert 7.5 == whole.loc[("cost_to_serve", "treated"), "after"]


def test_no_after_window_leaves_before_alone(days):
    """Too early: what was before is told, what is after has its reason."""
    found = table(days, windows(None)).loc[("repurchase_90d", "treated")]

    assert 0.5 == found["before"]
    assert pd.isna(found["after"])
    assert "no whole period after the ramp-up has passed" == found["reason"]
