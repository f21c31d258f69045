"""Who orders again within 30, 60, 90 and 180 days of an order, and what repeat orders bring."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import ibis
import ibis.expr.types as ir
import pandas as pd

from repurchase.analysis.ratios import Pair, Sums, cents, figure_records, flag, level, sums_by
from repurchase.analysis.retention import REPURCHASE_DAYS, care_for, first_readable, reasons_for
from repurchase.analysis.windows import ONE_DAY, Windows, ripened
from repurchase.calendar import Window
from repurchase.period import Period
from repurchase.reasons import (
    NO_MARGIN,
    NO_MONEY,
    NOBODY,
    NOBODY_REACHED,
    NOT_YET,
    ONE_CUSTOMER,
    PARTIAL,
    SHORT_HISTORY,
    reason,
)
from repurchase.records import CompareTo, Record, Result, dimensions
from repurchase.stats.proportion import Cross, Moments, wilson

RANKS = (1, 2, 3, 4, 5)
COMPARED: tuple[CompareTo, ...] = ("none", "year_ago")
MONTHS = 8


def next_orders(
    days: ir.Table,
    windows: Windows,
    *,
    activity_months: int,
    cohort_months: int,
) -> Result:
    """The next order date within so many days of the n-th, and of the first by joining month.

    `days` needs order_date, next_date (missing if there is none) and day_rank. The n-th order
    dates counted are those of the trailing window of `cohort_months` that ends so many days before
    the period's end, so that each has had the time: Kaplan-Meier on them is the plain share.

    Columns: rank, joined (label of the month, "" for the trailing window), days, customers (n-th
    order dates in it), numerator, n, value, low, high (Wilson; missing where not ripe), change,
    change_low, change_high (against a year ago), readable_from (date, None if it is read now),
    reason.
    """
    counted = _counted(days, windows, cohort_months)
    found = counted.to_pandas()
    records: list[Record] = []
    rows: list[dict[str, Any]] = []
    for rank in RANKS:
        part = found[found["rank"] == rank].drop(columns=["rank", "month"]).sum()
        for length in REPURCHASE_DAYS:
            made = _trailing(part, rank, length, windows, activity_months, cohort_months)
            records += made
            rows.append(_row(rank, "", length, made, part[f"none {length} n"]))
    first = found[found["rank"] == 1].set_index("month")
    for joined in _joining_months(windows):
        for length in REPURCHASE_DAYS:
            record, customers = _by_month(first, joined, length, windows)
            records.append(record)
            rows.append(_row(1, joined.label, length, (record,), customers))
    return Result(pd.DataFrame(rows, columns=_COLUMNS), tuple(records))


_COLUMNS = [
    "rank", "joined", "days", "customers", "numerator", "n", "value", "low", "high",
    "change", "change_low", "change_high", "readable_from", "reason",
]  # fmt: skip


def _counted(days: ir.Table, windows: Windows, cohort_months: int) -> ir.Table:
    """Counts by rank and month of the n-th order date: one pass over the order dates."""
    kept = days.filter(days.day_rank <= max(RANKS))
    gap = kept.next_date.delta(kept.order_date, unit="day")
    columns: dict[str, ir.Scalar] = {"customers": kept.count()}
    for length in REPURCHASE_DAYS:
        soon = gap <= length
        columns[f"back {length}"] = flag(soon).sum()
        for window in COMPARED:
            ripe = ripened(windows.seen(window), days=length, months=cohort_months)
            inside = kept.order_date.between(ripe.start, ripe.end)
            columns[f"{window} {length} n"] = flag(inside).sum()
            columns[f"{window} {length} back"] = flag(inside & soon).sum()
    month = kept.order_date.year() * 12 + kept.order_date.month() - 1
    return kept.group_by(rank=kept.day_rank, month=month).aggregate(**columns)


def _trailing(
    part: pd.Series,
    rank: int,
    length: int,
    windows: Windows,
    activity_months: int,
    cohort_months: int,
) -> tuple[Record, ...]:
    now, then = (
        (float(part[f"{w} {length} back"]), float(part[f"{w} {length} n"])) for w in COMPARED
    )
    # nobody has an n-th order date twice, so the two windows share no customer
    units = now[1] + then[1]
    total = Sums(
        {
            w: Moments(units, back, n, back, back, n)
            for w, (back, n) in zip(COMPARED, (now, then), strict=True)
        },
        {"year_ago": Cross(0.0, 0.0, 0.0, 0.0)},
    )
    name = f"repurchase_{length}d"
    made = figure_records(
        f"next_order_{length}d",
        total,
        binary=True,
        reasons=reasons_for(name, windows, activity_months, cohort_months),
        provisional=care_for(name, windows, activity_months, cohort_months),
        dimensions=dimensions(rank=rank),
        nobody=reason(NOBODY_REACHED, rank=rank),
    )
    readable = first_readable(name, windows, activity_months)
    if made[0].value is None and readable and readable > windows.seen_until:
        date = readable.isoformat()
        made = tuple(replace(r, status="immature", readable_from=date) for r in made)
    return made


def _joining_months(windows: Windows) -> list[Period]:
    """The last months in which customers joined, oldest first, within the data."""
    last = Period.month_of(windows.seen_until)
    months = [last.shifted(-i) for i in range(MONTHS - 1, -1, -1)]
    return [m for m in months if m.end >= windows.data_from]


def _by_month(
    first: pd.DataFrame, joined: Period, length: int, windows: Windows
) -> tuple[Record, float]:
    index = joined.start.year * 12 + joined.start.month - 1
    n = float(first["customers"].get(index, 0))
    where = dimensions(joined=joined.label, rank=1)
    blank = Record(f"next_order_{length}d", None, "share", where, n=n)
    ripe = joined.end + dt.timedelta(days=length)
    if ripe > windows.seen_until:
        date = ripe.isoformat()
        return replace(blank, status="immature", readable_from=date, reason=reason(NOT_YET)), n
    if not n:
        return replace(blank, status="not_computed", reason=reason(NOBODY)), n
    back = float(first[f"back {length}"].get(index, 0))
    estimate = wilson(back, n)
    return replace(blank, value=estimate.value, low=estimate.low, high=estimate.high,
                   numerator=back), n  # fmt: skip


def _row(
    rank: int, joined: str, length: int, made: tuple[Record, ...], customers: float
) -> dict[str, Any]:
    base = made[0]
    change = next((r for r in made if r.compare_to == "year_ago"), None)
    return {
        "rank": rank,
        "joined": joined,
        "days": length,
        "customers": float(customers),
        **{k: getattr(base, k) for k in ("numerator", "n", "value", "low", "high")},
        **{k: getattr(change, k, None) for k in ("change", "change_low", "change_high")},
        "readable_from": base.readable_from,
        "reason": base.reason,
    }


SHARES = {"repeat_revenue_share": "revenue", "repeat_margin_share": "margin"}


def repeat_share_by_month(
    days: ir.Table, other_money: ir.Table, windows: Windows, *, months: int = 13
) -> Result:
    """What part of revenue and of margin is not a customer's first order date, by month.

    Columns: month (label), start, customers (with money in it), and for revenue and margin
    `<what>_share`, `_low`, `_high` (over customers, in log odds), `<what>_repeat` and `<what>`
    (money). Months that begin before the data are left out. A record for each month and share,
    `at=<month>`.
    """
    last = Period.month_of(windows.seen_until)
    stretches = [last.shifted(-i) for i in range(months - 1, -1, -1)]
    stretches = [p for p in stretches if p.start >= windows.data_from]
    if not stretches:
        return Result(pd.DataFrame())
    inside = Window(stretches[0].start, windows.seen_until)
    units = _money_of_customers(days, other_money, inside)
    pairs = {
        name: {"none": Pair(cents(units[f"repeat_{what}"]), cents(units[what]))}
        for name, what in SHARES.items()
    }
    found = sums_by(units, pairs, by="month")  # type: ignore[arg-type]
    none = _unknown(days, windows)
    records: list[Record] = []
    rows: list[dict[str, Any]] = []
    for p in stretches:
        key = str(p.start.year * 12 + p.start.month - 1)
        row: dict[str, Any] = {"month": p.label, "start": p.start}
        for name, what in SHARES.items():
            moments = found[key][name].moments["none"] if key in found else None
            record = _share(name, moments, none[what], p, windows)
            records.append(record)
            row |= {"customers": moments.n if moments else 0.0}
            row |= {f"{what}_share": record.value, f"{what}_low": record.low}
            row |= {f"{what}_high": record.high, f"{what}_repeat": record.numerator, what: record.n}
        rows.append(row)
    return Result(pd.DataFrame(rows), tuple(records))


def _money_of_customers(days: ir.Table, other_money: ir.Table, inside: Window) -> ir.Table:
    """One row a customer and month: revenue and margin, and the repeat part of each."""
    first = days.filter(days.day_rank == 1).select("customer_id", "first_date")
    other = other_money.filter(other_money.order_date.between(inside.start, inside.end))
    other = other.left_join(first, "customer_id")
    bought = days.filter(days.order_date.between(inside.start, inside.end))
    both = ibis.union(
        bought.select(
            "customer_id", "order_date", revenue=cents(bought.net_revenue),
            margin=cents(bought.net_margin), again=bought.day_rank > 1,
        ),
        other.select(
            "customer_id", "order_date", revenue=cents(other.net_revenue),
            margin=cents(other.net_margin),
            again=(other.assigned_date > other.first_date).fill_null(False),
        ),
    )  # fmt: skip
    month = both.order_date.year() * 12 + both.order_date.month() - 1
    return both.group_by("customer_id", month=month).aggregate(
        revenue=both.revenue.sum(),
        margin=both.margin.sum(),
        repeat_revenue=both.revenue.sum(where=both.again),
        repeat_margin=both.margin.sum(where=both.again),
    )


def _unknown(days: ir.Table, windows: Windows) -> Mapping[str, str | None]:
    """Why there is no revenue or no margin to share, if no order date has any."""
    known = days.aggregate(revenue=days.net_revenue.count(), margin=days.net_margin.count())
    row = known.to_pyarrow().to_pylist()[0]
    return {
        "revenue": None if row["revenue"] else NO_MONEY,
        "margin": None if row["margin"] else NO_MARGIN,
    }


def _share(
    name: str, moments: Moments | None, unknown: str | None, month: Period, windows: Windows
) -> Record:
    where = dimensions(at=month.label)
    why = unknown or (NOBODY if moments is None or not moments.b > 0 else None)
    if why is None and moments is not None and moments.n < 2:
        why = ONE_CUSTOMER
    if why or moments is None:
        return Record(name, None, "share", where, status="not_computed", reason=why)
    estimate = level(moments, binary=False)
    care = _care(month, windows)
    return Record(
        name, estimate.value, "share", where, low=estimate.low, high=estimate.high,
        numerator=moments.a, n=moments.b, status="provisional" if care else "final", reason=care,
    )  # fmt: skip


def _care(month: Period, windows: Windows) -> str | None:
    if month.end > windows.seen_until:
        done = (windows.seen_until - month.start + ONE_DAY).days
        return reason(PARTIAL, done=done, days=month.days)
    begin = windows.data_from
    months = (month.start.year - begin.year) * 12 + month.start.month - begin.month
    months -= month.start.day < begin.day
    return reason(SHORT_HISTORY, months=months) if months < 12 else None
