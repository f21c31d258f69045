"""Does the direction hold? One dot and interval a definition, and the table behind them."""

from __future__ import annotations

from typing import Any, Literal

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from repurchase.analysis.robustness import DEFINITIONS, METRIC_OF
from repurchase.analysis.windows import year_window
from repurchase.context import Context
from repurchase.definitions import METRICS
from repurchase.reasons import NO_EARLIER, reason, worded
from repurchase.records import Result
from repurchase.show import charts, style
from repurchase.show.blocks import TONE_COLOURS, Cell, Column, Figure, Note, Row, Table
from repurchase.show.sentences import DASH, against_side, bare_points, paragraph
from repurchase.words import N_, Words

Side = Literal["year", "previous"]
ROW_MM, TREND_MM = 2.75, 44.0
# A note of the reader's own words beneath a name where the name alone would mislead.
CALENDARS = {
    "year_ago": N_("The same weekdays"),
    "year_ago_aligned": N_("The same dates"),
}
PERIODS = {
    "month": N_("Whole weeks, not the month"),
    "quarter": N_("Whole weeks, not the quarter"),
    "year": N_("Whole weeks, not the year"),
}


def answer(
    history: Result, figures: Result, robust: Result, *, trend_id: str, strip_id: str
) -> Row:
    """The trend and, beside it, whether the direction holds whatever is counted.

    A note instead of the trend in the period that the data begin with.
    """
    if history.frame.empty:
        words, day = figures.context.words, figures.context.windows.data_from
        why = worded(words, reason(NO_EARLIER, day=day.isoformat()))
        return Row((Note(why, "unsure"), strip(robust, id=strip_id)))
    trend = charts.trend(history, figures, id=trend_id, width="half", height_mm=TREND_MM)
    return Row((trend, strip(robust, id=strip_id)))


def strip(result: Result, *, id: str) -> Figure | Note:
    """Change of each definition with its interval; on a year ago, else on the previous period.

    A note instead where no comparison is fair yet, or where the Spring Festival moves the
    previous period.
    """
    context: Context = result.context
    words = context.words
    side = shown_side(result)
    if side is None:
        return Note(_why_none(words, result), "unsure", words._("Does the direction hold?"))
    frame = result.frame
    shown = frame[frame[f"{side}_sound"].astype(bool)].reset_index(drop=True)
    names = [definition_name(context, name) for name in shown["definition"]]
    with style.house(words):
        room = style.text_mm(names, size=style.SMALL_PT, weight="semibold")
        height = max(len(shown) * ROW_MM + 9, TREND_MM)
        picture, ax = style.axes(
            height_mm=height, width="half", left=room + 2.5, right=2.5, top=2, bottom=6
        )
        _draw(ax, words, shown, names, side)
        title = _title(context, shown, side)
        return style.exhibit(
            picture, id=id, title=title, caption=_caption(context, frame, side), alt=title,
            data=_data(context, frame), width="half",
        )  # fmt: skip


def shown_side(result: Result) -> Side | None:
    """The comparison that can be read: a year ago, else the previous period where it is fair."""
    plain = result.frame[result.frame["definition"] == "plain"]
    festival = result.context.windows.basis == "spring_festival"
    sides: tuple[Side, ...] = ("year",) if festival else ("year", "previous")
    return next((s for s in sides if bool(plain[f"{s}_sound"].any())), None)


def counted(frame: pd.DataFrame, side: str) -> tuple[int, int, int, int, int]:
    """Of the sound definitions: all, below 0, above 0, detectably below, detectably above."""
    sound = frame[frame[f"{side}_sound"].astype(bool)]
    change, way = sound[f"{side}_change"].astype(float), sound[f"{side}_moved"]
    return (
        len(sound), int((change < 0).sum()), int((change > 0).sum()),
        int((way < 0).sum()), int((way > 0).sum()),
    )  # fmt: skip


def definition_name(context: Context, name: str) -> str:
    """A definition in the reader's language."""
    words = context.words
    if name == "calendar":
        return words._(CALENDARS[year_window(context.windows)])
    if name == "whole_weeks":
        return words._(PERIODS[context.period.unit])
    return words._(DEFINITIONS[name])


def _draw(ax: Axes, words: Words, shown: pd.DataFrame, names: list[str], side: Side) -> None:
    for number, row in enumerate(shown.to_dict("records")):
        y = len(shown) - 1 - number
        colour = _colour(row, side)
        plain = row["definition"] == "plain"
        low, high = (100 * float(row[f"{side}_{x}"]) for x in ("low", "high"))
        ax.plot([low, high], [y, y], color=colour, linewidth=2.6 if plain else 1.6)
        ax.plot(
            [100 * float(row[f"{side}_change"])], [y], marker="o", color=colour,
            markersize=5.5 if plain else 4.0, markeredgecolor="white", markeredgewidth=0.6,
        )  # fmt: skip
    ax.axvline(0, color=style.INK, linewidth=0.8)
    ax.grid(visible=False, axis="y")
    ax.grid(visible=True, axis="x")
    ax.set_ylim(-0.7, len(shown) - 0.3)
    ax.set_yticks(range(len(shown)), names[::-1])
    ax.tick_params(axis="y", labelsize=style.SMALL_PT, labelcolor=style.INK, pad=2)
    for label, name in zip(ax.get_yticklabels(), shown["definition"][::-1], strict=True):
        if name == "plain":
            label.set_fontweight("semibold")
    ax.xaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 5, 10]))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: words.plus(x, int(x != round(x)))))


def _colour(row: dict[Any, Any], side: Side) -> str:
    way = row[f"{side}_moved"]
    return TONE_COLOURS["bad"] if way < 0 else TONE_COLOURS["good"] if way > 0 else style.COMPARISON


def _title(context: Context, shown: pd.DataFrame, side: Side) -> str:
    words = context.words
    total, below, above, falls, rises = counted(shown, side)
    values = {
        "total": words.count(total),
        "falls": words.count(falls),
        "rises": words.count(rises),
        "against": against_side(context, side),
    }
    if falls or rises:
        return words._(
            "{falls} of {total} definitions fall {against}, {rises} rise", **values
        )
    down = N_("None of {total} definitions shows a change {against}; {most} point down")
    up = N_("None of {total} definitions shows a change {against}; {most} point up")
    most = words.count(max(below, above))
    return words._(down if below >= above else up, **values, most=most)


def _caption(context: Context, frame: pd.DataFrame, side: Side) -> str:
    words = context.words
    total, below, above, *_ = counted(frame, side)
    left = len(frame) - total
    parts = [
        words._(
            "Change {against} in points, 95% interval; grey: not detectable. {below} lie below"
            " zero, {above} above.",
            against=against_side(context, side), below=words.count(below), above=words.count(above),
        )
    ]  # fmt: skip
    if left:
        parts.append(
            words._("Not computable, with reasons in part B: {count}.", count=words.count(left))
        )
    return paragraph(words, parts)


def _why_none(words: Words, result: Result) -> str:
    plain = result.frame[result.frame["definition"] == "plain"]
    why = next((str(r) for r in plain["year_reason"] if isinstance(r, str)), "")
    if not why:
        return words._("No definition of coming back can be compared fairly yet.")
    return words._(
        "No definition of coming back can be compared fairly yet: {reason}.",
        reason=worded(words, why),
    )


def _data(context: Context, frame: pd.DataFrame) -> pd.DataFrame:
    names = [definition_name(context, name) for name in frame["definition"]]
    return frame.assign(name=names).set_index("definition")


def definitions(result: Result, *, id: str | None = None) -> Table:
    """Every definition with its value and both changes; what cannot be computed says why."""
    context: Context = result.context
    words = context.words
    reasons: list[str] = []
    rows = [_row(context, row, reasons) for row in result.frame.to_dict("records")]
    columns = (
        Column(words._("What is counted"), "left", "fr"),
        Column(words._("Value"), "right"),
        Column(words._("On a year ago"), "right"),
        Column(words._("95% interval"), "right"),
        Column(words._("On the previous period"), "right"),
        Column(words._("95% interval"), "right"),
    )
    notes = [
        words._("({number}) {note}.", number=i, note=worded(words, why))
        for i, why in enumerate(reasons, 1)
    ]
    legend = words._(
        "Changes in percentage points. Bold: the interval of the change excludes 0. Each change is"
        " paired on the customers. Revenue, margin and orders count those after a customer's first."
    )
    return Table(
        columns, tuple(rows), id=id,
        title=words._("The change by each definition of coming back"),
        caption=paragraph(words, [legend, *notes]),
        csv=style.csv_text(_data(context, result.frame)), size="small",
    )  # fmt: skip


def _row(context: Context, row: dict[Any, Any], reasons: list[str]) -> tuple[str | Cell, ...]:
    words = context.words
    name = definition_name(context, row["definition"])
    if row["definition"] in METRIC_OF:
        metric = METRICS[METRIC_OF[row["definition"]]].name
        name = words._("{name} ({metric})", name=name, metric=words._(metric))
    value = DASH if pd.isna(row["value"]) else words.share(float(row["value"]))
    cells: list[str | Cell] = [name, Cell(value, bold=row["definition"] == "plain")]
    for side in ("year", "previous"):
        cells += _change(words, row, side, reasons)
    return tuple(cells)


def _change(words: Words, row: dict[Any, Any], side: str, reasons: list[str]) -> list[Cell]:
    why = row[f"{side}_reason"]
    mark = ""
    if isinstance(why, str):
        if why not in reasons:
            reasons.append(why)
        mark = f" ({reasons.index(why) + 1})"
    if pd.isna(row[f"{side}_change"]):
        return [Cell(f"{DASH}{mark}", muted=True), Cell("")]
    change, low, high = (float(row[f"{side}_{x}"]) for x in ("change", "low", "high"))
    interval = words.interval(bare_points(words, low), bare_points(words, high))
    moves = bool(row[f"{side}_moved"])
    text = f"{bare_points(words, change)}{mark}"
    return [Cell(text, bold=moves, muted=not moves), Cell(interval, muted=not moves)]
