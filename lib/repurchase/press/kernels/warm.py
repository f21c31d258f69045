"""Starts the warm process and asks it for kernels."""

from __future__ import annotations

import atexit
import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

from repurchase.press.kernels import server

IMPORT_SECONDS = 120.0
LOST = -signal.SIGKILL.value if hasattr(signal, "SIGKILL") else -9
# libraries start threads while they are imported unless these say otherwise
ONE_THREAD = {
    f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "VECLIB_MAXIMUM")
} | {"JE_ARROW_MALLOC_CONF": "background_thread:false"}
# what an interpreter or a library reads only once, when it starts
AT_START = ("PYTHON", "LD_", "MPLCONFIG", "MATPLOTLIBRC", "LANG", "LC_")


class Unavailable(Exception):
    """No kernel can be forked now; an ordinary one serves."""


def fork_is_safe() -> bool:
    """Whether kernels may be forked here: Linux only (macOS's own libraries start threads)."""
    return sys.platform == "linux"


class ForkedKernel:
    """A forked kernel with the face of a `subprocess.Popen`; its exit status comes by a pipe."""

    stdin = stdout = stderr = None

    def __init__(self, pid: int, status: int) -> None:
        self.pid, self._status = pid, status
        self.returncode: int | None = None
        self._lock = threading.Lock()

    def poll(self) -> int | None:
        """The exit status (negative: the signal), or None while it runs."""
        return self._read(0)

    def wait(self, timeout: float | None = None) -> int:
        """The exit status, once it has ended. Raises TimeoutExpired if it does not in time."""
        code = self._read(timeout)
        if code is None:
            raise subprocess.TimeoutExpired("kernel", timeout or 0)
        return code

    def _read(self, timeout: float | None) -> int | None:
        with self._lock:
            if self.returncode is None and select.select([self._status], [], [], timeout)[0]:
                read = os.read(self._status, server.STATUS.size)
                os.close(self._status)
                if read:
                    (self.returncode,) = server.STATUS.unpack(read)
                else:
                    self.returncode = LOST
                    # the warm process is gone and could not end what the kernel had started
                    with contextlib.suppress(OSError):
                        os.killpg(self.pid, signal.SIGKILL)
            return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class WarmProcess:
    """The process from which kernels are forked, and the socket to it."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        environment = {**os.environ, **ONE_THREAD}
        environment.pop("MPLBACKEND", None)
        command = [sys.executable, "-m", server.__name__, str(theirs.fileno())]
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=environment,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        except OSError:
            ours.close()
            raise
        finally:
            theirs.close()
        self._socket, self._lock, self._ready = ours, threading.Lock(), False
        self.owner = os.getpid()
        self.started_with = at_start(os.environ)

    @property
    def pid(self) -> int:
        return self._process.pid

    def fork(self, argv: Sequence[str], *, env: Mapping[str, str], cwd: str) -> ForkedKernel:
        """A new kernel. Raises Unavailable if there can be none."""
        reader, writer = os.pipe()
        try:
            with self._lock, open(os.devnull, "rb") as nothing:
                self._wait_until_ready()
                request = {"argv": list(argv), "env": dict(env), "cwd": cwd}
                server.send(self._socket, request, (nothing.fileno(), 1, 2, writer))
                answer = self._receive(30.0)
        except (OSError, ValueError) as error:
            os.close(reader)
            raise Unavailable(str(error)) from None
        except Unavailable:
            os.close(reader)
            raise
        finally:
            os.close(writer)
        if "pid" not in answer:
            os.close(reader)
            raise Unavailable(answer.get("refused", "no answer"))
        return ForkedKernel(answer["pid"], reader)

    def _wait_until_ready(self) -> None:
        if not self._ready:
            answer = self._receive(IMPORT_SECONDS)
            if not answer["ready"]:
                raise Unavailable(f"not imported: {answer['missing']}")
            self._ready = True

    def _receive(self, seconds: float) -> dict[str, Any]:
        if not select.select([self._socket], [], [], seconds)[0]:
            raise Unavailable("the warm process does not answer")
        answer, _ = server.receive(self._socket)
        if answer is None:
            raise Unavailable("the warm process has ended")
        return answer

    def close(self, *, patience: float = 5.0) -> None:
        """Ends every kernel of it and itself."""
        if os.getpid() != self.owner:
            return
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        try:
            self._process.wait(patience)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def at_start(environment: Mapping[str, str]) -> dict[str, str]:
    """The part of an environment that a process which runs already cannot take over."""
    return {k: v for k, v in environment.items() if k.startswith(AT_START)}


_guard = threading.Lock()
_current: WarmProcess | None = None
_former: list[WarmProcess] = []


def start() -> WarmProcess | None:
    """The warm process of this process, started now if there is none; None where fork is unsafe."""
    global _current
    if not fork_is_safe():
        return None
    with _guard:
        if _current is None or _current.owner != os.getpid():
            _current = WarmProcess()
            atexit.register(stop)
        return _current


def stop() -> None:
    """Ends the warm process and its kernels; the next kernel starts another."""
    global _current
    with _guard:
        processes = [*_former, *([_current] if _current else [])]
        _former.clear()
        _current = None
    for process in processes:
        process.close()


def fork(argv: Sequence[str], *, env: Mapping[str, str], cwd: str) -> ForkedKernel:
    """A kernel forked from this process's warm process; started anew if the library has changed.

    Raises Unavailable if there can be none: the caller starts an ordinary kernel.
    """
    for _ in range(2):
        try:
            process = start()
        except OSError as error:
            raise Unavailable(str(error)) from None
        if process is None:
            raise Unavailable("fork is not safe on this system")
        if at_start(env) != process.started_with:
            raise Unavailable("the kernel's environment is another")
        try:
            return process.fork(argv, env=env, cwd=cwd)
        except Unavailable as error:
            _retire(process, alive=str(error) in {"changed", "threads"})
            refused = error
    raise refused


def _retire(process: WarmProcess, *, alive: bool) -> None:
    """No more kernels from it; one that lives keeps those it has until the owner ends."""
    global _current
    with _guard:
        if _current is process:
            _current = None
        if alive:
            _former.append(process)
    if not alive:
        process.close(patience=1.0)


def wait_gone(pid: int, seconds: float) -> bool:
    """Whether that process has ended within so many seconds."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.02)
    return False
