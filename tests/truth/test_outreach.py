"""Are tests of outreach that do nothing called winners, and do their intervals cover?

The small version of what `make calibration` counts; tests are numbered, so each run is the same.
"""

import ast
import datetime as dt
from dataclasses import replace
from pathlib import Path

import ibis
import numpy as np
import pandas as pd
import pytest
from repurchase.analysis.trial_results import Stage, results
from repurchase.params import ExperimentPlan

from truth import outreach
from truth.harness import Trial, counts, rarely, run
from truth.judged import Told, ends
from truth.outreach import TAILLESS, live, null_outreach, real_outreach, truth
from truth.run import table

NULLS, REALS, NAIVE = 8, 16, 40
WHOLE = replace(TAILLESS, units=60_000)


@pytest.fixture(scope="module")
def nothing():
    """Tests without an effect, each looked at 1, 5, 14 and 200 times."""
    return counts(run(["outreach without effect"], NULLS, processes=1))


@pytest.fixture(scope="module")
def something():
    """Every interval of tests with an effect."""
    return run(["outreach"], REALS, processes=1)


def test_what_holds_at_every_look_seldom_calls_nothing_a_winner(nothing):
    """Of every number of looks; and by the review's rule, which ends with the fixed interval."""
    ruled = [line for line in nothing if "nobody should" not in line.figure]

    assert [] == [line for line in ruled if not line.right]
    assert 8 == len(ruled) and {NULLS} == {line.companies for line in ruled}


def test_the_naive_rule_is_found_out():
    """With 40 looks at the fixed interval so many are called that the harness says no."""
    called = 0
    for number in range(NAIVE):
        told = Told(null_outreach(number), seed=0)
        seen = (told.look(end) for end in ends(told.outreach.units, 40))
        called += any(look.called("naive", over=False) for look in seen)

    assert not rarely(called, NAIVE)


def test_what_is_only_measured_gets_no_verdict():
    """The rate that nobody should have stands in the table without being called calibrated."""
    trials = [Trial("false alarm", "outreach", "naive", "", n, n < 9, promised=0.0)
              for n in range(10)]  # fmt: skip
    judged = [t._replace(figure="ruled", promised=0.95) for t in trials]
    rows = [r for r in table(counts([*trials, *judged])).splitlines() if " | 10 |" in r]

    assert [
        "| naive |  | 10 | 9 | 90.0% |  |", "| ruled |  | 10 | 9 | 90.0% | **not calibrated** |"
    ] == rows  # fmt: skip


def test_the_simulator_knows_nothing_of_the_estimators():
    """What is checked must have no part in what it is checked against."""
    path = Path(outreach.__file__)
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = [n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)]

    assert {"__future__", "dataclasses", "typing", "numpy.typing"} == set(names)
    assert ["numpy"] == [a.name for n in ast.walk(tree) if isinstance(n, ast.Import)
                         for a in n.names]  # fmt: skip


def test_every_interval_covers_the_effect(something):
    """Welch, CUPED, ratio, relative, and the sequence at all looks together."""
    lines = counts(something)

    assert [] == [line for line in lines if not line.right]
    assert {"coverage", "found"} == {line.kind for line in lines}
    assert {REALS} == {line.companies for line in lines}


def test_an_interval_half_as_wide_does_not_cover(something):
    """The harness can say no: all figures together fail it if their intervals are halved."""
    halved = []
    for trial in something:
        if trial.kind == "coverage":
            value, low, high, true = trial.numbers
            covered = value - (value - low) / 2 <= true <= value + (high - value) / 2
            halved.append(trial._replace(happened=covered, figure="all"))
    (line,) = counts(halved)

    assert not line.right


def test_a_test_of_nothing_is_the_same_life_twice():
    """Its truth is no difference at any look; the same number is the same test."""
    found = truth(null_outreach(4), ends(null_outreach(4).units, 5), seed=3, customers=40_000)
    one, again, other = (live(null_outreach(4), seed=s) for s in (1, 1, 2))

    assert all(np.array_equal(*pair) for pair in found)
    assert all(np.array_equal(a, b) for a, b in zip(one, again, strict=True))
    assert not np.array_equal(one.revenue, other.revenue)


def test_what_the_outreach_does_is_what_the_truth_tells():
    """Half as many orders again, each a tenth dearer; the earlier half of a swing has more."""
    both = replace(WHOLE, more=1.5, dearer=1.1, swing=0.5)
    half, all_ = (truth(both, np.array([n]), seed=1, customers=400_000)
                  for n in (both.units // 2, both.units))  # fmt: skip

    assert 1.5 == pytest.approx((all_.orders[1] / all_.orders[0]).item(), rel=0.02)
    assert 1.65 == pytest.approx((all_.revenue[1] / all_.revenue[0]).item(), rel=0.02)
    assert half.orders[0].item() > 1.2 * all_.orders[0].item()
    lives = live(both, seed=2)
    treated, control = (lives.revenue[lives.treated == arm].mean() for arm in (True, False))
    assert 1.65 == pytest.approx(treated / control, rel=0.1)


def test_most_bring_nothing_and_the_past_tells_something():
    """What the intervals must stand: a heap of zeros, a long tail, and what CUPED lives on."""
    lives = [live(real_outreach(n), seed=0) for n in range(20)]
    zeros = [float((one.revenue == 0).mean()) for one in lives]
    skew = [float(pd.Series(one.revenue).skew()) for one in lives]

    assert min(zeros) > 0.6
    assert min(skew) > 3
    assert min(np.corrcoef(one.before_orders, one.orders)[0, 1] for one in lives) > 0.05


def test_the_engine_reads_a_test_as_the_harness_does():
    """The same differences and both intervals from a table of units; so it tells of the review."""
    told = Told(real_outreach(2), seed=0)
    lives, last = told.lives, told.look(told.outreach.units)
    rows = pd.DataFrame(lives._asdict())
    table = pd.DataFrame(
        {
            "customer_id": rows.index.map("{:06d}".format),
            "arm": np.where(rows["treated"], "new", "control"),
            "ripe_30": True,
            "revenue_30": rows["revenue"] / 100,
            "before_revenue_30": rows["before_revenue"] / 100,
            "orders_30": rows["orders"],
            "before_orders_30": rows["before_orders"],
        }
    )
    units = ibis.memtable(table)
    units = units.mutate(
        **{c: units[c].cast("decimal(18, 2)") for c in ("revenue_30", "before_revenue_30")}
    )
    plan = ExperimentPlan(id="x", metric="revenue", longer_horizon_days=None)
    stage = Stage(30, len(rows), len(rows), told.outreach.units, True, dt.date(2025, 9, 30))
    row = results(plan, units, {30: stage}).set_index("metric").loc["revenue"]

    assert last.lift is not None and last.any_time is not None
    fixed, any_time = last.lift.difference, last.any_time
    assert [x / 100 for x in fixed] == pytest.approx(
        [row["difference"], row["fixed_low"], row["fixed_high"]], rel=1e-9
    )
    assert [x / 100 for x in any_time[1:]] == pytest.approx([row["any_low"], row["any_high"]])
