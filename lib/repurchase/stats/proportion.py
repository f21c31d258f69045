"""Shares and ratios of sums with intervals, from counts and sums alone."""

from __future__ import annotations

import math
from typing import NamedTuple

Z95 = 1.959963984540054


class Estimate(NamedTuple):
    """A value with its 95 % interval."""

    value: float
    low: float
    high: float


class Moments(NamedTuple):
    """Sums over units of a numerator a and a denominator b (n units)."""

    n: float
    a: float
    b: float
    aa: float
    ab: float
    bb: float


class Cross(NamedTuple):
    """Sums over the same units of products between two windows, now first: a_now * a_then ..."""

    aa: float
    ab: float
    ba: float
    bb: float


def wilson(successes: float, n: float) -> Estimate:
    """Wilson's score interval of a proportion (Wilson 1927).

    Raises ValueError if n is not positive or successes lie outside 0..n.

    >>> [round(x, 4) for x in wilson(81, 263)]
    [0.308, 0.2553, 0.3662]
    """
    if not n > 0 or not 0 <= successes <= n:
        raise ValueError(f"successes == {successes}, n == {n}, must be 0 <= successes <= n, n > 0")
    p, z2 = successes / n, Z95**2
    centre = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = Z95 / (1 + z2 / n) * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n))
    low = 0.0 if successes == 0 else centre - half
    high = 1.0 if successes == n else centre + half
    return Estimate(p, low, high)


def ratio(m: Moments) -> Estimate:
    """A ratio of sums over independent units, by linearisation (Cochran 1977, 6.4).

    Raises ValueError if the denominators sum to zero or there are fewer than two units.
    """
    value, variance = _ratio_and_variance(m)
    half = Z95 * math.sqrt(variance)
    return Estimate(value, value - half, value + half)


def ratio_change(now: Moments, then: Moments, cross: Cross) -> Estimate:
    """The difference of two ratios over the same units, paired by unit.

    A unit that counts in both windows is correlated with itself; the linearised residuals
    d = (a - R b) / sum(b) of both windows are subtracted unit by unit before they are squared.
    Moments and cross sums must run over the same n units (a unit absent from a window has a = b
    = 0 there).
    """
    r_now, v_now = _ratio_and_variance(now)
    r_then, v_then = _ratio_and_variance(then)
    inner = cross.aa - r_then * cross.ab - r_now * cross.ba + r_now * r_then * cross.bb
    factor = now.n / (now.n - 1)
    variance = max(0.0, v_now + v_then - 2 * factor * inner / (now.b * then.b))
    half = Z95 * math.sqrt(variance)
    return Estimate(r_now - r_then, r_now - r_then - half, r_now - r_then + half)


def independent_change(now: Estimate, se_now: float, then: Estimate, se_then: float) -> Estimate:
    """The difference of two independent estimates."""
    half = Z95 * math.hypot(se_now, se_then)
    change = now.value - then.value
    return Estimate(change, change - half, change + half)


def share_se(successes: float, n: float) -> float:
    """Standard error of a proportion, for differences of large samples."""
    p = successes / n
    return math.sqrt(p * (1 - p) / n)


def _ratio_and_variance(m: Moments) -> tuple[float, float]:
    if not m.b or m.n < 2:
        raise ValueError(f"b == {m.b}, n == {m.n}, must be b != 0, n >= 2")
    r = m.a / m.b
    squares = max(0.0, m.aa - 2 * r * m.ab + r * r * m.bb)
    return r, m.n / (m.n - 1) * squares / m.b**2
