"""How much of what has happened is already known, when news of it takes days to arrive.

Rows that take long are not seen yet among the newest days, so that the delays that are seen look
shorter than they are (right truncation). Conditioning on what could have been seen mends it:
of the rows that had arrived within j days on days followed for j days, the share that arrived on
day j itself is a hazard in reversed time, and the product of its complements beyond d is the share
that arrives within d days (Lagakos, Barraj and De Gruttola 1988; Kalbfleisch and Lawless 1989).
It is the chain ladder of insurers (Mack 1993) with volume-weighted factors.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
FEWEST_ROWS = 30  # a delay is told only as far as so many rows could have shown it
LEAST_SHARE = 0.1  # of a day of which less has arrived the rest cannot be told
BLOCK = 7  # days that are drawn together: batches and troubles last for several days
LOW, HIGH = 2.5, 97.5


class Arrival(NamedTuple):
    """`share[d]` of what happened arrives within d days, of all that does within the horizon.

    `low` and `high` bound its 95 % interval. `horizon` is the last delay that could be told,
    after which the share is 1 by definition.
    """

    share: Floats
    low: Floats
    high: Floats
    horizon: int


class Missing(NamedTuple):
    """Rows still to come: `by_day`, NaN where too little has arrived to tell.

    `drawn` has a prediction for each draw and day, 0 where it cannot be told; sums over days, and
    over independent sources, are bounded by `bounds` of its sums.
    """

    by_day: Floats
    drawn: Floats


def arrival(counts: ArrayLike, followed: ArrayLike, *, draws: int = 1000, seed: int = 1) -> Arrival:
    """The share that arrives within each number of days, from counts by day and delay.

    `counts[t, k]` are the rows of day t that arrived k days later, `followed[t]` how many days
    after t were seen. The interval is that of weeks drawn again with their days together
    (bootstrap over blocks), since the rows of a day are loaded together.

    Raises ValueError if the shapes differ, a count is negative or lies beyond what was followed.
    """
    rows, seen = _checked(counts, followed)
    at, before = _sums(rows, seen)
    horizon = _horizon(before.sum(axis=0))
    share = _share(at.sum(axis=0), before.sum(axis=0), horizon)
    drawn = _drawn_shares(at, before, horizon, draws=draws, seed=seed)
    low, high = np.percentile(drawn, [LOW, HIGH], axis=0)
    return Arrival(share, np.minimum(low, share), np.maximum(high, share), horizon)


def missing(
    counts: ArrayLike, followed: ArrayLike, found: Arrival, *, draws: int = 1000, seed: int = 1
) -> Missing:
    """Rows that happened and have not arrived, of those that will within the horizon.

    A day with n rows of which the share F should have arrived by now misses n (1 - F) / F. The
    interval is a prediction's: in each draw the newest days get the pattern of one past week,
    drawn by chance, and the rows to come vary as counts do (negative binomial).
    """
    rows, seen = _checked(counts, followed)
    n = rows.sum(axis=1)
    arrived = found.share[np.minimum(seen, found.horizon)]
    told = arrived >= LEAST_SHARE
    by_day = np.full(len(n), np.nan)
    by_day[told] = n[told] * (1 - arrived[told]) / arrived[told]
    drawn = np.zeros((draws, len(n)))
    waits = told & (arrived < 1) & (n > 0)
    if waits.any():
        rng = np.random.default_rng([seed, 1])
        pattern = _patterns(rows, seen, found, waits, rng, draws)
        certain = pattern >= 1
        some = rng.negative_binomial(n[waits], np.where(certain, 0.5, pattern))
        drawn[:, waits] = np.where(certain, 0, some)
    return Missing(by_day, drawn)


def bounds(total: float, drawn: ArrayLike) -> tuple[float, float]:
    """The 95 % interval of a sum from its draws; it holds the sum itself."""
    low, high = np.percentile(np.asarray(drawn, dtype=float), [LOW, HIGH])
    return min(float(low), total), max(float(high), total)


def quantile(values: ArrayLike, counts: ArrayLike, share: float) -> float:
    """The smallest value that at least that share of the counted units does not exceed.

    NaN if nothing was counted. Raises ValueError unless 0 < share <= 1.

    >>> quantile([0, 1, 5], [6, 3, 1], 0.95)
    5.0
    """
    if not 0 < share <= 1:
        raise ValueError(f"share == {share}, must lie above 0 and at most at 1")
    at, n = np.asarray(values, dtype=float), np.asarray(counts, dtype=float)
    order = np.argsort(at, kind="stable")
    running = np.cumsum(n[order])
    if not running.size or not running[-1] > 0:
        return float("nan")
    # a share of a count that is whole must not miss it by the last bit
    return float(at[order][np.searchsorted(running, share * running[-1] * (1 - 1e-12))])


def _checked(counts: ArrayLike, followed: ArrayLike) -> tuple[Floats, NDArray[np.int64]]:
    rows, seen = np.asarray(counts, dtype=float), np.asarray(followed, dtype=np.int64)
    if rows.ndim != 2 or seen.shape != rows.shape[:1]:
        raise ValueError(f"shapes {rows.shape}, {seen.shape}, must be (days, delays) and (days,)")
    if (rows < 0).any() or (seen < 0).any():
        raise ValueError("counts and days followed must be >= 0")
    if (rows * (np.arange(rows.shape[1]) > seen[:, None])).any():
        raise ValueError("a row arrived later than its day was followed")
    return rows, np.minimum(seen, rows.shape[1] - 1)


def _sums(rows: Floats, seen: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """By day and delay j: rows at j, and rows up to j, both of days followed for j days."""
    could = np.arange(rows.shape[1]) <= seen[:, None]
    return rows * could, np.cumsum(rows, axis=1) * could


def _horizon(before: Floats) -> int:
    enough = np.flatnonzero(before >= FEWEST_ROWS)
    return int(enough[-1]) if enough.size else 0


def _share(at: Floats, before: Floats, horizon: int) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        hazard = np.where(before > 0, at / before, 0.0)
    hazard[..., horizon + 1 :] = 0.0
    kept = np.flip(np.cumprod(np.flip(1 - hazard, axis=-1), axis=-1), axis=-1)
    return np.concatenate([kept[..., 1:], np.ones((*kept.shape[:-1], 1))], axis=-1)


def _blocks(days: int) -> NDArray[np.int64]:
    """The block of each day; the newest day ends one."""
    return (days - 1 - np.arange(days)) // BLOCK


def _drawn_shares(at: Floats, before: Floats, horizon: int, *, draws: int, seed: int) -> Floats:
    block = _blocks(len(at))
    many = int(block.max()) + 1
    sums = [np.zeros((many, at.shape[1])) for _ in range(2)]
    for total, part in zip(sums, (at, before), strict=True):
        np.add.at(total, block, part)
    weights = np.random.default_rng(seed).multinomial(many, np.full(many, 1 / many), size=draws)
    return _share(weights @ sums[0], weights @ sums[1], horizon)


def _patterns(
    rows: Floats, seen: NDArray[np.int64], found: Arrival, waits: NDArray[np.bool_],
    rng: np.random.Generator, draws: int,
) -> Floats:  # fmt: skip
    """The share arrived of the days that wait, by draw: as in one past week, drawn by chance."""
    ages, base = seen[waits], found.share[np.minimum(seen[waits], found.horizon)]
    weeks = _weeks(rows, seen, found)
    if not len(weeks):
        return np.broadcast_to(base, (draws, len(ages)))
    pattern = weeks[rng.integers(len(weeks), size=draws)][:, ages]
    return np.where(pattern >= LEAST_SHARE, pattern, base)


def _weeks(rows: Floats, seen: NDArray[np.int64], found: Arrival) -> Floats:
    """For each week the share arrived by each delay, of all that it should have in the end.

    Beyond what could be followed of its newest day it is the share of all weeks.
    """
    block, weeks = _blocks(len(rows)), []
    share = found.share[np.minimum(np.arange(rows.shape[1]), found.horizon)]
    at_last = share[seen]
    for number in range(int(block.max()) + 1):
        mine = (block == number) & (at_last >= LEAST_SHARE)
        whole = (rows[mine].sum(axis=1) / at_last[mine]).sum()
        if whole > 0:
            own = np.cumsum(rows[mine].sum(axis=0)) / whole
            told = np.arange(rows.shape[1]) <= seen[mine].min()
            weeks.append(np.where(told, np.minimum(own, 1.0), share))
    return np.array(weeks)
