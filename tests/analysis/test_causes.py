"""Leaks and checks make one list of causes, the weightiest first."""

import pytest
from repurchase.analysis.causes import causes, finding_of
from repurchase.analysis.verdicts import Verdict
from repurchase.records import Finding


def leak(id, money, tone="bad"):
    return Finding(id, "a claim", {}, (), tone, "high", money=money)


def test_causes_are_ranked_by_money_and_what_is_to_be_watched_comes_last():
    """A watch is below every act, however much money it names; what is not valued follows."""
    checks = (
        Verdict("reach", "act", "few can be reached", money=500.0),
        Verdict("cadence", "act", "too often"),
        Verdict("use", "watch", "not used", money=9_000.0),
        Verdict("tiers", "ok", "they separate"),
        Verdict("delay", "not_computable", reason="no column"),
    )
    found = causes([leak("small", 100.0), leak("large", 2_000.0)], checks)

    assert [
        "large",
        "funnel_diagnosis.reach.act",
        "small",
        "funnel_diagnosis.cadence.act",
        "funnel_diagnosis.use.watch",
    ] == [f.id for f in found]


def test_equal_weight_is_ordered_by_name():
    """So that the same data give the same page."""
    assert ["a", "b"] == [f.id for f in causes([leak("b", 5.0), leak("a", 5.0)], ())]


def test_good_news_of_a_leak_is_no_first_cause():
    """A recovered leak stands after what still hurts."""
    found = causes([leak("recovered", 800.0, "good"), leak("open", 10.0)], ())

    assert ["open", "recovered"] == [f.id for f in found]


def test_a_verdict_keeps_what_it_rests_on():
    """Money, interval, records, step and exhibit travel into the message."""
    verdict = Verdict(
        "reach", "act", "claim", {"x_count": 3}, ("reachable_share||none",), money=5.0,
        money_low=1.0, money_high=9.0, action="ask", confidence="high", exhibit="F-10",
    )  # fmt: skip
    finding = finding_of(verdict)

    assert ("bad", 5.0, 1.0, 9.0, "ask", "high", "F-10") == (
        finding.tone, finding.money, finding.money_low, finding.money_high,
        finding.suggested_action, finding.confidence, finding.exhibit,
    )  # fmt: skip
    assert ("reachable_share||none",) == finding.records and {"x_count": 3} == finding.values


@pytest.mark.parametrize(
    "wrong",
    [
        {"answer": "ok"},
        {"answer": "not_computable"},
        {"answer": "not_computable", "claim": "c", "reason": "r"},
        {"answer": "act", "claim": "c", "reason": "r"},
    ],
)
def test_a_verdict_says_either_something_or_why_not(wrong):
    """Never both, never neither."""
    with pytest.raises(ValueError, match="a verdict"):
        Verdict("reach", **wrong)
