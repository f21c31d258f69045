"""Whether the conversion of a step fell below its own level, and by how much.

A window's conversion is held against the six windows before it, on the log-odds scale, with a
prediction interval: sampling error of the window and of the level, and what windows differ by
beyond sampling error. It can be read beside another series: a label of a cut (a channel, a store)
beside the others of its cut in fixed proportions, so that neither what moves the whole step in a
window (season, a holiday) nor a larger mailing to some of them moves the label; a whole step, which
has no others, beside its own windows a year ago.

The spread between windows is that of all rows judged together (moments: DerSimonian & Laird 1986),
scaled up where a row's own six windows differ by more: a row's own windows count for their degrees
of freedom, the others' for `borrowed` at most (moderated t: Smyth 2004). It is never scaled below
sampling error.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, logit, stdtr, stdtrit

from repurchase.stats.fitting import Floats

Bools = NDArray[np.bool_]

LEVEL_WINDOWS = 6
FEWEST_WINDOWS = 3
# conversions that the level lets expect in the judged window, and in the rest of the step; fewer
# cannot show a fall that matters
FEWEST_EXPECTED = 30.0
FEWEST_FAILURES = 5.0
# expected conversions below which a window of the past says nothing
THIN = 3.0
BORROWED = 15


@dataclass(frozen=True)
class Falls:
    """What `falls` says of each label; arrays of one entry a label.

    `level`, `now`: pooled conversion of the level's windows, and of the judged one (drawn towards
    one half by a single unit, as log-odds need it). `own`: log-odds by which the label itself fell;
    `drop`: by which it fell more than what it is read beside (equal to `own` if read alone).
    `variance`: of the prediction error of `drop`, `df` its degrees of freedom. `windows`: how many
    of the level say something. `enough`: whether there are windows and units enough to judge.
    `run`: how many windows up to the judged one lie nearer to it than to the level (1 = itself).
    """

    level: Floats
    now: Floats
    units: Floats
    own: Floats
    drop: Floats
    variance: Floats
    df: Floats
    windows: Floats
    enough: Bools
    run: Floats

    def p_values(self) -> Floats:
        """One-sided: how often a fall of that size comes by chance; 1 where not enough."""
        t = np.divide(self.drop, np.sqrt(self.variance), out=np.zeros_like(self.drop),
                      where=self.enough)  # fmt: skip
        return np.where(self.enough, stdtr(self.df, -t), 1.0)


class Series(NamedTuple):
    """Conversions of labels (a row) in windows (a column, the oldest first, the last is judged).

    Log-odds, their sampling variance at the level, units that would be as telling, and the level
    of each row.
    """

    log_odds: Floats
    variance: Floats
    units: Floats
    level: Floats


def themselves(n: ArrayLike, y: ArrayLike) -> Series:
    """Each label by itself; `n` units reached the step in a window, `y` of them converted.

    Raises ValueError for uneven arrays, or y outside 0..n.
    """
    units, made = _checked(n, y)
    level = _pooled(units, made)
    variance = 1 / (np.maximum(units, 1e-9) * (level * (1 - level))[:, None])
    return Series(np.log((made + 0.5) / (units - made + 0.5)), variance, units, level)


def others(n: ArrayLike, y: ArrayLike) -> Series:
    """For each label all others of its cut, each with its own share of the level's units.

    Labels without units in one of the windows are in nobody's reference: the proportions would
    have to change there. Where no other label is left, there are no units.
    """
    return _mixed(n, y, _without)


def together(n: ArrayLike, y: ArrayLike) -> Series:
    """One row for all labels of a cut, each with its own share of the level's units.

    It moves only if conversions do, not if other labels come in other numbers; labels without units
    in one of the windows are left out.
    """
    return _mixed(n, y, lambda x: x.sum(axis=0, keepdims=True))


def stacked(parts: Sequence[Series]) -> Series:
    """The rows of several, one after the other."""
    return Series(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _mixed(n: ArrayLike, y: ArrayLike, summed: Callable[[Floats], Floats]) -> Series:
    units, made = _checked(n, y)
    whole = (units > 0).all(axis=1)
    weight = np.where(whole, units[:, :-1].sum(axis=1), 0.0)[:, None]
    level = _pooled(units, made)[:, None]
    rate = np.divide(made, units, out=np.zeros_like(made), where=units > 0)
    noise = level * (1 - level) / np.maximum(units, 1)
    size = np.maximum(summed(weight), 1e-12)
    base = np.clip(summed(weight * level) / size, 1e-9, 1 - 1e-9)
    mean = np.clip(summed(weight * rate) / size, 1e-6, 1 - 1e-6)
    variance = summed(weight**2 * noise) / size**2
    as_telling = np.where(
        summed(weight) > 0, base * (1 - base) / np.maximum(variance, 1e-12), 0.0
    )
    variance = np.maximum(variance, 1e-12) / (base * (1 - base)) ** 2
    return Series(np.log(mean / (1 - mean)), variance, as_telling, base[:, 0])


def _without(x: Floats) -> Floats:
    """Each column's sum without the row itself."""
    return np.maximum(0.0, x.sum(axis=0, keepdims=True) - x)


def _checked(n: ArrayLike, y: ArrayLike) -> tuple[Floats, Floats]:
    units, made = np.atleast_2d(np.asarray(n, float)), np.atleast_2d(np.asarray(y, float))
    if units.shape != made.shape or (made < 0).any() or (made > units).any():
        raise ValueError("n and y must be equally large, and 0 <= y <= n")
    return units, made


def falls(own: Series, *, beside: Series | None = None, borrowed: int = BORROWED) -> Falls:
    """How far the last window lies below those before it, for each row.

    `beside`: what each row is read beside (`others`, or `themselves` of other windows); without it
    each is read alone. `borrowed`: degrees of freedom that the other rows' spread counts for at
    most.
    """
    x, variance = own.log_odds, own.variance
    known = _telling(own.units, own.level)
    enough = _enough(own.units[:, -1], own.level)
    if beside is not None:
        x, variance = x - beside.log_odds, variance + beside.variance
        known &= _telling(beside.units, beside.level)
        enough &= _enough(beside.units[:, -1], beside.level)
    enough &= known[:, :-1].sum(axis=1) >= FEWEST_WINDOWS
    found = _held_against(x, variance, known, enough, borrowed)
    level = _weighted(own.log_odds[:, :-1], np.where(known, 1 / variance, 0.0)[:, :-1])
    return replace(
        found, level=own.level, now=expit(own.log_odds[:, -1]), units=own.units[:, -1],
        own=level - own.log_odds[:, -1],
    )  # fmt: skip


def _pooled(n: Floats, y: Floats) -> Floats:
    """Conversion of the level's windows together, kept off 0 and 1."""
    return (y[:, :-1].sum(axis=1) + 0.5) / (n[:, :-1].sum(axis=1) + 1)


def _telling(n: Floats, level: Floats) -> Bools:
    return n * np.minimum(level, 1 - level)[:, None] >= THIN


def _enough(n: Floats, level: Floats) -> Bools:
    return (n * level >= FEWEST_EXPECTED) & (n * (1 - level) >= FEWEST_FAILURES)


def _weighted(x: Floats, weight: Floats) -> Floats:
    total = weight.sum(axis=1)
    return np.divide((weight * x).sum(axis=1), total, out=np.zeros(len(x)), where=total > 0)


def _held_against(
    x: Floats, variance: Floats, known: Bools, enough: Bools, most: int
) -> Falls:
    """The prediction interval of the last column from those before it."""
    past, sampling = x[:, :-1], variance[:, :-1]
    windows = known[:, :-1].sum(axis=1).astype(float)
    spread = _between(past, sampling, known[:, :-1], enough)
    weight = np.where(known[:, :-1], 1 / (sampling + spread[:, None]), 0.0)
    level = _weighted(past, weight)
    free = np.maximum(windows - 1, 1.0)
    own = (weight * (past - level[:, None]) ** 2).sum(axis=1) / free
    borrowed = np.minimum(most, (enough * free).sum() - enough * free)
    scale = np.maximum(1.0, (borrowed + free * own) / (borrowed + free))
    total = np.maximum(weight.sum(axis=1), 1e-12)
    drop = level - x[:, -1]
    near = x < (level - drop / 2)[:, None]
    backwards = np.cumprod(near[:, ::-1], axis=1)
    return Falls(
        level=level, now=level, units=level, own=drop,
        drop=drop,
        variance=(variance[:, -1] + spread + 1 / total) * scale,
        df=borrowed + free,
        windows=windows,
        enough=enough,
        run=np.maximum(1.0, backwards.sum(axis=1)),
    )  # fmt: skip


def _between(past: Floats, sampling: Floats, known: Bools, enough: Bools) -> Floats:
    """Variance between windows beyond sampling error, of all rows together."""
    weight = np.where(known, 1 / sampling, 0.0)
    level = _weighted(past, weight)
    total = np.maximum(weight.sum(axis=1), 1e-12)
    excess = (weight * (past - level[:, None]) ** 2).sum(axis=1) - (known.sum(axis=1) - 1)
    size = total - (weight**2).sum(axis=1) / total
    whole = float(size[enough].sum())
    one = max(0.0, float(excess[enough].sum()) / whole) if whole > 0 else 0.0
    return np.full(len(past), one)


def beyond_season(now: Falls, then: Falls) -> Falls:
    """`now` less each label's fall a year ago, as far as labels' falls then were more than chance.

    A label's fall a year ago is drawn towards none, by how much the labels' falls differ beyond
    chance (empirical Bayes): where labels had no season of their own, nothing is taken off. A
    label that was not there a year ago gets the uncertainty of one whose season is not known.
    """
    known = then.enough
    season = 0.0
    if known.any():
        season = max(0.0, float((then.drop[known] ** 2 - then.variance[known]).mean()))
    trust = np.where(known, season / (season + then.variance), 0.0)
    return replace(
        now,
        drop=now.drop - trust * then.drop,
        variance=now.variance + np.where(known, trust * then.variance, season),
    )


@dataclass(frozen=True)
class Missing:
    """Conversions of the judged window that are missing against the level, with 95 % interval."""

    value: Floats
    low: Floats
    high: Floats


def missing(*readings: Falls) -> Missing:
    """How many conversions are missing by the calmest of the readings and of the label's own fall.

    The interval goes from the lower bound of the calmest to the upper bound of the boldest.
    """
    first = readings[0]
    now = logit(first.now)
    calmest = np.minimum.reduce([first.own, *(r.drop for r in readings)])
    boldest = np.maximum.reduce([calmest, *(r.drop for r in readings)])
    reach = np.maximum.reduce(
        [stdtrit(r.df, 0.975) * np.sqrt(r.variance) for r in readings]
    )

    def short(drop: Floats) -> Floats:
        return first.units * (expit(now + drop) - expit(now))

    return Missing(short(calmest), short(calmest - reach), short(boldest + reach))
