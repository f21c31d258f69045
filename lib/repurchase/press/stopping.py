"""A run that is told to stop leaves nothing behind: no process, no folder half written."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import signal
import stat
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")
SIGNALS = [getattr(signal, n) for n in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, n)]
# a kernel's socket is named after its folder, and a socket's name has at most 103 characters
LONGEST_RUNTIME = 48
GRACE_SECONDS = 5.0
_minded = False
_undisturbed = 0
_waiting: str | None = None  # the signal that came while nothing was to be disturbed


@contextlib.contextmanager
def stoppable() -> Iterator[None]:
    """Within the block SIGTERM and SIGHUP stop as Ctrl-C does: KeyboardInterrupt, once.

    A block that is stopped ends every process that it started. A signal that was ignored before
    (nohup) still is. Outside the main thread it does nothing.
    """
    global _minded
    if _minded or threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, _: object) -> None:
        global _waiting
        for one in before:
            signal.signal(one, lambda *_: None)  # a second one must not stop the cleaning up
        if _undisturbed:
            _waiting = signal.Signals(number).name
        else:
            raise KeyboardInterrupt(signal.Signals(number).name)

    wanted = [s for s in SIGNALS if signal.getsignal(s) is not signal.SIG_IGN]
    before = {one: signal.getsignal(one) for one in wanted}
    _minded = True
    for one in wanted:
        signal.signal(one, stop)
    try:
        yield
    except KeyboardInterrupt:
        end_children()
        raise
    finally:
        _minded = False
        for one, handler in before.items():
            signal.signal(one, handler)


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """A stop that comes within the block is raised at its end, also instead of its own error.

    For what takes a moment and must not be left half done.
    """
    global _undisturbed, _waiting
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _undisturbed += 1
    try:
        yield
    finally:
        _undisturbed -= 1
        if _waiting and not _undisturbed:
            name, _waiting = _waiting, None
            raise KeyboardInterrupt(name)


def in_thread(function: Callable[..., T], *words: Any) -> T:
    """The function's result, run in a thread of its own while this one minds the signals.

    papermill's client takes over SIGINT and SIGTERM when it runs in the main thread, and lets
    them kill outright afterwards. A stop ends the kernels, hence the thread, before it is raised.
    """
    done: list[T] = []
    failed: list[BaseException] = []

    def work() -> None:
        try:
            done.append(function(*words))
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        while thread.is_alive():
            thread.join(0.5)
    except KeyboardInterrupt:
        end_children()
        thread.join(GRACE_SECONDS)
        raise
    if failed:
        raise failed[0]
    return done[0]


def end_children() -> None:
    """Kills every process that this one started, and theirs."""
    import psutil

    for _ in range(3):  # what was started while the others were ended
        children = psutil.Process().children(recursive=True)
        if not children:
            return
        for child in children:
            with contextlib.suppress(psutil.Error):
                child.kill()
        psutil.wait_procs(children, timeout=GRACE_SECONDS)


@contextlib.contextmanager
def scratch(reports: Path, label: str) -> Iterator[Path]:
    """A folder for temporary files of this run and its kernels, removed at the end.

    Its name follows from the reports folder and the period, so that the next run of the period
    removes what a killed one left. Only whoever holds the period's lock may be here.
    """
    folder = _scratch_folder(reports, label)
    values = {"TMPDIR": str(folder), "TEMP": str(folder), "TMP": str(folder)}
    if len(str(folder)) <= LONGEST_RUNTIME:
        values["JUPYTER_RUNTIME_DIR"] = str(folder)
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    outer = tempfile.tempdir  # it remembers its first answer
    tempfile.tempdir = str(folder)
    try:
        yield folder
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        tempfile.tempdir = outer
        shutil.rmtree(folder, ignore_errors=True)


def remove_scratch(folder: Path) -> None:
    """Removes what `scratch` left at its place, if it is this user's."""
    with contextlib.suppress(OSError):
        left = folder.lstat()
        if stat.S_ISDIR(left.st_mode) and (os.name == "nt" or left.st_uid == _user()):
            shutil.rmtree(folder, ignore_errors=True)


def _user() -> int:
    return os.getuid() if hasattr(os, "getuid") else 0


def scratch_place(reports: Path, label: str) -> Path:
    """Where `scratch` of that period lies; asked within it the answer is another."""
    place = hashlib.blake2b(f"{reports.resolve()}/{label}".encode(), digest_size=6).hexdigest()
    return Path(tempfile.gettempdir()) / f"repurchase-{_user()}-{place}"


def _scratch_folder(reports: Path, label: str) -> Path:
    folder = scratch_place(reports, label)
    remove_scratch(folder)
    try:
        folder.mkdir(mode=0o700)
    except OSError:  # somebody else's, in a folder that all may write to
        return Path(tempfile.mkdtemp(prefix="repurchase-"))
    return folder
