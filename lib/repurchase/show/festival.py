"""Both months of a moving festival as one sum."""

from __future__ import annotations

import datetime as dt

from repurchase.context import Context
from repurchase.definitions import METRICS
from repurchase.records import Record, Result
from repurchase.show.blocks import Column, Table, Text
from repurchase.show.sentences import points, share_interval, why
from repurchase.words import Words


def january_february(result: Result, *, id: str | None = None) -> Table | Text:
    """January and February as one sum; nothing in other months or where no feast moves."""
    if not result.records:
        return Text("")
    context: Context = result.context
    words = context.words
    rows = [_line(words, r, result) for r in result.records if r.compare_to == "none"]
    columns = (
        Column(words._("January and February as one"), "left", "fr"),
        Column(words._("Value"), "right"),
        Column(words._("95% interval"), "right"),
        Column(words._("Against a year ago"), "right"),
    )
    return Table(columns, tuple(rows), id=id)


def _line(words: Words, record: Record, result: Result) -> tuple[str, ...]:
    name = words._(METRICS[record.metric].name)
    if record.value is None:
        said = why(words, record)
        if record.readable_from:
            day = words.day(dt.date.fromisoformat(record.readable_from))
            said = words._("can be read from {day}", day=day)
        return (name, "", "", said)
    changes = (r for r in result.records if (r.metric, r.compare_to) == (record.metric, "year_ago"))
    change = next(changes, None)
    against = ""
    if change is not None:
        against = points(words, change.change) if change.change is not None else why(words, change)
    return (name, words.share(record.value), share_interval(words, record), against)
