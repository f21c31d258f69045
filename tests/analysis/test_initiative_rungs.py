"""Which comparison may be stood on: planted panels whose gates must open or shut."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from repurchase.analysis import initiative_costs, initiative_flags, initiative_rungs
from repurchase.analysis.initiative_panel import (
    InitiativePanel,
    InitiativeWindows,
    build,
    first_of,
    windows,
)
from repurchase.analysis.ladder import RUNGS
from repurchase.calendar import Window
from repurchase.initiatives import Initiative
from repurchase.period import add_months
from repurchase.stats.panel import Effect

BEFORE, AFTER = 18, 8


def starts(n):
    return [dt.date(2023 + m // 12, m % 12 + 1, 1) for m in range(n)]


def made(effect=0.0, *, units=(10, 10), before=BEFORE, after=AFTER, drift=0.0, dip=0.0, seed=3):
    """A panel of stores with 200 members each: levels, a common course, and what is planted.

    `drift` is what the treated rise more in each month, `dip` what they fall in the last quarter
    before.
    """
    rng = np.random.default_rng(seed)
    days = starts(before + after)
    course = 20 + 3 * np.sin(np.arange(len(days)) * np.pi / 6)
    rows = []
    for i in range(sum(units)):
        treated, level = i < units[0], rng.normal(0, 2)
        for at, day in enumerate(days):
            value = course[at] + level + rng.normal(0, 0.5)
            if treated:
                value += drift * at + (effect if at >= before else 0.0)
                value -= dip if before - 3 <= at < before else 0.0
            rows.append({
                "unit": f"{'T' if treated else 'C'}{i:02}",
                "group": "treated" if treated else "control", "start": day,
                "phase": "before" if at < before else "after", "members": 200.0,
                "orders": value * 200 / 10, "revenue": value * 400, "margin": value * 200,
                "buyers": 100.0, "newcomers": 10.0, "identified": 80.0, "all_orders": 100.0,
            })  # fmt: skip
    last = first_of(days[-1] + dt.timedelta(days=31), "month") - dt.timedelta(days=1)
    windows = InitiativeWindows(
        Window(days[0], days[before] - dt.timedelta(days=1)), Window(days[before], last),
        days[before], last, "month",
    )  # fmt: skip
    return InitiativePanel(pd.DataFrame(rows), windows, "store_id", True)


def gates(rung):
    return {gate.name: gate.passed for gate in rung.gates}


def test_a_sound_panel_is_climbed_to_the_top():
    """All six rungs; those that compare find the planted 2, and the highest is stood on."""
    ladder = initiative_rungs.climb(made(2.0), "margin", spilled=False)

    assert list(RUNGS) == [r.name for r in ladder.rungs]
    assert "synthetic_difference" == ladder.chosen.name
    for rung in ladder.rungs[2:]:
        assert rung.effect.low < 2.0 < rung.effect.high, rung.name
        assert abs(rung.effect.value - 2.0) < 0.6, rung.name
    assert (16_000.0, 2_000.0) == (ladder.exposure, ladder.members)
    assert (10, 10, BEFORE, AFTER) == (
        ladder.units_treated, ladder.units_control, ladder.periods_before, ladder.periods_after,
    )  # fmt: skip
    assert not ladder.rung("naive").stands


def test_the_detail_names_units_and_months():
    """What the pages draw: the event study's months, the weights' stores, the path."""
    ladder = initiative_rungs.climb(made(2.0), "margin")
    events = ladder.rung("difference").detail["event_study"]
    weights = ladder.rung("synthetic_control").detail["weights"]
    path = ladder.rung("synthetic_control").detail["path"]

    assert starts(BEFORE + AFTER) == list(events["start"])
    assert weights["unit"].str.startswith("C").all()
    assert 1 == pytest.approx(weights["weight"].sum())
    gap = (path["seen"] - path["expected"])[BEFORE:].mean()
    assert ladder.rung("synthetic_control").effect.value == pytest.approx(gap)
    assert 2 == ladder.rung("structural").detail["chains"]
    assert ladder.rung("structural").detail["r_hat"] < initiative_rungs.MOST_R_HAT


def test_diverging_before_shuts_the_difference():
    """The treated rise by a quarter more each month: the pre-trend, and fakes that seem to work."""
    rung = initiative_rungs.climb(made(0.0, drift=0.25), "margin", depth="difference").rungs[-1]

    assert rung.effect.low > 0
    assert gates(rung)["pre_trend"] is False
    assert gates(rung)["placebo_dates"] is False
    assert not rung.stands


def test_controls_that_were_reached_carry_nothing():
    """Every rung that leans on them is refused, so what is seen is a change."""
    ladder = initiative_rungs.climb(made(2.0), "margin", spilled=True)

    assert ladder.chosen is None
    assert {False} == {gates(r)["spill_over"] for r in ladder.rungs[2:]}


def test_without_controls_there_are_changes_only():
    """Everyone was treated at once: naive and season are told, the rest says why not."""
    ladder = initiative_rungs.climb(made(2.0, units=(10, 0)), "margin")

    assert [True, True, False, False, False, False] == [r.effect is not None for r in ladder.rungs]
    assert all(r.reason for r in ladder.rungs[2:])
    assert ladder.chosen is None
    # every after-month has its own month of the year before: the season is gone, the effect is left
    assert 2.0 == pytest.approx(ladder.rung("season").effect.value, abs=0.4)


def test_two_treated_stores_and_two_months_are_too_few():
    """Three units a side and three months after are asked for."""
    few = initiative_rungs.climb(made(2.0, units=(2, 8)), "margin", depth="difference")
    short = initiative_rungs.climb(made(2.0, after=2), "margin", depth="difference")

    assert gates(few.rungs[-1])["units"] is False
    assert gates(short.rungs[-1])["periods"] is False
    assert few.chosen is short.chosen is None


def test_less_than_a_year_before_leaves_the_season_unseen():
    """A series of nine months cannot foretell the tenth's season."""
    rung = initiative_rungs.climb(made(2.0, before=9), "margin").rung("structural")

    assert gates(rung)["season"] is False
    assert not rung.stands


# ---- flags --------------------------------------------------------------------------------------


def plan(**told):
    given = {
        "id": "x", "name": "x", "go_live": dt.date(2024, 7, 1), "chosen_by": "list",
        "treated": {"labels": [f"T{i:02}" for i in range(10)]},
    }  # fmt: skip
    return Initiative(**{**given, **told})


EFFECT = Effect(2.0, 1.0, 3.0, 0.5, 0.001)


def test_a_fall_just_before_is_a_choice_by_the_outcome():
    """The treated fell by 3 in the quarter before: raised though the plan says `list`."""
    fell = initiative_flags.regression_to_mean(plan(), made(dip=3.0), "margin", EFFECT)
    level = initiative_flags.regression_to_mean(plan(), made(), "margin", EFFECT)
    drawn = initiative_flags.regression_to_mean(
        plan(chosen_by="chance"), made(dip=3.0), "margin", EFFECT
    )

    assert (True, False, False) == (fell.raised, level.raised, drawn.raised)
    assert -3.0 == pytest.approx(fell.values["dip"], abs=0.5)
    assert not level.refuses


def test_a_choice_by_the_outcome_refuses_where_the_rebound_is_not_small():
    """Levels that last for years come back by hardly anything: a warning. Beside no effect at all
    any rebound weighs."""
    said = plan(chosen_by="outcome")
    small = initiative_flags.regression_to_mean(said, made(), "margin", EFFECT)
    large = initiative_flags.regression_to_mean(
        said, made(), "margin", Effect(0.001, -1, 1, 0.5, 0.9)
    )

    assert small.raised and not small.refuses
    assert max(abs(small.values["low"]), abs(small.values["high"])) < 0.5
    assert large.refuses


def test_customers_picked_one_by_one_are_picked_for_what_they_do():
    """Refuses, unless chance picked them; stores on a list do not."""
    listed = plan(unit="customer", treated={"campaigns": ["8"]})
    drawn = plan(unit="customer", treated={"campaigns": ["8"]}, chosen_by="chance")

    assert (True, True) == (
        initiative_flags.chosen_unknown(listed).raised,
        initiative_flags.chosen_unknown(listed).refuses,
    )
    assert not initiative_flags.chosen_unknown(drawn).raised
    assert not initiative_flags.chosen_unknown(plan()).raised
    unknown = initiative_flags.chosen_unknown(plan(chosen_by="unknown"))
    assert (True, False) == (unknown.raised, unknown.refuses)


def test_who_knows_what_comes_moves_in_the_month_before():
    """The treated's last month falls by 3; nobody foresaw anything in the other."""
    foreseen = made()
    frame = foreseen.frame
    last = (frame["start"] == dt.date(2024, 6, 1)) & (frame["group"] == "treated")
    frame.loc[last, "margin"] -= 3.0 * 200
    found = initiative_flags.anticipation(foreseen, "margin")

    assert found.raised
    assert -3.0 == pytest.approx(found.values["change"], abs=0.6)
    assert initiative_flags.anticipation(made(), "margin").raised is False


def test_controls_customers_at_treated_places_are_a_spill_over():
    """3 % of their orders more than before: raised; 1 %: not; unknown for units that are no
    places."""
    panel = made()
    more = initiative_flags.Crossed(1_000.0, 20.0, 500.0, 25.0)
    less = initiative_flags.Crossed(1_000.0, 20.0, 500.0, 15.0)

    assert initiative_flags.spill_over(panel, "margin", more).raised
    assert initiative_flags.spill_over(panel, "margin", less).raised is False
    assert initiative_flags.spill_over(panel, "margin", None).raised is None
    assert 0.05 == initiative_flags.spill_over(panel, "margin", more).values["share"]


def identified(before, after, unknown=20.0):
    """A panel whose treated have so many identified orders a store and month, and unknown ones."""
    panel = made()
    frame = panel.frame
    for phase, known, rest in (("before", before, 20.0), ("after", after, unknown)):
        rows = (frame["group"] == "treated") & (frame["phase"] == phase)
        frame.loc[rows, "identified"], frame.loc[rows, "all_orders"] = known, known + rest
    return panel


def test_orders_that_only_became_known_refuse():
    """80 of 100 known, then 95 of 100: the fifteen may be the whole effect. 80 then 115 known with
    the 20 unknown ones left as they were: they order more, and nothing is refused."""
    effect = Effect(0.05, 0.01, 0.09, 0.02, 0.01)
    shifted = initiative_flags.identification_change(identified(80.0, 95.0, 5.0), 0.03, effect)
    more = initiative_flags.identification_change(identified(80.0, 115.0), 0.03, effect)
    same = initiative_flags.identification_change(identified(80.0, 80.0), 0.03, effect)

    assert (True, True) == (shifted.raised, shifted.refuses)
    assert 0.15 == pytest.approx(shifted.values["change"])
    # 15 of the 20 orders of a store's month went, of 200 members
    assert 15 / 200 == pytest.approx(shifted.values["shifted"])
    assert (True, False) == (more.raised, more.refuses)
    assert same.raised is False


def test_a_shift_that_chance_makes_does_not_refuse():
    """A hundredth of the same orders: 4 of nobody known after, where 36 were before."""
    panel = identified(80.0, 95.0, 5.0)
    frame = panel.frame
    frame[["identified", "all_orders"]] /= 100.0
    found = initiative_flags.identification_change(panel, 0.03, None)

    assert (True, False) == (found.raised, found.refuses)
    assert 0.0 == found.values["certain"]


def test_what_became_known_everywhere_is_no_change_of_the_treated():
    """The controls' share rose by as much."""
    panel = identified(80.0, 95.0, 5.0)
    frame = panel.frame
    rows = (frame["group"] == "control") & (frame["phase"] == "after")
    frame.loc[rows, ["identified", "all_orders"]] = 95.0, 100.0
    found = initiative_flags.identification_change(panel, 0.03, None)

    assert found.raised is False
    assert 0.0 == pytest.approx(found.values["change"])


def test_an_after_window_of_less_than_a_year_or_than_planned_is_incomplete():
    """Eight months of twelve; and eight of the nine that were planned."""
    panel = made()
    found = initiative_flags.incomplete_after(panel)
    windows = panel.windows
    planned = InitiativePanel(
        panel.frame,
        InitiativeWindows(
            windows.before, windows.after, windows.go_live, windows.seen_until, "month",
            dt.date(2025, 3, 31),
        ),
        "store_id",
        True,
    )  # fmt: skip
    then = initiative_flags.incomplete_after(planned)

    assert (True, 8.0, 12.0) == (found.raised, found.values["seen"], found.values["planned"])
    assert (True, 9.0, "2025-03-31") == (
        then.raised, then.values["planned"], then.values["complete_from"],
    )  # fmt: skip
    assert [found.values["whole_on"], then.values["whole_on"]] == [
        (add_months(windows.after.start, 12) - dt.timedelta(days=1)).isoformat(), "2025-03-31",
    ]  # fmt: skip
    assert initiative_flags.incomplete_after(made(after=12)).raised is False


def test_more_newcomers_among_the_treated_alone_change_the_mix():
    """10 of 210 newcomers before; 40 of 240 after at the treated only."""
    panel = made()
    frame = panel.frame
    rows = (frame["group"] == "treated") & (frame["phase"] == "after")
    frame.loc[rows, "newcomers"] = 40.0
    found = initiative_flags.mix_change(panel)

    assert found.raised
    assert (10 / 210, 40 / 240) == pytest.approx((found.values["before"], found.values["after"]))
    assert initiative_flags.mix_change(made()).raised is False


def test_counts_of_names_and_tries():
    """Nothing found is looked for and not found."""
    assert ("a, b", True) == (
        initiative_flags.other_initiatives(["a", "b"]).values["names"],
        initiative_flags.costs_missing(["build"]).raised,
    )
    assert initiative_flags.other_initiatives([]).raised is False
    misspelt = initiative_flags.costs_missing([], ["sytem"], ["system", "other"])
    told = [misspelt.values[k] for k in ("names", "ids", "nearest", "others")]
    assert (True, ["", "sytem", "system", ""]) == (misspelt.raised, told)
    capitals = initiative_flags.costs_missing([], ["SYSTEM"], ["system", "other"])
    assert "system" == capitals.values["nearest"]


def test_costs_below_nothing_and_costs_not_read_are_warned_of():
    """A sign gone wrong makes it cheaper, and so does a row that was put aside."""
    rows = pd.DataFrame({
        "amount": [100.0, -30.0, float("nan"), -5.0], "category": ["build", "bulid", None, "other"],
    })  # fmt: skip
    below = initiative_costs.negative(rows)
    others = initiative_costs.other_categories(rows)

    assert ((2, -35.0), ("bulid",)) == (below, others)
    assert ((0, 0.0), ()) == (
        initiative_costs.negative(None), initiative_costs.other_categories(None)
    )  # fmt: skip
    told = initiative_flags.costs_missing(["training"], negative=below, aside=3, others=others)
    assert (True, 2.0, -35.0, 3.0, "bulid") == (
        told.raised, *(told.values[k] for k in ("negative", "below", "aside", "others"))
    )  # fmt: skip
    assert initiative_flags.costs_missing([], negative=below).raised
    assert initiative_flags.costs_missing([], aside=1).raised
    # another category is told only where one is missing
    alone = initiative_flags.costs_missing([], others=others)
    assert (False, "") == (alone.raised, alone.values["others"])


def test_the_prior_of_the_ladder_stands_among_the_others_as_it_is():
    """One reading has one interval, wherever it is shown."""
    rung = initiative_rungs.climb(made(effect=2.0), "margin").rung("structural")
    priors = rung.detail["priors"].set_index("level_sd")

    assert [0.001, 0.01, 0.1] == list(priors.index)
    assert rung.effect[:3] == tuple(priors.loc[0.01, ["effect", "low", "high"]])


def test_a_label_that_nobody_knows_refuses_and_one_without_customers_is_named():
    """A misspelt store is counted among the others, so nothing may be stood on."""
    typo = initiative_flags.labels_unknown(["S0O3"], ["S001", "S003"])
    empty = initiative_flags.labels_unknown(["S014"], ["S003", "S014"])
    nobody = initiative_flags.labels_unknown([], [], ["control"])
    none = initiative_flags.labels_unknown([], [])

    assert ((True, True), ("S0O3", "S003", "")) == (
        (typo.raised, typo.refuses), tuple(typo.values[k] for k in ("names", "nearest", "empty")),
    )  # fmt: skip
    assert (True, False, "S014") == (empty.raised, empty.refuses, empty.values["empty"])
    assert (True, True, "control") == (nobody.raised, nobody.refuses, nobody.values["groups"])
    assert (False, False) == (none.raised, none.refuses)


def test_all_that_the_plan_names_must_be_there():
    """Treated, controls and who is left out, each once."""
    plan = Initiative(
        id="x", name="X", go_live=dt.date(2025, 1, 1), treated={"labels": ["S1", "S9"]},
        controls={"labels": ["S2"]}, except_for=["S7"],
    )  # fmt: skip

    counted = pd.DataFrame({"unit": ["S1", "S2"], "start": dt.date(2024, 1, 1)}).assign(
        **dict.fromkeys(("members", "orders", "revenue", "margin", "buyers", "newcomers"), 1.0),
        orders_with_margin=1.0,
    )
    told = windows(plan, data_from=dt.date(2024, 1, 1), seen_until=dt.date(2025, 3, 31))

    assert ("S9", "S7") == build(plan, counted, told).absent
    assert (False, True) == (initiative_flags.tries(0).raised, initiative_flags.tries(2).raised)
