"""The lists for sales: counts for print, and the sheets that leave for `restricted/`.

A sheet is a frame with the reader's own headings. Names and contact details are masked unless the
profile shows them; no cell of a sheet can become a formula.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from repurchase.analysis.worklists import AT_RISK, CHANNELS, DUE, OVERDUE, Rules, Worklists
from repurchase.cells import inert_table
from repurchase.context import Context
from repurchase.reasons import worded
from repurchase.records import Record, Result
from repurchase.show.blocks import Cell, Column, Table, Text
from repurchase.show.sentences import DASH, points, share_interval, share_range
from repurchase.show.style import csv_text
from repurchase.words import N_, Words

OUTCOMES = {
    "listed": N_("On a list"),
    "internal": N_("Left out: internal or test account"),
    "lapsed": N_("Left out: lapsed, no order within the activity window"),
    "opted_out": N_("Left out: opted out of every channel"),
    "open_complaint": N_("Left out: a complaint is open"),
    "contacted": N_("Left out: contacted in the last {days} days"),
    "withheld": N_("Withheld by chance, to measure what the lists bring"),
}
STATES = {
    DUE: N_("due soon"),
    OVERDUE: N_("overdue"),
    AT_RISK: N_("at risk"),
}
GROUPS = {
    "listed": N_("On a list"),
    "contacted": N_("· contacted, as the sales people noted"),
    "not_contacted": N_("· not contacted, or nothing noted"),
    "withheld": N_("Withheld by chance"),
}
CHANNEL_NAMES = {"email": N_("e-mail"), "sms": N_("text message"), "phone": N_("phone")}
TOUCH_NAMES = {
    "order": N_("order"),
    "email_sent": N_("e-mail"),
    "sms": N_("text message"),
    "wechat": N_("WeChat"),
    "call": N_("call"),
    "visit": N_("visit"),
}
# Why a customer did not come back, as the interviewer codes it (price, experience, ...).
CODES = (
    N_("Price"), N_("Experience"), N_("Content"), N_("Service"), N_("Other"), N_("In own words"),
)  # fmt: skip


@dataclass(frozen=True)
class Sheets:
    """What leaves for `restricted/`: a frame a sheet by its title; `lists` is the first's title.

    `labels` has, row for row of that sheet, the list that the row belongs to, for a file of its
    own; `day` is the period's last day, which the files carry as their date. `name` is that of
    the files: letters, digits and -; a pack has one set of each name.
    """

    frames: Mapping[str, pd.DataFrame]
    lists: str
    labels: tuple[str, ...]
    day: dt.date
    name: str = "worklists"

    def __repr__(self) -> str:
        return ", ".join(f"{title}: {len(frame)} rows" for title, frame in self.frames.items())


def worklists(counts: Result, *, id: str) -> Table:
    """Everyone due this month, and what became of them; the rows add up to all."""
    context: Context = counts.context
    words, lists = context.words, context.params.profile.lists
    frame = counts.frame
    rows: list[tuple[str | Cell, ...]] = []
    for row in frame.to_dict("records"):
        label = words._(OUTCOMES[row["outcome"]], days=lists.quiet_days)
        rows.append((label, *_numbers(context, row)))
    total = frame.drop(columns="outcome").sum(min_count=1).to_dict()
    rows.append(
        (
            Cell(words._("Due in all"), bold=True),
            *(Cell(c, bold=True) for c in _numbers(context, total)),
        )
    )
    headings = [words._(STATES[s]) for s in (DUE, OVERDUE, AT_RISK)]
    revenue = any(r.metric == "due_revenue" for r in counts.records)
    more = [words._("Customers"), _at_stake(words, revenue=revenue)]
    return Table(
        (Column(words._("What becomes of them"), "left", "fr"), *_right(*headings, *more)),
        tuple(rows),
        id=id,
        title=words._("Everyone due is on one list or left out for a named reason"),
        caption=words._(
            "Due soon: expected to order within {days} days after the period's end. Overdue: the"
            " expected day has passed. At risk: so has the 80% interval around it. At stake: what"
            " an order brings, times the chance of one within a year.",
            days=lists.lead_days,
        ),
        csv=csv_text(frame),
    )


def _at_stake(words: Words, *, revenue: bool) -> str:
    """What the money at stake is of; without a margin it is net revenue."""
    return words._("Net revenue at stake") if revenue else words._("Margin at stake")


def _numbers(context: Context, row: Mapping[Any, Any]) -> tuple[str, ...]:
    words = context.words
    counts = [words.count(row[name]) for name in (DUE, OVERDUE, AT_RISK, "customers")]
    margin = row["expected_margin"]
    money = DASH if pd.isna(margin) else words.money(margin, context.currency)
    return (*counts, money)


def _right(*labels: str) -> list[Column]:
    return [Column(label, "right") for label in labels]


def list_results(results: Result, *, id: str) -> Table | Text:
    """Who of those due a period ago has ordered since; listed against withheld by chance."""
    context: Context = results.context
    words = context.words
    if results.frame.empty:
        return Text(words._("Nobody was on a list a period ago."), "small")
    shares = {r.dimensions.removeprefix("group="): r for r in results.records if r.dimensions}
    rows = []
    for name in results.frame["group"]:
        record = shares[name]
        size = words.count(record.n)
        share = Cell(words.share(record.value), bold=True)
        rows.append((words._(GROUPS[name]), size, share, share_range(words, record)))
    columns = (
        Column(words._("Due a period ago"), "left", "fr"),
        *_right(words._("Customers"), words._("Ordered since"), words._("95% interval")),
    )
    return Table(
        columns, tuple(rows), id=id, title=words._("What became of the last lists"),
        caption=_results_caption(words, results), csv=csv_text(results.frame),
    )  # fmt: skip


def _results_caption(words: Words, results: Result) -> str:
    effect = results.one("list_effect")
    rows = {r.dimensions: r for r in results.records if r.metric == "list_rows"}
    returned, strange = (int(rows[f"rows={n}"].value or 0) for n in ("returned", "not_listed"))
    parts = [_effect_sentence(words, effect)]
    parts.append(
        words._(
            "Contacted against not contacted is no effect: those who are called are chosen by those"
            " who call."
        )
    )
    parts.append(words._("{count} rows came back.", count=words.count(returned)))
    if strange:
        parts.append(
            words._("{count} of them are of nobody who was on a list.", count=words.count(strange))
        )
    return " ".join(parts)


def _effect_sentence(words: Words, effect: Record) -> str:
    if effect.value is None and effect.reason and "came back" in effect.reason:
        return words._(
            "What the lists bring cannot be told: {reason}. They went out by another withheld_share"
            " or seed than the profile has now.",
            reason=worded(words, effect.reason),
        )
    if effect.value is None:
        return words._(
            "What the lists bring cannot be told: {reason}. Set lists.withheld_share in the profile"
            " to withhold some by chance.",
            reason=worded(words, effect.reason or ""),
        )
    values = {"points": points(words, effect.value), "interval": share_interval(words, effect)}
    if (effect.low or 0.0) <= 0 <= (effect.high or 0.0):
        return words._(
            "No detectable effect of being on a list: {points} (95% interval {interval}); chance"
            " alone decided who was withheld.",
            **values,
        )
    return words._(
        "Being on a list made {points} of difference (95% interval {interval}); chance alone"
        " decided who was withheld.",
        **values,
    )


def list_reasons(noted: Result, *, id: str | None = None) -> Table | None:
    """What the sales people noted, most frequent first; None where nothing was."""
    context: Context = noted.context
    words, frame = context.words, noted.frame.head(12)
    if frame.empty:
        return None
    columns = (
        Column(words._("Outcome"), "left", "fr"),
        Column(words._("Reason"), "left", "fr"),
        *_right(words._("Customers")),
    )
    rows = [(r.outcome or DASH, r.reason or DASH, words.count(r.customers))
            for r in frame.itertuples()]  # fmt: skip
    return Table(
        columns, tuple(rows), id=id, title=words._("What the sales people noted"),
        csv=csv_text(noted.frame),
    )  # fmt: skip


def sheets(made: Worklists) -> Sheets:
    """The lists, a summary, each one's history and the interviews, as sheets to be handed out."""
    context: Context = made.context
    words = context.words
    rows = made.lists
    whose = [
        _list_name(words, *told) for told in zip(rows["list_rep"], rows["list_store"], strict=True)
    ]
    title = words._("Lists")
    frames = {
        title: _lists(context, rows, whose, made.rules),
        words._("Summary"): _summary(context, rows, whose, made),
        words._("History"): _history(context, made.history),
        words._("Interviews"): _interviews(context, made.interviews),
    }
    safe = {name: inert_table(frame) for name, frame in frames.items()}
    return Sheets(safe, title, tuple(whose), made.rules.end)


def _list_name(words: Words, rep: str, store: str) -> str:
    """Whose list it is: the sales person's number, else the store's."""
    if rep:
        return str(rep)
    if store:
        return words._("store {store}", store=store)
    return words._("without a sales person")


def _lists(
    context: Context, rows: pd.DataFrame, whose: list[str], rules: Rules
) -> pd.DataFrame:
    words, told = context.words, context.params.profile.lists
    stake = _at_stake(words, revenue=rules.worth == "revenue")
    days_since = (pd.Timestamp(rules.end) - pd.to_datetime(rows["last_date"])).dt.days
    columns: dict[str, Any] = {
        words._("Review period"): context.period.label,
        words._("Team"): rows["team"],
        words._("List"): whose,
        words._("Sales person"): rows["rep_name"],
        words._("Rank"): rows["rank"],
        words._("State"): [words._(STATES[s]) for s in rows["state"]],
        words._("Customer"): rows["customer_id"],
        words._("Name"): _shown(rows["name"], plain=told.show_contact_details),
    }
    contact = {
        name: _shown(rows[name], plain=told.show_contact_details) for name in told.contact_columns
    }
    rest: dict[str, Any] = {
        words._("Segment"): rows["segment"],
        words._("Level"): rows["level"],
        words._("Expected order"): _dates(rows["due_date"]),
        words._("Earliest (80%)"): _dates(rows["due_from"]),
        words._("Latest (80%)"): _dates(rows["due_until"]),
        words._("Last order"): _dates(rows["last_date"]),
        words._("Days since"): days_since,
        words._("Usual days between orders"): rows["typical_gap_days"].round(0),
        words._("Order dates so far"): rows["order_days"],
        words._("Net revenue so far"): rows["net_revenue"].astype("float64").round(2),
        stake: rows["expected_margin"].astype("float64").round(2),
        words._("Last products"): rows["last_products"],
        words._("Suggested product"): rows["suggested_product"],
        words._("Last contact"): _dates(rows["last_touch_date"]),
        words._("Last contact by"): [_touch(words, t) for t in rows["last_touch_type"]],
        words._("What came of it"): rows["last_touch_outcome"],
        words._("Call back on"): _dates(rows["call_back_date"]),
        words._("Renewal on"): _dates(rows["renewal_date"]),
        words._("Days overdue"): rows["overdue_days"],
        words._("Owed"): rows["receivable_amount"].astype("float64"),
        words._("Mind"): _minded(words, rows),
        words._("Do not use"): _closed(words, rows),
    }
    # what comes back next month; see "Lists come back" in the README
    blank = (N_("Contacted on"), N_("Outcome"), N_("Reason"), N_("Note"))
    rest |= {words._(name): "" for name in blank}
    for name, values in contact.items():
        plain = name.removeprefix("x_")
        # a heading of ours is read again when the list comes back
        columns[name if plain in {*columns, *rest} else plain] = values
    return pd.DataFrame(columns | rest)


def _minded(words: Words, rows: pd.DataFrame) -> list[str]:
    text = words._("debt overdue: do not chase an order")
    return [text if flag else "" for flag in rows["do_not_chase"]]


def _closed(words: Words, rows: pd.DataFrame) -> list[str]:
    """The channels that a customer has opted out of."""
    flags = [
        [words._(CHANNEL_NAMES[name]) if closed else "" for closed in rows[column].fillna(False)]
        for column, name in CHANNELS.items()
    ]
    return ["; ".join(filter(None, each)) for each in zip(*flags, strict=True)]


def _touch(words: Words, name: Any) -> str:
    return "" if pd.isna(name) else words._(TOUCH_NAMES[name]) if name in TOUCH_NAMES else str(name)


def _dates(column: pd.Series) -> pd.Series:
    """Days, without a time; missing stays missing."""
    return pd.to_datetime(column).dt.date


def _shown(column: pd.Series, *, plain: bool) -> list[str]:
    texts = ["" if pd.isna(value) else str(value) for value in column]
    return texts if plain else [masked(text) for text in texts]


def masked(text: str) -> str:
    """Enough to recognise whom one knows, too little to reach whom one does not.

    >>> masked("王小明"), masked("Anna Smith"), masked("13812345678"), masked("anna@example.com")
    ('王**', 'A*** S****', '*******5678', 'a***@example.com')
    >>> masked("@wang_88"), masked("a@b.cn 13812345678")
    ('@*******', '**************5678')
    """
    address = re.fullmatch(r"(\S)[^\s@]*@([^\s@]+\.[^\s@]+)", text)
    if address:
        return f"{address[1]}***@{address[2]}"
    if sum(c.isdigit() for c in text) * 2 > len(text):
        return "*" * max(len(text) - 4, 0) + text[-4:] if len(text) > 6 else "*" * len(text)
    return " ".join(word[:1] + "*" * (len(word) - 1) for word in text.split())


def _summary(
    context: Context, rows: pd.DataFrame, whose: list[str], made: Worklists
) -> pd.DataFrame:
    """A row a list, then one for each reason to be on none: they add up to everyone due."""
    words, told, due = context.words, context.params.profile.lists, made.due
    stake = _at_stake(words, revenue=made.rules.worth == "revenue")
    labels = {"team": words._("Team"), "whose": words._("List"), "rep": words._("Sales person")}
    lists = rows.assign(whose=whose, rep=rows["rep_name"].fillna(""))
    found = _tallies(words, lists, list(labels), stake).rename(columns=labels)
    left = due[due["outcome"] != "listed"].copy()
    left["whose"] = [words._(OUTCOMES[o], days=told.quiet_days) for o in left["outcome"]]
    left = left.assign(team="", rep="")
    others = _tallies(words, left, list(labels), stake).rename(columns=labels)
    return pd.concat([found, others], ignore_index=True)


def _tallies(words: Words, rows: pd.DataFrame, by: list[str], stake: str) -> pd.DataFrame:
    counted = rows.assign(
        **{words._(STATES[s]): (rows["state"] == s).astype(int) for s in STATES}
    )
    names = [words._(label) for label in STATES.values()]
    groups = counted.groupby(by, sort=True)
    table = groups[names].sum()
    table.insert(0, words._("Customers"), groups.size())
    table[stake] = groups["expected_margin"].sum(min_count=1).astype("float64").round(2)
    return table.reset_index()


def _history(context: Context, history: pd.DataFrame) -> pd.DataFrame:
    words = context.words
    return pd.DataFrame(
        {
            words._("Customer"): history["customer_id"],
            words._("Date"): _dates(history["date"]),
            words._("What"): [_touch(words, t) for t in history["what"]],
            words._("Channel"): history["channel"],
            words._("Net revenue"): history["net_revenue"].round(2),
            words._("What came of it"): history["outcome"],
            words._("By"): history["rep_id"],
        }
    )


def _interviews(context: Context, people: pd.DataFrame) -> pd.DataFrame:
    words = context.words
    spends = {"upper": N_("upper half"), "lower": N_("lower half"), "": N_("unknown")}
    columns: dict[str, Any] = {
        words._("Customer"): people["customer_id"],
        words._("First order"): _dates(people["first_date"]),
        words._("First channel"): people["first_channel"],
        words._("First store"): people["first_store_id"],
        words._("Net revenue"): people["net_revenue"].astype("float64").round(2),
        words._("Spent"): [words._(spends[s]) for s in people["stratum_spend"]],
        words._("Such customers in all"): people["stratum_size"],
    }
    return pd.DataFrame(columns | {words._(code): "" for code in CODES})
