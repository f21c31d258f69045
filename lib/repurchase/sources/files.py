"""Files as companies export them, as raw text tables in DuckDB.

`read_source` gives one table whose source columns are all text, exactly as the files have them,
under cleaned headings, and beside them where each row came from and what is wrong with it. Nothing
is typed here (`values` does that), nothing is dropped but rows without any content, and those are
counted.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import duckdb
import pyarrow as pa

from repurchase.errors import SourceError
from repurchase.sources import delimited, excel
from repurchase.sources.containers import (
    Member,
    Room,
    broken_parquet,
    check_content,
    empty_file,
    found_files,
    members,
)
from repurchase.sources.encodings import TextFile, as_utf8
from repurchase.sources.headings import joined_headings, unique_names
from repurchase.sources.sql import identifier, literal
from repurchase.sources.totals import TOTAL_ROWS, mark_totals
from repurchase.sources.values import lossy_id

MAX_UNPACKED_BYTES = 16 << 30
BATCH_ROWS = 50_000


@dataclass(frozen=True)
class FileSpec:
    """Which files, and how they are written; "auto" is told from each file.

    `files` are globs, relative to a root or absolute; .gz and .zip are unpacked. `format` is auto,
    csv, tsv, xlsx, xls, parquet, jsonl or whitespace. `delimiter` is auto or one character.
    `header_rows` is 1, 2, or 0 for none. `skip_rows` are passed over before the heading.
    `sheet` names a worksheet. `total_rows` are the words that mark a row of totals.
    """

    files: tuple[str, ...]
    format: str = "auto"
    encoding: str = "auto"
    delimiter: str = "auto"
    header_rows: int = 1
    skip_rows: int = 0
    sheet: str | None = None
    total_rows: tuple[str, ...] = TOTAL_ROWS


@dataclass(frozen=True)
class FileInfo:
    """One file that was read, as it was understood.

    `path` is the name in `_file`; `rows` are its rows in the table, `blank_rows` those without any
    content, which are not; `size` is in bytes, as read (unpacked). `encoding`, `delimiter` and
    `sheet` are "" where the format has none.
    """

    path: str
    format: str
    encoding: str
    delimiter: str
    sheet: str
    rows: int
    blank_rows: int
    size: int


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


@dataclass(frozen=True)
class _Part:
    """One file made ready: names of its columns, and its rows as c0, c1, ... _row _problem _raw.

    `select` is read by the engine; if that fails, or gives another number of rows than `counts`,
    `batches` is read instead, slower and to the last record.
    """

    info: FileInfo
    names: tuple[str, ...]
    unnamed: frozenset[str]
    select: str | None = None
    counts: frozenset[int] | None = None
    batches: Callable[[], Iterator[pa.Table]] | None = None
    notes: tuple[str, ...] = ()


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
            _prepared(con, member, spec, room=room)
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


def _prepared(
    con: duckdb.DuckDBPyConnection, member: Member, spec: FileSpec, *, room: Room
) -> _Part:
    found = check_content(member)
    info = FileInfo(member.shown, member.kind, "", "", "", 0, 0, member.path.stat().st_size)
    if found in ("xls", "zip"):
        return _workbook(member, spec, info)
    if found == "parquet":
        return _parquet(con, member, info)
    file = as_utf8(
        member.path,
        shown=member.shown,
        declared=spec.encoding,
        scratch=room.new_path(".utf8"),
    )
    if file.lines == 0:
        raise empty_file(member.shown)
    info = replace(info, encoding=file.encoding)
    if member.kind == "jsonl":
        return _json_lines(con, file, info, room=room)
    named = () if member.kind != "xls" else (f"{member.shown}: named .xls, read as text",)
    return replace(_delimited(member, file, spec, info, room=room), notes=named)


# --- delimited text -------------------------------------------------------------------------------


def _delimited(
    member: Member, file: TextFile, spec: FileSpec, info: FileInfo, *, room: Room
) -> _Part:
    delimiter = {"whitespace": " ", "tsv": "\t"}.get(spec.format, spec.delimiter)
    head = delimited.read_head(
        file.path,
        shown=member.shown,
        delimiter=delimiter,
        skip_rows=spec.skip_rows,
        header_rows=spec.header_rows,
    )
    headings = joined_headings(head.heading, filled=True)
    headings += [""] * (head.width - len(headings))
    names, unnamed = _named(headings)
    skip = spec.skip_rows + spec.header_rows

    def batches() -> Iterator[pa.Table]:
        found = delimited.records(
            file.path,
            delimiter=head.delimiter,
            width=head.width,
            skip=skip,
            skip_lines=head.skip_lines,
        )
        while rows := list(islice(found, BATCH_ROWS)):
            yield _record_table(rows, head.width)

    info = replace(
        info,
        format="whitespace" if head.delimiter == " " else "csv",
        delimiter=delimited.NAMES.get(head.delimiter, head.delimiter),
    )
    if head.delimiter == " ":
        select = _spaced_select(_lines(file, room=room), head.width, skip=skip)
        counts = frozenset({file.lines - skip})
    else:
        select = _csv_select(file, head, skip=skip)
        counts = frozenset({n - skip - head.skip_lines for n in (file.lines, file.records)})
    return _Part(info, names, unnamed, select, counts, batches)


def _csv_select(file: TextFile, head: delimited.Head, *, skip: int) -> str | None:
    """The records by the engine's own reader; None where it reads another language than we."""
    columns = [f"c{i}" for i in range(head.width)]
    if len(columns) == 1 or not head.delimiter.isascii():
        return None
    types = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in columns)
    lines = skip + head.skip_lines
    return (
        f"SELECT {', '.join(columns)}, row_number() OVER () + {skip} AS _row,"
        f" NULL::VARCHAR AS _problem, NULL::VARCHAR AS _raw"
        f" FROM read_csv({_path(file.path)}, columns = {{{types}}}, auto_detect = false,"
        f" header = false, skip = {lines}, delim = {literal(head.delimiter)}, quote = '\"',"
        f" escape = '\"', comment = '', strict_mode = true, compression = 'none')"
    )


def _spaced_select(lines: str, width: int, *, skip: int) -> str:
    """Fields between runs of white space."""
    cells = ", ".join(f"fields[{i + 1}] AS c{i}" for i in range(width))
    wrong = f"len(fields) <> {width} AND trim(line) <> ''"
    return (
        f"SELECT {cells}, _row,"
        f" CASE WHEN {wrong} THEN len(fields) || ' fields where the heading has {width}' END"
        f" AS _problem, CASE WHEN {wrong} THEN line END AS _raw"
        f" FROM (SELECT line, _row, CASE WHEN trim(line) = '' THEN [] ELSE"
        f" regexp_split_to_array(trim(line, ' ' || chr(9)), '\\s+') END AS fields FROM ({lines}))"
        f" WHERE _row > {skip}"
    )


def _lines(file: TextFile, *, room: Room) -> str:
    """SQL of `line` and its number `_row`. The engine skips empty lines, so they get a space."""
    path = file.path
    if file.blanks:
        path = room.new_path(".lines")
        with (
            file.path.open(encoding="utf-8-sig") as source,
            path.open("w", encoding="utf-8") as out,
        ):
            out.writelines(line if line.strip() else " \n" for line in source)
    return (
        f"SELECT line, row_number() OVER () AS _row FROM read_csv({_path(path)},"
        f" columns = {{'line': 'VARCHAR'}}, auto_detect = false, header = false, delim = '\x01',"
        f" quote = '', escape = '', comment = '', nullstr = '\x02', strict_mode = false,"
        f" max_line_size = 33554432, compression = 'none')"
    )


def _record_table(rows: Sequence[delimited.Record], width: int) -> pa.Table:
    cells = [
        [row.fields[i] or None if i < len(row.fields) else None for row in rows]
        for i in range(width)
    ]
    return _arrow(
        cells,
        [row.number for row in rows],
        [row.problem for row in rows],
        [row.raw for row in rows],
    )


def _arrow(
    cells: Sequence[Sequence[str | None]],
    numbers: Sequence[int],
    problems: Sequence[str | None],
    raws: Sequence[str | None],
) -> pa.Table:
    arrays = {f"c{i}": pa.array(column, pa.string()) for i, column in enumerate(cells)}
    arrays["_row"] = pa.array(numbers, pa.int64())
    arrays["_problem"] = pa.array(problems, pa.string())
    arrays["_raw"] = pa.array(raws, pa.string())
    return pa.table(arrays)


def _path(path: Path) -> str:
    """A path as SQL, the characters of a glob in it taken as they are."""
    text = str(path)
    for char in "[*?":
        text = text.replace(char, "[[]" if char == "[" else f"[{char}]")
    return literal(text)


def _named(headings: Sequence[str]) -> tuple[tuple[str, ...], frozenset[str]]:
    names = tuple(unique_names(headings))
    unnamed = frozenset(name for name, said in zip(names, headings, strict=True) if not said)
    return names, unnamed


# --- JSON lines -----------------------------------------------------------------------------------


def _json_lines(
    con: duckdb.DuckDBPyConnection, file: TextFile, info: FileInfo, *, room: Room
) -> _Part:
    """Objects, one a line or in one array; a key is a column, nested values are JSON text."""
    lines, counts = _lines(file, room=room), frozenset({file.lines})
    if _first_char(file.path) == "[":
        lines, counts = (
            f"SELECT json::VARCHAR AS line, row_number() OVER () AS _row FROM"
            f" read_json_objects({_path(file.path)}, format = 'array', compression = 'none')",
            None,
        )
    elif file.controls:
        raise SourceError(
            "The JSON lines hold control characters.",
            where=info.path,
            rule="JSON writes the characters 1 and 2 as escapes",
            remedy="export it again",
        )
    objects = (
        f"SELECT line, _row, CASE WHEN json_valid(line) THEN json_type(line) = 'OBJECT'"
        f" ELSE false END AS is_object FROM ({lines})"
    )
    try:
        keys = _json_keys(con, objects)
    except duckdb.Error as err:
        raise _unreadable(info, err) from err
    if not keys:
        raise SourceError(
            "No line of the file is a JSON object.",
            where=info.path,
            rule='each line, or each element of one array, is an object such as {"id": "1"}',
            remedy="export it as JSON lines, or name its real `format` in the profile",
        )
    names, unnamed = _named(joined_headings([keys], filled=False))
    wrong = "NOT is_object AND trim(line) <> ''"
    select = (
        f"SELECT {_json_cells(keys)}, _row,"
        f" CASE WHEN {wrong} THEN 'not a JSON object' END AS _problem,"
        f" CASE WHEN {wrong} THEN line END AS _raw FROM (SELECT *, {_json_value(keys)} AS value"
        f" FROM ({objects}))"
    )
    return _Part(info, names, unnamed, select, counts)


def _json_keys(con: duckdb.DuckDBPyConnection, objects: str) -> list[str]:
    """Every key of any object: those of the first thousand as they come, then the others."""
    keys = f"SELECT unnest(json_keys(line)) AS key, _row FROM ({objects}%s) WHERE is_object"
    first = con.execute(keys % " LIMIT 1000").fetchall()
    rest = con.execute(f"SELECT DISTINCT key FROM ({keys % ''}) ORDER BY key").fetchall()
    return list(dict.fromkeys(key for key, *_ in [*first, *rest]))


def _json_value(keys: Sequence[str]) -> str:
    if _alike(keys):
        return "CASE WHEN is_object THEN line END"
    structure = json.dumps(dict.fromkeys(keys, "VARCHAR"), ensure_ascii=False)
    return f"CASE WHEN is_object THEN from_json(line, {literal(structure)}) END"


def _json_cells(keys: Sequence[str]) -> str:
    if _alike(keys):
        paths = ["/" + key.replace("~", "~0").replace("/", "~1") for key in keys]
        cells = [f"value ->> {literal(path)}" for path in paths]
    else:
        cells = [f"value[{literal(key)}]" for key in keys]
    return ", ".join(f"nullif({cell}, '') AS c{i}" for i, cell in enumerate(cells))


def _alike(keys: Sequence[str]) -> bool:
    """True if keys differ only in case, which the engine's structs cannot hold, or are empty."""
    return len({key.casefold() for key in keys}) < len(keys) or "" in keys


def _first_char(path: Path) -> str:
    with path.open(encoding="utf-8-sig") as stream:
        while text := stream.read(4096):
            if text.strip():
                return text.strip()[0]
    return ""


# --- Parquet --------------------------------------------------------------------------------------


def _parquet(con: duckdb.DuckDBPyConnection, member: Member, info: FileInfo) -> _Part:
    source = (
        f"read_parquet({_path(member.path)}, file_row_number = true, binary_as_string = true,"
        f" hive_partitioning = false)"
    )
    try:
        described = con.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
    except duckdb.Error as err:
        raise broken_parquet(member.shown, str(err)) from err
    typed = [(name, kind) for name, kind, *_ in described][:-1]
    names, unnamed = _named(joined_headings([[name for name, _ in typed]], filled=False))
    cells = [
        f"nullif({_exact_text(identifier(name), kind)}, '') AS c{i}"
        for i, (name, kind) in enumerate(typed)
    ]
    select = (
        f"SELECT {', '.join(cells)}, file_row_number + 1 AS _row, NULL::VARCHAR AS _problem,"
        f" NULL::VARCHAR AS _raw FROM {source}"
    )
    return _Part(info, names, unnamed, select)


def _exact_text(sql: str, kind: str) -> str:
    """The value as the shortest text that is exact; a whole number in a float has no ".0"."""
    if kind in ("DOUBLE", "FLOAT"):
        return (
            f"CASE WHEN abs({sql}) < 9007199254740992 AND {sql} = trunc({sql})"
            f" THEN {sql}::BIGINT::VARCHAR"
            f" WHEN abs({sql}) < 1e-3 THEN rtrim({sql}::DECIMAL(38, 20)::VARCHAR, '0')"
            f" WHEN isnan({sql}) THEN NULL ELSE {sql}::VARCHAR END"
        )
    if kind == "TIMESTAMP WITH TIME ZONE":
        return f"timezone('UTC', {sql})::VARCHAR || '+00:00'"
    if kind.endswith("]") or kind.startswith(("STRUCT", "MAP", "UNION")):
        return f"to_json({sql})::VARCHAR"
    if kind == "BLOB":
        return f"coalesce(try(decode({sql})), hex({sql}))"
    return f"{sql}::VARCHAR"


# --- workbooks ------------------------------------------------------------------------------------


def _workbook(member: Member, spec: FileSpec, info: FileInfo) -> _Part:
    sheet = excel.read_sheet(member, sheet=spec.sheet)
    first = spec.skip_rows + spec.header_rows
    heading = excel.heading_cells(sheet, first=spec.skip_rows, count=spec.header_rows)
    if spec.header_rows and not any(c for row in heading[-1:] for c in row):
        raise SourceError(
            "The sheet has no heading row.",
            where=f"{member.shown}, sheet {sheet.name}, row {spec.skip_rows + 1}",
            rule=f"the heading takes {spec.header_rows} row(s)",
            remedy="mend `skip_rows` and `header_rows` in the profile",
        )
    data = sheet.rows[first:]
    width = max((len(row) for row in sheet.rows), default=0)
    headings = joined_headings(heading, filled=False)
    names, unnamed = _named(headings + [""] * (width - len(headings)))
    columns = list(excel.text_columns(data, width))

    def batches() -> Iterator[pa.Table]:
        none: list[str | None] = [None] * len(data)
        yield _arrow(columns, range(first + 1, first + 1 + len(data)), none, none)

    notes = [*sheet.notes]
    if merged := excel.merged_in_data(sheet, first=first):
        notes.append(f"{member.shown}: {merged} merged range(s), only their first cell has a value")
    info = replace(info, format="xls" if member.kind == "xls" else "xlsx", sheet=sheet.name)
    return _Part(info, names, unnamed, batches=batches, notes=tuple(notes))


# --- one table ------------------------------------------------------------------------------------


def _united(parts: Sequence[_Part]) -> tuple[dict[str, str], list[str]]:
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
    part: _Part,
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
    part: _Part,
) -> bool:
    """Whether the engine's reader has taken in every record; if not, nothing stays of it."""
    assert part.select is not None
    try:
        done = con.execute(_insert_sql(table, columns, part, part.select)).fetchone()
    except duckdb.Error as err:
        if part.batches is None:
            raise _unreadable(part.info, err) from err
        return False
    assert done is not None
    if part.counts is None or done[0] in part.counts:
        return True
    if part.batches is None:
        raise _unreadable(part.info, f"{done[0]} of {min(part.counts)} lines were read")
    con.execute(f"DELETE FROM {identifier(table)} WHERE _file = ?", [part.info.path])
    return False


def _insert_sql(table: str, columns: dict[str, str], part: _Part, select: str) -> str:
    place = {name.casefold(): f"c{i}" for i, name in enumerate(part.names)}
    cells = ", ".join(place.get(key, "NULL") for key in columns)
    return (
        f"INSERT INTO {identifier(table)} SELECT {cells}, {literal(part.info.path)}, _row, false,"
        f" _problem, _raw FROM ({select})"
    )


def _counted(con: duckdb.DuckDBPyConnection, table: str, part: _Part) -> FileInfo:
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
    con: duckdb.DuckDBPyConnection, table: str, columns: dict[str, str], parts: Sequence[_Part]
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


def _unreadable(info: FileInfo, reason: object) -> SourceError:
    if info.format == "parquet":
        return broken_parquet(info.path, str(reason))
    return SourceError(
        "The file cannot be read to its end.",
        where=info.path,
        rule=str(reason).splitlines()[0],
        remedy="export it again",
    )
