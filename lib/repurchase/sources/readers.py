"""Each kind of file as text: columns c0, c1, ... and where each row stands in the file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

import duckdb
import pyarrow as pa

from repurchase.errors import SourceError
from repurchase.sources import delimited, excel
from repurchase.sources.containers import Member, Room, broken_parquet, check_content, empty_file
from repurchase.sources.encodings import TextFile, as_utf8
from repurchase.sources.headings import joined_headings
from repurchase.sources.parts import (
    FileInfo,
    FileSpec,
    Part,
    arrow_table,
    named,
    path_literal,
    unreadable,
)
from repurchase.sources.sql import identifier, literal

BATCH_ROWS = 50_000


def prepared(con: duckdb.DuckDBPyConnection, member: Member, spec: FileSpec, *, room: Room) -> Part:
    """The file by its kind and content; raises SourceError for what cannot be read as told."""
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
    notes = (f"{member.shown}: named .xls, read as text",) if member.kind == "xls" else ()
    return replace(_delimited(member, file, spec, info, room=room), notes=notes)


# --- delimited text -------------------------------------------------------------------------------


def _delimited(
    member: Member, file: TextFile, spec: FileSpec, info: FileInfo, *, room: Room
) -> Part:
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
    names, unnamed = named(headings)
    skip = head.skip

    def batches() -> Iterator[pa.Table]:
        found = delimited.records(
            file.path,
            delimiter=head.delimiter,
            width=head.width,
            least=len(head.heading[-1]) if head.heading else head.width,
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
        select: str | None = _spaced_select(_lines(file, room=room), head.width, skip=skip)
        counts = frozenset({file.lines - skip})
    else:
        select = _csv_select(file, head, skip=skip)
        counts = frozenset({n - skip - head.skip_lines for n in (file.lines, file.records)})
    return Part(info, names, unnamed, select, counts, batches)


def _csv_select(file: TextFile, head: delimited.Head, *, skip: int) -> str | None:
    """The records by the engine's own reader; None where it would number them otherwise than we."""
    columns = [f"c{i}" for i in range(head.width)]
    if len(columns) == 1 or not head.delimiter.isascii() or file.gaps:
        return None
    types = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in columns)
    lines = skip + head.skip_lines
    return (
        f"SELECT {', '.join(columns)}, row_number() OVER () + {skip} AS _row,"
        f" NULL::VARCHAR AS _problem, NULL::VARCHAR AS _raw"
        f" FROM read_csv({path_literal(file.path)}, columns = {{{types}}}, auto_detect = false,"
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
        f"SELECT line, row_number() OVER () AS _row FROM read_csv({path_literal(path)},"
        f" columns = {{'line': 'VARCHAR'}}, auto_detect = false, header = false, delim = '\x01',"
        f" quote = '', escape = '', comment = '', nullstr = '\x02', strict_mode = false,"
        f" max_line_size = 33554432, compression = 'none')"
    )


def _record_table(rows: Sequence[delimited.Record], width: int) -> pa.Table:
    cells = [
        [row.fields[i] or None if i < len(row.fields) else None for row in rows]
        for i in range(width)
    ]
    return arrow_table(
        cells,
        [row.number for row in rows],
        [row.problem for row in rows],
        [row.raw for row in rows],
    )


# --- JSON lines -----------------------------------------------------------------------------------


def _json_lines(
    con: duckdb.DuckDBPyConnection, file: TextFile, info: FileInfo, *, room: Room
) -> Part:
    """Objects, one a line or in one array; a key is a column, nested values are JSON text."""
    lines = _lines(file, room=room)
    counts: frozenset[int] | None = frozenset({file.lines})
    if _first_char(file.path) == "[":
        lines, counts = (
            f"SELECT json::VARCHAR AS line, row_number() OVER () AS _row FROM"
            f" read_json_objects({path_literal(file.path)}, format = 'array',"
            f" compression = 'uncompressed')",
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
        raise unreadable(info, err) from err
    if not keys:
        raise SourceError(
            "No line of the file is a JSON object.",
            where=info.path,
            rule='each line, or each element of one array, is an object such as {"id": "1"}',
            remedy="export it as JSON lines, or name its real `format` in the profile",
        )
    names, unnamed = named(joined_headings([keys], filled=False))
    wrong = "NOT is_object AND trim(line) <> ''"
    select = (
        f"SELECT {_json_cells(keys)}, _row,"
        f" CASE WHEN {wrong} THEN 'not a JSON object' END AS _problem,"
        f" CASE WHEN {wrong} THEN line END AS _raw FROM (SELECT *, {_json_value(keys)} AS value"
        f" FROM ({objects}))"
    )
    return Part(info, names, unnamed, select, counts)


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


def _parquet(con: duckdb.DuckDBPyConnection, member: Member, info: FileInfo) -> Part:
    source = (
        f"read_parquet({path_literal(member.path)}, file_row_number = true,"
        f" binary_as_string = true, hive_partitioning = false)"
    )
    try:
        described = con.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
    except duckdb.Error as err:
        raise broken_parquet(member.shown, str(err)) from err
    typed = [(name, kind) for name, kind, *_ in described][:-1]
    names, unnamed = named(joined_headings([[name for name, _ in typed]], filled=False))
    cells = [
        f"nullif({_exact_text(identifier(name), kind)}, '') AS c{i}"
        for i, (name, kind) in enumerate(typed)
    ]
    select = (
        f"SELECT {', '.join(cells)}, file_row_number + 1 AS _row, NULL::VARCHAR AS _problem,"
        f" NULL::VARCHAR AS _raw FROM {source}"
    )
    return Part(info, names, unnamed, select)


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


def _workbook(member: Member, spec: FileSpec, info: FileInfo) -> Part:
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
    names, unnamed = named(headings + [""] * (width - len(headings)))
    none: list[str | None] = [None] * len(data)
    cells = list(excel.text_columns(data, width))
    rows = arrow_table(cells, range(first + 1, first + 1 + len(data)), none, none)
    notes = [*sheet.notes]
    if merged := excel.merged_in_data(sheet, first=first):
        notes.append(f"{member.shown}: {merged} merged range(s), their first cell has the value")
    info = replace(info, format="xls" if member.kind == "xls" else "xlsx", sheet=sheet.name)
    return Part(info, names, unnamed, batches=lambda: iter([rows]), notes=tuple(notes))
