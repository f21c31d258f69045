"""Customer-days tables from order dates by customer, with what each order date says."""

import datetime as dt

import ibis
import pandas as pd
import pytest
from repurchase.analysis.windows import windows_of
from repurchase.period import Period

SCHEMA = {
    "customer_id": "string", "order_date": "date", "day_rank": "int64", "first_date": "date",
    "previous_date": "date", "next_date": "date", "net_revenue": "float64",
    "net_margin": "float64", "channel": "string", "campaign_id": "string", "discounted": "boolean",
}  # fmt: skip


def _lives(dates, *, until="2100-01-01", money=None, **first):
    rows = []
    for name, days in dates.items():
        known = [dt.date.fromisoformat(d) for d in sorted(days) if d <= until]
        for i, day in enumerate(known):
            amount = 10.0 if money is None else money(name, i + 1)
            rows.append({
                "customer_id": name, "order_date": day, "day_rank": i + 1, "first_date": known[0],
                "previous_date": known[i - 1] if i else None,
                "next_date": known[i + 1] if i + 1 < len(known) else None,
                "net_revenue": amount, "net_margin": None if amount is None else amount / 2,
                **{c: first.get(c, {}).get(name) for c in ("channel", "campaign_id", "discounted")},
            })  # fmt: skip
    table = ibis.memtable(pd.DataFrame(rows, columns=list(SCHEMA)), schema=SCHEMA)
    return table.mutate(
        net_revenue=table.net_revenue.cast("decimal(18, 4)"),
        net_margin=table.net_margin.cast("decimal(18, 4)"),
    )


@pytest.fixture
def lives():
    """One row a customer and date up to `until`; `money(name, rank)` is revenue, its half margin.

    The other arguments are columns by customer, channel={"ann": "app"}, the same on all his rows.
    """
    return _lives


@pytest.fixture
def windows():
    """The windows of a period for data that begin on a day."""

    def make(period, data_from="2020-01-01", country=None):
        begin = dt.date.fromisoformat(data_from)
        return windows_of(Period.parse(period), country=country, data_from=begin)

    return make
