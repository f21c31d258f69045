"""Customer value in words, tables and one chart."""

import dataclasses
import math

import pandas as pd
import pytest
from repurchase import show
from repurchase.analysis import rfm, stages
from repurchase.analysis.stages import JOINING, STAGES
from repurchase.records import Record, Result
from repurchase.show.blocks import Cell, Note, Text


def text(cell):
    return cell.text if isinstance(cell, Cell) else cell


def stage_result(context, **changes):
    rows = [
        {
            "stage": stage, "customers": 100.0 * n, "customer_share": n / 21, "change": 1.0,
            "revenue": 2000.0, "margin": 1000.0 * n, "worth_share": n / 21, "then": 90.0,
            "then_worth": 900.0, "bought": 30.0, "value": 1 / 3, "low": 0.24, "high": 0.44,
            "months": 12, **changes,
        }
        for n, stage in enumerate(STAGES, start=1)
    ]  # fmt: skip
    return Result(pd.DataFrame(rows), (), context=context)


def flow_result(context, **changes):
    rows = [
        (name, 10.0 * n, 100.0, 1000.0 * n, day == "then", 2.0, 500.0, 12)
        for n, (name, _, _, day) in enumerate(stages.FLOWS, start=1)
    ]
    columns = ["flow", "customers", "base", "worth", "loss", "high", "high_worth", "months"]
    records = (Record("flow_margin", 1.0, "money", "flow=slid"),)
    frame = pd.DataFrame(rows, columns=columns).assign(**changes)
    return Result(frame, records, context=context)


def tenth(context):
    frame = pd.DataFrame(
        [("margin", 300, 30, 0.562, 0.155, 12)],
        columns=["measure", "customers", "tenth", "share", "kept", "months"],
    )
    records = (
        Record("top_tenth_share", 0.562, "share", "measure=margin"),
        Record("former_top_tenth_share", 0.155, "share", "measure=margin"),
    )
    return Result(frame, records, context=context)


def test_the_headline_names_the_tenth_and_the_moves(context_of) -> None:
    """How concentrated, who fell out, who came back, and how many are in their rhythm."""
    context = context_of()
    found = show.value_headline(stage_result(context), flow_result(context), tenth(context))
    assert (
        "One active customer in ten brought 56% of the margin of the last 12 months. In September"
        " 2025 10 growing or loyal customers worth ¥1.0k fell out of their rhythm and 50 worth"
        " ¥5.0k came back into it."
    ) == found.text
    # new, growing and loyal: 100 + 200 + 300; their margin 6,000 against 3 times 900
    assert found.detail.startswith("600 customers are in their rhythm, +3 on the previous period")
    assert "¥6.0k of margin in 12 months, ¥3.3k more than then" in found.detail


@pytest.mark.parametrize(
    ("change", "tone", "clause"),
    [(0.03, "bad", "+3.0 pp on"), (-0.03, "good", "−3.0 pp on"), (0.005, "neutral", "no detect")],
)
def test_the_headline_says_whether_more_leave_than_before(context_of, change, tone, clause) -> None:
    """Good and bad follow the share that fell out, if its change can be detected."""
    context = context_of()
    moves = flow_result(context)
    slid = Record("slid_share", 0.138, "share", compare_to="previous", change=change,
                  change_low=change - 0.01, change_high=change + 0.01)  # fmt: skip
    moves = dataclasses.replace(moves, records=(*moves.records, slid))
    found = show.value_headline(stage_result(context), moves, tenth(context))
    assert tone == found.tone
    assert f"The share that fell out was 13.8%: {clause}" in found.text


def test_without_money_the_headline_counts(context_of) -> None:
    """No amount: customers only, and no claim about a tenth."""
    context = context_of()
    nothing = Result(pd.DataFrame(), (), context=context)
    blank = stage_result(context, revenue=math.nan, margin=math.nan, then_worth=math.nan)
    found = show.value_headline(blank, flow_result(context, worth=math.nan), nothing)
    assert (
        "In September 2025 10 growing or loyal customers fell out of their rhythm and 50 came back"
        " into it."
    ) == found.text
    assert "600 customers are in their rhythm" == found.detail


def test_what_cannot_be_said_says_why(context_of) -> None:
    """Too few repeaters: the headline gives the reason, the exhibits a note."""
    context = context_of("zh-CN")
    why = "fewer than 30 customers have ordered twice, or nobody three times"
    record = Record("stage_customers", None, "count", status="not_computed", reason=why)
    missing = Result(pd.DataFrame(columns=["stage"]), (record,), context=context)
    nothing = Result(pd.DataFrame(), (), context=context)
    headline = show.value_headline(missing, nothing, nothing)
    said = "无法说明2025年9月谁值得投入：下单两次的客户少于30位，或没有人下单三次。"
    assert said == headline.text
    chart = show.value_stages(missing, id="V-1")
    assert isinstance(chart, Note)
    assert "下单两次的客户少于30位" in chart.text
    assert isinstance(show.value_flows(nothing, id="V-2"), Note)
    assert Text("") == show.value_actions(nothing, missing, missing)
    assert Text("") == show.moves(Result(pd.DataFrame(columns=list(STAGES)), context=context))


def test_the_chart_gives_both_shares_of_every_stage(context_of) -> None:
    """The alternative text names each stage; the title the one that brought most."""
    found = show.value_stages(stage_result(context_of()), id="V-1")
    assert "Lapsed: 29% of all customers ever, 29% of the margin" == found.title
    assert "At risk: 400 customers, ¥4.0k" in found.alt
    assert found.csv.startswith("stage,customers")
    assert "<svg" in found.svg


def test_losses_stand_above_gains(context_of) -> None:
    """A move that nobody could make is left out; newcomers have no base."""
    context = context_of()
    result = flow_result(context)
    result.frame.loc[result.frame["flow"] == "not_again", ["customers", "base"]] = 0.0
    table = show.value_flows(result, id="V-2")
    assert [
        "Leaving", "Growing or loyal, now late or lapsed", "At risk, now lapsed", "Coming",
        "Second order date made", "At risk or lapsed, back in rhythm", "Joined the company",
    ] == [text(row[0]) for row in table.rows]  # fmt: skip
    assert ["10", "10.0%", "¥1.0k", "¥500"] == [text(c) for c in table.rows[1][1:]]
    assert "–" == text(table.rows[-1][2])


def test_moves_print_sums_on_both_sides(context_of) -> None:
    """Rows and columns add up in print; who stayed is bold, newcomers are without shade."""
    names = list(rfm.TIERS)
    counts = pd.DataFrame(
        [[5.0, 2.0, 0.0], [1.0, 4.0, 3.0], [0.0, 0.0, 9.0], [6.0, 0.0, 0.0]],
        index=[*names, JOINING], columns=names,
    )  # fmt: skip
    table = show.moves(Result(counts, context=context_of()), id="V-6")
    cells = [[text(c) for c in row] for row in table.rows]
    assert ["High potential", "5", "2", "0", "7"] == cells[0]
    assert ["Not yet customers", "6", "0", "0", "6"] == cells[3]
    assert ["Customers now", "12", "6", "12", "30"] == cells[4]
    assert table.rows[0][1].bold
    assert [0.762, 1.0] == [table.rows[0][2].fill, table.rows[1][3].fill]
    assert all(c.fill is None for c in table.rows[3][1:])


def test_limits_read_as_ranges(context_of) -> None:
    """An empty score is a dash, the ends are open."""
    frame = pd.DataFrame(
        [(5, 0, 7, 6, math.nan, 100, math.nan), (2, 8, 9, 2, 1, 50, 50), (1, 10, math.nan, 1, 1,
          math.nan, 50)],
        columns=["score", "since_from", "since_to", "days_from", "days_to", "money_above",
                 "money_to"],
    )  # fmt: skip
    table = show.score_limits(Result(frame, context=context_of()))
    assert [
        ["5", "0–7", "6 and more", "above ¥100"],
        ["2", "8–9", "–", "–"],
        ["1", "10 and more", "1", "up to ¥50"],
    ] == [[text(c) for c in row] for row in table.rows]


def value_result(context, price):
    row = {
        "customers": 2.0, "orders": 2.0, "revenue": 150.0, "margin": 60.0, "years": 1.0,
        "average_order": 75.0, "frequency": 2.0, "lifetime": 0.5, "cost": math.nan,
    }  # fmt: skip
    records = (
        Record("customer_value", 75.0, "money", "definition=total_revenue", low=70, high=80, n=2),
        Record("customer_value", None, "money", "definition=article_net", status="not_computed",
               reason="the profile names no source for costs"),
    )  # fmt: skip
    cost = Result(pd.DataFrame(), (price,), context=context)
    return Result(pd.DataFrame([row]), records, context=context), cost


def test_the_definitions_say_what_they_are(context_of) -> None:
    """The article's net is called revenue; without costs row and caption give the reason."""
    why = "the profile names no source for costs"
    missing = Record("acquisition_cost", None, "money", status="not_computed", reason=why)
    table = show.value_so_far(*value_result(context_of(), missing), id="V-7")
    assert "called net, it is revenue" in table.rows[1][0]
    assert ["–", why] == [text(c) for c in table.rows[1][1:3]]
    assert "¥75.00" == text(table.rows[0][1])
    assert "¥75.00 × 2.000 orders a customer-year × 0.500" in table.caption
    assert f"Acquisition cost not computed: {why}." in table.caption


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_an_acquisition_cost_is_called_an_upper_bound(context_of, language) -> None:
    """It counts all campaigns as if they had won new customers only."""
    price = Record("acquisition_cost", 8.67, "money", numerator=867.0, n=100.0)
    table = show.value_so_far(*value_result(context_of(language), price), id="V-7")
    assert {"en": "upper bound", "zh-CN": "上限"}[language] in table.caption


def test_groups_too_young_have_no_first_year(context_of) -> None:
    """Their mean so far stands, the first year is blank."""
    context = context_of()
    frame = pd.DataFrame(
        [("2023", 30.0, 15.0, 30.0, 10.0, 9.0, 11.0), ("2025", 9.0, 4.0, 0.0, *[math.nan] * 3)],
        columns=["label", "customers", "worth", "n", "value", "low", "high"],
    ).assign(measure="margin")
    table = show.value_groups(Result(frame, context=context), by="joined")
    assert ["2025", "9", "¥4.00", "–", "", "0"] == [text(c) for c in table.rows[1]]
    assert table.caption.startswith("Margin a customer")
    young = Result(frame.tail(1), context=context)
    assert Text("") == show.value_groups(young, by="joined")
    revenue = frame.assign(measure="revenue")
    table = show.value_groups(Result(revenue, context=context), by="joined")
    assert table.caption.startswith("Net revenue a customer")


def test_the_certainty_tells_what_a_best_tenth_is_worth(context_of) -> None:
    """A complete count under a rule is medium; without stages it is low."""
    context = context_of()
    note = show.value_certainty(stage_result(context), tenth(context))
    assert "Certainty: medium" == note.title
    assert "last year's best tenth brought 16% of this year's money" in note.text
    missing = Result(pd.DataFrame(), (), context=context)
    assert "Certainty: low" == show.value_certainty(missing, missing).title
