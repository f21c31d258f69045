"""Customer value's heavy tables by one of three ways: library | sql | pandas, PROJECT, SNAPSHOT.

Prints what each subject took and the tables themselves, as plain rows, so that they can be
compared. All three read the same Parquet files. By hand are the tables; the days of the windows
and the rhythm that is fitted to a sample of customers come from the library in all three.
"""

import datetime as dt
import json
import math
import shutil
import sys
from pathlib import Path

from benchmarks.measure import clocked, together

PERIOD = "2025-09"
DAYS = {
    "none": dt.date(2025, 9, 30),
    "previous": dt.date(2025, 8, 31),
    "year_ago": dt.date(2024, 9, 30),
    "before": dt.date(2025, 7, 31),
}
# the previous period's end is also held against the one before it
HELD = {"none": "none", "previous": "none", "year_ago": "none", "before": "previous"}
MONTHS = 12
SUBJECTS = ("summary", "standing", "figures", "gaps")
COMPARED = ("previous", "year_ago", "year_ago_aligned")
LENGTHS = (30, 60, 90, 180)
RANKS, LONGEST, FEWEST, FACTOR = 6, 365, 30, 2.0
GAPS_FROM = dt.date(2023, 10, 1)
Z90 = 1.2815515655446004
ALIVE_STAGES = """CASE WHEN NOT active THEN 'lapsed'
    WHEN order_days = 1 THEN CASE WHEN late THEN 'single' ELSE 'new' END
    WHEN late THEN 'at_risk' WHEN order_days < 4 THEN 'growing' ELSE 'loyal' END"""


def main() -> None:
    way, root, snapshot = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    shutil.rmtree(snapshot / "at", ignore_errors=True)  # what an earlier round has made
    folder = root / "made" / way
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    print(json.dumps({"library": library, "sql": sql, "pandas": pandas}[way](root, snapshot)))


def said(figures: dict, tables: dict, threads: int) -> dict:
    """All subjects together, and the processor seconds of each."""
    each = {f"{name} CPU s": taken["cpu"] for name, taken in figures.items()}
    return together(list(figures.values())) | each | {"threads": threads, "tables": tables}


def windows():
    """The windows of the period, as the library has them."""
    from repurchase.analysis.windows import windows_of
    from repurchase.period import Period

    return windows_of(
        Period.parse(PERIOD), country=None, data_from=dt.date(2022, 10, 1),
        data_through=DAYS["none"],
    )  # fmt: skip


# ---- this library -----------------------------------------------------------------------------


def library(root: Path, snapshot: Path) -> dict:
    """As the chapters ask for them, records and intervals included."""
    from repurchase.model.snapshot import Snapshot
    from repurchase.params import load_params
    from repurchase.review import Review

    params = load_params("bench", PERIOD, root=root)
    taken, tables = {}, {}
    with clocked() as taken["summary"]:
        review = Review(params, Snapshot.open(snapshot))
        for day in DAYS.values():
            review.customers_on(day)
    with clocked() as taken["standing"]:
        found = review.customer_value.standings()
    with clocked() as taken["figures"]:
        figures = headline(review)
    with clocked() as taken["gaps"]:
        gaps = review.retention.gaps().frame
        rhythms = review.retention.rhythms().frame
    threads = int(review.sql("select current_setting('threads') as n").n[0])
    tables["summary"] = digest([snapshot / "at" / f"{day}.parquet" for day in DAYS.values()])
    keys = ["against", "then_stage", "then_tier", "stage", "tier"]
    cube = found.cube.sort_values(keys)
    sums = ["customers", "bought", "revenue", "then_revenue"]
    tables["standing"] = cube[[*keys, *sums]].values.tolist()
    tables["figures"] = [
        [r.metric, r.compare_to, *((r.numerator, r.n) if r.compare_to == "none" else (r.change, 0))]
        for r in figures
        if r.unit != "count"
    ]
    tables["figures"].sort(key=lambda row: row[:2])
    tables["gaps"] = gaps[["rank", "customers", "back"]].values.tolist()
    tables["rhythms"] = rhythms.astype(object).where(rhythms.notna(), None).values.tolist()
    return said(taken, tables, threads)


def headline(review):
    """The records before they are rounded as they are printed."""
    from repurchase.analysis.retention import headline_figures

    orders = review.orders
    other = orders.filter(orders.customer_id.notnull() & ~orders.is_purchase)
    return headline_figures(
        review.customer_days, other, review.windows, activity_months=MONTHS,
        cohort_months=MONTHS, targets={},
    ).records  # fmt: skip


def digest(files: list[Path]) -> list:
    """A summary's sums in a hundred groups of customers: no two of its columns can be mistaken."""
    import duckdb

    days = "first_date last_date previous_date".split()
    columns = [f"sum(CAST({c} AS DATE) - DATE '2020-01-01')" for c in days]
    columns += [f"sum({c})" for c in ("order_days", "orders", "repeat_money_days", "longest_gap")]
    money = ("net_revenue", "repeat_revenue", "other_revenue", "net_margin", "repeat_margin")
    columns += [
        f"CAST(round(100 * sum(CAST({c} AS DECIMAL(18, 2)))) AS BIGINT)" for c in money
    ]
    columns += [f"CAST(sum({c}) AS DOUBLE)" for c in ("log_gap_sum", "log_gap_squares")]
    columns += [f"count({c})" for c in ("first_channel", "last_store_id", "first_discounted")]
    columns.append("sum(order_days * (CAST(last_date AS DATE) - DATE '2020-01-01'))")
    rows: list = []
    for file in files:
        query = (
            f"SELECT right(customer_id, 2), count(*), {', '.join(columns)}"
            f" FROM read_parquet('{str(file).replace(chr(39), chr(39) * 2)}',"
            " hive_partitioning = false) GROUP BY 1 ORDER BY 1"
        )
        rows += [[file.stem, *row] for row in duckdb.sql(query).fetchall()]
    return rows


# ---- SQL by hand --------------------------------------------------------------------------------

SUMMARY = """
    COPY (
      WITH bought AS (
        SELECT customer_id, count(*) AS order_days, sum(orders) AS orders,
          min(order_date) AS first_date, max(order_date) AS last_date,
          arg_max_null(previous_date, day_rank) AS previous_date,
          sum(net_revenue) AS net_revenue, sum(net_margin) AS net_margin,
          sum(net_revenue) FILTER (day_rank > 1) AS repeat_revenue,
          sum(net_margin) FILTER (day_rank > 1) AS repeat_margin,
          count(net_revenue) FILTER (day_rank > 1) AS repeat_money_days,
          sum(ln(order_date - previous_date)) AS log_gap_sum,
          sum(power(ln(order_date - previous_date), 2)) AS log_gap_squares,
          max(order_date - previous_date) AS longest_gap,
          arg_min_null(store_id, day_rank) AS first_store_id,
          arg_max_null(store_id, day_rank) AS last_store_id,
          arg_min_null(channel, day_rank) AS first_channel,
          arg_max_null(channel, day_rank) AS last_channel,
          arg_min_null(rep_id, day_rank) AS first_rep_id,
          arg_max_null(rep_id, day_rank) AS last_rep_id,
          arg_min_null(campaign_id, day_rank) AS first_campaign_id,
          arg_min_null(discounted, day_rank) AS first_discounted
        FROM days WHERE order_date <= DATE '{day}' GROUP BY customer_id),
      others AS (
        SELECT customer_id, sum(net_revenue) AS other_revenue, sum(net_margin) AS other_margin
        FROM orders
        WHERE NOT is_purchase AND customer_id IS NOT NULL AND order_date <= DATE '{day}'
        GROUP BY customer_id)
      SELECT * FROM bought LEFT JOIN others USING (customer_id) ORDER BY customer_id
    ) TO '{file}' (FORMAT parquet, COMPRESSION zstd)"""
STANDING = """
    CREATE TEMP TABLE stand_{name} AS
      WITH money AS (
        SELECT customer_id, net_revenue, 1 AS bought FROM days
        WHERE order_date BETWEEN DATE '{start}' AND DATE '{day}'
        UNION ALL
        SELECT customer_id, net_revenue, 0 FROM orders
        WHERE NOT is_purchase AND customer_id IS NOT NULL
          AND order_date BETWEEN DATE '{start}' AND DATE '{day}'),
      recent AS (
        SELECT customer_id, sum(bought) AS recent_days, sum(net_revenue) AS revenue
        FROM money GROUP BY customer_id)
      SELECT customer_id, order_days, log_gap_sum, log_gap_squares, last_date,
        DATE '{day}' - last_date AS since, last_date >= DATE '{start}' AS active,
        coalesce(recent_days, 0) AS recent_days, coalesce(revenue, 0) AS revenue
      FROM read_parquet('{file}') LEFT JOIN recent USING (customer_id)"""
LIMITS = """
    SELECT quantile_disc(since, [.2, .4, .6, .8]), quantile_disc(recent_days, [.2, .4, .6, .8]),
      quantile_disc(revenue, [.2, .4, .6, .8]) FROM stand_none WHERE active"""
SAMPLE = """
    SELECT order_days, coalesce(log_gap_sum, 0) AS total, coalesce(log_gap_squares, 0) AS squares,
      since
    FROM (SELECT *, row_number() OVER (ORDER BY customer_id) - 1 AS place FROM stand_none)
    WHERE place % {step} = 0 ORDER BY place"""
PLACED = """
    CREATE TEMP TABLE placed_{name} AS
      SELECT customer_id, revenue, last_date, {stage} AS stage,
        CASE WHEN points >= 12 THEN 'high' WHEN points >= 7 THEN 'medium' ELSE 'low' END AS tier
      FROM (SELECT *, since > {late} AS late, CASE WHEN active THEN {points} ELSE 0 END AS points
        FROM stand_{name})"""
CUBE = """
    SELECT '{name}', coalesce(b.stage, 'joining') AS then_stage,
      coalesce(b.tier, 'joining') AS then_tier, a.stage, a.tier, count(*),
      count(*) FILTER (a.last_date >= DATE '2025-09-01'),
      CAST(sum(a.revenue) AS DOUBLE), coalesce(CAST(sum(b.revenue) AS DOUBLE), 0)
    FROM placed_{now} a LEFT JOIN placed_{name} b USING (customer_id) GROUP BY 1, 2, 3, 4, 5
    ORDER BY 1, 2, 3, 4, 5"""


def sql(root: Path, snapshot: Path) -> dict:
    """Written by hand for DuckDB."""
    import duckdb
    import numpy  # noqa: F401
    from repurchase.stats import rhythm  # noqa: F401

    taken, tables = {}, {}
    made = {name: root / "made" / "sql" / f"{day}.parquet" for name, day in DAYS.items()}
    with clocked() as taken["summary"]:
        con = duckdb.connect()
        for view, table in (("days", "customer_days"), ("orders", "orders")):
            file = quoted(snapshot / f"{table}.parquet")
            con.execute(
                f"CREATE VIEW {view} AS SELECT * FROM read_parquet('{file}',"
                f" hive_partitioning = false) WHERE order_date <= DATE '{DAYS['none']}'"
            )
        for name, day in DAYS.items():
            con.execute(SUMMARY.format(day=day, file=quoted(made[name])))
    with clocked() as taken["standing"]:
        tables["standing"] = sql_standing(con, made)
    with clocked() as taken["figures"]:
        tables["figures"] = sql_figures(con)
    with clocked() as taken["gaps"]:
        gaps = con.execute(GAPS).fetchall()
        rhythms = con.execute(RHYTHMS).fetchall()
    tables["gaps"] = back_within(gaps)
    tables["rhythms"] = rhythms
    tables["summary"] = digest(list(made.values()))
    threads = con.execute("SELECT current_setting('threads')").fetchone()
    return said(taken, tables, int(threads[0]))


def quoted(path: Path) -> str:
    return str(path).replace("'", "''")


def sql_standing(con, made: dict[str, Path]) -> list:
    from repurchase.analysis.windows import active_at

    for name, day in DAYS.items():
        start = active_at(day, MONTHS).start
        con.execute(STANDING.format(name=name, day=day, start=start, file=quoted(made[name])))
    limits = con.execute(LIMITS).fetchone()
    (customers,) = con.execute("SELECT count(*) FROM stand_none").fetchone()
    sample = con.execute(SAMPLE.format(step=step_of(customers))).fetchnumpy()
    late = late_sql(*rhythm_of(*(sample[c] for c in sample)))
    points = points_sql(limits)
    rows = []
    for name in DAYS:
        con.execute(PLACED.format(name=name, stage=ALIVE_STAGES, late=late, points=points))
    for name in DAYS:
        rows += con.execute(CUBE.format(name=name, now=HELD[name])).fetchall()
    return sorted(rows)


def step_of(customers: int) -> int:
    """Every k-th customer of a sample of at most 200,000."""
    return -(-customers // 200_000)


def rhythm_of(order_days, total, squares, since) -> tuple[float, float, float]:
    """Logarithm of the typical gap, and the variances within and between customers."""
    from repurchase.stats.rhythm import fit_rhythm, gaps

    found = fit_rhythm(gaps(*(c.astype(float) for c in (order_days - 1, total, squares, since))))
    return math.log(found.typical), found.within**2, found.between**2


def late_sql(typical: float, within: float, between: float) -> str:
    whole = f"({within!r} + (order_days - 1) * {between!r})"
    centre = f"({typical * within!r} + {between!r} * coalesce(log_gap_sum, 0)) / {whole}"
    return f"floor(exp({centre} + {Z90!r} * sqrt({within * between!r} / {whole} + {within!r})))"


def points_sql(limits) -> str:
    """Three scores of 1 to 5 as one sum."""
    since, often, money = limits
    parts = [f"CAST(since <= {v} AS INTEGER)" for v in since]
    parts += [f"CAST(recent_days > {v} AS INTEGER)" for v in often]
    parts += [f"CAST(revenue > {v} AS INTEGER)" for v in money]
    return " + ".join(["3", *parts])


# The headline shares: per customer what the windows need, then sums and products of sums.


def parts_of(found) -> dict[tuple[str, str], tuple[str, str]]:
    """Numerator and denominator of each metric and window, as SQL over one row a customer."""
    from repurchase.analysis.windows import ripened

    parts = {}
    for w, days in found.days.items():
        first = f"first < DATE '{days.start}'"
        parts["returning_buyer_share", w] = (f"buyer_{w} AND {first}", f"buyer_{w}")
        for n in LENGTHS:
            ripe = ripened(found.seen(w), days=n, months=MONTHS)
            joined = f"first BETWEEN DATE '{ripe.start}' AND DATE '{ripe.end}'"
            soon = f"{joined} AND second <= first + {n}"
            parts[f"repurchase_{n}d", w] = (soon, joined)
        until = f"<= DATE '{days.end}'"
        parts["repeat_customer_share", w] = (f"second {until}", f"first {until}")
        parts["retention_rate", w] = (f"start_{w} AND end_{w}", f"start_{w}")
        parts["repeat_revenue_share", w] = (f"repeat_{w}", f"revenue_{w}")
    return parts


def customers_sql(found) -> str:
    """One row a customer with all that the windows ask."""
    from repurchase.analysis.windows import ONE_DAY, active_at

    bought, paid = [], []
    for w, days in found.days.items():
        inside = f"order_date BETWEEN DATE '{days.start}' AND DATE '{days.end}'"
        bought.append(f"bool_or({inside}) AS buyer_{w}")
        for edge, day in (("start", days.start - ONE_DAY), ("end", days.end)):
            active = active_at(day, MONTHS)
            bought.append(
                f"bool_or(order_date BETWEEN DATE '{active.start}' AND DATE '{active.end}')"
                f" AS {edge}_{w}"
            )
        for name, also in (("revenue", ""), ("repeat", " AND {again}")):
            sums = [
                f"coalesce(sum(net_revenue) FILTER ({inside}{also.format(again=again)}), 0)"
                for again in ("day_rank > 1", "assigned_date > first")
            ]
            bought.append(f"{sums[0]} AS {name}_{w}")
            paid.append(f"{sums[1]} AS {name}_{w}")
    names = [f"{name}_{w}" for w in found.days for name in ("revenue", "repeat")]
    # narrow, so that the products of two are cheap
    added = [
        f"CAST(coalesce(b.{name}, 0) + coalesce(p.{name}, 0) AS DECIMAL(18, 2)) AS {name}"
        for name in names
    ]
    return f"""
        WITH bought AS (
          SELECT customer_id, min(order_date) AS first,
            min(order_date) FILTER (day_rank = 2) AS second, {", ".join(bought)}
          FROM days GROUP BY customer_id),
        others AS (
          SELECT customer_id, order_date, assigned_date, net_revenue
          FROM orders WHERE NOT is_purchase AND customer_id IS NOT NULL),
        paid AS (
          SELECT customer_id, {", ".join(paid)}
          FROM others LEFT JOIN bought USING (customer_id) GROUP BY customer_id)
        SELECT b.* EXCLUDE ({", ".join(names)}), {", ".join(added)}
        FROM bought b FULL JOIN paid p USING (customer_id)"""


def sql_figures(con) -> list:
    """Sums with the products that intervals and paired changes need.

    Of flags a square is the flag itself, and who is in the numerator is in the denominator.
    """
    found = windows()
    parts = parts_of(found)
    flags, sums = [], []
    place = {key: i for i, key in enumerate(parts)}
    for (metric, w), ends in parts.items():
        i, now, money = place[metric, w], place[metric, "none"], metric == "repeat_revenue_share"
        for letter, sql_of in zip("ab", ends, strict=True):
            whole = sql_of if money else f"CAST(coalesce({sql_of}, false) AS INTEGER)"
            flags.append(f"{whole} AS {letter}{i}")
            sums.append(f"sum({letter}{i})")
        pairs = [(f"{x}{i}", f"{y}{i}") for x, y in ("aa", "ab", "bb") if money]
        pairs += [(f"{x}{now}", f"{y}{i}") for x in "ab" for y in "ab" if w != "none"]
        sums += [f"sum({x} * {y})" for x, y in pairs]
    row = con.execute(
        f"SELECT {', '.join(f'CAST({c} AS DOUBLE)' for c in sums)}"
        f" FROM (SELECT {', '.join(flags)} FROM ({customers_sql(found)}))"
    ).fetchone()
    values = dict(zip(sums, row, strict=True))
    return shares({k: (values[f"sum(a{i})"], values[f"sum(b{i})"]) for k, i in place.items()})


def shares(sums: dict[tuple[str, str], tuple[float, float]]) -> list:
    """Numerator and n now, and the changes against the other windows that have somebody."""
    rows = []
    for metric in dict.fromkeys(m for m, _ in sums):
        a, b = sums[metric, "none"]
        rows.append([metric, "none", float(a), float(b)])
        for w in COMPARED:
            then, of = sums[metric, w]
            rows.append([metric, w, a / b - then / of if of else None, 0])
    return sorted(rows, key=lambda row: row[:2])


GAPS = f"""
    SELECT day_rank, coalesce(next_date, DATE '{DAYS["none"]}') - order_date AS day,
      count(next_date) AS events, count(*) AS units
    FROM (SELECT * REPLACE (CASE WHEN next_date <= DATE '{DAYS["none"]}' THEN next_date END
        AS next_date) FROM days)
    WHERE order_date >= DATE '{GAPS_FROM}' AND day_rank <= {RANKS} GROUP BY 1, 2 ORDER BY 1, 2"""
RHYTHMS = f"""
    WITH units AS (
      SELECT customer_id,
        count(previous_date) AS now_gaps, median(gap) AS now_median, max(order_date) AS now_last,
        bool_or(order_date > DATE '2024-09-30') AS now_active,
        count(previous_date) FILTER (old) AS then_gaps, median(gap) FILTER (old) AS then_median,
        max(order_date) FILTER (old) AS then_last,
        bool_or(old AND order_date > DATE '2023-09-30') AS then_active
      FROM (SELECT *, order_date - previous_date AS gap,
          order_date <= DATE '{DAYS["year_ago"]}' AS old FROM days)
      GROUP BY customer_id),
    marked AS (
      SELECT CASE WHEN now_gaps >= 2 THEN CAST(floor(now_median + .5) AS BIGINT) END AS cycle,
        now_active AND now_gaps < 2 AS few, coalesce(now_active AND now_gaps >= 2, false) AS now,
        coalesce(then_active AND then_gaps >= 2, false) AS then_,
        DATE '{DAYS["none"]}' - now_last > {FACTOR:g} * now_median AS now_over,
        DATE '{DAYS["year_ago"]}' - then_last > {FACTOR:g} * then_median AS then_over,
        now_last > DATE '{DAYS["year_ago"]}' AS came_back
      FROM units)
    SELECT CAST(cycle AS DOUBLE), CAST(few AS DOUBLE), CAST(now AS DOUBLE),
      CAST(coalesce(now AND now_over, false) AS DOUBLE), CAST(then_ AS DOUBLE),
      CAST(coalesce(then_ AND then_over, false) AS DOUBLE), CAST(came_back AS DOUBLE),
      CAST(count(*) AS DOUBLE)
    FROM marked GROUP BY 1, 2, 3, 4, 5, 6, 7 ORDER BY 1, 2, 3, 4, 5, 6, 7"""


def back_within(counted) -> list:
    """By rank: order dates, and returns seen within a year, or for as long as thirty were followed.

    `counted` are rank, day, events, units, ascending.
    """
    found = []
    for rank in range(1, RANKS + 1):
        rows = [row[1:] for row in counted if row[0] == rank]
        n = waiting = sum(units for *_, units in rows)
        back = 0
        for day, events, units in rows:
            if waiting >= FEWEST and day <= LONGEST:
                back += events
            waiting -= units
        found.append([rank, float(n), float(back)])
    return found


# ---- pandas by hand -----------------------------------------------------------------------------


def pandas(root: Path, snapshot: Path) -> dict:
    """Written by hand for pandas and numpy; the file is sorted by customer and day, which it uses.

    Days are whole numbers since 1970. A customer is a number, the place in the sorted list.
    """
    import numpy as np
    import pandas as pd
    import pyarrow.parquet  # noqa: F401
    from repurchase.stats import rhythm  # noqa: F401

    taken, tables = {}, {}
    made = {name: root / "made" / "pandas" / f"{day}.parquet" for name, day in DAYS.items()}
    with clocked() as taken["summary"]:
        days, others = read(pd, np, snapshot)
        summaries = {name: pandas_summary(pd, np, days, others, day) for name, day in DAYS.items()}
        for name, frame in summaries.items():
            frame.to_parquet(made[name], compression="zstd", index=False)
    with clocked() as taken["standing"]:
        tables["standing"] = pandas_standing(pd, np, days, others, summaries)
    with clocked() as taken["figures"]:
        tables["figures"] = pandas_figures(np, days, others)
    with clocked() as taken["gaps"]:
        tables["gaps"] = back_within(pandas_gaps(pd, np, days))
        tables["rhythms"] = pandas_rhythms(pd, np, days)
    tables["summary"] = digest(list(made.values()))
    return said(taken, tables, 1)


def number_of(day: dt.date) -> int:
    return (day - dt.date(1970, 1, 1)).days


def read(pd, np, snapshot: Path):
    """Customer days and what is no purchase, up to the period's end; money in float64."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    def frame(name: str, columns: list[str], filters):
        table = pq.read_table(
            snapshot / f"{name}.parquet", columns=columns, partitioning=None, filters=filters
        )
        for i, field in enumerate(table.schema):
            if pa.types.is_decimal(field.type):
                table = table.set_column(i, field.name, table.column(i).cast(pa.float64()))
            elif pa.types.is_date(field.type):
                whole = table.column(i).cast(pa.int32())
                table = table.set_column(i, field.name, whole.fill_null(-1))
        return table.to_pandas(strings_to_categorical=True)

    until = [("order_date", "<=", DAYS["none"])]
    days = frame(
        "customer_days",
        ["customer_id", "order_date", "orders", "net_revenue", "net_margin", "day_rank",
         "first_date", "previous_date", "next_date", "store_id", "channel", "rep_id",
         "campaign_id", "discounted"],
        until,
    )  # fmt: skip
    days["person"] = np.cumsum(days.day_rank.to_numpy() == 1) - 1
    others = frame(
        "orders", ["customer_id", "order_date", "assigned_date", "net_revenue", "net_margin"],
        [*until, ("is_purchase", "=", False), ("customer_id", "!=", "")],
    )  # fmt: skip
    return days, others


def pandas_summary(pd, np, days, others, day: dt.date):
    part = days[days.order_date <= number_of(day)]
    first = part[part.day_rank == 1].set_index("person")
    last = part.drop_duplicates("person", keep="last").set_index("person")
    again = part[part.day_rank > 1]
    gap = again.order_date - again.previous_date
    logs = np.log(gap)
    repeated = pd.DataFrame({
        "person": again.person, "repeat_revenue": again.net_revenue,
        "repeat_margin": again.net_margin, "repeat_money_days": again.net_revenue.notna(),
        "log_gap_sum": logs, "log_gap_squares": logs * logs,
    }).groupby("person").sum(min_count=1)  # fmt: skip
    whole = part.groupby("person")[["orders", "net_revenue", "net_margin"]].sum(min_count=1)
    found = pd.DataFrame({
        "customer_id": first.customer_id.astype("str"),
        "order_days": last.day_rank,
        "orders": whole.orders,
        "first_date": dated(pd, first.order_date), "last_date": dated(pd, last.order_date),
        "previous_date": dated(pd, last.previous_date.where(last.previous_date >= 0)),
        "net_revenue": whole.net_revenue, "net_margin": whole.net_margin,
    })  # fmt: skip
    found = found.join(repeated)
    found["repeat_money_days"] = found.repeat_money_days.fillna(0).astype("int64")
    found["longest_gap"] = gap.groupby(again.person).max()
    for name in ("store_id", "channel", "rep_id"):
        found[f"first_{name}"], found[f"last_{name}"] = first[name], last[name]
    found["first_campaign_id"], found["first_discounted"] = first.campaign_id, first.discounted
    more = others[others.order_date <= number_of(day)].groupby("customer_id", observed=True)
    money = more[["net_revenue", "net_margin"]].sum(min_count=1)
    money.columns = ["other_revenue", "other_margin"]
    return found.merge(money, "left", left_on="customer_id", right_index=True)


def dated(pd, days):
    return pd.to_datetime(days, unit="D")


def pandas_standing(pd, np, days, others, summaries) -> list:
    from repurchase.analysis.windows import active_at

    ids = summaries["none"].customer_id
    place = pd.Series(ids.index, index=ids)
    stood = {}
    for name, day in DAYS.items():
        start, end = number_of(active_at(day, MONTHS).start), number_of(day)
        inside = days[days.order_date.between(start, end)]
        recent = np.bincount(inside.person, minlength=len(ids))
        money = np.bincount(inside.person, inside.net_revenue.fillna(0), len(ids))
        extra = others[others.order_date.between(start, end)]
        who = place.reindex(extra.customer_id.astype("str")).to_numpy()
        known = ~np.isnan(who.astype(float))
        money += np.bincount(
            who[known].astype("int64"), extra.net_revenue.fillna(0)[known], len(ids)
        )
        table = summaries[name]
        at = place[table.customer_id].to_numpy()  # on an earlier day some are no customers yet
        last = (table.last_date - pd.Timestamp("1970-01-01")).dt.days.to_numpy()
        stood[name] = pd.DataFrame({
            "order_days": table.order_days.to_numpy(),
            "total": table.log_gap_sum.fillna(0).to_numpy(),
            "squares": table.log_gap_squares.fillna(0).to_numpy(),
            "since": end - last, "active": last >= start,
            "in_period": last >= number_of(dt.date(2025, 9, 1)),
            "recent_days": recent[at], "revenue": money[at].round(2),
        }, index=at)  # fmt: skip
    now = stood["none"]
    active = now[now.active]
    limits = [fifths(np, active[c].to_numpy()) for c in ("since", "recent_days", "revenue")]
    sample = now.iloc[:: step_of(len(now))]
    rhythm = rhythm_of(*(sample[c].to_numpy() for c in ("order_days", "total", "squares", "since")))
    placed = {name: place_of(np, table, limits, rhythm) for name, table in stood.items()}
    rows = []
    for name in DAYS:
        then = placed[name][["stage", "tier", "revenue"]].add_prefix("then_")
        joined = placed[HELD[name]].join(then)
        joined[["then_stage", "then_tier"]] = joined[["then_stage", "then_tier"]].fillna("joining")
        keys = ["then_stage", "then_tier", "stage", "tier"]
        found = joined.groupby(keys).agg(
            n=("in_period", "size"), bought=("in_period", "sum"), revenue=("revenue", "sum"),
            then_revenue=("then_revenue", "sum"),
        )  # fmt: skip
        rows += [[name, *row] for row in found.reset_index().values.tolist()]
    return sorted(rows)


def fifths(np, values) -> list[float]:
    """The values of the customers at each fifth of the way."""
    n = len(values)
    places = [-(-n * k // 5) - 1 for k in range(1, 5)]
    return np.partition(values, places)[places].tolist()


def place_of(np, table, limits, rhythm):
    typical, within, between = rhythm
    whole = within + (table.order_days - 1) * between
    centre = (typical * within + between * table.total) / whole
    late = table.since > np.floor(np.exp(centre + Z90 * np.sqrt(within * between / whole + within)))
    since, often, money = limits
    points = 3 + sum((table.since <= v).astype(int) for v in since)
    points = points + sum((table.recent_days > v).astype(int) for v in often)
    points = (points + sum((table.revenue > v).astype(int) for v in money)) * table.active
    once = table.order_days == 1
    conditions = [~table.active, once & late, once, late, table.order_days < 4]
    stage = np.select(conditions, ["lapsed", "single", "new", "at_risk", "growing"], "loyal")
    tier = np.select([points >= 12, points >= 7], ["high", "medium"], "low")
    return table.assign(stage=stage, tier=tier)


def pandas_figures(np, days, others) -> list:
    from repurchase.analysis.windows import ONE_DAY, active_at, ripened

    found = windows()
    person, day = days.person.to_numpy(), days.order_date.to_numpy()
    rank, money = days.day_rank.to_numpy(), days.net_revenue.fillna(0).to_numpy()
    n = int(person[-1]) + 1
    first = day[rank == 1]
    second = np.full(n, np.iinfo("int32").max)
    second[person[rank == 2]] = day[rank == 2]
    start_of = dict(zip(days.customer_id[rank == 1], first, strict=True)) if len(others) else {}
    since = others.customer_id.map(start_of) if len(others) else others.customer_id

    def anybody(start: dt.date, end: dt.date):
        flags = np.zeros(n, bool)
        flags[person[(day >= number_of(start)) & (day <= number_of(end))]] = True
        return flags

    sums = {}
    for w, stretch in found.days.items():
        start, end = number_of(stretch.start), number_of(stretch.end)
        buyer = anybody(stretch.start, stretch.end)
        sums["returning_buyer_share", w] = ((buyer & (first < start)).sum(), buyer.sum())
        for length in LENGTHS:
            ripe = ripened(found.seen(w), days=length, months=MONTHS)
            joined = (first >= number_of(ripe.start)) & (first <= number_of(ripe.end))
            sums[f"repurchase_{length}d", w] = (
                (joined & (second <= first + length)).sum(), joined.sum()
            )  # fmt: skip
        sums["repeat_customer_share", w] = ((second <= end).sum(), (first <= end).sum())
        edges = [active_at(edge, MONTHS) for edge in (stretch.start - ONE_DAY, stretch.end)]
        before, after = (anybody(active.start, active.end) for active in edges)
        sums["retention_rate", w] = ((before & after).sum(), before.sum())
        inside = (day >= start) & (day <= end)
        revenue, repeat = money[inside].sum(), money[inside & (rank > 1)].sum()
        if len(others):
            extra = others.order_date.between(start, end)
            returned = extra & (others.assigned_date > since)
            revenue += others.net_revenue[extra].sum()
            repeat += others.net_revenue[returned].sum()
        sums["repeat_revenue_share", w] = (repeat, revenue)
    return shares({k: (float(a), float(b)) for k, (a, b) in sums.items()})


def pandas_gaps(pd, np, days) -> list:
    part = days[(days.order_date >= number_of(GAPS_FROM)) & (days.day_rank <= RANKS)]
    end = number_of(DAYS["none"])
    back = (part.next_date >= 0) & (part.next_date <= end)
    day = part.next_date.where(back, end) - part.order_date
    frame = pd.DataFrame({"rank": part.day_rank, "day": day, "back": back})
    found = frame.groupby(["rank", "day"]).back.agg(["sum", "size"])
    return list(found.reset_index().itertuples(index=False, name=None))


def pandas_rhythms(pd, np, days) -> list:
    n = int(days.person.iloc[-1]) + 1
    columns = {}
    for name, end, begin in (
        ("now", DAYS["none"], dt.date(2024, 10, 1)),
        ("then", DAYS["year_ago"], dt.date(2023, 10, 1)),
    ):
        part = days[days.order_date <= number_of(end)]
        again = part[part.day_rank > 1]
        gap = again.order_date - again.previous_date
        last = part.groupby("person").order_date.last().reindex(range(n))
        gaps = part.groupby("person").size().reindex(range(n), fill_value=0) - 1
        median = gap.groupby(again.person).median().reindex(range(n))
        active = last >= number_of(begin)
        kept = active & (gaps >= 2)
        columns |= {
            f"{name}_gaps": gaps, f"{name}_median": median, f"{name}_last": last,
            f"{name}_active": active, name: kept,
            f"{name}_over": kept & (number_of(end) - last > median * FACTOR),
        }  # fmt: skip
    units = pd.DataFrame(columns)
    few = units.now_active & (units.now_gaps < 2)
    cycle = np.floor(units.now_median + 0.5).where(units.now_gaps >= 2)
    came = units.now_last > number_of(DAYS["year_ago"])
    keys = [cycle, few, units.now, units.now_over, units.then, units.then_over, came]
    names = [str(i) for i in range(len(keys))]
    frame = pd.DataFrame(dict(zip(names, keys, strict=True))).astype("float64")
    counted = frame.groupby(names, dropna=False).size().reset_index()
    rows = counted.astype("float64").values.tolist()
    return [[None if v != v else v for v in row] for row in rows]


if __name__ == "__main__":
    main()
