"""What the forecast and the warnings say to the summary, and when they say nothing."""

import pandas as pd
import pytest
from repurchase.analysis.ahead_findings import CLAIMS, ahead_findings
from repurchase.records import Record, Result
from repurchase.show.summary import claim_text
from repurchase.words import Words

EXHIBITS = {"ahead": "V-10", "at_risk": "V-13"}
NOTHING = Result(pd.DataFrame())


def forecast(value=60_000.0):
    return Result(
        pd.DataFrame(), (Record("predicted_revenue", value, "money", low=55e3, high=65e3),)
    )


def missed(error, low, high):
    record = Record("forecast_error", error, "ratio", "of=revenue", low=low, high=high)
    return Result(pd.DataFrame(), (record,))


def risk(customers=60.0, measure="margin"):
    records = (
        Record("at_risk_customers", customers, "count", n=400.0),
        Record(f"at_risk_{measure}", 5000.0, "money", n=customers),
    )
    return Result(pd.DataFrame([{"months": 12}]), records)


def said(*results):
    return {f.id: f for f in ahead_findings(*results, exhibits=EXHIBITS)}


@pytest.mark.parametrize(
    ("measure", "money"), [("margin", "¥5.0k of margin"), ("revenue", "¥5.0k of net revenue")]
)
def test_the_customers_at_risk_are_told_with_what_they_brought(measure, money) -> None:
    """60 of 400, and the money of the months counted."""
    finding = said(NOTHING, NOTHING, risk(measure=measure))["customer_value.at_risk"]

    text = claim_text(Words("en"), finding, currency="CNY")
    assert text.startswith("60 of 400 active customers are at risk")
    assert f"{money} in the last 12 months" in text
    assert ("V-13", 2) == (finding.exhibit, len(finding.records))


@pytest.mark.parametrize(
    ("error", "claim", "confidence", "words"),
    [
        ((0.05, -0.1, 0.2), "ahead_held", "medium", "(¥55.0k to ¥65.0k)"),
        ((0.3, 0.2, 0.4), "ahead_too_high", "low", "rather less"),
        ((-0.3, -0.4, -0.2), "ahead_too_low", "low", "rather more"),
    ],
)
def test_the_forecast_is_told_with_its_test(error, claim, confidence, words) -> None:
    """A forecast that missed is of low confidence and says which way."""
    finding = said(forecast(), missed(*error), NOTHING)["customer_value.ahead"]

    assert (CLAIMS[claim], confidence) == (finding.claim, finding.confidence)
    text = claim_text(Words("en"), finding, currency="CNY")
    assert "¥60.0k" in text and words in text


def test_nothing_is_said_where_nothing_stands() -> None:
    """Nobody at risk, no forecast, no test."""
    assert {} == said(NOTHING, NOTHING, NOTHING)
    assert {} == said(NOTHING, NOTHING, risk(customers=0.0))
    assert {} == said(forecast(None), missed(0.1, 0.0, 0.2), NOTHING)
    assert {} == said(forecast(), missed(None, None, None), NOTHING)
