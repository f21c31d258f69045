"""The trusted tables as they are published: a folder of Parquet files that never changes.

A snapshot's name is a digest of everything it was made of (`fingerprint`), so the same name means
the same rows. It is written aside and renamed into place: a reader sees all of it or none.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from repurchase.errors import DataError
from repurchase.params import Params, with_period
from repurchase.period import Period, last_complete_month
from repurchase.sources.sql import identifier, literal

META = "meta.json"


@dataclass(frozen=True)
class Snapshot:
    """One prepared state of a company's data.

    `path` is the folder with one Parquet file a table; `meta` is what its meta.json says:
    files read, headings mapped, rows by outcome, notes, first dates of channels and stores.
    """

    path: Path
    id: str
    meta: Mapping[str, Any] = field(repr=False)

    @classmethod
    def open(cls, path: Path) -> Snapshot:
        """The snapshot in that folder; DataError if it is not complete."""
        try:
            meta = json.loads((path / META).read_text(encoding="utf-8"))
            return cls(path, str(meta["id"]), meta)
        except (OSError, ValueError, KeyError):
            raise DataError(
                "this is not a prepared snapshot",
                where=path.name,
                remedy="delete the folder; it is made again from the sources",
            ) from None

    @property
    def tables(self) -> tuple[str, ...]:
        """Names of the Parquet files, canonical and derived."""
        return tuple(self.meta["tables"])

    def file(self, table: str) -> Path:
        return self.path / f"{table}.parquet"

    def has(self, table: str, column: str | None = None) -> bool:
        """Whether the sources gave this table, or this column of it."""
        given = self.meta["columns"].get(table)
        return given is not None and (column is None or column in given)

    @property
    def data_from(self) -> dt.date:
        """The first order date; of a company without orders the first assignment to a test."""
        return dt.date.fromisoformat(self.meta["data_from"])

    @property
    def data_through(self) -> dt.date:
        """The last day that the data are complete for."""
        return dt.date.fromisoformat(self.meta["data_through"])

    def is_complete(self, period: Period) -> bool:
        """Whether the data reach the period's last day; what to do if not is the caller's."""
        return period.end <= self.data_through

    def connect(self) -> Any:
        """A DuckDB connection in memory with a view a table; nothing in it can be written."""
        import duckdb

        con = duckdb.connect()
        con.execute("SET autoinstall_known_extensions = false; SET TimeZone = 'UTC'")
        for table in self.tables:
            con.execute(
                f"CREATE VIEW {identifier(table)} AS"
                f" SELECT * FROM read_parquet({literal(str(self.file(table)))})"
            )
        return con


def at_period(params: Params, snapshot: Snapshot) -> Params:
    """The parameters with their period: the one asked for, or the data's last complete month."""
    if params.period:
        return params
    month = last_complete_month(snapshot.data_through)
    if month.start < snapshot.data_from.replace(day=1):
        raise DataError(
            f"the data hold no complete month: they run from {snapshot.data_from.isoformat()} to"
            f" {snapshot.data_through.isoformat()}",
            remedy="load more data, or name a PERIOD and set allow_incomplete: true for a draft",
        )
    return with_period(params, month)
