"""The maximum of a likelihood with its curvature, or the reason why there is none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, optimize

Floats = NDArray[np.float64]
Why = Literal["too_few", "no_repeat", "at_limit", "flat", "not_converged", "no_mean"]
# Parameters are searched as logarithms; beyond these the customers are all alike in that respect.
LOW, HIGH = -11.0, 8.0


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
    """Where a log likelihood is highest: logarithms of the parameters, their covariance."""

    log_parameters: Floats
    log_likelihood: float
    covariance: Floats


def maximise(
    objective: Callable[[Floats], tuple[float, Floats]],
    start: Sequence[float],
    *,
    names: Sequence[str],
    units: float,
    near: bool = False,
) -> Maximum:
    """The maximum of a log likelihood over positive parameters, from its analytic gradient.

    `objective` maps log parameters to the log likelihood and its gradient in them; `start` are
    parameters, and `near` says that they are close already. L-BFGS-B comes near; Newton steps on
    the differenced gradient finish, so that the answer does not depend on a stopping rule, and
    leave the inverse Hessian as covariance.

    Raises NotFitted (`at_limit`, `flat`, `not_converged`).
    """

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
