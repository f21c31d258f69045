"""`review.ab_review`: which outreach works, said only when it is known."""

from __future__ import annotations

from dataclasses import replace

import ibis
import ibis.expr.types as ir

from repurchase.analysis import trial_looks, trial_memory, trial_segments, trial_units, trials
from repurchase.analysis.cuts import PLACES
from repurchase.analysis.trial_findings import trial_findings
from repurchase.analysis.trial_memory import Memory
from repurchase.analysis.trials import Trial
from repurchase.benches.trial_planning import TrialPlanningBench
from repurchase.errors import ParameterError
from repurchase.lab.names import nearest
from repurchase.params import ExperimentPlan
from repurchase.period import Period
from repurchase.records import Finding, Record, Result

CONTROLS = ("control", "对照", "对照组", "hold-out", "holdout", "none")


class AbReviewBench(TrialPlanningBench):
    """Results of the experiments of this review, and what it takes to plan the next."""

    def plans(self) -> tuple[ExperimentPlan, ...]:
        """Every experiment of the profile that has begun, then those logged without a plan.

        An experiment without a plan has the control that its arms' names give away; there is none
        if no arm is called so, and the experiment cannot be read.
        """
        end = self._review.period.end
        planned = [p for p in self._params.experiments if p.start is None or p.start <= end]
        known = {p.id for p in self._params.experiments}
        found = []
        for experiment, arms in self._logged().items():
            control = next((c for c in CONTROLS if c in {a.lower() for a in arms}), None)
            if experiment not in known and control is not None:
                name = next(a for a in arms if a.lower() == control)
                found.append(ExperimentPlan(id=experiment, control=name))
        return (*planned, *found)

    def trial(self, experiment: str) -> Trial:
        """One experiment read from end to end."""
        plan = next(p for p in self.plans() if p.id == experiment)
        review = self._review
        logged = self._assigned(plan)
        columns = wide_columns(plan, logged.schema(), where=f"params/{review.params.name}.yaml")
        tables = trial_units.TrialTables(
            logged,
            review.customer_days if "customer_days" in review.snapshot.tables else None,
            review.table("events") if "events" in review.snapshot.tables else None,
            review.table("tickets") if "tickets" in review.snapshot.tables else None,
        )
        units = trial_units.units(
            tables,
            horizons=trials.horizons_of(plan),
            seen_until=review.windows.seen_until,
            columns=columns,
        )
        units = self._labelled(plan, units)
        planned = plan.id in {p.id for p in self._params.experiments}
        earlier = review.params.looks.looks
        found = trials.read(
            plan,
            logged,
            units.cache(),
            seen_until=review.windows.seen_until,
            planned=planned,
            days=tables.days,
            tuned=trial_looks.tuned_at(plan, earlier),
        )
        label = review.period.label
        return replace(found, looks=trial_looks.trial_looks(found, earlier, period=label))

    def trials(self) -> tuple[Trial, ...]:
        """The tests, the latest assignment first; without the standing hold-outs."""
        return tuple(t for t in self._all() if t.plan.kind == "test")

    def holdouts(self) -> tuple[Trial, ...]:
        """The standing hold-outs: what all outreach together brings."""
        return tuple(t for t in self._all() if t.plan.kind == "holdout")

    def _all(self) -> list[Trial]:
        logged = self._logged()
        found = [self.trial(p.id) for p in self.plans() if p.id in logged or self._told(p)]
        return sorted(found, key=lambda t: (-_last(t), t.plan.id))

    def figures(self) -> Result:
        """The records of every experiment, and of the looks at it."""
        import pandas as pd

        found: list[Record] = []
        for trial in (*self.trials(), *self.holdouts()):
            assert trial.looks is not None
            found += trials.records(trial)
            found += trial_looks.look_records(trial, trial.looks)
        return self._result(Result(pd.DataFrame([vars(r) for r in found]), tuple(found)))

    def memory(self) -> Memory:
        """What became of the tests of the twelve months up to the period's end."""
        end = self._review.period.end
        since = Period.month_of(end).shifted(-11).start
        return trial_memory.memory(self.trials(), since=since, until=end)

    def remembered(self) -> Result:
        """The records of the year's scorecard."""
        import pandas as pd

        found = trial_memory.memory_records(self.memory())
        return self._result(Result(pd.DataFrame([vars(r) for r in found]), found))

    def findings(self) -> tuple[Finding, ...]:
        """What the tests say on the first page."""
        params = self._review.params
        return trial_findings(
            self.trials(),
            said=lambda plan: plan.id if plan.question is None else params.said(plan.question),
            exhibit="X-1",
        )

    def _told(self, plan: ExperimentPlan) -> bool:
        """Whether its arms can be told from another table, and its day has come."""
        told = plan.inferred
        return told is not None and told.assigned_on <= self._review.period.end

    def _assigned(self, plan: ExperimentPlan) -> ir.Table:
        """Who was given which arm: as it was logged, else as the plan says it can be told."""
        told, review = plan.inferred, self._review
        if told is None or plan.id in self._logged():
            return trial_units.assignments(review.table("experiments"), plan.id)
        where = f"params/{review.params.name}.yaml, experiments, {plan.id}, inferred.arms"
        return trial_units.inferred(
            {
                arm: review.rows_where(told.table, text, where=f"{where}.{arm}")
                for arm, text in told.arms.items()
            },
            assigned_on=told.assigned_on,
        )

    def _labelled(self, plan: ExperimentPlan, units: ir.Table) -> ir.Table:
        """The units with what they are, by the profile's segments, and where they bought last."""
        review = self._review
        unknown = trial_segments.unknown_names(plan, self._params.segments)
        if unknown:
            raise ParameterError(
                f"the experiment {plan.id!r} names the segment {unknown[0]!r}, which is none",
                where=f"params/{review.params.name}.yaml, experiments, {plan.id}, segments",
                remedy=f"name one of: {', '.join([*self._params.segments, *PLACES])}",
            )
        labels = dict(review.segments)
        if "customer_days" in review.snapshot.tables:
            labels = trial_segments.places_before(units, review.customer_days) | labels
        return trial_segments.labelled(units, labels)

    def _logged(self) -> dict[str, list[str]]:
        """The arms of each experiment of the table."""
        if "experiments" not in self._review.snapshot.tables:
            return {}
        table = self._review.table("experiments")
        rows = table.select("experiment_id", "arm").distinct().to_pyarrow().to_pylist()
        found: dict[str, list[str]] = {}
        for row in sorted(rows, key=lambda r: (r["experiment_id"], r["arm"])):
            found.setdefault(row["experiment_id"], []).append(row["arm"])
        return found


def wide_columns(plan: ExperimentPlan, schema: ibis.Schema, *, where: str) -> tuple[str, ...]:
    """The columns of the assignments that a plan's own metrics are read from.

    Raises ParameterError for one that is not there, or is no number.
    """
    found: dict[str, None] = {}
    for name, told in plan.columns.items():
        for key, column in (("column", told.column), ("before", told.before)):
            if column is None:
                continue
            at = f"{where}, experiments, {plan.id}, columns.{name}.{key}"
            if column not in schema:
                known = [c for c in schema if c.startswith("x_")]
                raise ParameterError(
                    f"the experiments have no column {column!r}",
                    where=at,
                    rule="a metric of one's own is read from a column that begins with x_",
                    remedy=nearest(column, known, before=""),
                )
            kind = schema[column]
            if not (kind.is_numeric() or kind.is_boolean()):
                raise ParameterError(
                    f"{column} is read as text",
                    where=at,
                    rule="a metric is a number",
                    remedy=f"under sources.experiments.columns write {column}:"
                    " {from: <heading>, kind: number}; kinds are number, integer, money, flag",
                )
            found[column] = None
    return tuple(found)


def _last(trial: Trial) -> int:
    return 0 if trial.assigned_between is None else trial.assigned_between[1].toordinal()
