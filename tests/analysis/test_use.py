"""Is the system used, and does using it do anything."""

from __future__ import annotations

import datetime as dt
from typing import Any

import ibis
import ibis.expr.types as ir
import pandas as pd
import pytest
from repurchase.analysis import use
from repurchase.analysis.use import Findings, Work
from repurchase.params import FunnelRules
from repurchase.records import Record, Result
from repurchase.stats.proportion import change_of, wilson
from repurchase.stats.stratified import Stratum, mantel_haenszel

START, LAST, END = dt.date(2025, 9, 1), dt.date(2025, 9, 14), dt.date(2025, 9, 30)
RULES = FunnelRules()
EVENTS = {
    "event_id": "string", "customer_id": "string", "rep_id": "string", "type": "string",
    "outcome": "string", "occurred_at": "timestamp", "occurred_date": "date",
    "next_at": "timestamp", "is_bot": "boolean",
}  # fmt: skip


def events(*rows: tuple[str, str, str | None, str, str | None, str | None]) -> ir.Table:
    """Customer, time, sales person, type, outcome, next_at."""
    made = [
        {
            "event_id": f"E{n:03d}", "customer_id": who, "occurred_at": pd.Timestamp(at),
            "occurred_date": pd.Timestamp(at).date(), "rep_id": rep, "type": kind,
            "outcome": outcome, "next_at": None if later is None else pd.Timestamp(later),
        }
        for n, (who, at, rep, kind, outcome, later) in enumerate(rows)
    ]  # fmt: skip
    return ibis.memtable(pd.DataFrame(made, columns=list(EVENTS)), schema=EVENTS)


def days(*rows: tuple[str, str]) -> ir.Table:
    made = [{"customer_id": who, "order_date": dt.date.fromisoformat(day)} for who, day in rows]
    schema = {"customer_id": "string", "order_date": "date"}
    return ibis.memtable(pd.DataFrame(made, columns=list(schema)), schema=schema)


# ---- whose customers they are -----------------------------------------------------------------


def test_a_customer_is_the_owners_of_that_day() -> None:
    """Whoever came later or had gone is not; then it is who served the last order."""
    listed = pd.DataFrame(
        {
            "customer_id": list("abcde"),
            "owner_rep_id": ["R1", "new", "gone", None, None],
            "last_rep_id": ["R2", "R2", "gone", "R2", None],
        }
    )
    reps = pd.DataFrame(
        {
            "rep_id": ["R1", "R2", "new", "gone"],
            "team": ["A", None, "A", "A"],
            "active_from": [None, "2025-09-01", "2025-09-02", None],
            "active_to": [None, None, None, "2025-09-01"],
        }
    )
    found = use.owners(listed, reps, day=START)

    assert ["R1", "R2", "", "R2", ""] == found["rep"].tolist()
    assert {"R1": "A", "new": "A", "gone": "A"} == use.teams_of(reps)
    assert ["R1", "new", "gone", "R2", ""] == use.owners(listed, None, day=START)["rep"].tolist()


def test_a_touch_is_a_sales_persons_and_did_not_fail() -> None:
    """A message without a sales person, a failed call and a login are none."""
    made = events(
        ("a", "2025-09-02", "R1", "call", "no_answer", None),
        ("b", "2025-09-02", None, "sms", "delivered", None),
        ("c", "2025-09-02", "R1", "call", "failed", None),
        ("d", "2025-09-02", "R1", "login", None, None),
        ("e", "2025-09-02", "R1", "visit", None, None),
    )
    found = use.rep_touches(made, RULES).to_pandas()

    assert ["a", "e"] == sorted(found["customer_id"])


def test_in_time_is_from_the_first_day_to_the_last() -> None:
    """The day before and the day after are not; only lists and withheld count."""
    due = pd.DataFrame(
        {"customer_id": list("abcdef"), "outcome": ["listed"] * 4 + ["withheld", "lapsed"]}
    )
    made = pd.DataFrame(
        {
            "customer_id": list("abcdf"),
            "touched_on": pd.to_datetime(
                ["2025-09-01", "2025-09-14", "2025-08-31", "2025-09-15", "2025-09-02"]
            ),
        }
    )
    found = use.touched_in_time(due, made, first=START, last=LAST)

    assert isinstance(found, pd.DataFrame)
    assert [True, True, False, False, False] == found["touched"].tolist()
    assert "no events" == use.touched_in_time(due, "no events", first=START, last=LAST)


# ---- by team and by sales person --------------------------------------------------------------


NOTHING = pd.DataFrame(columns=["rep", "n", "k"])


def done(**groups: tuple[int, int]) -> pd.DataFrame:
    return pd.DataFrame([{"rep": rep, "n": n, "k": k} for rep, (n, k) in groups.items()])


def work(ever: frozenset[str] | None = None, **groups: tuple[int, int]) -> Work:
    """On the lists of a sales person: how many, how many of them touched; teams A and B."""
    rows = [
        {"rep": rep, "touched": n < hits} for rep, (size, hits) in groups.items()
        for n in range(size)
    ]  # fmt: skip
    teams = {rep: rep[0] for rep in groups if rep != "none"}
    listed = pd.DataFrame(rows).replace({"rep": {"none": ""}})
    return Work(listed, NOTHING, NOTHING, NOTHING, ever, {}, teams)


def test_the_share_touched_in_all_and_by_group() -> None:
    """70 of 200; who has fewer than 30 is put together with the others who have, and nobody's."""
    told = work(A1=(100, 40), A2=(80, 28), B1=(12, 1), none=(8, 1))
    found = use.worked(told, RULES)
    rows = found.frame.set_index(["by", "label"])

    assert (0.35, 70, 200) == (
        found.one("due_touched_share").value, found.one("due_touched_share").numerator,
        found.one("due_touched_share").n,
    )  # fmt: skip
    assert [100, 80, 20] == rows.loc["rep", "touched_n"].tolist()
    assert (20, 2, 1) == tuple(rows.loc[("rep", ""), ["touched_n", "touched_k", "alike"]])
    assert wilson(68, 180).low == found.one("due_touched_share", dimensions="team=A").low
    assert [] == [r for r in found.records if r.dimensions in ("rep=", "rep=B1", "team=B")]
    assert pytest.approx(28 / 80) == rows.loc[("rep", "A1"), "touched_peers"]


def marks(found: Result, name: str = "touched", by: str = "rep") -> dict[str, str]:
    rows = found.frame[found.frame["by"] == by]
    return {str(k): m for k, m in zip(rows["label"], rows[f"{name}_mark"], strict=True) if m}


def test_only_who_is_off_by_more_than_people_differ_stands_out() -> None:
    """Nine alike and one who touched nobody stands out; among ten who all differ nobody does."""
    alike = {f"A{n}": (100, 30 + n % 3) for n in range(9)} | {"A9": (100, 0)}
    spread = {f"A{n}": (100, 5 + 10 * n) for n in range(10)}

    assert {"A9": "worse"} == marks(use.worked(work(**alike), RULES))
    assert {} == marks(use.worked(work(**spread), RULES))


def test_long_lists_are_held_against_long_lists() -> None:
    """Three with 400 customers touch a tenth, six with 50 a half: nobody stands out for that."""
    groups = {f"A{n}": (400, 40) for n in range(3)} | {f"B{n}": (50, 25) for n in range(6)}
    found = use.worked(work(**groups), RULES)
    rows = found.frame[(found.frame["by"] == "rep") & (found.frame["label"] != "")]

    assert [0.1] * 3 + [0.5] * 6 == pytest.approx(rows["touched_peers"].tolist())
    assert {} == marks(found)


def stores(**more: Any) -> Work:
    """Six sales people in as many stores, the last of whom enters late and breaks promises."""
    names = [f"A{n}" for n in range(6)]
    told = work(**dict.fromkeys(names, (100, 30)))
    late = done(**dict.fromkeys(names[:5], (50, 1)), A5=(40, 38))
    kept = done(**dict.fromkeys(names[:5], (20, 18)), A5=(20, 2))
    few = done(**dict.fromkeys(names[:5], (9, 9)), A5=(9, 0))
    given: dict[str, Any] = dict(entered=late, kept=kept, logged=few)
    return told._replace(places={n: f"S{n[1]}" for n in names}, **(given | more))


def test_a_store_is_off_by_what_is_surely_worse_there() -> None:
    """Late is worse when it is more, kept when it is less; nine days are too few to say."""
    found = use.worked(stores(), RULES)
    row = found.frame.set_index(["by", "label"]).loc[("store", "S5")]

    assert {"S5": "worse"} == marks(found, "entered", "store") == marks(found, "kept", "store")
    assert {} == marks(found, "logged", "store") == marks(found, "touched", "store")
    assert 2 == row["worse"]
    assert wilson(38, 40).low == found.one("entered_late_share", dimensions="store_id=S5").low
    assert 0.1 == found.one("promise_kept_share", dimensions="store_id=S5").value


def test_who_has_never_logged_in_is_held_against_nobody() -> None:
    """Only A0 and A5 are on the system: their lists have a share of their own."""
    found = use.worked(stores(ever=frozenset({"A0", "A5"})), RULES)
    peers = found.frame[found.frame["by"] == "store"].set_index("label")["entered_peers"]

    assert ["S0", "S5"] == sorted(peers.dropna().index)
    assert (200, 60) == (
        found.one("due_touched_share", dimensions="system=yes").n,
        found.one("due_touched_share", dimensions="system=yes").numerator,
    )


def test_nobody_listed_has_a_reason() -> None:
    """As has whatever could not be told before."""
    nobody = work(A1=(5, 1))._replace(listed=pd.DataFrame(columns=["rep", "touched"]))
    assert "nobody was on a list" in (use.worked(nobody, RULES).records[0].reason or "")
    assert "no events" == use.worked("no events", RULES).records[0].reason


def test_a_sales_persons_store_is_that_of_most_orders() -> None:
    """Of equals the first by name; orders without a store or a sales person say nothing."""
    rows = [("R1", "S2"), ("R1", "S2"), ("R1", "S1"), ("R2", "S9"), ("R2", "S3"), ("R3", None),
            (None, "S1")]  # fmt: skip
    orders = ibis.memtable(
        pd.DataFrame(rows, columns=["rep_id", "store_id"]),
        schema={"rep_id": "string", "store_id": "string"},
    )

    assert {"R1": "S2", "R2": "S3"} == use.places_of(orders)


# ---- does it do anything ------------------------------------------------------------------------


NO_LISTS = Record("list_effect", None, "share", status="not_computed", reason="none withheld")


def company(*groups: tuple[str, str, bool, int, int, float]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Outcome, state, touched, how many, how many ordered on the 20th, their probability."""
    rows, ordered = [], []
    for outcome, state, touched, size, hits, chance in groups:
        for n in range(size):
            who = f"c{len(rows):05d}"
            rows.append({"customer_id": who, "outcome": outcome, "state": state,
                         "touched": touched, "returns": chance})  # fmt: skip
            if n < hits:
                ordered.append({"customer_id": who, "order_date": "2025-09-20"})
    return pd.DataFrame(rows), pd.DataFrame(ordered, columns=["customer_id", "order_date"])


def effect(
    rows: pd.DataFrame, ordered: pd.DataFrame, *, back: bool = False, lists: Record = NO_LISTS
) -> Result:
    return use.effect(rows, ordered, last=LAST, end=END, lists_back=back, randomised=lists)


def test_touched_and_not_are_compared_among_those_equally_due() -> None:
    """Sales touch those who are likely to order anyway: plainly 30 points, within strata none."""
    rows, ordered = company(
        ("listed", "due", True, 80, 40, 0.9), ("listed", "due", False, 20, 10, 0.9),
        ("listed", "at_risk", True, 20, 2, 0.1), ("listed", "at_risk", False, 80, 8, 0.1),
    )  # fmt: skip
    found = effect(rows, ordered)
    record = found.one("touch_difference")
    groups = found.frame.set_index("group")["value"]

    assert (0.42, 0.18) == (groups["touched"], groups["not_touched"])
    assert 0 == pytest.approx(record.value)
    assert 200 == record.n
    assert (record.low or 1) < 0 < (record.high or -1)


def test_who_ordered_within_the_days_of_a_touch_is_not_compared() -> None:
    """Forty who ordered on the 5th were not touched for that reason; they would look lost."""
    rows, ordered = company(
        ("listed", "due", True, 50, 20, 0.5), ("listed", "due", False, 50, 10, 0.5)
    )
    early, _ = company(("listed", "due", False, 40, 0, 0.5))
    early = early.assign(customer_id=[f"e{n}" for n in range(40)])
    more = pd.DataFrame({"customer_id": early["customer_id"], "order_date": "2025-09-05"})
    both = pd.concat([rows, early]), pd.concat([ordered, more])
    expected = mantel_haenszel([Stratum(50, 20, 50, 10)])
    assert expected is not None

    assert 100 == effect(*both).one("touch_difference").n
    assert expected.value == pytest.approx(effect(*both).one("touch_difference").value)


def test_chance_tells_only_where_lists_came_back() -> None:
    """60 of 200 on the lists were touched, 2 of 100 withheld; without lists back nobody knows."""
    rows, ordered = company(
        ("listed", "due", True, 60, 6, 0.5), ("listed", "due", False, 140, 14, 0.5),
        ("withheld", "due", True, 2, 0, 0.5), ("withheld", "due", False, 98, 9, 0.5),
    )  # fmt: skip
    given = Record("list_effect", 0.01, "share", low=-0.05, high=0.06, n=300.0)
    silent, told = effect(rows, ordered, lists=given), effect(rows, ordered, back=True, lists=given)
    gain = told.one("list_touch_gain")

    assert "nobody knows" in (silent.one("list_touch_gain").reason or "")
    assert silent.one("list_order_gain").value is None
    assert change_of(wilson(60, 200), wilson(2, 100)) == (gain.value, gain.low, gain.high)
    assert (0.01, -0.05, 0.06) == (
        told.one("list_order_gain").value, told.one("list_order_gain").low,
        told.one("list_order_gain").high,
    )  # fmt: skip


def test_few_and_a_period_that_has_just_begun_have_their_reasons() -> None:
    """29 touched are too few; on the 14th nothing is left to see."""
    rows, ordered = company(
        ("listed", "due", True, 29, 9, 0.5), ("listed", "due", False, 90, 20, 0.5)
    )
    few = effect(rows, ordered).one("touch_difference")
    early = use.effect(rows, ordered, last=LAST, end=LAST, lists_back=False, randomised=NO_LISTS)

    assert "fewer than 30" in (few.reason or "")
    assert "nothing of the period is left" in (early.one("touch_difference").reason or "")
    assert all(r.reason == "no events" for r in
               use.effect("no events", ordered, last=LAST, end=END, lists_back=False,
                          randomised=NO_LISTS).records)  # fmt: skip


# ---- how it is used -----------------------------------------------------------------------------


def test_late_is_more_than_the_days_after_it_happened() -> None:
    """Of four rows of sales people one came three days late, one on the minute of two days."""
    at = pd.Timestamp("2025-09-10")
    waits = [pd.Timedelta(0), pd.Timedelta(days=1), pd.Timedelta(days=2), pd.Timedelta(days=3)]
    rows = [("R1", at, at + wait) for wait in waits]
    rows += [(None, at, at + pd.Timedelta(days=9)), ("R1", at, None)]
    rows += [("R1", pd.Timestamp("2025-08-31"), pd.Timestamp("2025-09-20"))]
    frame = pd.DataFrame(rows, columns=["rep_id", "happened_at", "loaded_at"])
    table = ibis.memtable(
        frame.assign(happened_on=frame["happened_at"].dt.date),
        schema={"rep_id": "string", "happened_at": "timestamp", "loaded_at": "timestamp",
                "happened_on": "date"},
    )  # fmt: skip
    found = use.entered({"events": table}, first=START, last=END, rules=RULES)
    each = use.entered_of_each(table, first=START, last=END, rules=RULES)
    row = found.frame.iloc[0]

    assert (4, 1, 1) == (row["rows"], row["late"], row["without"])
    assert (0.25, 4) == (found.records[0].value, found.records[0].n)
    assert (1.5, 2.85) == pytest.approx((row["p50"], row["p95"]))
    assert [("R1", 4, 1)] == list(each.itertuples(index=False, name=None))
    assert "loaded" in (use.entered({}, first=START, last=END, rules=RULES).records[0].reason or "")


def test_logins_are_those_of_sales_people() -> None:
    """A customer's login is none; two of four sales people logged in, one of them in August."""
    made = events(
        ("a", "2025-09-02", "R1", "login", None, None),
        ("b", "2025-09-03", None, "login", None, None),
        ("", "2025-08-03", "R2", "login", None, None),
    )
    found = use.logins(made, first=START, last=END, reps=4).records[0]
    only = events(("b", "2025-09-03", None, "login", None, None))

    assert (0.25, 1, 4) == (found.value, found.numerator, found.n)
    each = use.logins_of_each(made, first=START, last=END)
    assert [("R1", 30, 1), ("R2", 30, 0)] == list(each.itertuples(index=False, name=None))
    missing = use.logins(only, first=START, last=END, reps=4).records[0]
    assert "no login" in (missing.reason or "")


def test_each_promise_is_kept_settled_open_or_broken() -> None:
    """Kept up to three days after its day, by anybody; an order settles it; the last is open."""
    made = events(
        ("kept", "2025-09-01 09:00", "R1", "call", "booked", "2025-09-10 02:00"),
        ("kept", "2025-09-13 09:00", "R2", "call", "reached", None),
        ("late", "2025-09-01 09:00", "R1", "call", "booked", "2025-09-10 02:00"),
        ("late", "2025-09-14 09:00", "R1", "call", "reached", None),
        ("bought", "2025-09-01 09:00", "R1", "call", "booked", "2025-09-10 02:00"),
        ("open", "2025-09-20 09:00", "R1", "call", "booked", "2025-09-28 02:00"),
        ("before", "2025-08-01 09:00", "R1", "call", "booked", "2025-08-20 02:00"),
        # in Shanghai that is the first of October
        ("after", "2025-09-20 09:00", "R1", "call", "booked", "2025-09-30 18:00"),
        ("nobody", "2025-09-01 09:00", None, "call", "booked", "2025-09-10 02:00"),
    )
    orders = days(("bought", "2025-09-12"), ("late", "2025-09-14"), ("kept", "2025-09-01"))
    fates = use.promised(
        made, use.rep_touches(made, RULES), orders, first=START, last=END, zone="Asia/Shanghai",
        rules=RULES,
    )  # fmt: skip
    found = use.promises(fates)

    assert [("R1", 2, 1)] == list(use.kept_of_each(fates).itertuples(index=False, name=None))
    assert {"kept": 1, "ordered": 1, "open": 1, "broken": 1} == dict(
        found.frame.itertuples(index=False, name=None)
    )
    assert (0.5, 2) == (found.records[0].value, found.records[0].n)


# ---- what it says -------------------------------------------------------------------------------


def level(metric: str, hits: float, n: float) -> Record:
    found = wilson(hits, n)
    return Record(metric, found.value, "share", low=found.low, high=found.high, numerator=hits,
                  n=n)  # fmt: skip


def points(metric: str, value: float | None, reach: float = 0.01) -> Record:
    if value is None:
        return Record(metric, None, "share", status="not_computed", reason="few")
    return Record(metric, value, "share", low=value - reach, high=value + reach, n=1000.0)


def said(
    share: Record, *, seen: float | None = None, touch: float | None = None,
    order: float | None = None, late: float = 0.0, kept: float = 1.0,
    frame: pd.DataFrame | None = None, on: tuple[Record, ...] = (), **rules: Any,
) -> Any:  # fmt: skip
    def result(*records: Record) -> Result:
        return Result(pd.DataFrame(), records)

    parts = Findings(
        Result(pd.DataFrame(columns=["by"]) if frame is None else frame, (share, *on)),
        result(points("touch_difference", seen), points("list_touch_gain", touch),
               points("list_order_gain", order)),
        result(level("entered_late_share", 1000 * late, 1000)),
        result(level("promise_kept_share", 100 * kept, 100)),
    )  # fmt: skip
    where = {"touched": "F-13", "effect": "F-14", "work": "F-14"}
    return use.verdict(parts, FunnelRules(**rules), period="2025-09", exhibits=where)


USED, HARDLY = level("due_touched_share", 600, 1000), level("due_touched_share", 20, 1000)


def test_not_used_is_told_from_used_without_effect() -> None:
    """Two per cent touched say nothing of the effect; sixty with none is another matter."""
    hardly = said(HARDLY, seen=0.0)
    assert ("watch", use.CLAIMS["not_used"], "F-13") == (
        hardly.answer, hardly.claim, hardly.exhibit
    )  # fmt: skip
    without = said(USED, seen=0.0)
    assert ("watch", use.CLAIMS["no_effect"], "low", "F-14") == (
        without.answer, without.claim, without.confidence, without.exhibit
    )  # fmt: skip
    works = said(USED, seen=0.05)
    assert ("ok", use.CLAIMS["effect"]) == (works.answer, works.claim)
    unsure = said(USED, seen=None)
    assert ("ok", use.CLAIMS["ok"]) == (unsure.answer, unsure.claim)


def test_those_who_have_never_logged_in_do_not_make_it_unused() -> None:
    """Two per cent of all, but sixty of those on the system: it is used."""
    system = level("due_touched_share", 60, 100)
    told = Record(system.metric, system.value, "share", "system=yes", n=100.0)
    found = said(HARDLY, on=(told,))
    assert ("ok", use.CLAIMS["ok"]) == (found.answer, found.claim)


def test_a_store_off_by_two_signs_is_named() -> None:
    """By one it may be chance or its own way of working."""
    two = use.worked(stores(), RULES).frame
    one = use.worked(stores(kept=NOTHING), RULES).frame
    found = said(USED, frame=two)

    assert ("watch", use.CLAIMS["place"], "store_id=S5", 2, 3) == (
        found.answer, found.claim, found.values["where_place"], found.values["off_count"],
        found.values["known_count"],
    )  # fmt: skip
    assert ("entered_late_share|store_id=S5|none",) == found.records
    assert "ok" == said(USED, frame=one).answer


def test_only_a_stated_rule_or_chance_makes_it_something_to_act_on() -> None:
    """A rule that is met or missed by a few is none; chance needs lists that are worked."""
    assert "ok" == said(USED, due_touched_share=0.6).answer
    assert "ok" == said(USED, due_touched_share=0.62).answer
    missed = said(HARDLY, due_touched_share=0.5)
    assert ("act", 0.5) == (missed.answer, missed.values["rule_share"])
    nothing = said(USED, touch=0.4, order=0.0)
    assert ("act", 0.4, 0.0) == (
        nothing.answer, nothing.values["gap_points"], nothing.values["effect_points"]
    )  # fmt: skip
    assert "ok" == said(USED, touch=0.0, order=0.0).answer
    assert "ok" == said(USED, touch=0.4, order=0.015).answer  # up to 2.5 points
    works = said(USED, seen=0.0, touch=0.4, order=0.05)
    assert ("ok", use.CLAIMS["effect_random"]) == (works.answer, works.claim)


def test_late_entries_and_broken_promises_are_worth_a_look() -> None:
    """A fifth of the entries late, half of the promises broken; few of few are not."""
    late = said(USED, late=0.3)
    assert ("watch", 0.3, 2) == (
        late.answer, late.values["value_share"], late.values["within_count"]
    )  # fmt: skip
    broken = said(USED, kept=0.4)
    assert ("watch", 0.4) == (broken.answer, broken.values["value_share"])
    assert "ok" == said(USED, late=0.3, material_customers=400).answer


def test_without_contacts_of_sales_people_the_reason_is_told() -> None:
    """The verdict has the reason of its share."""
    found = said(Record("due_touched_share", None, "share", status="not_computed", reason="none"))

    assert ("not_computable", "none") == (found.answer, found.reason)
