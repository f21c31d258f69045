"""When each customer is expected to order again, by own rhythm, and how often that was right.

Rhythms come from `stats.rhythm`: the days between order dates, each customer's own drawn towards
everyone's. A prediction is tested on the data themselves: made some months before the period's
end, from what was known then, and held against who came since.
"""

from __future__ import annotations

import datetime as dt
from typing import NamedTuple

import ibis.expr.types as ir
import numpy as np
import pandas as pd

from repurchase.analysis.ratios import cents
from repurchase.reasons import FEW_CAME_BACK, NO_RHYTHM, TOO_SHORT_TO_TEST, reason
from repurchase.records import Record, Result, Unit, dimensions
from repurchase.stats import rhythm
from repurchase.stats.credibility import credible_means
from repurchase.stats.fitting import NotFitted
from repurchase.stats.proportion import Z95, Estimate

YEAR_DAYS = 365
HORIZON_DAYS = 90
# Below this many customers with three order dates a rhythm is that of a few.
FEWEST = 30
FEWEST_CAME = 30
AFTER_FIRST, AFTER_LATER = dimensions(after="first"), dimensions(after="later")
COLUMNS = [
    "customer_id", "due_date", "due_from", "due_until", "typical_gap_days", "elapsed_days",
    "overdue", "returns", "next_date", "next_from", "next_until", "order_margin",
    "expected_margin",
]  # fmt: skip


class Told(NamedTuple):
    """Customers in the order of their ids, and their gaps."""

    ids: pd.Series
    last_date: pd.Series
    gaps: rhythm.Gaps


def _told(summary: ir.Table, day: dt.date) -> Told:
    rows = summary.select(
        "customer_id",
        "last_date",
        "order_days",
        logs=summary.log_gap_sum.cast("float64").fill_null(0.0),
        squares=summary.log_gap_squares.cast("float64").fill_null(0.0),
    )
    frame = rows.order_by("customer_id").to_pandas()
    last = pd.to_datetime(frame["last_date"])
    elapsed = (pd.Timestamp(day) - last).dt.days
    return Told(
        frame["customer_id"],
        last,
        rhythm.gaps(frame["order_days"] - 1, frame["logs"], frame["squares"], elapsed),
    )


def next_purchase(
    summary: ir.Table, days: ir.Table, *, day: dt.date, worth: str | None
) -> Result:
    """One row a customer: when an order is due, when the next one is likely, what it would bring.

    `summary` is the customer summary of `day`, `days` has one row a customer and order date;
    `worth` names the money of an order date ("margin", "revenue", None: not known).
    Columns: customer_id; due_date, due_from, due_until: the date by own rhythm since the last
    order date and its 80 % interval, which may have passed; typical_gap_days; elapsed_days (since
    the last order date); overdue (share of own gaps that had ended by now); returns (probability
    to order within a year); next_date, next_from, next_until: given that there was no order yet,
    the next one if there is one; order_margin (what an order date brings, drawn towards
    everyone's as far as own ones are few; of `worth`; missing where it is None); expected_margin
    (that times the probability to order within a year).
    Dates of customers whose rhythm points beyond a hundred years are missing. Records:
    `typical_gap`, `never_returns` after the first and after later orders. Without a rhythm the
    frame is empty, and the records say why.
    """
    told = _told(summary, day)
    model = _fitted(told.gaps)
    if isinstance(model, str):
        missing = (
            Record("typical_gap", None, "days", status="not_computed", reason=model),
            *(
                Record("never_returns", None, "share", w, status="not_computed", reason=model)
                for w in (AFTER_FIRST, AFTER_LATER)
            ),
        )
        return Result(pd.DataFrame(columns=COLUMNS), missing)
    fresh = rhythm.Gaps(
        told.gaps.ended, told.gaps.mean_log, told.gaps.squares, np.zeros(len(told.gaps))
    )
    due = rhythm.next_purchase(model, fresh)
    later = rhythm.next_purchase(model, told.gaps)
    soon = rhythm.next_purchase(model, told.gaps, horizon=YEAR_DAYS)
    frame = pd.DataFrame(
        {
            "customer_id": told.ids,
            "due_date": _date(told.last_date, due.median),
            "due_from": _date(told.last_date, due.low),
            "due_until": _date(told.last_date, due.high),
            "typical_gap_days": due.median,
            "elapsed_days": told.gaps.elapsed,
            "overdue": rhythm.overdue(model, told.gaps),
            "returns": soon.returns,
            "next_date": _date(told.last_date, later.median),
            "next_from": _date(told.last_date, later.low),
            "next_until": _date(told.last_date, later.high),
            "order_margin": _worth_of_an_order(summary, days, worth),
        }
    )
    frame["expected_margin"] = frame["order_margin"] * frame["returns"]
    return Result(frame, _rhythm_records(model))


def _rhythm_records(model: rhythm.Rhythm) -> tuple[Record, ...]:
    typical, first, later = model.intervals()
    return (
        _record("typical_gap", "days", "", typical, model.customers),
        _record("never_returns", "share", AFTER_FIRST, first, model.customers),
        _record("never_returns", "share", AFTER_LATER, later, model.customers),
    )


def _record(name: str, unit: Unit, where: str, found: Estimate, customers: int) -> Record:
    low, high = (None if np.isnan(bound) else bound for bound in found[1:])
    return Record(name, found.value, unit, where, low=low, high=high, n=float(customers))


def _fitted(gaps: rhythm.Gaps) -> rhythm.Rhythm | str:
    """The rhythm, or why there is none."""
    if int((gaps.ended > 1).sum()) < FEWEST:
        return reason(NO_RHYTHM, fewest=FEWEST)
    try:
        return rhythm.fit_rhythm(gaps)
    except NotFitted:
        return reason(NO_RHYTHM, fewest=FEWEST)


def _date(last: pd.Series, gap: np.ndarray) -> pd.Series:
    """The day that a gap after the last order date ends on; missing beyond a hundred years."""
    whole = np.where(gap < 100 * 365.25, np.ceil(gap), np.nan)
    return last + pd.to_timedelta(whole, unit="D")


def _worth_of_an_order(summary: ir.Table, days: ir.Table, worth: str | None) -> np.ndarray:
    """Mean money of an order date, each customer's own drawn towards that of all."""
    ids = summary.select("customer_id")
    if worth is None:
        return np.full(int(ids.count().execute()), np.nan)
    money = cents(days[f"net_{worth}"])
    known = days[f"net_{worth}"].notnull()
    each = days.group_by("customer_id").aggregate(
        count=known.sum(), total=money.sum(where=known).cast("float64")
    )
    rows = ids.left_join(each, "customer_id").order_by("customer_id")
    found = rows.select("count", "total").to_pandas().fillna(0.0)
    squares = days.aggregate(squares=(money * money).sum(where=known).cast("float64"))
    whole = float(squares.to_pyarrow().to_pylist()[0]["squares"] or 0.0)
    try:
        return credible_means(found["count"], found["total"], whole).means
    except ValueError:  # no amount, or nobody with two
        return np.full(len(found), np.nan)


def tested(
    summary: ir.Table, days: ir.Table, *, cut: dt.date, end: dt.date, data_from: dt.date
) -> Result:
    """How often the 80 % interval held, predicted at `cut` from what was known then.

    `summary` is the customer summary of `cut`, `days` the customer days up to `end`.
    Columns: customers, came, value, low, high (share of those who came within the interval, 95 %),
    expected (customers expected to come), first, last (dates of the test). Records:
    `interval_coverage` (the share, n who came), `came_back` (share of customers who came) and
    `came_back_expected`.
    """
    horizon = (end - cut).days
    if (cut - data_from).days < horizon:
        return _untested(reason(TOO_SHORT_TO_TEST, day=data_from.isoformat(), days=2 * horizon))
    told = _told(summary, cut)
    model = _fitted(told.gaps)
    if isinstance(model, str):
        return _untested(model)
    since = days.filter(days.order_date > cut)
    first = since.group_by("customer_id").aggregate(came=since.order_date.min())
    wanted = summary.select("customer_id").left_join(first, "customer_id")
    came = wanted.order_by("customer_id").select("came").to_pandas()["came"]
    gap = (pd.to_datetime(came) - told.last_date).dt.days.to_numpy(dtype=float)
    if int((~np.isnan(gap)).sum()) < FEWEST_CAME:
        return _untested(reason(FEW_CAME_BACK, fewest=FEWEST_CAME))
    predicted = rhythm.next_purchase(model, told.gaps, horizon=horizon)
    # a gap is a whole number of days: it lies in the interval if its day does
    whole = predicted._replace(low=np.floor(predicted.low), high=np.ceil(predicted.high))
    found = rhythm.measured_coverage(whole, gap)
    # what chance leaves open of the mean, were each probability right
    spread = float(Z95 * np.sqrt((predicted.returns * (1 - predicted.returns)).sum()) / len(gap))
    return _tested(found, spread, len(gap), int((~np.isnan(gap)).sum()), cut, end)


def _untested(why: str) -> Result:
    record = Record("interval_coverage", None, "share", status="not_computed", reason=why)
    return Result(pd.DataFrame(), (record,))


def _tested(
    found: rhythm.Coverage, spread: float, customers: int, came: int, cut: dt.date, end: dt.date
) -> Result:
    inside, share = found.inside, found.came
    frame = pd.DataFrame(
        [
            {
                "customers": customers,
                "came": came,
                **inside._asdict(),
                "expected": found.expected * customers,
                "first": cut + dt.timedelta(days=1),
                "last": end,
            }
        ]
    )
    n = float(customers)
    records = (
        Record(
            "interval_coverage", inside.value, "share", low=inside.low, high=inside.high,
            numerator=round(inside.value * came), n=float(came),
        ),
        Record(
            "came_back", share.value, "share", low=share.low, high=share.high,
            numerator=float(came), n=n,
        ),
        Record(
            "came_back_expected", found.expected, "share",
            low=max(0.0, found.expected - spread), high=min(1.0, found.expected + spread), n=n,
        ),
    )  # fmt: skip
    return Result(frame, records)
