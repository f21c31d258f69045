"""The windows that a figure of a period is compared with."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from repurchase.calendar import Window, aligned_year_ago
from repurchase.period import Period, add_months
from repurchase.records import CompareTo

ONE_DAY = dt.timedelta(days=1)
MOVING_FEASTS = ("spring_festival", "easter")
COMPARISONS: tuple[CompareTo, ...] = ("previous", "year_ago", "year_ago_aligned")


@dataclass(frozen=True)
class Windows:
    """The period's own days and the three windows it is held against.

    `data_from` is the first order date of the data: what lies before it is unknown, not absent.
    `seen_until` is the last day that the data cover, at most the period's end: in a period that
    is still running nothing after it can have happened.
    `basis` says what the aligned window is aligned on (see `calendar.aligned_year_ago`).
    """

    period: Period
    days: dict[CompareTo, Window]
    basis: str
    data_from: dt.date
    seen_until: dt.date

    @property
    def now(self) -> Window:
        return self.days["none"]

    @property
    def partial(self) -> bool:
        """Whether the period is still running in the data."""
        return self.seen_until < self.period.end

    def seen(self, name: CompareTo) -> Window:
        """A window as far as the data cover it."""
        window = self.days[name]
        return Window(window.start, min(window.end, self.seen_until))


def windows_of(
    period: Period,
    *,
    country: str | None,
    data_from: dt.date,
    data_through: dt.date | None = None,
) -> Windows:
    """The windows of a period for a company in that country.

    `data_through` None: the data cover the period.
    """
    aligned = aligned_year_ago(period, country)
    previous, year_ago = period.previous(), period.year_ago()
    return Windows(
        period=period,
        days={
            "none": Window(period.start, period.end),
            "previous": Window(previous.start, previous.end),
            "year_ago": Window(year_ago.start, year_ago.end),
            "year_ago_aligned": aligned.window,
        },
        basis=aligned.basis,
        data_from=data_from,
        seen_until=min(period.end, data_through or period.end),
    )


def year_window(windows: Windows) -> CompareTo:
    """The window that stands for a year ago: aligned where a moving feast is near."""
    return "year_ago_aligned" if windows.basis in MOVING_FEASTS else "year_ago"


def ripened(window: Window, *, days: int, months: int) -> Window:
    """First order dates old enough at the window's end to have had `days` days, over `months`.

    >>> ripened(Window(dt.date(2025, 9, 1), dt.date(2025, 9, 30)), days=90, months=12)
    Window(start=datetime.date(2024, 7, 3), end=datetime.date(2025, 7, 2))
    """
    last = window.end - dt.timedelta(days=days)
    return Window(add_months(last, -months) + ONE_DAY, last)


def active_at(day: dt.date, months: int) -> Window:
    """The order dates that make one a customer at the end of `day`."""
    return Window(add_months(day, -months) + ONE_DAY, day)
