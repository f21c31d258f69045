"""When a customer will buy next, from her own gaps and everybody's; how late she is by her rhythm.

The logarithms of a customer's gaps between order dates scatter (`within`) around a centre of her
own; the centres scatter (`between`) around that of all; after each order date she may never come
back (with another probability after the first than later). Few gaps of her own pull little, many
pull much (normal-normal empirical Bayes). The gap that has not ended counts as longer than it is by
now, so that neither the young nor those who are late make the rhythm look faster than it is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit, log_ndtr, logit, ndtr, ndtri_exp

from repurchase.stats.fitting import Floats, NotFitted
from repurchase.stats.proportion import Z95, Estimate, wilson


@dataclass(frozen=True)
class Gaps:
    """Of each customer: ended gaps (number, mean and sum of squares about it of their logarithms)
    and the time elapsed since the last order date. The mean of no gap is 0 and means nothing."""

    ended: Floats
    mean_log: Floats
    squares: Floats
    elapsed: Floats

    def __len__(self) -> int:
        return len(self.ended)


@dataclass(frozen=True)
class Rhythm:
    """A fitted rhythm: `typical` is the median gap of a typical customer, in the unit of the gaps.

    `within` and `between` are standard deviations of logarithms; `never_after_first` and
    `never_later` are the probabilities of not coming back.
    """

    typical: float
    within: float
    between: float
    never_after_first: float
    never_later: float
    log_likelihood: float
    customers: int
    errors: tuple[float, float, float] = (math.nan, math.nan, math.nan)

    def intervals(self) -> tuple[Estimate, Estimate, Estimate]:
        """`typical`, `never_after_first` and `never_later` with their 95 % intervals.

        From the curvature of the likelihood (`errors` are of the logarithm and the two log odds);
        NaN where it has none.
        """
        first, later = float(logit(self.never_after_first)), float(logit(self.never_later))
        wide = [Z95 * error for error in self.errors]
        bounds = [self.typical * math.exp(sign * wide[0]) for sign in (-1, 1)]
        firsts = [float(expit(first + sign * wide[1])) for sign in (-1, 1)]
        laters = [float(expit(later + sign * wide[2])) for sign in (-1, 1)]
        return (
            Estimate(self.typical, *bounds),
            Estimate(self.never_after_first, *firsts),
            Estimate(self.never_later, *laters),
        )


class NextPurchase(NamedTuple):
    """Of each customer: the probability to come back (within the horizon asked for), and if so,
    the gap since the last order date: median, and the middle 80 % (or the level asked for)."""

    returns: Floats
    median: Floats
    low: Floats
    high: Floats


class Coverage(NamedTuple):
    """A back-test: the share of those who came whose gap lay in its interval; the share who came,
    and that which was expected."""

    inside: Estimate
    came: Estimate
    expected: float


def gaps(
    ended: ArrayLike, sum_log: ArrayLike, sum_log_squared: ArrayLike, elapsed: ArrayLike
) -> Gaps:
    """Checked gaps of customers from sums over each one's ended gaps.

    Number of them, sum of their natural logarithms, sum of the squares of these; and the time since
    the last order date. All zero for a customer with one order date.

    Raises ValueError for uneven arrays, a fractional or negative number, a negative elapsed time.
    """
    n, s, ss, e = (np.asarray(v, dtype=float) for v in (ended, sum_log, sum_log_squared, elapsed))
    if not n.shape == s.shape == ss.shape == e.shape or n.ndim != 1:
        raise ValueError("ended, sums and elapsed must be flat and equally long")
    if not ((n >= 0) & (n == np.floor(n)) & (e >= 0) & np.isfinite(s) & np.isfinite(ss)).all():
        raise ValueError("ended must be whole and >= 0, elapsed >= 0, sums finite")
    mean = np.divide(s, n, out=np.zeros_like(s), where=n > 0)
    return Gaps(n, mean, np.where(n > 1, np.maximum(ss - s * mean, 0.0), 0.0), e)


def fit_rhythm(customers: Gaps) -> Rhythm:
    """The rhythm of a group by maximum likelihood, its unfinished gaps included.

    That customers do not differ (`between` near 0) or always come back is an answer, no failure.

    Raises NotFitted: `no_repeat` without an ended gap, `too_few` if no customer has two (scatter
    within could not be told from scatter between), `flat` if gaps do not scatter within a customer,
    `not_converged`.
    """
    from scipy.optimize import minimize  # see fitting.maximise

    n = customers.ended
    if not (n > 0).any():
        raise NotFitted("no_repeat", f"{len(n)} customers")
    if not (n > 1).any():
        raise NotFitted("too_few", "no customer with two gaps")
    weight = n / n.sum()
    centre = float((weight * customers.mean_log).sum())
    spread = float((customers.squares + n * (customers.mean_log - centre) ** 2).sum() / n.sum())
    if spread < 1e-12:
        raise NotFitted("flat", "all gaps are equal")
    half = math.log(spread / 2)
    scatter, odds = (half - 16, half + 6), (-12, 12)
    box = [(centre - 12, centre + 12), scatter, scatter, odds, odds]
    found = minimize(
        _negative, (centre, half, half, 0.0, -1.0), args=(customers,), jac=True,
        method="L-BFGS-B", bounds=box, options={"maxiter": 500, "ftol": 1e-12, "gtol": 1e-7},
    )  # fmt: skip
    if not (found.success and np.isfinite(found.x).all()):
        raise NotFitted("not_converged", "rhythm")
    m, log_within, log_between, first, later = found.x.tolist()
    if log_within < half - 15.9:
        raise NotFitted("flat", "each customer's gaps are all equal")
    return Rhythm(
        math.exp(m), math.exp(log_within / 2), math.exp(log_between / 2),
        float(expit(first)), float(expit(later)), -float(found.fun) * len(n), len(n),
        _errors(found.x, customers),
    )  # fmt: skip


def _errors(point: Floats, customers: Gaps) -> tuple[float, float, float]:
    """Standard errors of the centre and of the two log odds, from the gradient's differences."""
    variance = _curvature(point, customers)
    if variance is None:
        return math.nan, math.nan, math.nan
    m, first, later = np.sqrt(np.diag(variance)[[0, 3, 4]]).tolist()
    return m, first, later


def _curvature(point: Floats, customers: Gaps) -> Floats | None:
    """The inverse of the curvature of the likelihood: covariance of the five parameters."""
    step = 1e-4
    curvature = np.array([
        (_negative(point + d, customers)[1] - _negative(point - d, customers)[1]) / (2 * step)
        for d in step * np.eye(len(point))
    ]) * len(customers)  # fmt: skip
    curvature = (curvature + curvature.T) / 2
    if not np.isfinite(curvature).all() or np.linalg.eigvalsh(curvature).min() <= 0:
        return None
    return np.asarray(np.linalg.inv(curvature))


def next_purchase(
    model: Rhythm, customers: Gaps, *, level: float = 0.8, horizon: float | None = None
) -> NextPurchase:
    """When each customer comes next, given the time since the last order date.

    With a `horizon` (after today) all is said of coming within it, so that a back-test of that
    length can check it; without, of coming at all. Times are gaps since the last order date, not
    rounded: add them to its date.

    Raises ValueError unless 0 < level < 1 and horizon > 0.
    """
    if not 0 < level < 1 or (horizon is not None and not horizon > 0):
        raise ValueError(f"level == {level}, horizon == {horizon}, must be 0 < level < 1, > 0")
    centre, spread = _predictive(model, customers)
    still = log_ndtr(-_z(customers.elapsed, centre, spread))
    later = (
        np.full_like(still, -np.inf)
        if horizon is None
        else log_ndtr(-_z(customers.elapsed + horizon, centre, spread))
    )
    # within the horizon, as a share of all that would still come; expm1 keeps its digits
    share = -np.expm1(later - still)
    gone = np.where(customers.ended > 0, model.never_later, model.never_after_first)
    stay = (1 - gone) * np.exp(still)
    returns = stay / (gone + stay) * share
    quantiles = [
        np.exp(centre - spread * ndtri_exp(still + np.log1p(-u * share)))
        for u in (0.5, 0.5 - level / 2, 0.5 + level / 2)
    ]
    return NextPurchase(returns, *quantiles)


def overdue(model: Rhythm, customers: Gaps) -> Floats:
    """How late each is by her own rhythm: the share (0..1) of her gaps that had ended by now.

    Her own in so far as she has shown one, the group's else. Higher is more at risk; a customer
    with one gap and one with twenty are on the same scale.
    """
    return ndtr(_z(customers.elapsed, *_predictive(model, customers)))


def never_returning(model: Rhythm, customers: Gaps) -> Estimate:
    """The share of these customers who will never come back, with a 95 % interval.

    Symmetric in log odds; holds what the five parameters leave open (delta method, curvature of
    the likelihood) and the chance in what each customer then does. It reads the far end of the
    gaps' distribution, which few histories reach: not that the model may be wrong. NaN bounds
    where the likelihood has no curvature, or the share is 0 or 1.
    """
    value = float(_gone(model, customers).mean())
    variance = _curvature(_point(model), customers)
    if variance is None or not 0 < value < 1:
        return Estimate(value, math.nan, math.nan)
    slope = np.array([
        (_gone(_at(model, _point(model) + d), customers).mean()
         - _gone(_at(model, _point(model) - d), customers).mean()) / 2e-4
        for d in 1e-4 * np.eye(5)
    ])  # fmt: skip
    each = _gone(model, customers)
    chance = float((each * (1 - each)).sum()) / len(each) ** 2
    error = math.sqrt(float(np.einsum("i,ij,j->", slope, variance, slope)) + chance)
    centre, half = float(logit(value)), Z95 * error / (value * (1 - value))
    return Estimate(value, float(expit(centre - half)), float(expit(centre + half)))


def _gone(model: Rhythm, customers: Gaps) -> Floats:
    return 1 - next_purchase(model, customers).returns


def _point(model: Rhythm) -> Floats:
    return np.array([
        math.log(model.typical), 2 * math.log(model.within), 2 * math.log(model.between),
        float(logit(model.never_after_first)), float(logit(model.never_later)),
    ])  # fmt: skip


def _at(model: Rhythm, point: Floats) -> Rhythm:
    m, log_within, log_between, first, later = point.tolist()
    return replace(
        model, typical=math.exp(m), within=math.exp(log_within / 2),
        between=math.exp(log_between / 2), never_after_first=float(expit(first)),
        never_later=float(expit(later)),
    )  # fmt: skip


def measured_coverage(predicted: NextPurchase, gap: ArrayLike) -> Coverage:
    """A prediction with a horizon against what came: `gap` is NaN for who did not come within it.

    Raises ValueError for uneven arrays or if nobody came.
    """
    found = np.asarray(gap, dtype=float)
    if found.shape != predicted.median.shape:
        raise ValueError("gap and prediction must be equally long")
    came = ~np.isnan(found)
    if not came.any():
        raise ValueError("nobody came back: there is nothing to cover")
    inside = (predicted.low <= found) & (found <= predicted.high)
    return Coverage(
        wilson(float(inside.sum()), float(came.sum())),
        wilson(float(came.sum()), float(len(found))),
        float(predicted.returns.mean()),
    )


def _predictive(model: Rhythm, customers: Gaps) -> tuple[Floats, Floats]:
    """Centre and standard deviation of the logarithm of each customer's next gap."""
    a, b, n = model.within**2, model.between**2, customers.ended
    whole = a + n * b
    centre = (math.log(model.typical) * a + n * b * customers.mean_log) / whole
    return centre, np.sqrt(a * b / whole + a)


def _z(time: Floats, centre: Floats, spread: Floats) -> Floats:
    with np.errstate(divide="ignore"):
        return (np.log(time) - centre) / spread


def _negative(point: Floats, customers: Gaps) -> tuple[float, Floats]:
    """Minus the mean log likelihood and its gradient; variances and odds as logarithms."""
    m, log_a, log_b, first, later = point
    a, b = math.exp(log_a), math.exp(log_b)
    n, y, ss = customers.ended, customers.mean_log, customers.squares
    some = n > 0
    whole, off = a + n * b, np.where(some, y - m, 0.0)
    value = -((n - 1) * log_a + ss / a + np.log(whole) + n * off**2 / whole) / 2
    d_m = n * off / whole
    d_a = (-(n - 1) / a + ss / a**2 - 1 / whole + n * off**2 / whole**2) / 2
    d_b = (-n / whole + n**2 * off**2 / whole**2) / 2

    centre, variance = m + n * b * off / whole, a * b / whole + a
    spread = np.sqrt(variance)
    z = np.maximum(_z(customers.elapsed, centre, spread), -40.0)
    stays = ndtr(-z)
    gone = np.where(some, expit(later), expit(first))
    tail = gone + (1 - gone) * stays
    value += np.log(tail)
    d_z = -(1 - gone) * np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi) / tail
    by_centre, by_variance = -d_z / spread, -d_z * z / (2 * variance)
    d_m += by_centre * a / whole
    d_a += -by_centre * n * b * off / whole**2 + by_variance * (n * b**2 / whole**2 + 1)
    d_b += by_centre * n * a * off / whole**2 + by_variance * a**2 / whole**2
    d_gone = (1 - stays) * gone * (1 - gone) / tail

    firsts, laters = float(some.sum()), float(np.maximum(n - 1, 0).sum())
    total = float(value.sum()) - firsts * np.logaddexp(0, first) - laters * np.logaddexp(0, later)
    gradient = np.array([
        d_m.sum(), d_a.sum() * a, d_b.sum() * b,
        d_gone[~some].sum() - firsts * expit(first), d_gone[some].sum() - laters * expit(later),
    ])  # fmt: skip
    return -float(total) / len(n), -gradient / len(n)
