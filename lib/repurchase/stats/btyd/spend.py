"""Gamma-Gamma: what a customer spends on average at a purchase, from the few that were seen.

Purchases of a customer vary around her own mean, whose inverse varies between customers (Fader &
Hardie 2013, The Gamma-Gamma Model of Monetary Value). The model stands on one assumption: how much
a customer spends has nothing to do with how often she buys; `correlation` measures it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import gammaln, psi

from repurchase.stats.fitting import Floats, NotFitted, maximise
from repurchase.stats.proportion import Z95, Estimate

NAMES = ("p", "q", "gamma")


@dataclass(frozen=True)
class SpendModel:
    """A fitted Gamma-Gamma; `gamma` is in money. `covariance` is that of the logarithms."""

    p: float
    q: float
    gamma: float
    log_likelihood: float
    customers: float
    covariance: Floats
    correlation: Estimate

    @property
    def parameters(self) -> Floats:
        """p, q, gamma."""
        return np.array([self.p, self.q, self.gamma])

    def at(self, parameters: ArrayLike) -> SpendModel:
        """The same model with other parameters (of a draw)."""
        p, q, gamma = np.asarray(parameters, dtype=float).tolist()
        return replace(self, p=p, q=q, gamma=gamma)

    @property
    def mean(self) -> float:
        """Mean spend per purchase of a customer of whom nothing is known."""
        return self.p * self.gamma / (self.q - 1)


def fit_spend(frequency: ArrayLike, mean_spend: ArrayLike) -> SpendModel:
    """Gamma-Gamma by maximum likelihood over customers with at least one purchase counted.

    `frequency` counts the purchases over which `mean_spend` is taken (those after the first, as a
    rule); customers with none are left out. Every mean must be positive: who spent nothing or less
    (returns) has to be named and left out before.

    Raises ValueError for a mean that is not positive; NotFitted: `too_few` (under 3 customers),
    `at_limit`, `flat`, `not_converged`, `no_mean` (q <= 1: the mean of new customers is infinite).
    """
    x, z = _spenders(frequency, mean_spend)
    if len(x) < 3:
        raise NotFitted("too_few", f"{len(x)} customers with a counted purchase")
    # Money is counted in its own geometric mean while searching: one box fits all currencies.
    scale = float(np.exp(np.log(z).mean()))
    best = maximise(_Likelihood(x, z / scale), (2.0, 3.0, 2.0), names=NAMES, units=len(x))
    p, q, gamma = np.exp(best.log_parameters).tolist()
    if q <= 1:
        raise NotFitted("no_mean", f"q == {q:.4g}")
    value = best.log_likelihood - len(x) * np.log(scale)
    return SpendModel(
        p, q, gamma * scale, float(value), float(len(x)), best.covariance, correlation(x, z)
    )


def correlation(frequency: ArrayLike, mean_spend: ArrayLike) -> Estimate:
    """Pearson's correlation of frequency and mean spend, with Fisher's 95 % interval.

    Customers without a counted purchase are left out. It is undefined (NaN) where all customers
    (or the only one) have the same frequency or mean, its interval under four customers.
    """
    x, z = _spenders(frequency, mean_spend)
    if len(x) < 2 or np.ptp(x) == 0 or np.ptp(z) == 0:
        return Estimate(np.nan, np.nan, np.nan)
    r = float(np.corrcoef(x, z)[0, 1])
    if len(x) < 4 or abs(r) > 1 - 1e-12:
        return Estimate(r, np.nan, np.nan)
    half = Z95 / np.sqrt(len(x) - 3)
    low, high = np.tanh(np.arctanh(r) + np.array([-half, half])).tolist()
    return Estimate(r, low, high)


def expected_spend(model: SpendModel, frequency: ArrayLike, mean_spend: ArrayLike) -> Floats:
    """Mean spend per future purchase to be expected of each customer.

    A weighted mean of her own and of everyone's; who has no counted purchase (frequency 0, any
    mean) gets everyone's.
    """
    x, z = np.asarray(frequency, dtype=float), np.asarray(mean_spend, dtype=float)
    spent = np.where(x > 0, x * z, 0.0)
    return np.asarray(model.p * (model.gamma + spent) / (model.p * x + model.q - 1))


def _spenders(frequency: ArrayLike, mean_spend: ArrayLike) -> tuple[Floats, Floats]:
    x, z = np.asarray(frequency, dtype=float), np.asarray(mean_spend, dtype=float)
    if x.shape != z.shape or x.ndim != 1:
        raise ValueError("frequency and mean_spend must be flat and equally long")
    bought = x > 0
    x, z = x[bought], z[bought]
    if not (np.isfinite(z) & (z > 0)).all():
        raise ValueError("mean_spend must be finite and > 0 where frequency is")
    return x, z


class _Likelihood:
    """The log likelihood and its gradient; gamma functions on distinct frequencies."""

    def __init__(self, x: Floats, z: Floats) -> None:
        self.each, self.spent, self.log_z = x, x * z, float(np.log(z).sum())
        self.x, self.back, self.n = np.unique(x, return_inverse=True, return_counts=True)
        self.x_log_spent = float((x * np.log(self.spent)).sum())

    def __call__(self, log_parameters: Floats) -> tuple[float, Floats]:
        p, q, gamma = np.exp(log_parameters)
        x, n, shape = self.x, self.n, p * self.x + q
        total = n.sum()
        whole = gamma + self.spent
        log_whole = np.log(whole)
        by_x = np.bincount(self.back, log_whole, len(x))
        inverse_by_x = np.bincount(self.back, 1 / whole, len(x))
        value = (n * (gammaln(shape) - gammaln(p * x))).sum() - (shape * by_x).sum()
        value += total * (q * np.log(gamma) - gammaln(q)) + p * self.x_log_spent - self.log_z
        d_p = (n * x * (psi(shape) - psi(p * x))).sum() + self.x_log_spent - (x * by_x).sum()
        d_q = (n * psi(shape)).sum() + total * (np.log(gamma) - psi(q)) - by_x.sum()
        d_gamma = total * q / gamma - (shape * inverse_by_x).sum()
        return float(value), np.array([d_p * p, d_q * q, d_gamma * gamma])
