"""Net value, ROI, payback and the rest of an initiative's money, against a pencil."""

import datetime as dt
import math
import pickle

import numpy as np
import pytest
from made.initiative_money import (
    AFTER,
    GO_LIVE,
    UNTIL,
    booked_of,
    effect,
    ladder_of,
    money_of,
    panel_of,
    plan_of,
)
from repurchase.analysis.initiative_costs import unknown_ids
from repurchase.calendar import Window

APRIL = dt.date(2025, 4, 1)


def leaf(told, name):
    return told.benefits[told.benefits["leaf"] == name].iloc[0]


def steps(told):
    return dict(zip(told.bridge["step"], told.bridge["amount"], strict=True))


def test_net_value_and_roi_to_date():
    """8,000 member-months at 2.5 (1 to 4) less 12,800; on revenue 48,000 (SOURCES T15)."""
    told = money_of()

    assert 12_800 == told.total_cost
    assert (20_000, 8_000, 32_000) == pytest.approx(told.incremental)
    assert (7_200, -4_800, 19_200) == pytest.approx(told.net, abs=25)
    assert (0.5625, -0.375, 1.5) == pytest.approx(told.roi, abs=2e-3)
    assert [2.75, 0.875, 4.625] == pytest.approx(list(told.roi_revenue))  # (48,000 - cost) / cost
    assert ("difference", UNTIL) == (told.rung, told.until)
    assert {"promised"} == set(told.reasons)


def test_the_chances_are_those_of_the_normal():
    """ROI is above 0 from an effect of 1.6 on, z = -1.176; not below .3 from 2.08 on, z = -.549."""
    told = money_of(plan_of(target_roi=0.3)).draws

    assert 0.8802 == pytest.approx(told.positive, abs=2e-3)
    assert 0.7084 == pytest.approx(told.reaches_target, abs=2e-3)
    assert told.horizon_positive > told.positive


def test_the_same_seed_gives_the_same_and_another_nearly_the_same():
    """Draws are spread evenly, so a seed moves little."""
    plan = plan_of(persistence={"low": 0.9, "likely": 0.97, "high": 1.0})
    first, again, other = (money_of(plan, seed=s).npv for s in (1, 1, 2))

    assert first == again
    assert first != other
    assert (0, 0, 0) == pytest.approx(tuple(np.subtract(first, other)), abs=800)


def test_break_even_is_told_as_effect_share_and_uplift():
    """12,800 over 8,000 member-months is 1.6: .4267 of the change of 3.75, 20 % of 8 before."""
    told = money_of()

    assert 1.6 == pytest.approx(told.break_even)
    assert 1.6 / 3.75 == pytest.approx(told.break_even_share)
    assert 0.2 == pytest.approx(told.break_even_uplift)
    assert (30_000, "naive") == (pytest.approx(told.change_money.value), told.change_rung)


def test_an_effect_of_the_break_even_pays_exactly():
    """At 1.6 nothing is left and nothing is lost; over the horizon at its own break-even."""
    ladders = {"margin": ladder_of("margin", effect(1.6, 0.5), effect(3.75, 2.0))}
    told = money_of(ladders=ladders)
    later = {"margin": ladder_of("margin", effect(told.break_even_horizon, 0.5), None)}

    assert (0, 0) == pytest.approx((told.net.value, told.roi.value))
    assert 0 == pytest.approx(money_of(ladders=later).npv.value, abs=1e-6)
    # 8 months to date and 27 to come; 9,200 and 36 months of 400
    assert (9_200 + 36 * 400) / 35_000 == pytest.approx(told.break_even_horizon)


def test_payback_runs_from_the_go_lives_month():
    """-9,200, then -400 in January and +2,100 a month: 9,600 are back after 1 + 4.571 months."""
    told = money_of()

    assert 1 + 9_600 / 2_100 == pytest.approx(told.payback_months)
    after_it = told.cash[told.cash["cumulative"] >= 0]
    assert dt.date(2025, 6, 1) == after_it["month"].iloc[0]


def test_the_cash_has_the_interval_of_its_draws():
    """Certain until the effect begins; then that of the net value, and of the present value."""
    told = money_of()
    cash = told.cash
    first, now, last = cash.iloc[0], cash[~cash["projected"]].iloc[-1], cash.iloc[-1]

    assert (first["cumulative"],) * 2 == pytest.approx((first["low"], first["high"]))
    assert tuple(told.net) == pytest.approx((now["cumulative"], now["low"], now["high"]))
    # not discounted, so the cash by the horizon is the present value
    assert tuple(told.npv) == pytest.approx((last["cumulative"], last["low"], last["high"]))
    alone = money_of(ladders={"margin": ladder_of("margin", None, effect(3.75, 2.0))}).cash
    assert alone["low"].isna().all() and alone["cumulative"].notna().all()


def test_what_never_comes_back_has_no_payback_and_says_so():
    """An effect of .3 a month does not even pay the software."""
    told = money_of(ladders={"margin": ladder_of("margin", effect(0.3, 0.2), None)})

    assert told.payback_months is None
    assert "not within the horizon of 36 months" == told.reasons["payback_months"]
    assert told.irr is None
    assert "sign" not in told.reasons["irr"] and told.reasons["irr"]


def test_present_value_wears_off_and_is_discounted():
    """By hand: month ends counted from the go-live's month, 2.5 x 1,000 x .98^k to come."""
    plan = plan_of(persistence={"low": 0.98, "likely": 0.98, "high": 0.98})
    told = money_of(plan, discount_rate=0.1)
    cash = {-2: -3_100.0, -1: -3_000.0, 0: -3_100.0, 1: -400.0}
    cash |= {t: 2_100.0 for t in range(2, 10)}
    cash |= {t: 2_500 * 0.98 ** (t - 9) - 400 for t in range(10, 37)}
    value = sum(c / 1.1 ** (t / 12) for t, c in cash.items())

    assert value == pytest.approx(told.npv.value)
    left = sum(c / (1 + told.irr) ** (t / 12) for t, c in cash.items())
    assert 0 == pytest.approx(left, abs=0.01)


def test_no_rung_means_no_roi_but_a_break_even_share():
    """What is not identified is named, and the change is shown as a change."""
    ladders = {"margin": ladder_of("margin", None, effect(3.75, 2.0))}
    for told in (money_of(ladders=ladders), money_of(refused=True)):
        gone = (told.incremental, told.net, told.roi, told.roi_revenue, told.payback_months,
                told.npv, told.irr, told.draws)  # fmt: skip
        assert (None,) * 8 == gone
        assert "a change and no effect" in told.reasons["roi"]
        assert 1.6 / 3.75 == pytest.approx(told.break_even_share)
        assert "wait" == told.forward.decision
        assert {"change": 30_000, "as_before": 30_000 - 64_000} == {
            k: v for k, v in steps(told).items() if k in ("change", "as_before")
        }
        assert "net" not in steps(told)
        assert told.tornado.empty


def test_where_no_cost_is_to_come_there_is_nothing_to_decide():
    """What is spent is spent; a cost that may come again is another thing."""
    ladders = {"margin": ladder_of("margin", None, effect(3.75, 2.0))}
    once = [{"category": "build", "amount": 9_000, "start": GO_LIVE}]
    done = money_of(plan_of(costs={"planned": once}), ladders=ladders, booked=None)
    perhaps = money_of(
        plan_of(costs={}), ladders=ladders, booked=booked_of().iloc[:1].assign(recurring=None)
    )

    assert ("nothing", 0.0) == (done.forward.decision, done.forward.cost)
    assert ("wait", True) == (perhaps.forward.decision, "cost_to_come" in perhaps.reasons)


def test_a_fall_leaves_nothing_to_share_out():
    """No share of a change below zero pays for anything."""
    told = money_of(ladders={"margin": ladder_of("margin", None, effect(-1.0, 0.5))})

    assert told.break_even_share is None
    assert "did not rise" in told.reasons["break_even_share"]
    assert 1.6 == pytest.approx(told.break_even)


def test_a_margin_that_is_not_known_is_not_put_in_the_revenues_place():
    """The revenue version stands beside; ROI on margin is named as missing."""
    told = money_of(panel=panel_of(margin_known=False))

    assert (None, None, None) == (told.roi, told.break_even, told.change_money)
    assert "margin" in told.reasons["roi"]
    assert 48_000 == pytest.approx(told.incremental_revenue.value)
    assert {"company_revenue", "not_treated", "treated_revenue"} == {
        s for s in steps(told) if not s.startswith("cost_")
    }


def test_only_cashed_savings_count():
    """300 a month from April: 1,800; 500 a month that nobody cashed are shown."""
    saved = [
        {"name": "a clerk", "monthly": 300, "start": APRIL, "cashed": True},
        {"name": "time", "monthly": 500, "start": APRIL},
    ]
    told = money_of(plan_of(savings=saved))
    rows = told.benefits[told.benefits["leaf"] == "saving"]

    assert [(1_800, True), (3_000, False)] == list(
        zip(rows["amount"], rows["counted"], strict=True)
    )
    assert 7_200 + 1_800 == pytest.approx(told.net.value)
    assert (12_800 - 1_800) / 8_000 == pytest.approx(told.break_even)


def test_discounts_are_shown_and_not_taken_off_twice():
    """The margin is of what was paid."""
    told = money_of(discounts=1_200.0)
    row = leaf(told, "discounts")

    assert (-1_200, False) == (row["amount"], row["counted"])
    assert money_of().net == told.net


def test_counted_leaves_and_costs_add_up_to_the_net_value():
    """Every benefit is in one leaf, and the bridge ends where they do."""
    told = money_of(
        plan_of(savings=[{"name": "x", "monthly": 300, "start": APRIL, "cashed": True}]),
        discounts=100.0,
    )  # fmt: skip
    counted = told.benefits[told.benefits["counted"]]

    assert told.net.value == pytest.approx(counted["amount"].sum() - told.total_cost)
    assert told.net.value == pytest.approx(steps(told)["net"])
    assert 12_800 == pytest.approx(told.costs["amount"].sum())


def test_the_bridge_adds_up_from_the_accounts():
    """900,000 of the company, 160,000 of the treated, 64,000 of margin, 20,000 of it caused."""
    told = money_of()
    running = 0.0
    for row in told.bridge.to_dict("records"):
        if row["kind"] == "level" and running:
            assert running == pytest.approx(row["amount"])
        running = row["amount"] if row["kind"] == "level" else running + row["amount"]

    amounts = [900_000, -740_000, 160_000, -96_000, 64_000, -44_000, 20_000, -9_200, -3_600, 7_200]
    assert amounts == pytest.approx(told.bridge["amount"].tolist())


def test_the_tornado_holds_all_but_one():
    """35 months at 1 or 4 a member, 27 at .97 or 1 to the k, the rest at their likeliest."""
    plan = plan_of(
        persistence={"low": 0.97, "likely": 1.0, "high": 1.0}, margin_factor=(0.8, 1.1),
        costs={"uncertainty": 0.5, "planned": [
            {"category": "labour", "amount": 100, "start": GO_LIVE, "monthly": True}]},
    )  # fmt: skip
    told = money_of(plan).tornado.set_index("factor")
    cost = 9_200 + 36 * 500
    worn = sum(0.97**k for k in range(1, 28))

    assert (35_000 - cost, 140_000 - cost) == pytest.approx(told.loc["effect", ["low", "high"]])
    assert (70_000 - cost, 96_250 - cost) == pytest.approx(told.loc["margin", ["low", "high"]])
    assert 20_000 + 2_500 * worn - cost == pytest.approx(told.loc["persistence", "low"])
    # 27 months of software are projected, 36 of labour are planned
    open_ = 27 * 400 + 36 * 100
    assert 87_500 - cost - open_ / 2 == pytest.approx(told.loc["cost", "low"])
    assert 20_000 - 9_200 - 9 * 500 == pytest.approx(told.loc["months_to_come", "low"])
    assert "effect" == money_of(plan).tornado["factor"].iloc[0]


def test_forward_leaves_out_what_is_spent():
    """27 months of 400 against 27 x 2,500: the build, however dear, does not matter."""
    dear = booked_of((dt.date(2024, 1, 1), dt.date(2024, 1, 1), "build", 1e6, False, None, None))
    cheap, told = money_of().forward, money_of(booked=dear).forward

    assert (27, 10_800) == (told.months, pytest.approx(told.cost))
    assert 67_500 == pytest.approx(told.benefit.value)
    assert 0.4 / 3.75 == pytest.approx(told.break_even_share)
    assert (cheap.cost, cheap.benefit) == (told.cost, told.benefit)
    # all in all it does not pay, so it is not carried to the others
    assert ("extend", "continue") == (cheap.decision, told.decision)


def test_forward_stops_what_does_not_earn_its_running_costs():
    """.1 (0 to .2) a member does not pay 400 for 1,000 members; .4 (.1 to .7) may."""
    for value, half, decision in ((0.1, 0.1, "stop"), (0.4, 0.3, "wait"), (1.0, 0.3, "continue")):
        ladders = {"margin": ladder_of("margin", effect(value, half), None, units_control=0)}
        assert decision == money_of(ladders=ladders).forward.decision


def test_what_has_ended_has_nothing_to_come():
    """After its end neither benefit nor cost is run on."""
    told = money_of(plan_of(ends=UNTIL))

    assert ("ended", 0.0) == (told.forward.decision, told.cost_to_come)
    assert told.net.value == pytest.approx(told.npv.value)
    assert "ended" in told.reasons["forward"]


def test_a_promise_is_held_against_what_it_said():
    """ROI .8 by the end of 2026: 23 months of 2,500 on 18,800 are 2.06; to date only .56."""
    by = {"roi": 0.8, "by": dt.date(2026, 12, 31), "payback_months": 18}
    told = money_of(plan_of(promised=by)).promise
    now = money_of(plan_of(promised={"roi": 0.8})).promise
    rises = money_of(plan_of(promised={"roi": 0.8, "reading": "rises_points", "base": 0.3})).promise

    assert 57_500 / 18_800 - 1 == pytest.approx(told.by_then.value)
    assert ("open", "on_course") == (told.state, told.payback_state)
    assert 0.5625 == pytest.approx(now.by_then.value)
    assert "open" == now.state
    assert (1.1, 0.54) == pytest.approx((rises.target, rises.readings["rises_relative"]))


def test_a_promise_is_kept_or_missed_only_when_the_interval_says_so():
    """1.5 (1.4 to 1.6) a member: .4 is surely reached, 1.2 surely not."""
    ladders = {"margin": ladder_of("margin", effect(2.5, 0.2), None)}
    states = [
        money_of(plan_of(promised={"roi": roi}), ladders=ladders).promise.state
        for roi in (0.4, 0.56, 0.8)
    ]

    assert ["kept", "open", "missed"] == states


def test_a_payback_is_kept_when_no_draw_doubts_it():
    """2.5 (2.3 to 2.7) is back after 5.6 months: kept by month 8, not by 5."""
    states = []
    for value, months in ((2.5, 8), (2.5, 5), (2.5, 12), (0.9, 12), (1.1, 12)):
        ladders = {"margin": ladder_of("margin", effect(value, 0.2), None)}
        plan = plan_of(promised={"payback_months": months})
        states.append(money_of(plan, ladders=ladders).promise.payback_state)

    # by the end of the year 11 months have brought 9,900 or 12,100 (9,900 to 14,300), cost 14,000
    assert ["kept", "missed", "on_course", "off_course", "open"] == states


def test_an_unbounded_interval_has_no_draws():
    """Where the effect has no upper bound nothing is drawn from it, and it says why."""
    endless = effect(2.5, 1.5)._replace(high=math.inf)
    told = money_of(ladders={"margin": ladder_of("margin", endless, None)})

    assert told.draws is None
    assert (7_200, -math.inf, math.inf) == pytest.approx(told.net)
    assert "no bound" in told.reasons["draws"]
    assert "wait" == told.forward.decision


def test_an_after_window_that_ends_early_counts_the_costs_of_its_days():
    """Measured to the end of June: six months of software, what follows is still to come."""
    short = panel_of(after=Window(AFTER.start, dt.date(2025, 6, 30)))
    told = money_of(panel=short)

    assert 9_200 + 6 * 400 == told.total_cost
    assert dt.date(2025, 6, 30) == told.until
    # what is decided now does not ask for July to September any more
    assert (27, 10_800) == (told.forward.months, pytest.approx(told.forward.cost))


def test_costs_that_nobody_knows_are_not_nothing():
    """Without a row or a plan of costs all that weighs them is missing, with its reason; a plan of
    0 is a cost of 0."""
    told = money_of(booked=None)
    nothing = money_of(booked=booked_of().iloc[:0])
    free = money_of(
        plan_of(costs={"planned": [{"category": "software", "amount": 0, "start": GO_LIVE}]}),
        booked=None,
    )

    figures = ("total_cost", "cost_to_come", "net", "roi", "roi_revenue", "break_even", "npv",
               "break_even_share", "payback_months", "irr", "draws")  # fmt: skip
    assert [None] * len(figures) == [getattr(told, name) for name in figures]
    assert ("wait", None, None) == (
        told.forward.decision, told.forward.cost, told.forward.break_even_share
    )  # fmt: skip
    assert {"no cost of it is booked or planned, so what it cost is not known"} == {
        told.reasons[name] for name in ("cost", "net", "roi", "break_even_share", "forward")
    }
    assert 20_000 == told.incremental.value
    assert (True, 0, None) == (told.cash.empty, len(told.costs), nothing.total_cost)
    assert (0.0, 20_000, "0.0") == (free.total_cost, free.net.value, str(free.break_even))
    assert (None, True) == (free.payback_months, "payback_months" in free.reasons)


def test_costs_are_asked_for_by_the_names_that_the_plan_gives():
    """Its own id where it names none and plans none."""
    planned = [{"category": "software", "amount": 5, "start": GO_LIVE}]
    asked = [{}, {"ids": ["x", "y"]}, {"planned": planned}, {"ids": ["y"], "planned": planned}]
    found = [unknown_ids(plan_of(costs=costs), booked_of()) for costs in asked]

    assert [(), ("y",), (), ("y",)] == found
    assert ("x",) == unknown_ids(plan_of(), None)


def test_the_answer_can_be_kept_and_has_no_table_in_it():
    """Frames and plain numbers only."""
    told = pickle.loads(pickle.dumps(money_of()))

    assert money_of().net == told.net
    assert np.allclose(money_of().cash["cumulative"], told.cash["cumulative"])
