"""What the chapter on customer value says, and what it leaves unsaid."""

import math
from types import SimpleNamespace

import pandas as pd
import pytest
from repurchase.analysis.value_findings import CLAIMS, value_findings
from repurchase.records import Record, Result
from repurchase.show.summary import claim_text
from repurchase.words import Words

EXHIBITS = {"flow": "V-2", "top_tenth": "V-7", "product": "V-8"}
CONTEXT = SimpleNamespace(period=SimpleNamespace(label="2025-09"))


def flows(high=3.0, worth=1200.0, measure="margin", change=0.05):
    row = {"flow": "slid", "customers": 9.0, "high": high, "high_worth": worth, "months": 12}
    records = (
        Record("flow_customers", 9.0, "count", "flow=slid"),
        Record(f"flow_{measure}", 5000.0, "money", "flow=slid"),
        Record("slid_share", 0.2, "share", compare_to="previous", change=change,
               change_low=change - 0.01, change_high=change + 0.01),
    )  # fmt: skip
    return Result(pd.DataFrame([row]), records, context=CONTEXT)


def tenth(share=0.6, kept=0.2, measure="margin"):
    names = ("top_tenth_share", "former_top_tenth_share")
    return Result(
        pd.DataFrame(),
        tuple(
            Record(name, value, "share", f"measure={measure}")
            for name, value in zip(names, (share, kept), strict=True)
        ),
    )


def products(*rows):
    columns = ["kind", "name", "mark", "any_change", "any_90", "n_90"]
    records = tuple(
        Record("any_again_90d", any_ / n, "share", f"{kind}={name}", numerator=any_, n=n)
        for kind, name, _, _, any_, n in rows
    )
    return Result(pd.DataFrame(rows, columns=columns), records)


def said(*results):
    return {f.id: f for f in value_findings(*results, exhibits=EXHIBITS)}


NONE = Result(pd.DataFrame(), context=CONTEXT)


def test_the_high_tier_that_slid_is_told_with_its_money() -> None:
    """Three customers with 1,200 of margin; nothing where none slid, or their money is unknown."""
    finding = said(flows(), NONE, NONE)["customer_value.high_tier.slid"]
    assert (CLAIMS["high_slid_margin"], "bad", "V-2") == (
        finding.claim, finding.tone, finding.exhibit
    )  # fmt: skip
    text = claim_text(Words("en"), finding, currency="CNY")
    assert text.startswith("3 customers of the high tier fell out of their rhythm in September")
    assert "¥1.2k of margin in the 12 months before" in text
    assert (1200.0, "margin") == (finding.money, finding.values["money_kind"])
    assert {} == said(flows(high=0.0), NONE, NONE)
    assert {} == said(flows(worth=math.nan), NONE, NONE)


@pytest.mark.parametrize(
    ("change", "tone"), [(0.02, "bad"), (0.005, "neutral"), (-0.02, "neutral")]
)
def test_some_leave_every_month_and_that_is_no_bad_news(change, tone) -> None:
    """Bad is only that more of them leave than in the period before, detectably."""
    finding = said(flows(change=change), NONE, NONE)["customer_value.high_tier.slid"]
    assert tone == finding.tone
    assert ("flow_customers|flow=slid|none", "slid_share||previous") == finding.records


def test_revenue_is_not_called_margin() -> None:
    """Without margin both messages speak of net revenue."""
    found = said(flows(measure="revenue"), tenth(measure="revenue"), NONE)
    assert [CLAIMS["high_slid_revenue"], CLAIMS["tenth_revenue"]] == [
        f.claim for f in found.values()
    ]


@pytest.mark.parametrize(("kept", "told"), [(0.29, True), (0.31, False)])
def test_a_best_tenth_that_lasts_is_no_message(kept, told) -> None:
    """Said where last year's best bring less than half of what this year's do."""
    assert told == bool(said(NONE, tenth(kept=kept), NONE))


def test_the_category_farthest_from_the_others_is_named() -> None:
    """Of two that stand the farther; one that does not stand is not named, nor a product."""
    found = said(
        NONE, NONE,
        products(
            ("category", "杯具", "stands", 0.05, 60.0, 100.0),
            ("category", "床品", "stands", -0.1, 40.0, 100.0),
            ("category", "礼盒", "exploratory", 0.3, 90.0, 100.0),
            ("product", "P1", "stands", 0.4, 95.0, 100.0),
        ),
    )  # fmt: skip
    finding = found["customer_value.category_less"]
    assert ("床品", 0.4, -0.1) == tuple(finding.values.values())
    assert ("any_again_90d|category=床品|none",) == finding.records
    assert {} == said(NONE, NONE, products(("category", "x", "", 0.3, 9.0, 10.0)))
