"""Opens a notebook as the lab does and runs its cells until the first figure: KIND NOTEBOOK.

Prints one line of JSON: seconds from the start of the kernel until it answers, until the first
displayed result and until the first figure. KIND is `forked` or `ordinary`.
"""

import contextlib
import json
import sys
import time
from pathlib import Path

import nbformat
from jupyter_client.manager import KernelManager
from repurchase.press.kernels import provisioner, warm

MIME = ("text/html", "image/svg+xml", "image/png")
PICTURE = 'src="data:image/'


def main() -> None:
    kind, notebook = sys.argv[1], Path(sys.argv[2])
    cells = nbformat.read(notebook, as_version=4).cells
    if kind == "forked":
        provisioner.register()
        shut(*opened(notebook.parent))  # the warm process has then imported everything
    start = time.perf_counter()
    manager, client = opened(notebook.parent)
    if kind == "forked" and not manager.provisioner.forked:
        raise SystemExit("the kernel was not forked")
    seconds = {"ready": time.perf_counter() - start}

    def shown(message):
        data = message["content"].get("data", {})
        now = time.perf_counter() - start
        if any(mime in data for mime in MIME):
            seconds.setdefault("result", now)
        if any(mime.startswith("image/") for mime in data) or PICTURE in data.get("text/html", ""):
            seconds.setdefault("figure", now)

    for cell in cells:
        if cell.cell_type == "code" and "figure" not in seconds:
            source = cell.source.replace('period = ""', 'period = "2025-09"')
            reply = client.execute_interactive(source, output_hook=shown, timeout=120)
            if reply["content"]["status"] != "ok":
                raise SystemExit(f"{reply['content']['ename']}: {reply['content']['evalue']}")
    shut(manager, client)
    warm.stop()
    if "figure" not in seconds:
        raise SystemExit(f"{notebook.name} shows no figure")
    print(json.dumps(seconds))


def opened(folder: Path):
    """A kernel that answers, and its client."""
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(cwd=str(folder))
    client = manager.client()
    client.start_channels()
    client.wait_for_ready(timeout=120)
    return manager, client


def shut(manager, client) -> None:
    """Ends both."""
    client.stop_channels()
    with contextlib.suppress(Exception):
        manager.shutdown_kernel(now=True)


if __name__ == "__main__":
    main()
