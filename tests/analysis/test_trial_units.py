"""One row a randomised unit, against a count by plain Python."""

import datetime as dt
import random

import ibis
import pandas as pd
import pytest
from repurchase.analysis.trial_results import pull_forward, results, stage
from repurchase.analysis.trial_units import TrialTables, arm_sums, assignments, units
from repurchase.params import ExperimentPlan
from repurchase.stats.trial import lift

START, SEEN = dt.date(2025, 6, 2), dt.date(2025, 7, 20)
HORIZONS = (7, 30)


def company(seed):
    """Assignments, order days, unsubscriptions and tickets by chance; some units in two arms."""
    rng = random.Random(seed)
    assigned, days, events, tickets = [], [], [], []
    for i in range(60):
        who, day = f"c{i:02}", START + dt.timedelta(days=rng.randrange(25))
        arms = rng.sample(["new", "control"], 2 if rng.random() < 0.1 else 1)
        assigned += [("x", who, arm, day) for arm in arms]
        for age in rng.sample(range(-40, 40), rng.randrange(6)):
            money = round(rng.uniform(-5, 90), 2)
            margin = None if rng.random() < 0.2 else round(money / 3, 2)
            days.append((who, day + dt.timedelta(days=age), money, margin))
        if rng.random() < 0.2:
            events.append((who, "unsubscribe", day + dt.timedelta(days=rng.randrange(-3, 40))))
        events.append((who, "sms", day))
        for age in rng.sample(range(-3, 40), rng.randrange(3)):
            tickets.append((who, day + dt.timedelta(days=age)))
    assigned.append(("other", "c00", "new", START))
    return assigned, days, events, tickets


def tables_of(assigned, days, events, tickets):
    def table(rows, names, **kinds):
        raw = {n: "float64" if kinds.get(n, "").startswith("decimal") else
               "date" if kinds.get(n) == "timestamp" else kinds.get(n, "string")
               for n in names}  # fmt: skip
        made = ibis.memtable(pd.DataFrame(rows, columns=names), schema=raw)
        return made.mutate(**{n: made[n].cast(k) for n, k in kinds.items()})

    logged = table(
        [(*a, a[3], None, 0.5, "log") for a in assigned],
        ["experiment_id", "customer_id", "arm", "assigned_at", "assigned_date", "exposed_at",
         "planned_share", "assignment_source"],
        assigned_at="timestamp", assigned_date="date", exposed_at="timestamp",
        planned_share="float64",
    )  # fmt: skip
    return TrialTables(
        assignments(logged, "x"),
        table(days, ["customer_id", "order_date", "net_revenue", "net_margin"], order_date="date",
              net_revenue="decimal(18, 4)", net_margin="decimal(18, 4)"),
        table(events, ["customer_id", "type", "occurred_date"], occurred_date="date"),
        table(tickets, ["customer_id", "opened_date"], opened_date="date"),
    )  # fmt: skip


def by_hand(assigned, days, events, tickets):
    """The same from loops over the rows."""
    arms = {}
    for experiment, who, arm, day in assigned:
        if experiment == "x":
            arms.setdefault(who, []).append((arm, day))
    found = {}
    for who, told in arms.items():
        if len({arm for arm, _ in told}) > 1:
            continue
        arm, day = told[0]
        row = {"arm": arm}
        for h in HORIZONS:
            for name, span in (("", range(h)), ("before_", range(-h, 0))):
                mine = [d for d in days if d[0] == who and (d[1] - day).days in span]
                margins = [d[3] for d in mine]
                row[f"{name}revenue_{h}"] = round(sum(d[2] for d in mine), 2)
                row[f"{name}margin_{h}"] = None if None in margins else round(sum(margins), 2)
                row[f"{name}orders_{h}"] = len(mine)
                row[f"{name}repurchase_{h}"] = int(bool(mine))
            row[f"opt_out_{h}"] = int(any(
                w == who and t == "unsubscribe" and (d - day).days in range(h)
                for w, t, d in events))  # fmt: skip
            row[f"complaint_{h}"] = sum(w == who and (d - day).days in range(h) for w, d in tickets)
            row[f"ripe_{h}"] = day + dt.timedelta(days=h - 1) <= SEEN
        found[who] = row
    return found


@pytest.mark.parametrize("seed", range(4))
def test_units_are_what_a_loop_over_the_rows_counts(seed):
    """Day 0 is the assignment's; who stands in two arms is no unit of either."""
    made = company(seed)
    frame = units(tables_of(*made), horizons=HORIZONS, seen_until=SEEN).to_pandas()
    expected = by_hand(*made)

    assert sorted(expected) == sorted(frame["customer_id"])
    for row in frame.to_dict("records"):
        for name, value in expected[row["customer_id"]].items():
            seen = row[name]
            if value is None:
                assert pd.isna(seen), (row["customer_id"], name)
            else:
                assert value == (round(float(seen), 2) if isinstance(value, float) else seen), name


def test_order_of_rows_labels_of_arms_and_units_of_money_do_not_matter():
    """The same rows shuffled, arms renamed, money in cents: the same differences."""
    made = company(5)
    shuffled = [random.Random(1).sample(rows, len(rows)) for rows in made]
    names = {"new": "Z", "control": "A"}
    renamed = [[(e, w, names[a], d) for e, w, a, d in made[0]], *made[1:]]
    cents = [made[0], [(w, d, m * 100, g and g * 100) for w, d, m, g in made[1]], *made[2:]]

    def differences(rows, control="control"):
        plan = ExperimentPlan(id="x", control=control, horizon_days=7, longer_horizon_days=30)
        table = units(tables_of(*rows), horizons=HORIZONS, seen_until=SEEN)
        stages = {h: stage(plan, table, horizon=h, seen_until=SEEN) for h in HORIZONS}
        frame = results(plan, table, stages, left_out={"margin"})
        return frame.set_index(["metric", "horizon"])["difference"].astype(float)

    plain = differences(made)
    assert 12 == len(plain)
    pd.testing.assert_series_equal(plain, differences(shuffled))
    pd.testing.assert_series_equal(plain, differences(renamed, "A"))
    money = [m in ("revenue", "average_order") for m, _ in plain.index]
    pd.testing.assert_series_equal(plain[money] * 100, differences(cents)[money])


def test_a_row_logged_twice_is_one_unit():
    """The same arm again changes no sum."""
    made = company(6)
    doubled = [made[0] * 2, *made[1:]]
    counted = []
    for rows in (made, doubled):
        table = units(tables_of(*rows), horizons=HORIZONS, seen_until=SEEN)
        counted.append(arm_sums(table, {"r": table.revenue_7}))

    assert counted[0] == counted[1]


def test_a_stage_tells_when_the_fixed_interval_may_be_read():
    """Over once the planned number is there and ripe; never without a plan."""
    made = company(7)
    table = units(tables_of(*made), horizons=HORIZONS, seen_until=SEEN)
    assigned = len(by_hand(*made))
    last = max(a[3] for a in made[0])

    def told(**plan):
        own = ExperimentPlan(id="x", horizon_days=7, longer_horizon_days=30, **plan)
        found = stage(own, table, horizon=7, seen_until=SEEN)
        return found.over, found.rule, found.ends_on

    end = last + dt.timedelta(days=6)
    assert (True, "fixed", end) == told(planned_n=assigned)
    assert (False, "always_valid", None) == told(planned_n=assigned + 1)
    assert (False, "always_valid", None) == told()
    assert (True, "fixed", dt.date(2025, 7, 6)) == told(planned_end=dt.date(2025, 6, 30))
    assert (False, "always_valid", dt.date(2025, 7, 26)) == told(planned_end=dt.date(2025, 7, 20))


def test_a_gain_that_the_later_days_take_back_is_seen():
    """Each treated customer buys 10 early instead of 10 late."""
    def happened(i, treated):
        early, late = (10.0, 0.0) if treated else (0.0, 10.0)
        wobble = (i % 3 - 1) * 0.1
        return [(f"c{i}", START, early + wobble, None), (f"c{i}", START + dt.timedelta(days=20),
                late, None)]  # fmt: skip

    assigned = [("x", f"c{i}", "new" if i % 2 else "control", START) for i in range(40)]
    days = [row for i in range(40) for row in happened(i, i % 2)]
    table = units(tables_of(assigned, days, [], []), horizons=HORIZONS, seen_until=SEEN)
    plan = ExperimentPlan(id="x", metric="revenue", horizon_days=7, longer_horizon_days=30)
    found = pull_forward(plan, table, "new", metric="revenue", longer=30)

    assert (10.0, -10.0, 0.0) == pytest.approx(
        (found.early.value, found.later.value, found.whole.value), abs=0.05
    )
    assert found.contradicts


def test_sums_of_each_arm_give_the_welch_interval():
    """By the formula, on ten values."""
    rows = pd.DataFrame({"arm": ["a"] * 5 + ["b"] * 5, "y": [1, 2, 3, 4, 5, 3, 5, 6, 9, 7]})
    table = ibis.memtable(rows)
    sums = arm_sums(table, {"y": table.y})
    found = lift(sums["a",], sums["b",], "y")

    # means 3 and 6, variances 2.5 and 5: error sqrt(1.5), Welch's freedom 7.2
    assert (3.0, 1.5**0.5) == pytest.approx((found.difference.value, found.error))
    assert 2.351 == pytest.approx((found.difference.high - 3.0) / found.error, abs=2e-3)
