"""What the arms brought, against plain loops, numpy and scipy."""

import datetime as dt

import ibis
import numpy as np
import pandas as pd
import pytest
import scipy.stats
from made.assigned import SEEN, START, halves, plan, read, tables
from repurchase.analysis import trials
from repurchase.analysis.trial_checks import before
from repurchase.analysis.trial_readings import cost_of, missing
from repurchase.analysis.trial_results import pull_forward, results, stage, unknown_money
from repurchase.analysis.trial_segments import effects, labelled, places_before
from repurchase.analysis.trial_units import TrialTables, inferred, units
from repurchase.analysis.trial_weeks import by_week
from repurchase.params import ArmPlan, ExperimentPlan
from repurchase.stats.sequential import msprt

# ---- unknown money -----------------------------------------------------------------------------


def test_a_customer_one_of_whose_margins_is_unknown_is_in_no_margin():
    """Never with the part that is known: 10 + nothing known is not 10."""
    made = tables(halves(4), [("c000", 1, 20.0, 10.0), ("c000", 2, 20.0, None),
                              ("c001", 1, 20.0, 8.0), ("c003", -3, None, 1.0)])  # fmt: skip
    frame = units(made, horizons=(7,), seen_until=SEEN).to_pandas()
    frame = frame.set_index("customer_id").sort_index()

    assert [True, False, False, False] == frame["margin_7"].isna().tolist()
    assert [8.0, 0.0, 0.0] == [float(x) for x in frame["margin_7"][1:]]
    assert [40.0, 20.0, 0.0, 0.0] == [float(x) for x in frame["revenue_7"]]
    assert [False, False, False, True] == frame["before_revenue_7"].isna().tolist()


def test_few_unknown_margins_leave_their_customers_out_of_the_margin_alone():
    """1 of 120 buyers: the margin's mean is of the others, revenue's of all, and that is said."""
    arms = halves(120)
    bought = [(c, 1, 20.0 + i, None if i == 7 else 5.0 + i % 9) for i, c in enumerate(arms)]
    trial = read(tables(arms, bought))
    row = trial.frame.set_index(["metric", "horizon"])
    mine = [m for i, (_, _, _, m) in enumerate(bought) if i % 2 and i != 7]

    assert ("margin", "margin") == (trial.plan.metric, trial.asked)
    assert (60, 59, 60) == (row.loc[("margin", 7), "n_control"], row.loc[("margin", 7), "n"],
                            row.loc[("revenue", 7), "n"])  # fmt: skip
    assert sum(mine) / 59 == pytest.approx(row.loc[("margin", 7), "treatment"])
    told = next(r for r in trials.records(trial) if r.metric == "trial_margin" and r.n == 119)
    assert ("provisional", "without 1 of 120 customers who bought something of which it is not"
            " known") == (told.status, told.reason)  # fmt: skip


def test_too_many_unknown_margins_make_revenue_lead():
    """2 of 120 buyers are more than 1 %; what margin was worth having is no revenue."""
    arms = halves(120)
    bought = [(c, 1, 20.0 + i, None if i in (6, 7) else 5.0) for i, c in enumerate(arms)]
    trial = read(tables(arms, bought))

    assert ("revenue", "margin", None) == (
        trial.plan.metric, trial.asked, trial.plan.smallest_effect)  # fmt: skip
    assert "margin" not in set(trial.frame["metric"])
    found = [r for r in trials.records(trial) if r.metric == "trial_margin"]
    assert ["not_computed"] * 2 == [r.status for r in found]
    assert "it is not known of 2 of 120 customers who bought something" == found[0].reason


def test_without_any_money_the_share_who_ordered_leads():
    """Nothing is known of amounts: no difference of 0 is invented."""
    arms = halves(60)
    trial = read(tables(arms, [(c, 1, None, None) for c in list(arms)[::3]]))

    assert "repurchase" == trial.plan.metric
    assert {"repurchase", "orders"} == set(trial.frame["metric"])


def test_buyers_who_are_not_ripe_do_not_count_as_unknown():
    """One of two buyers has had the days: of one, none is unknown."""
    arms = {"c1": "new", "c2": "control"}
    made = tables(arms, [("c1", 1, 5.0, 1.0), ("c2", 1, 5.0, None)],
                  start={"c1": START, "c2": SEEN - dt.timedelta(days=3)})  # fmt: skip
    found = unknown_money(units(made, horizons=(7,), seen_until=SEEN), (7,))

    assert [("margin", 0, 1), ("revenue", 0, 1)] == [(u.metric, u.count, u.buyers) for u in found]


def test_pull_forward_is_read_on_those_whose_money_is_known_of_both_stretches():
    """The third treated customer's later margin is unknown: he is in neither stretch."""
    arms = {"n1": "new", "n2": "new", "n3": "new", "k1": "control", "k2": "control"}
    bought = [("n1", 1, 9.0, 9.0), ("n2", 1, 11.0, 11.0), ("n3", 1, 90.0, 90.0),
              ("n3", 20, 90.0, None), ("n2", 20, 4.0, 4.0), ("k1", 1, 2.0, 2.0)]  # fmt: skip
    table = units(tables(arms, bought), horizons=(7, 30), seen_until=SEEN)
    found = pull_forward(plan(), table, "new", metric="margin", longer=30)

    # early 10 against 1, later 2 against 0
    assert (9.0, 2.0, 11.0) == (found.early.value, found.later.value, found.whole.value)


def test_where_earlier_margins_are_unknown_earlier_order_dates_adjust():
    """Every customer alike; by numpy with the pooled theta."""
    arms = halves(80)
    rng = np.random.default_rng(3)
    past, now = rng.integers(0, 3, 80), rng.normal(0, 1, 80)
    bought = []
    for i, c in enumerate(arms):
        bought += [(c, -1 - d, 9.0, None if i == 5 else 3.0) for d in range(past[i])]
        bought.append((c, 1, 50.0, round(20 + 4 * past[i] + now[i], 2)))
    own = plan()
    table = units(tables(arms, bought), horizons=(7, 30), seen_until=SEEN)
    where = {7: stage(own, table, horizon=7, seen_until=SEEN)}
    row = results(own, table, where).set_index("metric").loc["margin"]

    y = np.array([b[3] for b in bought if b[1] == 1])
    new = np.arange(80) % 2 == 1
    adjusted = y - np.cov(y, past)[0, 1] / np.var(past, ddof=1) * past
    difference = adjusted[new].mean() - adjusted[~new].mean()
    assert difference == pytest.approx(row["difference"], rel=1e-9)
    assert row["gained"] > 0.8


def test_what_was_before_is_compared_on_those_of_whom_it_is_known():
    """Means of 40 and of 39, not of 40 with a 0."""
    arms = halves(80)
    bought = [(c, -2, 10.0 + i, None if i == 1 else float(i)) for i, c in enumerate(arms)]
    found = before(plan(), units(tables(arms, bought), horizons=(7, 30), seen_until=SEEN))

    assert ["before_revenue"] == [b.figure for b in found]
    bought += [(f"d{i}", -2, 1.0, float(i)) for i in range(2)]
    found = before(plan(), units(tables({**arms, "d0": "new", "d1": "control"}, bought),
                                 horizons=(7, 30), seen_until=SEEN))  # fmt: skip
    margin = next(b for b in found if b.figure == "before_margin")
    assert (41, 40) == (margin.n_control, margin.n)
    assert sum(i for i in range(3, 80, 2)) / 40 == pytest.approx(margin.treatment)


# ---- by week -----------------------------------------------------------------------------------


def weekly_company(n=120, weeks=4, seed=2):
    """Staggered starts; the treated buy more, and less so each week."""
    rng = np.random.default_rng(seed)
    arms = halves(n)
    start = {c: SEEN - dt.timedelta(days=int(rng.integers(10, 35))) for c in arms}
    bought = []
    for c, arm in arms.items():
        usual = rng.uniform(0, 9)
        for week in range(weeks):
            if rng.random() < 0.7:
                more = 4.0 - 1.5 * week if arm == "new" else 0.0
                amount = round(float(max(0.0, usual + more + rng.normal())), 2)
                bought.append((c, 7 * week + int(rng.integers(0, 7)), 2 * amount, amount))
    bought = [b for b in bought if start[b[0]] + dt.timedelta(days=b[1]) <= SEEN]
    return arms, bought, start


def test_a_week_counts_who_has_had_it_and_the_slope_takes_in_how_weeks_go_together():
    """Against loops over the customers, numpy's covariances and weights by hand."""
    arms, bought, start = weekly_company()
    own = plan(metric="margin", horizon_days=7, longer_horizon_days=28)
    made = tables(arms, bought, start=start)
    table = units(made, horizons=(7, 28), seen_until=SEEN)
    found = by_week(own, table, made.days, seen_until=SEEN)

    mine = {c: np.zeros(4) for c in arms}
    for c, day, _, margin in bought:
        mine[c][day // 7] += margin
    had = {c: ((SEEN - start[c]).days + 1) // 7 for c in arms}
    values, weeks = [], found.frame["week"].tolist()
    assert [1, 2, 3] == weeks  # of the fourth no arm has 30
    shared = np.zeros((3, 3))
    for week in weeks:
        groups = [[mine[c][week - 1] for c in arms if arms[c] == a and had[c] >= week]
                  for a in ("control", "new")]  # fmt: skip
        row = found.frame[found.frame["week"] == week].iloc[0]
        assert [len(g) for g in groups] == [row["n_control"], row["n"]]
        values.append(np.mean(groups[1]) - np.mean(groups[0]))
        assert values[-1] == pytest.approx(row["difference"])
    for i in range(3):
        for j in range(i, 3):
            for arm in ("control", "new"):
                both = [c for c in arms if arms[c] == arm and had[c] > j]
                early = sum(arms[c] == arm and had[c] > i for c in arms)
                told = np.cov([mine[c][i] for c in both], [mine[c][j] for c in both])[0, 1]
                shared[i, j] += told / early
            shared[j, i] = shared[i, j]
    weights = 1 / np.diag(shared)
    at = np.array([1, 2, 3]) - np.average([1, 2, 3], weights=weights)
    share = weights * at / (weights * at**2).sum()
    slope = found.slopes["new"]
    assert share @ values == pytest.approx(slope.slope.value)
    assert np.sqrt(share @ shared @ share) == pytest.approx(slope.error)
    assert slope.slope.high < 0


def test_who_has_money_that_is_unknown_is_in_no_week():
    """One treated customer's second margin is unknown: he is left out from the first week on."""
    arms, bought, start = weekly_company()
    start = dict.fromkeys(arms, START)
    bought = [b for b in bought if b[0] != "c001"] + [("c001", 1, 9.0, 9.0), ("c001", 9, 9.0, None)]
    made = tables(arms, bought, start=start)
    own = plan(metric="margin", horizon_days=7, longer_horizon_days=28)
    table = units(made, horizons=(7, 28), seen_until=SEEN)
    found = by_week(own, table, made.days, seen_until=SEEN)

    assert {60} == set(found.frame["n_control"]) and {59} == set(found.frame["n"])
    asked = by_week(own.model_copy(update={"metric": "average_order"}), table, made.days,
                    seen_until=SEEN)  # fmt: skip
    assert asked is None and by_week(own, table, None, seen_until=SEEN) is None


# ---- in segments -------------------------------------------------------------------------------


def segmented(own=None):
    """200 customers, half of them in the north; the treated of the north buy 5 more."""
    rng = np.random.default_rng(9)
    arms = halves(200)
    region = {c: "north" if i < 100 else "south" for i, c in enumerate(arms)}
    bought = []
    for c, arm in arms.items():
        more = 5.0 if arm == "new" and region[c] == "north" else 0.0
        bought.append((c, 1, 90.0, round(10 + more + float(rng.normal(0, 2)), 2)))
    labels = ibis.memtable(pd.DataFrame({"customer_id": list(region), "label": region.values()}))
    made = tables(arms, bought)
    own = own or plan(segments=("region",))
    table = labelled(units(made, horizons=(7, 30), seen_until=SEEN),
                     {"region": labels, "other": labels})  # fmt: skip
    return table, own, {b[0]: b[3] for b in bought}, arms, region


def test_segments_named_before_are_told_apart_from_those_looked_at_afterwards():
    """The declared first; each family corrected for its own two labels."""
    table, own, margin, arms, region = segmented()
    where = stage(own, table, horizon=7, seen_until=SEEN)
    frame = effects(own, table, where)

    assert ["region", "region", "other", "other"] == frame["segment"].tolist()
    assert [True, True, False, False] == frame["declared"].tolist()
    north = [[margin[c] for c in arms if region[c] == "north" and arms[c] == a]
             for a in ("control", "new")]  # fmt: skip
    told = scipy.stats.ttest_ind(north[1], north[0], equal_var=False)
    ends = told.confidence_interval()
    first = frame.iloc[0]
    assert (told.pvalue, ends.low, ends.high) == pytest.approx(
        (first["p"], first["low"], first["high"]), rel=1e-6)  # fmt: skip
    p = frame["p"].tolist()
    assert [min(2 * p[0], p[1]), p[1]] == pytest.approx(frame["q"].tolist()[:2])


def test_nothing_within_segments_is_judged_while_the_test_runs():
    """The intervals hold at every look, and no p-value is corrected."""
    table, own, *_ = segmented(plan(segments=(), planned_end=None))
    running = stage(own, table, horizon=7, seen_until=SEEN)
    over = effects(plan(), table, stage(plan(), table, horizon=7, seen_until=SEEN))
    frame = effects(own, table, running)

    assert frame["q"].isna().all() and not frame["declared"].any()
    assert ((frame["high"] - frame["low"]) > (over["high"] - over["low"])).all()


def test_a_place_is_that_of_the_last_order_date_before_the_assignment():
    """Not of an order in the test, nor of an older one; who had none has no label."""
    rows = [("a", -9, "app"), ("a", -2, "store"), ("a", 3, "app"), ("b", 0, "app")]
    rows.append(("c", -1, "app"))
    days = ibis.memtable(pd.DataFrame(
        [(c, START + dt.timedelta(days=d), ch) for c, d, ch in rows],
        columns=["customer_id", "order_date", "channel"],
    ), schema={"customer_id": "string", "order_date": "date", "channel": "string"})  # fmt: skip
    table = ibis.memtable(pd.DataFrame({"customer_id": list("abc"), "assigned_on": [START] * 3}),
                          schema={"customer_id": "string", "assigned_on": "date"})  # fmt: skip
    found = places_before(table, days)
    told = found["channel"].to_pandas().set_index("customer_id")["label"].to_dict()

    assert {"channel"} == set(found) and {"a": "store", "c": "app"} == told


# ---- the other readings, the best arm, what is still needed ------------------------------------


def test_every_reading_stands_beside_the_one_that_rules():
    """Plain Welch by scipy, CUPED narrower, the sequence wider, mSPRT's p and the chances."""
    rng = np.random.default_rng(5)
    arms = halves(400)
    bought = []
    for i, c in enumerate(arms):
        past = round(float(rng.gamma(2, 5)), 2)
        bought += [(c, -3, past, past), (c, 1, 40.0, round(past + 3 * (i % 2) + rng.normal(), 2))]
    row = read(tables(arms, bought)).frame.set_index(["metric", "horizon"]).loc[("margin", 7)]
    y = np.array([b[3] for b in bought if b[1] == 1])
    new = np.arange(400) % 2 == 1
    told = scipy.stats.ttest_ind(y[new], y[~new], equal_var=False)
    ends = told.confidence_interval()

    assert (y[new].mean() - y[~new].mean(), ends.low, ends.high, told.pvalue) == pytest.approx(
        (row["plain"], row["plain_low"], row["plain_high"], row["plain_p"]), rel=1e-6)  # fmt: skip
    widths = [row[f"{k}_high"] - row[f"{k}_low"] for k in ("fixed", "plain", "any")]
    assert widths[0] < widths[1] / 3 and widths[0] < widths[2]
    assert ("fixed", row["fixed_low"]) == (row["rule"], row["low"])
    # mixing variance: the smallest effect worth having, 1, squared
    assert msprt(row["difference"], row["error"] ** 2, 1.0).p == pytest.approx(row["msprt_p"])
    assert row["risk_arm"] == pytest.approx(0, abs=1e-9) and row["risk_control"] == pytest.approx(
        row["difference"], rel=1e-9)  # fmt: skip


def test_a_share_has_the_chance_from_both_shares_too():
    """Of 100 and 100 customers 49 and 51 ordered: METHODS' .61077."""
    arms = halves(200)
    new = [c for c in arms if arms[c] == "new"][:51]
    old = [c for c in arms if arms[c] == "control"][:49]
    trial = read(tables(arms, [(c, 1, 9.0, 9.0) for c in new + old]))
    row = trial.frame.set_index(["metric", "horizon"]).loc[("repurchase", 7)]

    assert 0.61077 == pytest.approx(row["beta_chance"], abs=1e-5)
    assert pd.isna(trial.frame.set_index(["metric", "horizon"]).loc[("margin", 7), "beta_chance"])


def test_the_best_of_three_arms_is_told_net_of_what_each_costs():
    """Draws of the three means, the control's error being in both differences."""
    rng = np.random.default_rng(6)
    arms = {f"c{i:03}": ("control", "mail", "gift")[i % 3] for i in range(300)}
    more = {"control": 0.0, "mail": 0.4, "gift": 1.5}
    bought = [(c, 1, 40.0, round(10 + more[a] + float(rng.normal(0, 2)), 2))
              for c, a in arms.items()]  # fmt: skip
    own = plan(arms={"control": ArmPlan(share=1), "mail": ArmPlan(share=1, cost=0.1),
                     "gift": ArmPlan(share=1, cost=1.0)})  # fmt: skip
    trial = read(tables(arms, bought), own)
    groups = {a: np.array([b[3] for b in bought if arms[b[0]] == a]) for a in more}
    cost = {"control": 0.0, "mail": 0.1, "gift": 1.0}
    drawn = {a: rng.normal(g.mean() - cost[a], g.std(ddof=1) / 10, 400_000)
             for a, g in groups.items()}  # fmt: skip
    names = list(drawn)
    first = np.argmax(np.stack([drawn[a] for a in names]), axis=0)

    assert {a: (first == i).mean() for i, a in enumerate(names)} == pytest.approx(
        trial.best, abs=0.003)  # fmt: skip
    assert 1.0 == pytest.approx(sum(trial.best.values()))


def test_what_is_still_needed_follows_the_pace_of_assignment():
    """40 customers joined in the last 28 days; enough are wanted for four times in five."""
    arms = halves(80)
    start = {c: SEEN - dt.timedelta(days=60 if i < 40 else i % 20) for i, c in enumerate(arms)}
    bought = [(c, 0, 9.0, float(i % 10)) for i, c in enumerate(arms)]
    own = plan(planned_end=None, planned_n=1000, smallest_effect=0.5)
    trial = read(tables(arms, bought, start=start), own)
    row = trial.frame.set_index(["metric", "horizon"]).loc[("margin", 7)]
    deviation = row["error"] / np.sqrt(1 / row["n"] + 1 / row["n_control"])
    share = row["n"] / (row["n"] + row["n_control"])
    z = scipy.stats.norm.ppf(0.975) + scipy.stats.norm.ppf(0.8)
    wanted = int(np.ceil((z * deviation / 0.5) ** 2 / share / (1 - share)))

    assert (wanted, 80, 40 / 28) == (
        trial.needed.units, trial.needed.assigned, trial.needed.a_day)  # fmt: skip
    assert int(np.ceil((wanted - 80) * 28 / 40)) + 7 == trial.needed.days
    stopped = read(tables(arms, bought), own)
    assert stopped.needed.days is None
    easy = read(tables(arms, bought, start=start), own.model_copy(update={"smallest_effect": 5.0}))
    assert 0 == easy.needed.days


def test_what_the_plan_does_not_say_is_named():
    """Each field; a cost of 0 that was said is not missing."""
    rails = {"opt_out": True, "complaint": False}
    bare = ExperimentPlan(id="x")
    whole = plan(question="?", start=START, units_a_year=9, owner="A", segments=("s",))

    assert ("plan",) == missing(bare, planned=False, rails=rails)
    assert missing(bare, planned=True, rails=rails) == (
        "question", "shares", "start", "end", "smallest_effect", "cost", "units_a_year", "owner",
        "segments", "complaint",
    )  # fmt: skip
    assert () == missing(whole, planned=True, rails={"opt_out": True, "complaint": True})
    assert (0.0, None) == (cost_of(plan(), "new"), cost_of(bare, "new"))


# ---- inferred arms -----------------------------------------------------------------------------


def test_inferred_arms_are_called_so_in_every_record():
    """Who is told twice of one arm is one unit; who is told of both is of neither."""
    arms = halves(60)
    sent = {a: [c for c in arms if arms[c] == a] for a in ("new", "control")}
    sent["new"] += ["c001", "c000", None]
    made = tables(arms, [(c, 1, 20.0, 5.0 + i % 7) for i, c in enumerate(arms)])
    told = inferred(
        {a: ibis.memtable(pd.DataFrame({"customer_id": c}), schema={"customer_id": "string"})
         for a, c in sent.items()},
        assigned_on=START,
    )  # fmt: skip
    trial = read(TrialTables(told, made.days), plan(planned_end=START))
    twice = next(c for c in trial.checks if c.name == "two_arms")

    assert trial.inferred and (1, 60) == (twice.count, twice.n)
    found = [r for r in trials.records(trial) if r.value is not None and r.metric != "trial_split"]
    assert found == []  # one of sixty in two arms is more than 1 %: withheld
    del sent["new"][-2]
    told = inferred(
        {a: ibis.memtable(pd.DataFrame({"customer_id": c}), schema={"customer_id": "string"})
         for a, c in sent.items()},
        assigned_on=START,
    )  # fmt: skip
    trial = read(TrialTables(told, made.days), plan(planned_end=START))
    found = [r for r in trials.records(trial) if r.value is not None and r.metric != "trial_split"]
    assert {("provisional", "the arms are inferred from what was sent or from tags, not from a"
             " log")} == {(r.status, r.reason) for r in found}  # fmt: skip
