"""What a funnel converts, on unit tables that a pencil can check."""

import datetime as dt
from dataclasses import replace

import ibis
import pandas as pd
import pytest
from repurchase.analysis import funnel as engine
from repurchase.analysis import funnel_figures as figures
from repurchase.analysis.windows import windows_of
from repurchase.params import FunnelSpec
from repurchase.period import Period
from repurchase.stats.proportion import change_of, wilson

DAY = dt.date.fromisoformat
STEPS = ({"events": "a"}, {"events": "b"}, {"orders": "repeat"}, {"tickets": "closed"})


def asked(
    *, first="2025-03", last="2025-09", data_from="2025-01-15", through=None, steps=STEPS, **told
):
    spec = FunnelSpec.model_validate({
        "name": "f", "steps": [{"name": str(n), **step} for n, step in enumerate(steps, 1)],
    })  # fmt: skip
    which = engine.Funnel(
        "f", "f", ("1", "2", "3", "4")[: len(steps)], 30, "ordered", "profile", spec
    )
    period = Period.parse(last)
    readable, p = [period], period
    while p.label != first:
        p = p.previous()
        readable.insert(0, p)
    through = DAY(through) if through else None
    windows = windows_of(period, country=None, data_from=DAY(data_from), data_through=through)
    return figures.Asked(which, windows, tuple(readable), DAY(data_from), "Asia/Shanghai", **told)


def unit_table(*rows):
    """Units from (period, customer, reached, label); times are made up."""
    frame = pd.DataFrame(rows, columns=["period", "customer_id", "reached", "channel"])
    return ibis.memtable(frame)


def many(period, label, *, reached, of, step=1, offset=0):
    """That many customers at a step, some of them one step further."""
    return [
        (period, f"{label}{i + offset}", step + (i < reached), label) for i in range(of)
    ]


def test_conversions_levels_and_ends_add_up() -> None:
    """Of 40 now 10 came to step 2 and 4 of those to step 3; before it were 20 of 50, 12 of 30."""
    rows = [
        *[("2025-09", f"c{i}", 3 if i < 4 else 2 if i < 10 else 1, "x") for i in range(40)],
        *many("2025-08", "c", reached=20, of=50),
        *many("2025-07", "d", reached=12, of=30),
    ]
    result = figures.conversion(unit_table(*rows), asked())
    frame = result.frame.set_index("step")

    assert [(40, 10), (10, 4), (4, 0), (40, 4)] == [
        (r.reached, r.converted) for r in frame.itertuples()
    ]
    assert [32 / 80, 0.0] == frame["level"].head(2).tolist()
    assert 0.25 == frame.loc["1", "value"]
    assert 0.1 == frame.loc["end", "value"]
    assert 0.25 - 0.4 == pytest.approx(frame.loc["1", "previous_change"])
    assert list(wilson(10, 40)) == frame.loc["1", ["value", "low", "high"]].tolist()
    counts = [r.value for r in result.records if r.metric == "step_customers"]
    assert [40, 10, 4, 0] == counts


def test_a_change_is_paired_on_the_customers_of_both_windows() -> None:
    """The same customers did the same in both: the change is nought and its interval narrow."""
    same = [
        (p, f"c{i}", 1 + (i % 3 == 0), "x") for p in ("2025-09", "2025-08") for i in range(300)
    ]
    moved = [("2025-09", f"c{i}", 1 + (i % 3 == 0), "x") for i in range(300)]
    moved += [("2025-08", f"d{i}", 1 + (i % 3 == 0), "x") for i in range(300)]
    one = figures.conversion(unit_table(*same, ("2025-09", "e", 2, "x")), asked()).frame.iloc[0]
    two = figures.conversion(unit_table(*moved, ("2025-09", "e", 2, "x")), asked()).frame.iloc[0]

    assert one["previous_change"] == two["previous_change"]
    apart = change_of(wilson(101, 301), wilson(100, 300))
    assert apart.low == pytest.approx(two["previous_low"], abs=1e-9)
    assert one["previous_high"] - one["previous_low"] < 0.2 * (apart.high - apart.low)


def test_what_lies_before_the_data_is_named() -> None:
    """No window of a year ago, and none before the first: blank, with the reason."""
    rows = many("2025-09", "c", reached=10, of=40)
    result = figures.conversion(unit_table(*rows), asked(first="2025-09"))
    frame = result.frame.set_index("step")
    year = result.one("step_conversion", compare_to="year_ago", dimensions="funnel=f;step=1")
    level = result.one("step_level", dimensions="funnel=f;step=1")

    assert frame.loc["1", ["level", "year_ago_change"]].isna().all()
    assert "the data begin on 2025-01-15" in year.reason
    assert ("not_computed", None) == (level.status, level.value)


def test_without_a_whole_window_nothing_is_computed() -> None:
    """Every record says so, none is nought."""
    ask = asked()
    ask = figures.Asked(ask.funnel, ask.windows, (), DAY("2025-09-10"), ask.zone)
    result = figures.conversion(unit_table(("2025-09", "c", 1, "x")), ask)

    assert {None} == {r.value for r in result.records}
    assert {"not_computed"} == {r.status for r in result.records}
    assert "2025-09" in result.one("step_conversion", dimensions="funnel=f;step=1").reason


def test_the_whole_way_of_two_steps_is_the_first_step() -> None:
    """It is told once: twice the same change would count twice among those looked at."""
    rows = many("2025-09", "c", reached=10, of=40)
    two = figures.conversion(unit_table(*rows), asked(steps=STEPS[:2])).frame
    three = figures.conversion(unit_table(*rows), asked(steps=STEPS[:3])).frame

    assert ["1"] == two["step"].tolist()
    assert ["1", "2", "end"] == three["step"].tolist()


def test_entry_by_rank_too_early_in_the_data_is_read_with_care() -> None:
    """Who seems to order first may be older than the data; nothing before is compared with."""
    rows = [*many("2025-09", "c", reached=10, of=40), *many("2025-08", "d", reached=9, of=40)]
    ask = asked(first="2025-09", sure_from=DAY("2026-01-15"))
    result = figures.conversion(unit_table(*rows), ask)
    now, before = (
        result.one("step_conversion", compare_to=w, dimensions="funnel=f;step=1")
        for w in ("none", "previous")
    )

    assert ("provisional", 0.25) == (now.status, now.value)
    assert "may be returns of customers older" in now.reason
    assert "within the activity window of 12 months" in before.reason
    sure = asked(sure_from=DAY("2025-08-02"))
    assert "final" == figures.conversion(unit_table(*rows), sure).records[0].status


def test_a_period_still_running_is_read_as_far_as_its_windows_have_passed() -> None:
    """Data to 20 September: entries up to 21 August can be read, and with care."""
    ask = asked(through="2025-09-20")
    rows = many("2025-09", "c", reached=10, of=40)
    record = figures.conversion(unit_table(*rows), ask).records[0]

    assert (DAY("2025-08-02"), DAY("2025-08-21")) == ask.contact
    assert ("provisional", "the period has run 20 of 30 days") == (record.status, record.reason)


def test_a_label_is_held_against_the_one_that_was_best_before() -> None:
    """b was best in the six windows before and is compared with now; a, best now, is not."""
    rows = [
        *many("2025-08", "a", reached=10, of=100), *many("2025-08", "b", reached=60, of=100),
        *many("2025-08", "c", reached=20, of=100), *many("2025-08", "d", reached=9, of=10),
        *many("2025-09", "a", reached=70, of=100), *many("2025-09", "b", reached=50, of=100),
        *many("2025-09", "c", reached=20, of=100), *many("2025-09", "d", reached=9, of=10),
    ]  # fmt: skip
    result = figures.by_cut(unit_table(*rows), asked(), ["channel"])
    first = result.frame[result.frame["step"] == 1].set_index("label")

    assert {"b"} == set(first.loc[["a", "b", "c"], "best_label"])
    gap = change_of(wilson(20, 100), wilson(50, 100))
    assert list(gap) == first.loc["c", ["best_change", "best_low", "best_high"]].tolist()
    assert "stands" == first.loc["c", "best_mark"]
    assert pd.isna(first.loc["b", "best_change"])
    assert (10, True) == (first.loc["d", "n"], pd.isna(first.loc["d", "value"]))
    assert "stands" == first.loc["a", "previous_mark"]
    assert "" == first.loc["c", "previous_mark"]
    where = "best=b;cut=channel;funnel=f;label=c;step=1"
    assert -0.3 == pytest.approx(result.one("step_gap", dimensions=where).value)


def test_like_is_held_against_like() -> None:
    """The online shop is best of all; the street's shops are held against the best street's."""
    rows = [
        row
        for period in ("2025-08", "2025-09")
        for label, came in (("web", 90), ("s1", 30), ("s2", 20))
        for row in many(period, label, reached=came, of=100)
    ]
    kinds = {"channel": {"web": "online", "s1": "own", "s2": "own"}}
    result = figures.by_cut(unit_table(*rows), asked(), ["channel"], alike=kinds)
    first = result.frame[result.frame["step"] == 1].set_index("label")

    assert ["s1", "s1"] == first.loc[["s1", "s2"], "best_label"].tolist()
    assert pd.isna(first.loc["web", "best_label"])


def test_what_is_known_as_of_today_only_is_compared_with_nothing() -> None:
    """A tier that rises with buying would fall behind its own past by itself."""
    rows = [
        row
        for period, came in (("2025-08", 90), ("2025-09", 30))
        for label in ("gold", "tin")
        for row in many(period, label, reached=came, of=100)
    ]
    result = figures.by_cut(unit_table(*rows), asked(), ["channel"], as_of_today=["channel"])
    first = result.frame[result.frame["step"] == 1]

    assert [0.3, 0.3] == first["value"].tolist()
    assert first[["previous_change", "best_change"]].isna().all(axis=None)


def test_a_cut_without_labels_is_left_out() -> None:
    """Nobody's channel is known: there is nothing to tell apart; the frame keeps its columns."""
    rows = [(p, c, r, "") for p, c, r, _ in many("2025-09", "c", reached=10, of=40)]
    result = figures.by_cut(unit_table(*rows), asked(), ["channel"])

    assert result.frame.empty
    assert {"best_mark", "previous_p", "year_ago_change"} <= set(result.frame.columns)


def waits(*rows):
    """Units of September from (hours to step 2 or None, how many), entered at noon in Shanghai."""
    noon = dt.datetime.fromisoformat("2025-08-10 04:00:00")
    made = [
        {
            "period": "2025-09", "customer_id": f"c{n}-{i}", "entered_on": DAY("2025-08-10"),
            "t_1": noon, "t_2": None if hours is None else noon + dt.timedelta(hours=hours),
            "t_3": None, "t_4": None, "reached": 1 if hours is None else 2,
        }
        for n, (hours, count) in enumerate(rows)
        for i in range(count)
    ]  # fmt: skip
    kinds = dict.fromkeys(("t_1", "t_2", "t_3", "t_4"), "timestamp(6)")
    schema = {"period": "string", "customer_id": "string", "entered_on": "date", **kinds,
              "reached": "int64"}  # fmt: skip
    frame = pd.DataFrame(made).astype({t: "datetime64[us]" for t in kinds})
    return ibis.memtable(frame, schema=schema)


def test_times_are_of_those_who_take_the_step() -> None:
    """60 of 100 take it, 40 after two days, 20 after ten: half by 2, nine in ten by 10."""
    result = figures.times(waits((48, 40), (240, 20), (None, 40)), asked())
    row = result.frame.iloc[0]

    assert (100, 60) == (row["reached"], row["taken"])
    assert 0.6 == pytest.approx(row["within"])
    assert (2.0, 10.0) == (row["median"], row["p90"])
    assert row["median_low"] <= 2.0 <= row["median_high"]
    record = result.one("step_days_median", dimensions="funnel=f;step=1")
    assert (2.0, 60, 100) == (record.value, record.numerator, record.n)


def test_the_last_hour_of_the_window_is_still_followed() -> None:
    """Entered at noon, the window of 30 days ends 30.5 days later at midnight."""
    table = waits((30 * 24 + 11, 50), (None, 50))

    assert 30.458333 == pytest.approx(figures.times(table, asked()).frame.iloc[0]["median"])
    assert 0.5 == pytest.approx(figures.times(table, asked()).frame.iloc[0]["within"])


def test_a_step_that_few_take_has_no_time() -> None:
    """29 took it: their number is told, their time is not."""
    result = figures.times(waits((48, 29), (None, 40)), asked())
    record = result.one("step_days_p90", dimensions="funnel=f;step=1")

    assert (29, True) == (result.frame.iloc[0]["taken"], pd.isna(result.frame.iloc[0]["p90"]))
    assert "fewer than 30" in record.reason


def test_who_entered_too_late_is_counted_with_a_date() -> None:
    """September's entrants after 31 August, each once; all of them can be read from 30 October."""
    days = ["2025-08-31", "2025-09-01", "2025-09-01", "2025-09-30", "2025-10-01"]
    entries = ibis.memtable(
        pd.DataFrame({"customer_id": list("abbcd"), "day": [DAY(d) for d in days]}),
        schema={"customer_id": "string", "day": "date"},
    )
    result = figures.waiting(entries, asked())
    row, record = result.frame.iloc[0], result.records[0]

    late = (2, DAY("2025-09-01"), DAY("2025-09-30"))
    assert late == (row["customers"], row["first"], row["last"])
    assert (2.0, "2025-10-30") == (record.value, record.readable_from)


def test_before_the_data_begin_nobody_is_said_to_wait() -> None:
    """The events begin in October: of September it is not known, which is not 0."""
    entries = ibis.memtable(
        pd.DataFrame({"customer_id": ["a"], "day": [DAY("2025-10-01")]}),
        schema={"customer_id": "string", "day": "date"},
    )
    early = replace(asked(), data_from=DAY("2025-10-01"))
    (record,) = figures.waiting(entries, early).records

    assert ("not_computed", None) == (record.status, record.value)
    assert "begin" in record.reason and "2025-10-01" in record.reason
