"""Everyone due is on exactly one list, or named as left out."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pandas as pd
import pytest
from repurchase.analysis import worklists
from repurchase.analysis.worklists import Rules

END = dt.date(2025, 9, 30)


def rules(**told: Any) -> Rules:
    given = dict(period="2025-09", end=END, lead_days=14, quiet_days=7, activity_months=12,
                 withheld_share=0.0, seed=1)  # fmt: skip
    return Rules(**(given | told))


def expected(*rows: tuple[str, str, str]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["customer_id", "due_date", "due_until"])
    return frame.assign(due_from="2025-01-01", expected_margin=10.0, typical_gap_days=30.0)


def facts(*customers: str, **columns: Any) -> pd.DataFrame:
    frame = pd.DataFrame({"customer_id": list(customers), "last_date": "2025-08-01"})
    blank = "is_internal opt_out_email opt_out_sms do_not_call open_tickets last_touch_date"
    blank += " overdue_days owner_rep_id last_rep_id last_store_id"
    return frame.assign(**(dict.fromkeys(blank.split()) | columns))


def test_due_is_up_to_the_lead_days_after_the_end() -> None:
    """The 14th day after the end is due, the 15th is not; what has passed is overdue or at risk."""
    found = worklists.due_customers(
        expected(
            ("a", "2025-10-14", "2025-11-01"),
            ("b", "2025-10-15", "2025-11-01"),
            ("c", "2025-09-30", "2025-10-09"),
            ("d", "2025-09-01", "2025-09-29"),
        ),
        rules(),
    )
    assert {"a": "due", "c": "overdue", "d": "at_risk"} == dict(
        zip(found["customer_id"], found["state"], strict=True)
    )


def test_each_exclusion_has_its_own_name_and_the_first_counts() -> None:
    """One customer a reason; who is internal and opted out is counted as internal."""
    ids = list("abcdefg")
    rows = ((i, "2025-10-01", "2025-11-01") for i in ids)
    due = worklists.due_customers(expected(*rows), rules())
    known = facts(
        *ids,
        is_internal=[True, None, None, None, None, None, None],
        last_date=["2025-08-01", "2024-09-30", *["2025-08-01"] * 5],
        opt_out_email=[True, None, True, None, None, None, True],
        opt_out_sms=[True, None, True, None, None, None, False],
        do_not_call=[True, None, True, None, None, None, True],
        open_tickets=[None, None, None, 1, None, None, None],
        last_touch_date=[None, None, None, None, "2025-09-24", "2025-09-23", None],
    )
    outcome = worklists.listed(due, known, rules())["outcome"].tolist()

    assert [
        "internal", "lapsed", "opted_out", "open_complaint", "contacted", "listed", "listed"
    ] == outcome  # fmt: skip


def test_a_channel_that_no_source_tells_of_keeps_nobody_off() -> None:
    """Only e-mail is known: who opted out of it has no channel left that is known."""
    due = worklists.due_customers(expected(("a", "2025-10-01", "2025-11-01")), rules())
    silent = worklists.listed(due, facts("a"), rules())
    told = worklists.listed(due, facts("a", opt_out_email=[True]), rules())

    assert ["listed", "opted_out"] == [silent["outcome"][0], told["outcome"][0]]


def test_a_tenth_is_withheld_and_nobody_else() -> None:
    """Chance is a digest: the same tenth in each run, another one in another period."""
    ids = [f"{i:05d}" for i in range(5000)]
    rows = ((i, "2025-10-01", "2025-11-01") for i in ids)
    due = worklists.due_customers(expected(*rows), rules())
    known = facts(*ids)
    tenth = rules(withheld_share=0.1)
    first = worklists.listed(due, known, tenth)["outcome"] == "withheld"
    again = worklists.listed(due, known, tenth)["outcome"] == "withheld"
    other = worklists.listed(due, known, rules(withheld_share=0.1, period="2025-10"))

    assert 0 == (worklists.listed(due, known, rules())["outcome"] == "withheld").sum()
    assert 500 == pytest.approx(first.sum(), abs=64)  # three standard deviations
    assert first.tolist() == again.tolist()
    assert 50 == pytest.approx((first & (other["outcome"] == "withheld")).sum(), abs=22)


def test_a_list_is_the_owners_else_the_last_servers_else_the_stores() -> None:
    """Who has left has no list any more."""
    known = facts("a", "b", "c", "d", owner_rep_id=["R1", "R9", "R9", None],
                  last_rep_id=["R2", "R2", "R9", None],
                  last_store_id=["S1", "S1", "S1", None])  # fmt: skip
    found = worklists.with_lists(known, frozenset({"R1", "R2"}))

    assert [("R1", ""), ("R2", ""), ("", "S1"), ("", "")] == list(
        zip(found["list_rep"], found["list_store"], strict=True)
    )
    assert ["R1", "R9", "R9", ""] == worklists.with_lists(known, None)["list_rep"].tolist()


def test_most_margin_first_and_debtors_last() -> None:
    """Within a list: 50, 20, no margin known, then who owes."""
    known = facts("a", "b", "c", "d", overdue_days=[None, 0, None, 5]).assign(
        outcome="listed", team="T", list_rep="R", list_store="",
        expected_margin=[20.0, 50.0, None, 900.0],
    )  # fmt: skip
    found = worklists.ranked(known)

    assert ["b", "a", "c", "d"] == found["customer_id"].tolist()
    assert [1, 2, 3, 4] == found["rank"].tolist()
    assert [False, False, False, True] == found["do_not_chase"].tolist()


def test_the_counts_add_up_to_everyone_due() -> None:
    """Each outcome once, in its order; the records say the same."""
    frame = pd.DataFrame(
        {
            "state": ["due", "overdue", "at_risk", "due"],
            "outcome": ["listed", "listed", "withheld", "opted_out"],
            "expected_margin": [10.0, 5.0, None, 1.0],
        }
    )
    found = worklists.counts(frame)

    assert 4 == found.one("due_customers").value == found.frame["customers"].sum()
    listed = found.frame.set_index("outcome").loc["listed"]
    assert [1, 1, 0, 2, 15.0] == listed.tolist()
    assert 15.0 == found.one("due_margin", dimensions="outcome=listed").value
    revenue = worklists.counts(frame, worth="revenue")
    assert 15.0 == revenue.one("due_revenue", dimensions="outcome=listed").value
    with pytest.raises(KeyError):  # nobody withheld has a margin that is known
        found.one("due_margin", dimensions="outcome=withheld")
