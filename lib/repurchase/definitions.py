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


def _next_order(days: int) -> Metric:
    return Metric(
        name={
            30: N_("Next order within 30 days"),
            60: N_("Next order within 60 days"),
            90: N_("Next order within 90 days"),
            180: N_("Next order within 180 days"),
        }[days],
        formula=N_(
            "Probability of another order date within the stated days of the n-th, Kaplan-Meier"
            " over the n-th order dates of the trailing window that are old enough to have ripened."
        ),
        numerator=N_("customers with a next order date within the stated days"),
        denominator=N_("customers whose n-th order date lies in the ripened window"),
        unit="share",
        digits=6,
        direction="up",
    )


def _order_gap(name: str, formula: str) -> Metric:
    return Metric(
        name=name,
        formula=formula,
        numerator=N_("customers seen to come back"),
        denominator=N_("customers with that order date in the last two years"),
        unit="days",
        digits=1,
    )


def _newcomer(name: str, formula: str, money: str) -> Metric:
    return Metric(
        name=name,
        formula=formula,
        numerator=money,
        denominator=N_("newcomers who have reached that age"),
        unit="money",
        digits=2,
        direction="up",
    )


def _customers_of(name: str, formula: str) -> Metric:
    return Metric(name, formula, N_("customers"), "", "count", 0)


def _money_of(name: str, formula: str) -> Metric:
    return Metric(name, formula, N_("money"), "", "money", 2)


def _buying(name: str, formula: str) -> Metric:
    return Metric(
        name, formula, N_("customers with an order date in the period"),
        N_("customers in it at the previous period's end"), "share", 6, "up",
    )  # fmt: skip


def _again(days: int, *, same: bool) -> Metric:
    names = {
        (90, True): N_("Same product again within 90 days"),
        (180, True): N_("Same product again within 180 days"),
        (90, False): N_("Anything again within 90 days"),
        (180, False): N_("Anything again within 180 days"),
    }
    return Metric(
        name=names[days, same],
        formula=N_(
            "Of the buyers of a product or category, the share who buy it, or anything, on a later"
            " day within the stated days; only of purchases old enough to have had them."
        ),
        numerator=N_("buyers who bought again"),
        denominator=N_("buyers of the product or category"),
        unit="share",
        digits=6,
        direction="up",
    )


def _forecast(name: str, formula: str, unit: Unit) -> Metric:
    digits = 2 if unit == "money" else 1
    return Metric(name, formula, "", N_("customers"), unit, digits, "up")


def _warning(name: str, formula: str) -> Metric:
    return Metric(name, formula, "", N_("customers and dates"), "ratio", 4)


def _tiering(name: str, formula: str) -> Metric:
    return Metric(name, formula, "", N_("customers with a tier"), "ratio", 4, "up")


def _arrival(name: str, formula: str) -> Metric:
    return Metric(name, formula, "", N_("rows with a time of loading"), "days", 1, "down")


def _contact_count(name: str, formula: str, of: str) -> Metric:
    return Metric(name, formula, N_("customers or contacts"), of, "count", 0, "down")


def _answered(name: str, formula: str, numerator: str, of: str, direction: Direction) -> Metric:
    return Metric(name, formula, numerator, of, "share", 6, direction)


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
            "How many of the definitions of coming back whose change can be computed show a change"
            " of the printed one's sign."
        ),
        numerator=N_("definitions whose change has the same sign"),
        denominator=N_("definitions whose change can be computed"),
        unit="share",
        digits=6,
    ),
    "typical_gap": Metric(
        name=N_("Typical days between orders"),
        formula=N_(
            "Median days between two order dates of a typical customer who comes back, the gap"
            " that has not ended counted as longer than it is by now."
        ),
        numerator="",
        denominator="",
        unit="days",
        digits=2,
    ),
    "never_returns": Metric(
        name=N_("Never to return"),
        formula=N_("Share of customers who do not come back after an order date, by own rhythm."),
        numerator="",
        denominator="",
        unit="share",
        digits=6,
        direction="down",
    ),
    "interval_coverage": Metric(
        name=N_("Next order within its 80% interval"),
        formula=N_(
            "Of the customers who came since the day of the test, the share whose order date lies"
            " in the 80% interval that was predicted on that day."
        ),
        numerator=N_("customers whose order date lies in the interval"),
        denominator=N_("customers who came"),
        unit="share",
        digits=6,
    ),
    "came_back": Metric(
        name=N_("Came since the day of the test"),
        formula=N_("Share of the customers known on the day of the test who have ordered since."),
        numerator=N_("customers who came"),
        denominator=N_("customers known on that day"),
        unit="share",
        digits=6,
    ),
    "came_back_expected": Metric(
        name=N_("Expected to come, on the day of the test"),
        formula=N_("Mean probability to order within the test, predicted on its first day."),
        numerator="",
        denominator=N_("customers known on that day"),
        unit="share",
        digits=6,
    ),
    "never_again": Metric(
        name=N_("Never to order again"),
        formula=N_(
            "Mean over all customers of the probability that no order comes any more, by own"
            " rhythm and the days since the last order. It reads further than the data reach."
        ),
        numerator="",
        denominator=N_("customers"),
        unit="share",
        digits=6,
        direction="down",
    ),
    "predicted_purchases": _forecast(
        N_("Expected purchases of the next twelve months"),
        N_(
            "Order dates to be expected of today's customers in the next 365 days, BG/NBD."
            " Newcomers are not in it."
        ),
        "count",
    ),
    "predicted_revenue": _forecast(
        N_("Expected revenue of the next twelve months"),
        N_(
            "Net revenue to be expected of today's customers in the next 365 days, BG/NBD times"
            " Gamma-Gamma, discounted as the profile says. Newcomers are not in it."
        ),
        "money",
    ),
    "predicted_margin": _forecast(
        N_("Expected margin of the next twelve months"),
        N_("Expected revenue times the margin rate of repeat orders of the last 365 days."),
        "money",
    ),
    "predicted_revenue_per_customer": _forecast(
        N_("Expected revenue a customer"),
        N_("Expected revenue of the next twelve months divided by today's customers."),
        "money",
    ),
    "predicted_margin_per_customer": _forecast(
        N_("Expected margin a customer"),
        N_("Expected margin of the next twelve months divided by today's customers."),
        "money",
    ),
    "repeat_margin_rate": Metric(
        name=N_("Margin rate of repeat orders"),
        formula=N_(
            "Margin divided by net revenue of order dates after a customer's first in the last 365"
            " days, where both are known; the interval is over customers."
        ),
        numerator=N_("margin"),
        denominator=N_("customers with such an order date"),
        unit="share",
        digits=6,
        direction="up",
    ),
    "spend_correlation": Metric(
        name=N_("Correlation of frequency and spend"),
        formula=N_(
            "Pearson's correlation between the number of repeat order dates of a customer and the"
            " mean spend at them: Gamma-Gamma takes it to be 0."
        ),
        numerator="",
        denominator=N_("customers with a repeat order date"),
        unit="ratio",
        digits=4,
    ),
    "spend_left_out": Metric(
        name=N_("Left out of the model of spend"),
        formula=N_("Customers whose mean spend at repeat orders is not above nought."),
        numerator=N_("customers"),
        denominator="",
        unit="count",
        digits=0,
    ),
    "tested_purchases": _forecast(
        N_("Purchases in the back-test"),
        N_(
            "What was forecast on an earlier day for the customers of that day, and what they did"
            " since."
        ),
        "count",
    ),
    "tested_revenue": _forecast(
        N_("Revenue in the back-test"),
        N_(
            "What was forecast on an earlier day for the customers of that day, and what they spent"
            " since."
        ),
        "money",
    ),
    "forecast_error": Metric(
        name=N_("Error of the forecast in its back-test"),
        formula=N_("What was forecast divided by what came, less 1."),
        numerator=N_("what was forecast"),
        denominator=N_("what came"),
        unit="ratio",
        digits=6,
    ),
    "warning_auc": _warning(
        N_("How well a score orders customers (AUC)"),
        N_(
            "Of pairs of active customers of whom one orders within 90 days and one does not, the"
            " share that the score orders rightly; mean over several dates. 0.5 is a coin."
        ),
    ),
    "warning_gain": _warning(
        N_("AUC over that of recency"),
        N_("Difference of both on the same customers and dates, paired (DeLong)."),
    ),
    "warning_lift": _warning(
        N_("Lift of the tenth most at risk"),
        N_(
            "Share without an order within 90 days among the tenth most at risk, divided by that of"
            " all, on the latest date tested."
        ),
    ),
    "warning_used": Metric(
        name=N_("Score that orders the warnings"),
        formula=N_(
            "The score with the highest AUC of those that beat recency by more than chance; recency"
            " where none does."
        ),
        numerator="",
        denominator="",
        unit="count",
        digits=0,
    ),
    "at_risk_customers": _customers_of(
        N_("Customers at risk"),
        N_(
            "Active customers with two or more order dates who are later than nine of ten own gaps."
        ),
    ),
    "at_risk_revenue": _money_of(
        N_("Revenue at risk"), N_("Net revenue of the stretch of the customers at risk.")
    ),
    "at_risk_margin": _money_of(
        N_("Margin at risk"), N_("Margin of the stretch of the customers at risk.")
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
    "due_revenue": Metric(
        name=N_("Net revenue at stake of customers due"),
        formula=N_("What an order of each brings, times the chance of one within a year."),
        numerator=N_("money"),
        denominator="",
        unit="money",
        digits=2,
    ),
    "due_margin": Metric(
        name=N_("Margin at stake of customers due"),
        formula=N_("What an order of each brings, times the chance of one within a year."),
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
    "trial_margin": Metric(
        name=N_("Margin a customer, arm less control"),
        formula=N_(
            "Margin after discounts of an arm less that of the control, a randomised "
            "customer, days 0 to horizon - 1 after assignment; adjusted by what was bought "
            "before (CUPED)."
        ),
        numerator="",
        denominator=N_("randomised customers of both arms, ripe for the horizon"),
        unit="money",
        digits=4,
        direction="up",
    ),
    "trial_revenue": Metric(
        name=N_("Net revenue a customer, arm less control"),
        formula=N_(
            "Net revenue of an arm less that of the control, a randomised customer, days 0 to "
            "horizon - 1 after assignment; adjusted by what was bought before (CUPED)."
        ),
        numerator="",
        denominator=N_("randomised customers of both arms, ripe for the horizon"),
        unit="money",
        digits=4,
        direction="up",
    ),
    "trial_repurchase": Metric(
        name=N_("Share who ordered, arm less control"),
        formula=N_(
            "Share with an order date of an arm less that of the control, a randomised "
            "customer, days 0 to horizon - 1 after assignment; adjusted by what was bought "
            "before (CUPED)."
        ),
        numerator="",
        denominator=N_("randomised customers of both arms, ripe for the horizon"),
        unit="share",
        digits=6,
        direction="up",
    ),
    "trial_orders": Metric(
        name=N_("Order dates a customer, arm less control"),
        formula=N_(
            "Order dates of an arm less that of the control, a randomised customer, days 0 to "
            "horizon - 1 after assignment; adjusted by what was bought before (CUPED)."
        ),
        numerator="",
        denominator=N_("randomised customers of both arms, ripe for the horizon"),
        unit="ratio",
        digits=6,
        direction="up",
    ),
    "trial_average_order": Metric(
        name=N_("Average order, arm less control"),
        formula=N_(
            "Net revenue an order date of an arm less that of the control, by the delta "
            "method."
        ),
        numerator="",
        denominator=N_("randomised customers of both arms, ripe for the horizon"),
        unit="money",
        digits=4,
        direction="none",
    ),
    "trial_opt_out": Metric(
        name=N_("Share who opted out, arm less control"),
        formula=N_(
            "Share that unsubscribed from a channel within the horizon, of an arm less that "
            "of the control."
        ),
        numerator="",
        denominator=N_("randomised customers of both arms, ripe for the horizon"),
        unit="share",
        digits=6,
        direction="down",
    ),
    "trial_complaint": Metric(
        name=N_("Complaints an order, arm less control"),
        formula=N_(
            "Tickets opened an order date within the horizon, of an arm less that of the "
            "control, by the delta method."
        ),
        numerator="",
        denominator=N_("randomised customers of both arms, ripe for the horizon"),
        unit="ratio",
        digits=6,
        direction="down",
    ),
    "trial_money": Metric(
        name=N_("A money column of a test, arm less control"),
        formula=N_(
            "Mean of the column that the plan names, of an arm less that of the control."
        ),
        numerator="",
        denominator=N_("randomised customers of both arms, ripe for the horizon"),
        unit="money",
        digits=6,
        direction="up",
    ),
    "trial_share": Metric(
        name=N_("A yes-or-no column of a test, arm less control"),
        formula=N_(
            "Share of yes in the column that the plan names, of an arm less that of the "
            "control."
        ),
        numerator="",
        denominator=N_("randomised customers of both arms, ripe for the horizon"),
        unit="share",
        digits=6,
        direction="up",
    ),
    "trial_count": Metric(
        name=N_("A count column of a test, arm less control"),
        formula=N_(
            "Mean of the column that the plan names, of an arm less that of the control."
        ),
        numerator="",
        denominator=N_("randomised customers of both arms, ripe for the horizon"),
        unit="ratio",
        digits=6,
        direction="up",
    ),
    "trial_split": Metric(
        name=N_("Chance of the split"),
        formula=N_(
            "p-value of the split of customers over the arms against the planned shares "
            "(chi-square); below .001 the experiment is broken."
        ),
        numerator="",
        denominator=N_("randomised customers"),
        unit="score",
        digits=6,
        direction="none",
    ),
    "trial_look": Metric(
        name=N_("p-value of one look"),
        formula=N_(
            "p-value of no difference that is valid at every look (mixture sequential test), as "
            "the review of this period saw it."
        ),
        numerator="",
        denominator=N_("randomised customers of both arms, ripe for the horizon"),
        unit="score",
        digits=6,
        direction="none",
    ),
    "trial_looks": Metric(
        name=N_("Looks at a test"),
        formula=N_(
            "Readings of a test that went out in signed reviews, and this one; the same data "
            "count once a period."
        ),
        numerator=N_("looks"),
        denominator="",
        unit="count",
        digits=0,
        direction="none",
    ),
    "trial_looks_p": Metric(
        name=N_("p-value over all looks"),
        formula=N_("The smallest p-value of the looks at one test, each valid at every look."),
        numerator="",
        denominator=N_("randomised customers of both arms, ripe for the horizon"),
        unit="score",
        digits=6,
        direction="none",
    ),
    "trial_claimed": Metric(
        name=N_("Lift claimed when it was decided"),
        formula=N_("The lift a customer that the decision's record names, as claimed then."),
        numerator="",
        denominator="",
        unit="money",
        digits=4,
        direction="up",
    ),
    "trial_shrunk": Metric(
        name=N_("Lift drawn towards all tests"),
        formula=N_(
            "The difference of an arm drawn towards the mean of all tests of the same figure and "
            "horizon, as far as it is uncertain (empirical Bayes), net of the arm's cost."
        ),
        numerator="",
        denominator=N_("randomised customers of both arms, ripe for the horizon"),
        unit="money",
        digits=4,
        direction="up",
    ),
    "trial_yearly": Metric(
        name=N_("Yearly value of what was adopted"),
        formula=N_(
            "Lift a customer, net of the arm's cost, times the customers of a year, over all "
            "arms that were adopted: as claimed, as read now at the longest horizon that is "
            "ripe, or drawn towards all tests."
        ),
        numerator="",
        denominator=N_("tests adopted"),
        unit="money",
        digits=2,
        direction="up",
    ),
    "trial_cost": Metric(
        name=N_("Cost of the year's tests"),
        formula=N_("What a customer in an arm costs by the plan, times the customers in it."),
        numerator="",
        denominator=N_("customers in the year's tests"),
        unit="money",
        digits=2,
        direction="down",
    ),
    "trial_tests": Metric(
        name=N_("Tests of the year"),
        formula=N_("Tests that ran or were decided in the twelve months, by what became of them."),
        numerator=N_("tests"),
        denominator="",
        unit="count",
        digits=0,
        direction="none",
    ),
    "roi_effect": Metric(
        name=N_("Effect of an initiative, a customer and period"),
        formula=N_(
            "Margin or revenue of repeat order dates that a treated customer brought in a "
            "month (or week) more than without the initiative, by the comparison that is "
            "named, at equal time since a customer's first order; the first two compare the "
            "treated with themselves and are changes. Orders in the month (or week) of the first "
            "order are not counted."
        ),
        numerator="",
        denominator=N_("treated customers times periods after the ramp-up"),
        unit="money",
        digits=4,
        direction="up",
    ),
    "roi_effect_orders": Metric(
        name=N_("Effect of an initiative on repeat orders"),
        formula=N_(
            "Repeat order dates a treated customer and month (or week) more than without "
            "the initiative, by the comparison that is named, at equal time since a customer's "
            "first order."
        ),
        numerator="",
        denominator=N_("treated customers times periods after the ramp-up"),
        unit="ratio",
        digits=6,
        direction="up",
    ),
    "roi_incremental": Metric(
        name=N_("Margin that an initiative brought"),
        formula=N_(
            "Effect a customer and period times the treated customers and periods after the "
            "ramp-up, the period of a first order not among them."
        ),
        numerator="",
        denominator="",
        unit="money",
        digits=2,
        direction="up",
    ),
    "roi_cost": Metric(
        name=N_("Cost of an initiative"),
        formula=N_(
            "All costs from the first day to the last day that is counted: one-off and "
            "running, booked or planned."
        ),
        numerator=N_("money"),
        denominator="",
        unit="money",
        digits=2,
        direction="down",
    ),
    "roi_net": Metric(
        name=N_("Net value of an initiative"),
        formula=N_(
            "What the initiative brought, less its cost, up to the last day that is counted. What"
            " other customers bought less through it is not measured."
        ),
        numerator="",
        denominator="",
        unit="money",
        digits=2,
        direction="up",
    ),
    "roi_ratio": Metric(
        name=N_("ROI of an initiative"),
        formula=N_(
            "Net value divided by cost, up to the last day that is counted."
        ),
        numerator=N_("net value"),
        denominator=N_("cost"),
        unit="ratio",
        digits=4,
        direction="up",
    ),
    "roi_npv": Metric(
        name=N_("Present value of an initiative"),
        formula=N_(
            "Net cash of all months of the horizon, discounted to the go-live by the profile's "
            "annual_discount; without one nothing is discounted."
        ),
        numerator="",
        denominator="",
        unit="money",
        digits=2,
        direction="up",
    ),
    "roi_break_even_share": Metric(
        name=N_("Break-even share"),
        formula=N_(
            "What part of the change that is seen the initiative must have caused to have "
            "paid its cost so far."
        ),
        numerator=N_("cost"),
        denominator=N_("worth of the change"),
        unit="ratio",
        digits=4,
        direction="down",
    ),
    "roi_payback": Metric(
        name=N_("Payback of an initiative, months"),
        formula=N_(
            "Months from the first cost until what it brought has paid all costs."
        ),
        numerator="",
        denominator="",
        unit="ratio",
        digits=2,
        direction="down",
    ),
    "roi_chance": Metric(
        name=N_("Chance that an initiative has paid"),
        formula=N_(
            "Share of the draws of effect, margin, persistence and cost in which the ROI is "
            "above 0."
        ),
        numerator=N_("draws above 0"),
        denominator=N_("draws"),
        unit="ratio",
        digits=6,
        direction="up",
    ),
    "initiative_share": Metric(
        name=N_("Before and after, a share"),
        formula=N_(
            "A share of the treated or of the others, in the window that is named, or its "
            "change."
        ),
        numerator="",
        denominator="",
        unit="share",
        digits=6,
        direction="none",
    ),
    "initiative_money": Metric(
        name=N_("Before and after, an amount"),
        formula=N_(
            "An amount of the treated or of the others, in the window that is named, or its "
            "change."
        ),
        numerator="",
        denominator="",
        unit="money",
        digits=4,
        direction="none",
    ),
    "initiative_orders": Metric(
        name=N_("Before and after, order dates"),
        formula=N_(
            "Repeat order dates a customer and month of the treated or of the others, in "
            "the window that is named, or its change."
        ),
        numerator="",
        denominator="",
        unit="ratio",
        digits=6,
        direction="up",
    ),
    "initiative_score": Metric(
        name=N_("Before and after, a score"),
        formula=N_(
            "Net promoter score, or the mean score, of the treated or of the others, in the "
            "window that is named, or its change."
        ),
        numerator="",
        denominator="",
        unit="score",
        digits=4,
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
    "step_conversion": Metric(
        name=N_("Conversion of a step"),
        formula=N_(
            "Customers who took the step within the conversion window of their entry / those who"
            " reached the step before; of the period's contact window. Step end: from entry to the"
            " last step that is an order."
        ),
        numerator=N_("customers who took the step"),
        denominator=N_("customers who reached it"),
        unit="share",
        digits=6,
        direction="up",
    ),
    "step_level": Metric(
        name=N_("Own level of a step"),
        formula=N_(
            "The same over the six contact windows before, together; a customer may be in several"
            " of them."
        ),
        numerator=N_("customers who took the step"),
        denominator=N_("customers who reached it"),
        unit="share",
        digits=6,
        direction="up",
    ),
    "step_customers": Metric(
        name=N_("Customers at a step"),
        formula=N_("Customers of the period's contact window who reached the step."),
        numerator=N_("customers"),
        denominator="",
        unit="count",
        digits=0,
        direction="up",
    ),
    "step_waiting": Metric(
        name=N_("Customers who cannot be read yet"),
        formula=N_(
            "Customers who entered the funnel so late that their conversion window is still open."
        ),
        numerator=N_("customers"),
        denominator="",
        unit="count",
        digits=0,
    ),
    "step_gap": Metric(
        name=N_("Distance to the best label"),
        formula=N_(
            "Conversion of a step of a label less that of the label of the same cut that converted"
            " best in the six windows before; both of the period's contact window."
        ),
        numerator=N_("percentage points"),
        denominator="",
        unit="share",
        digits=6,
        direction="up",
    ),
    **{
        f"step_days_{name}": Metric(
            name=title,
            formula=formula,
            numerator=N_("customers who took the step"),
            denominator=N_("customers who reached it"),
            unit="days",
            digits=1,
        )
        for name, title, formula in (
            (
                "median",
                N_("Time to step, median"),
                N_(
                    "Days after the step before by which half of those have taken the step who"
                    " take it within the window; Kaplan-Meier."
                ),
            ),
            (
                "p90",
                N_("Time to step, nine in ten"),
                N_(
                    "Days after the step before by which 90% of those have taken the step who"
                    " take it within the window; Kaplan-Meier."
                ),
            ),
        )
    },
    "leak_customers": Metric(
        name=N_("Repurchases a month that a leak costs"),
        formula=N_(
            "Conversions of the period's contact window that are missing against the step's own"
            " level of the six windows before, as far as neither the other labels of the cut nor a"
            " year ago explain them, times the later steps' level up to the repurchase; a month."
        ),
        numerator=N_("customers"),
        denominator="",
        unit="count",
        digits=2,
        direction="down",
    ),
    "leak_money": Metric(
        name=N_("Money a month that a leak costs"),
        formula=N_(
            "The repurchases a month that a leak costs, times the mean margin (net revenue where"
            " the margin is not known) of an order date after the first in the year up to the"
            " period's end."
        ),
        numerator=N_("money"),
        denominator="",
        unit="money",
        digits=2,
        direction="down",
    ),
    "leak_conversion": Metric(
        name=N_("Conversion where it leaks"),
        formula=N_(
            "Customers of the period's contact window who took the step / those who reached it."
        ),
        numerator=N_("customers who took the step"),
        denominator=N_("customers who reached it"),
        unit="share",
        digits=6,
        direction="up",
    ),
    "leak_level": Metric(
        name=N_("Conversion before it leaked"),
        formula=N_("The same over the six contact windows before, together."),
        numerator=N_("customers who took the step"),
        denominator=N_("customers who reached it"),
        unit="share",
        digits=6,
        direction="up",
    ),
    "leak_places": Metric(
        name=N_("Places looked at for leaks"),
        formula=N_(
            "Steps, for all and for each label of each cut, with enough contact windows and"
            " conversions to tell a fall from chance."
        ),
        numerator=N_("places judged"),
        denominator=N_("places"),
        unit="count",
        digits=0,
    ),
    "former_leak": Metric(
        name=N_("What is left of last period's leak"),
        formula=N_(
            "Share of the conversions of this contact window that are still missing against the"
            " level from which the step fell a period ago."
        ),
        numerator=N_("conversions missing"),
        denominator=N_("conversions at the level"),
        unit="share",
        digits=6,
        direction="down",
    ),
    "end_customers": Metric(
        name=N_("Customers who came to the repurchase"),
        formula=N_(
            "Customers of the period's contact window who reached the funnel's last step that is an"
            " order; its last step where none is."
        ),
        numerator=N_("customers"),
        denominator="",
        unit="count",
        digits=0,
        direction="up",
    ),
    "end_part": Metric(
        name=N_("Part of a step in the change of the end result"),
        formula=N_(
            "How many customers more or fewer came to the end because of that factor: who entered"
            " (factor 0) or the conversion of step k (factor k); its Shapley value. The parts add"
            " up to the change."
        ),
        numerator=N_("customers"),
        denominator="",
        unit="count",
        digits=2,
        direction="up",
    ),
    "step_mix_part": Metric(
        name=N_("Change of a step by mix"),
        formula=N_(
            "The part of the change of a step's conversion that comes from other shares of the"
            " labels among those who reached it (midpoint weights)."
        ),
        numerator=N_("percentage points"),
        denominator="",
        unit="share",
        digits=6,
    ),
    "step_rate_part": Metric(
        name=N_("Change of a step by rate"),
        formula=N_(
            "The part of the change of a step's conversion that comes from other conversions within"
            " the labels (midpoint weights)."
        ),
        numerator=N_("percentage points"),
        denominator="",
        unit="share",
        digits=6,
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
    **{f"next_order_{days}d": _next_order(days) for days in (30, 60, 90, 180)},
    "order_gap_median": _order_gap(
        N_("Time to the next order, median"),
        N_("Days within which half of those who come back within a year are back, Kaplan-Meier."),
    ),
    "order_gap_p10": _order_gap(
        N_("Time to the next order, first tenth"),
        N_("Days within which 10% of those who come back within a year are back, Kaplan-Meier."),
    ),
    "order_gap_p90": _order_gap(
        N_("Time to the next order, nine tenths"),
        N_("Days within which 90% of those who come back within a year are back, Kaplan-Meier."),
    ),
    "typical_cycle": Metric(
        name=N_("Typical cycle"),
        formula=N_(
            "Median, over customers of the activity window with at least three order dates, of"
            " each one's own median days between order dates."
        ),
        numerator="",
        denominator=N_("customers of the activity window with at least three order dates"),
        unit="days",
        digits=1,
    ),
    "average_order": Metric(
        name=N_("Average order"),
        formula=N_("Net revenue divided by order dates, by the rank of the order date."),
        numerator=N_("net revenue"),
        denominator=N_("order dates"),
        unit="money",
        digits=2,
        direction="up",
    ),
    "average_order_margin": Metric(
        name=N_("Average margin an order"),
        formula=N_("Margin divided by order dates, by the rank of the order date."),
        numerator=N_("margin"),
        denominator=N_("order dates"),
        unit="money",
        digits=2,
        direction="up",
    ),
    "average_order_first": Metric(
        name=N_("First order of the same customers"),
        formula=N_("What the first order date of the customers with that order date brought."),
        numerator=N_("net revenue of their first order dates"),
        denominator=N_("order dates"),
        unit="money",
        digits=2,
    ),
    "average_order_gain": Metric(
        name=N_("Order against the same customer's first"),
        formula=N_("Net revenue of the order date less that of the customer's first one."),
        numerator=N_("difference in net revenue"),
        denominator=N_("order dates"),
        unit="money",
        digits=2,
        direction="up",
    ),
    "churn_rate": Metric(
        name=N_("Churn by activity window"),
        formula=N_(
            "1 - retention: customers at the start whose last order date is no longer in the"
            " activity window at the end, divided by customers at the start."
        ),
        numerator=N_("customers at the start who are none at the end"),
        denominator=N_("customers at the start (S)"),
        unit="share",
        digits=6,
        direction="down",
    ),
    "overdue_share": Metric(
        name=N_("Churn by own rhythm"),
        formula=N_(
            "Share of the activity window's customers with at least three order dates who have"
            " been silent for longer than a multiple (churn_gap_factor) of their own median gap."
        ),
        numerator=N_("customers silent for longer"),
        denominator=N_("customers of the activity window with at least three order dates"),
        unit="share",
        digits=6,
        direction="down",
    ),
    "overdue_returned": Metric(
        name=N_("Called silent a year ago, came back"),
        formula=N_(
            "Of the customers who were silent for longer than the multiple of their own median gap"
            " a year ago, the share who have ordered since."
        ),
        numerator=N_("of them, those who have ordered since"),
        denominator=N_("customers called silent a year ago"),
        unit="share",
        digits=6,
    ),
    "customers_without_rhythm": Metric(
        name=N_("Customers without a rhythm"),
        formula=N_("Customers of the activity window with fewer than three order dates."),
        numerator=N_("customers"),
        denominator="",
        unit="count",
        digits=0,
    ),
    "newcomer_margin": _newcomer(
        N_("Margin a newcomer"),
        N_("Margin of a newcomer's first 90 days, the first order date included."),
        N_("margin"),
    ),
    "newcomer_revenue": _newcomer(
        N_("Revenue a newcomer"),
        N_("Net revenue of a newcomer's first 90 days, the first order date included."),
        N_("net revenue"),
    ),
    "expected_repeat_revenue": Metric(
        name=N_("Expected repeat revenue"),
        formula=N_(
            "Net revenue that the customers of the period's end are expected to bring: customers by"
            " month of joining, times the last year's revenue a customer at that age, times the"
            " season of the same month a year ago; the interval from the errors of past forecasts."
        ),
        numerator=N_("what came, where it is known"),
        denominator=N_("past forecasts that have come due"),
        unit="money",
        digits=0,
        direction="up",
    ),
    "forecast_coverage": Metric(
        name=N_("Forecasts whose interval held"),
        formula=N_("Share of past forecasts whose interval, made then, held what came."),
        numerator=N_("forecasts that held what came"),
        denominator=N_("past forecasts with an interval that have come due"),
        unit="share",
        digits=6,
    ),
    "stage_customers": _customers_of(
        N_("Customers by stage"),
        N_(
            "Customers at the period's end by stage of life: new, growing (two or three order"
            " dates), loyal (four or more), at risk (late against the own rhythm), once only,"
            " lapsed (no order date within the stretch looked back over)."
        ),
    ),
    "stage_revenue": _money_of(
        N_("Net revenue by stage"),
        N_("Net revenue of the stretch before the period's end, by stage of the customer."),
    ),
    "stage_margin": _money_of(
        N_("Margin by stage"),
        N_("Net margin of the stretch before the period's end, by stage of the customer."),
    ),
    "stage_buying_share": _buying(
        N_("Buying share by stage"),
        N_(
            "Of the customers in the stage at the previous period's end, the share with an order"
            " date in the period."
        ),
    ),
    "stage_flow": _customers_of(
        N_("Moves between stages"),
        N_("Customers by their stage then and at the period's end."),
    ),
    "tier_customers": _customers_of(
        N_("Customers by tier"),
        N_(
            "Customers by the sum of three scores from 1 to 5: days since the last order, order"
            " dates and money of the stretch. High potential from 12, medium from 7, else low"
            " activity. The limits of the scores lie at fifths of the active customers; equal"
            " customers have equal scores."
        ),
    ),
    "tier_revenue": _money_of(
        N_("Net revenue by tier"),
        N_("Net revenue of the stretch before the period's end, by tier of the customer."),
    ),
    "tier_margin": _money_of(
        N_("Margin by tier"),
        N_("Net margin of the stretch before the period's end, by tier of the customer."),
    ),
    "tier_buying_share": _buying(
        N_("Buying share by tier"),
        N_(
            "Of the customers in the tier at the previous period's end, the share with an order"
            " date in the period."
        ),
    ),
    "tier_flow": _customers_of(
        N_("Moves between tiers"),
        N_("Customers by their tier then and at the period's end."),
    ),
    "flow_customers": _customers_of(
        N_("Customers who moved"),
        N_("Customers who moved between stages since the previous period's end, by move."),
    ),
    "flow_revenue": _money_of(
        N_("Net revenue of customers who moved"),
        N_(
            "Net revenue of those who moved: of the stretch before a loss, and of the stretch up to"
            " the period's end for a gain."
        ),
    ),
    "flow_margin": _money_of(
        N_("Margin of customers who moved"),
        N_(
            "Net margin of those who moved: of the stretch before a loss, and of the stretch up to"
            " the period's end for a gain."
        ),
    ),
    "slid_share": Metric(
        name=N_("Share that fell out of its rhythm"),
        formula=N_(
            "Of the customers who were growing or loyal at the previous period's end, the share who"
            " are late or lapsed at the period's end."
        ),
        numerator=N_("of them, those who are late or lapsed now"),
        denominator=N_("customers growing or loyal at the previous period's end"),
        unit="share",
        digits=6,
        direction="down",
    ),
    "customer_value": Metric(
        name=N_("Customer value so far"),
        formula=N_(
            "Mean over all customers up to the period's end, by definition: total net revenue;"
            " average order x frequency x lifetime less the acquisition cost (revenue, though"
            " called net); margin; margin less the acquisition cost. Returns of customers without a"
            " purchase in the data are left out."
        ),
        numerator=N_("money"),
        denominator=N_("customers"),
        unit="money",
        digits=2,
        direction="up",
    ),
    "average_order_history": Metric(
        name=N_("Average order, all history"),
        formula=N_("Net revenue of identified customers divided by their orders, all history."),
        numerator=N_("net revenue of identified customers"),
        denominator=N_("orders of known customers"),
        unit="money",
        digits=2,
    ),
    "order_frequency": Metric(
        name=N_("Orders a customer-year"),
        formula=N_(
            "Orders divided by customer-years. A customer's years run from the first order date"
            " until the activity window after the last has passed, or the period's end."
        ),
        numerator=N_("orders of known customers"),
        denominator=N_("customer-years"),
        unit="ratio",
        digits=4,
    ),
    "customer_years": Metric(
        name=N_("Lifetime so far"),
        formula=N_("Customer-years divided by customers; those still active are not at its end."),
        numerator=N_("customer-years"),
        denominator=N_("customers"),
        unit="ratio",
        digits=4,
    ),
    "acquisition_cost": Metric(
        name=N_("Acquisition cost"),
        formula=N_(
            "Costs of acquisition, advertising, campaigns and marketing in the twelve months up to"
            " the period's end, divided by the customers who joined in them. Counted as if these"
            " costs won new customers only: an upper bound."
        ),
        numerator=N_("money"),
        denominator=N_("customers who joined"),
        unit="money",
        digits=2,
        direction="down",
    ),
    "first_year_value": Metric(
        name=N_("Value of the first year"),
        formula=N_(
            "Mean money of the first 365 days, over customers who have had as many: the one figure"
            " in which groups of different age compare."
        ),
        numerator=N_("money"),
        denominator=N_("customers with a whole first year"),
        unit="money",
        digits=2,
        direction="up",
    ),
    "top_tenth_share": Metric(
        name=N_("Share of the best tenth"),
        formula=N_(
            "Share of the money of the stretch that came from the tenth of the active customers who"
            " brought most in it."
        ),
        numerator=N_("money of the best tenth"),
        denominator=N_("money of all active customers"),
        unit="share",
        digits=6,
    ),
    "former_top_tenth_share": Metric(
        name=N_("Share of last year's best tenth"),
        formula=N_(
            "Share of the money of the stretch that came from those who were the best tenth of the"
            " stretch a year earlier."
        ),
        numerator=N_("money of last year's best tenth"),
        denominator=N_("money of all active customers"),
        unit="share",
        digits=6,
    ),
    **{f"same_again_{days}d": _again(days, same=True) for days in (90, 180)},
    **{f"any_again_{days}d": _again(days, same=False) for days in (90, 180)},
    "new_products": Metric(
        name=N_("New products"),
        formula=N_("Products launched in the twelve months up to the period's end."),
        numerator=N_("products"),
        denominator="",
        unit="count",
        digits=0,
    ),
    "reachable_share": Metric(
        name=N_("Customers who can be contacted"),
        formula=N_(
            "Share of the customers (an order date in the activity window, no internal or test"
            " account) who have not opted out of the channel, whose last contacts on it did not all"
            " fail, and whose address is known where its column is named; without a channel: on at"
            " least one."
        ),
        numerator=N_("customers who can be contacted"),
        denominator=N_("customers with an order date in the activity window"),
        unit="share",
        digits=6,
        direction="up",
    ),
    "due_contacted_share": Metric(
        name=N_("Due customers who were contacted"),
        formula=N_(
            "Share of the customers due at the period's start, as the lists for sales have them,"
            " neither internal nor lapsed, who were contacted in the period on any channel."
        ),
        numerator=N_("due customers with a contact in the period"),
        denominator=N_("customers due at the period's start"),
        unit="share",
        digits=6,
        direction="up",
    ),
    "due_fate": Metric(
        name=N_("What became of the customers due"),
        formula=N_(
            "Customers due at the period's start by what became of them: contacted, contacted just"
            " before, out of reach, with an open complaint, withheld by chance, left."
        ),
        numerator=N_("customers"),
        denominator=N_("customers due at the period's start"),
        unit="count",
        digits=0,
    ),
    "tiering_auc": _tiering(
        N_("Tiers: AUC"),
        N_(
            "Of pairs of customers of whom one orders within 90 days and one does not, the share"
            " that the tiers in use put in the right order, ties half; DeLong's interval. Tiers as"
            " of today, customers as of 90 days before the period's end."
        ),
    ),
    "tiering_rfm_auc": _tiering(
        N_("RFM: AUC"),
        N_(
            "The same for the sum of the scores of recency, frequency and money, from what was"
            " known on the day, on the same customers."
        ),
    ),
    "tiering_gain": _tiering(
        N_("Tiers: AUC over RFM"),
        N_("AUC of the tiers in use less that of RFM, paired on the same customers (DeLong)."),
    ),
    "tiering_order_share": Metric(
        name=N_("Tiers: ordered within 90 days"),
        formula=N_("Share of the customers of a tier who ordered within 90 days of the day."),
        numerator=N_("customers with an order date within 90 days"),
        denominator=N_("customers of the tier"),
        unit="share",
        digits=6,
    ),
    "tiering_lift": _tiering(
        N_("Tiers: lift"),
        N_("That share of a tier over that of all customers with a tier."),
    ),
    "tiering_wrong": _customers_of(
        N_("Customers in the wrong tier"),
        N_(
            "Customers in a lower (higher) tier than recency, frequency and money could give"
            " them if"
            " the tiers kept their sizes; equal scores are right in each tier that a cut among them"
            " touches."
        ),
    ),
    **{
        f"tiering_wrong_{worth}": _money_of(
            name, N_("What those customers brought in the activity window.")
        )
        for worth, name in (
            ("margin", N_("Margin of customers in the wrong tier")),
            ("revenue", N_("Revenue of customers in the wrong tier")),
        )
    },
    "due_touched_share": Metric(
        name=N_("Customers on the lists touched in time"),
        formula=N_(
            "Share of the customers who were on a list for sales at the period's start whom a sales"
            " person contacted within the stated days of it; by the owner, or who served the last"
            " order, at that time."
        ),
        numerator=N_("customers on a list with a contact in time"),
        denominator=N_("customers on a list at the period's start"),
        unit="share",
        digits=6,
        direction="up",
    ),
    **{
        name: Metric(
            name=title,
            formula=formula,
            numerator="",
            denominator=N_("customers on the lists, or withheld from them"),
            unit="share",
            digits=6,
            direction="up",
        )
        for name, title, formula in (
            (
                "touch_difference",
                N_("Ordered: touched less not touched"),
                N_(
                    "Share who ordered after the days for a touch, of those on the lists who had"
                    " not"
                    " ordered by then: touched less not touched, within state and thirds of the"
                    " probability to order (Mantel-Haenszel). Observational: who is touched is"
                    " chosen."
                ),
            ),
            (
                "list_touch_gain",
                N_("Touched: on the lists less withheld"),
                N_(
                    "Share touched in time, of those on the lists less of those"
                    " withheld by chance."
                ),
            ),
            (
                "list_order_gain",
                N_("Ordered: on the lists less withheld"),
                N_(
                    "Share with an order in the period, of those on the lists less of those"
                    " withheld"
                    " by chance."
                ),
            ),
        )
    },
    "entered_late_share": Metric(
        name=N_("Entered late by sales people"),
        formula=N_(
            "Share of the contacts and orders of the period that name a sales person and"
            " were loaded"
            " later than the stated days after they happened; what has not arrived is not counted."
        ),
        numerator=N_("rows loaded late"),
        denominator=N_("rows that name a sales person and say when they were loaded"),
        unit="share",
        digits=6,
        direction="down",
    ),
    "promise_kept_share": Metric(
        name=N_("Promised follow-ups kept"),
        formula=N_(
            "Of the follow-ups that sales people promised for a day of the period, the share after"
            " which the customer was contacted up to the stated days after that day; those settled"
            " by an order or still open are not counted."
        ),
        numerator=N_("follow-ups kept"),
        denominator=N_("follow-ups kept or broken"),
        unit="share",
        digits=6,
        direction="up",
    ),
    "login_day_share": Metric(
        name=N_("Days with a login"),
        formula=N_(
            "Share of the days of the period, over the sales people who have ever logged in, on"
            " which they did."
        ),
        numerator=N_("days with a login"),
        denominator=N_("days of the sales people on the system"),
        unit="share",
        digits=6,
        direction="up",
    ),
    "rep_login_share": Metric(
        name=N_("Sales people who logged in"),
        formula=N_("Share of the sales people with a login in the period."),
        numerator=N_("sales people with a login"),
        denominator=N_("sales people"),
        unit="share",
        digits=6,
        direction="up",
    ),
    "pair_lift": Metric(
        name=N_("Lift of a pair"),
        formula=N_(
            "Share of baskets with both products, divided by what it would be if they were bought"
            " independently of each other."
        ),
        numerator=N_("baskets with both products"),
        denominator=N_("baskets expected to have both by chance"),
        unit="ratio",
        digits=4,
    ),
    "arrival_median": _arrival(
        N_("Days until loaded, half"),
        N_("Half of the period's rows of a table were loaded within so many days of their day."),
    ),
    "arrival_p95": _arrival(
        N_("Days until loaded, 95%"),
        N_("95% of the period's rows of a table were loaded within so many days of their day."),
    ),
    "arrival_worst": _arrival(
        N_("Days until loaded, the last"),
        N_("Days from its own day to its loading of the row that took longest."),
    ),
    "late_arrival_share": Metric(
        name=N_("Share loaded late"),
        formula=N_(
            "Share of the period's rows of a table that were loaded more days after their own day"
            " than the profile calls late."
        ),
        numerator=N_("rows loaded late"),
        denominator=N_("rows with a time of loading"),
        unit="share",
        digits=6,
        direction="down",
    ),
    "arrived_share": Metric(
        name=N_("Share arrived by age"),
        formula=N_(
            "Of the orders of a day, the share that has been loaded so many days later: product of"
            " the reversed-time hazards of loading over the order dates of the last 26 weeks, which"
            " counts each delay only on days that were followed for as long (Lagakos et al. 1988)."
        ),
        numerator=N_("orders loaded by that age"),
        denominator=N_("orders that are loaded within sixty days"),
        unit="share",
        digits=6,
        direction="up",
    ),
    "days_until_complete": Metric(
        name=N_("Days until complete"),
        formula=N_("The first age in days at which 99% of a day's orders have arrived."),
        numerator="",
        denominator=N_("orders with a time of loading"),
        unit="days",
        digits=0,
        direction="down",
    ),
    "missing_orders": Metric(
        name=N_("Orders still to arrive"),
        formula=N_(
            "Orders that have happened and are expected to be loaded later: of a day with n orders"
            " of which the share F should have arrived, n (1 - F) / F, by source system."
        ),
        numerator=N_("orders expected"),
        denominator=N_("orders that have arrived"),
        unit="count",
        digits=0,
        direction="down",
    ),
    "stale_touch_share": Metric(
        name=N_("Contacts without knowing of an order"),
        formula=N_(
            "Share of the period's contacts that were made after an order of that customer had"
            " happened and before it was loaded."
        ),
        numerator=N_("contacts before the order was loaded"),
        denominator=N_("contacts"),
        unit="share",
        digits=6,
        direction="down",
    ),
    "campaign_answer_share": Metric(
        name=N_("Answered campaign contacts"),
        formula=N_(
            "Of customers and the campaigns of the last 24 months that they were contacted with,"
            " the share with an answer to that campaign since, such as a click or a coupon"
            " redeemed. No effect of the campaign."
        ),
        numerator=N_("customers by campaign with an answer"),
        denominator=N_("customers by campaign contacted"),
        unit="share",
        digits=6,
        direction="up",
    ),
    "back_after_path": Metric(
        name=N_("Came back after a way"),
        formula=N_(
            "Of the customers of the contact window whose sequence of events began so, the share"
            " who came back within the window, however it went on. No effect of the way."
        ),
        numerator=N_("customers who came back"),
        denominator=N_("customers whose way began so"),
        unit="share",
        digits=6,
        direction="up",
    ),
    "path_of_returned": Metric(
        name=N_("Way of those who came back"),
        formula=N_(
            "Share of the customers who came back whose sequence of events up to then was this."
        ),
        numerator=N_("customers who came back this way"),
        denominator=N_("customers who came back"),
        unit="share",
        digits=6,
    ),
    "path_of_others": Metric(
        name=N_("Way of those who did not come back"),
        formula=N_(
            "Share of the customers who did not come back within the window whose sequence of"
            " events in it was this."
        ),
        numerator=N_("customers who went this way and did not come back"),
        denominator=N_("customers who did not come back"),
        unit="share",
        digits=6,
    ),
    "transition_median": Metric(
        name=N_("Days from one event to the next"),
        formula=N_(
            "Half of those who went on from one type of event to the other did so within so many"
            " days; repeats of a type stand once."
        ),
        numerator="",
        denominator=N_("times it was taken"),
        unit="days",
        digits=1,
    ),
    "source_age": Metric(
        name=N_("Age of a source"),
        formula=N_(
            "Days from the newest dated row of a table, or of a source system of the orders, to the"
            " period's end, or to the last order of all if that is earlier."
        ),
        numerator=N_("days"),
        denominator="",
        unit="days",
        digits=0,
        direction="down",
    ),
    "over_contacted": _contact_count(
        N_("Customers contacted too often"),
        N_("Customers with more contacts in the last 30 days than the profile's limit."),
        N_("customers with a contact in those days"),
    ),
    "forgotten": _contact_count(
        N_("Forgotten customers"),
        N_(
            "Customers with an order date in the activity window, who do not refuse every channel,"
            " without a contact in the profile's number of days."
        ),
        N_("such customers, contacted or not"),
    ),
    "forgotten_due": _contact_count(
        N_("Forgotten customers who are due"),
        N_("Forgotten customers whose next order is due by their own rhythm."),
        N_("forgotten customers"),
    ),
    "two_channels": _contact_count(
        N_("Customers reached on two channels at once"),
        N_(
            "Customers with two contacts on different channels within the profile's number of days,"
            " the later one in the period."
        ),
        N_("customers with a contact in the period"),
    ),
    "touched_after_order": _contact_count(
        N_("Campaign contacts after the order"),
        N_(
            "Contacts of a campaign in the period that went out within the profile's number of days"
            " after an order date of the customer."
        ),
        N_("contacts of campaigns in the period"),
    ),
    "listed_after_order": _contact_count(
        N_("Customers asked who had ordered"),
        N_(
            "Customers contacted from a list in the period who had ordered since the list was drawn"
            " up."
        ),
        N_("customers contacted from a list in the period"),
    ),
    "dose_repurchase": _answered(
        N_("Order after so many contacts"),
        N_(
            "Share of the active customers with so many contacts in 30 days who have an order date"
            " in the 30 days after them."
        ),
        N_("customers with an order date in the 30 days after"),
        N_("customers with so many contacts"),
        "up",
    ),
    "dose_opt_out": _answered(
        N_("Request for no more after so many contacts"),
        N_(
            "Share of the active customers with so many contacts in 30 days who ask for no more"
            " contact in the 30 days after them."
        ),
        N_("customers who ask for no more in the 30 days after"),
        N_("customers with so many contacts"),
        "down",
    ),
    "dose_repurchase_difference": _answered(
        N_("Order after so many contacts, against like customers"),
        N_(
            "Difference from customers with the fewest contacts above nought, within strata of days"
            " since the last order by number of order dates before the contacts (Mantel and"
            " Haenszel; Sato's variance). No effect of contact."
        ),
        N_("difference of shares"),
        N_("customers with so many contacts"),
        "up",
    ),
    "dose_opt_out_difference": _answered(
        N_("Request for no more, against like customers"),
        N_(
            "Difference from customers with the fewest contacts above nought, within strata of days"
            " since the last order by number of order dates before the contacts (Mantel and"
            " Haenszel; Sato's variance). No effect of contact."
        ),
        N_("difference of shares"),
        N_("customers with so many contacts"),
        "down",
    ),
    "contact_effect": _answered(
        N_("Effect of a randomised contact"),
        N_(
            "Share of an arm with an order date, or with a request for no more, in the 30 days from"
            " assignment on, less that of the control; everyone assigned counts (Newcombe)."
            " Withheld where the arms are not of the planned sizes (chi-square, p below 0.001)."
        ),
        N_("difference of shares"),
        N_("customers of both arms"),
        "none",
    ),
    "content_order": _answered(
        N_("Order after a message"),
        N_(
            "Share of the messages of six months, a customer's first of its kind in a week, to"
            " customers who had ordered before, whose next order date lies within the profile's"
            " number of days after it; the interval is over customers."
        ),
        N_("messages with such an order date"),
        N_("messages so counted"),
        "up",
    ),
    "content_click": _answered(
        N_("Click on a message"),
        N_(
            "Share of the messages of six months, a customer's first of its kind in a week, to"
            " customers who had ordered before, with a click on its template within seven days; the"
            " interval is over customers."
        ),
        N_("messages with such a click"),
        N_("messages so counted"),
        "up",
    ),
    **{
        f"content_{outcome}_difference": _answered(
            name,
            N_(
                "Difference from the other messages within strata of channel, week, days since the"
                " last order and number of order dates (Mantel and Haenszel; interval robust to"
                " customers). No effect of the message."
            ),
            N_("difference of shares"),
            N_("messages in strata that hold others too"),
            "up",
        )
        for outcome, name in (
            ("order", N_("Order after a message, against like customers")),
            ("click", N_("Click on a message, against like customers")),
        )
    },
    "attributed_orders": Metric(
        name=N_("Repeat orders credited"),
        formula=N_(
            "Repeat order dates of the period credited to the first, to the last or evenly to all"
            " contacts of the profile's number of days before them. Attribution, no effect."
        ),
        numerator=N_("repeat order dates"),
        denominator="",
        unit="count",
        digits=4,
    ),
    **{
        f"attributed_{worth}": Metric(
            name=name,
            formula=N_("Money of the repeat order dates credited. Attribution, no effect."),
            numerator=N_("money"),
            denominator=N_("repeat orders credited"),
            unit="money",
            digits=4,
        )
        for worth, name in (
            ("margin", N_("Margin of repeat orders credited")),
            ("revenue", N_("Revenue of repeat orders credited")),
        )
    },
    "contact_cost": Metric(
        name=N_("Cost of contact"),
        formula=N_(
            "Costs of the profile's categories, each by the share of its days that lie in the"
            " period, by channel."
        ),
        numerator=N_("money"),
        denominator="",
        unit="money",
        digits=4,
        direction="down",
    ),
    "cost_per_attributed_order": Metric(
        name=N_("Cost a repeat order credited"),
        formula=N_(
            "Cost of contact of a channel divided by the repeat orders credited to it. Who would"
            " have ordered anyway is credited too: it is no return on the cost."
        ),
        numerator=N_("cost of contact"),
        denominator=N_("repeat orders credited"),
        unit="money",
        digits=4,
        direction="down",
    ),
}


def metric(name: str) -> Metric:
    """The definition; KeyError names what is missing, since only code asks."""
    return METRICS[name]
