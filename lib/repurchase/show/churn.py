"""Churn by two definitions, and the retention formula by month and by quarter."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from repurchase.context import Context
from repurchase.definitions import METRICS
from repurchase.period import Period
from repurchase.reasons import worded
from repurchase.records import Record, Result
from repurchase.show.blocks import Cell, Column, Note, Table
from repurchase.show.sentences import DASH, bare_points, paragraph, share_range
from repurchase.show.style import csv_text
from repurchase.words import Words


def by_period(result: Result, *, id: str | None = None) -> Table | Note:
    """S, E, N and retention of each month and each quarter, from sets of customers."""
    context: Context = result.context
    words = context.words
    frame = result.frame
    if frame.empty or frame["value"].isna().all():
        title = words._("Retention by month and by quarter")
        return Note(paragraph(words, _reasons(words, frame)), title=title)
    columns = (
        Column(words._("Period"), "left", "fr"),
        Column(words._("At the start (S)"), "right"),
        Column(words._("At the end (E)"), "right"),
        Column(words._("Joined, still there (N)"), "right"),
        Column(words._("Kept (E − N)"), "right"),
        Column(words._("Retention, 95% interval"), "right"),
    )
    rows: list[tuple[str | Cell, ...]] = []
    for unit, title in (("quarter", words._("Quarters")), ("month", words._("Months"))):
        part = frame[frame["unit"] == unit]
        if len(part):
            rows.append((Cell(title, bold=True), "", "", "", "", ""))
            rows += [_line(words, row) for row in part.to_dict("records")]
    caption = [
        words._(
            "Each period has its own sets of customers: a quarter is neither the mean nor the"
            " product of its months."
        ),
        _example(words, frame),
        *_reasons(words, frame),
    ]
    return Table(
        columns, tuple(rows), id=id, title=words._("Retention by month and by quarter"),
        caption=paragraph(words, caption), csv=csv_text(frame), size="small",
    )  # fmt: skip


def _line(words: Words, row: dict[Any, Any]) -> tuple[str | Cell, ...]:
    label = words.period(Period.parse(row["period"]))
    if row["value"] is None or math.isnan(row["value"]):
        return (label, *[Cell(DASH, muted=True)] * 5)
    counts = (words.count(row[k]) for k in ("start_customers", "end_customers", "joined", "kept"))
    bounds = f"{words.number(row['low'] * 100, 1)}–{words.share(row['high'])}"
    return (label, *counts, f"{words.share(row['value'])} ({bounds})")


def _example(words: Words, frame: pd.DataFrame) -> str:
    """The last quarter beside the mean of its months, where all are known."""
    known = frame[frame["value"].notna()]
    for label in reversed(known.loc[known["unit"] == "quarter", "period"].tolist()):
        quarter = Period.parse(label)
        months = [Period.starting(quarter.start, "month").shifted(i).label for i in range(3)]
        shares = known.loc[known["period"].isin(months), "value"].astype(float)
        if len(shares) == 3:
            value = float(known.loc[known["period"] == label, "value"].iloc[0])
            return words._(
                "{quarter}: {share}, while its months' mean is {mean}.",
                quarter=words.period(quarter), share=words.share(value),
                mean=words.share(float(shares.mean())),
            )  # fmt: skip
    return ""


def _reasons(words: Words, frame: pd.DataFrame) -> list[str]:
    if frame.empty:
        return []
    blank = frame.loc[frame["value"].isna(), "reason"]
    return [
        words._("Not computed: {reason}.", reason=worded(words, r))
        for r in dict.fromkeys(x for x in blank if isinstance(x, str))
    ]


def churn(result: Result, *, id: str | None = None) -> Table:
    """Both definitions side by side: value, interval, n, change, and what each leaves out."""
    context: Context = result.context
    words = context.words
    columns = (
        Column(words._("Definition"), "left"),
        Column(words._("Value"), "right"),
        Column(words._("95% interval"), "right"),
        Column(words._("n"), "right"),
        Column(words._("On a year ago"), "right"),
        Column(words._("What it leaves out"), "left", "fr"),
    )
    profile = context.params.profile
    few = _find(result, "customers_without_rhythm")
    left_out = {
        "churn_rate": words._(
            "Nobody; but one is lost only after {months} months of silence, and may still come"
            " back after them.",
            months=words.count(profile.activity_window_months),
        ),
        "overdue_share": words._(
            "The {count} customers of the activity window with fewer than three order dates, who"
            " have no rhythm yet, and everyone silent for longer than {months} months.",
            count=words.count(few.value if few else None),
            months=words.count(profile.activity_window_months),
        ),
        "overdue_returned": words._("Whoever was not called silent a year ago."),
    }
    rows = [_row(words, result, name, text) for name, text in left_out.items()]
    factor = words.number(profile.churn_gap_factor, 0 if profile.churn_gap_factor % 1 == 0 else 1)
    caption = words._(
        "By activity window: 1 − retention. By own rhythm: silent at the period's end for longer"
        " than {factor} times the customer's own median gap; a customer who buys in bursts is"
        " called silent between them. The last line says how often that was wrong.",
        factor=factor,
    )
    reasons = dict.fromkeys(r.reason for r in result.records if r.reason and r.value is None)
    notes = [words._("Not computed: {reason}.", reason=worded(words, r)) for r in reasons if r]
    return Table(
        columns, tuple(rows), id=id, title=words._("Two definitions of churn"),
        caption=paragraph(words, [caption, *notes]), csv=csv_text(result.frame), size="small",
    )  # fmt: skip


def _find(result: Result, metric: str, compare_to: str = "none") -> Record | None:
    found = (r for r in result.records if (r.metric, r.compare_to) == (metric, compare_to))
    return next(found, None)


def _row(words: Words, result: Result, name: str, text: str) -> tuple[str | Cell, ...]:
    label = words._(METRICS[name].name)
    base = _find(result, name)
    if base is None or base.value is None:
        empty = Cell(DASH, muted=True)
        return (label, empty, empty, empty, empty, text)
    change = _find(result, name, "year_ago")
    shown: str | Cell = Cell(DASH, muted=True)
    if change is not None and change.change is not None:
        sure = (change.change_low or 0) > 0 or (change.change_high or 0) < 0
        shown = Cell(bare_points(words, change.change), bold=sure, muted=not sure)
    return (
        label, Cell(words.share(base.value), bold=True), share_range(words, base),
        words.count(base.n), shown, text,
    )  # fmt: skip
