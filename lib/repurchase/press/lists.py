"""Writes the lists that the chapters hand out: one workbook, the same rows as CSV, a CSV a list.

    restricted/worklists.xlsx      a sheet each for lists, summary, history and interviews
    restricted/worklists.csv       the lists' sheet
    restricted/worklists/<n>-<whose>.csv   its rows, a file a list, to be handed to one person

Another set has the same files under its own name: `assignments`, of tests that are still to come.
All of it is text, numbers and dates; the same rows give the same bytes.
"""

from __future__ import annotations

import datetime as dt
import functools
import io
import re
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from repurchase.errors import DataError
from repurchase.handout import MIME, Unpacked, unpacked
from repurchase.press.chapters import Ran
from repurchase.press.kept import Files, Store

GOOD_NAME = re.compile(r"[a-z][a-z0-9-]{0,40}")
OPTIONS = {
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
    "nan_inf_to_errors": False,
    "in_memory": True,
}
LONGEST_SHEET_NAME, WIDEST, MOST_ROWS = 31, 60, 1_048_575
LONGEST_TEXT = 32767  # in UTF-16
NEW_LINE = b"\r\n"
NOT_IN_CELLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
NOT_IN_SHEET_NAMES = re.compile(r"[\[\]:*?/\\']")


def _each_once(found: Iterable[tuple[str, str]]) -> None:
    chapters: dict[str, list[str]] = {}
    for chapter, name in found:
        chapters.setdefault(name, []).append(chapter)
    for name, places in chapters.items():
        if len(places) > 1:
            raise DataError(
                f"{name} are handed out {len(places)} times, in {', '.join(places)}",
                rule="a pack has one set of a name, so that everyone due is on one list",
                remedy="keep one cell with review.hand_out",
            )


def _outputs(ran: Iterable[Ran]) -> list[tuple[str, Mapping[str, Any]]]:
    """Each set of lists as it travels, and before it the chapter that hands it out."""
    return [
        (notebook.chapter.name, output["data"][MIME])
        for notebook in ran
        for cell in notebook.notebook.cells
        for output in cell.get("outputs", ())
        if MIME in output.get("data", {})
    ]


class Meanwhile:
    """Makes the lists' files as soon as a chapter has handed them out, while others still run.

    Those of a run before are taken from `store`.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._seen: list[Ran] = []
        self._threads: list[threading.Thread] = []
        self._files: list[tuple[str, Files]] = []
        self._error: BaseException | None = None

    def see(self, ran: Ran) -> None:
        """A chapter has been run, or is taken as it was executed before."""
        self._seen.append(ran)
        if _outputs([ran]):
            # nothing is written before `write`, so a run that is stopped need not wait for it
            self._threads.append(threading.Thread(target=self._make, args=(ran,), daemon=True))
            self._threads[-1].start()

    def _make(self, ran: Ran) -> None:
        try:
            for _, told in _outputs([ran]):
                made = self._store.files(told, functools.partial(_unpacked_files, told))
                self._files.append((told["name"], made))
        except BaseException as error:
            self._error = error

    def write(self, folder: Path) -> None:
        """Writes the files into a pack's `restricted/` folder; nothing if none are handed out.

        Raises DataError where two sets have one name, or where one fits no sheet.
        """
        _each_once((chapter, told["name"]) for chapter, told in _outputs(self._seen))
        for thread in self._threads:
            thread.join()
        if self._error is not None:
            raise self._error
        for name, made in self._files:
            _write(folder, name, made)


def _unpacked_files(told: Mapping[str, Any]) -> Iterator[tuple[str, bytes]]:
    return files(unpacked(told))


def write(folder: Path, sheets: Unpacked) -> None:
    """Writes all files of the lists into a pack's `restricted/` folder."""
    _write(folder, sheets.name, files(sheets))


def _write(folder: Path, name: str, made: Iterable[tuple[str, bytes]]) -> None:
    (folder / name).mkdir()
    for name, content in made:
        (folder / name).write_bytes(content)


def files(sheets: Unpacked) -> Iterator[tuple[str, bytes]]:
    """Name in `restricted/` and content of each file of the lists."""
    rows = sheets.frames[sheets.lists]
    own = sheets.name
    if not GOOD_NAME.fullmatch(own):
        raise ValueError(f"name == {own!r}, must be small letters, digits and -")
    yield f"{own}.xlsx", _workbook(sheets.frames, sheets.day)
    whole = _csv(rows)
    yield f"{own}.csv", whole
    parts = _parts(rows, whole, sheets.labels)
    digits = len(str(len(parts)))
    for number, (label, part) in enumerate(parts.items(), start=1):
        yield f"{own}/{number:0{digits}d}-{_file_name(label)}.csv", part


def _file_name(label: str) -> str:
    """Letters, digits, - and _ of a list's name; a number before it makes the file its own."""
    return re.sub(r"[^\w-]+", "-", label)[:60].strip("-") or "list"


def _csv(rows: pd.DataFrame) -> bytes:
    # with a byte order mark, or Excel takes Chinese for something else
    return rows.to_csv(index=False, lineterminator=NEW_LINE.decode()).encode("utf-8-sig")


def _parts(rows: pd.DataFrame, whole: bytes, labels: Sequence[str]) -> dict[str, bytes]:
    """The CSV of each label's rows, as `_csv` would write them."""
    head, *lines, end = whole.split(NEW_LINE)
    found: dict[str, list[bytes]] = {}
    if len(lines) == len(rows):
        for label, line in zip(labels, lines, strict=True):
            found.setdefault(label, [head]).append(line)
        return {label: NEW_LINE.join([*part, end]) for label, part in found.items()}
    # a cell has a new line of its own
    told = pd.Series(labels, index=rows.index, dtype="object")
    return {label: _csv(rows[told == label]) for label in dict.fromkeys(labels)}


def _workbook(frames: Mapping[str, pd.DataFrame], day: dt.date) -> bytes:
    import xlsxwriter

    written = io.BytesIO()
    book = xlsxwriter.Workbook(written, OPTIONS)
    book.set_properties({"created": dt.datetime.combine(day, dt.time())})
    formats = {
        "head": book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"}),
        "date": book.add_format({"num_format": "yyyy-mm-dd", "align": "left"}),
        "money": book.add_format({"num_format": "#,##0.00"}),
        "text": book.add_format({"num_format": "@"}),
    }
    for title, frame in frames.items():
        _write_sheet(book, title, frame, formats)
    book.close()
    return written.getvalue()


def _write_sheet(book: Any, title: str, frame: pd.DataFrame, formats: Mapping[str, Any]) -> None:
    if len(frame) > MOST_ROWS:
        raise DataError(
            f"{len(frame)} rows do not fit a sheet",
            where=title,
            remedy="lower lists.lead_days in the profile, or work from the CSV file",
        )
    from repurchase.press.sheets import ColumnSheet

    name = NOT_IN_SHEET_NAMES.sub("-", title)[:LONGEST_SHEET_NAME]
    sheet = book.add_worksheet(name, ColumnSheet)
    columns = [(str(heading), _plain(column)) for heading, column in frame.items()]
    for place, (heading, values) in enumerate(columns):
        texts = set(map(type, values)) <= {str, type(None)}
        width = _width(heading, values)
        sheet.set_column(place, place, width, formats["text"] if texts else None)
    sheet.fill(columns, formats)
    sheet.freeze_panes(1, 0)
    sheet.autofilter(0, 0, max(len(frame), 1), max(frame.shape[1] - 1, 0))
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(0)


def _plain(column: pd.Series) -> list[Any]:
    """Texts, numbers, dates and None; texts without what no spreadsheet can hold."""
    values = column.astype(object).where(column.notna(), None).tolist()
    return [
        _cell_text(v) if isinstance(v, str) and not (v.isprintable() and len(v) < 10_000) else v
        for v in values
    ]


def _cell_text(text: str) -> str:
    kept = NOT_IN_CELLS.sub("", text).encode("utf-16-le")[: 2 * LONGEST_TEXT]
    return kept.decode("utf-16-le", "ignore")


def _width(heading: str, values: list[Any]) -> int:
    """Columns wide enough for the longest cell; a Chinese character takes two."""
    texts = [str(v) for v in values[:200] if v is not None]
    cells = max((sum(2 if ord(c) > 0x2E80 else 1 for c in t) for t in texts), default=0)
    words = max((sum(2 if ord(c) > 0x2E80 else 1 for c in w) for w in heading.split()), default=0)
    return min(max(cells, words, 6) + 2, WIDEST)
