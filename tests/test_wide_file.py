"""A company that has one wide file of a test and no orders: the whole pack, and Hillstrom's.

Hillstrom's numbers stand in the data's README; the interval is Welch's, recomputed by scipy.
"""

import json
import shutil

import numpy as np
import pytest
from repurchase.errors import DataError
from repurchase.model.prepare import prepare
from repurchase.model.snapshot import at_period
from repurchase.params import load_params
from repurchase.press.run import monthly_report
from repurchase.review import Review
from scipy import stats

pytestmark = pytest.mark.usefixtures("kept_warm")
CHAPTERS = ("ab_review", "retention", "customer_value", "funnel_diagnosis")
LINE = "These data hold no orders, so nothing here is computed."
PROFILE = """company: A shop
time_zone: Asia/Shanghai
currency: CNY
order_definition: There are no orders.
chapters: [ab_review, retention, customer_value, funnel_diagnosis]
data_through: 2025-03-31
experiments:
  - id: mail
    question: Does the mail bring more?
    control: none
    arms: { none: { share: 1 }, mail: { share: 1, cost: 0.1 } }
    planned_n: 1000
    horizon_days: 14
    metric: spend
    smallest_effect: 0.5
    units_a_year: 5000
    owner: Ada
    columns:
      spend: { column: x_spend, unit: money }
      visit: { column: x_visit, unit: share, before: x_history }
sources:
  experiments:
    files: mail.csv
    columns:
      experiment_id: { value: mail }
      customer_id: { row_number: true }
      arm: group
      assigned_at: { value: "2025-03-03" }
      x_spend: { from: spend, kind: money }
      x_visit: { from: visit, kind: integer }
      x_history: { from: history, kind: money }
"""


def spending():
    """Arm, visit and spend of 1,000 customers; every other one got a mail worth about 3."""
    rng = np.random.default_rng(3)
    for i in range(1000):
        arm = "mail" if i % 2 else "none"
        visit = int(rng.random() < (0.4 if i % 2 else 0.3))
        yield arm, visit, round(float(rng.gamma(2, 10)) + 3 * (i % 2), 2) if visit else 0


@pytest.fixture(scope="module")
def project(tmp_path_factory, root):
    """The release's notebooks and a profile `wide` with that file."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "params").mkdir()
    (folder / "params" / "wide.yaml").write_text(PROFILE, encoding="utf-8")
    rows = [f"{arm},{visit},{spend},{i % 7}" for i, (arm, visit, spend) in enumerate(spending())]
    heading = "group,visit,spend,history"
    (folder / "mail.csv").write_text("\n".join([heading, *rows]), encoding="utf-8")
    shutil.copytree(root / "notebooks", folder / "notebooks")
    return folder


def run(project):
    said = []
    return monthly_report(load_params("wide", "2025-03", root=project), say=said.append), said


@pytest.fixture(scope="module")
def pack(project):
    """The pack of March, in its place."""
    outcome, _ = run(project)
    return outcome


def records_of(pack):
    return json.loads((pack.path / "results.json").read_text(encoding="utf-8"))


def test_the_pack_is_a_candidate_whose_other_chapters_take_a_line(pack):
    """Nothing fails for want of orders, and nothing is computed without them."""
    assert ("candidate", 0, ()) == (pack.status, pack.exit_code, pack.reasons)
    for name in CHAPTERS[1:]:
        page = (pack.path / f"{name}.html").read_text(encoding="utf-8")
        assert LINE in page
    assert {"ab_review", "data"} == {row["chapter"] for row in records_of(pack)}
    assert (pack.path / "review.pdf").read_bytes().startswith(b"%PDF")


def test_the_pack_holds_the_interval_that_scipy_gives(pack):
    """Welch's interval of the spending, since the planned number is there."""
    rows = list(spending())
    by_arm = {arm: [s for a, _, s in rows if a == arm] for arm in ("mail", "none")}
    welch = stats.ttest_ind(by_arm["mail"], by_arm["none"], equal_var=False)
    (found,) = [
        row for row in records_of(pack)
        if row["metric"] == "trial_money" and "figure=spend" in row["dimensions"]
    ]  # fmt: skip
    ends = welch.confidence_interval(0.95)
    assert pytest.approx(tuple(ends), abs=5e-4) == (found["low"], found["high"])
    assert (1000, "final") == (found["n"], found["status"])


def test_the_evidence_shows_each_arms_own_level_and_the_arms_before(pack):
    """Visits of both arms to the hundredth of a percent, and what the file tells of the past."""
    page = (pack.path / "ab_review.html").read_text(encoding="utf-8")
    rows = list(spending())
    for wanted in ("mail", "none"):
        share = np.mean([visit for arm, visit, _ in rows if arm == wanted])
        assert f"{100 * share:.2f}%" in page
    assert "x_history" in page


def test_the_first_page_tells_of_the_test(pack):
    """The summary knows no key figure but the message."""
    (found,) = json.loads((pack.path / "findings.json").read_text(encoding="utf-8"))
    assert "ab_review.mail.adopt_own_money" == found["id"]
    assert "of spend more a customer in 14 days" in (
        (pack.path / "index.html").read_text(encoding="utf-8")
    )


def test_the_data_page_counts_the_rows_and_bridges_nothing(pack):
    """1,000 rows of experiments, and two lines in the place of what orders would tell."""
    page = (pack.path / "data.html").read_text(encoding="utf-8")
    assert "1,000" in page and "no revenue to trace" in page
    rows = [r for r in records_of(pack) if r["chapter"] == "data"]
    assert {("rows", 1000)} == {(r["metric"], r["value"]) for r in rows}


def test_the_same_again_makes_nothing_new(project, pack):
    """A chapter that takes a line is kept like any other."""
    again, said = run(project)
    assert again.unchanged and "nothing has changed since this pack was made" in said


def test_an_analysis_of_orders_says_that_there_are_none(project):
    """In the lab, where somebody asks all the same."""
    params = load_params("wide", "2025-03", root=project)
    review = Review(params, prepare(params, cache=project / ".cache"))
    for ask in (review.retention.figures, lambda: review.customer_summary, lambda: review.orders):
        with pytest.raises(DataError, match="there are no orders: not computed"):
            ask()


# ---- Hillstrom --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def hillstrom(tmp_path_factory, root, shared_data):
    """The release's own profile of the 2008 test, on the real file."""
    params = load_params("hillstrom", "2008-03", root=root, data=str(shared_data / "hillstrom"))
    snapshot = prepare(params, cache=tmp_path_factory.mktemp("cache"))
    return Review(at_period(params, snapshot), snapshot)


@pytest.fixture(scope="module")
def trial(hillstrom):
    (found,) = hillstrom.ab_review.trials()
    return found


def row(trial, arm, metric):
    rows = trial.frame[(trial.frame["arm"] == arm) & (trial.frame["metric"] == metric)]
    return rows.iloc[0]


def test_no_row_of_hillstroms_is_taken_for_another(hillstrom, trial):
    """6,562 rows equal others and are customers of their own; the split is as drawn."""
    rows = hillstrom.load.outcomes().one("rows", dimensions="span=source;table=experiments")
    mens, womens = row(trial, "Mens E-Mail", "spend"), row(trial, "Womens E-Mail", "spend")
    split = next(c for c in trial.checks if c.name == "sample_ratio")
    assert 64_000 == rows.value
    assert (21_307, 21_387, 21_306) == (mens["n"], womens["n"], mens["n_control"])
    assert (0.9037, ()) == (round(split.p, 4), trial.broken)


@pytest.mark.parametrize(
    ("metric", "mens", "womens", "none"),
    [
        ("visit", 0.1828, 0.1514, 0.1062),
        ("conversion", 0.01253, 0.00884, 0.00573),
        ("spend", 1.4226, 1.0772, 0.6528),
    ],
)
def test_hillstroms_levels_are_those_of_the_file(trial, metric, mens, womens, none):
    """Rates and dollars of each arm as the data's README has them."""
    found = row(trial, "Mens E-Mail", metric), row(trial, "Womens E-Mail", metric)
    levels = found[0]["treatment"], found[1]["treatment"], found[0]["control"]
    assert pytest.approx((mens, womens, none), abs=6e-5) == levels


def test_both_of_hillstroms_mailings_beat_none(trial):
    """The men's brings 0.769827 dollars, (0.485140, 1.054515) by Welch; CUPED takes no part."""
    mens, womens = row(trial, "Mens E-Mail", "spend"), row(trial, "Womens E-Mail", "spend")
    told = mens["difference"], mens["low"], mens["high"]
    assert pytest.approx((0.769827, 0.485140, 1.054515), abs=5e-7) == told
    assert ("fixed", 0) == (mens["rule"], mens["gained"])
    assert womens["low"] > 0
    assert ("adopt", "Mens E-Mail") == (trial.verdict.decision, trial.verdict.arm)
