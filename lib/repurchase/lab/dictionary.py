"""The data dictionary: every column of the period's tables, counted in the engine."""

from __future__ import annotations

import re
from typing import Any

import pandas as pd

from repurchase.context import Context
from repurchase.lab.shown import Shown
from repurchase.model.meanings import is_personal, meaning
from repurchase.model.schema import TABLES
from repurchase.model.snapshot import Snapshot
from repurchase.show.blocks import Column, Table
from repurchase.show.sampled import sample_block
from repurchase.sources.sql import identifier
from repurchase.words import N_

EXAMPLES, LOOKED_AT, LONGEST = 3, 2000, 40
COUNTED_ROWS = 1_000_000
TECHNICAL = ("quarantine", "row_ledger")
KINDS = {
    "VARCHAR": "text", "BOOLEAN": "flag", "DATE": "date", "TIMESTAMP": "time",
    "VARCHAR[]": "tags", "BIGINT": "integer", "INTEGER": "integer", "DECIMAL(18,6)": "number",
    "DECIMAL(18,9)": "number", "DECIMAL(18,4)": "money",
}  # fmt: skip
# what gives a person away whatever the heading says: a mail address, a long number
GIVES_AWAY = re.compile(r"\S+@\S+\.\S+|\+?\d[\d -]{9,}\d")
HEADINGS = (
    N_("Table"), N_("Column"), N_("Meaning"), N_("Kind"), N_("Filled"), N_("Distinct"),
    N_("Examples"),
)  # fmt: skip


def dictionary(con: Any, snapshot: Snapshot, context: Context) -> Shown:
    """Columns: table, column, meaning, kind, rows, filled (share 0..1, missing in an empty table),
    distinct (above a million rows HyperLogLog, within a few per cent), examples.

    Counted up to the period's end. Examples of a column that may name a person are masked: letters
    become x, digits 0. `con` has a view a table.
    """
    rows: list[dict[str, Any]] = []
    for table in snapshot.tables:
        if table not in TECHNICAL:
            rows += _columns(con, table, context)
    frame = pd.DataFrame(rows)
    return Shown(frame, sample_block(_block(frame, context), context))


def _columns(con: Any, table: str, context: Context) -> list[dict[str, Any]]:
    view = identifier(table)
    described = con.execute(f"DESCRIBE {view}").fetchall()
    names = [str(row[0]) for row in described]
    (total,) = con.execute(f"SELECT count(*) FROM {view}").fetchone()
    distinct = "count(DISTINCT {})" if total <= COUNTED_ROWS else "approx_count_distinct({})"
    counts = ", ".join(f"count({c}), {distinct.format(c)}" for c in map(identifier, names))
    counted = con.execute(f"SELECT {counts} FROM {view}").fetchone()
    seen = con.execute(f"SELECT * FROM {view} LIMIT {LOOKED_AT}").fetchall()
    known = TABLES[table].columns if table in TABLES else {}
    return [
        {
            "table": table,
            "column": name,
            "meaning": context.words._(meaning(table, name)),
            "kind": known.get(name) or KINDS.get(str(described[i][1]), "text"),
            "rows": total,
            "filled": counted[2 * i] / total if total else None,
            "distinct": counted[2 * i + 1],
            "examples": _examples([row[i] for row in seen], is_personal(table, name)),
        }
        for i, name in enumerate(names)
    ]


def _examples(values: list[Any], personal: bool) -> str:
    texts = (str(value) for value in values if value is not None and value != [])
    found = list(dict.fromkeys(texts))[:EXAMPLES]
    shown = (masked(t) if personal or GIVES_AWAY.fullmatch(t) else t for t in found)
    return " · ".join(map(_short, shown))


def masked(text: str) -> str:
    """The shape of a text without its content.

    >>> masked("王小明 wang@example.com 138-0013"), masked("")
    ('xxx xxxx@xxxxxxx.xxx 000-0000', '')
    """
    return "".join("0" if c.isdigit() else "x" if c.isalpha() else c for c in text)


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _block(frame: pd.DataFrame, context: Context) -> Table:
    words = context.words
    columns = tuple(
        Column(words._(h), "right" if h in HEADINGS[4:6] else "left", "auto") for h in HEADINGS
    )
    rows = tuple(
        (
            row["table"],
            row["column"],
            row["meaning"],
            row["kind"],
            words.share(row["filled"]) if row["rows"] else "",
            words.count(row["distinct"]),
            row["examples"],
        )
        for row in frame.to_dict("records")
    )
    return Table(columns, rows, title=words._(N_("The tables and their columns")), size="small")
