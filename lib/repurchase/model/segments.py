"""What an expression of `segments:` may be told from: the columns of the customers."""

from __future__ import annotations

from collections.abc import Iterable

from repurchase.model.schema import TABLES


def kinds_of_customers(columns: Iterable[str]) -> dict[str, str]:
    """The columns of a customer table with their kinds; one that the model does not know is text.

    >>> kinds_of_customers(["customer_id", "overdue_days", "x_tier"])
    {'customer_id': 'id', 'overdue_days': 'integer', 'x_tier': 'text'}
    """
    known: dict[str, str] = {**TABLES["customers"].columns, "created_date": "date"}
    return {name: known.get(name, "text") for name in columns}
