"""How late the data are: tables, the days on which loading stuck, what is still to come."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.dates import date2num
from matplotlib.ticker import MaxNLocator

from repurchase.context import Context
from repurchase.reasons import worded
from repurchase.records import Result, dimensions
from repurchase.show import style
from repurchase.show.blocks import Cell, Column, Figure, Note, Row, Table, Text
from repurchase.show.charts import _direct_labels, _share_axis
from repurchase.show.data import table_name
from repurchase.show.mix import place_name
from repurchase.show.sentences import DASH, paragraph
from repurchase.show.style import csv_text
from repurchase.show.tables import shortened
from repurchase.words import Words

SHOWN_OUTAGES = 3
LAST_AGE = 14
SHOWN_AGES = (0, 1, 2, 3, 7)
MOST_SYSTEMS = 6
ENOUGH = 0.9995


def arrivals(
    result: Result, outages: Result, stale: Result, *, id: str | None = None
) -> Table | Note:
    """Days until loading by table and source system; below it what stuck, and what that touched."""
    context: Context = result.context
    words = context.words
    if not (result.frame["known"] > 0).any():
        said = dict.fromkeys(worded(words, r.reason) for r in result.records if r.reason)
        return Note(words._("Not computed: {reason}.", reason=words.listed(list(said))), "unsure")
    late = words.count(context.params.profile.funnel_rules.late_days)
    columns = (
        Column(words._("Source"), "left", "fr"),
        Column(words._("Rows"), "right"),
        Column(words._("Half within, days"), "right"),
        Column(words._("95% within, days"), "right"),
        Column(words._("The last, days"), "right"),
        Column(words._("Later than {days} days, 95% interval", days=late), "right"),
    )
    rows = [_arrival_row(words, row) for row in result.frame.to_dict("records")]
    caption = [
        words._(
            "From the day of the order or event to the day of loading, both in the company's time"
            " zone; 0 is the same day."
        ),
        *_set_apart(words, result.frame),
        *(_outage(words, row) for row in outages.frame.head(SHOWN_OUTAGES).to_dict("records")),
        stale_sentence(words, stale),
    ]
    return Table(
        columns, tuple(rows), id=id, title=words._("How long until an order or event is known?"),
        caption=paragraph(words, caption), csv=csv_text(result.frame), size="small",
    )  # fmt: skip


def _arrival_row(words: Words, row: Mapping[Any, Any]) -> tuple[str | Cell, ...]:
    name = table_name(words, row["table"]) if not row["system"] else f"   {row['system']}"
    if not row["known"] > 0:
        return (name, words.count(row["rows"]), *[Cell(DASH, muted=True)] * 4)
    share = _share(words, row["share"], row["low"], row["high"])
    days = (words.count(row[c]) for c in ("p50", "p95", "worst"))
    return (shortened(name), words.count(row["rows"]), *days, share)


def _share(words: Words, share: float, low: float, high: float) -> str:
    return f"{words.share(share)} ({words.number(low * 100, 1)}–{words.share(high)})"


def _set_apart(words: Words, frame: pd.DataFrame) -> list[str]:
    """Rows that no delay can be told of."""
    whole = frame[frame["system"] == ""]
    without, backwards = (int(whole[c].sum()) for c in ("without", "backwards"))
    found = []
    if without:
        text = words._("{rows} rows have no time of loading.", rows=words.count(without))
        found.append(text)
    if backwards:
        found.append(
            words._(
                "{rows} rows were loaded before they happened: a clock or a date is wrong; they"
                " are in no figure here.",
                rows=words.count(backwards),
            )
        )
    return found


def _outage(words: Words, row: Mapping[Any, Any]) -> str:
    return words._(
        "{place}: {late} of {orders} orders of {days} came up to {worst} days late; the last of"
        " them were loaded on {loaded}.",
        place=place_name(words, dimensions(**{row["cut"]: row["label"]})),
        late=words.count(row["late"]),
        orders=words.count(row["orders"]),
        days=words.days(row["first"], row["last"]),
        worst=words.count(row["worst"]),
        loaded=words.day(row["loaded"]),
    )


def stale_sentence(words: Words, stale: Result) -> str:
    """How many contacts were made without knowing of an order that had happened."""
    record = next(r for r in stale.records if not r.dimensions)
    if record.value is None:
        why = worded(words, record.reason or "")
        return words._("Contacts made without knowing of an order: {reason}.", reason=why)
    frame = stale.frame
    systems = frame[(frame["cut"] == "source_system") & (frame["stale"] > 0)]
    text = words._(
        "{count} of {n} contacts ({share}, 95% interval {interval}) were made after the customer's"
        " order had happened and before it was loaded.",
        count=words.count(record.numerator), n=words.count(record.n),
        share=words.share(record.value, 2),
        interval=words.interval(words.share(record.low, 2), words.share(record.high, 2)),
    )  # fmt: skip
    if systems.empty:
        return text
    rows = systems.to_dict("records")
    named = [f"{shortened(row['label'])} {words.count(row['stale'])}" for row in rows]
    told = words._("By the order's system: {systems}.", systems=words.listed(named))
    return paragraph(words, [text, told])


# ---- when it stuck ----------------------------------------------------------------------------


def delay_days(result: Result, outages: Result, *, id: str) -> Figure | Text:
    """The slowest order and the 95 % of each order date over the last 26 weeks."""
    context: Context = result.context
    words, frame = context.words, result.frame
    if frame.empty:
        return Text("")
    x = np.array([date2num(day) for day in frame["day"]])
    names = words._("the last"), words._("95%")
    with style.house(words):
        room = style.text_mm(names, weight="semibold")
        picture, ax = style.axes(height_mm=50, right=room + 4)
        worst, most = frame["worst"].to_numpy(float), frame["p95"].to_numpy(float)
        ax.vlines(x, 0, worst, color=style.LIGHT, linewidth=1.6)
        ax.plot(x, most, color=style.ACTUAL, linewidth=1.4)
        top = max(float(worst.max()), 1.0)
        ax.set_ylim(0, top * 1.08)
        ax.yaxis.set_major_locator(MaxNLocator(5, integer=True))
        ax.set_xlim(x[0] - 1, x[-1] + 1)
        _month_axis(ax, frame["day"].tolist(), words)
        labels = [(worst[-1], names[0], style.COMPARISON_TEXT, "normal")]
        labels.append((most[-1], names[1], style.ACTUAL, "semibold"))
        _direct_labels(ax, labels, x=x[-1] + 1)
        style.unit_note(ax, words._("Days until loaded, by order date"))
        slow = frame.loc[frame["worst"].idxmax()]
        return style.exhibit(
            picture, id=id, title=_days_title(words, outages),
            caption=words._(
                "Dark: within so many days 95% of the orders of that date were loaded; light: the"
                " last of them."
            ),
            alt=words._(
                "Chart of days until loading by order date: the slowest order, of {day}, took"
                " {days} days.", day=words.day(slow["day"]), days=words.count(slow["worst"]),
            ),
            data=frame,
        )  # fmt: skip


def _days_title(words: Words, outages: Result) -> str:
    if outages.frame.empty:
        return words._("No source was late for several days in a row")
    row = outages.frame.iloc[0]
    return words._(
        "{place} was late for {days} days in a row, from {first} to {last}",
        place=place_name(words, dimensions(**{row["cut"]: row["label"]})),
        days=words.count(row["days"]), first=words.day(row["first"]), last=words.day(row["last"]),
    )  # fmt: skip


def _month_axis(ax: Axes, days: Sequence[dt.date], words: Words) -> None:
    starts = [day for day in pd.date_range(days[0], days[-1]).date if day.day == 1]
    ax.set_xticks([date2num(day) for day in starts], style.month_labels(starts, words))


# ---- what is still to come --------------------------------------------------------------------


def completeness(result: Result, weeks: Result, *, id: str) -> Row | Text:
    """The share of a day's orders that is there after each number of days, and by system."""
    context: Context = result.context
    words, frame = context.words, result.frame
    if frame.empty:
        why = worded(words, result.records[0].reason or "")
        return Text(words._("How complete the last days are: not computed, {reason}.", reason=why))
    return Row((_curve(result, weeks, id=id), _by_system(words, frame)))


def _curve(result: Result, weeks: Result, *, id: str) -> Figure:
    words = result.context.words
    whole = result.frame[result.frame["system"] == ""]
    part = whole.head(_ages(whole))
    with style.house(words):
        picture, ax = style.axes(height_mm=50, width="half", right=6)
        _share_axis(ax, words, 0.0, 1.0)
        band = part["low"], part["high"]
        ax.fill_between(part["age"], *band, color=style.ACTUAL, alpha=0.15, linewidth=0)
        ax.plot(part["age"], part["share"], color=style.ACTUAL, linewidth=1.9, marker="o",
                markersize=3.2, clip_on=False)  # fmt: skip
        ages = part["age"].tolist()
        ax.set_xlim(ages[0] - 0.2, ages[-1] + 0.2)
        step = 1 if len(ages) < 9 else 2
        ax.set_xticks(ages[::step], [words.count(age) for age in ages[::step]])
        style.unit_note(ax, words._("Orders loaded, by days since their day"))
        return style.exhibit(
            picture, id=id, title=_complete_title(words, result),
            caption=paragraph(words, _missing_sentences(words, result, weeks)),
            alt=_complete_alt(words, result), data=result.frame, width="half",
        )  # fmt: skip


def _ages(whole: pd.DataFrame) -> int:
    """How many ages are drawn: until all is there, from three days up to two weeks."""
    waiting = whole[(whole["share"] < ENOUGH) & (whole["age"] < LAST_AGE)]
    return max(3, int(waiting["age"].max() + 2) if len(waiting) else 3)


def _by_system(words: Words, frame: pd.DataFrame) -> Table:
    """The same by source system, where the orders tell it."""
    names = {"": words._("all orders"), "*": words._("other systems")}
    sizes = frame.groupby("system")["rows"].first().drop("").sort_values(ascending=False)
    columns = [Column(words._("Loaded after days"), "left", "fr")]
    columns += [Column(words.count(age), "right") for age in SHOWN_AGES]
    rows = []
    for system in ["", *map(str, sizes.index[:MOST_SYSTEMS])]:
        share = frame[frame["system"] == system].set_index("age")["share"]
        cells = [Cell(words.share(float(share.get(age, 1.0)))) for age in SHOWN_AGES]
        rows.append((Cell(names.get(system, shortened(system)), bold=not system), *cells))
    return Table(tuple(columns), tuple(rows), size="small")


def _complete_title(words: Words, result: Result) -> str:
    days = next(r.value for r in result.records if r.metric == "days_until_complete")
    return words._("Days until 99% of a day's orders are there: {days}", days=words.count(days))


def _missing_sentences(words: Words, result: Result, weeks: Result) -> list[str]:
    horizon = int(result.frame["horizon"].iloc[0])
    found = [
        words._(
            "Learnt from the orders of the last 26 weeks, each delay from the days that could show"
            " it; what takes longer than {days} days is not waited for. Band: 95% interval, weeks"
            " drawn again.", days=words.count(horizon),
        )
    ]  # fmt: skip
    for row, record in zip(weeks.frame.to_dict("records"), weeks.records, strict=True):
        if record.dimensions == dimensions(weeks_ago=0):
            found.append(
                words._(
                    "Still to come of the orders of the last seven days: {missing} (95% interval"
                    " {interval}), {orders} are there.", **_amounts(words, row),
                )
            )  # fmt: skip
        if record.dimensions == dimensions(span="period"):
            found.append(
                words._(
                    "Of the whole period: {missing} ({interval}), {orders} are there.",
                    **_amounts(words, row),
                )
            )
            if record.reason:
                found.append(words._("Not counted: {reason}.", reason=worded(words, record.reason)))
    return found


def _amounts(words: Words, row: Mapping[Any, Any]) -> dict[str, str]:
    return {
        "missing": words.count(row["missing"]), "orders": words.count(row["orders"]),
        "interval": words.interval(words.count(row["low"]), words.count(row["high"])),
    }  # fmt: skip


def _complete_alt(words: Words, result: Result) -> str:
    frame = result.frame[result.frame["system"] == ""].set_index("age")["share"]
    return words._(
        "Line chart: {first} of a day's orders are loaded on the same day, {second} by the next.",
        first=words.share(float(frame.iloc[0])), second=words.share(float(frame.get(1, 1.0))),
    )  # fmt: skip


# ---- freshness --------------------------------------------------------------------------------


def freshness(result: Result, *, id: str | None = None) -> Table | Text:
    """The newest row of each source, and whether it is too old; a stale one makes a draft."""
    context: Context = result.context
    words = context.words
    if result.frame.empty:
        return Text("")
    columns = (
        Column(words._("Source"), "left", "fr"),
        Column(words._("Newest row"), "right"),
        Column(words._("Days before the end"), "right"),
        Column(words._("Allowed"), "right"),
        Column(words._("Longest pause before"), "right"),
        Column(words._("State"), "left"),
    )
    rows = []
    for row in result.frame.to_dict("records"):
        name = table_name(words, row["table"])
        name = f"{name}: {shortened(row['system'])}" if row["system"] else name
        pause = row["pause"]
        known = pause is not None and not math.isnan(pause)
        rows.append(
            (
                name,
                words.day(row["last"]),
                words.count(row["days"]),
                words.count(row["limit"]),
                words.count(pause) if known else Cell(DASH, muted=True),
                _state(words, row),
            )
        )
    caption = words._(
        "The end is that of the period, or of the orders if that is earlier. A source system is too"
        " old only if it is also silent for more than twice its longest pause of the year before;"
        " after 92 days it is taken for given up. A source that is too old makes the pack a draft."
    )
    return Table(
        columns, tuple(rows), id=id, title=words._("How old is the newest row of each source?"),
        caption=caption, csv=csv_text(result.frame), size="small",
    )  # fmt: skip


def _state(words: Words, row: Mapping[Any, Any]) -> Cell:
    if row["stale"]:
        return Cell(words._("too old"), tone="bad", bold=True)
    if row["given_up"]:
        return Cell(words._("given up"), muted=True)
    if row["unusual"]:
        return Cell(words._("unusually silent"), tone="unsure")
    return Cell(words._("in time"), muted=True)
