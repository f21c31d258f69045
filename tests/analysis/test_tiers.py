"""Do the tiers in use tell who orders again, beside RFM."""

from __future__ import annotations

import datetime as dt
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pytest
from repurchase.analysis import tiers
from repurchase.analysis.tiers import TOO_HIGH, TOO_LOW, Scale, Seen
from repurchase.params import FunnelRules
from repurchase.records import Record, Result
from repurchase.stats.proportion import wilson
from repurchase.stats.rank import auc, auc_difference, part_lift

DAY, BEFORE = dt.date(2025, 7, 2), dt.date(2025, 4, 3)
FROM = dt.date(2024, 1, 1)


def seen(*groups: tuple[str | None, int, int, float], day: dt.date = DAY) -> Seen:
    """Tier, customers, those of them who ordered, their RFM."""
    rows = [
        {"ordered": n < hits, "rfm": score, "level": label}
        for label, size, hits, score in groups
        for n in range(size)
    ]
    frame = pd.DataFrame(rows)
    return Seen(day, frame.assign(customer_id=[f"c{n:04d}" for n in range(len(frame))]))


def separated(now: Seen, before: Seen | None = None, **told: Any) -> Result:
    given: dict[str, Any] = dict(main="level", names=("level",), data_from=FROM)
    return tiers.separation(now, before, **(given | told))


def one(found: Result, metric: str, **where: str) -> Record:
    wanted = {"segment": "level", **where}
    text = ";".join(f"{k}={wanted[k]}" for k in sorted(wanted))
    return found.one(metric, dimensions=text)


LADDER = (("low", 100, 10, 4.0), ("mid", 60, 18, 8.0), ("high", 40, 24, 12.0))


def test_each_tier_has_its_share_and_its_lift() -> None:
    """52 of 200 ordered: 10, 30 and 60 % are .385, 1.154 and 2.308 times that."""
    found = separated(seen(*LADDER), stated=("low", "mid", "high"), fixed=True)
    frame = found.frame

    assert ["low", "mid", "high"] == frame["label"].tolist()
    assert [0.1, 0.3, 0.6] == frame["value"].tolist()
    assert [10 / 26, 30 / 26, 60 / 26] == pytest.approx(frame["lift"].tolist())
    assert wilson(24, 40).low == one(found, "tiering_order_share", label="high").low
    assert part_lift(24, 40, 52, 200).high == one(found, "tiering_lift", label="high").high
    assert not frame["turned"].any()
    assert "final" == one(found, "tiering_auc").status


def test_the_area_is_that_of_pairs_and_rfm_stands_beside_it() -> None:
    """Counted pair by pair: 52 who ordered against 148 who did not, ties half."""
    now = seen(*LADDER)
    found = separated(now, stated=("low", "mid", "high"))
    came, rest = {"low": 10, "mid": 18, "high": 24}, {"low": 90, "mid": 42, "high": 16}
    place = {"low": 0, "mid": 1, "high": 2}
    pairs = sum(
        came[a] * rest[b] * (1.0 if place[a] > place[b] else 0.5 if a == b else 0.0)
        for a in came for b in rest
    )  # fmt: skip

    assert pairs / (52 * 148) == pytest.approx(one(found, "tiering_auc").value)
    assert 0 == one(found, "tiering_gain").value  # RFM has the same order here
    mixed = now.frame.assign(rfm=np.where(now.frame["ordered"], 9.0, 5.0))
    perfect = separated(Seen(DAY, mixed), stated=("low", "mid", "high"))
    gain = auc_difference(now.frame["rfm"], mixed["rfm"], mixed["ordered"])
    assert (gain.value, gain.low) == (
        one(perfect, "tiering_gain").value, one(perfect, "tiering_gain").low
    )  # fmt: skip
    assert 1 == one(perfect, "tiering_rfm_auc").value


def test_a_tier_known_as_of_today_only_is_provisional() -> None:
    """It has seen the orders it is held against; one that is fixed at joining has not."""
    today = one(separated(seen(*LADDER), stated=("low", "mid", "high")), "tiering_auc")

    assert "provisional" == today.status
    assert "as of today only" in (today.reason or "")


def test_an_order_that_is_not_stated_is_learnt_before() -> None:
    """In the ninety days before b ordered more than a: held against what came, it is turned."""
    before = seen(("a", 100, 10, 4.0), ("b", 100, 40, 8.0), ("new", 20, 20, 8.0), day=BEFORE)
    now = seen(("a", 100, 50, 4.0), ("b", 100, 10, 8.0), ("new", 50, 25, 8.0))
    found = separated(now, before)

    assert ["a", "b"] == found.frame["label"].tolist()
    assert [False, True] == found.frame["turned"].tolist()
    assert (one(found, "tiering_auc").value or 1) < 0.5
    missing = one(separated(now, None), "tiering_auc")
    assert (None, "not_computed") == (missing.value, missing.status)
    assert "cannot be learnt" in (missing.reason or "")


def test_a_step_down_by_chance_is_not_called_turned() -> None:
    """24 of 80 above 28 of 80 is chance; 8 of 80 is not."""

    def turned(hits: int) -> bool:
        now = seen(("low", 80, 28, 4.0), ("high", 80, hits, 8.0))
        return bool(separated(now, stated=("low", "high")).frame["turned"].iloc[1])

    assert [False, True] == [turned(24), turned(8)]


def test_what_cannot_be_told_has_its_reason() -> None:
    """No tier, one tier, nobody who came; customers without a tier are left out."""
    assert "neither a level" in (separated(seen(*LADDER), main=None).records[0].reason or "")
    assert "too short" == separated("too short").records[0].reason  # type: ignore[arg-type]
    single = separated(seen(("low", 100, 40, 4.0), ("high", 29, 29, 8.0)), stated=("low", "high"))
    assert "fewer than two tiers" in (one(single, "tiering_auc").reason or "")
    none = separated(seen(("low", 100, 9, 4.0), ("high", 40, 5, 8.0)), stated=("low", "high"))
    assert "come back" in (one(none, "tiering_auc").reason or "")
    some = separated(seen(*LADDER, (None, 50, 50, 15.0)), stated=("low", "mid", "high"))
    assert 200 == one(some, "tiering_auc").n


def test_who_ordered_is_seen_after_the_day_and_no_later_than_ninety() -> None:
    """On the day itself and on the 91st after it is not; RFM and labels are joined by customer."""
    customers = ibis.memtable(
        pd.DataFrame({"customer_id": list("abcd"), "active": [True, True, True, False],
                      "since": 1, "r": 5, "f": [1, 2, 3, 4], "m": 1})
    )  # fmt: skip
    ordered = {"a": DAY, "b": DAY + dt.timedelta(90), "c": DAY + dt.timedelta(91)}
    days = ibis.memtable(
        pd.DataFrame({"customer_id": list(ordered), "order_date": list(ordered.values())}),
        schema={"customer_id": "string", "order_date": "date"},
    )
    labels = ibis.memtable(pd.DataFrame({"customer_id": ["a", "c"], "label": ["x", "y"]}))
    frame = tiers.seen_on(customers, days, {"level": labels}, day=DAY).frame

    assert list("abc") == frame["customer_id"].tolist()
    assert [False, True, False] == frame["ordered"].tolist()
    assert [7.0, 8.0, 9.0] == frame["rfm"].tolist()
    assert ["x", "y"] == [frame["level"][0], frame["level"][2]]
    assert pd.isna(frame["level"][1])


# ---- who stands in the wrong one ---------------------------------------------------------------


def test_rfm_cuts_tiers_of_the_same_size() -> None:
    """Of six, three low and three high: the one with 12 points below and 3 above are misplaced."""
    place = np.array([0, 0, 0, 1, 1, 1])
    rfm_sum = np.array([4.0, 5.0, 12.0, 3.0, 10.0, 11.0])

    assert [0, 0, -1, 1, 0, 0] == tiers.misplaced(place, rfm_sum).tolist()


def test_equal_scores_are_right_on_both_sides_of_a_cut() -> None:
    """The cut falls among the sevens: none of them is misplaced."""
    place = np.array([0, 0, 1, 1])

    assert [0, 0, 0, 0] == tiers.misplaced(place, np.array([7.0, 7.0, 7.0, 9.0])).tolist()
    assert [-1, 0, 0, 1] == tiers.misplaced(place, np.array([9.0, 7.0, 7.0, 5.0])).tolist()


def test_the_misplaced_are_counted_with_what_they_brought() -> None:
    """One too low with 50, one too high with 7; who has no tier is nowhere."""
    today = pd.DataFrame(
        {
            "customer_id": list("abcdefg"),
            "tier": ["low"] * 3 + ["high"] * 3 + [None],
            "rfm": [4.0, 5.0, 12.0, 3.0, 10.0, 11.0, 15.0],
            "money": [1.0, 2.0, 50.0, 7.0, 3.0, 4.0, 900.0],
        }
    )
    found = tiers.wrong_tiers(
        today, Scale(("low", "high"), learnt=False), name="level", worth="margin"
    )

    assert [("c", TOO_LOW), ("d", TOO_HIGH)] == list(
        found.frame[["customer_id", "way"]].itertuples(index=False, name=None)
    )
    assert (1, 6) == (one(found, "tiering_wrong", way=TOO_LOW).value,
                      one(found, "tiering_wrong", way=TOO_LOW).n)  # fmt: skip
    assert 50 == one(found, "tiering_wrong_margin", way=TOO_LOW).value
    assert 7 == one(found, "tiering_wrong_margin", way=TOO_HIGH).value


def test_without_an_order_of_two_tiers_nobody_is_called_misplaced() -> None:
    """No learnt label, one alone, or none that anybody has: no count of 0, but a reason."""
    today = pd.DataFrame({"customer_id": ["a"], "tier": ["low"], "rfm": [4.0], "money": [1.0]})
    found = [
        tiers.wrong_tiers(today, Scale(labels, learnt=True), name="level", worth="margin").records
        for labels in ((), ("low",), ("mid", "high"))
    ]

    assert [["not_computed"]] * 3 == [[r.status for r in records] for records in found]
    assert {None} == {r.value for records in found for r in records}
    assert all(str(r.reason).startswith("fewer than two tiers") for (r,) in found)


# ---- what it says ------------------------------------------------------------------------------


def said(now: Seen | str, *, low: int = 0, **rules: Any) -> Any:
    told = FunnelRules(tier_order=("low", "mid", "high"), **rules)
    found = tiers.separation(
        now, None, stated=told.tier_order, main="level", names=(), fixed=told.tier_fixed,
        data_from=FROM,
    )  # fmt: skip
    wrong = Result(
        pd.DataFrame(),
        (Record("tiering_wrong", float(low), "count", f"segment=level;way={TOO_LOW}"),),
    )
    return tiers.verdict(found, wrong, told, main="level", exhibit="F-12")


def test_tiers_are_watched_and_never_acted_on() -> None:
    """Blind, worse than RFM by more than .05, out of order; else ok, of low confidence where the
    tier is as of today."""
    good = said(seen(*LADDER))
    assert ("ok", "low") == (good.answer, good.confidence)
    assert "high" == said(seen(*LADDER), tier_fixed=True).confidence
    blind = said(seen(("low", 100, 26, 4.0), ("mid", 100, 25, 8.0), ("high", 100, 27, 12.0)))
    assert ("watch", tiers.CLAIMS["blind"]) == (blind.answer, blind.claim)
    frame = seen(*LADDER).frame
    better = frame.assign(rfm=np.where(frame["ordered"], 9.0, 5.0))
    worse = said(Seen(DAY, better), low=700)
    assert ("watch", tiers.CLAIMS["worse_counted"], 700) == (
        worse.answer, worse.claim, worse.values["low_count"]
    )  # fmt: skip
    assert tiers.CLAIMS["worse"] == said(Seen(DAY, better), low=3).claim
    turned = said(seen(("low", 200, 10, 4.0), ("mid", 100, 70, 12.0), ("high", 100, 40, 8.0)))
    assert ("watch", "high", 0.4, "mid", 0.7) == (
        turned.answer, turned.values["upper_label_text"], turned.values["upper_share"],
        turned.values["lower_label_text"], turned.values["lower_share"],
    )  # fmt: skip
    assert ("not_computable", "no customers") == (
        said("no customers").answer, said("no customers").reason
    )  # fmt: skip


def test_the_area_of_rfm_is_its_own() -> None:
    """Of the sum of the scores, with DeLong's interval."""
    frame = seen(*LADDER).frame
    found = separated(Seen(DAY, frame), stated=("low", "mid", "high"))

    assert auc(frame["rfm"], frame["ordered"]).low == one(found, "tiering_rfm_auc").low
