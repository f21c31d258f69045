"""The part of `review.ab_review` that comes before a test: how large, how long, and who."""

from __future__ import annotations

import datetime as dt

import ibis
import ibis.expr.types as ir
import pandas as pd

from repurchase.analysis import trial_draw, trial_plan, trial_results, trial_units
from repurchase.analysis.cuts import PLACES
from repurchase.benches.base import Bench
from repurchase.errors import DataError, ParameterError
from repurchase.lab.names import nearest
from repurchase.params import ArmPlan, ExperimentPlan, TrialAssignment
from repurchase.records import Result

EFFECTS = (0.02, 0.05, 0.1, 0.2, 0.5)
HALVES = (("control", 0.5), ("new", 0.5))
YEAR = 365


class TrialPlanningBench(Bench):
    """Tests that are still to come."""

    def planning(
        self,
        metric: str | None = None,
        horizon: int = 30,
        effects: tuple[float, ...] = EFFECTS,
        treated_share: float = 0.5,
        who: str | None = None,
        initiative: str | None = None,
    ) -> Result:
        """Customers and days that a test needs for an effect, from the company's own spread.

        `effects` are shares of what a customer brings now; `who` is a condition over the columns of
        customers, `initiative` leaves those whom that initiative reaches. Without `metric` (margin,
        revenue, orders, repurchase) it is the money that is known, and the share who order.
        Columns: metric, horizon, eligible (customers who had ordered before the last `horizon`
        days, and are asked about), mean and deviation of what they did in them, explained (share of
        the variance known from as many days before), joining_a_day, relative, effect, customers
        (needed in all arms), enough, days (missing where nobody joins and those there are too few),
        share. 5 % two-sided, found four times in five. Empty without orders; no row where the mean
        is not positive.
        """
        found = []
        for name in self._metrics(metric, horizon):
            told = self._spread(name, horizon, who, initiative)
            if told is None or told.mean <= 0:
                continue
            joining = self._joining(who, initiative)
            wanted = trial_plan.needed(
                told,
                [e * told.mean for e in effects],
                treated_share=treated_share,
                joining_a_day=joining,
            )
            found.append(
                wanted.assign(
                    metric=name,
                    horizon=horizon,
                    eligible=told.customers,
                    mean=told.mean,
                    deviation=told.deviation,
                    explained=told.explained,
                    joining_a_day=joining,
                    share=treated_share,
                )
            )
        columns = [
            "metric", "horizon", "eligible", "mean", "deviation", "explained", "joining_a_day",
            "relative", "effect", "customers", "enough", "days", "share",
        ]  # fmt: skip
        frame = pd.concat(found, ignore_index=True)[columns] if found else pd.DataFrame(
            columns=columns
        )
        return self._result(Result(frame))

    def upcoming(self) -> tuple[ExperimentPlan, ...]:
        """The tests that begin after the period and whose customers are to be drawn here."""
        end = self._review.period.end
        planned = [p for p in self._params.experiments if p.assignment and p.start]
        return tuple(p for p in planned if p.start is not None and p.start > end)

    def drawn(self, experiment: str) -> pd.DataFrame:
        """The list of an upcoming test of the profile; columns: `trial_draw.COLUMNS`.

        One row a customer with an order up to the period's end for whom the plan's condition holds;
        internal and test accounts are never drawn. Raises ParameterError for a name that is none.
        """
        known = {p.id: p for p in self.upcoming()}
        if experiment not in known:
            raise ParameterError(
                f"no test {experiment!r} is to be drawn",
                where=f"params/{self._review.params.name}.yaml, experiments",
                rule="it has an assignment, and begins after the period",
                remedy=nearest(experiment, known, before=""),
            )
        return self._draw(known[experiment])

    def draw(
        self,
        experiment: str,
        start: dt.date,
        arms: tuple[tuple[str, float], ...] = HALVES,
        strata: tuple[str, ...] = (),
        who: str | None = None,
        seed: int = 1,
        initiative: str | None = None,
    ) -> pd.DataFrame:
        """The same for a test that no profile has yet; the first arm is the control.

        With `initiative` of those alone whom that initiative reaches.
        """
        plan = ExperimentPlan(
            id=experiment,
            control=arms[0][0],
            arms={name: ArmPlan(share=share) for name, share in arms},
            start=start,
            assignment=TrialAssignment(seed=seed, strata=strata, who=who),
        )
        return self._draw(plan, initiative)

    def _draw(self, plan: ExperimentPlan, initiative: str | None = None) -> pd.DataFrame:
        assert plan.assignment is not None
        at = f"params/{self._review.params.name}.yaml, experiments, {plan.id}, assignment"
        end = self._review.period.end
        people = self._eligible(plan.assignment.who, end, where=at, initiative=initiative)
        customers = self._in_strata(people, plan.assignment.strata, where=at)
        drawn = trial_plan.assigned(
            customers,
            {arm: float(p.share) for arm, p in plan.arms.items()},
            experiment_id=plan.id,
            seed=plan.assignment.seed,
        )
        return trial_draw.handed(plan, drawn)

    def _eligible(
        self, who: str | None, day: dt.date, *, where: str, initiative: str | None = None
    ) -> ir.Table:
        """The summary of customers with an order up to that day who may be in a test."""
        review = self._review
        found = review.customers_on(day)
        if initiative is not None:
            found = found.semi_join(review.roi_before_after.reached(initiative), "customer_id")
        if "customers" not in review.snapshot.tables:
            if who is not None:
                raise DataError(
                    f"{who!r} is told from the columns of customers, and there are none",
                    where=where,
                    remedy="add sources.customers, or take who out",
                )
            return found
        customers = review.table("customers")
        if who is not None:
            customers = review.rows_where("customers", who, where=f"{where}.who")
            found = found.semi_join(customers, "customer_id")
        odd = customers.is_internal.fill_null(False) | customers.is_test.fill_null(False)
        return found.anti_join(customers.filter(odd), "customer_id")

    def _in_strata(self, people: ir.Table, strata: tuple[str, ...], *, where: str) -> pd.DataFrame:
        """customer_id and stratum: the labels of all strata, "" where there is none."""
        review, known = self._review, [*self._params.segments, *PLACES]
        found = people.select("customer_id", **{f"last_{p}": people[f"last_{p}"] for p in PLACES})
        for i, name in enumerate(strata):
            if name in self._params.segments:
                labels = review.segments[name]
                told = labels.select("customer_id", **{f"s_{i}": labels.label})
                found = found.left_join(told, "customer_id").drop("customer_id_right")
            elif name in PLACES:
                found = found.mutate(**{f"s_{i}": found[f"last_{name}"].cast("string")})
            else:
                raise ParameterError(
                    f"there is no stratum {name!r}",
                    where=f"{where}.strata",
                    remedy=nearest(name, known, before=""),
                )
        frame = found.select("customer_id", *(f"s_{i}" for i in range(len(strata)))).to_pandas()
        columns = [frame[f"s_{i}"].fillna("").astype(str) for i in range(len(strata))]
        stratum = [" | ".join(row) for row in zip(*columns, strict=True)] if columns else ""
        return pd.DataFrame({"customer_id": frame["customer_id"].astype(str), "stratum": stratum})

    # ---- the company's own spread -----------------------------------------------------------

    def _metrics(self, metric: str | None, horizon: int) -> tuple[str, ...]:
        if "customer_days" not in self._review.snapshot.tables:
            return ()
        if metric is not None:
            if metric not in trial_results.BEFORE:
                raise ParameterError(
                    f"no size can be told for the metric {metric!r}",
                    remedy=nearest(metric, trial_results.BEFORE, before=""),
                )
            return (metric,)
        return (*self._known_money(horizon), "repurchase")

    def _known_money(self, horizon: int) -> tuple[str, ...]:
        """Margin, else revenue, as it is known of the buyers of the last days; else nothing."""
        units = self._lived(horizon, None)
        unknown = {u.metric for u in trial_results.unknown_money(units, (horizon,)) if u.too_many}
        return tuple([m for m in trial_units.MONEY if m not in unknown][:1])

    def _spread(
        self, metric: str, horizon: int, who: str | None, initiative: str | None
    ) -> trial_plan.Spread | None:
        units = self._lived(horizon, who, initiative)
        now, before = units[f"{metric}_{horizon}"], units[f"before_{metric}_{horizon}"]
        units = units.filter(now.notnull() & before.notnull())
        values = {metric: units[now.get_name()], f"before_{metric}": units[before.get_name()]}
        sums = trial_units.arm_sums(units, values, pairs=[(metric, f"before_{metric}")])
        one = sums.get(("",))
        return None if one is None or one.n < 2 else trial_plan.spread(one, metric, horizon=horizon)

    def _lived(self, horizon: int, who: str | None, initiative: str | None = None) -> ir.Table:
        """Everyone who may be in a test, as if assigned so many days before the period's end."""
        seen = self._review.windows.seen_until
        begun = seen - dt.timedelta(days=horizon - 1)
        before = begun - dt.timedelta(days=1)
        people = self._eligible(who, before, where="who", initiative=initiative)
        at = ibis.literal(dt.datetime.combine(begun, dt.time()))
        assigned = people.select(
            "customer_id",
            arm=ibis.literal(""),
            assigned_on=ibis.literal(begun),
            assigned_at=at,
            exposed_at=ibis.null("timestamp"),
        )
        tables = trial_units.TrialTables(assigned, self._review.customer_days)
        return trial_units.units(tables, horizons=(horizon,), seen_until=seen)

    def _joining(self, who: str | None, initiative: str | None) -> float:
        """New customers a day over the last year, or as much of it as the data have."""
        end = self._review.period.end
        people = self._eligible(who, end, where="who", initiative=initiative)
        since = end - dt.timedelta(days=YEAR)
        row = people.aggregate(
            new=(people.first_date > since).cast("int64").sum(), first=people.first_date.min()
        ).to_pyarrow().to_pylist()[0]  # fmt: skip
        if row["first"] is None:
            return 0.0
        return float(row["new"]) / max(1, min(YEAR, (end - row["first"]).days + 1))
