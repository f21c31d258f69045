"""What a series would have done by itself: a local level and control series, by Gibbs sampling.

The model and the priors are those of Brodersen and others (2015, "Inferring causal impact using
Bayesian structural time-series models") as R's CausalImpact sets them by default: a level that
wanders, a regression on the controls with spike and slab, both on series that are standardised by
the periods before. What the model says of the periods after, held against what was seen, is the
effect.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_solve_banded, cholesky_banded, solve_banded

from repurchase.stats.panel import Effect, Flags, Floats, Panel

LEVEL_SD = 0.01  # a guess of the level's step, in deviations of the series, worth LEVEL_DF periods
LEVEL_DF = 32.0
NOISE_DF = 50.0
EXPECTED_R2 = 0.8
EXPECTED_SIZE = 3.0  # controls expected to matter
SLAB_WEIGHT = 0.01  # periods that the slab is worth
SLAB_DIAGONAL = 0.5
FEWEST_BEFORE = 3
# with fewer periods before than this only the controls' mean is a control series
FEWEST_FOR_SINGLE = 40
MOST_SINGLE = 9


@dataclass(frozen=True)
class Structural:
    """What the series did after, less what it would have done.

    `effect` is the average of a period, `total` the sum over the periods after; both with the 2.5
    and 97.5 % points of the posterior, `se` its standard deviation, `p` twice the tail area
    (`tail`) beyond no effect. `expected`, `low`, `high` (periods): what the model says of each
    period, before and after; nan of periods before the first of them. `inclusion` and
    `coefficients` (controls) say how often each was used, and its mean coefficient between
    standardised series. `rhat` (effect, sigma, level) is the split R-hat over `chains` of `draws`
    each, kept after the burn-in; nan where something does not move. `explained` is the part of the
    series' variance before that a regression on the controls explains: the priors expect four
    fifths, and where it is less the interval is too narrow (of 400 simulated companies without an
    effect it held 0 in 97 % above .9, in 89 % from .75 to .9, in 73 % below).
    """

    effect: Effect
    total: Effect
    tail: float
    expected: Floats
    low: Floats
    high: Floats
    inclusion: Floats
    coefficients: Floats
    rhat: Mapping[str, float]
    chains: int
    draws: int
    explained: float

    @property
    def r_hat(self) -> float:
        """The largest of them; nan where nothing moves."""
        told = [r for r in self.rhat.values() if not math.isnan(r)]
        return max(told, default=math.nan)


@dataclass(frozen=True)
class _Data:
    """The series in deviations of the periods before; `y` is 0 where `seen` is 0."""

    y: Floats
    seen: Floats
    x_before: Floats
    x_all: Floats
    gram: Floats  # of the controls, over the periods seen before
    slab: Floats
    include: float
    mean: float
    sd: float


class NoControlSeries(ValueError):
    """No control unit was seen in every period."""


def from_panel(
    panel: Panel,
    *,
    seed: int = 1,
    draws: int = 1000,
    chains: int = 2,
    level_sd: float = LEVEL_SD,
) -> Structural:
    """The effect on the weighted mean of the treated, given the controls' series.

    A control series is the weighted mean of all controls, and with at least 40 periods before also
    the nine single ones that moved most like the treated. Units of either side that were not seen
    in a period before or after are not used, so that a mean is of the same units throughout.

    Raises NoControlSeries where no control was seen throughout, ValueError as `structural` does.
    """
    y, x, _ = series(panel)
    return structural(
        y, x, before=panel.before, after=panel.after, seed=seed, draws=draws, chains=chains,
        level_sd=level_sd,
    )  # fmt: skip


def series(panel: Panel) -> tuple[Floats, Floats, tuple[int, ...]]:
    """The treated's mean, the control series, and the single controls (rows) among them.

    The first column of the controls is their mean.
    """
    used = panel.before | panel.after
    whole = (panel.weight[:, used] > 0).all(axis=1)
    treated, controls = (np.flatnonzero(whole & who) for who in (panel.treated, ~panel.treated))
    if not len(controls):
        raise NoControlSeries("no control was seen in every period")
    y = _mean(panel, treated if len(treated) else np.flatnonzero(panel.treated))
    mean = _mean(panel, controls)
    single: list[int] = []
    if panel.before.sum() >= FEWEST_FOR_SINGLE and len(controls) > 1:
        likeness = [_likeness(y[panel.before], panel.y[c, panel.before]) for c in controls]
        order = np.argsort([-one for one in likeness], kind="stable")
        single = [int(controls[k]) for k in order[:MOST_SINGLE] if likeness[k] > 0]
    columns = [mean, *(np.where(used, panel.y[c], 0.0) for c in single)]
    return y, np.column_stack(columns), tuple(single)


def _mean(panel: Panel, rows: NDArray[np.int64]) -> Floats:
    """The weighted mean of these units, nan where none was seen."""
    weight = panel.weight[rows]
    total = weight.sum(axis=0)
    told = (weight * np.nan_to_num(panel.y[rows])).sum(axis=0)
    used = panel.before | panel.after
    mean = np.divide(told, total, out=np.full(len(total), np.nan), where=total > 0)
    # a period that neither window uses may lack the units; what it holds is never looked at
    return np.where(used | (total > 0), mean, 0.0)


def _likeness(a: Floats, b: Floats) -> float:
    """The correlation of two series; 0 where one stands still."""
    if not (np.nanstd(a) > 0 and np.nanstd(b) > 0):
        return 0.0
    both = ~np.isnan(a)
    return float(np.corrcoef(a[both], b[both])[0, 1])


def structural(
    y: Floats,
    x: Floats,
    *,
    before: Flags,
    after: Flags,
    seed: int = 1,
    draws: int = 1000,
    chains: int = 2,
    level_sd: float = LEVEL_SD,
) -> Structural:
    """The effect on one series, `y` (periods), given controls `x` (periods x controls).

    `y` may be nan; what is missing before is not learnt from, what is missing after not counted.
    Periods neither before nor after lie between them (a ramp-up) or at the start; the level wanders
    through them. Of each chain a tenth more than `draws` is drawn and left out at first.

    Raises ValueError where fewer than 3 periods before or none after are seen, where the series
    stands still before, where a control is missing or stands still, or lengths differ.
    """
    y, x = np.asarray(y, dtype=np.float64), np.asarray(x, dtype=np.float64)
    if x.ndim != 2 or len(x) != len(y) or before.shape != y.shape or after.shape != y.shape:
        raise ValueError("y, before and after have one value a period, x one row a period")
    counted = after & ~np.isnan(y)
    data = _standardised(y, x, before, counted)
    first = int(np.flatnonzero(before)[0])
    kept = [
        _chain(data, first, np.random.default_rng([seed, chain]), draws, level_sd)
        for chain in range(chains)
    ]
    paths = np.stack([paths for paths, *_ in kept])  # chains x draws x periods, standardised
    sampled = data.mean + data.sd * paths
    gaps = y[counted] - sampled[:, :, counted]
    average = gaps.mean(axis=2)
    tail = float(min((average <= 0).mean(), (average >= 0).mean()))
    flat = sampled.reshape(-1, len(y))
    rhat = {
        "effect": split_rhat(average),
        "sigma": split_rhat(np.stack([k[1] for k in kept])),
        "level": split_rhat(np.stack([k[2] for k in kept])),
    }
    low, high = np.quantile(flat, [0.025, 0.975], axis=0)
    coefficients = np.concatenate([k[3] for k in kept])
    return Structural(
        _effect(average, tail), _effect(gaps.sum(axis=2), tail), tail, flat.mean(axis=0), low, high,
        (coefficients != 0).mean(axis=0), coefficients.mean(axis=0), rhat, chains, draws,
        _explained(data),
    )  # fmt: skip


def sensitivity(
    y: Floats,
    x: Floats,
    *,
    before: Flags,
    after: Flags,
    seed: int = 1,
    draws: int = 500,
    levels: Sequence[float] = (LEVEL_SD / 10, LEVEL_SD * 10),
) -> dict[float, Effect]:
    """The effect a period by another prior guess of how far the level wanders."""
    return {
        sd: structural(y, x, before=before, after=after, seed=seed, draws=draws, level_sd=sd).effect
        for sd in levels
    }


def split_rhat(draws: Floats) -> float:
    """Gelman and Rubin's R-hat of draws (chains x draws), each chain cut in two halves.

    Gelman and others, Bayesian Data Analysis, 3rd edition, 11.4. nan where nothing varies.
    """
    half = draws.shape[1] // 2
    parts = np.concatenate([draws[:, :half], draws[:, half : 2 * half]])
    within = float(parts.var(axis=1, ddof=1).mean())
    if not within > 0:
        return math.nan
    between = half * float(parts.mean(axis=1).var(ddof=1))
    return math.sqrt(((half - 1) / half * within + between / half) / within)


def _explained(data: _Data) -> float:
    """R squared of the series on its controls, over the periods seen before."""
    seen = data.seen > 0
    y, x = data.y[seen], data.x_before[seen]
    if not x.shape[1]:
        return 0.0
    rest = y - x @ np.linalg.lstsq(x, y, rcond=None)[0]
    return float(1 - rest @ rest / (y @ y))


def _effect(draws: Floats, tail: float) -> Effect:
    low, high = np.quantile(draws, [0.025, 0.975])
    return Effect(float(draws.mean()), float(low), float(high), float(draws.std(ddof=1)),
                  min(1.0, 2 * tail))  # fmt: skip


def _standardised(y: Floats, x: Floats, before: Flags, counted: Flags) -> _Data:
    learnt = before & ~np.isnan(y)
    if learnt.sum() < FEWEST_BEFORE or not counted.any():
        raise ValueError(
            f"{int(learnt.sum())} periods before and {int(counted.sum())} after are seen, must be"
            f" at least {FEWEST_BEFORE} and 1"
        )
    first = int(np.flatnonzero(before)[0])
    last = int(np.flatnonzero(learnt)[-1])
    if np.flatnonzero(counted)[0] < last:
        raise ValueError("the periods after must follow those before")
    if np.isnan(x[first:]).any():
        raise ValueError("a control series is missing in some period")
    mean, sd = float(y[learnt].mean()), float(y[learnt].std(ddof=1))
    spread = x[learnt].std(axis=0, ddof=1)
    if not sd > 0 or not (spread > 0).all():
        raise ValueError("a series that stands still before says nothing of what comes after")
    z = (x - x[learnt].mean(axis=0)) / spread
    span = slice(first, last + 1)
    seen = learnt[span].astype(np.float64)
    told = np.where(learnt[span], (np.nan_to_num(y[span]) - mean) / sd, 0.0)
    inside = z[span] * seen[:, None]
    gram = inside.T @ inside
    shrunk = (1 - SLAB_DIAGONAL) * gram + SLAB_DIAGONAL * np.diag(np.diag(gram))
    slab = SLAB_WEIGHT * shrunk / max(1.0, seen.sum())
    include = min(1.0, EXPECTED_SIZE / max(1, x.shape[1]))
    return _Data(told, seen, inside, z, gram, slab, include, mean, sd)


def _chain(
    data: _Data, first: int, rng: np.random.Generator, draws: int, level_sd: float
) -> tuple[Floats, Floats, Floats, Floats]:
    """Paths of all periods (draws x periods), noise, level step and coefficients of each draw."""
    burn = max(50, draws // 10)
    periods, learnt, controls = len(data.x_all), len(data.y), data.x_all.shape[1]
    paths = np.full((draws, periods), np.nan)
    sigmas, steps = np.empty(draws), np.empty(draws)
    kept = np.zeros((draws, controls))
    used = np.ones(controls, dtype=np.bool_)
    beta = np.zeros(controls)
    noise, step = 1.0 - EXPECTED_R2, level_sd**2
    for draw in range(-burn, draws):
        level = _level(data.y - data.x_before @ beta * data.seen, data, noise, step, rng)
        step = _step(level, step, level_sd, rng)
        rest = (data.y - level) * data.seen
        used = _used(rest, data, used, rng)
        noise, beta = _noise_and_beta(rest, data, used, rng)
        if draw < 0:
            continue
        steps[draw], sigmas[draw], kept[draw] = math.sqrt(step), math.sqrt(noise), beta
        ahead = level[-1] + np.cumsum(rng.normal(0, math.sqrt(step), periods - first - learnt))
        told = np.concatenate([level, ahead]) + data.x_all[first:] @ beta
        paths[draw, first:] = told + rng.normal(0, math.sqrt(noise), len(told))
    return paths, sigmas, steps, kept


def _level(
    rest: Floats, data: _Data, noise: float, step: float, rng: np.random.Generator
) -> Floats:
    """A draw of the level over the periods before: normal, with a precision of three diagonals."""
    n = len(rest)
    banded = np.zeros((2, n))  # upper form: above the diagonal, and the diagonal
    banded[0, 1:] = -1 / step
    banded[1] = data.seen / noise
    banded[1, :-1] += 1 / step
    banded[1, 1:] += 1 / step
    start = rest[int(np.flatnonzero(data.seen)[0])]
    banded[1, 0] += 1.0  # the first level: around the first value, with the series' deviation
    right = rest * data.seen / noise
    right[0] += start
    root = cholesky_banded(banded, check_finite=False)
    mean = cho_solve_banded((root, False), right, check_finite=False)
    return np.asarray(
        mean + solve_banded((0, 1), root, rng.standard_normal(n), check_finite=False)
    )


def _step(level: Floats, old: float, guess: float, rng: np.random.Generator) -> float:
    """The level's variance a period; its deviation is at most the series' own."""
    moves = np.diff(level)
    scale = LEVEL_DF * guess**2 + float(moves @ moves)
    for _ in range(100):
        drawn = scale / float(rng.chisquare(LEVEL_DF + len(moves)))
        if drawn <= 1.0:
            return drawn
    return old


def _used(rest: Floats, data: _Data, used: Flags, rng: np.random.Generator) -> Flags:
    """Which controls are in: each is put in or left out by how well that explains the series."""
    if data.include >= 1.0:
        return used
    used = used.copy()
    odds = math.log(data.include / (1 - data.include))
    right, total = data.x_before.T @ rest, float(rest @ rest)
    for control in rng.permutation(len(used)):
        scores = []
        for inside in (True, False):
            used[control] = inside
            scores.append(_score(right, total, data, used))
        gain = odds + scores[0] - scores[1]
        used[control] = rng.random() < 1 / (1 + math.exp(-min(max(gain, -500.0), 500.0)))
    return used


def _score(right: Floats, total: float, data: _Data, used: Flags) -> float:
    """The logarithm of the likelihood of a choice, coefficients and noise integrated out."""
    scale = NOISE_DF * (1 - EXPECTED_R2) + total
    free = (NOISE_DF + data.seen.sum()) / 2
    if not used.any():
        return float(-free * math.log(scale))
    slab = data.slab[np.ix_(used, used)]
    both = data.gram[np.ix_(used, used)] + slab
    mean = np.linalg.solve(both, right[used])
    fit = float(right[used] @ mean)
    determinants = np.linalg.slogdet(slab)[1] - np.linalg.slogdet(both)[1]
    return float(0.5 * determinants - free * math.log(scale - fit))


def _noise_and_beta(
    rest: Floats, data: _Data, used: Flags, rng: np.random.Generator
) -> tuple[float, Floats]:
    beta = np.zeros(len(used))
    scale = NOISE_DF * (1 - EXPECTED_R2) + float(rest @ rest)
    free = NOISE_DF + float(data.seen.sum())
    if not used.any():
        return scale / float(rng.chisquare(free)), beta
    right = data.x_before[:, used].T @ rest
    both = data.gram[np.ix_(used, used)] + data.slab[np.ix_(used, used)]
    root = np.linalg.cholesky(both)
    mean = np.linalg.solve(both, right)
    noise = (scale - float(right @ mean)) / float(rng.chisquare(free))
    beta[used] = mean + math.sqrt(noise) * np.linalg.solve(
        root.T, rng.standard_normal(int(used.sum()))
    )
    return noise, beta
