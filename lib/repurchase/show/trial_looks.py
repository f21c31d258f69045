"""How often a test was looked at, in words: on its own page, and all tests side by side."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from repurchase.analysis.trial_looks import ArmLooks
from repurchase.analysis.trials import Trial
from repurchase.context import Context
from repurchase.period import Period
from repurchase.show.blocks import Cell, Column, Note, Several, Table, Text
from repurchase.show.sentences import DASH, paragraph
from repurchase.words import Words

Amount = Callable[[Trial, str, float | None, Context], str]


def looks_text(trial: Trial, context: Context) -> str:
    """How many looks there were, and whether they count; empty where nothing was seen yet."""
    words, told = context.words, trial.looks
    if told is None or not told.count:
        return ""
    first = words.period(Period.parse(told.first))
    sentences = [
        words._("This is the first look at the test that counts.")
        if told.count == 1
        else words._(
            "Looked at {count} times in signed reviews and this one, first in {month}; {early} of"
            " the looks came before the plan was fulfilled.",
            count=words.count(told.count), month=first, early=words.count(told.early),
        ),
        "" if told.new else words._("A signed review of this period has seen the same data."),
    ]  # fmt: skip
    if any(arm.apart for arm in told.arms):
        sentences.append(
            words._(
                "The looks contradict each other: the effect was not the same at all of them, so"
                " they are not read together."
            )
        )
    return paragraph(words, sentences)


def look_table(trials: Sequence[Trial], *, context: Context, id: str) -> Table | Several | Text:
    """A row a test and arm: looks so far, the p-value of all of them, and what they leave."""
    # the words of a difference; that module says on each page what this one gives
    from repurchase.show.trials import amount, question

    words = context.words
    rows = tuple(
        _row(trial, arm, question(trial, context), amount, context)
        for trial in trials
        if trial.looks is not None
        for arm in trial.looks.arms
    )
    if not rows:
        return Text("")
    columns = (
        Column(words._("Test")),
        Column(words._("Arm")),
        Column(words._("Looks"), "right"),
        Column(words._("before the plan was fulfilled"), "right"),
        Column(words._("First look"), "right"),
        Column(words._("p-value, all looks"), "right"),
        Column(words._("Difference, this look"), "right"),
        Column(words._("Left by all looks"), "right"),
    )
    caption = words._(
        "A look is a reading in a signed review, or this one; the same data count once a period."
        " The p-value is valid however often one looks. Left by all looks: what no look has left"
        " out, while the plan is not fulfilled; after that the interval of this look counts."
    )
    title = words._("How often each test was looked at")
    table = Table(columns, rows, id=id, title=title, caption=caption, size="small")
    unread = context.params.looks.unread
    if not unread:
        return table
    note = words._(
        "These signed packs cannot be read, so looks may be missing: {packs}.",
        packs=words.listed(list(unread)),
    )  # fmt: skip
    return Several((table, Note(note, "bad")))


def _row(
    trial: Trial, arm: ArmLooks, name: str, amount: Amount, context: Context
) -> tuple[str | Cell, ...]:
    words, told, own = context.words, trial.looks, arm.looks[-1]
    assert told is not None
    left = DASH
    if arm.left is not None:
        left = words.interval(*(amount(trial, own.metric, x, context) for x in arm.left[1:]))
    elif arm.apart:
        left = words._("nothing: they contradict")
    return (
        name,
        own.arm,
        words.count(told.count),
        words.count(told.early),
        words.period(Period.parse(told.first)),
        p_text(words, arm.p),
        amount(trial, own.metric, own.value, context),
        Cell(left, tone="unsure" if arm.apart else None),
    )


def p_text(words: Words, p: float) -> str:
    """A p-value with four digits, small ones as below them."""
    if math.isnan(p):
        return DASH
    return f"< {words.number(0.0001, 4)}" if p < 0.0001 else words.number(p, 4)
