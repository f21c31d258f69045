"""Looks that stay valid however many there are."""

import doctest
import math

import numpy as np
import pytest
from repurchase.stats import sequential
from repurchase.stats.proportion import Estimate
from repurchase.stats.sequential import confidence_sequence, mixing_scale, sequence_p, together
from scipy.optimize import brentq


@pytest.mark.parametrize("expected", [200, 1_000, 30_000])
@pytest.mark.parametrize("n", [150, 1_000, 8_000])
def test_the_p_value_is_that_of_the_sequence(n, expected):
    """It is .05 for the difference at which the interval just leaves 0 out."""
    edge = brentq(lambda d: confidence_sequence(d, 0.3, n=n, expected_n=expected).low, 1e-6, 30)

    assert 0.05 == pytest.approx(sequence_p(edge, 0.3, n=n, expected_n=expected), rel=1e-6)
    assert sequence_p(-edge, 0.3, n=n, expected_n=expected) == pytest.approx(0.05, rel=1e-6)


def test_the_p_value_by_the_mixtures_integral():
    """One over the likelihood ratio of effects drawn from the mixing normal, by quadrature."""
    d, error, n = 0.05, 0.02, 400.0
    deviation = mixing_scale(1_000) * error * math.sqrt(n)
    nodes, weights = np.polynomial.hermite.hermgauss(80)
    effects = math.sqrt(2) * deviation * nodes
    ratios = np.exp((2 * d * effects - effects**2) / (2 * error**2))
    ratio = float(np.sum(weights * ratios) / math.sqrt(math.pi))

    assert 1 / ratio == pytest.approx(sequence_p(d, error, n=n, expected_n=1_000), rel=1e-6)


def test_what_one_look_left_out_stays_out():
    """The intersection; the last value is moved into it where it lies outside."""
    looks = [Estimate(5, 1, 9), Estimate(3, 0, 6), Estimate(2, -1, 5)]

    assert Estimate(2, 1, 5) == together(looks)
    assert Estimate(1, 1, 5) == together([*looks, Estimate(0.5, -2, 6)])
    assert together([*looks, Estimate(-1, -3, 0.5)]) is None
    with pytest.raises(ValueError, match="empty"):
        together([])


def test_the_examples_hold():
    """As printed in the code."""
    assert 0 == doctest.testmod(sequential).failed
