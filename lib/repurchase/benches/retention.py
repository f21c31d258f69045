"""`review.retention`: do customers come back?"""

from __future__ import annotations

import ibis.expr.types as ir
import pandas as pd

from repurchase.analysis import (
    bridge,
    churn,
    cuts,
    mix,
    newest,
    order_rank,
    outlook,
    repeat,
    retention,
    rhythm,
    robustness,
)
from repurchase.analysis import findings as found
from repurchase.analysis.mix import Places
from repurchase.benches.base import Bench
from repurchase.calendar import LUNAR_NEW_YEAR, promotion_dates
from repurchase.definitions import METRICS
from repurchase.errors import ParameterError
from repurchase.lab.names import nearest
from repurchase.records import Finding, Result

EXHIBITS = {
    "returning_buyer_share": "R-1",
    "cohort_retention": "R-2",
    "repurchase_90d": "R-4",
    "repeat_revenue_share": "R-5",
    "expected_repeat_revenue": "R-19",
    "identified_order_share": "R-6",
    "change_part": "R-11",
    "rate_part": "R-12",
    "bridge_money": "R-10",
    "lapsed_customers": "R-10",
}


class RetentionBench(Bench):
    """Results of `repurchase.analysis.retention` for this review."""

    @property
    def _days(self) -> ir.Table:
        return self._review.customer_days

    @property
    def _other_money(self) -> ir.Table:
        orders = self._review.orders
        return orders.filter(orders.customer_id.notnull() & ~orders.is_purchase)

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

    def january_february(self) -> Result:
        """Both months as one sum, where the Spring Festival moves between them."""
        country = self._params.country
        if country not in LUNAR_NEW_YEAR:
            return self._result(Result(pd.DataFrame()))
        return self._result(
            retention.january_february(self._days, self._other_money, self._review.windows)
        )

    def history(self) -> Result:
        """Returning-buyer share of this period and of those before it."""
        return self._result(retention.history(self._days, self._review.windows))

    def cohorts(self) -> Result:
        """The cohort triangle as counts; unobserved cells are missing."""
        return self._result(retention.cohorts(self._days, until=self._review.windows.seen_until))

    def pooled(self) -> Result:
        """Retention by age over all cohorts that have reached it."""
        counts = self.cohorts()
        return self._result(Result(retention.pooled(counts.frame), sql=counts.sql))

    def curve(self) -> Result:
        """Share of new customers who came back, by days since their first order date."""
        return self._result(
            retention.repurchase_curve(
                self._days,
                self._review.windows,
                cohort_months=self._params.repurchase_window_months,
            )
        )

    def revenue(self) -> Result:
        """Net revenue by month, split into first and repeat order dates."""
        return self._result(
            retention.revenue_by_month(self._days, self._other_money, self._review.windows)
        )

    def totals(self) -> Result:
        """Customers, orders and money that the chapters see."""
        return self._result(retention.totals(self._days, self._review.orders, self._review.windows))

    def next_orders(self) -> Result:
        """The next order within 30 to 180 days of the n-th, and of the first by joining month."""
        return self._result(
            repeat.next_orders(
                self._days,
                self._review.windows,
                activity_months=self._params.activity_window_months,
                cohort_months=self._params.repurchase_window_months,
            )
        )

    def repeat_share(self) -> Result:
        """What part of revenue and of margin is repeat, by month."""
        return self._result(
            repeat.repeat_share_by_month(self._days, self._other_money, self._review.windows)
        )

    def gaps(self) -> Result:
        """Days from the n-th order date to the next, of those who come back within a year."""
        return self._result(rhythm.gaps(self._days, self._review.windows))

    def cycle(self) -> Result:
        """The rhythm of customers with at least three order dates."""
        return self._result(rhythm.typical_cycle(self.rhythms().frame))

    def rhythms(self) -> Result:
        """How many customers keep which rhythm, and who is silent for longer than his own."""
        return self._result(
            Result(
                rhythm.own_rhythms(
                    self._days,
                    self._review.windows,
                    activity_months=self._params.activity_window_months,
                    factor=self._params.churn_gap_factor,
                )
            )
        )

    def category_cycles(self) -> Result:
        """Days between purchases in a category, against the products' expected cycle."""
        tables = self._review.snapshot.tables
        missing = [t for t in ("order_lines", "products") if t not in tables]
        if missing:
            return self._result(rhythm.no_categories(missing[0]))
        return self._result(
            rhythm.category_cycles(
                self._review.table("order_lines"),
                self._review.orders,
                self._review.table("products"),
                self._review.windows,
            )
        )

    def order_values(self) -> Result:
        """Net revenue and margin an order date, by its rank, over the last twelve months."""
        return self._result(
            order_rank.order_values(
                self._days, self._review.windows, months=self._params.repurchase_window_months
            )
        )

    def by_period(self) -> Result:
        """The retention formula of the last 13 months and 5 quarters, from sets of customers."""
        return self._result(
            churn.retention_by_period(
                self._days,
                self._review.windows,
                activity_months=self._params.activity_window_months,
            )
        )

    def churn(self) -> Result:
        """Churn by activity window and by own rhythm."""
        return self._result(
            churn.churn(
                self.figures().records,
                self.rhythms().frame,
                self._review.windows,
                activity_months=self._params.activity_window_months,
            )
        )

    def newest(self) -> Result:
        """The newest customers against earlier ones at the same age."""
        return self._result(newest.newest_customers(self._days, self._review.windows))

    def outlook(self) -> Result:
        """Expected repeat revenue of today's customers, tested on the past."""
        targets = {
            t.period: t.value
            for t in self._review.params.targets
            if t.metric == "expected_repeat_revenue" and not t.dimensions
        }
        return self._result(
            outlook.outlook(
                self._days,
                self._review.windows,
                country=self._params.country,
                targets=targets,
            )
        )

    def by_cut(self, *names: str) -> Result:
        """Returning-buyer share by store, channel and each segment of the profile.

        `names` are some of `review.cuts`; without any, all of them. What is marked as standing
        does so among all comparisons that are asked for at once.
        """
        known = self._review.cuts
        for name in names:
            if name not in known:
                raise ParameterError(
                    f"there is no cut {name!r}", remedy=nearest(name, known, before="")
                )
        wanted = {n: t for n, t in known.items() if not names or n in names}
        return self._result(
            cuts.returning_by_cut(
                wanted, self._review.windows, activity_months=self._params.activity_window_months
            )
        )

    def robustness(self) -> Result:
        """The change by a dozen reasonable definitions of coming back."""
        review, profile = self._review, self._params
        tables = review.snapshot.tables
        first = review.windows.days["year_ago_aligned"].start
        years = range(first.year, review.period.end.year + 1)
        company = robustness.Company(
            self._days,
            self._other_money,
            review.orders,
            review.table("customers") if "customers" in tables else None,
            review.table("stores") if "stores" in tables else None,
        )
        return self._result(
            robustness.robustness(
                company,
                review.windows,
                self.figures(),
                activity_months=profile.activity_window_months,
                identification_limit=profile.identification_limit,
                promotion_dates=promotion_dates(
                    years, {p.name: (p.day, p.days) for p in profile.promotions}
                ),
                count_fully_returned=profile.count_fully_returned,
            )
        )

    def bridge(self) -> Result:
        """New, returning, reactivated and lapsed customers, in customers and in money."""
        return self._result(
            bridge.bridge(
                self._days,
                self._other_money,
                self._review.windows,
                activity_months=self._params.activity_window_months,
            )
        )

    def lost(self) -> Result:
        """Customers who lapsed in the period, and what they brought in their last year."""
        return self._result(
            bridge.lost(
                self._days,
                self._other_money,
                self._review.windows,
                activity_months=self._params.activity_window_months,
            )
        )

    def mix(self) -> Result:
        """The change split into mix and rate by store, channel, region, category, segment."""
        return self._result(
            mix.mix(
                self._places(),
                self._review.windows,
                activity_months=self._params.activity_window_months,
            )
        )

    def revenue_mix(self) -> Result:
        """The change of the repeat share of revenue, split the same way."""
        return self._result(
            mix.revenue_mix(
                self._places(),
                self._other_money,
                self._review.windows,
                activity_months=self._params.activity_window_months,
            )
        )

    def _places(self) -> Places:
        review, tables = self._review, self._review.snapshot.tables
        given = {
            name: review.table(name)
            for name in ("stores", "order_lines", "products")
            if name in tables
        }
        return Places(self._days, review.orders, review.segments, **given)

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
            mix=self.mix(),
            lost=self.lost(),
            bridge=self.bridge(),
            outlook=self.outlook(),
        )

    def _returning_revenue_mean(self) -> float | None:
        """Net revenue after the first order date, a returning buyer of the period."""
        buyers = self.figures().one("returning_buyer_share").numerator
        repeat = self.figures().one("repeat_revenue_share").numerator
        return repeat / buyers if buyers and repeat else None
