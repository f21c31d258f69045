"""Initiatives read by hand: what a chapter would have been told, without reading a company."""

import datetime as dt
from typing import Any

import pandas as pd
from repurchase.analysis.initiative_flags import Flag
from repurchase.analysis.initiative_money import InitiativeMoney, money
from repurchase.analysis.initiative_panel import InitiativePanel, InitiativeWindows
from repurchase.analysis.initiative_reading import Former, Learn, Reading
from repurchase.analysis.ladder import CHANGES, RUNGS, Gate, Ladder, Rung
from repurchase.calendar import Window
from repurchase.initiatives import Initiative
from repurchase.stats.panel import Effect

GO_LIVE = dt.date(2025, 1, 1)
SEEN = dt.date(2025, 9, 30)
TABLE = (
    # metric, unit, before, after, half of the interval
    ("repurchase_90d", "share", 0.308, 0.341, 0.012),
    ("average_repeat_order", "money", 412.0, 405.0, 9.0),
    ("member_margin", "money", 30.0, 35.1, 0.9),
    ("customer_value_revenue", "money", 842.0, 901.0, 31.0),
    ("customer_value_net", "money", 731.0, 779.0, 30.0),
    ("churn", "share", 0.224, 0.198, 0.010),
    ("activity", "count", 1.71, 2.02, 0.06),
    ("satisfaction", "score", 4.12, 4.16, 0.07),
    ("cost_to_serve", "money", 11.2, 12.9, 0.5),
)


def effect(value: float, se: float, p: float | None = 0.01) -> Effect:
    """An effect with its interval of two errors."""
    return Effect(value, value - 2 * se, value + 2 * se, se, p)


def plan_of(id: str = "x", **told: Any) -> Initiative:
    """A system that went live on GO_LIVE, in half of the stores."""
    given = {
        "id": id,
        "name": "Repurchase-tracking system",
        "kind": "system",
        "go_live": GO_LIVE,
        "ramp_up_days": 31,
        "treated": {"labels": ["S1", "S3"]},
        "controls": {"labels": ["S2", "S4"]},
        "chosen_by": "list",
        "target_roi": 0.3,
        "costs": {
            "planned": [
                {"category": "build", "amount": 26_000, "start": GO_LIVE},
                {"category": "training", "amount": 7_000, "start": GO_LIVE},
                {"category": "software", "amount": 3_000, "start": GO_LIVE, "monthly": True},
            ],
            "uncertainty": 0.1,
        },
        "persistence": {"low": 0.97, "likely": 0.99, "high": 1.0},
        "promised": {"roi": 0.8, "payback_months": 18, "by": dt.date(2026, 12, 31)},
    }
    return Initiative(**{**given, **told})


def table_of() -> pd.DataFrame:
    """Nine figures of the treated and of the controls; churn is not ripe yet."""
    rows = []
    for group, moved in (("treated", 1.0), ("control", 0.3)):
        for metric, unit, before, last, half in TABLE:
            after = before + moved * (last - before)
            change = after - before
            season = before + 0.2 * (last - before)
            row = {
                "metric": metric, "unit": unit, "group": group,
                "before": before, "before_low": before - half, "before_high": before + half,
                "before_n": 5210, "after": after, "after_low": after - half,
                "after_high": after + half, "after_n": 4884, "change": change,
                "change_low": change - 1.4 * half, "change_high": change + 1.4 * half,
                "relative": change / before, "year_ago": season, "year_ago_n": 4630,
                "season_change": after - season, "season_low": after - season - 1.4 * half,
                "season_high": after - season + 1.4 * half, "readable_from": None,
                "reason": None,
            }  # fmt: skip
            if metric == "churn":
                late = [k for k in row if k.startswith(("after", "change", "season_"))]
                row |= dict.fromkeys((*late, "relative"))
                row["readable_from"] = dt.date(2025, 12, 29)
            rows.append(row)
    return pd.DataFrame(rows)


def ladder_of(
    effects: dict[str, tuple[float, float]] | None = None,
    refused: dict[str, tuple[Gate, ...]] | None = None,
    details: dict[str, dict[str, Any]] | None = None,
    **told: Any,
) -> Ladder:
    """Rungs with these values and errors; a rung in `refused` has the gates given there."""
    if effects is None:
        effects = {
            "naive": (5.1, 0.6), "season": (4.2, 0.7), "difference": (2.1, 0.5),
            "synthetic_control": (2.3, 0.8), "structural": (1.8, 0.9),
            "synthetic_difference": (2.2, 0.5),
        }  # fmt: skip
    rungs = []
    for name in RUNGS:
        if name not in effects:
            rungs.append(Rung(name, None, reason="nobody was left without the initiative"))
            continue
        gates = (refused or {}).get(name, ())
        if not gates and name not in CHANGES:
            gates = (Gate("pre_trend", True, 0.41, 0.05, 24), Gate("placebo_dates", True, 0.2, 0.4))
        rungs.append(
            Rung(name, effect(*effects[name]), gates, detail=(details or {}).get(name, {}))
        )
    given = {"exposure": 40_000.0, "members": 5_400.0, "units_treated": 11, "units_control": 9,
             "periods_before": 24, "periods_after": 8}  # fmt: skip
    return Ladder(outcome="margin", rungs=tuple(rungs), **{**given, **told})


def windows_of(**told: Any) -> InitiativeWindows:
    """Two years before, eight months after, January left out."""
    given = {
        "before": Window(dt.date(2023, 1, 1), dt.date(2024, 12, 31)),
        "after": Window(dt.date(2025, 2, 1), SEEN), "go_live": GO_LIVE, "seen_until": SEEN,
        "step": "month",
    }  # fmt: skip
    return InitiativeWindows(**{**given, **told})


def panel_of(**told: Any) -> InitiativePanel:
    """One treated and one other shop of 5,000 customers each, 33 months: 30 of margin a month."""
    starts = pd.date_range("2023-01-01", periods=33, freq="MS").date
    rows = [
        (unit, group, start, _phase(start), 5_000, 900, 500_000.0, 150_000.0, 850, 100)
        for unit, group in (("S1", "treated"), ("S2", "control"))
        for start in starts
    ]
    columns = ["unit", "group", "start", "phase", "members", "orders", "revenue", "margin",
               "buyers", "newcomers"]  # fmt: skip
    return InitiativePanel(
        pd.DataFrame(rows, columns=columns), windows_of(**told), "store_id", True
    )


def _phase(start: dt.date) -> str:
    if start < GO_LIVE:
        return "before"
    return "left_out" if start == GO_LIVE else "after"


def money_of(plan: Initiative, ladders: dict[str, Ladder], **told: Any) -> InitiativeMoney:
    """What the money is with these ladders: 60,000 spent by the plan below."""
    given = {"refused": False, "panel": panel_of(), "booked": None, "draws": 500}
    return money(plan, ladders=ladders, **{**given, **told})


FLAGS = (
    Flag("regression_to_mean", False),
    Flag("anticipation", False),
    Flag("spill_over", None),
    Flag("other_initiatives", True, {"count": 1, "names": "spring coupons"}),
    Flag("incomplete_after", False),
)


def reading_of(plan: Initiative | None = None, **told: Any) -> Reading:
    """An initiative that surely brought margin, and probably paid."""
    plan = plan or plan_of()
    ladders = told.setdefault("ladders", {"margin": ladder_of()})
    flags = told.setdefault("flags", FLAGS)
    if "money" not in told:
        refused = any(f.refuses and f.raised for f in flags)
        told["money"] = money_of(plan, ladders, refused=refused)
    given: dict[str, Any] = {
        "plan": plan,
        "panel": panel_of(),
        "table": table_of(),
        "verdict": "not_shown",
        "learn": None,
        "former": Former("2025-08", "not_shown", "synthetic_difference", 0.33, 18_000.0),
    }
    return Reading(**{**given, **told})


def change_of(plan: Initiative | None = None, **told: Any) -> Reading:
    """An initiative for everyone at once: a change, and no rung to stand on."""
    ladder = ladder_of({"naive": (5.1, 0.6), "season": (4.2, 0.7)}, units_control=0)
    plan = plan or plan_of(treated=None, controls=None)
    learn = Learn(0.1, 20_000, 2_000, dt.date(2025, 10, 1), dt.date(2026, 4, 1), 1.2, 45.0)
    given = {"ladders": {"margin": ladder}, "verdict": "change_not_effect", "learn": learn,
             "former": None}  # fmt: skip
    return reading_of(plan, **{**given, **told})
