"""A wide file brings its outcomes along: read as they are, against plain numpy and scipy."""

import datetime as dt
from decimal import Decimal

import ibis
import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError
from repurchase.analysis import trials
from repurchase.analysis.trial_findings import trial_findings
from repurchase.analysis.trial_units import TrialTables, units
from repurchase.benches.ab_review import wide_columns
from repurchase.errors import ParameterError
from repurchase.params import ArmPlan, ExperimentPlan
from scipy import stats

DAY, SEEN = dt.date(2025, 3, 3), dt.date(2025, 3, 31)
COLUMNS = {
    "spend": {"column": "x_spend", "unit": "money", "before": "x_history"},
    "rate": {"column": "x_rate", "unit": "count"},
    "visit": {"column": "x_visit", "unit": "share"},
}
KINDS = {
    "customer_id": "string", "arm": "string", "assigned_on": "date", "assigned_at": "timestamp",
    "exposed_at": "timestamp", "planned_share": "float64", "assignment_source": "string",
    "x_spend": "decimal(18, 4)", "x_history": "decimal(18, 4)", "x_rate": "decimal(18, 6)",
    "x_visit": "int64", "x_zip": "string",
}  # fmt: skip


def plan(**changes):
    told = {"id": "x", "metric": "spend", "horizon_days": 14, "columns": COLUMNS, "planned_n": 400,
            "arms": {"new": ArmPlan(share=1, cost=0.5), "control": ArmPlan(share=1)}}  # fmt: skip
    return ExperimentPlan.model_validate(told | changes)


def customers(n=400, *, gain=2.0, older=0.0):
    """Every second one in the new arm, who spends `gain` more and spent `older` more before."""
    rng = np.random.default_rng(7)
    new = np.arange(n) % 2 == 1
    history = rng.gamma(2.0, 20.0, n).round(2) + older * new
    return pd.DataFrame(
        {
            "customer_id": [f"1:{i + 2}" for i in range(n)],
            "arm": np.where(new, "new", "control"),
            "assigned_on": DAY, "assigned_at": pd.Timestamp(DAY), "exposed_at": pd.NaT,
            "planned_share": None, "assignment_source": None,
            "x_spend": (history / 4 + rng.normal(5, 3, n) + gain * new).round(2),
            "x_history": history,
            "x_rate": (rng.random(n) / 1000 + 0.0004 * new).round(6),
            "x_visit": (rng.random(n) < np.where(new, 0.5, 0.3)).astype(int),
            "x_zip": "Urban",
        }
    )  # fmt: skip


def table(frame):
    """As the snapshot has it: exact decimals, a missing cell as NULL."""
    texts = {c: "string" if k.startswith("decimal") else k for c, k in KINDS.items()}
    frame = frame.assign(**{
        c: [None if pd.isna(v) else str(v) for v in frame[c]]
        for c, k in KINDS.items() if k.startswith("decimal")
    })  # fmt: skip
    made = ibis.memtable(frame[list(KINDS)], schema=texts)
    return made.mutate(**{c: made[c].cast(k) for c, k in KINDS.items() if k.startswith("decimal")})


def read(frame, own=None):
    own = own or plan()
    logged = table(frame)
    columns = wide_columns(own, logged.schema(), where="params/x.yaml")
    made = units(
        TrialTables(logged, None), horizons=trials.horizons_of(own), seen_until=SEEN,
        columns=columns,
    )  # fmt: skip
    return trials.read(own, logged, made, seen_until=SEEN)


def row(trial, metric):
    return trial.frame[trial.frame["metric"] == metric].iloc[0]


def test_each_column_is_compared_as_numpy_and_scipy_compare_it():
    """Welch's interval of a share and of a figure with six digits; CUPED's of money with a past."""
    people = customers()
    trial = read(people)
    new = people["arm"] == "new"
    for metric, column in (("visit", "x_visit"), ("rate", "x_rate")):
        welch = stats.ttest_ind(people[column][new], people[column][~new], equal_var=False)
        ends = welch.confidence_interval(0.95)
        found = row(trial, metric)
        assert pytest.approx((welch.pvalue, *ends), rel=1e-9) == (
            found["p"], found["low"], found["high"],
        )  # fmt: skip
    # CUPED: one slope over all customers, what it explains taken off everybody's spending
    y, x = people["x_spend"], people["x_history"]
    rest = y - np.cov(y, x)[0, 1] / np.var(x, ddof=1) * x
    welch = stats.ttest_ind(rest[new], rest[~new], equal_var=False)
    ends = welch.confidence_interval(0.95)
    found = row(trial, "spend")
    assert pytest.approx((welch.pvalue, *ends), rel=1e-9) == (
        found["p"], found["low"], found["high"],
    )  # fmt: skip
    assert pytest.approx(y[new].mean() - y[~new].mean(), abs=1e-9) == found["plain"]


def test_customers_without_an_outcome_are_in_no_difference_of_it():
    """Three empty cells of 400: left out of that figure, never a nought; all count in another."""
    people = customers()
    people.loc[[1, 3, 5], "x_spend"] = None
    trial = read(people, plan(columns={**COLUMNS, "spend": {"column": "x_spend", "unit": "money"}}))
    known = people[people["x_spend"].notna()]
    means = known.groupby("arm")["x_spend"].mean()
    found = row(trial, "spend")
    assert pytest.approx(means["new"] - means["control"], abs=1e-9) == found["difference"]
    assert (197, 200, 200) == (found["n"], found["n_control"], row(trial, "visit")["n"])
    check = next(c for c in trial.checks if c.name == "missing_outcomes")
    assert ("noted", 3, 400, "x_spend") == (check.state, check.count, check.n, check.where)


def test_a_past_that_is_not_known_of_everybody_adjusts_nobody():
    """One empty cell: plain Welch over all customers, none left out for it."""
    people = customers()
    people.loc[0, "x_history"] = None
    found = row(read(people), "spend")
    assert (200, 200, 0.0) == (found["n"], found["n_control"], found["gained"])
    assert found["plain"] == found["difference"]


def test_many_customers_without_an_outcome_withhold_the_verdict():
    """Five of 400 are more than one in a hundred: nobody knows which way they would move it."""
    people = customers()
    people.loc[range(5), "x_spend"] = None
    trial = read(people)
    assert ("missing_outcomes",) == trial.broken
    assert "invalid" == trial.verdict.decision


def test_arms_that_differed_before_are_found_by_the_column_of_the_past():
    """Whoever spent 15 more before is no control of whom did not."""
    assert ("balance_before",) == read(customers(older=15.0)).broken
    assert () == read(customers()).broken


def test_money_of_ones_own_is_net_of_cost_and_worth_something_a_year():
    """Half a yuan each is taken off; 1,000 customers a year."""
    trial = read(customers(), plan(units_a_year=1000))
    told = trial.verdict
    found = row(trial, "spend")
    assert ("adopt", "new") == (told.decision, told.arm)
    assert pytest.approx(found["difference"] - 0.5, abs=1e-9) == told.gain.value
    assert pytest.approx(1000 * (found["difference"] - 0.5), abs=1e-6) == told.yearly.value


def test_the_first_page_hears_of_a_column_of_ones_own():
    """By the file's own name of it, and of no longer stretch."""
    trial = read(customers())
    (found,) = trial_findings([trial], said=lambda _: "Leads", exhibit="X-1")
    assert "ab_review.x.adopt_own_money" == found.id
    assert ("Leads", "spend") == (found.values["test_text"], found.values["figure_text"])
    gain = trial.verdict.gain
    assert (gain.low, gain.high) == (found.values["low_amount"], found.values["high_amount"])
    assert gain.low < found.values["gain_amount"] < gain.high and found.records
    share = plan(metric="visit", smallest_effect=None)
    (found,) = trial_findings(
        [read(customers(2000), share)], said=lambda plan: plan.id, exhibit="X-1"
    )
    assert "ab_review.x.adopt_own_share" == found.id and found.money is None


@pytest.mark.parametrize(
    ("column", "why"), [("x_spent", "did you mean x_spend"), ("x_zip", "is read as text")]
)
def test_a_metric_is_a_number_of_the_file(column, why):
    """A heading that is not there, or was kept as text, is named with what to write."""
    own = plan(columns={"spend": {"column": column, "unit": "money"}})
    with pytest.raises(ParameterError, match=why):
        wide_columns(own, table(customers(4)).schema(), where="params/x.yaml")


def test_a_wide_file_is_asked_of_no_longer_stretch():
    """It has one figure a customer; asking for more is refused, and not said is not asked."""
    assert plan().longer_horizon_days is None
    assert 90 == plan(metric="margin").longer_horizon_days
    with pytest.raises(ValidationError, match="longer_horizon_days has no figure"):
        plan(longer_horizon_days=30)
    with pytest.raises(ValidationError, match="'revenue' is a figure of the release"):
        plan(columns={**COLUMNS, "revenue": {"column": "x_spend", "unit": "money"}})


def test_the_sums_are_exact_to_the_last_digit():
    """Six digits are not rounded to cents, and a different order of rows changes nothing."""
    people = customers()
    shuffled = people.sample(frac=1, random_state=1)
    one, other = (row(read(frame), "rate") for frame in (people, shuffled))
    total = sum((Decimal(str(v)) for v in people["x_rate"][people["arm"] == "new"]), Decimal(0))
    assert float(total) / 200 == pytest.approx(one["treatment"], rel=1e-15)
    assert one["difference"] == other["difference"] and one["low"] == other["low"]
