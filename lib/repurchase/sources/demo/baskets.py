"""Purchases become orders and order lines: where, when, what, how much, and what went wrong.

Money is whole fen (1/100 CNY). Every draw belongs to (person, day, number of the order that day).
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from repurchase.sources.demo import plan
from repurchase.sources.demo.behaviour import Lives, order_channel
from repurchase.sources.demo.draws import Floats, Ints, below, pick, uniform
from repurchase.sources.demo.goods import BASKET, ONLINE_DRINK, products, rep_of
from repurchase.sources.demo.people import People
from repurchase.sources.demo.seasons import channel_day

Flags = NDArray[np.bool_]
PURCHASE, SPLIT, PASSER_BY, CANCELLED, UNPAID, TEST = range(6)
TEST_ACCOUNTS = 5
INTERNAL_ACCOUNTS = 12
_DAY_SECONDS = 86_400
_HOURS = np.array(
    [
        [0, 0, 0, 0, 0, 0, 0, 2, 6, 8, 8, 9, 10, 8, 8, 9, 8, 8, 9, 9, 7, 3, 0, 0],
        [2, 1, 0, 0, 0, 1, 2, 4, 6, 6, 6, 6, 7, 6, 5, 5, 5, 5, 6, 7, 9, 10, 8, 4],
        [4, 2, 1, 0, 0, 0, 1, 3, 5, 7, 8, 7, 7, 6, 6, 6, 6, 5, 5, 6, 8, 10, 9, 6],
        [1, 1, 0, 0, 0, 1, 3, 6, 8, 7, 6, 7, 8, 6, 5, 5, 5, 5, 6, 6, 7, 8, 6, 3],
    ],
    dtype=np.float64,
)


class Orders(NamedTuple):
    """One entry an order, in order of time. `person` is -1 where nobody is known to have bought
    (a passer-by) and -2 - k for test account k. `known`: a membership number was taken."""

    person: Ints
    day: Ints
    number: Ints
    role: Ints
    bad: Flags
    channel: Ints
    store: Ints
    second: Ints
    known: Flags
    known_without_till_fault: Flags
    rep: Ints
    gross: Ints
    discount: Ints
    coupon: Ints
    shipping: Ints
    refund: Ints
    cost: Ints
    is_promotion: Flags

    @property
    def net(self) -> Ints:
        """What was paid for goods: gross less discount, in fen."""
        return self.gross - self.discount

    @property
    def counts(self) -> Flags:
        """A member's or passer-by's order, paid for and not wholly sent back."""
        return (self.role <= PASSER_BY) & (self.refund < np.maximum(self.net, 1))


class Lines(NamedTuple):
    """One entry an order line; `order` is a row of Orders, `line_net` in fen after discount.

    A returned line stands again with a quantity below zero and `return_of` its number (else 0).
    """

    order: Ints
    line_no: Ints
    product: Ints
    quantity: Ints
    unit_price: Ints
    line_net: Ints
    line_cost: Ints
    return_of: Ints


COUPONS = ("", "C10", "C15", "C20", "NEW20", "EXP15")
_OFF = np.array([0.0, 0.10, 0.15, 0.20, 0.20, 0.15])


class _Who(NamedTuple):
    """The rows before anything is known of them but who, when and as what."""

    person: Ints
    day: Ints
    number: Ints
    role: Ints
    bad: Flags
    key: Ints


def orders_and_lines(
    crowd: People, life: Lives, *, seed: int, days: int, without: Collection[str] = ()
) -> tuple[Orders, Lines]:
    """All order rows of the company as it was, dirt rows included, and their lines.

    `without` the trouble `identification` every till asks for the number in every month.
    """
    who = _rows(crowd, life, seed=seed, days=days)
    channel, store = _places(crowd, who, seed=seed)
    second = _seconds(who, channel, seed=seed)
    by_time = np.lexsort((who.number, who.key, second))
    who = _Who._make(part[by_time] for part in who)
    channel, store, second = channel[by_time], store[by_time], second[by_time]
    busy = channel_day(days)
    promotion = busy[2, who.day] > 1.5
    coupon = _coupons(crowd, life, who, promotion, seed=seed)
    lines = _lines(crowd, who, channel, coupon, seed=seed)
    gross = _sum(lines.quantity * lines.unit_price, lines.order, len(second))
    net = _sum(lines.line_net, lines.order, len(second))
    lines, refund = _refunds(who, lines, net, seed=seed)
    known, always_known = _known(crowd, who, channel, store, seed=seed)
    if "identification" in without:
        known = always_known
    shipping = np.where((channel > 0) & (net < 99_00), 8_00, 0)
    orders = Orders(
        person=who.person, day=who.day, number=who.number, role=who.role, bad=who.bad,
        channel=channel, store=store, second=second, known=known,
        known_without_till_fault=always_known,
        rep=rep_of(store, _rep_draw(crowd, who, store, seed=seed)),
        gross=gross, discount=gross - net, coupon=coupon, shipping=shipping, refund=refund,
        cost=_sum(lines.line_cost, lines.order, len(second)), is_promotion=promotion,
    )
    return orders, lines


def _sum(values: Ints, rows: Ints, count: int) -> Ints:
    # Whole fen below 2^53: the floats of bincount are exact.
    return np.bincount(rows, weights=values, minlength=count).astype(np.int64)


def _rows(crowd: People, life: Lives, *, seed: int, days: int) -> _Who:
    bought = life.purchases[plan.AS_IT_WAS]
    person, day = bought.person, bought.day
    split = uniform(seed, "order/split", person, day) < 0.02
    again = uniform(seed, "order/attempt", person, day)
    fails = again < 0.033
    back = below(uniform(seed, "order/attempt-day", person, day), 3)
    tried = np.maximum(day - back, crowd.joined[person])
    idle = np.flatnonzero(~crowd.buys & (crowd.joined < days))
    idle = idle[uniform(seed, "order/idle", idle) < 0.4]
    passers, passed = _passers_by(len(crowd.joined), seed=seed, days=days)
    tests = _tests(len(crowd.joined), seed=seed, days=days)
    parts = [
        (person, day, 0, np.full(len(person), PURCHASE), bought.bad),
        (person[split], day[split], 1, np.full(int(split.sum()), SPLIT), bought.bad[split]),
        (person[fails], tried[fails], 2, np.where(again[fails] < 0.018, CANCELLED, UNPAID), None),
        (idle, crowd.joined[idle], 3, np.full(len(idle), CANCELLED), None),
        (passers, passed, 4, np.full(len(passers), PASSER_BY), None),
        (*tests, 5, np.full(len(tests[0]), TEST), None),
    ]
    size = [len(part[0]) for part in parts]
    whole = np.concatenate([part[0] for part in parts])
    number = np.repeat([part[2] for part in parts], size)
    # Two attempts of one person may fall on one day: the place in the list tells them apart.
    place = np.concatenate([np.arange(k) if part[2] == 2 else np.zeros(k, np.int64)
                            for k, part in zip(size, parts, strict=True)])
    return _Who(
        person=np.where(number == 4, -1, whole),
        day=np.concatenate([part[1] for part in parts]),
        number=number + 10 * place,
        role=np.concatenate([part[3] for part in parts]).astype(np.int64),
        bad=np.concatenate([np.zeros(k, bool) if part[4] is None else part[4]
                            for k, part in zip(size, parts, strict=True)]),
        key=whole,
    )


def _passers_by(customers: int, *, seed: int, days: int) -> tuple[Ints, Ints]:
    """(key, day) of orders by people who never join: up to three a store and day."""
    busy = channel_day(days)
    keys, found = [], []
    slots = 3 * max(1, customers // 20_000)
    for row, store in enumerate(plan.STORES[: plan.OWN_STORES + 2]):
        pull = store.pull if row < plan.OWN_STORES else 2.6 * (row == plan.OWN_STORES + 1)
        season = busy[0 if row < plan.OWN_STORES else 2]
        wanted = 0.115 * pull * season * 3 * customers / 20_000 / slots
        first, last = plan.day_of(store.opened_on), days
        if store.closed_on is not None:
            last = min(days, plan.day_of(store.closed_on) + 1)
        for slot in range(slots):
            key = -1_000 - row * 1_000 - slot
            day = np.arange(first, last, dtype=np.int64)
            come = day[uniform(seed, "passer-by", key, day) < np.minimum(wanted[day], 0.95)]
            keys.append(np.full(len(come), key, dtype=np.int64))
            found.append(come)
    return np.concatenate(keys), np.concatenate(found)


def _tests(customers: int, *, seed: int, days: int) -> tuple[Ints, Ints]:
    """(account, day) of the orders that staff place to try the tills: about one in 650."""
    chance = min(0.17 * customers / 20_000, 0.9)
    day = np.arange(days, dtype=np.int64)
    day = day[uniform(seed, "test/day", day) < chance]
    return -2 - below(uniform(seed, "test/who", day), TEST_ACCOUNTS + INTERNAL_ACCOUNTS), day


def _places(crowd: People, who: _Who, *, seed: int) -> tuple[Ints, Ints]:
    draw = uniform(seed, "order/elsewhere", who.key, who.day)
    channel = np.zeros(len(who.day), dtype=np.int64)
    store = np.zeros(len(who.day), dtype=np.int64)
    mine = who.person >= 0
    channel[mine] = order_channel(crowd, who.person[mine], draw[mine], who.day[mine])
    # Whoever joins does so in the shop where the card is issued.
    new = mine & (who.day == np.where(mine, crowd.joined[who.person], -1))
    channel[new] = crowd.channel[who.person[new]]
    store[mine] = np.where(channel[mine] == 0, crowd.city[who.person[mine]], 0)
    passing = who.role == PASSER_BY
    store[passing] = (-who.key[passing] - 1_000) // 1_000
    channel[passing & (store >= plan.OWN_STORES)] = 2
    test = who.role == TEST
    channel[test] = below(draw[test], len(plan.CHANNELS))
    return channel, np.where(channel == 0, store, plan.OWN_STORES - 1 + channel)


def _seconds(who: _Who, channel: Ints, *, seed: int) -> Ints:
    """Seconds since the first day's midnight, company time."""
    hour = np.zeros(len(who.day), dtype=np.int64)
    draw = uniform(seed, "order/hour", who.key, who.day)
    for row in range(len(plan.CHANNELS)):
        hour[channel == row] = pick(draw[channel == row], _HOURS[row])
    inside = below(uniform(seed, "order/second", who.key, who.day), 3_600)
    later = below(uniform(seed, "order/later", who.key, who.day), 2_400) + 120
    moment = hour * 3_600 + inside
    moment = np.where(who.role == SPLIT, np.minimum(moment + later, _DAY_SECONDS - 1), moment)
    early = (who.role == CANCELLED) | (who.role == UNPAID)
    moment = np.where(early, np.maximum(moment - later, 0), moment)
    return who.day * _DAY_SECONDS + moment


def _coupons(
    crowd: People, life: Lives, who: _Who, promotion: Flags, *, seed: int
) -> Ints:
    wants = uniform(seed, "order/coupon", who.key, who.day, who.number)
    which = pick(uniform(seed, "order/coupon-kind", who.key, who.day), np.array([5.0, 3.0, 2.0]))
    coupon = np.where(wants < np.where(promotion, 0.55, 0.20), which + 1, 0)
    mine = who.person >= 0
    new = mine & (who.day == np.where(mine, crowd.joined[who.person], -1))
    coupon = np.where(new & (wants < 0.40), 4, coupon)
    for test in life.assignments:
        if test.experiment.experiment_id != "exp_discount":
            continue
        age = who.day - plan.day_of(test.experiment.assigned_on)
        treated = np.isin(who.person, test.person[test.treated])
        in_time = (age >= 0) & (age < test.experiment.early_days)
        coupon = np.where(treated & in_time & (wants < 0.7), 5, coupon)
    return np.where(who.role == TEST, 0, coupon)


def _lines(
    crowd: People, who: _Who, channel: Ints, coupon: Ints, *, seed: int
) -> Lines:
    count = np.ones(len(who.day), dtype=np.int64)
    for k, share in enumerate((0.42, 0.22, 0.10)):
        count += uniform(seed, f"order/line-{k}", who.key, who.day, who.number) < share
    order = np.repeat(np.arange(len(count)), count)
    line = np.arange(len(order)) - np.repeat(np.cumsum(count) - count, count)
    key, day, number = who.key[order], who.day[order], who.number[order]
    keys = (key, day, number * 8 + line)
    range_ = products()
    product = _products(crowd, who, channel, order, keys, seed=seed)
    price = np.array([p.list_price for p in range_])[product]
    # Prices rise a little each January; the marketplace sells below list.
    level = np.array([1.0, 1.02, 1.035])[np.minimum((day + 90) // 365, 2)]
    price = (price * level * np.where(channel[order] == 2, 0.95, 1.0) / 10).astype(np.int64) * 10
    quantity = 1 + pick(uniform(seed, "line/quantity", *keys), np.array([80.0, 14.0, 4.5, 1.5]))
    person = who.person[order]
    firm = (person >= 0) & crowd.is_company[person]
    times = 3 + below(uniform(seed, "line/firm", *keys), 9)
    quantity = np.where(firm, quantity * times, quantity)
    price = np.where(who.role[order] == TEST, 1, price)
    net = quantity * price - np.rint(quantity * price * _OFF[coupon[order]]).astype(np.int64)
    cost = quantity * np.array([p.unit_cost for p in range_])[product]
    return Lines(order, line + 1, product, quantity, price, net, cost, np.zeros_like(order))


def _products(
    crowd: People, who: _Who, channel: Ints, order: Ints, keys: tuple[Ints, ...], *, seed: int
) -> Ints:
    range_ = products()
    names = list(dict.fromkeys(p.category for p in range_))
    of = np.array([names.index(p.category) for p in range_])
    person = who.person[order]
    segment = np.where(person >= 0, crowd.segment[person], len(BASKET) - 1)
    draw = uniform(seed, "line/category", *keys)
    category = np.zeros(len(order), dtype=np.int64)
    for row, weights in enumerate(BASKET):
        sent = weights.copy()
        sent[ONLINE_DRINK] = 0.0
        for online, share in ((False, weights), (True, sent)):
            mine = (segment == row) & ((channel[order] > 0) == online)
            category[mine] = pick(draw[mine], share)
    first = np.searchsorted(of, np.arange(len(names)))
    size = np.bincount(of)
    place = (uniform(seed, "line/product", *keys) ** 1.3 * size[category]).astype(np.int64)
    return first[category] + place


def _refunds(who: _Who, lines: Lines, net: Ints, *, seed: int) -> tuple[Lines, Ints]:
    """Lines with the returned ones again, and the money given back by order."""
    draw = uniform(seed, "order/refund", who.key, who.day, who.number)
    real = who.role <= PASSER_BY
    whole = real & (draw < np.where(who.bad, 0.07, 0.009)) & (net > 0)
    last = np.flatnonzero(np.r_[lines.order[1:] != lines.order[:-1], True])
    partly = real & ~whole & (draw < np.where(who.bad, 0.20, 0.028)) & (lines.line_no[last] > 1)
    back = last[partly[lines.order[last]]]
    refund = np.where(whole, net, 0)
    refund[lines.order[back]] = lines.line_net[back]
    again = Lines._make(part[back] for part in lines)._replace(
        line_no=lines.line_no[back] + 1,
        quantity=-lines.quantity[back],
        line_net=-lines.line_net[back],
        line_cost=-lines.line_cost[back],
        return_of=lines.line_no[back],
    )
    both = [np.concatenate(pair) for pair in zip(lines, again, strict=True)]
    by_order = np.lexsort((both[1], both[0]))
    return Lines._make(part[by_order] for part in both), refund


def _known(
    crowd: People, who: _Who, channel: Ints, store: Ints, *, seed: int
) -> tuple[Flags, Flags]:
    """Whether the membership number was taken, and whether it had been but for the till fault."""
    draw = uniform(seed, "order/known", who.key, who.day)
    usual = (who.person != -1) & (
        (draw >= np.array([0.035, 0.0, 0.04, 0.01])[channel]) | (who.role == TEST)
    )
    fault = uniform(seed, "order/till-fault", who.key, who.day) < plan.IDENTIFICATION_LOST
    ids = np.array([s.store_id for s in plan.STORES])
    year, month = plan.IDENTIFICATION_MONTH
    now = month_of(who.day) == 12 * year + month
    # Whoever joins at the till still gets a card: only those who have one are not asked for it.
    old = (who.person >= 0) & (who.day > crowd.joined[who.person])
    hit = fault & now & old & np.isin(ids, plan.IDENTIFICATION_STORES)[store]
    return usual & ~hit, usual


def month_of(day: Ints) -> Ints:
    """12 x year + month of each day number."""
    dates = np.datetime64(plan.START) + day.astype("timedelta64[D]")
    return dates.astype("datetime64[M]").astype(np.int64) + 1970 * 12 + 1


def _rep_draw(crowd: People, who: _Who, store: Ints, *, seed: int) -> Floats:
    """A person's own sales person in three of four orders, else whoever is there."""
    owner = uniform(seed, "rep/owner", who.key)
    anyone = uniform(seed, "rep/anyone", who.key, who.day)
    usual = uniform(seed, "rep/usual", who.key, who.day) < 0.75
    return np.where(usual, owner, anyone)
