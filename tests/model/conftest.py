"""A small company written to disk, so that a test states only what it is about."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from repurchase.model.prepare import prepare
from repurchase.model.snapshot import Snapshot
from repurchase.params import Params, Profile

Rows = Sequence[Sequence[object]]
ORDERS = {
    "order_id": "id",
    "customer_id": "customer",
    "ordered_at": "time",
    "net_amount": "amount",
}
HEADING = ("id", "customer", "time", "amount")


@dataclass
class Shop:
    """A project folder; `orders` and `sources` say what its profile reads."""

    root: Path

    @property
    def cache(self) -> Path:
        return self.root / ".cache"

    def csv(self, name: str, heading: Sequence[str], rows: Rows) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = [",".join(map(str, row)) for row in (heading, *rows)]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    def params(self, *, orders: dict[str, Any] | None = None, **profile: Any) -> Params:
        """Parameters of a shop in Shanghai whose orders lie in orders.csv, unless told."""
        told = {"files": "orders.csv", "columns": ORDERS} | (orders or {})
        raw: dict[str, Any] = {
            "company": "A shop",
            "time_zone": "Asia/Shanghai",
            "currency": "CNY",
            "order_definition": "a paid order",
            "max_quarantined_share": 1.0,
        }
        sources = {"orders": told} | profile.pop("sources", {})
        return Params(
            "shop", Profile.model_validate(raw | profile | {"sources": sources}), self.root
        )

    def prepare(self, params: Params | None = None, **told: Any) -> Snapshot:
        return prepare(params or self.params(**told), cache=self.cache)

    def refusal(self, error: type[Exception], **told: Any) -> str:
        """The message with which the data are refused."""
        with pytest.raises(error) as caught:
            self.prepare(**told)
        return str(caught.value)


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """An empty project folder."""
    for name in ("params", "notebooks"):
        (tmp_path / name).mkdir()
    return Shop(tmp_path)


@pytest.fixture
def query() -> Callable[..., list[tuple[Any, ...]]]:
    """Rows of a query over a snapshot's tables."""

    def run(snapshot: Snapshot, sql: str) -> list[tuple[Any, ...]]:
        with snapshot.connect() as con:
            return list(con.execute(sql).fetchall())

    return run
