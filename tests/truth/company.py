"""Fictitious companies, made by processes that no estimator of the review assumes.

Customers join unevenly over the year, come back in rhythms, bursts or long waits, leave for good
after an order or after a lifetime of their own, and spend with heavy tails; stores forget to ask
for the member's number. A company can be lived again with other customers, with more of them, and
without something that happened to it: that is where truths come from.

Nothing of `stats` or `analysis` is imported here, nor may it be (a test says so).
"""

from __future__ import annotations

import datetime as dt
import functools
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from repurchase.calendar import spring_festival
from repurchase.period import Period, add_months

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

EPOCH = dt.date(2010, 1, 1)
MOST_ORDERS = 400
STORES_TO_A_CHANNEL = 3
CALENDARS = 26
What = Literal["leaving", "pace", "joining", "spend", "asked"]


@dataclass(frozen=True)
class Event:
    """What changes from a day on, for `to` = None for good.

    leaving: added to the log odds of never coming back after an order; pace, joining, spend:
    factors; asked: added to the share of orders in which the customer is asked for, in that
    share of the stores.
    """

    what: What
    day: dt.date
    size: float
    stores: float = 1.0
    to: dt.date | None = None


@dataclass(frozen=True)
class Company:
    """The shape of a company. Days are days, shares 0..1, spreads standard deviations of logs."""

    seed: int
    customers: int
    period: str
    country: str
    begins: dt.date  # the first customer joins
    data_from: dt.date  # the export begins
    growth: float = 0.0  # of joining, a year
    join_season: tuple[float, ...] = ()  # amplitudes of the year's first harmonics
    order_season: tuple[float, ...] = ()
    weekend: float = 1.0
    promotions: tuple[tuple[int, int, int, float], ...] = ()  # month, day, days, factor
    feast: float = 0.0  # strength of the Spring Festival
    wait: float = 45.0  # median days between two orders
    wait_spread: float = 0.8
    wait_shape: Literal["rhythm", "lognormal", "weibull"] = "lognormal"
    burst: float = 0.1
    leaves_first: float = 0.5
    leaves_later: float = 0.12
    leaves_spread: float = 1.0
    lifetime: float = 500.0
    longest: int = 1000  # nobody is a customer for longer
    spend_customer: float = 0.5
    spend_order: float = 0.7
    tail: float = 0.0  # share of orders that are much larger
    refunds: float = 0.05
    two_a_day: float = 0.05
    stores: int = 12
    loyalty: float = 0.8
    members: float = 0.5  # share of customers who are always known
    asked: float = 0.7  # share of the other orders whose customer is known
    household: int = 1  # customers who live one life together
    ahead: int = 0  # months that it lives on after the period
    events: tuple[Event, ...] = ()

    @property
    def ends(self) -> dt.date:
        """Its last day that is lived."""
        return add_months(self.seen_until + dt.timedelta(days=1), self.ahead) - dt.timedelta(days=1)

    @property
    def seen_until(self) -> dt.date:
        """The last day that the review may know of."""
        return Period.parse(self.period).end

    def without(self, *what: What) -> Company:
        """The same company to which that never happened; without names, nothing ever did."""
        kept = tuple(e for e in self.events if what and e.what not in what)
        return replace(self, events=kept)


class Lived(NamedTuple):
    """What one life of a company left behind: a row an order, and a row an unlinked return.

    Days count from EPOCH, money is in cents. `known` is whether the order has its customer.
    """

    customer: Ints
    day: Ints
    store: Ints
    cents: Ints
    known: Bools
    back_customer: Ints
    back_day: Ints
    back_cents: Ints
    back_known: Bools


    def until(self, day: dt.date) -> Lived:
        """What was known at the end of that day."""
        last = day_number(day)
        orders, back = self.day <= last, self.back_day <= last
        return Lived(*(x[orders] for x in self[:5]), *(x[back] for x in self[5:]))


def day_number(day: dt.date) -> int:
    return (day - EPOCH).days


def live(company: Company, *, seed: int, customers: int | None = None) -> Lived:
    """One life of the company from its beginning to the period's end.

    The world (season, feasts, what happens) is the company's; the customers are drawn anew for
    each `seed`, `customers` of them (default: the company's own number).
    """
    rng = np.random.default_rng([company.seed, seed])
    count = -(-(customers or company.customers) // company.household)
    joined = _join_days(company, count, rng)
    customer, day = _order_days(company, joined, rng)
    if company.household > 1:
        customer, day = _members_of_households(company, customer, day, rng)
        count *= company.household
    repeated = np.where(rng.random(day.size) < company.two_a_day, 2, 1)
    customer, day = np.repeat(customer, repeated), np.repeat(day, repeated)
    store = _stores(company, customer, count, rng)
    cents = _cents(company, customer, day, count, rng)
    known = _known(company, customer, day, store, count, rng)
    back, later = _returns(company, day, rng)
    seen = day >= day_number(company.data_from)
    return Lived(
        customer[seen], day[seen], store[seen], cents[seen], known[seen],
        customer[back], later, -(cents[back] * rng.uniform(0.3, 1.0, back.size)).astype(np.int64),
        known[back],
    )  # fmt: skip


# ---- the world --------------------------------------------------------------------------------


@functools.lru_cache(maxsize=4)
def _calendar(begins: dt.date, ends: dt.date) -> tuple[dt.date, ...]:
    return tuple(begins + dt.timedelta(days=i) for i in range((ends - begins).days + 1))


def _days_of(company: Company) -> Ints:
    first = day_number(company.begins)
    return np.arange(first, day_number(company.ends) + 1)


@functools.lru_cache(maxsize=16)
def _busy(company: Company, season: tuple[float, ...], turn: float) -> Floats:
    """How busy each day is, from the year's waves, weekends, promotions and the feast."""
    days = _calendar(company.begins, company.ends)
    angle = np.array([2 * np.pi * (d.timetuple().tm_yday - 1) / 365.25 for d in days])
    waves = (a * np.cos((k + 1) * angle - turn * (k + 1)) for k, a in enumerate(season))
    level = np.exp(sum(waves, np.zeros(len(days))))
    level *= np.array([company.weekend if d.weekday() >= 5 else 1.0 for d in days])
    for month, day, length, factor in company.promotions:
        for i, d in enumerate(days):
            if 0 <= (d - dt.date(d.year, month, day)).days < length:
                level[i] *= factor
    if company.feast:
        level *= np.exp(company.feast * np.array([_feast(d) for d in days]))
    return level


_feast_of = functools.cache(spring_festival)


def _feast(day: dt.date) -> float:
    """A run-up to the Spring Festival, empty streets, a slow return."""
    gap = (day - _feast_of(day.year)).days
    if -21 <= gap <= -2:
        return 0.5 + 0.025 * (gap + 21)
    if -1 <= gap <= 4:
        return -2.0
    return -1.0 + 0.1 * (gap - 5) if 5 <= gap <= 14 else 0.0


def _factor(company: Company, what: What) -> Floats:
    """By day, the product of what happens (for leaving and asked the sum)."""
    days = _days_of(company)
    adds = what in ("leaving", "asked")
    level = np.zeros(days.size) if adds else np.ones(days.size)
    for event in company.events:
        if event.what == what:
            inside = days >= day_number(event.day)
            if event.to is not None:
                inside &= days <= day_number(event.to)
            level[inside] = level[inside] + event.size if adds else level[inside] * event.size
    return level


# ---- its customers ----------------------------------------------------------------------------


def _join_days(company: Company, count: int, rng: np.random.Generator) -> Ints:
    years = np.arange((company.ends - company.begins).days + 1) / 365.25
    weight = _busy(company, company.join_season, 1.0) * (1 + company.growth) ** years
    weight *= _factor(company, "joining")
    return rng.choice(weight.size, size=count, p=weight / weight.sum()).astype(np.int64)


def _order_days(
    company: Company, joined: Ints, rng: np.random.Generator
) -> tuple[Ints, Ints]:
    """Customer and day of every order day; waits are stretched where the world is quiet."""
    busy = _busy(company, company.order_season, 2.5) * _factor(company, "pace")
    # on the clock that busy days turn faster, an ordinary day is one
    clock = np.cumsum(busy / np.exp(np.mean(np.log(busy))))
    more_leave = _factor(company, "leaving")
    count = joined.size
    wait = company.wait * np.exp(company.wait_spread * rng.standard_normal(count))
    odds = company.leaves_spread * rng.standard_normal(count)
    gone = joined + np.minimum(company.lifetime * rng.weibull(0.7, count), company.longest)
    first, later = _log_odds(company.leaves_first), _log_odds(company.leaves_later)
    who, day = np.arange(count), joined.copy()
    at = clock[joined]
    customers, days = [who], [joined]
    for turn in range(MOST_ORDERS):
        leave = odds[who] + (later if turn else first) + more_leave[day]
        stays = rng.random(who.size) > 1 / (1 + np.exp(-leave))
        who, at = who[stays], at[stays]
        at = at + _waits(company, wait[who], rng)
        day = np.searchsorted(clock, at)
        inside = (day < clock.size) & (day <= gone[who])
        who, at, day = who[inside], at[inside], day[inside]
        if not who.size:
            break
        customers.append(who)
        days.append(day)
    shift = day_number(company.begins)
    return np.concatenate(customers), np.concatenate(days).astype(np.int64) + shift


def _log_odds(share: float) -> float:
    return float(np.log(share / (1 - share)))


def _waits(company: Company, usual: Floats, rng: np.random.Generator) -> Floats:
    size = usual.size
    if company.wait_shape == "rhythm":
        drawn = usual * rng.gamma(4.0, 0.25, size)
    elif company.wait_shape == "weibull":
        drawn = usual * rng.weibull(0.6, size)
    else:
        drawn = usual * np.exp(rng.standard_normal(size))
    soon = rng.random(size) < company.burst
    return np.where(soon, rng.uniform(0.5, 6.0, size), np.maximum(drawn, 0.5))


def _members_of_households(
    company: Company, household: Ints, day: Ints, rng: np.random.Generator
) -> tuple[Ints, Ints]:
    """Each order day of a household is that of some of its members, of one at least."""
    size = company.household
    takes_part = rng.random((household.size, size)) < 0.6
    takes_part[np.arange(household.size), rng.integers(0, size, household.size)] = True
    row, member = np.nonzero(takes_part)
    return household[row] * size + member, day[row]


def _stores(company: Company, customer: Ints, count: int, rng: np.random.Generator) -> Ints:
    size = 1.0 / np.arange(1, company.stores + 1)
    size /= size.sum()
    home = rng.choice(company.stores, size=count, p=size)
    other = rng.choice(company.stores, size=customer.size, p=size)
    return np.where(rng.random(customer.size) < company.loyalty, home[customer], other)


def _cents(
    company: Company, customer: Ints, day: Ints, count: int, rng: np.random.Generator
) -> Ints:
    level = 4.0 + company.spend_customer * rng.standard_normal(count)
    drawn = np.exp(level[customer] + company.spend_order * rng.standard_normal(customer.size))
    large = rng.random(customer.size) < company.tail
    drawn = np.where(large, drawn * (1 + rng.pareto(2.2, customer.size)) * 4, drawn)
    drawn *= _factor(company, "spend")[day - day_number(company.begins)]
    return np.maximum(1, np.rint(drawn * 100)).astype(np.int64)


def _known(
    company: Company,
    customer: Ints,
    day: Ints,
    store: Ints,
    count: int,
    rng: np.random.Generator,
) -> Bools:
    member = rng.random(count) < company.members
    asked = np.full(customer.size, company.asked)
    # stores are hit from the smaller ones on, so that which ones they are is no chance
    for event in company.events:
        if event.what == "asked":
            hit = store >= company.stores * (1 - event.stores)
            hit &= day >= day_number(event.day)
            if event.to is not None:
                hit &= day <= day_number(event.to)
            asked[hit] += event.size
    # a number that is no longer asked for is lost for members too
    lost = np.clip((company.asked - asked) / company.asked, 0, 1)
    chance = np.where(member[customer], 1 - lost, np.clip(asked, 0, 1))
    return rng.random(customer.size) < chance


def _returns(company: Company, day: Ints, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """Which orders something comes back of, and when."""
    back = np.flatnonzero(rng.random(day.size) < company.refunds)
    later = day[back] + rng.integers(1, 40, back.size)
    seen = (later <= day_number(company.ends)) & (later >= day_number(company.data_from))
    return back[seen], later[seen]


# ---- shapes -----------------------------------------------------------------------------------


def any_company(seed: int) -> Company:
    """A company of any shape to which anything may have happened."""
    rng = np.random.default_rng([seed, 1])
    base = _shape(seed, rng)
    period = Period.parse(base.period)
    begins = add_months(period.start, -30 - 6 * (seed % CALENDARS % 6))
    events = tuple(_event(period, rng) for _ in range(rng.integers(0, 4)))
    return replace(
        base,
        begins=begins,
        data_from=begins,
        growth=float(rng.uniform(-0.2, 0.6)),
        feast=float(rng.choice([0.0, 0.5, 1.0])) if base.country == "CN" else 0.0,
        events=events,
    )


def still_company(seed: int) -> Company:
    """A company to which nothing happens: this year is as the last.

    It lives on as it did: who joins and comes back depends on the day of the year alone, it
    grows or shrinks by the same rate each year, nobody stays a customer for longer than
    `longest`. The export begins when the company did, or at any time later.
    """
    rng = np.random.default_rng([seed, 2])
    base = replace(_shape(seed, rng), weekend=1.0, feast=0.0, longest=700)
    begins = add_months(Period.parse(base.period).start, -40 - 8 * (seed % CALENDARS % 3))
    return replace(base, begins=begins, data_from=begins, growth=float(rng.uniform(-0.2, 0.6)))


def young_export(seed: int) -> Company:
    """A still company of which the export shows the last 14 to 40 months only."""
    base = still_company(seed)
    start = Period.parse(base.period).start
    data_from = add_months(start, -14 - seed % CALENDARS)
    begins = min(base.begins, data_from - dt.timedelta(days=base.longest))
    longer = (start - begins).days / (start - base.begins).days
    return replace(
        base, begins=begins, data_from=data_from, customers=int(base.customers * longer)
    )


def flat_company(seed: int) -> Company:
    """A still company without any season, in a month as long as the one before it."""
    base = still_company(seed)
    month = dt.date(2025, 1 + 7 * (seed % 2), 1)
    period = Period.starting(month, "month")
    begins = add_months(period.start, -40)
    return replace(
        base,
        period=period.label,
        country="GB",
        begins=begins,
        data_from=begins,
        join_season=(),
        order_season=(),
        promotions=(),
    )


def feast_company(seed: int) -> Company:
    """A still company whose Spring Festival moves, looked at in January or February."""
    rng = np.random.default_rng([seed, 4])
    period = f"{2019 + seed % 8}-{1 + seed // 8 % 2:02d}"
    base = replace(still_company(seed), period=period, country="CN")
    begins = add_months(Period.parse(period).start, -40)
    return replace(
        base, begins=begins, data_from=begins, feast=float(rng.uniform(0.4, 1.2)), loyalty=0.95
    )


def identification_company(seed: int) -> Company:
    """A still company in which only the share of orders with a known customer moves.

    In some stores or in all, by 1 to 40 points, up or down, up to 20 months ago.
    """
    rng = np.random.default_rng([seed, 5])
    base = replace(still_company(seed), members=float(rng.uniform(0, 0.6)), loyalty=0.9)
    start = Period.parse(base.period).start
    asked = float(rng.uniform(0.5, 0.9))
    stores = float(rng.choice([0.3, 0.6, 1.0]))
    when = add_months(start, -int(rng.choice([0, 0, 1, 3, 6, 11, 14, 20])))
    size = float(rng.uniform(0.01, 0.4)) * float(rng.choice([-1, 1]))
    size = float(np.clip(size, 0.05 - asked, 1 - asked))
    return replace(base, asked=asked, events=(Event("asked", when, size, stores),))


def continued_company(seed: int) -> Company:
    """A company of any shape that lives on for a quarter, with five years behind it at most."""
    return replace(any_company(seed), ahead=3)


def household_company(seed: int) -> Company:
    """A company whose customers are really pairs and threes who shop together."""
    rng = np.random.default_rng([seed, 6])
    return replace(any_company(seed), household=int(rng.integers(2, 4)))


def _shape(seed: int, rng: np.random.Generator) -> Company:
    # a few calendars for many shapes: the same questions are then asked of many companies
    calendar = seed % CALENDARS
    period = Period.parse("2024-01").shifted(calendar)
    label = period.label
    if calendar % 6 == 5:
        label = f"{period.start.year}-Q{(period.start.month + 2) // 3}"
    waves = tuple(rng.uniform(0, 0.5, 3) / (1, 2, 3))
    others = tuple(rng.uniform(0, 0.5, 3) / (1, 2, 3))
    days = ((6, 16, 3, 2.5), (11, 11, 1, 4.0), (3, 8, 2, 1.6))
    return Company(
        seed=seed,
        customers=int(np.exp(rng.uniform(np.log(500), np.log(5000)))),
        period=label,
        country=("CN", "GB")[calendar // 2 % 2],
        begins=period.start,
        data_from=period.start,
        join_season=waves,
        order_season=others,
        weekend=float(rng.uniform(0.6, 1.6)),
        promotions=days[: int(rng.integers(0, 4))],
        wait=float(np.exp(rng.uniform(np.log(15), np.log(120)))),
        wait_spread=float(rng.uniform(0.2, 1.2)),
        wait_shape=str(rng.choice(["rhythm", "lognormal", "weibull"])),  # type: ignore[arg-type]
        burst=float(rng.uniform(0, 0.3)),
        leaves_first=float(rng.uniform(0.25, 0.75)),
        leaves_later=float(rng.uniform(0.04, 0.3)),
        leaves_spread=float(rng.uniform(0.2, 2.0)),
        lifetime=float(rng.uniform(150, 1500)),
        spend_customer=float(rng.uniform(0.2, 1.0)),
        spend_order=float(rng.uniform(0.3, 1.0)),
        tail=float(rng.choice([0, 0, 0.002, 0.02])),
        refunds=float(rng.uniform(0, 0.15)),
        two_a_day=float(rng.uniform(0, 0.2)),
        stores=int(rng.integers(3, 20)),
        loyalty=float(rng.uniform(0.5, 1.0)),
        members=float(rng.uniform(0, 1)),
        asked=float(rng.uniform(0.4, 1.0)),
    )


def _event(period: Period, rng: np.random.Generator) -> Event:
    what: What = ("leaving", "pace", "joining", "spend", "asked")[rng.integers(0, 5)]
    day = add_months(period.start, -int(rng.integers(0, 18)))
    if what == "leaving":
        size = float(rng.uniform(-1.0, 1.0))
    elif what == "asked":
        size = float(rng.uniform(-0.3, 0.1))
    else:
        size = float(np.exp(rng.uniform(-0.5, 0.5)))
    return Event(what, day, size, stores=float(rng.choice([0.3, 1.0])))
