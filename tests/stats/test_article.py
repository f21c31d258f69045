"""The articles' own numbers, recomputed (METHODS 2, SOURCES 3)."""

import numpy as np
import pytest
from repurchase.stats.article import article_retention, lifetime_value, rise


@pytest.mark.parametrize(
    ("at_start", "joined", "at_end", "percent"),
    [(1000, 200, 950, 75.0), (950, 150, 900, 78.947), (900, 100, 880, 86.667)],
)
def test_three_quarters_of_the_article(at_start, joined, at_end, percent):
    """75 %, 78.947 %, and 86.667 %, which the article prints as 86 (SOURCES T1 to T3)."""
    assert percent == pytest.approx(100 * article_retention(at_end, joined, at_start), abs=5e-4)


def test_the_three_quarters_multiply_to_half():
    """.75 x .78947 x .86667 = 51.32 %, if newcomers leave as the others do (SOURCES T5)."""
    quarters = [(950, 200, 1000), (900, 150, 950), (880, 100, 900)]

    assert 0.5132 == pytest.approx(np.prod([article_retention(*q) for q in quarters]), abs=5e-5)


def test_newcomers_who_left_again_must_not_be_subtracted():
    """100 at the start, 30 join and 10 of them leave, 20 others leave: 80 %, not 70 %."""
    first, newcomers = set(range(100)), set(range(100, 130))
    at_end = (first - set(range(20))) | (newcomers - set(range(100, 110)))
    true = len(first & at_end) / len(first)

    assert (100, 0.8) == (len(at_end), true)
    assert true == article_retention(len(at_end), len(newcomers & at_end), len(first))
    assert 0.7 == article_retention(len(at_end), len(newcomers), len(first))


def test_more_kept_than_there_were_is_refused():
    """A count that cannot be: the newcomers are missing, or more new than there are."""
    for at_end, joined, at_start in ((120, 0, 100), (10, 20, 100), (0, 0, 0), (10, -1, 100)):
        with pytest.raises(ValueError, match="must be"):
            article_retention(at_end, joined, at_start)


@pytest.mark.parametrize(
    ("then", "now", "points", "relative"),
    [
        (0.40, 0.78, 0.38, 0.95),
        (0.30, 0.80, 0.50, 1.667),
        (0.30, 0.55, 0.25, 0.833),
        (0.30, 0.54, 0.24, 0.80),
    ],
)
def test_points_and_per_cent_are_not_the_same(then, now, points, relative):
    """40 to 78 % is +38 points and +95 %; ROI reaching 80 % from 30 % is not ROI rising by 80 %."""
    assert (points, relative) == pytest.approx(tuple(rise(then, now)), abs=5e-4)


def test_a_rise_from_nothing_has_no_per_cent():
    """Refused rather than infinite."""
    with pytest.raises(ValueError, match="then"):
        rise(0.0, 0.1)


def test_both_definitions_of_customer_value():
    """200 x 4 a year x 3 years: 2,400 of revenue, 2,100 after 300 to win her (SOURCES T6)."""
    value = lifetime_value(average_order=200, orders_a_year=4, years=3, acquisition_cost=300)

    assert (2400, 2100, 300) == tuple(value)


def test_a_quarters_retention_is_not_the_mean_of_its_months():
    """100 customers; each month ten of the first and ten newcomers leave, twenty join."""
    first, present, months = set(range(100)), set(range(100)), []
    for month in range(3):
        start = set(present)
        left = sorted(present & first)[:10] + sorted(present - first)[:10]
        present = (present - set(left)) | set(range(100 + 20 * month, 120 + 20 * month))
        months.append(article_retention(len(present), len(present - start), len(start)))

    quarter = article_retention(len(present), len(present - first), 100)

    assert 0.7 == quarter
    assert [0.9, 90 / 110, 90 / 110] == pytest.approx(months)
    assert quarter < np.mean(months) - 0.1
