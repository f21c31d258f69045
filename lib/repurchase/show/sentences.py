"""Results in words: headline, figure cards, certainty, findings.

Nothing is claimed that an interval does not support: a change is named as one only if its 95 %
interval excludes 0 and both of its figures are final.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence

from repurchase.analysis.findings import compared, identification_change, moved, year_ago
from repurchase.analysis.ratios import FEWEST_UNITS
from repurchase.analysis.windows import year_window
from repurchase.calendar import day_counts
from repurchase.context import Context
from repurchase.definitions import METRICS
from repurchase.reasons import worded
from repurchase.records import CompareTo, Confidence, Record, Result
from repurchase.show.blocks import (
    Delta,
    Headline,
    Kpi,
    Kpis,
    ListBlock,
    ListItem,
    Note,
    Text,
    Tone,
)
from repurchase.words import N_, Words

HEADLINE = "returning_buyer_share"
SCORECARD = (
    "returning_buyer_share",
    "repurchase_90d",
    "repeat_revenue_share",
    "retention_rate",
    "identified_order_share",
)
AGAINST = {
    "previous": N_("on the previous period"),
    "year_ago": N_("on a year ago"),
    "year_ago_aligned:spring_festival": N_("on a year ago, aligned on the Spring Festival"),
    "year_ago_aligned:easter": N_("on a year ago, aligned on Easter"),
    "year_ago_aligned:weekdays": N_("on a year ago, same weekdays"),
    "year_ago_aligned:plain": N_("on a year ago"),
    "target": N_("against the target"),
}
CERTAINTY = {
    "high": N_("Certainty: high"),
    "medium": N_("Certainty: medium"),
    "low": N_("Certainty: low"),
}
CERTAIN = {
    "high": N_("certainty high"),
    "medium": N_("certainty medium"),
    "low": N_("certainty low"),
}
# What the year-ago comparison says first; the clauses give all three comparisons.
CLAIM_RISE = N_(
    "Customers come back more: {share} of the buyers of {period} had bought before; {clauses}"
    " ({certainty})."
)
CLAIM_FALL = N_(
    "Customers come back less: {share} of the buyers of {period} had bought before; {clauses}"
    " ({certainty})."
)
CLAIM_LEVEL = N_(
    "Customers come back neither more nor less, as far as can be told: {share} of the buyers of"
    " {period} had bought before; {clauses} ({certainty})."
)
CLAIM_NONE = N_(
    "Whether customers come back more or less cannot be said yet: {share} of the buyers of"
    " {period} had bought before; {clauses} ({certainty})."
)
CLAIM_MIXED = N_(
    "Customers come back neither clearly more nor clearly less: {share} of the buyers of {period}"
    " had bought before; {clauses} ({certainty})."
)
DASH = "–"
WIDE = 0.03
FEW = 400


# ---- small words ------------------------------------------------------------------------------


def against(words: Words, compare_to: str, basis: str = "") -> str:
    """What a change is against, as it stands after a number: "on a year ago"."""
    key = f"{compare_to}:{basis}" if compare_to == "year_ago_aligned" else compare_to
    return words._(AGAINST[key])


def against_side(context: Context, side: str) -> str:
    """The same for a year ago aligned where a moving feast is near, or the previous period."""
    windows = context.windows
    compare_to = "previous" if side == "previous" else year_window(windows)
    return against(context.words, compare_to, windows.basis)


def points(words: Words, change: float | None) -> str:
    """A signed change in percentage points, with a second digit where one would show 0."""
    if change is None:
        return ""
    return words.points(change, _digits(change))


def bare_points(words: Words, change: float) -> str:
    """A change for a column whose caption names percentage points as its unit."""
    return words.plus(change * 100, _digits(change))


def _digits(change: float) -> int:
    return 2 if 0 < abs(change) < 0.0005 else 1


def distance(words: Words, change: float) -> str:
    """A difference in percentage points without its sign."""
    return points(words, abs(change)).lstrip("+")


def share_interval(words: Words, record: Record) -> str:
    return words.interval(words.share(record.low), words.share(record.high))


def share_range(words: Words, record: Record) -> str:
    """The interval of a share for narrow places: 64.7–71.8%."""
    if record.low is None or record.high is None:
        return ""
    return f"{words.number(record.low * 100, 1)}–{words.share(record.high)}"


def change_interval(words: Words, record: Record) -> str:
    """The interval of a change; its unit stands once, at the end."""
    if record.change_low is None or record.change_high is None:
        return ""
    return words.interval(words.plus(record.change_low * 100, 1), points(words, record.change_high))


def base_size(words: Words, record: Record, currency: str) -> str:
    """How large the denominator is: money where the metric divides money, else a count."""
    if record.metric in ("repeat_revenue_share", "identified_revenue_share"):
        return words.money(record.n, currency)
    return words.count(record.n)


def why(words: Words, record: Record) -> str:
    """The record's reason in the reader's language, without a full stop."""
    return worded(words, record.reason or "")


def joined(words: Words, parts: Iterable[str]) -> str:
    """Clauses one after the other."""
    found = ""
    for part in filter(None, parts):
        found = words._("{first}; {then}", first=found, then=part) if found else part
    return found


def paragraph(words: Words, sentences: Iterable[str]) -> str:
    """Sentences one after the other; Chinese puts no space between them."""
    return ("" if words.language.startswith("zh") else " ").join(filter(None, sentences))


def change_clause(words: Words, record: Record, basis: str) -> str:
    """One comparison in words: what is detectable with its size, else that nothing is."""
    label = against(words, record.compare_to, basis)
    if not moved(record):
        return words._("no detectable change {against}", against=label)
    return words._("{change} {against}", change=points(words, record.change), against=label)


def target_clause(words: Words, record: Record) -> str:
    if record.value is None or record.change is None:
        return ""
    target = words.share(record.value - record.change)
    if not moved(record):
        return words._("no detectable distance from the target of {target}", target=target)
    gap = distance(words, record.change)
    if record.change > 0:
        return words._("{gap} above the target of {target}", gap=gap, target=target)
    return words._("{gap} below the target of {target}", gap=gap, target=target)


def tone_of(record: Record | None) -> Tone:
    """Good or bad if the change is detectable and the metric has a direction."""
    if record is None:
        return "neutral"
    if record.status == "provisional":
        return "unsure"
    way = moved(record) * {"up": 1, "down": -1, "none": 0}[METRICS[record.metric].direction]
    return "good" if way > 0 else "bad" if way < 0 else "neutral"


def season_tone(result: Result, record: Record | None, *, unsettled: bool = False) -> Tone:
    """Like `tone_of`, for a change that stands without its sentence.

    Unsure while identification moved beyond its limit. A change on the previous period stays
    neutral if it may be the season: near the Spring Festival, and where the final change on a
    year ago does not go the same way. `result` holds the other comparisons of the figure.
    """
    tone = tone_of(record)
    if record is None or tone not in ("good", "bad"):
        return tone
    if unsettled:
        return "unsure"
    if record.compare_to == "previous" and _may_be_season(result, record):
        return "neutral"
    return tone


def _may_be_season(result: Result, record: Record) -> bool:
    basis = result.context.windows.basis
    if basis == "spring_festival":
        return True
    past = year_ago(result, record.metric, basis)
    return past is not None and past.status == "final" and moved(past) != moved(record)


def is_unsettled(context: Context, identification: Result) -> bool:
    """Whether the identified share of orders moved beyond the profile's limit."""
    limit = context.params.profile.identification_limit
    return identification_change(identification, limit=limit) is not None


def _together(tones: Iterable[Tone]) -> Tone:
    """Good if all that say something say good, bad likewise; else neutral."""
    said: set[Tone] = {tone for tone in tones if tone in ("good", "bad")}
    return said.pop() if len(said) == 1 else "neutral"


# ---- the headline -----------------------------------------------------------------------------


def headline(figures: Result, identification: Result, held: Result) -> Headline:
    """Whether customers come back more or less, than when, and how sure that is, in a sentence.

    Compared are the year-ago period (feast-aligned near a moving feast), the previous one and
    the target, in that order; what cannot be compared is said. A year ago decides: a change on the
    previous period alone may be the season. If the identified share of orders moved beyond the
    profile's limit, the sentence says that the change may be identification, and gives the figure
    of the stores and channels whose identification held.
    """
    context: Context = figures.context
    words = context.words
    record = figures.one(HEADLINE)
    period = words.period(context.period)
    if record.value is None:
        text = words._(
            "How many of the buyers of {period} came back cannot be said: {reason}.",
            period=period,
            reason=why(words, record),
        )
        return Headline(text, "unsure")
    detail = _detail(context, figures, identification, record)
    limit = context.params.profile.identification_limit
    unsettled = identification_change(identification, limit=limit)
    if unsettled and not context.windows.partial:
        return Headline(_unsettled(context, figures, unsettled, held), "unsure", detail)
    if record.status != "final":
        text = words._(
            "Returning buyers were {share} of all buyers in {period}; no comparison is fair yet"
            " ({reason}).",
            share=words.share(record.value),
            period=period,
            reason=why(words, record),
        )
        return Headline(text, "unsure", detail)
    return _claim(context, figures, identification, record, detail)


def _claim(
    context: Context, figures: Result, identification: Result, record: Record, detail: str
) -> Headline:
    words, basis = context.words, context.windows.basis
    past = year_ago(figures, HEADLINE, basis)
    candidates = (past, compared(figures, HEADLINE, "previous"))
    changes = [r for r in candidates if r and r.status == "final"]
    target = compared(figures, HEADLINE, "target")
    clauses = [_no_year(words, figures)] if past not in changes else []
    clauses += _changes(context, figures, changes)
    if not any(r.compare_to == "previous" for r in changes):
        clauses.append(words._("the previous period cannot be compared"))
    clauses.append(target_clause(words, target) if target else words._("no target is set"))
    level, _ = _certainty(figures, identification)
    values = {
        "share": words.share(record.value),
        "period": words.period(context.period),
        "clauses": joined(words, clauses),
        "certainty": words._(CERTAIN[level]),
    }
    plain, in_season = (
        _together(tone(r) for r in (*changes, target))
        for tone in (tone_of, lambda r: season_tone(figures, r))
    )
    text = words._(_verdict(changes, basis), **values)
    return Headline(text, plain if plain == in_season else "neutral", detail)


def _verdict(changes: Sequence[Record], basis: str) -> str:
    """The claim that the changes support, a year ago first; the festival moves both months."""
    if not changes:
        return CLAIM_NONE
    ways = {moved(r) for r in changes} - {0}
    first = moved(changes[0])
    if basis == "spring_festival" and changes[0].compare_to == "previous":
        first = 0
    if first and len(ways) > 1:
        return CLAIM_MIXED
    return {1: CLAIM_RISE, -1: CLAIM_FALL, 0: CLAIM_LEVEL}[first]


def _no_year(words: Words, figures: Result) -> str:
    """Why there is no fair comparison with a year ago."""
    reason = next(
        (
            why(words, r)
            for r in figures.records
            if (r.metric, r.compare_to, r.dimensions) == (HEADLINE, "year_ago", "") and r.reason
        ),
        "",
    )
    if not reason:
        return words._("a year ago cannot be compared")
    return words._("a year ago cannot be compared ({reason})", reason=reason)


def _changes(context: Context, figures: Result, changes: Sequence[Record]) -> list[str]:
    """One clause a comparison; one for both where neither shows a change."""
    words, basis = context.words, context.windows.basis
    if len(changes) == 2 and not any(map(moved, changes)):
        one, two = (against(words, r.compare_to, basis) for r in changes)
        return [words._("no detectable change {against}, nor {other}", against=one, other=two)]
    found = []
    for record in changes:
        clause = change_clause(words, record, basis)
        if moved(record) and record.compare_to == "previous" and _may_be_season(figures, record):
            clause = words._("{clause}, which may be the season", clause=clause)
        found.append(clause)
    return found


def _unsettled(context: Context, figures: Result, moved_by: Record, held: Result) -> str:
    words, basis = context.words, context.windows.basis
    record = figures.one(HEADLINE)
    plain = compared(figures, HEADLINE, moved_by.compare_to)
    fixed = next((r for r in held.records if r.compare_to == moved_by.compare_to), None)
    label = against(words, moved_by.compare_to, basis)
    values = {
        "share": words.share(record.value),
        "period": words.period(context.period),
        "identified": points(words, moved_by.change),
        "against": label,
    }
    if plain and fixed and fixed.change is not None:
        return words._(
            "Returning buyers were {share} of all buyers in {period} ({clause}), but this may be"
            " identification, not behaviour: the share of orders with a known customer moved by"
            " {identified} {against}. In the stores and channels whose identification held it is"
            " {held} ({held_clause}).",
            share=values["share"],
            period=values["period"],
            clause=change_clause(words, plain, basis),
            identified=values["identified"],
            against=label,
            held=words.share(fixed.value),
            held_clause=change_clause(words, fixed, basis),
        )
    return words._(
        "Returning buyers were {share} of all buyers in {period}, but the share of orders with a"
        " known customer moved by {identified} {against}: any change may be identification, not"
        " behaviour.",
        **values,
    )


def _detail(context: Context, figures: Result, identification: Result, record: Record) -> str:
    words, basis = context.words, context.windows.basis
    parts = [
        words._(
            "{share}, 95% interval {interval}, {n} buyers",
            share=words.share(record.value),
            interval=share_interval(words, record),
            n=words.count(record.n),
        )
    ]
    candidates = (year_ago(figures, HEADLINE, basis), compared(figures, HEADLINE, "previous"))
    for change in candidates:
        if change is not None and change.status == "final":
            parts.append(
                words._(
                    "{change} {against} (95% interval {interval})",
                    change=points(words, change.change),
                    against=against(words, change.compare_to, basis),
                    interval=change_interval(words, change),
                )
            )
    unsettled = is_unsettled(context, identification)
    target = compared(figures, HEADLINE, "target")
    if unsettled and record.status == "final":  # otherwise the sentence says it
        parts.append(target_clause(words, target) if target else words._("no target is set"))
    if record.status != "final" or unsettled:
        level, _ = _certainty(figures, identification)
        parts.append(words._(CERTAIN[level]))  # otherwise the sentence says it
    return joined(words, parts)


# ---- figure cards -----------------------------------------------------------------------------


def scorecard(figures: Result, identification: Result) -> Kpis:
    """Five figures as cards: value, interval and n, and each comparison in percentage points."""
    both = Result(None, (*figures.records, *identification.records), context=figures.context)
    unsettled = is_unsettled(figures.context, identification)
    return Kpis(tuple(_card(both, name, unsettled) for name in SCORECARD))


def _card(result: Result, name: str, unsettled: bool) -> Kpi:
    context: Context = result.context
    words = context.words
    label = words._(METRICS[name].name)
    found = [r for r in result.records if r.metric == name and not r.dimensions]
    base = next((r for r in found if r.compare_to == "none"), None)
    if base is None or base.value is None:
        return _blank_card(words, label, base)
    wanted: list[CompareTo] = ["previous", "year_ago"]
    if context.windows.basis in ("spring_festival", "easter"):
        wanted.append("year_ago_aligned")
    wanted.append("target")
    records = [r for w in wanted if (r := compared(result, name, w))]
    tones = [season_tone(result, r, unsettled=unsettled) for r in records]
    doubted = base.status == "provisional" or (unsettled and "unsure" in tones)
    return Kpi(
        label=label,
        value=words.share(base.value),
        detail=words._(
            "{interval}, n={n}",
            interval=share_range(words, base),
            n=base_size(words, base, context.currency),
        ),
        deltas=tuple(
            _delta(words, r, context.windows.basis, tone)
            for r, tone in zip(records, tones, strict=True)
        ),
        tone="unsure" if doubted else _together(tones),
        note=why(words, base) or None,
    )


def _blank_card(words: Words, label: str, base: Record | None) -> Kpi:
    if base is not None and base.status == "immature" and base.readable_from:
        day = words.day(dt.date.fromisoformat(base.readable_from))
        return Kpi(label, "", words._("can be read from {day}", day=day))
    reason = why(words, base) if base is not None else ""
    return Kpi(label, DASH, words._("not computed"), note=reason or None, tone="unsure")


def _delta(words: Words, record: Record, basis: str, tone: Tone) -> Delta:
    label = against(words, record.compare_to, basis)
    if record.compare_to == "target" and record.value is not None and record.change is not None:
        label = words._(
            "against the target of {target}", target=words.share(record.value - record.change)
        )
    text = points(words, record.change)
    if not moved(record) and record.status == "final":
        text = words._("{change}, not detectable", change=text)
    return Delta(label, text, tone)


# ---- how sure ---------------------------------------------------------------------------------


def _certainty(figures: Result, identification: Result) -> tuple[Confidence, list[str]]:
    """How far the headline figure may be leaned on, and what stands against it.

    Low: it is not computed or its history is short, there are fewer than 30 buyers, or
    identification moved beyond the limit.
    Medium: fewer than 400 buyers, or an interval of more than three points to either side, or
    no year-ago figure. Else high.
    """
    context: Context = figures.context
    words, record = context.words, figures.one(HEADLINE)
    limit = context.params.profile.identification_limit
    unsettled = identification_change(identification, limit=limit)
    grave, light = [], []
    if record.status != "final":
        grave.append(why(words, record))
    if unsettled:
        grave.append(
            words._(
                "the share of orders with a known customer moved by {change}, more than the limit"
                " of {limit}",
                change=points(words, unsettled.change),
                limit=distance(words, limit),
            )
        )
    if record.value is not None:
        light = _light_doubts(context, figures, record)
    tiny = record.value is not None and (record.n or 0) < FEWEST_UNITS
    level: Confidence = "low" if grave or tiny else "medium" if light else "high"
    return level, grave + light


def _light_doubts(context: Context, figures: Result, record: Record) -> list[str]:
    words, found = context.words, []
    if (record.n or 0) < FEW:
        found.append(words._("only {n} buyers", n=words.count(record.n)))
    if record.low is not None and record.high is not None:
        half = (record.high - record.low) / 2
        if half > WIDE:
            found.append(
                words._("the interval reaches {half} to either side", half=distance(words, half))
            )
    past = year_ago(figures, HEADLINE, context.windows.basis)
    if past is None or past.status != "final":
        found.append(
            words._("there is no sound year-ago figure, so the season cannot be told apart")
        )
    return found


def certainty(figures: Result, identification: Result) -> Note | Text:
    """How sure the chapter's answer is: high, medium or low, with what stands against it.

    A line where nothing does, a note otherwise.
    """
    context: Context = figures.context
    words = context.words
    level, doubts = _certainty(figures, identification)
    known = identification.one("identified_order_share")
    parts = []
    if doubts:
        parts.append(words._("Against it: {doubts}.", doubts=joined(words, doubts)))
    if known.value is not None:
        parts.append(
            words._(
                "{share} of the orders have a known customer; the others cannot be followed.",
                share=words.share(known.value),
            )
        )
    if not doubts:
        sure = words._("{certainty}.", certainty=words._(CERTAINTY[level]))
        return Text(paragraph(words, [sure, *parts]), style="small")
    tone: Tone = "unsure" if level == "low" else "neutral"
    return Note(paragraph(words, parts), tone, words._(CERTAINTY[level]))


# ---- what moved with it -----------------------------------------------------------------------


def causes(figures: Result, identification: Result, held: Result) -> ListBlock:
    """What moved beside the headline and what did not: identification, repurchase, revenue, days.

    None of it proves a cause; it says where to look and what can be ruled out.
    """
    context: Context = figures.context
    found = [_identification_item(context, figures, identification, held)]
    unsettled = is_unsettled(context, identification)
    for name in ("repurchase_90d", "retention_rate", "repeat_revenue_share"):
        item = _moved_item(context, figures, name, unsettled)
        if item:
            found.append(item)
    days = _days_item(context)
    return ListBlock((*found, days) if days else tuple(found), ordered=False)


def _identification_item(
    context: Context, figures: Result, identification: Result, held: Result
) -> ListItem:
    words = context.words
    record = identification.one("identified_order_share")
    if record.value is None:
        text = words._("How many orders have a known customer cannot be said")
        return ListItem(text, why(words, record), tone="unsure")
    share = words.share(record.value)
    limit = context.params.profile.identification_limit
    change = compared(identification, "identified_order_share", "previous")
    beyond = identification_change(identification, limit=limit)
    if beyond is None:
        if change is None:
            return ListItem(words._("{share} of the orders have a known customer", share=share))
        title = words._(
            "Identification stayed within its limit: {share} of the orders have a known customer,"
            " {change} {against}",
            share=share,
            change=points(words, change.change),
            against=against(words, "previous"),
        )
        return ListItem(title)
    title = words._(
        "Identification moved beyond its limit and may explain it: {share} of the orders have a"
        " known customer, {change} {against}",
        share=share,
        change=points(words, beyond.change),
        against=against(words, beyond.compare_to, context.windows.basis),
    )
    fixed = next((r for r in held.records if r.value is not None), None)
    plain = figures.one(HEADLINE)
    if fixed is None or plain.value is None:
        return ListItem(title, tone="unsure")
    text = words._(
        "In the stores and channels whose identification held the returning-buyer share is"
        " {held}, in all of them {share}.",
        held=words.share(fixed.value),
        share=words.share(plain.value),
    )
    return ListItem(title, text, tone="unsure")


def _moved_item(context: Context, figures: Result, name: str, unsettled: bool) -> ListItem | None:
    """A companion figure and its movement; None if it is not computed."""
    words, basis = context.words, context.windows.basis
    base = figures.one(name)
    if base.value is None:
        return None
    candidates = (year_ago(figures, name, basis), compared(figures, name, "previous"))
    sound = [r for r in candidates if r and r.status == "final"]
    values = {"figure": words._(METRICS[name].name), "share": words.share(base.value)}
    if not sound:
        return ListItem(words._("{figure}: {share}, nothing sound to compare it with", **values))
    record = next((r for r in sound if moved(r)), sound[0])
    title = words._(
        "{figure}: {share}, {clause}", **values, clause=change_clause(words, record, basis)
    )
    return ListItem(title, tone=season_tone(figures, record, unsettled=unsettled))


def _days_item(context: Context) -> ListItem | None:
    """How the period's days differ from those of the year-ago window; None if they do not."""
    words, windows, profile = context.words, context.windows, context.params.profile
    promotions = {p.name: (p.day, p.days) for p in profile.promotions}
    now, then = (
        day_counts(windows.days[w], country=profile.country, promotions=promotions)
        for w in ("none", "year_ago")
    )
    parts = [
        words._("{now} weekend days (then {then})", now=now.weekend_days, then=then.weekend_days)
        if now.weekend_days != then.weekend_days
        else "",
        words._("{now} public days (then {then})", now=now.public_days, then=then.public_days)
        if now.public_days != then.public_days
        else "",
        words._(
            "{now} promotion days (then {then})", now=now.promotion_days, then=then.promotion_days
        )
        if now.promotion_days != then.promotion_days
        else "",
        _feast_part(words, now.spring_festival, then.spring_festival),
    ]
    if not any(parts):
        return None
    title = words._("The days differ from those a year ago: {parts}", parts=joined(words, parts))
    return ListItem(title)


def _feast_part(words: Words, now: dt.date | None, then: dt.date | None) -> str:
    if now and not then:
        return words._("the Spring Festival lies in it now")
    if then and not now:
        return words._("the Spring Festival lay in it then")
    return ""
