"""Units observed over periods, some of them treated from one period on, and an effect on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


class Effect(NamedTuple):
    """An effect for one unit of weight in one period, with its 95 % interval.

    `se` is its standard error or posterior deviation; `p` that of no effect, None where a method
    gives none.
    """

    value: float
    low: float
    high: float
    se: float
    p: float | None


@dataclass(frozen=True)
class Panel:
    """What each unit did in each period.

    `y` (units x periods) is the mean outcome for one unit of weight, nan where it was not seen;
    `weight` (units x periods) the size behind it (members), 0 where it was not seen. `treated`
    tells the units. `before` and `after` tell the periods; one in neither (ramp-up, anticipation)
    is left out. `season` is the number of periods in a year: 12, 52, 4 or 1.
    """

    y: Floats
    weight: Floats
    treated: Flags
    before: Flags
    after: Flags
    season: int

    def __post_init__(self) -> None:
        units, periods = self.y.shape
        if self.weight.shape != self.y.shape or self.treated.shape != (units,):
            raise ValueError("y and weight are units x periods, treated has one flag a unit")
        if self.before.shape != (periods,) or self.after.shape != (periods,):
            raise ValueError("before and after have one flag a period")
        if (self.before & self.after).any():
            raise ValueError("a period cannot lie both before and after")
        if bool((self.weight < 0).any()):
            raise ValueError("a weight cannot be negative")
        if bool((np.isnan(self.y) & (self.weight > 0)).any()):
            raise ValueError("what was not seen has weight 0")
