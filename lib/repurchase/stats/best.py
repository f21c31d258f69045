"""Which of several arms is best: the chance of each, by quadrature."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.special import ndtr

NODES = 300
REACH = 9.0


@functools.cache
def _legendre() -> tuple[Any, Any]:
    return np.polynomial.legendre.leggauss(NODES)


def chance_best(means: Sequence[float], errors: Sequence[float]) -> list[float]:
    """The chance of each arm to have the largest true mean, in the order given; they sum to 1.

    Flat priors and independent normal likelihoods with these standard errors. Gauss-Legendre over
    each arm's own density, so no draw and no seed. Raises ValueError for an error that is not
    positive or fewer than two arms.

    >>> [round(c, 5) for c in chance_best([0.0, 0.0408163], [0.0, 0.147246])]
    Traceback (most recent call last):
    ...
    ValueError: errors == [0.0, 0.147246], must be > 0, of two arms or more
    >>> [round(c, 6) for c in chance_best([1.0, 1.0, 1.0], [2.0, 2.0, 2.0])]
    [0.333333, 0.333333, 0.333333]
    """
    if len(means) != len(errors) or len(means) < 2 or not all(e > 0 for e in errors):
        raise ValueError(f"errors == {list(errors)}, must be > 0, of two arms or more")
    nodes, weights = _legendre()
    found = []
    for i, (mean, error) in enumerate(zip(means, errors, strict=True)):
        z = nodes * REACH
        below = np.ones_like(z)
        for j, (other, spread) in enumerate(zip(means, errors, strict=True)):
            if j != i:
                below *= ndtr((mean + error * z - other) / spread)
        density = np.exp(-z * z / 2) / math.sqrt(2 * math.pi)
        found.append(float(np.sum(weights * REACH * density * below)))
    total = sum(found)
    return [c / total for c in found]
