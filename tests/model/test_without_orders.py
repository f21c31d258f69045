"""A company of which only a test is known: one wide file, no orders, perhaps no customer number."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from repurchase.errors import DataError, ParameterError
from repurchase.model.reconcile import money_bridge
from repurchase.params import ControlTotal, Params, PeriodFile, Profile, load_params
from repurchase.period import Period

WIDE = {
    "experiment_id": {"value": "mail"},
    "customer_id": {"row_number": True},
    "arm": "group",
    "assigned_at": {"value": "2025-03-03"},
    "x_spend": {"from": "spend", "kind": "money"},
    "x_visit": {"from": "visit", "kind": "integer"},
}
HEADING = ("group", "visit", "spend", "zip")
PROFILE = """company: A shop
time_zone: Asia/Shanghai
currency: CNY
order_definition: none
{more}sources:
  {table}:
    files: a.csv
    columns: {columns}
"""


def wide(shop: Any, *, columns: dict[str, Any] | None = None, **profile: Any) -> Params:
    """A shop whose only source is mail.csv, complete through March 2025."""
    told: dict[str, Any] = {
        "company": "A shop", "time_zone": "Asia/Shanghai", "currency": "CNY",
        "order_definition": "none", "data_through": dt.date(2025, 3, 31),
        "sources": {"experiments": {"files": "mail*.csv", "columns": columns or WIDE}},
    }  # fmt: skip
    return Params("shop", Profile.model_validate(told | profile), shop.root)


def test_equal_rows_without_a_number_are_different_customers(shop: Any, query: Any) -> None:
    """File and row name a customer; nothing is dropped, and money is read to the cent."""
    rows = [("a", 1, "29.99", 1), ("b", 0, 0, 1), ("a", 1, "29.99", 1)]
    shop.csv("mail1.csv", HEADING, rows)
    shop.csv("mail2.csv", HEADING, rows[:1])
    snapshot = shop.prepare(wide(shop))
    assert [
        ("1:2", "a", 1, Decimal("29.9900"), "1"),
        ("1:3", "b", 0, Decimal(0), "1"),
        ("1:4", "a", 1, Decimal("29.9900"), "1"),
        ("2:2", "a", 1, Decimal("29.9900"), "1"),
    ] == query(
        snapshot, "SELECT customer_id, arm, x_visit, x_spend, x_zip FROM experiments ORDER BY 1"
    )


def test_the_days_of_the_data_come_from_the_assignments_and_the_profile(shop: Any) -> None:
    """From the first assignment to the day that the profile names; no table of orders is there."""
    shop.csv("mail.csv", HEADING, [("a", 1, 2, 3)])
    snapshot = shop.prepare(wide(shop))
    assert (dt.date(2025, 3, 3), dt.date(2025, 3, 31)) == (
        snapshot.data_from, snapshot.data_through,
    )  # fmt: skip
    assert ("experiments", "quarantine", "row_ledger") == snapshot.tables


def test_what_cannot_be_read_in_a_column_of_ones_own_is_set_aside(shop: Any, query: Any) -> None:
    """A column with a kind is held to it as any other is."""
    shop.csv("mail.csv", HEADING, [("a", 1, "much", 1), ("a", 1, 2, 1)])
    snapshot = shop.prepare(wide(shop, max_quarantined_share=1.0))
    assert [("unreadable_x_spend",)] == query(snapshot, "SELECT rules[1] FROM quarantine")
    assert [(1,)] == query(snapshot, "SELECT count(*) FROM experiments")


def test_data_that_end_before_an_assignment_are_refused(shop: Any) -> None:
    """A year typed wrong would make every customer unripe."""
    shop.csv("mail.csv", HEADING, [("a", 1, 2, 3)])
    with pytest.raises(ParameterError, match="last assignment is of 2025-03-03"):
        shop.prepare(wide(shop, data_through=dt.date(2024, 3, 31)))


def test_a_file_without_rows_is_refused(shop: Any) -> None:
    """Nothing else tells of the company."""
    shop.csv("mail.csv", HEADING, [])
    with pytest.raises(DataError, match="no assignment"):
        shop.prepare(wide(shop))


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        (WIDE | {"arm": {"row_number": True}}, "cannot be the row_number"),
        (WIDE | {"customer_id": {"row_number": True, "value": "a"}}, "exactly one of"),
    ],
)
def test_only_an_id_is_a_row_number(shop: Any, columns: dict[str, Any], why: str) -> None:
    """An arm that is the row's number would be an arm a customer."""
    shop.csv("mail.csv", HEADING, [("a", 1, 2, 3)])
    with pytest.raises(ParameterError, match=why):
        shop.prepare(wide(shop, columns=columns))


@pytest.mark.parametrize(
    ("table", "more", "why"),
    [
        ("events", "data_through: 2025-03-31\n", "sources.orders is missing"),
        ("experiments", "", "data_through is missing"),
    ],
)
def test_a_profile_without_orders_says_what_it_has(
    shop: Any, table: str, more: str, why: str
) -> None:
    """Either orders, or tests and the day up to which they are known."""
    path = shop.root / "params" / "shop.yaml"
    path.write_text(PROFILE.format(table=table, more=more, columns="{x_a: a}"), encoding="utf-8")
    with pytest.raises(ParameterError, match=why):
        load_params("shop", root=shop.root)


def test_a_kind_belongs_to_a_column_of_ones_own(shop: Any) -> None:
    """The model knows what its own columns are."""
    path = shop.root / "params" / "shop.yaml"
    columns = "{customer_id: c, ordered_at: {from: t, kind: date}}"
    text = PROFILE.format(table="orders", more="", columns=columns)
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ParameterError, match="ordered_at has a kind of its own"):
        load_params("shop", root=shop.root)


def test_a_finance_total_needs_orders(shop: Any) -> None:
    """Without one there is no step of a bridge; with one the file is refused."""
    shop.csv("mail.csv", HEADING, [("a", 1, 2, 3)])
    params = wide(shop)
    snapshot, march = shop.prepare(params), Period.parse("2025-03")
    assert ((), None) == (
        money_bridge(snapshot, params, march).steps,
        money_bridge(snapshot, params, march).unexplained_share,
    )
    told = PeriodFile(control_totals=(ControlTotal(amount=1, source="GL"),))
    refused = Params("shop", params.profile, shop.root, march, told)
    with pytest.raises(ParameterError, match="no orders"):
        money_bridge(snapshot, refused)
