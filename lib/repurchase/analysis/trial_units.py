"""Experiments as tables: one row a randomised unit, with what it did before and after.

Day 0 is the business date of the assignment. An outcome of horizon h counts days 0 to h - 1; what
was before counts days -h to -1. A unit is ripe for a horizon once its last day has passed.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir

from repurchase.analysis.ratios import cents, flag
from repurchase.stats.trial import Sums

RAILS = ("opt_out", "complaint")
UNSUBSCRIBE = "unsubscribe"
INFERRED = "inferred"
COUNTED = ("complaint",)
MONEY = ("margin", "revenue")
MONEY_TYPE = "decimal(18, 2)"


@dataclass(frozen=True)
class TrialTables:
    """The tables that an experiment is read from; None: the company has no such table.

    `assignments` has one row a unit and arm: customer_id, arm, assigned_on (business date),
    assigned_at and exposed_at (UTC; exposure may be missing), planned_share, assignment_source.
    """

    assignments: ir.Table
    days: ir.Table | None
    events: ir.Table | None = None
    tickets: ir.Table | None = None


def assignments(experiments: ir.Table, experiment_id: str) -> ir.Table:
    """The logged assignments of one experiment, a row a unit and arm; extra columns are kept."""
    rows = experiments.filter(experiments.experiment_id == experiment_id)
    extra = [c for c in rows.columns if c.startswith("x_")]
    return rows.select(
        "customer_id",
        "arm",
        assigned_on=rows.assigned_date,
        assigned_at=rows.assigned_at,
        exposed_at=rows.exposed_at,
        planned_share=rows.planned_share,
        assignment_source=rows.assignment_source,
        **{c: rows[c] for c in extra},
    )


def inferred(arms: Mapping[str, ir.Table], *, assigned_on: dt.date) -> ir.Table:
    """Assignments of one day told from rows that have a customer_id, for each arm its own.

    As `assignments` gives them; `assignment_source` is "inferred". Nothing says who was exposed,
    nor what was planned.
    """
    parts = [
        rows.filter(rows.customer_id.notnull())
        .select("customer_id")
        .distinct()
        .mutate(arm=ibis.literal(arm))
        for arm, rows in sorted(arms.items())
    ]
    found = ibis.union(*parts) if len(parts) > 1 else parts[0]
    return found.mutate(
        assigned_on=ibis.literal(assigned_on),
        assigned_at=ibis.literal(assigned_on).cast("timestamp"),
        exposed_at=ibis.null("timestamp"),
        planned_share=ibis.null("float64"),
        assignment_source=ibis.literal(INFERRED),
    )


def units(
    tables: TrialTables,
    *,
    horizons: Sequence[int],
    seen_until: dt.date,
    columns: Sequence[str] = (),
) -> ir.Table:
    """One row a unit that stands in exactly one arm.

    Columns: customer_id, arm, assigned_on, assigned_at, exposed_at, and for each horizon h:
    ripe_h (flag), margin_h, revenue_h (decimals; missing where one of the unit's order dates has
    none, never a part of the sum), orders_h (order dates), repurchase_h (0 or 1), opt_out_h (0 or
    1), complaint_h (tickets; both missing without their table), before_margin_h, before_revenue_h,
    before_orders_h, before_repurchase_h.

    `columns` are carried along from the assignments, where a wide file brings outcomes; of several
    rows of a unit the least value.

    Who was given two arms is no unit of either (see `analysis.trial_checks`).
    """
    given = tables.assignments
    one = given.group_by("customer_id").aggregate(
        arm=given.arm.min(),
        arms=given.arm.nunique(),
        assigned_on=given.assigned_on.min(),
        assigned_at=given.assigned_at.min(),
        exposed_at=given.exposed_at.min(),
        **{c: given[c].min() for c in columns},
    )
    found = one.filter(one.arms == 1).drop("arms")
    for part in _parts(tables, found, horizons):
        found = found.left_join(part, "customer_id").drop("customer_id_right")
    counts = [c for c in found.columns if c.split("_")[0] in ("orders", "repurchase", "before")]
    rails = [c for c in found.columns if c.startswith(RAILS)]
    found = found.mutate(**{c: found[c].fill_null(0) for c in (*counts, *rails)})
    found = _money(found, horizons)
    return found.mutate(
        **{
            f"ripe_{h}": found.assigned_on + ibis.interval(days=h - 1) <= ibis.literal(seen_until)
            for h in horizons
        }
    )


def _parts(
    tables: TrialTables, found: ir.Table, horizons: Sequence[int]
) -> Iterable[ir.Table]:
    starts = found.select("customer_id", "assigned_on")
    if tables.days is not None:
        yield _orders(tables.days, starts, horizons)
    if tables.events is not None:
        left = tables.events.filter(tables.events.type == UNSUBSCRIBE)
        yield _happened("opt_out", left.select("customer_id", day=left.occurred_date), starts,
                        horizons)  # fmt: skip
    if tables.tickets is not None:
        opened = tables.tickets.filter(tables.tickets.customer_id.notnull())
        yield _happened("complaint", opened.select("customer_id", day=opened.opened_date), starts,
                        horizons)  # fmt: skip


def _orders(days: ir.Table, starts: ir.Table, horizons: Sequence[int]) -> ir.Table:
    """What each unit bought in each horizon, and in as many days before."""
    joined = starts.inner_join(days, "customer_id")
    age = joined.order_date.delta(joined.assigned_on, unit="day")
    joined = joined.mutate(age=age)
    joined = joined.filter(joined.age.between(-max(horizons), max(horizons) - 1))
    columns: dict[str, ir.Scalar] = {}
    for h in horizons:
        spans = {"": joined.age.between(0, h - 1), "before_": joined.age.between(-h, -1)}
        for prefix, inside in spans.items():
            within = flag(inside)
            columns |= {
                f"{prefix}margin_{h}": cents(joined.net_margin).sum(where=inside),
                f"{prefix}margin_known_{h}": joined.net_margin.count(where=inside),
                f"{prefix}revenue_{h}": cents(joined.net_revenue).sum(where=inside),
                f"{prefix}revenue_known_{h}": joined.net_revenue.count(where=inside),
                f"{prefix}orders_{h}": within.sum(),
                f"{prefix}repurchase_{h}": within.max(),
            }
    return joined.group_by("customer_id").aggregate(**columns)


def _money(found: ir.Table, horizons: Sequence[int]) -> ir.Table:
    """Who bought nothing has a margin of 0; who bought something without one has none."""
    made: dict[str, ir.Value] = {}
    known: list[str] = []
    for kind in MONEY:
        for name in (f"{p}{kind}_{h}" for p in ("", "before_") for h in horizons):
            if name not in found.columns:
                continue
            known.append(name.replace(kind, f"{kind}_known"))
            orders = found[name.replace(kind, "orders")]
            made[name] = ibis.cases(
                (orders == 0, ibis.literal(0).cast("decimal(18, 2)")),
                (found[known[-1]].fill_null(0) < orders, ibis.null("decimal(18, 2)")),
                else_=found[name],
            )
    return found.mutate(**made).drop(*known)


def _happened(
    name: str, rows: ir.Table, starts: ir.Table, horizons: Sequence[int]
) -> ir.Table:
    """Whether something happened to each unit in each horizon; how often, of what is COUNTED."""
    joined = starts.inner_join(rows, "customer_id")
    age = joined.day.delta(joined.assigned_on, unit="day")
    within = {h: flag(age.between(0, h - 1)) for h in horizons}
    columns = {
        f"{name}_{h}": inside.sum() if name in COUNTED else inside.max()
        for h, inside in within.items()
    }
    return joined.group_by("customer_id").aggregate(**columns)


def arm_sums(
    table: ir.Table,
    variables: Mapping[str, ir.Value],
    *,
    pairs: Iterable[tuple[str, str]] = (),
    by: Sequence[str] = ("arm",),
) -> dict[tuple[str, ...], Sums]:
    """What the tests need of each arm (and of each value of further columns): sums and products.

    `variables` are numeric columns without missing values, money as decimals; every square is
    summed, and the product of each pair. Summed exactly in the engine, so that threads change no
    digit. Keys are the texts of `by`, sorted; a missing one is an empty text.
    """
    wanted = sorted({(x, x) for x in variables} | {(min(p), max(p)) for p in pairs})
    keys = [f"key_{i}" for i in range(len(by))]
    named = {f"v_{x}": _exact(value) for x, value in variables.items()}
    labels = {k: table[c].cast("string").fill_null("") for k, c in zip(keys, by, strict=True)}
    rows = table.select(**labels, **named)
    columns: dict[str, ir.Scalar] = {"n": rows.count()}
    columns |= {f"s {x}": rows[f"v_{x}"].sum() for x in variables}
    columns |= {f"p {x} {y}": (rows[f"v_{x}"] * rows[f"v_{y}"]).sum() for x, y in wanted}
    told = {k: c.cast("float64") for k, c in columns.items()}
    found = rows.group_by(*keys).aggregate(**told).to_pyarrow().to_pylist()
    return {
        tuple(str(row[k]) for k in keys): Sums(
            int(row["n"]),
            {x: float(row[f"s {x}"]) for x in variables},
            {(x, y): float(row[f"p {x} {y}"]) for x, y in wanted},
        )
        for row in sorted(found, key=lambda row: [str(row[k]) for k in keys])
    }


def _exact(value: ir.Value) -> ir.Value:
    """Counts as integers, money to the cent, other figures (six digits) as they are: products of
    all of them still sum exactly."""
    kind = value.type()
    if kind.is_boolean():
        return flag(value)
    if kind.is_integer():
        return value.cast("int64")
    return value.cast("decimal(18, 6)" if kind.is_decimal() and kind.scale == 6 else MONEY_TYPE)
