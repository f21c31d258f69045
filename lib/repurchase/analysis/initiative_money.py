"""What an initiative brought and cost: net value, ROI, payback, NPV, and how sure that is."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from repurchase.analysis import initiative_cash, initiative_costs
from repurchase.analysis.initiative_cash import Cash, Course, Drawn
from repurchase.analysis.initiative_costs import Accounts
from repurchase.analysis.initiative_panel import InitiativePanel
from repurchase.analysis.ladder import Ladder, Rung, RungName
from repurchase.calendar import Window
from repurchase.initiatives import Initiative
from repurchase.period import Period
from repurchase.reasons import (
    COSTS_NOT_KNOWN,
    MARGIN_NOT_MEASURED,
    NO_CHANGE_SEEN,
    NO_MEMBERS,
    NO_ONE_RATE,
    NO_RISE,
    NO_RUNG_STANDS,
    NOT_COUNTED_CASHED,
    NOT_COUNTED_NET,
    NOT_COUNTED_SOFT,
    NOT_WITHIN_HORIZON,
    NOTHING_PROMISED,
    NOTHING_SPENT,
    NOTHING_TO_COME,
    OTHERS_NOT_MEASURED,
    RECURS_NOT_TOLD,
    REVENUE_NOT_MEASURED,
    UNBOUNDED,
    reason,
)
from repurchase.stats.finance import Meaning, irr, meanings, payback
from repurchase.stats.panel import Effect, Floats
from repurchase.stats.proportion import Estimate
from repurchase.stats.uncertain import spread

BENEFITS = ["leaf", "name", "amount", "low", "high", "counted", "rung", "reason"]
BRIDGE = ["step", "amount", "kind"]
CASH = ["month", "benefit", "cost", "net", "cumulative", "low", "high", "projected"]
TORNADO = ["factor", "low_at", "high_at", "low", "high"]
# the share of the draws that a two-sided 95 % interval leaves on one side
SURE = 0.975
# the figures that there are none of where no cost is known
OF_COSTS = (
    "cost", "net", "roi", "roi_revenue", "npv", "payback_months", "irr", "draws", "break_even",
    "break_even_share", "forward",
)  # fmt: skip


@dataclass(frozen=True)
class Draws:
    """What the Monte-Carlo says: chances and the interval of ROI and of net value to date.

    `positive` and `reaches_target` are the chances that ROI to date is above 0 and not below the
    target, `horizon_positive` and `horizon_reaches` the same of ROI by the end of the horizon.
    """

    positive: float
    reaches_target: float | None
    roi: Estimate
    net: Estimate
    count: int
    horizon_positive: float = math.nan
    horizon_reaches: float = math.nan
    horizon_roi: Estimate | None = None


@dataclass(frozen=True)
class Forward:
    """Continue, extend or stop: on costs still to come, what was spent left out.

    `benefit` and `cost` are those of the months still to come up to the horizon, discounted;
    `cost` is None where no cost is known at all. `break_even_share` is the share of the seen change
    that must be the initiative's own for going on to pay (None where there is no change to share
    out). `positive` is the chance that the
    benefit exceeds the cost, None where no rung stands.
    """

    decision: str  # continue, extend, stop, wait, nothing (no cost is to come), ended
    months: int
    benefit: Estimate | None
    cost: float | None
    break_even_share: float | None
    positive: float | None = None


@dataclass(frozen=True)
class Promised:
    """What was promised against what was achieved.

    `state`: "kept", "missed" or "open" where the day has come (or none was named), "on_course",
    "off_course" or "open" where it is still to come; None where no ROI was promised or none is
    computed. `payback_state` is the same of the payback. `by_then` is the ROI by that day, in part
    projected. `readings` are the targets that the promised figure would be by each way to read it.
    """

    target: float | None
    reading: str
    base: float | None
    by: dt.date | None
    by_then: Estimate | None
    state: str | None
    readings: Mapping[Meaning, float | None]
    payback_months: float | None
    payback_state: str | None
    reaches: float | None  # chance that ROI by then is not below the target


@dataclass(frozen=True)
class InitiativeMoney:
    """The money of one initiative, in the reporting currency, up to `until`.

    `until` is the last day on which the effect was measured (the period's end where none was), so
    that benefit and cost are of the same days.

    `costs`: category, kind ("one_off", "running", "not_told"), amount, source ("booked", "planned",
    "estimated", "projected"), hours; `costs_ahead` the same of what is still to come within the
    horizon. `missing` are expected categories without a row. Where no cost is booked or planned
    `total_cost` and `cost_to_come` are None, and so is all that would count costs as nothing.
    `benefits`: leaf, name (of a saving: its place in the plan's list, from 0), amount, low, high,
    counted (False: shown and not counted, as labour saved that nobody cashed), rung, reason (why
    not counted).
    `bridge`: step, amount, kind ("level", "change", "total"): from the accounts' revenue to the net
    value. `cash`: month (first day), benefit, cost, net, cumulative with the interval of the draws
    (low and high; missing without them), projected.
    `tornado`: factor, low_at, high_at (the factor's ends), low, high (net present value there, the
    other factors at their likeliest). None always means not computed; `reasons` says why, by name
    of the figure.

    `net`, `roi` and `npv` have the interval of the draws over effect, margin, persistence and cost;
    `incremental` that of the effect alone. `npv` counts from the go-live to the horizon. `rung`
    names what the effect rests on, `change_rung` the comparison that the change is from.
    """

    costs: pd.DataFrame
    total_cost: float | None
    missing: tuple[str, ...]
    benefits: pd.DataFrame
    incremental: Estimate | None  # margin that the initiative caused to date
    incremental_revenue: Estimate | None
    change_money: Estimate | None  # what the whole seen change is worth, cause or not
    net: Estimate | None
    roi: Estimate | None
    roi_revenue: Estimate | None  # as the article counts: on revenue
    break_even: float | None  # effect a member and period at which it pays to date
    break_even_share: float | None  # of the seen change
    payback_months: float | None
    npv: Estimate | None
    irr: float | None
    draws: Draws | None
    tornado: pd.DataFrame
    cash: pd.DataFrame
    bridge: pd.DataFrame
    forward: Forward
    promised: float | None
    reasons: Mapping[str, str]
    until: dt.date = dt.date.min
    stop: dt.date = dt.date.min
    rung: str | None = None
    change_rung: str | None = None
    change: Effect | None = None
    costs_ahead: pd.DataFrame | None = None
    cost_to_come: float | None = 0.0
    break_even_uplift: float | None = None  # break_even relative to the treated's level before
    break_even_horizon: float | None = None  # effect at which it pays by the horizon
    break_even_horizon_share: float | None = None
    promise: Promised | None = None
    accounts: Accounts | None = None
    treated_revenue: float | None = None  # of the treated in the after-window, as analysed
    discount_rate: float = 0.0  # a year


def money(
    plan: Initiative,
    *,
    ladders: Mapping[str, Ladder],
    refused: bool,
    panel: InitiativePanel,
    booked: pd.DataFrame | None,
    accounts: Accounts | None = None,
    discounts: float | None = None,
    discount_rate: float = 0.0,
    seed: int = 1,
    draws: int = 10_000,
) -> InitiativeMoney:
    """The money of one initiative from its ladders of margin and of revenue, and its costs.

    `refused`: a flag forbids to stand on any rung. `booked` as `initiative_costs.booked` gives it.
    The effect is counted for whole periods of the after-window only, the costs from the first day;
    afterwards the effect is taken to last for the members of the last period, less what wears off.
    """
    given = _Given(plan, panel, ladders, refused, accounts, discounts, discount_rate)
    windows, stop = panel.windows, initiative_costs.stop_of(plan)
    until = windows.after.end if windows.after else windows.seen_until
    known = initiative_costs.lines(plan, booked, until=until, stop=stop)
    months = _months(plan, known, until=until, stop=stop)
    told = initiative_cash.course(
        plan, panel, given.margin, months,
        initiative_costs.course(known, months, until=until), until=until, stop=stop,
    )  # fmt: skip
    reasons: dict[str, str] = {}
    rung = given.rung(reasons)
    if known.empty:
        reasons |= dict.fromkeys(OF_COSTS, reason(COSTS_NOT_KNOWN))
    answer = _Answer(given, told, rung, reasons, draws, seed, costs_known=not known.empty)
    return answer.money(known, stop)


def _months(
    plan: Initiative, known: pd.DataFrame, *, until: dt.date, stop: dt.date
) -> tuple[Period, ...]:
    """Every month from the first cost, saving or the go-live to the last day that counts."""
    first = min([plan.go_live, until, *known["start"], *(s.start for s in plan.savings)])
    month, last = Period.month_of(first), Period.month_of(max(until, stop))
    found = [month]
    while found[-1].start < last.start:
        found.append(found[-1].shifted(1))
    return tuple(found)


@dataclass(frozen=True)
class _Given:
    plan: Initiative
    panel: InitiativePanel
    ladders: Mapping[str, Ladder]
    refused: bool
    accounts: Accounts | None
    discounts: float | None
    rate: float

    @property
    def margin(self) -> Ladder | None:
        return self.ladders.get("margin") if self.panel.margin_known else None

    def rung(self, reasons: dict[str, str]) -> Rung | None:
        """What the margin's effect rests on; else why nothing."""
        if self.margin is None:
            reasons["incremental"] = reason(MARGIN_NOT_MEASURED)
        elif not self.margin.exposure > 0:
            reasons["incremental"] = reason(NO_MEMBERS)
        elif self.refused or self.margin.chosen is None:
            reasons["incremental"] = reason(NO_RUNG_STANDS)
        else:
            return self.margin.chosen
        return None

    def revenue(self, name: RungName | None, reasons: dict[str, str]) -> Estimate | None:
        """The revenue's own effect to date, on the margin's rung where that stands for it too."""
        ladder = self.ladders.get("revenue")
        if ladder is None or not ladder.exposure > 0:
            reasons["incremental_revenue"] = reason(REVENUE_NOT_MEASURED)
            return None
        same = None if name is None else ladder.rung(name)
        rung = same if same is not None and same.stands else ladder.chosen
        if self.refused or rung is None or rung.effect is None:
            reasons["incremental_revenue"] = reason(NO_RUNG_STANDS)
            return None
        return times(rung.effect, ladder.exposure)

    def change(self) -> tuple[RungName | None, Effect | None]:
        """The seen change of the margin: season-matched where a year before is seen, else naive."""
        names: tuple[RungName, ...] = ("season", "naive")
        for name in names:
            rung = self.margin.rung(name) if self.margin else None
            if rung is not None and rung.effect is not None:
                return name, rung.effect
        return None, None

    def sums(self, phase: str) -> tuple[float, float, float] | None:
        """Revenue, margin and member-periods of the treated in the phase."""
        frame = self.panel.frame
        rows = frame[(frame["group"] == "treated") & (frame["phase"] == phase)]
        if rows.empty:
            return None
        margin = float(rows["margin"].astype(float).sum()) if self.panel.margin_known else math.nan
        return float(rows["revenue"].astype(float).sum()), margin, float(rows["members"].sum())


def times(effect: Effect, exposure: float) -> Estimate:
    """An effect a member and period as a total."""
    return Estimate(effect.value * exposure, effect.low * exposure, effect.high * exposure)


@dataclass(frozen=True)
class _Answer:
    """One reading of the money; the draws are made once."""

    given: _Given
    told: Course
    rung: Rung | None
    reasons: dict[str, str]
    count: int
    seed: int
    costs_known: bool

    def money(self, known: pd.DataFrame, stop: dt.date) -> InitiativeMoney:
        given, told, plan, reasons = self.given, self.told, self.given.plan, self.reasons
        until, spent = told.until, told.costs.to_date
        window = Window(told.months[0].start, until)
        ahead = Window(until + dt.timedelta(days=1), max(stop, until))
        costs = initiative_costs.table(known, window)
        later = initiative_costs.table(known, ahead)
        if not spent > 0:
            reasons.setdefault("roi", reason(NOTHING_SPENT))
        unclear = costs.loc[costs["kind"] == "not_told", "amount"].sum()
        if unclear:
            reasons["cost_to_come"] = reason(RECURS_NOT_TOLD, amount=round(float(unclear)))
        exposure = float(told.exposure.sum())
        effect = self.rung.effect if self.rung else None
        # what is not known is not free: without costs nothing is set against the benefit
        weighed = effect if self.costs_known else None
        point = None if weighed is None else initiative_cash.cash(told, self.likely(weighed.value))
        drawn = self.drawn(weighed)
        sample = None if drawn is None else initiative_cash.cash(told, drawn)
        incremental = None
        if effect is not None:
            factor = initiative_cash.margin_range(plan)[1]
            incremental = times(effect, exposure * factor)
        change_rung, change = given.change()
        even = self.break_even(change)
        revenue = given.revenue(self.rung.name if self.rung else None, reasons)
        benefits = _benefits(given, told, incremental, self.rung)
        for name in ("net", "npv", "payback_months", "irr", "roi", "draws"):
            if self.rung is None:
                reasons.setdefault(name, reasons["incremental"])
        return InitiativeMoney(
            costs, round(spent, 2) if self.costs_known else None,
            initiative_costs.missing(plan, known), benefits,
            incremental, revenue,
            _change_money(plan, change, exposure, reasons),
            self.net(point, sample), self.roi(point, sample),
            self.roi_revenue(revenue, spent),
            even.get("to_date"), even.get("to_date_share"),
            self.payback(point, plan), self.npv(point, sample), self.irr(point),
            self.draws(point, sample), self.tornado(point, drawn),
            self.cash_frame(point, sample),
            self.bridge(costs, incremental, change, exposure, point),
            self.forward(point, sample, change),
            None if plan.promised is None else plan.promised.target, reasons,
            until=until, stop=stop, rung=self.rung.name if self.rung else None,
            change_rung=change_rung, change=change, costs_ahead=later,
            cost_to_come=round(told.costs.to_come, 2) if self.costs_known else None,
            break_even_uplift=even.get("uplift"), break_even_horizon=even.get("horizon"),
            break_even_horizon_share=even.get("horizon_share"),
            promise=self.promise(point, sample), accounts=given.accounts,
            treated_revenue=sums[0] if (sums := given.sums("after")) else None,
            discount_rate=given.rate,
        )  # fmt: skip

    # ---- draws

    def likely(self, effect: float) -> Drawn:
        return initiative_cash.likely(self.given.plan, effect)

    def drawn(self, effect: Effect | None) -> Drawn | None:
        if effect is None:
            return None
        told = Estimate(effect.value, effect.low, effect.high)
        if not all(map(math.isfinite, told)):
            self.reasons["draws"] = reason(UNBOUNDED)
            return None
        return initiative_cash.drawn(self.given.plan, told, count=self.count, seed=self.seed)

    # ---- to date

    def net(self, point: Cash | None, sample: Cash | None) -> Estimate | None:
        if point is None:
            return None
        return _around(point.net, None if sample is None else sample.net)

    def roi(self, point: Cash | None, sample: Cash | None) -> Estimate | None:
        if point is None or not self.told.costs.to_date > 0:
            return None
        return _around(point.roi(), None if sample is None else sample.roi())

    def roi_revenue(self, revenue: Estimate | None, spent: float) -> Estimate | None:
        if revenue is None or not spent > 0:
            why = self.reasons.get("incremental_revenue", reason(NOTHING_SPENT))
            self.reasons.setdefault("roi_revenue", why)
            return None
        saved = float(self.told.saved.sum())
        return Estimate(*((brought + saved - spent) / spent for brought in revenue))

    def break_even(self, change: Effect | None) -> dict[str, float]:
        """The effect at which the benefit equals the cost, and its share of the seen change."""
        told, reasons = self.told, self.reasons
        found: dict[str, float] = {}
        if not self.costs_known:
            return found
        if change is None:
            reasons["break_even_share"] = reason(NO_CHANGE_SEEN)
        elif not change.value > 0:
            reasons["break_even_share"] = reason(NO_RISE)
        if self.given.margin is None or not told.exposure.sum() > 0:
            why = MARGIN_NOT_MEASURED if self.given.margin is None else NO_MEMBERS
            reasons["break_even"] = reason(why)
            return found
        nothing, one = (initiative_cash.cash(told, self.likely(e)) for e in (0.0, 1.0))
        worth = initiative_cash.factors(told, self.given.rate)
        for name, needed, gain in (
            ("to_date", -nothing.net[0], (one.net - nothing.net)[0]),
            ("horizon", -float(nothing.net_by_month[0] @ worth),
             float((one.net_by_month - nothing.net_by_month)[0] @ worth)),
        ):  # fmt: skip
            found[name] = max(float(needed / gain), 0.0) + 0.0  # not -0.0
            if change is not None and change.value > 0:
                found[f"{name}_share"] = found[name] / change.value
        before = self.given.sums("before")
        if before is not None and before[1] > 0 and before[2] > 0:
            found["uplift"] = found["to_date"] / (before[1] / before[2])
        return found

    # ---- over the horizon

    def npv(self, point: Cash | None, sample: Cash | None) -> Estimate | None:
        if point is None:
            return None
        worth = initiative_cash.factors(self.told, self.given.rate)
        values = None if sample is None else sample.net_by_month @ worth
        return _around(point.net_by_month @ worth, values)

    def irr(self, point: Cash | None) -> float | None:
        """A year's rate."""
        if point is None:
            return None
        monthly = irr(point.net_by_month[0].tolist(), self.told.time.tolist())
        if monthly is None:
            self.reasons["irr"] = reason(NO_ONE_RATE)
            return None
        return float((1 + monthly) ** initiative_cash.YEAR - 1)

    def payback(self, point: Cash | None, plan: Initiative) -> float | None:
        """Months from the begin of the go-live's month until the cash spent has come back."""
        if point is None:
            return None
        if not self.told.costs.to_date > 0:
            self.reasons["payback_months"] = reason(NOTHING_SPENT)
            return None
        net, early = point.net_by_month[0], self.told.time <= 0
        found = payback([float(net[early].sum()), *net[~early]])
        if found is None:
            self.reasons["payback_months"] = reason(
                NOT_WITHIN_HORIZON, months=plan.horizon_months
            )
        return found

    def draws(self, point: Cash | None, sample: Cash | None) -> Draws | None:
        if point is None or sample is None or not self.told.costs.to_date > 0:
            if point is not None:
                self.reasons.setdefault("draws", reason(NOTHING_SPENT))
            return None
        roi, target = sample.roi(), float(self.given.plan.target_roi)
        whole = sample.roi(np.ones(len(self.told.months)))
        at = point.roi(np.ones(len(self.told.months)))
        return Draws(
            float((roi > 0).mean()), float((roi >= target).mean()), _around(point.roi(), roi),
            _around(point.net, sample.net), self.count,
            float((whole > 0).mean()), float((whole >= target).mean()), _around(at, whole),
        )  # fmt: skip

    def tornado(self, point: Cash | None, drawn: Drawn | None) -> pd.DataFrame:
        """The present value at the ends of each factor that is not certain, the widest first."""
        if point is None or drawn is None or self.rung is None or self.rung.effect is None:
            return pd.DataFrame(columns=TORNADO)
        plan, effect = self.given.plan, self.rung.effect
        margin, lasts = initiative_cash.margin_range(plan), plan.persistence
        half = float(plan.costs.uncertainty)
        ends: dict[str, tuple[float, float]] = {
            "effect": (effect.low, effect.high),
            "margin": (margin[0], margin[2]),
            "persistence": (float(lasts.low), float(lasts.high)),
            "cost": (1 + half, 1 - half),
        }
        base = self.likely(effect.value)
        rows = [
            (name, low, high, self.value(base.held(**{name: low})),
             self.value(base.held(**{name: high})))
            for name, (low, high) in ends.items() if low != high
        ]  # fmt: skip
        rows = [r for r in rows if r[3] != r[4]]
        if self.told.ahead.sum() > 0:
            to_date = (point.benefit - point.cost)[0]
            worth = initiative_cash.factors(self.told, self.given.rate)
            until, end = (0.0, float(np.count_nonzero(self.told.ahead)))
            rows.append(("months_to_come", until, end, float(to_date @ worth), self.value(base)))
        rows.sort(key=lambda r: -abs(r[4] - r[3]))
        return pd.DataFrame(rows, columns=TORNADO)

    def value(self, at: Drawn) -> float:
        found = initiative_cash.cash(self.told, at).net_by_month[0]
        return float(found @ initiative_cash.factors(self.told, self.given.rate))

    # ---- frames

    def cash_frame(self, point: Cash | None, sample: Cash | None) -> pd.DataFrame:
        """Without an effect the benefit is missing and the cumulative counts the costs; without
        costs there is no row."""
        told = self.told
        rows = []
        total, drawn = 0.0, np.zeros(self.count)
        months = told.months if self.costs_known else ()
        cost = told.costs.booked + told.costs.open
        ahead = told.costs.booked_ahead + told.costs.open_ahead
        for at, month in enumerate(months):
            for projected, spent in ((False, cost[at]), (True, ahead[at])):
                inside = month.start <= told.until if not projected else month.end > told.until
                if not inside:
                    continue
                gain = None
                if point is not None:
                    gain = float((point.benefit_ahead if projected else point.benefit)[0, at])
                total += (gain or 0.0) - spent
                low = high = None
                if sample is not None:
                    drawn = drawn + sample.net_of(at, ahead=projected)
                    _, low, high = spread(drawn, total)
                net = (gain or 0.0) - spent
                rows.append((month.start, gain, spent, net, total, low, high, projected))
        frame = pd.DataFrame(rows, columns=CASH)
        return frame.astype(dict.fromkeys(CASH[1:-1], float))

    def bridge(
        self, costs: pd.DataFrame, incremental: Estimate | None, change: Effect | None,
        exposure: float, point: Cash | None,
    ) -> pd.DataFrame:  # fmt: skip
        """From the company's revenue over the treated's margin to the net value to date.

        Levels are sums so far, changes lead from one to the next. Where no rung stands, it leads
        to the change and the costs, and has no net value.
        """
        rows: list[tuple[str, float, str]] = []
        given, sums = self.given, self.given.sums("after")
        if sums is not None:
            if given.accounts is not None:
                whole = given.accounts.revenue
                rows += [("company_revenue", whole, "level"),
                         ("not_treated", sums[0] - whole, "change")]  # fmt: skip
            rows.append(("treated_revenue", sums[0], "level"))
            if given.margin is not None:
                rows += [("cost_of_goods", sums[1] - sums[0], "change"),
                         ("treated_margin", sums[1], "level")]  # fmt: skip
                own = incremental.value if incremental else None
                if own is None and change is not None:
                    own = change.value * exposure * initiative_cash.margin_range(given.plan)[1]
                if own is not None:
                    known = incremental is not None
                    rows += [("without" if known else "as_before", own - sums[1], "change"),
                             ("incremental" if known else "change", own, "level")]  # fmt: skip
        saved = float(self.told.saved.sum())
        if saved:
            rows.append(("savings", saved, "change"))
        for kind in ("one_off", "running", "not_told"):
            spent = float(costs.loc[costs["kind"] == kind, "amount"].sum())
            if spent:
                rows.append((f"cost_{kind}", -spent, "change"))
        if point is not None:
            rows.append(("net", float(point.net[0]), "total"))
        return pd.DataFrame(rows, columns=BRIDGE)

    # ---- what is still to come, and what was promised

    def forward(
        self, point: Cash | None, sample: Cash | None, change: Effect | None
    ) -> Forward:
        told, reasons = self.told, self.reasons
        stop, now = initiative_costs.stop_of(self.given.plan), self.given.panel.windows.seen_until
        open_ = np.array([now < m.end and m.start <= stop for m in told.months])
        here = told.time[~open_].max(initial=0.0)
        worth = open_ * initiative_cash.factors(told, self.given.rate, since=float(here))
        months = int(open_.sum())
        nothing = initiative_cash.cash(told, self.likely(0.0))
        cost = float(nothing.cost_ahead[0] @ worth)
        if stop <= now:
            reasons["forward"] = reason(NOTHING_TO_COME)
            return Forward("ended", 0, None, 0.0, None)
        if not self.costs_known:
            return Forward("wait", months, None, None, None)
        share = None
        if change is not None and change.value > 0 and told.ahead.sum() > 0:
            whole = initiative_cash.cash(told, self.likely(change.value))
            gain = float((whole.benefit_ahead - nothing.benefit_ahead)[0] @ worth)
            needed = cost - float(nothing.benefit_ahead[0] @ worth)
            share = max(needed / gain, 0.0) + 0.0 if gain > 0 else None
        # a cost of which nobody told whether it recurs may come again
        free = cost == 0 and "cost_to_come" not in reasons
        undecided = "nothing" if free else "wait"
        if point is None or sample is None:
            reasons["forward"] = reasons.get("incremental", reason(UNBOUNDED))
            return Forward(undecided, months, None, cost, share)
        benefit = _around(point.benefit_ahead @ worth, sample.benefit_ahead @ worth)
        net = (sample.benefit_ahead - sample.cost_ahead) @ worth
        bounds = spread(net, 0.0)
        decision = undecided
        if bounds.low > 0:
            ladder, npv = self.given.margin, self.npv(point, sample)
            others = ladder is not None and ladder.units_control > 0
            # what it cost to begin is the best guess at what the others' beginning would cost
            decision = "extend" if others and npv is not None and npv.low > 0 else "continue"
        elif bounds.high < 0:
            decision = "stop"
        return Forward(decision, months, benefit, cost, share, float((net > 0).mean()))

    def promise(self, point: Cash | None, sample: Cash | None) -> Promised | None:
        promised, reasons = self.given.plan.promised, self.reasons
        if promised is None:
            reasons["promised"] = reason(NOTHING_PROMISED)
            return None
        base = None if promised.base is None else float(promised.base)
        readings = meanings(float(promised.roi), base) if promised.roi is not None else {}
        by_then, state, reaches = None, None, None
        past = promised.by is not None and promised.by <= self.told.until
        if point is not None and promised.target is not None and self.told.costs.to_date > 0:
            last = promised.by or self.told.until
            flags = np.array([m.start <= last for m in self.told.months], dtype=float)
            # with no day, and on the day, what counts is what has come
            whole = None if promised.by is None or past else flags
            draws = None if sample is None else sample.roi(whole)
            by_then = _around(point.roi(whole), draws)
            reaches = None if draws is None else float((draws >= promised.target).mean())
            words = ("kept", "missed") if whole is None else ("on_course", "off_course")
            state = _state(by_then, promised.target, *words)
        return Promised(
            promised.target, promised.reading, base, promised.by, by_then, state, readings,
            None if promised.payback_months is None else float(promised.payback_months),
            self.payback_state(
                sample, None if promised.payback_months is None else float(promised.payback_months)
            ), reaches,
        )  # fmt: skip

    def payback_state(self, sample: Cash | None, months: float | None) -> str | None:
        """Whether the cash is back by the month promised, when the draws leave no doubt of it."""
        if sample is None or months is None:
            return None
        live = Period.month_of(self.given.plan.go_live)
        there = self.told.time <= months
        back = float((sample.net_by_month[:, there].sum(axis=1) >= 0).mean())
        due = live.shifted(math.ceil(months) - 1).end <= self.told.until
        good, bad = ("kept", "missed") if due else ("on_course", "off_course")
        return good if back >= SURE else bad if back <= 1 - SURE else "open"


def _state(told: Estimate, target: float, good: str, bad: str) -> str:
    return good if told.low >= target else bad if told.high < target else "open"


def _around(point: Floats, sample: Floats | None) -> Estimate:
    """The value with the interval of its draws; without draws it has no bounds."""
    value = float(point[0])
    return Estimate(value, -math.inf, math.inf) if sample is None else spread(sample, value)


def _change_money(
    plan: Initiative, change: Effect | None, exposure: float, reasons: dict[str, str]
) -> Estimate | None:
    if change is None or not exposure > 0:
        reasons["change_money"] = reason(NO_CHANGE_SEEN if change is None else NO_MEMBERS)
        return None
    return times(change, exposure * initiative_cash.margin_range(plan)[1])


def _benefits(
    given: _Given, told: Course, incremental: Estimate | None, rung: Rung | None
) -> pd.DataFrame:
    """Every benefit in one leaf; what is not counted is shown with its reason."""
    rows: list[Sequence[object]] = []
    if incremental is not None:
        name = rung.name if rung else None
        rows.append(("incremental_margin", "", *incremental, True, name, None))
    else:
        why = reason(NO_RUNG_STANDS if given.margin else MARGIN_NOT_MEASURED)
        rows.append(("incremental_margin", "", None, None, None, False, None, why))
    window = Window(told.months[0].start, told.until)
    for number, saving in enumerate(given.plan.savings):
        amount = round(initiative_cash.saved(saving, window), 2)
        soft = None if saving.cashed else reason(NOT_COUNTED_CASHED)
        rows.append(("saving", str(number), amount, amount, amount, saving.cashed, None, soft))
    rows.append(("cannibalised", "", None, None, None, False, None, reason(OTHERS_NOT_MEASURED)))
    if given.discounts is not None:
        amount = -given.discounts
        rows.append(("discounts", "", amount, None, None, False, None, reason(NOT_COUNTED_NET)))
    rows.append(("satisfaction", "", None, None, None, False, None, reason(NOT_COUNTED_SOFT)))
    frame = pd.DataFrame(rows, columns=BENEFITS)
    return frame.astype({"amount": float, "low": float, "high": float})
