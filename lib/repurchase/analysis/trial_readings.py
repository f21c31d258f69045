"""What else is asked of an experiment: which arm is best, how long still, what its plan lacks."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import ibis.expr.types as ir
import pandas as pd

from repurchase.analysis.trial_results import for_arm
from repurchase.analysis.trial_verdict import in_money
from repurchase.params import ExperimentPlan
from repurchase.stats.best import chance_best
from repurchase.stats.trial import units_for_effect

# the days up to the period's end in which the pace of assignment is counted
PACE_DAYS = 28

Field = Literal[
    "plan", "question", "shares", "start", "end", "smallest_effect", "cost", "units_a_year",
    "longer_horizon", "owner", "segments", "opt_out", "complaint",
]  # fmt: skip


def cost_of(plan: ExperimentPlan, arm: str) -> float | None:
    """What a unit in the arm costs, as the plan says; None where it does not say."""
    told = plan.arms.get(arm)
    if told is None or "cost" not in told.model_fields_set:
        return None
    return float(told.cost)


def best_arms(plan: ExperimentPlan, frame: pd.DataFrame) -> dict[str, float]:
    """The chance of each arm, the control too, to be the best of all in the primary metric.

    Over the first horizon, net of the arm's cost where that is money and known; flat priors.
    Empty where no arm can be read.
    """
    own = frame[frame["horizon"] == plan.horizon_days]
    rows = {
        str(arm): row
        for arm in own["arm"].drop_duplicates()
        if (row := for_arm(own, str(arm), plan.metric, plan.horizon_days)) is not None
    }
    if not rows:
        return {}
    control = max(float(row["control_error"]) for row in rows.values())
    # of the difference's error, what is not the control's is the arm's own
    smallest = min(float(row["error"]) for row in rows.values())
    control = min(control, smallest * math.sqrt(1 - 1e-9))
    means, errors = [0.0], [max(control, smallest * 1e-6)]
    for arm, row in rows.items():
        cost = (cost_of(plan, arm) or 0.0) if in_money(plan) else 0.0
        means.append(float(row["difference"]) - cost)
        errors.append(math.sqrt(max(float(row["error"]) ** 2 - control**2, 1e-18 * smallest**2)))
    return dict(zip((plan.control, *rows), chance_best(means, errors), strict=True))


@dataclass(frozen=True)
class Needed:
    """How long until the smallest effect worth having would be found four times in five.

    `units` are needed in all arms together, `assigned` there are. `days` from the period's end
    until enough of them have had the horizon, at the pace of the last 28 days; None where nobody
    is assigned any more.
    """

    units: int
    assigned: int
    a_day: float
    days: int | None


def needed(
    plan: ExperimentPlan, units: ir.Table, frame: pd.DataFrame, *, seen_until: dt.date
) -> Needed | None:
    """The same for the arm that is told least surely; None without a smallest effect or a row."""
    own = frame[(frame["metric"] == plan.metric) & (frame["horizon"] == plan.horizon_days)]
    own = own[own["error"].notna()]
    if plan.smallest_effect is None or own.empty:
        return None
    row = own.sort_values("error", ascending=False, kind="stable").iloc[0]
    n_control, n = float(row["n_control"]), float(row["n"])
    deviation = float(row["error"]) / math.sqrt(1 / n_control + 1 / n)
    both = units_for_effect(float(plan.smallest_effect), deviation, share=n / (n + n_control))
    days = units.group_by("assigned_on").aggregate(n=units.count()).order_by("assigned_on")
    joined = [(r["assigned_on"], int(r["n"])) for r in days.to_pyarrow().to_pylist()]
    total = sum(count for _, count in joined)
    ripe = own["n"].astype(float).sum() + n_control
    # the arms that are not compared here take their part of those who are still to come
    wanted = math.ceil(both * max(1.0, ripe / (n + n_control)))
    since = seen_until - dt.timedelta(days=PACE_DAYS)
    pace = sum(count for day, count in joined if day > since) / PACE_DAYS
    return Needed(wanted, total, pace, _days(joined, wanted, pace, plan.horizon_days, seen_until))


def _days(
    joined: list[tuple[dt.date, int]], wanted: int, pace: float, horizon: int, today: dt.date
) -> int | None:
    there = 0
    for day, count in joined:
        there += count
        if there >= wanted:
            return max(0, (day + dt.timedelta(days=horizon - 1) - today).days)
    return math.ceil((wanted - there) / pace) + horizon if pace > 0 else None


def missing(
    plan: ExperimentPlan, *, planned: bool, rails: Mapping[str, bool]
) -> tuple[Field, ...]:
    """What the plan, or the data, do not say, in the order in which it matters.

    `rails` says of each guardrail whether the company has the table that it is read from.
    """
    if not planned:
        return ("plan",)
    costs = [arm for arm in plan.arms if arm != plan.control]
    lacking: dict[Field, bool] = {
        "question": plan.question is None,
        "shares": not plan.arms,
        "start": plan.start is None,
        "end": plan.kind == "test" and plan.planned_end is None and plan.planned_n is None,
        "smallest_effect": plan.smallest_effect is None,
        "cost": in_money(plan) and (not costs or any(cost_of(plan, a) is None for a in costs)),
        "units_a_year": in_money(plan) and plan.units_a_year is None,
        "longer_horizon": plan.longer_horizon_days is None,
        "owner": plan.owner is None,
        "segments": not plan.segments,
        "opt_out": "opt_out" in plan.guardrails and not rails.get("opt_out", False),
        "complaint": "complaint" in plan.guardrails and not rails.get("complaint", False),
    }
    return tuple(field for field, lacks in lacking.items() if lacks)
