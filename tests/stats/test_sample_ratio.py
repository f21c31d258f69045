"""The sizes of arms against published p-values."""

import pytest
from repurchase.stats.sample_ratio import sample_ratio


@pytest.mark.parametrize(
    ("one", "other", "p"),
    [  # METHODS 2
        (600, 400, 2.5396e-10),
        (44_000, 45_000, 8.0228e-4),
        (821_588, 815_482, 1.8218e-6),
        (502, 498, 0.8993),
    ],
)
def test_the_published_p_values(one, other, p):
    """Two arms of equal planned size."""
    assert p == pytest.approx(sample_ratio([one, other], [0.5, 0.5]), rel=1e-4)


def test_shares_are_taken_in_proportion():
    """Three arms as 2 : 1 : 1 fit 200, 100 and 100 exactly, however the shares are written."""
    assert 1.0 == sample_ratio([200, 100, 100], [0.5, 0.25, 0.25])
    assert sample_ratio([210, 90], [2, 1]) == sample_ratio([210, 90], [200 / 3, 100 / 3])


@pytest.mark.parametrize(("counts", "shares"), [([5], [1]), ([5, 5], [1, 0]), ([0, 0], [1, 1])])
def test_what_is_no_experiment_is_refused(counts, shares):
    """One arm, a share of nothing, nobody."""
    with pytest.raises(ValueError, match="two arms"):
        sample_ratio(counts, shares)
