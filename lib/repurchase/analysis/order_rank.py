"""What an order is worth, by whether it is a customer's first, second, ... one."""

from __future__ import annotations

from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from repurchase.analysis.ratios import Pair, cents, sums_by
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
    known = units["first"].notnull()
    both = ibis.cases((known, units["days"]), else_=0)
    first = cents(cents(units["first"]) * units["days"])
    gain = ibis.cases((known, cents(units["revenue"] - first)), else_=cents(first * 0))
    pairs = {
        "revenue": {"none": Pair(units["revenue"], units["days"])},
        "margin": {"none": Pair(units["margin"], units["margin_days"])},
        "first": {"none": Pair(first, both)},
        "gain": {"none": Pair(gain, both)},
    }
    found = sums_by(units, pairs, by="rank")  # type: ignore[arg-type]
    rows: list[dict[str, Any]] = []
    records: list[Record] = []
    for k in RANKS:
        sums = found.get(str(k))
        parts = {w: sums[w].moments["none"] if sums else _NOBODY for w in WHAT.values()}
        row: dict[str, Any] = {"rank": k, "customers": parts["revenue"].n}
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


_NOBODY = Moments(0, 0, 0, 0, 0, 0)


def _units(days: ir.Table, windows: Windows, months: int) -> ir.Table:
    """One row a customer and rank reached in the window, with the customer's first revenue."""
    end = windows.seen_until
    inside = days.order_date.between(add_months(end, -months) + ONE_DAY, end)
    kept = days.filter(inside & (days.net_revenue.notnull() | days.net_margin.notnull()))
    last = max(RANKS)
    rank = ibis.cases((kept.day_rank < last, kept.day_rank), else_=last)
    reached = kept.group_by("customer_id", rank=rank).aggregate(
        days=kept.net_revenue.count().cast("int64"),
        revenue=cents(kept.net_revenue.sum()),
        margin_days=kept.net_margin.count().cast("int64"),
        margin=cents(kept.net_margin.sum()),
    )
    begun = days.filter(days.day_rank == 1).select("customer_id", first="net_revenue")
    return reached.left_join(begun, "customer_id").drop("customer_id_right")


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
    elif min(m.b, m.n) < 2:
        why = ONE_CUSTOMER
    if why:
        return Record(name, None, "money", where, n=m.b, status="not_computed", reason=why)
    value, low, high = ratio(m)
    return Record(name, value, "money", where, low=low, high=high, numerator=m.a, n=m.b)
