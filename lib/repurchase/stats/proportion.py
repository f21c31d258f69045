"""Shares and ratios of sums with intervals, from counts and sums alone."""

from __future__ import annotations

import math
from typing import NamedTuple

from scipy.special import stdtrit

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


def share_of_sums(m: Moments) -> Estimate:
    """A part of a sum, such as repeat revenue of all revenue, over independent units.

    As `ratio`, but symmetric in log odds, so that it stays inside 0..1, and with Student's t for
    the number of units that would be as telling if all were of one size, (sum b)^2 / sum b^2
    (Kish 1965): a few large customers tell little about all. Where the value is not inside 0..1
    (returns) it is `ratio`.

    Raises ValueError as `ratio` does.
    """
    value, variance = _ratio_and_variance(m)
    if not 0 < value < 1:
        return ratio(m)
    return in_log_odds(value, variance, units=m.b**2 / m.bb)


def in_log_odds(value: float, variance: float, *, units: float) -> Estimate:
    """A share with the interval that is symmetric in log odds, by Student's t of that many units.

    Raises ValueError unless 0 < value < 1.
    """
    if not 0 < value < 1:
        raise ValueError(f"value == {value}, must lie between 0 and 1")
    reach = float(stdtrit(max(units - 1, 1), 0.975))
    half = reach * math.sqrt(variance) / (value * (1 - value))
    # beyond e^700 both bounds are 0 and 1 in any case
    low, high = (
        1 / (1 + (1 - value) / value * math.exp(min(side * half, 700.0))) for side in (1, -1)
    )
    return Estimate(value, low, high)


def correlation(now: Moments, then: Moments, cross: Cross) -> float:
    """How two ratios over the same units err together, -1..1; 0 where one cannot err.

    Moments and cross sums run over the same units, as in `ratio_change`.
    """
    r_now, v_now = _ratio_and_variance(now)
    r_then, v_then = _ratio_and_variance(then)
    if not v_now * v_then > 0:
        return 0.0
    inner = cross.aa - r_then * cross.ab - r_now * cross.ba + r_now * r_then * cross.bb
    shared = now.n / (now.n - 1) * inner / (now.b * then.b)
    return min(1.0, max(-1.0, shared / math.sqrt(v_now * v_then)))


def change_of(now: Estimate, then: Estimate, correlation: float = 0.0) -> Estimate:
    """The difference of two estimates from their own intervals, squared and added side by side.

    Each bound of the change takes the reach of `now` on its side and of `then` on the other, less
    what they have in common. With Wilson's intervals it is Newcombe's method (1998, method 10),
    which holds where shares near 0 or 1, or few units, make normal intervals too narrow; in
    general Zou and Donner's (2008).

    >>> [round(x, 4) for x in change_of(wilson(56, 70), wilson(48, 80))]
    [0.2, 0.0524, 0.3339]
    """
    down, up = now.value - now.low, now.high - now.value
    then_down, then_up = then.value - then.low, then.high - then.value
    change = now.value - then.value

    def reach(one: float, other: float) -> float:
        return math.sqrt(max(0.0, one**2 + other**2 - 2 * correlation * one * other))

    return Estimate(change, change - reach(down, then_up), change + reach(up, then_down))


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


def _ratio_and_variance(m: Moments) -> tuple[float, float]:
    if not m.b or m.n < 2:
        raise ValueError(f"b == {m.b}, n == {m.n}, must be b != 0, n >= 2")
    r = m.a / m.b
    squares = max(0.0, m.aa - 2 * r * m.ab + r * r * m.bb)
    return r, m.n / (m.n - 1) * squares / m.b**2
