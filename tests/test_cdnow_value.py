"""CDNOW from its raw file through the chapter: the forecast, its test and the scores of METHODS 2.

The sample of 2,357 customers, cut at 1997-09-30 as in the literature: half of the eighteen months.
"""

import datetime as dt

import pytest
from repurchase import show
from repurchase.analysis import churn_warning, predicted_value
from repurchase.model.prepare import prepare
from repurchase.params import load_params
from repurchase.review import Review, at_period
from repurchase.stats.rank import auc

CUT, END = dt.date(1997, 9, 30), dt.date(1998, 6, 30)
PROFILE = """
company: CDNOW
time_zone: America/New_York
currency: USD
order_definition: Every row of the file is an order; nothing is excluded.
sources:
  orders:
    files: $DATA
    format: whitespace
    columns: {customer_id: customer_id, ordered_at: date, net_amount: dollar_value}
"""


@pytest.fixture(scope="module")
def cdnow(shared_data, tmp_path_factory):
    """The review of June 1998 on the published sample of one in ten customers."""
    root = tmp_path_factory.mktemp("cdnow")
    (root / "params").mkdir()
    (root / "params" / "cdnow.yaml").write_text(PROFILE, encoding="utf-8")
    lines = (shared_data / "cdnow" / "CDNOW_sample.txt").read_text(encoding="ascii").splitlines()
    rows = [line.split()[1:] for line in lines if line.strip()]
    text = "\n".join(" ".join(r) for r in [["customer_id", "date", "cds", "dollar_value"], *rows])
    (root / "sample.txt").write_text(text + "\n", encoding="ascii")
    params = load_params("cdnow", "1998-06", root=root, data=str(root / "sample.txt"))
    snapshot = prepare(params, cache=root / ".cache")
    return Review(at_period(params, snapshot), snapshot)


def test_the_published_parameters_come_out_in_days(cdnow):
    """r .2426, alpha 4.414 weeks, a .793, b 2.426 (Fader et al. 2005; METHODS 2)."""
    fitted = cdnow.customer_value._models(CUT).purchases

    assert (0.242593, 4.413532, 0.792886, 2.425754) == pytest.approx(
        (fitted.r, fitted.alpha / 7, fitted.a, fitted.b), rel=5e-4
    )
    assert 2357 == fitted.customers


def test_the_back_test_is_the_published_hold_out_and_the_forecast_is_labelled(cdnow):
    """1,653.4 predicted of 1,882 real over 39 weeks, -12 %: outside the interval, and said so."""
    test, forecast = cdnow.customer_value.predicted_tested(), cdnow.customer_value.predicted()

    said = test.one("tested_purchases", dimensions="kind=predicted")
    assert 1653.4 == pytest.approx(said.value, abs=0.5)
    assert 1882 == test.one("tested_purchases", dimensions="kind=real").value
    assert -0.12 == pytest.approx(
        test.one("forecast_error", dimensions="of=purchases").value, abs=2e-3
    )
    assert said.high < 1882
    assert (dt.date(1997, 10, 1), END) == (test.frame["first"].iloc[0], test.frame["last"].iloc[0])
    record = forecast.one("predicted_purchases")
    assert ("provisional", "the forecast made on 1997-09-30 fell 12.1% short of what came") == (
        record.status, record.reason
    )  # fmt: skip
    text = show.predicted(
        forecast, test, cdnow.customer_value.never_returning(), id="V-10"
    ).to_text()
    assert "12.1% too low" in text and "Nothing is corrected." in text


def test_the_model_of_spend_comes_out_of_the_raw_file(cdnow):
    """946 repeaters; raw amounts are cents, the published summary's are rounded: within 5 %."""
    models = cdnow.customer_value._models(CUT)

    assert 946 == models.spend.customers
    assert (6.24880, 3.74459, 15.44775) == pytest.approx(
        tuple(models.spend.parameters), rel=0.05
    )
    assert 0.1139 == pytest.approx(models.spend.correlation.value, abs=0.01)


def test_the_scores_order_the_hold_out_as_published(cdnow):
    """AUC of buying within 39 weeks: E[Y] .7725, recency .7714, frequency .7576, P(alive) .316."""
    at = churn_warning.Tables(CUT, cdnow.customers_on(CUT), 12)
    seen = churn_warning.seen_on(at, cdnow.customer_days, (END - CUT).days)

    found = {name: auc(score, seen.came).value for name, score in seen.scores.items()}
    wanted = {"expected": 0.7725, "recency": 0.7714, "frequency": 0.7576, "alive": 0.316}
    assert wanted == pytest.approx({name: found[name] for name in wanted}, abs=1e-3)
    assert 0.647 == pytest.approx(found["own_rhythm"], abs=2e-3)


def test_the_rolling_test_never_takes_alive_and_says_what_it_takes(cdnow):
    """Three dates; own lateness falls behind recency, P(alive) behind a coin."""
    result = cdnow.customer_value.warning_tested()
    frame = result.frame.set_index("score")

    assert 3 == frame["origins"].iloc[0]
    assert frame.loc["own_rhythm", "gain_high"] < 0
    assert 0.5 > frame.loc["alive", "auc"] and not frame.loc["alive", "used"]
    used = str(frame.index[frame["used"]][0])
    assert used in ("returns", "combined", "expected")
    assert "Who will order is best told by" in show.warning_test(result, id="V-14").to_text()


def test_each_customers_risk_and_expectation_are_there_for_the_lists(cdnow):
    """One row an active customer by the score in use; one row a customer of what to expect."""
    value = cdnow.customer_value
    risk, each = value.risk_of_each(), value.expected_of_each()

    assert value.at_risk().one("at_risk_customers").n == len(risk)
    assert 2357 == len(each)
    total = value.predicted().one("predicted_purchases").value
    assert total == pytest.approx(each["expected_purchases"].sum(), abs=0.1)
    finding = {f.id: f for f in value.findings_ahead()}["customer_value.ahead"]
    assert ("low", "V-10") == (finding.confidence, finding.exhibit)


def test_the_interval_of_the_next_date_covers_and_as_many_come_as_expected(cdnow):
    """Predicted ninety days before the end: 80 % held within eight points."""
    tested = cdnow.customer_value.next_purchase_tested()
    inside, came = tested.one("interval_coverage"), tested.one("came_back")

    assert 0.8 == pytest.approx(inside.value, abs=0.08)
    assert came.value == pytest.approx(tested.one("came_back_expected").value, abs=0.03)


def test_a_cut_too_near_the_beginning_has_no_forecast(cdnow):
    """On 1 June 1997 there are 152 days of data: the reason, not a figure."""
    day = dt.date(1997, 6, 1)
    found = predicted_value.models(
        cdnow.customers_on(day), day=day, data_from=dt.date(1997, 1, 1), no_money=None
    )

    assert "152 days of data, the model needs 180" == found.missing
