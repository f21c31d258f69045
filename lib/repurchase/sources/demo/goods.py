"""What the company sells, who sells it, and the words that its systems write."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

import numpy as np

from repurchase.sources.demo import plan
from repurchase.sources.demo.draws import Floats, Ints, below, uniform
from repurchase.sources.demo.names import person_names


class Product(NamedTuple):
    """One article; prices in fen (1/100 CNY), tax included."""

    product_id: str
    name: str
    category: str
    brand: str
    list_price: int
    unit_cost: int
    launch_date: date
    expected_cycle_days: int | None


_CATEGORIES: tuple[tuple[str, str, float, int | None, tuple[tuple[str, float], ...]], ...] = (
    ("咖啡豆", "恒云咖啡", 0.42, 30, (
        ("云南小粒 454g", 88), ("埃塞俄比亚日晒 250g", 98), ("意式拼配 500g", 79),
        ("哥伦比亚水洗 250g", 92), ("低因咖啡豆 250g", 86), ("巴拿马瑰夏 100g", 228))),
    ("挂耳咖啡", "恒云咖啡", 0.45, 21, (
        ("云南挂耳 10片", 45), ("意式挂耳 20片", 69), ("Drip Bag Classic 10", 49),
        ("花果香挂耳 10片", 55), ("早安挂耳 30片", 99))),
    ("门店饮品", "恒云咖啡", 0.35, 5, (
        ("美式咖啡", 18), ("拿铁", 24), ("Flat White", 26), ("手冲单品", 38), ("司康套餐", 36),
        ("燕麦拿铁", 28))),
    ("咖啡器具", "HENGYUN", 0.55, 365, (
        ("手冲壶 600ml", 169), ("滤杯套装", 99), ("手摇磨豆机", 329), ("意式咖啡机", 2399),
        ("冷萃壶", 129), ("滤纸 100张", 22))),
    ("杯具", "HENGYUN", 0.48, 240, (
        ("马克杯", 49), ("双层玻璃杯", 69), ("随行杯 450ml", 119), ("骨瓷对杯", 189),
        ("保温壶", 159))),
    ("厨房用品", "恒云家居", 0.56, 180, (
        ("铸铁锅 24cm", 399), ("木砧板", 89), ("密封罐三件套", 79), ("餐具 16件", 259),
        ("硅胶铲套装", 59), ("玻璃保鲜盒", 99))),
    ("床品", "恒云家居", 0.52, 400, (
        ("纯棉四件套", 459), ("亚麻枕套", 129), ("羽绒被", 1099), ("针织毯", 239),
        ("记忆棉枕", 199))),
    ("香氛", "云岫", 0.40, 75, (
        ("桂花香薰蜡烛", 128), ("雪松扩香 120ml", 168), ("Tea Room Refill", 88),
        ("车载香氛", 79), ("香薰补充装", 69))),
    ("礼盒", "恒云家居", 0.58, None, (
        ("新春咖啡礼盒", 268), ("中秋茶咖礼盒", 328), ("双人杯礼盒", 218), ("企业定制礼盒", 398),
        ("Christmas Hamper", 288))),
)


def products() -> tuple[Product, ...]:
    """The whole range, category by category."""
    found = []
    for number, (category, brand, cost, cycle, articles) in enumerate(_CATEGORIES, start=1):
        for place, (name, price) in enumerate(articles, start=1):
            fen = round(price * 100)
            launched = plan.START if place <= 4 else date(2023, 4 + number % 9, 1)
            found.append(
                Product(f"P{number:02d}{place:03d}", name, category, brand, fen,
                        round(fen * cost), launched, cycle)
            )
    return tuple(found)


# How likely each category is in a basket: rows by segment (people.SEGMENT_TEXT), then passers-by.
BASKET: Floats = np.array(
    [
        [22, 14, 52, 3, 4, 1, 0.5, 2, 1.5],
        [9, 10, 34, 6, 13, 10, 4, 10, 4],
        [5, 4, 4, 4, 12, 5, 4, 10, 52],
        [4, 4, 6, 8, 14, 30, 16, 16, 2],
        [5, 8, 58, 3, 12, 4, 1, 5, 4],
    ],
    dtype=np.float64,
)
ONLINE_DRINK = 2  # row of the category that is drunk in the store and cannot be sent

TEAMS = ("咖啡吧", "家居区", "会员服务")


class Rep(NamedTuple):
    """One sales person; `store` is a row of plan.STORES."""

    rep_id: str
    name: str
    team: str
    manager_id: str | None
    store: int
    active_from: date
    active_to: date | None
    target_fen: int


def reps(*, seed: int) -> tuple[Rep, ...]:
    """Four a store and six for the online shops; the first of each store manages the others."""
    stores = [*np.repeat(np.arange(plan.OWN_STORES), 4), 24, 24, 25, 25, 26, 26]
    numbers = np.arange(len(stores), dtype=np.int64)
    names = person_names(numbers, seed=seed, purpose="rep")
    leaves = uniform(seed, "rep/leaves", numbers)
    found: list[Rep] = []
    for number, store in enumerate(stores):
        first = number - (number % 4 if store < plan.OWN_STORES else (number - 96) % 2)
        shop = plan.STORES[store]
        gone = shop.closed_on
        if number != first and leaves[number] < 0.08:
            gone = date(2025, 1 + int(leaves[number] * 100), 28)
        found.append(
            Rep(f"R{number + 1:04d}", names[number], TEAMS[number % 3],
                None if number == first else f"R{first + 1:04d}", int(store), shop.opened_on,
                gone, round(60_000_00 * max(shop.pull, 0.8)))
        )
    return tuple(found)


def rep_of(store: Ints, draw: Floats) -> Ints:
    """The row of one of the store's sales persons, by lot."""
    own = store < plan.OWN_STORES
    return np.where(own, store * 4 + below(draw, 4), 96 + (store - 24) * 2 + below(draw, 2))
