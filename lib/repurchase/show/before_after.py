"""The table that is asked for: every figure before and after, beside the season of a year ago."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from typing import Any

import pandas as pd

from repurchase.analysis.initiative_reading import Reading
from repurchase.context import Context
from repurchase.definitions import METRICS
from repurchase.reasons import worded
from repurchase.show.blocks import Cell, Column, Table, Text
from repurchase.show.initiatives import named
from repurchase.show.sentences import DASH, joined, paragraph
from repurchase.show.style import csv_text
from repurchase.words import N_, Words

FIGURES = {
    "repurchase_90d": N_("Repurchase within 90 days"),
    "average_repeat_order": N_("Average repeat order"),
    "member_margin": N_("Margin a customer and month"),
    "member_revenue": N_("Net revenue a customer and month"),
    "customer_value_revenue": N_("Customer value: all revenue"),
    "customer_value_net": N_("Customer value: net of winning costs"),
    "customer_value_margin": N_("Customer value: margin"),
    "churn": N_("Churn"),
    "activity": N_("Repeat orders a customer and month"),
    "satisfaction": N_("Satisfaction"),
    "cost_to_serve": N_("Cost to serve an order"),
}
# Part A shows what the board asks for; Part B has all
LEFT_OUT = ("member_revenue", "customer_value_margin")
DIGITS = {"count": 2, "score": 2, "days": 1, "ratio": 2}


def before_after_table(reading: Reading, *, context: Context, id: str) -> Table | Text:
    """Before, after and change of the treated, the controls' change and last year's beside it."""
    words, frame = context.words, reading.table
    own = frame[frame["group"] == "treated"]
    if own.empty:
        return Text("")
    # some costs are told of the whole company only
    known = own[own["before"].notna() | own["after"].notna()]
    whole = frame[(frame["group"] == "all") & ~frame["metric"].isin(set(known["metric"]))]
    own = pd.concat([known, whole]) if len(whole) else known
    others = frame[frame["group"] == "control"].set_index("metric")
    rows = [
        _row(row, _of(others, str(row["metric"])), context)
        for row in own[~own["metric"].isin(LEFT_OUT)].to_dict("records")
    ]
    with_controls = not others.empty
    rows = [r if with_controls else r[:5] + r[6:] for r in rows]
    columns = [
        Column(words._("Figure"), "left", "fr"),
        Column(words._("Before"), "right"), Column(words._("After"), "right"),
        Column(words._("Change (95% interval)"), "right"),
        Column(words._("Relative"), "right"),
        Column(words._("Others' change"), "right"),
        Column(words._("Same season last year"), "right"),
        Column(words._("Change on it"), "right"),
        Column(words._("n before, after"), "right"),
    ]  # fmt: skip
    if not with_controls:
        columns.pop(5)
    return Table(
        tuple(columns), tuple(rows), id=id,
        title=words._("Before and after, side by side: changes, not effects"),
        caption=_caption(reading, context, with_controls=with_controls),
        csv=csv_text(frame), size="small",
    )  # fmt: skip


def _of(others: pd.DataFrame, metric: str) -> dict[Any, Any]:
    if metric not in others.index:
        return {}
    found = others.loc[metric]
    return dict(found.iloc[0] if isinstance(found, pd.DataFrame) else found)


def _row(
    row: dict[Any, Any], other: dict[Any, Any], context: Context
) -> tuple[str | Cell, ...]:
    words, unit = context.words, str(row["unit"])
    late = _late(row, words)
    told = told_number(row, "change")
    low, high = told_number(row, "change_low"), told_number(row, "change_high")
    relative = told_number(row, "relative")
    return (
        figure_name(row, words),
        level(unit, told_number(row, "before"), context),
        Cell(late, muted=True) if late else level(unit, told_number(row, "after"), context),
        Cell(change_text(unit, told, low, high, context), bold=_sure(low, high)),
        DASH if relative is None else f"{words.plus(relative * 100, 1)}%",
        change(unit, told_number(other, "change"), context),
        level(unit, told_number(row, "year_ago"), context),
        change(unit, told_number(row, "season_change"), context),
        counts(row, words),
    )


def _late(row: dict[Any, Any], words: Words) -> str:
    """From when a figure that is not ripe can be read; a dash where it cannot at all."""
    if told_number(row, "after") is not None:
        return ""
    day = row.get("readable_from")
    if isinstance(day, str) and day:
        day = dt.date.fromisoformat(day)
    if isinstance(day, dt.date) and not pd.isna(day):
        return words._("from {day}", day=words.day(day))
    return DASH


def _why_not(rows: list[dict[Any, Any]], words: Words) -> str:
    """What is not computed, and why: each reason once, with all that it keeps from being known."""
    told = {r["metric"] for r in rows if told_number(r, "after") is not None}
    found: dict[str, dict[str, None]] = {}
    for r in rows:
        if isinstance(r.get("reason"), str) and r["metric"] not in told:
            found.setdefault(r["reason"], {})[figure_name(r, words)] = None
    if not found:
        return ""
    parts = [
        words._("{name} ({detail})", name=words.listed(list(names)), detail=worded(words, why))
        for why, names in found.items()
    ]
    return words._("Not computed: {names}.", names=joined(words, parts))


def _caption(reading: Reading, context: Context, *, with_controls: bool) -> str:
    words, windows = context.words, reading.panel.windows
    parts = []
    if windows.before is not None and windows.after is not None:
        parts.append(
            words._(
                "Before: {before}; after: {after}; what lies between is left out.",
                before=words.days(windows.before.start, windows.before.end),
                after=words.days(windows.after.start, windows.after.end),
            )
        )
    parts.append(
        words._(
            "Changes of shares in percentage points, relative changes in per cent. Bold: the"
            " interval leaves out no change. Last year's season is aligned on the holidays."
        )
    )
    if with_controls:
        parts.append(words._("Others: those who were not treated."))
    parts += _how_to_read(reading.table, words)
    parts.append(_why_not(reading.table.to_dict("records"), words))
    return paragraph(words, parts)


def _how_to_read(frame: pd.DataFrame, words: Words) -> list[str]:
    """What a figure's name cannot say."""
    there = set(frame.loc[frame["after"].notna(), "metric"])
    parts = []
    if any(name.startswith("customer_value") for name in there):
        parts.append(
            words._("Customer value is all since the first order, so it grows with time alone.")
        )
    if "cost_to_serve" in there:
        parts.append(words._("Cost to serve is without what is booked for an initiative."))
    return parts


def before_after_full(readings: Sequence[Reading], *, context: Context, id: str) -> Table | Text:
    """Every figure of every initiative, the treated and the others, with all intervals and n."""
    words = context.words
    rows: list[tuple[str | Cell, ...]] = []
    for reading in readings:
        if reading.table.empty:
            continue
        for group, part in reading.table.groupby("group", sort=False):
            whose = words._(WHOSE.get(str(group), str(group)))
            name = words._("{name}: {label}", name=named(reading, context), label=whose)
            rows.append((Cell(name, bold=True), *[""] * 5))
            rows += [_full_row(row | {"group": None}, context) for row in part.to_dict("records")]
    if not rows:
        return Text("")
    labels = [
        (words._("Figure"), "left"),
        (words._("Before"), "right"), (words._("After"), "right"),
        (words._("Change"), "right"),
        (words._("Change on last year's season"), "right"),
        (words._("n before, after"), "right"),
    ]  # fmt: skip
    columns = tuple(Column(text, align) for text, align in labels)  # type: ignore[arg-type]
    title = words._("Before and after of the treated and of the others")
    caption = words._(
        "In brackets the 95% interval of a level; that of a change counts that the same customers"
        " stand in both windows where they do. Blank: not ripe, or not in the data."
    )
    notes = dict.fromkeys(note for r in readings for note in _how_to_read(r.table, words))
    whys = dict.fromkeys(_why_not(r.table.to_dict("records"), words) for r in readings)
    caption = paragraph(words, [caption, *notes, *whys])
    return Table(columns, tuple(rows), id=id, title=title, caption=caption, size="small")


WHOSE = {"treated": N_("treated"), "control": N_("others"), "all": N_("all")}


def _full_row(row: dict[Any, Any], context: Context) -> tuple[str | Cell, ...]:
    words, unit = context.words, str(row["unit"])
    late = _late(row, words)
    told, low, high = (told_number(row, k) for k in ("change", "change_low", "change_high"))
    season, early, late_end = (
        told_number(row, k) for k in ("season_change", "season_low", "season_high")
    )
    return (
        figure_name(row, words),
        _level_range(unit, row, "before", context),
        Cell(late, muted=True) if late else _level_range(unit, row, "after", context),
        Cell(change_text(unit, told, low, high, context), bold=_sure(low, high)),
        change_text(unit, season, early, late_end, context),
        counts(row, words),
    )


def _sure(low: float | None, high: float | None) -> bool:
    """Whether an interval leaves out no change."""
    return low is not None and high is not None and low * high > 0


def _level_range(unit: str, row: dict[Any, Any], name: str, context: Context) -> str:
    value, low, high = (told_number(row, k) for k in (name, f"{name}_low", f"{name}_high"))
    text = level(unit, value, context)
    if value is None or low is None or high is None:
        return text
    words = context.words
    ends = (words.number(x * 100 if unit == "share" else x, _digits(unit, value))
            for x in (low, high))  # fmt: skip
    return words._("{value} ({ends})", value=text, ends=words.interval(*ends))


def _digits(unit: str, value: float) -> int:
    """How many digits a bound has, which stands without its unit."""
    if unit == "money":
        return 0 if abs(value) >= 100 else 2
    return 1 if unit == "share" else DIGITS.get(unit, 2)


# ---- small words -------------------------------------------------------------------------------


def figure_name(row: dict[Any, Any], words: Words) -> str:
    """A figure's name, with the survey's where a score is one's."""
    metric, detail = str(row["metric"]), row.get("detail")
    if metric not in FIGURES:
        return words._(METRICS[metric].name) if metric in METRICS else metric
    name = words._(FIGURES[metric])
    if row.get("group") == "all":
        return words._("{name}, whole company", name=name)
    if metric == "satisfaction" and isinstance(detail, str) and detail:
        return words._("{name} ({detail})", name=name, detail=detail)
    return name


def told_number(row: dict[Any, Any], name: str) -> float | None:
    """A number of a row; None where it is not told."""
    value = row.get(name)
    if value is None or pd.isna(value) or not math.isfinite(float(value)):
        return None
    return float(value)


def level(unit: str, value: float | None, context: Context) -> str:
    """A figure in its unit."""
    words = context.words
    if value is None:
        return DASH
    if unit == "share":
        return words.share(value)
    if unit == "money":
        return words.money(value, context.currency, whole=abs(value) >= 100, digits=2)
    return words.number(value, DIGITS.get(unit, 2))


def change(unit: str, value: float | None, context: Context) -> str:
    """A signed change: points of a share, money, a count."""
    words = context.words
    if value is None:
        return DASH
    if unit == "share":
        return words.points(value)
    if unit == "money":
        text = level(unit, value, context)
        return text if value < 0 else f"+{text}"
    return words.plus(value, DIGITS.get(unit, 2))


def change_text(
    unit: str, value: float | None, low: float | None, high: float | None, context: Context
) -> str:
    """A change with its interval; the unit stands once."""
    text = change(unit, value, context)
    if value is None or low is None or high is None:
        return text
    words = context.words
    digits = _digits(unit, value)
    ends = [words.plus(x * 100 if unit == "share" else x, digits) for x in (low, high)]
    return words._("{value} ({low} to {high})", value=text, low=ends[0], high=ends[1])


def counts(
    row: dict[Any, Any], words: Words, *names: str
) -> str:
    """How many stand behind the figures."""
    found = [told_number(row, k) for k in names or ("before_n", "after_n")]
    return words.listed([DASH if x is None else words.count(x) for x in found])
