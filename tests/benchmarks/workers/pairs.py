"""Pairs of products in simulated baskets: make FOLDER NUMBER MINIMUM, or WAY FOLDER MINIMUM.

`library` is what a chapter asks for, from the tables; `codes` the statistics alone; `mlxtend`
finds frequent sets of two by fpgrowth. Products are bought very unevenly, a few together.
"""

import datetime as dt
import json
import sys
import warnings
from pathlib import Path

from benchmarks.measure import clocked

FILE = "baskets.parquet"
PRODUCTS, MEAN_LINES, SEED = 1000, 4.0, 1
END = dt.date(2025, 9, 30)


def main() -> None:
    if sys.argv[1] == "make":
        said = make(Path(sys.argv[2]), int(sys.argv[3]))
    else:
        way, folder, minimum = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
        said = {"library": library, "codes": codes, "mlxtend": mlxtend}[way](folder, minimum)
    print(json.dumps(said))


def make(folder: Path, number: int) -> dict:
    """Writes one row a basket and product: basket, product (codes) and their names."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    rng = np.random.default_rng(SEED)
    lines = 1 + rng.poisson(MEAN_LINES - 1, number)
    basket = np.repeat(np.arange(number), lines)
    share = 1 / np.arange(1, PRODUCTS + 1) ** 0.8
    product = rng.choice(PRODUCTS, len(basket), p=share / share.sum())
    # one line in ten takes the neighbour of the line before
    beside = (rng.random(len(basket)) < 0.1) & (np.r_[-1, basket[:-1]] == basket)
    before = np.r_[0, product[:-1]]
    product[beside] = before[beside] ^ 1
    key = np.unique(basket * PRODUCTS + product)
    basket, product = key // PRODUCTS, key % PRODUCTS
    columns = {"basket": basket, "product": product}
    pq.write_table(pa.table(columns), folder / FILE, compression="zstd")
    named(folder)
    return {"lines": len(key), "baskets": number}


def named(folder: Path) -> None:
    """The same as order lines and orders, as a snapshot has them."""
    import duckdb

    con = duckdb.connect()
    source = f"read_parquet('{file_in(folder, FILE)}')"
    con.execute(f"""COPY (
        SELECT 'O' || lpad(CAST(basket AS VARCHAR), 8, '0') AS order_id,
          'P' || lpad(CAST(product AS VARCHAR), 5, '0') AS product_id,
          CAST(NULL AS VARCHAR) AS return_of_line, CAST(NULL AS BOOLEAN) AS is_gift,
          CAST(1 AS DECIMAL(18, 4)) AS quantity, CAST(10 AS DECIMAL(18, 4)) AS line_net
        FROM {source}) TO '{file_in(folder, "order_lines.parquet")}' (COMPRESSION zstd)""")
    con.execute(f"""COPY (
        SELECT 'O' || lpad(CAST(basket AS VARCHAR), 8, '0') AS order_id,
          'C' || lpad(CAST(basket // 5 AS VARCHAR), 8, '0') AS customer_id, true AS is_purchase,
          DATE '{END}' - CAST(basket % 360 AS INTEGER) AS order_date
        FROM (SELECT DISTINCT basket FROM {source}))
        TO '{file_in(folder, "orders.parquet")}' (COMPRESSION zstd)""")
    con.close()


def file_in(folder: Path, name: str) -> str:
    return str(folder / name).replace("'", "''")


def library(folder: Path, minimum: int) -> dict:
    """From order lines and orders to the chapter's frame and records."""
    import ibis
    from repurchase.analysis.products import Goods, pairs
    from repurchase.analysis.windows import windows_of
    from repurchase.period import Period

    windows = windows_of(Period.parse("2025-09"), country=None, data_from=dt.date(2024, 9, 1))
    with clocked() as figures:
        con = ibis.duckdb.connect()
        lines, orders = (
            con.read_parquet(folder / f"{name}.parquet") for name in ("order_lines", "orders")
        )
        found = pairs(Goods(lines, orders, orders, None), windows, months=12, minimum=minimum)
    frame = found.frame
    product = [frame[c].str[1:].astype(int) for c in ("a", "b")]
    return figures | {
        "found": pairs_told(*product, frame["count"] / frame["baskets"], frame["lift"])
    }


def codes(folder: Path, minimum: int) -> dict:
    """The statistics alone, intervals and q-values included."""
    from repurchase.stats.pairs import basket_pairs

    basket, product = read(folder)
    with clocked() as figures:
        found = basket_pairs(basket, product, minimum=minimum)
    return figures | {"found": pairs_told(found.a, found.b, found.support, found.lift)}


def mlxtend(folder: Path, minimum: int) -> dict:
    """Supports and lifts of pairs by fpgrowth, from a sparse frame, without any interval."""
    warnings.simplefilter("ignore")
    try:
        import pandas as pd
        from mlxtend.frequent_patterns import association_rules, fpgrowth
        from scipy import sparse
    except Exception as error:
        return {"skip": f"mlxtend cannot be imported ({type(error).__name__}: {error})"}
    import numpy as np

    basket, product = read(folder)
    with clocked() as figures:
        held = sparse.csr_matrix((np.ones(len(basket), dtype=bool), (basket, product)))
        frame = pd.DataFrame.sparse.from_spmatrix(held, columns=range(held.shape[1]))
        share = minimum / held.shape[0]
        sets = fpgrowth(frame, min_support=share, use_colnames=True, max_len=2)
        rules = association_rules(sets, metric="support", min_threshold=share)
    ends = [rules[c].map(lambda one: next(iter(one))) for c in ("antecedents", "consequents")]
    once = ends[0] < ends[1]
    told = (ends[0][once], ends[1][once], rules["support"][once], rules["lift"][once])
    return figures | {"found": pairs_told(*told)}


def read(folder: Path) -> tuple:
    import pyarrow.parquet as pq

    table = pq.read_table(folder / FILE)
    return tuple(table.column(name).to_numpy() for name in ("basket", "product"))


def pairs_told(a, b, support, lift) -> list:
    """Rows of first product, second, support and lift, by product."""
    rows = zip(*(x.tolist() for x in (a, b, support, lift)), strict=True)
    return sorted([int(a), int(b), float(s), float(v)] for a, b, s, v in rows)


if __name__ == "__main__":
    main()
