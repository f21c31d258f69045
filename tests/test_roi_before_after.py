"""Initiatives of a small company: read, tried otherwise, held out; the same each time."""

import dataclasses
import datetime as dt
import shutil
from concurrent.futures import ThreadPoolExecutor

import pandas as pd
import pytest
from repurchase import answers
from repurchase.analysis import initiative_tries, trial_draw
from repurchase.analysis.initiative_records import records
from repurchase.analysis.initiatives import verdict
from repurchase.benches import initiative_attempts
from repurchase.context import RUN
from repurchase.definitions import METRICS
from repurchase.errors import ParameterError
from repurchase.initiatives import Initiative
from repurchase.model.prepare import prepare
from repurchase.params import load_params
from repurchase.press import kept
from repurchase.review import Review
from repurchase.stats.proportion import Estimate

SYSTEM = "tracking-system"


def plan(**told):
    given = {"id": "x", "name": "x", "go_live": dt.date(2025, 1, 1)}
    return Initiative(**{**given, **told})


@pytest.fixture(scope="module")
def source(little_company, tmp_path_factory):
    """A project of its own, whose params may be written to."""
    folder = tmp_path_factory.mktemp("roi")
    for name in ("params", "notebooks"):
        shutil.copytree(little_company / name, folder / name)
    (folder / ".cache").mkdir()
    for name in ("demo", "snapshots"):
        (folder / ".cache" / name).symlink_to(little_company / ".cache" / name)
    return folder


def review_of(folder, *plans, period="2025-09"):
    params = load_params("little", period, root=folder)
    profile = params.profile
    if plans:
        profile = profile.model_copy(update={"initiatives": plans})
    params = dataclasses.replace(params, profile=profile)
    return Review(params, prepare(params, cache=folder / ".cache"))


@pytest.fixture(scope="module")
def review(source):
    return review_of(source)


@pytest.fixture(scope="module")
def everyone(source):
    """The same system as if all stores had got it at once."""
    return review_of(source, plan(id="all", kind="system"))


def test_the_treated_and_the_controls_are_the_profile_s(review):
    """Eleven stores against nine, their members counted from the canonical tables."""
    reading = review.roi_before_after.reading(SYSTEM)
    frame = reading.panel.frame
    months = frame[frame["phase"] == "after"]
    first, last = dt.date(2025, 2, 1), dt.date(2025, 9, 1)
    (row,) = review.sql(
        "select count(*) as n, sum(net_margin) as margin from customer_days d join (select"
        " customer_id, store_id as home from customer_days where day_rank = 1) using (customer_id)"
        " where home in ('S001', 'S003', 'S005', 'S007', 'S009', 'S011', 'S013', 'S015', 'S017',"
        " 'S020', 'S022') and order_date between '2025-02-01' and '2025-09-30'"
        " and date_trunc('month', first_date) < date_trunc('month', order_date)"
    ).to_dict("records")
    treated = months[months["group"] == "treated"]

    assert (first, last) == (min(months["start"]), max(months["start"]))
    assert row["n"] == treated["orders"].sum() > 0
    assert float(row["margin"]) == pytest.approx(treated["margin"].sum())
    assert reading.ladder.exposure == treated["members"].sum()


def test_every_figure_is_a_registered_metric_once(review):
    """Records have their definitions, and no two are the same figure."""
    found = review.roi_before_after.figures().records

    assert {r.metric for r in found} <= set(METRICS)
    assert len(found) == len({r.key for r in found}) > 80
    assert all(METRICS[r.metric].unit == r.unit for r in found)
    assert all(r.value is not None or r.reason for r in found)


def test_everyone_at_once_is_a_change_and_no_effect(everyone):
    """No control, no rung; a hold-out is drawn, the same each time, and says when it answers."""
    bench = everyone.roi_before_after
    reading = bench.reading("all")
    drawn = bench.hold_out("all")

    assert "change_not_effect" == reading.verdict
    assert (None, None) == (reading.rung, reading.money.roi)
    assert dt.date(2025, 10, 1) == reading.learn.start
    assert reading.learn.answers_on is None or reading.learn.answers_on > reading.learn.start
    assert list(trial_draw.COLUMNS) == list(drawn.columns)
    share = (drawn["arm"] == "hold-out").mean()
    assert 0.1 == pytest.approx(share, abs=0.02)
    assert drawn.equals(bench.hold_out("all"))
    assert {"all"} == set(bench.hold_outs())


def test_a_hold_out_is_drawn_from_those_who_are_reached_and_told_as_it_is_drawn(source):
    """Customers of the treated stores alone; the page's counts are those of the list."""
    bench = review_of(
        source, plan(treated={"labels": ["S001", "S003"]}, chosen_by="outcome")
    ).roi_before_after
    learn, drawn = bench.reading("x").learn, bench.hold_out("x")
    (row,) = bench._review.sql(
        "select count(*) as n from customer_days where day_rank = 1 and store_id in"
        " ('S001', 'S003') and customer_id not in (select customer_id from customers where"
        " coalesce(is_internal, false) or coalesce(is_test, false))"
    ).to_dict("records")

    held = (drawn["arm"] == "hold-out").sum()
    assert (row["n"], held) == (len(drawn), held) == (learn.customers, learn.held_out)
    assert row["n"] < len(bench._review.ab_review.draw("y", dt.date(2025, 10, 1)))
    assert 0 < learn.level < learn.detectable * 100


def test_a_misspelt_store_is_named_and_no_verdict_rests_on_it(source):
    """S0O3 leaves S003 among the others: nothing may be stood on, and no hold-out is advised."""
    typo = plan(treated={"labels": ["S001", "S0O3"]}, costs={"ids": ["tracking-sytem"]})
    known = plan(id="y", treated={"labels": ["S001", "S003"]}, except_for=["S005"])
    bench = review_of(source, typo, known).roi_before_after
    wrong, right = (bench.reading(name) for name in ("x", "y"))
    flags = {f.name: f for f in wrong.flags}

    assert ("S0O3", True) == (
        flags["labels_unknown"].values["names"], flags["labels_unknown"].refuses,
    )  # fmt: skip
    assert "S003, S013, S023" == flags["labels_unknown"].values["nearest"]
    assert ("tracking-sytem", "tracking-system") == (
        flags["costs_missing"].values["ids"], flags["costs_missing"].values["nearest"],
    )  # fmt: skip
    assert ("change_not_effect", None, None) == (wrong.verdict, wrong.rung, wrong.learn)
    assert False is next(f.raised for f in right.flags if f.name == "labels_unknown")


def test_campaigns_that_no_event_has_are_named(source):
    """Nobody can have been reached by them."""
    bench = review_of(
        source, plan(unit="customer", treated={"campaigns": ["no-such-campaign"]})
    ).roi_before_after
    found = bench.reading("x")
    (flag,) = [f for f in found.flags if f.name == "labels_unknown"]

    assert ("no_data", "no-such-campaign", "treated") == (
        found.verdict, flag.values["names"], flag.values["groups"],
    )  # fmt: skip


def test_the_former_reading_is_that_of_the_month_before(review, source):
    """September remembers what August's own review says."""
    told = review.roi_before_after.reading(SYSTEM).former
    august = review_of(source, period="2025-08").roi_before_after.reading(SYSTEM)

    assert ("2025-08", august.verdict) == (told.period, told.verdict)
    assert told.roi == (None if august.money.roi is None else august.money.roi.value)


def test_nothing_before_the_go_live_is_former(source):
    """In the month of the go-live there is no earlier verdict, and it is too early for one."""
    found = review_of(source, period="2025-01").roi_before_after.reading(SYSTEM)

    assert ("too_early", None) == (found.verdict, found.former)
    assert dt.date(2025, 5, 1) == found.panel.windows.readable_from
    assert () == review_of(source, period="2024-12").roi_before_after.readings()
    short = review_of(source, plan(ends=dt.date(2025, 2, 20))).roi_before_after.reading("x")
    assert "no_data" == short.verdict


def test_an_attempt_is_written_down_and_counted(source):
    """In the lab it is appended to the profile's tries.csv, once a question; the plan's verdict
    stays; a chapter that runs in a pack notices, what was computed is kept."""
    review = review_of(source)
    params = review.params
    before = kept.ingredients(params, review.snapshot), answers.made_of(params, review.snapshot)
    bench = review.roi_before_after
    own = bench.reading(SYSTEM)
    try:
        other = bench.attempt(SYSTEM, before_months=6)
        bench.attempt(SYSTEM, before_months=6)
        rows = bench.tries()
        again = review_of(source).roi_before_after
        after = kept.ingredients(params, review.snapshot), answers.made_of(params, review.snapshot)

        assert 6 == other.ladder.periods_before
        assert [(SYSTEM, "2025-09", "before_months=6")] == [
            tuple(r) for r in rows[["initiative", "period", "what"]].itertuples(index=False)
        ]
        pd.testing.assert_frame_equal(rows, again.tries())
        flag = again.reading(SYSTEM).flags[-1]
        assert ("tries", True, 1.0) == (flag.name, flag.raised, flag.values["count"])
        assert own.verdict == again.reading(SYSTEM).verdict
        assert before[0] != after[0]
        assert before[1] == after[1]
    finally:
        (source / "params" / "little" / initiative_tries.FILE).unlink()
    assert bench.reading(SYSTEM).flags[-1].raised  # this review's own try


def test_an_attempt_in_a_pack_is_counted_in_the_pack_alone(source, monkeypatch):
    """No run of the press writes into the company's folder."""
    review = review_of(source)
    monkeypatch.setenv(RUN, "run.json")
    review.roi_before_after.attempt(SYSTEM, controls=["S002", "S004", "S006"])

    assert ["controls=S002, S004, S006"] == list(review.roi_before_after.tries()["what"])
    assert not (source / "params" / "little" / initiative_tries.FILE).exists()


def test_the_same_question_is_one_try_however_it_is_put(source, monkeypatch):
    """A set, another order, a label twice, one text: labels in their order; the plan is no try."""
    bench = review_of(source).roi_before_after
    monkeypatch.setenv(RUN, "run.json")
    for controls in (["S004", "S002"], {"S002", "S004"}, ("S002", "S004", "S002")):
        bench.attempt(SYSTEM, controls=controls)
    bench.attempt(SYSTEM, controls=pd.Series(["S004", "S002"]))
    bench.attempt(SYSTEM, except_for="S010", controls=["S002", "S004"])
    plain = bench.attempt(SYSTEM, before_months=12, controls=list(PLAN_CONTROLS)[::-1])

    assert ["controls=S002, S004", "controls=S002, S004; except_for=S010"] == list(
        bench.tries()["what"]
    )
    assert bench.read(SYSTEM).money.net == plain.money.net


PLAN_CONTROLS = ("S002", "S004", "S006", "S010", "S012", "S014", "S016", "S018", "S021")


@pytest.mark.parametrize(
    ("other", "said", "where", "remedy"),
    [
        ({"befor_months": 6}, "no option 'befor_months'", "attempt", "mean before_months"),
        ({"before_months": 0}, "0: must be greater than or equal to 1", "before_months", "give"),
        ({"before_months": 6.5}, "must be a whole number", "before_months", "give before_months"),
        ({"step": "day"}, "step == 'day': must be 'week' or 'month'", "step", "give step"),
        ({"go_live": "2025-02-01"}, "must be a day such as", "go_live", "give go_live"),
        ({"controls": ["S001"]}, "both treated and a control", "controls", "change the option"),
        ({"controls": None}, "controls == None: must be a list of labels", "controls", "give"),
        ({"controls": 5}, "controls == 5: must be a list of labels", "controls", "give controls"),
        ({"except_for": {"S001": 1}}, "must be a list of labels", "except_for", "give except_for"),
        ({"treated": []}, "treated has no label", "treated", "give treated"),
        ({"treated": ["S001", 3]}, "treated has 3, which is no text", "treated", "give treated"),
        ({"controls": ["S002", "S0044"]}, "no customer has the store_id 'S0044'", "controls",
         "did you mean S004"),
        ({"except_for": "X"}, "no customer has the store_id 'X'", "except_for", "there are"),
        ({"except_for": ["S002"]}, "'S002' is in except_for and in controls", "except_for",
         "the other one"),
        ({"go_live": dt.date(2025, 10, 1)}, "the period ends on 2025-09-30", "go_live", "up to"),
        ({"go_live": dt.date(2015, 1, 1)}, "no whole month of the treated before", "go_live",
         "after the first orders"),
        ({"go_live": dt.date(2025, 9, 20)}, "no whole month of the treated after", "go_live",
         "well before 2025-09-30"),
    ],
)  # fmt: skip
def test_an_attempt_that_asks_nothing_says_so(review, other, said, where, remedy):
    """What, where, which rule and what to do; and it is no try."""
    with pytest.raises(ParameterError) as caught:
        review.roi_before_after.attempt(SYSTEM, **other)
    error = caught.value

    assert said in error.what
    assert error.where.startswith("review.roi_before_after.attempt") and where in error.where
    assert error.rule and remedy in error.remedy
    assert "{" not in error.what or "except_for ==" in error.what
    assert review.roi_before_after.tries().empty


def test_a_label_among_hundreds_is_told_by_the_nearest(review):
    """The list of all is cut, and says by how many."""
    reading = review.roi_before_after.read(SYSTEM)
    units = pd.DataFrame({"unit": [f"R{n:04}" for n in range(400)]})
    many = dataclasses.replace(reading, panel=dataclasses.replace(reading.panel, frame=units))

    with pytest.raises(ParameterError) as caught:
        initiative_attempts.check_answered(many, {"treated": ("R03999",)})
    assert caught.value.remedy.startswith("did you mean R0399? there are: R0000, R0001")
    assert caught.value.remedy.endswith("R0029 and 370 more")


HEADING = ",".join(initiative_tries.COLUMNS)
ROW = "x,2025-09,before_months=6,naive,margin,1.5,,2,paid"


@pytest.mark.parametrize(
    ("held", "said", "where"),
    [
        (b"initiative,effect\nx,1\n", "the column 'period' is missing", "line 1"),
        (f"{HEADING},note\n".encode(), "there is no column 'note'", "line 1"),
        (b"", "the column 'initiative' is missing", "line 1"),
        (f"{HEADING}\n{ROW}\nx,2025-09\n".encode(), "too many or too few values", "line 3"),
        (f"{HEADING}\n{ROW},7\n".encode(), "too many or too few values", "line 2"),
        (f"{HEADING}\n{ROW.replace('1.5', '1,5')}\n".encode(), "too many", "line 2"),
        (f"{HEADING}\n{ROW.replace('1.5', 'much')}\n".encode(), "effect == 'much'", "line 2"),
        (f"{HEADING}\n{ROW.replace('paid', 'yes')}\n".encode(), "verdict == 'yes'", "line 2"),
        (f"{HEADING}\n{ROW.replace('x', '会员计划')}\n".encode("gb18030"), "not UTF-8", "line 2"),
        (f"{HEADING}\n{ROW.replace('naive', 'guess')}\n".encode(), "rung == 'guess'", "line 2"),
        (None, "is a folder", "tries.csv"),
    ],
)
def test_a_damaged_table_of_tries_says_so(tmp_path, held, said, where):
    """What somebody else wrote there is not read as something it is not: place, rule, remedy."""
    path = tmp_path / "little" / initiative_tries.FILE
    path.parent.mkdir()
    if held is None:
        path.mkdir()
    else:
        path.write_bytes(held)

    with pytest.raises(ParameterError) as caught:
        initiative_tries.read(path)
    error = caught.value
    assert said in error.what
    assert error.where.startswith("params/little/tries.csv") and error.where.endswith(where)
    assert error.rule and error.remedy


def try_of(number):
    return initiative_tries.Try(
        "x", "2025-09", f"before_months={number}", "", "margin", None, None, None, "too_early"
    )


def test_tries_of_two_labs_are_all_written_down(tmp_path):
    """They wait for each other; a row that cannot be read stops both and stays as it is."""
    path, lock = tmp_path / "little" / initiative_tries.FILE, tmp_path / "lock"
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: initiative_tries.add(path, try_of(n), lock=lock), range(20)))
    held, rows = path.read_bytes(), initiative_tries.read(path)

    assert {f"before_months={n}" for n in range(20)} == {row.what for row in rows}
    assert [path] == list(path.parent.iterdir())
    path.write_bytes(held + b"x\n")
    with pytest.raises(ParameterError, match="too many or too few"):
        initiative_tries.add(path, try_of(1), lock=lock)
    assert held + b"x\n" == path.read_bytes()


def test_unknown_names_are_told(review, source):
    """An initiative that there is not."""
    with pytest.raises(ParameterError, match="tracking-system"):
        review.roi_before_after.reading("tracking-sytem")
    with pytest.raises(ParameterError, match="there is no initiative 5"):
        review.roi_before_after.attempt(5)


def test_initiatives_by_region_and_by_customers(source):
    """The treated can be told by region, by a condition over customers, by campaigns."""
    told = (
        plan(id="east", unit="region", treated={"labels": ["华东"]}),
        plan(id="gold", unit="customer", treated={"where": "region = '华东'"}),
    )
    by_region, by_customer = review_of(source, *told).roi_before_after.readings()
    exposures = [r.ladder.exposure for r in (by_region, by_customer)]

    assert exposures[0] == exposures[1] > 0
    assert 1 == by_region.ladder.units_treated < by_customer.ladder.units_treated
    # whoever is picked by what he is was not picked by chance
    assert by_customer.rung is None
    assert (0, 0) == (by_region.panel.in_both, by_customer.panel.in_both)
    assert "gold" not in {f.values["names"] for f in by_customer.flags if "names" in f.values}


def test_customers_that_two_conditions_share_are_treated_and_counted(source):
    """Whoever is told by both stands on one side only."""
    both = plan(unit="customer", treated={"where": "region = '华东'"},
                controls={"where": "created_at is not null"})  # fmt: skip
    bench = review_of(source, both).roi_before_after
    (row,) = bench._review.sql(
        "select count(*) as n from customers where region = '华东' and created_at is not null"
    ).to_dict("records")

    assert row["n"] == bench.reading("x").panel.in_both > 0


def test_other_initiatives_in_the_window_are_named(source):
    """One that began in the same months for some of the same stores, not one for others."""
    told = (
        plan(id="a", name="A", treated={"labels": ["S001"]}),
        plan(id="b", name="B", go_live=dt.date(2025, 4, 1), treated={"labels": ["S001", "S003"]}),
        plan(id="c", name="C", go_live=dt.date(2025, 4, 1), treated={"labels": ["S005"]}),
    )
    found = review_of(source, *told).roi_before_after.reading("a")
    flag = next(f for f in found.flags if f.name == "other_initiatives")

    assert (True, "B") == (flag.raised, flag.values["names"])


def test_days_within_a_plan_are_read_wherever_it_goes(source):
    """Planned costs and savings have days of their own; the month before and an attempt too."""
    day = dt.date(2025, 1, 1)
    told = plan(
        costs={"planned": [{"category": "build", "amount": 900, "start": day}]},
        savings=[{"name": "paper", "monthly": 10, "start": day, "cashed": True}],
        promised={"roi": 0.5, "by": dt.date(2026, 12, 31)},
    )
    bench = review_of(source, told).roi_before_after
    reading = bench.reading("x")
    try:
        other = bench.attempt("x", go_live=dt.date(2025, 2, 1))
    finally:
        (source / "params" / "little" / initiative_tries.FILE).unlink()

    assert 900.0 == reading.money.total_cost
    # 900 spread over all customers' months is too little for a hold-out of thirty to see
    assert reading.learn.answers_on is None
    assert "2025-08" == reading.former.period
    assert dt.date(2025, 2, 1) == other.panel.windows.go_live


def test_the_verdict_is_sure_only_with_the_whole_interval(review):
    """Paid above 0, not paid below it, not shown around it, a change without a rung."""
    reading = review.roi_before_after.reading(SYSTEM)
    if reading.rung is None:
        pytest.fail("the small company's ladder has no rung: nothing to test")

    def with_roi(*bounds):
        money = dataclasses.replace(reading.money, roi=Estimate(*bounds) if bounds else None)
        return verdict(dataclasses.replace(reading, money=money))

    assert "paid" == with_roi(0.5, 0.1, 0.9)
    assert "not_paid" == with_roi(-0.5, -0.9, -0.1)
    assert "not_shown" == with_roi(0.5, -0.1, 0.9)
    assert "not_shown" == with_roi()


def test_findings_rest_on_their_records(review, everyone):
    """Each message names records that are there; without a cost nothing is said of paying."""
    for one in (review, everyone):
        bench = one.roi_before_after
        keys = {"|".join(r.key[i] for i in (0, 1, 3)) for r in bench.figures().records}
        for finding in bench.findings():
            assert set(finding.records) <= keys
    (costless,) = everyone.roi_before_after.findings()
    assert costless.id.endswith("roi_no_cost")
    assert records(everyone.roi_before_after.reading("all"))
