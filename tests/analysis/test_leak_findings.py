"""What leaks have to say, from funnels counted by hand."""

import pytest
from made.funnels import NOW, broken, counted
from repurchase.analysis.leak_findings import ACTIONS, CLAIMS, leak_findings
from repurchase.analysis.leak_worth import Worth
from repurchase.analysis.leaks import former_leaks, leaks
from repurchase.show.summary import claim_text
from repurchase.words import Words

MARGIN = Worth("margin", 50.0, 1.0)
EXHIBITS = {"leak": "F-6", "former_leak": "F-9"}


def told(*funnels, worth=MARGIN):
    found, former = (f(funnels, NOW, worth) for f in (leaks, former_leaks))
    return leak_findings(found, former, exhibits=EXHIBITS), {
        "|".join((r.metric, r.dimensions, r.compare_to)) for r in (*found.records, *former.records)
    }


def test_a_leak_says_where_since_when_and_what_it_costs():
    """One bad message with money, its interval, an action, and records that there are."""
    (finding,), records = told(counted(broken("wechat", 2, 0.25)))

    assert CLAIMS["place"] == finding.claim
    assert (0.2, 0.15) == pytest.approx(
        (finding.values["level_share"], finding.values["now_share"]), abs=1e-3
    )
    assert ("channel=wechat", "2025-08-02", "margin") == tuple(
        finding.values[k] for k in ("where_place", "since_day", "money_kind")
    )
    assert ("bad", "F-6", ACTIONS["place"]) == (
        finding.tone, finding.exhibit, finding.suggested_action
    )  # fmt: skip
    assert finding.money_low < 10_000 < finding.money_high
    assert 50 * finding.values["customers_count"] == pytest.approx(finding.money, abs=50)
    assert set(finding.records) <= records
    assert (
        "Interest → Repurchase leaks at Channel: WeChat since 2 Aug 2025: 15.0% take the step,"
        " before it 20.0% did; about 200 repurchases a month are missing for it"
    ) == claim_text(Words("en"), finding, currency="CNY")


def test_a_step_after_the_repurchase_is_told_without_money():
    """No repurchase is missing for it."""
    (finding,), _ = told(counted(broken("wechat", 3, 0.4)))

    assert CLAIMS["place_after"] == finding.claim
    assert finding.money is None
    assert "customers_count" not in finding.values


def test_without_money_the_customers_stand_alone():
    """And nothing is claimed about margin."""
    (finding,), _ = told(counted(broken("wechat", 2, 0.25)), worth=Worth(reason="none"))

    assert (CLAIMS["place"], None) == (finding.claim, finding.money)
    assert "money_kind" not in finding.values


def test_a_whole_step_without_a_year_ago_is_unsure():
    """It may be the season; with a year ago it is to be acted on."""
    unsure, sure = (told(counted(broken(None, 2, 0.3), windows=n))[0][0] for n in (7, 20))

    assert ("unsure", "low") == (unsure.tone, unsure.confidence)
    assert ("bad", ACTIONS["whole"]) == (sure.tone, sure.suggested_action)
    assert CLAIMS["whole"] == sure.claim


def test_the_dearest_come_first_and_few():
    """Four funnels leak; three are said, by money."""
    losses = {"a": 0.3, "b": 0.5, "c": 0.4, "d": 0.6}
    findings, _ = told(*(counted(broken("wechat", 2, x), key=k) for k, x in losses.items()))

    money = [f.money for f in findings]
    assert 3 == len(findings)
    assert sorted(money, reverse=True) == money
    assert ["d", "b", "c"] == [f.id.split("funnel=")[1][0] for f in findings]


def test_a_leak_that_lasts_is_told_once_as_known():
    """Found in August and still there: this month's leak, not also last month's."""
    findings, _ = told(counted(broken("wechat", 2, 0.3, since="2025-08")))

    assert ["funnel_diagnosis.leak.cut=channel;funnel=main;label=wechat;step=2"] == [
        f.id for f in findings
    ]
    assert ACTIONS["lasts"] == findings[0].suggested_action


def test_a_leak_that_closed_is_good_news():
    """By name, with what it was before, then and now."""
    findings, records = told(counted(broken("wechat", 2, 0.3, since="2025-08", until="2025-08")))

    (finding,) = findings
    assert ("good", CLAIMS["recovered_place"], "F-9") == (
        finding.tone, finding.claim, finding.exhibit
    )  # fmt: skip
    assert (0.2, 0.14, 0.2) == pytest.approx(
        tuple(finding.values[f"{k}_share"] for k in ("level", "then", "now")), abs=1e-3
    )
    assert set(finding.records) <= records


def test_a_leak_that_nobody_comes_to_any_more_cannot_be_told():
    """The channel is not used in September."""
    funnel = counted(
        broken("wechat", 2, 0.3, since="2025-08"),
        entered=lambda period, label, usual: 0 if (period, label) == ("2025-09", "wechat")
        else usual,
    )  # fmt: skip
    (finding,), _ = told(funnel)

    assert ("neutral", CLAIMS["gone_place"]) == (finding.tone, finding.claim)


def test_nothing_leaks_nothing_is_said():
    """No message at all."""
    assert () == told(counted())[0]
