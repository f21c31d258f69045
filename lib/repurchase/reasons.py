"""Why a figure is missing or must be read with care: one list of sentences.

A record keeps the English sentence, so that other programs can read it; a reader gets it in the
pack's language, found again by its template.
"""

from __future__ import annotations

import datetime as dt
import functools
import re
from typing import TYPE_CHECKING

from repurchase.words import N_

if TYPE_CHECKING:
    from repurchase.words import Words

NOBODY = N_("nobody to count in the period")
NOBODY_JOINED = N_("nobody joined from {first} to {last}")
NOBODY_THEN = N_("nobody to count in the comparison window")
ONE_CUSTOMER = N_("one customer alone has no interval")
TOO_FEW = N_("fewer than {fewest} customers in one of the two windows")
NO_VARIATION = N_("no variation among customers, so no interval")
BEGINS_LATER = N_("the data begin on {day}, after the comparison window begins")
NO_EARLIER = N_("the data begin on {day}: there is no earlier order to return from")
IN_ACTIVITY_WINDOW = N_("the data begin on {day}, within the activity window of {months} months")
NOT_RIPE = N_("the data begin on {day}: no first order is {days} days old")
COHORT_NOT_FULL = N_(
    "the data begin on {day}: the comparison's first orders do not fill {months} months"
)
SHORT_HISTORY = N_("only {months} months of history: the share rises with its length alone")
ALL_HISTORY = N_("counts all history: the share rises with its length alone")
MAYBE_OLDER = N_("some first orders may be returns of customers older than the data")
PARTIAL = N_("the period has run {done} of {days} days")
MOVED_EVERYWHERE = N_("no store or channel has kept its identified share")
NO_MONEY = N_("no amount is mapped in the orders")
NOT_YET = N_("the window has not ended")
NO_TABLE = N_("the profile names no source for {table}")

ALL = tuple(v for name, v in sorted(globals().items()) if name.isupper() and isinstance(v, str))


def reason(template: str, **values: object) -> str:
    """The English sentence of a record; the template must be one of this list."""
    if template not in ALL:
        raise ValueError(f"{template!r} is not in repurchase.reasons")
    return template.format(**values)


def worded(words: Words, text: str) -> str:
    """The sentence in the reader's language; as it stands if it is nobody's template."""
    for template, pattern in _patterns():
        match = pattern.fullmatch(text)
        if match:
            values = match.groupdict()
            if "day" in values:
                values["day"] = words.day(dt.date.fromisoformat(values["day"]))
            return words._(template, **values)
    return text


@functools.cache
def _patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    found = []
    for template in ALL:
        parts = re.split(r"\{(\w+)\}", template)
        text = "".join(
            f"(?P<{part}>.+?)" if i % 2 else re.escape(part) for i, part in enumerate(parts)
        )
        found.append((template, re.compile(text)))
    return tuple(found)
