"""Campaign contacts and their answers, by hand-made events."""

import datetime as dt

import ibis
import pandas as pd
from repurchase.analysis.campaigns import answers
from repurchase.analysis.touches import NO_EVENTS
from repurchase.params import FunnelRules
from repurchase.reasons import NO_CAMPAIGNS

SCHEMA = {
    "customer_id": "string", "campaign_id": "string", "type": "string", "channel": "string",
    "outcome": "string", "is_bot": "boolean", "occurred_date": "date",
}  # fmt: skip


def events(*rows):
    """Events of (customer, campaign, type, day[, channel, outcome, is_bot])."""
    made = []
    for who, campaign, kind, day, *more in rows:
        channel, outcome, bot = (*more, *("mail", None, False)[len(more):])
        made.append((who, campaign, kind, channel, outcome, bot, dt.date.fromisoformat(day)))
    return ibis.memtable(pd.DataFrame(made, columns=list(SCHEMA)), schema=SCHEMA)


def shares(table, windows, period="2025-09"):
    result = answers(table, windows(period), FunnelRules())
    return {r.dimensions: (r.numerator, r.n) for r in result.records}


def test_a_contact_is_a_customer_and_a_campaign(windows):
    """Two messages of one campaign are one contact, of two campaigns two; one click answers one."""
    found = shares(
        events(
            ("ann", "c1", "sms", "2025-06-01"), ("ann", "c1", "sms", "2025-06-03"),
            ("ann", "c2", "sms", "2025-07-01"), ("bob", "c1", "sms", "2025-06-01"),
            ("ann", "c1", "sms_click", "2025-06-04"), ("ann", "c1", "sms_click", "2025-06-05"),
        ),
        windows,
    )  # fmt: skip

    assert {"": (1, 3), "channel=mail": (1, 3), "campaign=c1": (1, 2), "campaign=c2": (0, 1)} == (
        found
    )


def test_an_answer_is_of_that_customer_and_campaign_since_the_contact(windows):
    """On its day counts; before it, of another campaign, by a machine or after the end does not."""
    sent = [(who, "c1", "sms", "2025-06-10") for who in "abcdef"]
    clicks = [
        ("a", "c1", "sms_click", "2025-06-10"), ("b", "c1", "sms_click", "2025-06-09"),
        ("c", "c2", "sms_click", "2025-06-11"), ("d", None, "sms_click", "2025-06-11"),
        ("e", "c1", "sms_click", "2025-06-11", "mail", None, True),
    ]  # fmt: skip

    assert (1, 6) == shares(events(*sent, *clicks), windows)["campaign=c1"]


def test_what_failed_was_no_contact(windows):
    """Nor what a campaign sent more than 24 months ago."""
    table = events(
        ("a", "c1", "sms", "2025-06-10"), ("b", "c1", "sms", "2025-06-10", "mail", "failed"),
        ("c", "c0", "sms", "2023-09-30"), ("d", "c9", "sms", "2023-10-01"),
    )  # fmt: skip

    assert {"": 2, "channel=mail": 2, "campaign=c1": 1, "campaign=c9": 1} == {
        k: n for k, (_, n) in shares(table, windows).items()
    }


def test_young_contacts_make_a_share_provisional(windows):
    """Those of the last thirty days; 31 August is thirty days before the end of September."""
    old = answers(events(("a", "c1", "sms", "2025-08-31")), windows("2025-09"), FunnelRules())
    young = answers(events(("a", "c1", "sms", "2025-09-01")), windows("2025-09"), FunnelRules())

    assert ({"final"}, {"provisional"}) == tuple(
        {r.status for r in result.records} for result in (old, young)
    )
    assert 1 == young.frame["young"].iloc[0]


def test_what_there_is_not_is_named(windows):
    """No events, or none that names its campaign."""
    for table, why in ((None, NO_EVENTS), (events(("a", None, "sms", "2025-06-01")), NO_CAMPAIGNS)):
        record = answers(table, windows("2025-09"), FunnelRules()).records[0]
        assert ("not_computed", why) == (record.status, record.reason)
