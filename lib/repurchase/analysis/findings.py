"""What the retention chapter has to say, as messages that rest on records.

A finding is made only if its interval supports it. Its claim is a message with named gaps; the
values are raw numbers and labels, and the end of a gap's name says what it is (`show.sentences`
formats them): `..._share`, `..._points` (signed), `..._distance` (points, unsigned), `..._count`,
`..._money`, `..._period`, `..._metric`, `..._label` (a comparison), `..._cut`, `..._place`
(`cut=label`), `..._kind` (margin or revenue).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import pandas as pd

from repurchase.analysis.mix import cause
from repurchase.analysis.windows import COMPARISONS, MOVING_FEASTS, year_window
from repurchase.definitions import METRICS
from repurchase.period import Period, add_months
from repurchase.reasons import NOBODY
from repurchase.records import (
    CompareTo,
    Confidence,
    Finding,
    Record,
    Result,
    dimensions,
    parse_dimensions,
)
from repurchase.stats.multiplicity import benjamini_hochberg, p_of_interval
from repurchase.stats.proportion import Estimate, change_of, wilson
from repurchase.words import N_

if TYPE_CHECKING:
    from repurchase.context import Context

CLAIMS = {
    "rose": N_(
        "{about_metric} rose to {value_share} in {in_period}: {change_points} {against_label}"
    ),
    "fell": N_(
        "{about_metric} fell to {value_share} in {in_period}: {change_points} {against_label}"
    ),
    "season": N_(
        "{about_metric} is {value_share} in {in_period}: {change_points} {against_label}, but no"
        " detectable change on a year ago; it may be the season"
    ),
    "above": N_(
        "{about_metric} is {value_share}, {gap_distance} above the target of {target_share}"
    ),
    "below": N_(
        "{about_metric} is {value_share}, {gap_distance} below the target of {target_share}"
    ),
    "identification": N_(
        "The share of orders with a known customer moved by {change_points} {against_label}, more"
        " than the limit of {limit_distance}: repurchase figures may have moved with it though"
        " nobody behaves otherwise"
    ),
    "held": N_(
        "The share of orders with a known customer moved by {change_points} {against_label}, more"
        " than the limit of {limit_distance}; in the stores and channels whose identification held"
        " the returning-buyer share is {held_share}, in all of them {value_share}"
    ),
    "newest_weaker": N_(
        "The newest customers come back less: {value_share} of those who joined from {first_period}"
        " to {last_period} ordered again in the month after, {change_points} against those who"
        " joined in the same months a year earlier"
    ),
    "newest_stronger": N_(
        "The newest customers come back more: {value_share} of those who joined from {first_period}"
        " to {last_period} ordered again in the month after, {change_points} against those who"
        " joined in the same months a year earlier"
    ),
    "festival": N_(
        "{about_metric} is {value_share} in {in_period}: {change_points} {against_label}; the"
        " Spring Festival moves both, so it is not called a change"
    ),
    "empty": N_("No order of a known customer lies in {in_period}: is a file missing?"),
    "uncompared": N_("Nothing could be compared in {in_period}; its figures stand alone"),
    "early": N_(
        "The data are too short to compare {in_period} fairly; its figures stand without comparison"
    ),
    "target_short": N_(
        "Today's customers should bring {value_money} up to {last_day}, {gap_money} less than the"
        " target asks for"
    ),
    "target_made": N_(
        "Today's customers should bring {value_money} up to {last_day}, {gap_money} more than the"
        " target asks for"
    ),
    "target_open": N_(
        "Today's customers should bring {value_money} up to {last_day}; whether that reaches the"
        " {target_money} that the target asks for cannot be told"
    ),
    "nothing": N_("No repurchase figure changed detectably in {in_period}"),
    "cause": N_(
        "{where_place} gave {part_points} of the change of the returning-buyer share"
        " {against_label} ({then_share} then, {value_share} now); all else together gave"
        " {rest_points}"
    ),
    "disagreement": N_(
        "By {by_cut} the total misleads: the returning-buyer share moved by {change_points}"
        " {against_label}, the shares within by {rate_points}"
    ),
    "lapsed": N_(
        "{lapsed_count} customers lapsed in {in_period}; in the year up to their last order they"
        " brought {worth_money} of {money_kind}"
    ),
    "bridge": N_(
        "The {money_kind} of known customers was {then_money} in {then_period} and {now_money} in"
        " {in_period}: new customers {new_money}, back after a pause {back_money}, not bought again"
        " {gone_money}, bought both times {retained_money}"
    ),
}

ACTIONS = {
    "fell": N_("Before acting, find where it fell: by store, by channel, by joining month."),
    "season": N_("Nothing to do: the comparison with a year ago counts."),
    "rose": N_("Find out what was done differently, and see whether it lasts another period."),
    "below": N_("Decide which is to change: the target, or what is done to reach it."),
    "identification": N_(
        "Ask the stores and channels beyond the limit how customers are identified there now."
    ),
    "newest_weaker": N_(
        "Look at how new customers were won and what they met in their first month."
    ),
    "cause_bad": N_(
        "Start there: ask what has changed since, before changing anything for all customers."
    ),
    "cause_good": N_("Find out what was done there, and whether it can be done elsewhere."),
    "disagreement": N_("Read the parts, not the total, before deciding."),
    "lapsed": N_("Look at the largest of them first, by name."),
    "target_short": N_(
        "Decide now what is to change: the target, or what is done to reach it; the lists for sales"
        " name who is due."
    ),
    "empty": N_("Look at the data page before reading anything else."),
    "early": N_("Load an earlier export of the orders, if there is one."),
}

WATCHED = ("returning_buyer_share", "repurchase_90d", "repeat_revenue_share")
HEADLINE, NEWEST_CLAIM = "returning_buyer_share", "newest"
FALSE_DISCOVERIES = 0.05
NEWEST, YEAR = 3, 12
FEW = 400


def moved(record: Record | None) -> Literal[-1, 0, 1]:
    """Which way a figure moved; 0 unless it is final and the change's interval excludes 0."""
    if record is None or record.status != "final":
        return 0
    if record.change_low is None or record.change_high is None:
        return 0
    return 1 if record.change_low > 0 else -1 if record.change_high < 0 else 0


def compared(result: Result, metric: str, compare_to: CompareTo) -> Record | None:
    """The record of a comparison, or None if there is none or it was not computed."""
    found = [
        r
        for r in result.records
        if (r.metric, r.compare_to, r.dimensions) == (metric, compare_to, "")
    ]
    return found[0] if found and found[0].change is not None else None


def year_ago(result: Result, metric: str, basis: str) -> Record | None:
    """The change on a year ago; near a moving feast that of its two readings that shows less.

    On the same dates the feast has moved, aligned on the feast the season has: what only one of
    them shows is no behaviour. The aligned one if both show the same; if they show opposite
    changes, its interval spans both, and so says that there is none to be sure of.
    """
    names: tuple[CompareTo, ...] = ("year_ago",)
    if basis in MOVING_FEASTS:
        names = ("year_ago_aligned", "year_ago")
    readings = [r for name in names if (r := compared(result, metric, name))]
    readings = [r for r in readings if r.status == "final"] or readings
    calm = [r for r in readings if not moved(r)]
    if calm or not readings:
        return calm[0] if calm else None
    if len({moved(r) for r in readings}) == 1:
        return readings[0]
    lows, highs = ([getattr(r, f"change_{end}") for r in readings] for end in ("low", "high"))
    return replace(readings[0], change_low=min(lows), change_high=max(highs))


def identification_change(identification: Result, *, limit: float) -> Record | None:
    """The largest change of the identified share of orders on any window, if beyond `limit`.

    A figure that is compared with a window from which identification moved is unsettled, also
    when identification has not moved since last month.
    """
    found = (compared(identification, "identified_order_share", name) for name in COMPARISONS)
    beyond = [r for r in found if r and r.change is not None and abs(r.change) > limit]
    return max(beyond, key=lambda r: abs(r.change or 0.0), default=None)


def record_key(record: Record) -> str:
    """How a finding names a record it rests on."""
    return "|".join((record.metric, record.dimensions, record.compare_to))


@dataclass(frozen=True)
class _Desk:
    """What every finding of the chapter is written with."""

    context: Context
    figures: Result
    unsettled: Record | None
    exhibits: Mapping[str, str]

    @property
    def period(self) -> str:
        return self.context.period.label

    @property
    def basis(self) -> str:
        return self.context.windows.basis

    def confidence(self, record: Record) -> Confidence:
        """High unless something stands against it.

        Low: identification moved beyond its limit. Medium: fewer than 400 customers, or the
        comparison is with the previous period, in which the season has its part.
        """
        if self.unsettled is not None:
            return "low"
        few = METRICS[record.metric].unit == "share" and (record.n or 0) < FEW
        return "medium" if few or record.compare_to == "previous" else "high"

    def label(self, record: Record) -> str:
        aligned = record.compare_to == "year_ago_aligned"
        return f"{record.compare_to}:{self.basis}" if aligned else record.compare_to


def retention_findings(
    figures: Result,
    identification: Result,
    held: Result,
    cohorts: Result,
    *,
    returning_revenue_mean: float | None = None,
    exhibits: Mapping[str, str] | None = None,
    mix: Result | None = None,
    lost: Result | None = None,
    bridge: Result | None = None,
    outlook: Result | None = None,
) -> tuple[Finding, ...]:
    """The chapter's messages, identification first if it moved; never none.

    `figures` carries the context. `returning_revenue_mean` is the mean net revenue of the
    period's returning buyers; with it the change of their share is valued in money: the buyers
    more or fewer than at the old share, times that mean. It is what such buyers spend, not the
    net effect on the company. `exhibits` names the exhibit of a metric. `mix`, `lost`,
    `bridge` and `outlook`: the results of those names, for who caused it, what was lost, and
    whether a target to come is within reach.
    """
    context: Context = figures.context
    limit = context.params.profile.identification_limit
    unsettled = identification_change(identification, limit=limit)
    desk = _Desk(context, figures, unsettled, exhibits or {})
    stands = _standing(desk, cohorts)
    found = [
        finding
        for metric in WATCHED
        for finding in (
            _movement(desk, metric, returning_revenue_mean, stands),
            _target(desk, metric),
        )
        if finding
    ]
    if unsettled:
        found.insert(0, _identification(desk, unsettled, held, limit))
    newest = _newest(desk, cohorts) if NEWEST_CLAIM in stands else None
    if newest:
        found.append(newest)
    early = figures.one("returning_buyer_share").status != "final"
    if early or not found:
        found.append(_quiet(desk))
    if mix is not None:
        found += [*_cause(desk, mix, returning_revenue_mean), *_disagreement(desk, mix)]
    if lost is not None:
        found += _lapsed(desk, lost)
    if bridge is not None:
        found += _bridge(desk, bridge)
    if outlook is not None:
        found += _outlook(desk, outlook)
    return tuple(found)


def _standing(desk: _Desk, cohorts: Result) -> frozenset[str]:
    """The headline's metric, and of the other changes those that stand among all that are asked.

    Several figures are watched; each alone would look changed in one month of twenty though
    nothing has. The headline is the one question asked first and keeps its own 5 %; any other
    change is claimed only below 5 % among all of them (Benjamini-Hochberg).
    """
    family = {}
    for metric in WATCHED:
        records = [year_ago(desk.figures, metric, desk.basis),
                   compared(desk.figures, metric, "previous")]  # fmt: skip
        known = [r for r in records if r and r.change_low is not None]
        record = next((r for r in known if moved(r)), known[0] if known else None)
        if record and record.change is not None and record.change_high is not None:
            bounds = float(record.change_low or 0.0), float(record.change_high)
            family[metric] = p_of_interval(record.change, *bounds)
    newest = newest_cohorts(cohorts.frame)
    if newest:
        family[NEWEST_CLAIM] = p_of_interval(*newest[1])
    adjusted = benjamini_hochberg(list(family.values()))
    sure = {name for name, q in zip(family, adjusted, strict=True) if q < FALSE_DISCOVERIES}
    return frozenset({*sure, HEADLINE})


def _movement(
    desk: _Desk, metric: str, mean: float | None, stands: frozenset[str]
) -> Finding | None:
    past = year_ago(desk.figures, metric, desk.basis)
    previous = compared(desk.figures, metric, "previous")
    record = next((r for r in (past, previous) if r and moved(r)), None)
    if record is None:
        return None
    if record is previous and desk.basis == "spring_festival":
        return _season(desk, metric, record, "festival")
    if record is previous and past is not None and past.status == "final":
        return _season(desk, metric, record, "season")
    if metric not in stands:
        return None
    way = "rose" if moved(record) > 0 else "fell"
    money = _money(record, mean) if metric == "returning_buyer_share" else (None, None, None)
    return Finding(
        id=f"retention.{metric}.{way}",
        claim=CLAIMS[way],
        values={
            "about_metric": metric,
            "value_share": record.value,
            "in_period": desk.period,
            "change_points": record.change,
            "against_label": desk.label(record),
        },
        records=(record_key(record),),
        tone="unsure" if desk.unsettled else "good" if way == "rose" else "bad",
        confidence=desk.confidence(record),
        money=money[0],
        money_low=money[1],
        money_high=money[2],
        suggested_action=ACTIONS[way],
        exhibit=desk.exhibits.get(metric),
        headline=metric == "returning_buyer_share",
    )


def _season(
    desk: _Desk, metric: str, record: Record, name: Literal["season", "festival"]
) -> Finding:
    """A move on the previous period that a year ago does not show: said, not called a change."""
    return Finding(
        id=f"retention.{metric}.{name}",
        claim=CLAIMS[name],
        values={
            "about_metric": metric,
            "value_share": record.value,
            "in_period": desk.period,
            "change_points": record.change,
            "against_label": desk.label(record),
        },
        records=(record_key(record),),
        tone="unsure" if desk.unsettled else "neutral",
        confidence="low",
        suggested_action=ACTIONS["season"],
        exhibit=desk.exhibits.get(metric),
    )


def _money(record: Record, mean: float | None) -> tuple[float | None, float | None, float | None]:
    if mean is None or record.n is None or record.change is None:
        return None, None, None
    low, high = record.change_low or 0.0, record.change_high or 0.0
    value, first, last = (round(part * record.n * mean, 2) for part in (record.change, low, high))
    return value, min(first, last), max(first, last)


def _target(desk: _Desk, metric: str) -> Finding | None:
    record = compared(desk.figures, metric, "target")
    way = moved(record)
    if record is None or not way or record.value is None or record.change is None:
        return None
    name = "above" if way > 0 else "below"
    return Finding(
        id=f"retention.{metric}.{name}_target",
        claim=CLAIMS[name],
        values={
            "about_metric": metric,
            "value_share": record.value,
            "gap_distance": record.change,
            "target_share": record.value - record.change,
        },
        records=(record_key(record),),
        tone="good" if way > 0 else "bad",
        confidence=desk.confidence(record),
        suggested_action=ACTIONS.get(name),
        exhibit=desk.exhibits.get(metric),
    )


def _identification(desk: _Desk, record: Record, held: Result, limit: float) -> Finding:
    values: dict[str, str | float | int | None] = {
        "change_points": record.change,
        "against_label": desk.label(record),
        "limit_distance": limit,
    }
    rests, claim = [record_key(record)], CLAIMS["identification"]
    where_held = next((r for r in held.records if r.value is not None), None)
    plain = desk.figures.one("returning_buyer_share")
    if where_held and plain.value is not None:
        claim = CLAIMS["held"]
        values |= {"held_share": where_held.value, "value_share": plain.value}
        rests += [record_key(where_held), record_key(plain)]
    return Finding(
        id="retention.identified_order_share.moved",
        claim=claim,
        values=values,
        records=tuple(rests),
        tone="unsure",
        confidence="high" if _excludes_zero(record) else "medium",
        suggested_action=ACTIONS["identification"],
        exhibit=desk.exhibits.get("identified_order_share"),
    )


def _excludes_zero(record: Record) -> bool:
    low, high = record.change_low, record.change_high
    return low is not None and high is not None and (low > 0 or high < 0)


def newest_cohorts(counts: pd.DataFrame) -> tuple[Estimate, Estimate, pd.DataFrame] | None:
    """Share that ordered again in the month after joining: the newest cohorts, their change.

    `counts` is a cohort triangle. The last three cohorts observed at age 1, pooled, against those
    of the same joining months a year earlier; also both, earlier ones first. None if there are
    not so many, or if one of the two groups has nobody.
    """
    if 1 not in counts.columns:
        return None
    seen = counts[counts[1].notna()]
    if len(seen) < NEWEST + YEAR:
        return None
    new, old = seen.tail(NEWEST), seen.iloc[-NEWEST - YEAR : -YEAR]
    n_new, n_old = float(new[0].sum()), float(old[0].sum())
    if not n_new or not n_old:
        return None
    back_new, back_old = float(new[1].sum()), float(old[1].sum())
    now, then = wilson(back_new, n_new), wilson(back_old, n_old)
    return now, change_of(now, then), pd.concat([old, new])


def _newest(desk: _Desk, cohorts: Result) -> Finding | None:
    found = newest_cohorts(cohorts.frame)
    if found is None:
        return None
    now, change, seen = found
    # In the first year of the data many who seem new have bought before it.
    first_clean = add_months(desk.context.windows.data_from, 12)
    settled = Period.parse(str(seen.index[0])).start >= first_clean
    if not settled or change.low <= 0 <= change.high:
        return None
    way = "newest_stronger" if change.value > 0 else "newest_weaker"
    new = [str(label) for label in seen.index[-NEWEST:]]
    return Finding(
        id=f"retention.cohort_retention.{way}",
        claim=CLAIMS[way],
        values={
            "value_share": round(float(now.value), 6),
            "first_period": new[0],
            "last_period": new[-1],
            "change_points": round(float(change.value), 6),
        },
        records=tuple(f"cohort_retention|age=1;cohort={label}|none" for label in new),
        tone="unsure" if desk.unsettled else "good" if change.value > 0 else "bad",
        confidence="low" if desk.unsettled else "medium",
        suggested_action=ACTIONS.get(way),
        exhibit=desk.exhibits.get("cohort_retention"),
    )


def _quiet(desk: _Desk) -> Finding:
    """What is said if nothing can be: nothing moved, nothing was comparable, or it is too early."""
    base = desk.figures.one("returning_buyer_share")
    sound = [r for r in desk.figures.records if r.change is not None and r.status == "final"]
    if base.reason == NOBODY:
        name, tone = "empty", "bad"
    elif base.status != "final":
        name, tone = "early", "unsure"
    elif not [r for r in sound if r.metric in WATCHED and r.compare_to in COMPARISONS]:
        name, tone = "uncompared", "unsure"
    else:
        name, tone = "nothing", "neutral"
    return Finding(
        id=f"retention.{name}",
        claim=CLAIMS[name],
        values={"in_period": desk.period},
        records=(record_key(base),),
        tone=tone,  # type: ignore[arg-type]
        confidence="high",
        suggested_action=ACTIONS.get(name),
        exhibit=desk.exhibits.get("returning_buyer_share"),
        headline=True,
    )


def _cause(desk: _Desk, mix: Result, mean: float | None) -> list[Finding]:
    """The segment that moved most beyond its size, valued like the change of the whole."""
    found = cause(mix, basis=desk.basis)
    if found is None:
        return []
    # on the previous period a part may be the season's, so it is neither good nor bad
    way = (1 if found.low > 0 else -1 if found.high < 0 else 0) * (found.against == "year_ago")
    n = desk.figures.one("returning_buyer_share").n
    money: tuple[float | None, ...] = (None, None, None)
    if mean is not None and n is not None:
        money = tuple(round(x * n * mean, 2) for x in (found.part, found.low, found.high))
    return [
        Finding(
            id=f"retention.cause.{found.cut}",
            claim=CLAIMS["cause"],
            values={
                "where_place": dimensions(**{found.cut: found.label}),
                "part_points": found.part,
                "against_label": _side_label(desk, found.against),
                "then_share": found.value_then,
                "value_share": found.value,
                "rest_points": found.rest,
            },
            records=(found.record_key,),
            tone="unsure" if desk.unsettled else ("neutral", "good", "bad")[way],
            confidence="low" if desk.unsettled or not way else "high",
            money=money[0] if way else None,
            money_low=money[1] if way else None,
            money_high=money[2] if way else None,
            suggested_action=ACTIONS.get({1: "cause_good", -1: "cause_bad"}.get(way, "season")),
            exhibit=desk.exhibits.get("change_part"),
        )
    ]


def _side_label(desk: _Desk, side: str) -> str:
    """The comparison that stands for a side of the split, as `desk.label` names it."""
    window = year_window(desk.context.windows) if side == "year_ago" else side
    return f"{window}:{desk.basis}" if window == "year_ago_aligned" else window


def _disagreement(desk: _Desk, mix: Result) -> list[Finding]:
    """The total moved one way and its parts the other: once, for the first cut that says so."""
    flagged = next(
        (r for r in mix.records if r.metric == "sign_disagreement" and r.value), None
    )
    if flagged is None:
        return []
    told = parse_dimensions(flagged.dimensions)
    rate = mix.one("rate_part", dimensions=flagged.dimensions)
    other = mix.one("mix_part", dimensions=flagged.dimensions)
    return [
        Finding(
            id=f"retention.disagreement.{told['by']}",
            claim=CLAIMS["disagreement"],
            values={
                "by_cut": told["by"],
                "change_points": (rate.value or 0.0) + (other.value or 0.0),
                "against_label": _side_label(desk, told["against"]),
                "rate_points": rate.value,
            },
            records=(record_key(rate), record_key(other)),
            tone="bad",
            confidence="low" if desk.unsettled else "medium",
            suggested_action=ACTIONS["disagreement"],
            exhibit=desk.exhibits.get("rate_part"),
        )
    ]


def _lapsed(desk: _Desk, lost: Result) -> list[Finding]:
    """What lapsed customers brought in their last year; bad only if retention fell detectably."""
    money = next(
        (r for r in lost.records if r.metric == "lapsed_money" and "at=" not in r.dimensions), None
    )
    if money is None or not money.value or not money.n:
        return []
    count = lost.one("lapsed_customers")
    rate = year_ago(desk.figures, "retention_rate", desk.basis)
    return [
        Finding(
            id="retention.lapsed",
            claim=CLAIMS["lapsed"],
            values={
                "lapsed_count": count.value,
                "in_period": desk.period,
                "worth_money": money.value,
                "money_kind": parse_dimensions(money.dimensions)["money"],
            },
            records=(record_key(count), record_key(money)),
            tone="bad" if moved(rate) < 0 else "neutral",
            confidence="low" if desk.unsettled else "high",
            money=money.value,
            suggested_action=ACTIONS["lapsed"],
            exhibit=desk.exhibits.get("lapsed_customers"),
        )
    ]


def _bridge(desk: _Desk, bridge: Result) -> list[Finding]:
    """Where the period's money came from against a year ago, else the previous period."""
    frame = bridge.frame[bridge.frame["part"] == "money"]
    span = next((s for s in ("year_ago", "previous") if (frame["span"] == s).any()), None)
    if span is None:
        return []
    here = frame[frame["span"] == span]
    steps = dict(zip(here["step"], here["value"], strict=True))
    kind = str(here["kind"].iloc[0])
    period = desk.context.period
    then = period.year_ago() if span == "year_ago" else period.previous()
    keys = (
        "|".join(("bridge_money", dimensions(span=span, step=step, money=kind), "none"))
        for step in ("money_then", "money_now")
    )
    return [
        Finding(
            id="retention.bridge",
            claim=CLAIMS["bridge"],
            values={
                "money_kind": kind,
                "in_period": desk.period,
                "then_period": then.label,
                "now_money": steps["money_now"],
                "then_money": steps["money_then"],
                "new_money": steps["new"],
                "back_money": steps["reactivated"] + steps["returned"],
                "gone_money": steps["paused"] + steps["lapsed"],
                "retained_money": steps["retained"],
            },
            records=tuple(keys),
            tone="unsure" if desk.unsettled else "neutral",
            confidence="low" if desk.unsettled else "high",
            exhibit=desk.exhibits.get("bridge_money"),
        )
    ]


def _outlook(desk: _Desk, outlook: Result) -> list[Finding]:
    """Whether today's customers reach a target that is still to come; nothing without a target."""
    record = next((r for r in outlook.records if r.compare_to == "target"), None)
    if record is None or record.change is None or record.value is None:
        return []
    low, high = float(record.change_low or 0.0), float(record.change_high or 0.0)
    way = 1 if low > 0 else -1 if high < 0 else 0
    horizon = record.dimensions.removeprefix("horizon=")
    rows = outlook.frame[outlook.frame["horizon"] == horizon]
    return [
        Finding(
            id="retention.outlook.target",
            claim=CLAIMS[{1: "target_made", -1: "target_short", 0: "target_open"}[way]],
            values={
                "value_money": record.value,
                "last_day": pd.Timestamp(rows["last"].iloc[-1]).date().isoformat(),
                "gap_money": abs(record.change),
                "target_money": round(record.value - record.change, 2),
            },
            records=(record_key(record),),
            tone=("neutral", "good", "bad")[way],
            confidence="medium",
            money=record.change if way else None,
            money_low=low if way else None,
            money_high=high if way else None,
            suggested_action=ACTIONS["target_short"] if way < 0 else None,
            exhibit=desk.exhibits.get("expected_repeat_revenue"),
        )
    ]
