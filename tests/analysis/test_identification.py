"""Identification on a shop of two tills, one of which stops asking for the card."""

import datetime as dt

import ibis
import pandas as pd
import pytest
from repurchase.analysis import findings, identification
from repurchase.analysis.windows import windows_of
from repurchase.period import Period

WINDOWS = windows_of(Period.parse("2025-02"), country=None, data_from=dt.date(2023, 1, 1))
JANUARY, FEBRUARY, BEFORE = dt.date(2025, 1, 10), dt.date(2025, 2, 10), dt.date(2024, 1, 10)


def orders(rows):
    """One order a row: customer (None: unknown), day, till, money."""
    columns = {
        "customer_id": "string",
        "order_date": "date",
        "store_id": "string",
        "net_revenue": "float64",
        "is_purchase": "boolean",
    }
    frame = pd.DataFrame([(*row, True) for row in rows], columns=list(columns))
    table = ibis.memtable(frame, schema=columns)
    return table.mutate(net_revenue=table.net_revenue.cast("decimal(18, 4)"))


def days(rows):
    """One order date a row: customer, day, first day, till."""
    columns = {
        "customer_id": "string",
        "order_date": "date",
        "first_date": "date",
        "store_id": "string",
    }
    return ibis.memtable(pd.DataFrame(rows, columns=list(columns)), schema=columns)


def one(result, compare_to="none"):
    """The record of that comparison."""
    (record,) = [r for r in result.records if r.compare_to == compare_to]
    return record


def test_shares_of_orders_and_money():
    """Three of four orders, and 30 of 50 in money, have a known customer."""
    table = orders(
        [(name, FEBRUARY, "s", 10) for name in ("a", "b", "c")] + [(None, FEBRUARY, "s", 20)]
    )
    result = identification.identified_shares(table, WINDOWS)

    by_orders = result.one("identified_order_share")
    assert (0.75, 3, 4) == (by_orders.value, by_orders.numerator, by_orders.n)
    assert 0.6 == pytest.approx(result.one("identified_revenue_share").value)


def test_the_money_of_one_customer_is_one_piece_of_evidence():
    """Eight orders of 10, six of them known: of one customer they say less than of six.

    All known: eight customers leave room down to Wilson's bound for 8 of 8.
    """
    one = [("a", FEBRUARY, "s", 10)] * 6 + [(None, FEBRUARY, "s", 10)] * 2
    six = [(name, FEBRUARY, "s", 10) for name in "abcdef"] + [(None, FEBRUARY, "s", 10)] * 2
    all_of_eight = [(name, FEBRUARY, "s", 10) for name in "abcdefgh"]

    narrow, wide, full = (
        identification.identified_shares(orders(rows), WINDOWS).one("identified_revenue_share")
        for rows in (six, one, all_of_eight)
    )

    assert 0.75 == narrow.value == wide.value
    assert narrow.high - narrow.low < wide.high - wide.low
    assert (1.0, 1.0) == (full.value, full.high)
    assert 8 / (8 + 1.959964**2) == pytest.approx(full.low)


def test_no_orders_give_a_reason():
    """An empty month has no identified share."""
    table = orders([("a", JANUARY, "s", 10)])
    record = identification.identified_shares(table, WINDOWS).one("identified_order_share")

    assert (None, "not_computed") == (record.value, record.status)


def test_by_store_shows_the_one_that_moved():
    """Till t went from 2 of 2 to 1 of 2; till s stayed."""
    january = [("a", JANUARY, "t", 1), ("b", JANUARY, "t", 1), ("c", JANUARY, "s", 1)]
    february = [("a", FEBRUARY, "t", 1), (None, FEBRUARY, "t", 1), ("c", FEBRUARY, "s", 1)]
    table = orders([*january, *february])
    frame = identification.by_cut(table, WINDOWS, cut="store_id").frame.set_index("store_id")

    assert (0.5, 1.0, -0.5) == tuple(frame.loc["t", ["value", "previous", "change"]])
    assert 0.0 == frame.loc["s", "change"]


def test_a_table_without_the_column_has_no_rows():
    """A company without channels gets no table of channels."""
    assert identification.by_cut(orders([]), WINDOWS, cut="channel").frame.empty


def shop(loyal_kept):
    """Two tills of 100 buyers a month, 20 and 80 of them returning; in February till t keeps the
    cards of `loyal_kept` of its 80 returning buyers only."""
    bought, known = [], []
    for month in (JANUARY, FEBRUARY):
        for till, returning in (("s", 20), ("t", 80)):
            for i in range(100):
                back = i < returning
                lost = month == FEBRUARY and till == "t" and back and i >= loyal_kept
                name = None if lost else f"{till}{i}{month.month if not back else ''}"
                bought.append((name, month, till, 1))
                if name:
                    known.append((name, month, BEFORE if back else month, till))
    return orders(bought), days(known)


def test_where_identification_held_nothing_moved():
    """Till t loses the cards of loyal buyers; the plain share falls, till s alone shows 20 %.

    Nobody behaves otherwise: the plain share goes from 100/200 to 40/140, the held one stays.
    """
    bought, known = shop(loyal_kept=20)
    held = identification.where_identification_held(bought, known, WINDOWS, limit=0.03)

    level, change = one(held), one(held, "previous")
    assert (0.2, 20, 100) == (level.value, level.numerator, level.n)
    assert 0.0 == pytest.approx(change.change)
    assert change.change_low < 0 < change.change_high
    assert {"s": True, "t": False} == dict(
        zip(held.frame["store_id"], held.frame["held"], strict=True)
    )


def test_where_nothing_moved_every_till_counts():
    """All cards are asked for: both tills, 100 of 200."""
    bought, known = shop(loyal_kept=80)
    held = identification.where_identification_held(bought, known, WINDOWS, limit=0.03)

    level = one(held)
    assert (0.5, 100, 200) == (level.value, level.numerator, level.n)


def test_without_tills_to_tell_apart_nothing_can_be_said():
    """A company without stores and channels: not computed, with the reason."""
    bought, known = shop(loyal_kept=20)
    bought, known = bought.drop("store_id"), known.drop("store_id")
    held = identification.where_identification_held(bought, known, WINDOWS, limit=0.03)

    level = one(held)
    assert (None, "not_computed") == (level.value, level.status)
    assert "identified share" in level.reason


def test_identification_is_watched_on_every_comparison():
    """A loss of last year is beyond the limit against a year ago, though not since last month."""
    year_ago = dt.date(2024, 2, 10)
    table = orders(
        [("a", year_ago, "s", 1)] * 100
        + [("a", JANUARY, "s", 1), (None, JANUARY, "s", 1)] * 50
        + [("a", FEBRUARY, "s", 1), (None, FEBRUARY, "s", 1)] * 50
    )
    shares = identification.identified_shares(table, WINDOWS)
    moved = findings.identification_change(shares, limit=0.03)

    assert ("year_ago", -0.5) == (moved.compare_to, moved.change)


def test_the_only_till_cannot_have_held_while_the_whole_moved():
    """Three of four known, four of four before: within chance, but it is all there is."""
    then, now = ("a", "b", "c", "d"), ("a", "b", "c", None)
    bought = orders(
        [*((c, JANUARY, "s", 1) for c in then), *((c, FEBRUARY, "s", 1) for c in now)]
    )
    known = days([(name, FEBRUARY, JANUARY, "s") for name in ("a", "b", "c")])
    held = identification.where_identification_held(bought, known, WINDOWS, limit=0.03)

    assert [False] == held.frame["held"].tolist()
    assert "not_computed" == one(held).status
