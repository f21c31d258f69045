"""Retention on a table of five customers that can be checked with a pencil.

ann   2024-01-10  2024-01-10 (same day)  2024-02-05  2025-01-20
bob   2024-01-31  2024-03-01
cid   2024-02-10
dee   2024-12-30  2025-01-02
eve   2025-01-15
"""

import datetime as dt

import ibis
import pandas as pd
import pytest
from repurchase.analysis import retention
from repurchase.analysis.windows import windows_of
from repurchase.period import Period

DAYS = {
    "ann": ["2024-01-10", "2024-02-05", "2025-01-20"],
    "bob": ["2024-01-31", "2024-03-01"],
    "cid": ["2024-02-10"],
    "dee": ["2024-12-30", "2025-01-02"],
    "eve": ["2025-01-15"],
}


def customer_days(days=DAYS, amount=10):
    """A customer-days table: rank, first date and 10 of money on each order date."""
    rows = [
        {
            "customer_id": name,
            "order_date": dt.date.fromisoformat(day),
            "day_rank": rank,
            "first_date": dt.date.fromisoformat(dates[0]),
            "net_revenue": amount,
        }
        for name, dates in days.items()
        for rank, day in enumerate(sorted(dates), 1)
    ]
    table = ibis.memtable(
        pd.DataFrame(rows),
        schema={
            "customer_id": "string",
            "order_date": "date",
            "day_rank": "int64",
            "first_date": "date",
            "net_revenue": "int64",
        },
    )
    return table.mutate(net_revenue=table.net_revenue.cast("decimal(18, 4)"))


def other_money(rows=()):
    """Documents that are no purchase: customer, day, assigned day, money."""
    schema = {
        "customer_id": "string",
        "order_date": "date",
        "assigned_date": "date",
        "net_revenue": "float64",
    }
    frame = pd.DataFrame(list(rows), columns=list(schema))
    table = ibis.memtable(frame, schema=schema)
    return table.mutate(net_revenue=table.net_revenue.cast("decimal(18, 4)"))


def figures(period, days=None, *, money=(), data_from="2023-01-01", targets=None):
    """The headline figures of a period on the little table."""
    parsed = Period.parse(period)
    table = customer_days() if days is None else days
    table = table.filter(table.order_date <= parsed.end)
    windows = windows_of(parsed, country="CN", data_from=dt.date.fromisoformat(data_from))
    return retention.headline_figures(
        table,
        other_money(money),
        windows,
        activity_months=12,
        cohort_months=12,
        targets=targets or {},
    )


@pytest.mark.parametrize(
    ("metric", "numerator", "n"),
    [
        # buyers of January 2025: ann, dee, eve; ann and dee had bought before
        ("returning_buyer_share", 2, 3),
        # first dates of 2024-01-02..2025-01-01: ann (26 days), bob (30 days), cid (no), dee (3)
        ("repurchase_30d", 3, 4),
        # first dates of 2023-11-03..2024-11-02: ann (26 days), bob (30 days), cid (no)
        ("repurchase_90d", 2, 3),
        # all five, of whom ann, bob and dee have two order dates
        ("repeat_customer_share", 3, 5),
        # customers on 2024-12-31: all but eve; still customers on 2025-01-31: ann, bob, cid, dee
        ("retention_rate", 4, 4),
        # January 2025: ann 10 and dee 10 of 30 are repeat
        ("repeat_revenue_share", 20, 30),
    ],
)
def test_each_headline_share_by_pencil(metric, numerator, n):
    """Numerator and denominator of every headline metric for January 2025."""
    record = figures("2025-01").one(metric)

    assert (numerator, n) == (record.numerator, record.n)
    assert numerator / n == pytest.approx(record.value)
    assert record.low < record.value <= record.high


def test_who_left_the_activity_window_is_no_longer_a_customer():
    """On 2025-03-31 bob's last order is 13 months old: of five at the start, four remain."""
    record = figures("2025-03").one("retention_rate")

    # customers on 2025-02-28: ann, bob (2024-03-01), dee, eve; cid's last was 2024-02-10
    assert (3, 4) == (record.numerator, record.n)


def test_the_articles_formula_uses_newcomers_still_present():
    """S, E and N as sets: E - N equals those of the start who are still there."""
    result = figures("2025-01")
    s, e, n = (
        result.one(name).value
        for name in ("customers_at_start", "customers_at_end", "customers_joined")
    )

    assert (4, 5, 1) == (s, e, n)
    assert (e - n) / s == result.one("retention_rate").value


def test_same_day_orders_are_one_order_date():
    """A customer who splits an order over one day has not come back."""
    table = customer_days({"zoe": ["2024-01-10"]})

    record = figures("2025-01", table).one("repeat_customer_share")
    assert (0, 1) == (record.numerator, record.n)


def test_a_return_counts_against_the_order_date_it_belongs_to():
    """Ann returns 4 of her January order (repeat), eve 3 of her first."""
    january = dt.date(2025, 1, 30)
    money = [
        ("ann", january, dt.date(2025, 1, 20), -4.0),
        ("eve", january, dt.date(2025, 1, 15), -3.0),
    ]

    record = figures("2025-01", money=money).one("repeat_revenue_share")
    assert (16, 23) == (record.numerator, record.n)


def test_nothing_after_the_periods_end_is_counted():
    """Ann's order of 20 January 2025 does not exist for December 2024."""
    record = figures("2024-12").one("returning_buyer_share")

    assert (0, 1) == (record.numerator, record.n)


def test_a_retention_rate_needs_a_full_activity_window():
    """Data that begin inside the activity window give a reason instead of a figure."""
    record = figures("2025-01", data_from="2024-01-10").one("retention_rate")

    assert (None, "not_computed") == (record.value, record.status)
    assert "2024-01-10" in record.reason and "12 months" in record.reason


def test_no_first_order_old_enough_is_not_nought():
    """180 days after data that are 40 days old nothing can be read."""
    record = figures("2024-02", data_from="2024-01-10").one("repurchase_180d")

    assert (None, "not_computed") == (record.value, record.status)


def test_a_month_without_buyers_has_no_share():
    """Nobody bought in November 2024: no share, a reason, never 0."""
    record = figures("2024-11").one("returning_buyer_share")

    assert (None, 0, "not_computed") == (record.value, record.n, record.status)
    assert "nobody" in record.reason


def test_few_customers_give_no_change():
    """A change between 3 and 1 buyers is noise and is not computed."""
    record = figures("2025-01").one("returning_buyer_share", compare_to="previous")

    assert (None, "not_computed") == (record.change, record.status)
    assert "fewer than 30" in record.reason


def test_a_target_is_a_fixed_value():
    """The distance to a target has the interval of the share itself."""
    result = figures("2025-01", targets={"returning_buyer_share": 0.5})
    level = result.one("returning_buyer_share")
    against = result.one("returning_buyer_share", compare_to="target")

    assert 2 / 3 - 0.5 == pytest.approx(against.change)
    assert level.low - 0.5 == pytest.approx(against.change_low)


def test_a_change_is_computed_on_the_same_customers():
    """Forty customers buy in both months, thirty of whom are new in the first.

    January: 10 of 40 returning; February: 40 of 40. The change is 30 of 40 with a paired
    interval that is narrower than 0 to 1 and leaves out nought.
    """
    days = {f"old{i}": ["2023-06-01", "2024-01-05", "2024-02-05"] for i in range(10)}
    days |= {f"new{i}": ["2024-01-05", "2024-02-05"] for i in range(30)}

    record = figures("2024-02", customer_days(days), data_from="2022-01-01").one(
        "returning_buyer_share", compare_to="previous"
    )
    assert 0.75 == pytest.approx(record.change)
    # Wilson: 40 of 40 is .91238 to 1, 10 of 40 is .14187 to .40194; nobody varies in both months
    low = 0.75 - ((1 - 0.91238) ** 2 + (0.40194 - 0.25) ** 2) ** 0.5
    assert low == pytest.approx(record.change_low, abs=2e-5)
    assert 0.75 + (0.25 - 0.14187) == pytest.approx(record.change_high, abs=2e-5)


def test_the_order_of_rows_does_not_matter():
    """Shuffled rows give the same records."""
    shuffled = customer_days(dict(reversed(DAYS.items())))

    assert figures("2025-01").records == figures("2025-01", shuffled).records


def test_cohorts_leave_the_unobserved_blank():
    """Cohort, size and ages; what has not happened yet is missing, what has is 0."""
    table = customer_days()
    counts = retention.cohort_counts(
        table.filter(table.order_date <= dt.date(2024, 4, 30)), until=dt.date(2024, 4, 30)
    )

    assert ["2024-01", "2024-02", "2024-03", "2024-04"] == counts.index.tolist()
    assert [2, 1, 1, 0] == counts.loc["2024-01"].tolist()  # ann and bob; ann; bob; nobody
    assert [1, 0, 0] == counts.loc["2024-02"].tolist()[:3]
    assert counts.loc["2024-02"].isna().tolist() == [False, False, False, True]
    assert [0] == counts.loc["2024-04"].dropna().tolist()


def test_an_unfinished_month_is_not_a_column():
    """Data through 15 April: April is not observed by anyone."""
    table = customer_days()
    counts = retention.cohort_counts(
        table.filter(table.order_date <= dt.date(2024, 4, 15)), until=dt.date(2024, 4, 15)
    )

    assert ["2024-01", "2024-02", "2024-03"] == counts.index.tolist()


def test_pooled_retention_takes_both_counts_from_the_same_cohorts():
    """Age 1: one of ann and bob, none of cid (March's cohort is empty) = 1 of 3."""
    table = customer_days()
    pooled = retention.pooled(
        retention.cohort_counts(
            table.filter(table.order_date <= dt.date(2024, 4, 30)), until=dt.date(2024, 4, 30)
        )
    )

    assert (1, 3, 2) == tuple(pooled.loc[1, ["numerator", "n", "cohorts"]])
    assert (0, 2, 1) == tuple(pooled.loc[3, ["numerator", "n", "cohorts"]])


def test_history_marks_the_short_past():
    """A month with less than a year of data before it understates who had bought before."""
    table = customer_days()
    windows = windows_of(Period.parse("2025-01"), country=None, data_from=dt.date(2024, 1, 1))
    frame = retention.history(table, windows).frame.set_index("period")

    assert (2, 3, False) == tuple(frame.loc["2025-01", ["returning", "buyers", "short_history"]])
    assert frame.loc["2024-12", "short_history"]
    assert "2024-01" not in frame.index  # nobody can have bought before the first month


def test_the_repurchase_curve_counts_who_could_be_followed():
    """One of two comes back on day 10; the other is followed for 20 days only."""
    table = customer_days({"a": ["2025-01-01", "2025-01-11"], "b": ["2025-01-11"]})
    windows = windows_of(Period.parse("2025-01"), country=None, data_from=dt.date(2023, 1, 1))

    frame = retention.repurchase_curve(table, windows, cohort_months=12).frame
    now = frame[frame["window"] == "none"]
    assert ([10], [0.5], [2]) == (
        now["day"].tolist(),
        now["value"].tolist(),
        now["at_risk"].tolist(),
    )


def test_revenue_splits_into_first_and_repeat():
    """January 2025: eve's 10 is first, ann's and dee's 20 is repeat."""
    windows = windows_of(Period.parse("2025-01"), country=None, data_from=dt.date(2024, 1, 10))
    frame = retention.revenue_by_month(customer_days(), other_money(), windows).frame

    last = frame.iloc[-1]
    assert ("2025-01", 10.0, 20.0) == (last["month"], last["first_orders"], last["repeat_orders"])


@pytest.mark.parametrize(
    ("period", "status", "numerator", "n"),
    [
        # January and February 2024 together: ann twice, bob, cid; none had bought before
        ("2024-02", "final", 0, 3),
        ("2025-01", "immature", None, None),
    ],
)
def test_january_and_february_are_read_as_one_sum(period, status, numerator, n):
    """February's review gives both months in one; January's says from when it can be read."""
    parsed = Period.parse(period)
    table = customer_days()
    table = table.filter(table.order_date <= parsed.end)
    windows = windows_of(parsed, country="CN", data_from=dt.date(2022, 1, 1))
    record = retention.january_february(table, other_money(), windows).one(
        "returning_buyer_share", dimensions="span=jan_feb"
    )

    assert (status, numerator, n) == (record.status, record.numerator, record.n)
    assert ("2025-03-01" if status == "immature" else None) == record.readable_from


def test_other_months_have_no_such_sum():
    """March has nothing to do with the festival's move."""
    windows = windows_of(Period.parse("2024-03"), country="CN", data_from=dt.date(2022, 1, 1))

    assert () == retention.january_february(customer_days(), other_money(), windows).records
