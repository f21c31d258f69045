"""Can an experiment's result be believed at all? Asked before any result is looked at.

A check that fails withholds the verdict. The level of the tests is .001, so that a sound experiment
is hardly ever called broken; it is shared over the days or segments that are looked at.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import ibis.expr.types as ir

from repurchase.analysis.trial_draw import came_back
from repurchase.analysis.trial_units import arm_sums
from repurchase.params import ExperimentPlan
from repurchase.stats.proportion import Estimate
from repurchase.stats.sample_ratio import BROKEN, sample_ratio
from repurchase.stats.trial import lift

Name = Literal[
    "sample_ratio", "sample_ratio_by_day", "sample_ratio_by_segment", "two_arms", "repeated_rows",
    "early_exposure", "contamination", "balance_before", "logging_gaps", "missing_outcomes",
    "unplanned_arms", "as_drawn", "all_drawn",
]  # fmt: skip
State = Literal["passed", "failed", "noted", "not_computable"]
CHECKS: tuple[Name, ...] = (
    "sample_ratio", "sample_ratio_by_day", "sample_ratio_by_segment", "two_arms", "repeated_rows",
    "early_exposure", "contamination", "balance_before", "logging_gaps", "missing_outcomes",
    "unplanned_arms", "as_drawn", "all_drawn",
)  # fmt: skip
# a share of the units beyond which what went wrong may decide the result
TOLERATED = 0.01
FEWEST = 40
BEFORE = ("before_orders", "before_revenue", "before_margin")


@dataclass(frozen=True)
class TrialCheck:
    """One check: how many units it concerns (`count` of `n`), its p-value, and where (a day, a
    segment's text, an arm). "noted" is worth a look and withholds nothing."""

    name: Name
    state: State
    count: int | None = None
    n: int | None = None
    p: float | None = None
    where: str = ""


def planned_shares(plan: ExperimentPlan, logged: dict[str, float | None]) -> dict[str, float]:
    """The share of each arm: the plan's, else what was logged with the assignments; empty if
    neither tells of every arm."""
    if plan.arms:
        return {arm: float(p.share) for arm, p in plan.arms.items()}
    if len(logged) > 1 and all(s is not None and s > 0 for s in logged.values()):
        found = {arm: float(s or 0) for arm, s in logged.items()}
        # some systems log the treated share on every row
        one = set(found.values())
        if len(found) == 2 and len(one) == 1 and 0 < (treated := one.pop()) < 1:
            return {a: 1 - treated if a == plan.control else treated for a in found}
        return found
    return {}


def checks(
    plan: ExperimentPlan,
    assigned: ir.Table,
    units: ir.Table,
    *,
    segments: Mapping[str, str] | None = None,
    today: Collection[str] = (),
) -> tuple[TrialCheck, ...]:
    """Every check in the order of CHECKS; what the tables cannot tell is not computable.

    The last two are there only for a list that was drawn here (`assignment` in the plan).

    `assigned` is as in `trial_units.TrialTables`, `units` as `trial_units.units` gives it, with a
    text column for each of `segments` (name to column). Of those named in `today` the labels are
    as of today, so that the test itself may have moved customers: an odd split there is noted.
    """
    segments = segments or {}
    logged = _logged(assigned)
    shares = planned_shares(plan, logged)
    found = [
        _ratio(units, shares),
        _ratio_within(units, shares, "assigned_on", "sample_ratio_by_day"),
        _ratio_by_segments(units, shares, segments, today),
        *_rows(assigned),
        _early(assigned),
        _contaminated(plan, assigned),
        _balance(plan, units),
        _gaps(plan, assigned),
        _outcomes(plan, units),
        _unplanned(plan, logged),
        *_drawn(plan, assigned),
    ]
    by_name = {check.name: check for check in found}
    return tuple(by_name[name] for name in CHECKS if name in by_name)


def broken(found: Iterable[TrialCheck]) -> tuple[str, ...]:
    """The names of the checks that withhold the verdict."""
    return tuple(check.name for check in found if check.state == "failed")


def _logged(assigned: ir.Table) -> dict[str, float | None]:
    rows = assigned.group_by("arm").aggregate(share=assigned.planned_share.max())
    told = rows.to_pyarrow().to_pylist()
    return {str(r["arm"]): r["share"] for r in sorted(told, key=lambda r: str(r["arm"]))}


def _counts(units: ir.Table, by: str | None = None) -> dict[str, dict[str, int]]:
    """Units by arm, within each text of a column."""
    keys = ["arm"] if by is None else [by, "arm"]
    rows = units.group_by(keys).aggregate(n=units.count()).to_pyarrow().to_pylist()
    found: dict[str, dict[str, int]] = {}
    for row in sorted(rows, key=lambda r: [str(r[k]) for k in keys]):
        label = "" if by is None or row[by] is None else str(row[by])
        found.setdefault(label, {})[str(row["arm"])] = int(row["n"])
    return found


def _split(counts: dict[str, int], shares: dict[str, float]) -> tuple[float, int] | None:
    """The p-value of a split and its units; None where the arms are not those planned."""
    arms = [a for a in shares if shares[a] > 0]
    total = sum(counts.get(a, 0) for a in arms)
    if len(arms) < 2 or not total:
        return None
    return sample_ratio([counts.get(a, 0) for a in arms], [shares[a] for a in arms]), total


def _ratio(units: ir.Table, shares: dict[str, float]) -> TrialCheck:
    counted = _counts(units).get("", {})
    told = _split(counted, shares)
    if told is None:
        return TrialCheck("sample_ratio", "not_computable")
    p, n = told
    return TrialCheck("sample_ratio", "failed" if p < BROKEN else "passed", n=n, p=p)


def _ratio_within(
    units: ir.Table, shares: dict[str, float], by: str, name: Name
) -> TrialCheck:
    """The worst split within a column's texts, of those with units enough; p shared over them."""
    parts = {
        label: told
        for label, counts in _counts(units, by).items()
        if (told := _split(counts, shares)) is not None and told[1] >= FEWEST
    }
    if not parts:
        return TrialCheck(name, "not_computable")
    worst = min(parts, key=lambda label: (parts[label][0], label))
    p, n = parts[worst]
    p = min(1.0, p * len(parts))
    return TrialCheck(name, "failed" if p < BROKEN else "passed", n=n, p=p, where=worst)


def _ratio_by_segments(
    units: ir.Table, shares: dict[str, float], segments: Mapping[str, str], today: Collection[str]
) -> TrialCheck:
    """The worst split within a segment, those first that the test cannot have moved."""
    name: Name = "sample_ratio_by_segment"
    told = {s: _ratio_within(units, shares, column, name) for s, column in segments.items()}
    found = {s: c for s, c in told.items() if c.p is not None}
    if not found:
        return TrialCheck(name, "not_computable")
    shared = {s: min(1.0, (c.p or 0.0) * len(found)) for s, c in found.items()}
    fixed = {s: p for s, p in shared.items() if s not in today}
    failed = any(p < BROKEN for p in fixed.values())
    worst = min(fixed if failed else shared, key=lambda s: (shared[s], s))
    p = shared[worst]
    state: State = "failed" if failed else "noted" if p < BROKEN else "passed"
    where = f"{worst}: {found[worst].where}"
    return TrialCheck(name, state, n=found[worst].n, p=p, where=where)


def _rows(assigned: ir.Table) -> tuple[TrialCheck, TrialCheck]:
    """Units with several arms, and units whose assignment was logged more than once."""
    per = assigned.group_by("customer_id").aggregate(
        arms=assigned.arm.nunique(), rows=assigned.count()
    )
    row = per.aggregate(
        n=per.count(),
        twice=(per.arms > 1).cast("int64").sum(),
        repeated=((per.arms == 1) & (per.rows > 1)).cast("int64").sum(),
    ).to_pyarrow().to_pylist()[0]  # fmt: skip
    n, twice, repeated = (int(row[k] or 0) for k in ("n", "twice", "repeated"))
    return (
        TrialCheck("two_arms", _of_share(twice, n), count=twice, n=n),
        TrialCheck("repeated_rows", "noted" if repeated else "passed", count=repeated, n=n),
    )


def _of_share(count: int, n: int) -> State:
    if not count:
        return "passed"
    return "failed" if count > TOLERATED * n else "noted"


def _early(assigned: ir.Table) -> TrialCheck:
    exposed = assigned.filter(assigned.exposed_at.notnull())
    row = exposed.aggregate(
        n=exposed.count(),
        early=(exposed.exposed_at < exposed.assigned_at).cast("int64").sum(),
    ).to_pyarrow().to_pylist()[0]  # fmt: skip
    n, early = int(row["n"]), int(row["early"] or 0)
    if not n:
        return TrialCheck("early_exposure", "not_computable")
    return TrialCheck("early_exposure", _of_share(early, n), count=early, n=n)


def _contaminated(plan: ExperimentPlan, assigned: ir.Table) -> TrialCheck:
    """Units of the control that were exposed all the same."""
    row = assigned.filter(assigned.arm == plan.control)
    told = row.aggregate(n=row.count(), hit=row.exposed_at.count()).to_pyarrow().to_pylist()[0]
    anyone = int(assigned.exposed_at.count().to_pyarrow().as_py())
    n, hit = int(told["n"]), int(told["hit"])
    if not n or not anyone:
        return TrialCheck("contamination", "not_computable")
    return TrialCheck("contamination", _of_share(hit, n), count=hit, n=n, where=plan.control)


@dataclass(frozen=True)
class Before:
    """What an arm and the control did in as many days before as the horizon has, a unit."""

    arm: str
    figure: str
    n_control: int
    n: int
    control: float
    treatment: float
    difference: Estimate
    p: float


def before(plan: ExperimentPlan, units: ir.Table) -> tuple[Before, ...]:
    """Each arm against the control before the start; units of whom it is unknown left out.

    What a wide file tells of before is known by its column.

    Arms below FEWEST units, and figures that are the same of every unit, are not compared.
    """
    found = []
    columns = {figure: f"{figure}_{plan.horizon_days}" for figure in BEFORE}
    columns |= {told.before: told.before for told in plan.columns.values() if told.before}
    for figure, column in columns.items():
        if column not in units.columns:
            continue
        known = units.filter(units[column].notnull())
        sums = arm_sums(known, {figure: known[column]})
        control = sums.get((plan.control,))
        for (arm,), treated in sums.items():
            if control is None or arm == plan.control or min(control.n, treated.n) < FEWEST:
                continue
            if control.covariance(figure, figure) + treated.covariance(figure, figure) > 0:
                told = lift(control, treated, figure)
                levels = told.control, told.treatment, told.difference, told.p
                found.append(Before(arm, figure, control.n, treated.n, *levels))
    return tuple(sorted(found, key=lambda b: (b.arm, list(columns).index(b.figure))))


def _balance(plan: ExperimentPlan, units: ir.Table) -> TrialCheck:
    """What the arms bought before: the least alike of the metrics and arms, p shared over all."""
    found = [(b.p, f"{b.arm}: {b.figure}") for b in before(plan, units)]
    if not found:
        return TrialCheck("balance_before", "not_computable")
    p, where = min(found)
    p = min(1.0, p * len(found))
    state: State = "failed" if p < BROKEN else "passed"
    return TrialCheck("balance_before", state, p=p, where=where)


def _gaps(plan: ExperimentPlan, assigned: ir.Table) -> TrialCheck:
    """Treated units whose exposure was not logged, where exposures are logged at all."""
    treated = assigned.filter(assigned.arm != plan.control)
    row = treated.aggregate(
        n=treated.count(), missing=treated.exposed_at.isnull().cast("int64").sum()
    ).to_pyarrow().to_pylist()[0]  # fmt: skip
    n, missing = int(row["n"]), int(row["missing"] or 0)
    if not n or missing == n:
        return TrialCheck("logging_gaps", "not_computable")
    # who opted out is treated and hears nothing: that thins the effect and biases nothing
    return TrialCheck("logging_gaps", "noted" if missing else "passed", count=missing, n=n)


def _outcomes(plan: ExperimentPlan, units: ir.Table) -> TrialCheck:
    """Units whose outcome a wide file leaves empty although they have had the days: nobody knows
    which way they would move the difference, so few are left out and many withhold it."""
    columns = [told.column for told in plan.columns.values() if told.column in units.columns]
    if not columns:
        return TrialCheck("missing_outcomes", "not_computable")
    ripe = units.filter(units[f"ripe_{plan.horizon_days}"])
    counts = {c: ripe[c].isnull().cast("int64").sum() for c in columns}
    row = ripe.aggregate(n=ripe.count(), **counts).to_pyarrow().to_pylist()[0]
    n, worst = int(row["n"]), max(columns, key=lambda c: int(row[c] or 0))
    if not n:
        return TrialCheck("missing_outcomes", "not_computable")
    count = int(row[worst] or 0)
    where = worst if count else ""
    return TrialCheck("missing_outcomes", _of_share(count, n), count=count, n=n, where=where)


def _unplanned(plan: ExperimentPlan, logged: dict[str, float | None]) -> TrialCheck:
    """Arms that the plan does not have, or that nobody is in."""
    if not plan.arms:
        return TrialCheck("unplanned_arms", "not_computable")
    odd = sorted(set(logged) ^ set(plan.arms))
    state: State = "failed" if odd else "passed"
    return TrialCheck("unplanned_arms", state, count=len(odd), where=", ".join(odd))


def _drawn(plan: ExperimentPlan, assigned: ir.Table) -> tuple[TrialCheck, ...]:
    """Rows whose customer or arm is not as drawn, and customers drawn who did not come back.

    Who is missing withholds nothing by itself: where it tells arms apart the split shows it.
    """
    if plan.assignment is None:
        return ()
    found = came_back(plan, assigned)
    if found is None:
        return TrialCheck("as_drawn", "not_computable"), TrialCheck("all_drawn", "not_computable")
    wrong = TrialCheck(
        "as_drawn", _of_share(found.otherwise, found.rows), found.otherwise, found.rows
    )
    if found.missing is None:
        return wrong, TrialCheck("all_drawn", "not_computable")
    state: State = "noted" if found.missing else "passed"
    drawn = found.rows - found.otherwise + found.missing
    return wrong, TrialCheck("all_drawn", state, found.missing, drawn)
