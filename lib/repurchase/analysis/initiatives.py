"""An initiative read from end to end: panel, table, ladder, flags, money, verdict."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from repurchase.analysis import initiative_costs, initiative_flags
from repurchase.analysis.initiative_costs import Accounts
from repurchase.analysis.initiative_flags import Crossed, Flag
from repurchase.analysis.initiative_money import InitiativeMoney, money
from repurchase.analysis.initiative_panel import CONTROL, FEWEST_AFTER, TREATED, InitiativePanel
from repurchase.analysis.initiative_reading import Reading, Verdict
from repurchase.analysis.initiative_rungs import Depth, climb
from repurchase.analysis.ladder import Ladder
from repurchase.initiatives import Initiative, Outcome


@dataclass(frozen=True)
class Told:
    """What one initiative is read from, beside its panel and its table.

    `crossed` are the controls' orders at treated places (None: units are no places), `others` what
    else happened to the same customers, `booked` the initiative's rows of the costs table (None: no
    such table), `cost_ids` what that table calls initiatives. `labels` are those that exist for the
    plan's unit, `unknown` campaigns of the plan that no event has. `costs_aside` are rows of the
    costs that could not be read, whosesoever they are.
    """

    crossed: Crossed | None
    others: Sequence[str]
    booked: pd.DataFrame | None
    accounts: Accounts | None
    discounts: float | None
    discount_rate: float
    identification_limit: float
    cost_ids: Collection[str] = ()
    labels: Collection[str] = ()
    unknown: Sequence[str] = ()
    costs_aside: int = 0


def read(
    plan: Initiative,
    panel: InitiativePanel,
    table: pd.DataFrame,
    told: Told,
    *,
    brief: bool = False,
    seed: int = 1,
) -> Reading:
    """One initiative; `learn` and `former` are for who has the other tables to fill in.

    Where the margin of more than 1 % of the order dates is unknown, revenue leads. `brief`
    leaves out what the verdict does not rest on.
    """
    plan = led(plan, panel)
    spill = initiative_flags.spill_over(panel, plan.outcome, told.crossed)
    ladders: dict[str, Ladder] = {}
    for outcome in outcomes(panel):
        depth: Depth = "all" if outcome in (plan.outcome, "margin") else "beside"
        if brief and depth == "beside":
            depth = "difference"
        ladders[outcome] = climb(panel, outcome, spilled=spill.raised, depth=depth, seed=seed)
    flags = flags_of(plan, panel, told, ladders, spill)
    refused = any(flag.refuses and flag.raised for flag in flags)
    worth = money(
        plan, ladders=ladders, refused=refused, panel=panel, booked=told.booked,
        accounts=told.accounts, discounts=told.discounts,
        discount_rate=told.discount_rate, seed=seed,
    )  # fmt: skip
    flags = (*flags, _costs_missing(plan, told, worth.missing))
    found = Reading(plan, panel, table, ladders, flags, worth, "no_data", None, None)
    return replace(found, verdict=verdict(found))


def _costs_missing(plan: Initiative, told: Told, missing: Sequence[str]) -> Flag:
    """What the costs lack, or hold that is no cost of a kind that is known."""
    rows = told.booked
    return initiative_flags.costs_missing(
        missing,
        initiative_costs.unknown_ids(plan, rows),
        told.cost_ids,
        negative=initiative_costs.negative(rows),
        aside=told.costs_aside,
        others=initiative_costs.other_categories(rows),
    )


def outcomes(panel: InitiativePanel) -> tuple[Outcome, ...]:
    """What is climbed for: the margin only where it is known."""
    return ("margin", "revenue", "orders") if panel.margin_known else ("revenue", "orders")


def led(plan: Initiative, panel: InitiativePanel) -> Initiative:
    """The plan with an outcome that is known."""
    if plan.outcome == "margin" and not panel.margin_known:
        return plan.model_copy(update={"outcome": "revenue"})
    return plan


def flags_of(
    plan: Initiative, panel: InitiativePanel, told: Told, ladders: Mapping[str, Ladder], spill: Flag
) -> tuple[Flag, ...]:
    """All that warns, but what the costs lack and how often it was tried."""
    outcome = plan.outcome
    chosen, counted = ladders[outcome].chosen, ladders["orders"].rung("difference")
    effect = None if chosen is None else chosen.effect
    orders = None if counted is None else counted.effect
    return (
        initiative_flags.regression_to_mean(plan, panel, outcome, effect),
        initiative_flags.chosen_unknown(plan),
        initiative_flags.labels_unknown(
            (*panel.absent, *told.unknown), told.labels, empty_groups(plan, panel)
        ),
        initiative_flags.anticipation(panel, outcome),
        spill,
        initiative_flags.other_initiatives(told.others),
        initiative_flags.incomplete_after(panel),
        initiative_flags.mix_change(panel),
        initiative_flags.identification_change(panel, told.identification_limit, orders),
    )


def empty_groups(plan: Initiative, panel: InitiativePanel) -> tuple[str, ...]:
    """The groups that the plan names and that have no customer."""
    told = {TREATED: plan.treated, CONTROL: plan.controls}
    there = set(panel.frame.loc[panel.frame["members"] > 0, "group"])
    return tuple(name for name, group in told.items() if group is not None and name not in there)


def verdict(reading: Reading) -> Verdict:
    """What is said of it: paid, or not, only where the whole interval of the ROI says so."""
    panel, money = reading.panel, reading.money
    frame = panel.frame
    own = frame[(frame["group"] == TREATED) & (frame["members"] > 0)]
    if not len(own) or panel.windows.before is None or not (own["phase"] == "before").any():
        return "no_data"
    after = own.loc[own["phase"] == "after", "start"].nunique()
    if after < FEWEST_AFTER[panel.windows.step]:
        return "no_data" if panel.windows.too_short else "too_early"
    if reading.rung is None:
        return "change_not_effect"
    return _of_roi(money)


def _of_roi(money: InitiativeMoney) -> Verdict:
    roi = money.roi
    if roi is None or not math.isfinite(roi.value):
        return "not_shown"
    if roi.low > 0:
        return "paid"
    return "not_paid" if roi.high < 0 else "not_shown"


def has_controls(panel: InitiativePanel) -> bool:
    """Whether anybody was left without it."""
    return bool((panel.frame["group"] == CONTROL).any())
