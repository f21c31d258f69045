"""Which encoding a text file has, and the same file as UTF-8 for the engine."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from repurchase.errors import SourceError

CHUNK = 1 << 22
# below this share of everyday characters, text read as GB18030 is some other encoding
PLAUSIBLE_SHARE = 0.5


@dataclass(frozen=True)
class TextFile:
    """A file as UTF-8 on disk, with what one pass over its bytes has counted.

    `lines` are physical lines, `records` those that end outside double quotes; both without the
    empty ones at the end. `blanks` says that there are empty lines between others, `gaps` that
    some are outside double quotes, `controls` that the bytes 1 or 2 occur, which the engine needs
    as marks of its own.
    """

    path: Path
    encoding: str
    lines: int
    records: int
    blanks: bool
    gaps: bool
    controls: bool


class _Gaps:
    """Finds empty lines between others, wherever the stream is cut."""

    def __init__(self) -> None:
        self.found = False
        self._tail = b""

    def feed(self, data: bytes) -> None:
        seen = self._tail + data
        body = seen.rstrip(b"\r\n")
        self.found |= b"\n\n" in body or b"\n\r\n" in body
        self._tail = seen[-4:]


class _Counter:
    """Counts lines and records of a byte stream as it passes."""

    def __init__(self) -> None:
        self.lines = self.records = 0
        self.quoted = self.controls = False
        self.blanks, self.gaps = _Gaps(), _Gaps()
        self._empty = 0
        self._open = False

    def feed(self, data: bytes) -> None:
        self.lines += data.count(b"\n")
        self.controls |= b"\1" in data or b"\2" in data
        self.blanks.feed(data)
        pieces = data.split(b'"') if self.quoted or b'"' in data else [data]
        for i in range(len(pieces)):
            if i:
                self.quoted = not self.quoted
            if self.quoted:
                pieces[i] = b"quoted"
            else:
                self.records += pieces[i].count(b"\n")
        if not self.gaps.found:
            self.gaps.feed(b'"'.join(pieces))
        body = data.rstrip(b"\r\n")
        ending = data[len(body) :].count(b"\n")
        self._empty = ending if body else self._empty + ending
        self._open = not data.endswith(b"\n") if data else self._open

    def totals(self) -> tuple[int, int]:
        """Lines and records, the empty ones at the end left out."""
        spare = max(self._empty - 1, 0) - int(self._open)
        return self.lines - spare, self.records - spare


def _chunks(stream: BinaryIO) -> Iterator[bytes]:
    while data := stream.read(CHUNK):
        yield data


class _Undecodable(Exception):
    def __init__(self, offset: int, line: int) -> None:
        self.offset, self.line = offset, line
        super().__init__(f"byte {offset}, line {line}")


def _decoded(path: Path, codec: str) -> Iterator[tuple[bytes, str]]:
    """The bytes of `path` chunk by chunk, with the text that they complete.

    Raises `_Undecodable`, which names the first offending byte.
    """
    decoder = codecs.getincrementaldecoder(codec)("strict")
    done = line = 0
    with path.open("rb") as stream:
        for data in _chunks(stream):
            held = len(decoder.getstate()[0])
            try:
                text = decoder.decode(data)
            except UnicodeDecodeError as err:
                at = err.start
                raise _Undecodable(done - held + at, line + 1 + _newlines(err, at)) from err
            except UnicodeError as err:  # UTF-16 or UTF-32 without the mark that says its order
                raise _Undecodable(done - held, line + 1) from err
            done += len(data)
            line += text.count("\n")
            yield data, text
        try:
            yield b"", decoder.decode(b"", final=True)
        except UnicodeDecodeError as err:
            raise _Undecodable(max(done - len(err.object) + err.start, 0), line + 1) from err
        except UnicodeError as err:
            raise _Undecodable(0, 1) from err


def _newlines(err: UnicodeDecodeError, end: int) -> int:
    return bytes(err.object[:end]).count(b"\n")


def _everyday_share(path: Path) -> float:
    """Share of the non-ASCII characters of a GB18030 file that are everyday Chinese.

    Everyday are the symbols and the 3,755 first-level characters of GB 2312. Other encodings
    misread as GB18030 fall on rare characters.
    """
    seen = everyday = 0
    for _, text in _decoded(path, "gb18030"):
        for char in text:
            if char < "\x80":
                continue
            seen += 1
            code = char.encode("gb18030", "replace")
            lead, trail = code[0], code[-1]
            everyday += (
                len(code) == 2 and trail >= 0xA1 and (0xA1 <= lead <= 0xA9 or 0xB0 <= lead <= 0xD7)
            )
        if seen > 50_000:
            break
    return everyday / seen if seen else 1.0


def _marked(head: bytes) -> str | None:
    """The encoding that a byte order mark, or the place of NUL bytes, gives away."""
    if head.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    if head.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "utf-32"
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    even, odd = head[::2].count(0), head[1::2].count(0)
    if odd > 4 * even and odd * 20 > len(head):
        return "utf-16-le"
    if even > 4 * odd and even * 20 > len(head):
        return "utf-16-be"
    return None


def _copy_utf8(path: Path, codec: str, target: Path | None) -> TextFile:
    """`path` read strictly as `codec`; written as UTF-8 to `target` unless it is UTF-8 already."""
    counter = _Counter()
    out = target.open("wb") if target else None
    try:
        for read, text in _decoded(path, codec):
            data = text.encode("utf-8") if out else read
            counter.feed(data.removeprefix(codecs.BOM_UTF8))
            if out:
                out.write(data)
    finally:
        if out:
            out.close()
    lines, records = counter.totals()
    return TextFile(
        target or path,
        codec,
        lines,
        records,
        counter.blanks.found,
        counter.gaps.found,
        counter.controls,
    )


def as_utf8(path: Path, *, shown: str, declared: str, scratch: Path) -> TextFile:
    """The text of `path` as a UTF-8 file: itself, or a copy named `scratch`.

    `declared` is a codec's name or "auto": a byte order mark, else strict UTF-8, else GB18030 if
    what it gives is everyday Chinese. The whole file is read, so a wrong byte on the last line is
    found; nothing is ever replaced. Raises SourceError with the first offending byte and line.
    """
    with path.open("rb") as stream:
        head = stream.read(65536)
    if declared != "auto":
        return _as_declared(path, head, shown=shown, declared=declared, scratch=scratch)
    mark = _marked(head)
    if mark is None and b"\0" in head:
        raise SourceError(
            "The file holds NUL bytes and is not text.",
            where=shown,
            rule="a text file is UTF-8, GB18030 or UTF-16",
            remedy="export it again as CSV UTF-8, or name its format and encoding in the profile",
        )
    try:
        codec = mark or "utf-8"
        return _copy_utf8(path, codec, None if codec.startswith("utf-8") else scratch)
    except _Undecodable as err:
        utf8 = err
    try:
        share = _everyday_share(path)
        if mark is None and share >= PLAUSIBLE_SHARE:
            return _copy_utf8(path, "gb18030", scratch)
        second = f"as GB18030 only {share:.0%} of its characters are everyday Chinese"
    except _Undecodable as err:
        second = f"GB18030 fails at {err}"
    tried = mark or "UTF-8"
    raise SourceError(
        "The file's encoding could not be told.",
        where=f"{shown}, byte {utf8.offset}, line {utf8.line}",
        rule=f"{tried} fails there; {second}",
        remedy="name it in the profile, for instance `encoding: cp1252`, or export as CSV UTF-8",
    )


def _as_declared(path: Path, head: bytes, *, shown: str, declared: str, scratch: Path) -> TextFile:
    try:
        codec = codecs.lookup(declared).name
    except LookupError:
        raise SourceError(
            f"The encoding {declared!r} is not known.",
            where=shown,
            rule="encoding is `auto` or a name such as utf-8, gb18030, utf-16, cp1252",
            remedy="mend `encoding` in the profile",
        ) from None
    codec = "gb18030" if codec in ("gbk", "gb2312") else codec
    mark = _marked(head)
    if codec == "utf-8" and mark == "utf-8-sig":
        codec = "utf-8-sig"
    if codec == "utf-16" and mark in ("utf-16-le", "utf-16-be"):
        codec = mark  # no byte order mark, but where its NUL bytes stand tells the order
    family = codec.split("-")[1] if codec.startswith("utf-") else codec
    found = mark if mark and mark.split("-")[1] != family else None
    if not found and codec != "utf-8" and codec != "utf-8-sig" and _is_utf8(head):
        found = "utf-8"
    if found is None:
        try:
            return _copy_utf8(path, codec, None if codec.startswith("utf-8") else scratch)
        except _Undecodable as err:
            where, rule = (
                f"{shown}, byte {err.offset}, line {err.line}",
                "these bytes are not valid in it",
            )
    else:
        where, rule = shown, f"the bytes of the file are {found}"
    raise SourceError(
        f"The file is not in the declared encoding {declared}.",
        where=where,
        rule=rule,
        remedy="write `encoding: auto` or the right name in the profile",
    )


def _is_utf8(head: bytes) -> bool:
    """True if `head` holds characters beyond ASCII and is UTF-8 up to a cut at its end."""
    if head.isascii() or b"\0" in head:
        return False
    try:
        codecs.getincrementaldecoder("utf-8")("strict").decode(head)
    except UnicodeDecodeError:
        return False
    return True
