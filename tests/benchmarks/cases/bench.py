"""What an analyst waits for: a preview on paper, the first result in the lab."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from benchmarks.measure import Figures, python, worker
from benchmarks.project import PERIOD
from benchmarks.registry import Budget, Setting, Sheet, case
from benchmarks.rounds import median

PREVIEW = "preview of `retention` as PDF"
ORDINARY = "lab, `retention` on an ordinary kernel"
FORKED = "lab, `retention` on a forked kernel"
RESULT, FIGURE = "first result s", "first figure s"


@case("bench", "The analyst's bench: preview, and the first result in the lab")
def bench(setting: Setting) -> Sheet:
    """Preview as a command; the lab's kernel, started and run to the first figure."""
    root = setting.demo
    words = ("-m", "repurchase", "preview", "--chapter", "retention", "--period", PERIOD)
    return Sheet(
        ways={
            PREVIEW: partial(python, *words, root=root),
            ORDINARY: partial(_lab, root, "ordinary"),
            FORKED: partial(_lab, root, "forked"),
        },
        budgets=(
            Budget("preview", median(PREVIEW), at_most=5, unit="s"),
            Budget("first result, forked kernel", median(FORKED, RESULT), at_most=3, unit="s"),
            Budget("first result, ordinary kernel", median(ORDINARY, RESULT), unit="s"),
        ),
        notes=(
            "in the lab the clock runs from the start of the kernel; the first result is the"
            " headline, the first figure the first chart; wall s is until the kernel answers",
            "`make lab` forks its kernels on Linux, from a warm process that is there already when"
            " the first notebook is run; elsewhere they are ordinary, which no budget judges",
        ),
    )


def _lab(root: Path, kind: str) -> Figures:
    said = worker("lab.py", kind, str(root / "notebooks" / "retention.ipynb"), root=root)
    return {"wall": said["ready"], RESULT: said["result"], FIGURE: said["figure"]}
