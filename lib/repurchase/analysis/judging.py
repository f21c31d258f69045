"""Which of many changes stand among all that are looked at."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from repurchase.stats.multiplicity import benjamini_hochberg, p_of_interval

FALSE_DISCOVERIES = 0.05
STANDS, EXPLORATORY = "stands", "exploratory"


def judged(frame: pd.DataFrame, outcomes: tuple[str, ...]) -> pd.DataFrame:
    """The frame with `_p` adjusted over all changes of all outcomes together, and `_mark`.

    It has `<outcome>_change`, `_change_low` and `_change_high`, missing where nothing is compared.
    Benjamini and Hochberg's p-values; the mark is "stands" below 5 % among all, "exploratory" if
    only the single interval leaves 0 out, "" otherwise.
    """
    frame = frame.copy()
    family: list[tuple[Any, str, float]] = []
    for outcome in outcomes:
        parts = [f"{outcome}_{p}" for p in ("change", "change_low", "change_high")]
        frame[f"{outcome}_p"], frame[f"{outcome}_mark"] = np.nan, ""
        for index, change, low, high in frame[parts].itertuples(name=None):
            if low < high:
                family.append((index, outcome, p_of_interval(change, low, high)))
    adjusted = benjamini_hochberg([p for _, _, p in family])
    for (index, outcome, single), p in zip(family, adjusted, strict=True):
        frame.loc[index, f"{outcome}_p"] = p
        mark = STANDS if p < FALSE_DISCOVERIES else ""
        if not mark and single < FALSE_DISCOVERIES:
            mark = EXPLORATORY
        frame.loc[index, f"{outcome}_mark"] = mark
    return frame
