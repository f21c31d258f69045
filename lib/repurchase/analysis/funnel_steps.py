"""What has happened to customers, as the steps of a funnel tell it: one row a happening.

Times are UTC, days are business days in the company's zone. A table that has no times of day (all
of them midnights) says only on which day something happened, not before or after what else of it.
"""

from __future__ import annotations

import datetime as dt
import difflib
import zoneinfo
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import reduce
from typing import NamedTuple

import ibis
import ibis.expr.types as ir

from repurchase.analysis.clock import local_day
from repurchase.errors import ParameterError
from repurchase.params import FunnelSpec, FunnelStep
from repurchase.words import N_, Words

DEFAULT_DAYS, ORDER_RANK_DAYS = 30, 180
DEFAULT, ORDER_RANK = "contact to repurchase", "order rank"
NAMES = {DEFAULT: N_("Contact to repurchase"), ORDER_RANK: N_("Order after order")}
CONTACT = ("sms", "email_sent", "wechat", "call", "visit")
# No opens: privacy proxies and virus scanners open messages for people.
INTEREST = ("sms_click", "email_click", "wechat_click", "web_view", "cart", "quote")
SERVICE = ("call", "visit", "ticket_close")
NOT_FAILED = "outcome is null or outcome <> 'failed'"
# Entry by the rank of an order: before a customer's orders can be counted from the first one,
# the data must be as long as the time after which one is no longer a customer.
RANKS = {"first": 1, "second": 2, "third": 3}
# What happened to whom and when, and where the customer enters by it.
HAPPENING = {
    "customer_id": "string", "at": "timestamp", "day": "date", "whole_day": "boolean",
    "key": "string", "row": "string", "channel": "string", "campaign_id": "string",
    "rep_id": "string", "store_id": "string",
}  # fmt: skip
PLACES = ("channel", "campaign_id", "rep_id", "store_id")


def share_rows(one: FunnelStep, other: FunnelStep) -> bool:
    """Whether a row may tell both steps."""
    if set(one.events) & set(other.events):
        return True
    if one.tickets and one.tickets == other.tickets:
        return True
    if one.surveys and other.surveys:
        return True
    ranks = {one.orders, other.orders}
    if None in ranks:
        return False
    return len(ranks) == 1 or "any" in ranks or ("repeat" in ranks and "first" not in ranks)


class Tables(NamedTuple):
    """The tables that steps are told from, and what is known of them.

    `where` gives the rows of a table for which a condition of the profile holds (arguments:
    table, condition, place in the profile). `whole_days` are the tables without times of day.
    """

    tables: Mapping[str, ir.Table]
    first_days: ir.Table  # customer days
    zone: str
    since: dt.date  # the first day of the data
    whole_days: Collection[str]
    where: Callable[[str, str, str], ir.Table]


def default_spec(
    words: Words, *, tables: Collection[str], types: Collection[str], outcomes: bool
) -> FunnelSpec | None:
    """Contact, interest, repurchase, after-service; None where no contact or interest is known.

    `types` are the event types of the data, `outcomes` whether events have an outcome.
    """
    contact, interest, service = (
        tuple(t for t in wanted if t in types) for wanted in (CONTACT, INTEREST, SERVICE)
    )
    if not contact or not interest:
        return None
    steps = [
        FunnelStep(
            name=words._(N_("Contact")), events=contact, where=NOT_FAILED if outcomes else None
        ),
        FunnelStep(name=words._(N_("Interest")), events=interest),
        FunnelStep(name=words._(N_("Repurchase")), orders="repeat"),
    ]
    tickets, surveys = "tickets" in tables, "surveys" in tables
    if service or tickets or surveys:
        steps.append(
            FunnelStep(
                name=words._(N_("After-service")),
                events=service,
                tickets="closed" if tickets else None,
                surveys="answered" if surveys else None,
            )
        )
    return FunnelSpec(name=DEFAULT, window_days=DEFAULT_DAYS, steps=tuple(steps))


def order_rank_spec(words: Words) -> FunnelSpec:
    """First, second, third order date: what orders alone can tell."""
    names = {
        "first": words._(N_("First order")),
        "second": words._(N_("Second order")),
        "third": words._(N_("Third order")),
    }
    steps = tuple(
        FunnelStep.model_validate({"name": name, "orders": rank}) for rank, name in names.items()
    )
    return FunnelSpec(name=ORDER_RANK, window_days=ORDER_RANK_DAYS, steps=steps)


def check_types(step: FunnelStep, types: Collection[str], *, where: str) -> None:
    """Raises ParameterError for an event type that the data do not have."""
    for kind in step.events:
        if kind not in types:
            near = difflib.get_close_matches(kind, sorted(types), 1, 0.5)
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise ParameterError(
                f"no event has the type {kind!r}",
                where=where,
                remedy=f"{hint}types in the data: {', '.join(sorted(types)) or 'none'}",
            )


def happenings(tables: Tables, step: FunnelStep, *, where: str, until: dt.date) -> ir.Table:
    """The rows of a step, with the columns of HAPPENING; bots' are not among them.

    `key` tells happenings apart: an order by its day, since a day's orders count as one. `row` is
    the row's own id, that breaks ties. `until` is the last day whose rows are wanted.
    """
    tellers = {"events": _events, "orders": _orders, "tickets": _tickets, "surveys": _surveys}
    parts = []
    for name in step.tables:
        rows = tables.tables[name]
        if step.where:
            rows = tables.where(name, step.where, where)
        told = tellers[name](tables, rows, step, until)
        parts.append(told.filter(told.customer_id.notnull()).select(list(HAPPENING)))
    return reduce(lambda one, other: one.union(other), parts)


def _shaped(
    rows: ir.Table, *, at: ir.Value, day: ir.Value, key: ir.Value, row: str, whole_day: bool
) -> ir.Table:
    places = {c: rows[c] if c in rows.columns else ibis.null("string") for c in PLACES}
    return rows.select(
        "customer_id", at=at, day=day, whole_day=ibis.literal(whole_day), key=key, row=rows[row],
        **places,
    )  # fmt: skip


def _events(tables: Tables, rows: ir.Table, step: FunnelStep, until: dt.date) -> ir.Table:
    rows = rows.filter(rows.type.isin(step.events))
    if "is_bot" in rows.columns:
        rows = rows.filter(~rows.is_bot.fill_null(False))
    return _shaped(
        rows, at=rows.occurred_at, day=rows.occurred_date, key=rows.event_id,
        row="event_id", whole_day="events" in tables.whole_days,
    )  # fmt: skip


def _orders(tables: Tables, rows: ir.Table, step: FunnelStep, until: dt.date) -> ir.Table:
    rows = rows.filter(rows.is_purchase & rows.customer_id.notnull())
    if step.orders in RANKS:
        days = tables.first_days
        days = days.filter(days.day_rank == RANKS[step.orders]).select("customer_id", "order_date")
        rows = rows.semi_join(days, ["customer_id", "order_date"])
    elif step.orders == "repeat":
        days = tables.first_days
        first = days.filter(days.day_rank == 1).select("customer_id", began=days.order_date)
        rows = rows.join(first, "customer_id")
        rows = rows.filter(rows.order_date > rows.began)
    return _shaped(
        rows, at=rows.ordered_at, day=rows.order_date,
        key="order " + rows.order_date.cast("string"),
        row="order_id", whole_day="orders" in tables.whole_days,
    )  # fmt: skip


def _tickets(tables: Tables, rows: ir.Table, step: FunnelStep, until: dt.date) -> ir.Table:
    column = {"opened": "opened_at", "replied": "first_reply_at", "closed": "closed_at"}
    at = column[step.tickets or "opened"]
    if at not in rows.columns:
        raise ParameterError(
            f"a step is told by tickets: {step.tickets}, and no column {at} is mapped",
            rule="opened needs opened_at, replied first_reply_at, closed closed_at",
        )
    rows = rows.filter(rows[at].notnull())
    # of these times the model keeps no business day, and some lie behind the period's end
    day = rows.opened_date
    if at != "opened_at":
        day = local_day(rows[at], tables.zone, tables.since, until)
    return _shaped(
        rows, at=rows[at], day=day, key=rows.ticket_id + f" {step.tickets}",
        row="ticket_id", whole_day="tickets" in tables.whole_days,
    )  # fmt: skip


def _surveys(tables: Tables, rows: ir.Table, step: FunnelStep, until: dt.date) -> ir.Table:
    if "customer_id" not in rows.columns:
        rows = rows.mutate(customer_id=ibis.null("string"))
    return _shaped(
        rows, at=rows.answered_at, day=rows.answered_date, key="survey " + rows.response_id,
        row="response_id", whole_day="surveys" in tables.whole_days,
    )  # fmt: skip


def only_midnights(days: Iterable[tuple[dt.date, dt.datetime, dt.datetime]], zone: str) -> bool:
    """Whether each day's first and last time (UTC) is that day's midnight in the zone.

    False without any day.
    """
    clock = zoneinfo.ZoneInfo(zone)
    seen = False
    for day, first, last in days:
        seen = True
        midnight = dt.datetime.combine(day, dt.time(), clock)
        allowed = {
            midnight.replace(fold=fold).astimezone(dt.UTC).replace(tzinfo=None) for fold in (0, 1)
        }
        if not {first, last} <= allowed:
            return False
    return seen
