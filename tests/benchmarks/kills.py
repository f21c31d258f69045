"""Kills runs at random moments and looks at what they leave: `--kills 200 --seed 1`.

Each run makes another edition of a small company: of three orders and notebooks that import
nothing, or with `--company demo` of the demo's 300 customers and its own notebooks down to the
first figure that they record. The run, a kernel of it or the warm process is killed, or the run is
told to stop; then the pack in place must be whole, of the edition before or of this one, and no
process may be left. After the last one a run must succeed and leave nothing but its pack. Prints
one line of JSON; ends with 1 if anything was wrong.

Runs are forked from this process, which has imported all that they need: a kill then meets the run
and not the imports. On Linux this process adopts what the runs leave behind, so that it can count.
"""

import argparse
import contextlib
import ctypes
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import nbformat
import psutil
from repurchase.archive import PACKS, current_pack
from repurchase.cli import main as repurchase
from repurchase.press import chapters, making, pack, volume
from repurchase.press.kernels import server

PR_SET_CHILD_SUBREAPER = 36
PERIOD = "2025-09"
GONE_SECONDS = 60.0
SHORT = 4  # cells of a notebook that records nothing: its title, parameters, tables and first block
WARM = (chapters, making, volume)  # imported before the fork
ROOT = Path(__file__).resolve().parents[2]
WARM_PROCESS = "kill the warm process"
HOW = ("kill the run", "kill the run", "kill a kernel", WARM_PROCESS, "SIGTERM", "SIGINT")
PROFILE = """company: Edition {edition}
time_zone: Asia/Shanghai
currency: CNY
order_definition: Every row.
chapters: [tiny]
data_through: 2025-09-30
sources:
  orders:
    files: orders.csv
    columns: {{customer_id: customer_id, ordered_at: ordered_at, net_amount: net_amount}}
"""


def main() -> int:
    """The number of faults as an exit code, at most 1."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--company", choices=("tiny", "demo"), default="tiny")
    options = parser.parse_args()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    with tempfile.TemporaryDirectory(prefix="rk-") as name:
        company = tiny_company if options.company == "tiny" else demo_company
        told = kills(Path(name), options.kills, random.Random(options.seed), company)
    print(json.dumps(told))
    return 1 if told["faults"] else 0


def kills(
    folder: Path, count: int, chance: random.Random, company: Callable[[Path], str]
) -> dict:
    """What happened: counts by kind and outcome, and every fault in words.

    `company` makes the project in a folder and gives its profile with a place for the edition.
    """
    root, scratch = folder / "project", folder / "tmp"
    scratch.mkdir()
    profile = company(root)
    for name in ("TMPDIR", "TEMP", "TMP"):
        os.environ[name] = str(scratch)
    tempfile.tempdir = None
    os.environ["REPURCHASE_ROOT"] = str(root)
    faults, outcomes, slowest, took = [], Counter(), 0.0, 0.0
    start = time.monotonic()
    for first in (count + 2, 0):  # the second knows the files that it reads, as all others do
        begun = time.monotonic()
        code, *_ = run(root, profile, first)
        took = time.monotonic() - begun
        if code:
            faults.append(f"an undisturbed run ended with {code}")
    before = edition(root)
    for number in range(1, count + 1):
        how = chance.choice(HOW)
        after = chance.random() * took * 1.1
        code, gone, struck = run(root, profile, number, how, after)
        slowest = max(slowest, gone)
        now = edition(root)
        label = f"kill {number} ({how} after {after:.2f} s)"
        faults += [f"{label}: {fault}" for fault in found_faults(root, now, {before, number})]
        if gone >= GONE_SECONDS:
            faults.append(f"{label}: processes were left")
        if how in {"SIGTERM", "SIGINT"}:
            faults += stop_faults(label, root, scratch, code)
        outcomes[f"{struck}: {'new' if now == number else 'old'}"] += 1
        before = now
    code, *_ = run(root, profile, count + 1)
    if code or edition(root) != count + 1:
        faults.append(f"the last run ended with {code}, edition {edition(root)}")
    faults += [f"left at the end: {name}" for name in rubbish(root, scratch)]
    seconds = round(time.monotonic() - start, 1)
    return {
        "kills": count, "faults": faults, "outcomes": dict(sorted(outcomes.items())),
        "run_seconds": round(took, 2), "seconds": seconds,
        "slowest_end_of_processes": round(slowest, 2),
    }  # fmt: skip


def demo_company(root: Path) -> str:
    """The demo with 300 customers; its notebooks end with the first figure that they record."""
    (root / "params").mkdir(parents=True)
    (root / "notebooks").mkdir()
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        notebook = nbformat.read(path, as_version=4)
        recording = (i for i, c in enumerate(notebook.cells) if "review.record(" in c.source)
        notebook.cells = notebook.cells[: next(recording, SHORT - 1) + 1]
        nbformat.write(notebook, root / "notebooks" / path.name)
    text = (ROOT / "params" / "demo.yaml").read_text(encoding="utf-8")
    company = next(line for line in text.splitlines() if line.startswith("company:"))
    text = text.replace("customers: 20000", "customers: 300")
    assert "customers: 300" in text
    return text.replace("{", "{{").replace("}", "}}").replace(
        company.replace("{", "{{").replace("}", "}}"), "company: Edition {edition}"
    )


def tiny_company(root: Path) -> str:
    """Three orders and three notebooks that import nothing."""
    (root / "params").mkdir(parents=True)
    (root / "notebooks").mkdir()
    rows = [
        "customer_id,ordered_at,net_amount",
        "a,2025-08-01,1",
        "a,2025-09-02,2",
        "b,2025-09-30,3",
    ]
    (root / "orders.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    for name in ("tiny", *chapters.ALWAYS):
        cells = [
            nbformat.v4.new_markdown_cell(f"# {name}", metadata={"tags": ["part-a"]}),
            nbformat.v4.new_code_cell(
                'profile = "tiny"\nperiod = "2025-09"', metadata={"tags": ["parameters"]}
            ),
            nbformat.v4.new_code_cell("print('seen')", metadata={"tags": ["part-a"]}),
        ]
        nbformat.write(nbformat.v4.new_notebook(cells=cells), root / "notebooks" / f"{name}.ipynb")
    return PROFILE


def run(
    root: Path, profile: str, number: int, how: str = "", after: float = 0.0
) -> tuple[int, float, str]:
    """Runs an edition and kills it on the way.

    Its exit code, how long its last process outlived it, and what was struck.
    """
    (root / "params" / "tiny.yaml").write_text(profile.format(edition=number), encoding="utf-8")
    child = os.fork()
    if not child:
        _run_in_child()
    struck = ""
    if how:
        _wait(child, after)
        struck = _strike(child, how)
    while True:
        status = _reaped(child)
        if status is not None:
            break
        time.sleep(0.02)
    return os.waitstatus_to_exitcode(status), _seconds_until_alone(), struck


def _run_in_child() -> None:
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    code = 70
    # a shell starts what it puts into the background deaf to Ctrl-C
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        code = repurchase(["monthly-report", "--profile", "tiny", "--period", PERIOD])
    finally:
        os._exit(code)


_status: dict[int, int] = {}


def _reaped(child: int) -> int | None:
    """The child's status once it has ended; whatever else has ended is buried."""
    with contextlib.suppress(ChildProcessError):
        while True:
            ended, status = os.waitpid(-1, os.WNOHANG)
            if not ended:
                break
            _status[ended] = status
    return _status.pop(child, None)


def _wait(child: int, seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        status = _reaped(child)
        if status is not None:
            _status[child] = status
            return
        time.sleep(0.01)


def _strike(child: int, how: str) -> str:
    """Kills or stops, a kernel or warm process as soon as there is one; what was struck."""
    target, number = child, signal.SIGKILL
    if how in {"SIGTERM", "SIGINT"}:
        number = signal.Signals[how]
    elif how in {"kill a kernel", WARM_PROCESS}:
        target = _awaited(child, how)
    if child in _status:
        return "ended before"
    with contextlib.suppress(ProcessLookupError):
        os.kill(target, number)
    return how


def _awaited(child: int, how: str) -> int:
    """The process to kill, which may not be there yet; the run if it ends without one."""
    while child not in _status:
        found = _targets(child, how)
        if found:
            return found[0]
        _wait(child, 0.02)
    return child


def _targets(child: int, how: str) -> list[int]:
    """The warm process of a run, or its kernels: forked from the warm process, or the run's own."""
    with contextlib.suppress(psutil.Error):
        ours = psutil.Process(child).children()
        warm = [p for p in ours if server.__name__ in p.cmdline()]
        kernels = [k for p in warm for k in p.children()] or [p for p in ours if p not in warm]
        return [p.pid for p in (warm if how == WARM_PROCESS else kernels)]
    return []


def _seconds_until_alone() -> float:
    start = time.monotonic()
    while psutil.Process().children(recursive=True):
        _reaped(0)
        if time.monotonic() - start > GONE_SECONDS:
            for stray in psutil.Process().children(recursive=True):
                stray.kill()
            return GONE_SECONDS
        time.sleep(0.02)
    return time.monotonic() - start


def edition(root: Path) -> int:
    """The number of the edition in place; -1 if there is none."""
    folder = current_pack(root / "reports" / "tiny", PERIOD)
    if folder is None:
        return -1
    return int(pack.read_manifest(folder)["company"].removeprefix("Edition "))


def found_faults(root: Path, now: int, allowed: set[int]) -> list[str]:
    """What is wrong with the pack in place."""
    folder = current_pack(root / "reports" / "tiny", PERIOD)
    if folder is None:
        return ["no pack is in place"]
    faults = [f"edition {now} is in place, not one of {allowed}"] if now not in allowed else []
    faults += [f"{name} is not of this pack" for name in pack.damage(folder)]
    if f"Edition {now}<" not in (folder / "index.html").read_text(encoding="utf-8"):
        faults.append("the page is of another edition")
    for name in ("index.html", "ledger.json"):
        text = (folder.parent.parent / name).read_text(encoding="utf-8")
        if not text.endswith(("</html>\n", "</html>", "]\n")):
            faults.append(f"{name} ends in the middle")
    return faults


def stop_faults(label: str, root: Path, scratch: Path, code: int) -> list[str]:
    """A run that was told to stop cleans up itself: exit code 1, nothing left."""
    if code not in (0, 1):
        return [f"{label}: exit code {code}"]
    return [f"{label}: left {name}" for name in rubbish(root, scratch)]


def rubbish(root: Path, scratch: Path) -> list[str]:
    """Whatever stands where only packs, locks and prepared data should."""
    reports = root / "reports" / "tiny"
    folder = current_pack(reports, PERIOD)
    packs = [p.name for p in (reports / PACKS).iterdir() if not p.name.startswith(".lock-")]
    left = [name for name in packs if folder is None or name != folder.name]
    left += [p.name for p in scratch.iterdir()]
    left += [p.name for p in reports.glob(".*.part")]
    left += [p.name for p in (root / ".cache").rglob(".new-*")]
    return sorted(left)


if __name__ == "__main__":
    sys.exit(main())
