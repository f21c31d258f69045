"""The kernels of `make lab`: forked where that is possible, ordinary ones otherwise."""

import json
import os
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import nbformat
import pytest
from jupyter_client.manager import KernelManager
from jupyter_client.provisioning import KernelProvisionerFactory
from repurchase import cli
from repurchase.lab import server
from repurchase.press.kernels import warm


@pytest.fixture
def loaded(review):
    """A Jupyter server's process, as far as kernels are concerned, on a prepared snapshot."""
    server._load_jupyter_server_extension(None)
    yield
    warm.stop()
    KernelProvisionerFactory.clear_instance()


def first_cells(bench_root):
    """The chapter's code up to its first figure, for the little company."""
    notebook = nbformat.read(bench_root / "notebooks" / "retention.ipynb", as_version=4)
    code = [c.source for c in notebook.cells if c.cell_type == "code"]
    assert "profile" in code[0]
    upto = next(i for i, source in enumerate(code) if source.startswith("show."))
    return ['profile, period = "little", "2025-09"', *code[1 : upto + 1]]


def outputs(client, code):
    """What a cell shows, by type of message."""
    messages = {}

    def hook(message):
        messages.setdefault(message["msg_type"], []).append(message["content"])

    reply = client.execute_interactive(code, output_hook=hook, timeout=120)["content"]
    assert "ok" == reply["status"], reply
    return messages


@pytest.mark.parametrize("kind", ["forked", "ordinary"])
def test_a_chapters_first_result_on_a_kernel_of_the_lab(kind, loaded, bench_root, monkeypatch):
    """Everything is imported before the first cell on a forked kernel; both show the same."""
    if kind == "ordinary":
        monkeypatch.setattr(warm, "fork_is_safe", lambda: False)
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(cwd=str(bench_root))
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=120)
        for code in first_cells(bench_root):
            shown = outputs(client, code)
        had = outputs(client, "import sys; print('repurchase.press.kernels' in sys.modules)")
        manager.restart_kernel(now=True)
        client.wait_for_ready(timeout=120)
        again = outputs(client, "print('profile' in globals())")
        forked = manager.provisioner.forked
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)

    (result,) = shown["execute_result"]
    assert (kind == "forked") == forked
    assert "returning" in result["data"]["text/plain"].lower()
    assert f"{kind == 'forked'}\n" == had["stream"][0]["text"]
    assert "False\n" == again["stream"][0]["text"]


def test_the_lab_is_started_with_its_extension(monkeypatch, bench_root):
    """The folder of the notebooks, the project's root, and what forks the kernels."""
    asked = []
    monkeypatch.setattr(cli, "_install_extra", lambda *_: None)
    monkeypatch.setattr(
        cli.subprocess,
        "run",
        lambda command, **told: asked.append((command, told["env"]["REPURCHASE_ROOT"]))
        or subprocess.CompletedProcess(command, 0),
    )
    code = cli.main(["lab"])
    ((command, root),) = asked

    assert 0 == code
    assert [sys.executable, "-m", "jupyter", "lab"] == command[:4]
    assert "--ServerApp.jpserver_extensions=repurchase.lab.server=True" in command
    assert str(bench_root / "notebooks") in command and str(bench_root) == root


def test_a_jupyter_server_forks_its_kernels_and_leaves_nothing(bench_root, tmp_path):
    """A real server, asked over HTTP for a kernel; its warm process ends with it."""
    pytest.importorskip("jupyter_server")
    port_file = tmp_path / "runtime"
    environment = os.environ | {
        "JUPYTER_RUNTIME_DIR": str(port_file),
        "JUPYTER_CONFIG_DIR": str(tmp_path / "config"),
        "PYTHONPATH": str(Path(server.__file__).parents[2]),
    }
    command = [sys.executable, "-m", "jupyter_server", "--no-browser", "--port=0", "--allow-root",
               "--IdentityProvider.token=t", f"--ServerApp.root_dir={bench_root}",
               "--ServerApp.jpserver_extensions=repurchase.lab.server=True"]  # fmt: skip
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        address = _address(port_file, process, tmp_path / "log")
        _asked(address, "api/kernels", "POST")
        started = _children(process.pid, "repurchase.press.kernels.server")
        kernels = [k for pid in started for k in _children(pid, "")]
    finally:
        process.terminate()
        process.wait(30)

    assert 1 == len(started)
    assert 1 == len(kernels)
    assert [True, True] == [warm.wait_gone(pid, 10) for pid in (*started, *kernels)]


def _address(folder, process, log):
    for _ in range(600):
        for file in folder.glob("jpserver-*.json") if folder.is_dir() else ():
            return json.loads(file.read_text())["url"]
        assert process.poll() is None, log.read_text()
        time.sleep(0.1)
    raise AssertionError(log.read_text())


def _asked(address, path, method):
    request = urllib.request.Request(
        f"{address}{path}", method=method, headers={"Authorization": "token t"}, data=b"{}"
    )
    with urllib.request.urlopen(request, timeout=120) as answer:
        return json.load(answer)


def _children(pid, words):
    import psutil

    return [p.pid for p in psutil.Process(pid).children() if words in " ".join(p.cmdline())]
