"""Whom to ask why they did not come back: a seeded sample of one-time customers, by stratum."""

from __future__ import annotations

import datetime as dt

import ibis.expr.types as ir
import numpy as np
import pandas as pd

from repurchase.analysis.worklists import drawn

YOUNGEST_DAYS, OLDEST_DAYS = 90, 365


def one_time_customers(summary: ir.Table, *, end: dt.date) -> pd.DataFrame:
    """Customers who bought on one day only, 90 to 365 days before the end.

    Long enough ago to have come back, not so long that nobody remembers. Columns: customer_id,
    first_date, first_channel, first_store_id, net_revenue.
    """
    first, last = end - dt.timedelta(days=OLDEST_DAYS), end - dt.timedelta(days=YOUNGEST_DAYS)
    found = summary.filter((summary.order_days == 1) & summary.first_date.between(first, last))
    found = found.mutate(net_revenue=found.net_revenue.cast("float64"))
    columns = ["customer_id", "first_date", "first_channel", "first_store_id", "net_revenue"]
    return found.select(*columns).to_pandas().sort_values("customer_id", ignore_index=True)


def sample(people: pd.DataFrame, *, wanted: int, salt: str) -> pd.DataFrame:
    """`wanted` of them, each stratum by its share of all (largest remainders), drawn by `salt`.

    A stratum is a first channel and the upper or lower half of what was spent. Adds columns
    `stratum_channel`, `stratum_spend` ("upper", "lower", "" where unknown), `stratum_size`; sorted
    by stratum and draw. The same customers each time for a salt; all where there are fewer.
    """
    rows = people.copy()
    middle = rows["net_revenue"].median()
    half = np.where(rows["net_revenue"] > middle, "upper", "lower")
    rows["stratum_spend"] = np.where(rows["net_revenue"].isna(), "", half)
    channel = rows["first_channel"].astype("object")
    rows["stratum_channel"] = channel.where(channel.notna(), "")
    rows["draw"] = [drawn(customer, salt) for customer in rows["customer_id"]]
    strata = ["stratum_channel", "stratum_spend"]
    rows = rows.sort_values([*strata, "draw"], ignore_index=True)
    rows["stratum_size"] = rows.groupby(strata)["customer_id"].transform("size")
    takes = _shares_out(rows.groupby(strata).size(), wanted)
    place = rows.groupby(strata).cumcount()
    quota = [takes[key] for key in zip(rows[strata[0]], rows[strata[1]], strict=True)]
    return rows[place < np.array(quota, dtype=int)].drop(columns="draw").reset_index(drop=True)


def _shares_out(sizes: pd.Series, wanted: int) -> dict[tuple[str, str], int]:
    """How many of each stratum, in proportion, adding up to `wanted` or to all there are."""
    total = int(sizes.sum())
    exact = sizes * min(wanted, total) / max(total, 1)
    takes = np.floor(exact).astype(int)
    missing = min(wanted, total) - int(takes.sum())
    largest = (exact - takes).sort_values(ascending=False, kind="stable").index[:missing]
    takes.loc[largest] += 1
    return {(str(a), str(b)): int(n) for (a, b), n in takes.items()}
