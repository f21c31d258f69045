"""A snapshot is made once for what it is made of, the same bytes each time, and seen whole."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from repurchase.errors import DataError
from repurchase.model import fingerprint
from repurchase.model.snapshot import Snapshot
from repurchase.period import Period

HEADING = ("id", "customer", "time", "amount")
ROWS = [
    (i, f"c{i % 700}", f"2025-01-{1 + i % 28:02} {i % 24:02}:15:00", i / 4) for i in range(5000)
]


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files whose content was digested."""
    seen: list[str] = []
    digest = fingerprint.content_digest

    def counted(path: Path) -> str:
        seen.append(path.name)
        return digest(path)

    monkeypatch.setattr(fingerprint, "content_digest", counted)
    return seen


def settle(path: Path) -> None:
    """Make a file old enough to be trusted by its time stamp."""
    os.utime(path, ns=(10**18 + 1, 10**18 + 1))


def digests(folder: Path) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.iterdir())}


def test_an_unchanged_source_is_neither_read_nor_prepared_again(
    shop: Any, reads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second time no file's content is opened and no engine is started."""
    settle(shop.csv("orders.csv", HEADING, ROWS))
    first = shop.prepare()
    assert ["orders.csv"] == reads

    def never(*args: object, **named: object) -> None:
        raise AssertionError("prepared again")

    monkeypatch.setattr("repurchase.model.build.build", never)
    monkeypatch.setattr("duckdb.connect", never)
    assert first.path == shop.prepare().path
    assert ["orders.csv"] == reads


def test_a_touched_but_equal_file_gives_the_same_snapshot(shop: Any, reads: list[str]) -> None:
    """A new time stamp costs one reading, not a new preparation."""
    path = shop.csv("orders.csv", HEADING, ROWS)
    settle(path)
    first = shop.prepare()
    os.utime(path, ns=(10**18 + 5, 10**18 + 5))
    assert first.id == shop.prepare().id
    assert ["orders.csv"] * 2 == reads


def test_a_file_just_written_is_not_trusted_by_its_time_stamp(shop: Any, query: Any) -> None:
    """Changed within a tick of the clock, same size, same stamp: the change is seen."""
    path = shop.csv("orders.csv", HEADING, [(1, "a", "2025-01-01", 1)])
    shop.prepare()
    memory = shop.cache / "snapshots" / "shop" / "files.json"
    stamp = memory.stat().st_mtime_ns
    stamp += 1 if stamp % 10**9 == 0 else 0
    os.utime(path, ns=(stamp, stamp))
    shop.prepare()
    path.write_text(path.read_text(encoding="utf-8").replace(",1\n", ",7\n"), encoding="utf-8")
    os.utime(path, ns=(stamp, stamp))
    os.utime(memory, ns=(stamp, stamp))
    assert [(7,)] == query(shop.prepare(), "SELECT net_amount::INT FROM orders")


@pytest.mark.parametrize(
    "change",
    [
        {"time_zone": "UTC"},
        {"orders": {"exclude": {"x": "net_amount > 100"}}},
        {"count_fully_returned": True},
        {"data_through": dt.date(2025, 1, 20)},
    ],
)
def test_what_decides_the_rows_decides_the_name(shop: Any, change: dict[str, Any]) -> None:
    """Another mapping, zone or rule is another snapshot."""
    shop.csv("orders.csv", HEADING, ROWS)
    assert shop.prepare().id != shop.prepare(**change).id


def test_how_it_is_shown_does_not_decide_the_name(shop: Any) -> None:
    """Language, chapters and the company's name prepare nothing anew."""
    shop.csv("orders.csv", HEADING, ROWS)
    shown = {"language": "zh-CN", "company": "Another", "chapters": ["retention"]}
    assert shop.prepare().id == shop.prepare(**shown).id


def test_the_code_decides_the_name(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A release that maps otherwise never finds an older release's rows."""
    shop.csv("orders.csv", HEADING, ROWS)
    before = shop.prepare().id
    monkeypatch.setattr(fingerprint, "code_digest", lambda *folders: "other")
    assert before != shop.prepare().id


def test_same_inputs_same_bytes(shop: Any) -> None:
    """Prepared twice from scratch, every file of the snapshot is equal to the byte."""
    shop.csv("orders.csv", (*HEADING, "store"), [(*r, f"s{r[0] % 7}") for r in ROWS])
    columns = {
        "order_id": "id", "customer_id": "customer", "ordered_at": "time", "net_amount": "amount",
        "store_id": "store",
    }  # fmt: skip
    first = shop.prepare(orders={"columns": columns})
    seen = digests(first.path)
    first.path.rename(shop.root / "moved")
    again = shop.prepare(orders={"columns": columns})
    assert seen == digests(again.path)
    assert {"customer_days.parquet", "meta.json", "orders.parquet"} <= set(seen)


def test_rows_lie_in_the_order_of_their_time(shop: Any, query: Any) -> None:
    """A reader that wants one month need not read the others, whatever order the export had."""
    shop.csv("orders.csv", HEADING, [
        (1, "b", "2025-03-01", 1), (2, "b", "2025-01-01", 1), (3, "a", "2025-02-01", 1),
    ])  # fmt: skip
    snapshot = shop.prepare()
    assert [("2",), ("3",), ("1",)] == query(snapshot, "SELECT order_id FROM orders")
    assert [("a", 1), ("b", 1), ("b", 2)] == query(
        snapshot, "SELECT customer_id, day_rank FROM customer_days"
    )


def test_a_snapshot_says_nothing_of_machine_or_time(shop: Any) -> None:
    """No path of this machine in meta.json, and nobody else may look."""
    shop.csv("orders.csv", HEADING, [*ROWS, ("", "x", "2025-01-01", 1)])
    snapshot = shop.prepare()
    assert str(shop.root) not in (snapshot.path / "meta.json").read_text(encoding="utf-8")
    assert 0o700 == stat.S_IMODE(snapshot.path.stat().st_mode)
    assert 0o700 == stat.S_IMODE(snapshot.path.parent.stat().st_mode)


def test_nothing_half_made_is_left_or_found(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that dies while writing leaves no folder behind."""
    shop.csv("orders.csv", HEADING, ROWS)

    def dies(*args: object, **named: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("repurchase.model.build.write_meta", dies)
    with pytest.raises(KeyboardInterrupt):
        shop.prepare()
    left = [p.name for p in (shop.cache / "snapshots" / "shop").iterdir()]
    assert [".lock", "files.json"] == sorted(left)


def test_a_damaged_snapshot_is_named(shop: Any) -> None:
    """Whoever opens half a snapshot hears what to do."""
    folder = shop.root / "v=0"
    folder.mkdir()
    (folder / "meta.json").write_text("{", encoding="utf-8")
    with pytest.raises(DataError, match="not a prepared snapshot"):
        Snapshot.open(folder)


def test_a_period_is_complete_when_the_data_reach_its_last_day(shop: Any) -> None:
    """The last order date decides, also of an anonymous order; or what the profile declares."""
    shop.csv("orders.csv", HEADING, [(1, "a", "2025-01-03", 1), (2, "", "2025-01-31", 1)])
    snapshot = shop.prepare()
    assert dt.date(2025, 1, 31) == snapshot.data_through
    assert dt.date(2025, 1, 3) == snapshot.data_from
    assert snapshot.is_complete(Period.parse("2025-01"))
    assert not snapshot.is_complete(Period.parse("2025-Q1"))
    declared = shop.prepare(data_through=dt.date(2025, 2, 28))
    assert declared.is_complete(Period.parse("2025-02"))


def test_meta_tells_what_was_read_and_found(shop: Any) -> None:
    """Files with encoding and rows, headings as mapped, first dates of stores."""
    shop.csv("orders.csv", (*HEADING, "store"), [
        (1, "a", "2025-01-05", 1, "s1"), (2, "a", "2025-01-03", 1, "s1"),
        (3, "a", "2025-02-01", 1, "s2"),
    ])  # fmt: skip
    columns = {
        "order_id": "id", "customer_id": "customer", "ordered_at": "time", "net_amount": "amount",
        "store_id": "store",
    }  # fmt: skip
    meta = json.loads((shop.prepare(orders={"columns": columns}).path / "meta.json").read_text())
    (source,) = meta["sources"]
    assert {"s1": "2025-01-03", "s2": "2025-02-01"} == meta["first_seen"]["store_id"]
    assert ("orders.csv", 3, "comma") == tuple(
        source["files"][0][key] for key in ("path", "rows", "delimiter")
    )
    assert "customer" == source["headings"]["customer_id"]
    assert "2025-02-01" == source["data_through"]
    assert 3 == meta["rows"][0]["loaded"]


def test_what_the_sources_gave_can_be_asked(shop: Any) -> None:
    """A chapter can tell a column that is empty from one that was never there."""
    shop.csv("orders.csv", HEADING, ROWS[:3])
    snapshot = shop.prepare()
    assert snapshot.has("orders") and snapshot.has("orders", "net_amount")
    assert not snapshot.has("orders", "channel")
    assert not snapshot.has("events")
