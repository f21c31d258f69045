"""What the check of paths says."""

import pandas as pd
import pytest
from repurchase.analysis.path_verdict import verdict
from repurchase.records import Record, Result

STEPS = {"main": ("Contact", "Interest", "Repurchase")}
PATHS = Result(
    pd.DataFrame(
        [("sms", 1, 30, 0.3, 100, 0.5), ("sms>cart", 1, 40, 0.4, 50, 0.25),
         ("", 9, 30, 0.3, 50, 0.25)],
        columns=["path", "ways", "came", "came_share", "stayed", "stayed_share"],
    ),
    (Record("path_of_returned", 0.4, "share", "path=sms>cart"),),
)  # fmt: skip
TIMES = Result(
    pd.DataFrame([("sms", "back", 0.7), ("sms", "cart", 0.3)],
                 columns=["start", "end", "time_share"])
)  # fmt: skip


def leaks(*rows, reason=None):
    columns = ["funnel", "step", "cut", "label", "status", "rank", "units", "now", "level"]
    status = "not_computed" if reason else "final"
    record = Record("leak_places", None if reason else 9.0, "count", "funnel=main", status=status,
                    reason=reason)  # fmt: skip
    result = Result(pd.DataFrame(rows, columns=columns), (record,))
    return lambda: result


def test_a_leaking_step_is_to_be_acted_on():
    """The dearest one, with its place; what overlaps or is small is not."""
    found = verdict(
        PATHS, TIMES,
        leaks(("main", 1, "", "", "steady", None, 900.0, 0.2, 0.2),
              ("main", 2, "channel", "wechat", "leak", 1.0, 300.0, 0.1, 0.4),
              ("main", 2, "store_id", "S1", "leak", 2.0, 30.0, 0.1, 0.4)),
        STEPS,
    )  # fmt: skip

    assert ("act", "Interest", "Repurchase", "channel=wechat", 0.1, 0.4, 300) == (
        found.answer,
        *(found.values[k] for k in ("from_step", "to_step", "where_place", "now_share",
                                    "level_share", "units_count")),
    )  # fmt: skip
    assert ("leak_conversion|cut=channel;funnel=main;label=wechat;step=2|none",) == found.records


def test_a_whole_step_has_no_place():
    """All customers, so no cut is named."""
    found = verdict(PATHS, TIMES, leaks(("main", 1, "", "", "leak", 1.0, 9.0, 0.1, 0.2)), STEPS)

    assert "where_place" not in found.values and "{where_place}" not in found.claim


@pytest.mark.parametrize("status", ["steady", "small", "overlaps", "unjudged"])
def test_without_a_leak_the_commonest_way_back_is_told(status):
    """Of those who came back, and where most of their time passed; rarer ways are no way."""
    found = verdict(PATHS, TIMES, leaks(("main", 1, "", "", status, None, 9.0, 0.1, 0.2)), STEPS)

    assert ("ok", "sms>cart", 0.4, "sms", "back", 0.7) == (
        found.answer,
        *(found.values[k] for k in ("way_path", "way_share", "start_event", "end_event",
                                    "time_share")),
    )  # fmt: skip


def test_what_cannot_be_told_says_why():
    """No ways, or no step that could be judged."""
    record = Record("back_after_path", None, "share", status="not_computed", reason="no events")
    nobody = Result(PATHS.frame.head(0), (record,))

    assert "no events" == verdict(nobody, TIMES, leaks(), STEPS).reason
    short = verdict(PATHS, TIMES, leaks(reason="too few windows"), STEPS)
    assert ("not_computable", "too few windows") == (short.answer, short.reason)
