"""What contact does, where chance decided who was contacted, or with what.

Every customer who was assigned counts in the arm of the assignment, whether the contact arrived or
not (intention to treat), from the day of assignment on. Arms that are not of the planned sizes
tell nothing: the assignment or its log is broken. METHODS 3, sample-ratio mismatch.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from repurchase.analysis.dose import OUTCOMES
from repurchase.analysis.judging import judged
from repurchase.analysis.ratios import flag
from repurchase.analysis.touches import NO_EVENTS, Touches
from repurchase.analysis.windows import Windows
from repurchase.reasons import (
    FEW_IN_ARM,
    NO_EXPERIMENTS,
    NO_PLANNED_SHARE,
    NO_TABLE,
    NO_TOUCHES,
    SAMPLE_RATIO,
    TOUCHES_BEGIN,
    reason,
)
from repurchase.records import Record, Result, dimensions
from repurchase.stats.proportion import Z95, change_of, wilson
from repurchase.stats.sample_ratio import BROKEN, sample_ratio

DAYS = 30
FEWEST = 30
CONTROL = "control"
# Arms whose mean number of contacts differs by less were contacted equally often.
AS_OFTEN = 0.25
# Arms got different content if so many more of the one got a template, or a personalised contact.
MOST = 0.5
COLUMNS = [
    "experiment", "arm", "against", "assigned_on", "readable_from", "fresh", "n", "other_n",
    "dropped", "touches", "other_touches", "touch_change", "touches_differ", "content_differs",
    "sample_p", "missing",
    *(f"{o}_{p}" for o in OUTCOMES for p in (
        "value", "other_value", "change", "change_low", "change_high", "p", "mark")),
]  # fmt: skip


def tests(
    experiments: ir.Table | None, touches: Touches | None, days: ir.Table, windows: Windows
) -> Result:
    """Each arm of each experiment against its control, on the 30 days from assignment on.

    The control is the arm of that name, else the one contacted least. Columns: experiment, arm,
    against (the control), assigned_on (the first day of assignment), readable_from (30 days after
    the last one), fresh (became readable in the period), n, other_n (customers; of the control),
    dropped (customers found in more than one arm, who count in none), touches, other_touches (mean
    number a customer), touch_change (their difference), touches_differ (flag: by 0.25 or more, and
    its 95 % interval leaves 0 out), content_differs (flag: a template, or personalised contacts,
    for many more of one arm), sample_p (chi-square of all arms against the planned shares),
    missing (why it has no answer, else ""), and for repurchase (an order date) and opt_out (a
    request for no more): `_value`, `_other_value`, `_change`, `_change_low`, `_change_high`
    (Newcombe), `_p`, `_mark` (Benjamini-Hochberg over all arms and both outcomes).

    Records: `contact_effect` by experiment=, arm= and outcome=; not computed where the arms are
    not of the planned sizes (p < .001), those are not given, or an arm has fewer than 30.
    """
    why = _nothing_to_test(experiments, touches)
    if why or experiments is None or touches is None:
        return _none(why or NO_EVENTS)
    units = _units(experiments, windows)
    arms = _arms(units, touches, days)
    if arms.empty:
        return _none(reason(NO_EXPERIMENTS, days=DAYS))
    templates = _templates(units, touches)
    rows = []
    for _, part in arms.groupby("experiment_id", sort=True):
        rows += _of_experiment(part.to_dict("records"), templates, touches, windows)
    frame = pd.DataFrame(rows).reindex(columns=COLUMNS)
    if frame.empty:
        return _none(reason(NO_EXPERIMENTS, days=DAYS))
    frame = judged(frame, OUTCOMES)
    order = ["assigned_on", "experiment", "arm"]
    frame = frame.sort_values(order, ignore_index=True)
    return Result(frame, tuple(r for row in frame.to_dict("records") for r in _records(row)))


def _nothing_to_test(experiments: ir.Table | None, touches: Touches | None) -> str | None:
    if experiments is None:
        return reason(NO_TABLE, table="experiments")
    if touches is None:
        return NO_EVENTS
    return NO_TOUCHES if touches.begins is None else None


def _none(why: str) -> Result:
    record = Record("contact_effect", None, "share", status="not_computed", reason=why)
    return Result(pd.DataFrame(columns=COLUMNS), (record,))


def _units(experiments: ir.Table, windows: Windows) -> ir.Table:
    """One row a customer of an experiment all of whose customers have had their days."""
    rows = experiments.select(
        "experiment_id", "customer_id", "arm", "planned_share", assigned_on="assigned_date"
    )
    whole = rows.group_by("experiment_id").aggregate(
        last_on=rows.assigned_on.max(), first_on=rows.assigned_on.min()
    )
    ripe = whole.filter(
        (whole.last_on + ibis.interval(days=DAYS - 1) <= windows.seen_until)
        & (whole.first_on >= windows.data_from)
    )
    units = rows.group_by("experiment_id", "customer_id").aggregate(
        arm=rows.arm.min(),
        arms=rows.arm.nunique(),
        planned=rows.planned_share.max(),
        assigned_on=rows.assigned_on.min(),
    )
    return units.inner_join(ripe.select("experiment_id"), "experiment_id")


def _within(table: ir.Table, day: str, units: ir.Table) -> list[Any]:
    """That the row is the unit's customer's, in the days from assignment on."""
    until = units.assigned_on + ibis.interval(days=DAYS - 1)
    return [
        units.customer_id == table.customer_id,
        table[day] >= units.assigned_on,
        table[day] <= until,
    ]


def _arms(units: ir.Table, touches: Touches, days: ir.Table) -> pd.DataFrame:
    """Customers, contacts and outcomes by experiment and arm."""
    keys = ["experiment_id", "customer_id"]
    seen = units.inner_join(touches.table, _within(touches.table, "touched_on", units))
    touched = seen.group_by(keys).aggregate(
        touches=seen.count(), personal=flag(seen.personal).max()
    )
    orders = days.select("customer_id", "order_date")
    joined = units.inner_join(orders, _within(orders, "order_date", units))
    bought = joined.select(keys).distinct().mutate(bought=1)
    joined = units.inner_join(touches.stops, _within(touches.stops, "stopped_on", units))
    stopped = joined.select(keys).distinct().mutate(stopped=1)
    for part in (touched, bought, stopped):
        new = [c for c in part.columns if c not in keys]
        units = units.left_join(part, keys).select(*units.columns, *new)
    kept = units.arms == 1
    number = units.touches.fill_null(0)
    counted = units.group_by("experiment_id", "arm").aggregate(
        n=flag(kept).sum(),
        dropped=flag(~kept).sum(),
        planned=units.planned.max(),
        first_on=units.assigned_on.min(),
        last_on=units.assigned_on.max(),
        touches=ibis.cases((kept, number), else_=0).sum(),
        squares=ibis.cases((kept, number * number), else_=0).sum(),
        personal=ibis.cases((kept, units.personal.fill_null(0)), else_=0).sum(),
        repurchase=ibis.cases((kept, units.bought.fill_null(0)), else_=0).sum(),
        opt_out=ibis.cases((kept, units.stopped.fill_null(0)), else_=0).sum(),
    )
    return counted.order_by("experiment_id", "arm").to_pandas()


Templates = Mapping[tuple[str, str], Mapping[str, float]]


def _templates(units: ir.Table, touches: Touches) -> Templates:
    """How many customers of each (experiment, arm) got each template."""
    kept = units.filter(units.arms == 1)
    named = touches.table.filter(touches.table.template_id.notnull())
    seen = kept.inner_join(named, _within(named, "touched_on", kept))
    seen = seen.select("experiment_id", "arm", "customer_id", "template_id").distinct()
    counted = seen.group_by("experiment_id", "arm", "template_id").aggregate(n=seen.count())
    found: dict[tuple[str, str], dict[str, float]] = {}
    for row in counted.to_pyarrow().to_pylist():
        key = (row["experiment_id"], row["arm"])
        found.setdefault(key, {})[row["template_id"]] = float(row["n"])
    return found


Row = dict[Any, Any]


def _of_experiment(
    arms: list[Row], templates: Templates, touches: Touches, windows: Windows
) -> list[Row]:
    if len(arms) < 2:
        return []
    named = [a for a in arms if str(a["arm"]).strip().casefold() == CONTROL]
    control = named[0] if named else min(arms, key=lambda a: (_mean(a)[0], str(a["arm"])))
    first, last = (_day(f(a[c] for a in arms)) for f, c in ((min, "first_on"), (max, "last_on")))
    readable = last + dt.timedelta(days=DAYS - 1)
    sample_p, missing = _sizes(arms)
    if not missing and touches.begins is not None and touches.begins > first:
        missing = reason(TOUCHES_BEGIN, day=touches.begins.isoformat())
    shared = {
        "experiment": str(arms[0]["experiment_id"]), "against": str(control["arm"]),
        "assigned_on": first, "readable_from": readable,
        "fresh": windows.period.start <= readable <= windows.period.end,
        "dropped": float(sum(a["dropped"] for a in arms)), "sample_p": sample_p,
        "missing": missing,
    }  # fmt: skip
    return [shared | _compared(a, control, templates, missing) for a in arms if a is not control]


def _day(value: Any) -> dt.date:
    return pd.Timestamp(value).date()


def _sizes(arms: list[Row]) -> tuple[float, str]:
    """The p-value of the arms' sizes, and why the experiment tells nothing, "" if it does."""
    sizes = [float(a["n"]) for a in arms]
    planned = [float(a["planned"]) if a["planned"] is not None else math.nan for a in arms]
    if min(sizes) < FEWEST:
        return math.nan, reason(FEW_IN_ARM, fewest=FEWEST)
    if any(not share > 0 for share in planned):
        return math.nan, NO_PLANNED_SHARE
    p = sample_ratio(sizes, planned)
    return p, (reason(SAMPLE_RATIO, p=f"{p:.1e}") if p < BROKEN else "")


def _compared(arm: Row, control: Row, templates: Templates, missing: str) -> Row:
    n, m = float(arm["n"]), float(control["n"])
    means, errors = zip(*(_mean(a) for a in (arm, control)), strict=True)
    gap = means[0] - means[1]
    found: Row = {
        "arm": str(arm["arm"]), "n": n, "other_n": m, "touches": means[0],
        "other_touches": means[1], "touch_change": gap,
        "touches_differ": abs(gap) >= AS_OFTEN and abs(gap) > Z95 * math.hypot(*errors),
        "content_differs": _content_differs(arm, control, templates),
    }  # fmt: skip
    if missing:
        return found
    for outcome in OUTCOMES:
        now, then = wilson(float(arm[outcome]), n), wilson(float(control[outcome]), m)
        found[f"{outcome}_value"], found[f"{outcome}_other_value"] = now.value, then.value
        parts = [f"{outcome}_{p}" for p in ("change", "change_low", "change_high")]
        found |= dict(zip(parts, change_of(now, then), strict=True))
    return found


def _mean(arm: Row) -> tuple[float, float]:
    """Contacts a customer, and the standard error of their mean."""
    n = float(arm["n"])
    if not n:
        return 0.0, 0.0
    mean = float(arm["touches"]) / n
    return mean, math.sqrt(max(float(arm["squares"]) / n - mean * mean, 0.0) / n)


def _content_differs(arm: Row, control: Row, templates: Templates) -> bool:
    sides = []
    for a in (arm, control):
        n = max(float(a["n"]), 1.0)
        got = templates.get((a["experiment_id"], a["arm"]), {})
        sides.append({**{("template", k): v / n for k, v in got.items()},
                      ("personal", ""): float(a["personal"]) / n})  # fmt: skip
    kinds = {*sides[0], *sides[1]}
    return any(abs(sides[0].get(k, 0.0) - sides[1].get(k, 0.0)) > MOST for k in kinds)


def _records(row: Row) -> list[Record]:
    found = []
    for outcome in OUTCOMES:
        where = dimensions(experiment=row["experiment"], arm=row["arm"], outcome=outcome)
        if np.isnan(row[f"{outcome}_change"]):
            why = row["missing"]
            found.append(
                Record("contact_effect", None, "share", where, status="not_computed", reason=why)
            )
            continue
        found.append(
            Record("contact_effect", row[f"{outcome}_change"], "share", where,
                   low=row[f"{outcome}_change_low"], high=row[f"{outcome}_change_high"],
                   n=row["n"] + row["other_n"], readable_from=str(row["readable_from"]))
        )  # fmt: skip
    return found
