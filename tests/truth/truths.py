"""What each figure is in truth: the same question asked of very many customers of one company.

The answers are counted here from the definitions (METHODS, "The headline metrics"), with numpy and
without anything of `analysis` or `stats`. A truth is a ratio of sums over all customers of a large
replay, so that nothing but its own definition stands behind it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from repurchase.calendar import Window
from repurchase.period import add_months

from truth.company import Bools, Company, Floats, Ints, Lived, day_number, live

# metric, dimensions, compare_to; with a compare_to the value is the change
Key = tuple[str, str, str]
Parts = dict[Key, tuple[float, float]]
Windows = Mapping[str, Window]
REPLAYED = 60_000
NEVER = 1 << 40


@dataclass(frozen=True)
class History:
    """The known order days of a life by customer, sorted: what a review can know of it."""

    customer: Ints
    day: Ints
    store: Ints  # of the day's first order
    first: Ints  # by customer; NEVER if no order of his is known
    second: Ints

    @classmethod
    def of(cls, lived: Lived) -> History:
        shift = 1 << 14
        pairs, place = np.unique(
            lived.customer[lived.known] * shift + lived.day[lived.known], return_index=True
        )
        customer, day = pairs // shift, pairs % shift
        count = int(lived.customer.max(initial=0)) + 1
        first, second = np.full(count, NEVER), np.full(count, NEVER)
        start = np.flatnonzero(np.r_[True, customer[1:] != customer[:-1]])
        first[customer[start]] = day[start]
        follows = start[start + 1 < customer.size] + 1
        follows = follows[customer[follows] == customer[follows - 1]]
        second[customer[follows]] = day[follows]
        return cls(customer, day, lived.store[lived.known][place], first, second)

    def anyone(self, inside: Bools) -> Bools:
        """By customer, whether one of the marked order days is his."""
        found = np.zeros(self.first.size, dtype=bool)
        found[self.customer[inside]] = True
        return found


def truths(
    company: Company,
    windows: Windows,
    asked: Iterable[Callable[[Lived, Windows], Parts]],
    *,
    seed: int,
    customers: int,
) -> dict[Key, float]:
    """The value, or the change against each window, of everything asked, from a large replay."""
    total: dict[Key, np.ndarray] = {}
    asked = tuple(asked)
    for turn in range(max(1, round(customers / REPLAYED))):
        lived = live(company, seed=seed + turn, customers=REPLAYED)
        for question in asked:
            for key, parts in question(lived, windows).items():
                total[key] = total.get(key, np.zeros(2)) + parts
    level = {key: float(a / b) for key, (a, b) in total.items() if b > 0}
    found = {}
    for (metric, dimensions, window), value in level.items():
        now = level.get((metric, dimensions, "none"))
        if now is not None:
            found[metric, dimensions, window] = value if window == "none" else now - value
    return found


def within(day: Ints | Floats, window: Window) -> Bools:
    inside: Bools = (day >= day_number(window.start)) & (day <= day_number(window.end))
    return inside


def headline(lived: Lived, windows: Windows) -> Parts:
    """The seven shares of the retention chapter, numerator and denominator by window."""
    history = History.of(lived)
    found: Parts = {}
    for name, window in windows.items():
        for metric, (a, b) in _shares(history, window).items():
            found[metric, "", name] = float(np.sum(a & b)), float(np.sum(b))
        found["repeat_revenue_share", "", name] = _repeat_revenue(lived, history, window)
    return found


def _shares(history: History, window: Window) -> dict[str, tuple[Bools, Bools]]:
    start, end = day_number(window.start), day_number(window.end)
    buyer = history.anyone(within(history.day, window))
    found = {
        "returning_buyer_share": (history.first < start, buyer),
        "repeat_customer_share": (history.second <= end, history.first <= end),
        "retention_rate": (
            _active(history, window.end),
            _active(history, window.start - dt.timedelta(days=1)),
        ),
    }
    for days in (30, 60, 90, 180):
        last = window.end - dt.timedelta(days=days)
        joined = (history.first > day_number(add_months(last, -12))) & (
            history.first <= day_number(last)
        )
        found[f"repurchase_{days}d"] = (history.second - history.first <= days, joined)
    return found


def _active(history: History, day: dt.date) -> Bools:
    since = day_number(add_months(day, -12))
    return history.anyone((history.day > since) & (history.day <= day_number(day)))


def _repeat_revenue(lived: Lived, history: History, window: Window) -> tuple[float, float]:
    inside = lived.known & within(lived.day, window)
    money, who = lived.cents[inside], lived.customer[inside]
    repeat = money[lived.day[inside] > history.first[who]].sum()
    back = lived.back_known & within(lived.back_day, window)
    # money paid back goes to the latest order date, which is a repeat one if there has been one
    again = history.second[lived.back_customer[back]] <= lived.back_day[back]
    paid = lived.back_cents[back]
    return float(repeat + paid[again].sum()), float(money.sum() + paid.sum())


def identified(lived: Lived, windows: Windows) -> Parts:
    """Share of orders with a known customer by window, and of their money in the period."""
    found: Parts = {}
    for name, window in windows.items():
        inside = within(lived.day, window)
        known = inside & lived.known
        found["identified_order_share", "", name] = float(known.sum()), float(inside.sum())
    inside, known = (m & within(lived.day, windows["none"]) for m in (True, lived.known))
    money = float(lived.cents[known].sum()), float(lived.cents[inside].sum())
    found["identified_revenue_share", "", "none"] = money
    return found


def in_places(places: Mapping[str, Ints]) -> Callable[[Lived, Windows], Parts]:
    """Returning buyers and identified orders of some stores, by the dimensions that name them."""

    def counted(lived: Lived, windows: Windows) -> Parts:
        history = History.of(lived)
        found: Parts = {}
        for place, stores in places.items():
            there = np.isin(history.store, stores)
            orders = np.isin(lived.store, stores)
            for name, window in windows.items():
                buyer = history.anyone(there & within(history.day, window))
                back = buyer & (history.first < day_number(window.start))
                found["returning_buyer_share", place, name] = float(back.sum()), float(buyer.sum())
                inside = orders & within(lived.day, window)
                known = float((inside & lived.known).sum())
                found["identified_order_share", place, name] = known, float(inside.sum())
        return found

    return counted


def revenue_of_known(lived: Lived, *, after: dt.date, months: int) -> float:
    """What customers known by that day brought on order dates of the months after it."""
    history = History.of(lived)
    first = after + dt.timedelta(days=1)
    window = Window(first, add_months(first, months) - dt.timedelta(days=1))
    inside = lived.known & within(lived.day, window)
    inside &= history.first[lived.customer] <= day_number(after)
    return float(lived.cents[inside].sum()) / 100
