"""When customers are expected next, and how often that was right."""

from __future__ import annotations

from repurchase.context import Context
from repurchase.reasons import worded
from repurchase.records import Record, Result
from repurchase.show.blocks import Column, Note, Table
from repurchase.show.sentences import DASH, share_range
from repurchase.show.style import csv_text
from repurchase.words import Words


def next_purchase(expected: Result, tested: Result, *, id: str) -> Table | Note:
    """The rhythm of all customers, and the test of its 80 % intervals beneath it."""
    context: Context = expected.context
    words = context.words
    gap = expected.one("typical_gap")
    if gap.value is None:
        why = worded(words, gap.reason or "")
        return Note(words._("Nobody's next order can be dated: {reason}.", reason=why), "unsure")
    first = expected.one("never_returns", dimensions="after=first")
    later = expected.one("never_returns", dimensions="after=later")
    rows = [
        (words._("Typical days between orders"), _days(words, gap.value), _days_range(words, gap)),
        (
            words._("Never to return after the first order"),
            words.share(first.value), share_range(words, first),
        ),
        (
            words._("Never to return after a later order"),
            words.share(later.value), share_range(words, later),
        ),
        *_tested_rows(words, tested),
    ]  # fmt: skip
    columns = (
        Column(words._("Figure"), "left", "fr"),
        Column(words._("Value"), "right"),
        Column(words._("95% interval"), "right"),
    )
    return Table(
        columns, tuple(rows), id=id, title=words._("How customers' own rhythms predict"),
        caption=_caption(words, gap, tested), csv=csv_text(tested.frame),
    )  # fmt: skip


def _days(words: Words, value: float | None) -> str:
    return words.number(value, 1)


def _days_range(words: Words, record: Record) -> str:
    if record.low is None or record.high is None:
        return DASH
    return words.interval(_days(words, record.low), _days(words, record.high))


def _tested_rows(words: Words, tested: Result) -> list[tuple[str, str, str]]:
    inside = tested.one("interval_coverage")
    if inside.value is None:
        return []
    came, expected = tested.one("came_back"), tested.one("came_back_expected")
    return [
        (
            words._("Test: next order within its 80% interval"),
            words.share(inside.value), share_range(words, inside),
        ),
        (
            words._("Test: customers who came"),
            words.share(came.value), share_range(words, came),
        ),
        (
            words._("Test: customers expected to come"),
            words.share(expected.value), share_range(words, expected),
        ),
    ]  # fmt: skip


def _caption(words: Words, gap: Record, tested: Result) -> str:
    parts = [words._("{n} customers.", n=words.count(gap.n))]
    inside = tested.one("interval_coverage")
    if inside.value is None:
        why = worded(words, inside.reason or "")
        return " ".join([*parts, words._("Not tested: {reason}.", reason=why)])
    row = tested.frame.iloc[0]
    parts.append(
        words._(
            "Test: predicted for {customers} customers from what was known before {first}, against"
            " the {came} who came up to {last}.",
            customers=words.count(row["customers"]),
            first=words.day(row["first"]),
            came=words.count(row["came"]),
            last=words.day(row["last"]),
        )
    )
    return " ".join(parts)
