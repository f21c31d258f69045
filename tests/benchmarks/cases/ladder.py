"""All rungs of an initiative's ladder on 500 units and 36 months."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from benchmarks.measure import Figures, worker
from benchmarks.registry import Budget, Setting, Sheet, case
from benchmarks.rounds import median

SCRIPT = "ladder.py"
WAYS = {"half": "250 of them treated", "few": "20 of them treated"}
UNITS = 500
# what the issue that asked for the chapter allows, on two cores
SECONDS = 30.0


@case("ladder", "All rungs of a ladder on 500 units and 36 months")
def ladder(setting: Setting) -> Sheet:
    """Changes, difference-in-differences, synthetic control, structural series, synthetic DiD."""
    root = setting.new_folder("ladder")
    return Sheet(
        {name: partial(_measured, way, root) for way, name in WAYS.items()},
        tuple(
            Budget(f"seconds, {name}", median(name), at_most=SECONDS, unit="s")
            for name in WAYS.values()
        ),
        (
            "difference-in-differences with event study, joint test of the pre-trend, placebo dates"
            " and units, each control left out; with 20 treated the wild bootstrap of 999 draws,"
            " inverted; synthetic control with every control as a placebo and a conformal interval;"
            " structural series with two chains and three priors; synthetic"
            " difference-in-differences with its error",
            "imports are not counted; peak is that of the process with its imports",
        ),
    )


def _measured(way: str, root: Path) -> Figures:
    said = worker(SCRIPT, way, str(UNITS), root=root)
    said.pop("found")
    return said
