"""Who or where: the change split into mix and rate, on tables whose answer is known."""

import datetime as dt

import ibis
import pandas as pd
import pytest
from repurchase.analysis.mix import SMALLER, Places, cause, mix, revenue_mix
from repurchase.analysis.windows import windows_of
from repurchase.period import Period

DAY = dt.date.fromisoformat
WINDOWS = windows_of(Period.parse("2025-09"), country=None, data_from=DAY("2020-01-01"))
THEN, NOW, LONG_AGO = "2024-09-10", "2025-09-10", "2021-01-05"


def buyers(*groups, channel="shop"):
    """Customer days from (store, date, buyers, of whom returning); every buyer another person."""
    rows = []
    for number, (store, day, n, back) in enumerate(groups):
        for i in range(n):
            name = f"{number}-{i:05}"
            first = DAY(LONG_AGO if i < back else day)
            rows.append((name, DAY(day), store, channel, first))
    schema = {"customer_id": "string", "order_date": "date", "store_id": "string",
              "channel": "string", "first_date": "date"}  # fmt: skip
    return ibis.memtable(pd.DataFrame(rows, columns=list(schema)), schema=schema)


def split(days, **tables):
    empty = days.mutate(order_id=days.customer_id, is_purchase=True)
    places = Places(days, tables.pop("orders", empty), tables.pop("segments", {}), **tables)
    return mix(places, WINDOWS, activity_months=12)


def stores(**regions):
    return ibis.memtable(pd.DataFrame(list(regions.items()), columns=["store_id", "region"]))


SIMPSON = (
    ("S1", THEN, 4000, 200), ("S2", THEN, 1000, 200),
    ("S1", NOW, 1000, 30), ("S2", NOW, 4000, 720),
)  # fmt: skip


def test_the_reference_case_rises_while_both_stores_fall():
    """4000/1000 at 5/20 % to 1000/4000 at 3/18 %: mix +9, rate -2 points (METHODS, section 2)."""
    result = split(buyers(*SIMPSON))
    where = "against=year_ago;by=store_id"

    assert 0.09 == pytest.approx(result.one("mix_part", dimensions=where).value)
    rate = result.one("rate_part", dimensions=where)
    assert -0.02 == pytest.approx(rate.value)
    assert rate.high < 0
    assert 1 == result.one("sign_disagreement", dimensions=where).value


def test_the_parts_of_a_cut_add_up_to_the_change():
    """8 % to 15 %: two parts, seven points."""
    frame = split(buyers(*SIMPSON)).frame
    own = frame[(frame["against"] == "year_ago") & (frame["cut"] == "store_id")]

    assert 0.07 == pytest.approx(own["part"].sum())
    assert 0 == pytest.approx(own["beyond"].sum(), abs=1e-12)


def test_a_disagreement_that_may_be_chance_is_no_flag():
    """The same shares of 100 buyers instead of 10,000: the rates have not detectably moved."""
    small = [(s, d, n // 50, back // 50) for s, d, n, back in SIMPSON]
    result = split(buyers(*small))

    assert 0 == result.one("sign_disagreement", dimensions="against=year_ago;by=store_id").value


def test_one_label_is_no_cut():
    """All buyers are of one channel: there is nothing to split, and it is said."""
    result = split(buyers(*SIMPSON))
    record = result.one("rate_part", dimensions="against=year_ago;by=channel")

    assert "all buyers are of one kind" == record.reason


FELL = (
    *((s, THEN, 400, 200) for s in ("S1", "S2", "S3")),
    ("S1", NOW, 400, 80), ("S2", NOW, 400, 200), ("S3", NOW, 400, 200),
)  # fmt: skip


def test_the_region_that_fell_is_the_cause():
    """Half returned everywhere; in the south a fifth does now: it alone gave ten points of ten."""
    result = split(buyers(*FELL), stores=stores(S1="south", S2="north", S3="north"))
    found = cause(result, basis="weekdays")

    assert ("year_ago", "south") == (found.against, found.label)
    assert (-0.1, 0.0) == (pytest.approx(found.part), pytest.approx(found.rest))
    assert (0.5, 0.2) == (pytest.approx(found.value_then), pytest.approx(found.value))


def test_where_nobody_moves_nobody_is_the_cause():
    """The same shares in both years: no part stands among all."""
    same = [(s, NOW if d == THEN else THEN, n, b) for s, d, n, b in FELL[:3]]

    assert cause(split(buyers(*FELL[:3], *same)), basis="weekdays") is None


def test_a_sound_year_ago_without_a_cause_goes_before_the_previous_period():
    """Nothing stands a year ago, S1 fell since August: that may be the season, so no cause."""
    same = [(s, NOW if d == THEN else THEN, n, b) for s, d, n, b in FELL[:3]]
    august = [("S1", "2025-08-10", 400, 380), *((s, "2025-08-10", 400, 200) for s in ("S2", "S3"))]
    result = split(buyers(*FELL[:3], *same, *august))

    assert result.frame.loc[result.frame["against"] == "previous", "stands"].any()
    assert cause(result, basis="weekdays") is None


def test_near_the_festival_the_previous_period_has_no_cause():
    """What fell since last month is the festival's; away from it the part is named."""
    august = [(s, "2025-08-10", n, b) for s, d, n, b in FELL[:3]]
    result = split(buyers(*august, *FELL[3:]))

    assert ("previous", "S1") == (
        cause(result, basis="weekdays").against,
        cause(result, basis="weekdays").label,
    )
    assert cause(result, basis="spring_festival") is None


def test_a_buyer_counts_where_the_first_order_of_the_window_was():
    """Sixty buyers go to S1 and ten days later to S2: all of them count in S1."""
    days = buyers(("S1", NOW, 60, 0), ("S2", NOW, 40, 0), ("S1", THEN, 60, 0), ("S2", THEN, 40, 0))
    later = days.filter((days.store_id == "S1") & (days.order_date == DAY(NOW)))
    later = later.mutate(store_id=ibis.literal("S2"), order_date=ibis.date("2025-09-20"))
    frame = split(ibis.union(days, later)).frame
    own = frame[(frame["against"] == "year_ago") & (frame["cut"] == "store_id")]

    assert {"S1": 60, "S2": 40} == dict(zip(own["label"], own["n"], strict=True))


def test_small_stores_stand_together():
    """Two stores with ten and five buyers a year are one row, so that every buyer is in it."""
    days = buyers(*FELL, ("T1", NOW, 10, 5), ("T1", THEN, 10, 5), ("T2", THEN, 5, 5))
    frame = split(days).frame
    own = frame[(frame["against"] == "year_ago") & (frame["cut"] == "store_id")]
    small = own[own["label"] == SMALLER]

    assert [(15, 10)] == list(zip(small["n_then"], small["n"], strict=True))
    assert 1210 == own["n"].sum()


def test_the_category_is_that_of_the_largest_sum_of_the_day():
    """Tea for 3 and cups for 5 on one day: a buyer of cups; of equal sums the first by name."""
    days = buyers(("S1", NOW, 40, 0), ("S1", THEN, 40, 20))
    orders = days.mutate(order_id=days.customer_id, is_purchase=True)
    names = days.select(order_id=days.customer_id)
    lines = ibis.union(
        names.mutate(product_id=ibis.literal("tea"), line_net=ibis.literal(3.0)),
        names.mutate(product_id=ibis.literal("cup"), line_net=ibis.ifelse(
            names.order_id.endswith("7"), 5.0, 3.0)),
    )  # fmt: skip
    products = ibis.memtable(
        pd.DataFrame({"product_id": ["tea", "cup"], "category": ["a drinks", "b ware"]})
    )
    frame = split(days, orders=orders, order_lines=lines, products=products).frame
    own = frame[(frame["against"] == "year_ago") & (frame["cut"] == "category")]

    # 7, 17, 27, 37 of each forty buy ware, too few to stand alone
    assert {"a drinks": 36, SMALLER: 4} == dict(zip(own["label"], own["n"], strict=True))


def test_too_few_buyers_are_not_split():
    """Twenty buyers a window: no split, and the reason says why."""
    result = split(buyers(("S1", THEN, 20, 5), ("S2", NOW, 20, 5)))

    assert {"not_computed"} == {r.status for r in result.records if "year_ago" in r.dimensions}


def paid(days, amount=10.0):
    """Customer days with money: 10 a day, a returning buyer's is repeat."""
    return days.mutate(
        net_revenue=ibis.literal(amount).cast("decimal(18, 4)"),
        day_rank=ibis.ifelse(days.first_date < days.order_date, 2, 1),
    )


def returns(*rows):
    """Documents that are no purchase: customer, day, money."""
    schema = {"customer_id": "string", "order_date": "date", "assigned_date": "date",
              "net_revenue": "float64"}  # fmt: skip
    made = [(c, DAY(d), DAY(d), m) for c, d, m in rows]
    table = ibis.memtable(pd.DataFrame(made, columns=list(schema)), schema=schema)
    return table.mutate(net_revenue=table.net_revenue.cast("decimal(18, 4)"))


def split_money(days, other=None):
    empty = days.mutate(order_id=days.customer_id, is_purchase=True)
    places = Places(days, empty, {})
    return revenue_mix(places, returns() if other is None else other, WINDOWS, activity_months=12)


def test_with_equal_money_the_revenue_is_split_like_the_buyers():
    """Everybody pays 10: the repeat share of revenue moves as the share of buyers does."""
    result = split_money(paid(buyers(*SIMPSON)))
    where = "against=year_ago;by=store_id;of=repeat_revenue_share"

    assert 0.09 == pytest.approx(result.one("mix_part", dimensions=where).value)
    rate = result.one("rate_part", dimensions=where)
    assert -0.02 == pytest.approx(rate.value)
    assert 1 == result.one("sign_disagreement", dimensions=where).value
    same = split(buyers(*SIMPSON)).one("rate_part", dimensions="against=year_ago;by=store_id")
    assert rate.low == pytest.approx(same.low, abs=1e-4)


def test_money_without_a_purchase_in_the_window_is_counted_too():
    """Ten customers return 1 each in September without buying: all is 11,990, repeat 4,790.

    Negative money has no share of its own, so it stands with the smallest store.
    """
    other = returns(*((f"0-{i:05}", NOW, -1.0) for i in range(200, 210)))
    frame = split_money(paid(buyers(*FELL)), other).frame
    own = frame[(frame["against"] == "year_ago") & (frame["cut"] == "store_id")]

    assert ["S1", "S2", SMALLER] == own["label"].tolist()
    assert 11_990 == own["revenue"].sum()
    assert 4_790 / 11_990 - 0.5 == pytest.approx(own["part"].sum())
