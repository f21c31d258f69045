"""200 kills at random moments: not a time but a count of faults, and it must be none."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from benchmarks.measure import HERE, Figures, command
from benchmarks.registry import Budget, Setting, Sheet, Skip, case
from benchmarks.rounds import median

RUNS = "runs killed or told to stop at random moments"
FAULTS = "faults"
NEW = "new pack in place"
KINDS = {
    "kill the run": "run",
    "kill a kernel": "kernel",
    "kill the warm process": "warm process",
    "SIGTERM": "SIGTERM",
    "SIGINT": "SIGINT",
    "ended before": "ended before",
}


@case("kills", "Killed at random moments: the old pack or the new one, and nothing left")
def kills(setting: Setting) -> Sheet:
    """One sequence of kills over a company of 300 customers."""
    log = setting.new_folder("kills") / "said"
    return Sheet(
        ways={RUNS: partial(_killed, setting, log)},
        budgets=(Budget("faults found", median(RUNS, FAULTS), at_most=0, unit="faults"),),
        notes=(
            "300 customers of the demo, by a seed: the run, a kernel or the warm process gets"
            " SIGKILL, or the run SIGTERM or SIGINT; after each the pack in place is checked"
            " against its manifest, and no process may be left",
        ),
        once=True,
    )


def _killed(setting: Setting, log: Path) -> Figures:
    if sys.platform == "win32":
        raise Skip("runs are forked, which this system cannot")
    words = (sys.executable, str(HERE / "kills.py"), "--company", "demo")
    taken = command(
        [*words, "--kills", str(setting.kills)], root=setting.folder, log=log, good=(0, 1)
    )
    said = json.loads(log.read_text(encoding="utf-8").strip().splitlines()[-1])
    for fault in said["faults"]:
        print(f"  fault: {fault}", flush=True)
    return {
        "wall": taken["wall"],
        "kills": said["kills"],
        **by_kind(said["outcomes"]),
        FAULTS: len(said["faults"]),
    }


def by_kind(outcomes: Mapping[str, int]) -> dict[str, float]:
    """How many were struck how, and how many of all put the new pack in its place."""
    found = dict.fromkeys([*KINDS.values(), NEW], 0.0)
    for label, count in outcomes.items():
        how, _, pack = label.partition(": ")
        found[KINDS[how]] += count
        found[NEW] += count * (pack == "new")
    return found
