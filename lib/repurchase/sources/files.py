"""Files as companies export them, as raw text tables in DuckDB.

`read_source` gives one table whose source columns are all text, exactly as the files have them,
under cleaned headings, and beside them where each row came from and what is wrong with it. Nothing
is typed here (`values` does that), nothing is dropped but rows without any content, and those are
counted.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb

from repurchase.sources.containers import Room, found_files, members
from repurchase.sources.parts import FileInfo, FileSpec, Part, unreadable
from repurchase.sources.readers import prepared
from repurchase.sources.sql import identifier, literal
from repurchase.sources.totals import mark_totals
from repurchase.sources.values import lossy_id

__all__ = [
    "FileInfo",
    "FileSpec",
    "RawTable",
    "lossy_id",
    "lossy_ids",
    "read_files",
    "read_source",
]

MAX_UNPACKED_BYTES = 16 << 30


@dataclass(frozen=True)
class RawTable:
    """A table of text: `columns` are the source's, beside them are

    `_file` the file's name (`a.zip/b.csv` in a zip), `_row` the row's number in it as a spreadsheet
    counts (the heading is row 1; lines of JSON and Parquet rows count from 1), `_total` true for
    a row of totals, `_problem` NULL or why the row's cells cannot be trusted, and `_raw` its text
    then.
    """

    table: str
    columns: tuple[str, ...]
    files: tuple[FileInfo, ...]
    rows: int
    notes: tuple[str, ...]


def read_source(
    con: duckdb.DuckDBPyConnection, spec: FileSpec, *, table: str, root: Path
) -> RawTable:
    """The files of `spec` as the new table `table`, united by heading; files in order of name.

    Raises SourceError, each with its own message, for whatever cannot be read as it was told.
    """
    return read_files(con, found_files(spec.files, root=root), spec, table=table)


def read_files(
    con: duckdb.DuckDBPyConnection,
    files: Sequence[tuple[Path, str]],
    spec: FileSpec,
    *,
    table: str,
    scratch: Path | None = None,
    max_unpacked_bytes: int = MAX_UNPACKED_BYTES,
) -> RawTable:
    """As `read_source`, for files already found: pairs of a path and the name to show.

    `scratch` is a folder for unpacked and transcoded copies, removed after; default is the
    system's.
    """
    con.execute("SET autoinstall_known_extensions = false; SET autoload_known_extensions = false")
    with tempfile.TemporaryDirectory(prefix="repurchase-", dir=scratch) as folder:
        room = Room(Path(folder), max_unpacked_bytes, max_unpacked_bytes)
        parts = [
            prepared(con, member, spec, room=room)
            for path, shown in files
            for member in members(path, shown=shown, format=spec.format, room=room)
        ]
        columns, notes = _united(parts)
        _create(con, table, columns)
        infos = []
        for part in parts:
            infos.append(_insert(con, table, columns, part))
    kept = _without_unnamed(con, table, columns, parts)
    if totals := mark_totals(con, table, kept, markers=spec.total_rows):
        notes.append(f"{totals} row(s) of totals")
    for info in infos:
        if info.rows == 0:
            notes.append(f"{info.path}: a heading and no rows")
        if info.blank_rows:
            notes.append(f"{info.path}: {info.blank_rows} row(s) without any content")
    return RawTable(table, kept, tuple(infos), sum(info.rows for info in infos), tuple(notes))


def lossy_ids(con: duckdb.DuckDBPyConnection, table: str, column: str) -> int:
    """How many ids of a raw column have lost digits; above 0 the column must not be used as an id.

    Beside `lossy_id`, values of 16 and more digits that all end in zeros from the 16th on, as
    a spreadsheet stores what was typed as a number; a few such by chance are not counted.
    """
    sql = f"trim({identifier(column)})"
    row = con.execute(
        f"SELECT count(*) FILTER (WHERE lossy), count(*) FILTER (WHERE long),"
        f" count(*) FILTER (WHERE cut), coalesce(sum(digits - 15) FILTER (WHERE cut), 0)"
        f" FROM (SELECT {lossy_id(sql)} AS lossy, length({sql}) AS digits,"
        f" regexp_full_match({sql}, '\\d{{16,}}') AS long,"
        f" regexp_full_match({sql}, '\\d{{15}}0+') AS cut FROM {identifier(table)})"
    ).fetchone()
    assert row is not None
    lossy, long, cut, zeros = row
    return int(lossy) + (int(cut) if cut == long and zeros >= 4 else 0)


def _united(parts: Sequence[Part]) -> tuple[dict[str, str], list[str]]:
    """Every column of any file, by case-folded name, and a note for each that a file lacks."""
    columns: dict[str, str] = {}
    for part in parts:
        for name in part.names:
            columns.setdefault(name.casefold(), name)
    notes = [note for part in parts for note in part.notes]
    for part in parts:
        here = {name.casefold() for name in part.names}
        lacking = [name for key, name in columns.items() if key not in here]
        if lacking:
            more = f" and {len(lacking) - 8} more" if len(lacking) > 8 else ""
            notes.append(f"{part.info.path}: without the column(s) {', '.join(lacking[:8])}{more}")
    return columns, notes


def _create(con: duckdb.DuckDBPyConnection, table: str, columns: dict[str, str]) -> None:
    typed = ", ".join(f"{identifier(name)} VARCHAR" for name in columns.values())
    con.execute(
        f"CREATE TABLE {identifier(table)} ({typed}, _file VARCHAR, _row BIGINT, _total BOOLEAN,"
        f" _problem VARCHAR, _raw VARCHAR)"
    )


def _insert(
    con: duckdb.DuckDBPyConnection,
    table: str,
    columns: dict[str, str],
    part: Part,
) -> FileInfo:
    if part.select is None or not _inserted(con, table, columns, part):
        if part.batches is None:
            raise AssertionError(part.info.path)
        for batch in part.batches():
            con.register("_batch", batch)
            con.execute(_insert_sql(table, columns, part, "SELECT * FROM _batch"))
            con.unregister("_batch")
    return _counted(con, table, part)


def _inserted(
    con: duckdb.DuckDBPyConnection,
    table: str,
    columns: dict[str, str],
    part: Part,
) -> bool:
    """Whether the engine's reader has taken in every record; if not, nothing stays of it."""
    assert part.select is not None
    try:
        done = con.execute(_insert_sql(table, columns, part, part.select)).fetchone()
    except duckdb.Error as err:
        if part.batches is None:
            raise unreadable(part.info, err) from err
        return False
    assert done is not None
    if part.counts is None or done[0] in part.counts:
        return True
    if part.batches is None:
        raise unreadable(part.info, f"{done[0]} of {min(part.counts)} lines were read")
    con.execute(f"DELETE FROM {identifier(table)} WHERE _file = ?", [part.info.path])
    return False


def _insert_sql(table: str, columns: dict[str, str], part: Part, select: str) -> str:
    place = {name.casefold(): f"c{i}" for i, name in enumerate(part.names)}
    cells = ", ".join(place.get(key, "NULL") for key in columns)
    return (
        f"INSERT INTO {identifier(table)} SELECT {cells}, {literal(part.info.path)}, _row, false,"
        f" _problem, _raw FROM ({select})"
    )


def _counted(con: duckdb.DuckDBPyConnection, table: str, part: Part) -> FileInfo:
    """The file with its rows, after those without any content are taken out of the table."""
    cells = ", ".join(f"nullif(trim({identifier(name)}), '')" for name in part.names)
    blank = con.execute(
        f"DELETE FROM {identifier(table)} WHERE _file = ? AND _problem IS NULL"
        f" AND coalesce({cells}) IS NULL",
        [part.info.path],
    ).fetchone()
    rows = con.execute(
        f"SELECT count(*) FROM {identifier(table)} WHERE _file = ?", [part.info.path]
    ).fetchone()
    assert blank is not None and rows is not None
    return replace(part.info, rows=rows[0], blank_rows=blank[0])


def _without_unnamed(
    con: duckdb.DuckDBPyConnection, table: str, columns: dict[str, str], parts: Sequence[Part]
) -> tuple[str, ...]:
    """The columns that stay: those without a heading go if no row has anything in them."""
    named = {n.casefold() for part in parts for n in part.names if n not in part.unnamed}
    kept = []
    for key, name in columns.items():
        if key not in named and len(columns) > 1:
            row = con.execute(
                f"SELECT count(nullif(trim({identifier(name)}), '')) FROM {identifier(table)}"
            ).fetchone()
            if row == (0,):
                con.execute(f"ALTER TABLE {identifier(table)} DROP COLUMN {identifier(name)}")
                continue
        kept.append(name)
    return tuple(kept)
