"""An experiment read from end to end: its plan, checks, differences, verdict, and its records."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import ibis.expr.types as ir
import pandas as pd

from repurchase.analysis import (
    trial_checks,
    trial_readings,
    trial_results,
    trial_segments,
    trial_verdict,
    trial_weeks,
)
from repurchase.analysis.cuts import PLACES
from repurchase.analysis.trial_checks import Before, TrialCheck
from repurchase.analysis.trial_readings import Field, Needed
from repurchase.analysis.trial_results import PullForward, Stage, Unknown
from repurchase.analysis.trial_units import INFERRED, RAILS
from repurchase.analysis.trial_verdict import TrialVerdict
from repurchase.analysis.trial_weeks import Weeks
from repurchase.params import ExperimentPlan
from repurchase.reasons import (
    ARMS_INFERRED,
    LOOKED_EARLY,
    MONEY_LEFT_OUT,
    MONEY_UNKNOWN,
    NO_SPREAD,
    NOT_RIPE_YET,
    WITHHELD,
    reason,
)
from repurchase.records import Record, dimensions, iso
from repurchase.stats.proportion import Z95
from repurchase.stats.trial import normal_effect

if TYPE_CHECKING:
    from repurchase.analysis.trial_looks import TrialLooks

# what leads where the money that the plan names is unknown for too many
INSTEAD = {"margin": "revenue", "revenue": "repurchase", "average_order": "repurchase"}
METRIC_OF = {
    "margin": "trial_margin",
    "revenue": "trial_revenue",
    "repurchase": "trial_repurchase",
    "orders": "trial_orders",
    "average_order": "trial_average_order",
    "opt_out": "trial_opt_out",
    "complaint": "trial_complaint",
}
# a column that a wide file brings along, by the unit that the plan gives it
COLUMN_METRIC = {"money": "trial_money", "share": "trial_share", "count": "trial_count"}


@dataclass(frozen=True)
class Trial:
    """One experiment as the chapter tells it, without a table: kept answers hold no such thing.

    `planned` is False where the profile has no plan for it. `customers` are those logged in each
    arm, `assigned_between` the first and last day of the units', `fingerprint` what a look at the
    same data has in common. `frame` is as `trial_results.results`
    gives it; where a check failed (`broken`) nothing of it is shown or recorded. `unknown` says of
    how many ripe buyers the money is not known: beyond 1 % at one of the horizons it is not
    compared at all, and revenue leads in the margin's place, the share who ordered in the
    revenue's. `asked` is the metric that the plan named; `plan.metric` the one that leads. `looks`
    are those of signed packs and this one, None where the trial is read for itself.

    `weeks` is the effect by week (`trial_weeks.by_week`), `segments` within segments
    (`trial_segments.effects`), `best` the chance of each arm to be the best, `needed` how long
    still, `missing` what the plan or the data do not say, `before` what the arms did before;
    `inferred` whether the arms were told from something else than a log of the assignment.
    """

    plan: ExperimentPlan
    planned: bool
    customers: Mapping[str, int]
    assigned_between: tuple[dt.date, dt.date] | None
    fingerprint: str
    stages: Mapping[int, Stage]
    checks: tuple[TrialCheck, ...]
    frame: pd.DataFrame
    pulled: Mapping[str, PullForward | None]
    verdict: TrialVerdict
    unknown: tuple[Unknown, ...]
    asked: str
    looks: TrialLooks | None = None
    weeks: Weeks | None = None
    segments: pd.DataFrame = field(default_factory=pd.DataFrame)
    best: Mapping[str, float] = field(default_factory=dict)
    needed: Needed | None = None
    missing: tuple[Field, ...] = ()
    before: tuple[Before, ...] = ()
    inferred: bool = False

    @property
    def broken(self) -> tuple[str, ...]:
        return trial_checks.broken(self.checks)

    @property
    def chance(self) -> float | None:
        """The chance that the verdict's arm is the best, over the days that the verdict rests on.

        None where nothing is told of it.
        """
        told = self.verdict
        if self.broken or told.gain is None:
            return None
        if told.why != "pulled_forward":
            return self.best.get(told.arm)
        error = (told.gain.high - told.gain.low) / 2 / Z95
        return normal_effect(told.gain.value, error).chance if error > 0 else None

    @property
    def arms(self) -> list[str]:
        """The arms other than the control, sorted."""
        return sorted(set(self.frame["arm"]))

    def __repr__(self) -> str:
        units = self.stages[self.plan.horizon_days].assigned
        return f"<Trial {self.plan.id}: {self.verdict.decision}, {units} units>"

    def unknown_of(self, metric: str, horizon: int) -> Unknown | None:
        """How much of that money is unknown; None where it is known of every buyer."""
        needed = "revenue" if metric == "average_order" else metric
        found = (u for u in self.unknown if (u.metric, u.horizon) == (needed, horizon) and u.count)
        return next(found, None)


def read(
    plan: ExperimentPlan,
    assigned: ir.Table,
    units: ir.Table,
    *,
    seen_until: dt.date,
    planned: bool = True,
    days: ir.Table | None = None,
    tuned: int | None = None,
) -> Trial:
    """Reads one experiment; `units` has the columns of `trial_units.units` for both horizons.

    Text columns of the units that `trial_segments.labelled` made are segments; `days` is the table
    of customer days. `tuned` are the units where the first look tuned the sequence (see
    `trial_looks`).
    """
    horizons = horizons_of(plan)
    stages = {
        h: trial_results.stage(plan, units, horizon=h, seen_until=seen_until) for h in horizons
    }
    if tuned is not None and plan.planned_n is None:
        stages = {h: replace(stage, planned=tuned) for h, stage in stages.items()}
    unknown = trial_results.unknown_money(units, horizons)
    left_out = {u.metric for u in unknown if u.too_many}
    if "revenue" in left_out:
        left_out.add("average_order")
    asked, plan = plan.metric, _led(plan, left_out)
    frame = trial_results.results(plan, units, stages, left_out=left_out)
    longer = plan.longer_horizon_days
    pulled = {
        arm: trial_results.pull_forward(plan, units, arm, metric=plan.metric, longer=longer)
        for arm in sorted(set(frame["arm"]))
        if longer is not None
    }
    names = trial_segments.segments_of(units)
    found = trial_checks.checks(
        plan, assigned, units,
        segments={name: trial_segments.column_of(name) for name in names},
        today={name for name in names if name not in (*PLACES, *plan.segments)},
    )  # fmt: skip
    told = trial_verdict.verdict(plan, frame, stages, pulled, broken=trial_checks.broken(found))
    rails = {r: f"{r}_{plan.horizon_days}" in units.columns for r in RAILS}
    return Trial(
        plan, planned, _customers(assigned), _days(units), trial_results.fingerprint(plan, units),
        stages, found, frame, pulled, told, unknown, asked,
        weeks=trial_weeks.by_week(plan, units, days, seen_until=seen_until),
        segments=trial_segments.effects(plan, units, stages[plan.horizon_days]),
        best=trial_readings.best_arms(plan, frame),
        needed=trial_readings.needed(plan, units, frame, seen_until=seen_until),
        missing=trial_readings.missing(plan, planned=planned, rails=rails),
        before=trial_checks.before(plan, units),
        inferred=_inferred(assigned),
    )  # fmt: skip


def _customers(assigned: ir.Table) -> dict[str, int]:
    rows = assigned.group_by("arm").aggregate(n=assigned.customer_id.nunique())
    told = rows.to_pyarrow().to_pylist()
    return {str(r["arm"]): int(r["n"]) for r in sorted(told, key=lambda r: str(r["arm"]))}


def _days(units: ir.Table) -> tuple[dt.date, dt.date] | None:
    row = units.aggregate(first=units.assigned_on.min(), last=units.assigned_on.max())
    told = row.to_pyarrow().to_pylist()[0]
    return None if told["first"] is None else (told["first"], told["last"])


def _inferred(assigned: ir.Table) -> bool:
    said = (assigned.assignment_source == INFERRED).any()
    return bool(said.to_pyarrow().as_py())


def _led(plan: ExperimentPlan, left_out: Collection[str]) -> ExperimentPlan:
    """The plan with a metric that is known. What was worth having of another one is not taken
    over: a yuan of revenue is no yuan of margin."""
    metric = plan.metric
    while metric in left_out:
        metric = INSTEAD[metric]
    if metric == plan.metric:
        return plan
    return plan.model_copy(update={"metric": metric, "smallest_effect": None})


def horizons_of(plan: ExperimentPlan) -> tuple[int, ...]:
    """The plan's horizons in days, the shorter first."""
    return tuple(h for h in (plan.horizon_days, plan.longer_horizon_days) if h is not None)


def records(trial: Trial) -> tuple[Record, ...]:
    """Every difference with its interval and n; what is withheld, or not ripe, with its reason.

    Dimensions: experiment, arm, horizon (days). The sample ratio's p-value is `trial_split`.
    """
    found = list(_split(trial))
    if trial.broken:
        return (*found, *_blank(trial, "not_computed", reason(WITHHELD)))
    found += [_record(trial, row) for row in trial.frame.to_dict("records")]
    found += [_left_out(trial, told) for told in trial.unknown if told.too_many]
    there = set(trial.frame["horizon"])
    for horizon, stage in trial.stages.items():
        if horizon in there:
            continue
        first = trial.assigned_between and trial.assigned_between[0]
        day = None if first is None else first + dt.timedelta(days=stage.horizon)
        found += _blank(trial, "immature", reason(NOT_RIPE_YET, days=horizon), horizon, day)
    return tuple(found)


def _split(trial: Trial) -> tuple[Record, ...]:
    check = next(c for c in trial.checks if c.name == "sample_ratio")
    if check.p is None:
        return ()
    where = dimensions(experiment=trial.plan.id)
    return (Record("trial_split", check.p, "score", where, n=check.n),)


def _blank(
    trial: Trial, status: Any, why: str, horizon: int | None = None, day: dt.date | None = None
) -> tuple[Record, ...]:
    metric, unit = metric_of(trial.plan, trial.plan.metric)
    where = dimensions(experiment=trial.plan.id, horizon=horizon or trial.plan.horizon_days)
    return (Record(metric, None, unit, where, status=status, reason=why, readable_from=iso(day)),)


def _left_out(trial: Trial, told: Unknown) -> Record:
    name, unit = metric_of(trial.plan, told.metric)
    where = dimensions(experiment=trial.plan.id, horizon=told.horizon)
    why = reason(MONEY_UNKNOWN, count=told.count, buyers=told.buyers)
    return Record(name, None, unit, where, status="not_computed", reason=why)


def metric_of(plan: ExperimentPlan, metric: str) -> tuple[str, Any]:
    """The registered metric and its unit of an experiment's metric."""
    if metric in plan.columns:
        unit = plan.columns[metric].unit
        return COLUMN_METRIC[unit], "ratio" if unit == "count" else unit
    units = {"margin": "money", "revenue": "money", "average_order": "money", "orders": "ratio",
             "complaint": "ratio"}  # fmt: skip
    return METRIC_OF[metric], units.get(metric, "share")


def _record(trial: Trial, row: Mapping[Any, Any]) -> Record:
    plan, metric = trial.plan, str(row["metric"])
    name, unit = metric_of(plan, metric)
    told = {"experiment": plan.id, "arm": row["arm"], "horizon": row["horizon"]}
    if metric in plan.columns:
        told["figure"] = metric
    record = Record(
        name, None, unit, dimensions(**told), n=float(row["n"]) + float(row["n_control"])
    )
    if row["difference"] is None or pd.isna(row["difference"]):
        return replace(record, status="not_computed", reason=reason(NO_SPREAD))
    care, few = None, trial.unknown_of(metric, int(row["horizon"]))
    if trial.inferred:
        care = reason(ARMS_INFERRED)
    elif few is not None:
        care = reason(MONEY_LEFT_OUT, count=few.count, buyers=few.buyers)
    return replace(
        record,
        value=float(row["difference"]),
        low=float(row["low"]),
        high=float(row["high"]),
        status="provisional" if care or row["rule"] == "always_valid" else "final",
        reason=care or (reason(LOOKED_EARLY) if row["rule"] == "always_valid" else None),
    )

