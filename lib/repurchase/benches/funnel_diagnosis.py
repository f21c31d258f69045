"""`review.funnel_diagnosis`: where are customers lost, why, and what does it cost?"""

from __future__ import annotations

from repurchase.benches.contact_checks import ContactChecksBench
from repurchase.benches.funnel import FunnelBench


class FunnelDiagnosisBench(ContactChecksBench, FunnelBench):
    """Results of the funnel and its seven checks for this review."""
