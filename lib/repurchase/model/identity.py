"""One person, one id: follow the source's own pointers from merged customers to the one that stays.

Only pointers that the source gives are followed (`customers.merged_into_id`); nothing is guessed
from names, phones or addresses.
"""

from __future__ import annotations

import duckdb

MERGES = "merges"
CIRCLES = "merge_circles"


def resolve_merges(con: duckdb.DuckDBPyConnection, customers: str) -> int:
    """Make the tables `merges` (customer_id, survivor) and `merge_circles` (customer_id).

    `customers` has customer_id and merged_into_id; a pointer to itself counts as none. Chains of
    any length end at the id that points nowhere, whether or not it has a row. Ids on a circle, or
    pointing into one, have no survivor: they stay as they are and stand in `merge_circles`.
    Returns the number of ids that were merged into another.
    """
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE {MERGES} AS
        SELECT customer_id, min(merged_into_id) AS survivor FROM {customers}
        WHERE customer_id IS NOT NULL AND merged_into_id IS NOT NULL
          AND merged_into_id <> customer_id
        GROUP BY customer_id""")
    for _ in range(_count(con, MERGES).bit_length() + 1):  # each jump doubles what is resolved
        if not _jump(con):
            break
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE {CIRCLES} AS
        SELECT customer_id FROM {MERGES} SEMI JOIN
          (SELECT customer_id AS survivor FROM {MERGES}) USING (survivor)""")
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE {MERGES} AS
        SELECT * FROM {MERGES} ANTI JOIN {CIRCLES} USING (customer_id)""")
    return _count(con, MERGES)


def _count(con: duckdb.DuckDBPyConnection, table: str) -> int:
    row = con.execute(f"SELECT count(*) FROM {table}").fetchone()
    return int(row[0]) if row else 0


def _jump(con: duckdb.DuckDBPyConnection) -> bool:
    """Point each id at its survivor's survivor; False once no survivor but circles is left."""
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE next_{MERGES} AS
        SELECT a.customer_id, coalesce(b.survivor, a.survivor) AS survivor
        FROM {MERGES} a LEFT JOIN {MERGES} b ON b.customer_id = a.survivor""")
    changed = con.execute(f"""
        SELECT count(*) FROM next_{MERGES} a JOIN {MERGES} b USING (customer_id)
        WHERE a.survivor <> b.survivor""").fetchone()
    con.execute(f"CREATE OR REPLACE TEMP TABLE {MERGES} AS FROM next_{MERGES}")
    return bool(changed and changed[0])
