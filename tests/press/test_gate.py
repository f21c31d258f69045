"""What makes a pack a draft, and what a profile makes fatal."""

import datetime as dt
import shutil
from decimal import Decimal
from pathlib import Path
from typing import get_args

import duckdb
import pytest
from repurchase.errors import DataError
from repurchase.model.reconcile import MoneyBridge
from repurchase.model.snapshot import Snapshot
from repurchase.params import DraftReason, Params, Profile, load_params
from repurchase.period import Period
from repurchase.press import gate, sums
from repurchase.press.pack import read_manifest
from repurchase.press.run import monthly_report
from repurchase.reasons import NOBODY
from repurchase.words import Words

pytestmark = pytest.mark.usefixtures("kept_warm")
EXPLAINED = MoneyBridge((), Decimal("0"), False)


def params(**keys):
    """A profile for September 2025."""
    told = {
        "company": "A", "time_zone": "UTC", "currency": "EUR", "order_definition": "rows",
        "sources": {}, **keys,
    }  # fmt: skip
    return Params("a", Profile.model_validate(told), Path("/nowhere"), Period.parse("2025-09"))


def snapshot(through="2025-09-30", **tables):
    """A snapshot of that last day; tables and the day of each one's last row."""
    sources = [{"table": t, "data_through": d} for t, days in tables.items() for d in days]
    meta = {"data_from": "2024-01-01", "data_through": through, "sources": sources}
    return Snapshot(Path("/nowhere"), "0", meta)


def row(metric, value, dimensions="", unit="count", chapter="retention", **more):
    """A record."""
    empty = {"n": None, "numerator": None, "compare_to": "none", "status": "final", "reason": None}
    return {
        "metric": metric, "value": value, "dimensions": dimensions, "unit": unit,
        "chapter": chapter, **empty, **more,
    }  # fmt: skip


def judged(profile=None, snap=None, bridge=EXPLAINED, records=()):
    """The verdict in English."""
    return gate.verdict(
        profile or params(), snap or snapshot(), bridge, Words("en"), records=records
    )


ROWS = [
    row("rows", 10.0, "span=source;table=orders"),
    row("rows", 7.0, "outcome=loaded;span=source;table=orders"),
    row("rows", 2.0, "outcome=excluded;reason=unpaid;span=source;table=orders"),
    row("rows", 1.0, "outcome=quarantined;reason=x;span=source;table=orders"),
]


def test_a_sound_run_is_a_candidate():
    """No reason, no code."""
    found = judged(records=ROWS)

    assert ("candidate", (), ()) == (found.status, found.reasons, found.codes)


def test_an_incomplete_period_makes_a_draft():
    """Allowed by the profile, and named."""
    found = judged(snap=snapshot("2025-09-20"))

    assert ("draft", ("incomplete_period",)) == (found.status, found.codes)
    assert ("The period is incomplete: the data run through 20 Sep 2025.",) == found.reasons


def test_a_period_without_a_known_customer_makes_a_draft():
    """Told by the share of buyers who returned, if there are none; not by a segment of nobody."""
    empty = {"status": "not_computed", "reason": NOBODY}
    share = row("returning_buyer_share", None, unit="share", **empty)
    segment = {**share, "dimensions": "store_id=S01"}
    found = judged(records=[share, segment, row("orders", 3.0)])

    said = "No order of a known customer lies in the period: is a file missing?"
    assert ((said,), ("empty_period",)) == (found.reasons, found.codes)
    assert () == judged(records=[segment, row("orders", 3.0)]).codes
    assert () == judged(records=[{**share, "compare_to": "previous"}, row("orders", 3.0)]).codes


def test_unexplained_money_makes_a_draft():
    """With its share and the limit."""
    found = judged(bridge=MoneyBridge((), Decimal("0.0123"), True))

    assert ("unexplained_money",) == found.codes
    assert "1.23%" in found.reasons[0] and "0.50%" in found.reasons[0]


@pytest.mark.parametrize(
    ("last", "codes"), [("2025-08-16", ()), ("2025-08-15", ("stale_source",)), ("2026-01-01", ())]
)
def test_a_source_may_end_so_many_days_before_the_period(last, codes):
    """45 days unless the profile says otherwise; 16 August to 30 September are 45."""
    assert codes == judged(snap=snapshot(tickets=[last])).codes


def test_a_stale_source_is_named_with_its_day():
    """The newest of a table's files counts; what seldom changes cannot be stale."""
    found = judged(
        snap=snapshot(surveys=["2025-09-01", "2024-01-01"], tickets=["2025-05-31"],
                      orders=["2024-01-01"], experiments=["2024-01-01"], products=["2020-01-01"])
    )  # fmt: skip

    said = "The source of tickets ends on 31 May 2025, more than 45 days too early."
    assert (said,) == found.reasons


def test_a_source_is_not_stale_for_ending_with_the_orders():
    """An incomplete period has its own reason; the others are held against the orders' last day."""
    snap = snapshot("2025-09-01", events=["2025-08-01"])

    assert ("incomplete_period",) == judged(snap=snap).codes


def test_the_profile_says_what_is_stale():
    """One number, or one a table; a table without one keeps the default."""
    snap = snapshot(surveys=["2025-08-01"], tickets=["2025-08-01"])

    assert () == judged(params(max_stale_days=60), snap).codes
    one = judged(params(max_stale_days={"surveys": 90}), snap)
    assert ["tickets" in r for r in one.reasons] == [True]


def test_a_source_system_that_fell_silent_makes_a_draft(tmp_path):
    """A till that sold every day up to 10 August, while another goes on; the limit is its own."""
    con = duckdb.connect()
    con.execute(f"""
        COPY (SELECT 'POS' AS source_system, DATE '2025-08-10' - CAST(i AS INTEGER) AS order_date
              FROM range(100) t(i) UNION ALL
              SELECT 'APP', DATE '2025-09-30' - CAST(i AS INTEGER) FROM range(100) t(i))
        TO '{tmp_path / "orders.parquet"}' (FORMAT parquet)""")
    meta = {**snapshot().meta, "tables": ["orders"], "columns": {"orders": ["source_system"]}}
    snap = Snapshot(tmp_path, "0", meta)
    found = judged(snap=snap)

    said = (
        "The source system POS has sent no order after 10 Aug 2025, more than 45 days too early;"
        " its longest pause in the year before, in days: 1."
    )
    assert ((said,), ("stale_source",)) == (found.reasons, found.codes)
    assert () == judged(params(max_stale_days={"orders": 60}), snap).codes


def test_a_chapter_of_which_nothing_is_computed_makes_a_draft():
    """Named with its reason; one computed figure, or one that only ripens, is enough."""
    empty = {"status": "not_computed", "reason": "no tickets table"}
    records = [
        row("buyers", None, chapter="tickets", **empty),
        row("orders", None, chapter="tickets", **empty),
        row("buyers", None, "a=1", chapter="funnel", **empty),
        row("orders", 3.0, chapter="funnel"),
        row("buyers", None, "a=2", chapter="young", status="immature"),
    ]
    found = judged(records=records)

    said = "No figure of the chapter tickets can be computed: no tickets table"
    assert ((said,), ("chapter_not_computed",)) == (found.reasons, found.codes)


def test_rows_that_do_not_add_up_make_a_draft():
    """Loaded, excluded and quarantined against the whole, to the row."""
    found = judged(records=[*ROWS[:3], {**ROWS[3], "value": 2.0}])

    said = "The parts of rows span=source;table=orders add up to 11, not to their total of 10."
    assert ((said,), ("parts_do_not_add_up",)) == (found.reasons, found.codes)


def test_tables_add_up_each_for_itself():
    """A gap in one table is not filled by another."""
    other = [{**r, "dimensions": r["dimensions"].replace("orders", "costs")} for r in ROWS]
    other[0] = {**other[0], "value": 9.0}

    assert ["rows span=source;table=costs"] == [g.figure for g in sums.gaps([*ROWS, *other])]


@pytest.mark.parametrize(("total", "gap"), [(100.00, []), (100.01, []), (100.02, ["net_revenue"])])
def test_first_and_repeat_revenue_are_the_revenue(total, gap):
    """The denominator of the repeat share, but for the rounding to the cent."""
    records = [
        row("net_revenue", total, unit="money"),
        row("repeat_revenue_share", 0.6, unit="share", numerator=60.0, n=100.00),
    ]

    assert gap == [g.figure for g in sums.gaps(records)]


def test_customers_at_the_end_are_those_kept_and_those_joined():
    """E = (E - N) + N, and S is the rate's denominator."""
    records = [
        row("customers_at_start", 147.0), row("customers_at_end", 149.0),
        row("customers_joined", 10.0),
        row("retention_rate", 0.9, unit="share", numerator=139.0, n=147.0),
    ]  # fmt: skip
    wrong = [*records[:2], row("customers_joined", 11.0), records[3]]

    assert [] == sums.gaps(records)
    assert [("customers_at_end", 149.0, 150.0)] == [
        (g.figure, g.total, g.parts) for g in sums.gaps(wrong)
    ]


def test_what_is_missing_is_not_a_gap():
    """Totals without parts, parts without a total, figures without a value, comparisons."""
    records = [
        row("buyers", 3.0), row("returning_buyer_share", None, n=None, status="immature"),
        row("orders", 3.0, compare_to="previous"), row("identified_order_share", 0.5, n=4.0),
        row("rows", 3.0, "outcome=loaded;table=x"),
    ]  # fmt: skip

    assert [] == sums.gaps(records)


def test_many_gaps_are_counted_not_listed():
    """Three sentences, then how many more."""
    records = [row("rows", 1.0, f"table={table}") for table in "abcde"]
    records += [row("rows", 2.0, f"outcome=loaded;table={table}") for table in "abcde"]
    found = judged(records=records)

    assert 4 == len(found.reasons)
    assert "2 more totals are not the sum of their parts." == found.reasons[3]
    assert ("parts_do_not_add_up",) == found.codes


def test_a_profile_makes_a_reason_fatal():
    """That one stops the run, by its sentence and code; any other still makes a draft."""
    with pytest.raises(DataError, match="run through 20 Sep 2025") as caught:
        judged(params(fatal=["incomplete_period"]), snapshot("2025-09-20"))
    other = judged(params(fatal=["stale_source"]), snapshot("2025-09-20"))

    assert "params/a.yaml, fatal: incomplete_period" == caught.value.where
    assert 1 == caught.value.exit_code
    assert "draft" == other.status


EMPTY = row("returning_buyer_share", None, status="not_computed", reason=NOBODY)
EVERY = {
    "incomplete_period": {"snap": snapshot("2025-09-20")},
    "empty_period": {"records": [EMPTY, row("orders", 3.0)]},
    "unexplained_money": {"bridge": MoneyBridge((), Decimal("0.0123"), True)},
    "stale_source": {"snap": snapshot(tickets=["2025-05-31"])},
    "chapter_not_computed": {
        "records": [row("buyers", None, status="not_computed", reason="no tickets table")]
    },
    "parts_do_not_add_up": {"records": [*ROWS[:3], {**ROWS[3], "value": 2.0}]},
}


@pytest.mark.parametrize("code", get_args(DraftReason))
def test_each_reason_makes_a_draft_or_is_fatal(code):
    """Alone it makes a draft of that code; where the profile says so it stops the run instead."""
    found = judged(**EVERY[code])
    others = [c for c in get_args(DraftReason) if c != code]

    assert ("draft", (code,)) == (found.status, found.codes)
    assert "draft" == judged(params(fatal=others), **EVERY[code]).status
    with pytest.raises(DataError) as caught:
        judged(params(fatal=[code]), **EVERY[code])
    assert f"params/a.yaml, fatal: {code}" == caught.value.where
    assert found.reasons[0] == caught.value.what


def test_reasons_have_names_that_stay():
    """Other programs and profiles rely on them."""
    stable = ("incomplete_period", "empty_period", "unexplained_money", "stale_source",
              "chapter_not_computed", "parts_do_not_add_up")  # fmt: skip

    assert stable == get_args(DraftReason)


def test_a_month_without_orders_inside_the_data_is_a_draft(tmp_path, root):
    """From a file to the pack: its reason stands on the pages and in the manifest."""
    shutil.copytree(root / "notebooks", tmp_path / "notebooks")
    (tmp_path / "params").mkdir()
    (tmp_path / "params" / "shop.yaml").write_text(
        "company: Shop\ntime_zone: UTC\ncurrency: EUR\norder_definition: Every row.\n"
        "data_through: 2025-10-31\nsources:\n  orders:\n    files: orders.csv\n    columns:\n"
        "      {order_id: id, customer_id: customer, ordered_at: at, net_amount: amount}\n",
        encoding="utf-8",
    )
    days = [dt.date(2024, 1, 1) + dt.timedelta(days=n) for n in range(0, 670, 2)]
    lines = [f"{n},c{n % 40},{day},{10 + n % 7}" for n, day in enumerate(days)
             if (day.year, day.month) != (2025, 8)]  # fmt: skip
    (tmp_path / "orders.csv").write_text("\n".join(["id,customer,at,amount", *lines]), "utf-8")
    outcome = monthly_report(load_params("shop", "2025-08", root=tmp_path), say=lambda _: None)
    manifest = read_manifest(outcome.path)

    assert ("draft", 3) == (outcome.status, outcome.exit_code)
    assert "empty_period" in manifest["reason_codes"]
    said = "No order of a known customer lies in the period: is a file missing?"
    assert said in manifest["reasons"]
    assert said in (outcome.path / "retention.html").read_text("utf-8")
