"""Experiments in words: a row a test for who decides, the evidence of each for who asks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd

from repurchase.analysis.trial_checks import TrialCheck
from repurchase.analysis.trial_results import PullForward
from repurchase.analysis.trials import Trial
from repurchase.context import Context
from repurchase.show.blocks import Block, Cell, Column, Headline, Note, Several, Table, Text, Tone
from repurchase.show.sentences import DASH, joined, paragraph, points
from repurchase.show.trial_looks import looks_text
from repurchase.stats.proportion import Estimate
from repurchase.words import N_, Words

DECISIONS = {
    "adopt": N_("adopt"),
    "adopt_provisionally": N_("adopt provisionally"),
    "keep_control": N_("keep the control"),
    "keep_running": N_("keep running"),
    "stop_for_harm": N_("stop for harm"),
    "invalid": N_("invalid"),
    "holdout": N_("standing hold-out"),
}
TONES: dict[str, Tone] = {
    "adopt": "good", "adopt_provisionally": "good", "keep_control": "neutral",
    "keep_running": "unsure", "stop_for_harm": "bad", "invalid": "bad",
    "holdout": "neutral",
}  # fmt: skip
METRICS = {
    "margin": N_("margin"),
    "revenue": N_("net revenue"),
    "repurchase": N_("share who ordered"),
    "orders": N_("order dates"),
    "average_order": N_("average order"),
    "opt_out": N_("share who opted out"),
    "complaint": N_("complaints an order"),
}
CHECKS = {
    "sample_ratio": N_("Split as planned"),
    "sample_ratio_by_day": N_("Split as planned on each day"),
    "sample_ratio_by_segment": N_("Split as planned in each segment"),
    "two_arms": N_("Customers in two arms"),
    "repeated_rows": N_("Assignments logged twice"),
    "early_exposure": N_("Exposed before they were assigned"),
    "contamination": N_("Control customers who were exposed"),
    "balance_before": N_("Alike before the start"),
    "logging_gaps": N_("Treated customers without a logged exposure"),
    "missing_outcomes": N_("Customers without an outcome in the file"),
    "unplanned_arms": N_("Arms as planned"),
    "as_drawn": N_("Customers and arms otherwise than drawn"),
    "all_drawn": N_("Customers drawn who did not come back"),
}
STATES = {
    "passed": N_("passed"),
    "failed": N_("failed"),
    "noted": N_("noted"),
    "not_computable": N_("cannot be told"),
}
STATE_TONES: dict[str, Tone | None] = {
    "passed": None, "failed": "bad", "noted": "unsure", "not_computable": None
}  # fmt: skip
ADOPTED = ("adopt", "adopt_provisionally")


def trials_headline(trials: Sequence[Trial], *, context: Context) -> Headline:
    """What to roll out, and how many tests can be decided, in a sentence."""
    words = context.words
    if not trials:
        return Headline(words._("No test of outreach was logged up to the period's end."))
    count = {d: sum(t.verdict.decision == d for t in trials) for d in DECISIONS}
    good = sum(count[d] for d in ADOPTED)
    parts = [
        words._("{count} to be adopted", count=words.count(good)),
        words._("{count} to be dropped for the control", count=words.count(count["keep_control"])),
        words._("{count} not yet decided", count=words.count(count["keep_running"])),
        words._("{count} to be stopped for harm", count=words.count(count["stop_for_harm"]))
        if count["stop_for_harm"]
        else "",
        words._("{count} broken and without a result", count=words.count(count["invalid"]))
        if count["invalid"]
        else "",
    ]
    text = words._(
        "Of {n} tests of outreach: {parts}", n=words.count(len(trials)), parts=joined(words, parts)
    )
    worst: Tone = "bad" if count["stop_for_harm"] else "good" if good else "neutral"
    best = _best(trials)
    return Headline(text, worst, None if best is None else sentence(best, context=context))


def _best(trials: Sequence[Trial]) -> Trial | None:
    """The adopted test that is worth most."""
    adopted = [t for t in trials if t.verdict.decision in ADOPTED and t.verdict.gain is not None]

    def worth(trial: Trial) -> tuple[float, str]:
        yearly = trial.verdict.yearly
        return (yearly.value if yearly else 0.0), trial.plan.id

    return max(adopted, key=worth, default=None)


def trials_table(trials: Sequence[Trial], *, context: Context, id: str) -> Table | Text:
    """One row a test: what was asked, the verdict, why in a sentence, and what it is worth."""
    words = context.words
    if not trials:
        return Text("")
    rows = tuple(
        (
            Cell(question(t, context)),
            Cell(words._(DECISIONS[t.verdict.decision]), tone=TONES[t.verdict.decision], bold=True),
            Cell(sentence(t, context=context)),
            Cell(_worth(t, context)),
        )
        for t in trials
    )
    columns = (
        Column(words._("Test")),
        Column(words._("Verdict")),
        Column(words._("What is known"), "left", "fr"),
        Column(words._("Worth"), "right"),
    )
    caption = words._(
        "Worth: the difference net of the arm's cost, with its 95% interval, if as many customers"
        " get it once as a year is said to have in the plan, or as were in the test."
    )
    title = words._("What each test says")
    return Table(columns, rows, id=id, title=title, caption=caption, size="small")


def question(trial: Trial, context: Context) -> str:
    """What the test asks, or its name where no plan says."""
    asked = trial.plan.question
    return trial.plan.id if asked is None else context.params.said(asked)


def _worth(trial: Trial, context: Context) -> str:
    words, yearly = context.words, trial.verdict.yearly
    if yearly is None or trial.verdict.decision in ("invalid", "keep_running"):
        return DASH
    low, high = (words.money(x, context.currency) for x in (yearly.low, yearly.high))
    value = words.money(yearly.value, context.currency)
    return f"{value} {words._('({interval})', interval=words.interval(low, high))}"


def sentence(trial: Trial, *, context: Context) -> str:
    """The verdict in one sentence that can be repeated."""
    words, told = context.words, trial.verdict
    gain = _gain(trial, told.gain, context)
    day = words.day(told.on) if told.on else ""
    first, longer = trial.plan.horizon_days, trial.plan.longer_horizon_days or 0
    days, more = words.count(first), words.count(longer)
    metric = metric_name(words, trial, trial.plan.metric)
    match told.decision, told.why:
        case "invalid", _:
            return words._(
                "Broken: {checks}. No difference is told; repeat the test.",
                checks=words.listed([words._(CHECKS[c]) for c in told.broken]),
            )
        case "adopt", _ if not longer:
            return words._(
                "{arm} brings {gain} of {metric} a customer in {days} days; what comes later was"
                " not asked.",
                arm=told.arm, gain=gain, metric=metric, days=days,
            )  # fmt: skip
        case "adopt", _:
            return words._(
                "{arm} brings {gain} of {metric} a customer in {days} days, and no less over the"
                " longer stretch.",
                arm=told.arm, gain=gain, metric=metric, days=days,
            )  # fmt: skip
        case "adopt_provisionally", _:
            return words._(
                "{arm} brings {gain} of {metric} a customer in {days} days; whether orders only"
                " came forward can be read from {day}.",
                arm=told.arm, gain=gain, metric=metric, days=days, day=day or DASH,
            )  # fmt: skip
        case "keep_control", "pulled_forward":
            return words._(
                "The gain of the first {days} days was taken back: over {more} days {arm} brings"
                " {gain} of {metric} a customer. Orders only came forward.",
                days=days, more=more, arm=told.arm, gain=gain, metric=metric,
            )  # fmt: skip
        case "keep_control", "too_small" | "no_effect_worth_having":
            return words._(
                "No gain worth having: {gain} of {metric} a customer in {days} days.",
                gain=gain, metric=metric, days=days,
            )  # fmt: skip
        case "stop_for_harm", "guardrail":
            rail = metric_name(words, trial, told.rail or "")
            return words._(
                "{arm} does harm: {rail} rose by {gain} in {days} days.",
                arm=told.arm, rail=rail, days=days,
                gain=_gain(trial, told.gain, context, metric=told.rail or "", signed=False),
            )  # fmt: skip
        case "stop_for_harm", _:
            return words._(
                "{arm} loses: {gain} of {metric} a customer in {days} days.",
                arm=told.arm, gain=gain, metric=metric, days=days,
            )  # fmt: skip
        case "keep_running", "nothing_ripe":
            return words._("No customer has had the {days} days yet.", days=days)
        case "keep_running", "no_plan":
            return words._(
                "Not known: {gain} of {metric} a customer in {days} days. Nobody has said when the"
                " test ends; until then only what holds at every look counts.",
                gain=gain, metric=metric, days=days,
            )  # fmt: skip
        case "keep_running", _:
            return words._(
                "Not known yet: {gain} of {metric} a customer in {days} days; the answer can be"
                " read from {day}.",
                gain=gain, metric=metric, days=days, day=day or DASH,
            )  # fmt: skip
    return words._(
        "Not shown: {gain} of {metric} a customer in {days} days.",
        gain=gain, metric=metric, days=days,
    )  # fmt: skip


def metric_name(words: Words, trial: Trial, metric: str) -> str:
    """A metric's name in a sentence; a column of a wide file is called as in the plan."""
    return words._(METRICS[metric]) if metric in METRICS else metric


def _gain(
    trial: Trial, gain: Estimate | None, context: Context, *, metric: str = "", signed: bool = True
) -> str:
    """A difference with its interval, in the metric's own unit."""
    words = context.words
    if gain is None or not all(map(math.isfinite, gain)):
        return DASH
    value, low, high = (amount(trial, metric or trial.plan.metric, x, context) for x in gain)
    text = value if signed else value.lstrip("+")
    return words._("{value} ({low} to {high})", value=text, low=low, high=high)


def amount(trial: Trial, metric: str, value: float | None, context: Context) -> str:
    """A signed difference: money to the cent, shares in percentage points, counts with digits."""
    from repurchase.analysis.trials import metric_of

    words = context.words
    if value is None or math.isnan(value):
        return DASH
    _, unit = metric_of(trial.plan, metric)
    if unit == "money":
        text = words.money(value, context.currency, whole=False)
        return text if value < 0 else f"+{text}"
    if unit == "share":
        return points(words, value)
    return words.plus(value, 3)


# ---- Part B -----------------------------------------------------------------------------------


def trial_pages(trials: Sequence[Trial], *, context: Context) -> Several | Text:
    """The evidence of each test: its plan, checks, every difference, and whether it lasts."""
    if not trials:
        return Text("")
    blocks: list[Block] = []
    for trial in trials:
        blocks += _page(trial, context)
    return Several(tuple(blocks))


def _page(trial: Trial, context: Context) -> list[Block]:
    words = context.words
    found: list[Block] = [
        Text(words._("{test}: {verdict}", test=question(trial, context),
                     verdict=words._(DECISIONS[trial.verdict.decision])), "lead"),
        Text(_plan(trial, context), "small"),
        _checks(trial, context),
        *([Text(said, "small")] if (said := looks_text(trial, context)) else []),
    ]  # fmt: skip
    if trial.broken:
        found.append(
            Note(
                words._(
                    "A check failed, so differences are not told: they may come from who was"
                    " logged, not from what was sent."
                ),
                "bad",
            )
        )
        return found
    if not trial.frame.empty:
        found.append(_differences(trial, context))
    found += [
        Text(_lasting(trial, arm, both, context), "small")
        for arm, both in trial.pulled.items()
        if both is not None
    ]
    return found


def _plan(trial: Trial, context: Context) -> str:
    words, plan = context.words, trial.plan
    stage = trial.stages[plan.horizon_days]
    parts = [
        words._("{name}: {n} customers in {arms} arms", name=plan.id, n=words.count(stage.assigned),
                arms=words.count(len(trial.arms) + 1)),
        words._("{n} ripe for {days} days", n=words.count(stage.ripe),
                days=words.count(plan.horizon_days)),
    ]  # fmt: skip
    if not trial.planned:
        parts.append(words._("no plan in the profile, so no end, no size and no cost are known"))
    elif plan.planned_end:
        parts.append(words._("planned to end on {day}", day=words.day(plan.planned_end)))
    elif plan.planned_n:
        parts.append(words._("planned for {n} customers", n=words.count(plan.planned_n)))
    if plan.inferred:
        parts.append(words._("arms inferred, not logged"))
    if plan.owner:
        parts.append(words._("owner: {name}", name=plan.owner))
    rule = (
        words._("The plan is fulfilled: Welch's interval counts.")
        if stage.over
        else words._("The plan is not fulfilled: an interval counts that holds at every look.")
    )
    text = words._("{clauses}.", clauses=joined(words, parts))
    return paragraph(words, [text, rule])


def _checks(trial: Trial, context: Context) -> Table:
    words = context.words
    rows = tuple(_check_row(check, words) for check in trial.checks)
    columns = (
        Column(words._("Check before any result")),
        Column(words._("Outcome")),
        Column(words._("Detail"), "left", "fr"),
    )
    return Table(columns, rows, size="small")


def _check_row(check: TrialCheck, words: Words) -> tuple[str | Cell, ...]:
    muted = check.state == "not_computable"
    parts = []
    if check.count is not None and check.n is not None:
        parts.append(words._("{count} of {n}", count=words.count(check.count),
                             n=words.count(check.n)))  # fmt: skip
    elif check.n is not None:
        parts.append(words._("{n} customers", n=words.count(check.n)))
    if check.p is not None:
        small = check.p < 0.0001
        text = "p < 0.0001" if small else f"p = {words.number(check.p, 4)}"
        parts.append(text)
    if check.where:
        parts.append(check.where)
    state = Cell(words._(STATES[check.state]), tone=STATE_TONES[check.state], muted=muted)
    return Cell(words._(CHECKS[check.name]), muted=muted), state, joined(words, parts)


def _differences(trial: Trial, context: Context) -> Table:
    words = context.words
    rows = [
        _difference_row(trial, row, context) for row in trial.frame.to_dict("records")
    ]  # fmt: skip
    labels = [
        (words._("Arm"), "left"), (words._("Figure"), "left"), (words._("Days"), "right"),
        (words._("n"), "right"), (words._("Control"), "right"), (words._("Difference"), "right"),
        (words._("95% interval"), "right"), (words._("Relative"), "right"),
        (words._("Chance to be better"), "right"), (words._("Variance saved"), "right"),
        (words._("Findable"), "right"),
    ]  # fmt: skip
    caption = words._(
        "Bold: the interval leaves out no difference, after correction for the number of figures."
        " Chance to be better: with a flat prior. Variance saved: by what was bought before"
        " (CUPED). Findable: the difference that would be found four times in five."
    )
    columns = tuple(Column(text, align) for text, align in labels)  # type: ignore[arg-type]
    return Table(columns, tuple(rows), caption=caption, size="small")


def _difference_row(
    trial: Trial, row: dict[Any, Any], context: Context
) -> tuple[str | Cell, ...]:
    words, metric = context.words, str(row["metric"])

    def told(name: str) -> float | None:
        value = row[name]
        return None if value is None or pd.isna(value) else float(value)

    low, high, q = told("low"), told("high"), told("q")
    sure = low is not None and high is not None and (low > 0 or high < 0)
    bold = sure and q is not None and q < 0.05
    interval = DASH
    if low is not None and high is not None:
        ends = (amount(trial, metric, x, context) for x in (low, high))
        interval = words.interval(*ends)
    chance, gained, relative = told("chance"), told("gained"), told("relative")
    return (
        str(row["arm"]),
        metric_name(words, trial, metric),
        words.count(row["horizon"]),
        words.count(float(row["n"]) + float(row["n_control"])),
        _level(trial, metric, told("control"), context),
        Cell(amount(trial, metric, told("difference"), context), bold=bold),
        interval,
        DASH if relative is None else words.plus(relative * 100, 1) + "%",
        DASH if chance is None else words.share(chance),
        DASH if not gained else words.share(gained, 0),
        amount(trial, metric, told("detectable"), context).lstrip("+"),
    )


def _level(trial: Trial, metric: str, value: float | None, context: Context) -> str:
    from repurchase.analysis.trials import metric_of

    words = context.words
    if value is None:
        return DASH
    _, unit = metric_of(trial.plan, metric)
    if unit == "money":
        return words.money(value, context.currency, whole=False)
    return words.share(value) if unit == "share" else words.number(value, 3)


def _lasting(trial: Trial, arm: str, both: PullForward, context: Context) -> str:
    words = context.words
    values = {
        "arm": arm,
        "metric": metric_name(words, trial, trial.plan.metric),
        "days": words.count(trial.plan.horizon_days),
        "more": words.count(trial.plan.longer_horizon_days or 0),
        "early": _gain(trial, both.early, context),
        "later": _gain(trial, both.later, context),
        "whole": _gain(trial, both.whole, context),
    }
    text = words._(
        "Does it last? {arm}, {metric} a customer: {early} in the first {days} days, {later} from"
        " then to day {more}, {whole} in all.",
        **values,
    )
    end = (
        words._("The later days contradict the first.")
        if both.contradicts
        else words._("The later days do not contradict the first.")
    )
    return paragraph(words, [text, end])
