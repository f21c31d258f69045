"""Why a figure moved: other customers (mix) or other behaviour (rate); which step of a funnel."""

from __future__ import annotations

import itertools
import math
import sys
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from repurchase.stats.fitting import Floats
from repurchase.stats.proportion import Z95, Estimate


@dataclass(frozen=True)
class Segments:
    """Sums over the units of each segment in one window: how many, of y, of y squared."""

    n: Floats
    y: Floats
    yy: Floats


@dataclass(frozen=True)
class Overlap:
    """Units in both windows, by segment then (rows) and segment now (columns).

    How many; sums of y then, of y now, of their products.
    """

    n: Floats
    y_then: Floats
    y_now: Floats
    product: Floats


@dataclass(frozen=True)
class MixRate:
    """A change of an overall mean, split; `mix_by` and `rate_by` hold a part for each segment.

    `mix + rate == total`, and each is the sum of its parts. `rate_against`: behaviour moved against
    the total, so that the total alone misleads. `reversal` (Simpson): each segment with units in
    both windows moved, and all against the total.
    """

    then: float
    now: float
    total: Estimate
    mix: Estimate
    rate: Estimate
    mix_by: Floats
    rate_by: Floats
    rate_against: bool
    reversal: bool


def segments(n: ArrayLike, y: ArrayLike, yy: ArrayLike | None = None) -> Segments:
    """Checked sums by segment; without `yy`, y counts units (a share, and yy is y).

    Raises ValueError for uneven arrays, negative counts, a y without units, a share beyond 0..1.
    """
    units, sums = np.asarray(n, dtype=float), np.asarray(y, dtype=float)
    squares = sums if yy is None else np.asarray(yy, dtype=float)
    if not units.shape == sums.shape == squares.shape or units.ndim != 1:
        raise ValueError("n, y and yy must be flat and equally long")
    if (units < 0).any() or (squares < 0).any() or ((units == 0) & (squares != 0)).any():
        raise ValueError("n and yy must be >= 0, and 0 together")
    if yy is None and (sums > units).any():
        raise ValueError("y must lie in 0..n, unless yy is given")
    return Segments(units, sums, squares)


def mix_and_rate(then: Segments, now: Segments, *, overlap: Overlap | None = None) -> MixRate:
    """The change of the overall mean y / n between two windows, split by segment.

    Midpoint weights, which are the Shapley value of two factors: mix = sum (w1 - w0)(p0 + p1) / 2,
    rate = sum (p1 - p0)(w0 + w1) / 2, with w a segment's share of the units and p its mean. A
    segment's part of the mix is taken against the mean of both totals, so that it is positive where
    a segment better than average grew. A segment without units in one window has the other's mean
    there: all that it changes is mix.

    Intervals: 95 %, by the delta method over independent units, random in segment and in y
    (multinomial); units in both windows are paired if `overlap` tells of them, and taken as
    different units otherwise.

    Raises ValueError if a window has no units or the windows differ in segments.
    """
    if len(then.n) != len(now.n) or then.n.sum() <= 0 or now.n.sum() <= 0:
        raise ValueError("both windows need units, and the same segments")
    w0, w1 = then.n / then.n.sum(), now.n / now.n.sum()
    p0, p1 = _means(then, now), _means(now, then)
    total0, total1 = float(then.y.sum() / then.n.sum()), float(now.y.sum() / now.n.sum())
    mix_by = (w1 - w0) * ((p0 + p1) / 2 - (total0 + total1) / 2)
    rate_by = (p1 - p0) * (w0 + w1) / 2
    mix, rate, total = float(mix_by.sum()), float(rate_by.sum()), total1 - total0
    if not math.isclose(mix + rate, total, rel_tol=1e-9, abs_tol=1e-12 * (1 + abs(total1))):
        raise ArithmeticError(f"mix {mix} and rate {rate} do not add up to {total}")
    both = (then.n > 0) & (now.n > 0)
    moves = np.sign(p1 - p0)[both] * np.sign(total)
    of_total, of_mix, of_rate = (
        _standard_error(then, now, p0, p1, gradient, overlap)
        for gradient in _gradients(then, now, p0, p1)
    )
    return MixRate(
        total0,
        total1,
        _around(total, of_total),
        _around(mix, of_mix),
        _around(rate, of_rate),
        mix_by,
        rate_by,
        rate_against=rate * total < 0,
        reversal=bool(both.any() and (moves < 0).all()),
    )


def parts(
    then: Segments, now: Segments, *, overlap: Overlap | None = None
) -> list[tuple[Estimate, Estimate]]:
    """Each segment's part of the change (mix and rate together), and its part beyond its size.

    The parts add up to the change. The second is the part less what the segment would have had if
    the change were spread by the segments' shares of the units (mean of both windows): 0 for a
    segment that moved like all others; these add up to 0. Intervals as in `mix_and_rate`.
    """
    w0, w1 = then.n / then.n.sum(), now.n / now.n.sum()
    p0, p1 = _means(then, now), _means(now, then)
    total0, total1 = float(w0 @ p0), float(w1 @ p1)
    middle, change = (total0 + total1) / 2, total1 - total0
    found = []
    for i in range(len(w0)):
        own = np.zeros_like(w0)
        own[i] = 1.0
        grew, size = float(w1[i] - w0[i]), float(w0[i] + w1[i]) / 2
        part = float(w1[i] * p1[i] - w0[i] * p0[i]) - grew * middle
        g = _Gradient(
            w0=own * (middle - p0) - grew * p0 / 2,
            w1=own * (p1 - middle) - grew * p1 / 2,
            p0=-own * w0 - grew * w0 / 2,
            p1=own * w1 - grew * w1 / 2,
        )
        beyond = _Gradient(
            w0=g.w0 - own * change / 2 + size * p0,
            w1=g.w1 - own * change / 2 - size * p1,
            p0=g.p0 + size * w0,
            p1=g.p1 - size * w1,
        )
        errors = [_standard_error(then, now, p0, p1, one, overlap) for one in (g, beyond)]
        found.append((_around(part, errors[0]), _around(part - size * change, errors[1])))
    return found


@dataclass(frozen=True)
class RatioSegments:
    """Sums over the units of each segment in one window, of a ratio a / b and of its squares."""

    b: Floats
    a: Floats
    bb: Floats
    ab: Floats
    aa: Floats


@dataclass(frozen=True)
class RatioOverlap:
    """Sums of products over units of both windows, by segment then (rows) and now (columns).

    The first letter is then: `ab` is a then times b now.
    """

    aa: Floats
    ab: Floats
    ba: Floats
    bb: Floats


def ratio_mix_and_rate(
    then: RatioSegments, now: RatioSegments, overlap: RatioOverlap
) -> MixRate:
    """`mix_and_rate` for a ratio of sums, such as repeat revenue in revenue.

    A segment's weight is its share of b, its rate its a / b. Intervals: linearised over
    independent units (customers), paired by unit. Raises ValueError where a segment's b is
    negative in a window, or a window's b sums to nothing: then shares mean nothing.
    """
    if (then.b < 0).any() or (now.b < 0).any():
        raise ValueError("b must be >= 0 in each segment")
    past, present = (Segments(w.b, w.a, w.aa) for w in (then, now))
    split = mix_and_rate(past, present)
    p0, p1 = _means(past, present), _means(present, past)
    errors = []
    for g in _gradients(past, present, p0, p1):
        (u0, v0), (u1, v1) = (
            _influence(window, p, in_w, in_p)
            for window, p, in_w, in_p in ((then, p0, g.w0, g.p0), (now, p1, g.w1, g.p1))
        )
        variance = sum(
            float((u**2 * w.aa + 2 * u * v * w.ab + v**2 * w.bb).sum())
            for w, u, v in ((then, u0, v0), (now, u1, v1))
        )
        variance += 2 * float(
            u0 @ overlap.aa @ u1 + u0 @ overlap.ab @ v1 + v0 @ overlap.ba @ u1
            + v0 @ overlap.bb @ v1
        )  # fmt: skip
        errors.append(math.sqrt(max(0.0, variance)))
    return replace(
        split,
        total=_around(split.total.value, errors[0]),
        mix=_around(split.mix.value, errors[1]),
        rate=_around(split.rate.value, errors[2]),
    )


def _influence(
    window: RatioSegments, p: Floats, in_w: Floats, in_p: Floats
) -> tuple[Floats, Floats]:
    """What a unit's a and b add, by segment: u and v of u a + v b."""
    total = window.b.sum()
    c = (in_w - float(in_w @ (window.b / total))) / total
    u = np.divide(in_p, window.b, out=np.zeros_like(p), where=window.b > 0)
    return u, c - u * p


def _around(value: float, error: float) -> Estimate:
    return Estimate(value, value - Z95 * error, value + Z95 * error)


@dataclass(frozen=True)
class _Gradient:
    """Derivatives in the shares and the means of both windows."""

    w0: Floats
    w1: Floats
    p0: Floats
    p1: Floats


def _means(own: Segments, other: Segments) -> Floats:
    n, y = np.where(own.n > 0, own.n, other.n), np.where(own.n > 0, own.y, other.y)
    return np.divide(y, n, out=np.zeros_like(y), where=n > 0)


def _gradients(then: Segments, now: Segments, p0: Floats, p1: Floats) -> list[_Gradient]:
    """Those of the total, of mix and of rate."""
    w0, w1 = then.n / then.n.sum(), now.n / now.n.sum()
    middle, half = (p0 + p1) / 2, (p1 - p0) / 2
    mix = _Gradient(-middle, middle, (w1 - w0) / 2, (w1 - w0) / 2)
    rate = _Gradient(half, half, -(w0 + w1) / 2, (w0 + w1) / 2)
    found = []
    for g in (_Gradient(-p0, p1, -w0, w1), mix, rate):
        # a borrowed mean is the other window's: what hangs on it hangs there
        g0, g1 = np.where(now.n > 0, g.p0, g.p0 + g.p1), np.where(then.n > 0, g.p1, g.p0 + g.p1)
        found.append(
            _Gradient(g.w0, g.w1, np.where(then.n > 0, g0, 0.0), np.where(now.n > 0, g1, 0.0))
        )
    return found


def _standard_error(
    then: Segments, now: Segments, p0: Floats, p1: Floats, g: _Gradient, overlap: Overlap | None
) -> float:
    variance = 0.0
    of_segment, of_y = [], []
    for window, p, in_w, in_p in ((then, p0, g.w0, g.p0), (now, p1, g.w1, g.p1)):
        total = window.n.sum()
        w = window.n / total
        c = (in_w - (in_w * w).sum()) / total
        e = np.divide(in_p, window.n, out=np.zeros_like(p), where=window.n > 0)
        of_segment.append(c)
        of_y.append(e)
        variance += float((window.n * c**2).sum() + (window.n * _spread(window) * e**2).sum())
    if overlap is not None:
        variance += 2 * _shared(overlap, p0, p1, of_segment, of_y)
    return math.sqrt(max(0.0, variance))


def _spread(window: Segments) -> Floats:
    """Variance of y within each segment; one of a single unit has the pooled one."""
    n = window.n
    squares = np.maximum(
        0.0, window.yy - np.divide(window.y**2, n, out=np.zeros_like(n), where=n > 0)
    )
    freedom = n - 1
    pooled = squares.sum() / max(1.0, float(freedom[n > 1].sum()))
    return np.divide(squares, freedom, out=np.full_like(n, pooled), where=n > 1)


def _shared(
    overlap: Overlap, p0: Floats, p1: Floats, of_segment: list[Floats], of_y: list[Floats]
) -> float:
    """Sum over units in both windows of the product of their two influences."""
    (c0, c1), (e0, e1) = of_segment, of_y
    past, present = p0[:, None], p1[None, :]
    n = overlap.n
    off0, off1 = overlap.y_then - n * past, overlap.y_now - n * present
    off = overlap.product - past * overlap.y_now - present * overlap.y_then + n * past * present
    found = n * c0[:, None] * c1[None, :] + off0 * e0[:, None] * c1[None, :]
    found += off1 * c0[:, None] * e1[None, :] + off * e0[:, None] * e1[None, :]
    return float(found.sum())


def shapley_product(then: ArrayLike, now: ArrayLike) -> Floats:
    """How much each factor of a product (visitors x rate x rate x value) moved it.

    The Shapley value: a factor's effect, averaged over all orders in which the factors can change.
    The parts add up to the change of the product; factors may be zero.

    Raises ValueError for uneven arrays, none or more than ten factors.
    """
    old, new = np.asarray(then, dtype=float), np.asarray(now, dtype=float)
    k = len(old)
    if old.shape != new.shape or old.ndim != 1 or not 1 <= k <= 10:
        raise ValueError("then and now must hold the same one to ten factors")
    parts = np.zeros(k)
    for i in range(k):
        others = [j for j in range(k) if j != i]
        for size in range(k):
            weight = math.factorial(size) * math.factorial(k - 1 - size) / math.factorial(k)
            for changed in itertools.combinations(others, size):
                rest = math.prod(new[j] if j in changed else old[j] for j in others)
                parts[i] += weight * (new[i] - old[i]) * rest
    total = math.prod(new) - math.prod(old)
    # parts may be large and cancel, where both products are small; the smallest numbers round off
    size_of = float(np.maximum(np.abs(old), np.abs(new)).prod())
    least = 1e-9 * size_of + sys.float_info.min
    if not math.isclose(parts.sum(), total, rel_tol=1e-9, abs_tol=least):
        raise ArithmeticError(f"parts {parts.tolist()} do not add up to {total}")
    return parts
