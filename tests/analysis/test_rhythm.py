import datetime as dt

import pandas as pd
import pytest
from repurchase.analysis import rhythm


def after(start, *days):
    """Order dates so many days after each other."""
    found = [dt.date.fromisoformat(start)]
    for gap in days:
        found.append(found[-1] + dt.timedelta(days=gap))
    return [d.isoformat() for d in found]


def test_gaps_by_rank(lives, windows):
    """Thirty return 10, ten 40 days after their first order; sixty never do.

    40 % come back, half of them within 10 days, nine tenths within 40.
    """
    dates = {f"a{i}": after("2024-03-01", 10) for i in range(30)}
    dates |= {f"b{i}": after("2024-03-01", 40) for i in range(10)}
    dates |= {f"c{i}": ["2024-03-01"] for i in range(60)}
    row = rhythm.gaps(lives(dates), windows("2025-06")).frame.iloc[0]

    assert (100, 40, 365) == (row["customers"], row["back"], row["horizon"])
    assert 0.4 == pytest.approx(row["returning"])
    assert (10, 10, 40) == (row["p10"], row["median"], row["p90"])
    assert row["median_low"] <= 10 <= row["median_high"]


def test_few_who_come_back_give_no_gap(lives, windows):
    """Twenty-nine returns are not enough for a quantile."""
    dates = {f"a{i}": after("2024-03-01", 10) for i in range(29)}
    dates |= {f"c{i}": ["2024-03-01"] for i in range(60)}
    record = rhythm.gaps(lives(dates), windows("2025-06")).one(
        "order_gap_median", dimensions="rank=1"
    )

    assert (None, "not_computed") == (record.value, record.status)


def test_a_short_history_is_followed_as_far_as_it_goes(lives, windows):
    """Data of sixty days give the gaps of those who come back within at most sixty.

    Five who were there a month before are too few to follow any longer by.
    """
    dates = {f"b{i}": after("2025-04-01", 85) for i in range(5)}
    dates |= {f"a{i}": after("2025-05-01", 10) for i in range(40)}
    dates |= {f"c{i}": ["2025-05-01"] for i in range(60)}
    row = rhythm.gaps(lives(dates), windows("2025-06", data_from="2025-04-01")).frame.iloc[0]

    assert 60 == row["horizon"]


def rhythms(lives, windows, dates, period="2025-06", factor=2):
    w = windows(period)
    days = lives(dates, until=w.seen_until.isoformat())
    return rhythm.own_rhythms(days, w, activity_months=12, factor=factor)


def test_who_is_silent_for_longer_than_twice_the_own_median(lives, windows):
    """On 30 June 2025 ann (median 10) is silent for 21 days, bob for 20; cid has one gap."""
    found = rhythms(lives, windows, {
        "ann": after("2025-05-20", 10, 10),  # last on 9 June
        "bob": after("2025-05-21", 10, 10),  # last on 10 June: 20 days are not more than 20
        "cid": after("2025-05-01", 10),
    })  # fmt: skip
    now = found[found["now"] == 1]

    assert 2 == now["customers"].sum()
    assert 1 == now.loc[now["now_over"] == 1, "customers"].sum()
    assert 1 == found.loc[found["few"] == 1, "customers"].sum()
    assert [10.0] == sorted(set(now["cycle"]))


def test_a_year_ago_is_told_from_what_was_known_then(lives, windows):
    """Ann's median was 10 a year ago and she was silent for 40 days; she came back since."""
    found = rhythms(lives, windows, {"ann": after("2024-05-01", 10, 10, 150, 150)})

    assert [1.0] == found["then_over"].tolist()
    assert [1.0] == found["came_back"].tolist()


def test_the_typical_cycle_has_one_value_a_customer(windows):
    """Sixty customers of 10 days and forty of 30: half are at 10 or less, a tenth at 30."""
    found = pd.DataFrame({
        "cycle": [10.0, 30.0, 99.0], "few": 0.0, "now": [1.0, 1.0, 0.0], "now_over": 0.0,
        "then": 0.0, "then_over": 0.0, "came_back": 0.0, "customers": [60.0, 40.0, 500.0],
    })  # fmt: skip
    result = rhythm.typical_cycle(found)

    assert (10, 100) == (result.one("typical_cycle").value, result.one("typical_cycle").n)
    assert 30 == result.one("typical_cycle", dimensions="quantile=p90").value


def test_the_cycle_of_a_category(windows):
    """Thirty buy coffee again after 20 days, tea never; the plan says 30 days for coffee."""
    import ibis

    people = [f"c{i}" for i in range(30)]
    orders, lines = [], []
    for name in people:
        for day, product in ((1, "bean"), (11, "tea"), (21, "bean")):
            orders.append((f"{name}-{day}", name, dt.date(2025, 1, day), True))
            lines.append((f"{name}-{day}", product))
    table = {
        "orders": ibis.memtable(
            pd.DataFrame(orders, columns=["order_id", "customer_id", "order_date", "is_purchase"]),
            schema={"order_id": "string", "customer_id": "string", "order_date": "date",
                    "is_purchase": "boolean"},
        ),
        "lines": ibis.memtable(pd.DataFrame(lines, columns=["order_id", "product_id"])),
        "products": ibis.memtable(pd.DataFrame({
            "product_id": ["bean", "tea"], "category": ["coffee", "tea"],
            "expected_cycle_days": [30.0, None]})),
    }  # fmt: skip
    result = rhythm.category_cycles(
        table["lines"], table["orders"], table["products"], windows("2025-06")
    )
    frame = result.frame.set_index("category")

    assert (60, 30, 20) == tuple(frame.loc["coffee", ["waits", "back", "median"]])
    assert 30 == frame.loc["coffee", "expected"]
    assert pd.isna(frame.loc["tea", "median"]) and pd.isna(frame.loc["tea", "expected"])
    assert 20 == result.one("order_gap_median", dimensions="category=coffee").value
