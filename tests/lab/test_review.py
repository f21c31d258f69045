"""The door in the lab: tables, SQL, names, results and comparisons."""

import hashlib
import json

import pandas as pd
import pytest
from repurchase import open_review, show
from repurchase.benches import base
from repurchase.definitions import METRICS
from repurchase.errors import DataError, ParameterError, UnknownNameError, UsageError
from repurchase.review import Review


def test_sql_sees_the_tables_as_the_analyses_do() -> None:
    """A count over orders equals Ibis's, and nothing after the period's end is in it."""
    past = open_review("little", "2024-09")
    row = past.sql("select count(*) n, max(order_date) last_day, sum(net_revenue) m from orders")

    orders = past.orders.to_pandas()
    assert len(orders) == row["n"][0]
    assert pd.Timestamp("2024-09-30") >= row["last_day"][0]
    assert float(orders["net_revenue"].sum()) == pytest.approx(row["m"][0])
    assert past.table("orders", cut=False).count().execute() > row["n"][0]


def test_customer_days_forget_what_comes_after_the_period(review: Review) -> None:
    """The next order date of a customer is unknown while it lies beyond the end."""
    past = open_review("little", "2024-09")
    query = "select count(next_date) n, max(next_date) m from customer_days"
    then, now = past.sql(query), review.sql(query)

    assert pd.Timestamp("2024-09-30") >= then["m"][0]
    assert 0 < then["n"][0] < now["n"][0]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("select * from read_csv('/etc/passwd')", "Cannot access file"),
        ("select * from '/etc/passwd'", "/etc/passwd"),
        ("select * from glob('/etc/*')", "Cannot access file"),
        ("attach '/tmp/other.db'", "review.sql reads, and this is attach"),
        ("copy orders to 'orders.csv'", "review.sql reads, and this is copy"),
        ("delete from orders", "review.sql reads, and this is delete"),
        ("set enable_external_access = true", "review.sql reads, and this is set"),
        ("select 1; select 2", "review.sql reads, and this is select, select"),
        ("", "review.sql reads, and this is empty"),
    ],
)
def test_sql_reads_the_tables_and_nothing_else(review: Review, query: str, said: str) -> None:
    """No file of the machine is read, none is written, and no table is changed."""
    with pytest.raises(UsageError) as caught:
        review.sql(query)
    assert said in caught.value.what


def test_sql_names_the_nearest_column(review: Review) -> None:
    """A misspelt column gets the engine's candidates, in our box."""
    with pytest.raises(UsageError) as caught:
        review.sql("select custmer_id from orders")
    assert "custmer_id" in caught.value.what
    assert '"customer_id"' in caught.value.rule


def test_every_result_of_the_engine_carries_its_sql(review: Review) -> None:
    """The SQL of a result runs as it stands in review.sql."""
    for result in (
        review.retention.history(),
        review.retention.cohorts(),
        review.retention.pooled(),
        review.retention.curve(),
        review.retention.totals(),
        review.identification.shares(),
        review.identification.by("channel"),
        review.load.outcomes(),
    ):
        assert result.sql and result.sql.startswith(("SELECT", "WITH"))

    first = review.retention.totals().sql.split(";\n\n")[0]
    net = review.retention.totals().one("net_revenue", dimensions="span=history").value
    assert net == pytest.approx(float(review.sql(first)["net_history"][0]))


def test_a_result_is_computed_once(review: Review, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same question on the same snapshot is not asked of the engine again."""
    history, stores = review.retention.history(), review.identification.by("store_id")
    channels = review.identification.by("channel")
    monkeypatch.setattr(base, "_found", lambda *_: pytest.fail("it was computed again"))

    assert history.records == review.retention.history().records
    assert channels.records == review.identification.by("channel").records
    assert stores.records == review.identification.by("store_id").records != channels.records


def test_a_wrong_name_gets_the_nearest_right_one(review: Review) -> None:
    """Of a subject, a result, a metric and a cut."""
    for ask, right in (
        (lambda: review.retension, "did you mean review.retention?"),
        (lambda: review.retention.figurs, "did you mean review.retention.figures?"),
        (
            lambda: review.definitions.returning_byer_share,
            "did you mean review.definitions.returning_buyer_share?",
        ),
    ):
        with pytest.raises(UnknownNameError) as caught:
            ask()
        assert caught.value.remedy.startswith(right)
    with pytest.raises(ParameterError) as refused:
        review.retention.by_cut("chanel")
    assert refused.value.remedy.startswith("did you mean channel?")
    assert not hasattr(review, "_repr_html_")


def test_tab_finds_tables_results_and_definitions(review: Review) -> None:
    """What dir() lists is what Tab shows."""
    assert {"stores", "customers", "retention", "sql", "tables"} <= set(dir(review))
    assert {"figures", "by_cut"} <= set(dir(review.retention))
    assert sorted(METRICS) == dir(review.definitions)
    assert review.stores.count().execute() == review.sql("select count(*) n from stores")["n"][0]
    definition = review.definitions.returning_buyer_share
    assert METRICS["returning_buyer_share"].formula == definition.formula


def test_two_periods_stand_side_by_side(review: Review) -> None:
    """Levels are each period's own; the change is their difference with a paired interval."""
    frame = review.compare("2025-09", "2024-09").frame.set_index("metric")

    row = frame.loc["repeat_customer_share"]
    assert review.retention.figures().one("repeat_customer_share").value == row["value"]
    past = open_review("little", "2024-09").retention.figures()
    assert past.one("repeat_customer_share").value == row["then_value"]
    assert row["change"] == pytest.approx(row["value"] - row["then_value"], abs=2e-6)
    assert row["change_low"] < row["change"] < row["change_high"]


@pytest.mark.parametrize(
    ("later", "earlier", "kind"),
    [
        ("2024-09", "2025-09", ParameterError),
        ("2025-09", "2024-Q3", ParameterError),
        ("2025-09", "2019-09", DataError),
    ],
)
def test_periods_that_cannot_be_compared_are_refused(
    review: Review, later: str, earlier: str, kind: type[Exception]
) -> None:
    """In the wrong order, of two lengths, or outside of the data."""
    with pytest.raises(kind):
        review.compare(later, earlier)


def test_a_sample_is_of_whole_customers_and_the_same_each_time(review: Review) -> None:
    """Exactly the customers whose MD5 lies below the share, with all of their orders."""
    sample = open_review("little", "2025-09", sample=0.3)
    limit = int(0.3 * 16**8) + 1

    def kept(customer: str) -> bool:
        return int(hashlib.md5(f"1:{customer}".encode()).hexdigest()[:8], 16) < limit

    of_all = review.sql("select customer_id, order_id from orders where customer_id is not null")
    expected = of_all[of_all["customer_id"].map(kept)]
    seen = sample.sql("select customer_id, order_id from orders where customer_id is not null")
    assert 0 < len(expected) < len(of_all)
    assert sorted(expected["order_id"]) == sorted(seen["order_id"])
    lines = sample.sql(
        "select count(*) n from order_lines where order_id not in (select order_id from orders)"
    )
    assert 0 == lines["n"][0]
    assert len(review.sql("from stores")) == len(sample.sql("from stores"))
    other = open_review("little", "2025-09", sample=0.3, seed=2)
    assert set(seen["order_id"]) != set(other.sql("select order_id from orders")["order_id"])


def test_orders_without_a_customer_are_sampled_alike() -> None:
    """Else the share of orders with a known customer would not be that of the whole."""
    whole, half = open_review("little", "2025-09"), open_review("little", "2025-09", sample=0.5)
    query = "select count(*) n from orders where customer_id is null"
    share = half.sql(query)["n"][0] / whole.sql(query)["n"][0]
    assert share == pytest.approx(0.5, abs=0.15)


def test_everything_of_a_sample_says_so(review: Review) -> None:
    """Blocks of each kind, frames, what is recorded, and the review itself."""
    sample = open_review("little", "2025-09", sample=0.3)
    figures, shares = sample.retention.figures(), sample.identification.shares()
    held = sample.identification.held()
    said = "SAMPLE of 30% of the customers"
    for block in (
        show.headline(figures, shares, held),
        show.scorecard(figures, shares),
        show.trend(sample.retention.history(), figures, id="R-1"),
        show.comparisons(figures, shares),
        show.triangle(sample.retention.cohorts(), id="R-2"),
        show.causes(figures, shares, held),
        show.cuts(sample.retention.by_cut()),
        show.calendar_days(sample.context),
        sample.tables,
        sample.compare("2025-09", "2024-09"),
    ):
        assert said in block._repr_mimebundle_()["text/plain"], block
    assert "SAMPLE 30%" == sample.retention.history().frame.columns.name
    assert "SAMPLE 30%" == sample.sql("select 1").columns.name
    assert repr(sample.record(figures)).startswith("SAMPLE 30%: ")
    assert "SAMPLE 30%" in repr(sample)
    known = review.identification
    whole = show.headline(review.retention.figures(), known.shares(), known.held())
    assert "SAMPLE" not in whole.to_text()


@pytest.mark.parametrize("share", [0, -0.1, 1.5, "half", True])
def test_a_sample_is_a_share(share: object) -> None:
    """Anything else stops at the door."""
    with pytest.raises(ParameterError, match="must be a share"):
        open_review("little", "2025-09", sample=share)  # type: ignore[arg-type]


def test_the_press_refuses_a_sample(tmp_path, monkeypatch) -> None:
    """A pack never rests on some of the customers."""
    run = tmp_path / "run.json"
    run.write_text(json.dumps({"profile": "little", "period": "2025-09"}), encoding="utf-8")
    monkeypatch.setenv("REPURCHASE_RUN", str(run))
    with pytest.raises(ParameterError, match=r"opens a sample of 0\.05"):
        open_review("little", "2025-09", sample=0.05)


def test_recording_in_the_lab_touches_no_pack(review: Review, bench_root) -> None:
    """No file under reports/ comes, goes or changes; the rows stay in the cell."""
    reports = bench_root / "reports" / "little" / "2025-09"
    reports.mkdir(parents=True, exist_ok=True)
    (reports / "results.json").write_text("[]", encoding="utf-8")
    before = {p: p.stat().st_mtime_ns for p in (bench_root / "reports").rglob("*")}

    recorded = review.record(review.retention.figures(), exhibit="R-1")
    review.find(*review.retention.findings())

    assert len(recorded.records) > 10
    assert before == {p: p.stat().st_mtime_ns for p in (bench_root / "reports").rglob("*")}
