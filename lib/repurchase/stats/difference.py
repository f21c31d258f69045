"""What changed in treated units, against themselves and against untreated ones, with intervals.

`naive` and `season_matched` compare the treated with themselves: a change, not an effect.
`difference_in_differences` compares their change with that of controls: weighted least squares with
an effect of each unit and each period taken out exactly, gaps or not (Frisch-Waugh-Lovell). Errors
are clustered by unit with the small-sample factor of Stata's xtreg (statsmodels' with the columns
of the units not counted, since those lie within the clusters); with fewer than 40 units on a side
by the wild cluster bootstrap with the null imposed (Cameron, Gelbach & Miller 2008; six-point
weights of Webb 2023 for twelve units or fewer), the interval by inverting the test; with very few
on a side by the spread of the units' own changes (Donald & Lang 2007), since the bootstrap does not
hold there (MacKinnon & Webb 2017).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from repurchase.stats.panel import Effect, Flags, Floats, Panel

Why = Literal["no_treated", "no_controls", "no_before", "no_after", "no_year_ago"]
Method = Literal["clustered", "wild_bootstrap", "unit_changes"]
# below as many units on either side, clustered errors are too small: the wild bootstrap instead
MANY_UNITS = 40
# below as many on either side, the wild bootstrap does not hold either: the units' own changes
FEW_UNITS = 6
# up to as many units two-point weights give too few different draws: six-point ones instead
WEBB_UNITS = 12
# the joint test of the pre-trend looks at no more stretches than this, and at no more than a third
# of the units: with more its covariance is not known
MOST_STRETCHES = 6
UNITS_A_STRETCH = 3
# a fake go-live needs as many periods before and after it
SHORTEST_FAKE = 3
MOST_FAKES = 6
EVENT_DRAWS = 399
PLACEBO_DRAWS = 499
# leaving out one of more controls than this changes nothing: the largest are left out
MOST_LEFT_OUT = 100
# an interval wider than as many standard errors on a side is not bounded by the data
WIDEST = 60.0
TINY = 1e-12

WHY = {
    "no_treated": "no treated unit was seen both before and after",
    "no_controls": "no untreated unit was seen both before and after",
    "no_before": "no period before",
    "no_after": "no period after",
    "no_year_ago": "no period after has the same period of the year before in the before window",
}


class NotComparable(ValueError):
    """A comparison that the panel has nothing for; `why` is a word for programs."""

    def __init__(self, why: Why) -> None:
        super().__init__(WHY[why])
        self.why = why


class At(NamedTuple):
    """An effect and the period (column of the panel) that it belongs to."""

    period: int
    effect: Effect


class Without(NamedTuple):
    """An effect and the unit (row of the panel) that was left out, or taken as treated."""

    unit: int
    value: float


@dataclass(frozen=True)
class Change:
    """How the treated changed. `by`: the interval is over units, or over periods where there is one
    unit (then it holds only as far as one period does not depend on the last). `periods` are those
    after that were compared."""

    effect: Effect
    by: Literal["units", "periods"]
    units: int
    periods: int


@dataclass(frozen=True)
class JointTest:
    """Whether several coefficients are 0 together; `stretches` are the periods that each covers."""

    statistic: float
    df: tuple[int, int]
    p: float
    bootstrapped: bool
    stretches: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Difference:
    """A difference-in-differences and what speaks for and against it.

    `clustered` has the interval of clustered errors, whatever `method` the effect's comes from.
    `treated` and `controls` count the units used: those seen before and after. `event_study` has
    each period against all others before. `slope` is how much more
    the treated rose a period before. `placebo_dates` are effects of go-lives that were none,
    `placebo_units` those of controls drawn as treated, and their p the share of these as large,
    the true one among them. What could not be computed is None or empty.
    """

    effect: Effect
    method: Method
    clustered: Effect
    treated: int
    controls: int
    event_study: tuple[At, ...] = ()
    pre_trend: JointTest | None = None
    slope: Effect | None = None
    placebo_dates: tuple[At, ...] = ()
    placebo_units: Floats = field(default_factory=lambda: np.empty(0))
    placebo_units_p: float | None = None
    leave_one_out: tuple[Without, ...] = ()


# ---- intervals ----------------------------------------------------------------------------------


def quantile_t(df: float, share: float = 0.975) -> float:
    """Student's t."""
    return float(special.stdtrit(df, share))


def by_t(value: float, se: float, df: float) -> Effect:
    """The effect with Student's interval; unbounded where there are no degrees of freedom."""
    if df < 1 or not math.isfinite(se):
        return Effect(value, -math.inf, math.inf, math.inf, None)
    if se <= 0:
        return Effect(value, value, value, 0.0, 1.0 if value == 0 else 0.0)
    half = quantile_t(df) * se
    p = 2 * float(special.stdtr(df, -abs(value) / se))
    return Effect(value, value - half, value + half, se, p)


# ---- the treated against themselves -------------------------------------------------------------


def naive(panel: Panel) -> Change:
    """The treated's mean after less their mean before, weighted by what is seen after.

    Raises NotComparable where there is no treated unit or no period on either side.
    """
    _windows(panel)
    y, w = np.nan_to_num(panel.y), panel.weight
    before, after = (w[:, side].sum(axis=1) for side in (panel.before, panel.after))
    use = panel.treated & (before > 0) & (after > 0)
    if not use.any():
        raise NotComparable("no_treated")
    if use.sum() == 1:
        row = int(np.flatnonzero(use)[0])
        seen = w[row] > 0
        sides = [y[row, side & seen] for side in (panel.after, panel.before)]
        masses = [w[row, side & seen] for side in (panel.after, panel.before)]
        return Change(_two_means(sides, masses), "periods", 1, len(sides[0]))
    totals = y * w
    changes = (
        totals[use][:, panel.after].sum(axis=1) / after[use]
        - totals[use][:, panel.before].sum(axis=1) / before[use]
    )
    periods = int((w[use][:, panel.after] > 0).any(axis=0).sum())
    return Change(_mean_of_units(changes, after[use]), "units", int(use.sum()), periods)


def season_matched(panel: Panel) -> Change:
    """The treated's periods after less the same periods a year before, weighted by the former.

    Only periods whose counterpart lies in the before window. Raises NotComparable ("no_year_ago")
    where there is none.
    """
    _windows(panel)
    if not panel.treated.any():
        raise NotComparable("no_treated")
    columns = np.flatnonzero(panel.after)
    columns = columns[columns >= panel.season]
    columns = columns[panel.before[columns - panel.season]]
    now, ago = panel.weight[:, columns], panel.weight[:, columns - panel.season]
    now = np.where((ago > 0) & panel.treated[:, None], now, 0.0)
    use = now.sum(axis=1) > 0
    if not use.any():
        raise NotComparable("no_year_ago")
    y = np.nan_to_num(panel.y)
    differences = y[:, columns] - y[:, columns - panel.season]
    matched = int((now > 0).any(axis=0).sum())
    if use.sum() == 1:
        row = int(np.flatnonzero(use)[0])
        seen = now[row] > 0
        effect = _mean_of_units(differences[row, seen], now[row, seen])
        return Change(effect, "periods", 1, matched)
    mass = now.sum(axis=1)[use]
    changes = (differences * now).sum(axis=1)[use] / mass
    return Change(_mean_of_units(changes, mass), "units", int(use.sum()), matched)


def _windows(panel: Panel) -> None:
    if not panel.before.any():
        raise NotComparable("no_before")
    if not panel.after.any():
        raise NotComparable("no_after")


def _mean_of_units(values: Floats, mass: Floats) -> Effect:
    share = mass / mass.sum()
    value, n = float(share @ values), len(values)
    if n < 2:
        return by_t(value, math.inf, 0)
    se = math.sqrt(float(((share * (values - value)) ** 2).sum()) * n / (n - 1))
    return by_t(value, se, n - 1)


def _two_means(sides: list[Floats], masses: list[Floats]) -> Effect:
    """The difference of two means over periods, Welch's interval."""
    parts = [_mean_of_units(side, mass) for side, mass in zip(sides, masses, strict=True)]
    value = parts[0].value - parts[1].value
    if min(map(len, sides)) < 2:
        return by_t(value, math.inf, 0)
    variances = [part.se**2 for part in parts]
    spread = sum(v**2 / (len(s) - 1) for v, s in zip(variances, sides, strict=True))
    df = sum(variances) ** 2 / spread if spread > 0 else 1.0
    return by_t(value, math.sqrt(sum(variances)), df)


# ---- least squares of rows ----------------------------------------------------------------------


@dataclass(frozen=True)
class Fit:
    """Coefficients and their standard errors: plain, HC1, clustered (nan without clusters)."""

    coefficients: Floats
    plain: Floats
    hc1: Floats
    clustered: Floats


def ols(
    y: ArrayLike,
    x: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    clusters: ArrayLike | None = None,
) -> Fit:
    """Weighted least squares of rows on columns (an intercept is a column of ones).

    Raises ValueError where the columns depend on each other.
    """
    target, design = np.asarray(y, float), np.asarray(x, float)
    n, k = design.shape
    if np.linalg.matrix_rank(design) < k:
        raise ValueError("the columns depend on each other")
    mass = np.ones(n) if weights is None else np.asarray(weights, float)
    bread = np.linalg.inv(design.T @ (design * mass[:, None]))
    found = bread @ design.T @ (mass * target)
    residual = target - design @ found
    scores = design * (mass * residual)[:, None]
    plain = bread * float(mass @ residual**2) / (n - k)
    hc1 = _sandwich(bread, scores) * n / (n - k)
    clustered = np.full((k, k), math.nan)
    if clusters is not None:
        groups, at = np.unique(np.asarray(clusters), return_inverse=True)
        summed = np.zeros((len(groups), k))
        np.add.at(summed, at, scores)
        clustered = _sandwich(bread, summed) * _small_sample(len(groups), n, k)
    return Fit(found, *(np.sqrt(np.diag(m)) for m in (plain, hc1, clustered)))


def _sandwich(bread: Floats, scores: Floats) -> Floats:
    return np.asarray(bread @ (scores.T @ scores) @ bread)


def _small_sample(clusters: int, rows: int, columns: int) -> float:
    if clusters < 2 or rows <= columns:
        return math.nan
    return clusters / (clusters - 1) * (rows - 1) / (rows - columns)


# ---- units x periods, effects of both taken out -------------------------------------------------


class _Absorbed:
    """Takes the weighted effect of each unit and of each period out of units x periods."""

    def __init__(self, weight: Floats) -> None:
        self.weight = weight
        self.mass = weight.sum(axis=1)
        share = weight / self.mass[:, None]
        self.share = share
        normal = np.diag(weight.sum(axis=0)) - share.T @ weight
        values, vectors = np.linalg.eigh((normal + normal.T) / 2)
        keep = values > 1e-9 * max(values[-1], TINY)
        self.inverse = (vectors[:, keep] / values[keep]) @ vectors[:, keep].T
        # effects of units lie within the clusters: as Stata's xtreg, they are not counted
        self.columns = 1 + int(keep.sum())
        self.rows = int((weight > 0).sum())

    def residual(self, x: Floats) -> Floats:
        """Of one array (units x periods), or of several stacked."""
        centred = x - (self.share * x).sum(axis=-1)[..., None]
        period = (self.weight * centred).sum(axis=-2) @ self.inverse
        fitted = period[..., None, :] - (period @ self.share.T)[..., None]
        return np.where(self.weight > 0, centred - fitted, 0.0)


@dataclass(frozen=True)
class _Regression:
    """y on regressors (k x units x periods) with both effects absorbed; `left` is what remains.

    `bread` is the inverse of the regressors' products, 0 for those that the data do not tell.
    """

    absorbed: _Absorbed
    y: Floats
    x: Floats
    left: Floats
    bread: Floats
    coefficients: Floats
    covariance: Floats
    df: int

    def effect(self, at: int) -> Effect:
        return by_t(
            float(self.coefficients[at]), math.sqrt(max(self.covariance[at, at], 0)), self.df
        )


def _regress(absorbed: _Absorbed, y: Floats, x: Floats) -> _Regression:
    """Coefficients with clustered covariance; one that the data do not tell is nan."""
    target, design = absorbed.residual(y), absorbed.residual(x)
    normal = np.einsum("kit,lit,it->kl", design, design, absorbed.weight, optimize=True)
    size = np.einsum("kit,kit,it->k", x, x, absorbed.weight)
    told = np.diag(normal) > 1e-9 * np.maximum(size, TINY)
    k = len(x)
    coefficients, covariance = np.full(k, math.nan), np.full((k, k), math.nan)
    whole = np.zeros((k, k))
    if not told.any():
        return _Regression(absorbed, target, design, target, whole, coefficients, covariance, 0)
    bread = np.linalg.pinv(normal[np.ix_(told, told)], rcond=1e-10, hermitian=True)
    found = bread @ np.einsum("kit,it,it->k", design[told], target, absorbed.weight)
    left = target - np.tensordot(found, design[told], 1)
    scores = np.einsum("kit,it->ik", design[told], absorbed.weight * left)
    units = len(y)
    factor = _small_sample(units, absorbed.rows, absorbed.columns + int(told.sum()))
    coefficients[told] = found
    covariance[np.ix_(told, told)] = _sandwich(bread, scores) * factor
    whole[np.ix_(told, told)] = bread
    return _Regression(absorbed, target, design, left, whole, coefficients, covariance, units - 1)


def _apart(absorbed: _Absorbed, x: Floats, others: Floats) -> Floats:
    """x (k x units x periods) less what the others explain of it; both are absorbed already."""
    if not len(others):
        return x
    return np.asarray(x - np.tensordot(_loadings(absorbed, x, others), others, 1))


def _loadings(absorbed: _Absorbed, x: Floats, others: Floats) -> Floats:
    normal = np.einsum("kit,lit,it->kl", others, others, absorbed.weight, optimize=True)
    cross = np.einsum("kit,lit,it->kl", x, others, absorbed.weight, optimize=True)
    return np.asarray(cross @ np.linalg.pinv(normal, rcond=1e-10, hermitian=True))


# ---- the wild cluster bootstrap -----------------------------------------------------------------


def _signs(units: int, draws: int, seed: int) -> Floats:
    """Weights of mean 0 and variance 1, draws x units."""
    chance = np.random.default_rng(seed)
    if units > WEBB_UNITS:
        return chance.choice(np.array([-1.0, 1.0]), size=(draws, units))
    roots = np.sqrt(np.array([0.5, 1.0, 1.5]))
    return chance.choice(np.concatenate([-roots, roots]), size=(draws, units))


class _Wild:
    """The bootstrap distribution of the t of one coefficient, for any value that it is said to be.

    Everything is linear in that value, so a further value costs next to nothing.
    """

    def __init__(self, regression: _Regression, at: int, signs: Floats) -> None:
        absorbed, w = regression.absorbed, regression.absorbed.weight
        bread, beside = regression.bread, np.arange(len(regression.x)) != at
        # what the others leave of this regressor and of y (Frisch-Waugh-Lovell)
        mine = np.tensordot(bread[at] / bread[at, at], regression.x, 1)
        target = regression.left + regression.coefficients[at] * mine
        others = regression.x[beside]
        apart = bread[np.ix_(beside, beside)]
        apart = apart - np.outer(bread[beside, at], bread[at, beside]) / bread[at, at]
        shared = [np.einsum("kit,it->ik", others, w * what) for what in (target, mine)]
        self.score, self.size = (w * mine * target).sum(axis=1), (w * mine**2).sum(axis=1)
        total = self.size.sum()
        self.estimate = float(self.score.sum() / total)
        self.root = _root(self.score - self.estimate * self.size)
        self.drift, self.pull = signs @ self.score / total, signs @ self.size / total
        pulled = absorbed.inverse @ (w * mine).T
        loaded = apart @ shared[1].T

        def scores(plain: Floats, what: Floats, crossed: Floats, drift: Floats) -> Floats:
            """By draw and unit, less what the effects and the other regressors take out."""
            taken = signs @ (w * what) @ pulled + signs @ crossed @ loaded
            return np.asarray(signs * plain - taken - drift[:, None] * self.size)

        level = scores(self.score, target, shared[0], self.drift)
        slope = scores(self.size, mine, shared[1], self.pull)
        # the sum of squared scores is a parabola in the value
        self.squares = [(x * z).sum(axis=1) for x, z in
                        ((level, level), (level, slope), (slope, slope))]  # fmt: skip

    def p(self, value: float) -> float:
        """Two-sided, of the coefficient being `value`."""
        drift = self.drift - value * self.pull
        first, second, third = self.squares
        squares = np.maximum(first - 2 * value * second + value**2 * third, 0.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            drawn = np.abs(drift) / np.sqrt(squares)
        drawn = np.where(np.isnan(drawn), 0.0, drawn)
        seen = abs(self.estimate - value) / self.root
        return float((1 + (drawn >= seen * (1 - 1e-9)).sum()) / (1 + len(drawn)))

    def interval(self, se: float) -> tuple[float, float]:
        """The values that are not refused at 5 %; infinite where none in reach is."""
        return self._bound(self.estimate, -se), self._bound(self.estimate, se)

    def _bound(self, middle: float, step: float) -> float:
        near, far = 0.0, 2.0
        while self.p(middle + far * step) > 0.05:
            near, far = far, far * 1.6
            if far > WIDEST:
                return math.copysign(math.inf, step)
        for _ in range(14):
            half = (near + far) / 2
            near, far = (half, far) if self.p(middle + half * step) > 0.05 else (near, half)
        return middle + far * step


def _root(scores: Floats) -> float:
    return max(math.sqrt(float((scores**2).sum())), TINY)


def _wild_effect(regression: _Regression, at: int, signs: Floats) -> Effect:
    plain = regression.effect(at)
    if not math.isfinite(plain.value) or not 0 < plain.se < math.inf:
        return plain
    wild = _Wild(regression, at, signs)
    low, high = wild.interval(plain.se)
    return Effect(plain.value, low, high, plain.se, wild.p(0.0))


# ---- the spread of the units' own changes -------------------------------------------------------


def _by_changes(value: float, shape: Floats, work: _Work, left: Floats) -> Effect:
    """Student's interval from what is left of each unit's outcome along `shape` (periods).

    One variance for all units, so that one treated unit is enough (Donald & Lang 2007). What all
    share in a period is not in `left`, so a gap in a good month is no change of the unit.
    """
    w = np.where(np.isnan(shape), 0.0, work.weight)
    mass = w.sum(axis=1)
    line = np.nan_to_num(shape)
    centred = line - ((w @ line) / np.maximum(mass, TINY))[:, None]
    size = (w * centred**2).sum(axis=1)
    use = size > 1e-9 * np.maximum(mass, TINY)
    change = (w * centred * left).sum(axis=1)[use] / size[use]
    treated, size = work.treated[use], size[use]
    df = len(change) - 2
    if df < 1 or treated.all() or not treated.any():
        return by_t(value, math.inf, 0)
    squares, spread = 0.0, 0.0
    for side in (treated, ~treated):
        squares += float(((change[side] - change[side].mean()) ** 2).sum())
        share = size[side] / size[side].sum()
        spread += float((share**2).sum())
    return by_t(value, math.sqrt(squares / df * spread), df)


# ---- difference in differences ------------------------------------------------------------------


@dataclass(frozen=True)
class _Work:
    """The units and periods that are used; `rows` and `columns` are those of the panel."""

    y: Floats
    weight: Floats
    treated: Flags
    after: Flags
    rows: NDArray[np.int64]
    columns: NDArray[np.int64]

    @property
    def sides(self) -> tuple[int, int]:
        return int(self.treated.sum()), int((~self.treated).sum())

    @property
    def method(self) -> Method:
        fewest = min(self.sides)
        if fewest >= MANY_UNITS:
            return "clustered"
        return "wild_bootstrap" if fewest >= FEW_UNITS else "unit_changes"


def _work(
    panel: Panel, *, after: Flags | None = None, before: Flags | None = None, drop: int = -1
) -> _Work:
    """Units seen on both sides, periods with anything seen. Raises NotComparable."""
    _windows(panel)
    before = panel.before if before is None else before
    after = panel.after if after is None else after
    w = panel.weight
    rows = (w[:, before].sum(axis=1) > 0) & (w[:, after].sum(axis=1) > 0)
    if drop >= 0:
        rows[drop] = False
    if not (rows & panel.treated).any():
        raise NotComparable("no_treated")
    if not (rows & ~panel.treated).any():
        raise NotComparable("no_controls")
    columns = (before | after) & (w[rows].sum(axis=0) > 0)
    y = np.nan_to_num(panel.y[np.ix_(rows, columns)])
    return _Work(y, w[np.ix_(rows, columns)], panel.treated[rows], after[columns],
                 np.flatnonzero(rows), np.flatnonzero(columns))  # fmt: skip


def difference_in_differences(panel: Panel, *, seed: int = 1, draws: int = 999) -> Difference:
    """The treated's change beyond the controls', with all that can be said about it.

    Units seen on one side only tell no change and are left out. Raises NotComparable.
    """
    work = _work(panel)
    clustered, effect = _estimate(work, seed, draws)
    units = _placebo_units(work, seed)
    p = None
    if len(units):
        as_large = np.abs(units) >= abs(effect.value) * (1 - 1e-12)
        p = float((1 + as_large.sum()) / (1 + len(units)))
    return Difference(
        effect,
        work.method,
        clustered,
        *work.sides,
        event_study=_event_study(panel, seed),
        pre_trend=_pre_trend(work, seed, draws),
        slope=_slope(panel, seed, draws),
        placebo_dates=_placebo_dates(panel, seed),
        placebo_units=units,
        placebo_units_p=p,
        leave_one_out=_leave_one_out(panel, work),
    )


def _estimate(work: _Work, seed: int, draws: int) -> tuple[Effect, Effect]:
    """The effect with clustered errors, and with those that the number of units asks for."""
    shape = work.after.astype(float)
    regression = _regress(_Absorbed(work.weight), work.y, work.treated[:, None] * shape[None, None])
    return regression.effect(0), _fitting(work, regression, 0, shape, seed, draws)


def _fitting(
    work: _Work, regression: _Regression, at: int, shape: Floats, seed: int, draws: int
) -> Effect:
    if work.method == "clustered":
        return regression.effect(at)
    if work.method == "unit_changes":
        return _by_changes(float(regression.coefficients[at]), shape, work, regression.left)
    return _wild_effect(regression, at, _signs(len(work.y), draws, seed))


def _event_study(panel: Panel, seed: int) -> tuple[At, ...]:
    """How far the treated were from the controls in each period, beyond all other periods before.

    A difference-in-differences of that one period. The last period before is none to hold all
    others against: its own chance would move them together.
    """
    found = []
    for t in np.flatnonzero(panel.before | panel.after):
        one = np.arange(len(panel.before)) == t
        try:
            work = _work(panel, before=panel.before & ~one, after=one)
        except NotComparable:
            continue
        found.append(At(int(t), _estimate(work, seed, EVENT_DRAWS)[1]))
    return tuple(found)


def _stretches(work: _Work) -> list[NDArray[np.int64]]:
    """The before window in consecutive stretches, the last of which is the reference."""
    before = np.flatnonzero(~work.after)
    most = min(MOST_STRETCHES, max(1, (len(work.y) - 2) // UNITS_A_STRETCH))
    return [s for s in np.array_split(before, min(len(before), most + 1)) if len(s)]


def _pre_trend(work: _Work, seed: int, draws: int) -> JointTest | None:
    """Whether the treated moved as the controls before; None with one period or too few units."""
    stretches = _stretches(work)
    if len(stretches) < 2 or len(work.y) < 4:
        return None
    named = tuple(tuple(int(work.columns[t]) for t in s) for s in stretches[:-1])
    if work.method == "unit_changes":
        return _hotelling(work, stretches, named)
    m = len(stretches) - 1
    x = np.zeros((m + 1, *work.y.shape))
    for k, stretch in enumerate([*stretches[:-1], np.flatnonzero(work.after)]):
        x[k][np.ix_(work.treated, stretch)] = 1.0
    regression = _regress(_Absorbed(work.weight), work.y, x)
    tested = regression.coefficients[:m]
    if not np.isfinite(tested).all():
        return None
    covariance = regression.covariance[:m, :m]
    statistic = float(tested @ np.linalg.pinv(covariance, hermitian=True) @ tested) / m
    df = (m, regression.df)
    if work.method == "clustered":
        return JointTest(statistic, df, float(special.fdtrc(*df, statistic)), False, named)
    p = _joint_p(regression, m, _signs(len(work.y), draws, seed))
    return JointTest(statistic, df, p, True, named)


def _joint_p(regression: _Regression, m: int, signs: Floats) -> float:
    """The wild bootstrap of the first m coefficients being 0 together."""
    absorbed, w = regression.absorbed, regression.absorbed.weight
    others = regression.x[m:]
    mine = _apart(absorbed, regression.x[:m], others)
    target = _apart(absorbed, regression.y[None], others)[0]
    scores = np.einsum("kit,it->ik", mine, w * target)
    size = np.einsum("kit,lit,it->ikl", mine, mine, w, optimize=True)
    inverse = np.linalg.pinv(size.sum(axis=0), rcond=1e-10, hermitian=True)
    seen = _wald(scores.sum(axis=0)[None], (scores - (size @ (inverse @ scores.sum(axis=0))))[None])
    period = signs @ (w * target) @ absorbed.inverse
    load = signs @ np.einsum("kit,it->ik", others, w * target)
    normal = np.einsum("kit,lit,it->kl", others, others, w, optimize=True)
    load = load @ np.linalg.pinv(normal, rcond=1e-10, hermitian=True)
    crossed = np.einsum("kit,lit,it->kil", mine, others, w, optimize=True)
    total = signs @ scores
    drawn = signs[:, :, None] * scores[None]
    for k in range(m):
        drawn[:, :, k] -= period @ (w * mine[k]).T + load @ crossed[k].T
    drawn -= np.einsum("ikl,dl->dik", size, total @ inverse, optimize=True)
    as_large = _wald(total, drawn) >= seen[0] * (1 - 1e-12)
    return float((1 + as_large.sum()) / (1 + len(signs)))


def _wald(total: Floats, scores: Floats) -> Floats:
    """total' (sum of scores scores')^-1 total, for each draw."""
    meat = np.einsum("dik,dil->dkl", scores, scores, optimize=True)
    meat += np.eye(meat.shape[1]) * np.trace(meat, axis1=1, axis2=2)[:, None, None] * 1e-12
    meat += np.eye(meat.shape[1]) * TINY
    solved = np.linalg.solve(meat, total[..., None])[..., 0]
    return np.asarray((total * solved).sum(axis=1))


def _hotelling(
    work: _Work, stretches: list[NDArray[np.int64]], named: tuple[tuple[int, ...], ...]
) -> JointTest | None:
    """Hotelling's test of the units' means of each stretch less that of the last."""
    means = np.empty((len(work.y), len(stretches)))
    for k, stretch in enumerate(stretches):
        mass = work.weight[:, stretch].sum(axis=1)
        total = (work.weight * work.y)[:, stretch].sum(axis=1)
        means[:, k] = np.where(mass > 0, total / np.maximum(mass, TINY), math.nan)
    told = np.isfinite(means).all(axis=1)
    lead, treated = (means[:, :-1] - means[:, -1:])[told], work.treated[told]
    (n, m), n1 = lead.shape, int(treated.sum())
    df = (m, n - 1 - m)
    if df[1] < 1 or n1 in (0, n):
        return None
    gap = lead[treated].mean(axis=0) - lead[~treated].mean(axis=0)
    left = np.concatenate([lead[s] - lead[s].mean(axis=0) for s in (treated, ~treated)])
    pooled = left.T @ left / (n - 2)
    squared = float(gap @ np.linalg.pinv(pooled, hermitian=True) @ gap) * n1 * (n - n1) / n
    statistic = squared * df[1] / (m * (n - 2))
    return JointTest(statistic, df, float(special.fdtrc(*df, statistic)), False, named)


def _slope(panel: Panel, seed: int, draws: int) -> Effect | None:
    """How much more the treated rose a period than the controls, before."""
    columns = np.flatnonzero(panel.before)
    if len(columns) < SHORTEST_FAKE:
        return None
    half = columns[len(columns) // 2]
    later = panel.before & (np.arange(len(panel.before)) >= half)
    try:
        work = _work(panel, before=panel.before & ~later, after=later)
    except NotComparable:
        return None
    shape = work.columns - work.columns.mean()
    regression = _regress(_Absorbed(work.weight), work.y, work.treated[:, None] * shape[None, None])
    return _fitting(work, regression, 0, shape.astype(float), seed, draws)


def _placebo_dates(panel: Panel, seed: int) -> tuple[At, ...]:
    """The effect of go-lives that were none, inside the before window."""
    columns = np.flatnonzero(panel.before)
    last = len(columns) - SHORTEST_FAKE
    if last < SHORTEST_FAKE:
        return ()
    many = min(MOST_FAKES, last - SHORTEST_FAKE + 1)
    found = []
    for at in np.unique(np.linspace(SHORTEST_FAKE, last, many).round().astype(int)):
        later = panel.before & (np.arange(len(panel.before)) >= columns[at])
        try:
            work = _work(panel, before=panel.before & ~later, after=later)
        except NotComparable:
            continue
        found.append(At(int(columns[at]), _estimate(work, seed, EVENT_DRAWS)[1]))
    return tuple(found)


def _placebo_units(work: _Work, seed: int) -> Floats:
    """The effect of controls taken as treated: each alone, or as many as were treated, at random.

    At most half of the controls are drawn. All from one pass over the panel.
    """
    rows = ~work.treated
    many = min(work.sides[0], work.sides[1] // 2)
    if many < 1 or work.sides[1] < 3:
        return np.empty(0)
    absorbed = _Absorbed(work.weight[rows])
    w, y = absorbed.weight, absorbed.residual(work.y[rows])
    gain = (w * y)[:, work.after].sum(axis=1)
    centred = work.after - (absorbed.share @ work.after.astype(float))[:, None]
    pull = w * centred
    size = np.diag((w * centred**2).sum(axis=1)) - pull @ absorbed.inverse @ pull.T
    if many == 1:
        chosen = np.eye(len(w))
    else:
        chance = np.random.default_rng(seed)
        order = chance.random((PLACEBO_DRAWS, len(w))).argsort(axis=1)
        chosen = np.zeros((PLACEBO_DRAWS, len(w)))
        np.put_along_axis(chosen, order[:, :many], 1.0, axis=1)
    below = ((chosen @ size) * chosen).sum(axis=1)
    told = below > TINY
    return np.asarray((chosen @ gain)[told] / below[told])


def _leave_one_out(panel: Panel, work: _Work) -> tuple[Without, ...]:
    """The effect without each control in turn, the largest first where there are very many."""
    if work.sides[1] < 2:
        return ()
    largest = sorted(np.flatnonzero(~work.treated), key=lambda i: (-work.weight[i].sum(), i))
    found = []
    for i in sorted(largest[:MOST_LEFT_OUT]):
        rest = np.arange(len(work.y)) != i
        absorbed = _Absorbed(work.weight[rest])
        x = (work.treated[rest, None] * work.after)[None].astype(float)
        found.append(Without(int(work.rows[i]), _value(absorbed, work.y[rest], x[0])))
    return tuple(found)


def _value(absorbed: _Absorbed, y: Floats, x: Floats) -> float:
    """The one coefficient, without its errors."""
    mine = absorbed.residual(x) * absorbed.weight
    below = float((mine * x).sum())
    return float((mine * y).sum()) / below if below > TINY else math.nan
