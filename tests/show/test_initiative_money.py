"""The pages of an initiative's money: every figure once, and nothing told that is not known."""

import dataclasses
import datetime as dt
import io
import re

import pandas as pd
import pytest
from made.initiative_money import (
    booked_of,
    effect,
    ladder_of,
    money_of,
    panel_of,
    plan_of,
)
from repurchase.analysis.initiative_reading import Reading
from repurchase.show.blocks import Figure, Note, Table, Text
from repurchase.show.initiative_money import money_bridge, money_pages

LANGUAGES = ("en", "zh-CN")


def reading_of(plan=None, **told):
    plan = plan or plan_of()
    money = money_of(plan, **told)
    ladders = told.get("ladders") or {"margin": ladder_of("margin", effect(2.5, 1.5), None)}
    return Reading(plan, panel_of(), pd.DataFrame(), ladders, (), money, "not_shown", None, None)


def pages(context, *readings):
    return money_pages(readings, context=context).blocks


def table(context, title, plan=None, **told):
    """The rows of the table with that title, as text."""
    found = pages(context, reading_of(plan, **told))
    (one,) = (b for b in found if isinstance(b, Table) and b.title == title)
    return {
        row[0].text if not isinstance(row[0], str) else row[0]: [
            c if isinstance(c, str) else c.text for c in row[1:]
        ]
        for row in one.rows
    }


def test_costs_so_far_and_to_come_add_up_and_what_is_missing_is_named(context_of):
    """9,200 and 3,600 so far, 27 months of 400 to come; no row of training."""
    plan = plan_of(costs={"expected": ["build", "training"]})
    context = context_of()
    rows = table(context, "What it costs", plan)
    notes = [b.text for b in pages(context, reading_of(plan)) if isinstance(b, Note)]

    assert ["", "", "", "¥12.8k", "¥10.8k"] == rows["Together"]
    assert ["missing", "", "", "–", "–"] == rows["training"]
    assert "training. Net value and ROI are too high" in notes[0]


def test_only_what_is_counted_is_said_to_be(context_of):
    """The cashed saving counts, the other is shown with its reason."""
    saved = [{"name": "A clerk", "monthly": 300, "start": dt.date(2025, 4, 1), "cashed": True},
             {"name": {"en": "Time", "zh-CN": "工时"}, "monthly": 500,
              "start": dt.date(2025, 4, 1)}]  # fmt: skip
    rows = table(context_of(), "What it brings", plan_of(savings=saved), discounts=1_200.0)

    assert ["¥20.0k", "¥8.0k to ¥32.0k", "yes", "Difference-in-differences"] == rows[
        "Margin that it caused"
    ]
    assert ["¥1.8k", "", "yes", ""] == rows["Saving: A clerk"]
    assert ["¥3.0k", "", "no", "not cashed"] == rows["Saving: Time"]
    assert "the margin is already net of it" == rows["Discounts given for it"][-1]


def test_roi_is_told_on_margin_with_the_articles_beside(context_of):
    """.5625 on margin, 2.75 on revenue; the chances as drawn."""
    rows = table(context_of(), "How sure the money is")

    assert ["56%", "−37% to 150%"] == rows["ROI so far, on margin"]
    assert ["275%", "88% to 463%"] == rows["ROI so far as the article counts it, on revenue"]
    assert ["88%", ""] == rows["Chance that ROI so far is above 0"]
    assert not any("must be its own" in name for name in rows)  # a comparison tells that
    assert "Net value by then, nothing discounted" in rows
    later = table(context_of(), "How sure the money is", discount_rate=0.1)
    assert "Net present value by then, at 10% a year" in later


def test_without_a_rung_the_share_is_told_and_one_row_says_why_the_rest_is_not(context_of):
    """No net value, no chance, no picture of cash; the break-even share leads the bridge."""
    context, reading = context_of(), reading_of(refused=True)
    rows = table(context, "How sure the money is", refused=True)
    bridge = money_bridge(reading, context=context, id="I-1")
    missing = [name for name, cells in rows.items() if cells[0] == "–"]

    assert 1 == len(missing)
    assert "Net value so far" in missing[0] and "Payback" in missing[0]
    assert "a change and no effect" in rows[missing[0]][1]
    share = "Share of the seen change that must be its own, so far"
    assert ["43%", ""] == rows[share]
    assert "Cost ¥12.8k so far: it paid if at least 43% of the change is its own" == bridge.title
    assert "not an effect" in bridge.caption
    assert "Net value" not in bridge.alt
    assert [] == [b for b in pages(context, reading) if isinstance(b, Figure)]


def test_the_bridge_ends_at_the_net_value_and_ties_to_the_accounts(context_of):
    """20,000 less 9,200 and 3,600 are 7,200; 160 of 900 thousand of revenue."""
    bridge = money_bridge(reading_of(), context=context_of(), id="I-1")
    amounts = pd.read_csv(io.StringIO(bridge.csv))["amount"].tolist()

    assert [20_000, -9_200, -3_600, 7_200] == amounts
    assert "Cost ¥12.8k so far; by the best reading ¥7.2k is left" == bridge.title
    assert "¥160.0k of the company's ¥900.0k" in bridge.caption and "(18%)" in bridge.caption


def test_a_loss_is_called_one(context_of):
    """An effect of 1 brings 8,000: 4,800 of the cost have not come back; as read, while open."""
    ladders = {"margin": ladder_of("margin", effect(1.0, 0.2), None)}
    titles = [
        money_bridge(dataclasses.replace(reading_of(**given), verdict=verdict),
                     context=context_of(), id="I-1").title
        for given in ({"ladders": ladders}, {}) for verdict in ("not_paid", "not_shown")
    ]  # fmt: skip

    assert [
        "Cost ¥12.8k so far, ¥4.8k is not back yet",
        "Cost ¥12.8k so far; by the best reading ¥4.8k is not back yet",
        "Cost ¥12.8k so far, and ¥7.2k is left",
        "Cost ¥12.8k so far; by the best reading ¥7.2k is left",
    ] == titles


def test_many_categories_are_put_together_and_still_add_up(context_of):
    """Four are named; the rest stand in one bar."""
    day = dt.date(2025, 3, 1)
    more = booked_of(*((day, day, c, 100.0, False, None, None)
                       for c in ("training", "shipping", "incentive", "other")))  # fmt: skip
    bridge = money_bridge(reading_of(booked=more), context=context_of(), id="I-1")
    frame = pd.read_csv(io.StringIO(bridge.csv)).set_index("step")["amount"]

    assert -200 == frame["Other costs"]
    assert frame.iloc[-1] == pytest.approx(frame.iloc[:-1].sum())


def test_the_promise_is_read_one_way_and_the_others_are_told(context_of):
    """From 30 %: reaches 80, not 110, not 54."""
    promised = {"roi": 0.8, "base": 0.3, "by": dt.date(2026, 12, 31), "payback_months": 18}
    plan = plan_of(promised=promised)
    found = pages(context_of(), reading_of(plan))
    (told,) = (b for b in found if isinstance(b, Table) and b.title == "What was promised")

    assert "Read as: ROI reaches 80%." in told.caption
    assert "rises by 80 pp to 110%" in told.caption and "to 54%" in told.caption
    rows = table(context_of(), "What was promised", plan)
    assert "80%" == rows["ROI by 31 Dec 2026"][0]
    assert ["91%", "cannot be told yet"] == rows["ROI by 31 Dec 2026"][2:]
    assert ["18", "5.6", "–", "on course"] == rows["Payback, in months from the go-live"]
    bare = pages(context_of(), reading_of())
    assert any(isinstance(b, Text) and "Nobody wrote down" in b.text for b in bare)


def test_the_decision_leaves_out_what_is_spent(context_of):
    """10,800 to come; extending is said only because it would pay its beginning again."""
    (note,) = (b for b in pages(context_of(), reading_of()) if isinstance(b, Note))

    assert ("What to do from here: Extend", "good") == (note.title, note.tone)
    assert "cost ¥10.8k" in note.text and "left out" in note.text and "cost again" in note.text


def test_pictures_are_numbered_on_through_the_initiatives(context_of):
    """Two of the first, two of the second."""
    found = pages(context_of(), reading_of(), reading_of())
    figures = [b for b in found if isinstance(b, Figure)]

    assert ["I-10", "I-11", "I-12", "I-13"] == [f.id for f in figures]
    assert "Likeliest: paid back 5.6 months after the go-live" == figures[0].title


def test_no_initiative_no_page(context_of):
    """Nothing is drawn of nothing."""
    assert Text("") == money_pages((), context=context_of())


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("case", ["usual", "refused", "no cost", "endless", "no accounts"])
def test_every_case_has_its_page(context_of, language, case):
    """Each is drawn in each language, and no gap of a sentence is left open."""
    endless = effect(2.5, 1.5)._replace(low=float("-inf"))
    told = {
        "usual": {}, "refused": {"refused": True}, "no cost": {"booked": None},
        "endless": {"ladders": {"margin": ladder_of("margin", endless, None)}},
        "no accounts": {"accounts": None, "panel": panel_of(margin_known=False)},
    }[case]  # fmt: skip
    reading = reading_of(**told)
    context = context_of(language)
    texts = [b.to_text() for b in pages(context, reading)]
    for width in ("full", "half"):
        texts.append(money_bridge(reading, context=context, id="I-1", width=width).to_text())

    assert not re.findall(r"[{}]|\bnan\b|\binf\b|None|∞", "\n".join(texts))
