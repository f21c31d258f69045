"""What an order is worth, by its rank in a customer's life."""

from __future__ import annotations

import math
from typing import Any

from repurchase.analysis.order_rank import RANKS
from repurchase.context import Context
from repurchase.reasons import worded
from repurchase.records import Result
from repurchase.show.blocks import Cell, Column, Table
from repurchase.show.sentences import DASH, paragraph
from repurchase.show.style import csv_text


def order_values(result: Result, *, id: str | None = None) -> Table:
    """Net revenue and margin an order date by rank, and the same customers' first one."""
    context: Context = result.context
    words = context.words
    columns = (
        Column(words._("Order date"), "left", "fr"),
        Column(words._("Customers"), "right"),
        Column(words._("Revenue, 95% interval"), "right"),
        Column(words._("Margin, 95% interval"), "right"),
        Column(words._("Same customers' first"), "right"),
        Column(words._("Difference, 95% interval"), "right"),
    )
    rows = []
    for row in result.frame.to_dict("records"):
        rank = words.count(row["rank"])
        last = row["rank"] == max(RANKS)
        first = row["rank"] == 1
        rows.append(
            (
                words._("{rank} and later", rank=rank) if last else rank,
                words.count(row["customers"]),
                _money(context, row, "revenue"),
                _money(context, row, "margin"),
                DASH if first or math.isnan(row["first"]) else _amount(context, row["first"]),
                Cell(DASH, muted=True) if first else _gain(context, row),
            )
        )
    reasons = dict.fromkeys(r.reason for r in result.records if r.reason)
    caption = [
        words._(
            "A day's orders count as one. Only those who stay reach a later order date, so the"
            " revenue column compares different customers; the difference is paired with the same"
            " customers' own first order date. Bold: its interval excludes 0."
        ),
        words._(
            "Intervals are linearised over customers: with few customers and a few very large"
            " orders they are too narrow."
        ),
        *(words._("Not computed: {reason}.", reason=worded(words, r)) for r in reasons if r),
    ]
    return Table(
        columns, tuple(rows), id=id, title=words._("What an order brings, by its rank"),
        caption=paragraph(words, caption), csv=csv_text(result.frame), size="small",
    )  # fmt: skip


def _amount(context: Context, value: float) -> str:
    return context.words.money(value, context.currency)


def _money(context: Context, row: dict[Any, Any], what: str) -> str | Cell:
    if math.isnan(row[what]):
        return Cell(DASH, muted=True)
    low, high = (_amount(context, row[f"{what}_{end}"]) for end in ("low", "high"))
    return f"{_amount(context, row[what])} ({context.words.interval(low, high)})"


def _gain(context: Context, row: dict[Any, Any]) -> str | Cell:
    if math.isnan(row["gain"]):
        return Cell(DASH, muted=True)
    sure = row["gain_low"] > 0 or row["gain_high"] < 0
    return Cell(str(_money(context, row, "gain")), bold=sure, muted=not sure)
