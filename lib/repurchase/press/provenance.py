"""Where a pack comes from: parameters, code, data, versions. No clock, no machine."""

from __future__ import annotations

import hashlib
import platform
import subprocess
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from repurchase.looks import BEFORE as LOOKS_BEFORE
from repurchase.model.snapshot import Snapshot
from repurchase.params import Params
from repurchase.press.chapters import Chapter
from repurchase.records import SCHEMA_VERSION

LIBRARIES = (
    "duckdb ibis-framework pandas numpy matplotlib seaborn papermill nbconvert typst".split()
)


def manifest(
    params: Params,
    snapshot: Snapshot,
    chapters: Iterable[Chapter],
    *,
    status: str,
    reasons: tuple[str, ...],
) -> dict[str, Any]:
    """Everything that decides what a pack says; equal manifests mean equal packs."""
    assert params.period is not None
    return {
        "schema_version": SCHEMA_VERSION,
        "profile": params.name,
        "company": params.company,
        "period": params.period.label,
        "language": params.profile.language,
        "status": status,
        "reasons": list(reasons),
        "data_from": snapshot.data_from.isoformat(),
        "data_through": snapshot.data_through.isoformat(),
        "snapshot": snapshot.id,
        "revision": revision(params.root),
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in LIBRARIES},
        "parameters": _parameters(params),
        LOOKS_BEFORE: params.looks.named(),
        "chapters": [{"name": c.name, "own": c.own, "sha256": _sha256(c.path)} for c in chapters],
        "sources": snapshot.meta["sources"],
    }


def _parameters(params: Params) -> dict[str, Any]:
    profile = params.profile.model_dump(mode="json", by_alias=True, exclude={"sources"})
    period_file = params.period_file.model_dump(mode="json", by_alias=True)
    return {"profile": profile, "period_file": period_file}


def revision(root: Path) -> str:
    """The git revision of the project, marked where files differ from it."""
    head = _git(root, "rev-parse", "HEAD")
    if not head:
        return "not in git"
    changed = _git(root, "status", "--porcelain", "--untracked-files=no")
    return f"{head[:12]}{' with changes' if changed else ''}"


def _git(root: Path, *words: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *words],
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
