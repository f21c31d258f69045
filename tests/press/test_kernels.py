"""Kernels forked from the warm process: as good as ordinary ones, and never left behind."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import nbformat
import psutil
import pytest
from jupyter_client.manager import start_new_kernel
from jupyter_client.provisioning import KernelProvisionerFactory
from repurchase.press.kernels import NAME, provisioner, server, warm

FORKS = 200


@pytest.fixture(scope="module", autouse=True)
def stopped():
    """No warm process outlives these tests."""
    yield
    warm.stop()
    KernelProvisionerFactory.clear_instance()


@pytest.fixture
def kernel(tmp_path, monkeypatch):
    """A forked kernel that Jupyter's own manager started, and what a cell in it says."""
    monkeypatch.setenv("REPURCHASE_RUN", "a run file")
    monkeypatch.chdir(tmp_path)
    provisioner.register()
    manager, client = start_new_kernel(kernel_name="python3")
    yield manager, lambda code: said(client, code)
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def said(client, code):
    """The messages of a cell, by type."""
    messages = {}

    def hook(message):
        messages.setdefault(message["msg_type"], []).append(message["content"])

    reply = client.execute_interactive(code, output_hook=hook, timeout=60)
    return messages | {"status": reply["content"]["status"]}


def printed(messages):
    """What the cell printed."""
    return "".join(m["text"] for m in messages.get("stream", ()))


def test_a_kernel_is_forked_with_everything_imported(kernel):
    """The libraries are there before the first cell; environment and folder are its own."""
    manager, run = kernel
    code = """
        import os, sys
        wanted = {"pandas", "matplotlib.pyplot", "duckdb", "ibis", "repurchase.review"}
        loaded = sorted(wanted - {*sys.modules})
        print(loaded, os.environ["REPURCHASE_RUN"], os.getcwd(), os.getsid(0) == os.getpid())
    """
    shown = printed(run(textwrap.dedent(code)))

    assert manager.provisioner.forked
    assert f"[] a run file {os.getcwd()} True\n" == shown


def test_a_figure_is_shown(kernel):
    """The child sets the inline backend itself, or figures would be lost."""
    _, run = kernel
    messages = run("import matplotlib.pyplot as plt\nplt.plot([1, 2]);")

    assert "image/png" in messages["display_data"][0]["data"]


def test_databases_and_threads_work_after_the_fork(kernel):
    """DuckDB's own default database, a new one in several threads, and Arrow's pool."""
    _, run = kernel
    code = """
        import duckdb, pyarrow.compute as pc, pyarrow as pa
        duckdb.connect(config={"threads": 2}).execute("select sum(i) from range(9999999) t(i)")
        print(duckdb.sql("select 42").fetchone()[0], pc.sum(pa.array(range(100000))).as_py())
    """

    assert "42 4999950000\n" == printed(run(textwrap.dedent(code)))


def test_an_interrupt_stops_the_cell_and_not_the_kernel(kernel):
    """The stop button works as on an ordinary kernel."""
    manager, run = kernel
    os.kill(manager.provisioner.pid, 0)
    messages = run(
        "import os, signal, threading, time\n"
        "threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()\ntime.sleep(30)"
    )

    assert "error" == messages["status"]
    assert "KeyboardInterrupt" == messages["error"][0]["ename"]
    assert "still\n" == printed(run("print('still')"))


def test_chance_differs_from_kernel_to_kernel():
    """The state of numpy's generator is not inherited: two kernels would draw the same."""
    draws = {forked("import numpy; print(numpy.random.random())") for _ in range(2)}

    assert 2 == len(draws)


def forked(code, **options):
    """What code prints in a forked process that becomes no kernel but runs it."""
    reader, writer = os.pipe()
    keep = os.dup(1)
    try:
        os.dup2(writer, 1)
        child = warm.fork(
            ["x", "-c", code], env=dict(os.environ), cwd=options.get("cwd", os.getcwd())
        )
    finally:
        os.dup2(keep, 1)
        os.close(keep)
        os.close(writer)
    child.wait(20)
    with os.fdopen(reader) as handle:
        return handle.read()


@pytest.mark.parametrize(
    ("end", "code"),
    [("os._exit(7)", 7), ("os.kill(os.getpid(), 9)", -9), ("os.kill(os.getpid(), 15)", -15)],
)
def test_exit_codes_come_through(kernel, end, code):
    """The status of a kernel that ends itself or is killed is what its parent would have seen."""
    manager, _ = kernel
    process = manager.provisioner.process
    with pytest.raises((RuntimeError, TimeoutError)):
        said_until_death(manager, f"import os; {end}")

    assert code == process.wait(10)


def said_until_death(manager, code):
    """Runs a cell that ends its kernel; raises once the kernel is gone."""
    client = manager.client()
    client.start_channels()
    client.execute(code)
    process = manager.provisioner.process
    process.wait(20)
    client.stop_channels()
    if asyncio.run(manager.provisioner.poll()) is not None:
        raise RuntimeError("dead")


def test_two_hundred_forks():
    """Each starts, imports nothing, computes in threads and ends with its own code."""
    process = warm.start()
    script = "import sys, duckdb; duckdb.sql('select 1').fetchall(); sys.exit({code})"
    codes = []
    for number in range(0, FORKS, 4):
        four = [
            process.fork(
                ["x", "-c", script.format(code=(number + i) % 250)], env=dict(os.environ), cwd="/"
            )
            for i in range(4)
        ]
        codes += [child.wait(60) for child in four]

    assert [number % 250 for number in range(FORKS)] == codes
    assert 1 == len(os.listdir(f"/proc/{process.pid}/task"))


def test_the_warm_process_runs_one_thread_and_is_gone_when_stopped():
    """Nothing is left of it, nor of a kernel that still runs."""
    process = warm.start()
    child = process.fork(
        ["x", "-c", "import time; time.sleep(60)"], env=dict(os.environ), cwd="/"
    )
    threads = len(os.listdir(f"/proc/{process.pid}/task"))
    warm.stop()

    assert 1 == threads
    assert warm.wait_gone(process.pid, 5)
    assert warm.wait_gone(child.pid, 5)


def test_a_killed_owner_takes_all_with_it(tmp_path):
    """kill -9 of whoever started the warm process ends it and its kernels."""
    script = """
        import os, sys, time
        from repurchase.press.kernels import warm
        process = warm.start()
        env = dict(os.environ)
        child = process.fork(["x", "-c", "import time; time.sleep(60)"], env=env, cwd="/")
        print(process.pid, child.pid, flush=True)
        time.sleep(60)
    """
    owner = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE, text=True
    )
    pids = [int(word) for word in owner.stdout.readline().split()]
    owner.kill()
    owner.wait()
    owner.stdout.close()

    assert 2 == len(pids)
    assert [True, True] == [warm.wait_gone(pid, 10) for pid in pids]


def test_a_killed_warm_process_takes_its_kernels_and_another_one_serves():
    """The kernel's status is that it was killed; the next kernel is forked from a new process."""
    process = warm.start()
    env = dict(os.environ)
    child = warm.fork(["x", "-c", "import time; time.sleep(60)"], env=env, cwd="/")
    os.kill(process.pid, signal.SIGKILL)

    assert -signal.SIGKILL == child.wait(10)
    assert warm.wait_gone(child.pid, 10)
    assert 5 == warm.fork(["x", "-c", "raise SystemExit(5)"], env=env, cwd="/").wait(60)
    assert process.pid != warm.start().pid


def test_a_changed_library_is_imported_anew(tmp_path):
    """A module that was changed after it was imported is never run from memory."""
    package = tmp_path / "repurchase_path" / "repurchase"
    source = Path(warm.__file__).parents[2]
    package.parent.mkdir()
    subprocess.run(["cp", "-r", str(source), str(package)], check=True)
    script = """
        import os, pathlib, sys
        from repurchase.press.kernels import warm
        import repurchase
        env = dict(os.environ)
        code = "import repurchase.show.style as s; print(getattr(s, 'ADDED', 'before'), flush=True)"
        warm.fork(["x", "-c", code], env=env, cwd="/").wait(60)
        style = pathlib.Path(repurchase.__file__).parent / "show" / "style.py"
        style.write_text(style.read_text() + "\\nADDED = 'after'\\n")
        warm.fork(["x", "-c", code], env=env, cwd="/").wait(60)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        env=os.environ | {"PYTHONPATH": str(package.parent)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert "before\nafter\n" == done.stdout, done.stderr


@pytest.mark.parametrize("reason", ["windows", "environment", "interpreter"])
def test_an_ordinary_kernel_serves_where_none_can_be_forked(reason, monkeypatch, tmp_path):
    """Fork unsafe, another PYTHONPATH, another interpreter: the same command, launched."""
    launched = []
    monkeypatch.setattr(
        provisioner.LocalProvisioner,
        "launch_kernel",
        lambda self, cmd, **kwargs: launch(self, cmd, launched),
    )
    if reason == "windows":
        monkeypatch.setattr(warm.sys, "platform", "win32")
    env = dict(os.environ)
    if reason == "environment":
        env["PYTHONPATH"] = str(tmp_path)
    python = "/another/python" if reason == "interpreter" else sys.executable
    ours = provisioner.ForkedProvisioner()
    command = [python, "-m", "ipykernel_launcher", "-f", "k.json"]
    asyncio.run(ours.launch_kernel(command, env=env))

    assert [command] == launched
    assert not ours.forked


async def launch(self, cmd, launched):
    """What stands in for the launch of an ordinary kernel."""
    launched.append(cmd)
    return {}


@pytest.mark.parametrize("how", ["forked", "ordinary"])
def test_nbval_starts_its_own_kernels_and_leaves_none(root, tmp_path, how):
    """Told so by Jupyter's own variable it forks them; not told, or elsewhere, they are ordinary.

    The warm process belongs to pytest's process and goes with it.
    """
    notebook = nbformat.v4.new_notebook()
    shown = nbformat.v4.new_output("stream", text=f"{how == 'forked'}\n")
    source = "import sys\nprint('repurchase.review' in sys.modules)"
    notebook.cells = [nbformat.v4.new_code_cell(source, outputs=[shown], execution_count=1)]
    nbformat.write(notebook, tmp_path / "asked.ipynb")
    # what pip writes when the project is installed
    installed = tmp_path / "lib" / "repurchase-0.dist-info"
    installed.mkdir(parents=True)
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: repurchase\nVersion: 0\n")
    where = f"{provisioner.__name__}:{provisioner.ForkedProvisioner.__name__}"
    (installed / "entry_points.txt").write_text(
        f"[{KernelProvisionerFactory.GROUP_NAME}]\n{NAME} = {where}\n"
    )
    paths = os.pathsep.join([str(tmp_path / "lib"), str(root / "lib")])
    environment = {**os.environ, "PYTHONPATH": paths, "REVIEW_MARK": str(tmp_path)}
    if how == "forked":
        environment[KernelProvisionerFactory.default_provisioner_name_env] = NAME
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:cov"]
    done = subprocess.run(
        [*command, "--nbval", "--rootdir", str(tmp_path), str(tmp_path / "asked.ipynb")],
        env=environment, cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert 0 == done.returncode, done.stdout[-3000:] + done.stderr[-2000:]
    assert "1 passed" in done.stdout
    assert [] == marked(str(tmp_path), seconds=10)


def marked(mark, *, seconds):
    """The processes whose environment has the mark, once none has or the time is up."""
    until = time.monotonic() + seconds
    while True:
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.environ().get("REVIEW_MARK") == mark:
                    found.append(process.cmdline())
        if not found or time.monotonic() > until:
            return found
        time.sleep(0.1)


def test_the_entry_point_is_declared(root):
    """Jupyter finds the provisioner by the name under which we register it."""
    import tomllib

    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    group = project["entry-points"]["jupyter_client.kernel_provisioners"]

    assert {NAME: f"{provisioner.__name__}:{provisioner.ForkedProvisioner.__name__}"} == group


def test_a_message_with_its_descriptors_arrives_whole():
    """Length, body and file descriptors, also when the body is long."""
    import socket
    import threading

    ours, theirs = socket.socketpair()
    message = {"text": "页" * 300_000}
    thread = threading.Thread(target=server.send, args=(ours, message, (0, 1)))
    thread.start()
    received, descriptors = server.receive(theirs)
    thread.join()
    for descriptor in descriptors:
        os.close(descriptor)
    ours.close()

    assert json.dumps(message) == json.dumps(received)
    assert 2 == len(descriptors)
    assert (None, []) == server.receive(theirs)
    theirs.close()


HEAVY = ("duckdb", "ibis", "matplotlib", "nbconvert", "nbformat", "pandas", "papermill", "pyarrow",
         "seaborn", "scipy", "scipy.stats")  # fmt: skip


def modules_after(code):
    """Which of the heavy libraries a fresh interpreter has imported after that code."""
    ask = f"{code}\nimport sys\nprint(*[m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", ask], capture_output=True, text=True, check=True, env=os.environ
    )
    return done.stdout.split()


def test_the_command_line_imports_nothing_heavy():
    """What an unchanged pack needs to be told of, and what starts the warm process."""
    code = "import repurchase.cli, repurchase.press.run, repurchase.press.kernels.warm"

    assert [] == modules_after(code)


def test_the_warm_process_imports_what_chapters_need_and_no_more():
    """seaborn and scipy.stats take longer to import than a chapter to run, and no chapter asks."""
    found = modules_after("from repurchase.press.kernels import server\nserver._import_all()")

    assert {"duckdb", "ibis", "matplotlib", "pandas", "pyarrow", "scipy"} <= {*found}
    assert not {"seaborn", "scipy.stats", "papermill", "nbconvert"} & {*found}
