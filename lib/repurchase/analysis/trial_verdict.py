"""One verdict an experiment: what an executive may do with it, and why not more.

Rules, in this order; the first that holds is the verdict. A standing hold-out has none of them: it
says what all outreach together brings, and goes on.

1. A check failed: invalid. No difference is said.
2. A guardrail surely got worse, or a running test surely loses: stop for harm.
3. The primary metric, net of what the arm costs, surely gained (and the gain is no smaller than
   the smallest effect worth having): adopt, unless the longer horizon contradicts (keep the
   control) or has not ripened (adopt provisionally, to be read again on a day).
4. The test is over: keep the control.
5. Else: keep running until a day; without a plan, until one is made.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from repurchase.analysis.trial_results import PullForward, Stage, for_arm, net_of_cost
from repurchase.params import ExperimentPlan
from repurchase.stats.proportion import Estimate

Decision = Literal[
    "adopt", "adopt_provisionally", "keep_control", "keep_running", "stop_for_harm", "invalid",
    "holdout",
]
Why = Literal[
    "broken", "guardrail", "loses", "gains", "too_small", "pulled_forward", "not_ripe",
    "no_effect_worth_having", "not_shown", "running", "no_plan", "nothing_ripe", "standing",
    "nothing_to_compare",
]  # fmt: skip
MONEY = ("margin", "revenue")


def in_money(plan: ExperimentPlan) -> bool:
    """Whether the plan's own metric is money, from which a cost can be taken."""
    told = plan.columns.get(plan.metric)
    return plan.metric in MONEY or (told is not None and told.unit == "money")


@dataclass(frozen=True)
class TrialVerdict:
    """What to do with an experiment.

    `arm` is the arm it speaks of, the control's own name where that is kept. `gain` is the ruling
    difference of the primary metric a unit, net of the arm's cost where both are money; `yearly`
    the same for `yearly_units` units. `on` is the day from which it can be read again, None where
    no day can be named. `broken` names the checks that failed, `rail` the guardrail.
    """

    experiment: str
    decision: Decision
    why: Why
    arm: str
    gain: Estimate | None = None
    yearly: Estimate | None = None
    yearly_units: int | None = None
    on: dt.date | None = None
    broken: tuple[str, ...] = ()
    rail: str | None = None


def verdict(
    plan: ExperimentPlan,
    frame: pd.DataFrame,
    stages: Mapping[int, Stage],
    pulled: Mapping[str, PullForward | None],
    *,
    broken: Sequence[str] = (),
) -> TrialVerdict:
    """The verdict by the rules above.

    `frame` comes from `trial_results.results`, `pulled` from `pull_forward`, by arm; `broken`
    names the checks that failed. Without a row to read, nothing is ripe.
    """
    if broken:
        return TrialVerdict(plan.id, "invalid", "broken", plan.control, broken=tuple(broken))
    first = stages[plan.horizon_days]
    own = frame[frame["horizon"] == plan.horizon_days]
    arms = [a for a in own["arm"].drop_duplicates() if for_arm(own, a, plan.metric, first.horizon)
            is not None]  # fmt: skip
    if not arms:
        nothing: Why = "nothing_to_compare" if first.ripe else "nothing_ripe"
        return TrialVerdict(plan.id, "keep_running", nothing, plan.control, on=first.ends_on)
    harmed = _harmed(plan, own)
    if harmed is not None and plan.kind == "test":
        return harmed
    readings = {arm: _reading(plan, own, arm, first, len(arms)) for arm in arms}
    best = max(readings, key=lambda arm: (readings[arm].value, arm))
    if plan.kind == "holdout":
        return _told(plan, "holdout", "standing", best, readings[best], first)
    if not first.over and all(r.high < 0 for r in readings.values()):
        return _told(plan, "stop_for_harm", "loses", best, readings[best], first)
    gaining = [arm for arm, r in readings.items() if r.low > 0]
    if gaining:
        return _gained(plan, best if best in gaining else gaining[0], readings, stages, pulled)
    if first.over:
        small = plan.smallest_effect is not None and readings[best].high < plan.smallest_effect
        why: Why = "no_effect_worth_having" if small else "not_shown"
        return _told(plan, "keep_control", why, best, readings[best], first)
    day = first.ends_on
    planned = plan.planned_n is not None or plan.planned_end is not None
    return _told(plan, "keep_running", "running" if planned else "no_plan", best, readings[best],
                 first, on=day)  # fmt: skip


def _reading(
    plan: ExperimentPlan, own: pd.DataFrame, arm: str, where: Stage, arms: int
) -> Estimate:
    """The ruling interval net of cost, widened over the arms (Bonferroni) so that one winner of
    several is no luck."""
    row = for_arm(own, arm, plan.metric, where.horizon)
    assert row is not None
    cost = float(plan.arms[arm].cost) if arm in plan.arms and in_money(plan) else 0.0
    found = net_of_cost(dict(row), cost)
    if arms < 2:
        return found
    from scipy.special import ndtri

    wider = float(ndtri(1 - 0.025 / arms) / ndtri(0.975))
    return Estimate(
        found.value,
        found.value - (found.value - found.low) * wider,
        found.value + (found.high - found.value) * wider,
    )


def worse(own: pd.DataFrame) -> pd.DataFrame:
    """The guardrail rows of one horizon with `one_sided`, the p-value of "no worse", and `worse`.

    A guardrail is asked one way only: did it get worse? It surely did where that p-value is below
    5 % shared among all guardrails and arms and, while the test runs, the interval that holds at
    every look says so too.
    """
    rails = own[(own["role"] == "guardrail") & own["difference"].notna()].copy()
    p = rails["p"].astype(float)
    up = rails["difference"].astype(float) > 0
    rails["one_sided"] = (p / 2).where(up, 1 - p / 2)
    sure = rails["one_sided"] < 0.05 / max(1, len(rails))
    rails["worse"] = sure & ((rails["rule"] == "fixed") | (rails["low"].astype(float) > 0))
    return rails


def _harmed(plan: ExperimentPlan, own: pd.DataFrame) -> TrialVerdict | None:
    """A guardrail that surely got worse in an arm; the surest."""
    rails = worse(own)
    harmed = rails[rails["worse"]].sort_values("one_sided", kind="stable")
    if harmed.empty:
        return None
    row = harmed.iloc[0]
    gain = Estimate(float(row["difference"]), float(row["low"]), float(row["high"]))
    return TrialVerdict(
        plan.id, "stop_for_harm", "guardrail", str(row["arm"]), gain, rail=str(row["metric"])
    )


def _gained(
    plan: ExperimentPlan,
    arm: str,
    readings: Mapping[str, Estimate],
    stages: Mapping[int, Stage],
    pulled: Mapping[str, PullForward | None],
) -> TrialVerdict:
    first = stages[plan.horizon_days]
    gain = readings[arm]
    if plan.smallest_effect is not None and gain.high < plan.smallest_effect:
        return _told(plan, "keep_control", "too_small", arm, gain, first)
    longer = plan.longer_horizon_days
    if longer is None or longer not in stages:
        return _told(plan, "adopt", "gains", arm, gain, first)
    later, both = stages[longer], pulled.get(arm)
    if both is not None and both.contradicts and later.ripe:
        cost = float(plan.arms[arm].cost) if arm in plan.arms and in_money(plan) else 0.0
        whole = Estimate(*(x - cost for x in both.whole))
        return _told(plan, "keep_control", "pulled_forward", arm, whole, first)
    if later.ripe < later.assigned or both is None:
        return _told(plan, "adopt_provisionally", "not_ripe", arm, gain, first, on=later.ends_on)
    return _told(plan, "adopt", "gains", arm, gain, first)


def _told(
    plan: ExperimentPlan,
    decision: Decision,
    why: Why,
    arm: str,
    gain: Estimate,
    where: Stage,
    *,
    on: dt.date | None = None,
) -> TrialVerdict:
    units = plan.units_a_year or where.assigned
    yearly = None
    if in_money(plan) and all(map(math.isfinite, gain)):
        yearly = Estimate(*(x * units for x in gain))
    return TrialVerdict(plan.id, decision, why, arm, gain, yearly, units, on)
