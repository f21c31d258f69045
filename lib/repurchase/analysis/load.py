"""What was read, what became of every row, and how much money stands behind it.

The one subject that counts the whole source; everything else sees nothing after the period.
"""

from __future__ import annotations

import datetime as dt

import ibis.expr.types as ir
import pandas as pd

from repurchase.analysis.ratios import cents
from repurchase.records import Record, Result, dimensions
from repurchase.stats.proportion import wilson


def row_outcomes(ledger: ir.Table) -> Result:
    """Source rows by table, outcome and reason, over the whole source.

    Columns: table, outcome (loaded, excluded, quarantined), reason ("" for loaded), rows, amount
    (money of the rows in the reporting currency, missing where none was readable).
    """
    counted = ledger.group_by("table", "outcome", reason=ledger.reason.fill_null("")).aggregate(
        rows=ledger.rows.sum(), amount=ledger.amount.sum().cast("float64")
    )
    order = {"loaded": 0, "excluded": 1, "quarantined": 2}
    frame = counted.to_pandas()
    frame["rank"] = frame["outcome"].map(order)
    frame = frame.sort_values(["table", "rank", "reason"]).drop(columns="rank")
    frame = frame.reset_index(drop=True)
    records = []
    for row in frame.itertuples(index=False):
        where = dict(table=row.table, outcome=row.outcome, span="source")
        where |= {"reason": row.reason} if row.reason else {}
        records.append(Record("rows", float(row.rows), "count", dimensions(**where)))
    for table, rows in frame.groupby("table")["rows"].sum().items():
        where_all = dimensions(table=table, span="source")
        records.append(Record("rows", float(rows), "count", where_all))
    return Result(frame, tuple(records))


def order_rows(ledger: ir.Table, *, until: dt.date | None = None) -> Result:
    """Source rows of the orders without a customer, and those that are returns.

    Over the whole source, or, with `until`, of the rows dated on or before that day.
    """
    span = "source" if until is None else "history"
    rows = ledger.filter(ledger.table == "orders")
    if until is not None:
        rows = rows.filter(rows.business_date <= until)
    counted = rows.aggregate(
        rows=rows.rows.sum(),
        rows_without_customer=rows.rows.sum(where=~rows.identified),
        rows_of_returns=rows.rows.sum(where=rows.kind == "return"),
    )
    row = {k: float(v or 0) for k, v in counted.to_pyarrow().to_pylist()[0].items()}
    records = tuple(
        Record(name, row[name], "count", dimensions(span=span), n=row["rows"])
        for name in ("rows_without_customer", "rows_of_returns")
    )
    return Result(pd.DataFrame([row]), records)


def whole_source(days: ir.Table, orders: ir.Table) -> Result:
    """Customers, repeat customers and money of the whole source, beyond the period's end too.

    `days` and `orders` are the uncut tables. Columns: customers, repeat_customers, net, gross,
    first_day, last_day.
    """
    people = days.aggregate(
        customers=days.customer_id.nunique(),
        repeat_customers=days.customer_id.nunique(where=days.day_rank == 2),
        first_day=days.order_date.min(),
    )
    known = orders.filter(orders.customer_id.notnull())
    money = known.aggregate(
        net=cents(known.net_revenue.sum()).cast("float64"),
        gross=cents(known.net_amount.sum(where=known.is_purchase)).cast("float64"),
    )
    every = orders.aggregate(last_day=orders.order_date.max(), orders=orders.is_purchase.sum())
    row = {
        **people.to_pyarrow().to_pylist()[0],
        **money.to_pyarrow().to_pylist()[0],
        **every.to_pyarrow().to_pylist()[0],
    }
    span = dimensions(span="source")
    n, repeat = float(row["customers"] or 0), float(row["repeat_customers"] or 0)
    records = [
        Record("customers", n, "count", span),
        Record("net_revenue", row["net"] or 0.0, "money", span),
        Record("gross_revenue", row["gross"] or 0.0, "money", span),
        Record("orders", float(row["orders"] or 0), "count", span),
    ]
    if n:
        share = wilson(repeat, n)
        records.append(
            Record(
                "repeat_customer_share",
                share.value,
                "share",
                span,
                low=share.low,
                high=share.high,
                numerator=repeat,
                n=n,
            )
        )
    return Result(pd.DataFrame([row]), tuple(records))
