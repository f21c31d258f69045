"""A pack's folder: written aside, hashed, and put in its place by one swap."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from repurchase.errors import PressError
from repurchase.period import Period

PACKS = ".packs"
RESTRICTED = "restricted"


@contextlib.contextmanager
def aside(reports: Path) -> Iterator[Path]:
    """A new folder beside the packs; whatever is left in it is removed at the end."""
    packs = reports / PACKS
    try:
        packs.mkdir(parents=True, exist_ok=True)
        folder = packs / f"new-{os.getpid()}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
    except OSError as error:
        raise PressError(
            f"the reports folder cannot be written: {error.strerror}",
            where=f"reports/{reports.name}",
            remedy="free space or mend the permissions; what stood there before is untouched",
        ) from None
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def write_text(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: Path, value: Any) -> None:
    """JSON that two runs write alike; a number that is not finite is a mistake of ours."""
    write_text(path, json.dumps(value, ensure_ascii=False, indent=1, allow_nan=False) + "\n")


def hashes(folder: Path) -> dict[str, str]:
    """SHA-256 of every file of the pack, by its path in it, but for the manifest itself."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "manifest.json"
    }


def place(folder: Path, reports: Path, period: Period) -> Path:
    """Moves a finished pack to its name and swaps the period's link to it; returns the link.

    The name is a hash of the manifest, so that equal packs share it. The pack that the link
    pointed to before is removed once nothing points to it.
    """
    digest = hashlib.sha256((folder / "manifest.json").read_bytes()).hexdigest()[:16]
    final = reports / PACKS / f"{period.label}-{digest}"
    (folder / RESTRICTED).chmod(0o700)
    if final.exists():
        shutil.rmtree(final)
    os.replace(folder, final)
    link = reports / period.label
    if link.exists() and not link.is_symlink():
        raise PressError(
            f"{link.name} is not a pack's link",
            where=f"reports/{reports.name}/{link.name}",
            remedy="move it away; it was not made by the press",
        )
    before = link.resolve() if link.is_symlink() else None
    swap = reports / PACKS / f"link-{os.getpid()}"
    with contextlib.suppress(FileNotFoundError):
        swap.unlink()
    swap.symlink_to(Path(PACKS) / final.name)
    os.replace(swap, link)
    if before and before != final.resolve() and before.parent == (reports / PACKS).resolve():
        shutil.rmtree(before, ignore_errors=True)
    return link


def manifests(reports: Path) -> list[dict[str, Any]]:
    """The manifests of the packs in place, newest period first."""
    found = []
    for link in sorted(reports.iterdir(), reverse=True):
        manifest = link / "manifest.json"
        if link.is_symlink() and manifest.is_file():
            found.append(json.loads(manifest.read_text(encoding="utf-8")))
    return found
