"""The forecast in words: how its test went stands beside each figure, in every case."""

import datetime as dt
import math

import pandas as pd
import pytest
from repurchase import show
from repurchase.records import Record, Result
from repurchase.show.blocks import Cell, Figure, Note

MODEL = {"r": 0.25, "alpha": 31.0, "a": 0.8, "b": 2.4, "p": 6.2, "q": 3.7, "gamma": 15.4}
FACTS = {"customers": 2000, "left_out": 0, "refitted": True, "draws": 100, "open": "",
         "horizon_days": 365, "annual_discount": 0.0, **MODEL}  # fmt: skip


def forecast(context, *, correlation=(0.02, -0.03, 0.07), margin=True, **facts):
    r, low, high = correlation
    records = [
        Record("predicted_purchases", 1500.0, "count", low=1400.0, high=1600.0, n=2000.0),
        Record("predicted_revenue", 60_000.0, "money", low=55_000.0, high=65_000.0, n=2000.0),
        Record("predicted_revenue_per_customer", 30.0, "money", low=27.5, high=32.5, n=2000.0),
        Record("predicted_margin", None, "money", status="not_computed", reason="no margin"),
        Record("spend_correlation", r, "ratio", low=low, high=high, n=900.0),
    ]
    if margin:
        records[3] = Record("predicted_margin", 30_000.0, "money", low=27_000.0, high=33_000.0)
        records.append(
            Record("repeat_margin_rate", 0.5, "share", low=0.49, high=0.51, n=800.0)
        )
    return Result(pd.DataFrame([FACTS | facts]), tuple(records), context=context)


def back_test(context, error=0.3, low=0.2, high=0.4, *, days=365, money=True):
    last = dt.date(2025, 9, 30)
    rows = [
        {"part": n, "customers": 100, "predicted_purchases": n / 10, "purchases": n / 12,
         "purchases_low": n / 12 - 0.05, "purchases_high": n / 12 + 0.05,
         "predicted_revenue": n * 10.0 if money else math.nan, "revenue": n * 8.0,
         "revenue_low": n * 7.0, "revenue_high": n * 9.0,
         "first": last - dt.timedelta(days=days - 1), "last": last}
        for n in range(1, 11)
    ]  # fmt: skip
    records = [
        Record("tested_purchases", 550.0, "count", "kind=predicted", low=500.0, high=600.0),
        Record("tested_purchases", 458.0, "count", "kind=real"),
        Record("forecast_error", error, "ratio", "of=purchases", low=low, high=high),
    ]
    if money:
        records += [
            Record("tested_revenue", 55_000.0, "money", "kind=predicted", low=50e3, high=60e3),
            Record("tested_revenue", 44_000.0, "money", "kind=real"),
            Record("forecast_error", error, "ratio", "of=revenue", low=low, high=high),
        ]
    return Result(pd.DataFrame(rows), tuple(records), context=context)


def never(context):
    record = Record("never_again", 0.536, "share", low=0.491, high=0.581, n=2000.0)
    return Result(pd.DataFrame(), (record,), context=context)


def untested(context, why="the data do not allow a test of the forecast"):
    records = tuple(
        Record("forecast_error", None, "ratio", f"of={of}", status="not_computed", reason=why)
        for of in ("purchases", "revenue")
    )
    return Result(pd.DataFrame(), records, context=context)


def text(cell):
    return cell.text if isinstance(cell, Cell) else cell


def test_each_figure_stands_beside_its_test(context_of) -> None:
    """Expected, interval, and how far the same forecast was off; never to return has none."""
    context = context_of()
    table = show.predicted(forecast(context), back_test(context), never(context), id="V-10")

    rows = {text(row[0]): [text(c) for c in row[1:]] for row in table.rows}
    assert ["1,500", "1,400 to 1,600", "30.0% too high"] == (
        rows["Expected purchases of the next twelve months"]
    )
    assert ["¥60.00k", "¥55.00k to ¥65.00k", "30.0% too high"] == (
        rows["Expected revenue of the next twelve months"]
    )
    assert ["¥30.00", "¥27.50 to ¥32.50", "30.0% too high"] == rows["Expected revenue a customer"]
    assert ["53.6%", "49.1–58.1%", "–"] == rows["Never to order again"]
    assert "The same forecast of 30 Sep 2024" == table.columns[3].label
    assert "bad" == table.rows[0][3].tone


@pytest.mark.parametrize(
    ("error", "said"),
    [
        ((0.3, 0.2, 0.4), "revenue was 30.0% too high, more than its interval allows"),
        ((-0.12, -0.2, -0.04), "revenue was 12.0% too low, more than its interval allows"),
        ((0.1, -0.1, 0.3), "the same forecast held what came within its interval"),
    ],
)
def test_the_caption_says_by_how_much_and_which_way(context_of, error, said) -> None:
    """Missed above, missed below, held; only a miss is called one."""
    context = context_of()
    table = show.predicted(forecast(context), back_test(context, *error), never(context), id="V-10")

    assert said in table.caption
    assert ("Nothing is corrected." in table.caption) == ("interval allows" in said)


@pytest.mark.parametrize(
    ("correlation", "said"),
    [
        ((0.02, -0.03, 0.07), "no sign against it"),
        ((0.07, 0.01, 0.13), "weak enough to use it"),
        ((0.3, 0.2, 0.4), "spend more each time, so the money forecast of them is rather too low"),
        ((-0.3, -0.4, -0.2), "spend less each time, so the money forecast of them is rather too"
                             " high"),
    ],
)  # fmt: skip
def test_the_assumption_has_a_plain_verdict(context_of, correlation, said) -> None:
    """Correlation with interval and n, and what it does to the forecast."""
    context = context_of()
    found = forecast(context, correlation=correlation)
    caption = show.predicted(found, back_test(context), never(context), id="V-10").caption

    assert said in caption
    assert "900 customers" in caption


def test_what_stands_behind_the_figures_is_named(context_of) -> None:
    """Discount, margin rate, who was left out, open parameters, where the intervals come from."""
    context = context_of()
    found = forecast(context, annual_discount=0.08, left_out=7, open="a,b", refitted=False)
    caption = show.predicted(found, back_test(context), never(context), id="V-10").caption

    for said in ("discounted at 8.0% a year", "7 customers whose mean repeat order",
                 "The data leave a, b open", "100 draws of the parameters",
                 "50.0% (49.0–51.0%, 800 customers)", "alpha 31.000"):  # fmt: skip
        assert said in caption
    plain = show.predicted(forecast(context), back_test(context), never(context), id="V-10").caption
    assert "Money to come is not discounted." in plain
    assert "100 companies simulated" in plain and "open" not in plain


def test_without_a_forecast_or_a_test_the_reason_stands_there(context_of) -> None:
    """A note instead of a table; an untested forecast is called an assumption."""
    context = context_of()
    why = "499 customers, the model needs 500"
    none = Result(
        pd.DataFrame(),
        (Record("predicted_purchases", None, "count", status="not_computed", reason=why),),
        context=context,
    )

    found = show.predicted(none, untested(context), never(context), id="V-10")
    assert isinstance(found, Note) and why in found.to_text()
    assert why in show.value_ahead(none, untested(context)).to_text()
    table = show.predicted(forecast(context), untested(context), never(context), id="V-10")
    assert "an assumption, not a measurement" in table.caption
    assert "not tested" == text(table.rows[0][3])
    assert isinstance(show.predicted_chart(untested(context), id="V-11"), Note)
    assert isinstance(show.predicted_parts(untested(context), id="V-12"), Note)


def test_the_tenths_are_drawn_and_printed_with_their_totals(context_of) -> None:
    """Ten rows and the sums; a forecast outside the interval of what came is bold."""
    context = context_of()
    test = back_test(context)
    table, chart = show.predicted_parts(test, id="V-12"), show.predicted_chart(test, id="V-11")

    assert 11 == len(table.rows)
    assert ["1", "100", "0.10", "0.08 (0.03 to 0.13)", "¥10.00", "¥8.00 (¥7.00 to ¥9.00)"] == [
        text(c) for c in table.rows[0]
    ]
    assert (False, True) == (table.rows[0][2].bold, table.rows[0][4].bold)
    assert ["Total", "1,000", "550 (500 to 600)", "458"] == [text(c) for c in table.rows[-1][:4]]
    assert isinstance(chart, Figure)
    assert "Tested on the past: the forecast of revenue was 30.0% too high" == chart.title
    assert "not a whole year" not in chart.caption
    short = show.predicted_chart(back_test(context, days=120), id="V-11")
    assert "120 days are not a whole year" in short.caption


def test_without_money_the_tenths_are_of_purchases(context_of) -> None:
    """No column and no axis of money."""
    context = context_of()
    test = back_test(context, money=False)

    assert 4 == len(show.predicted_parts(test, id="V-12").columns)
    chart = show.predicted_chart(test, id="V-11")
    assert "the forecast of purchases was 30.0% too high" in chart.title


@pytest.mark.parametrize(
    ("error", "said"),
    [
        ((0.3, 0.2, 0.4), "proved 30% too high: expect less."),
        ((-0.3, -0.4, -0.2), "proved 30% too low: expect more."),
        ((0.1, -0.1, 0.3), "proved 10% too high, within its interval."),
    ],
)
def test_the_first_page_says_what_is_to_come_and_how_the_last_forecast_did(
    context_of, error, said
) -> None:
    """Margin where it is known, else revenue; the test in the same breath."""
    context = context_of()
    test = back_test(context, *error)

    found = show.value_ahead(forecast(context), test).to_text()
    assert "should bring ¥30.00k of margin within twelve months (¥27.00k to ¥33.00k)" in found
    assert f"The same forecast of 30 Sep 2024 {said}" in found
    plain = show.value_ahead(forecast(context, margin=False), test).to_text()
    assert "¥60.00k of net revenue" in plain


def test_it_reads_in_chinese(context_of) -> None:
    """No English word is left but the names of models and parameters."""
    context = context_of("zh-CN")
    found = show.value_ahead(forecast(context), back_test(context)).to_text()

    assert "现有客户十二个月内预计带来毛利¥3.00万" in found
    assert "偏高30%：应预期更少" in found
