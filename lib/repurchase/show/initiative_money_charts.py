"""An initiative's money as pictures: the bridge to its net value, its cash, what it hangs on."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from repurchase.analysis.initiative_reading import Reading, change_said
from repurchase.context import Context
from repurchase.show import style
from repurchase.show.blocks import TONE_COLOURS, Figure, Text
from repurchase.show.initiatives import COSTS, FACTORS, bounded, range_text
from repurchase.show.sentences import joined, paragraph
from repurchase.stats.proportion import Estimate
from repurchase.words import Words

ROW_MM = 5.2
HALF_ROW_MM = 4.6  # beside the ladder, so that the page holds what is to be decided too
MOST_COSTS = 5
GOOD, BAD = TONE_COLOURS["good"], TONE_COLOURS["bad"]


class Bar(NamedTuple):
    """A row of the waterfall, from `start` to `start + amount`; `kind` tells its look."""

    name: str
    start: float
    amount: float
    kind: str  # level, more, less, total, change
    told: Estimate | None = None


# ---- the bridge --------------------------------------------------------------------------------


def money_bridge(
    reading: Reading, *, context: Context, id: str, width: style.Width = "full"
) -> Figure | Text:
    """From the margin that it caused over its costs to the net value so far.

    Where no rung stands, from what the whole change is worth to the cost: no net value. At half
    width the intervals are drawn and not written.
    """
    words, money = context.words, reading.money
    bars = _bars(reading, context)
    if not any(b.kind in ("level", "change") for b in bars) or not money.total_cost:
        return Text("")
    with style.house(words):
        names = [b.name for b in bars]
        values = [_value(b, context, short=width == "half") for b in bars]
        left, right = style.text_mm(names) + 3, style.text_mm(values, weight="semibold") + 4
        row = HALF_ROW_MM if width == "half" else ROW_MM
        picture, ax = style.axes(
            height_mm=12 + row * len(bars), width=width, left=left, right=right, top=5, bottom=7
        )
        _draw_bars(ax, bars, values)
        _money_ticks(ax, context, most=5 if width == "full" else 2)
        data = pd.DataFrame(
            [(b.name, b.amount, *((b.told.low, b.told.high) if b.told else (None, None)))
             for b in bars], columns=["step", "amount", "low", "high"],
        )  # fmt: skip
        return style.exhibit(
            picture, id=id, title=_bridge_title(reading, context),
            caption=_bridge_caption(reading, context),
            alt=joined(words, [words._("{name}: {label}", name=b.name, label=v)
                               for b, v in zip(bars, values, strict=True)]),
            data=data, width=width,
        )  # fmt: skip


def _bars(reading: Reading, context: Context) -> list[Bar]:
    words, money = context.words, reading.money
    found: list[Bar] = []
    at = 0.0
    if money.incremental is not None:
        at = money.incremental.value
        found.append(Bar(words._("Margin that it caused"), 0.0, at, "level", money.incremental))
    elif money.change_money is not None:
        at = money.change_money.value
        found.append(
            Bar(words._("The whole change in margin"), 0.0, at, "change", money.change_money)
        )
    steps = dict(zip(money.bridge["step"], money.bridge["amount"], strict=True))
    saved = steps.get("savings")
    if saved:
        found.append(Bar(words._("Savings that were cashed"), at, saved, "more"))
        at += saved
    for name, amount in _costs(money.costs, words):
        found.append(Bar(name, at, -amount, "less"))
        at -= amount
    if money.net is not None:
        found.append(Bar(words._("Net value so far"), 0.0, money.net.value, "total", money.net))
    return found


def _costs(costs: pd.DataFrame, words: Words) -> list[tuple[str, float]]:
    """The dearest categories by name, the rest together."""
    if costs.empty:
        return []
    sums = costs.groupby("category")["amount"].sum()
    rows = sorted(sums.items(), key=lambda x: (-float(x[1]), str(x[0])))
    shown = rows if len(rows) <= MOST_COSTS else rows[: MOST_COSTS - 1]
    found = [(words._("Cost: {name}", name=cost_name(str(c), words)), float(a)) for c, a in shown]
    rest = sum(float(a) for _, a in rows[len(shown) :])
    if rest:
        found.append((words._("Other costs"), rest))
    return found


def cost_name(category: str, words: Words) -> str:
    """A category in the reader's language; the company's own as it is."""
    return words._(COSTS[category]) if category in COSTS else category


def _value(bar: Bar, context: Context, *, short: bool) -> str:
    if bar.told is not None and not short:
        return range_text(bar.told, context)
    text = context.words.money(bar.amount, context.currency)
    return f"+{text}" if bar.amount > 0 and bar.kind == "more" else text


def _draw_bars(ax: Axes, bars: Sequence[Bar], values: Sequence[str]) -> None:
    ax.grid(False)
    ax.axvline(0, color=style.PLAN, linewidth=0.8)
    for row, (bar, text) in enumerate(zip(bars, values, strict=True)):
        ax.barh(row, bar.amount, left=bar.start, height=0.62, **_look(bar))
        if bar.told is not None and bounded(bar.told):
            ax.plot([bar.told.low, bar.told.high], [row, row], color=style.PLAN, linewidth=1.0)
        end = bar.start + bar.amount
        if row + 1 < len(bars):
            ax.plot([end, end], [row + 0.31, row + 0.69], color=style.COMPARISON, linewidth=0.7)
        bold = bar.kind in ("level", "total", "change")
        ax.annotate(text, (1, row), xycoords=("axes fraction", "data"), xytext=(5, 0),
                    textcoords="offset points", va="center", ha="left", size=style.TEXT_PT,
                    weight="semibold" if bold else "normal", annotation_clip=False)  # fmt: skip
    ax.set_yticks(range(len(bars)), [b.name for b in bars])
    ax.tick_params(axis="y", labelsize=style.TEXT_PT, labelcolor=style.INK)
    ax.set_ylim(len(bars) - 0.5, -0.5)


def _look(bar: Bar) -> dict[str, Any]:
    if bar.kind == "change":  # no effect: drawn apart from one
        return {"facecolor": "white", "edgecolor": style.COMPARISON, "hatch": "////",
                "linewidth": 0.8}  # fmt: skip
    total = GOOD if bar.amount >= 0 else BAD
    colours = {"level": style.ACTUAL, "more": GOOD, "less": style.COMPARISON, "total": total}
    return {"color": colours[bar.kind], "linewidth": 0}


def _money_ticks(ax: Axes, context: Context, *, most: int = 5) -> None:
    ax.xaxis.set_major_locator(MaxNLocator(nbins=most, steps=[1, 2, 5, 10]))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: _round(x, context)))


def _round(value: float, context: Context) -> str:
    """Without the decimal zeros of a round amount: ¥20k."""
    return re.sub(r"[.]0+(?=\D|$)", "", context.words.money(value, context.currency))


def _bridge_title(reading: Reading, context: Context) -> str:
    words, money = context.words, reading.money
    cost = words.money(money.total_cost, context.currency)
    if money.net is not None:
        net = words.money(abs(money.net.value), context.currency)
        if reading.verdict == "not_shown":
            if money.net.value >= 0:
                return words._("Cost {cost} so far; by the best reading {net} is left",
                               cost=cost, net=net)  # fmt: skip
            return words._("Cost {cost} so far; by the best reading {short} is not back yet",
                           cost=cost, short=net)  # fmt: skip
        if money.net.value >= 0:
            return words._("Cost {cost} so far, and {net} is left", cost=cost, net=net)
        return words._("Cost {cost} so far, {short} is not back yet",
                       cost=cost, short=net)  # fmt: skip
    if reading.is_readable and change_said(money) == "within_chance":
        return words._("Cost {cost} so far, and the change in margin is within chance", cost=cost)
    if money.break_even_share is None or not reading.is_readable:
        return words._("Cost {cost} so far, and what it caused is not known", cost=cost)
    return words._("Cost {cost} so far: it paid if at least {share} of the change is its own",
                   cost=cost, share=words.share(money.break_even_share, 0))  # fmt: skip


def _bridge_caption(reading: Reading, context: Context) -> str:
    words, money = context.words, reading.money
    parts = [
        words._("Up to {day}. Line: 95% interval.", day=words.day(money.until)),
        words._("Hatched: a change against before, not an effect; no net value follows from it.")
        if money.net is None else "",
        accounts_text(reading, context),
    ]  # fmt: skip
    return paragraph(words, [p for p in parts if p])


def accounts_text(reading: Reading, context: Context) -> str:
    """How the figures tie to the company's revenue and to the books."""
    words, money = context.words, reading.money
    told, treated = money.accounts, money.treated_revenue
    if told is None or treated is None or not told.revenue > 0:
        return ""
    text = words._(
        "Repeat orders of the treated, from the period after their first, brought {treated} of the"
        " company's {revenue} net revenue of known customers in these days ({share}).",
        treated=words.money(treated, context.currency),
        revenue=words.money(told.revenue, context.currency),
        share=words.share(treated / told.revenue, 0),
    )
    if told.unexplained is None:
        tie = words._("No total of the finance department is given to hold that against.")
    elif told.exceeded:
        tie = words._(
            "It does not tie to the books: {share} of the finance department's total of the period"
            " is unexplained.", share=words.share(told.unexplained, 2),
        )  # fmt: skip
    else:
        tie = words._(
            "The period's total of all orders ties to the finance department's but for {share}.",
            share=words.share(told.unexplained, 2),
        )
    return paragraph(words, [text, tie])


# ---- cash and payback --------------------------------------------------------------------------


def cash_chart(reading: Reading, *, context: Context, id: str) -> Figure | Text:
    """The cash from the first cost on, summed up, and where it is paid back."""
    words, money = context.words, reading.money
    if money.net is None or len(money.cash) < 2:
        return Text("")
    cash = money.cash.groupby("month", sort=True).last()
    months, total = [_day(m) for m in cash.index], cash["cumulative"].to_numpy(dtype=float)
    ahead = cash["projected"].to_numpy(dtype=bool)
    with style.house(words):
        ends = [*total, *cash["low"].dropna(), *cash["high"].dropna()]
        left = style.text_mm([words.money(x, context.currency) for x in ends]) + 3
        picture, ax = style.axes(height_mm=46, left=left, right=8, top=6, bottom=9)
        banded = bool(np.isfinite(cash[["low", "high"]].to_numpy(dtype=float)).all())
        if banded:
            low, high = (cash[k].to_numpy(dtype=float) for k in ("low", "high"))
            ax.fill_between(np.arange(len(cash)), low, high, color=style.ACTUAL, alpha=0.13,
                            linewidth=0)  # fmt: skip
        _draw_cash(ax, months, total, ahead, reading, words)
        ax.yaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 5, 10]))
        ax.yaxis.set_major_formatter(FuncFormatter(lambda y, _: _round(y, context)))
        style.unit_note(ax, words._("Benefit less cost, summed up, at each month's end"))
        return style.exhibit(
            picture, id=id, title=_cash_title(reading, words),
            caption=_cash_caption(reading, words, banded=banded),
            alt=words._(
                "Summed up: lowest {low}, {now} now, {end} at the end.",
                low=words.money(float(total.min()), context.currency),
                now=words.money(money.net.value, context.currency),
                end=words.money(float(total[-1]), context.currency),
            ),
            data=money.cash,
        )  # fmt: skip


def _day(value: object) -> dt.date:
    day = pd.Timestamp(value).date()  # type: ignore[arg-type]
    assert isinstance(day, dt.date)
    return day


def _draw_cash(
    ax: Axes, months: Sequence[dt.date], total: np.ndarray, ahead: np.ndarray, reading: Reading,
    words: Words,
) -> None:  # fmt: skip
    x = np.arange(len(months), dtype=float)
    ax.axhline(0, color=style.PLAN, linewidth=0.8)
    seen = int((~ahead).sum())
    ax.plot(x[:seen], total[:seen], color=style.ACTUAL, linewidth=1.9)
    if seen < len(x):
        ax.plot(x[max(seen - 1, 0):], total[max(seen - 1, 0):], color=style.ACTUAL, linewidth=1.5,
                linestyle=(0, (2.5, 1.8)))  # fmt: skip
    found = reading.money.payback_months
    if found is not None:
        live = reading.plan.go_live
        first = 12 * (live.year - months[0].year) + live.month - months[0].month
        at = first + found - 1  # a month's sum stands at its place, which is its end
        ax.plot([at], [0], marker="o", markersize=6, color=GOOD, zorder=4, clip_on=False)
        ax.annotate(words._("paid back"), (at, 0), xytext=(0, -7), textcoords="offset points",
                    ha="center", va="top", size=style.TEXT_PT, color=GOOD)  # fmt: skip
    # steps that meet every January, which carries the year
    step = next((n for n in (1, 2, 3, 6) if len(months) <= 14 * n), 12)
    shown = [k for k, m in enumerate(months) if (m.month - 1) % step == 0]
    ax.set_xticks(x[shown], style.month_labels([months[k] for k in shown], words))
    ax.set_xlim(-0.4, len(x) - 0.6)
    ax.margins(y=0.12)


def _cash_title(reading: Reading, words: Words) -> str:
    money = reading.money
    if money.payback_months is None:
        return words._("Likeliest: not paid back within its horizon")
    if money.payback_months == 0:
        return words._("Likeliest: paid back in the month in which it was spent")
    months = words.number(money.payback_months, 1)
    if _is_past(reading):
        return words._("Likeliest: paid back {months} months after the go-live", months=months)
    return words._(
        "Likeliest: paid back {months} months after the go-live, if the effect lasts",
        months=months,
    )


def _is_past(reading: Reading) -> bool:
    money, live = reading.money, reading.plan.go_live
    here = 12 * (money.until.year - live.year) + money.until.month - live.month + 1
    return money.payback_months is not None and money.payback_months <= here


def _cash_caption(reading: Reading, words: Words, *, banded: bool) -> str:
    lasts = reading.plan.persistence.likely
    parts = [
        words._("Dashed: projected, with the members of the last period, up to {day}.",
                day=words.day(reading.money.stop)),
        words._("Of the effect {share} is taken to be left after each month.",
                share=words.share(float(lasts), 0)),
        words._("Months count from the begin of the go-live's month; in the ramp-up no benefit is"
                " counted."),
    ]  # fmt: skip
    if banded:
        parts.append(words._("Band: 95% interval."))
    return paragraph(words, parts)


# ---- what the answer hangs on ------------------------------------------------------------------


def tornado_chart(reading: Reading, *, context: Context, id: str) -> Figure | Text:
    """The present value over the horizon at the ends of each factor, the widest first."""
    words, money = context.words, reading.money
    frame = money.tornado
    if money.npv is None or frame.empty:
        return Text("")
    rows = frame.to_dict("records")
    with style.house(words):
        names = [words._("{first}: {then}", first=words._(FACTORS[str(r["factor"])]),
                         then=_ends(r, reading, context)) for r in rows]  # fmt: skip
        values = [
            words.interval(*(words.money(r[k], context.currency) for k in ("low", "high")))
            for r in rows
        ]
        left, right = style.text_mm(names) + 3, style.text_mm(values) + 4
        picture, ax = style.axes(
            height_mm=15 + ROW_MM * len(rows), left=left, right=right, top=6, bottom=8
        )
        _draw_tornado(ax, frame, names, values, money.npv.value)
        _money_ticks(ax, context)
        day = words.day(money.stop)
        style.unit_note(
            ax,
            words._("Net present value up to {day}", day=day) if money.discount_rate
            else words._("Net value up to {day}", day=day),
        )  # fmt: skip
        return style.exhibit(
            picture, id=id, title=_tornado_title(frame, words),
            caption=words._(
                "Each factor at its low and its high end, the others at their likeliest; the line"
                " is the likeliest of all."
            ),
            alt=joined(words, [words._("{name}: {label}", name=n, label=v)
                               for n, v in zip(names, values, strict=True)]),
            data=frame,
        )  # fmt: skip


def _ends(row: dict[object, object], reading: Reading, context: Context) -> str:
    """A factor's two ends in its own unit."""
    words, name = context.words, str(row["factor"])
    ends = [float(row[k]) for k in ("low_at", "high_at")]  # type: ignore[arg-type]
    if name == "effect":
        texts = [words.money(x, context.currency, whole=False) for x in ends]
    elif name == "months_to_come":
        texts = [words.count(x) for x in ends]
    else:
        texts = [words.share(x, 0) for x in ends]
    return words.interval(*texts)


def _draw_tornado(
    ax: Axes, frame: pd.DataFrame, names: Sequence[str], values: Sequence[str], base: float
) -> None:
    ax.grid(False)
    ax.axvline(0, color=style.COMPARISON, linewidth=0.8, linestyle=(0, (2.5, 1.5)))
    ax.axvline(base, color=style.PLAN, linewidth=0.9)
    for row, (low, high) in enumerate(zip(frame["low"], frame["high"], strict=True)):
        first, last = sorted((low, high))
        for start, end, colour in (
            (first, min(max(base, first), last), BAD), (max(min(base, last), first), last, GOOD),
        ):  # fmt: skip
            ax.barh(row, end - start, left=start, height=0.6, color=colour, alpha=0.75, linewidth=0)
        ax.annotate(values[row], (1, row), xycoords=("axes fraction", "data"), xytext=(5, 0),
                    textcoords="offset points", va="center", ha="left", size=style.TEXT_PT,
                    annotation_clip=False)  # fmt: skip
    ax.set_yticks(range(len(names)), names)
    ax.tick_params(axis="y", labelsize=style.TEXT_PT, labelcolor=style.INK)
    ax.set_ylim(len(names) - 0.5, -0.5)


def _tornado_title(frame: pd.DataFrame, words: Words) -> str:
    turning = [words._(FACTORS[str(r["factor"])]) for r in frame.to_dict("records")
               if min(r["low"], r["high"]) < 0 < max(r["low"], r["high"])]  # fmt: skip
    if turning:
        return words._("Could turn the answer: {names}", names=words.listed(turning))
    return words._("No factor alone turns the answer")


