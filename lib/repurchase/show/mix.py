"""Who or where: what each store, channel, region or segment adds to the change."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from repurchase.analysis.mix import SMALLER, Cause, cause
from repurchase.context import Context
from repurchase.definitions import METRICS
from repurchase.reasons import worded
from repurchase.records import Record, Result, parse_dimensions
from repurchase.show.blocks import Cell, Column, ListItem, Note, Table, Text
from repurchase.show.sentences import against_side, paragraph, points
from repurchase.show.style import csv_text
from repurchase.show.tables import shortened, value_name
from repurchase.words import N_, Words

CUT_NAMES = {
    "store_id": N_("Store"),
    "channel": N_("Channel"),
    "region": N_("Region"),
    "category": N_("Category"),
    "tier": N_("Tier"),
    "rep_id": N_("Sales person"),
    "team": N_("Team"),
    "campaign_id": N_("Campaign"),
    "level": N_("Level"),
    "segment": N_("Segment"),
    "source_system": N_("Source system"),
}
FLAGS = {"true": N_("yes"), "false": N_("no")}
ROWS, SHORT_ROWS = 8, 5


def cut_name(words: Words, cut: str) -> str:
    """What a cut is called; a segment of the profile keeps its own name."""
    return words._(CUT_NAMES[cut]) if cut in CUT_NAMES else shortened(cut)


def label_name(words: Words, cut: str, label: str) -> str:
    """A label as a reader meets it."""
    if label == "":
        return words._("not known")
    if label == SMALLER:
        return words._("smaller ones together")
    said = value_name(words, cut, label)
    return words._(FLAGS[label]) if label in FLAGS else shortened(said)


def place_name(words: Words, place: str) -> str:
    """`region=华南` in words: the cut's name and the label's."""
    ((cut, label),) = parse_dimensions(place).items()
    name, said = cut_name(words, cut), label_name(words, cut, label)
    return words._("{cut}: {label}", cut=name, label=said)


def cause_item(result: Result, *, unsettled: bool = False) -> ListItem:
    """Which segment explains most of the change beyond its size, or that none stands out.

    `unsettled`: identification moved beyond its limit, so that the part may be no behaviour.
    """
    context: Context = result.context
    words = context.words
    found = cause(result, basis=context.windows.basis)
    frame = result.frame
    if frame.empty:
        return ListItem(
            words._("Who or where caused it cannot be said"), words.listed(_reasons(words, result))
        )
    if found is None:
        count = words.count(len(frame))
        return ListItem(
            words._("No store, channel, region or segment stands out"),
            words._("Looked at together: {count}; none moved otherwise than the rest beyond"
                    " chance.", count=count),
        )  # fmt: skip
    detail = _detail(words, found, len(frame))
    if found.against == "previous":
        season = words._("It may be the season: there is nothing sound a year ago to tell.")
        detail = paragraph(words, [detail, season])
    if unsettled:
        doubt = words._("It may be identification, not behaviour.")
        detail = paragraph(words, [detail, doubt])
    return ListItem(_claim(context, found), detail, tone="unsure" if unsettled else _tone(found))


def _reasons(words: Words, result: Result) -> list[str]:
    """Why a comparison could not be split, each reason once."""
    found = [
        worded(words, r.reason)
        for r in result.records
        if r.metric == "rate_part" and r.reason and "by=" not in r.dimensions
    ]
    return list(dict.fromkeys(found))


def _nothing(words: Words, result: Result) -> str:
    reasons = _reasons(words, result)
    if not reasons:
        return words._("No change could be split.")
    return words._("No change could be split: {reasons}.", reasons=words.listed(reasons))


def _claim(context: Context, found: Cause) -> str:
    words = context.words
    place = words._(
        "{cut}: {label}",
        cut=cut_name(words, found.cut),
        label=label_name(words, found.cut, found.label),
    )
    return words._(
        "{place} gave {part} of the change {against}, all else together {rest}",
        place=place,
        part=points(words, found.part),
        rest=points(words, found.rest),
        against=against_side(context, found.against),
    )


def _detail(words: Words, found: Cause, looked: int) -> str:
    return words._(
        "Returning there: {then} then, {now} now; 95% interval of the part {interval}; it stands"
        " among {count} looked at.",
        now=words.share(found.value),
        then=words.share(found.value_then),
        interval=words.interval(words.plus(found.low * 100, 1), points(words, found.high)),
        count=words.count(looked),
    )


def _tone(found: Cause) -> Any:
    if found.against == "previous":
        return "neutral"
    if found.low > 0:
        return "good"
    return "bad" if found.high < 0 else "neutral"


def drivers(result: Result, *, id: str | None = None, short: bool = False) -> Table | Note:
    """Who or where caused it: what each part of one cut adds to the change; the parts add up.

    The cut is that of the cause, else the first. `short` leaves out shares and intervals.
    """
    context: Context = result.context
    words = context.words
    chosen = _chosen(result)
    if chosen is None:
        return Note(_nothing(words, result), "neutral")
    side, cut = chosen
    frame = result.frame
    own = frame[(frame["against"] == side) & (frame["cut"] == cut)]
    if side == "previous":
        own = own.assign(stands=False)  # it may be the season, so nothing is marked
    rows = _driver_rows(words, cut, own, SHORT_ROWS if short else ROWS, short=short)
    names = [words._("Mix"), words._("Rate"), words._("Both")]
    if not short:
        names = [words._("Buyers"), words._("Returning then"), words._("Returning now"), *names,
                 words._("95% interval")]  # fmt: skip
    columns = (
        Column(cut_name(words, cut), "left", "fr"),
        *(Column(name, "right") for name in names),
    )
    label = against_side(context, side)
    title = words._("Who or where: the change {against} by parts", against=label)
    legend = words._(
        "Percentage points. Mix: other buyers; rate: the same kind of buyers return otherwise."
        " Bold: stands among all parts looked at."
    )
    return Table(
        columns, tuple(rows), id=id, title=title, caption=legend, csv=csv_text(own), size="small"
    )


def _chosen(result: Result) -> tuple[str, str] | None:
    found = cause(result, basis=result.context.windows.basis)
    if found:
        return found.against, found.cut
    if result.frame.empty:
        return None
    frame = result.frame
    side = "year_ago" if (frame["against"] == "year_ago").any() else "previous"
    cuts = frame[frame["against"] == side]["cut"]
    preferred = [c for c in ("region", "channel") if (cuts == c).any()]
    return side, (preferred or [str(cuts.iloc[0])])[0]


def _driver_rows(
    words: Words, cut: str, own: pd.DataFrame, most: int, *, short: bool
) -> list[tuple[str | Cell, ...]]:
    order = own.assign(size=own["part"].abs()).sort_values(
        ["stands", "size", "label"], ascending=[False, False, True]
    )
    rest = order.iloc[most:] if len(order) > most + 1 else order.iloc[:0]
    rows = [
        _driver_row(words, label_name(words, cut, row["label"]), row, short=short)
        for row in order.iloc[: len(order) - len(rest)].to_dict("records")
    ]
    if len(rest):
        name = words._("{count} others", count=words.count(len(rest)))
        rows.append(_driver_row(words, name, _summed(rest), short=short))
    rows.append(_driver_row(words, words._("All"), _summed(own), short=short, bold=True))
    return rows


def _summed(part: pd.DataFrame) -> dict[Any, Any]:
    """Several rows as one; what cannot be summed is missing."""
    n_then, n = float(part["n_then"].sum()), float(part["n"].sum())
    then, now = (
        float((part[f"n{x}"] * part[f"value{x}"].fillna(0)).sum()) for x in ("_then", "")
    )
    return {
        "n": n,
        "value_then": then / n_then if n_then else math.nan,
        "value": now / n if n else math.nan,
        **{k: math.fsum(part[k]) for k in ("mix", "rate", "part")},
        "low": math.nan,
        "high": math.nan,
        "stands": False,
    }


def _driver_row(
    words: Words, name: str, row: dict[Any, Any], *, short: bool, bold: bool = False
) -> tuple[str | Cell, ...]:
    stands = bool(row["stands"])
    tone: Any = ("good" if row["part"] > 0 else "bad") if stands else None
    part = Cell(words.plus(row["part"] * 100, 2), tone=tone, bold=bold or stands)
    values = [words.plus(row[k] * 100, 2) for k in ("mix", "rate")]
    if short:
        return (Cell(name, bold=bold), *values, part)
    known = not math.isnan(row["low"])
    interval = (
        words.interval(words.plus(row["low"] * 100, 2), words.plus(row["high"] * 100, 2))
        if known
        else ""
    )
    shares = ["" if math.isnan(row[k]) else words.share(row[k]) for k in ("value_then", "value")]
    return (Cell(name, bold=bold), words.count(row["n"]), *shares, *values, part, interval)


def mix_and_rate(*results: Result, id: str | None = None) -> Table | Note:
    """Each cut's mix and rate for both comparisons, with intervals; disagreements marked.

    `results` are splits of one figure each. Cuts that cannot be split are named beneath.
    """
    context: Context = results[0].context
    words = context.words
    rows: list[tuple[str | Cell, ...]] = []
    for result in results:
        split = [r for r in result.records if r.metric == "rate_part" and r.value is not None]
        if split:
            rows.append((Cell(_figure_name(words, split[0]), bold=True), *[""] * 5))
            rows += [_cut_row(words, result, r) for r in split]
    records = [r for result in results for r in result.records if r.metric != "change_part"]
    missing = _not_split(words, records)
    if not rows:
        return Note(paragraph(words, [_nothing(words, results[0]), *missing]), "neutral")
    columns = (
        Column(words._("Cut by"), "left", "fr"),
        Column(words._("Against"), "left"),
        Column(words._("Change"), "right"),
        Column(words._("Mix, 95% interval"), "right"),
        Column(words._("Rate, 95% interval"), "right"),
        Column(words._("Sign"), "left"),
    )
    legend = words._(
        "Percentage points; both parts add up to the change. Bold: the interval excludes 0. Sign:"
        " whether the rates moved against the total, beyond chance among all cuts"
        " (Benjamini-Hochberg, 5%)."
    )
    return Table(
        columns, tuple(rows), id=id, title=words._("Every change split into mix and rate"),
        caption=paragraph(words, [legend, *missing]),
        csv=csv_text(pd.DataFrame(map(vars, records))), size="small",
    )  # fmt: skip


def _figure_name(words: Words, record: Record) -> str:
    name = parse_dimensions(record.dimensions).get("of", "returning_buyer_share")
    return words._(METRICS[name].name)


def _not_split(words: Words, records: list[Record]) -> list[str]:
    """What was not split and why, each reason once with its cuts."""
    found: dict[str, list[str]] = {}
    for record in records:
        told = parse_dimensions(record.dimensions)
        if record.metric == "rate_part" and record.value is None and "by" in told:
            named = found.setdefault(worded(words, record.reason or ""), [])
            if cut_name(words, told["by"]) not in named:
                named.append(cut_name(words, told["by"]))
    return [
        words._("Not split: {cuts} ({reason}).", cuts=words.listed(cuts), reason=why)
        for why, cuts in found.items()
    ]


def _cut_row(words: Words, result: Result, rate: Record) -> tuple[str | Cell, ...]:
    told = parse_dimensions(rate.dimensions)
    other = result.one("mix_part", dimensions=rate.dimensions)
    flagged = result.one("sign_disagreement", dimensions=rate.dimensions)
    total = (rate.value or 0.0) + (other.value or 0.0)
    sign = Cell(words._("disagrees"), tone="bad", bold=True) if flagged.value else Cell("")
    return (
        cut_name(words, told["by"]),
        against_side(result.context, told["against"]),
        words.plus(total * 100, 2),
        _part_cell(words, other),
        _part_cell(words, rate),
        sign,
    )


def _part_cell(words: Words, record: Record) -> Cell:
    assert record.value is not None and record.low is not None and record.high is not None
    value, low, high = (words.plus(x * 100, 2) for x in (record.value, record.low, record.high))
    moves = record.low > 0 or record.high < 0
    text = words._("{value} ({interval})", value=value, interval=words.interval(low, high))
    return Cell(text, bold=moves, muted=not moves)


def disagreement(*results: Result) -> Note | Text:
    """A red note where the total moves one way and its parts the other; nothing otherwise."""
    context: Context = results[0].context
    words = context.words
    flagged = [
        (_figure_name(words, r), parse_dimensions(r.dimensions))
        for result in results
        for r in result.records
        if r.metric == "sign_disagreement" and r.value
    ]
    if not flagged:
        return Text("")
    lines = [
        words._(
            "{figure} by {cut}, {against}: the total misleads, since the shares within moved the"
            " other way.",
            figure=figure,
            cut=cut_name(words, told["by"]),
            against=against_side(context, told["against"]),
        )
        for figure, told in flagged
    ]
    return Note(paragraph(words, lines), "bad", words._("Total and parts disagree"))
