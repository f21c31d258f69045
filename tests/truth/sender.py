"""Fictitious companies that send messages: who is contacted, reacts, orders, and is served.

Customers differ in how they react and in who is contacted; months differ by a season, by campaigns
of different size, and by more than chance, for all and for each channel. One step of one channel
can break in the last month: of the customers who would have taken it there some do not.

Nothing of `stats` or `analysis` is imported here, nor may it be (a test says so).
"""

from __future__ import annotations

import datetime as dt
import functools
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from repurchase.period import Period

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

STEPS = ("contact", "interest", "repurchase", "after-service")
WINDOW = 30  # days in which a contact may lead to the next steps
MONTHS = 20  # contact windows that are lived
REGIONS = 4


@dataclass(frozen=True)
class Break:
    """Of those who would take a step after a contact on a channel this share does not.

    Step 1 leads to interest, 2 to the repurchase, 3 to after-service; in the last contact window.
    """

    step: int
    channel: int
    share: float = 0.2


@dataclass(frozen=True)
class Sender:
    """The shape of a company. Spreads are standard deviations of log-odds or logs."""

    seed: int
    customers: int
    period: str
    channels: tuple[float, ...]  # share of the customers who are contacted there
    stores: int = 15
    waves: int = 2  # campaigns a month
    wave_share: float = 0.2  # of a channel's customers who are in one
    wave_spread: float = 0.35
    reacts: float = 0.2
    orders: float = 0.2  # of those who reacted
    served: float = 0.4
    taste: float = 0.7
    channel_spread: float = 0.4
    season: tuple[float, ...] = ()  # amplitudes of the year's first harmonics, by step
    month_spread: float = 0.05  # of a step, all channels together
    channel_month_spread: float = 0.02
    channel_season: float = 0.0
    drift: float = 0.0  # of a channel's steps, a year
    browses: float = 0.04  # looks without a message, a customer and month
    buys: float = 0.03  # orders without a message, a customer and month
    broken: Break | None = None

    def windows(self) -> tuple[tuple[dt.date, dt.date], ...]:
        """First and last day of each contact window, the oldest first."""
        back = dt.timedelta(days=WINDOW)
        last = Period.parse(self.period)
        lived = [last.shifted(-n) for n in range(MONTHS - 1, -1, -1)]
        return tuple((p.start - back, p.end - back) for p in lived)


class Log(NamedTuple):
    """Happenings of one kind: customer and time (days since the first window began), sorted."""

    customer: Ints
    time: Floats


class Sent(NamedTuple):
    """One life of a company. `channel` belongs to `contacts`; `store`, `joined` to customers."""

    contacts: Log
    channel: Ints
    interest: Log
    orders: Log
    service: Log
    store: Ints
    joined: Ints


def live(company: Sender) -> Sent:
    """One life of the company; the same without its break, but for what that took away."""
    found = _unbroken(replace(company, broken=None))
    return _broken(company, found) if company.broken else found


@functools.lru_cache(maxsize=1)
def _unbroken(company: Sender) -> Sent:
    rng = np.random.default_rng([company.seed, 0])
    likes = rng.choice(len(company.channels), company.customers, p=company.channels)
    size = 1.0 / np.arange(1, company.stores + 1)
    store = rng.choice(company.stores, company.customers, p=size / size.sum())
    # most joined where they are contacted
    joined = np.where(
        rng.random(company.customers) < 0.6, likes,
        rng.integers(0, len(company.channels), company.customers),
    )  # fmt: skip
    taste = company.taste * rng.standard_normal((3, company.customers))
    world = _world(company, rng)
    contacts, channel = _contacts(company, likes, taste[0], rng)
    month = _month_of(company, contacts.time)
    after = contacts, channel, month
    interest = _following(after, company.reacts, taste[0], world[0], 2.0, rng)
    interest = _joined(interest, _alone(company, company.browses, rng))
    answers = _channel_of(contacts, channel, interest)
    orders = _following(answers, company.orders, taste[1], world[1], 4.0, rng)
    orders = _joined(orders, _alone(company, company.buys, rng))
    answers = _channel_of(contacts, channel, orders)
    service = _following(answers, company.served, taste[2], world[2], 5.0, rng)
    return Sent(contacts, channel, interest, orders, service, store, joined)


def _world(company: Sender, rng: np.random.Generator) -> Floats:
    """Log-odds by step, channel and month beyond the company's usual ones."""
    count = len(company.channels)
    angle = 2 * np.pi * np.arange(MONTHS) / 12
    level = company.channel_spread * rng.standard_normal((3, count, 1))
    turn = rng.uniform(0, 2 * np.pi, (3, 1, 1))
    for k, size in enumerate(company.season, start=1):
        level = level + size * np.cos(k * (angle + turn))
    own_turn = rng.uniform(0, 2 * np.pi, (3, count, 1))
    level = level + company.channel_season * np.cos(angle + own_turn)
    level = level + company.drift * rng.standard_normal((3, count, 1)) * np.arange(MONTHS) / 12
    level = level + company.month_spread * rng.standard_normal((3, 1, MONTHS))
    return level + company.channel_month_spread * rng.standard_normal((3, count, MONTHS))


def _contacts(
    company: Sender, likes: Ints, taste: Floats, rng: np.random.Generator
) -> tuple[Log, Ints]:
    """Waves of messages on each channel; who reacts more is contacted a little more often."""
    first = company.windows()[0][0]
    customers, times, channels = [], [], []
    for begin, end in company.windows():
        for wave in range(company.waves):
            size = company.wave_share * np.exp(
                company.wave_spread * rng.standard_normal(len(company.channels))
            )
            chance = np.minimum(0.9, size[likes] * np.exp(0.3 * taste))
            told = np.flatnonzero(rng.random(likes.size) < chance)
            # by the calendar, a day sooner or later
            planned = (wave + 0.5) * ((end - begin).days + 1) / company.waves
            day = (begin - first).days + round(planned) + rng.integers(-1, 2)
            customers.append(told)
            times.append(day + rng.uniform(0.35, 0.75, told.size))
            channels.append(likes[told])
    customer, time, channel = map(np.concatenate, (customers, times, channels))
    order = np.lexsort((time, customer))
    return Log(customer[order], time[order]), channel[order]


def _month_of(company: Sender, time: Floats) -> Ints:
    """The contact window in which a time lies; the last one for what comes later."""
    first = company.windows()[0][0]
    starts = [(begin - first).days for begin, _ in company.windows()]
    return np.clip(np.searchsorted(starts, time, side="right") - 1, 0, MONTHS - 1)


def _following(
    after: tuple[Log, Ints, Ints], share: float, taste: Floats, world: Floats, days: float,
    rng: np.random.Generator,
) -> Log:  # fmt: skip
    """What follows a happening: for some customers, some days later."""
    log, channel, month = after
    odds = np.log(share / (1 - share)) + taste[log.customer] + world[channel, month]
    comes = rng.random(odds.size) < 1 / (1 + np.exp(-odds))
    later = rng.gamma(1.5, days / 1.5, odds.size)
    return Log(log.customer[comes], (log.time + later)[comes])


def _alone(company: Sender, share: float, rng: np.random.Generator) -> Log:
    """What happens without a message, anywhere in the lived time."""
    windows = company.windows()
    days = (windows[-1][1] - windows[0][0]).days + 1 + WINDOW
    count = rng.poisson(share * company.customers * days / 30)
    return Log(rng.integers(0, company.customers, count), rng.uniform(0, days, count))


def _joined(*parts: Log) -> Log:
    customer, time = (np.concatenate(x) for x in zip(*parts, strict=True))
    order = np.lexsort((time, customer))
    return Log(customer[order], time[order])


def _channel_of(contacts: Log, channel: Ints, log: Log) -> tuple[Log, Ints, Ints]:
    """The channel and month of the contact before each happening; any for who had none."""
    key = contacts.customer * 1e5 + contacts.time
    at = np.searchsorted(key, log.customer * 1e5 + log.time, side="right") - 1
    at = np.maximum(at, 0)
    month = np.clip((log.time / 30.44).astype(np.int64), 0, MONTHS - 1)
    return log, channel[at], month


# ---- units, and what a break takes from them ----------------------------------------------------


class Units(NamedTuple):
    """A customer in a contact window: where and when she entered, when she took each step.

    Times are infinite for steps not taken.
    """

    customer: Ints
    window: Ints
    channel: Ints
    times: Floats  # a row a step, contact first


def units(company: Sender, sent: Sent) -> Units:
    """Who entered in each window, and how far each came, in order, within the window's days."""
    log = sent.contacts
    window = _month_of(company, log.time)
    opens = np.r_[True, (log.customer[1:] != log.customer[:-1]) | (window[1:] != window[:-1])]
    customer, entered = log.customer[opens], log.time[opens]
    limit = np.floor(entered) + WINDOW + 1
    times = [entered]
    for step in (sent.interest, sent.orders, sent.service):
        times.append(_next(step, customer, times[-1], limit))
    return Units(customer, window[opens], sent.channel[opens], np.array(times))


def _next(log: Log, customer: Ints, since: Floats, limit: Floats) -> Floats:
    """The customer's first happening from a time on and before a limit."""
    key = log.customer * 1e5 + log.time
    known = np.isfinite(since)
    at = np.searchsorted(key, customer * 1e5 + np.where(known, since, 0.0), side="left")
    there = np.minimum(at, log.time.size - 1)
    hit = known & (at < log.time.size) & (log.customer[there] == customer)
    hit &= log.time[there] < limit
    return np.where(hit, log.time[there], np.inf)


def _broken(company: Sender, sent: Sent) -> Sent:
    """Takes from some of the last window's customers what they did at the step that broke."""
    what = company.broken
    assert what is not None
    found = units(company, sent)
    rng = np.random.default_rng([company.seed, 9])
    hit = (found.window == MONTHS - 1) & (found.channel == what.channel)
    hit &= np.isfinite(found.times[what.step]) & (rng.random(hit.size) < what.share)
    lost = np.zeros(company.customers, dtype=bool)
    lost[found.customer[hit]] = True
    begin = (company.windows()[-1][0] - company.windows()[0][0]).days
    name = ("interest", "orders", "service")[what.step - 1]
    log = getattr(sent, name)
    stays = ~(lost[log.customer] & (log.time >= begin))
    return sent._replace(**{name: Log(log.customer[stays], log.time[stays])})


# ---- shapes -------------------------------------------------------------------------------------


def steady_sender(seed: int) -> Sender:
    """A company whose steps convert as they always have, by season and from month to month."""
    rng = np.random.default_rng([seed, 1])
    channels = rng.dirichlet(np.full(int(rng.integers(3, 6)), 4.0))
    return Sender(
        seed=seed,
        customers=int(np.exp(rng.uniform(np.log(20_000), np.log(300_000)))),
        period=Period.parse("2024-01").shifted(int(rng.integers(0, 24))).label,
        channels=tuple(channels),
        stores=int(rng.integers(5, 40)),
        waves=int(rng.integers(1, 4)),
        wave_share=float(rng.uniform(0.1, 0.3)),
        wave_spread=float(rng.uniform(0.05, 0.3)),
        reacts=float(rng.uniform(0.1, 0.3)),
        orders=float(rng.uniform(0.1, 0.3)),
        served=float(rng.uniform(0.3, 0.6)),
        taste=float(rng.uniform(0.3, 1.0)),
        season=tuple(rng.uniform(0, 0.15, 2) / (1, 2)),
        month_spread=float(rng.uniform(0.0, 0.06)),
        channel_month_spread=float(rng.uniform(0.0, 0.03)),
        channel_season=float(rng.uniform(0.0, 0.04)),
        drift=float(rng.uniform(0.0, 0.05)),
        browses=float(rng.uniform(0.01, 0.08)),
        buys=float(rng.uniform(0.01, 0.05)),
    )


def broken_sender(seed: int) -> Sender:
    """The same, one step of one channel of which loses a fifth of its conversions."""
    company = steady_sender(seed)
    rng = np.random.default_rng([seed, 2])
    step = 1 + seed % 3
    channel = int(rng.choice(len(company.channels), p=company.channels))
    return replace(company, broken=Break(step, channel))
