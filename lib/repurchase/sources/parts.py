"""What a file is told to be, what it was found to be, and its rows made ready for one table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from repurchase.errors import SourceError
from repurchase.sources.containers import broken_parquet
from repurchase.sources.headings import unique_names
from repurchase.sources.sql import literal
from repurchase.sources.totals import TOTAL_ROWS


@dataclass(frozen=True)
class FileSpec:
    """Which files, and how they are written; "auto" is told from each file.

    `files` are globs, relative to a root or absolute; .gz and .zip are unpacked. `format` is auto,
    csv, tsv, xlsx, xls, parquet, jsonl or whitespace. `delimiter` is auto or one character.
    `header_rows` is 1, 2, or 0 for none. `skip_rows` are passed over before the heading.
    `sheet` names a worksheet. `total_rows` are the words that mark a row of totals.
    """

    files: tuple[str, ...]
    format: str = "auto"
    encoding: str = "auto"
    delimiter: str = "auto"
    header_rows: int = 1
    skip_rows: int = 0
    sheet: str | None = None
    total_rows: tuple[str, ...] = TOTAL_ROWS


@dataclass(frozen=True)
class FileInfo:
    """One file that was read, as it was understood.

    `path` is the name in `_file`; `rows` are its rows in the table, `blank_rows` those without any
    content, which are not; `size` is in bytes, as read (unpacked). `encoding`, `delimiter` and
    `sheet` are "" where the format has none.
    """

    path: str
    format: str
    encoding: str
    delimiter: str
    sheet: str
    rows: int
    blank_rows: int
    size: int


@dataclass(frozen=True)
class Part:
    """One file made ready: names of its columns, and its rows as c0, c1, ... _row _problem _raw.

    `select` is read by the engine; if that fails, or gives another number of rows than `counts`,
    `batches` is read instead, slower and to the last record.
    """

    info: FileInfo
    names: tuple[str, ...]
    unnamed: frozenset[str]
    select: str | None = None
    counts: frozenset[int] | None = None
    batches: Callable[[], Iterator[pa.Table]] | None = None
    notes: tuple[str, ...] = ()


def arrow_table(
    cells: Sequence[Sequence[str | None]],
    numbers: Sequence[int],
    problems: Sequence[str | None],
    raws: Sequence[str | None],
) -> pa.Table:
    arrays = {f"c{i}": pa.array(column, pa.string()) for i, column in enumerate(cells)}
    arrays["_row"] = pa.array(numbers, pa.int64())
    arrays["_problem"] = pa.array(problems, pa.string())
    arrays["_raw"] = pa.array(raws, pa.string())
    return pa.table(arrays)


def path_literal(path: Path) -> str:
    """A path as SQL, the characters of a glob in it taken as they are."""
    text = str(path)
    for char in "[*?":
        text = text.replace(char, "[[]" if char == "[" else f"[{char}]")
    return literal(text)


def named(headings: Sequence[str]) -> tuple[tuple[str, ...], frozenset[str]]:
    names = tuple(unique_names(headings))
    unnamed = frozenset(name for name, said in zip(names, headings, strict=True) if not said)
    return names, unnamed


def unreadable(info: FileInfo, reason: object) -> SourceError:
    if info.format == "parquet":
        return broken_parquet(info.path, str(reason))
    return SourceError(
        "The file cannot be read to its end.",
        where=info.path,
        rule=str(reason).splitlines()[0],
        remedy="export it again",
    )
