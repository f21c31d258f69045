"""A figure by store, channel and segment, and which of its changes stand among so many."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from repurchase.analysis.cuts import EXPLORATORY, STANDS
from repurchase.context import Context
from repurchase.records import Result
from repurchase.show.blocks import Cell, Column, Note, Table
from repurchase.show.style import csv_text
from repurchase.show.tables import shortened, value_name
from repurchase.words import N_, Words

CUT_NAMES = {"store_id": N_("Store"), "channel": N_("Channel")}
FLAGS = {"true": N_("yes"), "false": N_("no")}
ROWS = 8
FEW = 30


def cuts(result: Result, *, id: str | None = None) -> Table | Note:
    """Share, n, interval and changes by label of each cut; the largest, and each that stands."""
    context: Context = result.context
    words = context.words
    frame = result.frame
    if frame.empty:
        return Note(words._(N_("The orders carry no store and no channel, and the profile has no"
                               " segments.")))  # fmt: skip
    rows: list[tuple[str | Cell, ...]] = []
    left_out = 0
    for cut, part in frame.groupby("cut", sort=False):
        shown = _worth_showing(part)
        left_out += len(part) - len(shown)
        title = words._(CUT_NAMES[str(cut)]) if cut in CUT_NAMES else str(cut)
        rows.append((Cell(title, bold=True), "", "", "", ""))
        rows += [_row(words, row) for row in shown.to_dict("records")]
    columns = (
        Column(words._(N_("Buyers by")), "left", "fr"),
        Column(words._(N_("Buyers")), "right"),
        Column(words._(N_("Returning, 95% interval")), "right"),
        Column(words._(N_("On the previous period")), "right"),
        Column(words._(N_("On a year ago")), "right"),
    )
    title = words._(N_("Returning buyers by store, channel and segment"))
    return Table(
        columns, tuple(rows), id=id, title=title, caption=_caption(words, frame, left_out),
        csv=csv_text(frame), size="small",
    )  # fmt: skip


def _worth_showing(part: pd.DataFrame) -> pd.DataFrame:
    stands = (part["previous_mark"] == STANDS) | (part["year_ago_mark"] == STANDS)
    largest = pd.Series(range(len(part)), index=part.index) < ROWS
    return part[stands | largest]


def _row(words: Words, row: dict[Any, Any]) -> tuple[str | Cell, ...]:
    label = row["label"] or words._(N_("not known"))
    said = value_name(words, row["cut"], label)
    label = words._(FLAGS[label]) if label in FLAGS else shortened(said)
    muted = row["n"] < FEW
    share = words.share(row["value"])
    bounds = words.interval(words.share(row["low"]), words.share(row["high"]))
    return (
        Cell(label, muted=muted),
        Cell(words.count(row["n"]), muted=muted),
        Cell(f"{share} ({bounds})", muted=muted),
        _change(words, row, "previous"),
        _change(words, row, "year_ago"),
    )


def _change(words: Words, row: dict[Any, Any], window: str) -> str | Cell:
    change = row[f"{window}_change"]
    if math.isnan(change):
        return ""
    text, mark = words.points(change), row[f"{window}_mark"]
    if mark == STANDS:
        return Cell(text, tone="good" if change > 0 else "bad", bold=True)
    if mark == EXPLORATORY:
        return Cell(words._(N_("{change}, exploratory"), change=text), tone="unsure")
    return Cell(text, muted=True)


def _caption(words: Words, frame: pd.DataFrame, left_out: int) -> str:
    compared = int(frame[["previous_change", "year_ago_change"]].notna().sum().sum())
    parts = [
        words._(
            N_("Changes looked at together: {count}. Bold: it stands among all of them"
               " (Benjamini-Hochberg, 5%). Exploratory: it would look sure alone. Grey: no"
               " detectable change, or fewer than {few} buyers."),
            count=words.count(compared), few=words.count(FEW),
        )
    ]  # fmt: skip
    if set(frame["cut"]) - set(CUT_NAMES):
        parts.append(words._(N_("Segments: what the customer file says today.")))
    if left_out:
        parts.append(
            words._(
                N_("Left out, smaller and not marked: {count}."), count=words.count(left_out)
            )
        )
    return " ".join(parts) if not words.language.startswith("zh") else "".join(parts)
