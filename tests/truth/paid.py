"""What the review says of a fictitious initiative, as it says it of a company's own."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd
from repurchase.analysis import initiative_flags
from repurchase.analysis.initiative_panel import InitiativePanel, InitiativeWindows
from repurchase.analysis.initiative_rungs import climb
from repurchase.analysis.ladder import Ladder, Rung
from repurchase.calendar import Window
from repurchase.initiatives import Group, Initiative
from repurchase.period import add_months

from truth.programmes import Lived, Programme, live

FIRST = dt.date(2022, 1, 1)
DAY = dt.timedelta(days=1)


@dataclass(frozen=True)
class Judged:
    """The ladder climbed for the margin, and what it may be stood on after the flags."""

    ladder: Ladder
    rung: Rung | None
    truth: float


def judge(programme: Programme, *, seed: int, spilled: bool | None = None) -> Judged:
    """One company read as the chapter reads it; how the shops were chosen nobody says."""
    lived = live(programme, seed=seed)
    panel = panel_of(programme, lived)
    ladder = climb(panel, "margin", spilled=spilled)
    effect = None if ladder.chosen is None else ladder.chosen.effect
    flag = initiative_flags.regression_to_mean(plan_of(panel), panel, "margin", effect)
    refused = bool(flag.refuses and flag.raised)
    return Judged(ladder, None if refused else ladder.chosen, lived.truth)


def panel_of(programme: Programme, lived: Lived) -> InitiativePanel:
    """The shops' months as the chapter counts them."""
    shops, months = lived.margin.shape
    starts = [add_months(FIRST, m) for m in range(months)]
    live_on, end = starts[programme.before], add_months(FIRST, months) - DAY
    ramp = programme.before
    phases = ["before" if m < ramp else "left_out" if m == ramp else "after" for m in range(months)]
    names = [f"S{n:03d}" for n in range(shops)]
    frame = pd.DataFrame({
        "unit": np.repeat(names, months),
        "group": np.repeat(np.where(lived.treated, "treated", "control"), months),
        "start": starts * shops,
        "phase": phases * shops,
        "members": lived.members.ravel(),
        "margin": lived.margin.ravel(),
    })  # fmt: skip
    told = InitiativeWindows(
        Window(FIRST, live_on - DAY), Window(starts[ramp + 1], end), live_on, end, "month"
    )
    return InitiativePanel(frame, told, "store_id", True)


def plan_of(panel: InitiativePanel) -> Initiative:
    """The shops by name; the profile does not say how they were chosen."""
    frame = panel.frame
    mine = sorted(set(frame.loc[frame["group"] == "treated", "unit"]))
    return Initiative(
        id="programme", name="Programme", go_live=panel.windows.go_live, ramp_up_days=31,
        treated=Group(labels=tuple(mine)),
    )  # fmt: skip
