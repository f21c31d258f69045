"""Makes room: candidates of long ago and prepared data that nothing needs; nothing signed."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from repurchase import answers
from repurchase.archive import PACKS, current_pack
from repurchase.errors import PressError, UsageError
from repurchase.locks import locked
from repurchase.press import pack, publish
from repurchase.strict import NAME

Say = Callable[[str], None]
KEEP = 13


@dataclass(frozen=True)
class Pruned:
    """What was removed, or would be: paths relative to the project, and their bytes."""

    paths: tuple[str, ...]
    size: int


def prune(
    root: Path, *, keep: int = KEEP, profile: str = "", dry_run: bool = False, say: Say
) -> Pruned:
    """Removes unsigned packs beyond the newest `keep` periods of each profile, and old snapshots.

    Of the prepared data only the newest snapshot of a profile stays, with the answers that were
    kept of it; it is made again from the sources when an older state is asked for. Signed packs
    stay, in place or replaced, and so does all that the press did not make. Nothing happens while
    a run of the profile is at work (BusyError). With `dry_run` it only says what it would remove.
    """
    if keep < 1:
        raise UsageError(f"KEEP == {keep}, must be at least 1")
    if profile and not NAME.fullmatch(profile):
        raise UsageError(f"{profile!r} is not a profile name", remedy="PROFILE=demo, for example")
    removed: list[str] = []
    size = 0
    for name in [profile] if profile else _profiles(root):
        reports = root / "reports" / name
        with ExitStack() as stack:
            _hold_all(stack, reports, root / ".cache" / "snapshots" / name)
            old = [*_old_packs(reports, keep), *_old_snapshots(root, name)]
            for path in [*old, *_old_answers(root, name)]:
                bytes_ = _size(path)
                shown = path.relative_to(root).as_posix()
                say(f"{'would remove' if dry_run else 'removing'} {shown} ({_megabytes(bytes_)})")
                removed.append(shown)
                size += bytes_
                if not dry_run:
                    _remove(path, reports)
            if not dry_run:
                _write_indexes(reports)
    verb = "would be freed" if dry_run else "freed"
    say(f"{_megabytes(size)} {verb}, {len(removed)} folders" if removed else "nothing to remove")
    return Pruned(tuple(removed), size)


def _profiles(root: Path) -> list[str]:
    places = (root / "reports", root / ".cache" / "snapshots")
    names = {p.name for place in places if place.is_dir() for p in place.iterdir() if p.is_dir()}
    return sorted(name for name in names if NAME.fullmatch(name))


def _hold_all(stack: ExitStack, reports: Path, snapshots: Path) -> None:
    """Takes the lock of each period that has ever been made, and that of the prepared data."""
    for lock in sorted((reports / PACKS).glob(".lock-*")):
        label = lock.name.removeprefix(".lock-")
        stack.enter_context(locked(lock, what=f"{reports.name} {label}"))
    if snapshots.is_dir():
        stack.enter_context(locked(snapshots / ".lock", what=f"the data of {reports.name}"))


def _old_packs(reports: Path, keep: int) -> Iterator[Path]:
    """Unsigned packs of periods beyond the newest, and those that nothing points to."""
    kept = set()
    for label in pack.labels(reports)[:keep]:
        kept |= {current_pack(reports, label), current_pack(reports, label + pack.BESIDE)}
    yield from (path for path in pack.unsigned_packs(reports) if path not in kept)


def _old_snapshots(root: Path, profile: str) -> Iterator[Path]:
    """All prepared data of a profile but the newest."""
    home = root / ".cache" / "snapshots" / profile
    found = [p for p in home.glob("v=*") if p.is_dir() and not p.is_symlink()]
    yield from sorted(found, key=lambda p: (p.stat().st_mtime_ns, p.name))[:-1]


def _old_answers(root: Path, profile: str) -> Iterator[Path]:
    """What was kept of prepared data that are gone, or go now."""
    snapshots = root / ".cache" / "snapshots" / profile
    old = set(_old_snapshots(root, profile))
    there = {p.name for p in snapshots.glob("v=*") if p not in old}
    home = answers.home_of(root, profile)
    found = sorted(p for p in home.glob("*") if p.is_dir() and not p.is_symlink())
    yield from (path for path in found if f"v={path.name}" not in there)


def _remove(path: Path, reports: Path) -> None:
    try:
        if path.parent == reports / PACKS:
            pack.discard(reports, path)
        else:
            gone = path.with_name(f".new-{path.name}")  # the next run removes it if this one dies
            path.replace(gone)
            shutil.rmtree(gone)
    except OSError as error:
        raise PressError(
            f"{path.name} cannot be removed: {error.strerror}", remedy="mend the permissions"
        ) from None


def _write_indexes(reports: Path) -> None:
    """The list of periods anew, in the words of the newest pack that is left."""
    found = pack.manifests(reports)
    if found:
        publish.write_indexes(reports, publish.params_of(found[0], reports.parent.parent))


def _size(folder: Path) -> int:
    return sum(p.stat().st_size for p in folder.rglob("*") if p.is_file() and not p.is_symlink())


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"
