"""Value so far, on customers that a pencil can check."""

import datetime as dt

import ibis
import pandas as pd
import pytest
from repurchase.analysis import historic_value as value
from repurchase.analysis.standing import Known, money_of
from repurchase.analysis.windows import windows_of
from repurchase.period import Period
from repurchase.records import Record, Result

DAY = dt.date.fromisoformat
BOTH = Known(None, None)
NO_COST = Result(
    pd.DataFrame(),
    (Record("acquisition_cost", None, "money", status="not_computed", reason="no costs"),),
)


def windows(data_from="2023-01-01"):
    return windows_of(Period.parse("2025-09"), country=None, data_from=DAY(data_from))


def summary(*rows):
    """From (id, first, last, orders, revenue, margin, returned, channel)."""
    columns = ["customer_id", "first_date", "last_date", "orders", "net_revenue", "net_margin",
               "other_revenue", "first_channel"]  # fmt: skip
    frame = pd.DataFrame(rows, columns=columns).assign(other_margin=0.0, order_days=1)
    for name in ("first_date", "last_date"):
        frame[name] = pd.to_datetime(frame[name])
    table = ibis.memtable(frame.assign(log_gap_sum=0.0, log_gap_squares=0.0))
    money = ("net_revenue", "net_margin", "other_revenue", "other_margin")
    return table.mutate(**{name: table[name].cast("decimal(18, 4)") for name in money})


def costs(*rows):
    columns = ["period_start", "period_end", "category", "amount"]
    frame = pd.DataFrame(rows, columns=columns)
    for name in ("period_start", "period_end"):
        frame[name] = pd.to_datetime(frame[name])
    table = ibis.memtable(frame)
    return table.mutate(
        period_start=table.period_start.cast("date"), period_end=table.period_end.cast("date")
    )


TWO = (
    ("a", "2024-10-01", "2024-10-01", 1, 100.0, 40.0, 0.0, "web"),
    ("b", "2025-09-30", "2025-09-30", 1, 60.0, 20.0, -10.0, "shop"),
)


def test_costs_that_win_customers_count_by_their_days() -> None:
    """30 of the 60 days lie in the twelve months, so half of 120; shipping wins nobody."""
    table = costs(
        ("2024-09-01", "2024-10-30", "campaign", 120.0),
        ("2025-09-01", "2025-09-30", "advertising", 40.0),
        ("2025-01-01", "2025-12-31", "shipping", 999.0),
    )
    found = value.acquisition_cost(table, summary(*TWO), windows())
    record = found.one("acquisition_cost")
    assert (50.0, 100.0, 2.0, "final") == (
        record.value, record.numerator, record.n, record.status
    )  # fmt: skip


@pytest.mark.parametrize(
    ("table", "why"),
    [
        (None, "the profile names no source for costs"),
        (costs(("2025-01-01", "2025-01-31", "shipping", 1.0)), "there is no cost of one of these"),
        (costs(("2025-01-01", "2025-01-31", "campaign", 1.0)), "the costs begin on 2025-01-01"),
    ],
)
def test_without_such_costs_the_reason_is_named(table, why) -> None:
    """No table, no such category, or costs that begin within the twelve months."""
    record = value.acquisition_cost(table, summary(*TWO), windows()).one("acquisition_cost")
    assert record.value is None
    assert (record.reason or "").startswith(why)


def test_the_articles_differ_by_the_acquisition_cost_alone() -> None:
    """(100 + 60 - 10) / 2 = 75 by one, 75 - 50 by the other; margin 30 and 30 - 50.

    Customer a has been one for a year (the activity window ends with the period), b for a day.
    """
    table = costs(("2024-10-01", "2024-10-31", "campaign", 100.0))
    cost = value.acquisition_cost(table, summary(*TWO), windows())
    result = value.definitions_of_value(
        summary(*TWO), windows(), BOTH, cost, activity_months=12
    )
    by_name = {
        name: result.one("customer_value", dimensions=f"definition={name}").value
        for name in ("total_revenue", "article_net", "margin", "margin_net")
    }
    assert {"total_revenue": 75, "article_net": 25, "margin": 30, "margin_net": -20} == by_name
    row = result.frame.iloc[0]
    assert 366 / 365.25 == pytest.approx(row["years"])
    product = row["average_order"] * row["frequency"] * row["lifetime"]
    assert 75 == pytest.approx(product)


def test_what_is_not_known_is_named_and_the_rest_stands() -> None:
    """Without costs and margin only the total revenue is left, each other one with its reason."""
    result = value.definitions_of_value(
        summary(*TWO), windows(), Known(None, "no margin"), NO_COST, activity_months=12
    )
    reasons = {
        r.dimensions.removeprefix("definition="): r.reason
        for r in result.records
        if r.metric == "customer_value"
    }
    assert {
        "total_revenue": None,
        "article_net": "no costs",
        "margin": "no margin",
        "margin_net": "no margin",
    } == reasons


def days(rows):
    """Customer days from (customer, date, margin), with the first date of each."""
    frame = pd.DataFrame(rows, columns=["customer_id", "order_date", "net_margin"])
    frame["order_date"] = pd.to_datetime(frame["order_date"])
    frame["first_date"] = frame.groupby("customer_id")["order_date"].transform("min")
    table = ibis.memtable(frame.assign(net_revenue=2 * frame["net_margin"]))
    return table.mutate(
        order_date=table.order_date.cast("date"),
        first_date=table.first_date.cast("date"),
        net_margin=table.net_margin.cast("decimal(18, 4)"),
        net_revenue=table.net_revenue.cast("decimal(18, 4)"),
    )


def test_groups_compare_by_their_first_year() -> None:
    """Thirty who joined in 2023 brought 10 in the first year and 5 later; 2025 has had no year."""
    old = [(f"o{i}", "2023-05-01", "2024-06-01", 2, 30.0, 15.0, 0.0, "web") for i in range(30)]
    new = [(f"n{i}", "2025-05-01", "2025-05-01", 1, 8.0, 4.0, 0.0, "shop") for i in range(40)]
    rows = [(c[0], "2023-05-01", 10.0) for c in old] + [(c[0], "2024-06-01", 5.0) for c in old]
    rows += [(c[0], "2025-05-01", 4.0) for c in new]
    found = value.groups(summary(*old, *new), days(rows), windows(), BOTH, by="joined")
    frame = found.frame.set_index("label")
    assert (30, 15.0, 30, 10.0) == tuple(frame.loc["2023", ["customers", "worth", "n", "value"]])
    assert (40, 4.0, 0) == tuple(frame.loc["2025", ["customers", "worth", "n"]])
    assert pd.isna(frame.loc["2025", "value"])
    assert ["joined=2023;measure=margin"] == [r.dimensions for r in found.records]
    young = value.groups(summary(*old[:29], *new), days(rows), windows(), BOTH, by="joined")
    assert ["no group of customers has 30 who have had a whole year"] == [
        r.reason for r in young.records
    ]
    channel = value.groups(summary(*old, *new), days(rows), windows(), BOTH, by="first_channel")
    assert ["shop", "web"] == channel.frame["label"].tolist()


def test_a_single_group_is_no_comparison() -> None:
    """All through one channel: nothing to show."""
    one = [(f"o{i}", "2023-05-01", "2023-05-01", 1, 30.0, 15.0, 0.0, "web") for i in range(30)]
    rows = [(c[0], "2023-05-01", 15.0) for c in one]
    assert value.groups(summary(*one), days(rows), windows(), BOTH, by="first_channel").frame.empty


def test_the_best_tenth_and_what_it_brings_a_year_later() -> None:
    """A hundred bring 1 each and ten bring 11 this year; last year ten others brought it all.

    This year's tenth of the 110 are eleven: ten times 11 and one of 1, of 210 in all. Last year's
    ten best of the hundred bring their ten.
    """
    rows = [(f"c{i:03d}", "2025-05-01", 1.0) for i in range(100)]
    rows += [(f"new{i}", "2025-06-01", 11.0) for i in range(10)]
    rows += [(f"c{i:03d}", "2024-05-01", 50.0 if i < 10 else 1.0) for i in range(100)]

    def at(until):
        known = {c: d for c, d, _ in rows if d <= until}
        last = {c: max(d for k, d, _ in rows if k == c and d <= until) for c in known}
        return summary(*((c, d, d, 1, 0.0, 0.0, 0.0, "web") for c, d in sorted(last.items())))

    table = days(rows)
    money = money_of(table, table.filter(ibis.literal(False)))
    summaries = {"none": at("2025-09-30"), "year_ago": at("2024-09-30")}
    found = value.concentration(summaries, money, windows(), BOTH, months=12)
    row = found.frame.set_index("measure").loc["margin"]
    assert (110, 11) == (row["customers"], row["tenth"])
    assert 111 / 210 == pytest.approx(row["share"])
    assert 10 / 210 == pytest.approx(row["kept"])
    short = value.concentration(summaries, money, windows("2024-01-01"), BOTH, months=12)
    reasons = {r.reason for r in short.records if r.metric == "former_top_tenth_share"}
    assert {"the data begin on 2024-01-01, within the activity window of 12 months"} == reasons
