"""Where every customer stands on a day: recency, orders and money of the stretch before it.

A stretch is a number of whole months that ends with the day. It is the profile's activity window,
or as much of it as the data hold for the day and for the day it is compared with, so that two days
are never measured with rods of different length.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir

from repurchase.analysis.ratios import cents
from repurchase.analysis.windows import Windows, active_at
from repurchase.reasons import IN_ACTIVITY_WINDOW, NO_MARGIN, NO_MONEY, PART_MARGIN, PARTIAL, reason
from repurchase.records import CompareTo

FEWEST_MONTHS = 3
# Below this share of order dates with a known margin the sum would be of some customers only.
ENOUGH_MARGIN = 0.95
THEN: tuple[CompareTo, ...] = ("previous", "year_ago")


@dataclass(frozen=True)
class Stretch:
    """The days compared, and the months that each is looked back over.

    `days` are the period's last day that the data cover and, where they can be measured with the
    same rod, the ends of the previous period and of the one a year ago; `missing` says why one of
    them cannot be. `before` is the end of the period before the previous one, None if it cannot be
    measured: who left in the previous period is counted from there. `months` is 0 where not even
    three months lie before the period.
    """

    months: int
    days: dict[CompareTo, dt.date]
    missing: dict[CompareTo, str]
    before: dt.date | None = None


def stretch_of(windows: Windows, *, activity_months: int) -> Stretch:
    """The look-back that the data allow: the activity window, or fewer whole months."""
    before = windows.days["previous"].end
    months = next(
        (
            m
            for m in range(activity_months, FEWEST_MONTHS - 1, -1)
            if active_at(before, m).start >= windows.data_from
        ),
        0,
    )
    days: dict[CompareTo, dt.date] = {"none": windows.seen_until}
    missing: dict[CompareTo, str] = {}
    for name in THEN:
        day = windows.days[name].end
        if months and active_at(day, months).start >= windows.data_from:
            days[name] = day
        else:
            missing[name] = reason(
                IN_ACTIVITY_WINDOW,
                day=windows.data_from.isoformat(),
                months=months or activity_months,
            )
    earlier = windows.period.previous().previous().end
    told = bool(months) and active_at(earlier, months).start >= windows.data_from
    return Stretch(months, days, missing, earlier if told else None)


def running(windows: Windows) -> str | None:
    """Why what happened in a period that is still running must be read with care."""
    if not windows.partial:
        return None
    done = (windows.seen_until - windows.period.start).days + 1
    return reason(PARTIAL, done=done, days=windows.period.days)


@dataclass(frozen=True)
class Known:
    """Which money is known, with the reason where it is not; `care` where margin nearly is."""

    revenue: str | None
    margin: str | None
    care: str | None = None

    @property
    def worth(self) -> str:
        """What customers are valued by: margin where it is known, else net revenue."""
        return "revenue" if self.margin else "margin"


def known_money(days: ir.Table) -> Known:
    """Whether revenue and margin can be summed; `days` has one row a customer and order date."""
    row = days.aggregate(
        days=days.count(), revenue=days.net_revenue.count(), margin=days.net_margin.count()
    )
    found = row.to_pyarrow().to_pylist()[0]
    if not found["revenue"]:
        return Known(NO_MONEY, NO_MARGIN)
    if not found["margin"]:
        return Known(None, NO_MARGIN)
    share = found["margin"] / found["revenue"]
    said = reason(PART_MARGIN, share=f"{100 * share:.1f}")
    if share < ENOUGH_MARGIN:
        return Known(None, said)
    return Known(None, None, said if share < 1 else None)


def money_of(days: ir.Table, other_money: ir.Table) -> ir.Table:
    """Money of identified customers by day: what they bought less unlinked returns.

    Columns: customer_id, order_date, revenue, margin (0 where none is known), bought (1 for an
    order date, 0 for another document).
    """
    columns = ("customer_id", "order_date")
    parts = [
        table.select(
            *columns,
            revenue=cents(table.net_revenue),
            margin=cents(table.net_margin),
            bought=ibis.literal(bought, type="int64"),
        )
        for table, bought in ((days, 1), (other_money, 0))
    ]
    return ibis.union(*parts)


def standing(summary: ir.Table, money: ir.Table, day: dt.date, *, months: int) -> ir.Table:
    """One row a customer as of a day.

    `summary` is the customer summary of that day, `money` comes from `money_of`. Columns:
    customer_id, since (days since the last order date), order_days and gap sums (all history),
    recent_days (order dates in the last `months` months), revenue, margin (of those months, 0
    where there is none), active (whether there is an order date in them).
    """
    window = active_at(day, months)
    inside = money.filter(money.order_date.between(window.start, window.end))
    recent = inside.group_by("customer_id").aggregate(
        recent_days=inside.bought.sum(), revenue=inside.revenue.sum(), margin=inside.margin.sum()
    )
    joined = summary.left_join(recent, "customer_id")
    last = joined.last_date.cast("date")
    return joined.select(
        "customer_id",
        "order_days",
        "log_gap_sum",
        "log_gap_squares",
        since=ibis.literal(day).delta(last, unit="day").cast("int64"),
        last_date=last,
        recent_days=joined.recent_days.fill_null(0).cast("int64"),
        revenue=cents(joined.revenue),
        margin=cents(joined.margin),
        active=last >= window.start,
    )
