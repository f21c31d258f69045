"""Return, payback and present value of a row of cash, and what two rates are apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np

Meaning = Literal["reaches", "rises_points", "rises_relative"]
# what loses more than 99 % or returns a million-fold in one period is told no rate
_LEAST, _MOST = -0.99, 1e6


class Rise(NamedTuple):
    """From one rate to another: `points` as a difference of shares, `relative` to the first.

    `relative` is None where the first is not positive.
    """

    points: float
    relative: float | None


def rise(before: float, after: float) -> Rise:
    """What one rate lies above another, both ways.

    >>> rise(0.3, 0.8)
    Rise(points=0.5, relative=1.6666666666666667)
    """
    points = after - before
    return Rise(points, points / before if before > 0 else None)


def meanings(figure: float, base: float | None) -> dict[Meaning, float | None]:
    """What a promised figure of ROI means, read in each of three ways.

    "ROI of 80 %": it reaches .8, rises by 80 points from its base, or by 80 per cent of it. The
    last two are None without a base.

    >>> {k: round(v, 2) for k, v in meanings(0.8, 0.3).items()}
    {'reaches': 0.8, 'rises_points': 1.1, 'rises_relative': 0.54}
    """
    above = None if base is None else base + figure
    times = None if base is None else base * (1 + figure)
    return {"reaches": figure, "rises_points": above, "rises_relative": times}


def roi(gain: float, cost: float) -> float | None:
    """What is left of a gain after the cost, a unit of cost; None where nothing was spent.

    >>> roi(180, 100)
    0.8
    """
    return (gain - cost) / cost if cost > 0 else None


def npv(cash: Sequence[float], rate: float, times: Sequence[float] | None = None) -> float:
    """The present value of cash at `times` (0, 1, 2 ... unless given), at a rate a period.

    Raises ValueError unless rate > -1 and there is a time for each amount.
    """
    if not rate > -1:
        raise ValueError(f"rate == {rate}, must be above -1")
    amounts, at = _timed(cash, times)
    return float((amounts * (1 + rate) ** -at).sum())


def irr(cash: Sequence[float], times: Sequence[float] | None = None) -> float | None:
    """The rate a period at which the present value is 0.

    None unless the cash turns its sign exactly once (Descartes: then there is one rate above -1,
    otherwise there may be none or several), or if that rate lies beyond -.99 or a million.
    """
    from scipy.optimize import brentq

    amounts, at = _timed(cash, times)
    order = np.argsort(at, kind="stable")
    signs = np.sign(amounts[order])
    signs = signs[signs != 0]
    if int((signs[1:] != signs[:-1]).sum()) != 1:
        return None
    first = at.min()

    def value(rate: float) -> float:
        return npv(amounts.tolist(), rate, (at - first).tolist())

    low, high = -0.5, 1.0
    while value(low) * value(high) > 0:
        low, high = max((low - 1) / 2, _LEAST), 2 * high
        if high > _MOST:
            return None
    return float(brentq(value, low, high, xtol=1e-14, rtol=1e-12, maxiter=500))


def payback(cash: Sequence[float], rate: float = 0.0) -> float | None:
    """Periods until the sum of the cash, discounted, is no longer negative, within one in a line.

    The first amount lies at 0, the others at the end of periods 1, 2 ... Of several crossings the
    last counts: what slips back below is not paid back. None where the sum ends below 0; 0 where it
    is never negative.

    >>> payback([-1000, 300, 400, 500, 200])
    2.6
    """
    amounts, at = _timed(cash, None)
    amounts = amounts * (1 + rate) ** -at
    total = np.cumsum(amounts)
    if not len(total) or total[-1] < 0:
        return None
    below = np.flatnonzero(total < 0)
    if not len(below):
        return 0.0
    last = int(below[-1])
    return last + float(-total[last] / amounts[last + 1])


def _timed(
    cash: Sequence[float], times: Sequence[float] | None
) -> tuple[np.ndarray, np.ndarray]:
    amounts = np.asarray(cash, dtype=float)
    at = np.arange(len(amounts), dtype=float) if times is None else np.asarray(times, dtype=float)
    if at.shape != amounts.shape:
        raise ValueError(f"{len(at)} times for {len(amounts)} amounts, must be as many")
    return amounts, at
