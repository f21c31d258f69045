"""The formulas of the articles that this review answers to, as printed and as they hold."""

from __future__ import annotations

from typing import NamedTuple


class Rise(NamedTuple):
    """From one share to another, in both of its readings: .38 and .95 for 40 % to 78 %.

    `points` is a difference of shares (.38 is 38 percentage points), `relative` is over the first
    (.95 is 95 per cent more); a headline must say which.
    """

    points: float
    relative: float


class LifetimeValue(NamedTuple):
    """One customer's value by both definitions of the articles, in money.

    `revenue` is all that the relation brings in; `net_of_acquisition` is average order x orders a
    year x years, less the cost of winning her, which the article calls net although no other cost
    leaves it. `difference` is what the second lacks.
    """

    revenue: float
    net_of_acquisition: float
    difference: float


def article_retention(at_end: float, joined_and_present: float, at_start: float) -> float:
    """The articles' retention: (customers at the end - new ones) / customers at the start.

    It is the share of the first customers who are still there only if "new" counts those newcomers
    who are present at the end; newcomers who have left again must not be subtracted.

    Raises ValueError unless at_start > 0 and 0 <= at_end - joined_and_present <= at_start.
    """
    kept = at_end - joined_and_present
    if not at_start > 0 or not 0 <= joined_and_present <= at_end or kept > at_start:
        raise ValueError(
            f"at_end == {at_end}, joined_and_present == {joined_and_present}, "
            f"at_start == {at_start}, must be 0 <= at_end - joined_and_present <= at_start > 0"
        )
    return kept / at_start


def rise(then: float, now: float) -> Rise:
    """A change of a share in points and in per cent.

    Raises ValueError unless then > 0.
    """
    if not then > 0:
        raise ValueError(f"then == {then}, must be > 0")
    return Rise(now - then, (now - then) / then)


def lifetime_value(
    *, average_order: float, orders_a_year: float, years: float, acquisition_cost: float
) -> LifetimeValue:
    """Customer value by both definitions of the articles, from one customer's averages."""
    revenue = average_order * orders_a_year * years
    return LifetimeValue(revenue, revenue - acquisition_cost, acquisition_cost)
