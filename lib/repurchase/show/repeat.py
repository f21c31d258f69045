"""Who orders again within so many days of an order, and what repeat orders bring."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

import pandas as pd

from repurchase.context import Context
from repurchase.period import Period
from repurchase.reasons import worded
from repurchase.records import Result
from repurchase.show.blocks import Cell, Column, Table
from repurchase.show.sentences import DASH, bare_points, joined, paragraph
from repurchase.show.style import csv_text
from repurchase.words import Words

ORDER_DATES = 5


def next_orders(result: Result, *, id: str | None = None) -> Table:
    """The next order within 30 to 180 days of the n-th order date, with n and interval."""
    context: Context = result.context
    words = context.words
    frame = result.frame[result.frame["joined"] == ""]
    columns = [Column(words._("After order date"), "left", "fr")]
    for length in sorted(set(frame["days"])):
        columns.append(Column(_within(words, length), "right"))
        columns.append(Column(words._("on a year ago"), "right"))
    rows: list[tuple[str | Cell, ...]] = []
    for rank, part in frame.groupby("rank"):
        cells: list[str | Cell] = [words.count(rank)]
        for row in part.sort_values("days").to_dict("records"):
            cells += [_share_cell(words, row), _change_cell(words, row)]
        rows.append(tuple(cells))
    caption = [
        words._(
            "Share with another order date within so many days, 95% interval, and of how many"
            " customers. Each rests on the twelve months of order dates that have had the days;"
            " change in percentage points, bold if its interval excludes 0.",
        ),
        words._("Only those who stay reach a later order date, so the rows are not one group."),
        *_why_blank(words, frame),
    ]
    return Table(
        tuple(columns), tuple(rows), id=id,
        title=words._("Who orders again, after the first order and after each later one"),
        caption=paragraph(words, caption), csv=csv_text(result.frame), size="small",
    )  # fmt: skip


def _within(words: Words, length: int) -> str:
    return words._("{days} days", days=words.count(length))


def _missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _share_cell(words: Words, row: dict[Any, Any]) -> Cell:
    if _missing(row["value"]):
        day = row["readable_from"]
        if _missing(day):
            return Cell(DASH, muted=True)
        return Cell(words._("from {day}", day=words.day(dt.date.fromisoformat(day))), muted=True)
    bounds = f"{words.number(row['low'] * 100)}–{words.share(row['high'], 0)}"
    n = words._("n {count}", count=words.count(row["n"]))
    return Cell(f"{words.share(row['value'])} ({bounds}; {n})")


def _change_cell(words: Words, row: dict[Any, Any]) -> Cell:
    if _missing(row["change"]):
        return Cell(DASH, muted=True)
    text = bare_points(words, row["change"])
    if row["change_low"] > 0 or row["change_high"] < 0:
        return Cell(text, bold=True)
    return Cell(text, muted=True)


def _why_blank(words: Words, frame: pd.DataFrame) -> list[str]:
    blank = frame[frame["value"].isna()]
    reasons = dict.fromkeys(r for r in blank["reason"] if not _missing(r))
    if not reasons:
        return []
    said = joined(words, (worded(words, r) for r in reasons))
    return [words._("Not computed: {reason}.", reason=said)]


def joining_months(result: Result, *, id: str | None = None) -> Table:
    """The newest joining months at the ages they have reached; blank cells say from when."""
    context: Context = result.context
    words = context.words
    frame = result.frame[result.frame["joined"] != ""]
    lengths = sorted(set(frame["days"]))
    columns = (
        Column(words._("Joined"), "left", "fr"),
        Column(words._("Customers"), "right"),
        *(Column(_within(words, length), "right") for length in lengths),
    )
    rows: list[tuple[str | Cell, ...]] = []
    for label, part in frame.groupby("joined"):
        part = part.sort_values("days")
        month = Period.parse(str(label))
        cells = [_month_cell(words, row) for row in part.to_dict("records")]
        rows.append((words.month(month.start), words.count(part["customers"].iloc[0]), *cells))
    caption = words._(
        "Share of each joining month with a second order date within so many days, 95% interval."
        " A month whose last joiner has not had the days is blank, with the date from which it can"
        " be read."
    )
    title = words._("The newest joining months, as far as they can be read")
    return Table(columns, tuple(rows), id=id, title=title if id else None, caption=caption,
                 csv=csv_text(frame), size="small")  # fmt: skip


def _month_cell(words: Words, row: dict[Any, Any]) -> Cell:
    if _missing(row["value"]):
        return _share_cell(words, row)
    bounds = f"{words.number(row['low'] * 100)}–{words.share(row['high'], 0)}"
    return Cell(f"{words.share(row['value'])} ({bounds})")


def repeat_share(result: Result, *, id: str | None = None) -> Table:
    """What part of revenue and of margin is repeat, by month, with intervals."""
    context: Context = result.context
    words = context.words
    frame = result.frame
    columns = (
        Column(words._("Month"), "left", "fr"),
        Column(words._("Customers"), "right"),
        Column(words._("Repeat revenue"), "right"),
        Column(words._("Share of revenue, 95% interval"), "right"),
        Column(words._("Repeat margin"), "right"),
        Column(words._("Share of margin, 95% interval"), "right"),
    )
    rows: list[tuple[str | Cell, ...]] = []
    for row in frame.to_dict("records"):
        cells: list[str | Cell] = [words.month(row["start"]), words.count(row["customers"])]
        for what in ("revenue", "margin"):
            amount = row[f"{what}_repeat"]
            cells.append(DASH if _missing(amount) else words.money(amount, context.currency))
            cells.append(_interval(words, row, what))
        rows.append(tuple(cells))
    caption = [
        words._(
            "Repeat: not on the customer's first order date; returns count against the order date"
            " that they belong to. Intervals over customers: a few large customers"
            " make them wide."
        ),
        *_reasons(words, result),
    ]
    return Table(
        columns, tuple(rows), id=id, title=words._("Repeat share of revenue and of margin"),
        caption=paragraph(words, caption), csv=csv_text(frame), size="small",
    )  # fmt: skip


def _interval(words: Words, row: dict[Any, Any], what: str) -> str | Cell:
    if _missing(row[f"{what}_share"]):
        return Cell(DASH, muted=True)
    share = words.share(row[f"{what}_share"])
    low, high = row[f"{what}_low"], row[f"{what}_high"]
    return f"{share} ({words.number(low * 100, 1)}–{words.share(high)})"


def _reasons(words: Words, result: Result) -> list[str]:
    kept = [r.reason for r in result.records if r.status == "not_computed" and r.reason]
    return [
        words._("Not computed: {reason}.", reason=worded(words, r)) for r in dict.fromkeys(kept)
    ]
