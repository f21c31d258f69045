import numpy as np
import pytest
from repurchase.stats.gaps import returned_quantiles, sample_quantile


def test_quantiles_are_of_those_who_come_back():
    """Of ten who come back on days 1 to 10 half are back by day 5; thirty stay away."""
    days = [*range(1, 11), 400]
    found = returned_quantiles(
        days, [1] * 10 + [0], [0] * 10 + [30], horizon=365, shares=[0.1, 0.5, 0.9]
    )

    assert [1, 5, 9] == [e.value for e in found]
    assert all(e.low <= e.value <= e.high for e in found)


def test_open_waits_count_for_as_long_as_they_last():
    """Two of four return on day 2; two leave the count on day 3; the last returns on day 10.

    Kaplan-Meier: 2/5 by day 2; the one left of day 10 stands for all the rest, so 1 by day 10.
    Half of those who return by day 10 are back when the share is .5: on day 10. Counting only
    whom one saw would say day 2.
    """
    found = returned_quantiles([2, 3, 10], [2, 0, 1], [0, 2, 0], horizon=365, shares=[0.5])

    assert 10 == found[0].value


def test_nothing_is_said_where_nobody_returns():
    """No event within the horizon: no quantile, instead of one of nobody."""
    assert [] == returned_quantiles([5, 20], [0, 3], [4, 0], horizon=10, shares=[0.5])


def test_the_interval_covers_the_true_median():
    """Exponential waits, half of all censored early: 95 % of the intervals hold the median."""
    rng = np.random.default_rng(7)
    truth = -np.log(1 - 0.5 * (1 - np.exp(-90 / 20))) * 20
    held = 0
    for seed in range(200):
        wait = np.ceil(rng.exponential(20, 300))
        stop = rng.integers(1, 200, 300)
        day = np.minimum(wait, stop)
        times = np.unique(day)
        event = wait <= stop
        came = [int(((day == t) & event).sum()) for t in times]
        left = [int(((day == t) & ~event).sum()) for t in times]
        (found,) = returned_quantiles(
            times, came, left, horizon=90, shares=[0.5], draws=200, seed=seed
        )
        # whole days: the truth of the rounded waits is the day that holds the median
        held += found.low <= np.ceil(truth) <= found.high
    assert 0.90 <= held / 200 <= 0.99


def test_the_same_seed_gives_the_same_interval():
    """Bootstrap bounds are a function of data and seed."""
    ask = dict(horizon=365, shares=[0.5])
    one = returned_quantiles([1, 5, 9], [9, 9, 9], [3, 3, 3], seed=3, **ask)

    assert one == returned_quantiles([1, 5, 9], [9, 9, 9], [3, 3, 3], seed=3, **ask)


def test_a_sample_quantile_has_order_statistics_as_bounds():
    """Values 1 to 100: median 50, ranks 50 -+ 1.96 * 5 rounded up are 41 and 60."""
    found = sample_quantile(range(1, 101), [1] * 100, 0.5)

    assert (50, 41, 60) == found


def test_a_quantile_of_nobody_is_refused():
    """A quantile needs a unit."""
    with pytest.raises(ValueError, match="above 0"):
        sample_quantile([], [], 0.5)
