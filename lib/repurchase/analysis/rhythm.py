"""How much time lies between order dates, and which rhythm customers keep."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from repurchase.analysis.ratios import FEWEST_UNITS, flag
from repurchase.analysis.windows import ONE_DAY, Windows, active_at
from repurchase.period import add_months
from repurchase.reasons import FEW_CAME_BACK, NO_CATEGORY, NO_RHYTHM, NO_TABLE, reason
from repurchase.records import Record, Result, dimensions
from repurchase.stats.gaps import returned_quantiles, sample_quantile
from repurchase.stats.survival import kaplan_meier

RANKS = (1, 2, 3, 4, 5, 6)
QUANTILES = {"p10": 0.1, "median": 0.5, "p90": 0.9}
LONGEST = 365
HISTORY_MONTHS = 24
FEWEST_GAPS = 2


def gaps(days: ir.Table, windows: Windows, *, seed: int = 1) -> Result:
    """Days from the n-th order date to the next, of those who come back within a year.

    Kaplan-Meier over the n-th order dates of the last two years, censored at the period's end; a
    shorter history is followed for as long as thirty customers could be (`horizon`). Each customer
    counts once a rank. Columns: rank, customers (n-th order dates), back (of them seen to return
    within the horizon), horizon (days), returning (share back within it), p10, median, p90 (days
    by which that share of those who return is back), each with _low and _high. Missing where
    fewer than thirty were seen to return. Records `order_gap_median`, `_p10`, `_p90` by rank.
    """
    end = windows.seen_until
    start = max(add_months(end, -HISTORY_MONTHS) + ONE_DAY, windows.data_from)
    kept = days.filter(days.order_date.between(start, end) & (days.day_rank <= max(RANKS)))
    back = kept.next_date.notnull()
    until = ibis.cases((back, kept.next_date), else_=ibis.literal(end))
    kept = kept.mutate(day=until.delta(kept.order_date, unit="day"), event=flag(back))
    counted = kept.group_by(rank=kept.day_rank, day=kept.day).aggregate(
        events=kept.event.sum(), units=kept.count()
    )
    found = counted.order_by("rank", "day").to_pandas()
    rows: list[dict[str, Any]] = []
    records: list[Record] = []
    for rank in RANKS:
        part = found[found["rank"] == rank].astype("float64")
        row = _gap_row(rank, part, seed)
        rows.append(row)
        records += _gap_records(row)
    return Result(pd.DataFrame(rows), tuple(records))


def _gap_row(rank: int, part: pd.DataFrame, seed: int) -> dict[str, Any]:
    counts = part["day"], part["events"], part["units"] - part["events"]
    curve = kaplan_meier(*counts)
    horizon = followed_for(part)
    seen = float(part.loc[part["day"] <= horizon, "events"].sum())
    row: dict[str, Any] = {"rank": rank, "customers": float(part["units"].sum()), "back": seen}
    row |= {"horizon": horizon, "returning": 1 - curve.at(horizon) if len(part) else np.nan}
    enough = seen >= FEWEST_UNITS
    found = (
        returned_quantiles(*counts, horizon=horizon, shares=[*QUANTILES.values()], seed=seed)
        if enough
        else []
    )
    for i, name in enumerate(QUANTILES):
        value, low, high = found[i] if found else (np.nan, np.nan, np.nan)
        row |= {name: value, f"{name}_low": low, f"{name}_high": high}
    return row


def followed_for(part: pd.DataFrame) -> int:
    """The longest time up to a year for which thirty units could be followed."""
    day, units = part["day"].to_numpy(), part["units"].to_numpy()
    waited = np.cumsum(units[::-1])[::-1]
    long_enough = day[waited >= FEWEST_UNITS]
    return int(min(LONGEST, long_enough.max())) if len(long_enough) else 0


def _gap_records(row: dict[str, Any]) -> list[Record]:
    where = dimensions(rank=row["rank"])
    made = []
    for name in QUANTILES:
        known = not np.isnan(row[name])
        made.append(
            Record(
                f"order_gap_{name}",
                row[name] if known else None,
                "days",
                where,
                low=row[f"{name}_low"] if known else None,
                high=row[f"{name}_high"] if known else None,
                numerator=row["back"],
                n=row["customers"],
                status="final" if known else "not_computed",
                reason=None if known else reason(FEW_CAME_BACK, fewest=FEWEST_UNITS),
            )
        )
    return made


# ---- each customer's own rhythm -------------------------------------------------------------


def own_rhythms(
    days: ir.Table, windows: Windows, *, activity_months: int, factor: float
) -> pd.DataFrame:
    """How many customers keep which rhythm, and who has been silent for too long for his own.

    A customer is in it with an order date within the activity window of the period's end (`now`)
    or of the same period's end a year ago (`then`). Columns: cycle (whole days, the customer's
    median gap up to now; missing with fewer than two gaps), now, then (whether a customer with a
    rhythm at that time), few (a customer now without one), now_over, then_over (silent for longer
    than `factor` times the median gap up to that time), came_back (whether the customer has ordered
    since a year ago), customers.

    The median of the gaps is taken in the engine: one pass over the order dates.
    """
    gap = days.order_date.delta(days.previous_date, unit="day")
    ends: dict[str, dt.date] = {"now": windows.seen_until, "then": windows.seen("year_ago").end}
    columns: dict[str, ir.Scalar] = {}
    for name, end in ends.items():
        seen = days.order_date <= end
        columns[f"{name}_gaps"] = days.previous_date.count(where=seen)
        columns[f"{name}_median"] = gap.median(where=seen)
        columns[f"{name}_last"] = days.order_date.max(where=seen)
    units = days.group_by("customer_id").aggregate(**columns)
    kept: dict[str, ir.Value] = {}
    for name, end in ends.items():
        active = _active(units, name, end, activity_months)
        rhythm = active & (units[f"{name}_gaps"] >= FEWEST_GAPS)
        silent = ibis.literal(end).delta(units[f"{name}_last"], unit="day")
        kept[name] = flag(rhythm)
        kept[f"{name}_over"] = flag(rhythm & (silent > units[f"{name}_median"] * factor))
    few = _active(units, "now", ends["now"], activity_months) & (units.now_gaps < FEWEST_GAPS)
    came_back = flag(units.now_last > ends["then"])
    cycle = (units.now_median + 0.5).floor().cast("int64")  # half up on each engine
    marked = units.select(cycle=ibis.cases((units.now_gaps >= FEWEST_GAPS, cycle)),
                          few=flag(few), came_back=came_back, **kept)  # fmt: skip
    keys = ["cycle", "few", "now", "now_over", "then", "then_over", "came_back"]
    counted = marked.group_by(keys).aggregate(customers=marked.count())
    return counted.order_by(keys).to_pandas().astype("float64")


def _active(units: ir.Table, name: str, end: dt.date, activity_months: int) -> ir.BooleanValue:
    """Whether the last order date by `end` lies within the activity window."""
    return (units[f"{name}_last"] >= active_at(end, activity_months).start).fill_null(False)


def typical_cycle(rhythms: pd.DataFrame) -> Result:
    """The rhythm of customers with at least three order dates: their own median gaps, in days.

    One value a customer. Columns: cycle (days), customers. Records `typical_cycle` (median) and
    with `share=10%` and `share=90%` the outer tenths, each with its order-statistic interval.
    """
    known = rhythms[rhythms["now"] == 1]
    counted = known.groupby("cycle")["customers"].sum()
    n = float(counted.sum())
    if n < FEWEST_UNITS:
        why = reason(NO_RHYTHM, fewest=FEWEST_UNITS)
        missing = Record("typical_cycle", None, "days", n=n, status="not_computed", reason=why)
        return Result(counted.reset_index(), (missing,))
    records = []
    for name, share in QUANTILES.items():
        found = sample_quantile(counted.index, counted, share)
        where = "" if name == "median" else dimensions(quantile=name)
        records.append(
            Record("typical_cycle", found.value, "days", where, low=found.low, high=found.high, n=n)
        )
    return Result(counted.reset_index(), tuple(records))


# ---- categories ------------------------------------------------------------------------------


_CATEGORY = [
    "category", "waits", "back", "horizon", "returning", "median", "median_low", "median_high",
    "expected",
]  # fmt: skip


def category_cycles(
    lines: ir.Table, orders: ir.Table, products: ir.Table, windows: Windows, *, seed: int = 1,
) -> Result:  # fmt: skip
    """Days from a purchase in a category to the same customer's next in it, against the plan.

    Each pair of order dates in the last two years counts, open waits for as long as they last
    (Kaplan-Meier, of those who return to the category within the horizon). A customer may count
    with several waits, so the interval is a little too narrow where they are many. Columns:
    category, waits, back, horizon, returning, median, median_low, median_high, expected (the
    products' expected_cycle_days, the median over the category's products; missing if none).
    """
    end = windows.seen_until
    start = max(add_months(end, -HISTORY_MONTHS) + ONE_DAY, windows.data_from)
    named = products.filter(products.category.notnull()).select(
        "product_id", "category", "expected_cycle_days"
    )
    bought = orders.filter(
        orders.is_purchase
        & orders.customer_id.notnull()
        & orders.order_date.between(start, end)
    ).select("order_id", "customer_id", "order_date")
    dates = (
        lines.select("order_id", "product_id")
        .join(bought, "order_id")
        .join(named, "product_id")
        .select("customer_id", "category", "order_date")
        .distinct()
    )
    own = ibis.window(group_by=["customer_id", "category"], order_by="order_date")
    following = dates.mutate(following=dates.order_date.lead().over(own))
    back = following.following.notnull()
    until = ibis.cases((back, following.following), else_=ibis.literal(end))
    waits = following.mutate(day=until.delta(following.order_date, unit="day"), event=flag(back))
    counted = waits.group_by("category", "day").aggregate(
        events=waits.event.sum(), units=waits.count()
    )
    found = counted.order_by("category", "day").to_pandas()
    plan = named.group_by("category").aggregate(expected=named.expected_cycle_days.median())
    expected = plan.to_pandas().set_index("category")["expected"]
    rows, records = [], []
    for category, part in found.groupby("category", sort=True):
        part = part.astype({"day": "float64", "events": "float64", "units": "float64"})
        row = _gap_row(0, part, seed)
        kept = {k: row[k] for k in ("back", "horizon", "returning")}
        kept |= {k: row[k] for k in ("median", "median_low", "median_high")}
        planned = float(expected.get(category, np.nan))
        rows.append({"category": str(category), "waits": row["customers"], **kept,
                     "expected": planned})  # fmt: skip
        (_, median, _) = _gap_records(row)
        records.append(_of_category(median, str(category)))
    if not rows:
        return no_categories()
    frame = pd.DataFrame(rows, columns=_CATEGORY).sort_values(
        ["waits", "category"], ascending=[False, True], ignore_index=True
    )
    return Result(frame, tuple(records))


def no_categories(table: str | None = None) -> Result:
    """What stands where no source, or no product, tells of categories."""
    why = reason(NO_TABLE, table=table) if table else NO_CATEGORY
    where = dimensions(cut="category")
    record = Record("order_gap_median", None, "days", where, status="not_computed", reason=why)
    return Result(pd.DataFrame(columns=_CATEGORY), (record,))


def _of_category(record: Record, category: str) -> Record:
    return replace(record, dimensions=dimensions(category=category))

