"""What the forecast and the warnings have to say, as messages that rest on records."""

from __future__ import annotations

from collections.abc import Mapping

from repurchase.analysis.findings import record_key
from repurchase.records import Finding, Record, Result
from repurchase.words import N_

CLAIMS = {
    "at_risk_margin": N_(
        "{risk_count} of {active_count} active customers are at risk, later than nine of ten of"
        " their own gaps; they brought {worth_margin_money} of margin in the last {months_count}"
        " months"
    ),
    "at_risk_revenue": N_(
        "{risk_count} of {active_count} active customers are at risk, later than nine of ten of"
        " their own gaps; they brought {worth_money} of net revenue in the last {months_count}"
        " months"
    ),
    "ahead_held": N_(
        "Today's customers should bring {expected_money} of net revenue within twelve months"
        " ({low_money} to {high_money}); tested on the past, the forecast held within its interval"
    ),
    "ahead_too_high": N_(
        "Today's customers should bring {expected_money} of net revenue within twelve months, and"
        " rather less: tested on the past, the same forecast was {error_share} too high"
    ),
    "ahead_too_low": N_(
        "Today's customers should bring {expected_money} of net revenue within twelve months, and"
        " rather more: tested on the past, the same forecast was {error_share} too low"
    ),
}
ACTIONS = {
    "at_risk": N_(
        "Ask them back by the lists. Most of those who slid this period are among them: do not add"
        " the two sums up."
    ),
    "ahead": N_("Plan what new customers must bring against it, not against last year's total."),
}


def ahead_findings(
    forecast: Result, test: Result, risk: Result, *, exhibits: Mapping[str, str]
) -> tuple[Finding, ...]:
    """The messages; none where nothing stands or the forecast could not be tested."""
    found = (_at_risk(risk, exhibits["at_risk"]), _ahead(forecast, test, exhibits["ahead"]))
    return tuple(f for f in found if f is not None)


def _record(result: Result, metric: str, dimensions: str = "") -> Record | None:
    found = (r for r in result.records if (r.metric, r.dimensions) == (metric, dimensions))
    return next((r for r in found if r.value is not None), None)


def _at_risk(risk: Result, exhibit: str) -> Finding | None:
    customers = _record(risk, "at_risk_customers")
    margin, revenue = (_record(risk, f"at_risk_{m}") for m in ("margin", "revenue"))
    money = margin or revenue
    if customers is None or not customers.value or money is None:
        return None
    return Finding(
        id="customer_value.at_risk",
        claim=CLAIMS["at_risk_margin" if margin else "at_risk_revenue"],
        values={
            "risk_count": customers.value,
            "active_count": customers.n,
            "months_count": float(risk.frame["months"].iloc[0]),
            "worth_margin_money" if margin else "worth_money": money.value,
        },
        records=(record_key(customers), record_key(money)),
        tone="bad",
        confidence="medium",
        suggested_action=ACTIONS["at_risk"],
        exhibit=exhibit,
    )


def _ahead(forecast: Result, test: Result, exhibit: str) -> Finding | None:
    revenue = _record(forecast, "predicted_revenue")
    error = _record(test, "forecast_error", "of=revenue")
    if revenue is None or error is None or error.value is None:
        return None
    if error.low is None or error.high is None:
        return None
    held = error.low <= 0 <= error.high
    way = "held" if held else "too_high" if error.value > 0 else "too_low"
    values: dict[str, str | float | int | None] = {"expected_money": revenue.value}
    if held:
        values |= {"low_money": revenue.low, "high_money": revenue.high}
    else:
        values["error_share"] = round(abs(error.value), 6)
    return Finding(
        id="customer_value.ahead",
        claim=CLAIMS[f"ahead_{way}"],
        values=values,
        records=(record_key(revenue), record_key(error)),
        tone="neutral" if held else "unsure",
        confidence="medium" if held else "low",
        suggested_action=ACTIONS["ahead"],
        exhibit=exhibit,
    )
