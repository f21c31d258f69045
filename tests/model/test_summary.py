"""One row a customer, as of a day."""

from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal
from typing import Any

import duckdb
import pytest
from repurchase.model.snapshot import Snapshot
from repurchase.model.summary import customer_summary

ORDERS = [
    (1, "A", "2025-01-01", 100, 0, "sale", "web", ""),
    (2, "A", "2025-01-11 10:00:00", 50, 10, "sale", "shop", "X"),
    (3, "A", "2025-01-11 12:00:00", 20, 0, "sale", "web", ""),
    (4, "A", "2025-01-31", 70, 0, "sale", "web", ""),
    (5, "B", "2025-01-05", 30, 0, "sale", "shop", "Y"),
    (6, "B", "2025-01-20", -5, 0, "return", "shop", ""),
    (7, "A", "2025-02-10", 999, 0, "sale", "web", ""),
]
LINES = [(1, 1, "p", 40), (1, 2, "q", 20), (2, 1, "p", 10), (3, 1, "p", ""), (4, 1, "p", 30),
         (5, 1, "p", 12), (7, 1, "p", 1)]  # fmt: skip
DAY = dt.date(2025, 1, 31)


@pytest.fixture
def snapshot(shop: Any) -> Snapshot:
    """Two customers whose sums can be done by hand; order 3 has a line without its cost."""
    heading = ("id", "customer", "time", "amount", "back", "kind", "channel", "coupon")
    shop.csv("orders.csv", heading, ORDERS)
    shop.csv("lines.csv", ("id", "n", "what", "cost"), LINES)
    columns = dict(zip(("order_id", "customer_id", "ordered_at", "net_amount", "refund_amount",
                        "kind", "channel", "coupon_code"), heading, strict=True))  # fmt: skip
    lines = {"order_id": "id", "line_no": "n", "product_id": "what", "line_cost": "cost"}
    sources = {"order_lines": {"files": "lines.csv", "columns": lines}}
    return shop.prepare(orders={"columns": columns}, sources=sources)


def rows(snapshot: Snapshot, columns: str) -> list[tuple[Any, ...]]:
    path = str(customer_summary(snapshot, DAY))
    return duckdb.sql(f"SELECT {columns} FROM read_parquet('{path}') ORDER BY 1").fetchall()


def test_what_lies_after_the_day_is_not_in_it(snapshot: Snapshot) -> None:
    """Customer A's order of February changes nothing as of January."""
    columns = "customer_id, order_days, orders, first_date, last_date, previous_date"
    first, last, before = dt.date(2025, 1, 1), DAY, dt.date(2025, 1, 11)
    assert [
        ("A", 3, 4, first, last, before),
        ("B", 1, 1, dt.date(2025, 1, 5), dt.date(2025, 1, 5), None),
    ] == rows(snapshot, columns)


def test_money_is_net_of_refunds_and_apart_from_returns(snapshot: Snapshot) -> None:
    """100 + (50 - 10) + 20 + 70; the unlinked return of B stands in a column of its own."""
    columns = "customer_id, net_revenue, repeat_revenue, other_revenue"
    assert [
        ("A", Decimal(230), Decimal(130), None),
        ("B", Decimal(30), None, Decimal(-5)),
    ] == rows(snapshot, columns)


def test_margin_is_of_the_orders_whose_costs_are_all_known(snapshot: Snapshot) -> None:
    """A: 100 - 60, 40 - 10 and 70 - 30; order 3 has an unknown cost, so no margin of its own."""
    columns = "customer_id, net_margin, repeat_margin"
    assert [("A", Decimal(110), Decimal(70)), ("B", Decimal(18), None)] == rows(snapshot, columns)


def test_gaps_and_ends(snapshot: Snapshot) -> None:
    """A bought after 10 and 20 days, first on the web without a coupon, last on the web."""
    columns = "log_gap_sum, log_gap_squares, longest_gap, first_channel, last_channel"
    found = rows(snapshot, f"customer_id, {columns}, first_discounted")[0]
    logs = [math.log(10), math.log(20)]
    assert pytest.approx((sum(logs), sum(x * x for x in logs)), abs=1e-8) == tuple(
        map(float, found[1:3])
    )
    assert (20, "web", "web", False) == found[3:]


def test_it_is_made_once(snapshot: Snapshot) -> None:
    """The second asking finds the file, and nothing half-made lies beside it."""
    path = customer_summary(snapshot, DAY)
    made = path.stat().st_mtime_ns
    assert made == customer_summary(snapshot, DAY).stat().st_mtime_ns
    assert [path] == list(path.parent.iterdir())
