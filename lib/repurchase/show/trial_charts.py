"""Experiments as pictures: all of them on one scale, and each from week to week."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Picture
from matplotlib.ticker import FuncFormatter, MaxNLocator

from repurchase.analysis.trial_verdict import in_money
from repurchase.analysis.trial_weeks import Weeks
from repurchase.analysis.trials import Trial
from repurchase.context import Context
from repurchase.show import style
from repurchase.show.blocks import TONE_COLOURS, Block, Figure, Text
from repurchase.show.sentences import paragraph
from repurchase.show.tables import shortened
from repurchase.show.trials import TONES, amount, gain_text, metric_name, question
from repurchase.stats.proportion import Estimate

MOST_BARS = 10
FEWEST_BARS = 2
MOST_PANELS = 6
ROW_MM = 6.5
PANEL_MM = 34.0


# ---- all tests on one scale --------------------------------------------------------------------


def trials_forest(trials: Sequence[Trial], *, context: Context, id: str) -> Figure | Text:
    """What the verdict on each test rests on, a customer, on one scale of money.

    Of a gain that was taken back that is the longer stretch. Tests whose figure is no money have
    no place on the scale. Nothing where fewer than two tests are left.
    """
    words = context.words
    told = [(t, t.verdict.gain) for t in trials if not t.broken and in_money(t.plan)]
    shown = [(t, g) for t, g in told if g is not None and all(map(math.isfinite, g))][:MOST_BARS]
    if len(shown) < FEWEST_BARS:
        return Text("")
    with style.house(words):
        names = [_name(t, context) for t, _ in shown]
        values = [gain_text(t, gain, context) for t, gain in shown]
        left, right = style.text_mm(names) + 3, style.text_mm(values) + 4
        picture, ax = style.axes(
            height_mm=14 + ROW_MM * len(shown), left=left, right=right, top=6, bottom=8
        )
        _draw_forest(ax, shown, names, values)
        style.unit_note(ax, words._("A customer, net of the arm's cost where that is known"))
        ax.xaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 5, 10]))
        ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: words.money(x, context.currency)))
        data = pd.DataFrame(
            [(t.plan.id, t.verdict.arm, *gain, t.verdict.decision) for t, gain in shown],
            columns=["test", "arm", "difference", "low", "high", "verdict"],
        )
        sure = sum(gain.low > 0 for _, gain in shown)
        return style.exhibit(
            picture, id=id,
            title=words._("{sure} of {n} tests surely gained",
                          sure=words.count(sure), n=words.count(len(shown)))
            if sure
            else words._("None of {n} tests surely gained", n=words.count(len(shown))),
            caption=words._(
                "Line: the interval that the verdict rests on; where it crosses 0 nothing is shown."
                " Broken tests have no line."
            ),
            alt=_forest_alt(shown, context), data=data,
        )  # fmt: skip


def _name(trial: Trial, context: Context) -> str:
    """The test with the days that its figure counts."""
    words, plan = context.words, trial.plan
    taken_back = trial.verdict.why == "pulled_forward"
    days = plan.longer_horizon_days if taken_back else plan.horizon_days
    return words._(
        "{test}, {days} days", test=shortened(question(trial, context)), days=words.count(days)
    )


def _draw_forest(
    ax: Axes, shown: Sequence[tuple[Trial, Estimate]], names: Sequence[str], values: Sequence[str]
) -> None:
    ax.grid(False)
    ax.axvline(0, color=style.PLAN, linewidth=0.8)
    for row, ((trial, gain), text) in enumerate(zip(shown, values, strict=True)):
        colour = TONE_COLOURS[TONES[trial.verdict.decision]]
        sure = gain.low > 0 or gain.high < 0
        ax.plot([gain.low, gain.high], [row, row], color=colour, linewidth=1.6)
        ax.plot(gain.value, row, marker="o", markersize=4.5, color=colour,
                markerfacecolor=colour if sure else "white")  # fmt: skip
        ax.annotate(text, (1, row), xycoords=("axes fraction", "data"), xytext=(5, 0),
                    textcoords="offset points", va="center", ha="left", size=style.TEXT_PT,
                    annotation_clip=False)  # fmt: skip
    ax.set_yticks(range(len(shown)), names)
    ax.tick_params(axis="y", labelsize=style.TEXT_PT, labelcolor=style.INK)
    ax.set_ylim(len(shown) - 0.5, -0.5)


def _forest_alt(shown: Sequence[tuple[Trial, Estimate]], context: Context) -> str:
    words = context.words
    parts = [
        words._("{test}: {gain}", test=question(t, context), gain=gain_text(t, gain, context))
        for t, gain in shown
    ]
    return words._("Interval of each test. {parts}", parts=paragraph(words, parts))


# ---- from week to week -------------------------------------------------------------------------


def trial_weeks(trials: Sequence[Trial], *, context: Context, id: str) -> Block:
    """The difference of each week since assignment, a panel a test and arm, and its slope.

    Broken tests, and those whose figure order dates do not tell, have none.
    """
    words = context.words
    panels = [(t, arm) for t in trials if not t.broken and t.weeks is not None
              for arm in dict.fromkeys(t.weeks.frame["arm"])]  # fmt: skip
    if not panels:
        return Text(words._("No test can be followed from week to week yet."))
    shown = panels[:MOST_PANELS]
    with style.house(words):
        picture = _draw_weeks(shown, context)
        data = pd.concat([
            t.weeks.frame[t.weeks.frame["arm"] == arm].assign(test=t.plan.id)
            for t, arm in shown if t.weeks is not None
        ])  # fmt: skip
        fading = [p for p in shown if _fades(*p)]
        title = (
            words._("In {count} of {n} the effect wears off from week to week",
                    count=words.count(len(fading)), n=words.count(len(shown)))
            if fading
            else words._("In none of {n} is the effect seen to wear off",
                         n=words.count(len(shown)))
        )  # fmt: skip
        return style.exhibit(
            picture, id=id, title=title, caption=_weeks_caption(shown, len(panels), context),
            alt=words._("The difference of each week since assignment, with its interval."),
            data=data,
        )  # fmt: skip


def _fades(trial: Trial, arm: str) -> bool:
    slope = None if trial.weeks is None else trial.weeks.slopes.get(arm)
    return slope is not None and slope.slope.high < 0


def _draw_weeks(shown: Sequence[tuple[Trial, str]], context: Context) -> Picture:
    words = context.words
    columns = 1 if len(shown) == 1 else 2
    lines = math.ceil(len(shown) / columns)
    height = 7 + PANEL_MM * lines
    picture, first = style.axes(height_mm=height)
    picture.delaxes(first)
    width, gap = style.TEXT_WIDTH_MM, 16.0
    wide = (width - 14 - 3 - gap * (columns - 1)) / columns
    for number, (trial, arm) in enumerate(shown):
        row, column = divmod(number, columns)
        left = 14 + column * (wide + gap)
        bottom = height - 3 - (row + 1) * PANEL_MM + 4.5
        ax = picture.add_axes((left / width, bottom / height, wide / width, 20.5 / height))
        assert trial.weeks is not None
        _draw_panel(ax, trial, arm, trial.weeks, context)
        several = len(trial.arms) > 1
        name = words._("{test}: {arm}", test=question(trial, context), arm=arm)
        ax.set_title(shortened(name if several else question(trial, context)), loc="left",
                     size=style.TEXT_PT, pad=4, color=style.INK)  # fmt: skip
        if not number:
            style.unit_note(ax, words._("Difference a customer, by week since the assignment"))
    return picture


def _draw_panel(ax: Axes, trial: Trial, arm: str, weeks: Weeks, context: Context) -> None:
    part = weeks.frame[weeks.frame["arm"] == arm]
    at = part["week"].to_numpy(dtype=float)
    ax.axhline(0, color=style.PLAN, linewidth=0.8)
    ax.vlines(at, part["low"], part["high"], color=style.COMPARISON, linewidth=1.2)
    ax.plot(at, part["difference"], linestyle="none", marker="o", markersize=3.2,
            color=style.ACTUAL)  # fmt: skip
    slope = weeks.slopes.get(arm)
    if slope is not None:
        weight = 1 / (part["high"] - part["low"]).to_numpy(dtype=float) ** 2
        middle = float((weight * at).sum() / weight.sum())
        level = float((weight * part["difference"]).sum() / weight.sum())
        ax.plot(at, level + slope.slope.value * (at - middle), color=style.ACTUAL, linewidth=1.0,
                linestyle=(0, (2.5, 1.5)))  # fmt: skip
    ax.set_xticks(at)
    ax.set_xlim(at.min() - 0.6, at.max() + 0.6)
    ax.yaxis.set_major_locator(MaxNLocator(nbins=4, steps=[1, 2, 5, 10]))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda y, _: _short(trial, y, context)))


def _short(trial: Trial, value: float, context: Context) -> str:
    words = context.words
    if in_money(trial.plan):
        return words.money(value, context.currency)
    return amount(trial, trial.plan.metric, value, context)


def _weeks_caption(shown: Sequence[tuple[Trial, str]], count: int, context: Context) -> str:
    words = context.words
    parts = [
        words._(
            "The figure that leads, a customer, in each week since the assignment, with its own 95%"
            " interval. Dashed: the line through the weeks."
        )
    ]
    parts += [t for p in shown if (t := _slope_text(*p, context))]
    if count > len(shown):
        parts.append(words._("{count} more are left out.", count=words.count(count - len(shown))))
    return paragraph(words, parts)


def _slope_text(trial: Trial, arm: str, context: Context) -> str:
    words = context.words
    slope = None if trial.weeks is None else trial.weeks.slopes.get(arm)
    if slope is None:
        return ""
    values = {
        "test": question(trial, context),
        "change": gain_text(trial, slope.slope, context),
        "metric": metric_name(words, trial, trial.plan.metric),
    }
    if slope.slope.high < 0:
        return words._("{test}: it falls by week, {change} of {metric}.", **values)
    if slope.slope.low > 0:
        return words._("{test}: it rises by week, {change} of {metric}.", **values)
    return words._("{test}: no change by week is shown, {change} of {metric}.", **values)

