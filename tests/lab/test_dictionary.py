"""review.tables: every column, what it means, how full it is."""

import re

from repurchase.model.meanings import MEANINGS, UNMAPPED, is_personal, meaning
from repurchase.model.schema import TABLES
from repurchase.review import Review


def test_every_canonical_column_has_a_meaning() -> None:
    """A column that the model knows is never called unmapped, and no meaning is of no column."""
    known = {(t, c) for t, table in TABLES.items() for c in table.columns}
    assert [] == sorted(f"{t}.{c}" for t, c in known if meaning(t, c) == UNMAPPED)
    derived = "order_date net_revenue source_rows is_purchase assigned_date created_date is_merged"
    derived += " kept_id orders day_rank first_date previous_date next_date occurred_date"
    derived += " answered_date opened_date original_customer_id net_margin discounted"
    columns = {c for _, c in known} | set(derived.split())
    assert [] == [m for m in MEANINGS if m.split(".")[-1] not in columns]


def test_the_dictionary_counts_what_sql_counts(review: Review) -> None:
    """Rows, fill rate and distinct values of a column with gaps."""
    frame = review.tables.frame.set_index(["table", "column"])
    row = frame.loc[("orders", "customer_id")]
    counted = review.sql(
        "select count(*) n, count(customer_id) f, count(distinct customer_id) d from orders"
    ).iloc[0]

    assert 0 < counted["f"] < counted["n"]
    assert (counted["n"], counted["d"]) == (row["rows"], row["distinct"])
    assert counted["f"] / counted["n"] == row["filled"]
    assert ("id", MEANINGS["customer_id"]) == (row["kind"], row["meaning"])
    assert "quarantine" not in set(review.tables.frame["table"])


def test_every_column_of_every_table_is_in_it(review: Review) -> None:
    """As many rows as the views have columns."""
    frame = review.tables.frame
    for table in ("orders", "customers", "customer_days", "surveys"):
        columns = set(review.table(table).columns)
        assert columns == set(frame.loc[frame["table"] == table, "column"])
    assert review.tables is review.tables


def test_examples_name_nobody(review: Review) -> None:
    """No name, phone, mail or written word of the tables stands in the examples."""
    frame = review.tables.frame
    shown = " · ".join(frame["examples"])
    secret = review.sql(
        'select name, "x_手机号" phone, "x_邮箱" mail from customers where name is not null'
    )
    secrets = {v for column in secret for v in secret[column].dropna() if len(v) > 1}
    assert len(secrets) > 300
    assert [] == [s for s in secrets if s in shown]
    assert not re.search(r"1[3-9]\d{9}|\w@\w+\.com", shown.replace("x", ""))
    assert is_personal("customers", "x_Contact Phone") and is_personal("surveys", "text")
    assert not is_personal("stores", "name") and not is_personal("orders", "x_订单类型")
