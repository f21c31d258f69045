"""Folders in which a run can be measured without touching reports/ or .cache/ of the checkout."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from benchmarks.measure import Figures, python

ROOT = Path(__file__).resolve().parents[2]
PERIOD = "2025-09"
OPENING = r"open_review\(profile, period\)(  # (?P<number>\d+))?"


def demo_project(folder: Path) -> Path:
    """A copy of what a run reads, with the demo prepared and a pack of it in place."""
    for name in ("params", "notebooks"):
        shutil.copytree(ROOT / name, folder / name)
    report(folder)
    return folder


def report(root: Path) -> Figures:
    """The demo's monthly report as a command; a draft is as good as a candidate here."""
    words = ("-m", "repurchase", "monthly-report", "--profile", "demo", "--period", PERIOD)
    return python(*words, root=root, good=(0, 3))


def forget(root: Path) -> None:
    """Removes what is kept of the chapters and of the pack, but not the prepared data."""
    for name in ("chapters", "packs"):
        shutil.rmtree(root / ".cache" / name, ignore_errors=True)


def change(root: Path, name: str) -> None:
    """Changes a notebook's code, each time to what it never was, so that its figures stay."""
    path = root / "notebooks" / f"{name}.ipynb"
    text = path.read_text(encoding="utf-8")
    opening = re.search(OPENING, text)
    if opening is None:
        raise ValueError(f"{path.name} opens no review")
    number = int(opening["number"] or 0) + 1
    changed = f"open_review(profile, period)  # {number}"
    path.write_text(text.replace(opening[0], changed, 1), encoding="utf-8")


def notebooks(root: Path) -> list[Path]:
    """All that the pack prints."""
    return sorted((root / "notebooks").glob("*.ipynb"))
