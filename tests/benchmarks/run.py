"""What `make bench` prints: seconds and ratios of one run on this machine, in a folder of its own.

Seconds differ from machine to machine; only the ratios, taken in the same run, are worth keeping.
Nothing in reports/ or .cache/ of the checkout is read or written.
"""

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from repurchase.model.prepare import prepare
from repurchase.params import load_params

ROOT = Path(__file__).resolve().parents[2]
PERIOD = "2025-09"


@dataclass(frozen=True)
class Cost:
    """What a step took: seconds on the clock, and of processors, its child processes included."""

    wall: float
    cpu: float


def cpu_seconds() -> float:
    """Processor seconds of this process and of the children that have ended."""
    spent = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in spent)


def measured(step: Callable[[], object]) -> Cost:
    """Run a step once and give what it took."""
    wall, cpu = time.perf_counter(), cpu_seconds()
    step()
    return Cost(time.perf_counter() - wall, cpu_seconds() - cpu)


def workspace(folder: Path) -> Path:
    """A copy of what a run reads, so that it begins with nothing prepared."""
    for name in ("params", "notebooks"):
        shutil.copytree(ROOT / name, folder / name)
    return folder


def report(root: Path) -> None:
    """The demo's monthly report as a command. Raises CalledProcessError unless sound or a draft."""
    command = [sys.executable, "-m", "repurchase", "monthly-report", "--period", PERIOD]
    environment = os.environ | {"REPURCHASE_ROOT": str(root)}
    done = subprocess.run(command, cwd=root, env=environment, stdout=subprocess.DEVNULL)
    if done.returncode not in (0, 3):
        raise subprocess.CalledProcessError(done.returncode, command)


def plainly(root: Path) -> None:
    """The same notebooks, in turn, by papermill and nbconvert as they come."""
    environment = os.environ | {"REPURCHASE_ROOT": str(root)}
    told = ["-r", "profile", "demo", "-r", "period", PERIOD, "-k", "python3"]
    for notebook in sorted((root / "notebooks").glob("*.ipynb")):
        executed = root / "plain" / notebook.name
        executed.parent.mkdir(exist_ok=True)
        papermill = ["papermill", "--no-progress-bar", str(notebook), str(executed), *told]
        for command in (papermill, ["nbconvert", "--to", "html", str(executed)]):
            subprocess.run(
                [sys.executable, "-m", *command],
                cwd=root,
                env=environment,
                check=True,
                stderr=subprocess.DEVNULL,
            )


def changed(root: Path) -> None:
    """A run after one notebook was changed."""
    notebook = root / "notebooks" / "data.ipynb"
    text = notebook.read_text(encoding="utf-8")
    notebook.write_text(text.replace("review = open_review", "review  = open_review"), "utf-8")
    report(root)


def main() -> None:
    """Measure each step once, in the order in which a newcomer meets them."""
    with tempfile.TemporaryDirectory() as name:
        root = workspace(Path(name))
        params = load_params("demo", PERIOD, root=root)
        cache = root / ".cache"
        costs = {
            "prepare, demo generated and loaded": measured(lambda: prepare(params, cache=cache)),
            "prepare, nothing changed": measured(lambda: prepare(params, cache=cache)),
            "pack, snapshot prepared": measured(lambda: report(root)),
            "pack, nothing changed": measured(lambda: report(root)),
            "pack, one notebook changed": measured(lambda: changed(root)),
            "papermill + nbconvert, HTML only": measured(lambda: plainly(root)),
        }
    pack = costs["pack, snapshot prepared"]
    print(f"{'demo ' + PERIOD:<36}{'wall s':>8}{'cpu s':>8}{'of a pack':>11}")
    for step, cost in costs.items():
        print(f"{step:<36}{cost.wall:>8.2f}{cost.cpu:>8.2f}{cost.wall / pack.wall:>10.2f}x")


if __name__ == "__main__":
    main()
