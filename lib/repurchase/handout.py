"""Lists on their way from a notebook's cell to `restricted/`: rows travel, nothing is printed.

In the lab nothing travels either: an analyst's saved notebook holds no customer.
"""

from __future__ import annotations

import base64
import datetime as dt
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from repurchase.published import Published
from repurchase.records import MIME as RECORDS_MIME

if TYPE_CHECKING:
    import pandas as pd

MIME = "application/vnd.repurchase.handout+json"


class Sheets(Protocol):
    """What is handed out (see `show.worklists.Sheets`)."""

    @property
    def name(self) -> str: ...
    @property
    def frames(self) -> Mapping[str, pd.DataFrame]: ...
    @property
    def lists(self) -> str: ...
    @property
    def labels(self) -> Sequence[str]: ...
    @property
    def day(self) -> dt.date: ...


@dataclass(frozen=True)
class HandedOut(Published):
    """Sheets that a cell hands out; the press writes them, a lab only counts them."""

    sheets: Sheets
    travels: bool

    def __repr__(self) -> str:
        return repr(self.sheets)

    def _repr_mimebundle_(self, **_: object) -> Mapping[str, Any]:
        bundle: dict[str, Any] = {"text/plain": repr(self)}
        if self.travels:
            # with the records' type, which no exporter prints
            bundle |= {RECORDS_MIME: {"records": [], "findings": []}, MIME: packed(self.sheets)}
        return bundle


def packed(sheets: Sheets) -> dict[str, Any]:
    """The sheets as plain JSON: each frame as Parquet in base64."""
    frames = {}
    for title, frame in sheets.frames.items():
        stream = io.BytesIO()
        frame.to_parquet(stream, compression="zstd", index=False)
        frames[title] = base64.b64encode(stream.getvalue()).decode()
    return {
        "frames": frames,
        "order": list(sheets.frames),
        "name": sheets.name,
        "lists": sheets.lists,
        "labels": list(sheets.labels),
        "day": sheets.day.isoformat(),
    }


@dataclass(frozen=True)
class Unpacked:
    """What the press gets: the same five things."""

    frames: Mapping[str, pd.DataFrame]
    lists: str
    labels: tuple[str, ...]
    day: dt.date
    name: str = "worklists"


def unpacked(told: Mapping[str, Any]) -> Unpacked:
    """The sheets of a cell's output."""
    import pandas as pd

    frames = {
        title: pd.read_parquet(io.BytesIO(base64.b64decode(told["frames"][title])))
        for title in told["order"]
    }
    day = dt.date.fromisoformat(told["day"])
    return Unpacked(frames, told["lists"], tuple(told["labels"]), day, told["name"])
