"""What became of the last lists."""

from __future__ import annotations

import pandas as pd
import pytest
from repurchase.analysis import list_results

LISTED, WITHHELD = 400, 100


@pytest.fixture
def issued() -> pd.DataFrame:
    """400 customers on lists, 100 withheld, one left out for another reason."""
    outcome = ["listed"] * LISTED + ["withheld"] * WITHHELD + ["opted_out"]
    return pd.DataFrame({"customer_id": [f"c{i}" for i in range(501)], "outcome": outcome})


def returned(*customers: str) -> pd.DataFrame:
    return pd.DataFrame({"customer_id": list(customers), "is_contacted": True})


def test_listed_against_withheld_by_hand(issued: pd.DataFrame) -> None:
    """80 of 400 (.1637 to .2420) against 10 of 100 (.0552 to .1744): ten points, Newcombe's way."""
    ordered = frozenset(f"c{i}" for i in [*range(80), *range(400, 410), 500])
    found = list_results.results(issued, returned(), ordered)
    effect = found.one("list_effect")

    assert (0.1, 500) == (pytest.approx(effect.value), effect.n)
    low = 0.1 - ((0.2 - 0.1637) ** 2 + (0.1744 - 0.1) ** 2) ** 0.5
    high = 0.1 + ((0.2420 - 0.2) ** 2 + (0.1 - 0.0552) ** 2) ** 0.5
    assert (low, high) == pytest.approx((effect.low, effect.high), abs=1e-4)
    assert 0.2 == found.one("list_order_share", dimensions="group=listed").value


def test_who_was_contacted_is_counted_apart(issued: pd.DataFrame) -> None:
    """Two of the three contacted ordered; a row of nobody listed is told, and counts nowhere."""
    found = list_results.results(
        issued, returned("c0", "c1", "c2", "c2", "c450", "stranger"), frozenset({"c0", "c1", "c9"})
    )
    groups = found.frame.set_index("group")

    assert [3, 2] == groups.loc["contacted", ["n", "numerator"]].tolist()
    assert [397, 1] == groups.loc["not_contacted", ["n", "numerator"]].tolist()
    assert 5 == found.one("list_rows", dimensions="rows=returned").value
    assert 2 == found.one("list_rows", dimensions="rows=not_listed").value


def test_a_customer_on_two_rows_was_contacted_if_one_says_so(issued: pd.DataFrame) -> None:
    """The empty row of a list that was sent back twice takes no contact away."""
    twice = pd.DataFrame({"customer_id": ["c0", "c0"], "is_contacted": [False, True]})
    found = list_results.results(issued, twice, frozenset())

    assert 1 == found.frame.set_index("group").loc["contacted", "n"]
    assert 1 == found.one("list_rows", dimensions="rows=returned").value


def test_without_a_hold_out_there_is_no_effect(issued: pd.DataFrame) -> None:
    """The reason is told, and no difference is made up from who was called."""
    nobody = issued[issued["outcome"] != "withheld"]
    effect = list_results.results(nobody, returned("c0"), frozenset({"c0"})).one("list_effect")

    assert (None, "not_computed") == (effect.value, effect.status)
    assert "withheld" in (effect.reason or "")


def test_lists_that_went_out_by_another_draw_tell_no_effect(issued: pd.DataFrame) -> None:
    """Ten of a hundred withheld ones came back on a list: chance did not keep them off."""
    back = returned("c0", *(f"c{i}" for i in range(400, 410)))
    effect = list_results.results(issued, back, frozenset({"c0"})).one("list_effect")

    assert (None, "not_computed") == (effect.value, effect.status)
    assert effect.reason.startswith("10 of those counted as withheld")


def test_ids_that_a_spreadsheet_shortened_are_found_again() -> None:
    """Only where one issued id fits: 7 may be 007 or 07."""
    issued = ["0018", "007", "07", "+5"]

    assert ["0018", "7", "+5", "x", "0018"] == list_results.as_issued(
        ["18", "7", "'+5", "x", "0018"], issued
    )


def test_what_was_noted_is_counted_by_words() -> None:
    """The most frequent first; rows without a word are no note."""
    frame = pd.DataFrame(
        {
            "outcome": ["ordered", "no", "no", None, None],
            "reason": [None, "too dear", "too dear", None, "moved"],
        }
    )
    found = list_results.outcomes(frame).frame

    assert [("no", "too dear", 2), ("", "moved", 1), ("ordered", "", 1)] == list(
        found.itertuples(index=False, name=None)
    )
