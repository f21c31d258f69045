"""Retention's tables by one of three ways: library | sql | pandas, PROJECT, SNAPSHOT.

Prints what they took and the tables themselves, as plain rows, so that they can be compared.
All three read the same Parquet file of customer days, cut at the period's end.
"""

import datetime as dt
import json
import sys
from pathlib import Path

from benchmarks.measure import clocked

PERIOD = "2025-09"
END = dt.date(2025, 9, 30)
MONTHS_BACK = 24
COHORT_MONTHS = 12
CURVE_DAYS = 180
# first order dates of the twelve months that end with the period, and of those a year before
STRETCHES = {
    "none": (dt.date(2024, 10, 1), END),
    "year_ago": (dt.date(2023, 10, 1), dt.date(2024, 9, 30)),
}


def main() -> None:
    way, root, snapshot = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    print(json.dumps({"library": library, "sql": sql, "pandas": pandas}[way](root, snapshot)))


def library(root: Path, snapshot: Path) -> dict:
    """As the chapter asks for them, records and intervals included."""
    from repurchase.model.snapshot import Snapshot
    from repurchase.params import load_params
    from repurchase.review import Review

    params = load_params("bench", PERIOD, root=root)
    with clocked() as figures:
        review = Review(params, Snapshot.open(snapshot))
        cohorts = review.retention.cohorts().frame
        history = review.retention.history().frame
        curve = review.retention.curve().frame
    threads = review.sql("select current_setting('threads') as n").n[0]
    tables = {
        "cohorts": [
            [cohort, age, int(n)]
            for cohort, row in cohorts.iterrows()
            for age, n in row.items()
            if n == n and n > 0
        ],
        "history": history[["period", "buyers", "returning"]].values.tolist(),
        "curve": curve[["window", "day", "at_risk", "value"]].values.tolist(),
    }
    return figures | {"threads": int(threads), "tables": tables}


SQL_COHORTS = """
    SELECT strftime(first_date, '%Y-%m') AS cohort,
      datediff('month', first_date, order_date) AS age, count(DISTINCT customer_id) AS customers
    FROM days GROUP BY ALL ORDER BY ALL"""
SQL_HISTORY = """
    WITH buyers AS (
      SELECT date_trunc('month', order_date) AS month, customer_id,
        min(first_date) AS first, min(order_date) AS day
      FROM days WHERE order_date >= $first GROUP BY ALL)
    SELECT strftime(month, '%Y-%m') AS period, count(*) AS buyers,
      count(*) FILTER (first < day) AS returning
    FROM buyers GROUP BY ALL ORDER BY ALL"""
SQL_CURVE = """
    WITH joined AS (
      SELECT customer_id, min(first_date) AS first, min(order_date) FILTER (day_rank = 2) AS second
      FROM days WHERE first_date BETWEEN $first AND $last AND order_date <= $last GROUP BY ALL)
    SELECT coalesce(second, $last) - first AS day, count(second) AS events, count(*) AS units
    FROM joined GROUP BY ALL ORDER BY ALL"""


def sql(root: Path, snapshot: Path) -> dict:
    """Written by hand for DuckDB."""
    import duckdb
    import numpy  # noqa: F401

    with clocked() as figures:
        con = duckdb.connect()
        file = str(snapshot / "customer_days.parquet").replace("'", "''")
        con.execute(
            f"CREATE VIEW days AS SELECT * FROM read_parquet('{file}', hive_partitioning = false)"
            f" WHERE order_date <= DATE '{END}'"
        )
        cohorts = con.execute(SQL_COHORTS).fetchall()
        history = con.execute(SQL_HISTORY, {"first": months_before(MONTHS_BACK)}).fetchall()
        curve = []
        for name, (first, last) in STRETCHES.items():
            found = con.execute(SQL_CURVE, {"first": first, "last": last}).fetchnumpy()
            curve += returned(name, found["day"], found["events"], found["units"])
    threads = con.execute("SELECT current_setting('threads')").fetchone()
    tables = {"cohorts": cohorts, "history": history, "curve": curve}
    return figures | {"threads": int(threads[0]), "tables": tables}


def pandas(root: Path, snapshot: Path) -> dict:
    """Written by hand for pandas, with Arrow's text columns and only the columns needed."""
    import pandas as pd
    import pyarrow.parquet  # noqa: F401

    with clocked() as figures:
        columns = ["customer_id", "order_date", "first_date", "day_rank"]
        days = pd.read_parquet(
            snapshot / "customer_days.parquet", columns=columns, partitioning=None
        )
        for name in ("order_date", "first_date"):
            days[name] = pd.to_datetime(days[name])
        days = days[days.order_date <= pd.Timestamp(END)]
        days["month"] = days.order_date.dt.year * 12 + days.order_date.dt.month - 1
        days["cohort"] = days.first_date.dt.year * 12 + days.first_date.dt.month - 1
        cohorts = days.groupby(["cohort", "month"]).customer_id.nunique()
        first = months_before(MONTHS_BACK)
        recent = days[days.order_date >= pd.Timestamp(first)]
        buyers = recent.groupby(["month", "customer_id"]).agg(
            first=("first_date", "min"), day=("order_date", "min")
        )
        back = buyers["first"] < buyers.day
        history = back.groupby("month").agg(["size", "sum"])
        curve = []
        for name, (start, last) in STRETCHES.items():
            curve += pandas_curve(pd, name, days, pd.Timestamp(start), pd.Timestamp(last))
    tables = {
        "cohorts": [[label(c), m - c, int(n)] for (c, m), n in cohorts.items()],
        "history": [[label(m), int(n), int(b)] for m, n, b in history.itertuples()],
        "curve": curve,
    }
    return figures | {"threads": 1, "tables": tables}


def pandas_curve(pd, name: str, days, first, last) -> list:
    inside = days.first_date.between(first, last) & (days.order_date <= last)
    joined = days[inside]
    started = joined.groupby("customer_id").first_date.min()
    second = joined[joined.day_rank == 2].set_index("customer_id").order_date
    until = second.reindex(started.index)
    seen = until.notna()
    day = (until.fillna(last) - started).dt.days
    found = pd.DataFrame({"day": day, "events": seen}).groupby("day").events.agg(["sum", "size"])
    return returned(name, found.index.to_numpy(), found["sum"].to_numpy(), found["size"].to_numpy())


def returned(name: str, day, events, units) -> list:
    """Share that has come back by each day, Kaplan-Meier: the product over days of 1 - d / n."""
    at_risk = units[::-1].cumsum()[::-1]
    value = 1 - (1 - events / at_risk).cumprod()
    rows = zip(day.tolist(), events.tolist(), at_risk.tolist(), value.tolist(), strict=True)
    return [[name, d, n, v] for d, e, n, v in rows if e and d <= CURVE_DAYS]


def months_before(months: int) -> dt.date:
    index = END.year * 12 + END.month - 1 - months
    return dt.date(index // 12, index % 12 + 1, 1)


def label(index: int) -> str:
    return f"{index // 12:04d}-{index % 12 + 1:02d}"


if __name__ == "__main__":
    main()
