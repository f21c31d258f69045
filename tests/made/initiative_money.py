"""An initiative whose money can be reckoned with a pencil.

1,000 treated members a month, eight months after a month of ramp-up, 2.5 a member and month more:
20,000. It cost 9,200 to build and 400 of software a month since the go-live: 12,800 in nine months.
"""

import datetime as dt
from typing import Any

import pandas as pd
from repurchase.analysis.initiative_costs import BOOKED, Accounts
from repurchase.analysis.initiative_money import InitiativeMoney, money
from repurchase.analysis.initiative_panel import InitiativePanel, InitiativeWindows
from repurchase.analysis.ladder import Gate, Ladder, Rung
from repurchase.calendar import Window
from repurchase.initiatives import Initiative
from repurchase.period import Period
from repurchase.stats.panel import Effect

GO_LIVE = dt.date(2025, 1, 1)
UNTIL = dt.date(2025, 9, 30)
AFTER = Window(dt.date(2025, 2, 1), UNTIL)
COLUMNS = ["unit", "group", "start", "phase", "members", "orders", "revenue", "margin", "buyers",
           "newcomers", "identified", "all_orders"]  # fmt: skip


def effect(value: float, half: float) -> Effect:
    """An effect whose interval reaches `half` to either side."""
    return Effect(value, value - half, value + half, half / 1.96, None)


def plan_of(**told: Any) -> Initiative:
    """Live on GO_LIVE in one store of two, for three years."""
    given = {"id": "x", "name": "X", "go_live": GO_LIVE, "ramp_up_days": 31,
             "treated": {"labels": ["S1"]}, "controls": {"labels": ["S2"]}}  # fmt: skip
    return Initiative(**{**given, **told})


def panel_of(*, margin_known: bool = True, after: Window | None = AFTER) -> InitiativePanel:
    """20,000 of revenue and 8,000 of margin a store and month, of 1,000 members."""
    rows = []
    for number in range(21):
        start = Period.parse("2024-01").shifted(number).start
        phase = "before" if start < GO_LIVE else "left_out" if start == GO_LIVE else "after"
        for unit, group in (("S1", "treated"), ("S2", "control")):
            rows.append((unit, group, start, phase, 1000, 100, 20_000.0, 8_000.0, 80, 10, 9, 10))
    windows = InitiativeWindows(
        Window(dt.date(2024, 1, 1), dt.date(2024, 12, 31)), after, GO_LIVE, UNTIL, "month"
    )
    return InitiativePanel(pd.DataFrame(rows, columns=COLUMNS), windows, "store_id", margin_known)


def ladder_of(outcome: str, told: Effect | None, change: Effect | None, **given: Any) -> Ladder:
    """A naive change, and a difference that stands if it is told."""
    rungs = (Rung("naive", change), Rung("difference", told, (Gate("pre_trend", True),)))
    values = {"exposure": 8_000.0, "members": 1_000.0, "units_treated": 1, "units_control": 1,
              "periods_before": 12, "periods_after": 8}  # fmt: skip
    return Ladder(outcome, rungs, **{**values, **given})


def booked_of(*rows: tuple[Any, ...]) -> pd.DataFrame:
    """The build and nine months of software, and whatever else is told."""
    months = [Period.parse("2025-01").shifted(k) for k in range(9)]
    found = [
        (dt.date(2024, 10, 1), dt.date(2024, 12, 31), "build", 9_200.0, False, None, None),
        *((m.start, m.end, "software", 400.0, True, None, None) for m in months),
        *rows,
    ]
    frame = pd.DataFrame([("x", *row) for row in found], columns=BOOKED)
    return frame.astype({"amount": float, "hours": float, "hourly_rate": float})


def money_of(plan: Initiative | None = None, **told: Any) -> InitiativeMoney:
    """The money of it: effect 2.5 (1 to 4), naive change 3.75, revenue's effect 6."""
    given: dict[str, Any] = {
        "ladders": {
            "margin": ladder_of("margin", effect(2.5, 1.5), effect(3.75, 2.0)),
            "revenue": ladder_of("revenue", effect(6.0, 3.0), effect(9.0, 4.0)),
        },
        "refused": False,
        "panel": panel_of(),
        "booked": booked_of(),
        "accounts": Accounts(AFTER, 900_000.0, 0.001),
    }
    return money(plan or plan_of(), **{**given, **told})
