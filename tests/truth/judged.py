"""What the review says of a test of outreach at each look, and how often it is right."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from repurchase.analysis.trial_results import lift_of
from repurchase.stats.proportion import Estimate
from repurchase.stats.sequential import confidence_sequence
from repurchase.stats.trial import Lift, Sums, lift

from truth.outreach import Lives, Outreach, live

LOOKS = (1, 5, 14, 200)
NAMES = ("orders", "revenue", "bought", "before_orders", "before_revenue")
PAIRS = (
    ("revenue", "before_revenue"), ("orders", "before_orders"), ("revenue", "orders"),
    *((n, n) for n in NAMES),
)  # fmt: skip


def ends(units: int, looks: int) -> NDArray[np.int64]:
    """How many are assigned at each of so many looks, the last at all of them."""
    return np.ceil(np.arange(1, looks + 1) * units / looks).astype(np.int64)


@dataclass(frozen=True)
class Look:
    """The arms' sums at a look, and what the review reads from them."""

    control: Sums
    treated: Sums
    planned: int

    @property
    def n(self) -> int:
        return self.control.n + self.treated.n

    @cached_property
    def lift(self) -> Lift | None:
        """Revenue a customer, adjusted by what was before; None without any spread."""
        if min(self.control.n, self.treated.n) < 2:
            return None
        found = lift_of("revenue", self.control, self.treated)
        return found if found.error > 0 else None

    @cached_property
    def any_time(self) -> Estimate | None:
        """The interval that holds at every look."""
        if self.lift is None:
            return None
        return confidence_sequence(
            self.lift.difference.value, self.lift.error, n=self.n, expected_n=self.planned
        )

    def called(self, rule: str, *, over: bool) -> bool:
        """Whether a difference is called: by the rule of every look, by the fixed interval, or
        as the review does, by the first until the plan is fulfilled and by the other then."""
        if self.lift is None or self.any_time is None:
            return False
        fixed = rule == "naive" or (rule == "review" and over)
        found = self.lift.difference if fixed else self.any_time
        return found.low > 0 or found.high < 0

    def plain(self, name: str, per: str | None = None) -> Lift:
        """Without what was before: Welch, or the ratio of two sums."""
        return lift(self.control, self.treated, name, per=per)


class Told:
    """A test as it was run, and the arms' sums at any look."""

    def __init__(self, outreach: Outreach, *, seed: int) -> None:
        self.outreach = outreach
        self.lives: Lives = live(outreach, seed=seed)
        values = self.lives._asdict() | {"bought": self.lives.orders > 0}
        self._sums: dict[bool, dict[str, NDArray[np.float64]]] = {}
        for arm in (False, True):
            mine = self.lives.treated == arm
            self._sums[arm] = {"n": np.cumsum(mine)}
            for x, y in PAIRS:
                product = values[x].astype(np.float64) * values[y] * mine
                self._sums[arm][f"{min(x, y)} {max(x, y)}"] = np.cumsum(product)
            for x in NAMES:
                self._sums[arm][x] = np.cumsum(values[x] * mine, dtype=np.float64)

    def look(self, end: int) -> Look:
        """When `end` customers were assigned."""
        return Look(self._arm(False, end), self._arm(True, end), self.outreach.units)

    def _arm(self, arm: bool, end: int) -> Sums:
        at = {name: float(x[end - 1]) for name, x in self._sums[arm].items()}
        products = {(min(x, y), max(x, y)): at[f"{min(x, y)} {max(x, y)}"] for x, y in PAIRS}
        return Sums(int(at["n"]), {x: at[x] for x in NAMES}, products)
