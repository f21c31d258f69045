"""An experiment read from end to end: its plan, checks, differences, verdict, and its records."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import ibis.expr.types as ir
import pandas as pd

from repurchase.analysis import trial_checks, trial_results, trial_verdict
from repurchase.analysis.trial_checks import TrialCheck
from repurchase.analysis.trial_results import PullForward, Stage
from repurchase.analysis.trial_verdict import TrialVerdict
from repurchase.params import ExperimentPlan
from repurchase.reasons import (
    LOOKED_EARLY,
    MARGIN_OF_UNITS,
    NO_SPREAD,
    NOT_RIPE_YET,
    WITHHELD,
    reason,
)
from repurchase.records import Record, dimensions, iso

# A margin that is unknown for more of the units than this is not compared.
MOST_UNKNOWN = 0.01
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
    """One experiment as the chapter tells it.

    `planned` is False where the profile has no plan for it. `frame` is as `trial_results.results`
    gives it; where a check failed (`broken`) nothing of it is shown or recorded. `margin_unknown`
    counts ripe units that bought something whose margin nobody knows; where they are more than
    1 % of `n`, revenue leads in the margin's place.
    """

    plan: ExperimentPlan
    planned: bool
    units: ir.Table
    assigned: ir.Table
    stages: Mapping[int, Stage]
    checks: tuple[TrialCheck, ...]
    frame: pd.DataFrame
    pulled: Mapping[str, PullForward | None]
    verdict: TrialVerdict
    margin_unknown: int
    n: int

    @property
    def broken(self) -> tuple[str, ...]:
        return trial_checks.broken(self.checks)

    @property
    def arms(self) -> list[str]:
        """The arms other than the control, sorted."""
        return sorted(set(self.frame["arm"]))

    def __repr__(self) -> str:
        return f"<Trial {self.plan.id}: {self.verdict.decision}, {self.n} units>"


def read(
    plan: ExperimentPlan,
    assigned: ir.Table,
    units: ir.Table,
    *,
    seen_until: dt.date,
    planned: bool = True,
    segments: Sequence[str] = (),
) -> Trial:
    """Reads one experiment; `units` has the columns of `trial_units.units` for both horizons."""
    horizons = horizons_of(plan)
    stages = {
        h: trial_results.stage(plan, units, horizon=h, seen_until=seen_until) for h in horizons
    }
    unknown, n = _unknown_margin(units, plan.horizon_days)
    known = unknown <= MOST_UNKNOWN * max(n, 1) and f"margin_{horizons[0]}" in units.columns
    if plan.metric == "margin" and not known:
        plan = plan.model_copy(update={"metric": "revenue"})
    frame = trial_results.results(plan, units, stages, margin_known=known)
    longer = plan.longer_horizon_days
    pulled = {
        arm: trial_results.pull_forward(plan, units, arm, metric=plan.metric, longer=longer)
        for arm in sorted(set(frame["arm"]))
        if longer is not None
    }
    found = trial_checks.checks(plan, assigned, units, segments=segments)
    told = trial_verdict.verdict(plan, frame, stages, pulled, broken=trial_checks.broken(found))
    return Trial(plan, planned, units, assigned, stages, found, frame, pulled, told, unknown, n)


def horizons_of(plan: ExperimentPlan) -> tuple[int, ...]:
    """The plan's horizons in days, the shorter first."""
    return tuple(h for h in (plan.horizon_days, plan.longer_horizon_days) if h is not None)


def _unknown_margin(units: ir.Table, horizon: int) -> tuple[int, int]:
    if f"margin_{horizon}" not in units.columns:
        return 0, int(units.count().to_pyarrow().as_py())
    row = units.aggregate(
        n=units.count(), unknown=units[f"margin_{horizon}"].isnull().cast("int64").sum()
    ).to_pyarrow().to_pylist()[0]  # fmt: skip
    return int(row["unknown"] or 0), int(row["n"])


def records(trial: Trial) -> tuple[Record, ...]:
    """Every difference with its interval and n; what is withheld, or not ripe, with its reason.

    Dimensions: experiment, arm, horizon (days). The sample ratio's p-value is `trial_split`.
    """
    found = list(_split(trial))
    if trial.broken:
        return (*found, *_blank(trial, "not_computed", reason(WITHHELD)))
    found += [_record(trial, row) for row in trial.frame.to_dict("records")]
    there = set(trial.frame["horizon"])
    for horizon, stage in trial.stages.items():
        if horizon in there:
            continue
        ripe = trial.units.aggregate(last=trial.units.assigned_on.min())
        first = ripe.to_pyarrow().to_pylist()[0]["last"]
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
    care = None
    if metric == "margin" and trial.margin_unknown:
        care = reason(MARGIN_OF_UNITS, count=trial.margin_unknown)
    return replace(
        record,
        value=float(row["difference"]),
        low=float(row["low"]),
        high=float(row["high"]),
        status="provisional" if care or row["rule"] == "always_valid" else "final",
        reason=care or (reason(LOOKED_EARLY) if row["rule"] == "always_valid" else None),
    )

