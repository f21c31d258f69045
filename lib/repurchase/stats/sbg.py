"""Shifted beta-geometric: how many members of a cohort are still there, projected.

At each renewal a member leaves with a probability of her own, beta distributed over members
(Fader & Hardie 2007, How to Project Customer Retention). For relations whose end is seen: a
contract, a subscription; where customers fall silent, `btyd` is the model.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betaln, psi

from repurchase.stats.fitting import Floats, NotFitted, maximise


@dataclass(frozen=True)
class RenewalModel:
    """A fitted shifted beta-geometric; `covariance` is that of the logarithms of alpha, beta."""

    alpha: float
    beta: float
    log_likelihood: float
    members: float
    covariance: Floats


def fit_renewals(lost: ArrayLike, still_there: ArrayLike) -> RenewalModel:
    """Shifted beta-geometric by maximum likelihood.

    Position i is renewal i + 1: `lost` are the members who left at it, `still_there` those whose
    last renewal seen so far it is (one cohort has them in the last place only; cohorts of different
    age add up).

    Raises ValueError on negative counts or uneven arrays; NotFitted: `too_few` (nobody, or only one
    renewal seen), `at_limit` (nobody left, everybody left at once, or all members alike), `flat`.
    """
    d, c = np.asarray(lost, dtype=float), np.asarray(still_there, dtype=float)
    if d.shape != c.shape or d.ndim != 1 or not ((d >= 0) & (c >= 0)).all():
        raise ValueError("lost and still_there must be flat, equally long and >= 0")
    members = float(d.sum() + c.sum())
    if members == 0 or np.count_nonzero(d + c) == 0 or len(d) < 2:
        raise NotFitted("too_few", f"{members:.0f} members over {len(d)} renewals")
    if d.sum() == 0:
        raise NotFitted("at_limit", "alpha")
    age = np.arange(1.0, len(d) + 1)

    def likelihood(log_parameters: Floats) -> tuple[float, Floats]:
        a, b = np.exp(log_parameters)
        of_lost, of_all = psi(a + b + age), psi(a + b)
        value = (d * betaln(a + 1, b + age - 1) + c * betaln(a, b + age)).sum()
        value -= members * betaln(a, b)
        d_a = (d * (psi(a + 1) - of_lost) + c * (psi(a) - of_lost)).sum()
        d_b = (d * (psi(b + age - 1) - of_lost) + c * (psi(b + age) - of_lost)).sum()
        d_a -= members * (psi(a) - of_all)
        d_b -= members * (psi(b) - of_all)
        return float(value), np.array([d_a * a, d_b * b])

    best = maximise(likelihood, (1.0, 1.0), names=("alpha", "beta"), units=members)
    alpha, beta = np.exp(best.log_parameters).tolist()
    return RenewalModel(alpha, beta, best.log_likelihood, members, best.covariance)


def still_there(model: RenewalModel, renewals: ArrayLike) -> Floats:
    """Share of members still there after so many renewals."""
    t = np.asarray(renewals, dtype=float)
    share = np.exp(betaln(model.alpha, model.beta + t) - betaln(model.alpha, model.beta))
    return np.asarray(share, dtype=float)


def renewal_rate(model: RenewalModel, renewal: ArrayLike) -> Floats:
    """Share of those who reach a renewal (the first is 1) who renew."""
    t = np.asarray(renewal, dtype=float)
    return np.asarray((model.beta + t - 1) / (model.alpha + model.beta + t - 1), dtype=float)
