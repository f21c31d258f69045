"""Cells of a spreadsheet: what comes from data stays data there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r")


def inert(value: Any) -> Any:
    """A cell that no spreadsheet takes for a formula; numbers and other values as they are.

    >>> inert("=1+1"), inert(-2.5), inert("S001")
    ("'=1+1", -2.5, 'S001')
    """
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA_SIGNS) else value


def inert_table(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with inert cells and headings."""
    found = frame.rename(columns=inert)
    for place, (_, column) in enumerate(frame.items()):
        if _may_be_formula(column):
            found.isetitem(place, column.map(inert).array)
    return found


def _may_be_formula(column: pd.Series) -> bool:
    """Whether a cell of it may be one: to look at every cell of a month's lists takes a second."""
    if column.dtype == "str":
        return bool(column.str.startswith(FORMULA_SIGNS, na=False).any())
    return column.dtype.kind not in "biufM"
