"""Customer-days tables from order dates by customer, with what each order date says."""

import datetime as dt
import itertools
import math

import ibis
import numpy as np
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


@pytest.fixture(scope="session")
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


def _summary(dates, *, day, revenue=None, margin=None):
    rows = []
    for name, days in dates.items():
        known = [dt.date.fromisoformat(d) for d in sorted(days) if d <= day]
        if not known:
            continue
        gaps = [(b - a).days for a, b in itertools.pairwise(known)]
        logs = [math.log(gap) for gap in gaps]
        money = [10.0 if revenue is None else revenue(name, i + 1) for i in range(len(known))]
        again = money[1:]
        rows.append({
            "customer_id": name, "first_date": known[0], "last_date": known[-1],
            "order_days": len(known), "repeat_revenue": sum(again) if again else None,
            "repeat_money_days": len(again), "log_gap_sum": sum(logs) if logs else None,
            "log_gap_squares": sum(x * x for x in logs) if logs else None,
        })  # fmt: skip
    return ibis.memtable(pd.DataFrame(rows), schema=SUMMARY)


SUMMARY = {
    "customer_id": "string", "first_date": "date", "last_date": "date", "order_days": "int64",
    "repeat_revenue": "float64", "repeat_money_days": "int64", "log_gap_sum": "float64",
    "log_gap_squares": "float64",
}  # fmt: skip


@pytest.fixture(scope="session")
def summary_of():
    """The customer summary of a day from order dates by customer, as far as forecasts read it."""
    return _summary


def _company(n, *, seed, until="2025-06-30", gone=(0.4, 0.15)):
    """Order dates by customer of a company that no estimator assumes: gamma gaps in whole days.

    Each customer has a pace and an evenness of her own, leaves after the first order with
    probability gone[0], after any later one with gone[1], and joins some day of 2023 or 2024.
    """
    rng = np.random.default_rng(seed)
    end, begin = dt.date.fromisoformat(until), dt.date(2023, 1, 1)
    dates, left = {}, set()
    for i in range(n):
        day = begin + dt.timedelta(days=int(rng.integers(0, 730)))
        pace, evenness, known = rng.gamma(2, 25) + 5, rng.uniform(1.5, 9), []
        while day <= end:
            known.append(day.isoformat())
            if rng.random() < gone[len(known) > 1]:
                left.add(f"{i:05d}")
                break
            day += dt.timedelta(days=max(1, round(rng.gamma(evenness, pace / evenness))))
        dates[f"{i:05d}"] = known
    return dates, left


@pytest.fixture(scope="session")
def gamma_company():
    """1,500 customers with gamma gaps, ordering up to the end of June 2025."""
    return _company(1500, seed=1)[0]


@pytest.fixture(scope="session")
def gamma_gone():
    """Those of them who will never order again."""
    return _company(1500, seed=1)[1]
