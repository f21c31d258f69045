"""Which products bring their buyers back: to the same product, and at all.

A buyer of a product is followed from the first day in the trailing window on which he bought it.
Only days old enough count, so that every buyer has had all the days that are asked about: on such
buyers the Kaplan-Meier share is the plain one, and its interval Wilson's. Gifts, returned lines and
orders that do not count are left out. What buyers of one product do is no effect of the product.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import ibis
import ibis.expr.types as ir
import pandas as pd

from repurchase.analysis.ratios import flag
from repurchase.analysis.windows import Windows, active_at, ripened
from repurchase.period import add_months
from repurchase.reasons import NO_CATEGORY, NO_LAUNCH, NO_PAIRS, NO_TABLE, NOBODY, NOT_RIPE, reason
from repurchase.records import Record, Result, dimensions
from repurchase.stats.multiplicity import benjamini_hochberg, p_of_interval
from repurchase.stats.pairs import Pairs, basket_pairs
from repurchase.stats.proportion import change_of, wilson

HORIZONS = (90, 180)
KINDS = ("category", "product")
# Fewer buyers than this and a product is counted, not judged.
FEWEST_BUYERS = 30
FALSE_DISCOVERIES = 0.05
STANDS, EXPLORATORY = "stands", "exploratory"
RECORDED = 50
FEWEST_TOGETHER = 20
NEW_MONTHS = 12


@dataclass(frozen=True)
class Goods:
    """The tables that a product's buyers are told from; `products` None: the profile has none.

    `days` are customer days, `orders` the orders up to the period's end.
    """

    lines: ir.Table
    orders: ir.Table
    days: ir.Table
    products: ir.Table | None


def bought_lines(goods: Goods) -> ir.Table:
    """One row a customer, product and order date. Columns: customer_id, product_id, order_date."""
    counting = counting_lines(goods)
    return counting.select("customer_id", "product_id", "order_date").distinct()


def counting_lines(goods: Goods) -> ir.Table:
    """Lines of known customers' orders that count, without gifts and what came back.

    Columns: order_id, product_id, customer_id, order_date.
    """
    orders = goods.orders.filter(goods.orders.is_purchase & goods.orders.customer_id.notnull())
    orders = orders.select("order_id", "customer_id", "order_date")
    lines = goods.lines
    kept = lines.filter(
        lines.product_id.notnull()
        & lines.return_of_line.isnull()
        & ~lines.is_gift.fill_null(False)
        & ~(lines.quantity <= 0).fill_null(False)
        & ~(lines.line_net < 0).fill_null(False)
    )
    return kept.select("order_id", "product_id").inner_join(orders, "order_id")


def product_repurchase(
    goods: Goods | None, windows: Windows, *, cohort_months: int
) -> Result:
    """Who buys it again, and who buys anything again, by category and by product.

    Columns: kind (category, product), key, name, category, launched (text, 2025-09-30), n_90,
    same_90, any_90 (counts), the same for 180; same_value, same_low, same_high, any_value,
    any_low, any_high (within 90 days, Wilson), any_change, any_change_low, any_change_high (against
    the buyers of everything else of its kind, Newcombe), p (Benjamini-Hochberg over all categories
    and products with 30 buyers or more, on both sides) and mark ("stands", "exploratory", "").
    Sorted by kind and buyers. The empty frame has a record that says why.
    """
    if goods is None:
        return _nothing(reason(NO_TABLE, table="order_lines"))
    bought = bought_lines(goods)
    parts = [
        _counts(_keyed(bought, goods, kind), goods.days, windows, cohort_months).assign(kind=kind)
        for kind in KINDS
        if kind == "product" or _has(goods, "category")
    ]
    frame = pd.concat(parts, ignore_index=True)
    if not frame["n_90"].sum():
        return _nothing(_too_young(windows, cohort_months))
    frame = _judged(_shares(_named(frame, goods)))
    records = [r for row in _recorded(frame).to_dict("records") for r in _records(row)]
    if not _has(goods, "category"):
        records.append(_missing("same_again_90d", _why_no(goods, NO_CATEGORY), kind="category"))
    return Result(frame, tuple(records))


def new_products(goods: Goods | None, found: Result, windows: Windows) -> Result:
    """Products launched in the twelve months up to the period's end, newest last.

    The rows of `product_repurchase` for them; buyers too young for 90 days are not in its counts.
    """
    if goods is None:
        return Result(pd.DataFrame())
    since = add_months(windows.period.end, -NEW_MONTHS)
    if not _has(goods, "launch_date"):
        why = _why_no(goods, NO_LAUNCH)
        record = Record("new_products", None, "count", status="not_computed", reason=why)
        return Result(pd.DataFrame(), (record,))
    assert goods.products is not None
    launched = goods.products.launch_date
    fresh = goods.products.filter((launched > since) & (launched <= windows.period.end))
    keys = {row["product_id"] for row in fresh.select("product_id").to_pyarrow().to_pylist()}
    records = (Record("new_products", float(len(keys)), "count"),)
    frame = found.frame
    if frame.empty:
        return Result(pd.DataFrame(), records)
    recent = frame[(frame["kind"] == "product") & frame["key"].isin(keys)]
    return Result(recent.sort_values(["launched", "key"]).reset_index(drop=True), records)


def _too_young(windows: Windows, cohort_months: int) -> str:
    """Why no buyer can be followed for as long as the shortest horizon."""
    window = ripened(windows.seen("none"), days=HORIZONS[0], months=cohort_months)
    if window.end >= windows.data_from:
        return NOBODY
    return reason(NOT_RIPE, day=windows.data_from.isoformat(), days=HORIZONS[0])


def _missing(metric: str, why: str, **where: object) -> Record:
    return Record(metric, None, "share", dimensions(**where), status="not_computed", reason=why)


def _nothing(why: str) -> Result:
    return Result(pd.DataFrame(), (_missing("same_again_90d", why),))


def _has(goods: Goods, column: str) -> bool:
    """Whether the products say that of any of them."""
    if goods.products is None or column not in goods.products.columns:
        return False
    return bool(int(goods.products[column].count().execute()))


def _why_no(goods: Goods, otherwise: str) -> str:
    return reason(NO_TABLE, table="products") if goods.products is None else otherwise


def _keyed(bought: ir.Table, goods: Goods, kind: str) -> ir.Table:
    """One row a customer, key and day; a product without a category is in none."""
    if kind == "product":
        return bought.rename(key="product_id")
    assert goods.products is not None
    named = goods.products.select("product_id", key="category")
    joined = bought.inner_join(named, "product_id").filter(lambda t: t.key.notnull())
    return joined.select("customer_id", "key", "order_date").distinct()


def _counts(
    bought: ir.Table, days: ir.Table, windows: Windows, cohort_months: int
) -> pd.DataFrame:
    following = days.select("customer_id", "order_date", "next_date")
    mine = ibis.window(group_by=["customer_id", "key"], order_by="order_date")
    told = bought.mutate(again=bought.order_date.lead().over(mine))
    found: pd.DataFrame | None = None
    for length in HORIZONS:
        window = ripened(windows.seen("none"), days=length, months=cohort_months)
        # what lies before the data is nobody's first day
        inside = told.filter(told.order_date.between(window.start, window.end))
        first = inside.mutate(place=ibis.row_number().over(mine)).filter(lambda t: t.place == 0)
        first = first.drop("place").left_join(following, ["customer_id", "order_date"])
        until = first.order_date + ibis.interval(days=length)
        counted = first.group_by("key").aggregate(
            **{
                f"n_{length}": first.count(),
                f"same_{length}": flag(first.again <= until).sum(),
                f"any_{length}": flag(first.next_date <= until).sum(),
            }
        )
        part = counted.to_pandas()
        found = part if found is None else found.merge(part, on="key", how="outer")
    assert found is not None
    numbers = found.columns.drop("key")
    found[numbers] = found[numbers].astype("float64").fillna(0.0)
    return found


def _named(frame: pd.DataFrame, goods: Goods) -> pd.DataFrame:
    """The frame with each product's name, category and launch date, as the data have them."""
    if goods.products is None:
        named = frame.assign(name=frame["key"], category="", launched=None)
    else:
        told = goods.products.select("product_id", "name", "category", "launch_date").to_pandas()
        told = told.rename(columns={"product_id": "key", "launch_date": "launched"})
        days = pd.to_datetime(told["launched"]).dt.strftime("%Y-%m-%d")
        told["launched"] = days.astype(object).where(days.notna(), None)
        named = frame.merge(told.assign(kind="product"), on=["kind", "key"], how="left")
        named["name"] = named["name"].where(named["name"].notna(), named["key"])
        named["category"] = named["category"].fillna("")
    named["rank"] = named["kind"].map({kind: i for i, kind in enumerate(KINDS)})
    named = named.sort_values(["rank", "n_90", "key"], ascending=[True, False, True])
    return named.drop(columns="rank").reset_index(drop=True)


SHARES = tuple(f"{what}_{part}" for what in ("same", "any") for part in ("value", "low", "high"))
CHANGES = ("any_change", "any_change_low", "any_change_high")


def _shares(frame: pd.DataFrame) -> pd.DataFrame:
    totals = frame.groupby("kind")[["n_90", "any_90"]].sum()
    rows = [
        _share_row(row["n_90"], row["same_90"], row["any_90"], *totals.loc[row["kind"]])
        for row in frame.to_dict("records")
    ]
    shares = pd.DataFrame(rows, columns=[*SHARES, *CHANGES], index=frame.index, dtype="float64")
    return pd.concat([frame, shares], axis=1)


def _share_row(n: float, same: float, anything: float, all_n: float, all_any: float) -> list[float]:
    """Both shares with their intervals, and the second against the buyers of everything else."""
    if not n:
        return [math.nan] * 9
    found = [*wilson(same, n), *wilson(anything, n)]
    rest_n, rest_any = all_n - n, all_any - anything
    if n < FEWEST_BUYERS or rest_n < FEWEST_BUYERS:
        return [*found, *[math.nan] * 3]
    return [*found, *change_of(wilson(anything, n), wilson(rest_any, rest_n))]


def _judged(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with adjusted p-values and marks, all categories and products one family."""
    known = frame[frame["any_change_low"] < frame["any_change_high"]]
    single = [p_of_interval(*map(float, row)) for row in known[[*CHANGES]].itertuples(index=False)]
    adjusted = pd.Series(benjamini_hochberg(single), index=known.index, dtype="float64")
    alone = pd.Series(single, index=known.index, dtype="float64")
    p = adjusted.reindex(frame.index)
    exploratory = (alone.reindex(frame.index) < FALSE_DISCOVERIES).map({True: EXPLORATORY})
    mark = exploratory.fillna("").mask(p < FALSE_DISCOVERIES, STANDS)
    return frame.assign(p=p, mark=mark)


def _recorded(frame: pd.DataFrame) -> pd.DataFrame:
    """Every category, and the products with most buyers."""
    sure = frame[frame["n_90"] >= FEWEST_BUYERS]
    return pd.concat(
        [sure[sure["kind"] == "category"], sure[sure["kind"] == "product"].head(RECORDED)]
    )


def _records(row: Mapping[Any, Any]) -> list[Record]:
    where = dimensions(**{row["kind"]: row["key"]})
    made = []
    for what in ("same", "any"):
        for length in HORIZONS:
            n = float(row[f"n_{length}"])
            if n < FEWEST_BUYERS:
                continue
            value, low, high = wilson(row[f"{what}_{length}"], n)
            made.append(
                Record(
                    f"{what}_again_{length}d", value, "share", where, low=low, high=high,
                    numerator=float(row[f"{what}_{length}"]), n=n,
                )
            )  # fmt: skip
    return made


def first_days(windows: Windows, *, days: int, cohort_months: int) -> tuple[dt.date, dt.date]:
    """The days on which a buyer is first met for a horizon, as far as the data reach."""
    window = ripened(windows.seen("none"), days=days, months=cohort_months)
    return max(window.start, windows.data_from), window.end


def pairs(
    goods: Goods | None, windows: Windows, *, months: int, minimum: int = FEWEST_TOGETHER
) -> Result:
    """Which products are bought together more often than chance would have it.

    A basket is an order of a known customer in the last `months` months; pairs that `minimum`
    baskets hold are judged. Columns: a, b (product numbers), a_name, b_name, count (baskets with
    both), count_a, count_b, b_given_a, a_given_b (confidences), lift, low, high, q (Benjamini and
    Hochberg over all pairs of products that are in so many baskets each), baskets, tested, stands
    (above chance), beyond_chance (baskets more than chance would give). What stands comes first,
    the most baskets beyond chance at the head. Source: stats.pairs.
    """
    if goods is None:
        why = reason(NO_TABLE, table="order_lines")
        return Result(pd.DataFrame(), (_no_pairs(why),))
    window = active_at(windows.seen_until, months)
    lines = counting_lines(goods)
    lines = lines.filter(lines.order_date.between(window.start, window.end))
    rows = lines.select("order_id", "product_id").distinct().to_pandas()
    basket, _ = pd.factorize(rows["order_id"], sort=True)
    product, names = pd.factorize(rows["product_id"], sort=True)
    found = basket_pairs(basket, product, minimum=minimum)
    if not len(found.count):
        return Result(pd.DataFrame(), (_no_pairs(reason(NO_PAIRS, fewest=minimum)),))
    frame = _pair_frame(found, [str(n) for n in names], goods)
    records = tuple(
        Record(
            "pair_lift", row["lift"], "ratio", dimensions(product=row["a"], with_product=row["b"]),
            low=row["low"], high=row["high"], numerator=float(row["count"]),
            n=row["count"] / row["lift"],
        )
        for row in frame[frame["stands"]].head(PAIRS_RECORDED).to_dict("records")
    )  # fmt: skip
    return Result(frame, records)


PAIRS_RECORDED = 20


def _no_pairs(why: str) -> Record:
    return Record("pair_lift", None, "ratio", status="not_computed", reason=why)


def _pair_frame(found: Pairs, codes: list[str], goods: Goods) -> pd.DataFrame:
    frame = pd.DataFrame(
        {
            "a": [codes[i] for i in found.a],
            "b": [codes[i] for i in found.b],
            **{
                name: getattr(found, name)
                for name in (
                    "count", "count_a", "count_b", "b_given_a", "a_given_b", "lift", "low",
                    "high", "q",
                )
            },
        }
    ).assign(baskets=found.baskets, tested=found.tested)  # fmt: skip
    said: dict[str, str] = {}
    if goods.products is not None:
        told = goods.products.select("product_id", "name").to_pyarrow().to_pylist()
        said = {row["product_id"]: row["name"] for row in told if row["name"]}
    for side in ("a", "b"):
        frame[f"{side}_name"] = [said.get(code, code) for code in frame[side]]
    frame["stands"] = (frame["q"] < FALSE_DISCOVERIES) & (frame["lift"] > 1)
    frame["beyond_chance"] = frame["count"] * (1 - 1 / frame["lift"])
    order = ["stands", "beyond_chance", "a", "b"]
    return frame.sort_values(order, ascending=[False, False, True, True]).reset_index(drop=True)
