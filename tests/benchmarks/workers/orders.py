"""Makes a company of many orders and prepares it: NUMBER FOLDER. Prints what preparing took.

Customers join over three years and buy with very different frequency; 3 % of the orders name none.
Every draw is DuckDB's random() in one thread from a fixed seed, so the orders are the same
everywhere; hash(i, j) would correlate the draws of one order.
"""

import json
import sys
from pathlib import Path

from benchmarks.measure import clocked

PROFILE = """company: Bench
time_zone: Asia/Shanghai
currency: CNY
order_definition: Every row.
data_through: 2025-09-30
sources:
  orders:
    files: orders.parquet
    format: parquet
    columns:
      order_id: order_id
      customer_id: customer_id
      ordered_at: ordered_at
      net_amount: net_amount
"""
FIRST, DAYS = "2022-10-01", 1096
PER_CUSTOMER = 10
ORDERS = f"""
    COPY (
      WITH drawn AS (
        SELECT i, CAST(floor(people * power(random(), 2)) AS INTEGER) AS person, random() AS moment,
          random() AS amount, random() AS known
        FROM range(orders_asked) t(i), (SELECT count(*) AS people FROM joined))
      SELECT 'O' || lpad(CAST(i AS VARCHAR), 9, '0') AS order_id,
        CASE WHEN known >= .03
          THEN 'C' || lpad(CAST(drawn.person AS VARCHAR), 8, '0') END AS customer_id,
        TIMESTAMP '{FIRST}' + to_seconds(CAST(
          (day + (({DAYS} - day) * power(moment, 1.3))) * 86399 AS BIGINT)) AS ordered_at,
        CAST(round(20 + 480 * power(amount, 3), 2) AS DECIMAL(18, 2)) AS net_amount
      FROM drawn JOIN joined ON joined.person = drawn.person
    ) TO 'orders_file' (FORMAT parquet)"""


def main() -> None:
    number, root = int(sys.argv[1]), Path(sys.argv[2])
    make(number, root)
    print(json.dumps(prepared(root)))


def make(number: int, root: Path) -> None:
    """Writes orders.parquet and the profile `bench`."""
    import duckdb

    (root / "params").mkdir()
    (root / "params" / "bench.yaml").write_text(PROFILE, encoding="utf-8")
    con = duckdb.connect()
    con.execute("SET threads = 1; SELECT setseed(0.42)")
    con.execute(f"""
        CREATE TABLE joined AS SELECT CAST(i AS INTEGER) AS person,
          CAST(floor({DAYS} * random()) AS INTEGER) AS day
        FROM range({max(1, number // PER_CUSTOMER)}) t(i)""")
    sql = ORDERS.replace("orders_asked", str(number))
    con.execute(sql.replace("orders_file", str(root / "orders.parquet").replace("'", "''")))
    con.close()


def prepared(root: Path) -> dict:
    """What `prepare` took, and the snapshot's folder."""
    from repurchase.model import build  # noqa: F401
    from repurchase.model.prepare import prepare
    from repurchase.params import load_params

    params = load_params("bench", "2025-09", root=root)
    with clocked() as figures:
        snapshot = prepare(params, cache=root / ".cache")
    loaded = sum(t["loaded"] for t in snapshot.meta["rows"])
    return figures | {"snapshot": str(snapshot.path), "orders": loaded}


if __name__ == "__main__":
    main()
