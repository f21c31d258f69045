"""Do intervals cover and do alarms stay rare? The small version of `make calibration`.

Companies are numbered, so each run counts the same. What counts as right is METHODS,
"Calibration": an exact binomial test at .001.
"""

import ast
from dataclasses import replace
from pathlib import Path

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from repurchase.analysis import funnel, funnel_steps
from repurchase.analysis.verdicts import CHECKS
from repurchase.params import FunnelSpec
from repurchase.period import Period

from truth import company as made
from truth import harness, healthy
from truth.company import Event, day_number, live
from truth.harness import Trial, called_for_nothing, counts, covers, mostly, rarely, run
from truth.leaking import tell
from truth.sender import MONTHS, STEPS, WINDOW, Log, Sender, broken_sender, steady_sender
from truth.sender import live as live_sender
from truth.truths import History

FEW, FEWER = 11, 5
STEP = made.CALENDARS // 2  # two calendars, so that few questions are put into SQL


@pytest.fixture(scope="module")
def covering():
    """Every interval of a few companies of any shape, against its truth."""
    return run(["any"], FEW, step=STEP, processes=1)


@pytest.fixture(scope="module")
def alarming():
    """What is called a change where nobody behaves otherwise than a year ago."""
    still = run(["still"], FEW, step=STEP, processes=1)
    return still + run(["flat", "feast", "identification"], FEWER, step=STEP, processes=1)


def halved(trial: Trial) -> Trial:
    """The same trial with an interval half as wide."""
    value, low, high, truth = trial.numbers
    covered = value - (value - low) / 2 <= truth <= value + (high - value) / 2
    return trial._replace(happened=covered)


def test_what_counts_as_right_is_an_exact_test() -> None:
    """Of 1,000 companies 926 to 971 covered are right, and up to 73 alarms."""
    assert [False, True, True, False] == [covers(k, 1000) for k in (925, 926, 971, 972)]
    assert [True, True, False] == [rarely(k, 1000) for k in (0, 73, 74)]
    assert covers(160, 200, 0.8) and not covers(190, 200, 0.8)


def test_the_intervals_of_every_figure_cover_its_truth(covering) -> None:
    """Headline shares, identification and cuts, levels and changes."""
    lines = counts(covering)

    assert [] == [line for line in lines if not line.right]
    assert {"none", "previous", "year_ago", "year_ago_aligned"} == {c.compare_to for c in lines}
    assert FEW == max(line.companies for line in lines)


def test_an_interval_half_as_wide_is_found_out(covering) -> None:
    """The harness can say no: all figures together fail it if their intervals are halved."""
    (line,) = counts(halved(t)._replace(figure="all", compare_to="") for t in covering)

    assert not line.right
    assert line.share < 0.85


def test_where_nobody_behaves_otherwise_no_change_is_called(alarming) -> None:
    """No season, no moved Spring Festival, no moved identification is called behaviour."""
    lines = counts(alarming)

    assert [] == [line for line in lines if not line.right]
    assert {"headline", "a cut that stands"} <= {line.figure for line in lines}


def test_a_company_is_judged_alike_alone_and_among_others(alarming) -> None:
    """Nothing of one company stays behind for the next."""
    among = [t for t in alarming if (t.suite, t.seed) == ("still", STEP)]

    assert among == run(["still"], 1, first=STEP, processes=1)
    assert among


def test_a_company_lives_the_same_life_twice_and_another_with_another_seed() -> None:
    """The seed is the customers; the world stays."""
    company = made.any_company(5)
    one, same, other = (live(company, seed=seed) for seed in (1, 1, 2))

    assert all(np.array_equal(a, b) for a, b in zip(one, same, strict=True))
    assert one.day.size != other.day.size


def test_what_happened_can_be_left_out() -> None:
    """Without its cause a company's identification is what it was; everything else stays."""
    base = made.still_company(3)
    start = base.ends.replace(day=1)
    struck = replace(base, events=(Event("asked", start, -0.3), Event("spend", start, 2.0)))
    after = day_number(start)

    def known(company):
        lived = live(company, seed=1, customers=20_000)
        return lived.known[lived.day >= after].mean()

    assert known(base) == known(struck.without("asked"))
    assert known(base) - 0.1 > known(struck)
    assert struck.without().events == ()


def test_customers_know_their_first_and_second_order_date() -> None:
    """Same-day orders are one date; unknown orders are none."""
    lived = made.Lived(
        *(np.array(x) for x in ([0, 0, 0, 1, 1, 2], [5, 5, 9, 4, 7, 3], [0] * 6, [1] * 6)),
        np.array([True, True, True, False, True, False]),
        *(np.array([], dtype=np.int64) for _ in range(3)),
        np.array([], dtype=bool),
    )
    history = History.of(lived)

    assert [5, 7] == list(history.first[:2])
    assert 9 == history.second[0]
    assert history.second[1] > 10_000 < history.first[2]


def test_a_funnel_that_loses_a_fifth_of_a_step_is_found_and_a_steady_one_left_alone() -> None:
    """The step that broke is ranked first; 95 % is asked where 2,000 and more took it a month."""
    steady = counts(run(["steady funnel"], 3, first=33, step=15, processes=1))
    broken = counts(run(["funnel"], 2, first=33, step=15, processes=1))

    assert [(0, 3)] == [(line.happened, line.companies) for line in steady]
    found = [line for line in broken if line.figure.startswith("the right step first")]
    assert sum(line.companies for line in found) == sum(line.happened for line in found) == 2
    asked = [0.95 if "2,000 and more" in line.figure else 0.0 for line in found]
    assert asked == [line.promised for line in found] and all(line.right for line in found)


def test_what_is_found_too_seldom_is_no_promise_kept() -> None:
    """The same exact test, on one side: 179 of 200 keep 95 %, 178 do not; nought asks nothing."""
    assert [True, False] == [mostly(k, 200, 0.95) for k in (179, 178)]
    assert mostly(0, 200, 0.0)


def little_sender(**changes) -> Sender:
    """A company of 4,000 customers that tests can afford."""
    return replace(steady_sender(3), customers=4000, **changes)


def test_a_break_takes_a_fifth_of_its_step_and_nothing_before_it() -> None:
    """In its channel and the last window alone; the same company else."""
    what = replace(broken_sender(3).broken, step=2, channel=0, share=0.5)
    whole, broken = (tell(little_sender(broken=b)).units for b in (None, what))
    last = whole.window == MONTHS - 1
    here = last & (whole.channel == 0)

    assert np.array_equal(whole.times[1], broken.times[1])
    taken = [np.isfinite(u.times[2]) for u in (whole, broken)]
    assert 0.3 < taken[1][here].sum() / taken[0][here].sum() < 0.7
    assert np.array_equal(taken[0][~last], taken[1][~last])


def test_counts_of_a_sender_hold_every_unit_once_in_each_cut() -> None:
    """Each cut adds up to the whole, step by step."""
    company = little_sender()
    told = tell(company)
    frame = told.counted.counts
    sums = frame.groupby(["cut", "step"])[["reached", "converted"]].sum()

    assert len(told.units.customer) == sums.loc[("", 1), "reached"]
    for cut in ("channel", "store_id", "region", "joined through"):
        assert sums.loc[""].equals(sums.loc[cut])


@pytest.mark.parametrize("module", ["company", "truths", "sender"])
def test_neither_the_generator_nor_the_truths_know_the_estimators(module) -> None:
    """What is checked must have no part in what it is checked against."""
    path = Path(made.__file__).with_name(f"{module}.py")
    names = {
        f"{node.module}.{alias.name}"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }

    assert [] == [n for n in names if n.startswith(("repurchase.stats", "repurchase.analysis"))]
    assert any(name.startswith("repurchase.period") for name in names)


def of_the_engine(company: Sender) -> pd.DataFrame:
    """The same company's log as tables, and the counts that the review takes of them."""
    sent, first = live_sender(company), company.windows()[0][0]

    def rows(log: Log, **columns: object) -> pd.DataFrame:
        at = (pd.Timestamp(first) + pd.to_timedelta(log.time, unit="D")).floor("us")
        text = pd.Series(log.customer).astype(str)
        return pd.DataFrame({"customer_id": text, "at": at, "day": at.floor("D"), **columns})

    events = pd.concat([
        rows(sent.contacts, type="sms", channel=pd.Series(sent.channel).map("C{}".format)),
        rows(sent.interest, type="click", channel=None),
        rows(sent.service, type="visit", channel=None),
    ], ignore_index=True)  # fmt: skip
    # everybody has ordered before, so that every order is a repurchase
    everyone = np.arange(company.customers)
    before = Log(everyone, np.full(everyone.size, -1.0))
    orders = pd.concat([rows(before), rows(sent.orders)], ignore_index=True)
    for frame, name in ((events, "event_id"), (orders, "order_id")):
        frame[name] = frame.index.map("{:09d}".format)
    days = orders[["customer_id", "day"]].drop_duplicates().sort_values(["customer_id", "day"])
    days["day_rank"] = days.groupby("customer_id").cumcount() + 1

    def table(frame: pd.DataFrame, at: str, day: str) -> ir.Table:
        found = ibis.memtable(pa.Table.from_pandas(frame.rename(columns={"at": at, "day": day})))
        return found.mutate(**{day: found[day].date()})

    told = funnel_steps.Tables(
        tables={
            "events": table(events, "occurred_at", "occurred_date"),
            "orders": table(orders.assign(is_purchase=True), "ordered_at", "order_date"),
        },
        first_days=table(days, "", "order_date"), zone="UTC", since=first, whole_days=(),
        where=lambda *_: pytest.fail("no step has a condition"),
    )  # fmt: skip
    steps = [{"events": ["sms"]}, {"events": ["click"]}, {"orders": "repeat"}, {"events": "visit"}]
    named = [{"name": f"step {i}", **step} for i, step in enumerate(steps)]
    spec = FunnelSpec.model_validate({"name": "f", "window_days": WINDOW, "steps": named})
    which = funnel.Funnel("main", "main", STEPS, WINDOW, "ordered", "profile", spec)
    last = Period.parse(company.period)
    wanted = [last.shifted(n + 1 - MONTHS) for n in range(MONTHS)]
    happened = [
        funnel_steps.happenings(told, step, where="", until=last.end) for step in spec.steps
    ]
    found = funnel.units(happened, which, wanted=wanted, ripe_until=company.windows()[-1][1])
    return funnel.counts(found.fill_null({"channel": ""}), steps=len(STEPS), cuts=["channel"])


def test_the_engine_counts_a_sender_as_the_harness_does() -> None:
    """Window by window, step by step, channel by channel: so the harness tells of the review."""
    company = little_sender()
    mine = tell(company).counted.counts
    mine = mine[mine["cut"].isin(["", "channel"])]
    keys = ["period", "cut", "label", "step"]
    theirs = of_the_engine(company)
    theirs = theirs[theirs["reached"] > 0]

    assert mine.sort_values(keys)[[*keys, "reached", "converted"]].values.tolist() == (
        theirs.sort_values(keys)[[*keys, "reached", "converted"]].values.tolist()
    )
    assert mine["converted"].sum() > 10_000


def test_a_healthy_company_is_looked_at_in_every_month_of_the_year() -> None:
    """Each size and month comes in turn; the looks at one company lie five months apart."""
    companies = [healthy.healthy_company(seed) for seed in range(15)]
    months = {period[5:] for company in companies for period in company.periods}

    assert 12 == len(months)
    assert {3_000, 4_500, 6_000} == {company.customers for company in companies}
    assert ("2024-07", "2024-12", "2025-05") == companies[0].periods


def test_a_company_without_troubles_has_nothing_to_act_on() -> None:
    """One of those that `make calibration` counts, in one period: every check is asked."""
    company = replace(healthy.healthy_company(4), periods=("2025-04",))
    trials = list(called_for_nothing("healthy demo", company))

    assert {f"act: {what}" for what in (*CHECKS, "leak", "anything")} == {
        trial.figure for trial in trials
    }
    assert [] == [trial.figure for trial in trials if trial.happened]


def test_what_is_called_is_counted(monkeypatch) -> None:
    """A leak and an act of a check are alarms of their own, and together one of the look."""
    told = [("2025-04", {"leak": ["a", "b"], "reach": [], "use": ["c"]}), ("2025-09", {"leak": []})]
    monkeypatch.setattr(harness, "all_called", lambda company: iter(told))
    lines = counts(called_for_nothing("healthy demo", healthy.healthy_company(1)))

    assert {"act: leak": (1, 2), "act: reach": (0, 1), "act: use": (1, 1),
            "act: anything": (1, 2)} == {c.figure: (c.happened, c.companies) for c in lines}
