"""One funnel of ten million events, against SQL written by hand for the same tables."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from benchmarks.cases.retention import CPU_BUDGET, Same
from benchmarks.measure import Figures, worker
from benchmarks.registry import Budget, Setting, Sheet, case
from benchmarks.rounds import times

SCRIPT = "funnel.py"
WAYS = {"library": "this library", "sql": "DuckDB SQL by hand"}
# of the other cases' units: a customer is heard of often
TIMES = 10


@case("funnel", "One funnel of ten million events, cut four ways, by two ways")
def funnel(setting: Setting) -> Sheet:
    """Who reached which step in which contact window, asserted equal."""
    root, events = setting.new_folder("funnel"), TIMES * setting.units
    made = worker(SCRIPT, "make", str(root), str(events), root=root)
    same = Same()
    ways = {name: partial(_measured, way, root, same) for way, name in WAYS.items()}
    ours, other = WAYS.values()
    return Sheet(
        ways,
        (
            Budget("CPU against SQL by hand", times(ours, other, "cpu"), at_most=CPU_BUDGET),
            Budget("peak memory against SQL by hand", times(ours, other, "peak")),
        ),
        (
            f"{events:,} events and {made['orders']:,} orders of {made['customers']:,} customers"
            " in 28 months: contact, interest, repurchase within 30 days of the contact, in order;"
            " a row a customer and contact window, written as Parquet, then counted by channel,"
            " campaign, store and region",
            "who reached each step, in each window and for each label, is asserted equal; the"
            " windows' days are the library's in both; DuckDB with the same number of threads",
            "imports are not counted, opening the files is; peak is that of the process with its"
            " imports",
        ),
    )


def _measured(way: str, root: Path, same: Same) -> Figures:
    said = worker(SCRIPT, way, str(root), root=root)
    same.check(way, {"tables": {"counts": said.pop("counts")}, "threads": said.pop("threads")})
    return said
