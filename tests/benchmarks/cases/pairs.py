"""Pairs of products in a million baskets, against mlxtend's fpgrowth."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from benchmarks.cases.retention import Same
from benchmarks.measure import Figures, worker
from benchmarks.registry import Budget, Setting, Sheet, Skip, case
from benchmarks.rounds import times

SCRIPT = "pairs.py"
WAYS = {
    "codes": "this library, the statistics alone",
    "library": "this library, from tables to records",
    "mlxtend": "mlxtend fpgrowth, supports and lifts",
}
# one basket in a thousand: a pair that fewer hold is nothing for a million baskets to judge
RARE = 1_000


@case("pairs", "Products bought together in a million baskets, against mlxtend")
def pairs(setting: Setting) -> Sheet:
    """Supports and lifts of every pair, asserted equal."""
    root = setting.new_folder("pairs")
    minimum = max(2, setting.units // RARE)
    made = worker(SCRIPT, "make", str(root), str(setting.units), root=root)
    same = Same(within=1e-9)
    ways = {
        name: partial(_measured, way, root, minimum, same, setting) for way, name in WAYS.items()
    }
    codes, tables, other = WAYS.values()
    return Sheet(
        ways,
        (
            Budget("CPU of mlxtend against the statistics", times(other, codes, "cpu")),
            Budget("CPU of mlxtend against tables to records", times(other, tables, "cpu")),
        ),
        (
            f"{made['baskets']:,} baskets with {made['lines']:,} lines of 1,000 products; every"
            f" pair that {minimum:,} baskets hold, its support and lift asserted equal",
            "mlxtend begins from codes, as the statistics do, and gives no interval",
        ),
    )


def _measured(way: str, root: Path, minimum: int, same: Same, setting: Setting) -> Figures:
    options = {"by": setting.others} if way == "mlxtend" else {}
    said = worker(SCRIPT, way, str(root), str(minimum), root=root, **options)
    if "skip" in said:
        raise Skip(said["skip"])
    found = said.pop("found")
    same.check(way, {"tables": {"pairs": found}, "threads": 1})
    return said | {"pairs": float(len(found))}
