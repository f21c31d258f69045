"""How well a score says who will: order (AUC), the top tenth (lift), and level (calibration)."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, ndtr

from repurchase.stats.fitting import Floats, NotFitted
from repurchase.stats.proportion import Z95, Estimate, wilson

Bools = NDArray[np.bool_]


class Difference(NamedTuple):
    """A difference with its 95 % interval and two-sided p-value."""

    value: float
    low: float
    high: float
    p: float


class Lift(NamedTuple):
    """The rate in the best-scored part over the rate of all, with a 95 % interval.

    `top` is the rate in that part, `base` that of all, `n` the units in the part.
    """

    value: float
    low: float
    high: float
    top: Estimate
    base: Estimate
    n: int


class Calibration(NamedTuple):
    """Observed on predicted, on the logit scale (Cox 1958): 1 and 0 where a score tells the level.

    A slope under 1 means predictions that are too extreme; `intercept` is that with the slope held
    at 1: above 0 more happened than was predicted.
    """

    slope: Estimate
    intercept: Estimate


class Bin(NamedTuple):
    """Units of neighbouring predictions: how many, mean predicted, mean observed (95 %)."""

    n: int
    predicted: float
    observed: Estimate


def auc(score: ArrayLike, happened: ArrayLike) -> Estimate:
    """Share of pairs (one to whom it happened, one not) that the score orders rightly, ties half.

    95 % interval of DeLong, DeLong & Clarke-Pearson 1988, on the logit scale, so that it stays
    inside 0..1; NaN where the order is perfect, or a side has one unit only.

    Raises ValueError if arrays are uneven, a score is NaN, or it happened to all or to nobody.
    """
    event, rest = _placements(*_checked(score, happened))
    value = float(event.mean())
    variance = _variance(event) + _variance(rest)
    if not 0 < value < 1:
        return Estimate(value, math.nan, math.nan)
    half = Z95 * math.sqrt(variance) / (value * (1 - value))
    centre = math.log(value / (1 - value))
    return Estimate(value, float(expit(centre - half)), float(expit(centre + half)))


def auc_difference(score: ArrayLike, other: ArrayLike, happened: ArrayLike) -> Difference:
    """How much better the first score orders the same units, paired (DeLong et al. 1988).

    Raises ValueError as `auc` does.
    """
    e1, r1 = _placements(*_checked(score, happened))
    e2, r2 = _placements(*_checked(other, happened))
    value = float(e1.mean() - e2.mean())
    error = math.sqrt(_variance(e1 - e2) + _variance(r1 - r2))
    if error == 0:
        return Difference(value, value, value, 1.0 if value == 0 else 0.0)
    p = 2 * float(ndtr(-abs(value) / error))
    return Difference(value, value - Z95 * error, value + Z95 * error, p)


def pooled_auc(
    score: ArrayLike, happened: ArrayLike, group: ArrayLike, unit: ArrayLike
) -> Estimate:
    """Mean of the groups' AUC, where the same unit may stand in several groups.

    `group` tells the dates of prediction apart, `unit` the customers; both are any labels. The
    interval is on the logit scale, from each unit's influence summed over its groups (Obuchowski
    1997, Biometrics 53), so that who recurs does not count as several.

    Raises ValueError as `auc` does, of any group.
    """
    value, error = _pooled([np.asarray(score, dtype=float)], happened, group, unit)
    if not 0 < value < 1 or not error > 0:
        return Estimate(value, math.nan, math.nan)
    half = Z95 * error / (value * (1 - value))
    centre = math.log(value / (1 - value))
    return Estimate(value, float(expit(centre - half)), float(expit(centre + half)))


def pooled_auc_difference(
    score: ArrayLike, other: ArrayLike, happened: ArrayLike, group: ArrayLike, unit: ArrayLike
) -> Difference:
    """How much better the first score orders the same units, over all groups; as `pooled_auc`."""
    scores = [np.asarray(s, dtype=float) for s in (score, other)]
    value, error = _pooled(scores, happened, group, unit)
    if error == 0:
        return Difference(value, value, value, 1.0 if value == 0 else 0.0)
    p = 2 * float(ndtr(-abs(value) / error))
    return Difference(value, value - Z95 * error, value + Z95 * error, p)


def _pooled(
    scores: list[Floats], happened: ArrayLike, group: ArrayLike, unit: ArrayLike
) -> tuple[float, float]:
    """Mean AUC of the first score, less that of the second if there is one; its standard error."""
    y, (_, which) = np.asarray(happened), np.unique(np.asarray(group), return_inverse=True)
    _, units = np.unique(np.asarray(unit), return_inverse=True)
    influence = np.zeros(int(units.max()) + 1)
    values = []
    for index in range(int(which.max()) + 1):
        inside = which == index
        found = [_placements(*_checked(s[inside], y[inside])) for s in scores]
        event, rest = found[0]
        if len(found) > 1:
            event, rest = event - found[1][0], rest - found[1][1]
        values.append(float(event.mean()))
        came = y[inside].astype(bool)
        # a unit stands in a group once
        influence[units[inside][came]] += (event - event.mean()) / len(event)
        influence[units[inside][~came]] += (rest - rest.mean()) / len(rest)
    groups = len(values)
    return float(np.mean(values)), math.sqrt(float((influence**2).sum())) / groups


def lift(score: ArrayLike, happened: ArrayLike, *, share: float = 0.1) -> Lift:
    """The rate in the best-scored `share` of units over the rate of all.

    The part has ceil(share * n) units; where units tie at its edge each counts in proportion, so
    that the order of rows means nothing. The interval is on the log scale, the part against the
    rest as independent binomials; NaN where nobody in the part had the event.

    Raises ValueError as `auc` does, or unless 0 < share < 1.
    """
    s, y = _checked(score, happened)
    if not 0 < share < 1:
        raise ValueError(f"share == {share}, must lie in 0..1")
    n = len(s)
    k = math.ceil(share * n - 1e-9)
    edge = np.partition(s, n - k)[n - k]
    above, at = s > edge, s == edge
    room = (k - above.sum()) / at.sum()
    hits = float((y & above).sum() + room * (y & at).sum())
    all_hits = float(y.sum())
    top, base = wilson(hits, k), wilson(all_hits, n)
    value, low, high = part_lift(hits, k, all_hits, n)
    return Lift(value, low, high, top, base, k)


def part_lift(hits: float, k: float, all_hits: float, n: float) -> Estimate:
    """The rate of a part (`hits` of `k` units) over that of all of which it is one, with 95 %.

    The interval is on the log scale, the part against the rest as independent binomials; NaN where
    nobody in the part had the event, or the part is all.

    >>> [round(x, 3) for x in part_lift(30, 100, 100, 1000)]
    [3.0, 2.308, 3.899]
    """
    value = hits / k / (all_hits / n)
    if hits == 0 or k == n:
        return Estimate(value, math.nan, math.nan)
    # delta method on log(a / k) - log((a + c) / n), a and c independent
    rest_hits, rest = all_hits - hits, n - k
    p, q = hits / k, rest_hits / rest
    by_top, by_rest = 1 / hits - 1 / all_hits, -1 / all_hits
    variance = by_top**2 * k * p * (1 - p) + by_rest**2 * rest * q * (1 - q)
    half = math.exp(Z95 * math.sqrt(variance))
    return Estimate(value, value / half, value * half)


def calibration_table(predicted: ArrayLike, observed: ArrayLike, *, bins: int = 10) -> list[Bin]:
    """Predicted against observed in parts of (nearly) equal size by prediction, ascending.

    `observed` may be any number (purchases, money) or 0/1, where the interval is Wilson's; that of
    numbers is the normal one of a mean, NaN for a single unit. Units with equal predictions stay
    together, so there may be fewer parts.

    Raises ValueError for uneven or empty arrays, NaN, or bins < 1.
    """
    p, y = np.asarray(predicted, dtype=float), np.asarray(observed, dtype=float)
    if p.shape != y.shape or p.ndim != 1 or not len(p) or bins < 1:
        raise ValueError("predicted and observed must be flat, equally long, not empty; bins >= 1")
    if not (np.isfinite(p) & np.isfinite(y)).all():
        raise ValueError("predicted and observed must be finite")
    # the mean rank of ties decides where all of them go
    part = np.minimum((mean_ranks(p) - 0.5) * bins // len(p), bins - 1).astype(int)
    shares = bool(np.isin(y, (0.0, 1.0)).all())
    found = []
    for index in np.unique(part).tolist():
        inside = part == index
        n, values = int(inside.sum()), y[inside]
        if shares:
            observed_there = wilson(float(values.sum()), n)
        else:
            mean = float(values.mean())
            half = Z95 * float(values.std(ddof=1)) / math.sqrt(n) if n > 1 else math.nan
            observed_there = Estimate(mean, mean - half, mean + half)
        found.append(Bin(n, float(p[inside].mean()), observed_there))
    return found


def calibration(probability: ArrayLike, happened: ArrayLike) -> Calibration:
    """Slope and intercept of what happened on the logit of its probability, with 95 % intervals.

    Raises ValueError as `auc` does, or unless all probabilities lie inside 0..1; NotFitted (`flat`,
    `at_limit`, `not_converged`) where all are equal or they part the units perfectly.
    """
    p, y = _checked(probability, happened)
    if not ((p > 0) & (p < 1)).all():
        raise ValueError("probabilities must lie inside 0..1")
    logit = np.log(p) - np.log1p(-p)
    if np.ptp(logit) == 0:
        raise NotFitted("flat", "all probabilities are equal")
    both = _logistic(np.c_[logit, np.ones_like(logit)], y, np.zeros_like(logit))
    level = _logistic(np.ones((len(y), 1)), y, logit)
    return Calibration(both[0], level[0])


def _logistic(columns: Floats, y: Bools, offset: Floats) -> list[Estimate]:
    """Logistic regression by Newton's method."""
    beta = np.zeros(columns.shape[1])
    for _ in range(50):
        fitted = expit(offset + np.einsum("ij,j->i", columns, beta))
        weight = fitted * (1 - fitted)
        information = np.einsum("ij,i,ik->jk", columns, weight, columns)
        if not np.linalg.cond(information) < 1e12:
            raise NotFitted("flat", "calibration")
        inverse = np.linalg.inv(information)
        step = inverse @ np.einsum("ij,i->j", columns, y - fitted)
        beta = beta + np.clip(step, -2, 2)
        if np.abs(beta).max() > 50:
            raise NotFitted("at_limit", "calibration")
        if np.abs(step).max() < 1e-10:
            half = Z95 * np.sqrt(np.diag(inverse))
            return [Estimate(*x) for x in zip(beta, beta - half, beta + half, strict=True)]
    raise NotFitted("not_converged", "calibration")


def mean_ranks(values: ArrayLike) -> Floats:
    """Ranks from 1, ties sharing the mean of theirs, as `scipy.stats.rankdata` gives them.

    Its own import would cost more than all that is asked of it.
    """
    _, place, ties = np.unique(np.asarray(values), return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(ties) - (ties - 1) / 2)[place])


def _checked(score: ArrayLike, happened: ArrayLike) -> tuple[Floats, Bools]:
    s, y = np.asarray(score, dtype=float), np.asarray(happened)
    if s.shape != y.shape or s.ndim != 1:
        raise ValueError("score and happened must be flat and equally long")
    if np.isnan(s).any() or not np.isin(y, (0, 1)).all():
        raise ValueError("scores must not be NaN, happened must be 0 or 1")
    event = y.astype(bool)
    if event.all() or not event.any():
        raise ValueError("it must have happened to some and not to others")
    return s, event


def _placements(score: Floats, event: Bools) -> tuple[Floats, Floats]:
    """Of each event, the share of the rest below it; of each of the rest, of events above it."""
    ranks = mean_ranks(score)
    n, rest = int(event.sum()), int((~event).sum())
    events = (ranks[event] - mean_ranks(score[event])) / rest
    others = 1 - (ranks[~event] - mean_ranks(score[~event])) / n
    return events, others


def _variance(a: Floats) -> float:
    """Of the mean; that of a single unit is not known, and NaN."""
    return float(a.var(ddof=1) / len(a)) if len(a) > 1 else math.nan
