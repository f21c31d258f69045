"""The stretch of days that a review looks at.

A period is named `YYYY-MM`, `YYYY-Qn` or `YYYY`; its days are days in the company's time zone.
"""

from __future__ import annotations

import calendar
import datetime as dt
import re
from dataclasses import dataclass
from typing import Literal

from repurchase.errors import ParameterError

Unit = Literal["month", "quarter", "year"]
MONTHS = {"month": 1, "quarter": 3, "year": 12}


@dataclass(frozen=True, order=True)
class Period:
    """A calendar month, quarter or year; `start` and `end` are both days of it.

    >>> Period.parse("2025-Q3").end
    datetime.date(2025, 9, 30)
    >>> Period.parse("2025-01").previous().label
    '2024-12'
    """

    start: dt.date
    end: dt.date
    unit: Unit

    @classmethod
    def parse(cls, text: str) -> Period:
        """The period that `text` names.

        Raises ParameterError if it is not of the form 2025-09, 2025-Q3 or 2025.
        """
        match = re.fullmatch(r"(\d{4})(?:-(\d{2})|-Q([1-4]))?", text)
        if not match or not 1900 <= int(match[1]) <= 9998:
            raise _not_a_period(text)
        year = int(match[1])
        if match[2]:
            if not 1 <= int(match[2]) <= 12:
                raise _not_a_period(text)
            return cls.starting(dt.date(year, int(match[2]), 1), "month")
        if match[3]:
            return cls.starting(dt.date(year, 3 * int(match[3]) - 2, 1), "quarter")
        return cls.starting(dt.date(year, 1, 1), "year")

    @classmethod
    def starting(cls, start: dt.date, unit: Unit) -> Period:
        """The period of that unit whose first day is `start`."""
        return cls(start, add_months(start, MONTHS[unit]) - dt.timedelta(days=1), unit)

    @classmethod
    def month_of(cls, day: dt.date) -> Period:
        return cls.starting(day.replace(day=1), "month")

    @property
    def label(self) -> str:
        if self.unit == "month":
            return f"{self.start:%Y-%m}"
        if self.unit == "quarter":
            return f"{self.start:%Y}-Q{(self.start.month + 2) // 3}"
        return f"{self.start:%Y}"

    @property
    def days(self) -> int:
        return (self.end - self.start).days + 1

    def shifted(self, units: int) -> Period:
        """The period `units` of its own length later (earlier if negative)."""
        return Period.starting(add_months(self.start, units * MONTHS[self.unit]), self.unit)

    def previous(self) -> Period:
        return self.shifted(-1)

    def year_ago(self) -> Period:
        return Period.starting(add_months(self.start, -12), self.unit)

    def __str__(self) -> str:
        return self.label


def add_months(day: dt.date, months: int) -> dt.date:
    """The same day `months` later, or the last day of that month if it has no such day.

    >>> add_months(dt.date(2024, 2, 29), 12)
    datetime.date(2025, 2, 28)
    """
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return dt.date(year, month + 1, min(day.day, last))


def last_complete_month(data_through: dt.date) -> Period:
    """The latest month all of whose days lie on or before `data_through`."""
    month = Period.month_of(data_through)
    return month if month.end == data_through else month.previous()


def _not_a_period(text: str) -> ParameterError:
    return ParameterError(
        f"{text!r} is not a period",
        rule="a period is a month (2025-09), a quarter (2025-Q3) or a year (2025), from 1900 on",
        remedy="write PERIOD=2025-09, or leave it out for the last complete month of the data",
    )
