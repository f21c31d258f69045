"""Retention's heavy tables against SQL and pandas written by hand for the same tables."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

from benchmarks.measure import Figures, worker
from benchmarks.registry import Budget, Company, Setting, Sheet, Skip, Way, case
from benchmarks.rounds import times

WAYS = {"library": "this library", "sql": "DuckDB SQL by hand", "pandas": "pandas by hand"}
CPU_BUDGET = 1.3
# below this many orders what Ibis costs at any size counts for more than the engine
JUDGED_FROM = 1_000_000
# pandas holds every row: this many MiB a million orders, as it was measured, with room to spare
PANDAS_MIB = 300


@case("retention", "Retention: cohorts, returning share and time to return, by three ways")
def retention(setting: Setting) -> Sheet:
    """The same tables from the same prepared file, asserted equal."""
    ways: dict[str, Way] = {}
    budgets: list[Budget] = []
    notes = [
        "each way is a process of its own; imports are not counted, opening the file is; peak is"
        " that of the process with its imports; DuckDB with the same number of threads",
        "the tables of all ways are asserted equal: cohorts by month of joining and age, buyers and"
        " returning buyers of 25 months, customers at risk and share returned by day for two years'"
        " newcomers; the library also makes the records with their intervals",
    ]
    for orders in setting.orders:
        company = setting.company(orders)
        notes.append(company.note)
        same = Same()
        for way, name in WAYS.items():
            ways[row(orders, name)] = partial(
                measured, "retention.py", way, company, same, orders, PANDAS_MIB
            )
        ours, sql, pandas = (row(orders, name) for name in WAYS.values())
        at_most = CPU_BUDGET if orders >= JUDGED_FROM else None
        for other, figure, bound in (
            (sql, "cpu", at_most),
            (sql, "peak", None),
            (pandas, "cpu", None),
            (pandas, "peak", None),
        ):
            what = "CPU" if figure == "cpu" else "peak memory"
            says = f"{orders:,} orders, {what} against {other.partition(': ')[2]}"
            budgets.append(Budget(says, times(ours, other, figure), at_most=bound))
    return Sheet(ways, tuple(budgets), tuple(notes))


def row(orders: int, name: str) -> str:
    """The name of a way's row."""
    return f"{orders:,} orders: {name}"


class DifferentError(AssertionError):
    """Two ways did not find the same."""


class Same:
    """Holds every way's tables against those of the first.

    Numbers with a fraction may differ by `within`, relatively above 1.
    """

    def __init__(self, *, within: float = 1e-10) -> None:
        self.within = within
        self.first: dict[str, list[Any]] | None = None
        self.threads: int | None = None

    def check(self, way: str, said: dict[str, Any]) -> None:
        """Raises DifferentError naming table and row."""
        tables = said["tables"]
        if self.first is None:
            self.first, self.threads = tables, said["threads"]
            return
        if way == "sql" and said["threads"] != self.threads:
            raise DifferentError(f"{said['threads']} threads, the library has {self.threads}")
        for name, rows in self.first.items():
            if not rows:
                raise DifferentError(f"{name} is empty")
            different(way, name, rows, tables[name], within=self.within)


def different(
    way: str, name: str, expected: Sequence[Any], found: Sequence[Any], *, within: float
) -> None:
    """Raises DifferentError unless both tables have the same rows in the same order."""
    if len(expected) != len(found):
        raise DifferentError(f"{name} by {way}: {len(found)} rows, not {len(expected)}")
    for a, b in zip(expected, found, strict=True):
        if len(a) != len(b) or not all(equal(x, y, within) for x, y in zip(a, b, strict=True)):
            raise DifferentError(f"{name} by {way}: {list(b)}, not {list(a)}")


def equal(a: Any, b: Any, within: float) -> bool:
    """Whether both are the same, fractions nearly so."""
    if isinstance(a, float) and isinstance(b, float | int):
        return math.isclose(a, b, rel_tol=within, abs_tol=within)
    return bool(a == b)


def measured(
    script: str, way: str, company: Company, same: Same, orders: int, pandas_mib: float
) -> Figures:
    """What a way took, its tables held against the first's. Raises Skip where memory is short."""
    if way == "pandas":
        room_for(orders, pandas_mib)
    said = worker(script, way, str(company.root), company.snapshot, root=company.root)
    same.check(way, said)
    return {k: v for k, v in said.items() if k not in {"threads", "tables"}}


def room_for(orders: int, mib: float) -> None:
    """Raises Skip unless there are so many MiB a million orders."""
    import psutil

    needed = orders / 1e6 * mib
    free = psutil.virtual_memory().available / 2**20
    if free < needed:
        raise Skip(f"it needs about {needed:,.0f} MiB, {free:,.0f} are free")
