"""Money of several currencies is converted by a stated rate, or refused; never added up."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from repurchase.errors import DataError, SourceError

HEADING = ("id", "customer", "time", "amount", "cur", "rate")
COLUMNS = {
    "order_id": "id", "customer_id": "customer", "ordered_at": "time", "net_amount": "amount",
    "currency": "cur",
}  # fmt: skip
ORDERS = [
    (1, "a", "2025-01-10", 100, "CNY", 1),
    (2, "a", "2025-01-10", 10, "USD", "7.25"),
    (3, "b", "2025-02-10", 10, "usd", ""),
    (4, "b", "2024-12-31", 10, "EUR", ""),
]
MONEY = "SELECT order_id, net_amount, original_net_amount FROM orders ORDER BY 1"


def test_several_currencies_without_a_rate_are_refused(shop: Any) -> None:
    """The currencies are named with their counts, and both ways out."""
    shop.csv("orders.csv", HEADING, ORDERS)
    message = shop.refusal(DataError, orders={"columns": COLUMNS})
    assert "CNY: 1 rows, EUR: 1 rows, USD: 2 rows" in message
    assert "fx_rate" in message and "exchange_rates" in message


def test_excluding_the_other_currencies_is_a_way_out(shop: Any, query: Any) -> None:
    """What is excluded by name is not counted as a mixture."""
    shop.csv("orders.csv", HEADING, ORDERS)
    told = {"columns": COLUMNS, "exclude": {"foreign": "upper(currency) <> 'CNY'"}}
    assert [("1", Decimal(100))] == query(
        shop.prepare(orders=told), "SELECT order_id, net_amount FROM orders"
    )


def test_one_currency_other_than_the_reports_is_refused(shop: Any) -> None:
    """A whole file in dollars is no file in yuan."""
    shop.csv("orders.csv", HEADING, ORDERS[1:2])
    assert "USD: 1 rows" in shop.refusal(DataError, orders={"columns": COLUMNS})


def test_the_rows_own_rate_converts_and_an_unknown_one_leaves_money_empty(
    shop: Any, query: Any
) -> None:
    """The order still counts; the original amount stands beside; it is noted."""
    shop.csv("orders.csv", HEADING, ORDERS)
    snapshot = shop.prepare(orders={"columns": COLUMNS | {"fx_rate": "rate"}})
    assert [
        ("1", Decimal(100), Decimal(100)), ("2", Decimal("72.5"), Decimal(10)),
        ("3", None, Decimal(10)), ("4", None, Decimal(10)),
    ] == query(snapshot, MONEY)  # fmt: skip
    assert [("a", 1, Decimal("172.5")), ("b", 1, None), ("b", 1, None)] == query(
        snapshot,
        "SELECT customer_id, count(*), sum(net_revenue) FROM customer_days"
        " GROUP BY customer_id, order_date ORDER BY ALL",
    )
    assert [
        {"code": "no_exchange_rate", "table": "orders", "value": "EUR", "rows": 1},
        {"code": "no_exchange_rate", "table": "orders", "value": "USD", "rows": 1},
    ] == snapshot.meta["notes"]
    assert [(2,)] == query(snapshot, "SELECT sum(rows_without_amount)::INT FROM row_ledger")


def test_the_last_rate_on_or_before_the_day_serves(shop: Any, query: Any) -> None:
    """A file of dated rates; before its first date no rate is known."""
    shop.csv("orders.csv", HEADING, ORDERS)
    shop.csv("rates.csv", ("currency", "date", "rate"), [
        ("USD", "2025-02-10", "7.3"), ("USD", "2025-01-01", "7.2"), ("USD", "2025-03-01", "9"),
        ("EUR", "2025-01-01", "8"),
    ])  # fmt: skip
    snapshot = shop.prepare(orders={"columns": COLUMNS}, exchange_rates={"file": "rates.csv"})
    assert [
        ("1", Decimal(100), Decimal(100)), ("2", Decimal(72), Decimal(10)),
        ("3", Decimal(73), Decimal(10)), ("4", None, Decimal(10)),
    ] == query(snapshot, MONEY)  # fmt: skip


def test_lines_of_their_own_file_are_converted_as_their_order(shop: Any, query: Any) -> None:
    """A line has no currency of its own; without a rate of its order its money is empty."""
    shop.csv("orders.csv", HEADING, ORDERS)
    lines = [(2, 1, "p", 6), (2, 2, "q", 4), (3, 1, "p", 10), (1, 1, "p", 100)]
    shop.csv("lines.csv", ("id", "no", "sku", "net"), lines)
    told = {"order_id": "id", "line_no": "no", "product_id": "sku", "line_net": "net"}
    snapshot = shop.prepare(
        orders={"columns": COLUMNS | {"fx_rate": "rate"}},
        sources={"order_lines": {"files": "lines.csv", "columns": told}},
    )
    assert [
        ("1", Decimal(100)), ("2", Decimal(29)), ("2", Decimal("43.5")), ("3", None),
    ] == query(snapshot, "SELECT order_id, line_net FROM order_lines ORDER BY ALL")  # fmt: skip


@pytest.mark.parametrize(
    "row", [("USD", "soon", "7"), ("USD", "2025-01-01", "-7"), ("DOLLAR", "2025-01-01", "7")]
)
def test_a_wrong_rate_is_named_by_its_line(shop: Any, row: Any) -> None:
    """A rate that cannot be one stops the run."""
    shop.csv("orders.csv", HEADING, ORDERS)
    shop.csv("rates.csv", ("currency", "date", "rate"), [("EUR", "2025-01-01", "8"), row])
    message = shop.refusal(
        SourceError, orders={"columns": COLUMNS}, exchange_rates={"file": "rates.csv"}
    )
    assert "rates.csv, line 3" in message


def test_two_rates_of_one_day_are_refused(shop: Any) -> None:
    """Nobody can say which holds."""
    shop.csv("orders.csv", HEADING, ORDERS)
    rates = [("USD", "2025-01-01", "7.1"), ("usd", "2025-01-01", "7.2")]
    shop.csv("rates.csv", ("currency", "date", "rate"), rates)
    told = {"orders": {"columns": COLUMNS}, "exchange_rates": {"file": "rates.csv"}}
    assert "two rates for USD on 2025-01-01" in shop.refusal(SourceError, **told)


@pytest.mark.parametrize("amounts", [("¥1", "$1"), ("$1", "$2"), ("1 EUR", "1")])
def test_signs_of_another_currency_in_the_amounts_are_refused(shop: Any, amounts: Any) -> None:
    """A dollar sign in a report in yuan is a mixture that no column admits."""
    rows = [(i, "a", "2025-01-10", amount) for i, amount in enumerate(amounts)]
    shop.csv("orders.csv", HEADING[:4], rows)
    assert "not all in CNY" in shop.refusal(DataError)


def test_money_is_exact(shop: Any, query: Any) -> None:
    """A million times a cent is ten thousand, in any order of adding."""
    shop.csv("orders.csv", HEADING[:4], [(i, "a", "2025-01-10", "0.01") for i in range(20_000)])
    assert [(Decimal("200.0000"),)] == query(
        shop.prepare(), "SELECT net_revenue FROM customer_days"
    )


def test_a_missing_file_of_rates_is_named(shop: Any) -> None:
    """Before anything is read, with the name that is nearest."""
    shop.csv("orders.csv", HEADING, ORDERS)
    shop.csv("rates.csv", ("currency", "date", "rate"), [("USD", "2025-01-01", 7)])
    told = {"orders": {"columns": COLUMNS}, "exchange_rates": {"file": "rate.csv"}}
    message = shop.refusal(SourceError, **told)
    assert "no file of exchange rates" in message and "'rates.csv'" in message
