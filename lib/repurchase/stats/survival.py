"""Time to an event when some have not had it yet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import chdtrc

from repurchase.stats.proportion import Z95


class Survival(NamedTuple):
    """Kaplan-Meier curve: at each event time the share without the event, with a 95 % band.

    The band is Greenwood's on the log(-log) scale, so that it stays inside 0..1; where the
    survival is exactly 0 or 1 it is undefined (NaN). `at_risk` and `events` count units.
    """

    time: NDArray[np.float64]
    survival: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    at_risk: NDArray[np.float64]
    events: NDArray[np.float64]

    def at(self, time: float) -> float:
        """The share without the event just after `time`."""
        index = int(np.searchsorted(self.time, time, side="right")) - 1
        return 1.0 if index < 0 else float(self.survival[index])

    def median(self) -> float:
        """The first time at which the survival is at most one half; NaN if it never is."""
        below = np.flatnonzero(self.survival <= 0.5)
        return float(self.time[below[0]]) if below.size else float("nan")


def kaplan_meier(time: ArrayLike, events: ArrayLike, censored: ArrayLike) -> Survival:
    """The product-limit estimate from counts (Kaplan & Meier 1958).

    `time` are distinct times in any order; `events` and `censored` count the units whose event,
    or whose end of observation, falls on each. A unit censored at a time is at risk at it.

    Raises ValueError on negative counts, repeated times or arrays of different length.
    """
    t, d, c = (np.asarray(x, dtype=float) for x in (time, events, censored))
    if not t.shape == d.shape == c.shape or t.ndim != 1:
        raise ValueError(f"shapes {t.shape}, {d.shape}, {c.shape} must be equal and flat")
    if len(np.unique(t)) != len(t) or (d < 0).any() or (c < 0).any():
        raise ValueError("times must be distinct, counts must be >= 0")
    order = np.argsort(t)
    t, d, c = t[order], d[order], c[order]
    at_risk = np.cumsum((d + c)[::-1])[::-1]
    happened = d > 0
    t, d, at_risk = t[happened], d[happened], at_risk[happened]
    survival = np.cumprod(1 - d / at_risk)
    with np.errstate(divide="ignore", invalid="ignore"):
        greenwood = np.cumsum(d / (at_risk * (at_risk - d)))
        log_s = np.log(survival)
        half = Z95 * np.sqrt(greenwood) / np.abs(log_s)
        low, high = survival ** np.exp(half), survival ** np.exp(-half)
    return Survival(t, survival, low, high, at_risk, d)


class LogRank(NamedTuple):
    """Whether groups have their events equally fast: chi square, degrees of freedom, p-value."""

    chi_square: float
    freedom: int
    p: float


def log_rank(groups: Sequence[tuple[ArrayLike, ArrayLike, ArrayLike]]) -> LogRank:
    """The log-rank test of two or more groups (Mantel 1966), each as `kaplan_meier` takes it.

    Raises ValueError as `kaplan_meier` does, with fewer than two groups, or if no event falls on a
    time at which two groups are at risk (there is nothing to compare).
    """
    if len(groups) < 2:
        raise ValueError(f"{len(groups)} groups, must be two or more")
    for time, events, censored in groups:
        kaplan_meier(time, events, censored)
    times = np.unique(np.concatenate([np.asarray(g[0], dtype=float) for g in groups]))
    happened, ended = np.zeros((2, len(groups), len(times)))
    for row, (time, events, censored) in enumerate(groups):
        at = np.searchsorted(times, np.asarray(time, dtype=float))
        happened[row, at] = np.asarray(events, dtype=float)
        ended[row, at] = happened[row, at] + np.asarray(censored, dtype=float)
    at_risk = np.cumsum(ended[:, ::-1], axis=1)[:, ::-1]
    total, d = at_risk.sum(axis=0), happened.sum(axis=0)
    counts = (d > 0) & (total > 1)
    share, total, d = at_risk[:, counts] / total[counts], total[counts], d[counts]
    difference = (happened[:, counts] - share * d).sum(axis=1)
    weight = d * (total - d) / (total - 1)
    covariance = np.diag((share * weight).sum(axis=1)) - np.einsum(
        "it,jt,t->ij", share, share, weight
    )
    # rows add up to nothing, so one group is left out; groups never at risk together drop the rank
    freedom = int(np.linalg.matrix_rank(covariance))
    if freedom == 0:
        raise ValueError("no event while two groups are at risk, must be one at least")
    chi_square = float(difference @ np.linalg.pinv(covariance) @ difference)
    return LogRank(chi_square, freedom, float(chdtrc(freedom, chi_square)))
