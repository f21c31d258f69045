"""Many comparisons at once."""

import numpy as np
import pytest
from repurchase.stats.multiplicity import benjamini_hochberg, p_of_interval
from statsmodels.stats.multitest import multipletests


def test_adjusted_values_are_those_of_statsmodels() -> None:
    """Fifty p-values in no order, some of them equal."""
    p = np.random.default_rng(1).beta(0.5, 3, 50).round(3).tolist()
    assert multipletests(p, method="fdr_bh")[1].tolist() == pytest.approx(benjamini_hochberg(p))


def test_no_comparison_needs_no_adjustment() -> None:
    """Nothing in, nothing out; one value stays as it is."""
    assert [] == benjamini_hochberg([])
    assert [0.2] == benjamini_hochberg([0.2])


def test_p_of_an_interval_that_touches_zero_is_five_per_cent() -> None:
    """And one that is wide around zero is one."""
    assert pytest.approx(0.05) == p_of_interval(1.0, 0.0, 2.0)
    assert pytest.approx(1.0) == p_of_interval(0.0, -1.0, 1.0)
    # what counts is the reach towards nought
    assert pytest.approx(0.05) == p_of_interval(1.0, 0.0, 1.5) == p_of_interval(-1.0, -1.2, 0.0)
    assert (0.0, 1.0) == (p_of_interval(1.0, 1.0, 2.0), p_of_interval(0.0, -1.0, 0.0))
    with pytest.raises(ValueError, match="low < high"):
        p_of_interval(0.0, 1.0, 1.0)


def test_a_p_value_lies_between_nought_and_one() -> None:
    """Anything else is a mistake of the caller."""
    with pytest.raises(ValueError, match=r"0\.\.1"):
        benjamini_hochberg([0.1, 1.2])
