"""Recency, frequency and money of each customer, scored 1 to 5, and three tiers of promise.

Scored are the customers with an order date in the stretch before the period's end; the limits of
the scores lie at fifths of them. A score depends on the customer's own value and the limits alone,
so that equal customers have equal scores and no tie is broken by lot. The limits of the period's
end are laid on earlier days too: a customer who moves has moved himself, not the rod.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import ibis
import ibis.expr.types as ir

FIFTHS = 5
# Below so many customers a fifth is a handful.
FEWEST_SCORED = 25
TIERS = ("high", "medium", "low")
# Sums of the three scores, 3 to 15, from which a customer is in the tier.
HIGH_FROM, MEDIUM_FROM = 12, 7


class Limits(NamedTuple):
    """Four limits a score, ascending: days since the last order, order dates, money.

    Recency scores 5 up to the first limit; frequency and money score 5 above the last.
    """

    recency: tuple[float, ...]
    frequency: tuple[float, ...]
    money: tuple[float, ...]
    customers: int


def limits_of(customers: ir.Table, *, worth: str) -> Limits | None:
    """The limits of the scores among active customers; None for fewer than 25 of them.

    `customers` comes from `standing`; `worth` is the money column that counts.
    """
    active = customers.filter(customers.active)
    n = int(active.count().execute())
    if n < FEWEST_SCORED:
        return None
    recency, frequency, money = (_fifths(active, c, n) for c in ("since", "recent_days", worth))
    return Limits(recency, frequency, money, n)


def _fifths(active: ir.Table, column: str, n: int) -> tuple[float, ...]:
    """The values of the customers at each fifth of the way; they need not differ."""
    places = [-(-n * k // FIFTHS) - 1 for k in range(1, FIFTHS)]
    # among equal values it does not matter which customer stands at the place
    value = active[column].cast("float64")
    placed = active.select(value=value).mutate(place=ibis.row_number().over(order_by=value))
    rows = placed.filter(placed.place.isin(places)).order_by("place").to_pyarrow().to_pylist()
    return tuple(float(row["value"]) for row in rows)


def scored(customers: ir.Table, limits: Limits, *, worth: str) -> ir.Table:
    """The customers with `r`, `f`, `m` (1..5; 0 if not active) and `tier`."""
    money = customers[worth].cast("float64")
    points = {
        "r": _count(customers.since <= limit for limit in limits.recency),
        "f": _count(customers.recent_days > limit for limit in limits.frequency),
        "m": _count(money > limit for limit in limits.money),
    }
    active = customers.active
    table = customers.mutate(
        **{name: ibis.cases((active, 1 + value), else_=0) for name, value in points.items()}
    )
    total = table.r + table.f + table.m
    tier = ibis.cases((total >= HIGH_FROM, "high"), (total >= MEDIUM_FROM, "medium"), else_="low")
    return table.mutate(tier=tier)


def _count(conditions: Iterable[ir.BooleanValue]) -> ir.IntegerValue:
    total: ir.IntegerValue = ibis.literal(0, type="int64")
    for condition in conditions:
        total = total + ibis.cases((condition, 1), else_=0)
    return total
