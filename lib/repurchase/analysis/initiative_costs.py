"""What an initiative costs, day by day: what is booked, what is planned, and what is still to come.

A cost is spread evenly over its days. What is booked as running and has no planned amount ahead is
taken to run on as in the last three whole months, and is marked as projected.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import ibis.expr.types as ir
import numpy as np
import pandas as pd

from repurchase.calendar import Window
from repurchase.initiatives import CATEGORIES, Initiative, PlannedCost
from repurchase.model.reconcile import MoneyBridge
from repurchase.period import Period, add_months
from repurchase.stats.panel import Floats

BOOKED = [
    "initiative_id", "period_start", "period_end", "category", "amount", "recurring", "hours",
    "hourly_rate",
]  # fmt: skip
LINES = ["category", "kind", "source", "start", "end", "amount", "hours"]
COSTS = ["category", "kind", "amount", "source", "hours"]
# the months from which a running cost's level is taken
RECENT = 3


@dataclass(frozen=True)
class Accounts:
    """The company's revenue as analysed, and how it ties to the books.

    `revenue` is that of the after-window, of known customers, first orders included. `unexplained`
    is the share of the finance department's total of the pack's period that the analysis cannot
    explain (None: no total was given), `exceeded` whether that is more than the profile allows.
    """

    window: Window
    revenue: float
    unexplained: float | None = None
    exceeded: bool = False


@dataclass(frozen=True)
class CostCourse:
    """Costs by month, in the months asked for: booked, and not yet booked; to date and to come."""

    booked: Floats
    open: Floats
    booked_ahead: Floats
    open_ahead: Floats

    @property
    def to_date(self) -> float:
        return float(self.booked.sum() + self.open.sum())

    @property
    def to_come(self) -> float:
        return float(self.booked_ahead.sum() + self.open_ahead.sum())


def booked(costs: ir.Table | None, plan: Initiative) -> pd.DataFrame | None:
    """The initiative's own rows of the costs table, with BOOKED's columns; None without the table.

    A column that is not mapped is empty.
    """
    if costs is None:
        return None
    ids = list(plan.costs.ids) or [plan.id]
    there = [name for name in BOOKED if name in costs.columns]
    if "initiative_id" not in costs.columns:
        return pd.DataFrame(columns=BOOKED)
    own = costs.filter(costs.initiative_id.isin(ids)).select(*there)
    rows = own.to_pyarrow().to_pylist()
    frame = pd.DataFrame([{name: row.get(name) for name in BOOKED} for row in rows], columns=BOOKED)
    for name in ("amount", "hours", "hourly_rate"):
        frame[name] = pd.to_numeric(frame[name], errors="coerce").astype(float)
    order = ["period_start", "period_end", "category", "amount"]
    return frame.sort_values(order, kind="stable", ignore_index=True)


def accounts(orders: ir.Table, window: Window, bridge: MoneyBridge | None) -> Accounts:
    """The revenue of known customers on the days of the window; `orders` are customer days."""
    days = orders.filter(orders.order_date.between(window.start, window.end))
    (row,) = days.aggregate(revenue=days.net_revenue.sum()).to_pyarrow().to_pylist()
    revenue = float(row["revenue"] or 0)
    if bridge is None or bridge.unexplained_share is None:
        return Accounts(window, revenue)
    return Accounts(window, revenue, float(bridge.unexplained_share), bridge.exceeded)


def discounts(orders: ir.Table, window: Window) -> float | None:
    """What was given off the price in these orders, in the window; None if no such column."""
    if "discount" not in orders.columns:
        return None
    rows = orders.filter(orders.is_purchase)
    rows = rows.filter(rows.order_date.between(window.start, window.end))
    (row,) = rows.aggregate(given=rows.discount.sum()).to_pyarrow().to_pylist()
    return float(row["given"] or 0)


# ---- lines -------------------------------------------------------------------------------------


def lines(
    plan: Initiative, rows: pd.DataFrame | None, *, until: dt.date, stop: dt.date
) -> pd.DataFrame:
    """Every cost with its days: booked, planned, and projected beyond `until` up to `stop`.

    Columns LINES; `kind` is one_off, running or not_told (no flag says whether it recurs), `source`
    booked, planned, estimated or projected.
    """
    found = [] if rows is None else [_booked_line(row) for row in rows.to_dict("records")]
    for cost in plan.costs.planned:
        found += _planned_lines(cost, stop)
    known = pd.DataFrame(found, columns=LINES)
    return pd.DataFrame([*found, *_projected(known, until=until, stop=stop)], columns=LINES)


def _booked_line(row: dict[Any, Any]) -> list[object]:
    told = row["recurring"]
    kind = "not_told" if pd.isna(told) else "running" if told else "one_off"
    amount, hours, rate = (float(row[k]) for k in ("amount", "hours", "hourly_rate"))
    if math.isnan(amount):
        amount = hours * rate
    return [row["category"], kind, "booked", row["period_start"], row["period_end"], amount, hours]


def _planned_lines(cost: PlannedCost, stop: dt.date) -> list[list[object]]:
    source = "estimated" if cost.estimated else "planned"
    hours = math.nan if cost.hours is None else float(cost.hours)
    if cost.monthly:
        days = Window(cost.start, min(cost.end or stop, stop))
        return _monthly(cost.category, source, cost.money, hours, days)
    end = cost.end or cost.start
    return [[cost.category, "one_off", source, cost.start, end, cost.money, hours]]


def _monthly(
    category: str, source: str, amount: float, hours: float, days: Window
) -> list[list[object]]:
    """A running cost of so much a month: a line for each calendar month, in part by days."""
    found: list[list[object]] = []
    month = Period.month_of(days.start)
    while month.start <= days.end:
        start, end = max(days.start, month.start), min(days.end, month.end)
        part = ((end - start).days + 1) / month.days
        found.append([category, "running", source, start, end, amount * part, hours * part])
        month = month.shifted(1)
    return found


def _projected(known: pd.DataFrame, *, until: dt.date, stop: dt.date) -> list[list[object]]:
    """Booked running costs, run on after their last day where none is planned ahead."""
    running = known[(known["kind"] == "running") & (known["source"] == "booked")]
    planned = {r["category"] for r in known.to_dict("records")
               if r["source"] != "booked" and r["end"] > until}  # fmt: skip
    last = Period.month_of(until)
    last = last if last.end <= until else last.previous()
    found: list[list[object]] = []
    for category, part in running.groupby("category", sort=True):
        first = min(part["start"])
        months = [m for m in (last.shifted(-k) for k in range(RECENT)) if m.end >= first]
        days = Window(max(until, *part["end"]) + dt.timedelta(days=1), stop)
        if category in planned or not months or days.days < 1:
            continue
        recent = Window(months[-1].start, last.end)
        level = sum(_within(row, recent) for row in part.to_dict("records")) / len(months)
        if level:
            found += _monthly(str(category), "projected", level, math.nan, days)
    return found


def _within(row: dict[Any, Any], window: Window) -> float:
    """The part of a line's amount that falls on the window's days."""
    start, end, amount = row["start"], row["end"], float(row["amount"])
    inside = (min(end, window.end) - max(start, window.start)).days + 1
    return amount * inside / ((end - start).days + 1) if inside > 0 else 0.0


# ---- sums --------------------------------------------------------------------------------------


def table(known: pd.DataFrame, window: Window) -> pd.DataFrame:
    """Costs within the window by category, kind and source: columns COSTS."""
    found: dict[tuple[str, str, str], list[float]] = {}
    for row in known.to_dict("records"):
        amount = _within(row, window)
        if amount:
            share = amount / row["amount"]
            key = (row["category"], row["kind"], row["source"])
            sums = found.setdefault(key, [0.0, 0.0])
            sums[0] += amount
            sums[1] += 0.0 if math.isnan(row["hours"]) else row["hours"] * share
    rows = [[c, k, round(a, 2), s, h or None] for (c, k, s), (a, h) in sorted(found.items())]
    return pd.DataFrame(rows, columns=COSTS).astype({"amount": float, "hours": float})


def course(known: pd.DataFrame, months: Sequence[Period], *, until: dt.date) -> CostCourse:
    """What falls on each month, up to `until` and after it."""
    found = {key: np.zeros(len(months)) for key in ("booked", "open", "booked_ahead", "open_ahead")}
    after = until + dt.timedelta(days=1)
    for row in known.to_dict("records"):
        name = "booked" if row["source"] == "booked" else "open"
        for at, month in enumerate(months):
            past = Window(month.start, min(month.end, until))
            ahead = Window(max(month.start, after), month.end)
            found[name][at] += _within(row, past)
            found[f"{name}_ahead"][at] += _within(row, ahead)
    return CostCourse(**found)


def missing(plan: Initiative, known: pd.DataFrame) -> tuple[str, ...]:
    """Categories that the plan expects and no line has."""
    there = set(known["category"])
    return tuple(c for c in plan.costs.expected if c not in there)


def unknown_ids(plan: Initiative, rows: pd.DataFrame | None) -> tuple[str, ...]:
    """What the plan calls its costs by, and no booked row is called; nothing where it names none
    and plans its costs itself."""
    asked = plan.costs.ids or (() if plan.costs.planned else (plan.id,))
    there = set() if rows is None else set(rows["initiative_id"].astype(str))
    return tuple(name for name in asked if name not in there)


def negative(rows: pd.DataFrame | None) -> tuple[int, float]:
    """How many booked rows are below 0, and their sum: returned money, or a sign gone wrong."""
    if rows is None:
        return 0, 0.0
    below = rows.loc[rows["amount"] < 0, "amount"]
    return len(below), float(below.sum())


def other_categories(rows: pd.DataFrame | None) -> tuple[str, ...]:
    """Categories of booked rows that are none of those that a plan may expect."""
    if rows is None:
        return ()
    return tuple(sorted({str(c) for c in rows["category"].dropna()} - set(CATEGORIES)))


def stop_of(plan: Initiative) -> dt.date:
    """The last day that counts: the initiative's end or its horizon, the earlier."""
    horizon = add_months(plan.go_live, plan.horizon_months) - dt.timedelta(days=1)
    return horizon if plan.ends is None else min(plan.ends, horizon)
