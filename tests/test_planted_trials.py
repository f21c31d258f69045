"""The demo company's tests of outreach, as large as it ships, are read as they were planted."""

import json
import shutil

import pytest
from repurchase.analysis.trials import records
from repurchase.model.prepare import prepare
from repurchase.params import load_params
from repurchase.review import Review, at_period

READ = ("exp_discount", "exp_personal", "exp_null", "exp_pull_forward")


@pytest.fixture(scope="module")
def told(root, tmp_path_factory):
    """Each test of the demo company by its name, and the truths of all."""
    folder = tmp_path_factory.mktemp("planted")
    (folder / "notebooks").mkdir()
    shutil.copytree(root / "params", folder / "params")
    params = load_params("demo", "2025-09", root=folder)
    snapshot = prepare(params, cache=folder / ".cache")
    review = Review(at_period(params, snapshot), snapshot)
    (path,) = (folder / ".cache" / "demo").glob("*/truths.json")
    truths = json.loads(path.read_text(encoding="utf-8"))["experiments"]["tests"]
    return {t.plan.id: t for t in review.ab_review.trials()}, truths


def test_true_effects_lie_in_their_intervals(told):
    """Of the same customers lived in both arms: who ordered, and order dates, at both horizons."""
    trials, truths = told
    outside = []
    for name in READ:
        rows = trials[name].frame.set_index(["metric", "horizon"])
        for metric, called in (("repurchase", "repurchased"), ("orders", "order_dates")):
            for days in {30, 90} & set(trials[name].frame["horizon"]):
                true = truths[name]["effects"][f"{days}d"][called]["effect"]
                row = rows.loc[(metric, days)]
                if not row["low"] <= true <= row["high"]:
                    outside.append((name, metric, days, true, row["low"], row["high"]))

    assert [] == outside


def test_a_true_effect_is_told_from_none(told):
    """The coupon's and the recommendations' customers order more often for sure; those of the new
    subject line do not."""
    trials, truths = told
    sure = {}
    for name in READ[:3]:
        days = trials[name].plan.horizon_days
        row = trials[name].frame.set_index(["metric", "horizon"]).loc[("orders", days)]
        sure[name] = bool(row["low"] > 0)

    assert {name: truths[name]["treatment_acts"] for name in READ[:3]} == sure


def test_the_broken_split_is_withheld(told):
    """It is invalid, and no difference of it is recorded."""
    trials, truths = told
    broken = trials["exp_broken_split"]

    assert truths["exp_broken_split"]["split_is_broken"]
    assert ("invalid", "sample_ratio") == (broken.verdict.decision, broken.broken[0])
    found = [r for r in records(broken) if r.metric != "trial_split"]
    assert {("not_computed", None)} == {(r.status, r.value) for r in found}
    assert {()} == {trials[name].broken for name in READ}


def test_what_only_brought_orders_forward_is_not_adopted(told):
    """It gains for sure at first, and the longer stretch contradicts; what does nothing, and what
    pays for nothing, is no winner either."""
    trials, _ = told
    pulled = trials["exp_pull_forward"]
    first = pulled.frame.set_index(["metric", "horizon"]).loc[("margin", 30)]

    assert first["low"] > 0 and pulled.pulled["treatment"].contradicts
    assert ("keep_control", "pulled_forward") == (pulled.verdict.decision, pulled.verdict.why)
    assert "keep_control" == trials["exp_null"].verdict.decision
