from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from repurchase import show
from repurchase.records import Record, Result, dimensions
from repurchase.show.blocks import Cell

UP = (0.02, 0.01, 0.03)
FLAT = (0.01, -0.01, 0.03)


def text(cell):
    return cell.text if isinstance(cell, Cell) else cell


def triangle_frame(sizes):
    n = len(sizes)
    table = np.full((n, n), np.nan)
    for row, size in enumerate(sizes):
        table[row, : n - row] = [size, *[size // 4] * (n - row - 1)]
    months = [f"2025-{m:02d}" for m in range(10 - n, 10)]
    return pd.DataFrame(table, index=pd.Index(months, name="cohort"), columns=list(range(n)))


def test_what_has_not_happened_is_blank(context_of):
    """Unobserved cells are empty without shade; observed ones are whole per cent with a shade."""
    context = context_of()

    table = show.triangle(Result(triangle_frame([200, 100, 100]), context=context), id="R-2")

    assert ["Jul 2025", "200", "25%", "25%"] == [text(c) for c in table.rows[0]]
    assert ["Sep 2025", "100", "", ""] == [text(c) for c in table.rows[2]]
    assert table.rows[0][2].fill is not None
    assert table.rows[2][2].fill is None
    assert "A blank cell has not happened yet" in table.caption


def test_a_nought_that_was_observed_is_printed(context_of):
    """Nobody came back is 0 %, which is not blank."""
    frame = triangle_frame([200, 100])
    frame.loc["2025-08", 1] = 0.0

    table = show.triangle(Result(frame, context=context_of()), id="R-2")

    assert "0%" == text(table.rows[0][2])


def test_small_cohorts_are_grey_and_set_no_scale(context_of):
    """A cohort of 49 is muted and without shade; one of 50 is not."""
    frame = triangle_frame([49, 50, 10])
    frame.loc["2025-07", 1] = 49.0

    table = show.triangle(Result(frame, context=context_of()), id="R-2")

    assert (True, None) == (table.rows[0][2].muted, table.rows[0][2].fill)
    assert 1.0 == table.rows[1][2].fill


def test_many_cohorts_show_the_last_eighteen(context_of):
    """The table stays on a page; what is left out is counted and in the data."""
    months = pd.period_range("2023-12", periods=22, freq="M").strftime("%Y-%m")
    frame = pd.DataFrame(100.0, index=pd.Index(months, name="cohort"), columns=range(22))

    table = show.triangle(Result(frame, context=context_of()), id="R-2")

    assert 18 == len(table.rows)
    assert 14 == len(table.columns)
    assert "4 earlier joining months" in table.caption
    assert 23 == table.csv.count("\n")


def test_reasons_become_numbered_notes(context_of, figure_of):
    """The same reason keeps one number; the note stands beneath, worded."""
    reason = "the data begin on 2024-12-01, after the comparison window begins"
    base, change = figure_of(previous=UP)
    lost = replace(base, compare_to="year_ago", status="not_computed", reason=reason)
    again = replace(lost, compare_to="year_ago_aligned")
    figures = Result(None, (base, change, lost, again), context=context_of())

    table = show.comparisons(figures)

    row = [text(c) for c in table.rows[0]]
    assert ["+2.0", "– (1)", "– (1)"] == row[4:7]
    assert "(1) the data begin on 1 Dec 2024, after the comparison window begins." in table.caption
    assert "(2)" not in table.caption
    assert "percentage points" in table.caption


def test_only_detectable_changes_are_marked(context_of, figure_of):
    """A change whose interval covers 0 is grey; one that does not is bold and toned."""
    figures = Result(None, tuple(figure_of(previous=FLAT, year_ago=UP)), context=context_of())

    row = show.comparisons(figures).rows[0]

    assert (True, None) == (row[4].muted, row[4].tone)
    assert (True, "good") == (row[5].bold, row[5].tone)


def test_what_may_be_the_season_is_marked_without_colour(context_of, figure_of):
    """A change on the previous period that a year ago does not show is bold, not good."""
    figures = Result(None, tuple(figure_of(previous=UP, year_ago=FLAT)), context=context_of())

    cell = show.comparisons(figures).rows[0][4]

    assert (True, None) == (cell.bold, cell.tone)


def test_no_change_is_coloured_while_identification_moves(context_of, figure_of):
    """Beyond the limit of identification a figure's change is unsure, in either table."""
    figures = Result(None, tuple(figure_of("repurchase_90d", year_ago=UP)), context=context_of())
    moved = figure_of("identified_order_share", 0.9, previous=(0.05, 0.04, 0.06))
    identified = Result(None, tuple(moved), context=figures.context)

    assert "unsure" == show.comparisons(figures, identified).rows[0][5].tone
    assert "unsure" == show.ladder(figures, identified).rows[2][5].tone
    assert "good" == show.ladder(figures).rows[2][5].tone


def cut_of(column, *names):
    return pd.DataFrame(
        {column: names, "orders": 9, "known": 8, "value": 0.9, "low": 0.5, "high": 0.95,
         "previous": 0.9, "change": 0.0, "change_low": -0.1, "change_high": 0.1}
    )  # fmt: skip


def test_a_long_value_is_cut_and_says_so(context_of):
    """A store's name of 3,000 characters ends after 60 in an ellipsis; the data keep it whole."""
    name = "店" * 3000

    table = show.identification_cuts(
        Result(cut_of("store_id", name, "S1"), context=context_of()), id="R-6"
    )

    assert ["店" * 59 + "…", "S1"] == [row[0] for row in table.rows[1:]]
    assert name in table.csv


def test_our_own_channel_words_are_translated(context_of):
    """A channel that a profile maps to is a word of ours; any other, and a store, is data."""
    context = context_of("zh-CN")
    channels = cut_of("channel", "store", "app", "wechat", "Kiosk")

    table = show.identification_cuts(
        Result(channels, context=context), Result(cut_of("store_id", "store", "x"), context=context)
    )

    assert ["门店", "应用", "微信", "Kiosk", "store", "x"] == [
        row[0] for row in table.rows if isinstance(row[0], str)
    ]


def test_a_ladder_names_its_joining_dates(context_of, figure_of):
    """Each length has its own ripened window: 90 days before the period's end, over 12 months."""
    records = [r for d in (30, 60, 90, 180) for r in figure_of(f"repurchase_{d}d", 0.4)]

    table = show.ladder(Result(None, tuple(records), context=context_of()))

    assert "3 Jul 2024 to 2 Jul 2025" == table.rows[2][-1]


def test_the_formula_shows_its_parts(context_of, figure_of):
    """S, E and N stand above the rate, and the caption says what is wrong with the usual N."""
    parts = [
        Record(name, value, "count")
        for name, value in (
            ("customers_at_start", 100.0),
            ("customers_at_end", 110.0),
            ("customers_joined", 30.0),
        )
    ]
    figures = Result(None, (*figure_of("retention_rate", 0.8), *parts), context=context_of())

    table = show.article(figures)

    assert ["100", "110", "30", "80.0%"] == [text(row[1]) for row in table.rows]
    assert "shows too little" in table.caption


def test_each_reason_is_listed_once(context_of, figure_of):
    """Figures and comparisons that share a reason share a line."""
    why = "nobody to count in the comparison window"
    lost = [
        replace(figure_of(name)[0], compare_to=c, status="not_computed", reason=why)
        for name in ("returning_buyer_share", "repeat_revenue_share")
        for c in ("previous", "year_ago")
    ]

    table = show.not_computed(Result(None, tuple(lost), context=context_of()))

    assert [
        (
            why,
            "Returning-buyer share, Repeat share of revenue: on the previous period, on a year ago",
        )
    ] == list(table.rows)


def test_nothing_is_said_if_all_was_computed(context_of, figure_of):
    """No empty table is printed."""
    block = show.not_computed(Result(None, tuple(figure_of()), context=context_of()))

    assert ("text", "") == (block.kind, block.text)


def test_the_calendar_counts_the_days_of_each_window(context_of):
    """June 2025 has a promotion day and five weekends less one day; rows are the four windows."""
    table = show.calendar_days(context_of(period="2025-06"))

    assert ["Period reviewed", "1 Jun 2025 to 30 Jun 2025", "30", "9"] == list(table.rows[0][:4])
    assert "1" == table.rows[0][5]
    assert 4 == len(table.rows)


def test_the_festival_has_its_own_column_where_it_falls(context_of):
    """Around the lunar new year the table names its day in each window."""
    table = show.calendar_days(context_of("zh-CN", "2025-02"))

    assert "春节" == table.columns[-1].label
    assert "2025年1月29日" in [text(row[-1]) for row in table.rows]


def test_money_is_net_before_gross(context_of):
    """The totals give net revenue first, of all data and of the period."""
    records = (
        Record("customers", 4297.0, "count", dimensions(span="history")),
        Record("buyers", 1664.0, "count"),
        Record("net_revenue", 7957559.43, "money", dimensions(span="history")),
        Record("net_revenue", 1132407.74, "money"),
        Record("gross_revenue", 8393215.11, "money", dimensions(span="history")),
    )
    seen = Record("rows_without_customer", 127216.0, "count", dimensions(span="history"))
    context = context_of()

    table = show.totals(Result(None, records, context=context), Result(None, (seen,)))

    rows = [[text(c) for c in row] for row in table.rows]
    assert ["Customers", "4,297", "1,664"] == rows[0]
    assert ["Net revenue", "¥7,957,559.43", "¥1,132,407.74"] == rows[1]
    assert "Gross revenue" == rows[2][0]
    assert ["Source rows without a customer", "127,216", "–"] == rows[3]


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_every_table_turns_into_html(context_of, figure_of, language):
    """What is drawn here is a sound block in either language."""
    figures = Result(None, tuple(figure_of(previous=UP)), context=context_of(language))

    assert "<table>" in show.comparisons(figures, id="R-9").to_html()
