"""Who came, who stayed, who left: customers and money from one period to another, exactly.

A customer is active on a day while the last order date lies within the activity window. Between
two days every customer is in one of these sets, so that the bridge adds up by itself:
active then + new + reactivated - lapsed = active now. Money is of two windows of equal name:
then - what was not bought again + new + come back + the change of those who bought in both = now.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import pandas as pd

from repurchase.analysis.ratios import cents, flag
from repurchase.analysis.windows import ONE_DAY, Windows, active_at
from repurchase.calendar import Window
from repurchase.reasons import BEGINS_LATER, IN_ACTIVITY_WINDOW, NO_MONEY, PARTIAL, reason
from repurchase.records import CompareTo, Record, Result, dimensions
from repurchase.words import N_

# The steps of both bridges in their order; each name says who is counted.
CUSTOMER_STEPS = {
    "active_then": N_("Active before"),
    "new": N_("New"),
    "reactivated": N_("Reactivated"),
    "lapsed": N_("Lapsed"),
    "active_now": N_("Active now"),
}
MONEY_STEPS = {
    "money_then": N_("Before"),
    "new": N_("New customers"),
    "reactivated": N_("Reactivated customers"),
    "returned": N_("Back after a pause"),
    "retained": N_("Bought both times: change"),
    "paused": N_("Not this time, still active"),
    "lapsed": N_("Lapsed customers"),
    "other": N_("Returns and corrections alone"),
    "money_now": N_("Now"),
}
SPANS: tuple[CompareTo, ...] = ("previous", "year_ago")
YEAR_DAYS = 365
# Margin may stand for the whole only if it is known for nearly all order dates.
KNOWN_MARGIN = 0.99


@dataclass(frozen=True)
class Money:
    """Which money the bridge counts: the column of customer days, and how much of it is known."""

    column: str | None  # net_margin, net_revenue, or None where no amount is mapped
    margin_known: float  # share of the windows' order dates whose margin is known

    @property
    def name(self) -> str:
        """`margin` or `revenue`, as it stands in a record's dimensions."""
        return (self.column or "net_none").removeprefix("net_")


def bridge(
    days: ir.Table, other_money: ir.Table, windows: Windows, *, activity_months: int
) -> Result:
    """Customers and money of the period against the previous one and a year ago.

    `days` are customer days, `other_money` documents of known customers that are no purchase. The
    frame has one row a step: span (`previous`, `year_ago`), part (`customers`, `money`), step,
    customers (how many stand behind it), value (customers, or money with its sign; leaving steps
    are negative), so that the steps between the two ends sum to their difference. Money is net
    margin if it is known for 99 % of the order dates of the windows, else net revenue, else there
    is none; `kind` says which. Records: `bridge_customers` and `bridge_money` by span and step.
    """
    money = money_known(days, windows)
    frames, records = [], []
    for span in SPANS:
        why = _why_not(windows, span, activity_months)
        if why:
            records.append(
                Record("bridge_customers", None, "count", dimensions(span=span),
                       status="not_computed", reason=why)
            )  # fmt: skip
        else:
            units = _units(days, other_money, windows, span, activity_months, money)
            part = _steps(units, money.column is not None).assign(span=span, kind=money.name)
            frames.append(part)
            records += _records(part, windows)
        if money.column is None:
            records.append(
                Record("bridge_money", None, "money", dimensions(span=span),
                       status="not_computed", reason=NO_MONEY)
            )  # fmt: skip
    names = ["span", "part", "step", "customers", "value", "kind"]
    frame = pd.concat(frames)[names] if frames else pd.DataFrame(columns=names)
    return Result(frame.reset_index(drop=True), tuple(records))


def money_known(days: ir.Table, windows: Windows) -> Money:
    """Margin if it is known for nearly all order dates of the windows, else revenue, else none."""
    stretches = [windows.days[w] for w in ("none", *SPANS)]
    inside = days.filter(ibis.or_(*(_within(days.order_date, s) for s in stretches)))
    row = inside.aggregate(
        days=inside.count(), margin=inside.net_margin.count(), revenue=inside.net_revenue.count()
    )
    found = {k: int(v or 0) for k, v in row.to_pyarrow().to_pylist()[0].items()}
    share = found["margin"] / found["days"] if found["days"] else 0.0
    if share >= KNOWN_MARGIN:
        return Money("net_margin", share)
    return Money("net_revenue" if found["revenue"] else None, share)


def _why_not(windows: Windows, span: CompareTo, activity_months: int) -> str | None:
    """Why nobody can say who was active before: the data begin too late, or the period runs."""
    day = windows.data_from.isoformat()
    if windows.days[span].start < windows.data_from:
        return reason(BEGINS_LATER, day=day)
    if active_at(windows.days[span].end, activity_months).start < windows.data_from:
        return reason(IN_ACTIVITY_WINDOW, day=day, months=activity_months)
    if windows.partial:
        done = (windows.seen_until - windows.period.start).days + 1
        return reason(PARTIAL, done=done, days=windows.period.days)
    return None


def _units(
    days: ir.Table, other_money: ir.Table, windows: Windows, span: CompareTo, months: int,
    money: Money,
) -> ir.Table:  # fmt: skip
    """One row a customer: active then and now, and what was bought in each window."""
    now, then = windows.now, windows.days[span]
    # who has no order date since then was active on neither day
    days = days.filter(days.order_date >= active_at(then.end, months).start)
    day = days.order_date
    columns: dict[str, ir.Value] = {
        "first": days.first_date.min(),
        "active_then": _within(day, active_at(then.end, months)).any(),
        "active_now": _within(day, active_at(now.end, months)).any(),
        "bought_then": _within(day, then).any(),
        "bought_now": _within(day, now).any(),
    }
    if money.column:
        amount = cents(days[money.column])
        columns["then"] = amount.sum(where=_within(day, then))
        columns["now"] = amount.sum(where=_within(day, now))
    units = days.group_by("customer_id").aggregate(**columns)
    if not money.column:
        return units.mutate(since=then.end, then=ibis.literal(0), now=ibis.literal(0))
    amount = cents(other_money[money.column])
    other = other_money.group_by("customer_id").aggregate(
        other_then=amount.sum(where=_within(other_money.order_date, then)),
        other_now=amount.sum(where=_within(other_money.order_date, now)),
    )
    units = units.join(other, "customer_id", how="outer").drop("customer_id_right")
    return units.mutate(
        since=then.end,
        then=units["then"].fill_null(0) + units.other_then.fill_null(0),
        now=units["now"].fill_null(0) + units.other_now.fill_null(0),
    )


def _steps(units: ir.Table, with_money: bool) -> pd.DataFrame:
    then, now = (units[f"active_{x}"].fill_null(False) for x in ("then", "now"))
    bought_then, bought_now = (units[f"bought_{x}"].fill_null(False) for x in ("then", "now"))
    is_new = (units["first"] > units.since).fill_null(False)
    sets = {
        "active_then": then,
        "new": ~then & now & is_new,
        "reactivated": ~then & now & ~is_new,
        "lapsed": then & ~now,
        "active_now": now,
    }
    columns: dict[str, ir.Value] = {f"customers {name}": flag(s).sum() for name, s in sets.items()}
    groups = {
        "new": bought_now & is_new,
        "reactivated": bought_now & ~is_new & ~then,
        "returned": bought_now & then & ~bought_then,
        "retained": bought_now & bought_then,
        "paused": bought_then & ~bought_now & now,
        "lapsed": bought_then & ~bought_now & ~now,
        "other": ~bought_then & ~bought_now,
    }
    groups |= {"money_then": bought_then, "money_now": bought_now}
    for name, chosen in groups.items():
        columns[f"n {name}"] = flag(chosen).sum()
        for x in ("then", "now"):
            every = name == f"money_{x}"
            where = ibis.literal(True) if every else chosen
            columns[f"{x} {name}"] = units[x].sum(where=where)
    row = units.aggregate(**columns).to_pyarrow().to_pylist()[0]
    return pd.DataFrame([*_customer_rows(row), *(_money_rows(row) if with_money else ())])


def _customer_rows(row: dict[str, object]) -> list[dict[str, object]]:
    found = []
    for step in CUSTOMER_STEPS:
        count = int(row[f"customers {step}"] or 0)  # type: ignore[call-overload]
        value = float(-count if step == "lapsed" else count)
        found.append({"part": "customers", "step": step, "customers": count, "value": value})
    return found


def _money_rows(row: dict[str, object]) -> list[dict[str, object]]:
    found = []
    for step in MONEY_STEPS:
        then, now = (row[f"{x} {step}"] or 0 for x in ("then", "now"))
        # subtracted as decimals, so that the steps add up to the cent
        value = then if step == "money_then" else now if step == "money_now" else now - then  # type: ignore[operator]
        count = int(row[f"n {step}"] or 0)  # type: ignore[call-overload]
        if step == "other" and not value:
            continue
        found.append({"part": "money", "step": step, "customers": count, "value": float(value)})  # type: ignore[arg-type]
    return found


def _records(frame: pd.DataFrame, windows: Windows) -> list[Record]:
    found = []
    for row in frame.to_dict("records"):
        span, step = str(row["span"]), str(row["step"])
        if row["part"] == "customers":
            found.append(Record("bridge_customers", float(row["value"]), "count",
                                dimensions(span=span, step=step)))  # fmt: skip
        else:
            where = dimensions(span=span, step=step, money=row["kind"])
            n = float(row["customers"]) if step != "other" else None
            found.append(Record("bridge_money", float(row["value"]), "money", where, n=n))
    return found


def lost(
    days: ir.Table, other_money: ir.Table, windows: Windows, *, activity_months: int
) -> Result:
    """Customers who lapsed in the period, and what they brought in their last year.

    Lapsed: active on the day before the period and no longer at its end. Their money is what
    they brought in the 365 days up to their last order date, with what was returned since: margin
    if it is known, else revenue. It is what such customers were worth, not what they would have
    brought, nor what the period cost: some will come back. Records: `lapsed_customers`,
    `lapsed_money`, the latter with `money=margin` or `money=revenue`; and both for a year ago and
    the previous period as `at=<period>`, to see whether it is more than usual. The frame has one
    row a period: at, customers, active (at its start), money, kind, largest (money of the largest
    tenth of them).
    """
    money = money_known(days, windows)
    rows, records = [], []
    period = windows.period
    for one in (period, period.previous(), period.year_ago()):
        where = {} if one == period else {"at": one.label}
        before = one.start - ONE_DAY
        why = _lost_why_not(windows, before, activity_months)
        if why:
            records.append(Record("lapsed_customers", None, "count", dimensions(**where),
                                  status="not_computed", reason=why))  # fmt: skip
            continue
        row = _lost_row(days, other_money, before, one.end, activity_months, money)
        rows.append({"at": one.label, **row, "kind": money.name})
        records.append(Record("lapsed_customers", float(row["customers"]), "count",
                              dimensions(**where), n=float(row["active"])))  # fmt: skip
        if money.column:
            records.append(
                Record("lapsed_money", row["money"], "money",
                       dimensions(**where, money=money.name), n=float(row["customers"]))
            )  # fmt: skip
    names = ["at", "customers", "active", "money", "largest", "kind"]
    return Result(pd.DataFrame(rows, columns=names), tuple(records))


def _lost_why_not(windows: Windows, before: dt.date, months: int) -> str | None:
    if active_at(before, months).start < windows.data_from:
        day = windows.data_from.isoformat()
        return reason(IN_ACTIVITY_WINDOW, day=day, months=months)
    if windows.partial:
        done = (windows.seen_until - windows.period.start).days + 1
        return reason(PARTIAL, done=done, days=windows.period.days)
    return None


def _lost_row(
    days: ir.Table, other: ir.Table, before: dt.date, end: dt.date, months: int, money: Money
) -> dict[str, float]:
    """One period's lapsed customers: how many, out of how many, and their last year's money."""
    since = active_at(before, months).start
    upto = days.filter(days.order_date.between(since, end))
    ends = upto.group_by("customer_id").aggregate(
        last=upto.order_date.max(),
        then=_within(upto.order_date, active_at(before, months)).any(),
        now=_within(upto.order_date, active_at(end, months)).any(),
    )
    active = int(ends["then"].sum().to_pyarrow().as_py() or 0)
    gone = ends.filter(ends["then"] & ~ends["now"]).select("customer_id", "last")
    if not money.column:
        count = int(gone.count().to_pyarrow().as_py())
        return {"customers": count, "active": active, "money": 0.0, "largest": 0.0}
    year_before = since - dt.timedelta(days=YEAR_DAYS)
    rows = ibis.union(*(
        table.filter(table.order_date.between(year_before, end)).select(
            "customer_id", "order_date", amount=cents(table[money.column])
        )
        for table in (days, other)
    ))  # fmt: skip
    theirs = rows.inner_join(gone, "customer_id")
    age = theirs["last"].delta(theirs.order_date, unit="day")
    worth = theirs.group_by("customer_id").aggregate(
        amount=theirs.amount.sum(where=age < YEAR_DAYS).fill_null(0)
    )
    place = ibis.row_number().over(order_by=[worth.amount.desc(), worth.customer_id])
    worth = worth.mutate(place=place, every=worth.count().over())
    row = worth.aggregate(
        customers=worth.count(),
        money=worth.amount.sum(),
        largest=worth.amount.sum(where=worth.place < worth.every * 0.1),
    )
    found = {k: float(v or 0) for k, v in row.to_pyarrow().to_pylist()[0].items()}
    return {**found, "active": active}


def _within(column: ir.Value, window: Window) -> ir.BooleanValue:
    return column.between(window.start, window.end)
