"""Who can be contacted at all, and who of those due was: check 0 of the funnel.

A channel is open to a customer who has not opted out of it, whose last contacts on it did not all
fail, and whose address is known where the profile names its column. An opt-out that an event dates
holds from that day on; one that only the customer file tells holds always, since its day is not
known.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from repurchase.analysis import ratios
from repurchase.analysis.findings import moved, record_key
from repurchase.analysis.standing import THEN
from repurchase.analysis.touches import NO_EVENTS
from repurchase.analysis.verdicts import Verdict
from repurchase.analysis.windows import active_at
from repurchase.analysis.worklists import STATES
from repurchase.params import ConsentChannel, FunnelRules
from repurchase.reasons import NO_CONSENT, NOBODY
from repurchase.records import CompareTo, Record, Result, dimensions
from repurchase.stats.proportion import Cross, Moments, wilson
from repurchase.words import N_

Value = str | float | int | None
REACHABLE, CONTACTED = "reachable_share", "due_contacted_share"
CHANNELS: tuple[ConsentChannel, ...] = ("email", "sms", "wechat", "phone")
FLAGS = {"email": "opt_out_email", "sms": "opt_out_sms", "phone": "do_not_call"}
TYPES = {"email_sent": "email", "sms": "sms", "wechat": "wechat", "call": "phone"}
# An opt-out that names no channel is one of what is sent, not of what is talked.
SENT = ("email", "sms", "wechat")
BLOCKS = ("closed", "dead", "blank")
# What became of who was due, in this order: the first that holds.
FATES = ("contacted", "just_before", "unreachable", "open_complaint", "withheld", "left")
NOT_DUE = ("internal", "lapsed")
# Beyond these shares it is worth a look, whatever the rule: customers closed, due ones left alone.
MOST_CLOSED, MOST_LEFT = 0.2, 0.5
CLAIMS = {
    "rule_due": N_(
        "Of {n_count} customers due at the start of {in_period}, {value_share} were contacted in"
        " it; the rule is {rule_share}"
    ),
    "rule_reachable": N_(
        "{value_share} of {n_count} customers can be contacted on some channel; the rule is"
        " {rule_share}"
    ),
    "fell": N_(
        "Fewer of the customers due are contacted: {value_share} in {in_period}, {change_points}"
        " {against_label}"
    ),
    "left": N_(
        "Of {n_count} customers due at the start of {in_period}, {left_count} could have been"
        " contacted in it and were not; {closed_count} could not be reached"
    ),
    "closed": N_(
        "{closed_count} of {n_count} customers cannot be contacted on any channel: what is sent"
        " misses them"
    ),
    "ok": N_(
        "Of {n_count} customers due at the start of {in_period}, {value_share} were contacted in"
        " it; {closed_count} could not be reached"
    ),
    "ok_reachable": N_("{value_share} of {n_count} customers can be contacted on some channel"),
}
ACTIONS = {
    "due": N_("Contact those who can be reached and were not; the lists for sales name them."),
    "closed": N_("Ask for consent and a valid address where customers are met: at the next order."),
}


@dataclass(frozen=True)
class Contacts:
    """What tells whom the company may contact; a table that does not exist is None.

    `mapped` are the customers' columns that a source fills. `months` is the activity window.
    """

    customers: ir.Table | None
    events: ir.Table | None
    mapped: frozenset[str]
    rules: FunnelRules
    months: int
    tier: str | None = None


def channel_of(events: ir.Table) -> ir.StringValue:
    """The consent channel of an event: by its type, else as the event names it."""
    named = ((events.type == kind, channel) for kind, channel in TYPES.items())
    return ibis.cases(*named, else_=events.channel.lower())


def channels_known(contacts: Contacts) -> dict[ConsentChannel, tuple[str, ...]]:
    """What is known of each channel, of BLOCKS; a channel of which nothing is known is left out.

    "closed": an opt-out column or event; "dead": a failed contact; "blank": the address column.
    """
    stopped, failed = _seen_channels(contacts)
    found: dict[ConsentChannel, tuple[str, ...]] = {}
    for channel in CHANNELS:
        told = {
            "closed": FLAGS.get(channel) in contacts.mapped or channel in stopped,
            "dead": channel in failed,
            "blank": channel in contacts.rules.addresses,
        }
        if any(told.values()):
            found[channel] = tuple(name for name in BLOCKS if told[name])
    return found


def _seen_channels(contacts: Contacts) -> tuple[set[str], set[str]]:
    """The channels with an opt-out, and with a failed contact, among the events."""
    if contacts.events is None:
        return set(), set()
    rows = contacts.events.mutate(consent=channel_of(contacts.events))
    stops = rows.filter(rows.type.isin(contacts.rules.opt_outs))
    fails = rows.filter(
        rows.type.isin(contacts.rules.touches) & rows.outcome.isin(contacts.rules.failed_outcomes)
    )
    stopped, failed = (
        set(part.select("consent").distinct().to_pandas()["consent"]) for part in (stops, fails)
    )
    everywhere = set(SENT) if any(pd.isna(c) for c in stopped) else set()
    return stopped | everywhere, failed


def open_to(
    contacts: Contacts, known: Collection[ConsentChannel], *, day: dt.date
) -> ir.Table | None:
    """One row a customer of whom something is known: what blocks each channel at the end of `day`.

    Columns: customer_id and, for each channel of `known`, flags `<channel>_closed`, `_dead` and
    `_blank`. Who has no row is not blocked anywhere; None where no table tells of anybody.
    """
    parts = []
    if contacts.events is not None:
        parts += [_stopped(contacts, day), _dead(contacts, day)]
    if contacts.customers is not None:
        parts.append(_of_file(contacts, contacts.customers))
    if not parts:
        return None
    table = ibis.union(*(p.select("customer_id") for p in parts), distinct=True)
    for number, part in enumerate(parts):
        renamed = part.rename({f"part_{number}": "customer_id"})
        table = table.left_join(renamed, table.customer_id == renamed[f"part_{number}"])
        table = table.drop(f"part_{number}")
    flags: dict[str, ir.Value] = {}
    for channel in known:
        stopped = _flag(table, f"{channel}_stopped")
        ever = _flag(table, f"{channel}_ever")
        filed = _flag(table, f"{channel}_filed")
        flags[f"{channel}_closed"] = stopped | (filed & ~ever)
        flags[f"{channel}_dead"] = _flag(table, f"{channel}_dead")
        flags[f"{channel}_blank"] = _flag(table, f"{channel}_blank")
    return table.select("customer_id", **flags)


def _flag(table: ir.Table, name: str) -> ir.BooleanValue:
    return table[name].fill_null(False) if name in table.columns else ibis.literal(False)


def _stopped(contacts: Contacts, day: dt.date) -> ir.Table:
    """`<channel>_stopped` up to the day, `<channel>_ever` at any time."""
    events = contacts.events
    assert events is not None
    rows = events.filter(events.type.isin(contacts.rules.opt_outs))
    consent = channel_of(rows)
    flags: dict[str, ir.Value] = {}
    for channel in CHANNELS:
        hit = (consent == channel).fill_null(False)
        if channel in SENT:
            hit = hit | consent.isnull()
        flags[f"{channel}_stopped"] = (hit & (rows.occurred_date <= day)).any()
        flags[f"{channel}_ever"] = hit.any()
    return rows.group_by("customer_id").aggregate(**flags)


def _dead(contacts: Contacts, day: dt.date) -> ir.Table:
    """`<channel>_dead`: the last `failures` contacts on it up to the day all failed."""
    events, rules = contacts.events, contacts.rules
    assert events is not None
    rows = events.filter(
        events.type.isin(rules.touches)
        & ~events.is_bot.fill_null(False)
        & (events.occurred_date <= day)
    )
    rows = rows.select(
        "customer_id", "occurred_at", "event_id",
        consent=channel_of(rows),
        failed=ratios.flag(rows.outcome.isin(rules.failed_outcomes)),
    )  # fmt: skip
    keys = ["customer_id", "consent"]
    often = rows.group_by(keys).aggregate(failed=rows.failed.sum())
    # the few with as many failures at all, before their contacts are put in order
    rows = rows.semi_join(often.filter(often.failed >= rules.failures), keys)
    latest = ibis.window(group_by=keys, order_by=[rows.occurred_at.desc(), rows.event_id.desc()])
    rows = rows.mutate(place=ibis.row_number().over(latest))
    rows = rows.filter(rows.place < rules.failures)
    dead = rows.group_by(keys).aggregate(failed=rows.failed.sum())
    dead = dead.filter(dead.failed >= rules.failures)
    flags = {f"{c}_dead": (dead.consent == c).fill_null(False).any() for c in CHANNELS}
    return dead.group_by("customer_id").aggregate(**flags)


def _of_file(contacts: Contacts, customers: ir.Table) -> ir.Table:
    """`<channel>_filed`: opted out by the file; `<channel>_blank`: no address in it."""
    flags: dict[str, ir.Value] = {
        f"{c}_filed": customers[FLAGS[c]].fill_null(False) for c in CHANNELS if c in FLAGS
    }
    for channel, column in contacts.rules.addresses.items():
        text = customers[column].cast("string")
        flags[f"{channel}_blank"] = text.isnull() | (text.strip() == "")
    return customers.select("customer_id", **flags)


def reachable(
    contacts: Contacts,
    summaries: Mapping[CompareTo, ir.Table],
    days: Mapping[CompareTo, dt.date],
    *,
    missing: Mapping[CompareTo, str],
    provisional: str | None = None,
) -> Result:
    """Which customers can be contacted, on each channel and on any, by tier and by store.

    `summaries` are the customer summaries of `days`: the period's last day ("none"), and the ends
    of the periods it is compared with; `missing` says why one of those cannot be. A customer is
    who has an order date in the activity window up to the day; internal and test accounts are
    none. Columns: cut ("", "channel", "tier", "store"), label, n, numerator, value, low, high
    (Wilson); closed, dead, blank (customers so blocked on a channel; missing where the sources do
    not tell of it). Records: `reachable_share`, of all with its changes paired by customer, by
    `channel=`, `tier=` and `store_id=`. Empty, with its reason, where nothing is known of any
    channel.
    """
    known = channels_known(contacts)
    if not known:
        record = Record(REACHABLE, None, "share", status="not_computed", reason=NO_CONSENT)
        return Result(pd.DataFrame(columns=["cut"]), (record,))
    with _units(contacts, summaries, days, known).cache() as units:
        names = {"any": {w: ratios.Pair(units[f"any_{w}"], units[f"one_{w}"]) for w in days}}
        names |= {c: {"none": ratios.Pair(units[f"{c}_open"], units["one_none"])} for c in known}
        found = ratios.sums(units, names)
        blocked = _blocked(units, known)
        now: dict[str, dict[CompareTo, ratios.Pair]] = {"any": {"none": names["any"]["none"]}}
        cuts = {
            key: {label: of["any"] for label, of in ratios.sums_by(units, now, by=column).items()}
            for key, column in (("tier", "tier"), ("store_id", "store"))
        }
    records = [
        *ratios.figure_records(
            REACHABLE, found["any"], binary=True, reasons={}, provisional={"none": provisional}
        )
    ]
    records += [_uncompared(records[0], window, why) for window, why in missing.items()]
    rows = [{"cut": "", "label": "", **_level(found["any"])}]
    for channel, told in known.items():
        counts = {b: blocked[f"{channel}_{b}"] if b in told else np.nan for b in BLOCKS}
        rows.append({"cut": "channel", "label": channel, **_level(found[channel]), **counts})
        records.append(_record(found[channel], dimensions(channel=channel)))
    for key, by_label in cuts.items():
        some = [label for label in by_label if label and by_label[label].moments["none"].b > 0]
        for label in sorted(some, key=lambda x: (-by_label[x].moments["none"].b, x)):
            cut = key.removesuffix("_id")
            rows.append({"cut": cut, "label": label, **_level(by_label[label])})
            records.append(_record(by_label[label], dimensions(**{key: label})))
    return Result(pd.DataFrame(rows), tuple(records))


def _uncompared(base: Record, window: CompareTo, why: str) -> Record:
    return replace(base, compare_to=window, status="not_computed", reason=why)


def _level(sums: ratios.Sums) -> dict[str, float]:
    m = sums.moments["none"]
    if not m.b > 0:
        return {"n": m.b, "numerator": m.a, "value": np.nan, "low": np.nan, "high": np.nan}
    return {"n": m.b, "numerator": m.a, **wilson(m.a, m.b)._asdict()}


def _record(sums: ratios.Sums, where: str) -> Record:
    return ratios.figure_records(
        REACHABLE, ratios.Sums({"none": sums.moments["none"]}, {}), binary=True, reasons={},
        dimensions=where,
    )[0]  # fmt: skip


def _blocked(units: ir.Table, known: Iterable[str]) -> dict[str, float]:
    names = [f"{c}_{b}" for c in known for b in BLOCKS]
    row = units.aggregate(**{n: units[n].sum() for n in names}).to_pyarrow().to_pylist()[0]
    return {name: float(value or 0) for name, value in row.items()}


def _units(
    contacts: Contacts,
    summaries: Mapping[CompareTo, ir.Table],
    days: Mapping[CompareTo, dt.date],
    known: Collection[ConsentChannel],
) -> ir.Table:
    """One row a customer: one_<window> (is one then), any_<window> (and can be reached); of today
    <channel>_open and what blocks it, tier and store ("" where unknown)."""
    table = _on_day(contacts, summaries["none"], days["none"], known)
    table = table.rename(one_none="one", any_none="any")
    for window, day in days.items():
        if window == "none":
            continue
        then = _on_day(contacts, summaries[window], day, known)
        then = then.select(
            **{"then_id": then.customer_id, f"one_{window}": then.one, f"any_{window}": then.any}
        )
        table = table.left_join(then, table.customer_id == then.then_id).drop("then_id")
    return table.mutate(
        **{
            f"{name}_{w}": table[f"{name}_{w}"].fill_null(0).cast("int64")
            for name in ("one", "any")
            for w in days
        }
    )


def _on_day(
    contacts: Contacts, summary: ir.Table, day: dt.date, known: Collection[ConsentChannel]
) -> ir.Table:
    """One row a customer of the summary: one, any, <channel>_open and blocks (0 or 1), tier,
    store."""
    table = summary.select(
        "customer_id", "last_date", store=summary.last_store_id.fill_null("")
    )
    blocks = open_to(contacts, known, day=day)
    if blocks is not None:
        blocks = blocks.rename(blocked_id="customer_id")
        table = table.left_join(blocks, table.customer_id == blocks.blocked_id)
    if contacts.customers is not None:
        file = contacts.customers
        told = file.select(
            file_id=file.customer_id,
            tier=file[contacts.tier].cast("string") if contacts.tier else ibis.literal(""),
            internal=file.is_internal.fill_null(False) | file.is_test.fill_null(False),
        )
        table = table.left_join(told, table.customer_id == told.file_id)
    one = (table.last_date >= active_at(day, contacts.months).start) & ~_flag(table, "internal")
    shut = {
        c: _flag(table, f"{c}_closed") | _flag(table, f"{c}_dead") | _flag(table, f"{c}_blank")
        for c in known
    }
    columns: dict[str, ir.Value] = {f"{c}_open": ratios.flag(one & ~shut[c]) for c in known}
    for channel in known:
        for block in BLOCKS:
            name = f"{channel}_{block}"
            columns[name] = ratios.flag(one & _flag(table, name))
    tier = table.tier.fill_null("") if "tier" in table.columns else ibis.literal("")
    return table.select(
        "customer_id",
        "store",
        tier=tier,
        one=ratios.flag(one),
        any=ratios.flag(one & ibis.or_(*(~s for s in shut.values()))),
        **columns,
    )


def unreachable(contacts: Contacts, ids: pd.Series, *, day: dt.date) -> frozenset[str]:
    """Those of the customers whom no known channel reaches at the end of `day`."""
    known = channels_known(contacts)
    blocks = open_to(contacts, known, day=day)
    if not known or blocks is None or ids.empty:
        return frozenset()
    table = blocks.semi_join(ibis.memtable(pd.DataFrame({"customer_id": ids})), "customer_id")
    shut = ibis.and_(
        *(table[f"{c}_closed"] | table[f"{c}_dead"] | table[f"{c}_blank"] for c in known)
    )
    return frozenset(table.filter(shut).select("customer_id").to_pandas()["customer_id"])


# ---- those due -----------------------------------------------------------------------------------


def fates(
    due: pd.DataFrame, contacted: Collection[str], blocked: Collection[str]
) -> pd.DataFrame:
    """What became of each customer due at a period's start who is neither internal nor lapsed.

    `due` comes from the lists of the period before (customer_id, state, outcome, expected_margin),
    `contacted` and `blocked` are ids. Adds `fate`, the first of FATES that holds: contacted in the
    period; just before it (within the lists' quiet days); on no channel; a complaint was open;
    withheld by chance; left.
    """
    rows = due[~due["outcome"].isin(NOT_DUE)]
    fate = np.select(
        [
            rows["customer_id"].isin(contacted),
            rows["outcome"] == "contacted",
            rows["customer_id"].isin(blocked) | (rows["outcome"] == "opted_out"),
            rows["outcome"] == "open_complaint",
            rows["outcome"] == "withheld",
        ],
        FATES[:-1],
        FATES[-1],
    )
    columns = ["customer_id", "state", "expected_margin"]
    return rows[columns].assign(fate=fate).reset_index(drop=True)


def contacted_share(
    windows: Mapping[CompareTo, pd.DataFrame],
    *,
    missing: Mapping[CompareTo, str],
    worth: str = "margin",
    provisional: str | None = None,
) -> Result:
    """Of those due at the period's start, how many were contacted in it, and why others were not.

    `windows` has the `fates` of the period ("none") and of those it is compared with; `missing`
    says why one has none. Columns: fate (see FATES), due, overdue, at_risk, customers, share, low,
    high (Wilson, of all due), expected (money of `worth` within a year, missing where unknown).
    Records: `due_contacted_share` with its changes paired by customer; `due_fate` by `fate=`.
    """
    if "none" in missing or "none" not in windows:
        why = missing.get("none", NOBODY)
        record = Record(CONTACTED, None, "share", status="not_computed", reason=why)
        return Result(pd.DataFrame(columns=["fate"]), (record,))
    now, n = windows["none"], float(len(windows["none"]))
    records = [
        *ratios.figure_records(
            CONTACTED, _paired(windows), binary=True, reasons={}, provisional={"none": provisional}
        )
    ]
    if records[0].value is not None:
        records += [_uncompared(records[0], w, why) for w, why in missing.items()]
    rows = []
    for fate in FATES:
        part = now[now["fate"] == fate]
        states = {state: int((part["state"] == state).sum()) for state in STATES}
        share = wilson(len(part), n)._asdict() if n else dict.fromkeys(("value", "low", "high"))
        share["share"] = share.pop("value")
        money = part["expected_margin"].sum(min_count=1) if len(part) else 0.0
        rows.append({"fate": fate, **states, "customers": len(part), **share, "expected": money})
        where = dimensions(fate=fate)
        records.append(Record("due_fate", float(len(part)), "count", where, n=n))
    frame = pd.DataFrame(rows)
    return Result(frame.assign(worth=worth), tuple(records))


def _paired(windows: Mapping[CompareTo, pd.DataFrame]) -> ratios.Sums:
    """Who was due in several windows counts in each, and pairs with himself."""
    columns = {}
    for window, frame in windows.items():
        index = pd.Index(frame["customer_id"])
        columns[f"a_{window}"] = pd.Series((frame["fate"] == "contacted").to_numpy(float), index)
        columns[f"b_{window}"] = pd.Series(1.0, index)
    table = pd.DataFrame(columns).fillna(0.0)
    n = float(len(table))
    a, b = ({w: table[f"{x}_{w}"].to_numpy() for w in windows} for x in "ab")
    moments = {
        w: Moments(n, a[w].sum(), b[w].sum(), a[w] @ a[w], a[w] @ b[w], b[w] @ b[w])
        for w in windows
    }
    cross: dict[CompareTo, Cross] = {
        w: Cross(a["none"] @ a[w], a["none"] @ b[w], b["none"] @ a[w], b["none"] @ b[w])
        for w in windows
        if w != "none"
    }
    return ratios.Sums(moments, cross)


# ---- what it says ----------------------------------------------------------------------------


def verdict(
    can: Result, were: Result, rules: FunnelRules, *, period: str, exhibits: Sequence[str]
) -> Verdict:
    """Whether reach is what keeps customers from coming back.

    `can` comes from `reachable`, `were` from `contacted_share`. "act": a stated rule is missed by
    a complete count. "watch": the share contacted fell on the period before and on a year ago, or
    half of those due were left alone though they could
    have been contacted, or a fifth of all customers is closed. Nothing under the material sizes.
    """
    able, told = can.one(REACHABLE), were.one(CONTACTED)
    if able.value is None and told.value is None:
        why = told.reason if told.reason == NO_EVENTS else able.reason
        return Verdict("reach", "not_computable", reason=why)
    for found in (
        _rule(told, rules.due_contacted_share, "rule_due", rules, period, exhibits[1]),
        _rule(able, rules.reachable_share, "rule_reachable", rules, period, exhibits[0]),
        _watched(able, told, were, rules, period, exhibits),
    ):
        if found is not None:
            return found
    record = able if told.value is None else told
    values = {"value_share": record.value, "n_count": record.n, "in_period": period}
    if told.value is None:
        return Verdict("reach", "ok", CLAIMS["ok_reachable"], _needed("ok_reachable", values),
                       (record_key(able),), exhibit=exhibits[0])  # fmt: skip
    values["closed_count"] = _count(were, "unreachable")
    return Verdict("reach", "ok", CLAIMS["ok"], values, (record_key(told),), exhibit=exhibits[1],
                   confidence="high")  # fmt: skip


def _needed(claim: str, values: Mapping[str, Value]) -> dict[str, Value]:
    """The values that the claim has gaps for."""
    return {name: value for name, value in values.items() if f"{{{name}}}" in CLAIMS[claim]}


def _count(were: Result, fate: str) -> int:
    frame = were.frame.set_index("fate")["customers"]
    return int(frame.get(fate, 0))


def _rule(
    record: Record, rule: float | None, claim: str, rules: FunnelRules, period: str, exhibit: str
) -> Verdict | None:
    if rule is None or record.value is None or record.n is None or record.value >= rule:
        return None
    if (rule - record.value) * record.n < rules.material_customers:
        return None
    values: dict[str, Value] = {
        "value_share": record.value, "n_count": record.n, "in_period": period, "rule_share": rule
    }  # fmt: skip
    return Verdict(
        "reach", "act", CLAIMS[claim], _needed(claim, values), (record_key(record),),
        action=ACTIONS["due" if claim == "rule_due" else "closed"], confidence="high",
        exhibit=exhibit,
    )  # fmt: skip


def _watched(
    able: Record, told: Record, were: Result, rules: FunnelRules, period: str,
    exhibits: Sequence[str],
) -> Verdict | None:
    """What is worth a look: a fall, many left alone, many closed."""
    base: dict[str, Value] = {"in_period": period, "n_count": told.n, "value_share": told.value}
    change = _fall(were, rules)
    if change is not None:
        values = base | {"change_points": change.change, "against_label": change.compare_to}
        return Verdict(
            "reach", "watch", CLAIMS["fell"], _needed("fell", values), (record_key(change),),
            action=ACTIONS["due"], exhibit=exhibits[1],
        )  # fmt: skip
    if told.n:
        left, closed = _count(were, "left"), _count(were, "unreachable")
        if left >= MOST_LEFT * told.n and left >= rules.material_customers:
            values = base | {"left_count": left, "closed_count": closed}
            return Verdict(
                "reach", "watch", CLAIMS["left"], _needed("left", values), (record_key(told),),
                action=ACTIONS["due"], exhibit=exhibits[1],
            )  # fmt: skip
    if able.value is not None and able.n and able.low is not None:
        shut = able.n - (able.numerator or 0)
        if shut >= MOST_CLOSED * able.n and shut >= rules.material_customers:
            values = {"closed_count": shut, "n_count": able.n}
            return Verdict(
                "reach", "watch", CLAIMS["closed"], values, (record_key(able),),
                action=ACTIONS["closed"], exhibit=exhibits[0],
            )  # fmt: skip
    return None


def _fall(were: Result, rules: FunnelRules) -> Record | None:
    """The fall of the share contacted, if both comparisons show one: one may be the season."""
    changes = [r for r in were.records if r.metric == CONTACTED and r.compare_to in THEN]
    deep = [r for r in changes if moved(r) < 0 and -(r.change or 0) >= rules.material_points]
    return max(deep, key=lambda r: r.change or 0.0) if len(deep) == len(THEN) else None
