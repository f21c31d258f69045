"""What customers bring by how long they have been customers, so that like is compared with like.

Who bought for the first time lately orders more often than who did so years ago. A company whose
customers grow older sees its mean fall for that alone, before and after anything it does. So what a
unit's customers did is held against what customers of the same age brought before.
"""

from __future__ import annotations

import datetime as dt

import ibis.expr.types as ir
import numpy as np
import pandas as pd

from repurchase.analysis.ratios import flag

# beyond a year since the first order date all ages are one; weeks go by fours
OLDEST = 12
WEEKS = 4
FIGURES = ("orders", "revenue", "margin")


def by_age(days: ir.Table, units: ir.Table, *, step: str) -> pd.DataFrame:
    """Repeat order dates by unit, period and age of the customer.

    Columns: unit, start, age (months since the period of the first order date, 1 to 12, weeks by
    fours), orders, revenue, margin. `units` has customer_id and unit.
    """
    joined = days.inner_join(units.select("customer_id", "unit"), "customer_id")
    unit = "W" if step == "week" else "M"
    start = joined.order_date.truncate(unit).cast("date")
    began = joined.first_date.truncate(unit).cast("date")
    joined = joined.mutate(start=start, began=began).filter(start > began)
    found = joined.group_by("unit", "start", "began").aggregate(
        orders=flag(joined.start > joined.began).sum().cast("float64"),
        revenue=joined.net_revenue.sum().cast("float64"),
        margin=joined.net_margin.sum().cast("float64"),
    )
    frame = found.to_pandas()
    if frame.empty:
        return pd.DataFrame(columns=["unit", "start", "age", *FIGURES])
    for name in ("start", "began"):
        frame[name] = [pd.Timestamp(v).date() for v in frame[name]]
    frame["age"] = [
        _bucket(_periods(began, start, step), step)
        for began, start in zip(frame["began"], frame["start"], strict=True)
    ]
    keys = ["unit", "start", "age"]
    return frame.groupby(keys, as_index=False, sort=True)[list(FIGURES)].sum(min_count=0)


def _periods(began: dt.date, start: dt.date, step: str) -> int:
    if step == "week":
        return (start - began).days // 7
    return (start.year - began.year) * 12 + start.month - began.month


def _bucket(periods: int, step: str) -> int:
    age = -(-periods // WEEKS) if step == "week" else periods
    return min(age, OLDEST)


def expected(
    counted: pd.DataFrame, ages: pd.DataFrame, before: pd.Series, step: str
) -> pd.DataFrame:
    """What customers of the same ages brought before, of each unit and period.

    `counted` are cells (unit, start, newcomers, complete from the first order date on, sorted by
    both), `before` (by row of `counted`) flags the rows from which it is learnt: of the units of
    both groups, before. Columns: expected_orders, expected_revenue, expected_margin, in the rows'
    order; all missing where nothing was learnt. An age that was not seen before is taken for the
    oldest that was.
    """
    columns = [f"expected_{figure}" for figure in FIGURES]
    members = _members(counted, step)
    learnt = before.to_numpy(dtype=bool)
    mass = members[learnt].sum(axis=0)
    if not mass.sum() > 0:
        return pd.DataFrame(np.nan, index=counted.index, columns=columns)
    rows = pd.MultiIndex.from_frame(counted[["unit", "start"]])
    found = {}
    for figure, column in zip(FIGURES, columns, strict=True):
        wide = ages.pivot(index=["unit", "start"], columns="age", values=figure)
        told = wide.reindex(index=rows, columns=range(1, OLDEST + 1)).fillna(0.0).to_numpy(float)
        sums = told[learnt].sum(axis=0)
        rate = np.divide(sums, mass, out=np.full(OLDEST, np.nan), where=mass > 0)
        found[column] = members @ pd.Series(rate).ffill().bfill().to_numpy()
    return pd.DataFrame(found, index=counted.index)


def _members(counted: pd.DataFrame, step: str) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Rows of `counted` x ages: how many members were so old."""
    wide = counted.pivot(index="unit", columns="start", values="newcomers").fillna(0.0)
    newcomers = wide.to_numpy(dtype=float)
    units, periods = newcomers.shape
    found = np.zeros((units, periods, OLDEST))
    for ago in range(1, periods):
        found[:, ago:, _bucket(ago, step) - 1] += newcomers[:, : periods - ago]
    at = pd.MultiIndex.from_product([wide.index, wide.columns])
    place = at.get_indexer(pd.MultiIndex.from_frame(counted[["unit", "start"]]))
    return found.reshape(units * periods, OLDEST)[place]
