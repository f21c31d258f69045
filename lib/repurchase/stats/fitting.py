"""The maximum of a likelihood with its curvature, or the reason why there is none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Why = Literal["too_few", "no_repeat", "at_limit", "flat", "not_converged", "no_mean"]
# Parameters are searched as logarithms; beyond these the customers are all alike in that respect.
LOW, HIGH = -11.0, 8.0
# Curvature per unit below which the data say nothing: a standard deviation of 30 with 1,000 units.
FLAT = 1e-6


class NotFitted(ValueError):
    """A model that the data do not determine.

    `why` is one word for programs: `too_few` units, `no_repeat` (nobody bought twice), `at_limit`
    (a parameter runs off: customers do not differ, or nobody drops out), `flat` (several parameter
    sets fit equally well), `not_converged`, `no_mean` (the fitted spend has no finite mean).
    `detail` names the parameter or the count.
    """

    def __init__(self, why: Why, detail: str) -> None:
        super().__init__(f"{why}: {detail}")
        self.why, self.detail = why, detail


@dataclass(frozen=True)
class Maximum:
    """Where a log likelihood is highest: logarithms of the parameters, their covariance.

    `open` names the parameters that the data leave open (at a limit of the search, or in a
    direction in which the likelihood is flat); empty unless these were asked for.
    """

    log_parameters: Floats
    log_likelihood: float
    covariance: Floats
    open: tuple[str, ...] = ()


def maximise(
    objective: Callable[[Floats], tuple[float, Floats]],
    start: Sequence[float],
    *,
    names: Sequence[str],
    units: float,
    near: bool = False,
    limits: bool = False,
) -> Maximum:
    """The maximum of a log likelihood over positive parameters, from its analytic gradient.

    `objective` maps log parameters to the log likelihood and its gradient in them; `start` are
    parameters, and `near` says that they are close already. L-BFGS-B comes near; Newton steps on
    the differenced gradient finish, so that the answer does not depend on a stopping rule, and
    leave the inverse Hessian as covariance. With `limits` a parameter that runs off is held at the
    edge, and one in a flat direction where it is, as if known: their covariance is 0.

    Raises NotFitted (`at_limit`, `flat`, `not_converged`).
    """
    # only where something is fitted: their import takes longer than a chapter to be drawn again
    from scipy import linalg, optimize

    def down(point: Floats) -> tuple[float, Floats]:
        value, gradient = objective(point)
        return -value / units, -gradient / units

    point = np.log(start)
    if not near:
        box = [(LOW, HIGH)] * len(start)
        options = {"maxiter": 500, "maxfun": 1000, "ftol": 1e-10, "gtol": 1e-6}
        point = optimize.minimize(
            down, point, jac=True, method="L-BFGS-B", bounds=box, options=options
        ).x
    if limits:
        return _at_limits(objective, down, point, names, units)
    for _ in range(6):
        _within(point, names)
        try:
            factor = linalg.cho_factor(_hessian(down, point))
        except (linalg.LinAlgError, ValueError):
            raise NotFitted("flat", ", ".join(names)) from None
        # one curvature serves several steps: near the maximum it hardly changes
        for _ in range(4):
            step = linalg.cho_solve(factor, down(point)[1])
            point = point - np.clip(step, -0.5, 0.5)
            if np.abs(step).max() < 1e-7:
                covariance = linalg.cho_solve(factor, np.eye(len(point))) / units
                return Maximum(point, objective(point)[0], covariance)
            if np.abs(step).max() > 0.1:
                break
    raise NotFitted("not_converged", ", ".join(names))


def _at_limits(
    objective: Callable[[Floats], tuple[float, Floats]],
    down: Callable[[Floats], tuple[float, Floats]],
    point: Floats,
    names: Sequence[str],
    units: float,
) -> Maximum:
    """Newton's method in the directions in which the likelihood curves."""
    for _ in range(8):
        free = (point > LOW + 0.1) & (point < HIGH - 0.1)
        value, vector = np.linalg.eigh(_hessian(down, point) * np.outer(free, free))
        bent = value > FLAT
        inverse = np.einsum("ij,j,kj->ik", vector[:, bent], 1 / value[bent], vector[:, bent])
        step = np.einsum("ij,j->i", inverse, down(point)[1])
        if not np.isfinite(step).all():
            break
        point = np.clip(point - np.clip(step, -0.5, 0.5), LOW, HIGH)
        if np.abs(step).max() < 1e-6:
            loose = np.abs(vector[:, ~bent]).max(axis=1, initial=0.0) > 0.1
            left_open = tuple(n for n, out in zip(names, loose, strict=True) if out)
            return Maximum(point, objective(point)[0], inverse / units, left_open)
    raise NotFitted("not_converged", ", ".join(names))


def _within(point: Floats, names: Sequence[str]) -> None:
    if not np.isfinite(point).all():
        raise NotFitted("not_converged", ", ".join(names))
    out = [name for name, x in zip(names, point, strict=True) if not LOW + 0.1 < x < HIGH - 0.1]
    if out:
        raise NotFitted("at_limit", ", ".join(out))


def _hessian(down: Callable[[Floats], tuple[float, Floats]], point: Floats) -> Floats:
    """Central differences of the gradient, made symmetric."""
    width = 1e-4
    rows = []
    for i in range(len(point)):
        move = np.zeros_like(point)
        move[i] = width
        rows.append((down(point + move)[1] - down(point - move)[1]) / (2 * width))
    matrix = np.array(rows)
    return (matrix + matrix.T) / 2
