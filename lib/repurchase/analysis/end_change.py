"""Which step moved a funnel's end result, and within a step: other customers or other behaviour.

The end result is who enters times the conversion of each step up to the repurchase. Its change is
shared out over these factors by their Shapley values, which add up to it exactly; the change of
each step's conversion is split into mix and rate by each cut (METHODS, "change decomposition").
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd

from repurchase.analysis.leak_readings import Counted, Grid
from repurchase.analysis.leaks import FALSE_DISCOVERIES
from repurchase.analysis.ratios import FEWEST_UNITS
from repurchase.period import Period
from repurchase.reasons import (
    NO_CONTACT_WINDOW,
    NOBODY,
    NOBODY_THEN,
    ONE_LABEL,
    OTHER_LABELS,
    TOO_FEW,
    reason,
)
from repurchase.records import Record, Result, dimensions
from repurchase.stats.decompose import MixRate, mix_and_rate, segments, shapley_product
from repurchase.stats.fitting import Floats
from repurchase.stats.multiplicity import benjamini_hochberg, p_of_interval
from repurchase.stats.proportion import Z95

Side = Literal["previous", "year_ago"]
SIDES: tuple[Side, ...] = ("previous", "year_ago")
# a cut of which less than this share of the units has a label of both windows (campaigns come and
# go) tells nothing of mix and rate
SAME = 0.8
END = [
    "funnel", "against", "factor", "funnel_name", "factor_name", "then", "now", "n_then", "n",
    "part", "low", "high",
]  # fmt: skip
WITHIN = [
    "funnel", "against", "step", "cut", "funnel_name", "step_name", "then", "now", "n", "total",
    "mix", "mix_low", "mix_high", "rate", "rate_low", "rate_high", "p", "stands", "reversal",
]  # fmt: skip


def window_of(period: Period, side: Side) -> Period:
    return period.previous() if side == "previous" else period.year_ago()


def end_step(counted: Counted) -> int:
    """The funnel's last step that is an order; its last step where none is."""
    orders = [n for n, is_order in enumerate(counted.orders, start=1) if is_order and n > 1]
    return orders[-1] if orders else len(counted.steps)


def end_change(funnels: Iterable[Counted], period: Period) -> Result:
    """The change of each funnel's end result on the previous period and on a year ago, by factor.

    The frame has a row a factor: funnel, against, factor (0: who entered; k: the conversion from
    step k to k + 1, up to `end_step`), then and now (customers, shares), n_then and n (who reached
    the step), part (customers that it added to the end result; the parts add up to its change)
    with its 95 % interval (sampling error of the conversions, delta method; those who entered
    are counted, not estimated). A conversion of nobody in one window is taken as that of the
    other.

    Records: `end_customers` with its change on each side, `end_part` by factor.
    """
    rows: list[dict[str, Any]] = []
    records: list[Record] = []
    for counted in funnels:
        for side in SIDES:
            where = dimensions(funnel=counted.key, against=side)
            why = _why_not(counted, period, window_of(period, side))
            if why:
                records.append(Record("end_part", None, "count", where, status="not_computed",
                                      reason=why))  # fmt: skip
                continue
            rows += _shared_out(counted, period, side)
        records += _end_records(counted, rows)
    frame = pd.DataFrame(rows, columns=END)
    records += [
        Record("end_part", row["part"], "count",
               dimensions(funnel=row["funnel"], against=row["against"], factor=row["factor"]),
               low=row["low"], high=row["high"], n=row["n"])
        for row in rows
    ]  # fmt: skip
    return Result(frame, tuple(records))


def _why_not(counted: Counted, now: Period, then: Period) -> str | None:
    for period in (now, then):
        if period.label not in counted.periods:
            return reason(NO_CONTACT_WINDOW, period=period.label)
    if not _reached(counted, now, 1)[0]:
        return NOBODY
    return None if _reached(counted, then, 1)[0] else NOBODY_THEN


def _reached(counted: Counted, period: Period, step: int) -> tuple[float, float]:
    """Who reached a step and who took it."""
    here = counted.grid("", step, [period.label])
    return (float(here.n.sum()), float(here.y.sum()))


def _shared_out(counted: Counted, period: Period, side: Side) -> list[dict[str, Any]]:
    steps = range(1, end_step(counted))
    windows = [
        np.array([_reached(counted, p, step) for step in steps])
        for p in (window_of(period, side), period)
    ]
    rates = [np.divide(w[:, 1], w[:, 0], out=np.full(len(w), np.nan), where=w[:, 0] > 0)
             for w in windows]  # fmt: skip
    filled = [np.nan_to_num(np.where(np.isnan(r), o, r)) for r, o in
              ((rates[0], rates[1]), (rates[1], rates[0]))]  # fmt: skip
    then, now = (
        np.r_[w[0, 0], rate] for w, rate in zip(windows, filled, strict=True)
    )
    parts = shapley_product(then, now)
    errors = _errors(then, now, *(
        np.r_[0.0, np.divide(rate * (1 - rate), w[:, 0], out=np.zeros_like(rate),
                             where=w[:, 0] > 0)]
        for w, rate in zip(windows, filled, strict=True)
    ))  # fmt: skip
    sizes = [np.r_[w[0, 0], w[:, 0]] for w in windows]
    return [
        {
            "funnel": counted.key, "against": side, "factor": i, "funnel_name": counted.name,
            "factor_name": counted.step_name(i) if i else counted.steps[0],
            "then": then[i], "now": now[i],
            "n_then": sizes[0][i], "n": sizes[1][i], "part": part, "low": part - Z95 * error,
            "high": part + Z95 * error,
        }
        for i, (part, error) in enumerate(zip(parts, errors, strict=True))
    ]  # fmt: skip


def _errors(then: Floats, now: Floats, v_then: Floats, v_now: Floats) -> Floats:
    """Standard errors of the parts; each part is linear in each factor, so slopes are exact."""
    variance = np.zeros(len(then))
    for j in range(len(then)):
        for side, own in ((0, v_then), (1, v_now)):
            if own[j] <= 0:
                continue
            moved = [then.copy(), now.copy()]
            at = moved[side]
            at[j] = 1.0
            high = shapley_product(*moved)
            at[j] = 0.0
            variance += (high - shapley_product(*moved)) ** 2 * own[j]
    return np.sqrt(variance)


def _end_records(counted: Counted, rows: Sequence[dict[str, Any]]) -> list[Record]:
    where = dimensions(funnel=counted.key)
    own = [r for r in rows if r["funnel"] == counted.key]
    found: list[Record] = []
    for side in SIDES:
        here = [r for r in own if r["against"] == side]
        if not here:
            continue
        now, then = (math.prod(r[x] for r in here) for x in ("now", "then"))
        if not found:
            found.append(Record("end_customers", now, "count", where, n=here[0]["now"]))
        found.append(
            Record("end_customers", now, "count", where, compare_to=side, change=now - then,
                   n=here[0]["now"], change_method="complete count")
        )  # fmt: skip
    return found


# ---- within the steps ---------------------------------------------------------------------------


def within_steps(funnels: Iterable[Counted], period: Period) -> Result:
    """The change of each step's conversion, split into mix and rate by each cut.

    The frame has a row a funnel, comparison (`against`), step and cut: then and now (conversion of
    the whole step), n (who are at the step now), total, mix and rate (they add up to the total)
    with 95 % intervals, p (of the rate, Benjamini-Hochberg over all rows), stands (p below 5 %),
    reversal (Simpson: the rates within moved against the total, beyond chance). Labels with fewer
    than 30 units in both windows together count as one. Records: `step_mix_part` and
    `step_rate_part`.
    """
    rows: list[dict[str, Any]] = []
    records: list[Record] = []
    for counted in funnels:
        for side in SIDES:
            why = _why_not(counted, period, window_of(period, side))
            if why:
                where = dimensions(funnel=counted.key, against=side)
                records.append(Record("step_rate_part", None, "share", where,
                                      status="not_computed", reason=why))  # fmt: skip
                continue
            for step in range(1, len(counted.steps)):
                for cut in counted.cuts:
                    made = _split(counted, cut, step, period, side)
                    told = {
                        "funnel": counted.key, "against": side, "step": step, "cut": cut,
                        "funnel_name": counted.name, "step_name": counted.step_name(step),
                    }  # fmt: skip
                    if isinstance(made, str):
                        where = dimensions(funnel=counted.key, against=side, step=step, by=cut)
                        records.append(Record("step_rate_part", None, "share", where,
                                              status="not_computed", reason=made))  # fmt: skip
                    else:
                        rows.append(told | _cells(*made))
    frame = _judged(pd.DataFrame(rows, columns=WITHIN))
    return Result(frame, (*records, *_parts(frame)))


def _split(
    counted: Counted, cut: str, step: int, period: Period, side: Side
) -> tuple[MixRate, int] | str:
    """The parts, and how many are at the step now; or why there are none."""
    found = counted.grid(cut, step, [window_of(period, side).label, period.label])
    both = (found.n > 0).all(axis=1)
    if len(found.labels) > 1 and (found.n[both].sum(axis=0) < SAME * found.n.sum(axis=0)).any():
        return OTHER_LABELS
    found = _merged(found)
    if len(found.labels) < 2:
        return ONE_LABEL
    if found.n.sum(axis=0).min() < FEWEST_UNITS:
        return reason(TOO_FEW, fewest=FEWEST_UNITS)
    then, now = (segments(found.n[:, i], found.y[:, i]) for i in (0, 1))
    return mix_and_rate(then, now), int(found.n[:, 1].sum())


def _merged(found: Grid) -> Grid:
    """The labels that are large enough, and the others as one."""
    small = found.n.sum(axis=1) < FEWEST_UNITS
    if not small.any():
        return found
    n, y = (np.vstack([x[~small], x[small].sum(axis=0)]) for x in (found.n, found.y))
    kept = [label for label, out in zip(found.labels, small, strict=True) if not out]
    return Grid([*kept, "\u2026"], n, y)


def _cells(split: MixRate, n: int) -> dict[str, Any]:
    mix, rate = split.mix, split.rate
    return {
        "then": split.then, "now": split.now, "n": n, "total": split.total.value,
        "mix": mix.value, "mix_low": mix.low, "mix_high": mix.high,
        "rate": rate.value, "rate_low": rate.low, "rate_high": rate.high,
        "p": p_of_interval(*rate) if rate.low < rate.high else 1.0,
        "stands": False, "reversal": split.rate_against or split.reversal,
    }  # fmt: skip


def _judged(frame: pd.DataFrame) -> pd.DataFrame:
    """Adjusted p-values; a reversal is one only where the rate stands."""
    if frame.empty:
        return frame
    p = benjamini_hochberg(frame["p"].tolist())
    stands = np.array(p) < FALSE_DISCOVERIES
    return frame.assign(p=p, stands=stands, reversal=frame["reversal"].astype(bool) & stands)


def _parts(frame: pd.DataFrame) -> list[Record]:
    found = []
    for row in frame.to_dict("records"):
        where = dimensions(
            funnel=row["funnel"], against=row["against"], step=row["step"], by=row["cut"]
        )
        found += [
            Record(f"step_{name}_part", row[name], "share", where, low=row[f"{name}_low"],
                   high=row[f"{name}_high"], n=row["n"])
            for name in ("mix", "rate")
        ]  # fmt: skip
    return found
