"""A snapshot of very many orders, and one subject on it: make FOLDER ORDERS, or SUBJECT FOLDER.

Making goes customer by customer in pieces, so that memory stays small whatever the number: what is
written is the trusted tables themselves, sorted as a snapshot has them, and no source is read.
Customers buy as unevenly as in orders.py; 3 % of the orders name none, 1 % are unlinked returns.
Every draw is DuckDB's random() in one thread from a fixed seed.
"""

import datetime as dt
import json
import shutil
import sys
from pathlib import Path

from benchmarks.measure import clocked

PERIOD, END = "2025-09", dt.date(2025, 9, 30)
SUMMARIES = (END, dt.date(2025, 8, 31), dt.date(2024, 9, 30), dt.date(2025, 7, 31))
SUBJECTS = ("summary", "cohorts", "tiers", "gaps")
SNAPSHOT = "snapshot"
PIECE = 100_000  # customers
ROW_GROUP = 122_880
FIRST, DAYS, PER_CUSTOMER = "2022-10-01", 1096, 10
DRAWN = f"""
    CREATE OR REPLACE TEMP TABLE drawn AS
      WITH people AS (
        SELECT i, floor({DAYS} * random()) AS day, random() AS u
        FROM range(from_here, to_there) t(i)),
      many AS (
        -- as if so many orders had been dealt out at the square of a chance
        SELECT i, day, unnest(range(CAST(greatest(1,
          floor(least({PER_CUSTOMER} / 2 / sqrt(1 - u), 50000) + random())) AS BIGINT))) AS number
        FROM people)
      SELECT i, DATE '{FIRST}' + CAST(
          floor(least(day + ({DAYS} - day) * power(random(), 1.3), {DAYS - 1})) AS INTEGER) AS day,
        CAST(round(20 + 480 * power(random(), 3), 2) AS DECIMAL(18, 4)) AS amount,
        random() AS kind, row_number() OVER () AS number
      FROM many"""
CUSTOMER = "'C' || lpad(CAST(i AS VARCHAR), 9, '0')"
ORDERS = f"""
    SELECT 'O' || lpad(CAST(from_here AS VARCHAR), 9, '0') || lpad(CAST(number AS VARCHAR), 9, '0')
        AS order_id,
      CASE WHEN kind >= .03 THEN {CUSTOMER} END AS customer_id, day AS order_date,
      CAST(NULL AS DATE) AS assigned_date, amount AS net_amount,
      CASE WHEN kind > .99 THEN -amount ELSE amount END AS net_revenue,
      CAST(NULL AS DECIMAL(18, 4)) AS net_margin, kind <= .99 AS is_purchase
    FROM drawn"""
CUSTOMER_DAYS = f"""
    WITH days AS (
      SELECT i, day AS order_date, CAST(count(*) AS INTEGER) AS orders,
        CAST(sum(amount) AS DECIMAL(18, 4)) AS net_revenue
      FROM drawn WHERE kind BETWEEN .03 AND .99 GROUP BY i, day)
    SELECT {CUSTOMER} AS customer_id, order_date, orders, net_revenue,
      CAST(NULL AS DECIMAL(18, 4)) AS net_margin,
      CAST(row_number() OVER own AS INTEGER) AS day_rank,
      first_value(order_date) OVER own AS first_date, lag(order_date) OVER own AS previous_date,
      lead(order_date) OVER own AS next_date,
      CAST(NULL AS VARCHAR) AS store_id, CAST(NULL AS VARCHAR) AS channel,
      CAST(NULL AS VARCHAR) AS rep_id, CAST(NULL AS VARCHAR) AS campaign_id,
      CAST(NULL AS BOOLEAN) AS discounted
    FROM days WINDOW own AS (PARTITION BY i ORDER BY order_date) ORDER BY i, order_date"""
TABLES = {"orders": ORDERS, "customer_days": CUSTOMER_DAYS}


def main() -> None:
    if sys.argv[1] == "make":
        said = make(Path(sys.argv[2]), int(sys.argv[3]))
    else:
        said = subject(sys.argv[1], Path(sys.argv[2]))
    print(json.dumps(said))


def make(root: Path, asked: int, *, piece: int = PIECE) -> dict:
    """Writes the snapshot and the profile `bench`; how many orders and customers there are."""
    from benchmarks.workers.orders import PROFILE

    (root / "params").mkdir()
    (root / "params" / "bench.yaml").write_text(PROFILE, encoding="utf-8")
    folder = root / SNAPSHOT
    folder.mkdir()
    customers = max(1, asked // PER_CUSTOMER)
    with clocked() as figures:
        rows = write(folder, customers, piece)
    meta = {
        "id": f"{asked:016x}", "columns": {"orders": ["order_id", "customer_id", "net_amount"]},
        "tables": sorted(TABLES), "data_from": FIRST, "data_through": END.isoformat(),
        "first_seen": {"channel": {}, "store_id": {}}, "extra": {"orders": []}, "rows": [],
        "notes": [], "sources": [], "merged_customers": 0, "last_order_date": END.isoformat(),
    }  # fmt: skip
    (folder / "meta.json").write_text(json.dumps(meta), encoding="utf-8")
    size = sum(path.stat().st_size for path in folder.iterdir())
    return figures | rows | {"customers": customers, "bytes": size}


def write(folder: Path, customers: int, piece: int) -> dict[str, int]:
    """Rows of each table."""
    import duckdb
    import pyarrow.parquet as pq

    con = duckdb.connect()
    con.execute("SET threads = 1; SET memory_limit = '2GB'; SELECT setseed(0.42)")
    writers: dict[str, pq.ParquetWriter] = {}
    rows = dict.fromkeys(TABLES, 0)
    for start in range(0, customers, piece):
        ends = {"from_here": str(start), "to_there": str(min(start + piece, customers))}
        con.execute(between(DRAWN, ends))
        for name, query in TABLES.items():
            table = con.execute(between(query, ends)).to_arrow_table()
            if name not in writers:
                writers[name] = pq.ParquetWriter(
                    folder / f"{name}.parquet", table.schema, compression="zstd",
                    store_decimal_as_integer=True,
                )  # fmt: skip
            writers[name].write_table(table, row_group_size=ROW_GROUP)
            rows[name] += table.num_rows
    for writer in writers.values():
        writer.close()
    con.close()
    return rows


def between(query: str, ends: dict[str, str]) -> str:
    for name, value in ends.items():
        query = query.replace(name, value)
    return query


def subject(name: str, root: Path) -> dict:
    """What one subject takes, from opening the files; the summaries are made by `summary`."""
    from repurchase.model.snapshot import Snapshot
    from repurchase.params import load_params
    from repurchase.review import Review

    params = load_params("bench", PERIOD, root=root)
    snapshot = root / SNAPSHOT
    if name == "summary":
        shutil.rmtree(snapshot / "at", ignore_errors=True)
    with clocked() as figures:
        review = Review(params, Snapshot.open(snapshot))
        if name == "summary":
            rows = sum(int(review.customers_on(day).count().execute()) for day in SUMMARIES)
        elif name == "cohorts":
            rows = int(review.retention.cohorts().frame[0].sum())
        elif name == "tiers":
            found = review.customer_value.standings()
            now = found.cube[found.cube["against"] == "none"]
            rows = int(now["customers"].sum())
        else:
            review.retention.gaps()
            rows = int(review.retention.rhythms().frame["customers"].sum())
    return figures | {"rows": rows}


if __name__ == "__main__":
    main()
