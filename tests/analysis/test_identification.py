"""Identification on a shop of two tills, one of which stops asking for the card."""

import datetime as dt

import ibis
import pandas as pd
import pytest
from repurchase.analysis import identification
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


def test_shares_of_orders_and_money():
    """Three of four orders, and 30 of 50 in money, have a known customer."""
    table = orders(
        [(name, FEBRUARY, "s", 10) for name in ("a", "b", "c")] + [(None, FEBRUARY, "s", 20)]
    )
    result = identification.identified_shares(table, WINDOWS)

    by_orders = result.one("identified_order_share")
    assert (0.75, 3, 4) == (by_orders.value, by_orders.numerator, by_orders.n)
    assert 0.6 == pytest.approx(result.one("identified_revenue_share").value)


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


def test_constant_identification_undoes_what_only_identification_did():
    """Behaviour is the same in both months; in February till t loses half of its cards.

    Till s: 100 buyers, 20 returning. Till t: 100 buyers, 80 returning, of whom 50 and 40 remain
    known. The plain share falls from 50 % to 60/150 = 40 %; at constant identification it stays.
    """
    bought, known = [], []
    for month, kept in ((JANUARY, 100), (FEBRUARY, 50)):
        for till, returning, n in (("s", 20, 100), ("t", 80, 100)):
            keep = n if till == "s" else kept
            for i in range(n):
                name = f"{till}{i}{month.month}" if i < keep else None
                bought.append((name, month, till, 1))
                if name:
                    back = i < returning * keep // n
                    known.append((name, month, BEFORE if back else month, till))
    constant = identification.at_constant_identification(orders(bought), days(known), WINDOWS)

    record = constant.records[0]
    assert 0.5 == pytest.approx(record.value)
    assert 0.0 == pytest.approx(record.change)
    assert record.change_low < 0 < record.change_high
    plain = constant.frame[["returning", "buyers"]].sum()
    assert 0.4 == plain["returning"] / plain["buyers"]
