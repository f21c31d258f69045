"""How late the data are: from what happened to the day it was loaded, and what that costs.

A delay is counted in days of the company, from the day of the order or event to the day of
loading: 0 is the same day. Rows without a time of loading are counted apart, and so are rows that
were loaded before they happened (a clock or a date is wrong).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from repurchase.analysis.clock import local_day, local_time
from repurchase.analysis.freshness import Source
from repurchase.analysis.ratios import flag
from repurchase.analysis.touches import NO_EVENTS, Touches
from repurchase.analysis.windows import Windows
from repurchase.reasons import FEW_LOADED, NO_LOADED, NO_TOUCHES, NOBODY, NOT_ARRIVED, reason
from repurchase.records import Record, Result, dimensions
from repurchase.stats.arrival import Arrival, Missing, arrival, bounds, missing, quantile
from repurchase.stats.proportion import wilson

WEEKS = 26  # of order dates from which delays are learnt
LONGEST = 60  # days; what takes longer is counted and not waited for
FEWEST = 100  # rows from which a source has a curve of its own; the others share one
AGES = (0, 1, 2, 3, 5, 7, 14, 28)
SHOWN_WEEKS = 4
WHOLE = 0.99  # of a period's orders, to call its figures complete
# A source was off line if so many days in a row at least half of its orders came late.
OUTAGE_DAYS, OUTAGE_ORDERS, OUTAGE_HALF = 3, 10, 0.5
PLACES = ("source_system", "store_id", "channel")


@dataclass(frozen=True)
class Loaded:
    """The rows of a table by source system (""), day and days until they were loaded.

    `frame`: system, day, lag (missing without a time of loading), rows. `last_load` is the last
    day on which any of them was loaded, None if the time is not known of any.
    """

    table: str
    frame: pd.DataFrame
    last_load: dt.date | None

    def within(self, first: dt.date, last: dt.date) -> pd.DataFrame:
        day = self.frame["day"]
        return self.frame[(day >= first) & (day <= last)]


def learnt_from(windows: Windows) -> dt.date:
    """The first day of the window that delays are learnt from: 26 weeks, or the whole period."""
    weeks = windows.seen_until - dt.timedelta(days=7 * WEEKS - 1)
    return min(weeks, windows.now.start)


def loaded(table: str, rows: ir.Table, windows: Windows, *, zone: str) -> Loaded:
    """How long the rows of `orders` or `events` of the last 26 weeks took to be loaded."""
    first, last = learnt_from(windows), windows.seen_until
    date = "order_date" if table == "orders" else "occurred_date"
    inside = rows.filter(rows[date].between(first, last))
    loaded_on = local_day(inside.loaded_at, zone, first, last + dt.timedelta(days=LONGEST))
    system = inside.source_system if table == "orders" else ibis.literal("")
    marked = inside.mutate(
        system=system.fill_null("").cast("string"),
        day=inside[date],
        lag=loaded_on.delta(inside[date], unit="day").cast("int64"),
    )
    counted = marked.group_by("system", "day", "lag").aggregate(rows=marked.count())
    frame = counted.order_by("system", "day", "lag").to_pandas()
    frame["day"] = pd.to_datetime(frame["day"]).dt.date
    known = frame[frame["lag"].notna()]
    last_load = None
    if len(known):
        ends = pd.to_datetime(known["day"]) + pd.to_timedelta(known["lag"].astype(int), unit="D")
        last_load = ends.max().date()
    return Loaded(table, frame, last_load)


# ---- how long it took ----------------------------------------------------------------------


def arrivals(tables: Sequence[Loaded], windows: Windows, *, late_days: int) -> Result:
    """Delays of the period's rows by table, and by source system of the orders.

    Columns: table, system ("" for all), rows, without (a time of loading), backwards, p50, p95,
    worst (days), late, share, low, high: rows loaded after more than `late_days` days, of those
    whose delay is known. Records `arrival_median`, `arrival_p95`, `arrival_worst`,
    `late_arrival_share`.
    """
    rows: list[dict[str, Any]] = []
    records: list[Record] = []
    for one in tables:
        period = one.within(windows.now.start, windows.seen_until)
        systems = [""] + [s for s in sorted(set(period["system"])) if s]
        for system in systems:
            part = period if not system else period[period["system"] == system]
            row = _delays(part, late_days=late_days)
            rows.append({"table": one.table, "system": system, **row})
            records += _delay_records(rows[-1])
    return Result(pd.DataFrame(rows), tuple(records))


def _delays(part: pd.DataFrame, *, late_days: int) -> dict[str, Any]:
    lag, n = part["lag"].to_numpy(dtype=float), part["rows"].to_numpy(dtype=float)
    known = ~np.isnan(lag) & (lag >= 0)
    total, late = n[known].sum(), n[known & (lag > late_days)].sum()
    share, low, high = wilson(late, total) if total else (np.nan,) * 3
    return {
        "rows": n.sum(), "without": n[np.isnan(lag)].sum(), "backwards": n[lag < 0].sum(),
        "p50": quantile(lag[known], n[known], 0.5), "p95": quantile(lag[known], n[known], 0.95),
        "worst": lag[known].max() if total else np.nan,
        "known": total, "late": late, "share": share, "low": low, "high": high,
    }  # fmt: skip


def _delay_records(row: Mapping[str, Any]) -> list[Record]:
    told = {"table": row["table"]} | ({"source_system": row["system"]} if row["system"] else {})
    where, n = dimensions(**told), float(row["known"])
    if not n:
        why = NO_LOADED if row["rows"] else NOBODY
        return [
            Record("late_arrival_share", None, "share", where, n=0, status="not_computed",
                   reason=why)
        ]  # fmt: skip
    found = [
        Record(f"arrival_{name}", float(row[column]), "days", where, n=n)
        for name, column in (("median", "p50"), ("p95", "p95"), ("worst", "worst"))
    ]
    share = Record(
        "late_arrival_share", float(row["share"]), "share", where, low=float(row["low"]),
        high=float(row["high"]), numerator=float(row["late"]), n=n,
    )  # fmt: skip
    return [*found, share]


def by_day(orders: Loaded, *, late_days: int) -> Result:
    """Delays by order date over the last 26 weeks.

    Columns: day, rows, p50, p95, worst, late; days whose delay is not known of any row are left
    out.
    """
    known = orders.frame[orders.frame["lag"].notna() & (orders.frame["lag"] >= 0)]
    rows = [
        {"day": day, **_delays(part, late_days=late_days)} for day, part in known.groupby("day")
    ]
    columns = ["day", "known", "p50", "p95", "worst", "late"]
    return Result(pd.DataFrame(rows, columns=columns).rename(columns={"known": "rows"}))


def outages(orders: ir.Table, windows: Windows, *, zone: str, late_days: int) -> Result:
    """Source systems, stores and channels whose orders came late for several days in a row.

    A day counts if at least half of that day's orders of the place were loaded more than
    `late_days` days later; three such days in a row with ten late orders make an outage. Columns:
    cut, label, first, last (order dates of the longest such run), days, orders (of these days),
    late, worst (days), loaded (the last day of loading); the most late orders first.
    """
    first, last = windows.now.start, windows.seen_until
    inside = orders.filter(orders.order_date.between(first, last) & orders.loaded_at.notnull())
    loaded_on = local_day(inside.loaded_at, zone, first, last + dt.timedelta(days=LONGEST))
    lag = loaded_on.delta(inside.order_date, unit="day")
    marked = inside.mutate(day=inside.order_date, lag=lag.cast("int64"))
    found: list[dict[str, Any]] = []
    for cut in PLACES:
        label = marked[cut].fill_null("").cast("string")
        counted = marked.group_by(label=label, day="day").aggregate(
            orders=marked.count(), late=flag(marked.lag > late_days).sum(), worst=marked.lag.max()
        )
        frame = counted.order_by("label", "day").to_pandas()
        for name, part in frame[frame["label"] != ""].groupby("label"):
            run = _longest_run(part)
            if len(run) >= OUTAGE_DAYS and run["late"].sum() >= OUTAGE_ORDERS:
                found.append({"cut": cut, "label": str(name), **_outage(run)})
    columns = ["cut", "label", "first", "last", "days", "orders", "late", "worst", "loaded"]
    rank = {cut: place for place, cut in enumerate(PLACES)}
    found.sort(key=lambda row: (-row["late"], -rank[row["cut"]], row["label"]))
    return Result(pd.DataFrame(found, columns=columns))


def _longest_run(part: pd.DataFrame) -> pd.DataFrame:
    """The longest stretch of a place's days with orders on which at least half came late."""
    stuck = (part["late"] >= OUTAGE_HALF * part["orders"]).to_numpy()
    run = np.cumsum(~stuck)
    if not stuck.any():
        return part.iloc[:0]
    return part[stuck & (run == np.bincount(run[stuck]).argmax())]


def _outage(run: pd.DataFrame) -> dict[str, Any]:
    days = pd.to_datetime(run["day"])
    loaded_on = days + pd.to_timedelta(run["worst"], unit="D")
    return {
        "first": days.min().date(), "last": days.max().date(), "days": len(run),
        "orders": int(run["orders"].sum()), "late": int(run["late"].sum()),
        "worst": int(run["worst"].max()), "loaded": loaded_on.max().date(),
    }  # fmt: skip


# ---- what is still missing -------------------------------------------------------------------


@dataclass(frozen=True)
class Curve:
    """How fast the orders of a source arrive: "" for all; `days` are those of `to_come`."""

    system: str
    rows: float
    found: Arrival
    to_come: Missing
    days: Sequence[dt.date]
    counted: np.ndarray[Any, np.dtype[np.float64]]


def curves(
    orders: Loaded, windows: Windows, *, draws: int = 1000, seed: int = 1
) -> tuple[Curve, ...]:
    """Of orders of the last 26 weeks, what share arrives within how many days, by source system.

    The first curve is of all orders; those of the systems with at least 100 follow, then one of
    all other orders ("*"). What was loaded by the last day of loading is taken for whole. None if
    fewer than 100 orders have a time of loading.
    """
    frame = orders.frame[orders.frame["lag"].notna()]
    frame = frame[(frame["lag"] >= 0) & (frame["lag"] <= LONGEST)]
    if frame["rows"].sum() < FEWEST or orders.last_load is None:
        return ()
    sizes = frame.groupby("system")["rows"].sum()
    own = [str(s) for s in sizes.index if s and sizes[s] >= FEWEST]
    groups = {"": frame, **{s: frame[frame["system"] == s] for s in own}}
    rest = frame[~frame["system"].isin(own)]
    if own and len(rest):
        groups["*"] = rest
    first, last = orders.frame["day"].min(), windows.seen_until
    days = [first + dt.timedelta(days=i) for i in range((last - first).days + 1)]
    return tuple(
        _curve(system, part, days, orders.last_load, draws=draws, seed=seed + place)
        for place, (system, part) in enumerate(groups.items())
    )


def _curve(
    system: str, part: pd.DataFrame, days: Sequence[dt.date], last_load: dt.date, *,
    draws: int, seed: int,
) -> Curve:  # fmt: skip
    counts = np.zeros((len(days), LONGEST + 1))
    at = np.array([(day - days[0]).days for day in part["day"]])
    counts[at, part["lag"].to_numpy(dtype=int)] += part["rows"].to_numpy(dtype=float)
    # of a day after the last load nothing can be known
    followed = [(last_load - day).days for day in days if day <= last_load]
    seen, after = counts[: len(followed)], len(days) - len(followed)
    found = arrival(seen, followed, draws=draws, seed=seed)
    to_come = missing(seen, followed, found, draws=draws, seed=seed)
    whole = Missing(
        np.pad(to_come.by_day, (0, after), constant_values=np.nan),
        np.pad(to_come.drawn, ((0, 0), (0, after))),
    )
    return Curve(system, float(counts.sum()), found, whole, days, counts.sum(axis=1))


def completeness(found: Sequence[Curve]) -> Result:
    """The curves as a table and records.

    Columns: system ("" all, "*" the others), age (days), share, low, high, rows, horizon. Records
    `arrived_share` by age (and source system), and `days_until_complete`: after how many days
    99 % of a day's orders have arrived.
    """
    if not found:
        why = reason(FEW_LOADED, fewest=FEWEST)
        record = Record("arrived_share", None, "share", status="not_computed", reason=why)
        return Result(pd.DataFrame(columns=_CURVE_COLUMNS), (record,))
    rows, records = [], []
    for curve in found:
        share, low, high, horizon = curve.found
        for age in range(min(horizon, max(AGES)) + 1):
            values = (share[age], low[age], high[age])
            rows.append((curve.system, age, *values, curve.rows, horizon))
            if age in AGES:
                where = {"age": age} | ({"source_system": curve.system} if curve.system else {})
                records.append(
                    Record("arrived_share", float(share[age]), "share", dimensions(**where),
                           low=float(low[age]), high=float(high[age]), n=curve.rows)
                )  # fmt: skip
    whole = int(np.argmax(found[0].found.share >= WHOLE))
    records.append(Record("days_until_complete", float(whole), "days", n=found[0].rows))
    return Result(pd.DataFrame(rows, columns=_CURVE_COLUMNS), tuple(records))


_CURVE_COLUMNS = ["system", "age", "share", "low", "high", "rows", "horizon"]


def last_weeks(found: Sequence[Curve], windows: Windows) -> Result:
    """What the figures of the last weeks still lack, and those of the whole period.

    Columns: first, last, orders (arrived), missing (expected to come), low, high, share (arrived
    of what is expected), untold (days of a source of which too little has arrived to tell; they
    are in no sum). The last row is the period. Records `missing_orders`, by `weeks_ago` or `span`.
    """
    if not found:
        why = reason(FEW_LOADED, fewest=FEWEST)
        record = Record(
            "missing_orders", None, "count", dimensions(span="period"), status="not_computed",
            reason=why,
        )  # fmt: skip
        return Result(pd.DataFrame(columns=_WEEK_COLUMNS), (record,))
    end = windows.seen_until
    spans: list[tuple[dt.date, dt.date, dict[str, object]]]
    spans = [(end - dt.timedelta(days=7 * k + 6), end - dt.timedelta(days=7 * k), {"weeks_ago": k})
             for k in reversed(range(SHOWN_WEEKS))]  # fmt: skip
    spans.append((windows.now.start, end, {"span": "period"}))
    parts = found[1:] if len(found) > 1 else found
    rows, records = [], []
    for first, last, where in spans:
        rows.append(_missing_between(parts, first, last))
        records.append(_missing_record(rows[-1], dimensions(**where)))
    return Result(pd.DataFrame(rows, columns=_WEEK_COLUMNS), tuple(records))


_WEEK_COLUMNS = ["first", "last", "orders", "missing", "low", "high", "share", "untold"]


def _missing_between(parts: Iterable[Curve], first: dt.date, last: dt.date) -> dict[str, Any]:
    orders, expected, untold = 0.0, 0.0, 0
    drawn: Any = 0.0
    for curve in parts:
        inside = np.array([first <= day <= last for day in curve.days], dtype=bool)
        orders += float(curve.counted[inside].sum())
        expected += float(np.nansum(curve.to_come.by_day[inside]))
        untold += int(np.isnan(curve.to_come.by_day[inside]).sum())
        drawn = drawn + curve.to_come.drawn[:, inside].sum(axis=1)
    low, high = bounds(expected, drawn)
    share = orders / (orders + expected) if orders + expected else np.nan
    return {
        "first": first, "last": last, "orders": orders, "missing": expected, "low": low,
        "high": high, "share": share, "untold": untold,
    }  # fmt: skip


def _missing_record(row: Mapping[str, Any], where: str) -> Record:
    why = reason(NOT_ARRIVED, days=row["untold"]) if row["untold"] else None
    return Record(
        "missing_orders", float(row["missing"]), "count", where, low=float(row["low"]),
        high=float(row["high"]), n=float(row["orders"]),
        status="provisional" if why else "final", reason=why,
    )  # fmt: skip


# ---- what was sent without knowing -----------------------------------------------------------


def stale_touches(
    touches: Touches | None, orders: ir.Table | None, windows: Windows, *, zone: str
) -> Result:
    """Contacts of the period with a customer whose order had happened and was not loaded yet.

    Stale is a contact at a time after an order of that customer and before its loading. Where the
    orders have no time of day, an order has happened at the end of its day. Columns: cut ("all",
    "channel", "source_system"), label, touches, stale, share, low, high; by source system of the
    order the number of touches is that of all. Records `stale_touch_share` (all, and by channel).
    None stands for no events, and for orders without a time of loading.
    """
    if touches is None or orders is None:
        why = NO_LOADED if touches else NO_EVENTS
        record = Record("stale_touch_share", None, "share", status="not_computed", reason=why)
        return Result(pd.DataFrame(columns=_STALE_COLUMNS), (record,))
    now = windows.now
    sent = touches.between(now.start, windows.seen_until)
    bought = orders.filter(orders.is_purchase & orders.customer_id.notnull())
    bought = bought.filter(
        bought.loaded_at.notnull()
        & (bought.order_date <= windows.seen_until)
        & (bought.loaded_at >= ibis.timestamp(_before(now.start)))
    )
    happened = bought.ordered_at
    if not _has_times(bought, windows, zone):
        happened = bought.ordered_at + ibis.interval(days=1)
    late = bought.select(
        "customer_id", "loaded_at", happened=happened,
        system=bought.source_system.fill_null("").cast("string"),
    )  # fmt: skip
    contacts = sent.select("event_id", "customer_id", "touched_at", "channel")
    pairs = contacts.inner_join(late, "customer_id")
    blind = pairs.filter(
        (pairs.happened < pairs.touched_at) & (pairs.touched_at < pairs.loaded_at)
    )
    hit = blind.group_by("event_id", "channel").aggregate(system=blind.system.min())
    total = contacts.group_by("channel").aggregate(touches=contacts.count()).to_pandas()
    stale = hit.group_by("channel", "system").aggregate(stale=hit.count()).to_pandas()
    return _stale_result(total, stale)


def _before(day: dt.date) -> dt.datetime:
    """A UTC time that lies before that day in every zone."""
    return dt.datetime.combine(day - dt.timedelta(days=1), dt.time())


def _has_times(orders: ir.Table, windows: Windows, zone: str) -> bool:
    """Whether the orders tell their time of day, not only their day."""
    local = local_time(orders.ordered_at, zone, windows.data_from, windows.seen_until)
    timed = (local != local.truncate("D")).any()
    return bool(orders.aggregate(timed=timed).to_pyarrow().to_pylist()[0]["timed"])


def _stale_result(total: pd.DataFrame, stale: pd.DataFrame) -> Result:
    n = int(total["touches"].sum())
    where = "stale_touch_share"
    if not n:
        record = Record(where, None, "share", n=0, status="not_computed", reason=NO_TOUCHES)
        return Result(pd.DataFrame(columns=_STALE_COLUMNS), (record,))
    by_channel = stale.groupby("channel")["stale"].sum()
    rows: list[tuple[str, str, int, int]] = [("all", "", n, int(stale["stale"].sum()))]
    ranked = total.sort_values(["touches", "channel"], ascending=[False, True])
    for row in ranked.to_dict("records"):
        channel = str(row["channel"])
        rows.append(("channel", channel, int(row["touches"]), int(by_channel.get(channel, 0))))
    systems = stale.groupby("system")["stale"].sum().sort_values(ascending=False, kind="stable")
    rows += [("source_system", str(s), n, int(k)) for s, k in systems.items() if s]
    shares = [(cut, label, m, k, *wilson(k, m)) for cut, label, m, k in rows]
    records = tuple(
        Record(where, value, "share", dimensions(channel=label) if label else "", low=low,
               high=high, numerator=float(k), n=float(m))
        for cut, label, m, k, value, low, high in shares if cut != "source_system"
    )  # fmt: skip
    return Result(pd.DataFrame(shares, columns=_STALE_COLUMNS), records)


_STALE_COLUMNS = ["cut", "label", "touches", "stale", "share", "low", "high"]


# ---- freshness -------------------------------------------------------------------------------


def freshness(found: Iterable[Source]) -> Result:
    """How old each source's newest row is, the oldest against its limit first.

    Columns: table, system, last, days, limit, pause, stale, unusual, given_up (see
    `analysis.freshness.Source`). Record `source_age`, by table and source system.
    """
    ranked = sorted(found, key=lambda s: (-s.days / s.limit, s.table, s.system))
    frame = pd.DataFrame(
        [[getattr(s, c) for c in _SOURCE_COLUMNS] for s in ranked], columns=_SOURCE_COLUMNS
    )
    records = tuple(
        Record("source_age", float(s.days), "days", dimensions(**_source_place(s))) for s in ranked
    )
    return Result(frame, records)


_SOURCE_COLUMNS = [
    "table", "system", "last", "days", "limit", "pause", "stale", "unusual", "given_up"
]  # fmt: skip


def _source_place(source: Source) -> dict[str, str]:
    return {"table": source.table} | ({"source_system": source.system} if source.system else {})
