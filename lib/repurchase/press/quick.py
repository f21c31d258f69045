"""Imports what checks notebooks without a grammar that it never uses."""

from __future__ import annotations

import contextlib
import functools
import sys

# With JupyterLab's packages installed, jsonschema imports this for addresses in any alphabet, and
# it compiles their grammar for a second. A notebook's schema has no address in it.
GRAMMAR = "rfc3987_syntax"


@functools.cache
def nbformat_comes_quickly() -> None:
    """Call it before the first import of nbformat, papermill or nbconvert."""
    if "jsonschema" in sys.modules or GRAMMAR in sys.modules:
        return
    sys.modules[GRAMMAR] = None  # type: ignore[assignment]
    try:
        with contextlib.suppress(ImportError):
            import jsonschema  # noqa: F401
    finally:
        del sys.modules[GRAMMAR]
