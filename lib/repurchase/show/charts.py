"""Charts of results. Each returns one exhibit: the title claims or asks, the picture shows.

Actual is a solid dark line, the year before grey, a target outlined; what rests on short history
is hollow. Labels stand at the lines, so that no legend is needed.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter

from repurchase.analysis.findings import moved, year_ago
from repurchase.context import Context
from repurchase.period import Period
from repurchase.records import Result
from repurchase.show import style
from repurchase.show.blocks import Block, Figure, Row
from repurchase.show.sentences import (
    HEADLINE,
    against,
    distance,
    paragraph,
    points,
    share_interval,
)
from repurchase.show.tables import identification_cuts
from repurchase.words import Words

SHOWN = 13
LABEL_GAP_MM = 3.4
CURVE_TICKS = (30, 60, 90, 180)
POOLED_AGES = 18
FEW_COHORTS = 3
AXIS_LEFT_MM = 11.0


# ---- shared pieces ----------------------------------------------------------------------------


def _share_axis(ax: Axes, words: Words, low: float, high: float) -> tuple[float, float]:
    """A share axis around the values, on round steps; returns its range.

    It spans ten points at least, so that noise does not fill the picture.
    """
    centre = (low + high) / 2
    low, high = min(low, max(0.0, centre - 0.05)), max(high, min(1.0, centre + 0.05))
    step = next((s for s in (0.01, 0.02, 0.05, 0.1) if (high - low) / s <= 5.5), 0.2)
    bottom = max(0.0, math.floor(low / step + 1e-9) * step)
    top = min(1.0, math.ceil(high / step - 1e-9) * step)
    bottom = 0.0 if bottom <= 0.25 * top else bottom
    ticks = [i * step for i in range(round(bottom / step), round(top / step) + 1)]
    ax.set_ylim(bottom, top)
    ax.yaxis.set_major_locator(FixedLocator(ticks))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda y, _: words.share(y, 0)))
    return bottom, top


def _range_note(words: Words, what: str, bottom: float, top: float) -> str:
    """What the axis counts; where it does not begin at 0 it says so."""
    if bottom <= 0:
        return what
    return words._("{what}; the scale begins at {bottom}", what=what, bottom=words.share(bottom, 0))


def _direct_labels(
    ax: Axes,
    labels: Sequence[tuple[float, str, str, str]],
    *,
    x: float,
    gap_mm: float = LABEL_GAP_MM,
) -> None:
    """Labels (y, text, colour, weight) right of `x`, moved apart where they would meet."""
    height_mm = ax.get_position().height * style.picture_of(ax).get_size_inches()[1] * 25.4
    bottom, top = ax.get_ylim()
    per_mm = (top - bottom) / height_mm
    places = style.spread([y for y, *_ in labels], gap=gap_mm * per_mm)
    for place, (_, text, colour, weight) in zip(places, labels, strict=True):
        place = min(max(place, bottom + per_mm), top)
        ax.annotate(
            text, (x, place), xytext=(5, 0), textcoords="offset points", color=colour,
            weight=weight, size=style.TEXT_PT, va="center", ha="left", annotation_clip=False,
        )  # fmt: skip


def _thinned_ticks(ax: Axes, count: int) -> None:
    """Every third label, so that they do not meet; the last one stays."""
    for number, label in enumerate(ax.get_xticklabels()):
        label.set_visible((count - 1 - number) % 3 == 0)


def _marked_tick(ax: Axes, number: int) -> None:
    """The reviewed period's tick label stands out; an axis without ticks is left alone."""
    for label in ax.get_xticklabels()[number:][:1]:
        label.set_color(style.ACTUAL)
        label.set_fontweight("semibold")


def _partial(frame: pd.DataFrame) -> np.ndarray:
    """Which rows are periods still running; none if the frame does not say."""
    said = frame.get("partial")
    if said is None:
        return np.zeros(len(frame), dtype=bool)
    return said.fillna(False).astype(bool).to_numpy()


def _number(value: object) -> float:
    return math.nan if value is None or pd.isna(value) else float(value)  # type: ignore[arg-type, call-overload]


# ---- trend ------------------------------------------------------------------------------------


def trend(
    history: Result, figures: Result, *, id: str, width: style.Width = "full",
    height_mm: float = 62,
) -> Figure:  # fmt: skip
    """Returning-buyer share of the last 13 periods, the year before in grey, targets outlined.

    Points that rest on less than a year of history are hollow: there the share rises with the
    length of the data alone. At half width every third period is labelled.
    """
    context: Context = figures.context
    words = context.words
    frame = history.frame.reset_index(drop=True)
    shown = frame.tail(SHOWN).reset_index(drop=True)
    past = _year_before(frame, shown)
    targets = _targets(context, shown["period"].tolist())
    with style.house(words):
        labels = _trend_labels(words, shown, past, targets)
        room = style.text_mm([text for _, text, _, _ in labels], weight="semibold")
        picture, ax = style.axes(height_mm=height_mm, width=width, right=room + 5)
        values = [*shown["low"], *shown["high"], *past.dropna(), *targets.values()]
        bottom, top = _share_axis(ax, words, *_reach(values))
        _draw_trend(ax, words, shown, past, targets)
        if width == "half":
            _thinned_ticks(ax, len(shown))
        _direct_labels(ax, labels, x=len(shown) - 1 + 0.1)
        what = words._("Buyers with an earlier order date, share of all buyers of the period")
        if width == "half":
            what = words._("Share of the buyers")
        style.unit_note(ax, _range_note(words, what, bottom, top))
        data = shown.assign(year_before=past, target=shown["period"].map(targets))
        return style.exhibit(
            picture, id=id, title=_trend_title(context, figures, brief=width == "half"),
            caption=_trend_caption(words, shown, past, targets),
            alt=_trend_alt(context, shown, figures), data=data.set_index("period"), width=width,
        )  # fmt: skip


def _reach(values: Sequence[float]) -> tuple[float, float]:
    known = [v for v in values if not math.isnan(v)]
    return (min(known), max(known)) if known else (0.0, 1.0)


def _year_before(frame: pd.DataFrame, shown: pd.DataFrame) -> pd.Series:
    """The share of the same period a year before each shown one; missing where there is none."""
    known = dict(zip(frame["period"], frame["value"], strict=True))
    sound = dict(zip(frame["period"], ~frame["short_history"].astype(bool), strict=True))
    labels = [Period.parse(p).year_ago().label for p in shown["period"]]
    return pd.Series([known[p] if sound.get(p) else math.nan for p in labels], dtype=float)


def _targets(context: Context, periods: Sequence[str]) -> dict[str, float]:
    return {
        t.period: t.value
        for t in context.params.targets
        if t.metric == HEADLINE and not t.dimensions and t.period in periods
    }


def _trend_labels(
    words: Words, shown: pd.DataFrame, past: pd.Series, targets: Mapping[str, float]
) -> list[tuple[float, str, str, str]]:
    found = []
    last = shown.iloc[-1] if len(shown) else None
    if last is not None and not math.isnan(_number(last["value"])):
        found.append((float(last["value"]), words.share(last["value"]), style.ACTUAL, "semibold"))
        if last["period"] in targets:
            target = targets[last["period"]]
            text = words._("target {target}", target=words.share(target))
            found.append((target, text, style.PLAN, "normal"))
    if len(past) and not math.isnan(past.iloc[-1]):
        text = words._("a year before {share}", share=words.share(past.iloc[-1]))
        found.append((float(past.iloc[-1]), text, style.COMPARISON_TEXT, "normal"))
    return found


def _draw_trend(
    ax: Axes, words: Words, shown: pd.DataFrame, past: pd.Series, targets: Mapping[str, float]
) -> None:
    x = np.arange(len(shown))
    ax.fill_between(x, shown["low"], shown["high"], color=style.ACTUAL, alpha=0.13, linewidth=0)
    ax.plot(x, past, color=style.COMPARISON, linewidth=1.5)
    partial = _partial(shown)
    # what leads to a period still running is dashed: the value will move
    whole = shown["value"].where(~partial)
    ax.plot(x, whole, color=style.ACTUAL, linewidth=1.9, clip_on=False)
    for end in np.flatnonzero(partial).tolist():
        ends = [max(end - 1, 0), end]
        ax.plot(
            ends, shown["value"].iloc[ends], color=style.ACTUAL, linewidth=1.5,
            linestyle=(0, (2.5, 1.8)), clip_on=False,
        )  # fmt: skip
    hollow = shown["short_history"].astype(bool).to_numpy() | partial
    for chosen, face in ((hollow, "white"), (~hollow, style.ACTUAL)):
        ax.plot(
            x[chosen], shown["value"][chosen], linestyle="none", marker="o", markersize=3.8,
            markerfacecolor=face, markeredgecolor=style.ACTUAL, markeredgewidth=1.1, clip_on=False,
        )  # fmt: skip
    for number, period in enumerate(shown["period"]):
        if period in targets:
            ax.plot(
                [number - 0.32, number + 0.32], [targets[period]] * 2, color=style.PLAN,
                linewidth=1.2, linestyle=(0, (2.5, 1.5)), solid_capstyle="butt",
            )  # fmt: skip
    ax.set_xlim(-0.4, max(len(shown) - 1, 0.4) + 0.1)
    ax.set_xticks(x, style.period_labels([Period.parse(p) for p in shown["period"]], words))
    _marked_tick(ax, len(shown) - 1)


def _trend_title(context: Context, figures: Result, *, brief: bool = False) -> str:
    words = context.words
    record = figures.one(HEADLINE)
    past = year_ago(figures, HEADLINE, context.windows.basis)
    if record.value is None:
        return words._("How large a share of the buyers had bought before?")
    share = words.share(record.value)
    if brief or record.status != "final" or past is None or past.status != "final":
        return words._("{share} of the buyers had bought before", share=share)
    label = against(words, past.compare_to, context.windows.basis)
    if not moved(past):
        return words._(
            "{share} of the buyers had bought before: no detectable change {against}",
            share=share,
            against=label,
        )
    change = points(words, past.change)
    return words._(
        "{share} of the buyers had bought before: {change} {against}",
        share=share,
        change=change,
        against=label,
    )


def _trend_caption(
    words: Words, shown: pd.DataFrame, past: pd.Series, targets: Mapping[str, float]
) -> str:
    parts = [words._("Band: 95% interval.")]
    if past.notna().any():
        parts.append(words._("Grey: the same period a year before."))
    if targets:
        parts.append(words._("Dashed: target."))
    if shown["short_history"].any():
        parts.append(
            words._(
                "Hollow: less than a year of data precedes, so the share is understated and rises"
                " with the length of the data alone."
            )
        )
    if _partial(shown).any():
        parts.append(words._("Dashed to a hollow point: the period is still running."))
    return paragraph(words, parts)


def _trend_alt(context: Context, shown: pd.DataFrame, figures: Result) -> str:
    words = context.words
    record = figures.one(HEADLINE)
    if record.value is None or shown.empty:
        return words._("Returning-buyer share: no value could be computed.")
    first = shown.iloc[0]
    return words._(
        "Line chart of the returning-buyer share: {first} in {first_period}, {share} in {period},"
        " 95% interval {interval}.",
        first=words.share(_number(first["value"])),
        first_period=words.period(Period.parse(first["period"])),
        share=words.share(record.value),
        period=words.period(context.period),
        interval=share_interval(words, record),
    )


# ---- pooled retention by age ------------------------------------------------------------------


def pooled(result: Result, *, id: str) -> Figure:
    """Share of all cohorts that ordered again at each age, with the number of cohorts behind it."""
    context: Context = result.context
    words = context.words
    frame = result.frame.reset_index()
    # an age that only the oldest cohorts have reached shows those cohorts, not the age
    enough = frame["cohorts"] >= min(FEW_COHORTS, frame["cohorts"].max())
    shown = frame[(frame["age"] >= 1) & enough].head(POOLED_AGES).reset_index(drop=True)
    with style.house(words):
        names = (words._("Month after joining"), words._("Cohorts counted"))
        room = style.text_mm(names, size=style.SMALL_PT + 0.5)
        picture, ax = style.axes(height_mm=50, right=6, bottom=11)
        _, high = _reach(shown["high"].tolist())
        bottom, top = _share_axis(ax, words, 0.0, high)
        x = shown["age"].to_numpy(dtype=float)
        ax.fill_between(x, shown["low"], shown["high"], color=style.ACTUAL, alpha=0.13, linewidth=0)
        ax.plot(x, shown["value"], color=style.ACTUAL, linewidth=1.9)
        few = (shown["cohorts"] < FEW_COHORTS).to_numpy()
        for chosen, face in ((few, "white"), (~few, style.ACTUAL)):
            ax.plot(
                x[chosen], shown["value"][chosen], linestyle="none", marker="o", markersize=3.8,
                markerfacecolor=face, markeredgecolor=style.ACTUAL, markeredgewidth=1.1,
                clip_on=False,
            )  # fmt: skip
        _age_axis(ax, words, shown, names, room)
        _pooled_values(ax, words, shown)
        what = words._("Customers with an order date in that month, share of those who joined")
        style.unit_note(ax, _range_note(words, what, bottom, top))
        return style.exhibit(
            picture, id=id, title=_pooled_title(words, shown),
            caption=_pooled_caption(words, shown),
            alt=_pooled_alt(words, shown), data=frame.set_index("age"),
        )  # fmt: skip


def _age_axis(
    ax: Axes, words: Words, shown: pd.DataFrame, names: Sequence[str], room_mm: float
) -> None:
    """Ages with the cohorts behind them; what the two lines are stands left of the first."""
    ages = [int(age) for age in shown["age"]]
    last = max([*ages, 6]) + 0.4
    width_mm = ax.get_position().width * style.TEXT_WIDTH_MM
    free = min(0.5, max(0.0, (room_mm - AXIS_LEFT_MM + 4) / width_mm))
    ax.set_xlim((1 - free * last) / (1 - free), last)
    labels = [f"{a}\n{words.count(c)}" for a, c in zip(ages, shown["cohorts"], strict=True)]
    ax.set_xticks(ages, labels)
    ax.annotate(
        "\n".join(names), (0, 0), xycoords=("figure points", "axes fraction"), xytext=(1, -4),
        textcoords="offset points", size=style.SMALL_PT + 0.5, color=style.MUTED, va="top",
    )  # fmt: skip


def _pooled_values(ax: Axes, words: Words, shown: pd.DataFrame) -> None:
    """The value at ages that people ask for, above the band."""
    last = int(shown["age"].max()) if len(shown) else 0
    for row in shown.itertuples():
        if row.age in {1, 3, 6, 12, last}:
            ax.annotate(
                words.share(_number(row.value), 0), (row.age, row.high), xytext=(0, 2.5),
                textcoords="offset points", ha="center", va="bottom", color=style.ACTUAL,
                weight="semibold",
            )  # fmt: skip


def _pooled_title(words: Words, shown: pd.DataFrame) -> str:
    known = dict(zip(shown["age"], shown["value"], strict=True))
    if 1 not in known:
        return words._("How many customers of a joining month order again later?")
    if 6 in known:
        return words._(
            "{one} of those who join order again in the month after, {six} in the sixth",
            one=words.share(known[1], 0),
            six=words.share(known[6], 0),
        )
    return words._(
        "{one} of those who join order again in the month after", one=words.share(known[1], 0)
    )


def _pooled_caption(words: Words, shown: pd.DataFrame) -> str:
    parts = [
        words._(
            "All cohorts that have reached the age, pooled; numerator and denominator come from the"
            " same cohorts. Band: 95% interval."
        )
    ]
    if (shown["cohorts"] < FEW_COHORTS).any():
        parts.append(words._("Hollow: fewer than three cohorts."))
    return paragraph(words, parts)


def _pooled_alt(words: Words, shown: pd.DataFrame) -> str:
    if shown.empty:
        return words._("No cohort is a month old yet.")
    first, last = shown.iloc[0], shown.iloc[-1]
    return words._(
        "Line chart of retention by age: {first} in month {first_age}, {last} in month {last_age}"
        " after joining.",
        first=words.share(first["value"]),
        first_age=words.count(first["age"]),
        last=words.share(last["value"]),
        last_age=words.count(last["age"]),
    )


# ---- the curve of coming back -----------------------------------------------------------------


def curve(result: Result, figures: Result, *, id: str) -> Figure:
    """Share of new customers who have come back, by days since the first order date.

    The lines are Kaplan-Meier over all who joined; the labels at 30, 60, 90 and 180 days are
    read off the dark one. The recorded figures rest on other joiners (see `ladder`).
    """
    context: Context = figures.context
    words = context.words
    frame = result.frame
    now, past = (frame[frame["window"] == w] for w in ("none", "year_ago"))
    marks = _curve_marks(now)
    with style.house(words):
        labels = _curve_labels(words, now, past)
        room = style.text_mm([text for _, text, _, _ in labels], weight="semibold")
        picture, ax = style.axes(height_mm=52, right=room + 4, bottom=11)
        highs = [*now["high"], *past["value"]]
        bottom, top = _share_axis(ax, words, 0.0, _reach(highs)[1])
        _draw_curve(ax, words, now, past, marks)
        _direct_labels(ax, labels, x=180)
        what = words._("New customers who have ordered again, share")
        style.unit_note(ax, _range_note(words, what, bottom, top))
        return style.exhibit(
            picture, id=id, title=_curve_title(words, figures, marks),
            caption=_curve_caption(words, now, past),
            alt=_curve_alt(words, marks), data=frame.set_index(["window", "day"]),
        )  # fmt: skip


def _curve_marks(now: pd.DataFrame) -> dict[int, float]:
    """The curve's height at the labelled days that it reaches."""
    if now.empty:
        return {}
    day, value = now["day"].to_numpy(), now["value"].to_numpy(dtype=float)
    # between two days of the frame the curve is level; past its last day nobody was followed
    return {
        tick: float(value[day <= tick][-1])
        for tick in CURVE_TICKS
        if day.min() <= tick <= day.max()
    }


def _curve_labels(
    words: Words, now: pd.DataFrame, past: pd.DataFrame
) -> list[tuple[float, str, str, str]]:
    found = []
    if len(now):
        found.append((float(now["value"].iloc[-1]), words._("now"), style.ACTUAL, "semibold"))
    if len(past):
        text = words._("a year before")
        found.append((float(past["value"].iloc[-1]), text, style.COMPARISON_TEXT, "normal"))
    return found


def _draw_curve(
    ax: Axes, words: Words, now: pd.DataFrame, past: pd.DataFrame, marks: Mapping[int, float]
) -> None:
    for part, colour, width in ((past, style.COMPARISON, 1.5), (now, style.ACTUAL, 1.9)):
        if len(part):
            days, values = [0, *part["day"]], [0.0, *part["value"]]
            ax.step(days, values, where="post", color=colour, linewidth=width)
    if len(now):
        ax.fill_between(
            now["day"], now["low"], now["high"], step="post", color=style.ACTUAL, alpha=0.13,
            linewidth=0,
        )  # fmt: skip
    for day, value in marks.items():
        above = now.loc[now["day"] <= day, "high"].iloc[-1]
        ax.plot(
            day, value, marker="o", markersize=4.6, markerfacecolor=style.ACTUAL,
            markeredgecolor="white", markeredgewidth=0.8,
        )  # fmt: skip
        ax.annotate(
            words.share(value), (day, max(value, _number(above))), xytext=(-3, 4),
            textcoords="offset points", ha="right", va="bottom", color=style.ACTUAL,
            weight="semibold",
        )  # fmt: skip
    ax.set_xlim(0, 181)
    ticks = (0, *CURVE_TICKS)
    ax.set_xticks(ticks, [words.count(t) for t in ticks])
    ax.tick_params(axis="x", length=2.5, width=0.6, color=style.COMPARISON)
    ax.annotate(
        words._("days since the first order"), (0.67, 0), xycoords="axes fraction", xytext=(0, -4),
        textcoords="offset points", va="top", ha="center", size=style.SMALL_PT + 0.5,
        color=style.MUTED,
    )  # fmt: skip


def _curve_title(words: Words, figures: Result, marks: Mapping[int, float]) -> str:
    """The recorded figure only where the curve shows the same; else what the curve shows."""
    record, drawn = figures.one("repurchase_90d"), marks.get(90)
    if drawn is None:
        return words._("How soon do new customers order again?")
    share = words.share(drawn)
    if record.value is not None and words.share(record.value) == share:
        return words._("{share} of new customers order again within 90 days", share=share)
    return words._(
        "{share} of all who joined order again within 90 days, each followed as far as the data go",
        share=share,
    )


def _curve_caption(words: Words, now: pd.DataFrame, past: pd.DataFrame) -> str:
    parts = []
    if len(now):
        n, days = _joined(words, now)
        parts.append(words._("Dark: {n} customers who joined {days}.", n=n, days=days))
    if len(past):
        n, days = _joined(words, past)
        parts.append(words._("Grey: {n} customers who joined {days}.", n=n, days=days))
    parts.append(
        words._(
            "Kaplan-Meier: each customer counts as long as observed. Points: the dark curve at 30,"
            " 60, 90 and 180 days. Band: 95% interval."
        )
    )
    return paragraph(words, parts)


def _joined(words: Words, part: pd.DataFrame) -> tuple[str, str]:
    """How many joined, and in which days."""
    row = part.iloc[0]
    return words.count(int(row["customers"])), words.days(_day(row["first"]), _day(row["last"]))


def _day(value: object) -> dt.date:
    return pd.Timestamp(value).date()  # type: ignore[arg-type]


def _curve_alt(words: Words, marks: Mapping[int, float]) -> str:
    if not marks:
        return words._("No share of customers who came back could be computed.")
    shares = [
        words._(
            "{share} within {days} days",
            share=words.share(share),
            days=words.count(day),
        )
        for day, share in marks.items()
    ]
    return words._(
        "Rising curve of the share of new customers who ordered again: {shares}.",
        shares=words.listed(shares),
    )


# ---- revenue ----------------------------------------------------------------------------------


def revenue(result: Result, *, id: str) -> Figure:
    """Net revenue of identified customers by month: repeat orders dark, first orders light."""
    context: Context = result.context
    words = context.words
    frame = result.frame.reset_index(drop=True)
    with style.house(words):
        labels = [words._("first orders"), words._("repeat orders")]
        room = style.text_mm(labels, weight="semibold")
        picture, ax = style.axes(height_mm=54, left=13, right=room + 4)
        x = np.arange(len(frame))
        repeat, first = frame["repeat_orders"].clip(lower=0), frame["first_orders"].clip(lower=0)
        # the whole bar light, and the repeat part of it dark in front: what remains is first orders
        for height, colour in ((repeat + first, style.LIGHT), (repeat, style.ACTUAL)):
            ax.bar(x, height, width=0.68, color=colour, linewidth=0)
        ax.set(xlabel="", ylabel="")
        _hatch(ax, x[_partial(frame)], (repeat + first)[_partial(frame)])
        _money_axis(ax, context, float((repeat + first).max()) if len(frame) else 1.0)
        _bar_shares(ax, words, frame, repeat + first)
        _bar_labels(ax, labels, repeat, first)
        ax.set_xlim(-0.5, len(frame) - 0.5)
        months = [Period.parse(m) for m in frame["month"]]
        ax.set_xticks(x, style.period_labels(months, words))
        for number, month in enumerate(months):
            if context.period.start <= month.start <= context.period.end:
                _marked_tick(ax, number)
        style.unit_note(
            ax, words._("Net revenue of identified customers; above each bar the repeat share")
        )
        return style.exhibit(
            picture, id=id, title=_revenue_title(words, frame),
            caption=_revenue_caption(words, frame),
            alt=_revenue_alt(context, frame), data=frame.set_index("month"),
        )  # fmt: skip


def _hatch(ax: Axes, places: np.ndarray, heights: pd.Series) -> None:
    """White strokes over the bars of months still running."""
    ax.bar(
        places, heights, width=0.68, facecolor="none", edgecolor="white", hatch="////",
        linewidth=0, zorder=3,
    )  # fmt: skip


def _money_axis(ax: Axes, context: Context, high: float) -> None:
    ax.set_ylim(0, high * 1.1 if high > 0 else 1.0)
    ax.yaxis.set_major_locator(_MoneyTicks(high))
    ax.yaxis.set_major_formatter(
        FuncFormatter(lambda y, _: _round_money(context.words.money(y, context.currency)))
    )


def _round_money(text: str) -> str:
    """Without the decimal zeros that a round amount carries: ¥150k for ¥150.0k."""
    return re.sub(r"[.]0+(?=\D|$)", "", text)


class _MoneyTicks(FixedLocator):
    """Round amounts from 0, four or five of them."""

    def __init__(self, high: float) -> None:
        size = 10.0 ** math.floor(math.log10(high)) if high > 0 else 1.0
        step = next(
            s * size for s in (0.1, 0.2, 0.25, 0.5, 1.0, 2.0, 5.0) if high / (s * size) <= 5
        )
        super().__init__([step * i for i in range(int(high / step) + 1)])


def _bar_shares(ax: Axes, words: Words, frame: pd.DataFrame, tops: pd.Series) -> None:
    for number, (share, top) in enumerate(zip(frame["share"], tops, strict=True)):
        if not math.isnan(_number(share)):
            last = number == len(frame) - 1
            ax.annotate(
                words.share(share, 0), (number, top), xytext=(0, 2), textcoords="offset points",
                ha="center", va="bottom", color=style.ACTUAL if last else style.MUTED,
                weight="semibold" if last else "normal", size=style.SMALL_PT + 0.5,
            )  # fmt: skip


def _bar_labels(ax: Axes, labels: Sequence[str], repeat: pd.Series, first: pd.Series) -> None:
    if not len(repeat):
        return
    heights = [(repeat.iloc[-1] + first.iloc[-1] / 2, labels[0], style.COMPARISON_TEXT, "normal")]
    heights.append((repeat.iloc[-1] / 2, labels[1], style.ACTUAL, "semibold"))
    _direct_labels(ax, heights, x=len(repeat) - 0.66)


def _revenue_title(words: Words, frame: pd.DataFrame) -> str:
    share = _number(frame["share"].iloc[-1]) if len(frame) else math.nan
    if math.isnan(share):
        return words._("How much of the revenue comes from repeat orders?")
    return words._(
        "{share} of identified customers' revenue came from repeat orders",
        share=words.share(share),
    )


def _revenue_caption(words: Words, frame: pd.DataFrame) -> str:
    parts = [words._("Net of refunds and returns. Repeat: not on the customer's first order date.")]
    if frame["short_history"].any():
        parts.append(
            words._(
                "In the first twelve months of the data the repeat share is understated, since"
                " earlier orders are unknown."
            )
        )
    if _partial(frame).any():
        parts.append(words._("Hatched: the month is still running."))
    return paragraph(words, parts)


def _revenue_alt(context: Context, frame: pd.DataFrame) -> str:
    words = context.words
    if frame.empty:
        return words._("No revenue could be computed.")
    last = frame.iloc[-1]
    return words._(
        "Stacked bars of monthly net revenue: in {month} {repeat} from repeat orders and {first}"
        " from first orders.",
        month=words.period(Period.parse(last["month"])),
        repeat=words.money(last["repeat_orders"], context.currency),
        first=words.money(last["first_orders"], context.currency),
    )


# ---- identification ---------------------------------------------------------------------------


def identification(months: Result, *cuts: Result, id: str) -> Block:
    """Identified share of orders by month; with cuts beside it the stores and channels.

    The dashed lines are the previous period's share plus and minus the profile's limit.
    """
    table = identification_cuts(*cuts)
    if table is None:
        return _identified_line(months, id=id, width="full")
    return Row((_identified_line(months, id=id, width="half"), table))


def _identified_line(months: Result, *, id: str, width: style.Width) -> Figure:
    context: Context = months.context
    words = context.words
    frame = months.frame.reset_index(drop=True)
    limit = context.params.profile.identification_limit
    before = _number(frame["value"].iloc[-2]) if len(frame) > 1 else math.nan
    with style.house(words):
        last = _number(frame["value"].iloc[-1]) if len(frame) else math.nan
        texts = [words.share(last), words._("limit")]
        room = style.text_mm(texts, weight="semibold")
        picture, ax = style.axes(height_mm=58, width=width, right=room + 4)
        bands = [] if math.isnan(before) else [max(0.0, before - limit), min(1.0, before + limit)]
        bottom, top = _share_axis(ax, words, *_reach([*frame["low"], *frame["high"], *bands]))
        x = np.arange(len(frame))
        ax.fill_between(x, frame["low"], frame["high"], color=style.ACTUAL, alpha=0.13, linewidth=0)
        ax.plot(
            x, frame["value"], color=style.ACTUAL, linewidth=1.9, marker="o", markersize=3.4,
            clip_on=False,
        )  # fmt: skip
        for height in bands:
            ax.plot(
                [len(frame) - 2, len(frame) - 1], [height] * 2, color=style.PLAN, linewidth=1.0,
                linestyle=(0, (2.5, 1.5)),
            )  # fmt: skip
        ax.set_xlim(-0.4, max(len(frame) - 1, 0.4) + 0.1)
        names = style.period_labels([Period.parse(m) for m in frame["month"]], words)
        step = 1 if width == "full" or len(frame) < 8 else 3
        kept = [i for i in range(len(frame)) if (len(frame) - 1 - i) % step == 0]
        ax.set_xticks(kept, _thinned(names, kept, frame, words))
        if kept:
            _marked_tick(ax, len(kept) - 1)
        labels = [(last, words.share(last), style.ACTUAL, "semibold")]
        labels += [(h, words._("limit"), style.PLAN, "normal") for h in bands]
        _direct_labels(
            ax, [part for part in labels if not math.isnan(part[0])], x=len(frame) - 0.95
        )
        what = words._("Orders with a known customer, share")
        style.unit_note(ax, _range_note(words, what, bottom, top))
        return style.exhibit(
            picture, id=id, title=_identified_title(words, last, before, limit),
            caption=_identified_caption(words, limit), alt=_identified_alt(words, frame),
            data=frame.set_index("month"), width=width,
        )  # fmt: skip


def _thinned(
    names: Sequence[str], kept: Sequence[int], frame: pd.DataFrame, words: Words
) -> list[str]:
    """Labels of the kept ticks; each new year among them is written once."""
    if len(kept) == len(names):
        return list(names)
    months = [Period.parse(frame["month"].iloc[i]) for i in kept]
    found, year = [], None
    for month in months:
        name = style.period_labels([month], words)[0]
        found.append(name if month.start.year != year else name.split("\n")[0])
        year = month.start.year
    return found


def _identified_title(words: Words, last: float, before: float, limit: float) -> str:
    if math.isnan(last):
        return words._("How many orders have a known customer?")
    if not math.isnan(before) and abs(last - before) > limit:
        return words._(
            "{share} of orders have a known customer: {change} on the month before, beyond the"
            " limit",
            share=words.share(last),
            change=points(words, last - before),
        )
    return words._("{share} of orders have a known customer", share=words.share(last))


def _identified_caption(words: Words, limit: float) -> str:
    return words._(
        "Dashed: the month before, plus and minus the limit of {limit}; a move beyond it can pass"
        " for a change in behaviour. Band: 95% interval.",
        limit=distance(words, limit),
    )


def _identified_alt(words: Words, frame: pd.DataFrame) -> str:
    if frame.empty:
        return words._("No share of orders with a known customer could be computed.")
    first, last = frame.iloc[0], frame.iloc[-1]
    return words._(
        "Line chart of the share of orders with a known customer: {first} in {first_month}, {last}"
        " in {last_month}.",
        first=words.share(_number(first["value"])),
        first_month=words.period(Period.parse(first["month"])),
        last=words.share(_number(last["value"])),
        last_month=words.period(Period.parse(last["month"])),
    )
