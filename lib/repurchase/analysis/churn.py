"""Two definitions of churn, and the retention formula by month and by quarter.

By window: one is lost when the last order date has left the activity window (1 - retention). By
rhythm: one is silent for longer than a multiple of one's own median gap.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import ibis.expr.types as ir
import pandas as pd

from repurchase.analysis.ratios import Sums, figure_records, flag
from repurchase.analysis.windows import ONE_DAY, Windows, active_at
from repurchase.period import Period
from repurchase.reasons import IN_ACTIVITY_WINDOW, NO_RHYTHMS, NOBODY, reason
from repurchase.records import CompareTo, Record, Result, dimensions
from repurchase.stats.proportion import Cross, Moments, wilson

MONTHS, QUARTERS = 13, 5


def retention_by_period(days: ir.Table, windows: Windows, *, activity_months: int) -> Result:
    """The formula (E - N) / S of the last 13 months and 5 quarters, from sets of customers.

    `days` needs order_date and next_date (missing if there is none). Of an order date alone it is
    known whether it is a customer's last one by some day, so nobody has to be counted twice.

    Columns: period (label), unit (month, quarter), start_customers (S), end_customers (E), joined
    (N, newcomers still there at the end), kept (E - N), value, low, high (Wilson), reason. A
    quarter has its own sets: its value is neither the mean nor the product of its months'.
    """
    periods = _periods(windows)
    if not periods:
        return Result(pd.DataFrame())
    first = active_at(periods[0].start - ONE_DAY, activity_months).start
    days = days.filter(days.order_date >= first).select("customer_id", "order_date", "next_date")
    row = _counts(days, periods, activity_months)
    rows: list[tuple[object, ...]] = []
    records: list[Record] = []
    for p in periods:
        s, e, k = (float(row[f"{p.label} {part}"] or 0) for part in "sek")
        why = _why(p, windows, activity_months, s)
        made = _formula(p, s, e, k, why)
        records += made
        rate = made[0]
        rows.append((p.label, p.unit, s, e, e - k, k, rate.value, rate.low, rate.high, why))
    names = ["period", "unit", "start_customers", "end_customers", "joined", "kept", "value",
             "low", "high", "reason"]  # fmt: skip
    return Result(pd.DataFrame(rows, columns=names), tuple(records))


def _counts(days: ir.Table, periods: Sequence[Period], activity_months: int) -> dict[str, float]:
    """S, E and E - N of every period, in one pass over the order dates."""
    columns: dict[str, ir.Scalar] = {}
    longer = []
    for p in periods:
        start, end = p.start - ONE_DAY, p.end
        first, last = active_at(start, activity_months), active_at(end, activity_months)
        at_start = _last_within(days, first.start, start)
        columns[f"{p.label} s"] = flag(at_start).sum()
        columns[f"{p.label} e"] = flag(_last_within(days, last.start, end)).sum()
        # whoever orders again in the period is there at its end, if it is no longer than the window
        stays = (days.next_date <= end) | (days.order_date >= last.start)
        columns[f"{p.label} k"] = flag(at_start & stays).sum()
        if last.start > p.start:
            longer.append(p)
    row = days.aggregate(**columns).to_pyarrow().to_pylist()[0]
    return row | _kept_of_longer(days, longer, activity_months)


def _kept_of_longer(
    days: ir.Table, periods: Sequence[Period], activity_months: int
) -> dict[str, float]:
    """E - N of periods longer than the activity window: customer by customer."""
    if not periods:
        return {}
    seen = {}
    for p in periods:
        for edge, day in (("s", p.start - ONE_DAY), ("e", p.end)):
            window = active_at(day, activity_months)
            inside = days.order_date.between(window.start, window.end)
            seen[f"{p.label} {edge}"] = inside.any()
    units = days.group_by("customer_id").aggregate(**seen)
    kept = {
        f"{p.label} k": flag(units[f"{p.label} s"] & units[f"{p.label} e"]).sum() for p in periods
    }
    return dict(units.aggregate(**kept).to_pyarrow().to_pylist()[0])


def _last_within(days: ir.Table, first: object, last: object) -> ir.BooleanValue:
    """Whether a row is its customer's last order date by `last` and not before `first`."""
    later = days.next_date.isnull() | (days.next_date > last)
    return (days.order_date >= first) & (days.order_date <= last) & later


def _periods(windows: Windows) -> list[Period]:
    """Complete months and calendar quarters up to the period's end, oldest first by unit."""
    month = Period.month_of(windows.seen_until)
    if month.end > windows.seen_until:
        month = month.previous()
    quarter = Period.parse(f"{month.start.year}-Q{(month.start.month + 2) // 3}")
    if quarter.end > month.end:
        quarter = quarter.previous()
    quarters = [quarter.shifted(-i) for i in range(QUARTERS - 1, -1, -1)]
    months = [month.shifted(-i) for i in range(MONTHS - 1, -1, -1)]
    found = sorted([*quarters, *months], key=lambda p: (p.start, p.end))
    return [p for p in found if p.start >= windows.data_from]


def _why(p: Period, windows: Windows, activity_months: int, s: float) -> str | None:
    day = windows.data_from.isoformat()
    if active_at(p.start - ONE_DAY, activity_months).start < windows.data_from:
        return reason(IN_ACTIVITY_WINDOW, day=day, months=activity_months)
    return None if s else NOBODY


def _formula(p: Period, s: float, e: float, k: float, why: str | None) -> tuple[Record, ...]:
    where = dimensions(at=p.label)
    if why:
        return (Record("retention_rate", None, "share", where, status="not_computed", reason=why),)
    estimate = wilson(k, s)
    counts = {"customers_at_start": s, "customers_at_end": e, "customers_joined": e - k}
    return (
        Record("retention_rate", estimate.value, "share", where, low=estimate.low,
               high=estimate.high, numerator=k, n=s),
        *(Record(name, value, "count", where) for name, value in counts.items()),
    )  # fmt: skip


# ---- two definitions ----------------------------------------------------------------------------


def churn(
    figures: Sequence[Record],
    rhythms: pd.DataFrame,
    windows: Windows,
    *,
    activity_months: int,
) -> Result:
    """Both definitions with n, interval and change; what each leaves out, as counts.

    `figures` hold the records of `retention_rate`; `rhythms` come from `rhythm.own_rhythms`.
    Records: `churn_rate` (1 - retention, all comparisons of it), `overdue_share` (of customers
    with a rhythm; change on a year ago paired by customer), `overdue_returned` (of those called
    silent a year ago, who has ordered since), `customers_without_rhythm` (count).
    The frame has a row a record.
    """
    lost = [_complement(r) for r in figures if r.metric == "retention_rate" and not r.dimensions]
    overdue = figure_records(
        "overdue_share",
        _sums(rhythms),
        binary=True,
        reasons=_reasons(windows, activity_months),
        nobody=NO_RHYTHMS,
    )
    few = float(rhythms.loc[rhythms["few"] == 1, "customers"].sum())
    returned = _returned(rhythms, windows, activity_months)
    records = (*lost, *overdue, returned, Record("customers_without_rhythm", few, "count"))
    return Result(pd.DataFrame([vars(r) for r in records]), records)


def _complement(r: Record) -> Record:
    def less(share: float | None) -> float | None:
        return None if share is None else 1 - share

    def minus(change: float | None) -> float | None:
        return None if change is None else -change

    gone = None if r.n is None or r.numerator is None else r.n - r.numerator
    return replace(
        r, metric="churn_rate", value=less(r.value), low=less(r.high), high=less(r.low),
        numerator=gone, change=minus(r.change), change_low=minus(r.change_high),
        change_high=minus(r.change_low),
    )  # fmt: skip


def _sums(rhythms: pd.DataFrame) -> Sums:
    """Moments of both times over all customers, and their products, from the counts."""
    k = rhythms["customers"]
    units = float(k.sum())

    def total(*columns: str) -> float:
        product = k
        for column in columns:
            product = product * rhythms[column]
        return float(product.sum())

    def moments(a: str, b: str) -> Moments:
        return Moments(units, total(a), total(b), total(a), total(a), total(b))

    cross = Cross(
        total("now_over", "then_over"), total("now_over", "then"),
        total("now", "then_over"), total("now", "then"),
    )  # fmt: skip
    return Sums(
        {"none": moments("now_over", "now"), "year_ago": moments("then_over", "then")},
        {"year_ago": cross},
    )


def _returned(rhythms: pd.DataFrame, windows: Windows, activity_months: int) -> Record:
    """How many of those called silent a year ago were not lost: the price of calling early."""
    called = rhythms[rhythms["then_over"] == 1]
    n = float(called["customers"].sum())
    why = _reasons(windows, activity_months)["year_ago"] or (None if n else NOBODY)
    if why:
        return Record("overdue_returned", None, "share", status="not_computed", reason=why)
    back = float(called.loc[called["came_back"] == 1, "customers"].sum())
    found = wilson(back, n)
    return Record(
        "overdue_returned", found.value, "share", low=found.low, high=found.high, numerator=back,
        n=n,
    )  # fmt: skip


def _reasons(windows: Windows, activity_months: int) -> dict[CompareTo, str | None]:
    found: dict[CompareTo, str | None] = {"none": None, "year_ago": None}
    then = active_at(windows.seen("year_ago").end, activity_months)
    if then.start < windows.data_from:
        day = windows.data_from.isoformat()
        found["year_ago"] = reason(IN_ACTIVITY_WINDOW, day=day, months=activity_months)
    return found
