"""What became of the year's tests, and what all outreach together brings, in words."""

from __future__ import annotations

import math
from collections.abc import Sequence

from repurchase.analysis.trial_memory import Decided, Memory, Shrinkage
from repurchase.analysis.trials import Trial
from repurchase.context import Context
from repurchase.reasons import FEW_TESTS, reason, worded
from repurchase.show.blocks import (
    Cell,
    Column,
    Kpi,
    Kpis,
    ListBlock,
    ListItem,
    Several,
    Table,
    Text,
    Tone,
)
from repurchase.show.sentences import DASH, joined, paragraph, points
from repurchase.show.trial_pages import trial_pages
from repurchase.show.trials import METRICS, amount, metric_name, question
from repurchase.stats.proportion import Estimate
from repurchase.stats.shrinkage import FEWEST
from repurchase.words import N_, Words

STATES = {
    "still_there": N_("still there"),
    "not_sure": N_("not sure any more"),
    "gone": N_("gone"),
    "withheld": N_("withheld: a check failed"),
    "not_ripe": N_("not ripe yet"),
    "confirmed": N_("no gain was missed for sure"),
    "missed": N_("a gain was missed"),
    "other_figure": N_("not known: the figure that was claimed is not known any more"),
}
STATE_TONES: dict[str, Tone | None] = {
    "still_there": "good", "not_sure": "unsure", "gone": "bad", "withheld": "bad", "not_ripe": None,
    "confirmed": None, "missed": "bad", "other_figure": "unsure",
}  # fmt: skip
DECIDED = {
    "adopt": N_("adopted"),
    "adopt_provisionally": N_("adopted provisionally"),
    "keep_control": N_("kept the control"),
    "stop_for_harm": N_("stopped for harm"),
}


# ---- Part A: two lines at most ----------------------------------------------------------------


def memory_lines(
    told: Memory, holdouts: Sequence[Trial], *, context: Context
) -> ListBlock | Text:
    """All outreach together, where customers are held out; and whether testing pays."""
    items = [*(_holdout_item(t, context) for t in holdouts[:1]), *_testing_item(told, context)]
    return ListBlock(tuple(items), ordered=False) if items else Text("")


def _holdout_item(trial: Trial, context: Context) -> ListItem:
    words, told = context.words, trial.verdict
    tone: Tone = "neutral"
    if told.gain is not None and told.decision == "holdout":
        tone = "good" if told.gain.low > 0 else "bad" if told.gain.high < 0 else "unsure"
    return ListItem(words._("All outreach together"), holdout_sentence(trial, context), None, tone)


def holdout_sentence(trial: Trial, context: Context) -> str:
    """What customers with any outreach bring more than those held out; no verdict."""
    words, told = context.words, trial.verdict
    days = words.count(trial.plan.horizon_days)
    if trial.broken:
        return words._("A check of the hold-out failed, so its difference is not told.")
    gain = told.gain
    if told.decision != "holdout" or gain is None or not all(map(math.isfinite, gain)):
        return words._("No customer of the hold-out has had the {days} days yet.", days=days)
    value, low, high = (amount(trial, trial.plan.metric, x, context) for x in gain)
    sentence = words._(
        "In {days} days a customer with outreach brings {value} of {metric} ({low} to {high}) more"
        " than one of those held out, by an interval that holds at every look.",
        days=days, value=value, low=low, high=high,
        metric=metric_name(words, trial, trial.plan.metric),
    )  # fmt: skip
    if told.yearly is None:
        return sentence
    worth = words._(
        "For {units} customers that is {value} ({low} to {high}).",
        units=words.count(told.yearly_units), **_money(told.yearly, context),
    )  # fmt: skip
    return paragraph(words, [sentence, worth])


def _testing_item(told: Memory, context: Context) -> list[ListItem]:
    if not told.run:
        return []
    words = context.words
    title = words._("Is testing paying?")
    tone: Tone = "neutral"
    if told.now is not None:
        net = told.drawn if told.drawn is not None and told.draws == told.valued else told.now
        tone = "good" if net.low > told.cost else "bad" if net.high < told.cost else "unsure"
    return [ListItem(title, testing_sentence(told, context), None, tone)]


def testing_sentence(told: Memory, context: Context) -> str:
    """The year's tests in money: claimed, as read now, drawn towards all; less what they cost."""
    words = context.words
    tests = words._(
        "Tests in twelve months: {run} run, {decided} decided, {won} adopted.",
        run=words.count(told.run), decided=words.count(told.decided), won=words.count(told.won),
    )  # fmt: skip
    if not told.won:
        why = words._(
            "No decision to adopt is in the profile, so what testing brings cannot be told."
        )
        return paragraph(words, [tests, why, _cost(told, context)])
    if told.now is None:
        why = words._("What was adopted can not be read in money today.")
        return paragraph(words, [tests, why, _cost(told, context)])
    parts = [
        ""
        if told.claimed is None
        else words._("claimed {value} a year", value=_amount(told.claimed, context)),
        words._("read now {value} ({low} to {high})", **_money(told.now, context)),
        ""
        if told.drawn is None
        else words._("less the luck of winners {value} ({low} to {high})",
                     **_money(told.drawn, context)),
    ]
    return paragraph(
        words,
        [
            tests,
            words._("Worth of what was adopted: {parts}.", parts=joined(words, parts)),
            _cost(told, context),
        ],
    )


def _cost(told: Memory, context: Context) -> str:
    words = context.words
    text = words._("The tests cost {value}.", value=_amount(told.cost, context))
    if not told.unpriced:
        return text
    more = words._(
        "The cost of {count} of them is not in the profile.", count=words.count(told.unpriced)
    )
    return more if told.unpriced == told.run else paragraph(words, [text, more])


def _money(estimate: Estimate, context: Context) -> dict[str, str]:
    value, low, high = (_amount(x, context) for x in estimate)
    return {"value": value, "low": low, "high": high}


def _amount(value: float, context: Context) -> str:
    return context.words.money(value, context.currency)


# ---- Part B -----------------------------------------------------------------------------------


def memory_scorecard(told: Memory, *, context: Context) -> Kpis | Text:
    """The year's tests by what became of them."""
    words = context.words
    if not told.run:
        return Text(words._("No test ran in the twelve months."))
    since = words._("since {day}", day=words.day(told.since))
    state = joined(words, [
        words._("{count} finished", count=words.count(told.finished)),
        words._("{count} running", count=words.count(told.running)),
        words._("{count} broken", count=words.count(told.broken)) if told.broken else "",
    ])  # fmt: skip
    undecided = told.finished - min(told.finished, told.decided)
    waits = words._("{count} finished without a decision", count=words.count(undecided))
    claimed = DASH if told.claimed is None else _amount(told.claimed, context)
    of_claims = words._("of {count} adopted tests", count=words.count(told.claims))
    return Kpis((
        Kpi(words._("Tests run"), words.count(told.run), since, note=state),
        Kpi(words._("Decided"), words.count(told.decided), waits if undecided else ""),
        Kpi(words._("Won: adopted"), words.count(told.won)),
        Kpi(words._("Claimed, a year"), claimed, of_claims if told.claims else ""),
        Kpi(words._("Still there"), words.count(told.still_there),
            words._("of {count} adopted", count=words.count(told.won)),
            tone="bad" if told.still_there < told.won else "neutral"),
    ))  # fmt: skip


def decision_table(
    told: Memory, trials: Sequence[Trial], *, context: Context, id: str
) -> Table | Text:
    """A row a decision that was taken: the lift claimed for it, and what has become of it."""
    words = context.words
    if not told.decisions:
        return Text(words._("No earlier decision is in the profile (`decision:` of a test)."))
    by_id = {trial.plan.id: trial for trial in trials}
    rows = tuple(_decision_row(d, by_id[d.experiment], context) for d in told.decisions)
    columns = (
        Column(words._("Test and decision"), "left", "fr"),
        Column(words._("Claimed then"), "right"),
        Column(words._("Same days, now"), "right", "fr"),
        Column(words._("Days"), "right"),
        Column(words._("Longest ripe stretch"), "right", "fr"),
        Column(words._("Less luck"), "right", "fr"),
        Column(words._("Today")),
    )
    caption = words._(
        "A customer, net of the arm's cost, with its 95% interval. The claim is the company's own."
        " Less luck: the reading over the longest ripe stretch drawn towards all tests. Still"
        " there: its interval leaves out no gain."
    )
    title = words._("What became of earlier decisions")
    return Table(columns, rows, id=id, title=title, caption=caption, size="small")


def _decision_row(
    told: Decided, trial: Trial, context: Context
) -> tuple[str | Cell, ...]:
    words = context.words

    def value(x: float | None) -> str:
        return amount(trial, told.metric, x, context)

    def ranged(x: Estimate | None) -> str:
        if x is None:
            return DASH
        return words._("{value} ({low} to {high})", value=value(x.value), low=value(x.low),
                       high=value(x.high))  # fmt: skip

    decision = words._(
        "{verdict} on {day}", verdict=words._(DECIDED[told.verdict]), day=words.day(told.on)
    )
    figure = words._("{metric}, {days} days", metric=metric_name(words, trial, told.metric),
                     days=words.count(told.horizon))  # fmt: skip
    arm = told.arm or words._("arm not named")
    return (
        words._("{test}: {decision}", test=question(trial, context),
                decision=joined(words, [decision, arm, figure])),
        value(told.claimed),
        ranged(told.again),
        DASH if told.now_horizon is None else words.count(told.now_horizon),
        ranged(told.now),
        ranged(told.drawn),
        Cell(words._(STATES[told.state]), tone=STATE_TONES[told.state]),
    )  # fmt: skip


def shrinkage_table(told: Memory, *, context: Context, id: str) -> Table | Text:
    """How far winners shrink, a row a figure and stretch; why not, where there are too few."""
    words = context.words
    if not told.shrinkage:
        why = worded(words, reason(FEW_TESTS, fewest=FEWEST))
        return Text(words._("How far winners shrink is not computed: {why}.", why=why))
    columns = (
        Column(words._("Figure")),
        Column(words._("Days"), "right"),
        Column(words._("Tests"), "right"),
        Column(words._("Mean of all"), "right"),
        Column(words._("True effects differ by"), "right"),
        Column(words._("Winners"), "right"),
        Column(words._("Winners as read"), "right"),
        Column(words._("Winners less luck"), "right"),
        Column(words._("Shrunk by"), "right"),
    )
    rows = tuple(_shrinkage_row(s, context) for s in told.shrinkage)
    caption = words._(
        "Empirical Bayes: each difference is drawn towards the mean of all tests as far as it is"
        " uncertain; true effects differ by one standard deviation (Paule and Mandel). With few"
        " tests this is a rough guide. Winners: adopted, or surely better today."
    )
    title = words._("Winners shrink: by how much")
    return Table(columns, rows, id=id, title=title, caption=caption, size="small")


def _shrinkage_row(told: Shrinkage, context: Context) -> tuple[str, ...]:
    words = context.words

    def value(x: float | None, signed: bool = True) -> str:
        if x is None:
            return DASH
        if told.unit == "money":
            text = words.money(x, context.currency, whole=False)
            return f"+{text}" if signed and x >= 0 else text
        if told.unit == "share":
            return points(words, x) if signed else points(words, x).lstrip("+")
        return words.plus(x, 3) if signed else words.number(x, 3)

    by = DASH
    if told.read is not None and told.drawn is not None and told.read > 0:
        by = words.share(1 - told.drawn / told.read, 0)
    return (
        _figure(words, told.metric),
        words.count(told.horizon),
        words.count(told.tests),
        value(told.mean),
        value(told.deviation, signed=False),
        words.count(told.winners),
        value(told.read),
        value(told.drawn),
        by,
    )


def _figure(words: Words, metric: str) -> str:
    return words._(METRICS[metric]) if metric in METRICS else metric


def holdout_pages(holdouts: Sequence[Trial], *, context: Context) -> Several | Text:
    """The evidence of the standing hold-outs, as of a test."""
    if not holdouts:
        return Text(
            context.words._(
                "There is no standing hold-out, so what all outreach together brings cannot be"
                " told: a test says what one change brings."
            )
        )
    return trial_pages(holdouts, context=context)
