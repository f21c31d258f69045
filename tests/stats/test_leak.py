"""Falls of a step below its own level, against a pencil and simulated companies."""

import numpy as np
import pytest
from repurchase.stats.leak import (
    FEWEST_EXPECTED,
    Falls,
    beyond_season,
    falls,
    missing,
    others,
    stacked,
    themselves,
    together,
)
from scipy import stats

STEADY = [200] * 6


def one(made, units=1000, **options):
    """One row: conversions by window of as many units each."""
    return falls(themselves([[units] * len(made)], [made]), **options)


def test_a_fall_after_six_equal_windows_by_hand():
    """200 of 1,000 six times, then 150: sampling error of the window and of the level, 5 df."""
    found = one([*STEADY, 150])

    level = 1200.5 / 6001
    drop = np.log(200.5 / 800.5) - np.log(150.5 / 850.5)
    variance = (1 + 1 / 6) / (1000 * level * (1 - level))
    assert (level, 150.5 / 1001) == pytest.approx((found.level[0], found.now[0]))
    assert (drop, drop) == pytest.approx((found.own[0], found.drop[0]))
    assert variance == pytest.approx(found.variance[0])
    assert (5, 6, True) == (found.df[0], found.windows[0], found.enough[0])
    assert stats.t.sf(drop / np.sqrt(variance), 5) == pytest.approx(found.p_values()[0])


def test_windows_that_differ_widen_the_interval():
    """The same level and the same window, but the six swing by a quarter: it may be chance."""
    steady, swinging = one([*STEADY, 150]), one([150, 250, 150, 250, 150, 250, 150])

    assert steady.level == pytest.approx(swinging.level)
    assert steady.p_values()[0] < 0.02 < 0.1 < swinging.p_values()[0]


def test_windows_closer_than_chance_do_not_narrow_it():
    """Six windows that agree by luck are no better known than their size lets them be."""
    assert one([*STEADY, 150]).variance == pytest.approx(
        one([199, 201, 200, 200, 201, 199, 150]).variance, rel=1e-3
    )


def test_what_moves_all_labels_moves_none_of_them():
    """Everything falls by a quarter: no label beside the others, each when read alone."""
    n = np.full((3, 7), 2000.0)
    y = np.array([[400.0] * 6 + [300]] * 3)

    beside, alone = falls(themselves(n, y), beside=others(n, y)), falls(themselves(n, y))
    assert [0, 0, 0] == pytest.approx(beside.drop.tolist(), abs=1e-3)
    assert (alone.p_values() < 0.001).all()
    assert beside.own == pytest.approx(alone.own)


def test_a_larger_mailing_to_others_is_no_fall():
    """The others' sizes change, none of their conversions: their total does, the label does not."""
    n = np.array([[1000.0] * 7, [1000.0] * 7, [1000.0] * 6 + [9000]])
    y = np.array([[200.0] * 7, [100.0] * 7, [400.0] * 6 + [3600]])

    found = falls(themselves(n, y), beside=others(n, y))
    assert [0, 0, 0] == pytest.approx(found.drop.tolist(), abs=2e-3)


def test_all_labels_together_move_only_if_conversions_do():
    """Nine times as many come of those who convert least: the total falls, in fixed shares not."""
    n = np.array([[1000.0] * 7, [1000.0] * 6 + [9000]])
    y = np.array([[400.0] * 7, [100.0] * 6 + [900]])

    plain = falls(themselves(n.sum(axis=0), y.sum(axis=0)))
    fixed = falls(together(n, y))
    assert plain.drop[0] > 0.5
    assert 0 == pytest.approx(fixed.drop[0], abs=2e-3)
    assert plain.level == pytest.approx(fixed.level, abs=1e-3)
    assert 1000 < fixed.units[0] < 4000


def test_a_label_without_units_in_a_window_is_in_no_reference():
    """The new store cannot be held in fixed proportions; it is still judged beside the others."""
    n = np.array([[1000.0] * 7, [1000.0] * 7, [0.0] * 3 + [1000.0] * 4])
    y = np.array([[200.0] * 7, [200.0] * 6 + [150], [0.0] * 3 + [500.0] * 4])

    assert 0.2 == pytest.approx(others(n, y).level[0], abs=1e-3)
    found = falls(themselves(n, y), beside=others(n, y))
    assert [True] * 3 == found.enough.tolist()


def test_rows_are_judged_together_when_stacked():
    """Two series read alone share their spread once they are stacked."""
    a, b = (themselves([[1000] * 7], [[200] * 7]) for _ in "ab")

    assert [5.0] == falls(a).df.tolist()
    assert [10.0, 10.0] == falls(stacked([a, b])).df.tolist()


def test_a_label_that_falls_alone_is_found_beside_the_others():
    """One of three channels loses a fifth."""
    n = np.full((3, 7), 5000.0)
    y = np.array([[1000.0] * 6 + [800], [900.0] * 7, [500.0] * 7])

    p = falls(themselves(n, y), beside=others(n, y)).p_values()
    assert p[0] < 1e-4
    assert (p[1:] > 0.5).all()


def test_labels_lend_each_other_their_spread():
    """15 degrees of freedom at most from the others; none where a row stands alone."""
    n, y = np.full((9, 7), 1000.0), np.full((9, 7), 200.0)

    assert [20.0] * 9 == falls(themselves(n, y)).df.tolist()
    assert [10.0] * 9 == falls(themselves(n, y), borrowed=5).df.tolist()
    assert [5.0] == one([200] * 7).df.tolist()


@pytest.mark.parametrize(
    ("made", "units", "enough"),
    [
        ([*STEADY, 150], 1000, True),
        ([200] * 3 + [150], 1000, True),
        ([200] * 2 + [150], 1000, False),
        ([3] * 6 + [1], 100, False),
        ([97] * 6 + [80], 98, False),
    ],
)
def test_fewer_than_three_windows_or_thirty_expected_say_nothing(made, units, enough):
    """Two windows, three conversions, or hardly anyone who could have stayed away."""
    found = one(made, units)

    assert enough == found.enough[0]
    assert (found.p_values()[0] < 1) == enough


def test_windows_without_units_are_no_windows():
    """A store that opened three windows ago has a level of three."""
    n = [[0, 0, 0, 1000, 1000, 1000, 1000]]
    found = falls(themselves(n, [[0, 0, 0, 200, 200, 200, 150]]))

    assert (3, 2, True) == (found.windows[0], found.df[0], found.enough[0])
    assert 600.5 / 3001 == pytest.approx(found.level[0])


def test_a_fall_that_came_a_year_ago_too_is_the_season():
    """Beside its own windows a year ago nothing is left of it."""
    made = [*STEADY, 150]
    found = one(made, beside=themselves([[900] * 7], [[180] * 6 + [135]]))

    assert 0 == pytest.approx(found.drop[0], abs=1e-3)
    assert found.own[0] > 0.3
    assert found.p_values()[0] > 0.4


def seasonal(size):
    """Twelve labels of which the first falls by a fifth; a year ago all moved by `size`."""
    n, now, then = np.full((12, 7), 5000.0), np.full((12, 7), 1000.0), np.full((12, 7), 1000.0)
    now[0, -1] = 800
    then[:, -1] = 1000 + size * np.where(np.arange(12) % 2, 1, -1)
    read = [falls(themselves(n, y), beside=others(n, y)) for y in (now, then)]
    return read[0], beyond_season(*read)


def test_a_season_of_the_labels_is_taken_off_as_far_as_they_have_one():
    """Where labels did not move a year ago nothing changes; where all did, their fall counts."""
    plain, still = seasonal(0)
    _, moved = seasonal(200)

    assert plain.drop == pytest.approx(still.drop, abs=1e-6)
    assert plain.variance == pytest.approx(still.variance)
    assert plain.p_values()[0] < 1e-4 < 0.05 < moved.p_values()[0]
    assert (moved.variance > still.variance).all()


def test_what_is_missing_is_counted_at_the_level():
    """1,000 units at 20 % instead of 15 %: fifty conversions, with an interval."""
    found = missing(one([*STEADY, 150]))

    assert 50 == pytest.approx(found.value[0], abs=0.2)
    assert 0 < found.low[0] < 50 < found.high[0] < 110


def test_the_calmest_reading_counts_and_the_boldest_bounds():
    """A label that fell by less than the others rose is short of its own level only."""
    n = np.full((2, 7), 5000.0)
    y = np.array([[1000.0] * 6 + [950], [1000.0] * 6 + [1200]])
    read = falls(themselves(n, y), beside=others(n, y))
    found = missing(read)

    assert 50 == pytest.approx(found.value[0], abs=1)
    assert found.high[0] > missing(falls(themselves(n, y))).high[0]


def test_a_run_of_low_windows_is_counted_back():
    """Two windows as low as this one follow four at the old level."""
    assert [3] == one([300, 300, 300, 300, 200, 200, 190]).run.tolist()
    assert [1] == one([*STEADY, 150]).run.tolist()


@pytest.mark.parametrize(
    ("n", "y"), [([[5, 5]], [[1]]), ([[5, 5]], [[6, 1]]), ([[5, 5]], [[-1, 1]])]
)
def test_impossible_counts_are_refused(n, y):
    """Uneven tables, more conversions than units, fewer than none."""
    with pytest.raises(ValueError, match="equally large"):
        themselves(n, y)


def lived(rng, *, labels, fall=0.0):
    """Counts of one cut: unequal labels, sizes and conversions that move from window to window."""
    share = rng.dirichlet(np.full(labels, 2.0))[:, None]
    size = 20_000 * np.exp(0.25 * rng.standard_normal((labels, 7)))
    n = rng.poisson(share * size).astype(float)
    odds = rng.uniform(-2.0, -1.0, (labels, 1)) + 0.1 * rng.standard_normal(7)
    odds = odds + 0.04 * np.exp(0.4 * rng.standard_normal((labels, 1))) * rng.standard_normal(
        (labels, 7)
    )
    p = 1 / (1 + np.exp(-odds))
    p[0, -1] *= 1 - fall
    return n, rng.binomial(n.astype(int), p).astype(float)


def test_the_p_value_keeps_its_promise_where_windows_differ():
    """1,500 labels of six, nothing happens: 5 % below .05, .5 % below .005, by an exact test."""
    rng = np.random.default_rng(7)
    found: list[Falls] = []
    for _ in range(300):
        n, y = lived(rng, labels=6)
        found.append(falls(themselves(n, y), beside=others(n, y)))
    p = np.concatenate([f.p_values()[f.enough] for f in found])

    assert len(p) > 1500
    for level in (0.05, 0.005):
        below = int((p < level).sum())
        assert stats.binomtest(below, len(p), level, "greater").pvalue > 0.001
    assert (p < 0.05).mean() > 0.02


def test_a_label_that_loses_a_fifth_of_many_is_mostly_found():
    """And about a fifth of the conversions is what is counted as missing."""
    rng = np.random.default_rng(8)
    hits, short = 0, []
    for _ in range(100):
        n, y = lived(rng, labels=6, fall=0.2)
        read = falls(themselves(n, y), beside=others(n, y))
        if read.enough[0]:
            hits += read.p_values()[0] < 0.01
            short.append(missing(read).value[0] / (missing(read).value[0] + y[0, -1]))

    assert hits > 0.65 * len(short)
    assert 0.14 < np.median(short) < 0.22


def test_thirty_conversions_must_be_expected():
    """At a level of 30 % a hundred units are enough to judge, ninety-eight are not."""
    judged = [themselves([[1000] * 6 + [n]], [[300] * 6 + [10]]) for n in (98, 100)]

    assert [False, True] == [falls(series).enough[0] for series in judged]
    assert 30 == FEWEST_EXPECTED
