"""What a leak costs a month: repurchases that are missing for it, and their margin or revenue."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import ibis.expr.types as ir

from repurchase.analysis.leak_readings import Counted, Span, aligned
from repurchase.analysis.ratios import Pair, cents, sums
from repurchase.analysis.standing import known_money
from repurchase.period import Period, add_months
from repurchase.reasons import ONE_CUSTOMER
from repurchase.stats.proportion import Z95, ratio

YEAR = 12
Money = Literal["margin", "revenue"]


@dataclass(frozen=True)
class Worth:
    """What a repurchase brings on average: `mean` with its standard error; None where not known."""

    kind: Money | None = None
    mean: float = math.nan
    error: float = math.nan
    reason: str | None = None


def worth_of_repurchase(days: ir.Table, period: Period) -> Worth:
    """Mean margin of an order date after the first, over the year up to the period's end.

    Net revenue where no margin is known. Error: over customers, linearised.
    """
    begin = add_months(period.end, -YEAR)
    again = days.filter((days.order_date > begin) & (days.order_date <= period.end))
    again = again.filter(again.day_rank > 1)
    known = known_money(again)
    if known.revenue:
        return Worth(reason=known.revenue)
    column = "net_revenue" if known.margin else "net_margin"
    again = again.filter(again[column].notnull())
    each = again.group_by("customer_id").aggregate(
        a=cents(again[column].sum()), b=again.count().cast("int64")
    )
    found = sums(each, {"worth": {"none": Pair(each.a, each.b)}})["worth"].moments["none"]
    if found.n < 2:
        return Worth(reason=ONE_CUSTOMER)
    mean = ratio(found)
    kind: Money = "revenue" if known.margin else "margin"
    return Worth(kind, mean.value, (mean.high - mean.value) / Z95)


def value(
    row: dict[str, Any], counted: Counted, span: Span, worth: Worth, months: int
) -> None:
    """Repurchases a month that are missing for a leak, and their money, with intervals."""
    target = onward_to(counted, row["step"])
    if target is None:
        return
    onward, error = _onward(counted, row, target, span)
    short, low, high = (row[k] / months for k in ("missing", "missing_low", "missing_high"))
    customers = short * onward
    more = Z95 * short * error
    down = math.hypot((short - low) * onward, more)
    up = math.hypot((high - short) * onward, more)
    row.update(customers=customers, customers_low=customers - down, customers_high=customers + up)
    if worth.kind is None:
        return
    money, more = customers * worth.mean, Z95 * customers * worth.error
    row.update(
        money=money,
        money_low=money - math.hypot(down * worth.mean, more),
        money_high=money + math.hypot(up * worth.mean, more),
    )


def onward_to(counted: Counted, step: int) -> int | None:
    """The order that a step leads to, itself or a later one; None after the last order."""
    after = range(step + 1, len(counted.steps) + 1)
    return next((t for t in after if counted.orders[t - 1]), None)


def _onward(
    counted: Counted, row: dict[str, Any], target: int, span: Span
) -> tuple[float, float]:
    """How many who take the step come to the target, at the later steps' level, and its error."""
    value, variance = 1.0, 0.0
    for step in range(row["step"] + 1, target):
        n, y = _level(counted, row["cut"] if row["label"] else "", row["label"], step, span)
        if not n:
            n, y = _level(counted, "", "", step, span)
        share = y / n if n else 0.0
        relative = (1 - share) / y if y else 0.0
        variance += relative
        value *= share
    return value, value * math.sqrt(variance)


def _level(counted: Counted, cut: str, label: str, step: int, span: Span) -> tuple[float, float]:
    found = aligned(counted.grid(cut, step, span.level), [label])
    return float(found.n.sum()), float(found.y.sum())
