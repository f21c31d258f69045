"""From the patterns of a profile to single plain files: globs, gz and zip."""

from __future__ import annotations

import glob
import gzip
import os
import shutil
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol

from repurchase.errors import SourceError

CHUNK = 1 << 20
ENDINGS = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".txt": "text",
    ".dat": "text",
    ".xlsx": "xlsx",
    ".xlsm": "xlsx",
    ".xls": "xls",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
}
_XLS = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


@dataclass(frozen=True)
class Member:
    """One plain file: where it is, the name a reader knows it by, its kind by its ending."""

    path: Path
    shown: str
    kind: str


@dataclass
class Room:
    """What may still be unpacked, in bytes; shared by all archives of one source."""

    folder: Path
    left: int
    limit: int
    made: int = 0

    def new_path(self, ending: str) -> Path:
        """A path in the scratch folder that no archive has chosen."""
        self.made += 1
        return self.folder / f"{self.made:05d}{ending}"


def found_files(patterns: Sequence[str], *, root: Path) -> list[tuple[Path, str]]:
    """The files that the patterns name, each once, sorted by the name shown.

    A pattern is relative to `root` or absolute; one that is a file's exact name is that file, so
    names with brackets work. Editors' lock files and hidden files do not count.
    """
    found: dict[str, Path] = {}
    for pattern in patterns:
        matched = _matches(pattern, root=root)
        if not matched:
            raise SourceError(
                f"No file matches {pattern!r}.",
                where=_neighbours(pattern, root=root),
                rule="a pattern is a path relative to the profile's data folder, or absolute",
                remedy="mend `files` in the profile, or put the export there",
            )
        for path in matched:
            found[_shown(path, root=root)] = path
    return [(found[name], name) for name in sorted(found)]


def _matches(pattern: str, *, root: Path) -> list[Path]:
    if "://" in pattern:
        raise SourceError(
            f"{pattern!r} is an address, not a file.",
            where="files",
            rule="data is read from files of this machine only; nothing is fetched",
            remedy="download the file and name its path",
        )
    full = root / Path(pattern).expanduser()
    if full.is_file():
        return [full]
    names = glob.glob(str(full), recursive=True)
    paths = [Path(name) for name in names if not Path(name).name.startswith(("~$", "."))]
    return sorted(path for path in paths if path.is_file())


def _neighbours(pattern: str, *, root: Path) -> str:
    folder = (root / pattern).parent
    if not folder.is_dir():
        return f"{pattern} (there is no folder {Path(pattern).parent.as_posix()})"
    names = sorted(path.name for path in folder.iterdir() if path.is_file())
    if not names:
        return f"{pattern} (the folder holds no files)"
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return f"{pattern} (the folder holds {', '.join(names[:5])}{more})"


def _shown(path: Path, *, root: Path) -> str:
    try:
        return Path(os.path.relpath(path, root)).as_posix()
    except ValueError:  # another drive on Windows
        return path.name


def members(path: Path, *, shown: str, format: str, room: Room) -> Iterator[Member]:
    """The plain files in `path`: itself, what its gz holds, or each table of its zip.

    Unpacked files get names of our own in the scratch folder; the names inside an archive are only
    shown. Raises SourceError for an ending that is not known, a damaged or locked archive, a zip
    without a table, and when more than the room's limit would be unpacked.
    """
    ending = path.suffix.lower()
    if path.stat().st_size == 0:
        raise empty_file(shown)
    if ending == ".gz":
        kind = _kind(path.with_suffix("").name, shown=shown, format=format)
        target = room.new_path("." + kind)
        try:
            with gzip.open(path) as stream:
                _unpack(stream, target, shown=shown, room=room)
        except (OSError, EOFError, zlib.error) as err:
            raise _damaged(shown, "gz", err) from err
        yield Member(target, shown, kind)
    elif ending == ".zip":
        yield from _zip_members(path, shown=shown, format=format, room=room)
    else:
        yield Member(path, shown, _kind(path.name, shown=shown, format=format))


def _kind(name: str, *, shown: str, format: str) -> str:
    if format != "auto":
        return format
    kind = ENDINGS.get(PurePosixPath(name).suffix.lower())
    if kind is None:
        raise SourceError(
            f"The ending of {name!r} says no known format.",
            where=shown,
            rule=f"known endings: {' '.join(sorted(ENDINGS))} .gz .zip",
            remedy="name `format` in the profile, or rename the file",
        )
    return kind


def _zip_members(path: Path, *, shown: str, format: str, room: Room) -> Iterator[Member]:
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError) as err:
        raise _damaged(shown, "zip", err) from err
    with archive:
        tables = sorted((_name(entry), i) for i, entry in enumerate(archive.infolist()))
        tables = [(name, i) for name, i in tables if _is_table(name)]
        if not tables:
            raise SourceError(
                "The zip holds no table.",
                where=f"{shown} holds {', '.join(archive.namelist()[:5]) or 'nothing'}",
                rule=f"a table ends in {' '.join(sorted(ENDINGS))}",
                remedy="put the exported tables into the zip",
            )
        for name, i in tables:
            entry = archive.infolist()[i]
            label = f"{shown}/{name}"
            if entry.flag_bits & 1:
                raise SourceError(
                    "The zip is locked with a password.",
                    where=label,
                    rule="archives are read without passwords",
                    remedy="unpack it, and name the files instead",
                )
            if entry.file_size == 0:
                raise empty_file(label)
            kind = format if format != "auto" else ENDINGS[PurePosixPath(name).suffix.lower()]
            target = room.new_path("." + kind)
            try:
                with archive.open(entry) as stream:
                    _unpack(stream, target, shown=label, room=room)
            except (OSError, EOFError, zlib.error, zipfile.BadZipFile, NotImplementedError) as err:
                raise _damaged(label, "zip", err) from err
            yield Member(target, label, kind)


def _is_table(name: str) -> bool:
    path = PurePosixPath(name)
    hidden = path.name.startswith((".", "~$")) or "__MACOSX" in path.parts
    return not hidden and not name.endswith("/") and path.suffix.lower() in ENDINGS


def _name(entry: zipfile.ZipInfo) -> str:
    """The entry's name; Chinese Windows writes GBK where the format says code page 437."""
    if entry.flag_bits & 0x800:
        return entry.filename
    try:
        return entry.filename.encode("cp437").decode("gbk")
    except UnicodeError:
        return entry.filename


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


def _unpack(stream: _Readable, target: Path, *, shown: str, room: Room) -> None:
    with target.open("wb") as out:
        while data := stream.read(CHUNK):
            room.left -= len(data)
            if room.left < 0 or shutil.disk_usage(room.folder).free < 4 * CHUNK:
                what = "than the disk holds" if room.left >= 0 else f"than {room.limit:,} bytes"
                raise SourceError(
                    f"Unpacking would write more {what}.",
                    where=shown,
                    rule="archives are unpacked up to a limit, so that a damaged one does no harm",
                    remedy="unpack it yourself and name the files, or split the export",
                )
            out.write(data)
    if target.stat().st_size == 0:
        raise empty_file(shown)


def empty_file(shown: str) -> SourceError:
    """The error of a file without a single byte of content."""
    return SourceError(
        "The file is empty.",
        where=shown,
        rule="a table has at least its heading row",
        remedy="export it again, or take it out of `files`",
    )


def _damaged(shown: str, kind: str, err: Exception) -> SourceError:
    return SourceError(
        f"The {kind} archive is damaged or cut short.",
        where=shown,
        rule=str(err) or type(err).__name__,
        remedy="copy or download it again",
    )


def content_of(path: Path) -> str:
    """What the first bytes say the file is, whatever its name says.

    One of "xls", "zip" (workbooks are zips), "parquet", "gz", "html", "xml", "lfs", "text".
    """
    with path.open("rb") as stream:
        head = stream.read(4096)
    if head.startswith(_XLS):
        return "xls"
    for magic, kind in ((b"PK\x03\x04", "zip"), (b"PAR1", "parquet"), (b"\x1f\x8b", "gz")):
        if head.startswith(magic):
            return kind
    if head.startswith(b"version https://git-lfs"):
        return "lfs"
    text = head.replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n").lower()
    if text.startswith((b"<!doctype html", b"<html", b"<table", b"<meta", b"<head", b"<style")):
        return "html"
    if text.startswith(b"<?xml"):
        return "html" if b"<html" in text else "xml"
    return "text"


def check_content(member: Member) -> str:
    """`content_of` the member; raises SourceError where that cannot be what its kind says."""
    found = content_of(member.path)
    if found == "lfs":
        raise SourceError(
            "The file is a Git LFS pointer, not the data.",
            where=member.shown,
            rule="the pointer only names the data",
            remedy="run `git lfs pull` where the file comes from",
        )
    if found == "html":
        raise SourceError(
            "The file is a web page (HTML), whatever its name says.",
            where=member.shown,
            rule="many systems export an HTML table, or a log-in page, under a table's name",
            remedy="open it in a spreadsheet and save it as .xlsx, or export it as CSV",
        )
    if found == "xml":
        raise SourceError(
            "The file is an XML spreadsheet or other XML.",
            where=member.shown,
            rule="XML spreadsheets of 2003 are not read",
            remedy="open it in a spreadsheet and save it as .xlsx",
        )
    text = member.kind in ("csv", "tsv", "text", "whitespace", "jsonl")
    wanted = {"xlsx": ("zip", "xls"), "xls": ("zip", "xls", "text"), "parquet": ("parquet",)}
    if found not in (("text",) if text else wanted[member.kind]):
        raise _other_content(member, found)
    return found


def _other_content(member: Member, found: str) -> SourceError:
    if member.kind == "parquet":
        return broken_parquet(member.shown, "it does not begin with PAR1")
    names = {
        "zip": "a zip or an .xlsx workbook",
        "xls": "an .xls workbook",
        "gz": "packed with gzip",
        "parquet": "Parquet",
        "text": "plain text",
    }
    return SourceError(
        f"The file is {names[found]}, but was to be read as {member.kind}.",
        where=member.shown,
        rule="the first bytes of a file tell what it is",
        remedy="rename it with its right ending, or mend `format` in the profile",
    )


def broken_parquet(shown: str, reason: str) -> SourceError:
    """The error of a Parquet file that is cut short or damaged."""
    return SourceError(
        "The Parquet file is cut short or damaged.",
        where=shown,
        rule=reason.splitlines()[0],
        remedy="copy or export it again",
    )
