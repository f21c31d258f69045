"""Every row ends in exactly one of loaded, excluded (named reason) or quarantined (rules broken).

A profile's exclusion is judged first, since a row that is not wanted need not be right. Nothing is
filled in or mended: a row that breaks a rule is set aside with all the rules that it breaks.
"""

from __future__ import annotations

import csv
import datetime as dt
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import duckdb

from repurchase.errors import DataError
from repurchase.model.schema import TABLES
from repurchase.sources.sql import identifier, literal

# Only these columns' values may be shown on a terminal: no names, phones or addresses.
SHOWN_KINDS = {"money", "number", "integer", "time", "date"}
# Rows after the last day of ordinary business: how few, and after how long a silence.
ISOLATED_ROWS, ISOLATED_SHARE, ISOLATED_DAYS, KNOWN_ROWS = 3, 0.001, 7, 30


@dataclass(frozen=True)
class Tally:
    """How the rows of a table ended."""

    table: str
    rows: int
    loaded: int
    excluded: dict[str, int]
    quarantined: int

    @property
    def quarantined_share(self) -> float:
        return self.quarantined / self.rows if self.rows else 0.0


def find_key_faults(
    con: duckdb.DuckDBPyConnection, table: str, rows: str, *, by_line: bool,
    same_on_all_lines: Sequence[str] = (),
) -> None:  # fmt: skip
    """Make the table `faults_<table>` (_place, rule) of what rows break together.

    `repeated_key`: the second and later rows with a key; the first stays. For orders also
    `order_has_two_customers`: all rows of the order, since nobody can say whose it is; and
    `order_values_differ`: all lines of an order whose order-level money differs between them.
    """
    faults = faults_table(table)
    con.execute(f"CREATE TEMP TABLE {faults} (_place BIGINT, rule VARCHAR)")
    valid = f"(SELECT * FROM {rows} WHERE _excluded IS NULL AND _rules IS NULL)"
    key = [*TABLES[table].key] if not by_line else ["order_id", "line_no"]
    keyed = ", ".join(map(identifier, key))
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE repeated_keys AS
        SELECT {keyed} FROM {valid} GROUP BY ALL HAVING count(*) > 1""")
    joined = " AND ".join(f"v.{identifier(k)} = d.{identifier(k)}" for k in key)
    con.execute(f"""
        INSERT INTO {faults} SELECT _place, 'repeated_key' FROM (
          SELECT _place, row_number() OVER (PARTITION BY {keyed_of("v", key)} ORDER BY _place) AS n
          FROM {valid} v SEMI JOIN repeated_keys d ON {joined}) WHERE n > 1""")
    if table != "orders":
        return
    # an order of one row has one customer
    among = (
        valid if by_line else f"(SELECT * FROM {valid} SEMI JOIN repeated_keys USING (order_id))"
    )
    tests = {"order_has_two_customers": "min(customer_id) <> max(customer_id)"}
    if same_on_all_lines:
        differ = (f"min({identifier(c)}) <> max({identifier(c)})" for c in same_on_all_lines)
        tests["order_values_differ"] = " OR ".join(differ)
    for rule, test in tests.items():
        con.execute(f"""
            INSERT INTO {faults} SELECT _place, {literal(rule)} FROM {among}
            WHERE order_id IN (SELECT order_id FROM {among} GROUP BY order_id HAVING {test})""")


def keyed_of(alias: str, key: Sequence[str]) -> str:
    return ", ".join(f"{alias}.{identifier(k)}" for k in key)


def faults_table(table: str) -> str:
    return f"faults_{table}"


def find_isolated_days(
    con: duckdb.DuckDBPyConnection, table: str, rows: str, *, day: str,
    vouched: dt.date | None = None,
) -> None:  # fmt: skip
    """Add to `faults_<table>` the few rows dated long after all others: a typing error, not a sale.

    One order of the year 2052, or of the next month, would otherwise make a period look complete.
    See `last_sound_day`; `vouched` is the end that the profile declares: rows up to it stay.
    """
    days = con.execute(f"""
        SELECT {identifier(day)}, count(*) FROM {rows}
        WHERE _excluded IS NULL AND _rules IS NULL AND {identifier(day)} IS NOT NULL
        GROUP BY 1 ORDER BY 1 DESC""").fetchall()
    last_sound = last_sound_day(days)
    if last_sound is not None:
        last_sound = max(last_sound, vouched or last_sound)
        con.execute(
            f"INSERT INTO {faults_table(table)} SELECT _place, 'date_far_after_all_others'"
            f" FROM {rows} WHERE _excluded IS NULL AND _rules IS NULL AND {identifier(day)} > ?",
            [last_sound],
        )


def last_sound_day(days: Sequence[tuple[dt.date, int]]) -> dt.date | None:
    """The last day before a gap behind which only stray rows lie; None if there is no such gap.

    `days` are days with their numbers of rows, the latest first. Stray are at most three rows, or
    a thousandth of all, and ten times as many lie before. The gap is longer than a week and than
    three times any other gap of the year before it; of fewer than 30 rows one cannot know how
    often they come, and the gap must be longer than a year.
    """
    total = sum(n for _, n in days)
    later, last_sound = 0, None
    for i, ((this, n), (before, _)) in enumerate(pairwise(days)):
        later += n
        if later > max(ISOLATED_ROWS, ISOLATED_SHARE * total) or total - later < 10 * later:
            break
        gap = (this - before).days
        shortest = ISOLATED_DAYS if total - later >= KNOWN_ROWS else 366
        if gap > shortest and gap > 3 * _largest_gap(days[i + 1 :]):
            last_sound = before
    return last_sound


def _largest_gap(days: Sequence[tuple[dt.date, int]]) -> int:
    """In days, between neighbours of the year before the first (latest) of `days`."""
    gaps = ((a - b).days for (a, _), (b, _) in pairwise(days) if (days[0][0] - b).days <= 365)
    return max(gaps, default=0)


def judged(con: duckdb.DuckDBPyConnection, table: str, rows: str) -> str:
    """A SELECT of the rows with `_outcome`, `_reason` (NULL if loaded) and all `_rules`."""
    outcome = (
        "CASE WHEN _excluded IS NOT NULL THEN 'excluded'"
        " WHEN _rules IS NOT NULL THEN 'quarantined' ELSE 'loaded' END AS _outcome,"
        " CASE WHEN _excluded IS NOT NULL THEN _excluded"
        " WHEN _rules IS NOT NULL THEN split_part(_rules, ' ', 1) END AS _reason"
    )
    faults = faults_table(table)
    found = con.execute(f"SELECT count(*) FROM {faults}").fetchone()
    if not found or not found[0]:
        return f"SELECT *, {outcome} FROM {rows}"
    con.execute(f"""
        CREATE TEMP TABLE {faults}_by_row AS
        SELECT _place, string_agg(rule, ' ' ORDER BY rule) AS _more
        FROM {faults} GROUP BY _place""")
    return (
        f"SELECT * EXCLUDE (_more), {outcome} FROM (SELECT r.* REPLACE ("
        "nullif(concat_ws(' ', r._rules, f._more), '') AS _rules), f._more"
        f" FROM {rows} r LEFT JOIN {faults}_by_row f USING (_place))"
    )


def tally(con: duckdb.DuckDBPyConnection, table: str, rows: str, *, source_rows: int) -> Tally:
    """Counts of the judged rows; DataError if they do not add up to the rows that were read."""
    found = con.execute(
        f"SELECT _outcome, _reason, count(*) FROM {rows} GROUP BY 1, 2 ORDER BY 1, 2"
    ).fetchall()
    loaded = sum(n for outcome, _, n in found if outcome == "loaded")
    excluded = {str(reason): int(n) for outcome, reason, n in found if outcome == "excluded"}
    quarantined = sum(n for outcome, _, n in found if outcome == "quarantined")
    if loaded + sum(excluded.values()) + quarantined != source_rows:
        raise DataError(
            f"{table}: {source_rows:,} rows were read, {loaded:,} loaded,"
            f" {sum(excluded.values()):,} excluded and {quarantined:,} quarantined",
            rule="rows in = loaded + excluded + quarantined",
            remedy="this is a fault of the program; please report it with the profile",
        )
    return Tally(table, source_rows, loaded, excluded, quarantined)


def worst_rules(
    con: duckdb.DuckDBPyConnection, table: str, headings: Mapping[str, str], *, most: int = 5
) -> list[str]:
    """A line a rule of `quarantined`: how many rows break it, and where the first stands.

    `headings` are the raw headings of the table's columns.
    """
    rules = con.execute("""
        SELECT rule, count(*) AS n, arg_min((file, row, raw), _place)
        FROM (SELECT unnest(rules) AS rule, file, row, raw, _place FROM quarantined
              WHERE "table" = ?)
        GROUP BY rule ORDER BY n DESC, rule LIMIT ?""", [table, most]).fetchall()  # fmt: skip
    return [
        f"{rule}: {n:,} rows, the first in {file} row {row}{_value(table, rule, raw, headings)}"
        for rule, n, (file, row, raw) in rules
    ]


def _value(table: str, rule: str, raw: str, headings: Mapping[str, str]) -> str:
    """The offending text, for columns that hold no names, phones or addresses."""
    column = rule.removeprefix("unreadable_")
    kinds = TABLES[table].columns | (TABLES["order_lines"].columns if table == "orders" else {})
    if column == rule or kinds.get(column) not in SHOWN_KINDS or column not in headings:
        return ""
    return f" ({headings[column]} = {json.loads(raw).get(headings[column])!r})"


def write_quarantine_csv(con: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Write the quarantined rows for the user's eyes only (mode 600): they may hold names."""
    rows = con.execute(
        "SELECT \"table\", array_to_string(rules, ' '), file, row, CAST(raw AS VARCHAR)"
        ' FROM quarantined ORDER BY "table", _place'
    )
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.unlink(missing_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["table", "rules", "file", "row", "raw"])
        while some := rows.fetchmany(10_000):
            writer.writerows(some)
