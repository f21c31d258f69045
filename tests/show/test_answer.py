"""The retention chapter's one page: strip, bridge, cause and what to do, worded by hand."""

from dataclasses import replace

import pandas as pd
import pytest
from repurchase import show
from repurchase.analysis.mix import FRAME, SMALLER
from repurchase.analysis.robustness import DEFINITIONS
from repurchase.records import Finding, Record, Result
from repurchase.show.bridge import lost_item
from repurchase.show.mix import cause_item, place_name
from repurchase.show.robustness import answer, strip


def robust(context, year=(), previous=(), reason="too early"):
    """A robustness result: (definition, change, half width) of the sound ones a side."""
    rows = []
    for name in DEFINITIONS:
        row = {"definition": name, "value": 0.6, "low": 0.5, "high": 0.7, "n": 100.0}
        for side, given in (("year", dict((n, x) for n, *x in year)),
                            ("previous", dict((n, x) for n, *x in previous))):  # fmt: skip
            change, half = given.get(name, (None, 0.0))
            known = change is not None
            low, high = (change - half, change + half) if known else (None, None)
            row |= {
                f"{side}_change": change, f"{side}_low": low, f"{side}_high": high,
                f"{side}_sound": known, f"{side}_reason": None if known else reason,
                f"{side}_moved": 0 if not known else int(low > 0) - int(high < 0),
            }  # fmt: skip
        rows.append(row)
    return Result(pd.DataFrame(rows), context=context)


def test_the_strip_counts_falls_and_rises(context_of):
    """Two of three definitions fall detectably, none rises: the title says so."""
    told = [("plain", -0.02, 0.01), ("people_only", -0.03, 0.01), ("repeat_margin", 0.01, 0.02)]

    figure = strip(robust(context_of(), told), id="R-8")

    assert "2 of 3 definitions fall on a year ago, 0 rise" == figure.title
    assert "2 lie below zero, 1 above." in figure.caption
    assert "Not computable, with reasons in part B: 11." in figure.caption
    assert "people_only" in figure.csv


def test_in_the_first_period_of_the_data_a_note_stands_for_the_trend(context_of):
    """Nothing lies before it to be drawn; the strip says its own reason."""
    history = Result(pd.DataFrame(columns=["period", "value", "low", "high"]))
    figures = Result(pd.DataFrame(), context=context_of())
    row = answer(history, figures, robust(context_of()), trend_id="R-1", strip_id="R-8")

    assert "there is no earlier order to return from" in row.blocks[0].text


def test_nobody_lost_is_told_without_money(context_of):
    """No lapsed customer brought no money: there is no sentence on what they were worth."""
    records = (
        Record("lapsed_customers", 0.0, "count", n=40.0),
        Record("lapsed_money", 0.0, "money", "money=margin"),
    )
    item = lost_item(Result(pd.DataFrame({"largest": [0.0]}), records, context=context_of()))

    assert item.title.startswith("0 customers lapsed, 0.0% of those active before")
    assert "" == item.text


def test_without_detectable_changes_the_strip_says_where_they_point(context_of):
    """Nothing detectable: the direction alone is told, as such."""
    told = [("plain", -0.02, 0.03), ("people_only", -0.01, 0.03), ("repeat_margin", 0.01, 0.03)]

    figure = strip(robust(context_of(), told), id="R-8")

    assert (
        "None of 3 definitions shows a change on a year ago; 2 point down" == figure.title
    )


def test_without_a_year_ago_the_previous_period_stands_unless_the_festival_moves_it(context_of):
    """In September the previous period serves; in February nothing is fair, and that is said."""
    told = [("plain", 0.02, 0.01)]

    september = strip(robust(context_of(), previous=told), id="R-8")
    february = strip(robust(context_of(period="2025-02"), previous=told), id="R-8")

    assert "0 of 1 definitions fall on the previous period, 1 rise" == september.title
    assert "No definition of coming back can be compared fairly yet: too early." == february.text


def test_definitions_that_cannot_be_computed_say_why(context_of):
    """A dash with a numbered note, once for each reason."""
    table = show.definitions(robust(context_of(), [("plain", -0.02, 0.01)]), id="R-9")
    row = next(r for r in table.rows if r[0] == "People, no companies")

    assert "– (1)" == row[2].text
    assert table.caption.endswith("(1) too early.")
    assert "−2.0" == table.rows[0][2].text


def bridged(context, money=True):
    """9 active, 3 new, 1 reactivated, 2 lapsed, 11 active; money 100 to 130."""
    customers = {"active_then": 9, "new": 3, "reactivated": 1, "lapsed": -2, "active_now": 11}
    margin = {"money_then": 100, "new": 40, "reactivated": 5, "returned": 10, "retained": -5,
              "paused": -15, "lapsed": -5, "money_now": 130}  # fmt: skip
    parts = [("customers", customers), *([("money", margin)] if money else [])]
    rows = [("previous", part, step, 1, float(value), "margin")
            for part, steps in parts for step, value in steps.items()]  # fmt: skip
    names = ["span", "part", "step", "customers", "value", "kind"]
    missing = Record("bridge_customers", None, "count", "span=year_ago", status="not_computed",
                     reason="nobody to count in the comparison window")  # fmt: skip
    return Result(pd.DataFrame(rows, columns=names), (missing,), context=context)


def test_the_short_bridge_puts_those_who_came_and_went_together(context_of):
    """Back: 5 + 10; gone: 15 + 5; the customers stand in the title, the missing side has a dash."""
    table = show.bridge(bridged(context_of()), id="R-10", short=True)
    found = {row[0].text: (row[1].text, row[2].text) for row in table.rows}

    assert "9 customers + 4 − 2 lapsed = 11" == table.title
    assert ("+¥15", "–") == found["Back after a pause"]
    assert "−¥20" == found["Not bought again"][0]
    assert "Not computed on a year ago: nobody to count in the comparison window." in table.caption


def test_near_the_festival_the_bridge_says_that_its_dates_are_plain(context_of):
    """In February a year ago is the same dates, which the festival may have moved."""
    note = "A year ago: the same dates, not aligned on the moving feast."

    assert note in show.bridge(bridged(context_of(period="2025-02")), short=True).caption
    assert note not in show.bridge(bridged(context_of()), short=True).caption


def test_a_bridge_without_money_shows_the_customers(context_of):
    """Where no amount is known the customers are the table."""
    table = show.bridge(bridged(context_of(), money=False), short=True)

    assert ["Customers", "Active before", "New", "Reactivated", "Lapsed", "Active now"] == [
        row[0].text for row in table.rows
    ]
    assert ["9", "+3", "+1", "−2", "11"] == [row[1].text for row in table.rows[1:]]


def test_a_bridge_that_cannot_be_built_is_a_note_with_its_reasons(context_of):
    """Neither side computable: no empty table."""
    none = bridged(context_of())
    note = show.bridge(replace(none, frame=none.frame.iloc[:0]), short=True)

    assert "Not computed on a year ago: nobody to count in the comparison window." == note.text


def lost(context, value=7.0):
    frame = pd.DataFrame([{"at": "2025-09", "customers": value, "largest": 30.0}])
    gone = Record("lapsed_customers", value, "count", n=70.0)
    records = (
        gone,
        replace(gone, value=5.0, dimensions="at=2025-08"),
        Record("lapsed_money", 60.0, "money", "money=margin", n=value),
    )
    return Result(frame, records, context=context)


def test_lost_customers_are_told_with_what_their_money_is_not(context_of):
    """7 of 70 lapsed, 5 the month before; 60 of margin, half from the largest tenth."""
    item = lost_item(lost(context_of()))

    assert (
        "7 customers lapsed, 10.0% of those active before (5 in the previous period)" == item.title
    )
    assert "¥60 of margin, 50% of it" in item.text
    assert "not what the period cost" in item.text


def mixed(context, rows, records=()):
    """A mix result from (against, cut, label, part, beyond, stands)."""
    made = []
    for against, cut, label, part, beyond, stands in rows:
        made.append({
            "against": against, "cut": cut, "label": label, "n_then": 100.0, "n": 100.0,
            "share_then": 0.1, "share": 0.1, "value_then": 0.5, "value": 0.4, "mix": 0.0,
            "rate": part, "part": part, "low": part - 0.01, "high": part + 0.01, "beyond": beyond,
            "beyond_low": beyond - 0.01, "beyond_high": beyond + 0.01, "p": 0.001,
            "stands": stands,
        })  # fmt: skip
    return Result(pd.DataFrame(made, columns=FRAME), tuple(records), context=context)


SOUTH = [
    ("year_ago", "region", "south", -0.03, -0.026, True),
    ("year_ago", "region", "north", 0.01, 0.012, False),
    ("year_ago", "channel", "app", -0.02, 0.0, False),
]


def test_the_cause_names_its_part_and_that_of_all_else(context_of):
    """The south gave -3 points, all else +1; nothing is said of parts that do not stand."""
    item = cause_item(mixed(context_of(), SOUTH))

    assert (
        "Region: south gave −3.0 pp of the change on a year ago, all else together +1.0 pp"
    ) == item.title
    assert "stands among 3 looked at" in item.text
    assert "bad" == item.tone


def test_no_cause_is_said_to_be_none(context_of):
    """Where nothing stands no segment is blamed."""
    quiet = [(*row[:5], False) for row in SOUTH]

    assert "No store, channel, region or segment stands out" == (
        cause_item(mixed(context_of(), quiet)).title
    )


def test_a_cause_since_the_previous_period_alone_may_be_the_season(context_of):
    """Without a year ago the part is told without colour; near the festival not at all."""
    rows = [("previous", *row[1:]) for row in SOUTH]

    item = cause_item(mixed(context_of(), rows))
    february = cause_item(mixed(context_of(period="2025-02"), rows))

    assert "neutral" == item.tone
    assert "It may be the season" in item.text
    assert "No store, channel, region or segment stands out" == february.title


def test_a_cause_may_be_identification(context_of):
    """While identification moves no part is coloured, and the doubt is said."""
    item = cause_item(mixed(context_of(), SOUTH), unsettled=True)

    assert "unsure" == item.tone
    assert item.text.endswith("It may be identification, not behaviour.")


def test_the_drivers_table_ends_in_the_change(context_of):
    """Parts of the cause's cut, largest first, and their sum."""
    table = show.drivers(mixed(context_of(), SOUTH), id="R-11", short=True)

    assert ["south", "north", "All"] == [row[0].text for row in table.rows]
    assert ["−3.00", "+1.00", "−2.00"] == [row[-1].text for row in table.rows]
    assert ["bad", None, None] == [row[-1].tone for row in table.rows]


def test_long_lists_of_stores_stay_short(context_of):
    """Of 300 stores the largest parts are named, the others are one row; the sum stays."""
    rows = [("year_ago", "store_id", f"S{i:03}", 0.0001 * i, 0.0, False) for i in range(300)]
    table = show.drivers(mixed(context_of(), rows), short=True)

    assert 7 == len(table.rows)
    assert "295 others" == table.rows[-2][0].text
    assert f"+{sum(0.01 * i for i in range(300)):.2f}" == table.rows[-1][-1].text


def test_a_disagreement_is_a_red_note(context_of):
    """Only a flagged cut makes the note; without one there is nothing."""
    flag = Record("sign_disagreement", 1.0, "count", "against=year_ago;by=store_id")

    note = show.disagreement(mixed(context_of(), SOUTH, [flag]))
    nothing = show.disagreement(mixed(context_of(), SOUTH, [replace(flag, value=0.0)]))

    assert ("bad", "") == (note.tone, nothing.text)
    assert note.text.startswith("Returning-buyer share by Store, on a year ago: the total misleads")


@pytest.mark.parametrize(
    ("place", "said"),
    [("region=south", "Region: south"), ("channel=app", "Channel: app"),
     (f"store_id={SMALLER}", "Store: smaller ones together"), ("club=", "club: not known"),
     ("company customer=true", "company customer: yes")],
)  # fmt: skip
def test_a_place_is_named_by_its_cut_and_label(context_of, place, said):
    """Data values stay as they are, our own words are worded."""
    assert said == place_name(context_of().words, place)


def test_what_to_do_follows_the_cause(context_of):
    """The cause's action goes before that of a weightier message."""
    def finding(id, action):
        heads = id == "retention.other"
        return Finding(id, "x", {}, (), "bad", "high", suggested_action=action, headline=heads)

    told = show.decide(
        mixed(context_of(), SOUTH), lost(context_of()),
        [finding("retention.other", "Do that."), finding("retention.cause.region", "Do this.")],
    )  # fmt: skip

    assert "What to do: Do this." == told.items[-1].title


def test_identification_is_asked_after_before_any_cause(context_of):
    """Who was asked for the card comes before who fell."""
    told = show.decide(mixed(context_of(), SOUTH), lost(context_of()), [
        Finding("retention.cause.region", "x", {}, (), "unsure", "low", suggested_action="Later."),
        Finding("retention.identified_order_share.moved", "x", {}, (), "unsure", "high",
                suggested_action="First."),
    ])  # fmt: skip

    assert "What to do: First." == told.items[-1].title
