"""Every printed number is a record, every message a finding.

These rows are what the summary, the ledger, the archive and a BI tool read; their columns change
only with `SCHEMA_VERSION` and a line in the CHANGELOG.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal

SCHEMA_VERSION = 1
MIME = "application/vnd.repurchase.records+json"

Unit = Literal["share", "count", "money", "days", "ratio", "score"]
Status = Literal["final", "provisional", "immature", "not_computed"]
CompareTo = Literal["none", "previous", "year_ago", "year_ago_aligned", "target"]
Confidence = Literal["high", "medium", "low"]


@dataclass(frozen=True)
class Record:
    """One printed figure.

    `value`, `low`, `high` are in `unit` (a share is 0..1, never percent; `low` and `high` bound
    the 95 % interval, None where a figure is a complete count). `numerator` and `n` are what the
    value was computed from. With `compare_to` other than "none" the row carries the `change`
    from that comparison, with its own interval and method. None always means "no such value":
    `status` and `reason` say why, `readable_from` from which day it can be read.
    """

    metric: str
    value: float | None
    unit: Unit
    dimensions: str = ""
    low: float | None = None
    high: float | None = None
    numerator: float | None = None
    n: float | None = None
    compare_to: CompareTo = "none"
    change: float | None = None
    change_low: float | None = None
    change_high: float | None = None
    change_method: str | None = None
    status: Status = "final"
    readable_from: str | None = None
    reason: str | None = None
    # filled by Review.record
    profile: str = ""
    period: str = ""
    chapter: str = ""
    exhibit: str | None = None
    definition_version: int = 0

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What makes a figure this figure: metric, dimensions, period and comparison."""
        return self.metric, self.dimensions, self.period, self.compare_to


COLUMNS = (
    "profile period chapter exhibit metric definition_version dimensions value low high numerator"
    " n unit compare_to change change_low change_high change_method status readable_from reason"
).split()
assert sorted(COLUMNS) == sorted(f.name for f in fields(Record))


@dataclass(frozen=True)
class Finding:
    """One message, resting on records.

    `claim` is a key of the message catalogue with named gaps, `values` fills them. `money` is
    what is at stake in the period, in the reporting currency (None: not valued). `rank` is not
    stored: the summary ranks.
    """

    id: str
    claim: str
    values: Mapping[str, str | float | int | None]
    records: tuple[str, ...]
    tone: Literal["good", "bad", "neutral", "unsure"]
    confidence: Confidence
    chapter: str = ""
    money: float | None = None
    money_low: float | None = None
    money_high: float | None = None
    suggested_action: str | None = None
    exhibit: str | None = None
    headline: bool = False


FINDING_COLUMNS = (
    "id chapter claim values records tone money money_low money_high confidence suggested_action"
    " exhibit headline"
).split()
assert sorted(FINDING_COLUMNS) == sorted(f.name for f in fields(Finding))


@dataclass(frozen=True)
class Result:
    """What an analysis returns: a small frame to draw, the records in it, the SQL that made it."""

    frame: Any
    records: tuple[Record, ...] = ()
    sql: str | None = None
    context: Any = None  # a repurchase.context.Context, put in by Review

    def one(self, metric: str, *, compare_to: CompareTo = "none", dimensions: str = "") -> Record:
        """The record of that metric; KeyError if there is none or more than one."""
        found = [
            r
            for r in self.records
            if (r.metric, r.compare_to, r.dimensions) == (metric, compare_to, dimensions)
        ]
        if len(found) != 1:
            raise KeyError(f"{metric} {compare_to} {dimensions}: {len(found)} records")
        return found[0]


def dimensions(**values: object) -> str:
    """Sorted `key=value` text; separators inside a value are percent-encoded.

    >>> dimensions(cohort="2025-03", age=2)
    'age=2;cohort=2025-03'
    >>> dimensions(channel="a;b")
    'channel=a%3Bb'
    """
    return ";".join(f"{key}={_encoded(str(values[key]))}" for key in sorted(values))


def parse_dimensions(text: str) -> dict[str, str]:
    """The inverse of `dimensions`."""
    pairs = (part.split("=", 1) for part in text.split(";") if part)
    return {
        key: value.replace("%3B", ";").replace("%3D", "=").replace("%25", "%")
        for key, value in pairs
    }


def _encoded(value: str) -> str:
    return value.replace("%", "%25").replace(";", "%3B").replace("=", "%3D")


def rounded(record: Record, digits: int) -> Record:
    """The record as it is printed and stored, so that one rounding serves all readers."""
    return replace(
        record,
        value=_round(record.value, digits),
        low=_round(record.low, digits),
        high=_round(record.high, digits),
        change=_round(record.change, digits),
        change_low=_round(record.change_low, digits),
        change_high=_round(record.change_high, digits),
    )


def _round(value: float | None, digits: int) -> float | None:
    if value is None:
        return None
    if not math.isfinite(value):
        raise ValueError(f"value == {value}, must be finite (None and a reason where undefined)")
    return round(float(value), digits) + 0.0


def record_rows(records: Iterable[Record]) -> list[dict[str, Any]]:
    """Plain rows, columns in the published order."""
    return [{name: row[name] for name in COLUMNS} for row in map(asdict, records)]


def finding_rows(findings: Iterable[Finding]) -> list[dict[str, Any]]:
    """Plain rows; `values` and `records` are a mapping and a list."""
    rows = []
    for finding in findings:
        row = asdict(finding)
        row["values"] = dict(finding.values)
        row["records"] = list(finding.records)
        rows.append(row)
    return rows


def iso(day: dt.date | None) -> str | None:
    return day.isoformat() if day else None
