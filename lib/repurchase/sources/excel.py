"""Workbooks, .xlsx and .xls, as rows of text."""

from __future__ import annotations

import datetime as dt
import re
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from xml.etree import ElementTree

import python_calamine as calamine

from repurchase.errors import SourceError
from repurchase.sources.containers import Member
from repurchase.words import N_

# a spreadsheet keeps 15 digits of a number
EXACT_BELOW = 1e15
ERRORS = N_(
    "{file}: {count} cells hold an error of the spreadsheet and are read as empty ({kinds}; the"
    " first is {first})"
)
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_ERROR_CELL = re.compile(rb"""<c\b[^>]*\bt=["']e["'][^>]*>.*?</c>""", re.DOTALL)
_ADDRESS = re.compile(rb"""\br=["']([A-Z]+[0-9]+)["']""")
_VALUE = re.compile(rb"<v>([^<]*)</v>")


@dataclass(frozen=True)
class Sheet:
    """One worksheet: its cells as calamine gives them, from cell A1 on."""

    name: str
    rows: list[list[Any]]
    merged: tuple[tuple[tuple[int, int], tuple[int, int]], ...]
    notes: tuple[str, ...]


def read_sheet(member: Member, *, sheet: str | None) -> Sheet:
    """The named sheet, or the only visible one with content.

    Raises SourceError for a damaged or locked workbook, a sheet that is not there, and several
    visible sheets with content where none is named.
    """
    try:
        # by its content; from a path, calamine believes the ending
        with member.path.open("rb") as stream:
            book = calamine.CalamineWorkbook.from_filelike(stream)
        return _chosen(book, member, sheet=sheet)
    except calamine.PasswordError as err:
        raise _locked(member) from err
    except calamine.CalamineError as err:
        if _encrypted(member):
            raise _locked(member) from err
        raise SourceError(
            "The workbook is damaged or cut short.",
            where=member.shown,
            rule=str(err) or type(err).__name__,
            remedy="open it in a spreadsheet, save it anew, or export it again",
        ) from err


def _chosen(book: calamine.CalamineWorkbook, member: Member, *, sheet: str | None) -> Sheet:
    visible = calamine.SheetVisibleEnum.Visible
    worksheet = calamine.SheetTypeEnum.WorkSheet
    metas = [meta for meta in book.sheets_metadata if meta.typ == worksheet]
    names = [meta.name for meta in metas]
    if sheet is not None:
        if sheet not in names:
            raise SourceError(
                f"The workbook has no sheet {sheet!r}.",
                where=member.shown,
                rule=f"its sheets are: {', '.join(names)}",
                remedy="mend `sheet` in the profile",
            )
        return _with_errors(member, _cells(book, sheet, notes=()))
    full = [_cells(book, meta.name, notes=()) for meta in metas if meta.visible == visible]
    full = [found for found in full if any(any(c != "" for c in row) for row in found.rows)]
    if len(full) > 1:
        raise SourceError(
            "The workbook has several sheets with content.",
            where=member.shown,
            rule=f"they are: {', '.join(found.name for found in full)}",
            remedy="name one as `sheet` in the profile",
        )
    if not full:
        raise SourceError(
            "The workbook has no visible sheet with content.",
            where=member.shown,
            rule=f"its sheets are: {', '.join(names) or 'none'}",
            remedy="name a hidden sheet as `sheet` in the profile, or export it again",
        )
    hidden = [meta.name for meta in metas if meta.visible != visible]
    note = (f"{member.shown}: hidden sheets not read: {', '.join(hidden)}",) if hidden else ()
    return _with_errors(member, Sheet(full[0].name, full[0].rows, full[0].merged, note))


def _cells(book: calamine.CalamineWorkbook, name: str, *, notes: tuple[str, ...]) -> Sheet:
    sheet = book.get_sheet_by_name(name)
    rows = sheet.to_python(skip_empty_area=False)
    merged = tuple(((a[0], a[1]), (b[0], b[1])) for a, b in sheet.merged_cell_ranges or ())
    return Sheet(name, rows, merged, notes)


def _with_errors(member: Member, sheet: Sheet) -> Sheet:
    """The sheet with a note of its cells that hold an error, which are read as empty.

    calamine gives them as empty cells; which they are is read from the .xlsx itself. The binary
    .xls keeps them in a way that only calamine reads.
    """
    errors = _error_cells(member, sheet.name)
    if not errors:
        return sheet
    kinds = ", ".join(f"{kind} {count}" for kind, count in Counter(k for _, k in errors).items())
    first = errors[0][0]
    note = ERRORS.format(file=member.shown, count=len(errors), kinds=kinds, first=first)
    return Sheet(sheet.name, sheet.rows, sheet.merged, (*sheet.notes, note))


def _error_cells(member: Member, name: str) -> list[tuple[str, str]]:
    """Address and kind of the cells of a sheet that hold an error such as #N/A, in their order."""
    try:
        with zipfile.ZipFile(member.path) as book:
            content = book.read(_part(book, name))
    except (OSError, KeyError, StopIteration, ElementTree.ParseError, zipfile.BadZipFile):
        return []
    found = []
    for cell in _ERROR_CELL.finditer(content):
        address, value = _ADDRESS.search(cell.group()), _VALUE.search(cell.group())
        kind = value.group(1).decode(errors="replace") if value else "#?"
        found.append((address.group(1).decode() if address else "?", kind))
    return found


def _part(book: zipfile.ZipFile, name: str) -> str:
    """The file of a sheet inside the workbook's archive."""
    key = f"{{{_OFFICE}}}id"
    sheets = ElementTree.fromstring(book.read("xl/workbook.xml")).iter()
    sheet = next(e for e in sheets if e.tag.endswith("}sheet") and e.get("name") == name)
    links = ElementTree.fromstring(book.read("xl/_rels/workbook.xml.rels"))
    target = next(str(e.get("Target")) for e in links if e.get("Id") == sheet.get(key))
    return target.lstrip("/") if target.startswith("/") else f"xl/{target}"


def _encrypted(member: Member) -> bool:
    with member.path.open("rb") as stream:
        return "EncryptedPackage".encode("utf-16-le") in stream.read()


def _locked(member: Member) -> SourceError:
    return SourceError(
        "The workbook is locked with a password.",
        where=member.shown,
        rule="workbooks are read without passwords",
        remedy="save a copy without password, or export it as CSV",
    )


def heading_cells(sheet: Sheet, *, first: int, count: int) -> list[list[str]]:
    """The `count` heading rows from row `first` (0-based); merged cells repeat across columns."""
    rows = [
        [_text(cell, with_time=True) for cell in row] for row in sheet.rows[first : first + count]
    ]
    for (top, left), (_, right) in sheet.merged:
        if first <= top < first + len(rows) and left < len(rows[top - first]):
            row = rows[top - first]
            for column in range(left + 1, min(right + 1, len(row))):
                row[column] = row[left]
    return rows


def merged_in_data(sheet: Sheet, *, first: int) -> int:
    """Merged ranges that reach into the data, where only the first cell holds the value."""
    return sum(bottom >= first for _, (bottom, _) in sheet.merged)


def text_columns(rows: Sequence[Sequence[Any]], width: int) -> Iterator[list[str | None]]:
    """The cells column by column as text; None where a cell is empty.

    Whole numbers have no ".0"; a number of 16 digits or more, which a spreadsheet has already
    rounded, is written with an exponent so that it is never taken for an id. Dates are ISO text,
    without a time if no date of the column has one.
    """
    for column in range(width):
        cells = [row[column] if column < len(row) else "" for row in rows]
        with_time = any(
            isinstance(cell, dt.datetime) and cell.time() != dt.time() for cell in cells
        )
        yield [_text(cell, with_time=with_time) or None for cell in cells]


def _text(cell: Any, *, with_time: bool) -> str:
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, float | int):
        return number_text(float(cell))
    if isinstance(cell, dt.datetime):
        return cell.isoformat(" ", "auto") if with_time else cell.date().isoformat()
    if isinstance(cell, dt.date):
        return f"{cell.isoformat()} 00:00:00" if with_time else cell.isoformat()
    if isinstance(cell, dt.timedelta):
        minutes, seconds = divmod(round(cell.total_seconds()), 60)
        return f"{minutes // 60}:{minutes % 60:02d}:{seconds:02d}"
    return str(cell)


def number_text(value: float) -> str:
    """A spreadsheet's number as the text that its user reads: 15 digits, no ".0", no exponent."""
    if not abs(value) < EXACT_BELOW:
        return f"{value:.14E}"
    if value == int(value):
        return str(int(value))
    return f"{Decimal(format(value, '.15g')):f}"
