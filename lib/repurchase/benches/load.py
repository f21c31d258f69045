"""`review.load`: what was read, and what became of it?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from repurchase.analysis import load
from repurchase.benches.base import Bench
from repurchase.model.reconcile import money_bridge
from repurchase.records import Record, Result, dimensions


class LoadBench(Bench):
    """What was read: the only results that count the whole source."""

    def outcomes(self) -> Result:
        """Source rows by table, outcome and reason."""
        return self._result(load.row_outcomes(self._review.table("row_ledger", cut=False)))

    def order_rows(self) -> Result:
        """Order rows without a customer and of returns in the whole source; none without orders."""
        if not self._has_orders():
            return self._result(Result(pd.DataFrame()))
        return self._result(load.order_rows(self._review.table("row_ledger", cut=False)))

    def order_rows_seen(self) -> Result:
        """The same of the rows dated up to the period's end."""
        ledger = self._review.table("row_ledger", cut=False)
        return self._result(load.order_rows(ledger, until=self._review.period.end))

    def source(self) -> Result:
        """Customers and money of the whole source; nothing without orders."""
        review = self._review
        if not self._has_orders():
            return self._result(Result(pd.DataFrame()))
        return self._result(
            load.whole_source(
                review.table("customer_days", cut=False), review.table("orders", cut=False)
            )
        )

    def bridge(self) -> Result:
        """Money from the source rows, or the finance total, to the revenue analysed."""
        bridge = money_bridge(self._review.snapshot, self._review.params)
        records = tuple(
            Record("unexplained_money", float(s.amount), "money", dimensions(source=s.bridge))
            for s in bridge.steps
            if s.code == "unexplained" and s.amount is not None
        )
        return self._result(Result(bridge.frame(), records))

    def sources(self) -> Result:
        """The files that were read: path, encoding, delimiter, rows."""
        rows = _source_rows(self._review.snapshot.meta["sources"])
        return self._result(Result(pd.DataFrame(rows)))

    def _has_orders(self) -> bool:
        return "orders" in self._review.snapshot.tables


def _source_rows(sources: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One row a file: table, file, encoding, delimiter, rows."""
    names = ("encoding", "delimiter", "rows")
    return [
        {"table": source["table"], "file": one["path"], **{n: one[n] for n in names}}
        for source in sources
        for one in source["files"]
    ]
