"""The table the boss asks for: what customers did before and after, side by side.

What it shows are changes; whether the initiative made them is for the ladder to say.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import ibis
import ibis.expr.types as ir
import pandas as pd

from repurchase.analysis.historic_value import WINNING
from repurchase.analysis.initiative_panel import InitiativePanel, InitiativeWindows
from repurchase.analysis.ratios import Pair, Sums, cents, flag, sums_by
from repurchase.analysis.windows import ONE_DAY, active_at
from repurchase.calendar import FEAST_REACH, Window, feast
from repurchase.period import add_months
from repurchase.reasons import (
    COSTS_NOT_BY_UNIT,
    NO_COST_TO_SERVE,
    NO_MARGIN,
    NO_MONEY,
    NO_TABLE,
    NO_WINDOW_AFTER,
    NO_WINDOW_BEFORE,
    NOBODY,
    NOT_RIPE_YET,
    ONE_CUSTOMER,
    WINDOW_SHORTER,
    YEAR_AGO_BEFORE_DATA,
    YEAR_AGO_TREATED,
    reason,
)
from repurchase.records import CompareTo
from repurchase.stats.proportion import (
    Estimate,
    Moments,
    change_of,
    correlation,
    ratio,
    wilson,
)

# after the end of a window so many days of it tell who was lost: a quarter
CHURN_DAYS = 91
REPURCHASE_DAYS = 90
DAYS_OF_MONTH = 365.25 / 12
# what it costs to serve who is a customer already, whoever won him
SERVING = (
    "shipping", "payment_fee", "incentive", "loyalty_reward", "labour", "service", "support",
    "returns",
)  # fmt: skip
assert not set(SERVING) & set(WINNING)

When = Literal["after", "before", "year_ago"]
WHENS: tuple[When, ...] = ("after", "before", "year_ago")
# each comparison: its window, the column of the change, and what its bounds' begin with
CHANGES: tuple[tuple[When, str, str], ...] = (
    ("before", "change", "change"),
    ("year_ago", "season_change", "season"),
)
# how the machinery of ratios calls the three windows
CALLED: Mapping[When, CompareTo] = {"after": "none", "before": "previous", "year_ago": "year_ago"}
COLUMNS = (
    "metric", "unit", "group",
    "before", "before_low", "before_high", "before_n",
    "after", "after_low", "after_high", "after_n",
    "change", "change_low", "change_high", "relative",
    "year_ago", "year_ago_low", "year_ago_high", "year_ago_n",
    "season_change", "season_low", "season_high", "readable_from", "reason", "detail",
)  # fmt: skip


class Figure(NamedTuple):
    """A row of the table: its unit, whether it is a share of customers, its factor."""

    unit: str
    binary: bool
    factor: float = 1.0


# the rows, in printing order; factor: a day's sum to a month's
FIGURES: Mapping[str, Figure] = {
    "repurchase_90d": Figure("share", True),
    "average_repeat_order": Figure("money", False),
    "member_margin": Figure("money", False, DAYS_OF_MONTH),
    "member_revenue": Figure("money", False, DAYS_OF_MONTH),
    "customer_value_revenue": Figure("money", False),
    "customer_value_net": Figure("money", False),
    "customer_value_margin": Figure("money", False),
    "churn": Figure("share", True),
    "activity": Figure("count", False, DAYS_OF_MONTH),
    "satisfaction": Figure("score", False),
    "cost_to_serve": Figure("money", False),
}


@dataclass(frozen=True)
class Tables:
    """What the table is made of; `groups` has one row a customer: customer_id, group.

    `orders` are all of the company, with and without a known customer.
    """

    days: ir.Table
    orders: ir.Table
    groups: ir.Table
    surveys: ir.Table | None
    costs: ir.Table | None


def year_ago(window: Window, country: str | None) -> Window:
    """The same season a year earlier: each end that stands near the moving feast is as far from it.

    An end near no feast keeps its date, so a window of months stays one of the same months.
    """
    start, beyond = (_year_ago(d, country) for d in (window.start, window.end + ONE_DAY))
    return Window(start, beyond - ONE_DAY)


def _year_ago(day: dt.date, country: str | None) -> dt.date:
    name, now = feast(country, day.year)
    before, after = FEAST_REACH[name]
    if now + dt.timedelta(days=before) <= day <= now + dt.timedelta(days=after + 1):
        return feast(country, day.year - 1)[1] + (day - now)
    return add_months(day, -12)


@dataclass(frozen=True)
class Spans:
    """The three windows, why one of them cannot be read, and until when the last one grows."""

    windows: Mapping[When, Window]
    why: Mapping[When, str]
    grows_until: dt.date | None = None


def spans(told: InitiativeWindows, *, data_from: dt.date, country: str | None) -> Spans:
    """The windows of the table; a year before the after-window counts where nobody was treated."""
    found: dict[When, Window] = {}
    why: dict[When, str] = {}
    grows = None if told.closed else told.complete_from or dt.date.max
    if told.before:
        found["before"] = told.before
    else:
        why["before"] = reason(NO_WINDOW_BEFORE)
    if told.after is None:
        why["after"] = why["year_ago"] = reason(NO_WINDOW_AFTER)
        return Spans(found, why, grows)
    found["after"] = told.after
    past = year_ago(told.after, country)
    if past.start < data_from:
        why["year_ago"] = reason(YEAR_AGO_BEFORE_DATA)
    elif past.end >= told.go_live:
        why["year_ago"] = reason(YEAR_AGO_TREATED)
    else:
        found["year_ago"] = past
    return Spans(found, why, grows)


def table(
    given: Tables, panel: InitiativePanel, *, data_from: dt.date, country: str | None,
    activity_months: int, everyone: bool,
) -> pd.DataFrame:
    """Columns: COLUMNS. A row a metric and group ("treated", "control"; "all" the whole company).

    before, after, year_ago are the values in the windows, with 95 % intervals over customers and
    their n; change is after - before, relative is change / before, season_change is after -
    year_ago. Missing is what is not ripe (`readable_from`: the data must reach that day) or cannot
    be computed (`reason`).

    repurchase_90d: of first order dates in the window with 90 days left in it, who ordered again in
    them. average_repeat_order: revenue an order date that is not the first. member_margin,
    member_revenue, activity: margin, revenue, order dates after the first, a customer and month.
    customer_value_*: revenue, margin over the relationship up to the window's end, a customer;
    net is revenue less what it cost to win a customer in the twelve months up to then. churn: who
    was active 91 days before the window's end and is not any more. satisfaction: NPS, or the mean
    score of the instrument in `detail`. cost_to_serve: costs of serving an order, whoever placed
    it, without costs that are booked for an initiative.
    """  # fmt: skip
    told = spans(panel.windows, data_from=data_from, country=country)
    rows: list[dict[str, Any]] = []
    if told.windows:
        counted = _counted(given, told, activity_months)
        opinions, instrument = _opinions(given, told)
        for group in ("treated", "control"):
            if group not in counted and group == "control":
                continue
            sums = {**counted.get(group, {}), **opinions.get(group, {})}
            for metric in FIGURES:
                if metric in ("customer_value_net", "cost_to_serve"):
                    continue
                row = _row(metric, group, sums.get(metric), told, data_from, activity_months)
                if metric == "satisfaction":
                    row["detail"] = instrument
                    if given.surveys is None:
                        row = _blank(metric, group, reason(NO_TABLE, table="surveys"))
                rows.append(row)
                if metric == "customer_value_revenue":
                    rows.append(_net(row, given, told))
        rows += _cost_to_serve(given, told, everyone=everyone)
    order = {metric: at for at, metric in enumerate(FIGURES)}
    rows.sort(key=lambda r: (("treated", "control", "all").index(r["group"]), order[r["metric"]]))
    frame = pd.DataFrame(rows, columns=COLUMNS, dtype=object)
    numbers = COLUMNS[3:22]
    return frame.astype(dict.fromkeys(numbers, "float64"))


# ---- counting -----------------------------------------------------------------------------------


def _within(column: ir.Value, window: Window) -> ir.BooleanValue:
    return column.between(ibis.literal(window.start), ibis.literal(window.end))


def _ripe(window: Window) -> Window:
    return Window(window.start, window.end - dt.timedelta(days=REPURCHASE_DAYS))


def _counted(given: Tables, told: Spans, activity_months: int) -> dict[str, dict[str, Sums]]:
    """By group and metric the sums over customers: one pass over the order dates."""
    days = given.days.inner_join(given.groups.select("customer_id", "group"), "customer_id")
    again, revenue, margin = days.day_rank > 1, cents(days.net_revenue), cents(days.net_margin)
    columns: dict[str, ir.Scalar] = {"first": days.first_date.min()}
    for when, window in told.windows.items():
        inside = _within(days.order_date, window)
        so_far = days.order_date <= ibis.literal(window.end)
        ripe = (days.day_rank == 1) & _within(days.order_date, _ripe(window))
        soon = days.next_date.delta(days.order_date, unit="day") <= REPURCHASE_DAYS
        then = window.end - dt.timedelta(days=CHURN_DAYS)
        known = days.net_revenue.notnull()
        columns |= {
            f"{when} ripe": flag(ripe).max(),
            f"{when} soon": flag(ripe & soon).max(),
            f"{when} repeats": flag(inside & again).sum(),
            f"{when} paid": flag(inside & again & known).sum(),
            f"{when} revenue": cents(revenue.sum(where=inside & again)),
            f"{when} margin": cents(margin.sum(where=inside & again)),
            f"{when} all revenue": cents(revenue.sum(where=so_far)),
            f"{when} all margin": cents(margin.sum(where=so_far)),
            f"{when} there": flag(so_far).max(),
            f"{when} was": flag(_within(days.order_date, active_at(then, activity_months))).max(),
            f"{when} is": flag(
                _within(days.order_date, active_at(window.end, activity_months))
            ).max(),
        }
    units = days.group_by("customer_id", "group").aggregate(**columns)
    pairs: dict[str, dict[CompareTo, Pair]] = {}
    for when, window in told.windows.items():
        length = _length(units["first"], window)
        made = {
            "repurchase_90d": Pair(units[f"{when} soon"], units[f"{when} ripe"]),
            "average_repeat_order": Pair(units[f"{when} revenue"], units[f"{when} paid"]),
            "member_margin": Pair(units[f"{when} margin"], length),
            "member_revenue": Pair(units[f"{when} revenue"], length),
            "customer_value_revenue": Pair(units[f"{when} all revenue"], units[f"{when} there"]),
            "customer_value_margin": Pair(units[f"{when} all margin"], units[f"{when} there"]),
            "churn": Pair(
                flag((units[f"{when} was"] == 1) & (units[f"{when} is"] == 0)),
                units[f"{when} was"],
            ),
            "activity": Pair(units[f"{when} repeats"], length),
        }
        for name, pair in made.items():
            pairs.setdefault(name, {})[CALLED[when]] = pair
    if "after" not in told.windows:  # the machinery asks for a window that is now
        pairs = {name: {"none": by["previous"]} for name, by in pairs.items()}
    return sums_by(units, pairs, by="group")


def _length(first: ir.DateValue, window: Window) -> ir.IntegerValue:
    """The days of the window on which one was a customer already."""
    start, end = ibis.literal(window.start), ibis.literal(window.end)
    left = end.delta(first, unit="day")
    whole = end.delta(start, unit="day") + 1
    return ibis.cases(
        (first < start, whole), (first <= end, left), else_=ibis.literal(0)
    ).cast("int64")


def _opinions(
    given: Tables, told: Spans
) -> tuple[dict[str, dict[str, Sums]], str | None]:
    """Sums of the scores by group, and the instrument: NPS, else the one most answered."""
    surveys = given.surveys
    if surveys is None:
        return {}, None
    rows = surveys.filter(surveys.customer_id.notnull() & surveys.score.notnull())
    counts = rows.group_by("instrument").aggregate(n=rows.count()).to_pyarrow().to_pylist()
    if not counts:
        return {}, None
    best = max(counts, key=lambda r: (r["instrument"] == "nps", r["n"], r["instrument"]))
    instrument = str(best["instrument"])
    rows = rows.filter(rows.instrument == instrument)
    score = rows.score.cast("float64")
    if instrument == "nps":
        score = ibis.cases((score >= 9, 100), (score <= 6, -100), else_=0).cast("float64")
    rows = rows.mutate(_score=score.cast("decimal(18, 2)"), _day=rows.answered_date)
    rows = rows.inner_join(given.groups.select("customer_id", "group"), "customer_id")
    columns: dict[str, ir.Scalar] = {}
    for when, window in told.windows.items():
        inside = _within(rows["_day"], window)
        columns[f"{when} a"] = rows["_score"].sum(where=inside).fill_null(0).cast("decimal(18, 2)")
        columns[f"{when} b"] = flag(inside).sum()
    units = rows.group_by("customer_id", "group").aggregate(**columns)
    by: dict[CompareTo, Pair] = {
        CALLED[when]: Pair(units[f"{when} a"], units[f"{when} b"]) for when in told.windows
    }
    if "none" not in by:
        by = {"none": by["previous"]}
    return sums_by(units, {"satisfaction": by}, by="group"), instrument


# ---- rows ---------------------------------------------------------------------------------------


def _blank(metric: str, group: str, why: str | None) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(COLUMNS)
    row |= {"metric": metric, "unit": FIGURES[metric].unit, "group": group, "reason": why}
    return row


def _row(
    metric: str, group: str, sums: Sums | None, told: Spans, data_from: dt.date,
    activity_months: int,
) -> dict[str, Any]:  # fmt: skip
    figure, row = FIGURES[metric], _blank(metric, group, None)
    found: dict[When, Estimate] = {}
    why: dict[When, str | None] = {}
    for when in WHENS:
        window = told.windows.get(when)
        if window is None:
            why[when] = told.why.get(when)
            continue
        moments = None if sums is None else sums.moments.get(_called(when, told))
        ripe = _ready(metric, window, data_from, activity_months)
        if isinstance(ripe, dt.date):
            grows = when == "after" and told.grows_until is not None and ripe <= told.grows_until
            why[when] = reason(NOT_RIPE_YET if grows else WINDOW_SHORTER, days=_days_of(metric))
            if grows:
                row["readable_from"] = ripe
            continue
        why[when] = ripe or _why_not(metric, moments)
        if why[when] is None and moments is not None:
            found[when] = _level(moments, figure)
            row[f"{when}_n"] = moments.b / figure.factor
            row |= _three(when, found[when])
    row["reason"] = why.get("after") or why.get("before")
    if "after" in found and sums is not None:
        for when, name, low in CHANGES:
            if when in found:
                change = _change(sums, when, found, figure)
                row |= {name: change.value, f"{low}_low": change.low, f"{low}_high": change.high}
    if row["change"] is not None and row["before"]:
        row["relative"] = row["change"] / row["before"]
    return row


def _called(when: When, told: Spans) -> CompareTo:
    return CALLED[when] if "after" in told.windows else "none"


def _three(when: str, e: Estimate) -> dict[str, float]:
    return {when: e.value, f"{when}_low": e.low, f"{when}_high": e.high}


def _level(m: Moments, figure: Figure) -> Estimate:
    if figure.binary:
        return wilson(m.a, m.b)
    e = ratio(m)
    return Estimate(*(figure.factor * v for v in e))


def _change(
    sums: Sums, when: When, found: Mapping[When, Estimate], figure: Figure
) -> Estimate:
    now, then = sums.moments["none"], sums.moments[CALLED[when]]
    shared = correlation(now, then, sums.cross[CALLED[when]])
    return change_of(found["after"], found[when], shared)


def _days_of(metric: str) -> int:
    return REPURCHASE_DAYS if metric == "repurchase_90d" else CHURN_DAYS


def _ready(
    metric: str, window: Window, data_from: dt.date, activity_months: int
) -> dt.date | str | None:
    """None if the window can be read, the day from which it can, or why it never can."""
    if metric == "repurchase_90d" and window.days <= REPURCHASE_DAYS:
        return window.start + dt.timedelta(days=REPURCHASE_DAYS)
    if metric == "churn":
        if window.days < CHURN_DAYS:
            return window.start + dt.timedelta(days=CHURN_DAYS - 1)
        then = window.end - dt.timedelta(days=CHURN_DAYS)
        if active_at(then, activity_months).start < data_from:
            return reason(YEAR_AGO_BEFORE_DATA)
    return None


def _why_not(metric: str, moments: Moments | None) -> str | None:
    if moments is None or not moments.b > 0:
        return reason(NOBODY)
    if moments.n < 2:
        return reason(ONE_CUSTOMER)
    if "margin" in metric and not moments.aa:
        return reason(NO_MARGIN)
    if FIGURES[metric].unit == "money" and not moments.aa:
        return reason(NO_MONEY)
    return None


def _net(gross: Mapping[str, Any], given: Tables, told: Spans) -> dict[str, Any]:
    """Revenue over the relationship less what a customer cost to win, by the company's costs."""
    row = _blank("customer_value_net", str(gross["group"]), gross["reason"])
    if row["reason"]:
        return row
    if given.costs is None:
        return row | {"reason": reason(NO_TABLE, table="costs")}
    prices: dict[When, float] = {}
    for when, window in told.windows.items():
        price = _price(given, active_at(window.end, 12))
        if price is None:
            return row | {"reason": reason(NO_COST_TO_SERVE)}
        prices[when] = price
    for when in told.windows:
        if gross[when] is not None:
            row |= {f"{when}{p}": gross[f"{when}{p}"] - prices[when] for p in ("", "_low", "_high")}
            row[f"{when}_n"] = gross[f"{when}_n"]
    for when, name, low in CHANGES:
        if gross[name] is not None:
            less = prices["after"] - prices[when]
            row |= {k: gross[k] - less for k in (name, f"{low}_low", f"{low}_high")}
    if row["change"] is not None and row["before"]:
        row["relative"] = row["change"] / row["before"]
    return row


def _price(given: Tables, window: Window) -> float | None:
    """What it cost to win a customer in these days; None if nothing is booked for it."""
    assert given.costs is not None
    cost = _spread(given.costs, WINNING, window)
    joined = given.days.filter((given.days.day_rank == 1) & _within(given.days.order_date, window))
    customers = int(joined.count().to_pyarrow().as_py())
    return None if not cost or not customers else cost / customers


def _spread(costs: ir.Table, categories: Sequence[str], window: Window) -> float:
    """Costs of these categories that fall on the window's days, no initiative's own among them."""
    rows = costs.filter(costs.category.isin(list(categories)))
    if "initiative_id" in rows.columns:
        rows = rows.filter(rows.initiative_id.isnull())
    total = 0.0
    wanted = rows.select("period_start", "period_end", "amount").order_by("period_start", "amount")
    for row in wanted.to_pyarrow().to_pylist():
        start, end = row["period_start"], row["period_end"]
        inside = (min(end, window.end) - max(start, window.start)).days + 1
        if inside > 0:
            total += float(row["amount"] or 0) * inside / ((end - start).days + 1)
    return total


def _cost_to_serve(given: Tables, told: Spans, *, everyone: bool) -> list[dict[str, Any]]:
    """Costs of serving an order, of the whole company: no cost is told by unit."""
    rows = [] if everyone else [_blank("cost_to_serve", "treated", reason(COSTS_NOT_BY_UNIT))]
    row = _blank("cost_to_serve", "treated" if everyone else "all", None)
    if given.costs is None:
        return [row | {"group": "treated", "reason": reason(NO_TABLE, table="costs")}]
    for when, window in told.windows.items():
        cost = _spread(given.costs, SERVING, window)
        placed = given.orders
        bought = placed.filter(placed.is_purchase & _within(placed.order_date, window))
        orders = int(bought.count().to_pyarrow().as_py())
        if cost and orders:
            row |= {when: cost / orders, f"{when}_n": float(orders)}
    if row["after"] is None:
        return [row | {"group": "treated", "reason": reason(NO_COST_TO_SERVE)}]
    if row["before"] is not None:
        row["change"] = row["after"] - row["before"]
        row["relative"] = row["change"] / row["before"] if row["before"] else math.nan
    if row["year_ago"] is not None:
        row["season_change"] = row["after"] - row["year_ago"]
    return [*rows, row]
