"""Two checks of the funnel, cadence and content, and what contact costs and is credited with."""

from __future__ import annotations

import datetime as dt

import ibis
import ibis.expr.types as ir

from repurchase.analysis import (
    attribution,
    cadence,
    contact_counts,
    contact_tests,
    content,
    dose,
)
from repurchase.analysis.touches import Touches, touches_of
from repurchase.analysis.verdicts import Verdict
from repurchase.benches.base import Bench
from repurchase.records import Result

CADENCE, CONTENT = "F-15", "F-18"


class ContactChecksBench(Bench):
    """Results of the analyses of contact for this review."""

    def _source(self, name: str) -> ir.Table | None:
        return self._review.table(name) if name in self._review.snapshot.tables else None

    def _touches(self) -> Touches | None:
        if "touches" not in self._answers:
            self._answers["touches"] = touches_of(
                self._source("events"), self._params.funnel_rules
            )
        return self._answers["touches"]

    # ---- 2: cadence ---------------------------------------------------------------------------

    def contact_counts(self) -> Result:
        """Who was contacted too often, too seldom, on two channels at once, or too late."""
        review = self._review
        before = review.customers_at(review.period.previous())
        book = contact_counts.Book(
            summaries=(review.customer_summary, before),
            days=review.customer_days,
            due=self._due(),
            unreachable=self._refusing(),
            listed=self._source("list_results"),
        )
        return self._result(
            contact_counts.counts(
                self._touches(), book, review.windows, self._params.funnel_rules,
                activity_months=self._params.activity_window_months,
            )
        )  # fmt: skip

    def _due(self) -> ir.Table | str:
        """Those whose next order is due by own rhythm at the period's end, or why nobody is."""
        if self._touches() is None:
            return ""
        expected = self._review.customer_value.next_purchase()
        if expected.frame.empty:
            return expected.records[0].reason or ""
        dates = expected.frame["due_date"]
        day = dt.datetime.combine(self._review.period.end, dt.time())
        due = expected.frame.loc[(dates <= day).fillna(False), ["customer_id"]]
        return ibis.memtable(due, schema={"customer_id": "string"})

    def _refusing(self) -> ir.Table | None:
        """Those who refuse e-mail, text messages and calls."""
        customers = self._source("customers")
        if customers is None:
            return None
        every = customers.opt_out_email & customers.opt_out_sms & customers.do_not_call
        return customers.filter(every.fill_null(False)).select(customer_id="kept_id").distinct()

    def dose_response(self) -> Result:
        """Contacts in 30 days against orders and requests for no more in the 30 days after."""
        review = self._review
        return self._result(
            dose.dose_response(
                self._touches(), review.customers_on(dose.day_before_dose(review.windows)),
                review.customer_days, review.windows, self._params.funnel_rules,
                activity_months=self._params.activity_window_months,
            )
        )  # fmt: skip

    def contact_tests(self) -> Result:
        """What contact did where chance decided who was contacted, or with what."""
        review = self._review
        return self._result(
            contact_tests.tests(
                self._source("experiments"), self._touches(), review.customer_days, review.windows
            )
        )

    def cadence_verdict(self) -> Verdict:
        """Too often, or too seldom?"""
        return cadence.verdict(
            self.contact_counts(), self.dose_response(), self.contact_tests(),
            self._params.funnel_rules, exhibit=CADENCE,
        )  # fmt: skip

    # ---- 3: content ---------------------------------------------------------------------------

    def content(self) -> Result:
        """Orders and clicks after each template, and after personalised and generic messages."""
        review = self._review
        return self._result(
            content.responses(
                self._touches(), review.customer_days, review.windows, self._params.funnel_rules
            )
        )

    def content_verdict(self) -> Verdict:
        """Is there content after which like customers order less?"""
        return content.verdict(
            self.content(), self.contact_tests(), self._params.funnel_rules, exhibit=CONTENT
        )

    # ---- cost ---------------------------------------------------------------------------------

    def attribution(self) -> Result:
        """Contact cost, and the repeat orders credited to each channel by three rules."""
        review = self._review
        ledger = attribution.Ledger(
            days=review.customer_days,
            orders=review.orders,
            costs=self._source("costs"),
            known=review.customer_value.known(),
        )
        return self._result(
            attribution.attribution(
                self._touches(), ledger, review.windows, self._params.funnel_rules
            )
        )
