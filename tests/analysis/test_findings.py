import datetime as dt
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from repurchase.analysis import findings
from repurchase.analysis.windows import windows_of
from repurchase.context import Context
from repurchase.params import Params, Profile, SourceSpec
from repurchase.period import Period
from repurchase.records import Record, Result
from repurchase.words import Words

UP, FLAT = (0.02, 0.01, 0.03), (0.02, -0.01, 0.05)


@pytest.fixture
def context():
    profile = Profile(
        company="x", time_zone="UTC", currency="CNY", order_definition="x",
        sources={"orders": (SourceSpec(files="a.csv", columns={}),)},
    )  # fmt: skip
    period = Period.parse("2025-09")
    windows = windows_of(period, country=None, data_from=dt.date(2023, 1, 1))
    return Context(Params("x", profile, Path("."), period), period, windows, Words("en"))


def record(metric="returning_buyer_share", value=0.6, against="none", change=None, **given):
    c, low, high = change or (None, None, None)
    return Record(metric, value, "share", n=1000.0, numerator=600.0, compare_to=against,
                  change=c, change_low=low, change_high=high, **given)  # fmt: skip


def cohorts(newest: float, months: int = 17):
    """A triangle whose cohorts of 1,000 come back to 30 % at age 1, the last three otherwise."""
    labels = [Period.parse("2025-09").shifted(i - months + 1).label for i in range(months)]
    table = np.full((months, 2), np.nan)
    table[:, 0] = 1000
    table[:-1, 1] = 300
    table[-4:-1, 1] = newest
    return Result(pd.DataFrame(table, index=pd.Index(labels, name="cohort"), columns=[0, 1]))


def found(context, *records, identified=0.0, triangle=None, **options):
    known = [
        record("identified_order_share", 0.9),
        record("identified_order_share", 0.9, "previous", (identified, identified - 0.01,
                                                            identified + 0.01)),
    ]  # fmt: skip
    held = Result(None, (record(value=0.58, against="previous", change=FLAT),))
    flat = record("repurchase_90d", 0.3, "year_ago", FLAT)
    result = Result(None, (record(), flat, *records), context=context)
    return findings.retention_findings(
        result, Result(None, tuple(known)), held, triangle or cohorts(300), **options
    )


def test_a_change_is_a_finding_only_if_its_interval_excludes_zero(context):
    """What may be chance is not reported."""
    assert ["retention.returning_buyer_share.rose"] == [
        f.id for f in found(context, record(against="year_ago", change=UP))
    ]
    assert ["retention.nothing"] == [
        f.id for f in found(context, record(against="year_ago", change=FLAT))
    ]


def test_beside_the_headline_a_change_must_stand_among_all_that_are_asked(context):
    """p = .03 is one of three questions' chances: enough for the headline, not for another."""
    barely = (0.0217, 0.0021, 0.0413)  # p .03; sixfold sure below
    second = record("repurchase_90d", 0.3, "year_ago", barely)
    sure = record("repurchase_90d", 0.3, "year_ago", UP)
    flat = record(against="year_ago", change=FLAT)

    def ids(*records):
        result = Result(None, (record(), *records), context=context)
        known = Result(None, (record("identified_order_share", 0.9),))
        return [f.id for f in findings.retention_findings(result, known, known, cohorts(300))]

    assert ["retention.nothing"] == ids(flat, second)
    assert ["retention.repurchase_90d.rose"] == ids(flat, sure)
    headline = record(against="year_ago", change=barely)
    assert ["retention.returning_buyer_share.rose"] == ids(headline)


def test_a_year_ago_goes_before_the_previous_period(context):
    """The season is in the comparison with the previous period, so it is the second choice."""
    (one,) = found(
        context,
        record(against="previous", change=(-0.03, -0.04, -0.02)),
        record(against="year_ago", change=UP),
    )
    (other,) = found(context, record(against="previous", change=UP))

    assert ("year_ago", "high") == (one.values["against_label"], one.confidence)
    assert ("previous", "medium") == (other.values["against_label"], other.confidence)


@pytest.mark.parametrize(
    ("aligned", "plain", "compare_to", "way"),
    [
        (UP, UP, "year_ago_aligned", 1),
        (UP, FLAT, "year_ago", 0),
        (FLAT, UP, "year_ago_aligned", 0),
        (FLAT, FLAT, "year_ago_aligned", 0),
        ((-0.02, -0.03, -0.01), UP, "year_ago_aligned", 0),
        (UP, None, "year_ago_aligned", 1),
    ],
)
def test_near_a_moving_feast_both_readings_of_a_year_ago_must_agree(
    aligned, plain, compare_to, way
):
    """On the same dates the feast moves, aligned the season: one of them alone is no change."""
    given = [("year_ago_aligned", aligned), ("year_ago", plain)]
    records = tuple(record(against=name, change=c) for name, c in given if c)

    chosen = findings.year_ago(Result(None, records), "returning_buyer_share", "easter")

    assert (compare_to, way) == (chosen.compare_to, findings.moved(chosen))
    usual = findings.year_ago(Result(None, records), "returning_buyer_share", "weekdays")
    assert (plain and "year_ago") == (usual and usual.compare_to)


def test_a_move_that_a_year_ago_does_not_show_may_be_the_season(context):
    """Up on last month, flat on last year: said, but neither called good nor valued in money."""
    (one,) = found(
        context,
        record(against="year_ago", change=FLAT),
        record(against="previous", change=UP),
        returning_revenue_mean=50.0,
    )

    assert ("retention.returning_buyer_share.season", "neutral", "low", None) == (
        one.id,
        one.tone,
        one.confidence,
        one.money,
    )


def test_a_provisional_change_is_no_finding(context):
    """A share that rises with the length of the data is not reported as a rise."""
    young = record(against="year_ago", change=UP, status="provisional")

    assert ["retention.nothing"] == [f.id for f in found(context, young)]


def test_short_history_is_said_beside_other_findings(context):
    """The reader hears that the comparison is not fair yet, whatever else was found."""
    result = Result(
        None,
        (
            record(status="provisional"),
            record("repurchase_90d", 0.4, "target", (-0.1, -0.2, -0.05)),
        ),
        context=context,
    )
    known = Result(None, (record("identified_order_share", 0.9),))

    told = findings.retention_findings(result, known, Result(None), cohorts(300))

    assert ["retention.repurchase_90d.below_target", "retention.early"] == [f.id for f in told]


def test_identification_beyond_its_limit_comes_first_and_lowers_the_rest(context):
    """All else is unsure while nobody knows who was asked for the card."""
    told = found(context, record(against="year_ago", change=UP), identified=-0.05)

    assert "retention.identified_order_share.moved" == told[0].id
    assert 0.58 == told[0].values["held_share"]
    assert ("unsure", "low") == (told[1].tone, told[1].confidence)


def test_a_target_is_missed_only_beyond_the_interval(context):
    """Within the margin it is neither met nor missed."""
    below = record(against="target", change=(-0.05, -0.07, -0.03))
    near = record(against="target", change=(-0.01, -0.03, 0.01))

    (one,) = found(context, below)
    assert 0.65 == pytest.approx(one.values["target_share"])
    assert ["retention.nothing"] == [f.id for f in found(context, near)]


def test_the_newest_cohorts_are_held_against_the_same_months_a_year_earlier(context):
    """240 of 1,000 in each of three months against 300 then: a fall of six points."""
    (one,) = found(context, triangle=cohorts(240))

    assert "retention.cohort_retention.newest_weaker" == one.id
    assert (0.24, -0.06) == (
        pytest.approx(one.values["value_share"]),
        pytest.approx(one.values["change_points"]),
    )
    assert ("2025-06", "2025-08") == (one.values["first_period"], one.values["last_period"])


@pytest.mark.parametrize("triangle", [cohorts(295), cohorts(240, months=15)])
def test_few_cohorts_or_chance_say_nothing(context, triangle):
    """Fourteen observed cohorts are too few; half a point is chance."""
    assert ["retention.nothing"] == [f.id for f in found(context, triangle=triangle)]


def test_cohorts_of_the_first_year_are_no_yardstick(context):
    """Who seems new in the first year of data may be an old customer."""
    late = dt.date(2024, 6, 1)
    windows = windows_of(context.period, country=None, data_from=late)
    young = Context(context.params, context.period, windows, context.words)

    assert ["retention.nothing"] == [f.id for f in found(young, triangle=cohorts(240))]


def test_money_is_the_buyers_more_or_fewer_times_their_mean(context):
    """.02 of 1,000 buyers are 20; at 50 each 1,000, from 500 to 1,500."""
    (one,) = found(context, record(against="year_ago", change=UP), returning_revenue_mean=50.0)

    assert (1000.0, 500.0, 1500.0) == (one.money, one.money_low, one.money_high)


def test_every_claim_is_filled_by_its_finding(context):
    """No gap of a claim is left without a value."""
    from repurchase.catalogue import gaps

    told = found(
        context,
        record(against="year_ago", change=UP),
        record(against="target", change=(-0.05, -0.07, -0.03)),
        identified=0.05,
        triangle=cohorts(360),
    )

    assert 4 == len(told)
    assert all(gaps(f.claim) <= set(f.values) for f in told)


def test_the_season_of_joining_is_no_news(context):
    """The newest equal those of the same months a year earlier, though autumn lay between."""
    triangle = cohorts(240)
    triangle.frame.iloc[-16:-12, 1] = 240

    assert ["retention.nothing"] == [f.id for f in found(context, triangle=triangle)]


@pytest.mark.parametrize(
    ("base", "name", "tone"),
    [
        (record(status="not_computed", reason="nobody to count in the period"), "empty", "bad"),
        (record(status="provisional"), "early", "unsure"),
        (record(), "uncompared", "unsure"),
    ],
)
def test_nothing_found_is_said_for_what_it_is(context, base, name, tone):
    """An empty month, a short history and a lack of comparisons are not "no change"."""
    result = Result(None, (base,), context=context)
    (one,) = findings.retention_findings(result, Result(None, (
        record("identified_order_share", 0.9),
    )), Result(None), cohorts(300))

    assert (f"retention.{name}", tone) == (one.id, one.tone)


def test_a_month_with_the_festival_claims_nothing_on_the_month_before(context):
    """January and February swap the festival; a move between them is not called a change."""
    period = Period.parse("2025-01")
    windows = windows_of(period, country="CN", data_from=dt.date(2023, 1, 1))
    january = Context(context.params, period, windows, context.words)
    (one,) = found(january, record(against="previous", change=UP))

    assert "retention.returning_buyer_share.festival" == one.id


def split(*, low=-0.04, high=-0.02, stands=True):
    """A mix result whose south fell by three points of two."""
    rows = [("south", -0.03, -0.025, stands), ("north", 0.01, 0.025, False)]
    frame = pd.DataFrame([
        {"against": "year_ago", "cut": "region", "label": label, "share": 0.1, "part": part,
         "low": low, "high": high, "beyond": beyond, "value_then": 0.7, "value": 0.5,
         "stands": stand}
        for label, part, beyond, stand in rows
    ])  # fmt: skip
    return Result(frame)


def test_the_cause_is_a_finding_with_money(context):
    """-3 points of 1,000 buyers at a mean of 50: -1,500, and the action is to start there."""
    told = found(context, record(against="year_ago", change=FLAT), mix=split(),
                 returning_revenue_mean=50.0)  # fmt: skip
    (one,) = [f for f in told if f.id == "retention.cause.region"]

    assert "region=south" == one.values["where_place"]
    assert (-1500, -2000, -1000) == (one.money, one.money_low, one.money_high)
    assert ("bad", "high") == (one.tone, one.confidence)
    assert ("change_part|against=year_ago;by=region;label=south|none",) == one.records
    assert "retention.nothing" in [f.id for f in told]


def test_what_does_not_stand_is_no_cause(context):
    """A part that looks sure alone is not blamed among so many."""
    told = found(context, mix=split(stands=False))

    assert [] == [f for f in told if f.id.startswith("retention.cause")]


def test_no_cause_is_sure_while_identification_moves(context):
    """Beyond the limit the part may be identification too."""
    told = found(context, identified=-0.05, mix=split())
    (one,) = [f for f in told if f.id == "retention.cause.region"]

    assert ("unsure", "low") == (one.tone, one.confidence)


def test_lapsed_customers_are_a_finding_with_their_money(context):
    """Neutral, unless the retention rate fell detectably: then bad."""
    gone = Result(None, (
        Record("lapsed_customers", 7.0, "count", n=70.0),
        Record("lapsed_money", 60.0, "money", "money=margin", n=7.0),
    ))  # fmt: skip
    fell = record("retention_rate", 0.9, "year_ago", (-0.02, -0.03, -0.01))

    (one,) = [f for f in found(context, lost=gone) if f.id == "retention.lapsed"]
    (worse,) = [f for f in found(context, fell, lost=gone) if f.id == "retention.lapsed"]

    assert (60.0, "margin", "neutral") == (one.money, one.values["money_kind"], one.tone)
    assert "bad" == worse.tone


def test_the_bridge_is_told_against_a_year_ago(context):
    """The money then and now, by who brought it; both ends are its records."""
    steps = {"money_then": 100.0, "new": 40.0, "reactivated": 5.0, "returned": 10.0,
             "retained": -5.0, "paused": -15.0, "lapsed": -5.0, "money_now": 130.0}  # fmt: skip
    rows = [(span, "money", k, v, "margin") for span in ("previous", "year_ago")
            for k, v in steps.items()]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["span", "part", "step", "value", "kind"])

    (one,) = [f for f in found(context, bridge=Result(frame)) if f.id == "retention.bridge"]

    assert ("2024-09", 15.0, -20.0) == tuple(
        one.values[k] for k in ("then_period", "back_money", "gone_money")
    )
    assert "bridge_money|money=margin;span=year_ago;step=money_now|none" in one.records


def test_a_disagreement_of_total_and_parts_is_a_bad_finding(context):
    """Seven points up in total, two down within: said with both."""
    where = "against=year_ago;by=store_id"
    told = Result(split(stands=False).frame, (
        Record("mix_part", 0.09, "share", where), Record("rate_part", -0.02, "share", where),
        Record("sign_disagreement", 1.0, "count", where),
    ))  # fmt: skip

    (one,) = [f for f in found(context, mix=told) if f.id == "retention.disagreement.store_id"]

    assert (pytest.approx(0.07), -0.02) == (one.values["change_points"], one.values["rate_points"])


@pytest.mark.parametrize(
    ("change", "claim", "tone", "money"),
    [
        ((-50.0, -80.0, -20.0), "target_short", "bad", -50.0),
        ((50.0, 20.0, 80.0), "target_made", "good", 50.0),
        ((-50.0, -80.0, 20.0), "target_open", "neutral", None),
    ],
)
def test_a_target_to_come_is_told_by_the_forecasts_interval(context, change, claim, tone, money):
    """Short, reached, or open; without a target nothing is said."""
    ends = [dt.date(2025, 10, 31), dt.date(2025, 12, 31)]
    frame = pd.DataFrame({"horizon": ["month", "quarter"], "last": ends})
    target = Record("expected_repeat_revenue", 950.0, "money", "horizon=quarter",
                    compare_to="target", change=change[0], change_low=change[1],
                    change_high=change[2])  # fmt: skip
    made = [f for f in found(context, outlook=Result(frame, (target,))) if "outlook" in f.id]
    none = [f for f in found(context, outlook=Result(frame)) if "outlook" in f.id]

    assert [(findings.CLAIMS[claim], tone, money)] == [(f.claim, f.tone, f.money) for f in made]
    assert ("2025-12-31", 50.0, 950.0 - change[0]) == (
        made[0].values["last_day"], made[0].values["gap_money"], made[0].values["target_money"]
    )  # fmt: skip
    assert [] == none
