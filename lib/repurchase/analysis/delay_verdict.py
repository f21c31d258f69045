"""What the check of data delay says.

"act" only for what the profile rules: a source older than `max_stale_days`, a share of late orders
or of contacts without knowing of an order beyond the share that it states, by more than chance.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from repurchase.analysis.findings import record_key
from repurchase.analysis.verdicts import Verdict
from repurchase.params import FunnelRules
from repurchase.records import Record, Result, dimensions
from repurchase.words import N_

# Of the period's orders: more than this still to come is worth a word.
MATERIAL_MISSING = 0.01

CLAIMS = {
    "stale": N_(
        "The newest row of {from_source} is of {last_day}, {age_count} days before the end; the"
        " profile allows {limit_count}"
    ),
    "late": N_(
        "{late_share} of the orders were loaded more than {late_count} days late, at worst"
        " {worst_count} days; the profile allows {limit_share}"
    ),
    "late_place": N_(
        "{late_share} of the orders were loaded more than {late_count} days late, the profile"
        " allows {limit_share}; {orders_count} of the {all_count} were of {where_place}, from"
        " {first_day} to {last_day}, up to {worst_count} days late"
    ),
    "blind": N_(
        "{stale_share} of the contacts went to a customer whose order had happened and was not"
        " loaded yet; the profile allows {limit_share}"
    ),
    "outage": N_(
        "The orders of {where_place} from {first_day} to {last_day} came up to {worst_count} days"
        " late, {orders_count} of them; since {loaded_day} they are there"
    ),
    "silent": N_(
        "{from_source} has sent nothing since {last_day}, {age_count} days before the end; its"
        " longest pause in the year before, in days: {pause_count}"
    ),
    "missing": N_(
        "About {missing_count} orders of the period have most likely not arrived yet (95% interval"
        " {low_count} to {high_count})"
    ),
    "ok": N_(
        "Days until an order is loaded: half within {half_count}, 95% within {most_count};"
        " {late_share} came later than {late_count} days"
    ),
}
ACTIONS = {
    "stale": N_("Have that source exported again before anything else is read from it."),
    "late": N_("Let whoever runs the loads explain the late ones, source by source."),
    "blind": N_("Hold contacts back until the orders of the day before are loaded."),
    "outage": N_(
        "Ask why nobody noticed, and let the load report each day's orders by store: figures made"
        " in those days were too low."
    ),
    "silent": N_("Ask whether that system still sends, and whether it has been replaced."),
    "missing": N_("Make the pack again when they have arrived; the next one counts them anyway."),
}


def verdict(
    arrived: Result,
    fresh: Result,
    found: Result,
    weeks: Result,
    stale: Result,
    rules: FunnelRules,
    *,
    exhibits: Mapping[str, str] | None = None,
) -> Verdict:
    """The check's answer from `delay.arrivals`, `freshness`, `outages`, `last_weeks` and
    `stale_touches`; `exhibits` names those of "fresh", "arrived" and "missing".
    """
    shown = exhibits or {}
    rows = fresh.frame.to_dict("records")
    old = next((row for row in rows if row["stale"]), None)
    if old:
        return _of_source("stale", "act", old, shown.get("fresh"))
    whole = _whole(arrived)
    record = arrived.one("late_arrival_share", dimensions=dimensions(table="orders"))
    if whole is None:
        return Verdict("delay", "not_computable", reason=record.reason)
    tries: Iterable[Callable[[], Verdict | None]] = (
        lambda: _late(whole, found, record, rules, shown.get("arrived")),
        lambda: _blind(stale, rules, shown.get("arrived")),
        lambda: _outage(found, record, shown.get("arrived")),
        lambda: _silent(rows, shown.get("fresh")),
        lambda: _missing(weeks, shown.get("missing")),
    )
    for one in tries:
        answer = one()
        if answer:
            return answer
    values = {
        "half_count": whole["p50"], "most_count": whole["p95"], "late_count": rules.late_days,
        "late_share": whole["share"],
    }  # fmt: skip
    return Verdict(
        "delay", "ok", CLAIMS["ok"], values, (record_key(record),), confidence="high",
        exhibit=shown.get("arrived"),
    )  # fmt: skip


def _whole(arrived: Result) -> Mapping[str, Any] | None:
    """The row of all orders, None where no delay of an order is known."""
    rows = arrived.frame.to_dict("records")
    found = [r for r in rows if (r["table"], r["system"]) == ("orders", "") and r["known"] > 0]
    return {str(k): v for k, v in found[0].items()} if found else None


def _of_source(kind: str, answer: Any, row: Mapping[Any, Any], exhibit: str | None) -> Verdict:
    name = f"{row['table']}:{row['system']}" if row["system"] else row["table"]
    values = {"from_source": name, "last_day": row["last"].isoformat(), "age_count": row["days"]}
    values |= {"limit_count": row["limit"]} if kind == "stale" else {"pause_count": row["pause"]}
    told = {"table": row["table"]} | ({"source_system": row["system"]} if row["system"] else {})
    key = record_key(Record("source_age", None, "days", dimensions(**told)))
    return Verdict(
        "delay", answer, CLAIMS[kind], values, (key,), action=ACTIONS[kind], confidence="high",
        exhibit=exhibit,
    )  # fmt: skip


def _late(
    whole: Mapping[str, Any], found: Result, record: Record, rules: FunnelRules,
    exhibit: str | None,
) -> Verdict | None:  # fmt: skip
    if rules.late_share is None or not whole["low"] > rules.late_share:
        return None
    values = {
        "late_share": whole["share"], "late_count": rules.late_days,
        "worst_count": whole["worst"], "limit_share": rules.late_share,
    }  # fmt: skip
    claim = CLAIMS["late"]
    if len(found.frame):
        claim = CLAIMS["late_place"]
        values |= {**_place(found), "all_count": whole["late"]}
    return Verdict(
        "delay", "act", claim, values, (record_key(record),), action=ACTIONS["late"],
        confidence="high", exhibit=exhibit,
    )  # fmt: skip


def _blind(stale: Result, rules: FunnelRules, exhibit: str | None) -> Verdict | None:
    record = stale.one("stale_touch_share")
    if record.low is None or rules.stale_touch_share is None:
        return None
    if not record.low > rules.stale_touch_share:
        return None
    values = {"stale_share": record.value, "limit_share": rules.stale_touch_share}
    return Verdict(
        "delay", "act", CLAIMS["blind"], values, (record_key(record),), action=ACTIONS["blind"],
        confidence="high", exhibit=exhibit,
    )  # fmt: skip


def _outage(found: Result, record: Record, exhibit: str | None) -> Verdict | None:
    if found.frame.empty:
        return None
    return Verdict(
        "delay", "watch", CLAIMS["outage"], _place(found), (record_key(record),),
        action=ACTIONS["outage"], confidence="high", exhibit=exhibit,
    )  # fmt: skip


def _place(found: Result) -> dict[str, Any]:
    """The outage with the most late orders."""
    row = found.frame.iloc[0]
    return {
        "where_place": dimensions(**{row["cut"]: row["label"]}),
        "first_day": row["first"].isoformat(), "last_day": row["last"].isoformat(),
        "loaded_day": row["loaded"].isoformat(), "worst_count": int(row["worst"]),
        "orders_count": int(row["late"]),
    }  # fmt: skip


def _silent(rows: Iterable[Mapping[Any, Any]], exhibit: str | None) -> Verdict | None:
    quiet = next((r for r in rows if r["unusual"] and not r["given_up"]), None)
    return _of_source("silent", "watch", quiet, exhibit) if quiet else None


def _missing(weeks: Result, exhibit: str | None) -> Verdict | None:
    record = weeks.one("missing_orders", dimensions=dimensions(span="period"))
    if record.value is None or not (record.low or 0) > MATERIAL_MISSING * (record.n or 0):
        return None
    values = {
        "missing_count": round(record.value), "low_count": round(record.low or 0),
        "high_count": round(record.high or 0),
    }  # fmt: skip
    return Verdict(
        "delay", "watch", CLAIMS["missing"], values, (record_key(record),),
        action=ACTIONS["missing"], exhibit=exhibit,
    )  # fmt: skip
