import math

import pytest
from repurchase.analysis import repeat, retention

DATES = {
    "ann": ["2025-01-05", "2025-01-25", "2025-04-01"],  # second after 20, third after 66 days
    "bob": ["2025-01-10", "2025-03-20"],  # second after 69 days
    "cid": ["2025-02-01"],
    "dee": ["2025-06-20", "2025-06-25"],  # joined too late for 30 days
    "eve": ["2024-11-01", "2024-12-01"],  # second on the 30th day
}


def ask(lives, windows, dates=DATES, period="2025-06", **options):
    w = windows(period, **options)
    days = lives(dates, until=w.seen_until.isoformat())
    return repeat.next_orders(days, w, activity_months=12, cohort_months=12)


@pytest.mark.parametrize(
    ("rank", "days", "numerator", "n"),
    [
        (1, 30, 2, 4),  # ann and eve of ann, bob, cid, eve; dee's first is 10 days old
        (1, 60, 2, 4),
        (1, 90, 3, 4),
        (2, 60, 0, 3),  # ann's third came after 66 days, bob's and eve's never
        (2, 90, 1, 3),
        (3, 90, 0, 1),  # ann's third is of 2025-04-01, 90 days before the end
    ],
)
def test_the_next_order_after_the_nth(lives, windows, rank, days, numerator, n):
    """Numerator and denominator by rank and days, in the window that has had the days."""
    record = ask(lives, windows).one(f"next_order_{days}d", dimensions=f"rank={rank}")

    assert (numerator, n) == (record.numerator, record.n)


def test_nobody_at_a_rank_is_said(lives, windows):
    """No fourth order date is no share of 0."""
    record = ask(lives, windows).one("next_order_30d", dimensions="rank=4")

    assert (None, "not_computed") == (record.value, record.status)
    assert "order date 4" in record.reason


def test_a_joining_month_is_blank_until_its_last_joiner_is_old_enough(lives, windows):
    """April's last day is 30 days old on 30 May; 90 days are reached on 29 July."""
    result = ask(lives, windows, {**DATES, "fay": ["2025-04-30", "2025-05-29"]})
    ripe = result.one("next_order_60d", dimensions="joined=2025-04;rank=1")
    green = result.one("next_order_90d", dimensions="joined=2025-04;rank=1")

    assert (1, 1, "final") == (ripe.numerator, ripe.n, ripe.status)
    assert (None, "immature", "2025-07-29") == (green.value, green.status, green.readable_from)


def test_the_months_are_complete_on_the_very_day(lives, windows):
    """June 30 less 90 days is April 1: March has ripened, of bob's month nothing is missing."""
    record = ask(lives, windows).one("next_order_90d", dimensions="joined=2025-02;rank=1")

    assert (0, 1) == (record.numerator, record.n)  # cid


def test_data_that_are_too_young_say_from_when(lives, windows):
    """Data from May: 90 days after the first order can be read in August."""
    result = ask(lives, windows, {"zoe": ["2025-05-10"]}, data_from="2025-05-10")
    record = result.one("next_order_90d", dimensions="rank=1")

    assert ("immature", "2025-08-08") == (record.status, record.readable_from)


def test_the_change_is_between_disjoint_customers(lives, windows):
    """Forty in each year, 10 and 30 of whom return: +50 points, Newcombe's interval by hand."""
    dates = {}
    for year, back in ((2024, 10), (2025, 30)):
        for i in range(40):
            dates[f"{year}-{i}"] = [f"{year}-03-01", *([f"{year}-03-11"] if i < back else [])]
    frame = ask(lives, windows, dates).frame
    row = frame[(frame["rank"] == 1) & (frame["days"] == 30) & (frame["joined"] == "")].iloc[0]

    assert 0.5 == pytest.approx(row["change"])
    # Wilson: .75 reaches up to .85813, .25 down to .14187
    reach = ((0.85813 - 0.75) ** 2 + (0.25 - 0.14187) ** 2) ** 0.5
    assert reach == pytest.approx(row["change_high"] - 0.5, abs=1e-4)


def other(rows=()):
    import ibis
    import pandas as pd

    schema = {"customer_id": "string", "order_date": "date", "assigned_date": "date",
              "net_revenue": "float64", "net_margin": "float64"}  # fmt: skip
    table = ibis.memtable(pd.DataFrame(list(rows), columns=list(schema)), schema=schema)
    return table.mutate(net_revenue=table.net_revenue.cast("decimal(18, 4)"),
                        net_margin=table.net_margin.cast("decimal(18, 4)"))  # fmt: skip


def test_the_repeat_share_of_margin_by_month(lives, windows):
    """January: first orders 40 + 10, repeat 20 of ann; margin is half of each."""
    money = {("ann", 1): 40.0, ("ann", 2): 20.0}
    days = lives({"ann": ["2025-01-05", "2025-01-20"], "bob": ["2025-01-09"]},
                 money=lambda name, rank: money.get((name, rank), 10.0))  # fmt: skip
    result = repeat.repeat_share_by_month(days, other(), windows("2025-01"))
    margin = result.one("repeat_margin_share", dimensions="at=2025-01")
    revenue = result.one("repeat_revenue_share", dimensions="at=2025-01")

    assert (10, 35) == (margin.numerator, margin.n)
    assert (20, 70) == (revenue.numerator, revenue.n)
    # residuals of two customers: 20 - 60 * 2/7 and 0 - 10 * 2/7; Student's t of one degree
    spread = ((20 - 120 / 7) ** 2 + (20 / 7) ** 2) * 2 / 70**2
    odds = 2 / 5 * math.exp(12.7062 * spread**0.5 / (2 / 7 * 5 / 7))
    assert odds / (1 + odds) == pytest.approx(revenue.high, rel=1e-4)


def test_a_return_counts_where_its_order_date_belongs(lives, windows):
    """Ann sends back 5 of her second order: 15 of 65 is repeat."""
    import datetime as dt

    money = {("ann", 1): 40.0, ("ann", 2): 20.0}
    days = lives({"ann": ["2025-01-05", "2025-01-20"], "bob": ["2025-01-09"]},
                 money=lambda name, rank: money.get((name, rank), 10.0))  # fmt: skip
    back = [("ann", dt.date(2025, 1, 30), dt.date(2025, 1, 20), -5.0, -2.5)]
    result = repeat.repeat_share_by_month(days, other(back), windows("2025-01"))
    record = result.one("repeat_revenue_share", dimensions="at=2025-01")

    assert (15, 65) == (record.numerator, record.n)


def test_without_a_margin_revenue_still_stands(lives, windows):
    """No margin anywhere: named, never 0."""
    days = lives({"ann": ["2025-01-05", "2025-01-20"], "bob": ["2025-01-09"]})
    days = days.mutate(net_margin=days.net_margin.nullif(days.net_margin))
    result = repeat.repeat_share_by_month(days, other(), windows("2025-01"))
    margin = result.one("repeat_margin_share", dimensions="at=2025-01")

    assert (None, "not_computed") == (margin.value, margin.status)
    assert "no margin" in margin.reason
    assert result.one("repeat_revenue_share", dimensions="at=2025-01").value is not None


def test_after_the_first_order_it_is_the_headline(lives, windows):
    """Rank 1 counts the same customers as the headline's repurchase within so many days."""
    w = windows("2025-06")
    days = lives(DATES, until=w.seen_until.isoformat())
    money = days.mutate(assigned_date=days.order_date).limit(0)
    head = retention.headline_figures(
        days, money, w, activity_months=12, cohort_months=12, targets={}
    )
    mine = ask(lives, windows)

    for length in (30, 60, 90, 180):
        one = head.one(f"repurchase_{length}d")
        other = mine.one(f"next_order_{length}d", dimensions="rank=1")
        assert (one.numerator, one.n, one.value) == (other.numerator, other.n, other.value)
