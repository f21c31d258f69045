"""From judged rows to what is published: tables, customer days, row ledger, quarantine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from repurchase.model.identity import MERGES
from repurchase.model.schema import PURCHASE_KINDS, TABLES
from repurchase.model.typed import business_date_of, type_of
from repurchase.sources.sql import identifier, literal

if TYPE_CHECKING:
    from repurchase.model.build import Table, Work

ROW_GROUP = 122_880
# What an order of several lines is, if its lines differ: the first of these that occurs.
KIND_RANK = ("sale", "renewal", "gift", "return", "adjustment")


def write_tables(work: Work) -> None:
    """Write every Parquet file of the snapshot."""
    for name, table in work.tables.items():
        if name == "orders":
            make_orders(work, table)
            make_customer_days(work)
            write_orders(work, table)
            if table.by_line:
                write_lines_of_orders(work, table)
        else:
            write_table(work, name, table)
    write_ledger(work)
    write_quarantine(work)


def publish(
    work: Work, name: str, select: str, order: Sequence[str], *, without: Sequence[str] = ()
) -> None:
    """Write the rows, sorted by a unique key: equal rows give equal bytes."""
    by = ", ".join(map(identifier, order))
    rest = f" EXCLUDE ({', '.join(map(identifier, without))})" if without else ""
    path = literal(str(work.folder / f"{name}.parquet"))
    work.con.execute(
        f"COPY (SELECT *{rest} FROM ({select}) ORDER BY {by}) TO {path}"
        f" (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {ROW_GROUP})"
    )
    work.published.append(name)


def canonical(name: str, columns: Sequence[str]) -> list[str]:
    """SELECT items for every canonical column, NULL of its type where the source gives none."""
    return [
        identifier(c) if c in columns else f"CAST(NULL AS {type_of(c, k)}) AS {identifier(c)}"
        for c, k in TABLES[name].columns.items()
    ]


def loaded_rows(table: Table) -> str:
    return f"(SELECT * FROM {table.rows} WHERE _outcome = 'loaded')"


def write_table(work: Work, name: str, table: Table) -> None:
    """One of the canonical tables other than orders."""
    rows = loaded_rows(table)
    items = canonical(name, list(table.columns))
    if "original_customer_id" in table.columns:
        items.append("original_customer_id")
    if day := business_date_of(name):
        items.append(identifier(day) if day in table.columns else f"CAST(NULL AS DATE) AS {day}")
    items += [identifier(x) for x in table.extra]
    order = list(TABLES[name].key)
    if name == "customers":
        items += ["survivor IS NOT NULL AS is_merged", "coalesce(survivor, customer_id) AS kept_id"]
        if work.merged:
            rows = f"({rows} LEFT JOIN {MERGES} USING (customer_id))"
        else:
            rows = f"(SELECT *, CAST(NULL AS VARCHAR) AS survivor FROM {rows})"
    if name == "experiments":
        order.append("original_customer_id")
    if name == "events":
        order = ["occurred_at", *order]
    publish(work, name, f"SELECT {', '.join(items)} FROM {rows}", order)


def make_orders(work: Work, table: Table) -> None:
    """Make the table `orders_made`: one row an order, money in the reporting currency."""
    loaded = loaded_rows(table)
    given = list(table.columns)
    if table.by_line:
        rows = orders_of_lines(table, loaded)
        given.append("net_amount")
    else:
        rows = f"(SELECT *, 1 AS source_rows, order_date AS last_date FROM {loaded})"
    items = canonical("orders", given)
    items += ["original_customer_id", "order_date", "last_date"]
    items += ["CAST(source_rows AS INTEGER) AS source_rows"]
    if "original_net_amount" in table.columns:
        items.append("original_net_amount")
    items += [identifier(x) for x in table.extra]
    # Some systems write what they paid back with a minus, some without.
    refund = "CAST(abs(refund_amount) AS DECIMAL(18,4))"
    work.con.execute(f"""
        CREATE TEMP TABLE orders_made AS
        SELECT *, CAST(net_amount - coalesce(refund_amount, 0) AS DECIMAL(18,4)) AS net_revenue,
          {_is_purchase(work)} AS is_purchase
        FROM (SELECT * REPLACE ({refund} AS refund_amount)
              FROM (SELECT {", ".join(items)} FROM {rows}))""")


def _is_purchase(work: Work) -> str:
    purchase = f"kind IN ({', '.join(map(literal, PURCHASE_KINDS))})"
    if work.params.profile.count_fully_returned:
        return purchase
    returned = "coalesce(refund_amount, 0) >= net_amount AND net_amount > 0"
    return f"({purchase} AND NOT coalesce({returned}, false))"


def orders_of_lines(table: Table, rows: str) -> str:
    """A SELECT with one row an order from rows that are its lines.

    Net amount is the sum of the lines, the time the earliest, the customer the known one; other
    money is the one value that all lines agree on, or the sum where the profile says per: line;
    text is that of the first line that has one; an x_ column is kept if all lines agree.
    """
    kinds = TABLES["orders"].columns
    parts = [
        "order_id", "CAST(sum(line_net) AS DECIMAL(18,4)) AS net_amount",
        "min(ordered_at) AS ordered_at", "min(order_date) AS order_date",
        "max(order_date) AS last_date",
        "min(customer_id) AS customer_id",
        "arg_min(original_customer_id, _place) AS original_customer_id",
        "count(*) AS source_rows",
        f"(ARRAY[{', '.join(map(literal, KIND_RANK))}])[min({kind_rank()})] AS kind",
    ]  # fmt: skip
    done = {"order_id", "net_amount", "ordered_at", "customer_id", "kind"}
    for column in [c for c in table.given if c in kinds and c not in done]:
        name = identifier(column)
        if kinds[column] == "money":
            one = f"min({name})"
            if table.per_line(column):
                one = f"CAST(sum({name}) AS DECIMAL(18,4))"
        elif kinds[column] == "flag":
            one = f"bool_or({name})"
        elif kinds[column] == "time":
            one = f"max({name})"
        else:
            one = f"arg_min({name}, _place)"
        parts.append(f"{one} AS {name}")
    for name in map(identifier, table.extra):
        parts.append(f"CASE WHEN min({name}) = max({name}) THEN min({name}) END AS {name}")
    return f"(SELECT {', '.join(parts)} FROM {rows} GROUP BY order_id)"


def kind_rank() -> str:
    whens = " ".join(f"WHEN {literal(k)} THEN {n}" for n, k in enumerate(KIND_RANK, start=1))
    return f"CASE kind {whens} END"


def make_customer_days(work: Work) -> None:
    """Write `customer_days`: one row a known customer and day with an order that counts.

    What retention counts. `net_revenue` is of all that day's purchases, NULL if no amount is
    known; `store_id` and `channel` are those of the day's first order.
    """
    work.con.execute("""
        CREATE TEMP TABLE days_made AS
        SELECT customer_id, order_date, CAST(count(*) AS INTEGER) AS orders,
          CAST(sum(net_revenue) AS DECIMAL(18,4)) AS net_revenue,
          arg_min({'store_id': store_id, 'channel': channel}, (ordered_at, order_id)) AS first_order
        FROM orders_made WHERE is_purchase AND customer_id IS NOT NULL
        GROUP BY customer_id, order_date""")
    days = """
        SELECT customer_id, order_date, orders, net_revenue,
          CAST(row_number() OVER days AS INTEGER) AS day_rank,
          min(order_date) OVER (PARTITION BY customer_id) AS first_date,
          lag(order_date) OVER days AS previous_date, lead(order_date) OVER days AS next_date,
          first_order.store_id AS store_id, first_order.channel AS channel
        FROM days_made WINDOW days AS (PARTITION BY customer_id ORDER BY order_date)"""
    publish(work, "customer_days", days, ["customer_id", "order_date"])


def write_orders(work: Work, table: Table) -> None:
    """Write `orders`; a return of a known customer is assigned to that customer's last purchase."""
    assigned = """
        SELECT r.order_id, d.order_date AS assigned_date FROM
          (SELECT order_id, customer_id, order_date FROM orders_made
           WHERE NOT is_purchase AND customer_id IS NOT NULL) r
        ASOF LEFT JOIN days_made d
          ON r.customer_id = d.customer_id AND r.order_date >= d.order_date"""
    select = (
        "SELECT o.* EXCLUDE (last_date), a.assigned_date"
        f" FROM orders_made o LEFT JOIN ({assigned}) a USING (order_id)"
    )
    publish(work, "orders", select, ["ordered_at", "order_id"])


def write_lines_of_orders(work: Work, table: Table) -> None:
    items = canonical("order_lines", list(table.columns))
    items += [identifier(x) for x in table.extra]
    items += [c for c in ("original_line_net",) if c in table.columns]
    select = f"SELECT {', '.join(items)}, _place FROM {loaded_rows(table)}"
    publish(work, "order_lines", select, ["_place"], without=["_place"])


def amount_of(table: Table) -> str:
    """The column whose sum is a table's money in the row ledger."""
    if table.name == "orders":
        wanted = "line_net" if table.by_line else "net_amount"
    else:
        wanted = {"order_lines": "line_net", "costs": "amount"}.get(table.name, "")
    return identifier(wanted) if wanted in table.columns else "CAST(NULL AS DECIMAL(18,4))"


def ledger_select(work: Work, table: Table) -> str:
    """All source rows of a table, grouped by how they ended."""
    time = TABLES[table.name].time
    day = business_date_of(table.name) or time
    date = identifier(day) if day and day in table.columns else "CAST(NULL AS DATE)"
    kind = "kind" if table.name == "orders" else "CAST(NULL AS VARCHAR)"
    known = "customer_id IS NOT NULL" if "customer_id" in table.columns else "false"
    amount = amount_of(table)
    return f"""
        SELECT {literal(table.name)} AS "table", _outcome AS outcome, _reason AS reason,
          {kind} AS kind, {known} AS identified, {date} AS business_date,
          count(*) AS rows, CAST(sum({amount}) AS DECIMAL(38,4)) AS amount,
          count(*) FILTER ({amount} IS NULL) AS rows_without_amount
        FROM {dated_as_their_orders(table) if table.by_line else table.rows} GROUP BY ALL"""


def dated_as_their_orders(table: Table) -> str:
    """The rows of a line source with loaded lines on the day of their order's first line.

    Otherwise an order over midnight of a month's last day would be in two months' money.
    """
    return (
        "(SELECT r.* REPLACE (coalesce(o.order_date, r.order_date) AS order_date)"
        f" FROM {table.rows} r LEFT JOIN (SELECT order_id, order_date FROM orders_made"
        " WHERE last_date > order_date) o"
        " ON r.order_id = o.order_id AND r._outcome = 'loaded')"
    )


def write_ledger(work: Work) -> None:
    """Write `row_ledger`: every row that was read, once; the load report is sums of it."""
    parts = [ledger_select(work, table) for table in work.tables.values()]
    order = ["table", "outcome", "reason", "kind", "identified", "business_date"]
    publish(work, "row_ledger", " UNION ALL ".join(parts), order)


def write_quarantine(work: Work) -> None:
    publish(
        work, "quarantine",
        'SELECT "table", rules, file, row, CAST(raw AS VARCHAR) AS raw, _place FROM quarantined',
        ["table", "_place"], without=["_place"],
    )  # fmt: skip


def line_columns(work: Work) -> dict[str, list[str]]:
    """The order_lines columns that orders by line give."""
    orders = work.tables["orders"]
    if not orders.by_line:
        return {}
    return {"order_lines": [c for c in orders.given if c in TABLES["order_lines"].columns]}


def first_seen(work: Work) -> dict[str, dict[str, str]]:
    """The first order date of each channel and store, so that a new one can be named."""
    found = {}
    for column in ("channel", "store_id"):
        rows = work.con.execute(
            f"SELECT {column}, min(order_date) FROM orders_made WHERE {column} IS NOT NULL"
            " GROUP BY 1 ORDER BY 1"
        ).fetchall()
        found[column] = {str(value): day.isoformat() for value, day in rows}
    return found
