"""Answers of the benches kept on disk: what was asked once of a snapshot is read, not computed.

    .cache/answers/<profile>/<snapshot>/<key>/<question>.answer

The key is a digest of all that an answer is made of: snapshot, library, packages, profile, period
file, targets, the company's own files, period and sample (see `made_of`). What draws and prints is
no part of it, and neither is a chapter's notebook: a changed notebook, a preview, a new kernel and
a run that begins again draw anew what has been computed.

A file holds rows of customers and is its user's alone (mode 600 in folders of mode 700). It is
written aside and renamed; a digest over question and content stands at its head, so that what a
loss of power, a full disk or another hand has left there is computed anew. How it is written and
why reading it runs nothing: see `pickled`.

What the press computes only the press has written: a session in the lab, where anything can be
changed under the library, reads those answers and keeps its own beside them. Where the library is
not what it was when it was imported, nothing is read and nothing is kept.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import itertools
import operator
import os
import re
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from repurchase.digests import LIBRARY, digest, environment, file_digest, tree_digest
from repurchase.params import Params

if TYPE_CHECKING:
    from repurchase.context import Context
    from repurchase.lab.sample import Sample
    from repurchase.model.snapshot import Snapshot

LAYOUT = 1
FOLDER = "answers"
SUFFIX = ".answer"
Asker = Literal["press", "lab"]
NOT_COMPUTED_FROM = {"allow_incomplete", "chapters", "commentary"}
# no bench calls these
NOT_READ = ("press", "show", "cli.py", "__main__.py", "catalogue.py")
# an answer of millions of rows is quicker computed than read, and would fill the disk
LARGEST_BYTES = 256 << 20
MOST_BYTES = 1 << 30  # of one profile, but for the review that is being asked
HEAD = b"repurchase answer\n"
DIGEST_SIZE = 32
MISSING = object()
PARAMETERS = re.compile(r"targets\.csv|tries\.csv|\d{4}(-(\d{2}|Q[1-4]))?\.yaml")


def _stamp() -> dict[str, tuple[int, int]]:
    """Size and time of every file of the library that an answer may come from."""
    found = {}
    for folder, _, names in os.walk(LIBRARY):
        for name in names:
            path = os.path.join(folder, name)
            if name.endswith(".py") and not _read_by_none(Path(path)):
                with contextlib.suppress(OSError):
                    status = os.stat(path)
                    found[path] = (status.st_size, status.st_mtime_ns)
    return found


def _read_by_none(path: Path) -> bool:
    return path.relative_to(LIBRARY).as_posix().startswith(NOT_READ)


_stamp_at_import = _stamp()
_names_at_import: dict[int, tuple[Any, dict[str, Any]]] = {}


def library_is_imported() -> None:
    """Takes note of what the names of every module and class that computes stand for now."""
    for module in [m for n, m in sys.modules.items() if n.partition(".")[0] == "repurchase"]:
        path = getattr(module, "__file__", None)
        if path is None or module.__name__ == __name__ or _read_by_none(Path(path)):
            continue
        for owner in [module, *(v for v in vars(module).values() if isinstance(v, type))]:
            if getattr(owner, "__module__", module.__name__) == module.__name__:
                _names_at_import[id(owner)] = (owner, dict(vars(owner)))


def library_is_untouched() -> bool:
    """Whether its files, and what its modules and classes hold, are as they were when imported."""
    return _names_are_untouched() and _stamp() == _stamp_at_import


def _names_are_untouched() -> bool:
    for owner, names in _names_at_import.values():
        now = map(vars(owner).get, names, itertools.repeat(MISSING))
        if not all(map(operator.is_, now, names.values())):
            return False
    return True


def made_of(params: Params, snapshot: Snapshot, sample: Sample | None = None) -> dict[str, Any]:
    """Everything that an answer may depend on, but for the question.

    Of the profile and the period file is left out what nothing is computed from (a test holds it
    so): a preview, which allows an incomplete period, and a commentary that is written on a
    finished review cost their drawing alone.
    """
    assert params.period is not None
    return {
        "layout": LAYOUT,
        "name": params.name,
        "period": params.period.label,
        "profile": params.profile.model_dump(
            mode="json", by_alias=True, exclude=NOT_COMPUTED_FROM
        ),
        "period_file": params.period_file.model_dump(
            mode="json", by_alias=True, exclude=NOT_COMPUTED_FROM
        ),
        "targets": [asdict(target) for target in params.targets],
        "data": params.data,
        "looks": params.looks.to_json(),
        "beside": _beside(params),
        "snapshot": snapshot.id,
        "library": _library(params.language),
        "environment": environment(),
        "sample": asdict(sample) if sample else None,
    }


@functools.cache
def _library(language: str) -> str:
    """Of the code that computes, and of the catalogue where the review is not in English."""
    return tree_digest(LIBRARY, skip=(*NOT_READ, "locale") if language == "en" else NOT_READ)


def _beside(params: Params) -> list[list[str]]:
    """The company's own files, but notebooks and those that are read as parameters."""
    folder = params.root / "params" / params.name
    found = [(p.relative_to(folder).as_posix(), p) for p in folder.rglob("*") if p.is_file()]
    return [
        [name, file_digest(path)]
        for name, path in sorted(found)
        if path.suffix != ".ipynb" and not PARAMETERS.fullmatch(name)
    ]


def home_of(root: Path, profile: str) -> Path:
    """Where the answers of a profile are kept, a folder a snapshot."""
    return root / ".cache" / FOLDER / profile


def answers_of(
    params: Params, snapshot: Snapshot, context: Context, *, sample: Sample | None, asker: Asker
) -> Answers | None:
    """The kept answers of a review; None where nothing may be read or kept."""
    made = made_of(params, snapshot, sample)
    if not library_is_untouched():
        return None
    home, key = home_of(params.root, params.name), digest(made)
    folder = home / snapshot.id
    if asker == "press":
        return Answers(home, folder / key, (), context, made["beside"])
    return Answers(home, folder / f"{key}-{asker}", (folder / key,), context, made["beside"])


@dataclass
class Answers:
    """The kept answers of one review, by question.

    `own` is the folder that is read and written, `others` are read before it; `beside` are the
    company's files as they were when the key was told.
    """

    home: Path
    own: Path
    others: tuple[Path, ...]
    context: Context
    beside: list[list[str]]
    size: int | None = None  # of the own folder, once something is to be written

    def take(self, question: str) -> Any:
        """The kept answer; MISSING if there is none that can be trusted."""
        if not (_names_are_untouched() and self._beside_is_untouched()):
            return MISSING
        for folder in (*self.others, self.own):
            content = _content(folder / f"{digest(question)}{SUFFIX}", question)
            if content is not None:
                from repurchase import pickled

                with contextlib.suppress(Exception):  # whatever a damaged file leads to
                    return pickled.read(content, self.context)
        return MISSING

    def keep(self, question: str, answer: Any) -> None:
        """Keeps an answer that is plain data; that one cannot be kept is no failure of anything."""
        if not (library_is_untouched() and self._beside_is_untouched()):
            return
        with contextlib.suppress(Exception):  # a lazy table, a full disk
            if self.size is None:
                self.size = self._opened()
            if self.size < MOST_BYTES:
                path = self.own / f"{digest(question)}{SUFFIX}"
                self.size += _written(path, question, answer, self.context)

    def _beside_is_untouched(self) -> bool:
        return self.beside == _beside(self.context.params)

    def _opened(self) -> int:
        """Makes the folder, and room for it; the bytes that it holds."""
        made = not self.own.is_dir()
        for folder in (self.home.parent, self.home, self.own.parent, self.own):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.chmod(0o700)
        os.utime(self.own)
        if made:
            make_room(self.home, keep=self.own)
        return _size(self.own)


def _written(path: Path, question: str, answer: Any, context: Context) -> int:
    """Writes the file aside and renames it; its bytes."""
    from repurchase import pickled

    handle, aside = tempfile.mkstemp(dir=path.parent, prefix=".new-", suffix=SUFFIX)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(HEAD + bytes(DIGEST_SIZE))
            summed = _Summed(file, question)
            pickled.write(answer, summed, context)
            file.seek(len(HEAD))
            file.write(summed.digest())
        os.replace(aside, path)
    finally:
        Path(aside).unlink(missing_ok=True)
    return summed.size


class _Summed:
    """Passes on what is written, sums it up, and refuses more than is worth keeping."""

    def __init__(self, file: Any, question: str) -> None:
        self._file, self._sum, self.size = file, _begun(question), 0

    def write(self, content: Any) -> int:
        count = memoryview(content).nbytes
        self.size += count
        if self.size > LARGEST_BYTES:
            raise OSError("too large to be kept")
        self._sum.update(content)
        self._file.write(content)
        return count

    def digest(self) -> bytes:
        return self._sum.digest()


def _begun(question: str) -> Any:
    return hashlib.blake2b(question.encode() + b"\0", digest_size=DIGEST_SIZE)


def _content(path: Path, question: str) -> bytes | None:
    """What was written for that question, if it is whole and its user's alone."""
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
        with os.fdopen(handle, "rb") as file:
            if not _is_private(os.fstat(handle)):
                return None
            read = file.read()
    except OSError:
        return None
    start = len(HEAD) + DIGEST_SIZE
    content = memoryview(read)[start:]
    summed = _begun(question)
    summed.update(content)
    whole = read[:start] == HEAD + summed.digest()
    return bytes(content) if whole else None


def _is_private(status: os.stat_result) -> bool:
    if not hasattr(os, "geteuid"):  # Windows has other ways to keep a folder to its user
        return True
    others = status.st_mode & (stat.S_IRWXG | stat.S_IRWXO)
    return stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid() and not others


def make_room(home: Path, *, keep: Path | None = None) -> None:
    """Removes what was used longest ago, until the rest of a profile's answers are few enough."""
    found = sorted((p for p in home.glob("*/*") if p.is_dir() and p != keep), key=_used)
    sizes = {folder: _size(folder) for folder in found}
    for folder in found:
        if sum(sizes.values()) <= MOST_BYTES:
            return
        del sizes[folder]
        shutil.rmtree(folder, ignore_errors=True)
        with contextlib.suppress(OSError):
            folder.parent.rmdir()


def _used(folder: Path) -> float:
    try:
        return folder.stat().st_mtime
    except OSError:
        return 0.0


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in _files(folder))


def _files(folder: Path) -> Iterator[Path]:
    with contextlib.suppress(OSError):
        yield from (p for p in folder.iterdir() if p.is_file())
