"""How late the data are, by hand-made orders and contacts."""

import datetime as dt

import ibis
import pandas as pd
import pytest
from repurchase.analysis import delay
from repurchase.analysis.freshness import Source
from repurchase.analysis.touches import touches_of
from repurchase.params import FunnelRules
from repurchase.reasons import NO_LOADED, NO_TOUCHES

ZONE = "Asia/Shanghai"
SCHEMA = {
    "order_id": "string", "customer_id": "string", "ordered_at": "timestamp",
    "loaded_at": "timestamp", "order_date": "date", "source_system": "string",
    "store_id": "string", "channel": "string", "is_purchase": "boolean",
}  # fmt: skip
EVENTS = {
    "event_id": "string", "customer_id": "string", "type": "string", "channel": "string",
    "template_id": "string", "campaign_id": "string", "outcome": "string", "is_bot": "boolean",
    "is_personalised": "boolean", "occurred_at": "timestamp", "occurred_date": "date",
    "loaded_at": "timestamp",
}  # fmt: skip


def utc(local):
    """A Shanghai clock time as stored."""
    return None if local is None else pd.Timestamp(local) - pd.Timedelta(hours=8)


def orders(*rows):
    """Orders from (day or time, loaded, system, store, customer); times are Shanghai's."""
    made = []
    for number, row in enumerate(rows):
        at, loaded, system, store, customer = (*row, None, "S1", f"c{number}")[:5] if len(
            row) == 2 else (*row, *("S1", f"c{number}")[len(row) - 3:])[:5]  # fmt: skip
        at = at if len(at) > 10 else f"{at}T12:00:00"
        loaded = loaded if loaded is None or len(loaded) > 10 else f"{loaded}T04:00:00"
        made.append((f"o{number}", customer, utc(at), utc(loaded),
                     dt.date.fromisoformat(at[:10]), system, store, "store", True))  # fmt: skip
    return ibis.memtable(pd.DataFrame(made, columns=list(SCHEMA)), schema=SCHEMA)


def contacts(*rows):
    """Text messages from (time, customer)."""
    made = [
        (f"e{n}", who, "sms", "sms", None, None, None, False, None, utc(at),
         dt.date.fromisoformat(at[:10]), utc(at))
        for n, (at, who) in enumerate(rows)
    ]  # fmt: skip
    events = ibis.memtable(pd.DataFrame(made, columns=list(EVENTS)), schema=EVENTS)
    return touches_of(events, FunnelRules())


def loaded(table, windows):
    return delay.loaded("orders", table, windows, zone=ZONE)


def test_delays_are_counted_in_days_of_the_company(windows):
    """Ordered at 23:00 and loaded an hour and a half later is the next day, in Shanghai."""
    table = orders(
        ("2025-09-10T23:00:00", "2025-09-11T00:30:00", "POS"),
        ("2025-09-10T09:00:00", "2025-09-10T23:59:59", "POS"),
        ("2025-09-10T09:00:00", "2025-09-14T01:00:00", "POS"),
        ("2025-09-10T09:00:00", None, "POS"),
        ("2025-09-10T09:00:00", "2025-09-09T09:00:00", "POS"),
        ("2025-08-10T09:00:00", "2025-09-09T09:00:00", "POS"),
    )
    w = windows("2025-09")
    result = delay.arrivals([loaded(table, w)], w, late_days=2)
    row = result.frame.iloc[0]

    assert (5, 1, 1, 3) == (row["rows"], row["without"], row["backwards"], row["known"])
    assert (1, 4, 4) == (row["p50"], row["p95"], row["worst"])
    assert (1, 1 / 3) == (row["late"], row["share"])
    share = result.one("late_arrival_share", dimensions="source_system=POS;table=orders")
    assert (1, 3) == (share.numerator, share.n)
    assert 0.0615 == pytest.approx(share.low, abs=5e-5)


def test_late_is_more_than_the_days_that_the_profile_names(windows):
    """Two days later is in time with two, late with one."""
    w = windows("2025-09")
    table = loaded(orders(("2025-09-10", "2025-09-12", "POS")), w)
    late = [
        delay.arrivals([table], w, late_days=n).frame.iloc[0]["late"] for n in (1, 2)
    ]

    assert [1, 0] == late


def test_orders_without_a_time_of_loading_say_so(windows):
    """And a month without orders says that."""
    w = windows("2025-09")
    nothing = delay.arrivals([loaded(orders(("2025-09-10", None, "POS")), w)], w, late_days=2)
    empty = delay.arrivals([loaded(orders(("2025-07-10", None, "POS")), w)], w, late_days=2)

    assert {NO_LOADED} == {r.reason for r in nothing.records}
    assert ["nobody to count in the period"] == [r.reason for r in empty.records]


def test_every_day_has_its_delays(windows):
    """Also those before the period, up to 26 weeks back."""
    w = windows("2025-09")
    table = orders(
        ("2025-09-10", "2025-09-11", "POS"), ("2025-09-10", "2025-09-19", "POS"),
        ("2025-04-02", "2025-04-02", "POS"), ("2025-03-31", "2025-04-02", "POS"),
    )  # fmt: skip
    frame = delay.by_day(loaded(table, w), late_days=2).frame

    assert [dt.date(2025, 4, 2), dt.date(2025, 9, 10)] == frame["day"].tolist()
    assert [[1, 0, 0], [2, 9, 1]] == frame[["rows", "worst", "late"]].to_numpy().tolist()


def outage(days, per_day, *, store="S2"):
    """A store whose orders of those September days all came on the 24th."""
    return [
        (f"2025-09-{day:02d}", "2025-09-24", "POS", store) for day in days for _ in range(per_day)
    ]


def in_time(days, per_day, *, store):
    return [
        (f"2025-09-{d:02d}", f"2025-09-{d + 1:02d}", "POS", store) for d in days
        for _ in range(per_day)
    ]  # fmt: skip


def test_a_store_whose_orders_come_late_for_days_is_an_outage(windows):
    """Four orders a day of S2 on three days; the system and the channel as a whole are in time."""
    rows = [*outage((5, 6, 7), 4), *in_time(range(1, 21), 9, store="S1"),
            *in_time((3, 4, 8), 4, store="S2")]  # fmt: skip
    frame = delay.outages(orders(*rows), windows("2025-09"), zone=ZONE, late_days=2).frame
    (row,) = frame.to_dict("records")

    assert ("store_id", "S2", 3, 12, 12, 19) == (
        row["cut"], row["label"], row["days"], row["orders"], row["late"], row["worst"]
    )  # fmt: skip
    assert (dt.date(2025, 9, 5), dt.date(2025, 9, 7), dt.date(2025, 9, 24)) == (
        row["first"], row["last"], row["loaded"]
    )  # fmt: skip


@pytest.mark.parametrize(
    ("days", "per_day"), [((5, 6), 9), ((5, 7, 9), 9), ((5, 6, 7), 3)]
)
def test_fewer_days_or_orders_are_no_outage(windows, days, per_day):
    """Two days; three days with sound ones between; nine orders in all."""
    rows = [*outage(days, per_day), *in_time((6, 8), 9, store="S2"),
            *in_time(range(1, 21), 40, store="S1")]  # fmt: skip

    assert delay.outages(orders(*rows), windows("2025-09"), zone=ZONE, late_days=2).frame.empty


def steady(*, last, system="POS", first="2025-05-01", per_day=10):
    """Ten orders a day: nine loaded on the next day, one after four; nothing after `last`."""
    found = []
    for day in pd.date_range(first, "2025-09-30"):
        for lag in [1] * (per_day - 1) + [4]:
            arrives = day + pd.Timedelta(days=lag)
            if arrives <= pd.Timestamp(last):
                found.append((f"{day:%Y-%m-%d}", f"{arrives:%Y-%m-%d}", system))
    return found


def test_the_last_days_lack_what_has_not_arrived(windows):
    """Loaded up to 1 October: of the last three days one order each is missing, nine are there.

    30 September was followed for one day, at which 90 % have arrived: 9 (1 - 0.9) / 0.9 = 1.
    """
    w = windows("2025-09")
    found = delay.curves(loaded(orders(*steady(last="2025-10-01")), w), w, draws=200)
    shares = delay.completeness(found)
    weeks = delay.last_weeks(found, w)
    at = {age: shares.one("arrived_share", dimensions=f"age={age}").value for age in (0, 1, 2, 3)}

    assert {0: 0.0, 1: 0.9, 2: 0.9, 3: 0.9} == pytest.approx(at)
    assert 4 == shares.one("days_until_complete").value
    last = weeks.one("missing_orders", dimensions="weeks_ago=0")
    assert (3.0, 67) == (pytest.approx(last.value), last.n)
    assert last.low <= 3 <= last.high
    assert 0 == weeks.one("missing_orders", dimensions="weeks_ago=1").value
    assert 3.0 == pytest.approx(weeks.one("missing_orders", dimensions="span=period").value)


def test_each_system_has_its_own_curve(windows):
    """A slow system beside a fast one that sells more lately: what is missing is the slow one's."""
    days = [*pd.date_range("2025-05-01", "2025-09-30"), *pd.date_range("2025-09-26", "2025-09-30")]
    fast = [(f"{d:%Y-%m-%d}", f"{d:%Y-%m-%d}", "APP") for d in days for _ in range(10)]
    w = windows("2025-09")
    found = delay.curves(loaded(orders(*steady(last="2025-10-01"), *fast), w), w, draws=50)
    weeks = delay.last_weeks(found, w).frame

    assert ["", "APP", "POS"] == [curve.system for curve in found]
    assert 1.0 == found[1].found.share[0]
    assert 3.0 == pytest.approx(weeks.iloc[-1]["missing"])
    assert 0.9 == pytest.approx(found[2].found.share[1])


def test_a_day_of_which_nothing_has_come_is_named_and_not_guessed(windows):
    """Loaded up to the 30th or 29th: of one day or two nothing can have arrived yet."""
    w = windows("2025-09")
    for until, untold in (("2025-09-30", 1), ("2025-09-29", 2)):
        found = delay.curves(loaded(orders(*steady(last=until)), w), w, draws=50)
        last = delay.last_weeks(found, w).one("missing_orders", dimensions="weeks_ago=0")

        assert ("provisional", 67 - 10 * untold) == (last.status, last.n)
        assert last.reason.startswith(f"of {untold} days too little has arrived")


def test_too_few_orders_have_no_curve(windows):
    """Ninety-nine with a time of loading."""
    w = windows("2025-09")
    table = orders(*[("2025-09-10", "2025-09-11", "POS")] * 99)
    found = delay.curves(loaded(table, w), w)

    assert () == found
    assert "fewer than 100" in delay.completeness(found).records[0].reason
    assert "not_computed" == delay.last_weeks(found, w).records[0].status


def test_a_contact_is_stale_between_the_order_and_its_loading(windows):
    """Before the order, after its loading, and to somebody else are not."""
    table = orders(("2025-09-10T10:00:00", "2025-09-12T10:00:00", "POS", "S1", "ann"))
    sent = contacts(
        ("2025-09-10T09:59:00", "ann"), ("2025-09-10T10:01:00", "ann"),
        ("2025-09-12T09:59:00", "ann"), ("2025-09-12T10:01:00", "ann"),
        ("2025-09-11T10:00:00", "bob"), ("2025-10-01T10:00:00", "ann"),
    )  # fmt: skip
    result = delay.stale_touches(sent, table, windows("2025-09"), zone=ZONE)
    share = result.one("stale_touch_share")

    assert (2, 5, 0.4) == (share.numerator, share.n, share.value)
    frame = result.frame.set_index(["cut", "label"])
    assert 2 == frame.loc[("channel", "sms"), "stale"] == frame.loc[("source_system", "POS"),
                                                                    "stale"]  # fmt: skip


def test_a_contact_counts_once_however_many_orders_it_did_not_know_of(windows):
    """Two orders on the way, one message."""
    on_way = ("2025-09-12T10:00:00", "POS", "S1", "ann")
    table = orders(("2025-09-10T10:00:00", *on_way), ("2025-09-10T11:00:00", *on_way))
    share = delay.stale_touches(
        contacts(("2025-09-11T10:00:00", "ann")), table, windows("2025-09"), zone=ZONE
    ).one("stale_touch_share")

    assert (1, 1) == (share.numerator, share.n)


def test_orders_that_tell_no_time_have_happened_at_the_end_of_their_day(windows):
    """A message of the same day may have come first."""
    table = orders(("2025-09-10T00:00:00", "2025-09-12T10:00:00", "POS", "S1", "ann"))
    sent = contacts(("2025-09-10T20:00:00", "ann"), ("2025-09-11T20:00:00", "ann"))
    share = delay.stale_touches(sent, table, windows("2025-09"), zone=ZONE).one(
        "stale_touch_share"
    )

    assert (1, 2) == (share.numerator, share.n)


def test_a_month_without_contacts_says_so(windows):
    """No share of nothing."""
    table = orders(("2025-09-10", "2025-09-12", "POS"))
    sent = contacts(("2025-07-10T20:00:00", "ann"))
    record = delay.stale_touches(sent, table, windows("2025-09"), zone=ZONE).records[0]

    assert ("not_computed", NO_TOUCHES) == (record.status, record.reason)


def test_the_oldest_source_against_its_limit_stands_first():
    """Fifty of sixty days are less than forty of forty-five."""
    day = dt.date(2025, 8, 1)
    result = delay.freshness(
        [Source("costs", "", day, 50, 60), Source("orders", "POS", day, 40, 45, 1)]
    )

    assert ["orders", "costs"] == result.frame["table"].tolist()
    assert 40 == result.one("source_age", dimensions="source_system=POS;table=orders").value
