"""What has been put in its place stays there through a loss of power.

A rename can reach the disk before the content of what was renamed: the new name then leads to empty
files. So content first, then its names, then the rename, then the name of that.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

# a file system that cannot do it for a folder says one of these
_CANNOT = frozenset({errno.EINVAL, errno.ENOTSUP, errno.EBADF})


def settle(folder: Path) -> None:
    """Returns once every file and folder below, and the folder itself, is on the disk.

    Raises OSError if the disk does not take them, which only now may turn out for a full one.
    """
    for path in _deepest_first(folder):
        if path.is_dir():
            settle_names(path)
        else:
            settle_file(path)


def settle_file(path: Path) -> None:
    """Returns once the file's content is on the disk; raises OSError if it cannot be."""
    # Windows flushes only what is open for writing
    with path.open("r+b" if os.name == "nt" else "rb") as handle:
        os.fsync(handle.fileno())


def settle_names(folder: Path) -> None:
    """Returns once the names in the folder are on the disk; does nothing where that is unknown."""
    if os.name == "nt":
        return
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(number)
    except OSError as error:
        if error.errno not in _CANNOT:
            raise
    finally:
        os.close(number)


def _deepest_first(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.is_symlink():
            continue
        if path.is_dir():
            yield from _deepest_first(path)
        else:
            yield path
    yield folder
