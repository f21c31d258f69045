"""Runs the ways of a case in turn, several times, and judges its budgets."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.registry import Budget, Case, Rounds, Setting, Sheet, Skip


@dataclass(frozen=True)
class Judged:
    """A budget and the number that was found; `kept` None: nothing was to be kept."""

    budget: Budget
    value: float

    @property
    def kept(self) -> bool | None:
        return self.budget.kept(self.value)


@dataclass(frozen=True)
class Measured:
    """A case after its rounds; `skipped` says why there are none."""

    case: Case
    rounds: Rounds
    judged: tuple[Judged, ...] = ()
    notes: tuple[str, ...] = ()
    skipped: str = ""

    @property
    def missed(self) -> bool:
        return any(j.kept is False for j in self.judged)

    @property
    def runs(self) -> int:
        return max((len(found) for found in self.rounds.values()), default=0)


def measured(case: Case, setting: Setting, *, runs: int, say: Callable[[str], None]) -> Measured:
    """The case's rounds: all ways one after the other, then all again.

    So a machine that is busy for a while is busy for all of them, and ratios are taken within a
    round. A way that raises Skip is left out, with its reason as a note.
    """
    try:
        sheet = case.prepare(setting)
    except Skip as skip:
        return Measured(case, {}, skipped=str(skip))
    rounds, notes = _rounds(case, sheet, 1 if sheet.once else runs, say)
    judged = []
    for budget in sheet.budgets:
        try:
            judged.append(Judged(budget, budget.value(rounds)))
        except KeyError:  # a way that was left out
            continue
    return Measured(case, rounds, tuple(judged), (*sheet.notes, *notes))


def _rounds(
    case: Case, sheet: Sheet, runs: int, say: Callable[[str], None]
) -> tuple[Rounds, list[str]]:
    rounds: dict[str, list] = {}
    left_out: dict[str, str] = {}
    for number in range(1, runs + 1):
        for name, way in sheet.ways.items():
            if name in left_out:
                continue
            say(f"{case.name} {number}/{runs}: {name}")
            try:
                rounds.setdefault(name, []).append(way())
            except Skip as skip:
                left_out[name] = f"{name}: not measured, {skip}"
                del rounds[name]
    return rounds, list(left_out.values())


def median(name: str, figure: str = "wall") -> Callable[[Rounds], float]:
    """The median of a way's figure."""
    return lambda rounds: statistics.median(one[figure] for one in rounds[name])


def times(of: str, to: str, figure: str = "wall") -> Callable[[Rounds], float]:
    """How many times as much the first takes as the second: the median of the rounds' ratios."""
    return lambda rounds: statistics.median(
        a[figure] / b[figure] for a, b in zip(rounds[of], rounds[to], strict=True)
    )


def exponent(small: str, large: str, growth: float, figure: str = "cpu") -> Callable:
    """By which power of its input a figure grows: 1 is proportional."""
    from math import log

    ratio = times(large, small, figure)
    return lambda rounds: log(ratio(rounds)) / log(growth)
