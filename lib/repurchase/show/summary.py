"""The first page: what the chapters recorded and found, ranked and worded; nothing is computed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from repurchase.context import Context
from repurchase.definitions import METRICS
from repurchase.params import Incident
from repurchase.period import Period
from repurchase.records import Confidence, Finding, Record, Result
from repurchase.show import sentences, tables
from repurchase.show.blocks import (
    Cell,
    Column,
    Headline,
    ListBlock,
    ListItem,
    Note,
    Table,
    Text,
)
from repurchase.show.bridge import KINDS
from repurchase.show.data import table_name
from repurchase.show.mix import cut_name, place_name
from repurchase.show.path import event_name, path_name
from repurchase.show.sentences import AGAINST, distance, joined, paragraph, points
from repurchase.words import N_, Words

CONFIDENCE: Mapping[Confidence, str] = {
    "high": N_("confidence high"),
    "medium": N_("confidence medium"),
    "low": N_("confidence low"),
}
KEY_FIGURES = (
    "returning_buyer_share",
    "repurchase_30d",
    "repurchase_90d",
    "repurchase_180d",
    "repeat_revenue_share",
    "retention_rate",
    "identified_order_share",
)
TONE_ORDER = {"bad": 0, "unsure": 1, "good": 2, "neutral": 3}
CONFIDENCE_ORDER = {"high": 0, "medium": 1, "low": 2}


class Told(Protocol):
    """What the other chapters recorded and found, as plain rows."""

    @property
    def records(self) -> Sequence[Mapping[str, Any]]: ...

    @property
    def findings(self) -> Sequence[Mapping[str, Any]]: ...


MOST_FINDINGS = 5


def _read(told: Told, context: Context) -> Result:
    """The chapters' records as one result."""
    return Result(None, tuple(Record(**row) for row in told.records), context=context)


def _findings(told: Told) -> list[Finding]:
    return [
        Finding(**{**row, "values": dict(row["values"]), "records": tuple(row["records"])})
        for row in told.findings
    ]


def verdict(told: Told, *, context: Context) -> Headline:
    """The retention chapter's headline; without that chapter, the weightiest finding."""
    read = _read(told, context)
    if any(r.metric == sentences.HEADLINE and not r.dimensions for r in read.records):
        held = tuple(r for r in read.records if r.dimensions == "basis=identification_held")
        return sentences.headline(read, read, Result(None, held, context=context))
    found = ranked(_findings(told))
    if not found:
        return Headline(context.words._("The chapters found nothing to report."), "neutral")
    first = found[0]
    text = claim_text(context.words, first, currency=context.currency)
    return Headline(text, first.tone)


def key_figures(told: Told, *, context: Context) -> Table | Text:
    """The key figures in a line each, from what the chapters recorded; nothing without them.

    The chapters' own pages show them as cards with their charts.
    """
    read = _read(told, context)
    known = {r.metric for r in read.records if not r.dimensions}
    names = [name for name in KEY_FIGURES if name in known]
    if not names:
        return Text("")
    table, words = tables.key_figures(read, names), context.words
    where = words._("What each figure means stands at the end, under Definitions.")
    return replace(table, caption=paragraph(words, [table.caption or "", where]))


def ranked(found: Iterable[Finding]) -> list[Finding]:
    """Findings by weight: what hurts or casts doubt first, then money, then confidence.

    The order is total (the id breaks ties), so that equal findings rank alike in every run.
    """
    return sorted(
        found,
        key=lambda f: (
            not f.headline,
            TONE_ORDER[f.tone],
            -abs(f.money or 0.0),
            CONFIDENCE_ORDER[f.confidence],
            f.id,
        ),
    )


def findings(told: Told, *, context: Context) -> ListBlock | Text:
    """What to know, ranked: claim, suggested action, money at stake and confidence.

    The weightiest few, so that a reader with five minutes has read them; see `further_findings`.
    """
    found = ranked(_findings(told))
    if not found:
        return Text(context.words._("The chapters found nothing to report."))
    shown = found[:MOST_FINDINGS]
    return ListBlock(tuple(_item(context.words, f, context.currency) for f in shown))


def further_findings(told: Told, *, context: Context) -> Table | Text:
    """A line for each chapter of which no finding is shown, then where the others stand.

    So that the page answers each chapter's question; nothing where all findings are shown.
    """
    found = ranked(_findings(told))
    shown, rest = found[:MOST_FINDINGS], found[MOST_FINDINGS:]
    heard = {one.chapter for one in shown}
    lines: dict[str, Finding] = {}
    for one in sorted(rest, key=_by_money):
        if one.chapter not in heard:
            lines.setdefault(one.chapter, one)
    more = [f for f in rest if f not in lines.values()]
    where = _elsewhere(more, context.words)
    if not lines:
        return Text(where, "small")
    return _of_silent(list(lines.values()), where, context)


def _by_money(finding: Finding) -> float:
    return -abs(finding.money or 0.0)


def _of_silent(found: Sequence[Finding], caption: str, context: Context) -> Table:
    words, rows = context.words, []
    for one in found:
        see = words._("see {exhibit}", exhibit=one.exhibit) if one.exhibit else ""
        claim = claim_text(words, one, currency=context.currency)
        rows.append((
            Cell(claim, tone=one.tone),
            joined(words, [words._(CONFIDENCE[one.confidence]), see]),
        ))  # fmt: skip
    columns = (Column(words._("From the other chapters"), "left", "fr"), Column(""))
    return Table(columns, tuple(rows), caption=caption or None, size="small")


def _elsewhere(rest: Sequence[Finding], words: Words) -> str:
    """How many more there are, and where."""
    if not rest:
        return ""
    places = list(dict.fromkeys(f.exhibit for f in rest if f.exhibit))
    return words._(
        "{count} more stand in the chapters: see {exhibits}.",
        count=words.count(len(rest)),
        exhibits=words.listed(places),
    )


def _item(words: Words, finding: Finding, currency: str) -> ListItem:
    meta = [words._(CONFIDENCE[finding.confidence])]
    if finding.money is not None:
        meta.insert(0, _at_stake(words, finding, currency))
    if finding.exhibit:
        meta.append(words._("see {exhibit}", exhibit=finding.exhibit))
    action = words._(finding.suggested_action) if finding.suggested_action else ""
    return ListItem(
        claim_text(words, finding, currency=currency), action, joined(words, meta), finding.tone
    )


MONEY_KINDS = {**KINDS, "net": N_("net value")}
STAKES = {
    "margin": (N_("{money} of margin"), N_("{money} of margin (95% interval {interval})")),
    "revenue": (N_("{money} of revenue"), N_("{money} of revenue (95% interval {interval})")),
    "net": (N_("{money} of net value"), N_("{money} of net value (95% interval {interval})")),
    "own": (N_("{money} of {figure}"), N_("{money} of {figure} (95% interval {interval})")),
}


def _at_stake(words: Words, finding: Finding, currency: str) -> str:
    """The money, of what it is, and its interval; "own" is a figure of the company's own file."""
    money = words.money(finding.money, currency)
    low, high = (words.money(m, currency) for m in (finding.money_low, finding.money_high))
    figure = finding.values.get("figure_text")
    kind = "own" if isinstance(figure, str) else finding.values.get("money_kind") or "revenue"
    short, whole = STAKES[str(kind)]
    if not low or not high:
        return words._(short, money=money, figure=figure)
    return words._(whole, money=money, figure=figure, interval=words.interval(low, high))


def claim_text(words: Words, finding: Finding, *, currency: str) -> str:
    """A finding's claim as a sentence in the reader's language."""
    values = {name: said(words, name, v, currency) for name, v in finding.values.items()}
    return words._(finding.claim, **values)


def said(words: Words, name: str, value: str | float | int | None, currency: str) -> str:
    """A value of a finding in words; the end of its name says what it is.

    `..._share`, `..._points` (signed), `..._distance` (points, unsigned), `..._money` (large
    amounts shortened), `..._amount` (money to the cent),
    `..._period`, `..._metric`, `..._label` (a comparison), `..._day`, `..._cut`,
    `..._place` (`cut=label`), `..._kind` (margin, revenue or net), `..._source` (a table, or
    `table:system`), `..._path` and `..._event` (types of events); a number else is counted.
    """
    kind = name.rsplit("_", 1)[-1]
    if value is None:
        return ""
    if isinstance(value, str):
        return _said_text(words, kind, value)
    if kind == "share":
        return words.share(value)
    if kind == "points":
        return points(words, value)
    if kind == "distance":
        return distance(words, value)
    if kind == "money":
        return words.money(value, currency)
    if kind == "amount":
        return words.money(value, currency, whole=False)
    return words.count(value) if float(value).is_integer() else words.number(value, 2)


def _said_text(words: Words, kind: str, value: str) -> str:
    if kind == "period":
        return words.period(Period.parse(value))
    if kind == "metric":
        return words._(METRICS[value].name)
    if kind == "label":
        return words._(AGAINST[value])
    if kind == "day":
        return words.day(dt.date.fromisoformat(value))
    if kind == "place":
        return place_name(words, value)
    if kind == "cut":
        return cut_name(words, value)
    if kind == "kind":
        return words._(MONEY_KINDS[value])
    if kind == "path":
        return path_name(words, value)
    if kind == "event":
        return event_name(words, value)
    if kind == "source":
        table, _, system = value.partition(":")
        return tables.shortened(system) or table_name(words, table)
    return value


def commentary(
    text: str | None, incidents: Sequence[Incident] = (), *, context: Context
) -> Note | Text:
    """What the company wrote about the period, and what is known to have happened in it.

    Nothing if nothing was written and nothing is known.
    """
    words = context.words
    lines = [_incident(words, one) for one in incidents]
    said_by_company = (text or "").strip()
    if lines:
        both = words._("The company's comment and known incidents")
        title = both if said_by_company else words._("Known incidents")
        return Note("\n".join(filter(None, [said_by_company, *lines])), "unsure", title)
    if said_by_company:
        return Note(said_by_company, "neutral", words._("The company's comment"))
    return Text("")


def _incident(words: Words, incident: Incident) -> str:
    first, last = incident.first, incident.last
    if last is None:
        return words._("Since {day}: {text}", day=words.day(first), text=incident.text)
    days = words.day(first) if last == first else words.days(first, last)
    return words._("{days}: {text}", days=days, text=incident.text)


def not_computed_of(told: Told, *, context: Context) -> Text:
    """What no chapter could compute, and why; cuts and parts of a figure are the chapters' own."""
    read, words = _read(told, context), context.words
    whole = tuple(r for r in read.records if not r.dimensions or r.dimensions.startswith("basis="))
    found = tables.missing_by_reason(Result(None, whole, context=context))
    if not found:
        return Text("")
    parts = [
        words._("{name} ({detail})", name=joined(words, names.split("\n")), detail=why)
        for why, names in found.items()
    ]
    return Text(words._("Not computed: {names}.", names=joined(words, parts)), "small")
