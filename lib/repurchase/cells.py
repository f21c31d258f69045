"""Cells of a spreadsheet: what comes from data stays data there."""

from __future__ import annotations

from typing import Any

FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r")


def inert(value: Any) -> Any:
    """A cell that no spreadsheet takes for a formula; numbers and other values as they are.

    >>> inert("=1+1"), inert(-2.5), inert("S001")
    ("'=1+1", -2.5, 'S001')
    """
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA_SIGNS) else value
