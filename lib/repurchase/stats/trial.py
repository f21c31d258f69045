"""Randomised trials: one difference between two arms, from sums over the randomised units.

The tests themselves are tea-tasting's (Welch's t, the delta method for ratios, CUPED); it takes
aggregates, so that only sums leave the engine.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import special

from repurchase.stats.proportion import Z95, Estimate

if TYPE_CHECKING:
    from tea_tasting.aggr import Aggregates

# a variance that is smaller than this share of what it is drawn from is rounding
NOTHING_LEFT = 1e-12


# what is read of tea-tasting's answers
READ = (
    "control", "treatment", "effect_size", "effect_size_ci_lower", "effect_size_ci_upper",
    "rel_effect_size", "rel_effect_size_ci_lower", "rel_effect_size_ci_upper", "pvalue",
    "statistic",
)  # fmt: skip


@dataclass(frozen=True)
class Sums:
    """Of the units of one arm: how many, the sum of each variable, the sum of each product.

    `products` holds x * y for each pair of names (x <= y), so also the squares.
    """

    n: int
    totals: Mapping[str, float]
    products: Mapping[tuple[str, str], float]

    def mean(self, name: str) -> float:
        return self.totals[name] / self.n

    def covariance(self, x: str, y: str) -> float:
        """With n - 1; missing below two units."""
        if self.n < 2:
            return math.nan
        product = self.products[min(x, y), max(x, y)]
        return (product - self.totals[x] * self.totals[y] / self.n) / (self.n - 1)


@dataclass(frozen=True)
class Lift:
    """What an arm has more than the control, a unit: absolute and relative, with 95 % intervals.

    `error` is the standard error of the difference. `gained` is the share of its variance that
    CUPED took away, 0 without it. The relative lift is missing where the control's mean is 0.
    """

    control: float
    treatment: float
    difference: Estimate
    relative: Estimate
    error: float
    p: float
    gained: float = 0.0


def relative_effect(control: tuple[float, float], treatment: tuple[float, float]) -> Estimate:
    """The relative lift of two means (mean, standard error), by the delta method, normal.

    Unlike tea-tasting's `Lift.relative` it is symmetric; sequences and posteriors need that.
    Raises ValueError unless the control's mean is positive.
    """
    (old, error_old), (new, error_new) = control, treatment
    if old <= 0:
        raise ValueError(f"the control's mean is {old}, must be > 0")
    error = math.hypot(error_new / old, new * error_old / old**2)
    value = (new - old) / old
    return Estimate(value, value - Z95 * error, value + Z95 * error)


def lift(
    control: Sums,
    treatment: Sums,
    value: str,
    *,
    per: str | None = None,
    before: str | None = None,
    per_before: str | None = None,
) -> Lift:
    """The difference of the mean of `value`, or of the ratio `value` / `per`, between two arms.

    With `before` (the same variable before assignment; for a ratio also `per_before`) the
    difference is adjusted by CUPED (Deng et al. 2013), theta pooled over both arms. Welch's
    interval, by tea-tasting. What is the same of every unit has an error of 0 and no interval;
    where what was before leaves nothing over, as of a single buyer, it adjusts nothing. Raises
    ValueError for an arm of fewer than two units.
    """
    if min(control.n, treatment.n) < 2:
        raise ValueError(f"n == {control.n} and {treatment.n}, must be at least 2 each")
    if _is_constant(control, treatment, value, per):
        old, new = (
            arm.mean(value) if per is None else arm.totals[value] / arm.totals[per]
            for arm in (control, treatment)
        )
        none = Estimate(math.nan, math.nan, math.nan)
        return Lift(old, new, Estimate(new - old, math.nan, math.nan), none, 0.0, math.nan)
    names = [name for name in (value, per, before, per_before) if name]
    arms = [_aggregates(arm, names) for arm in (control, treatment)]
    plain = _analysed(arms, value, per)
    if before is None or not _varies(control, treatment, before):
        return plain
    if per is None and _left(control, treatment, value, before) < NOTHING_LEFT:
        return plain
    adjusted = _analysed(arms, value, per, before, per_before)
    gained = 1 - (adjusted.error / plain.error) ** 2 if plain.error > 0 else 0.0
    return Lift(plain.control, plain.treatment, adjusted.difference, adjusted.relative,
                adjusted.error, adjusted.p, max(0.0, gained))  # fmt: skip


def _is_constant(control: Sums, treatment: Sums, value: str, per: str | None) -> bool:
    """Whether the value, or the ratio, is the same of every unit, up to rounding: then nothing can
    be tested, and the delta method's variance may come out below 0."""
    for arm in (control, treatment):
        spread = arm.covariance(value, value)
        if per is None:
            if spread > NOTHING_LEFT * arm.products[value, value] / arm.n:
                return False
            continue
        ratio = arm.totals[value] / arm.totals[per]
        left = spread - 2 * ratio * arm.covariance(value, per)
        left += ratio**2 * arm.covariance(per, per)
        if left > NOTHING_LEFT * spread:
            return False
    return True


def _left(control: Sums, treatment: Sums, value: str, before: str) -> float:
    """The share of the difference's variance that CUPED leaves, with the pooled theta."""
    both = _pooled(control, treatment)
    theta = both.covariance(value, before) / both.covariance(before, before)
    plain = left = 0.0
    for arm in (control, treatment):
        spread = arm.covariance(value, value)
        plain += spread / arm.n
        known = 2 * theta * arm.covariance(value, before)
        left += (spread - known + theta**2 * arm.covariance(before, before)) / arm.n
    return left / plain


def _pooled(a: Sums, b: Sums) -> Sums:
    totals = {x: a.totals[x] + b.totals[x] for x in a.totals}
    products = {xy: a.products[xy] + b.products[xy] for xy in a.products}
    return Sums(a.n + b.n, totals, products)


def _varies(control: Sums, treatment: Sums, name: str) -> bool:
    return control.covariance(name, name) + treatment.covariance(name, name) > 0


def _aggregates(arm: Sums, names: Sequence[str]) -> Aggregates:
    from tea_tasting.aggr import Aggregates

    return Aggregates(
        count_=arm.n,
        mean_={name: arm.mean(name) for name in names},
        var_={name: arm.covariance(name, name) for name in names},
        cov_={
            (x, y): arm.covariance(x, y)
            for i, x in enumerate(names)
            for y in names[i + 1 :]
        },
    )  # fmt: skip


def _analysed(
    arms: Sequence[Aggregates],
    value: str,
    per: str | None,
    before: str | None = None,
    per_before: str | None = None,
) -> Lift:
    from tea_tasting.metrics import RatioOfMeans

    metric = RatioOfMeans(value, per, before, per_before)
    told: Any = metric.analyze_aggregates(*arms)
    # plain numbers: the library's own kind of number cannot be kept
    found = {name: float(getattr(told, name)) for name in READ}
    value_, statistic = found["effect_size"], found["statistic"]
    low, high = found["effect_size_ci_lower"], found["effect_size_ci_upper"]
    error = abs(value_ / statistic) if statistic else (high - low) / 2 / Z95
    relative = Estimate(math.nan, math.nan, math.nan)
    if found["control"] > 0:
        names = ("rel_effect_size", "rel_effect_size_ci_lower", "rel_effect_size_ci_upper")
        relative = Estimate(*(found[name] for name in names))
    return Lift(found["control"], found["treatment"], Estimate(value_, low, high), relative, error,
                found["pvalue"])  # fmt: skip


@dataclass(frozen=True)
class Posterior:
    """The chance that the arm is better than the control, and what choosing either would cost.

    `risk` is the expected loss, in the effect's unit, of choosing the control and the arm.
    """

    chance: float
    risk: tuple[float, float]


def normal_effect(effect: float, error: float) -> Posterior:
    """With a flat prior on the effect, absolute or relative, and a normal likelihood.

    >>> round(normal_effect(0.0408163, 0.147246).chance, 4)
    0.6092
    """
    if error <= 0:
        raise ValueError(f"error == {error}, must be > 0")
    z = effect / error
    chance = float(special.ndtr(z))
    gain = effect * chance + error * math.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    return Posterior(chance, (gain, gain - effect))


def beta_binomial(a: tuple[int, int], b: tuple[int, int]) -> Posterior:
    """Successes and units of two arms, uniform priors, by Gauss-Legendre quadrature.

    >>> round(beta_binomial((49, 100), (51, 100)).chance, 5)
    0.61077
    """
    (k_a, n_a), (k_b, n_b) = a, b
    if not (0 <= k_a <= n_a and 0 <= k_b <= n_b):
        raise ValueError("successes must lie in 0..n")
    x, w = _nodes_of_beta(k_b, n_b)
    density_b = np.exp(_log_beta_density(x, k_b, n_b))
    below_a = special.betainc(k_a + 1, n_a - k_a + 1, x)
    mean_below = special.betainc(k_a + 2, n_a - k_a + 1, x) * (k_a + 1) / (n_a + 2)
    chance = float(np.sum(w * density_b * below_a))
    # E max(A - B, 0) and E max(B - A, 0)
    lose_by_a = float(np.sum(w * density_b * (x * below_a - mean_below)))
    difference = (k_b + 1) / (n_b + 2) - (k_a + 1) / (n_a + 2)
    return Posterior(chance, (lose_by_a, lose_by_a - difference))


@functools.cache
def _legendre() -> tuple[Any, Any]:
    return np.polynomial.legendre.leggauss(300)


def _nodes_of_beta(k: int, n: int) -> tuple[Any, Any]:
    """Nodes and weights where the density is, so that millions of units miss none of it."""
    mean = (k + 1) / (n + 2)
    reach = 12 * math.sqrt(mean * (1 - mean) / (n + 3)) + 40 / (n + 2)
    low, high = max(0.0, mean - reach), min(1.0, mean + reach)
    nodes, weights = _legendre()
    return low + (high - low) * (nodes + 1) / 2, (high - low) * weights / 2


def _log_beta_density(x: Any, k: int, n: int) -> Any:
    found = k * np.log(x) + (n - k) * np.log1p(-x) - special.betaln(k + 1, n - k + 1)
    return found


# ---- how long, how many ---------------------------------------------------------------------


def units_for_shares(then: float, now: float, *, alpha: float = 0.05, power: float = 0.8) -> float:
    """Units an arm to detect a share moving from `then` to `now`, two arms alike, pooled test.

    >>> round(units_for_shares(0.10, 0.12), 2)
    3840.85
    """
    if not (0 < then < 1 and 0 < now < 1) or then == now:
        raise ValueError(f"shares == {then} and {now}, must lie in (0, 1) and differ")
    mean = (then + now) / 2
    z_alpha, z_power = special.ndtri(1 - alpha / 2), special.ndtri(power)
    spread = z_alpha * math.sqrt(2 * mean * (1 - mean))
    spread += z_power * math.sqrt(then * (1 - then) + now * (1 - now))
    return float((spread / (now - then)) ** 2)


def units_for_effect(
    effect: float, deviation: float, *, share: float = 0.5, alpha: float = 0.05, power: float = 0.8
) -> float:
    """Units in all arms together to detect a difference of means, `share` of them treated."""
    if not effect or deviation <= 0 or not 0 < share < 1:
        raise ValueError("effect must not be 0, deviation > 0, share in (0, 1)")
    z = special.ndtri(1 - alpha / 2) + special.ndtri(power)
    return float((z * deviation / effect) ** 2 / (share * (1 - share)))


def detectable(error: float, *, alpha: float = 0.05, power: float = 0.8) -> float:
    """The smallest true difference that a trial of this standard error finds with that power."""
    return float(error * (special.ndtri(1 - alpha / 2) + special.ndtri(power)))


def power_of(effect: float, error: float, *, alpha: float = 0.05) -> float:
    """The chance that a trial of this standard error calls a true difference."""
    z = special.ndtri(1 - alpha / 2)
    return float(special.ndtr(abs(effect) / error - z) + special.ndtr(-abs(effect) / error - z))
