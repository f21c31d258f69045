"""Climbing the ladder: each comparison computed, and held to its own diagnostics."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Literal

import numpy as np
import pandas as pd

from repurchase.analysis.initiative_panel import (
    CONTROL,
    FEWEST_AFTER,
    TREATED,
    InitiativePanel,
    stats_panel,
    units_of,
)
from repurchase.analysis.ladder import Gate, Ladder, Rung, RungName
from repurchase.reasons import (
    NO_CONTROL_UNITS,
    NO_STEADY_CONTROL,
    NO_TREATED_UNITS,
    NO_WINDOW_AFTER,
    NO_WINDOW_BEFORE,
    NO_YEAR_AGO_PERIOD,
    NOT_SOLVED,
    TOO_LITTLE_SEEN,
    reason,
)
from repurchase.stats import difference, structural, synthetic
from repurchase.stats.difference import At, NotComparable, Without
from repurchase.stats.panel import Effect, Flags, Floats, Panel
from repurchase.stats.structural import NoControlSeries
from repurchase.stats.synthetic import NotSolved

# an interval over fewer units a side rests on one or two of them
FEWEST_UNITS = 3
# fewer periods before tell neither a trend nor a season's noise
FEWEST_BEFORE = {"month": 6, "week": 12}
# the pre-trend test errs in one case in twenty against a comparison that is sound
PRE_TREND_P = 0.05
# of go-lives that were none, one in twenty seems to have worked; more than a third is no chance
MOST_FAKES = 1 / 3
# fewer fakes than this cannot be divided into thirds
FEWEST_FAKES = 3

# a mix of fewer controls can follow hardly anybody, and no placebo is rarer than one in five
FEWEST_DONORS = 5
# a mix that misses the treated by half of their own ups and downs does not follow them
MOST_PRE_SHARE = 0.5
# the treated that the mix was made for must be most of those that it speaks for
LEAST_COVERED = 0.8
# the priors of the structural series expect the controls to explain four fifths of it; where they
# explain less its interval held the truth in 73 to 89 % of simulated companies, above in 97 %
LEAST_EXPLAINED = 0.8
# chains that differ by more have not found the same answer (1.1 is Gelman and Rubin's limit, 1.01
# that of Vehtari and others 2021, which a sound run of a thousand draws misses at times)
MOST_R_HAT = 1.05
# go-lives that were none, in the last third of the before window
FAKES = 3

Depth = Literal["all", "beside", "difference"]
WHY = {
    "no_treated": NO_TREATED_UNITS,
    "no_controls": NO_CONTROL_UNITS,
    "no_before": NO_WINDOW_BEFORE,
    "no_after": NO_WINDOW_AFTER,
    "no_year_ago": NO_YEAR_AGO_PERIOD,
}


def climb(
    panel: InitiativePanel, outcome: str, *, spilled: bool | None = None, depth: Depth = "all",
    seed: int = 1,
) -> Ladder:  # fmt: skip
    """Every rung for one outcome ("margin", "revenue", "orders"), the lowest first.

    `spilled` says whether the controls were reached too: then nothing that leans on them stands.
    `depth` "beside" leaves out what the structural series says under other priors and before;
    "difference" the rungs above difference-in-differences.
    """
    told = stats_panel(panel, outcome)
    frame = panel.frame
    after = frame[(frame["phase"] == "after") & (frame["group"] == TREATED)]
    last = after[after["start"] == after["start"].max()] if len(after) else after
    rungs: tuple[Rung, ...] = ()
    if told is not None:
        given = _Given(panel, told, spilled, seed, depth == "all")
        makers = [_naive, _season, _difference]
        if depth != "difference":
            makers += [_synthetic_control, _structural, _synthetic_difference]
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
        self, panel: InitiativePanel, told: Panel, spilled: bool | None, seed: int, leads: bool
    ) -> None:
        self.panel, self.told, self.spilled, self.seed = panel, told, spilled, seed
        self.leads = leads
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
    except NoControlSeries:
        return Rung(name, None, reason=reason(NO_STEADY_CONTROL))
    except NotSolved:
        return Rung(name, None, reason=reason(NOT_SOLVED))
    except ValueError:
        return Rung(name, None, reason=reason(TOO_LITTLE_SEEN))


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
            _steady(found.effect, found.leave_one_out),
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


def _steady(effect: Effect, without: Sequence[Without]) -> Gate:
    """Whether it hangs on one control: how far leaving one out moves the effect, in half-widths."""
    left = np.array([w.value for w in without])
    return _within("leave_one_out", effect, left)


def _within(name: str, effect: Effect, others: Sequence[float] | Floats) -> Gate:
    """Whether other values of the effect lie in its interval: the farthest, in half-widths."""
    told = np.asarray(others, dtype=float)
    value, low, high = effect.value, effect.low, effect.high
    if not len(told) or not np.isfinite([low, high]).all() or high <= low:
        return Gate(name, None, None, 1.0, float(len(told)))
    # an interval need not be symmetric: each side has its own reach
    reach = np.where(told > value, max(high - value, 1e-12), max(value - low, 1e-12))
    moved = float((np.abs(told - value) / reach).max())
    return Gate(name, moved <= 1, moved, 1.0, float(len(told)))


def spill_gate(spilled: bool | None) -> Gate:
    """Nothing that leans on controls which were reached too may be stood on."""
    return Gate("spill_over", None if spilled is None else not spilled)



# ---- what the treated would have done by themselves ---------------------------------------------


def _synthetic_control(given: _Given) -> Rung:
    def make() -> Rung:
        found = synthetic.synthetic_control(given.told)
        donors, effect = float(len(found.controls)), found.effect
        reach = min(effect.value - effect.low, effect.high - effect.value)
        missed = None if found.hold_out_error is None else abs(found.hold_out_error)
        gates = (
            Gate("units", donors >= FEWEST_DONORS, donors, float(FEWEST_DONORS), donors),
            *given.periods(),
            Gate("pre_fit", found.pre_share <= MOST_PRE_SHARE, found.pre_share, MOST_PRE_SHARE),
            # what it got wrong where nothing had happened must not be the size of what it shows
            _foretold(missed, reach),
            _steady(effect, found.leave_one_out),
            Gate("covered", found.covered >= LEAST_COVERED, found.covered, LEAST_COVERED),
            Gate("placebo_units", None, found.ratio_p, n=float(len(found.placebo_units))),
            spill_gate(given.spilled),
        )
        path = pd.DataFrame({
            "start": [given.starts[c] for c in found.periods], "seen": found.seen,
            "expected": found.expected, "low": found.low, "high": found.high,
        })  # fmt: skip
        detail = {
            "path": path,
            "weights": _weights(given, found.controls, found.weights),
            "placebo_units": given.without(found.placebo_units),
            "leave_one_out": given.without(found.leave_one_out),
            "interval": found.interval,
            "pre_rmspe": found.pre_rmspe,
            "hold_out_rmspe": found.hold_out_rmspe,
            "ratio": found.ratio,
            "dropped": found.dropped,
        }
        return Rung("synthetic_control", effect, gates, detail=detail)

    return _tried("synthetic_control", make)


def _foretold(missed: float | None, reach: float) -> Gate:
    """Whether the last part before was missed by less than half the interval: in half-widths."""
    if missed is None or not reach > 0:
        return Gate("hold_out_error", None if missed is None else missed <= 0, None, 1.0)
    return Gate("hold_out_error", missed <= reach, missed / reach, 1.0)


def _weights(given: _Given, controls: Sequence[int], weights: Floats) -> pd.DataFrame:
    """The controls that are in the mix, the largest share first."""
    shares = [(-float(w), given.units[c]) for c, w in zip(controls, weights, strict=True) if w > 0]
    rows = [(unit, -share) for share, unit in sorted(shares)]
    return pd.DataFrame(rows, columns=["unit", "weight"])


def _structural(given: _Given) -> Rung:
    def make() -> Rung:
        told = given.told
        y, x, single = structural.series(told)
        found = structural.structural(
            y, x, before=told.before, after=told.after, seed=given.seed
        )
        levels, fakes = {}, []
        if given.leads:
            others = structural.sensitivity(
                y, x, before=told.before, after=told.after, seed=given.seed
            )
            levels = dict(sorted([*others.items(), (structural.LEVEL_SD, found.effect)]))
        for fake in _fake_windows(told.before)[: int(given.leads)]:
            tried = structural.structural(
                y, x, before=fake[0], after=fake[1], seed=given.seed, draws=500
            )
            fakes.append(tried.effect)
        gates = (
            *given.periods(),
            _season_seen(given),
            Gate("explained", found.explained >= LEAST_EXPLAINED, found.explained, LEAST_EXPLAINED),
            Gate("r_hat", _at_most(found.r_hat, MOST_R_HAT), found.r_hat, MOST_R_HAT),
            _within("prior_sensitivity", found.effect, [e.value for e in levels.values()]),
            _held_out(fakes),
            spill_gate(given.spilled),
        )
        used = told.before | told.after
        at = np.flatnonzero(used & ~np.isnan(found.expected))
        path = pd.DataFrame({
            "start": [given.starts[c] for c in at], "seen": y[at], "expected": found.expected[at],
            "low": found.low[at], "high": found.high[at],
        })  # fmt: skip
        names = ["", *(given.units[c] for c in single)]
        priors = [(level, e.value, e.low, e.high) for level, e in levels.items()]
        detail = {
            "path": path,
            "inclusion": pd.DataFrame({"series": names, "probability": found.inclusion}),
            "priors": pd.DataFrame(priors, columns=["level_sd", "effect", "low", "high"]),
            "chains": found.chains,
            "draws": found.draws,
            "r_hat": found.r_hat,
            "tail": found.tail,
        }
        return Rung("structural", found.effect, gates, detail=detail)

    return _tried("structural", make)


def _at_most(value: float, limit: float) -> bool | None:
    return None if np.isnan(value) else bool(value <= limit)


def _season_seen(given: _Given) -> Gate:
    """Whether the periods before hold a whole year: a season never seen cannot be foreseen."""
    count = float((given.told.weight[given.told.treated][:, given.told.before] > 0).any(0).sum())
    season = float(given.told.season)
    return Gate("season", count >= season, count, season, count)


def _fake_windows(before: Flags) -> list[tuple[Flags, Flags]]:
    """Windows as if the go-live had been in the last third of the before window, ever later."""
    columns = np.flatnonzero(before)
    length = len(columns) // 3
    if length < 2:
        return []
    found = []
    for step in range(FAKES):
        cut = len(columns) - length + step * length // (2 * FAKES)
        first, last = np.zeros((2, len(before)), dtype=bool)
        first[columns[:cut]], last[columns[cut:]] = True, True
        found.append((first, last))
    return found


def _held_out(fakes: Sequence[Effect]) -> Gate:
    """Whether it foretold the last third before, when nothing had happened: the error, in
    half-widths."""
    bounded = [e for e in fakes if np.isfinite([e.low, e.high]).all() and e.high > e.low]
    if not bounded:
        return Gate("hold_out_error", None, None, 1.0, 0.0)
    worst = max(_in_half_widths(e) for e in bounded)
    return Gate("hold_out_error", worst <= 1, worst, 1.0, float(len(bounded)))


def _in_half_widths(effect: Effect) -> float:
    reach = effect.value - effect.low if effect.value > 0 else effect.high - effect.value
    return abs(effect.value) / max(reach, 1e-12)


def _synthetic_difference(given: _Given) -> Rung:
    def make() -> Rung:
        told = given.told
        found = synthetic.synthetic_difference(told, seed=given.seed)
        donors = float(len(found.controls))
        fakes = []
        for first, last in _fake_windows(told.before):
            fake = Panel(told.y, told.weight, told.treated, first, last, told.season)
            fakes.append(synthetic.synthetic_difference(fake, seed=given.seed).effect)
        gates = (
            Gate("units", donors >= FEWEST_DONORS, donors, float(FEWEST_DONORS), donors),
            *given.periods(),
            _held_out(fakes),
            Gate("covered", found.covered >= LEAST_COVERED, found.covered, LEAST_COVERED),
            spill_gate(given.spilled),
        )
        path = pd.DataFrame({
            "start": [given.starts[c] for c in found.periods], "seen": found.seen,
            "expected": found.expected,
        })  # fmt: skip
        before = [given.starts[c] for c in found.before_periods]
        detail = {
            "path": path,
            "weights": _weights(given, found.controls, found.weights),
            "time_weights": pd.DataFrame({"start": before, "weight": found.time_weights}),
            "method": found.method,
            "dropped": found.dropped,
        }
        return Rung("synthetic_difference", found.effect, gates, detail=detail)

    return _tried("synthetic_difference", make)
