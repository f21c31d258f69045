"""What the company sends and hears: messages, clicks, baskets, calls, tickets, surveys."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from repurchase.sources.demo import plan
from repurchase.sources.demo.baskets import Orders
from repurchase.sources.demo.behaviour import Lives, over_contacted
from repurchase.sources.demo.draws import Ints, below, normal, pick, uniform
from repurchase.sources.demo.goods import rep_of
from repurchase.sources.demo.people import People, has_email

Flags = NDArray[np.bool_]
TYPES = (
    "sms", "email_sent", "wechat", "email_open", "email_click", "sms_click", "wechat_click",
    "web_view", "cart", "login", "call", "visit", "quote", "opp_stage", "points_redeem",
    "unsubscribe",
)
TYPE = {name: code for code, name in enumerate(TYPES)}
EVENT_CHANNELS = ("sms", "email", "wechat", "app", "phone", "store")
OUTCOMES = ("", "delivered", "failed", "read", "reached", "no_answer", "booked", "declined")
_CLICK = (TYPE["sms_click"], TYPE["email_click"], TYPE["wechat_click"])
_DAY = 86_400
STAFF = -2
_CALL, _WECHAT, _VISIT = TYPE["call"], TYPE["wechat"], TYPE["visit"]


class Events(NamedTuple):
    """One entry an event. Codes index TYPES, EVENT_CHANNELS, OUTCOMES; -1 = nothing.

    `second`, `next_at`, `loaded` count from the first day's midnight; `campaign` is a row of
    `campaigns`. `person` is STAFF where a sales person logs in.
    """

    person: Ints
    second: Ints
    type: Ints
    channel: Ints
    rep: Ints
    template: Ints
    personal: Flags
    outcome: Ints
    campaign: Ints
    next_at: Ints
    bot: Flags
    loaded: Ints


class Campaign(NamedTuple):
    """One wave of messages, and to which share of the recent buyers and of all others it goes."""

    campaign_id: str
    day: int
    shares: tuple[float, float] = plan.WAVE


def campaigns(days: int) -> tuple[Campaign, ...]:
    """Two waves a month and a third: before 618 and 11.11, for an experiment, else a small one.

    So nobody is told much more or less in one month than in another but for the two sales.
    """
    found = []
    last = (np.datetime64(plan.START) + days - 1).astype("datetime64[M]")
    months = np.arange(np.datetime64(plan.START, "M"), last + 1)
    tested = {f"{test.assigned_on:%Y-%m}" for test in plan.EXPERIMENTS}
    for month in months:
        text = str(month)
        waves = [(5, "A", plan.WAVE), (18, "B", plan.WAVE)]
        if text[-2:] in ("06", "11"):
            waves.append((8 if text.endswith("11") else 12, "SALE", plan.WAVE))
        elif text not in tested:
            waves.append((12, "C", plan.SMALL_WAVE))
        for number, name, shares in waves:
            day = int((month.astype("datetime64[D]") - np.datetime64(plan.START)).astype(int))
            found.append(Campaign(f"CP{text.replace('-', '')}{name}", day + number - 1, shares))
    found += [Campaign(f"CP-{test.experiment_id}", plan.day_of(test.assigned_on))
              for test in plan.EXPERIMENTS]
    return tuple(c for c in found if c.day < days)


def _events(person: Ints, second: Ints, type_: Ints | int, channel: Ints | int,
            **more: Ints | Flags | int) -> Events:
    count = len(person)

    def column(value: Ints | Flags | int, kind: type) -> NDArray[Any]:
        return np.broadcast_to(np.asarray(value, dtype=kind), (count,)).copy()

    return Events(
        person=person, second=second, type=column(type_, np.int64),
        channel=column(channel, np.int64), rep=column(more.get("rep", -1), np.int64),
        template=column(more.get("template", -1), np.int64),
        personal=column(more.get("personal", 0), np.bool_),
        outcome=column(more.get("outcome", 0), np.int64),
        campaign=column(more.get("campaign", -1), np.int64),
        next_at=column(more.get("next_at", -1), np.int64), bot=column(more.get("bot", 0), np.bool_),
        loaded=column(-1, np.int64),
    )


def _joined(parts: list[Events]) -> Events:
    return Events._make(np.concatenate(column) for column in zip(*parts, strict=True))


def _part(events: Events, mask: Flags | Ints) -> Events:
    return Events._make(column[mask] for column in events)


class Contacts(NamedTuple):
    """All events in order of time, and when a person opted out of each of sms, email, wechat
    (person x 3, in days, 10**6 = never)."""

    events: Events
    opted_out: Ints


def contacts(
    crowd: People, life: Lives, orders: Orders, *, seed: int, days: int,
    without: Collection[str] = (),
) -> Contacts:
    """Every contact with a known customer; what is `without` (plan.TROUBLES) troubles nobody."""
    breaks = days if "funnel_break" in without else plan.day_of(plan.FUNNEL_FROM)
    sent, opted_out = _messages(crowd, life, seed=seed, days=days)
    parts = [
        *sent,
        *_reactions(_joined(sent), seed=seed, breaks=breaks),
        *_shopping(crowd, life, orders, seed=seed),
        *_browsing(crowd, life, seed=seed, days=days, breaks=breaks),
        *follow_ups(crowd, orders, seed=seed, days=days, without=without),
        _rep_logins(seed=seed, days=days, without=without),
    ]
    who, what = np.nonzero(opted_out < 10**6)
    day = opted_out[who, what]
    moment = day * _DAY + 36_000 + below(uniform(seed, "opt-out/second", who, what), 36_000)
    parts.append(_events(who, moment, TYPE["unsubscribe"], what))
    events = _joined(parts)
    events = _part(events, (events.second < days * _DAY) & (events.second >= 0))
    order = np.lexsort((events.channel, events.type, events.person, events.second))
    events = _part(events, order)
    return Contacts(events._replace(loaded=_loaded(events, seed=seed, without=without)), opted_out)


def _messages(
    crowd: People, life: Lives, *, seed: int, days: int
) -> tuple[list[Events], Ints]:
    """The messages sent, day by day, because who has opted out gets no more."""
    count = len(crowd.joined)
    who = np.arange(count, dtype=np.int64)
    likes = pick(uniform(seed, "message/channel", who), np.array([0.42, 0.24, 0.34]))
    unmailed = ~has_email(count, seed=seed)
    likes[(likes == 1) & unmailed] = 0
    opted_out = np.full((count, 3), 10**6, dtype=np.int64)
    bought = life.purchases[plan.AS_IT_WAS]
    last = np.full(count, -10**6, dtype=np.int64)
    edges = np.searchsorted(bought.day, np.arange(days + 1))
    planned = campaigns(days)
    waves = {c.day: row for row, c in enumerate(planned)}
    tests = {plan.day_of(a.experiment.assigned_on): a for a in life.assignments}
    doubled = over_contacted(crowd)
    parts = [_events(who[:0], who[:0], 0, 0)]
    for day in range(days):
        todo: list[tuple[Ints, Ints, int, Flags]] = []
        if day in tests:
            told = tests[day].person[tests[day].treated & ~tests[day].lost]
            greets = tests[day].experiment.experiment_id == "exp_personal"
            todo.append((told, likes[told], waves[day], np.full(len(told), greets)))
        elif day in waves:
            recent = day - last <= 200
            near = np.where(recent, *planned[waves[day]].shares) * (crowd.joined < day)
            told = np.flatnonzero(uniform(seed, "message/wave", who, day) < near)
            named = uniform(seed, "message/personal", told, day)
            todo.append((told, likes[told], waves[day],
                         named < np.where(recent[told], *plan.PERSONAL)))
        if day >= plan.day_of(plan.OVER_CONTACT_FROM):
            each = uniform(seed, "message/double", who, day) < plan.OVER_CONTACT_DAILY
            told = np.flatnonzero(doubled & each)
            channel = below(uniform(seed, "message/any", told, day), 3)
            channel[(channel == 1) & unmailed[told]] = 0
            todo.append((told, channel, -1, np.zeros(len(told), dtype=bool)))
        for told, channel, wave, personal in todo:
            parts.append(_send(told, channel, wave, personal, day, opted_out, doubled, seed=seed))
        last[bought.person[edges[day] : edges[day + 1]]] = day
    return parts, opted_out


def _send(
    told: Ints, channel: Ints, wave: int, personal: Flags, day: int, opted_out: Ints,
    doubled: Flags, *, seed: int,
) -> Events:
    """The messages of one day and wave; writes those who opt out into `opted_out`."""
    free = opted_out[told, channel] >= day
    told, channel, personal = told[free], channel[free], personal[free]
    over = doubled[told] & (day >= plan.day_of(plan.OVER_CONTACT_FROM))
    leave = np.where(over, plan.OPT_OUT_PER_TOUCH_OVER, plan.OPT_OUT_PER_TOUCH)
    gone = uniform(seed, "message/opt-out", told, day, wave) < leave
    opted_out[told[gone], channel[gone]] = day
    moment = day * _DAY + 32_400 + below(uniform(seed, "message/second", told, day, wave), 7_200)
    good = uniform(seed, "message/outcome", told, day, wave)
    good[uniform(seed, "message/dead", told, channel) < plan.DEAD_ADDRESS] = 0.0
    outcome = np.where(good < 0.02, 2, np.where((channel == 2) & (good < 0.62), 3, 1))
    type_ = np.array([TYPE["sms"], TYPE["email_sent"], TYPE["wechat"]])[channel]
    # Of the four designs of a quarter each message takes one by lot.
    design = 4 * (day // 91 % 3) + below(uniform(seed, "message/design", told, day, wave), 4)
    template = design if wave >= 0 else 12
    return _events(told, moment, type_, channel, outcome=outcome, campaign=wave,
                   personal=personal, template=template)


def _reactions(sent: Events, *, seed: int, breaks: int) -> list[Events]:
    """Opens, clicks (a few by machines that test links), page views and baskets after a message."""
    sent = _part(sent, sent.outcome != OUTCOMES.index("failed"))
    keys = (sent.person, sent.second)
    draw = uniform(seed, "reaction/click", *keys)
    opens = (sent.channel == 1) & (uniform(seed, "reaction/open", *keys) < 0.30)
    bot = (sent.channel == 1) & (uniform(seed, "reaction/bot", *keys) < 0.012)
    rate = np.array([0.035, 0.0, 0.085])[sent.channel]
    # Who is told twice a day stops looking.
    rate = np.where(opens, 0.16, rate) * np.where(sent.campaign < 0, 0.3, 1.0)
    rate = rate * np.where(sent.personal, plan.PERSONAL_CLICK, 1.0)
    click = (draw < rate) | bot
    later = 60 + below(uniform(seed, "reaction/later", *keys), 7_200)
    later = np.where(bot, 2, later)
    opened, clicked = _part(sent, opens), _part(sent, click)
    clicked = clicked._replace(
        second=clicked.second + later[click], type=np.array(_CLICK)[clicked.channel],
        outcome=np.zeros_like(clicked.outcome), bot=bot[click],
    )
    opened = opened._replace(
        second=opened.second + later[opens] - 1, type=np.full_like(opened.type, TYPE["email_open"]),
        outcome=np.zeros_like(opened.outcome),
    )
    return [opened, clicked, *_after_click(_part(clicked, ~clicked.bot), seed=seed, breaks=breaks)]


def _after_click(clicked: Events, *, seed: int, breaks: int) -> list[Events]:
    """Page views and baskets; from the day `breaks` on fewer baskets in the mini-program."""
    keys = (clicked.person, clicked.second)
    seen = uniform(seed, "reaction/view", *keys) < 0.92
    broken = (clicked.channel == 2) & (clicked.second >= breaks * _DAY)
    chance = plan.CART_AFTER_CLICK * np.where(broken, 1.0 - plan.FUNNEL_LOST, 1.0)
    fills = seen & (uniform(seed, "reaction/cart", *keys) < chance)
    found = []
    for mask, type_, later in ((seen, "web_view", 4), (fills, "cart", 150)):
        part = _part(clicked, mask)
        found.append(part._replace(second=part.second + later,
                                   type=np.full_like(part.type, TYPE[type_])))
    return found


def _shopping(crowd: People, life: Lives, orders: Orders, *, seed: int) -> list[Events]:
    """What goes before an order in the app and the mini-program, and before a lost basket."""
    mine = (orders.person >= 0) & (orders.role == 0) & orders.known
    found = []
    for channel, name, code in ((1, "app", 3), (3, "wechat", 2)):
        chosen = mine & (orders.channel == channel)
        person, second = orders.person[chosen], orders.second[chosen]
        found.append(_events(person, second - 400, TYPE["web_view"], code))
        found.append(_events(person, second - 150, TYPE["cart"], code))
        if name == "app":
            logs = uniform(seed, "shopping/login", person, second) < 0.35
            found.append(_events(person[logs], second[logs] - 460, TYPE["login"], code))
        else:
            clicks = uniform(seed, "shopping/click", person, second) < 0.8
            found.append(_events(person[clicks], second[clicks] - 420, TYPE["wechat_click"], code))
    lost = life.lost_carts
    moment = lost.day * _DAY + 36_000
    moment += below(uniform(seed, "lost/second", lost.person, lost.day), 40_000)
    clicks = uniform(seed, "lost/click", lost.person, lost.day) < 0.8
    found.append(_events(lost.person[clicks], moment[clicks], TYPE["wechat_click"], 2))
    found.append(_events(lost.person, moment + 20, TYPE["web_view"], 2))
    firm = mine & crowd.is_company[orders.person]
    person, second, rep = orders.person[firm], orders.second[firm], orders.rep[firm]
    asks = uniform(seed, "shopping/quote", person, second) < 0.5
    before = second - 5 * _DAY
    found.append(_events(person[asks], before[asks], TYPE["quote"], 4, rep=rep[asks]))
    found.append(_events(person[asks], second[asks] + 60, TYPE["opp_stage"], 4, rep=rep[asks]))
    redeem = mine & (uniform(seed, "shopping/points", orders.person, orders.second) < 0.04)
    found.append(_events(orders.person[redeem], orders.second[redeem], TYPE["points_redeem"], 5))
    return found


def _browsing(
    crowd: People, life: Lives, *, seed: int, days: int, breaks: int
) -> list[Events]:
    """Visits to the app and the mini-program that end without an order."""
    bought = life.purchases[plan.AS_IT_WAS]
    looks = uniform(seed, "browse/come", bought.person, bought.day)
    channel = crowd.channel[bought.person]
    mine = (looks < 0.5) & ((channel == 1) | (channel == 3))
    person, day = bought.person[mine], bought.day[mine]
    day = day + 1 + below(uniform(seed, "browse/day", person, day), 20)
    person, day = person[day < days], day[day < days]
    code = np.where(crowd.channel[person] == 1, 3, 2)
    moment = day * _DAY + 28_800 + below(uniform(seed, "browse/second", person, day), 50_000)
    by_click = code == 2
    clicked = _events(person[by_click], moment[by_click], TYPE["wechat_click"], 2)
    app = _events(person[~by_click], moment[~by_click], TYPE["web_view"], 3)
    fills = uniform(seed, "browse/cart", app.person, app.second) < plan.CART_AFTER_CLICK
    full = _part(app, fills)
    full = full._replace(second=full.second + 150, type=np.full_like(full.type, TYPE["cart"]))
    return [clicked, *_after_click(clicked, seed=seed, breaks=breaks), app, full,
            *_looking(crowd, life, seed=seed, days=days, breaks=breaks)]


def _looking(
    crowd: People, life: Lives, *, seed: int, days: int, breaks: int
) -> list[Events]:
    """Customers of the app and the mini-program who look, in most months, whether they buy or not.

    Once a stretch of thirty days at most, and no longer when their last purchase is half a year
    ago.
    """
    online = np.flatnonzero((crowd.channel == 1) | (crowd.channel == 3))
    who, stretch = (part.ravel() for part in np.meshgrid(
        online, np.arange(days // 30 + 1, dtype=np.int64), indexing="ij"))
    day = stretch * 30 + below(uniform(seed, "look/day", who, stretch), 30)
    comes = uniform(seed, "look/come", who, stretch) < plan.LOOKS
    comes &= (day > crowd.joined[who]) & (day < days)
    who, day = who[comes], day[comes]
    bought = life.purchases[plan.AS_IT_WAS]
    known = np.sort(bought.person * 100_000 + bought.day)
    place = np.searchsorted(known, who * 100_000 + day) - 1
    before = known[np.maximum(place, 0)]
    comes = (place >= 0) & (before // 100_000 == who)
    comes &= day - before % 100_000 <= plan.LOOKS_FOR_DAYS
    who, day = who[comes], day[comes]
    mini = crowd.channel[who] == 3
    moment = day * _DAY + 28_800 + below(uniform(seed, "look/second", who, day), 50_000)
    views = _events(who, moment, TYPE["web_view"], np.where(mini, 2, 3))
    chance = np.where(mini & (day >= breaks), 1.0 - plan.FUNNEL_LOST, 1.0) * plan.CART_AFTER_LOOK
    fills = uniform(seed, "look/cart", who, day) < chance
    full = _part(views, fills)
    return [views, full._replace(second=full.second + 150,
                                 type=np.full_like(full.type, TYPE["cart"]))]


def follow_ups(
    crowd: People, orders: Orders, *, seed: int, days: int, without: Collection[str] = ()
) -> tuple[Events, Events, Events]:
    """Calls, messages and visits by sales persons.

    After a purchase (many more since the go-live, none to whom one has come in the fortnight);
    to those who are due; and as promised.
    """
    told = _after_purchase(crowd, orders, seed=seed)
    due, called = due_calls(crowd, orders, seed=seed, days=days, without=without)
    made = _joined([told, _part(due, called)])
    promised, kept = promises(made, seed=seed, without=without)
    return told, _part(due, called), _part(promised, kept)


def _after_purchase(crowd: People, orders: Orders, *, seed: int) -> Events:
    mine = (orders.person >= 0) & (orders.role == 0) & orders.known & (orders.channel == 0)
    person, second, store = orders.person[mine], orders.second[mine], orders.store[mine]
    since = (orders.day[mine] - plan.day_of(plan.GO_LIVE) + 1) / plan.GO_LIVE_RAMP_DAYS
    told = _live_store()[store] * np.clip(since, 0.0, 1.0)
    comes = uniform(seed, "follow/up", person, second) < 0.10 + 0.35 * told
    person, second, store = person[comes], second[comes], store[comes]
    span = second // _DAY // plan.QUIET_DAYS
    _, first = np.unique(person * 10_000 + span, return_index=True)
    first.sort()
    person, second, store = person[first], second[first], store[first]
    days = 7 + below(uniform(seed, "follow/day", person, second), 15)
    return _rep_touches(person, second // _DAY + days, store, seed=seed, template=13)


def _live_store() -> Flags:
    found: Flags = np.isin([s.store_id for s in plan.STORES], plan.GO_LIVE_STORES)
    return found


def unused(store: Ints, day: Ints, without: Collection[str]) -> Flags:
    """Where and when the sales persons do not use the system (rows of plan.STORES, day numbers)."""
    ids = [s.store_id for s in plan.STORES]
    hit: Flags = (store == ids.index(plan.UNUSED_STORE)) & (day >= plan.day_of(plan.UNUSED_FROM))
    return hit & ("unused_system" not in without)


def due_calls(
    crowd: People, orders: Orders, *, seed: int, days: int, without: Collection[str] = ()
) -> tuple[Events, Flags]:
    """Who is due in the stores that got the system, as touches on that day; and which were made."""
    mine = (orders.person >= 0) & (orders.role == 0) & orders.known
    by_person = np.lexsort((orders.second[mine], orders.person[mine]))
    person, day = orders.person[mine][by_person], orders.day[mine][by_person]
    same = np.r_[person[1:] == person[:-1], False]
    following = np.where(same, np.r_[day[1:], 0], 10**6)
    usual = np.clip(plan.DUE_AFTER / crowd.rate[person], *plan.DUE_DAYS).astype(np.int64)
    live = _live_store()[crowd.home[person]]
    person, day, following, usual = (part[live] for part in (person, day, following, usual))
    last = np.minimum(np.minimum(following, day + plan.DUE_UNTIL), days)
    times = np.maximum(-(-(last - day - usual) // plan.DUE_EVERY), 0)
    row = np.repeat(np.arange(len(person)), times)
    nth = np.arange(len(row)) - np.repeat(np.cumsum(times) - times, times)
    person, due = person[row], day[row] + usual[row] + plan.DUE_EVERY * nth
    store = crowd.home[person]
    share = np.where(unused(store, due, without), plan.DUE_CALLED_UNUSED, plan.DUE_CALLED)
    called: Flags = uniform(seed, "follow/due", person, due) < share
    return _rep_touches(person, due, store, seed=seed, template=14, kinds=(7.0, 0.0, 3.0)), called


def _rep_touches(
    person: Ints, day: Ints, store: Ints, *, seed: int, template: int,
    kinds: tuple[float, float, float] = (4.0, 4.0, 2.0),
) -> Events:
    """Touches by each person's own sales person; one in seven ends with a promise.

    `kinds` are the weights of calls, messages and visits.
    """
    keys = (person, day)
    moment = day * _DAY + 34_200 + below(uniform(seed, "follow/second", *keys), 28_000)
    kind = pick(uniform(seed, "follow/kind", *keys), np.array(kinds))
    outcome = 4 + pick(uniform(seed, "follow/outcome", *keys), np.array([45.0, 33.0, 15.0, 7.0]))
    booked = outcome == OUTCOMES.index("booked")
    return _events(person, moment, np.array([_CALL, _WECHAT, _VISIT])[kind],
                   np.array([4, 2, 5])[kind], personal=1, template=template, outcome=outcome,
                   rep=rep_of(store, uniform(seed, "rep/owner", person)),
                   next_at=np.where(booked, moment + plan.PROMISE_DAYS * _DAY, -1))


def promises(
    made: Events, *, seed: int, without: Collection[str] = ()
) -> tuple[Events, Flags]:
    """The calls that were promised, on the day named or the day after; and which were made."""
    asked = _part(made, made.next_at >= 0)
    keys = (asked.person, asked.second)
    later = asked.next_at + below(uniform(seed, "promise/late", *keys), 2) * _DAY
    idle = unused(asked.rep // 4, asked.next_at // _DAY, without)
    share = np.where(idle, plan.PROMISE_KEPT_UNUSED, plan.PROMISE_KEPT)
    kept: Flags = uniform(seed, "promise/kept", *keys) < share
    reached = 4 + pick(uniform(seed, "promise/outcome", *keys), np.array([70.0, 30.0]))
    return _events(asked.person, later, _CALL, 4, rep=asked.rep, outcome=reached, personal=1,
                   template=15), kept


def _rep_logins(*, seed: int, days: int, without: Collection[str]) -> Events:
    """The mornings on which the sales persons of the stores with the system log in."""
    first = plan.day_of(plan.GO_LIVE)
    store = np.repeat(np.flatnonzero(_live_store()), 4)
    rep = store * 4 + np.arange(len(store)) % 4
    day = np.arange(first, max(days, first), dtype=np.int64)
    who, at = (part.ravel() for part in np.meshgrid(rep, day, indexing="ij"))
    share = np.where(unused(who // 4, at, without), plan.LOGIN_UNUSED, plan.LOGIN)
    comes = uniform(seed, "rep/login", who, at) < share
    who, at = who[comes], at[comes]
    moment = at * _DAY + 32_400 + below(uniform(seed, "rep/login-second", who, at), 3_000)
    return _events(np.full(len(who), STAFF), moment, TYPE["login"], -1, rep=who)


def _loaded(events: Events, *, seed: int, without: Collection[str]) -> Ints:
    """After a quarter of an hour; what sales persons do is entered in the evening, or days later
    where they do not use the system."""
    by_hand = (events.rep >= 0) & np.isin(events.type, [_CALL, _WECHAT, _VISIT])
    day = events.second // _DAY
    draw = uniform(seed, "late/entry", events.person, events.second)
    evening = day * _DAY + 68_400 + below(draw, 3_600)
    first, span = plan.ENTRY_LATE_DAYS
    wait = first + below(uniform(seed, "late/entry-days", events.person, events.second), span)
    idle = by_hand & unused(events.rep // 4, day, without)
    return np.where(by_hand, evening + np.where(idle, wait, 0) * _DAY, events.second + 900)


class Tickets(NamedTuple):
    """One entry a complaint or question; seconds from the first day's midnight, -1 = not yet."""

    person: Ints
    opened: Ints
    replied: Ints
    closed: Ints
    channel: Ints
    priority: Ints
    category: Ints
    reopened: Flags
    logged: Flags


TICKET_CATEGORIES = ("咨询", "配送延迟", "缺货", "质量问题", "服务态度")
PRIORITIES = ("低", "中", "高")


def tickets(
    orders: Orders, *, seed: int, days: int, without: Collection[str] = ()
) -> Tickets:
    """Half of what goes wrong is complained of; a few ask without cause."""
    mine = (orders.person >= 0) & (orders.role == 0)
    keys = (orders.person, orders.second)
    mine &= uniform(seed, "ticket/open", *keys) < np.where(orders.bad, 0.5, 0.012)
    person, second, bad = orders.person[mine], orders.second[mine], orders.bad[mine]
    store, day = orders.store[mine], orders.day[mine]
    keys = (person, second)
    regions = np.array([s.region for s in plan.STORES])
    south = (regions[store] == plan.SERVICE_REGION) & (day >= plan.day_of(plan.SERVICE_FROM))
    south &= "service_trouble" not in without
    draw = uniform(seed, "ticket/category", *keys)
    usual = 1 + pick(draw, np.array([2.0, 2.0, 4.0, 2.0]))
    trouble = 1 + pick(draw, np.array([6.0, 3.0, 0.5, 0.5]))
    category = np.where(bad, np.where(south, trouble, usual), 0)
    opened = second + 3_600 + below(uniform(seed, "ticket/day", *keys), 4 * _DAY)
    slow = np.where(south, 3.0, 1.0)
    wait = 1_800 * slow * np.exp(1.1 * normal(seed, "ticket/reply", *keys))
    work = _DAY * slow * np.exp(0.9 * normal(seed, "ticket/close", *keys))
    replied = opened + wait.astype(np.int64)
    closed = replied + work.astype(np.int64)
    ids = np.array([s.store_id for s in plan.STORES])
    live = np.isin(ids, plan.GO_LIVE_STORES)[store] & (day >= plan.day_of(plan.GO_LIVE))
    found = Tickets(
        person, opened, np.where(replied < days * _DAY, replied, -1),
        np.where(closed < days * _DAY, closed, -1), orders.channel[mine],
        np.where(bad, 1 + (draw > 0.8), 0), category,
        bad & (uniform(seed, "ticket/again", *keys) < 0.09),
        uniform(seed, "ticket/logged", *keys) < np.where(live, 0.88, 0.45),
    )
    shown = found.opened < days * _DAY
    found = Tickets._make(part[shown] for part in found)
    return Tickets._make(part[np.lexsort((found.person, found.opened))] for part in found)


class Answers(NamedTuple):
    """One entry an answer to a survey; `instrument` indexes INSTRUMENTS, `order` rows of Orders."""

    person: Ints
    second: Ints
    instrument: Ints
    score: Ints
    order: Ints
    remark: Ints


INSTRUMENTS = (("nps", 0, 10), ("csat", 1, 5), ("review", 1, 5))
REMARKS_GOOD = ("咖啡很香,会再来", "包装精美", "店员热情", "Great beans, fast delivery", "性价比高")
REMARKS_BAD = ("等了很久才送到", "经常缺货", "客服没有回复", "Arrived damaged", "服务不如以前")


def answers(orders: Orders, *, seed: int, days: int) -> Answers:
    """NPS after one purchase in sixteen, CSAT in stores, reviews on the marketplace."""
    mine = (orders.person >= 0) & (orders.role == 0)
    chance = np.array([0.07, 0.06, 0.10, 0.05])[orders.channel]
    asked = uniform(seed, "survey/answer", orders.person, orders.second) < chance
    row = np.flatnonzero(mine & asked)
    keys = (orders.person[row], orders.second[row])
    half = uniform(seed, "survey/which", *keys) < 0.35
    instrument = np.where(orders.channel[row] == 2, 2, np.where(half, 1, 0))
    mood = normal(seed, "survey/mood", *keys) - 2.2 * orders.bad[row]
    score = np.where(instrument == 0, np.clip(np.rint(8.4 + 1.8 * mood), 0, 10),
                     np.clip(np.rint(4.2 + 0.8 * mood), 1, 5)).astype(np.int64)
    says = uniform(seed, "survey/text", *keys)
    remark = np.where(says < 0.4, below(says / 0.4, 5), -1)
    second = keys[1] + _DAY + below(uniform(seed, "survey/second", *keys), 3 * _DAY)
    shown = second < days * _DAY
    found = Answers(keys[0], second, instrument, score, row, remark)
    found = Answers._make(part[shown] for part in found)
    return Answers._make(part[np.lexsort((found.person, found.second))] for part in found)
