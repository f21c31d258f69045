"""What the review says of a simulated company: each figure that is checked, with its interval.

A later chapter adds an entry to `CHECKED`: what it prints of a company (`estimate`), and the same
counted from a replay (`truth`, a function that gives numerator and denominator by key).
"""

from __future__ import annotations

import datetime as dt
import functools
import gc
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
import pyarrow as pa
from repurchase.analysis import cuts, identification, retention
from repurchase.analysis import findings as found
from repurchase.analysis.windows import Windows, windows_of
from repurchase.context import Context
from repurchase.params import Params, Profile, SourceSpec
from repurchase.period import Period
from repurchase.records import Finding, Record, Result, dimensions
from repurchase.words import Words

from truth.company import EPOCH, STORES_TO_A_CHANNEL, Company, Ints, Lived
from truth.truths import History, Key, Parts, headline, identified, in_places
from truth.truths import Windows as Spans

ACTIVITY_MONTHS = COHORT_MONTHS = 12
LIMIT = 0.03  # of a move of the identified share, as profiles have it without saying
Interval = tuple[float, float, float]
Estimates = dict[Key, Interval]


@dataclass(frozen=True)
class Seen:
    """A life of a company as the model would hand it to the analyses."""

    company: Company
    windows: Windows
    days: ir.Table
    orders: ir.Table
    context: Context

    @property
    def other_money(self) -> ir.Table:
        return self.orders.filter(self.orders.customer_id.notnull() & ~self.orders.is_purchase)

    @functools.cached_property
    def headline(self) -> Result:
        result = retention.headline_figures(
            self.days,
            self.other_money,
            self.windows,
            activity_months=ACTIVITY_MONTHS,
            cohort_months=COHORT_MONTHS,
            targets={},
        )
        return Result(result.frame, result.records, context=self.context)

    @functools.cached_property
    def identified(self) -> Result:
        return identification.identified_shares(self.orders, self.windows)

    @functools.cached_property
    def held(self) -> Result:
        moved = found.identification_change(self.identified, limit=LIMIT)
        return identification.where_identification_held(
            self.orders,
            self.days,
            self.windows,
            limit=LIMIT,
            compare_to=moved.compare_to if moved else "previous",
        )

    @functools.cached_property
    def findings(self) -> tuple[Finding, ...]:
        cohorts = retention.cohorts(self.days, until=self.windows.seen_until)
        return found.retention_findings(self.headline, self.identified, self.held, cohorts)

    @functools.cached_property
    def cuts(self) -> Result:
        return cuts.returning_by_cut(
            cuts.labelled_days(self.days, {}), self.windows, activity_months=ACTIVITY_MONTHS
        )


@dataclass(frozen=True)
class Checked:
    """Figures of one kind: what is printed of a company, and how their truth is counted."""

    name: str
    estimate: Callable[[Seen], Estimates]
    truth: Callable[[Company], Callable[[Lived, Spans], Parts]]


def intervals(records: Iterable[Record]) -> Estimates:
    """The level and every change that was computed, by key."""
    told: Estimates = {}
    for record in records:
        key = (record.metric, record.dimensions, record.compare_to)
        if record.compare_to == "none" and record.low is not None:
            told[key] = (float(record.value), record.low, record.high)  # type: ignore[arg-type]
        elif record.change_low is not None:
            told[key] = (record.change, record.change_low, record.change_high)  # type: ignore[assignment]
    return told


def places_of(company: Company) -> dict[str, Ints]:
    """One store and one channel of a company, by the dimensions that name them."""
    store = company.seed % company.stores
    channel = company.seed % -(-company.stores // STORES_TO_A_CHANNEL)
    stores = np.arange(company.stores)
    return {
        dimensions(store_id=f"S{store:02d}"): np.array([store]),
        dimensions(channel=f"C{channel}"): stores[stores // STORES_TO_A_CHANNEL == channel],
    }


def _of_places(seen: Seen) -> Estimates:
    told = intervals(seen.cuts.records)
    for cut in ("store_id", "channel"):
        known = identification.by_cut(seen.orders, seen.windows, cut=cut)
        told |= intervals(known.records)
        for row in known.frame.dropna(subset="change").to_dict("records"):
            key = ("identified_order_share", dimensions(**{cut: row[cut]}), "previous")
            told[key] = (row["change"], row["change_low"], row["change_high"])
    return {key: value for key, value in told.items() if key[1] in places_of(seen.company)}


CHECKED = (
    Checked("headline", lambda seen: intervals(seen.headline.records), lambda company: headline),
    Checked(
        "identification",
        lambda seen: intervals(seen.identified.records),
        lambda company: identified,
    ),
    Checked("cuts", _of_places, lambda company: in_places(places_of(company))),
)


# ---- from a life to tables ----------------------------------------------------------------------


@functools.cache
def _connection() -> ibis.BaseBackend:
    """A database whose questions are put into SQL once, not once a company."""
    con = ibis.duckdb.connect(threads=1)
    gc.set_threshold(100_000)  # expressions are many small objects, of which none is garbage
    kept: dict[object, str] = {}
    compile_anew = con.compile

    def compile_once(expr: ir.Expr, /, **given: object) -> str:
        key = (expr.op(), *sorted((k, v) for k, v in given.items() if v))
        if key not in kept:
            kept[key] = compile_anew(expr, **given)
        return kept[key]

    con.compile = compile_once
    return con


def windows_for(company: Company) -> Windows:
    return windows_of(
        Period.parse(company.period), country=company.country, data_from=company.data_from
    )


def see(company: Company, lived: Lived) -> Seen:
    """The tables of one life; those of the life that was seen before are gone."""
    con = _connection()
    days = con.create_table("customer_days", customer_days(lived), overwrite=True)
    orders = con.create_table("orders", orders_of(lived), overwrite=True)
    windows = windows_for(company)
    profile = Profile(
        company="x",
        time_zone="UTC",
        currency="CNY",
        country=company.country,
        order_definition="x",
        sources={"orders": (SourceSpec(files="a.csv", columns={}),)},
        identification_limit=LIMIT,
    )
    params = Params("x", profile, Path("."), windows.period)
    context = Context(params, windows.period, windows, Words("en"))
    return Seen(company, windows, days, orders, context)


def customer_days(lived: Lived) -> pa.Table:
    """A row a known customer and order date, columns as in the model."""
    history = History.of(lived)
    shift = 1 << 14
    key = history.customer * shift + history.day
    bought = np.searchsorted(key, lived.customer[lived.known] * shift + lived.day[lived.known])
    cents = np.bincount(bought, lived.cents[lived.known].astype(float), key.size)
    opens = np.r_[True, history.customer[1:] != history.customer[:-1]]
    start = np.maximum.accumulate(np.where(opens, np.arange(key.size), 0))
    before, after = np.r_[0, history.day[:-1]], np.r_[history.day[1:], 0]
    last = np.r_[opens[1:], True]
    money = np.rint(cents).astype(np.int64)
    return pa.table(
        {
            "customer_id": _text(history.customer),
            "order_date": _dates(history.day),
            "orders": pa.array(np.bincount(bought, minlength=key.size).astype(np.int32)),
            "net_revenue": _money(money),
            "net_margin": _money(money * 2 // 5),
            "day_rank": pa.array((np.arange(key.size) - start + 1).astype(np.int32)),
            "first_date": _dates(history.first[history.customer]),
            "previous_date": _dates(before, missing=opens),
            "next_date": _dates(after, missing=last),
            **_places(history.store),
            "rep_id": pa.nulls(key.size, pa.string()),
            "campaign_id": pa.nulls(key.size, pa.string()),
            "discounted": pa.nulls(key.size, pa.bool_()),
        }
    )


def orders_of(lived: Lived) -> pa.Table:
    """A row an order or unlinked return, with and without a known customer."""
    history = History.of(lived)
    shift = 1 << 14
    key = history.customer * shift + history.day
    at = np.searchsorted(key, lived.back_customer * shift + lived.back_day, side="right") - 1
    none = (at < 0) | (history.customer[at] != lived.back_customer) | ~lived.back_known
    sales, returns = lived.day.size, lived.back_day.size
    cents = np.r_[lived.cents, lived.back_cents]
    known = np.r_[lived.known, lived.back_known]
    assigned = np.r_[np.zeros(sales, np.int64), history.day[at]]
    return pa.table(
        {
            "customer_id": _text(np.r_[lived.customer, lived.back_customer], missing=~known),
            "order_date": _dates(np.r_[lived.day, lived.back_day]),
            "is_purchase": pa.array(np.arange(sales + returns) < sales),
            "net_revenue": _money(cents),
            "net_amount": _money(cents),
            "assigned_date": _dates(assigned, missing=np.r_[np.ones(sales, bool), none]),
            **_places(np.r_[lived.store, np.zeros(returns, np.int64)]),
        }
    )


def _places(store: Ints) -> dict[str, pa.Array]:
    names = pd.Series(store).map("S{:02d}".format)
    channels = pd.Series(store // STORES_TO_A_CHANNEL).map("C{}".format)
    return {"store_id": pa.array(names, pa.string()), "channel": pa.array(channels, pa.string())}


def _text(numbers: Ints, missing: np.ndarray | None = None) -> pa.Array:
    return pa.array(numbers, mask=missing).cast(pa.string())


def _dates(days: Ints, missing: np.ndarray | None = None) -> pa.Array:
    since = (EPOCH - dt.date(1970, 1, 1)).days
    return pa.array((days + since).astype(np.int32), pa.int32(), mask=missing).cast(pa.date32())


def _money(cents: Ints) -> pa.Array:
    """Cents as DECIMAL(18,4): two little-endian words of ten-thousandths, the second the sign."""
    words = np.stack([cents * 100, np.where(cents < 0, -1, 0)], axis=1)
    buffer = pa.py_buffer(np.ascontiguousarray(words, dtype="<i8"))
    wide = pa.Decimal128Array.from_buffers(pa.decimal128(18, 4), len(cents), [None, buffer])
    return wide
