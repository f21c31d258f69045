"""The pack against the same notebooks by the tools as they come, and what a change costs."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

from benchmarks.measure import Figures, at_once, python, together
from benchmarks.project import PERIOD, change, forget, notebooks, report
from benchmarks.registry import Budget, Setting, Sheet, case
from benchmarks.rounds import median, times

FIRST = "pack, the first of new data"
PACK = "pack, nothing kept but answers"
SAME = "pack, nothing changed"
DATA = "pack, notebook `data` changed"
RETENTION = "pack, notebook `retention` changed"
PLAIN = "papermill + nbconvert HTML + PDF, in turn"
TWO = "the same, two notebooks at once"
PDF = "repurchase.press.typst.exporter.TypstPdfExporter"


@case("pack", "The pack against plain papermill and nbconvert, and what a change costs")
def pack(setting: Setting) -> Sheet:
    """The demo's pack as a command, and its notebooks by three commands each."""
    root = setting.demo
    return Sheet(
        ways={
            FIRST: partial(_first, root),
            PACK: partial(_cold, root),
            SAME: partial(report, root),
            DATA: partial(_changed, root, "data"),
            RETENTION: partial(_changed, root, "retention"),
            PLAIN: partial(_in_turn, root),
            TWO: partial(_two_at_once, root),
        },
        budgets=(
            Budget("plain, in turn, against the pack", times(PLAIN, PACK), at_least=5),
            Budget("plain, two at once, against the pack", times(TWO, PACK), at_least=5),
            Budget("plain, in turn, against the pack, CPU", times(PLAIN, PACK, "cpu")),
            Budget("nothing changed", median(SAME), at_most=1, unit="s"),
            Budget("`data` changed, of a first pack", times(DATA, FIRST), at_most=0.25),
            Budget("`retention` changed, of a first pack", times(RETENTION, FIRST), at_most=0.25),
        ),
        notes=(
            "each row is a whole command on the prepared demo snapshot; plain is, for each of the"
            f" {len(notebooks(root))} notebooks, `papermill`, `nbconvert --to html` and `nbconvert`"
            " to PDF by our Typst exporter, on ordinary kernels",
            "the first pack of new data computes every answer; all other rows, also the plain ones,"
            " draw from answers that were kept",
        ),
    )


def _first(root: Path) -> Figures:
    shutil.rmtree(root / ".cache" / "answers", ignore_errors=True)
    return _cold(root)


def _cold(root: Path) -> Figures:
    forget(root)
    return report(root)


def _changed(root: Path, name: str) -> Figures:
    change(root, name)
    return report(root)


def _in_turn(root: Path) -> Figures:
    return together([plainly(root, notebook) for notebook in notebooks(root)])


def _two_at_once(root: Path) -> Figures:
    return at_once([partial(plainly, root, n) for n in notebooks(root)], workers=2)


def plainly(root: Path, notebook: Path) -> Figures:
    """One notebook by papermill and nbconvert as they come: executed, HTML, PDF."""
    executed = root / "plain" / notebook.name
    executed.parent.mkdir(exist_ok=True)
    told = ("-r", "profile", "demo", "-r", "period", PERIOD, "-k", "python3")
    commands = (
        ("papermill", "--no-progress-bar", str(notebook), str(executed), *told),
        ("nbconvert", "--to", "html", str(executed)),
        ("nbconvert", "--to", PDF, str(executed)),
    )
    return together([python("-m", *words, root=root) for words in commands])
