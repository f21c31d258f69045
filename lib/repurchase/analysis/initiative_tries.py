"""What was tried of an initiative with other windows or controls: every try is written down.

    params/<profile>/tries.csv    a row a try, with the columns of `Try`

Who tries long enough finds a window that says what was hoped for; the count says how long.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import pandas as pd

from repurchase.analysis.initiative_reading import Reading
from repurchase.errors import ParameterError

FILE = "tries.csv"


@dataclass(frozen=True)
class Try:
    """One reading with other windows or controls; `what` names what was other.

    `effect`, `low`, `high` (a member and period, in the outcome) are those of the rung that it
    would stand on, else of the naive change; empty where there is neither.
    """

    initiative: str
    period: str
    what: str
    rung: str
    outcome: str
    effect: float | None
    low: float | None
    high: float | None
    verdict: str

    @property
    def key(self) -> tuple[str, str, str]:
        """The same question asked of the same period is one try, however often it is run."""
        return self.initiative, self.period, self.what


COLUMNS = tuple(f.name for f in fields(Try))
NUMBERS = ("effect", "low", "high")


def tried(found: Reading, what: Mapping[str, Any], *, period: str) -> Try:
    """The row of a try; `what` are the options that it was read with."""
    text = "; ".join(f"{name}={_worded(value)}" for name, value in sorted(what.items()))
    rung = found.rung
    shown = rung if rung is not None else found.ladder.rung("naive")
    effect = None if shown is None else shown.effect
    value, low, high = (None, None, None) if effect is None else effect[:3]
    name = "" if rung is None else rung.name
    plan = found.plan
    return Try(plan.id, period, text, name, plan.outcome, value, low, high, found.verdict)


def _worded(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(str(v) for v in value)
    return str(value)


def table(rows: Iterable[Try]) -> pd.DataFrame:
    """A row a try, as they were made; columns: COLUMNS."""
    frame = pd.DataFrame([asdict(row) for row in rows], columns=COLUMNS, dtype=object)
    return frame.astype(dict.fromkeys(NUMBERS, "float64"))


def once(rows: Iterable[Try]) -> tuple[Try, ...]:
    """Each question once, where it was asked first, with its last answer."""
    return tuple({row.key: row for row in rows}.values())


def read(path: Path) -> tuple[Try, ...]:
    """The tries that were written down; none without the file.

    Raises ParameterError for a file that is not such a table.
    """
    if not path.is_file():
        return ()
    try:
        reader = csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"), newline=""))
        if tuple(reader.fieldnames or ()) != COLUMNS:
            raise ValueError(f"the columns are {', '.join(reader.fieldnames or ())}")
        return tuple(_row(row) for row in reader)
    except (OSError, ValueError, csv.Error) as error:
        raise ParameterError(
            f"{FILE} cannot be read: {error}",
            where=f"params/{path.parent.name}/{FILE}",
            rule=f"its columns are {', '.join(COLUMNS)}",
            remedy="it is written by review.roi_before_after.attempt; leave it as it was written",
        ) from None


def _row(row: Mapping[str, Any]) -> Try:
    if None in row or None in row.values():
        raise ValueError("a row has too many or too few values")
    numbers = {name: float(row[name]) if row[name] else None for name in NUMBERS}
    return Try(**{**row, **numbers})


def write(path: Path, rows: Iterable[Try]) -> None:
    """Writes the whole table aside and renames it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        told = asdict(row)
        writer.writerow(["" if told[name] is None else told[name] for name in COLUMNS])
    aside = path.with_name(f".{path.name}.{os.getpid()}.part")
    aside.write_text(text.getvalue(), encoding="utf-8")
    os.replace(aside, path)
