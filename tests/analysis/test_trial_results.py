"""What the arms brought, against plain loops, numpy and scipy."""

import datetime as dt

import ibis
import numpy as np
import pandas as pd
import pytest
from repurchase.analysis import trials
from repurchase.analysis.trial_checks import before
from repurchase.analysis.trial_results import pull_forward, results, stage, unknown_money
from repurchase.analysis.trial_units import TrialTables, units
from repurchase.params import ArmPlan, ExperimentPlan

START, SEEN = dt.date(2025, 6, 2), dt.date(2025, 9, 30)


def tables(arms, bought, *, start=None):
    """`arms` by customer; `bought` has (customer, days after the start, revenue, margin)."""
    start = start or dict.fromkeys(arms, START)
    assigned = pd.DataFrame(
        [(c, a, start[c], None, 0.5, "log") for c, a in arms.items()],
        columns=["customer_id", "arm", "assigned_on", "exposed_at", "planned_share",
                 "assignment_source"],
    )  # fmt: skip
    logged = ibis.memtable(
        assigned, schema={"customer_id": "string", "arm": "string", "assigned_on": "date",
                          "exposed_at": "timestamp", "planned_share": "float64",
                          "assignment_source": "string"},
    )  # fmt: skip
    rows = [(c, start[c] + dt.timedelta(days=d), r, m) for c, d, r, m in bought]
    days = ibis.memtable(
        pd.DataFrame(rows, columns=["customer_id", "order_date", "net_revenue", "net_margin"]),
        schema={"customer_id": "string", "order_date": "date", "net_revenue": "float64",
                "net_margin": "float64"},
    )  # fmt: skip
    days = days.mutate(
        net_revenue=days.net_revenue.cast("decimal(18, 4)"),
        net_margin=days.net_margin.cast("decimal(18, 4)"),
    )
    logged = logged.mutate(assigned_at=logged.assigned_on.cast("timestamp"))
    return TrialTables(logged, days)


def plan(**changes):
    told = {"id": "x", "horizon_days": 7, "longer_horizon_days": 30,
            "arms": {"new": ArmPlan(share=0.5, cost=0), "control": ArmPlan(share=0.5)},
            "planned_end": START, "smallest_effect": 1.0}  # fmt: skip
    return ExperimentPlan(**(told | changes))


def halves(n):
    return {f"c{i:03}": "new" if i % 2 else "control" for i in range(n)}


def read(made, own=None, **more):
    own = own or plan()
    table = units(made, horizons=trials.horizons_of(own), seen_until=SEEN)
    return trials.read(own, made.assignments, table, seen_until=SEEN, **more)


# ---- unknown money ------------------------------------------------------------------------------


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
