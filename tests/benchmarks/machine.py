"""The machine in one line: what a reader must know to compare, and nothing that names it."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version

BUSY = 1.5  # processes a core; a measurement itself leaves about one
PACKAGES = (
    "duckdb", "ibis-framework", "pandas", "papermill", "nbconvert", "typst", "weasyprint", "scipy",
)  # fmt: skip


def described() -> str:
    """Cores, memory, system, processor, Python and the versions of what is measured."""
    import psutil

    count = cores()
    memory = psutil.virtual_memory().total / 2**30
    parts = [
        f"{count} core{'s' * (count != 1)}",
        f"{memory:.0f} GiB",
        f"{platform.system()} {platform.machine()}",
        f"Python {platform.python_version()}",
        *(f"{name} {found}" for name in PACKAGES if (found := _version(name))),
    ]
    return ", ".join(parts)


def cores() -> int:
    """How many this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def busy() -> str:
    """A warning if others want the machine now; empty if it is quiet or does not tell."""
    wanted = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    if wanted <= BUSY * cores():
        return ""
    return (
        f"the machine was busy when this began ({wanted:.0f} processes for {cores()} cores): trust"
        " CPU seconds and not the clock, and measure again"
    )


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
