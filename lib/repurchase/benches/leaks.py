"""What the funnel loses: leaks and their cost, last period's, and what moved the end result."""

from __future__ import annotations

import pandas as pd

from repurchase.analysis import end_change, leaks
from repurchase.analysis.leak_findings import leak_findings
from repurchase.analysis.leak_readings import Counted
from repurchase.analysis.leak_worth import Worth, worth_of_repurchase
from repurchase.benches.funnel import FunnelBench
from repurchase.records import Finding, Result

EXHIBITS = {"leak": "F-6", "former_leak": "F-9"}


class LeaksBench(FunnelBench):
    """Results of `repurchase.analysis.leaks` and `end_change` for this review."""

    def leaks(self) -> Result:
        """Where the funnels lose more than they used to, since when, and what that costs a month.

        Of all funnels together; see `analysis.leaks`.
        """
        return self._result(
            leaks.leaks(
                self.counted(),
                self._review.period,
                self.worth_of_repurchase(),
                material=self._params.funnel_rules.leak_share,
            )
        )

    def former_leaks(self) -> Result:
        """Last period's leaks by name: closed or not."""
        return self._result(
            leaks.former_leaks(
                self.counted(),
                self._review.period,
                self.worth_of_repurchase(),
                material=self._params.funnel_rules.leak_share,
            )
        )

    def leak_findings(self) -> tuple[Finding, ...]:
        """What leaks have to say, the dearest first, and whether last period's have closed."""
        return leak_findings(self.leaks(), self.former_leaks(), exhibits=EXHIBITS)

    def end_change(self) -> Result:
        """The change of who came to the repurchase, shared out over the steps; adds up exactly."""
        return self._result(end_change.end_change(self.counted(), self._review.period))

    def within_steps(self) -> Result:
        """The change of each step's conversion, split into mix and rate by each cut."""
        return self._result(end_change.within_steps(self.counted(), self._review.period))

    def counted(self) -> tuple[Counted, ...]:
        """Each funnel with its counts, as leaks are read from them."""
        return tuple(
            Counted(
                key=which.key,
                name=which.name,
                steps=which.steps,
                orders=tuple(step.orders is not None for step in which.spec.steps),
                counts=self._fair(self.counts(which)),
                days=which.window_days,
            )
            for which in self.funnels()
        )

    def _fair(self, counts: pd.DataFrame) -> pd.DataFrame:
        """Without tiers that are known as of today only: who bought since entry has risen."""
        return counts if self._params.funnel_rules.tier_fixed else counts[counts["cut"] != "tier"]

    def worth_of_repurchase(self) -> Worth:
        """What an order date after the first brings on average, in the last twelve months."""
        return worth_of_repurchase(self._review.customer_days, self._review.period)
