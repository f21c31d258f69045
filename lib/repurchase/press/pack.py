"""A pack's folder: written aside, hashed, and put in its place by one swap.

Whatever is killed in between leaves the old pack or the new one in place, and files that the next
run of the period removes; so does a loss of power, since each step is on the disk before the next
(`durable`). All of it happens under the period's lock (`held`).
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from repurchase import durable
from repurchase.archive import CURRENT, PACKS, current_pack, pointed
from repurchase.errors import ParameterError, PressError, UsageError
from repurchase.locks import locked
from repurchase.period import Period
from repurchase.press import stopping

RESTRICTED = "restricted"
MANIFEST = "manifest.json"
BESIDE = "-candidate"  # behind the period: the candidate for a period that has been signed
PLACING = "placing-"  # names a signed pack while nothing points to it yet
Say = Callable[[str], None]

__all__ = ["PACKS", "RESTRICTED", "current_pack"]


@contextlib.contextmanager
def held(
    reports: Path, period: Period, *, wait: float = 0.0, say: Say | None = None
) -> Iterator[None]:
    """Works alone on a period: holds its lock, removes what a killed run left, can be stopped.

    Temporary files of the block lie in a folder that goes with it. Raises BusyError naming the
    other process if it still works on the period after `wait` seconds, PressError if the reports
    folder cannot be written.
    """
    what = f"{reports.name} {period.label}"
    temporary = stopping.scratch_place(reports, period.label)
    with stopping.stoppable(), contextlib.ExitStack() as stack:
        try:
            lock = reports / PACKS / f".lock-{period.label}"
            stack.enter_context(locked(lock, what=what, wait=wait, say=say))
            tidy(reports, period.label)
        except OSError as error:
            raise _unwritable(reports, error) from None
        try:
            with stopping.scratch(reports, period.label):
                yield
        except BaseException:  # wherever it was stopped: the same that the next run would remove
            with stopping.undisturbed(), contextlib.suppress(OSError):
                stopping.remove_scratch(temporary)
                tidy(reports, period.label)
            raise


@contextlib.contextmanager
def aside(reports: Path, period: Period) -> Iterator[Path]:
    """A new folder beside the packs; whatever is left in it is removed at the end."""
    folder = reports / PACKS / f"new-{period.label}-{os.getpid()}"
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
    except OSError as error:
        raise _unwritable(reports, error) from None
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _unwritable(reports: Path, error: OSError) -> PressError:
    return PressError(
        f"the reports folder cannot be written: {error.strerror}",
        where=f"reports/{reports.name}",
        remedy="free space or mend the permissions; what stood there before is untouched",
    )


def write_text(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")


def json_text(value: Any) -> str:
    """JSON that two runs write alike; a number that is not finite is a mistake of ours."""
    return json.dumps(value, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def write_json(path: Path, value: Any) -> None:
    write_text(path, json_text(value))


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a pack; PressError if it cannot be read."""
    try:
        read = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        if isinstance(read, dict):
            return read
    except (OSError, ValueError):
        pass
    raise PressError(
        "the pack has no manifest that can be read",
        where=f"reports/{folder.parent.parent.name}/{PACKS}/{folder.name}",
        remedy="make the pack again, or restore it from a backup",
    )


def hashes(folder: Path) -> dict[str, str]:
    """SHA-256 of every file of the pack, by its path in it, but for the manifest itself."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path != folder / MANIFEST
    }


def delivered(folder: Path) -> dict[str, str]:
    """The hashes of what may leave the house: all but `restricted/`."""
    return {n: h for n, h in hashes(folder).items() if not n.startswith(f"{RESTRICTED}/")}


def damage(folder: Path) -> list[str]:
    """The files of a pack that are not what its manifest says, by name; empty if all are."""
    said, found = read_manifest(folder).get("files", {}), delivered(folder)
    return sorted(name for name in {*said, *found} if said.get(name) != found.get(name))


def signed_edition(reports: Path, period: Period) -> Path | None:
    """The signed pack in place for the period, or None."""
    folder = current_pack(reports, period.label)
    return folder if folder and is_signed(folder) else None


def check_unsigned(reports: Path, period: Period) -> None:
    """Raises UsageError if the period's pack is signed: a run would replace it."""
    folder = signed_edition(reports, period)
    if folder is None:
        return
    manifest = read_manifest(folder)
    raise UsageError(
        f"{period.label} was signed by {manifest.get('signed_by')} on {manifest.get('signed_on')}",
        where=f"reports/{reports.name}/{period.label}",
        rule="a signed pack is not replaced by a run",
        remedy="to make another edition: monthly-report --republish (REPUBLISH=1) makes its"
        " candidate beside it, publish --republish puts that in its place",
    )


def place(folder: Path, reports: Path, period: Period, *, beside: bool = False) -> Path:
    """Moves a finished pack to its name and swaps the period's link to it; returns its place.

    A stop meanwhile comes when it is done. `beside` leaves the period's pack where it is and
    points `<period>-candidate` to the new one.
    The name is a hash of the manifest, so that equal packs share it. What nothing points to any
    more is removed, unless it is signed. Raises UsageError rather than replace a signed pack by
    one that is not, PressError if the period's name is taken by something else.
    """
    signed = is_signed(folder)
    name = f"{period.label}{BESIDE}" if beside else period.label
    if not signed and not beside:
        check_unsigned(reports, period)
    _check_free(reports, name)
    try:
        (folder / RESTRICTED).chmod(0o700)
        durable.settle(folder)  # before, as it may take long on a slow disk
        with stopping.undisturbed():
            final = _moved(folder, reports, period, signed=signed)
            put = _point(reports, period, name, final)
            (reports / PACKS / f"{PLACING}{period.label}").unlink(missing_ok=True)
            if not beside:
                _unpoint(reports, f"{period.label}{BESIDE}")
            tidy(reports, period.label)
    except OSError as error:
        raise _unwritable(reports, error) from None
    return put


def _moved(folder: Path, reports: Path, period: Period, *, signed: bool) -> Path:
    """The finished pack under its name; where an equal one stands already, that one."""
    final = _final(folder, reports, period, signed=signed)
    if not final.exists():
        if signed:
            swap_text(reports / PACKS / f"{PLACING}{period.label}", final.name)
        os.replace(folder, final)
        durable.settle_names(final.parent)
    return final


def _final(folder: Path, reports: Path, period: Period, *, signed: bool) -> Path:
    """The pack's name: one that is free, or that of a pack with the same content."""
    digest = hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest()[:16]
    name = f"{period.label}-{'signed-' if signed else ''}{digest}"
    number = 1
    while True:
        final = reports / PACKS / (name if number == 1 else f"{name}.{number}")
        if not final.exists() or _same(final, folder):
            return final
        number += 1  # somebody changed that pack's files: it is not this one


def _same(final: Path, folder: Path) -> bool:
    equal = (final / MANIFEST).is_file() and (
        (final / MANIFEST).read_bytes() == (folder / MANIFEST).read_bytes()
    )
    return equal and not damage(final)


def _check_free(reports: Path, name: str) -> None:
    place = reports / name
    if os.path.lexists(place) and not place.is_symlink() and not (place / CURRENT).is_file():
        raise PressError(
            f"{name} is not a pack's link",
            where=f"reports/{reports.name}/{name}",
            remedy="move it away; it was not made by the press",
        )


def _point(reports: Path, period: Period, name: str, final: Path) -> Path:
    """Swaps what the name points to in one step; returns where the pack can be opened."""
    link, packs = reports / name, reports / PACKS
    swap = packs / f"link-{period.label}-{os.getpid()}"
    swap.unlink(missing_ok=True)
    if not link.is_dir() or link.is_symlink():
        try:
            os.symlink(Path(PACKS) / final.name, swap, target_is_directory=True)
        except (OSError, NotImplementedError):
            link.mkdir(exist_ok=True)
        else:
            os.replace(swap, link)
            durable.settle_names(reports)
            return link
    swap.write_text(final.name + "\n", encoding="utf-8")
    durable.settle_file(swap)
    os.replace(swap, link / CURRENT)
    for folder in (link, reports):
        durable.settle_names(folder)
    return final


def _unpoint(reports: Path, name: str) -> None:
    place = reports / name
    if place.is_symlink():
        place.unlink()
    elif (place / CURRENT).is_file():
        (place / CURRENT).unlink()
        place.rmdir()


def tidy(reports: Path, label: str) -> list[str]:
    """Removes what no name of the period points to, but for signed packs; returns its names.

    Only under the period's lock: what another run of it is writing looks the same.
    """
    kept = {pointed(reports, label), pointed(reports, label + BESIDE)}
    left = re.compile(rf"(?:new|link)-{re.escape(label)}-\d+(?:-gone)?")
    packs = unsigned_packs(reports, label)
    (reports / f".{label}-failed.html.part").unlink(missing_ok=True)
    removed = _remove_half_placed(reports, label, kept)
    for path in sorted((reports / PACKS).iterdir()) if (reports / PACKS).is_dir() else ():
        if left.fullmatch(path.name) or (path in packs and path not in kept):
            _remove(path, label)
            removed.append(path.name)
    for name in (label, label + BESIDE):  # an empty folder, where links are made by files
        place = reports / name
        if place.is_dir() and not place.is_symlink() and not any(place.iterdir()):
            place.rmdir()
    return removed


def _remove_half_placed(reports: Path, label: str, kept: set[Path | None]) -> list[str]:
    """A signed pack whose run was killed before anything pointed to it was never published."""
    packs = reports / PACKS
    (packs / f".{PLACING}{label}.part").unlink(missing_ok=True)
    placing = packs / f"{PLACING}{label}"
    if not placing.is_file():
        return []
    path = packs / Path(placing.read_text(encoding="utf-8").strip()).name
    half = path.is_dir() and path not in kept and path.name.startswith(f"{label}-signed-")
    if half:
        _remove(path, label)
    placing.unlink()
    return [path.name] if half else []


def unsigned_packs(reports: Path, label: str | None = None) -> list[Path]:
    """The folders of packs that are not signed, in place or not, of one period or of all."""
    name = r"\d{4}(?:-\d\d|-Q\d)?" if label is None else re.escape(label)
    pattern = re.compile(rf"{name}-[0-9a-f]{{16}}(?:\.\d+)?")
    packs = reports / PACKS
    found = [p for p in packs.iterdir() if pattern.fullmatch(p.name)] if packs.is_dir() else []
    return sorted(path for path in found if path.is_dir() and not is_signed(path))


def discard(reports: Path, folder: Path) -> None:
    """Removes an unsigned pack and what points to it; under the lock of its period."""
    label = re.sub(r"-[0-9a-f]{16}(?:\.\d+)?$", "", folder.name)
    if is_signed(folder) or as_period(label) is None:
        raise ValueError(f"{folder.name} is no unsigned pack")
    for name in (label, label + BESIDE):
        if pointed(reports, name) == folder:
            _unpoint(reports, name)
    _remove(folder, label)


def _remove(path: Path, label: str) -> None:
    """Renamed before it is removed, so that a pack at its name is always whole."""
    if path.is_symlink() or path.is_file():
        path.unlink(missing_ok=True)
        return
    gone = path.parent / f"new-{label}-{os.getpid()}-gone"
    if path != gone:
        shutil.rmtree(gone, ignore_errors=True)
        os.replace(path, gone)
    shutil.rmtree(gone)


def is_signed(folder: Path) -> bool:
    """Whether that folder is a signed pack, by its name or else its manifest."""
    if re.search(r"-signed-[0-9a-f]{16}(?:\.\d+)?$", folder.name):
        return True
    try:
        return read_manifest(folder).get("status") == "signed"
    except PressError:
        return False


def labels(reports: Path) -> list[str]:
    """The periods that have a pack in place, the latest end first."""
    found = []
    for path in reports.iterdir() if reports.is_dir() else ():
        period = as_period(path.name)
        if period and current_pack(reports, path.name):
            found.append(period)
    return [p.label for p in sorted(found, key=lambda p: (p.end, p.label), reverse=True)]


def as_period(name: str) -> Period | None:
    """The period of that name; None if it is none."""
    try:
        period = Period.parse(name)
    except ParameterError:
        return None
    return period if period.label == name else None


def manifests(reports: Path) -> list[dict[str, Any]]:
    """The manifests of the packs in place, newest period first.

    `address` is added: the folder to link to from `reports/<profile>/`.
    """
    found = []
    for label in labels(reports):
        folder = current_pack(reports, label)
        assert folder is not None
        manifest = read_manifest(folder)
        linked = (reports / label).is_symlink()
        found.append({**manifest, "address": label if linked else f"{PACKS}/{folder.name}"})
    return found


def ledger(reports: Path) -> list[dict[str, Any]]:
    """Every signed edition, by period and then by edition: read from the packs, nothing else."""
    rows = []
    packs = reports / PACKS
    for folder in sorted(packs.glob("*-signed-*")) if packs.is_dir() else ():
        with contextlib.suppress(PressError):
            rows.append(_ledger_row(reports, folder, read_manifest(folder)))
    return sorted(rows, key=lambda row: (row["period"], row["edition"], row["pack"]))


def _ledger_row(reports: Path, folder: Path, manifest: Mapping[str, Any]) -> dict[str, Any]:
    same = ("period", "edition", "signed_by", "signed_on", "replaces", "language", "data_through",
            "snapshot", "revision")  # fmt: skip
    return {
        **{name: manifest.get(name) for name in same},
        "pack": folder.name,
        "in_place": current_pack(reports, str(manifest.get("period"))) == folder,
        "results_sha256": manifest.get("files", {}).get("results.json"),
    }


def write_indexes(reports: Path, page: Callable[[list[dict[str, Any]]], str]) -> None:
    """`index.html` (by `page`, of the manifests in place) and `ledger.json`, made from the packs.

    Runs of other periods do the same: one at a time, and each file is swapped whole.
    """
    with locked(reports / PACKS / ".lock-index", what="the list of periods", wait=None):
        swap_text(reports / "index.html", page(manifests(reports)))
        swap_text(reports / "ledger.json", json_text(ledger(reports)))


def swap_text(path: Path, text: str) -> None:
    """Writes a text file so that a reader sees the old one or the new one."""
    part = path.with_name(f".{path.name}.part")
    try:
        write_text(part, text)
        durable.settle_file(part)
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    durable.settle_names(path.parent)
