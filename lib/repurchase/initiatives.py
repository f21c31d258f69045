"""What a profile says of an initiative: when it went live, for whom, what it costs and promised.

A system, a loyalty programme or a wave of outreach on which money is spent so that customers come
back. What is missing here narrows what the chapter can say, and the chapter says so.
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

from pydantic import Field, model_validator

from repurchase.strict import Name60, ReaderText, SegmentText, Seq, Share, Strict

Outcome = Literal["margin", "revenue", "orders"]
OUTCOMES: tuple[Outcome, ...] = ("margin", "revenue", "orders")
CostCategory = Literal[
    "software", "build", "implementation", "training", "maintenance", "labour", "campaign",
    "incentive", "loyalty_reward", "shipping", "payment_fee", "other",
]  # fmt: skip
Money = Annotated[float | int, Field(ge=0)]
Factor = Annotated[float | int, Field(gt=0, le=10)]


class Group(Strict):
    """Units by their labels, or customers by a condition or by the campaigns that reached them.

    `where` is a condition over the columns of customers, `campaigns` are values of campaign_id in
    the events; both make groups of customers, `labels` groups of the plan's unit.
    """

    labels: Seq[str] = ()
    where: SegmentText | None = None
    campaigns: Seq[str] = ()

    @model_validator(mode="after")
    def _one_way(self) -> Group:
        if sum(map(bool, (self.labels, self.where, self.campaigns))) != 1:
            raise ValueError("a group is told in one way: labels, where or campaigns")
        return self


class PlannedCost(Strict):
    """A cost that stands in no cost table: an amount, or hours x rate, on a day or every month.

    `monthly` spreads the amount over each month from `start` to `end` (no end: as long as the
    initiative runs). `estimated` marks what nobody has booked yet.
    """

    category: CostCategory
    amount: Money | None = None
    hours: Money | None = None
    hourly_rate: Money | None = None
    start: dt.date
    end: dt.date | None = None
    monthly: bool = False
    estimated: bool = False

    @model_validator(mode="after")
    def _an_amount(self) -> PlannedCost:
        by_hours = self.hours is not None and self.hourly_rate is not None
        if (self.amount is None) == (not by_hours):
            raise ValueError("a cost is an amount, or hours and hourly_rate, not both")
        if self.end is not None and self.end < self.start:
            raise ValueError(f"end ({self.end}) lies before start ({self.start})")
        return self

    @property
    def money(self) -> float:
        """The amount, of each month if `monthly`."""
        if self.amount is not None:
            return float(self.amount)
        return float(self.hours or 0) * float(self.hourly_rate or 0)


class InitiativeCosts(Strict):
    """Where an initiative's costs are found.

    `ids` are values of `initiative_id` in the costs table (default: the initiative's own id).
    `expected` are categories that must not be missing: one without a row is named as missing, and
    the verdict says so. `discounts` is a condition over the columns of orders: discounts given for
    the initiative. They are shown, and not taken off a second time where the margin is already net
    of them.
    `uncertainty` is the relative half-width of what is not yet booked.
    """

    ids: Seq[str] = ()
    expected: Seq[CostCategory] = ()
    planned: Seq[PlannedCost] = ()
    discounts: SegmentText | None = None
    uncertainty: Share = 0.0


class Saving(Strict):
    """Labour or other money saved a month. Only what is cashed counts: a post no longer paid."""

    name: ReaderText
    monthly: Money
    start: dt.date
    end: dt.date | None = None
    cashed: bool = False


class Promise(Strict):
    """What was promised when the money was asked for.

    `roi` with `reading`: "reaches" (ROI is to be .8), "rises_points" (.8 above `base`) or
    "rises_relative" (80 % above `base`). The last two need `base`.
    """

    roi: float | int | None = None
    reading: Literal["reaches", "rises_points", "rises_relative"] = "reaches"
    base: float | int | None = None
    payback_months: Annotated[float | int, Field(gt=0)] | None = None
    by: dt.date | None = None

    @model_validator(mode="after")
    def _has_a_base(self) -> Promise:
        if self.roi is not None and self.reading != "reaches" and self.base is None:
            raise ValueError(f"a promise that ROI {self.reading} needs the base that it rises from")
        if self.roi is None and self.payback_months is None:
            raise ValueError("a promise names roi, payback_months or both")
        return self

    @property
    def target(self) -> float | None:
        """The ROI that the promise means."""
        if self.roi is None or self.reading == "reaches":
            return None if self.roi is None else float(self.roi)
        base = float(self.base or 0)
        return base + float(self.roi) if self.reading == "rises_points" else base * (1 + self.roi)


class Persistence(Strict):
    """What part of the effect is still there a month later: 1 is "it stays", .95 "it wears off"."""

    low: Share = 1.0
    likely: Share = 1.0
    high: Share = 1.0

    @model_validator(mode="after")
    def _in_order(self) -> Persistence:
        if not self.low <= self.likely <= self.high:
            raise ValueError("persistence must be low <= likely <= high")
        return self


class HoldOut(Strict):
    """The hold-out to start now, where nothing else can tell the effect from what would have been.

    `share` of the customers is left without the initiative, drawn by `seed` within store.
    """

    share: Annotated[float, Field(gt=0, le=0.5)] = 0.1
    seed: int = 1


class InitiativeDecision(Strict):
    """What was decided before, when, and the ROI that was claimed for it."""

    verdict: Literal["continue", "extend", "stop", "none"]
    on: dt.date
    roi: float | None = None


class Initiative(Strict):
    """One initiative as it was planned and paid for.

    `unit` is what the treated are told by: store_id, rep_id or channel of a customer's first order
    date, region (of the customer), a segment of the profile, or customer. `treated` None: everyone
    was treated at once. `controls` None: all other units with a label; an empty list of labels is
    refused. `except_for` are units in neither group. `before_months` and `after_months` bound the
    windows; None: all months that the data have.
    """

    id: Name60
    name: ReaderText
    kind: Literal["system", "loyalty", "campaign", "other"] = "other"
    owner: str | None = None
    go_live: dt.date
    ends: dt.date | None = None
    ramp_up_days: Annotated[int, Field(ge=0, le=366)] = 0
    anticipation_days: Annotated[int, Field(ge=0, le=366)] = 0
    before_months: Annotated[int, Field(ge=1, le=60)] | None = None
    after_months: Annotated[int, Field(ge=1, le=60)] | None = None
    step: Literal["week", "month"] = "month"
    unit: Name60 = "store_id"
    treated: Group | None = None
    controls: Group | None = None
    except_for: Seq[str] = ()
    chosen_by: Literal["chance", "list", "outcome", "unknown"] = "unknown"
    outcome: Outcome = "margin"
    costs: InitiativeCosts = InitiativeCosts()
    savings: Seq[Saving] = ()
    promised: Promise | None = None
    target_roi: float | int = 0
    horizon_months: Annotated[int, Field(ge=1, le=120)] = 36
    persistence: Persistence = Persistence()
    margin_factor: Annotated[Seq[Factor], Field(max_length=2)] = ()
    hold_out: HoldOut = HoldOut()
    decision: InitiativeDecision | None = None

    @model_validator(mode="after")
    def _holds_together(self) -> Initiative:
        if self.ends is not None and self.ends < self.go_live:
            raise ValueError(f"ends ({self.ends}) lies before go_live ({self.go_live})")
        if self.treated is None and self.controls is not None:
            raise ValueError("controls without treated: name who was treated, or leave both out")
        by_customer = any(g and not g.labels for g in (self.treated, self.controls))
        if by_customer and self.unit != "customer":
            raise ValueError("where and campaigns tell customers apart: set unit to customer")
        if self.unit == "customer" and self.treated and self.treated.labels:
            raise ValueError("customers are told by where or campaigns, not one by one")
        both = set(self.treated.labels if self.treated else ()) & set(
            self.controls.labels if self.controls else ()
        )
        if both:
            raise ValueError(f"{sorted(both)[0]!r} is both treated and a control")
        if self.margin_factor and len(self.margin_factor) != 2:
            raise ValueError("margin_factor is a low and a high factor of the measured margin")
        return self
