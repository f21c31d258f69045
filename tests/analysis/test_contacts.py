"""Cadence, content and cost on contacts that a pencil can check."""

import datetime as dt

import ibis
import pandas as pd
import pytest
from repurchase.analysis import attribution, cadence, contact_counts, contact_tests, content, dose
from repurchase.analysis.standing import Known
from repurchase.analysis.touches import touches_of
from repurchase.params import FunnelRules
from repurchase.records import Result

EVENTS = {
    "event_id": "string", "customer_id": "string", "type": "string", "channel": "string",
    "template_id": "string", "campaign_id": "string", "outcome": "string",
    "is_personalised": "boolean", "is_bot": "boolean", "occurred_at": "timestamp",
    "occurred_date": "date",
}  # fmt: skip
RULES = FunnelRules()
EARLY = ("nobody", "2020-01-01", "sms")


def events(*rows, early=True):
    """From (customer, day, type) or with a fourth field that changes the row.

    A contact long ago, so that nothing is too early to be counted.
    """
    found = []
    for number, (customer, day, kind, *more) in enumerate((EARLY, *rows) if early else rows):
        told = more[0] if more else {}
        at = dt.datetime.fromisoformat(told.pop("at", f"{day} 09:00:00"))
        channel = {"email_sent": "email", "call": "phone"}.get(kind, kind.split("_")[0])
        found.append({
            "event_id": f"e{number:03d}", "customer_id": customer, "type": kind,
            "channel": channel, "template_id": None, "campaign_id": None, "outcome": None,
            "is_personalised": None, "is_bot": False, "occurred_at": at,
            "occurred_date": dt.date.fromisoformat(day), **told,
        })  # fmt: skip
    return ibis.memtable(pd.DataFrame(found, columns=list(EVENTS)), schema=EVENTS)


def touches(*rows, rules=RULES, early=True):
    return touches_of(events(*rows, early=early), rules)


def each_day(customer, first, count, kind="sms", **more):
    start = dt.date.fromisoformat(first)
    return [
        (customer, (start + dt.timedelta(days=i)).isoformat(), kind, dict(more))
        for i in range(count)
    ]


def people(**last):
    """Customer summaries as far as the counts read them: name=(last date, order dates)."""
    rows = [(name, dt.date.fromisoformat(day), n) for name, (day, n) in last.items()]
    schema = {"customer_id": "string", "last_date": "date", "order_days": "int64"}
    return ibis.memtable(pd.DataFrame(rows, columns=list(schema)), schema=schema)


def ids(*names):
    return ibis.memtable(
        pd.DataFrame({"customer_id": list(names)}), schema={"customer_id": "string"}
    )


def test_a_touch_is_sent_by_a_person_and_arrives() -> None:
    """A machine's, a failed one and an opening are none; without a channel it is the type."""
    found = touches(
        ("a", "2025-09-01", "sms"), ("a", "2025-09-01", "sms", {"outcome": "failed"}),
        ("a", "2025-09-01", "email_sent", {"is_bot": True}), ("a", "2025-09-01", "email_open"),
        ("a", "2025-09-02", "visit", {"channel": None}), early=False,
    )  # fmt: skip
    rows = found.table.order_by("event_id").to_pandas()

    assert ["sms", "visit"] == rows["channel"].tolist()
    assert dt.date(2025, 9, 1) == found.begins
    assert touches_of(None, RULES) is None


# ---- counts --------------------------------------------------------------------------------------


def counted(seen, windows, lives, *, rules=RULES, now=None, before=None, **book):
    active = now if now is not None else people(a=("2025-08-01", 2))
    told = contact_counts.Book(
        summaries=(active, before if before is not None else active),
        days=lives(book.pop("orders", {"a": ["2025-08-01"]})),
        due=book.pop("due", ids()), **book,
    )  # fmt: skip
    return contact_counts.counts(seen, told, windows("2025-09"), rules, activity_months=12)


def row_of(found, fact):
    return found.frame.set_index("fact").loc[fact]


def test_more_than_the_limit_in_thirty_days(windows, lives) -> None:
    """13 in September are too many, 12 are not, nor are 13 of which one was on 31 August.

    In August b alone was beyond, of three who were contacted: nobody at all of the change.
    """
    seen = touches(
        *each_day("a", "2025-09-01", 13), *each_day("b", "2025-08-15", 13),
        *each_day("c", "2025-08-31", 13), *each_day("d", "2025-09-18", 12),
    )  # fmt: skip
    found = counted(seen, windows, lives)
    row = row_of(found, "over_contacted")

    assert (1, 3, 1, 0) == tuple(row[["value", "n", "previous", "change"]])
    assert (1, 3) == (found.one("over_contacted").value, found.one("over_contacted").n)
    assert 0 == found.one("over_contacted", compare_to="previous").change
    strict = counted(seen, windows, lives, rules=FunnelRules(touch_limit=11))
    assert 3 == row_of(strict, "over_contacted")["value"]


def test_the_forgotten_are_active_and_can_be_reached(windows, lives) -> None:
    """Ninety days up to 30 September begin on 3 July: a was contacted then, b a day earlier.

    c has no contact at all and is due; d refuses all; e has not ordered for more than a year.
    """
    now = people(
        a=("2025-06-01", 1), b=("2025-06-01", 1), c=("2024-10-01", 4), d=("2025-06-01", 1),
        e=("2024-09-30", 1),
    )  # fmt: skip
    seen = touches(("a", "2025-07-03", "call"), ("b", "2025-07-02", "call"))
    found = counted(
        seen, windows, lives, now=now, before=now, due=ids("c", "a"), unreachable=ids("d")
    )

    assert (2, 3) == tuple(row_of(found, "forgotten")[["value", "n"]])
    assert (1, 2) == tuple(row_of(found, "forgotten_due")[["value", "n"]])
    unknown = counted(seen, windows, lives, now=now, due="nobody has a rhythm")
    assert "nobody has a rhythm" == row_of(unknown, "forgotten_due")["missing"]


def test_two_channels_within_two_days(windows, lives) -> None:
    """a: two days apart; b: three; c: the same channel; d: the first lay in August; e: both in it.

    A contact between the two hides nothing: f gets a text, a text and an e-mail in two days.
    """
    seen = touches(
        ("a", "2025-09-01", "sms"), ("a", "2025-09-03", "call"),
        ("b", "2025-09-01", "sms"), ("b", "2025-09-04", "call"),
        ("c", "2025-09-01", "sms"), ("c", "2025-09-01", "sms"),
        ("d", "2025-08-31", "sms"), ("d", "2025-09-01", "email_sent"),
        ("e", "2025-08-30", "sms"), ("e", "2025-08-31", "email_sent"),
        ("f", "2025-09-10", "sms"), ("f", "2025-09-11", "sms"), ("f", "2025-09-12", "email_sent"),
    )  # fmt: skip
    row = row_of(counted(seen, windows, lives), "two_channels")

    assert (3, 5, 1) == tuple(row[["value", "n", "previous"]])


def test_campaign_contacts_after_the_order(windows, lives) -> None:
    """a ordered on the 1st: the 2nd and 4th are too late, the 1st and the 5th are not.

    A call that belongs to no campaign counts nowhere; two orders make one contact late once.
    """
    wave = {"campaign_id": "w"}
    seen = touches(
        *((("a"), f"2025-09-0{d}", "sms", dict(wave)) for d in (1, 2, 4, 5)),
        ("a", "2025-09-02", "call"), ("b", "2025-09-10", "sms", dict(wave)),
    )  # fmt: skip
    orders = {"a": ["2025-09-01"], "b": ["2025-09-08", "2025-09-09"]}
    found = counted(seen, windows, lives, orders=orders)

    assert (3, 5) == tuple(row_of(found, "touched_after_order")[["value", "n"]])


def test_asked_from_a_list_after_the_order(windows, lives) -> None:
    """August's list is worked off in September: a ordered before the call, b after it, c never.

    d's order of August was known when the list was drawn up; July's list is another month's.
    """
    rows = [
        ("a", "2025-08", "2025-09-10"), ("b", "2025-08", "2025-09-10"),
        ("c", "2025-08", "2025-09-10"), ("d", "2025-08", "2025-09-10"),
        ("e", "2025-08", None), ("f", "2025-07", "2025-09-10"),
    ]  # fmt: skip
    schema = {"customer_id": "string", "list_period": "string", "contacted_on": "date"}
    listed = ibis.memtable(pd.DataFrame(rows, columns=list(schema)), schema=schema)
    orders = {
        "a": ["2025-09-09"], "b": ["2025-09-10"], "d": ["2025-08-31"], "f": ["2025-09-01"]
    }  # fmt: skip
    seen = touches(("a", "2025-09-10", "call"))
    found = counted(seen, windows, lives, orders=orders, listed=listed)

    assert (1, 4) == tuple(row_of(found, "listed_after_order")[["value", "n"]])
    without = counted(seen, windows, lives, orders=orders)
    assert "list_results" in row_of(without, "listed_after_order")["missing"]


def test_counts_that_reach_before_the_contacts_are_not_made(windows, lives) -> None:
    """Contacts since 15 August: September counts, August cannot be told, nor ninety days."""
    seen = touches(("a", "2025-08-15", "sms"), ("a", "2025-09-02", "sms"), early=False)
    found = counted(seen, windows, lives)

    assert (0, 1) == tuple(row_of(found, "over_contacted")[["value", "n"]])
    assert "2025-08-15" in found.one("over_contacted", compare_to="previous").reason
    assert "2025-08-15" in found.one("forgotten").reason
    for nothing, word in ((None, "events"), (touches(("a", "2025-09-01", "cart"), early=False),
                                             "no event is a contact")):  # fmt: skip
        made = counted(nothing, windows, lives)
        assert made.frame.empty
        assert word in made.one("over_contacted").reason


def test_a_month_without_a_contact_counts_nobody(windows, lives) -> None:
    """Nobody of nobody has no share; whoever is active is forgotten."""
    found = counted(touches(), windows, lives)

    assert (0, 0) == tuple(row_of(found, "over_contacted")[["value", "n"]])
    assert (1, 1) == tuple(row_of(found, "forgotten")[["value", "n"]])


# ---- dose ----------------------------------------------------------------------------------------


def crowd(name, n):
    return [f"{name}{i:03d}" for i in range(n)]


def dosed(windows, lives, *, rules=RULES):
    """40 with one contact, of whom 10 order and none leaves; 40 with 13, of whom 4 do and 8 leave.

    30 without: nobody orders. Dose: 2 to 31 August; outcome: September.
    """
    one, much, none = crowd("o", 40), crowd("m", 40), crowd("n", 30)
    rows = [(c, "2025-08-31", "sms") for c in one]
    rows += [row for c in much for row in each_day(c, "2025-08-02", 13)]
    # on the day before the dose, and in the days of the outcome
    rows += [(c, day, "sms") for c in none for day in ("2025-08-01", "2025-09-01")]
    rows += [(c, "2025-09-30", "unsubscribe") for c in much[:8]]
    rows += [(c, "2025-08-31", "unsubscribe") for c in one]
    orders = {c: ["2025-09-01"] for c in (*one[:10], *much[:4])}
    orders |= {c: ["2025-08-31"] for c in none}
    summary = people(**{c: ("2025-07-20", 1) for c in (*one, *much, *none)},
                     gone=("2024-08-01", 1))  # fmt: skip
    return dose.dose_response(
        touches(*rows), summary, lives(orders), windows("2025-09"), rules, activity_months=12
    )


def test_the_dose_comes_first_and_the_outcome_after(windows, lives) -> None:
    """Neither the contacts nor the orders of the other thirty days count; the gone one does not."""
    frame = dosed(windows, lives).frame.set_index("low")

    assert [30, 40, 40] == frame["customers"].tolist()
    assert [0, 10, 4] == frame["repurchase_count"].tolist()
    assert [0, 0, 8] == frame["opt_out_count"].tolist()
    assert [False, True, False] == frame["reference"].tolist()


def test_the_difference_from_the_fewest_contacts_by_hand(windows, lives) -> None:
    """All alike: 4 of 40 less 10 of 40, the plain variance of two shares; 8 of 40 less none."""
    found = dosed(windows, lives)
    row = found.frame.set_index("low").loc[13]
    half = 1.959964 * (0.1 * 0.9 / 40 + 0.25 * 0.75 / 40) ** 0.5

    expected = (-0.15, -0.15 - half, -0.15 + half)
    parts = ["repurchase_change", "repurchase_change_low", "repurchase_change_high"]
    assert expected == pytest.approx(tuple(row[parts]), abs=1e-6)
    assert ("", "stands") == (row["repurchase_mark"], row["opt_out_mark"])
    record = found.one("dose_opt_out_difference", dimensions="contacts=13+")
    assert (0.2, 40) == (pytest.approx(record.value), record.n)
    assert 0.25 == found.one("dose_repurchase", dimensions="contacts=1").value


def test_like_is_compared_with_like(windows, lives) -> None:
    """Frequent buyers get more and buy more; among like ones contact makes no difference.

    Of 60 who ordered once 50 get one contact, of 60 who ordered ten times 10: half of these buy,
    none of those, whatever they got.
    """
    rows, orders, summary = [], {}, {}
    for kind, n, many, share in (("r", 1, 10, 0), ("f", 10, 50, 2)):
        for i, c in enumerate(crowd(kind, 60)):
            summary[c] = ("2025-07-20", n)
            rows += each_day(c, "2025-08-02", 2 if i < many else 1)
            if share and i % share == 0:
                orders[c] = ["2025-09-05"]
    frame = dose.dose_response(
        touches(*rows), people(**summary), lives(orders), windows("2025-09"), RULES,
        activity_months=12,
    ).frame.set_index("low")  # fmt: skip

    assert (5 / 60, 25 / 60) == tuple(frame["repurchase_value"])
    assert 0.0 == frame.loc[2, "repurchase_change"]


def test_without_days_enough_there_is_no_dose(windows, lives) -> None:
    """Contacts that begin within the sixty days, no contacts, nobody active."""
    late = touches(("a", "2025-08-05", "sms"), early=False)
    for seen, summary, word in (
        (late, people(a=("2025-07-01", 1)), "2025-08-05"),
        (None, people(a=("2025-07-01", 1)), "events"),
        (touches(), people(a=("2023-07-01", 1)), "nobody"),
    ):
        found = dose.dose_response(
            seen, summary, lives({"a": ["2025-07-01"]}), windows("2025-09"), RULES,
            activity_months=12,
        )  # fmt: skip
        assert found.frame.empty
        assert word in found.one("dose_repurchase").reason


# ---- experiments ---------------------------------------------------------------------------------


def experiments(*arms, name="x", day="2025-08-20", share=0.5):
    """From (arm, customers)."""
    rows = [(name, c, arm, dt.date.fromisoformat(day), share) for arm, who in arms for c in who]
    schema = {"experiment_id": "string", "customer_id": "string", "arm": "string",
              "assigned_date": "date", "planned_share": "float64"}  # fmt: skip
    return ibis.memtable(pd.DataFrame(rows, columns=list(schema)), schema=schema)


def effect_of(table, seen, windows, lives, orders=None, data_from="2023-01-01"):
    days = lives(orders or {"nobody": ["2020-01-01"]})
    return contact_tests.tests(table, seen, days, windows("2025-09", data_from=data_from))


def test_everyone_assigned_counts_in_the_arm_of_the_assignment(windows, lives) -> None:
    """60 of 200 order in the thirty days from 20 August on, against 30 of 200; each way by hand.

    Half of the arm never got the message; orders of 19 August and of 19 September do not count.
    """
    arm, control = crowd("t", 200), crowd("c", 200)
    seen = touches(*((c, "2025-08-20", "sms") for c in arm[:100]))
    orders = {c: ["2025-08-20"] for c in arm[:60]} | {c: ["2025-09-18"] for c in control[:30]}
    orders |= {c: ["2025-08-19"] for c in arm[60:90]} | {c: ["2025-09-19"] for c in arm[90:99]}
    found = effect_of(experiments(("treatment", arm), ("control", control)), seen, windows, lives,
                   orders)  # fmt: skip
    row = found.frame.iloc[0]

    assert (0.3, 0.15) == (row["repurchase_value"], row["repurchase_other_value"])
    assert (0.5, 0.0) == (row["touches"], row["other_touches"])
    assert row["touches_differ"]
    assert row["fresh"]  # readable from 18 September on
    assert dt.date(2025, 9, 18) == row["readable_from"]
    record = found.one("contact_effect", dimensions="arm=treatment;experiment=x;outcome=repurchase")
    # Wilson: 60 of 200 .2408 to .3667, 30 of 200 .1071 to .2061 (Newcombe 1998, method 10)
    low = 0.15 - ((0.3 - 0.2408) ** 2 + (0.2061 - 0.15) ** 2) ** 0.5
    high = 0.15 + ((0.3667 - 0.3) ** 2 + (0.15 - 0.1071) ** 2) ** 0.5
    assert (0.15, low, high) == pytest.approx((record.value, record.low, record.high), abs=1e-4)
    assert "stands" == row["repurchase_mark"]


def test_a_broken_split_tells_nothing(windows, lives) -> None:
    """600 against 400 of planned halves (p 2.5e-10): withheld, with the sizes told."""
    table = experiments(("treatment", crowd("t", 600)), ("control", crowd("c", 400)))
    found = effect_of(table, touches(("t000", "2025-08-20", "sms")), windows, lives)
    record = found.one("contact_effect", dimensions="arm=treatment;experiment=x;outcome=repurchase")

    assert 2.5396e-10 == pytest.approx(found.frame["sample_p"].iloc[0], rel=1e-4)
    assert (None, "not_computed") == (record.value, record.status)
    assert "2.5e-10" in record.reason
    as_planned = experiments(("treatment", crowd("t", 600)), share=0.6)
    rest = experiments(("control", crowd("c", 400)), share=0.4)
    fair = effect_of(as_planned.union(rest), touches(), windows, lives)
    assert 1.0 == pytest.approx(fair.frame["sample_p"].iloc[0])


def test_whoever_stands_in_both_arms_counts_in_none(windows, lives) -> None:
    """Two membership numbers of one person, joined since: dropped, and told."""
    arms = ("treatment", [*crowd("t", 50), "both"]), ("control", ["both", *crowd("c", 50)])
    row = effect_of(experiments(*arms), touches(), windows, lives).frame.iloc[0]

    assert (50, 50, 1) == (row["n"], row["other_n"], row["dropped"])


@pytest.mark.parametrize(
    ("table", "word"),
    [
        (None, "experiments"),
        (experiments(("a", crowd("t", 50)), ("b", crowd("c", 50)), day="2025-09-02"), "30 days"),
        (experiments(("a", crowd("t", 50))), "30 days"),
        (experiments(("a", crowd("t", 50)), ("b", crowd("c", 29))), "fewer than 30"),
        (experiments(("a", crowd("t", 50)), ("b", crowd("c", 50)), share=None), "planned shares"),
    ],
)
def test_what_is_no_test_says_why(table, word, windows, lives) -> None:
    """No table, not ripe, one arm, too few, sizes that nobody planned."""
    found = effect_of(table, touches(), windows, lives)

    assert {"not_computed"} == {r.status for r in found.records}
    assert word in found.records[0].reason


def test_other_content_for_the_same_number_of_contacts(windows, lives) -> None:
    """Both arms get one text, of different templates: content alone is told apart."""
    arm, control = crowd("t", 100), crowd("c", 100)
    seen = touches(
        *((c, "2025-08-21", "sms", {"template_id": "new"}) for c in arm),
        *((c, "2025-08-21", "sms", {"template_id": "old"}) for c in control),
    )
    table = experiments(("treatment", arm), ("control", control))
    frame = effect_of(table, seen, windows, lives).frame

    assert (False, True) == (frame["touches_differ"].iloc[0], frame["content_differs"].iloc[0])
    assert 1 == len(content.clean(frame))
    # half a contact more is another number of contacts, also where too few show that it is
    assert content.clean(frame.assign(touch_change=0.5)).empty


# ---- content -------------------------------------------------------------------------------------


def responses(windows, lives, rows, orders):
    return content.responses(touches(*rows), lives(orders), windows("2025-09"), RULES)


def messages(share_a=30, share_b=20):
    """Two templates of one week to 200 first-time buyers each, with so many orders after them."""
    rows, orders = [], {}
    for name, back in (("A", share_a), ("B", share_b)):
        for i, c in enumerate(crowd(name, 200)):
            rows.append((c, "2025-06-04", "sms", {"template_id": name}))
            orders[c] = ["2025-05-20"] + (["2025-07-04"] if i < back else ["2025-07-05"])
    return rows, orders


def test_templates_on_like_customers_by_hand(windows, lives) -> None:
    """30 and 20 of 200 order within thirty days, the others a day later: five points either way."""
    found = responses(windows, lives, *messages())
    frame = found.frame.set_index("key")
    # least squares: residual variances of both groups, clusters 400, factor 400 / 399
    variance = (0.15 * 0.85 / 200 + 0.1 * 0.9 / 200) * 400 / 399
    half = 1.959964 * variance**0.5

    assert (200, 30) == tuple(frame.loc["A", ["customers", "order_count"]])
    expected = (0.05, 0.05 - half, 0.05 + half)
    parts = ["order_change", "order_change_low", "order_change_high"]
    assert expected == pytest.approx(tuple(frame.loc["A", parts]), abs=1e-6)
    assert -0.05 == pytest.approx(frame.loc["B", "order_change"])
    record = found.one("content_order", dimensions="key=A;kind=template")
    assert (0.15, 200, 30) == (record.value, record.n, record.numerator)
    # nobody clicked: no share of clicks is made up
    assert frame["click_value"].isna().all()
    assert "no click" in found.one("content_click").reason


def test_other_weeks_and_channels_are_not_compared(windows, lives) -> None:
    """B a week later, or by e-mail: no message reached like customers."""
    rows, orders = messages()
    later = [(c, "2025-06-12" if m["template_id"] == "B" else d, k, dict(m)) for c, d, k, m in rows]
    mailed = [
        (c, d, "email_sent" if m["template_id"] == "B" else k, dict(m)) for c, d, k, m in rows
    ]
    for changed in (later, mailed):
        frame = responses(windows, lives, changed, orders).frame
        assert frame["order_change"].isna().all()
        assert frame["missing"].str.contains("same week").all()


def test_a_customer_with_several_messages_is_one_cluster(windows, lives) -> None:
    """Twice the messages to the same customers, each answered alike: the interval stays as wide.

    Messages of one week count once; as many rows of different customers would narrow it by 0.71.
    """
    rows, orders = messages()
    soon = {c: [d.replace("2025-07-04", "2025-06-20") for d in days] for c, days in orders.items()}
    twice = rows + [(c, "2025-06-05", "sms", dict(m)) for c, _, _, m in rows]
    weeks = rows + [(c, "2025-05-28", "sms", dict(m)) for c, _, _, m in rows]
    once, same_week, both = (
        responses(windows, lives, told, soon).frame.set_index("key").loc["A"]
        for told in (rows, twice, weeks)
    )

    assert once["order_change_low"] == same_week["order_change_low"]
    assert (200, 400) == tuple(both[["customers", "order_n"]])
    assert 0.05 == pytest.approx(both["order_change"])
    assert once["order_change_low"] == pytest.approx(both["order_change_low"])
    assert (once["order_low"], once["order_high"]) == pytest.approx(
        (both["order_low"], both["order_high"]), abs=0.003
    )


def test_clicks_belong_to_their_template(windows, lives) -> None:
    """20 of A's customers click on A within a week, 5 after eight days, 9 on another template."""
    rows, orders = messages()
    click = [("A", "2025-06-11", 0, 20), ("A", "2025-06-12", 20, 25), ("B", "2025-06-05", 30, 39)]
    rows = rows + [
        (c, day, "sms_click", {"template_id": name})
        for name, day, first, last in click
        for c in crowd("A", 200)[first:last]
    ]
    rows += [(c, "2025-06-05", "sms_click", {"template_id": "B"}) for c in crowd("B", 200)[:10]]
    frame = responses(windows, lives, rows, orders).frame.set_index("key")

    assert (20, 10) == (frame.loc["A", "click_count"], frame.loc["B", "click_count"])
    assert 0.05 == pytest.approx(frame.loc["A", "click_change"])


def test_personalised_against_generic_and_too_few(windows, lives) -> None:
    """The flag makes two kinds; a template with 99 customers is named, not judged."""
    rows, orders = messages()
    told = [(c, d, k, {**m, "is_personalised": m["template_id"] == "A"}) for c, d, k, m in rows]
    told += [(c, "2025-06-04", "sms", {"template_id": "few"}) for c in crowd("A", 99)]
    frame = responses(windows, lives, told, orders).frame.set_index(["kind", "key"])

    assert 0.05 == pytest.approx(frame.loc[("personalised", "personalised"), "order_change"])
    assert pd.isna(frame.loc[("personalised", "generic"), "order_change"])
    assert pd.isna(frame.loc[("template", "few"), "order_change"])
    assert "100" in frame.loc[("template", "few"), "missing"]


@pytest.mark.parametrize(
    ("rows", "word"),
    [([("a", "2025-06-04", "sms")], "template"),
     ([("stranger", "2025-06-04", "sms", {"template_id": "A"})], "nobody")],
)  # fmt: skip
def test_content_that_nobody_can_judge_says_why(rows, word, windows, lives) -> None:
    """No template anywhere; or only people who never ordered got one."""
    found = responses(windows, lives, rows, {"a": ["2025-05-01"]})

    assert found.frame.empty
    assert word in found.records[0].reason
    assert "events" in content.responses(
        None, lives({"a": ["2025-05-01"]}), windows("2025-09"), RULES
    ).records[0].reason  # fmt: skip


# ---- cost ----------------------------------------------------------------------------------------


KNOWN = Known(None, None)


def ledger(lives, dates, costs=None, known=KNOWN):
    rows = [
        (c, dt.date.fromisoformat(d), dt.datetime.fromisoformat(f"{d} 12:00:00"), True)
        for c, days in dates.items() for d in days
    ]  # fmt: skip
    schema = {"customer_id": "string", "order_date": "date", "ordered_at": "timestamp",
              "is_purchase": "boolean"}  # fmt: skip
    orders = ibis.memtable(pd.DataFrame(rows, columns=list(schema)), schema=schema)
    spent = None
    if costs is not None:
        told = {"category": "string", "channel": "string", "period_start": "date",
                "period_end": "date", "amount": "decimal(18, 4)"}  # fmt: skip
        made = [(k, c, *map(dt.date.fromisoformat, (a, b)), v) for k, c, a, b, v in costs]
        spent = ibis.memtable(pd.DataFrame(made, columns=list(told)), schema=told)
    return attribution.Ledger(lives(dates, money=lambda *_: 20.0), orders, spent, known)


ORDERS = {
    "a": ["2025-01-01", "2025-09-20"], "b": ["2025-01-01", "2025-09-20"],
    "c": ["2025-01-01", "2025-09-20"], "new": ["2025-09-20"],
}  # fmt: skip
BEFORE = (
    ("a", "2025-08-21", "sms"), ("a", "2025-09-10", "email_sent"),
    ("a", "2025-09-19", "email_sent"),
    ("b", "2025-08-20", "email_sent"), ("b", "2025-09-20", "sms"),
    ("c", "2025-09-20", "sms", {"at": "2025-09-20 12:00:01"}), ("new", "2025-09-19", "sms"),
)  # fmt: skip


def credited(lives, windows, rows=BEFORE, costs=None, **more):
    return attribution.attribution(
        touches(*((c, d, k, *map(dict, m)) for c, d, k, *m in rows)),
        ledger(lives, ORDERS, costs, **more), windows("2025-09"), RULES,
    )  # fmt: skip


def test_first_last_and_even_credit_by_hand(windows, lives) -> None:
    """a: a text and two e-mails; b: a text of the same day, the e-mail lies 31 days back; c: none.

    A text a second after the order is no contact before it, and a first order is no repeat order.
    """
    frame = credited(lives, windows).frame.set_index("channel")

    names = [f"{rule}_orders" for rule in ("first", "last", "even")]
    assert [2, 1, pytest.approx(4 / 3)] == frame.loc["sms", names].tolist()
    assert [0, 1, pytest.approx(2 / 3)] == frame.loc["email", names].tolist()
    assert [1, 1, 1] == frame.loc["", names].tolist()
    assert [3, 3, 3] == frame.loc["all", names].tolist()
    # the margin of an order date is ten
    assert [20, 10, pytest.approx(40 / 3, abs=1e-4)] == [
        frame.loc["sms", f"{rule}_worth"] for rule in ("first", "last", "even")
    ]


def test_every_column_adds_up(windows, lives) -> None:
    """Sevenths and elevenths: the credits of each rule are the repeat orders to the digit."""
    rows = [
        ("a", f"2025-09-{d:02d}", kind)
        for d, kind in zip(range(1, 8), ["sms", "call", "wechat", "visit", "sms", "sms", "call"],
                           strict=True)
    ]  # fmt: skip
    rows += [("b", f"2025-09-{d:02d}", "sms" if d % 2 else "call") for d in range(1, 12)]
    frame = credited(lives, windows, rows).frame

    for rule in ("first", "last", "even"):
        for part in ("orders", "worth"):
            values = frame[f"{rule}_{part}"].tolist()
            assert values[-1] == pytest.approx(sum(values[:-1]), abs=1e-3)
        assert 3 == frame[f"{rule}_orders"].iloc[-1]


def test_cost_by_the_days_in_the_period(windows, lives) -> None:
    """61 for August and September are 30 of September's; 5 for no channel stand in the sum.

    Texts' costs are 31 and 30 of September: 30 by days. E-mail has 15 of 30 days: no cost; rent is
    no cost of contact.
    """
    costs = [
        ("campaign", "sms", "2025-08-01", "2025-09-30", 61), ("rent", "sms", "2025-09-01",
                                                              "2025-09-30", 999),
        ("campaign", None, "2025-09-01", "2025-09-30", 5),
    ]  # fmt: skip
    half = [*costs, ("campaign", "email", "2025-09-01", "2025-09-15", 15)]
    found = credited(lives, windows, costs=half)
    frame = found.frame.set_index("channel")

    assert 30.0 == frame.loc["sms", "cost"]
    assert [15.0, 30.0, 22.5] == frame.loc["sms", ["first_cost", "last_cost", "even_cost"]].tolist()
    assert pd.isna(frame.loc["email", "cost"])
    assert "15 days" in found.one("contact_cost", dimensions="channel=email").reason
    assert 5.0 == frame.loc["", "cost"]
    assert pd.isna(frame.loc["all", "cost"])
    whole = [*costs, ("campaign", "email", "2025-09-01", "2025-09-30", 15)]
    assert 50.0 == credited(lives, windows, costs=whole).frame["cost"].iloc[-1]
    unnamed = credited(lives, windows, costs=costs).one("contact_cost", dimensions="channel=email")
    assert "no cost of contact names the channel email" == unnamed.reason


def test_without_money_costs_or_contacts(windows, lives) -> None:
    """Orders are credited without a worth; costs are named as missing; contacts are needed."""
    bare = credited(lives, windows, known=Known("no amount", "no margin"))
    assert bare.frame["first_worth"].isna().all()
    assert not [r for r in bare.records if r.metric.startswith("attributed_margin")]
    assert "costs" in bare.one("contact_cost", dimensions="channel=sms").reason
    revenue = credited(lives, windows, known=Known(None, "no margin"))
    assert 60 == revenue.one("attributed_revenue", dimensions="channel=all;rule=even").value
    nothing = attribution.attribution(None, ledger(lives, ORDERS), windows("2025-09"), RULES)
    assert "events" in nothing.records[0].reason
    empty = attribution.attribution(
        touches(), ledger(lives, {"a": ["2025-01-01"]}), windows("2025-09"), RULES
    )
    assert "no repeat order in the period" == empty.records[0].reason


def test_a_month_without_a_contact_credits_nobody(windows, lives) -> None:
    """All orders stand without a contact; every active customer has the dose of nought."""
    frame = credited(lives, windows, rows=()).frame
    assert ["", "all"] == frame["channel"].tolist()
    assert [3, 3] == frame["even_orders"].tolist()
    found = dose.dose_response(
        touches(), people(a=("2025-07-20", 1)), lives({"a": ["2025-07-20"]}), windows("2025-09"),
        RULES, activity_months=12,
    )  # fmt: skip
    assert [(0, 1, False)] == list(
        found.frame[["low", "customers", "reference"]].itertuples(index=False, name=None)
    )
    assert "ok" == cadence.verdict(facts_frame(), found, no_tests(), STATED).answer
    nothing = responses(windows, lives, (), {"a": ["2025-05-01"]})
    assert "not_computable" == content.verdict(nothing, no_tests(), RULES).answer


# ---- verdicts ------------------------------------------------------------------------------------


def facts_frame(**counts):
    """A result of the counts with (value, n) by fact."""
    rows = [
        (fact, *counts.get(fact, (0, 1000)), 0.0, 0.0, 0.0, "") for fact in contact_counts.FACTS
    ]
    frame = pd.DataFrame(
        rows, columns=["fact", "value", "n", "share", "previous", "change", "missing"]
    )
    return Result(frame.assign(share=frame["value"] / frame["n"]))


def no_dose():
    return Result(pd.DataFrame())


def no_tests():
    return Result(pd.DataFrame(columns=contact_tests.COLUMNS))


def one_test(**told):
    row = dict.fromkeys(contact_tests.COLUMNS, 0.0) | {
        "experiment": "x", "arm": "treatment", "against": "control", "fresh": True,
        "touch_change": 1.0, "touches_differ": True, "content_differs": True, "missing": "",
        "repurchase_p": 1.0, "opt_out_p": 1.0,
    }  # fmt: skip
    return Result(pd.DataFrame([row | told]))


STATED = FunnelRules(touch_limit=12)


@pytest.mark.parametrize(
    ("counts", "rules", "answer"),
    [
        ({"over_contacted": (40, 1000)}, STATED, "act"),
        ({"over_contacted": (40, 1000)}, RULES, "watch"),  # the profile states no limit
        ({"over_contacted": (29, 1000)}, STATED, "ok"),  # fewer than are worth it
        ({"over_contacted": (40, 5000)}, STATED, "ok"),  # not one in a hundred
        ({"forgotten": (100, 1000)}, STATED, "watch"),
        ({"forgotten": (99, 1000)}, STATED, "ok"),
        ({"two_channels": (500, 1000)}, STATED, "watch"),
    ],
)
def test_only_a_stated_limit_is_acted_on(counts, rules, answer) -> None:
    """A complete count against the profile's own rule, and of a size that matters."""
    found = cadence.verdict(facts_frame(**counts), no_dose(), no_tests(), rules)

    assert answer == found.answer


@pytest.mark.parametrize(
    ("told", "answer"),
    [
        ({"repurchase_change": -0.06, "repurchase_p": 0.009}, "act"),
        ({"repurchase_change": -0.06, "repurchase_p": 0.011}, "ok"),
        ({"repurchase_change": -0.04, "repurchase_p": 0.0001}, "ok"),  # below five points
        ({"repurchase_change": 0.06, "repurchase_p": 0.0001}, "ok"),
        ({"repurchase_change": -0.06, "repurchase_p": 0.0001, "fresh": False}, "ok"),
        ({"opt_out_change": 0.02, "opt_out_p": 0.0001}, "watch"),
    ],
)
def test_a_randomised_harm_is_acted_on(told, answer) -> None:
    """In the period in which it can first be read, and where it is sure and large."""
    found = cadence.verdict(facts_frame(), no_dose(), one_test(**told), STATED)

    assert answer == found.answer


def test_a_dose_is_watched_and_never_acted_on(windows, lives) -> None:
    """20 points more ask for no more after 13 contacts: watch, with low certainty."""
    found = cadence.verdict(facts_frame(), dosed(windows, lives), no_tests(), STATED)

    assert ("watch", "low") == (found.answer, found.confidence)
    assert ("13+", "1") == (found.values["dose_range"], found.values["reference_range"])
    assert ("dose_opt_out_difference|contacts=13+|none",) == found.records


def test_without_contacts_there_is_no_verdict(windows, lives) -> None:
    """Cadence and content both name the missing table."""
    nothing = counted(None, windows, lives)
    found = cadence.verdict(nothing, no_dose(), no_tests(), STATED)
    empty = content.responses(None, lives({"a": ["2025-05-01"]}), windows("2025-09"), RULES)
    other = content.verdict(empty, no_tests(), RULES)

    assert ("not_computable", "not_computable") == (found.answer, other.answer)
    assert "events" in found.reason
    assert "events" in other.reason


def test_a_template_that_stands_is_watched(windows, lives) -> None:
    """60 against 20 of 200: B is 20 points behind; 24 against 20 is nothing."""
    apart = content.verdict(responses(windows, lives, *messages(60, 20)), no_tests(), RULES)
    alike = content.verdict(responses(windows, lives, *messages(24, 20)), no_tests(), RULES)

    assert ("watch", "low", "B") == (
        apart.answer, apart.confidence, apart.values["template_name"]
    )  # fmt: skip
    assert -0.2 == pytest.approx(apart.values["effect_points"])
    assert ("ok", 2) == (alike.answer, alike.values["judged_count"])


def test_content_is_acted_on_only_where_chance_decided(windows, lives) -> None:
    """Other content, equally many contacts, sure and large; with more it is not content alone."""
    quiet = responses(windows, lives, *messages(24, 20))
    sure = {"repurchase_change": -0.06, "repurchase_p": 0.001}
    alike = one_test(touches_differ=False, touch_change=0.0, **sure)
    clean = content.verdict(quiet, alike, RULES)
    mixed = content.verdict(quiet, one_test(**sure), RULES)

    assert ("act", "ok") == (clean.answer, mixed.answer)
