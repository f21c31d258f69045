"""Logistic regression against a table by hand, planted slopes and columns that say nothing."""

import numpy as np
import pytest
from repurchase.stats.fitting import NotFitted
from repurchase.stats.logistic import fit_logistic, probability
from scipy.special import expit


def test_with_many_units_the_rates_of_two_groups_come_out():
    """3 of 10 and 6 of 10, a thousand times over: the model says .3 and .6."""
    columns = np.repeat([[0.0], [1.0]], 10_000, axis=0)
    happened = np.r_[np.tile([1] * 3 + [0] * 7, 1000), np.tile([1] * 6 + [0] * 4, 1000)]

    found = probability(fit_logistic(columns, happened), [[0.0], [1.0]])

    assert [0.3, 0.6] == pytest.approx(found.tolist(), abs=1e-3)


def test_planted_slopes_come_out_in_the_units_of_the_columns():
    """20,000 units with logit = -1 + .5 a - .02 b; the third column is noise."""
    rng = np.random.default_rng(1)
    columns = np.c_[rng.normal(0, 1, 20_000), rng.normal(50, 30, 20_000), rng.random(20_000)]
    happened = rng.random(20_000) < expit(-1 + 0.5 * columns[:, 0] - 0.02 * columns[:, 1])

    found = fit_logistic(columns, happened)

    assert [0.5, -0.02, 0.0] == pytest.approx((found.slopes / found.scale).tolist(), abs=0.07)


def test_what_parts_the_units_perfectly_has_an_answer_and_a_constant_has_no_say():
    """Four units parted by the first column; the second never varies."""
    model = fit_logistic([[0, 7], [1, 7], [2, 7], [3, 7]], [0, 0, 1, 1])

    low, high = probability(model, [[0, 7], [3, 7]])
    assert 0 < low < 0.5 < high < 1
    assert 0 == model.slopes[1]


def test_without_both_outcomes_or_with_uneven_rows_there_is_no_model():
    """It happened to all: nothing to learn. Rows and outcomes must match."""
    with pytest.raises(NotFitted) as refused:
        fit_logistic([[1.0], [2.0]], [1, 1])
    assert "flat" == refused.value.why
    with pytest.raises(ValueError, match="columns"):
        fit_logistic([[1.0], [np.nan]], [0, 1])
