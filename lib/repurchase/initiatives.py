"""What a profile says of an initiative: when it went live, for whom, what it costs and promised.

A system, a loyalty programme or a wave of outreach on which money is spent so that customers come
back. What is missing here narrows what the chapter can say, and the chapter says so.
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, Field, model_validator

from repurchase.strict import Name60, SegmentText, Seq, Share, ShortName, Strict, short_name

Outcome = Literal["margin", "revenue", "orders"]
OUTCOMES: tuple[Outcome, ...] = ("margin", "revenue", "orders")
CostCategory = Literal[
    "software", "build", "implementation", "training", "maintenance", "labour", "campaign",
    "incentive", "loyalty_reward", "shipping", "payment_fee", "other",
]  # fmt: skip
CATEGORIES: tuple[CostCategory, ...] = get_args(CostCategory)
# who tells the treated apart: places of an order, or what is known of a customer
PLACES = ("store_id", "rep_id", "channel")
UNITS = (*PLACES, "region", "customer")
MOST = 1e15
Money = Annotated[float, Field(ge=0, le=MOST)]
# no initiative lies beyond, and months are counted from one day to another
Day = Annotated[dt.date, Field(ge=dt.date(1900, 1, 1), le=dt.date(2199, 12, 31))]
Factor = Annotated[float, Field(gt=0, le=10)]
# 1 is 100 %: who means 80 % writes .8, and nothing is lost more than once
Roi = Annotated[float, Field(ge=-1, le=1000)]
Label = Annotated[str, Field(min_length=1, max_length=200)]
Owner = Annotated[str, AfterValidator(short_name)]


def _in_order(start: dt.date, end: dt.date | None) -> None:
    if end is not None and end < start:
        raise ValueError(f"end ({end}) lies before start ({start})")


class Group(Strict):
    """Units by their labels, or customers by a condition or by the campaigns that reached them.

    `where` is a condition over the columns of customers, `campaigns` are values of campaign_id in
    the events; both make groups of customers, `labels` groups of the plan's unit.
    """

    labels: Seq[Label] = ()
    where: SegmentText | None = None
    campaigns: Seq[Label] = ()

    @model_validator(mode="after")
    def _one_way(self) -> Group:
        if sum(map(bool, (self.labels, self.where, self.campaigns))) != 1:
            raise ValueError("a group is told in one way, not by none: labels, where or campaigns")
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
    start: Day
    end: Day | None = None
    monthly: bool = False
    estimated: bool = False

    @model_validator(mode="after")
    def _an_amount(self) -> PlannedCost:
        told = tuple(v is not None for v in (self.amount, self.hours, self.hourly_rate))
        if told not in ((True, False, False), (False, True, True)):
            raise ValueError("a cost is an amount, or hours and hourly_rate, not both")
        if self.money > MOST:
            raise ValueError(f"hours x hourly_rate is more than {MOST:g}")
        _in_order(self.start, self.end)
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

    ids: Seq[Label] = ()
    expected: Seq[CostCategory] = ()
    planned: Seq[PlannedCost] = ()
    discounts: SegmentText | None = None
    uncertainty: Share = 0.0


class Saving(Strict):
    """Labour or other money saved a month. Only what is cashed counts: a post no longer paid."""

    name: ShortName
    monthly: Money
    start: Day
    end: Day | None = None
    cashed: bool = False

    @model_validator(mode="after")
    def _days_in_order(self) -> Saving:
        _in_order(self.start, self.end)
        return self


class Promise(Strict):
    """What was promised when the money was asked for.

    `roi` with `reading`: "reaches" (ROI is to be .8), "rises_points" (.8 above `base`) or
    "rises_relative" (80 % above `base`). The last two need `base`.
    """

    roi: Roi | None = None
    reading: Literal["reaches", "rises_points", "rises_relative"] = "reaches"
    base: Roi | None = None
    payback_months: Annotated[float, Field(gt=0, le=1200)] | None = None
    by: dt.date | None = None

    @model_validator(mode="after")
    def _has_a_base(self) -> Promise:
        if self.roi is not None and self.reading != "reaches" and self.base is None:
            raise ValueError(f"a promise that ROI {self.reading} needs the base that it rises from")
        if self.roi is not None and self.reading == "rises_relative" and (self.base or 0) <= 0:
            raise ValueError("an ROI rises by a part of itself only from a base above 0")
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
    """What was decided, when, and the ROI that was claimed for it.

    It may lie before the go-live: what was decided when the money was asked for. One dated after
    the period is not known yet.
    """

    verdict: Literal["continue", "extend", "stop", "none"]
    on: dt.date
    roi: Roi | None = None


class Initiative(Strict):
    """One initiative as it was planned and paid for.

    `unit` is what the treated are told by: store_id, rep_id or channel of a customer's first order
    date, region (of the customer), a segment of the profile, or customer. `treated` None: everyone
    was treated at once. `controls` None: all other units with a label; an empty list of labels is
    refused. `except_for` are units in neither group. `before_months` and `after_months` bound the
    windows; None: all months that the data have.
    """

    id: Name60
    name: ShortName
    kind: Literal["system", "loyalty", "campaign", "other"] = "other"
    owner: Owner | None = None
    go_live: Day
    ends: Day | None = None
    ramp_up_days: Annotated[int, Field(ge=0, le=366)] = 0
    anticipation_days: Annotated[int, Field(ge=0, le=366)] = 0
    before_months: Annotated[int, Field(ge=1, le=60)] | None = None
    after_months: Annotated[int, Field(ge=1, le=60)] | None = None
    step: Literal["week", "month"] = "month"
    unit: Name60 = "store_id"
    treated: Group | None = None
    controls: Group | None = None
    except_for: Seq[Label] = ()
    chosen_by: Literal["chance", "list", "outcome", "unknown"] = "unknown"
    outcome: Outcome = "margin"
    costs: InitiativeCosts = InitiativeCosts()
    savings: Seq[Saving] = ()
    promised: Promise | None = None
    target_roi: Roi = 0.0
    horizon_months: Annotated[int, Field(ge=1, le=120)] = 36
    persistence: Persistence = Persistence()
    margin_factor: Seq[Factor] = ()
    hold_out: HoldOut = HoldOut()
    decision: InitiativeDecision | None = None

    @model_validator(mode="after")
    def _days_hold_together(self) -> Initiative:
        if self.ends is not None and self.ends < self.go_live:
            raise ValueError(f"ends ({self.ends}) lies before go_live ({self.go_live})")
        by = self.promised.by if self.promised else None
        if by is not None and by < self.go_live:
            raise ValueError(
                f"promised.by ({by}) lies before go_live ({self.go_live}): by then nothing could be"
                " achieved"
            )
        return self

    @model_validator(mode="after")
    def _groups_hold_together(self) -> Initiative:
        if self.treated is None and self.controls is not None:
            raise ValueError("controls without treated: name who was treated, or leave both out")
        told = [group for group in (self.treated, self.controls) if group is not None]
        if self.unit != "customer" and any(not group.labels for group in told):
            raise ValueError("where and campaigns tell customers apart: set unit to customer")
        if self.unit == "customer" and any(group.labels for group in told):
            raise ValueError("customers are told by where or campaigns, not one by one")
        if self.unit == "customer" and self.except_for:
            raise ValueError("except_for names units; leave customers out by where")
        treated = set(self.treated.labels if self.treated else ())
        controls = set(self.controls.labels if self.controls else ())
        both = sorted(treated & controls)
        if both:
            raise ValueError(f"{both[0]!r} is both treated and a control")
        excepted = sorted((treated | controls) & set(self.except_for))
        if excepted:
            group = "treated" if excepted[0] in treated else "controls"
            raise ValueError(f"{excepted[0]!r} is in except_for and in {group}: take it out of one")
        return self

    @model_validator(mode="after")
    def _factors_in_order(self) -> Initiative:
        if self.margin_factor and len(self.margin_factor) != 2:
            raise ValueError("margin_factor is a low and a high factor of the measured margin")
        if self.margin_factor and self.margin_factor[0] > self.margin_factor[1]:
            low, high = self.margin_factor
            raise ValueError(f"margin_factor has the low factor first: [{high:g}, {low:g}]")
        return self
