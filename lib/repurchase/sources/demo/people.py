"""The company's customers as persons: who they are before they buy anything."""

from __future__ import annotations

from collections.abc import Collection
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from repurchase.sources.demo import plan
from repurchase.sources.demo.draws import Floats, Ints, below, normal, pick, uniform
from repurchase.sources.demo.seasons import channel_day

REGULAR, OCCASIONAL, GIFTS, HOME = range(4)
SEGMENT_TEXT = ("咖啡常客", "随性顾客", "礼品顾客", "家居顾客")
_SEGMENT_SHARE = np.array([0.225, 0.525, 0.12, 0.13])
_DAYS_BETWEEN = np.array([7.0, 85.0, 30.0, 80.0])
_SPREAD = np.array([0.65, 0.75, 0.6, 0.7])
_QUIT_FIRST = np.array([0.33, 0.60, 0.46, 0.53])
_QUIT_LATER = np.array([0.005, 0.06, 0.03, 0.05])
_LIFE_DAYS = np.array([400.0, 450.0, 700.0, 500.0])
_CHANNEL_SHARE = np.array([0.63, 0.15, 0.12, 0.10])
_HORIZON = plan.day_of(plan.END) + 1


def has_email(count: int, *, seed: int) -> NDArray[np.bool_]:
    """Whose address for e-mail is known."""
    return uniform(seed, "person/owed", np.arange(count, dtype=np.int64)) < 0.8


class People(NamedTuple):
    """One entry a person. Days count from the company's first day.

    `rate`: purchases a day when nothing else is at work; `taste`: person x quarter, a factor that
    wanders; `quit_first`, `quit_later`: chance to be lost after a purchase; `patience`: the
    amount of (hazard x days) after which the person leaves.
    """

    joined: Ints
    buys: NDArray[np.bool_]
    segment: Ints
    channel: Ints
    home: Ints
    city: Ints
    is_company: NDArray[np.bool_]
    rate: Floats
    taste: Floats
    quit_first: Floats
    quit_later: Floats
    patience: Floats
    life_days: Floats
    bucket: Ints
    over_contact: NDArray[np.bool_]


def people(count: int, *, seed: int, without: Collection[str] = ()) -> People:
    """`count` persons who join over the thirty months; the same person for the same number.

    `without` the trouble `over_contact` nobody stands on both audience lists.
    """
    who = np.arange(count, dtype=np.int64)
    joined = _joining_days(uniform(seed, "joined", who))
    segment = pick(uniform(seed, "segment", who), _SEGMENT_SHARE)
    channel = pick(uniform(seed, "channel", who), _CHANNEL_SHARE)
    city = _nearest_store(uniform(seed, "store", who), joined)
    home = np.where(channel == 0, city, channel + plan.OWN_STORES - 1)
    heavy = np.exp(_SPREAD[segment] * normal(seed, "rate", who))
    # A twentieth of all customers buy three times as often: a tail that no gamma has.
    heavy *= np.where(uniform(seed, "fan", who) < 0.05, 3.0, 1.0)
    doubled = 0.0 if "over_contact" in without else plan.OVER_CONTACT_SHARE
    return People(
        joined=joined,
        buys=uniform(seed, "buys", who) >= 0.03,
        segment=segment,
        channel=channel,
        home=home,
        city=city,
        is_company=uniform(seed, "company", who) < 0.04,
        rate=np.minimum(heavy / _DAYS_BETWEEN[segment], 0.8),
        taste=_taste(who, seed),
        quit_first=_QUIT_FIRST[segment],
        quit_later=_QUIT_LATER[segment],
        patience=-np.log1p(-uniform(seed, "patience", who)),
        life_days=_LIFE_DAYS[segment],
        bucket=below(uniform(seed, "bucket", who), plan.EXPERIMENT_BUCKETS),
        over_contact=uniform(seed, "over-contact", who) < doubled,
    )


def _joining_days(draw: Floats) -> Ints:
    """More at the opening, then a slow growth, along the seasons of all channels together."""
    season = channel_day(_HORIZON)
    busy = _CHANNEL_SHARE @ season
    busy *= 1.0 + 1.1 * np.exp(-np.arange(_HORIZON) / 60.0)
    return pick(draw, busy)


def _nearest_store(draw: Floats, joined: Ints) -> Ints:
    """A store that is open on the day of joining; each takes its pull."""
    opened = np.array([plan.day_of(s.opened_on) for s in plan.STORES[: plan.OWN_STORES]])
    closed = np.array(
        [
            plan.day_of(s.closed_on) if s.closed_on else _HORIZON
            for s in plan.STORES[: plan.OWN_STORES]
        ]
    )
    pull = np.array([s.pull for s in plan.STORES[: plan.OWN_STORES]])
    edges = np.unique(np.concatenate([[0], opened, closed + 1, [_HORIZON + 1]]))
    nearest = np.zeros(len(draw), dtype=np.int64)
    for first, after in pairwise(edges):
        now = (joined >= first) & (joined < after)
        nearest[now] = pick(draw[now], pull * ((opened <= first) & (closed >= first)))
    return nearest


def _taste(who: Ints, seed: int) -> Floats:
    """A wandering factor, one a quarter (autoregressive, .75 of it stays)."""
    quarters = _HORIZON // 91 + 1
    level = normal(seed, "taste", who, 0)
    steps = [level]
    for quarter in range(1, quarters):
        level = 0.75 * level + np.sqrt(1 - 0.75**2) * normal(seed, "taste", who, quarter)
        steps.append(level)
    wander = 0.45
    return np.exp(wander * np.column_stack(steps) - wander**2 / 2)
