"""Quantiles of waiting times, when some are still waiting and some never come."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from repurchase.stats.proportion import Z95, Estimate
from repurchase.stats.survival import kaplan_meier

DRAWS = 400


def returned_quantiles(
    time: ArrayLike,
    events: ArrayLike,
    censored: ArrayLike,
    *,
    horizon: float,
    shares: Sequence[float],
    draws: int = DRAWS,
    seed: int = 1,
) -> list[Estimate]:
    """By when that share of those who come back within `horizon` is back, with 95 % intervals.

    From counts of units by distinct time, as `kaplan_meier` takes them. Who is still waiting
    counts for as long as he has waited, so that a short history does not favour short waits. The
    interval is a Poisson bootstrap of the counts, which is one of units where each unit counts
    once. Empty if nobody comes back within the horizon.

    Raises ValueError as `kaplan_meier` does.
    """
    t, d, c = (np.asarray(x, dtype=float) for x in (time, events, censored))
    kaplan_meier(t, d, c)  # for its checks
    order = np.argsort(t)
    t, d, c = t[order], d[order], c[order]
    value = _quantiles(t, d[None, :], c[None, :], horizon, shares)[0]
    if np.isnan(value).any():
        return []
    rng = np.random.default_rng(seed)
    came = rng.poisson(d, (draws, len(d))).astype(float)
    left = rng.poisson(c, (draws, len(c))).astype(float)
    drawn = _quantiles(t, came, left, horizon, shares)
    bounds = np.nanquantile(drawn, [0.025, 0.975], axis=0, method="inverted_cdf")
    return [
        Estimate(float(v), float(low), float(high))
        for v, low, high in zip(value, *bounds, strict=True)
    ]


def _quantiles(
    t: NDArray[np.float64],
    events: NDArray[np.float64],
    censored: NDArray[np.float64],
    horizon: float,
    shares: Sequence[float],
) -> NDArray[np.float64]:
    """One row a draw, one column a share; NaN where nobody comes back."""
    at_risk = np.cumsum((events + censored)[:, ::-1], axis=1)[:, ::-1]
    stay = 1 - events / np.maximum(at_risk, 1)
    back = 1 - np.cumprod(stay, axis=1)[:, t <= horizon]
    found = np.full((len(back), len(shares)), np.nan)
    if not back.shape[1]:
        return found
    whole = back[:, -1]
    for column, share in enumerate(shares):
        reached = back >= (share * whole)[:, None] - 1e-12
        first = np.argmax(reached, axis=1)
        found[:, column] = np.where(whole > 0, t[t <= horizon][first], np.nan)
    return found


def sample_quantile(values: ArrayLike, counts: ArrayLike, share: float) -> Estimate:
    """A quantile of independent units from counts by value, with its order-statistic interval.

    The bounds are the order statistics whose ranks the normal approximation of the binomial gives
    (Conover 1999, 3.2). Raises ValueError where there is no unit.
    """
    v, k = np.asarray(values, dtype=float), np.asarray(counts, dtype=float)
    order = np.argsort(v)
    v, cumulated = v[order], np.cumsum(k[order])
    n = cumulated[-1] if len(cumulated) else 0.0
    if not n > 0:
        raise ValueError(f"counts sum to {n}, must be above 0")
    half = Z95 * math.sqrt(n * share * (1 - share))
    ranks = (n * share, n * share - half, n * share + half)
    places = [
        int(np.searchsorted(cumulated, min(max(math.ceil(r), 1), n), side="left")) for r in ranks
    ]
    value, low, high = (float(v[p]) for p in places)
    return Estimate(value, low, high)
