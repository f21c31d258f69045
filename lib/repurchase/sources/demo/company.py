"""Hengyun Home 恒云家居, a retailer of coffee and home goods that does not exist."""

from __future__ import annotations

import difflib
from collections.abc import Collection
from datetime import date
from pathlib import Path

from repurchase.errors import ParameterError
from repurchase.sources.demo import plan
from repurchase.sources.demo.accounts import accounts
from repurchase.sources.demo.baskets import orders_and_lines
from repurchase.sources.demo.behaviour import lives
from repurchase.sources.demo.contacts import answers, contacts, tickets
from repurchase.sources.demo.exports import order_book, write_events, write_lines, write_orders
from repurchase.sources.demo.ledgers import (
    write_costs,
    write_customers,
    write_experiments,
    write_places,
    write_voices,
)
from repurchase.sources.demo.people import people
from repurchase.sources.demo.truths import Company, truths, write_truths

FEWEST_CUSTOMERS = 50
EARLIEST_END = date(2023, 6, 30)


def generate(
    folder: Path,
    *,
    customers: int = 20_000,
    seed: int = 20260101,
    until: date = plan.END,
    without: Collection[str] = (),
) -> Path:
    """The company's export files up to `until` (included) and truths.json; gives `folder`.

    The same arguments give the same bytes. `customers` is the number of persons who join between
    2023-04-01 and 2025-09-30, so an earlier `until` has fewer of them. What is `without` (names
    of plan.TROUBLES) never happens; every draw stays.

    Raises ParameterError for fewer than 50 customers, an end outside 2023-06-30..2025-09-30, or a
    trouble that is not planted.
    """
    _check(customers, until, without)
    days = plan.day_of(until) + 1
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    crowd = people(customers, seed=seed, without=without)
    life = lives(crowd, seed=seed, days=days, without=without)
    orders, lines = orders_and_lines(crowd, life, seed=seed, days=days, without=without)
    book = accounts(crowd, orders, seed=seed, days=days, without=without)
    sheet = order_book(orders, book, seed=seed, days=days, without=without)
    contact = contacts(crowd, life, orders, seed=seed, days=days, without=without)
    ticket = tickets(orders, seed=seed, days=days, without=without)
    files = write_orders(folder, orders, sheet, crowd, seed=seed, days=days)
    write_lines(folder, lines, sheet)
    write_customers(folder, crowd, book, orders, contact, seed=seed, days=days)
    write_events(folder, contact, book, days=days)
    write_places(folder, seed=seed, days=days)
    write_experiments(folder, life.assignments, contact, book, days=days)
    write_costs(folder, orders, contact, days=days)
    write_voices(folder, answers(orders, seed=seed, days=days), ticket, sheet, book)
    left_out = tuple(name for name in plan.TROUBLES if name in without)
    company = Company(
        crowd, life, orders, lines, book, sheet, contact, files, seed, days, left_out
    )
    write_truths(folder / "truths.json", truths(company))
    return folder


def _check(customers: int, until: date, without: Collection[str]) -> None:
    if customers < FEWEST_CUSTOMERS:
        raise ParameterError(
            f"A demo company of {customers} customers cannot be made.",
            rule=f"at least {FEWEST_CUSTOMERS} customers",
            remedy="ask for more customers",
        )
    if not EARLIEST_END <= until <= plan.END:
        raise ParameterError(
            f"The demo company cannot end on {until}.",
            rule=f"its story is told from {EARLIEST_END} to {plan.END}",
            remedy="name a day between the two",
        )
    for name in without:
        if name not in plan.TROUBLES:
            near = difflib.get_close_matches(name, plan.TROUBLES, 1, 0.5)
            raise ParameterError(
                f"The demo company has no trouble {name!r} to leave out.",
                rule=f"it has {', '.join(plan.TROUBLES)}",
                remedy=f"did you mean {near[0]!r}?" if near else "name one of these",
            )
