"""Each one's mean, drawn towards everyone's as far as it is uncertain."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from repurchase.stats.fitting import Floats


class Credibility(NamedTuple):
    """`means` of each unit; that of all; `k`: so many observations weigh as much as all others'."""

    means: Floats
    overall: float
    k: float


def credible_means(count: ArrayLike, total: ArrayLike, sum_of_squares: float) -> Credibility:
    """Bühlmann-Straub means (Bühlmann & Straub 1970; Klugman, Panjer & Willmot, 18.6).

    `count` and `total` are of each unit's observations (0 and any: unit without one, who gets the
    mean of all), `sum_of_squares` is that of all observations. Where units do not differ by more
    than chance all get the mean of all (k is infinite).

    Raises ValueError for uneven arrays, negative counts, no observation, or no unit with two.
    """
    n, s = np.asarray(count, dtype=float), np.asarray(total, dtype=float)
    if n.shape != s.shape or n.ndim != 1 or (n < 0).any():
        raise ValueError("count and total must be flat and equally long, counts not negative")
    seen = n > 0
    n_seen, s_seen = n[seen], s[seen]
    whole, units = float(n_seen.sum()), int(seen.sum())
    if not units or whole <= units:
        raise ValueError(f"{whole:.0f} observations of {units} units: none has two")
    overall = float(s_seen.sum()) / whole
    means = s_seen / n_seen
    within = max(0.0, sum_of_squares - float((n_seen * means**2).sum())) / (whole - units)
    scatter = float((n_seen * (means - overall) ** 2).sum()) - (units - 1) * within
    room = whole - float((n_seen**2).sum()) / whole
    between = scatter / room if room > 0 else 0.0
    if between <= 0:
        return Credibility(np.full_like(n, overall), overall, np.inf)
    k = within / between
    sums = np.where(seen, s, 0.0)
    found = np.divide(sums + k * overall, n + k, out=np.full_like(n, overall), where=n + k > 0)
    return Credibility(found, overall, k)
