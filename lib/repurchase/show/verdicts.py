"""The seven checks as one table, and the causes they and the funnel's leaks make."""

from __future__ import annotations

from collections.abc import Sequence

from repurchase.analysis.causes import finding_of
from repurchase.analysis.verdicts import CHECKS, Answer, Check, Verdict
from repurchase.context import Context
from repurchase.reasons import worded
from repurchase.records import Finding, Result
from repurchase.show.blocks import Cell, Column, Headline, ListBlock, ListItem, Table, Text, Tone
from repurchase.show.sentences import joined
from repurchase.show.summary import CONFIDENCE, claim_text
from repurchase.words import N_

CHECK_NAMES: dict[Check, str] = {
    "reach": N_("Reach"),
    "tiers": N_("Segmentation"),
    "cadence": N_("Cadence"),
    "content": N_("Content"),
    "delay": N_("Data delay"),
    "path": N_("Path"),
    "use": N_("Use of the system"),
}
ANSWER_NAMES: dict[Answer, str] = {
    "ok": N_("ok"),
    "watch": N_("watch"),
    "act": N_("act"),
    "not_computable": N_("not computable"),
}
MOST_STEPS = 3
TONES: dict[Answer, Tone] = {
    "ok": "good", "watch": "unsure", "act": "bad", "not_computable": "neutral"
}  # fmt: skip


def verdicts(found: Sequence[Verdict], *, context: Context, id: str) -> Table:
    """One row a check, in their order: its verdict, what was found or why it cannot be told."""
    words = context.words
    by_check = {v.check: v for v in found}
    rows = []
    for number, check in enumerate(CHECKS):
        verdict = by_check[check]
        muted = verdict.answer == "not_computable"
        said = (
            worded(words, verdict.reason or "")
            if muted
            else claim_text(words, finding_of(verdict), currency=context.currency)
        )
        answer = words._(ANSWER_NAMES[verdict.answer])
        tone = None if muted else TONES[verdict.answer]
        name = f"{number} {words._(CHECK_NAMES[check])}"
        rows.append(
            (
                Cell(name, muted=muted),
                Cell(answer, tone=tone, bold=verdict.answer == "act", muted=muted),
                Cell(said, muted=muted),
            )
        )
    columns = (
        Column(words._("Check")),
        Column(words._("Verdict")),
        Column(words._("What was found"), "left", "fr"),
    )
    title = words._("Seven checks: is it the reach, the tool, the data or the people?")
    return Table(columns, tuple(rows), id=id, title=title, size="small")


def funnel_headline(
    found: Sequence[Finding], told: Sequence[Verdict], leaks: Result, *, context: Context
) -> Headline:
    """The first cause in a sentence, or that none was found; below it what is at stake.

    `found` is what `funnel_diagnosis.findings` gives, `told` the verdicts, `leaks` the result of
    that name: where no place of a funnel could be judged, nothing is said of leaks.
    """
    words = context.words
    bad = [f for f in found if f.tone == "bad"]
    if bad:
        text = claim_text(words, bad[0], currency=context.currency)
        return Headline(text, "bad", _stake(bad, context))
    silent = all(v.answer == "not_computable" for v in told)
    watched = sum(v.answer == "watch" for v in told)
    period = words.period(context.period)
    judged = any(r.metric == "leak_places" and (r.value or 0) > 0 for r in leaks.records)
    if not judged:
        text = words._(
            "Whether a step of the funnel leaks in {period} cannot be told", period=period
        )
        detail = None if silent else words._("no check calls for action")
        return Headline(text, "neutral", detail)
    if silent:
        text = words._(
            "In {period} no step of the funnel leaks beyond chance; no check of outreach can be"
            " computed from these data",
            period=period,
        )
        return Headline(text, "neutral")
    text = words._(
        "In {period} no step of the funnel leaks beyond chance and no check calls for action",
        period=period,
    )
    detail = None
    if watched:
        detail = words._("to be watched: {count} of seven checks", count=words.count(watched))
    return Headline(text, "good", detail)


def _stake(bad: Sequence[Finding], context: Context) -> str:
    """What the first cause costs a month, and how many more there are."""
    words, first = context.words, bad[0]
    parts = [words._(CONFIDENCE[first.confidence])]
    if first.money is not None and first.money_low is not None and first.money_high is not None:
        ends = (words.money(m, context.currency) for m in (first.money_low, first.money_high))
        parts.insert(
            0,
            words._(
                "about {money} a month at stake (95% interval {interval})",
                money=words.money(first.money, context.currency),
                interval=words.interval(*ends),
            ),
        )
    if len(bad) > 1:
        parts.append(words._("{count} more to act on below", count=words.count(len(bad) - 1)))
    return joined(words, parts)


def first_steps(found: Sequence[Finding], *, context: Context) -> ListBlock | Text:
    """What to do first: the next step of each cause that calls for action, in their order.

    Causes with the same next step make one item, which names the exhibits of all.
    """
    words = context.words
    steps: dict[str, list[str]] = {}
    for finding in found:
        if finding.tone == "bad" and finding.suggested_action:
            places = steps.setdefault(finding.suggested_action, [])
            if finding.exhibit and finding.exhibit not in places:
                places.append(finding.exhibit)
    items = [
        ListItem(
            words._(action),
            meta=words._("see {exhibit}", exhibit=words.listed(places)) if places else None,
        )
        for action, places in list(steps.items())[:MOST_STEPS]
    ]
    return ListBlock(tuple(items)) if items else Text("")
