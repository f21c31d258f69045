"""What today's customers will spend again, with how past forecasts did."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from repurchase.analysis.outlook import MOST_TESTS, chance_above
from repurchase.context import Context
from repurchase.period import Period
from repurchase.reasons import worded
from repurchase.records import Record, Result, parse_dimensions
from repurchase.show import style
from repurchase.show.blocks import Block, Cell, Column, Figure, ListBlock, ListItem, Note, Table
from repurchase.show.charts import _direct_labels, _money_axis
from repurchase.show.newest import newest_line
from repurchase.show.sentences import DASH, paragraph
from repurchase.show.style import csv_text
from repurchase.words import N_, Words

HORIZONS = {
    "month": N_("Next month"),
    "rest": N_("Rest of the quarter"),
    "quarter": N_("Next three months"),
}
# from which probability a comparison is worded as likely, and as unlikely below its complement
LIKELY, VERY_LIKELY = 0.75, 0.95


def outlook(result: Result, *, id: str) -> Block:
    """Past months' repeat revenue against what had been forecast, and the month to come."""
    context: Context = result.context
    words = context.words
    frame = result.frame
    months = frame[frame["horizon"] == "month"] if len(frame) else frame
    shown = months[months["low95"].notna()].tail(MOST_TESTS + 1) if len(months) else months
    if not len(shown):
        return Note(words._("Outlook not computed: {reason}.", reason=_why(words, result, "month")))
    shown = shown.reset_index(drop=True)
    with style.house(words):
        labels = [words._("what came"), words._("forecast, 80% and 95%")]
        picture, ax = style.axes(
            height_mm=54, left=13, right=style.text_mm(labels, weight="semibold") + 6
        )
        _draw(ax, context, shown, labels)
        style.unit_note(ax, words._("Net revenue of customers who had joined before the month"))
        return _exhibit(context, picture, shown, result, id)


def _draw(ax: Axes, context: Context, shown: pd.DataFrame, labels: list[str]) -> None:
    x = np.arange(len(shown))
    for low, high, width in (("low95", "high95", 1.2), ("low80", "high80", 4.5)):
        ax.vlines(x, shown[low].astype(float), shown[high].astype(float), color=style.LIGHT,
                  linewidth=width)  # fmt: skip
    expected = shown["expected"].astype(float)
    ax.plot(x, expected, linestyle="none", marker="o", markersize=4.2, markerfacecolor="white",
            markeredgecolor=style.COMPARISON_TEXT)  # fmt: skip
    actual = shown["actual"].astype(float)
    ax.plot(x, actual, color=style.ACTUAL, linewidth=1.9, marker="o", markersize=3.4)
    _money_axis(ax, context, float(shown["high95"].astype(float).max()))
    known = actual.dropna()
    places = [(float(expected.iloc[-1]), labels[1], style.COMPARISON_TEXT, "normal")]
    if len(known):
        places.append((float(known.iloc[-1]), labels[0], style.ACTUAL, "semibold"))
    ax.set_xlim(-0.5, len(shown) - 0.5)
    _direct_labels(ax, places, x=len(shown) - 0.6)
    periods = [Period.starting(start, "month") for start in shown["first"]]
    ax.set_xticks(x, style.period_labels(periods, context.words))


def _exhibit(
    context: Context, picture: Any, shown: pd.DataFrame, result: Result, id: str
) -> Figure:
    words = context.words
    now = shown.iloc[-1]
    month = words.period(Period.starting(now["first"], "month"))
    money = {k: _amount(context, now[k]) for k in ("expected", "low80", "high80")}
    title = words._(
        "{month}: {expected} expected from today's customers, {interval} in four cases of five",
        month=month, expected=money["expected"],
        interval=words.interval(money["low80"], money["high80"]),
    )  # fmt: skip
    caption = words._(
        "Expected: customers by month of joining, times what customers of that age spent a month in"
        " the year before, times the season of the same month a year ago (aligned on the moving"
        " feast). Each forecast uses only what was known at that month's end; its interval is the"
        " spread of the errors known by then. Newcomers' later orders and unlinked returns are not"
        " in it."
    )
    alt = words._(
        "Monthly repeat revenue of existing customers beside each month's earlier forecast and its"
        " interval; next month {expected}.",
        expected=money["expected"],
    )
    data = result.frame.set_index(["horizon", "origin"])
    return style.exhibit(
        picture, id=id, title=title, caption=paragraph(words, [caption, _held(words, result)]),
        alt=alt, data=data,
    )  # fmt: skip


def _why(words: Words, result: Result, horizon: str) -> str:
    """Why there is no forecast for that horizon."""
    where = f"horizon={horizon}"
    reasons = {r.dimensions: r.reason for r in result.records if r.value is None and r.reason}
    return worded(words, reasons.get(where) or next(iter(reasons.values()), ""))


def _held(words: Words, result: Result) -> str:
    """How many of the past forecasts' intervals held what came."""
    found = _coverage(result, "month")
    if "80" not in found or found["80"].value is None:
        return ""
    return words._(
        "Of the last {n} forecasts of a month the 80% interval held {eighty}, the 95% interval"
        " {most}.",
        n=words.count(found["80"].n), eighty=words.count(found["80"].numerator),
        most=words.count(found["95"].numerator),
    )  # fmt: skip


def _coverage(result: Result, horizon: str) -> dict[str, Record]:
    found = {}
    for record in result.records:
        where = parse_dimensions(record.dimensions)
        if record.metric == "forecast_coverage" and where["horizon"] == horizon:
            found[where["level"]] = record
    return found


def outlook_table(result: Result, *, id: str | None = None) -> Table | None:
    """Each horizon: expected, both intervals, the year before, how often past intervals held."""
    context: Context = result.context
    words = context.words
    frame = result.frame
    horizons = [h for h in HORIZONS if len(frame) and h in set(frame["horizon"])]
    if "rest" in horizons and _last_day(frame, "rest") == _last_day(frame, "month"):
        horizons.remove("rest")  # one month is left: the same line
    if not horizons:
        return None
    columns = (
        Column(words._("Horizon"), "left", "fr"),
        Column(words._("Days"), "left"),
        Column(words._("Expected"), "right"),
        Column(words._("80% interval"), "right"),
        Column(words._("95% interval"), "right"),
        Column(words._("A year before"), "right"),
        Column(words._("80% held"), "right"),
        Column(words._("95% held"), "right"),
    )
    rows = []
    notes = []
    for horizon in horizons:
        now = frame[frame["horizon"] == horizon].iloc[-1]
        rows.append(_horizon_row(context, result, horizon, now))
        last = _last_due(context, result, horizon)
        if last:
            notes.append(last)
    caption = [
        *notes,
        words._(
            "Held: of the past forecasts that had an interval and have come due, how many held what"
            " came; forecasts of several months overlap, so theirs count for less."
        ),
        *(
            words._("Not computed: {reason}.", reason=worded(words, r))
            for r in dict.fromkeys(r.reason for r in result.records if r.reason)
            if r
        ),
    ]
    return Table(
        columns, tuple(rows), id=id, title=words._("The outlook by horizon") if id else None,
        caption=paragraph(words, caption), csv=csv_text(frame), size="small",
    )  # fmt: skip


def _last_day(frame: pd.DataFrame, horizon: str) -> Any:
    part = frame.loc[frame["horizon"] == horizon, "last"]
    return part.iloc[-1] if len(part) else None


def _horizon_row(
    context: Context, result: Result, horizon: str, now: Mapping[Any, Any]
) -> tuple[str | Cell, ...]:
    words = context.words
    label = words._(HORIZONS[horizon])
    days = words.days(now["first"], now["last"])
    if math.isnan(now["low95"]):
        return (label, days, *[Cell(DASH, muted=True)] * 6)

    def money(name: str) -> str:
        return _amount(context, now[name])

    held = []
    for level in ("80", "95"):
        record = _coverage(result, horizon).get(level)
        known = record is not None and record.value is not None
        held.append(
            words._("{part} of {n}", part=words.count(record.numerator), n=words.count(record.n))
            if record is not None and known
            else DASH
        )
    return (
        label, days, Cell(money("expected"), bold=True),
        words.interval(money("low80"), money("high80")),
        words.interval(money("low95"), money("high95")),
        DASH if math.isnan(now["year_ago"]) else money("year_ago"), *held,
    )  # fmt: skip


def _last_due(context: Context, result: Result, horizon: str) -> str:
    """The last forecast that has come due, against what came."""
    words = context.words
    frame = result.frame
    due = frame[(frame["horizon"] == horizon) & frame["inside80"].notna()]
    if due.empty:
        return ""
    row = due.iloc[-1]
    money = {k: _amount(context, row[k]) for k in ("expected", "actual")}
    inside = (
        words._("within the 80% interval")
        if row["inside80"]
        else words._("outside the 80% interval, within the 95% one")
        if row["inside95"]
        else words._("outside both intervals")
    )
    return words._(
        "{horizon}, the last forecast that has come due ({days}): {expected} expected, {actual}"
        " came, {inside}.",
        horizon=words._(HORIZONS[horizon]), days=words.days(row["first"], row["last"]),
        inside=inside, **money,
    )  # fmt: skip


# ---- the first page ---------------------------------------------------------------------------


def outlook_line(result: Result) -> ListBlock:
    """For the first page: will we make the quarter?

    The calendar quarter that has begun, with what has come of it so far; at a quarter's end the
    next one.
    """
    context: Context = result.context
    words = context.words
    title = words._("Will we make the quarter?")
    frame = result.frame
    known = set(frame["horizon"]) if len(frame) else set()
    horizon = "rest" if "rest" in known else "quarter"
    part = frame[frame["horizon"] == horizon] if len(frame) else frame
    now = part.iloc[-1].to_dict() if len(part) else None
    if now is None or math.isnan(now["low80"]):
        text = words._("No outlook: {reason}.", reason=_why(words, result, horizon))
        return ListBlock((ListItem(title, text, tone="unsure"),), ordered=False)
    said = _expectation(context, now), _verdict(context, result, now)
    parts = [*said, _kept(words, result, horizon)]
    return ListBlock((ListItem(title, paragraph(words, parts)),), ordered=False)


def _expectation(context: Context, now: Mapping[Any, Any]) -> str:
    words = context.words
    values = {
        "expected": _amount(context, now["expected"]),
        "days": words.days(now["first"], now["last"]),
        "interval": words.interval(_amount(context, now["low80"]), _amount(context, now["high80"])),
    }
    if not now["so_far"]:
        return words._(
            "Today's customers should bring {expected} ({days}; {interval} in four cases of five).",
            **values,
        )
    return words._(
        "After {so_far} of repeat revenue so far, today's customers should bring another {expected}"
        " ({days}; {interval} in four cases of five).",
        so_far=_amount(context, now["so_far"]), **values,
    )  # fmt: skip


def _amount(context: Context, value: float) -> str:
    """Money with a second digit in millions, where a change of a few per cent shows."""
    digits = 2 if abs(value) >= 1e6 and not context.words.language.startswith("zh") else 1
    return context.words.money(value, context.currency, digits=digits)


def _verdict(context: Context, result: Result, now: Mapping[Any, Any]) -> str:
    """How probable the target is, or without one what the same quarter brought a year before."""
    words = context.words
    where = f"horizon={now['horizon']}"
    left = next(
        (
            r.value - r.change
            for r in result.records
            if (r.compare_to, r.dimensions) == ("target", where)
            and r.value is not None
            and r.change is not None
        ),
        None,
    )
    if left is not None:
        chance = chance_above(now, left)
        return words._(
            "The target of {amount} is {likely} ({chance}).",
            amount=_amount(context, left + now["so_far"]), likely=likelihood(words, chance),
            chance=_chance(words, chance),
        )  # fmt: skip
    before = now["year_ago"] + now["year_ago_so_far"]
    if not now["year_ago"] > 0:
        return words._("No target is set, and a year before the data were too short to compare.")
    chance = chance_above(now, before - now["so_far"])
    return words._(
        "No target is set; more than a year before ({amount}) is {likely} ({chance}).",
        amount=_amount(context, before), likely=likelihood(words, chance),
        chance=_chance(words, chance),
    )  # fmt: skip


def _chance(words: Words, chance: float) -> str:
    """A probability in whole per cent, never quite 0 or 1."""
    if chance > 0.99:
        return words._("over {share}", share=words.share(0.99, 0))
    if chance < 0.01:
        return words._("under {share}", share=words.share(0.01, 0))
    return words.share(chance, 0)


def likelihood(words: Words, chance: float) -> str:
    """A probability in words."""
    if chance >= VERY_LIKELY:
        return words._("very likely")
    if chance >= LIKELY:
        return words._("likely")
    if chance > 1 - LIKELY:
        return words._("open")
    return words._("unlikely") if chance > 1 - VERY_LIKELY else words._("very unlikely")


def _kept(words: Words, result: Result, horizon: str) -> str:
    found = _coverage(result, horizon).get("80")
    if found is None or found.value is None:
        return ""
    return words._(
        "Such intervals held {part} of the last {n} times.",
        part=words.count(found.numerator), n=words.count(found.n),
    )  # fmt: skip


def ahead(newest: Result, outlook: Result) -> ListBlock:
    """For the first page: the customers won lately, and the quarter to come."""
    return ListBlock((*newest_line(newest).items, *outlook_line(outlook).items), ordered=False)
