"""Tests of outreach made by hand: what a chapter would have read, without reading it."""

import datetime as dt
from dataclasses import fields
from typing import Any

import ibis
import pandas as pd
from repurchase.analysis.trial_checks import TrialCheck
from repurchase.analysis.trial_results import COLUMNS, Stage, fingerprint
from repurchase.analysis.trial_verdict import verdict
from repurchase.analysis.trials import Trial
from repurchase.params import ArmPlan, ExperimentPlan
from repurchase.stats.sequential import confidence_sequence

Z = 1.959963984540054
DAY = dt.date(2025, 6, 2)


def plan_of(name="x", **told: Any) -> ExperimentPlan:
    """Half of the customers each in `new` and `control`, planned to end on DAY."""
    arms = {"new": ArmPlan(share=0.5), "control": ArmPlan(share=0.5)}
    given = {"id": name, "arms": arms, "planned_end": DAY, "longer_horizon_days": None}
    return ExperimentPlan(**{**given, **told})


def units_of(outcomes: dict[str, list[float]], *, day: dt.date = DAY) -> ibis.Table:
    """A unit for each outcome of each arm, all ripe for 30 days."""
    rows = [(f"{arm}{i}", arm, x) for arm, xs in outcomes.items() for i, x in enumerate(xs)]
    frame = pd.DataFrame(rows, columns=["customer_id", "arm", "margin_30"])
    table = ibis.memtable(frame)
    return table.mutate(
        assigned_on=ibis.literal(day), ripe_30=True, ripe_90=True,
        margin_30=table.margin_30.cast("decimal(18, 2)"),
    )  # fmt: skip


def row(plan: ExperimentPlan, stage: Stage, difference: float, error: float, **told: Any) -> dict:
    """One arm's row of the frame: `n` 500 in each arm, the interval that rules."""
    found: dict[str, Any] = dict.fromkeys(COLUMNS)
    fixed = (difference - Z * error, difference + Z * error)
    always = confidence_sequence(difference, error, n=1000, expected_n=stage.planned)
    low, high = fixed if stage.rule == "fixed" else (always.low, always.high)
    found |= {"experiment": plan.id, "arm": "new", "metric": plan.metric, "horizon": stage.horizon,
              "role": "primary", "n": 500, "n_control": 500, "difference": difference, "low": low,
              "high": high, "error": error, "p": 0.5, "rule": stage.rule}  # fmt: skip
    return found | told


def trial_of(
    plan: ExperimentPlan | None = None,
    readings: dict[int, tuple[float, float]] | None = None,
    *,
    outcomes: dict[str, list[float]] | None = None,
    day: dt.date = DAY,
    over: bool = True,
    planned: int = 1000,
    ripe: dict[int, int] | None = None,
    broken: bool = False,
    **told: Any,
) -> Trial:
    """A trial whose frame holds these differences and errors, by horizon."""
    plan = plan or plan_of()
    readings = {30: (5.0, 1.0)} if readings is None else readings
    ends = dt.date(2025, 7, 1)
    stages = {h: Stage(h, 1000, (ripe or {}).get(h, 1000), planned, over, ends) for h in readings}
    stages.setdefault(plan.horizon_days, Stage(plan.horizon_days, 1000, 0, planned, over, ends))
    rows = [row(plan, stages[h], *x) for h, x in readings.items()]
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    checks = (TrialCheck("sample_ratio", "failed" if broken else "passed", n=1000, p=0.5),)
    lived = outcomes or {"new": [1, 2, 3], "control": [0, 2, 1]}
    units = units_of(lived, day=day)
    failed = ("sample_ratio",) if broken else ()
    counted = {arm: len(xs) for arm, xs in lived.items()}
    given = {"plan": plan, "planned": True, "customers": counted, "assigned_between": (day, day),
             "fingerprint": fingerprint(plan, units), "stages": stages,
             "checks": checks, "frame": frame, "pulled": {}, "unknown": (), "asked": plan.metric,
             "verdict": verdict(plan, frame, stages, {}, broken=failed)}  # fmt: skip
    assert set(given) <= {f.name for f in fields(Trial)}
    return Trial(**{**given, **told})
