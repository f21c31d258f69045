"""Climbing the ladder: each comparison computed, and held to its own diagnostics."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import pandas as pd

from repurchase.analysis.initiative_panel import (
    CONTROL,
    TREATED,
    InitiativePanel,
    stats_panel,
    units_of,
)
from repurchase.analysis.ladder import Gate, Ladder, Rung, RungName
from repurchase.reasons import (
    NO_CONTROL_UNITS,
    NO_TREATED_UNITS,
    NO_WINDOW_AFTER,
    NO_WINDOW_BEFORE,
    NO_YEAR_AGO_PERIOD,
    reason,
)
from repurchase.stats import difference
from repurchase.stats.difference import At, NotComparable
from repurchase.stats.panel import Panel

# an interval over fewer units a side rests on one or two of them
FEWEST_UNITS = 3
# fewer periods before tell neither a trend nor a season's noise; fewer after, nothing that lasts
FEWEST_BEFORE = {"month": 6, "week": 12}
FEWEST_AFTER = {"month": 3, "week": 6}
# the pre-trend test errs in one case in twenty against a comparison that is sound
PRE_TREND_P = 0.05
# of go-lives that were none, one in twenty seems to have worked; more than a third is no chance
MOST_FAKES = 1 / 3
# fewer fakes than this cannot be divided into thirds
FEWEST_FAKES = 3

WHY = {
    "no_treated": NO_TREATED_UNITS,
    "no_controls": NO_CONTROL_UNITS,
    "no_before": NO_WINDOW_BEFORE,
    "no_after": NO_WINDOW_AFTER,
    "no_year_ago": NO_YEAR_AGO_PERIOD,
}


def climb(
    panel: InitiativePanel, outcome: str, *, spilled: bool | None = None, full: bool = True,
    seed: int = 1,
) -> Ladder:  # fmt: skip
    """Every rung for one outcome ("margin", "revenue", "orders"), the lowest first.

    `spilled` says whether the controls were reached too: then nothing that leans on them stands.
    `full` False leaves out the rungs above difference-in-differences.
    """
    told = stats_panel(panel, outcome)
    frame = panel.frame
    after = frame[(frame["phase"] == "after") & (frame["group"] == TREATED)]
    last = after[after["start"] == after["start"].max()] if len(after) else after
    rungs: tuple[Rung, ...] = ()
    if told is not None:
        given = _Given(panel, told, spilled, seed)
        makers = [_naive, _season, _difference]
        rungs = tuple(make(given) for make in makers)
    seen = frame.groupby(["group", "unit"])["members"].max()
    used = seen[seen > 0]
    return Ladder(
        outcome,
        rungs,
        exposure=float(after["members"].sum()),
        members=float(last["members"].sum()),
        units_treated=_count(used, TREATED),
        units_control=_count(used, CONTROL),
        periods_before=_periods(frame, "before"),
        periods_after=_periods(frame, "after"),
    )


def _count(used: pd.Series, group: str) -> int:
    return int((used.index.get_level_values("group") == group).sum())


def _periods(frame: pd.DataFrame, phase: str) -> int:
    return int(frame.loc[frame["phase"] == phase, "start"].nunique())


class _Given:
    """The panel of one outcome, and the names of its rows and columns."""

    def __init__(
        self, panel: InitiativePanel, told: Panel, spilled: bool | None, seed: int
    ) -> None:
        self.panel, self.told, self.spilled, self.seed = panel, told, spilled, seed
        self.units, self.starts = units_of(panel)

    def periods(self) -> tuple[Gate, Gate]:
        step = self.panel.windows.step
        made = []
        for name, flags, fewest in (
            ("periods_before", self.told.before, FEWEST_BEFORE[step]),
            ("periods", self.told.after, FEWEST_AFTER[step]),
        ):
            count = int((self.told.weight[self.told.treated][:, flags] > 0).any(axis=0).sum())
            made.append(Gate(name, count >= fewest, float(count), float(fewest), float(count)))
        return made[0], made[1]

    def at(self, told: Iterable[At]) -> pd.DataFrame:
        rows = [(self.starts[a.period], a.effect.value, a.effect.low, a.effect.high) for a in told]
        return pd.DataFrame(rows, columns=["start", "effect", "low", "high"])

    def without(self, told: Iterable[tuple[int, float]]) -> pd.DataFrame:
        rows = [(self.units[unit], float(value)) for unit, value in told]
        return pd.DataFrame(rows, columns=["unit", "effect"])


def _tried(name: RungName, make: Callable[[], Rung]) -> Rung:
    try:
        return make()
    except NotComparable as error:
        return Rung(name, None, reason=reason(WHY[error.why]))


def _naive(given: _Given) -> Rung:
    return _tried("naive", lambda: _change("naive", difference.naive(given.told)))


def _season(given: _Given) -> Rung:
    return _tried("season", lambda: _change("season", difference.season_matched(given.told)))


def _change(name: RungName, found: difference.Change) -> Rung:
    detail = {"by": found.by, "units": found.units, "periods": found.periods}
    return Rung(name, found.effect, detail=detail)


def _difference(given: _Given) -> Rung:
    def make() -> Rung:
        found = difference.difference_in_differences(given.told, seed=given.seed)
        few = min(found.treated, found.controls)
        gates = (
            Gate("units", few >= FEWEST_UNITS, float(few), float(FEWEST_UNITS), float(few)),
            *given.periods(),
            _pre_trend(found),
            _fakes(found.placebo_dates),
            _steady(found),
            Gate("placebo_units", None, found.placebo_units_p, n=float(len(found.placebo_units))),
            spill_gate(given.spilled),
        )
        draws = [str(i) for i in range(1, len(found.placebo_units) + 1)]
        detail = {
            "method": found.method,
            "treated": found.treated,
            "controls": found.controls,
            "clusters": found.treated + found.controls,
            "clustered": tuple(found.clustered),
            "event_study": given.at(found.event_study),
            "placebo_dates": given.at(found.placebo_dates),
            "placebo_units": pd.DataFrame({"unit": draws, "effect": found.placebo_units}),
            "leave_one_out": given.without(found.leave_one_out),
            "pretrend_p": None if found.pre_trend is None else found.pre_trend.p,
            "slope": None if found.slope is None else found.slope.value,
            "slope_low": None if found.slope is None else found.slope.low,
            "slope_high": None if found.slope is None else found.slope.high,
            "bootstrap_p": found.effect.p if found.method == "wild_bootstrap" else None,
        }
        return Rung("difference", found.effect, gates, detail=detail)

    return _tried("difference", make)


def _pre_trend(found: difference.Difference) -> Gate:
    """Whether treated and controls moved together before; None where nothing tells."""
    test = found.pre_trend
    if test is None:
        return Gate("pre_trend", None, None, PRE_TREND_P)
    return Gate("pre_trend", test.p >= PRE_TREND_P, test.p, PRE_TREND_P, float(test.df[0]))


def _fakes(found: Sequence[At]) -> Gate:
    """Whether go-lives that were none seem to have worked: the share of them without 0."""
    bounded = [a.effect for a in found if np.isfinite([a.effect.low, a.effect.high]).all()]
    if len(bounded) < FEWEST_FAKES:
        return Gate("placebo_dates", None, None, MOST_FAKES, float(len(bounded)))
    share = float(np.mean([e.low > 0 or e.high < 0 for e in bounded]))
    return Gate("placebo_dates", share <= MOST_FAKES, share, MOST_FAKES, float(len(bounded)))


def _steady(found: difference.Difference) -> Gate:
    """Whether it hangs on one control: how far leaving one out moves the effect, in half-widths."""
    left = np.array([w.value for w in found.leave_one_out])
    value, low, high = found.effect.value, found.effect.low, found.effect.high
    if not len(left) or not np.isfinite([low, high]).all() or high <= low:
        return Gate("leave_one_out", None, None, 1.0, float(len(left)))
    # the interval of a bootstrap is not symmetric: each side has its own reach
    reach = np.where(left > value, max(high - value, 1e-12), max(value - low, 1e-12))
    moved = float((np.abs(left - value) / reach).max())
    return Gate("leave_one_out", moved <= 1, moved, 1.0, float(len(left)))


def spill_gate(spilled: bool | None) -> Gate:
    """Nothing that leans on controls which were reached too may be stood on."""
    return Gate("spill_over", None if spilled is None else not spilled)

