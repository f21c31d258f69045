"""How much has arrived of what has happened."""

import numpy as np
import pytest
from repurchase.stats.arrival import FEWEST_ROWS, arrival, bounds, missing, quantile

# three days; the second was followed for one day, the third for none
TRIANGLE = [[60, 30, 10], [80, 20, 0], [50, 0, 0]]
FOLLOWED = [2, 1, 0]


def test_the_share_by_age_counts_each_delay_only_where_it_could_be_seen():
    """2 days: 10 of 100. 1 day: 30 + 20 of 90 + 100. So 0.9 within a day, 0.9 x 14/19 at once."""
    found = arrival(TRIANGLE, FOLLOWED)

    assert [0.9 * 140 / 190, 0.9, 1.0] == pytest.approx(found.share)
    assert 2 == found.horizon
    assert (found.low <= found.share).all() and (found.share <= found.high).all()


def test_what_is_missing_follows_from_what_has_arrived():
    """100 (1 - 0.9) / 0.9 of the second day, 50 (1 - 0.6632) / 0.6632 of the third."""
    to_come = missing(TRIANGLE, FOLLOWED, arrival(TRIANGLE, FOLLOWED))

    assert [0.0, 100 / 9, 50 * (1 - 126 / 190) / (126 / 190)] == pytest.approx(to_come.by_day)
    assert 0 == to_come.drawn[:, 0].max()
    assert 25.0 == pytest.approx(to_come.drawn[:, 2].mean(), abs=8)


def test_the_shares_are_those_of_the_chain_ladder():
    """An independent run of volume-weighted development factors on a random triangle."""
    rng = np.random.default_rng(3)
    days, longest = 60, 9
    seen = np.minimum(days - 1 - np.arange(days), longest)
    counts = rng.poisson(rng.gamma(2, 6, (days, 1)) * 0.6 ** np.arange(longest + 1))
    counts = counts * (np.arange(longest + 1) <= seen[:, None])
    ladder = np.cumsum(counts, axis=1)
    share = [1.0]
    for k in range(longest, 0, -1):
        old = seen >= k
        share.insert(0, share[0] * ladder[old, k - 1].sum() / ladder[old, k].sum())

    assert share == pytest.approx(arrival(counts, seen).share)


def test_days_of_which_too_little_has_arrived_are_not_told():
    """A source that loads on the next day says nothing of its last day."""
    counts, seen = [[0, 100], [0, 100], [0, 0]], [2, 1, 0]
    found = arrival(counts, np.minimum(seen, 1))
    to_come = missing(counts, np.minimum(seen, 1), found)

    assert [0.0, 1.0] == found.share.tolist()
    assert [0.0, 0.0] == to_come.by_day[:2].tolist() and np.isnan(to_come.by_day[2])
    assert 0 == to_come.drawn.sum()


def test_a_delay_that_few_rows_could_show_is_not_told():
    """Twenty-nine rows on the only day followed so long are not enough; thirty are."""
    few, enough = (
        arrival([[rows - 1, 1], [500, 0]], [1, 0]) for rows in (FEWEST_ROWS - 1, FEWEST_ROWS)
    )

    assert (0, [1.0, 1.0]) == (few.horizon, few.share.tolist())
    assert (1, [29 / 30, 1.0]) == (enough.horizon, pytest.approx(enough.share.tolist()))


def company(seed, *, volume=25, days=182, longest=20):
    """Counts by day and delay; a week in twelve its batches come up to ten days late."""
    rng = np.random.default_rng(seed)
    bad = np.repeat(rng.random(days // 7) < 1 / 12, 7)
    whole = np.zeros((days, longest + 1))
    for day, late in enumerate(bad):
        n = rng.poisson(volume)
        lag = rng.choice(3, size=n, p=[0.3, 0.6, 0.1])
        lag = np.where(late & (rng.random(n) < 0.5), lag + 10, lag)
        np.add.at(whole[day], lag, 1)
    return whole


def test_the_interval_holds_what_comes_later():
    """In 60 companies whose loads now and then stick for a week, nine in ten times at least."""
    held = []
    for seed in range(60):
        whole = company(seed)
        seen = np.minimum(len(whole) - 1 - np.arange(len(whole)), whole.shape[1] - 1)
        known = whole * (np.arange(whole.shape[1]) <= seen[:, None])
        found = arrival(known, seen, draws=200)
        to_come = missing(known, seen, found, draws=200)
        told = ~np.isnan(to_come.by_day)
        low, high = bounds(np.nansum(to_come.by_day), to_come.drawn.sum(axis=1))
        held.append(low <= (whole - known)[told].sum() <= high)

    assert 0.9 <= np.mean(held)


def test_the_same_seed_gives_the_same_interval():
    """And another one another."""
    one, same, other = (
        arrival(company(1), np.full(182, 20), seed=seed).low for seed in (1, 1, 2)
    )

    assert one.tolist() == same.tolist() != other.tolist()


@pytest.mark.parametrize(
    ("counts", "followed", "words"),
    [
        ([[1, 2]], [1, 0], "shapes"),
        ([[1, -2]], [1], ">= 0"),
        ([[1, 2]], [0], "later than its day was followed"),
    ],
)
def test_counts_that_cannot_be_are_refused(counts, followed, words):
    """A row of a day that nobody has lived yet is a mistake of the caller."""
    with pytest.raises(ValueError, match=words):
        arrival(counts, followed)


def test_quantiles_of_counted_values():
    """The smallest value that at least the share does not exceed, exact where the share is met."""
    assert 5 == quantile([5, 0, 1], [1, 6, 3], 0.95)
    assert 1 == quantile([5, 0, 1], [1, 6, 3], 0.9)
    assert 0 == quantile([5, 0, 1], [1, 6, 3], 0.6)
    assert np.isnan(quantile([], [], 0.5))
    with pytest.raises(ValueError, match="share == 0"):
        quantile([1], [1], 0)
