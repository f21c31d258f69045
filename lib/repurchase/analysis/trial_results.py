"""What an experiment's arms brought: differences a unit, by metric and horizon, as one frame.

Only units that are ripe for a horizon count in it. Until the planned number of units has ripened
the interval is a confidence sequence, valid however often one looks; after it Welch's, or CUPED's
where what was bought before tells something. Margin leads; conversion follows.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import ibis.expr.types as ir
import pandas as pd

from repurchase.analysis.ratios import flag
from repurchase.analysis.trial_units import MONEY, arm_sums
from repurchase.digests import digest
from repurchase.params import ExperimentPlan
from repurchase.stats.multiplicity import benjamini_hochberg
from repurchase.stats.proportion import Estimate
from repurchase.stats.sequential import confidence_sequence, msprt
from repurchase.stats.trial import (
    Lift,
    Sums,
    beta_binomial,
    detectable,
    lift,
    normal_effect,
    power_of,
)

Rule = Literal["always_valid", "fixed"]
BEFORE = ("margin", "revenue", "orders", "repurchase")
RAILS = ("opt_out", "complaint")
# who buys more has more to complain of: an order, not a customer, is what is complained of
PER_ORDER = {"average_order": "revenue", "complaint": "complaint"}
SHARES = ("repurchase", "opt_out")
# money that is unknown for more of the buyers than this is not compared
MOST_UNKNOWN = 0.01
FALSE_DISCOVERIES = 0.05
FEWEST = 30
COLUMNS = (
    "experiment", "arm", "metric", "horizon", "role", "n_control", "n", "control", "treatment",
    "difference", "low", "high", "fixed_low", "fixed_high", "any_low", "any_high", "relative",
    "relative_low", "relative_high", "error", "p", "q", "gained", "chance", "rule", "detectable",
    "power", "control_error", "plain", "plain_low", "plain_high", "plain_p", "msprt_p",
    "risk_control", "risk_arm", "beta_chance",
)  # fmt: skip


@dataclass(frozen=True)
class Stage:
    """How far an experiment has come: units assigned, ripe for a horizon, and whether it is over.

    `over` is True once the plan is fulfilled: the planned number, or the planned end and every
    unit ripe. `planned` is where the confidence sequence is tuned. `ends_on` is the day from which
    the fixed interval can be read, None where no plan says so.
    """

    horizon: int
    assigned: int
    ripe: int
    planned: int
    over: bool
    ends_on: dt.date | None

    @property
    def rule(self) -> Rule:
        return "fixed" if self.over else "always_valid"


def stage(
    plan: ExperimentPlan, units: ir.Table, *, horizon: int, seen_until: dt.date
) -> Stage:
    """Where the experiment stands at the end of that day. Units without a plan are never over."""
    row = units.aggregate(
        assigned=units.count(),
        ripe=units[f"ripe_{horizon}"].cast("int64").sum(),
        last=units.assigned_on.max(),
    ).to_pyarrow().to_pylist()[0]  # fmt: skip
    assigned, ripe = int(row["assigned"]), int(row["ripe"] or 0)
    last_day = dt.timedelta(days=horizon - 1)
    ends_on = None
    if plan.planned_end is not None:
        ends_on = plan.planned_end + last_day
    elif plan.planned_n is not None and row["last"] is not None and assigned >= plan.planned_n:
        ends_on = row["last"] + last_day
    enough = plan.planned_n is None or ripe >= plan.planned_n
    over = enough and ends_on is not None and ends_on <= seen_until and plan.kind == "test"
    return Stage(horizon, assigned, ripe, plan.planned_n or max(assigned, 1), over, ends_on)


def metrics_of(plan: ExperimentPlan, units: ir.Table, horizon: int) -> list[str]:
    """The metrics that these units can be asked for, the plan's own first."""
    known = [m for m in ("margin", "revenue", "repurchase", "orders") if _has(units, m, horizon)]
    if {"revenue", "orders"} <= set(known):
        known.append("average_order")
    wanted = [plan.metric, *known, *plan.guardrails, *plan.columns]
    rails = {r for r in RAILS if _has(units, r, horizon)}
    if "orders" not in known:
        rails.discard("complaint")
    there = {*known, *rails, *plan.columns}
    return [m for m in dict.fromkeys(wanted) if m in there]


def _has(units: ir.Table, metric: str, horizon: int) -> bool:
    return f"{metric}_{horizon}" in units.columns


@dataclass(frozen=True)
class Unknown:
    """Of the units that are ripe for a horizon and bought something: how many, of how many, have
    an order date whose `metric` (margin or revenue) nobody knows."""

    metric: str
    horizon: int
    count: int
    buyers: int

    @property
    def too_many(self) -> bool:
        return self.count > MOST_UNKNOWN * self.buyers


def unknown_money(units: ir.Table, horizons: Iterable[int]) -> tuple[Unknown, ...]:
    """How much of the money is unknown, for each kind and horizon that the units have."""
    asked = [(m, h) for h in horizons for m in MONEY if _has(units, m, h)]
    if not asked:
        return ()
    columns: dict[str, ir.Scalar] = {}
    for metric, h in asked:
        bought = units[f"ripe_{h}"] & (units[f"orders_{h}"] > 0)
        columns[f"buyers_{h}"] = flag(bought).sum()
        columns[f"{metric}_{h}"] = flag(bought & units[f"{metric}_{h}"].isnull()).sum()
    row = units.aggregate(**columns).to_pyarrow().to_pylist()[0]
    return tuple(
        Unknown(m, h, int(row[f"{m}_{h}"] or 0), int(row[f"buyers_{h}"] or 0)) for m, h in asked
    )


def results(
    plan: ExperimentPlan,
    units: ir.Table,
    stages: Mapping[int, Stage],
    *,
    left_out: Collection[str] = (),
) -> pd.DataFrame:
    """A row an arm other than the control, metric and horizon; columns: COLUMNS.

    `difference`, `low`, `high` are a unit's, in the metric's own unit, by the interval that rules
    (`rule`); both others stand beside it. `q` are p-values adjusted by Benjamini and Hochberg over
    all metrics but the plan's own and the guardrails, and over the arms for the plan's own.
    `chance` is that of being better than the control, with a flat prior. `detectable` is the
    difference that would be found four times in five; `plain` and its interval go without CUPED,
    `msprt_p` is the p-value of one look that stays valid over looks, `risk_control` and `risk_arm`
    what choosing either would cost on average, `beta_chance` the chance of a yes-or-no figure from
    both shares, `control_error` the standard error of the control. `power` is the chance to find
    the plan's smallest effect worth having (missing without one). Empty where an arm has under 2
    ripe units. Metrics of `left_out` are not asked for. Units whose money is unknown are in no row
    that needs it, so that n may differ between metrics.
    """
    rows: list[dict[str, Any]] = []
    for horizon, where in stages.items():
        ripe = units.filter(units[f"ripe_{horizon}"])
        metrics = [m for m in metrics_of(plan, units, horizon) if m not in left_out]
        made: dict[tuple[str, str], dict[str, Any]] = {}
        gaps = _with_gaps(plan, ripe, metrics, horizon)
        for part in _alike(plan, metrics, horizon, gaps):
            sums = _sums(plan, ripe, part, horizon, gaps)
            control = sums.get((plan.control,))
            if control is None or control.n < 2:
                continue
            for (arm,), treated in sums.items():
                if arm == plan.control or treated.n < 2:
                    continue
                made |= {
                    (arm, m): _row(plan, arm, m, where, control, treated) for m in part
                }
        place = {m: i for i, m in enumerate(metrics)}
        rows += [made[k] for k in sorted(made, key=lambda k: (k[0], place[k[1]]))]
    return _corrected(pd.DataFrame(rows, columns=list(COLUMNS)))


def _needed(plan: ExperimentPlan, metric: str, horizon: int) -> str:
    """The column that a unit must have for the metric."""
    if metric in plan.columns:
        return plan.columns[metric].column
    return f"{'revenue' if metric == 'average_order' else metric}_{horizon}"


def _alike(
    plan: ExperimentPlan, metrics: Iterable[str], horizon: int, gaps: Collection[str]
) -> list[list[str]]:
    """The metrics by the units that they need: those with a value in a column of `gaps`, all."""
    parts: dict[str, list[str]] = {}
    for metric in metrics:
        column = _needed(plan, metric, horizon)
        parts.setdefault(column if column in gaps else "", []).append(metric)
    return list(parts.values())


def _with_gaps(
    plan: ExperimentPlan, units: ir.Table, metrics: Iterable[str], horizon: int
) -> set[str]:
    """The columns that may be empty (money, what was before, a wide file's), where they are."""
    asked: list[str | None] = []
    for metric in metrics:
        if metric in plan.columns:
            asked += [plan.columns[metric].column, plan.columns[metric].before]
        elif _needed(plan, metric, horizon) in (f"{kind}_{horizon}" for kind in MONEY):
            column = _needed(plan, metric, horizon)
            asked += [column, f"before_{column}"]
    columns = [c for c in dict.fromkeys(asked) if c is not None and c in units.columns]
    if not columns:
        return set()
    empty = {f"empty_{i}": flag(units[c].isnull()).max() for i, c in enumerate(columns)}
    row = units.aggregate(**empty).to_pyarrow().to_pylist()[0]
    return {c for i, c in enumerate(columns) if row[f"empty_{i}"]}


def _variables(
    plan: ExperimentPlan, units: ir.Table, metrics: Iterable[str], horizon: int,
    gaps: Collection[str],
) -> dict[str, ir.Value]:  # fmt: skip
    """Columns without a missing value, as `arm_sums` asks: the units are those that have them."""
    found: dict[str, ir.Value] = {}
    for metric in metrics:
        if metric == "average_order":
            continue
        if metric in plan.columns:
            told = plan.columns[metric]
            found[metric] = units[told.column]
            # a past that is not known of everybody adjusts nobody
            if told.before and not _any_missing(units, told.before, gaps):
                found[f"before_{metric}"] = units[told.before]
            continue
        found[metric] = units[f"{metric}_{horizon}"]
        if metric in BEFORE:
            # what adjusts need not be the metric itself: where the earlier money is not known of
            # a unit its order dates stand in for it, in all units alike
            missing = metric in MONEY and _any_missing(
                units, f"before_{metric}_{horizon}", gaps
            )
            found[f"before_{metric}"] = units[
                f"before_{'orders' if missing else metric}_{horizon}"
            ]
    return found


def _any_missing(units: ir.Table, column: str, gaps: Collection[str]) -> bool:
    """Of the units at hand; what has no gap among all of them has none here."""
    return column in gaps and bool(units[column].isnull().any().to_pyarrow().as_py())


def _sums(
    plan: ExperimentPlan, ripe: ir.Table, metrics: Sequence[str], horizon: int,
    gaps: Collection[str], by: Sequence[str] = ("arm",),
) -> dict[tuple[str, ...], Sums]:  # fmt: skip
    for column in dict.fromkeys(_needed(plan, m, horizon) for m in metrics):
        if column in gaps:
            ripe = ripe.filter(ripe[column].notnull())
    if "average_order" in metrics:
        metrics = list(dict.fromkeys(("revenue", "orders", *metrics)))
    variables = _variables(plan, ripe, metrics, horizon, gaps)
    pairs = [(m, f"before_{m}") for m in variables if f"before_{m}" in variables]
    pairs += [(PER_ORDER[m], "orders") for m in metrics if m in PER_ORDER]
    return arm_sums(ripe, variables, pairs=pairs, by=by)


def lift_of(metric: str, control: Sums, treated: Sums, *, adjusted: bool = True) -> Lift:
    """The difference of one metric between two arms, adjusted where there is a before."""
    if metric in PER_ORDER:
        return lift(control, treated, PER_ORDER[metric], per="orders")
    before = f"before_{metric}" if f"before_{metric}" in control.totals and adjusted else None
    return lift(control, treated, metric, before=before)


def _row(
    plan: ExperimentPlan, arm: str, metric: str, where: Stage, control: Sums, treated: Sums
) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(COLUMNS)
    row |= {
        "experiment": plan.id,
        "arm": arm,
        "metric": metric,
        "horizon": where.horizon,
        "role": role_of(plan, metric),
        "n_control": control.n,
        "n": treated.n,
        "rule": where.rule,
    }
    if metric in PER_ORDER and not _any_order(control, treated):
        return row
    found = lift_of(metric, control, treated)
    if not found.error > 0:
        return row | {"control": found.control, "treatment": found.treatment}
    any_time = confidence_sequence(
        found.difference.value, found.error, n=control.n + treated.n, expected_n=where.planned
    )
    fixed = found.difference
    rules = fixed if where.rule == "fixed" else any_time
    smallest = plan.smallest_effect if metric == plan.metric else None
    plain = lift_of(metric, control, treated, adjusted=False)
    posterior = normal_effect(fixed.value, found.error)
    return row | {
        "control": found.control,
        "treatment": found.treatment,
        "difference": fixed.value,
        "low": rules.low,
        "high": rules.high,
        "fixed_low": fixed.low,
        "fixed_high": fixed.high,
        "any_low": any_time.low,
        "any_high": any_time.high,
        **_relative(found),
        "error": found.error,
        "p": found.p,
        "gained": found.gained,
        "chance": posterior.chance,
        "detectable": detectable(found.error),
        "power": None if smallest is None else power_of(float(smallest), found.error),
        "control_error": _control_error(metric, control) * math.sqrt(1 - found.gained),
        "plain": plain.difference.value,
        "plain_low": plain.difference.low,
        "plain_high": plain.difference.high,
        "plain_p": plain.p,
        "msprt_p": _msprt_p(found, control.n + treated.n, where.planned, smallest),
        "risk_control": posterior.risk[0],
        "risk_arm": posterior.risk[1],
        "beta_chance": _beta_chance(plan, metric, control, treated),
    }


def _any_order(control: Sums, treated: Sums) -> bool:
    return min(control.totals["orders"], treated.totals["orders"]) > 0


def _control_error(metric: str, control: Sums) -> float:
    """The standard error of the control's own mean, or ratio (delta method)."""
    if metric not in PER_ORDER:
        return math.sqrt(control.covariance(metric, metric) / control.n)
    top, per = PER_ORDER[metric], "orders"
    ratio = control.totals[top] / control.totals[per]
    spread = (
        control.covariance(top, top)
        - 2 * ratio * control.covariance(top, per)
        + ratio**2 * control.covariance(per, per)
    )
    return math.sqrt(max(0.0, spread) / control.n) / control.mean(per)


def _msprt_p(found: Lift, n: int, planned: int, smallest: float | int | None) -> float:
    """Of one look; mixed over effects of the size worth having, and at least as large as the error
    will be when all planned units are in: looking for less would find nothing."""
    variance = found.error**2
    tau2 = max(float(smallest or 0) ** 2, variance * n / planned)
    return msprt(found.difference.value, variance, tau2).p


def _beta_chance(
    plan: ExperimentPlan, metric: str, control: Sums, treated: Sums
) -> float | None:
    """The chance to be better of a yes-or-no figure, with uniform priors on both shares."""
    told = plan.columns.get(metric)
    if metric not in SHARES and (told is None or told.unit != "share"):
        return None
    pairs = [(round(arm.totals[metric]), arm.n) for arm in (control, treated)]
    return beta_binomial(*pairs).chance


def _relative(found: Lift) -> dict[str, float | None]:
    names = ("relative", "relative_low", "relative_high")
    return {
        n: None if math.isnan(v) else float(v) for n, v in zip(names, found.relative, strict=True)
    }


def role_of(plan: ExperimentPlan, metric: str) -> str:
    """What a metric is for: "primary", "guardrail" or "secondary"."""
    if metric == plan.metric:
        return "primary"
    return "guardrail" if metric in plan.guardrails else "secondary"


def _corrected(rows: pd.DataFrame) -> pd.DataFrame:
    """Puts `q` in: within an experiment and horizon, the arms of the primary metric among
    themselves, all secondary comparisons among themselves, each guardrail as it is."""
    rows = rows.astype({"q": "float64", "p": "float64"})
    for _, part in rows[rows["p"].notna()].groupby(["experiment", "horizon", "role"], sort=False):
        p = part["p"].tolist()
        told = p if part["role"].iloc[0] == "guardrail" else benjamini_hochberg(p)
        rows.loc[part.index, "q"] = told
    return rows


def fingerprint(plan: ExperimentPlan, units: ir.Table) -> str:
    """Of the ripe units of each arm: how many, the sums of the outcome and of its square."""
    ripe = units.filter(units[f"ripe_{plan.horizon_days}"])
    values = {name: ripe[name].cast("decimal(38, 6)") for name in _outcomes_of(plan, ripe)}
    columns: dict[str, ir.Scalar] = {"n": ripe.count()}
    for name, value in values.items():
        columns[f"sum {name}"] = value.sum().cast("string")
        columns[f"squares {name}"] = (value * value).sum().cast("string")
    rows = ripe.group_by("arm").aggregate(**columns).to_pyarrow().to_pylist()
    told = sorted(([str(row[k]) for k in ("arm", *columns)] for row in rows), key=str)
    return digest([plan.id, plan.metric, plan.horizon_days, told])[:16]


def _outcomes_of(plan: ExperimentPlan, ripe: ir.Table) -> list[str]:
    if plan.metric in plan.columns:
        return [plan.columns[plan.metric].column]
    metrics = ("revenue", "orders") if plan.metric == "average_order" else (plan.metric,)
    names = [f"{metric}_{plan.horizon_days}" for metric in metrics]
    return [name for name in names if name in ripe.columns]


# ---- within segments, and over time --------------------------------------------------------------


def by_label(
    plan: ExperimentPlan, units: ir.Table, where: Stage, *, label: str, declared: bool
) -> pd.DataFrame:
    """The primary metric within each text of the column `label`, arms below 30 units left out.

    Columns: label, arm, n_control, n, difference, low, high (by the interval that rules the test),
    p (Welch's), declared (the segment was named before the start; all else is exploratory).
    """
    ripe = units.filter(units[f"ripe_{where.horizon}"])
    gaps = _with_gaps(plan, ripe, [plan.metric], where.horizon)
    sums = _sums(plan, ripe, [plan.metric], where.horizon, gaps, by=("arm", label))
    rows = []
    for (arm, text), treated in sums.items():
        control = sums.get((plan.control, text))
        if arm == plan.control or control is None or min(control.n, treated.n) < FEWEST:
            continue
        if plan.metric in PER_ORDER and not _any_order(control, treated):
            continue
        found = lift_of(plan.metric, control, treated)
        if not found.error > 0:
            continue
        n = control.n + treated.n
        expected = max(1.0, where.planned * n / max(1, where.ripe))
        rules = found.difference if where.over else confidence_sequence(
            found.difference.value, found.error, n=n, expected_n=expected
        )  # fmt: skip
        rows.append((text, arm, control.n, treated.n, *rules, found.p, declared))
    names = ["label", "arm", "n_control", "n", "difference", "low", "high", "p", "declared"]
    return pd.DataFrame(rows, columns=names).sort_values(["label", "arm"], ignore_index=True)


@dataclass(frozen=True)
class PullForward:
    """What an arm gained early against what it gained in all: did it only bring orders forward?

    `early` is the difference over the first horizon, `later` that of the days from there to the
    end of the longer one, both a unit. `contradicts`: all in all there is nothing left, or the
    later days surely took back.
    """

    early: Estimate
    later: Estimate
    whole: Estimate
    contradicts: bool


def pull_forward(
    plan: ExperimentPlan, units: ir.Table, arm: str, *, metric: str, longer: int
) -> PullForward | None:
    """Both horizons on the units that are ripe for the longer one; None without them."""
    ripe = units.filter(units[f"ripe_{longer}"])
    name = f"{metric}_"
    if f"{name}{longer}" not in units.columns:
        return None
    early, whole = (ripe[f"{name}{h}"] for h in (plan.horizon_days, longer))
    ripe = ripe.filter(early.notnull() & whole.notnull())
    early, whole = (ripe[f"{name}{h}"] for h in (plan.horizon_days, longer))
    sums = arm_sums(ripe, {"early": early, "whole": whole, "later": whole - early})
    control, treated = sums.get((plan.control,)), sums.get((arm,))
    if control is None or treated is None or min(control.n, treated.n) < 2:
        return None
    early_, whole_, later_ = (
        lift(control, treated, x).difference for x in ("early", "whole", "later")
    )
    return PullForward(early_, later_, whole_, whole_.value <= 0 or later_.high < 0)


def net_of_cost(row: Mapping[str, Any], cost: float) -> Estimate:
    """The ruling difference of a money metric less what a unit in the arm costs."""
    found = Estimate(*(float(row[k]) for k in ("difference", "low", "high")))
    return Estimate(*(x - cost for x in found))


def for_arm(frame: pd.DataFrame, arm: str, metric: str, horizon: int) -> pd.Series | None:
    """That row of `results`, or None if it is not there or could not be computed."""
    mask = (frame["arm"] == arm) & (frame["metric"] == metric) & (frame["horizon"] == horizon)
    rows = frame[mask & frame["difference"].notna()]
    return None if rows.empty else rows.iloc[0]
