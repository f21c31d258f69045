"""What an initiative brought and cost: net value, ROI, payback, NPV, and how sure that is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from repurchase.stats.proportion import Estimate


@dataclass(frozen=True)
class Draws:
    """What the Monte-Carlo says: chances and the interval of ROI and of net value to date."""

    positive: float
    reaches_target: float | None
    roi: Estimate
    net: Estimate
    count: int


@dataclass(frozen=True)
class Forward:
    """Continue, extend or stop: on costs still to come, what was spent left out.

    `benefit` and `cost` are those of the months still to come up to the horizon, discounted;
    `break_even_share` is the share of the seen change that must be the initiative's own for going
    on to pay (None where there is no change to share out).
    """

    decision: str  # continue, extend, stop, wait
    months: int
    benefit: Estimate | None
    cost: float
    break_even_share: float | None


@dataclass(frozen=True)
class InitiativeMoney:
    """The money of one initiative, in the reporting currency, up to the period's end.

    `costs`: category, kind ("one_off", "running"), amount, source ("booked", "planned",
    "estimated"). `missing` are expected categories without a row. `benefits`: leaf, amount, low,
    high, counted (False: shown and not counted, as labour saved that nobody cashed), rung.
    `bridge`: step, amount: from the accounts' revenue of the treated to the net value.
    `cash`: month, benefit, cost, cumulative, projected. `tornado`: factor, low, high (net value at
    the factor's low and high end, the others held). None always means not computed; `reasons` says
    why, by name of the figure.
    """

    costs: pd.DataFrame
    total_cost: float
    missing: tuple[str, ...]
    benefits: pd.DataFrame
    incremental: Estimate | None  # margin that the initiative caused to date
    incremental_revenue: Estimate | None
    change_money: Estimate | None  # what the whole seen change is worth, cause or not
    net: Estimate | None
    roi: Estimate | None
    roi_revenue: float | None  # as the article counts: on revenue
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
