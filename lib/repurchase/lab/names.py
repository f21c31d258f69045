"""Names after a dot: definitions by Tab, and the nearest right name for a wrong one."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from repurchase.definitions import METRICS
from repurchase.errors import UnknownNameError
from repurchase.words import N_, Words

UNITS = {
    "share": N_("share, 0 to 1"),
    "count": N_("count"),
    "money": N_("money in the reporting currency"),
    "days": N_("days"),
    "ratio": N_("ratio"),
    "score": N_("score"),
}


def nearest(name: str, known: Iterable[str], *, before: str) -> str:
    """What to write instead: the nearest of the names, and all of them."""
    names = list(known)
    near = difflib.get_close_matches(name, names, 1, 0.5)
    hint = f"did you mean {before}{near[0]}? " if near else ""
    return f"{hint}there are: {', '.join(names)}"


@dataclass(frozen=True)
class Definition:
    """What a printed figure means, in the reader's language."""

    id: str
    name: str
    formula: str
    numerator: str
    denominator: str
    unit: str
    version: int

    def __repr__(self) -> str:
        below = f" / {self.denominator}" if self.denominator else ""
        return f"{self.name} ({self.id}, {self.unit})\n{self.formula}\n{self.numerator}{below}"


class Definitions:
    """Every metric by its id: `review.definitions.returning_buyer_share.formula`."""

    def __init__(self, words: Words) -> None:
        self._words = words

    def __dir__(self) -> list[str]:
        return sorted(METRICS)

    def __repr__(self) -> str:
        return "\n".join(f"{name:<32} {self[name].name}" for name in METRICS)

    def __getitem__(self, name: str) -> Definition:
        if name not in METRICS:
            raise UnknownNameError(
                f"there is no metric {name!r}",
                remedy=nearest(name, sorted(METRICS), before="review.definitions."),
            )
        metric, say = METRICS[name], self._words._
        return Definition(
            name,
            say(metric.name),
            say(metric.formula),
            say(metric.numerator),
            say(metric.denominator),
            say(UNITS[metric.unit]),
            metric.version,
        )

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return self[name]
