"""Every row ends in exactly one of loaded, excluded or quarantined, for a named reason."""

from __future__ import annotations

import datetime as dt
import stat
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from repurchase.errors import DataError, ParameterError, SourceError

HEADING = ("id", "customer", "time", "amount")
DAY = "2025-01-01 10:00:00"
OUTCOMES = "SELECT outcome, reason, sum(rows)::INT FROM row_ledger GROUP BY ALL ORDER BY ALL"


def test_rows_are_loaded_with_business_date_and_utc_time(shop: Any, query: Any) -> None:
    """Half past midnight in Shanghai is a Shanghai day, and the day before in UTC."""
    shop.csv("orders.csv", HEADING, [(1, "a", "2025-03-01 00:30:00", "12.50")])
    snapshot = shop.prepare()
    assert [
        ("1", "a", dt.datetime(2025, 2, 28, 16, 30), dt.date(2025, 3, 1), Decimal("12.5000"))
    ] == query(
        snapshot, "SELECT order_id, customer_id, ordered_at, order_date, net_amount FROM orders"
    )


def test_a_source_in_another_zone_is_moved_to_the_companys_day(shop: Any, query: Any) -> None:
    """An export in UTC: 16:30 belongs to the next day in Shanghai."""
    shop.csv("orders.csv", HEADING, [(1, "a", "2025-02-28 16:30:00", 1)])
    snapshot = shop.prepare(orders={"time_zone": "UTC"})
    assert [(dt.date(2025, 3, 1), dt.datetime(2025, 2, 28, 16, 30))] == query(
        snapshot, "SELECT order_date, ordered_at FROM orders"
    )


def test_a_date_without_a_time_never_shifts(shop: Any, query: Any) -> None:
    """A day is a day of the company, whatever zone the source declares."""
    shop.csv("orders.csv", HEADING, [(1, "a", "2025-02-28", 1)])
    snapshot = shop.prepare(orders={"time_zone": "Asia/Shanghai"}, time_zone="America/New_York")
    assert [(dt.date(2025, 2, 28), dt.datetime(2025, 2, 28, 5, 0))] == query(
        snapshot, "SELECT order_date, ordered_at FROM orders"
    )


def test_a_ragged_row_is_quarantined(shop: Any, query: Any) -> None:
    """A row with a cell too many has slid: none of its cells can be trusted."""
    shop.csv("orders.csv", HEADING, [(1, "a", DAY, 1), (2, "b", "x", DAY, 5)])
    snapshot = shop.prepare()
    assert [("orders.csv", 3, True)] == query(
        snapshot, "SELECT file, row, list_contains(rules, 'ragged_row') FROM quarantine"
    )


def test_a_kind_column_is_one_of_the_kinds(shop: Any, query: Any) -> None:
    """A source may say itself what a row is, in the five words of the model or mapped to them."""
    shop.csv("orders.csv", (*HEADING, "what"), [
        (1, "a", DAY, 1, "Renewal"), (2, "a", DAY, 1, ""), (3, "a", DAY, 1, "barter"),
        (4, "a", DAY, 5, "退货"),
    ])  # fmt: skip
    columns = {
        "order_id": "id", "customer_id": "customer", "ordered_at": "time", "net_amount": "amount",
        "kind": {"from": "what", "map": {"退货": "return"}},
    }  # fmt: skip
    snapshot = shop.prepare(orders={"columns": columns})
    assert [("1", "renewal", 1), ("2", "sale", 1), ("4", "return", -5)] == query(
        snapshot, "SELECT order_id, kind, net_amount::INT FROM orders ORDER BY 1"
    )
    assert [(["unknown_kind"],)] == query(snapshot, "SELECT rules FROM quarantine")


def test_clock_times_that_occurred_twice_or_never_are_quarantined(shop: Any, query: Any) -> None:
    """In Berlin 02:30 did not exist on 30 March 2025, and existed twice on 26 October."""
    shop.csv("orders.csv", HEADING, [
        (1, "a", "2025-03-30 02:30:00", 1), (2, "a", "2025-10-26 02:30:00", 1),
        (3, "a", "2025-10-26 12:00:00", 1), (4, "a", "2025-10-26 23:30:00", 1),
    ])  # fmt: skip
    snapshot = shop.prepare(time_zone="Europe/Berlin")
    assert [(["skipped_ordered_at"], 2), (["repeated_ordered_at"], 3)] == query(
        snapshot, "SELECT rules, row FROM quarantine"
    )
    assert [
        ("3", dt.datetime(2025, 10, 26, 11, 0)), ("4", dt.datetime(2025, 10, 26, 22, 30)),
    ] == query(snapshot, "SELECT order_id, ordered_at FROM orders ORDER BY 1")  # fmt: skip


def test_plain_and_unusual_texts_of_one_column_are_read_alike(shop: Any, query: Any) -> None:
    """Rows of the short way and of the careful way stand side by side in one column."""
    shop.csv("orders.csv", HEADING, [
        (1, "a", "2025-09-01 13:05:00", "12000"), (2, " a ", "2025年9月1日 下午1:05", "¥1.2万"),
        (3, "ａ", "2025/9/1 13:05", '"12,000.00"'), (4, "a", "2025-09-01T05:05:00Z", "12000.00"),
    ])  # fmt: skip
    snapshot = shop.prepare()
    at, amount = dt.datetime(2025, 9, 1, 5, 5), Decimal(12000)
    assert {(at, dt.date(2025, 9, 1), amount)} == set(
        query(snapshot, "SELECT ordered_at, order_date, net_amount FROM orders")
    )
    assert [("a", 4)] == query(snapshot, "SELECT customer_id, count(*) FROM orders GROUP BY 1")


def test_each_row_ends_in_exactly_one_outcome(shop: Any, query: Any) -> None:
    """Exclusions are judged first, in the profile's order; a bad row carries all its rules."""
    shop.csv("orders.csv", HEADING, [
        (1, "a", DAY, 10),
        (2, "a", DAY, -5),          # excluded: negative
        (3, "test", "soon", -5),    # excluded by the first reason, though its date is no date
        (4, "b", "soon", "lots"),   # two rules
        (5, "b", "", 3),            # no date
        (6, "", DAY, 4),            # anonymous, and loaded
        ("", "c", DAY, 4),          # no id
    ])  # fmt: skip
    snapshot = shop.prepare(orders={"exclude": {
        "test_order": "customer_id = 'test'", "not_positive": "net_amount <= 0",
    }})  # fmt: skip
    assert [
        ("excluded", "not_positive", 1),
        ("excluded", "test_order", 1),
        ("loaded", None, 2),
        ("quarantined", "missing_order_id", 1),
        ("quarantined", "missing_ordered_at", 1),
        ("quarantined", "unreadable_ordered_at", 1),
    ] == query(snapshot, OUTCOMES)
    assert [(["unreadable_ordered_at", "unreadable_net_amount"], "orders.csv", 5)] == query(
        snapshot, "SELECT rules, file, row FROM quarantine WHERE len(rules) > 1"
    )
    assert [(False, 1), (True, 1)] == query(
        snapshot,
        "SELECT identified, rows::INT FROM row_ledger WHERE outcome = 'loaded' ORDER BY 1",
    )


def test_quarantined_rows_keep_their_raw_text(shop: Any, query: Any) -> None:
    """What was set aside can be looked up as the file has it."""
    shop.csv("orders.csv", HEADING, [(1, "a", DAY, 1), (2, "b", DAY, "x1,5x".replace(",", ";"))])
    snapshot = shop.prepare()
    assert [('{"id":"2","customer":"b","time":"2025-01-01 10:00:00","amount":"x1;5x"}',)] == query(
        snapshot, "SELECT raw FROM quarantine"
    )


cell = st.sampled_from(["", "a", "b", "1", "-2", "2025-01-01", "2025-01-02 03:04:05", "x", "Total"])


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.tuples(cell, cell, cell, cell), min_size=1, max_size=12))
def test_rows_in_are_rows_out_whatever_the_cells_hold(shop: Any, query: Any, rows: Any) -> None:
    """Property: loaded + excluded + quarantined = rows read, and nobody is counted twice."""
    shop.csv("orders.csv", HEADING, [("ok", "a", "2025-01-03", "1"), *rows])
    snapshot = shop.prepare(orders={"exclude": {"negative": "net_amount < 0"}})
    read = sum(f["rows"] for s in snapshot.meta["sources"] for f in s["files"])
    ((rows_out, loaded),) = query(
        snapshot,
        "SELECT sum(rows)::INT, (sum(rows) FILTER (outcome = 'loaded'))::INT FROM row_ledger",
    )
    ((orders,),) = query(snapshot, "SELECT count(*) FROM orders")
    assert (read, orders) == (rows_out, loaded)


def test_a_line_of_totals_is_excluded_and_is_no_money(shop: Any, query: Any) -> None:
    """Counted as a row by its own name; its amount would count every order twice."""
    shop.csv("orders.csv", HEADING, [
        (1, "a", "2025-01-01", 10), (2, "b", "2025-01-02", 20), ("合计", "", "", 30),
    ])  # fmt: skip
    assert [("excluded", "total_row", 1, None), ("loaded", None, 2, 30)] == query(
        shop.prepare(),
        "SELECT outcome, reason, sum(rows)::INT, sum(amount)::INT FROM row_ledger"
        " GROUP BY ALL ORDER BY ALL",
    )


def test_the_second_row_with_an_id_is_quarantined(shop: Any, query: Any) -> None:
    """One order exported twice counts once; the first row stays."""
    shop.csv("orders.csv", HEADING, [(1, "a", DAY, 1), (1, "a", DAY, 2), (2, "b", DAY, 3)])
    snapshot = shop.prepare()
    assert [("1", 1), ("2", 3)] == query(
        snapshot, "SELECT order_id, net_amount::INT FROM orders ORDER BY 1"
    )
    assert [(["repeated_key"], 3)] == query(snapshot, "SELECT rules, row FROM quarantine")


def test_identical_rows_are_left_out_by_name_when_told(shop: Any, query: Any) -> None:
    """drop_identical leaves out repeats of whole rows, empty cells included, and no others."""
    shop.csv("orders.csv", HEADING, [(1, "", DAY, 1), (1, "", DAY, 1), (2, "b", DAY, 3)])
    snapshot = shop.prepare(orders={"repeated_rows": "drop_identical"})
    assert [("excluded", "repeated_row", 1), ("loaded", None, 2)] == query(snapshot, OUTCOMES)


def test_rows_without_an_order_number_are_orders_each(shop: Any, query: Any) -> None:
    """Without an id column identical rows are real orders of the same day, with stable names."""
    shop.csv("orders.csv", HEADING, [(1, "a", DAY, 1), (1, "a", DAY, 1)])
    columns = {"customer_id": "customer", "ordered_at": "time", "net_amount": "amount"}
    snapshot = shop.prepare(orders={"columns": columns})
    assert [("1:2",), ("1:3",)] == query(snapshot, "SELECT order_id FROM orders ORDER BY 1")
    assert [(1, 2, 2)] == query(
        snapshot, "SELECT count(*), sum(orders)::INT, sum(net_revenue)::INT FROM customer_days"
    )


def test_an_order_of_two_customers_is_nobodys(shop: Any, query: Any) -> None:
    """All its rows are set aside, since nobody can say whose it is."""
    shop.csv("orders.csv", (*HEADING, "sku"), [
        (1, "a", DAY, 1, "p"), (1, "b", DAY, 2, "q"), (2, "a", DAY, 3, "p"), (2, "", DAY, 3, "q"),
    ])  # fmt: skip
    snapshot = shop.prepare(orders=lines())
    assert [("2", "a", 6)] == query(
        snapshot, "SELECT order_id, customer_id, net_amount::INT FROM orders"
    )
    assert [(["order_has_two_customers"], 2)] == query(
        snapshot, "SELECT rules, count(*) FROM quarantine GROUP BY 1"
    )


def lines(**more: Any) -> dict[str, Any]:
    columns = {
        "order_id": "id", "customer_id": "customer", "ordered_at": "time", "line_net": "amount",
        "product_id": "sku",
    }  # fmt: skip
    return {"grain": "line", "columns": columns | more.pop("columns", {})} | more


def test_lines_become_orders(shop: Any, query: Any) -> None:
    """Net amount is the lines' sum, the time the earliest, the lines keep their row number."""
    shop.csv("orders.csv", (*HEADING, "sku", "freight"), [
        (1, "a", "2025-01-01 10:05:00", "1.25", "p", 9),
        (2, "b", DAY, 7, "p", 8),
        (1, "a", "2025-01-01 10:01:00", "2.50", "q", 9),
    ])  # fmt: skip
    snapshot = shop.prepare(orders=lines(columns={"shipping": "freight"}))
    assert [
        ("1", Decimal("3.7500"), Decimal(9), dt.datetime(2025, 1, 1, 2, 1), 2),
        ("2", Decimal(7), Decimal(8), dt.datetime(2025, 1, 1, 2, 0), 1),
    ] == query(
        snapshot,
        "SELECT order_id, net_amount, shipping, ordered_at, source_rows FROM orders ORDER BY 1",
    )
    assert [("1", "2", "p"), ("2", "3", "p"), ("1", "4", "q")] == query(
        snapshot, "SELECT order_id, line_no, product_id FROM order_lines"
    )


def test_order_money_that_differs_between_lines_is_quarantined(shop: Any, query: Any) -> None:
    """One freight an order, or the profile says per: line and they are added up."""
    shop.csv("orders.csv", (*HEADING, "sku", "freight"), [
        (1, "a", DAY, 1, "p", 9), (1, "a", DAY, 1, "q", 8),
        (2, "b", DAY, 1, "p", 8), (2, "b", DAY, 1, "p", ""),
    ])  # fmt: skip
    snapshot = shop.prepare(orders=lines(columns={"shipping": "freight"}))
    assert [(["order_values_differ"], 2)] == query(
        snapshot, "SELECT rules, count(*) FROM quarantine GROUP BY 1"
    )
    told = {"shipping": {"from": "freight", "per": "line"}}
    snapshot = shop.prepare(orders=lines(columns=told))
    assert [("1", 17), ("2", 8)] == query(
        snapshot, "SELECT order_id, shipping::INT FROM orders ORDER BY 1"
    )


def test_an_order_over_midnight_has_one_day(shop: Any, query: Any) -> None:
    """The row ledger dates a line as its order, or a month's money would not add up."""
    shop.csv("orders.csv", (*HEADING, "sku"), [
        (1, "a", "2025-01-31 23:59:00", 1, "p"), (1, "a", "2025-02-01 00:01:00", 2, "q"),
    ])  # fmt: skip
    snapshot = shop.prepare(orders=lines())
    day = dt.date(2025, 1, 31)
    assert [(day, 2, 3)] == query(
        snapshot, "SELECT business_date, rows::INT, amount::INT FROM row_ledger"
    )
    assert [(day,)] == query(snapshot, "SELECT order_date FROM orders")


def test_kinds_make_returns_negative_and_no_purchase(shop: Any, query: Any) -> None:
    """A return given with a positive amount is turned, and noted; a gift is no purchase."""
    shop.csv("orders.csv", HEADING, [
        (1, "a", "2025-01-01", 10), ("R2", "a", "2025-01-05", 4), ("R3", "a", "2025-01-06", -2),
        ("G4", "b", "2025-01-01", 0), ("R5", "z", "2025-01-01", 1),
    ])  # fmt: skip
    kinds = {"return": "order_id like 'R%'", "gift": "order_id like 'G%'"}
    snapshot = shop.prepare(orders={"kinds": kinds})
    first = dt.date(2025, 1, 1)
    assert [
        ("1", "sale", 10, True, None),
        ("G4", "gift", 0, False, None),
        ("R2", "return", -4, False, first),
        ("R3", "return", -2, False, first),
        ("R5", "return", -1, False, None),
    ] == query(
        snapshot,
        "SELECT order_id, kind, net_revenue::INT, is_purchase, assigned_date FROM orders"
        " ORDER BY 1",
    )
    assert [("a", 10)] == query(snapshot, "SELECT customer_id, net_revenue::INT FROM customer_days")
    assert [{"code": "returns_turned_negative", "table": "orders", "rows": 2}] == snapshot.meta[
        "notes"
    ]


def test_statuses_say_what_a_row_is(shop: Any, query: Any) -> None:
    """A status is a kind, or an exclusion by name."""
    shop.csv("orders.csv", (*HEADING, "state"), [
        (1, "a", DAY, 10, "paid"), (2, "a", DAY, 4, "back"), (3, "a", DAY, 4, "void"),
    ])  # fmt: skip
    snapshot = shop.prepare(
        orders=with_status({"paid": "sale", "back": "return", "void": "exclude:unpaid"})
    )
    assert [("1", "sale"), ("2", "return")] == query(
        snapshot, "SELECT order_id, kind FROM orders ORDER BY 1"
    )
    assert [("excluded", "unpaid", 1), ("loaded", None, 2)] == query(snapshot, OUTCOMES)


def with_status(statuses: dict[str, str]) -> dict[str, Any]:
    columns = {
        "order_id": "id", "customer_id": "customer", "ordered_at": "time", "net_amount": "amount",
        "status": "state",
    }  # fmt: skip
    return {"columns": columns, "statuses": statuses}


def test_a_new_status_stops_the_run_with_the_lines_to_add(shop: Any) -> None:
    """Every status that nobody explained is named with its count, as YAML to paste."""
    shop.csv("orders.csv", (*HEADING, "state"), [
        (1, "a", DAY, 1, "paid"), (2, "a", DAY, 1, "待发货"), (3, "a", DAY, 1, "待发货"),
        (4, "a", DAY, 1, ""),
    ])  # fmt: skip
    message = shop.refusal(DataError, orders=with_status({"paid": "sale"}))
    assert 1 == message.count("待发货")
    assert '"待发货": sale   # 2 rows' in message
    assert '"": sale   # 1 rows' in message


def test_many_new_statuses_are_shown_as_ten_and_a_number(shop: Any) -> None:
    """A column that is no status at all does not fill the screen."""
    shop.csv("orders.csv", (*HEADING, "state"), [(i, "a", DAY, 1, f"s{i:02}") for i in range(25)])
    message = shop.refusal(DataError, orders=with_status({"paid": "sale"}))
    assert "25 order statuses" in message and "and 15 more" in message
    assert '"s09"' in message and "s10" not in message


def test_negative_amounts_that_nobody_explains_stop_the_run(shop: Any) -> None:
    """Counted as sales they would make buyers of people who gave something back."""
    shop.csv("orders.csv", HEADING, [(1, "a", DAY, 5), (2, "b", DAY, -5), (3, "c", DAY, -1)])
    message = shop.refusal(DataError)
    assert "2 rows have a negative amount and nothing says what they are" in message
    assert "orders.csv, row 3" in message
    assert "kinds: {return: net_amount < 0}" in message


def test_a_negative_amount_is_no_purchase_whatever_its_status(shop: Any, query: Any) -> None:
    """A status may say sale; money that went back is none, and it is noted."""
    shop.csv("orders.csv", (*HEADING, "state"), [
        (1, "a", DAY, 10, "paid"), (2, "b", DAY, -4, "paid"), (3, "c", DAY, "", "paid"),
    ])  # fmt: skip
    told = with_status({"paid": "sale"})
    for profile in ({}, {"count_fully_returned": True}):
        snapshot = shop.prepare(orders=told, **profile)
        assert [("1", True), ("2", False), ("3", True)] == query(
            snapshot, "SELECT order_id, is_purchase FROM orders ORDER BY 1"
        )
        assert [{"code": "negative_sales", "table": "orders", "rows": 1}] == snapshot.meta["notes"]


def test_a_negative_line_is_a_discount_unless_the_order_is_negative(shop: Any) -> None:
    """Lines are judged by their order's sum; the word to add names the line's amount."""
    row = [(1, "a", DAY, 10, "p"), (1, "a", DAY, -3, "voucher")]
    shop.csv("orders.csv", (*HEADING, "sku"), row)
    shop.prepare(orders=lines())
    shop.csv("orders.csv", (*HEADING, "sku"), [*row, (2, "b", DAY, -3, "p")])
    message = shop.refusal(DataError, orders=lines())
    assert "1 orders have a negative amount" in message
    assert "orders.csv, row 4" in message and "kinds: {return: line_net < 0}" in message


def test_a_mapped_amount_that_is_empty_everywhere_is_refused(shop: Any) -> None:
    """A workbook whose formulas were never calculated has amounts that nobody can read."""
    shop.csv("orders.csv", HEADING, [(1, "a", DAY, ""), (2, "b", DAY, "")])
    message = shop.refusal(DataError)
    assert "net_amount is mapped, but empty on all 2 rows" in message
    assert "formulas" in message


def test_a_status_that_means_nothing_known_is_refused(shop: Any) -> None:
    """The meaning of a status is one of five kinds or an exclusion."""
    shop.csv("orders.csv", (*HEADING, "state"), [(1, "a", DAY, 1, "paid")])
    message = shop.refusal(ParameterError, orders=with_status({"paid": "sold"}))
    assert "'paid' == 'sold'" in message


def test_fully_returned_orders_are_no_purchase_unless_told(shop: Any, query: Any) -> None:
    """A refund of the whole amount undoes the purchase; a zero amount does not."""
    shop.csv("orders.csv", (*HEADING, "refund"), [
        (1, "a", DAY, 10, 10), (2, "b", DAY, 10, 4), (3, "c", DAY, 0, 0), (4, "d", DAY, 5, -5),
    ])  # fmt: skip
    columns = {
        "order_id": "id", "customer_id": "customer", "ordered_at": "time", "net_amount": "amount",
        "refund_amount": "refund",
    }  # fmt: skip
    wanted = "SELECT order_id, is_purchase, net_revenue::INT FROM orders ORDER BY 1"
    snapshot = shop.prepare(orders={"columns": columns})
    assert [("1", False, 0), ("2", True, 6), ("3", True, 0), ("4", False, 0)] == query(
        snapshot, wanted
    )
    snapshot = shop.prepare(orders={"columns": columns}, count_fully_returned=True)
    assert [("1", True, 0), ("2", True, 6), ("3", True, 0), ("4", True, 0)] == query(
        snapshot, wanted
    )


def test_customer_days_know_their_neighbours(shop: Any, query: Any) -> None:
    """Two orders of a day are one order date, with the first order's store and channel."""
    shop.csv("orders.csv", (*HEADING, "store"), [
        (1, "a", "2025-01-03 12:00:00", 1, "late"), (2, "a", "2025-01-03 09:00:00", 2, "early"),
        (3, "a", "2025-01-10 09:00:00", 4, "x"), (4, "", DAY, 8, "x"),
    ])  # fmt: skip
    columns = {
        "order_id": "id", "customer_id": "customer", "ordered_at": "time", "net_amount": "amount",
        "store_id": "store",
    }  # fmt: skip
    snapshot = shop.prepare(orders={"columns": columns})
    third, tenth = dt.date(2025, 1, 3), dt.date(2025, 1, 10)
    assert [
        ("a", third, 2, 3, 1, third, None, tenth, "early"),
        ("a", tenth, 1, 4, 2, third, third, None, "x"),
    ] == query(
        snapshot,
        "SELECT customer_id, order_date, orders, net_revenue::INT, day_rank, first_date,"
        " previous_date, next_date, store_id FROM customer_days",
    )


def test_too_many_bad_rows_stop_the_run_and_say_where_to_look(shop: Any) -> None:
    """Share, rules, counts and one place; values only of dates and amounts, never of people."""
    rows = [(i, f"c{i}", DAY, 1) for i in range(8)]
    shop.csv(
        "orders.csv",
        HEADING,
        [*rows, (8, "Wang Fang", "soon", 1), (8, "Wang Fang", DAY, 1), (8, "Wang Fang", DAY, 1)],
    )
    message = shop.refusal(DataError, max_quarantined_share=0.01)
    assert "2 of 11 rows (18.18%)" in message
    assert (
        "unreadable_ordered_at: 1 rows, the first in orders.csv row 10 (time = 'soon')" in message
    )
    assert "repeated_key: 1 rows, the first in orders.csv row 12" in message
    assert "drop_identical" in message
    assert "Wang" not in message
    aside = shop.cache / "shop" / "quarantine.csv"
    assert str(aside) in message
    assert 0o600 == stat.S_IMODE(aside.stat().st_mode)
    assert "Wang Fang" in aside.read_text(encoding="utf-8-sig")


def test_impossible_dates_are_quarantined(shop: Any, query: Any) -> None:
    """1900-01-01 and 9999-12-31 are fillers of systems, not dates of orders."""
    shop.csv("orders.csv", HEADING, [
        (1, "a", "1900-01-01", 1), (2, "a", "9999-12-31", 1), (3, "a", "2025-01-01", 1),
    ])  # fmt: skip
    assert [("loaded", None, 1), ("quarantined", "date_out_of_range", 2)] == query(
        shop.prepare(), OUTCOMES
    )


def test_one_typing_error_does_not_make_later_periods_complete(shop: Any, query: Any) -> None:
    """An order of 2052 among a thousand of January is an error, and data end in January."""
    rows = [(i, f"c{i}", f"2025-01-{1 + i % 31:02}", 1) for i in range(1500)]
    shop.csv("orders.csv", HEADING, [*rows, (9999, "a", "2052-01-03", 1)])
    snapshot = shop.prepare()
    assert dt.date(2025, 1, 31) == snapshot.data_through
    assert [(["date_far_after_all_others"],)] == query(snapshot, "SELECT rules FROM quarantine")


@pytest.mark.parametrize("stray", ["2099-01-03", "2025-02-19"])
def test_a_stray_late_date_completes_no_month(shop: Any, query: Any, stray: str) -> None:
    """Of 300 orders until 31 January, one 19 days or 74 years later is a typing error."""
    rows = [(i, f"c{i}", f"2025-01-{1 + i % 31:02}", 1) for i in range(300)]
    shop.csv("orders.csv", HEADING, [*rows, (9999, "a", stray, 1)])
    snapshot = shop.prepare()
    assert dt.date(2025, 1, 31) == snapshot.data_through
    assert [(["date_far_after_all_others"],)] == query(snapshot, "SELECT rules FROM quarantine")
    vouched = shop.prepare(data_through=dt.date.fromisoformat(stray))
    assert [] == query(vouched, "SELECT rules FROM quarantine")


def test_a_silence_like_others_before_is_no_error(shop: Any, query: Any) -> None:
    """A shop that rests ten days a month, and one of which little is known, keep their orders."""
    rows = [(i, f"c{i}", f"2025-{1 + i % 3:02}-{1 + i // 3 % 20:02}", 1) for i in range(300)]
    shop.csv("orders.csv", HEADING, [*rows, (9999, "a", "2025-04-02", 1)])
    assert dt.date(2025, 4, 2) == shop.prepare().data_through
    shop.csv("orders.csv", HEADING, [*rows[:5], (9999, "a", "2025-09-02", 1)])
    assert dt.date(2025, 9, 2) == shop.prepare().data_through


def test_an_end_declared_long_after_the_last_order_is_refused(shop: Any) -> None:
    """A year typed wrong would make every month complete."""
    shop.csv("orders.csv", HEADING, [(1, "a", "2025-01-31", 1)])
    message = shop.refusal(ParameterError, data_through=dt.date(2052, 1, 31))
    assert "2052-01-31" in message and "2025-01-31" in message


def test_a_faulty_row_after_the_declared_end_is_left_out_too(shop: Any, query: Any) -> None:
    """A row that is not wanted need not be right, and is no part of the quarantine's share."""
    shop.csv("orders.csv", HEADING, [
        (1, "a", "2025-01-31", 1), (2, "a", "2025-02-01", "x"), (1, "a", "2025-02-02", 1),
    ])  # fmt: skip
    snapshot = shop.prepare(data_through=dt.date(2025, 1, 31))
    assert [("excluded", "after_data_through", 2), ("loaded", None, 1)] == query(snapshot, OUTCOMES)


def test_rows_after_the_declared_end_are_left_out_by_name(shop: Any, query: Any) -> None:
    """A profile that says data_through leaves out what lies after it; that is no fault of rows."""
    shop.csv("orders.csv", HEADING, [(1, "a", "2025-01-31", 1), (2, "a", "2025-02-01", 1)])
    snapshot = shop.prepare(data_through=dt.date(2025, 1, 31))
    assert [("excluded", "after_data_through", 1), ("loaded", None, 1)] == query(snapshot, OUTCOMES)


def test_ids_that_lost_digits_stop_at_once(shop: Any) -> None:
    """1.23E+18 stands for many ids: nothing can be computed from it."""
    shop.csv("orders.csv", HEADING, [(1, "a", DAY, 1), (2, "1.23457E+18", DAY, 1)])
    message = shop.refusal(SourceError)
    assert "'customer'" in message and "text" in message


def test_ids_written_as_fractions_are_the_same_customers(shop: Any, query: Any) -> None:
    """17850.0 in one file is 17850 in the next; beside other ids a .0 is part of the id."""
    shop.csv("x1.csv", HEADING, [("a1", "17850", DAY, 1), ("a2", "1.0", DAY, 1)])
    shop.csv("x2.csv", HEADING, [("a3", "17850.0", DAY, 1), ("a4", "", DAY, 1)])
    snapshot = shop.prepare(orders={"files": "x*.csv"})
    assert [("1.0", 1), ("17850", 2)] == query(
        snapshot,
        "SELECT customer_id, count(*) FROM orders WHERE customer_id IS NOT NULL GROUP BY 1"
        " ORDER BY 1",
    )
    (note,) = snapshot.meta["notes"]
    assert ("ids_as_fractions", "x2.csv", "17850.0") == (note["code"], note["value"], note["read"])


def test_long_ids_stay_text(shop: Any, query: Any) -> None:
    """Nineteen digits and leading zeros survive."""
    shop.csv("orders.csv", HEADING, [("007", "6917529027641081857", DAY, 1)])
    assert [("007", "6917529027641081857")] == query(
        shop.prepare(), "SELECT order_id, customer_id FROM orders"
    )


def test_orders_that_are_all_anonymous_are_refused(shop: Any) -> None:
    """A customer column that is empty everywhere is no customer column."""
    shop.csv("orders.csv", HEADING, [(1, "", DAY, 1), (2, "", DAY, 1)])
    assert "empty on all 2 rows" in shop.refusal(DataError)


def test_orders_without_rows_are_told_as_such(shop: Any) -> None:
    """A heading alone is an export that failed, not an exclusion."""
    shop.csv("orders.csv", HEADING, [])
    assert "a heading and no rows" in shop.refusal(DataError)


def test_no_order_at_all_is_refused_with_what_was_excluded(shop: Any) -> None:
    """A rule that leaves out everything is named."""
    shop.csv("orders.csv", HEADING, [(1, "a", DAY, 1)])
    message = shop.refusal(DataError, orders={"exclude": {"small": "net_amount < 100"}})
    assert "no order was loaded" in message and "small: 1" in message


def test_unknown_columns_are_kept_as_cuts(shop: Any, query: Any) -> None:
    """What the model does not know is kept as text under x_, also of lines that agree."""
    shop.csv("orders.csv", (*HEADING, "sku", "Lineitem Colour", "地址"), [
        (1, "a", DAY, 1, "p", "red", "上海"), (1, "a", DAY, 1, "q", "blue", "上海"),
    ])  # fmt: skip
    snapshot = shop.prepare(orders=lines())
    assert [(None, "上海")] == query(snapshot, "SELECT x_lineitem_colour, x_地址 FROM orders")
    assert [("red",), ("blue",)] == query(snapshot, "SELECT x_lineitem_colour FROM order_lines")


def test_expressions_see_typed_columns_raw_text_and_each_other(shop: Any, query: Any) -> None:
    """A column can be computed from canonical columns, x_ columns and columns computed before."""
    shop.csv("orders.csv", ("id", "mail", "day", "paid", "qty", "price"), [
        (1, "A@X.cn ", "2025-01-02", "", 3, "1.10"), (2, "", "2025-01-02", "2025-01-03", 1, 2),
    ])  # fmt: skip
    columns = {
        "order_id": "id",
        "customer_id": {"expression": "lower(trim(x_mail))"},
        "ordered_at": {"expression": "coalesce(x_paid, x_day)"},
        "gross": {"expression": "number(x_qty) * number(x_price)"},
        "net_amount": {"expression": "gross - 1"},
    }
    snapshot = shop.prepare(orders={"columns": columns})
    assert [
        ("a@x.cn", dt.date(2025, 1, 2), Decimal("3.3000"), Decimal("2.3000")),
        (None, dt.date(2025, 1, 3), Decimal("2.0000"), Decimal("1.0000")),
    ] == query(
        snapshot, "SELECT customer_id, order_date, gross, net_amount FROM orders ORDER BY order_id"
    )


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("case when x_note = net_amount then 1 else 0 end = 1", "reads text"),
        ("net_amount * net_amount * net_amount * net_amount > 1", "too large"),
    ],
)
def test_an_expression_that_fails_on_a_row_shows_no_cell(
    shop: Any, expression: str, why: str
) -> None:
    """The engine's own message would print what stands in the row."""
    shop.csv("orders.csv", (*HEADING, "note"), [(1, "a", DAY, 99999999999, "Wang Fang")])
    message = shop.refusal(DataError, orders={"exclude": {"odd": expression}})
    assert why in message
    assert "Wang" not in message


def test_an_exclusion_must_be_a_condition(shop: Any) -> None:
    """An amount is neither true nor false."""
    shop.csv("orders.csv", HEADING, [(1, "a", DAY, 1)])
    message = shop.refusal(ParameterError, orders={"exclude": {"odd": "net_amount + 1"}})
    assert "'net_amount + 1' is not a condition" in message


def test_several_sources_of_one_table_are_one_table(shop: Any, query: Any) -> None:
    """Two systems with their own headings; an id that both have is repeated."""
    shop.csv("orders.csv", HEADING, [(1, "a", DAY, 1)])
    shop.csv("old.csv", ("no", "who", "when", "sum"), [(1, "a", DAY, 1), (7, "b", DAY, 2)])
    columns = {"order_id": "no", "customer_id": "who", "ordered_at": "when", "net_amount": "sum"}
    params = shop.params(sources={"orders": [
        {"files": "orders.csv", "columns": {
            "order_id": "id", "customer_id": "customer", "ordered_at": "time",
            "net_amount": "amount",
        }},
        {"files": "old.csv", "columns": columns},
    ]})  # fmt: skip
    snapshot = shop.prepare(params)
    assert [("1",), ("7",)] == query(snapshot, "SELECT order_id FROM orders ORDER BY 1")
    assert [("old.csv", 2)] == query(snapshot, "SELECT file, row FROM quarantine")


@pytest.mark.parametrize("name", ["row 'x'; drop", 'quo"te', "semi;colon", "比率 %"])
def test_headings_and_values_are_data_not_sql(shop: Any, query: Any, name: str) -> None:
    """Quotes in headings, statuses, map values and reasons stay text."""
    shop.csv(
        "orders.csv",
        ("id", "customer", "time", "amount", "state"),
        [(1, "a", DAY, 1, name.replace('"', '""') if '"' not in name else "plain")],
    )
    told = with_status({name: "sale", "plain": "sale"})
    told["columns"]["channel"] = {"value": name}
    told["exclude"] = {name: "net_amount > 100"}
    assert [(name,)] == query(shop.prepare(orders=told), "SELECT channel FROM orders")


def test_products_that_no_table_has_are_noted_and_kept(shop: Any, query: Any) -> None:
    """What is written alike but for case, blanks and signs is named beside each; nothing is mended.

    Lines without a product are no mistake.
    """
    shop.csv("orders.csv", HEADING, [(i, "a", DAY, 1) for i in range(1, 6)])
    shop.csv("products.csv", ("code", "name"), [("GTX Pro", "x"), ("MG-1", "y"), ("Z", "z")])
    shop.csv(
        "lines.csv",
        ("order", "line", "product", "net"),
        [(1, 1, "GTXPro", 1), (2, 1, "GTXPro", 1), (3, 1, "new", 1), (4, 1, "MG-1", 1),
         (5, 1, "", 1)],
    )  # fmt: skip
    columns = {"order_id": "order", "line_no": "line", "product_id": "product", "line_net": "net"}
    snapshot = shop.prepare(
        sources={
            "order_lines": {"files": "lines.csv", "columns": columns},
            "products": {"files": "products.csv",
                         "columns": {"product_id": "code", "name": "name"}},
        }
    )  # fmt: skip

    assert [
        {"code": "unknown_products", "table": "order_lines", "rows": 3, "count": 2,
         "value": "GTXPro (GTX Pro), new"}
    ] == snapshot.meta["notes"]  # fmt: skip
    assert [(2,)] == query(
        snapshot, "SELECT count(*) FROM order_lines WHERE product_id = 'GTXPro'"
    )


def test_products_that_are_all_known_leave_no_note(shop: Any) -> None:
    """Orders by line too; without a table of products nothing can be unknown."""
    heading = (*HEADING, "product")
    shop.csv("orders.csv", heading, [(1, "a", DAY, 1, "P1")])
    shop.csv("products.csv", ("code",), [("P1",)])
    by_line = {
        "grain": "line",
        "columns": {"order_id": "id", "customer_id": "customer", "ordered_at": "time",
                    "line_net": "amount", "product_id": "product"},
    }  # fmt: skip
    known = {"products": {"files": "products.csv", "columns": {"product_id": "code"}}}

    assert [] == shop.prepare(orders=by_line, sources=known).meta["notes"]
    assert [] == shop.prepare(orders=by_line).meta["notes"]
    shop.csv("products.csv", ("code",), [("p-1",)])
    (note,) = shop.prepare(orders=by_line, sources=known).meta["notes"]
    assert ("unknown_products", "P1 (p-1)") == (note["code"], note["value"])
