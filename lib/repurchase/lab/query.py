"""SQL for an analyst: one SELECT over the cut tables, and nothing else of the machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from repurchase.errors import UsageError
from repurchase.sources.sql import literal

READING = {"SELECT", "EXPLAIN"}


def locked(con: Any, folder: Path) -> Any:
    """The connection, from now on unable to open a file outside of `folder`, or the network.

    The views on the Parquet files in the folder still work.
    """
    con.execute(f"SET allowed_directories = [{literal(str(folder) + '/')}]")
    con.execute("SET enable_external_access = false")
    con.execute("SET lock_configuration = true")
    return con


def answer(con: Any, query: str) -> pd.DataFrame:
    """The rows of one reading statement. Raises UsageError for any other, or if it fails."""
    try:
        statements = duckdb.extract_statements(query)
    except duckdb.Error as error:
        raise _refused(error, query) from None
    kinds = [statement.type.name for statement in statements]
    if len(kinds) != 1 or kinds[0] not in READING:
        raise UsageError(
            f"review.sql reads, and this is {', '.join(kinds).lower() or 'empty'}",
            where=_short(query),
            rule="one SELECT; the tables are a snapshot and never change",
            remedy="save a result with .to_csv(...) or .to_parquet(...) on the frame",
        )
    try:
        return con.execute(query).df()
    except duckdb.Error as error:
        raise _refused(error, query) from None


def _refused(error: duckdb.Error, query: str) -> UsageError:
    """The engine's own words, which name the nearest column or table."""
    lines = [line.strip() for line in str(error).split("\n\nLINE")[0].splitlines() if line.strip()]
    remedy = "review.tables lists every table and column"
    if isinstance(error, duckdb.PermissionException):
        remedy = "name the file in the profile's sources; review.sql reads the snapshot only"
    return UsageError(
        lines[0], where=_short(query), rule="; ".join(lines[1:]), remedy=remedy
    )


def _short(query: str) -> str:
    text = " ".join(query.split())
    return text if len(text) <= 160 else text[:159] + "…"
