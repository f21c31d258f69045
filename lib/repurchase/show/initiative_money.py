"""The evidence of an initiative's money (Part B): costs, benefits, chances, promise, decision."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd

from repurchase.analysis.initiative_money import InitiativeMoney, Promised
from repurchase.analysis.initiative_reading import Reading, change_said
from repurchase.context import Context
from repurchase.reasons import worded
from repurchase.show.blocks import Block, Cell, Column, Note, Several, Table, Text, Tone
from repurchase.show.initiative_money_charts import (
    accounts_text,
    cash_chart,
    cost_name,
    money_bridge,
    tornado_chart,
)
from repurchase.show.initiatives import (
    FORWARD,
    RUNG_NAMES,
    bounded,
    cost_text,
    decided,
    months_text,
    named,
    range_text,
    read_again,
)
from repurchase.show.sentences import DASH, paragraph
from repurchase.show.style import csv_text
from repurchase.stats.proportion import Estimate
from repurchase.words import N_, Words

__all__ = ["money_bridge", "money_pages"]

KINDS = {
    "one_off": N_("once"),
    "running": N_("running"),
    "not_told": N_("not told whether it recurs"),
}
SOURCES = {
    "booked": N_("booked"),
    "planned": N_("planned"),
    "estimated": N_("estimated"),
    "projected": N_("run on as before"),
}
LEAVES = {
    "incremental_margin": N_("Margin that it caused"),
    "cannibalised": N_("What other customers bought less through it"),
    "discounts": N_("Discounts given for it"),
    "satisfaction": N_("Satisfaction of customers"),
}
STEPS = {
    "company_revenue": N_("Net revenue of known customers"),
    "not_treated": N_("of others, first orders, and orders of a first order's month"),
    "treated_revenue": N_("Net revenue of the treated, repeat orders"),
    "cost_of_goods": N_("cost of goods"),
    "treated_margin": N_("Margin of the treated"),
    "without": N_("would have come anyway"),
    "as_before": N_("as before the go-live"),
    "incremental": N_("Margin that it caused"),
    "change": N_("Change in margin, whoever caused it"),
    "savings": N_("savings that were cashed"),
    "cost_one_off": N_("costs, once"),
    "cost_running": N_("costs, running"),
    "cost_not_told": N_("costs, not told whether they recur"),
    "net": N_("Net value so far"),
}
READINGS = {
    "reaches": N_("ROI reaches {promised}"),
    "rises_points": N_("ROI rises by {points} to {target}"),
    "rises_relative": N_("ROI rises by {promised} of itself to {target}"),
}
STATES: dict[str, tuple[str, Tone]] = {
    "kept": (N_("kept"), "good"),
    "missed": (N_("missed"), "bad"),
    "on_course": (N_("on course"), "good"),
    "off_course": (N_("off course"), "bad"),
    "open": (N_("cannot be told yet"), "unsure"),
}
FIRST = 10


def money_pages(
    readings: Sequence[Reading], *, context: Context, first: int = FIRST
) -> Several | Text:
    """The money of each initiative; its pictures are I-`first` and on."""
    if not readings:
        return Text("")
    blocks: list[Block] = []
    number = first
    for reading in readings:
        blocks += [
            Text(context.words._("{name} · the money", name=named(reading, context)), "lead"),
            *_notes(reading, context),
            _costs(reading, context),
            _benefits(reading, context),
            _bridge(reading, context),
            _figures(reading, context),
        ]
        for chart in (cash_chart, tornado_chart):
            block = chart(reading, context=context, id=f"I-{number}")
            if not isinstance(block, Text):
                number += 1
                blocks.append(block)
        blocks += [_promise(reading, context), _forward(reading, context)]
    return Several(tuple(b for b in blocks if not (isinstance(b, Text) and not b.text)))


def _notes(reading: Reading, context: Context) -> list[Block]:
    words, money = context.words, reading.money
    found: list[Block] = []
    if money.missing:
        names = words.listed([cost_name(c, words) for c in money.missing])
        text = words._(
            "These costs were expected and no row of them is known: {names}. Net value and ROI are"
            " too high by them.", names=names,
        )  # fmt: skip
        found.append(Note(text, "bad"))
    if "cost_to_come" in money.reasons:
        found.append(Note(_reason(money, "cost_to_come", words), "unsure"))
    return found


def _reason(money: InitiativeMoney, name: str, words: Words) -> str:
    text = worded(words, money.reasons.get(name, ""))
    return text[:1].upper() + text[1:]


# ---- costs and benefits ------------------------------------------------------------------------


def _costs(reading: Reading, context: Context) -> Block:
    """One row a category, kind and source; so far, and still to come within the horizon."""
    words, money, currency = context.words, reading.money, context.currency
    both = [(money.costs, "now")]
    if money.costs_ahead is not None:
        both.append((money.costs_ahead, "ahead"))
    found: dict[tuple[str, str, str], dict[str, float]] = {}
    for frame, when in both:
        for row in frame.to_dict("records"):
            key = (str(row["category"]), str(row["kind"]), str(row["source"]))
            found.setdefault(key, {})[when] = float(row["amount"])
            hours = row.get("hours")
            if when == "now" and hours is not None and not math.isnan(hours):
                found[key]["hours"] = float(hours)
    if not found:
        return Note(words._("No cost of it is known, so neither net value nor ROI is."), "unsure")
    rows: list[tuple[str | Cell, ...]] = []
    for (category, kind, source), told in found.items():
        hours = told.get("hours")
        rows.append((
            cost_name(category, words), words._(KINDS[kind]), words._(SOURCES[source]),
            DASH if hours is None else words.count(hours),
            *(words.money(told[k], currency) if k in told else DASH for k in ("now", "ahead")),
        ))  # fmt: skip
    for category in money.missing:
        missing = Cell(words._("missing"), tone="bad", bold=True)
        rows.append((cost_name(category, words), missing, "", "", DASH, DASH))
    rows.append((
        Cell(words._("Together"), bold=True), "", "", "",
        Cell(cost_text(reading, context), bold=True),
        Cell(words.money(money.cost_to_come, currency), bold=True),
    ))  # fmt: skip
    columns = (
        Column(words._("Cost"), "left", "fr"), Column(words._("Kind")),
        Column(words._("Known from")), Column(words._("Hours"), "right"),
        Column(words._("Up to {day}", day=words.day(money.until)), "right"),
        Column(words._("Still to come up to {day}", day=words.day(money.stop)), "right"),
    )  # fmt: skip
    caption = words._(
        "A cost is spread over its days. Run on as before: a running cost that was booked is taken"
        " to go on as in the last three whole months, where no plan says otherwise."
    )
    frames = [f.assign(when=when) for f, when in both]
    return Table(columns, tuple(rows), title=words._("What it costs"), caption=caption,
                 csv=csv_text(pd.concat(frames, ignore_index=True)), size="small")  # fmt: skip


def _benefits(reading: Reading, context: Context) -> Table:
    """Every benefit once; what is not counted with its reason."""
    words, money, currency = context.words, reading.money, context.currency
    rows: list[tuple[str | Cell, ...]] = []
    for row in money.benefits.to_dict("records"):
        counted = bool(row["counted"])
        amount = None if pd.isna(row["amount"]) else float(row["amount"])
        ends = [float(row[k]) for k in ("low", "high")]
        certain = amount is None or not all(map(math.isfinite, ends)) or ends[0] == ends[1]
        interval = "" if certain else words.interval(*(words.money(x, currency) for x in ends))
        why = row["reason"]
        rows.append((
            Cell(_leaf(row, reading, context), muted=not counted),
            Cell(DASH if amount is None else words.money(amount, currency), muted=not counted,
                 bold=counted),
            interval,
            Cell(words._("yes") if counted else words._("no"), muted=not counted),
            worded(words, str(why)) if isinstance(why, str) else
            words._(RUNG_NAMES[row["rung"]]) if row["rung"] in RUNG_NAMES else "",
        ))  # fmt: skip
    columns = (
        Column(words._("Benefit"), "left", "fr"), Column(words._("So far"), "right"),
        Column(words._("95% interval"), "right"), Column(words._("Counted in")),
        Column(words._("Rests on, or why not")),
    )  # fmt: skip
    caption = words._("Each benefit stands in one row, so that none is counted twice.")
    return Table(columns, tuple(rows), title=words._("What it brings"), caption=caption,
                 csv=csv_text(money.benefits), size="small")  # fmt: skip


def _leaf(row: dict[object, object], reading: Reading, context: Context) -> str:
    if row["leaf"] == "saving":
        saving = reading.plan.savings[int(str(row["name"]))]
        return context.words._("Saving: {name}", name=context.params.said(saving.name))
    return context.words._(LEAVES[str(row["leaf"])])


def _bridge(reading: Reading, context: Context) -> Block:
    """From the company's revenue to the net value; each step adds to the sum above it."""
    words, money = context.words, reading.money
    if money.bridge.empty:
        return Text("")
    rows: list[tuple[str | Cell, ...]] = []
    for row in money.bridge.to_dict("records"):
        level = row["kind"] != "change"
        amount = words.money(float(row["amount"]), context.currency)
        if not level and row["amount"] > 0:
            amount = f"+{amount}"
        name = words._(STEPS[str(row["step"])])
        rows.append((Cell(name, bold=level), Cell(amount, bold=level)))
    columns = (
        Column(words._("After the ramp-up, up to {day}", day=words.day(money.until)), "left", "fr"),
        Column(words._("Amount"), "right"),
    )
    caption = accounts_text(reading, context)
    return Table(columns, tuple(rows), title=words._("From the accounts to the net value"),
                 caption=caption or None, csv=csv_text(money.bridge), size="small")  # fmt: skip


# ---- how sure ----------------------------------------------------------------------------------


def _figures(reading: Reading, context: Context) -> Table:
    """Every figure of the money with its interval, or why it is not computed."""
    words, money, currency = context.words, reading.money, context.currency
    draws, target = money.draws, words.share(float(reading.plan.target_roi), 0)
    later = None if draws is None else (draws.horizon_positive, draws.horizon_reaches)
    rows = [
        _money_row(words._("Net value so far"), money.net, "net", money, context),
        _ratio_row(words._("ROI so far, on margin"), money.roi, "roi", money, words),
        _ratio_row(words._("ROI so far as the article counts it, on revenue"), money.roi_revenue,
                   "roi_revenue", money, words),
        _plain(words._("Chance that ROI so far is above 0"),
               None if draws is None else words.share(draws.positive, 0), "draws", money, words),
        _plain(words._("Chance that ROI so far is at least {target}", target=target),
               None if draws is None or draws.reaches_target is None
               else words.share(draws.reaches_target, 0), "draws", money, words),
        _ratio_row(words._("ROI by {day}", day=words.day(money.stop)),
                   None if draws is None else draws.horizon_roi, "draws", money, words),
        _plain(words._("Chance that it is above 0 / at least {target}", target=target),
               None if later is None else " / ".join(words.share(x, 0) for x in later),
               "draws", money, words),
        _money_row(
            words._("Net present value by then, at {rate} a year",
                    rate=words.share(money.discount_rate, 0)) if money.discount_rate
            else words._("Net value by then, nothing discounted"),
            money.npv, "npv", money, context,
        ),
        _plain(words._("Internal rate of return, a year"),
               None if money.irr is None else words.share(money.irr, 0), "irr", money, words),
        _plain(words._("Payback, in months from the go-live"),
               None if money.payback_months is None else _months(money.payback_months, words),
               "payback_months", money, words),
        _plain(words._("Pays so far from an effect a customer and period of"),
               None if money.break_even is None
               else words.money(money.break_even, currency, whole=False),
               "break_even", money, words),
        _plain(_uplift_name(money, context),
               None if money.break_even_uplift is None
               else words.share(money.break_even_uplift, 1), "break_even", money, words),
        *_own_shares(reading, words),
    ]  # fmt: skip
    columns = (
        Column(words._("Figure"), "left", "fr"), Column(words._("Value"), "right"),
        Column(words._("95% interval, or why it is missing")),
    )  # fmt: skip
    return Table(columns, _together(rows, words), title=words._("How sure the money is"),
                 caption=_drawn_text(reading, words), size="small")  # fmt: skip


def _own_shares(reading: Reading, words: Words) -> list[tuple[str | Cell, ...]]:
    """What part of the change must be its own; a comparison that stands tells that itself."""
    money = reading.money
    if money.rung is not None or change_said(money) == "within_chance":
        return []
    return [
        _plain(name, None if share is None else words.share(share, 0), "break_even_share", money,
               words)
        for name, share in (
            (words._("Share of the seen change that must be its own, so far"),
             money.break_even_share),
            (words._("the same by {day}", day=words.day(money.stop)),
             money.break_even_horizon_share),
        )
    ]  # fmt: skip


def _months(payback: float, words: Words) -> str:
    """A payback under a heading that names the unit."""
    return words.number(payback, 1) if payback else months_text(payback, words)


def _uplift_name(money: InitiativeMoney, context: Context) -> str:
    """The rise at which it pays, with the level before the start that it is a part of."""
    words, needed, rise = context.words, money.break_even, money.break_even_uplift
    if not needed or not rise:
        return words._("that is a rise over before of")
    level = words.money(needed / rise, context.currency, whole=False)
    return words._("that is, over the {level} before, a rise of", level=level)


def _together(
    rows: Sequence[tuple[str | Cell, ...]], words: Words
) -> tuple[tuple[str | Cell, ...], ...]:
    """Figures that are missing for one reason stand in one row."""
    told: list[tuple[str | Cell, ...]] = []
    missing: dict[str, list[str]] = {}
    for row in rows:
        name, why = row[0], row[2]
        if isinstance(name, Cell) and isinstance(why, Cell):
            missing.setdefault(why.text, []).append(name.text)
        else:
            told.append(row)
    told += [
        (Cell(words.listed(names), muted=True), Cell(DASH, muted=True), Cell(why, muted=True))
        for why, names in missing.items()
    ]
    return tuple(told)


def _drawn_text(reading: Reading, words: Words) -> str:
    plan, draws = reading.plan, reading.money.draws
    if draws is None:
        return words._(
            "An ROI of 80% means that 80 are left of 100 spent, after the 100 have come back."
        )
    parts = [
        words._(
            "Intervals and chances from {n} seeded draws of what is not certain: the effect within"
            " its interval", n=words.count(draws.count),
        )
    ]  # fmt: skip
    if plan.margin_factor:
        low, high = (words.share(float(x), 0) for x in sorted(plan.margin_factor))
        parts.append(words._("the margin at {low} to {high} of the measured", low=low, high=high))
    lasts = plan.persistence
    if lasts.low != lasts.high:
        low, high = (words.share(float(x), 0) for x in (lasts.low, lasts.high))
        parts.append(words._("{low} to {high} of the effect left each month", low=low, high=high))
    if plan.costs.uncertainty:
        half = words.share(float(plan.costs.uncertainty), 0)
        parts.append(words._("costs that are not booked, give or take {half}", half=half))
    return words._("{clauses}.", clauses=words.listed(parts))


def _money_row(
    name: str, told: Estimate | None, key: str, money: InitiativeMoney, context: Context
) -> tuple[str | Cell, ...]:
    words, currency = context.words, context.currency
    if told is None:
        return _plain(name, None, key, money, words)
    ends = words.interval(*(words.money(x, currency) for x in told[1:])) if bounded(told) else DASH
    return name, Cell(words.money(told.value, currency), bold=True), ends


def _ratio_row(
    name: str, told: Estimate | None, key: str, money: InitiativeMoney, words: Words
) -> tuple[str | Cell, ...]:
    if told is None:
        return _plain(name, None, key, money, words)
    ends = words.interval(*(words.share(x, 0) for x in told[1:])) if bounded(told) else DASH
    return name, Cell(words.share(told.value, 0), bold=True), ends


def _plain(
    name: str, text: str | None, key: str, money: InitiativeMoney, words: Words
) -> tuple[str | Cell, ...]:
    if text is not None:
        return name, Cell(text, bold=True), ""
    why = worded(words, money.reasons.get(key, ""))
    return Cell(name, muted=True), Cell(DASH, muted=True), Cell(why, muted=True)


# ---- promise and decision ----------------------------------------------------------------------


def _promise(reading: Reading, context: Context) -> Block:
    """What was promised against what came, and what the promise would mean read otherwise."""
    words, told = context.words, reading.money.promise
    if told is None:
        nobody = words._("Nobody wrote down what was promised when the money was asked for.")
        return Text(paragraph(words, [nobody, _was_decided(reading, context)]), "small")
    rows: list[tuple[str | Cell, ...]] = []
    if told.target is not None:
        by = told.by and words._("ROI by {day}", day=words.day(told.by))
        rows.append((
            by or words._("ROI so far, on margin"), words.share(told.target, 0),
            _told_share(told.by_then, words),
            DASH if told.reaches is None else words.share(told.reaches, 0),
            _state(told.state, words),
        ))  # fmt: skip
    if told.payback_months is not None:
        found = reading.money.payback_months
        rows.append((
            words._("Payback, in months from the go-live"), words.number(told.payback_months, 0),
            DASH if found is None else _months(found, words), DASH,
            _state(told.payback_state, words),
        ))  # fmt: skip
    columns = (
        Column(words._("Promise"), "left", "fr"), Column(words._("Promised"), "right"),
        Column(words._("Achieved, or on course to"), "right"),
        Column(words._("Chance to keep it"), "right"), Column(words._("State")),
    )  # fmt: skip
    return Table(columns, tuple(rows), title=words._("What was promised"),
                 caption=paragraph(words, [_meanings(reading, told, words),
                                           _was_decided(reading, context)]) or None,
                 size="small")  # fmt: skip


def _was_decided(reading: Reading, context: Context) -> str:
    text = decided(reading, context)
    return text and context.words._("What was decided: {text}", text=text)


def _told_share(told: Estimate | None, words: Words) -> str:
    if told is None:
        return DASH
    value = words.share(told.value, 0)
    if not bounded(told):
        return value
    low, high = (words.share(x, 0) for x in told[1:])
    return words._("{value} ({low} to {high})", value=value, low=low, high=high)


def _state(state: str | None, words: Words) -> Cell:
    if state is None:
        return Cell(words._("not computed"), muted=True)
    text, tone = STATES[state]
    return Cell(words._(text), tone=tone, bold=True)


def _meanings(reading: Reading, told: Promised, words: Words) -> str:
    """The three ways to read a promised figure, the one that was taken first."""
    promised = reading.plan.promised
    if promised is None or promised.roi is None:
        return ""
    figure = float(promised.roi)

    def read(name: str, target: float) -> str:
        return words._(
            READINGS[name], promised=words.share(figure, 0),
            points=words.points(figure, 0).removeprefix("+"), target=words.share(target, 0),
        )  # fmt: skip

    parts = [words._("Read as: {meaning}.", meaning=read(told.reading, told.target or 0.0))]
    others = [read(k, v) for k, v in told.readings.items() if v is not None and k != told.reading]
    if others:
        parts.append(words._("Read otherwise: {meanings}.", meanings=words.listed(others)))
    elif told.base is None:
        parts.append(
            words._(
                "\"Rises by {promised}\" would be another promise; it needs the ROI that it rises"
                " from, which nobody gave.", promised=words.share(figure, 0),
            )
        )  # fmt: skip
    return paragraph(words, parts)


def _forward(reading: Reading, context: Context) -> Block:
    """The decision on what is still to come, without what is spent."""
    words, told = context.words, reading.money.forward
    head = words._(FORWARD.get(told.decision, told.decision))
    if told.decision in ("ended", "nothing"):
        return Text(words._("{head}: no cost is still to come.", head=head), "small")
    if told.cost is None:
        why = _reason(reading.money, "forward", words)
        return Text(words._("{head}: {reason}.", head=head, reason=why), "small")
    cost, months = words.money(told.cost, context.currency), words.count(told.months)
    parts = [
        words._("To come in {months} months: cost {cost}, benefit {benefit}.",
                months=months, cost=cost, benefit=range_text(told.benefit, context))
        if told.benefit is not None
        else words._("To come in {months} months: cost {cost}; the benefit is not known.",
                     months=months, cost=cost)
    ]  # fmt: skip
    if told.positive is not None:
        parts.append(words._("Chance that going on brings more than it costs: {share}.",
                             share=words.share(told.positive, 0)))  # fmt: skip
    if told.break_even_share is not None and change_said(reading.money) != "within_chance":
        parts.append(words._("It does if {share} of the seen change is its own and lasts.",
                             share=words.share(told.break_even_share, 0)))  # fmt: skip
    parts.append(words._("What has been spent is spent either way, and is left out."))
    parts.append(read_again(reading, words))
    if told.decision == "extend":
        parts.append(
            words._(
                "To extend it is said only because it pays back also what it cost to begin, which"
                " it would cost again."
            )
        )
    tones: dict[str, Tone] = {"continue": "good", "extend": "good", "stop": "bad"}
    title = words._("What to do from here: {decision}", decision=head)
    return Note(paragraph(words, parts), tones.get(told.decision, "unsure"), title)
