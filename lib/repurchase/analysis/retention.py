"""Do customers come back? Who, out of whom, how surely.

An order date is a day, in the company's time zone, on which a known customer has at least one
order that counts. A cohort is the set of customers with the same month of first order date; its
age is whole months since then. Everywhere: 0 = observed, nobody returned; missing = not observed.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from repurchase.analysis.ratios import Pair, cents, figure_records, flag, sums
from repurchase.analysis.windows import ONE_DAY, Windows, active_at, ripened
from repurchase.calendar import Window
from repurchase.definitions import METRICS
from repurchase.period import Period, add_months
from repurchase.reasons import (
    ALL_HISTORY,
    BEGINS_LATER,
    COHORT_NOT_FULL,
    IN_ACTIVITY_WINDOW,
    MAYBE_OLDER,
    NO_EARLIER,
    NOBODY,
    NOBODY_JOINED,
    NOT_RIPE,
    NOT_YET,
    PARTIAL,
    SHORT_HISTORY,
    reason,
)
from repurchase.records import CompareTo, Record, Result, dimensions
from repurchase.stats.proportion import wilson
from repurchase.stats.survival import kaplan_meier

REPURCHASE_DAYS = (30, 60, 90, 180)
CURVE_DAYS = 180


def headline_figures(
    days: ir.Table,
    other_money: ir.Table,
    windows: Windows,
    *,
    activity_months: int,
    cohort_months: int,
    targets: Mapping[str, float],
) -> Result:
    """The seven headline shares with n, interval and change against each comparison.

    `days` has one row a customer and order date (customer_id, order_date, day_rank, first_date,
    net_revenue); `other_money` one row a document that is no purchase (customer_id, order_date,
    assigned_date, net_revenue), such as an unlinked return. The frame has one row a record.
    Definitions and sources: METHODS, "The headline metrics".
    """
    units = _customers(days, other_money, windows, activity_months)
    pairs = _pairs(units, windows, cohort_months)
    found = sums(units, pairs)
    records: list[Record] = []
    for name, total in found.items():
        records += figure_records(
            name,
            total,
            binary=METRICS[name].unit == "share" and name != "repeat_revenue_share",
            reasons=reasons_for(name, windows, activity_months, cohort_months),
            provisional=care_for(name, windows, activity_months, cohort_months),
            target=targets.get(name),
            nobody=_nobody(name, windows, cohort_months),
        )
    if not _too_early(windows, windows.now, activity_months):
        records += _article_counts(units)
    frame = pd.DataFrame([vars(r) for r in records])
    return Result(frame, tuple(records), sql=str(ibis.to_sql(units)))


JANUARY_FEBRUARY = ("returning_buyer_share", "repeat_revenue_share")


def january_february(days: ir.Table, other_money: ir.Table, windows: Windows) -> Result:
    """January and February as one sum against a year ago, where the lunar new year moves in them.

    In February's review the two shares carry `span=jan_feb`; in January's they are blank with
    the date from which they can be read; in any other period there are none.
    """
    period, span = windows.period, dimensions(span="jan_feb")
    if period.unit != "month" or period.start.month > 2:
        return Result(pd.DataFrame())
    if period.start.month == 1:
        readable = add_months(period.start, 2).isoformat()
        records = tuple(
            Record(
                name,
                None,
                "share",
                span,
                status="immature",
                readable_from=readable,
                reason=reason(NOT_YET),
            )
            for name in JANUARY_FEBRUARY
        )
        return Result(pd.DataFrame([vars(r) for r in records]), records)
    year_ago = period.year_ago()
    both = Windows(
        period,
        {
            "none": Window(add_months(period.start, -1), period.end),
            "year_ago": Window(add_months(year_ago.start, -1), year_ago.end),
        },
        "plain",
        windows.data_from,
        windows.seen_until,
    )
    units = _customers(days, other_money, both, 12)
    pairs = _pairs(units, both, 12)
    found = sums(units, {name: pairs[name] for name in JANUARY_FEBRUARY})
    records = tuple(
        replace(record, dimensions=span)
        for name, total in found.items()
        for record in figure_records(
            name,
            total,
            binary=name != "repeat_revenue_share",
            reasons=reasons_for(name, both, 12, 12),
            provisional=care_for(name, both, 12, 12),
        )
    )
    return Result(pd.DataFrame([vars(r) for r in records]), records)


def _customers(
    days: ir.Table, other_money: ir.Table, windows: Windows, activity_months: int
) -> ir.Table:
    """One row a customer: first and second order date, and per window what happened in it."""
    columns: dict[str, ir.Value] = {
        "first": days.order_date.min(),
        "second": days.order_date.min(where=days.day_rank == 2),
    }
    for name in windows.days:
        window = windows.seen(name)
        columns[f"{name} buyer"] = _within(days.order_date, window).any()
        for edge, day in (("start", window.start - ONE_DAY), ("end", window.end)):
            active = _within(days.order_date, active_at(day, activity_months))
            columns[f"{name} {edge}"] = active.any()
    customers = days.group_by("customer_id").aggregate(**columns)
    money = _money(days, other_money)
    paid = money.group_by("customer_id").aggregate(
        **{
            f"{name} {what}": cents(money.amount.sum(where=condition))
            for name, window in windows.days.items()
            for what, condition in (
                ("revenue", _within(money.order_date, window)),
                ("repeat", _within(money.order_date, window) & money.is_repeat),
            )
        }
    )
    return customers.join(paid, "customer_id", how="outer").drop("customer_id_right")


def _money(days: ir.Table, other_money: ir.Table) -> ir.Table:
    first = days.filter(days.day_rank == 1).select("customer_id", "first_date")
    other = other_money.left_join(first, "customer_id")
    return ibis.union(
        days.select(
            "customer_id", "order_date", amount=cents(days.net_revenue), is_repeat=days.day_rank > 1
        ),
        other.select(
            "customer_id",
            "order_date",
            amount=cents(other.net_revenue),
            is_repeat=(other.assigned_date > other.first_date).fill_null(False),
        ),
    )


def _pairs(
    units: ir.Table, windows: Windows, cohort_months: int
) -> dict[str, dict[CompareTo, Pair]]:
    pairs: dict[str, dict[CompareTo, Pair]] = {"returning_buyer_share": {}}
    for window, stretch in windows.days.items():
        buyer = units[f"{window} buyer"]
        pairs["returning_buyer_share"][window] = Pair(
            flag(buyer & (units["first"] < stretch.start)), flag(buyer)
        )
        for length in REPURCHASE_DAYS:
            ripe = ripened(windows.seen(window), days=length, months=cohort_months)
            joined = _within(units["first"], ripe)
            soon = units["second"] <= units["first"] + ibis.interval(days=length)
            pairs.setdefault(f"repurchase_{length}d", {})[window] = Pair(
                flag(joined & soon), flag(joined)
            )
        pairs.setdefault("repeat_customer_share", {})[window] = Pair(
            flag(units["second"] <= stretch.end), flag(units["first"] <= stretch.end)
        )
        start, end = units[f"{window} start"], units[f"{window} end"]
        pairs.setdefault("retention_rate", {})[window] = Pair(flag(start & end), flag(start))
        pairs.setdefault("repeat_revenue_share", {})[window] = Pair(
            units[f"{window} repeat"].fill_null(0), units[f"{window} revenue"].fill_null(0)
        )
    return pairs


def _article_counts(units: ir.Table) -> list[Record]:
    """S, E and N of the article's formula, as sets of customers."""
    start, end = units["none start"].fill_null(False), units["none end"].fill_null(False)
    row = units.aggregate(
        customers_at_start=flag(start).sum(),
        customers_at_end=flag(end).sum(),
        customers_joined=flag(end & ~start).sum(),
    )
    counts = row.to_pyarrow().to_pylist()[0]
    return [Record(name, float(value or 0), "count") for name, value in counts.items()]


def reasons_for(
    name: str, windows: Windows, activity_months: int, cohort_months: int
) -> dict[CompareTo, str | None]:
    """Why a figure or a comparison cannot be computed, by window."""
    begin = windows.data_from
    day = begin.isoformat()
    found: dict[CompareTo, str | None] = {}
    for window, stretch in windows.days.items():
        found[window] = None
        if stretch.start < begin and window != "none":
            found[window] = reason(BEGINS_LATER, day=day)
        elif name == "returning_buyer_share" and stretch.start <= begin:
            found[window] = reason(NO_EARLIER, day=day)
        elif name == "retention_rate" and _too_early(windows, stretch, activity_months):
            found[window] = reason(IN_ACTIVITY_WINDOW, day=day, months=activity_months)
        elif name.startswith("repurchase_"):
            cohort = ripened(windows.seen(window), days=_days(name), months=cohort_months)
            if cohort.end < begin:
                found[window] = reason(NOT_RIPE, day=day, days=_days(name))
            elif cohort.start < begin and window != "none":
                found[window] = reason(COHORT_NOT_FULL, day=day, months=cohort_months)
    return found


def care_for(
    name: str, windows: Windows, activity_months: int, cohort_months: int
) -> dict[CompareTo, str | None]:
    """Why a figure stands but must be read with care, by window."""
    found: dict[CompareTo, str | None] = {}
    for window, stretch in windows.days.items():
        months = _months_between(windows.data_from, stretch.start)
        found[window] = _partial(windows)
        if found[window]:
            continue
        if name in {"returning_buyer_share", "repeat_revenue_share"} and months < activity_months:
            found[window] = reason(SHORT_HISTORY, months=months)
        elif name == "repeat_customer_share" and window != "none":
            found[window] = reason(ALL_HISTORY)
        elif name.startswith("repurchase_"):
            cohort = ripened(stretch, days=_days(name), months=cohort_months)
            if _months_between(windows.data_from, cohort.start) < activity_months:
                found[window] = reason(MAYBE_OLDER)
    return found


def _partial(windows: Windows) -> str | None:
    """Why every figure of a period that is still running must be read with care."""
    if not windows.partial:
        return None
    done = (windows.seen_until - windows.period.start).days + 1
    return reason(PARTIAL, done=done, days=windows.period.days)


def _nobody(name: str, windows: Windows, cohort_months: int) -> str:
    """Why a denominator is empty: no buyer, or for repurchase nobody who joined in the window."""
    if not name.startswith("repurchase_"):
        return NOBODY
    window = ripened(windows.seen("none"), days=_days(name), months=cohort_months)
    return reason(
        NOBODY_JOINED,
        first=max(window.start, windows.data_from).isoformat(),
        last=window.end.isoformat(),
    )


def _too_early(windows: Windows, stretch: Window, activity_months: int) -> bool:
    return active_at(stretch.start - ONE_DAY, activity_months).start < windows.data_from


def first_readable(name: str, windows: Windows, activity_months: int) -> dt.date | None:
    """From which day a figure that the history is too short for can be read."""
    if name == "retention_rate":
        return add_months(windows.data_from, activity_months)
    if name.startswith("repurchase_"):
        return windows.data_from + dt.timedelta(days=_days(name))
    return None


def history(days: ir.Table, windows: Windows, *, units_back: int = 24) -> Result:
    """Returning-buyer share of the period and of those before it, oldest first.

    Columns: period (label), start (date), buyers, returning, value, low, high (Wilson), months
    (of history before it), short_history (True where less than a year of data precedes, so that the
    share is understated), partial (True where the period is still running).
    Periods that begin before or with the data are left out.
    """
    stretches = [windows.period.shifted(-i) for i in range(units_back, -1, -1)]
    stretches = [p for p in stretches if p.start > windows.data_from]
    labels = [(_within(days.order_date, Window(p.start, p.end)), p.label) for p in stretches]
    if not labels:
        return Result(pd.DataFrame(columns=_HISTORY))
    buyers = (
        days.mutate(period=ibis.cases(*labels, else_=None))
        .filter(lambda t: t.period.notnull())
        .group_by("period", "customer_id")
        .aggregate(first_date=lambda t: t.first_date.min(), day=lambda t: t.order_date.min())
    )
    counted = buyers.group_by("period").aggregate(
        buyers=buyers.count(), returning=flag(buyers.first_date < buyers.day).sum()
    )
    # a customer returns if the first order date lies before the period, which is the same as
    # before the first day in it, since the first date is never after that day
    found = counted.to_pandas().set_index("period")
    rows = []
    for period in stretches:
        n = int(found["buyers"].get(period.label, 0))
        back = int(found["returning"].get(period.label, 0))
        estimate = wilson(back, n) if n else (np.nan, np.nan, np.nan)
        months = _months_between(windows.data_from, period.start)
        flags = (months, months < 12, period.end > windows.seen_until)
        rows.append((period.label, period.start, n, back, *estimate, *flags))
    frame = pd.DataFrame(rows, columns=_HISTORY)
    care = _partial(windows)
    records = tuple(_history_record(row, care) for row in frame.tail(13).to_dict("records"))
    return Result(frame, records, sql=str(ibis.to_sql(counted)))


def _history_record(row: Mapping[Any, Any], partial: str | None) -> Record:
    seen = bool(row["buyers"])
    short = reason(SHORT_HISTORY, months=row["months"]) if row["short_history"] else None
    why = (partial if row["partial"] else None) or short
    return Record(
        "returning_buyer_share",
        float(row["value"]) if seen else None,
        "share",
        dimensions(at=row["period"]),
        low=float(row["low"]) if seen else None,
        high=float(row["high"]) if seen else None,
        numerator=float(row["returning"]),
        n=float(row["buyers"]),
        status="provisional" if why else "final",
        reason=why,
    )


_HISTORY = [
    "period", "start", "buyers", "returning", "value", "low", "high", "months", "short_history",
    "partial",
]  # fmt: skip


def cohort_counts(days: ir.Table, *, until: dt.date) -> pd.DataFrame:
    """Customers with an order date at each age, by cohort.

    Index: cohort (label of the month), ascending without gaps. Columns: ages 0, 1, ... Ages
    whose month ends after `until` are missing (NaN). Same-day orders count once.
    """
    aged = days.mutate(
        cohort=days.first_date.year() * 12 + days.first_date.month() - 1,
        month=days.order_date.year() * 12 + days.order_date.month() - 1,
    )
    counted = aged.group_by("cohort", "month").aggregate(customers=aged.customer_id.nunique())
    found = counted.to_pandas()
    if found.empty:
        return pd.DataFrame(index=pd.Index([], name="cohort"))
    last = until.year * 12 + until.month - 1
    if (until + ONE_DAY).day != 1:
        last -= 1
    found = found[(found["cohort"] <= last) & (found["month"] <= last)]
    first = int(found["cohort"].min())
    cohorts = range(first, last + 1)
    ages = range(last - first + 1)
    table = np.full((len(cohorts), len(ages)), np.nan)
    for i in range(len(cohorts)):
        table[i, : len(cohorts) - i] = 0
    rows = found["cohort"].to_numpy(dtype=int) - first
    columns = (found["month"] - found["cohort"]).to_numpy(dtype=int)
    table[rows, columns] = found["customers"].to_numpy(dtype=float)
    index = pd.Index([_month_label(c) for c in cohorts], name="cohort")
    return pd.DataFrame(table, index=index, columns=list(ages))


def pooled(counts: pd.DataFrame) -> pd.DataFrame:
    """Retention by age over all cohorts that have reached it.

    Index: age. Columns: numerator and n (both from the same cohorts), value, low, high (Wilson),
    cohorts (how many).
    """
    rows = []
    for age in counts.columns:
        reached = counts[age].notna() & (counts[0] > 0)
        n, back = float(counts.loc[reached, 0].sum()), float(counts.loc[reached, age].sum())
        if n > 0:
            rows.append((age, back, n, *wilson(back, n), int(reached.sum())))
    columns = ["age", "numerator", "n", "value", "low", "high", "cohorts"]
    return pd.DataFrame(rows, columns=columns).set_index("age")


def cohorts(days: ir.Table, *, until: dt.date) -> Result:
    """The cohort triangle as counts, with a record for each observed cell of age 0 and up."""
    counts = cohort_counts(days, until=until)
    records = [
        Record(
            "cohort_retention",
            (estimate := wilson(active, row.iloc[0])).value,
            "share",
            dimensions(cohort=cohort, age=age),
            low=estimate.low,
            high=estimate.high,
            numerator=float(active),
            n=float(row.iloc[0]),
        )
        for cohort, row in counts.iterrows()
        for age, active in row.items()
        if row.iloc[0] and not np.isnan(active)
    ]
    return Result(counts, tuple(records))


def repurchase_curve(days: ir.Table, windows: Windows, *, cohort_months: int) -> Result:
    """Share of new customers who have come back, by days since their first order date.

    Kaplan-Meier over the first order dates of the months that end with the window (and with the
    same a year before), censored at its end; a day that nobody could have reached is left out.
    Columns:
    window, first (date), last (date), customers, day, value, low, high, at_risk.
    """
    frames = []
    names: tuple[CompareTo, ...] = ("none", "year_ago")
    for name in names:
        stretch = windows.seen(name)
        cohort = Window(add_months(stretch.end, -cohort_months) + ONE_DAY, stretch.end)
        if cohort.start < windows.data_from:
            if name != "none":
                continue
            cohort = Window(windows.data_from, cohort.end)
        frames.append(_curve(days, cohort).assign(window=name))
    frame = pd.concat(frames, ignore_index=True)
    return Result(frame)


def _curve(days: ir.Table, cohort: Window) -> pd.DataFrame:
    joined = days.filter(_within(days.first_date, cohort) & (days.order_date <= cohort.end))
    customers = joined.group_by("customer_id").aggregate(
        first=joined.first_date.min(), second=joined.order_date.min(where=joined.day_rank == 2)
    )
    gap = customers.second.delta(customers["first"], unit="day")
    followed = ibis.literal(cohort.end).delta(customers["first"], unit="day")
    customers = customers.mutate(
        day=ibis.cases((customers.second.notnull(), gap), else_=followed).cast("int64"),
        event=flag(customers.second.notnull()),
    )
    counted = customers.group_by("day").aggregate(
        events=customers.event.sum(), units=customers.count()
    )
    found = counted.order_by("day").to_pandas()
    total = int(found["units"].sum())
    curve = kaplan_meier(found["day"], found["events"], found["units"] - found["events"])
    keep = curve.time <= CURVE_DAYS
    return pd.DataFrame(
        {
            "first": cohort.start,
            "last": cohort.end,
            "customers": total,
            "day": curve.time[keep].astype(int),
            "value": 1 - curve.survival[keep],
            "low": 1 - curve.high[keep],
            "high": 1 - curve.low[keep],
            "at_risk": curve.at_risk[keep],
        }
    )


def revenue_by_month(
    days: ir.Table, other_money: ir.Table, windows: Windows, *, months: int = 13
) -> Result:
    """Net revenue of identified customers by month, split into first and repeat order dates.

    Columns: month (label), start (date), first_orders, repeat_orders (money), share (repeat of
    all), short_history, partial (True where the month is still running). Months before the data
    are left out.
    """
    money = _money(days, other_money)
    last = Period.month_of(windows.period.end)
    stretches = [last.shifted(-i) for i in range(months - 1, -1, -1)]
    stretches = [p for p in stretches if p.start >= windows.data_from.replace(day=1)]
    columns = {}
    for p in stretches:
        inside = _within(money.order_date, Window(p.start, p.end))
        columns[f"{p.label} all"] = cents(money.amount.sum(where=inside))
        columns[f"{p.label} repeat"] = cents(money.amount.sum(where=inside & money.is_repeat))
    row = money.aggregate(**columns).to_pyarrow().to_pylist()[0]
    rows = []
    for p in stretches:
        total, repeat = float(row[f"{p.label} all"] or 0), float(row[f"{p.label} repeat"] or 0)
        short = _months_between(windows.data_from, p.start) < 12
        share = repeat / total if total > 0 else np.nan
        partial = p.end > windows.seen_until
        rows.append((p.label, p.start, total - repeat, repeat, share, short, partial))
    names = ["month", "start", "first_orders", "repeat_orders", "share", "short_history", "partial"]
    return Result(pd.DataFrame(rows, columns=names))


def totals(days: ir.Table, orders: ir.Table, windows: Windows) -> Result:
    """What the chapters see: customers and money of all history and of the period.

    Records: customers, repeat customers' base and money with `span=history` or `span=period`;
    money is of identified customers, net (after refunds and returns) and gross.
    """
    known = orders.filter(orders.customer_id.notnull())
    now = _within(known.order_date, windows.now)
    sale = known.is_purchase
    money = known.aggregate(
        net_history=cents(known.net_revenue.sum()),
        gross_history=cents(known.net_amount.sum(where=sale)),
        net_period=cents(known.net_revenue.sum(where=now)),
        gross_period=cents(known.net_amount.sum(where=now & sale)),
    )
    inside = _within(days.order_date, windows.now)
    people = days.aggregate(
        customers_history=days.customer_id.nunique(),
        buyers_period=days.customer_id.nunique(where=inside),
        days_history=days.count(),
    )
    every = orders.filter(orders.is_purchase)
    counts = every.aggregate(
        orders_history=every.count(), orders_period=_within(every.order_date, windows.now).sum()
    )
    row = {
        **money.to_pyarrow().to_pylist()[0],
        **people.to_pyarrow().to_pylist()[0],
        **counts.to_pyarrow().to_pylist()[0],
    }
    records = [
        Record("customers", _number(row["customers_history"]), "count", dimensions(span="history")),
        Record("buyers", _number(row["buyers_period"]), "count"),
        Record("orders", _number(row["orders_history"]), "count", dimensions(span="history")),
        Record("orders", _number(row["orders_period"]), "count"),
    ]
    for name in ("net", "gross"):
        for span, where in (("history", dimensions(span="history")), ("period", "")):
            value = _number(row[f"{name}_{span}"])
            records.append(Record(f"{name}_revenue", value, "money", where))
    return Result(pd.DataFrame([row]), tuple(records))


def _number(value: object) -> float:
    return float(value or 0)  # type: ignore[arg-type]


def _within(column: ir.Value, window: Window) -> ir.BooleanValue:
    return column.between(window.start, window.end)


def _days(name: str) -> int:
    return int(name.removeprefix("repurchase_").removesuffix("d"))


def _months_between(first: dt.date, then: dt.date) -> int:
    """Whole months from `first` to `then`; negative if `then` is earlier."""
    months = (then.year - first.year) * 12 + then.month - first.month
    return months - (then.day < first.day)


def _month_label(index: int) -> str:
    return f"{index // 12:04d}-{index % 12 + 1:02d}"
