"""Whether the conditions of a profile fit the tables that were prepared, before a chapter runs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from repurchase.errors import ParameterError
from repurchase.model.snapshot import Snapshot
from repurchase.params import Params


class Condition(NamedTuple):
    """A text over the columns of one table, and its place in the profile."""

    table: str
    at: str
    text: str


def check_columns(params: Params, snapshot: Snapshot) -> None:
    """Raises ParameterError for what names a column that its table does not have, all at once.

    Only what this period asks is looked at, and only tables that there are: that one is missing
    is told by the chapter that needs it. A value that does not fit shows when rows are read.
    """
    asked = [c for c in _asked(params) if c.table in snapshot.tables]
    if not asked:
        return
    from repurchase.model.expression import compile_expression

    faults = []
    kinds = {table: _kinds(snapshot, table) for table in dict.fromkeys(c.table for c in asked)}
    for one in asked:
        where = f"params/{params.name}.yaml, {one.at}"
        try:
            compile_expression(one.text, kinds[one.table], where=where)
        except ParameterError as error:
            faults.append(error)
    if len(faults) > 1:
        raise ParameterError(
            "; ".join(error.what for error in faults),
            where="; ".join(error.where for error in faults),
            rule="a condition is told from columns of its table",
            remedy=" / ".join(dict.fromkeys(error.remedy for error in faults)),
        )
    if faults:
        raise faults[0]


def _asked(params: Params) -> Iterator[Condition]:
    profile, period = params.profile, params.period
    for name, text in profile.segments.items():
        yield Condition("customers", f"segments.{name}", text)
    for f, funnel in enumerate(profile.funnels):
        for s, step in enumerate(funnel.steps):
            if step.where is not None:
                yield Condition(step.tables[0], f"funnels.{f}.steps.{s}", step.where)
    for trial in profile.experiments:
        told = trial.inferred
        if told is not None and period is not None and told.assigned_on <= period.end:
            for arm, text in told.arms.items():
                yield Condition(told.table, f"experiments, {trial.id}, inferred.arms.{arm}", text)
    for plan in profile.initiatives:
        if period is None or plan.go_live > period.end:
            continue
        at = f"initiatives, {plan.id}"
        for name, group in (("treated", plan.treated), ("controls", plan.controls)):
            if group is not None and group.where is not None:
                yield Condition("customers", f"{at}, {name}.where", group.where)
        if plan.costs.discounts is not None:
            yield Condition("orders", f"{at}, costs.discounts", plan.costs.discounts)


def _kinds(snapshot: Snapshot, table: str) -> dict[str, str]:
    import duckdb

    from repurchase.model.segments import kinds_of

    with duckdb.connect() as con:
        found = con.read_parquet(str(snapshot.file(table)), hive_partitioning=False)
        return kinds_of(table, found.columns)
