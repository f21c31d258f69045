"""Rows of totals that exports put among the data."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

import duckdb

from repurchase.sources.sql import identifier, literal

TOTAL_ROWS = ("合计", "小计", "总计", "Total", "Grand total", "Subtotal")
# a marker stands among the first cells with content; these many columns are looked at
LEADING_CELLS, LEADING_COLUMNS = 3, 12
_SKIPPED = " \t\r\n\u00a0\u3000:：,，"
_MEASURE = re.compile(r"[\s\d.,:+()¥$€£%‰—–*/~-]*(CNY|RMB|USD|EUR|GBP)?[万亿元笔单件个条人次共\s]*")
_DATE = re.compile(r"(?<!\d)\d{4}(?:[-/]|\.(?=\d{1,2}\.)|年)\s?\d")


def mark_totals(
    con: duckdb.DuckDBPyConnection, table: str, columns: Sequence[str], *, markers: Sequence[str]
) -> int:
    """Set `_total` on the rows of totals of a raw table, and say how many there are.

    The engine finds the few rows with a marker near their beginning; `is_total` judges them.
    """
    words = {_plain(marker) for marker in markers}
    if not words:
        return 0
    cells = [identifier(name) for name in columns]
    rows = con.execute(
        f"SELECT rowid, {', '.join(cells)} FROM {identifier(table)} WHERE {_maybe(cells, words)}"
    ).fetchall()
    totals = [(row[0],) for row in rows if is_total(row[1:], markers=markers)]
    if totals:
        con.execute("CREATE OR REPLACE TEMP TABLE _totals (id BIGINT)")
        con.executemany("INSERT INTO _totals VALUES (?)", totals)
        con.execute(
            f"UPDATE {identifier(table)} SET _total = true WHERE rowid IN (SELECT id FROM _totals)"
        )
        con.execute("DROP TABLE _totals")
    return len(totals)


def is_total(cells: Iterable[str | None], *, markers: Sequence[str]) -> bool:
    """True if one of the first three cells with content is a marker and the others are measures.

    White space, a colon, case and full width do not count in a marker. A customer called Total is
    no total: its row has a date, or words that are neither amounts nor counts.

    >>> is_total([None, "合 计：", "3", "¥1,200.00"], markers=["合计"])
    True
    >>> is_total(["1001", "Total", "2025-09-01", "12.50"], markers=["Total"])
    False
    """
    words = {_plain(marker) for marker in markers}
    texts = [unicodedata.normalize("NFKC", cell) for cell in cells if cell]
    filled = [text for text in texts if text.strip(_SKIPPED)]
    marked = [_plain(cell) in words for cell in filled]
    return any(marked[:LEADING_CELLS]) and all(
        hit or (_MEASURE.fullmatch(cell) and not _DATE.search(cell))
        for hit, cell in zip(marked, filled, strict=True)
    )


def _plain(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(char for char in folded if char not in _SKIPPED)


def _maybe(cells: Sequence[str], words: set[str]) -> str:
    """SQL that is true for each row of totals, and for few others.

    Later columns are looked at only where one of the first is empty.
    """
    gap = f"[{_SKIPPED}]*"
    spelt = "|".join(gap.join(map(re.escape, word)) for word in sorted(words))
    shape = literal(f"(?i){gap}(?:{spelt}){gap}")
    found = [f"coalesce(regexp_full_match({cell}, {shape}), false)" for cell in cells]
    lead, later = found[:LEADING_CELLS], found[LEADING_CELLS:LEADING_COLUMNS]
    if not later:
        return " OR ".join(lead)
    empty = " OR ".join(f"{cell} IS NULL" for cell in cells[:LEADING_CELLS])
    return f"CASE WHEN {' OR '.join(lead)} THEN true WHEN {empty} THEN {' OR '.join(later)} END"
