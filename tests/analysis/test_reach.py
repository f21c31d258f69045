"""Who can be contacted at all, and who of those due was."""

from __future__ import annotations

import datetime as dt
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
import pytest
from repurchase.analysis import reach
from repurchase.analysis.reach import Contacts
from repurchase.analysis.touches import NO_EVENTS
from repurchase.params import FunnelRules
from repurchase.records import Record, Result
from repurchase.stats.proportion import change_of, wilson

END, BEFORE = dt.date(2025, 9, 30), dt.date(2025, 8, 31)
CUSTOMERS = {
    "customer_id": "string", "level": "string", "opt_out_email": "boolean",
    "opt_out_sms": "boolean", "do_not_call": "boolean", "is_internal": "boolean",
    "is_test": "boolean", "x_phone": "string",
}  # fmt: skip
EVENTS = {
    "event_id": "string", "customer_id": "string", "occurred_at": "timestamp",
    "occurred_date": "date", "type": "string", "channel": "string", "outcome": "string",
    "is_bot": "boolean",
}  # fmt: skip
SUMMARY = {"customer_id": "string", "last_date": "date", "last_store_id": "string"}
MAPPED = frozenset({"opt_out_email", "opt_out_sms"})


def table(rows: list[dict[str, Any]], schema: dict[str, str]) -> ir.Table:
    return ibis.memtable(pd.DataFrame(rows, columns=list(schema)), schema=schema)


def people(*ids: str, **columns: list[Any]) -> ir.Table:
    rows = [{"customer_id": i} for i in ids]
    for name, values in columns.items():
        for row, value in zip(rows, values, strict=True):
            row[name] = value
    return table(rows, CUSTOMERS)


def events(*rows: tuple[str, str, str, str | None, str | None]) -> ir.Table:
    """Customer, day, type, channel, outcome."""
    made = [
        {
            "event_id": f"E{n:03d}", "customer_id": who, "occurred_at": pd.Timestamp(day),
            "occurred_date": dt.date.fromisoformat(day), "type": kind, "channel": channel,
            "outcome": outcome,
        }
        for n, (who, day, kind, channel, outcome) in enumerate(rows)
    ]  # fmt: skip
    return table(made, EVENTS)


def summary(ids: str, *, last: str = "2025-08-15", store: str = "S1") -> ir.Table:
    day = dt.date.fromisoformat(last)
    return table(
        [{"customer_id": i, "last_date": day, "last_store_id": store} for i in ids], SUMMARY
    )


def contacts(
    customers: ir.Table | None, made: ir.Table | None, *, mapped: frozenset[str] = MAPPED,
    **rules: Any,
) -> Contacts:  # fmt: skip
    return Contacts(customers, made, mapped, FunnelRules(**rules), 12, "level")


def reached(told: Contacts, ids: str, **days: dt.date) -> Result:
    when: Any = {"none": END, **days}
    return reach.reachable(told, {w: summary(ids) for w in when}, when, missing={})


def share(found: Result, where: str = "") -> tuple[float, float]:
    record = found.one("reachable_share", dimensions=where)
    return record.numerator or 0.0, record.n or 0.0


def test_each_channel_is_shut_for_its_own_reason() -> None:
    """Of four, one has opted out of mail by the file, one of text messages by an event; ann of both
    and of WeChat, so that only she is out of reach."""
    customers = people("a", "b", "c", "d", opt_out_email=[True, True, False, None],
                       opt_out_sms=[True, False, False, None])  # fmt: skip
    made = events(
        ("c", "2025-09-02", "unsubscribe", "sms", None),
        ("a", "2025-09-02", "unsubscribe", "wechat", None),
    )
    found = reached(contacts(customers, made), "abcd")
    rows = found.frame.set_index("label")

    assert (2, 4) == share(found, "channel=email")
    assert (2, 4) == share(found, "channel=sms")
    assert (3, 4) == share(found, "channel=wechat")
    assert (3, 4) == share(found)
    assert [2, 2, 1] == rows.loc[["email", "sms", "wechat"], "closed"].tolist()
    assert "phone" not in rows.index
    assert np.isnan(rows.loc["email", "dead"])


def test_an_opt_out_without_a_channel_shuts_what_is_sent() -> None:
    """Mail, text messages and WeChat, and not the phone."""
    made = events(("a", "2025-09-02", "unsubscribe", None, None))
    flags = MAPPED | {"do_not_call"}
    found = reached(contacts(people("a"), made, mapped=flags), "a")

    assert [0, 0, 0, 1] == [
        share(found, f"channel={c}")[0] for c in ("email", "sms", "wechat", "phone")
    ]


def test_a_channel_is_dead_after_two_failures_in_a_row() -> None:
    """One failure, or one that a delivery followed, is none; a machine's click revives nothing."""
    made = events(
        ("a", "2025-09-01", "sms", "sms", "failed"), ("a", "2025-09-08", "sms", "sms", "failed"),
        ("b", "2025-09-01", "sms", "sms", "failed"), ("b", "2025-09-08", "sms", "sms", "delivered"),
        ("c", "2025-09-08", "sms", "sms", "failed"),
        ("d", "2025-09-01", "sms", "sms", "failed"), ("d", "2025-09-02", "sms", "sms", "failed"),
        ("d", "2025-09-09", "email_sent", "email", "delivered"),
    )  # fmt: skip
    told = contacts(None, made, mapped=frozenset())
    found = reached(told, "abcd")

    assert (2, 4) == share(found, "channel=sms")
    assert 2 == found.frame.set_index("label").loc["sms", "dead"]
    assert frozenset("ad") == reach.unreachable(told, pd.Series(list("abcd")), day=END)
    once = contacts(None, made, mapped=frozenset(), failures=1)
    assert (1, 4) == share(reached(once, "abcd"), "channel=sms")


def test_an_address_is_needed_where_its_column_is_named() -> None:
    """Blank and missing are none."""
    customers = people("a", "b", "c", x_phone=["138", " ", None])
    told = contacts(customers, None, mapped=frozenset(), addresses={"sms": "x_phone"})
    found = reached(told, "abc")

    assert (1, 3) == share(found)
    assert 2 == found.frame.set_index("label").loc["sms", "blank"]


def test_customers_are_active_and_not_ones_own_people() -> None:
    """A lapsed one, an internal and a test account are no customers; tiers and stores add up."""
    customers = people("a", "b", "c", "d", is_internal=[None, True, None, None],
                       is_test=[None, None, True, None], level=["gold"] * 3 + [None])  # fmt: skip
    rows = ibis.union(summary("abc"), summary("d", last="2024-09-30"))
    days: Any = {"none": END}
    found = reach.reachable(contacts(customers, None), {"none": rows}, days, missing={})

    assert (1, 1) == share(found) == share(found, "tier=gold") == share(found, "store_id=S1")


def test_a_change_pairs_customers_and_knows_no_later_opt_out() -> None:
    """Twenty of a hundred opt out in September; the file's flag without an event holds always."""
    ids = [f"{n:03d}" for n in range(100)]
    customers = people(*ids, opt_out_sms=[n < 30 for n in range(100)])
    made = events(*((i, "2025-09-10", "unsubscribe", "sms", None) for i in ids[:20]))
    told = contacts(customers, made, mapped=frozenset({"opt_out_sms"}))
    rows = table(
        [{"customer_id": i, "last_date": dt.date(2025, 8, 15), "last_store_id": ""} for i in ids],
        SUMMARY,
    )
    days: Any = {"none": END, "previous": BEFORE}
    found = reach.reachable(told, {"none": rows, "previous": rows}, days, missing={})
    change = found.one("reachable_share", compare_to="previous")

    assert (70, 100) == share(found)
    assert -0.2 == pytest.approx(change.change)  # 70 % against 90 %
    alone = change_of(wilson(70, 100), wilson(90, 100))
    assert alone.low < (change.change_low or 0) < (change.change_high or 0) < alone.high


def test_where_nothing_is_known_of_any_channel_it_says_so() -> None:
    """Neither customers nor events; a touch that did not fail tells nothing either."""
    for made in (None, events(("a", "2025-09-01", "sms", "sms", "delivered"))):
        record = reached(contacts(None, made, mapped=frozenset()), "a").records[0]

        assert (None, "not_computed") == (record.value, record.status)
        assert "no opt-out" in (record.reason or "")


# ---- those due -----------------------------------------------------------------------------------


def due(outcomes: str, *, first: int = 0) -> pd.DataFrame:
    names = {"l": "listed", "w": "withheld", "c": "contacted", "o": "open_complaint",
             "i": "internal", "x": "lapsed"}  # fmt: skip
    return pd.DataFrame(
        {
            "customer_id": [f"c{first + n}" for n in range(len(outcomes))],
            "state": "overdue",
            "outcome": [names[o] for o in outcomes],
            "expected_margin": 10.0,
        }
    )


def test_everyone_due_has_one_fate_and_the_first_counts() -> None:
    """Internal and lapsed are not due; contacted before all, out of reach before a complaint."""
    found = reach.fates(due("ixlllcow"), {"c2", "c5", "c7"}, {"c2", "c3", "c6"})

    assert ["contacted", "unreachable", "left", "contacted", "unreachable", "contacted"] == (
        found["fate"].tolist()
    )
    calm = reach.fates(due("lcow"), set(), set())["fate"].tolist()
    assert ["left", "just_before", "open_complaint", "withheld"] == calm


def test_the_share_contacted_and_why_others_were_not() -> None:
    """60 of 100, ten out of reach; the fates add up to all, and money to theirs."""
    ids = [f"c{n}" for n in range(100)]
    now = reach.fates(due("l" * 100), set(ids[:60]), set(ids[90:]))
    then = reach.fates(due("l" * 100), set(ids[:40]), set())
    windows: Any = {"none": now, "previous": then}
    found = reach.contacted_share(windows, missing={"year_ago": "too early"})
    record, change = found.one("due_contacted_share"), found.one(
        "due_contacted_share", compare_to="previous"
    )
    rows = found.frame.set_index("fate")

    assert (0.6, 60, 100) == (record.value, record.numerator, record.n)
    assert tuple(wilson(60, 100))[1:] == (record.low, record.high)
    assert [60, 10, 30] == rows.loc[["contacted", "unreachable", "left"], "customers"].tolist()
    assert (100, 1000) == (rows["customers"].sum(), rows["expected"].sum())
    assert 0.2 == pytest.approx(change.change)
    assert (change.change_low or 0) > 0
    assert "too early" == found.one("due_contacted_share", compare_to="year_ago").reason


# ---- what it says --------------------------------------------------------------------------------


def said(can: Record, were: list[Record], fates: dict[str, int], **rules: Any) -> Any:
    frame = pd.DataFrame({"fate": list(fates), "customers": list(fates.values())})
    return reach.verdict(
        Result(pd.DataFrame(), (can,)), Result(frame, tuple(were)), FunnelRules(**rules),
        period="2025-09", exhibits=("F-10", "F-11"),
    )  # fmt: skip


def level(metric: str, hits: float, n: float, **more: Any) -> Record:
    found = wilson(hits, n)
    return Record(metric, found.value, "share", low=found.low, high=found.high, numerator=hits,
                  n=n, **more)  # fmt: skip


CAN = level("reachable_share", 950, 1000)
WERE = level("due_contacted_share", 600, 1000)
CALM = {"contacted": 600, "left": 300, "unreachable": 100}


def test_only_a_stated_rule_makes_it_something_to_act_on() -> None:
    """60 % is "ok" without a rule and with one of 60 %, "act" with 80 %; 20 short of 1,000 is not
    material."""
    assert "ok" == said(CAN, [WERE], CALM).answer
    assert "ok" == said(CAN, [WERE], CALM, due_contacted_share=0.6).answer
    assert "ok" == said(CAN, [WERE], CALM, due_contacted_share=0.62).answer
    acted = said(CAN, [WERE], CALM, due_contacted_share=0.8)
    assert ("act", "F-11", 0.8) == (acted.answer, acted.exhibit, acted.values["rule_share"])
    closed = said(CAN, [WERE], CALM, reachable_share=0.99)
    assert ("act", "F-10") == (closed.answer, closed.exhibit)


def test_a_fall_is_watched_only_where_both_comparisons_show_it() -> None:
    """Ten points on a month ago alone may be the season."""

    def moved(against: Any, change: float) -> Record:
        return level("due_contacted_share", 600, 1000, compare_to=against, change=change,
                     change_low=change - 0.03, change_high=change + 0.03)  # fmt: skip

    one = [WERE, moved("previous", -0.1)]
    assert "ok" == said(CAN, one, CALM).answer
    assert "ok" == said(CAN, [*one, moved("year_ago", -0.01)], CALM).answer
    both = said(CAN, [*one, moved("year_ago", -0.2)], CALM)
    assert ("watch", -0.1, "previous") == (
        both.answer, both.values["change_points"], both.values["against_label"]
    )  # fmt: skip


def test_many_left_alone_or_closed_are_worth_a_look() -> None:
    """Half of those due, or a fifth of all customers; few of few are not."""
    many = said(CAN, [WERE], {"contacted": 400, "left": 500, "unreachable": 100})
    assert ("watch", 500, 100) == (
        many.answer, many.values["left_count"], many.values["closed_count"]
    )  # fmt: skip
    shut = said(level("reachable_share", 700, 1000), [WERE], CALM)
    assert ("watch", 300) == (shut.answer, shut.values["closed_count"])
    few = said(CAN, [level("due_contacted_share", 10, 40)], {"contacted": 10, "left": 29})
    assert "ok" == few.answer


def test_without_any_table_the_reason_is_told() -> None:
    """No events: nothing can be said; with consent alone, who can be contacted is."""
    none = Record("due_contacted_share", None, "share", status="not_computed", reason=NO_EVENTS)
    nothing = Record("reachable_share", None, "share", status="not_computed", reason="no consent")
    found = said(nothing, [none], {})

    assert ("not_computable", NO_EVENTS) == (found.answer, found.reason)
    alone = said(CAN, [none], {})
    assert ("ok", "F-10", 0.95) == (alone.answer, alone.exhibit, alone.values["value_share"])
