"""How old each source is, and when that is too old."""

import datetime as dt
import json
from pathlib import Path

import duckdb
import pytest
from repurchase.analysis.freshness import sources
from repurchase.model.snapshot import Snapshot
from repurchase.params import Params, Profile
from repurchase.period import Period

END = dt.date(2025, 9, 30)


def params(**keys):
    """A profile for September 2025."""
    told = {"company": "A", "time_zone": "UTC", "currency": "EUR", "order_definition": "rows",
            "sources": {}, **keys}  # fmt: skip
    return Params("a", Profile.model_validate(told), Path("/nowhere"), Period.parse("2025-09"))


@pytest.fixture
def snapshot(tmp_path):
    """A snapshot of orders by source system, each with the days before the end that it has."""

    def make(systems, *, through=END, **tables):
        rows = [(name, END - dt.timedelta(days=d)) for name, ages in systems.items() for d in ages]
        con = duckdb.connect()
        con.execute("CREATE TABLE orders (source_system VARCHAR, order_date DATE)")
        if rows:
            con.executemany("INSERT INTO orders VALUES (?, ?)", rows)
        con.execute(f"COPY orders TO '{tmp_path / 'orders.parquet'}'")
        given = [{"table": t, "data_through": day} for t, day in tables.items()]
        meta = {"id": "0", "tables": ["orders"], "columns": {"orders": ["source_system"]},
                "data_from": "2023-01-01", "data_through": through.isoformat(),
                "sources": given}  # fmt: skip
        (tmp_path / "meta.json").write_text(json.dumps(meta), encoding="utf-8")
        return Snapshot.open(tmp_path)

    return make


def by_name(found):
    return {f"{s.table}:{s.system}": s for s in found}


def test_a_table_is_as_old_as_its_newest_row(snapshot):
    """1 August is sixty days before the end of September; nothing is newer than the period."""
    snap = snapshot({}, tickets="2025-08-01", surveys="2025-12-01", products="2020-01-01")
    found = by_name(sources(params(), snap))

    assert {"tickets:", "surveys:"} == set(found)
    assert (60, 45, True) == (found["tickets:"].days, found["tickets:"].limit,
                              found["tickets:"].stale)  # fmt: skip
    assert (0, END, False) == (found["surveys:"].days, found["surveys:"].last,
                               found["surveys:"].stale)  # fmt: skip


def test_a_system_that_falls_silent_is_stale_beyond_the_limit_and_its_own_pauses(snapshot):
    """A till that sold daily is silent for fifty days; one that pauses for a month is not late."""
    daily, monthly = range(50, 200), [50 + 30 * k for k in range(12)]
    found = by_name(sources(params(), snapshot({"POS": daily, "B2B": monthly, "APP": range(99)})))

    assert (50, 1, True, True) == (found["orders:POS"].days, found["orders:POS"].pause,
                                   found["orders:POS"].unusual, found["orders:POS"].stale)
    assert (50, 30, False, False) == (found["orders:B2B"].days, found["orders:B2B"].pause,
                                      found["orders:B2B"].unusual, found["orders:B2B"].stale)
    assert not found["orders:APP"].unusual


@pytest.mark.parametrize(
    ("silent", "limit", "states"),
    [
        (45, 45, (True, False, False)),
        (46, 45, (True, False, True)),
        (8, 7, (True, False, True)),
        (92, 45, (True, False, True)),
        (93, 45, (True, True, False)),
    ],
)
def test_a_system_is_waited_for_from_the_limit_until_it_is_given_up(
    snapshot, silent, limit, states
):
    """After 92 days it has been replaced, and a pack is no draft for it for ever."""
    told = params(max_stale_days={"orders": limit})
    found = by_name(sources(told, snapshot({"POS": range(silent, silent + 60)})))["orders:POS"]

    assert states == (found.unusual, found.given_up, found.stale)


def test_a_system_with_few_days_has_no_usual_pause(snapshot):
    """Nine days with orders say nothing of a pause; ten do."""
    few = by_name(sources(params(), snapshot({"POS": range(60, 69)})))["orders:POS"]
    enough = by_name(sources(params(), snapshot({"POS": range(60, 70)})))["orders:POS"]

    assert (None, False) == (few.pause, few.stale)
    assert (1, True) == (enough.pause, enough.stale)


def test_what_came_after_the_period_is_not_seen(snapshot):
    """A till that sells again in October was silent at the end of September."""
    found = by_name(sources(params(), snapshot({"POS": [*range(60, 90), -5]},
                                               through=END + dt.timedelta(days=5))))  # fmt: skip

    assert (60, True) == (found["orders:POS"].days, found["orders:POS"].stale)
