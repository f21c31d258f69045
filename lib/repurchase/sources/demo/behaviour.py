"""Who buys on which day: the company lived day by day, once as it was and once per missing cause.

All versions run side by side on the same draws, which belong to (person, day). So a difference
between two versions is the effect of the cause, to the last order.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from repurchase.sources.demo import plan
from repurchase.sources.demo.draws import Floats, Ints, fractions, keyed, uniform, words
from repurchase.sources.demo.people import GIFTS, REGULAR, People
from repurchase.sources.demo.seasons import gift_day, store_day

Flags = NDArray[np.bool_]
_BLOCK_DAYS = 7
_NEVER = -10_000
_VERSION = {name: row for row, name in enumerate(plan.SCENARIOS)}


class Purchases(NamedTuple):
    """One entry a person and day with a purchase: `bad` = something went wrong with it."""

    person: Ints
    day: Ints
    bad: Flags


class Assignment(NamedTuple):
    """The units of one experiment as planned; `lost` treated units never got the treatment."""

    experiment: plan.Experiment
    person: Ints
    treated: Flags
    lost: Flags


class Lives(NamedTuple):
    """What happened: purchases by version of the company (same order as plan.SCENARIOS).

    `lost_carts`: purchases that failed at the basket, in the company as it was.
    """

    purchases: tuple[Purchases, ...]
    assignments: tuple[Assignment, ...]
    lost_carts: Purchases


class _State(NamedTuple):
    """Per version and person, changed in place day by day."""

    last: NDArray[np.int32]
    alive: Flags
    spent: NDArray[np.float64]
    upset: NDArray[np.float64]
    stocked: Flags


def lives(
    crowd: People, *, seed: int, days: int, without: Collection[str] = ()
) -> Lives:
    """Every purchase of the first `days` days, in each version of the company.

    What is `without` (names of plan.TROUBLES) is in no version.
    """
    count = len(crowd.joined)
    shape = (len(plan.SCENARIOS), count)
    state = _State(
        last=np.full(shape, _NEVER, dtype=np.int32),
        alive=np.broadcast_to(crowd.buys, shape).copy(),
        spent=np.zeros(shape),
        upset=np.zeros(shape),
        stocked=np.zeros(shape, dtype=bool),
    )
    tests: list[Assignment] = []
    arms = _Arms(count)
    found: list[tuple[Ints, Ints, Ints, Flags]] = []
    world = _World(crowd, seed=seed, days=days, without=without)
    # Blocks end where an experiment begins, so that its units are drawn from a complete state.
    begins = {plan.day_of(test.assigned_on) for test in plan.EXPERIMENTS}
    starts = sorted({*range(0, days, _BLOCK_DAYS), *(day for day in begins if day < days)})
    for first, after in zip(starts, [*starts[1:], days], strict=True):
        for experiment in plan.EXPERIMENTS:
            if plan.day_of(experiment.assigned_on) == first:
                if "broken_split" in without:
                    experiment = experiment._replace(lost_treated=0.0)
                tests.append(_assignment(experiment, crowd, state, seed=seed))
                arms.begin(tests[-1])
        now = np.flatnonzero((crowd.joined < after) & state.alive.any(axis=0))
        local = _State._make(part[:, now] for part in state)
        for day in range(first, after):
            found.append(world.day(day, now, local, arms))
        _put_back(state, local, now)
    return Lives(_by_version(found), tuple(tests), world.lost_carts())


def _put_back(state: _State, local: _State, now: Ints) -> None:
    parts: tuple[tuple[NDArray[Any], NDArray[Any]], ...] = tuple(zip(state, local, strict=True))
    for part, fresh in parts:
        part[:, now] = fresh


def _by_version(found: list[tuple[Ints, Ints, Ints, Flags]]) -> tuple[Purchases, ...]:
    version, person, day, bad = (np.concatenate(part) for part in zip(*found, strict=True))
    return tuple(
        Purchases(person[mine], day[mine], bad[mine])
        for mine in (version == row for row in range(len(plan.SCENARIOS)))
    )


def _assignment(
    experiment: plan.Experiment, crowd: People, state: _State, *, seed: int
) -> Assignment:
    """Half of the eligible, exactly; eligible by the company as it was, in every version."""
    day = plan.day_of(experiment.assigned_on)
    name = experiment.experiment_id
    mine = state.last[plan.AS_IT_WAS] >= max(day - experiment.recency_days, 0)
    if experiment.bucket is not None:
        mine &= crowd.bucket == experiment.bucket
    person = np.flatnonzero(mine)
    rank = np.argsort(uniform(seed, f"{name}/arm", person), kind="stable")
    treated = np.zeros(len(person), dtype=bool)
    treated[rank[: len(rank) // 2]] = True
    # Old versions of the app lose the assignment, and those who came long ago have old versions.
    away = day - state.last[plan.AS_IT_WAS, person]
    weight = np.where(away > np.median(away), 1.8, 0.2) if len(away) else away
    lost = treated & (uniform(seed, f"{name}/lost", person) < experiment.lost_treated * weight)
    return Assignment(experiment, person, treated, lost)


class _Arms:
    """Which test with an effect a person is in, since when, and in which arm."""

    def __init__(self, count: int) -> None:
        self.test = np.full(count, -1, dtype=np.int64)
        self.treated = np.zeros(count, dtype=bool)

    def begin(self, assignment: Assignment) -> None:
        if assignment.experiment.bucket is None:
            return
        self.test[assignment.person] = plan.EXPERIMENTS.index(assignment.experiment)
        self.treated[assignment.person] = assignment.treated


class _World:
    """All that does not depend on what the customers do."""

    def __init__(
        self, crowd: People, *, seed: int, days: int, without: Collection[str]
    ) -> None:
        self.crowd = crowd
        self.without = without
        self.busy = store_day(days)
        self.gifts = gift_day(days)
        who = np.arange(len(crowd.joined), dtype=np.int64)
        self.streams = {
            name: words(seed, f"live/{name}", who) for name in ("buy", "bad", "quit", "cart")
        }
        self.channel_stream = words(seed, "order/elsewhere", who)
        ids = np.array([store.store_id for store in plan.STORES])
        regions = np.array([store.region for store in plan.STORES])
        self.go_live = np.isin(ids, plan.GO_LIVE_STORES)[crowd.home]
        self.service = (regions == plan.SERVICE_REGION)[crowd.home] & (crowd.segment != REGULAR)
        self._failed: list[tuple[int, Ints]] = []
        self.rest_days = np.clip(0.35 / crowd.rate, 1.5, 25.0)

    def day(
        self, day: int, now: Ints, state: _State, arms: _Arms
    ) -> tuple[Ints, Ints, Ints, Flags]:
        """Live one day; gives (version, person, day, bad) of its purchases."""
        crowd = self.crowd
        joined = crowd.joined[now]
        ready = state.alive & (joined < day)
        chance = self._intensity(day, now, state, arms)
        draw = fractions(keyed(self.streams["buy"][now], day))
        bought = ready & (draw < 1.0 - np.exp(-chance))
        bought |= (joined == day) & state.alive
        self._lose_carts(day, now, bought, state)
        version, column = np.nonzero(bought)
        person = now[column]
        bad = fractions(keyed(self.streams["bad"][person], day)) < self._bad(day, version, person)
        self._remember(day, version, column, person, bad, state)
        state.spent[:] += (1.0 + 3.0 * state.upset) / crowd.life_days[now]
        state.alive[:] &= (state.spent < crowd.patience[now]) | (joined > day)
        state.upset[:] *= 0.985
        return version, person, np.full(len(person), day, dtype=np.int64), bad

    def _intensity(self, day: int, now: Ints, state: _State, arms: _Arms) -> Floats:
        crowd = self.crowd
        base = crowd.rate[now] * crowd.taste[now, day // 91] * self.busy[crowd.home[now], day]
        base = base * np.where(crowd.segment[now] == GIFTS, self.gifts[day], 1.0)
        rest = 1.0 - np.exp((state.last - day) / self.rest_days[now])
        chance = base * rest * (1.0 - 0.5 * np.minimum(state.upset, 1.0))
        for name, factor in self._causes(day, now).items():
            rows = [row for row in range(len(chance)) if row != _VERSION[name]]
            chance[rows] *= factor
        self._experiments(day, now, chance, state, arms)
        return chance

    def _causes(self, day: int, now: Ints) -> dict[str, Floats]:
        """The factor of each cause at work on this day, by the version that lacks it."""
        causes: dict[str, Floats] = {}
        ramp = _ramp(day, plan.day_of(plan.GO_LIVE), plan.GO_LIVE_RAMP_DAYS)
        if ramp:
            tracked = self.go_live[now].astype(float)
            causes["without_go_live"] = 1.0 + plan.GO_LIVE_RATE * ramp * tracked
        ramp = self._service_ramp(day)
        if ramp:
            troubled = self.service[now].astype(float)
            causes["without_service_trouble"] = 1.0 + plan.SERVICE_RATE * ramp * troubled
        if day >= plan.day_of(plan.OVER_CONTACT_FROM):
            reached = over_contacted(self.crowd)[now].astype(float)
            causes["without_over_contact"] = 1.0 + plan.OVER_CONTACT_RATE * reached
        return causes

    def _experiments(
        self, day: int, now: Ints, chance: Floats, state: _State, arms: _Arms
    ) -> None:
        treated = np.broadcast_to(arms.treated[now], chance.shape).copy()
        treated[_VERSION["experiments_all_control"]] = False
        treated[_VERSION["experiments_all_treated"]] = True
        for number, test in enumerate(plan.EXPERIMENTS):
            age = day - plan.day_of(test.assigned_on)
            if test.bucket is None or not 0 <= age < 90:
                continue
            mine = treated & (arms.test[now] == number)
            if age < test.early_days:
                chance[mine] *= test.early
            else:
                chance[mine] *= np.where(state.stocked[mine], test.late * test.stocked, test.late)

    def _lose_carts(self, day: int, now: Ints, bought: Flags, state: _State) -> None:
        """In the mini-program some purchases fail; who fails once is upset and may not return."""
        if day < plan.day_of(plan.FUNNEL_FROM) or "funnel_break" in self.without:
            return
        where = order_channel(self.crowd, now, fractions(keyed(self.channel_stream[now], day)), day)
        fails = fractions(keyed(self.streams["cart"][now], day)) < plan.FUNNEL_LOST
        failed = bought & (fails & (where == plan.FUNNEL_CHANNEL) & (self.crowd.joined[now] < day))
        failed[_VERSION["without_funnel_break"]] = False
        bought &= ~failed
        state.upset[failed] += plan.FUNNEL_UPSET
        self._failed.append((day, now[failed[plan.AS_IT_WAS]]))

    def lost_carts(self) -> Purchases:
        """The purchases that failed at the basket, in the company as it was."""
        person = np.concatenate([np.zeros(0, dtype=np.int64), *(who for _, who in self._failed)])
        day = np.repeat(
            np.array([day for day, _ in self._failed], dtype=np.int64),
            np.array([len(who) for _, who in self._failed], dtype=np.int64),
        )
        return Purchases(person, day, np.ones(len(person), dtype=bool))

    def _service_ramp(self, day: int) -> float:
        if "service_trouble" in self.without:
            return 0.0
        return _ramp(day, plan.day_of(plan.SERVICE_FROM), plan.SERVICE_RAMP_DAYS)

    def _bad(self, day: int, version: Ints, person: Ints) -> Floats:
        ramp = self._service_ramp(day)
        troubled = self.service[person] & (version != _VERSION["without_service_trouble"])
        return plan.BASE_BAD + plan.SERVICE_BAD * ramp * troubled

    def _remember(
        self, day: int, version: Ints, column: Ints, person: Ints, bad: Flags, state: _State
    ) -> None:
        crowd = self.crowd
        first = state.last[version, column] == _NEVER
        quits = np.where(first, crowd.quit_first[person], crowd.quit_later[person])
        ramp = _ramp(day, plan.day_of(plan.GO_LIVE), plan.GO_LIVE_RAMP_DAYS)
        followed = self.go_live[person] & (version != _VERSION["without_go_live"])
        quits = quits * (1.0 - plan.GO_LIVE_STAY * ramp * followed) + 0.15 * bad
        gone = fractions(keyed(self.streams["quit"][person], day)) < quits
        state.last[version, column] = day
        state.alive[version, column] = ~gone
        state.upset[version, column] += bad
        for test in plan.EXPERIMENTS:
            if 0 <= day - plan.day_of(test.assigned_on) < test.early_days and test.stocked != 1.0:
                state.stocked[version, column] = True


def _ramp(day: int, first: int, days: int) -> float:
    """0 before the first day, then straight up to 1."""
    return min(max((day - first + 1) / days, 0.0), 1.0)


def over_contacted(crowd: People) -> Flags:
    """Who stands on both audience lists: by lot, among those who joined before the lists."""
    return crowd.over_contact & crowd.buys & (crowd.joined < plan.day_of(plan.OVER_CONTACT_FROM))


def order_channel(crowd: People, person: Ints, draw: Floats, day: Ints | int) -> Ints:
    """Where a purchase is made: mostly the person's own channel, else another one."""
    own = crowd.channel[person]
    regular = crowd.segment[person] == REGULAR
    small = plan.STRAY_APP + np.where(regular, plan.STRAY_WECHAT_REGULAR, plan.STRAY_WECHAT)
    stray = np.where(draw < plan.STRAY_APP, 1, np.where(draw < small, 3, 2))
    away = np.where(own == 0, stray, np.where(draw < 0.07, 0, own))
    channel = np.where((own > 0) | (draw < small + plan.STRAY_MARKET), away, own)
    ids = np.array([plan.day_of(s.closed_on) if s.closed_on else 10**6 for s in plan.STORES])
    opened = np.array([plan.day_of(s.opened_on) for s in plan.STORES])
    store = crowd.city[person]
    shut = (ids[store] < day) | (opened[store] > day)
    return np.where((channel == 0) & shut, 1, channel)
