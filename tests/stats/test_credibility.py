"""Means drawn towards everyone's."""

from __future__ import annotations

import numpy as np
import pytest
from repurchase.stats.credibility import credible_means


def test_by_hand() -> None:
    """Units (1, 3), (5, 7) and one without an observation.

    Means 2 and 6, all 4; within (2 + 2) / 2 = 2; scatter 2*4 + 2*4 - 2 = 14; room 4 - 8/4 = 2;
    between 7; k = 2/7; the first is (4 + 4 * 2/7) / (2 + 2/7) = 2.25.
    """
    found = credible_means([2, 2, 0], [4, 12, 0], 1 + 9 + 25 + 49)

    assert (4.0, 2 / 7) == pytest.approx((found.overall, found.k))
    assert [2.25, 5.75, 4.0] == pytest.approx(found.means.tolist())


def test_equal_numbers_make_buhlmanns_k() -> None:
    """With four observations each k is v / a of Bühlmann 1967, variance within over between."""
    claims = np.array([[3, 5, 8, 4], [2, 4, 0, 2], [9, 7, 8, 8]], dtype=float)
    v = claims.var(axis=1, ddof=1).mean()
    a = claims.mean(axis=1).var(ddof=1) - v / 4
    found = credible_means([4, 4, 4], claims.sum(axis=1), float((claims**2).sum()))

    assert a > 0
    assert pytest.approx(v / a) == found.k


def test_units_that_do_not_differ_get_the_mean_of_all() -> None:
    """Both have 0 and 10."""
    found = credible_means([2, 2], [10, 10], 200.0)

    assert np.inf == found.k
    assert [5.0, 5.0] == found.means.tolist()


def test_many_observations_keep_their_own_mean() -> None:
    """The truth of simulated units is met better than by their own means or by that of all."""
    rng = np.random.default_rng(1)
    truth = rng.normal(100, 20, 2000)
    n = rng.integers(1, 6, 2000)
    seen = [rng.normal(m, 40, k) for m, k in zip(truth, n, strict=True)]
    totals = np.array([x.sum() for x in seen])
    found = credible_means(n, totals, float(sum((x**2).sum() for x in seen)))
    error = [float(((x - truth) ** 2).mean()) for x in (found.means, totals / n, 0 * n + 100.0)]

    assert 4.0 == pytest.approx(found.k, rel=0.15)  # 40**2 / 20**2
    assert error[0] < min(error[1:])


@pytest.mark.parametrize("count", [[0, 0], [1, 1], [-1, 2]])
def test_what_cannot_be_told_is_refused(count: list[int]) -> None:
    """Nothing seen, nobody twice, a negative count."""
    with pytest.raises(ValueError, match=r"observations|negative"):
        credible_means(count, [1.0, 1.0], 2.0)
