"""Initiatives in words: did it pay, compared with what, and what is to be done (Part A)."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from repurchase.analysis.initiative_flags import Flag
from repurchase.analysis.initiative_money import InitiativeMoney
from repurchase.analysis.initiative_panel import of_equal_age
from repurchase.analysis.initiative_reading import (
    LONGEST_LEARNING,
    Learn,
    Reading,
    cashed,
    change_said,
)
from repurchase.analysis.ladder import CHANGES, Rung
from repurchase.context import Context
from repurchase.reasons import worded
from repurchase.show.blocks import (
    Block,
    Cell,
    Column,
    Headline,
    Kpi,
    Kpis,
    Row,
    Several,
    Table,
    Text,
    Tone,
)
from repurchase.show.sentences import CERTAIN, DASH, joined, paragraph
from repurchase.stats.panel import Effect
from repurchase.stats.proportion import Estimate
from repurchase.words import N_, Words

VERDICTS = {
    "paid": N_("it paid"),
    "not_paid": N_("it has not paid"),
    "not_shown": N_("not shown"),
    "change_not_effect": N_("a change, not an effect"),
    "too_early": N_("too early"),
    "no_data": N_("no data"),
}
TONES: dict[str, Tone] = {
    "paid": "good", "not_paid": "bad", "not_shown": "unsure", "change_not_effect": "unsure",
    "too_early": "neutral", "no_data": "neutral",
}  # fmt: skip
RUNG_NAMES = {
    "naive": N_("Before and after"),
    "season": N_("Same season last year"),
    "difference": N_("Difference-in-differences"),
    "synthetic_control": N_("Synthetic control"),
    "structural": N_("Structural time series"),
    "synthetic_difference": N_("Synthetic difference-in-differences"),
}
OUTCOMES = {
    "margin": N_("margin"),
    "revenue": N_("net revenue"),
    "orders": N_("repeat orders"),
}
STEPS = {
    "margin": {
        "week": N_("margin a customer and week"), "month": N_("margin a customer and month"),
    },
    "revenue": {
        "week": N_("net revenue a customer and week"),
        "month": N_("net revenue a customer and month"),
    },
    "orders": {
        "week": N_("repeat orders a customer and week"),
        "month": N_("repeat orders a customer and month"),
    },
}  # fmt: skip
FORWARD = {
    "continue": N_("Continue"),
    "extend": N_("Extend"),
    "stop": N_("Stop"),
    "wait": N_("Wait"),
    "nothing": N_("Nothing to decide"),
    "ended": N_("It has ended"),
}
FACTORS = {
    "effect": N_("the effect"),
    "margin": N_("the margin"),
    "persistence": N_("how long it lasts"),
    "cost": N_("the cost"),
    "months_to_come": N_("the months to come"),
}
RATE = "repurchase_90d"
MOST_PAGES = 3
MOST_ROWS = 12
# what asks for a decision stands first
URGENT = ("not_paid", "paid", "not_shown", "change_not_effect", "too_early", "no_data")
SURE = 0.95


# ---- the chapter's sentence ---------------------------------------------------------------------


def initiatives_headline(readings: Sequence[Reading], *, context: Context) -> Headline:
    """What paid, what did not, and what is a change that nobody can call an effect."""
    words = context.words
    if not readings and context.params.profile.initiatives:
        day = words.day(min(i.go_live for i in context.params.profile.initiatives))
        return Headline(
            words._(
                "No initiative of the profile has gone live yet; the first does on {day}.", day=day
            )
        )
    if not readings:
        return Headline(
            words._(
                "No initiative is named in the profile, so nothing is said of what paid. Name what"
                " money is spent on under initiatives, with its start and its costs."
            )
        )
    if len(readings) == 1:
        one = readings[0]
        return Headline(sentence(one, context=context), TONES[one.verdict], _sure(one, words))
    count = {v: sum(r.verdict == v for r in readings) for v in VERDICTS}
    told = [
        (N_("{count} paid"), count["paid"]),
        (N_("{count} not so far"), count["not_paid"]),
        (N_("{count} not shown"), count["not_shown"]),
        (N_("{count} a change, no effect"), count["change_not_effect"]),
        (N_("{count} too early"), count["too_early"]),
        (N_("{count} without data"), count["no_data"]),
    ]
    parts = [words._(text, count=words.count(n)) for text, n in told if n]
    text = words._(
        "Of {n} initiatives: {parts}", n=words.count(len(readings)), parts=joined(words, parts)
    )
    worst: Tone = "bad" if count["not_paid"] else "good" if count["paid"] else "unsure"
    return Headline(text, worst)


def in_order(readings: Sequence[Reading]) -> list[Reading]:
    """By net value for each unit of money spent, the highest first; then what has none."""

    def key(reading: Reading) -> tuple[bool, float, int, str]:
        ratio = per_unit(reading)
        return ratio is None, -(ratio or 0.0), URGENT.index(reading.verdict), reading.plan.id

    return sorted(readings, key=key)


def per_unit(reading: Reading) -> float | None:
    """Net value so far for each unit of money spent; None where either is not known."""
    money = reading.money
    if money.net is None or not money.total_cost:
        return None
    return money.net.value / money.total_cost


def cost_text(reading: Reading, context: Context) -> str:
    """What it cost so far; in words where nobody knows."""
    cost = reading.money.total_cost
    words = context.words
    return words._("not known") if cost is None else words.money(cost, context.currency)


# ---- all initiatives in one table ---------------------------------------------------------------


def initiatives_table(readings: Sequence[Reading], *, context: Context, id: str) -> Table | Text:
    """A row an initiative by net value for each unit of money spent, with what it rests on."""
    words = context.words
    if not readings:
        return Text("")
    order = in_order(readings)
    shown = order[:MOST_ROWS]
    rows = [_row(r, context) for r in shown]
    columns = [
        Column(words._("Initiative"), "left", "fr"),
        Column(words._("Verdict")),
        Column(words._("Cost so far"), "right"),
        Column(words._("Margin caused"), "right"),
        Column(words._("Net value"), "right"),
        Column(words._("Net per {unit}", unit=words.money(1, context.currency)), "right"),
        Column(words._("Next")),
        Column(words._("Pays if its own"), "right"),
    ]
    parts = [
        words._(
            "Margin caused: by the highest comparison that may be stood on, with its 95% interval;"
            " a dash where there is none. Net per unit of money spent is the ROI so far."
        ),
        words._(
            "Pays if its own: the part of the seen change that it must have caused to have paid,"
            " where that change is beyond chance."
        ),
    ]
    if all(_must_be_own(r) is None for r in shown):
        columns.pop()
        parts.pop()
        rows = [row[:-1] for row in rows]
    if len(order) == 1:  # the cards below say the same with their names
        parts = []
    if sum(_not_alone(r) for r in order) > 1:
        parts.append(
            words._(
                "Where several reach the same customers in the same months, each is shown with the"
                " whole margin: their rows must not be added up."
            )
        )
    if len(order) > MOST_ROWS:
        left = words.count(len(order) - MOST_ROWS)
        parts.append(words._("{count} more initiatives stand in Part B.", count=left))
    title = words._("What each initiative brought for what it cost")
    return Table(
        tuple(columns), tuple(rows), id=id, title=title,
        caption=paragraph(words, parts) or None, size="small",
    )  # fmt: skip


def _row(reading: Reading, context: Context) -> tuple[str | Cell, ...]:
    words, money = context.words, reading.money
    ratio = per_unit(reading)
    share = _must_be_own(reading)
    return (
        named(reading, context),
        Cell(words._(VERDICTS[reading.verdict]), tone=TONES[reading.verdict], bold=True),
        cost_text(reading, context),
        range_text(money.incremental, context),
        range_text(money.net, context),
        Cell(DASH if ratio is None else words.number(ratio, 2), bold=ratio is not None),
        words._(FORWARD.get(money.forward.decision, money.forward.decision)),
        DASH if share is None else words.share(share, 0),
    )


def _not_alone(reading: Reading) -> bool:
    return any(f.name == "other_initiatives" and f.raised for f in reading.flags)


def _must_be_own(reading: Reading) -> float | None:
    """The break-even share, where no comparison says what part of the change was its own.

    None too while the change cannot be read (a month or two is no change that lasts), and where it
    is within chance, for then there may be nothing of which to be a part.
    """
    if reading.rung is not None or not reading.is_readable:
        return None
    if change_said(reading.money) == "within_chance":
        return None
    return reading.money.break_even_share


# ---- one page an initiative ---------------------------------------------------------------------


def initiative_verdicts(
    readings: Sequence[Reading], *, context: Context, id: str
) -> Several | Text:
    """The page of each of the first initiatives: verdict, table, ladder, bridge, what to do.

    At most three; the others stand in the table only.
    """
    if not readings:
        return Text("")
    shown = in_order(readings)[:MOST_PAGES]
    blocks: list[Block] = []
    for number, reading in enumerate(shown, start=1):
        name = id if len(shown) == 1 else f"{id}.{number}"
        blocks += _page(reading, context, name, alone=len(readings) == 1)
    return Several(tuple(blocks))


def _page(reading: Reading, context: Context, id: str, *, alone: bool) -> list[Block]:
    from repurchase.show.before_after import before_after_table
    from repurchase.show.initiative_charts import ladder_chart
    from repurchase.show.initiative_money import money_bridge

    words = context.words
    found: list[Block] = []
    if not alone:  # of one alone the sentence stands above
        text = sentence(reading, context=context)
        found.append(Headline(text, TONES[reading.verdict], _sure(reading, words)))
    found += [
        _cards(reading, context),
        before_after_table(reading, context=context, id=f"{id}a"),
        Row(tuple(
            b for b in (
                ladder_chart(reading, context=context, id=f"{id}b", width="half"),
                money_bridge(reading, context=context, id=f"{id}c", width="half"),
            ) if not _is_empty(b)
        )),
        _decide(reading, context),
    ]
    return [b for b in found if not _is_empty(b)]


def _is_empty(block: Block) -> bool:
    if isinstance(block, Row):
        return not block.blocks
    return isinstance(block, Text) and not block.text


def sentence(reading: Reading, *, context: Context) -> str:
    """The verdict in one or two sentences that can be repeated."""
    words, money = context.words, reading.money
    name, cost = named(reading, context), cost_text(reading, context)
    brought = range_text(money.incremental, context)
    net = range_text(money.net, context)
    if money.total_cost is None and reading.is_readable:
        return words._(
            "{name_text}: no cost of it is booked, so nothing can be said of whether it has paid",
            name_text=name,
        )
    match reading.verdict:
        case "no_data" if not _treated_there(reading):
            return words._(
                "{name}: the data know no customer of those that the profile calls treated, so"
                " nothing can be read.",
                name=name,
            )
        case "no_data" if reading.panel.windows.too_short:
            return words._(TOO_SHORT[reading.panel.windows.step], name=name)
        case "no_data":
            return words._(
                "{name}: the data hold no whole period before or after its start, so nothing can"
                " be read.",
                name=name,
            )
        case "too_early":
            return _early(reading, context)
        case "change_not_effect":
            return _change_sentence(reading, context)
        case _ if money.incremental is None:
            return words._(
                "{name} cost {cost}. Whether it paid cannot be told: {reason}.",
                name=name, cost=cost, reason=worded(words, money.reasons.get("incremental", "")),
            )  # fmt: skip
        case "paid":
            text = words._(
                "{name} paid: it caused {brought} of margin and cost {cost}, so {net} is left.",
                name=name, brought=brought, cost=cost, net=net,
            )  # fmt: skip
        case "not_paid" if money.incremental.value < 0:
            text = words._(
                "{name} has not paid so far: it changed margin by {brought} and cost {cost}, which"
                " leaves {net}.",
                name=name, brought=brought, cost=cost, net=net,
            )  # fmt: skip
        case "not_paid":
            text = words._(
                "{name} has not paid so far: it caused {brought} of margin and cost {cost}, which"
                " leaves {net}.",
                name=name, brought=brought, cost=cost, net=net,
            )  # fmt: skip
        case _:
            text = words._(
                "It cannot be told yet whether {name} paid{chance}: the best reading is {brought}"
                " of margin caused for a cost of {cost}, which leaves {net}.",
                name=name, brought=brought, cost=cost, net=net, chance=_chance(money, words),
            )  # fmt: skip
    return paragraph(words, [text, _saved(reading, context), roi_sentence(reading, words)])


def _chance(money: InitiativeMoney, words: Words) -> str:
    """The chance that it has paid so far, where it can be told: open is not even."""
    if money.draws is None:
        return ""
    return words._(" (chance so far: {share})", share=words.share(money.draws.positive, 0))


def _saved(reading: Reading, context: Context) -> str:
    """That cashed savings are in the net value, where there are any."""
    saved = cashed(reading.money)
    if not saved:
        return ""
    return context.words._("{amount} of savings that were cashed are counted in it.",
                           amount=context.words.money(saved, context.currency))  # fmt: skip


TOO_SHORT = {
    "month": N_(
        "{name}: from the end of its ramp-up to the end of its window there are fewer than the"
        " three whole months that a reading needs. With step: week six weeks are enough."
    ),
    "week": N_(
        "{name}: from the end of its ramp-up to the end of its window there are fewer than the six"
        " whole weeks that a reading needs."
    ),
}


def _treated_there(reading: Reading) -> bool:
    return bool((reading.panel.frame["group"] == "treated").any())


def _early(reading: Reading, context: Context) -> str:
    words, windows = context.words, reading.panel.windows
    values = {"name": named(reading, context), "day": words.day(windows.go_live)}
    if windows.readable_from is None:
        return words._("{name} went live on {day}: too early to say whether it paid.", **values)
    return words._(
        "{name} went live on {day}: too early to say whether it paid. It can be read from"
        " {later}.",
        **values, later=words.day(windows.readable_from),
    )  # fmt: skip


def _change_sentence(reading: Reading, context: Context) -> str:
    """Change, not effect: what must be its own so that it paid."""
    words, money, reading = context.words, reading.money, _in_margin(reading)
    cost = cost_text(reading, context)
    head = words._("{name} cost {cost}.", name=named(reading, context), cost=cost)
    seen = seen_change(reading)
    end = words._("What was seen is a change, not an effect: {why}.", why=_why(reading, words))
    if seen is None or seen.effect is None:
        return paragraph(words, [head, end])
    figure = per_step(reading, words)
    first = figure[:1].upper() + figure[1:]
    whole = effect_text(reading, seen.effect, context)
    part = unit_text(reading, money.break_even, context)
    match change_said(money):
        case "nothing_spent":
            text = words._("Nothing has been spent on it so far.")
        case "saved":
            text = words._(
                "What it saved in cash covers its cost; what it did to margin besides is not known."
            )
        case "fell":
            text = words._(
                "{figure} changed by {whole}: it fell, so there is no gain of which a part could"
                " pay for it.",
                figure=first, whole=whole,
            )  # fmt: skip
        case "within_chance":
            text = words._(
                "{figure} changed by {whole}, which is within chance: no rise is sure of which a"
                " part could pay for it.",
                figure=first, whole=whole,
            )  # fmt: skip
        case "too_small":
            text = words._(
                "It has not paid even if the whole change of {whole} of {figure} is its own: {part}"
                " would be needed.",
                whole=whole, figure=figure, part=part,
            )  # fmt: skip
        case "short":
            text = words._(
                "The whole change of {whole} of {figure} is, as read, less than the {part} that"
                " would be needed.",
                whole=whole, figure=figure, part=part,
            )  # fmt: skip
        case "share":
            share = words.share(money.break_even_share or 0.0, 0)
            text = words._(
                "It paid if it caused at least {part} of the {whole} by which {figure} rose:"
                " {share} of the change.",
                part=part.lstrip("+"), whole=whole.replace("+", ""), figure=figure, share=share,
            )  # fmt: skip
        case "unknown":
            text = words._("{figure} changed by {whole}.", figure=first, whole=whole)
    return paragraph(words, [head, text, end])


def _in_margin(reading: Reading) -> Reading:
    """Led by the margin where it is known: what must be its own is told in no other figure."""
    if "margin" not in reading.ladders:
        return reading
    return replace(reading, plan=reading.plan.model_copy(update={"outcome": "margin"}))


def _why(reading: Reading, words: Words) -> str:
    """Why no comparison may be stood on."""
    refused = refusal(reading, words)
    misnamed = any(f.name == "labels_unknown" and f.raised for f in reading.flags)
    if not reading.ladder.units_control and not misnamed:
        return words._("nobody was left without it, so nobody shows what would have been")
    if refused:
        return refused
    tried = [r for r in reading.ladder.rungs if r.name not in CHANGES and r.effect is not None]
    if tried:
        return words._("no comparison with others passes its checks")
    return words._("there are too few others or periods to compare with")


REFUSALS = {
    "regression_to_mean": N_("those treated were chosen by how they did before"),
    "chosen_unknown": N_("those treated were picked one by one, and not by chance"),
    "identification_change": N_("customers are identified otherwise than before"),
    "labels_unknown": N_("the profile names treated or others whom nobody knows"),
}


def refusal(reading: Reading, words: Words) -> str:
    """Why a warning forbids every comparison; nothing where none does."""
    names = [f.name for f in reading.flags if f.refuses and f.raised]
    return joined(words, [words._(REFUSALS.get(name, name)) for name in names])


def seen_change(reading: Reading) -> Rung | None:
    """The change that was seen: season-matched where a year before is known, else plain."""
    rungs = [reading.ladder.rung(name) for name in reversed(CHANGES)]
    return next((r for r in rungs if r is not None and r.effect is not None), None)


def roi_sentence(reading: Reading, words: Words) -> str:
    """The ROI so far beside what was promised; never "rises" where "is" is meant."""
    money = reading.money
    if money.roi is None:
        return ""
    value, ends = words.share(money.roi.value, 0), share_interval(money.roi, words)
    text = (
        words._("ROI so far is {value} ({ends})", value=value, ends=ends)
        if ends
        else words._("ROI so far is {value}", value=value)
    )
    promised = promise_text(reading, words)
    return words._("{clauses}.", clauses=joined(words, [text, promised]))


def promise_text(reading: Reading, words: Words) -> str:
    """What was promised, in the promise's own reading, with the ROI that it means."""
    told = reading.plan.promised
    if told is None or told.roi is None or told.target is None:
        return ""
    target = words.share(told.target, 0)
    by = "" if told.by is None else words._(" by {day}", day=words.day(told.by))
    if told.reading == "reaches":
        return words._("promised was that it reaches {target}{by}", target=target, by=by)
    base = words.share(told.base, 0)
    if told.reading == "rises_points":
        return words._(
            "promised was that it rises by {points} points from {base}, so that it reaches"
            " {target}{by}",
            points=words.number(float(told.roi) * 100), base=base, target=target, by=by,
        )  # fmt: skip
    return words._(
        "promised was that it rises by {rise} of {base}, so that it reaches {target}{by}",
        rise=words.share(told.roi, 0), base=base, target=target, by=by,
    )  # fmt: skip


def _cards(reading: Reading, context: Context) -> Kpis:
    words, money, currency = context.words, reading.money, context.currency
    cost = Kpi(words._("Cost so far"), cost_text(reading, context),
               _missing_costs(reading, words))  # fmt: skip
    if not reading.is_readable:
        return Kpis((cost, _readable(reading, words)))
    if money.net is None:
        return Kpis((cost, *_change_cards(reading, context)))
    tone = TONES[reading.verdict]
    draws, back = money.draws, money.payback_months
    cards = [
        cost,
        Kpi(words._("Net value so far"), words.money(money.net.value, currency),
            money_interval(money.net, context), tone=tone),
    ]  # fmt: skip
    if money.roi is not None:
        target = words._("target {target}", target=words.share(reading.plan.target_roi, 0))
        detail = joined(words, [share_interval(money.roi, words), target])
        cards.append(Kpi(words._("ROI so far"), words.share(money.roi.value, 0), detail))
    later = joined(words, [worded(words, money.reasons.get("payback_months", "")),
                           _as_read(reading, words)])  # fmt: skip
    cards.append(
        Kpi(words._("Paid back after"), DASH, later)
        if back is None
        else Kpi(words._("Paid back after"), months_text(back, words),
                 _back_on(reading, back, words))
    )  # fmt: skip
    if draws is not None:
        reach = "" if draws.reaches_target is None else words._(
            "{share} that ROI so far is at least {target}",
            share=words.share(draws.reaches_target, 0),
            target=words.share(reading.plan.target_roi, 0),
        )  # fmt: skip
        cards.append(Kpi(words._("Chance that it paid"), words.share(draws.positive, 0), reach))
    return Kpis(tuple(cards))


def _readable(reading: Reading, words: Words) -> Kpi:
    """From when it can be read."""
    windows = reading.panel.windows
    day = windows.readable_from
    return Kpi(words._("Can be read from"), DASH if day is None else words.day(day),
               words._("started on {day}", day=words.day(windows.go_live)))  # fmt: skip


def _as_read(reading: Reading, words: Words) -> str:
    """That a figure without an interval is that of the best reading, where that is open."""
    open_ = reading.verdict == "not_shown" and reading.money.total_cost
    return words._("if the best reading holds") if open_ else ""


def months_text(months: float, words: Words) -> str:
    """A payback; what comes back in the month of its spending is never short at a month's end."""
    if months == 0:
        return words._("at once")
    return words._("{n} months", n=words.number(months, 1))


def _back_on(reading: Reading, months: float, words: Words) -> str:
    """What was promised, and that the day is still to come where it is."""
    told, live, until = reading.plan.promised, reading.plan.go_live, reading.money.until
    run = (until.year - live.year) * 12 + until.month - live.month + 1
    parts = [
        _as_read(reading, words),
        words._("projected") if months > run else "",
    ]
    if told is not None and told.payback_months is not None:
        promised = words.number(float(told.payback_months))
        parts.append(words._("promised {n} months", n=promised))
    return joined(words, parts)


def _missing_costs(reading: Reading, words: Words) -> str:
    missing = reading.money.missing
    if not missing:
        return ""
    names = words.listed([words._(COSTS.get(c, c)) for c in missing])
    return words._("not in it: {names}", names=names)


def _change_cards(reading: Reading, context: Context) -> list[Kpi]:
    words, money = context.words, reading.money
    share, why = money.break_even_share, money.reasons.get("break_even_share", "")
    detail = worded(words, why) if share is None and why else words._("of the seen change")
    match change_said(money):
        case "saved" | "nothing_spent":
            share, detail = 0.0, words._("of the seen change: there is no cost left to cover")
        case "within_chance" if share is not None:
            detail = words._("of the seen change, which is within chance")
    shown = DASH if share is None else words.share(share, 0)
    if share is not None and share > 1:
        needed = N_("{share} of the seen change")
        if change_said(money) == "within_chance":
            needed = N_("{share} of the seen change, which is within chance")
        shown, detail = words._("more than all"), words._(needed, share=shown)
    found = [
        Kpi(words._("It paid if its own"), shown, detail, tone="unsure"),
        Kpi(words._("The whole change in money"),
            DASH if money.change_money is None
            else words.money(money.change_money.value, context.currency),
            money_interval(money.change_money, context)),
    ]  # fmt: skip
    if reading.learn is not None:
        found.append(
            Kpi(words._("A hold-out answers on"), answer_day(reading.learn, words),
                words._("if it starts on {day}", day=words.day(reading.learn.start)))
        )  # fmt: skip
    return found


COSTS = {
    "software": N_("software"),
    "build": N_("building it"),
    "implementation": N_("implementation"),
    "training": N_("training"),
    "maintenance": N_("maintenance"),
    "labour": N_("labour"),
    "campaign": N_("campaigns"),
    "incentive": N_("incentives"),
    "loyalty_reward": N_("loyalty rewards"),
    "shipping": N_("shipping"),
    "payment_fee": N_("payment fees"),
    "other": N_("other costs"),
}


# ---- what to do, and what would change our mind -------------------------------------------------


def _decide(reading: Reading, context: Context) -> Table:
    """Action, what would change our mind, what warns, and what changed since last month."""
    words = context.words
    told = [
        (words._("What was decided"), decided(reading, context)),
        (words._("What to do"), action(reading, context)),
        (words._("What would change our mind"), change_of_mind(reading, context)),
        (words._("What speaks against it"), against_it(reading, context)),
        (words._("The same, read a month ago"), since(reading, context)),
    ]
    rows = tuple((Cell(a, bold=True), b) for a, b in told if b)
    columns = (Column(words._("For the decision")), Column("", "left", "fr"))
    return Table(columns, rows, size="small")


DECIDED = {
    "continue": N_("to continue"),
    "extend": N_("to extend"),
    "stop": N_("to stop"),
    "none": N_("not to decide yet"),
}


def decided(reading: Reading, context: Context) -> str:
    """What the profile says was decided, on what claim, beside what is read now."""
    words, told = context.words, reading.plan.decision
    if told is None:
        return ""
    day = words.day(told.on)
    if told.on > context.period.end:
        return words._("A decision of {day}, after this period, is left out.", day=day)
    parts = [words._("On {day}: {decision}.", day=day, decision=words._(DECIDED[told.verdict]))]
    if told.roi is None:
        return paragraph(words, parts)
    claimed, roi = words.share(float(told.roi), 0), reading.money.roi
    if roi is None:
        parts.append(words._("The ROI claimed then was {value}; none can be read.", value=claimed))
        return paragraph(words, parts)
    now, ends = words.share(roi.value, 0), share_interval(roi, words)
    told_now = words._("{value} ({ends})", value=now, ends=ends) if ends else now
    parts.append(
        words._("The ROI claimed then was {value}; read now, so far, is {now}.",
                value=claimed, now=told_now)
    )  # fmt: skip
    return paragraph(words, parts)


def action(reading: Reading, context: Context) -> str:
    """Continue, extend or stop on costs still to come; the hold-out to start where none stands."""
    words, forward = context.words, reading.money.forward
    head = words._(FORWARD.get(forward.decision, forward.decision))
    cost = words._("not known")
    if forward.cost is not None:
        cost = words.money(forward.cost, context.currency)
    months = words.count(forward.months)
    if forward.decision in ("ended", "nothing"):
        text = words._("{head}: no cost is still to come.", head=head)
    elif forward.benefit is not None:
        text = words._(
            "{head}: the {months} months to come cost {cost} and bring, as read, {benefit}; what"
            " has been spent is left out of this.",
            head=head, months=months, cost=cost, benefit=range_text(forward.benefit, context),
        )  # fmt: skip
    elif forward.break_even_share is not None and change_said(reading.money) != "within_chance":
        text = words._(
            "{head}: the {months} months to come cost {cost}; going on pays if at least {share} of"
            " the seen change is its own. What has been spent is left out of this.",
            head=head, months=months, cost=cost, share=words.share(forward.break_even_share, 0),
        )  # fmt: skip
    else:
        text = words._("{head}.", head=head)
    return paragraph(words, [text, read_again(reading, words), _start_hold_out(reading, words)])


def read_again(reading: Reading, words: Words) -> str:
    """The day on which more will be known of what can only be waited for; nothing without one."""
    if reading.money.forward.decision != "wait" or reading.rung is None:
        return ""
    flag = next((f for f in reading.flags if f.name == "incomplete_after" and f.raised), None)
    told = flag.values.get("whole_on") if flag else None
    if flag is None or not isinstance(told, str):
        return ""
    if dt.date.fromisoformat(told) > reading.money.stop:
        return ""
    day = words.day(dt.date.fromisoformat(told))
    if isinstance(flag.values.get("complete_from"), str):
        return words._("All that was planned is seen on {day}: read it again then.", day=day)
    return words._("A whole year of it is seen on {day}: read it again then.", day=day)


def _start_hold_out(reading: Reading, words: Words) -> str:
    learn = reading.learn
    if learn is None:
        return ""
    values = {"held": words.count(learn.held_out), "share": words.share(learn.share, 0),
              "n": words.count(learn.customers), "day": words.day(learn.start)}  # fmt: skip
    if not answers(learn):
        return words._(
            "From {day} leave {held} of {n} customers ({share}, drawn by chance; the list is in"
            " restricted/) without it: nothing else can tell what would have happened anyway."
            " {years} years would not be enough to find the smallest effect at which it pays; leave"
            " more without it, or ask for less.",
            **values, years=words.count(LONGEST_LEARNING // 365),
        )  # fmt: skip
    text = words._(
        "From {day} leave {held} of {n} customers ({share}, drawn by chance; the list is in"
        " restricted/) without it: it answers on {answer}.",
        **values, answer=answer_day(learn, words),
    )  # fmt: skip
    if learn.detectable <= learn.level:
        return text
    coarse = words._(
        "Within a quarter it would find only an effect larger than all that a customer brings now;"
        " leave more without it, or wait for that day."
    )
    return paragraph(words, [text, coarse])


def answers(learn: Learn) -> bool:
    """Whether the hold-out answers before what it asks has changed."""
    return learn.answers_on is not None


def answer_day(learn: Learn, words: Words) -> str:
    """The day on which a hold-out answers; a far day is none."""
    if learn.answers_on is None:
        return words._("over {years} years", years=words.count(LONGEST_LEARNING // 365))
    return words.day(learn.answers_on)


def change_of_mind(reading: Reading, context: Context) -> str:
    """The figures at which the verdict would be another one."""
    words, money, led = context.words, reading.money, _in_margin(reading)
    parts, rung = [], led.rung
    if rung is not None and rung.effect is not None and money.break_even is not None:
        effect = unit_text(led, rung.effect.value, context)
        need = unit_text(led, money.break_even, context)
        figure = per_step(led, words)
        parts.append(
            words._(
                "The line between paid and not paid is an effect of {need} of {figure}; read is"
                " {effect}.",
                need=need, figure=figure, effect=effect,
            )
        )  # fmt: skip
        parts += [
            words._("{rung} says {effect}, on the other side of it.",
                    rung=words._(RUNG_NAMES[other.name]),
                    effect=unit_text(led, other.effect.value, context))
            for other in led.ladder.rungs
            if other.stands and other is not rung and other.effect is not None
            and (other.effect.value > money.break_even) != (rung.effect.value > money.break_even)
        ]  # fmt: skip
    parts += [_hangs_on(reading, context), _in_points(reading, words)]
    if reading.learn is not None and answers(reading.learn):
        day = answer_day(reading.learn, words)
        parts.append(words._("The hold-out that answers on {day}.", day=day))
    return paragraph(words, parts)


def _in_points(reading: Reading, words: Words) -> str:
    """The break-even share as points of the repurchase rate, where nothing else can be told."""
    share, table = reading.money.break_even_share, reading.table
    own = table[(table["group"] == "treated") & (table["metric"] == RATE)]
    if reading.rung is not None or share is None or not 0 < share <= 1 or own.empty:
        return ""
    seen = own[["season_change", "change"]].astype(float).iloc[0].dropna()
    if seen.empty or not seen.iloc[0] > 0:
        return ""
    return words._(
        "In proportion, of the {whole} by which repurchase within 90 days rose it must have caused"
        " {part}.",
        whole=words.points(float(seen.iloc[0])).lstrip("+"),
        part=words.points(share * float(seen.iloc[0])).lstrip("+"),
    )  # fmt: skip


def _hangs_on(reading: Reading, context: Context) -> str:
    """The factor that moves the value most, between its ends."""
    words, frame = context.words, reading.money.tornado
    if frame.empty or reading.money.net is None:
        return ""
    rows = [r for r in frame.to_dict("records") if not _blank(r["low"]) and not _blank(r["high"])]
    if not rows:
        return ""
    widest = max(rows, key=lambda r: abs(float(r["high"]) - float(r["low"])))
    ends = sorted((float(widest["low"]), float(widest["high"])))
    low, high = (words.money(x, context.currency) for x in ends)
    name = words._(FACTORS.get(str(widest["factor"]), str(widest["factor"])))
    values = {"factor": name, "low": low, "high": high, "day": words.day(reading.money.stop)}
    if reading.money.discount_rate:
        return words._(
            "Most hangs on {factor}: between its ends the net present value up to {day} goes from"
            " {low} to {high}.",
            **values,
        )
    return words._(
        "Most hangs on {factor}: between its ends the net value up to {day} goes from {low} to"
        " {high}.",
        **values,
    )


def against_it(reading: Reading, context: Context) -> str:
    """Every warning that was raised, with its size."""
    from repurchase.show.initiative_pages import flag_text

    raised = [f for f in reading.flags if f.raised]
    return paragraph(context.words, [flag_text(f, reading, context) for f in raised])


def _sure(reading: Reading, words: Words) -> str:
    """Certainty in a word, and what the verdict rests on."""
    level = words._(CERTAIN[reading.certainty])
    rung = reading.rung
    if not reading.is_readable:
        return ""
    if rung is None:
        return words._("{certainty}: no comparison may be stood on", certainty=level)
    return words._(
        "{certainty}: by {rung}, {treated} treated against {controls} others",
        certainty=level, rung=_inner(words._(RUNG_NAMES[rung.name])),
        treated=words.count(reading.ladder.units_treated),
        controls=words.count(reading.ladder.units_control),
    )  # fmt: skip


def _inner(name: str) -> str:
    """A name within a sentence."""
    return name[:1].lower() + name[1:]


def since(reading: Reading, context: Context) -> str:
    """What the same reading said a month before, where it was another; or that it is the same."""
    words, former = context.words, reading.former
    if former is None:
        return ""
    was, now = words._(VERDICTS[former.verdict]), words._(VERDICTS[reading.verdict])
    if former.verdict != reading.verdict:
        text = words._("It was “{was}” and is “{now}”.", was=was, now=now)
    else:
        text = words._("The verdict is the same: {now}.", now=now)
    parts = [text]
    if former.roi is not None and reading.money.roi is not None:
        parts.append(
            words._("ROI was {then} and is {now}.", then=words.share(former.roi, 0),
                    now=words.share(reading.money.roi.value, 0))
        )  # fmt: skip
    elif former.net is not None and reading.money.net is not None:
        parts.append(
            words._("Net value was {then} and is {now}.",
                    then=words.money(former.net, context.currency),
                    now=words.money(reading.money.net.value, context.currency))
        )  # fmt: skip
    here = reading.rung.name if reading.rung else None
    if former.rung != here:
        old, new = (words._("none") if r is None else words._(RUNG_NAMES[r])
                    for r in (former.rung, here))  # fmt: skip
        parts.append(words._("It stood on: {old}; now: {new}.", old=old, new=new))
    return paragraph(words, parts)


# ---- small words --------------------------------------------------------------------------------


def named(reading: Reading, context: Context) -> str:
    """The initiative's name in the reader's language."""
    return context.params.said(reading.plan.name)


def per_step(reading: Reading, words: Words) -> str:
    """What an effect is counted in: "margin a customer and month", at equal age where it is."""
    figure = words._(STEPS[reading.plan.outcome][reading.panel.windows.step])
    if of_equal_age(reading.panel):
        return words._("{figure} at equal age", figure=figure)
    return figure


def unit_text(reading: Reading, value: float | None, context: Context) -> str:
    """An effect a customer and period, signed, in the outcome's unit."""
    words = context.words
    if value is None or not math.isfinite(value):
        return DASH
    if reading.plan.outcome == "orders":
        return words.plus(value, 4)
    text = words.money(value, context.currency, whole=False)
    return text if value < 0 else f"+{text}"


def effect_text(reading: Reading, effect: Effect | None, context: Context) -> str:
    """An effect with its interval."""
    if effect is None:
        return DASH
    value, low, high = (unit_text(reading, x, context) for x in effect[:3])
    return context.words._("{value} ({low} to {high})", value=value, low=low, high=high)


def range_text(told: Estimate | None, context: Context) -> str:
    """Money with its interval in brackets."""
    if told is None:
        return DASH
    words = context.words
    value = words.money(told.value, context.currency)
    if not bounded(told):
        return value
    low, high = (words.money(x, context.currency) for x in (told.low, told.high))
    return words._("{value} ({low} to {high})", value=value, low=low, high=high)


def money_interval(told: Estimate | None, context: Context) -> str:
    """The interval alone; nothing where it has no bounds."""
    if told is None or not bounded(told):
        return ""
    return context.words.interval(
        *(context.words.money(x, context.currency) for x in (told.low, told.high))
    )


def share_interval(told: Estimate | None, words: Words) -> str:
    """The interval of a ratio in per cent; nothing where it has no bounds."""
    if told is None or not bounded(told):
        return ""
    return words.interval(words.share(told.low, 0), words.share(told.high, 0))


def bounded(told: Estimate | Effect) -> bool:
    """Whether both ends are numbers."""
    return math.isfinite(told.low) and math.isfinite(told.high)


def flag_value(flag: Flag, name: str) -> float | None:
    """A number that a flag carries; None where it is not known."""
    value = flag.values.get(name)
    return None if value is None or isinstance(value, str) or _blank(value) else float(value)


def day_of(values: Mapping[str, float | str | None], name: str, words: Words) -> str:
    """A day that a flag carries as ISO text."""
    value = values.get(name)
    return words.day(dt.date.fromisoformat(value)) if isinstance(value, str) else DASH


def _blank(value: object) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))
