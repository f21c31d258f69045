"""Contacts with customers, as the checks of cadence, content and cost read them.

A touch is an event of one of the profile's types that was not made by a machine and did not fail.
Whether it was read is another matter.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir

from repurchase.params import FunnelRules
from repurchase.reasons import NO_TABLE, NO_TOUCHES, TOUCHES_BEGIN, reason


@dataclass(frozen=True)
class Touches:
    """All touches up to the period's end, with the events that answer or end them.

    `table` has one row a touch: event_id, customer_id, touched_at (UTC), touched_on (the day in
    the company's time zone), channel (its type where no channel is given), template_id,
    campaign_id, personal (flag, missing where unknown). `stops` are requests for no more:
    customer_id, stopped_on; `clicks` answers: customer_id, template_id, clicked_on. `begins` is
    the first touch's day, None if there is none at all.
    """

    table: ir.Table
    stops: ir.Table
    clicks: ir.Table
    begins: dt.date | None

    def between(self, first: dt.date, last: dt.date) -> ir.Table:
        """The touches of these days, both included."""
        return self.table.filter(self.table.touched_on.between(first, last))

    def missing_before(self, first: dt.date) -> str | None:
        """Why touches from that day on cannot be counted; None if they can."""
        if self.begins is None:
            return NO_TOUCHES
        if self.begins > first:
            return reason(TOUCHES_BEGIN, day=self.begins.isoformat())
        return None


NO_EVENTS = reason(NO_TABLE, table="events")


def touches_of(events: ir.Table | None, rules: FunnelRules) -> Touches | None:
    """The touches, requests for no more and clicks of a table of events; None without a table."""
    if events is None:
        return None
    seen = events.filter(~events.is_bot.fill_null(False))
    failed = seen.outcome.isin(rules.failed_outcomes).fill_null(False)
    sent = seen.filter(seen.type.isin(rules.touches) & ~failed)
    stops = seen.filter(seen.type.isin(rules.opt_outs)) if rules.opt_outs else _none(seen)
    clicks = seen.filter(seen.type.isin(rules.clicks)) if rules.clicks else _none(seen)
    table = sent.select(
        "event_id",
        "customer_id",
        "template_id",
        "campaign_id",
        touched_at=sent.occurred_at,
        touched_on=sent.occurred_date,
        channel=ibis.coalesce(sent.channel, sent.type),
        personal=sent.is_personalised,
    )
    return Touches(
        table,
        stops.select("customer_id", stopped_on=stops.occurred_date),
        clicks.select("customer_id", "template_id", clicked_on=clicks.occurred_date),
        table.touched_on.min().to_pyarrow().as_py(),
    )


def _none(rows: ir.Table) -> ir.Table:
    return rows.filter(ibis.literal(False))
