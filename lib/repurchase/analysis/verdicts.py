"""What a check of the funnel chapter says: one verdict, and what it rests on.

A verdict is "act" only where the evidence can carry it: a complete count held against a rule that
the profile states, a randomised comparison, or a figure against its own past. A comparison between
customers who were treated differently for reasons of their own is "watch" at most.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from repurchase.records import Confidence

Check = Literal["reach", "tiers", "cadence", "content", "delay", "path", "use"]
Answer = Literal["ok", "watch", "act", "not_computable"]
# in this order they are printed and numbered, from 0
CHECKS: tuple[Check, ...] = ("reach", "tiers", "cadence", "content", "delay", "path", "use")


@dataclass(frozen=True)
class Verdict:
    """One check's answer.

    `claim` is a message with named gaps that `values` fill (endings as in `analysis.findings`),
    `records` the keys of the records it rests on (`findings.record_key`). "not_computable" has a
    `reason` and no claim. `money` is margin (or revenue where no margin is known) at stake in the
    period, with its 95 % interval; None: not valued. `action` is the next step, a message.
    """

    check: Check
    answer: Answer
    claim: str = ""
    values: Mapping[str, str | float | int | None] = field(default_factory=dict)
    records: tuple[str, ...] = ()
    reason: str | None = None
    money: float | None = None
    money_low: float | None = None
    money_high: float | None = None
    action: str | None = None
    confidence: Confidence = "medium"
    exhibit: str | None = None

    def __post_init__(self) -> None:
        if (self.answer == "not_computable") != (self.reason is not None):
            raise ValueError("a verdict that is not computable has a reason, no other has one")
        if (self.answer == "not_computable") == bool(self.claim):
            raise ValueError("a verdict has a claim, unless it is not computable")
