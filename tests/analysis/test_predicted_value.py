"""The forecast of twelve months: gates, sums by pencil, its test, and what the test makes of it."""

import datetime as dt
from dataclasses import replace

import ibis
import pandas as pd
import pytest
from repurchase.analysis import predicted_value as ahead
from repurchase.analysis.standing import Known
from repurchase.records import Record, Result
from repurchase.stats.btyd.purchases import expected_purchases
from repurchase.stats.btyd.spend import expected_spend

DAY = dt.date.fromisoformat
END, BEGIN = DAY("2025-06-30"), DAY("2023-01-01")
BOTH = Known(None, None)


def money(name, rank):
    """Each customer's own level, 20 to 120, a little more at every other order."""
    return 20.0 + int(name) % 100 + 5 * (rank % 2)


@pytest.fixture(scope="module")
def fitted(gamma_company, summary_of):
    """The models at the end of June 2025."""
    summary = summary_of(gamma_company, day=END.isoformat(), revenue=money)
    return ahead.models(summary, day=END, data_from=BEGIN, no_money=None)


@pytest.fixture(scope="module")
def forecast(fitted, gamma_company, lives):
    """The forecast of these models; half of the revenue is margin."""
    days = lives(gamma_company, money=money)
    return ahead.predicted_value(fitted, days, day=END, known=BOTH, annual_discount=0)


def few(n, orders):
    """Customers with so many order dates each, a month apart."""
    dates = [f"2024-{month:02d}-05" for month in range(1, orders + 1)]
    return {f"{i:04d}": dates for i in range(n)}


@pytest.mark.parametrize(
    ("dates", "data_from", "why"),
    [
        (few(499, 3), "2023-01-01", "499 customers, the model needs 500"),
        (few(500, 2), "2023-01-01", "no customer has ordered three times"),
        (few(500, 3), "2025-01-03", "179 days of data, the model needs 180"),
    ],
)
def test_too_few_too_short_or_nobody_thrice_is_named(dates, data_from, why, summary_of, lives):
    """Each gate at its edge; every figure carries the reason, and no test is made either."""
    summary = summary_of(dates, day=END.isoformat())
    found = ahead.models(summary, day=END, data_from=DAY(data_from), no_money=None)
    result = ahead.predicted_value(found, lives(dates), day=END, known=BOTH, annual_discount=0)

    assert why == found.missing
    assert {why} == {r.reason for r in result.records}
    assert {None} == {r.value for r in result.records}
    assert result.frame.empty and ahead.expected_of_each(found, annual_discount=0).empty
    test = ahead.tested(found, lives(dates), cut=END, end=END)
    assert [why, why] == [r.reason for r in test.records]


def test_at_the_edge_of_each_gate_the_models_are_fitted(gamma_company, summary_of):
    """The first 500 customers and 180 days of data are enough."""
    some = {name: gamma_company[name] for name in sorted(gamma_company)[:500]}
    summary = summary_of(some, day=END.isoformat(), revenue=money)

    found = ahead.models(summary, day=END, data_from=DAY("2025-01-02"), no_money=None)
    assert (None, None) == (found.missing, found.no_money)


def test_the_book_counts_days_after_the_first_order(summary_of):
    """Two repeats over 60 days of 90; the mean of repeat spend; a mean below nought is left out."""
    dates = {"a": ["2025-04-01", "2025-05-01", "2025-05-31"], "b": ["2025-06-30"],
             "c": ["2025-06-01", "2025-06-11"]}  # fmt: skip
    spent = {"a": [9.0, 10.0, 20.0], "b": [7.0], "c": [5.0, -1.0]}
    summary = summary_of(dates, day="2025-06-30", revenue=lambda n, rank: spent[n][rank - 1])

    found = ahead.book(summary, END)

    assert ["a", "b", "c"] == found.ids.tolist()
    h = found.histories
    assert [[2, 0, 1], [60, 0, 10], [90, 0, 29]] == [
        x.astype(int).tolist() for x in (h.frequency, h.recency, h.age)
    ]
    assert [[2, 0, 0], [15, 0, 0]] == [x.tolist() for x in (found.counted, found.mean_spend)]
    assert 1 == found.left_out


def test_totals_are_the_sums_of_the_customers(fitted, forecast):
    """Purchases, revenue and margin; the means divide by all customers."""
    each = ahead.expected_of_each(fitted, annual_discount=0)
    n = len(each)
    bought, revenue = (forecast.one(f"predicted_{m}") for m in ("purchases", "revenue"))
    spend = expected_spend(fitted.spend, fitted.book.counted, fitted.book.mean_spend)
    counts = expected_purchases(fitted.purchases, fitted.book.histories, 365)

    assert each["expected_purchases"].sum() == pytest.approx(bought.value)
    assert float((counts * spend).sum()) == pytest.approx(revenue.value)
    assert each["expected_revenue"].sum() == pytest.approx(revenue.value)
    assert revenue.value / 2 == pytest.approx(forecast.one("predicted_margin").value)
    mean = forecast.one("predicted_revenue_per_customer")
    assert revenue.value / n == pytest.approx(mean.value)
    assert (float(n), float(n)) == (revenue.n, bought.n)
    for record in (bought, revenue, mean, forecast.one("predicted_margin")):
        assert record.low < record.value < record.high


def test_money_to_come_is_discounted_month_by_month(fitted, forecast, gamma_company, lives):
    """At 10 % a year a little over half a year's worth goes; purchases stay."""
    days = lives(gamma_company, money=money)
    less = ahead.predicted_value(fitted, days, day=END, known=BOTH, annual_discount=0.1)
    ratio = less.one("predicted_revenue").value / forecast.one("predicted_revenue").value

    assert 1.1**-1 < ratio < 1.1**-0.4
    assert forecast.one("predicted_purchases") == less.one("predicted_purchases")
    relative = [
        r.one("predicted_revenue").high / r.one("predicted_revenue").value
        for r in (less, forecast)
    ]
    assert relative[1] == pytest.approx(relative[0])


def test_the_same_seed_gives_the_same_figures_and_another_other_bounds(
    fitted, forecast, gamma_company, lives
):
    """Nothing but the bounds depends on the seed."""
    days = lives(gamma_company, money=money)
    again, other = (
        ahead.predicted_value(fitted, days, day=END, known=BOTH, annual_discount=0, seed=s)
        for s in (1, 2)
    )

    assert forecast.records == again.records
    one, two = (r.one("predicted_purchases") for r in (forecast, other))
    assert (one.value, True) == (two.value, one.low != two.low)


def test_without_money_purchases_stand_alone(gamma_company, summary_of, lives):
    """No amount: the forecast of purchases stays, money carries the reason."""
    summary = summary_of(gamma_company, day=END.isoformat())
    known = Known("no amount", "no margin")
    found = ahead.models(summary, day=END, data_from=BEGIN, no_money=known.revenue)
    days = lives(gamma_company)
    result = ahead.predicted_value(found, days, day=END, known=known, annual_discount=0)

    assert result.one("predicted_purchases").value > 0
    assert "no amount" == result.one("predicted_revenue").reason
    assert ahead.expected_of_each(found, annual_discount=0)["expected_revenue"].isna().all()


def test_the_margin_rate_is_of_repeat_orders_of_the_last_year():
    """(30 + 10) / (100 + 50); neither the first order nor that of two years ago nor one without a
    margin counts."""
    rows = [
        ("a", "2025-01-01", 2, 100.0, 30.0),
        ("b", "2025-02-01", 2, 50.0, 10.0),
        ("b", "2025-01-01", 1, 50.0, 50.0),
        ("a", "2024-06-30", 2, 100.0, 99.0),
        ("b", "2025-03-01", 3, 70.0, None),
    ]
    frame = pd.DataFrame(
        rows, columns=["customer_id", "order_date", "day_rank", "net_revenue", "net_margin"]
    )
    table = ibis.memtable(frame.assign(order_date=pd.to_datetime(frame["order_date"])))
    table = table.mutate(
        order_date=table.order_date.cast("date"),
        **{c: table[c].cast("decimal(18, 4)") for c in ("net_revenue", "net_margin")},
    )

    rate = ahead.margin_rate(table, end=END)

    assert 40 / 150 == pytest.approx(rate.value.value)
    assert (40.0, 2.0) == (rate.margin, rate.customers)
    assert ahead.margin_rate(table.filter(table.customer_id == "a"), end=END) is None


@pytest.mark.parametrize(
    ("begin", "days"),
    [("2023-01-01", 365), ("2024-01-01", 273), ("2024-10-01", 93), ("2024-12-01", 0)],
)
def test_a_test_takes_a_year_or_half_of_what_there_is(begin, days):
    """912, 547, 273 and 212 days of data: 365, 273, 93 (180 are left to learn), none (only 32)."""
    assert days == ahead.span_of_test(DAY(begin), END)


def test_the_test_counts_what_came_and_the_tenths_add_up(gamma_company, summary_of, lives):
    """Order dates after the cut of those known then; the tenths hold all of them."""
    cut = END - dt.timedelta(days=365)
    summary = summary_of(gamma_company, day=cut.isoformat(), revenue=money)
    found = ahead.models(summary, day=cut, data_from=BEGIN, no_money=None)
    test = ahead.tested(found, lives(gamma_company, money=money), cut=cut, end=END)

    known = [n for n, days in gamma_company.items() if min(days) <= cut.isoformat()]
    later = [(n, i + 1) for n in known for i, d in enumerate(sorted(gamma_company[n]))
             if d > cut.isoformat()]  # fmt: skip
    frame, real = test.frame, test.one("tested_purchases", dimensions="kind=real")
    assert len(later) == real.value
    spent = sum(money(*each) for each in later)
    assert spent == pytest.approx(test.one("tested_revenue", dimensions="kind=real").value)
    assert len(known) == frame["customers"].sum()
    assert len(later) == pytest.approx((frame["purchases"] * frame["customers"]).sum())
    assert frame["predicted_revenue"].is_monotonic_increasing
    said = test.one("tested_purchases", dimensions="kind=predicted")
    error = test.one("forecast_error", dimensions="of=purchases")
    assert said.value / len(later) - 1 == pytest.approx(error.value)
    assert (said.low <= len(later) <= said.high) == (error.low <= 0 <= error.high)


def test_better_tenths_buy_more(gamma_company, summary_of, lives):
    """The forecast tells customers apart: the best tenth buys ten times what the least does."""
    cut = END - dt.timedelta(days=365)
    summary = summary_of(gamma_company, day=cut.isoformat(), revenue=money)
    found = ahead.models(summary, day=cut, data_from=BEGIN, no_money=None)
    frame = ahead.tested(found, lives(gamma_company, money=money), cut=cut, end=END).frame

    assert frame["purchases"].iloc[-1] > 10 * frame["purchases"].iloc[0]


def told(error, low, high):
    """A test whose forecasts of purchases and revenue missed by so much."""
    frame = pd.DataFrame([{"first": DAY("2024-07-01"), "last": END}])
    records = tuple(
        Record("forecast_error", error, "ratio", f"of={of}", low=low, high=high)
        for of in ("purchases", "revenue")
    )
    return Result(frame, records)


@pytest.mark.parametrize(
    ("test", "status", "why"),
    [
        (told(0.1, -0.05, 0.2), "final", None),
        (told(0.3, 0.2, 0.4), "provisional",
         "the forecast made on 2024-06-30 was 30.0% above what came"),
        (told(-0.3, -0.4, -0.2), "provisional",
         "the forecast made on 2024-06-30 fell 30.0% short of what came"),
        (ahead.untested("too short"), "provisional",
         "the data do not allow a test of the forecast"),
    ],
)  # fmt: skip
def test_a_missed_or_missing_test_labels_the_forecast_and_changes_no_figure(
    forecast, test, status, why
):
    """By how much and which way; what is no forecast keeps its status."""
    found = ahead.labelled(forecast, test)

    for before, after in zip(forecast.records, found.records, strict=True):
        if before.metric.startswith("predicted_"):
            assert replace(before, status=status, reason=why) == after
        else:
            assert before == after


def test_who_will_never_order_again_is_a_share_with_its_interval(
    gamma_company, gamma_gone, summary_of
):
    """Within three points of those planted as gone, of a company that no model assumes."""
    summary = summary_of(gamma_company, day=END.isoformat())
    record = ahead.never_returning(summary, day=END).one("never_again")

    assert len(gamma_company) == record.n
    assert record.low < record.value < record.high
    assert len(gamma_gone) / len(gamma_company) == pytest.approx(record.value, abs=0.03)
    nobody = ahead.never_returning(summary_of(few(10, 1), day=END.isoformat()), day=END)
    assert "the data do not determine the model" == nobody.one("never_again").reason


def test_of_very_many_customers_every_kth_tells_the_share(
    gamma_company, summary_of, monkeypatch
):
    """A third of them say the same, less surely, and n says so."""
    summary = summary_of(gamma_company, day=END.isoformat())
    whole = ahead.never_returning(summary, day=END).one("never_again")
    monkeypatch.setattr(ahead, "MOST_FITTED", 500)
    part = ahead.never_returning(summary, day=END).one("never_again")

    assert (1500.0, 500.0) == (whole.n, part.n)
    assert whole.value == pytest.approx(part.value, abs=0.06)
    assert part.high - part.low > whole.high - whole.low
