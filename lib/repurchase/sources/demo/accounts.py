"""Membership numbers: who has one, since when, and who has two."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from repurchase.sources.demo import plan
from repurchase.sources.demo.baskets import INTERNAL_ACCOUNTS, TEST, TEST_ACCOUNTS, Orders
from repurchase.sources.demo.draws import Ints, below, uniform
from repurchase.sources.demo.people import People

_DAY = 86_400


class Accounts(NamedTuple):
    """One entry a membership number, in order of creation: entry k has the number k + 1.

    `person` is -2 - k for the staff's k-th test account. `first` and `second` give each person's
    entries (-1 = none); `merge_known`: the company has found out that the second is the first.
    """

    person: Ints
    created: Ints
    is_second: NDArray[np.bool_]
    first: Ints
    second: Ints
    merge_known: NDArray[np.bool_]


def accounts(
    crowd: People, orders: Orders, *, seed: int, days: int, without: Collection[str] = ()
) -> Accounts:
    """All membership numbers given out in the first `days` days.

    `without` the trouble `duplicates` nobody has two.
    """
    who = np.flatnonzero(crowd.joined < days)
    created = crowd.joined * _DAY + 30_000 + below(
        uniform(seed, "account/second", np.arange(len(crowd.joined))), 40_000
    )
    mine = orders.person >= 0
    early = np.full(len(created), 10**15, dtype=np.int64)
    np.minimum.at(early, orders.person[mine], orders.second[mine])
    created = np.minimum(created, early - 240)
    share = 0.0 if "duplicates" in without else plan.DUPLICATE_SHARE
    twice = who[uniform(seed, "account/twice", who) < share]
    again = created[twice] + (30 + below(uniform(seed, "account/again", twice), 270)) * _DAY
    twice, again = twice[again < days * _DAY], again[again < days * _DAY]
    staff = -2 - np.arange(TEST_ACCOUNTS + INTERNAL_ACCOUNTS)
    person = np.concatenate([staff, who, twice])
    moment = np.concatenate([-staff - 9_000, created[who], again])
    is_second = np.repeat([False, True], [len(staff) + len(who), len(twice)])
    order = np.lexsort((person, is_second, moment))
    person, moment, is_second = person[order], moment[order], is_second[order]
    first = np.full(len(crowd.joined), -1, dtype=np.int64)
    second = first.copy()
    place = np.arange(len(person))
    plain = (person >= 0) & ~is_second
    first[person[plain]] = place[plain]
    second[person[is_second]] = place[is_second]
    known = uniform(seed, "account/known", np.arange(len(first))) < plan.DUPLICATE_KNOWN
    return Accounts(person, moment, is_second, first, second, known & (second >= 0))


def order_account(orders: Orders, book: Accounts, *, seed: int) -> Ints:
    """The entry that each order was booked on, whether or not its number was taken; -1 = none."""
    entry = np.full(len(orders.person), -1, dtype=np.int64)
    mine = orders.person >= 0
    person = orders.person[mine]
    entry[mine] = book.first[person]
    second = book.second[person]
    uses = uniform(seed, "account/use", person, orders.day[mine]) < plan.DUPLICATE_USE
    later = orders.second[mine] > book.created[second]
    entry[mine] = np.where((second >= 0) & uses & later, second, entry[mine])
    staff = np.argsort(-book.person[book.person < -1], kind="stable")
    places = np.flatnonzero(book.person < -1)[staff]
    test = orders.role == TEST
    entry[test] = places[-2 - orders.person[test]]
    return entry


def customer_id(entries: Ints) -> list[str]:
    """Ten digits with leading zeros; empty for no account."""
    return [f"{entry + 1:010d}" if entry >= 0 else "" for entry in entries.tolist()]
