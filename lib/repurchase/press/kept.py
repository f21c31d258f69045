"""Executed chapters that are kept, so that nothing is run again that would come out the same.

    .cache/chapters/<profile>/<key>.ipynb      an executed notebook (mode 600: rows may stand in it)
    .cache/chapters/<profile>/<key>.zip        the files of the lists that it handed out (mode 600)
    .cache/packs/<profile>/<period>.json       the key of the pack in place

A key is a digest of everything that the thing is made of. What a notebook reads cannot always be
told from its text: one that does more than ask the library (see `only_asks_the_library`) has no
key and runs each time.
"""

from __future__ import annotations

import ast
import contextlib
import hashlib
import json
import os
import shutil
import zipfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from repurchase.digests import LIBRARY, digest, environment, file_digest, tree_digest
from repurchase.params import Params
from repurchase.press import pack

if TYPE_CHECKING:
    from repurchase.model.snapshot import Snapshot
    from repurchase.press.chapters import Chapter

LAYOUT = 1
Files = list[tuple[str, bytes]]
# no chapter calls these; the rest of the library it does, or may
NOT_READ = ("press", "cli.py", "__main__.py", "catalogue.py")
# but for those that start its kernel and hand it what it is told
READ_OF_PRESS = ("press/kernels", "press/chapters.py", "press/engine.py")
KEPT, KEPT_LISTS = 60, 6
SUMMARY = "summary"

PURE = {
    "__future__", "calendar", "collections", "dataclasses", "datetime", "decimal", "fractions",
    "functools", "ibis", "itertools", "math", "matplotlib", "numpy", "operator", "pandas",
    "repurchase", "repurchase.show", "scipy", "seaborn", "statistics", "string", "textwrap",
    "typing",
}  # fmt: skip
OUTWARD = {
    "breakpoint", "compile", "connect", "eval", "exec", "fromfile", "genfromtxt", "get_ipython",
    "getattr", "globals", "imread", "importlib", "input", "io", "load", "load_dataset", "loadmat",
    "loadtxt", "locals", "memmap", "now", "open",
    "os", "raw_sql", "subprocess", "sys", "today", "urlopen", "use", "utcnow", "vars",
}  # fmt: skip
# a font that is named is the machine's, and no key says which file that was
FONTS = {
    "FontProperties", "family", "findfont", "font", "font_manager", "font_properties", "fontdict",
    "fontfamily", "fontname", "fontproperties", "rc", "rcParams", "set_family", "set_fontfamily",
    "set_fontname", "set_fontproperties",
}  # fmt: skip
OUTWARD_PREFIXES = ("__", "from_", "rc_", "read_", "to_csv", "to_parquet", "to_sql")


def only_asks_the_library(notebook: Mapping[str, Any]) -> bool:
    """Whether every code cell is plain Python that reads no file, network, clock or environment.

    A chart's font that is named is a file of the machine.

    Judged by names, strictly: a notebook that only might read something counts as one that does.
    """
    cells = [c for c in notebook.get("cells", ()) if c.get("cell_type") == "code"]
    return all(_asks_only("".join(cell["source"])) for cell in cells)


def _asks_only(source: str) -> bool:
    try:
        tree = ast.parse(source)
    except SyntaxError:  # a magic, a shell command, or a mistake
        return False
    return not any(_reaches_out(node) for node in ast.walk(tree))


def _reaches_out(node: ast.AST) -> bool:
    if isinstance(node, ast.Import):
        return any(not _pure(alias.name) for alias in node.names)
    if isinstance(node, ast.ImportFrom):
        return not _pure(node.module or "") or any(_outward(alias.name) for alias in node.names)
    if isinstance(node, ast.Name):
        return _outward(node.id)
    if isinstance(node, ast.keyword):
        return node.arg in FONTS
    if isinstance(node, ast.Constant):
        return isinstance(node.value, str) and node.value.startswith(("font.", "fontf", "fontn"))
    if not isinstance(node, ast.Attribute):
        return False
    ours = isinstance(node.value, ast.Name) and (node.value.id, node.attr) == ("review", "load")
    return not ours and _outward(node.attr)


def _pure(module: str) -> bool:
    top = module.partition(".")[0]
    return module in PURE or (top in PURE and top != "repurchase")


def _outward(name: str) -> bool:
    return name in OUTWARD or name in FONTS or name.startswith(OUTWARD_PREFIXES)


def ingredients(params: Params, snapshot: Snapshot) -> dict[str, Any]:
    """What every chapter of a run may read, but for its own notebook.

    The language's catalogue counts only where it is read: English needs none.
    """
    assert params.period is not None
    skip = (*NOT_READ, "locale") if params.language == "en" else NOT_READ
    press = [tree_digest(LIBRARY / p) if (LIBRARY / p).is_dir() else file_digest(LIBRARY / p)
             for p in READ_OF_PRESS]  # fmt: skip
    return {
        "layout": LAYOUT,
        "name": params.name,
        "period": params.period.label,
        "profile": params.profile.model_dump(mode="json", by_alias=True),
        "period_file": params.period_file.model_dump(mode="json", by_alias=True),
        "targets": [asdict(target) for target in params.targets],
        "data": params.data,
        "looks": params.looks.to_json(),
        "beside": _beside(params),
        "snapshot": snapshot.id,
        "library": [tree_digest(LIBRARY, skip=skip), *press],
        "environment": environment(),
    }


def _beside(params: Params) -> list[list[str]]:
    """The company's own files: everything in its folder but notebooks."""
    folder = params.root / "params" / params.name
    files = (p for p in sorted(folder.rglob("*")) if p.is_file() and p.suffix != ".ipynb")
    return [[p.relative_to(folder).as_posix(), file_digest(p)] for p in files]


def keys(params: Params, snapshot: Snapshot, chapters: Iterable[Chapter]) -> dict[str, str | None]:
    """The key of each chapter but for what it is told by others; None: it runs each time."""
    common = digest(ingredients(params, snapshot))
    return {chapter.name: _key(chapter, common) for chapter in chapters}


def asks_only(chapter: Chapter) -> bool:
    """The same of a chapter's file; False if it cannot be read."""
    return _plain_content(chapter) is not None


def _plain_content(chapter: Chapter) -> bytes | None:
    content = chapter.path.read_bytes()
    try:
        notebook = json.loads(content)
    except ValueError:
        return None
    return content if only_asks_the_library(notebook) else None


def _key(chapter: Chapter, common: str) -> str | None:
    content = _plain_content(chapter)
    if content is None:
        return None
    return digest([common, chapter.name, chapter.own, hashlib.sha256(content).hexdigest()])


def told_key(
    key: str | None, others: Mapping[str, str | None], told: tuple[list[Any], list[Any]]
) -> str | None:
    """The key of the chapter that reads what the others recorded."""
    return digest([key, dict(others), told]) if key else None


class Store:
    """Executed chapters of one profile."""

    def __init__(self, params: Params) -> None:
        self.folder = params.root / ".cache" / "chapters" / params.name

    def path(self, key: str) -> Path:
        return self.folder / f"{key}.ipynb"

    def has_all(self, keys: Mapping[str, str | None]) -> bool:
        """Whether no chapter must be run, but perhaps the one that is told by the others."""
        return all(k and self.path(k).is_file() for n, k in keys.items() if n != SUMMARY)

    def take(self, key: str | None, target: Path) -> bool:
        """Copies the executed notebook of that key to `target`; False if there is none."""
        if key is None:
            return False
        try:
            shutil.copyfile(self.path(key), target)
            os.utime(self.path(key))
        except OSError:
            return False
        return True

    def keep(self, key: str | None, executed: Path) -> None:
        """Keeps an executed notebook; that it cannot be kept is no failure of the run."""
        if key is None:
            return
        self._put(self.path(key), lambda part: shutil.copyfile(executed, part))

    def files(self, told: Any, make: Callable[[], Iterable[tuple[str, bytes]]]) -> Files:
        """The names and contents that `make` makes of what was handed out.

        Kept by what was told and by the library; made again where what was kept is damaged.
        """
        key = digest([LAYOUT, told, tree_digest(LIBRARY), environment()])
        path = self.folder / f"{key}.zip"
        found = _unzipped(path)
        if found is None:
            found = list(make())
            self._put(path, lambda part: _zip(part, found))
        with contextlib.suppress(OSError):
            os.utime(path)
        return found

    def _put(self, path: Path, write: Callable[[Path], object]) -> None:
        part = self.folder / f".{path.name}.{os.getpid()}.part"
        with contextlib.suppress(OSError):
            _private(self.folder)
            write(part)
            part.chmod(0o600)
            os.replace(part, path)

    def prune(self) -> None:
        """Leaves the notebooks and the lists that were used last."""
        with contextlib.suppress(OSError):
            for pattern, most in (("*.ipynb", KEPT), ("*.zip", KEPT_LISTS)):
                found = sorted(self.folder.glob(pattern), key=lambda p: p.stat().st_mtime)
                for path in found[:-most]:
                    path.unlink(missing_ok=True)
            for part in self.folder.glob(".*.part"):
                part.unlink(missing_ok=True)


def _zip(path: Path, files: Files) -> None:
    with zipfile.ZipFile(path, "w") as archive:  # not compressed: it is read in the next run
        for name, content in files:
            archive.writestr(name, content)


def _unzipped(path: Path) -> Files | None:
    """What was kept; None where nothing is, or not as it was written."""
    try:
        with zipfile.ZipFile(path) as archive:
            return [(name, archive.read(name)) for name in archive.namelist()]
    except (OSError, zipfile.BadZipFile, EOFError, NotImplementedError):
        return None


def _private(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.chmod(0o700)


def pack_key(params: Params, chapter_keys: Mapping[str, str | None]) -> str | None:
    """The key of a whole pack: its chapters, the press that binds them, what the manifest names."""
    from repurchase.press.provenance import revision

    if None in chapter_keys.values():
        return None
    return digest([list(chapter_keys.items()), tree_digest(LIBRARY), revision(params.root)])


def _state(params: Params) -> Path:
    assert params.period is not None
    return params.root / ".cache" / "packs" / params.name / f"{params.period.label}.json"


def remember(params: Params, key: str | None, folder: Path) -> None:
    """Notes that the pack in place was made of these ingredients."""
    path = _state(params)
    with contextlib.suppress(OSError):
        if key is None:
            path.unlink(missing_ok=True)
            return
        _private(path.parent)
        part = path.with_suffix(f".{os.getpid()}.part")
        part.write_text(json.dumps({"key": key, "pack": folder.name}), encoding="utf-8")
        os.replace(part, path)


def in_place(params: Params, key: str | None, reports: Path) -> Path | None:
    """The pack in place if it was made of the same ingredients and is whole; else None."""
    assert params.period is not None
    folder = pack.current_pack(reports, params.period.label)
    if key is None or folder is None:
        return None
    try:
        noted = json.loads(_state(params).read_text(encoding="utf-8"))
        same = noted == {"key": key, "pack": folder.name}
        whole = same and not pack.damage(folder)
        return folder if whole and (folder / pack.RESTRICTED).is_dir() else None
    except (OSError, ValueError, pack.PressError):
        return None
