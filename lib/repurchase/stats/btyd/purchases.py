"""BG/NBD and MBG/NBD: repeat purchases of customers who may leave unseen.

A history is (frequency, recency, age): the number of order dates after the first, the time from
the first to the last of them (0 if there is none) and from the first to the end of observation, all
in one unit of time. While she stays, a customer buys at random at her own rate (gamma, shape `r`,
rate `alpha`); after each purchase she leaves for good with her own probability (beta, `a`, `b`). In
BG/NBD she cannot leave before her first repeat purchase; in MBG/NBD she may leave after the very
first. Fader, Hardie & Lee 2005; Batislam, Denizel & Filiztekin 2007.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaln, expit, gammaln, hyp2f1, polygamma, psi

from repurchase.stats.fitting import Floats, NotFitted, maximise

NAMES = ("r", "alpha", "a", "b")
# Within this of a removable singularity the line between its two sides is taken.
NEAR = 1e-5
# Distinct histories taken at once (they stay in the processor's cache), and customers of whom a
# thinned sample first shows where the maximum lies.
CHUNK, MANY = 16_384, 40_000
# Beyond this `a` the probability of leaving is concentrated enough for quadrature.
CONCENTRATED = 30.0


@dataclass(frozen=True)
class Histories:
    """Arrays of equal length: frequency, recency, age; `count` customers share each row."""

    frequency: Floats
    recency: Floats
    age: Floats
    count: Floats

    def __len__(self) -> int:
        return len(self.frequency)

    @functools.cached_property
    def distinct(self) -> tuple[Floats, Floats, NDArray[Any]]:
        """Each (frequency, age) once, and of every row which of them it is.

        Found once for the customers: to sort them costs more than what is then computed of them,
        and an interval computes that for a hundred models.
        """
        x, ix = np.unique(self.frequency, return_inverse=True)
        age, i_age = np.unique(self.age, return_inverse=True)
        key, back = np.unique(ix.astype(np.int64) * len(age) + i_age, return_inverse=True)
        return x[key // len(age)], age[key % len(age)], back


@dataclass(frozen=True)
class PurchaseModel:
    """A fitted BG/NBD (`leaves_at_once` false) or MBG/NBD (true).

    `alpha` is in the unit of time of the histories. `covariance` is that of the logarithms of
    (r, alpha, a, b); `open` names those that the data do not determine (see `fit_purchases`).
    """

    r: float
    alpha: float
    a: float
    b: float
    leaves_at_once: bool
    log_likelihood: float
    customers: float
    covariance: Floats
    open: tuple[str, ...] = ()

    @property
    def parameters(self) -> Floats:
        """r, alpha, a, b."""
        return np.array([self.r, self.alpha, self.a, self.b])

    def at(self, parameters: ArrayLike) -> PurchaseModel:
        """The same model with other parameters (of a draw)."""
        r, alpha, a, b = np.asarray(parameters, dtype=float).tolist()
        return replace(self, r=r, alpha=alpha, a=a, b=b)


def histories(
    frequency: ArrayLike, recency: ArrayLike, age: ArrayLike, count: ArrayLike | None = None
) -> Histories:
    """Checked histories, one row a customer, or a row for `count` customers alike.

    Raises ValueError unless 0 <= recency <= age, frequencies are whole numbers, recency is 0
    exactly where frequency is, and counts are positive.
    """
    x, t_x, age_ = (np.asarray(v, dtype=float) for v in (frequency, recency, age))
    n = np.ones_like(x) if count is None else np.asarray(count, dtype=float)
    if not x.shape == t_x.shape == age_.shape == n.shape or x.ndim != 1:
        raise ValueError("frequency, recency, age and count must be flat and equally long")
    if not (np.isfinite(t_x) & np.isfinite(age_) & (t_x >= 0) & (t_x <= age_)).all():
        raise ValueError("must be 0 <= recency <= age, all finite")
    if not ((x >= 0) & (x == np.floor(x)) & ((x > 0) == (t_x > 0)) & (n > 0)).all():
        raise ValueError("frequency must be whole, recency 0 exactly where it is 0, count > 0")
    return Histories(x, t_x, age_, n)


def fit_purchases(
    customers: Histories, *, leaves_at_once: bool = False, limits: bool = False
) -> PurchaseModel:
    """BG/NBD (or MBG/NBD) by maximum likelihood.

    With `limits` customers who are all alike in how often they buy or leave, or who never leave,
    are modelled as that: the parameters left `open` are held where the likelihood no longer
    changes, and forecasts mean what they mean otherwise.

    Raises NotFitted: `no_repeat` if nobody bought twice, `not_converged`; without `limits` also
    `at_limit`, `flat`.
    """
    total = float(customers.count.sum())
    repeats = _dot(customers.frequency, customers.count)
    if repeats == 0:
        raise NotFitted("no_repeat", f"{total:.0f} customers")
    # Time is counted in mean ages while searching, so that one box fits days and years.
    scale = _dot(customers.age, customers.count) / total
    likelihood = _Likelihood(customers, scale, leaves_at_once)
    start = (0.5, 0.5 * total / repeats, 0.8, 2.4)
    near = _near(customers, leaves_at_once) if len(customers) > MANY else None
    if near is not None:
        start = (near.r, near.alpha / scale, near.a, near.b)
    best = maximise(
        likelihood, start, names=NAMES, units=total, near=near is not None, limits=limits
    )
    r, alpha, a, b = np.exp(best.log_parameters).tolist()
    value = best.log_likelihood - repeats * math.log(scale)
    return PurchaseModel(
        r, alpha * scale, a, b, leaves_at_once, value, total, best.covariance, best.open
    )


def _near(customers: Histories, leaves_at_once: bool) -> PurchaseModel | None:
    """A fit to every k-th row, from which Newton's method is at the maximum in a few steps."""
    every = slice(None, None, -(-len(customers) // (MANY // 2)))
    columns = (customers.frequency, customers.recency, customers.age, customers.count)
    try:
        return fit_purchases(
            Histories(*(column[every] for column in columns)), leaves_at_once=leaves_at_once
        )
    except NotFitted:
        return None


def log_likelihood(model: PurchaseModel, customers: Histories) -> float:
    """The log likelihood of histories at the model's parameters."""
    return _Likelihood(customers, 1.0, model.leaves_at_once)(np.log(model.parameters))[0]


class _Likelihood:
    """The factored log likelihood and its gradient in the log parameters.

    Gamma functions are taken on distinct frequencies, logarithms on distinct times; only the odds
    of having left need each distinct history. Those without a repeat collapse to their ages.
    """

    def __init__(self, customers: Histories, scale: float, leaves_at_once: bool) -> None:
        self.shift = 1.0 if leaves_at_once else 0.0
        self.x, ix = np.unique(customers.frequency, return_inverse=True)
        self.t, it = np.unique(np.r_[customers.recency, customers.age], return_inverse=True)
        self.t = self.t / scale
        i_recency, i_age = it[: len(ix)], it[len(ix) :]
        size, weight = len(self.t), customers.count
        self.n_x = np.bincount(ix, weight)
        self.n_age = np.bincount(i_age, weight, size)
        self.x_age = np.bincount(i_age, weight * customers.frequency, size)
        # With no repeat purchase BG/NBD knows that the customer is still there.
        kept = slice(None) if leaves_at_once else customers.frequency > 0
        key = (ix[kept].astype(np.int64) * size + i_recency[kept]) * size + i_age[kept]
        if leaves_at_once or weight.min() != weight.max() or weight[0] != 1:
            unique, back = np.unique(key, return_inverse=True)
            self.n = np.bincount(back, weight[kept], len(unique))
        else:
            unique, counts = np.unique(key, return_counts=True)
            self.n = counts.astype(float)
        self.i_age = unique % size
        self.i_recency = unique // size % size
        self.i_x = unique // size**2
        self.parts = [slice(i, i + CHUNK) for i in range(0, len(unique), CHUNK)]

    def __call__(self, log_parameters: Floats) -> tuple[float, Floats]:
        r, alpha, a, b = np.exp(log_parameters)
        x, m = self.x, self.x + self.shift
        log_t, inverse_t = np.log(alpha + self.t), 1 / (alpha + self.t)
        total = self.n_x.sum()
        value = _dot(self.n_x, gammaln(r + x) + betaln(a, b + m))
        value += total * (r * np.log(alpha) - gammaln(r) - betaln(a, b))
        value -= _dot(r * self.n_age + self.x_age, log_t)
        d_r = _dot(self.n_x, psi(r + x)) - _dot(self.n_age, log_t)
        d_r += total * (np.log(alpha) - psi(r))
        d_alpha = total * r / alpha - _dot(r * self.n_age + self.x_age, inverse_t)
        of_all = psi(a + b + m)
        d_a = _dot(self.n_x, psi(a) - of_all) - total * (psi(a) - psi(a + b))
        d_b = _dot(self.n_x, psi(b + m) - of_all) - total * (psi(b) - psi(a + b))

        with np.errstate(divide="ignore"):
            # only the frequency 0 of BG/NBD can fall on b - 1 <= 0, and nothing asks for it
            odds_x = np.log(a) - np.log(np.maximum(b + m - 1, 0))
        left_x = np.zeros(len(x))
        for part in self.parts:
            i_x, i_recency, i_age = self.i_x[part], self.i_recency[part], self.i_age[part]
            span = log_t[i_age] - log_t[i_recency]
            rate = (r + x)[i_x]
            z = odds_x[i_x] + rate * span
            small = np.exp(-np.abs(z))
            value += _dot(self.n[part], np.log1p(small) + np.maximum(z, 0))
            left = self.n[part] * np.where(z > 0, 1.0, small) / (1 + small)
            d_r += _dot(left, span)
            d_alpha += _dot(left * rate, inverse_t[i_age] - inverse_t[i_recency])
            left_x += np.bincount(i_x, left, len(x))
        seen = left_x > 0
        d_a += left_x.sum() / a
        d_b -= _dot(left_x[seen], 1 / (b + m[seen] - 1))
        return float(value), np.array([d_r * r, d_alpha * alpha, d_a * a, d_b * b])


def _dot(left: NDArray[Any], right: NDArray[Any]) -> float:
    """A sum of products by one thread: BLAS would give last digits that depend on the machine."""
    return float(np.einsum("i,i->", left, right))


def _left_odds(model: PurchaseModel, x: Floats, t_x: Floats, age: Floats) -> Floats:
    """Logarithm of the odds of having left; -inf where the model excludes it."""
    m = x + model.leaves_at_once
    span = np.log(model.alpha + age) - np.log(model.alpha + t_x)
    with np.errstate(divide="ignore", invalid="ignore"):
        odds = np.log(model.a) - np.log(model.b + m - 1) + (model.r + x) * span
    return np.where(m > 0, odds, -np.inf)


def alive(model: PurchaseModel, customers: Histories) -> Floats:
    """The probability that each customer has not left for good.

    BG/NBD gives exactly 1 to everyone without a repeat purchase, so it ranks nobody for churn.
    """
    x, t_x, age = customers.frequency, customers.recency, customers.age
    return expit(-_left_odds(model, x, t_x, age))


def expected_purchases(model: PurchaseModel, customers: Histories, horizon: float) -> Floats:
    """Purchases to be expected of each customer within `horizon` after the end of observation.

    Fader, Hardie & Lee 2005, equation 10, after Euler's transformation, which keeps the
    hypergeometric function tame for frequent buyers.
    """
    return alive(model, customers) * _if_alive(model, customers, [horizon])[0]


def expected_of_newcomer(model: PurchaseModel, horizon: float) -> float:
    """Repeat purchases of a customer, of whom nothing is known, within `horizon` of the first."""
    nobody = histories([0], [0], [0])
    return float(expected_purchases(model, nobody, horizon)[0])


def expected_by_step(model: PurchaseModel, customers: Histories, horizons: ArrayLike) -> Floats:
    """Expected purchases up to each horizon: one row a horizon, one column a customer."""
    steps = np.asarray(horizons, dtype=float).tolist()
    return alive(model, customers) * np.array(_if_alive(model, customers, steps))


def _if_alive(model: PurchaseModel, customers: Histories, horizons: list[float]) -> list[Floats]:
    """Expected purchases of those still there; the formula is taken once per (frequency, age)."""
    x, age, back = customers.distinct
    return [_expected(model, x, age, horizon)[back] for horizon in horizons]


def _expected(model: PurchaseModel, x: Floats, age: Floats, horizon: float) -> Floats:
    if horizon < 0 or not np.isfinite(horizon):
        raise ValueError(f"horizon == {horizon}, must be finite and >= 0")
    if abs(model.a - 1) < NEAR:
        left, right = (replace(model, a=1 + side * NEAR) for side in (-2, 2))
        share = (model.a - left.a) / (right.a - left.a)
    elif not model.leaves_at_once and abs(model.a + model.b - 1) < NEAR:
        left, right = (replace(model, b=1 - model.a + side * NEAR) for side in (-2, 2))
        share = (model.b - left.b) / (right.b - left.b)
    elif model.a > CONCENTRATED:
        return _by_quadrature(model, x, age, horizon)
    else:
        return _by_formula(model, x, age, horizon)
    sides = [_expected(side, x, age, horizon) for side in (left, right)]
    return (1 - share) * sides[0] + share * sides[1]


def _by_quadrature(model: PurchaseModel, x: Floats, age: Floats, horizon: float) -> Floats:
    """The mean of (1 - exp(-rate p horizon)) / p over p, where p hardly varies.

    The hypergeometric function may overflow there; log odds of p are nearly normal.
    """
    k = (model.b + x + model.leaves_at_once)[:, None]
    node, weight = np.polynomial.legendre.leggauss(48)
    spread = np.sqrt(polygamma(1, model.a) + polygamma(1, k))
    log_odds = psi(model.a) - psi(k) + 10 * spread * node
    log_p, log_rest = -np.logaddexp(0, -log_odds), -np.logaddexp(0, log_odds)
    density = weight * np.exp(model.a * log_p + k * log_rest - betaln(model.a, k))
    p, c = np.exp(log_p), (horizon / (model.alpha + age))[:, None]
    each = -np.expm1(-(model.r + x)[:, None] * np.log1p(p * c)) / p
    return np.asarray((density * each).sum(axis=1) / density.sum(axis=1))


def _by_formula(model: PurchaseModel, x: Floats, age: Floats, horizon: float) -> Floats:
    r, alpha, a, b = model.parameters
    m, now = x + model.leaves_at_once, alpha + age
    whole = a + b + m - 1
    z = horizon / (now + horizon)
    with np.errstate(all="ignore"):
        kept = (1 - z) ** (a - 1) * hyp2f1(a - 1, whole - r - x, whole, z)
        wild = ~np.isfinite(kept)
        if wild.any():
            k, c, w = (r + x)[wild], whole[wild], z[wild]
            kept[wild] = (1 - w) ** k * hyp2f1(k, b + m[wild], c, w)
    found = whole / (a - 1) * (1 - kept)
    wild = ~np.isfinite(kept)
    if wild.any():
        found[wild] = _by_quadrature(model, x[wild], age[wild], horizon)
    return found
