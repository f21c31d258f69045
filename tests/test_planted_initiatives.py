"""The demo company's tracking system, as large as it ships, is read as it was planted."""

import shutil
from typing import NamedTuple

import numpy as np
import pytest
from repurchase.analysis.ladder import CHANGES
from repurchase.model.prepare import prepare
from repurchase.params import load_params
from repurchase.review import Review, at_period
from repurchase.sources.demo import plan
from repurchase.sources.demo.baskets import month_of, orders_and_lines
from repurchase.sources.demo.behaviour import lives
from repurchase.sources.demo.people import people

NAME = "tracking-system"


class Truth(NamedTuple):
    """What the treated's customers brought more than without it, from February to September."""

    margin: float
    orders: int


@pytest.fixture(scope="module")
def reading(root, tmp_path_factory):
    """The system as the demo's profile tells it, read from end to end."""
    folder = tmp_path_factory.mktemp("planted")
    (folder / "notebooks").mkdir()
    shutil.copytree(root / "params", folder / "params")
    params = load_params("demo", "2025-09", root=folder)
    snapshot = prepare(params, cache=folder / ".cache")
    return Review(at_period(params, snapshot), snapshot).roi_before_after.reading(NAME)


@pytest.fixture(scope="module")
def truth(root):
    """The same company, by the same draws, lived with the system and without it."""
    made = load_params("demo", "2025-09", root=root).profile.generator
    days = plan.day_of(plan.END) + 1
    crowd = people(made.customers, seed=made.seed)
    life = lives(crowd, seed=made.seed, days=days)
    without = life.purchases[plan.SCENARIOS.index("without_go_live")]
    purchases = list(life.purchases)
    purchases[plan.AS_IT_WAS] = without
    versions = (life, life._replace(purchases=tuple(purchases)))
    brought = [_brought(crowd, version, seed=made.seed, days=days) for version in versions]
    return Truth(*(a - b for a, b in zip(*brought, strict=True)))


def _brought(crowd, life, *, seed, days):
    """Margin and order dates of known customers of treated stores, after the month they joined."""
    orders, _ = orders_and_lines(crowd, life, seed=seed, days=days)
    use = orders.counts & orders.known & (orders.person >= 0)
    who, day = orders.person[use], orders.day[use]
    margin = (orders.net - orders.refund - orders.cost)[use]
    first = np.full(len(crowd.joined), days)
    np.minimum.at(first, who, day)
    ids = np.array([s.store_id for s in plan.STORES])
    treated = np.isin(ids, plan.GO_LIVE_STORES)[crowd.home]
    start = plan.day_of(plan.GO_LIVE) + plan.GO_LIVE_RAMP_DAYS
    inside = treated[who] & (day >= start) & (month_of(day) > month_of(first[who]))
    dates = np.unique(who[inside] * 100_000 + day[inside])
    return float(margin[inside].sum()) / 100, len(dates)


def test_the_true_effect_lies_in_every_interval_that_may_be_stood_on(reading, truth):
    """Of margin and of order dates, by each comparison that passed its checks."""
    outside = []
    for outcome, true in (("margin", truth.margin), ("orders", float(truth.orders))):
        ladder = reading.ladders[outcome]
        effect = true / ladder.exposure
        stood = [r for r in ladder.rungs if r.stands]
        assert len(stood) > 1
        outside += [
            (outcome, r.name, effect, r.effect) for r in stood
            if not r.effect.low <= effect <= r.effect.high
        ]  # fmt: skip

    assert truth.orders > 1000 and truth.margin > 100_000
    assert [] == outside


def test_the_plain_change_misses_the_truth(reading, truth):
    """Order dates a customer fell, as customers grew older; at equal age they still hardly rose,
    while the system added to them."""
    frame = reading.panel.frame
    own = frame[frame["group"] == "treated"].groupby("phase")[["orders", "members"]].sum()
    rate = own["orders"] / own["members"]
    naive, effect = (reading.ladders["orders"].rung(CHANGES[0]).effect,
                     truth.orders / reading.ladders["orders"].exposure)  # fmt: skip

    assert rate["after"] < 0.9 * rate["before"]
    assert naive.high < effect
    assert reading.rung.name not in CHANGES


def test_it_is_not_said_to_have_paid_while_its_costs_exceed_what_it_brought(reading, truth):
    """What it truly brought by the period's end lies below its cost and in the interval told."""
    money = reading.money
    net = truth.margin - money.total_cost

    assert net < 0
    assert money.net.low <= net <= money.net.high
    assert reading.verdict in ("not_paid", "not_shown")


def test_the_costs_are_those_of_the_files(reading):
    """Nothing that was expected is missing, and each category is booked."""
    assert () == reading.money.missing
    assert {"booked"} == set(reading.money.costs["source"])
    assert reading.money.total_cost == pytest.approx(reading.money.costs["amount"].sum(), abs=0.1)
