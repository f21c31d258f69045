"""UTC times as times and days of the company."""

import datetime as dt

import ibis
import pandas as pd
import pytest
from repurchase.analysis.clock import local_day, offsets

LONDON = "Europe/London"


@pytest.mark.parametrize(
    ("zone", "utc", "day"),
    [
        ("Asia/Shanghai", "2025-09-30T15:59:59", "2025-09-30"),
        ("Asia/Shanghai", "2025-09-30T16:00:00", "2025-10-01"),
        ("UTC", "2025-09-30T23:59:59", "2025-09-30"),
        # clocks go forward on 30 March and back on 26 October
        (LONDON, "2025-03-29T23:30:00", "2025-03-29"),
        (LONDON, "2025-03-30T23:00:00", "2025-03-31"),
        (LONDON, "2025-10-25T23:00:00", "2025-10-26"),
        (LONDON, "2025-10-26T23:30:00", "2025-10-26"),
        ("America/New_York", "2025-01-01T04:59:59", "2024-12-31"),
    ],
)
def test_a_day_begins_at_midnight_of_the_company(zone, utc, day):
    """In winter and summer time, and where the offset never changes."""
    rows = ibis.memtable(pd.DataFrame({"at": [pd.Timestamp(utc)]}))
    found = rows.select(
        day=local_day(rows["at"], zone, dt.date(2025, 1, 1), dt.date(2025, 12, 31))
    )

    assert [dt.date.fromisoformat(day)] == found.to_pyarrow()["day"].to_pylist()


def test_offsets_change_at_the_minute():
    """Lord Howe Island moves its clocks by half an hour, at 15:30 UTC."""
    found = offsets("Australia/Lord_Howe", dt.date(2025, 4, 1), dt.date(2025, 5, 1))

    assert [39_600, 37_800] == [seconds for _, seconds in found]
    assert dt.datetime(2025, 4, 5, 15, 0) == found[1][0]
