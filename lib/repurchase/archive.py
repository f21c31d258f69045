"""Where the pack of a period stands: the one place that knows how a period points to it."""

from __future__ import annotations

import os
from pathlib import Path

PACKS = ".packs"
CURRENT = "CURRENT"  # in the period's folder, where symbolic links do not exist


def pointed(reports: Path, name: str) -> Path | None:
    """The folder below `.packs` that this name points to, whether or not it exists."""
    place = reports / name
    if place.is_symlink():
        return reports / PACKS / Path(os.readlink(place)).name
    try:
        text = (place / CURRENT).read_text(encoding="utf-8").strip()
    except OSError:
        return None
    return reports / PACKS / Path(text).name if text else None


def current_pack(reports: Path, period: str) -> Path | None:
    """The pack in place for a period ("2025-09"); None if there is none.

    `reports` is `reports/<profile>`. The folder never changes: a new pack is another folder.
    """
    folder = pointed(reports, period)
    return folder if folder and (folder / "manifest.json").is_file() else None
