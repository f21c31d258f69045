"""`review.identification`: how many orders have a known customer?"""

from __future__ import annotations

from repurchase.analysis import findings as found
from repurchase.analysis import identification
from repurchase.benches.base import Bench
from repurchase.records import Result


class IdentificationBench(Bench):
    """Results of `repurchase.analysis.identification` for this review."""

    def shares(self) -> Result:
        """Share of orders and of revenue with a known customer."""
        return self._result(
            identification.identified_shares(self._review.orders, self._review.windows)
        )

    def by_month(self) -> Result:
        """Identified share of orders by month."""
        return self._result(identification.by_month(self._review.orders, self._review.windows))

    def by(self, cut: str) -> Result:
        """Identified share of the period's orders by `store_id` or `channel`."""
        return self._result(
            identification.by_cut(self._review.orders, self._review.windows, cut=cut)
        )

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
