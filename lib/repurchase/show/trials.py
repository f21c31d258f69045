"""Experiments in words: a row a test for who decides (the evidence is in `trial_pages`)."""

from __future__ import annotations

import math
from collections.abc import Sequence

from repurchase.analysis.trial_readings import cost_of
from repurchase.analysis.trial_results import for_arm
from repurchase.analysis.trial_verdict import in_money
from repurchase.analysis.trials import Trial
from repurchase.context import Context
from repurchase.show.blocks import Cell, Column, Headline, Table, Text, Tone
from repurchase.show.sentences import DASH, joined, paragraph, points
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
BROKEN = {
    "sample_ratio": N_("the split is not the planned one"),
    "sample_ratio_by_day": N_("the split is not the planned one on some day"),
    "sample_ratio_by_segment": N_("the split is not the planned one in some segment"),
    "two_arms": N_("customers stand in two arms"),
    "repeated_rows": N_("assignments were logged twice"),
    "early_exposure": N_("customers were exposed before they were assigned"),
    "contamination": N_("control customers were exposed"),
    "balance_before": N_("the arms differed before the start"),
    "logging_gaps": N_("exposures are missing"),
    "missing_outcomes": N_("customers have no outcome"),
    "unplanned_arms": N_("the arms are not those planned"),
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
# what asks for something to be done stands first
URGENT = ("stop_for_harm", "adopt", "adopt_provisionally", "invalid", "keep_running",
          "keep_control", "holdout")  # fmt: skip
MOST_ROWS = 12


def trials_headline(trials: Sequence[Trial], *, context: Context) -> Headline:
    """What to roll out, and how many tests can be decided, in a sentence."""
    words = context.words
    if not trials:
        return Headline(words._("No test of outreach was logged up to the period's end."))
    decided = [t for t in trials if is_decided(t)]
    lost = sum(not_borne_out(t) for t in decided)
    waiting = [t for t in trials if not is_decided(t)]
    count = {d: sum(t.verdict.decision == d for t in waiting) for d in DECISIONS}
    good = sum(count[d] for d in ADOPTED)
    told = [
        (N_("{count} to be adopted"), good),
        (N_("{count} to be stopped for harm"), count["stop_for_harm"]),
        (N_("{count} adopted earlier that should be undone"), lost),
        (N_("{count} broken and without a result"), count["invalid"]),
        (N_("{count} still running"), count["keep_running"]),
        (N_("{count} where the control should be kept"), count["keep_control"]),
        (N_("{count} decided earlier"), len(decided) - lost),
    ]
    parts = [] if good else [words._("nothing new to be adopted")]
    parts += [words._(text, count=words.count(n)) for text, n in told if n]
    said = joined(words, parts)
    if len(trials) == 1:
        text = words._("One test of outreach: {parts}", parts=said)
    else:
        text = words._("Of {n} tests of outreach: {parts}", n=words.count(len(trials)), parts=said)
    alarm = count["stop_for_harm"] or lost
    worst: Tone = "bad" if alarm else "good" if good else "neutral"
    best = _best(trials)
    return Headline(text, worst, None if best is None else sentence(best, context=context))


def is_decided(trial: Trial) -> bool:
    """Whether the company has decided on the test before."""
    told = trial.plan.decision
    return told is not None and told.verdict != "none"


def not_borne_out(trial: Trial) -> bool:
    """Whether the company adopted what turned out to be broken, harmful or taken back."""
    told, now = trial.plan.decision, trial.verdict
    adopted = told is not None and told.verdict in ADOPTED
    return adopted and (now.decision in ("stop_for_harm", "invalid") or now.why == "pulled_forward")


def _best(trials: Sequence[Trial]) -> Trial | None:
    """The test to be adopted that is worth most."""
    adopted = [
        t for t in trials
        if t.verdict.decision in ADOPTED and t.verdict.gain is not None and not is_decided(t)
    ]  # fmt: skip

    def worth(trial: Trial) -> tuple[float, str]:
        yearly = trial.verdict.yearly
        return (yearly.value if yearly else 0.0), trial.plan.id

    return max(adopted, key=worth, default=None)


def trials_table(trials: Sequence[Trial], *, context: Context, id: str) -> Table | Text:
    """One row a test: what was asked, the verdict, why, and what it is worth.

    What asks for something to be done stands first; of many tests the last rows are left out.
    """
    words = context.words
    if not trials:
        return Text("")
    order = sorted(trials, key=lambda t: (is_decided(t) and not not_borne_out(t), URGENT.index(
        t.verdict.decision)))  # fmt: skip
    rows = tuple(_row(t, context) for t in order[:MOST_ROWS])
    columns = (
        Column(words._("Test")),
        Column(words._("Verdict")),
        Column(words._("What is known, with its 95% interval"), "left", "fr"),
        Column(words._("Chance to be best"), "right"),
    )
    parts = [
        words._(
            "Chance to be best: of all arms, with the figures so far; the verdict does not rest on"
            " it. Worth: of what is to be adopted, net of the arm's cost where that is known, if"
            " each of so many customers gets it once."
        )
    ]
    if any(len(t.arms) > 1 for t in order[:MOST_ROWS]):
        parts.append(
            words._(
                "Of a test with several arms the interval is widened, so that it holds for all of"
                " them together."
            )
        )
    if len(order) > MOST_ROWS:
        left = words.count(len(order) - MOST_ROWS)
        parts.append(words._("{count} more tests stand in Part B.", count=left))
    title = words._("What each test says")
    caption = paragraph(words, parts)
    return Table(columns, rows, id=id, title=title, caption=caption, size="small")


def _row(trial: Trial, context: Context) -> tuple[str | Cell, ...]:
    words, told = context.words, trial.verdict
    name = question(trial, context)
    if trial.inferred:
        name = words._("{test} (arms inferred)", test=name)
    chance = trial.chance
    return (
        Cell(name),
        Cell(words._(DECISIONS[told.decision]), tone=TONES[told.decision], bold=True),
        Cell(paragraph(words, [sentence(trial, context=context), _worth(trial, context),
                               _later(trial, context), _decided(trial, words)])),
        Cell(DASH if chance is None else words.share(chance, 0)),
    )


def _later(trial: Trial, context: Context) -> str:
    """What the longer stretch says, where the first days show nothing and it does."""
    words, plan = context.words, trial.plan
    longer = plan.longer_horizon_days
    if longer is None or trial.verdict.why not in ("not_shown", "running", "no_plan"):
        return ""
    row = for_arm(trial.frame, trial.verdict.arm, plan.metric, longer)
    if row is None or float(row["low"]) * float(row["high"]) <= 0 or not float(row["q"]) < 0.05:
        return ""
    gain = Estimate(*(float(row[k]) for k in ("difference", "low", "high")))
    return words._(
        "Over {more} days it is {gain}, before cost: a hint, for the plan named {days} days.",
        more=words.count(longer), gain=gain_text(trial, gain, context),
        days=words.count(plan.horizon_days),
    )  # fmt: skip


def _decided(trial: Trial, words: Words) -> str:
    """What the company decided before, if it did."""
    told = trial.plan.decision
    if told is None or told.verdict == "none":
        return ""
    return words._(
        "Decided on {day}: {decision}.",
        day=words.day(told.on), decision=words._(DECISIONS[told.verdict]),
    )  # fmt: skip


def question(trial: Trial, context: Context) -> str:
    """What the test asks, or its name where no plan says."""
    asked = trial.plan.question
    return trial.plan.id if asked is None else context.params.said(asked)


def _worth(trial: Trial, context: Context) -> str:
    words, told = context.words, trial.verdict
    yearly = told.yearly
    if yearly is None or told.decision not in ADOPTED:
        return ""
    low, high = (words.money(x, context.currency) for x in (yearly.low, yearly.high))
    value = words.money(yearly.value, context.currency)
    amount = words._("{value} ({low} to {high})", value=value, low=low, high=high)
    n = words.count(told.yearly_units)
    if trial.plan.units_a_year is None:
        return words._("Worth {amount} for the {n} customers of the test.", amount=amount, n=n)
    return words._("Worth {amount} for {n} customers a year.", amount=amount, n=n)


def _named(trial: Trial, words: Words) -> str:
    """The leading metric with how its cost was taken."""
    metric = metric_name(words, trial, trial.plan.metric)
    if not in_money(trial.plan):
        return metric
    cost = cost_of(trial.plan, trial.verdict.arm)
    if cost is None:
        return words._("{metric} before its cost", metric=metric)
    return words._("{metric} net of its cost", metric=metric) if cost > 0 else metric


def sentence(trial: Trial, *, context: Context) -> str:
    """The verdict in one sentence that can be repeated."""
    words, told = context.words, trial.verdict
    gain = gain_text(trial, told.gain, context)
    day = words.day(told.on) if told.on else ""
    first, longer = trial.plan.horizon_days, trial.plan.longer_horizon_days or 0
    days, more = words.count(first), words.count(longer)
    metric = _named(trial, words)
    both = trial.pulled.get(told.arm)
    match told.decision, told.why:
        case "invalid", _:
            return words._(
                "Broken: {checks}. No difference is told; repeat the test.",
                checks=broken_text(told.broken, words),
            )
        case "adopt", _ if not longer:
            return words._(
                "In {days} days {arm} brings {gain} of {metric} a customer; what comes later was"
                " not asked.",
                arm=told.arm, gain=gain, metric=metric, days=days,
            )  # fmt: skip
        case "adopt", _:
            return words._(
                "In {days} days {arm} brings {gain} of {metric} a customer; over {more} days it is"
                " {whole} before cost, which does not contradict it.",
                arm=told.arm, gain=gain, metric=metric, days=days, more=more,
                whole=gain_text(trial, both.whole if both else None, context),
            )  # fmt: skip
        case "adopt_provisionally", _:
            return words._(
                "In {days} days {arm} brings {gain} of {metric} a customer; whether orders only"
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
                gain=gain_text(trial, told.gain, context, metric=told.rail or "", signed=False),
            )  # fmt: skip
        case "stop_for_harm", _:
            return words._(
                "{arm} loses: {gain} of {metric} a customer in {days} days.",
                arm=told.arm, gain=gain, metric=metric, days=days,
            )  # fmt: skip
        case "keep_running", "nothing_ripe":
            return words._("No customer has had the {days} days yet.", days=days)
        case "keep_running", "nothing_to_compare":
            return words._(
                "There is nothing to compare: fewer than two arms have a figure of {metric} for the"
                " {days} days.",
                metric=metric, days=days,
            )  # fmt: skip
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


def broken_text(checks: Sequence[str], words: Words) -> str:
    """What is broken; where the split as a whole is, its parts are too and are not listed."""
    parts = ("sample_ratio_by_day", "sample_ratio_by_segment")
    named = [c for c in checks if "sample_ratio" not in checks or c not in parts]
    return words.listed([words._(BROKEN[c]) for c in named])


def metric_name(words: Words, trial: Trial, metric: str) -> str:
    """A metric's name in a sentence; a column of a wide file is called as in the plan."""
    return words._(METRICS[metric]) if metric in METRICS else metric


def gain_text(
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
