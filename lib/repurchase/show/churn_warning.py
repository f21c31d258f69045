"""Whom to worry about: the test of the scores, and the customers at risk with what they brought."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from repurchase.context import Context
from repurchase.reasons import worded
from repurchase.records import Result
from repurchase.show.blocks import Cell, Column, Note, Table
from repurchase.show.customer_value import TIER_NAMES
from repurchase.show.cuts import FLAGS
from repurchase.show.sentences import DASH, paragraph
from repurchase.show.style import csv_text
from repurchase.show.tables import shortened, value_name
from repurchase.words import N_, Words

SCORES = {
    "recency": N_("Recency: days since the last order"),
    "frequency": N_("Frequency: number of order dates"),
    "own_rhythm": N_("Late by own rhythm"),
    "returns": N_("Probability to order, by own rhythm"),
    "expected": N_("Expected purchases (BG/NBD)"),
    "combined": N_("Recency, frequency, rhythm and tenure together (logistic)"),
    "alive": N_("P(alive) of BG/NBD: shown as a warning, never used"),
}
USED = {
    "recency": N_(
        "Who will order is best told by recency: no other score does better by more than chance."
    ),
    "frequency": N_(
        "Who will order is best told by the number of order dates, better than by recency by more"
        " than chance."
    ),
    "own_rhythm": N_(
        "Who will order is best told by lateness against the own rhythm, better than by recency by"
        " more than chance."
    ),
    "returns": N_(
        "Who will order is best told by the probability to order, by own rhythm, better than by"
        " recency by more than chance."
    ),
    "expected": N_(
        "Who will order is best told by expected purchases (BG/NBD), better than by recency by more"
        " than chance."
    ),
    "combined": N_(
        "Who will order is best told by recency, frequency, rhythm and tenure together, better than"
        " by recency alone by more than chance."
    ),
}
Row = dict[Any, Any]


def warning_test(result: Result, *, id: str) -> Table | Note:
    """Each score's order, its gain over recency, the tenth most at risk, and its level."""
    context: Context = result.context
    words, frame = context.words, result.frame
    if frame.empty:
        why = worded(words, result.records[0].reason or "")
        return Note(
            words._("Scores cannot be tested, so recency is used: {reason}.",
                    reason=why),
            "unsure",
        )  # fmt: skip
    rows = [_score_row(words, row) for row in frame.to_dict("records")]
    columns = (
        Column(words._("Score"), "left", "fr"),
        Column(words._("AUC (95%)"), "right"),
        Column(words._("over recency (95%)"), "right"),
        Column(words._("Silent in the riskiest tenth"), "right"),
        Column(words._("Lift (95%)"), "right"),
        Column(words._("Orders foretold"), "right"),
    )
    return Table(
        columns, tuple(rows), id=id, title=words._("Which score tells best who will order"),
        caption=_caption(words, frame), csv=csv_text(frame), size="small",
    )  # fmt: skip


def _score_row(words: Words, row: Row) -> tuple[str | Cell, ...]:
    used, warned = bool(row["used"]), row["score"] == "alive"
    name = words._(SCORES[row["score"]])
    auc = _ranged(words, row["auc"], row["low"], row["high"], 3)
    gain: str | Cell = Cell(DASH, muted=True)
    if not math.isnan(row["gain"]):
        text = _ranged(words, row["gain"], row["gain_low"], row["gain_high"], 3, signed=True)
        gain = Cell(text, bold=bool(row["gains"]))
    low, high = words.number(row["top_low"] * 100, 1), words.share(row["top_high"])
    return (
        Cell(name, bold=used, tone="bad" if warned else None),
        Cell(auc, bold=used), gain,
        f"{words.share(row['top'])} ({low}–{high})",
        _ranged(words, row["lift"], row["lift_low"], row["lift_high"], 2),
        _foretold(words, row),
    )  # fmt: skip


def _ranged(
    words: Words, value: float, low: float, high: float, digits: int, *, signed: bool = False
) -> str:
    text = words.plus(value, digits) if signed else words.number(value, digits)
    if math.isnan(low) or math.isnan(high):
        return text
    return f"{text} ({words.interval(words.number(low, digits), words.number(high, digits))})"


def _foretold(words: Words, row: Row) -> str | Cell:
    """What a probability said of all; the slope 1 where its levels spread as what came."""
    if math.isnan(row["said"]):
        return Cell(DASH, muted=True)
    if math.isnan(row["slope"]):
        return words.share(row["said"])
    return words._(
        "{share}, slope {slope}", share=words.share(row["said"]),
        slope=_ranged(words, row["slope"], row["slope_low"], row["slope_high"], 2),
    )  # fmt: skip


def _caption(words: Words, frame: pd.DataFrame) -> str:
    row = frame.iloc[0]
    used = str(frame.loc[frame["used"], "score"].iloc[0])
    parts = [
        words._(USED[used]),
        words._(
            "Dates tested: {origins}, {horizon} days apart, on the orders of {first} to {last}:"
            " {tested} customers and dates, active ones only, each score made from what was known"
            " on its date. AUC: of pairs of whom one orders within {horizon} days and one does not,"
            " the share put in the right order; 0.5 is a coin.",
            origins=words.count(row["origins"]), horizon=words.count(row["horizon"]),
            first=words.day(row["first"]), last=words.day(row["last"]),
            tested=words.count(row["tested"]),
        ),
        words._(
            "Bold over recency: more than chance, with the number of scores taken into account."
            " Riskiest tenth, lift and orders foretold: of the {n} customers of the latest date, of"
            " whom {base} placed no order and {came} did; slope 1 means that the levels spread as"
            " what came.",
            n=words.count(row["customers"]), base=words.share(row["base"]),
            came=words.share(row["came"]),
        ),
    ]  # fmt: skip
    if (frame["score"] == "alive").any():
        parts.append(
            words._(
                "P(alive) is 1 for whoever has ordered once, so that it calls the likeliest to stay"
                " away the safest."
            )
        )
    return paragraph(words, parts)


def at_risk(result: Result, *, id: str) -> Table | Note:
    """Customers at risk in all, by tier and by segment, with what they brought."""
    context: Context = result.context
    words, frame = context.words, result.frame
    if frame.empty:
        why = worded(words, result.records[0].reason or "")
        return Note(words._("Not computed: {reason}.", reason=why), "unsure")
    worth = next(
        (r.metric.removeprefix("at_risk_") for r in result.records if r.unit == "money"), None
    )
    rows: list[tuple[str | Cell, ...]] = []
    for by in dict.fromkeys(frame["by"]):
        part = frame[frame["by"] == by].to_dict("records")
        if by not in ("all", "tier"):
            part.sort(key=lambda r: (-r["at_risk"], r["label"]))
            rows.append((Cell(str(by), bold=True), *[""] * (3 if worth is None else 4)))
        elif by == "tier":
            part.sort(key=lambda r: list(TIER_NAMES).index(r["label"]))
            rows.append((Cell(words._("Tier"), bold=True), *[""] * (3 if worth is None else 4)))
        rows += [_risk_row(context, row, worth) for row in part]
    columns = [
        Column(words._("Customers"), "left", "fr"),
        Column(words._("Active"), "right"),
        Column(words._("At risk"), "right"),
        Column(words._("of those with a rhythm (95%)"), "right"),
    ]
    if worth is not None:
        label = {"margin": N_("Margin they brought"), "revenue": N_("Revenue they brought")}[worth]
        columns.append(Column(words._(label), "right"))
    caption = words._(
        "At risk: active customers with two or more order dates who are later than nine of ten of"
        " their own gaps. Money: what they brought in the last {months} months, which is not lost"
        " yet. The rule gives the reason for a warning; whom to doubt most is told by the score"
        " that the test settled on.",
        months=words.count(int(frame["months"].iloc[0])),
    )
    return Table(
        tuple(columns), tuple(rows), id=id, title=words._("Who is at risk, and what is at stake"),
        caption=caption, csv=csv_text(frame), size="small",
    )  # fmt: skip


def _risk_label(words: Words, by: str, label: str) -> str:
    if by == "all":
        return words._("All")
    if by == "tier":
        return words._(TIER_NAMES[label])
    if label in FLAGS:
        return words._(FLAGS[label])
    return shortened(value_name(words, by, label)) if label else words._("not known")


def _risk_row(context: Context, row: Row, worth: str | None) -> tuple[str | Cell, ...]:
    words = context.words
    label = _risk_label(words, row["by"], str(row["label"]))
    share: str | Cell = Cell(DASH, muted=True)
    if not math.isnan(row["share"]):
        low, high = words.number(row["low"] * 100, 1), words.share(row["high"])
        share = f"{words.share(row['share'])} ({low}–{high})"
    cells: list[str | Cell] = [
        Cell(label, bold=row["by"] == "all"), words.count(row["active"]),
        Cell(words.count(row["at_risk"]), bold=True), share,
    ]  # fmt: skip
    if worth is not None:
        cells.append(words.money(row["worth"], context.currency))
    return tuple(cells)
