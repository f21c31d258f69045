"""From judged rows to what is published: tables, customer days, row ledger, quarantine."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from repurchase.model.identity import MERGES
from repurchase.model.schema import PURCHASE_KINDS, TABLES
from repurchase.model.typed import business_date_of, type_of
from repurchase.sources.sql import identifier, literal

if TYPE_CHECKING:
    from repurchase.model.build import Table, Work

ROW_GROUP = 122_880
# The columns of a file in their order: None if the rows have it, else the SQL that makes it.
Columns = dict[str, str | None]
DAY_COLUMNS = (
    "customer_id", "order_date", "orders", "net_revenue", "net_margin", "day_rank", "first_date",
    "previous_date", "next_date", "store_id", "channel", "rep_id", "campaign_id", "discounted",
)  # fmt: skip
FIRST_OF_DAY = ("store_id", "channel", "rep_id", "campaign_id")
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


def publish(work: Work, name: str, rows: str, columns: Columns, order: Sequence[str]) -> None:
    """Write the columns of `rows`, sorted by a unique key: equal rows give equal bytes.

    What is not in the rows is added behind the sorting, which would carry it along otherwise.
    """
    inside = [c for c, sql in columns.items() if sql is None]
    needed = dict.fromkeys([*inside, *order])
    items = [
        identifier(c) if sql is None else f"{sql} AS {identifier(c)}" for c, sql in columns.items()
    ]
    by = ", ".join(map(identifier, order))
    path = literal(str(work.folder / f"{name}.parquet"))
    work.con.execute(
        f"COPY (SELECT {', '.join(items)} FROM"
        f" (SELECT {', '.join(map(identifier, needed))} FROM {rows} ORDER BY {by})) TO {path}"
        f" (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {ROW_GROUP})"
    )
    work.published.append(name)


def canonical(name: str, given: Collection[str]) -> Columns:
    """Every canonical column: from the rows, or NULL of its type where no source gives it."""
    return {
        c: None if c in given else f"CAST(NULL AS {type_of(c, k)})"
        for c, k in TABLES[name].columns.items()
    }


def loaded_rows(table: Table) -> str:
    return f"(SELECT * FROM {table.rows} WHERE _outcome = 'loaded')"


def write_table(work: Work, name: str, table: Table) -> None:
    """One of the canonical tables other than orders."""
    rows = loaded_rows(table)
    columns = canonical(name, table.columns)
    if "original_customer_id" in table.columns:
        columns["original_customer_id"] = None
    if day := business_date_of(name):
        columns[day] = None if day in table.columns else "CAST(NULL AS DATE)"
    columns |= dict.fromkeys(table.extra)
    order = list(TABLES[name].key)
    if name == "customers":
        survivor = "CAST(NULL AS VARCHAR)"
        if work.merged:
            rows = f"({rows} LEFT JOIN {MERGES} USING (customer_id))"
            survivor = "survivor"
        rows = (
            f"(SELECT *, {survivor} IS NOT NULL AS is_merged,"
            f" coalesce({survivor}, customer_id) AS kept_id FROM {rows})"
        )
        columns |= {"is_merged": None, "kept_id": None}
    if name == "experiments":
        order.append("original_customer_id")
    if name == "events":
        order = ["occurred_at", "_place"]
    publish(work, name, rows, columns, order)


def make_orders(work: Work, table: Table) -> None:
    """Make `orders_made`: one row an order, money in the reporting currency."""
    loaded = loaded_rows(table)
    given = {c for c in TABLES["orders"].columns if c in table.columns}
    if table.by_line:
        rows = orders_of_lines(table, loaded)
        given.add("net_amount")
    else:
        rows = f"(SELECT *, 1 AS source_rows, order_date AS last_date FROM {loaded})"
    items = [
        identifier(c) if null is None else f"{null} AS {identifier(c)}"
        for c, null in canonical("orders", given).items()
    ]
    items += ["original_customer_id", "order_date", "last_date", "_place"]
    items += ["CAST(source_rows AS INTEGER) AS source_rows"]
    items += [c for c in ("original_net_amount",) if c in table.columns]
    items += [identifier(x) for x in table.extra]
    # Some systems write what they paid back with a minus, some without.
    refund = "CAST(abs(refund_amount) AS DECIMAL(18,4))"
    kind = "TABLE" if table.by_line else "VIEW"
    made = f"(SELECT {', '.join(items)} FROM {rows})"
    margin, costs = "margin_amount", ""
    if "margin_amount" not in table.columns and (lines := _lines_with_cost(work, table)):
        margin, costs = "CAST(net_revenue - cost AS DECIMAL(18,4))", _costs_of_orders(lines)
    work.con.execute(f"""
        CREATE TEMP {kind} orders_made AS
        SELECT *{" EXCLUDE (cost)" if costs else ""}, {margin} AS net_margin,
          {_is_purchase(work)} AS is_purchase
        FROM (SELECT *, CAST(net_amount - coalesce(refund_amount, 0) AS DECIMAL(18,4))
                AS net_revenue
              FROM (SELECT * REPLACE ({refund} AS refund_amount) FROM {made})){costs}""")


def _lines_with_cost(work: Work, orders: Table) -> Table | None:
    """The table of lines whose costs are known: the orders' own, or `order_lines`."""
    lines = orders if orders.by_line else work.tables.get("order_lines")
    wanted = {"order_id", "line_cost"}
    return lines if lines and wanted <= set(lines.columns) else None


def _costs_of_orders(lines: Table) -> str:
    """The join that gives each order the cost of its lines, NULL if that of any is unknown."""
    return f""" LEFT JOIN (
          SELECT order_id, CASE WHEN count(*) = count(line_cost) THEN sum(line_cost) END AS cost
          FROM {loaded_rows(lines)} GROUP BY order_id) USING (order_id)"""


def _is_purchase(work: Work) -> str:
    # money that went back is no purchase, whatever the row is called
    purchase = f"(kind IN ({', '.join(map(literal, PURCHASE_KINDS))})"
    purchase += " AND NOT coalesce(net_amount < 0, false))"
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
        "count(*) AS source_rows", "min(_place) AS _place",
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

    What retention counts. `net_revenue` and `net_margin` are of that day's purchases whose amount
    is known, NULL if none is; `store_id`, `channel`, `rep_id` and `campaign_id` are those of the
    day's first order; `discounted` is whether any of the day's had a discount or a coupon, NULL if
    the sources tell of neither.
    """
    # one integer that orders a day's orders by time, then by their place in the files
    order = "(CAST(epoch_us(ordered_at) AS HUGEINT) << 63) + _place"
    work.con.execute(f"""
        CREATE TEMP TABLE days_made AS
        SELECT customer_id, order_date, CAST(count(*) AS INTEGER) AS orders,
          CAST(sum(net_revenue) AS DECIMAL(18,4)) AS net_revenue,
          CAST(sum(net_margin) AS DECIMAL(18,4)) AS net_margin,
          {", ".join(_first(work, c, order) for c in FIRST_OF_DAY)}, {_discounted(work)}
        FROM orders_made WHERE is_purchase AND customer_id IS NOT NULL
        GROUP BY customer_id, order_date""")
    days = """
        (SELECT *, CAST(row_number() OVER days AS INTEGER) AS day_rank,
          first_value(order_date) OVER days AS first_date,
          lag(order_date) OVER days AS previous_date, lead(order_date) OVER days AS next_date
        FROM days_made WINDOW days AS (PARTITION BY customer_id ORDER BY order_date))"""
    columns: Columns = dict.fromkeys(DAY_COLUMNS)
    publish(work, "customer_days", days, columns, ["customer_id", "order_date"])


def _discounted(work: Work) -> str:
    tells = {"discount": "discount > 0", "coupon_code": "coalesce(coupon_code, '') <> ''"}
    given = [sql for column, sql in tells.items() if column in work.tables["orders"].columns]
    if not given:
        return "CAST(NULL AS BOOLEAN) AS discounted"
    return f"bool_or({' OR '.join(f'coalesce({sql}, false)' for sql in given)}) AS discounted"


def _first(work: Work, column: str, order: str) -> str:
    if column not in work.tables["orders"].columns:
        return f"CAST(NULL AS VARCHAR) AS {column}"
    return f"arg_min_null({column}, {order}) AS {column}"


def write_orders(work: Work, table: Table) -> None:
    """Write `orders`; a return of a known customer is assigned to that customer's last purchase."""
    columns = canonical("orders", [*table.columns, *(["net_amount"] if table.by_line else [])])
    columns["original_customer_id"] = None if work.merged else "customer_id"
    columns |= dict.fromkeys(["order_date", "source_rows"])
    columns |= dict.fromkeys(c for c in ("original_net_amount",) if c in table.columns)
    columns |= dict.fromkeys([*table.extra, "net_revenue", "net_margin", "is_purchase"])
    columns["assigned_date"] = None
    work.con.execute("""
        CREATE TEMP TABLE others AS SELECT order_id, customer_id, order_date FROM orders_made
        WHERE NOT is_purchase AND customer_id IS NOT NULL""")
    if work.one("SELECT count(*) FROM others")[0]:
        rows = """
            (SELECT o.*, a.assigned_date FROM orders_made o LEFT JOIN (
              SELECT r.order_id, d.order_date AS assigned_date FROM others r
              ASOF LEFT JOIN (SELECT * FROM days_made SEMI JOIN others USING (customer_id)) d
                ON r.customer_id = d.customer_id AND r.order_date >= d.order_date
            ) a USING (order_id))"""
    else:
        rows = "orders_made"
        columns["assigned_date"] = "CAST(NULL AS DATE)"
    publish(work, "orders", rows, columns, ["ordered_at", "_place"])


def write_lines_of_orders(work: Work, table: Table) -> None:
    columns = canonical("order_lines", table.columns)
    columns |= dict.fromkeys(table.extra)
    columns |= dict.fromkeys(c for c in ("original_line_net",) if c in table.columns)
    publish(work, "order_lines", loaded_rows(table), columns, ["_place"])


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
    # a line of totals is no money of its own: it would count everything twice
    total = "_outcome = 'excluded' AND _reason = 'total_row'"
    amount = f"(CASE WHEN NOT coalesce({total}, false) THEN {amount_of(table)} END)"
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
    columns: Columns = dict.fromkeys([*order, "rows", "amount", "rows_without_amount"])
    publish(work, "row_ledger", f"({' UNION ALL '.join(parts)})", columns, order)


def write_quarantine(work: Work) -> None:
    """Write `quarantine`: the rows set aside, as their files have them. For few eyes."""
    columns: Columns = dict.fromkeys(["table", "rules", "file", "row"])
    columns["raw"] = None
    rows = "(SELECT * REPLACE (CAST(raw AS VARCHAR) AS raw) FROM quarantined)"
    publish(work, "quarantine", rows, columns, ["table", "_place"])


def line_columns(work: Work) -> dict[str, list[str]]:
    """The order_lines columns that orders by line give."""
    orders = work.tables.get("orders")
    if orders is None or not orders.by_line:
        return {}
    return {"order_lines": [c for c in orders.given if c in TABLES["order_lines"].columns]}


def first_seen(work: Work) -> dict[str, dict[str, str]]:
    """The first order date of each channel and store, so that a new one can be named."""
    found: dict[str, dict[str, str]] = {}
    if "orders" not in work.tables:
        return found
    for column in ("channel", "store_id"):
        rows = work.con.execute(
            f"SELECT {column}, min(order_date) FROM orders_made WHERE {column} IS NOT NULL"
            " GROUP BY 1 ORDER BY 1"
        ).fetchall()
        found[column] = {str(value): day.isoformat() for value, day in rows}
    return found
