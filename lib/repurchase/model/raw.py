"""The border to `sources`: raw tables in, and the SQL that reads a text as a kind."""

from __future__ import annotations

import datetime as dt
import zoneinfo
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from itertools import count
from pathlib import Path
from typing import Any, Literal

import duckdb

from repurchase.errors import SourceError
from repurchase.model.locate import SourceFile
from repurchase.model.mapping import Mapped, told
from repurchase.model.schema import Kind
from repurchase.model.typed import ROWS_PER_FILE, Reader, Reading, Zones, type_of
from repurchase.params import SourceSpec
from repurchase.sources import values
from repurchase.sources.files import FileSpec, read_files
from repurchase.sources.sql import identifier, literal

Decimal = Literal[".", ","]
PLAIN_NUMBER = "-?[0-9]+([.]([0-9]{1,2}|[0-9]{4,}))?"


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
    """How the texts of one source are read.

    Nearly all texts of a clean export have a plain shape that the engine reads by itself. What
    has not (`¥1.2万`, `2025年9月1日 下午1:05`) is read once a distinct text, and joined.
    """
    numbers = count(1)

    def read(column: str, text: str, kind: Kind, rows: str) -> Reading:
        form = _form(con, m, raw, zones, column, text, kind)
        if column in m.constants:
            return form.careful
        name = f"reading_{raw.table}_{next(numbers)}"
        known, value, why, day = (f"_{name}_{part}" for part in ("text", "value", "fault", "day"))
        con.execute(
            f"CREATE TEMP TABLE {name}_texts AS SELECT DISTINCT {text} AS _text FROM {rows}"
            f" WHERE NOT coalesce({form.when}, true)"
        )
        if con.execute(f"SELECT 1 FROM {name}_texts LIMIT 1").fetchone() is None:
            return form.plain
        con.execute(
            f"CREATE TEMP TABLE {name} AS SELECT _text AS {known}, {form.careful.value} AS {value},"
            f" {form.careful.fault} AS {why}, {form.careful.day or 'NULL'} AS {day}"
            f" FROM {name}_texts"
        )
        plain, met = form.plain, f"{known} IS NOT NULL"
        return Reading(
            f"CASE WHEN {met} THEN {value} ELSE {plain.value} END",
            f"CASE WHEN {met} THEN {why} ELSE {plain.fault} END",
            f"CASE WHEN {met} THEN {day} ELSE {plain.day} END" if plain.day else None,
            join=f"LEFT JOIN {name} ON {known} = {text}",
        )

    return read


@dataclass(frozen=True)
class Form:
    """Two readings of one text: `plain` serves where `when` is true or the text is NULL.

    `careful` reads the column `_text`, or a constant, and serves always.
    """

    careful: Reading
    plain: Reading
    when: str


def _form(
    con: duckdb.DuckDBPyConnection, m: Mapped, raw: Raw, zones: Zones, column: str, text: str,
    kind: Kind,
) -> Form:  # fmt: skip
    careful = text if column in m.constants else "_text"
    if kind == "id":
        return _id(text, careful)
    if kind == "text":
        return _text(text, careful)
    if kind in ("money", "number", "integer"):
        return _number(text, careful, column, kind, decimal_of(con, m, raw, column))
    if kind in ("time", "date"):
        format = told(m.spec, column).format or m.spec.date_format
        zone = told(m.spec, column).time_zone or zones.source
        return _time(con, text, careful, kind, format, Zones(zones.company, zone))
    if kind == "flag":
        return _flag(text, careful)
    parsed = values.tags(careful)
    return Form(
        Reading(parsed.value, NO_FAULT), Reading("CAST(NULL AS VARCHAR[])", NO_FAULT), "false"
    )


def _fault(unreadable: str) -> str:
    return f"CASE WHEN {unreadable} THEN 'unreadable' END"


NO_FAULT = "CAST(NULL AS VARCHAR)"
_BLANK = r"\s\x{3000}\x{A0}\x{200B}-\x{200F}\x{202A}\x{202C}\x{2060}\x{FEFF}"


def _matches(text: str, pattern: str) -> str:
    return f"regexp_full_match({text}, {literal(pattern)})"


def _id(text: str, careful: str) -> Form:
    parsed = values.text_id(careful)
    when = _matches(text, "[A-Za-z0-9_.:-]*[0-9][A-Za-z0-9_.:-]*")
    return Form(
        Reading(parsed.value, _fault(parsed.unreadable)), Reading(f"({text})", NO_FAULT), when
    )


def _text(text: str, careful: str) -> Form:
    listed = ", ".join(map(literal, values.NULLS))
    shape = _matches(text, f"[^{_BLANK}]|[^{_BLANK}].*[^{_BLANK}]")
    return Form(
        Reading(values.text(careful), NO_FAULT),
        Reading(f"({text})", NO_FAULT),
        f"({text} NOT IN ({listed}) AND {shape})",
    )


def _flag(text: str, careful: str) -> Form:
    parsed = values.boolean(careful)
    yes, no = (", ".join(map(literal, texts)) for texts in (values.TRUE, values.FALSE))
    return Form(
        Reading(parsed.value, _fault(parsed.unreadable)),
        Reading(f"({text} IN ({yes}))", NO_FAULT),
        f"{text} IN ({yes}, {no})",
    )


def _number(text: str, careful: str, column: str, kind: Kind, decimal: Decimal) -> Form:
    wanted = type_of(column, kind)
    scale = 4 if kind == "integer" else int(wanted.rstrip(")").split(",")[1])
    parsed = values.number(careful, decimal=decimal, money=kind == "money", scale=scale)
    value, broken = parsed.value, parsed.unreadable
    if kind == "integer":
        whole = f"{value} = trunc({value})"
        broken = f"({broken} OR NOT coalesce({whole}, true))"
        value = f"CASE WHEN {whole} THEN CAST({value} AS BIGINT) END"
    point = r"(\.\d+)?" if decimal == "." and kind != "integer" else ""
    cast = f"TRY_CAST({text} AS {wanted})"
    plain = Reading(cast, _fault(f"{text} IS NOT NULL AND {cast} IS NULL"))
    return Form(Reading(value, _fault(broken)), plain, _matches(text, rf"-?\d+{point}"))


def _time(
    con: duckdb.DuckDBPyConnection, text: str, careful: str, kind: Kind, format: str, zones: Zones
) -> Form:
    formats: Literal["auto"] | tuple[str, ...] = "auto" if format == "auto" else (format,)
    moment = values.date_time(
        careful, formats=formats, zone=zones.source, business_zone=zones.company
    )
    naive = f"TRY_CAST({text} AS TIMESTAMP)"
    local = f"timezone({literal(zones.source)}, {naive})"
    day = f"CAST({naive} AS DATE)"
    if zones.source != zones.company:
        day = f"CAST(timezone({literal(zones.company)}, {local}) AS DATE)"
    lost = _fault(f"{text} IS NOT NULL AND {naive} IS NULL")
    when = "false"
    if format == "auto":
        shape = _matches(text, r"\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}:\d{2}")
        switches = _switch_table(con, zones.source)
        when = f"({shape} AND left({text}, 10) NOT IN (SELECT day FROM {switches}))"
    if kind == "date":
        return Form(Reading(moment.date, moment.reason), Reading(day, lost), when)
    utc = naive if zones.source == "UTC" else f"make_timestamp(epoch_us({local}))"
    return Form(Reading(moment.utc, moment.reason, moment.date), Reading(utc, lost, day), when)


def _switch_table(con: duckdb.DuckDBPyConnection, zone: str) -> str:
    """A table of the days near which a clock of the zone may have shown a time twice or never."""
    name = identifier(f"switches {zone}")
    con.execute(f"CREATE TEMP TABLE IF NOT EXISTS {name} (day VARCHAR)")
    if con.execute(f"SELECT 1 FROM {name} LIMIT 1").fetchone() is None:
        days = [["none"], *([day] for day in switch_days(zone))]
        con.executemany(f"INSERT INTO {name} VALUES (?)", days)
    return name


@lru_cache
def switch_days(zone: str) -> tuple[str, ...]:
    """The days, and those beside them, on which a zone's clocks were changed, 1990 to 2100.

    On those days a clock time may have occurred twice or never.
    """
    clock = zoneinfo.ZoneInfo(zone)
    found: set[dt.date] = set()
    day, last = dt.date(1990, 1, 1), dt.date(2100, 1, 2)
    before = dt.datetime(1989, 12, 31, 12, tzinfo=clock).utcoffset()
    while day < last:
        now = dt.datetime(day.year, day.month, day.day, 12, tzinfo=clock).utcoffset()
        if now != before:
            found |= {day + dt.timedelta(days=shift) for shift in (-1, 0, 1)}
        day, before = day + dt.timedelta(days=1), now
    return tuple(sorted(d.isoformat() for d in found))


def decimal_of(con: duckdb.DuckDBPyConnection, m: Mapped, raw: Raw, column: str) -> Decimal:
    """The decimal mark of a column: declared, or proved by its texts.

    Raises SourceError if the texts could be read either way.
    """
    declared = told(m.spec, column).decimal or m.spec.decimal
    if declared != "auto":
        return declared
    heading = m.headings.get(column)
    written = any(f["format"] in ("csv", "whitespace") for f in raw.files)
    if heading is None or not written:
        return "."
    name = identifier(heading)
    unusual = f"number_texts_{raw.table}"
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE {unusual} AS SELECT DISTINCT {name} FROM {raw.table}"
        f" WHERE {name} IS NOT NULL AND NOT {_matches(name, PLAIN_NUMBER)}"
    )
    if con.execute(f"SELECT 1 FROM {unusual} LIMIT 1").fetchone() is None:
        return "."
    con.execute(  # one proof of the point stands for all plain numbers
        f"INSERT INTO {unusual} SELECT {name} FROM {raw.table}"
        f" WHERE {_matches(name, '-?[0-9]+[.][0-9]{{1,2}}')} LIMIT 1"
    )
    found = values.number_format(con, unusual, heading)
    if found == "ambiguous":
        raise SourceError(
            f"the numbers under {heading!r} can be read in two ways: is 1,234 a thousand or one?",
            where=f"sources.{m.table}.columns.{column}",
            remedy="say which: decimal: '.' or decimal: ',' for the source or the column",
        )
    return found
