"""A difference of two shares among units of a kind: compared within strata, then put together."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

from repurchase.stats.proportion import Z95, Estimate


class Stratum(NamedTuple):
    """Units and successes of the group asked about, and of those it is compared with."""

    n: float
    successes: float
    other_n: float
    other_successes: float


class Difference(NamedTuple):
    """The common difference and what its variance is made from.

    `weight` is the sum over strata of n * other_n / (n + other_n); `n` and `other_n` count the
    units of strata in which both groups are found: only there can they be compared.
    """

    value: float
    weight: float
    n: float
    other_n: float


def common_difference(strata: Iterable[Stratum]) -> Difference | None:
    """Mantel and Haenszel's risk difference; None where no stratum holds both groups.

    It is also the slope of least squares on the group with an intercept for each stratum.
    """
    both = [s for s in strata if s.n > 0 and s.other_n > 0]
    if not both:
        return None
    weights = [s.n * s.other_n / (s.n + s.other_n) for s in both]
    gaps = [s.successes / s.n - s.other_successes / s.other_n for s in both]
    whole = math.fsum(weights)
    value = math.fsum(w * d for w, d in zip(weights, gaps, strict=True)) / whole
    return Difference(
        value, whole, math.fsum(s.n for s in both), math.fsum(s.other_n for s in both)
    )


def mantel_haenszel(strata: Iterable[Stratum]) -> Estimate | None:
    """The common risk difference of independent units with its 95 % interval; None without one.

    Sato's variance (Sato, Greenland and Robins 1989; as PROC FREQ's COMMONRISKDIFF), which holds
    for few large strata and for many small ones alike.

    >>> found = mantel_haenszel([Stratum(100, 30, 100, 20)])
    >>> [round(x, 4) for x in found]
    [0.1, -0.0192, 0.2192]
    """
    both = [s for s in strata if s.n > 0 and s.other_n > 0]
    found = common_difference(both)
    if found is None:
        return None
    p, q = [], []
    for n, y, m, z in both:
        total = n + m
        p.append((n * n * z - m * m * y + n * m * (m - n) / 2) / total**2)
        q.append((y * (m - z) + z * (n - y)) / (2 * total))
    variance = (found.value * math.fsum(p) + math.fsum(q)) / found.weight**2
    return _with_reach(found.value, variance)


def of_clusters(found: Difference, squares: float, clusters: int) -> Estimate | None:
    """The common difference where a unit has several rows, with its 95 % interval.

    `squares` is the sum over clusters of the squared sum of (x - mean x) (y - mean y - d (x -
    mean x)) over the cluster's rows, with means within strata, x = 1 in the group asked about,
    y = 1 for a success and d the common difference: the variance of least squares with an
    intercept a stratum, robust to clusters (Liang and Zeger 1986), times G / (G - 1). None for
    fewer than two clusters.
    """
    if clusters < 2:
        return None
    variance = clusters / (clusters - 1) * squares / found.weight**2
    return _with_reach(found.value, variance)


def _with_reach(value: float, variance: float) -> Estimate | None:
    half = Z95 * math.sqrt(max(variance, 0.0))
    return Estimate(value, value - half, value + half) if half > 0 else None
