"""What a user can do wrong, and what the data can do wrong.

    ReviewError                 anything that is told to a user without a traceback
    +-- UsageError              the command line                                (exit 2)
    +-- ParameterError          a profile, a period file, a notebook's parameters  (exit 2)
    +-- UnknownNameError        a name after a dot that nothing here has; an AttributeError too
    +-- SourceError             a file or package that cannot be read            (exit 1)
    +-- DataError               data that were read and must not be reported     (exit 1)
    +-- ChapterError            a notebook that did not run to its end           (exit 1)
    +-- PressError              a pack that could not be bound or put in place   (exit 1)

Checked at the border, trusted inside: a function deep in `stats` raises `ValueError`.
"""

from __future__ import annotations

from typing import TypedDict

from repurchase.scrub import scrubbed

# how each part of an error begins on its line; `what` is all before the first of them
BEFORE = {"where": "  where: ", "rule": "  rule:  ", "remedy": "  to do: "}


class Parts(TypedDict):
    """What an error says, part by part; an empty text where it says nothing."""

    what: str
    where: str
    rule: str
    remedy: str


class ReviewError(Exception):
    """Something a user can mend: what, where, which rule, what to do; no secret in any of it."""

    exit_code = 1

    def __init__(self, what: str, *, where: str = "", rule: str = "", remedy: str = "") -> None:
        self.what, self.where = scrubbed(what), scrubbed(where)
        self.rule, self.remedy = scrubbed(rule), scrubbed(remedy)
        super().__init__(str(self))

    def __str__(self) -> str:
        told = ((before, str(getattr(self, name))) for name, before in BEFORE.items())
        return "\n".join([self.what, *(before + text for before, text in told if text)])


class UsageError(ReviewError):
    """The command line is wrong."""

    exit_code = 2


class ParameterError(ReviewError):
    """A profile, period file or notebook parameter is wrong."""

    exit_code = 2


class UnknownNameError(ReviewError, AttributeError):
    """A result, table or metric that is not there."""


class SourceError(ReviewError):
    """A file or package that cannot be read as what the profile says it is."""


class DataError(ReviewError):
    """Data that were read, and must not be reported as they are."""


class ChapterError(ReviewError):
    """A notebook that did not run to its end."""


class PressError(ReviewError):
    """A pack that could not be bound or put in its place."""


def told_elsewhere(name: str, text: str) -> Parts | None:
    """What an error said in another process, by its class's name and text; None if not one of ours.

    Others have a DataError too: of ours is what says where, by which rule or what to do.

    >>> told_elsewhere("DataError", "no rows\\n  to do: add some")["remedy"]
    'add some'
    """
    known = globals().get(name)
    if not (isinstance(known, type) and issubclass(known, ReviewError)):
        return None
    found, at = Parts(what="", where="", rule="", remedy=""), "what"
    for line in text.splitlines():
        begun = next((part for part, before in BEFORE.items() if line.startswith(before)), None)
        at, said = (begun, line[len(BEFORE[begun]) :]) if begun else (at, line)
        found[at] = "\n".join(filter(None, [found[at], said]))  # type: ignore[literal-required]
    return found if found["where"] or found["rule"] or found["remedy"] else None
