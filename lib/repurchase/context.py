"""What a result carries along so that it can be drawn and worded without asking again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from repurchase.params import Params
from repurchase.period import Period
from repurchase.words import Words

if TYPE_CHECKING:
    from repurchase.analysis.windows import Windows

RUN = "REPURCHASE_RUN"  # path of the press's run file; absent in the lab
CHAPTER = "REPURCHASE_CHAPTER"  # the name under which a notebook records
PRINT_ONLY = "REPURCHASE_PRINT_ONLY"  # set where only a PDF is made, which needs no second picture


@dataclass(frozen=True)
class Context:
    """The company, the period and the reader's language.

    `sample` is the share of the customers that was looked at, None for all of them.
    """

    params: Params
    period: Period
    windows: Windows
    words: Words
    sample: float | None = None

    @property
    def currency(self) -> str:
        return self.params.profile.currency
