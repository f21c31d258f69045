"""An experiment's effect within segments: those that the plan named before, and all others.

Store and channel are those of a customer's last order date before the assignment. The profile's
segments are told from the customer file, which says what a customer is today. What nobody named
beforehand is exploratory, however sure it looks; each family is corrected for its size.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import ibis.expr.types as ir
import pandas as pd

from repurchase.analysis.cuts import MOST_LABELS, PLACES
from repurchase.analysis.trial_results import Stage, by_label
from repurchase.params import ExperimentPlan
from repurchase.stats.multiplicity import benjamini_hochberg

PREFIX = "label_of_"
COLUMNS = (
    "segment", "label", "arm", "n_control", "n", "difference", "low", "high", "p", "q", "declared",
)  # fmt: skip


def places_before(units: ir.Table, days: ir.Table) -> dict[str, ir.Table]:
    """Each unit's store and channel on its last order date before the assignment.

    One row a unit with such a date: customer_id, label. Places that no order has, or with more
    than 50 labels, are left out.
    """
    known = [p for p in PLACES if p in days.columns]
    if not known:
        return {}
    joined = units.select("customer_id", "assigned_on").inner_join(
        days.select("customer_id", "order_date", *known), "customer_id"
    )
    joined = joined.filter(joined.order_date < joined.assigned_on)
    last = joined.group_by("customer_id").aggregate(
        **{p: joined[p].argmax(joined.order_date) for p in known}
    )
    many = last.aggregate(**{p: last[p].nunique() for p in known}).to_pyarrow().to_pylist()[0]
    return {
        p: last.select("customer_id", label=last[p].cast("string"))
        for p in known
        if 1 < int(many[p]) <= MOST_LABELS
    }


def labelled(units: ir.Table, segments: Mapping[str, ir.Table]) -> ir.Table:
    """The units with a text column for each segment, named by `column_of`; "" where unknown."""
    for name, labels in segments.items():
        column = column_of(name)
        told = labels.select("customer_id", **{column: labels.label.cast("string")})
        units = units.left_join(told, "customer_id").drop("customer_id_right")
        units = units.mutate(**{column: units[column].fill_null("")})
    return units


def column_of(segment: str) -> str:
    """The column of the units that holds a segment's label."""
    return PREFIX + segment


def segments_of(units: ir.Table) -> list[str]:
    """The segments that these units are labelled by."""
    return [c.removeprefix(PREFIX) for c in units.columns if c.startswith(PREFIX)]


def effects(plan: ExperimentPlan, units: ir.Table, where: Stage) -> pd.DataFrame:
    """The primary metric within each label of each segment, a row an arm; columns: COLUMNS.

    Declared segments come first. `low` and `high` are by the interval that rules the test. `q` are
    Welch's p-values by Benjamini and Hochberg, over all labels of the declared segments together
    and over all labels of the others together; missing while the test runs, when nothing of this
    is judged. Labels with fewer than 30 units in an arm are left out.
    """
    parts = []
    for name in segments_of(units):
        found = by_label(
            plan, units, where, label=column_of(name), declared=name in plan.segments
        )
        parts.append(found.assign(segment=name))
    frame = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(COLUMNS))
    if frame.empty:
        return pd.DataFrame(columns=list(COLUMNS))
    frame["declared"] = frame["declared"].astype(bool)
    frame["q"] = float("nan")
    for _, family in frame.groupby("declared") if where.over else ():
        frame.loc[family.index, "q"] = benjamini_hochberg(family["p"].tolist())
    order = {name: i for i, name in enumerate((*plan.segments, *segments_of(units)))}
    frame["place"] = frame["segment"].map(order)
    frame = frame.sort_values(["declared", "place", "label", "arm"], ascending=[False, *[True] * 3])
    return frame[list(COLUMNS)].reset_index(drop=True)


def unknown_names(plan: ExperimentPlan, known: Collection[str]) -> list[str]:
    """Segments that the plan names and nobody knows."""
    return [name for name in plan.segments if name not in {*known, *PLACES}]
