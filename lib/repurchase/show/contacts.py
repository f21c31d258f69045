"""Contact with customers: how often, what came after, what content, at what cost."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from repurchase.analysis.attribution import NONE, RULES
from repurchase.analysis.content import FEWEST, KINDS, PERSONALISED, clean
from repurchase.analysis.dose import FEWEST as FEWEST_DOSED
from repurchase.analysis.dose import OUTCOMES, day_before_dose, range_of
from repurchase.analysis.judging import EXPLORATORY, STANDS
from repurchase.analysis.touches import NO_EVENTS
from repurchase.analysis.windows import ONE_DAY
from repurchase.context import Context
from repurchase.params import FunnelRules
from repurchase.reasons import NO_TOUCHES, NOT_ONLY_CONTENT, SAME_CONTENT, SAME_TOUCHES, worded
from repurchase.records import Result
from repurchase.show.blocks import Cell, Column, Note, Table, Text
from repurchase.show.sentences import DASH, bare_points, paragraph
from repurchase.show.style import csv_text
from repurchase.show.tables import shortened, value_name
from repurchase.words import N_, Words

FACTS = {
    "over_contacted": N_("More than {limit} contacts in the last 30 days"),
    "forgotten": N_("Active, and no contact for {forgotten} days"),
    "forgotten_due": N_("· of them due by their own rhythm"),
    "two_channels": N_("Reached on two channels within {gap} days"),
    "touched_after_order": N_("Campaign contacts within {after} days after an order"),
    "listed_after_order": N_("Asked from a list after they had ordered"),
}
OF = {
    "over_contacted": N_("customers contacted in those days"),
    "forgotten": N_("active customers who do not refuse every channel"),
    "forgotten_due": N_("of these"),
    "two_channels": N_("customers contacted in the period"),
    "touched_after_order": N_("campaign contacts in the period"),
    "listed_after_order": N_("customers asked from a list in the period"),
}
KIND_NAMES = {
    "personalised": N_("Personalised against generic"),
    "template": N_("Templates, most customers first"),
}
KEY_NAMES = {"personalised": N_("Personalised"), "generic": N_("Generic")}
RULE_NAMES = {
    "first": N_("First contact"), "last": N_("Last contact"), "even": N_("All evenly"),
}  # fmt: skip
SHOWN_TEMPLATES = 15
SHOWN_TESTS = 10
MOST_NAMED = 12
Row = dict[Any, Any]


def _note(result: Result) -> Note:
    words = result.context.words
    said = dict.fromkeys(worded(words, r.reason) for r in result.records if r.reason)
    return Note(words._("Not computed: {reason}.", reason=words.listed(list(said))), "unsure")


def _rules(context: Context) -> FunnelRules:
    return context.params.profile.funnel_rules


def _ranged(words: Words, value: float, low: float, high: float) -> str:
    """A share with its interval: 10.1% (6.9–14.6%)."""
    if math.isnan(value):
        return DASH
    return f"{words.share(value)} ({words.number(low * 100, 1)}–{words.share(high)})"


def _change(words: Words, row: Row, outcome: str) -> Cell:
    """A difference in points with its interval; bold where it stands among all."""
    change, low, high = (row[f"{outcome}_{p}"] for p in ("change", "change_low", "change_high"))
    if math.isnan(change):
        return Cell(DASH, muted=True)
    span = words.interval(bare_points(words, low), bare_points(words, high))
    text, mark = f"{bare_points(words, change)} ({span})", row[f"{outcome}_mark"]
    if mark == EXPLORATORY:
        return Cell(words._("{change}, exploratory", change=text), tone="unsure")
    return Cell(text, bold=mark == STANDS, muted=mark != STANDS)


def _right(*labels: str) -> tuple[Column, ...]:
    return tuple(Column(label, "right") for label in labels)


# ---- how often ----------------------------------------------------------------------------------


def contact_counts(result: Result, *, id: str) -> Table | Note:
    """Customers contacted too often, too seldom, on two channels at once, or too late."""
    context: Context = result.context
    words, rules, frame = context.words, _rules(context), result.frame
    if frame.empty:
        return _note(result)
    gaps = {
        "limit": words.count(rules.touch_limit), "forgotten": words.count(rules.forgotten_days),
        "gap": words.count(rules.channel_gap_days), "after": words.count(rules.after_order_days),
    }  # fmt: skip
    rows: list[tuple[str | Cell, ...]] = []
    for row in frame.to_dict("records"):
        label, whom = FACTS[row["fact"]], OF[row["fact"]]
        name = words._(label, **gaps)
        if row["missing"]:
            why = Cell(worded(words, row["missing"]), muted=True)
            rows.append((name, Cell(DASH, muted=True), why, "", ""))
            continue
        of = words._("{n} {whom}", n=words.count(row["n"]), whom=words._(whom))
        share = "" if math.isnan(row["share"]) else words.share(row["share"])
        change = "" if math.isnan(row["change"]) else words.plus(row["change"])
        rows.append((name, Cell(words.count(row["value"]), bold=True), of, share, change))
    columns = (
        Column(words._("Contacts"), "left", "fr"),
        *_right(words._("Number")),
        Column(words._("of"), "left", "fr"),
        *_right(words._("Share"), words._("Against the previous period")),
    )
    return Table(
        columns, tuple(rows), id=id,
        title=words._("Who is contacted too often, and who not at all"),
        caption=_counts_caption(words, rules), csv=csv_text(frame), size="small",
    )  # fmt: skip


def _counts_caption(words: Words, rules: FunnelRules) -> str:
    parts = [
        words._(
            "Complete counts, so without an interval. A contact is an event of the profile's types"
            " that did not fail; whether it was read is not known."
        )
    ]
    if "touch_limit" not in rules.model_fields_set:
        parts.append(
            words._(
                "The profile states no limit of its own: {limit} contacts in 30 days is the"
                " release's.",
                limit=words.count(rules.touch_limit),
            )
        )
    return paragraph(words, parts)


def dose_response(result: Result, *, id: str) -> Table | Note | Text:
    """Orders and requests for no more after so many contacts, plain and on like customers.

    Nothing where there is no contact at all: the counts before it say so.
    """
    context: Context = result.context
    words, frame = context.words, result.frame
    if frame.empty:
        none = {r.reason for r in result.records} <= {NO_EVENTS, NO_TOUCHES}
        return Text("") if none else _note(result)
    rows = []
    for row in frame.to_dict("records"):
        span = range_of(row["low"], row["high"]).replace("-", "–")
        few = row["customers"] < FEWEST_DOSED
        cells: list[str | Cell] = [span, words.count(row["customers"])]
        for outcome in OUTCOMES:
            level = _ranged(words, *(row[f"{outcome}_{p}"] for p in ("value", "low", "high")))
            cells.append(Cell(DASH, muted=True) if few else level)
            compared = _change(words, row, outcome)
            cells.append(Cell(words._("reference"), muted=True) if row["reference"] else compared)
        rows.append(tuple(cells))
    columns = (
        Column(words._("Contacts in 30 days")),
        *_right(
            words._("Customers"),
            words._("Ordered in the next 30 days"), words._("against like customers"),
            words._("Asked for no more in them"), words._("against like customers"),
        ),
    )  # fmt: skip
    return Table(
        columns, tuple(rows), id=id,
        title=words._("What came after more contacts: an observation, no effect"),
        caption=_dose_caption(context), csv=csv_text(frame), size="small",
    )  # fmt: skip


def _dose_caption(context: Context) -> str:
    words, windows = context.words, context.windows
    day = day_before_dose(windows)
    middle = day + 30 * ONE_DAY
    return paragraph(
        words,
        [
            words._(
                "Active customers by the contacts of {dose}; orders and requests of {outcome}.",
                dose=words.days(day + ONE_DAY, middle),
                outcome=words.days(middle + ONE_DAY, windows.seen_until),
            ),
            words._(
                "Against like customers: percentage points beyond those with the fewest contacts,"
                " among customers with as long a time since the last order and as many orders"
                " before the contacts (Mantel-Haenszel, Sato's variance, 95% interval); bold: it"
                " stands among all of them (Benjamini-Hochberg, 5%)."
            ),
            words._(
                "Whoever buys is written to more, and a sales person calls after an order: the"
                " table does not say what more or less contact would do."
            ),
        ],
    )


# ---- where chance decided -----------------------------------------------------------------------


def contact_tests(result: Result, *, id: str) -> Table | Note:
    """Experiments whose arms were contacted differently often: the effect, or why there is none."""
    words, frame = result.context.words, result.frame
    if frame.empty:
        return _note(result)
    shown = frame[frame["touches_differ"]]
    if shown.empty:
        return Note(words._("Not computed: {reason}.", reason=words._(SAME_TOUCHES)), "unsure")
    return _tests_table(
        result, shown, id=id, title=words._("What contact does, where chance decided who got it")
    )


def content_tests(result: Result, *, id: str) -> Table | Note | Text:
    """Experiments whose arms got different content equally often, or why there is none.

    Nothing where there is no experiment at all: `contact_tests` says so.
    """
    words, frame = result.context.words, result.frame
    if frame.empty:
        return Text("")
    shown = clean(frame)
    if shown.empty:
        differs = frame["content_differs"].any()
        why = worded(words, NOT_ONLY_CONTENT if differs else SAME_CONTENT)
        return Note(
            words._("No experiment tells what content does: {reason}.", reason=why), "unsure"
        )
    return _tests_table(
        result, shown, id=id, title=words._("What content does, where chance decided who got it")
    )


def _tests_table(result: Result, shown: pd.DataFrame, *, id: str, title: str) -> Table:
    words = result.context.words
    rows = [_test_row(words, row) for row in shown.tail(SHOWN_TESTS).to_dict("records")]
    columns = (
        Column(words._("Experiment"), "left", "fr"),
        Column(words._("Assigned")),
        *_right(
            words._("Customers"), words._("Contacts each"), words._("Ordered within 30 days"),
            words._("Difference"), words._("Asked for no more"),
        ),
    )  # fmt: skip
    parts = [
        words._(
            "Each arm against its control; everyone assigned counts, whether the contact arrived or"
            " not. Differences in percentage points with 95% intervals (Newcombe); bold: it stands"
            " among all arms and both outcomes (Benjamini-Hochberg, 5%). The effect is that of all"
            " the arm got, contact, content and offer together."
        )
    ]
    if len(shown) > SHOWN_TESTS:
        parts.append(
            words._("The latest {shown} of {count}.", shown=SHOWN_TESTS, count=len(shown))
        )
    return Table(
        columns, tuple(rows), id=id, title=title, caption=paragraph(words, parts),
        csv=csv_text(result.frame), size="small",
    )  # fmt: skip


def _test_row(words: Words, row: Row) -> tuple[str | Cell, ...]:
    name = words._(
        "{experiment}: {arm} against {control}", experiment=shortened(row["experiment"]),
        arm=shortened(row["arm"]), control=shortened(row["against"]),
    )  # fmt: skip
    day = words.day(pd.Timestamp(row["assigned_on"]).date())
    sizes = f"{words.count(row['n'])} / {words.count(row['other_n'])}"
    each = f"{words.number(row['touches'], 1)} / {words.number(row['other_touches'], 1)}"
    if row["missing"]:
        why = words._("withheld: {reason}", reason=worded(words, row["missing"]))
        return name, day, sizes, each, Cell(DASH, muted=True), Cell(why, tone="bad"), ""
    levels = [words.share(row[f"repurchase_{part}"]) for part in ("value", "other_value")]
    shares = " / ".join(levels)
    return (
        name, day, sizes, each, shares, _change(words, row, "repurchase"),
        _change(words, row, "opt_out"),
    )  # fmt: skip


# ---- content ------------------------------------------------------------------------------------


def content(result: Result, *, id: str) -> Table | Note:
    """Templates, and personalised against generic messages: plain, and on like customers."""
    context: Context = result.context
    words, frame = context.words, result.frame
    if frame.empty:
        return _note(result)
    rows: list[tuple[str | Cell, ...]] = []
    for kind in KINDS:
        part = frame[frame["kind"] == kind]
        judged = part[part["customers"] >= FEWEST].head(SHOWN_TEMPLATES)
        if len(judged):
            rows.append((Cell(words._(KIND_NAMES[kind]), bold=True), *[""] * 5))
        rows += [_content_row(words, row) for row in judged.to_dict("records")]
    if not rows:
        return Note(_few(words, frame), "unsure")
    columns = (
        Column(words._("Message"), "left", "fr"),
        *_right(
            words._("Customers"), words._("Ordered after it"), words._("against like customers"),
            words._("Clicked on it"), words._("against like customers"),
        ),
    )  # fmt: skip
    return Table(
        columns, tuple(rows), id=id,
        title=words._("After which messages customers order: an observation, no effect"),
        caption=_content_caption(context, frame), csv=csv_text(frame), size="small",
    )  # fmt: skip


def _content_row(words: Words, row: Row) -> tuple[str | Cell, ...]:
    key = str(row["key"])
    known = row["kind"] == PERSONALISED
    name = words._(KEY_NAMES[key]) if known else shortened(key)
    cells: list[str | Cell] = [name, words.count(row["customers"])]
    for outcome in ("order", "click"):
        level = _ranged(words, *(row[f"{outcome}_{p}"] for p in ("value", "low", "high")))
        cells += [Cell(level, muted=level == DASH), _change(words, row, outcome)]
    return tuple(cells)


def _few(words: Words, frame: pd.DataFrame) -> str:
    """The messages that reached too few to be judged, by name."""
    few = frame[(frame["customers"] < FEWEST) & (frame["kind"] == "template")]
    if few.empty:
        return ""
    names = [shortened(str(key)) for key in few["key"].head(MOST_NAMED)]
    more = len(few) - len(names)
    said = words._(
        "Too few customers to judge (fewer than {fewest}): {names}",
        fewest=words.count(FEWEST), names=words.listed(names),
    )  # fmt: skip
    if more:
        return words._("{names} and {count} more.", names=said, count=words.count(more))
    return words._("{names}.", names=said)


def _content_caption(context: Context, frame: pd.DataFrame) -> str:
    words, rules = context.words, _rules(context)
    parts = [
        words._(
            "Messages of six months up to {day}, a customer's first of each template and week; an"
            " order within {response} days after it, a click within 7. Intervals are over"
            " customers, who get several.",
            day=words.day(context.windows.seen_until - rules.response_days * ONE_DAY),
            response=words.count(rules.response_days),
        ),
        words._(
            "Against like customers: percentage points beyond the other messages on the same"
            " channel in the same week to customers with as long a time since the last order"
            " and as many orders (Mantel-Haenszel, interval robust to customers); bold: it"
            " stands among all of them (Benjamini-Hochberg, 5%); a dash: no other message to"
            " compare with, or no link"
            " to click on. Nobody was chosen by chance."
        ),
        _few(words, frame),
    ]
    shown = frame[(frame["kind"] == "template") & (frame["customers"] >= FEWEST)]
    if len(shown) > SHOWN_TEMPLATES:
        parts.append(
            words._(
                "In the exhibit's data only: {count} more.",
                count=words.count(len(shown) - SHOWN_TEMPLATES),
            )
        )
    return paragraph(words, parts)


# ---- cost ---------------------------------------------------------------------------------------


def attribution(result: Result, *, id: str) -> Table | Note:
    """Repeat orders by channel as first, last and even credit; contact cost an order credited."""
    context: Context = result.context
    words, frame = context.words, result.frame
    if frame.empty:
        return _note(result)
    worth = next(
        (r.metric.removeprefix("attributed_") for r in result.records if r.unit == "money"
         and r.metric in ("attributed_margin", "attributed_revenue")),
        None,
    )  # fmt: skip
    rows = [_credit_row(context, row, worth) for row in frame.to_dict("records")]
    columns = [Column(words._("Channel"), "left", "fr")]
    columns += _right(*(words._(RULE_NAMES[rule]) for rule in RULES))
    if worth:
        label = {
            "margin": N_("Margin an order (evenly)"), "revenue": N_("Revenue an order (evenly)")
        }[worth]
        columns += _right(words._(label))
    columns += _right(words._("Cost of contact"), words._("Cost an order: first, last, evenly"))
    return Table(
        tuple(columns), tuple(rows), id=id,
        title=words._("Repeat orders credited to contacts: attribution, not effect"),
        caption=_credit_caption(context, frame), csv=csv_text(frame), size="small",
    )  # fmt: skip


def _credit_row(context: Context, row: Row, worth: str | None) -> tuple[str | Cell, ...]:
    words, currency, channel = context.words, context.currency, row["channel"]
    whole = channel == "all"
    if whole:
        name = words._("All repeat orders")
    elif channel == NONE:
        name = words._("No contact in those days")
    else:
        name = shortened(value_name(words, "channel", channel))
    orders = [row[f"{rule}_orders"] for rule in RULES]
    shown = [words.number(n, 0 if float(n).is_integer() else 1) for n in orders]
    cells: list[str | Cell] = [Cell(name, bold=whole), *(Cell(n, bold=whole) for n in shown)]
    if worth:
        even = row["even_orders"]
        per = words.money(row["even_worth"] / even, currency, whole=False) if even else DASH
        cells.append(Cell(per, muted=per == DASH))
    cost = words.money(row["cost"], currency) if not math.isnan(row["cost"]) else DASH
    cells.append(Cell(cost, muted=cost == DASH, bold=whole))
    each = [row[f"{rule}_cost"] for rule in RULES]
    if all(math.isnan(v) for v in each):
        cells.append(Cell(DASH, muted=True))
    else:
        cells.append(" · ".join(_cost(words, v, currency) for v in each))
    return tuple(cells)


def _cost(words: Words, value: float, currency: str) -> str:
    return DASH if math.isnan(value) else words.money(value, currency, whole=False)


def _credit_caption(context: Context, frame: pd.DataFrame) -> str:
    words, rules = context.words, _rules(context)
    parts = [
        words._(
            "Order dates of the period that are not a customer's first, by the contacts of the"
            " {days} days before; each has one credit to give, so that every column adds up to all."
            " Three rules side by side, since none is right.",
            days=words.count(rules.lookback_days),
        ),
        words._(
            "Who would have ordered anyway is credited too: a cost a credited order is no return on"
            " the cost, and a channel with a low one need not bring more."
        ),
    ]
    missing = _missing_costs(words, frame)
    if missing:
        parts.append(words._("Without a cost: {reasons}.", reasons=words.listed(missing)))
    return paragraph(words, parts)


def _missing_costs(words: Words, frame: pd.DataFrame) -> list[str]:
    named = frame[~frame["channel"].isin(["all", NONE])]
    return list(dict.fromkeys(worded(words, why) for why in named["missing"] if why))
