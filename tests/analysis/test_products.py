"""Products that bring buyers back, on lines that a pencil can check."""

import datetime as dt

import ibis
import pandas as pd
import pytest
from repurchase.analysis import products
from repurchase.analysis.windows import windows_of
from repurchase.period import Period

DAY = dt.date.fromisoformat
WINDOWS = windows_of(Period.parse("2025-09"), country=None, data_from=DAY("2023-01-01"))


def goods(rows, told=None):
    """From (customer, date, product) or with a fourth field that changes the line.

    Each row is an order of its own, unless its date ends in a letter: then all with that text are
    one order.
    """
    lines, orders = [], {}
    for number, (customer, date, product, *change) in enumerate(rows):
        order = f"{customer}{date}" if date[-1].isalpha() else f"o{number}"
        orders[order] = (order, customer, date[:10], True)
        lines.append(
            {
                "order_id": order, "product_id": product, "quantity": 1.0, "line_net": 10.0,
                "is_gift": False, "return_of_line": None, **(change[0] if change else {}),
            }
        )  # fmt: skip
    frame = pd.DataFrame(
        orders.values(), columns=["order_id", "customer_id", "order_date", "is_purchase"]
    )
    frame["order_date"] = pd.to_datetime(frame["order_date"])
    days = frame[["customer_id", "order_date"]].drop_duplicates().sort_values("order_date")
    days["next_date"] = days.groupby("customer_id")["order_date"].shift(-1)
    table, day_table = ibis.memtable(frame), ibis.memtable(days)
    line_schema = {
        "order_id": "string", "product_id": "string", "quantity": "float64",
        "line_net": "float64", "is_gift": "boolean", "return_of_line": "string",
    }  # fmt: skip
    catalogue = None
    if told is not None:
        columns = ["product_id", "name", "category", "launch_date"]
        schema = dict.fromkeys(columns[:3], "string") | {"launch_date": "date"}
        catalogue = ibis.memtable(pd.DataFrame(told, columns=columns), schema=schema)
    return products.Goods(
        ibis.memtable(pd.DataFrame(lines), schema=line_schema),
        table.mutate(order_date=table.order_date.cast("date")),
        day_table.mutate(
            order_date=day_table.order_date.cast("date"), next_date=day_table.next_date.cast("date")
        ),
        catalogue,
    )


def counts(found, kind="product"):
    frame = found.frame[found.frame["kind"] == kind].set_index("key")
    return {key: tuple(row[["n_90", "same_90", "any_90"]]) for key, row in frame.iterrows()}


def repurchase(given):
    return products.product_repurchase(given, WINDOWS, cohort_months=12)


def test_the_same_and_anything_within_ninety_days() -> None:
    """a buys p again on the 90th day, b on the 91st; b has bought q before that."""
    found = repurchase(
        goods(
            [
                ("a", "2025-01-01", "p"), ("a", "2025-04-01", "p"),
                ("b", "2025-01-01", "p"), ("b", "2025-02-01", "q"), ("b", "2025-04-02", "p"),
            ]
        )
    )  # fmt: skip
    # q's only buyer comes back within ninety days, with another product
    assert {"p": (2, 1, 2), "q": (1, 0, 1)} == counts(found)
    assert 2 == found.frame.set_index("key").loc["p", "same_180"]


def test_only_purchases_old_enough_count() -> None:
    """On 2 July 2025 ninety days are left, on the 3rd they are not; nor do days of last year's."""
    found = repurchase(
        goods([("a", "2025-07-02", "p"), ("b", "2025-07-03", "p"), ("c", "2024-07-02", "p")])
    )
    assert {"p": (1, 0, 0)} == counts(found)


def test_gifts_returns_and_the_same_day_are_no_repurchase() -> None:
    """Nor is a negative quantity or amount; the orders themselves count all the same."""
    found = repurchase(
        goods(
            [
                ("a", "2025-01-01", "p"), ("a", "2025-01-01", "p"),
                ("a", "2025-02-01", "p", {"is_gift": True}),
                ("a", "2025-02-02", "p", {"return_of_line": "1"}),
                ("a", "2025-02-03", "p", {"quantity": -1.0}),
                ("a", "2025-02-04", "p", {"line_net": -10.0}),
            ]
        )
    )  # fmt: skip
    # the orders of February are orders all the same: a came back, not for p
    assert {"p": (1, 0, 1)} == counts(found)


TOLD = (
    ("p", "咖啡豆 454g", "咖啡豆", "2023-01-01"),
    ("q", "滤纸", "器具", "2025-01-01"),
    ("r", "未分类", None, None),
)


def test_a_category_is_bought_again_with_another_of_its_products() -> None:
    """p and then q: the same category again if they share one; r has no category."""
    rows = [("a", "2025-01-01", "p"), ("a", "2025-02-01", "q"), ("b", "2025-01-01", "r")]
    one = repurchase(goods(rows, [(k, n, "家居", d) for k, n, _, d in TOLD]))
    assert {"家居": (2, 1, 1)} == counts(one, "category")
    two = repurchase(goods(rows, TOLD))
    assert {"咖啡豆": (1, 0, 1), "器具": (1, 0, 0)} == counts(two, "category")
    assert "咖啡豆 454g" == two.frame.set_index("key").loc["p", "name"]


def crowd(product, back, n):
    """n buyers of a product in January, of whom so many come back in February."""
    people = [f"{product}{i}" for i in range(n)]
    return [(c, "2025-01-01", product) for c in people] + [
        (c, "2025-02-01", "other") for c in people[:back]
    ]


def test_what_stands_among_all_is_marked() -> None:
    """Of 200 buyers of good 120 come back, of bad 40: both stand against the others."""
    found = repurchase(goods(crowd("good", 120, 200) + crowd("bad", 40, 200) + crowd("few", 9, 29)))
    frame = found.frame.set_index("key")
    assert ("stands", "stands") == (frame.loc["good", "mark"], frame.loc["bad", "mark"])
    assert frame.loc["good", "any_change"] > 0 > frame.loc["bad", "any_change"]
    assert pd.isna(frame.loc["few", "p"])
    record = found.one("any_again_90d", dimensions="product=good")
    assert (0.6, 120, 200) == (record.value, record.numerator, record.n)
    assert 0.5309 == pytest.approx(record.low, abs=1e-4)
    assert not [r for r in found.records if "few" in r.dimensions]


def test_a_launch_of_the_last_year_is_new() -> None:
    """q came on sale in January 2025, p two years before."""
    given = goods([("a", "2025-01-01", "p"), ("a", "2025-02-01", "q")], TOLD)
    found = products.new_products(given, repurchase(given), WINDOWS)
    assert ["q"] == found.frame["key"].tolist()
    assert 1 == found.one("new_products").value
    undated = goods([("a", "2025-01-01", "p")], [("p", "x", "y", None)])
    record = products.new_products(undated, repurchase(undated), WINDOWS).one("new_products")
    assert (None, "no product has a launch date") == (record.value, record.reason)


def test_without_lines_or_products_the_reason_is_named() -> None:
    """No lines: nothing. No products: no category and no launch, the products' numbers stand."""
    nothing = products.product_repurchase(None, WINDOWS, cohort_months=12)
    assert "the profile names no source for order_lines" == nothing.records[0].reason
    bare = repurchase(goods([("a", "2025-01-01", "p")]))
    assert ["p"] == bare.frame["name"].tolist()
    assert {"kind=category": "the profile names no source for products"} == {
        r.dimensions: r.reason for r in bare.records if r.reason
    }
    assert "the profile names no source for order_lines" == (
        products.pairs(None, WINDOWS, months=12).records[0].reason
    )
    young = windows_of(Period.parse("2023-03"), country=None, data_from=DAY("2023-01-01"))
    early = products.product_repurchase(
        goods([("a", "2023-01-01", "p")]), young, cohort_months=12
    )
    assert "the data begin on 2023-01-01: no first order is 90 days old" == early.records[0].reason


def test_pairs_are_baskets_with_both() -> None:
    """p and q 30 times together in 100 baskets, each in 40: 30 * 100 / (40 * 40) = 1.875."""
    rows = [(f"a{i}", "2025-09-01x", k) for i in range(30) for k in "pq"]
    rows += [(f"b{i}", "2025-09-01x", "p") for i in range(10)]
    rows += [(f"c{i}", "2025-09-01x", "q") for i in range(10)]
    rows += [(f"d{i}", "2025-09-01x", "r") for i in range(50)]
    old = [(f"e{i}", "2024-09-30x", k) for i in range(30) for k in "pr"]
    found = products.pairs(goods(rows + old, TOLD), WINDOWS, months=12)
    (row,) = found.frame.to_dict("records")
    assert ("咖啡豆 454g", "滤纸", 30, 100) == (
        row["a_name"], row["b_name"], row["count"], row["baskets"]
    )  # fmt: skip
    record = found.one("pair_lift", dimensions="product=p;with_product=q")
    assert (1.875, 30, 16) == (record.value, record.numerator, pytest.approx(record.n))
    assert 14 == pytest.approx(row["beyond_chance"])
    none = products.pairs(goods(rows[:4]), WINDOWS, months=12)
    assert "no pair of products is in 20 baskets" == none.records[0].reason
