"""One test of many customers: make FOLDER NUMBER, or WAY FOLDER.

`library` reads it as the chapter does, by sums in the engine; `pandas` by hand, with scipy. Most
customers order nothing; margins are skewed, and what was before tells something of them.
"""

import datetime as dt
import json
import sys
from decimal import Decimal
from pathlib import Path

from benchmarks.measure import clocked

FILE, DAYS, SEED, CHUNK = "units.parquet", 30, 1, 1_000_000
METRICS = ("margin", "repurchase", "orders")


def main() -> None:
    folder = Path(sys.argv[2])
    if sys.argv[1] == "make":
        said = make(folder, int(sys.argv[3]))
    else:
        said = {"library": library, "pandas": pandas}[sys.argv[1]](folder)
    print(json.dumps(said))


def make(folder: Path, number: int) -> dict:
    """Writes one row a customer, as `trial_units.units` gives it."""
    import pyarrow as pa
    import pyarrow.compute
    import pyarrow.parquet as pq

    buyers, writer = 0, None
    for start in range(0, number, CHUNK):
        table = chunk(start, min(CHUNK, number - start))
        buyers += int(pa.compute.sum(table[f"repurchase_{DAYS}"]).as_py())
        writer = writer or pq.ParquetWriter(folder / FILE, table.schema, compression="zstd")
        writer.write_table(table)
    if writer is not None:
        writer.close()
    return {"buyers": buyers}


def chunk(start: int, rows: int):
    """Customers from number `start`; half of them treated, who order a tenth more often."""
    import numpy as np
    import pyarrow as pa

    rng = np.random.default_rng([SEED, start])
    often = 0.3 * rng.gamma(0.5, 2.0, rows)
    treated = rng.random(rows) < 0.5
    before = rng.poisson(often)
    after = rng.poisson(often * np.where(treated, 1.1, 1.0))

    def cents(orders):
        return np.rint(orders * 3_000 * rng.lognormal(0.0, 0.8, rows)).astype(np.int64)

    def money(values):
        exact = pa.array(values).cast(pa.decimal128(19, 0))
        return pa.compute.multiply(exact, pa.scalar(Decimal("0.01"))).cast(pa.decimal128(18, 2))

    columns = {"arm": pa.array(np.where(treated, "new", "control"))}
    for prefix, orders in (("", after), ("before_", before)):
        columns |= {
            f"{prefix}margin_{DAYS}": money(cents(orders)),
            f"{prefix}orders_{DAYS}": pa.array(orders),
            f"{prefix}repurchase_{DAYS}": pa.array((orders > 0).astype(np.int64)),
        }
    ids = pa.array([f"C{start + i:08d}" for i in range(rows)])
    return pa.table({"customer_id": ids, f"ripe_{DAYS}": pa.array(np.ones(rows, bool)), **columns})


def library(folder: Path) -> dict:
    """The rows of the chapter's frame."""
    import duckdb
    import ibis
    import tea_tasting.metrics  # noqa: F401
    from repurchase.analysis.trial_results import Stage, results
    from repurchase.params import ExperimentPlan

    plan = ExperimentPlan(id="x", horizon_days=DAYS, longer_horizon_days=None)
    with clocked() as figures:
        con = ibis.duckdb.connect()
        units = con.read_parquet(folder / FILE)
        n = int(units.count().to_pyarrow().as_py())
        stage = Stage(DAYS, n, n, n, True, dt.date(2025, 9, 30))
        frame = results(plan, units, {DAYS: stage}).set_index("metric")
    names = ["difference", "fixed_low", "fixed_high", "p", "gained"]
    threads = duckdb.connect().sql("SELECT current_setting('threads')").fetchone()[0]
    found = [[m, *(float(frame.loc[m, c]) for c in names)] for m in METRICS]
    return figures | {"found": found, "threads": int(threads)}


def pandas(folder: Path) -> dict:
    """The same: CUPED with theta of both arms together, then Welch's test."""
    import numpy as np
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq
    from scipy import stats

    found = []
    with clocked() as figures:
        names = [f"{p}{m}_{DAYS}" for m in METRICS for p in ("", "before_")]
        table = pq.read_table(folder / FILE, columns=["arm", *names])
        floats = {n: table[n].cast(pa.float64()) for n in names}
        frame = pd.DataFrame({n: c.to_numpy() for n, c in floats.items()})
        treated = (table["arm"].to_pandas() == "new").to_numpy()
        del table, floats
        for metric in METRICS:
            y, x = frame[f"{metric}_{DAYS}"], frame[f"before_{metric}_{DAYS}"]
            theta = y.cov(x) / x.var()
            adjusted = (y - theta * (x - x.mean())).to_numpy()
            new, old = adjusted[treated], adjusted[~treated]
            test = stats.ttest_ind(new, old, equal_var=False)
            low, high = test.confidence_interval(0.95)
            raw = y.to_numpy()
            plain = raw[treated].var(ddof=1) / len(new) + raw[~treated].var(ddof=1) / len(old)
            left = new.var(ddof=1) / len(new) + old.var(ddof=1) / len(old)
            difference = float(np.mean(new) - np.mean(old))
            found.append(
                [metric, difference, float(low), float(high), float(test.pvalue), 1 - left / plain]
            )
    return figures | {"found": found, "threads": 1}


if __name__ == "__main__":
    main()
