"""How often an experiment has been looked at, and what all looks together leave possible.

A look is known by experiment, period and the fingerprint of what was read: units, outcomes and
their squares, by arm, of those who are ripe. The snapshot would not do in its place: it changes
with every late row of any table, and a run on the same test's same data is no new look. Nor would
the printed figures: they change with the library's rounding.

Until the plan is fulfilled the looks are points of one confidence sequence, which covers at all of
them at once, as long as experiment, metric, horizon and tuning are the same. So the sequence is
tuned where the first look tuned it, what one look left out stays out, and of the looks' p-values
the smallest counts. None of this needs to know how many looks there will be.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pandas as pd

from repurchase.analysis.trials import Trial, metric_of
from repurchase.looks import Look
from repurchase.params import ExperimentPlan
from repurchase.records import Record, dimensions
from repurchase.stats.proportion import Estimate
from repurchase.stats.sequential import sequence_p, together


@dataclass(frozen=True)
class ArmLooks:
    """All looks of one sequence at one arm, the last one this review's.

    `p` is the smallest p-value of theirs. `left` is what they leave possible of the difference:
    None once the plan is fulfilled, where another interval rules, and where the looks leave
    nothing (`apart`).
    """

    arm: str
    looks: tuple[Look, ...]
    p: float
    left: Estimate | None
    apart: bool


@dataclass(frozen=True)
class TrialLooks:
    """The looks at one experiment up to this review's: of signed packs, and this one.

    `early` of `count` were taken before the plan was fulfilled. `new` is False where a signed pack
    of the period has seen the same data. `arms` is empty where nothing could be seen now.
    """

    experiment: str
    count: int
    early: int
    first: str
    new: bool
    arms: tuple[ArmLooks, ...]


def tuned_at(plan: ExperimentPlan, earlier: Iterable[Look]) -> int | None:
    """The units where the first look tuned the sequence; None where the plan says, or no look."""
    if plan.planned_n is not None:
        return None
    return next((look.tuned for look in earlier if look.experiment == plan.id), None)


def own_looks(trial: Trial, *, period: str) -> tuple[Look, ...]:
    """This review's look, an entry an arm; empty where a check failed or nothing is ripe."""
    if trial.broken or trial.frame.empty:
        return ()
    plan, stage = trial.plan, trial.stages[trial.plan.horizon_days]
    rows = trial.frame[
        (trial.frame["horizon"] == plan.horizon_days)
        & (trial.frame["metric"] == plan.metric)
        & trial.frame["difference"].notna()
    ]
    seen = trial.fingerprint if len(rows) else ""
    return tuple(_look(row, plan, seen, stage.planned, period) for _, row in rows.iterrows())


def _look(row: pd.Series, plan: ExperimentPlan, seen: str, tuned: int, period: str) -> Look:
    n = float(row["n"]) + float(row["n_control"])
    difference, error = float(row["difference"]), float(row["error"])
    return Look(
        plan.id, period, seen, str(row["arm"]), plan.metric, plan.horizon_days, str(row["rule"]),
        tuned, n, difference, float(row["low"]), float(row["high"]),
        sequence_p(difference, error, n=n, expected_n=tuned),
    )  # fmt: skip


def trial_looks(trial: Trial, earlier: Sequence[Look], *, period: str) -> TrialLooks:
    """The looks of signed packs, oldest first, and this review's together."""
    own = own_looks(trial, period=period)
    before = [look for look in earlier if look.experiment == trial.plan.id]
    keys = {look.key: look for look in (*before, *own)}
    new = bool(own) and own[0].key not in {look.key for look in before}
    return TrialLooks(
        trial.plan.id,
        len(keys),
        sum(look.rule == "always_valid" for look in keys.values()),
        next(iter(keys.values())).period if keys else "",
        new,
        tuple(_of_arm(look, before) for look in own),
    )


def _of_arm(own: Look, before: Iterable[Look]) -> ArmLooks:
    """The looks that stand in one sequence with this review's: of each period the last edition."""

    def sequence(look: Look) -> tuple[str, str, int, int]:
        return look.arm, look.metric, look.horizon, look.tuned

    by_period = {look.period: look for look in before if sequence(look) == sequence(own)}
    by_period.pop(own.period, None)
    looks = (*by_period.values(), own)
    running = [look for look in looks if look.rule == "always_valid"]
    left = None
    if own.rule == "always_valid":
        left = together([Estimate(look.value, look.low, look.high) for look in running])
    apart = own.rule == "always_valid" and left is None
    return ArmLooks(own.arm, looks, min(look.p for look in looks), left, apart)


def look_records(trial: Trial, told: TrialLooks) -> tuple[Record, ...]:
    """The number of looks, this one for those that come after, and the p-value of all of them.

    `trial_look` holds what a later review must know of this look (see `looks.recorded`).
    """
    where = {"experiment": told.experiment}
    found = []
    if told.count:
        found.append(Record("trial_looks", float(told.count), "count", dimensions(**where)))
    name, _ = metric_of(trial.plan, trial.plan.metric)
    for arm in told.arms:
        own = arm.looks[-1]
        at = where | {"arm": own.arm, "horizon": str(own.horizon)}
        full = dimensions(
            **at, figure=own.metric, of=name, look=own.fingerprint, rule=own.rule, tuned=own.tuned
        )
        found.append(Record("trial_look", own.p, "score", full, n=own.n))
        found.append(Record("trial_looks_p", arm.p, "score", dimensions(**at), n=own.n))
    return tuple(found)

