"""The evidence of each initiative, for who asks: its plan, each rung, flags, tries, hold-out."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import pandas as pd

from repurchase.analysis.initiative_flags import Flag
from repurchase.analysis.initiative_reading import Reading
from repurchase.analysis.ladder import CHANGES, Gate, Rung
from repurchase.cells import inert
from repurchase.context import Context
from repurchase.reasons import worded
from repurchase.show.blocks import Block, Cell, Column, Several, Table, Text, Tone
from repurchase.show.initiative_charts import event_study, frame_of, path_chart
from repurchase.show.initiatives import (
    COSTS,
    RUNG_NAMES,
    VERDICTS,
    answer_day,
    day_of,
    effect_text,
    flag_value,
    named,
    per_step,
    refusal,
    unit_text,
)
from repurchase.show.sentences import DASH, joined, paragraph, points
from repurchase.show.tables import shortened
from repurchase.show.worklists import Sheets
from repurchase.stats.panel import Effect
from repurchase.words import N_, Words

Bound = Literal["least", "most"]
# each check's name, what its figure counts, and which way its limit holds
GATES: Mapping[str, tuple[str, str, Bound]] = {
    "pre_trend": (N_("Alike before the start (joint test)"), N_("p"), "least"),
    "placebo_dates": (N_("Nothing at made-up start dates"), N_("share of them"), "most"),
    "placebo_units": (
        N_("Share as large where nothing happened"), N_("share of made-up groups"), "most"
    ),
    "covered": (N_("Share of the treated that it covers"), N_("share"), "least"),
    "explained": (N_("Explained by the others before the start"), N_("share of ups and downs"),
                  "least"),
    "pre_fit": (N_("Fits before the start"), N_("standard deviations"), "most"),
    "hold_out_error": (N_("Foretells the last part before the start"), N_("half-widths"), "most"),
    "units": (N_("Enough others"), N_("units"), "least"),
    "periods_before": (N_("Enough periods before"), N_("periods"), "least"),
    "periods": (N_("Enough periods after"), N_("periods"), "least"),
    "r_hat": (N_("The two chains agree (R-hat)"), N_("ratio"), "most"),
    "prior_sensitivity": (N_("Does not hang on the prior"), N_("half-widths"), "most"),
    "spill_over": (N_("Others not touched by it"), "", "most"),
    "leave_one_out": (N_("Does not hang on one unit"), N_("half-widths"), "most"),
    "season": (N_("A whole year before"), N_("periods"), "least"),
}  # fmt: skip
BOUNDS: Mapping[Bound, str] = {"least": "≥ {limit}", "most": "≤ {limit}"}
GROUPS = {
    "store_id": N_("stores"), "rep_id": N_("representatives"), "channel": N_("channels"),
    "region": N_("regions"), "customer": N_("customers, in random groups"),
}  # fmt: skip
CHOSEN = {
    "chance": N_("who was treated was drawn by chance"),
    "list": N_("who was treated was set by a list"),
    "outcome": N_("the treated were chosen by how they did"),
    "unknown": N_("how the treated were chosen is not known"),
}
MOST_WEIGHTS = 8
MOST_NAMES = 12
HOLD_OUTS = "hold-outs"


# ---- each initiative's evidence -----------------------------------------------------------------


def rung_pages(readings: Sequence[Reading], *, context: Context, id: str) -> Several | Text:
    """Each initiative's plan, the checks of each rung, and each rung's own evidence."""
    if not readings:
        return Text("")
    blocks: list[Block] = []
    for number, reading in enumerate(readings, start=1):
        name = id if len(readings) == 1 else f"{id}.{number}"
        blocks += _evidence(reading, context, name)
    return Several(tuple(b for b in blocks if not (isinstance(b, Text) and not b.text)))


def _evidence(reading: Reading, context: Context, id: str) -> list[Block]:
    words = context.words
    found: list[Block] = [
        Text(words._("{test} · {verdict}", test=named(reading, context),
                     verdict=words._(VERDICTS[reading.verdict])), "lead"),
        Text(plan_text(reading, context), "small"),
        _rung_table(reading, context, f"{id}a"),
        _gate_table(reading, context),
    ]  # fmt: skip
    letters = iter("bcdefghijklm")
    for rung in reading.ladder.rungs:
        if rung.effect is None:
            continue
        for draw, name in ((event_study, "event_study"), (path_chart, "path")):
            if frame_of(rung, name) is not None:
                found.append(draw(reading, rung, context=context, id=f"{id}{next(letters)}"))
        found += [t for t in _tables(reading, rung, context) if t is not None]
        text = _numbers(reading, rung, context)
        if text:
            found.append(Text(text, "small"))
    return found


def plan_text(reading: Reading, context: Context) -> str:
    """What the profile says of it: owner, start, whom, how they were chosen, the windows."""
    words, plan, ladder = context.words, reading.plan, reading.ladder
    windows = reading.panel.windows
    unit = words._(GROUPS[plan.unit]) if plan.unit in GROUPS else plan.unit
    parts = [words._("started on {day}", day=words.day(plan.go_live))]
    if plan.ramp_up_days:
        parts.append(words._("{days} days to get going, left out",
                             days=words.count(plan.ramp_up_days)))  # fmt: skip
    if plan.anticipation_days:
        parts.append(words._("{days} days before it, in which it was known, left out",
                             days=words.count(plan.anticipation_days)))  # fmt: skip
    parts.append(
        words._("everyone was treated at once")
        if plan.treated is None
        else words._("{treated} treated against {controls} others by {unit}",
                     treated=words.count(ladder.units_treated),
                     controls=words.count(ladder.units_control), unit=unit)
    )  # fmt: skip
    if plan.treated is not None:
        parts.append(words._(CHOSEN[plan.chosen_by]))
    parts += _who_else(reading, words)
    if plan.owner:
        parts.append(words._("owner: {name}", name=plan.owner))
    text = words._("{name}: {clauses}.", name=plan.id, clauses=joined(words, parts))
    if windows.before is None or windows.after is None:
        return text
    seen = words._(
        "Before: {before} (periods: {n}). After: {after} (periods: {m}). What the time of getting"
        " going brought is not counted.",
        before=words.days(windows.before.start, windows.before.end),
        n=words.count(ladder.periods_before),
        after=words.days(windows.after.start, windows.after.end),
        m=words.count(ladder.periods_after),
    )
    return paragraph(words, [text, seen])


def _who_else(reading: Reading, words: Words) -> list[str]:
    """The others by name where the profile names none, and who was called both."""
    plan, frame, parts = reading.plan, reading.panel.frame, []
    if plan.treated is not None and plan.controls is None and plan.unit != "customer":
        others = frame[(frame["group"] == "control") & (frame["members"] > 0)]
        names = [shortened(str(u)) for u in sorted(set(others["unit"]))]
        told, left = words.listed(names[:MOST_NAMES]), len(names) - MOST_NAMES
        if left > 0:
            told = words._("{names} and {count} more", names=told, count=words.count(left))
        if names:
            parts.append(words._("the others, since none are named: {names}", names=told))
    if reading.panel.in_both:
        parts.append(words._("in both groups, so taken as treated: {count}",
                             count=words.count(reading.panel.in_both)))  # fmt: skip
    return parts


def _rung_table(reading: Reading, context: Context, id: str) -> Table:
    """Every rung for every outcome, with its p, whether it stands, and why not."""
    words = context.words
    rows: list[tuple[str | Cell, ...]] = []
    own = reading.rung.name if reading.rung else None
    for rung in reading.ladder.rungs:
        stood = rung.name == own
        rows.append((
            Cell(words._(RUNG_NAMES[rung.name]), bold=stood),
            Cell(effect_text(reading, rung.effect, context), bold=stood),
            _p(rung.effect, words),
            _total(reading, rung.effect, context),
            _standing(reading, rung, words),
        ))  # fmt: skip
    what = per_step(reading, words)
    columns = (
        Column(words._("Compared with")),
        Column(what[:1].upper() + what[1:], "right"),
        Column("p", "right"),
        Column(words._("All treated, so far"), "right"),
        Column(words._("May it be stood on?"), "left", "fr"),
    )
    caption = words._(
        "Highest rung that may be stood on: the verdict's (bold). Positive is better. The first"
        " two compare with nobody else: what would have happened anyway is in them. So far: the"
        " effect times {n} members and periods; a member of a period is who first ordered before"
        " it.",
        n=words.count(reading.ladder.exposure),
    )
    if reading.rung is not None and reading.rung.detail.get("method") == "placebo":
        few = words._(
            "The interval is that of others read as if they had been treated: it takes the few"
            " treated to vary as they do."
        )
        caption = paragraph(words, [caption, few])
    title = words._("The ladder of evidence")
    return Table(columns, tuple(rows), id=id, title=title, caption=caption, size="small")


def _p(effect: Effect | None, words: Words) -> str:
    if effect is None or effect.p is None:
        return DASH
    return "< 0.001" if effect.p < 0.001 else words.number(effect.p, 3)


def _total(reading: Reading, effect: Effect | None, context: Context) -> str:
    if effect is None:
        return DASH
    value = effect.value * reading.ladder.exposure
    if reading.plan.outcome == "orders":
        return context.words.plus(value)
    text = context.words.money(value, context.currency)
    return text if value < 0 else f"+{text}"


def _standing(reading: Reading, rung: Rung, words: Words) -> Cell:
    if rung.effect is None:
        return Cell(words._("not computed: {reason}", reason=worded(words, rung.reason or "")),
                    muted=True)  # fmt: skip
    if rung.name in CHANGES:
        return Cell(words._("no: a change, not an effect"), muted=True)
    broken = [g for g in rung.gates if g.passed is False]
    if broken:
        names = words.listed([gate_name(g, words) for g in broken])
        return Cell(words._("no: {checks}", checks=names), tone="bad")
    refused = refusal(reading, words)
    if refused:
        return Cell(words._("no: {checks}", checks=refused), tone="bad")
    return Cell(words._("yes"), tone="good")


def gate_name(gate: Gate, words: Words) -> str:
    """A check's name in words."""
    return words._(GATES[gate.name][0]) if gate.name in GATES else gate.name


PASSED = {True: N_("passed"), False: N_("failed"), None: N_("cannot be told")}
PASSED_TONES: Mapping[bool | None, Tone | None] = {True: None, False: "bad", None: None}


def _gate_table(reading: Reading, context: Context) -> Table | Text:
    """Every check of every rung: what was found and what it must not pass."""
    words = context.words
    rows: list[tuple[str | Cell, ...]] = []
    for rung in reading.ladder.rungs:
        for number, gate in enumerate(rung.gates):
            rows.append((
                words._(RUNG_NAMES[rung.name]) if not number else "",
                gate_name(gate, words),
                _figure(gate.value, words), *_limit(gate, words),
                DASH if gate.n is None else words.count(gate.n),
                _outcome(gate, words),
            ))  # fmt: skip
    if not rows:
        return Text("")
    columns = (
        Column(words._("Compared with")), Column(words._("Check"), "left", "fr"),
        Column(words._("Found"), "right"), Column(words._("Limit"), "right"),
        Column(words._("Measured in")), Column("n", "right"), Column(words._("Outcome")),
    )  # fmt: skip
    caption = words._(
        "A comparison that fails one check is not stood on. What cannot be told refuses nothing."
        " Half-widths are those of the effect's own 95% interval."
    )
    return Table(columns, tuple(rows), caption=caption, size="small")


def _limit(gate: Gate, words: Words) -> tuple[str, str]:
    """The limit with the side on which it holds, and what both figures count."""
    if gate.name not in GATES or gate.value is None:
        return _figure(gate.limit, words), ""
    _, unit, bound = GATES[gate.name]
    limit = DASH if gate.limit is None else BOUNDS[bound].format(limit=_figure(gate.limit, words))
    return limit, words._(unit)


def _outcome(gate: Gate, words: Words) -> Cell:
    if gate.passed is None and gate.value is not None:
        return Cell(words._("not judged"), muted=True)
    return Cell(words._(PASSED[gate.passed]), tone=PASSED_TONES[gate.passed],
                muted=gate.passed is None)  # fmt: skip


def _figure(value: float | None, words: Words) -> str:
    if value is None or not math.isfinite(value):
        return DASH
    return words.number(value, 0 if float(value).is_integer() and abs(value) >= 2 else 3)


# ---- the tables of a rung -----------------------------------------------------------------------


def _tables(reading: Reading, rung: Rung, context: Context) -> list[Table | None]:
    words = context.words
    return [
        _weights(reading, rung, "weights", words._("Unit"), "unit", "weight", context),
        _weights(reading, rung, "inclusion", words._("Series"), "series", "probability", context),
        _effects(reading, rung, "placebo_dates", words._("Made-up start"), "start", context),
        _effects(reading, rung, "priors", words._("Prior of the level's deviation"), "level_sd",
                 context),
        _placebo(reading, rung, context),
    ]  # fmt: skip


def _weights(
    reading: Reading, rung: Rung, name: str, label: str, key: str, value: str, context: Context
) -> Table | None:
    frame = frame_of(rung, name)
    if frame is None:
        return None
    words = context.words
    order = frame.sort_values(value, ascending=False, kind="stable")
    kept = order[order[value] > 0.0005].head(MOST_WEIGHTS)
    rows = tuple((_unit_name(str(r[key]), reading, words),
                  words.share(float(r[value])))
                 for r in kept.to_dict("records"))  # fmt: skip
    if not rows:
        return None
    titles = {
        "weights": words._("{rung}: of whom the comparison is made",
                           rung=words._(RUNG_NAMES[rung.name])),
        "inclusion": words._("{rung}: how often each series was used",
                             rung=words._(RUNG_NAMES[rung.name])),
    }  # fmt: skip
    heading = words._("Weight") if name == "weights" else words._("Share of the draws")
    left = len(order) - len(kept)
    parts = [words._("Less or none: {count} more.", count=words.count(left))] if left else []
    if name == "weights":
        parts.append(_time_weights(rung, words))
    caption = paragraph(words, parts)
    columns = (Column(label, "left", "fr"), Column(heading, "right"))
    return Table(columns, rows, title=titles[name], caption=caption or None, size="small")


def _time_weights(rung: Rung, words: Words) -> str:
    """Which periods before the start carry the comparison, where a method weighs them."""
    frame = frame_of(rung, "time_weights")
    if frame is None:
        return ""
    order = frame[frame["weight"] > 0.0005].sort_values("weight", ascending=False, kind="stable")
    told = [
        words._("{name} {value}", name=words.day(pd.Timestamp(r["start"]).date()),
                value=words.share(float(r["weight"]), 0))
        for r in order.head(MOST_WEIGHTS).to_dict("records")
    ]  # fmt: skip
    return words._(
        "Periods before the start that it is held against, by weight: {periods}; in others the two"
        " lines need not meet.",
        periods=words.listed(told),
    )


def _unit_name(unit: str, reading: Reading, words: Words) -> str:
    """A unit's label; a random group of customers by its number."""
    if not unit:
        return words._("mean of the others")
    if reading.plan.unit == "customer":
        return words._("random group {number}", number=unit.rpartition(" ")[2])
    return shortened(unit)


def _effects(
    reading: Reading, rung: Rung, name: str, label: str, key: str, context: Context
) -> Table | None:
    """What is found where it should be nothing, or with another prior."""
    frame = frame_of(rung, name)
    if frame is None:
        return None
    words = context.words
    rows: list[tuple[str | Cell, ...]] = []
    for row in frame.to_dict("records"):
        at = row[key]
        told = words.number(float(at), 3) if key == "level_sd" else words.day(
            pd.Timestamp(at).date()
        )  # fmt: skip
        ends = [unit_text(reading, _number(row, k), context) for k in ("low", "high")]
        rows.append((told, unit_text(reading, _number(row, "effect"), context),
                     words.interval(*ends)))  # fmt: skip
    title = (
        words._("{rung}: the same, had it started earlier", rung=words._(RUNG_NAMES[rung.name]))
        if name == "placebo_dates"
        else words._("{rung}: the same by other priors", rung=words._(RUNG_NAMES[rung.name]))
    )
    columns = (
        Column(label, "left", "fr"), Column(words._("Effect"), "right"),
        Column(words._("95% interval"), "right"),
    )  # fmt: skip
    caption = ""
    if name == "placebo_dates":
        mean = float(frame["effect"].astype(float).mean())
        caption = words._(
            "Were treated and others alike before the start, these would lie around 0; their mean"
            " is {mean}.",
            mean=unit_text(reading, mean, context),
        )
    return Table(columns, tuple(rows), title=title, caption=caption or None, size="small")


def _number(row: Mapping[Any, Any], name: str) -> float | None:
    value = row.get(name)
    return None if value is None or pd.isna(value) else float(value)


def _placebo(reading: Reading, rung: Rung, context: Context) -> Table | None:
    """The largest effects of units to which nothing was done, and those without one unit."""
    words = context.words
    rows: list[tuple[str | Cell, ...]] = []
    for name, label in (
        ("placebo_units", words._("Nothing was done to it, lowest and highest")),
        ("leave_one_out", words._("Without one of the others, lowest and highest")),
    ):
        frame = frame_of(rung, name)
        if frame is None or "effect" not in frame:
            continue
        effects = frame["effect"].astype(float).dropna()
        if effects.empty:
            continue
        low, high = (unit_text(reading, float(x), context) for x in (effects.min(), effects.max()))
        rows.append((label, words.count(len(effects)), words.interval(low, high)))
    if not rows:
        return None
    columns = (
        Column(words._("{rung}: how far chance goes", rung=words._(RUNG_NAMES[rung.name])),
               "left", "fr"),
        Column("n", "right"), Column(words._("Effects from, to"), "right"),
    )  # fmt: skip
    return Table(columns, tuple(rows), size="small")


NUMBERS = {
    "pretrend_p": N_("joint test before the start, p"),
    "slope": N_("drift a period before the start"),
    "bootstrap_p": N_("wild bootstrap, p"),
    "clusters": N_("units"),
    "rmspe": N_("error of the fit before the start"),
    "hold_out_rmspe": N_("error of foretelling the last part before the start"),
    "placebo_p": N_("share of placebos as large"),
    "rmspe_ratio_p": N_("share of placebos whose fit worsens as much"),
    "chains": N_("chains"),
    "draws": N_("draws a chain"),
    "r_hat": N_("R-hat"),
    "tail": N_("share of the draws on the other side of 0"),
}


def _numbers(reading: Reading, rung: Rung, context: Context) -> str:
    """What else is known of a rung, in one line."""
    words = context.words
    parts = []
    for name, label in NUMBERS.items():
        value = rung.detail.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            continue
        if not math.isfinite(value):
            continue
        text = words.count(value) if name in ("clusters", "chains", "draws") else words.number(
            float(value), 3
        )  # fmt: skip
        parts.append(words._("{name}: {label}", name=words._(label), label=text))
    if not parts:
        return ""
    return words._("{name}. {clauses}.", name=words._(RUNG_NAMES[rung.name]),
                   clauses=joined(words, parts))  # fmt: skip


# ---- flags --------------------------------------------------------------------------------------

FLAGS = {
    "regression_to_mean": N_("Chosen for doing badly or well"),
    "chosen_unknown": N_("How the treated were chosen"),
    "anticipation": N_("Known before the start"),
    "spill_over": N_("Others touched by it"),
    "other_initiatives": N_("Other things in the same window"),
    "incomplete_after": N_("The after-window is not full"),
    "mix_change": N_("Other customers than before"),
    "identification_change": N_("Customers identified otherwise"),
    "costs_missing": N_("Costs that are missing"),
    "labels_unknown": N_("Who was treated, as the profile says it"),
    "tries": N_("Other windows or controls were tried"),
}
FLAG_STATES = {True: N_("raised"), False: N_("not found"), None: N_("cannot be told")}


def flag_text(flag: Flag, reading: Reading, context: Context) -> str:
    """A warning in a sentence with its size."""
    words = context.words

    def unit(name: str) -> str:
        return unit_text(reading, flag_value(flag, name), context)

    def share(name: str) -> str:
        value = flag_value(flag, name)
        return DASH if value is None else words.share(value)

    def count(name: str) -> str:
        value = flag_value(flag, name)
        return DASH if value is None else words.count(value)

    names = str(flag.values.get("names") or DASH)
    match flag.name:
        case "regression_to_mean":
            if flag_value(flag, "expected") is None:
                return words._(
                    "The treated were chosen by how they did before, so part of the change would"
                    " have come by itself."
                )
            return words._(
                "The treated were chosen by how they did before: {expected} of {figure} would have"
                " come by itself ({low} to {high}).",
                expected=unit("expected"), figure=per_step(reading, words), low=unit("low"),
                high=unit("high"),
            )  # fmt: skip
        case "chosen_unknown":
            if flag.refuses:
                return words._(
                    "The treated were picked one by one, and not by chance: what they would have"
                    " done anyway cannot be told from others."
                )
            return words._("How the treated were chosen is not known.")
        case "anticipation":
            return words._(
                "Just before the start the treated already moved, by {change} against the others.",
                change=unit("change"),
            )
        case "spill_over":
            if flag_value(flag, "share") is not None:
                return words._(
                    "{share} of the others' orders were placed with the treated, {before} before:"
                    " some of it reached them.",
                    share=share("share"), before=share("before"),
                )  # fmt: skip
            return words._(
                "The others moved too when it started, by {change}: some of it may have reached"
                " them.",
                change=unit("change"),
            )
        case "other_initiatives":
            return words._(
                "In the same window there also was: {names}. What that did cannot be told apart.",
                names=names,
            )
        case "incomplete_after" if not isinstance(flag.values.get("complete_from"), str):
            return words._(
                "Periods seen: {seen}; a whole year has {planned}, so a season is not in it.",
                seen=count("seen"), planned=count("planned"),
            )  # fmt: skip
        case "incomplete_after":
            return words._(
                "{seen} of {planned} planned periods are seen; it is complete on {day}.",
                seen=count("seen"), planned=count("planned"),
                day=day_of(flag.values, "complete_from", words),
            )  # fmt: skip
        case "mix_change":
            return words._(
                "The treated's customers are others than before: the share of newcomers went from"
                " {before} to {after}.",
                before=share("before"), after=share("after"),
            )  # fmt: skip
        case "identification_change":
            moved = flag_value(flag, "change")
            return words._(
                "Among the treated the share of orders with a known customer went from {before} to"
                " {after}, by {change} against the others: that alone can make customers look as if"
                " they did otherwise.",
                before=share("before"), after=share("after"),
                change=DASH if moved is None else points(words, moved),
            )  # fmt: skip
        case "costs_missing":
            return _missing_costs(flag, context)
        case "labels_unknown":
            return _unknown_labels(flag, words)
        case _:
            return words._(
                "Other windows or controls were tried {count} times; the one shown is the"
                " profile's.",
                count=count("count"),
            )


# what was found where a warning was not raised, and the figure without which there is nothing
LOOKED_AT = {
    "regression_to_mean": (
        "expected", N_("To be expected by itself: {expected} ({low} to {high})."),
    ),
    "anticipation": (
        "change", N_("In the last month before the start: {change} against the others (p {p})."),
    ),
    "spill_over": (
        "share", N_("Of the others' orders {share} were placed with the treated, {before} before."),
    ),
    "mix_change": (
        "change",
        N_(
            "The share of newcomers among the treated: {before} before, {after} after; {change}"
            " against the others."
        ),
    ),
    "identification_change": (
        "change",
        N_(
            "The share of the treated's orders with a known customer: {before} before, {after}"
            " after; {change} against the others."
        ),
    ),
    "incomplete_after": ("seen", N_("Periods seen: {seen}.")),
}  # fmt: skip
FOUND = ("expected", "low", "high", "share", "before", "after", "change", "p", "seen")
SHARES_CHANGE = ("mix_change", "identification_change")


def _looked_at(flag: Flag, reading: Reading, context: Context) -> str:
    """What was found where a warning was not raised; nothing where there is no number."""
    words = context.words
    needed, text = LOOKED_AT.get(flag.name, ("", ""))
    if not needed or flag_value(flag, needed) is None:
        return ""

    def shown(name: str) -> str:
        value = flag_value(flag, name)
        if value is None:
            return DASH
        if name in ("share", "before", "after"):
            return words.share(value)
        if name == "change" and flag.name in SHARES_CHANGE:
            return points(words, value)
        if name == "p":
            return words.number(value, 3)
        return words.count(value) if name == "seen" else unit_text(reading, value, context)

    return words._(text, **{name: shown(name) for name in FOUND})


def _missing_costs(flag: Flag, context: Context) -> str:
    """What the costs lack or hold that is no cost: categories, names, signs, rows not read."""
    words = context.words
    names, ids, near, others = (_texts(flag, key) for key in ("names", "ids", "nearest", "others"))
    parts = []
    if names:
        listed = words.listed([words._(COSTS.get(name, name)) for name in names])
        parts.append(words._("Not in the costs: {names}. So they are too low.", names=listed))
    if others:
        parts.append(
            words._("In the costs under other categories: {names}.", names=words.listed(others))
        )
    if ids:
        parts.append(words._("No cost is booked under {ids}.", ids=words.listed(ids)))
    if near:
        parts.append(words._("The costs have: {names}.", names=words.listed(near)))
    below = flag_value(flag, "negative")
    if below:
        money = words.money(flag_value(flag, "below") or 0.0, context.currency)
        parts.append(
            words._(
                "Amounts booked below 0: {count}, together {money}. They make it cheaper.",
                count=words.count(below), money=money,
            )
        )  # fmt: skip
    aside = flag_value(flag, "aside")
    if aside:
        parts.append(
            words._(
                "Rows of the costs that could not be read, and count nowhere: {count}.",
                count=words.count(aside),
            )
        )
    return paragraph(words, parts)


NAMED_GROUPS = {
    "treated": N_("those who are called treated"),
    "control": N_("those who are called controls"),
}


def _unknown_labels(flag: Flag, words: Words) -> str:
    """Labels of the profile that nobody has, and what they may mean."""
    names, near, empty, groups = (
        _texts(flag, key) for key in ("names", "nearest", "empty", "groups")
    )
    parts = []
    if names:
        parts.append(
            words._(
                "Nobody knows {names}, which the profile names: who was treated is not who was"
                " meant.",
                names=words.listed(names),
            )
        )
    if near:
        parts.append(words._("The data have: {names}.", names=words.listed(near)))
    parts += [
        words._("The data know no customer of {group}.", group=words._(NAMED_GROUPS[group]))
        for group in groups
    ]
    if empty:
        parts.append(words._("No customer belongs to {names}.", names=words.listed(empty)))
    return paragraph(words, parts)


def _texts(flag: Flag, key: str) -> list[str]:
    return [text for text in str(flag.values.get(key) or "").split(", ") if text]


def flag_table(readings: Sequence[Reading], *, context: Context, id: str) -> Table | Text:
    """Every warning that was looked for, of each initiative, the raised ones first."""
    words = context.words
    rows: list[tuple[str | Cell, ...]] = []
    order = {True: 0, None: 1, False: 2}
    for reading in readings:
        if len(readings) > 1:
            rows.append((Cell(named(reading, context), bold=True), "", ""))
        for flag in sorted(reading.flags, key=lambda f: order[f.raised]):
            tone: Tone | None = None
            if flag.raised:
                tone = "bad" if flag.refuses else "unsure"
            text = (flag_text if flag.raised else _looked_at)(flag, reading, context)
            if flag.raised and flag.refuses:
                text = paragraph(words, [text, words._("No comparison is stood on.")])
            rows.append((
                words._(FLAGS[flag.name]),
                Cell(words._(FLAG_STATES[flag.raised]), tone=tone, muted=not flag.raised),
                text,
            ))  # fmt: skip
    if not rows:
        return Text("")
    columns = (
        Column(words._("What could explain it otherwise")), Column(words._("Outcome")),
        Column(words._("Detail"), "left", "fr"),
    )  # fmt: skip
    title = words._("What else could it be?")
    return Table(columns, tuple(rows), id=id, title=title, size="small")


# ---- tries --------------------------------------------------------------------------------------


def tries_table(tries: pd.DataFrame, *, context: Context, id: str) -> Table | Text:
    """What else was tried: every reading with other windows or controls, in its order."""
    words = context.words
    if tries.empty:
        return Text(
            words._(
                "Nobody tried other windows or controls. Whoever does, in the lab with"
                " review.roi_before_after.attempt, is listed here."
            )
        )
    rows: list[tuple[str | Cell, ...]] = []
    for row in tries.to_dict("records"):
        rung, verdict = str(row["rung"] or ""), str(row["verdict"])
        name = words._(RUNG_NAMES[rung]) if rung in RUNG_NAMES else words._("none: a change")
        ends = [_tried(row, k, context) for k in ("effect", "low", "high")]
        told = ends[0] if DASH in ends else words._(
            "{value} ({low} to {high})", value=ends[0], low=ends[1], high=ends[2]
        )  # fmt: skip
        rows.append((str(row["initiative"]), str(row["period"]), str(row["what"]), name, told,
                     words._(VERDICTS[verdict]) if verdict in VERDICTS else verdict))  # fmt: skip
    columns = (
        Column(words._("Initiative")), Column(words._("Period")),
        Column(words._("Tried"), "left", "fr"),
        Column(words._("Stands on")), Column(words._("Effect a customer and period"), "right"),
        Column(words._("Verdict")),
    )  # fmt: skip
    caption = words._(
        "Who tries long enough finds a window that says what was hoped for. So every try is"
        " counted, and the verdict is always that of the profile's windows."
    )
    title = words._("What else was tried")
    return Table(columns, tuple(rows), id=id, title=title, caption=caption, size="small")


def _tried(row: Mapping[Any, Any], name: str, context: Context) -> str:
    """A try's figure in the unit of its outcome."""
    value, words = _number(row, name), context.words
    if value is None or not math.isfinite(value):
        return DASH
    if row["outcome"] == "orders":
        return words.plus(value, 4)
    text = words.money(value, context.currency, whole=False)
    return text if value < 0 else f"+{text}"


# ---- the hold-out to start ----------------------------------------------------------------------


def hold_out_table(readings: Sequence[Reading], *, context: Context, id: str) -> Table | Text:
    """How many are to be left without it from when on, and when that answers."""
    words = context.words
    rows: list[tuple[str | Cell, ...]] = []
    for reading in readings:
        learn = reading.learn
        if learn is None:
            continue
        detectable = unit_text(reading, learn.detectable, context).lstrip("+")
        rows.append((
            named(reading, context), words.day(learn.start), words.count(learn.customers),
            Cell(words.count(learn.held_out), bold=True), words.share(learn.share, 0),
            answer_day(learn, words),
            detectable,
        ))  # fmt: skip
    if not rows:
        return Text(
            words._("No hold-out has to be started: each initiative has others to compare with.")
        )
    columns = (
        Column(words._("Initiative"), "left", "fr"), Column(words._("From"), "right"),
        Column(words._("Customers"), "right"), Column(words._("Left without it"), "right"),
        Column(words._("Share"), "right"), Column(words._("It answers on"), "right"),
        Column(words._("Found four times in five"), "right"),
    )  # fmt: skip
    caption = words._(
        "Drawn by chance within store; the list is in restricted/. Found four times in five: the"
        " effect a customer and period that the hold-out will not miss, of the size at which it"
        " pays where that can be told."
    )
    title = words._("The hold-out to start now")
    return Table(columns, tuple(rows), id=id, title=title, caption=caption, size="small")


def hold_out_sheets(drawn: Mapping[str, pd.DataFrame], *, context: Context) -> Sheets:
    """The drawn hold-outs as sheets to be handed out; no cell can become a formula."""
    frames = list(drawn.values())
    rows = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=["customer_id"])
    safe = rows.map(lambda x: inert(x.isoformat() if isinstance(x, dt.date) else x))
    safe = safe.astype("object")
    title = context.words._("Hold-outs")
    labels = tuple(
        name for name, frame in drawn.items() for _ in range(len(frame))
    )  # one a row, by which the files are told apart
    return Sheets({title: safe}, title, labels, context.period.end, HOLD_OUTS)
