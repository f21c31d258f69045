"""What every bench can do: ask once, remember the answer and the SQL, name the nearest method."""

from __future__ import annotations

import datetime as dt
import functools
import inspect
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any

import ibis
import pandas as pd

from repurchase.answers import MISSING
from repurchase.errors import UnknownNameError
from repurchase.lab.names import nearest
from repurchase.records import Result
from repurchase.strict import Strict

if TYPE_CHECKING:
    from repurchase.review import Review

PLAIN = (str, int, float, bool, dt.date, type(None))
_asking: ContextVar[bool] = ContextVar("asking", default=False)


@contextmanager
def logging(to: Callable[[str], None] | None) -> Iterator[None]:
    """Ibis tells that function each query it sends, as it sends it; None: nobody."""
    before = ibis.options.verbose, ibis.options.verbose_log
    ibis.options.verbose, ibis.options.verbose_log = to is not None, to
    try:
        yield
    finally:
        ibis.options.verbose, ibis.options.verbose_log = before


def unwatched() -> AbstractContextManager[None]:
    """Queries of the house that no result should show."""
    return logging(None)


def unknown(name: str, owner: object, called: str) -> UnknownNameError:
    """The error for a name that the owner does not have, with the nearest that it has."""
    known = [n for n in dir(owner) if not n.startswith("_")]
    return UnknownNameError(
        f"{called} has no {name!r}", remedy=nearest(name, known, before=f"{called}.")
    )


class Bench:
    """Analyses of one subject, bound to a review's tables.

    Every public method is asked once for the same arguments, and its result carries the SQL that
    the engine ran for it. A bench lives as long as its review, so as long as its snapshot; where
    the review keeps answers on disk (see `repurchase.answers`) they outlive both, so a public
    method depends on nothing but the review and its own arguments. What is handed out can be
    changed without changing what is known.
    """

    def __init_subclass__(cls) -> None:
        for name, method in list(vars(cls).items()):
            if callable(method) and not name.startswith("_"):
                setattr(cls, name, _asked_once(method))

    def __init__(self, review: Review) -> None:
        self._review = review
        self._params = review.params.profile
        self._answers: dict[Any, Any] = {}

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        raise unknown(name, self, f"review.{type(self).__name__.removesuffix('Bench').lower()}")

    def _result(self, result: Result) -> Result:
        return self._review.result(result)


def _asked_once(method: Callable[..., Any]) -> Callable[..., Any]:
    signature = inspect.signature(method)

    @functools.wraps(method)
    def asked(self: Bench, *args: Any, **options: Any) -> Any:
        try:
            given = signature.bind(self, *args, **options)
        except TypeError:
            return method(self, *args, **options)  # says it in its own words
        given.apply_defaults()
        key = (method.__name__, *list(given.arguments.items())[1:])
        inner, token = _asking.get(), _asking.set(True)
        try:
            if key not in self._answers:
                self._answers[key] = _known_or_found(self, key, method, given)
        finally:
            _asking.reset(token)
        found = self._answers[key]
        return found if inner else _handed_out(found)

    return asked


def _known_or_found(
    bench: Bench, key: tuple[Any, ...], method: Callable[..., Any], given: inspect.BoundArguments
) -> Any:
    """The answer that was kept, or the one that is found now and kept."""
    kept = bench._review.answers
    question = _question(bench, key) if kept else None
    if kept is None or question is None:
        return _found(method, given)
    answer = kept.take(question)
    if answer is MISSING:
        answer = _found(method, given)
        kept.keep(question, answer)
    return answer


def _found(method: Callable[..., Any], given: inspect.BoundArguments) -> Any:
    said: list[str] = []
    with logging(said.append):
        found = method(*given.args, **given.kwargs)
    if isinstance(found, Result) and found.sql is None and said:
        found = replace(found, sql=";\n\n".join(said))
    return found


def _question(bench: Bench, key: tuple[Any, ...]) -> str | None:
    """Bench, method and arguments as text; None where an argument cannot be told in words."""
    try:
        given = ", ".join(f"{name}={_told(value)}" for name, value in key[1:])
    except TypeError:
        return None
    return f"{type(bench).__name__}.{key[0]}({given})"


def _told(value: Any) -> str:
    """All that a value holds; TypeError if that is more than plain values."""
    if isinstance(value, PLAIN):
        return repr(value)
    name = type(value).__qualname__
    if isinstance(value, Strict):
        return f"{name}{value.model_dump_json()}"
    if isinstance(value, tuple):
        return f"{name}({', '.join(map(_told, value))})"
    if is_dataclass(value) and not isinstance(value, type):
        held = (f"{one.name}={_told(getattr(value, one.name))}" for one in fields(value))
        return f"{name}({', '.join(held)})"
    raise TypeError(name)


def _handed_out(answer: Any) -> Any:
    """The answer with frames that share their data until somebody writes to them."""
    if isinstance(answer, pd.DataFrame):
        return answer.copy(deep=False)
    if isinstance(answer, Result) and isinstance(answer.frame, pd.DataFrame):
        return replace(answer, frame=answer.frame.copy(deep=False))
    return answer
