"""`review.customer_value`: who is worth it?"""

from __future__ import annotations

import datetime as dt
import functools
from dataclasses import replace

import ibis.expr.types as ir
import pandas as pd

from repurchase.analysis import (
    ahead_findings,
    churn_warning,
    historic_value,
    next_purchase,
    predicted_value,
    products,
    stages,
)
from repurchase.analysis import value_findings as found
from repurchase.analysis.stages import Standings
from repurchase.analysis.standing import Known, Stretch, known_money, money_of, stretch_of
from repurchase.benches.base import Bench, logging
from repurchase.period import Period
from repurchase.reasons import NOT_TESTED_YET
from repurchase.records import CompareTo, Finding, Result

AHEAD = {"ahead": "V-10", "at_risk": "V-13"}
EXHIBITS = {"stage": "V-1", "flow": "V-2", "tier": "V-3", "top_tenth": "V-7", "product": "V-8"}


class CustomerValueBench(Bench):
    """Results of the analyses of customer value for this review."""

    @property
    def _days(self) -> ir.Table:
        return self._review.customer_days

    @property
    def _other_money(self) -> ir.Table:
        orders = self._review.orders
        return orders.filter(orders.customer_id.notnull() & ~orders.is_purchase)

    def _optional(self, name: str) -> ir.Table | None:
        return self._review.table(name) if name in self._review.snapshot.tables else None

    def _summary(self, name: CompareTo) -> ir.Table:
        period: Period = self._review.period
        ends = {"none": period, "previous": period.previous(), "year_ago": period.year_ago()}
        return self._review.customers_at(ends[name])

    # ---- stages, tiers and who moved ----------------------------------------------------------

    def known(self) -> Known:
        """Which money is known: what customers are valued by."""
        return known_money(self._days)

    def stretch(self) -> Stretch:
        """The months that customers are looked back over, on each day that is compared."""
        return stretch_of(
            self._review.windows, activity_months=self._params.activity_window_months
        )

    def standings(self) -> Standings:
        """Every customer's stage and tier on the days that are compared, counted."""
        stretch, known = self.stretch(), self.known()
        summaries = {str(name): self._summary(name) for name in stretch.days}
        if stretch.before:
            summaries[stages.BEFORE] = self._review.customers_on(stretch.before)
        windows, said = self._review.windows, list[str]()
        with logging(said.append):
            found = stages.standings(
                summaries, self._days, self._other_money, windows, stretch, known
            )
        return found._replace(sql=";\n\n".join(said))

    def _counted(self, result: Result) -> Result:
        """A result that is only read off the standings: their SQL is its own."""
        return self._result(replace(result, sql=self.standings().sql))

    def stages(self) -> Result:
        """The stages of life at the period's end, their money, and how many of each bought."""
        return self._counted(stages.stages(self.standings()))

    def tiers(self) -> Result:
        """The three tiers of promise likewise."""
        return self._counted(stages.tiers(self.standings()))

    def limits(self) -> Result:
        """What it takes to have each score."""
        return self._counted(stages.score_limits(self.standings()))

    def stage_moves(self, against: CompareTo = "previous") -> Result:
        """Stages then against stages now; `against` is "previous" or "year_ago"."""
        return self._counted(stages.migration(self.standings(), by="stage", against=against))

    def tier_moves(self, against: CompareTo = "previous") -> Result:
        """Tiers then against tiers now."""
        return self._counted(stages.migration(self.standings(), by="tier", against=against))

    def flows(self) -> Result:
        """The moves since the previous period's end that matter, with their money."""
        return self._counted(stages.flows(self.standings()))

    # ---- value so far -------------------------------------------------------------------------

    def acquisition_cost(self) -> Result:
        """What it cost to win a customer."""
        return self._result(
            historic_value.acquisition_cost(
                self._optional("costs"), self._review.customer_summary, self._review.windows
            )
        )

    def so_far(self) -> Result:
        """A customer's value so far by both articles' definitions and by margin."""
        return self._result(
            historic_value.definitions_of_value(
                self._review.customer_summary,
                self._review.windows,
                self.known(),
                self.acquisition_cost(),
                activity_months=self._params.activity_window_months,
            )
        )

    def by_channel(self) -> Result:
        """Value so far and of the first year, by the channel of the first order."""
        return self._groups("first_channel")

    def by_year(self) -> Result:
        """Value so far and of the first year, by the year of joining."""
        return self._groups("joined")

    def _groups(self, by: str) -> Result:
        review = self._review
        return self._result(
            historic_value.groups(
                review.customer_summary, self._days, review.windows, self.known(), by=by
            )
        )

    def concentration(self) -> Result:
        """How much the best tenth brought, and what last year's best tenth brings."""
        stretch = self.stretch()
        if not stretch.months:
            return self._result(historic_value.no_concentration(self._review.windows))
        return self._result(
            historic_value.concentration(
                {name: self._summary(name) for name in stretch.days},
                money_of(self._days, self._other_money),
                self._review.windows,
                self.known(),
                months=stretch.months,
            )
        )

    # ---- products -----------------------------------------------------------------------------

    def _goods(self) -> products.Goods | None:
        lines = self._optional("order_lines")
        if lines is None:
            return None
        return products.Goods(lines, self._review.orders, self._days, self._optional("products"))

    def products(self) -> Result:
        """Who buys a product or category again, and who buys anything again."""
        return self._result(
            products.product_repurchase(
                self._goods(),
                self._review.windows,
                cohort_months=self._params.repurchase_window_months,
            )
        )

    def new_products(self) -> Result:
        """The same of products launched in the last twelve months."""
        return self._result(
            products.new_products(self._goods(), self.products(), self._review.windows)
        )

    def pairs(self) -> Result:
        """Which products are bought together more often than chance would have it."""
        return self._result(
            products.pairs(
                self._goods(),
                self._review.windows,
                months=self._params.activity_window_months,
            )
        )

    # ---- who comes next -----------------------------------------------------------------------

    def next_purchase(self) -> Result:
        """One row a customer: when an order is due, when the next is likely, its worth."""
        review, known = self._review, self.known()
        return self._result(
            next_purchase.next_purchase(
                review.customer_summary,
                self._days,
                day=review.period.end,
                worth=None if known.revenue and known.margin else known.worth,
            )
        )

    def next_purchase_tested(self) -> Result:
        """How often the predicted interval held, predicted ninety days before the period's end."""
        review = self._review
        end = review.windows.seen_until
        cut = end - dt.timedelta(days=next_purchase.HORIZON_DAYS)
        return self._result(
            next_purchase.tested(
                review.customers_on(cut),
                self._days,
                cut=cut,
                end=end,
                data_from=review.windows.data_from,
            )
        )

    # ---- what is to come ----------------------------------------------------------------------

    def _models(self, day: dt.date) -> predicted_value.Models:
        if day not in self._fitted:
            self._fitted[day] = predicted_value.models(
                self._review.customers_on(day), day=day,
                data_from=self._review.windows.data_from, no_money=self.known().revenue,
            )  # fmt: skip
        return self._fitted[day]

    @functools.cached_property
    def _fitted(self) -> dict[dt.date, predicted_value.Models]:
        return {}

    def predicted(self) -> Result:
        """Purchases, revenue and margin of the next twelve months, labelled by the back-test."""
        end = self._review.windows.seen_until
        forecast = predicted_value.predicted_value(
            self._models(end), self._days, day=end, known=self.known(),
            annual_discount=self._params.annual_discount,
        )  # fmt: skip
        return self._result(predicted_value.labelled(forecast, self.predicted_tested()))

    def predicted_tested(self) -> Result:
        """The same forecast made a test period ago, against what came."""
        windows = self._review.windows
        end, days = windows.seen_until, predicted_value.span_of_test(
            windows.data_from, windows.seen_until
        )
        if not days:
            why = self._models(end).missing or NOT_TESTED_YET
            return self._result(predicted_value.untested(why))
        cut = end - dt.timedelta(days=days)
        return self._result(
            predicted_value.tested(self._models(cut), self._days, cut=cut, end=end)
        )

    def expected_of_each(self) -> pd.DataFrame:
        """One row a customer: expected purchases and money of the next twelve months."""
        return predicted_value.expected_of_each(
            self._models(self._review.windows.seen_until),
            annual_discount=self._params.annual_discount,
        )

    def never_returning(self) -> Result:
        """The share of all customers who are expected never to order again."""
        end = self._review.windows.seen_until
        return self._result(
            predicted_value.never_returning(self._review.customers_on(end), day=end)
        )

    def _dated(self) -> list[churn_warning.Tables]:
        review, months = self._review, self._params.activity_window_months
        return [
            churn_warning.Tables(day, review.customers_on(day), months)
            for day in churn_warning.origins(review.windows.data_from, review.windows.seen_until)
        ]

    def warning_tested(self) -> Result:
        """Which score told best who would order, on dates gone by."""
        windows = self._review.windows
        return self._result(
            churn_warning.warning_test(
                self._dated(), self._days, data_from=windows.data_from, end=windows.seen_until
            )
        )

    def risk_of_each(self) -> pd.DataFrame:
        """One row an active customer, by the score that the test settled on; for programs."""
        review, test = self._review, self.warning_tested().frame
        used = churn_warning.RECENCY
        if not test.empty:
            used = str(test.loc[test["used"], "score"].iloc[0])
        end = review.windows.seen_until
        now = churn_warning.Tables(
            end, review.customers_on(end), self._params.activity_window_months
        )
        return churn_warning.risk_of_each(now, self._dated(), self._days, used=used)

    def at_risk(self) -> Result:
        """The customers at risk by tier and segment, with what they brought."""
        found, known = self.standings(), self.known()
        customers = stages.placed(
            found, self._summary("none"), money_of(self._days, self._other_money)
        )
        return self._result(
            churn_warning.at_risk(
                customers, self._review.segments, worth=None if known.revenue else known.worth,
                months=found.stretch.months, missing=found.missing,
            )
        )  # fmt: skip

    def findings_ahead(self) -> tuple[Finding, ...]:
        """What the forecast and the warnings say, as messages for the summary."""
        return ahead_findings.ahead_findings(
            self.predicted(), self.predicted_tested(), self.at_risk(), exhibits=AHEAD
        )

    def companions(self) -> pd.DataFrame:
        """The pairs of products that stand: product_id, other_id, lift; each pair both ways."""
        frame = self.pairs().frame
        columns = ["product_id", "other_id", "lift"]
        if frame.empty:
            return pd.DataFrame(columns=columns)
        stands = frame[frame["stands"]]
        both = [
            stands[[*ends, "lift"]].set_axis(columns, axis="columns")
            for ends in (("a", "b"), ("b", "a"))
        ]
        return pd.concat(both, ignore_index=True)

    # ---- what it says -------------------------------------------------------------------------

    def findings(self) -> tuple[Finding, ...]:
        """What these figures say, as messages for the summary."""
        return found.value_findings(
            self.flows(), self.concentration(), self.products(), exhibits=EXHIBITS
        )
