"""How a profile's own notebook differs from the release's, cell by cell."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat

from repurchase.errors import SourceError


def notebook_diff(ours: Path, own: Path) -> list[str]:
    """Lines of a unified diff of sources and tags, a head line before each cell that differs.

    Outputs, execution counts and cell ids are not compared; nothing if the rest is alike.
    """
    before, after = _cells(ours), _cells(own)
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    lines: list[str] = []
    for change, i1, i2, j1, j2 in matcher.get_opcodes():
        if change != "equal":
            for old, new in _paired(range(i1, i2), range(j1, j2)):
                lines += _cell_lines(before, after, old, new)
    return lines


def _cells(path: Path) -> list[tuple[str, ...]]:
    """Each cell as its lines: kind and tags first, then the source."""
    try:
        notebook: Any = nbformat.read(path, as_version=4)
    except (OSError, ValueError, nbformat.reader.NotJSONError) as error:
        raise SourceError(
            f"this notebook cannot be read: {type(error).__name__}",
            where=f"{path.parent.name}/{path.name}",
            remedy="open it with make lab and save it again",
        ) from None
    return [
        (f"[{c.cell_type}] {' '.join(sorted(c.metadata.get('tags', ())))}".rstrip(),
         *c.source.splitlines())
        for c in notebook.cells
    ]  # fmt: skip


def _paired(old: range, new: range) -> Iterator[tuple[int | None, int | None]]:
    """Cells that stand in each other's place; what is left over was taken out or put in."""
    for number in range(max(len(old), len(new))):
        yield (
            old[number] if number < len(old) else None,
            new[number] if number < len(new) else None,
        )


def _cell_lines(
    before: list[tuple[str, ...]],
    after: list[tuple[str, ...]],
    old: int | None,
    new: int | None,
) -> Iterator[str]:
    was = before[old] if old is not None else ()
    now = after[new] if new is not None else ()
    if old is None:
        yield f"@@ cell {new}: new"
    elif new is None:
        yield f"@@ cell {old} of the release: taken out"
    else:
        yield f"@@ cell {old} of the release, {new} here"
    for line in difflib.unified_diff(was, now, lineterm="", n=2):
        if not line.startswith(("---", "+++", "@@")):
            yield line
