"""What an attempt asks: an initiative's plan with other windows or groups, and whether it answers.

The same question has the same words, however it is put: a list in another order, a set, a label
twice, or what the plan says anyhow.
"""

from __future__ import annotations

import difflib
import reprlib
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from pydantic import ValidationError

from repurchase.analysis.initiative_reading import Reading
from repurchase.errors import ParameterError
from repurchase.initiatives import Initiative
from repurchase.lab.names import nearest
from repurchase.period import Period
from repurchase.strict import plainly

WHERE = "review.roi_before_after.attempt"
_DAYS = "whole days, 0 to 366"
_MONTHS = "whole months, 1 to 60, or None for all that the data have"
_LABELS = 'labels of the unit: ["S001", "S003"], or a single one: "S001"'
# what an attempt may say otherwise than the profile, and how it is said
OPTIONS = {
    "go_live": "a day: datetime.date(2025, 2, 1)",
    "ramp_up_days": _DAYS,
    "anticipation_days": _DAYS,
    "before_months": _MONTHS,
    "after_months": _MONTHS,
    "step": '"month" or "week"',
    "outcome": '"margin", "revenue" or "orders"',
    "treated": _LABELS,
    "controls": _LABELS,
    "except_for": _LABELS,
}
GROUPS = ("treated", "controls")
LABELLED = (*GROUPS, "except_for")
MOST_SHOWN = 30
LISTS = (list, tuple, set, frozenset, pd.Series, pd.Index)


def otherwise(plan: Initiative, other: Mapping[str, Any]) -> Initiative:
    """The plan with what is to be tried instead.

    Raises ParameterError for an option that there is not, a value that it cannot have, and a plan
    that contradicts itself.
    """
    told = {name: _given(name, value) for name, value in other.items()}
    try:
        # as Python objects: JSON would turn days into text, which a strict model refuses
        return Initiative.model_validate({**plan.model_dump(exclude_unset=True), **told})
    except ValidationError as error:
        first = error.errors()[0]
    option = str(first["loc"][0]) if first["loc"] else ""
    if option in other:
        shown = reprlib.repr(other[option])
        raise _refused(option, f"{option} == {shown}: {plainly(first)}") from None
    raise ParameterError(
        f"no plan can be so: {plainly(first)}",
        where=f"{WHERE}, {', '.join(other)}",
        rule="an attempt is the profile's plan with these options instead",
        remedy="change the option, or give the other one of the two too",
    ) from None


def _given(name: str, value: Any) -> Any:
    if name not in OPTIONS:
        raise ParameterError(
            f"an attempt has no option {name!r}",
            where=WHERE,
            rule="all else is as the profile says",
            remedy=nearest(name, OPTIONS, before=""),
        )
    if name not in LABELLED:
        return value
    labels = (value,) if isinstance(value, str) else value
    if not isinstance(labels, LISTS):
        raise _refused(name, f"{name} == {reprlib.repr(value)}: must be a list of labels")
    wrong = [label for label in labels if not isinstance(label, str)]
    if wrong:
        raise _refused(name, f"{name} has {wrong[0]!r}, which is no text")
    if name in GROUPS and not len(labels):
        raise _refused(name, f"{name} has no label")
    ordered = tuple(sorted({str(label) for label in labels}))
    return {"labels": ordered} if name in GROUPS else ordered


def _refused(option: str, what: str) -> ParameterError:
    return ParameterError(
        what,
        where=f"{WHERE}, {option}",
        rule=f"{option} is {OPTIONS[option]}",
        remedy=f"give {option} so, or leave it out: then the profile's holds",
    )


def question(plan: Initiative, tried: Initiative) -> dict[str, Any]:
    """The options in which what is tried is other than the plan; empty: it is the plan itself."""
    return {
        name: _said(name, getattr(tried, name))
        for name in OPTIONS
        if _said(name, getattr(tried, name)) != _said(name, getattr(plan, name))
    }


def _said(name: str, value: Any) -> Any:
    if name not in LABELLED:
        return value
    labels = value.labels if name in GROUPS and value is not None else value
    return None if labels is None else tuple(sorted(set(labels)))


def check_begun(tried: Initiative, period: Period) -> None:
    """Raises ParameterError if what is tried begins after the period's end."""
    if tried.go_live > period.end:
        raise ParameterError(
            f"go_live == {tried.go_live}: the period ends on {period.end}",
            where=f"{WHERE}, go_live",
            rule="what has not begun has changed nothing yet; it is not written down as tried",
            remedy=f"a day up to {period.end}, or a later period",
        )


def check_answered(found: Reading, asked: Mapping[str, Any]) -> None:
    """Raises ParameterError if nobody has a label that was asked for, or no data tell of it."""
    known = sorted(u for u in set(found.panel.frame["unit"]) if u)
    for name in LABELLED:
        wrong = [label for label in asked.get(name) or () if label not in known]
        if known and wrong:
            raise ParameterError(
                f"no customer has the {found.plan.unit} {wrong[0]!r}",
                where=f"{WHERE}, {name}",
                rule="each label is one of the unit; it is not written down as tried",
                remedy=_nearest_label(wrong[0], known),
            )
    side = _empty(found)
    if side is not None:
        raise ParameterError(
            f"the data hold no whole {found.plan.step} of the treated {side} the go-live that is"
            " tried",
            where=f"{WHERE}, {', '.join(asked)}",
            rule="without both windows there is nothing to read; it is not written down as tried",
            remedy=_days(found),
        )


def _nearest_label(label: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(label, known, 1, 0.5)
    hint = f"did you mean {near[0]}? " if near else ""
    more = len(known) - MOST_SHOWN
    shown = ", ".join(known[:MOST_SHOWN]) + (f" and {more} more" if more > 0 else "")
    return f"{hint}there are: {shown}"


def _empty(found: Reading) -> str | None:
    """Which window has no customers of the treated."""
    frame = found.panel.frame
    own = frame[(frame["group"] == "treated") & (frame["members"] > 0)]
    phases: Sequence[str] = ("before", "after")
    return next((phase for phase in phases if not (own["phase"] == phase).any()), None)


def _days(found: Reading) -> str:
    told = found.panel.windows
    return (
        f"a go-live well before {told.seen_until}, the last day that is seen, and after the first"
        " orders; fewer ramp_up_days or anticipation_days"
    )
