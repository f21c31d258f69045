"""The bridge from one period to another, in customers and in money, and what was lost."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from repurchase.analysis.bridge import CUSTOMER_STEPS, MONEY_STEPS, SPANS
from repurchase.analysis.windows import MOVING_FEASTS
from repurchase.context import Context
from repurchase.reasons import worded
from repurchase.records import Record, Result, parse_dimensions
from repurchase.show.blocks import Cell, Column, ListItem, Note, Table
from repurchase.show.sentences import DASH, against, joined, paragraph
from repurchase.show.style import csv_text
from repurchase.words import N_, Words

MONEY_NAMES = {"margin": N_("Margin"), "revenue": N_("Net revenue")}
# In the short form the ways of coming and going are put together.
SHORT = {
    "money_then": ("money_then",),
    "new": ("new",),
    "back": ("reactivated", "returned"),
    "retained": ("retained",),
    "gone": ("paused", "lapsed"),
    "other": ("other",),
    "money_now": ("money_now",),
}
SHORT_NAMES = {
    **MONEY_STEPS,
    "back": N_("Back after a pause"),
    "gone": N_("Not bought again"),
}
ENDS = ("active_then", "active_now", "money_then", "money_now")


def bridge(result: Result, *, id: str | None = None, short: bool = False) -> Table | Note:
    """Both bridges against the previous period and a year ago; each column adds up.

    A note with the reasons instead where neither can be computed.

    `short` shows the money only, with those who came back and those who did not buy again put
    together; the customers stand in the title.
    """
    context: Context = result.context
    words = context.words
    frame = result.frame
    if frame.empty:
        text = paragraph(words, _missing(words, result))
        return Note(text, "unsure", words._("New, returning and lapsed customers"))
    customers = {k: (k,) for k in CUSTOMER_STEPS}
    with_money = bool((frame["part"] == "money").any())
    rows = []
    if not short or not with_money:
        rows = _section(context, frame, "customers", customers, CUSTOMER_STEPS)
    steps: Mapping[str, tuple[str, ...]] = SHORT if short else {k: (k,) for k in MONEY_STEPS}
    rows += _section(context, frame, "money", steps, SHORT_NAMES if short else MONEY_STEPS)
    head = ""
    if short and with_money:
        head, rows = str(_text(rows[0][0])), rows[1:]
    columns = (
        Column(head, "left", "fr"),
        *(Column(words._(_COLUMNS[span]), "right") for span in SPANS),
    )
    return Table(
        columns, tuple(rows), id=id, title=_title(context, frame),
        caption=_caption(context, result, short=short), csv=csv_text(frame), size="small",
    )  # fmt: skip


_COLUMNS = {
    "previous": N_("Since last period"),
    "year_ago": N_("Since a year ago"),
}


def _text(cell: str | Cell) -> str:
    return cell.text if isinstance(cell, Cell) else cell


def _section(
    context: Context, frame: pd.DataFrame, part: str, steps: Mapping[str, tuple[str, ...]],
    names: Mapping[str, str],
) -> list[tuple[str | Cell, ...]]:  # fmt: skip
    words = context.words
    here = frame[frame["part"] == part]
    if here.empty:
        return []
    kind = str(here["kind"].iloc[0])
    head = words._("Customers") if part == "customers" else words._(MONEY_NAMES[kind])
    rows: list[tuple[str | Cell, ...]] = [(Cell(head, bold=True), "", "")]
    for step, members in steps.items():
        chosen = here[here["step"].isin(members)]
        if chosen.empty:
            continue
        cells = [_amount(context, chosen[chosen["span"] == span], part, step) for span in SPANS]
        rows.append((Cell(words._(names[step]), bold=step in ENDS), *cells))
    return rows


def _amount(context: Context, chosen: pd.DataFrame, part: str, step: str) -> Cell:
    if chosen.empty:
        return Cell(DASH, muted=True)
    words, value = context.words, float(chosen["value"].sum())
    if part == "customers":
        text = words.count(value) if step in ENDS else words.plus(value)
    else:
        text = words.money(value, context.currency)
        if step not in ENDS and value > 0:
            text = f"+{text}"
    return Cell(text, bold=step in ENDS)


def _title(context: Context, frame: pd.DataFrame) -> str:
    words = context.words
    span = next(s for s in SPANS if (frame["span"] == s).any())
    here = frame[(frame["span"] == span) & (frame["part"] == "customers")]
    steps = dict(zip(here["step"], here["value"], strict=True))
    return words._(
        "{then} customers + {came} − {left} lapsed = {now}",
        then=words.count(steps["active_then"]),
        came=words.count(steps["new"] + steps["reactivated"]),
        left=words.count(-steps["lapsed"]),
        now=words.count(steps["active_now"]),
    )


def _caption(context: Context, result: Result, *, short: bool) -> str:
    words = context.words
    months = words.count(context.params.profile.activity_window_months)
    parts = [
        words._("Active: the last order date lies within {months} months.", months=months),
    ]
    if not short:
        parts.append(
            words._(
                "New: first order date since then. Reactivated: an earlier customer who was not"
                " active then. Lapsed: active then, not now. Back after a pause: active then, did"
                " not buy in that window, bought now. Each column adds up."
            )
        )
    if context.windows.basis in MOVING_FEASTS:
        parts.append(words._("A year ago: the same dates, not aligned on the moving feast."))
    if "revenue" in set(result.frame["kind"]):
        parts.append(words._("Revenue, since the margin is not known."))
    return paragraph(words, [*parts, *_missing(words, result)])


def _missing(words: Words, result: Result) -> list[str]:
    return [
        words._(
            "Not computed {against}: {reason}.",
            against=against(words, parse_dimensions(r.dimensions)["span"]),
            reason=worded(words, r.reason or ""),
        )
        for r in result.records
        if r.metric == "bridge_customers" and r.status == "not_computed"
    ]


def lost_item(result: Result) -> ListItem:
    """How many were lost, in customers and in money, and what that money is and is not."""
    context: Context = result.context
    words = context.words
    gone = next(r for r in result.records if r.metric == "lapsed_customers" and "at=" not in
                r.dimensions)  # fmt: skip
    if gone.value is None:
        return ListItem(
            words._("How many customers were lost cannot be said"), worded(words, gone.reason or "")
        )
    if not gone.n:
        return ListItem(words._("Nobody could lapse: no customer was active before"))
    title = words._(
        "{count} customers lapsed, {share} of those active before{others}",
        count=words.count(gone.value),
        share=words.share(gone.value / gone.n),
        others=_others(context, result),
    )
    worth = money_of(result)
    if worth is None or worth.value is None or not gone.value:
        return ListItem(title)
    kind = parse_dimensions(worth.dimensions)["money"]
    largest = float(result.frame.iloc[0]["largest"])
    text = words._(
        "In the year up to their last order they brought {money} of {kind}, {largest} of it from"
        " the largest tenth of them. That is what they were worth, not what the period cost: some"
        " will come back.",
        money=words.money(worth.value, context.currency),
        kind=words._(KINDS[kind]),
        largest=words.share(largest / worth.value if worth.value else 0.0, 0),
    )
    return ListItem(title, text)


KINDS = {"margin": N_("margin"), "revenue": N_("revenue")}


def money_of(result: Result) -> Record | None:
    """The record of the period's lost money, if money is known."""
    return next(
        (r for r in result.records if r.metric == "lapsed_money" and "at=" not in r.dimensions),
        None,
    )


def _others(context: Context, result: Result) -> str:
    """How many lapsed in the periods it is held against, in brackets; nothing if unknown."""
    words, period = context.words, context.period
    known = {
        parse_dimensions(r.dimensions).get("at"): r.value
        for r in result.records
        if r.metric == "lapsed_customers" and r.value is not None
    }
    parts = []
    if period.previous().label in known:
        count = words.count(known[period.previous().label])
        parts.append(words._("{count} in the previous period", count=count))
    if period.year_ago().label in known:
        count = words.count(known[period.year_ago().label])
        parts.append(words._("{count} a year ago", count=count))
    return words._(" ({parts})", parts=joined(words, parts)) if parts else ""
