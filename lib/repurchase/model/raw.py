"""The border to `sources`: raw tables in, and the SQL that reads a text as a kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import duckdb

from repurchase.model.locate import SourceFile
from repurchase.model.mapping import Mapped
from repurchase.model.schema import Kind
from repurchase.model.typed import ROWS_PER_FILE, Reader, Reading, Zones
from repurchase.params import SourceSpec
from repurchase.sources.files import FileSpec, read_files
from repurchase.sources.sql import identifier, literal


@dataclass(frozen=True)
class Raw:
    """A raw table: its source columns, its files (numbered from `first_file`) and their rows."""

    table: str
    headings: tuple[str, ...]
    rows: int
    files: tuple[dict[str, Any], ...]
    first_file: int
    notes: tuple[str, ...]

    @property
    def numbers(self) -> str:
        """The table that gives each file of this source its number."""
        return f"{self.table}_files"


def read_raw(
    con: duckdb.DuckDBPyConnection, spec: SourceSpec, found: Sequence[SourceFile], *,
    table: str, first_file: int, scratch: Path,
) -> Raw:  # fmt: skip
    """Read the files of one source as the new text table `table`, and number them."""
    told = FileSpec(
        files=spec.files, format=spec.format, encoding=spec.encoding, delimiter=spec.delimiter,
        header_rows=spec.header_rows, skip_rows=spec.skip_rows, sheet=spec.sheet,
        total_rows=spec.total_rows,
    )  # fmt: skip
    pairs = [(f.path, f.shown) for f in found]
    read = read_files(con, pairs, told, table=table, scratch=scratch)
    raw = Raw(
        table, read.columns, read.rows, tuple(asdict(f) for f in read.files), first_file, read.notes
    )
    con.execute(f"CREATE TEMP TABLE {raw.numbers} (_file VARCHAR, _number BIGINT)")
    numbered = [(f.path, number) for number, f in enumerate(read.files, start=first_file)]
    con.executemany(f"INSERT INTO {raw.numbers} VALUES (?, ?)", numbered)
    return raw


def numbered_rows(raw: Raw) -> str:
    """A SELECT of the raw rows with `_number` of their file and `_place`, unique in the table."""
    place = f"_number * {ROWS_PER_FILE} + _row AS _place"
    return f"(SELECT *, {place} FROM {raw.table} JOIN {raw.numbers} USING (_file))"


def reader(con: duckdb.DuckDBPyConnection, m: Mapped, raw: Raw, zones: Zones) -> Reader:
    def read(column: str, text: str, kind: Kind, rows: str) -> Reading:
        t = f"nullif(trim({text}), '')"
        if kind == "id":
            return Reading(f"regexp_replace({t}, '\\.0$', '')", "false")
        if kind == "text":
            return Reading(t, "false")
        ty = {"money": "DECIMAL(18,4)", "number": "DECIMAL(18,6)", "integer": "BIGINT",
              "flag": "BOOLEAN", "date": "DATE", "time": "TIMESTAMP"}.get(kind)
        v = f"TRY_CAST({t} AS {ty})"
        b = f"({t} IS NOT NULL AND {v} IS NULL)"
        if kind == "time":
            inst = f"timezone({literal(zones.source)}, {v})"
            utc = f"timezone('UTC', {inst})"
            if zones.source == zones.company:
                return Reading(utc, b, f"{v}::DATE")
            return Reading(utc, b, f"timezone({literal(zones.company)}, {inst})::DATE")
        return Reading(v, b)
    return read
