"""What became of the year's tests: how many ran, what was claimed for them, what is left of it.

A lift that was claimed is that of a winner, and who picks the largest of several readings picks
luck along with it. So each earlier decision is read again, over the same days and over the longest
stretch that is ripe, and drawn towards all tests of the same figure and stretch.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from repurchase.analysis.trial_readings import cost_of
from repurchase.analysis.trial_results import for_arm, net_of_cost
from repurchase.analysis.trial_verdict import in_money
from repurchase.analysis.trials import Trial, metric_of
from repurchase.reasons import FEW_TESTS, NOBODY_ADOPTED, reason
from repurchase.records import Record, dimensions
from repurchase.stats.proportion import Estimate
from repurchase.stats.shrinkage import FEWEST, Shrunk, shrunken

State = Literal[
    "still_there", "not_sure", "gone", "withheld", "not_ripe", "confirmed", "missed",
    "other_figure",
]
ADOPTED = ("adopt", "adopt_provisionally")
Group = tuple[str, int]  # a metric and a horizon in days


@dataclass(frozen=True)
class Reading:
    """An arm read now at one horizon: a unit's difference net of the arm's cost, as it rules, and
    its standard error."""

    experiment: str
    arm: str
    metric: str
    unit: str
    horizon: int
    net: Estimate
    error: float


@dataclass(frozen=True)
class Decided:
    """A decision that was taken, and what can be said of its arm today, net of the arm's cost.

    `claimed` is the lift that was claimed then, `again` the reading over the same days, `now` that
    over the longest horizon for which everybody is ripe (`now_horizon`), `drawn` the same drawn
    towards all tests: None where fewer than three tell of it. `units` get it in a year; `cost` is
    what one of them costs. `arm` is None where the decision names none and there are several.
    """

    experiment: str
    verdict: str
    on: dt.date
    arm: str | None
    metric: str
    unit: str
    horizon: int
    claimed: float | None
    again: Estimate | None
    now: Estimate | None
    now_horizon: int | None
    drawn: Estimate | None
    units: int
    state: State
    in_year: bool

    @property
    def adopted(self) -> bool:
        return self.verdict in ADOPTED


@dataclass(frozen=True)
class Shrinkage:
    """How far winners shrink: all tests of one metric over one horizon.

    `read` and `drawn` are the means over the arms that won (adopted, or surely better today) of
    what they read and of what is left when they are drawn towards all; None without a winner.
    """

    metric: str
    unit: str
    horizon: int
    tests: int
    effects: int
    mean: float
    deviation: float
    winners: int
    read: float | None
    drawn: float | None


@dataclass(frozen=True)
class Memory:
    """The scorecard of the tests that ran or were decided from `since` to `until`.

    `run` = `running` + `finished` + `broken`. `decided` of them by the company, `won` of those
    adopted. Money a year over the `valued` arms adopted in the year: as `claimed`, read `again`
    over the same days, as read `now` over the longest ripe ones, and these `drawn` towards all
    tests; None where it is known of none of them (of `claimed` and `drawn`
    they are `claims` and `draws`). `cost` is that of the year's tests, over `customers` in them;
    it is not known of `unpriced` tests.
    """

    since: dt.date
    until: dt.date
    run: int
    running: int
    finished: int
    broken: int
    decided: int
    won: int
    still_there: int
    decisions: tuple[Decided, ...]
    shrinkage: tuple[Shrinkage, ...]
    valued: int
    claimed: float | None
    claims: int
    again: Estimate | None
    now: Estimate | None
    drawn: Estimate | None
    draws: int
    cost: float
    customers: int
    unpriced: int


def memory(trials: Sequence[Trial], *, since: dt.date, until: dt.date) -> Memory:
    """The scorecard of the tests, without standing hold-outs.

    `trials` are all that have begun by `until`; a decision taken later is not known yet.
    """
    tests = [t for t in trials if t.plan.kind == "test"]
    readings = [reading for trial in tests for reading in readings_of(trial)]
    groups = {key: found for key in _groups(readings) if (found := _drawn(readings, key))}
    year = [t for t in tests if _in_year(t, since, until)]
    decisions = tuple(
        _decided(t, readings, groups, since) for t in tests if _decision_day(t, until) is not None
    )
    ours = [d for d in decisions if d.in_year]
    won = [d for d in ours if d.adopted]
    broken = sum(bool(t.broken) for t in year)
    running = sum(not t.broken and not t.stages[t.plan.horizon_days].over for t in year)
    adopted = {(d.experiment, d.arm) for d in decisions if d.adopted}
    return Memory(
        since, until, len(year), running, len(year) - running - broken, broken, len(ours), len(won),
        sum(d.state == "still_there" for d in won),
        tuple(sorted(decisions, key=lambda d: (d.on, d.experiment), reverse=True)),
        tuple(_shrinkage(readings, key, found, adopted) for key, found in sorted(groups.items())),
        **_worth(won, readings, groups), **_cost(year),
    )  # fmt: skip


# ---- what is read now ------------------------------------------------------------------------


def readings_of(trial: Trial) -> list[Reading]:
    """The arms of a test that holds together, at each horizon for which everybody is ripe; the
    first horizon also while only some are."""
    if trial.broken:
        return []
    plan, found = trial.plan, []
    for horizon, stage in trial.stages.items():
        if horizon != plan.horizon_days and stage.ripe < stage.assigned:
            continue
        for arm in trial.arms:
            row = for_arm(trial.frame, arm, plan.metric, horizon)
            if row is not None and float(row["error"]) > 0:
                net = net_of_cost(dict(row), _price(trial, arm))
                unit, error = metric_of(plan, plan.metric)[1], float(row["error"])
                found.append(Reading(plan.id, arm, plan.metric, unit, horizon, net, error))
    return found


def _price(trial: Trial, arm: str) -> float:
    """What a unit in the arm costs; nothing can be taken off a metric that is no money."""
    plan = trial.plan
    return float(plan.arms[arm].cost) if arm in plan.arms and in_money(plan) else 0.0


def _groups(readings: Iterable[Reading]) -> list[Group]:
    return sorted({(r.metric, r.horizon) for r in readings})


def _of_group(readings: Iterable[Reading], key: Group) -> list[Reading]:
    return [r for r in readings if (r.metric, r.horizon) == key]


def _drawn(readings: Sequence[Reading], key: Group) -> Shrunk | None:
    """All effects of a group drawn together; None below three tests."""
    found = _of_group(readings, key)
    if len({r.experiment for r in found}) < FEWEST:
        return None
    return shrunken([r.net.value for r in found], [r.error for r in found])


def _shrinkage(
    readings: Sequence[Reading], key: Group, found: Shrunk, adopted: set[tuple[str, str | None]]
) -> Shrinkage:
    own = _of_group(readings, key)
    winners = [
        (reading.net.value, effect.value)
        for reading, effect in zip(own, found.effects, strict=True)
        if (reading.experiment, reading.arm) in adopted or reading.net.low > 0
    ]
    means = [sum(x) / len(winners) for x in zip(*winners, strict=True)] if winners else [None, None]
    return Shrinkage(
        key[0], own[0].unit, key[1], len({r.experiment for r in own}), len(own), found.mean,
        found.deviation, len(winners), *means,
    )  # fmt: skip


# ---- what was decided ------------------------------------------------------------------------


def _decision_day(trial: Trial, until: dt.date) -> dt.date | None:
    told = trial.plan.decision
    return told.on if told is not None and told.verdict != "none" and told.on <= until else None


def _decided(
    trial: Trial, readings: Sequence[Reading], groups: Mapping[Group, Shrunk], since: dt.date
) -> Decided:
    plan, told = trial.plan, trial.plan.decision
    assert told is not None
    arm = told.arm
    if arm is None and len(trial.arms) == 1:
        arm = trial.arms[0]
    # a claim in margin is not held against revenue, which leads where too little margin is known
    same = trial.asked == plan.metric
    own = [r for r in readings if same and (r.experiment, r.arm) == (plan.id, arm)]
    first = next((r for r in own if r.horizon == plan.horizon_days), None)
    last = max(own, key=lambda r: r.horizon, default=None)
    return Decided(
        plan.id, told.verdict, told.on, arm, trial.asked, metric_of(plan, trial.asked)[1],
        plan.horizon_days, None if told.lift is None else float(told.lift),
        None if first is None else first.net, None if last is None else last.net,
        None if last is None else last.horizon,
        None if last is None else _effect(last, readings, groups),
        plan.units_a_year or trial.stages[plan.horizon_days].assigned,
        _state(trial, last, adopted=told.verdict in ADOPTED), told.on >= since,
    )  # fmt: skip


def _effect(
    reading: Reading, readings: Sequence[Reading], groups: Mapping[Group, Shrunk]
) -> Estimate | None:
    key = (reading.metric, reading.horizon)
    if key not in groups:
        return None
    return groups[key].effects[_of_group(readings, key).index(reading)]


def _state(trial: Trial, last: Reading | None, *, adopted: bool) -> State:
    """Of what was adopted: is the gain there? Of what was not: would there have been one?"""
    if trial.broken:
        return "withheld"
    if trial.asked != trial.plan.metric:
        return "other_figure"
    if last is None:
        return "not_ripe"
    if not adopted:
        return "missed" if last.net.low > 0 else "confirmed"
    if last.net.low > 0:
        return "still_there"
    return "gone" if last.net.value <= 0 else "not_sure"


# ---- whether testing pays --------------------------------------------------------------------


def _in_year(trial: Trial, since: dt.date, until: dt.date) -> bool:
    """Whether it ran, ripened or was decided in the twelve months."""
    if trial.assigned_between is None or trial.assigned_between[0] > until:
        return False
    ripened = trial.assigned_between[1] + dt.timedelta(days=trial.plan.horizon_days - 1)
    decided = _decision_day(trial, until)
    return ripened >= since or (decided is not None and decided >= since)


def _worth(
    won: Sequence[Decided], readings: Sequence[Reading], groups: Mapping[Group, Shrunk]
) -> dict[str, Any]:
    """Yearly money of what was adopted: claimed, read now, drawn towards all tests."""
    money = [d for d in won if d.unit == "money" and d.metric != "average_order"]
    valued = [d for d in money if d.now is not None]
    claims = [d.claimed * d.units for d in money if d.claimed is not None]
    drawn = [d for d in valued if d.drawn is not None]
    return {
        "valued": len(valued),
        "claimed": sum(claims) if claims else None,
        "claims": len(claims),
        "again": _summed([_times(d.again, d.units) for d in valued if d.again is not None]),
        "now": _summed([_times(d.now, d.units) for d in valued if d.now is not None]),
        "drawn": _summed([_total(drawn, readings, key, groups[key]) for key in _keys(drawn)]),
        "draws": len(drawn),
    }


def _keys(drawn: Iterable[Decided]) -> list[Group]:
    return sorted({(d.metric, d.now_horizon) for d in drawn if d.now_horizon is not None})


def _total(
    drawn: Sequence[Decided], readings: Sequence[Reading], key: Group, found: Shrunk
) -> Estimate:
    units = {(d.experiment, d.arm, d.metric, d.now_horizon): float(d.units) for d in drawn}
    own = _of_group(readings, key)
    return found.total([units.get((r.experiment, r.arm, r.metric, r.horizon), 0.0) for r in own])


def _times(estimate: Estimate, units: float) -> Estimate:
    return Estimate(*(x * units for x in estimate))


def _summed(parts: Sequence[Estimate]) -> Estimate | None:
    """The sum of independent readings."""
    if not parts:
        return None
    value = sum(p.value for p in parts)
    below = math.sqrt(sum((p.value - p.low) ** 2 for p in parts))
    above = math.sqrt(sum((p.high - p.value) ** 2 for p in parts))
    return Estimate(value, value - below, value + above)


def _cost(year: Sequence[Trial]) -> dict[str, Any]:
    """What the arms of the year's tests cost."""
    cost, customers, unpriced = 0.0, 0, 0
    for trial in year:
        counted = trial.customers
        customers += sum(counted.values())
        treated = [arm for arm in trial.plan.arms if arm != trial.plan.control]
        unpriced += all(cost_of(trial.plan, arm) is None for arm in treated)
        cost += sum(float(a.cost) * counted.get(arm, 0) for arm, a in trial.plan.arms.items())
    return {"cost": cost, "customers": customers, "unpriced": unpriced}


# ---- records ---------------------------------------------------------------------------------


def memory_records(told: Memory) -> tuple[Record, ...]:
    """The scorecard's counts, each decision's claimed and drawn lift, and the yearly money.

    Dimensions: state of the tests; experiment and arm of a decision; reading (claimed, again, now,
    drawn) of the money.
    """
    counts = {"run": told.run, "running": told.running, "finished": told.finished,
              "broken": told.broken, "decided": told.decided, "won": told.won,
              "still_there": told.still_there}  # fmt: skip
    found = [
        Record("trial_tests", float(count), "count", dimensions(state=state))
        for state, count in counts.items()
    ]
    for decided in told.decisions:
        found += _of_decision(decided)
    if told.run:
        found.append(Record("trial_cost", told.cost, "money", n=float(told.customers)))
    return (*found, *_money(told))


def _of_decision(told: Decided) -> list[Record]:
    if told.arm is None:
        return []
    where = {"experiment": told.experiment, "arm": told.arm}
    found = []
    if told.claimed is not None:
        at = dimensions(**where, horizon=told.horizon)
        found.append(Record("trial_claimed", told.claimed, told.unit, at))  # type: ignore[arg-type]
    if told.now is not None:
        at = dimensions(**where, horizon=told.now_horizon)
        blank = Record("trial_shrunk", None, told.unit, at)  # type: ignore[arg-type]
        found.append(_filled(blank, told.drawn, reason(FEW_TESTS, fewest=FEWEST)))
    return found


def _money(told: Memory) -> list[Record]:
    if not told.won:
        at = dimensions(reading="now")
        why = reason(NOBODY_ADOPTED)
        return [Record("trial_yearly", None, "money", at, status="not_computed", reason=why)]
    claimed = None if told.claimed is None else Estimate(told.claimed, math.nan, math.nan)
    few = reason(FEW_TESTS, fewest=FEWEST)
    parts = {"claimed": (claimed, told.claims), "again": (told.again, told.valued),
             "now": (told.now, told.valued), "drawn": (told.drawn, told.draws)}  # fmt: skip
    return [
        _filled(Record("trial_yearly", None, "money", dimensions(reading=name), n=float(n)), x, few)
        for name, (x, n) in parts.items()
        if x is not None or name == "drawn"
    ]


def _filled(record: Record, estimate: Estimate | None, why: str) -> Record:
    if estimate is None:
        return replace(record, status="not_computed", reason=why)
    low, high = (None if math.isnan(x) else x for x in (estimate.low, estimate.high))
    return replace(record, value=estimate.value, low=low, high=high)
