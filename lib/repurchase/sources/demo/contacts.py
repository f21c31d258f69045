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
from repurchase.sources.demo.people import People

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


class Events(NamedTuple):
    """One entry an event. Codes index TYPES, EVENT_CHANNELS, OUTCOMES; -1 = nothing.

    `second`, `next_at` count from the first day's midnight; `campaign` is a row of `campaigns`.
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


class Campaign(NamedTuple):
    """One wave of messages."""

    campaign_id: str
    day: int


def campaigns(days: int) -> tuple[Campaign, ...]:
    """Two waves a month, a third before 618 and 11.11, and one for each experiment."""
    found = []
    last = (np.datetime64(plan.START) + days - 1).astype("datetime64[M]")
    months = np.arange(np.datetime64(plan.START, "M"), last + 1)
    for month in months:
        text = str(month)
        waves = [(5, "A"), (18, "B")] + [(8 if text.endswith("11") else 12, "SALE")] * (
            text[-2:] in ("06", "11")
        )
        for number, name in waves:
            day = int((month.astype("datetime64[D]") - np.datetime64(plan.START)).astype(int))
            found.append(Campaign(f"CP{text.replace('-', '')}{name}", day + number - 1))
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
        _follow_ups(crowd, orders, seed=seed),
    ]
    who, what = np.nonzero(opted_out < 10**6)
    day = opted_out[who, what]
    moment = day * _DAY + 36_000 + below(uniform(seed, "opt-out/second", who, what), 36_000)
    parts.append(_events(who, moment, TYPE["unsubscribe"], what))
    events = _joined(parts)
    events = _part(events, (events.second < days * _DAY) & (events.second >= 0))
    order = np.lexsort((events.channel, events.type, events.person, events.second))
    return Contacts(_part(events, order), opted_out)


def _messages(
    crowd: People, life: Lives, *, seed: int, days: int
) -> tuple[list[Events], Ints]:
    """The messages sent, day by day, because who has opted out gets no more."""
    count = len(crowd.joined)
    who = np.arange(count, dtype=np.int64)
    likes = pick(uniform(seed, "message/channel", who), np.array([0.42, 0.24, 0.34]))
    opted_out = np.full((count, 3), 10**6, dtype=np.int64)
    bought = life.purchases[plan.AS_IT_WAS]
    last = np.full(count, -10**6, dtype=np.int64)
    edges = np.searchsorted(bought.day, np.arange(days + 1))
    waves = {c.day: row for row, c in enumerate(campaigns(days))}
    tests = {plan.day_of(a.experiment.assigned_on): a for a in life.assignments}
    doubled = over_contacted(crowd)
    parts = [_events(who[:0], who[:0], 0, 0)]
    for day in range(days):
        todo: list[tuple[Ints, Ints, int, bool]] = []
        if day in tests:
            told = tests[day].person[tests[day].treated & ~tests[day].lost]
            todo.append((told, likes[told], waves[day], True))
        elif day in waves:
            near = np.where(day - last <= 200, 0.70, 0.13) * (crowd.joined < day)
            told = np.flatnonzero(uniform(seed, "message/wave", who, day) < near)
            todo.append((told, likes[told], waves[day], False))
        if day >= plan.day_of(plan.OVER_CONTACT_FROM):
            each = uniform(seed, "message/double", who, day) < plan.OVER_CONTACT_DAILY
            told = np.flatnonzero(doubled & each)
            todo.append((told, below(uniform(seed, "message/any", told, day), 3), -1, False))
        for told, channel, wave, personal in todo:
            parts.append(_send(told, channel, wave, personal, day, opted_out, doubled, seed=seed))
        last[bought.person[edges[day] : edges[day + 1]]] = day
    return parts, opted_out


def _send(
    told: Ints, channel: Ints, wave: int, personal: bool, day: int, opted_out: Ints,
    doubled: Flags, *, seed: int,
) -> Events:
    """The messages of one day and wave; writes those who opt out into `opted_out`."""
    free = opted_out[told, channel] >= day
    told, channel = told[free], channel[free]
    over = doubled[told] & (day >= plan.day_of(plan.OVER_CONTACT_FROM))
    leave = np.where(over, plan.OPT_OUT_PER_TOUCH_OVER, plan.OPT_OUT_PER_TOUCH)
    gone = uniform(seed, "message/opt-out", told, day, wave) < leave
    opted_out[told[gone], channel[gone]] = day
    moment = day * _DAY + 32_400 + below(uniform(seed, "message/second", told, day, wave), 7_200)
    good = uniform(seed, "message/outcome", told, day, wave)
    outcome = np.where(good < 0.02, 2, np.where((channel == 2) & (good < 0.62), 3, 1))
    type_ = np.array([TYPE["sms"], TYPE["email_sent"], TYPE["wechat"]])[channel]
    return _events(told, moment, type_, channel, outcome=outcome, campaign=wave,
                   personal=personal, template=(wave % 12) if wave >= 0 else 12)


def _reactions(sent: Events, *, seed: int, breaks: int) -> list[Events]:
    """Opens, clicks (a few by machines that test links), page views and baskets after a message."""
    keys = (sent.person, sent.second)
    draw = uniform(seed, "reaction/click", *keys)
    opens = (sent.channel == 1) & (uniform(seed, "reaction/open", *keys) < 0.30)
    bot = (sent.channel == 1) & (uniform(seed, "reaction/bot", *keys) < 0.012)
    rate = np.array([0.035, 0.0, 0.085])[sent.channel]
    # Who is told twice a day stops looking.
    rate = np.where(opens, 0.16, rate) * np.where(sent.campaign < 0, 0.3, 1.0)
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
    chance = np.where(broken, plan.CART_AFTER_CLICK_BROKEN, plan.CART_AFTER_CLICK)
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
    return [clicked, *_after_click(clicked, seed=seed, breaks=breaks), app, full]


def _follow_ups(crowd: People, orders: Orders, *, seed: int) -> Events:
    """Calls, messages and visits by sales persons after a purchase: many more after the go-live."""
    mine = (orders.person >= 0) & (orders.role == 0) & orders.known & (orders.channel == 0)
    person, second, store = orders.person[mine], orders.second[mine], orders.store[mine]
    ids = np.array([s.store_id for s in plan.STORES])
    since = (orders.day[mine] - plan.day_of(plan.GO_LIVE) + 1) / plan.GO_LIVE_RAMP_DAYS
    told = np.isin(ids, plan.GO_LIVE_STORES)[store] * np.clip(since, 0.0, 1.0)
    comes = uniform(seed, "follow/up", person, second) < 0.10 + 0.35 * told
    person, second, store = person[comes], second[comes], store[comes]
    keys = (person, second)
    later = second + (7 + below(uniform(seed, "follow/day", *keys), 15)) * _DAY
    later = later // _DAY * _DAY + 34_200 + below(uniform(seed, "follow/second", *keys), 28_000)
    kind = pick(uniform(seed, "follow/kind", *keys), np.array([4.0, 4.0, 2.0]))
    outcome = 4 + pick(uniform(seed, "follow/outcome", *keys), np.array([45.0, 33.0, 15.0, 7.0]))
    type_ = np.array([TYPE["call"], TYPE["wechat"], TYPE["visit"]])[kind]
    return _events(person, later, type_, np.array([4, 2, 5])[kind],
                   rep=rep_of(store, uniform(seed, "rep/owner", person)), outcome=outcome,
                   next_at=np.where(outcome == 6, later + 5 * _DAY, -1), personal=1, template=13)


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
