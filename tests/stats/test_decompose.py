"""Mix and rate, and funnels, against a pencil, published tables and simulated companies."""

import sys

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from repurchase.stats.decompose import (
    Overlap,
    RatioOverlap,
    RatioSegments,
    mix_and_rate,
    parts,
    ratio_mix_and_rate,
    segments,
    shapley_product,
)

# Bickel, Hammel & O'Connell 1975: applicants and admitted, departments A to F, autumn 1973
MEN = segments([825, 560, 325, 417, 191, 373], [512, 353, 120, 138, 53, 22])
WOMEN = segments([108, 25, 593, 375, 393, 341], [89, 17, 202, 131, 94, 24])


def test_each_segment_falls_and_the_total_rises():
    """4000/1000 at 5/20 % to 1000/4000 at 3/18 %: 8 to 15 %, mix +9, rate -2 points (METHODS)."""
    found = mix_and_rate(segments([4000, 1000], [200, 200]), segments([1000, 4000], [30, 720]))

    assert (0.08, 0.15) == pytest.approx((found.then, found.now))
    assert (0.07, 0.09, -0.02) == pytest.approx(
        (found.total.value, found.mix.value, found.rate.value)
    )
    assert [-0.01, -0.01] == pytest.approx(found.rate_by.tolist())
    assert [0.045, 0.045] == pytest.approx(found.mix_by.tolist())
    assert (True, True) == (found.rate_against, found.reversal)


def test_three_channels_with_the_totals_of_methods():
    """5.05 to 4.9021 %: mix -.226543, rate +.078670 points.

    METHODS gives the totals and the base-weight terms (rate +.085, mix -.220213, interaction
    -.012660 points); this table has all of them.
    """
    found = mix_and_rate(
        segments([9000, 6000, 5000], [180, 480, 350]),
        segments([23000, 13000, 11000], [437, 1053, 814]),
    )

    assert (0.0505, 0.0490212766) == pytest.approx((found.then, found.now), abs=1e-9)
    assert (-0.0022654255, 0.0007867021) == pytest.approx(
        (found.mix.value, found.rate.value), abs=1e-9
    )
    assert (True, False) == (found.rate_against, found.reversal)


def test_berkeley_1973():
    """44.519 against 30.354 %: mix -17.767, rate +3.603 points (METHODS, Decomposition)."""
    found = mix_and_rate(MEN, WOMEN)

    assert (44.519, 30.354) == pytest.approx((100 * found.then, 100 * found.now), abs=5e-4)
    assert (-17.767, 3.603) == pytest.approx(
        (100 * found.mix.value, 100 * found.rate.value), abs=5e-4
    )
    assert found.mix.value == pytest.approx(found.mix_by.sum())
    assert found.rate.value == pytest.approx(found.rate_by.sum())
    assert (True, False) == (found.rate_against, found.reversal)


def test_one_segment_is_all_rate_with_the_two_sample_interval():
    """Nothing to mix: the change of two independent shares, variance p q / (n - 1) each."""
    found = mix_and_rate(segments([400], [100]), segments([300], [90]))

    half = 1.959963984540054 * np.sqrt(0.25 * 0.75 / 399 + 0.3 * 0.7 / 299)
    assert (0.05, 0.05 - half, 0.05 + half) == pytest.approx(tuple(found.rate))
    assert (0.0, 0.0, 0.0) == pytest.approx(tuple(found.mix))


def test_a_new_segment_is_mix_and_an_empty_one_nothing():
    """Half the customers now come from a channel that did not exist: behaviour did not change."""
    found = mix_and_rate(segments([100, 0, 0], [20, 0, 0]), segments([100, 100, 0], [20, 40, 0]))

    assert (0.1, 0.1, 0.0) == pytest.approx(
        (found.total.value, found.mix.value, found.rate.value)
    )
    assert [0.0, 0.0, 0.0] == found.rate_by.tolist()
    assert (False, False) == (found.rate_against, found.reversal)


@pytest.mark.parametrize(
    ("n", "y", "yy"), [([1, 2], [1], None), ([-1], [0], None), ([0], [1], None), ([3], [4], None)]
)
def test_impossible_sums_are_refused(n, y, yy):
    """Uneven, negative, events without units, more events than units."""
    with pytest.raises(ValueError, match="must"):
        segments(n, y, yy)


def test_a_window_without_units_has_no_mean():
    """And windows of other segments cannot be compared."""
    with pytest.raises(ValueError, match="both windows"):
        mix_and_rate(segments([0], [0]), segments([5], [1]))
    with pytest.raises(ValueError, match="both windows"):
        mix_and_rate(segments([5], [1]), segments([5, 5], [1, 1]))


def _company(rng, n, weights, means, *, money):
    """Segments and outcomes of n units."""
    segment = rng.choice(len(weights), n, p=weights)
    chance = np.asarray(means)[segment]
    y = rng.gamma(2, chance / 2) if money else (rng.random(n) < chance).astype(float)
    return segment, y


def _sums(segment, y, k):
    return segments(*(np.bincount(segment, v, k) for v in (np.ones_like(y), y, y * y)))


@pytest.mark.parametrize("money", [False, True])
def test_intervals_cover_the_truth(money):
    """1,000 companies of three segments, shares and money: 926 to 970 intervals hold the truth.

    An exact binomial test at .001 does not reject 95 % there (METHODS, Calibration).
    """
    w0, w1 = np.array([0.5, 0.3, 0.2]), np.array([0.3, 0.3, 0.4])
    p0, p1 = np.array([0.2, 0.5, 0.7]), np.array([0.25, 0.4, 0.7])
    truth = (w1 @ p1 - w0 @ p0, (w1 - w0) @ (p0 + p1) / 2, (p1 - p0) @ (w0 + w1) / 2)
    rng = np.random.default_rng(1)
    covered = np.zeros(3)
    for _ in range(1000):
        then = _sums(*_company(rng, 700, w0, p0, money=money), 3)
        now = _sums(*_company(rng, 500, w1, p1, money=money), 3)
        found = mix_and_rate(then, now)
        for i, (part, true) in enumerate(
            zip((found.total, found.mix, found.rate), truth, strict=True)
        ):
            covered[i] += part.low <= true <= part.high

    assert ((covered >= 926) & (covered <= 970)).all(), covered


def test_customers_of_both_windows_are_paired():
    """Half of the customers come in both, in habits of their own: 95 % only if told so."""
    rng = np.random.default_rng(2)
    covered = {"paired": 0, "strangers": 0}
    for _ in range(1000):
        n = 600
        taste, home = rng.beta(1, 2, n), rng.choice(3, n, p=[0.5, 0.3, 0.2])
        taste = np.clip(taste + 0.1 * home, 0, 1)
        moved = np.where(rng.random(n) < 0.1, rng.choice(3, n), home)
        here, there = rng.random((2, n)) < 0.7
        then_y, now_y = ((rng.random((2, n)) < taste).astype(float))
        then = _sums(home[here], then_y[here], 3)
        now = _sums(moved[there], now_y[there], 3)
        both = here & there
        cell = (home * 3 + moved)[both]
        a, b = then_y[both], now_y[both]
        table = [np.bincount(cell, v, 9).reshape(3, 3) for v in (np.ones_like(a), a, b, a * b)]
        # no change of behaviour: a mover keeps her taste, so the truth is what the movers bring
        total = mix_and_rate(then, now, overlap=Overlap(*table)).total
        covered["paired"] += total.low <= 0 <= total.high
        alone = mix_and_rate(then, now).total
        covered["strangers"] += alone.low <= 0 <= alone.high

    assert 926 <= covered["paired"] <= 970
    assert covered["strangers"] > 970


def test_a_company_against_itself_has_not_moved():
    """The same customers, segments and outcomes: nothing, without width."""
    rng = np.random.default_rng(3)
    segment, y = _company(rng, 200, [0.5, 0.5], [0.3, 0.6], money=True)
    n, s, ss = (np.diag(np.bincount(segment, v, 2)) for v in (np.ones(200), y, y * y))

    found = mix_and_rate(
        _sums(segment, y, 2), _sums(segment, y, 2), overlap=Overlap(n, s, s, ss)
    )

    assert (0.0, 0.0, 0.0) == (found.total.value, found.mix.value, found.rate.value)
    strangers = mix_and_rate(_sums(segment, y, 2), _sums(segment, y, 2))
    # only n against n - 1 in the variance is left
    assert found.total.high < 0.1 * strangers.total.high


def test_a_funnel_is_split_by_step():
    """(10000, .40, .25, .80) to (12000, .36, .30, .78): 164.82 - 95.78 + 164.82 - 22.98."""
    parts = shapley_product([10000, 0.40, 0.25, 0.80], [12000, 0.36, 0.30, 0.78])

    assert [164.82, -95.78, 164.82, -22.98] == pytest.approx(parts.tolist(), abs=5e-3)
    assert 210.88 == pytest.approx(parts.sum())


def test_a_step_that_fell_to_nothing_takes_its_share():
    """10 x .5 to 10 x 0 is all the second step; two factors from 0 share the whole equally."""
    assert [0.0, -5.0] == shapley_product([10, 0.5], [10, 0]).tolist()
    assert [3.0, 3.0] == shapley_product([0, 0], [2, 3]).tolist()
    with pytest.raises(ValueError, match="same one to ten"):
        shapley_product([1, 2], [1])


def test_pairing_knows_no_direction_of_time():
    """From then to now or back: the other sign, the same width, with movers between segments."""
    rng = np.random.default_rng(4)
    home, moved = rng.integers(0, 3, (2, 300))
    a, b = rng.gamma(1 + home), rng.gamma(1 + moved) + 0.5
    b = b + a
    then, now = _sums(home, a, 3), _sums(moved, b, 3)
    table = [np.bincount(3 * home + moved, v, 9).reshape(3, 3) for v in (a**0, a, b, a * b)]
    n, y_then, y_now, product = table

    there = mix_and_rate(then, now, overlap=Overlap(*table))
    back = mix_and_rate(now, then, overlap=Overlap(n.T, y_now.T, y_then.T, product.T))

    for one, other in ((there.total, back.total), (there.mix, back.mix), (there.rate, back.rate)):
        assert (one.value, one.low, one.high) == pytest.approx(
            (-other.value, -other.high, -other.low)
        )
    paired = np.std(b - a, ddof=1) / 300**0.5
    assert 2 * 1.959964 * paired == pytest.approx(there.total.high - there.total.low, rel=0.01)


def test_parts_are_mix_and_rate_of_each_segment():
    """Each part is the segment's mix and rate together; beyond their size they cancel out."""
    found = mix_and_rate(MEN, WOMEN)
    each = parts(MEN, WOMEN)

    assert (found.mix_by + found.rate_by).tolist() == pytest.approx([p.value for p, _ in each])
    assert found.total.value == pytest.approx(sum(p.value for p, _ in each))
    assert 0 == pytest.approx(sum(beyond.value for _, beyond in each), abs=1e-12)


def test_a_segment_that_moves_like_all_others_has_no_part_beyond_its_size():
    """Three segments of 20, 30 and 50 %, each from 40 to 50 %: parts 2, 3 and 5 points."""
    then = segments([200, 300, 500], [80, 120, 200])
    now = segments([200, 300, 500], [100, 150, 250])
    each = parts(then, now)

    assert [0.02, 0.03, 0.05] == pytest.approx([p.value for p, _ in each])
    assert [0, 0, 0] == pytest.approx([beyond.value for _, beyond in each], abs=1e-12)


def test_the_intervals_of_parts_are_those_of_drawn_companies():
    """4,000 companies of 1,000 units, half of them in both windows: the spread is the interval's.

    Units keep their segment and, seven times in ten, what they did then.
    """
    rng = np.random.default_rng(7)
    share, before, after = np.array([0.2, 0.3, 0.5]), np.array([0.5, 0.4, 0.6]), 0.45

    def company():
        seg = rng.choice(3, size=1000, p=share)
        then = rng.random(1000) < before[seg]
        now = np.where(rng.random(1000) < 0.7, then, rng.random(1000) < after)
        in_then, in_now = np.arange(1000) < 750, np.arange(1000) >= 250
        both = in_then & in_now

        def tally(chosen, y):
            return [np.bincount(seg[chosen], y[chosen].astype(float), 3) for y in (y * 0 + 1, y)]

        n, y0 = (np.diag(x) for x in tally(both, then))
        overlap = Overlap(
            n, y0, np.diag(tally(both, now)[1]), np.diag(tally(both, then & now)[1])
        )
        windows = (segments(*tally(x, y)) for x, y in ((in_then, then), (in_now, now)))
        return parts(*windows, overlap=overlap)

    made = [company() for _ in range(4000)]
    for which in (0, 1):
        values = np.array([[one[which].value for one in each] for each in made])
        half = np.array([[one[which].high - one[which].value for one in each] for each in made])
        assert values.std(axis=0) * 1.96 == pytest.approx(half.mean(axis=0), rel=0.05)


def _ratios(seg, a, b):
    """Sums by segment of arrays of units; absent units have a = b = 0."""
    return RatioSegments(*(np.bincount(seg, x, 3) for x in (b, a, b * b, a * b, a * a)))


def _products(seg0, seg1, x, y):
    found = np.zeros((3, 3))
    np.add.at(found, (seg0, seg1), x * y)
    return found


def test_a_ratio_of_counts_is_split_like_a_share():
    """With b = 1 and a = 0 or 1 the ratio is the share, and so are its parts."""
    then = RatioSegments(*map(np.array, ([4000.0, 1000.0], [200.0, 200.0], [4000.0, 1000.0],
                                         [200.0, 200.0], [200.0, 200.0])))  # fmt: skip
    now = RatioSegments(*map(np.array, ([1000.0, 4000.0], [30.0, 720.0], [1000.0, 4000.0],
                                        [30.0, 720.0], [30.0, 720.0])))  # fmt: skip
    none = RatioOverlap(*[np.zeros((2, 2))] * 4)
    found = ratio_mix_and_rate(then, now, none)
    shares = mix_and_rate(segments([4000, 1000], [200, 200]), segments([1000, 4000], [30, 720]))

    assert (0.09, -0.02) == pytest.approx((found.mix.value, found.rate.value))
    assert found.rate.low == pytest.approx(shares.rate.low, abs=1e-5)
    assert found.mix.high == pytest.approx(shares.mix.high, abs=1e-5)


def test_the_intervals_of_a_ratio_are_those_of_drawn_companies():
    """2,000 companies of 1,000 customers with skewed money, most of them in both windows."""
    rng = np.random.default_rng(11)

    def window(seg, money, rate):
        b = money * (rng.random(1000) < 0.8)
        return b * (rng.random(1000) < rate[seg]), b

    def company():
        seg = rng.choice(3, size=1000, p=[0.2, 0.3, 0.5])
        seg1 = np.where(rng.random(1000) < 0.9, seg, rng.integers(0, 3, 1000))
        money = rng.lognormal(3, 1, 1000)
        a0, b0 = window(seg, money, np.array([0.5, 0.4, 0.6]))
        a1, b1 = window(seg1, money, np.array([0.4, 0.4, 0.6]))
        pairs = [_products(seg, seg1, x, y) for x in (a0, b0) for y in (a1, b1)]
        return ratio_mix_and_rate(
            _ratios(seg, a0, b0), _ratios(seg1, a1, b1), RatioOverlap(*pairs)
        )

    made = [company() for _ in range(2000)]
    for name in ("total", "mix", "rate"):
        values = np.array([getattr(one, name).value for one in made])
        half = np.array([getattr(one, name).high - getattr(one, name).value for one in made])
        assert values.std() * 1.96 == pytest.approx(half.mean(), rel=0.06)


def test_a_segment_with_negative_money_has_no_share():
    """More returned than bought: the shares of money mean nothing."""
    then = RatioSegments(*(np.array([1.0, 1.0]) for _ in range(5)))
    now = RatioSegments(np.array([2.0, -1.0]), *(np.array([1.0, 1.0]) for _ in range(4)))

    with pytest.raises(ValueError, match="b must be >= 0"):
        ratio_mix_and_rate(then, now, RatioOverlap(*[np.zeros((2, 2))] * 4))


factor = st.floats(0, 1e6) | st.just(0.0)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(factor, factor), min_size=1, max_size=6))
@example([(0.0, 2.0), (5e-324, 0.0)])
def test_the_parts_of_a_product_add_up_to_its_change(factors):
    """Whatever the factors, noughts among them, and large parts that cancel."""
    then, now = zip(*factors, strict=True)
    size = np.prod([max(pair) for pair in factors])

    change = np.prod(now) - np.prod(then)
    least = 1e-9 * size + sys.float_info.min
    assert change == pytest.approx(shapley_product(then, now).sum(), abs=least, rel=1e-9)


cell = st.tuples(st.integers(0, 10**6), st.floats(0, 1))


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(cell, cell), min_size=1, max_size=8))
def test_mix_and_rate_add_up_to_the_change(cells):
    """Also where segments are empty in one window or in both."""
    then, now = (
        segments([c[i][0] for c in cells], [int(c[i][0] * c[i][1]) for c in cells]) for i in (0, 1)
    )
    if then.n.sum() and now.n.sum():
        split = mix_and_rate(then, now)
        change = now.y.sum() / now.n.sum() - then.y.sum() / then.n.sum()

        assert change == pytest.approx(split.mix.value + split.rate.value, abs=1e-9)
        assert split.mix.value == pytest.approx(split.mix_by.sum(), abs=1e-9)
        assert split.rate.value == pytest.approx(split.rate_by.sum(), abs=1e-9)
