"""A review made by somebody without a home that takes files: a service, a container's user."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

FOLDERS = {"MPLCONFIGDIR": "matplotlib", "IPYTHONDIR": "ipython"}


@contextlib.contextmanager
def replaced(root: Path | None = None) -> Iterator[None]:
    """Within the block libraries keep in `.cache` what they would keep in such a home.

    `root` is the project's folder, found if it is not given.

    By themselves matplotlib and IPython take a folder for temporary files and say so on the
    terminal of every run; matplotlib ends with a traceback, because by then a run has removed it.
    """
    unset = [name for name in FOLDERS if not os.environ.get(name)]
    wanting = [name for name in unset if not all(map(_takes_files, _places(name)))]
    taken = {name: str(_cache(root) / FOLDERS[name]) for name in wanting}
    os.environ.update(taken)
    try:
        yield
    finally:
        for name in taken:
            os.environ.pop(name, None)


def _cache(root: Path | None) -> Path:
    if root is None:
        from repurchase.params import project_root  # not above: who has a home need not wait for it

        root = project_root()
    return root / ".cache"


def _places(name: str) -> list[Path]:
    """Where the library of that variable keeps its files unless told."""
    try:
        home = Path.home()
    except RuntimeError:  # this user has none at all
        return [Path(os.devnull)]
    if name == "IPYTHONDIR":
        return [home / ".ipython"]
    if not sys.platform.startswith(("linux", "freebsd")):
        return [home / ".matplotlib"]
    bases = {"XDG_CONFIG_HOME": home / ".config", "XDG_CACHE_HOME": home / ".cache"}
    return [Path(os.environ.get(base) or at, "matplotlib") for base, at in bases.items()]


def _takes_files(folder: Path) -> bool:
    there = next(path for path in (folder, *folder.parents) if os.path.exists(path))
    return os.path.isdir(there) and os.access(there, os.W_OK)
