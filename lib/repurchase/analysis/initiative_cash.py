"""The cash of an initiative by month, and its draws: what was, and what is still to come."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from repurchase.analysis.initiative_costs import CostCourse
from repurchase.analysis.initiative_panel import InitiativePanel
from repurchase.analysis.ladder import Ladder
from repurchase.calendar import Window
from repurchase.initiatives import Initiative, Persistence, Saving
from repurchase.period import Period
from repurchase.stats.panel import Floats
from repurchase.stats.proportion import Estimate
from repurchase.stats.uncertain import strata, triangular, two_sided

# periods of the step in a month
STEPS_A_MONTH = {"month": 1.0, "week": 365.25 / 12 / 7}
YEAR = 12


@dataclass(frozen=True)
class Course:
    """What an effect of 1 a member and period is exposed to, saved and spent, by calendar month.

    `exposure` are treated members times periods up to `until`, `ahead` those still to come at the
    members of the last period; `months_on` the months from `until` on, over which an effect wears
    off. `saved` and `saved_ahead` are cashed savings. `time` counts months from the begin of the
    go-live's month to each month's end; months before it are negative or 0.
    """

    months: tuple[Period, ...]
    until: dt.date
    time: Floats
    exposure: Floats
    ahead: Floats
    months_on: Floats
    saved: Floats
    saved_ahead: Floats
    costs: CostCourse


@dataclass(frozen=True)
class Drawn:
    """A value for each factor that an answer hangs on, or an array of draws of each.

    `effect` is that on the margin of a member in a period, `margin` a factor of it, `persistence`
    what is left of it a month later, `cost` a factor of what is not booked.
    """

    effect: Floats
    margin: Floats
    persistence: Floats
    cost: Floats

    def held(self, **at: float) -> Drawn:
        """The same with some factors at another value."""
        return Drawn(**{**vars(self), **{k: np.array([v]) for k, v in at.items()}})


@dataclass(frozen=True)
class Cash:
    """Benefit and cost by draw (rows) and month (columns), to date and to come."""

    benefit: Floats
    benefit_ahead: Floats
    cost: Floats
    cost_ahead: Floats

    @property
    def net_by_month(self) -> Floats:
        return self.benefit + self.benefit_ahead - self.cost - self.cost_ahead

    @property
    def net(self) -> Floats:
        """Net value to date of each draw."""
        return np.asarray((self.benefit - self.cost).sum(axis=1))

    def net_of(self, month: int, *, ahead: bool) -> Floats:
        """Benefit less cost of one month in each draw, to date or to come."""
        gain, cost = (self.benefit_ahead, self.cost_ahead) if ahead else (self.benefit, self.cost)
        return np.asarray(gain[:, month] - cost[:, month])

    def roi(self, months: Floats | None = None) -> Floats:
        """ROI of each draw to date, or of all that falls on the months which are flagged."""
        gain, cost = self.benefit, self.cost
        if months is not None:
            gain, cost = gain + self.benefit_ahead, cost + self.cost_ahead
            gain, cost = gain[:, months.astype(bool)], cost[:, months.astype(bool)]
        spent = cost.sum(axis=1)
        return np.asarray((gain.sum(axis=1) - spent) / spent)


def course(
    plan: Initiative,
    panel: InitiativePanel,
    ladder: Ladder | None,
    months: Sequence[Period],
    costs: CostCourse,
    *,
    until: dt.date,
    stop: dt.date,
) -> Course:
    """The course of the plan over the months; without a ladder nobody is exposed."""
    go_live = Period.month_of(plan.go_live).start
    time = [12.0 * (m.start.year - go_live.year) + m.start.month - go_live.month + 1
            for m in months]  # fmt: skip
    here = 12 * (until.year - go_live.year) + until.month - go_live.month + 1
    to_come = Window(until + dt.timedelta(days=1), stop)
    a_month = (ladder.members if ladder else 0.0) * STEPS_A_MONTH[plan.step]
    cashed = [s for s in plan.savings if s.cashed]
    return Course(
        tuple(months), until, np.array(time), _exposure(panel, ladder, months),
        np.array([a_month * share_of(m, to_come) for m in months]),
        np.maximum(np.array(time) - here, 0.0),
        np.array([sum(saved(s, Window(m.start, min(m.end, until))) for s in cashed)
                  for m in months], dtype=float),
        np.array([sum(saved(s, Window(max(m.start, to_come.start), min(m.end, stop)))
                      for s in cashed) for m in months], dtype=float),
        costs,
    )  # fmt: skip


def _exposure(
    panel: InitiativePanel, ladder: Ladder | None, months: Sequence[Period]
) -> Floats:
    """The ladder's exposure, laid on the months in which its treated members were seen."""
    found = np.zeros(len(months))
    if ladder is None:
        return found
    frame = panel.frame
    seen = frame[(frame["group"] == "treated") & (frame["phase"] == "after")]
    place = {m.start: k for k, m in enumerate(months)}
    for start, members in zip(seen["start"], seen["members"], strict=True):
        found[place[dt.date(start.year, start.month, 1)]] += float(members)
    total = found.sum()
    return found * (ladder.exposure / total) if total > 0 else found


def share_of(month: Period, window: Window) -> float:
    """The share of a month's days that lies in the window."""
    days = (min(month.end, window.end) - max(month.start, window.start)).days + 1
    return max(days, 0) / month.days


def saved(saving: Saving, window: Window) -> float:
    """What is saved on the window's days, a month's sum spread over the days of each month."""
    last = window.end if saving.end is None else min(saving.end, window.end)
    days = Window(max(saving.start, window.start), last)
    found, month = 0.0, Period.month_of(days.start)
    while month.start <= days.end:
        found += float(saving.monthly) * share_of(month, days)
        month = month.shifted(1)
    return found


# ---- draws -------------------------------------------------------------------------------------


def margin_range(plan: Initiative) -> tuple[float, float, float]:
    """Low, likely and high factor of the measured margin: 1 is likely where it lies between."""
    if not plan.margin_factor:
        return 1.0, 1.0, 1.0
    low, high = sorted(map(float, plan.margin_factor))
    return low, 1.0 if low <= 1 <= high else (low + high) / 2, high


def likely(plan: Initiative, effect: float) -> Drawn:
    """Every factor at its likeliest value."""
    values = (effect, margin_range(plan)[1], float(plan.persistence.likely), 1.0)
    return Drawn(*(np.array([v]) for v in values))


def drawn(plan: Initiative, effect: Estimate, *, count: int, seed: int) -> Drawn:
    """Seeded draws of the factors, independent of each other."""
    u = strata(count, 4, seed)
    lasts: Persistence = plan.persistence
    half = float(plan.costs.uncertainty)
    return Drawn(
        two_sided(u[0], effect),
        triangular(u[1], *margin_range(plan)),
        triangular(u[2], float(lasts.low), float(lasts.likely), float(lasts.high)),
        1 + half * (2 * u[3] - 1),
    )


def cash(told: Course, at: Drawn) -> Cash:
    """The cash by month at these factors."""
    each = (at.effect * at.margin)[:, None]
    lasting = at.persistence[:, None] ** told.months_on
    costs = told.costs
    open_ = at.cost[:, None]
    shape = (max(map(len, vars(at).values())), len(told.months))
    parts = (
        each * told.exposure + told.saved,
        each * lasting * told.ahead + told.saved_ahead,
        costs.booked + open_ * costs.open,
        costs.booked_ahead + open_ * costs.open_ahead,
    )
    return Cash(*(np.broadcast_to(p, shape) for p in parts))


def factors(told: Course, annual: float, *, since: float = 0.0) -> Floats:
    """What a unit of each month is worth at `since` months after the go-live's month began.

    A month's cash counts as if it all came at its end.
    """
    return np.asarray((1 + annual) ** (-(told.time - since) / YEAR))
