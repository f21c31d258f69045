"""One test of ten million customers, against pandas and scipy."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from benchmarks.cases.retention import Same, room_for
from benchmarks.measure import Figures, worker
from benchmarks.registry import Budget, Setting, Sheet, case
from benchmarks.rounds import times

SCRIPT = "trial.py"
WAYS = {"library": "this library", "pandas": "pandas and scipy by hand"}
# of the other cases' units: a test is of so many customers
TIMES = 10
# pandas holds every column: this many MiB a million customers, as it was measured, with room
PANDAS_MIB = 160


@case("trial", "One test of ten million customers, three metrics with CUPED, by two ways")
def trial(setting: Setting) -> Sheet:
    """Differences, intervals and p-values, asserted equal."""
    root, customers = setting.new_folder("trial"), TIMES * setting.units
    made = worker(SCRIPT, "make", str(root), str(customers), root=root)
    same = Same(within=1e-8)
    ways = {name: partial(_measured, way, root, customers, same) for way, name in WAYS.items()}
    ours, other = WAYS.values()
    return Sheet(
        ways,
        (
            Budget("CPU of pandas against ours", times(other, ours, "cpu"), at_least=1.0),
            Budget("peak memory of pandas against ours", times(other, ours, "peak"), at_least=3.0),
        ),
        (
            f"{customers:,} customers in two arms, {made['buyers']:,} of whom ordered; margin,"
            " share who ordered and order dates, each adjusted by what it was before",
            "the library sums in the engine, margins as exact decimals, and also makes the"
            " interval that holds at every look; by hand, columns are read as floats, without it;"
            " differences, intervals and p-values are asserted equal to 1e-8",
            "imports are not counted; peak is that of the process with its imports",
        ),
    )


def _measured(way: str, root: Path, customers: int, same: Same) -> Figures:
    if way == "pandas":
        room_for(customers, PANDAS_MIB)
    said = worker(SCRIPT, way, str(root), root=root)
    same.check(way, {"tables": {"differences": said.pop("found")}, "threads": said.pop("threads")})
    return said
