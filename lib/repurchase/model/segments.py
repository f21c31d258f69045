"""What an expression of a profile may be told from: the columns of a table with their kinds."""

from __future__ import annotations

from collections.abc import Iterable

from repurchase.model.schema import TABLES, Kind
from repurchase.model.typed import business_date_of

# columns that no source gives, where they can be counted with
DERIVED: dict[str, Kind] = {
    "net_revenue": "money", "net_margin": "money", "is_purchase": "flag", "source_rows": "integer",
}  # fmt: skip


def kinds_of_customers(columns: Iterable[str]) -> dict[str, str]:
    """The columns of a customer table with their kinds; one that the model does not know is text.

    >>> kinds_of_customers(["customer_id", "overdue_days", "x_tier"])
    {'customer_id': 'id', 'overdue_days': 'integer', 'x_tier': 'text'}
    """
    return kinds_of("customers", columns)


def kinds_of(table: str, columns: Iterable[str]) -> dict[str, str]:
    """The same of any canonical table; its business date is a date, what is derived has its kind.

    >>> kinds_of("events", ["event_id", "occurred_date", "x_level"])
    {'event_id': 'id', 'occurred_date': 'date', 'x_level': 'text'}
    >>> kinds_of("orders", ["net_revenue"])
    {'net_revenue': 'money'}
    """
    known: dict[str, Kind] = {**DERIVED, **dict(TABLES[table].columns)}
    date = business_date_of(table)
    if date:
        known[date] = "date"
    return {name: known.get(name, "text") for name in columns}
