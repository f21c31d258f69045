"""What a result carries along so that it can be drawn and worded without asking again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from repurchase.params import Params
from repurchase.period import Period
from repurchase.words import Words

if TYPE_CHECKING:
    from repurchase.analysis.windows import Windows


@dataclass(frozen=True)
class Context:
    """The company, the period and the reader's language."""

    params: Params
    period: Period
    windows: Windows
    words: Words

    @property
    def currency(self) -> str:
        return self.params.profile.currency
