"""What the experiments have to say on the first page, as messages that rest on records."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from repurchase.analysis.findings import record_key
from repurchase.analysis.trial_verdict import MONEY, in_money
from repurchase.analysis.trials import Trial, metric_of, records
from repurchase.params import ExperimentPlan
from repurchase.records import Finding, Record, parse_dimensions
from repurchase.stats.proportion import Estimate
from repurchase.words import N_

CLAIMS = {
    "adopt": N_(
        "{test_text}: {arm_text} brings {gain_amount} ({low_amount} to {high_amount}) of"
        " {money_kind} more a customer in {days_count} days, less its cost where that is known, and"
        " the longer stretch does not contradict it"
    ),
    "adopt_provisionally": N_(
        "{test_text}: {arm_text} brings {gain_amount} ({low_amount} to {high_amount}) of"
        " {money_kind} more a customer in {days_count} days, less its cost where that is known;"
        " whether orders only came forward can be read from {read_day}"
    ),
    "adopt_first_horizon": N_(
        "{test_text}: {arm_text} brings {gain_amount} ({low_amount} to {high_amount}) of"
        " {money_kind} more a customer in {days_count} days, less its cost where that is known;"
        " what comes later was not asked"
    ),
    "adopt_own_money": N_(
        "{test_text}: {arm_text} brings {gain_amount} ({low_amount} to {high_amount}) of"
        " {figure_text} more a customer in {days_count} days, less its cost where that is known;"
        " what comes later was not asked"
    ),
    "adopt_own_share": N_(
        "{test_text}: {arm_text} changes the share of {figure_text} by {gain_points} ({low_points}"
        " to {high_points}) in {days_count} days; what comes later was not asked"
    ),
    "adopt_own_count": N_(
        "{test_text}: {arm_text} brings {gain_number} ({low_number} to {high_number}) of"
        " {figure_text} more a customer in {days_count} days; what comes later was not asked"
    ),
    "pulled_forward": N_(
        "{test_text}: {arm_text} only brought orders forward; over {more_count} days nothing of the"
        " gain is left to be sure of"
    ),
    "stop_for_harm": N_(
        "{test_text}: {arm_text} does harm and should be stopped"
    ),
    "invalid": N_(
        "{test_text}: the split of the customers is not the planned one or another check failed, so"
        " its result is withheld"
    ),
}
ROLL_OUT = N_("Roll it out, and keep a small control to see whether the gain stays.")
ADOPTED = ("adopt", "adopt_first_horizon", "adopt_own_money", "adopt_own_share", "adopt_own_count")
ACTIONS = {
    **dict.fromkeys(ADOPTED, ROLL_OUT),
    "adopt_provisionally": N_("Roll it out for now, and read it again on the day named."),
    "pulled_forward": N_("Do not roll it out on the first weeks' figures."),
    "stop_for_harm": N_("Stop it now."),
    "invalid": N_("Find out who is missing from the log, then repeat the test."),
}
TONES = {
    **dict.fromkeys((*ADOPTED, "adopt_provisionally"), "good"),
    "pulled_forward": "neutral", "stop_for_harm": "bad", "invalid": "unsure",
}  # fmt: skip


def trial_findings(
    trials: Sequence[Trial], *, said: Callable[[ExperimentPlan], str], exhibit: str
) -> tuple[Finding, ...]:
    """A message for each test that is decided, stopped or broken; none for those that run on.

    `said` names a test for its readers.
    """
    return tuple(f for t in trials if (f := _finding(t, said(t.plan), exhibit)) is not None)


def _finding(trial: Trial, name: str, exhibit: str) -> Finding | None:
    told, plan = trial.verdict, trial.plan
    key = _claim(trial)
    if key is None:
        return None
    rests_on = [r for r in records(trial) if _is_own(trial, r)]
    yearly = told.yearly if told.decision in ("adopt", "adopt_provisionally") else None
    return Finding(
        id=f"ab_review.{plan.id}.{key}",
        claim=CLAIMS[key],
        values={
            "test_text": name,
            "arm_text": told.arm,
            "figure_text": plan.metric if plan.metric in plan.columns else None,
            **_in_each_unit(told.gain),
            "money_kind": plan.metric if plan.metric in MONEY else None,
            "days_count": plan.horizon_days,
            "more_count": plan.longer_horizon_days,
            "read_day": None if told.on is None else told.on.isoformat(),
        },
        records=tuple(record_key(r) for r in rests_on),
        tone=TONES[key],  # type: ignore[arg-type]
        confidence="medium" if key == "adopt_provisionally" else "high",
        money=None if yearly is None else yearly.value,
        money_low=None if yearly is None else yearly.low,
        money_high=None if yearly is None else yearly.high,
        suggested_action=ACTIONS[key],
        exhibit=exhibit,
    )


def _in_each_unit(gain: Estimate | None) -> dict[str, float | None]:
    """The gain and its interval; a claim takes them in the unit of its figure."""
    ends = (None,) * 3 if gain is None else (gain.value, gain.low, gain.high)
    return {
        f"{name}_{unit}": value
        for unit in ("amount", "points", "number")
        for name, value in zip(("gain", "low", "high"), ends, strict=True)
    }


def _claim(trial: Trial) -> str | None:
    """Which claim a test makes; None where it makes none on the first page."""
    told, plan = trial.verdict, trial.plan
    if told.why == "pulled_forward":
        return "pulled_forward"
    if told.decision == "adopt" and plan.metric in plan.columns:
        return f"adopt_own_{plan.columns[plan.metric].unit}"
    if told.decision in ("adopt", "adopt_provisionally") and not in_money(plan):
        return None
    if told.decision == "adopt" and plan.longer_horizon_days is None:
        return "adopt_first_horizon"
    return told.decision if told.decision in CLAIMS else None


def _is_own(trial: Trial, record: Record) -> bool:
    """Whether a record is of the plan's own metric, or the split of a broken test."""
    name, _ = metric_of(trial.plan, trial.plan.metric)
    if trial.broken:
        return record.metric == "trial_split"
    where = parse_dimensions(record.dimensions)
    figure = trial.plan.metric if trial.plan.metric in trial.plan.columns else None
    own = (record.metric, where.get("figure")) == (name, figure)
    return own and where.get("arm") == trial.verdict.arm
