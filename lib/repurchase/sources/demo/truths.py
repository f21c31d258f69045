"""What is true of the company: found by replaying it without a cause, never by a formula.

A purchase day counts unless all its orders were wholly sent back. Shares are 0..1.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from repurchase.sources.demo import plan
from repurchase.sources.demo.accounts import Accounts, customer_id, order_account
from repurchase.sources.demo.baskets import (
    CANCELLED,
    PASSER_BY,
    SPLIT,
    TEST,
    UNPAID,
    Lines,
    Orders,
    month_of,
)
from repurchase.sources.demo.behaviour import Lives, Purchases, over_contacted
from repurchase.sources.demo.contacts import (
    OUTCOMES,
    TYPE,
    Contacts,
    Events,
    due_calls,
    promises,
)
from repurchase.sources.demo.draws import Ints, uniform
from repurchase.sources.demo.exports import OrderBook, date_of, moment_of, style_of
from repurchase.sources.demo.people import People

Flags = NDArray[np.bool_]
Truth = dict[str, Any]
_DAY = 86_400


class Company(NamedTuple):
    """All that was made, and the rows of each order file."""

    crowd: People
    life: Lives
    orders: Orders
    lines: Lines
    book: Accounts
    sheet: OrderBook
    contact: Contacts
    files: dict[str, Ints]
    seed: int
    days: int
    left_out: tuple[str, ...] = ()


class Dates(NamedTuple):
    """Distinct (who, day) pairs on which an order counts, sorted."""

    who: Ints
    day: Ints


def truths(company: Company) -> Truth:
    """Everything planted, and the figures that a sound reader of the files must find."""
    return {
        "company": _about(company),
        "go_live": _go_live(company),
        "experiments": _experiments(company),
        "funnel_break": _funnel(company),
        "over_contact": _over_contact(company),
        "late_orders": _late(company),
        "duplicates": _duplicates(company),
        "identification": _identification(company),
        "unused_system": _unused(company),
        "messages": _messages(company),
        "service_trouble": _service(company),
        "dirt": _dirt(company),
        "control_totals": _control_totals(company),
        "seen_in_files": _seen(company),
        "behaviour": _behaviour(company),
    }


def write_truths(path: Path, found: Truth) -> None:
    """truths.json: UTF-8, keys in a fixed order, shares to six digits."""
    text = json.dumps(_plain(found), ensure_ascii=False, indent=1)
    path.write_text(text + "\n", encoding="utf-8")


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, np.ndarray):
        return [_plain(part) for part in value.tolist()]
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        return None if np.isnan(value) else round(float(value), 6)
    return value


def _distinct(who: Ints, day: Ints) -> Dates:
    code = np.unique(who * 100_000 + day)
    return Dates(code // 100_000, code % 100_000)


def _order_dates(company: Company, version: str) -> Dates:
    """The days on which a person bought and kept something, in one version of the company."""
    bought: Purchases = company.life.purchases[plan.SCENARIOS.index(version)]
    chance = np.where(bought.bad, 0.07, 0.009)
    kept = uniform(company.seed, "order/refund", bought.person, bought.day, 0) >= chance
    split = uniform(company.seed, "order/split", bought.person, bought.day) < 0.02
    also = uniform(company.seed, "order/refund", bought.person, bought.day, 1) >= chance
    kept |= split & also
    return _distinct(bought.person[kept], bought.day[kept])


def _first_days(dates: Dates) -> tuple[Ints, Ints, Ints]:
    """(who, first day, days to the second, 10**6 = none) for everyone who bought."""
    starts = np.flatnonzero(np.r_[True, dates.who[1:] != dates.who[:-1]])
    following = np.minimum(starts + 1, len(dates.who) - 1)
    again = (following > starts) & (dates.who[following] == dates.who[starts])
    gap = np.where(again, dates.day[following] - dates.day[starts], 10**6)
    return dates.who[starts], dates.day[starts], gap


def _months(days: int) -> list[tuple[str, int, int]]:
    """(label, first day, day after the last) of each month, the last one up to `days`."""
    every = np.arange(days)
    month = month_of(every)
    return [
        (f"{(m - 1) // 12}-{(m - 1) % 12 + 1:02d}", int(every[month == m][0]),
         int(every[month == m][-1]) + 1)
        for m in np.unique(month).tolist()
    ]


def _share(numerator: int, n: int) -> Truth:
    return {"value": numerator / n if n else None, "numerator": numerator, "n": n}


def _returning(dates: Dates, days: int) -> Truth:
    """returning_buyer_share by month."""
    _, first, _ = _first_days(dates)
    who = dates.who
    starts = np.r_[True, who[1:] != who[:-1]]
    since = first[np.cumsum(starts) - 1]
    found = {}
    for label, start, after in _months(days):
        now = (dates.day >= start) & (dates.day < after)
        buyers = len(np.unique(who[now]))
        found[label] = _share(len(np.unique(who[now & (since < start)])), buyers)
    return found


def _repurchase(dates: Dates, days: int, window: int = 90) -> Truth:
    """Second order date within `window` days of the first, by month of the first, ripe only."""
    _, first, gap = _first_days(dates)
    found = {}
    for label, start, after in _months(days):
        mine = (first >= start) & (first < after)
        if after - 1 + window < days:
            found[label] = _share(int((gap[mine] <= window).sum()), int(mine.sum()))
    return found


def _repeats(dates: Dates, member: Flags, start: int, after: int) -> int:
    """Order dates, other than the person's first, of `member` persons in a span of days."""
    again = np.r_[False, dates.who[1:] == dates.who[:-1]] if len(dates.who) else np.zeros(0, bool)
    inside = (dates.day >= start) & (dates.day < after)
    return int((again & inside & member[dates.who]).sum())


def _members(company: Company, stores: tuple[str, ...]) -> Flags:
    ids = np.array([s.store_id for s in plan.STORES])
    found: Flags = np.isin(ids, stores)[company.crowd.home]
    return found


def _with_and_without(seen: float, without: float) -> Truth:
    return {
        "with": seen, "without": without, "difference": seen - without,
        "relative": seen / without - 1 if without else None,
    }


def _about(company: Company) -> Truth:
    return {
        "name": plan.COMPANY, "fictitious": True, "currency": plan.CURRENCY,
        "time_zone": plan.TIME_ZONE, "first_day": str(plan.START),
        "last_day": str(date_of(company.days - 1)), "seed": company.seed,
        "persons": len(company.crowd.joined), "membership_numbers": len(company.book.person),
        "troubles_left_out": company.left_out,
        "how": "each truth is the difference between the company as it was and the same company, "
        "with the same draws, lived again without the cause; a person belongs to the store of the "
        "first order (as the files show it, if that order's number was taken)",
    }


def _go_live(company: Company) -> Truth:
    start, days = plan.day_of(plan.GO_LIVE), company.days
    seen, without = (_order_dates(company, v) for v in ("as_it_was", "without_go_live"))
    found: Truth = {
        "definition": "the repurchase-tracking system, live in the treated stores since the date; "
        "effect at full strength after the ramp",
        "date": str(plan.GO_LIVE), "ramp_days": plan.GO_LIVE_RAMP_DAYS,
        "treated_stores": plan.GO_LIVE_STORES, "control_stores": plan.CONTROL_STORES,
        "other_stores": "opened in or after 2024 or closed: in neither group",
        "chosen_by": "every other store of each region, by number; not by outcome",
    }
    for group, stores in (("treated", plan.GO_LIVE_STORES), ("control", plan.CONTROL_STORES)):
        member = _members(company, stores)
        full = start + plan.GO_LIVE_RAMP_DAYS
        by_month = {
            label: _with_and_without(_repeats(seen, member, a, b), _repeats(without, member, a, b))
            for label, a, b in _months(days) if a >= start
        }
        found[group] = {
            "members": int(member.sum()),
            "repeat_order_dates_after_ramp": _with_and_without(
                _repeats(seen, member, full, days), _repeats(without, member, full, days)),
            "repeat_order_dates_by_month": by_month,
            "repurchase_90d_of_first_orders_since": _repurchase_since(
                seen, without, member, start, days),
        }
    return found


def _repurchase_since(
    seen: Dates, without: Dates, member: Flags, start: int, days: int
) -> Truth:
    shares = []
    for dates in (seen, without):
        who, first, gap = _first_days(dates)
        mine = member[who] & (first >= start) & (first + 90 < days)
        shares.append(_share(int((gap[mine] <= 90).sum()), int(mine.sum())))
    if not shares[1]["n"]:
        return {"n": 0}
    last = str(date_of(days - 91))
    return {
        **_with_and_without(shares[0]["value"] or 0.0, shares[1]["value"] or 0.0),
        "n": shares[1]["n"], "first_orders_until": last,
    }


def _experiments(company: Company) -> Truth:
    versions = {v: _order_dates(company, v) for v in (
        "as_it_was", "experiments_all_control", "experiments_all_treated")}
    found: Truth = {}
    for test in company.life.assignments:
        plan_ = test.experiment
        kept = ~test.lost
        found[plan_.experiment_id] = {
            "title": plan_.title, "assigned_on": str(plan_.assigned_on), "planned_share": 0.5,
            "units_planned": len(test.person),
            "rows_treatment": int((test.treated & kept).sum()),
            "rows_control": int((~test.treated).sum()), "treated_lost": int(test.lost.sum()),
            "split_is_broken": plan_.lost_treated > 0,
            "treatment_acts": plan_.bucket is not None,
            "effects": {f"{h}d": _effect(company, versions, test.person, test.treated, kept,
                                         plan.day_of(plan_.assigned_on), h,
                                         acts=plan_.bucket is not None)
                        for h in (30, 60, 90)},
        }
    return {
        "definition": "mean over all planned units, everyone treated less no one treated, of "
        "`repurchased` (an order date on days 0..h-1 after assignment) and `order_dates`; "
        "`seen` is the plain difference between the logged arms",
        "tests": found,
    }


def _effect(
    company: Company, versions: dict[str, Dates], person: Ints, treated: Flags, kept: Flags,
    start: int, horizon: int, *, acts: bool,
) -> Truth | None:
    if start + horizon > company.days or not len(person):
        return None
    counts = {}
    for name, dates in versions.items():
        inside = (dates.day >= start) & (dates.day < start + horizon)
        counts[name] = np.bincount(dates.who[inside], minlength=len(company.crowd.joined))[person]
    seen = counts["as_it_was"]
    none, every = counts["experiments_all_control"], counts["experiments_all_treated"]
    effect: Truth = {}
    for name, of in (("repurchased", lambda c: (c > 0).astype(float)), ("order_dates", np.asarray)):
        shown = of(seen[treated & kept]).mean() - of(seen[~treated]).mean()
        # The other tests run in both versions, so an idle treatment is zero by what it does.
        true = float(of(every).mean() - of(none).mean()) if acts else 0.0
        effect[name] = {"effect": true, "untreated": float(of(none).mean()) if acts else
                        float(of(seen[~treated]).mean()), "seen": float(shown)}
    return effect


def _funnel(company: Company) -> Truth:
    events, days = company.contact.events, company.days
    wechat = (events.channel == 2) & ~events.bot
    rates = {}
    for label, a, b in _months(days):
        now = wechat & (events.second >= a * _DAY) & (events.second < b * _DAY)
        clicks = int((now & (events.type == TYPE["wechat_click"])).sum())
        carts = int((now & (events.type == TYPE["cart"])).sum())
        rates[label] = {"clicks": clicks, "carts": carts, "carts_per_click":
                        carts / clicks if clicks else None}
    lost = company.life.lost_carts
    seen, without = (_order_dates(company, v) for v in ("as_it_was", "without_funnel_break"))
    everyone = np.ones(len(company.crowd.joined), dtype=bool)
    start = plan.day_of(plan.FUNNEL_FROM)
    return {
        "definition": "from the date on, so many of the attempts to fill a basket in the "
        "mini-program fail; the step wechat_click -> cart on channel wechat",
        "share_of_attempts_lost": plan.FUNNEL_LOST,
        "date": str(plan.FUNNEL_FROM), "channel": "wechat", "step": "wechat_click -> cart",
        "attempts_lost": len(lost.person), "persons_hit": len(np.unique(lost.person)),
        "repeat_order_dates_since": _with_and_without(
            _repeats(seen, everyone, start, days), _repeats(without, everyone, start, days)),
        "carts_per_click_by_month": rates,
    }


def _over_contact(company: Company) -> Truth:
    over = over_contacted(company.crowd)
    start, days = plan.day_of(plan.OVER_CONTACT_FROM), company.days
    there = company.crowd.buys & (company.crowd.joined < min(start, days))
    gone = (company.contact.opted_out < 10**6).any(axis=1)
    later = (company.contact.opted_out >= start) & (company.contact.opted_out < 10**6)
    since = later.any(axis=1)
    seen, without = (_order_dates(company, v) for v in ("as_it_was", "without_over_contact"))
    return {
        "definition": "persons on two overlapping audience lists: about 16 extra messages in 30 "
        "days from the date on, against fewer than ten for others",
        "date": str(plan.OVER_CONTACT_FROM),
        "more_than_touches_in_30_days": plan.OVER_CONTACT_LIMIT,
        "persons": int((over & there).sum()),
        "opted_out_since": {
            "over_contacted": _share(int((since & over & there).sum()), int((over & there).sum())),
            "others": _share(int((since & ~over & there).sum()), int((~over & there).sum())),
        },
        "opted_out_ever": int(gone.sum()),
        "repeat_order_dates_since": _with_and_without(
            _repeats(seen, over, start, days), _repeats(without, over, start, days)),
        "customer_ids": customer_id(company.book.first[over & there & (company.book.first >= 0)]),
    }


def _unused(company: Company) -> Truth:
    """What the system asked of the sales persons since the date, and what they did."""
    crowd, orders, seed, days = company.crowd, company.orders, company.seed, company.days
    out, first = company.left_out, plan.day_of(plan.UNUSED_FROM)
    events = company.contact.events
    due, called = due_calls(crowd, orders, seed=seed, days=days, without=out)
    made = _by_rep(events, (TYPE["call"], TYPE["wechat"], TYPE["visit"]))
    asked, kept = promises(Events._make(c[made & (events.next_at >= 0)] for c in events),
                           seed=seed, without=out)
    late = events.loaded // _DAY - events.second // _DAY
    logins = _by_rep(events, (TYPE["login"],))
    store = plan.STORES[:plan.OWN_STORES]
    row = [s.store_id for s in store].index(plan.UNUSED_STORE)
    found: Truth = {}
    for name, here in (("there", True), ("other_stores_with_the_system", False)):
        live = [k for k, s in enumerate(store) if s.store_id in plan.GO_LIVE_STORES]
        rows = [row] if here else [k for k in live if k != row]

        def of(rep: Ints, second: Ints, last: int, rows: list[int] = rows) -> Flags:
            day = second // _DAY
            mine: Flags = np.isin(rep // 4, rows) & (day >= first) & (day < last)
            return mine

        named = of(due.rep, due.second, days)
        # a promise counts once the day after it has passed
        ripe = of(asked.rep, asked.second, days - 1)
        entered = made & of(events.rep, events.second, days)
        found[name] = {
            "due_customers_called": _share(int((named & called).sum()), int(named.sum())),
            "promises_kept": _share(int((ripe & kept).sum()), int(ripe.sum())),
            "entries_late": _share(int((entered & (late > 2)).sum()), int(entered.sum())),
            "logins": int((logins & of(events.rep, events.second, days)).sum()),
        }
    return {
        "definition": "from the date on the sales persons of one store with the tracking system "
        "hardly log in, leave those uncalled who are due, do not call as promised and "
        "enter what they do 3 to 9 days later; nobody buys otherwise for it",
        "date": str(plan.UNUSED_FROM), "store_id": plan.UNUSED_STORE,
        "reps": [f"R{row * 4 + k + 1:04d}" for k in range(4)], **found,
    }


def _by_rep(events: Events, types: tuple[int, ...]) -> Flags:
    found: Flags = (events.rep >= 0) & np.isin(events.type, types)
    return found


def _messages(company: Company) -> Truth:
    """How often the waves' messages are clicked, personalised and not, as a plain count."""
    events = company.contact.events
    wave = (events.campaign >= 0) & ~events.bot
    sent = wave & np.isin(events.type, [TYPE["sms"], TYPE["email_sent"], TYPE["wechat"]])
    sent &= events.outcome != OUTCOMES.index("failed")
    clicks = wave & np.isin(
        events.type, [TYPE["sms_click"], TYPE["email_click"], TYPE["wechat_click"]])
    return {
        "definition": "personalised messages are clicked so many times as often; they go to half "
        "of those who bought in the last 200 days and to a tenth of the others, who click as often",
        "click_factor": plan.PERSONAL_CLICK,
        "dead_addresses": plan.DEAD_ADDRESS,
        "clicks_per_message": {
            name: _share(int((clicks & mine).sum()), int((sent & mine).sum()))
            for name, mine in (("personalised", events.personal), ("generic", ~events.personal))
        },
    }


def _late(company: Company) -> Truth:
    orders, loaded = company.orders, company.sheet.loaded
    lag = loaded // _DAY - orders.day
    worst = int(np.argmax(lag))
    late = lag > 2
    ids = [s.store_id for s in plan.STORES]
    stuck = (loaded == plan.day_of(plan.LATE_LOADED) * _DAY + 15_000) & (
        orders.store == ids.index(plan.LATE_STORE))
    return {
        "definition": "days between the day of the order and the day it was loaded; late = over 2",
        "late_orders": int(late.sum()), "orders": len(lag), "largest_lag_days": int(lag.max()),
        "late_by_source": {name: int((late & (orders.channel == k)).sum())
                           for k, name in enumerate(plan.SOURCE_SYSTEMS)},
        "till_off_line": {
            "store_id": plan.LATE_STORE, "from": str(plan.LATE_FROM),
            "until": str(plan.LATE_UNTIL), "loaded_on": str(plan.LATE_LOADED),
            "orders": int(stuck.sum()),
        },
        "worst": {
            "source_system": plan.SOURCE_SYSTEMS[orders.channel[worst]],
            "store_id": plan.STORES[orders.store[worst]].store_id,
            "day": str(date_of(int(orders.day[worst]))), "lag_days": int(lag[worst]),
            "order_id": company.sheet.order_id[worst],
            "loaded_at": str(moment_of(int(loaded[worst]))),
        },
        "loaded_after_last_day": int((loaded >= company.days * _DAY).sum()),
    }


def _duplicates(company: Company) -> Truth:
    book, sheet = company.book, company.sheet
    twice = np.flatnonzero(book.second >= 0)
    on_second = np.isin(sheet.entry, book.second[twice])
    pairs = zip(customer_id(book.first[twice]), customer_id(book.second[twice]),
                book.merge_known[twice].tolist(), strict=True)
    return {
        "definition": "one person with two membership numbers; known = the customer file names the "
        "first in 合并至; the others share name and telephone (written differently)",
        "persons": len(twice), "known": int(book.merge_known[twice].sum()),
        "unknown": int((~book.merge_known[twice]).sum()),
        "orders_on_second_number": int(on_second.sum()),
        "pairs": [{"first": a, "second": b, "known": known} for a, b, known in pairs],
    }


def _identification(company: Company) -> Truth:
    year, month = plan.IDENTIFICATION_MONTH
    orders = company.orders
    label = f"{year}-{month:02d}"
    found: Truth = {
        "definition": "in this month the tills of these stores do not ask three of four "
        "returning members for their number; nobody buys differently",
        "month": label, "stores": plan.IDENTIFICATION_STORES,
        "share_of_returning_members_orders_lost_there": plan.IDENTIFICATION_LOST,
    }
    if label not in [name for name, _, _ in _months(company.days)]:
        return found
    now = orders.counts & (month_of(orders.day) == 12 * year + month)
    seen = _returning(_known_dates(company, orders.known), company.days)
    asked = _returning(_known_dates(company, orders.known_without_till_fault), company.days)
    return found | {
        "orders_hit": int((now & ~orders.known & orders.known_without_till_fault).sum()),
        "identified_share_of_orders": _with_and_without(
            float(orders.known[now].mean()), float(orders.known_without_till_fault[now].mean())),
        "returning_buyer_share": _with_and_without(
            seen[label]["value"] or 0.0, asked[label]["value"] or 0.0),
        "returning_buyer_share_of_all_persons": _returning(
            _order_dates(company, "as_it_was"), company.days)[label],
    }


def _known_dates(company: Company, known: Flags) -> Dates:
    """Order dates by what the files can show: readable rows with a number, known merges applied."""
    orders, sheet, book = company.orders, company.sheet, company.book
    entry = order_account(orders, book, seed=company.seed)
    good = known & orders.counts & (orders.role <= SPLIT) & ~sheet.bad_date & ~sheet.bad_amount
    person = orders.person[good]
    merged = np.where(book.merge_known[person], book.first[person], entry[good])
    return _distinct(merged, orders.day[good])


def _service(company: Company) -> Truth:
    start, days = plan.day_of(plan.SERVICE_FROM), company.days
    stores = tuple(s.store_id for s in plan.STORES if s.region == plan.SERVICE_REGION)
    member = _members(company, stores)
    seen, without = (_order_dates(company, v) for v in ("as_it_was", "without_service_trouble"))
    returning = [_returning(dates, days) for dates in (seen, without)]
    return {
        "definition": "late deliveries and empty shelves in the stores of one region from the date "
        "on; all customers of these stores but the coffee regulars buy again less often",
        "date": str(plan.SERVICE_FROM), "region": plan.SERVICE_REGION, "stores": stores,
        "members": int(member.sum()),
        "repeat_order_dates_by_month": {
            label: _with_and_without(_repeats(seen, member, a, b), _repeats(without, member, a, b))
            for label, a, b in _months(days) if a >= start},
        "returning_buyer_share_of_company": {
            label: _with_and_without(returning[0][label]["value"] or 0.0,
                                     returning[1][label]["value"] or 0.0)
            for label, a, _ in _months(days) if a >= start},
    }


def _row_counts(company: Company, rows: Ints) -> Truth:
    orders, sheet = company.orders, company.sheet
    role, net, refund = orders.role[rows], orders.net[rows], orders.refund[rows]
    whole = (refund > 0) & (refund >= net)
    return {
        "rows": len(rows), "unreadable_date": int(sheet.bad_date[rows].sum()),
        "unreadable_amount": int(sheet.bad_amount[rows].sum()),
        "test": int((role == TEST).sum()), "cancelled": int((role == CANCELLED).sum()),
        "unpaid": int((role == UNPAID).sum()), "wholly_refunded": int(whole.sum()),
        "partly_refunded": int(((refund > 0) & ~whole).sum()),
        "without_customer": int((sheet.entry[rows] < 0).sum()),
    }


def _ledger(company: Company) -> Truth:
    """Where each row of the order files ends: set aside, excluded by name, or loaded."""
    role = company.orders.role
    torn = company.sheet.bad_date | company.sheet.bad_amount
    named = {"cancelled": role == CANCELLED, "unpaid": role == UNPAID, "test": role == TEST}
    kept = ~(named["cancelled"] | named["unpaid"] | named["test"])
    return {
        "definition": "a row that is both excluded and unreadable is excluded",
        "rows": len(role),
        "total_rows": sum(name.endswith(".xlsx") for name in company.files),
        "excluded": {name: int(mask.sum()) for name, mask in named.items()},
        "quarantined": int((torn & kept).sum()), "loaded": int((~torn & kept).sum()),
    }


def _dirt(company: Company) -> Truth:
    files: Truth = {}
    for name, rows in company.files.items():
        style = style_of(int(name[14:18]), int(name[19:21]))
        files[name] = {**_row_counts(company, rows), **style._asdict(),
                       "total_row": style.suffix == "xlsx"}
    return {
        "definition": "counts of rows in the order files; a row may count under several heads; "
        "total rows (合计) are not rows",
        "all": _row_counts(company, np.arange(len(company.orders.day))),
        "ledger": _ledger(company),
        "files": files,
        "order_lines": len(company.lines.order),
        "events": len(company.contact.events.person),
    }


def _control_totals(company: Company) -> Truth:
    """Finance's revenue by month, in yuan, and the steps from it to what can be analysed."""
    orders, sheet = company.orders, company.sheet
    sold = orders.role <= PASSER_BY
    value = orders.net - orders.refund
    torn = sheet.bad_date | sheet.bad_amount
    found = {}
    for label, a, b in _months(company.days):
        now = sold & (orders.day >= a) & (orders.day < b)
        found[label] = {
            "finance_total": f"{value[now].sum() / 100:.2f}",
            "of_it_unreadable": f"{value[now & torn].sum() / 100:.2f}",
            "of_it_anonymous": f"{value[now & ~torn & (sheet.entry < 0)].sum() / 100:.2f}",
            "of_it_identified": f"{value[now & ~torn & (sheet.entry >= 0)].sum() / 100:.2f}",
            "orders": int(now.sum()),
        }
    return {
        "definition": "实付金额 less 退款金额 of orders that are neither test, cancelled nor "
        "unpaid, by day of order, shipping apart; finance also has the rows that the files garble",
        "by_month": found,
    }


def _seen(company: Company) -> Truth:
    """What an exact reader of the files gets: identified, readable, known merges applied."""
    orders, sheet, days = company.orders, company.sheet, company.days
    dates = _known_dates(company, orders.known)
    counts = orders.counts & ~sheet.bad_date & ~sheet.bad_amount
    value = orders.net - orders.refund
    known = {}
    for label, a, b in _months(days):
        now = counts & (orders.day >= a) & (orders.day < b)
        known[label] = {
            "orders": _share(int((now & orders.known).sum()), int(now.sum())),
            "revenue": float(value[now & orders.known].sum() / max(int(value[now].sum()), 1)),
        }
    who, _, gap = _first_days(dates)
    return {
        "definition": "orders with status 已完成, 已发货 or 已付款, no test orders, wholly "
        "refunded ones are no purchase, unreadable rows left out, 合并至 applied",
        "identified_share": known,
        "returning_buyer_share": _returning(dates, days),
        "repurchase_90d_by_month_of_first_order": _repurchase(dates, days),
        "repeat_customer_share": _share(int((gap < 10**6).sum()), len(who)),
        "repeat_revenue_share": _repeat_revenue(company, counts, value),
    }


def _repeat_revenue(company: Company, counts: Flags, value: Ints) -> Truth:
    orders, book = company.orders, company.book
    mine = counts & orders.known & (orders.role <= SPLIT)
    entry = order_account(orders, book, seed=company.seed)[mine]
    person = orders.person[mine]
    who = np.where(book.merge_known[person], book.first[person], entry)
    first = np.full(len(book.person), 10**6, dtype=np.int64)
    np.minimum.at(first, who, orders.day[mine])
    later = orders.day[mine] > first[who]
    found = {}
    for label, a, b in _months(company.days):
        now = (orders.day[mine] >= a) & (orders.day[mine] < b)
        total = int(value[mine][now].sum())
        found[label] = int(value[mine][now & later].sum()) / total if total else None
    return found


def _behaviour(company: Company) -> Truth:
    """The same figures for the persons themselves, in each version of the company."""
    found: Truth = {
        "definition": "all persons, all their kept purchases, whether or not a number was taken"
    }
    for version in plan.SCENARIOS:
        dates = _order_dates(company, version)
        found[version] = {
            "order_dates": len(dates.who),
            "returning_buyer_share": _returning(dates, company.days),
            "repurchase_90d_by_month_of_first_order": _repurchase(dates, company.days),
        }
    return found
