"""Delimited text: which delimiter, and each record as one row, whatever is wrong with it."""

from __future__ import annotations

import csv
import io
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from repurchase.errors import SourceError

DELIMITERS = (",", ";", "\t", "|")
NAMES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar", " ": "white space"}
SAMPLE_BYTES = 1 << 20
SAMPLE_RECORDS = 300
# a quoted value that runs on for longer than this has lost its closing quote
LONGEST_VALUE_LINES = 500


@dataclass(frozen=True)
class Head:
    """What the first records of a file say.

    `heading` rows, `width` in fields, `skip_lines` that are an instruction to spreadsheets (sep=;)
    and count nowhere, `skip` records after them until the first row of data.
    """

    delimiter: str
    heading: list[list[str]]
    width: int
    skip_lines: int
    skip: int


class Record(NamedTuple):
    """One record: its 1-based number, its fields, its text if something is wrong with it."""

    number: int
    fields: list[str]
    problem: str | None
    raw: str | None


def read_head(path: Path, *, shown: str, delimiter: str, skip_rows: int, header_rows: int) -> Head:
    """The delimiter, heading and number of fields of a UTF-8 file.

    `delimiter` is one character or its name, " " for any run of white space, or "auto": that of
    comma, semicolon, tab and bar which gives the heading and most rows the same number (above one)
    of fields, else white space if it does, else a single column.
    Raises SourceError when the declared delimiter gives one column and another gives several, when
    the heading has fewer fields than the rows, and when there is no heading.
    """
    delimiter = _character(delimiter, shown=shown)
    with path.open("rb") as stream:
        sample = stream.read(SAMPLE_BYTES)
    cut = len(sample) == SAMPLE_BYTES
    text = sample.decode("utf-8-sig", errors="ignore")
    first, _, rest = text.partition("\n")
    said = first.strip().lower()
    extra = 0
    if (said.startswith("sep=") and len(said) == 5) or said == "sep=":
        delimiter = (first.strip()[4:] or "\t") if delimiter == "auto" else delimiter
        text, extra = rest, 1
    tried = [d for d in dict.fromkeys((*DELIMITERS, " ", delimiter)) if d != "auto"]
    found = {d: _records(text, d, skip_rows, cut) for d in tried}
    views = {d: [row for _, row in rows] for d, rows in found.items()}
    scores = {d: _score(rows, header_rows) for d, rows in views.items()}
    best = _best(scores)
    chosen = (best or ",") if delimiter == "auto" else delimiter
    rows = views[chosen]
    if len(rows) < max(header_rows, 1) or not any(any(f.strip() for f in row) for row in rows):
        raise SourceError(
            "The file has no heading row.",
            where=f"{shown}, after {skip_rows} skipped rows",
            rule=f"the heading takes {header_rows} row(s)",
            remedy="mend `skip_rows` and `header_rows`, or export the file again",
        )
    width = _width(rows, header_rows)
    if delimiter != "auto" and width == 1 and best and best != chosen and best != " ":
        raise SourceError(
            f"The delimiter is not {NAMES.get(chosen, chosen)!s}.",
            where=shown,
            rule=f"with it the file has one column, with {NAMES[best]} it has {scores[best][2]}",
            remedy="write `delimiter: auto` or the right character in the profile",
        )
    heading = rows[:header_rows]
    wide = max((len(row) for row in heading), default=width)
    _check_heading(rows, header_rows, wide, width, shown=shown)
    if width < wide and not any(cell.strip() for row in heading for cell in row[width:]):
        wide = width
    skip = found[chosen][header_rows - 1][0] if header_rows else skip_rows
    return Head(chosen, [row[:wide] for row in heading], max(wide, width), extra, skip)


def _character(delimiter: str, *, shown: str) -> str:
    named = {name: char for char, name in NAMES.items()} | {"\\t": "\t", "pipe": "|"}
    char = named.get(delimiter, delimiter)
    if char != "auto" and len(char) != 1:
        raise SourceError(
            f"The delimiter {delimiter!r} is not one character.",
            where=shown,
            rule=f"a delimiter is auto, one character, or one of {', '.join(named)}",
            remedy="mend `delimiter` in the profile",
        )
    return char


def _check_heading(
    rows: Sequence[Sequence[str]], header_rows: int, wide: int, width: int, *, shown: str
) -> None:
    data = rows[header_rows:]
    beyond = sum(any(cell.strip() for cell in row[wide:]) for row in data)
    if header_rows and width > wide and beyond * 2 > len(data):
        raise SourceError(
            f"The heading has {wide} field(s), the rows have {width}.",
            where=shown,
            rule="each column has its heading; else values would stand under the wrong one",
            remedy="a title above the heading is passed over with `skip_rows`; "
            "else give the missing heading a name in the export",
        )


def _records(text: str, delimiter: str, skip: int, cut: bool) -> list[tuple[int, list[str]]]:
    """The first records after `skip` that are not blank, with their 1-based numbers."""
    lines = io.StringIO(text, newline="")
    rows: list[list[str]] = []
    if delimiter == " ":
        rows = [line.split() for line in islice(lines, SAMPLE_RECORDS + skip)]
    else:
        with suppress(csv.Error):
            for row in islice(csv.reader(lines, delimiter=delimiter), SAMPLE_RECORDS + skip):
                rows.append(row)
    if cut and len(rows) > 1:
        rows = rows[:-1]
    return [(i, row) for i, row in enumerate(rows, start=1) if i > skip and row]


def _width(rows: Sequence[Sequence[str]], header_rows: int) -> int:
    """The commonest number of fields of the rows, or that of the heading where there are none."""
    data = rows[header_rows:] or rows[:header_rows]
    return Counter(len(row) for row in data).most_common(1)[0][0]


def _score(rows: Sequence[Sequence[str]], header_rows: int) -> tuple[float, bool, int]:
    if len(rows) < max(header_rows, 1):
        return 0.0, False, 0
    width = _width(rows, header_rows)
    heading = max((len(row) for row in rows[:header_rows]), default=width)
    if width < 2 or heading < 2:
        return 0.0, False, 0
    same = sum(len(row) == width for row in rows[header_rows:]) / max(len(rows) - header_rows, 1)
    return round(same, 1) if len(rows) > header_rows else 1.0, heading == width, width


def _best(scores: dict[str, tuple[float, bool, int]]) -> str | None:
    strict = {d: score for d, score in scores.items() if score[2] >= 2 and d in DELIMITERS}
    if strict:
        return max(strict, key=lambda d: strict[d])
    spaced = scores.get(" ", (0.0, False, 0))
    return " " if spaced[0] >= 1 and spaced[1] else None


def records(
    path: Path, *, delimiter: str, width: int, least: int, skip: int, skip_lines: int
) -> Iterator[Record]:
    """Each record of a UTF-8 file, numbered as a spreadsheet numbers rows, after `skip` of them.

    Nothing is lost: a record of fewer than `least` or more than `width` fields, and a value whose
    quote is never closed, come with a problem in words and their raw text. A line without any
    character is no record but keeps its number. Empty fields beyond the width are dropped.
    """
    csv.field_size_limit(1 << 27)
    with path.open(encoding="utf-8-sig", newline="") as stream:
        source = _Lines(stream, delimiter)
        for _ in range(skip_lines):
            next(source, None)
        number = 0
        while True:
            problem = None
            try:
                fields = source.record()
            except csv.Error as err:
                fields, problem = [], _words(err)
            if fields is None:
                return
            number += 1
            if number <= skip or (not fields and not problem):
                continue
            if not problem and len(fields) > width and not any(fields[width:]):
                fields = fields[:width]
            if not problem and not least <= len(fields) <= width:
                problem = f"{len(fields)} fields where the heading has {least}"
            raw = "".join(source.taken).rstrip("\r\n") if problem else None
            yield Record(number, fields, problem, raw)


def _words(err: csv.Error) -> str:
    if "expected after" in str(err):
        return "text follows a closing quote"
    return "a quote is opened and never closed" if "quote open" in str(err) else str(err)


class _Lines:
    """Physical lines that can be given back, and those that the last record has taken."""

    def __init__(self, stream: Iterator[str], delimiter: str) -> None:
        self._stream = stream
        self._delimiter = delimiter
        self._back: deque[str] = deque()
        self._reader = self._new_reader()
        self.taken: list[str] = []

    def _new_reader(self) -> Iterator[list[str]]:
        return csv.reader(self, delimiter=self._delimiter, strict=True)

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._back.popleft() if self._back else next(self._stream, None)
        if line is None:
            # the reader asks for more in the middle of a record only if a quote is open
            if self.taken:
                raise csv.Error("quote open at the end")
            raise StopIteration
        self.taken.append(line)
        if len(self.taken) > LONGEST_VALUE_LINES:
            raise csv.Error("quote open for too long")
        return line

    def record(self) -> list[str] | None:
        """The next record's fields, None at the end.

        Raises csv.Error for a quote left open; only its first line is then taken, and the lines
        after it are read again as records of their own.
        """
        self.taken = []
        try:
            return next(self._reader, None)
        except csv.Error:
            self._back.extendleft(reversed(self.taken[1:]))
            self.taken = self.taken[:1]
            self._reader = self._new_reader()
            raise
