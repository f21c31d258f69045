"""How old each source's newest row is at the period's end.

One list for the chapter and for the gate, so that both say the same.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from itertools import pairwise

from repurchase.model.snapshot import Snapshot
from repurchase.params import Params

# tables that grow with every month; what seldom changes (products, stores, tests) cannot be stale
FLOWS = ("events", "tickets", "surveys", "costs")
YEAR = dt.timedelta(days=365)
# A system that has sent orders on fewer days has no pause that is usual for it.
FEWEST_DAYS = 10
# A silence is unusual beyond so many times the longest pause of the year before it.
PAUSES = 2
# A system that is silent for longer has been given up: it is named, and no longer waited for.
GIVEN_UP = 92


@dataclass(frozen=True)
class Source:
    """A table, or one source system of the orders (`system`), and its newest row.

    `last` is its last dated day, at most the period's end; `days` lie between it and that end, or
    the end of the orders if that is earlier. `limit` is what the profile allows. `pause` is the
    longest time between two of its days in the year before `last`; None: no such days to tell
    from, or a table.
    """

    table: str
    system: str
    last: dt.date
    days: int
    limit: int
    pause: int | None = None

    @property
    def unusual(self) -> bool:
        """Silent for longer than its own past explains; a table has no such past."""
        return self.pause is not None and self.days > PAUSES * self.pause

    @property
    def given_up(self) -> bool:
        """A system whose silence has lasted so long that it has most likely been replaced."""
        return bool(self.system) and self.days > GIVEN_UP

    @property
    def stale(self) -> bool:
        """Beyond the profile's limit; a system also beyond what is usual for it."""
        if self.system:
            return self.days > self.limit and self.unusual and not self.given_up
        return self.days > self.limit


def sources(params: Params, snapshot: Snapshot) -> tuple[Source, ...]:
    """The tables that flow, and the source systems of the orders where they are known.

    Of a table the newest row of all its files counts.
    """
    assert params.period is not None
    end = min(params.period.end, snapshot.data_through)
    stale_days = params.profile.stale_days
    found = [
        Source(table, "", min(last, end), max(0, (end - last).days), stale_days(table))
        for table, last in _last_days(snapshot).items()
    ]
    for system, days in _days_of_systems(snapshot, end).items():
        last = days[-1]
        limit = stale_days("orders")
        found.append(Source("orders", system, last, (end - last).days, limit, _pause(days)))
    return tuple(found)


def _last_days(snapshot: Snapshot) -> dict[str, dt.date]:
    """The last dated row of each table that flows, over all its files."""
    last: dict[str, dt.date] = {}
    for source in snapshot.meta["sources"]:
        table, through = source["table"], source.get("data_through")
        if table in FLOWS and through:
            day = dt.date.fromisoformat(through)
            last[table] = max(day, last.get(table, day))
    return last


def _days_of_systems(snapshot: Snapshot, end: dt.date) -> dict[str, list[dt.date]]:
    """The days on which each source system had orders in the two years up to `end`, in order."""
    if "source_system" not in snapshot.meta.get("columns", {}).get("orders", ()):
        return {}
    con = snapshot.connect()
    try:
        rows = con.execute(
            "SELECT DISTINCT source_system, order_date FROM orders"
            " WHERE source_system IS NOT NULL AND order_date BETWEEN ? AND ? ORDER BY ALL",
            [end - 2 * YEAR, end],
        ).fetchall()
    finally:
        con.close()
    found: dict[str, list[dt.date]] = {}
    for system, day in rows:
        found.setdefault(str(system), []).append(day)
    return found


def _pause(days: list[dt.date]) -> int | None:
    recent = [day for day in days if day >= days[-1] - YEAR]
    if len(recent) < FEWEST_DAYS:
        return None
    return max((b - a).days for a, b in pairwise(recent))
