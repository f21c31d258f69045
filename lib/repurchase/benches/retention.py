"""`review.retention`: do customers come back?"""

from __future__ import annotations

import ibis.expr.types as ir
import pandas as pd

from repurchase.analysis import cuts, retention
from repurchase.analysis import findings as found
from repurchase.benches.base import Bench
from repurchase.calendar import LUNAR_NEW_YEAR
from repurchase.definitions import METRICS
from repurchase.errors import ParameterError
from repurchase.lab.names import nearest
from repurchase.records import Finding, Result

EXHIBITS = {
    "returning_buyer_share": "R-1",
    "cohort_retention": "R-2",
    "repurchase_90d": "R-4",
    "repeat_revenue_share": "R-5",
    "identified_order_share": "R-6",
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
