"""How far units that were chosen for doing badly or well come back by themselves."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from repurchase.stats.difference import NotComparable
from repurchase.stats.panel import Effect, Floats, Panel

Z95 = 1.959963984540054
# below as many units Fisher's interval of a correlation does not exist
FEWEST_UNITS = 4


@dataclass(frozen=True)
class Reversion:
    """Regression to the mean of the treated, if they were chosen by their outcome before.

    `expected` is their change against the others without any effect, a member and period; its
    interval is that of the correlation. `correlation` (with interval) is that of the units' means
    in the two halves of the before window, `reliability` that of two whole windows. `gap` is the
    treated's mean less that of all, before; `units` were seen in both halves.
    """

    expected: Effect
    correlation: float
    correlation_low: float
    correlation_high: float
    reliability: float
    gap: float
    units: int


def reversion(panel: Panel) -> Reversion:
    """(1 - reliability) x (mean of all - mean of the treated).

    What part of a unit's distance from the mean lasts is told by how alike the two halves of the
    before window are (Spearman 1910, Brown 1910: reliability = 2 r / (1 + r), none where r < 0). It
    holds whichever part of the window they were chosen by, as long as what does not last is not
    carried from one period into the next; if it is, units come back later or less. Units weigh what
    they weigh before. Fewer than four units say nothing of the correlation: then the interval goes
    from all of the distance to none. Raises NotComparable.
    """
    before = np.flatnonzero(panel.before)
    if len(before) < 2:
        raise NotComparable("no_before")
    y, w = np.nan_to_num(panel.y[:, before]), panel.weight[:, before]
    total = w.sum(axis=0)
    y = y - (y * w).sum(axis=0) / np.maximum(total, 1e-12)
    half = len(before) // 2
    sides = [(y[:, part], w[:, part]) for part in (slice(0, half), slice(half, None))]
    use = np.all([mass.sum(axis=1) > 0 for _, mass in sides], axis=0)
    if not (use & panel.treated).any():
        raise NotComparable("no_treated")
    if not (use & ~panel.treated).any():
        raise NotComparable("no_controls")
    first, second = ((v * m).sum(axis=1)[use] / m.sum(axis=1)[use] for v, m in sides)
    mass = w.sum(axis=1)[use]
    means = (y * w).sum(axis=1)[use] / mass
    treated = panel.treated[use]
    gap = _mean(means[treated], mass[treated]) - _mean(means, mass)
    found = _correlation(first, second, mass)
    low, high = _fisher(found, len(mass))
    expected = sorted(-gap * (1 - reliability(r)) for r in (low, high))
    value = -gap * (1 - reliability(found))
    effect = Effect(value, expected[0], expected[1], (expected[1] - expected[0]) / 2 / Z95, None)
    return Reversion(effect, found, low, high, reliability(found), gap, len(mass))


def reliability(halves: float) -> float:
    """The correlation of two whole windows from that of two halves of one."""
    return 2 * max(halves, 0.0) / (1 + max(halves, 0.0))


def _mean(values: Floats, mass: Floats) -> float:
    return float(mass @ values / mass.sum())


def _correlation(x: Floats, y: Floats, mass: Floats) -> float:
    """Weighted; 1 where the units do not differ, so that nothing is expected to come back."""
    x, y = x - _mean(x, mass), y - _mean(y, mass)
    size = math.sqrt(_mean(x * x, mass) * _mean(y * y, mass))
    if size <= 1e-12:
        return 1.0
    return min(1.0, max(-1.0, _mean(x * y, mass) / size))


def _fisher(r: float, n: int) -> tuple[float, float]:
    """Fisher's interval of a correlation of n pairs."""
    if n < FEWEST_UNITS:
        return -1.0, 1.0
    if abs(r) >= 1:
        return r, r
    half = Z95 / math.sqrt(n - 3)
    return math.tanh(math.atanh(r) - half), math.tanh(math.atanh(r) + half)
