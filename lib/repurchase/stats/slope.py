"""A line through estimates that are not equally sure and not independent of each other."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from repurchase.stats.proportion import Z95, Estimate


@dataclass(frozen=True)
class Slope:
    """The slope with its normal 95 % interval, standard error and two-sided p-value."""

    slope: Estimate
    error: float
    p: float


def weighted_slope(x: Sequence[float], y: Sequence[float], covariance: Any) -> Slope:
    """Least squares weighted by 1 / variance, its error by the whole covariance of `y`.

    The weights take the values for independent, the error does not (Aitken's sandwich), so that
    the test holds where neighbours move together. Raises ValueError for fewer than three values,
    equal `x` or a variance that is not positive.

    >>> round(weighted_slope([1, 2, 3], [3.0, 5.0, 7.0], np.eye(3)).slope.value, 12)
    2.0
    """
    at, values, shared = (np.asarray(v, dtype=float) for v in (x, y, covariance))
    variances = np.diag(shared)
    if len(at) < 3 or np.ptp(at) == 0 or not (variances > 0).all():
        raise ValueError("three values at different places, each with a variance > 0")
    weights = 1 / variances
    centred = at - np.average(at, weights=weights)
    share = weights * centred / np.sum(weights * centred**2)
    slope = float(share @ values)
    error = math.sqrt(max(0.0, float(share @ shared @ share)))
    p = math.erfc(abs(slope) / error / math.sqrt(2)) if error > 0 else float(slope == 0)
    return Slope(Estimate(slope, slope - Z95 * error, slope + Z95 * error), error, p)
