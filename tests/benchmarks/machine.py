"""The machine in one line: what a reader must know to compare, and nothing that names it."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version

PACKAGES = ("duckdb", "ibis-framework", "pandas", "papermill", "nbconvert", "typst")


def described() -> str:
    """Cores, memory, system, processor, Python and the versions of what is measured."""
    import psutil

    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    else:
        cores = os.cpu_count() or 1
    memory = psutil.virtual_memory().total / 2**30
    parts = [
        f"{cores} core{'s' * (cores != 1)}",
        f"{memory:.0f} GiB",
        f"{platform.system()} {platform.machine()}",
        f"Python {platform.python_version()}",
        *(f"{name} {found}" for name in PACKAGES if (found := _version(name))),
    ]
    return ", ".join(parts)


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
