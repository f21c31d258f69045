"""The funnel: what its steps convert, against their past and by cut, and how long they take."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from repurchase.analysis.cuts import EXPLORATORY, STANDS
from repurchase.analysis.funnel import Funnel
from repurchase.analysis.funnel_figures import END, PAST
from repurchase.analysis.funnel_steps import ORDER_RANK_DAYS
from repurchase.analysis.ratios import FEWEST_UNITS
from repurchase.context import Context
from repurchase.reasons import worded
from repurchase.records import Result
from repurchase.show import style
from repurchase.show.blocks import Cell, Column, Figure, Note, Table, Text
from repurchase.show.mix import cut_name, label_name
from repurchase.show.sentences import DASH, bare_points, paragraph, points
from repurchase.show.style import csv_text
from repurchase.words import Words

ARROW = " → "
ROW_MM, HEAD_MM = 9.0, 9.0
NAMES_MM = 72.0  # the most that the names of the steps take of the picture
VALUE_MM = 15.0  # room for the conversion beside its bar
NAME_PT = style.TEXT_PT + 0.5
POINTS_PER_MM = 72 / 25.4
ROWS = 8  # labels of a cut in a table
CHANGES = 15  # changes in a table
NAMED = 12  # labels too small to draw whose names are given
HOURS = 24
WITH_INTERVALS = 4  # steps beyond which a table by label has no room for intervals


def funnel_banner(which: Funnel, *, context: Context) -> Note | Text:
    """That the funnel is told from orders alone; nothing where it is told from contacts."""
    if which.source != "order_rank":
        return Text("")
    text = context.words._(
        "No event tells of a contact and of interest, so the funnel is told from orders alone:"
        " first, second and third order date, both within {days} days of the first. It says who"
        " comes back, not what was done for it. Customers who joined before the data begin may"
        " count as new.",
        days=context.words.count(ORDER_RANK_DAYS),
    )
    return Note(text, "unsure", context.words._("Without contacts"))


def funnel(which: Funnel, conversion: Result, waiting: Result, *, id: str) -> Figure | Note:
    """The steps as bars: conversion with interval, and a mark at the own level of six windows."""
    context: Context = conversion.context
    words = context.words
    frame = conversion.frame
    shown = frame[frame["step"] != END].reset_index(drop=True)
    if shown["value"].isna().all():
        why = _why(words, conversion)
        return Note(words._("The funnel cannot be read: {reason}.", reason=why), "unsure")
    with style.house(words):
        names = [_fitting(here, there) for here, there in _steps(which)]
        right = [_counted(words, row) for row in shown.to_dict("records")]
        own = [_own_level(words, row) for row in shown.to_dict("records")]
        left_mm = style.text_mm(names, size=NAME_PT) + 4
        counts_mm = style.text_mm(right) + VALUE_MM
        right_mm = counts_mm + style.text_mm(own) + 6
        height = HEAD_MM + ROW_MM * len(shown)
        picture, ax = style.axes(
            height_mm=height, left=left_mm, right=right_mm, top=HEAD_MM - 2, bottom=2
        )
        _draw(ax, words, shown, names)
        for texts, mm in ((right, VALUE_MM), (own, counts_mm + 3)):
            _beside(ax, texts, mm)
        style.unit_note(
            ax, words._("Share of those who reached the step before who took it, and how many")
        )
        return style.exhibit(
            picture, id=id, title=_title(which, words, frame),
            caption=_caption(which, words, conversion, waiting),
            alt=_alt(which, words, shown), data=frame.set_index("step"),
        )  # fmt: skip


def _steps(which: Funnel) -> list[tuple[str, str]]:
    return list(zip(which.steps[:-1], which.steps[1:], strict=True))


def _fitting(here: str, there: str) -> str:
    """From which to which, each name cut as far as the picture has no room for it."""
    for longest in range(max(len(here), len(there)), 1, -1):
        name = ARROW.join(
            text if len(text) <= longest else text[: longest - 1] + "…" for text in (here, there)
        )
        if style.text_mm([name], size=NAME_PT) <= NAMES_MM:
            return name
    return ARROW.strip()


def step_name(which: Funnel, step: str | int) -> str:
    """A step as a reader meets it: from which to which."""
    if step == END:
        orders = [n for n, told in enumerate(which.spec.steps) if told.tables == ("orders",) and n]
        return f"{which.steps[0]}{ARROW}{which.steps[max(orders, default=len(which) - 1)]}"
    here, there = _steps(which)[int(step) - 1]
    return f"{here}{ARROW}{there}"


def _counted(words: Words, row: Mapping[Any, Any]) -> str:
    if math.isnan(row["value"]):
        return ""
    return words._(
        "{converted} of {reached}", converted=words.count(row["converted"]),
        reached=words.count(row["reached"]),
    )  # fmt: skip


def _own_level(words: Words, row: Mapping[Any, Any]) -> str:
    if math.isnan(row["level"]):
        return ""
    return words._("own level {share}", share=words.share(row["level"]))


def _beside(ax: Axes, texts: Sequence[str], mm: float) -> None:
    """Texts in a column that many millimetres right of the bars."""
    for place, text in enumerate(texts):
        ax.annotate(
            text, (1, place), xycoords=ax.get_yaxis_transform(), xytext=(mm * POINTS_PER_MM, 0),
            textcoords="offset points", color=style.MUTED, size=style.TEXT_PT, va="center",
            annotation_clip=False,
        )  # fmt: skip


def _draw(ax: Axes, words: Words, shown: pd.DataFrame, names: Sequence[str]) -> None:
    y = np.arange(len(shown))
    top = float(np.nanmax([*shown["high"], *shown["level"]]))
    ax.barh(y, shown["value"].fillna(0.0), height=0.52, color=style.LIGHT)
    for place, row in enumerate(shown.to_dict("records")):
        if math.isnan(row["value"]):
            continue
        ax.plot([row["low"], row["high"]], [place] * 2, color=style.ACTUAL, linewidth=1.6)
        ax.plot(row["value"], place, marker="o", markersize=4.2, color=style.ACTUAL)
        if not math.isnan(row["level"]):
            ax.plot([row["level"]] * 2, [place - 0.4, place + 0.4], color=style.PLAN, linewidth=1.6)
        ax.annotate(
            words.share(row["value"]), (1, place), xycoords=ax.get_yaxis_transform(),
            xytext=(2 * POINTS_PER_MM, 0), textcoords="offset points", color=style.ACTUAL,
            weight="semibold", size=style.TEXT_PT + 1, va="center", annotation_clip=False,
        )  # fmt: skip
    ax.set_yticks(y, names)
    ax.tick_params(axis="y", labelsize=NAME_PT, labelcolor=style.INK)
    ax.set_xticks([])
    ax.set_xlim(0, top * 1.02)
    ax.set_ylim(len(shown) - 0.5, -0.5)
    ax.grid(False)


def _title(which: Funnel, words: Words, frame: pd.DataFrame) -> str:
    """Of all who entered so many came to the order; held against the own level."""
    whole = frame[frame["step"] == END]
    row = (frame if whole.empty else whole).iloc[0]  # the whole way may be the first step
    told = {
        "share": words.share(row["value"]), "first": which.steps[0],
        "last": step_name(which, END).rsplit(ARROW, 1)[1],
    }  # fmt: skip
    if math.isnan(row["level"]):
        return words._("From {first} to {last}: {share}", **told)
    told["level"] = words.share(row["level"])
    if row["high"] < row["level_low"]:
        return words._("From {first} to {last}: {share}, below the own level of {level}", **told)
    if row["low"] > row["level_high"]:
        return words._("From {first} to {last}: {share}, above the own level of {level}", **told)
    return words._("From {first} to {last}: {share}, about its own level of {level}", **told)


def _caption(which: Funnel, words: Words, conversion: Result, waiting: Result) -> str:
    late, shown = waiting.frame.iloc[0], conversion.frame
    parts = [
        words._(
            "Customers who entered from {first} to {last}; later steps count up to {days} days"
            " after entry.",
            first=words.day(late["entered_from"]), last=words.day(late["entered_to"]),
            days=words.count(which.window_days),
        ),
        _order(which, words),
        words._("Line: 95% interval."),
    ]  # fmt: skip
    if shown["level"].notna().any():
        windows = int(shown["level_windows"].iloc[0])
        parts.append(
            words._("Mark: own level of the {n} windows before.", n=words.count(windows))
        )
    if late["customers"]:
        parts.append(
            words._(
                "Entered since and not yet readable: {count} customers, all of them from {day}.",
                count=words.count(late["customers"]), day=words.day(late["readable_from"]),
            )
        )  # fmt: skip
    cared_for = tuple(r for r in conversion.records if r.status == "provisional")
    parts += _remarks(words, [Result(shown, cared_for)])
    return paragraph(words, parts)


def _order(which: Funnel, words: Words) -> str:
    if which.order == "ordered":
        return words._("Ordered: each step at or after the one before.")
    return words._("Any order: all steps at or after entry, in whatever order.")


def _alt(which: Funnel, words: Words, shown: pd.DataFrame) -> str:
    said = [
        words._(
            "{step} {share}", step=step_name(which, row["step"]), share=words.share(row["value"])
        )
        for row in shown.to_dict("records")
        if not math.isnan(row["value"])
    ]
    return words._("Bars of the funnel's conversions: {steps}.", steps=words.listed(said))


def _why(words: Words, *results: Result) -> str:
    missing = (r.reason for result in results for r in result.records if r.reason)
    return worded(words, next(missing, ""))


# ---- all funnels against their past -----------------------------------------------------------


def funnel_steps(
    told: Sequence[Funnel], conversions: Sequence[Result], *, id: str
) -> Table | Note:
    """Each step of each funnel: conversion, own level, and the change on the past."""
    context: Context = conversions[0].context
    words = context.words
    rows: list[tuple[str | Cell, ...]] = []
    for which, result in zip(told, conversions, strict=True):
        if len(told) > 1:
            rows.append((Cell(which.name, bold=True), *[""] * 5))
        rows += [_step_row(words, which, row) for row in result.frame.to_dict("records")]
    frame = pd.concat([result.frame for result in conversions], ignore_index=True)
    columns = (
        Column(words._("Step"), "left", "fr"),
        Column(words._("Reached"), "right"),
        Column(words._("Conversion, 95% interval"), "right"),
        Column(words._("Own level"), "right"),
        Column(words._("On the window before"), "right"),
        Column(words._("On a year ago"), "right"),
    )
    counted = int(frame[["previous_change", "year_ago_change"]].notna().sum().sum())
    caption = [
        *_orders(words, told),
        words._("Own level: the six contact windows before together."),
        _marks(words, counted),
        *_remarks(words, conversions),
    ]
    return Table(
        columns, tuple(rows), id=id, title=words._("The steps against their past"),
        caption=paragraph(words, caption), csv=csv_text(frame), size="small",
    )  # fmt: skip


def _remarks(words: Words, results: Sequence[Result]) -> list[str]:
    """What is not computed, and what must be read with care, each reason once."""
    said = {}
    for record in (record for result in results for record in result.records):
        if record.reason and record.status == "provisional":
            said[record.reason] = words._(
                "To be read with care: {reason}.", reason=worded(words, record.reason)
            )
        elif record.reason:
            said[record.reason] = words._(
                "Not computed: {reason}.", reason=worded(words, record.reason)
            )
    return list(said.values())


def _orders(words: Words, told: Sequence[Funnel]) -> list[str]:
    """Whether steps are in order: once if that is the same for all funnels."""
    said = {which.name: _order(which, words) for which in told}
    if len(set(said.values())) == 1:
        return [next(iter(said.values()))]
    return [words._("{funnel}: {order}", funnel=name, order=how) for name, how in said.items()]


def _step_row(words: Words, which: Funnel, row: Mapping[Any, Any]) -> tuple[str | Cell, ...]:
    whole = row["step"] == END
    name = step_name(which, row["step"])
    if whole:
        name = words._("{step}, the whole way", step=name)
    if math.isnan(row["value"]):
        return (Cell(name, bold=whole), *[Cell(DASH, muted=True)] * 5)
    level = DASH if math.isnan(row["level"]) else words.share(row["level"])
    return (
        Cell(name, bold=whole), words.count(row["reached"]), _share(words, row), level,
        _change(words, row, "previous"), _change(words, row, "year_ago"),
    )  # fmt: skip


def _share(words: Words, row: Mapping[Any, Any]) -> str:
    low = words.number(row["low"] * 100, 1)
    return f"{words.share(row['value'])} ({low}–{words.share(row['high'])})"


def _change(words: Words, row: Mapping[Any, Any], window: str) -> str | Cell:
    """A change with its interval in percentage points; bold if it stands among all."""
    change = row[f"{window}_change"]
    if math.isnan(change):
        return Cell(DASH, muted=True)
    low, high = (bare_points(words, row[f"{window}_{end}"]) for end in ("low", "high"))
    text = f"{points(words, change)} ({words.interval(low, high)})"
    mark = row[f"{window}_mark"]
    if mark == STANDS:
        return Cell(text, tone="good" if change > 0 else "bad", bold=True)
    if mark == EXPLORATORY:
        return Cell(text, tone="unsure")
    return Cell(text, muted=True)


def _marks(words: Words, counted: int) -> str:
    return words._(
        "Changes in percentage points with 95% interval, paired by customer; looked at together:"
        " {count}. Bold: it stands among all of them (Benjamini-Hochberg, 5%). Marked: it would"
        " look sure alone. Grey: no detectable change.",
        count=words.count(counted),
    )


# ---- by cut -----------------------------------------------------------------------------------


def funnel_cuts(which: Funnel, result: Result, *, id: str) -> Table | Note:
    """Conversion of each step by channel, campaign, store, rep, tier and segment."""
    context: Context = result.context
    words = context.words
    frame = result.frame
    if frame.empty:
        return Note(
            words._("No channel, store, sales person, campaign or segment tells customers apart.")
        )
    rows: list[tuple[str | Cell, ...]] = []
    few: list[str] = []
    left_out = 0
    steps = range(1, len(which))
    for cut, part in frame.groupby("cut", sort=False):
        enough = part[(part["step"] == 1) & (part["n"] >= FEWEST_UNITS)]["label"]
        labels = _worth_showing(part, enough.tolist())
        left_out += len(enough) - len(labels)
        few += _few(words, str(cut), part)
        if not labels:
            continue
        rows.append((Cell(cut_name(words, str(cut)), bold=True), *[""] * len(which)))
        rows += [_cut_row(words, which, str(cut), part[part["label"] == one]) for one in labels]
    columns = (
        Column(words._("Customers by"), "left", "fr"),
        Column(words._("Entered"), "right"),
        *(Column(step_name(which, step), "right") for step in steps),
    )
    caption = [
        words._(
            "95% interval behind each share. Blank: fewer than {few} customers reached the step.",
            few=words.count(FEWEST_UNITS),
        ),
        words._(
            "Region, tier and segments: what the customer file says today. A tier may have risen"
            " with the very orders that are counted."
        ),
        _best_line(words, frame),
    ]
    if left_out:
        caption.append(
            words._("Left out, smaller and not marked: {count}.", count=words.count(left_out))
        )
    if few:
        caption.append(
            words._(
                "Fewer than {few} customers entered: {names}.", few=words.count(FEWEST_UNITS),
                names="; ".join(few),
            )
        )  # fmt: skip
    return Table(
        columns, tuple(rows), id=id,
        title=words._("{funnel}, by who was contacted and how", funnel=which.name),
        caption=paragraph(words, caption), csv=csv_text(frame), size="small",
    )  # fmt: skip


def _worth_showing(part: pd.DataFrame, enough: list[str]) -> list[str]:
    """The labels with most entries, and any with a change that stands."""
    marks = part[[f"{window}_mark" for window in PAST]]
    standing = set(part["label"][(marks == STANDS).any(axis=1)])
    return [one for n, one in enumerate(enough) if n < ROWS or one in standing]


def _best_line(words: Words, frame: pd.DataFrame) -> str:
    """Which figures are bold, and how many lie below them for sure."""
    held = frame[frame["best_change"].notna()]
    if held.empty:
        return ""
    below = held[(held["best_mark"] == STANDS) & (held["best_change"] < 0)]
    return words._(
        "Bold: the label that converted best in the six windows before, among its like (a store"
        " among stores of its kind); of {count} others {below} lie below it by more than chance"
        " (Benjamini-Hochberg, 5%). Their customers differ: that is a comparison, not an effect.",
        count=words.count(len(held)), below=words.count(len(below)),
    )  # fmt: skip


def _few(words: Words, cut: str, part: pd.DataFrame) -> list[str]:
    """The names of the labels that too few entered by, as one text; the rest is counted."""
    first = part[(part["step"] == 1) & (part["n"] < FEWEST_UNITS)]
    names = [label_name(words, cut, label) for label in first["label"]]
    if not names:
        return []
    said = words.listed(names[:NAMED])
    if len(names) > NAMED:
        said = words._("{names} and {count} more", names=said, count=len(names) - NAMED)
    return [words._("{cut}: {label}", cut=cut_name(words, cut), label=said)]


def _cut_row(
    words: Words, which: Funnel, cut: str, part: pd.DataFrame
) -> tuple[str | Cell, ...]:
    by_step = {int(row["step"]): row for row in part.to_dict("records")}
    cells: list[str | Cell] = []
    for step in range(1, len(which)):
        row = by_step[step]
        if math.isnan(row["value"]):
            cells.append("")
            continue
        wide = len(which) > WITH_INTERVALS + 1
        text = words.share(row["value"]) if wide else _share(words, row)
        cells.append(Cell(text, bold=row["best_label"] == row["label"]))
    first = by_step[1]
    return (label_name(words, cut, first["label"]), words.count(first["entered"]), *cells)


# ---- what changed -----------------------------------------------------------------------------


def funnel_changes(which: Funnel, result: Result, *, id: str) -> Table | Text:
    """Labels whose conversion changed by more than chance, the surest first."""
    context: Context = result.context
    words = context.words
    frame = result.frame
    looked_at = int(frame[[f"{window}_change" for window in PAST]].notna().sum().sum())
    if not looked_at:
        return Text("")
    marks = frame[[f"{window}_mark" for window in PAST]]
    # who has no label is nobody in particular
    marked = frame[(marks != "").any(axis=1) & (frame["label"] != "")]
    if marked.empty:
        return Text(
            words._(
                "No channel, store, sales person, campaign or segment changed by more than chance;"
                " changes looked at: {count}.",
                count=words.count(looked_at),
            )
        )
    p = marked[[f"{window}_p" for window in PAST]].min(axis=1)
    shown = marked.assign(p=p).sort_values(["p", "cut", "label", "step"]).head(CHANGES)
    rows = [_changed(words, which, row) for row in shown.to_dict("records")]
    columns = (
        Column(words._("Who"), "left", "fr"),
        Column(words._("Step"), "left"),
        Column(words._("Conversion, 95% interval"), "right"),
        Column(words._("On the window before"), "right"),
        Column(words._("On a year ago"), "right"),
    )
    caption = [_marks(words, looked_at)]
    if len(marked) > len(shown):
        more = words.count(len(marked) - len(shown))
        caption.append(words._("Further ones, less sure: {count}.", count=more))
    return Table(
        columns, tuple(rows), id=id, title=words._("Where conversion changed"),
        caption=paragraph(words, caption), csv=csv_text(shown), size="small",
    )  # fmt: skip


def _changed(words: Words, which: Funnel, row: Mapping[Any, Any]) -> tuple[str | Cell, ...]:
    cut = str(row["cut"])
    name = words._(
        "{cut}: {label}", cut=cut_name(words, cut), label=label_name(words, cut, row["label"])
    )
    return (
        name, step_name(which, row["step"]), _share(words, row),
        _change(words, row, "previous"), _change(words, row, "year_ago"),
    )  # fmt: skip


# ---- time -------------------------------------------------------------------------------------


def funnel_times(told: Sequence[Funnel], results: Sequence[Result], *, id: str) -> Table:
    """How long each step takes those who take it."""
    context: Context = results[0].context
    words = context.words
    rows: list[tuple[str | Cell, ...]] = []
    for which, result in zip(told, results, strict=True):
        if len(told) > 1:
            rows.append((Cell(which.name, bold=True), *[""] * 4))
        rows += [_time_row(words, which, row) for row in result.frame.to_dict("records")]
    columns = (
        Column(words._("Step"), "left", "fr"),
        Column(words._("Took it"), "right"),
        Column(words._("Within the window"), "right"),
        Column(words._("Half within"), "right"),
        Column(words._("90% within"), "right"),
    )
    caption = [
        words._(
            "Days from the step before, with 95% interval (bootstrap), of those who take the step"
            " within the window; Kaplan-Meier, each followed to the end of the own window. Within"
            " the window: the share to be expected had everyone had the whole of it after the step"
            " before."
        ),
        words._(
            "Blank: fewer than {few} customers took the step.", few=words.count(FEWEST_UNITS)
        ),
    ]
    frame = pd.concat([result.frame for result in results], ignore_index=True)
    return Table(
        columns, tuple(rows), id=id, title=words._("How long the steps take"),
        caption=paragraph(words, caption), csv=csv_text(frame), size="small",
    )  # fmt: skip


def _time_row(words: Words, which: Funnel, row: Mapping[Any, Any]) -> tuple[str | Cell, ...]:
    name, taken = step_name(which, row["step"]), words.count(row["taken"])
    if math.isnan(row["median"]):
        return (name, taken, "", "", "")
    low, high = (words.number(row[f"within_{end}"] * 100, 1) for end in ("low", "high"))
    within = f"{words.share(row['within'])} ({low}–{high}%)"
    return (name, taken, within, *(_days(words, row, q) for q in ("median", "p90")))


def _days(words: Words, row: Mapping[Any, Any], name: str) -> str:
    """A number of days with its interval; the engine counts hours."""
    if row[f"{name}_high"] < 1 / HOURS:
        return words._("the same hour")
    low, high = (words.number(row[f"{name}_{end}"], 1) for end in ("low", "high"))
    return f"{words.number(row[name], 1)} ({words.interval(low, high)})"
