import datetime as dt

import numpy as np
import pytest
from repurchase.analysis import newest


def people(name, n, joined, *, back=0, after=20):
    """So many newcomers of a day, of whom `back` order again after so many days."""
    again = (dt.date.fromisoformat(joined) + dt.timedelta(days=after)).isoformat()
    return {f"{name}{i}": [joined, *([again] if i < back else [])] for i in range(n)}


# on 30 September 2025 newcomers of 3 April to 2 July are 90 days old; earlier: a year before
NEW, OLD = "2025-05-10", "2024-05-10"


def ask(lives, windows, dates, money=None, data_from="2020-01-01", **first):
    w = windows("2025-09", data_from=data_from)
    days = lives(dates, until=w.seen_until.isoformat(), money=money, **first)
    return newest.newest_customers(days, w)


def test_the_windows_of_both_groups(windows):
    """The newest have had 90 days; the earlier ones joined in the same months a year ago."""
    w = windows("2025-09")
    thirty, ninety = newest.joiners_of(w, 30), newest.joiners_of(w, 90)

    assert (dt.date(2025, 4, 3), dt.date(2025, 7, 2)) == ninety.newest
    assert (dt.date(2024, 4, 3), dt.date(2024, 7, 2)) == ninety.earlier
    assert (dt.date(2024, 4, 3), dt.date(2024, 8, 31)) == thirty.earlier
    assert (dt.date(2025, 4, 3), dt.date(2025, 8, 31)) == thirty.newest


def test_the_same_age_is_compared(lives, windows):
    """40 newest, 10 back after 20 days; 100 earlier, 20 after 20 and 50 after 70 days."""
    dates = people("n", 40, NEW, back=10) | people("o", 50, OLD, back=20)
    dates |= people("p", 50, OLD, back=50, after=70)
    result = ask(lives, windows, dates)
    at30 = result.one("repurchase_30d", dimensions="joined=newest")
    old30 = result.one("repurchase_30d", dimensions="joined=earlier")
    old90 = result.one("repurchase_90d", dimensions="joined=earlier")

    assert (10, 40, 0.25) == (at30.numerator, at30.n, at30.value)
    assert (0.2, 0.7, 100) == (old30.value, old90.value, old90.n)
    row = result.frame[(result.frame["cut"] == "all") & (result.frame["age"] == 90)].iloc[0]
    assert 0.25 - 0.7 == pytest.approx(row["change"])
    # Newcombe: the reach of Wilson's .25 upwards and of his .7 downwards, .4019 and .6042
    reach = ((0.40195 - 0.25) ** 2 + (0.7 - 0.60415) ** 2) ** 0.5
    assert reach == pytest.approx(row["change_high"] - row["change"], abs=1e-4)


def test_margin_stops_at_the_age(lives, windows):
    """Ten each on day 0 and day 80 count, the order of day 100 does not: margin 10."""
    dates = people("n", 40, NEW) | people("o", 40, OLD)
    for name in list(dates):
        joined = dt.date.fromisoformat(dates[name][0])
        dates[name] += [(joined + dt.timedelta(days=d)).isoformat() for d in (80, 100)]
    record = ask(lives, windows, dates).one("newcomer_margin", dimensions="joined=newest")

    assert (10, 400, 40) == (record.value, record.numerator, record.n)


def test_what_the_first_order_date_says_is_the_customers(lives, windows):
    """A channel of 35 and one of 5: the small one is not judged, and says so."""
    dates = people("n", 35, NEW, back=7) | people("m", 5, NEW) | people("o", 60, OLD, back=30)
    channel = {n: "app" if n[0] in "no" else "web" for n in dates}
    result = ask(lives, windows, dates, channel=channel)

    assert 0.2 == result.one("repurchase_90d", dimensions="channel=app;joined=newest").value
    small = result.one("repurchase_90d", dimensions="channel=web;joined=newest")
    assert (None, 5) == (small.value, small.n)
    assert "fewer than 30" in small.reason


def test_a_campaign_is_held_against_all_earlier_newcomers(lives, windows):
    """The earlier ones came without that campaign."""
    dates = people("n", 40, NEW, back=10) | people("o", 100, OLD, back=20)
    result = ask(lives, windows, dates, campaign_id={n: "SPRING" for n in dates if n[0] == "n"})
    row = result.frame[(result.frame["cut"] == "campaign") & (result.frame["age"] == 30)].iloc[0]

    assert ("SPRING", 0.25, 0.2, 100) == tuple(row[["label", "value", "earlier", "earlier_n"]])


def test_a_young_campaign_says_from_when_it_can_be_read(lives, windows):
    """Joined on 20 August: 30 days are over, 60 are not before 19 October."""
    dates = people("n", 40, "2025-08-20") | people("m", 40, NEW) | people("o", 40, OLD)
    result = ask(lives, windows, dates, campaign_id={n: "AUG" for n in dates if n[0] == "n"})

    assert dt.date(2025, 10, 19) == newest.next_readable(result.frame)
    ages = result.frame.loc[result.frame["label"] == "AUG", "age"]
    assert [30] == ages.tolist()
    assert 40 == result.one("repurchase_30d", dimensions="campaign=AUG;joined=newest").n


def test_many_comparisons_are_judged_together(lives, windows):
    """Alone 40 % after 20 % among 100 looks sure; among a dozen others it is exploratory."""
    dates, channel = {}, {}
    for c in range(12):
        new = people(f"n{c}-", 100, NEW, back=33 if c == 0 else 20)
        old = people(f"o{c}-", 100, OLD, back=20)
        dates |= new | old
        channel |= dict.fromkeys([*new, *old], f"c{c}")
    frame = ask(lives, windows, dates, channel=channel).frame
    row = frame[(frame["label"] == "c0") & (frame["figure"] == "back")].iloc[0]

    assert "exploratory" == row["mark"]
    assert row["p"] > 0.05


def test_a_few_small_orders_do_not_look_sure(lives, windows):
    """Forty newest of 10 each, without one of the orders of 4,000 that one in forty had before.

    Their own spread is nought; with the earlier customers' spread no difference is claimed.
    """
    dates = people("n", 40, NEW) | people("o", 400, OLD)
    big = {f"o{i}" for i in range(10)}
    result = ask(lives, windows, dates, money=lambda name, rank: 4000.0 if name in big else 10.0)
    row = result.frame[result.frame["figure"] == "margin"].iloc[0]

    assert (5.0, "") == (row["value"], row["mark"])
    assert row["change_low"] < 0 < row["change_high"]


def test_without_margins_revenue_is_told(lives, windows):
    """The missing margin is named and revenue takes its place."""
    dates = people("n", 40, NEW) | people("o", 40, OLD)
    w = windows("2025-09")
    days = lives(dates)
    days = days.mutate(net_margin=days.net_margin.nullif(days.net_margin))
    result = newest.newest_customers(days, w)

    assert "not_computed" == result.one("newcomer_margin").status
    assert 10 == result.one("newcomer_revenue", dimensions="joined=newest").value


def test_a_short_history_compares_with_nobody(lives, windows):
    """Data from May 2024 do not hold the whole of the earlier months: no change is given."""
    dates = people("n", 40, NEW, back=10) | people("o", 40, OLD)
    result = ask(lives, windows, dates, data_from="2024-05-01")
    row = result.frame.iloc[0]

    assert 0.25 == row["value"]
    assert np.isnan(row["change"]) and row["mark"] == ""


def test_nothing_stands_where_the_earlier_may_be_no_newcomers(lives, windows):
    """Data from January 2024: whoever first orders in May may be older than the data."""
    dates = people("n", 100, NEW, back=60) | people("o", 100, OLD, back=10)

    marks = [
        ask(lives, windows, dates, data_from=day).frame.iloc[0]["mark"]
        for day in ("2023-04-03", "2023-04-04")
    ]
    assert ["stands", "exploratory"] == marks
