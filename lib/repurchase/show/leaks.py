"""Leaks of the funnels: ranked by what they cost, followed up, and what moved the end result."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from repurchase.analysis.end_change import SIDES
from repurchase.analysis.leak_findings import is_sure, kind_of
from repurchase.analysis.leaks import LASTS, LEAK, OVERLAPS, RECOVERED, UNKNOWN, place_of
from repurchase.context import Context
from repurchase.period import Period
from repurchase.reasons import worded
from repurchase.records import Result, parse_dimensions
from repurchase.show import style
from repurchase.show.blocks import TONE_COLOURS, Cell, Column, Figure, Note, Table, Text, Tone
from repurchase.show.bridge import KINDS
from repurchase.show.mix import cut_name, place_name
from repurchase.show.sentences import DASH, against_side, bare_points, joined, paragraph
from repurchase.show.style import csv_text
from repurchase.words import N_, Words

SHORT_ROWS, ROWS = 4, 12
MOST_MENDED = 3
FIRST = {
    "place": N_("find what changed there"),
    "rest": N_("find what all others share"),
    "whole": N_("find what all share"),
    "lasts": N_("not mended: ask who has taken it on"),
    "unsure": N_("hold it against a year ago first"),
}
ANSWERS = {LASTS: N_("not closed"), RECOVERED: N_("closed"), UNKNOWN: N_("cannot be told")}
TONES: dict[str, Tone] = {LASTS: "bad", RECOVERED: "good", UNKNOWN: "unsure"}


# ---- this period's leaks ------------------------------------------------------------------------


def leaks(result: Result, *, id: str | None = None, short: bool = False) -> Table | Note:
    """The leaks ranked by what they cost a month, with since when and what to do first.

    `short` is the first page's: at most four, without how many there were and what overlaps. A note
    where there is none, with how many places were looked at.
    """
    context: Context = result.context
    words = context.words
    frame = result.frame
    found = frame[frame["status"] == LEAK] if len(frame) else frame
    if found.empty:
        any_judged = any(r.value for r in result.records if r.metric == "leak_places")
        title = (
            words._("No leak stands out") if any_judged
            else words._("Whether anything leaks cannot be told")
        )  # fmt: skip
        return Note(paragraph(words, _none(context, result)), title=title)
    many = frame["funnel"].nunique() > 1
    rows = [
        _leak_row(context, row, many=many)
        for row in found.head(SHORT_ROWS if short else ROWS).to_dict("records")
    ]
    kind = _money_kind(result)
    money = words._("Money a month") if kind is None else words._(MONEY_HEADS[kind])
    columns = (
        Column(words._("Where"), "left", "fr"),
        Column(words._("Since")),
        Column(words._("Take the step: before, now"), "right"),
        Column(words._("Repurchases missing a month"), "right"),
        Column(money, "right"),
        Column(words._("First")),
    )
    return Table(
        columns, tuple(rows), id=id, title=_title(context, found, kind),
        caption=paragraph(words, _caption(context, result, len(rows), short=short)),
        csv=csv_text(frame), size="small",
    )  # fmt: skip


MONEY_HEADS = {"margin": N_("Margin a month"), "revenue": N_("Revenue a month")}


def where_text(words: Words, row: Mapping[Any, Any], *, many: bool) -> str:
    """A leak's place in words: funnel (where there are several), step, label."""
    step = str(row["step_name"])
    if many:
        step = words._("{funnel}: {step}", funnel=row["funnel_name"], step=step)
    if row["label"]:
        return joined(words, [step, place_name(words, place_of(dict(row)))])
    if row["cut"]:
        others = words._("{cut}: all others", cut=cut_name(words, str(row["cut"])))
        return joined(words, [step, others])
    return joined(words, [step, words._("as a whole")])


def _leak_row(context: Context, row: dict[Any, Any], *, many: bool) -> tuple[str | Cell, ...]:
    words = context.words
    kind = "lasts" if row["lasts"] else kind_of(row)
    sure = is_sure(row)
    first = words._(FIRST[kind if sure else "unsure"])
    tone: Tone = "bad" if sure else "unsure"
    steps = f"{words.share(row['level'])} → {words.share(row['now'])}"
    return (
        where_text(words, row, many=many),
        words.day(dt.date.fromisoformat(row["since_day"])),
        Cell(steps, tone=tone, bold=True),
        _amount(words, row, "customers", lambda x: words.count(round(x))),
        _amount(words, row, "money", lambda x: words.money(x, context.currency)),
        first,
    )  # fmt: skip


def _amount(words: Words, row: Mapping[Any, Any], name: str, said: Any) -> str | Cell:
    value = row[name]
    if math.isnan(value):
        return Cell(DASH, muted=True)
    low, high = (said(row[f"{name}_{end}"]) for end in ("low", "high"))
    return words._(
        "{value} ({interval})", value=said(value), interval=words.interval(low, high)
    )


def _money_kind(result: Result) -> str | None:
    for record in result.records:
        if record.metric == "leak_money" and record.value is not None:
            return parse_dimensions(record.dimensions)["money"]
    return None


def _title(context: Context, found: pd.DataFrame, kind: str | None) -> str:
    words = context.words
    first = found.iloc[0].to_dict()
    where = where_text(words, first, many=False)
    if kind is None or math.isnan(first["money"]):
        return words._("Most is lost at {where}", where=where)
    return words._(
        "Most is lost at {where}: {money} of {kind} a month",
        where=where,
        money=words.money(first["money"], context.currency),
        kind=words._(KINDS[kind]),
    )


def _caption(context: Context, result: Result, shown: int, *, short: bool) -> list[str]:
    words = context.words
    frame = result.frame
    count = int((frame["status"] == LEAK).sum())
    parts = [
        words._(
            "Against the step's own level in the six contact windows before the leak, with 95%"
            " intervals: what is missing beyond chance, beyond the other places and beyond a year"
            " ago. Since: the first day of the first contact window that is low."
        )
    ]
    if count > shown:
        more = (
            N_("{count} more stand in the evidence.") if short
            else N_("{count} more stand in the CSV file.")
        )  # fmt: skip
        parts.append(words._(more, count=words.count(count - shown)))
    if short:
        return parts
    parts += _none(context, result)
    overlapping = frame[frame["status"] == OVERLAPS]
    if len(overlapping):
        parts.append(
            words._(
                "{count} other places lie below their level too, but hold the same customers; they"
                " are not counted again.",
                count=words.count(len(overlapping)),
            )
        )
    if frame["funnel"].nunique() > 1:
        parts.append(
            words._("Several funnels may tell of the same customers: do not add them up.")
        )
    return [*parts, *_not_valued(words, result)]


def _none(context: Context, result: Result) -> list[str]:
    """How many places were looked at, and why others were not."""
    words = context.words
    places = [r for r in result.records if r.metric == "leak_places"]
    judged, all_places = (
        sum(getattr(r, k) or 0 for r in places if r.value is not None) for k in ("value", "n")
    )
    parts = []
    if all_places:
        parts.append(
            words._(
                "Looked at: {judged} of {count} places (steps, and each label of each cut at"
                " them); the others had too few customers or windows to tell a fall from chance.",
                judged=words.count(judged),
                count=words.count(all_places),
            )
        )
    names = {f.key: context.params.said(f.name) for f in context.params.profile.funnels}
    parts += [
        words._("Not looked at: {what} ({reason}).",
                what=names.get(key := parse_dimensions(r.dimensions)["funnel"], key),
                reason=worded(words, r.reason or ""))
        for r in places
        if r.value is None
    ]  # fmt: skip
    return parts


def _not_valued(words: Words, result: Result) -> list[str]:
    reasons = dict.fromkeys(
        r.reason for r in result.records if r.metric == "leak_money" and r.value is None
    )
    return [
        words._("Not valued where {reason}.", reason=worded(words, r)) for r in reasons if r
    ]


# ---- what moved the end result ------------------------------------------------------------------


def end_change(result: Result, *, id: str) -> Figure | Note:
    """The change of who came to the repurchase, by step: a bridge on each comparison.

    Of the main funnel; the others' parts are in the CSV file.
    """
    context: Context = result.context
    words = context.words
    frame = result.frame
    if frame.empty:
        return Note(paragraph(words, _uncompared(words, result)),
                    title=words._("What moved the end result"))  # fmt: skip
    main = frame[frame["funnel"] == frame["funnel"].iloc[0]]
    sides = [s for s in SIDES if (main["against"] == s).any()]
    with style.house(words):
        picture, first = style.axes(height_mm=56, right=4, left=4, bottom=11)
        box = first.get_position()
        for number, side in enumerate(sides):
            width = box.width / len(sides)
            ax = first if not number else picture.add_axes(box.bounds)
            ax.set_position((box.x0 + number * width, box.y0, width * 0.94, box.height))
            _bridge(ax, context, main[main["against"] == side], side)
        style.unit_note(first, words._("Customers who came to the repurchase"))
        return style.exhibit(
            picture, id=id, title=_end_title(context, main, sides),
            caption=paragraph(words, _end_caption(words, result)),
            alt=_end_alt(context, main, sides),
            data=frame.set_index(["funnel", "against", "factor"]),
        )  # fmt: skip


def _bridge(ax: Axes, context: Context, part: pd.DataFrame, side: str) -> None:
    """Then, what each factor added or took, now."""
    words = context.words
    then, now = (math.prod(part[x]) for x in ("then", "now"))
    period = context.period
    past = period.previous() if side == "previous" else period.year_ago()
    edges = [then]
    for value in part["part"]:
        edges.append(edges[-1] + value)
    top = max(*edges, now) * 1.18 or 1.0
    count = len(part)
    _bar(ax, words, 0, 0, then, words.count(then), style.COMPARISON)
    for i, value in enumerate(part["part"]):
        colour = style.ACTUAL if value >= 0 else TONE_COLOURS["bad"]
        _bar(ax, words, i + 1, edges[i], edges[i + 1], words.plus(round(value)), colour)
        ax.plot([i + 0.3, i + 0.7], [edges[i]] * 2, color=style.GRID, linewidth=0.8)
    _bar(ax, words, count + 1, 0, now, words.count(now), style.ACTUAL)
    steps = [_wrapped(words, name, entered=not i) for i, name in enumerate(part["factor_name"])]
    names = [_short_period(context, past), *steps, _short_period(context, period)]
    ax.set_xticks(range(count + 2), names)
    ax.set_xlim(-0.55, count + 1.55)
    ax.set_ylim(0, top)
    ax.yaxis.set_major_formatter(FuncFormatter(lambda y, _: ""))
    ax.grid(False)


def _bar(
    ax: Axes, words: Words, at: int, low: float, high: float, text: str, colour: str
) -> None:
    bottom, height = min(low, high), abs(high - low)
    ax.bar(at, height, 0.62, bottom=bottom, color=colour)
    ax.annotate(
        text, (at, max(low, high)), xytext=(0, 2), textcoords="offset points", ha="center",
        va="bottom", size=style.SMALL_PT + 0.5,
    )  # fmt: skip


def _short_period(context: Context, period: Period) -> str:
    words = context.words
    return words.month(period.start) if period.unit == "month" else words.period(period)


def _wrapped(words: Words, name: str, *, entered: bool) -> str:
    """A factor's name on two lines."""
    if entered:
        return "\n".join((name, words._("(entered)")))
    return name.replace(" → ", "\n→ ")


def _end_title(context: Context, main: pd.DataFrame, sides: Sequence[str]) -> str:
    words = context.words
    side = sides[-1]
    part = main[main["against"] == side]
    change = part["part"].sum()
    largest = part.iloc[int(part["part"].abs().to_numpy().argmax())]
    return words._(
        "{change} customers came to the repurchase {against}: most by {factor} ({part})",
        change=words.plus(round(change)),
        against=against_side(context, side),
        factor=largest["factor_name"],
        part=words.plus(round(largest["part"])),
    )


def _end_caption(words: Words, result: Result) -> list[str]:
    frame = result.frame
    parts = [
        words._(
            "The first bar between: more or fewer customers entered; the others: the conversion of"
            " each step. Each part is the mean over all orders in which they could have changed"
            " (Shapley), so the parts add up."
        )
    ]
    wide = [
        words._(
            "{factor}: {interval}",
            factor=row["factor_name"],
            interval=words.interval(words.plus(round(row["low"])), words.plus(round(row["high"]))),
        )
        for row in frame[frame["funnel"] == frame["funnel"].iloc[0]].to_dict("records")
        if row["factor"] and row["against"] == frame["against"].iloc[-1]
    ]
    if wide:
        parts.append(
            words._("95% intervals of the right-hand parts: {parts}.", parts=words.listed(wide))
        )
    return [*parts, *_uncompared(words, result)]


def _uncompared(words: Words, result: Result) -> list[str]:
    reasons = dict.fromkeys(
        r.reason for r in result.records if r.metric in ("end_part", "step_rate_part")
        and r.status == "not_computed" and "by=" not in r.dimensions
    )  # fmt: skip
    return [words._("Not computed: {reason}.", reason=worded(words, r)) for r in reasons if r]


def _end_alt(context: Context, main: pd.DataFrame, sides: Sequence[str]) -> str:
    words = context.words
    parts = []
    for side in sides:
        rows = main[main["against"] == side].to_dict("records")
        named = [
            words._("{factor} {part}", factor=r["factor_name"], part=words.plus(round(r["part"])))
            for r in rows
        ]
        label = against_side(context, side)
        parts.append(words._("{against}: {parts}", against=label, parts=words.listed(named)))
    return joined(words, parts)


# ---- within the steps ---------------------------------------------------------------------------


def within_steps(result: Result, *, id: str) -> Table | Note:
    """Each step's change split into mix and rate, by the cut whose mix moved it most.

    A step is shown also by every cut in which total and parts disagree (Simpson).
    """
    context: Context = result.context
    words = context.words
    frame = result.frame
    if frame.empty:
        return Note(paragraph(words, _uncompared(words, result)),
                    title=words._("Other customers, or other behaviour?"))  # fmt: skip
    shown = _shown(frame)
    many = frame["funnel"].nunique() > 1
    rows = [_within_row(context, row, many=many) for row in shown.to_dict("records")]
    columns = (
        Column(words._("Step"), "left", "fr"),
        Column(words._("Against")),
        Column(words._("Change"), "right"),
        Column(words._("Split by")),
        Column(words._("Mix, 95% interval"), "right"),
        Column(words._("Rate, 95% interval"), "right"),
        Column(words._("Sign")),
    )
    flagged = int(frame["reversal"].sum())
    title = (
        words._("Other customers, or other behaviour? In {count} places the total misleads",
                count=words.count(flagged))
        if flagged else words._("Other customers, or other behaviour? No total misleads")
    )  # fmt: skip
    caption = [
        words._(
            "Percentage points; both parts add up to the change. Mix: others came to the step;"
            " rate: the same kind of customers took it more or less often. Shown is the cut whose"
            " mix moved the step most, and each in which the rates moved against the total, beyond"
            " chance among all {count} (Benjamini-Hochberg, 5%); all of them are in the CSV file.",
            count=words.count(len(frame)),
        ),
        *_uncompared(words, result),
    ]
    return Table(columns, tuple(rows), id=id, title=title, caption=paragraph(words, caption),
                 csv=csv_text(frame), size="small")  # fmt: skip


def _shown(frame: pd.DataFrame) -> pd.DataFrame:
    size = frame["mix"].abs()
    groups = frame.assign(size=size).groupby(["funnel", "against", "step"], sort=False)["size"]
    most = groups.idxmax()
    return frame.loc[sorted({*most, *frame.index[frame["reversal"].astype(bool)]})]


def _within_row(context: Context, row: dict[Any, Any], *, many: bool) -> tuple[str | Cell, ...]:
    words = context.words
    step = str(row["step_name"])
    if many:
        step = words._("{funnel}: {step}", funnel=row["funnel_name"], step=step)
    sign = Cell(words._("disagrees"), tone="bad", bold=True) if row["reversal"] else Cell("")
    return (
        step,
        against_side(context, row["against"]),
        bare_points(words, row["total"]),
        cut_name(words, str(row["cut"])),
        _part(words, row, "mix"),
        _part(words, row, "rate"),
        sign,
    )


def _part(words: Words, row: Mapping[Any, Any], name: str) -> Cell:
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    moves = low > 0 or high < 0
    text = words._(
        "{value} ({interval})",
        value=bare_points(words, row[name]),
        interval=words.interval(bare_points(words, low), bare_points(words, high)),
    )
    return Cell(text, bold=moves, muted=not moves)


# ---- last period's leaks ------------------------------------------------------------------------


def former_leaks(result: Result, *, id: str) -> Table | Note:
    """Last period's leaks by name: closed, not closed, or not to be told."""
    context: Context = result.context
    words = context.words
    frame = result.frame
    past = words.period(context.period.previous())
    if frame.empty:
        reasons = dict.fromkeys(r.reason for r in result.records if r.reason)
        text = (
            paragraph(words, [
                words._("What leaked in {period} is not known: {reason}.", period=past,
                        reason=worded(words, r))
                for r in reasons if r
            ]) if reasons else words._("No leak stood out in {period}.", period=past)
        )  # fmt: skip
        return Note(text, title=words._("Did last period's mending work?"))
    many = frame["funnel"].nunique() > 1
    rows = [_former_row(context, row, many=many) for row in frame.to_dict("records")]
    columns = (
        Column(words._("Leak of {period}", period=past), "left", "fr"),
        Column(words._("Before it"), "right"),
        Column(words._("Then"), "right"),
        Column(words._("Now"), "right"),
        Column(words._("Still missing, 95% interval"), "right"),
        Column(words._("Verdict")),
    )
    caption = words._(
        "Still missing: of the conversions that the level before the leak lets expect. Closed: no"
        " longer below that level beyond chance, and surely less than half as much missing as then."
    )
    count = words.count(int((frame["status"] == RECOVERED).sum()))
    title = words._("Of last period's {all} leaks {count} closed", all=words.count(len(frame)),
                    count=count)  # fmt: skip
    return Table(columns, tuple(rows), id=id, title=title, caption=caption, csv=csv_text(frame),
                 size="small")  # fmt: skip


def mended(result: Result) -> Text:
    """Whether what leaked a period ago has closed, in a line for who decides."""
    context: Context = result.context
    words, frame = context.words, result.frame
    past = words.period(context.period.previous())
    if frame.empty:
        return Text(
            words._("Did last period's mending work? No leak stood out in {period}.", period=past)
        )
    many = frame["funnel"].nunique() > 1
    parts = [
        words._(
            "{leak}: {answer}",
            leak=where_text(words, row, many=many),
            answer=words._(ANSWERS[str(row["status"])]),
        )
        for row in frame.head(MOST_MENDED).to_dict("records")
    ]
    text = words._("Did last period's mending work? {leaks}.", leaks=joined(words, parts))
    return Text(text)


def _former_row(context: Context, row: dict[Any, Any], *, many: bool) -> tuple[str | Cell, ...]:
    words = context.words
    status = str(row["status"])
    answer = Cell(words._(ANSWERS[status]), tone=TONES[status], bold=True)
    where = where_text(words, row, many=many)
    before, then = words.share(row["level"]), words.share(row["then"])
    if isinstance(row["reason"], str):
        return (where, before, then, Cell(DASH, muted=True),
                Cell(worded(words, row["reason"]), muted=True), answer)  # fmt: skip
    left = words._(
        "{value} ({interval})",
        value=words.share(row["share"], 0),
        interval=words.interval(*(words.share(row[f"share_{x}"], 0) for x in ("low", "high"))),
    )
    return (where, before, then, words.share(row["now"]), left, answer)
