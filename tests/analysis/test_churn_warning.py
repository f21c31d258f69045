"""Which score tells who will order, by pencil and on planted companies; who is at risk."""

import datetime as dt

import ibis
import numpy as np
import pandas as pd
import pytest
from repurchase.analysis import churn_warning as warning

DAY = dt.date.fromisoformat
END, BEGIN = DAY("2025-06-30"), DAY("2023-01-01")


@pytest.fixture(scope="module")
def dated(gamma_company, summary_of):
    """The dates of prediction with the customers as of each."""
    return [
        warning.Tables(day, summary_of(gamma_company, day=day.isoformat()), 12)
        for day in warning.origins(BEGIN, END)
    ]


@pytest.fixture(scope="module")
def whole_test(dated, gamma_company, lives):
    """The test of all scores on the company with gamma gaps."""
    return warning.warning_test(dated, lives(gamma_company), data_from=BEGIN, end=END)


def test_the_dates_lie_a_horizon_apart_and_leave_half_a_year_before():
    """Seven of them, the last horizon ending with the data; fewer where the data are short."""
    days = warning.origins(BEGIN, END)

    assert [DAY("2025-04-01"), DAY("2025-01-01"), DAY("2024-10-03")] == days[:3]
    assert 7 == len(days)
    assert [DAY("2025-04-01")] == warning.origins(DAY("2024-10-03"), END)
    assert [] == warning.origins(DAY("2024-10-04"), END)


def test_what_is_known_on_a_date_is_what_lay_before_it(summary_of, lives):
    """Active customers only, the days since, and who came in the days after."""
    dates = {"a": ["2025-01-01", "2025-03-22", "2025-04-20"], "b": ["2025-02-20"],
             "c": ["2024-03-31"], "d": ["2024-05-05", "2024-06-04", "2025-07-15"]}  # fmt: skip
    day = DAY("2025-04-01")
    at = warning.Tables(day, summary_of(dates, day=day.isoformat()), 12)

    seen = warning.seen_on(at, lives(dates), 90)

    assert ["a", "b", "d"] == seen.ids.tolist()
    assert [-10, -40, -301] == seen.scores["recency"].tolist()
    assert [1, 0, 1] == seen.scores["frequency"].tolist()
    assert [True, False, False] == seen.came.tolist()


def test_every_score_has_its_row_and_only_one_is_used(whole_test):
    """Six scores and the warning; n, interval and gain over recency of each."""
    frame = whole_test.frame.set_index("score")

    assert list(warning.SCORES) == list(frame.index)
    assert 1 == frame["used"].sum()
    assert (frame["low"] < frame["auc"]).all() and (frame["auc"] < frame["high"]).all()
    assert np.isnan(frame.loc["recency", "gain"])
    gains = frame["auc"] - frame.loc["recency", "auc"]
    assert gains.drop("recency").tolist() == pytest.approx(frame["gain"].dropna().tolist())
    assert 6 == frame["origins"].iloc[0]
    used = str(frame.index[frame["used"]][0])
    assert 1.0 == whole_test.one("warning_used", dimensions=f"score={used}").value


def test_who_buys_at_a_pace_of_her_own_is_told_by_the_rhythm(whole_test):
    """Where paces differ the probability by own rhythm beats recency, and is used or beaten."""
    frame = whole_test.frame.set_index("score")

    assert frame.loc["returns", "gains"]
    assert frame.loc[frame["used"], "auc"].iloc[0] == frame.loc[frame["gains"], "auc"].max()
    assert frame.loc["returns", "said"] == pytest.approx(frame.loc["returns", "came"], abs=0.04)
    assert frame.loc["returns", "slope_low"] < 1.3 and frame.loc["returns", "slope_high"] > 0.7


def test_alive_of_the_model_is_never_used(whole_test):
    """However it orders, P(alive) is no candidate; here it does worse than recency."""
    frame = whole_test.frame.set_index("score")

    assert not frame.loc["alive", "gains"] and not frame.loc["alive", "used"]
    assert frame.loc["alive", "auc"] < frame.loc["recency", "auc"]


def seen(n, seed, *, better, name="returns"):
    """A date on which recency tells a little, and another score as much or more."""
    rng = np.random.default_rng(seed)
    came = rng.random(n) < 0.3
    noise = rng.normal(0, 1, n)
    recency = came + 2 * noise
    other = came + (0.5 * rng.normal(0, 1, n) if better else 2 * rng.normal(0, 1, n))
    ids = pd.Series([f"{i:05d}" for i in range(n)])
    scores = {"recency": recency, name: other}
    return warning.Seen(ids, scores, np.zeros((n, 4)), came)


def test_a_score_that_is_no_better_than_recency_is_not_used():
    """Twenty companies where another score tells as much: recency stays in nineteen or more."""
    kept = 0
    for seed in range(20):
        dates = [seen(300, 10 * seed + k, better=False, name="frequency") for k in range(3)]
        frame = warning._judged(dates, 90, END).frame.set_index("score")
        kept += bool(frame.loc["recency", "used"])

    assert kept >= 19


def test_a_score_that_is_surely_better_is_used_but_alive_never():
    """The same gain under two names: one is taken, P(alive) is not."""
    for name, used in (("frequency", "frequency"), ("alive", "recency")):
        dates = [seen(300, k, better=True, name=name) for k in range(3)]
        frame = warning._judged(dates, 90, END).frame.set_index("score")
        assert frame.loc[name, "auc"] > frame.loc["recency", "auc"] + 0.1
        assert used == frame.index[frame["used"]][0]


def test_a_single_date_is_tested_without_the_score_that_learns(dated, gamma_company, lives):
    """There is nothing before it to learn from; all other scores stand."""
    found = warning.warning_test(
        dated[:1], lives(gamma_company), data_from=DAY("2024-10-01"), end=END
    ).frame

    assert set(warning.SCORES) - {"combined"} == set(found["score"])
    assert 1 == found["origins"].iloc[0]


def test_without_a_date_or_thirty_who_came_there_is_no_test(summary_of, lives):
    """Recency is left, and the record says why."""
    short = warning.warning_test([], lives({}), data_from=DAY("2025-01-01"), end=END)
    assert short.frame.empty
    assert "the data begin on 2025-01-01: a test needs 270 days" == short.records[0].reason
    few = {f"{i}": ["2024-12-01", "2025-02-01"] for i in range(29)}
    few |= {f"x{i}": ["2024-12-01"] for i in range(300)}
    tables = [
        warning.Tables(day, summary_of(few, day=day.isoformat()), 12)
        for day in (DAY("2025-04-01"), DAY("2025-01-01"))
    ]
    result = warning.warning_test(tables, lives(few), data_from=BEGIN, end=END)
    assert "fewer than 30 were seen to come back" == result.records[0].reason


def test_each_customers_risk_is_the_place_among_the_active(dated, gamma_company, lives):
    """By recency: who ordered last stands lowest, who has waited longest highest."""
    days, now = lives(gamma_company), dated[0]
    found = warning.risk_of_each(now, dated[1:], days, used="recency").set_index("customer_id")
    learnt = warning.risk_of_each(now, dated[1:], days, used="combined")

    assert found["score"].idxmax() == found["risk"].idxmin()
    assert 0.5 == pytest.approx(found["risk"].mean())
    assert found["risk"].between(0, 1).all()
    assert len(found) == len(learnt)
    assert learnt["score"].between(0, 1).all()


CUSTOMERS = pd.DataFrame(
    [
        ("a", "at_risk", "high", True, 4, 100.0), ("b", "at_risk", "low", True, 2, 10.0),
        ("c", "loyal", "high", True, 5, 500.0), ("d", "lapsed", "low", False, 3, 0.0),
        ("e", "new", "low", True, 1, 5.0),
    ],
    columns=["customer_id", "stage", "tier", "active", "order_days", "margin"],
)  # fmt: skip


def test_at_risk_is_counted_by_tier_and_segment_and_adds_up():
    """Two of four active at risk, two of the three with a rhythm; 110 of margin at stake."""
    labels = pd.DataFrame({"customer_id": ["a", "b", "c"], "label": ["x", "x", "y"]})
    segment = ibis.memtable(labels)

    found = warning.at_risk(
        ibis.memtable(CUSTOMERS), {"kind": segment}, worth="margin", months=12, missing=None
    )

    frame = found.frame
    rows = frame[["by", "label", "active", "repeaters", "at_risk", "worth"]].values.tolist()
    assert ["all", "", 4.0, 3.0, 2.0, 110.0] == rows[0]
    assert [["tier", "high", 2.0, 2.0, 1.0, 100.0], ["tier", "low", 2.0, 1.0, 1.0, 10.0]] == (
        rows[1:3]
    )
    assert [
        ["kind", "", 1.0, 0.0, 0.0, 0.0], ["kind", "x", 2.0, 2.0, 2.0, 110.0],
        ["kind", "y", 1.0, 1.0, 0.0, 0.0],
    ] == rows[3:]  # fmt: skip
    assert 2 / 3 == pytest.approx(frame["share"].iloc[0])
    assert np.isnan(frame["share"].iloc[3])
    sums = frame.groupby("by")[["active", "at_risk", "worth"]].sum()
    assert (sums == sums.iloc[0]).all().all()
    assert (2.0, 4.0) == (found.one("at_risk_customers").value, found.one("at_risk_customers").n)
    where = "by=tier;label=high"
    assert 100.0 == found.one("at_risk_margin", dimensions=where).value


def test_without_money_there_are_no_tiers_and_without_stages_a_reason():
    """Only all customers are counted; where stages are not computed nothing is."""
    plain = warning.at_risk(
        ibis.memtable(CUSTOMERS), {}, worth=None, months=12, missing=None
    )
    none = warning.at_risk(None, {}, worth="margin", months=12, missing="too short")

    assert ["all"] == plain.frame["by"].tolist()
    assert {"at_risk_customers"} == {r.metric for r in plain.records}
    assert none.frame.empty
    assert "too short" == none.one("at_risk_customers").reason
