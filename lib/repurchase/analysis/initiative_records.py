"""Every printed figure of an initiative as a record."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from repurchase.analysis.initiative_reading import Reading
from repurchase.analysis.ladder import Ladder, Rung
from repurchase.reasons import UNBOUNDED, reason
from repurchase.records import Record, Unit, dimensions, iso
from repurchase.stats.proportion import Estimate

EFFECT: Mapping[str, tuple[str, Unit]] = {
    "margin": ("roi_effect", "money"),
    "revenue": ("roi_effect", "money"),
    "orders": ("roi_effect_orders", "ratio"),
}
OF_UNIT: Mapping[str, tuple[str, Unit]] = {
    "share": ("initiative_share", "share"),
    "money": ("initiative_money", "money"),
    "count": ("initiative_orders", "ratio"),
    "score": ("initiative_score", "score"),
}
# column of the table, what its bounds are called, and whose n stands behind it
SHOWN = (
    ("before", "before", ("before",)), ("after", "after", ("after",)),
    ("year_ago", "year_ago", ("year_ago",)), ("change", "change", ("before", "after")),
    ("season_change", "season", ("year_ago", "after")),
)  # fmt: skip


def records(reading: Reading) -> tuple[Record, ...]:
    """The table, every rung of every outcome, and the money; what is blank with its reason.

    Dimensions: initiative, and for the table figure, group and window (before, after, year_ago,
    change, season_change), for a rung outcome and rung. The n of a change is the smaller of both.
    """
    found = [r for row in reading.table.to_dict("records") for r in _of_row(reading, row)]
    for ladder in reading.ladders.values():
        found += [_of_rung(reading, ladder, rung) for rung in ladder.rungs]
    return (*found, *_of_money(reading))


def _of_row(reading: Reading, row: Mapping[Any, Any]) -> list[Record]:
    metric, unit = OF_UNIT[str(row["unit"])]
    found = []
    for column, bounds, counted in SHOWN:
        where = dimensions(
            initiative=reading.plan.id, figure=row["metric"], group=row["group"], window=column
        )
        value = _number(row[column])
        if value is None:
            if column in ("before", "after") and row["reason"]:
                day = row["readable_from"]
                found.append(Record(
                    metric, None, unit, where, reason=str(row["reason"]),
                    status="immature" if day else "not_computed", readable_from=iso(day),
                ))  # fmt: skip
            continue
        known = [n for c in counted if (n := _number(row[f"{c}_n"])) is not None]
        n = min(known, default=None)
        low, high = (_number(row[f"{bounds}_{end}"]) for end in ("low", "high"))
        found.append(Record(metric, value, unit, where, low=low, high=high, n=n))
    return found


def _of_rung(reading: Reading, ladder: Ladder, rung: Rung) -> Record:
    metric, unit = EFFECT[ladder.outcome]
    where = dimensions(initiative=reading.plan.id, outcome=ladder.outcome, rung=rung.name)
    blank = Record(metric, None, unit, where, status="not_computed", reason=rung.reason)
    if rung.effect is None:
        return blank
    told = Estimate(*rung.effect[:3])
    return _record(metric, unit, where, told, n=ladder.exposure)


def _record(
    metric: str, unit: Unit, where: str, told: Estimate, *, n: float | None = None
) -> Record:
    """The value with its bounds; a bound that is infinite is none, and the record says so."""
    low, high = (v if math.isfinite(v) else None for v in (told.low, told.high))
    care = reason(UNBOUNDED) if low is None or high is None else None
    return Record(
        metric, told.value, unit, where, low=low, high=high, n=n,
        status="provisional" if care else "final", reason=care,
    )  # fmt: skip


def _of_money(reading: Reading) -> list[Record]:
    money = reading.money
    where = dimensions(initiative=reading.plan.id)
    cost, why = money.total_cost, money.reasons.get("cost")
    found = [
        _missing("roi_cost", "money", where, why)
        if cost is None
        else Record("roi_cost", float(cost), "money", where)
    ]
    for metric, unit, name, told in (
        ("roi_incremental", "money", "incremental", money.incremental),
        ("roi_net", "money", "net", money.net),
        ("roi_ratio", "ratio", "roi", money.roi),
        ("roi_npv", "money", "npv", money.npv),
    ):
        why = money.reasons.get(name)
        if told is None or not math.isfinite(told.value):
            found.append(_missing(metric, unit, where, why))  # type: ignore[arg-type]
        else:
            found.append(_record(metric, unit, where, told))  # type: ignore[arg-type]
    for metric, name, value in (
        ("roi_break_even_share", "break_even_share", money.break_even_share),
        ("roi_payback", "payback_months", money.payback_months),
    ):
        if value is None or not math.isfinite(value):
            found.append(_missing(metric, "ratio", where, money.reasons.get(name)))
        else:
            found.append(Record(metric, float(value), "ratio", where))
    if money.draws is not None:
        found.append(Record("roi_chance", float(money.draws.positive), "ratio", where))
    return found


def _missing(metric: str, unit: Unit, where: str, why: str | None) -> Record:
    return Record(metric, None, unit, where, status="not_computed", reason=why)


def _number(value: Any) -> float | None:
    return None if value is None or pd.isna(value) else float(value)
