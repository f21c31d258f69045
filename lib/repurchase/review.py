"""The one door to a period's trusted tables and analyses.

from repurchase import open_review, show
review = open_review("demo", "2025-09")
show.headline(review.retention.figures())
"""

from __future__ import annotations

import datetime as dt
import functools
import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import ibis
import ibis.expr.types as ir
import pandas as pd

from repurchase.analysis import cuts
from repurchase.analysis.windows import Windows, windows_of
from repurchase.answers import Answers, Asker, answers_of, library_is_imported
from repurchase.archive import current_pack
from repurchase.benches.ab_review import AbReviewBench
from repurchase.benches.base import unknown, unwatched
from repurchase.benches.customer_value import CustomerValueBench
from repurchase.benches.funnel_diagnosis import FunnelDiagnosisBench
from repurchase.benches.identification import IdentificationBench
from repurchase.benches.load import LoadBench
from repurchase.benches.retention import RetentionBench
from repurchase.benches.roi_before_after import RoiBeforeAfterBench
from repurchase.benches.worklists import WorklistsBench
from repurchase.context import RUN, Context
from repurchase.definitions import METRICS
from repurchase.errors import DataError, ParameterError
from repurchase.handout import HandedOut, Sheets
from repurchase.lab import box
from repurchase.lab.names import Definitions
from repurchase.lab.sample import Sample
from repurchase.looks import SignedLooks
from repurchase.model.prepare import prepare
from repurchase.model.schema import TABLES
from repurchase.model.snapshot import Snapshot, at_period
from repurchase.model.summary import FOLDER, customer_summary, write_once
from repurchase.model.typed import business_date_of
from repurchase.params import Incident, Params, load_params
from repurchase.period import Period
from repurchase.published import Published
from repurchase.records import (
    MIME,
    Finding,
    Record,
    Result,
    finding_rows,
    record_rows,
    rounded,
)
from repurchase.words import Words

if TYPE_CHECKING:
    from repurchase.lab.shown import Shown


def open_review(
    profile: str = "demo", period: str = "", *, sample: float | None = None, seed: int = 1
) -> Review:
    """The review of a period, on the last prepared snapshot or on one prepared now.

    `period` is 2025-09, 2025-Q3 or 2025; empty means the last complete month of the data.
    `sample` (0..1) keeps that share of the customers, each with all that is known of him, the
    same ones each time for a `seed`; every output then says SAMPLE, and the press refuses it.
    Raises ReviewError for anything wrong in profile, period or data.
    """
    run = os.environ.get(RUN)
    in_notebook = not run and box.install()
    taken = None if sample is None else Sample.of(sample, seed)
    if run:
        told = json.loads(Path(run).read_text(encoding="utf-8"))
        return _in_press(told, profile, period, taken)
    params = load_params(profile, period or None)
    snapshot = prepare(params, cache=params.root / ".cache")
    params = at_period(params, snapshot)
    chapter = os.environ.get("REPURCHASE_CHAPTER", "")
    return Review(params, snapshot, chapter, sample=taken, asker="lab" if in_notebook else None)


def _in_press(run: dict[str, Any], profile: str, period: str, sample: Sample | None) -> Review:
    if sample is not None:
        raise ParameterError(
            f"this notebook opens a sample of {sample.share:.4g} of the customers",
            rule="a pack and a preview count every customer",
            remedy="take sample= out of open_review",
        )
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
    # as they were when the run began: what is signed meanwhile is for the next one
    params = replace(params, looks=SignedLooks.from_json(run["looks"]))
    snapshot = Snapshot.open(Path(run["snapshot"]))
    told = Told(run["records"], run["findings"]) if run.get("records") is not None else None
    if run.get("beside"):
        told = BESIDE
    chapter = os.environ.get("REPURCHASE_CHAPTER", "")
    asker: Asker | None = "press" if chapter in run["asks_only"] else None
    return Review(params, snapshot, chapter, told, asker=asker)


@dataclass(frozen=True)
class Told:
    """What the other chapters of this run recorded and found, as plain rows."""

    records: list[dict[str, Any]]
    findings: list[dict[str, Any]]


BESIDE = Told([], [])  # of a chapter that runs beside the others, whose figures are not known yet


# what computes a part of an expression at once
Hold = Callable[[ir.Table], ir.Table]


MADE_OF_ORDERS = ("orders", "customer_days")


class Review:
    """A company's period: its tables cut at the period's end, its analyses, its records.

    Nothing dated after the period's end, in the company's time zone, is in any table. `asker`
    says whose kept answers its benches may use; None: nobody's.
    """

    def __init__(
        self,
        params: Params,
        snapshot: Snapshot,
        chapter: str = "",
        told: Told | None = None,
        *,
        sample: Sample | None = None,
        asker: Asker | None = None,
    ) -> None:
        if params.period is None:
            raise ValueError("params.period is None, must be a period (see at_period)")
        self.params, self.snapshot, self.chapter = params, snapshot, chapter
        self.period: Period = params.period
        self.sample = sample
        self._told, self._asker = told, asker
        self._views: dict[str, ir.Table] = {}
        share = sample.share if sample else None
        self.context = Context(params, self.period, self.windows, Words(params.language), share)

    def __repr__(self) -> str:
        mark = f", {self.sample.mark}" if self.sample else ""
        return f"<Review of {self.params.name} {self.period.label}, data {self.snapshot.id}{mark}>"

    def __getattr__(self, name: str) -> Any:
        """A table of the company by its name; what is misspelt gets the nearest right name."""
        if name.startswith("_") or name in {"snapshot", "params"}:
            raise AttributeError(name)
        if name in self.snapshot.tables:
            return self.table(name)
        raise unknown(name, self, "review")

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self.snapshot.tables})

    @functools.cached_property
    def _connection(self) -> Any:
        """Made only where something is computed: what is known already needs no engine."""
        return ibis.duckdb.connect()

    @functools.cached_property
    def answers(self) -> Answers | None:
        """What was asked of the same data before, for the benches; None where nothing is kept."""
        if self._asker is None:
            return None
        return answers_of(
            self.params, self.snapshot, self.context, sample=self.sample, asker=self._asker
        )

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
            if name in MADE_OF_ORDERS and "orders" not in self.snapshot.tables:
                raise DataError(
                    "there are no orders: not computed",
                    where=f"params/{self.params.name}.yaml",
                    remedy="add sources.orders",
                )
            raise DataError(
                f"there is no table {name!r}",
                where=f"params/{self.params.name}.yaml",
                remedy=f"add sources.{name}; tables here: {', '.join(self.snapshot.tables)}",
            )
        view = name if cut else f"{name}_all"
        if view not in self._views:
            self._views[view] = self._cut_view(name) if cut else self._whole(name)
        return self._views[view]

    def _whole(self, name: str) -> ir.Table:
        # the folder's name looks like a Hive partition, which would add a column
        return self._connection.read_parquet(
            self.snapshot.file(name), table_name=f"{name}_all", hive_partitioning=False
        )

    def _cut_view(self, name: str) -> ir.Table:
        """A view, so that `review.sql` and the SQL of a result know the table by its name."""
        cut = self._cut(name, self.table(name, cut=False))
        if self.sample:
            orders = self.table("orders") if name == "order_lines" else None
            cut = self.sample.of_table(name, cut, orders)
        with unwatched():
            return self._connection.create_view(name, cut, overwrite=True)

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

    @functools.cached_property
    def _engine(self) -> Any:
        """The connection with a view a table, able to read the snapshot's folder and no other."""
        from repurchase.lab.query import locked

        for name in self.snapshot.tables:
            self.table(name)
        return locked(self._connection.con, self.snapshot.path)

    def sql(self, query: str) -> pd.DataFrame:
        """The answer to one SELECT over the tables, cut at the period's end like all others.

        `review.sql("select channel, count(*) from orders group by 1")`; DuckDB's SQL. Only
        reading is possible, and only of these tables. Raises UsageError for anything else.
        """
        from repurchase.lab.query import answer

        return self._marked(answer(self._engine, query))

    @property
    def tables(self) -> Shown:
        """The data dictionary: every column, what it means, how full it is, examples."""
        return self._dictionary

    @functools.cached_property
    def _dictionary(self) -> Shown:
        from repurchase.lab.dictionary import dictionary

        return dictionary(self._engine, self.snapshot, self.context)

    @functools.cached_property
    def definitions(self) -> Definitions:
        """What each metric means: `review.definitions.returning_buyer_share`."""
        return Definitions(self.words)

    def at(self, period: str) -> Review:
        """The same snapshot cut at the end of another period."""
        from repurchase.params import with_period

        params = with_period(self.params, Period.parse(period))
        told = None if self._told is None else BESIDE  # a run is told of its own period only
        return Review(
            params, self.snapshot, self.chapter, told, sample=self.sample, asker=self._asker
        )

    def compare(self, period: str, earlier: str) -> Shown:
        """The headline figures of two periods side by side, both from today's snapshot.

        Each is computed on the data cut at its own period's end; the change is paired on the
        customers. Raises ParameterError unless both are of one length and lie in the data.
        """
        from repurchase.lab.compare import compared

        return compared(self.at(period), self.at(earlier))

    @functools.cached_property
    def cuts(self) -> Mapping[str, ir.Table]:
        """Customer days with a column `label`, by cut: store, channel, each of `segments`."""
        return cuts.labelled_days(self.customer_days, self.segments)

    @functools.cached_property
    def segments(self) -> Mapping[str, ir.Table]:
        """Each segment of the profile: one row a customer, customer_id and label."""
        return {n: self._segment(n, t) for n, t in self.params.profile.segments.items()}

    def _segment(self, name: str, text: str) -> ir.Table:
        """One row a customer: customer_id and the segment's label as text."""
        from repurchase.model.expression import compile_expression, does_not_fit
        from repurchase.model.segments import kinds_of_customers

        where = f"params/{self.params.name}.yaml, segments.{name}"
        if "customers" not in self.snapshot.tables:
            raise ParameterError(
                "a segment is told from the columns of customers, and there are none",
                where=where,
                remedy="add sources.customers, or take the segment out",
            )
        customers = self.table("customers")
        sql = compile_expression(text, kinds_of_customers(customers.columns), where=where)
        query = f"SELECT customer_id, CAST({sql} AS VARCHAR) AS label FROM customers"
        try:
            with unwatched():
                found = self._connection.sql(query)
                many = int(found.label.nunique().execute())
        except duckdb.Error as error:
            raise does_not_fit(str(error).splitlines()[0], where) from None
        if many > cuts.MOST_LABELS:
            raise ParameterError(
                f"the segment {name!r} has {many} labels",
                where=where,
                rule=f"a segment has at most {cuts.MOST_LABELS}, so that no name stands in a pack",
                remedy="group them with CASE WHEN ... THEN 'label' ... END",
            )
        return found

    def rows_where(self, name: str, condition: str, *, where: str) -> ir.Table:
        """The rows of a table for which a condition of the profile holds.

        `where` names the condition's place in the profile. Raises ParameterError for a condition
        that cannot be read, names an unknown column or is not true or false.
        """
        from repurchase.model.expression import compile_expression, does_not_fit
        from repurchase.model.segments import kinds_of

        table = self.table(name)
        sql = compile_expression(condition, kinds_of(name, table.columns), where=where)
        try:
            with unwatched():
                told = self._connection.sql(f"SELECT *, ({sql}) AS _holds FROM {name}")
                told._holds.count().to_pyarrow()  # a value that does not fit shows here only
        except duckdb.Error as error:
            raise does_not_fit(str(error).splitlines()[0], where) from None
        if not told._holds.type().is_boolean():
            raise ParameterError(
                f"{condition!r} is not a condition",
                where=where,
                rule="it must be true or false for a row",
            )
        return told.filter(told._holds).drop("_holds")

    def kept(self, name: str, about: str, make: Callable[[Hold], ir.Table]) -> ir.Table:
        """The rows of an expression, computed once for a snapshot, period and sample.

        `about` says all else that they depend on. `make` gives the expression; what it passes
        through the function that it gets is computed at once, however often it is read.
        """
        sampled = self.sample and (self.sample.share, self.sample.seed)
        told = repr((name, about, self.period.label, sampled))
        digest = hashlib.sha256(told.encode()).hexdigest()[:16]
        path = self.snapshot.path / FOLDER / f"{name}-{digest}.parquet"
        if not path.is_file():
            self._write(path, make)
        return self._connection.read_parquet(
            path, table_name=f"{name}_{digest}", hive_partitioning=False
        )

    def _write(self, path: Path, make: Callable[[Hold], ir.Table]) -> None:
        held: list[ir.CachedTable] = []

        def hold(rows: ir.Table) -> ir.Table:
            held.append(rows.cache())
            return held[-1]

        with unwatched():
            try:
                sql = ibis.to_sql(make(hold), dialect="duckdb")
                write_once(self._connection.con, sql, path)
            finally:
                for table in held:
                    table.release()

    @property
    def orders(self) -> ir.Table:
        """One row an order, with and without a known customer, up to the period's end."""
        return self.table("orders")

    @property
    def customer_days(self) -> ir.Table:
        """One row a known customer and order date, up to the period's end."""
        return self.table("customer_days")

    @property
    def customer_summary(self) -> ir.Table:
        """One row a known customer with what he has done up to the period's end."""
        return self.customers_at(self.period)

    def customers_at(self, period: Period) -> ir.Table:
        """The same at the end of another period; columns: see `model.summary`."""
        return self.customers_on(period.end)

    def customers_on(self, day: dt.date) -> ir.Table:
        """The same as of a day, at most the period's last."""
        if day > self.period.end:
            raise ValueError(f"day == {day}, must be at most {self.period.end}")
        name = f"customers_on_{day:%Y_%m_%d}"
        if name not in self._views:
            self.table("customer_days")  # says what is missing where there are no orders
            path = customer_summary(self.snapshot, day)
            table = self._connection.read_parquet(
                path, table_name=f"{name}_all", hive_partitioning=False
            )
            if self.sample:
                table = self.sample.of_table("customers", table, None)
            with unwatched():
                self._views[name] = self._connection.create_view(name, table, overwrite=True)
        return self._views[name]

    @functools.cached_property
    def retention(self) -> RetentionBench:
        """Do customers come back?"""
        return RetentionBench(self)

    @functools.cached_property
    def customer_value(self) -> CustomerValueBench:
        """Who is worth it?"""
        return CustomerValueBench(self)

    @functools.cached_property
    def funnel_diagnosis(self) -> FunnelDiagnosisBench:
        """Where are customers lost, why, and what does it cost?"""
        return FunnelDiagnosisBench(self)

    @functools.cached_property
    def ab_review(self) -> AbReviewBench:
        """Which outreach works?"""
        return AbReviewBench(self)

    @functools.cached_property
    def roi_before_after(self) -> RoiBeforeAfterBench:
        """Did it pay, and would it have happened anyway?"""
        return RoiBeforeAfterBench(self)

    @functools.cached_property
    def identification(self) -> IdentificationBench:
        """How many orders have a known customer?"""
        return IdentificationBench(self)

    @functools.cached_property
    def worklists(self) -> WorklistsBench:
        """Whom should sales ask back, and what became of those they asked?"""
        return WorklistsBench(self)

    @functools.cached_property
    def load(self) -> LoadBench:
        """What was read and what became of it?"""
        return LoadBench(self)

    def result(self, result: Result) -> Result:
        """The result with the review's context and its figures as they are printed."""
        records = tuple(rounded(r, METRICS[r.metric].digits) for r in result.records)
        frame = self._marked(result.frame)
        return replace(result, frame=frame, records=records, context=self.context)

    def _marked(self, frame: Any) -> Any:
        """A frame of a sample says so in its corner, where a notebook shows it."""
        if self.sample and isinstance(frame, pd.DataFrame):
            return frame.rename_axis(columns=self.sample.mark)
        return frame


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
        mark = self.sample.mark if self.sample else ""
        return Recorded(records=list(stamped.values()), findings=[], mark=mark).published()

    def find(self, *findings: Finding) -> Recorded:
        """Puts these messages before the summary, which ranks them."""
        named = [replace(f, chapter=self.chapter) for f in findings]
        mark = self.sample.mark if self.sample else ""
        return Recorded(records=[], findings=named, mark=mark).published()

    def hand_out(self, sheets: Sheets) -> HandedOut:
        """Puts these sheets into the pack's `restricted/`; in the lab they only are counted."""
        return HandedOut(sheets, travels=bool(os.environ.get(RUN))).published()

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
        """What the other chapters recorded and found: of this run, or of the pack in place.

        Raises DataError where neither is known: in any chapter of a pack but the summary, which
        runs when the others have ended.
        """
        if self._told is BESIDE:
            raise DataError(
                f"chapter {self.chapter} asks what the other chapters recorded",
                rule="chapters run side by side; only `summary` runs after all of them",
                remedy="ask for it in summary.ipynb, or take the result itself from `review`",
            )
        if self._told is not None:
            return self._told
        pack = current_pack(self.params.root / "reports" / self.params.name, self.period.label)
        if pack is None or not (pack / "results.json").exists():
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
class Recorded(Published):
    """Figures and messages on their way from a cell to the press."""

    records: list[Record]
    findings: list[Finding]
    mark: str = ""

    def __repr__(self) -> str:
        before = f"{self.mark}: " if self.mark else ""
        return f"{before}{len(self.records)} figures recorded, {len(self.findings)} messages found"

    def _repr_mimebundle_(self, **_: object) -> Mapping[str, Any]:
        rows = {"records": record_rows(self.records), "findings": finding_rows(self.findings)}
        return {"text/plain": repr(self), MIME: rows}


library_is_imported()
