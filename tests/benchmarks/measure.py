"""What a process takes: seconds on the clock and of processors, its children's too, and memory."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

# wall, cpu (seconds), peak (MiB of the largest process); a worker may add others of its own
Figures = dict[str, float]
MIB = 1 << 20
MAXRSS_BYTES = 1 if sys.platform == "darwin" else 1024
HERE = Path(__file__).resolve().parent


class FailedError(Exception):
    """A measured command that did not end as it should; its last words."""


def command(
    words: Sequence[str],
    *,
    root: Path,
    log: Path | None = None,
    good: Sequence[int] = (0,),
    paths: Sequence[Path] = (),
) -> Figures:
    """Runs a command to its end. Raises FailedError with its last lines if its code is not good.

    Processor seconds are of the process and of all its children that were waited for.
    """
    with tempfile.TemporaryFile() as said, contextlib.ExitStack() as stack:
        out = stack.enter_context(log.open("wb")) if log else said
        start = time.perf_counter()
        process = subprocess.Popen(
            words,
            cwd=root,
            env=environment(root, *paths),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=said,
        )
        cpu, peak, code = _ended(process)
        wall = time.perf_counter() - start
        if code not in good:
            said.seek(0)
            tail = said.read().decode(errors="replace").strip().splitlines()[-8:]
            raise FailedError("\n".join([f"{' '.join(words)} ended with {code}", *tail]))
    return {"wall": wall, "cpu": cpu, "peak": peak}


def _ended(process: subprocess.Popen[bytes]) -> tuple[float, float, int]:
    if not hasattr(os, "wait4"):
        return float("nan"), float("nan"), process.wait()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    peak = usage.ru_maxrss * MAXRSS_BYTES / MIB
    return usage.ru_utime + usage.ru_stime, peak, process.returncode


def environment(root: Path, *paths: Path) -> dict[str, str]:
    """This environment, with the project in `root` and the library of this checkout.

    `paths` are more folders to import from.
    """
    found = [str(path) for path in (HERE.parents[1] / "lib", *paths)]
    found += filter(None, [os.environ.get("PYTHONPATH")])
    return {**os.environ, "REPURCHASE_ROOT": str(root), "PYTHONPATH": os.pathsep.join(found)}


def python(*words: str, root: Path, good: Sequence[int] = (0,)) -> Figures:
    """The same for a command of this interpreter."""
    return command([sys.executable, *words], root=root, good=good)


def worker(script: str, *words: str, root: Path, by: str = sys.executable) -> dict:
    """What a script of workers/ says on its last line, one JSON object.

    It measures itself with `clocked`, so that starting and importing do not count. `by` is the
    Python that runs it.
    """
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "said"
        path = HERE / "workers" / script
        command([by, str(path), *words], root=root, log=log, paths=[HERE.parent])
        return json.loads(log.read_text(encoding="utf-8").strip().splitlines()[-1])


@contextlib.contextmanager
def clocked() -> Iterator[Figures]:
    """Fills in what the block took of this process: wall, cpu, and the peak since it started."""
    taken: Figures = {}
    wall, cpu = time.perf_counter(), time.process_time()
    yield taken
    taken["wall"], taken["cpu"] = time.perf_counter() - wall, time.process_time() - cpu
    taken["peak"] = peak_memory()


def peak_memory() -> float:
    """MiB of this process, NaN where the system does not tell."""
    # the process that forked this one would count in ru_maxrss; Linux knows better
    with contextlib.suppress(OSError), open("/proc/self/status", encoding="utf-8") as status:
        for line in status:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    with contextlib.suppress(ImportError):
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * MAXRSS_BYTES / MIB
    return float("nan")


def at_once(steps: Sequence[Callable[[], Figures]], *, workers: int) -> Figures:
    """Several steps, so many at a time: seconds on the clock, the sum of the processors'."""
    from concurrent.futures import ThreadPoolExecutor

    start = time.perf_counter()
    with ThreadPoolExecutor(workers) as pool:
        done = [future.result() for future in [pool.submit(step) for step in steps]]
    return together(done, wall=time.perf_counter() - start)


def together(parts: Sequence[Mapping[str, float]], *, wall: float | None = None) -> Figures:
    """Steps as one: their seconds added (or `wall`), the largest of their peaks."""
    return {
        "wall": sum(p["wall"] for p in parts) if wall is None else wall,
        "cpu": sum(p["cpu"] for p in parts),
        "peak": max(p["peak"] for p in parts),
    }


def number(value: float) -> str:
    """Three digits or so."""
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.2f}"
