"""Are the customers won lately as good as those before them at the same age?"""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from repurchase.analysis.cuts import EXPLORATORY, STANDS
from repurchase.analysis.newest import AGES, is_sound, joiners_of, next_readable
from repurchase.context import Context
from repurchase.reasons import MAYBE_OLDER, worded
from repurchase.records import Result
from repurchase.show.blocks import Cell, Column, ListBlock, ListItem, Note, Table, Tone
from repurchase.show.sentences import DASH, bare_points, joined, paragraph
from repurchase.show.style import csv_text
from repurchase.show.tables import shortened, value_name
from repurchase.words import N_, Words

CUT_NAMES = {
    "all": N_("All newcomers"),
    "channel": N_("First channel"),
    "campaign": N_("First campaign"),
    "discount": N_("First order"),
}
DISCOUNTS = {"true": N_("with a discount"), "false": N_("at full price")}


def newest(result: Result, *, id: str | None = None) -> Table | Note:
    """Share back and money of the newest newcomers, against earlier ones at the same age."""
    context: Context = result.context
    words = context.words
    frame = result.frame
    if frame.empty:
        why = next((r.reason for r in result.records if r.reason), "")
        return Note(words._("Not computed: {reason}.", reason=worded(words, why or "")))
    rows: list[tuple[str | Cell, ...]] = []
    for cut, part in frame.groupby("cut", sort=False):
        if cut != "all":
            rows.append((Cell(words._(CUT_NAMES[str(cut)]), bold=True), *[""] * 7))
        for label, one in part.groupby("label", sort=False):
            rows += _rows(context, str(cut), str(label), one)
    money = _money_kind(frame)
    columns = (
        Column(words._("Newcomers by"), "left", "fr"),
        Column(words._("Age, days"), "right"),
        Column(words._("n"), "right"),
        Column(words._("Back by then, 95% interval"), "right"),
        Column(words._("A year ago"), "right"),
        Column(words._("Change"), "right"),
        Column(
            words._("Margin each") if money != "revenue" else words._("Revenue each"), "right"
        ),
        Column(words._("Change"), "right"),
    )
    title = words._("The newest customers against those of a year ago at the same age")
    return Table(
        columns, tuple(rows), id=id, title=title, caption=_caption(context, result),
        csv=csv_text(frame), size="small",
    )  # fmt: skip


def _money_kind(frame: pd.DataFrame) -> str | None:
    kinds = set(frame["figure"]) - {"back"}
    return kinds.pop() if kinds else None


def _rows(
    context: Context, cut: str, label: str, part: pd.DataFrame
) -> list[tuple[str | Cell, ...]]:
    """A line an age for all newcomers; for a label one at the highest age that can be read."""
    back = part[part["figure"] == "back"].sort_values("age")
    shown = back if cut == "all" else back.tail(1)
    money = part[part["figure"] != "back"]
    name = label_name(context.words, cut, label)
    found = []
    for row in shown.to_dict("records"):
        amount = money[money["age"] == row["age"]].to_dict("records")
        found.append((name, *_cells(context, row, amount[0] if amount else None)))
    return found


def label_name(words: Words, cut: str, label: str) -> str:
    """A label as a reader meets it."""
    if cut == "all":
        return words._(CUT_NAMES[cut])
    if not label:
        return words._("not known")
    if cut == "discount":
        return words._(DISCOUNTS[label]) if label in DISCOUNTS else label
    return shortened(value_name(words, cut, label))


def _cells(
    context: Context, row: dict[Any, Any], money: dict[Any, Any] | None
) -> tuple[str | Cell, ...]:
    words = context.words
    bounds = f"{words.number(row['low'] * 100)}–{words.share(row['high'], 0)}"
    earlier = DASH if math.isnan(row["earlier"]) else words.share(row["earlier"])
    change = bare_points(words, row["change"]) if not math.isnan(row["change"]) else ""
    cells: list[str | Cell] = [
        words.count(row["age"]), words.count(row["n"]),
        f"{words.share(row['value'])} ({bounds})", earlier, _marked(words, row, change),
    ]  # fmt: skip
    if money is None:
        return (*cells, Cell(DASH, muted=True), Cell(DASH, muted=True))
    amount = words.money(money["value"], context.currency)
    low, high = (words.money(money[k], context.currency) for k in ("low", "high"))
    moved = "" if math.isnan(money["change"]) else _signed(context, money["change"])
    return (*cells, f"{amount} ({words.interval(low, high)})", _marked(words, money, moved))


def _signed(context: Context, amount: float) -> str:
    text = context.words.money(amount, context.currency)
    return text if amount <= 0 else f"+{text}"


def _marked(words: Words, row: dict[Any, Any], text: str) -> Cell:
    if not text:
        return Cell(DASH, muted=True)
    if row["mark"] == STANDS:
        return Cell(text, tone="good" if row["change"] > 0 else "bad", bold=True)
    if row["mark"] == EXPLORATORY:
        return Cell(words._("{change}, exploratory", change=text), tone="unsure")
    return Cell(text, muted=True)


def _caption(context: Context, result: Result) -> str:
    words = context.words
    windows = [joiners_of(context.windows, age) for age in AGES]
    earlier = windows[-1].earlier
    compared = result.frame[result.frame["change"].notna()]
    cuts = int((compared["cut"] != "all").sum())
    parts = [
        words._(
            "Joined from {first}, up to {last} where they have reached {days} days; a year ago: the"
            " same months a year before. A campaign is held against all newcomers of a year ago.",
            first=words.day(windows[-1].newest.start), last=words.day(windows[-1].newest.end),
            days=words.count(max(AGES)),
        ),
        words._(
            "Changes in percentage points, or money a newcomer; those of all newcomers ({planned})"
            " are judged together, and those of the cuts ({count}). Bold: it stands among them"
            " (Benjamini-Hochberg, 5%). Exploratory: it would look sure alone. Grey: no detectable"
            " change.",
            planned=words.count(len(compared) - cuts), count=words.count(cuts),
        ),
    ]  # fmt: skip
    reasons = dict.fromkeys(
        r.reason for r in result.records if r.status == "not_computed" and r.reason
    )
    said = [worded(words, r) for r in reasons if r]
    if earlier.start < context.windows.data_from:
        day = words.day(context.windows.data_from)
        parts.append(
            words._("The data begin on {day}, after the months a year before: no change.", day=day)
        )
    elif not is_sound(context.windows):
        parts.append(
            words._("Nothing can stand yet: {reason}.", reason=worded(words, MAYBE_OLDER))
        )
    if said:
        parts.append(words._("Not computed: {reason}.", reason=joined(words, said)))
    parts += _not_yet(words, result)
    return paragraph(words, parts)


def _not_yet(words: Words, result: Result) -> list[str]:
    day = next_readable(result.frame)
    if day is None:
        return []
    said = words._(
        "A campaign is shown at the highest age that its customers have reached; the next one can"
        " be read from {day}.",
        day=words.day(day),
    )
    return [said]


def newest_line(result: Result) -> ListBlock:
    """For the first page: whether the customers won lately, and by campaign, are any good."""
    context: Context = result.context
    words = context.words
    text, tone = _answer(context, result.frame)
    title = words._("Are the customers we won lately any good?")
    return ListBlock((ListItem(title, text, tone=tone),), ordered=False)


def _answer(context: Context, frame: pd.DataFrame) -> tuple[str, Tone]:
    words = context.words
    everyone = frame[(frame["cut"] == "all") & (frame["age"] == max(AGES))]
    if everyone.empty:
        return words._("Not enough newcomers have reached an age at which they compare."), "unsure"
    back = everyone[everyone["figure"] == "back"].iloc[0]
    money = everyone[everyone["figure"] != "back"]
    cuts = frame[frame["cut"] != "all"]
    standing = cuts[cuts["mark"] == STANDS]
    parts = [
        _everyone_sentence(context, back, money.iloc[0] if len(money) else None),
        _standing_sentence(context, standing, int(cuts["change"].notna().sum())),
    ]
    ways = set(everyone.loc[everyone["mark"] == STANDS, "change"] > 0)
    tone: Tone = "neutral"
    if len(ways) == 1:
        tone = "good" if ways == {True} else "bad"
    return paragraph(words, parts), tone


def _everyone_sentence(context: Context, back: pd.Series, money: pd.Series | None) -> str:
    """Share back and money of all newest customers, and what of it differs detectably."""
    words = context.words
    values = {"age": words.count(back["age"]), "n": words.count(back["n"])}
    values["share"] = words.share(back["value"])
    if math.isnan(back["change"]):
        return words._(
            "{share} of the {n} newest customers were back within {age} days; those of a year ago"
            " cannot be compared.",
            **values,
        )
    values["earlier"] = words.share(back["earlier"])
    moved = words.points(back["change"]) if back["mark"] == STANDS else ""
    if money is None or math.isnan(money["change"]):
        if not moved:
            return words._(
                "{share} of the {n} newest customers were back within {age} days ({earlier} of"
                " those of a year ago): no detectable difference.",
                **values,
            )
        return words._(
            "{share} of the {n} newest customers were back within {age} days ({earlier} of those"
            " of a year ago): a difference of {change}.",
            change=moved, **values,
        )  # fmt: skip
    kind = words._("margin") if money["figure"] == "margin" else words._("revenue")
    now, then = (words.money(money[k], context.currency) for k in ("value", "earlier"))
    differs = [moved] if moved else []
    if money["mark"] == STANDS:
        differs.append(_signed(context, money["change"]))
    text = (
        words._("a difference of {changes}", changes=words.listed(differs))
        if differs
        else words._("no detectable difference")
    )
    return words._(
        "{share} of the {n} newest customers were back within {age} days ({earlier} of those of a"
        " year ago), with {now} of {kind} each ({then}): {verdict}.",
        now=now, then=then, kind=kind, verdict=text, **values,
    )  # fmt: skip


def _standing_sentence(context: Context, standing: pd.DataFrame, looked_at: int) -> str:
    words = context.words
    if not looked_at:
        return ""
    if standing.empty:
        return words._(
            "No channel, campaign or discount stands out among {count} comparisons.",
            count=words.count(looked_at),
        )
    names: dict[tuple[str, str], bool] = {}
    for row in standing.to_dict("records"):
        names.setdefault((row["cut"], row["label"]), row["change"] < 0)
    worse = [_told(words, *k) for k, less in names.items() if less]
    better = [_told(words, *k) for k, less in names.items() if not less]
    count = words.count(looked_at)
    parts = []
    if worse:
        said = words.listed(worse[:3])
        parts.append(words._("Weaker among {count} comparisons: {names}.", count=count, names=said))
    if better:
        said = words.listed(better[:3])
        parts.append(
            words._("Stronger among {count} comparisons: {names}.", count=count, names=said)
        )
    return paragraph(words, parts)


def _told(words: Words, cut: str, label: str) -> str:
    name = label_name(words, cut, label)
    return words._("{cut} {label}", cut=words._(CUT_NAMES[cut]), label=name)
