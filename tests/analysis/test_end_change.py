"""What moved a funnel's end result: exact parts, and mix and rate within its steps."""

import dataclasses
import itertools
import math

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made.funnels import NOW, STEPS, counted
from repurchase.analysis.end_change import end_change, end_step, within_steps
from repurchase.analysis.leak_readings import Counted


def funnel(windows, *, cut=None, orders=(False, False, True, True)):
    """Counts from (period, label, (entered, step 1, step 2, ...)); labels are of `cut`."""
    rows = []
    for period, label, came in windows:
        for step, (n, y) in enumerate(itertools.pairwise(came), start=1):
            rows.append((period, "" if label is None else cut, label or "", step, n, y))
    columns = ["period", "cut", "label", "step", "reached", "converted"]
    steps = STEPS[: len(windows[0][2])]
    return Counted("main", "main", steps, orders[: len(steps)], pd.DataFrame(rows, columns=columns))


METHODS = (
    ("2025-08", None, (10_000, 4_000, 1_000, 800)),
    ("2025-09", None, (12_000, 4_320, 1_296, 1_010.88)),
)


def test_the_parts_of_methods():
    """(10000, .40, .25, .80) to (12000, .36, .30, .78): 164.82 - 95.78 + 164.82 - 22.98."""
    result = end_change([funnel(METHODS)], NOW)

    frame = result.frame
    assert [164.82, -95.78, 164.82, -22.98] == pytest.approx(frame["part"].tolist(), abs=5e-3)
    assert 210.88 == pytest.approx(frame["part"].sum())
    record = result.one("end_customers", compare_to="previous", dimensions="funnel=main")
    assert (1010.88, 210.88) == pytest.approx((record.value, record.change))
    part = result.one("end_part", dimensions="against=previous;factor=2;funnel=main")
    assert frame["part"].iloc[2] == part.value


def test_the_end_is_the_last_order():
    """After-service is no order: the change is of who came to the repurchase."""
    result = end_change([funnel(METHODS, orders=(False, False, True, False))], NOW)

    assert [0, 1, 2] == result.frame["factor"].tolist()
    assert 296 == pytest.approx(result.frame["part"].sum())
    assert 4 == end_step(funnel(METHODS, orders=(True, False, False, False)))


def test_a_comparison_without_its_window_is_named():
    """There is no contact window of a year ago."""
    result = end_change([funnel(METHODS)], NOW)

    (missing,) = [r for r in result.records if r.status == "not_computed"]
    assert "against=year_ago;funnel=main" == missing.dimensions
    assert "the data hold no whole contact window of 2024-09" == missing.reason


def test_the_interval_of_a_part_is_that_of_the_conversions():
    """One step only: half of the change of the rate is taken at each window's entries."""
    result = end_change([funnel([("2025-08", None, (100, 20)), ("2025-09", None, (200, 60))])], NOW)
    part = result.frame.iloc[1]

    error = 150 * math.sqrt(0.2 * 0.8 / 100 + 0.3 * 0.7 / 200)
    assert 15 == pytest.approx(part["part"])
    assert 15 + 1.959964 * error == pytest.approx(part["high"], rel=1e-6)


came = st.lists(st.integers(0, 10**6), min_size=2, max_size=5).map(lambda x: sorted(x)[::-1])


@settings(max_examples=200, deadline=None)
@given(now=came, then=came)
def test_the_parts_add_up_whatever_happened(now, then):
    """To the last customer, with steps that nobody reached in one window or both."""
    size = min(len(now), len(then))
    now, then = now[:size], then[:size]
    found = funnel([("2025-08", None, then), ("2025-09", None, now)], orders=(True,) * 5)
    found = dataclasses.replace(found, steps=tuple("abcde"[:size]), orders=(True,) * size)
    parts = end_change([found], NOW).frame["part"]

    if now[0] and then[0]:
        assert now[-1] - then[-1] == pytest.approx(parts.sum(), abs=1e-6 * (1 + now[0] + then[0]))
        assert size == len(parts)
    else:
        assert parts.empty


label_counts = st.tuples(st.integers(0, 10**5), st.floats(0, 1))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(label_counts, label_counts), min_size=2, max_size=6))
def test_mix_and_rate_add_up_to_the_step(labels):
    """Whatever labels come, stay away, or are too small to stand alone."""
    rows = []
    for side, period in enumerate(("2025-08", "2025-09")):
        sums = [0, 0]
        for number, windows in enumerate(labels):
            n, share = windows[side]
            y = int(n * share)
            rows.append((period, f"L{number}", (n, y)))
            sums = [sums[0] + n, sums[1] + y]
        rows.append((period, None, tuple(sums)))
    frame = within_steps([funnel(rows, cut="channel")], NOW).frame

    for row in frame.to_dict("records"):
        assert row["now"] - row["then"] == pytest.approx(row["total"])
        assert row["total"] == pytest.approx(row["mix"] + row["rate"], abs=1e-9)


REVERSED = (
    ("2025-08", "a", (4000, 200)), ("2025-08", "b", (1000, 200)), ("2025-08", None, (5000, 400)),
    ("2025-09", "a", (1000, 30)), ("2025-09", "b", (4000, 720)), ("2025-09", None, (5000, 750)),
)  # fmt: skip


def test_a_step_that_rises_while_all_labels_fall_is_flagged():
    """8 % to 15 %: mix +9, rate -2 points (METHODS); Simpson, and beyond chance."""
    result = within_steps([funnel(REVERSED, cut="channel")], NOW)
    row = result.frame.iloc[0]

    assert (0.09, -0.02) == pytest.approx((row["mix"], row["rate"]))
    assert (True, True) == (row["stands"], row["reversal"])
    where = "against=previous;by=channel;funnel=main;step=1"
    record = result.one("step_mix_part", dimensions=where)
    assert 0.09 == pytest.approx(record.value)
    assert {5000} == {r.n for r in result.records if r.value is not None}  # at the step now


def test_a_disagreement_that_may_be_chance_is_not_flagged():
    """The same with a hundredth of the customers."""
    small = [(p, label, tuple(x // 20 for x in sizes)) for p, label, sizes in REVERSED]
    row = within_steps([funnel(small, cut="channel")], NOW).frame.iloc[0]

    assert row["rate"] < 0 < row["total"]
    assert (False, False) == (row["stands"], row["reversal"])


def test_each_step_is_split_by_each_cut_on_both_sides():
    """Three steps by one cut, against August and against September a year ago."""
    frame = within_steps([counted()], NOW).frame

    assert [("previous", 1), ("previous", 2), ("previous", 3), ("year_ago", 1), ("year_ago", 2),
            ("year_ago", 3)] == list(zip(frame["against"], frame["step"], strict=True))  # fmt: skip
    assert not frame["stands"].any()


def test_one_label_cannot_be_mixed():
    """A cut with one label is named, not drawn."""
    rows = [(p, x, (1000, 100)) for p in ("2025-08", "2025-09") for x in ("a", None)]
    result = within_steps([funnel(rows, cut="channel")], NOW)

    assert result.frame.empty
    assert "all buyers are of one kind" in {r.reason for r in result.records}


def test_campaigns_that_come_and_go_split_nothing():
    """No unit has a label of both windows: nothing can be said of mix or rate."""
    rows = [(p, f"{x} of {p}", (1000, 100)) for p in ("2025-08", "2025-09") for x in "ab"]
    rows += [(p, None, (2000, 200)) for p in ("2025-08", "2025-09")]
    result = within_steps([funnel(rows, cut="campaign_id")], NOW)

    assert result.frame.empty
    assert "its labels are others in the two windows" in {r.reason for r in result.records}
