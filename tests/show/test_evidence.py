"""Blocks of repurchase's evidence: what they say where something is missing, and where not."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from repurchase import show
from repurchase.analysis import outlook as forecasts
from repurchase.records import Record, Result
from repurchase.show.blocks import Cell, Note
from repurchase.show.newest import label_name
from repurchase.show.outlook import likelihood
from repurchase.words import Words


def text(cell):
    return cell.text if isinstance(cell, Cell) else cell


def next_order_row(**values):
    row = {
        "rank": 1, "joined": "", "days": 30, "customers": 50.0, "numerator": 10.0, "n": 50.0,
        "value": 0.2, "low": 0.11, "high": 0.33, "change": np.nan, "change_low": np.nan,
        "change_high": np.nan, "readable_from": None, "reason": None,
    }  # fmt: skip
    return row | values


def test_an_unripe_cell_says_from_when_it_can_be_read(context_of):
    """A month that has not had the days is blank with a date; one that has has its bounds."""
    rows = [
        next_order_row(joined="2025-08", days=30),
        next_order_row(joined="2025-08", days=60, value=np.nan, readable_from="2025-10-30"),
    ]
    table = show.joining_months(Result(pd.DataFrame(rows), context=context_of()))

    assert ["Aug 2025", "50", "20.0% (11–33%)", "from 30 Oct 2025"] == [
        text(c) for c in table.rows[0]
    ]
    assert table.rows[0][3].muted


@pytest.mark.parametrize(("low", "bold"), [(0.01, True), (-0.01, False)])
def test_a_change_is_bold_only_if_its_interval_leaves_out_nought(context_of, low, bold):
    """+5 points from 1 to 9 stands out, from -1 to 11 does not."""
    row = next_order_row(change=0.05, change_low=low, change_high=0.09)
    table = show.next_orders(Result(pd.DataFrame([row]), context=context_of()), id="R-13")

    assert ("+5.0", bold) == (table.rows[0][2].text, table.rows[0][2].bold)
    assert "n 50" in text(table.rows[0][1])


def gap_result(context, median=28.0):
    row = {"rank": 1, "customers": 100.0, "back": 40.0, "horizon": 333, "returning": 0.4}
    for name, value in (("p10", 3.0), ("median", median), ("p90", 90.0)):
        row |= {name: value, f"{name}_low": value - 1, f"{name}_high": value + 1}
    return Result(pd.DataFrame([row]), context=context)


def cycle_result(context, value=25.0):
    known = {"": value, "quantile=p10": 4.0, "quantile=p90": 97.0}
    records = [
        Record("typical_cycle", v, "days", where, low=20.0, high=30.0, n=500.0,
               reason=None if v else "fewer than 30 customers have three order dates")
        for where, v in known.items()
    ]  # fmt: skip
    return Result(None, tuple(records), context=context)


def test_half_of_those_who_come_back_do_so_within(context_of):
    """The title names the horizon that could be followed, in both languages."""
    english, chinese = context_of(), context_of("zh-CN")

    title = show.order_gaps(gap_result(english), cycle_result(english), id="R-14").title
    assert "Half of the new customers who come back within 333 days do so within 28 days" == title
    other = show.order_gaps(gap_result(chinese), cycle_result(chinese), id="R-14").title
    assert "333天内回购的新客户，有一半在28天内回来" == other


def test_without_gaps_the_title_asks_and_the_cycle_gives_its_reason(context_of):
    """Nothing is claimed of a median that is not there."""
    context = context_of()
    table = show.order_gaps(
        gap_result(context, np.nan), cycle_result(context, None), id="R-14"
    )

    assert table.title.endswith("?")
    assert "–" == text(table.rows[0][4])
    assert "fewer than 30 customers" in table.caption


def period_frame(values):
    rows = [
        (label, "quarter" if "Q" in label else "month", 100.0, 98.0, 8.0, 90.0, v, v, v, why)
        for label, v, why in values
    ]
    names = ["period", "unit", "start_customers", "end_customers", "joined", "kept", "value",
             "low", "high", "reason"]  # fmt: skip
    return pd.DataFrame(rows, columns=names)


def test_a_quarter_stands_beside_the_mean_of_its_months(context_of):
    """73 % of the quarter, 90 % a month: the caption says both."""
    values = [("2025-Q3", 0.73, None)] + [(f"2025-0{m}", 0.9, None) for m in (7, 8, 9)]
    table = show.by_period(Result(period_frame(values), context=context_of()), id="R-17")

    assert "Q3 2025: 73.0%, while its months' mean is 90.0%." in table.caption


def test_no_month_that_can_be_computed_is_a_note(context_of):
    """A table of dashes says less than the reason."""
    why = "the data begin on 2025-01-01, within the activity window of 12 months"
    block = show.by_period(
        Result(period_frame([("2025-09", np.nan, why)]), context=context_of()), id="R-17"
    )

    assert isinstance(block, Note)
    assert "1 Jan 2025" in block.text


NEW = {
    "cut": "all", "label": "", "last_joined": dt.date(2025, 7, 2), "figure": "back", "age": 90,
    "n": 1000.0, "value": 0.33, "low": 0.3, "high": 0.36, "earlier_n": 900.0, "earlier": 0.29,
    "change": 0.04, "change_low": 0.01, "change_high": 0.07, "p": 0.03, "mark": "stands",
}  # fmt: skip


def newest_result(context, *rows):
    return Result(pd.DataFrame([NEW | row for row in rows]), context=context)


def test_the_newest_customers_in_a_sentence(context_of):
    """A share that stands is a difference, money that does not adds none to it."""
    money = {"figure": "margin", "value": 462.0, "earlier": 437.0, "change": 25.0, "mark": ""}
    item = show.newest_line(newest_result(context_of(), {}, money)).items[0]

    assert "good" == item.tone
    assert "33.0% of the 1,000 newest customers were back within 90 days (29.0%" in item.text
    assert item.text.endswith("¥462 of margin each (¥437): a difference of +4.0 pp.")


def test_a_campaign_that_stands_is_named(context_of):
    """What is weaker is told by name, with the number of comparisons that it stands among."""
    worse = {"cut": "campaign", "label": "SPRING", "change": -0.1, "mark": "stands"}
    item = show.newest_line(newest_result(context_of(), {"mark": ""}, worse)).items[0]

    assert "no detectable difference" in item.text
    assert "Weaker among 1 comparisons: First campaign SPRING." in item.text


def test_a_label_without_a_value_is_not_known():
    """An empty channel, a flag and our own channel words, as a reader meets them."""
    words = Words("zh-CN")

    assert "with a discount" == label_name(Words("en"), "discount", "true")
    assert ["门店", "未知"] == [label_name(words, "channel", c) for c in ("store", "")]


@pytest.mark.parametrize(
    ("chance", "said"),
    [
        (0.97, "very likely"), (0.8, "likely"), (0.5, "open"), (0.2, "unlikely"),
        (0.01, "very unlikely"),
    ],
)
def test_a_probability_in_words(chance, said):
    """Open between a quarter and three quarters."""
    assert said == likelihood(Words("en"), chance)


def forecast_row(**values):
    row = dict.fromkeys(forecasts._COLUMNS) | {
        "horizon": "quarter", "origin": "2025-09", "first": dt.date(2025, 10, 1),
        "last": dt.date(2025, 12, 31), "expected": 1e6, "low80": 9e5, "high80": 1.1e6,
        "low95": 8e5, "high95": 1.25e6, "tests": 12, "year_ago": 9e5, "so_far": 0.0,
        "year_ago_so_far": 0.0,
    }  # fmt: skip
    return row | values


def outlook_result(context, row, *records):
    return Result(pd.DataFrame([row]), records, context=context)


def test_the_quarter_against_a_target(context_of):
    """A target of 1,100,000 with 1,000,000 expected is unlikely; what held is beside it."""
    held = Record("forecast_coverage", 0.75, "share", "horizon=quarter;level=80", numerator=6, n=8)
    target = Record("expected_repeat_revenue", 1e6, "money", "horizon=quarter",
                    compare_to="target", change=-1e5)  # fmt: skip
    line = show.outlook_line(outlook_result(context_of(), forecast_row(), held, target)).items[0]

    assert "The target of ¥1.10m is unlikely (19%)." in line.text
    assert "held 6 of the last 8 times" in line.text


def test_a_running_quarter_counts_what_came(context_of):
    """900,000 have come, another 1,000,000 is expected; a year before it was 1,700,000 in all."""
    row = forecast_row(horizon="rest", so_far=9e5, year_ago_so_far=8e5)
    text_of = show.outlook_line(outlook_result(context_of(), row)).items[0].text

    assert text_of.startswith("After ¥900.0k of repeat revenue so far")
    assert "more than a year before (¥1.70m) is very likely" in text_of


def test_no_outlook_gives_its_reason(context_of):
    """A refused forecast is a sentence, on the first page and in the evidence."""
    why = "11 months of history: a tested forecast needs 19"
    record = Record("expected_repeat_revenue", None, "money", "horizon=month",
                    status="not_computed", reason=why)  # fmt: skip
    result = Result(pd.DataFrame(columns=forecasts._COLUMNS), (record,), context=context_of())

    assert f"No outlook: {why}." == show.outlook_line(result).items[0].text
    assert why in show.outlook(result, id="R-19").text
    assert show.outlook_table(result) is None


def test_the_picture_of_the_outlook_is_the_same_each_time(context_of):
    """Two drawings of the same frame are the same bytes; the title says what to expect."""
    rows = [
        forecast_row(horizon="month", origin="2025-08", first=dt.date(2025, 9, 1),
                     last=dt.date(2025, 9, 30), actual=1.05e6, inside80=True, inside95=True),
        forecast_row(horizon="month", first=dt.date(2025, 10, 1), last=dt.date(2025, 10, 31)),
    ]  # fmt: skip
    result = Result(pd.DataFrame(rows), (), context=context_of())
    one, two = (show.outlook(result, id="R-19") for _ in range(2))

    assert one.svg == two.svg
    assert one.title.startswith("October 2025: ¥1.00m expected")
    assert "2025-08" in one.csv


def test_churn_says_what_each_definition_leaves_out(context_of):
    """How many have no rhythm, and a change that was not computed as a dash."""
    records = (
        Record("churn_rate", 0.06, "share", low=0.05, high=0.07, n=1000.0),
        Record("churn_rate", 0.06, "share", compare_to="year_ago", change=0.02, change_low=0.01,
               change_high=0.03),
        Record("overdue_share", 0.3, "share", low=0.25, high=0.35, n=400.0),
        Record("customers_without_rhythm", 555.0, "count"),
        Record("overdue_returned", None, "share", status="not_computed",
               reason="nobody to count in the period"),
    )  # fmt: skip
    frame = pd.DataFrame([vars(r) for r in records])
    table = show.churn(Result(frame, records, context=context_of()))

    assert ["6.0%", "5.0–7.0%", "1,000", "+2.0"] == [text(c) for c in table.rows[0][1:5]]
    assert "555 customers" in text(table.rows[1][5])
    assert "–" == text(table.rows[2][1])
    assert "nobody to count" in table.caption
