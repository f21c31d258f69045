"""The border to `sources`: raw tables in, and the SQL that reads a text as a kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from repurchase.model.locate import SourceFile
from repurchase.model.mapping import Mapped
from repurchase.model.schema import Kind
from repurchase.model.typed import Reader, Reading, Zones, ROWS_PER_FILE
from repurchase.params import SourceSpec
from repurchase.sources.sql import identifier, literal


@dataclass(frozen=True)
class Raw:
    table: str
    headings: tuple[str, ...]
    rows: int
    files: tuple[dict[str, Any], ...]
    first_file: int


def read_raw(con, spec, found, *, table, first_file, scratch) -> Raw:
    f = found[0]
    fn = f"read_parquet({literal(str(f.path))})" if f.path.suffix == ".parquet" else f"read_csv({literal(str(f.path))}, all_varchar=true, header=true)"
    con.execute(f"CREATE TEMP TABLE {table} AS SELECT COLUMNS(*)::VARCHAR, 1 AS _file, CAST(row_number() over () AS BIGINT) AS _row, false AS _total, CAST(NULL AS VARCHAR) AS _problem FROM {fn}")
    heads = [r[0] for r in con.execute(f"DESCRIBE {table}").fetchall() if not r[0].startswith("_")]
    n = con.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
    return Raw(table, tuple(heads), n, ({"file": f.shown, "rows": n},), first_file)


def place_sql(alias): return f"({alias}._file::BIGINT * {ROWS_PER_FILE} + {alias}._row)"
def lossy_id(x): return "false"


def reader(con, m: Mapped, raw, zones: Zones) -> Reader:
    def read(column, text, kind, raw):
        t = f"nullif(trim({text}), '')"
        if kind == "id": return Reading(f"regexp_replace({t}, '\\.0$', '')", "false")
        if kind == "text": return Reading(t, "false")
        ty = {"money":"DECIMAL(18,4)","number":"DECIMAL(18,6)","integer":"BIGINT","flag":"BOOLEAN","date":"DATE","time":"TIMESTAMP"}.get(kind)
        v = f"TRY_CAST({t} AS {ty})"
        b = f"({t} IS NOT NULL AND {v} IS NULL)"
        if kind == "time":
            inst = f"timezone({literal(zones.source)}, {v})"
            return Reading(f"timezone('UTC', {inst})", b, f"{v}::DATE" if zones.source == zones.company else f"timezone({literal(zones.company)}, {inst})::DATE")
        return Reading(v, b)
    return read
