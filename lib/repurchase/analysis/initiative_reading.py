"""One initiative read from end to end: the table, the ladder, the flags, the money, a verdict."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from repurchase.analysis.initiative_flags import Flag
from repurchase.analysis.initiative_money import InitiativeMoney
from repurchase.analysis.initiative_panel import InitiativePanel
from repurchase.analysis.ladder import Ladder, Rung
from repurchase.initiatives import Initiative
from repurchase.records import Confidence

Verdict = Literal["paid", "not_paid", "not_shown", "change_not_effect", "too_early", "no_data"]
# what may be said of a change that nobody can call an effect
Change = Literal[
    "unknown", "nothing_spent", "saved", "fell", "within_chance", "too_small", "short", "share",
]  # fmt: skip

# a hold-out of more days than these is none: what is asked has changed by then
LONGEST_LEARNING = 2 * 365


@dataclass(frozen=True)
class Learn:
    """The hold-out to start now: how many are drawn, and when it will answer.

    `customers` and `held_out` are those of the list. `answers_on` is None where that would be after
    LONGEST_LEARNING days. `detectable` is the effect a customer and period that it finds four times
    in five within a quarter, `level` what a customer brings in a period now.
    """

    share: float
    customers: int
    held_out: int
    start: dt.date
    answers_on: dt.date | None
    detectable: float
    level: float


@dataclass(frozen=True)
class Former:
    """What the same reading says with the data of the month before."""

    period: str
    verdict: Verdict
    rung: str | None
    roi: float | None
    net: float | None


@dataclass(frozen=True)
class Reading:
    """One initiative as the chapter tells it; holds frames and plain numbers only.

    `table` is the one that the boss asks for (see `before_after.table`). `ladders` by outcome; the
    plan's own outcome leads. `learn` where no rung stands.
    """

    plan: Initiative
    panel: InitiativePanel
    table: pd.DataFrame
    ladders: Mapping[str, Ladder]
    flags: tuple[Flag, ...]
    money: InitiativeMoney
    verdict: Verdict
    learn: Learn | None
    former: Former | None

    def __repr__(self) -> str:
        rung = "no rung" if self.rung is None else self.rung.name
        return f"<Reading of {self.plan.id}: {self.verdict}, {rung}>"

    @property
    def ladder(self) -> Ladder:
        """That of the outcome which leads."""
        return self.ladders[self.plan.outcome]

    @property
    def rung(self) -> Rung | None:
        """What the verdict rests on; None where it is a change and no effect."""
        if any(flag.refuses and flag.raised for flag in self.flags):
            return None
        return self.ladder.chosen

    @property
    def is_readable(self) -> bool:
        """Whether the data hold enough before and after it for a change to be told."""
        return self.verdict not in ("too_early", "no_data")

    @property
    def certainty(self) -> Confidence:
        """How far the verdict may be leaned on.

        Low: no rung stands, or the verdict is open. Medium: one rung alone stands, or a flag is
        raised. Else high.
        """
        if self.rung is None or self.verdict not in ("paid", "not_paid"):
            return "low"
        standing = sum(rung.stands for rung in self.ladder.rungs)
        return "high" if standing > 1 and not any(f.raised for f in self.flags) else "medium"


def cashed(money: InitiativeMoney) -> float:
    """The savings in cash that are counted so far."""
    kept = money.benefits[(money.benefits["leaf"] == "saving") & money.benefits["counted"]]
    return float(kept["amount"].sum())


def change_said(money: InitiativeMoney) -> Change:
    """What the seen change of the margin and its interval allow to be said of its paying.

    "share": a part of a rise beyond chance would pay. "short": the rise as read is less than is
    needed, "too_small": so is its whole interval. "saved": cashed savings alone cover the cost.
    "unknown": the change or what is needed is not known.
    """
    change, needed = money.change, money.break_even
    if needed is None:
        return "unknown"
    if needed == 0:
        return "saved" if money.total_cost else "nothing_spent"
    if change is None:
        return "unknown"
    if change.high < 0:
        return "fell"
    if change.low <= 0:
        return "within_chance"
    if change.high < needed:
        return "too_small"
    return "share" if change.value >= needed else "short"
