"""What is planted in the demo company is found, and what is not is not."""

import json

import pytest
from repurchase.model.prepare import prepare
from repurchase.params import load_params
from repurchase.review import Review, at_period


@pytest.fixture(scope="module")
def company(root, tmp_path_factory):
    """The demo company with 6,000 customers: reviews by period, and the truths."""
    folder = tmp_path_factory.mktemp("planted")
    (folder / "params").mkdir()
    (folder / "notebooks").mkdir()
    demo = (root / "params" / "demo.yaml").read_text(encoding="utf-8")
    (folder / "params" / "planted.yaml").write_text(
        demo.replace("customers: 20000", "customers: 6000"), encoding="utf-8"
    )

    def review(period):
        params = load_params("planted", period, root=folder)
        snapshot = prepare(params, cache=folder / ".cache")
        return Review(at_period(params, snapshot), snapshot)

    review("2025-06")
    (path,) = (folder / ".cache" / "demo").glob("*/truths.json")
    return review, json.loads(path.read_text(encoding="utf-8"))


def test_lost_identification_is_told_from_behaviour(company):
    """In June 2025 five stores stop asking returning members for their number; nobody else moves.

    Where identification held the share is that of the company lived again without the fault, and
    it has not changed; the whole company is marked as unsettled.
    """
    review, truths = company
    june = review(truths["identification"]["month"])
    held = june.identification.held()
    truth = truths["identification"]["returning_buyer_share"]["without"]

    level = next(r for r in held.records if r.compare_to == "none")
    change = next(r for r in held.records if r.compare_to == "previous")
    assert level.low < truth < level.high
    assert change.change_low < 0 < change.change_high
    lost = set(held.frame.loc[~held.frame["held"], "store_id"])
    assert set(truths["identification"]["stores"]) <= lost
    assert "retention.identified_order_share.moved" == june.retention.findings()[0].id


def test_an_ordinary_month_is_not_called_identification(company):
    """In September 2025 identification stays within its limit of the month before."""
    review, _ = company
    shares = review("2025-09").identification.shares()

    assert abs(shares.one("identified_order_share", compare_to="previous").change) < 0.03


def test_the_region_with_late_deliveries_is_what_pulls_the_share_down(company):
    """Since July 2025 customers of the southern stores come back less; nobody else does.

    Of all regions the south moved most beyond its size, and its part of the change on a year ago
    holds the difference between the company as it was and the same company without the trouble.
    """
    review, truths = company
    trouble = truths["service_trouble"]
    planted = trouble["returning_buyer_share_of_company"]["2025-09"]["difference"]
    frame = review("2025-09").retention.mix().frame
    regions = frame[(frame["against"] == "year_ago") & (frame["cut"] == "region")]
    south = regions.loc[regions["beyond"].abs().idxmax()]

    assert trouble["region"] == south["label"]
    assert south["low"] < planted < south["high"] < 0


def test_every_bridge_of_the_demo_adds_up(company):
    """Customers and margin, since last month and since a year ago, with all the demo's dirt."""
    review, _ = company
    frame = review("2025-09").retention.bridge().frame

    assert 4 == len(frame.groupby(["span", "part"]))
    for _, part in frame.groupby(["span", "part"]):
        values = part["value"].tolist()
        assert values[-1] == pytest.approx(sum(values[:-1]), abs=0.005)


def test_value_so_far_is_the_companys_money(company):
    """Every yuan of identified customers is in somebody's value, but for returns of strangers.

    Everyone stands in one stage and moves from one; the tiers hold the same customers.
    """
    review, _ = company
    september = review("2025-09")
    bench = september.customer_value
    total = bench.so_far().one("customer_value", dimensions="definition=total_revenue")
    money = september.retention.totals().one("net_revenue", dimensions="span=history")
    strays = september.sql(
        "select coalesce(sum(net_revenue), 0) from orders where customer_id is not null"
        " and customer_id not in (select customer_id from customer_days)"
    ).iloc[0, 0]
    stages, tiers = bench.stages().frame, bench.tiers().frame

    assert money.value == pytest.approx(total.numerator + float(strays), abs=0.01)
    assert total.n == stages["customers"].sum() == tiers["customers"].sum()
    for against in ("previous", "year_ago"):
        moves = bench.stage_moves(against).frame
        assert stages["customers"].tolist() == moves.sum().tolist()
    then = september.at("2025-08").customer_value.stages().frame["customers"].sum()
    assert then == bench.stage_moves().frame.drop(index="joining").to_numpy().sum()
