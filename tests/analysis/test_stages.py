"""Tiers, stages and moves, on customers that a pencil can check."""

import datetime as dt
import math

import ibis
import numpy as np
import pandas as pd
import pytest
from repurchase.analysis import rfm, stages
from repurchase.analysis.standing import (
    Known,
    Stretch,
    known_money,
    money_of,
    running,
    standing,
    stretch_of,
)
from repurchase.analysis.windows import windows_of
from repurchase.period import Period
from repurchase.stats.rhythm import Rhythm

DAY = dt.date.fromisoformat
END = DAY("2025-09-30")
# Everyone's nine tenths lie at 30 * exp(1.28155 * 0.5) = 56.9 days.
ALIKE = Rhythm(30.0, 0.5, 0.0, 0.1, 0.1, 0.0, 100)
BY_MARGIN = Known(None, None)


def windows(period="2025-09", data_from="2023-01-01"):
    return windows_of(Period.parse(period), country=None, data_from=DAY(data_from))


def days_table(rows):
    """Customer days from (customer, date, revenue, margin)."""
    frame = pd.DataFrame(rows, columns=["customer_id", "order_date", "net_revenue", "net_margin"])
    table = ibis.memtable(frame.assign(order_date=pd.to_datetime(frame["order_date"])))
    return table.mutate(
        order_date=table.order_date.cast("date"),
        net_revenue=table.net_revenue.cast("decimal(18, 4)"),
        net_margin=table.net_margin.cast("decimal(18, 4)"),
    )


def summary_table(rows, until):
    """The customer summary of a day, from the same rows, by pandas instead of the engine."""
    frame = pd.DataFrame(rows, columns=["customer_id", "order_date", "revenue", "margin"])
    frame["order_date"] = pd.to_datetime(frame["order_date"])
    frame = frame[frame["order_date"] <= pd.Timestamp(until)].sort_values("order_date")
    logs = np.log(frame.groupby("customer_id")["order_date"].diff().dt.days)
    frame = frame.assign(log=logs, square=logs**2)
    found = frame.groupby("customer_id", as_index=False).agg(
        order_days=("order_date", "size"),
        first_date=("order_date", "min"),
        last_date=("order_date", "max"),
        log_gap_sum=("log", "sum"),
        log_gap_squares=("square", "sum"),
    )
    return ibis.memtable(found)


def customers(*rows):
    """Customers as `standing` gives them, from (id, order_days, since, active, log_gap_sum)."""
    columns = ["customer_id", "order_days", "since", "active", "log_gap_sum"]
    return ibis.memtable(pd.DataFrame(rows, columns=columns))


def column(table, name):
    return dict(table.select("customer_id", value=table[name]).to_pandas().itertuples(index=False))


def test_a_stage_is_order_dates_and_whether_one_is_late() -> None:
    """On the 56th day nobody is late, on the 57th everybody; without an order a year, lapsed."""
    crowd = customers(
        ("new", 1, 56, True, 0.0), ("single", 1, 57, True, 0.0), ("growing", 3, 56, True, 6.0),
        ("loyal", 4, 56, True, 9.0), ("at_risk", 2, 57, True, 3.0), ("lapsed", 9, 400, False, 20.0),
    )  # fmt: skip
    found = column(stages.staged(crowd, ALIKE), "stage")
    assert {name: name for name in stages.STAGES} == found


def test_a_rhythm_of_ones_own_counts_the_more_the_more_gaps() -> None:
    """Where customers differ widely three gaps of ten days make 20 days late, whatever others do.

    10 * exp(1.28155 * 0.5 * sqrt(1 + 1/3)) = 20.96.
    """
    apart = Rhythm(100.0, 0.5, 1000.0, 0.1, 0.1, 0.0, 100)
    crowd = customers(("own", 4, 21, True, 3 * math.log(10)))
    assert {"own": 20.0} == column(crowd.mutate(late=stages.late_after(apart, crowd)), "late")
    # none of her own: that of all, 100 days, with hardly any bound
    nobody = customers(("none", 1, 21, True, 0.0))
    alike = Rhythm(100.0, 0.5, 0.0, 0.1, 0.1, 0.0, 100)
    assert {"none": 189.0} == column(
        nobody.mutate(late=stages.late_after(alike, nobody)), "late"
    )


def test_fewer_than_thirty_repeaters_have_no_rhythm() -> None:
    """Twenty-nine customers with three order dates have none, thirty have; those with one never.

    Of each one gap is of 20 days, the other of so many more.
    """
    logs = [(math.log(20), math.log(20 + i)) for i in range(1, 31)]
    rows = [(f"c{i:02d}", 3, 5, True, a + b, a * a + b * b) for i, (a, b) in enumerate(logs)]

    def rhythm(count):
        frame = pd.DataFrame(rows[:count], columns=["customer_id", "order_days", "since", "active",
                                                    "log_gap_sum", "log_gap_squares"])  # fmt: skip
        return stages.rhythm_of(ibis.memtable(frame))

    assert rhythm(29) is None
    assert 26 == pytest.approx(rhythm(30).typical, abs=3)
    once = customers(*((f"c{i}", 1, 5, True, 0.0) for i in range(30)))
    assert stages.rhythm_of(once.mutate(log_gap_squares=0.0)) is None


def scores(*rows):
    columns = ["customer_id", "since", "recent_days", "margin", "active"]
    return ibis.memtable(pd.DataFrame(rows, columns=columns))


def test_limits_lie_at_fifths() -> None:
    """Of 25 customers with 1 to 25 the limits are 5, 10, 15 and 20; 24 are too few."""
    rows = [(f"c{i:02d}", i, i, float(i), True) for i in range(1, 26)]
    quiet = [("z", 900, 0, 0.0, False)]
    limits = rfm.limits_of(scores(*rows, *quiet), worth="margin")
    fifths = (5.0, 10.0, 15.0, 20.0)
    assert rfm.Limits(fifths, fifths, fifths, 25) == limits
    assert rfm.limits_of(scores(*rows[1:], *quiet), worth="margin") is None


def test_equal_customers_have_equal_scores() -> None:
    """Ties are broken by no lot: what is on a limit has the lower score, in recency the higher."""
    limits = rfm.Limits((5, 10, 15, 20), (1, 1, 2, 5), (10, 20, 30, 40), 100)
    crowd = scores(
        ("best", 5, 6, 41.0, True), ("twin", 5, 6, 41.0, True), ("edge", 6, 2, 40.0, True),
        ("least", 21, 1, 10.0, True), ("gone", 400, 0, 0.0, False),
    )  # fmt: skip
    table = rfm.scored(crowd, limits, worth="margin")
    rows = table.select("customer_id", "r", "f", "m", "tier").to_pandas().itertuples(index=False)
    assert {
        "best": (5, 5, 5, "high"),
        "twin": (5, 5, 5, "high"),
        "edge": (4, 3, 4, "medium"),
        "least": (1, 1, 1, "low"),
        "gone": (0, 0, 0, "low"),
    } == {row.customer_id: tuple(row)[1:] for row in rows}


def test_what_it_takes_is_the_other_side_of_a_score() -> None:
    """A score whose two limits are equal has an empty range; the others join without a gap."""
    limits = rfm.Limits((5, 10, 15, 20), (1, 1, 2, 5), (10, 20, 30, 40), 100)
    stretch = Stretch(12, {"none": END}, {})
    found = stages.Standings(pd.DataFrame(), limits, ALIKE, stretch, BY_MARGIN, None)
    frame = stages.score_limits(found).frame.set_index("score")
    assert [0, 6, 11, 16, 21] == frame["since_from"].tolist()
    assert [5, 10, 15, 20] == frame["since_to"].dropna().tolist()
    assert [(6, None), (3, 5), (2, 2), (2, 1), (1, 1)] == [
        (row.days_from, None if math.isnan(row.days_to) else row.days_to)
        for row in frame.itertuples()
    ]


def test_a_customer_stands_where_the_last_months_put_him() -> None:
    """Money is of the stretch alone, net of returns without an order; older orders count dates."""
    rows = [
        ("a", "2024-09-30", 100, 50),  # the day before the stretch of twelve months
        ("a", "2024-10-01", 10, 5),
        ("a", "2025-09-20", 20, 8),
        ("b", "2024-01-01", 70, 30),
    ]
    back = days_table([("a", "2025-09-25", -4, -1)])
    found = standing(
        summary_table(rows, END).mutate(),
        money_of(days_table(rows), back),
        END,
        months=12,
    )
    frame = found.to_pandas().set_index("customer_id")
    a, b = frame.loc["a"], frame.loc["b"]
    assert (3, 10, 2, 26.0, 12.0, True) == (
        a.order_days, a.since, a.recent_days, float(a.revenue), float(a.margin), bool(a.active)
    )  # fmt: skip
    assert (0, 0.0, False) == (b.recent_days, float(b.revenue), bool(b.active))


def test_two_days_are_measured_with_one_rod() -> None:
    """Ten months before October's start there are data for: both days look back ten months."""
    october = stretch_of(windows("2011-10", "2010-12-01"), activity_months=12)
    assert 10 == october.months
    assert {"none", "previous"} == set(october.days)
    assert (
        "the data begin on 2010-12-01, within the activity window of 10 months"
        == october.missing["year_ago"]
    )
    assert 12 == stretch_of(windows(), activity_months=12).months
    assert 0 == stretch_of(windows("2011-01", "2010-12-01"), activity_months=12).months


@pytest.mark.parametrize(
    ("margins", "worth", "why"),
    [
        ([5.0] * 100, "margin", None),
        ([5.0] * 96 + [None] * 4, "margin", None),
        ([5.0] * 90 + [None] * 10, "revenue", "the margin is known of only 90.0% of the order"),
        ([None] * 100, "revenue", "no margin and no cost of the lines is mapped"),
    ],
)
def test_margin_counts_where_nearly_all_is_known(margins, worth, why) -> None:
    """Below 95 % of the order dates a sum of margins would be of some customers only."""
    rows = [(f"c{i}", "2025-09-01", 10.0, m) for i, m in enumerate(margins)]
    known = known_money(days_table(rows))
    assert worth == known.worth
    assert (known.margin or "").startswith(why or "")
    assert (why is None) == (known.margin is None)
    assert (None in margins and why is None) == (known.care is not None)


CUBE = pd.DataFrame(
    [
        ("previous", "loyal", "high", "loyal", "high", 5, 3, 0, 500, 0, 480),
        ("previous", "loyal", "high", "at_risk", "high", 2, 0, 0, 90, 0, 100),
        ("previous", "growing", "medium", "lapsed", "low", 1, 0, 0, 0, 0, 7),
        ("previous", "lapsed", "low", "growing", "medium", 3, 3, 0, 30, 0, 0),
        ("previous", "joining", "joining", "new", "medium", 4, 4, 0, 40, 0, 0),
        ("none", "joining", "joining", "loyal", "high", 5, 3, 0, 500, 0, 0),
        ("none", "joining", "joining", "at_risk", "high", 2, 0, 0, 90, 0, 0),
        ("none", "joining", "joining", "lapsed", "low", 1, 0, 0, 0, 0, 0),
        ("none", "joining", "joining", "growing", "medium", 3, 3, 0, 30, 0, 0),
        ("none", "joining", "joining", "new", "medium", 4, 4, 0, 40, 0, 0),
    ],
    columns=["against", *stages.KEYS, *stages.SUMS],
)


def by_hand(**changes):
    limits = rfm.Limits((1,) * 4, (1,) * 4, (1,) * 4, 100)
    stretch = Stretch(12, {"none": END, "previous": DAY("2025-08-31")}, {"year_ago": "short"})
    return stages.Standings(CUBE, limits, ALIKE, stretch, BY_MARGIN, None)._replace(**changes)


def test_moves_add_up() -> None:
    """Row sums are the customers of then, column sums those of now; newcomers have their row."""
    counts = stages.migration(by_hand(), by="stage", against="previous").frame
    assert {"loyal": 7, "growing": 1, "lapsed": 3, "joining": 4} == {
        k: v for k, v in counts.sum(axis=1).items() if v
    }
    now = stages.stages(by_hand()).frame.set_index("stage")
    assert counts.sum().to_dict() == now["customers"].to_dict()
    assert 2 == counts.loc["loyal", "at_risk"]
    assert stages.migration(by_hand(), by="stage", against="year_ago").frame.empty


def test_a_stage_says_what_it_brings_and_who_of_it_bought() -> None:
    """Seven were loyal and three of them bought; five are, with 500 of 660 of the margin."""
    result = stages.stages(by_hand())
    loyal = result.frame.set_index("stage").loc["loyal"]
    assert (5, -2, 7, 3, 580) == tuple(
        loyal[["customers", "change", "then", "bought", "then_worth"]]
    )
    assert 500 / 660 == pytest.approx(loyal["worth_share"])
    share = result.one("stage_buying_share", dimensions="stage=loyal")
    assert (3 / 7, 3, 7) == (pytest.approx(share.value), share.numerator, share.n)
    assert -2 == result.one(
        "stage_customers", dimensions="stage=loyal", compare_to="previous"
    ).change


def test_flows_weigh_losses_by_what_was_and_gains_by_what_is() -> None:
    """Three left the rhythm with 107 of margin before, two of them of the high tier with 100."""
    flows = stages.flows(by_hand()).frame.set_index("flow")
    assert (3, 8, 107, 2, 100) == tuple(
        flows.loc["slid", ["customers", "base", "worth", "high", "high_worth"]]
    )
    assert (3, 3, 30) == tuple(flows.loc["back", ["customers", "base", "worth"]])
    assert (4, 40) == tuple(flows.loc["joined", ["customers", "worth"]])


def test_who_slid_is_held_against_the_previous_period() -> None:
    """Of 100 in their rhythm 20 slid, of 100 a month before 40: fewer, and surely so.

    0.2 - 0.4 with Newcombe's interval; without that month the change is blank, not none.
    """
    rows = [
        ("previous", "loyal", "high", "at_risk", "high", 20, 0, 0, 0, 0, 0),
        ("previous", "growing", "low", "growing", "low", 80, 0, 0, 0, 0, 0),
        ("before", "loyal", "high", "at_risk", "high", 40, 0, 0, 0, 0, 0),
        ("before", "growing", "low", "growing", "low", 60, 0, 0, 0, 0, 0),
        ("before", "new", "low", "single", "low", 500, 0, 0, 0, 0, 0),
    ]
    cube = pd.DataFrame(rows, columns=CUBE.columns)
    stretch = Stretch(12, {"none": END, "previous": DAY("2025-08-31")}, {}, DAY("2025-07-31"))
    result = stages.flows(by_hand(cube=cube, stretch=stretch))
    level = result.one("slid_share")
    change = result.one("slid_share", compare_to="previous")
    assert (0.2, 20, 100) == (level.value, level.numerator, level.n)
    assert (-0.2, -0.3185, -0.0731) == pytest.approx(
        (change.change, change.change_low, change.change_high), abs=1e-4
    )
    blank = stages.flows(by_hand(cube=cube[cube["against"] == "previous"])).one(
        "slid_share", compare_to="previous"
    )
    assert "the data begin too late to say who left in the previous period" == blank.reason
    assert blank.change is None


def test_a_period_still_running_is_read_with_care() -> None:
    """Nine days are not held against a whole month; what happened in them is provisional."""
    care = "the period has run 9 of 30 days"
    found = by_hand(running=care)
    flows = stages.flows(found)
    assert {("provisional", care)} == {
        (r.status, r.reason) for r in flows.records if r.compare_to == "none"
    }
    change = flows.one("slid_share", compare_to="previous")
    assert ("not_computed", care, None) == (change.status, change.reason, change.change)
    bought = stages.stages(found).one("stage_buying_share", dimensions="stage=loyal")
    assert ("provisional", care) == (bought.status, bought.reason)
    assert "final" == stages.stages(found).one("stage_customers", dimensions="stage=loyal").status
    september = windows_of(
        Period.parse("2025-09"), country=None, data_from=DAY("2023-01-01"),
        data_through=DAY("2025-09-09"),
    )  # fmt: skip
    assert care == running(september)
    assert running(windows()) is None


def test_what_is_not_known_is_named() -> None:
    """Without margin the records say so; without money there are stages and no tiers."""
    said = {r.metric: r.reason for r in stages.stages(by_hand()).records if r.reason}
    assert {"stage_flow": "short"} == said
    no_margin = by_hand(known=Known(None, "why"))
    reasons = {r.metric: r.reason for r in stages.stages(no_margin).records if r.reason}
    assert "why" == reasons["stage_margin"]
    no_money = by_hand(known=Known("none", "why"), limits=None)
    assert "none" == stages.tiers(no_money).records[0].reason
    assert stages.stages(no_money).frame["worth_share"].isna().all()
    missing = by_hand(missing="too few")
    assert "too few" == stages.stages(missing).records[0].reason
    assert stages.flows(missing).frame.empty


def crowd_rows(seed=1, count=80):
    """Customers who buy every so many days, some only once, over three years."""
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(count):
        day = DAY("2023-01-01") + dt.timedelta(days=int(rng.integers(0, 960)))
        pace = float(rng.lognormal(3.5, 0.6))
        while day <= END:
            rows.append((f"c{i:03d}", day.isoformat(), 10.0 + i, 4.0))
            if rng.random() < 0.15:
                break
            day += dt.timedelta(days=1 + int(pace * rng.lognormal(0, 0.5)))
    return rows


def test_everybody_is_in_one_cell() -> None:
    """A whole crowd: moves add up to the customers of both days, money to the stretch's."""
    rows = crowd_rows()
    at = windows()
    stretch = stretch_of(at, activity_months=12)
    table = days_table(rows)
    summaries = {name: summary_table(rows, day) for name, day in stretch.days.items()}
    assert DAY("2025-07-31") == stretch.before
    summaries["before"] = summary_table(rows, stretch.before)
    found = stages.standings(
        summaries, table, table.filter(ibis.literal(False)), at, stretch, known_money(table)
    )
    first = pd.DataFrame(rows).groupby(0)[1].min()
    for name, day in (("previous", "2025-08-31"), ("year_ago", "2024-09-30")):
        counts = stages.migration(found, by="stage", against=name).frame
        then = counts.drop(index="joining").to_numpy().sum()
        assert (first <= day).sum() == then
        assert len(first) == counts.to_numpy().sum()
        assert (first > day).sum() == counts.loc["joining"].sum()
        tiers = stages.migration(found, by="tier", against=name).frame
        assert len(first) == tiers.to_numpy().sum()
    spent = sum(r[2] for r in rows if "2024-10-01" <= r[1] <= "2025-09-30")
    assert spent == pytest.approx(stages.stages(found).frame["revenue"].sum())
    assert spent == pytest.approx(stages.tiers(found).frame["revenue"].sum())
