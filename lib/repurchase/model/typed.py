"""Raw text becomes typed columns, each row with its exclusion or the rules that it breaks.

One `SELECT` a source, in layers: values read from text, expressions over them, what the row is
(sale, return, ...), whether the profile excludes it, which rules it breaks. The layers collapse
into one pass of the engine.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import duckdb

from repurchase.errors import ParameterError
from repurchase.model.expression import compile_expression, does_not_fit
from repurchase.model.mapping import Mapped, told
from repurchase.model.schema import ORDER_KINDS, TABLES, Kind
from repurchase.sources.sql import identifier, literal

TYPES: dict[Kind, str] = {
    "id": "VARCHAR", "text": "VARCHAR", "money": "DECIMAL(18,4)", "number": "DECIMAL(18,6)",
    "integer": "BIGINT", "time": "TIMESTAMP", "date": "DATE", "flag": "BOOLEAN",
    "tags": "VARCHAR[]",
}  # fmt: skip
WIDE_TYPES = {"fx_rate": "DECIMAL(18,9)"}
EXCLUDE = "exclude:"
ROWS_PER_FILE = 1 << 40
PLACE = "_number || ':' || _row"  # a row's own name: its file and its row in it
OLDEST, LATEST = "1990-01-01", "2100-01-01"
# In a row that gives money back, these are money or goods going out with the sign turned.
TURNED = ("net_amount", "line_net", "gross", "tax", "margin_amount", "line_cost", "quantity")


def type_of(column: str, kind: Kind) -> str:
    return WIDE_TYPES.get(column, TYPES[kind])


def business_date_of(table: str) -> str | None:
    """The name of the column with the business date of a table's time, None if it has none.

    >>> business_date_of("orders"), business_date_of("events"), business_date_of("costs")
    ('order_date', 'occurred_date', None)
    """
    time = TABLES[table].time
    if time is None or TABLES[table].columns[time] != "time":
        return None
    return "order_date" if table == "orders" else time.removesuffix("_at") + "_date"


@dataclass(frozen=True)
class Zones:
    """The company's time zone, and that of a source's naive time stamps."""

    company: str
    source: str


Reader = Callable[[str, str, Kind, str], "Reading"]


def typed_select(
    m: Mapped, raw: str, *, read: Reader, describe: Callable[[str], dict[str, str]],
    repeats: str | None = None,
) -> str:  # fmt: skip
    """The SELECT that turns raw rows (SQL, see `raw.numbered_rows`) into typed rows.

    Every mapped canonical column under its name, the business date, the kept x_ columns, and
    `_place` (file number * 2^40 + row), `_excluded` (reason or NULL), `_rules` (names with a blank
    between, or NULL), `_turned` (an amount of a return was made negative), `_said` (orders: the
    profile or a column says what the row is; any other is taken for a sale).

    `read` gives the SQL that reads a text of the given rows as a kind, `describe` the types of a
    query's columns; `repeats` is a table of the `_place` of rows that repeat an earlier one.
    Raises ParameterError for a bad expression.
    """
    sql = _values(m, raw, read, repeats)
    kinds: dict[str, str] = {c: k for c, k in m.kinds.items() if c not in m.expressions}
    kinds |= dict.fromkeys(m.extra, "text")
    for column, text in m.expressions.items():
        sql = _with_expression(m, column, text, kinds, sql, read, describe)
        kinds[column] = m.kinds[column]
    date = business_date_of(m.table)
    kinds |= {date: "date"} if date else {}
    if m.table == "orders":
        sql = _with_kind(m, kinds, sql, describe)
        kinds["kind"] = "text"
    sql = _with_key(m, sql)
    sql = _with_exclusion(m, kinds, sql, describe)
    return _with_rules(m, sql)


@dataclass(frozen=True)
class Reading:
    """SQL that reads a text: its value, and NULL or why it cannot be read ("unreadable", ...).

    Of a time also the day it falls on in the company's time zone. `join` brings in what the three
    need beside the row itself.
    """

    value: str
    fault: str
    day: str | None = None
    join: str = ""

    def columns(self, column: str, day_name: str | None) -> list[str]:
        parts = [
            f"{self.value} AS {identifier(column)}",
            f"{self.fault} AS {identifier(fault(column))}",
        ]
        if day_name and self.day:
            parts.append(f"{self.day} AS {identifier(day_name)}")
        return parts


def fault(column: str) -> str:
    """The name of the column that says why a row's column could not be read."""
    return f"_fault_{column}"


def _day_name(m: Mapped, column: str) -> str | None:
    return business_date_of(m.table) if column == TABLES[m.table].time else None


def _source_text(m: Mapped, column: str, text: str) -> str:
    """The raw text of a column after the profile's value map."""
    values = told(m.spec, column).map
    if not values:
        return text
    cases = " ".join(f"WHEN {literal(a)} THEN {literal(b)}" for a, b in values.items())
    return f"CASE trim({text}) {cases} ELSE {text} END"


def _values(m: Mapped, raw: str, read: Reader, repeats: str | None) -> str:
    texts = {c: identifier(h) for c, h in m.headings.items()}
    texts |= {c: literal(v) for c, v in m.constants.items()}
    parts = [
        "_place", "_number", "_row", "_total", "_problem IS NOT NULL AS _ragged",
        f"_place IN (SELECT _place FROM {repeats}) AS _repeat" if repeats else "false AS _repeat",
    ]  # fmt: skip
    joins = []
    for column, text in texts.items():
        reading = read(column, _source_text(m, column, text), m.kinds[column], raw)
        parts += reading.columns(column, _day_name(m, column))
        joins.append(reading.join)
    for column in m.numbered:
        parts += Reading(PLACE, "CAST(NULL AS VARCHAR)").columns(column, None)
    parts += [f"{identifier(h)} AS {identifier(x)}" for x, h in m.extra.items()]
    return f"SELECT {', '.join(parts)} FROM {raw} AS rows {' '.join(joins)}"


def _with_expression(
    m: Mapped, column: str, text: str, kinds: Mapping[str, str], sql: str,
    read: Reader, describe: Callable[[str], dict[str, str]],
) -> str:  # fmt: skip
    where = f"sources.{m.table}.columns.{column}.expression"
    compiled = compile_expression(text, kinds, where=where)
    result = _type_of_expression(compiled, sql, describe, where)
    kind = m.kinds[column]
    if result == "VARCHAR" and kind not in {"id", "text"}:
        reading = read(column, _source_text(m, column, f"({compiled})"), kind, f"({sql})")
    else:
        wanted = type_of(column, kind)
        cast = f"TRY_CAST(({compiled}) AS {wanted})"
        if kind in {"id", "text"}:
            cast = f"nullif(trim({_source_text(m, column, cast)}), '')"
        lost = f"CASE WHEN ({compiled}) IS NOT NULL AND {cast} IS NULL THEN 'unreadable' END"
        if kind in {"id", "text"}:
            lost = "CAST(NULL AS VARCHAR)"
        reading = Reading(cast, lost, f"TRY_CAST({cast} AS DATE)")
    columns = reading.columns(column, _day_name(m, column))
    return f"SELECT rows.*, {', '.join(columns)} FROM ({sql}) AS rows {reading.join}"


def _type_of_expression(
    compiled: str, sql: str, describe: Callable[[str], dict[str, str]], where: str
) -> str:
    try:
        return describe(f"SELECT ({compiled}) AS result FROM ({sql})")["result"]
    except duckdb.Error as error:
        raise does_not_fit(str(error).splitlines()[0], where) from None


def _condition(
    text: str, kinds: Mapping[str, str], sql: str,
    describe: Callable[[str], dict[str, str]], where: str,
) -> str:  # fmt: skip
    compiled = compile_expression(text, kinds, where=where)
    if _type_of_expression(compiled, sql, describe, where) != "BOOLEAN":
        raise ParameterError(
            f"{text!r} is not a condition", where=where, rule="it must be true or false for a row"
        )
    return f"({compiled})"


def _with_kind(
    m: Mapped, kinds: Mapping[str, str], sql: str, describe: Callable[[str], dict[str, str]]
) -> str:
    """What the row is: by `kinds`, else by its own kind column, else by its status, else a sale."""
    where = f"sources.{m.table}.kinds"
    whens = [
        f"WHEN {_condition(text, kinds, sql, describe, f'{where}.{kind}')} THEN {literal(kind)}"
        for kind, text in m.spec.kinds.items()
    ]
    if "kind" in kinds:
        whens.append('WHEN "kind" IS NOT NULL THEN lower(trim("kind"))')
    statuses = {s: k for s, k in m.spec.statuses.items() if not k.startswith(EXCLUDE)}
    whens += [
        f"WHEN coalesce(\"status\", '') = {literal(s)} THEN {literal(k)}"
        for s, k in statuses.items()
    ]
    found = f"CASE {' '.join(whens)} END" if whens else "CAST(NULL AS VARCHAR)"
    rest = '* EXCLUDE ("kind")' if "kind" in kinds else "*"
    sql = f"SELECT {rest}, {found} AS _kind FROM ({sql})"
    said = "coalesce(_kind, 'sale') AS \"kind\", _kind IS NOT NULL AS _said"
    sql = f"SELECT * EXCLUDE (_kind), {said} FROM ({sql})"
    turned = [c for c in TURNED if c in kinds]
    if not turned:
        return f"SELECT *, false AS _turned FROM ({sql})"
    amount = "line_net" if "line_net" in kinds else turned[0]
    positive = f"(\"kind\" = 'return' AND {identifier(amount)} > 0)"
    replaced = ", ".join(
        f"CASE WHEN _turned THEN -{identifier(c)} ELSE {identifier(c)} END AS {identifier(c)}"
        for c in turned
    )
    sql = f"SELECT *, coalesce({positive}, false) AS _turned FROM ({sql})"
    return f"SELECT * REPLACE ({replaced}) FROM ({sql})"


def _with_key(m: Mapped, sql: str) -> str:
    """A row's own name where the source has none: file and row, which no export can repeat."""
    made = {"order_lines": ("line_no",)}.get(m.table, ())
    key = TABLES[m.table].key
    names = [c for c in (*made, *(key if len(key) == 1 else ())) if not m.has(c)]
    if m.by_line and not m.has("line_no"):
        names.append("line_no")
    if not names:
        return sql
    parts = [
        ("_row::VARCHAR" if c == "line_no" else PLACE) + f" AS {identifier(c)}"
        for c in names
    ]
    return f"SELECT *, {', '.join(parts)} FROM ({sql})"


def _with_exclusion(
    m: Mapped, kinds: Mapping[str, str], sql: str, describe: Callable[[str], dict[str, str]]
) -> str:
    """The first reason, in the profile's order, for which the profile leaves the row out."""
    whens = ["WHEN _total THEN 'total_row'"]
    for status, told_kind in m.spec.statuses.items():
        if told_kind.startswith(EXCLUDE):
            reason = literal(told_kind.removeprefix(EXCLUDE).strip())
            whens.append(f"WHEN coalesce(\"status\", '') = {literal(status)} THEN {reason}")
    for name, text in m.spec.exclude.items():
        where = f"sources.{m.table}.exclude.{name}"
        condition = _condition(text, kinds, sql, describe, where)
        whens.append(f"WHEN {condition} THEN {literal(name)}")
    whens.append("WHEN _repeat THEN 'repeated_row'")
    return f"SELECT *, CASE {' '.join(whens)} END AS _excluded FROM ({sql})"


def _with_rules(m: Mapped, sql: str) -> str:
    cases = ", ".join(f"CASE WHEN {test} THEN {rule} END" for rule, test in row_rules(m))
    listed = f"nullif(concat_ws(' ', {cases}), '')"
    extra = [x for x in m.extra if x not in m.kept]
    helpers = ("_number", "_row", "_total", "_ragged", "_repeat")
    drop = ", ".join(map(identifier, (*map(fault, m.kinds), *helpers, *extra)))
    return f"SELECT * EXCLUDE ({drop}), {listed} AS _rules FROM ({sql})"


def row_rules(m: Mapped) -> list[tuple[str, str]]:
    """The rules that a row can break by itself: SQL of the rule's name, SQL true if it is broken.

    Of a value that cannot be read the name is its fault and the column, as unreadable_ordered_at,
    skipped_ordered_at (no clock showed that time) or repeated_ordered_at (clocks showed it twice).
    """
    table = TABLES[m.table]
    rules = [("'ragged_row'", "_ragged")]
    for column in m.kinds:
        name = identifier(fault(column))
        rules.append((f"{name} || {literal('_' + column)}", f"{name} IS NOT NULL"))
    needed = [c for c in (*table.required, *table.key) if m.has(c)]
    for column in dict.fromkeys(needed):
        if (m.table, column) != ("orders", "customer_id"):
            empty = f"{identifier(column)} IS NULL AND {identifier(fault(column))} IS NULL"
            rules.append((literal(f"missing_{column}"), empty))
    if m.table == "orders":
        listed = ", ".join(literal(k) for k in ORDER_KINDS)
        rules.append(("'unknown_kind'", f'"kind" NOT IN ({listed})'))
    if table.time and m.has(table.time):
        day = identifier(business_date_of(m.table) or table.time)
        outside = f"({day} < DATE '{OLDEST}' OR {day} >= DATE '{LATEST}')"
        rules.append(("'date_out_of_range'", outside))
    return rules
