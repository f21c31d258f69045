"""Reach, segmentation and use: what the three checks rest on, a table each."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from repurchase.analysis.tiers import TOO_HIGH, TOO_LOW
from repurchase.analysis.use import MEASURES, WORSE
from repurchase.context import Context
from repurchase.reasons import worded
from repurchase.records import CompareTo, Record, Result
from repurchase.show.blocks import Cell, Column, Note, Table
from repurchase.show.mix import cut_name, label_name
from repurchase.show.sentences import DASH, change_clause, paragraph, points, share_range
from repurchase.show.style import csv_text
from repurchase.show.tables import _Notes, shortened, value_name
from repurchase.show.worklists import CHANNEL_NAMES, OUTCOMES, STATES
from repurchase.words import N_, Words

STORES_SHOWN = 8
CHANNELS = {**CHANNEL_NAMES, "wechat": N_("WeChat")}
FATES = {
    "contacted": N_("Contacted in the period"),
    "just_before": N_("Not in it, but in the {days} days before"),
    "unreachable": N_("Not reached by any channel"),
    "open_complaint": N_("Left out: a complaint is open"),
    "withheld": OUTCOMES["withheld"],
    "left": N_("Could have been contacted, and was not"),
}
CUTS = {"channel": N_("Channel"), "tier": N_("Tier"), "store": N_("Store")}
GROUPS = {
    "touched": N_("Ordered afterwards: touched in time"),
    "not_touched": N_("Ordered afterwards: not touched in time"),
    "listed": N_("Touched in time: on the lists"),
    "withheld": N_("Touched in time: withheld by chance"),
}
TABLES = {
    "events": N_("Contacts entered more than {days} days late"),
    "orders": N_("Orders entered more than {days} days late"),
}
PARTS = {"team": N_("Team"), "store": N_("Store"), "rep": N_("Sales person")}
Row = dict[Any, Any]


def _not_computed(words: Words, record: Record) -> Note:
    why = worded(words, record.reason or "")
    return Note(words._("Not computed: {reason}.", reason=why), "unsure")


def _share_of(words: Words, row: Mapping[Any, Any], value: str = "value") -> str | Cell:
    """A share with its interval; a dash where there is none."""
    if row[value] is None or math.isnan(row[value]):
        return Cell(DASH, muted=True)
    low, high = words.number(row["low"] * 100, 1), words.share(row["high"])
    return f"{words.share(row[value])} ({low}–{high})"


def _count_or_dash(words: Words, value: float | None) -> str | Cell:
    if value is None or math.isnan(value):
        return Cell(DASH, muted=True)
    return words.count(value)


def _changes(result: Result, metric: str) -> str:
    """What changed on the period before and on a year ago, in a sentence; nothing if uncompared."""
    context: Context = result.context
    words = context.words
    names: tuple[CompareTo, ...] = ("previous", "year_ago")
    found = [
        change_clause(words, r, context.windows.basis)
        for name in names
        for r in result.records
        if (r.metric, r.compare_to, r.dimensions) == (metric, name, "") and r.change is not None
    ]
    if not found:
        return ""
    return words._("The share of all: {changes}.", changes=words.listed(found))


# ---- 0: reach ----------------------------------------------------------------------------------


def reach(result: Result, *, id: str) -> Table | Note:
    """Who can be contacted, by channel, tier and store, and what closes a channel."""
    context: Context = result.context
    words, frame = context.words, result.frame
    if frame.empty:
        return _not_computed(words, result.records[0])
    rows: list[tuple[str | Cell, ...]] = []
    left_out = 0
    for cut, part in frame.groupby("cut", sort=False):
        if cut:
            rows.append((Cell(words._(CUTS[str(cut)]), bold=True), "", "", "", "", ""))
        shown = part.head(STORES_SHOWN) if cut == "store" else part
        left_out += len(part) - len(shown)
        rows += [_reach_row(words, row) for row in shown.to_dict("records")]
    columns = (
        Column(words._("Customers by"), "left", "fr"),
        Column(words._("Customers"), "right"),
        Column(words._("Can be contacted (95%)"), "right"),
        Column(words._("Opted out"), "right"),
        Column(words._("Contact fails"), "right"),
        Column(words._("No address"), "right"),
    )
    return Table(
        columns, tuple(rows), id=id, title=words._("Who can be contacted at all"),
        caption=_reach_caption(result, left_out), csv=csv_text(frame), size="small",
    )  # fmt: skip


def _reach_row(words: Words, row: Row) -> tuple[str | Cell, ...]:
    names = {"": words._("On any channel"), "channel": words._(CHANNELS.get(row["label"], ""))}
    column = "store_id" if row["cut"] == "store" else "level"
    label = names.get(row["cut"]) or shortened(value_name(words, column, row["label"]))
    blocks: tuple[str | Cell, ...] = ("", "", "")
    if row["cut"] == "channel":
        blocks = tuple(_count_or_dash(words, row[b]) for b in ("closed", "dead", "blank"))
    bold = not row["cut"]
    share = _share_of(words, row)
    return (
        Cell(label, bold=bold), words.count(row["n"]),
        Cell(share, bold=bold) if isinstance(share, str) else share, *blocks,
    )  # fmt: skip


def _reach_caption(result: Result, left_out: int) -> str:
    context: Context = result.context
    words, rules = context.words, context.params.profile.funnel_rules
    parts = [
        _changes(result, "reachable_share"),
        words._(
            "Customers with an order date in the last {months} months. Opted out: by an event, or"
            " by the customer file as it is today. Contact fails: the last {failures} contacts on"
            " the channel failed. A dash: the sources do not tell, so nobody is shut out by it.",
            months=context.params.profile.activity_window_months,
            failures=rules.failures,
        ),
    ]
    if left_out:
        parts.append(
            words._("{count} smaller stores stand in the data.", count=words.count(left_out))
        )
    return paragraph(words, parts)


def due_contacted(result: Result, *, id: str) -> Table | Note:
    """Everyone due at the period's start, and what became of them in it; adds up to all."""
    context: Context = result.context
    words, frame = context.words, result.frame
    if frame.empty:
        return _not_computed(words, result.records[0])
    rows = [_fate_row(context, row) for row in frame.to_dict("records")]
    total = frame[[*STATES, "customers", "expected"]].sum(min_count=1).to_dict()
    bold = [*(words.count(total[s]) for s in STATES), words.count(total["customers"]), "",
            _money(context, total["expected"])]  # fmt: skip
    rows.append((Cell(words._("Due in all"), bold=True), *(Cell(c, bold=True) for c in bold)))
    revenue = str(frame["worth"].iloc[0]) == "revenue"
    expected = N_("Revenue expected in a year") if revenue else N_("Margin expected in a year")
    columns = (
        Column(words._("What became of them"), "left", "fr"),
        *(Column(words._(name), "right") for name in STATES.values()),
        Column(words._("Customers"), "right"),
        Column(words._("Share (95%)"), "right"),
        Column(words._(expected), "right"),
    )
    caption = paragraph(
        words,
        [
            _changes(result, "due_contacted_share"),
            words._(
                "Due at the start of {period}, as the lists for sales have them, without internal"
                " accounts and lapsed customers. Expected money comes with or without a contact: it"
                " is not what a contact brings.",
                period=words.period(context.period),
            ),
        ],
    )
    return Table(
        columns, tuple(rows), id=id,
        title=words._("Of those due, who was contacted, and why others were not"),
        caption=caption, csv=csv_text(frame), size="small",
    )  # fmt: skip


def _fate_row(context: Context, row: Row) -> tuple[str | Cell, ...]:
    words = context.words
    days, name = context.params.profile.lists.quiet_days, FATES[row["fate"]]
    label = words._(name, days=days)
    counts = [words.count(row[s]) for s in STATES]
    share = _share_of(words, row, "share")
    bold = row["fate"] in ("contacted", "left")
    return (Cell(label, bold=bold), *counts, words.count(row["customers"]), share,
            _money(context, row["expected"]))  # fmt: skip


def _money(context: Context, value: float | None) -> str:
    if value is None or math.isnan(value):
        return DASH
    return context.words.money(value, context.currency)


# ---- 1: tiers ----------------------------------------------------------------------------------


def tiers(result: Result, wrong: Result, *, id: str) -> Table | Note:
    """Each tiering in use: who ordered again by tier, low to high, beside what RFM tells."""
    context: Context = result.context
    words, frame = context.words, result.frame
    if frame.empty:
        return _not_computed(words, result.records[0])
    rows: list[tuple[str | Cell, ...]] = []
    for name, part in frame.groupby("tiering", sort=False):
        rows.append(_tiering_head(result, str(name), part))
        rows += [_tier_row(words, str(name), row) for row in part.to_dict("records")]
    columns = (
        Column(words._("Tier, from low to high"), "left", "fr"),
        Column(words._("Customers"), "right"),
        Column(words._("Ordered within 90 days (95%)"), "right"),
        Column(words._("Lift (95%)"), "right"),
    )
    return Table(
        columns, tuple(rows), id=id, title=words._("Do the tiers in use tell who orders again?"),
        caption=_tiers_caption(result, wrong), csv=csv_text(frame), size="small",
    )  # fmt: skip


def _tiering_head(result: Result, name: str, part: pd.DataFrame) -> tuple[str | Cell, ...]:
    words: Words = result.context.words
    found = {r.metric: r for r in result.records if r.dimensions == f"segment={name}"}
    own, gain = found["tiering_auc"], found.get("tiering_gain")
    area = words._("AUC {value}", value=_ranged(words, own.value, own.low, own.high, 3))
    text = ""
    if gain is not None and gain.value is not None:
        said = _ranged(words, gain.value, gain.low, gain.high, 3, signed=True)
        text = words._("over RFM {value}", value=said)
    return (
        Cell(cut_name(words, name), bold=True), words.count(float(part["n"].sum())),
        Cell(area, bold=True), Cell(text, bold=True),
    )  # fmt: skip


def _ranged(
    words: Words, value: float | None, low: float | None, high: float | None, digits: int,
    *, signed: bool = False,
) -> str:  # fmt: skip
    if value is None or math.isnan(value):
        return DASH
    show = words.plus if signed else words.number
    if low is None or high is None or math.isnan(low) or math.isnan(high):
        return show(value, digits)
    ends = words.interval(show(low, digits), show(high, digits))
    return f"{show(value, digits)} ({ends})"


def _tier_row(words: Words, name: str, row: Row) -> tuple[str | Cell, ...]:
    share = _share_of(words, row)
    if row["turned"] and isinstance(share, str):
        share = Cell(share, tone="bad", bold=True)
    lift = _ranged(words, row["lift"], row["lift_low"], row["lift_high"], 2)
    return "  " + label_name(words, name, str(row["label"])), words.count(row["n"]), share, lift


def _tiers_caption(result: Result, wrong: Result) -> str:
    context: Context = result.context
    words, frame = context.words, result.frame
    first = frame.iloc[0]
    parts = [
        words._(
            "Customers as of {day}, by who ordered up to {until}. AUC: of pairs of whom one ordered"
            " and one did not, the share in the right order; 0.5 is a coin. Over RFM: less that of"
            " recency, frequency and money on the same customers, as known on that day.",
            day=words.day(first["day"]),
            until=words.day(first["until"]),
        )
    ]
    if not first["fixed"]:
        parts.append(
            words._(
                "A tier is known as of today only: one that is earned by buying has seen the orders"
                " it is held against, and looks better here than it is."
            )
        )
    if frame["learnt"].any():
        parts.append(
            words._(
                "Where no order of the tiers is stated, it is that of the ninety days before, which"
                " could not know what it is held against. In colour: surely less than the tier"
                " below."
            )
        )
    return paragraph(words, [*parts, _wrong_sentence(context, wrong)])


def _wrong_sentence(context: Context, wrong: Result) -> str:
    words = context.words
    found = {
        (r.metric, way): r
        for r in wrong.records
        for way in (TOO_LOW, TOO_HIGH)
        if f"way={way}" in r.dimensions and r.value is not None
    }
    low, high = (found.get(("tiering_wrong", way)) for way in (TOO_LOW, TOO_HIGH))
    money = next((r for (m, w), r in found.items() if m != "tiering_wrong" and w == TOO_LOW), None)
    if low is None or high is None or money is None:
        return ""
    kept = {"margin": N_("margin"), "revenue": N_("revenue")}[money.metric.rsplit("_", 1)[-1]]
    return words._(
        "Of {n} customers today {low} stand lower than RFM would place them ({money} of {kind} in"
        " the activity window) and {high} higher, were the tiers as large as they are.",
        n=words.count(low.n), low=words.count(low.value), high=words.count(high.value),
        money=words.money(money.value, context.currency), kind=words._(kept),
    )  # fmt: skip


# ---- 6: use ------------------------------------------------------------------------------------


def system_use(result: Result, *, id: str) -> Table | Note:
    """How the lists are worked: in all, by team, by store, and the sales people who stand out."""
    context: Context = result.context
    words, frame = context.words, result.frame
    if frame.empty:
        return _not_computed(words, result.records[0])
    rows: list[tuple[str | Cell, ...]] = []
    quiet = dict.fromkeys(PARTS, 0)
    for by, part in frame.groupby("by", sort=False):
        shown = _worth_showing(str(by), part)
        quiet[str(by)] = int((part["label"] != "").sum() - (shown["label"] != "").sum())
        if by in PARTS and len(shown):
            rows.append((Cell(words._(PARTS[str(by)]), bold=True), *[""] * 5))
        rows += [_use_row(words, row) for row in shown.to_dict("records")]
    columns = (
        Column(words._("Sales"), "left", "fr"),
        Column(words._("On the lists"), "right"),
        Column(words._("Touched in time (95%)"), "right"),
        Column(words._("Entered late (95%)"), "right"),
        Column(words._("Promises kept (95%)"), "right"),
        Column(words._("Days with a login (95%)"), "right"),
    )
    return Table(
        columns, tuple(rows), id=id, title=words._("Are the lists worked, and the system used?"),
        caption=_use_caption(context, frame, quiet), csv=csv_text(frame), size="small",
    )  # fmt: skip


def _worth_showing(by: str, part: pd.DataFrame) -> pd.DataFrame:
    """All teams; the stores off by something, then the largest; of sales people only those off."""
    marks = (part[[f"{name}_mark" for name in MEASURES]] != "").any(axis="columns")
    if by == "rep":
        return part[marks].sort_values(["touched_share", "label"], ascending=[False, True])
    if by != "store":
        return part
    named = part["label"] != ""
    largest = part[named & ~marks].head(max(STORES_SHOWN - int(marks.sum()), 0))
    return pd.concat([part[marks & named], largest])


def _use_row(words: Words, row: Row) -> tuple[str | Cell, ...]:
    if not row["by"]:
        label: str | Cell = Cell(words._("All"), bold=True)
    elif row["by"] == "system":
        label = words._("Of those who have ever logged in")
    elif row["label"]:
        label = shortened(str(row["label"]))
    else:
        label = Cell(words._("smaller ones together, and customers of nobody"), muted=True)
    cells = []
    for name in MEASURES:
        given = {"value": row[f"{name}_share"], "low": row[f"{name}_low"],
                 "high": row[f"{name}_high"]}  # fmt: skip
        share, mark = _share_of(words, given), row[f"{name}_mark"]
        if mark and isinstance(share, str):
            share = Cell(share, tone="bad" if mark == WORSE else "good", bold=True)
        cells.append(share)
    return label, words.count(row["touched_n"]), *cells


def _use_caption(context: Context, frame: pd.DataFrame, quiet: Mapping[str, int]) -> str:
    words, rules = context.words, context.params.profile.funnel_rules
    parts = [
        words._(
            "Customers on the lists at the start of {period}; touched: contacted by a sales person"
            " within {days} days of it. They count for the owner, or who served the last order, at"
            " that time; a sales person for the store with most of the own orders. Who has fewer"
            " than {fewest} has no share.",
            period=words.period(context.period),
            days=rules.touch_days,
            fewest=rules.fewest_due,
        ),
        words._(
            "In colour: off the share of others whose lists are about as long, by more than people"
            " differ anyway and with the number of looks taken into account."
        ),
    ]
    if "system" in set(frame["by"]):
        parts.append(words._("Who has never logged in is not held against others."))
    if quiet["store"]:
        parts.append(
            words._("{count} smaller stores stand in the data.", count=words.count(quiet["store"]))
        )
    if "rep" in set(frame["by"]):
        parts.append(
            words._(
                "{count} sales people with long enough lists do not stand out.",
                count=words.count(quiet["rep"]),
            )
        )
    return paragraph(words, parts)


def use_work(
    effect: Result, entered: Result, promises: Result, logins: Result, *, id: str
) -> Table | Note:
    """Whether touching does anything, and how the system is worked with."""
    context: Context = effect.context
    words, notes = context.words, _Notes(context.words)
    rules = context.params.profile.funnel_rules
    rows = [_group_row(words, row) for row in effect.frame.to_dict("records")]
    rows += [
        _figure_row(notes, words._(label), effect.one(metric), change=True)
        for metric, label in (
            ("touch_difference", N_("Touched less not touched, equally due (observed)")),
            ("list_touch_gain", N_("Touched: on the lists less withheld (by chance)")),
            ("list_order_gain", N_("Ordered: on the lists less withheld (by chance)")),
        )
    ]
    late = entered.frame.to_dict("records")
    rows += [_late_row(words, row, rules.entry_days) for row in late]
    if not late:
        name = TABLES["events"]
        label = words._(name, days=rules.entry_days)
        rows.append(_figure_row(notes, label, entered.records[0]))
    rows.append(_figure_row(notes, words._("Promised follow-ups kept"), promises.records[0]))
    rows.append(_figure_row(notes, words._("Sales people who logged in"), logins.records[0]))
    columns = (
        Column(words._("Figure"), "left", "fr"),
        Column(words._("n"), "right"),
        Column(words._("Value (95%)"), "right"),
    )
    tables = [r.frame for r in (effect, entered, promises, logins) if len(r.frame)]
    return Table(
        columns, tuple(rows), id=id,
        title=words._("Not used, or used without effect?"),
        caption=_work_caption(notes, effect, entered, promises),
        csv=csv_text(pd.concat(tables, ignore_index=True)) if tables else None, size="small",
    )  # fmt: skip


def _group_row(words: Words, row: Row) -> tuple[str | Cell, ...]:
    name = GROUPS[row["group"]]
    return words._(name), words.count(row["n"]), _share_of(words, row)


def _figure_row(
    notes: _Notes, label: str, record: Record, *, change: bool = False
) -> tuple[str | Cell, ...]:
    words = notes.words
    if record.value is None:
        return label, "", Cell(f"{DASH}{notes.mark(record.reason)}", muted=True)
    n = words.count(record.n)
    if not change:
        return label, n, f"{words.share(record.value)} ({share_range(words, record)})"
    low, high = (words.plus((x or 0) * 100, 1) for x in (record.low, record.high))
    sure = (record.low or 0) > 0 or (record.high or 0) < 0
    text = f"{points(words, record.value)} ({words.interval(low, high)})"
    return label, n, Cell(text, bold=sure)


def _late_row(words: Words, row: Row, days: int) -> tuple[str | Cell, ...]:
    name = TABLES[row["table"]]
    return words._(name, days=days), words.count(row["rows"]), _share_of(words, row)


def _work_caption(notes: _Notes, effect: Result, entered: Result, promises: Result) -> str:
    words, rules = notes.words, effect.context.params.profile.funnel_rules
    parts = [
        words._(
            "Observed: of those on the lists who had not ordered within the {days} days for a"
            " touch, by whether they did afterwards in the period; compared within due soon,"
            " overdue and at risk and thirds of the probability to order. Whom to touch is a"
            " choice, so it is no effect; only what chance withheld tells that.",
            days=rules.touch_days,
        )
    ]
    for row in entered.frame.to_dict("records"):
        name = TABLES[row["table"]]
        parts.append(
            words._(
                "{what}: half after {p50} days, 95% after {p95}.",
                what=words._(name, days=rules.entry_days),
                p50=words.number(row["p50"], 1),
                p95=words.number(row["p95"], 1),
            )
        )
    counts = dict(zip(promises.frame.get("fate", []), promises.frame.get("promises", []),
                      strict=True))  # fmt: skip
    if sum(counts.values()):
        parts.append(
            words._(
                "Follow-ups promised for the period: {kept} kept up to {days} days after the day,"
                " {ordered} settled by an order, {broken} not kept, {open} still open.",
                days=rules.promise_days,
                **{name: words.count(count) for name, count in counts.items()},
            )
        )
    return notes.caption(*parts)
