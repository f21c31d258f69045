"""Looking at a trial while it runs: what stays valid however often, and whenever, one looks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from repurchase.stats.proportion import Estimate


class Sprt(NamedTuple):
    """The mixture likelihood ratio so far, and the p-value that is valid at any time."""

    ratio: float
    p: float


def msprt(difference: float, variance: float, tau2: float) -> Sprt:
    """The mixture sequential probability ratio test of "no difference" (Johari et al. 2017).

    `variance` is that of the difference, `tau2` the mixing variance of the effects looked for.
    The p-value of one look; over several looks the smallest counts.

    >>> tuple(round(x, 6) for x in msprt(0.02, 1e-4, 1e-4))
    (1.922116, 0.52026)
    """
    if variance <= 0 or tau2 <= 0:
        raise ValueError(f"variance == {variance}, tau2 == {tau2}, must be > 0")
    both = variance + tau2
    log_ratio = math.log(variance / both) / 2 + difference**2 * tau2 / (2 * variance * both)
    ratio = math.exp(min(log_ratio, 700.0))
    return Sprt(ratio, min(1.0, 1 / ratio))


def mixing_scale(expected_n: float, *, alpha: float = 0.05) -> float:
    """The rho that makes the confidence sequence narrowest at `expected_n` units.

    Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas, "Time-uniform central limit theory and
    asymptotic confidence sequences", appendix, with the approximation of its -W term.
    """
    if expected_n <= 0:
        raise ValueError(f"expected_n == {expected_n}, must be > 0")
    told = -2 * math.log(alpha)
    return math.sqrt((told + math.log(told + 1)) / expected_n)


def confidence_sequence(
    difference: float, error: float, *, n: float, expected_n: float, alpha: float = 0.05
) -> Estimate:
    """An interval that covers at all looks together with 1 - alpha (eq. 9 of the same paper).

    `error` is the standard error of the difference at `n` units (both arms); `expected_n` is
    how many are planned, where the sequence is tuned to be narrowest. Asymptotic.
    """
    if n <= 0 or error < 0:
        raise ValueError(f"n == {n}, error == {error}, must be > 0 and >= 0")
    rho2 = mixing_scale(expected_n, alpha=alpha) ** 2
    grown = n * rho2 + 1
    spread = 2 * grown / (n**2 * rho2) * math.log(math.sqrt(grown) / alpha)
    half = error * math.sqrt(n) * math.sqrt(spread)
    return Estimate(difference, difference - half, difference + half)


def sequence_p(difference: float, error: float, *, n: float, expected_n: float) -> float:
    """The p-value of "no difference" that is valid at every look, of the same sequence.

    At level alpha = .05 it falls below .05 exactly where `confidence_sequence` leaves 0 out. Over
    several looks of one sequence (one `expected_n`) the smallest counts.

    >>> round(sequence_p(0.02, 0.01, n=1000, expected_n=1000), 6)
    0.506041
    """
    if n <= 0 or not error > 0:
        raise ValueError(f"n == {n}, error == {error}, must be > 0")
    rho2 = mixing_scale(expected_n) ** 2
    return msprt(difference, error**2, rho2 * n * error**2).p


def together(looks: Sequence[Estimate]) -> Estimate | None:
    """What all looks of one confidence sequence leave possible, around the last one's value.

    The sequence covers at all looks at once, so what any look left out stays out. None where the
    looks leave nothing: then the effect was not the same at all of them. Raises ValueError for no
    look.
    """
    if not looks:
        raise ValueError("looks is empty, must have one or more")
    low, high = max(x.low for x in looks), min(x.high for x in looks)
    return Estimate(min(max(looks[-1].value, low), high), low, high) if low <= high else None
