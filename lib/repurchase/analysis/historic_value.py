"""What customers have been worth so far, by every definition in use, and on how few of them it
rests.

One article calls customer value the total revenue over the relationship; another the average order
times the frequency times the lifetime, less the cost of winning the customer, and calls that net,
though it is revenue. Measured over the same stretch the product of the three averages **is** the
total revenue of a customer, so the two differ by the acquisition cost alone. SOURCES rows 6 and 7.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

import ibis
import ibis.expr.types as ir
import pandas as pd

from repurchase.analysis.ratios import cents
from repurchase.analysis.standing import Known, standing
from repurchase.analysis.windows import Windows, active_at
from repurchase.period import add_months
from repurchase.reasons import (
    COSTS_TOO_SHORT,
    FEW_TO_SCORE,
    IN_ACTIVITY_WINDOW,
    MAYBE_OLDER,
    NO_COST_OF,
    NO_FIRST_YEAR,
    NO_TABLE,
    NOBODY_JOINED,
    TOO_SHORT_FOR_STAGES,
    reason,
)
from repurchase.records import Record, Result, dimensions
from repurchase.stats.proportion import Moments, ratio, share_of_sums

# Costs that win customers; what keeps, serves or rewards them is not among these.
WINNING = ("acquisition", "advertising", "campaign", "marketing")
YEAR_DAYS = 365
FEWEST_FOR_TENTH = 100
FEWEST_OF_A_GROUP = 30
MEASURES = ("revenue", "margin")


def acquisition_cost(costs: ir.Table | None, summary: ir.Table, windows: Windows) -> Result:
    """What it cost to win a customer in the twelve months up to the period's end.

    Costs of the categories acquisition, advertising, campaign and marketing, by the days of them
    that lie in the twelve months, divided by the customers whose first order date does. All of the
    costs are counted as if they had won new customers only, so the figure is an upper bound. The
    frame has one row: cost, customers, first, last; it is empty where the record gives a reason.
    """
    window = active_at(windows.seen_until, 12)
    why: str | None = None
    cost = math.nan
    if costs is None:
        why = reason(NO_TABLE, table="costs")
    else:
        cost, why = _cost_of(costs, window)
    joined = summary.filter(summary.first_date.cast("date").between(window.start, window.end))
    customers = int(joined.count().execute())
    if why is None and not customers:
        first, last = window.start.isoformat(), window.end.isoformat()
        why = reason(NOBODY_JOINED, first=first, last=last)
    if why:
        record = Record("acquisition_cost", None, "money", status="not_computed", reason=why)
        return Result(pd.DataFrame(), (record,))
    care = MAYBE_OLDER if add_months(windows.data_from, 12) > window.start else None
    record = Record(
        "acquisition_cost", cost / customers, "money", numerator=cost, n=float(customers),
        status="provisional" if care else "final", reason=care,
    )  # fmt: skip
    row = {"cost": cost, "customers": customers, "first": window.start, "last": window.end}
    return Result(pd.DataFrame([row]), (record,))


def _cost_of(costs: ir.Table, window: Any) -> tuple[float, str | None]:
    """The winning costs within the window, by days; or why they cannot be told."""
    winning = costs.filter(costs.category.isin(WINNING))
    rows = winning.select("period_start", "period_end", "amount").to_pyarrow().to_pylist()
    if not rows:
        return math.nan, reason(NO_COST_OF, categories=", ".join(WINNING))
    first = min(row["period_start"] for row in rows)
    if first > window.start:
        return math.nan, reason(COSTS_TOO_SHORT, day=first.isoformat())
    cost = 0.0
    for row in sorted(rows, key=lambda r: (r["period_start"], r["period_end"], r["amount"])):
        last = min(row["period_end"], window.end)
        inside = (last - max(row["period_start"], window.start)).days + 1
        if inside > 0:
            whole = (row["period_end"] - row["period_start"]).days + 1
            cost += float(row["amount"] or 0) * inside / whole
    return round(cost, 2), None


def definitions_of_value(
    summary: ir.Table, windows: Windows, known: Known, cost: Result, *, activity_months: int
) -> Result:
    """A customer's value so far by both articles' definitions and by margin.

    `summary` is the customer summary of the period's end; `cost` comes from `acquisition_cost`.
    One row: customers, orders, revenue, margin (sums), years (customer-years: from the first order
    date until the activity window after the last has passed, or the period's end), average_order,
    frequency (orders a customer-year), lifetime (customer-years a customer, so far), cost (of
    acquisition, missing where not computed). Records: `customer_value` with
    `definition=` total_revenue, article_net, margin, margin_net.
    """
    if known.revenue:
        record = Record(
            "customer_value", None, "money", status="not_computed", reason=known.revenue
        )
        return Result(pd.DataFrame(), (record,))
    sums = _sums(summary, windows.seen_until, activity_months)
    n, years = sums["customers"], sums["days"] / 365.25
    price = cost.one("acquisition_cost")
    row = {
        "customers": n, "orders": sums["orders"], "revenue": sums["revenue"],
        "margin": math.nan if known.margin else sums["margin"], "years": years,
        "average_order": sums["revenue"] / sums["orders"], "frequency": sums["orders"] / years,
        "lifetime": years / n, "cost": math.nan if price.value is None else price.value,
    }  # fmt: skip
    records = (
        *_value_records(sums, known, price),
        Record("average_order_history", row["average_order"], "money", numerator=row["revenue"],
               n=row["orders"]),
        Record("order_frequency", row["frequency"], "ratio", numerator=row["orders"], n=years),
        Record("customer_years", row["lifetime"], "ratio", numerator=years, n=n),
    )  # fmt: skip
    return Result(pd.DataFrame([row]), records)


def _sums(summary: ir.Table, day: dt.date, activity_months: int) -> dict[str, float]:
    first, last = summary.first_date.cast("date"), summary.last_date.cast("date")
    until = last + ibis.interval(months=activity_months)
    stays = ibis.cases((until.cast("date") > day, ibis.literal(day)), else_=until.cast("date"))
    revenue = cents(summary.net_revenue) + cents(summary.other_revenue)
    margin = cents(summary.net_margin) + cents(summary.other_margin)
    sums = {
        "customers": summary.count(),
        "orders": summary.orders.sum(),
        "days": (stays.delta(first, unit="day") + 1).cast("int64").sum(),
        "revenue": revenue.sum(),
        "margin": margin.sum(),
        "revenue_squares": (revenue * revenue).sum(),
        "margin_squares": (margin * margin).sum(),
    }
    return _row(summary.aggregate(**_doubles(sums)))


def _doubles(sums: Mapping[str, ir.Scalar]) -> dict[str, ir.Scalar]:
    """Summed exactly, then cast, so that each run brings back the same double."""
    return {name: total.cast("float64") for name, total in sums.items()}


def _row(table: ir.Table) -> dict[str, float]:
    return {k: float(v or 0) for k, v in table.to_pyarrow().to_pylist()[0].items()}


def _value_records(sums: Mapping[str, float], known: Known, price: Record) -> list[Record]:
    """The four values; each less the acquisition cost where that is known."""
    made = []
    for measure, plain, net in (
        ("revenue", "total_revenue", "article_net"),
        ("margin", "margin", "margin_net"),
    ):
        why = known.revenue if measure == "revenue" else known.margin
        for name, less in ((plain, 0.0), (net, price.value)):
            said = why or (price.reason if less is None else None)
            if said or less is None:
                where = dimensions(definition=name)
                made.append(
                    Record("customer_value", None, "money", where, status="not_computed",
                           reason=said)
                )  # fmt: skip
                continue
            care = known.care if measure == "margin" else None
            care = care or (price.reason if name.endswith("net") else None)
            n, total = sums["customers"], sums[measure]
            made.append(_mean(dimensions(definition=name), n, total, sums[f"{measure}_squares"],
                              less=less, care=care))  # fmt: skip
    return made


def _mean(
    where: str, n: float, total: float, squares: float, *, less: float = 0.0,
    care: str | None = None, metric: str = "customer_value",
) -> Record:  # fmt: skip
    """A mean over customers with its interval; `less` is a constant taken off."""
    low = high = None
    value = total / n
    if n > 1:
        value, low, high = ratio(Moments(n, total, n, squares, total, n))
        low, high = low - less, high - less
    return Record(
        metric, value - less, "money", where, low=low, high=high, numerator=total, n=n,
        status="provisional" if care else "final", reason=care,
    )  # fmt: skip


def groups(
    summary: ir.Table, days: ir.Table, windows: Windows, known: Known, *, by: str
) -> Result:
    """Value by first channel or by year of joining, with what can be compared: the first year.

    `by` is "first_channel" or "joined" (the calendar year of the first order date). Columns:
    label, customers, worth (margin where known, else revenue; mean of the whole relationship), n
    (customers with a whole first year behind them), value, low, high (mean worth of the first 365
    days), measure (margin or revenue). Groups of fewer than 30 such customers have no first-year
    value. Empty if there is only one group, or no money.
    """
    columns = ["label", "customers", "worth", "n", "value", "low", "high", "measure"]
    if known.revenue:
        return Result(pd.DataFrame(columns=columns))
    units = _first_years(summary, days, windows.seen_until, known.worth, by)
    money, early = units.whole, units.early
    sums = {
        "customers": units.count(), "whole": money.sum(), "n": units.ripe.sum(),
        "total": early.sum(), "squares": (early * early).sum(),
    }  # fmt: skip
    counted = units.group_by("label").aggregate(**_doubles(sums))
    rows = counted.order_by("label").to_pyarrow().to_pylist()
    if len(rows) < 2:
        return Result(pd.DataFrame(columns=columns))
    found, records = [], []
    for raw in rows:
        row = {k: v if k == "label" else float(v or 0) for k, v in raw.items()}
        line = {"label": row["label"], "customers": row["customers"], "n": row["n"]}
        line |= {"worth": row["whole"] / row["customers"], "measure": known.worth}
        if row["n"] >= FEWEST_OF_A_GROUP:
            where = dimensions(**{by: row["label"], "measure": known.worth})
            record = _mean(where, row["n"], row["total"], row["squares"], care=known.care,
                           metric="first_year_value")  # fmt: skip
            line |= {"value": record.value, "low": record.low, "high": record.high}
            records.append(record)
        found.append(line)
    if not records:
        why = reason(NO_FIRST_YEAR, fewest=FEWEST_OF_A_GROUP)
        where = dimensions(by=by)
        records.append(
            Record("first_year_value", None, "money", where, status="not_computed", reason=why)
        )
    frame = pd.DataFrame(found).reindex(columns=columns)
    if by == "first_channel":
        frame = frame.sort_values(["customers", "label"], ascending=[False, True])
    return Result(frame.reset_index(drop=True), tuple(records))


def _first_years(
    summary: ir.Table, days: ir.Table, day: dt.date, worth: str, by: str
) -> ir.Table:
    """One row a customer: label, whole (all worth), ripe (1 with a first year), early (its worth).

    Money of the first year counts only for customers who have had one.
    """
    first = summary.first_date.cast("date")
    ripe = first <= day - dt.timedelta(days=YEAR_DAYS)
    label = summary.first_channel if by == "first_channel" else first.year().cast("string")
    people = summary.select(
        "customer_id", label=label.fill_null(""), ripe=ibis.cases((ripe, 1), else_=0),
        whole=cents(summary[f"net_{worth}"]) + cents(summary[f"other_{worth}"]),
    )  # fmt: skip
    soon = days.filter(days.order_date < days.first_date + ibis.interval(days=YEAR_DAYS))
    spent = soon.group_by("customer_id").aggregate(spent=cents(soon[f"net_{worth}"]).sum())
    joined = people.left_join(spent, "customer_id")
    early = ibis.cases((joined.ripe == 1, cents(joined.spent)), else_=ibis.literal(0))
    return joined.mutate(early=cents(early))


def concentration(
    summaries: Mapping[str, ir.Table], money: ir.Table, windows: Windows, known: Known, *,
    months: int,
) -> Result:  # fmt: skip
    """How much the best tenth of the active customers brought, and what the last best tenth does.

    `summaries` holds the customer summary of the period's end ("none") and may hold that of a year
    ago ("year_ago"); `money` comes from `standing.money_of`. Columns: measure, customers (active in
    the stretch), tenth (customers in it, one in ten, rounded up), share (of the measure that the
    tenth brought), kept (the share of this stretch's measure that the best tenth of the stretch a
    year earlier brought; missing where the data begin too late), months (of the stretch). The best
    of a stretch were lucky too, so `kept` is what a tenth picked beforehand is worth.
    """
    day, before = windows.seen_until, windows.days["year_ago"].end
    now = standing(summaries["none"], money, day, months=months)
    early = active_at(before, months).start < windows.data_from or "year_ago" not in summaries
    # asked for several times, so made once
    with ExitStack() as made:
        now = made.enter_context(now.filter(now.active).cache())
        late = None
        if not early:
            late = standing(summaries["year_ago"], money, before, months=months)
            late = made.enter_context(late.filter(late.active).cache())
        return _concentration(now, late, windows, known, months)


def _concentration(
    now: ir.Table, late: ir.Table | None, windows: Windows, known: Known, months: int
) -> Result:
    """The two shares by measure; `late` are the active customers of a year ago."""
    rows, records = [], []
    n = int(now.count().execute())
    for measure, why in zip(MEASURES, (known.revenue, known.margin), strict=True):
        where = dimensions(measure=measure)
        if why is None and n < FEWEST_FOR_TENTH:
            why = reason(FEW_TO_SCORE, fewest=FEWEST_FOR_TENTH)
        if why:
            records.append(
                Record("top_tenth_share", None, "share", where, status="not_computed", reason=why)
            )
            continue
        best = _best(now, measure, -(-n // 10))
        records.append(_share("top_tenth_share", where, best))
        row = {"measure": measure, "customers": n, "tenth": -(-n // 10), "kept": math.nan,
               "months": months, "share": best.a / best.b}  # fmt: skip
        if late is None:
            begin = windows.data_from.isoformat()
            records.append(
                Record("former_top_tenth_share", None, "share", where, status="not_computed",
                       reason=reason(IN_ACTIVITY_WINDOW, day=begin, months=months))
            )  # fmt: skip
        else:
            kept = _kept(late, now, measure)
            row["kept"] = kept.a / kept.b
            records.append(_share("former_top_tenth_share", where, kept))
        rows.append(row)
    columns = ["measure", "customers", "tenth", "share", "kept", "months"]
    return Result(pd.DataFrame(rows, columns=columns), tuple(records))


def _share(name: str, where: str, part: Moments) -> Record:
    found = share_of_sums(part)
    return Record(
        name, found.value, "share", where, low=found.low, high=found.high, numerator=part.a,
        n=part.b,
    )  # fmt: skip


def no_concentration(windows: Windows) -> Result:
    """What `concentration` returns where hardly any data lie before the period."""
    why = reason(TOO_SHORT_FOR_STAGES, day=windows.data_from.isoformat())
    record = Record("top_tenth_share", None, "share", status="not_computed", reason=why)
    return Result(pd.DataFrame(), (record,))


def _ranked(customers: ir.Table, measure: str) -> ir.Table:
    """Place 0 is the best; the number of the customer decides among equals."""
    order = [ibis.desc(customers[measure]), customers.customer_id]
    return customers.mutate(place=ibis.row_number().over(order_by=order))


def _best(customers: ir.Table, measure: str, tenth: int) -> Moments:
    """The best tenth's money of all money; the interval takes who is in it as given."""
    ranked = _ranked(customers, measure)
    return _part(ranked, measure, ranked.place < tenth)


def _kept(then: ir.Table, now: ir.Table, measure: str) -> Moments:
    """The money of those who were the best tenth then, of all money now."""
    tenth = -(-int(then.count().execute()) // 10)
    ranked = _ranked(then, measure)
    best = ranked.filter(ranked.place < tenth).select("customer_id", was_best=True)
    joined = now.left_join(best, "customer_id")
    return _part(joined, measure, joined.was_best.fill_null(False))


def _part(customers: ir.Table, measure: str, chosen: ir.BooleanValue) -> Moments:
    value = cents(customers[measure])
    square = value * value
    sums = {"n": customers.count(), "a": value.sum(where=chosen), "b": value.sum(),
            "aa": square.sum(where=chosen), "bb": square.sum()}  # fmt: skip
    found = _row(customers.aggregate(**_doubles(sums)))
    return Moments(found["n"], found["a"], found["b"], found["aa"], found["aa"], found["bb"])


