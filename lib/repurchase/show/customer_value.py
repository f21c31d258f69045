"""Who is worth it: stages, tiers and moves between them, value so far."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from repurchase.analysis.stages import ALIVE, JOINING, STAGES
from repurchase.context import Context
from repurchase.definitions import METRICS
from repurchase.reasons import worded
from repurchase.records import Record, Result
from repurchase.show import style
from repurchase.show.blocks import (
    Cell,
    Column,
    Figure,
    Headline,
    ListBlock,
    ListItem,
    Note,
    Table,
    Text,
)
from repurchase.show.sentences import CERTAINTY, DASH, change_clause, paragraph, tone_of
from repurchase.show.style import csv_text
from repurchase.show.tables import shortened, value_name
from repurchase.words import N_, Words

STAGE_NAMES = {
    "new": N_("New"),
    "growing": N_("Growing"),
    "loyal": N_("Loyal"),
    "at_risk": N_("At risk"),
    "single": N_("Once only"),
    "lapsed": N_("Lapsed"),
    JOINING: N_("Not yet customers"),
}
STAGE_RULES = {
    "new": N_("one order date, not late"),
    "growing": N_("two or three order dates, not late"),
    "loyal": N_("four or more order dates, not late"),
    "at_risk": N_("two or more order dates, late"),
    "single": N_("one order date, late"),
    "lapsed": N_("no order in the stretch"),
}
TIER_NAMES = {
    "high": N_("High potential"),
    "medium": N_("Medium potential"),
    "low": N_("Low activity"),
    JOINING: N_("Not yet customers"),
}
FLOW_NAMES = {
    "slid": N_("Growing or loyal, now late or lapsed"),
    "given_up": N_("At risk, now lapsed"),
    "not_again": N_("New, now late or lapsed with no second order"),
    "second": N_("Second order date made"),
    "back": N_("At risk or lapsed, back in rhythm"),
    "joined": N_("Joined the company"),
}
MEASURES = {"margin": N_("Margin"), "revenue": N_("Net revenue")}
Row = dict[Any, Any]


def worth_of(result: Result) -> str:
    """What the result's customers are valued by: margin where there is any, else revenue."""
    frame = result.frame
    return "margin" if "margin" in frame and frame["margin"].notna().any() else "revenue"


def _money(context: Context, value: float | None) -> str:
    if value is None or math.isnan(value):
        return DASH
    return context.words.money(value, context.currency)


def _mean_money(context: Context, value: float | None) -> str:
    """Money a customer, to the cent: shortened, the differences would be lost."""
    if value is None or math.isnan(value):
        return DASH
    return context.words.money(value, context.currency, whole=False)


def _signed_count(words: Words, value: float) -> str:
    return "" if math.isnan(value) else words.plus(value)


def _months(words: Words, frame: pd.DataFrame) -> str:
    """How many months the money of a table is of."""
    return words.count(int(frame["months"].iloc[0]))


def _missing(result: Result) -> Note:
    """Why a table is not there."""
    context: Context = result.context
    words = context.words
    reasons = dict.fromkeys(r.reason for r in result.records if r.reason)
    said = [worded(words, text) for text in reasons if text]
    return Note(words._("Not computed: {reason}.", reason=words.listed(said)), "unsure")


# ---- Part A -----------------------------------------------------------------------------------


def value_headline(stages: Result, flows: Result, concentration: Result) -> Headline:
    """On how few the money rests, and what the period's moves put at stake, in a sentence."""
    context: Context = stages.context
    words = context.words
    parts = [_tenth_sentence(context, concentration)]
    if not flows.frame.empty:
        parts.append(_moves_sentence(context, flows))
    slid = _slid(flows)
    if slid:
        parts.append(_slid_sentence(context, slid))
    parts = [p for p in parts if p]
    if not parts:
        missing = next((r.reason for r in stages.records if r.reason), None)
        text = words._(
            "Who is worth it cannot be said for {period}: {reason}.",
            period=words.period(context.period), reason=worded(words, missing or ""),
        )  # fmt: skip
        return Headline(text, "unsure")
    return Headline(paragraph(words, parts), tone_of(slid), _rhythm_line(context, stages))


def _slid(flows: Result) -> Record | None:
    """The share that fell out of its rhythm with its change, if that can be told."""
    found = [r for r in flows.records if (r.metric, r.compare_to) == ("slid_share", "previous")]
    return found[0] if found and found[0].change is not None else None


def _slid_sentence(context: Context, slid: Record) -> str:
    words = context.words
    return words._(
        "The share that fell out was {share}: {clause}.",
        share=words.share(slid.value), clause=change_clause(words, slid, context.windows.basis),
    )  # fmt: skip


def _tenth_sentence(context: Context, concentration: Result) -> str:
    words = context.words
    for measure in ("margin", "revenue"):
        found = [
            r
            for r in concentration.records
            if (r.metric, r.dimensions) == ("top_tenth_share", f"measure={measure}")
        ]
        if found and found[0].value is not None:
            claim = {
                "margin": N_(
                    "One active customer in ten brought {share} of the margin of the last {months}"
                    " months."
                ),
                "revenue": N_(
                    "One active customer in ten brought {share} of the net revenue of the last"
                    " {months} months."
                ),
            }[measure]
            return words._(
                claim, share=words.share(found[0].value, 0),
                months=_months(words, concentration.frame),
            )  # fmt: skip
    return ""


def _moves_sentence(context: Context, flows: Result) -> str:
    words = context.words
    rows = flows.frame.set_index("flow")
    slid, back = rows.loc["slid"], rows.loc["back"]
    values = {
        "period": words.period(context.period),
        "slid": words.count(slid["customers"]),
        "back": words.count(back["customers"]),
    }
    if math.isnan(slid["worth"]):
        return words._(
            "In {period} {slid} growing or loyal customers fell out of their rhythm and {back} came"
            " back into it.",
            **values,
        )
    return words._(
        "In {period} {slid} growing or loyal customers worth {lost} fell out of their rhythm and"
        " {back} worth {gained} came back into it.",
        lost=_money(context, slid["worth"]), gained=_money(context, back["worth"]), **values,
    )  # fmt: skip


def _rhythm_line(context: Context, stages: Result) -> str | None:
    """How many customers are in their rhythm, what they carry, and how both moved."""
    words, frame = context.words, stages.frame
    if frame.empty or "change" not in frame:
        return None
    alive = frame[frame["stage"].isin(ALIVE)]
    n, change = float(alive["customers"].sum()), float(alive["change"].sum(skipna=False))
    worth, then = worth_of(stages), float(alive["then_worth"].sum(skipna=False))
    carried = float(alive[worth].sum(skipna=False))
    if math.isnan(change) or math.isnan(then):
        return words._("{count} customers are in their rhythm", count=words.count(n))
    claim = {
        "margin": N_(
            "{count} customers are in their rhythm, {change} on the previous period; they brought"
            " {money} of margin in {months} months, {moved}"
        ),
        "revenue": N_(
            "{count} customers are in their rhythm, {change} on the previous period; they brought"
            " {money} of net revenue in {months} months, {moved}"
        ),
    }[worth]
    gap = _money(context, abs(carried - then))
    way = N_("{money} less than then") if carried < then else N_("{money} more than then")
    return words._(
        claim, count=words.count(n), change=words.plus(change), money=_money(context, carried),
        months=_months(words, frame), moved=words._(way, money=gap),
    )  # fmt: skip


def value_stages(result: Result, *, id: str) -> Figure | Note:
    """Where the customers are and where the money is: each stage's share of both."""
    if result.frame.empty:
        return _missing(result)
    context: Context = result.context
    words, frame = context.words, result.frame
    worth = worth_of(result)
    with style.house(words):
        names = [words._(STAGE_NAMES[s]) for s in frame["stage"]]
        picture, ax = style.axes(height_mm=58, left=style.text_mm(names) + 4, right=40, bottom=3)
        _draw_stages(ax, context, frame, names, worth)
        what = {
            "margin": N_("Dark: share of the margin. Grey: share of the customers."),
            "revenue": N_("Dark: share of the net revenue. Grey: share of the customers."),
        }[worth]
        style.unit_note(ax, words._(what))
        return style.exhibit(
            picture, id=id, title=_stages_title(context, frame, worth),
            caption=_stages_caption(context, frame), alt=_stages_alt(context, frame, worth),
            data=frame.set_index("stage"),
        )  # fmt: skip


def _draw_stages(
    ax: Any, context: Context, frame: pd.DataFrame, names: Sequence[str], worth: str
) -> None:
    words, y = context.words, np.arange(len(frame))
    shares = frame["worth_share"].fillna(0.0).clip(lower=0.0)
    ax.barh(y - 0.18, shares, height=0.32, color=style.ACTUAL)
    ax.barh(y + 0.18, frame["customer_share"], height=0.32, color=style.COMPARISON)
    most = max(float(shares.max()), float(frame["customer_share"].max()), 0.01)
    for place, row in enumerate(frame.to_dict("records")):
        money = _money(context, row[worth])
        part = row["worth_share"]
        text = money if math.isnan(part) else f"{words.share(part, 0)}  {money}"
        style_of = {"size": style.TEXT_PT, "va": "center", "xytext": (4, 0)}
        ax.annotate(
            text, (max(float(shares.iloc[place]), 0.0), place - 0.18), color=style.ACTUAL,
            weight="semibold", textcoords="offset points", **style_of,
        )  # fmt: skip
        count = words._("{count} customers", count=words.count(row["customers"]))
        ax.annotate(
            f"{words.share(row['customer_share'], 0)}  {count}",
            (row["customer_share"], place + 0.18), color=style.COMPARISON_TEXT,
            textcoords="offset points", **style_of,
        )  # fmt: skip
    ax.set_yticks(y, names)
    ax.tick_params(axis="y", labelsize=style.TEXT_PT, labelcolor=style.INK)
    ax.set_xticks([])
    ax.set_xlim(0, most)
    ax.set_ylim(len(frame) - 0.5, -0.5)
    ax.grid(False)


def _stages_title(context: Context, frame: pd.DataFrame, worth: str) -> str:
    """The stage that brought most, with its share of customers and money."""
    words = context.words
    known = frame[frame["worth_share"].notna()]
    if known.empty:
        return words._("Where the customers are in their life with the company")
    row = max(known.to_dict("records"), key=lambda one: one["worth_share"])
    claim = {
        "margin": N_("{stage}: {customers} of all customers ever, {share} of the margin"),
        "revenue": N_("{stage}: {customers} of all customers ever, {share} of the net revenue"),
    }[worth]
    name = STAGE_NAMES[row["stage"]]
    return words._(
        claim, stage=words._(name), customers=words.share(row["customer_share"], 0),
        share=words.share(row["worth_share"], 0),
    )  # fmt: skip


def _stages_caption(context: Context, frame: pd.DataFrame) -> str:
    words = context.words
    return words._(
        "Money of the last {months} months, by the customer's stage on {day}. Late: more days"
        " since the last order than nine of ten of the customer's own gaps, those of all customers"
        " taken in where there are few. At risk: two or more order dates, late. Once only: one,"
        " late. Lapsed: no order in those months.",
        months=_months(words, frame), day=words.day(context.windows.seen_until),
    )  # fmt: skip


def _stages_alt(context: Context, frame: pd.DataFrame, worth: str) -> str:
    words = context.words
    names = {stage: words._(name) for stage, name in STAGE_NAMES.items()}
    parts = [
        words._(
            "{stage}: {count} customers, {money}", stage=names[row["stage"]],
            count=words.count(row["customers"]), money=_money(context, row[worth]),
        )
        for row in frame.to_dict("records")
    ]  # fmt: skip
    return words._("Bars by stage. {rows}.", rows=words.listed(parts))


def value_flows(result: Result, *, id: str) -> Table | Note:
    """Who left and who came, with their money; losses above, gains below."""
    context: Context = result.context
    words, frame = context.words, result.frame
    if frame.empty:
        return Note(words._("The moves since the previous period cannot be told."), "unsure")
    margin = any(r.metric == "flow_margin" for r in result.records)
    money = MEASURES["margin"] if margin else MEASURES["revenue"]
    rows: list[tuple[str | Cell, ...]] = []
    for loss, title in ((True, N_("Leaving")), (False, N_("Coming"))):
        rows.append((Cell(words._(title), bold=True), "", "", "", ""))
        part = frame[(frame["loss"] == loss) & ((frame["base"] > 0) | (frame["flow"] == "joined"))]
        rows += [_flow_row(context, row) for row in part.to_dict("records")]
    columns = (
        Column(words._("Since the previous period"), "left", "fr"),
        Column(words._("Customers"), "right"),
        Column(words._("of those who could"), "right"),
        Column(words._(money), "right"),
        Column(words._("of it the high tier"), "right"),
    )
    caption = words._(
        "Money of {months} months: up to the previous period's end for who leaves, up to this"
        " period's end for who comes. What has left is not lost yet; it is what those customers"
        " used to bring.",
        months=_months(words, frame),
    )
    return Table(
        columns, tuple(rows), id=id, title=words._("Who left and who came"), caption=caption,
        csv=csv_text(frame), size="small",
    )  # fmt: skip


def _flow_row(context: Context, row: Row) -> tuple[str | Cell, ...]:
    words = context.words
    share = row["customers"] / row["base"] if row["base"] else math.nan
    joined, name = row["flow"] == "joined", FLOW_NAMES[row["flow"]]
    return (
        words._(name),
        words.count(row["customers"]),
        Cell(DASH, muted=True) if joined or math.isnan(share) else words.share(share),
        _money(context, row["worth"]),
        _money(context, row["high_worth"]) if row["high"] else Cell(DASH, muted=True),
    )


def value_actions(flows: Result, stages: Result, tiers: Result) -> ListBlock | Text:
    """Why it moved, what to do, in two or three sentences that rest on the tables."""
    context: Context = flows.context
    words = context.words
    if flows.frame.empty:
        return Text("")
    rows = flows.frame.set_index("flow")
    items = [_cause(context, rows)]
    if rows.loc["slid", "high"]:
        text = words._(
            "Of the {count} customers of the high tier who fell out of their rhythm, contact those"
            " first whom the lists for sales name; whoever is left out there is so for a reason.",
            count=words.count(rows.loc["slid", "high"]),
        )
        items.append(ListItem(words._("What to do"), text))
    check = _check(context, stages)
    if check:
        items.append(check)
    return ListBlock(tuple(items), ordered=False)


def _cause(context: Context, rows: pd.DataFrame) -> ListItem:
    words = context.words
    losses = rows[rows["loss"]]
    unknown = bool(losses["worth"].isna().any())
    by = losses["customers" if unknown else "worth"]
    name = str(by.idxmax())
    text = words._(
        "Most of it goes one way: {flow}, {share} of all that left.",
        flow=words._(FLOW_NAMES[name]),
        share=words.share(float(by[name] / by.sum()) if by.sum() > 0 else 0.0, 0),
    )
    return ListItem(words._("Where it goes"), text)


def _check(context: Context, stages: Result) -> ListItem | None:
    """Whether the stages told apart who would buy: the test of the rule on this period."""
    words, frame = context.words, stages.frame.set_index("stage")
    if frame.loc[["loyal", "at_risk"], "value"].isna().any():
        return None
    loyal, risk = frame.loc["loyal"], frame.loc["at_risk"]
    text = words._(
        "Of those loyal at the previous period's end {loyal} bought in {period} (n={n_loyal}), of"
        " those at risk {risk} (n={n_risk}).",
        loyal=words.share(loyal["value"]), period=words.period(context.period),
        n_loyal=words.count(loyal["then"]), risk=words.share(risk["value"]),
        n_risk=words.count(risk["then"]),
    )  # fmt: skip
    return ListItem(words._("Does the rule hold?"), text)


def value_certainty(stages: Result, concentration: Result) -> Note:
    """How sure the chapter's answer is, and what stands against it."""
    context: Context = stages.context
    words = context.words
    doubts = [
        r
        for r in (*stages.records, *concentration.records)
        if r.status != "final" and r.compare_to == "none"
    ]
    parts = [
        words._(
            "Customers and money are complete counts; the stage is a rule, not a test, and a"
            " customer who is late today may order tomorrow."
        )
    ]
    kept = _kept_sentence(context, concentration)
    if kept:
        parts.append(kept)
    reasons = list(dict.fromkeys(worded(words, r.reason) for r in doubts if r.reason))
    if reasons:
        parts.append(words._("Against it: {doubts}.", doubts=words.listed(reasons)))
    level = "low" if stages.frame.empty else "medium"
    return Note(
        paragraph(words, parts), "unsure" if level == "low" else "neutral",
        words._(CERTAINTY[level]),
    )  # fmt: skip


def _kept_sentence(context: Context, concentration: Result) -> str:
    words = context.words
    for measure in ("margin", "revenue"):
        found = {
            r.metric: r.value for r in concentration.records if r.dimensions == f"measure={measure}"
        }
        kept = found.get("former_top_tenth_share")
        if kept is not None:
            return words._(
                "The best tenth is known only afterwards: last year's best tenth brought {share} of"
                " this year's money.",
                share=words.share(kept, 0),
            )
    return ""


# ---- stages and tiers in full -----------------------------------------------------------------


def stage_table(result: Result, *, id: str | None = None) -> Table | Note:
    """Every stage with its rule, its money and how many of it bought in the period."""
    return _levels(result, "stage", STAGE_NAMES, N_("Stage"), id)


def tier_table(result: Result, *, id: str | None = None) -> Table | Note:
    """The three tiers likewise."""
    return _levels(result, "tier", TIER_NAMES, N_("Tier"), id)


def _levels(
    result: Result, by: str, names: dict[str, str], heading: str, id: str | None
) -> Table | Note:
    frame = result.frame
    if frame.empty:
        return _missing(result)
    context: Context = result.context
    words = context.words
    has_margin = bool(frame["margin"].notna().any())
    rows = []
    for row in frame.to_dict("records"):
        name, rule = names[row[by]], STAGE_RULES.get(row[by], "")
        name = words._(name)
        if rule:
            name = words._("{stage}: {rule}", stage=name, rule=words._(rule))
        cells: list[str | Cell] = [
            name, words.count(row["customers"]), _signed_count(words, row["change"]),
            words.share(row["customer_share"]), _money(context, row["revenue"]),
        ]  # fmt: skip
        if has_margin:
            cells.append(_money(context, row["margin"]))
        part = row["worth_share"]
        cells.append("" if math.isnan(part) else words.share(part))
        cells.append(_buying_cell(words, row))
        rows.append(tuple(cells))
    labels = [N_("Customers"), N_("On the previous period"), N_("Share"), N_("Net revenue")]
    labels += [N_("Margin")] if has_margin else []
    labels += [N_("Share of margin") if has_margin else N_("Share of revenue")]
    labels += [N_("Bought in the period")]
    columns = [Column(words._(heading), "left", "fr")]
    columns += [Column(words._(label), "right") for label in labels]
    title = {
        "stage": N_("The stages of life with the company, and what each brings"),
        "tier": N_("Three tiers of promise, and what each brings"),
    }[by]
    caption = words._(
        "Money of the last {months} months. Bought in the period: of those who were in the row at"
        " the previous period's end, with the 95% interval.",
        months=_months(words, frame),
    )
    return Table(
        tuple(columns), tuple(rows), id=id, title=words._(title), caption=caption,
        csv=csv_text(frame), size="small",
    )  # fmt: skip


def _buying_cell(words: Words, row: Row) -> str | Cell:
    if math.isnan(row["value"]):
        return Cell(DASH, muted=True)
    low, high = words.number(row["low"] * 100, 1), words.share(row["high"])
    return f"{words.share(row['value'])} ({low}–{high})"


def score_limits(result: Result, *, id: str | None = None) -> Table | Text:
    """What it takes to have each score, in days, order dates and money."""
    frame = result.frame
    if frame.empty:
        return Text("")
    context: Context = result.context
    words = context.words
    rows = [
        (
            words.count(row["score"]),
            _range(words, row["since_from"], row["since_to"]),
            _range(words, row["days_from"], row["days_to"]),
            _money_range(context, row["money_above"], row["money_to"]),
        )
        for row in frame.to_dict("records")
    ]
    columns = (
        Column(words._("Score"), "left"),
        Column(words._("Days since the last order"), "right", "fr"),
        Column(words._("Order dates"), "right", "fr"),
        Column(words._("Money"), "right", "fr"),
    )
    caption = words._(
        "The limits lie at fifths of the active customers. Where many customers are equal a score"
        " may be empty ({dash}): equal customers have equal scores. High potential: the three"
        " scores sum to 12 or more; medium: 7 to 11; low activity: fewer, or no order in the"
        " stretch. Earlier days are measured with these limits too.",
        dash=DASH,
    )
    return Table(
        columns, tuple(rows), id=id, title=words._("What it takes: the limits of the scores"),
        caption=caption, csv=csv_text(frame), size="small",
    )  # fmt: skip


def _range(words: Words, first: float, last: float) -> str | Cell:
    if not math.isnan(last) and first > last:
        return Cell(DASH, muted=True)
    if math.isnan(last):
        return words._("{count} and more", count=words.count(first))
    if first == last:
        return words.count(first)
    return f"{words.count(first)}–{words.count(last)}"


def _money_range(context: Context, above: float, to: float) -> str | Cell:
    words = context.words
    if math.isnan(above):
        return words._("up to {money}", money=_money(context, to))
    if math.isnan(to):
        return words._("above {money}", money=_money(context, above))
    if above >= to:
        return Cell(DASH, muted=True)
    return words._(
        "above {low} to {high}", low=_money(context, above), high=_money(context, to)
    )


def moves(result: Result, *, against: str = "previous", id: str | None = None) -> Table | Text:
    """Who stood where then (rows) and where now (columns), as counts that add up."""
    counts = result.frame
    if counts.empty:
        return Text("")
    context: Context = result.context
    words = context.words
    by = "stage" if set(counts.columns) == set(STAGES) else "tier"
    names = STAGE_NAMES if by == "stage" else TIER_NAMES
    most = _heaviest(counts)
    rows = [
        _move_row(words, str(then), counts.loc[then], names, most)
        for then in counts.index
    ]  # fmt: skip
    sums = [words.count(float(counts[c].sum())) for c in counts.columns]
    total = words.count(float(counts.to_numpy().sum()))
    rows.append(tuple(Cell(t, bold=True) for t in (words._("Customers now"), *sums, total)))
    columns = [Column(words._("Then, and now"), "left", "fr")]
    columns += [Column(words._(names[str(c)]), "right") for c in counts.columns]
    columns.append(Column(words._("Customers then"), "right"))
    return Table(
        tuple(columns), tuple(rows), id=id, title=words._(_MOVES[by, against]),
        caption=words._(_HOW_TO_READ) if (by, against) == ("stage", "previous") else None,
        csv=csv_text(counts.rename_axis("then")), size="small",
    )  # fmt: skip


_HOW_TO_READ = N_(
    "Rows: where customers stood then; columns: where they stand now. The last column sums to the"
    " customers of then, the last row to those of now. Shade: the share of the row that went there;"
    " neither who stayed nor who joined is shaded."
)
_MOVES = {
    ("stage", "previous"): N_("From stage to stage since the previous period"),
    ("stage", "year_ago"): N_("From stage to stage within a year"),
    ("tier", "previous"): N_("From tier to tier since the previous period"),
    ("tier", "year_ago"): N_("From tier to tier within a year"),
}


def _heaviest(counts: pd.DataFrame) -> float:
    """The largest share of a row that moved."""
    sizes = counts.sum(axis=1)
    shares = counts.div(sizes.where(sizes > 0), axis=0)
    before = [then for then in counts.index if then != JOINING]
    moved = [shares.loc[then, now] for then in before for now in counts.columns if then != now]
    known = [float(v) for v in moved if not math.isnan(v)]
    return max(known, default=0.0)


def _move_row(
    words: Words, then: str, row: pd.Series, names: dict[str, str], most: float
) -> tuple[str | Cell, ...]:
    size = float(row.sum())
    cells: list[str | Cell] = [words._(names[then])]
    for now, count in row.items():
        text = words.count(float(count))
        if now == then:
            cells.append(Cell(text, bold=True))
        elif not count or then == JOINING:
            cells.append(Cell(text, muted=not count))
        else:
            cells.append(Cell(text, fill=round(min(1.0, float(count) / size / most), 3)))
    cells.append(Cell(words.count(size), bold=True))
    return tuple(cells)


# ---- value so far -----------------------------------------------------------------------------

DEFINITIONS = {
    "total_revenue": N_("Total revenue over the relationship (one article's definition)"),
    "article_net": N_(
        "Average order × frequency × lifetime − acquisition cost (the other's; called net, it is"
        " revenue)"
    ),
    "margin": N_("Total margin over the relationship"),
    "margin_net": N_("Total margin − acquisition cost: what is really net"),
}


def value_so_far(result: Result, cost: Result, *, id: str) -> Table:
    """A customer's value by each definition with its interval, and what makes them differ."""
    context: Context = result.context
    words = context.words
    rows: list[tuple[str | Cell, ...]] = []
    for record in result.records:
        if record.metric != "customer_value":
            continue
        name = record.dimensions.removeprefix("definition=")
        label = words._(DEFINITIONS[name]) if name in DEFINITIONS else words._(_VALUE)
        rows.append(_value_row(context, label, record))
    columns = (
        Column(words._("A customer's value so far"), "left", "fr"),
        Column(words._("Mean"), "right"),
        Column(words._("95% interval"), "right"),
        Column(words._("Customers"), "right"),
    )
    return Table(
        columns, tuple(rows), id=id,
        title=words._("What a customer has been worth so far, by each definition"),
        caption=_value_caption(context, result, cost), csv=csv_text(result.frame),
    )  # fmt: skip


_VALUE = METRICS["customer_value"].name


def _value_row(context: Context, label: str, record: Record) -> tuple[str | Cell, ...]:
    words = context.words
    if record.value is None:
        why = worded(words, record.reason or "")
        return (label, Cell(DASH, muted=True), Cell(why, muted=True), Cell("", muted=True))
    low, high = (_mean_money(context, b) for b in (record.low, record.high))
    return (
        label, Cell(_mean_money(context, record.value), bold=True),
        words.interval(low, high), words.count(record.n),
    )  # fmt: skip


def _value_caption(context: Context, result: Result, cost: Result) -> str:
    words = context.words
    if result.frame.empty:
        return ""
    row = result.frame.iloc[0]
    parts = [
        words._(
            "Average order {order} × {frequency} orders a customer-year × {years} customer-years"
            " so far = {total}. Measured over the same stretch the product is the total revenue of"
            " a customer, so that the two articles differ by the acquisition cost alone; both are"
            " revenue, and what the goods cost is in neither. Lifetimes are not over: these are"
            " values so far, not forecasts.",
            order=_mean_money(context, row["average_order"]),
            frequency=words.number(row["frequency"], 3), years=words.number(row["lifetime"], 3),
            total=_mean_money(context, row["revenue"] / row["customers"]),
        )
    ]  # fmt: skip
    price = cost.one("acquisition_cost")
    if price.value is None:
        parts.append(
            words._("Acquisition cost not computed: {reason}.",
                    reason=worded(words, price.reason or ""))
        )  # fmt: skip
    else:
        parts.append(
            words._(
                "Acquisition cost {money}: {cost} of acquisition, advertising, campaigns and"
                " marketing in twelve months, by {count} customers who joined in them; counted as"
                " if it had won new customers only, so an upper bound.",
                money=_mean_money(context, price.value),
                cost=words.money(price.numerator, context.currency), count=words.count(price.n),
            )
        )  # fmt: skip
    return paragraph(words, parts)


GROUPS = {
    "first_channel": (N_("First channel"), N_("Value by the channel of the first order")),
    "joined": (N_("Joined in"), N_("Value by the year of joining")),
}
GROUP_ROWS = 12


def value_groups(result: Result, *, by: str, id: str | None = None) -> Table | Text:
    """Value so far by group, and of the first year, in which groups of any age compare."""
    frame = result.frame
    if frame.empty or frame["value"].isna().all():
        return Text("")
    context: Context = result.context
    words = context.words
    heading, title = GROUPS[by]
    rows = [_group_row(context, by, row) for row in frame.head(GROUP_ROWS).to_dict("records")]
    columns = (
        Column(words._(heading), "left", "fr"),
        Column(words._("Customers"), "right"),
        Column(words._("Mean so far"), "right"),
        Column(words._("Mean of the first year"), "right"),
        Column(words._("95% interval"), "right"),
        Column(words._("with a whole first year"), "right"),
    )
    caption = {
        "margin": N_(
            "Margin a customer. Older groups have had more time: only the first year compares, over"
            " customers who have had one. Who comes through a channel differs in more than the"
            " channel."
        ),
        "revenue": N_(
            "Net revenue a customer. Older groups have had more time: only the first year compares,"
            " over customers who have had one. Who comes through a channel differs in more than the"
            " channel."
        ),
    }[str(frame["measure"].iloc[0])]
    return Table(
        columns, tuple(rows), id=id, title=words._(title), caption=words._(caption),
        csv=csv_text(frame), size="small",
    )  # fmt: skip


def _group_row(context: Context, by: str, row: Row) -> tuple[str | Cell, ...]:
    words = context.words
    label = str(row["label"]) or words._("not known")
    if by == "first_channel":
        label = shortened(value_name(words, "channel", label))
    low, high = (_mean_money(context, row[k]) for k in ("low", "high"))
    blank = math.isnan(row["value"])
    return (
        label, words.count(row["customers"]), _mean_money(context, row["worth"]),
        Cell(DASH, muted=True) if blank else Cell(_mean_money(context, row["value"]), bold=True),
        "" if blank else words.interval(low, high), words.count(row["n"]),
    )  # fmt: skip


def concentration(result: Result, *, id: str | None = None) -> Table | Note:
    """How much the best tenth brought, and what last year's best tenth brings now."""
    frame = result.frame
    if frame.empty:
        return _missing(result)
    context: Context = result.context
    words = context.words
    names = {measure: words._(name) for measure, name in MEASURES.items()}
    rows = [
        (
            names[row["measure"]], words.count(row["customers"]),
            words.count(row["tenth"]), Cell(words.share(row["share"]), bold=True),
            DASH if math.isnan(row["kept"]) else words.share(row["kept"]),
        )
        for row in frame.to_dict("records")
    ]  # fmt: skip
    columns = (
        Column(words._("Of the"), "left", "fr"),
        Column(words._("Active customers"), "right"),
        Column(words._("Best tenth"), "right"),
        Column(words._("It brought"), "right"),
        Column(words._("Last year's best tenth brought"), "right"),
    )
    caption = words._(
        "Complete counts. The best are chosen by the same money that they are counted with, so the"
        " first share holds luck too; the second is what a tenth chosen a year before brings."
    )
    return Table(
        columns, tuple(rows), id=id, title=words._("On how few customers the money rests"),
        caption=caption, csv=csv_text(frame), size="small",
    )  # fmt: skip


