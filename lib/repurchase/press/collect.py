"""Gathers what the chapters recorded and found, and refuses what contradicts itself."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from repurchase.errors import DataError
from repurchase.press.chapters import Ran
from repurchase.records import COLUMNS, FINDING_COLUMNS, MIME

Row = dict[str, Any]


def collected(ran: Iterable[Ran]) -> tuple[list[Row], list[Row]]:
    """All records and findings of executed notebooks, in the order of chapter and cell.

    A notebook's file sorts the keys of a row; here they get their published order again.
    A figure that is recorded again with the same value is kept once. Raises DataError if the
    same metric, dimensions, period and comparison was recorded with different values.
    """
    records: dict[tuple[str, ...], Row] = {}
    findings: list[Row] = []
    for notebook in ran:
        for cell in notebook.notebook.cells:
            for output in cell.get("outputs", ()):
                rows = output.get("data", {}).get(MIME)
                if rows:
                    for row in rows["records"]:
                        _keep(records, {name: row[name] for name in COLUMNS})
                    findings += ({n: row[n] for n in FINDING_COLUMNS} for row in rows["findings"])
    named = [f["id"] for f in findings]
    twice = sorted({i for i in named if named.count(i) > 1})
    if twice:
        raise DataError(f"two findings are called {twice[0]!r}", rule="a finding's id is its own")
    return list(records.values()), findings


def _keep(records: dict[tuple[str, ...], Row], row: Row) -> None:
    key = (row["metric"], row["dimensions"], row["period"], row["compare_to"])
    before = records.setdefault(key, row)
    values = ("value", "low", "high", "numerator", "n", "change", "status")
    differing = [name for name in values if before[name] != row[name]]
    if differing:
        name = differing[0]
        raise DataError(
            f"{row['metric']} {row['dimensions']} {row['compare_to']}: {name} is {before[name]}"
            f" in {before['chapter']} and {row[name]} in {row['chapter']}",
            rule="two chapters that record the same figure record the same value",
            remedy="take the figure from one result in both chapters",
        )


def records_table(rows: list[Row]) -> Any:
    """The records as an Arrow table with the published columns and types."""
    import pyarrow as pa

    numbers = {"value", "low", "high", "numerator", "n", "change", "change_low", "change_high"}
    kinds = {c: pa.float64() if c in numbers else pa.string() for c in COLUMNS}
    kinds["definition_version"] = pa.int64()
    schema = pa.schema([(c, kinds[c]) for c in COLUMNS])
    return pa.Table.from_pylist(rows, schema=schema)
