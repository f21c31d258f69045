"""The warm process: one thread, everything imported, nothing run; it forks kernels on request.

Its socket carries requests of one JSON object with four file descriptors (stdin, stdout, stderr
and a pipe on which the kernel's exit status is reported) and answers of one JSON object. The
socket's end is the order to end every kernel and itself, so that its owner's death is enough.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import struct
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

MODULES = (
    "numpy", "pandas", "pyarrow", "pyarrow.parquet", "duckdb", "ibis", "ibis.backends.duckdb",
    "ibis.backends.sql.compilers.duckdb", "sqlglot", "matplotlib.pyplot",
    "ipykernel.kernelapp", "ipykernel.ipkernel", "IPython.core.interactiveshell",
    "repurchase.review",
    # what these would import in each kernel
    "IPython.core.completerlib", "IPython.core.debugger", "IPython.extensions.storemagic",
    "holidays.countries", "ibis.backends.duckdb.converter", "matplotlib.backends.backend_svg",
    "psutil", "pyarrow.dataset", "tornado.platform.asyncio", "tornado.queues",
)  # fmt: skip
BACKEND = "module://matplotlib_inline.backend_inline"
LENGTH = struct.Struct("!I")
STATUS = struct.Struct("!i")
DESCRIPTORS = 4
PR_SET_PDEATHSIG = 1
Stamp = dict[str, tuple[int, int]]


@dataclass
class Server:
    """The socket to the owner, and the kernels that live: process id to status pipe."""

    socket: socket.socket
    wake: int
    own: Stamp = field(default_factory=dict)
    kernels: dict[int, int] = field(default_factory=dict)


def main(descriptor: int) -> None:
    """Imports, reports how that went, and serves until the owner is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.disable()  # of what is imported nothing is garbage, and to look takes a tenth of the time
    missing = _import_all()
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    os.set_blocking(reader, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    server = Server(socket.socket(fileno=descriptor), reader, own=stamp())
    gc.collect()
    gc.freeze()
    gc.enable()
    gc.set_threshold(50_000)  # the many small objects of Ibis's expressions are soon gone
    with contextlib.suppress(OSError):
        send(server.socket, {"ready": not missing and threads() == 1, "missing": missing})
        _serve(server)
    _end(server)
    os._exit(0)  # to take all modules apart again takes a second


def _import_all() -> list[str]:
    missing = []
    for name in MODULES:
        try:
            importlib.import_module(name)
        except ImportError:
            missing.append(name)
    try:
        from repurchase import show

        for name in show.__all__:  # its modules are imported when they are first asked for
            getattr(show, name)
    except ImportError:
        missing.append("repurchase.show")
    if "duckdb" in sys.modules:
        # its import opens a database whose threads a fork would lose; a new one opens at first use
        sys.modules["duckdb"].default_connection().close()
    # its import looks for a shell, which only the kernel has
    sys.modules.pop("matplotlib_inline.backend_inline", None)
    return missing


def stamp() -> Stamp:
    """Size and time of every module of ours, by which a changed library is noticed."""
    files = {}
    for name, module in list(sys.modules.items()):
        path = getattr(module, "__file__", None)
        if name.partition(".")[0] == "repurchase" and path:
            with contextlib.suppress(OSError):
                status = os.stat(path)
                files[path] = (status.st_size, status.st_mtime_ns)
    return files


def threads() -> int:
    """Threads of this process; fork copies only one of them."""
    return len(os.listdir("/proc/self/task"))


def _serve(server: Server) -> None:
    while True:
        ready, _, _ = select.select([server.socket.fileno(), server.wake], [], [])
        if server.wake in ready:
            with contextlib.suppress(BlockingIOError):
                os.read(server.wake, 4096)
            _reap(server)
        if server.socket.fileno() in ready:
            request, descriptors = receive(server.socket)
            if request is None:
                return
            answer = _answer(server, request, descriptors)
            for descriptor in descriptors[: DESCRIPTORS - 1]:
                os.close(descriptor)
            send(server.socket, answer)


def _answer(server: Server, request: dict[str, Any], descriptors: list[int]) -> dict[str, Any]:
    status = descriptors[DESCRIPTORS - 1]
    if stamp() != server.own:
        os.close(status)
        return {"refused": "changed"}
    if threads() != 1:
        os.close(status)
        return {"refused": "threads"}
    try:
        pid = os.fork()
    except OSError as error:
        os.close(status)
        return {"refused": str(error)}
    if pid == 0:
        _become_kernel(server, request, descriptors)
    server.kernels[pid] = status
    return {"pid": pid}


def _reap(server: Server) -> None:
    for pid, pipe in list(server.kernels.items()):
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            with contextlib.suppress(OSError):
                os.write(pipe, STATUS.pack(os.waitstatus_to_exitcode(status)))
            os.close(pipe)
            del server.kernels[pid]


def _end(server: Server) -> None:
    for pid in server.kernels:
        for kill in (os.killpg, os.kill):
            with contextlib.suppress(OSError):
                kill(pid, signal.SIGKILL)
    for pid in server.kernels:
        with contextlib.suppress(OSError):
            os.waitpid(pid, 0)


def _become_kernel(server: Server, request: dict[str, Any], descriptors: list[int]) -> NoReturn:
    """In the child: a process like the one that `launch_kernel` would have started."""
    code = 1
    try:
        _dissociate(server, request, descriptors)
        _run_kernel(request["argv"])
        code = 0
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else int(error.code is not None)
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        for stream in (sys.__stdout__, sys.__stderr__):
            if stream is not None:
                with contextlib.suppress(Exception):
                    stream.flush()
        os._exit(code)


def _dissociate(server: Server, request: dict[str, Any], descriptors: list[int]) -> None:
    owner = os.getppid()
    os.setsid()
    _die_with_parent()
    if os.getppid() != owner:
        os._exit(1)
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    server.socket.close()
    for pipe in (server.wake, *server.kernels.values(), descriptors[DESCRIPTORS - 1]):
        os.close(pipe)
    for number, descriptor in enumerate(descriptors[: DESCRIPTORS - 1]):
        os.dup2(descriptor, number)
        if descriptor > 2:
            os.close(descriptor)
    os.environ.clear()
    os.environ.update(request["env"])
    time.tzset()
    os.chdir(request["cwd"])


def _die_with_parent() -> None:
    """The kernel of a warm process that was killed has nobody left who could end it."""
    import ctypes

    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _run_kernel(argv: list[str]) -> None:
    """A kernel, or with `-c` the code that follows, as Python itself would run it."""
    from ipykernel.kernelapp import IPKernelApp

    from repurchase.context import RUN  # not above: who starts the warm process has no need of it

    _as_if_imported_now()
    if argv[1] == "-c":
        exec(compile(argv[2], "<string>", "exec"), {"__name__": "__main__"})
        return
    if os.environ.get(RUN):
        sys.modules["debugpy"] = None  # type: ignore[assignment]  # nobody steps through a pack
    # taken from the environment at import, which is long past
    sys.argv = [*argv, f"--IPKernelApp.parent_handle={os.getppid()}"]
    app = IPKernelApp.instance()
    app.initialize(sys.argv[1:])
    app.start()


def _as_if_imported_now() -> None:
    """What libraries took from the environment or from chance at import, taken again."""
    import matplotlib
    import numpy

    numpy.random.seed()
    tempfile.tempdir = None
    backend = os.environ.get("MPLBACKEND") or BACKEND
    dict.__setitem__(matplotlib.rcParams, "backend", backend)


def send(
    connection: socket.socket, message: dict[str, Any], descriptors: tuple[int, ...] = ()
) -> None:
    """One JSON object, its length first, and file descriptors with its first bytes."""
    body = json.dumps(message).encode()
    head = LENGTH.pack(len(body))
    if descriptors:
        socket.send_fds(connection, [head], list(descriptors))
    else:
        connection.sendall(head)
    connection.sendall(body)


def receive(connection: socket.socket) -> tuple[dict[str, Any] | None, list[int]]:
    """The next object and its descriptors; (None, []) when the other side is gone."""
    head, descriptors, _, _ = socket.recv_fds(connection, LENGTH.size, DESCRIPTORS)
    head += _exactly(connection.recv, LENGTH.size - len(head)) if head else b""
    if len(head) < LENGTH.size:
        return None, []
    (length,) = LENGTH.unpack(head)
    body = _exactly(connection.recv, length)
    if len(body) < length:
        return None, []
    return json.loads(body), list(descriptors)


def _exactly(read: Callable[[int], bytes], count: int) -> bytes:
    parts = bytearray()
    while len(parts) < count:
        part = read(count - len(parts))
        if not part:
            break
        parts += part
    return bytes(parts)


if __name__ == "__main__":
    # the path of the project's folder is the kernel's affair, not that of what it was forked from
    sys.path[:] = [p for p in sys.path if p and Path(p) != Path.cwd()]
    main(int(sys.argv[1]))
