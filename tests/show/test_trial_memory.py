"""Looks, memory and the hold-out in words."""

import datetime as dt
from dataclasses import replace

import pytest
from made.trials import plan_of, trial_of
from repurchase.analysis.trial_looks import trial_looks
from repurchase.analysis.trial_memory import memory
from repurchase.looks import Look, SignedLooks
from repurchase.params import ExperimentDecision
from repurchase.show.blocks import Several
from repurchase.show.trial_looks import look_table, looks_text
from repurchase.show.trial_memory import (
    decision_table,
    holdout_pages,
    memory_lines,
    memory_scorecard,
    shrinkage_table,
)

UNTIL, SINCE = dt.date(2025, 9, 30), dt.date(2024, 10, 1)


def adopted(lift=9.0, verdict="adopt"):
    return ExperimentDecision(verdict=verdict, arm="new", on=dt.date(2025, 7, 15), lift=lift)


def told_of(*trials):
    return memory(trials, since=SINCE, until=UNTIL)


def looked(trial, *earlier):
    return replace(trial, looks=trial_looks(trial, earlier, period="2025-09"))


def earlier(**told):
    given = {"experiment": "x", "period": "2025-08", "fingerprint": "f", "arm": "new",
             "metric": "margin", "horizon": 30, "rule": "always_valid", "tuned": 1000, "n": 400.0,
             "value": 6.0, "low": 1.0, "high": 11.0, "p": 0.03}  # fmt: skip
    return Look(**{**given, **told})


def holdout(**told):
    plan = plan_of("out", kind="holdout", planned_end=None, units_a_year=20_000)
    return trial_of(plan, {30: (5.0, 1.0)}, over=False, **told)


def test_a_tests_page_says_how_often_it_was_looked_at(context_of):
    """The first time, later, and where a signed pack has seen the same data."""
    running = trial_of(over=False)
    own = looked(running).looks.arms[0].looks[-1]
    context = context_of()

    assert "" == looks_text(running, context)
    assert "This is the first look at the test that counts." == looks_text(looked(running), context)
    assert (
        "Looked at 2 times in signed reviews and this one, first in August 2025; 2 of the looks"
        " came before the plan was fulfilled."
    ) == looks_text(looked(running, earlier()), context)
    assert "A signed review of this period has seen the same data." in looks_text(
        looked(running, own), context
    )
    apart = looked(running, earlier(low=90.0, high=99.0))
    assert "contradict each other" in looks_text(apart, context)


def test_the_table_of_looks_shows_what_they_leave(context_of):
    """A running test's interval cut by the earlier look; a finished test has another rule."""
    running = trial_of(readings={30: (5.0, 2.0)}, over=False)
    table = look_table([looked(running, earlier())], context=context_of(), id="X-10")
    finished = look_table([looked(trial_of())], context=context_of(), id="X-10")

    assert ("x", "new", "2", "2", "August 2025", "0.0300", "+¥5.00") == table.rows[0][:7]
    assert "+¥1.00 to +¥11.00" == table.rows[0][7].text
    assert "–" == finished.rows[0][7].text
    assert "" == look_table([], context=context_of(), id="X-10").text


def test_signed_packs_that_cannot_be_read_are_named(context_of):
    """Looks may be missing then."""
    context = context_of()
    lost = replace(context.params, looks=SignedLooks(unread=("2025-07-signed-a",)))
    shown = look_table([looked(trial_of())], context=replace(context, params=lost), id="X-10")

    assert isinstance(shown, Several)
    assert "These signed packs cannot be read, so looks may be missing: 2025-07-signed-a." == (
        shown.blocks[1].text)  # fmt: skip


def test_whether_testing_pays_in_two_sentences(context_of):
    """1,000 customers a year: 9 claimed, 5 read, an error of 1."""
    trial = trial_of(plan_of(decision=adopted(), units_a_year=1000))
    (item,) = memory_lines(told_of(trial), [], context=context_of()).items

    assert (
        "Tests in twelve months: 1 run, 1 decided, 1 adopted. Worth of what was adopted: claimed"
        " ¥9.0k a year; read now ¥5.0k (¥3.0k to ¥7.0k). The cost of 1 of them is not in the"
        " profile."
    ) == item.text
    longer = plan_of(decision=adopted(), units_a_year=1000, longer_horizon_days=90)
    (item,) = memory_lines(
        told_of(trial_of(longer, {30: (5.0, 1.0), 90: (2.0, 0.5)})), [], context=context_of()
    ).items
    assert (
        "claimed ¥9.0k a year; read now ¥2.0k (¥1.0k to ¥3.0k)."
    ) in item.text
    assert "good" == item.tone
    nobody = memory_lines(told_of(trial_of()), [], context=context_of()).items[0]
    assert ("neutral", True) == (nobody.tone, "cannot be told" in nobody.text)
    assert "" == memory_lines(told_of(), [], context=context_of()).text


def test_what_was_adopted_and_has_gone_is_no_good_news(context_of):
    """Read at 1 and at -5, with an error of 1."""
    for value, tone in ((1.0, "unsure"), (-5.0, "bad")):
        trial = trial_of(plan_of(decision=adopted()), {30: (value, 1.0)})
        assert tone == memory_lines(told_of(trial), [], context=context_of()).items[0].tone


def test_a_standing_hold_out_is_all_outreach_together_and_gets_no_verdict(context_of):
    """Its interval is the wider one that holds at every look; it never is over."""
    trial = holdout()
    (item,) = memory_lines(told_of(), [trial], context=context_of()).items

    assert ("holdout", "standing") == (trial.verdict.decision, trial.verdict.why)
    assert ("All outreach together", "good") == (item.title, item.tone)
    assert item.text.startswith(
        "In 30 days a customer with outreach brings +¥5.00 of margin (+¥1.96 to +¥8.04) more than"
    )
    assert "For 20,000 customers that is ¥100.0k (¥39.3k to ¥160.7k)." in item.text
    broken = memory_lines(told_of(), [holdout(broken=True)], context=context_of()).items[0]
    assert "A check of the hold-out failed, so its difference is not told." == broken.text
    assert "There is no standing hold-out" in holdout_pages([], context=context_of()).text


def test_decisions_stand_beside_what_became_of_them(context_of):
    """A row a decision; the claim beside the readings of today."""
    trial = trial_of(plan_of(decision=adopted(), longer_horizon_days=90),
                     {30: (5.0, 1.0), 90: (-2.0, 0.5)})  # fmt: skip
    table = decision_table(told_of(trial), [trial], context=context_of(), id="X-11")
    (row,) = table.rows

    assert ("x: adopted on 15 Jul 2025; new; margin, 30 days", "+¥9.00") == row[:2]
    assert ("+¥5.00 (+¥3.04 to +¥6.96)", "90", "−¥2.00 (−¥2.98 to −¥1.02)", "–") == row[2:6]
    assert ("gone", "bad") == (row[6].text, row[6].tone)
    none = decision_table(told_of(trial_of()), [], context=context_of(), id="X-11")
    assert "No earlier decision" in none.text


def test_the_scorecard_counts_and_the_shrinkage_says_by_how_much(context_of):
    """Of 6, 3 and 0 eight ninths are kept: the two winners' 4.50 become 4.33."""
    a = trial_of(plan_of("a", decision=adopted()), {30: (6.0, 1.0)})
    b, c = (trial_of(plan_of(n), {30: (x, 1.0)}) for n, x in (("b", 3.0), ("c", 0.0)))
    told = told_of(a, b, c)
    cards = memory_scorecard(told, context=context_of()).items
    (row,) = shrinkage_table(told, context=context_of(), id="X-12").rows

    assert ["3", "1", "1", "¥9.0k", "1"] == [card.value for card in cards]
    assert "2 finished without a decision" == cards[1].detail
    assert ("margin", "30", "3", "+¥3.00", "¥2.83", "2", "+¥4.50", "+¥4.33", "4%") == row
    few = shrinkage_table(told_of(a, b), context=context_of(), id="X-12").text
    assert (
        "How far winners shrink is not computed: fewer than 3 tests of this figure over these days."
    ) == few
    assert "No test ran" in memory_scorecard(told_of(), context=context_of()).text


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_every_block_is_made_in_both_languages(context_of, language):
    """No gap of a message is left unfilled."""
    context = context_of(language)
    trial = looked(trial_of(plan_of(decision=adopted())), earlier())
    told = told_of(trial)
    blocks = [
        memory_lines(told, [holdout()], context=context), memory_scorecard(told, context=context),
        decision_table(told, [trial], context=context, id="X-11"),
        shrinkage_table(told, context=context, id="X-12"),
        look_table([trial], context=context, id="X-10"),
    ]  # fmt: skip

    for block in blocks:
        assert "{" not in block.to_text() and len(block.to_text()) > 20
