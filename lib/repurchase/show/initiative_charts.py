"""Initiatives as pictures: the ladder of evidence, and each rung's own."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from repurchase.analysis.initiative_panel import of_equal_age
from repurchase.analysis.initiative_reading import Reading
from repurchase.analysis.ladder import CHANGES, Rung
from repurchase.context import Context
from repurchase.show import style
from repurchase.show.blocks import TONE_COLOURS, Figure, Text
from repurchase.show.initiatives import (
    RUNG_NAMES,
    effect_text,
    named,
    per_step,
    unit_text,
)
from repurchase.show.sentences import paragraph
from repurchase.words import N_, Words

ROW_MM = 6.0
PANEL_MM = 40.0
HALF_ROW_MM = 4.6  # the ladder beside the money's bridge
SHORT_NAMES = {
    "naive": N_("Before and after"),
    "season": N_("Season last year"),
    "difference": N_("Diff-in-diff"),
    "synthetic_control": N_("Synthetic control"),
    "structural": N_("Time series"),
    "synthetic_difference": N_("Synthetic DiD"),
}
# an interval without bounds is drawn to the edge of the picture
REACH = 1.08
EDGE = 0.25  # so near an edge of the picture a label is set to the inner side


# ---- the ladder ---------------------------------------------------------------------------------


def ladder_chart(
    reading: Reading, *, context: Context, id: str, width: style.Width = "full"
) -> Figure | Text:
    """Every rung with its interval, the one stood on marked, changes apart from effects.

    Of half the width it has short names and no values beside the lines.
    """
    words = context.words
    rungs = [r for r in reading.ladder.rungs if r.effect is not None]
    if not rungs:
        return Text("")
    wide = width == "full"
    with style.house(words):
        names = [_rung_name(r, reading, words, short=not wide) for r in rungs]
        values = [effect_text(reading, r.effect, context) if wide else "" for r in rungs]
        left = style.text_mm(names, weight="semibold") + 3
        right = style.text_mm(values, weight="semibold") + 4
        height = (17 if wide else 18) + (ROW_MM if wide else HALF_ROW_MM) * len(rungs)
        picture, ax = style.axes(
            height_mm=height, width=width, left=left, right=right, top=9, bottom=6
        )
        _draw_ladder(ax, reading, rungs, names, values)
        _need_line(ax, reading, context)
        what = per_step(reading, words)
        style.unit_note(ax, what[:1].upper() + what[1:])
        ax.xaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 5, 10]))
        ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: _tick(reading, x, context)))
        return style.exhibit(
            picture, id=id, title=_ladder_title(reading, words, short=not wide),
            caption=_ladder_caption(reading, words, short=not wide),
            alt=_ladder_alt(reading, rungs, context), data=_ladder_data(reading, rungs),
            width=width,
        )  # fmt: skip


def _refused(rung: Rung, reading: Reading) -> bool:
    """Whether a check or a warning forbids to stand on it."""
    return rung.name not in CHANGES and not (rung.stands and reading.rung is not None)


def _rung_name(rung: Rung, reading: Reading, words: Words, *, short: bool = False) -> str:
    name = words._((SHORT_NAMES if short else RUNG_NAMES)[rung.name])
    if rung.name in CHANGES:  # in the short form the dashes and the caption say so
        return name if short else words._("{rung} (change)", rung=name)
    if _refused(rung, reading):
        return words._("{rung} (refused)", rung=name)
    return name


def _draw_ladder(
    ax: Axes, reading: Reading, rungs: Sequence[Rung], names: Sequence[str],
    values: Sequence[str],
) -> None:  # fmt: skip
    ax.grid(False)
    ax.axvline(0, color=style.PLAN, linewidth=0.8)
    low, high = _bounds(reading, rungs)
    ax.set_xlim(low, high)
    own = reading.rung
    for row, (rung, text) in enumerate(zip(rungs, values, strict=True)):
        assert rung.effect is not None
        chosen = own is not None and rung.name == own.name
        change = rung.name in CHANGES
        colour = style.ACTUAL if chosen else style.COMPARISON
        ends = (max(rung.effect.low, low), min(rung.effect.high, high))
        ax.plot(ends, [row, row], color=colour, linewidth=2.4 if chosen else 1.3,
                linestyle=(0, (2, 1.5)) if change else "-")  # fmt: skip
        ax.plot(rung.effect.value, row, marker="s" if change else "o",
                markersize=5.5 if chosen else 4, color=colour,
                markerfacecolor=colour if chosen else "white")  # fmt: skip
        ax.annotate(text, (1, row), xycoords=("axes fraction", "data"), xytext=(5, 0),
                    textcoords="offset points", va="center", ha="left", size=style.TEXT_PT,
                    weight="semibold" if chosen else "normal", annotation_clip=False)  # fmt: skip
    changes = sum(r.name in CHANGES for r in rungs)
    if 0 < changes < len(rungs):
        ax.axhline(changes - 0.5, color=style.GRID, linewidth=0.8)
    ax.set_yticks(range(len(rungs)), names)
    ax.tick_params(axis="y", labelsize=style.TEXT_PT, labelcolor=style.INK)
    for label, rung in zip(ax.get_yticklabels(), rungs, strict=True):
        if own is not None and rung.name == own.name:
            label.set_fontweight("semibold")
        elif _refused(rung, reading):
            label.set_color(style.COMPARISON_TEXT)
    ax.set_ylim(len(rungs) - 0.5, -0.5)


def _bounds(reading: Reading, rungs: Sequence[Rung]) -> tuple[float, float]:
    """What the scale holds: zero, the line to pay, and every end that is a number."""
    found = [0.0]
    if reading.money.break_even is not None and reading.plan.outcome == "margin":
        found.append(reading.money.break_even)
    for rung in rungs:
        assert rung.effect is not None
        found += [x for x in rung.effect[:3] if math.isfinite(x)]
    low, high = min(found), max(found)
    room = (high - low or 1.0) * (REACH - 1)
    return low - room, high + room


def _need_line(ax: Axes, reading: Reading, context: Context) -> None:
    """From where it pays; money's effect is the margin's."""
    need = reading.money.break_even
    if need is None or reading.plan.outcome != "margin":
        return
    colour = TONE_COLOURS["good"]
    ax.axvline(need, color=colour, linewidth=1.0, linestyle=(0, (4, 2)))
    told = unit_text(reading, need, context).lstrip("+")
    text = context.words._("pays from {need}", need=told)
    low, high = ax.get_xlim()
    place = (need - low) / (high - low)
    ax.annotate(text, (need, 1), xycoords=("data", "axes fraction"), xytext=(0, 2),
                textcoords="offset points", va="bottom", size=style.SMALL_PT, color=colour,
                ha="left" if place < EDGE else "right" if place > 1 - EDGE else "center",
                annotation_clip=False)  # fmt: skip


def _tick(reading: Reading, value: float, context: Context) -> str:
    if reading.plan.outcome == "orders":
        return context.words.number(value, 3)
    return context.words.money(value, context.currency, whole=float(value).is_integer())


def _ladder_title(reading: Reading, words: Words, *, short: bool) -> str:
    rung = reading.rung
    if rung is None:
        return words._("No comparison may be stood on")
    names = SHORT_NAMES if short else RUNG_NAMES
    return words._("It stands on: {rung}", rung=words._(names[rung.name]))


def _ladder_caption(reading: Reading, words: Words, *, short: bool) -> str:
    parts = [
        words._(
            "From the weakest comparison down to the strongest, with 95% intervals. Dashed: a"
            " change, compared with nobody, never stood on."
        )
    ]
    if of_equal_age(reading.panel):
        parts.append(
            words._(
                "All at equal time since a customer's first order, so not what the table above"
                " shows of customers who have grown older."
            )
        )
    if any(_refused(r, reading) for r in reading.ladder.rungs if r.effect):
        parts.append(words._("Refused: a check or a warning forbids it; see Part B."))
    names = SHORT_NAMES if short else RUNG_NAMES
    missing = [words._(names[r.name]) for r in reading.ladder.rungs if r.effect is None]
    if missing:
        parts.append(words._("Not computed: {names}.", names=words.listed(missing)))
    return paragraph(words, parts)


def _ladder_alt(reading: Reading, rungs: Sequence[Rung], context: Context) -> str:
    words = context.words
    return paragraph(
        words,
        [
            words._("{test}: {gain}.", test=_rung_name(r, reading, words),
                    gain=effect_text(reading, r.effect, context))
            for r in rungs
        ],
    )  # fmt: skip


def _ladder_data(reading: Reading, rungs: Sequence[Rung]) -> pd.DataFrame:
    own = reading.rung.name if reading.rung else None
    return pd.DataFrame(
        [(r.name, *r.effect[:3], r.stands, r.name == own) for r in rungs if r.effect],
        columns=["rung", "effect", "low", "high", "stands", "stood_on"],
    )


# ---- each rung's own picture --------------------------------------------------------------------


def event_study(reading: Reading, rung: Rung, *, context: Context, id: str) -> Figure | Text:
    """The effect of each period against all others before, with its interval."""
    words = context.words
    frame = frame_of(rung, "event_study")
    if frame is None:
        return Text("")
    with style.house(words):
        picture, ax = style.axes(height_mm=PANEL_MM + 14, left=16)
        at = np.arange(len(frame), dtype=float)
        ax.axhline(0, color=style.PLAN, linewidth=0.8)
        late = _is_after(frame, reading)
        for flag, colour in ((False, style.COMPARISON), (True, style.ACTUAL)):
            here = late == flag
            part = frame[here]
            ax.vlines(at[here], part["low"].astype(float), part["high"].astype(float),
                      color=colour, linewidth=1.3)  # fmt: skip
            ax.plot(at[here], part["effect"].astype(float), linestyle="none", marker="o",
                    markersize=3.2, color=colour)  # fmt: skip
        _mark_live(ax, late, words)
        _time_axis(ax, frame, reading, words)
        _value_axis(ax, reading, context)
        return style.exhibit(
            picture, id=id,
            title=words._("{name}: treated less others, each period",
                          name=named(reading, context)),
            caption=words._(
                "Each period against all others before the start. Those before (grey) lie around 0"
                " where treated and others were alike. With 95% intervals."
            ),
            alt=words._("The difference of treated and others in each period."), data=frame,
        )  # fmt: skip


def path_chart(reading: Reading, rung: Rung, *, context: Context, id: str) -> Figure | Text:
    """What was seen against what would have been, with its band where the method gives one."""
    words = context.words
    frame = frame_of(rung, "path")
    if frame is None:
        return Text("")
    with style.house(words):
        picture, ax = style.axes(height_mm=PANEL_MM + 14, left=16, right=24)
        at = np.arange(len(frame), dtype=float)
        seen, expected = (frame[k].astype(float).to_numpy() for k in ("seen", "expected"))
        if {"low", "high"} <= set(frame.columns):
            ax.fill_between(at, frame["low"].astype(float), frame["high"].astype(float),
                            color=style.LIGHT, alpha=0.6, linewidth=0)  # fmt: skip
        ax.plot(at, expected, color=style.COMPARISON, linewidth=1.4)
        ax.plot(at, seen, color=style.ACTUAL, linewidth=1.8)
        ends = [_last(expected), _last(seen)]
        low, high = ax.get_ylim()
        places = style.spread(ends, gap=(high - low) * 0.09)
        for place, text, colour in zip(
            places, (words._("without it"), words._("seen")),
            (style.COMPARISON_TEXT, style.ACTUAL), strict=True,
        ):  # fmt: skip
            ax.annotate(text, (1, place), xycoords=("axes fraction", "data"), xytext=(4, 0),
                        textcoords="offset points", va="center", size=style.TEXT_PT,
                        color=colour, annotation_clip=False)  # fmt: skip
        _mark_live(ax, _is_after(frame, reading), words)
        _time_axis(ax, frame, reading, words)
        _value_axis(ax, reading, context)
        return style.exhibit(
            picture, id=id,
            title=words._("{name}, {rung}: seen, and without it", name=named(reading, context),
                          rung=words._(RUNG_NAMES[rung.name])),
            caption=words._(
                "Without it: what the others' figures say the treated would have done; how well it"
                " fits before the start shows how far it may be trusted."
            ) if "low" not in frame else words._(
                "Without it: what the others' figures say the treated would have done; how well it"
                " fits before the start shows how far it may be trusted. Band: 95%."
            ),
            alt=words._("Two lines over time: what was seen, and what would have been."),
            data=frame,
        )  # fmt: skip


def frame_of(rung: Rung, name: str) -> pd.DataFrame | None:
    """A frame of the rung's details; None where it has none of that name."""
    found = rung.detail.get(name)
    return found if isinstance(found, pd.DataFrame) and not found.empty else None


def _last(values: np.ndarray) -> float:
    known = values[~np.isnan(values)]
    return float(known[-1]) if len(known) else 0.0


def _is_after(frame: pd.DataFrame, reading: Reading) -> np.ndarray:
    live = pd.Timestamp(reading.panel.windows.go_live)
    return np.asarray(pd.to_datetime(frame["start"]) >= live)


def _mark_live(ax: Axes, late: np.ndarray, words: Words) -> None:
    """A line between the last period before the start and the first after it."""
    if not late.any() or late.all():
        return
    place = float(np.argmax(late)) - 0.5
    ax.axvline(place, color=style.PLAN, linewidth=0.8, linestyle=(0, (2, 2)))
    ax.annotate(words._("start"), (place, 1), xycoords=("data", "axes fraction"), xytext=(3, -2),
                textcoords="offset points", va="top", size=style.SMALL_PT,
                color=style.MUTED)  # fmt: skip


def _time_axis(ax: Axes, frame: pd.DataFrame, reading: Reading, words: Words) -> None:
    starts = [d.date() for d in pd.to_datetime(frame["start"])]
    if reading.panel.windows.step == "month":
        labels = style.month_labels(starts, words)
    else:
        labels = [words.day(d) for d in starts]
    step = max(1, math.ceil(len(starts) / 12))
    kept = list(range(0, len(starts), step))
    if reading.panel.windows.step == "month":
        kept = [i for i, d in enumerate(starts) if (d.month - 1) % (3 if step > 1 else 1) == 0]
        labels = style.month_labels([starts[i] for i in kept], words)
    else:
        labels = [labels[i] for i in kept]
    ax.set_xticks(kept, labels)
    ax.set_xlim(-0.6, len(starts) - 0.4)


def _value_axis(ax: Axes, reading: Reading, context: Context) -> None:
    words = context.words
    ax.yaxis.set_major_locator(MaxNLocator(nbins=4, steps=[1, 2, 5, 10]))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda y, _: _tick(reading, y, context)))
    what = per_step(reading, words)
    style.unit_note(ax, what[:1].upper() + what[1:])
