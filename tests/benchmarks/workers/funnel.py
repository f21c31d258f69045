"""One funnel of many events: make FOLDER NUMBER, or WAY FOLDER.

`library` goes the chapter's way from events and orders to counts; `sql` is the same by hand.
"""

import datetime as dt
import json
import sys
from pathlib import Path

from benchmarks.measure import clocked

PERIOD, WINDOW = "2025-09", 30
FROM, DAYS, DAY = dt.date(2023, 6, 1), 852, dt.timedelta(days=1)
CUTS = ("channel", "campaign_id", "store_id", "region")
CONTACTS = ("sms", "email_sent", "wechat")
INTEREST = ("sms_click", "web_view", "cart")
PER_CUSTOMER, ORDERS = 20, 3  # events a customer; events an order


def main() -> None:
    folder = Path(sys.argv[2])
    if sys.argv[1] == "make":
        said = make(folder, int(sys.argv[3]))
    else:
        said = {"library": library, "sql": sql}[sys.argv[1]](folder)
    print(json.dumps(said, default=str))


def path_in(folder: Path, name: str) -> str:
    return str(folder / f"{name}.parquet").replace("'", "''")


def make(folder: Path, number: int) -> dict:
    """Writes events, orders, customer days and a label a customer, as a snapshot has them."""
    import duckdb

    customers, orders = number // PER_CUSTOMER, number // ORDERS
    kinds = ", ".join(f"'{kind}'" for kind in (*CONTACTS, *INTEREST))

    def moment(key: str) -> str:
        return f"TIMESTAMP '{FROM}' + to_seconds((hash({key}) % {DAYS * 86400})::BIGINT)"

    con = duckdb.connect()
    con.execute(f"""COPY (
        SELECT *, CAST(occurred_at AS DATE) AS occurred_date FROM (
          SELECT 'E' || i AS event_id, 'C' || (hash(i) % {customers}) AS customer_id,
            {moment("i * 7 + 1")} AS occurred_at,
            [{kinds}][1 + (hash(i * 3 + 2) % 6)::INTEGER] AS type,
            ['sms', 'email', 'wechat', 'app'][1 + (hash(i * 5 + 3) % 4)::INTEGER] AS channel,
            'K' || (hash(i * 11) % 50) AS campaign_id, CAST(NULL AS VARCHAR) AS rep_id,
            'delivered' AS outcome, hash(i * 13) % 97 = 0 AS is_bot
          FROM range({number}) t(i))) TO '{path_in(folder, "events")}'""")
    con.execute(f"""CREATE TABLE made AS
        SELECT *, CAST(ordered_at AS DATE) AS order_date FROM (
          SELECT 'O' || i AS order_id, 'C' || (hash(i + 5) % {customers}) AS customer_id,
            {moment("i * 17 + 1")} AS ordered_at, 'S' || (hash(i * 19) % 200) AS store_id,
            'app' AS channel, CAST(NULL AS VARCHAR) AS campaign_id,
            CAST(NULL AS VARCHAR) AS rep_id, true AS is_purchase
          FROM range({orders}) t(i))""")
    con.execute(f"COPY made TO '{path_in(folder, 'orders')}'")
    con.execute(f"""COPY (
        SELECT *, row_number() OVER w AS day_rank, lead(order_date) OVER w AS next_date
        FROM (SELECT customer_id, order_date, min(store_id) AS store_id FROM made GROUP BY 1, 2)
        WINDOW w AS (PARTITION BY customer_id ORDER BY order_date))
        TO '{path_in(folder, "days")}'""")
    con.execute(f"""COPY (SELECT 'C' || i AS customer_id, 'R' || (i % 4) AS label
        FROM range({customers}) t(i)) TO '{path_in(folder, "labels")}'""")
    con.close()
    return {"customers": customers, "orders": orders}


def wanted():
    """The periods whose contact windows are told of, and the last day of a ripe entry."""
    from repurchase.analysis import funnel
    from repurchase.period import Period

    now = Period.parse(PERIOD)
    return funnel.periods(now, days=WINDOW, data_from=FROM), now.end - dt.timedelta(days=WINDOW)


def threads_of(con) -> int:
    return int(con.execute("SELECT current_setting('threads')").fetchone()[0])


def library(folder: Path) -> dict:
    """The chapter's way: happenings, units with their cuts as Parquet, counts."""
    import ibis
    from repurchase.analysis import funnel, funnel_steps
    from repurchase.params import FunnelSpec

    spec = FunnelSpec.model_validate({"name": "f", "steps": [
        {"name": "contact", "events": list(CONTACTS)},
        {"name": "interest", "events": list(INTEREST)}, {"name": "back", "orders": "repeat"},
    ]})  # fmt: skip
    names = ("contact", "interest", "back")
    which = funnel.Funnel("f", "f", names, WINDOW, "ordered", "profile", spec)
    periods, ripe_until = wanted()
    with clocked() as figures:
        con = ibis.duckdb.connect()
        events, orders, days, labels = (
            con.read_parquet(folder / f"{name}.parquet", table_name=name)
            for name in ("events", "orders", "days", "labels")
        )
        tables = funnel_steps.Tables(
            {"events": events, "orders": orders}, days, "UTC", FROM, (), lambda *_: None
        )
        steps = [
            funnel_steps.happenings(tables, step, where="", until=ripe_until + WINDOW * DAY)
            for step in spec.steps
        ]
        held = []

        def hold(rows):
            held.append(rows.cache())
            return held[-1]

        units = funnel.units(
            steps, which, wanted=periods, ripe_until=ripe_until, days=days, hold=hold
        )
        found = funnel.with_cuts(units, labels={"region": labels})
        query = ibis.to_sql(found, dialect="duckdb")
        path = path_in(folder, "units")
        con.con.execute(f"COPY ({query}) TO '{path}' (FORMAT parquet, COMPRESSION zstd)")
        kept = con.read_parquet(folder / "units.parquet", table_name="units")
        frame = funnel.counts(kept, steps=3, cuts=CUTS)
    frame = frame[frame["reached"] > 0]
    columns = ["period", "cut", "label", "step", "reached", "converted"]
    rows = [[*map(str, r[:3]), *map(int, r[3:])] for r in frame[columns].itertuples(index=False)]
    return figures | {"counts": sorted(rows), "threads": threads_of(con.con)}


def sql(folder: Path) -> dict:
    """By hand: the first contact of each window, then the earliest later steps."""
    import duckdb
    from repurchase.analysis import funnel

    periods, ripe_until = wanted()
    first = funnel.contact_window(periods[0], WINDOW).start
    last = min(funnel.contact_window(periods[-1], WINDOW).end, ripe_until)
    events, orders, days, labels = (
        path_in(folder, name) for name in ("events", "orders", "days", "labels")
    )
    with clocked() as figures:
        con = duckdb.connect()
        con.execute(f"""CREATE TEMP TABLE entered AS
            SELECT * FROM (
              SELECT customer_id, year(later) * 12 + month(later) - 1 AS i, occurred_at AS t1,
                occurred_date AS d1, channel, campaign_id, rep_id,
                row_number() OVER (PARTITION BY customer_id, year(later) * 12 + month(later)
                                   ORDER BY occurred_at, event_id) AS place
              FROM (SELECT *, occurred_date + {WINDOW} AS later FROM '{events}'
                    WHERE type IN {CONTACTS} AND NOT coalesce(is_bot, false)
                      AND occurred_date BETWEEN DATE '{first}' AND DATE '{last}'))
            WHERE place = 1""")
        con.execute(f"""CREATE TEMP TABLE second AS
            SELECT e.customer_id, e.i, any_value(t1) AS t1, any_value(d1) AS d1,
              min(v.occurred_at) AS t2
            FROM entered e JOIN (
              SELECT customer_id, occurred_at, occurred_date FROM '{events}'
              WHERE type IN {INTEREST} AND NOT coalesce(is_bot, false)) v
            ON v.customer_id = e.customer_id AND v.occurred_at >= e.t1
              AND v.occurred_date <= e.d1 + {WINDOW} GROUP BY 1, 2""")
        con.execute(f"""CREATE TEMP TABLE third AS
            SELECT e.customer_id, e.i, min(v.ordered_at) AS t3 FROM second e JOIN (
              SELECT o.customer_id, o.ordered_at, o.order_date FROM '{orders}' o
              JOIN (SELECT customer_id, order_date AS first FROM '{days}' WHERE day_rank = 1)
              USING (customer_id) WHERE o.order_date > first) v
            ON v.customer_id = e.customer_id AND v.ordered_at >= e.t2
              AND v.order_date <= e.d1 + {WINDOW} GROUP BY 1, 2""")
        units = path_in(folder, "by_hand")
        con.execute(f"""COPY (
            SELECT e.customer_id, e.d1 AS entered_on, e.t1 AS entered_at, e.t1, t2, t3, e.channel,
              e.campaign_id, e.rep_id, p.store_id, coalesce(c.label, '') AS region,
              (e.i // 12) || '-' || lpad((e.i % 12 + 1)::VARCHAR, 2, '0') AS period,
              1 + (t2 IS NOT NULL)::BIGINT + (t3 IS NOT NULL)::BIGINT AS reached
            FROM entered e LEFT JOIN second s USING (customer_id, i)
            LEFT JOIN third USING (customer_id, i)
            LEFT JOIN (
              SELECT e.customer_id, e.d1, x.store_id FROM entered e JOIN '{days}' x
              ON x.customer_id = e.customer_id AND x.order_date < e.d1
                AND (x.next_date IS NULL OR x.next_date >= e.d1)) p
            ON p.customer_id = e.customer_id AND p.d1 = e.d1
            LEFT JOIN '{labels}' c ON c.customer_id = e.customer_id)
            TO '{units}' (FORMAT parquet, COMPRESSION zstd)""")
        counted = []
        for cut in ("", *CUTS):
            label = f"coalesce({cut}, '')" if cut else "''"
            taken = "count(*), count(t2), count(t3)"
            query = f"SELECT period, {label}, {taken} FROM '{units}' GROUP BY 1, 2"
            counted += [(period, cut, *rest) for period, *rest in con.execute(query).fetchall()]
    rows = []
    for period, cut, label, one, two, three in counted:
        rows.append([period, cut, label, 1, one, two])
        if two:
            rows.append([period, cut, label, 2, two, three])
    return figures | {"counts": sorted(rows), "threads": threads_of(con)}


if __name__ == "__main__":
    main()
