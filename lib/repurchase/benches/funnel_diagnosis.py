"""`review.funnel_diagnosis`: where are customers lost, why, and what does it cost?"""

from __future__ import annotations

from repurchase.analysis.causes import causes
from repurchase.analysis.verdicts import CHECKS, Verdict
from repurchase.benches.contact_checks import ContactChecksBench
from repurchase.benches.data_checks import DataChecksBench
from repurchase.benches.due_checks import DueChecksBench
from repurchase.benches.leaks import LeaksBench
from repurchase.records import Finding


class FunnelDiagnosisBench(ContactChecksBench, DataChecksBench, DueChecksBench, LeaksBench):
    """Results of the funnel and its seven checks for this review."""

    def verdicts(self) -> tuple[Verdict, ...]:
        """The answers of the seven checks, in their order."""
        return tuple(getattr(self, f"{check}_verdict")() for check in CHECKS)

    def findings(self) -> tuple[Finding, ...]:
        """The ranked causes: leaks and what the checks found, the weightiest first.

        The check of the path says in one word what the leaks say by name, so it is no cause.
        """
        told = [v for v in self.verdicts() if v.check != "path"]
        return causes(self.leak_findings(), told)
