"""Initiatives read by hand: what a chapter would have been told, without reading a company."""

import datetime as dt
from dataclasses import MISSING, fields
from typing import Any

import pandas as pd
from repurchase.analysis.initiative_flags import Flag
from repurchase.analysis.initiative_money import Draws, Forward, InitiativeMoney
from repurchase.analysis.initiative_panel import InitiativePanel, InitiativeWindows
from repurchase.analysis.initiative_reading import Former, Learn, Reading
from repurchase.analysis.ladder import CHANGES, RUNGS, Gate, Ladder, Rung
from repurchase.calendar import Window
from repurchase.initiatives import Initiative
from repurchase.stats.panel import Effect
from repurchase.stats.proportion import Estimate

GO_LIVE = dt.date(2025, 1, 1)
SEEN = dt.date(2025, 9, 30)
TABLE = (
    # metric, unit, before, after, half of the interval
    ("repurchase_90d", "share", 0.308, 0.341, 0.012),
    ("average_repeat_order", "money", 412.0, 405.0, 9.0),
    ("customer_value_margin", "money", 268.0, 291.0, 14.0),
    ("customer_value_revenue", "money", 842.0, 901.0, 31.0),
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
        "promised": {"roi": 0.8, "payback_months": 18, "by": dt.date(2026, 12, 31)},
    }
    return Initiative(**{**given, **told})


def table_of() -> pd.DataFrame:
    """Eight figures of the treated and of the controls; churn is not ripe yet."""
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


def money_of(**told: Any) -> InitiativeMoney:
    """An initiative that cost 60,000 and brought 84,000 of margin."""
    months = pd.date_range("2025-01-01", periods=24, freq="MS").date
    cost = [36_000.0] + [1_500.0] * 23
    benefit = [0.0] + [10_500.0 * 0.99**i for i in range(23)]
    cash = pd.DataFrame({"month": months, "benefit": benefit, "cost": cost})
    cash["cumulative"] = (cash["benefit"] - cash["cost"]).cumsum()
    cash["projected"] = [m > SEEN for m in months]
    given: dict[str, Any] = {
        "costs": pd.DataFrame(
            [("build", "one_off", 30_000.0, "booked"), ("training", "one_off", 6_000.0, "booked"),
             ("software", "running", 16_000.0, "booked"), ("labour", "running", 8_000.0,
              "planned")],
            columns=["category", "kind", "amount", "source"],
        ),
        "total_cost": 60_000.0, "missing": (),
        "benefits": pd.DataFrame(
            [("margin", 84_000.0, 44_000.0, 124_000.0, True, "synthetic_difference"),
             ("labour_saved", 9_000.0, None, None, False, None)],
            columns=["leaf", "amount", "low", "high", "counted", "rung"],
        ),
        "incremental": Estimate(84_000.0, 44_000.0, 124_000.0),
        "incremental_revenue": Estimate(250_000.0, 130_000.0, 370_000.0),
        "change_money": Estimate(168_000.0, 112_000.0, 224_000.0),
        "net": Estimate(24_000.0, -16_000.0, 64_000.0), "roi": Estimate(0.4, -0.27, 1.07),
        "roi_revenue": 3.17, "break_even": 1.5, "break_even_share": 0.357,
        "payback_months": 6.4, "npv": Estimate(150_000.0, 60_000.0, 240_000.0), "irr": 0.9,
        "draws": Draws(0.88, 0.62, Estimate(0.4, -0.27, 1.07),
                       Estimate(24_000.0, -16_000.0, 64_000.0), 10_000),
        "tornado": pd.DataFrame(
            [("effect", -16_000.0, 64_000.0), ("margin", 14_000.0, 33_000.0),
             ("persistence", 20_000.0, 24_000.0), ("cost", 21_000.0, 27_000.0)],
            columns=["factor", "low", "high"],
        ),
        "cash": cash,
        "bridge": pd.DataFrame(
            [("accounts", 9_000_000.0), ("revenue", 4_000_000.0), ("margin", 1_300_000.0),
             ("change", 168_000.0), ("not_own", -84_000.0), ("incremental", 84_000.0),
             ("cost", -60_000.0), ("net", 24_000.0)],
            columns=["step", "amount"],
        ),
        "forward": Forward("continue", 28, Estimate(200_000.0, 90_000.0, 310_000.0), 42_000.0, 0.2),
        "promised": 0.8, "reasons": {}, "rung": "synthetic_difference", "change_rung": "season",
        "to_come": 42_000.0, "promise": None, "until": SEEN,
    }  # fmt: skip
    known = {f.name for f in fields(InitiativeMoney)}
    lacking = [
        f.name for f in fields(InitiativeMoney)
        if f.name not in given and f.default is MISSING and f.default_factory is MISSING
    ]  # fmt: skip
    assert not lacking
    return InitiativeMoney(**{k: v for k, v in {**given, **told}.items() if k in known})


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
    frame = pd.DataFrame(
        columns=["unit", "group", "start", "phase", "members", "orders", "revenue", "margin"]
    )
    given: dict[str, Any] = {
        "plan": plan,
        "panel": InitiativePanel(frame, windows_of(), plan.unit, True),
        "table": table_of(),
        "ladders": {"margin": ladder_of()},
        "flags": FLAGS,
        "money": money_of(),
        "verdict": "not_shown",
        "learn": None,
        "former": Former("2025-08", "not_shown", "synthetic_difference", 0.33, 18_000.0),
    }
    return Reading(**{**given, **told})


def change_of(plan: Initiative | None = None, **told: Any) -> Reading:
    """An initiative for everyone at once: a change, and no rung to stand on."""
    ladder = ladder_of({"naive": (5.1, 0.6), "season": (4.2, 0.7)}, units_control=0)
    no_rung = "no comparison may be stood on"
    gone = ("incremental", "incremental_revenue", "net", "roi", "roi_revenue", "payback_months",
            "npv", "irr", "draws")  # fmt: skip
    money = money_of(
        **dict.fromkeys(gone), reasons=dict.fromkeys(gone, no_rung), rung=None,
        forward=Forward("wait", 28, None, 42_000.0, 0.18),
    )  # fmt: skip
    plan = plan or plan_of(treated=None, controls=None)
    learn = Learn(0.1, 20_000, 2_000, dt.date(2025, 10, 1), dt.date(2026, 4, 1), 1.2)
    given = {"ladders": {"margin": ladder}, "money": money, "verdict": "change_not_effect",
             "learn": learn}  # fmt: skip
    return reading_of(plan, **{**given, **told})
