"""Two periods side by side, both computed from today's snapshot."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd

from repurchase.analysis import retention
from repurchase.calendar import Window
from repurchase.definitions import METRICS
from repurchase.errors import DataError, ParameterError
from repurchase.lab.shown import Shown
from repurchase.reasons import worded
from repurchase.records import Record
from repurchase.show.blocks import Column, Table
from repurchase.show.sampled import sample_block
from repurchase.words import N_, Words

if TYPE_CHECKING:
    from repurchase.review import Review

DASH = "–"


def compared(later: Review, earlier: Review) -> Shown:
    """The headline shares of two periods, each on the data cut at its own end.

    Frame, one row a metric: metric, name, value, low, high, n, then_value, then_low, then_high,
    then_n, change, change_low, change_high (paired on the customers), reason (why a change is
    missing). Raises ParameterError for periods of two lengths or in the wrong order, DataError
    for one that the data do not hold.
    """
    _check(later, earlier)
    now, then = _levels(later), _levels(earlier)
    changes = _changes(later, earlier)
    rows = [_row(later.words, name, now[name], then.get(name), changes.get(name)) for name in now]
    frame = pd.DataFrame(rows)
    return Shown(frame, sample_block(_block(frame, later, earlier), later.context))


def _check(later: Review, earlier: Review) -> None:
    one, other = later.period, earlier.period
    if one.unit != other.unit or one.start <= other.start:
        raise ParameterError(
            f"{one.label} cannot be held against {other.label}",
            where="review.compare",
            rule="two months, two quarters or two years, the later one first",
        )
    snapshot = later.snapshot
    for period in (one, other):
        if period.end > snapshot.data_through or period.start < snapshot.data_from.replace(day=1):
            raise DataError(
                f"the data do not hold all of {period.label}: they run from"
                f" {snapshot.data_from.isoformat()} to {snapshot.data_through.isoformat()}",
                where="review.compare",
                remedy="name a period inside that range",
            )


def _levels(review: Review) -> dict[str, Record]:
    figures = review.retention.figures().records
    return {r.metric: r for r in figures if r.compare_to == "none" and r.unit == "share"}


def _changes(later: Review, earlier: Review) -> dict[str, Record]:
    profile = later.params.profile
    span = earlier.period
    windows = replace(
        later.windows,
        days={"none": later.windows.now, "previous": Window(span.start, span.end)},
    )
    known = later.orders.filter(later.orders.customer_id.notnull() & ~later.orders.is_purchase)
    found = later.result(
        retention.headline_figures(
            later.customer_days,
            known,
            windows,
            activity_months=profile.activity_window_months,
            cohort_months=profile.repurchase_window_months,
            targets={},
        )
    )
    return {r.metric: r for r in found.records if r.compare_to == "previous"}


def _row(
    words: Words, name: str, now: Record, then: Record | None, change: Record | None
) -> dict[str, object]:
    row: dict[str, object] = {"metric": name, "name": words._(METRICS[name].name)}
    row |= {key: getattr(now, key) for key in ("value", "low", "high", "n")}
    row |= {f"then_{key}": getattr(then, key, None) for key in ("value", "low", "high", "n")}
    row |= {key: getattr(change, key, None) for key in ("change", "change_low", "change_high")}
    return {**row, "reason": next((r.reason for r in (change, now, then) if r and r.reason), None)}


def _block(frame: pd.DataFrame, later: Review, earlier: Review) -> Table:
    words = later.words
    columns = (
        Column(words._(N_("Figure")), "left", "fr"),
        Column(words.period(later.period), "right"),
        Column(words.period(earlier.period), "right"),
        Column(words._(N_("Change")), "right"),
        Column(words._(N_("95% interval")), "right"),
    )
    rows = []
    for row in frame.astype(object).where(frame.notna(), None).to_dict("records"):
        bounds = words.interval(words.points(row["change_low"]), words.points(row["change_high"]))
        reason = row["reason"] if row["change"] is None else None
        rows.append(
            (
                row["name"],
                words.share(row["value"]) or DASH,
                words.share(row["then_value"]) or DASH,
                words.points(row["change"]) or DASH,
                bounds or (worded(words, reason) if reason else ""),
            )
        )
    caption = words._(
        N_(
            "Both periods are computed from today's data, each cut at its own end; changes are"
            " paired on the customers."
        )
    )
    title = words._(N_("Two periods side by side"))
    return Table(columns, tuple(rows), title=title, caption=caption)
