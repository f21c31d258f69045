"""Killed at any step or moment: the old pack or the new one, no process, nothing left over."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from repurchase.archive import PACKS, current_pack
from repurchase.cli import main
from repurchase.locks import BusyError, locked
from repurchase.params import load_params
from repurchase.period import Period
from repurchase.press import pack, stopping
from repurchase.press.run import monthly_report

ROOT = Path(__file__).resolve().parents[2]
PERIOD = Period.parse("2025-09")
KILLS = int(os.environ.get("REVIEW_KILLS", "4"))

# Puts the pack "new" in place over "old" and dies before its n-th change of the file system, or is
# told to stop before the n-th line of what places packs, for n = 1, 2, ... until it lives. Then
# looks at what stands there, and at it again when the next run has begun. A line of JSON a death.
STEPS = """
import json, os, signal, sys, tempfile
from pathlib import Path
from repurchase.period import Period
from repurchase.archive import current_pack
from repurchase.press import pack, stopping

home, scenario, stride = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])  # 0: killed
CHANGES = {"os.rename", "os.symlink", "os.mkdir", "os.remove", "os.rmdir", "os.chmod",
           "os.truncate", "shutil.rmtree", "open"}
period = Period.parse("2025-09")
status = "signed" if scenario in {"sign", "republish"} else "candidate"
tempfile.gettempdir()  # its first call writes a file to see whether it can
os.fsync = lambda _: None  # no power is lost here, and a busy disk would take its time
if scenario == "no links":
    def refuse(*_, **__):
        raise OSError("no links here")
    os.symlink = refuse

def put(reports, text, status):
    with pack.held(reports, period):
        with pack.aside(reports, period) as folder:
            (folder / pack.RESTRICTED).mkdir()
            pack.write_text(folder / "results.json", text)
            pack.write_text(folder / "figures" / "R-1.csv", text)
            manifest = {"period": "2025-09", "status": status, "data_through": "2025-09-30",
                        "signed_by": "A", "signed_on": "2025-10-01", "text": text,
                        "files": pack.delivered(folder)}
            pack.write_json(folder / "manifest.json", manifest)
            pack.place(folder, reports, period)
        pack.write_indexes(reports, lambda found: text + " end")

def die_before(step):
    seen = 0
    def hook(event, args):
        nonlocal seen
        if event == "open" and not (int(args[2] or 0) & (os.O_WRONLY | os.O_RDWR)):
            return
        if event in CHANGES:
            seen += 1
            if seen == step:
                os.kill(os.getpid(), signal.SIGKILL)
    sys.addaudithook(hook)

def stop_before(step):
    seen = 0
    def trace(frame, event, arg):
        nonlocal seen
        if Path(frame.f_code.co_filename).name not in {"pack.py", "stopping.py", "contextlib.py"}:
            return None
        if event == "line":
            seen += 1
            if seen == step:
                sys.settrace(None)
                os.kill(os.getpid(), signal.SIGTERM)
        return trace
    sys.settrace(trace)

def stopped(step, reports):
    try:
        with stopping.stoppable():
            stop_before(step)
            put(reports, "new", status)
            sys.settrace(None)
    except KeyboardInterrupt:
        return 1
    return 0

def standing(reports):
    folder = current_pack(reports, "2025-09")
    if folder is None:
        return None
    text = (folder / "results.json").read_text()
    whole = not pack.damage(folder) and pack.read_manifest(folder)["text"] == text
    index = (reports / "index.html").read_text().endswith(" end")
    index = index and isinstance(json.loads((reports / "ledger.json").read_text()), list)
    return text if whole and index else "a mixture"

def left(reports):
    return sorted(p.name for p in (reports / ".packs").iterdir() if not p.name.startswith(".lock"))

for step in range(1, 5000, stride or 1):
    reports = home / str(step) / "tiny"
    put(reports, "old", "signed" if scenario == "republish" else "candidate")
    first = left(reports)
    child = os.fork()
    if not child:
        if stride:
            os._exit(stopped(step, reports))
        die_before(step)
        put(reports, "new", status)
        os._exit(0)
    died = os.waitpid(child, 0)[1] != 0
    at_once = standing(reports)
    signed = first if scenario == "republish" else []
    here = current_pack(reports, "2025-09").name
    dropped = [n for n in left(reports) if n not in {here, *signed}]
    dropped += [str(p) for p in (*reports.glob(".*.part"), *home.parent.glob("repurchase-*"))]
    with pack.held(reports, period):
        pack.write_indexes(reports, lambda found: "x end")
    kept = current_pack(reports, "2025-09").name
    rubbish = [n for n in left(reports) if n != kept and n not in signed]
    rubbish += [p.name for p in reports.glob(".*.part")]
    lost = [n for n in signed if n not in left(reports)]
    rubbish += dropped if stride else []
    print(json.dumps([at_once, standing(reports), rubbish, lost, died]))
    if not died:
        break
"""


@pytest.mark.parametrize("scenario", ["rebuild", "sign", "republish", "no links"])
def test_a_kill_at_each_step_leaves_the_old_pack_or_the_new_one(tmp_path, scenario):
    """Every change of the file system between an empty folder and the pack in its place."""
    done = python(STEPS, str(tmp_path / "reports"), scenario, "0", TMPDIR=str(tmp_path))
    assert 0 == done.returncode, done.stderr
    deaths = [json.loads(line) for line in done.stdout.splitlines()]
    seen = [at_once for at_once, *_ in deaths]

    assert [True] * (len(deaths) - 1) + [False] == [died for *_, died in deaths]
    assert len(deaths) >= 20
    turn = seen.index("new")
    assert ["old"] * turn + ["new"] * (len(deaths) - turn) == seen
    assert 3 < turn < len(deaths) - 1
    assert seen == [after for _, after, *_ in deaths]
    assert [] == [name for _, _, rubbish, lost, _ in deaths for name in (*rubbish, *lost)]
    assert ["reports"] == [p.name for p in tmp_path.iterdir()]


@pytest.mark.parametrize("scenario", ["rebuild", "republish", "no links"])
def test_a_stop_at_any_line_leaves_nothing_over_at_once(tmp_path, scenario):
    """SIGTERM between any two lines: the run itself removes what the next one would."""
    stride = int(os.environ.get("REVIEW_STRIDE", "23"))
    done = python(STEPS, str(tmp_path / "reports"), scenario, str(stride), TMPDIR=str(tmp_path))
    assert 0 == done.returncode, done.stderr
    stops = [json.loads(line) for line in done.stdout.splitlines()]

    assert len(stops) >= 300 / stride
    assert [True] * (len(stops) - 1) + [False] == [stopped for *_, stopped in stops]
    assert {"old", "new"} == {at_once for at_once, *_ in stops}
    assert [] == [name for _, _, rubbish, lost, _ in stops for name in (*rubbish, *lost)]
    assert ["reports"] == [p.name for p in tmp_path.iterdir()]


def python(source, *words, **environment):
    """A Python program's end."""
    command = [sys.executable, "-c", source, *words]
    paths = os.pathsep.join([str(ROOT / "lib"), os.environ.get("PYTHONPATH", "")])
    env = {**os.environ, "PYTHONPATH": paths, **environment}
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="runs are forked here")
def test_kills_at_random_moments():
    """Run, kernels and signals by a seed; REVIEW_KILLS=50 for more, 200 in make bench."""
    script = ROOT / "tests" / "benchmarks" / "kills.py"
    paths = os.pathsep.join([str(ROOT / "lib"), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, str(script), "--kills", str(KILLS), "--seed", "3"],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout, done.stderr[-2000:]
    told = json.loads(done.stdout)

    assert [] == told["faults"]
    assert KILLS == told["kills"] == sum(told["outcomes"].values())
    assert 0 == done.returncode


@pytest.fixture
def waiting_company(tiny_company):
    """Its chapter writes a file when its cell runs, and then waits for two minutes."""
    path = tiny_company / "notebooks" / "tiny.ipynb"
    text = path.read_text(encoding="utf-8")
    source = "import pathlib, time; pathlib.Path('running').touch(); time.sleep(120)"
    assert "print('seen')" in text
    path.write_text(text.replace("print('seen')", source), encoding="utf-8")
    return tiny_company


def begun(root):
    """A run of the command line that has come to the waiting cell; its process."""
    paths = os.pathsep.join([str(ROOT / "lib"), os.environ.get("PYTHONPATH", "")])
    (root / "scratch").mkdir()
    environment = {
        **os.environ, "PYTHONPATH": paths, "REPURCHASE_ROOT": str(root),
        "TMPDIR": str(root / "scratch"),
    }  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-m", "repurchase", "monthly-report", "--profile", "tiny"],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    until = time.monotonic() + 100
    while not (root / "running").exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.05)
    return process


@pytest.fixture
def heard():
    """Signals as they come from a terminal, also to processes that the test starts.

    What a shell starts in the background is deaf to Ctrl-C, and under nohup to the terminal's end.
    """
    ways = {signal.SIGINT: signal.default_int_handler, signal.SIGHUP: signal.SIG_DFL}
    before = {number: signal.signal(number, way) for number, way in ways.items()}
    yield
    for number, way in before.items():
        signal.signal(number, way)


@pytest.mark.skipif(os.name == "nt", reason="signals are sent here")
@pytest.mark.parametrize("how", ["SIGTERM", "SIGINT", "SIGKILL"])
def test_a_stopped_run_leaves_no_process_and_no_file(waiting_company, heard, how):
    """Told to stop it cleans up and ends with 1; killed outright its kernels end, too."""
    process = begun(waiting_company)
    family = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.Signals[how])
    _, error = process.communicate(timeout=60)
    _, alive = psutil.wait_procs(family, timeout=60)
    reports = waiting_company / "reports" / "tiny"
    left = [p.name for p in (reports / PACKS).iterdir() if not p.name.startswith(".lock")]
    left += [p.name for p in (waiting_company / "scratch").iterdir()]

    assert family
    assert [] == alive
    if how == "SIGKILL":
        assert -signal.SIGKILL == process.returncode
        assert left  # the next run removes it
    else:
        assert 1 == process.returncode
        assert "stopped; what stands in reports/ is whole" in error
        assert [] == left


@pytest.mark.skipif(os.name == "nt", reason="signals are sent here")
def test_every_signal_to_stop_is_a_stop_and_the_second_one_does_not_count(heard):
    """SIGTERM and SIGHUP are taken as Ctrl-C is; whoever presses twice stops no cleaning up."""
    caught = []
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        try:
            with stopping.stoppable():
                try:
                    os.kill(os.getpid(), number)
                    time.sleep(5)
                finally:
                    os.kill(os.getpid(), number)
                    caught.append("cleaned up")
        except KeyboardInterrupt as stop:
            caught.append(str(stop))

    assert ["cleaned up", "SIGINT", "cleaned up", "SIGTERM", "cleaned up", "SIGHUP"] == caught


@pytest.mark.skipif(os.name == "nt", reason="signals are sent here")
def test_a_signal_that_was_ignored_still_is():
    """nohup keeps a run alive when its terminal goes."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stopping.stoppable():
            os.kill(os.getpid(), signal.SIGHUP)
            lived = True
    finally:
        signal.signal(signal.SIGHUP, before)

    assert lived


def test_two_runs_of_a_period_do_not_mix(tiny_company, monkeypatch, capsys):
    """The second stops with the first's number, exit code 1, and writes no failure page."""
    reports = tiny_company / "reports" / "tiny"
    monkeypatch.setenv("REPURCHASE_ROOT", str(tiny_company))
    words = ["monthly-report", "--profile", "tiny", "--period", "2025-09"]
    with pack.held(reports, PERIOD):
        code = main(words)
    error = capsys.readouterr().err

    assert 1 == code
    assert f"tiny 2025-09 is being worked on by process {os.getpid()}" in error
    assert "--wait" in error
    assert not (reports / "2025-09-failed.html").exists()


def test_the_second_run_waits_as_long_as_it_is_told(tmp_path):
    """It says once whom it waits for, and goes on when that one has ended."""
    lock = tmp_path / "lock"
    source = """
import sys, time
from pathlib import Path
from repurchase.locks import locked
with locked(Path(sys.argv[1]), what="tiny 2025-09"):
    print("held", flush=True)
    time.sleep(1.0)
"""
    with Holder(source, lock) as process:
        said = []
        busy = pytest.raises(BusyError, match=f"is being worked on by process {process.pid}")
        with busy, locked(lock, what="tiny", wait=0.2, say=said.append):
            pass
        with locked(lock, what="tiny", wait=30, say=said.append):
            pass

    assert [f"waiting for process {process.pid}, which works on tiny"] * 2 == said


def test_a_lock_ends_with_its_holder(tmp_path):
    """kill -9 frees it, also while a child that the holder forked lives on."""
    lock = tmp_path / "lock"
    source = """
import os, sys, time
from pathlib import Path
from repurchase.locks import locked
with locked(Path(sys.argv[1]), what="tiny"):
    child = os.fork()
    if child:
        print(child, flush=True)
    time.sleep(20)
"""
    with Holder(source, lock) as process:
        child = psutil.Process(int(process.told))
        process.kill()
        process.wait()
        alive = child.is_running()
        with locked(lock, what="tiny", wait=5):
            got = lock.read_text(encoding="ascii")
        child.kill()

    assert alive
    assert str(os.getpid()) == got
    assert "" == lock.read_text(encoding="ascii")


class Holder:
    """A process that holds a lock while the block runs; `told` is its first line."""

    def __init__(self, source, lock):
        paths = os.pathsep.join([str(ROOT / "lib"), os.environ.get("PYTHONPATH", "")])
        self.process = subprocess.Popen(
            [sys.executable, "-c", source, str(lock)],
            env={**os.environ, "PYTHONPATH": paths}, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def __enter__(self):
        self.process.told = self.process.stdout.readline().strip()
        return self.process

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()


def test_other_periods_and_profiles_are_not_held_up(tmp_path):
    """Only the same period of the same profile waits."""
    reports = tmp_path / "reports"
    with (
        pack.held(reports / "a", PERIOD),
        pack.held(reports / "a", Period.parse("2025-08")),
        pack.held(reports / "b", PERIOD),
        pytest.raises(BusyError),
        pack.held(reports / "a", PERIOD),
    ):
        pass


def test_what_a_killed_preparation_left_goes_with_the_next(tiny_company):
    """Half a snapshot in .cache is removed when the data are prepared again."""
    left = tiny_company / ".cache" / "snapshots" / "tiny" / ".new-abc"
    left.mkdir(parents=True)
    (left / "orders.parquet").write_bytes(b"half")
    from repurchase.model.prepare import prepare

    prepare(load_params("tiny", root=tiny_company), cache=tiny_company / ".cache")

    assert not left.exists()


def test_signals_are_as_they_were_after_a_run(tiny_company):
    """A program that runs a review keeps its own handling of signals and its folders."""
    names = ("TMPDIR", "JUPYTER_RUNTIME_DIR")
    before = [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)]
    kept = [os.environ.get(name) for name in names]
    monthly_report(load_params("tiny", "2025-09", root=tiny_company), say=lambda _: None)

    assert before == [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)]
    assert kept == [os.environ.get(name) for name in names]
    assert current_pack(tiny_company / "reports" / "tiny", "2025-09")
