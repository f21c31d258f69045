"""What a rep should know before asking a customer back: from the tables, for the due ones only."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import ibis
import ibis.expr.types as ir
import pandas as pd

from repurchase.analysis.worklists import CHANNELS

TOUCHES = ("email_sent", "sms", "wechat", "call", "visit")
LAST_PRODUCTS = 3
SHOWN_EVENTS = 5
Tables = Mapping[str, ir.Table]

OF_CUSTOMERS = ("name", "segment", "level", "owner_rep_id", "renewal_date", "receivable_amount",
                "overdue_days", *CHANNELS)  # fmt: skip
OF_SUMMARY = ("first_date", "last_date", "order_days", "net_revenue", "last_store_id",
              "last_rep_id", "last_channel")  # fmt: skip


def facts(
    summary: ir.Table, tables: Tables, due: pd.DataFrame, *, end: dt.date, contact: tuple[str, ...]
) -> pd.DataFrame:
    """One row a due customer: what the tables tell; a column is missing where no table tells it.

    Columns: customer_id; those of OF_SUMMARY and OF_CUSTOMERS; is_internal (an internal or test
    account); `contact`, as the sources have them; open_tickets (count); last_touch_date,
    last_touch_type, last_touch_channel, last_touch_outcome; call_back_date (the latest one agreed
    that lies after the end).
    """
    ids = ibis.memtable(due[["customer_id"]])
    found = summary.semi_join(ids, "customer_id").select("customer_id", *OF_SUMMARY).to_pandas()
    for part in (
        _of_customers(tables, ids, contact),
        _open_tickets(tables, ids, end),
        _last_touch(tables, ids),
        _call_backs(tables, ids, end),
    ):
        found = found.merge(part, on="customer_id", how="left", validate="one_to_one")
    return found.sort_values("customer_id", ignore_index=True)


def _of_customers(tables: Tables, ids: ir.Table, contact: tuple[str, ...]) -> pd.DataFrame:
    columns = list(dict.fromkeys(["customer_id", *OF_CUSTOMERS, *contact]))
    if "customers" not in tables:
        return pd.DataFrame(columns=[*columns, "is_internal"])
    rows = tables["customers"].semi_join(ids, "customer_id")
    internal = rows.is_internal.fill_null(False) | rows.is_test.fill_null(False)
    return rows.select(*columns, is_internal=internal).to_pandas()


def _open_tickets(tables: Tables, ids: ir.Table, end: dt.date) -> pd.DataFrame:
    if "tickets" not in tables:
        return pd.DataFrame(columns=["customer_id", "open_tickets"])
    rows = tables["tickets"].semi_join(ids, "customer_id")
    still = rows.filter(rows.closed_at.isnull() | (rows.closed_at.date() > end))
    return still.group_by("customer_id").aggregate(open_tickets=still.count()).to_pandas()


def _touches(tables: Tables, ids: ir.Table) -> ir.Table:
    events = tables["events"]
    return events.filter(events.type.isin(TOUCHES)).semi_join(ids, "customer_id")


def _newest_first(rows: ir.Table, by: str) -> ir.Table:
    """The rows with `place`: 0 for each customer's newest; ties are broken by the event's id."""
    window = ibis.window(group_by="customer_id", order_by=[rows[by].desc(), rows.event_id.desc()])
    return rows.mutate(place=ibis.row_number().over(window))


def _last_touch(tables: Tables, ids: ir.Table) -> pd.DataFrame:
    names = {"occurred_date": "date", "type": "type", "channel": "channel", "outcome": "outcome"}
    if "events" not in tables:
        return pd.DataFrame(columns=["customer_id", *(f"last_touch_{n}" for n in names.values())])
    rows = _newest_first(_touches(tables, ids), "occurred_at")
    columns = {f"last_touch_{new}": rows[old] for old, new in names.items()}
    return rows.filter(rows.place == 0).select("customer_id", **columns).to_pandas()


def _call_backs(tables: Tables, ids: ir.Table, end: dt.date) -> pd.DataFrame:
    if "events" not in tables:
        return pd.DataFrame(columns=["customer_id", "call_back_date"])
    events = tables["events"].semi_join(ids, "customer_id")
    ahead = events.filter(events.next_at.date() > end)
    return (
        ahead.group_by("customer_id").aggregate(call_back_date=ahead.next_at.max()).to_pandas()
    )


def last_products(tables: Tables, due: pd.DataFrame) -> pd.DataFrame:
    """The products of each due customer's last order date, dearest first, at most three.

    Columns: customer_id, product_id, name (the id where no name is known). Empty without lines.
    """
    columns = ["customer_id", "product_id", "name"]
    if "order_lines" not in tables:
        return pd.DataFrame(columns=columns)
    ids = ibis.memtable(due[["customer_id"]])
    orders = tables["orders"]
    mine = orders.filter(orders.is_purchase).semi_join(ids, "customer_id")
    latest = mine.group_by("customer_id").aggregate(last_date=mine.order_date.max())
    of_day = mine.join(latest, "customer_id").filter(lambda t: t.order_date == t.last_date)
    lines = tables["order_lines"].join(of_day.select("order_id", "customer_id"), "order_id")
    bought = lines.group_by("customer_id", "product_id").aggregate(paid=lines.line_net.sum())
    frame = _named(tables, bought).to_pandas()
    order = ["customer_id", "paid", "product_id"]
    frame = frame.sort_values(order, ascending=[True, False, True])
    return frame.groupby("customer_id").head(LAST_PRODUCTS)[columns].reset_index(drop=True)


def _named(tables: Tables, rows: ir.Table) -> ir.Table:
    if "products" not in tables:
        return rows.mutate(name=rows.product_id)
    products = tables["products"]
    names = products.select("product_id", product_name=products.name)
    joined = rows.left_join(names, "product_id")
    return joined.mutate(name=joined.product_name.fill_null(joined.product_id))


def bought_before(tables: Tables, due: pd.DataFrame) -> pd.DataFrame:
    """What each due customer has ever bought: customer_id, product_id."""
    if "order_lines" not in tables:
        return pd.DataFrame(columns=["customer_id", "product_id"])
    ids = ibis.memtable(due[["customer_id"]])
    orders = tables["orders"]
    mine = orders.filter(orders.is_purchase).semi_join(ids, "customer_id")
    lines = tables["order_lines"].join(mine.select("order_id", "customer_id"), "order_id")
    return lines.select("customer_id", "product_id").distinct().to_pandas()


def suggested(
    last: pd.DataFrame, before: pd.DataFrame, pairs: pd.DataFrame, names: Mapping[str, str]
) -> pd.DataFrame:
    """One product a customer: the likeliest companion of the last ones that was never bought.

    `pairs` has product_id, other_id and lift, the ones that stand only; `names` the products'
    names. Columns: customer_id, suggested_product. Who has no such companion is left out.
    """
    found = last[["customer_id", "product_id"]].merge(pairs, on="product_id")
    taken = before.rename(columns={"product_id": "other_id"}).assign(taken=True)
    found = found.merge(taken, on=["customer_id", "other_id"], how="left")
    found = found[found["taken"].isna()]
    found = found.sort_values(["customer_id", "lift", "other_id"], ascending=[True, False, True])
    best = found.groupby("customer_id").head(1)
    best = best.assign(suggested_product=[names.get(i, i) for i in best["other_id"]])
    return best[["customer_id", "suggested_product"]].reset_index(drop=True)


def history(tables: Tables, listed: pd.DataFrame) -> pd.DataFrame:
    """The last order dates and touches of each listed customer, newest first, five of each.

    Columns: customer_id, date, what ("order" or the event's type), channel, net_revenue (missing
    for a touch), outcome (of a touch), rep_id.
    """
    ids = ibis.memtable(listed[["customer_id"]])
    parts = [_last_days(tables["customer_days"].semi_join(ids, "customer_id"))]
    if "events" in tables:
        parts.append(_last_events(_touches(tables, ids)))
    found = pd.concat(parts, ignore_index=True)
    found["date"] = pd.to_datetime(found["date"])
    order = ["customer_id", "date", "what", "place"]
    found = found.sort_values(order, ascending=[True, False, True, True], ignore_index=True)
    return found.drop(columns="place")


def _last_days(days: ir.Table) -> pd.DataFrame:
    window = ibis.window(group_by="customer_id", order_by=days.order_date.desc())
    rows = days.mutate(place=ibis.row_number().over(window))
    rows = rows.filter(rows.place < SHOWN_EVENTS)
    return rows.select(
        "customer_id",
        "place",
        date=rows.order_date,
        what=ibis.literal("order"),
        channel=rows.channel,
        net_revenue=rows.net_revenue.cast("float64"),
        outcome=ibis.null("string"),
        rep_id=rows.rep_id,
    ).to_pandas()


def _last_events(touches: ir.Table) -> pd.DataFrame:
    rows = _newest_first(touches, "occurred_at").filter(lambda t: t.place < SHOWN_EVENTS)
    return rows.select(
        "customer_id",
        "place",
        date=rows.occurred_date,
        what=rows.type,
        channel=rows.channel,
        net_revenue=ibis.null("float64"),
        outcome=rows.outcome,
        rep_id=rows.rep_id,
    ).to_pandas()
