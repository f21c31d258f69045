"""A worksheet that is filled by the column and written by the row.

xlsxwriter takes a cell at a time through a dozen functions: a month's lists have half a million,
and took as long as a chapter. What is written is what it writes itself, byte for byte (it numbers a
workbook's formats as it meets them, here by their order).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from xlsxwriter.utility import xl_col_to_name
from xlsxwriter.worksheet import Worksheet

BLOCK = 16  # rows that share the note of which columns they fill
DAY_ZERO = dt.date(1899, 12, 30).toordinal()


class ColumnSheet(Worksheet):
    """A sheet of headings and plain columns; made by `add_worksheet(name, ColumnSheet)`."""

    def fill(
        self, columns: Sequence[tuple[str, Sequence[Any]]], formats: Mapping[str, Any]
    ) -> None:
        """Takes each column's heading and values: text, numbers, dates from 1900-03-01, None.

        `formats` has `head`, `text`, `date` and `money` (for floats). An empty text is an empty
        cell. Call it once, before the workbook is closed.
        """
        self._columns, self._formats = columns, formats
        self._indexes = [self._shared(head, values) for head, values in columns]
        rows = max((len(values) for _, values in columns), default=0)
        last = next((n for n in range(rows, 0, -1) if self._any(n)), 0)
        if columns:
            self._check_dimensions(0, 0)
            self._check_dimensions(last, len(columns) - 1)

    def _any(self, row: int) -> bool:
        return any(values[row - 1] not in (None, "") for _, values in self._columns)

    def _shared(self, head: str, values: Sequence[Any]) -> list[int]:
        """Where heading and texts stand in the workbook's table of texts; -1 for what is none."""
        table, texts = self.str_table.string_table, self.str_table
        found = [table.setdefault(head, len(table))]
        for value in values:
            text = isinstance(value, str) and value
            found.append(table.setdefault(value, len(table)) if text else -1)
        texts.count += len(found) - found.count(-1)
        texts.unique_count = len(table)
        return found

    def _write_rows(self) -> None:
        letters = [f'<c r="{xl_col_to_name(place)}' for place in range(len(self._columns))]
        ends = [
            self._ends(values, shared)
            for (_, values), shared in zip(self._columns, self._indexes, strict=True)
        ]
        spans = _spans(ends, self.dim_rowmax + 1)
        for row, cells in enumerate(zip(*ends, strict=True)):
            if row > self.dim_rowmax:
                break
            number = str(row + 1)
            written = "".join([a + number + b for a, b in zip(letters, cells, strict=True) if b])
            if written:
                self.fh.write(f'<row r="{number}" spans="{spans[row // BLOCK]}">{written}</row>')

    def _ends(self, values: Sequence[Any], shared: Sequence[int]) -> list[str]:
        """Each cell of a column behind its address; empty for an empty cell."""
        style = {name: f'" s="{f._get_xf_index()}"' for name, f in self._formats.items()}
        texts, dates, money = f'{style["text"]} t="s"><v>', f"{style['date']}><v>", style["money"]
        ends = [f'{style["head"]} t="s"><v>{shared[0]}</v></c>']
        if set(map(type, values)) <= {str, type(None)}:
            return ends + [f"{texts}{n}</v></c>" if n >= 0 else "" for n in shared[1:]]
        for value, index in zip(values, shared[1:], strict=True):
            if index >= 0:
                ends.append(f"{texts}{index}</v></c>")
            elif value is None or value == "":
                ends.append("")
            elif isinstance(value, dt.date):
                ends.append(f"{dates}{value.toordinal() - DAY_ZERO}</v></c>")
            else:
                start = money if isinstance(value, float) else '"'
                ends.append(f"{start}><v>{value:.16G}</v></c>")
        return ends


def _spans(ends: Sequence[Sequence[str]], rows: int) -> list[str]:
    """The first and last column that each block of rows fills."""
    found = []
    for start in range(0, rows, BLOCK):
        filled = [n for n, column in enumerate(ends, 1) if any(column[start : start + BLOCK])]
        found.append(f"{filled[0]}:{filled[-1]}" if filled else "")
    return found
