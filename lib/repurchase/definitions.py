"""The registry of metrics: the one place that says what a printed figure means.

Names and formulas are messages (translated when printed); the version changes when the meaning
does, with a line in the CHANGELOG.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from repurchase.records import Unit
from repurchase.words import N_

Direction = Literal["up", "down", "none"]


@dataclass(frozen=True)
class Metric:
    """What a figure means. `direction` is the one that is good; `digits` are kept in records."""

    name: str
    formula: str
    numerator: str
    denominator: str
    unit: Unit
    digits: int
    direction: Direction = "none"
    version: int = 1


def _repurchase(days: int) -> Metric:
    return Metric(
        name={
            30: N_("Repurchase within 30 days"),
            60: N_("Repurchase within 60 days"),
            90: N_("Repurchase within 90 days"),
            180: N_("Repurchase within 180 days"),
        }[days],
        formula=N_(
            "Probability of a second order date within the stated days of the first, Kaplan-Meier"
            " over customers whose first order date lies in the trailing window named on the page"
            " and is old enough to have ripened."
        ),
        numerator=N_("customers with a second order date within the stated days"),
        denominator=N_("customers whose first order date lies in the ripened window"),
        unit="share",
        digits=6,
        direction="up",
    )


METRICS: dict[str, Metric] = {
    "returning_buyer_share": Metric(
        name=N_("Returning-buyer share"),
        formula=N_("Share of the period's buyers who had an order date before the period."),
        numerator=N_("buyers of the period with an earlier order date"),
        denominator=N_("buyers of the period"),
        unit="share",
        digits=6,
        direction="up",
    ),
    **{f"repurchase_{days}d": _repurchase(days) for days in (30, 60, 90, 180)},
    "repeat_customer_share": Metric(
        name=N_("Repeat-customer share"),
        formula=N_(
            "Share of all customers who have at least two order dates, over all history up to the"
            " period's end."
        ),
        numerator=N_("customers with at least two order dates"),
        denominator=N_("customers"),
        unit="share",
        digits=6,
        direction="up",
    ),
    "retention_rate": Metric(
        name=N_("Customer retention rate"),
        formula=N_(
            "(E - N) / S: customers at the period's end who were customers at its start, divided by"
            " customers at its start. One is a customer while the last order date lies within the"
            " activity window. N counts only newcomers who are still present at the end."
        ),
        numerator=N_("customers at the end who were customers at the start (E - N)"),
        denominator=N_("customers at the start (S)"),
        unit="share",
        digits=6,
        direction="up",
    ),
    "customers_at_start": Metric(
        name=N_("Customers at the start (S)"),
        formula=N_("Customers whose last order date before the period is in the activity window."),
        numerator=N_("customers"),
        denominator="",
        unit="count",
        digits=0,
    ),
    "customers_at_end": Metric(
        name=N_("Customers at the end (E)"),
        formula=N_(
            "Customers whose last order date by the period's end is in the activity window."
        ),
        numerator=N_("customers"),
        denominator="",
        unit="count",
        digits=0,
    ),
    "customers_joined": Metric(
        name=N_("Joined and still present (N)"),
        formula=N_("Customers at the end who were not customers at the start: new or come back."),
        numerator=N_("customers"),
        denominator="",
        unit="count",
        digits=0,
    ),
    "repeat_revenue_share": Metric(
        name=N_("Repeat share of revenue"),
        formula=N_(
            "Net revenue of orders that are not a customer's first order date, divided by the net"
            " revenue of identified customers. A return without a link to its order counts against"
            " the customer's latest order date at or before it."
        ),
        numerator=N_("net revenue after the first order date"),
        denominator=N_("net revenue of identified customers"),
        unit="share",
        digits=6,
        direction="up",
    ),
    "identified_order_share": Metric(
        name=N_("Identified share of orders"),
        formula=N_("Share of the period's orders whose customer is known."),
        numerator=N_("orders with a known customer"),
        denominator=N_("orders"),
        unit="share",
        digits=6,
        direction="up",
    ),
    "identified_revenue_share": Metric(
        name=N_("Identified share of revenue"),
        formula=N_("Share of the period's net order revenue whose customer is known."),
        numerator=N_("net order revenue with a known customer"),
        denominator=N_("net order revenue"),
        unit="share",
        digits=6,
        direction="up",
    ),
    "cohort_retention": Metric(
        name=N_("Cohort retention"),
        formula=N_(
            "Share of the customers who joined in a month that have an order date in the month"
            " that many months later. A month that has not ended is blank, never 0."
        ),
        numerator=N_("customers of the cohort with an order date at that age"),
        denominator=N_("customers of the cohort"),
        unit="share",
        digits=6,
        direction="up",
    ),
    "buyers": Metric(
        name=N_("Buyers"),
        formula=N_("Known customers with at least one order date in the period."),
        numerator=N_("customers"),
        denominator="",
        unit="count",
        digits=0,
        direction="up",
    ),
    "orders": Metric(
        name=N_("Orders"),
        formula=N_("Orders that count, with and without a known customer."),
        numerator=N_("orders"),
        denominator="",
        unit="count",
        digits=0,
        direction="up",
    ),
    "net_revenue": Metric(
        name=N_("Net revenue"),
        formula=N_("Revenue of identified customers after refunds and returns."),
        numerator=N_("money"),
        denominator="",
        unit="money",
        digits=2,
        direction="up",
    ),
    "gross_revenue": Metric(
        name=N_("Gross revenue"),
        formula=N_("Revenue of identified customers before refunds and returns."),
        numerator=N_("money"),
        denominator="",
        unit="money",
        digits=2,
    ),
    "customers": Metric(
        name=N_("Customers"),
        formula=N_("Known customers with at least one order date."),
        numerator=N_("customers"),
        denominator="",
        unit="count",
        digits=0,
    ),
    "rows": Metric(
        name=N_("Source rows"),
        formula=N_("Rows of the source files, by table, outcome and reason."),
        numerator=N_("rows"),
        denominator="",
        unit="count",
        digits=0,
    ),
    "rows_without_customer": Metric(
        name=N_("Source rows without a customer"),
        formula=N_("Rows of the order files whose customer is empty."),
        numerator=N_("rows"),
        denominator="",
        unit="count",
        digits=0,
    ),
    "rows_of_returns": Metric(
        name=N_("Source rows of returns and cancellations"),
        formula=N_("Rows of the order files that are returns or cancellations."),
        numerator=N_("rows"),
        denominator="",
        unit="count",
        digits=0,
    ),
    "repeat_order_share": Metric(
        name=N_("Repeat share of orders"),
        formula=N_(
            "Orders that are not a customer's first one, divided by the orders of known customers;"
            " a second order on the same day counts as a repeat order here."
        ),
        numerator=N_("orders after the first"),
        denominator=N_("orders of known customers"),
        unit="share",
        digits=6,
        direction="up",
    ),
    "repeat_margin_share": Metric(
        name=N_("Repeat share of margin"),
        formula=N_(
            "Net margin of orders that are not a customer's first order date, divided by the net"
            " margin of identified customers."
        ),
        numerator=N_("net margin after the first order date"),
        denominator=N_("net margin of identified customers"),
        unit="share",
        digits=6,
        direction="up",
    ),
    "definitions_agreeing": Metric(
        name=N_("Definitions that agree"),
        formula=N_(
            "Of the definitions of coming back whose change can be computed, the share whose change"
            " has the sign of the printed one."
        ),
        numerator=N_("definitions whose change has the same sign"),
        denominator=N_("definitions whose change can be computed"),
        unit="share",
        digits=6,
    ),
    "due_customers": Metric(
        name=N_("Customers due"),
        formula=N_(
            "Customers whose expected order date lies before the period's end or within the days"
            " after it that the lists look ahead."
        ),
        numerator=N_("customers"),
        denominator="",
        unit="count",
        digits=0,
    ),
    "due_margin": Metric(
        name=N_("Margin at stake of customers due"),
        formula=N_("What the next order of each would bring, were it certain to come."),
        numerator=N_("money"),
        denominator="",
        unit="money",
        digits=2,
    ),
    "list_order_share": Metric(
        name=N_("Ordered after the list"),
        formula=N_("Share of those due a period ago who have an order date in this period."),
        numerator=N_("customers with an order date in the period"),
        denominator=N_("customers due a period ago"),
        unit="share",
        digits=6,
        direction="up",
    ),
    "list_effect": Metric(
        name=N_("What being on a list brings"),
        formula=N_(
            "Ordered after the list: customers on the lists less customers withheld by chance."
        ),
        numerator="",
        denominator="",
        unit="share",
        digits=6,
        direction="up",
    ),
    "list_rows": Metric(
        name=N_("Rows of returned lists"),
        formula=N_("Customers in the lists that came back for the period before."),
        numerator=N_("customers"),
        denominator="",
        unit="count",
        digits=0,
    ),
    "bridge_customers": Metric(
        name=N_("Customer bridge"),
        formula=N_(
            "Customers active before, plus new, plus reactivated, less lapsed, are those active"
            " now. One is active while the last order date lies within the activity window; new:"
            " the first order date lies since then; reactivated: an earlier customer who was not"
            " active then; lapsed: active then, not now."
        ),
        numerator=N_("customers"),
        denominator="",
        unit="count",
        digits=0,
    ),
    "bridge_money": Metric(
        name=N_("Money bridge"),
        formula=N_(
            "Net margin of identified customers (revenue where margin is not known) of the earlier"
            " window, less that of who did not buy again, plus that of new and returning customers,"
            " plus the change of those who bought in both, is that of the period."
        ),
        numerator=N_("money"),
        denominator="",
        unit="money",
        digits=2,
    ),
    "lapsed_customers": Metric(
        name=N_("Lapsed customers"),
        formula=N_(
            "Customers active at the period's start whose last order date has left the activity"
            " window by its end."
        ),
        numerator=N_("customers"),
        denominator=N_("customers at the start (S)"),
        unit="count",
        digits=0,
        direction="down",
    ),
    "lapsed_money": Metric(
        name=N_("Last year's money of lapsed customers"),
        formula=N_(
            "What the customers who lapsed in the period brought in the 365 days up to their last"
            " order date, after returns. It is not what they would have brought, nor what the"
            " period cost."
        ),
        numerator=N_("money"),
        denominator="",
        unit="money",
        digits=2,
        direction="down",
    ),
    "mix_part": Metric(
        name=N_("Change by mix"),
        formula=N_(
            "The part of the change of the returning-buyer share that comes from other shares of"
            " the stores, channels or segments among the buyers (midpoint weights). A buyer counts"
            " where the first order date in the window was."
        ),
        numerator=N_("percentage points"),
        denominator="",
        unit="share",
        digits=6,
    ),
    "rate_part": Metric(
        name=N_("Change by rate"),
        formula=N_(
            "The part of the change of the returning-buyer share that comes from other returning"
            " shares within the stores, channels or segments (midpoint weights)."
        ),
        numerator=N_("percentage points"),
        denominator="",
        unit="share",
        digits=6,
    ),
    "change_part": Metric(
        name=N_("Part of the change"),
        formula=N_(
            "What one store, channel or segment adds to the change of the returning-buyer share,"
            " mix and rate together; the parts of a cut add up to the change."
        ),
        numerator=N_("percentage points"),
        denominator="",
        unit="share",
        digits=6,
    ),
    "sign_disagreement": Metric(
        name=N_("Total and rate disagree"),
        formula=N_(
            "1 where the returning shares within a cut's parts moved against the total change,"
            " detectably among all cuts looked at; else 0."
        ),
        numerator=N_("cuts"),
        denominator="",
        unit="count",
        digits=0,
    ),
    "unexplained_money": Metric(
        name=N_("Unexplained money"),
        formula=N_("The finance total less everything that the bridge explains."),
        numerator=N_("money"),
        denominator="",
        unit="money",
        digits=2,
    ),
}


def metric(name: str) -> Metric:
    """The definition; KeyError names what is missing, since only code asks."""
    return METRICS[name]
