"""Rows and money add up from the files to what is analysed, to the cent."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from repurchase.errors import DataError
from repurchase.model.reconcile import load_report, money_bridge
from repurchase.params import ControlTotal, PeriodFile
from repurchase.period import Period

HEADING = ("id", "customer", "time", "amount", "refund", "tax", "state")
COLUMNS = {
    "order_id": "id", "customer_id": "customer", "ordered_at": "time", "net_amount": "amount",
    "refund_amount": "refund", "tax": "tax",
}  # fmt: skip
ORDERS = {
    "columns": COLUMNS,
    "exclude": {"test_orders": "x_state = 'test'", "unpaid": "x_state = 'open'"},
    "kinds": {"return": "order_id like 'R%'", "adjustment": "net_amount < 0"},
}
JANUARY = Period.parse("2025-01")
ROWS = [
    ("1", "a", "2025-01-05", "100.10", "0", "13", "paid"),
    ("2", "a", "2025-01-31", "50", "20.05", "6", "paid"),
    ("R3", "a", "2025-01-20", "-30", "", "-4", "paid"),
    ("4", "", "2025-01-20", "40", "5", "5", "paid"),
    ("5", "b", "2025-01-20", "7", "", "", "test"),
    ("6", "b", "2025-01-20", "9", "", "", "open"),
    ("7", "b", "2025-02-01", "1000", "", "", "paid"),
    ("8", "b", "soon", "70", "", "", "paid"),
    ("", "b", "2025-01-21", "3", "", "", "paid"),
]


def totals(params: Any, *controls: ControlTotal) -> Any:
    return replace(params, period_file=PeriodFile(control_totals=controls))


def test_the_bridge_runs_from_the_files_to_the_analysis(shop: Any) -> None:
    """Every step by name; rows of other months and undated rows are outside."""
    shop.csv("orders.csv", HEADING, ROWS)
    params = shop.params(orders=ORDERS)
    bridge = money_bridge(shop.prepare(params), params, JANUARY)
    assert [
        ("source_sales", None, "209.10", 6),
        ("returns", None, "-30.00", 1),
        ("quarantined", None, "-3.00", 1),
        ("excluded", "test_orders", "-7.00", 1),
        ("excluded", "unpaid", "-9.00", 1),
        ("anonymous", None, "-40.00", 1),
        ("refunds", None, "-20.05", None),
        ("analysed", None, "100.05", None),
        ("undated", None, "70.00", 1),
    ] == [(s.code, s.name, f"{s.amount:.2f}", s.rows) for s in bridge.steps]
    assert Decimal("100.05") == bridge.amount("analysed")
    assert list(bridge.frame()["code"])[:2] == ["source_sales", "returns"]


amounts = st.decimals(-(10**9), 10**9, places=4).map(str)
row = st.tuples(
    st.sampled_from(["1", "2", "R3", "R4", "5", "6", "7", ""]),
    st.sampled_from(["a", "b", ""]),
    st.sampled_from(["2025-01-01", "2025-01-31 23:59:59", "2025-02-01", "", "x"]),
    st.one_of(amounts, st.sampled_from(["", "x"])),
    st.one_of(amounts, st.just("")),
    st.just("1"),
    st.sampled_from(["paid", "test", "open"]),
)


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(row, max_size=12), st.decimals(-1000, 10**9, places=2))
def test_the_steps_add_up_whatever_the_rows_hold(shop: Any, rows: Any, finance: Decimal) -> None:
    """Property: the sum of the steps is the analysed revenue, exactly, in both bridges."""
    shop.csv("orders.csv", HEADING, [("ok", "a", "2025-01-02", "1.0001", "", "", ""), *rows])
    params = shop.params(orders=ORDERS)
    control = ControlTotal(
        amount=float(finance), source="GL", includes=("tax", "returns", "anonymous", "test")
    )
    bridge = money_bridge(shop.prepare(params), totals(params, control), JANUARY)
    for name in dict.fromkeys(s.bridge for s in bridge.steps):
        steps = [s for s in bridge.steps if s.bridge == name]
        added = sum((s.amount or Decimal(0) for s in steps if not s.total), Decimal(0))
        assert next(s.amount for s in steps if s.code == "analysed") == added


def test_a_finance_total_is_bridged_by_what_it_includes(shop: Any) -> None:
    """Tax, returns, anonymous and test sales explain all of it; a cent more is unexplained."""
    shop.csv("orders.csv", HEADING, ROWS)
    params = shop.params(orders=ORDERS)
    snapshot = shop.prepare(params)
    # sales 100.10 + 50 + 40, tax of orders and return 13 + 6 - 4 + 5, test 7, quarantined 3
    full = Decimal("220.10")
    everything = ("tax", "returns", "anonymous", "test")
    control = ControlTotal(amount=float(full), source="ledger", includes=everything)
    bridge = money_bridge(snapshot, totals(params, control), JANUARY)
    assert Decimal(0) == bridge.amount("unexplained", bridge="finance: ledger")
    assert Decimal(0) == bridge.unexplained_share
    assert not bridge.exceeded
    control = ControlTotal(amount=float(full) + 2, source="ledger", includes=everything)
    bridge = money_bridge(snapshot, totals(params, control), JANUARY)
    assert Decimal(-2) == bridge.amount("unexplained", bridge="finance: ledger")
    assert bridge.exceeded


def test_a_finance_total_net_of_everything_is_compared_as_it_is(shop: Any) -> None:
    """Without `includes` only the quarantined rows stand between the two figures."""
    shop.csv("orders.csv", HEADING, ROWS)
    params = shop.params(orders=ORDERS)
    control = ControlTotal(amount=103.05, source="GL")
    bridge = money_bridge(shop.prepare(params), totals(params, control), JANUARY)
    assert Decimal(0) == bridge.amount("unexplained", bridge="finance: GL")


def test_tax_that_the_source_does_not_give_is_not_taken_as_zero(shop: Any) -> None:
    """The step cannot be known, says why, and what it would explain stays unexplained."""
    shop.csv("orders.csv", HEADING, ROWS)
    columns = {k: v for k, v in COLUMNS.items() if k != "tax"}
    params = shop.params(orders=ORDERS | {"columns": columns})
    control = ControlTotal(amount=123.05, source="GL", includes=("tax",))
    bridge = money_bridge(shop.prepare(params), totals(params, control), JANUARY)
    (step,) = [s for s in bridge.steps if s.code == "tax"]
    assert (None, "tax_not_given") == (step.amount, step.reason)
    assert Decimal(-20) == bridge.amount("unexplained", bridge="finance: GL")


def test_the_load_report_counts_the_whole_source(shop: Any) -> None:
    """All rows, also after the period's end, once each."""
    shop.csv("orders.csv", HEADING, ROWS)
    report = load_report(shop.prepare(orders=ORDERS))
    assert len(ROWS) == report["rows"].sum()
    assert 5 == report.loc[report["outcome"] == "loaded", "rows"].sum()


def test_money_that_does_not_add_up_is_an_error(shop: Any) -> None:
    """A snapshot whose orders lost a row is noticed."""
    shop.csv("orders.csv", HEADING, ROWS)
    params = shop.params(orders=ORDERS)
    snapshot = shop.prepare(params)
    path = snapshot.file("orders")
    con = duckdb.connect()
    con.execute("CREATE TABLE rows AS FROM read_parquet($1) WHERE order_id <> '1'", [str(path)])
    con.table("rows").write_parquet(str(path))
    with pytest.raises(DataError, match="the files' money comes to"):
        money_bridge(snapshot, params, JANUARY)
