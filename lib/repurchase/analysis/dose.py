"""Contacts in 30 days, and what customers did in the 30 days after: an observation, no effect.

Whoever buys much is written to much. So the dose comes first and the outcome after, and customers
are compared with customers who were alike before the dose; what they differ in beside that stays.
The effect of contact is told only where chance decided who was contacted
(`analysis.contact_tests`). SOURCES row 21.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from repurchase.analysis.contact_counts import DAYS
from repurchase.analysis.judging import judged
from repurchase.analysis.ratios import flag
from repurchase.analysis.touches import NO_EVENTS, Touches
from repurchase.analysis.windows import ONE_DAY, Windows, active_at
from repurchase.params import FunnelRules
from repurchase.reasons import NOBODY
from repurchase.records import Record, Result, dimensions
from repurchase.stats.proportion import wilson
from repurchase.stats.stratified import Stratum, mantel_haenszel

FEWEST = 30
OUTCOMES = ("repurchase", "opt_out")
# Days since the last order date, and order dates, before the dose.
RECENCY, FREQUENCY = (30, 90, 180), (1, 3, 7, 15)


def doses(limit: int) -> tuple[tuple[int, int | None], ...]:
    """The ranges of touches that are told apart; the last one lies beyond the limit.

    >>> doses(12)
    ((0, 0), (1, 1), (2, 3), (4, 6), (7, 12), (13, None))
    >>> doses(3)
    ((0, 0), (1, 1), (2, 3), (4, None))
    """
    tops = [top for top in (0, 1, 3, 6) if top < limit] + [limit]
    starts = [0, *(top + 1 for top in tops)]
    return (*zip(starts, tops, strict=False), (limit + 1, None))


def dose_response(
    touches: Touches | None, summary: ir.Table, days: ir.Table, windows: Windows,
    rules: FunnelRules, *, activity_months: int,
) -> Result:  # fmt: skip
    """Contacts in 30 days, and what came in the 30 days after them, by how many there were.

    The outcome's days end with the data of the period; the contacts' 30 days end where they begin,
    and who is alike is told from what was known before those (`summary` is the customer summary of
    that day, see `day_before_dose`): days since the last order date (up to 30, 90, 180 and more)
    by number of order dates (1, 2 or 3, 4 to 7, 8 to 15, more). Only customers active on that day.

    Columns: low, high (contacts; high missing: no upper end), customers, reference (flag), and for
    each of repurchase (an order date) and opt_out (a request for no more): `_count`, `_value`,
    `_low`, `_high` (Wilson), `_change`, `_change_low`, `_change_high` (against the reference, the
    fewest contacts above nought with 30 customers: Mantel and Haenszel's risk difference over
    these strata, Sato's variance), `_p` (Benjamini-Hochberg over both outcomes), `_mark`.
    Records: `dose_repurchase`, `dose_opt_out` and their `_difference` by `contacts=`.
    """
    why = _no_dose(touches, windows)
    if why or touches is None:
        return _no_response(why or NO_EVENTS)
    cells = _cells(touches, summary, days, windows, rules, activity_months)
    if cells.empty:
        return _no_response(NOBODY)
    rows = [_dose_row(cells, place, span) for place, span in enumerate(doses(rules.touch_limit))]
    frame = pd.DataFrame([row for row in rows if row["customers"]])
    frame = _against_reference(frame, cells)
    return Result(frame, tuple(_dose_records(frame)))


def day_before_dose(windows: Windows) -> dt.date:
    """The day on which who is alike is told: 60 days before the period's last day."""
    return windows.seen_until - 2 * DAYS * ONE_DAY


def _no_dose(touches: Touches | None, windows: Windows) -> str | None:
    if touches is None:
        return NO_EVENTS
    return touches.missing_before(day_before_dose(windows) + ONE_DAY)


def _no_response(why: str) -> Result:
    names = ("dose_repurchase", "dose_opt_out")
    return Result(
        pd.DataFrame(),
        tuple(Record(n, None, "share", status="not_computed", reason=why) for n in names),
    )


def _cells(
    touches: Touches, summary: ir.Table, days: ir.Table, windows: Windows, rules: FunnelRules,
    months: int,
) -> pd.DataFrame:  # fmt: skip
    """Customers, buyers and refusers by place of the dose and stratum."""
    day = day_before_dose(windows)
    middle = day + DAYS * ONE_DAY
    window = active_at(day, months)
    there = summary.filter(summary.last_date.between(window.start, window.end))
    dosed = touches.between(day + ONE_DAY, middle)
    dose = dosed.group_by("customer_id").aggregate(dose=dosed.count())
    later = (middle + ONE_DAY, windows.seen_until)
    bought = days.filter(days.order_date.between(*later)).select("customer_id").distinct()
    stops = touches.stops
    stopped = stops.filter(stops.stopped_on.between(*later)).select("customer_id").distinct()
    units = there.select("customer_id", "last_date", "order_days")
    units = units.left_join(dose, "customer_id").drop("customer_id_right")
    units = units.left_join(bought, "customer_id").rename(buyer="customer_id_right")
    units = units.left_join(stopped, "customer_id").rename(refuser="customer_id_right")
    touched = units.dose.fill_null(0)
    spans = doses(rules.touch_limit)
    units = units.mutate(
        place=ibis.cases(
            *((touched <= high, place) for place, (_, high) in enumerate(spans[:-1])),
            else_=len(spans) - 1,
        ),
        recency=ibis.cases(
            *((units.last_date >= day - d * ONE_DAY, i) for i, d in enumerate(RECENCY)),
            else_=len(RECENCY),
        ),
        frequency=ibis.cases(
            *((units.order_days <= k, i) for i, k in enumerate(FREQUENCY)), else_=len(FREQUENCY)
        ),
    )
    keys = ["place", "recency", "frequency"]
    counted = units.group_by(keys).aggregate(
        customers=units.count(),
        repurchase=flag(units.buyer.notnull()).sum(),
        opt_out=flag(units.refuser.notnull()).sum(),
    )
    return counted.order_by(keys).to_pandas()


def _dose_row(cells: pd.DataFrame, place: int, span: tuple[int, int | None]) -> dict[str, Any]:
    mine = cells[cells["place"] == place]
    n = float(mine["customers"].sum())
    row: dict[str, Any] = {"place": place, "low": float(span[0]), "customers": n}
    row["high"] = np.nan if span[1] is None else float(span[1])
    for outcome in OUTCOMES:
        count = float(mine[outcome].sum())
        estimate = wilson(count, n) if n else (np.nan,) * 3
        row[f"{outcome}_count"] = count
        row |= dict(
            zip((f"{outcome}_{p}" for p in ("value", "low", "high")), estimate, strict=True)
        )
    return row


def _against_reference(frame: pd.DataFrame, cells: pd.DataFrame) -> pd.DataFrame:
    enough = frame[frame["customers"] >= FEWEST]
    touched = enough[enough["low"] > 0]
    reference = int(touched["place"].iloc[0]) if len(touched) else None
    frame = frame.assign(reference=frame["place"] == (-1 if reference is None else reference))
    for outcome in OUTCOMES:
        for part in ("change", "change_low", "change_high", "p"):
            frame[f"{outcome}_{part}"] = np.nan
        frame[f"{outcome}_mark"] = ""
    if reference is None:
        return frame.drop(columns="place")
    for index, place in enough["place"].items():
        for outcome in OUTCOMES if place != reference else ():
            found = mantel_haenszel(_strata(cells, int(place), reference, outcome))
            if found is not None:
                parts = [f"{outcome}_{p}" for p in ("change", "change_low", "change_high")]
                frame.loc[index, parts] = list(found)
    return judged(frame, OUTCOMES).drop(columns="place")


def _strata(cells: pd.DataFrame, place: int, reference: int, outcome: str) -> list[Stratum]:
    keys = ["recency", "frequency"]
    parts = [
        cells[cells["place"] == p].set_index(keys)[["customers", outcome]].astype("float64")
        for p in (place, reference)
    ]
    both = parts[0].merge(
        parts[1], left_index=True, right_index=True, suffixes=("", "_other")
    ).sort_index()
    return [Stratum(*row) for row in both.itertuples(index=False, name=None)]


def range_of(low: float, high: float) -> str:
    """Contacts as text: "0", "2-3", "13+".

    >>> range_of(2, 3), range_of(1, 1), range_of(13, float("nan"))
    ('2-3', '1', '13+')
    """
    if np.isnan(high):
        return f"{low:.0f}+"
    return f"{low:.0f}" if low == high else f"{low:.0f}-{high:.0f}"


def _dose_records(frame: pd.DataFrame) -> list[Record]:
    records = []
    for row in frame.to_dict("records"):
        where = dimensions(contacts=range_of(row["low"], row["high"]))
        for outcome in OUTCOMES:
            records.append(
                Record(f"dose_{outcome}", row[f"{outcome}_value"], "share", where,
                       low=row[f"{outcome}_low"], high=row[f"{outcome}_high"],
                       numerator=row[f"{outcome}_count"], n=row["customers"])
            )  # fmt: skip
            if not np.isnan(row[f"{outcome}_change"]):
                records.append(
                    Record(f"dose_{outcome}_difference", row[f"{outcome}_change"], "share", where,
                           low=row[f"{outcome}_change_low"], high=row[f"{outcome}_change_high"],
                           n=row["customers"])
                )  # fmt: skip
    return records
