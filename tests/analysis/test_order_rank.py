import pytest
from repurchase.analysis import order_rank

MONEY = {("ann", 1): 10.0, ("ann", 2): 30.0, ("bob", 1): 20.0, ("bob", 2): 24.0, ("cid", 1): 90.0}
DATES = {"ann": ["2025-01-01", "2025-02-01"], "bob": ["2025-01-02", "2025-03-01"],
         "cid": ["2025-01-03"]}  # fmt: skip


def ask(lives, windows, money=MONEY, dates=DATES):
    days = lives(dates, money=lambda name, rank: money.get((name, rank)))
    return order_rank.order_values(days, windows("2025-06"), months=12)


def test_the_average_by_rank(lives, windows):
    """First orders 10, 20 and 90: 40; second ones 30 and 24: 27; margin is half."""
    result = ask(lives, windows)

    assert 40 == result.one("average_order", dimensions="rank=1").value
    assert 27 == result.one("average_order", dimensions="rank=2").value
    assert 13.5 == result.one("average_order_margin", dimensions="rank=2").value


def test_the_same_customers_first_order_stands_beside(lives, windows):
    """Ann and bob spent 10 and 20 first: 15, not the 40 of all; their gain is (20 + 4) / 2."""
    result = ask(lives, windows)
    gain = result.one("average_order_gain", dimensions="rank=2")

    assert 15 == result.one("average_order_first", dimensions="rank=2").value
    assert 12 == gain.value
    # residuals 8 and -8 of two customers
    assert 1.959964 * (2 * 128 / 4) ** 0.5 == pytest.approx(gain.high - 12, rel=1e-6)


def test_a_customer_with_several_late_order_dates_is_one_unit(lives, windows):
    """Two customers with order dates 6 to 9: eight order dates, interval from two units."""
    dates = {n: [f"2025-0{1 + i // 28}-{1 + i % 28:02d}" for i in range(9)] for n in ("ann", "bob")}
    money = {(n, k): 5.0 if n == "ann" else 15.0 for n in dates for k in range(1, 10)}
    row = ask(lives, windows, money, dates).frame.set_index("rank").loc[6]

    assert (2, 8, 10, 10) == tuple(row[["customers", "order_dates", "revenue", "first"]])
    # residuals -20 and 20 over 8 order dates
    assert 1.959964 * (2 * 800 / 64) ** 0.5 == pytest.approx(row["revenue_high"] - 10, rel=1e-6)


def test_one_customer_with_many_order_dates_has_no_interval(lives, windows):
    """One customer's four dates from the sixth on are no sample."""
    dates = {"ann": [f"2025-01-{day:02d}" for day in range(1, 10)]}
    record = ask(lives, windows, {("ann", k): 5.0 for k in range(1, 10)}, dates).one(
        "average_order", dimensions="rank=6"
    )

    assert ("not_computed", "one customer alone has no interval") == (record.status, record.reason)


def test_a_rank_that_nobody_reached_is_said(lives, windows):
    """No third order date: a reason that names the rank."""
    record = ask(lives, windows).one("average_order", dimensions="rank=3")

    assert (None, "not_computed") == (record.value, record.status)
    assert "order date 3" in record.reason


def test_no_amounts_at_all_are_named(lives, windows):
    """A source without money has no averages and says so."""
    record = ask(lives, windows, {}).one("average_order", dimensions="rank=1")

    assert "no amount" in record.reason
