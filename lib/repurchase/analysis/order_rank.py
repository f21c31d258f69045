"""What an order is worth, by whether it is a customer's first, second, ... one."""

from __future__ import annotations

from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from repurchase.analysis.ratios import Pair, cents, flag, sums
from repurchase.analysis.windows import ONE_DAY, Windows
from repurchase.period import add_months
from repurchase.reasons import NO_MARGIN, NO_MONEY, NOBODY_REACHED, ONE_CUSTOMER, reason
from repurchase.records import Record, Result, dimensions
from repurchase.stats.proportion import Moments, ratio

RANKS = (1, 2, 3, 4, 5, 6)  # the last one holds all later ones too
WHAT = {"average_order": "revenue", "average_order_margin": "margin",
        "average_order_first": "first", "average_order_gain": "gain"}  # fmt: skip


def order_values(days: ir.Table, windows: Windows, *, months: int) -> Result:
    """Net revenue and margin an order date by its rank, over the last `months` months.

    Each with a linearised 95 % interval over customers, who count with several order dates in
    the last row (rank 6 and later). Only those who stay reach a high rank: `first` is what the
    same customers' first order date brought, `gain` the difference, paired by customer.

    Columns: rank, customers, order_dates, and revenue, margin, first, gain, each with _low and
    _high (money an order date; missing where no amount is known). Records `average_order`,
    `average_order_margin`, `average_order_first` and `average_order_gain`, by rank.
    """
    units = _units(days, windows, months)
    pairs = {}
    for k in RANKS:
        pairs[f"revenue {k}"] = {"none": Pair(units[f"revenue_{k}"], units[f"days_{k}"])}
        pairs[f"margin {k}"] = {"none": Pair(units[f"margin_{k}"], units[f"margin_days_{k}"])}
        first = cents(units["first"]) * units[f"days_{k}"]
        known = units["first"].notnull()
        both = ibis.cases((known, units[f"days_{k}"]), else_=0)
        gain = ibis.cases((known, units[f"revenue_{k}"] - cents(first)), else_=cents(first) * 0)
        pairs[f"first {k}"] = {"none": Pair(cents(first), both)}
        pairs[f"gain {k}"] = {"none": Pair(cents(gain), both)}
    people = units.aggregate(**{f"n_{k}": flag(units[f"days_{k}"] > 0).sum() for k in RANKS})
    found = sums(units, pairs)  # type: ignore[arg-type]
    counts = people.to_pyarrow().to_pylist()[0]
    rows: list[dict[str, Any]] = []
    records: list[Record] = []
    for k in RANKS:
        parts = {what: found[f"{what} {k}"].moments["none"] for what in WHAT.values()}
        row: dict[str, Any] = {"rank": k, "customers": float(counts[f"n_{k}"] or 0)}
        row["order_dates"] = parts["revenue"].b
        for name, what in WHAT.items():
            record = _record(name, k, parts[what], parts["revenue"], rows)
            records.append(record)
            row |= {what: _number(record.value), f"{what}_low": _number(record.low)}
            row[f"{what}_high"] = _number(record.high)
        rows.append(row)
    return Result(pd.DataFrame(rows), tuple(records))


def _number(value: float | None) -> float:
    return np.nan if value is None else value


def _units(days: ir.Table, windows: Windows, months: int) -> ir.Table:
    """One row a customer: the first order date's revenue, and money and days by rank."""
    end = windows.seen_until
    start = add_months(end, -months) + ONE_DAY
    days = days.filter(days.order_date.between(start, end) | (days.day_rank == 1))
    inside = days.order_date.between(start, end)
    columns: dict[str, ir.Scalar] = {
        "first": days.net_revenue.max(where=days.day_rank == 1),
    }
    for k in RANKS:
        ranked = days.day_rank == k if k < max(RANKS) else days.day_rank >= k
        here = inside & ranked
        columns[f"days_{k}"] = (here & days.net_revenue.notnull()).sum().cast("int64")
        columns[f"revenue_{k}"] = cents(days.net_revenue.sum(where=here))
        columns[f"margin_days_{k}"] = (here & days.net_margin.notnull()).sum().cast("int64")
        columns[f"margin_{k}"] = cents(days.net_margin.sum(where=here))
    return days.group_by("customer_id").aggregate(**columns)


def _record(
    name: str, rank: int, m: Moments, revenue: Moments, before: list[dict[str, Any]]
) -> Record:
    where = dimensions(rank=rank)
    why = None
    if not m.b > 0:
        anyone = revenue.b > 0 or any(row["order_dates"] for row in before)
        nothing = NO_MARGIN if name == "average_order_margin" else NO_MONEY
        reached = revenue.b > 0 or not anyone
        why = nothing if reached else reason(NOBODY_REACHED, rank=rank)
    elif m.b < 2:
        why = ONE_CUSTOMER
    if why:
        return Record(name, None, "money", where, n=m.b, status="not_computed", reason=why)
    value, low, high = ratio(m)
    return Record(name, value, "money", where, low=low, high=high, numerator=m.a, n=m.b)
