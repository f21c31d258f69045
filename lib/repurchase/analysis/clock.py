"""The company's days of times that are stored in UTC.

The model gives each table's own time its business date; other times, such as that of loading,
become days here. The zone's offsets are written into the expression: a cast to a time zone fails
on some engines in the hour that daylight saving skips.
"""

from __future__ import annotations

import datetime as dt
import functools
import zoneinfo

import ibis
import ibis.expr.types as ir

_MARGIN = dt.timedelta(days=400)


def local_time(
    column: ir.TimestampValue, zone: str, first: dt.date, last: dt.date
) -> ir.TimestampValue:
    """The clock time in `zone` of a UTC time between those days (and a year beside them).

    Times further away take the offset of the nearest one known.
    """
    known = offsets(zone, first - _MARGIN, last + _MARGIN)
    start, *changes = [
        (at, column + ibis.interval(seconds=seconds)) for at, seconds in known
    ]
    if not changes:
        return start[1]
    ends = [at for at, _ in changes]
    values = [start[1], *(value for _, value in changes)]
    branches = [(column < ibis.timestamp(end), v) for end, v in zip(ends, values, strict=False)]
    return ibis.cases(*branches, else_=values[-1])


def local_day(column: ir.TimestampValue, zone: str, first: dt.date, last: dt.date) -> ir.DateValue:
    """The day in `zone` of a UTC time; see `local_time`."""
    return local_time(column, zone, first, last).date()


@functools.lru_cache(maxsize=64)
def offsets(zone: str, first: dt.date, last: dt.date) -> tuple[tuple[dt.datetime, int], ...]:
    """From which UTC time on the zone is how many seconds ahead; the first entry is `first`.

    >>> offsets("Europe/London", dt.date(2025, 1, 1), dt.date(2025, 4, 1))[1]
    (datetime.datetime(2025, 3, 30, 1, 0), 3600)
    """
    clock = zoneinfo.ZoneInfo(zone)

    def seconds(at: dt.datetime) -> int:
        shift = at.replace(tzinfo=dt.UTC).astimezone(clock).utcoffset()
        assert shift is not None
        return int(shift.total_seconds())

    at = dt.datetime.combine(first, dt.time())
    found = [(at, seconds(at))]
    end = dt.datetime.combine(last, dt.time())
    while at < end:
        following = at + dt.timedelta(days=1)
        if seconds(following) != found[-1][1]:
            found.append((_change(seconds, at, following), seconds(following)))
        at = following
    return tuple(found)


def _change(seconds: object, before: dt.datetime, after: dt.datetime) -> dt.datetime:
    """The minute within a day from which the new offset holds."""
    assert callable(seconds)
    low, high = 0, int((after - before).total_seconds()) // 60
    old = seconds(before)
    while high - low > 1:
        middle = (low + high) // 2
        if seconds(before + dt.timedelta(minutes=middle)) == old:
            low = middle
        else:
            high = middle
    return before + dt.timedelta(minutes=high)
