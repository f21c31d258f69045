"""Does the answer depend on our choices? The same change by a dozen reasonable definitions.

Each definition is asked for the change on a year ago (aligned on the moving feast where one is
near) and on the previous period; each change is paired on the customers and has its own interval.
A definition that counts nothing otherwise than the printed one is named and not counted.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import ibis
import ibis.expr.types as ir
import pandas as pd

from repurchase.analysis.findings import moved
from repurchase.analysis.identification import where_identification_held
from repurchase.analysis.ratios import Pair, Sums, cents, figure_records, flag, sums
from repurchase.analysis.retention import care_for, reasons_for
from repurchase.analysis.windows import ONE_DAY, Windows, year_window
from repurchase.calendar import Window
from repurchase.model.schema import PURCHASE_KINDS
from repurchase.period import add_months
from repurchase.reasons import (
    BEGINS_LATER,
    IN_ACTIVITY_WINDOW,
    MARGIN_UNKNOWN,
    NO_CUSTOMER_KINDS,
    NO_MONEY,
    NO_STORE_DATES,
    NOT_OTHERWISE,
    ONLY_YEAR_AGO,
    reason,
)
from repurchase.records import CompareTo, Record, Result, dimensions
from repurchase.words import N_

METRIC = "returning_buyer_share"
AGREEMENT = "definitions_agreeing"
# What is counted otherwise than in the printed figure, in the order in which they are shown.
DEFINITIONS: Mapping[str, str] = {
    "plain": N_("As printed"),
    "calendar": N_("The other calendar"),
    "whole_weeks": N_("Whole weeks, not the month"),
    "fully_returned": N_("Fully returned orders too"),
    "each_order": N_("Each order, same day too"),
    "activity_window": N_("Earlier order within a year"),
    "identification_held": N_("Where identification held"),
    "comparable_stores": N_("Comparable stores only"),
    "without_promotions": N_("Without promotion days"),
    "without_marketplace": N_("Without the marketplace"),
    "without_largest": N_("Without the largest 1%"),
    "people_only": N_("People, no companies"),
    "repeat_revenue": N_("Revenue instead of buyers"),
    "repeat_margin": N_("Margin instead of buyers"),
}
OF_BUYERS = (
    "plain",
    "whole_weeks",
    "fully_returned",
    "activity_window",
    "comparable_stores",
    "without_promotions",
    "without_marketplace",
    "without_largest",
    "people_only",
)
METRIC_OF: Mapping[str, str] = {
    "each_order": "repeat_order_share",
    "repeat_revenue": "repeat_revenue_share",
    "repeat_margin": "repeat_margin_share",
}
MARKETPLACE = "marketplace"
# Margin may stand for the whole only if it is known for nearly all of it.
KNOWN_MARGIN = 0.99


@dataclass(frozen=True)
class Company:
    """The tables that the definitions ask; None where the company has none.

    `days` are customer days, `other_money` documents of known customers that are no purchase.
    """

    days: ir.Table
    other_money: ir.Table
    orders: ir.Table
    customers: ir.Table | None = None
    stores: ir.Table | None = None


def robustness(
    company: Company,
    windows: Windows,
    figures: Result,
    *,
    activity_months: int,
    identification_limit: float,
    promotion_dates: frozenset[dt.date] = frozenset(),
    count_fully_returned: bool = False,
) -> Result:
    """Change of each definition on a year ago and on the previous period.

    The frame has one row a definition, in the order of `DEFINITIONS`: definition, value, low,
    high, n, `year_*` and `previous_*` (change, low, high: missing where not computed; sound: True
    where both figures are final; reason). Records carry `definition=<id>`. `figures` are the
    headline figures, from which what is printed anyway is taken.
    """
    year = year_window(windows)
    asked = _Asked(company, windows, year, activity_months, promotion_dates, count_fully_returned)
    found = asked.records()
    found["plain"] = _of_figures(figures, METRIC, ("none", "previous", year))
    found["repeat_revenue"] = _of_figures(
        figures, "repeat_revenue_share", ("none", "previous", year)
    )
    found["calendar"] = _calendar(figures, year)
    found["identification_held"] = _held(company, windows, year, identification_limit)
    rows = [_row(name, found[name], year) for name in DEFINITIONS]
    frame = pd.DataFrame(rows)
    records = [
        replace(r, dimensions=dimensions(definition=name)) for name in DEFINITIONS
        for r in found[name]
    ]  # fmt: skip
    return Result(frame, (*records, *_agreement(frame)))


@dataclass(frozen=True)
class _Asked:
    """One question to the engine for all definitions that are sums over customers."""

    company: Company
    windows: Windows
    year: CompareTo
    activity_months: int
    promotion_dates: frozenset[dt.date]
    count_fully_returned: bool

    @property
    def names(self) -> tuple[CompareTo, ...]:
        return ("none", "previous", self.year)

    def records(self) -> dict[str, tuple[Record, ...]]:
        """The records of each definition that is asked here, without its dimension."""
        units = self._units()
        pairs = self._pairs(units)
        found = sums(units, pairs)
        missing = self._missing()
        return {
            name: self._figure(name, found[name], found["plain"], missing.get(name))
            for name in pairs
            if name != "plain"
        }

    def _figure(
        self, name: str, total: Sums, plain: Sums, why: str | None
    ) -> tuple[Record, ...]:
        metric = METRIC_OF.get(name, METRIC)
        if why is None and name in OF_BUYERS and name != "whole_weeks":
            same = all(
                (total.moments[w].a, total.moments[w].b) == (plain.moments[w].a, plain.moments[w].b)
                for w in self.names
            )
            why = NOT_OTHERWISE if same else None
        if why is not None:
            return (Record(metric, None, "share", status="not_computed", reason=why),)
        return figure_records(
            metric,
            total,
            binary=name in OF_BUYERS,
            reasons=self._reasons(name),
            provisional={} if name == "activity_window" else self._care(),
        )

    def _care(self) -> dict[CompareTo, str | None]:
        return care_for(METRIC, self.windows, self.activity_months, 12)

    def _reasons(self, name: str) -> dict[CompareTo, str | None]:
        begin = self.windows.data_from
        found = dict(reasons_for(METRIC, self.windows, self.activity_months, 12))
        for window, stretch in self._stretches(name).items():
            if found[window] is None and stretch.start < begin:
                found[window] = reason(BEGINS_LATER, day=begin.isoformat())
            year_before = add_months(stretch.start, -self.activity_months)
            if name == "activity_window" and found[window] is None and year_before < begin:
                found[window] = reason(
                    IN_ACTIVITY_WINDOW, day=begin.isoformat(), months=self.activity_months
                )
        return found

    def _stretches(self, name: str) -> dict[CompareTo, Window]:
        """The windows of a definition; whole weeks end with the period and are equally long."""
        windows = self.windows
        if name != "whole_weeks":
            return {w: windows.days[w] for w in self.names}
        length = dt.timedelta(days=windows.now.days // 7 * 7)
        end = windows.now.end
        now = Window(end - length + ONE_DAY, end)
        year = dt.timedelta(days=364)
        if self.year == "year_ago_aligned":
            year = windows.now.start - windows.days[self.year].start
        return {
            "none": now,
            "previous": Window(now.start - length, end - length),
            self.year: Window(now.start - year, end - year),
        }

    def _missing(self) -> dict[str, str]:
        """Definitions that the company's tables cannot give, with the reason."""
        found: dict[str, str] = {}
        company = self.company
        if not _told(company.customers, "kind"):
            found["people_only"] = NO_CUSTOMER_KINDS
        if not _told(company.stores, "opened_on"):
            found["comparable_stores"] = NO_STORE_DATES
        money = self._known_money()
        if not money["revenue_days"]:
            found["without_largest"] = NO_MONEY
        if money["margin_days"] < KNOWN_MARGIN * max(money["days"], 1):
            found["repeat_margin"] = MARGIN_UNKNOWN
        return found

    def _known_money(self) -> dict[str, int]:
        days = self.company.days
        inside = days.filter(
            ibis.or_(*(_within(days.order_date, self.windows.days[w]) for w in self.names))
        )
        row = inside.aggregate(
            days=inside.count(),
            revenue_days=inside.net_revenue.count(),
            margin_days=inside.net_margin.count(),
        )
        return {k: int(v or 0) for k, v in row.to_pyarrow().to_pylist()[0].items()}

    def _units(self) -> ir.Table:
        """One row a customer with what each definition needs of him in each window."""
        days = self._marked()
        columns: dict[str, ir.Value] = {"first": days.first_date.min()}
        kept = {
            "plain": ibis.literal(True),
            "comparable_stores": days.comparable,
            "without_promotions": ~days.promoted,
            "without_marketplace": days.channel.fill_null("") != MARKETPLACE,
            "people_only": days.is_person,
        }
        for w in self.names:
            window = self.windows.days[w]
            inside = _within(days.order_date, window)
            for name, condition in kept.items():
                columns[f"{name} {w}"] = (inside & condition).any()
            columns[f"whole_weeks {w}"] = _within(
                days.order_date, self._stretches("whole_weeks")[w]
            ).any()
            # the last order date before the window is the one that precedes its first in it
            earlier = inside & (days.previous_date < window.start)
            columns[f"before {w}"] = days.previous_date.min(where=earlier)
            columns[f"orders {w}"] = days.orders.sum(where=inside).fill_null(0)
            columns[f"starts {w}"] = (inside & (days.day_rank == 1)).any()
            columns[f"paid {w}"] = cents(days.net_revenue.sum(where=inside))
            columns[f"margin {w}"] = cents(days.net_margin.sum(where=inside))
            columns[f"margin again {w}"] = cents(
                days.net_margin.sum(where=inside & (days.day_rank > 1))
            )
        units = days.group_by("customer_id").aggregate(**columns)
        units = self._with_other_margin(units)
        return self._with_largest(self._with_returned(units))

    def _marked(self) -> ir.Table:
        """Customer days of any window with the marks that definitions keep or leave out."""
        days, company = self.company.days, self.company
        stretches = [
            stretch
            for name in ("plain", "whole_weeks")
            for stretch in self._stretches(name).values()
        ]
        days = days.filter(ibis.or_(*(_within(days.order_date, s) for s in stretches)))
        promoted = ibis.literal(False)
        if self.promotion_dates:
            promoted = days.order_date.isin(sorted(self.promotion_dates))
        days = days.mutate(promoted=promoted, comparable=ibis.literal(True), is_person=True)
        if company.stores is not None:
            stores = company.stores
            open_all_along = (stores.opened_on <= self.windows.days[self.year].start) & (
                stores.closed_on.isnull() | (stores.closed_on > self.windows.now.end)
            )
            known = stores.filter(open_all_along).select("store_id", stays=ibis.literal(True))
            days = days.drop("comparable").left_join(known, "store_id")
            days = days.mutate(comparable=days.stays.fill_null(False)).drop(
                "stays", "store_id_right"
            )
        if company.customers is not None:
            people = company.customers
            kinds = people.group_by("customer_id").aggregate(customer_kind=people.kind.max())
            days = days.drop("is_person").left_join(kinds, "customer_id")
            days = days.mutate(is_person=days.customer_kind.fill_null("") != "company").drop(
                "customer_kind", "customer_id_right"
            )
        return days

    def _with_other_margin(self, units: ir.Table) -> ir.Table:
        """Margin of documents that are no purchase counts against the day they belong to."""
        other, days = self.company.other_money, self.company.days
        inside = [_within(other.order_date, self.windows.days[w]) for w in self.names]
        other = other.filter(ibis.or_(*inside))
        first = days.filter(days.day_rank == 1).select("customer_id", "first_date")
        other = other.left_join(first, "customer_id")
        again = (other.assigned_date > other.first_date).fill_null(False)
        columns = {}
        for w in self.names:
            inside = _within(other.order_date, self.windows.days[w])
            columns[f"other {w}"] = cents(other.net_margin.sum(where=inside))
            columns[f"other again {w}"] = cents(other.net_margin.sum(where=inside & again))
        return _joined(units, other.group_by("customer_id").aggregate(**columns))

    def _with_returned(self, units: ir.Table) -> ir.Table:
        """First date and presence by window if fully returned orders counted the other way."""
        orders = self.company.orders
        purchase = orders.kind.isin(PURCHASE_KINDS) & orders.customer_id.notnull()
        full = (orders.refund_amount.fill_null(0) >= orders.net_amount) & (orders.net_amount > 0)
        full = full.fill_null(False)
        if self.count_fully_returned:
            chosen = orders.filter(orders.is_purchase & orders.customer_id.notnull() & ~full)
        else:
            chosen = orders.filter(purchase & full & ~orders.is_purchase)
        columns: dict[str, ir.Value] = {"first otherwise": chosen.order_date.min()}
        for w in self.names:
            columns[f"otherwise {w}"] = _within(chosen.order_date, self.windows.days[w]).any()
        found = chosen.group_by("customer_id").aggregate(**columns)
        days = self.company.days
        first = days.filter(days.day_rank == 1).select("customer_id", ever=days.first_date)
        found = found.left_join(first, "customer_id").drop("customer_id_right")
        both = _joined(units, found)
        return both.mutate(first=ibis.coalesce(both["first"], both.ever)).drop("ever")

    def _with_largest(self, units: ir.Table) -> ir.Table:
        """Whether a buyer is among the window's largest 1 % (one at least) by net revenue."""
        columns = {}
        for w in self.names:
            buyer = flag(units[f"plain {w}"])
            order = [buyer.desc(), units[f"paid {w}"].desc(), units.customer_id]
            place = ibis.row_number().over(order_by=order)
            columns[f"largest {w}"] = (place < buyer.sum().over() * 0.01).fill_null(False)
        return units.mutate(**columns)

    def _pairs(self, units: ir.Table) -> dict[str, dict[CompareTo, Pair]]:
        pairs: dict[str, dict[CompareTo, Pair]] = {}
        for w in self.names:
            start = self.windows.days[w].start
            for name in OF_BUYERS:
                buyer, back = self._buyers(units, name, w, start)
                pairs.setdefault(name, {})[w] = Pair(flag(buyer & back), flag(buyer))
            orders = units[f"orders {w}"].fill_null(0).cast("int64")
            again = orders - flag(units[f"starts {w}"])
            pairs.setdefault("each_order", {})[w] = Pair(again, orders)
            margin, repeat = (
                units[f"{part} {w}"].fill_null(0) + units[f"{other} {w}"].fill_null(0)
                for part, other in (("margin", "other"), ("margin again", "other again"))
            )
            pairs.setdefault("repeat_margin", {})[w] = Pair(cents(repeat), cents(margin))
        return pairs

    def _buyers(
        self, units: ir.Table, name: str, w: CompareTo, start: dt.date
    ) -> tuple[ir.BooleanValue, ir.BooleanValue]:
        """Who is a buyer of the window by a definition, and who of all had bought before it."""
        plain, first = units[f"plain {w}"], units["first"]
        if name == "whole_weeks":
            return units[f"whole_weeks {w}"], first < self._stretches(name)[w].start
        if name == "activity_window":
            return plain, units[f"before {w}"] >= add_months(start, -self.activity_months)
        if name == "without_largest":
            return plain & ~units[f"largest {w}"], first < start
        if name == "fully_returned":
            other = units[f"otherwise {w}"].fill_null(False)
            if self.count_fully_returned:
                return other, units["first otherwise"] < start
            either = plain.fill_null(False) | other
            return either, ibis.least(first, units["first otherwise"]) < start
        return units[f"{name} {w}"], first < start


def _told(table: ir.Table | None, column: str) -> bool:
    """Whether the table is there and the column has any value."""
    return table is not None and bool(table[column].count().to_pyarrow().as_py())


def _joined(units: ir.Table, more: ir.Table) -> ir.Table:
    both = units.join(more, "customer_id", how="outer")
    return both.mutate(
        customer_id=ibis.coalesce(both.customer_id, both.customer_id_right)
    ).drop("customer_id_right")


def _within(column: ir.Value, window: Window) -> ir.BooleanValue:
    return column.between(window.start, window.end)


def _of_figures(
    figures: Result, metric: str, names: tuple[CompareTo, ...]
) -> tuple[Record, ...]:
    """The printed records of a metric, for the comparisons asked."""
    return tuple(
        replace(r, exhibit=None)
        for r in figures.records
        if r.metric == metric and not r.dimensions and r.compare_to in names
    )


def _calendar(figures: Result, year: CompareTo) -> tuple[Record, ...]:
    """A year ago on the other calendar: same weekdays for same dates, or the reverse.

    Its change stands under the comparison it is an alternative to.
    """
    other: CompareTo = "year_ago" if year == "year_ago_aligned" else "year_ago_aligned"
    level = [r for r in _of_figures(figures, METRIC, ("none",))]
    change = [replace(r, compare_to=year) for r in _of_figures(figures, METRIC, (other,))]
    if not change:
        why = level[0].reason if level else NOT_OTHERWISE
        return (Record(METRIC, None, "share", status="not_computed", reason=why or NOT_OTHERWISE),)
    previous = [
        replace(change[0], compare_to="previous", change=None, change_low=None, change_high=None,
                change_method=None, status="not_computed", reason=ONLY_YEAR_AGO)
    ]  # fmt: skip
    return (*level, *previous, *change)


def _held(
    company: Company, windows: Windows, year: CompareTo, limit: float
) -> tuple[Record, ...]:
    """Stores and channels whose identification held, for each comparison on its own cells."""
    found: list[Record] = []
    reasons, care = reasons_for(METRIC, windows, 12, 12), care_for(METRIC, windows, 12, 12)
    names: tuple[CompareTo, ...] = ("previous", year)
    for w in names:
        if reasons["none"] or reasons[w]:
            why = reasons["none"] or reasons[w]
            found.append(Record(METRIC, None, "share", compare_to=w, status="not_computed",
                                reason=why))  # fmt: skip
            continue
        # only the two windows are asked, and a row knows its customer's first date
        orders, days = (
            t.filter(ibis.or_(*(_within(t.order_date, windows.days[x]) for x in ("none", w))))
            for t in (company.orders, company.days)
        )
        result = where_identification_held(orders, days, windows, limit=limit, compare_to=w)
        for record in result.records:
            if record.compare_to == w or record.value is None:
                doubt = care[w] or care["none"]
                if doubt and record.status == "final":
                    record = replace(record, status="provisional", reason=doubt)
                found.append(replace(record, compare_to=w))
    return tuple(found)


def _row(name: str, records: tuple[Record, ...], year: CompareTo) -> dict[str, Any]:
    """One definition's line: its level and both changes, or why they are missing."""
    level = next((r for r in records if r.value is not None), None)
    row: dict[str, Any] = {"definition": name}
    row |= {k: getattr(level, k) if level else None for k in ("value", "low", "high", "n")}
    for side, window in (("year", year), ("previous", "previous")):
        record = next((r for r in records if r.compare_to == window), None) or next(
            (r for r in records if r.value is None), None
        )
        row |= {
            f"{side}_change": record.change if record else None,
            f"{side}_low": record.change_low if record else None,
            f"{side}_high": record.change_high if record else None,
            f"{side}_sound": bool(record and record.change is not None
                                  and record.status == "final"),
            f"{side}_moved": moved(record),
            f"{side}_reason": record.reason if record else None,
        }  # fmt: skip
    return row


def _agreement(frame: pd.DataFrame) -> tuple[Record, ...]:
    """Of the definitions that can be compared, how many point the way of the printed change."""
    found = []
    for side in ("year", "previous"):
        sound = frame[frame[f"{side}_sound"]]
        plain = sound[sound["definition"] == "plain"]
        if plain.empty:
            continue
        way = 1 if float(plain[f"{side}_change"].iloc[0]) > 0 else -1
        same = int((sound[f"{side}_change"].astype(float) * way > 0).sum())
        found.append(
            Record(
                AGREEMENT,
                float(same),
                "count",
                dimensions(against="year_ago" if side == "year" else side),
                n=float(len(sound)),
            )
        )
    return tuple(found)
