"""Binding alone: our Typst book against WeasyPrint on the pages of the same pack."""

from __future__ import annotations

import importlib.util
from functools import partial
from pathlib import Path

from benchmarks.measure import FailedError, Figures, worker
from benchmarks.project import PERIOD
from benchmarks.registry import Budget, Setting, Sheet, Skip, case
from benchmarks.rounds import median, times

BOOK = "the pack's PDF by Typst"
VOLUME = "PDF, HTML pages and figures together"
OTHER = "PDF of the same pages by WeasyPrint"


@case("binding", "Binding alone against WeasyPrint on the same HTML")
def binding(setting: Setting) -> Sheet:
    """The executed notebooks of the pack in place, bound anew; its HTML pages, printed."""
    root = setting.demo
    return Sheet(
        ways={
            BOOK: partial(_bound, root, "book"),
            VOLUME: partial(_bound, root, "volume"),
            OTHER: partial(_weasyprint, root),
        },
        budgets=(
            Budget("CPU of the PDF", median(BOOK, "cpu"), at_most=3, unit="s"),
            Budget("WeasyPrint against Typst, CPU", times(OTHER, BOOK, "cpu")),
        ),
        notes=("after importing, in one process; `pages` is the PDF's",),
    )


def _bound(root: Path, what: str) -> Figures:
    return worker("binding.py", what, str(root), PERIOD, root=root)


def _weasyprint(root: Path) -> Figures:
    if importlib.util.find_spec("weasyprint") is None:
        raise Skip("WeasyPrint is not installed (pip install weasyprint; it needs Pango)")
    try:
        return _bound(root, "weasyprint")
    except FailedError as error:
        if "cannot load library" in str(error):
            raise Skip("WeasyPrint cannot load Pango") from None
        raise
