"""Ratios of sums over customers, for a period and its comparison windows, in one query.

Each metric is a numerator and a denominator column per window on a table with one row a unit.
All second moments that intervals and paired changes need are summed in the engine, exactly
(integers and decimals), so that threads cannot change a digit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import ibis
import ibis.expr.types as ir

from repurchase.definitions import metric
from repurchase.reasons import NO_VARIATION, NOBODY, NOBODY_THEN, ONE_CUSTOMER, TOO_FEW
from repurchase.records import CompareTo, Record
from repurchase.stats.proportion import (
    Cross,
    Estimate,
    Moments,
    change_of,
    correlation,
    ratio_change,
    share_of_sums,
    wilson,
)

PAIRED = "paired by customer, from both intervals"
AGAINST_TARGET = "against a fixed value"
# Below this many units a change is noise and its normal interval is not to be trusted.
FEWEST_UNITS = 30


class Pair(NamedTuple):
    """Numerator and denominator of a metric in one window, as columns of the unit table."""

    a: ir.NumericColumn
    b: ir.NumericColumn


class Sums(NamedTuple):
    """What one query brings back for one metric."""

    moments: dict[CompareTo, Moments]
    cross: dict[CompareTo, Cross]


Pairs = Mapping[str, Mapping[CompareTo, Pair]]


def sums(units: ir.Table, pairs: Pairs) -> dict[str, Sums]:
    """First and second moments of every metric in every window, over all rows of `units`."""
    row = units.aggregate(**_columns(units, pairs)).to_pyarrow().to_pylist()[0]
    return _sums_of(row, pairs)


def sums_by(units: ir.Table, pairs: Pairs, *, by: str) -> dict[str, dict[str, Sums]]:
    """The same within each value of a text column without missing values, values sorted."""
    rows = units.group_by(by).aggregate(**_columns(units, pairs)).to_pyarrow().to_pylist()
    return {str(row[by]): _sums_of(row, pairs) for row in sorted(rows, key=lambda row: row[by])}


def _columns(units: ir.Table, pairs: Pairs) -> dict[str, ir.Scalar]:
    columns: dict[str, ir.Scalar] = {"units": units.count()}
    for name, by_window in pairs.items():
        now = by_window["none"]
        for window, pair in by_window.items():
            key = f"{name} {window}"
            columns |= {
                f"{key} a": pair.a.sum(),
                f"{key} b": pair.b.sum(),
                f"{key} aa": (pair.a * pair.a).sum(),
                f"{key} ab": (pair.a * pair.b).sum(),
                f"{key} bb": (pair.b * pair.b).sum(),
            }
            if window != "none":
                columns |= {
                    f"{key} x aa": (now.a * pair.a).sum(),
                    f"{key} x ab": (now.a * pair.b).sum(),
                    f"{key} x ba": (now.b * pair.a).sum(),
                    f"{key} x bb": (now.b * pair.b).sum(),
                }
    # summed exactly, then cast: what comes back is one double a sum, the same in every run
    return {key: value.cast("float64") for key, value in columns.items()}


def _sums_of(row: Mapping[str, Any], pairs: Pairs) -> dict[str, Sums]:
    metrics = tuple(f"{name} " for name in pairs)
    values = {
        key: float(value or 0)
        for key, value in row.items()
        if key == "units" or key.startswith(metrics)
    }
    return {
        name: Sums(
            {
                w: Moments(
                    values["units"], *(values[f"{name} {w} {k}"] for k in "a b aa ab bb".split())
                )
                for w in by_window
            },
            {
                w: Cross(*(values[f"{name} {w} x {k}"] for k in "aa ab ba bb".split()))
                for w in by_window
                if w != "none"
            },
        )
        for name, by_window in pairs.items()
    }


def flag(column: ir.BooleanValue) -> ir.IntegerColumn:
    """1 where true, 0 where false or missing."""
    return ibis.cases((column, 1), else_=0).cast("int64")


def cents(column: ir.DecimalColumn) -> ir.DecimalColumn:
    """Money to the cent, narrow enough that products of two still sum exactly."""
    return column.fill_null(0).cast("decimal(18, 2)")


def level(m: Moments, *, binary: bool) -> Estimate:
    """The value and its interval: Wilson for a share of units, in log odds for a share of sums."""
    return wilson(m.a, m.b) if binary else share_of_sums(m)


def figure_records(
    name: str,
    total: Sums,
    *,
    binary: bool,
    reasons: Mapping[CompareTo, str | None],
    provisional: Mapping[CompareTo, str | None] | None = None,
    target: float | None = None,
    dimensions: str = "",
    nobody: str = NOBODY,
) -> tuple[Record, ...]:
    """The records of one ratio: its level, and its change against each comparison.

    `reasons` maps a window (or "none") to why it cannot be computed, or None. `provisional`
    maps a window to why its figure stands but must be read with care. `nobody` is the reason
    given where the denominator is empty.
    """
    unit = metric(name).unit
    now = total.moments["none"]
    reason = reasons.get("none") or (None if now.b > 0 else nobody)
    if reason is None and not binary and now.n < 2:
        reason = ONE_CUSTOMER
    if reason:
        return (
            Record(name, None, unit, dimensions, n=now.b, status="not_computed", reason=reason),
        )
    estimate = level(now, binary=binary)
    care = provisional or {}
    base = Record(
        name,
        estimate.value,
        unit,
        dimensions,
        low=estimate.low,
        high=estimate.high,
        numerator=now.a,
        n=now.b,
        status="provisional" if care.get("none") else "final",
        reason=care.get("none"),
    )
    changes = (
        _change(base, total, window, reasons.get(window), care.get(window), binary=binary)
        for window in total.cross
    )
    return (base, *changes, *_against_target(base, target))


def _change(
    base: Record,
    total: Sums,
    window: CompareTo,
    reason: str | None,
    care: str | None,
    *,
    binary: bool,
) -> Record:
    now, then = total.moments["none"], total.moments[window]
    if reason is None and not then.b > 0:
        reason = NOBODY_THEN
    if reason is None and binary and min(now.b, then.b) < FEWEST_UNITS:
        reason = TOO_FEW.format(fewest=FEWEST_UNITS)
    if reason is not None:
        return replace(base, compare_to=window, status="not_computed", reason=reason)
    cross = total.cross[window]
    linear = ratio_change(now, then, cross)
    if linear.low == linear.high:
        reason = NO_VARIATION
        return replace(base, compare_to=window, status="not_computed", reason=reason)
    change = change_of(
        level(now, binary=binary), level(then, binary=binary), correlation(now, then, cross)
    )
    return replace(
        base,
        compare_to=window,
        change=change.value,
        change_low=change.low,
        change_high=change.high,
        change_method=PAIRED,
        status="provisional" if care else base.status,
        reason=care or base.reason,
    )


def _against_target(base: Record, target: float | None) -> Iterable[Record]:
    if target is None or base.value is None or base.low is None or base.high is None:
        return ()
    return (
        replace(
            base,
            compare_to="target",
            change=base.value - target,
            change_low=base.low - target,
            change_high=base.high - target,
            change_method=AGAINST_TARGET,
        ),
    )
