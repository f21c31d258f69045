"""Does the effect stay? The difference of each week since assignment, and whether it falls.

Week 1 are the days 0 to 6 after assignment. A unit counts in a week once that week's last day has
passed for it, so a later week may rest on fewer units. A novelty wears off: the weekly differences
then fall from the first week on.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from repurchase.analysis.ratios import cents
from repurchase.analysis.trial_results import FEWEST
from repurchase.analysis.trial_units import MONEY
from repurchase.params import ExperimentPlan
from repurchase.stats.slope import Slope, weighted_slope
from repurchase.stats.trial import Sums, lift

MOST_WEEKS = 26
FEWEST_WEEKS = 3
WEEKLY = (*MONEY, "orders", "repurchase")
COLUMNS = (
    "arm", "week", "n_control", "n", "control", "treatment", "difference", "low", "high",
)  # fmt: skip


@dataclass(frozen=True)
class Weeks:
    """The primary metric of each week, a row an arm other than the control and week.

    `frame` has the columns COLUMNS, differences a unit with Welch's interval; weeks in which an
    arm has fewer than 30 units are left out. `slopes` by arm: what the difference changes by a
    week, over the weeks shown; None for fewer than three. The same customers are in all weeks, so
    the slope's error takes in how their weeks go together.
    """

    metric: str
    frame: pd.DataFrame
    slopes: Mapping[str, Slope | None]


@dataclass(frozen=True)
class _Arm:
    """Of one arm by week: units ripe for it, sums, and sums of products of weeks (the first at
    most the second) over the units that are ripe for both."""

    n: dict[int, int]
    totals: dict[tuple[int, int], float]
    products: dict[tuple[int, int], float]

    def sums(self, week: int) -> Sums:
        n, total = self.n[week], self.totals.get((week, week), 0.0)
        return Sums(n, {"y": total}, {("y", "y"): self.products.get((week, week), 0.0)})

    def covariance(self, early: int, late: int) -> float:
        """That of both weeks' means: late's units are among early's."""
        n = self.n[late]
        product = self.products.get((early, late), 0.0)
        total = self.totals.get((early, late), 0.0) * self.totals.get((late, late), 0.0)
        return (product - total / n) / (n - 1) / self.n[early]


def by_week(
    plan: ExperimentPlan, units: ir.Table, days: ir.Table | None, *, seen_until: dt.date
) -> Weeks | None:
    """The weeks of the longer horizon; None where the metric is not told by order dates.

    `units` as from `trial_units.units`, `days` is the table of customer days. Customers whose
    money is unknown are left out as a whole.
    """
    if days is None or plan.metric not in WEEKLY:
        return None
    longest = max(plan.horizon_days, plan.longer_horizon_days or 0)
    last = min(MOST_WEEKS, longest // 7)
    if last < 1:
        return None
    if plan.metric in MONEY:
        units = units.filter(units[f"{plan.metric}_{longest}"].notnull())
    gone = (ibis.literal(seen_until).delta(units.assigned_on, unit="day") + 1) // 7
    ripe = units.select(
        "customer_id", "arm", "assigned_on", ripe=ibis.greatest(0, ibis.least(last, gone))
    )
    arms = _arms(ripe, _bought(ripe, days, plan.metric))
    control = arms.pop(plan.control, None)
    if control is None:
        return None
    frames, slopes = [], {}
    for name, arm in sorted(arms.items()):
        frame = _differences(name, control, arm)
        frames.append(frame)
        slopes[name] = _slope(frame, control, arm)
    found = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=list(COLUMNS))
    return Weeks(plan.metric, found, slopes)


def _bought(ripe: ir.Table, days: ir.Table, metric: str) -> ir.Table:
    """customer_id, arm, ripe, week, y: a row a unit and week with an order date."""
    joined = ripe.inner_join(days.select("customer_id", "order_date", *MONEY_OF.values()),
                             "customer_id")  # fmt: skip
    age = joined.order_date.delta(joined.assigned_on, unit="day")
    joined = joined.mutate(week=(age // 7 + 1).cast("int64"), age=age)
    joined = joined.filter((joined.age >= 0) & (joined.week <= joined.ripe))
    y = {
        "orders": lambda: joined.count(),
        "repurchase": lambda: joined.count().clip(upper=1),
    }.get(metric, lambda: cents(joined[MONEY_OF[metric]]).sum())
    return joined.group_by("customer_id", "arm", "ripe", "week").aggregate(y=y())


MONEY_OF = {"margin": "net_margin", "revenue": "net_revenue"}


def _arms(ripe: ir.Table, bought: ir.Table) -> dict[str, _Arm]:
    counts = ripe.group_by("arm", "ripe").aggregate(n=ripe.count())
    totals = bought.group_by("arm", "ripe", "week").aggregate(y=bought.y.sum().cast("float64"))
    later = bought.select(customer="customer_id", later="week", other="y")
    pairs = bought.inner_join(later, bought.customer_id == later.customer)
    pairs = pairs.filter(pairs.week <= pairs.later)
    products = pairs.group_by("arm", "ripe", "week", "later").aggregate(
        y=(pairs.y * pairs.other).sum().cast("float64")
    )
    n: dict[str, dict[int, int]] = {}
    for row in counts.to_pyarrow().to_pylist():
        mine = n.setdefault(str(row["arm"]), {})
        for week in range(1, int(row["ripe"]) + 1):
            mine[week] = mine.get(week, 0) + int(row["n"])
    sums: dict[str, dict[tuple[int, int], list[float]]] = {a: {} for a in n}
    for row in totals.to_pyarrow().to_pylist():
        # what was bought in a week, by those who are ripe for a later one
        for late in range(int(row["week"]), int(row["ripe"]) + 1):
            sums[row["arm"]].setdefault((int(row["week"]), late), []).append(row["y"])
    both: dict[str, dict[tuple[int, int], list[float]]] = {a: {} for a in n}
    for row in products.to_pyarrow().to_pylist():
        both[row["arm"]].setdefault((int(row["week"]), int(row["later"])), []).append(row["y"])
    return {
        arm: _Arm(
            n[arm],
            {k: math.fsum(v) for k, v in sums[arm].items()},
            {k: math.fsum(v) for k, v in both[arm].items()},
        )
        for arm in n
    }


def _differences(name: str, control: _Arm, arm: _Arm) -> pd.DataFrame:
    rows = []
    for week in sorted(set(control.n) & set(arm.n)):
        if min(control.n[week], arm.n[week]) < FEWEST:
            continue
        one, two = control.sums(week), arm.sums(week)
        if not one.covariance("y", "y") + two.covariance("y", "y") > 0:
            continue
        found = lift(one, two, "y")
        rows.append((name, week, one.n, two.n, found.control, found.treatment, *found.difference))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _slope(frame: pd.DataFrame, control: _Arm, arm: _Arm) -> Slope | None:
    weeks = [int(w) for w in frame["week"]]
    if len(weeks) < FEWEST_WEEKS:
        return None
    shared = np.array([
        [sum(a.covariance(min(i, j), max(i, j)) for a in (control, arm)) for j in weeks]
        for i in weeks
    ])  # fmt: skip
    return weighted_slope(weeks, frame["difference"].tolist(), shared)
