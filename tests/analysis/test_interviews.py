"""Whom to ask why they did not come back."""

from __future__ import annotations

import datetime as dt

import ibis
import pandas as pd
from repurchase.analysis import interviews


def people(*sizes: tuple[str, float, int]) -> pd.DataFrame:
    """`n` customers a channel and amount."""
    rows = [(f"{c}{m}-{i}", c, m) for c, m, n in sizes for i in range(n)]
    frame = pd.DataFrame(rows, columns=["customer_id", "first_channel", "net_revenue"])
    return frame.sort_values("customer_id", ignore_index=True)


def test_only_who_bought_once_and_had_the_time() -> None:
    """90 days ago is old enough, 365 not too old; two order dates are a repeat."""
    day = dt.date(2025, 9, 30)
    ages = {"young": 89, "first": 90, "last": 365, "old": 366, "twice": 100}
    frame = pd.DataFrame(
        {
            "customer_id": list(ages),
            "order_days": [1, 1, 1, 1, 2],
            "first_date": [day - dt.timedelta(days=a) for a in ages.values()],
            "first_channel": "web", "first_store_id": "S", "net_revenue": 1.0,
        }
    )  # fmt: skip
    found = interviews.one_time_customers(ibis.memtable(frame), end=day)

    assert ["first", "last"] == found["customer_id"].tolist()


def test_each_stratum_gets_its_share() -> None:
    """60, 30 and 10 customers, ten interviews: six, three and one."""
    found = interviews.sample(
        people(("shop", 1.0, 60), ("shop", 9.0, 30), ("web", 9.0, 10)), wanted=10, salt="1"
    )
    counted = found.groupby(["stratum_channel", "stratum_spend"]).size().to_dict()

    assert {("shop", "lower"): 6, ("shop", "upper"): 3, ("web", "upper"): 1} == counted
    assert {60, 30, 10} == set(found["stratum_size"])


def test_the_draw_is_of_the_salt_alone() -> None:
    """The same salt draws the same customers in whatever order they come; another draws others."""
    everyone = people(("shop", 1.0, 200))
    first = set(interviews.sample(everyone, wanted=20, salt="a")["customer_id"])
    turned = interviews.sample(everyone.iloc[::-1], wanted=20, salt="a")["customer_id"]
    other = set(interviews.sample(everyone, wanted=20, salt="b")["customer_id"])

    assert first == set(turned)
    assert 20 == len(first)
    assert len(first & other) < 10


def test_all_are_asked_where_there_are_few_and_nobody_where_there_is_none() -> None:
    """Three customers and ten interviews make three."""
    assert 3 == len(interviews.sample(people(("shop", 1.0, 3)), wanted=10, salt="1"))
    assert 0 == len(interviews.sample(people(), wanted=10, salt="1"))
