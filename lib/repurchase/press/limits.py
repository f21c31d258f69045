"""How many chapters run at once, how long and in how much memory."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

GIB = 1 << 30
# what a chapter is reckoned to need when it is decided how many run at once
CHAPTER_BYTES = GIB
CGROUP = Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class Settings:
    """What the machine may be asked for; the pack does not depend on it.

    `jobs` chapters at once (None: as many as cores and memory allow), `timeout` seconds a chapter,
    `memory` bytes a chapter (None: all that the machine has).
    """

    jobs: int | None = None
    timeout: float = 3600.0
    memory: int | None = None


def chapters_at_once(wanted: int, settings: Settings) -> int:
    """At least one; no more than there are cores, and room for in memory."""
    if settings.jobs:
        return max(1, min(settings.jobs, wanted))
    room = memory_available() // (min(settings.memory or CHAPTER_BYTES, CHAPTER_BYTES))
    return max(1, min(wanted, cores(), room))


def memory_limit(settings: Settings) -> int:
    """Bytes that a chapter may take before it meets MemoryError."""
    return settings.memory or memory_total()


def cores() -> int:
    """Cores that this process may use, in its container too."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    with contextlib.suppress(OSError, ValueError):
        quota, _, period = (CGROUP / "cpu.max").read_text().partition(" ")
        count = min(count or 1, max(1, int(quota) // int(period)))
    return count or 1


def memory_total() -> int:
    import psutil

    return min(psutil.virtual_memory().total, _group_limit() or 1 << 62)


def memory_available() -> int:
    """Bytes that could be used now, in this container too."""
    import psutil

    free = psutil.virtual_memory().available
    limit = _group_limit()
    if limit is None:
        return int(free)
    with contextlib.suppress(OSError, ValueError):
        free = min(free, max(0, limit - int((CGROUP / "memory.current").read_text())))
    return int(free)


def _group_limit() -> int | None:
    with contextlib.suppress(OSError, ValueError):
        return int((CGROUP / "memory.max").read_text())
    return None
