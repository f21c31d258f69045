"""What the check of data delay says."""

import datetime as dt

import pandas as pd
import pytest
from repurchase.analysis import delay
from repurchase.analysis.delay_verdict import verdict
from repurchase.analysis.freshness import Source
from repurchase.params import FunnelRules
from repurchase.reasons import NO_LOADED
from repurchase.records import Record, Result
from repurchase.stats.proportion import wilson

DAY = dt.date(2025, 9, 30)
OUTAGE = {"cut": "store_id", "label": "S2", "first": dt.date(2025, 9, 5),
          "last": dt.date(2025, 9, 9), "days": 5, "orders": 20, "late": 20, "worst": 19,
          "loaded": dt.date(2025, 9, 24)}  # fmt: skip


def arrived(late=20, n=1000):
    """Orders of which so many came late."""
    share = wilson(late, n) if n else (float("nan"),) * 3
    row = {"table": "orders", "system": "", "known": n, "p50": 1.0, "p95": 2.0, "worst": 19.0,
           "late": late, "share": share[0], "low": share[1], "high": share[2]}  # fmt: skip
    why = None if n else NO_LOADED
    record = Record("late_arrival_share", share[0], "share", "table=orders", n=n, reason=why)
    return Result(pd.DataFrame([row]), (record,))


def fresh(*sources):
    return delay.freshness(sources or [Source("costs", "", DAY, 29, 45)])


def missing(total=0.0, low=0.0, high=0.0, n=1000.0):
    record = Record("missing_orders", total, "count", "span=period", low=low, high=high, n=n)
    return Result(pd.DataFrame(), (record,))


def stale(k=0, n=1000):
    share = wilson(k, n)
    return Result(None, (Record("stale_touch_share", share.value, "share", low=share.low,
                                high=share.high, numerator=k, n=n),))  # fmt: skip


def judged(rules=None, *, late=20, n=1000, sources=(), outage=(), weeks=None, blind=0):
    return verdict(
        arrived(late, n), fresh(*sources), Result(pd.DataFrame(list(outage))),
        weeks or missing(), stale(blind), FunnelRules.model_validate(rules or {}),
    )  # fmt: skip


def test_data_that_come_in_time_are_ok():
    """With what is usual, and a share of late orders that no rule forbids."""
    found = judged()

    assert ("ok", 1.0, 2.0, 0.02) == (
        found.answer, found.values["half_count"], found.values["most_count"],
        found.values["late_share"],
    )  # fmt: skip


def test_a_source_beyond_the_profiles_limit_is_to_be_acted_on():
    """It goes before all else; the gate makes the same pack a draft."""
    source = Source("orders", "POS", dt.date(2025, 8, 1), 60, 45, 1)
    found = judged(sources=[source], outage=[OUTAGE])

    assert ("act", "orders:POS", 60) == (
        found.answer, found.values["from_source"], found.values["age_count"]
    )  # fmt: skip
    assert ("source_age|source_system=POS;table=orders|none",) == found.records


def test_a_stale_source_is_told_without_a_time_of_loading_too():
    """The other delays then cannot be."""
    old = Source("tickets", "", dt.date(2025, 8, 1), 60, 45)

    assert "act" == judged(n=0, late=0, sources=[old]).answer
    nothing = judged(n=0, late=0)
    assert ("not_computable", NO_LOADED) == (nothing.answer, nothing.reason)


@pytest.mark.parametrize(
    ("late", "rule", "answer"),
    [(80, 0.05, "act"), (55, 0.05, "ok"), (400, None, "ok"), (80, 0.1, "ok")],
)
def test_late_orders_are_held_against_a_stated_rule_only(late, rule, answer):
    """And beyond chance: 55 of 1,000 may be five per cent."""
    assert answer == judged({"late_share": rule}, late=late).answer


def test_late_orders_beyond_the_rule_name_the_place_that_was_off_line():
    """Twenty of the eighty were one store's, and how late they came."""
    found = judged({"late_share": 0.05}, late=80, outage=[OUTAGE])

    assert ("act", "store_id=S2", 20, 80, 19) == (
        found.answer, found.values["where_place"], found.values["orders_count"],
        found.values["all_count"], found.values["worst_count"],
    )  # fmt: skip
    assert "where_place" not in judged({"late_share": 0.05}, late=80).values


@pytest.mark.parametrize(
    ("blind", "rule", "answer"), [(80, 0.05, "act"), (55, 0.05, "ok"), (400, None, "ok")]
)
def test_contacts_without_knowing_of_an_order_likewise(blind, rule, answer):
    """A rule that nobody stated is not broken."""
    assert answer == judged({"stale_touch_share": rule}, blind=blind).answer


def test_an_outage_that_is_over_is_watched():
    """Its place, days and how late they came."""
    found = judged(outage=[OUTAGE])

    assert ("watch", "store_id=S2", 20, 19, "2025-09-24") == (
        found.answer, found.values["where_place"], found.values["orders_count"],
        found.values["worst_count"], found.values["loaded_day"],
    )  # fmt: skip


def test_a_system_that_is_unusually_silent_is_watched_until_it_is_given_up():
    """Ten days where it paused for one at most; after 92 days nobody waits."""
    silent = Source("orders", "POS", dt.date(2025, 9, 20), 10, 45, 1)
    gone = Source("orders", "OLD", dt.date(2025, 1, 1), 270, 45, 1)

    assert "watch" == judged(sources=[gone, silent]).answer
    assert "orders:POS" == judged(sources=[gone, silent]).values["from_source"]
    assert "ok" == judged(sources=[gone]).answer


@pytest.mark.parametrize(("low", "answer"), [(10.0, "ok"), (11.0, "watch")])
def test_orders_still_to_come_are_worth_a_word_beyond_one_in_a_hundred(low, answer):
    """By the lower end of their interval."""
    assert answer == judged(weeks=missing(30.0, low, 60.0)).answer
