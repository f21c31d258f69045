"""Canonical columns come from where the profile says, and from nowhere else."""

from __future__ import annotations

from typing import Any

import pytest
from repurchase.errors import DataError, ParameterError, SourceError
from repurchase.model.mapping import find_heading, mapped
from repurchase.params import SourceSpec

NEEDED = {"customer_id": "who", "ordered_at": "when"}


def spec(**more: Any) -> SourceSpec:
    columns = NEEDED | more.pop("columns", {})
    return SourceSpec.model_validate({"files": "x.csv", "columns": columns} | more)


def refused(error: type[Exception], headings: list[str], told: SourceSpec | None = None) -> str:
    with pytest.raises(error) as caught:
        mapped("orders", told or spec(), headings, where="sources.orders")
    return str(caught.value)


@pytest.mark.parametrize("heading", ["Buyer ID", " buyer id ", "ＢＵＹＥＲ　ＩＤ", "BUYER ID"])
def test_headings_are_compared_without_case_width_and_blanks(heading: str) -> None:
    """Stray spaces and full-width letters of an export do not matter."""
    assert heading == find_heading(["buyer id"], ["no", heading], column="customer_id", where="")


def test_the_alias_that_is_there_is_taken() -> None:
    """One mapping serves the old and the new export."""
    assert "买家" == find_heading(["buyer", "买家"], ["买家", "x"], column="customer_id", where="")


def test_two_aliases_that_are_both_there_are_refused() -> None:
    """Nobody can say which is meant."""
    with pytest.raises(SourceError, match="'buyer' and from '买家'"):
        find_heading(["buyer", "买家"], ["买家", "buyer"], column="customer_id", where="")


def test_a_missing_heading_names_the_nearest_and_all() -> None:
    """What was asked, what is there, what was probably meant."""
    message = refused(SourceError, ["whoo", "when", "sum"])
    assert "no heading 'who'" in message
    assert "did you mean 'whoo'" in message
    assert "whoo, when, sum" in message


def test_orders_without_a_customer_column_are_refused() -> None:
    """Repurchase cannot be computed; the message says what to export instead."""
    told = SourceSpec.model_validate({"files": "x", "columns": {"ordered_at": "when"}})
    message = refused(DataError, ["when", "sum"], told)
    assert "repurchase cannot be computed without a customer" in message
    assert "Headings here: when, sum" in message


@pytest.mark.parametrize(
    ("columns", "grain", "why"),
    [
        ({"net_amount": {"from": "sum", "value": 1}}, "row", "exactly one of"),
        ({"net_amount": {"map": {"a": "b"}}}, "row", "exactly one of"),
        ({"order_id": "when"}, "line", "line_net must be mapped"),
        ({"line_net": "sum"}, "line", "order_id must be mapped"),
        ({"order_id": "no", "line_net": "s", "net_amount": "s"}, "line", "net_amount must not"),
    ],
)
def test_a_mapping_that_contradicts_itself_is_refused(columns: Any, grain: str, why: str) -> None:
    """Before any row is read."""
    headings = ["who", "when", "sum", "no", "s"]
    assert why in refused(ParameterError, headings, spec(columns=columns, grain=grain))


def test_what_is_not_mapped_is_kept_as_text() -> None:
    """Headings that nothing uses become x_ names; those in use are only seen by expressions."""
    found = mapped("orders", spec(), ["who", "when", "Line  Colour", "line-colour"], where="")
    assert ("x_line_colour", "x_line_colour_2") == found.kept
    assert "who" == found.extra["x_who"]


def test_values_are_mapped_before_they_are_read(shop: Any, query: Any) -> None:
    """`map` translates texts, exactly and without outer blanks; others stay."""
    shop.csv("orders.csv", ("id", "customer", "time", "amount", "way"), [
        (1, "a", "2025-01-01", 1, " 门店 "), (2, "a", "2025-01-01", "free", "APP"),
    ])  # fmt: skip
    columns = {
        "order_id": "id", "customer_id": "customer", "ordered_at": "time",
        "net_amount": {"from": "amount", "map": {"free": "0"}},
        "channel": {"from": "way", "map": {"门店": "store"}},
        "source_system": {"value": "till"},
    }  # fmt: skip
    assert [("1", 1, "store", "till"), ("2", 0, "APP", "till")] == query(
        shop.prepare(orders={"columns": columns}),
        "SELECT order_id, net_amount::INT, channel, source_system FROM orders ORDER BY 1",
    )


def test_numbers_that_read_two_ways_ask_for_a_declaration(shop: Any, query: Any) -> None:
    """1,234 alone is a thousand or one and a bit: the profile must say."""
    rows = [(1, "a", "2025-01-01", '"1,234"'), (2, "a", "2025-01-01", '"5,678"')]
    shop.csv("orders.csv", ("id", "customer", "time", "amount"), rows)
    assert "two ways" in shop.refusal(SourceError)
    amounts = "SELECT net_amount::DOUBLE FROM orders ORDER BY order_id"
    snapshot = shop.prepare(orders={"decimal": ","})
    assert [(1.234,), (5.678,)] == query(snapshot, amounts)
    snapshot = shop.prepare(orders={"decimal": "."})
    assert [(1234.0,), (5678.0,)] == query(snapshot, amounts)


def test_a_decimal_comma_is_told_from_the_data(shop: Any, query: Any) -> None:
    """1.234,50 proves it for the whole column."""
    rows = [(1, "a", "2025-01-01", '"1.234,50"'), (2, "a", "2025-01-01", '"5.678"')]
    shop.csv("orders.csv", ("id", "customer", "time", "amount"), rows)
    assert [(1234.5,), (5678.0,)] == query(
        shop.prepare(), "SELECT net_amount::DOUBLE FROM orders ORDER BY order_id"
    )


def test_a_declared_date_format_is_used(shop: Any, query: Any) -> None:
    """Day first is not guessed; declared, it is read."""
    shop.csv("orders.csv", ("id", "customer", "time", "amount"), [(1, "a", "03/02/2025", 1)])
    assert "no order was loaded" in shop.refusal(DataError)
    snapshot = shop.prepare(orders={"date_format": "%d/%m/%Y"})
    assert [("2025-02-03",)] == query(snapshot, "SELECT order_date::VARCHAR FROM orders")
