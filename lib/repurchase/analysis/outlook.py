"""What the customers there are will spend again next month and next quarter, tested on the past.

Expected repeat revenue = for each month of joining, customers x revenue a customer at that age (of
the last twelve months), x how the same calendar month a year ago stood to that level. The interval
is the spread of what the same method got wrong at earlier month ends, each on the data cut there.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import ibis.expr.types as ir
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import stdtr, stdtrit

from repurchase.analysis.ratios import AGAINST_TARGET, cents, flag
from repurchase.analysis.windows import ONE_DAY, Windows
from repurchase.calendar import aligned_year_ago
from repurchase.period import Period, add_months
from repurchase.reasons import NO_MONEY, NO_SEASON, NONE_DUE, NOT_TESTED, PERIOD_RUNS, reason
from repurchase.records import Record, Result, dimensions
from repurchase.stats.proportion import wilson

SPAN = 12  # months that the level and the season are read from
FEWEST_TESTS, MOST_TESTS = 6, 12
# A month's own year-ago level is half season, half chance; on the demo company and others this
# share of its logarithm forecasts with the least error between none (0) and all of it (1).
SEASON = 0.75
LEVELS = (0.8, 0.95)
# Ages above a year change slowly and are pooled: 13-18, 19-24, 25-36 months, older.
BANDS = (*range(1, 13), 18, 24, 36)


@dataclass(frozen=True)
class Months:
    """Revenue of each joining month's customers by calendar month, from the first on.

    `revenue[c, m]` is what customers who joined in month c brought in month m (0 is the data's
    first month), `customers[c]` how many they are, `again[m]` the revenue of all repeat order dates
    of a month, `aligned[m]` what the festival's move does to the same month a year before (1 where
    it does nothing).
    """

    first: int
    revenue: NDArray[np.float64]
    customers: NDArray[np.float64]
    again: NDArray[np.float64]
    aligned: NDArray[np.float64]

    @property
    def last(self) -> int:
        return len(self.customers) - 1

    def existing(self, origin: int, month: int) -> float:
        """Revenue in a month of customers who had joined by the end of month `origin`."""
        return float(self.revenue[: origin + 1, month].sum())

    def period(self, month: int) -> Period:
        index = self.first + month
        return Period.parse(f"{index // 12:04d}-{index % 12 + 1:02d}")


def outlook(
    days: ir.Table,
    windows: Windows,
    *,
    country: str | None,
    targets: Mapping[str, float] | None = None,
) -> Result:
    """Expected repeat revenue of today's customers, its intervals, and how past forecasts did.

    Revenue is that of order dates, known customers only, unlinked returns not taken off; whoever
    joins after the period's end is in none of it. `targets` maps a period's label to a target of
    `expected_repeat_revenue`.

    The frame has one row a horizon (month; quarter: the next three months; rest: what is left of
    a calendar quarter that has begun) and origin. Columns: horizon, origin (label of the month at
    whose end it is made), first, last (dates), expected, low80, high80, low95, high95 (missing
    where fewer than six earlier forecasts had come due), tests (how many had), actual, inside80,
    inside95 (missing where not yet known), year_ago (what the customers of a year before brought
    in that horizon; missing where less than a year of data lay before that), so_far and
    year_ago_so_far (repeat revenue of the months of that quarter that are over; rest only, else
    0).

    Records: `expected_repeat_revenue` by horizon (95 % interval; level=80 with that one, and
    origin=... for the last one that came due, whose numerator is what came), `forecast_coverage`
    by horizon and level, `forecast_error` (typical size, of what came). Not computed, with the
    reason, unless at least six earlier forecasts have come due.
    """
    history = _index(windows.seen_until) - _index(windows.data_from) + 1
    why = _refused(days, windows, history)
    months = None if why else _months(days, windows, country)
    parts = {"month": [1], "quarter": [1, 2, 3]}
    if months is not None:
        parts |= _rest(months)
    rows: list[dict[str, Any]] = []
    records: list[Record] = []
    for horizon, steps in parts.items():
        made = _tested(months, horizon, steps) if months is not None else []
        told = why
        if months is not None and not _is_now(months, made):
            made, told = [], NO_SEASON
        rows += made
        records += _records(horizon, made, told, history, steps, targets or {})
    return Result(pd.DataFrame(rows, columns=_COLUMNS), tuple(records))


_COLUMNS = [
    "horizon", "origin", "first", "last", "expected", "low80", "high80", "low95", "high95",
    "tests", "actual", "inside80", "inside95", "year_ago", "so_far", "year_ago_so_far",
]  # fmt: skip


def _refused(days: ir.Table, windows: Windows, history: int) -> str | None:
    if windows.partial or (windows.seen_until + ONE_DAY).day != 1:
        return reason(PERIOD_RUNS, day=windows.seen_until.isoformat())
    needed = SPAN + 1 + FEWEST_TESTS
    if history < needed:
        return reason(NOT_TESTED, months=history, needed=needed)
    known = days.aggregate(known=days.net_revenue.count()).to_pyarrow().to_pylist()[0]
    return None if known["known"] else NO_MONEY


def _index(day: dt.date) -> int:
    return day.year * 12 + day.month - 1


def _months(days: ir.Table, windows: Windows, country: str | None) -> Months:
    """The company by joining month and day, one pass over the order dates, then by month."""
    joined = days.first_date.year() * 12 + days.first_date.month() - 1
    counted = days.group_by(joined=joined, day=days.order_date).aggregate(
        revenue=cents(days.net_revenue.sum()).cast("float64"),
        again=cents(days.net_revenue.sum(where=days.day_rank > 1)).cast("float64"),
        newcomers=flag(days.day_rank == 1).sum(),
    )
    found = counted.order_by("joined", "day").to_pandas()
    first, last = _index(windows.data_from), _index(windows.seen_until)
    size = last - first + 1
    stamps = pd.to_datetime(found["day"])
    column = (stamps.dt.year * 12 + stamps.dt.month - 1 - first).to_numpy()
    row = found["joined"].to_numpy(dtype=int) - first
    revenue, customers = np.zeros((size, size)), np.zeros(size)
    np.add.at(revenue, (row, column), found["revenue"].fillna(0).to_numpy())
    np.add.at(customers, row, found["newcomers"].to_numpy(dtype=float))
    repeat = np.zeros(size)
    np.add.at(repeat, column, found["again"].fillna(0).to_numpy())
    by_day = found["again"].fillna(0).groupby(stamps).sum()
    return Months(first, revenue, customers, repeat, _aligned(by_day, first, size, country))


def _aligned(by_day: pd.Series, first: int, size: int, country: str | None) -> NDArray[np.float64]:
    """For each month up to three ahead: the aligned window a year ago over the plain one."""
    found = np.ones(size + 3)
    for month in range(12, size + 3):
        index = first + month
        period = Period.parse(f"{index // 12:04d}-{index % 12 + 1:02d}")
        aligned = aligned_year_ago(period, country)
        if aligned.basis != "spring_festival":
            continue  # Easter moves too few sales for its days to be worth a month's shift
        past = period.year_ago()
        plain = float(by_day[pd.Timestamp(past.start) : pd.Timestamp(past.end)].sum())
        days = slice(pd.Timestamp(aligned.window.start), pd.Timestamp(aligned.window.end))
        moved = float(by_day[days].sum())
        if plain > 0 and moved > 0:
            found[month] = moved / plain
    return found


def _band(ages: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.searchsorted(np.array(BANDS), ages, side="left")


def spend_by_age(months: Months, origin: int) -> NDArray[np.float64]:
    """Revenue a customer and month by band of age, from the twelve months up to `origin`.

    An age that nobody had is taken from the next lower one, or else from the next higher one.
    """
    size = len(BANDS) + 1
    money, customers = np.zeros(size), np.zeros(size)
    for month in range(max(1, origin - SPAN + 1), origin + 1):
        bands = _band(month - np.arange(month))
        np.add.at(money, bands, months.revenue[:month, month])
        np.add.at(customers, bands, months.customers[:month])
    found = np.divide(money, customers, out=np.full(size, np.nan), where=customers > 0)
    return pd.Series(found).ffill().bfill().to_numpy()


def _level(months: Months, spend: NDArray[np.float64], origin: int, month: int) -> float:
    """What customers who had joined by `origin` would bring in a month at the year's level."""
    ages = month - np.arange(origin + 1)
    return float((months.customers[: origin + 1] * spend[_band(ages)]).sum())


def forecast(months: Months, origin: int, steps: Sequence[int]) -> float:
    """Expected revenue of the customers there are at the end of month `origin`, those months on.

    Reads nothing after `origin`. NaN where a month a year ago had no repeat revenue.
    """
    spend = spend_by_age(months, origin)
    total = 0.0
    for step in steps:
        month = origin + step
        past = month - SPAN
        if past < 1:
            return math.nan
        usual = _level(months, spend, past - 1, past)
        came = months.existing(past - 1, past) * months.aligned[month]
        if not (came > 0 and usual > 0):
            return math.nan
        total += _level(months, spend, origin, month) * (came / usual) ** SEASON
    return total


def _is_now(months: Months, rows: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the last forecast is the one of today; there is none without a season to go by."""
    return bool(rows) and rows[-1]["origin"] == months.period(months.last).label


def _rest(months: Months) -> dict[str, list[int]]:
    """The months left of a calendar quarter that has begun."""
    done = (months.first + months.last + 1) % 3
    return {"rest": list(range(1, 4 - done))} if done else {}


def _tested(months: Months, horizon: str, steps: list[int]) -> list[dict[str, Any]]:
    """The forecast now and at every earlier month end that has a year before it, oldest first."""
    rows: list[dict[str, Any]] = []
    errors: list[tuple[int, float]] = []  # the month in which it was known, log(came / expected)
    for origin in range(SPAN, months.last + 1):
        expected = forecast(months, origin, steps)
        if not expected > 0:
            continue
        known = [e for due, e in errors if due <= origin][-MOST_TESTS:]
        row = _row(months, horizon, origin, steps, expected, known)
        if origin + steps[-1] <= months.last:
            came = sum(months.existing(origin, origin + s) for s in steps)
            row["actual"] = came
            if came > 0:
                errors.append((origin + steps[-1], math.log(came / expected)))
            if len(known) >= FEWEST_TESTS:
                for share in LEVELS:
                    name = f"{share * 100:.0f}"
                    row[f"inside{name}"] = row[f"low{name}"] <= came <= row[f"high{name}"]
        rows.append(row)
    return rows


def _row(
    months: Months, horizon: str, origin: int, steps: list[int], expected: float,
    known: list[float],
) -> dict[str, Any]:  # fmt: skip
    start = months.period(origin).shifted(steps[0]).start
    end = months.period(origin).shifted(steps[-1]).end
    past = [origin + s - SPAN for s in steps]
    row: dict[str, Any] = dict.fromkeys(_COLUMNS)
    row |= {
        "horizon": horizon, "origin": months.period(origin).label, "first": start, "last": end,
        "expected": expected, "tests": len(known),
        # with less than a year before it, a year ago knew too few of its customers to compare with
        "year_ago": sum(months.existing(origin - SPAN, m) for m in past)
        if origin >= 2 * SPAN
        else math.nan,
        "so_far": 0.0, "year_ago_so_far": 0.0,
    }  # fmt: skip
    if horizon == "rest":
        over = range(origin + 1 - (3 - len(steps)), origin + 1)
        row["so_far"] = float(sum(months.again[m] for m in over))
        row["year_ago_so_far"] = float(sum(months.again[m - SPAN] for m in over if m >= SPAN))
    for share in LEVELS:
        low, high = interval(expected, known, share)
        row |= {f"low{share * 100:.0f}": low, f"high{share * 100:.0f}": high}
    return row


def interval(expected: float, errors: Sequence[float], share: float) -> tuple[float, float]:
    """Where what comes should lie with that probability, from past errors log(came / expected).

    Student's t on the errors' root mean square about 0, with their number as degrees of freedom
    and the new month's own deviation added; (NaN, NaN) below six errors.
    """
    if len(errors) < FEWEST_TESTS:
        return math.nan, math.nan
    reach = stdtrit(len(errors), 0.5 + share / 2) * spread(errors)
    return expected * math.exp(-reach), expected * math.exp(reach)


def spread(errors: Sequence[float]) -> float:
    """The typical size of the next error, from those known."""
    return math.sqrt(sum(e * e for e in errors) / len(errors) * (1 + 1 / len(errors)))


def chance_above(row: Mapping[str, Any], amount: float) -> float:
    """How probable it is that at least `amount` comes; from the row's own 95 % interval."""
    if amount <= 0:
        return 1.0
    tests = int(row["tests"])
    scale = math.log(row["high95"] / row["expected"]) / stdtrit(tests, 0.975)
    return float(stdtr(tests, -math.log(amount / row["expected"]) / scale))


def _records(
    horizon: str, rows: list[dict[str, Any]], why: str | None, history: int, steps: list[int],
    targets: Mapping[str, float],
) -> list[Record]:  # fmt: skip
    name = "expected_repeat_revenue"
    if why or not rows or math.isnan(rows[-1]["low95"]):
        why = why or reason(NOT_TESTED, months=history, needed=SPAN + FEWEST_TESTS + steps[-1])
        where = dimensions(horizon=horizon)
        return [Record(name, None, "money", where, status="not_computed", reason=why)]
    now = rows[-1]
    records = [
        _expected(now, dimensions(horizon=horizon), "95"),
        _expected(now, dimensions(horizon=horizon, level=80), "80"),
    ]
    due = [row for row in rows if row["actual"] is not None and row["inside80"] is not None]
    if due:
        where = dimensions(horizon=horizon, origin=due[-1]["origin"])
        records.append(_expected(due[-1], where, "80", came=due[-1]["actual"]))
    for share in ("80", "95"):
        inside = [bool(row[f"inside{share}"]) for row in due[-MOST_TESTS:]]
        records.append(_coverage(horizon, share, inside))
    target = _target(now, targets)
    if target is not None:
        records.append(
            _expected(now, dimensions(horizon=horizon), "95", target=target)
        )
    return records


def _expected(
    row: Mapping[str, Any], where: str, level: str, *, came: float | None = None,
    target: float | None = None,
) -> Record:  # fmt: skip
    low, high = row[f"low{level}"], row[f"high{level}"]
    base = Record(
        "expected_repeat_revenue", row["expected"], "money", where, low=low, high=high,
        numerator=came, n=float(row["tests"]),
    )  # fmt: skip
    if target is None:
        return base
    return replace(
        base, compare_to="target", change=row["expected"] - target, change_low=low - target,
        change_high=high - target, change_method=AGAINST_TARGET,
    )  # fmt: skip


def _coverage(horizon: str, level: str, inside: list[bool]) -> Record:
    where = dimensions(horizon=horizon, level=level)
    if not inside:
        return Record(
            "forecast_coverage", None, "share", where, status="not_computed", reason=NONE_DUE
        )
    found = wilson(sum(inside), len(inside))
    return Record(
        "forecast_coverage", found.value, "share", where, low=found.low, high=found.high,
        numerator=float(sum(inside)), n=float(len(inside)),
    )  # fmt: skip


def _target(row: Mapping[str, Any], targets: Mapping[str, float]) -> float | None:
    """What is left to reach of the target for exactly these days, or the quarter they end."""
    begins = {"rest": add_months(row["last"] + ONE_DAY, -3)}.get(row["horizon"], row["first"])
    for label, value in targets.items():
        period = Period.parse(label)
        if (period.start, period.end) == (begins, row["last"]):
            return value - row["so_far"]
    return None
