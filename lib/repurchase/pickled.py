"""Answers as bytes and back: pickles in which nothing but plain data can stand.

A pickle names what it is rebuilt with, and Python calls whatever is named. Here only what this
module lists is: frames and arrays, dates and decimals, and the library's own dataclasses, named
tuples and parameters. What holds anything else (a lazy table, a function) is refused when it is
written, and a file that names anything else when it is read, before anything is called.
"""

from __future__ import annotations

import importlib
import io
import pickle
from dataclasses import is_dataclass
from typing import Any, Protocol

from repurchase.context import Context
from repurchase.strict import Strict

PROTOCOL = 5
KNOWN = {
    "builtins": {"bytearray", "complex", "frozenset", "range", "set", "slice"},
    "datetime": {"date", "datetime", "time", "timedelta", "timezone"},
    "decimal": {"Decimal"},
    "numpy": {"dtype", "ndarray"},
    "numpy._core.multiarray": {"_reconstruct", "scalar"},
    "numpy._core.numeric": {"_frombuffer"},
    "pandas": {
        "BooleanDtype", "Categorical", "CategoricalDtype", "CategoricalIndex", "DataFrame",
        "DatetimeIndex", "Float64Dtype", "Index", "Int64Dtype", "MultiIndex", "NA", "RangeIndex",
        "Series", "StringDtype",
    },
    "pandas.arrays": {
        "ArrowStringArray", "BooleanArray", "DatetimeArray", "FloatingArray", "IntegerArray",
        "StringArray", "TimedeltaArray",
    },
    "pandas._libs.arrays": {"__pyx_unpickle_NDArrayBacked"},
    "pandas._libs.internals": {"_unpickle_block"},
    "pandas._libs.tslibs.nattype": {"_nat_unpickle"},
    "pandas._libs.tslibs.timedeltas": {"_timedelta_unpickle"},
    "pandas._libs.tslibs.timestamps": {"_unpickle_timestamp"},
    "pandas.core.indexes.base": {"_new_Index"},
    "pandas.core.indexes.datetimes": {"_new_DatetimeIndex"},
    "pandas.core.internals.managers": {"BlockManager", "SingleBlockManager"},
    "pyarrow.lib": {"_restore_array", "py_buffer", "type_for_alias"},
}  # fmt: skip
OURS = "repurchase"


class ForeignError(pickle.PickleError):
    """Something stands in it that no answer of ours holds."""


class Writable(Protocol):
    """Whatever bytes can be written to."""

    def write(self, content: Any, /) -> Any: ...


def write(value: Any, file: Writable, context: Context) -> None:
    """Writes the value; of a context only that it is this one.

    Raises ForeignError, or what pickling raises, if it cannot be read back by `read`.
    """
    _Writer(file, context).dump(value)


def read(content: bytes, context: Context) -> Any:
    """The value that was written, with this context in it. Raises ForeignError or what else a
    damaged pickle leads to."""
    return _Reader(io.BytesIO(content), context).load()


class _Writer(pickle.Pickler):
    def __init__(self, file: Writable, context: Context) -> None:
        super().__init__(file, protocol=PROTOCOL)
        self._context = context

    def reducer_override(self, value: Any) -> Any:
        if value is self._context:
            return _the_context, ()
        if isinstance(value, Context):
            raise ForeignError("the context of another review")
        named = getattr(value, "__qualname__", None) if callable(value) else None
        if named is not None and value is not _the_context:
            _check(value.__module__, named, value)
        return NotImplemented


class _Reader(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, context: Context) -> None:
        super().__init__(file)
        self._context = context

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == (__name__, _the_context.__name__):
            return lambda: self._context
        if not _listed(module, name) and module.partition(".")[0] != OURS:
            raise ForeignError(f"{module}.{name}")
        found = getattr(importlib.import_module(module), name)
        _check(module, name, found)
        return found


def _the_context() -> Context:
    """Stands in a file for the context; whoever reads it puts in his own."""
    raise ForeignError("a context outside of an answer")


def _listed(module: str, name: str) -> bool:
    return name in KNOWN.get(module, ())


def _check(module: str, name: str, found: Any) -> None:
    """Raises ForeignError unless it is listed, or holds data of the library and nothing else."""
    ours = module.partition(".")[0] == OURS and "." not in name and isinstance(found, type)
    if ours and (is_dataclass(found) or issubclass(found, tuple | Strict)):
        return
    if not _listed(module, name):
        raise ForeignError(f"{module}.{name}")
