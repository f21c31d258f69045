"""Merged customers: pointers are followed to the end, circles are set aside."""

from __future__ import annotations

from typing import Any

import duckdb
from repurchase.model.identity import resolve_merges


def resolved(pairs: list[tuple[str, str | None]]) -> tuple[dict[str, str], set[str]]:
    con = duckdb.connect()
    con.execute("CREATE TABLE c (customer_id VARCHAR, merged_into_id VARCHAR)")
    con.executemany("INSERT INTO c VALUES (?, ?)", pairs)
    merged = resolve_merges(con, "c")
    found = dict(con.execute("FROM merges").fetchall())
    assert len(found) == merged
    return found, {row[0] for row in con.execute("FROM merge_circles").fetchall()}


def test_a_chain_ends_at_the_one_that_points_nowhere() -> None:
    """Every link of a long chain gets the same survivor, though the survivor has no row."""
    chain = [(f"c{i:03}", f"c{i + 1:03}") for i in range(100)]
    assert ({f"c{i:03}": "c100" for i in range(100)}, set()) == resolved(chain)


def test_a_pointer_to_itself_is_no_merge() -> None:
    """Some systems write a customer's own id there."""
    assert ({}, set()) == resolved([("a", "a"), ("b", None)])


def test_circles_and_what_points_into_them_have_no_survivor() -> None:
    """Circles of one, two and three apart from a sound chain."""
    pairs = [("p", "q"), ("q", "p"), ("x", "y"), ("y", "z"), ("z", "x"), ("w", "x"), ("a", "b")]
    assert ({"a": "b"}, set("pqxyzw")) == resolved(pairs)


def test_orders_move_to_the_survivor_and_remember_their_own_id(shop: Any, query: Any) -> None:
    """All tables get the surviving id; the merged customer's row stays, flagged."""
    shop.csv("orders.csv", ("id", "customer", "time", "amount"), [
        (1, "a", "2025-01-01 10:00:00", 10), (2, "c", "2025-01-05 10:00:00", 10),
    ])  # fmt: skip
    shop.csv("customers.csv", ("id", "into"), [("a", "b"), ("b", "c"), ("c", "")])
    columns = {"customer_id": "id", "merged_into_id": "into"}
    snapshot = shop.prepare(sources={"customers": {"files": "customers.csv", "columns": columns}})
    assert [("a", "c"), ("c", "c")] == query(
        snapshot, "SELECT original_customer_id, customer_id FROM orders ORDER BY order_id"
    )
    assert [("c", 2)] == query(
        snapshot, "SELECT customer_id, max(day_rank) FROM customer_days GROUP BY 1"
    )
    assert [("a", True, "c"), ("b", True, "c"), ("c", False, "c")] == query(
        snapshot, "SELECT customer_id, is_merged, kept_id FROM customers ORDER BY 1"
    )
    assert 2 == snapshot.meta["merged_customers"]


def test_customers_merged_in_a_circle_are_quarantined(shop: Any, query: Any) -> None:
    """Nobody can say who stays: their rows are set aside, their orders keep their ids."""
    shop.csv("orders.csv", ("id", "customer", "time", "amount"), [
        (1, "a", "2025-01-01 10:00:00", 10), (2, "b", "2025-01-05 10:00:00", 10),
    ])  # fmt: skip
    shop.csv("customers.csv", ("id", "into"), [("a", "b"), ("b", "a"), ("c", "")])
    columns = {"customer_id": "id", "merged_into_id": "into"}
    snapshot = shop.prepare(sources={"customers": {"files": "customers.csv", "columns": columns}})
    assert [("customers", ["merged_in_a_circle"], 2)] == query(
        snapshot, 'SELECT "table", rules, count(*) FROM quarantine GROUP BY ALL'
    )
    assert [("a",), ("b",)] == query(snapshot, "SELECT customer_id FROM orders ORDER BY 1")
