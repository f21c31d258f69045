"""What comes from data stays data in a spreadsheet."""

from __future__ import annotations

import datetime as dt

import pandas as pd
from repurchase.cells import inert, inert_table


def test_a_table_is_made_inert_cell_by_cell() -> None:
    """Texts, also among other things, and headings; numbers and days keep their type."""
    frame = pd.DataFrame(
        {
            "=a": ["x", "=1", None],
            "plain": ["x", None, "王"],
            "mixed": pd.Series([1, None, "@z"], dtype=object),
            "kind": pd.Categorical(["-a", "b", "-a"]),
            "number": [-1.5, None, 2.0],
            "count": pd.array([1, None, -3], dtype="Int64"),
            "day": [dt.date(2025, 9, 1), None, dt.date(2025, 9, 2)],
            "moment": pd.to_datetime(["2025-09-01", None, "2025-09-02"]),
        }
    )

    found = inert_table(frame)

    pd.testing.assert_frame_equal(frame.map(inert).rename(columns=inert), found)
    assert ["x", "'=1"] == found["'=a"].tolist()[:2]
    assert [1, None, "'@z"] == found["mixed"].tolist()
    assert ["'-a", "b", "'-a"] == found["kind"].tolist()
    assert "=1" == frame["=a"][1]
