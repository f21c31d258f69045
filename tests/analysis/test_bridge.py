"""Customers and money from one period to another, on six customers that a pencil can follow.

ann   2023-09-05  2024-09-10                lapses on 2025-09-30
bob   2025-08-05  2025-09-07                buys in both months
cid   2025-09-01                            new
dee   2023-01-01  2025-09-02                comes back after more than a year
eve   2025-08-20                            not in September, still active
fay   2025-03-01  2025-09-15                back after a pause
"""

import datetime as dt

import ibis
import pytest
from repurchase.analysis import bridge

SIX = {
    "ann": ["2023-09-05", "2024-09-10"],
    "bob": ["2025-08-05", "2025-09-07"],
    "cid": ["2025-09-01"],
    "dee": ["2023-01-01", "2025-09-02"],
    "eve": ["2025-08-20"],
    "fay": ["2025-03-01", "2025-09-15"],
}


def revenue(name, rank):
    """20 and then 60 of bob, 10 of everybody else; half of it is margin."""
    return float({("bob", 1): 20, ("bob", 2): 60}.get((name, rank), 10))


def other(*rows):
    """Documents that are no purchase: customer, day, money and margin."""
    import pandas as pd

    schema = {"customer_id": "string", "order_date": "date", "net_revenue": "float64",
              "net_margin": "float64"}  # fmt: skip
    made = [(c, dt.date.fromisoformat(d), m, m) for c, d, m in rows]
    table = ibis.memtable(pd.DataFrame(made, columns=list(schema)), schema=schema)
    return table.mutate(
        net_revenue=table.net_revenue.cast("decimal(18, 4)"),
        net_margin=table.net_margin.cast("decimal(18, 4)"),
    )


def steps(result, span, part):
    """Value by step."""
    frame = result.frame
    here = frame[(frame["span"] == span) & (frame["part"] == part)]
    return dict(zip(here["step"], here["value"], strict=True))


@pytest.fixture
def made(lives, windows):
    def make(*returned, data_from="2020-01-01", margin=True):
        days = lives(SIX, money=revenue)
        if not margin:
            days = days.mutate(net_margin=ibis.null().cast("decimal(18, 4)"))
        asked = windows("2025-09", data_from)
        return bridge.bridge(days, other(*returned), asked, activity_months=12), bridge.lost(
            days, other(*returned), asked, activity_months=12
        )

    return make


def test_customers_add_up(made):
    """Four active on 31 August, one new, one reactivated, one lapsed: five on 30 September."""
    found, _ = made()

    assert {"active_then": 4, "new": 1, "reactivated": 1, "lapsed": -1, "active_now": 5} == steps(
        found, "previous", "customers"
    )


def test_money_adds_up_by_who_brought_it(made):
    """Margin 15 in August (bob 10, eve 5), 45 in September; bob's rose by 20."""
    found, _ = made()

    assert {
        "money_then": 15, "new": 5, "reactivated": 5, "returned": 5, "retained": 20, "paused": -5,
        "lapsed": 0, "money_now": 45,
    } == steps(found, "previous", "money")  # fmt: skip
    assert {"margin"} == set(found.frame["kind"])


@pytest.mark.parametrize("span", ["previous", "year_ago"])
@pytest.mark.parametrize("part", ["customers", "money"])
def test_every_bridge_adds_up(made, span, part):
    """The first step and all between give the last, to the cent, with returns in between."""
    found, _ = made(("ann", "2025-09-12", -2.0), ("bob", "2025-08-30", -1.5))
    values = list(steps(found, span, part).values())

    assert values[-1] == sum(values[:-1])


def test_a_return_alone_has_its_own_step(made):
    """Ann buys nothing in September and returns 2: no purchase, but money all the same."""
    found, _ = made(("ann", "2025-09-12", -2.0))
    told = steps(found, "previous", "money")

    assert (-2, 43) == (told["other"], told["money_now"])


def test_a_year_ago_has_its_own_sets(made):
    """Ann bought in September 2024 and not since; bob, cid, eve and fay have joined since."""
    found, _ = made()
    told = steps(found, "year_ago", "customers")

    # active on 2024-09-30: ann alone; now bob, cid, dee, eve, fay, of whom dee joined in 2023
    assert {"active_then": 1, "new": 4, "reactivated": 1, "lapsed": -1, "active_now": 5} == told
    assert -5 == steps(found, "year_ago", "money")["lapsed"]


def test_revenue_stands_in_where_margin_is_unknown(made):
    """No margin at all: the same bridge in revenue, and it says so."""
    found, gone = made(margin=False)

    assert {"revenue"} == set(found.frame["kind"])
    assert 90 == steps(found, "previous", "money")["money_now"]
    assert 10 == gone.one("lapsed_money", dimensions="money=revenue").value


def test_nobody_knows_who_was_active_before_the_data(made):
    """Data of eight months cannot say who was a customer twelve months back."""
    found, gone = made(data_from="2025-01-01")

    assert found.frame.empty
    assert {"not_computed"} == {r.status for r in found.records}
    assert "activity window of 12 months" in gone.one("lapsed_customers").reason


def test_lost_money_is_that_of_the_last_year_of_those_who_lapsed(made):
    """Ann's order of 2024 less what she returned since; her first order is 371 days older."""
    _, gone = made(("ann", "2025-09-12", -2.0))

    assert (1, 4) == (gone.one("lapsed_customers").value, gone.one("lapsed_customers").n)
    assert 3 == gone.one("lapsed_money", dimensions="money=margin").value
