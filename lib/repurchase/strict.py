"""What every model of a company's parameters is made of: strict, frozen, lists as tuples."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

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
Name60 = Annotated[str, Field(min_length=1, max_length=60, pattern=r"^[^\x00-\x1f;=]+$")]
# an expression over a table's columns, parsed, never run
SegmentText = Annotated[str, Field(min_length=1, max_length=2000)]
