"""Ten and a hundred million orders: how time and memory grow with the orders."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

from benchmarks.measure import Figures, worker
from benchmarks.registry import Budget, Setting, Sheet, Skip, Way, case
from benchmarks.rounds import exponent, median

SCRIPT = "large.py"
SUBJECTS = {
    "summary": "customer summary, four days",
    "cohorts": "cohorts",
    "tiers": "scores, tiers, stages and moves",
    "gaps": "gaps and own rhythms",
}
EXPONENT, PEAK_MIB = 1.1, 8 * 1024
# on disk: the tables, the summaries and what the engine puts aside; measured was a third of it
BYTES_AN_ORDER = 100


@case("large", "A hundred million orders: time, memory and how they grow", large=True)
def large(setting: Setting) -> Sheet:
    """Each subject a process of its own, at each size. Raises Skip where the disk is too small."""
    room(setting.folder, sum(setting.large))
    ways: dict[str, Way] = {}
    notes = [
        "each row is a process of its own; imports are not counted, opening the files is; peak is"
        " that of the process",
        "the trusted tables are made directly, customer by customer; preparing from sources is"
        " measured in the case retention",
    ]
    for orders in setting.large:
        root = setting.new_folder("large")
        made = worker(SCRIPT, "make", str(root), str(orders), root=root)
        notes.append(
            f"{orders:,} orders asked for: {made['orders']:,} orders, {made['customer_days']:,}"
            f" order dates of {made['customers']:,} customers, {made['bytes'] / 1e9:.2f} GB; made"
            f" in {made['cpu']:.0f} CPU s with {made['peak']:,.0f} MiB"
        )
        for subject, says in SUBJECTS.items():
            ways[row(orders, says)] = partial(_measured, subject, root)
    return Sheet(ways, budgets(setting.large), tuple(notes), once=True)


def row(orders: int, says: str) -> str:
    """The name of a row."""
    return f"{orders:,} orders: {says}"


def budgets(sizes: tuple[int, ...]) -> tuple[Budget, ...]:
    """Exponents between the first size and the last, and each peak of the last."""
    found: list[Budget] = []
    small, most = sizes[0], sizes[-1]
    for says in SUBJECTS.values():
        if most > small:
            value = exponent(row(small, says), row(most, says), most / small)
            found.append(Budget(f"{says}, exponent of CPU", value, EXPONENT, unit=""))
        peak = median(row(most, says), "peak")
        found.append(Budget(f"{says}, peak of {most:,}", peak, PEAK_MIB, unit="MiB"))
    return tuple(found)


def room(folder: Path, orders: int) -> None:
    """Raises Skip, saying how much is missing, unless the disk has room for so many orders."""
    needed, free = orders * BYTES_AN_ORDER, shutil.disk_usage(folder).free
    if free < needed:
        raise Skip(
            f"the folder for temporary files has {free / 1e9:.1f} GB free, {orders:,} orders need"
            f" about {needed / 1e9:.1f} GB; set TMPDIR to a larger disk, or give fewer orders"
            " with --large"
        )


def _measured(subject: str, root: Path) -> Figures:
    return worker(SCRIPT, subject, str(root), root=root)
