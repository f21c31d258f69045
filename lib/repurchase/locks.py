"""One process at a time: a lock that the operating system releases when its holder dies."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from repurchase.errors import PressError

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

POLL_SECONDS = 0.1
# msvcrt locks bytes, and a locked byte cannot be read: it lies behind the holder's number
LOCKED_BYTE = 1 << 20
_held: set[int] = set()


class BusyError(PressError):
    """Somebody else holds the lock."""


@contextlib.contextmanager
def locked(
    path: Path,
    *,
    what: str,
    wait: float | None = 0.0,
    say: Callable[[str], None] | None = None,
) -> Iterator[None]:
    """Holds the lock file `path` while the block runs; the file itself stays.

    `wait` is how many seconds to wait for another holder, None as long as it takes; `say` is told
    once whom. Raises BusyError naming the other process when the time is up, OSError if the file
    cannot be made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    _held.add(handle)
    try:
        _acquire(handle, what, wait, say)
        os.ftruncate(handle, 0)
        _write(handle)
        try:
            yield
        finally:
            os.ftruncate(handle, 0)
            _release(handle)
    finally:
        _held.discard(handle)
        os.close(handle)


def _acquire(handle: int, what: str, wait: float | None, say: Callable[[str], None] | None) -> None:
    start = time.monotonic()
    told = False
    while not _take(handle):
        holder = _holder(handle)
        if wait is not None and time.monotonic() - start >= wait:
            raise BusyError(
                f"{what} is being worked on by {holder}",
                rule="one run of a period at a time",
                remedy="wait until it has ended, or let this one wait: --wait=SECONDS",
            )
        if say and not told:
            say(f"waiting for {holder}, which works on {what}")
            told = True
        time.sleep(POLL_SECONDS)


def _holder(handle: int) -> str:
    os.lseek(handle, 0, os.SEEK_SET)
    number = os.read(handle, 20).decode("ascii", "replace").strip()
    return f"process {number}" if number else "another process"


def _take(handle: int) -> bool:
    try:
        if sys.platform == "win32":
            os.lseek(handle, LOCKED_BYTE, os.SEEK_SET)
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _release(handle: int) -> None:
    if sys.platform == "win32":
        os.lseek(handle, LOCKED_BYTE, os.SEEK_SET)
        msvcrt.locking(handle, msvcrt.LK_UNLCK, 1)
    else:
        fcntl.flock(handle, fcntl.LOCK_UN)


def _write(handle: int) -> None:
    os.lseek(handle, 0, os.SEEK_SET)
    os.write(handle, str(os.getpid()).encode())


def _forget() -> None:
    """A forked child shares the open file, and would hold the lock beyond its parent's death."""
    for handle in _held:
        os.close(handle)
    _held.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
