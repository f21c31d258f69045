"""A funnel's counts by contact window, and what is read of each place beside its own level."""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import NamedTuple, cast

import numpy as np
import pandas as pd

from repurchase.period import Period
from repurchase.stats.fitting import Floats
from repurchase.stats.leak import (
    LEVEL_WINDOWS,
    Falls,
    Missing,
    Series,
    beyond_season,
    falls,
    missing,
    others,
    stacked,
    themselves,
    together,
)

# degrees of freedom that the other steps' spread counts for, where a whole step is read
WHOLE_BORROWED = 5
MOST_LABELS = 300


class Grid(NamedTuple):
    """Counts of one cut at one step: a row a label, a column a window."""

    labels: list[str]
    n: Floats
    y: Floats


@dataclass(frozen=True)
class Counted:
    """A funnel's counts, as `analysis.funnel.counts` gives them.

    `steps` are the names of its steps, `orders` whether each is an order. `counts` has the columns
    period, cut ("" for all), label ("" where not known), step, reached, converted. `days`: so many
    days before a period its contact window lies.
    """

    key: str
    name: str
    steps: tuple[str, ...]
    orders: tuple[bool, ...]
    counts: pd.DataFrame
    days: int = 0

    def first_day(self, period: str) -> str:
        """The first day on which one enters in the contact window of a period (label)."""
        return (Period.parse(period).start - dt.timedelta(days=self.days)).isoformat()

    def step_name(self, step: int) -> str:
        """The step from this one to the next, as a reader meets it."""
        return f"{self.steps[step - 1]} \u2192 {self.steps[step]}"

    @functools.cached_property
    def periods(self) -> dict[str, int]:
        """The contact windows that there are, each with its column."""
        return {p: i for i, p in enumerate(sorted(set(self.counts["period"])))}

    @functools.cached_property
    def cuts(self) -> list[str]:
        return [c for c in self.counts["cut"].drop_duplicates() if c]

    @functools.cached_property
    def _grids(self) -> dict[tuple[str, int], Grid]:
        found = {}
        for key, here in self.counts.groupby(["cut", "step"], sort=False):
            names, row = np.unique(here["label"].to_numpy(dtype=object), return_inverse=True)
            column = here["period"].map(self.periods).to_numpy()
            sums = np.zeros((2, len(names), len(self.periods)))
            for i, name in enumerate(("reached", "converted")):
                np.add.at(sums[i], (row, column), here[name].to_numpy(dtype=float))
            cut, step = cast(tuple[str, int], key)
            found[cut, int(step)] = Grid([str(x) for x in names], *sums)
        return found

    def grid(self, cut: str, step: int, columns: Sequence[str]) -> Grid:
        """The counts in these windows, 0 where nobody reached the step; the largest labels only."""
        found = self._grids.get((cut, step))
        shape = (0, len(columns))
        if found is None:
            return Grid([], np.zeros(shape), np.zeros(shape))
        at = [self.periods.get(p, -1) for p in columns]
        n, y = (np.where(np.array(at) < 0, 0.0, x[:, at]) for x in (found.n, found.y))
        size = n.sum(axis=1)
        kept = np.lexsort((np.arange(len(size)), -size))[:MOST_LABELS]
        kept = kept[size[kept] > 0]
        return Grid([found.labels[i] for i in kept], n[kept], y[kept])


class Span(NamedTuple):
    """The contact windows of a level, oldest first, and the one held against it (labels)."""

    level: tuple[str, ...]
    judged: str

    @property
    def columns(self) -> list[str]:
        return [*self.level, self.judged]

    def year_ago(self) -> Span:
        earlier = tuple(Period.parse(p).year_ago().label for p in self.level)
        return Span(earlier, Period.parse(self.judged).year_ago().label)


def span_of(period: Period, *, before: Period | None = None) -> Span:
    """The window of a period and the six before it, or before another period."""
    first = before or period
    level = tuple(first.shifted(-n).label for n in range(LEVEL_WINDOWS, 0, -1))
    return Span(level, period.label)


@dataclass(frozen=True)
class Reading:
    """What was read of the labels of one cut at one step (or of whole steps, a label each)."""

    grid: Grid
    first: Falls
    missing: Missing
    p: Floats
    season_known: np.ndarray

    @functools.cached_property
    def alone(self) -> Missing:
        """What is missing against a label's own level, whatever the others did."""
        return missing(replace(self.first, drop=self.first.own))


def read_cut(counted: Counted, cut: str, step: int, span: Span) -> Reading | None:
    """Each label beside the others of its cut, less a year ago's; None without two labels."""
    now = counted.grid(cut, step, span.columns)
    if len(now.labels) < 2:
        return None
    first = _beside_others(now)
    then = _beside_others(aligned(counted.grid(cut, step, span.year_ago().columns), now.labels))
    if not then.enough.any():
        return Reading(now, first, missing(first), first.p_values(), then.enough)
    after = beyond_season(first, then)
    p = np.maximum(first.p_values(), after.p_values())
    return Reading(now, first, missing(first, after), p, np.full(len(p), True))


def _beside_others(found: Grid) -> Falls:
    return falls(themselves(found.n, found.y), beside=others(found.n, found.y))


def aligned(found: Grid, labels: Sequence[str]) -> Grid:
    """The counts of these labels, in their order; 0 for one that is not there."""
    at = {label: i for i, label in enumerate(found.labels)}
    shape = (len(labels), found.n.shape[1])
    n, y = np.zeros(shape), np.zeros(shape)
    for i, label in enumerate(labels):
        if label in at:
            n[i], y[i] = found.n[at[label]], found.y[at[label]]
    return Grid(list(labels), n, y)


def read_whole(
    counted: Counted, span: Span, *, without: tuple[str, Sequence[str]] | None = None
) -> Reading:
    """Each step for all; labels are step numbers. `without`: labels of a cut to leave out.

    It is read alone, beside its own windows a year ago, and both again with the labels of each cut
    in fixed shares, so that it is no fall if others come than before. The calmest counts.
    """
    steps = range(1, len(counted.steps))
    cuts = [without[0]] if without else counted.cuts
    plain = [_left(counted, without, step, span) for step in steps]
    whole, past = (
        stacked([themselves(g.n.sum(axis=0), g.y.sum(axis=0)) for g in (two[i] for two in plain)])
        for i in (1, 0)
    )
    readings = [_wholly(whole), _wholly(whole, past)]
    for cut in cuts:
        parts = [_left(counted, without, step, span, cut) for step in steps]
        fixed, past = (stacked([together(two[i].n, two[i].y) for two in parts]) for i in (1, 0))
        readings += [_wholly(fixed), _wholly(fixed, past)]
    first = readings[0]
    # a reading that cannot be made (no year ago, no such cut) takes nothing away
    read = [r if r.enough.all() else _or_first(r, first) for r in readings]
    n, y = (np.vstack([getattr(two[1], x).sum(axis=0) for two in plain]) for x in ("n", "y"))
    p = np.maximum.reduce([r.p_values() for r in read])
    gone = missing(*read)
    return Reading(Grid([str(s) for s in steps], n, y), first, gone, p, readings[1].enough)


def _wholly(whole: Series, past: Series | None = None) -> Falls:
    return falls(whole, beside=past, borrowed=WHOLE_BORROWED)


def _or_first(reading: Falls, first: Falls) -> Falls:
    """The reading where it could be made, else the first."""
    chosen = {
        f.name: np.where(reading.enough, getattr(reading, f.name), getattr(first, f.name))
        for f in fields(Falls)
    }
    return Falls(**chosen)


def _left(
    counted: Counted, without: tuple[str, Sequence[str]] | None, step: int, span: Span,
    cut: str = "",
) -> tuple[Grid, Grid]:  # fmt: skip
    """Counts a year ago and now, of all or by a cut, less the labels to leave out; never empty."""
    out = set(without[1]) if without else set()
    found = []
    for columns in (span.year_ago().columns, span.columns):
        here = counted.grid(without[0] if without else cut, step, columns)
        kept = [label for label in here.labels if label not in out]
        found.append(aligned(here, kept or [""]))
    return found[0], found[1]
