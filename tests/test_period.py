"""Periods: what they are called and where they begin and end."""

import datetime as dt

import pytest
from repurchase.errors import ParameterError
from repurchase.period import Period, add_months, last_complete_month


@pytest.mark.parametrize(
    ("text", "start", "end", "days"),
    [
        ("2025-09", "2025-09-01", "2025-09-30", 30),
        ("2024-02", "2024-02-01", "2024-02-29", 29),
        ("2025-Q3", "2025-07-01", "2025-09-30", 92),
        ("2025-Q1", "2025-01-01", "2025-03-31", 90),
        ("2025", "2025-01-01", "2025-12-31", 365),
    ],
)
def test_a_period_runs_from_its_first_to_its_last_day(text, start, end, days):
    """A month, quarter or year holds exactly its calendar days, and says its own name."""
    period = Period.parse(text)

    assert (start, end, days) == (period.start.isoformat(), period.end.isoformat(), period.days)
    assert text == period.label


@pytest.mark.parametrize(
    "text", ["2025-13", "2025-Q5", "202509", "2025-9", "", "0000-01", "1899-12", "soon"]
)
def test_what_is_no_period_is_refused_with_the_right_forms(text):
    """A word that is no period stops with the three forms that are."""
    with pytest.raises(ParameterError, match="2025-Q3"):
        Period.parse(text)


@pytest.mark.parametrize(
    ("text", "previous", "year_ago"),
    [
        ("2025-01", "2024-12", "2024-01"),
        ("2025-Q1", "2024-Q4", "2024-Q1"),
        ("2025", "2024", "2024"),
    ],
)
def test_neighbours_of_a_period_are_of_its_own_length(text, previous, year_ago):
    """The period before and the one a year before are found across a year's end."""
    period = Period.parse(text)

    assert (previous, year_ago) == (period.previous().label, period.year_ago().label)


def test_a_leap_day_a_year_later_is_the_last_of_february():
    """29 February has no twin in other years; the month's last day stands in."""
    assert dt.date(2025, 2, 28) == add_months(dt.date(2024, 2, 29), 12)


@pytest.mark.parametrize(
    ("through", "label"), [("2025-09-30", "2025-09"), ("2025-09-29", "2025-08")]
)
def test_the_last_complete_month_is_the_datas_not_the_clocks(through, label):
    """A month counts as complete on its last day, not before."""
    assert label == last_complete_month(dt.date.fromisoformat(through)).label
