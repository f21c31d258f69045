"""Fictitious initiatives: shops of which some get something new from one month on.

Shops differ in size, level and how they feel the season; what all of them feel and what each feels
alone wanders from month to month. What a month brings is the margin of so many orders, whose number
is left to chance and whose amounts are skewed. Some programmes go to the shops that fell most in
the months before, some spill over to shops that were not meant. Each shop is lived with and
without the programme by the same chances: the orders that it adds are counted, not calculated.

Nothing of `stats` or `analysis` is imported here, nor may it be (a test says so).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
ChosenBy = Literal["chance", "list", "worst"]


@dataclass(frozen=True)
class Programme:
    """The shape of a company and its programme.

    `shops` of which `treated_share` are treated after `before` months, for `after` months; the
    month between them is the ramp. `rate` is the orders a member and month, `unlike` the spread of
    its logarithm between shops, `season` how far the year moves it and `felt` how unlike shops
    feel that. `together` and `alone` are the deviations of a month's logarithm that all shops or
    each one feels, `lasting` the part that is still there a month later. `effect` is the
    relative effect, `spill` the part of it that reaches the controls.
    """

    seed: int
    shops: int
    treated_share: float
    before: int
    after: int
    members: float
    rate: float
    unlike: float
    season: float
    felt: float
    together: float
    alone: float
    lasting: float
    spread: float
    chosen_by: ChosenBy = "list"
    effect: float = 0.0
    spill: float = 0.0


class Lived(NamedTuple):
    """Shops x months: margin and members; who is treated; and what the programme added to them.

    `truth` is the margin that it added, a treated member and month after the ramp.
    """

    margin: Floats
    members: Floats
    treated: Flags
    truth: float


def idle_programme(seed: int) -> Programme:
    """One that does nothing."""
    rng = np.random.default_rng([seed, 21])
    return Programme(
        seed=seed,
        shops=int(rng.choice([12, 20, 30, 45])),
        treated_share=float(rng.choice([0.3, 0.5])),
        before=int(rng.choice([15, 20, 27])),
        after=int(rng.choice([6, 9, 12])),
        members=float(rng.uniform(200, 900)),
        rate=float(rng.uniform(0.1, 0.3)),
        unlike=float(rng.uniform(0.1, 0.4)),
        season=float(rng.uniform(0.1, 0.4)),
        felt=float(rng.uniform(0.0, 0.3)),
        together=float(rng.uniform(0.02, 0.1)),
        alone=float(rng.uniform(0.02, 0.12)),
        lasting=float(rng.uniform(0.0, 0.7)),
        spread=float(rng.uniform(0.4, 0.9)),
    )


def working_programme(seed: int) -> Programme:
    """The same with an effect of either sign."""
    rng = np.random.default_rng([seed, 22])
    return replace(idle_programme(seed), effect=float(rng.normal(0.1, 0.15)))


def chosen(programme: Programme) -> Programme:
    """The same, but those shops get it that fell most in the last three months."""
    return replace(programme, chosen_by="worst")


def spilling(programme: Programme) -> Programme:
    """The same, but the controls feel four tenths of it."""
    return replace(programme, spill=0.4)


def idle_chosen(seed: int) -> Programme:
    """One that does nothing, for shops that fell."""
    return chosen(idle_programme(seed))


def working_spilling(seed: int) -> Programme:
    """One with an effect that reaches the controls too."""
    return spilling(working_programme(seed))


def live(programme: Programme, *, seed: int) -> Lived:
    """The company with its programme, and what it would have been without."""
    told = programme
    rng = np.random.default_rng([told.seed, seed, 23])
    months = told.before + 1 + told.after
    size = np.exp(rng.normal(np.log(told.members), 0.5, told.shops))
    growth = 1 + np.arange(months) * rng.uniform(0.0, 0.03, (told.shops, 1))
    members = np.rint(size[:, None] * growth)
    turn = 2 * np.pi * np.arange(months) / 12
    feast = 0.6 * (np.arange(months) % 12 == 10)
    year = np.sin(turn) + 0.5 * np.sin(2 * turn + rng.uniform(0, 6)) + feast
    feels = told.season * (1 + told.felt * rng.normal(size=(told.shops, 1)))
    level = np.log(told.rate) + rng.normal(0, told.unlike, (told.shops, 1))
    log = level + feels * year + _wander(told.together, told.lasting, (1, months), rng)
    rate = np.exp(log + _wander(told.alone, told.lasting, (told.shops, months), rng))
    orders = rng.poisson(members * rate)
    margin = _margin(orders, told.spread, rng)
    treated = _treated(told, orders / members, rng)
    ramp = np.clip(np.arange(months) - told.before + 0.5, 0.0, 1.0)
    reach = np.where(treated, 1.0, told.spill)[:, None] * ramp
    kept = 1 + min(told.effect, 0.0) * reach
    more = max(told.effect, 0.0) * reach
    # an effect below 0 loses orders that were there, one above it adds some
    lost = rng.binomial(orders, 1 - kept)
    added = rng.poisson(members * rate * more)
    caused = _margin(added, told.spread, rng) - margin * lost / np.maximum(orders, 1)
    after = np.arange(months) > told.before
    mine = treated[:, None] & after
    truth = float(caused[mine].sum() / members[mine].sum())
    return Lived(margin + caused, members, treated, truth)


def _wander(
    spread: float, lasting: float, shape: tuple[int, int], rng: np.random.Generator
) -> Floats:
    """A deviation that is partly still there a month later, of the same spread in every month."""
    found = rng.normal(0, spread, shape)
    for month in range(1, shape[1]):
        fresh = found[:, month] * np.sqrt(1 - lasting**2)
        found[:, month] = lasting * found[:, month - 1] + fresh
    return found


def _margin(orders: Ints, spread: float, rng: np.random.Generator) -> Floats:
    """What so many orders bring together: skewed amounts around 100."""
    whose = np.repeat(np.arange(orders.size), orders.ravel())
    amount = 100 * np.exp(rng.normal(-(spread**2) / 2, spread, len(whose)))
    return np.bincount(whose, weights=amount, minlength=orders.size).reshape(orders.shape)


def _treated(told: Programme, rate: Floats, rng: np.random.Generator) -> Flags:
    number = max(2, round(told.shops * told.treated_share))
    if told.chosen_by == "chance":
        order = rng.permutation(told.shops)
    elif told.chosen_by == "worst":
        lately = rate[:, told.before - 3 : told.before].mean(axis=1)
        order = np.argsort(lately / rate[:, : told.before - 3].mean(axis=1), kind="stable")
    else:
        order = np.arange(told.shops)
    found: Flags = np.isin(np.arange(told.shops), order[:number])
    return found
