"""Leaks of a funnel counted by hand: found, valued, told once, followed up."""

import dataclasses
import math

import ibis
import pandas as pd
import pytest
from made.funnels import CHANNELS, NOW, broken, counted
from repurchase.analysis.leak_worth import Worth, worth_of_repurchase
from repurchase.analysis.leaks import (
    LASTS,
    LEAK,
    OVERLAPS,
    RECOVERED,
    SMALL,
    STEADY,
    UNJUDGED,
    UNKNOWN,
    former_leaks,
    leaks,
)
from repurchase.period import Period

MARGIN = Worth("margin", 50.0, 1.0)


def found(*funnels, worth=MARGIN, period=NOW, **options):
    return leaks(funnels, period, worth, **options)


def leaking(result):
    """The leaks as (step, cut, label), by rank."""
    frame = result.frame[result.frame["status"] == LEAK]
    return [(r["step"], r["cut"], r["label"]) for r in frame.to_dict("records")]


def test_a_steady_funnel_has_no_leak():
    """Three steps for all and for three channels are looked at, and none leaks."""
    result = found(counted())

    assert [] == leaking(result)
    assert {STEADY} == set(result.frame["status"])
    assert (12, 12) == (
        result.one("leak_places", dimensions="funnel=main").value,
        result.one("leak_places", dimensions="funnel=main").n,
    )


def test_the_step_and_channel_that_break_are_found_and_valued():
    """4,000 interested on wechat: 600 instead of 800 order, 200 repurchases at 50 of margin."""
    result = found(counted(broken("wechat", 2, 0.25)))

    assert [(2, "channel", "wechat")] == leaking(result)
    row = result.frame.iloc[0]
    assert (4000, 600, 1) == (row["units"], row["converted"], row["rank"])
    assert (0.15, 0.2) == pytest.approx((row["now"], row["level"]), abs=1e-4)
    assert 200 == pytest.approx(row["missing"], abs=1)
    assert row["customers"] == pytest.approx(row["missing"])
    assert 50 * row["customers"] == pytest.approx(row["money"])
    assert row["customers_low"] < 200 < row["customers_high"]
    where = "cut=channel;funnel=main;label=wechat;step=2"
    money = result.one("leak_money", dimensions=where.replace(";step", ";money=margin;step"))
    assert row["money"] == pytest.approx(money.value)
    assert row["level"] == result.one("leak_level", dimensions=where).value


def test_the_money_is_less_sure_than_the_customers():
    """Its interval also holds what a repurchase brings: 200 x 50, the error 200 x 10 x 1.96."""
    plain, unsure = (
        found(counted(broken("wechat", 2, 0.25)), worth=Worth("margin", 50.0, e)).frame.iloc[0]
        for e in (0.0, 10.0)
    )

    assert 50 * plain["customers_low"] == pytest.approx(plain["money_low"])
    more = 1.959964 * 10 * unsure["customers"]
    wider = math.hypot(plain["money"] - plain["money_low"], more)
    assert unsure["money"] - wider == pytest.approx(unsure["money_low"], rel=1e-5)


def test_an_earlier_step_costs_what_the_later_ones_would_make_of_it():
    """1,000 of 20,000 fewer show interest; a fifth of them would have ordered."""
    row = found(counted(broken("wechat", 1, 0.25))).frame.iloc[0]

    assert (1, "wechat") == (row["step"], row["label"])
    assert 1000 == pytest.approx(row["missing"], abs=3)
    assert 0.2 * row["missing"] == pytest.approx(row["customers"])


def test_a_step_after_the_repurchase_is_not_valued():
    """After-service comes too late to cost a repurchase."""
    result = found(counted(broken("wechat", 3, 0.4)))

    assert [(3, "channel", "wechat")] == leaking(result)
    assert math.isnan(result.frame.iloc[0]["money"])
    assert ["the step comes after the repurchase"] * 2 == [
        r.reason for r in result.records if r.status == "not_computed"
    ]


def test_without_money_customers_are_counted_and_the_reason_named():
    """Nothing is valued that has no amount."""
    result = found(counted(broken("wechat", 2, 0.25)), worth=Worth(reason="no amount"))

    assert 200 == pytest.approx(result.frame.iloc[0]["customers"], abs=1)
    assert math.isnan(result.frame.iloc[0]["money"])
    assert ["no amount"] == [r.reason for r in result.records if r.metric == "leak_money"]


def test_a_quarter_is_told_by_the_month():
    """The window of a quarter holds three months of missing repurchases."""
    month = found(counted(broken("wechat", 2, 0.25))).frame.iloc[0]
    now = Period.parse("2025-Q3")
    quarter = found(
        counted(broken("wechat", 2, 0.25, since="2025-Q3"), now=now), period=now
    ).frame.iloc[0]

    assert month["customers"] / 3 == pytest.approx(quarter["customers"])


def test_a_break_of_the_whole_step_is_one_leak_of_all():
    """Every channel falls alike, so that none falls beside the others."""
    assert [(2, "", "")] == leaking(found(counted(broken(None, 2, 0.3))))


def test_the_channel_explains_the_step_that_fell_with_it():
    """Half of the wechat orders gone are a third of all: told once, as wechat's."""
    result = found(counted(broken("wechat", 2, 0.5)))

    assert [(2, "channel", "wechat")] == leaking(result)
    whole = result.frame[(result.frame["step"] == 2) & (result.frame["cut"] == "")]
    assert [OVERLAPS] == whole["status"].tolist()


def losing(**losses):
    """Conversions at the second step in September, by channel; `all` for those not named."""

    def rate(period, label, step, usual):
        if step != 2 or period < "2025-09":
            return usual
        return usual * (1 - losses.get(label, losses.get("all", 0.0)))

    return counted(rate)


def test_what_falls_beside_the_worst_channel_is_told_as_the_rest():
    """All lose 25 %, wechat 70 %: wechat with all its 560, and all others with their 75."""
    result = found(losing(wechat=0.7, all=0.25))

    assert [(2, "channel", "wechat"), (2, "channel", "")] == leaking(result)
    assert [560, 75] == pytest.approx(result.frame["missing"].iloc[:2].tolist(), abs=2)


def test_a_channel_that_fell_a_little_more_than_all_does_not_explain_all():
    """Everything halves, wechat a little more: one leak of the whole step."""
    result = found(losing(wechat=0.6, all=0.5))

    assert [(2, "", "")] == leaking(result)
    assert OVERLAPS in set(result.frame.query("label == 'wechat' and step == 2")["status"])


def test_in_a_step_that_fell_only_its_own_places_are_weighed_up():
    """Among all places of nine funnels wechat would not stand; among those of its step it does."""
    funnels = [losing(wechat=0.45, all=0.28), *(counted(key=f"s{i}") for i in range(8))]

    assert OVERLAPS in set(found(*funnels).frame.query("label == 'wechat' and step == 2")["status"])


def test_of_two_cuts_the_one_that_misses_more_explains_the_step():
    """Every customer of the broken channel joined in a shop, and some of the others too."""
    funnel = counted(broken("wechat", 2, 0.3))
    part = funnel.counts[funnel.counts["label"] != ""].assign(cut="joined")
    share = part["label"].map({"wechat": 0.6, "sms": 0.0, "email": 0.0})
    moved = [
        part.assign(
            label=label,
            reached=(part["reached"] * x).round(),
            converted=(part["converted"] * x).round(),
        )
        for label, x in (("shop", share), ("web", 1 - share))
    ]
    both = dataclasses.replace(funnel, counts=pd.concat([funnel.counts, *moved]))

    assert [(2, "channel", "wechat")] == leaking(found(both))
    assert OVERLAPS in set(found(both).frame.query("cut == 'joined'")["status"])


def test_leaks_rank_by_money():
    """The break that costs more comes first, whichever step it is at."""

    def rate(period, label, step, usual):
        if period < "2025-09":
            return usual
        loss = {("wechat", 2): 0.25, ("sms", 1): 0.7}.get((label, step), 0.0)
        return usual * (1 - loss)

    result = found(counted(rate))
    money = result.frame["money"].dropna().tolist()
    assert {(2, "channel", "wechat"), (1, "channel", "sms")} == set(leaking(result))
    assert sorted(money, reverse=True) == money
    assert [1, 2] == result.frame["rank"].dropna().tolist()


def test_a_fall_that_comes_every_september_is_the_season():
    """A year ago the same channel fell alike; so did the whole step."""

    def rate(period, label, step, usual):
        return usual * 0.75 if step == 2 and period.endswith("-09") else usual

    result = found(counted(rate))
    assert [] == leaking(result)
    assert result.frame.query("step == 2 and cut == ''")["p"].item() > 0.4

    plain = found(counted(rate, windows=7))
    assert [(2, "", "")] == leaking(plain)
    assert not plain.frame.iloc[0]["season_known"]


def test_more_customers_of_the_kind_that_buys_less_are_no_leak():
    """Nine times as many are written to by email, where half as many order: the total falls."""
    funnel = counted(
        entered=lambda period, label, usual: usual * 9 if (period, label) == ("2025-09", "email")
        else usual,
    )  # fmt: skip
    result = found(funnel)

    assert [] == leaking(result)
    whole = result.frame.query("step == 2 and cut == ''").iloc[0]
    assert whole["now"] < 0.8 * whole["level"]
    assert whole["p"] > 0.4


def test_a_sure_fall_that_is_small_is_no_leak():
    """Three of a hundred conversions, however many units; unless the profile asks for less."""
    huge = {k: (units * 100, rates) for k, (units, rates) in CHANNELS.items()}
    funnel = counted(broken("wechat", 2, 0.03), channels=huge)

    assert [SMALL] == found(funnel).frame.query("step == 2 and label == 'wechat'")[
        "status"
    ].tolist()
    assert [(2, "channel", "wechat")] == leaking(found(funnel, material=0.01))


def test_since_is_the_first_window_of_the_run():
    """The window before was half as low already: not yet found then, but part of the run."""

    def rate(period, label, step, usual):
        if (label, step) != ("wechat", 1) or period < "2025-08":
            return usual
        return usual * (0.955 if period == "2025-08" else 0.93)

    row = found(counted(rate)).frame.query("step == 1 and label == 'wechat'").iloc[0]
    assert ("2025-08", "2025-07-02", "2025-09") == (
        row["since"], row["since_day"], row["found"]
    )  # fmt: skip


def test_a_leak_that_lasts_keeps_the_level_that_it_fell_from():
    """Broken since July: in September still 200 short, though two low windows are behind it."""
    result = found(counted(broken("wechat", 2, 0.25, since="2025-07")))

    assert [(2, "channel", "wechat")] == leaking(result)
    row = result.frame.iloc[0]
    assert ("2025-07", "2025-07", "2025-06-01") == (
        row["found"], row["since"], row["since_day"]
    )  # fmt: skip
    assert 200 == pytest.approx(row["missing"], abs=1)


def test_a_known_leak_does_not_hide_a_larger_one_of_all():
    """Wechat leaks since August; in September all lose half: the whole step is told."""

    def rate(period, label, step, usual):
        if step != 2 or period < "2025-08":
            return usual
        left = 0.7 if label == "wechat" else 1.0
        return usual * left * (0.4 if period == "2025-09" else 1.0)

    result = found(counted(rate))
    assert [(2, "", "")] == leaking(result)
    known = result.frame.query("label == 'wechat' and step == 2").iloc[0]
    assert (OVERLAPS, "2025-08") == (known["status"], known["found"])


def test_a_known_leak_is_told_once_in_the_cut_in_which_it_was_found():
    """The whole step is below its level with it, and is no leak of its own."""
    result = found(counted(broken("wechat", 2, 0.6, since="2025-08")))

    assert [(2, "channel", "wechat")] == leaking(result)
    assert result.frame.iloc[0]["lasts"]


def test_after_four_periods_the_new_level_is_the_level():
    """What has lasted longer is no leak any more but how it is."""
    kept = [
        leaking(found(counted(broken("wechat", 2, 0.25, since=month))))
        for month in ("2025-06", "2025-05")
    ]

    assert [[(2, "channel", "wechat")], []] == kept


def test_too_few_windows_or_units_are_named():
    """Two windows before this one judge nothing; a small channel is looked at without verdict."""
    short = found(counted(windows=3))
    assert ["fewer than 3 contact windows before it"] == [r.reason for r in short.records]
    assert short.frame.empty

    small = CHANNELS | {"kiosk": (400, (0.05, 0.2, 0.5))}
    result = found(counted(broken("kiosk", 1, 1.0), channels=small))
    kiosk = result.frame[result.frame["label"] == "kiosk"]
    assert {UNJUDGED} == set(kiosk["status"])
    assert {"fewer than 30 are to be expected to take the step"} == set(kiosk["reason"])
    assert 12 == result.one("leak_places", dimensions="funnel=main").value
    assert 12 < result.one("leak_places", dimensions="funnel=main").n


def test_a_period_without_a_window_is_named():
    """What is not ripe is not judged."""
    result = found(counted(), period=NOW.shifted(1))

    assert ["the data hold no whole contact window of 2025-10"] == [
        r.reason for r in result.records
    ]


def test_all_funnels_are_looked_at_together():
    """Two funnels of the same customers share one family of comparisons and one ranking."""
    one, other = counted(broken("wechat", 2, 0.25)), counted(broken("sms", 1, 0.5), key="second")
    result = found(one, other)

    assert ["main", "second"] == sorted(result.frame["funnel"].dropna().unique())
    assert [1, 2] == result.frame["rank"].dropna().tolist()
    alone, both = found(one), result
    steady = "funnel == 'main' and step == 3 and label == 'sms'"
    assert 24 == both.frame["p"].notna().sum()
    assert both.frame.query(steady)["q"].item() >= alone.frame.query(steady)["q"].item()


def former(funnel):
    result = former_leaks([funnel], NOW, MARGIN)
    return [(r["label"], r["status"]) for r in result.frame.to_dict("records")]


def test_last_periods_leak_lasts_recovers_or_cannot_be_told():
    """Broken in August: still so, mended, and a channel that nobody is contacted on any more."""
    for until, status in (("9999", LASTS), ("2025-08", RECOVERED)):
        made = broken("wechat", 2, 0.3, since="2025-08", until=until)
        assert [("wechat", status)] == former(counted(made))

    gone = counted(
        broken("wechat", 2, 0.3, since="2025-08"),
        entered=lambda period, label, usual: 0 if (period, label) == ("2025-09", "wechat")
        else usual,
    )  # fmt: skip
    assert [("wechat", UNKNOWN)] == former(gone)


def test_what_is_left_of_last_periods_leak_is_a_share_of_the_old_level():
    """30 % were missing in August and are now, against the level that it fell from."""
    result = former_leaks([counted(broken("wechat", 2, 0.3, since="2025-08"))], NOW, MARGIN)
    row = result.frame.iloc[0]

    assert (0.3, 0.3) == pytest.approx((row["share_then"], row["share"]), abs=2e-3)
    assert (0.2, 0.14, 0.14) == pytest.approx((row["level"], row["then"], row["now"]), abs=1e-4)
    record = result.records[0]
    assert row["share"] == record.value
    assert record.low < 0.3 < record.high


def test_a_recovery_that_may_be_chance_cannot_be_told():
    """A leak of a small channel of which about half is left: neither open nor closed."""
    small = {k: (units // 8, rates) for k, (units, rates) in CHANNELS.items()}

    def rate(period, label, step, usual):
        if step != 1 or label != "wechat" or period < "2025-08":
            return usual
        return usual * (0.75 if period == "2025-08" else 0.9)

    assert [("wechat", UNKNOWN)] == former(counted(rate, channels=small))


def test_half_a_recovery_still_lasts():
    """What is detectably below its old level has not recovered."""

    def rate(period, label, step, usual):
        if step != 2 or label != "wechat" or period < "2025-08":
            return usual
        return usual * (0.7 if period == "2025-08" else 0.85)

    assert [("wechat", LASTS)] == former(counted(rate))


def days(rows):
    schema = {
        "customer_id": "string", "order_date": "date", "day_rank": "int32",
        "net_revenue": "float64", "net_margin": "float64",
    }  # fmt: skip
    table = ibis.memtable(pd.DataFrame(rows, columns=list(schema)), schema=schema)
    return table.mutate(
        **{c: table[c].cast("decimal(18, 4)") for c in ("net_revenue", "net_margin")}
    )


ROWS = [
    ("a", "2025-01-05", 1, 900, 90),
    ("a", "2025-02-05", 2, 100, 10),
    ("a", "2025-03-05", 3, 100, 30),
    ("b", "2025-01-05", 2, 300, 50),
    ("b", "2024-09-30", 1, 500, 70),
]


def test_a_repurchase_is_worth_the_mean_of_later_order_dates():
    """Three later order dates with 10, 30 and 50 of margin: 30; customers err as two units.

    Residuals 40 - 2 x 30 and 50 - 30: the variance is 2 x (400 + 400) / 3 squared.
    """
    found = worth_of_repurchase(days(ROWS), NOW)

    assert ("margin", 30) == (found.kind, pytest.approx(found.mean))
    assert math.sqrt(2 * 800) / 3 == pytest.approx(found.error)


def test_revenue_stands_where_margin_is_not_known():
    """And nothing where no amount is."""
    revenue = worth_of_repurchase(days([(*r[:4], None) for r in ROWS]), NOW)
    nothing = worth_of_repurchase(days([(*r[:3], None, None) for r in ROWS]), NOW)

    assert ("revenue", pytest.approx(500 / 3)) == (revenue.kind, revenue.mean)
    assert (None, "no amount is mapped in the orders") == (nothing.kind, nothing.reason)
