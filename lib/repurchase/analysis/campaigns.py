"""Who answered the campaigns that they were contacted with.

A contact is a customer and a campaign, however many messages of it he got. Whom a campaign was
sent to is most often chosen: what followed describes the chosen and is no effect of the campaign.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import ibis.expr.types as ir
import pandas as pd

from repurchase.analysis.ratios import flag
from repurchase.analysis.touches import NO_EVENTS
from repurchase.analysis.windows import ONE_DAY, Windows
from repurchase.params import FunnelRules
from repurchase.period import add_months
from repurchase.reasons import NO_CAMPAIGNS
from repurchase.records import Record, Result, dimensions
from repurchase.stats.proportion import wilson

MONTHS = 24
CUTS = ("all", "channel", "campaign")
COLUMNS = ["cut", "label", "first", "contacts", "answered", "share", "low", "high", "young"]


def answers(events: ir.Table | None, windows: Windows, rules: FunnelRules) -> Result:
    """Contacts of the campaigns of the last 24 months, and those that were answered so far.

    A contact is answered by an event of the profile's `clicks` of the same customer with the same
    campaign, on the day of the first contact or later. Columns: cut ("all", "channel",
    "campaign"), label ("" where no channel is known), first (day of the first contact), contacts,
    answered, share, low, high, young (contacts of the last `response_days` days, which may still
    be answered); by cut the most contacts first. Records `campaign_answer_share`, of all, by
    channel and by campaign; provisional where some are young.
    """
    if events is None:
        return _none(NO_EVENTS)
    counted = _counted(events, windows, rules)
    if counted.empty:
        return _none(NO_CAMPAIGNS)
    labelled = counted.assign(all="")
    parts = [_summed(cut, labelled.assign(label=labelled[cut])) for cut in CUTS]
    frame = pd.concat(parts, ignore_index=True)
    return Result(frame, tuple(_record(row) for row in frame.to_dict("records")))


def _none(why: str) -> Result:
    record = Record("campaign_answer_share", None, "share", status="not_computed", reason=why)
    return Result(pd.DataFrame(columns=COLUMNS), (record,))


def _counted(events: ir.Table, windows: Windows, rules: FunnelRules) -> pd.DataFrame:
    """By campaign and channel: first day, contacts, answered, young."""
    end = windows.seen_until
    seen = events.filter(~events.is_bot.fill_null(False) & events.campaign_id.notnull())
    failed = seen.outcome.isin(rules.failed_outcomes).fill_null(False)
    sent = seen.filter(seen.type.isin(rules.touches) & ~failed & (seen.occurred_date <= end))
    contacts = sent.group_by("customer_id", "campaign_id").aggregate(
        first=sent.occurred_date.min(), channel=sent.channel.fill_null("").min()
    )
    begin = add_months(end, -MONTHS) + ONE_DAY
    contacts = contacts.filter(contacts["first"] >= begin)
    told = seen.filter(seen.type.isin(rules.clicks)) if rules.clicks else seen.limit(0)
    last = told.group_by("customer_id", "campaign_id").aggregate(last=told.occurred_date.max())
    both = contacts.left_join(last, ["customer_id", "campaign_id"])
    young = both["first"] > end - dt.timedelta(days=rules.response_days)
    counted = both.group_by(campaign=both.campaign_id, channel=both.channel).aggregate(
        first=both["first"].min(),
        contacts=both.count(),
        answered=flag(both["last"] >= both["first"]).sum(),
        young=flag(young).sum(),
    )
    return counted.order_by("campaign", "channel").to_pandas()


def _summed(cut: str, part: pd.DataFrame) -> pd.DataFrame:
    grouped = part.groupby("label").agg(
        {"first": "min", "contacts": "sum", "answered": "sum", "young": "sum"}
    )
    rows = grouped.reset_index().sort_values(["contacts", "label"], ascending=[False, True])
    shares = [wilson(k, n) for k, n in zip(rows["answered"], rows["contacts"], strict=True)]
    told = pd.DataFrame(shares, columns=["share", "low", "high"], index=rows.index)
    rows = rows.assign(cut=cut, first=pd.to_datetime(rows["first"]).dt.date).join(told)
    return rows[COLUMNS]


def _record(row: dict[Any, Any]) -> Record:
    young = row["young"] > 0
    return Record(
        "campaign_answer_share", float(row["share"]), "share",
        "" if row["cut"] == "all" else dimensions(**{row["cut"]: row["label"]}),
        low=float(row["low"]), high=float(row["high"]), numerator=float(row["answered"]),
        n=float(row["contacts"]), status="provisional" if young else "final",
    )  # fmt: skip
