"""One row a customer, as of a day: the heavy aggregation that the chapters share.

It is made once for a snapshot and a day, in the engine, and lies in the snapshot's folder; a
snapshot that is removed takes its summaries along.
"""

from __future__ import annotations

import datetime as dt
import os
import tempfile
from pathlib import Path
from typing import Any

from repurchase.model.snapshot import Snapshot
from repurchase.sources.sql import literal

FOLDER = "at"
# Logarithms and their squares are summed as decimals, so that threads cannot change a digit; they
# are squared before, since the product of two decimals costs more than all other columns.
LOG = "DECIMAL(18,9)"


def customer_summary(snapshot: Snapshot, day: dt.date) -> Path:
    """The Parquet file of the customers with an order date up to `day`; made if it is not there.

    One row a known customer, sorted by customer_id. Columns: customer_id; first_date, last_date,
    previous_date (the order date before the last, NULL if there is none); order_days (order
    dates), orders; net_revenue, net_margin (all order dates; NULL where no amount is known),
    repeat_revenue, repeat_margin (without the first order date; NULL if there is no other),
    repeat_money_days (repeat order dates whose revenue is known); log_gap_sum, log_gap_squares (of
    the natural logarithms of the days between order dates), longest_gap (days); first_ and last_
    store_id, channel, rep_id; first_campaign_id, first_discounted; other_revenue, other_margin (of
    documents that are no purchase, such as an unlinked return; NULL if there is none).
    """
    path = snapshot.path / FOLDER / f"{day.isoformat()}.parquet"
    if path.is_file():
        return path
    con = snapshot.connect()
    try:
        write_once(con, _select(day), path)
    finally:
        con.close()
    return path


def write_once(con: Any, query: str, path: Path) -> None:
    """The rows of a query as a Parquet file, written aside and put in its place whole."""
    path.parent.mkdir(mode=0o700, exist_ok=True)
    handle, aside = tempfile.mkstemp(dir=path.parent, prefix=".new-", suffix=".parquet")
    os.close(handle)
    try:
        con.execute(f"COPY ({query}) TO {literal(aside)} (FORMAT parquet, COMPRESSION zstd)")
        os.replace(aside, path)
    finally:
        Path(aside).unlink(missing_ok=True)


def _select(day: dt.date) -> str:
    until = f"DATE {literal(day.isoformat())}"
    log = "ln(order_date - previous_date)"
    ends = ", ".join(
        f"any_value({c}) FILTER (day_rank = 1) AS first_{c},"
        f" arg_max_null({c}, day_rank) AS last_{c}"
        for c in ("store_id", "channel", "rep_id")
    )
    return f"""
        WITH days AS (
          SELECT customer_id, count(*) AS order_days, sum(orders) AS orders,
            min(order_date) AS first_date, max(order_date) AS last_date,
            arg_max_null(previous_date, day_rank) AS previous_date,
            {_sum("net_revenue")}, {_sum("net_margin")},
            {_sum("net_revenue", "repeat_revenue", "day_rank > 1")},
            {_sum("net_margin", "repeat_margin", "day_rank > 1")},
            count(net_revenue) FILTER (day_rank > 1) AS repeat_money_days,
            CAST(sum(CAST({log} AS {LOG})) AS {LOG}) AS log_gap_sum,
            CAST(sum(CAST({log} * {log} AS {LOG})) AS {LOG}) AS log_gap_squares,
            max(order_date - previous_date) AS longest_gap,
            {ends}, any_value(campaign_id) FILTER (day_rank = 1) AS first_campaign_id,
            any_value(discounted) FILTER (day_rank = 1) AS first_discounted
          FROM customer_days WHERE order_date <= {until} GROUP BY customer_id),
        others AS (
          SELECT customer_id, {_sum("net_revenue", "other_revenue")},
            {_sum("net_margin", "other_margin")}
          FROM orders
          WHERE customer_id IS NOT NULL AND NOT is_purchase AND order_date <= {until}
          GROUP BY customer_id)
        SELECT * FROM days LEFT JOIN others USING (customer_id) ORDER BY customer_id"""


def _sum(column: str, name: str = "", where: str = "") -> str:
    only = f" FILTER ({where})" if where else ""
    return f"CAST(sum({column}){only} AS DECIMAL(18,4)) AS {name or column}"
