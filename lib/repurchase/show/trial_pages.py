"""The evidence of each experiment, for who asks: its plan, checks, and every reading."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd

from repurchase.analysis.trial_checks import TrialCheck
from repurchase.analysis.trial_readings import Field, cost_of
from repurchase.analysis.trial_results import PullForward
from repurchase.analysis.trial_verdict import in_money, worse
from repurchase.analysis.trials import Trial, metric_of
from repurchase.context import Context
from repurchase.show.blocks import Block, Cell, Column, Note, Several, Table, Text
from repurchase.show.sentences import DASH, joined, paragraph
from repurchase.show.tables import shortened, value_name
from repurchase.show.trial_looks import looks_text
from repurchase.show.trials import (
    CHECKS,
    DECISIONS,
    STATE_TONES,
    STATES,
    amount,
    gain_text,
    metric_name,
    question,
)
from repurchase.words import N_, Words

MISSING: dict[Field, str] = {
    "plan": N_(
        "a plan: no end, no size, no cost, no figure that was named beforehand, and no smallest"
        " effect worth having are known"
    ),
    "question": N_("the question that it answers, so its name stands for it"),
    "shares": N_("the arms and their shares, so the split is held against what was logged"),
    "start": N_("the start"),
    "end": N_(
        "the end or the number of customers, so only an interval that holds at every look counts"
    ),
    "smallest_effect": N_(
        "the smallest effect worth having, so neither the chance to find it nor the days still"
        " needed can be told"
    ),
    "cost": N_("what an arm costs, so the gain is told before that cost"),
    "units_a_year": N_("the customers of a year, so the worth counts those of the test once"),
    "longer_horizon": N_(
        "a longer stretch, so whether orders only came forward is not asked"
    ),
    "owner": N_("the owner"),
    "segments": N_("segments named beforehand, so every segment is exploratory"),
    "opt_out": N_("opt-outs (no events in the data), so harm of that kind is not seen"),
    "complaint": N_("complaints (no tickets in the data), so harm of that kind is not seen"),
}
BEFORE = {
    "before_orders": N_("order dates"),
    "before_revenue": N_("net revenue"),
    "before_margin": N_("margin"),
}
PLACE_NAMES = {"store_id": N_("Store"), "channel": N_("Channel")}
FLAGS = {"true": N_("yes"), "false": N_("no")}
EXPLORATORY_ROWS = 6


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
    texts = (_plan(trial, context), _lacking(trial, words), looks_text(trial, context))
    found: list[Block] = [
        Text(words._("{test} · {verdict}", test=question(trial, context),
                     verdict=words._(DECISIONS[trial.verdict.decision])), "lead"),
        *(Text(text, "small") for text in texts if text),
        *(Note(text, "unsure") for text in _cautions(trial, context)),
        _checks(trial, context),
    ]  # fmt: skip
    if trial.before:
        found.append(_balance(trial, context))
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
    if trial.frame.empty:
        found.append(Text(_nothing(trial, words), "small"))
        return found
    found.append(_differences(trial, context))
    if len(trial.arms) > 1:
        found.append(_side_by_side(trial, context))
    found += [t for t in (_rails(trial, context), _readings(trial, context)) if t is not None]
    found += [
        Text(text, "small")
        for text in (
            _power(trial, context),
            *(
                _lasting(trial, arm, both, context)
                for arm, both in trial.pulled.items()
                if both is not None
            ),
        )
        if text
    ]
    return found


def _nothing(trial: Trial, words: Words) -> str:
    stage = trial.stages[trial.plan.horizon_days]
    days = words.count(trial.plan.horizon_days)
    if stage.ripe < 4:
        return words._(
            "{n} customers have had the {days} days: too few for a difference with an interval.",
            n=words.count(stage.ripe), days=days,
        )  # fmt: skip
    return words._(
        "Fewer than two arms have two customers each who have had the {days} days, so there is"
        " nothing to compare.",
        days=days,
    )


# ---- the plan, and what it lacks ---------------------------------------------------------------


def _plan(trial: Trial, context: Context) -> str:
    words, plan = context.words, trial.plan
    stage = trial.stages[plan.horizon_days]
    parts = [
        words._("{name}: {n} customers in {arms} arms", name=plan.id, n=words.count(stage.assigned),
                arms=words.count(len(trial.arms) + 1)),
        words._("{n} ripe for {days} days", n=words.count(stage.ripe),
                days=words.count(plan.horizon_days)),
    ]  # fmt: skip
    if plan.planned_end:
        parts.append(words._("planned to end on {day}", day=words.day(plan.planned_end)))
    elif plan.planned_n:
        parts.append(words._("planned for {n} customers", n=words.count(plan.planned_n)))
    if plan.owner:
        parts.append(words._("owner: {name}", name=plan.owner))
    text = words._("{clauses}.", clauses=joined(words, parts))
    if plan.kind == "holdout":
        return text
    rule = (
        words._("The plan is fulfilled: Welch's interval counts.")
        if stage.over
        else words._("The plan is not fulfilled: an interval counts that holds at every look.")
    )
    return paragraph(words, [text, rule])


def _lacking(trial: Trial, words: Words) -> str:
    if not trial.missing:
        return ""
    clauses = joined(words, [words._(MISSING[field]) for field in trial.missing])
    return words._("Not said, which narrows what can be told: {clauses}.", clauses=clauses)


def _cautions(trial: Trial, context: Context) -> list[str]:
    """What weighs on every figure of the test."""
    words, plan = context.words, trial.plan
    found = []
    if trial.inferred:
        found.append(
            words._(
                "The arms are inferred from what was sent or from tags; no assignment was logged."
                " That chance alone chose who got what cannot be shown, so take the result as a"
                " strong hint, not as proof."
            )
        )
    if trial.asked != plan.metric:
        told = next((u for u in trial.unknown if u.too_many), None)
        found.append(
            words._(
                "The plan names {asked}, but it is not known of {count} of {n} customers who"
                " bought something. So {metric} leads in its place; what is worth having of it"
                " nobody has said.",
                asked=metric_name(words, trial, trial.asked),
                count=words.count(told.count if told else None),
                n=words.count(told.buyers if told else None),
                metric=metric_name(words, trial, plan.metric),
            )
        )
    few = next((u for u in trial.unknown if u.count and not u.too_many), None)
    if few is not None:
        found.append(
            words._(
                "{metric} is not known of {count} of {n} customers who bought something; they are"
                " left out of it, so it is provisional.",
                metric=metric_name(words, trial, few.metric),
                count=words.count(few.count), n=words.count(few.buyers),
            )
        )  # fmt: skip
    return found


# ---- checks ------------------------------------------------------------------------------------


def _checks(trial: Trial, context: Context) -> Table:
    words = context.words
    odd = [check for check in trial.checks if check.state in ("failed", "noted")]
    rows = [_check_row(check, words) for check in odd]
    told = [c for c in trial.checks if c.state == "passed"]
    rows += [_check_row(check, words) for check in told if check.p is not None]
    for state, found in (
        ("passed", [c for c in told if c.p is None]),
        ("not_computable", [c for c in trial.checks if c.state == "not_computable"]),
    ):
        if found:
            names = words.listed([words._(CHECKS[c.name]) for c in found])
            muted = state == "not_computable"
            rows.append((Cell(words._("Others"), muted=True), Cell(words._(STATES[state]),
                         muted=muted), Cell(names, muted=muted)))  # fmt: skip
    columns = (
        Column(words._("Check before any result")),
        Column(words._("Outcome")),
        Column(words._("Detail"), "left", "fr"),
    )
    return Table(columns, tuple(rows), size="small")


def _check_row(check: TrialCheck, words: Words) -> tuple[str | Cell, ...]:
    muted = check.state == "not_computable"
    parts = []
    if check.count is not None and check.n is not None:
        parts.append(words._("{count} of {n}", count=words.count(check.count),
                             n=words.count(check.n)))  # fmt: skip
    elif check.n is not None:
        parts.append(words._("{n} customers", n=words.count(check.n)))
    if check.p is not None:
        parts.append(_p(check.p, words))
    if check.where:
        parts.append(_where(check, words))
    state = Cell(words._(STATES[check.state]), tone=STATE_TONES[check.state], muted=muted)
    return Cell(words._(CHECKS[check.name]), muted=muted), state, joined(words, parts)


def _where(check: TrialCheck, words: Words) -> str:
    """A day, segment or arm as it is; of what was before, the figure by its name."""
    arm, colon, figure = check.where.rpartition(": ")
    if check.name != "balance_before" or not colon or figure not in BEFORE:
        return check.where
    return words._("{name}: {label}", name=arm, label=words._(BEFORE[figure]))


def _p(p: float, words: Words) -> str:
    return "p < 0.0001" if p < 0.0001 else f"p = {words.number(p, 4)}"


def _balance(trial: Trial, context: Context) -> Table:
    """Each arm against the control before the start."""
    words, days = context.words, _days(trial, context.words)
    rows = []
    for told in trial.before:
        if told.figure in BEFORE:
            metric = told.figure.removeprefix("before_")
            name = words._(BEFORE[told.figure])
            levels = [_level(trial, metric, x, context) for x in (told.control, told.treatment)]
            ends = [amount(trial, metric, x, context) for x in told.difference]
        else:  # a column of a wide file, whose unit nobody has told
            name = told.figure
            levels = [words.number(x, 2) for x in (told.control, told.treatment)]
            ends = [words.plus(x, 2) for x in told.difference]
        rows.append((
            told.arm, name, words.count(told.n + told.n_control), *levels, ends[0],
            words.interval(*ends[1:]), words.number(told.p, 3),
        ))  # fmt: skip
    labels = [
        (words._("Arm"), "left"), (words._("In the {days} days before", days=days), "left"),
        (words._("n"), "right"), (words._("Control"), "right"), (words._("Arm's own"), "right"),
        (words._("Difference"), "right"), (words._("95% interval"), "right"), ("p", "right"),
    ]  # fmt: skip
    columns = tuple(Column(text, align) for text, align in labels)  # type: ignore[arg-type]
    return Table(columns, tuple(rows), size="small")


def _days(trial: Trial, words: Words) -> str:
    """The first horizon's days."""
    return words.count(trial.plan.horizon_days)


# ---- differences -------------------------------------------------------------------------------


def _differences(trial: Trial, context: Context) -> Table:
    words = context.words
    rows = [
        _difference_row(trial, row, context) for row in trial.frame.to_dict("records")
    ]  # fmt: skip
    labels = [
        (words._("Arm"), "left"), (words._("Figure"), "left"), (words._("Days"), "right"),
        (words._("n"), "right"), (words._("Control"), "right"), (words._("Arm's own"), "right"),
        (words._("Difference"), "right"), (words._("95% interval"), "right"),
        (words._("Relative"), "right"),
        (words._("Variance saved"), "right"), (words._("Findable"), "right"),
    ]  # fmt: skip
    caption = words._(
        "Before the arm's cost. Bold: the interval leaves out no difference, after correction for"
        " the number of figures. Variance saved: by what was bought before (CUPED). Findable: the"
        " difference that would be found four times in five."
    )
    columns = tuple(Column(text, align) for text, align in labels)  # type: ignore[arg-type]
    return Table(columns, tuple(rows), caption=caption, size="small")


def _told(row: Any, name: str) -> float | None:
    value = row[name]
    return None if value is None or pd.isna(value) else float(value)


def _difference_row(
    trial: Trial, row: dict[Any, Any], context: Context
) -> tuple[str | Cell, ...]:
    words, metric = context.words, str(row["metric"])
    low, high, q = _told(row, "low"), _told(row, "high"), _told(row, "q")
    sure = low is not None and high is not None and (low > 0 or high < 0)
    bold = sure and q is not None and q < 0.05
    gained, relative = _told(row, "gained"), _told(row, "relative")
    return (
        str(row["arm"]),
        metric_name(words, trial, metric),
        words.count(row["horizon"]),
        words.count(float(row["n"]) + float(row["n_control"])),
        _level(trial, metric, _told(row, "control"), context),
        _level(trial, metric, _told(row, "treatment"), context),
        Cell(amount(trial, metric, _told(row, "difference"), context), bold=bold),
        _ends(trial, metric, low, high, context),
        DASH if relative is None else words.plus(relative * 100, 1) + "%",
        DASH if not gained else words.share(gained, 0),
        amount(trial, metric, _told(row, "detectable"), context).lstrip("+"),
    )


def _ends(
    trial: Trial, metric: str, low: float | None, high: float | None, context: Context
) -> str:
    if low is None or high is None:
        return DASH
    return context.words.interval(*(amount(trial, metric, x, context) for x in (low, high)))


def _level(trial: Trial, metric: str, value: float | None, context: Context) -> str:
    words = context.words
    if value is None or math.isnan(value):
        return DASH
    _, unit = metric_of(trial.plan, metric)
    if unit == "money":
        return words.money(value, context.currency, whole=False)
    return words.share(value, 2) if unit == "share" else words.number(value, 3)


def _primary(trial: Trial) -> list[dict[Any, Any]]:
    """The rows of the leading metric over the first horizon that have a difference."""
    frame = trial.frame
    own = frame[(frame["metric"] == trial.plan.metric)
                & (frame["horizon"] == trial.plan.horizon_days)]  # fmt: skip
    return own[own["difference"].notna()].to_dict("records")


def _side_by_side(trial: Trial, context: Context) -> Table:
    """Several arms in the leading metric: what each brings, and which is likely the best."""
    words, plan = context.words, trial.plan
    rows: list[tuple[str | Cell, ...]] = []
    if plan.control in trial.best:
        n = next((row["n_control"] for row in _primary(trial)), None)
        count = DASH if n is None else words.count(float(n))
        share = words.share(trial.best[plan.control])
        rows.append((plan.control, count, DASH, DASH, DASH, share))
    for row in _primary(trial):
        arm = str(row["arm"])
        cost = cost_of(plan, arm) if in_money(plan) else None
        q = _told(row, "q")
        rows.append((
            arm, words.count(float(row["n"])),
            Cell(amount(trial, plan.metric, _told(row, "difference"), context),
                 bold=q is not None and q < 0.05),
            _ends(trial, plan.metric, _told(row, "low"), _told(row, "high"), context),
            DASH if cost is None else words.money(cost, context.currency, whole=False),
            words.share(trial.best[arm]) if arm in trial.best else DASH,
        ))  # fmt: skip
    columns = (
        Column(words._("Arm")), Column(words._("Customers"), "right"),
        Column(words._("{metric} a customer, against the control",
                       metric=metric_name(words, trial, plan.metric)), "right"),
        Column(words._("95% interval"), "right"), Column(words._("Cost a customer"), "right"),
        Column(words._("Chance to be the best arm"), "right"),
    )  # fmt: skip
    caption = words._(
        "Bold: it stands among all arms (Benjamini-Hochberg, 5%). An arm is adopted only if its"
        " interval, widened for the number of arms and net of its cost, leaves out no gain."
    )
    return Table(columns, tuple(rows), caption=caption, size="small")


# ---- guardrails, the other readings, power -----------------------------------------------------


def _rails(trial: Trial, context: Context) -> Table | None:
    words = context.words
    own = trial.frame[trial.frame["horizon"] == trial.plan.horizon_days]
    rails = worse(own)
    if rails.empty:
        return None
    rows: list[tuple[str | Cell, ...]] = []
    for row in rails.to_dict("records"):
        metric = str(row["metric"])
        state = (
            Cell(words._("worse"), tone="bad")
            if row["worse"]
            else Cell(words._("no harm shown"), muted=True)
        )
        rows.append((
            str(row["arm"]), metric_name(words, trial, metric),
            _level(trial, metric, _told(row, "control"), context),
            amount(trial, metric, _told(row, "difference"), context),
            words.number(float(row["one_sided"]), 4),
            amount(trial, metric, _told(row, "high"), context), state,
        ))  # fmt: skip
    labels = [
        (words._("Arm"), "left"), (words._("Must not rise"), "left"),
        (words._("Control"), "right"), (words._("Difference"), "right"),
        (words._("p of no rise"), "right"), (words._("Not ruled out: a rise of"), "right"),
        (words._("Outcome"), "left"),
    ]  # fmt: skip
    columns = tuple(Column(text, align) for text, align in labels)  # type: ignore[arg-type]
    caption = words._(
        "Asked one way, 5% shared among all of these. No harm shown is no proof that there is"
        " none: the last figure says how much could still be."
    )
    return Table(columns, tuple(rows), caption=caption, size="small")


def _readings(trial: Trial, context: Context) -> Table | None:
    """Every other way to read the leading metric, beside the one that rules."""
    words, metric = context.words, trial.plan.metric
    rows: list[tuple[str | Cell, ...]] = []
    for row in _primary(trial):
        for name, what, p, rules in _intervals(row):
            told = [_told(row, k) for k in what]
            rows.append((
                str(row["arm"]), Cell(words._(name), bold=rules),
                amount(trial, metric, told[0], context) if told else "",
                _ends(trial, metric, told[1], told[2], context) if told else "",
                _number(_told(row, p), words) if p else "",
            ))  # fmt: skip
        rows += _chances(trial, row, context)
    if not rows:
        return None
    columns = (
        Column(words._("Arm")), Column(words._("Reading"), "left", "fr"),
        Column(words._("Difference"), "right"), Column(words._("95% interval"), "right"),
        Column(words._("p, or chance"), "right"),
    )  # fmt: skip
    caption = words._(
        "{metric} a customer in {days} days, before the arm's cost. Bold: the reading that counts;"
        " no verdict rests on the others. Chances and expected losses have flat priors.",
        metric=metric_name(words, trial, metric), days=_days(trial, words),
    )  # fmt: skip
    return Table(columns, tuple(rows), caption=caption, size="small")


def _intervals(row: dict[Any, Any]) -> list[tuple[str, tuple[str, ...], str, bool]]:
    """Name, the columns of value and interval, that of p, and whether the reading rules."""
    over = row["rule"] == "fixed"
    fixed, any_time = (("difference", f"{k}_low", f"{k}_high") for k in ("fixed", "any"))
    found: list[tuple[str, tuple[str, ...], str, bool]] = [
        (N_("Welch"), fixed, "p", over),
        (N_("Confidence sequence, holds at every look"), any_time, "", not over),
        (N_("Mixture sequential test (mSPRT)"), (), "msprt_p", False),
    ]
    if not _told(row, "gained"):
        return found
    plain = ("plain", "plain_low", "plain_high")
    return [
        (N_("Welch, as the figures are"), plain, "plain_p", False),
        (N_("Welch, adjusted by what was before (CUPED)"), *found[0][1:]),
        *found[1:],
    ]


def _number(value: float | None, words: Words) -> str:
    return DASH if value is None else "< 0.0001" if value < 0.0001 else words.number(value, 4)


def _chances(
    trial: Trial, row: dict[Any, Any], context: Context
) -> list[tuple[str | Cell, ...]]:
    words, metric, arm = context.words, trial.plan.metric, str(row["arm"])
    found: list[tuple[str | Cell, ...]] = [
        (arm, words._("Chance to be better than the control"), "", "",
         words.share(_told(row, "chance"))),
        (arm, words._("Expected loss a customer, if the arm is chosen"),
         amount(trial, metric, _told(row, "risk_arm"), context).lstrip("+"), "", ""),
        (arm, words._("Expected loss a customer, if the control is kept"),
         amount(trial, metric, _told(row, "risk_control"), context).lstrip("+"), "", ""),
    ]  # fmt: skip
    own = trial.frame
    shares = own[(own["arm"] == arm) & (own["horizon"] == row["horizon"])
                 & (own["role"] != "guardrail")
                 & own["beta_chance"].notna()]  # fmt: skip
    for told in shares.to_dict("records"):
        name = words._(
            "Chance that the {metric} is higher (Beta-Binomial)",
            metric=metric_name(words, trial, str(told["metric"])),
        )
        found.append((arm, name, "", "", words.share(float(told["beta_chance"]))))
    return found


def _power(trial: Trial, context: Context) -> str:
    """What the test could find, and how long until it can find what is worth having."""
    words, plan, needed = context.words, trial.plan, trial.needed
    rows = _primary(trial)
    if needed is None or plan.smallest_effect is None or not rows:
        return ""
    power = min(float(row["power"]) for row in rows)
    smallest = amount(trial, plan.metric, float(plan.smallest_effect), context).lstrip("+")
    parts = [
        words._(
            "The smallest effect worth having is {effect} a customer; as it stands the test finds"
            " one of that size with a chance of {chance}.",
            effect=smallest, chance=words.share(power, 0),
        ),
        words._(
            "To find it four times in five takes {wanted} customers in all arms; {assigned} were"
            " assigned.",
            wanted=words.count(needed.units), assigned=words.count(needed.assigned),
        ),
    ]  # fmt: skip
    if needed.assigned < needed.units or not trial.stages[plan.horizon_days].over:
        parts.append(_wait(trial, words))
    return paragraph(words, parts)


def _wait(trial: Trial, words: Words) -> str:
    needed = trial.needed
    assert needed is not None
    if needed.days is None:
        return words._("Nobody is assigned any more, so it will not get there.")
    if needed.days == 0:
        return words._("So many have had the days already.")
    return words._(
        "At {pace} a day, as in the last four weeks, that is {days} days from the period's end.",
        pace=words.number(needed.a_day, 1), days=words.count(needed.days),
    )  # fmt: skip


def _lasting(trial: Trial, arm: str, both: PullForward, context: Context) -> str:
    words = context.words
    values = {
        "arm": arm,
        "metric": metric_name(words, trial, trial.plan.metric),
        "days": words.count(trial.plan.horizon_days),
        "more": words.count(trial.plan.longer_horizon_days or 0),
        "early": gain_text(trial, both.early, context),
        "later": gain_text(trial, both.later, context),
        "whole": gain_text(trial, both.whole, context),
    }
    text = words._(
        "Does it last? {arm}, {metric} a customer as it is, without adjustment and cost: {early} in"
        " the first {days} days, {later} from then to day {more}, {whole} in all.",
        **values,
    )
    if both.early.low <= 0:
        end = words._("No gain of the first days is sure, so none could be taken back.")
    elif both.contradicts:
        end = words._("The later days contradict the first.")
    else:
        end = words._("The later days do not contradict the first.")
    return paragraph(words, [text, end])


# ---- segments ----------------------------------------------------------------------------------


def trial_segments(trials: Sequence[Trial], *, context: Context, id: str) -> Table | Text:
    """The leading metric within segments: all that were named beforehand, of the others the surest.

    Broken tests are left out.
    """
    words = context.words
    rows: list[tuple[str | Cell, ...]] = []
    looked_at = shown = 0
    for trial in trials:
        frame = trial.segments
        if trial.broken or frame.empty:
            continue
        declared = frame[frame["declared"]]
        others = frame[~frame["declared"]].sort_values("p", kind="stable")
        looked_at, shown = looked_at + len(others), shown + min(len(others), EXPLORATORY_ROWS)
        rows.append((Cell(question(trial, context), bold=True), *[""] * 5))
        rows += [
            _segment_row(trial, row, context)
            for row in (*declared.to_dict("records"),
                        *others.head(EXPLORATORY_ROWS).to_dict("records"))
        ]  # fmt: skip
    if not rows:
        return Text(words._("No test has a segment with 30 customers in each of two arms."))
    labels = [
        (words._("Segment"), "left"), (words._("Arm"), "left"), (words._("n"), "right"),
        (words._("Difference"), "right"), (words._("95% interval"), "right"),
        (words._("How to take it"), "left"),
    ]  # fmt: skip
    columns = tuple(Column(text, align) for text, align in labels)  # type: ignore[arg-type]
    caption = words._(
        "The figure that leads, a customer, before the arm's cost. Stands: among all of its kind"
        " (Benjamini-Hochberg, 5%). Exploratory: not named before the test; of {count} such"
        " segments the {shown} surest are shown, so some look good by chance alone. Store and"
        " channel are those of the last order before the test; the other segments are what the"
        " customer file says today.",
        count=words.count(looked_at), shown=words.count(shown),
    )  # fmt: skip
    title = words._("For whom does it work?")
    return Table(columns, tuple(rows), id=id, title=title, caption=caption, size="small")


def _segment_row(
    trial: Trial, row: dict[Any, Any], context: Context
) -> tuple[str | Cell, ...]:
    words, metric = context.words, trial.plan.metric
    segment, label = str(row["segment"]), str(row["label"])
    title = words._(PLACE_NAMES[segment]) if segment in PLACE_NAMES else segment
    told = value_name(words, segment, label) if label else words._("not known")
    told = words._(FLAGS[label]) if label in FLAGS else shortened(told)
    q = _told(row, "q")
    stands = q is not None and q < 0.05
    if q is None:
        taken = words._("not judged while the test runs")
    elif row["declared"]:
        taken = words._("stands") if stands else words._("no difference shown")
    else:
        worth = stands and trial.verdict.why != "pulled_forward"
        taken = words._("exploratory, worth a test") if worth else words._("exploratory")
    return (
        Cell(words._("{name}: {label}", name=title, label=told), muted=not row["declared"]),
        str(row["arm"]),
        words.count(float(row["n"]) + float(row["n_control"])),
        Cell(amount(trial, metric, _told(row, "difference"), context),
             bold=stands and bool(row["declared"])),
        _ends(trial, metric, _told(row, "low"), _told(row, "high"), context),
        Cell(taken, tone="unsure" if stands and not row["declared"] else None,
             muted=not stands),
    )  # fmt: skip
