"""A logistic regression on a handful of columns, for a score that has to prove itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit

from repurchase.stats.fitting import Floats, NotFitted


@dataclass(frozen=True)
class Logistic:
    """Intercept and slopes on columns less `centre`, divided by `scale`."""

    intercept: float
    slopes: Floats
    centre: Floats
    scale: Floats


def fit_logistic(columns: ArrayLike, happened: ArrayLike) -> Logistic:
    """By Newton's method, one row a unit; slopes have a normal prior of standard deviation 1.

    Columns are brought to mean 0 and standard deviation 1 first, so that the prior is weak for all
    alike and columns that part the units perfectly have an answer. One that never varies has no
    say.

    Raises ValueError for uneven arrays; NotFitted: `flat` if it happened to all or to nobody,
    `not_converged`.
    """
    rows, y = np.asarray(columns, dtype=float), np.asarray(happened, dtype=float)
    if rows.ndim != 2 or rows.shape[0] != len(y) or not np.isfinite(rows).all():
        raise ValueError("columns must be finite, one row for each of happened")
    if y.min() == y.max():
        raise NotFitted("flat", "it happened to all or to nobody")
    centre, spread = rows.mean(axis=0), rows.std(axis=0)
    scale = np.where(spread > 0, spread, 1.0)
    design = np.c_[np.ones(len(y)), (rows - centre) / scale]
    prior = np.r_[0.0, np.ones(rows.shape[1])]
    beta = np.zeros(design.shape[1])
    for _ in range(50):
        fitted = expit(np.einsum("ij,j->i", design, beta))
        information = np.einsum("ij,i,ik->jk", design, fitted * (1 - fitted), design)
        gradient = np.einsum("ij,i->j", design, y - fitted) - prior * beta
        step = np.linalg.solve(information + np.diag(prior), gradient)
        beta = beta + np.clip(step, -2, 2)
        if np.abs(step).max() < 1e-9:
            return Logistic(float(beta[0]), beta[1:], centre, scale)
    raise NotFitted("not_converged", "logistic")


def probability(model: Logistic, columns: ArrayLike) -> Floats:
    """What the model says of each row."""
    rows = (np.asarray(columns, dtype=float) - model.centre) / model.scale
    return np.asarray(expit(model.intercept + np.einsum("ij,j->i", rows, model.slopes)))
