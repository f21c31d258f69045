"""Returning buyers by store, channel and segment, on tables that a pencil can check."""

import datetime as dt

import ibis
import numpy as np
import pandas as pd
import pytest
from repurchase.analysis.cuts import labelled_days, returning_by_cut
from repurchase.analysis.windows import windows_of
from repurchase.period import Period

DAY = dt.date.fromisoformat
WINDOWS = windows_of(Period.parse("2025-09"), country=None, data_from=DAY("2023-01-01"))


def days(*rows):
    """Customer days from (customer, date, store, channel)."""
    frame = pd.DataFrame(rows, columns=["customer_id", "order_date", "store_id", "channel"])
    frame["order_date"] = pd.to_datetime(frame["order_date"])
    frame["first_date"] = frame.groupby("customer_id")["order_date"].transform("min")
    table = ibis.memtable(frame)
    return table.mutate(
        order_date=table.order_date.cast("date"), first_date=table.first_date.cast("date")
    )


FOUR = (
    ("a", "2025-08-05", "S1", "shop"),
    ("a", "2025-09-05", "S2", "shop"),
    ("b", "2025-09-06", "S1", "shop"),
    ("b", "2025-09-20", "S2", "app"),
    ("c", "2024-05-01", "S1", "shop"),
    ("c", "2025-09-09", "S1", "shop"),
    ("d", "2025-08-09", "S3", "app"),
)


def by_label(frame, cut):
    """Numerator and n by label of a cut."""
    part = frame[frame["cut"] == cut]
    return {r.label: (r.numerator, r.n) for r in part.itertuples()}


def test_a_buyer_counts_in_each_place_and_returns_from_anywhere() -> None:
    """a bought in S2 now and in S1 before: he returned, in S2. d bought nothing this month."""
    labels = ibis.memtable(pd.DataFrame({"customer_id": ["a", "c"], "label": ["gold", "tin"]}))
    cuts = labelled_days(days(*FOUR), {"tier": labels})
    result = returning_by_cut(cuts, WINDOWS, activity_months=12)

    assert {"S1": (1, 2), "S2": (1, 2)} == by_label(result.frame, "store_id")
    assert {"shop": (2, 3), "app": (0, 1)} == by_label(result.frame, "channel")
    assert {"gold": (1, 1), "tin": (1, 1), "": (0, 1)} == by_label(result.frame, "tier")
    assert "label=gold;segment=tier" in {r.dimensions for r in result.records}
    assert (1, 2) == (
        result.one("returning_buyer_share", dimensions="store_id=S2").numerator,
        result.one("returning_buyer_share", dimensions="store_id=S2").n,
    )


def test_few_buyers_have_a_share_and_no_change() -> None:
    """The reason stands in the record, the frame is blank, not nought."""
    result = returning_by_cut(labelled_days(days(*FOUR), {}), WINDOWS, activity_months=12)

    assert result.frame["previous_change"].isna().all()
    assert {""} == set(result.frame["previous_mark"])
    record = result.one(
        "returning_buyer_share", compare_to="previous", dimensions="store_id=S1"
    )
    assert ("not_computed", None) == (record.status, record.change)


def test_a_cut_without_any_label_is_left_out() -> None:
    """Orders that carry no channel have no cut by channel; no rows at all give an empty frame."""
    bare = days(("a", "2025-09-05", "S2", None), ("b", "2025-09-05", None, None))
    frame = returning_by_cut(labelled_days(bare, {}), WINDOWS, activity_months=12).frame

    assert {"S2": (0, 1), "": (0, 1)} == by_label(frame, "store_id")
    assert "channel" not in set(frame["cut"])
    none = returning_by_cut({}, WINDOWS, activity_months=12)
    assert (0, ()) == (len(none.frame), none.records)


@pytest.fixture(scope="module")
def many():
    """Forty stores: in S00 half of the buyers come to return instead of a tenth, and S01 drifts."""
    rows = []
    for store in range(40):
        for month, share in (("2025-08", 0.1), ("2025-09", {0: 0.6, 1: 0.28}.get(store, 0.1))):
            for number in range(100):
                who = f"{store}-{month}-{number}"
                rows.append((who, f"{month}-10", f"S{store:02d}", "shop"))
                if number < 100 * share:
                    rows.append((who, "2024-01-10", "S99", "shop"))
    cuts = labelled_days(days(*rows), {})
    return returning_by_cut({"store_id": cuts["store_id"]}, WINDOWS, activity_months=12).frame


def test_among_many_cuts_only_what_survives_correction_stands(many) -> None:
    """Store S00 stands; the others, which did not move, carry no mark."""
    marks = dict(zip(many["label"], many["previous_mark"], strict=True))
    s0 = many.set_index("label").loc["S00"]

    assert "stands" == marks["S00"]
    assert 0.5 == pytest.approx(s0["previous_change"])
    # Wilson: 60 of 100 is .5020 to .6906, 10 of 100 is .0552 to .1744
    half = np.hypot(0.6906 - 0.6, 0.1 - 0.0552)
    assert half == pytest.approx(s0["previous_high"] - s0["previous_change"], rel=0.01)
    assert {""} == {m for label, m in marks.items() if label not in ("S00", "S01")}


def test_what_looks_sure_alone_and_not_among_many_is_exploratory() -> None:
    """One store's drift (p about 0.03) among forty that did not move."""
    rows = []
    for store in range(40):
        for month, back in (("2025-08", 10), ("2025-09", 21 if store == 1 else 10)):
            for number in range(100):
                who = f"{store}-{month}-{number}"
                rows.append((who, f"{month}-10", f"S{store:02d}", "shop"))
                if number < back:
                    rows.append((who, "2024-01-10", "S99", "shop"))
    cuts = labelled_days(days(*rows), {})
    frame = returning_by_cut({"store_id": cuts["store_id"]}, WINDOWS, activity_months=12).frame
    row = frame.set_index("label").loc["S01"]

    assert row["previous_low"] > 0
    assert "exploratory" == row["previous_mark"]
    assert row["previous_p"] > 0.05
