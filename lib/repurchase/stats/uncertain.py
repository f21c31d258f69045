"""Seeded draws of what is known within bounds, spread evenly over each one's probability."""

from __future__ import annotations

import numpy as np

from repurchase.stats.panel import Floats
from repurchase.stats.proportion import Z95, Estimate


def strata(count: int, factors: int, seed: int) -> Floats:
    """`factors` x `count` probabilities, one from the middle of each of `count` equal parts.

    Each factor's are shuffled for themselves (Latin hypercube, McKay, Beckman & Conover 1979), so
    that the draws of one factor have its quantiles exactly and those of two are not related.
    """
    rng = np.random.default_rng(seed)
    middle = (np.arange(count) + 0.5) / count
    return np.array([rng.permutation(middle) for _ in range(factors)])


def two_sided(u: Floats, estimate: Estimate) -> Floats:
    """Draws of an estimate: the halves of a normal, each as wide as its side of the 95 % interval.

    Half of the draws lie below the value, a fortieth below the interval and a fortieth above it.
    """
    from scipy.special import ndtri

    z = ndtri(u)
    width = np.where(z < 0, estimate.value - estimate.low, estimate.high - estimate.value)
    return np.asarray(estimate.value + z * width / Z95)


def triangular(u: Floats, low: float, likely: float, high: float) -> Floats:
    """Draws of a triangle's distribution; the value alone where low equals high."""
    if not low <= likely <= high:
        raise ValueError(f"{low}, {likely}, {high}: must be low <= likely <= high")
    if low == high:
        return np.full(u.shape, float(likely))
    span, turn = high - low, (likely - low) / (high - low)
    left = low + np.sqrt(u * span * (likely - low))
    right = high - np.sqrt((1 - u) * span * (high - likely))
    return np.where(u < turn, left, right)


def spread(values: Floats, value: float) -> Estimate:
    """A value with the middle 95 % of the draws around it."""
    low, high = np.quantile(values, [0.025, 0.975])
    return Estimate(value, float(low), float(high))
