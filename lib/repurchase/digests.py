"""Digests of what a thing was made of, by which is told whether it would come out the same."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import repurchase

LIBRARY = Path(repurchase.__file__).parent


def digest(value: Any) -> str:
    """A digest of plain data."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def file_digest(path: Path) -> str:
    """A digest of a file's content."""
    return hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest()


def tree_digest(folder: Path, *, skip: Iterable[str] = ()) -> str:
    """A digest of every file below a folder, names included; compiled modules are left out."""
    summed = hashlib.blake2b(digest_size=16)
    left_out = tuple(skip)
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.suffix == ".pyc" or "__pycache__" in path.parts or not path.is_file():
            continue
        if left_out and name.startswith(left_out):
            continue
        summed.update(name.encode() + b"\0" + hashlib.blake2b(path.read_bytes()).digest())
    return summed.hexdigest()


def environment() -> dict[str, Any]:
    """Interpreter, machine and the version of every package that is installed."""
    folders = {Path(p) for p in sys.path if p and Path(p).is_dir()}
    packages = sorted({name for f in folders for name in os.listdir(f) if name.endswith("-info")})
    return {
        "python": platform.python_version(),
        "machine": [sys.platform, platform.machine()],
        "packages": packages,
    }
