"""Whether anything has changed: the name of a snapshot is a digest of all that it is made of.

A file whose path, size and modification time are as remembered is not opened; any other is read
and its content digested, so that a touched but equal file gives the same name.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import repurchase.model
import repurchase.sources
from repurchase.model.locate import SourceFile, code_digest, rates_file
from repurchase.params import Params

# What of a profile decides what the tables hold; the rest only decides how they are shown.
PROFILE_PARTS = (
    "time_zone", "currency", "count_fully_returned", "data_through", "max_quarantined_share",
    "generator", "exchange_rates", "sources",
)  # fmt: skip
LAYOUT = 1
# A file changed within this time of being digested may change again without a new time stamp.
SETTLED_NS = 20_000_000
COARSE_NS = 2_000_000_000


class FileMemory:
    """The digests of files that were read before, by path, size and modification time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.known: dict[str, list[Any]] = {}
        self.written_ns = 0
        self.changed = False
        try:
            self.known = json.loads(path.read_text(encoding="utf-8"))
            self.written_ns = path.stat().st_mtime_ns
        except (OSError, ValueError):
            self.known = {}

    def digest(self, path: Path) -> str:
        """The digest of a file's content; the file is opened only if it may have changed."""
        status = path.stat()
        now = [status.st_size, status.st_mtime_ns]
        remembered = self.known.get(str(path))
        if remembered and remembered[:2] == now and self._settled(status.st_mtime_ns):
            return str(remembered[2])
        content = content_digest(path)
        self.known[str(path)] = [*now, content]
        self.changed = True
        return content

    def _settled(self, mtime_ns: int) -> bool:
        margin = COARSE_NS if mtime_ns % 1_000_000_000 == 0 else SETTLED_NS
        return mtime_ns < self.written_ns - margin

    def save(self) -> None:
        """Write what was learnt; another run's newer memory may be lost, which costs one read."""
        if not self.changed:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        aside = self.path.with_suffix(f".{os.getpid()}.new")
        aside.write_text(json.dumps(self.known, sort_keys=True), encoding="utf-8")
        aside.chmod(0o600)
        os.replace(aside, self.path)


def content_digest(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def snapshot_id(
    params: Params, files: Mapping[str, Iterable[Iterable[SourceFile]]], memory: FileMemory
) -> str:
    """Sixteen characters that differ whenever files, mapping, code or engine differ.

    `files` are the files of each table's sources, as `locate.files_of` gives them.
    """
    profile = params.profile.model_dump(mode="json", include=set(PROFILE_PARTS))
    rates = rates_file(params)
    stated = {
        "layout": LAYOUT,
        "profile": profile,
        "rates": memory.digest(rates) if rates else None,
        "files": {
            table: [[[f.shown, memory.digest(f.path)] for f in spec] for spec in specs]
            for table, specs in files.items()
        },
        "code": code_digest(
            Path(repurchase.model.__path__[0]), Path(repurchase.sources.__path__[0])
        ),
        "engine": version("duckdb"),
    }
    text = json.dumps(stated, sort_keys=True, ensure_ascii=False)
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
