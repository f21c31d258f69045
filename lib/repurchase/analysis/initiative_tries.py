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
from typing import Any, NoReturn, get_args

import pandas as pd

from repurchase.analysis.initiative_reading import Reading, Verdict
from repurchase.analysis.ladder import RUNGS
from repurchase.durable import settle_file
from repurchase.errors import ParameterError
from repurchase.initiatives import OUTCOMES
from repurchase.locks import locked

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
# what a page has words for
ALLOWED = {"rung": ("", *RUNGS), "outcome": OUTCOMES, "verdict": get_args(Verdict)}


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
        return ", ".join(repr(v) if set(v) & set(",;=") else v for v in map(str, value))
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

    Raises ParameterError with the line for what is no such table.
    """
    if not path.exists():
        return ()
    reader = csv.DictReader(io.StringIO(_text(path), newline=""))
    try:
        _check_heading(path, reader.fieldnames or ())
        return tuple(_row(path, reader.line_num, row) for row in reader)
    except csv.Error as error:
        _damaged(path, reader.line_num, f"this is no line of a CSV file: {error}", _ROW)


def _text(path: Path) -> str:
    if path.is_dir():
        _damaged(path, None, f"{FILE} is a folder", "it is a file, or there is none",
                 "move the folder away")  # fmt: skip
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        _damaged(path, line, f"{FILE} is not UTF-8 text", "it is UTF-8, as it was written",
                 "save it as CSV UTF-8")  # fmt: skip
    except OSError as error:
        _damaged(path, None, f"{FILE} cannot be opened: {error.strerror}",
                 "whoever makes a pack may read it", "give yourself that right")  # fmt: skip


_ROW = f"a row has {len(COLUMNS)} values, as they were written"
_REMEDY = (
    "undo what was changed by hand, or move the file away and try again what was tried; it is"
    " written by review.roi_before_after.attempt"
)


def _damaged(
    path: Path, line: int | None, what: str, rule: str, remedy: str = _REMEDY
) -> NoReturn:
    at = "" if line is None else f", line {line}"
    where = f"params/{path.parent.name}/{FILE}{at}"
    raise ParameterError(what, where=where, rule=rule, remedy=remedy) from None


def _check_heading(path: Path, names: Iterable[str]) -> None:
    told = tuple(names)
    if told == COLUMNS:
        return
    missing = [name for name in COLUMNS if name not in told]
    unknown = [name for name in told if name not in COLUMNS]
    what = (
        f"the column {missing[0]!r} is missing" if missing
        else f"there is no column {unknown[0]!r}" if unknown
        else "the columns are in another order"
    )  # fmt: skip
    _damaged(path, 1, what, f"the heading is {','.join(COLUMNS)}")


def _row(path: Path, line: int, row: Mapping[str, Any]) -> Try:
    if None in row or None in row.values():
        _damaged(path, line, "the row has too many or too few values", _ROW)
    numbers: dict[str, float | None] = {}
    for name in NUMBERS:
        try:
            numbers[name] = float(row[name]) if row[name] else None
        except ValueError:
            _damaged(path, line, f"{name} == {row[name]!r}", "a number, or nothing")
    for name, known in ALLOWED.items():
        if row[name] not in known:
            rule = f"one of {', '.join(filter(None, known))}"
            _damaged(path, line, f"{name} == {row[name]!r}", rule)
    return Try(**{**row, **numbers})


def add(path: Path, row: Try, *, lock: Path) -> None:
    """Writes one more try down; the file stays as it was where this fails.

    Two labs at once write one after the other, `lock` being the file by which they wait. Raises
    ParameterError where the file is damaged or the folder takes no file.
    """
    try:
        with locked(lock, what=FILE, wait=None):
            _write(path, once((*read(path), row)))
    except OSError as error:
        _damaged(path, None, f"{FILE} cannot be written: {error.strerror}",
                 "each try is written down", "give yourself the right to write there")  # fmt: skip


def _write(path: Path, rows: Iterable[Try]) -> None:
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
    settle_file(aside)
    os.replace(aside, path)
