"""`review.funnel_diagnosis`: where are customers lost, why, and what does it cost?"""

from __future__ import annotations

from repurchase.benches.contact_checks import ContactChecksBench
from repurchase.benches.due_checks import DueChecksBench
from repurchase.benches.leaks import LeaksBench


class FunnelDiagnosisBench(ContactChecksBench, DueChecksBench, LeaksBench):
    """Results of the funnel and its seven checks for this review."""
