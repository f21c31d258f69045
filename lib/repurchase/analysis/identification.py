"""How much of the business has a known customer, and whether that moved.

When identification moves, repurchase figures move with it though nobody behaves otherwise; so
its share stands beside every headline, and the headline is also given for the stores and channels
whose identification held.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from repurchase.analysis.ratios import Pair, cents, figure_records, flag, sums
from repurchase.analysis.windows import Windows
from repurchase.calendar import Window
from repurchase.period import Period
from repurchase.reasons import BEGINS_LATER, MOVED_EVERYWHERE, NOBODY, NOBODY_THEN, reason
from repurchase.records import CompareTo, Record, Result, dimensions
from repurchase.stats.proportion import Estimate, change_of, in_log_odds, wilson

INDEPENDENT = "independent orders"


def identified_shares(orders: ir.Table, windows: Windows) -> Result:
    """Share of orders, and of their net revenue, with a known customer, and its changes.

    `orders` has one row an order (order_date, customer_id, is_purchase, net_revenue). The frame
    has one row a window: window, orders, known, value, low, high, revenue, known_revenue.
    """
    counted = orders.filter(orders.is_purchase)
    known = counted.customer_id.notnull()
    columns: dict[str, ir.Scalar] = {}
    for name, window in windows.days.items():
        inside = _within(counted, window)
        money = cents(counted.net_revenue)
        kept = flag(inside & known)
        columns |= {
            f"{name} orders": flag(inside).sum(),
            f"{name} known": kept.sum(),
            f"{name} revenue": money.sum(where=inside).cast("float64"),
            f"{name} known_revenue": money.sum(where=inside & known).cast("float64"),
            f"{name} bb": (money * money).sum(where=inside).cast("float64"),
            f"{name} aa": (money * money).sum(where=inside & known).cast("float64"),
        }
    row = counted.aggregate(**columns).to_pyarrow().to_pylist()[0]
    rows = [_window_row(name, row) for name in windows.days]
    frame = pd.DataFrame(rows)
    by_customer = _squares_by_customer(counted, windows)
    return Result(frame, (*_order_records(frame, windows), *_money_records(rows, by_customer)))


def _squares_by_customer(counted: ir.Table, windows: Windows) -> float:
    """The sum of the squares of what each known customer spent in the period."""
    inside = counted.filter(_within(counted, windows.now) & counted.customer_id.notnull())
    spent = inside.group_by("customer_id").aggregate(money=cents(inside.net_revenue.sum()))
    total = spent.aggregate(squares=(spent.money * spent.money).sum().cast("float64"))
    return float(total.to_pyarrow().to_pylist()[0]["squares"] or 0)


def _window_row(name: str, row: dict[str, float]) -> dict[str, object]:
    names = "orders known revenue known_revenue aa bb".split()
    values = {key: float(row[f"{name} {key}"] or 0) for key in names}
    n = values["orders"]
    value, low, high = wilson(values["known"], n) if n else (np.nan, np.nan, np.nan)
    return {"window": name, **values, "value": value, "low": low, "high": high}


def _order_records(frame: pd.DataFrame, windows: Windows) -> list[Record]:
    rows = {row["window"]: row for row in frame.to_dict("records")}
    now = rows["none"]
    name = "identified_order_share"
    if not now["orders"]:
        return [Record(name, None, "share", n=0, status="not_computed", reason=NOBODY)]
    level = dict(low=now["low"], high=now["high"], numerator=now["known"], n=now["orders"])
    records = [Record(name, now["value"], "share", **level)]
    for window in [w for w in windows.days if w != "none"]:
        then = rows[window]
        why = None
        if windows.days[window].start < windows.data_from:
            why = reason(BEGINS_LATER, day=windows.data_from.isoformat())
        elif not then["orders"]:
            why = NOBODY_THEN
        if why:
            records.append(
                Record(
                    name,
                    now["value"],
                    "share",
                    **level,
                    compare_to=window,
                    status="not_computed",
                    reason=why,
                )
            )
            continue
        change = change_of(
            wilson(now["known"], now["orders"]), wilson(then["known"], then["orders"])
        )
        records.append(
            Record(
                name,
                now["value"],
                "share",
                **level,
                compare_to=window,
                change=change.value,
                change_low=change.low,
                change_high=change.high,
                change_method=INDEPENDENT,
            )
        )
    return records


def _money_records(rows: list[dict[str, object]], by_customer: float) -> list[Record]:
    now = {key: float(value) for key, value in rows[0].items() if key != "window"}  # type: ignore[arg-type]
    name = "identified_revenue_share"
    if now["orders"] < 2 or not now["revenue"]:
        return [Record(name, None, "share", n=now["orders"], status="not_computed", reason=NOBODY)]
    estimate = _share_of_money(now, by_customer)
    return [
        Record(
            name,
            estimate.value,
            "share",
            low=max(0.0, estimate.low),
            high=min(1.0, estimate.high),
            numerator=now["known_revenue"],
            n=now["revenue"],
        )
    ]


def _share_of_money(now: Mapping[str, float], by_customer: float) -> Estimate:
    """The share of the money, the orders of a customer taken as one.

    Whose the unknown orders are cannot be seen: they are taken to be as few customers' as the
    known ones. One order is known or not as a whole.
    """
    value = now["known_revenue"] / now["revenue"]
    together = by_customer / now["aa"] if now["aa"] else 1.0
    units = now["revenue"] ** 2 / (now["bb"] * together)
    if not 0 < value < 1:
        # all or nothing is known: how far from it all others may be, their number says alone
        return wilson(min(1.0, max(0.0, value)) * units, units)
    unknown = now["bb"] - now["aa"]
    squares = together * ((1 - value) ** 2 * now["aa"] + value**2 * unknown)
    return in_log_odds(value, squares / now["revenue"] ** 2, units=units)


def by_month(orders: ir.Table, windows: Windows, *, months: int = 13) -> Result:
    """Identified share of orders by month, oldest first, up to the period's last month.

    Columns: month (label), start (date), orders, known, value, low, high.
    """
    last = Period.month_of(windows.period.end)
    stretches = [last.shifted(-i) for i in range(months - 1, -1, -1)]
    stretches = [p for p in stretches if p.start >= windows.data_from.replace(day=1)]
    counted = orders.filter(orders.is_purchase)
    index = counted.order_date.year() * 12 + counted.order_date.month() - 1
    table = counted.group_by(month=index).aggregate(
        orders=counted.count(), known=flag(counted.customer_id.notnull()).sum()
    )
    found = table.to_pandas().set_index("month")
    rows = []
    for p in stretches:
        at = p.start.year * 12 + p.start.month - 1
        n = int(found["orders"].get(at, 0))
        known = int(found["known"].get(at, 0))
        rows.append((p.label, p.start, n, known, *(wilson(known, n) if n else (np.nan,) * 3)))
    names = ["month", "start", "orders", "known", "value", "low", "high"]
    frame = pd.DataFrame(rows, columns=names)
    return Result(frame, _cut_records(frame, "month"))


def by_cut(orders: ir.Table, windows: Windows, *, cut: str) -> Result:
    """Identified share of the period's orders by store or channel, largest first.

    Columns: the cut, orders, known, value, low, high, previous (share of the period before,
    missing if there was no order), change, change_low, change_high. Orders without a value of
    the cut are one row whose name is empty. No rows if the orders have no such column.
    """
    names = [cut, "orders", "known", "value", "low", "high", "previous"]
    names += ["change", "change_low", "change_high"]
    if cut not in orders.columns:
        return Result(pd.DataFrame(columns=names))
    counted = orders.filter(orders.is_purchase)
    known = counted.customer_id.notnull()
    now, then = (_within(counted, windows.days[w]) for w in ("none", "previous"))
    table = counted.group_by(**{cut: counted[cut].fill_null("")}).aggregate(
        orders=flag(now).sum(),
        known=flag(now & known).sum(),
        orders_then=flag(then).sum(),
        known_then=flag(then & known).sum(),
    )
    found = table.to_pandas().sort_values(["orders", cut], ascending=[False, True])
    rows = []
    for row in found[found["orders"] > 0].itertuples(index=False):
        value = wilson(row.known, row.orders)
        previous, change = np.nan, (np.nan,) * 3
        if row.orders_then:
            then_value = wilson(row.known_then, row.orders_then)
            previous = then_value.value
            change = change_of(value, then_value)
        rows.append((getattr(row, cut), row.orders, row.known, *value, previous, *change))
    frame = pd.DataFrame(rows, columns=names)
    return Result(frame, _cut_records(frame, cut))


def _cut_records(frame: pd.DataFrame, cut: str) -> tuple[Record, ...]:
    return tuple(
        Record(
            "identified_order_share",
            float(row["value"]),
            "share",
            dimensions(**{cut: row[cut]}),
            low=float(row["low"]),
            high=float(row["high"]),
            numerator=float(row["known"]),
            n=float(row["orders"]),
        )
        for row in frame.to_dict("records")
        if row["orders"]
    )


def where_identification_held(
    orders: ir.Table,
    days: ir.Table,
    windows: Windows,
    *,
    limit: float,
    compare_to: CompareTo = "previous",
) -> Result:
    """Returning-buyer share of the stores and channels whose identified share did not move.

    Who is no longer identified is not known, so nothing is weighted up: cells (store by channel)
    whose identified share of orders moved by more than `limit`, beyond chance, are left out of
    both windows, and like is compared with like. The frame has one row a cell: orders, known,
    orders_then, known_then, held. One record with `basis=identification_held`; its change is
    paired by customer.
    """
    name, where = "returning_buyer_share", dimensions(basis="identification_held")
    if windows.days[compare_to].start <= windows.data_from:
        why = reason(BEGINS_LATER, day=windows.data_from.isoformat())
        return Result(
            pd.DataFrame(),
            (Record(name, None, "share", where, status="not_computed", reason=why),),
        )
    cells = _cells(orders, windows, compare_to, limit)
    held = cells[cells["held"]]
    keys = [c for c in CUTS if c in cells.columns]
    if held.empty or not keys:
        record = Record(
            name, None, "share", where, status="not_computed", reason=reason(MOVED_EVERYWHERE)
        )
        return Result(cells, (record,))
    return Result(cells, _held_records(days, held[keys], windows, compare_to, where))


CUTS = ("store_id", "channel")


def _held_records(
    days: ir.Table, held: pd.DataFrame, windows: Windows, compare_to: CompareTo, where: str
) -> tuple[Record, ...]:
    kept = ibis.memtable(held.reset_index(drop=True))
    inside = days.mutate(**{c: days[c].fill_null("") for c in held.columns}).semi_join(
        kept, list(held.columns)
    )
    spans: dict[CompareTo, Window] = {"none": windows.now, compare_to: windows.days[compare_to]}
    columns: dict[str, ir.Value] = {"first": inside.first_date.min()}
    for name, window in spans.items():
        columns[f"{name} buyer"] = inside.order_date.between(window.start, window.end).any()
    units = inside.group_by("customer_id").aggregate(**columns)
    pairs = {
        "returning_buyer_share": {
            name: Pair(
                flag(units[f"{name} buyer"] & (units["first"] < window.start)),
                flag(units[f"{name} buyer"]),
            )
            for name, window in spans.items()
        }
    }
    total = sums(units, pairs)["returning_buyer_share"]
    return figure_records("returning_buyer_share", total, binary=True, reasons={}, dimensions=where)


def _cells(orders: ir.Table, windows: Windows, compare_to: CompareTo, limit: float) -> pd.DataFrame:
    """Orders and identified orders by store and channel in both windows, and whether it held."""
    cuts = [c for c in CUTS if c in orders.columns]
    counted = orders.filter(orders.is_purchase)
    keys = {c: counted[c].fill_null("") for c in cuts} or {"all": ibis.literal("")}
    known = counted.customer_id.notnull()
    spans = {"": windows.now, "_then": windows.days[compare_to]}
    found = counted.group_by(**keys).aggregate(
        **{
            f"{what}{suffix}": flag(_within(counted, window) & (known | (what == "orders"))).sum()
            for suffix, window in spans.items()
            for what in ("orders", "known")
        }
    )
    cells = found.to_pandas().sort_values(list(keys)).reset_index(drop=True)
    alone = len(cells) == 1
    held = [_held(row, limit, alone=alone) for row in cells.to_dict("records")]
    return cells.assign(held=pd.Series(held, dtype=bool))


def _held(row: Mapping[Any, Any], limit: float, *, alone: bool) -> bool:
    """Whether a cell's identified share moved by no more than the limit, or no more than chance.

    The only cell is all orders: it cannot have held while the whole is said to have moved.
    """
    n, then = float(row["orders"]), float(row["orders_then"])
    if not n or not then:
        return False
    change = change_of(wilson(row["known"], n), wilson(row["known_then"], then))
    return abs(change.value) <= limit or (not alone and change.low <= 0 <= change.high)


def _within(orders: ir.Table, window: Window) -> ir.BooleanValue:
    return orders.order_date.between(window.start, window.end)
