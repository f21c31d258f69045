"""What every bench can do: ask once, remember the answer and the SQL, name the nearest method."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import ibis

from repurchase.errors import UnknownNameError
from repurchase.lab.names import nearest
from repurchase.records import Result

if TYPE_CHECKING:
    from repurchase.review import Review


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
    the engine ran for it. A bench lives as long as its review, so as long as its snapshot.
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
    @functools.wraps(method)
    def asked(self: Bench, *args: Any, **options: Any) -> Any:
        key = (method.__name__, args, tuple(sorted(options.items())))
        if key not in self._answers:
            said: list[str] = []
            with logging(said.append):
                found = method(self, *args, **options)
            if isinstance(found, Result) and found.sql is None and said:
                found = replace(found, sql=";\n\n".join(said))
            self._answers[key] = found
        return self._answers[key]

    return asked
