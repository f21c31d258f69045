"""BG/NBD and the scores that rest on it, against lifetimes."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from benchmarks.cases.retention import DifferentError, equal
from benchmarks.measure import Figures, worker
from benchmarks.registry import Budget, Setting, Sheet, Skip, case
from benchmarks.rounds import times

SCRIPT = "purchases.py"
FASTER, WITHIN = 5, 1e-6
OURS, LIFETIMES = "this library", "lifetimes"


class SameNumbers:
    """Holds numbers against the first that came, relatively."""

    def __init__(self, *, within: float = WITHIN) -> None:
        self.within = within
        self.first: list | None = None

    def check(self, way: str, found: list) -> None:
        """Raises DifferentError naming the first number that differs."""
        if self.first is None:
            self.first = found
        if len(found) != len(self.first):
            raise DifferentError(f"{way}: {len(found)} numbers, not {len(self.first)}")
        for place, (a, b) in enumerate(zip(self.first, found, strict=True)):
            if not equal(a, b, self.within):
                raise DifferentError(f"{way}: number {place} is {b!r}, not {a!r}")


@case("purchases", "BG/NBD fitted to a million customers, against lifetimes")
def purchases(setting: Setting) -> Sheet:
    """The four parameters of both, asserted equal."""
    note = (
        f"{setting.units:,} simulated customers of three years, times in whole days; the four"
        f" estimates of both are asserted equal to {WITHIN:g}"
    )
    return _sheet(setting, "fit", note, ours=("CPU of lifetimes against ours", FASTER))


@case("scoring", "Scoring a million customers: expected purchases and twelve months' value")
def scoring(setting: Setting) -> Sheet:
    """Expected purchases of a year and the discounted value of twelve months, each customer's."""
    note = (
        f"{setting.units:,} simulated customers; expected purchases of a year and the discounted"
        " value of twelve months of thirty days, asserted equal: sums, and a thousand customers"
    )
    return _sheet(setting, "score", note, ours=("CPU of lifetimes against ours", None))


def _sheet(setting: Setting, task: str, note: str, *, ours: tuple[str, int | None]) -> Sheet:
    root = setting.new_folder("purchases")
    worker(SCRIPT, "make", str(root), str(setting.units), root=root)
    same = SameNumbers()
    says, at_least = ours
    return Sheet(
        ways={
            OURS: partial(_measured, task, "library", root, same, None),
            LIFETIMES: partial(_measured, task, "lifetimes", root, same, setting.others),
        },
        budgets=(Budget(says, times(LIFETIMES, OURS, "cpu"), at_least=at_least),),
        notes=(note, "imports are not counted; peak is that of the process with its imports"),
    )


def _measured(task: str, way: str, root: Path, same: SameNumbers, by: str | None) -> Figures:
    options = {"by": by} if by else {}
    said = worker(SCRIPT, task, way, str(root), root=root, **options)
    if "skip" in said:
        raise Skip(said["skip"])
    same.check(way, said.pop("found"))
    return said
