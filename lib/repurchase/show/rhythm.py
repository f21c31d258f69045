"""How much time lies between order dates."""

from __future__ import annotations

import math
from typing import Any

from repurchase.context import Context
from repurchase.reasons import worded
from repurchase.records import Record, Result
from repurchase.show.blocks import Cell, Column, Table, Text
from repurchase.show.sentences import DASH, paragraph
from repurchase.show.style import csv_text
from repurchase.show.tables import shortened
from repurchase.words import Words


def order_gaps(gaps: Result, cycle: Result, *, id: str | None = None) -> Table:
    """Days from the n-th order date to the next, and the typical cycle of regular customers."""
    context: Context = gaps.context
    words = context.words
    columns = (
        Column(words._("After order date"), "left", "fr"),
        Column(words._("Customers"), "right"),
        Column(words._("Come back"), "right"),
        Column(words._("10% within"), "right"),
        Column(words._("Half within"), "right"),
        Column(words._("90% within"), "right"),
    )
    rows = [
        (
            words.count(row["rank"]),
            words.count(row["customers"]),
            words._(
                "{share} in {days} days",
                share=words.share(row["returning"]),
                days=words.count(row["horizon"]),
            ),
            *(_days(words, row, name) for name in ("p10", "median", "p90")),
        )
        for row in gaps.frame.to_dict("records")
    ]
    caption = [
        words._(
            "Days, with 95% interval (bootstrap), of those who come back within a year, or for as"
            " long as thirty could be followed; Kaplan-Meier over the order dates of the last two"
            " years, open waits counted for as long as they have lasted."
        ),
        cycle_sentence(words, cycle),
    ]
    return Table(
        columns, tuple(rows), id=id, title=gap_title(words, gaps),
        caption=paragraph(words, caption), csv=csv_text(gaps.frame), size="small",
    )  # fmt: skip


def gap_title(words: Words, gaps: Result) -> str:
    """Half of those who come back do so within so many days."""
    first = gaps.frame.iloc[0]
    if math.isnan(first["median"]):
        return words._("How much time lies between two order dates?")
    return words._(
        "Half of the new customers who come back within {horizon} days do so within {days} days",
        horizon=words.count(first["horizon"]), days=words.count(first["median"]),
    )  # fmt: skip


def _days(words: Words, row: dict[Any, Any], name: str) -> str | Cell:
    if math.isnan(row[name]):
        return Cell(DASH, muted=True)
    low, high = words.count(row[f"{name}_low"]), words.count(row[f"{name}_high"])
    return f"{words.count(row[name])} ({low}–{high})"


def cycle_sentence(words: Words, cycle: Result) -> str:
    """The typical cycle of customers with at least three order dates."""
    found: dict[str, Record] = {r.dimensions: r for r in cycle.records}
    half = found[""]
    if half.value is None:
        why = worded(words, half.reason or "")
        return words._("Typical cycle not computed: {reason}.", reason=why)
    low, high = found["quantile=p10"], found["quantile=p90"]
    return words._(
        "Typical cycle: half of the {n} customers with at least three order dates have a median gap"
        " of {days} days or less (95% interval {interval}), a tenth {first} or less, a tenth {last}"
        " or more.",
        n=words.count(half.n),
        days=words.count(half.value),
        interval=words.interval(words.count(half.low), words.count(half.high)),
        first=words.count(low.value),
        last=words.count(high.value),
    )


def category_cycles(result: Result, *, id: str | None = None) -> Table | Text:
    """Days between purchases in a category, against the cycle that the products name."""
    context: Context = result.context
    words = context.words
    if result.frame.empty:
        why = result.records[0].reason or ""
        return Text(words._("By category: not computed, {reason}.", reason=worded(words, why)))
    columns = (
        Column(words._("Category"), "left", "fr"),
        Column(words._("Purchases"), "right"),
        Column(words._("Bought again"), "right"),
        Column(words._("Half within, days"), "right"),
        Column(words._("Expected by the products, days"), "right"),
    )
    rows = [
        (
            shortened(row["category"]),
            words.count(row["waits"]),
            words.share(row["returning"]),
            _days(words, row, "median"),
            DASH if math.isnan(row["expected"]) else words.count(row["expected"]),
        )
        for row in result.frame.to_dict("records")
    ]
    caption = words._(
        "From a purchase in the category to the same customer's next in it, of those who buy it"
        " again within a year. A customer may count with several waits, so the intervals are a"
        " little too narrow. A product's expected cycle is how long it should last; a customer who"
        " buys several at once comes back sooner."
    )
    title = words._("Time between purchases in a category")
    return Table(columns, tuple(rows), id=id, title=title if id else None, caption=caption,
                 csv=csv_text(result.frame), size="small")  # fmt: skip
