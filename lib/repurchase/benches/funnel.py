"""The funnel itself: who entered when, how far each came, and how that compares."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path

import ibis.expr.types as ir
import pandas as pd

from repurchase.analysis import clock, funnel, funnel_figures, funnel_steps
from repurchase.analysis.funnel import Funnel
from repurchase.benches.base import Bench, unwatched
from repurchase.params import FunnelSpec
from repurchase.period import Period, add_months
from repurchase.records import Result

TABLES = ("events", "orders", "tickets", "surveys")


class FunnelBench(Bench):
    """Results of `repurchase.analysis.funnel` for this review."""

    def funnels(self) -> tuple[Funnel, ...]:
        """The profile's funnels, the main one first; without any, the release's own one.

        That is contact, interest, repurchase, after-service, or first, second and third order
        where no events tell of contacts.
        """
        words = self._review.words
        told = self._params.funnels
        if told:
            self._check_types()
            return tuple(self._funnel(spec, "profile") for spec in told)
        spec = None
        if "events" in self._review.snapshot.tables:
            spec = funnel_steps.default_spec(
                words,
                tables=self._review.snapshot.tables,
                types=self._event_types(),
                outcomes=self._review.snapshot.has("events", "outcome"),
            )
        if spec is None:
            return (self._funnel(funnel_steps.order_rank_spec(words), "order_rank"),)
        return (self._funnel(spec, "default"),)

    def windows(self, which: Funnel) -> tuple[Period, ...]:
        """The periods whose contact windows are counted, oldest first; see `analysis.funnel`."""
        return funnel.periods(
            self._review.period,
            days=which.window_days,
            data_from=self._data_from(which),
            sure_from=self._sure_from(which),
        )

    def units(self, which: Funnel) -> ir.Table:
        """One row a customer and contact window, with each cut; see `analysis.funnel`."""
        review = self._review
        wanted = self.windows(which) or (review.period,)
        ripe_until = self._ripe_until(which)

        def make(hold: Callable[[ir.Table], ir.Table]) -> ir.Table:
            by_order = which.spec.steps[0].tables == ("orders",)
            found = funnel.units(
                self._steps(which),
                which,
                wanted=wanted,
                ripe_until=ripe_until,
                days=None if by_order else review.customer_days,
                hold=hold,
            )
            return funnel.with_cuts(found, labels=self._labels())

        about = (
            which.spec.model_dump_json(), [p.label for p in wanted], ripe_until,
            dict(self._params.segments), _code(),
        )  # fmt: skip
        return review.kept("funnel", repr(about), make)

    def counts(self, which: Funnel) -> pd.DataFrame:
        """Who reached each step and the next, by contact window and cut; see `analysis.funnel`."""
        if not self.windows(which):
            return pd.DataFrame(columns=funnel.COUNTS)
        return funnel.counts(self.units(which), steps=len(which), cuts=self._cuts())

    def conversion(self, which: Funnel) -> Result:
        """Each step's conversion, against the window before, a year ago and its own level."""
        return self._result(funnel_figures.conversion(self.units(which), self._asked(which)))

    def waiting(self, which: Funnel) -> Result:
        """Who has entered and cannot be read yet, and from which day on."""
        first = self._steps(which)[0]
        return self._result(funnel_figures.waiting(first, self._asked(which)))

    def by_label(self, which: Funnel) -> Result:
        """Each step's conversion by channel, campaign, rep, team, store, region, tier, segment."""
        units, cuts = self._with_team(self.units(which))
        return self._result(
            funnel_figures.by_cut(
                units,
                self._asked(which),
                cuts,
                alike={"store_id": self._kinds_of_stores()},
                as_of_today=() if self._params.funnel_rules.tier_fixed else ("tier",),
            )
        )

    def times(self, which: Funnel) -> Result:
        """How long the steps take: half and nine in ten of those who take them."""
        return self._result(funnel_figures.times(self.units(which), self._asked(which)))

    def _asked(self, which: Funnel) -> funnel_figures.Asked:
        return funnel_figures.Asked(
            funnel=which,
            windows=self._review.windows,
            readable=self.windows(which),
            data_from=self._data_from(which),
            zone=self._params.time_zone,
            sure_from=self._sure_from(which),
            activity_months=self._params.activity_window_months,
        )

    def _cuts(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*funnel_steps.PLACES, *self._labels())))

    def _with_team(self, units: ir.Table) -> tuple[ir.Table, tuple[str, ...]]:
        """The units with the team of the rep by whom they entered, and all cuts.

        To look at only: what a team loses is lost by one of its reps or of its stores.
        """
        cuts, review = self._cuts(), self._review
        if "team" in cuts or not review.snapshot.has("reps", "team"):
            return units, cuts
        teams = review.table("reps").select("rep_id", "team")
        found = units.left_join(teams, "rep_id").drop("rep_id_right")
        return found.mutate(team=found.team.fill_null("")), (*cuts, "team")

    def _funnel(self, spec: FunnelSpec, source: funnel.Source) -> Funnel:
        said = self._review.params.said
        own = funnel_steps.NAMES.get(spec.key) if source != "profile" else None
        return Funnel(
            key=spec.key,
            name=self._review.words._(own) if own else said(spec.name),
            steps=tuple(said(step.name) for step in spec.steps),
            window_days=spec.window_days,
            order=spec.order,
            source=source,
            spec=spec,
        )

    def _where(self, which: Funnel, step: int) -> str:
        """The place of a step in the profile."""
        told = self._params.funnels
        number = next((n for n, spec in enumerate(told) if spec.key == which.key), 0)
        return f"params/{self._review.params.name}.yaml, funnels.{number}.steps.{step}"

    def _check_types(self) -> None:
        for n, spec in enumerate(self._params.funnels):
            for s, step in enumerate(spec.steps):
                if step.events:
                    where = f"params/{self._review.params.name}.yaml, funnels.{n}.steps.{s}"
                    funnel_steps.check_types(step, self._event_types(), where=where)

    def _event_types(self) -> frozenset[str]:
        """Of all events, also those after the period: a type is none the less known before it."""
        events = self._review.table("events", cut=False)
        with unwatched():
            return frozenset(events.select("type").distinct().to_pandas()["type"].dropna())

    def _steps(self, which: Funnel) -> list[ir.Table]:
        until = self._review.windows.seen_until
        return [
            funnel_steps.happenings(
                self._told, step, where=self._where(which, number), until=until
            )
            for number, step in enumerate(which.spec.steps)
        ]

    @property
    def _told(self) -> funnel_steps.Tables:
        review = self._review
        tables = {name: review.table(name) for name in TABLES if name in review.snapshot.tables}
        return funnel_steps.Tables(
            tables=tables,
            first_days=review.customer_days,
            zone=self._params.time_zone,
            since=review.snapshot.data_from,
            whole_days=self._whole_days(),
            where=lambda table, text, where: review.rows_where(table, text, where=where),
        )

    def _whole_days(self) -> frozenset[str]:
        """The tables whose times are all midnights."""
        if self._midnights is None:
            found = [name for name in TABLES if name in self._review.snapshot.tables]
            self._midnights = frozenset(name for name in found if self._only_midnights(name))
        return self._midnights

    _midnights: frozenset[str] | None = None

    def _only_midnights(self, name: str) -> bool:
        table = self._review.table(name, cut=False)
        time, day = TIMES[name]
        with unwatched():
            rows = (
                table.group_by(day=table[day])
                .aggregate(first=table[time].min(), last=table[time].max())
                .to_pandas()
                .dropna()
            )
        days = zip(
            rows["day"].dt.date, rows["first"].dt.to_pydatetime(), rows["last"].dt.to_pydatetime(),
            strict=True,
        )  # fmt: skip
        return funnel_steps.only_midnights(days, self._params.time_zone)

    def _ripe_until(self, which: Funnel) -> dt.date:
        return self._review.windows.seen_until - dt.timedelta(days=which.window_days)

    def _sure_from(self, which: Funnel) -> dt.date | None:
        """From when on the rank of an order is sure, where one enters by it."""
        if which.spec.steps[0].orders not in funnel_steps.RANKS:
            return None
        return add_months(self._data_from(which), self._params.activity_window_months)

    def _data_from(self, which: Funnel) -> dt.date:
        """From when on every table that the funnel is told from has rows."""
        names = sorted({table for step in which.spec.steps for table in step.tables})
        found = [self._review.snapshot.data_from] if "orders" in names else []
        for name in names:
            if name != "orders":
                table = self._review.table(name, cut=False)
                with unwatched():
                    first = table[TIMES[name][1]].min().to_pyarrow().as_py()
                found += [first] if first else []
        return max(found, default=self._review.snapshot.data_from)

    def _kinds_of_stores(self) -> Mapping[str, str]:
        """Own, franchise, online, by store: an online shop is no measure of a street's."""
        if not self._review.snapshot.has("stores", "channel_kind"):
            return {}
        stores = self._review.table("stores")
        with unwatched():
            rows = stores.select("store_id", "channel_kind").to_pandas().dropna()
        return dict(zip(rows["store_id"], rows["channel_kind"], strict=True))

    def _labels(self) -> Mapping[str, ir.Table]:
        """The label of each customer, by cut: region, tier and the profile's segments."""
        review = self._review
        found: dict[str, ir.Table] = {}
        if "customers" in review.snapshot.tables:
            customers = review.table("customers")
            wanted = (self._params.funnel_rules.tier, "level", "segment")
            tiers = [c for c in wanted if c in customers.columns]
            for cut, column in (("region", "region"), ("tier", tiers[0] if tiers else "")):
                if column in customers.columns:
                    found[cut] = customers.select("customer_id", label=column)
        for name, table in review.segments.items():
            found[f"segment {name}" if name in funnel.OWN else name] = table
        return found


def _code() -> str:
    """A digest of the code that makes the units."""
    files = (Path(module.__file__ or "") for module in (funnel, funnel_steps, clock))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


TIMES = {
    "events": ("occurred_at", "occurred_date"),
    "orders": ("ordered_at", "order_date"),
    "tickets": ("opened_at", "opened_date"),
    "surveys": ("answered_at", "answered_date"),
}
