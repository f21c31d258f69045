"""Several trials' effects, each drawn towards all of them as far as it is uncertain.

Who picks the largest of several estimates picks luck along with it: winners shrink.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from repurchase.stats.proportion import Z95, Estimate

FEWEST = 3
STEPS = 200


class Shrunk(NamedTuple):
    """Each effect drawn towards `mean`; `deviation` is that of true effects among trials.

    `kept` is the share of each effect's distance from the mean that was kept, 0..1, `errors` are
    those of the effects as they were read, `mean_error` that of the mean.
    """

    effects: tuple[Estimate, ...]
    mean: float
    deviation: float
    kept: tuple[float, ...]
    errors: tuple[float, ...]
    mean_error: float

    def total(self, weights: Sequence[float]) -> Estimate:
        """The sum of the effects, each times its weight: they share the error of the mean."""
        value = sum(w * x.value for w, x in zip(weights, self.effects, strict=True))
        parts = zip(weights, self.kept, self.errors, strict=True)
        own = sum(w**2 * kept * error**2 for w, kept, error in parts)
        shared = sum(w * (1 - kept) for w, kept in zip(weights, self.kept, strict=True))
        half = Z95 * math.sqrt(own + (shared * self.mean_error) ** 2)
        return Estimate(value, value - half, value + half)


def shrunken(values: Sequence[float], errors: Sequence[float]) -> Shrunk:
    """Empirical Bayes, normal effects seen with normal errors (Efron and Morris 1975).

    The variance among the true effects is that of Paule and Mandel (1982), which needs no shape of
    them. The intervals know that the common mean is estimated, and not that the variance is; they
    are approximate for few trials. Raises ValueError for fewer than three trials, uneven lists or
    an error that is not positive.

    >>> [round(x.value, 4) for x in shrunken([0, 3, 6], [1, 1, 1]).effects]
    [0.3333, 3.0, 5.6667]
    """
    if len(values) != len(errors) or len(values) < FEWEST:
        raise ValueError(f"{len(values)} values and {len(errors)} errors, must be {FEWEST} or more")
    if any(not error > 0 for error in errors):
        raise ValueError(f"errors == {list(errors)}, must be > 0")
    between = _between(values, errors)
    weights = [1 / (error**2 + between) for error in errors]
    mean = _weighted(values, weights)
    kept = tuple(between / (between + error**2) for error in errors)
    found = []
    for value, error, own in zip(values, errors, kept, strict=True):
        middle = mean + own * (value - mean)
        half = Z95 * math.sqrt(own * error**2 + (1 - own) ** 2 / sum(weights))
        found.append(Estimate(middle, middle - half, middle + half))
    mean_error = 1 / math.sqrt(sum(weights))
    return Shrunk(tuple(found), mean, math.sqrt(between), kept, tuple(errors), mean_error)


def _weighted(values: Sequence[float], weights: Sequence[float]) -> float:
    return sum(w * v for w, v in zip(weights, values, strict=True)) / sum(weights)


def _between(values: Sequence[float], errors: Sequence[float]) -> float:
    """The variance at which the weighted squares add up to the degrees of freedom."""

    def excess(variance: float) -> float:
        weights = [1 / (error**2 + variance) for error in errors]
        mean = _weighted(values, weights)
        squares = (w * (v - mean) ** 2 for w, v in zip(weights, values, strict=True))
        return sum(squares) - (len(values) - 1)

    if excess(0.0) <= 0:
        return 0.0
    low, high = 0.0, (max(values) - min(values)) ** 2 * len(values)
    for _ in range(STEPS):  # it falls as the variance grows, so halving finds it
        middle = (low + high) / 2
        low, high = (middle, high) if excess(middle) > 0 else (low, middle)
    return (low + high) / 2
