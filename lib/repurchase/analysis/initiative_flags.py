"""What could make an initiative's figures say something else than they seem to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

FlagName = Literal[
    "regression_to_mean", "chosen_unknown", "anticipation", "spill_over", "other_initiatives",
    "incomplete_after", "mix_change", "identification_change", "costs_missing", "tries",
]  # fmt: skip


@dataclass(frozen=True)
class Flag:
    """One warning. `raised` False: looked for and not found; None: cannot be told.

    `values` fill the sentence: shares, counts, days, names. `refuses` says that no rung may be
    stood on while it is raised.
    """

    name: FlagName
    raised: bool | None
    values: Mapping[str, float | str | None] = field(default_factory=dict)
    refuses: bool = False
