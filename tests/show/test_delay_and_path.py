"""How late the data are and which ways customers went, in words."""

import datetime as dt
from dataclasses import replace

import pandas as pd
import pytest
from repurchase import show
from repurchase.analysis import delay
from repurchase.analysis.freshness import Source
from repurchase.records import Record, Result
from repurchase.show.path import path_name
from repurchase.show.summary import said
from repurchase.words import Words

DAY = dt.date(2025, 9, 30)
OUTAGES = pd.DataFrame(
    [("store_id", "S2", dt.date(2025, 9, 5), dt.date(2025, 9, 9), 5, 20, 18, 19,
      dt.date(2025, 9, 24))],
    columns=["cut", "label", "first", "last", "days", "orders", "late", "worst", "loaded"],
)  # fmt: skip
NONE = OUTAGES.head(0)


@pytest.fixture
def with_context(context_of):
    """Puts a result into a context in a language."""
    return lambda result, language="en": replace(result, context=context_of(language))


def arrived():
    columns = ["table", "system", "rows", "without", "backwards", "p50", "p95", "worst", "known",
               "late", "share", "low", "high"]  # fmt: skip
    rows = [("orders", "", 1000, 5, 2, 1, 2, 19, 993, 20, 0.0201, 0.0131, 0.0309),
            ("orders", "=POS", 3, 3, 0, None, None, None, 0, 0, None, None, None)]  # fmt: skip
    return Result(pd.DataFrame(rows, columns=columns))


def contacts(known=True):
    if not known:
        record = Record("stale_touch_share", None, "share", status="not_computed",
                        reason="no contact")  # fmt: skip
        return Result(pd.DataFrame(columns=["cut", "label", "stale"]), (record,))
    record = Record("stale_touch_share", 0.04, "share", low=0.03, high=0.05, numerator=40, n=1000)
    return Result(
        pd.DataFrame([("all", "", 40), ("source_system", "POS", 40)],
                     columns=["cut", "label", "stale"]), (record,),
    )  # fmt: skip


def test_delays_stand_by_source_with_what_stuck_and_what_it_touched(with_context):
    """A source without a time of loading has dashes; odd rows are counted."""
    table = show.arrivals(with_context(arrived()), Result(OUTAGES), contacts(), id="F-21")
    first, second = ([getattr(c, "text", c) for c in row] for row in table.rows)

    assert ["orders", "1,000", "1", "2", "19", "2.0% (1.3–3.1%)"] == first
    assert ["   =POS", "3", "–", "–", "–", "–"] == second
    assert "Later than 2 days" in table.columns[-1].label
    assert "5 rows have no time of loading. 2 rows were loaded before they" in table.caption
    assert "Store: S2: 18 of 20 orders of 5 Sep 2025 to 9 Sep 2025" in table.caption
    assert "40 of 1,000 contacts (4.00%, 95% interval 3.00% to 5.00%)" in table.caption
    assert "'=POS" in table.csv


def test_a_reason_stands_in_the_place_of_contacts_that_are_not_known(with_context):
    """And nothing is said of outages that were none."""
    table = show.arrivals(with_context(arrived()), Result(NONE), contacts(known=False))

    assert table.caption.endswith("Contacts made without knowing of an order: no contact.")


def test_the_chart_of_days_claims_what_it_shows(with_context):
    """The place that was late, or that none was."""
    days = pd.DataFrame([(dt.date(2025, 9, d), 10, 1, 2, 3, 0) for d in range(1, 20)],
                        columns=["day", "rows", "p50", "p95", "worst", "late"])  # fmt: skip
    result = with_context(Result(days))

    late = show.delay_days(result, Result(OUTAGES), id="F-22")
    assert "Store: S2 was late for 5 days in a row, from 5 Sep 2025 to 9 Sep 2025" == late.title
    assert "No source was late" in show.delay_days(result, Result(NONE), id="F-22").title
    empty = with_context(Result(days.head(0)))
    assert "" == show.delay_days(empty, Result(NONE), id="F-22").text


@pytest.fixture
def curve(with_context, context_of):
    """Ninety of a hundred orders a day load on the next day, ten after four; up to 1 October."""
    rows = []
    for day in pd.date_range("2025-05-01", "2025-09-30"):
        for lag, n in ((1, 90), (4, 10)):
            if day + pd.Timedelta(days=lag) <= pd.Timestamp("2025-10-01"):
                rows.append(("POS", day.date(), lag, n))
    frame = pd.DataFrame(rows, columns=["system", "day", "lag", "rows"])
    windows = context_of().windows
    found = delay.curves(delay.Loaded("orders", frame, dt.date(2025, 10, 1)), windows, draws=50)
    return delay.completeness(found), delay.last_weeks(found, windows)


def test_completeness_says_what_is_still_to_come(with_context, curve):
    """Three days lack ten orders each of a hundred."""
    shares, weeks = curve
    figure, table = show.completeness(with_context(shares), weeks, id="F-23").blocks

    assert "Days until 99% of a day's orders are there: 4" == figure.title
    assert "Still to come of the orders of the last seven days: 30 (95% interval" in figure.caption
    assert ["all orders", "0.0%", "90.0%", "90.0%", "90.0%", "100.0%"] == [
        cell.text for cell in table.rows[0]
    ]


def test_too_few_orders_give_a_reason_and_no_curve(with_context):
    """In words, in its place."""
    windows = with_context(Result(None)).context.windows
    shares = with_context(delay.completeness(()))
    text = show.completeness(shares, delay.last_weeks((), windows), id="F-23").text

    assert text.endswith("not computed, fewer than 100 orders have a time of loading.")


def test_each_source_has_its_state(with_context):
    """Too old, unusually silent, given up, in time."""
    found = delay.freshness(
        [Source("tickets", "", DAY, 60, 45), Source("orders", "POS", DAY, 10, 45, 1),
         Source("orders", "OLD", DAY, 300, 45, 1), Source("costs", "", DAY, 3, 45)]
    )  # fmt: skip
    table = show.freshness(with_context(found), id="F-24")
    states = {getattr(r[0], "text", r[0]): r[-1].text for r in table.rows}

    assert {"orders: OLD": "given up", "tickets": "too old", "orders: POS": "unusually silent",
            "costs": "in time"} == states  # fmt: skip


def ways():
    columns = ["path", "ways", "came", "came_share", "stayed", "stayed_share", "reached", "back",
               "share", "low", "high"]  # fmt: skip
    rows = [("sms>cart", 1, 40, 0.4, 50, 0.5, 90, 40, 0.444, 0.345, 0.547),
            ("", 9, 60, 0.6, 50, 0.5, 110, 60, 0.545, 0.452, 0.635)]  # fmt: skip
    return Result(pd.DataFrame(rows, columns=columns))


def test_ways_are_told_in_words(with_context):
    """Types of events by their names, the rare ways as one line."""
    table = show.paths(with_context(ways()), id="F-25")
    first, other = ([getattr(c, "text", c) for c in row] for row in table.rows)

    assert "40.0% of the 100 who came back came by the way: text message → basket" == table.title
    assert ["text message → basket", "40", "40.0%", "50", "50.0%", "90"] == first[:6]
    assert "44.4% (34.5–54.7%)" == first[6]
    assert "9 rarer ways" == other[0]
    assert "no way is shown to work by this" in table.caption


def test_ways_in_chinese(with_context):
    """Also a type that is nobody's word stays as the data have it."""
    assert "短信 → 加购" in show.paths(with_context(ways(), "zh-CN"), id="F-25").title
    assert "短信 → odd_type → 更多" == path_name(Words("zh-CN"), "sms>odd_type>...")


def test_time_is_shared_out(with_context):
    """The largest part first; what is not shown is one line."""
    columns = ["start", "end", "customers", "median", "p90", "returned", "time_share"]
    rows = [("sms", "cart", 50, 1.0, 3.0, 30, 0.3), ("cart", "back", 40, 2.5, 9.0, 40, 0.6),
            ("", "", 5, float("nan"), float("nan"), 2, 0.1)]  # fmt: skip
    result = with_context(Result(pd.DataFrame(rows, columns=columns)))
    table = show.transitions(result, id="F-26")
    cells = [[getattr(c, "text", c) for c in row] for row in table.rows]

    assert table.title == (
        "The largest part of the time to coming back (60.0%) passes between basket and coming back"
    )
    assert ["basket", "coming back", "40", "2.5", "9.0", "40", "60.0%"] == cells[0]
    assert ["all others", "", "5", "–", "–", "2", "10.0%"] == cells[-1]


def test_what_has_no_way_says_why(with_context):
    """A note in the place of each table."""
    record = Record("back_after_path", None, "share", status="not_computed", reason="no events")
    empty = with_context(Result(pd.DataFrame(), (record,)))

    assert "Not computed: no events." == show.paths(empty).text == show.transitions(empty).text


def test_a_verdicts_values_know_sources_ways_and_events():
    """A table by its name, a system by its own."""
    words = Words("en")

    assert "POS" == said(words, "from_source", "orders:POS", "CNY")
    assert "tickets" == said(words, "from_source", "tickets", "CNY")
    assert "text message → basket" == said(words, "way_path", "sms>cart", "CNY")
    assert "coming back" == said(words, "end_event", "back", "CNY")


def test_without_any_time_of_loading_a_note_says_so(with_context):
    """No table of dashes."""
    frame = arrived().frame.tail(1)
    record = Record("late_arrival_share", None, "share", status="not_computed", reason="no load")
    note = show.arrivals(with_context(Result(frame, (record,))), Result(NONE), contacts())

    assert "Not computed: no load." == note.text


def test_campaigns_are_no_effect(with_context):
    """Shares by channel and campaign, said to describe whom they reached."""
    columns = ["cut", "label", "first", "contacts", "answered", "share", "low", "high", "young"]
    rows = [("all", "", DAY, 200, 30, 0.15, 0.107, 0.206, 40),
            ("channel", "", DAY, 200, 30, 0.15, 0.107, 0.206, 40),
            ("campaign", "=1", DAY, 200, 30, 0.15, 0.107, 0.206, 40)]  # fmt: skip
    table = show.campaign_answers(
        with_context(Result(pd.DataFrame(rows, columns=columns))), id="F-27"
    )
    cells = [[getattr(c, "text", c) for c in row] for row in table.rows]

    assert "30 of 200 campaign contacts were answered (15.0%)" == table.title
    assert ["All campaigns", "30 Sep 2025", "200", "30", "15.0% (10.7–20.6%)"] == cells[0]
    assert ["Channel", "not known", "Campaign", "=1"] == [row[0] for row in cells[1:]]
    assert "40 contacts of the last 30 days may still be answered. Contact was not randomised" in (
        table.caption
    )


def test_a_stage_of_an_opportunity_is_told_with_its_name():
    """The stage as the data have it."""
    assert "stage won" == path_name(Words("en"), "opp_stage:won")
