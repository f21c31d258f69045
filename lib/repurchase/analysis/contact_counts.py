"""Who is contacted too often, too seldom, on two channels at once, or too late: complete counts.

Counts against the profile's own limits are facts and need no interval. SOURCES rows 21 and 22.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from repurchase.analysis.ratios import flag
from repurchase.analysis.touches import NO_EVENTS, Touches
from repurchase.analysis.windows import ONE_DAY, Windows, active_at
from repurchase.params import FunnelRules
from repurchase.period import Period
from repurchase.reasons import NO_LIST_PERIOD, NO_TABLE, NO_TOUCHES, reason
from repurchase.records import Record, Result

DAYS = 30
FACTS = (
    "over_contacted", "forgotten", "forgotten_due", "two_channels", "touched_after_order",
    "listed_after_order",
)  # fmt: skip


@dataclass(frozen=True)
class Book:
    """What the counts are made from, beside the touches.

    `summaries` are customer summaries at the end of the period and of the previous one; `days` has
    one row a customer and order date; `unreachable` one row (customer_id) a customer who refuses
    every channel; `due` one a customer who is due at the period's end, or why nobody can say;
    `listed` what came back of the lists: customer_id, list_period, contacted_on (None: no source).
    """

    summaries: tuple[ir.Table, ir.Table]
    days: ir.Table
    due: ir.Table | str
    unreachable: ir.Table | None = None
    listed: ir.Table | None = None


def counts(
    touches: Touches | None, book: Book, windows: Windows, rules: FunnelRules, *,
    activity_months: int,
) -> Result:  # fmt: skip
    """Who was contacted too often, too seldom, twice at once or too late; complete counts.

    Columns: fact (see FACTS), value, n (of how many), share, previous (the value a period
    earlier), change, missing (the reason where it is not computed, else "").

    over_contacted: customers with more than `touch_limit` touches in the 30 days up to the
    period's end, of those touched in them. forgotten: active customers (an order date within the
    activity window, and not refusing every channel) without a touch in the last `forgotten_days`;
    forgotten_due: those of them who are due. two_channels: customers touched in the period within
    `channel_gap_days` of a touch on another channel, of those touched in it. touched_after_order:
    touches of a campaign in the period that went out within `after_order_days` after an order
    date, of all of its campaigns' touches; an order on the day itself may have come after.
    listed_after_order: customers contacted from a list in the period who had ordered since the
    list was drawn up, of those so contacted. Records: one a fact, and its change on the previous
    period.
    """
    if touches is None or touches.begins is None:
        why = NO_EVENTS if touches is None else NO_TOUCHES
        missing = tuple(
            Record(fact, None, "count", status="not_computed", reason=why) for fact in FACTS
        )
        return Result(pd.DataFrame(), missing)
    period = windows.period
    end = windows.seen_until
    now = _facts_of(touches, book, book.summaries[0], period, end, rules, activity_months)
    before = period.previous()
    then = _facts_of(touches, book, book.summaries[1], before, before.end, rules, activity_months)
    rows, records = [], []
    for fact in FACTS:
        row, made = _fact(fact, now[fact], then[fact])
        rows.append(row)
        records += made
    columns = ["fact", "value", "n", "share", "previous", "change", "missing"]
    return Result(pd.DataFrame(rows, columns=columns), tuple(records))


def _fact(
    fact: str, now: tuple[float, float] | str, then: tuple[float, float] | str
) -> tuple[tuple[Any, ...], list[Record]]:
    if isinstance(now, str):
        record = Record(fact, None, "count", status="not_computed", reason=now)
        return (fact, np.nan, np.nan, np.nan, np.nan, np.nan, now), [record]
    value, n = now
    records = [Record(fact, value, "count", n=n)]
    share = value / n if n else np.nan
    if isinstance(then, str):
        if fact != "forgotten_due":
            records.append(
                Record(fact, value, "count", n=n, compare_to="previous", status="not_computed",
                       reason=then)
            )  # fmt: skip
        return (fact, value, n, share, np.nan, np.nan, ""), records
    records.append(
        Record(fact, value, "count", n=n, compare_to="previous", change=value - then[0])
    )
    return (fact, value, n, share, then[0], value - then[0], ""), records


def _facts_of(
    touches: Touches, book: Book, summary: ir.Table, period: Period, end: dt.date,
    rules: FunnelRules, months: int,
) -> dict[str, tuple[float, float] | str]:  # fmt: skip
    """(value, n) of each fact, or why it cannot be told."""
    found: dict[str, tuple[float, float] | str] = {}
    first = end - (DAYS - 1) * ONE_DAY
    found["over_contacted"] = touches.missing_before(first) or _over(touches, first, end, rules)
    since = end - (rules.forgotten_days - 1) * ONE_DAY
    idle = touches.missing_before(since)
    both = (idle, idle) if idle else _forgotten(touches, book, summary, since, end, months)
    found["forgotten"], found["forgotten_due"] = both
    start = touches.missing_before(period.start)
    found["two_channels"] = start or _two_channels(touches, period.start, end, rules)
    late = start or _after_order(touches, book.days, period.start, end, rules)
    found["touched_after_order"] = late
    found["listed_after_order"] = _listed_after_order(book, period, end)
    return found


def _one(table: ir.Table, **columns: ir.Scalar) -> dict[str, float]:
    row = table.aggregate(**columns).to_pyarrow().to_pylist()[0]
    return {name: float(value or 0) for name, value in row.items()}


def _over(
    touches: Touches, first: dt.date, last: dt.date, rules: FunnelRules
) -> tuple[float, float]:
    seen = touches.between(first, last)
    each = seen.group_by("customer_id").aggregate(dose=seen.count())
    row = _one(each, n=each.count(), over=flag(each.dose > rules.touch_limit).sum())
    return row["over"], row["n"]


def _forgotten(
    touches: Touches, book: Book, summary: ir.Table, since: dt.date, end: dt.date, months: int
) -> tuple[tuple[float, float], tuple[float, float] | str]:
    window = active_at(end, months)
    active = summary.filter(summary.last_date.between(window.start, window.end))
    active = active.select("customer_id")
    if book.unreachable is not None:
        active = active.anti_join(book.unreachable, "customer_id")
    idle = active.anti_join(touches.between(since, end), "customer_id")
    n, value = (_one(table, n=table.count())["n"] for table in (active, idle))
    if isinstance(book.due, str):
        return (value, n), book.due
    due = idle.semi_join(book.due, "customer_id")
    return (value, n), (_one(due, n=due.count())["n"], value)


def _two_channels(
    touches: Touches, first: dt.date, last: dt.date, rules: FunnelRules
) -> tuple[float, float]:
    """Of two neighbours in time on different channels the later one counts."""
    seen = touches.between(first - rules.channel_gap_days * ONE_DAY, last)
    mine = ibis.window(group_by="customer_id", order_by=["touched_at", "event_id"])
    told = seen.select(
        "customer_id", "touched_on", "channel",
        before=seen.channel.lag().over(mine), before_on=seen.touched_on.lag().over(mine),
    )  # fmt: skip
    inside = told.filter(told.touched_on >= first)
    gap = inside.before_on + ibis.interval(days=rules.channel_gap_days) >= inside.touched_on
    hit = flag((inside.before != inside.channel) & gap)
    each = inside.group_by("customer_id").aggregate(hit=hit.max())
    row = _one(each, n=each.count(), hit=each.hit.sum())
    return row["hit"], row["n"]


def _after_order(
    touches: Touches, days: ir.Table, first: dt.date, last: dt.date, rules: FunnelRules
) -> tuple[float, float]:
    """The last order date before the touch decides, so that no touch counts twice."""
    seen = touches.between(first, last)
    sent = seen.filter(seen.campaign_id.notnull()).select("event_id", "customer_id", "touched_on")
    reach = ibis.interval(days=rules.after_order_days)
    near = days.filter(days.order_date >= first - rules.after_order_days * ONE_DAY)
    near = near.select("customer_id", "order_date", until=near.order_date + reach)
    joined = sent.inner_join(
        near,
        [
            sent.customer_id == near.customer_id,
            near.order_date < sent.touched_on,
            near.until >= sent.touched_on,
        ],
    )
    late = joined.select("event_id").distinct()
    return _one(late, n=late.count())["n"], _one(sent, n=sent.count())["n"]


def _listed_after_order(book: Book, period: Period, end: dt.date) -> tuple[float, float] | str:
    """Lists of a period are drawn up at its end and worked off in the next one."""
    if book.listed is None:
        return reason(NO_TABLE, table="list_results")
    drawn = period.previous()
    rows = book.listed
    mine = rows.filter((rows.list_period == drawn.label) & rows.contacted_on.notnull())
    asked = mine.group_by("customer_id").aggregate(contacted_on=mine.contacted_on.min())
    asked = asked.filter(asked.contacted_on.between(period.start, end))
    since = book.days.filter(book.days.order_date > drawn.end).select("customer_id", "order_date")
    ordered = since.group_by("customer_id").aggregate(order_date=since.order_date.min())
    came = asked.inner_join(ordered, "customer_id")
    came = came.filter(came.order_date < came.contacted_on)
    n = _one(asked, n=asked.count())["n"]
    return (_one(came, n=came.count())["n"], n) if n else NO_LIST_PERIOD
