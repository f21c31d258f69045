"""Ways after contact, by hand-made customers."""

import datetime as dt

import ibis
import pandas as pd
import pytest
from repurchase.analysis import path
from repurchase.params import FunnelRules

UNITS = {"customer_id": "string", "entered_at": "timestamp", "entered_on": "date"}
GOAL = {"customer_id": "string", "at": "timestamp", "day": "date", "whole_day": "boolean"}
EVENTS = {
    "customer_id": "string", "occurred_at": "timestamp", "occurred_date": "date", "type": "string",
    "event_id": "string", "outcome": "string", "is_bot": "boolean", "stage": "string",
}  # fmt: skip
BEGIN = pd.Timestamp("2025-08-02")


def at(days):
    return BEGIN + pd.Timedelta(hours=round(days * 24))


def table(rows, schema):
    return ibis.memtable(pd.DataFrame(rows, columns=list(schema)), schema=schema)


def walks(people, *, whole_day=False, bots=(), failed=(), stages=None):
    """Ways of customers: {name: ([(type, days since entry), ...], day of the order or None)}."""
    units, goal, events = [], [], []
    for name, (steps, back) in people.items():
        units.append((name, at(0), BEGIN.date()))
        if back is not None:
            goal.append((name, at(back), at(back).date(), whole_day))
        for k, (kind, day) in enumerate(steps):
            events.append((name, at(day), at(day).date(), kind, f"{name}{k}",
                           "failed" if (name, kind) in failed else None,
                           (name, kind) in bots, (stages or {}).get(kind)))  # fmt: skip
    return path.walks(
        table(units, UNITS), table(goal, GOAL), table(events, EVENTS), days=30,
        rules=FunnelRules(),
    )  # fmt: skip


def ways(found, fewest=1):
    frame = path.paths(found, fewest=fewest).frame
    return {row["path"]: row for row in frame.to_dict("records")}


def test_a_way_ends_with_the_order_and_repeats_stand_once():
    """Two messages, a click, an order on day 5; what comes after it is not on the way to it."""
    steps = [("sms", 0), ("sms", 1), ("web_view", 2), ("sms", 6)]
    found = ways(walks({"ann": (steps, 5), "bob": (steps, None)}))

    assert {"sms>web_view", "sms>web_view>sms"} == set(found)
    assert (1, 0) == (found["sms>web_view"]["came"], found["sms>web_view"]["stayed"])
    assert (0, 1) == (found["sms>web_view>sms"]["came"], found["sms>web_view>sms"]["stayed"])


def test_the_share_after_a_way_counts_all_whose_way_began_so():
    """Four begin with a message, three of them click; two of the four, and of the three, order."""
    found = ways(
        walks({
            "a": ([("sms", 0), ("web_view", 1)], 2), "b": ([("sms", 0), ("web_view", 1)], 2),
            "c": ([("sms", 0), ("web_view", 1)], None), "d": ([("sms", 0)], None),
        })
    )  # fmt: skip
    click, none = found["sms>web_view"], found["sms"]

    assert (3, 2, 4, 2) == (click["reached"], click["back"], none["reached"], none["back"])
    assert (2 / 3, 0.5) == pytest.approx((click["share"], none["share"]))
    assert (1.0, 0.5) == (click["came_share"], none["stayed_share"])
    assert 0.2077 == pytest.approx(click["low"], abs=5e-5)


def test_the_window_closes_after_its_days():
    """An order on the thirtieth day after entry counts, one on the thirty-first does not."""
    found = ways(walks({"a": ([("sms", 0)], 30.5), "b": ([("sms", 0), ("sms", 31.2)], 31)}))

    assert (1, 1) == (found["sms"]["came"], found["sms"]["stayed"])


def test_an_order_before_the_entry_is_no_way_back():
    """Neither earlier that day, where times are known; where only days are, the day counts."""
    people = {"a": ([("sms", 0)], -0.25)}
    assert 1 == ways(walks(people))["sms"]["stayed"]

    people = {"a": ([("sms", 0.0)], 0.0)}
    assert 1 == ways(walks(people, whole_day=True))["sms"]["came"]


def test_machines_opens_and_failed_contacts_make_no_way():
    """What no customer did, what is no sign of one, and what never arrived."""
    steps = [("sms", 0), ("email_open", 1), ("web_view", 2), ("call", 3)]
    found = ways(walks({"a": (steps, None)}, bots={("a", "web_view")}, failed={("a", "call")}))

    assert {"sms"} == set(found)


def test_a_stage_of_an_opportunity_is_told_with_the_type():
    """Of no other type; a sign that parts the steps of a way stands in no name."""
    steps = [("opp_stage", 0), ("quote", 1), ("a>b", 2)]
    found = ways(walks({"a": (steps, None)}, stages={"opp_stage": "won", "quote": "x"}))

    assert {"opp_stage:won>quote>a b"} == set(found)


def test_a_long_way_is_cut_after_six():
    """Seven changes are six and more; six are six."""
    steps = [(kind, day) for day, kind in enumerate(["sms", "call"] * 4)]
    found = ways(walks({"a": (steps[:7], None), "b": (steps[:6], None)}))

    assert {"sms>call>sms>call>sms>call>...", "sms>call>sms>call>sms>call"} == set(found)
    assert 2 == found["sms>call>sms>call>sms>call"]["reached"]


def test_ways_of_few_are_shown_together():
    """Three customers on three ways, below the fewest of four; one line, last."""
    people = {f"s{k}": ([("sms", 0)], None) for k in range(4)}
    people |= {"a": ([("sms", 0), ("cart", 1)], 3), "b": ([("sms", 0), ("quote", 1)], None),
               "c": ([("sms", 0), ("call", 1)], None)}  # fmt: skip
    frame = path.paths(walks(people), fewest=4).frame

    assert ["sms", ""] == frame["path"].tolist()
    other = frame.iloc[-1]
    assert (3, 1, 2, 3, 1) == tuple(other[["ways", "came", "stayed", "reached", "back"]])
    assert (7, 1) == tuple(frame.iloc[0][["reached", "back"]])


def test_every_customer_is_on_one_way():
    """Came and stayed add up to those who entered."""
    people = {
        f"p{k}": ([("sms", 0), *([("web_view", 1)] if k % 3 else [])], 2 if k % 5 == 0 else None)
        for k in range(40)
    }
    result = path.paths(walks(people), fewest=10)

    assert 40 == result.frame[["came", "stayed"]].to_numpy().sum()
    assert 1.0 == pytest.approx(result.frame["came_share"].sum())
    share = result.one("path_of_returned", dimensions="path=sms>web_view")
    assert 8 == share.n


def test_time_is_shared_out_over_what_those_who_came_back_did():
    """Two days to the click and six to the order; one day to the click of who never ordered."""
    people = {"a": ([("sms", 0), ("web_view", 2)], 8), "b": ([("sms", 0), ("web_view", 1)], None)}
    result = path.transitions(walks(people), fewest=1)
    frame = result.frame.set_index(["start", "end"])

    click, order = frame.loc[("sms", "web_view")], frame.loc[("web_view", "back")]
    assert (2, 1.0, 1, 0.25) == tuple(click[["customers", "median", "returned", "time_share"]])
    assert (1, 6.0, 1, 0.75) == tuple(order[["customers", "median", "returned", "time_share"]])
    assert 1.0 == frame["time_share"].sum()
    assert ("web_view", "back") == tuple(path.longest(result.frame)[k] for k in ("start", "end"))


def test_rare_transitions_are_one_line_and_no_record():
    """One click among two orders straight after the message."""
    people = {"a": ([("sms", 0)], 2), "b": ([("sms", 0)], 4),
              "c": ([("sms", 0), ("web_view", 1)], None)}  # fmt: skip
    result = path.transitions(walks(people), fewest=2)

    assert [("sms", "back"), ("", "")] == list(
        result.frame[["start", "end"]].itertuples(index=False, name=None)
    )
    assert ["end=back;start=sms"] == [r.dimensions for r in result.records]
    assert 2.0 == result.records[0].value


def test_nobody_in_the_window_says_so():
    """And a reason that is given is passed on."""
    assert "nobody entered" in path.paths(walks({}), fewest=1).records[0].reason
    for made in (path.paths, path.transitions):
        record = made("no events", fewest=1).records[0]
        assert ("not_computed", "no events") == (record.status, record.reason)


def test_coming_back_is_the_last_step_told_by_orders(funnel_of):
    """Where none is, the last step; an order to enter by is no return."""
    assert 2 == path.goal_of(funnel_of("events", "events", "orders", "events"))
    assert 1 == path.goal_of(funnel_of("events", "events"))
    assert 1 == path.goal_of(funnel_of("orders", "events"))


@pytest.fixture
def funnel_of():
    """A funnel whose steps are told by these tables."""
    from repurchase.analysis.funnel import Funnel
    from repurchase.params import FunnelSpec

    told = {"events": {"events": ["sms"]}, "orders": {"orders": "any"}}

    def make(*tables):
        steps = [{"name": f"{t} {i}", **told[t]} for i, t in enumerate(tables)]
        spec = FunnelSpec.model_validate({"name": "f", "steps": steps})
        return Funnel("f", "f", tables, 30, "ordered", "profile", spec)

    return make


def test_days_are_those_of_the_company_not_of_the_clock():
    """The window's last day counts to its end."""
    units = table([("a", at(0), BEGIN.date())], UNITS)
    goal = table([("a", at(31.3), dt.date(2025, 9, 1), False)], GOAL)
    events = table([("a", at(0), BEGIN.date(), "sms", "1", None, False, None)], EVENTS)
    found = path.walks(units, goal, events, days=30, rules=FunnelRules())

    assert 1 == ways(found)["sms"]["came"]
