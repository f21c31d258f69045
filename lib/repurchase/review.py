"""The one door to a period's trusted tables and analyses.

from repurchase import open_review, show
review = open_review("demo", "2025-09")
show.headline(review.retention.figures())
"""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.types as ir
import pandas as pd

from repurchase.analysis import findings as found
from repurchase.analysis import identification, load, retention
from repurchase.analysis.windows import Windows, windows_of
from repurchase.calendar import LUNAR_NEW_YEAR
from repurchase.context import Context
from repurchase.definitions import METRICS
from repurchase.errors import DataError, ParameterError
from repurchase.model.prepare import prepare
from repurchase.model.reconcile import money_bridge
from repurchase.model.schema import TABLES
from repurchase.model.snapshot import Snapshot
from repurchase.model.typed import business_date_of
from repurchase.params import Incident, Params, load_params, with_period
from repurchase.period import Period, last_complete_month
from repurchase.records import (
    MIME,
    Finding,
    Record,
    Result,
    dimensions,
    finding_rows,
    record_rows,
    rounded,
)
from repurchase.words import Words

EXHIBITS = {
    "returning_buyer_share": "R-1",
    "cohort_retention": "R-2",
    "repurchase_90d": "R-4",
    "repeat_revenue_share": "R-5",
    "identified_order_share": "R-6",
}
RUN = "REPURCHASE_RUN"  # path of the press's run file; absent in the lab


def open_review(profile: str = "demo", period: str = "") -> Review:
    """The review of a period, on the last prepared snapshot or on one prepared now.

    `period` is 2025-09, 2025-Q3 or 2025; empty means the last complete month of the data.
    Raises ReviewError for anything wrong in profile, period or data.
    """
    run = os.environ.get(RUN)
    if run:
        return _in_press(json.loads(Path(run).read_text(encoding="utf-8")), profile, period)
    params = load_params(profile, period or None)
    snapshot = prepare(params, cache=params.root / ".cache")
    params = at_period(params, snapshot)
    chapter = os.environ.get("REPURCHASE_CHAPTER", "")
    return Review(params, snapshot, chapter)


def _in_press(run: dict[str, Any], profile: str, period: str) -> Review:
    if (profile, period) != (run["profile"], run["period"]):
        raise ParameterError(
            f"this notebook opens {profile} {period}, the run is for {run['profile']}"
            f" {run['period']}",
            rule="a chapter passes its parameters on to open_review unchanged",
        )
    params = load_params(
        profile,
        period,
        root=Path(run["root"]),
        data=run["data"],
        language=run["language"],
        allow_incomplete=run["allow_incomplete"],
    )
    snapshot = Snapshot.open(Path(run["snapshot"]))
    told = Told(run["records"], run["findings"]) if run.get("records") is not None else None
    return Review(params, snapshot, os.environ.get("REPURCHASE_CHAPTER", ""), told)


def at_period(params: Params, snapshot: Snapshot) -> Params:
    """The parameters with their period: the one asked for, or the data's last complete month."""
    if params.period:
        return params
    month = last_complete_month(snapshot.data_through)
    if month.start < snapshot.data_from.replace(day=1):
        raise DataError(
            f"the data hold no complete month: they run from {snapshot.data_from.isoformat()} to"
            f" {snapshot.data_through.isoformat()}",
            remedy="load more data, or name a PERIOD and set allow_incomplete: true for a draft",
        )
    return with_period(params, month)


@dataclass(frozen=True)
class Told:
    """What the other chapters of this run recorded and found, as plain rows."""

    records: list[dict[str, Any]]
    findings: list[dict[str, Any]]


class Review:
    """A company's period: its tables cut at the period's end, its analyses, its records.

    Nothing dated after the period's end, in the company's time zone, is in any table.
    """

    def __init__(
        self, params: Params, snapshot: Snapshot, chapter: str = "", told: Told | None = None
    ) -> None:
        if params.period is None:
            raise ValueError("params.period is None, must be a period (see at_period)")
        self.params, self.snapshot, self.chapter = params, snapshot, chapter
        self.period: Period = params.period
        self._told = told
        self._connection = ibis.duckdb.connect()
        self.context = Context(params, self.period, self.windows, Words(params.language))

    def __repr__(self) -> str:
        return f"<Review of {self.params.name} {self.period.label}, data {self.snapshot.id}>"

    @functools.cached_property
    def windows(self) -> Windows:
        return windows_of(
            self.period,
            country=self.params.profile.country,
            data_from=self.snapshot.data_from,
            data_through=self.snapshot.data_through,
        )

    def table(self, name: str, *, cut: bool = True) -> ir.Table:
        """A trusted table as an Ibis table; `cut=False` also shows what lies after the period.

        Raises DataError if the profile names no source for it.
        """
        if name not in self.snapshot.tables:
            raise DataError(
                f"there is no table {name!r}",
                where=f"params/{self.params.name}.yaml",
                remedy=f"add sources.{name}; tables here: {', '.join(self.snapshot.tables)}",
            )
        table = self._connection.read_parquet(self.snapshot.file(name), table_name=f"{name}_all")
        return self._cut(name, table) if cut else table

    def _cut(self, name: str, table: ir.Table) -> ir.Table:
        end = self.period.end
        if name in {"orders", "customer_days"}:
            table = table.filter(table.order_date <= end)
        elif name in TABLES and TABLES[name].time in table.columns:
            day = table[business_date_of(name) or TABLES[name].time]
            table = table.filter((day <= end) | day.isnull())
        if name == "customer_days":
            later = table.next_date > end
            table = table.mutate(next_date=ibis.cases((later, None), else_=table.next_date))
        return table

    @property
    def orders(self) -> ir.Table:
        """One row an order, with and without a known customer, up to the period's end."""
        return self.table("orders")

    @property
    def customer_days(self) -> ir.Table:
        """One row a known customer and order date, up to the period's end."""
        return self.table("customer_days")

    @functools.cached_property
    def retention(self) -> RetentionBench:
        """Do customers come back?"""
        return RetentionBench(self)

    @functools.cached_property
    def identification(self) -> IdentificationBench:
        """How many orders have a known customer?"""
        return IdentificationBench(self)

    @functools.cached_property
    def load(self) -> LoadBench:
        """What was read and what became of it?"""
        return LoadBench(self)

    def result(self, result: Result) -> Result:
        """The result with the review's context and its figures as they are printed."""
        records = tuple(rounded(r, METRICS[r.metric].digits) for r in result.records)
        return replace(result, records=records, context=self.context)

    def record(self, *results: Result, exhibit: str | None = None) -> Recorded:
        """Puts the figures of these results into the pack; in the lab it only counts them."""
        stamped = {}
        for record in (r for result in results for r in result.records):
            full = replace(
                record,
                profile=self.params.name,
                period=self.period.label,
                chapter=self.chapter,
                exhibit=exhibit,
                definition_version=METRICS[record.metric].version,
            )
            stamped[full.key] = full
        return Recorded(records=list(stamped.values()), findings=[])

    def find(self, *findings: Finding) -> Recorded:
        """Puts these messages before the summary, which ranks them."""
        named = [replace(f, chapter=self.chapter) for f in findings]
        return Recorded(records=[], findings=named)

    @property
    def words(self) -> Words:
        """The reader's language."""
        return self.context.words

    @property
    def currency(self) -> str:
        """The reporting currency's ISO code."""
        return self.context.currency

    @property
    def chapters(self) -> Told:
        """What the other chapters recorded and found: of this run, or of the pack in place."""
        if self._told is not None:
            return self._told
        pack = self.params.root / "reports" / self.params.name / self.period.label
        if not (pack / "results.json").exists():
            raise DataError(
                f"no pack of {self.params.name} {self.period.label} stands in reports/",
                remedy="run make monthly-report once; the summary reads what the chapters recorded",
            )
        read = [
            json.loads((pack / f"{name}.json").read_text(encoding="utf-8"))
            for name in ("results", "findings")
        ]
        return Told(*read)

    def commentary(self, chapter: str) -> str:
        """What the period file says of this chapter; empty if nothing."""
        return self.params.said(self.params.period_file.commentary.get(chapter, ""))

    def incidents(self, chapter: str) -> tuple[Incident, ...]:
        """What is known to have happened in the period and concerns this chapter."""
        known = self.params.period_file.incidents
        return tuple(
            one.model_copy(update={"text": self.params.said(one.text)})
            for one in known
            if not one.chapters or chapter in one.chapters
        )


@dataclass(frozen=True)
class Recorded:
    """Figures and messages on their way from a cell to the press."""

    records: list[Record]
    findings: list[Finding]

    def __repr__(self) -> str:
        return f"{len(self.records)} figures recorded, {len(self.findings)} messages found"

    def _repr_mimebundle_(self, **_: object) -> Mapping[str, Any]:
        rows = {"records": record_rows(self.records), "findings": finding_rows(self.findings)}
        return {"text/plain": repr(self), MIME: rows}


class Bench:
    """Analyses of one subject, bound to a review's tables."""

    def __init__(self, review: Review) -> None:
        self._review = review
        self._params = review.params.profile

    def _result(self, result: Result) -> Result:
        return self._review.result(result)


class RetentionBench(Bench):
    """Results of `repurchase.analysis.retention` for this review."""

    @property
    def _days(self) -> ir.Table:
        return self._review.customer_days

    @property
    def _other_money(self) -> ir.Table:
        orders = self._review.orders
        return orders.filter(orders.customer_id.notnull() & ~orders.is_purchase)

    @functools.cache  # noqa: B019 - lives as long as its review
    def figures(self) -> Result:
        """The headline shares with n, interval and change against each comparison."""
        targets = {
            name: target.value
            for name in METRICS
            if (target := self._review.params.target(name)) is not None
        }
        return self._result(
            retention.headline_figures(
                self._days,
                self._other_money,
                self._review.windows,
                activity_months=self._params.activity_window_months,
                cohort_months=self._params.repurchase_window_months,
                targets=targets,
            )
        )

    @functools.cache  # noqa: B019
    def january_february(self) -> Result:
        """Both months as one sum, where the Spring Festival moves between them."""
        country = self._params.country
        if country not in LUNAR_NEW_YEAR:
            return self._result(Result(pd.DataFrame()))
        return self._result(
            retention.january_february(self._days, self._other_money, self._review.windows)
        )

    @functools.cache  # noqa: B019
    def history(self) -> Result:
        """Returning-buyer share of this period and of those before it."""
        return self._result(retention.history(self._days, self._review.windows))

    @functools.cache  # noqa: B019
    def cohorts(self) -> Result:
        """The cohort triangle as counts; unobserved cells are missing."""
        return self._result(retention.cohorts(self._days, until=self._review.windows.seen_until))

    @functools.cache  # noqa: B019
    def pooled(self) -> Result:
        """Retention by age over all cohorts that have reached it."""
        return self._result(Result(retention.pooled(self.cohorts().frame)))

    @functools.cache  # noqa: B019
    def curve(self) -> Result:
        """Share of new customers who came back, by days since their first order date."""
        return self._result(
            retention.repurchase_curve(
                self._days,
                self._review.windows,
                cohort_months=self._params.repurchase_window_months,
            )
        )

    @functools.cache  # noqa: B019
    def revenue(self) -> Result:
        """Net revenue by month, split into first and repeat order dates."""
        return self._result(
            retention.revenue_by_month(self._days, self._other_money, self._review.windows)
        )

    @functools.cache  # noqa: B019
    def totals(self) -> Result:
        """Customers, orders and money that the chapters see."""
        return self._result(retention.totals(self._days, self._review.orders, self._review.windows))

    def findings(self) -> tuple[Finding, ...]:
        """What these figures say, as messages for the summary."""
        identified = self._review.identification
        return found.retention_findings(
            self.figures(),
            identified.shares(),
            identified.held(),
            self.cohorts(),
            returning_revenue_mean=self._returning_revenue_mean(),
            exhibits=EXHIBITS,
        )

    def _returning_revenue_mean(self) -> float | None:
        """Net revenue after the first order date, a returning buyer of the period."""
        buyers = self.figures().one("returning_buyer_share").numerator
        repeat = self.figures().one("repeat_revenue_share").numerator
        return repeat / buyers if buyers and repeat else None


class IdentificationBench(Bench):
    """Results of `repurchase.analysis.identification` for this review."""

    @functools.cache  # noqa: B019
    def shares(self) -> Result:
        """Share of orders and of revenue with a known customer."""
        return self._result(
            identification.identified_shares(self._review.orders, self._review.windows)
        )

    @functools.cache  # noqa: B019
    def by_month(self) -> Result:
        """Identified share of orders by month."""
        return self._result(identification.by_month(self._review.orders, self._review.windows))

    @functools.cache  # noqa: B019
    def by(self, cut: str) -> Result:
        """Identified share of the period's orders by `store_id` or `channel`."""
        return self._result(
            identification.by_cut(self._review.orders, self._review.windows, cut=cut)
        )

    @functools.cache  # noqa: B019
    def held(self) -> Result:
        """Returning-buyer share where identification held, against the window it moved from."""
        limit = self._params.identification_limit
        moved = found.identification_change(self.shares(), limit=limit)
        return self._result(
            identification.where_identification_held(
                self._review.orders,
                self._review.customer_days,
                self._review.windows,
                limit=limit,
                compare_to=moved.compare_to if moved else "previous",
            )
        )


class LoadBench(Bench):
    """What was read: the only results that count the whole source."""

    @functools.cache  # noqa: B019
    def outcomes(self) -> Result:
        """Source rows by table, outcome and reason."""
        return self._result(load.row_outcomes(self._review.table("row_ledger", cut=False)))

    @functools.cache  # noqa: B019
    def order_rows(self) -> Result:
        """Order rows without a customer and of returns, in the whole source."""
        return self._result(load.order_rows(self._review.table("row_ledger", cut=False)))

    @functools.cache  # noqa: B019
    def order_rows_seen(self) -> Result:
        """The same of the rows dated up to the period's end."""
        ledger = self._review.table("row_ledger", cut=False)
        return self._result(load.order_rows(ledger, until=self._review.period.end))

    @functools.cache  # noqa: B019
    def source(self) -> Result:
        """Customers and money of the whole source."""
        review = self._review
        return self._result(
            load.whole_source(
                review.table("customer_days", cut=False), review.table("orders", cut=False)
            )
        )

    @functools.cache  # noqa: B019
    def bridge(self) -> Result:
        """Money from the source rows, or the finance total, to the revenue analysed."""
        bridge = money_bridge(self._review.snapshot, self._review.params)
        records = tuple(
            Record("unexplained_money", float(s.amount), "money", dimensions(source=s.bridge))
            for s in bridge.steps
            if s.code == "unexplained" and s.amount is not None
        )
        return self._result(Result(bridge.frame(), records))

    @functools.cache  # noqa: B019
    def sources(self) -> Result:
        """The files that were read: path, encoding, delimiter, rows."""
        rows = _source_rows(self._review.snapshot.meta["sources"])
        return self._result(Result(pd.DataFrame(rows)))


def _source_rows(sources: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One row a file: table, file, encoding, delimiter, rows."""
    names = ("encoding", "delimiter", "rows")
    return [
        {"table": source["table"], "file": one["path"], **{n: one[n] for n in names}}
        for source in sources
        for one in source["files"]
    ]
