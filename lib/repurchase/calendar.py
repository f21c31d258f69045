"""What the calendar does to a comparison: weekdays, public days, moving feasts, promotions.

The year-ago window can be read plain (the same dates) or aligned: shifted by 364 days so that
weekdays match or, near a moving feast, so that each day stands as far from the feast as it did.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import NamedTuple

from dateutil.easter import easter
from holidays import country_holidays
from holidays.calendars.chinese import _ChineseLunisolar

from repurchase.period import Period

# Countries whose shops close or peak around the lunar new year; others are aligned on Easter.
LUNAR_NEW_YEAR = {"CN", "HK", "MO", "TW", "SG", "VN", "KR"}
# Retail feels the feast about three weeks before (stocking up) to two weeks after (towns empty).
FEAST_REACH = {"spring_festival": (-21, 14), "easter": (-14, 7)}


class Window(NamedTuple):
    """Days from `start` to `end`, both included."""

    start: dt.date
    end: dt.date

    @property
    def days(self) -> int:
        return (self.end - self.start).days + 1


class Aligned(NamedTuple):
    """The year-ago window that is fair to compare with, and what it was aligned on."""

    window: Window
    basis: str  # spring_festival, easter, weekdays


class DayCounts(NamedTuple):
    """What kind of days a window holds."""

    days: int
    weekend_days: int
    public_days: int
    promotion_days: int
    spring_festival: dt.date | None


def spring_festival(year: int) -> dt.date:
    """The first day of the lunar year, from the `holidays` library's table (1901-2099)."""
    day = _ChineseLunisolar().lunar_new_year_date(year)[0]
    if day is None:
        raise ValueError(f"year == {year}, must be in 1901..2099")
    return day


def feast(country: str | None, year: int) -> tuple[str, dt.date]:
    """The moving feast that a country's retail is aligned on, and its day in `year`."""
    if country in LUNAR_NEW_YEAR:
        return "spring_festival", spring_festival(year)
    return "easter", easter(year)


def aligned_year_ago(period: Period, country: str | None) -> Aligned:
    """The year-ago window of the same length whose days compare one to one with the period's.

    A period of a year has no aligned window of its own: the plain one is returned, basis "plain".
    """
    if period.unit == "year":
        past = period.year_ago()
        return Aligned(Window(past.start, past.end), "plain")
    for year in {period.start.year, period.end.year}:
        name, day = feast(country, year)
        if name == "easter" and period.unit != "month":
            continue  # twenty days' shift would bring Christmas into a first quarter
        before, after = FEAST_REACH[name]
        first, last = day + dt.timedelta(days=before), day + dt.timedelta(days=after)
        year_before = feast(country, year - 1)[1]
        past_month = Window(period.year_ago().start, period.year_ago().end)
        touched = period.start <= last and period.end >= first
        touched_then = past_month.start <= year_before + dt.timedelta(
            days=after
        ) and past_month.end >= year_before + dt.timedelta(days=before)
        if touched or touched_then:
            shift = day - year_before
            return Aligned(Window(period.start - shift, period.end - shift), name)
    shift = dt.timedelta(days=364)
    return Aligned(Window(period.start - shift, period.end - shift), "weekdays")


def day_counts(
    window: Window, *, country: str | None, promotions: dict[str, tuple[str, int]]
) -> DayCounts:
    """Weekend, public and promotion days of a window, and the Spring Festival if it lies in it.

    `promotions` maps a name to (month and day as "MM-DD", number of days). Without a country,
    public days are counted as 0.
    """
    every = [window.start + dt.timedelta(days=i) for i in range(window.days)]
    years = sorted({d.year for d in every})
    public = set(country_holidays(country, years=years)) if country else set()
    promoted = promotion_dates(years, promotions)
    feasts = [spring_festival(y) for y in years] if country in LUNAR_NEW_YEAR else []
    return DayCounts(
        days=window.days,
        weekend_days=sum(d.weekday() >= 5 for d in every),
        public_days=sum(d in public for d in every),
        promotion_days=sum(d in promoted for d in every),
        spring_festival=next((f for f in feasts if window.start <= f <= window.end), None),
    )


def promotion_dates(
    years: Iterable[int], promotions: dict[str, tuple[str, int]]
) -> frozenset[dt.date]:
    """The promotion days of these years; `promotions` as in `day_counts`."""
    return frozenset(
        first + dt.timedelta(days=i)
        for year in years
        for day, length in promotions.values()
        if (first := _day_of(year, day)) is not None
        for i in range(length)
    )


def _day_of(year: int, day: str) -> dt.date | None:
    """The day "MM-DD" of that year; None for 02-29 in a year without it."""
    try:
        return dt.date(year, int(day[:2]), int(day[3:]))
    except ValueError:
        return None
