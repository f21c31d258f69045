"""The ladder of evidence of an initiative: which comparison may be stood on, and what it says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from repurchase.stats.panel import Effect

RungName = Literal[
    "naive", "season", "difference", "synthetic_control", "structural", "synthetic_difference"
]
# from the lowest to the highest; the first two compare with nobody and are never stood on
RUNGS: tuple[RungName, ...] = (
    "naive", "season", "difference", "synthetic_control", "structural", "synthetic_difference",
)  # fmt: skip
CHANGES: tuple[RungName, ...] = ("naive", "season")


@dataclass(frozen=True)
class Gate:
    """One diagnostic of a rung: what was found, and what it must not pass.

    `passed` None: it cannot be told (then the rung is not refused for it, and the page says so).
    """

    name: str
    passed: bool | None
    value: float | None = None
    limit: float | None = None
    n: float | None = None


@dataclass(frozen=True)
class Rung:
    """One comparison: its effect a member and period, its diagnostics, whether it may be stood on.

    `effect` None: not computed, for the `reason` (a template of `repurchase.reasons`, filled).
    `detail` are small frames and numbers for Part B (event study, weights, path, R-hat), by name.
    """

    name: RungName
    effect: Effect | None
    gates: tuple[Gate, ...] = ()
    reason: str | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)

    @property
    def stands(self) -> bool:
        """Whether a verdict may rest on it."""
        refused = any(gate.passed is False for gate in self.gates)
        return self.name not in CHANGES and self.effect is not None and not refused


@dataclass(frozen=True)
class Ladder:
    """All rungs for one outcome ("margin", "revenue", "orders"), the lowest first.

    `exposure` is the number of treated members times periods in the after-window: an effect times
    it is the total so far. `units_treated` and `units_control` are units, `members` treated members
    in the last period of it.
    """

    outcome: str
    rungs: tuple[Rung, ...]
    exposure: float
    members: float
    units_treated: int
    units_control: int
    periods_before: int
    periods_after: int

    def rung(self, name: RungName) -> Rung | None:
        """The rung of that name, if it was tried."""
        return next((r for r in self.rungs if r.name == name), None)

    @property
    def chosen(self) -> Rung | None:
        """The highest rung that stands; None: what is seen is a change, not an effect."""
        return next((r for r in reversed(self.rungs) if r.stands), None)
