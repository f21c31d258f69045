"""What contact costs, and the repeat orders it is credited with: attribution, which is no effect.

Three rules stand side by side because none is right: the first contact in the days before an order,
the last, or all of them evenly. Who would have ordered anyway is credited too, so a cost per
credited order says nothing of a return. SOURCES row 23.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from repurchase.analysis.ratios import cents
from repurchase.analysis.standing import Known
from repurchase.analysis.touches import NO_EVENTS, Touches
from repurchase.analysis.windows import ONE_DAY, Windows
from repurchase.params import FunnelRules
from repurchase.reasons import (
    COST_GAP,
    NO_CHANNEL_COST,
    NO_REPEATS,
    NO_TABLE,
    NO_TOUCHES,
    reason,
)
from repurchase.records import Record, Result, dimensions

RULES = ("first", "last", "even")
NONE = ""  # the channel of orders without a contact, and of costs without a channel
COLUMNS = [
    "channel", *(f"{rule}_{part}" for rule in RULES for part in ("orders", "worth")),
    "cost", *(f"{rule}_cost" for rule in RULES), "missing",
]  # fmt: skip


@dataclass(frozen=True)
class Ledger:
    """The tables of what was bought and spent: customer days, orders, costs (None: no source)."""

    days: ir.Table
    orders: ir.Table
    costs: ir.Table | None
    known: Known


def attribution(
    touches: Touches | None, ledger: Ledger, windows: Windows, rules: FunnelRules
) -> Result:
    """Repeat orders of the period, credited to the channels of the contacts before them.

    A repeat order is an order date that is not a customer's first. The contacts of the
    `lookback_days` before it count, and those of its own day up to its first order; each order has
    one credit to give. Columns: channel ("" in the last row but one: orders without a contact), for
    each of first, last and even: `_orders` (credits; they add up to the repeat orders), `_worth`
    (their margin, or revenue where no margin is known; missing where neither is), `_cost` (cost of
    contact an order credited); cost (of the categories of `contact_costs`, by the days of them in
    the period), missing (why there is no cost, else ""). The last row, channel "all", is the sum.
    Records: `attributed_orders`, `attributed_margin` or `attributed_revenue`, and
    `cost_per_attributed_order` by channel= and rule=, `contact_cost` by channel=.
    """
    why = _no_touches(touches, windows, rules)
    if why or touches is None:
        return _none(why or NO_EVENTS)
    worth = None if ledger.known.revenue else ledger.known.worth
    repeats = _repeats(ledger, windows, worth)
    credits = _credits(touches, repeats, windows, rules)
    orders, money = _totals(repeats)
    if not orders:
        return _none(NO_REPEATS)
    costs = _costs(ledger.costs, windows, rules)
    frame = _frame(credits, (orders, money), costs, known=worth is not None)
    return Result(frame, tuple(_records(frame, worth)))


def _no_touches(touches: Touches | None, windows: Windows, rules: FunnelRules) -> str | None:
    if touches is None:
        return NO_EVENTS
    if touches.begins is None:
        return NO_TOUCHES
    return touches.missing_before(windows.period.start - rules.lookback_days * ONE_DAY)


def _none(why: str) -> Result:
    record = Record("attributed_orders", None, "count", status="not_computed", reason=why)
    return Result(pd.DataFrame(columns=COLUMNS), (record,))


def _repeats(ledger: Ledger, windows: Windows, worth: str | None) -> ir.Table:
    """One row a repeat order: customer_id, order_date, ordered_at (its first order), worth."""
    days, orders = ledger.days, ledger.orders
    inside = days.order_date.between(windows.period.start, windows.seen_until)
    mine = days.filter(inside & (days.day_rank > 1))
    money = cents(mine[f"net_{worth}"]) if worth else ibis.literal(0).cast("decimal(18, 2)")
    mine = mine.select("customer_id", "order_date", worth=money)
    bought = orders.filter(
        orders.is_purchase & orders.order_date.between(windows.period.start, windows.seen_until)
    )
    at = bought.group_by("customer_id", "order_date").aggregate(ordered_at=bought.ordered_at.min())
    keys = ["customer_id", "order_date"]
    return mine.inner_join(at, keys).select(*keys, "ordered_at", "worth")


def _totals(repeats: ir.Table) -> tuple[Fraction, Fraction]:
    found = repeats.aggregate(n=repeats.count(), worth=repeats.worth.sum())
    row = found.to_pyarrow().to_pylist()[0]
    return Fraction(row["n"]), Fraction(row["worth"] or Decimal(0))


Credits = dict[str, dict[str, tuple[Fraction, Fraction]]]


def _credits(
    touches: Touches, repeats: ir.Table, windows: Windows, rules: FunnelRules
) -> Credits:
    """Orders and money by channel and rule, as exact fractions."""
    start = windows.period.start - rules.lookback_days * ONE_DAY
    sent = touches.between(start, windows.seen_until)
    sent = sent.select("event_id", "customer_id", "touched_at", "touched_on", "channel")
    back = ibis.interval(days=rules.lookback_days)
    joined = repeats.inner_join(
        sent,
        [
            repeats.customer_id == sent.customer_id,
            sent.touched_on + back >= repeats.order_date,
            sent.touched_at <= repeats.ordered_at,
        ],
    )
    rows = joined.select(
        "customer_id", "order_date", "worth", "channel", "touched_at", "event_id"
    )
    own = ["customer_id", "order_date"]
    in_time = ibis.window(group_by=own, order_by=["touched_at", "event_id"])
    rows = rows.select(
        "channel",
        "worth",
        number=rows.count().over(ibis.window(group_by=own)),
        place=ibis.row_number().over(in_time),
    )
    found: Credits = {}
    chosen = {
        "first": rows.filter(rows.place == 0),
        "last": rows.filter(rows.place == rows.number - 1),
    }
    for rule, table in chosen.items():
        _add(found, rule, table.group_by("channel"), table)
    _add(found, "even", rows.group_by("channel", "number"), rows)
    return found


def _add(found: Credits, rule: str, grouped: Any, table: ir.Table) -> None:
    counted = grouped.aggregate(n=table.count(), worth=table.worth.sum())
    for row in counted.to_pyarrow().to_pylist():
        share = Fraction(1, row.get("number", 1))
        mine = found.setdefault(str(row["channel"]), {})
        orders, money = mine.get(rule, (Fraction(0), Fraction(0)))
        mine[rule] = (
            orders + row["n"] * share,
            money + Fraction(row["worth"] or Decimal(0)) * share,
        )


@dataclass(frozen=True)
class Costs:
    """Cost of contact by channel, with why that of a channel is missing."""

    amounts: dict[str, Fraction]
    missing: dict[str, str]
    default: str | None = None  # why no channel has any

    def why(self, channel: str) -> str:
        if channel in self.amounts and channel not in self.missing:
            return ""
        return (
            self.default
            or self.missing.get(channel)
            or reason(NO_CHANNEL_COST, channel=channel)
        )


def _costs(costs: ir.Table | None, windows: Windows, rules: FunnelRules) -> Costs:
    """Each cost by the share of its days that lie in the period; a channel with days uncovered
    has no cost."""
    if costs is None:
        return Costs({}, {}, reason(NO_TABLE, table="costs"))
    first, last = windows.period.start, windows.seen_until
    mine = costs.filter(
        costs.category.isin(rules.contact_costs)
        & (costs.period_start <= last)
        & (costs.period_end >= first)
    )
    columns = ("channel", "period_start", "period_end", "amount")
    amounts: dict[str, Fraction] = {}
    covered: dict[str, set[dt.date]] = {}
    for row in mine.select(*columns).to_pyarrow().to_pylist():
        begin, end = max(row["period_start"], first), min(row["period_end"], last)
        inside = (end - begin).days + 1
        whole = (row["period_end"] - row["period_start"]).days + 1
        channel = str(row["channel"] or NONE)
        part = Fraction(row["amount"] or Decimal(0)) * inside / whole
        amounts[channel] = amounts.get(channel, Fraction(0)) + part
        days = covered.setdefault(channel, set())
        days |= {begin + i * ONE_DAY for i in range(inside)}
    every = (last - first).days + 1
    missing = {
        channel: reason(COST_GAP, channel=channel, days=len(days))
        for channel, days in covered.items()
        if channel != NONE and len(days) < every
    }
    return Costs(amounts, missing)


def _frame(
    credits: Credits, total: tuple[Fraction, Fraction], costs: Costs, *, known: bool
) -> pd.DataFrame:
    """Channels by credits of the even rule, then orders without a contact, then all."""
    spent = set(costs.amounts) - {NONE}
    nothing = (Fraction(0), Fraction(0))
    channels = sorted(
        {*credits, *spent}, key=lambda c: (-credits.get(c, {}).get("even", nothing)[0], c)
    )
    rows = [
        _row(c, {r: credits.get(c, {}).get(r, nothing) for r in RULES},
             None if costs.why(c) else costs.amounts[c], costs.why(c), known=known)
        for c in channels
    ]  # fmt: skip
    given = {
        r: tuple(sum((credits[c].get(r, nothing)[i] for c in credits), Fraction(0)) for i in (0, 1))
        for r in RULES
    }
    rest = {r: (total[0] - g[0], total[1] - g[1]) for r, g in given.items()}
    unassigned = costs.amounts.get(NONE)
    rows.append(_row(NONE, rest, unassigned, "", known=known, unit=False))
    whole = sum(costs.amounts.values(), Fraction(0))
    lacking = [c for c in channels if costs.why(c)]
    why = costs.why(lacking[0]) if lacking else ""
    everything = dict.fromkeys(RULES, total)
    rows.append(
        _row("all", everything, None if lacking else whole, why, known=known, unit=False)
    )
    return pd.DataFrame(rows, columns=COLUMNS)


def _row(
    channel: str, parts: dict[str, tuple[Fraction, Fraction]], cost: Fraction | None,
    why: str, *, known: bool, unit: bool = True,
) -> dict[str, Any]:  # fmt: skip
    row: dict[str, Any] = {"channel": channel, "missing": why}
    row["cost"] = np.nan if cost is None else _money(cost)
    for rule, (orders, money) in parts.items():
        row[f"{rule}_orders"] = float(orders)
        row[f"{rule}_worth"] = _money(money) if known else np.nan
        per = cost / orders if unit and cost is not None and orders else None
        row[f"{rule}_cost"] = np.nan if per is None else _money(per)
    return row


def _money(amount: Fraction) -> float:
    """To the hundredth of a cent, so that a sum of printed parts is the printed sum."""
    return float(round(amount, 4))


def _records(frame: pd.DataFrame, worth: str | None) -> Iterable[Record]:
    for row in frame.to_dict("records"):
        channel = row["channel"] or "none"
        for rule in RULES:
            where = dimensions(channel=channel, rule=rule)
            yield Record("attributed_orders", row[f"{rule}_orders"], "count", where)
            if worth:
                yield Record(f"attributed_{worth}", row[f"{rule}_worth"], "money", where,
                             n=row[f"{rule}_orders"])  # fmt: skip
            if not np.isnan(row[f"{rule}_cost"]):
                yield Record("cost_per_attributed_order", row[f"{rule}_cost"], "money", where,
                             numerator=row["cost"], n=row[f"{rule}_orders"])  # fmt: skip
        where = dimensions(channel=channel)
        if not np.isnan(row["cost"]):
            yield Record("contact_cost", row["cost"], "money", where)
        elif row["missing"]:
            yield Record("contact_cost", None, "money", where, status="not_computed",
                         reason=row["missing"])  # fmt: skip
