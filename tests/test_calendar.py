"""Moving feasts, aligned windows and counts of days."""

import datetime as dt

import pytest
from repurchase.calendar import Window, aligned_year_ago, day_counts, spring_festival
from repurchase.period import Period


@pytest.mark.parametrize(
    ("year", "day"),
    [(2023, "2023-01-22"), (2024, "2024-02-10"), (2025, "2025-01-29"), (2026, "2026-02-17")],
)
def test_the_spring_festival_moves(year, day):
    """The lunar new year of these years, from the almanac."""
    assert day == spring_festival(year).isoformat()


@pytest.mark.parametrize(
    ("period", "country", "basis", "start", "end"),
    [
        # 2025's festival is 12 days earlier in the solar year than 2024's
        ("2025-01", "CN", "spring_festival", "2024-01-13", "2024-02-12"),
        ("2025-02", "CN", "spring_festival", "2024-02-13", "2024-03-11"),
        ("2025-09", "CN", "weekdays", "2024-09-02", "2024-10-01"),
        ("2025-01", "GB", "weekdays", "2024-01-03", "2024-02-02"),
        ("2025-04", "GB", "easter", "2024-03-12", "2024-04-10"),
        ("2025-Q1", "GB", "weekdays", "2024-01-03", "2024-04-01"),
        ("2025", "CN", "plain", "2024-01-01", "2024-12-31"),
    ],
)
def test_the_aligned_window_keeps_the_feast_or_the_weekdays(period, country, basis, start, end):
    """Near a feast each day is as far from it as it was; elsewhere the weekdays match."""
    aligned = aligned_year_ago(Period.parse(period), country)

    assert (basis, start, end) == (
        aligned.basis,
        aligned.window.start.isoformat(),
        aligned.window.end.isoformat(),
    )


def test_aligned_days_lie_as_far_from_the_festival_as_the_periods_own():
    """28 January 2025 was the eve of the festival; so is its aligned day."""
    aligned = aligned_year_ago(Period.parse("2025-01"), "CN").window
    eve = aligned.start + (dt.date(2025, 1, 28) - dt.date(2025, 1, 1))

    assert spring_festival(2024) - dt.timedelta(days=1) == eve


def test_days_are_counted_by_kind():
    """January 2025 in China: 8 weekend days, the festival, and the promotion given."""
    counts = day_counts(
        Window(dt.date(2025, 1, 1), dt.date(2025, 1, 31)),
        country="CN",
        promotions={"new year sale": ("01-10", 3)},
    )

    assert (31, 8, 3) == (counts.days, counts.weekend_days, counts.promotion_days)
    assert dt.date(2025, 1, 29) == counts.spring_festival
    assert 5 == counts.public_days  # 1 January and 28 to 31 January


def test_without_a_country_no_public_day_is_guessed():
    """Unknown public days are 0 and no festival is claimed."""
    counts = day_counts(
        Window(dt.date(2025, 1, 1), dt.date(2025, 1, 31)), country=None, promotions={}
    )

    assert (0, None) == (counts.public_days, counts.spring_festival)


def test_a_promotion_of_29_february_is_of_leap_years_only():
    """The days of February 2024 hold one, those of February 2025 none."""
    promotions = {"leap day": ("02-29", 1)}
    found = [
        day_counts(
            Window(dt.date(year, 2, 1), dt.date(year, 3, 1)), country=None, promotions=promotions
        ).promotion_days
        for year in (2024, 2025)
    ]

    assert [1, 0] == found
