"""The chapter's ranked causes: leaks of the funnel and what its checks found, as one list."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from repurchase.analysis.verdicts import Verdict
from repurchase.records import Finding

ORDER = {"act": 0, "watch": 1, "ok": 2, "not_computable": 3}


def finding_of(verdict: Verdict) -> Finding:
    """A check's answer as a message. "act" hurts, "watch" is unsure, "ok" is good news."""
    tone = {"act": "bad", "watch": "unsure"}.get(verdict.answer, "neutral")
    return Finding(
        id=f"funnel_diagnosis.{verdict.check}.{verdict.answer}",
        claim=verdict.claim,
        values=verdict.values,
        records=verdict.records,
        tone=tone,  # type: ignore[arg-type]
        confidence=verdict.confidence,
        money=verdict.money,
        money_low=verdict.money_low,
        money_high=verdict.money_high,
        suggested_action=verdict.action,
        exhibit=verdict.exhibit,
    )


def causes(leaks: Iterable[Finding], verdicts: Sequence[Verdict]) -> tuple[Finding, ...]:
    """What to look into, the weightiest first: what is to be acted on, by money, then the rest.

    A leak and a check that says "act" are held against each other by the money at stake a month;
    what is not valued follows what is. "watch" comes after all of them: it may be nothing.
    Checks that are ok or cannot be computed are no causes.
    """
    found = [*leaks, *(finding_of(v) for v in verdicts if v.answer in ("act", "watch"))]
    bad = [f for f in found if f.tone == "bad"]
    rest = [f for f in found if f.tone != "bad"]
    return tuple(sorted(bad, key=_weight) + sorted(rest, key=_weight))


def _weight(finding: Finding) -> tuple[bool, float, str]:
    return finding.money is None, -abs(finding.money or 0.0), finding.id
