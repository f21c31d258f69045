"""The monthly repurchase review: two names to start from, everything else by Tab."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from repurchase import show
    from repurchase.review import open_review

__all__ = ["open_review", "show"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Loads what is asked for only then, so that the command line starts at once."""
    if name == "open_review":
        return importlib.import_module("repurchase.review").open_review
    if name == "show":
        return importlib.import_module("repurchase.show")
    raise AttributeError(f"module 'repurchase' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
