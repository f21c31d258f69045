"""What every model of a company's parameters is made of: strict, frozen, lists as tuples."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import ErrorDetails

T = TypeVar("T")
Language = Literal["en", "zh-CN"]
LANGUAGES: tuple[Language, ...] = ("en", "zh-CN")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


def _listed(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def one_or_more(value: Any) -> Any:
    """One text or mapping as a tuple of one; a list as a tuple."""
    return (value,) if isinstance(value, str | dict) else _listed(value)


Seq = Annotated[tuple[T, ...], BeforeValidator(_listed)]
OneOrMore = Annotated[tuple[T, ...], BeforeValidator(one_or_more)]
Share = Annotated[float, Field(ge=0, le=1)]
# a text for readers: one for all, or one a language
ReaderText = str | dict[Language, str]


class Strict(BaseModel):
    # what is no number would make a figure of every sum that it enters
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


Days = Annotated[int, Field(ge=1, le=3660)]
# a label of a record's dimensions, which ; and = take apart
Name60 = Annotated[str, Field(min_length=1, max_length=60, pattern=r"^[^\x00-\x1f;=]+$")]
# an expression over a table's columns, parsed, never run
SegmentText = Annotated[str, Field(min_length=1, max_length=2000)]
_UNREADABLE = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def short_name(value: ReaderText) -> ReaderText:
    """The text, if it is a name that fits on a page; ValueError says why not."""
    texts = [value] if isinstance(value, str) else list(value.values())
    if not texts or not all(0 < len(text.strip()) <= 60 for text in texts):
        raise ValueError("must be 1 to 60 characters")
    if any(_UNREADABLE.search(text) for text in texts):
        raise ValueError("must be one line, without marks that control it or turn its direction")
    return value


# a name of 1 to 60 characters on one line, one for all or one a language
ShortName = Annotated[ReaderText, AfterValidator(short_name)]

# by pydantic's type of error, what who writes YAML understands
PLAIN = {
    "finite_number": "must be a finite number",
    "float_type": "must be a number",
    "int_type": "must be a whole number",
    "bool_type": "must be true or false",
    "string_type": "must be text, in quotes where it looks like something else",
    "date_type": "must be a day such as 2025-01-31",
    "tuple_type": "must be a list such as [a, b]",
    "dict_type": "must be a mapping of keys to values",
    "model_type": "must be a mapping of keys to values",
}


PATTERNS = {
    r"^[^\x00-\x1f;=]+$": "must be one line without ; and =",
    r"^[A-Z]{3}$": "must be a code of three capitals such as CNY",
    r"^[A-Z]{2}$": "must be a code of two capitals such as CN",
    r"^[A-Za-z][A-Za-z0-9_]*$": "must be one word of letters, digits and _",
    r"^(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$": "must be a month and a day such as 11-08",
}


def plainly(error: ErrorDetails) -> str:
    """What is wrong with a value, for who wrote it: "must be a list such as [a, b]"."""
    if error["type"] == "string_pattern_mismatch":
        return PATTERNS[error["ctx"]["pattern"]]
    message = error["msg"].removeprefix("Value error, ").replace("Input should", "must")
    return PLAIN.get(error["type"], message)
