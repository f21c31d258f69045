"""Tables of results. Numbers stand right, what cannot be read is blank or says why beneath."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from repurchase.analysis.findings import moved
from repurchase.analysis.windows import Windows, ripened
from repurchase.calendar import DayCounts, day_counts
from repurchase.context import Context
from repurchase.definitions import METRICS
from repurchase.period import Period
from repurchase.reasons import worded
from repurchase.records import CompareTo, Record, Result
from repurchase.show.blocks import Cell, Column, Table, Text
from repurchase.show.sentences import (
    DASH,
    against,
    bare_points,
    base_size,
    distance,
    is_unsettled,
    paragraph,
    points,
    season_tone,
    share_interval,
    share_range,
)
from repurchase.show.style import csv_text
from repurchase.words import N_, Words

LADDER = ("repurchase_30d", "repurchase_60d", "repurchase_90d", "repurchase_180d")
LADDER_WINDOWS: tuple[CompareTo, ...] = ("previous", "year_ago")
WINDOWS: tuple[CompareTo, ...] = ("previous", "year_ago", "year_ago_aligned")
# A change against the window (a heading), and the window itself (a row of days).
HEADINGS = {
    "previous": N_("Against the previous period"),
    "year_ago": N_("Against a year ago"),
    "year_ago_aligned:spring_festival": N_("Against a year ago, aligned on the Spring Festival"),
    "year_ago_aligned:easter": N_("Against a year ago, aligned on Easter"),
    "year_ago_aligned:weekdays": N_("Against a year ago, same weekdays"),
    "year_ago_aligned:plain": N_("Against a year ago"),
    "target": N_("Against the target"),
}
STRETCHES = {
    "none": N_("Period reviewed"),
    "previous": N_("Previous period"),
    "year_ago": N_("Year before"),
    "year_ago_aligned:spring_festival": N_("Year before, aligned on the Spring Festival"),
    "year_ago_aligned:easter": N_("Year before, aligned on Easter"),
    "year_ago_aligned:weekdays": N_("Year before, same weekdays"),
    "year_ago_aligned:plain": N_("Year before"),
}
CHANGES_LEGEND = N_(
    "Changes in percentage points. Bold: the interval of the change excludes 0. Grey: no"
    " detectable change, or one that a note puts in doubt."
)
COHORTS_SHOWN, AGES_SHOWN, SMALL_COHORT = 18, 12, 50
CUT_ROWS, LONGEST_VALUE = 8, 60


class _Notes:
    """Numbered notes beneath a table; the same reason keeps its number."""

    def __init__(self, words: Words) -> None:
        self.words = words
        self.texts: list[str] = []

    def mark(self, text: str | None) -> str:
        """The mark of a note, such as " (2)"; nothing for no text."""
        if not text:
            return ""
        if text not in self.texts:
            self.texts.append(text)
        return f" ({self.texts.index(text) + 1})"

    def caption(self, *before: str) -> str:
        notes = [
            self.words._("({number}) {note}.", number=i, note=worded(self.words, text))
            for i, text in enumerate(self.texts, 1)
        ]
        return paragraph(self.words, [*before, *notes])


def _right(*labels: str) -> list[Column]:
    return [Column(label, "right") for label in labels]


def _change_cell(
    result: Result, record: Record | None, notes: _Notes, *, unsettled: bool = False
) -> Cell:
    """A change in points: toned if detectable, muted if not, a note if not computed."""
    words = notes.words
    if record is None:
        return Cell(DASH, muted=True)
    if record.change is None:
        return Cell(f"{DASH}{notes.mark(record.reason)}", muted=True)
    care = notes.mark(record.reason) if record.status == "provisional" else ""
    text = f"{bare_points(words, record.change)}{care}"
    if record.status == "final" and moved(record):
        tone = season_tone(result, record, unsettled=unsettled)
        return Cell(text, tone=None if tone == "neutral" else tone, bold=True)
    return Cell(text, muted=True)


def _find(result: Result, metric: str, compare_to: CompareTo) -> Record | None:
    return next(
        (
            r
            for r in result.records
            if (r.metric, r.compare_to, r.dimensions) == (metric, compare_to, "")
        ),
        None,
    )


def _window_label(words: Words, windows: Windows, name: CompareTo) -> str:
    """The column heading of a comparison window."""
    key = f"{name}:{windows.basis}" if name == "year_ago_aligned" else name
    return words._(HEADINGS[key])


# ---- comparisons ------------------------------------------------------------------------------


def comparisons(
    figures: Result, identification: Result | None = None, *, id: str | None = None
) -> Table:
    """Every headline figure with its interval, n and each comparison; reasons as notes beneath."""
    context: Context = figures.context
    words, notes = context.words, _Notes(context.words)
    extra = identification.records if identification else ()
    both = Result(None, (*figures.records, *extra), context=context)
    names = _shares(both.records)
    shown: list[CompareTo] = [*WINDOWS, "target"]
    if context.windows.basis == "plain":
        shown.remove("year_ago_aligned")
    if not any(r.compare_to == "target" for r in both.records):
        shown.remove("target")
    unsettled = is_unsettled(context, both)
    rows = [_comparison_row(both, name, shown, notes, unsettled) for name in names]
    headings = [_window_label(words, context.windows, w) for w in shown]
    return Table(
        _comparison_columns(words, headings), tuple(rows), id=id,
        title=words._("Each figure against each comparison, in percentage points") if id else None,
        caption=notes.caption(words._(CHANGES_LEGEND)),
        csv=csv_text(pd.DataFrame(map(vars, both.records))),
        size="small",
    )  # fmt: skip


def _comparison_columns(words: Words, headings: Sequence[str]) -> tuple[Column, ...]:
    return (
        Column(words._("Figure"), "left", "fr"),
        *_right(words._("Value"), words._("95% interval"), words._("n"), *headings),
    )


def key_figures(figures: Result, names: Sequence[str]) -> Table:
    """The named figures in a line each: value, interval, n, the two changes, the target.

    `figures` also holds the share of identified orders, which says whether changes are unsure.
    """
    context: Context = figures.context
    words, notes = context.words, _Notes(context.words)
    aligned = context.windows.basis in ("spring_festival", "easter")
    shown: list[CompareTo] = ["year_ago_aligned" if aligned else "year_ago", "previous"]
    headings = [_window_label(words, context.windows, w) for w in shown]
    promised = any(r.compare_to == "target" and r.metric in names for r in figures.records)
    if promised:
        headings.append(words._("Target, and distance from it"))
    unsettled = is_unsettled(context, figures)
    rows = []
    for name in names:
        row = _comparison_row(figures, name, shown, notes, unsettled)
        goal = _target_cell(figures, name, notes, unsettled)
        rows.append((*row, goal) if promised else row)
    return Table(
        _comparison_columns(words, headings), tuple(rows),
        caption=notes.caption(words._(CHANGES_LEGEND)),
    )  # fmt: skip


def _target_cell(figures: Result, name: str, notes: _Notes, unsettled: bool) -> Cell:
    """The target with the distance from it; a dash where none is set."""
    record = _find(figures, name, "target")
    gap = _change_cell(figures, record, notes, unsettled=unsettled)
    if record is None or record.value is None or record.change is None:
        return gap
    target = notes.words.share(record.value - record.change)
    return replace(gap, text=f"{target} ({gap.text})")


def _shares(records: Iterable[Record]) -> list[str]:
    names = dict.fromkeys(r.metric for r in records if r.unit == "share" and not r.dimensions)
    return list(names)


def _comparison_row(
    result: Result, name: str, shown: Sequence[CompareTo], notes: _Notes, unsettled: bool
) -> tuple[str | Cell, ...]:
    words = notes.words
    base = _find(result, name, "none")
    label = words._(METRICS[name].name)
    if base is None or base.value is None:
        mark = notes.mark(base.reason if base else None)
        return (
            label,
            Cell(f"{DASH}{mark}", muted=True),
            *[Cell(DASH, muted=True)] * (2 + len(shown)),
        )
    care = notes.mark(base.reason) if base.status == "provisional" else ""
    changes = [
        _change_cell(result, _find(result, name, w), notes, unsettled=unsettled) for w in shown
    ]
    n = base_size(words, base, result.context.currency)
    return (
        label, Cell(f"{words.share(base.value)}{care}", bold=True), share_range(words, base),
        n, *changes,
    )  # fmt: skip


# ---- cohorts ----------------------------------------------------------------------------------


def triangle(result: Result, *, id: str) -> Table:
    """Cohorts by joining month: who ordered again at each age. Blank has not happened, 0 has."""
    context: Context = result.context
    words, counts = context.words, result.frame
    shown = counts.tail(COHORTS_SHOWN)
    ages = [age for age in counts.columns if 1 <= age <= AGES_SHOWN]
    shares = shown[ages].div(shown[0].where(shown[0] > 0), axis=0) if len(ages) else shown[[]]
    large = shares[shown[0] >= SMALL_COHORT] if len(shown) else shares
    known = (large if large.notna().to_numpy().any() else shares).to_numpy(dtype=float)
    most = float(pd.Series(known.ravel()).max()) if known.size else math.nan
    rows = [
        _cohort_row(words, str(label), shown.loc[label, 0], shares.loc[label], most)
        for label in shown.index
    ]
    columns = [
        Column(words._("Joined"), "left"),
        *_right(words._("Customers")),
        *(Column(words.count(age), "center", "fr") for age in ages),
    ]
    return Table(
        tuple(columns), tuple(rows), id=id,
        title=words._("How many of each joining month's customers order again, month by month"),
        caption=_triangle_caption(words, len(counts) - len(shown)), csv=csv_text(counts),
        size="small",
    )  # fmt: skip


def _cohort_row(
    words: Words, label: str, size: float, shares: pd.Series, most: float
) -> tuple[str | Cell, ...]:
    small = bool(size < SMALL_COHORT)
    cells: list[str | Cell] = [
        Cell(words.month(Period.parse(label).start), muted=small),
        Cell(words.count(size), muted=small),
    ]
    for share in shares:
        if math.isnan(share):
            cells.append(Cell(""))
        elif small:
            cells.append(Cell(words.share(share, 0), muted=True))
        else:
            fill = share / most if most > 0 else 0.0
            cells.append(Cell(words.share(share, 0), fill=round(min(fill, 1.0), 3)))
    return tuple(cells)


def _triangle_caption(words: Words, left_out: int) -> str:
    parts = [
        words._(
            "Columns: months after the joining month; share of the cohort with an order date in"
            " that month. A blank cell has not happened yet; 0% has. Grey without shade: fewer"
            " than {fewest} customers.",
            fewest=SMALL_COHORT,
        )
    ]
    if left_out:
        parts.append(
            words._(
                "{count} earlier joining months are in the exhibit's data.",
                count=words.count(left_out),
            )
        )
    return paragraph(words, parts)


# ---- repurchase within days -------------------------------------------------------------------


def ladder(
    figures: Result, identification: Result | None = None, *, id: str | None = None
) -> Table:
    """Repurchase within 30, 60, 90 and 180 days, each with the joining dates it rests on."""
    context: Context = figures.context
    words, notes = context.words, _Notes(context.words)
    months = context.params.profile.repurchase_window_months
    unsettled = identification is not None and is_unsettled(context, identification)
    rows = [_ladder_row(figures, name, months, notes, unsettled) for name in LADDER]
    columns = [
        Column(words._("Figure"), "left", "fr"),
        *_right(
            words._("Value"), words._("95% interval"), words._("Customers"),
            *(_window_label(words, context.windows, w) for w in LADDER_WINDOWS),
        ),
        Column(words._("First order date"), "left"),
    ]  # fmt: skip
    legend = words._(
        "Each rests on its ripened window: only customers old enough for the stated days count."
        " Changes in percentage points. Bold: the interval of the change excludes 0. Grey: no"
        " detectable change."
    )
    kept = [r for r in figures.records if r.metric in LADDER]
    return Table(
        tuple(columns), tuple(rows), id=id,
        title=words._("How soon new customers order again") if id else None,
        caption=notes.caption(legend), csv=csv_text(pd.DataFrame(map(vars, kept))), size="small",
    )  # fmt: skip


def _ladder_row(
    figures: Result, name: str, months: int, notes: _Notes, unsettled: bool
) -> tuple[str | Cell, ...]:
    context: Context = figures.context
    words = notes.words
    label = words._(METRICS[name].name)
    base = _find(figures, name, "none")
    if base is None or base.value is None:
        mark = notes.mark(base.reason if base else None)
        empty = Cell(DASH, muted=True)
        return label, Cell(f"{DASH}{mark}", muted=True), empty, empty, empty, empty, empty
    days = int(name.removeprefix("repurchase_").removesuffix("d"))
    window = ripened(context.windows.now, days=days, months=months)
    first = max(window.start, context.windows.data_from)
    care = notes.mark(base.reason) if base.status == "provisional" else ""
    changes = [
        _change_cell(figures, _find(figures, name, w), notes, unsettled=unsettled)
        for w in LADDER_WINDOWS
    ]
    return (
        label,
        Cell(f"{words.share(base.value)}{care}", bold=True),
        share_range(words, base),
        words.count(base.n),
        *changes,
        words.days(first, window.end),
    )


# ---- the article's formula --------------------------------------------------------------------


def article(figures: Result, *, id: str | None = None) -> Table:
    """The retention formula (E - N) / S with its honest denominator, and what is wrong without."""
    context: Context = figures.context
    words = context.words
    rate = figures.one("retention_rate")
    rows: list[tuple[str | Cell, ...]] = []
    for name in ("customers_at_start", "customers_at_end", "customers_joined"):
        record = _find(figures, name, "none")
        value = words.count(record.value) if record else DASH
        rows.append((words._(METRICS[name].name), value, words._(METRICS[name].formula)))
    explained = words._(
        "Customers at the start who are still customers at the end, out of those at the start"
    )
    rows.append(
        (
            Cell(words._("Retention (E − N) / S"), bold=True),
            Cell(words.share(rate.value) if rate.value is not None else DASH, bold=True),
            explained,
        )
    )
    columns = (
        Column(words._("Part of the formula"), "left"),
        Column(words._("Value"), "right"),
        Column(words._("Who is counted"), "left", "fr"),
    )
    return Table(
        columns, tuple(rows), id=id,
        title=words._("Customers kept from the period's start to its end") if id else None,
        caption=_article_caption(words, context, rate),
    )  # fmt: skip


def _article_caption(words: Words, context: Context, rate: Record) -> str:
    months = context.params.profile.activity_window_months
    parts = [
        words._(
            "One is a customer while the last order date lies within {months} months. The usual"
            " formula subtracts every newcomer of the period, also those who have left before its"
            " end, and so shows too little; here N counts only newcomers who are still there.",
            months=words.count(months),
        )
    ]
    if rate.value is None and rate.reason:
        parts.append(words._("Not computed: {reason}.", reason=worded(words, rate.reason)))
    elif rate.low is not None:
        parts.append(words._("95% interval: {interval}.", interval=share_interval(words, rate)))
    return paragraph(words, parts)


# ---- identification by store and channel ------------------------------------------------------

CUT_NAMES = {
    "store_id": N_("Store"),
    "channel": N_("Channel"),
}
# The words that a profile maps its channels to; any other value of a channel stays as it is.
CHANNEL_NAMES = {
    "store": N_("store"),
    "web": N_("web"),
    "app": N_("app"),
    "marketplace": N_("marketplace"),
    "wechat": N_("WeChat"),
    "phone": N_("phone"),
    "email": N_("email"),
    "sms": N_("SMS"),
}


def value_name(words: Words, column: str, value: str) -> str:
    """A value of a column as a reader meets it: our own channel words translated."""
    known = column == "channel" and value in CHANNEL_NAMES
    return words._(CHANNEL_NAMES[value]) if known else value


def shortened(value: str) -> str:
    """A value of the data, as long as a table has room for; what is cut ends in an ellipsis."""
    return value if len(value) <= LONGEST_VALUE else value[: LONGEST_VALUE - 1] + "…"


def identification_cuts(*cuts: Result, id: str | None = None) -> Table | None:
    """Identified share by store and channel, what moved beyond the limit marked; None if empty."""
    filled = [cut for cut in cuts if _is_cut(cut.frame)]
    if not filled:
        return None
    context: Context = filled[0].context
    words = context.words
    limit = context.params.profile.identification_limit
    rows: list[tuple[str | Cell, ...]] = []
    left_out = 0
    for cut in filled:
        frame = cut.frame
        name = str(frame.columns[0])
        shown = _worth_showing(frame, limit)
        left_out += len(frame) - len(shown)
        title = words._(CUT_NAMES[name]) if name in CUT_NAMES else shortened(name)
        rows.append((Cell(title, bold=True), "", "", ""))
        marks = _beyond(shown, limit).tolist()
        rows += [
            _cut_row(words, name, row, beyond)
            for row, beyond in zip(shown.to_dict("records"), marks, strict=True)
        ]
    columns = (
        Column(words._("Orders by"), "left", "fr"),
        *_right(words._("Orders"), words._("Known"), words._("Change")),
    )
    caption = [
        words._(
            "Change on the previous period. Marked: beyond the limit of {limit}, and more than"
            " chance explains.",
            limit=distance(words, limit),
        )
    ]
    if left_out:
        caption.append(
            words._("Left out, smaller and not marked: {count}.", count=words.count(left_out))
        )
    data = pd.concat([c.frame.rename(columns={c.frame.columns[0]: "name"}) for c in filled])
    return Table(
        columns, tuple(rows), id=id,
        title=words._("Where customers are known") if id else None,
        caption=paragraph(words, caption), csv=csv_text(data), size="small",
    )  # fmt: skip


def _is_cut(frame: pd.DataFrame) -> bool:
    """One row without a name is no cut: the orders have no such column filled."""
    return len(frame) > 1 or (len(frame) == 1 and bool(frame.iloc[0, 0] != ""))


def _worth_showing(frame: pd.DataFrame, limit: float) -> pd.DataFrame:
    """The largest, and each that moved beyond the limit."""
    beyond = _beyond(frame, limit)
    first = pd.Series(range(len(frame)), index=frame.index) < CUT_ROWS
    return frame[beyond | first]


def _beyond(frame: pd.DataFrame, limit: float) -> pd.Series:
    """Moved beyond the limit, and the change's interval excludes 0."""
    sure = (frame["change_low"] > 0) | (frame["change_high"] < 0)
    return (frame["change"].abs() > limit) & sure


def _cut_row(
    words: Words, name: str, row: Mapping[Hashable, Any], beyond: bool
) -> tuple[str | Cell, ...]:
    change = float(row["change"])
    label = shortened(value_name(words, name, str(row[name])) or words._("(not given)"))
    known = words.share(float(row["value"]))
    if math.isnan(change):
        cell = Cell(DASH, muted=True)
    elif beyond:
        cell = Cell(points(words, change), tone="unsure", bold=True)
    else:
        cell = Cell(points(words, change), muted=True)
    return label, words.count(float(row["orders"])), known, cell


# ---- the calendar -----------------------------------------------------------------------------


def calendar_days(context: Context, *, id: str | None = None) -> Table:
    """What kind of days each compared window holds."""
    words, windows = context.words, context.windows
    profile = context.params.profile
    promotions = {p.name: (p.day, p.days) for p in profile.promotions}
    names: list[CompareTo] = [
        w for w in windows.days if not (w == "year_ago_aligned" and windows.basis == "plain")
    ]
    counts = {
        w: day_counts(windows.days[w], country=profile.country, promotions=promotions)
        for w in names
    }
    columns = [Column(words._("Window"), "left", "fr"), Column(words._("Days from and to"), "left")]
    columns += _right(words._("Days"), words._("Weekend days"))
    if profile.country:
        columns += _right(words._("Public days"))
    if promotions:
        columns += _right(words._("Promotion days"))
    feast = any(c.spring_festival for c in counts.values())
    if feast:
        columns += [Column(words._("Spring Festival"), "left")]
    rows = []
    for name in names:
        key = f"{name}:{windows.basis}" if name == "year_ago_aligned" else name
        rows.append(
            (
                words._(STRETCHES[key]),
                words.days(*windows.days[name]),
                *_day_cells(words, counts[name], bool(profile.country), bool(promotions), feast),
            )
        )
    return Table(
        tuple(columns), tuple(rows), id=id,
        title=words._("The days that are compared") if id else None, size="small",
    )  # fmt: skip


def _day_cells(
    words: Words, counts: DayCounts, country: bool, promotions: bool, feast: bool
) -> list[str | Cell]:
    cells: list[str | Cell] = [words.count(counts.days), words.count(counts.weekend_days)]
    if country:
        cells.append(words.count(counts.public_days))
    if promotions:
        cells.append(words.count(counts.promotion_days))
    if feast:
        day = counts.spring_festival
        cells.append(words.day(day) if day else Cell(DASH, muted=True))
    return cells


# ---- what is missing, what there is -----------------------------------------------------------


def not_computed(*results: Result, id: str | None = None) -> Table | Text:
    """What could not be computed, and why, each reason once; nothing if all could be."""
    rows = tuple(missing_by_reason(*results).items())
    context: Context | None = next((r.context for r in results if r.context), None)
    if context is None or not rows:
        return Text("")
    words = context.words
    columns = (Column(words._("Why"), "left", "fr"), Column(words._("What"), "left", "fr"))
    return Table(columns, rows, id=id, title=words._("Not computed, and why"), size="small")


def missing_by_reason(*results: Result) -> dict[str, str]:
    """What could not be computed by why, in the reader's words; several figures a line each."""
    context: Context | None = next((r.context for r in results if r.context), None)
    found: dict[str, list[Record]] = {}
    for result in results:
        for record in result.records:
            if record.status in ("not_computed", "immature"):
                found.setdefault(record.reason or "", []).append(record)
    if context is None:
        return {}
    words = context.words
    return {
        worded(words, reason): _named(words, records, context.windows.basis)
        for reason, records in found.items()
    }


def _named(words: Words, records: Sequence[Record], basis: str) -> str:
    """The figures of one reason, each metric once with the comparisons that it lacks."""
    by_metric: dict[str, list[str]] = {}
    for record in records:
        name = words._(METRICS[record.metric].name)
        if "basis=constant_identification" in record.dimensions:
            name = words._("{figure} at constant identification", figure=name)
        lacks = by_metric.setdefault(name, [])
        if record.compare_to != "none":
            lacks.append(against(words, record.compare_to, basis))
    grouped: dict[tuple[str, ...], list[str]] = {}
    for name, lacks in by_metric.items():
        grouped.setdefault(tuple(dict.fromkeys(lacks)), []).append(name)
    parts = [
        words._(
            "{figures}: {comparisons}",
            figures=words.listed(names),
            comparisons=words.listed(list(lacks)),
        )
        if lacks
        else words.listed(names)
        for lacks, names in grouped.items()
    ]
    return "\n".join(parts)


def totals(result: Result, *others: Result, id: str | None = None) -> Table:
    """What the chapters see: customers, orders and money, in all and in the period."""
    context: Context = result.context
    words = context.words
    records = [r for one in (result, *others) for r in one.records]
    lines = (
        ("customers", "span=history", "buyers", ""),
        ("orders", "span=history", "orders", ""),
        ("net_revenue", "span=history", "net_revenue", ""),
        ("gross_revenue", "span=history", "gross_revenue", ""),
        ("rows_without_customer", "span=history", "", ""),
    )
    rows = []
    for metric, where, metric_now, where_now in lines:
        past = _value(words, records, metric, where, context.currency)
        now = _value(words, records, metric_now, where_now, context.currency)
        if past or now:
            name = METRICS[metric or metric_now].name
            rows.append(
                (words._(name), past or Cell(DASH, muted=True), now or Cell(DASH, muted=True))
            )
    columns = (
        Column(words._("What the chapters see"), "left", "fr"),
        *_right(words._("All data to the period's end"), words._("Period reviewed")),
    )
    caption = words._(
        "Revenue of identified customers. Nothing after {day} is visible to a chapter.",
        day=words.day(context.period.end),
    )
    return Table(
        columns, tuple(rows), id=id,
        title=words._("What the figures rest on") if id else None, caption=caption,
    )  # fmt: skip


def _value(words: Words, records: Sequence[Record], metric: str, where: str, currency: str) -> str:
    found = [
        r for r in records if (r.metric, r.dimensions) == (metric, where) and r.value is not None
    ]
    if not found:
        return ""
    record = found[0]
    if record.unit == "money":
        return words.money(record.value, currency, whole=False)
    return words.count(record.value)
