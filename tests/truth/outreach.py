"""Fictitious tests of outreach: customers put into two arms by chance, and what they then bring.

Most bring nothing; what the others bring is skewed, in some tests with heavy tails. Customers
differ in how often they order and how much, so that what was before tells something of what comes.
The days differ too: who is assigned later orders more or less. Each customer is lived without the
outreach and with it, with the same chances, so the truth is counted and not calculated.

Nothing of `stats` or `analysis` is imported here, nor may it be (a test says so).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Outreach:
    """The shape of a test.

    `orders` is the mean number of orders of a customer who still buys, `gone` the share who do not
    any more, `unlike` how much customers differ in it (a gamma's variance over its squared mean).
    `spread` is the standard deviation of the log of an order's amount, `taste` that between
    customers; with a Pareto tail amounts have a power law's `tail` beyond. `swing` moves orders
    over the time of assignment. `more` multiplies the orders of who is treated, `dearer` what an
    order brings.
    """

    seed: int
    units: int
    treated_share: float
    orders: float
    gone: float
    unlike: float
    spread: float
    taste: float
    tail: float | None
    swing: float
    more: float = 1.0
    dearer: float = 1.0


TAILLESS = Outreach(
    seed=0, units=10_000, treated_share=0.5, orders=0.4, gone=0.4, unlike=0.8, spread=0.6,
    taste=0.4, tail=None, swing=0.0,
)  # fmt: skip


class Lives(NamedTuple):
    """A row a customer, in the order of assignment; money in cents."""

    treated: NDArray[np.bool_]
    before_orders: Ints
    before_revenue: Ints
    orders: Ints
    revenue: Ints

    def __len__(self) -> int:
        return len(self.treated)


def null_outreach(seed: int) -> Outreach:
    """A test of nothing: both arms live the same lives."""
    rng = np.random.default_rng([seed, 9])
    return Outreach(
        seed=seed,
        units=int(np.exp(rng.uniform(np.log(2_000), np.log(20_000)))),
        treated_share=float(rng.choice([0.5, 0.5, 0.5, 0.3, 0.2])),
        orders=float(rng.uniform(0.1, 0.6)),
        gone=float(rng.uniform(0.3, 0.8)),
        unlike=float(rng.uniform(0.3, 1.5)),
        spread=float(rng.uniform(0.4, 1.1)),
        taste=float(rng.uniform(0.2, 0.7)),
        tail=float(rng.uniform(3.0, 5.0)) if rng.random() < 0.3 else None,
        swing=float(rng.uniform(0.0, 0.5)),
    )


def real_outreach(seed: int) -> Outreach:
    """The same with an effect, of either sign, on orders, amounts or both."""
    rng = np.random.default_rng([seed, 10])
    more, dearer = np.exp(rng.normal(0.0, (0.25, 0.1)))
    return replace(null_outreach(seed), more=float(more), dearer=float(dearer))


def live(outreach: Outreach, *, seed: int) -> Lives:
    """The test as it was run: each customer lives in the arm that chance gave."""
    rng = np.random.default_rng([outreach.seed, seed])
    treated = rng.random(outreach.units) < outreach.treated_share
    before, without, told = _both(outreach, outreach.units, rng)
    orders, revenue = (np.where(treated, w, o) for w, o in zip(told, without, strict=True))
    return Lives(treated, *before, orders, revenue)


class Truth(NamedTuple):
    """Of those assigned up to each look, a customer: without and with the outreach."""

    orders: tuple[Floats, Floats]
    revenue: tuple[Floats, Floats]
    bought: tuple[Floats, Floats]


def truth(outreach: Outreach, looks: Ints, *, seed: int, customers: int) -> Truth:
    """Other customers of the same test, each lived both ways; `looks` are counts of `units`."""
    rng = np.random.default_rng([outreach.seed, seed])
    _, *both = _both(outreach, customers, rng)
    ends = np.ceil(looks / outreach.units * customers).astype(np.int64)

    def means(rows: Ints) -> Floats:
        return np.cumsum(rows, dtype=np.float64)[ends - 1] / ends

    without, told = ((means(o), means(r), means((o > 0).astype(np.int64))) for o, r in both)
    return Truth(*zip(without, told, strict=True))


Pair = tuple[Ints, Ints]  # orders, revenue


def _both(
    outreach: Outreach, customers: int, rng: np.random.Generator
) -> tuple[Pair, Pair, Pair]:
    """Before, then without and with the outreach, by the same chances."""
    shape = 1 / outreach.unlike
    often = outreach.orders * rng.gamma(shape, 1 / shape, customers)
    gone = rng.random(customers) < outreach.gone
    # who is gone may have ordered before, at half the pace
    before = rng.poisson(np.where(gone, 0.5, 1.0) * often)
    turn = np.linspace(0, 2 * np.pi, customers, endpoint=False)
    pace = np.where(gone, 0.02, 1.0) * often * (1 + outreach.swing * np.sin(turn))
    level = rng.normal(0.0, outreach.taste, customers)

    def money(orders: Ints) -> Ints:
        return _money(outreach, orders, level, rng)

    paid_before = money(before)
    kept = min(1.0, outreach.more)
    # with and without share these orders; only one of the two has more
    both = rng.poisson(pace * kept)
    fewer = rng.poisson(pace * (1 - kept))
    added = rng.poisson(pace * max(0.0, outreach.more - 1))
    shared, lost, won = money(both), money(fewer), money(added)
    paid = np.rint((shared + won) * outreach.dearer).astype(np.int64)
    return (before, paid_before), (both + fewer, shared + lost), (both + added, paid)


def _money(outreach: Outreach, orders: Ints, level: Floats, rng: np.random.Generator) -> Ints:
    whose = np.repeat(np.arange(len(orders)), orders)
    amount = 5_000 * np.exp(level[whose] + rng.normal(0.0, outreach.spread, len(whose)))
    if outreach.tail is not None:
        amount *= 1 + rng.pareto(outreach.tail, len(whose))
    found = np.bincount(whose, weights=np.rint(amount), minlength=len(orders))
    return found.astype(np.int64)
