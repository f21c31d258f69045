"""Decides what a pack is: a candidate, or a draft with its reasons."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from repurchase.analysis.freshness import sources
from repurchase.errors import DataError
from repurchase.model.reconcile import MoneyBridge
from repurchase.model.snapshot import Snapshot
from repurchase.params import DraftReason, Params
from repurchase.press import sums
from repurchase.reasons import NOBODY
from repurchase.words import N_, Words

Status = Literal["candidate", "draft", "signed"]
Row = Mapping[str, Any]
EXIT_CODES: dict[str, int] = {"candidate": 0, "draft": 3, "signed": 0}
SHOWN_GAPS = 3
BUYERS = "returning_buyer_share"  # its denominator are the known customers who bought


@dataclass(frozen=True)
class Verdict:
    """A pack's status and what is said beside it, as sentences in the reader's language.

    For a draft why it is one, with a stable `code` a reason; for a signed pack by whom and when.
    """

    status: Status
    reasons: tuple[str, ...]
    codes: tuple[DraftReason, ...] = ()


def check_complete(params: Params, snapshot: Snapshot) -> None:
    """Raises DataError if the period is not complete in the data and a draft is not allowed."""
    period = params.period
    assert period is not None
    if period.start > snapshot.data_through or period.end < snapshot.data_from:
        raise DataError(
            f"no data lie in {period.label}: they run from {snapshot.data_from.isoformat()} to"
            f" {snapshot.data_through.isoformat()}",
            remedy="name a PERIOD inside that range",
        )
    if period.end > snapshot.data_through and not params.profile.allow_incomplete:
        raise DataError(
            f"{period.label} is incomplete: the data run through"
            f" {snapshot.data_through.isoformat()}, the period ends on {period.end.isoformat()}",
            where=f"profile {params.name}",
            rule="an incomplete period is not reported as if it were whole",
            remedy="wait for the data; or set allow_incomplete: true (ALLOW_INCOMPLETE=1) for a"
            " draft; or set data_through if the last days truly had no orders",
        )


def verdict(
    params: Params,
    snapshot: Snapshot,
    bridge: MoneyBridge,
    words: Words,
    *,
    records: Iterable[Row] = (),
) -> Verdict:
    """What this pack is: a draft names its reasons.

    `records` are the rows that the chapters recorded. Raises DataError with the same sentences if
    the profile makes one of them fatal.
    """
    rows = list(records)
    found: list[tuple[DraftReason, str]] = [
        *_incomplete(params, snapshot, words),
        *_empty(rows, words),
        *_unexplained(params, bridge, words),
        *_stale(params, snapshot, words),
        *_not_computed(rows, words),
        *_gaps(rows, words),
    ]
    _check_fatal(params, found)
    reasons = tuple(text for _, text in found)
    codes = tuple(dict.fromkeys(code for code, _ in found))
    return Verdict("draft" if reasons else "candidate", reasons, codes)


def _check_fatal(params: Params, found: list[tuple[DraftReason, str]]) -> None:
    fatal = [(code, text) for code, text in found if code in params.profile.fatal]
    if fatal:
        codes = ", ".join(dict.fromkeys(code for code, _ in fatal))
        raise DataError(
            " ".join(text for _, text in fatal),
            where=f"params/{params.name}.yaml, fatal: {codes}",
            rule="this profile stops for that reason instead of making a draft",
            remedy="mend the data; or take the reason out of fatal: for a draft",
        )


def _incomplete(
    params: Params, snapshot: Snapshot, words: Words
) -> Iterator[tuple[DraftReason, str]]:
    assert params.period is not None
    if params.period.end > snapshot.data_through:
        text = words._(
            N_("The period is incomplete: the data run through {day}."),
            day=words.day(snapshot.data_through),
        )
        yield "incomplete_period", text


def _empty(rows: list[Row], words: Words) -> Iterator[tuple[DraftReason, str]]:
    """A period inside the data in which nobody bought: a file that is missing, most likely."""
    nobody = [
        row
        for row in rows
        if (row["metric"], row["dimensions"], row["compare_to"]) == (BUYERS, "", "none")
        and row["reason"] == NOBODY
    ]
    if nobody:
        text = words._(N_("No order of a known customer lies in the period: is a file missing?"))
        yield "empty_period", text


def _unexplained(
    params: Params, bridge: MoneyBridge, words: Words
) -> Iterator[tuple[DraftReason, str]]:
    if bridge.exceeded and bridge.unexplained_share is not None:
        text = words._(
            N_("{share} of a finance total is not explained, more than the limit of {limit}."),
            share=words.share(float(bridge.unexplained_share), 2),
            limit=words.share(params.profile.max_unexplained_share, 2),
        )
        yield "unexplained_money", text


def _stale(params: Params, snapshot: Snapshot, words: Words) -> Iterator[tuple[DraftReason, str]]:
    """Sources whose last row lies long before the end of the period or of the orders."""
    for source in sources(params, snapshot):
        if not source.stale:
            continue
        if source.system:
            text = words._(
                N_(
                    "The source system {system} has sent no order after {day}, more than {limit}"
                    " days too early; its longest pause in the year before, in days: {pause}."
                ),
                system=source.system,
                day=words.day(source.last),
                limit=words.count(source.limit),
                pause=words.count(source.pause),
            )
        else:
            text = words._(
                N_("The source of {table} ends on {day}, more than {limit} days too early."),
                table=source.table,
                day=words.day(source.last),
                limit=words.count(source.limit),
            )
        yield "stale_source", text


def _not_computed(rows: list[Row], words: Words) -> Iterator[tuple[DraftReason, str]]:
    """Chapters that recorded figures, none of which could be computed."""
    by_chapter: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_chapter[row["chapter"]].append(row)
    for chapter, members in by_chapter.items():
        if all(row["status"] == "not_computed" for row in members):
            reasons = [row["reason"] for row in members if row["reason"]]
            text = words._(
                N_("No figure of the chapter {chapter} can be computed: {reason}"),
                chapter=chapter,
                reason=reasons[0] if reasons else words._(N_("see there")),
            )
            yield "chapter_not_computed", text


def _gaps(rows: list[Row], words: Words) -> Iterator[tuple[DraftReason, str]]:
    found = sums.gaps(rows)
    for gap in found[:SHOWN_GAPS]:
        digits = 0 if gap.total == int(gap.total) and gap.parts == int(gap.parts) else 2
        text = words._(
            N_("The parts of {figure} add up to {parts}, not to their total of {total}."),
            figure=gap.figure,
            parts=words.number(gap.parts, digits),
            total=words.number(gap.total, digits),
        )
        yield "parts_do_not_add_up", text
    if len(found) > SHOWN_GAPS:
        more = words._(
            N_("{count} more totals are not the sum of their parts."),
            count=words.count(len(found) - SHOWN_GAPS),
        )
        yield "parts_do_not_add_up", more
