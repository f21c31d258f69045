"""Initiatives on the page: nothing an executive can misread, and a sensible page of nothing."""

import dataclasses
import datetime as dt
import re

import pandas as pd
import pytest
from made.initiatives import (
    GO_LIVE,
    change_of,
    ladder_of,
    money_of,
    panel_of,
    plan_of,
    reading_of,
    table_of,
)
from repurchase import show
from repurchase.analysis.initiative_findings import claim_of
from repurchase.analysis.initiative_flags import Flag
from repurchase.analysis.initiative_reading import Former, change_said
from repurchase.analysis.ladder import Gate
from repurchase.show import initiative_charts, style
from repurchase.show.blocks import Figure, Several, Table, Text
from repurchase.show.initiatives import in_order, promise_text

LANGUAGES = ("en", "zh-CN")


def cells(table: Table) -> list[list[str]]:
    return [[c if isinstance(c, str) else c.text for c in row] for row in table.rows]


def words_of(block) -> str:
    return block.to_text()


def verdict_page(reading, context) -> str:
    return words_of(show.initiative_verdicts([reading], context=context, id="I-2"))


def paying(**told):
    """An effect that is surely worth more than the cost."""
    ladders = {"margin": ladder_of({"naive": (5.1, 0.6), "difference": (2.2, 0.1)})}
    return reading_of(ladders=ladders, verdict="paid", **told)


# ---- the sentence -------------------------------------------------------------------------------


def test_what_it_caused_cost_and_left_stand_in_one_sentence(context_of):
    """2.20 a customer and month of 40,000 is 88,000; it cost 60,000, so 28,000 is left."""
    told = show.initiatives_headline([paying()], context=context_of())

    assert told.text.startswith(
        "Repurchase-tracking system paid: it caused ¥88.0k (¥80.0k to ¥96.0k) of margin and cost"
        " ¥60.0k, so ¥28.0k"
    )
    assert "good" == told.tone


def test_an_open_answer_is_never_called_paid(context_of):
    """The interval holds both: a reading, not what it caused."""
    told = show.initiatives_headline([reading_of()], context=context_of())

    assert told.text.startswith(
        "It cannot be told yet whether Repurchase-tracking system paid (chance so far: 91%): the"
        " best reading is"
    )
    assert "unsure" == told.tone


def test_without_a_rung_the_share_that_must_be_its_own_is_the_headline(context_of):
    """60,000 over 40,000 customer months is 1.50, of a change of 4.20 that is 36 %."""
    told = show.initiatives_headline([change_of()], context=context_of())

    assert (
        "Repurchase-tracking system cost ¥60.0k. It paid if it caused at least ¥1.50 of the ¥4.20"
        " (¥2.80 to ¥5.60) by which margin a customer and month rose: 36% of the change. What was"
        " seen is a change, not an effect: nobody was left without it, so nobody shows what would"
        " have been."
    ) == told.text
    assert "caused ¥" not in told.text


def test_a_change_too_small_to_pay_says_so(context_of):
    """A rise of 1.00 cannot hold the 1.50 that are needed."""
    ladders = {"margin": ladder_of({"season": (1.0, 0.2)}, units_control=0)}
    told = show.initiatives_headline([change_of(ladders=ladders)], context=context_of())

    assert (
        "It has not paid even if the whole change of +¥1.00 (+¥0.60 to +¥1.40) of margin a customer"
        " and month is its own: +¥1.50 would be needed."
    ) in told.text
    card = "It paid if its own: more than all (150% of the seen change)"
    assert card in verdict_page(change_of(ladders=ladders), context_of())


def test_a_fall_has_no_part_that_could_pay(context_of):
    """Nothing is divided by a change that is no gain."""
    ladders = {"margin": ladder_of({"season": (-1.0, 0.2)}, units_control=0)}
    text = show.initiatives_headline([change_of(ladders=ladders)], context=context_of()).text

    assert (
        "Margin a customer and month changed by −¥1.00 (−¥1.40 to −¥0.60): it fell, so there is no"
        " gain of which a part could pay for it."
    ) in text
    assert "%" not in text


@pytest.mark.parametrize(
    ("value", "se", "said", "text", "claim"),
    [
        (0.4, 0.3, "within_chance", "(−¥0.20 to +¥1.00), which is within chance: no rise is sure",
         "roi_change_within_chance"),
        (9.0, 5.0, "within_chance", "which is within chance", "roi_change_within_chance"),
        (-0.1, 0.3, "within_chance", "which is within chance", "roi_change_within_chance"),
        (-1.0, 0.2, "fell", "it fell, so there is no gain", "roi_change_fell"),
        (1.0, 0.2, "too_small", "even if the whole change", "roi_change_too_small"),
        (1.4, 0.2, "short", "is, as read, less than the +¥1.50", "roi_change_short"),
        (4.0, 0.5, "share", "38% of the change", "roi_change_only"),
    ],
)  # fmt: skip
def test_a_change_is_told_by_its_interval(context_of, value, se, said, text, claim):
    """Not by its sign: 1.50 a customer and month are needed."""
    ladders = {"margin": ladder_of({"season": (value, se)}, units_control=0)}
    found = change_of(ladders=ladders)

    assert said == change_said(found.money)
    assert text in show.initiatives_headline([found], context=context_of()).text
    assert claim == claim_of(found)


@pytest.mark.parametrize(
    ("costs", "savings", "text", "claim"),
    [
        ({"planned": [{"category": "build", "amount": 0, "start": GO_LIVE}]}, (),
         "cost ¥0. Nothing has been spent on it so far.", "roi_change_nothing_spent"),
        (None, ({"name": "a post", "monthly": 50_000, "start": GO_LIVE, "cashed": True},),
         "What it saved in cash covers its cost", "roi_change_saved"),
    ],
)  # fmt: skip
def test_what_needs_no_part_of_a_change_says_why(context_of, costs, savings, text, claim):
    """Nothing spent is another thing than a cost that savings cover, whichever way sales went."""
    told = {"treated": None, "controls": None, "savings": savings}
    plan = plan_of(**told) if costs is None else plan_of(**told, costs=costs)
    for value in (4.0, -1.0):
        ladders = {"margin": ladder_of({"season": (value, 0.2)}, units_control=0)}
        found = change_of(plan, ladders=ladders)

        assert text in show.initiatives_headline([found], context=context_of()).text
        assert claim == claim_of(found)
        card = "0% (of the seen change: there is no cost left to cover)"
        assert f"It paid if its own: {card}" in verdict_page(found, context_of())


def test_at_equal_age_is_said_wherever_the_figure_is(context_of):
    """Who reads the number beside the table of all customers must know that they differ."""
    panel = panel_of()
    aged = dataclasses.replace(panel, frame=panel.frame.assign(expected_orders=1.0))
    for found, there in ((change_of(), False), (change_of(panel=aged), True)):
        context = context_of()
        texts = [
            show.initiatives_headline([found], context=context).text,
            words_of(show.rung_pages([found], context=context, id="I-4")),
        ]
        assert [there] * 2 == ["argin a customer and month at equal age" in t for t in texts]


@pytest.mark.parametrize(
    ("on", "roi", "text"),
    [
        (dt.date(2025, 3, 1), 0.8, "On 1 Mar 2025: to extend. The ROI claimed then was 80%; read"
         " now, so far, is "),
        (dt.date(2025, 3, 1), None, "What was decided\tOn 1 Mar 2025: to extend."),
        (dt.date(2025, 10, 1), 0.8, "A decision of 1 Oct 2025, after this period, is left out."),
    ],
)  # fmt: skip
def test_a_decision_stands_beside_what_is_read_now(context_of, on, roi, text):
    """On the page and under the promise; one of a later day is left out and named."""
    found = reading_of(plan_of(decision={"verdict": "extend", "on": on, "roi": roi}))
    context = context_of()
    page = verdict_page(found, context)
    money = words_of(show.money_pages([found], context=context))

    assert text in page and text.rpartition("\t")[2] in money
    assert (on <= context.period.end) == ("to extend" in page)
    stopped = {"verdict": "stop", "on": GO_LIVE, "roi": 0.5}
    unread = change_of(plan_of(treated=None, controls=None, decision=stopped))
    said = "to stop. The ROI claimed then was 50%; none can be read."
    assert said in verdict_page(unread, context)


def test_others_that_nobody_named_are_named(context_of):
    """A misspelt treated store is found among them; of many the first twelve."""
    panel = panel_of()
    frame = panel.frame
    more = [frame, *(frame[frame["unit"] == "S2"].assign(unit=f"T{n:02}") for n in range(13))]
    many = dataclasses.replace(panel, frame=pd.concat(more))
    for plan, own, text in (
        (plan_of(controls=None), panel, "the others, since none are named: S2."),
        (plan_of(controls=None), many, "T09, T10 and 2 more."),
    ):
        pages = show.rung_pages([reading_of(plan, panel=own)], context=context_of(), id="I-4")
        assert text in words_of(pages)
    named = show.rung_pages([reading_of(panel=many)], context=context_of(), id="I-4")
    assert "since none are named" not in words_of(named)


def test_who_is_in_both_groups_is_counted(context_of):
    """Two conditions may meet."""
    panel = dataclasses.replace(panel_of(), in_both=17)
    pages = show.rung_pages([reading_of(panel=panel)], context=context_of(), id="I-4")

    assert "in both groups, so taken as treated: 17" in words_of(pages)


@pytest.mark.parametrize(("language", "name"), [("en", "random group 07"), ("zh-CN", "随机组 07")])
def test_random_groups_are_named_in_the_reader_s_language(context_of, language, name):
    """They are ours, not the company's."""
    weights = pd.DataFrame({"unit": ["control 07"], "weight": [1.0]})
    ladder = ladder_of(details={"synthetic_control": {"weights": weights}})
    for unit, text in (("customer", name), ("store_id", "control 07")):
        told = {"treated": {"where": "tier = 'a'"}, "controls": None} if unit == "customer" else {}
        found = reading_of(plan_of(unit=unit, **told), ladders={"margin": ladder})
        pages = words_of(show.rung_pages([found], context=context_of(language), id="I-4"))
        assert f"{text}\t100.0%" in pages


def test_rows_of_the_same_customers_must_not_be_added_up(context_of):
    """Said where more than one claims them."""
    alone = reading_of(plan_of("b"), flags=())
    for other, there in ((alone, False), (reading_of(plan_of("c")), True)):
        table = show.initiatives_table([reading_of(), other], context=context_of(), id="I-1")
        assert there == ("must not be added up" in words_of(table))


def test_a_fall_is_not_called_margin_that_was_caused(context_of):
    """An effect below zero changed the margin."""
    ladders = {"margin": ladder_of({"difference": (-1.0, 0.1)})}
    text = show.initiatives_headline(
        [reading_of(ladders=ladders, verdict="not_paid")], context=context_of()
    ).text

    assert "it changed margin by −¥40.0k (−¥48.0k to −¥32.0k) and cost ¥60.0k" in text


@pytest.mark.parametrize(
    ("flag", "why"),
    [
        ("regression_to_mean", "those treated were chosen by how they did before"),
        ("chosen_unknown", "those treated were picked one by one, and not by chance"),
        ("identification_change", "customers are identified otherwise than before"),
        ("labels_unknown", "the profile names treated or others whom nobody knows"),
    ],
)
def test_what_refuses_every_comparison_is_named(context_of, flag, why):
    """Though rungs would stand, the warning comes first."""
    found = reading_of(flags=(Flag(flag, True, {}, True),), verdict="change_not_effect")

    assert found.rung is None and found.ladder.chosen is not None
    text = show.initiatives_headline([found], context=context_of()).text
    assert f"What was seen is a change, not an effect: {why}." in text


def test_that_nobody_was_left_without_it_comes_before_how_they_were_chosen(context_of):
    """But a misspelt name of the others explains why there are none."""
    for flag, why in (
        ("chosen_unknown", "nobody was left without it"),
        ("labels_unknown", "the profile names treated or others whom nobody knows"),
    ):
        found = change_of(flags=(Flag(flag, True, {}, True),))
        text = show.initiatives_headline([found], context=context_of()).text
        assert f"is a change, not an effect: {why}" in text


def test_rungs_that_fail_their_checks_are_said_to(context_of):
    """There are others to compare with, and no comparison passes."""
    gate = (Gate("pre_trend", False, 0.004, 0.05, 24),)
    names = ("difference", "synthetic_control", "structural", "synthetic_difference")
    ladders = {"margin": ladder_of(refused=dict.fromkeys(names, gate))}
    found = reading_of(ladders=ladders, verdict="change_not_effect")

    text = show.initiatives_headline([found], context=context_of()).text
    assert "no comparison with others passes its checks" in text
    pages = words_of(show.rung_pages([found], context=context_of(), id="I-4"))
    assert "no: Alike before the start (joint test)" in pages


# ---- promises -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("promised", "text"),
    [
        ({"roi": 0.8}, "promised was that it reaches 80%"),
        (
            {"roi": 0.8, "reading": "rises_points", "base": 0.3},
            "promised was that it rises by 80 points from 30%, so that it reaches 110%",
        ),
        (
            {"roi": 0.8, "reading": "rises_relative", "base": 0.3},
            "promised was that it rises by 80% of 30%, so that it reaches 54%",
        ),
        ({"payback_months": 18}, ""),
    ],
)
def test_rises_80_per_cent_and_reaches_80_per_cent_are_never_confused(context_of, promised, text):
    """From 30 %: 80 points more are 110 %, 80 % more are 54 %."""
    assert text == promise_text(paying(plan=plan_of(promised=promised)), context_of().words)


# ---- several ------------------------------------------------------------------------------------


def several():
    early = reading_of(
        plan_of("new", name="Referral bonus"), verdict="too_early",
        ladders={"margin": ladder_of({})}, former=None,
        panel=panel_of(readable_from=dt.date(2025, 12, 1)),
    )  # fmt: skip
    whole = plan_of("all", name="For all", treated=None, controls=None)
    return [early, change_of(whole), paying()]


def test_what_a_comparison_tells_is_not_shared_out_of_the_change(context_of):
    """The share that must be its own stands where nothing tells it, and nowhere else."""
    context = context_of()
    alone = show.initiatives_table([paying()], context=context, id="I-1")
    both = show.initiatives_table(several(), context=context, id="I-1")

    assert paying().money.break_even_share is not None
    assert "Pays if its own" not in [column.label for column in alone.columns]
    assert ["–", "36%"] == [row[7] for row in cells(both)][:2]


def test_the_table_is_ordered_by_net_value_for_what_was_spent(context_of):
    """What has no net value stands behind; the sentence counts all."""
    context = context_of()
    table = show.initiatives_table(several(), context=context, id="I-1")

    assert ["x", "all", "new"] == [r.plan.id for r in in_order(several())]
    assert ["Repurchase-tracking system", "For all", "Referral bonus"] == [
        row[0] for row in cells(table)
    ]
    assert ["0.47", "–", "–"] == [row[5] for row in cells(table)]
    assert ["36%"] == [row[7] for row in cells(table)][1:2]
    assert (
        "Of 3 initiatives: 1 paid; 1 a change, no effect; 1 too early"
        == show.initiatives_headline(several(), context=context).text
    )


def test_the_better_ratio_stands_first_however_large_the_sum(context_of):
    """28,000 for 60,000 spent stands before what brought nothing for the same."""
    poor = {"margin": ladder_of({"difference": (0.1, 0.01)})}
    worse = reading_of(plan_of("poor", name="Poor"), ladders=poor, verdict="not_paid")
    context = context_of()
    table = show.initiatives_table([worse, paying()], context=context, id="I-1")

    assert ["Repurchase-tracking system", "Poor"] == [row[0] for row in cells(table)]
    assert ["0.47", "−0.93"] == [row[5] for row in cells(table)]


def test_at_most_three_have_a_page_and_all_stand_in_the_table(context_of):
    """The fourth is told of in the table and in Part B."""
    many = [paying(plan=plan_of(str(i), name=f"No {i}")) for i in range(14)]
    pages = show.initiative_verdicts(many, context=context_of(), id="I-2")
    table = show.initiatives_table(many, context=context_of(), id="I-1")

    named = re.findall(r"No \d+ paid", words_of(pages))
    assert 3 == len(named)
    assert 12 == len(table.rows)
    assert "2 more initiatives stand in Part B." in table.caption


def test_too_early_says_when(context_of):
    """No money is told, only what it cost and from which day it can be read."""
    text = verdict_page(several()[0], context_of())

    assert "Can be read from: 1 Dec 2025 (started on 1 Jan 2025)" in text
    assert "Net value so far" not in text


@pytest.mark.parametrize(("step", "text"), [("month", "three whole months"), ("week", "six whole")])
def test_a_window_that_is_too_short_is_not_called_too_early(context_of, step, text):
    """Waiting would not help."""
    panel = panel_of(too_short=True, step=step)
    told = show.initiatives_headline([reading_of(verdict="no_data", panel=panel)],
                                     context=context_of()).text  # fmt: skip

    assert "fewer than the" in told and text in told
    assert (step == "month") == ("With step: week" in told)


def test_savings_are_named_where_they_are_counted(context_of):
    """Else the sentence would not add up; hours saved that nobody cashed are in no sum."""
    for savings, there in (({"cashed": True}, True), ({}, False)):
        saving = {"name": "a post", "monthly": 10_000, "start": GO_LIVE, **savings}
        ladders = {"margin": ladder_of({"difference": (2.2, 0.1)})}
        found = reading_of(plan_of(savings=[saving]), ladders=ladders, verdict="paid")
        text = show.initiatives_headline([found], context=context_of()).text

        assert there == ("¥90.0k of savings that were cashed are counted in it." in text)
        assert ("roi_paid_saving" if there else "roi_paid") == claim_of(found)


def test_a_payback_of_an_open_reading_is_called_one(context_of):
    """It has no interval of its own."""
    ladders = {"margin": ladder_of({"difference": (0.1, 0.7)})}
    never = reading_of(ladders=ladders)
    texts = [verdict_page(found, context_of()) for found in (reading_of(), paying(), never)]
    pages = words_of(show.money_pages([never], context=context_of()))

    assert [True, False, True] == ["if the best reading holds" in text for text in texts]
    assert "not within the horizon of 36 months; if the best reading holds" in texts[2]
    assert "Likeliest: not paid back within its horizon" in pages


def test_a_payback_within_the_month_of_its_spending_has_no_number(context_of):
    """0.0 months would say more than is known."""
    spent = dt.date(2025, 4, 1)
    plan = plan_of(costs={"planned": [{"category": "build", "amount": 900, "start": spent}]})
    ladders = {"margin": ladder_of({"difference": (2.2, 0.1)})}
    found = reading_of(plan, ladders=ladders, verdict="paid")

    assert 0 == found.money.payback_months
    assert "Paid back after: at once" in verdict_page(found, context_of())


def test_a_change_within_chance_is_nowhere_shared_out(context_of):
    """9.00 with an interval that holds 0: 17 % of it stands on the card alone, with its caveat."""
    ladders = {"margin": ladder_of({"season": (9.0, 5.0)}, units_control=0)}
    texts = []
    for found in (change_of(), change_of(ladders=ladders)):
        assert found.money.forward.break_even_share
        blocks = (
            show.initiatives_table([found, found], context=context_of(), id="I-1"),
            show.initiative_verdicts([found], context=context_of(), id="I-2"),
            show.money_pages([found], context=context_of()),
        )
        texts.append("\n".join(map(words_of, blocks)))

    for part in ("Pays if its own", "of the change is its own", "going on pays if", "It does if"):
        assert [True, False] == [part in text for text in texts], part
    assert "17% (of the seen change, which is within chance)" in texts[1]
    assert "Cost ¥60.0k so far, and the change in margin is within chance" in texts[1]


@pytest.mark.parametrize("verdict", ["too_early", "no_data"])
def test_no_share_of_a_change_that_cannot_be_read_yet(context_of, verdict):
    """A month or two is no change of which a part could have paid."""
    texts = []
    for found in (change_of(), change_of(verdict=verdict)):
        table = show.initiatives_table([found], context=context_of(), id="I-1")
        assert found.money.break_even_share
        texts.append(words_of(table) + verdict_page(found, context_of()))

    assert [True, False] == ["36%" in text for text in texts]


def test_nothing_in_the_profile_is_a_clear_line(context_of):
    """And no empty table, page or list."""
    context = context_of()
    told = show.initiatives_headline([], context=context)

    assert told.text.startswith("No initiative is named in the profile")
    blocks = [
        show.initiatives_table([], context=context, id="I-1"),
        show.initiative_verdicts([], context=context, id="I-2"),
        show.before_after_full([], context=context, id="I-3"),
        show.rung_pages([], context=context, id="I-4"),
        show.flag_table([], context=context, id="I-5"),
    ]
    assert {""} == {words_of(block) for block in blocks}


# ---- before and after ---------------------------------------------------------------------------


def row_of(table, name):
    return next(row for row in cells(table) if row[0] == name)


def test_points_and_per_cent_are_labelled(context_of):
    """30.8 to 34.1 is 3.3 points and 10.7 per cent."""
    table = show.before_after_table(paying(), context=context_of(), id="I-2a")
    row = row_of(table, "Repurchase within 90 days")

    assert ["30.8%", "34.1%", "+3.3 pp (+1.6 to +5.0)", "+10.7%", "+1.0 pp"] == row[1:6]
    assert ["31.5%", "+2.6 pp", "5,210, 4,884"] == row[6:]


def test_what_is_not_ripe_is_blank_with_its_day(context_of):
    """Churn needs a quarter after the window."""
    table = show.before_after_table(paying(), context=context_of(), id="I-2a")

    assert ["22.4%", "from 29 Dec 2025", "–", "–"] == row_of(table, "Churn")[1:5]


def test_what_cannot_be_computed_is_named_with_its_reason(context_of):
    """No row of dashes; the reason stands below."""
    frame = table_of()
    gone = frame["metric"] == "satisfaction"
    numbers = [c for c in frame if frame[c].dtype == float or "change" in c]
    frame.loc[gone, numbers] = None
    frame["reason"] = frame["reason"].astype(object)
    frame.loc[gone, "reason"] = "the profile names no source for surveys"
    table = show.before_after_table(paying(table=frame), context=context_of(), id="I-2a")

    assert "Satisfaction" not in [row[0] for row in cells(table)]
    why = "Not computed: Satisfaction (the profile names no source for surveys)."
    assert table.caption.endswith(why)
    others = frame["metric"].isin(["churn", "activity"])
    frame.loc[others, numbers] = None
    frame.loc[others, "reason"] = "no whole period has passed"
    table = show.before_after_table(paying(table=frame), context=context_of(), id="I-2a")
    assert table.caption.count("no whole period has passed") == 1


def test_without_controls_there_is_no_column_of_them(context_of):
    """Everyone was treated."""
    own = table_of()
    table = show.before_after_table(
        change_of(table=own[own["group"] == "treated"]), context=context_of(), id="I-2a"
    )

    assert "Others' change" not in [c.label for c in table.columns]
    assert {8} == {len(row) for row in table.rows}


# ---- the ladder ---------------------------------------------------------------------------------


def test_the_ladder_names_what_it_stands_on_and_keeps_changes_apart(context_of):
    """Six rungs; the data behind say which is stood on."""
    context = context_of()
    chart = show.ladder_chart(reading_of(), context=context, id="I-2b")

    assert isinstance(chart, Figure)
    assert "It stands on: Synthetic difference-in-differences" == chart.title
    rows = [line.split(",") for line in chart.csv.splitlines()]
    stood = {row[0]: (row[4], row[5]) for row in rows[1:]}
    assert ("False", "False") == stood["naive"] == stood["season"]
    assert ("True", "False") == stood["difference"]
    assert ("True", "True") == stood["synthetic_difference"]
    assert "Before and after (change): +¥5.10 (+¥3.90 to +¥6.30)." in chart.alt


def test_an_interval_without_bounds_is_drawn_and_told(context_of):
    """Two units bound nothing; the picture keeps to the ends that are numbers."""
    ladder = ladder_of({"naive": (5.1, 0.6), "difference": (2.0, float("inf"))})
    found = reading_of(ladders={"margin": ladder}, verdict="not_shown")
    chart = show.ladder_chart(found, context=context_of(), id="I-2b")

    assert isinstance(chart, Figure)
    assert "(– to –)" in chart.alt


def test_certainty_is_high_only_where_rungs_agree_and_nothing_warns():
    """One rung alone, or a warning, is medium; an open answer is low."""
    alone = paying(flags=())
    both = dataclasses.replace(
        alone, ladders={"margin": ladder_of({"difference": (2.2, 0.1), "structural": (2.1, 0.2)})}
    )
    assert ["medium", "high"] == [alone.certainty, both.certainty]
    assert "medium" == dataclasses.replace(both, flags=(Flag("tries", True),)).certainty
    assert "low" == dataclasses.replace(both, verdict="not_shown").certainty
    assert "low" == change_of().certainty


def test_another_rung_beyond_the_line_to_pay_is_told(context_of):
    """What would change our mind: a comparison that stands says the opposite."""
    ladders = {"margin": ladder_of({"difference": (1.0, 0.1), "structural": (2.2, 0.1)})}
    text = verdict_page(reading_of(ladders=ladders, verdict="paid"), context_of())

    assert "Difference-in-differences says +¥1.00, on the other side of it." in text


# ---- what to do ---------------------------------------------------------------------------------


def test_a_hold_out_is_told_with_its_size_and_day(context_of):
    """2,000 of 20,000, from October; the answer in April."""
    text = verdict_page(change_of(), context_of())

    assert (
        "From 1 Oct 2025 leave 2,000 of 20,000 customers (10%, drawn by chance; the list is in"
        " restricted/) without it: it answers on 1 Apr 2026."
    ) in text
    assert "rose it must have caused 0.9 pp." in text
    table = show.hold_out_table([change_of()], context=context_of(), id="I-7")
    assert ["1 Oct 2025", "20,000", "2,000", "10%", "1 Apr 2026", "¥1.20"] == cells(table)[0][1:]


def test_what_changed_since_last_month_is_said(context_of):
    """The verdict, the ROI, and what it stood on."""
    former = Former("2025-08", "change_not_effect", None, None, None)
    text = verdict_page(paying(former=former), context_of())

    assert "It was “a change, not an effect” and is “it paid”." in text
    assert "It stood on: none; now: Difference-in-differences." in text


def test_hold_outs_leave_without_a_formula(context_of):
    """A customer number that looks like one gets an apostrophe, days are text."""
    frame = pd.DataFrame({"customer_id": ["=1+1"], "assigned_at": [dt.date(2025, 10, 1)]})
    sheets = show.hold_out_sheets({"x": frame}, context=context_of())
    (rows,) = sheets.frames.values()

    assert ["'=1+1", "2025-10-01"] == list(rows.iloc[0])
    assert ("x",) == sheets.labels and "hold-outs" == sheets.name


# ---- warnings and tries -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flag", "text"),
    [
        (
            Flag("regression_to_mean", True, {"expected": 2.9, "low": 2.1, "high": 3.7}, True),
            "+¥2.90 of margin a customer and month would have come by itself (+¥2.10 to +¥3.70).",
        ),
        (Flag("spill_over", True, {"share": 0.06, "before": 0.01}), "6.0% of the others' orders"),
        (Flag("anticipation", True, {"change": -1.5}), "by −¥1.50 against the others."),
        (
            Flag("incomplete_after", True, {"seen": 3, "planned": 6,
                                            "complete_from": "2025-12-01"}),
            "3 of 6 planned periods are seen; it is complete on 1 Dec 2025.",
        ),
        (
            Flag("incomplete_after", True, {"seen": 8, "planned": 12, "complete_from": None}),
            "Periods seen: 8; a whole year has 12, so a season is not in it.",
        ),
        (
            Flag("costs_missing", True, {"names": "labour, training"}),
            "Not in the costs: labour, training. So they are too low.",
        ),
        (
            Flag("costs_missing", True, {"names": "build", "others": "bulid, misc"}),
            "So they are too low. In the costs under other categories: bulid, misc.",
        ),
        (
            Flag("costs_missing", True, {"negative": 2.0, "below": -35.0, "aside": 3.0}),
            "Amounts booked below 0: 2, together −¥35. They make it cheaper. Rows of the costs that"
            " could not be read, and count nowhere: 3.",
        ),
        (
            Flag("identification_change", True, {"before": 0.789, "after": 0.812, "change": 0.041}),
            "from 78.9% to 81.2%, by +4.1 pp against the others",
        ),
        (Flag("tries", True, {"count": 3}), "were tried 3 times"),
    ],
)  # fmt: skip
def test_a_warning_says_its_size(context_of, flag, text):
    """In a sentence of its own, on the page and in the table."""
    found = reading_of(flags=(flag,))

    assert text in words_of(show.flag_table([found], context=context_of(), id="I-5"))
    assert text in verdict_page(found, context_of())


@pytest.mark.parametrize(
    ("flag", "text"),
    [
        (
            Flag("regression_to_mean", False, {"expected": 0.5, "low": 0.2, "high": 0.9, "p": 0.1}),
            "To be expected by itself: +¥0.50 (+¥0.20 to +¥0.90).",
        ),
        (
            Flag("anticipation", False, {"change": 9.8, "p": 0.096}),
            "In the last month before the start: +¥9.80 against the others (p 0.096).",
        ),
        (
            Flag("spill_over", False, {"change": 1.0, "share": 0.01, "before": 0.02}),
            "Of the others' orders 1.0% were placed with the treated, 2.0% before.",
        ),
        (
            Flag("mix_change", False, {"before": 0.057, "after": 0.032, "change": 0.001}),
            "The share of newcomers among the treated: 5.7% before, 3.2% after; +0.1 pp against",
        ),
        (
            Flag("identification_change", False, {"before": 0.8, "after": 0.81, "change": 0.01}),
            "with a known customer: 80.0% before, 81.0% after; +1.0 pp against the others.",
        ),
        (Flag("incomplete_after", False, {"seen": 12.0, "planned": 12.0}), "Periods seen: 12."),
    ],
)
def test_what_was_looked_for_and_not_found_says_its_size(context_of, flag, text):
    """An outcome without its number cannot be traced."""
    shown = show.flag_table([paying(flags=(flag,))], context=context_of(), id="I-5")

    (row,) = cells(shown)
    assert "not found" == row[1] and text in row[2]


def test_made_up_starts_say_their_mean(context_of):
    """All on one side they tell of a drift, though none alone is beyond chance."""
    pages = words_of(show.rung_pages([detailed()], context=context_of(), id="I-4"))

    assert "these would lie around 0; their mean is +¥0.10" in pages
    assert "that it is held against, by weight: 1 Nov 2024 70%, 1 Dec 2024 30%" in pages


def test_every_try_is_printed(context_of):
    """With what was other, what it would stand on, and its verdict."""
    frame = pd.DataFrame(
        [("x", "2025-09", "before_months=12", "difference", "margin", 2.0, 1.0, 3.0, "paid"),
         ("x", "2025-09", "step=week", "", "orders", 0.01, -0.01, 0.03, "change_not_effect")],
        columns=["initiative", "period", "what", "rung", "outcome", "effect", "low", "high",
                 "verdict"],
    )  # fmt: skip
    table = show.tries_table(frame, context=context_of(), id="I-6")

    assert [
        ["x", "2025-09", "before_months=12", "Difference-in-differences",
         "+¥2.00 (+¥1.00 to +¥3.00)", "it paid"],
        ["x", "2025-09", "step=week", "none: a change", "+0.0100 (−0.0100 to +0.0300)",
         "a change, not an effect"],
    ] == cells(table)  # fmt: skip
    assert isinstance(show.tries_table(frame.head(0), context=context_of(), id="I-6"), Text)


# ---- the evidence -------------------------------------------------------------------------------


def detailed():
    starts = pd.date_range("2023-01-01", periods=33, freq="MS").date
    study = pd.DataFrame({"start": starts, "effect": 0.0, "low": -1.0, "high": 1.0})
    path = pd.DataFrame({"start": starts, "seen": 30.0, "expected": 28.0})
    weights = pd.DataFrame({"unit": ["S2", "S4"], "weight": [0.7, 0.3]})
    details = {
        "difference": {"event_study": study, "clusters": 20, "bootstrap_p": 0.012,
                       "placebo_dates": study.head(2).assign(effect=[0.3, -0.1])},
        "synthetic_control": {"path": path, "weights": weights},
        "synthetic_difference": {
            "weights": weights,
            "time_weights": pd.DataFrame(
                {"start": [dt.date(2024, 11, 1), dt.date(2024, 12, 1)], "weight": [0.7, 0.3]}
            ),
        },
        "structural": {"path": path.assign(low=26.0, high=30.0), "chains": 2, "r_hat": 1.003,
                       "inclusion": pd.DataFrame({"series": [""], "probability": [0.9]})},
    }  # fmt: skip
    return reading_of(ladders={"margin": ladder_of(details=details)})


def test_each_check_says_what_it_counts_and_which_way_its_limit_holds(context_of):
    """A share, half-widths, a count; what was not found has neither."""
    gates = (
        Gate("pre_trend", True, 0.31, 0.05, 3),
        Gate("hold_out_error", False, 2.7, 1.0, 4),
        Gate("units", True, 9.0, 6.0, 9),
        Gate("spill_over", None),
    )
    found = reading_of(ladders={"margin": ladder_of(refused={"difference": gates})})
    pages = show.rung_pages([found], context=context_of(), id="I-4").blocks
    (table,) = (b for b in pages if isinstance(b, Table) and b.columns[1].label == "Check")

    rows = cells(table)
    at = [row[0] for row in rows].index("Difference-in-differences")
    told = [row[2:5] for row in rows[at : at + 4]]
    assert [
        ["0.310", "≥ 0.050", "p"],
        ["2.700", "≤ 1.000", "half-widths"],
        ["9", "≥ 6", "units"],
        ["–", "–", ""],
    ] == told


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"complete_from": None, "whole_on": "2026-01-31"},
         "A whole year of it is seen on 31 Jan 2026: read it again then."),
        ({"complete_from": "2025-12-31", "whole_on": "2025-12-31"},
         "All that was planned is seen on 31 Dec 2025: read it again then."),
    ],
)  # fmt: skip
def test_who_is_to_wait_is_told_until_when(context_of, values, text):
    """Where a comparison stands and more of it is still to be seen; nothing of what is decided."""
    flags = (Flag("incomplete_after", True, {"seen": 8.0, "planned": 12.0, **values}),)
    found = reading_of(flags=flags)
    forward = dataclasses.replace(found.money.forward, decision="wait")
    waits = dataclasses.replace(found, money=dataclasses.replace(found.money, forward=forward))

    assert text in verdict_page(waits, context_of())
    assert text in words_of(show.money_pages([waits], context=context_of()))
    assert "wait" != found.money.forward.decision
    assert "read it again" not in verdict_page(found, context_of())
    assert "read it again" not in verdict_page(dataclasses.replace(waits, flags=()), context_of())


def test_a_change_is_never_said_to_be_stood_on(context_of):
    """In the table of rungs the first two say no, the others yes."""
    found = show.rung_pages([reading_of()], context=context_of(), id="I-4")
    table = next(b for b in found.blocks if isinstance(b, Table) and b.id == "I-4a")

    assert ["no: a change, not an effect"] * 2 + ["yes"] * 4 == [row[4] for row in cells(table)]


def test_each_rung_shows_its_own_evidence(context_of):
    """An event study, two paths, weights, chains and R-hat."""
    found = show.rung_pages([detailed()], context=context_of(), id="I-4")

    assert isinstance(found, Several)
    figures = [b.id for b in found.blocks if isinstance(b, Figure)]
    assert ["I-4b", "I-4c", "I-4d"] == figures
    text = words_of(found)
    assert "S2\t70.0%" in text and "mean of the others\t90.0%" in text
    assert "Structural time series. chains: 2; R-hat: 1.003." in text
    assert "Difference-in-differences. wild bootstrap, p: 0.012; units: 20." in text


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("make", [paying, change_of, reading_of, detailed])
def test_every_page_can_be_made_in_each_language(context_of, language, make):
    """Of what paid, what is a change, what is open; no gap is left unfilled."""
    context, found = context_of(language), make()
    blocks = [
        show.initiatives_headline([found], context=context),
        show.initiatives_table([found], context=context, id="I-1"),
        show.initiative_verdicts([found], context=context, id="I-2"),
        show.before_after_full([found], context=context, id="I-3"),
        show.rung_pages([found], context=context, id="I-4"),
        show.flag_table([found], context=context, id="I-5"),
        show.hold_out_table([found], context=context, id="I-7"),
    ]
    text = "\n".join(words_of(b) for b in blocks)

    assert not re.findall(r"\{\w+\}|\bnan\b|\bNone\b|\binf\b", text)


def test_without_a_known_margin_no_payment_is_claimed(context_of):
    """Revenue leads; whether it paid cannot be told of it."""
    plan = plan_of(outcome="revenue")
    revenue = dataclasses.replace(ladder_of({"difference": (9.0, 1.0)}), outcome="revenue")
    panel = dataclasses.replace(panel_of(), margin_known=False)
    money = money_of(plan, {"revenue": revenue}, panel=panel)
    found = reading_of(plan, ladders={"revenue": revenue}, money=money, panel=panel)

    text = show.initiatives_headline([found], context=context_of()).text
    assert "Whether it paid cannot be told: " in text and "caused" not in text
    assert GO_LIVE == found.plan.go_live


def test_an_interval_that_others_lend_to_the_few_treated_says_so(context_of):
    """One treated store has no spread of its own: the placebo error is that of the controls."""
    pages = []
    for method in ("placebo", "jackknife"):
        ladder = ladder_of(details={"synthetic_difference": {"method": method}})
        found = show.rung_pages(
            [reading_of(ladders={"margin": ladder})], context=context_of(), id="I-4"
        )
        pages.append(words_of(found))

    assert ["takes the few treated to vary as they do" in page for page in pages] == [True, False]


def test_a_hold_out_that_takes_too_long_has_no_day(context_of):
    """It says that two years are not enough."""
    learn = dataclasses.replace(change_of().learn, answers_on=None)
    text = verdict_page(change_of(learn=learn), context_of())

    assert "A hold-out answers on: over 2 years" in text
    assert "2 years would not be enough" in text and "leave more without it" in text


def test_what_has_not_begun_is_not_called_missing(context_of):
    """An initiative that goes live later is named with its day."""
    context = context_of()
    plan = plan_of("later", go_live=dt.date(2026, 3, 1))
    profile = context.params.profile.model_copy(update={"initiatives": (plan,)})
    soon = dataclasses.replace(context, params=dataclasses.replace(context.params, profile=profile))
    told = show.initiatives_headline([], context=soon)

    assert (
        "No initiative of the profile has gone live yet; the first does on 1 Mar 2026." == told.text
    )


def test_customers_that_nobody_knows_are_said_to_be_unknown(context_of):
    """Labels that no customer has are another thing than a window that the data do not hold."""
    panel = panel_of()
    frame = panel.frame[panel.frame["group"] != "treated"]
    nobody = reading_of(verdict="no_data", panel=dataclasses.replace(panel, frame=frame))
    told = show.initiatives_headline([nobody], context=context_of())

    assert "know no customer of those that the profile calls treated" in told.text


def test_what_must_be_its_own_is_told_in_margin_whatever_leads(context_of):
    """The break-even is money of margin: a part of orders would be of another unit."""
    told = change_of()
    led = dataclasses.replace(
        told, plan=told.plan.model_copy(update={"outcome": "orders"}),
        ladders={**told.ladders, "orders": ladder_of({})},
    )  # fmt: skip
    first, second = (
        show.initiatives_headline([one], context=context_of()).text for one in (told, led)
    )

    assert first == second
    assert "margin a customer and month" in first


def test_the_line_between_paid_and_not_is_one_of_margin_whatever_leads(context_of):
    """An effect on orders has no place beside it, nor on a scale of orders."""
    orders = dataclasses.replace(ladder_of({"difference": (0.02, 0.01)}), outcome="orders")
    led = reading_of(plan_of(outcome="orders"),
                     ladders={"margin": ladder_of(), "orders": orders})  # fmt: skip
    line = "an effect of +¥1.50 of margin a customer and month; read is +¥2.20"

    assert line in verdict_page(led, context_of())
    assert line in verdict_page(reading_of(), context_of())
    with style.house(context_of().words):
        low, high = initiative_charts._bounds(led, orders.rungs[2:3])
    assert -0.1 < low < high < 0.1


def test_a_cost_that_nobody_knows_is_not_nothing(context_of):
    """No row of costs is no cost of 0: nothing is said of whether it paid."""
    unknown = [make(plan_of(costs={})) for make in (change_of, reading_of)]
    context = context_of()
    texts = [show.initiatives_headline([one], context=context).text for one in unknown]
    table = show.initiatives_table(unknown, context=context, id="I-1")
    pages = [verdict_page(one, context) for one in unknown]

    assert ["no cost of it is booked, so nothing can be said"] * 2 == [
        text.partition(": ")[2].partition(" of whether")[0] for text in texts
    ]
    assert ["not known"] * 2 == [row[2] for row in table.rows]
    assert not any("¥0" in text.replace("¥0.", "") or "saved in cash" in text for text in pages)
    assert all("Cost so far: not known" in text for text in pages)
