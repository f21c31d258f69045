"""Basket pairs against a pencil, Fisher's exact test and baskets without any structure."""

import numpy as np
import pytest
from repurchase.stats.multiplicity import benjamini_hochberg
from repurchase.stats.pairs import basket_pairs
from scipy.stats import fisher_exact


def lines(*baskets):
    """Basket and product codes of baskets given as tuples of products."""
    return (
        [i for i, basket in enumerate(baskets) for _ in basket],
        [product for basket in baskets for product in basket],
    )


def test_five_baskets_by_pencil():
    """0 and 1 together twice, in three and two of five baskets: lift 2 * 5 / (3 * 2)."""
    found = basket_pairs(*lines((0, 1), (0, 1, 2), (0,), (2,), (3, 3)), minimum=2)

    assert ([0], [1], [2]) == (found.a.tolist(), found.b.tolist(), found.count.tolist())
    assert ([3], [2]) == (found.count_a.tolist(), found.count_b.tolist())
    measures = (found.support[0], found.b_given_a[0], found.a_given_b[0], found.lift[0])
    assert (0.4, 2 / 3, 1.0, 10 / 6) == pytest.approx(measures)
    half = np.exp(1.959963984540054 * np.sqrt(1 / 2 - 1 / 3 - 1 / 2 + (20 / 6 - 1) / 5))
    assert (10 / 6 / half, 10 / 6 * half) == pytest.approx((found.low[0], found.high[0]))
    # products 0, 1 and 2 are in two baskets each: three pairs were looked at
    assert (5, 3) == (found.baskets, found.tested)


def test_a_line_more_of_the_same_product_changes_nothing():
    """Two lines of a product in a basket are one; the order of lines means nothing."""
    once = basket_pairs(*lines((0, 1), (0, 1), (0, 2)), minimum=1)
    twice = basket_pairs(*lines((1, 0, 0, 1), (1, 0), (2, 2, 0)), minimum=1)

    for name in ("a", "b", "count", "count_a", "lift", "p", "q"):
        assert getattr(once, name).tolist() == getattr(twice, name).tolist()


def simulated(n, rng, *, together):
    """n baskets of 30 products, the first two bought together that much more."""
    held = rng.random((n, 30)) < np.linspace(0.3, 0.02, 30)
    held[:, 1] |= held[:, 0] & (rng.random(n) < together)
    return held


def test_p_is_fishers_nearly_and_q_is_bhs():
    """Each pair's table: where it matters never surer than the exact test, and not far from it."""
    held = simulated(2000, np.random.default_rng(1), together=0.1)
    found = basket_pairs(*np.nonzero(held), minimum=1)

    for i in range(0, len(found.a), 7):
        a, b = held[:, found.a[i]], held[:, found.b[i]]
        table = [[(a & b).sum(), (a & ~b).sum()], [(~a & b).sum(), (~a & ~b).sum()]]
        tails = [fisher_exact(table, alternative=side)[1] for side in ("less", "greater")]
        exact = min(1.0, 2 * min(tails))
        if exact < 0.2:
            assert exact * (1 - 1e-9) <= found.p[i] <= max(4 * exact, exact**0.6)
        else:
            assert exact == pytest.approx(found.p[i], abs=0.15)
    unseen = [1.0] * (found.tested - len(found.p))
    adjusted = benjamini_hochberg(found.p.tolist() + unseen)[: len(found.p)]
    assert adjusted == pytest.approx(found.q.tolist())


def test_the_planted_pair_is_found_and_no_other():
    """20,000 baskets, one planted pair; of 40 runs without any, at most 6 name a pair at q .05."""
    rng = np.random.default_rng(2)
    found = basket_pairs(*np.nonzero(simulated(20_000, rng, together=0.1)), minimum=20)
    false = 0
    for _ in range(40):
        nothing = basket_pairs(*np.nonzero(simulated(2000, rng, together=0.0)), minimum=20)
        false += bool((nothing.q < 0.05).any())

    assert (0, 1) == (found.a[0], found.b[0])
    assert found.low[0] > 1.0
    assert 1 == (found.q < 0.001).sum()
    assert 6 >= false


def test_the_interval_of_a_lift_covers_the_truth():
    """1,000 samples of 3,000 baskets; not rejected between 926 and 970 (METHODS, Calibration)."""
    rng = np.random.default_rng(3)
    cells = np.array([0.02, 0.08, 0.10, 0.80])
    truth, covered = 0.02 / (0.10 * 0.12), 0
    for _ in range(1000):
        cell = np.repeat(np.arange(4), rng.multinomial(3000, cells))
        held = np.c_[cell <= 1, (cell == 0) | (cell == 2), np.ones(3000)]
        found = basket_pairs(*np.nonzero(held), minimum=1)
        at = (found.a == 0) & (found.b == 1)
        covered += bool(found.low[at] <= truth <= found.high[at])

    assert 926 <= covered <= 970


def test_always_together_is_lift_with_no_doubt_left_out():
    """Two products in the same ten of fifty baskets: lift 5, both confidences one, p below 1e-6."""
    found = basket_pairs(*lines(*[(0, 1)] * 10, *[(2,)] * 40), minimum=5)

    assert (5.0, 1.0, 1.0) == (found.lift[0], found.b_given_a[0], found.a_given_b[0])
    assert 2 * 0.2**10 == pytest.approx(found.p[0])


def test_nothing_in_nothing_out_and_impossible_codes_are_refused():
    """No line, no pair; codes are whole numbers from nought."""
    empty = basket_pairs([], [], minimum=1)

    assert (0, 0, 0) == (len(empty.a), empty.baskets, empty.tested)
    assert 0 == len(basket_pairs([0, 1], [0, 1], minimum=1).a)
    for basket, product in (([0], [-1]), ([0.5], [1]), ([0, 1], [0])):
        with pytest.raises(ValueError, match="must be"):
            basket_pairs(basket, product, minimum=1)
    with pytest.raises(ValueError, match="minimum"):
        basket_pairs([0], [0], minimum=0)
