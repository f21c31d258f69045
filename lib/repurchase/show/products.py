"""Products: who buys them again, who buys anything again, what goes together."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from repurchase.analysis.products import (
    EXPLORATORY,
    FEWEST_BUYERS,
    FEWEST_TOGETHER,
    STANDS,
    first_days,
)
from repurchase.context import Context
from repurchase.reasons import worded
from repurchase.records import Result
from repurchase.show.blocks import Cell, Column, Note, Table, Text
from repurchase.show.sentences import DASH, bare_points, paragraph
from repurchase.show.style import csv_text
from repurchase.show.tables import shortened
from repurchase.words import N_, Words

SHOWN = {"category": 12, "product": 12}
KINDS = {"category": N_("Categories"), "product": N_("Products with most buyers")}
Row = dict[Any, Any]


def product_table(result: Result, *, id: str) -> Table | Note:
    """Same product again and anything again within 90 and 180 days, by category and product."""
    frame = result.frame
    context: Context = result.context
    words = context.words
    if frame.empty:
        said = [worded(words, r.reason) for r in result.records if r.reason]
        return Note(words._("Not computed: {reason}.", reason=words.listed(said)), "unsure")
    rows: list[tuple[str | Cell, ...]] = []
    for kind, part in frame.groupby("kind", sort=False):
        rows.append((Cell(words._(KINDS[str(kind)]), bold=True), *[""] * 5))
        shown = part[part["n_90"] >= FEWEST_BUYERS].head(SHOWN[str(kind)])
        rows += [_row(words, row) for row in shown.to_dict("records")]
    return Table(
        _columns(words), tuple(rows), id=id,
        title=words._("Who buys it again, and who buys anything again"),
        caption=_caption(context, frame), csv=csv_text(frame), size="small",
    )  # fmt: skip


def _columns(words: Words) -> tuple[Column, ...]:
    labels = (
        N_("Buyers"), N_("The same within 90 days"), N_("within 180 days"),
        N_("Anything within 90 days"), N_("Against the others"),
    )  # fmt: skip
    first = Column(words._("Bought"), "left", "fr")
    return (first, *(Column(words._(label), "right") for label in labels))


def _row(words: Words, row: Row) -> tuple[str | Cell, ...]:
    later = row["same_180"] / row["n_180"] if row["n_180"] >= FEWEST_BUYERS else math.nan
    return (
        shortened(str(row["name"])),
        words.count(row["n_90"]),
        _share(words, row, "same"),
        Cell(DASH, muted=True) if math.isnan(later) else words.share(later),
        _share(words, row, "any"),
        _change(words, row),
    )


def _share(words: Words, row: Row, what: str) -> str:
    low, high = words.number(row[f"{what}_low"] * 100, 1), words.share(row[f"{what}_high"])
    return f"{words.share(row[f'{what}_value'])} ({low}–{high})"


def _change(words: Words, row: Row) -> str | Cell:
    change = row["any_change"]
    if math.isnan(change):
        return ""
    text = bare_points(words, change)
    if row["mark"] == STANDS:
        return Cell(text, bold=True)
    if row["mark"] == EXPLORATORY:
        return Cell(words._("{change}, exploratory", change=text), tone="unsure")
    return Cell(text, muted=True)


def _caption(context: Context, frame: pd.DataFrame) -> str:
    words = context.words
    months = context.params.profile.repurchase_window_months
    days = first_days(context.windows, days=90, cohort_months=months)
    parts = [
        words._(
            "Buyers first met from {days}, each followed for as long as is asked, so that nobody"
            " counts who has not had the time. Against the others: anything within 90 days, less"
            " that of the buyers of everything else, in percentage points; bold: it stands among"
            " the {count} compared (Benjamini-Hochberg, 5%). Frequent buyers buy more products:"
            " this is who buys, no effect of the product.",
            days=words.days(*days), count=words.count(float(frame["p"].notna().sum())),
        )
    ]  # fmt: skip
    shown = frame[frame["n_90"] >= FEWEST_BUYERS].groupby("kind").size()
    left = sum(max(0, int(n) - SHOWN[str(kind)]) for kind, n in shown.items())
    few = int((frame["n_90"] < FEWEST_BUYERS).sum())
    if left or few:
        parts.append(
            words._(
                "In the exhibit's data only: {left} with fewer buyers, and {few} with fewer than"
                " {fewest}.",
                left=words.count(left), few=words.count(few), fewest=words.count(FEWEST_BUYERS),
            )
        )  # fmt: skip
    return paragraph(words, parts)


def new_product_table(result: Result, *, id: str | None = None) -> Table | Text:
    """Products of the last twelve months; a sentence where none was launched."""
    context: Context = result.context
    words = context.words
    frame = result.frame
    if frame.empty:
        count = next((r.value for r in result.records), None)
        if count is None:
            return Text("")
        if not count:
            return Text(words._("No product was launched in the last twelve months."))
        return Text(words._("Nobody has bought a product of the last twelve months yet."))
    rows = []
    for row in frame.to_dict("records"):
        few = row["n_90"] < FEWEST_BUYERS
        day = words.day(pd.Timestamp(row["launched"]).date())
        blank = Cell(DASH, muted=True)
        rows.append(
            (
                shortened(str(row["name"])), day, words.count(row["n_90"]),
                blank if few else _share(words, row, "same"),
                blank if few else _share(words, row, "any"),
            )
        )  # fmt: skip
    columns = (
        Column(words._("Launched in the last twelve months"), "left", "fr"),
        Column(words._("On"), "left"),
        Column(words._("Buyers"), "right"),
        Column(words._("The same within 90 days"), "right"),
        Column(words._("Anything within 90 days"), "right"),
    )
    caption = words._(
        "Buyers who have had 90 days since; fewer than {fewest} are counted, not judged.",
        fewest=words.count(FEWEST_BUYERS),
    )
    return Table(columns, tuple(rows), id=id, caption=caption, csv=csv_text(frame), size="small")


PAIRS_SHOWN = 12


def pair_table(result: Result, *, id: str) -> Table | Text:
    """Pairs bought together more often than by chance, with lift, interval and baskets.

    Nothing where there is none; the chapter's list of what is not computed says why.
    """
    frame = result.frame
    if frame.empty:
        return Text("")
    context: Context = result.context
    words = context.words
    stands = frame[frame["stands"]]
    rows = [_pair_row(words, row) for row in stands.head(PAIRS_SHOWN).to_dict("records")]
    columns = (
        Column(words._("Product"), "left", "fr"),
        Column(words._("and"), "left", "fr"),
        Column(words._("Baskets with both"), "right"),
        Column(words._("of the first's"), "right"),
        Column(words._("of the second's"), "right"),
        Column(words._("Lift, 95% interval"), "right"),
    )
    caption = words._(
        "Of {baskets} baskets; pairs in {fewest} baskets or more that stand above chance among the"
        " {tested} pairs possible (Benjamini-Hochberg, 5%): {stand}, those with most baskets beyond"
        " chance shown. Lift: how many times as often as if they were bought independently. Baskets"
        " of one customer are taken as independent, and large baskets lift every pair a little:"
        " compare lifts with each other.",
        baskets=words.count(int(frame["baskets"].iloc[0])),
        fewest=words.count(FEWEST_TOGETHER),
        tested=words.count(int(frame["tested"].iloc[0])), stand=words.count(len(stands)),
    )  # fmt: skip
    return Table(
        columns, tuple(rows), id=id, title=words._("What is bought together"), caption=caption,
        csv=csv_text(frame), size="small",
    )  # fmt: skip


def _pair_row(words: Words, row: Row) -> tuple[str | Cell, ...]:
    low, high = words.number(row["low"], 2), words.number(row["high"], 2)
    return (
        shortened(str(row["a_name"])), shortened(str(row["b_name"])),
        words.count(row["count"]), words.share(row["b_given_a"]), words.share(row["a_given_b"]),
        f"{words.number(row['lift'], 2)} ({low}–{high})",
    )  # fmt: skip
