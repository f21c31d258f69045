"""Experiments on the page: nothing an executive can misread, and a sensible page of nothing."""

import datetime as dt
import functools

import ibis
import numpy as np
import pandas as pd
import pytest
from made.assigned import SEEN, START, halves, plan, read, tables
from repurchase import show
from repurchase.analysis.trial_results import PullForward
from repurchase.analysis.trials import Trial
from repurchase.params import ArmPlan, ExperimentDecision
from repurchase.show.blocks import Figure, Text
from repurchase.stats.proportion import Estimate

LANGUAGES = ("en", "zh-CN")


def bought(arms, *, more=3.0, seed=1, later=0.0):
    """Each customer buys once in the first week, the treated for `more`, and `later` afterwards."""
    rng = np.random.default_rng(seed)
    found = []
    for c, arm in arms.items():
        extra = more if arm != "control" else 0.0
        found.append((c, 1, 40.0, round(10 + extra + float(rng.normal(0, 2)), 2)))
        if later:
            back = later if arm != "control" else 0.0
            found.append((c, 15, 40.0, round(10 + back + float(rng.normal(0, 2)), 2)))
    return found


@functools.cache
def usual(more, later):
    """The same experiment is read once."""
    arms = halves(200)
    return read(tables(arms, bought(arms, more=more, later=later)))


def trial_of(own=None, *, more=3.0, later=0.0):
    if own is None:
        return usual(more, later)
    arms = halves(200)
    return read(tables(arms, bought(arms, more=more, later=later)), own)


def table_of(trials, context):
    found = show.trials_table(trials, context=context, id="X-1")
    return [[c if isinstance(c, str) else c.text for c in row] for row in found.rows]


# ---- Part A -------------------------------------------------------------------------------------


def test_a_gain_says_its_cost_and_its_worth_the_customers_it_counts(context_of):
    """3 a customer less .5, for the plan's 8,000, or for those of the test."""
    dear = {"new": ArmPlan(share=0.5, cost=0.5), "control": ArmPlan(share=0.5)}
    context = context_of()
    told = trial_of(plan(arms=dear, units_a_year=8000))
    (row,) = table_of([told], context)
    gain = told.verdict.gain.value

    assert ["x", "adopt"] == row[:2] and "100%" == row[3]
    assert f"new brings +CN¥{gain:.2f}".replace("CN¥", "¥") in row[2]
    assert row[2].startswith("In 7 days new brings") and "of margin net of its cost" in row[2]
    assert "for 8,000 customers a year." in row[2]
    (row,) = table_of([trial_of(plan(arms=dear))], context)
    assert "for the 200 customers of the test." in row[2]


def test_a_cost_that_nobody_said_is_not_taken_for_nothing(context_of):
    """A cost of 0 that was said needs no words."""
    unsaid = {"new": ArmPlan(share=0.5), "control": ArmPlan(share=0.5)}
    context = context_of()

    assert "of margin before its cost a customer" in table_of(
        [trial_of(plan(arms=unsaid))], context)[0][2]  # fmt: skip
    assert "of margin a customer; over 30 days it is +¥" in table_of([trial_of()], context)[0][2]


def test_worth_and_chance_are_of_what_the_verdict_rests_on(context_of):
    """A gain that was taken back: no worth, and no chance of 100 %."""
    told = trial_of(plan(), more=3.0, later=-6.0)
    (row,) = table_of([told], context_of())

    assert "pulled_forward" == told.verdict.why and told.best["new"] > 0.99
    assert ["keep the control", "0%"] == [row[1], row[3]]
    assert "Worth" not in row[2]
    assert "Orders only came forward" in row[2]


def test_what_asks_for_something_to_be_done_stands_first(context_of):
    """Adopt, then broken, then kept; what was decided before and holds stands last."""
    done = plan(id="done", decision=ExperimentDecision(verdict="adopt", arm="new", on=SEEN))
    undone = plan(id="undone", decision=ExperimentDecision(verdict="adopt", arm="new", on=SEEN))
    arms = halves(200) | {f"d{i}": "new" for i in range(90)}
    broken = read(tables(arms, bought(arms)), plan(id="broken"))
    trials = [
        trial_of(done), trial_of(plan(id="flat"), more=0.0), broken, trial_of(plan(id="good")),
        trial_of(undone, later=-6.0),
    ]  # fmt: skip
    context = context_of()
    rows = table_of(trials, context)
    headline = show.trials_headline(trials, context=context)

    assert ["good", "broken", "flat", "undone", "done"] == [r[0] for r in rows]
    assert "Broken: the split is not the planned one. No difference is told" in rows[1][2]
    assert ["–"] == rows[1][3:]
    assert "Decided on 30 Sep 2025: adopt." in rows[4][2]
    assert (
        "Of 5 tests of outreach: 1 to be adopted; 1 adopted earlier that should be undone; 1 broken"
        " and without a result; 1 where the control should be kept; 1 decided earlier"
    ) == headline.text
    assert "bad" == headline.tone


def test_of_very_many_tests_the_last_are_left_to_part_b(context_of):
    """One page: twelve rows, and how many more there are."""
    one = trial_of()
    table = show.trials_table([one] * 15, context=context_of(), id="X-1")

    assert 12 == len(table.rows) and "3 more tests stand in Part B." in table.caption


def test_a_sure_longer_stretch_is_named_where_the_first_days_show_nothing(context_of):
    """As a hint, with its days."""
    told = trial_of(plan(smallest_effect=None), more=0.0, later=5.0)
    (row,) = table_of([told], context_of())

    assert "not_shown" == told.verdict.why
    row_ = told.frame.set_index(["metric", "horizon"]).loc[("margin", 30)]
    assert f"Over 30 days it is +¥{row_['difference']:.2f} (" in row[2] and row_["low"] > 0
    assert "before cost: a hint, for the plan named 7 days." in row[2]


def test_the_forest_shows_what_each_verdict_rests_on(context_of):
    """Broken tests and those in no money are left out; one alone makes no picture."""
    context = context_of()
    shares = plan(id="shares", metric="repurchase")
    trials = [trial_of(plan(id="a")), trial_of(plan(id="b"), later=-6.0), trial_of(shares)]
    found = show.trials_forest(trials, context=context, id="X-3")

    assert isinstance(found, Figure) and "1 of 2 tests surely gained" == found.title
    data = pd.read_csv(pd.io.common.StringIO(found.csv)).set_index("test")
    assert ["a", "b"] == data.index.tolist()
    assert trials[1].pulled["new"].whole.value == pytest.approx(data.loc["b", "difference"])
    assert Text("") == show.trials_forest(trials[1:], context=context, id="X-3")


# ---- Part B -------------------------------------------------------------------------------------


def test_a_page_holds_every_reading_and_says_which_one_counts(context_of):
    """Welch rules once the plan is fulfilled, the sequence before."""
    text = show.trial_pages([trial_of()], context=context_of()).to_text()

    for part in (
        "Welch", "Confidence sequence, holds at every look", "Mixture sequential test (mSPRT)",
        "Chance to be better than the control", "Expected loss a customer, if the arm is chosen",
        "The smallest effect worth having is ¥1.00 a customer", "Does it last?",
        "The plan is fulfilled: Welch's interval counts.",
        "Not said, which narrows what can be told: the question that it answers",
        "opt-outs (no events in the data), so harm of that kind is not seen",
    ):  # fmt: skip
        assert part in text, part
    running = show.trial_pages([trial_of(plan(planned_end=None))], context=context_of()).to_text()
    for part in ("The plan is not fulfilled", "the end or the number of customers, so only"):
        assert part in running, part


def test_several_arms_stand_side_by_side(context_of):
    """With the chance of each, the control's too."""
    arms = {f"c{i:03}": ("control", "mail", "gift")[i % 3] for i in range(240)}
    own = plan(arms={a: ArmPlan(share=1, cost=0.2) for a in ("control", "mail", "gift")})
    told = read(tables(arms, bought(arms)), own)
    text = show.trial_pages([told], context=context_of()).to_text()

    assert "Chance to be the best arm" in text
    said = show.trials_table([told], context=context_of(), id="X-1").caption
    assert "the interval is widened" in said
    best = max(told.best, key=told.best.get)
    assert f"{told.best[best]:.1%}" in text
    one = show.trial_pages([trial_of()], context=context_of()).to_text()
    assert "Chance to be the best arm" not in one


def test_what_weighs_on_every_figure_is_said_aloud(context_of):
    """Unknown margins, few and many; arms that were inferred."""
    arms = halves(120)
    rows = [(c, 1, 20.0, None if i < 5 else 5.0 + i % 9) for i, c in enumerate(arms)]
    many = show.trial_pages([read(tables(arms, rows))], context=context_of()).to_text()
    rows[:4] = [(c, 1, 20.0, 5.0) for c, *_ in rows[:4]]
    few = show.trial_pages([read(tables(arms, rows))], context=context_of()).to_text()

    assert "The plan names margin, but it is not known of 5 of 120 customers" in many
    assert "So net revenue leads in its place" in many
    assert "margin is not known of 1 of 120 customers who bought something" in few
    made = tables(arms, rows)
    told = made.assignments.mutate(assignment_source=ibis.literal("inferred"))
    inferred = read(type(made)(told, made.days))
    assert "The arms are inferred" in show.trial_pages([inferred], context=context_of()).to_text()
    assert "x (arms inferred)" == table_of([inferred], context_of())[0][0]


def test_a_broken_test_tells_no_difference_anywhere(context_of):
    """Neither its page, nor its weeks, segments or the forest."""
    context = context_of()
    arms = halves(200) | {f"d{i}": "new" for i in range(90)}
    labels = ibis.memtable(pd.DataFrame({"customer_id": list(arms), "label": "all"}))
    told = read(tables(arms, bought(arms)), segments={"s": labels})
    page = show.trial_pages([told], context=context).to_text()

    assert told.broken and not told.segments.empty and told.weeks is not None
    assert "differences are not told" in page and "Welch\t" not in page
    assert isinstance(show.trial_weeks([told], context=context, id="X-4"), Text)
    assert isinstance(show.trial_segments([told], context=context, id="X-5"), Text)


def test_weeks_are_drawn_with_what_the_slope_says(context_of):
    """A gain that turns into a loss falls by week."""
    arms = halves(200)
    rng = np.random.default_rng(4)
    rows = [
        (c, 7 * week, 40.0, round(10 + (4 - 2 * week) * (a == "new") + float(rng.normal()), 2))
        for c, a in arms.items() for week in range(4)
    ]  # fmt: skip
    told = read(tables(arms, rows), plan(longer_horizon_days=28))
    found = show.trial_weeks([told], context=context_of(), id="X-4")

    assert "In 1 of 1 the effect wears off from week to week" == found.title
    slope = told.weeks.slopes["new"].slope.value
    assert -2 == pytest.approx(slope, abs=0.2)
    assert f"it falls by week, −¥{-slope:.2f}" in found.caption


def test_segments_named_before_and_looked_at_afterwards_are_called_so(context_of):
    """The declared stands, the other is worth a test."""
    arms = halves(200)
    half = {c: "north" if i < 100 else "south" for i, c in enumerate(arms)}
    labels = ibis.memtable(pd.DataFrame({"customer_id": list(half), "label": half.values()}))
    told = read(tables(arms, bought(arms)), plan(segments=("region",)),
                segments={"region": labels, "other": labels})  # fmt: skip
    found = show.trial_segments([told], context=context_of(), id="X-5")
    rows = [[c if isinstance(c, str) else c.text for c in row] for row in found.rows]

    assert ["region: north", "region: south", "other: north", "other: south"] == sorted(
        (r[0] for r in rows[1:]), key=lambda t: (t.startswith("other"), t))  # fmt: skip
    assert ["stands"] * 2 + ["exploratory, worth a test"] * 2 == [r[5] for r in rows[1:]]
    assert "of 2 such segments the 2 surest are shown" in found.caption


# ---- hardly anything to tell --------------------------------------------------------------------


def few(kind):
    """Experiments that have hardly begun, or never will."""
    arms = halves(60)
    if kind == "none":
        return []
    if kind == "one arm":
        arms = dict.fromkeys(arms, "new")
    if kind == "one unit":
        arms = {"c1": "new"}
    start = dict.fromkeys(arms, SEEN - dt.timedelta(days=2) if kind == "not ripe" else START)
    rows = [] if kind == "nothing bought" else bought(arms)
    rows = [r for r in rows if start[r[0]] + dt.timedelta(days=r[1]) <= SEEN]
    own = plan(planned_end=None, arms={}) if kind != "not ripe" else None
    return [read(tables(arms, rows, start=start), own)]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    "kind", ["none", "one arm", "one unit", "not ripe", "nothing bought", "little"]
)
def test_every_page_is_sensible_of_hardly_anything(context_of, kind, language):
    """No error, no figure out of nothing, and a word for why."""
    context, trials = context_of(language), few(kind)
    blocks = [
        show.trials_headline(trials, context=context),
        show.trials_table(trials, context=context, id="X-1"),
        show.trials_forest(trials, context=context, id="X-3"),
        show.trial_pages(trials, context=context),
        show.trial_weeks(trials, context=context, id="X-4"),
        show.trial_segments(trials, context=context, id="X-5"),
    ]
    text = "\n".join(b.to_text() for b in blocks)

    assert "nan" not in text.lower() and "None" not in text and "inf" not in text.lower()
    for trial in trials:
        assert isinstance(trial, Trial)
        sure = "adopt" if kind == "little" else "keep_running"
        assert ("invalid" if trial.broken else sure) == trial.verdict.decision
    if language == "en" and kind in ("one arm", "one unit"):
        assert "nothing to compare" in text or "too few for a difference" in text
        assert "No customer has had" not in text or kind == "not ripe"
    if language == "en" and kind == "not ripe":
        assert "No customer has had the 7 days yet." in text


def test_a_difference_of_0_is_no_gain_that_was_taken_back(context_of):
    """Where the first days are not sure, the later ones contradict nothing."""
    told = trial_of(plan(), more=0.0, later=1.0)
    both = PullForward(*(Estimate(x, x - 1, x + 1) for x in (0.2, -0.4, -0.2)), True)
    page = show.trial_pages(
        [Trial(**{**vars(told), "pulled": {"new": both}})], context=context_of()
    ).to_text()

    assert "No gain of the first days is sure" in page and "contradict the first" not in page


def test_a_test_is_named_by_its_question_in_the_readers_language(context_of):
    """Else by its own name."""
    told = trial_of(plan(question={"en": "A letter", "zh-CN": "一封信"}))

    assert "A letter" == table_of([told], context_of())[0][0]
    assert "一封信" == table_of([told], context_of("zh-CN"))[0][0]
    assert "x" == table_of([trial_of()], context_of())[0][0]
