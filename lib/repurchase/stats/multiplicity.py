"""Many comparisons at once: how many of those that look sure would be chance."""

from __future__ import annotations

import math
from collections.abc import Sequence

from repurchase.stats.proportion import Z95


def p_of_interval(value: float, low: float, high: float) -> float:
    """The two-sided p-value of "no difference" behind a normal 95 % interval.

    The interval need not be symmetric: what counts is its reach towards 0, so that p is below
    .05 exactly where it leaves 0 out. Raises ValueError unless low < high.

    >>> round(p_of_interval(1.959964, 0.0, 3.919928), 4)
    0.05
    """
    if not low < high:
        raise ValueError(f"low == {low}, high == {high}, must be low < high")
    error = (value - low if value > 0 else high - value) / Z95
    if not error > 0:
        return float(value == 0)
    return math.erfc(abs(value) / error / math.sqrt(2))


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values in the order given; those below q have a false discovery rate of q.

    Benjamini and Hochberg 1995, step-up. Raises ValueError for a p outside 0..1.

    >>> benjamini_hochberg([0.01, 0.04, 0.03])
    [0.03, 0.04, 0.04]
    """
    if any(not 0 <= p <= 1 for p in p_values):
        raise ValueError(f"p_values == {list(p_values)}, must lie in 0..1")
    count = len(p_values)
    adjusted = [0.0] * count
    smallest = 1.0
    order = sorted(range(count), key=lambda i: p_values[i], reverse=True)
    for place, index in enumerate(order):
        smallest = min(smallest, p_values[index] * count / (count - place))
        adjusted[index] = smallest
    return adjusted
