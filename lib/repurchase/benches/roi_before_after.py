"""`review.roi_before_after`: did it pay, and would it have happened anyway."""

from __future__ import annotations

import datetime as dt
import functools
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.types as ir
import pandas as pd

from repurchase.analysis import (
    before_after,
    initiative_ages,
    initiative_costs,
    initiative_findings,
    initiative_flags,
    initiative_panel,
    initiative_records,
    initiative_tries,
    initiatives,
)
from repurchase.analysis.initiative_panel import CONTROL, OTHER, TREATED, InitiativePanel
from repurchase.analysis.initiative_reading import LONGEST_LEARNING, Former, Learn, Reading
from repurchase.analysis.initiative_tries import Try
from repurchase.analysis.windows import ONE_DAY
from repurchase.benches import initiative_attempts
from repurchase.benches.base import Bench
from repurchase.context import RUN
from repurchase.errors import ParameterError
from repurchase.initiatives import PLACES, Group, Initiative
from repurchase.lab.names import nearest
from repurchase.model.reconcile import money_bridge
from repurchase.records import Finding, Result

# the hold-out is asked about over a quarter, as what repeats within one is what repeats at all
LEARN_DAYS = 90
HELD_OUT = "hold-out"
MONTHS_OF_LEARNING = {"month": 3.0, "week": LEARN_DAYS / 7}
# the tables that list the units themselves
OWN_TABLES = {"store_id": "stores", "rep_id": "reps"}


class RoiBeforeAfterBench(Bench):
    """The initiatives of the profile that have begun, each read from end to end."""

    def plans(self) -> tuple[Initiative, ...]:
        """Every initiative of the profile that went live up to the period's end, as they stand."""
        end = self._review.period.end
        return tuple(p for p in self._params.initiatives if p.go_live <= end)

    def read(self, initiative: str) -> Reading:
        """One initiative, without a word of what was tried beside it; see `reading`."""
        return self._whole(self._plan(initiative))

    @property
    def reading(self) -> Callable[[str], Reading]:
        """`reading("tracking-system")`: one initiative read from end to end.

        What was tried beside it stands among its flags, so it is asked for anew each time.
        """
        return lambda initiative: self._flagged(self.read(initiative))

    @property
    def readings(self) -> Callable[[], tuple[Reading, ...]]:
        """`readings()`: all of them, in the profile's order; none without orders."""
        return lambda: tuple(self._flagged(found) for found in self._read_all())

    @property
    def attempt(self) -> Callable[..., Reading]:
        """`attempt("tracking-system", before_months=12)`: the reading with other windows or others.

        Options: go_live, ramp_up_days, anticipation_days, before_months, after_months, step,
        outcome; treated, controls and except_for (labels, or a single one; their order says
        nothing). It is written down that it was tried: a chapter prints all tries of its own run;
        the lab also appends them to params/<profile>/tries.csv, which every later pack reads. What
        says the same as the plan is no try. The verdict stays that of the profile's own plan.
        Raises ParameterError, and writes nothing down, for what no plan can be, a label that no
        customer has, a go-live after the period's end, and windows without data.
        """
        return self._attempt

    @property
    def tries(self) -> Callable[..., pd.DataFrame]:
        """`tries()` or `tries("tracking-system")`: what was tried, the earliest first.

        Columns: `initiative_tries.COLUMNS`. The same question of the same period is one try.
        """
        return lambda initiative=None: initiative_tries.table(
            t for t in self._tried() if initiative in (None, t.initiative)
        )

    def attempted(self, plan: str) -> Reading:
        """The reading of any plan, told as JSON, written down nowhere: for `attempt`."""
        return self._one(Initiative.model_validate_json(plan, strict=False))

    def figures(self) -> Result:
        """The records of every initiative: its table, all rungs of its ladders, its money."""
        found = [r for one in self._read_all() for r in initiative_records.records(one)]
        return self._result(Result(pd.DataFrame([vars(r) for r in found]), tuple(found)))

    def findings(self) -> tuple[Finding, ...]:
        """What the initiatives say on the first page."""
        params = self._review.params
        return initiative_findings.initiative_findings(
            self._read_all(), said=lambda plan: params.said(plan.name), exhibit="I-1"
        )

    def hold_out(self, initiative: str) -> pd.DataFrame:
        """The customers to leave without it from the next month on, drawn by the profile's seed.

        One row a customer whom it reaches, the arms "hold-out" and "goes on"; columns:
        `trial_draw.COLUMNS`. Within the store of the last order where that is known.
        """
        plan = self._plan(initiative)
        share = float(plan.hold_out.share)
        return self._review.ab_review.draw(
            f"{plan.id}-hold-out",
            self._next_month(),
            arms=((HELD_OUT, share), ("goes on", 1 - share)),
            strata=("store_id",),
            seed=plan.hold_out.seed,
            initiative=plan.id,
        )

    @property
    def reached(self) -> Callable[[str], ir.Table]:
        """`reached("tracking-system")`: customer_id of everyone whom the plan calls treated."""
        return lambda initiative: self._reached(self._plan(initiative))

    def hold_outs(self) -> dict[str, pd.DataFrame]:
        """The lists of all initiatives of which nothing else can tell the effect."""
        return {r.plan.id: self.hold_out(r.plan.id) for r in self._read_all() if r.learn}

    # ---- what was tried -------------------------------------------------------------------------

    def _read_all(self) -> tuple[Reading, ...]:
        if "customer_days" not in self._review.snapshot.tables:
            return ()
        return tuple(self.read(p.id) for p in self.plans())

    def _flagged(self, found: Reading) -> Reading:
        count = sum(t.initiative == found.plan.id for t in self._tried())
        return replace(found, flags=(*found.flags, initiative_flags.tries(count)))

    def _attempt(self, initiative: str, **other: Any) -> Reading:
        plan = self._plan(initiative)
        tried = initiative_attempts.otherwise(plan, other)
        initiative_attempts.check_begun(tried, self._review.period)
        found = self.attempted(tried.model_dump_json(exclude_unset=True))
        asked = initiative_attempts.question(plan, tried)
        if not asked:
            return found
        initiative_attempts.check_answered(found, asked)
        row = initiative_tries.tried(found, asked, period=self._review.period.label)
        if not os.environ.get(RUN):
            root, name = self._review.params.root, self._review.params.name
            initiative_tries.add(self._tries_file, row, lock=root / ".cache" / f"tries-{name}.lock")
        self._own_tries.append(row)
        return found

    def _tried(self) -> tuple[Try, ...]:
        """What is written down, and what this review tried itself."""
        return initiative_tries.once(
            (*initiative_tries.read(self._tries_file), *self._own_tries)
        )

    @property
    def _tries_file(self) -> Path:
        params = self._review.params
        return params.root / "params" / params.name / initiative_tries.FILE

    @functools.cached_property
    def _own_tries(self) -> list[Try]:
        return []

    # ---- one initiative -------------------------------------------------------------------------

    def _plan(self, initiative: str) -> Initiative:
        known = {p.id: p for p in self.plans()}
        if not isinstance(initiative, str) or initiative not in known:
            raise ParameterError(
                f"there is no initiative {initiative!r}",
                where=f"params/{self._review.params.name}.yaml, initiatives",
                rule="it went live up to the period's end",
                remedy=nearest(str(initiative), known, before=""),
            )
        return known[initiative]

    def _whole(self, plan: Initiative) -> Reading:
        found = self._one(plan)
        learn = self._learn(found) if found.verdict == "change_not_effect" else None
        return replace(found, learn=learn, former=self._former(plan))

    def _one(self, plan: Initiative, *, brief: bool = False) -> Reading:
        review = self._review
        units = self._units(plan)
        told = initiative_panel.windows(
            plan, data_from=review.windows.data_from, seen_until=review.windows.seen_until
        )
        known = self._known(plan.unit, plan.step) if plan.unit in PLACES else None
        counted, ages = self._cells(plan, units), self._ages(plan, units)
        panel = initiative_panel.build(plan, counted, told, known, ages)
        panel = replace(panel, in_both=self._in_both(plan))
        table = self._table(plan, panel, units)
        return initiatives.read(plan, panel, table, self._told(plan, panel, units), brief=brief)

    def _units(self, plan: Initiative) -> ir.Table:
        """customer_id and unit, as the plan tells the treated."""
        days, name = self._review.customer_days, plan.unit
        if name in PLACES:
            return initiative_panel.by_place(days, name)
        if name == "region" and name not in self._params.segments:
            customers = self._customers(f"initiatives, {plan.id}, unit")
            return initiative_panel.by_label(days, customers.mutate(label=customers["region"]))
        if name in self._params.segments:
            return initiative_panel.by_label(days, self._review.segments[name])
        if plan.treated is None:
            everyone = days.filter(days.day_rank == 1).select("customer_id")
            return initiative_panel.by_chance(days, everyone, None)
        treated = self._group(plan, plan.treated, "treated")
        controls = None
        if plan.controls is not None:
            controls = self._group(plan, plan.controls, "controls")
        return initiative_panel.by_chance(days, treated, controls)

    def _in_both(self, plan: Initiative) -> int:
        """How many customers the plan's conditions call treated and controls alike."""
        if plan.unit != "customer" or plan.treated is None or plan.controls is None:
            return 0
        treated = self._group(plan, plan.treated, "treated").select("customer_id").distinct()
        controls = self._group(plan, plan.controls, "controls")
        return int(treated.semi_join(controls, "customer_id").count().execute())

    def _reached(self, plan: Initiative) -> ir.Table:
        units = self._units(plan)
        named = initiative_panel.groups(plan, set(self._cells(plan, units)["unit"]))
        treated = [str(unit) for unit, group in named.items() if group == TREATED]
        return units.filter(units.unit.isin(treated)).select("customer_id").distinct()

    def _group(self, plan: Initiative, group: Group, name: str) -> ir.Table:
        """The customers of a group: by a condition over customers, or by campaigns."""
        review = self._review
        where = f"params/{review.params.name}.yaml, initiatives, {plan.id}, {name}"
        if group.where is not None:
            self._customers(f"initiatives, {plan.id}, {name}.where")
            return review.rows_where("customers", group.where, where=f"{where}.where")
        events = review.table("events")
        return events.filter(events.campaign_id.isin(list(group.campaigns))).select("customer_id")

    def _customers(self, at: str) -> ir.Table:
        if "customers" not in self._review.snapshot.tables:
            raise ParameterError(
                "it is told from the columns of customers, and there are none",
                where=f"params/{self._review.params.name}.yaml, {at}",
                remedy="add sources.customers, or tell the units by store_id, rep_id or channel",
            )
        return self._review.table("customers")

    @functools.cached_property
    def _counted(self) -> dict[tuple[str, str], pd.DataFrame]:
        return {}

    def _cells(self, plan: Initiative, units: ir.Table) -> pd.DataFrame:
        """The cells of the plan's units; those of places are counted once for all initiatives."""
        days = self._review.customer_days
        if plan.unit == "customer":
            return initiative_panel.cells(days, units, step=plan.step)
        key = (plan.unit, plan.step)
        if key not in self._counted:
            self._counted[key] = initiative_panel.cells(days, units, step=plan.step)
        return self._counted[key]

    def _ages(self, plan: Initiative, units: ir.Table) -> pd.DataFrame:
        """What customers of each age did, of the plan's units, counted as often as the cells."""
        days, key = self._review.customer_days, (f"ages {plan.unit}", plan.step)
        if plan.unit == "customer":
            return initiative_ages.by_age(days, units, step=plan.step)
        if key not in self._counted:
            self._counted[key] = initiative_ages.by_age(days, units, step=plan.step)
        return self._counted[key]

    def _known(self, place: str, step: str) -> pd.DataFrame | None:
        orders = self._review.orders
        key = (f"known {place}", step)
        if key not in self._counted:
            self._counted[key] = initiative_panel.known_orders(orders, place, step=step)
        return self._counted[key]

    def _table(self, plan: Initiative, panel: InitiativePanel, units: ir.Table) -> pd.DataFrame:
        review, frame = self._review, panel.frame
        named = frame.drop_duplicates("unit").set_index("unit")["group"]
        group = ibis.cases(
            *((units.unit.isin([str(u) for u in named.index[named == g]]), g)
              for g in (TREATED, CONTROL) if (named == g).any()),
            else_=OTHER,
        ) if set(named) & {TREATED, CONTROL} else ibis.literal(OTHER)  # fmt: skip
        groups = units.mutate(group=group)
        tables = before_after.Tables(
            review.customer_days,
            review.orders,
            groups.filter(groups.group != OTHER),
            self._optional("surveys"),
            self._optional("costs"),
        )
        return before_after.table(
            tables, panel, data_from=review.windows.data_from,
            country=self._params.country, activity_months=self._params.activity_window_months,
            everyone=plan.treated is None,
        )  # fmt: skip

    def _optional(self, name: str) -> ir.Table | None:
        return self._review.table(name) if name in self._review.snapshot.tables else None

    def _told(
        self, plan: Initiative, panel: InitiativePanel, units: ir.Table
    ) -> initiatives.Told:
        review, after = self._review, panel.windows.after
        crossed = None
        if plan.unit in PLACES:
            crossed = initiative_flags.crossed(review.customer_days, units, plan.unit, panel)
        accounts, discounts = None, None
        if after is not None:
            bridge = money_bridge(review.snapshot, review.params)
            accounts = initiative_costs.accounts(review.customer_days, after, bridge)
        if after is not None and plan.costs.discounts is not None:
            where = f"params/{review.params.name}.yaml, initiatives, {plan.id}, costs.discounts"
            orders = review.rows_where("orders", plan.costs.discounts, where=where)
            discounts = initiative_costs.discounts(orders, after)
        return initiatives.Told(
            crossed,
            self._beside(plan, panel),
            initiative_costs.booked(self._optional("costs"), plan),
            accounts,
            discounts,
            float(self._params.annual_discount),
            float(self._params.identification_limit),
            cost_ids=self._cost_ids,
            costs_aside=self._costs_aside,
            labels=self._labels(plan.unit) if panel.absent else (),
            unknown=self._unknown_campaigns(plan),
        )

    @functools.cached_property
    def _cost_ids(self) -> tuple[str, ...]:
        """What the costs table calls initiatives."""
        costs = self._optional("costs")
        return () if costs is None else _distinct(costs, "initiative_id")

    @functools.cached_property
    def _costs_aside(self) -> int:
        """How many rows of the costs could not be read, and belong to nobody knows which."""
        ledger = self._review.table("row_ledger", cut=False)
        mine = ledger.filter((ledger["table"] == "costs") & (ledger["outcome"] == "quarantined"))
        return int(mine["rows"].sum().to_pyarrow().as_py() or 0)

    def _labels(self, unit: str) -> tuple[str, ...]:
        """Every label of that unit which some table has, also where no customer has it."""
        review = self._review
        tables = [(review.orders, unit), (self._optional(OWN_TABLES.get(unit, "")), unit)]
        if unit in self._params.segments:
            tables = [(review.segments[unit], "label")]
        elif unit not in PLACES:
            tables = [(self._optional("customers"), unit)]
        found = [_distinct(table, column) for table, column in tables if table is not None]
        return tuple(dict.fromkeys([label for labels in found for label in labels]))

    def _unknown_campaigns(self, plan: Initiative) -> tuple[str, ...]:
        """Campaigns of the plan that no event has."""
        asked = [c for group in (plan.treated, plan.controls) if group for c in group.campaigns]
        if not asked:
            return ()
        events = self._review.table("events")
        there = set(_distinct(events.filter(events.campaign_id.isin(asked)), "campaign_id"))
        return tuple(c for c in dict.fromkeys(asked) if c not in there)

    def _beside(self, plan: Initiative, panel: InitiativePanel) -> tuple[str, ...]:
        """Other initiatives that began or ended in the windows for some of the same customers, and
        incidents after the go-live."""
        told, review = panel.windows, self._review
        first = told.before.start if told.before else plan.go_live
        last = told.after.end if told.after else told.seen_until
        found = []
        for other in self._params.initiatives:
            days = [d for d in (other.go_live, other.ends) if d is not None]
            inside = other.id != plan.id and any(first < d <= last for d in days)
            if inside and _meet(plan, other):
                found.append(str(review.params.said(other.name)))
        for one in review.incidents(review.chapter or "roi_before_after"):
            if one.first <= last and (one.last or one.first) >= plan.go_live:
                found.append(str(one.text))
        return tuple(found)

    # ---- what is still to be learnt -------------------------------------------------------------

    def _next_month(self) -> dt.date:
        return initiative_panel.next_of(
            initiative_panel.first_of(self._review.period.end, "month"), "month"
        )

    def _learn(self, found: Reading) -> Learn | None:
        """The hold-out that would tell what no comparison tells; None where none can be."""
        plan, start = found.plan, self._next_month()
        mistaken = any(f.name == "labels_unknown" and f.refuses for f in found.flags)
        if mistaken or (plan.ends is not None and plan.ends < start):
            return None
        share = float(plan.hold_out.share)
        metric = "margin" if found.panel.margin_known else "revenue"

        def planned(effect: float) -> pd.DataFrame:
            return self._review.ab_review.planning(
                metric=metric, horizon=LEARN_DAYS, effects=(effect,), treated_share=1 - share,
                initiative=plan.id,
            ).frame  # fmt: skip

        frame = planned(1.0)
        if frame.empty:
            return None
        row = frame.iloc[0]
        mean, length = float(row["mean"]), MONTHS_OF_LEARNING[plan.step]
        drawn = self.hold_out(plan.id)["arm"]
        detectable = mean * (float(row["customers"]) / len(drawn)) ** 0.5
        worth = found.money.break_even
        wanted = detectable if worth is None or worth <= 0 else worth * length
        days = planned(wanted / mean).iloc[0]["days"]
        known = not pd.isna(days) and days <= LONGEST_LEARNING
        return Learn(
            share, len(drawn), int((drawn == HELD_OUT).sum()), start,
            start + dt.timedelta(days=int(days)) - ONE_DAY if known else None,
            detectable / length, mean / length,
        )  # fmt: skip

    def _former(self, plan: Initiative) -> Former | None:
        """What the same reading says on the data of the period before."""
        review = self._review
        earlier = review.period.previous()
        if plan.go_live > earlier.end or earlier.start < review.windows.data_from:
            return None
        bench = review.at(earlier.label).roi_before_after
        return bench.told(plan.model_dump_json(exclude_unset=True))

    def told(self, plan: str) -> Former:
        """The reading of a plan, told as JSON, in a line: for the period after to be held to."""
        found = self._one(Initiative.model_validate_json(plan, strict=False), brief=True)
        money, rung = found.money, found.rung
        roi = None if money.roi is None else float(money.roi.value)
        net = None if money.net is None else float(money.net.value)
        label = self._review.period.label
        return Former(label, found.verdict, None if rung is None else rung.name, roi, net)


def _distinct(table: ir.Table, column: str) -> tuple[str, ...]:
    """The values of a column as text, in their order; none where the table has no such column."""
    if column not in table.columns:
        return ()
    values = table.select(value=table[column].cast("string")).distinct()
    return tuple(sorted(v for v in values.to_pyarrow()["value"].to_pylist() if v))


def _meet(one: Initiative, other: Initiative) -> bool:
    """Whether some customers may be treated in both."""
    if one.treated is None or other.treated is None or one.unit != other.unit:
        return True
    if not one.treated.labels or not other.treated.labels:
        return True
    return bool(set(one.treated.labels) & set(other.treated.labels))

