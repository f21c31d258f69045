"""The test of the scores and the customers at risk, in words and tables."""

import datetime as dt
import math

import pandas as pd
import pytest
from repurchase import show
from repurchase.analysis.churn_warning import SCORES
from repurchase.records import Record, Result
from repurchase.show.blocks import Cell, Note
from repurchase.show.churn_warning import USED

LAST = dt.date(2025, 9, 30)


def text(cell):
    return cell.text if isinstance(cell, Cell) else cell


def back_test(context, used="recency"):
    rows = []
    for n, score in enumerate(SCORES):
        plain = score == "recency"
        said = 0.21 if score in ("returns", "combined") else math.nan
        rows.append({
            "score": score, "auc": 0.77 - n / 100, "low": 0.74, "high": 0.79,
            "gain": math.nan if plain else -n / 100, "gain_low": math.nan if plain else -0.05,
            "gain_high": math.nan if plain else 0.01, "gains": score == used and not plain,
            "used": score == used, "top": 0.9, "top_low": 0.85, "top_high": 0.94, "lift": 1.2,
            "lift_low": 1.1, "lift_high": 1.3, "said": said, "slope": said * 5,
            "slope_low": 0.9, "slope_high": 1.2, "base": 0.75, "came": 0.25, "customers": 900,
            "tested": 5000, "origins": 6, "first": LAST - dt.timedelta(days=539), "last": LAST,
            "horizon": 90,
        })  # fmt: skip
    return Result(pd.DataFrame(rows), (), context=context)


def test_each_score_has_its_order_its_gain_and_its_riskiest_tenth(context_of) -> None:
    """AUC, difference from recency, silence and lift with intervals; probabilities their level."""
    table = show.warning_test(back_test(context_of()), id="V-14")
    rows = {text(row[0]): [text(c) for c in row[1:]] for row in table.rows}

    assert ["0.770 (0.740 to 0.790)", "–", "90.0% (85.0–94.0%)", "1.20 (1.10 to 1.30)", "–"] == (
        rows["Recency: days since the last order"]
    )
    assert "−0.030 (−0.050 to 0.010)" == rows["Probability to order, by own rhythm"][1]
    assert "21.0%, slope 1.05 (0.90 to 1.20)" == rows["Probability to order, by own rhythm"][4]
    assert "bad" == table.rows[-1][0].tone
    assert "5,000 customers and dates" in table.caption


@pytest.mark.parametrize("used", sorted(USED))
def test_the_score_in_use_is_bold_and_said_in_words(context_of, used) -> None:
    """One row is bold, and the caption begins with what it means; P(alive) has no such words."""
    table = show.warning_test(back_test(context_of(), used), id="V-14")

    assert [used] == [s for s, row in zip(SCORES, table.rows, strict=True) if row[0].bold]
    assert table.caption.startswith(USED[used])
    assert "alive" not in USED


def test_without_a_test_recency_is_used_and_the_reason_said(context_of) -> None:
    """A note with the reason in the reader's language."""
    why = "the data begin on 2025-01-01: a test needs 270 days"
    record = Record("warning_auc", None, "ratio", status="not_computed", reason=why)
    found = show.warning_test(
        Result(pd.DataFrame(), (record,), context=context_of("zh-CN")), id="V-14"
    )

    assert isinstance(found, Note)
    assert "最近购买天数" in found.to_text() and "2025年1月1日" in found.to_text()


def risk(context, worth="margin"):
    columns = ["by", "label", "active", "repeaters", "at_risk", "share", "low", "high", "worth"]
    rows = [
        ("all", "", 400.0, 300.0, 60.0, 0.2, 0.16, 0.25, 5000.0),
        ("tier", "low", 200.0, 100.0, 40.0, 0.4, 0.31, 0.5, 1000.0),
        ("tier", "high", 200.0, 200.0, 20.0, 0.1, 0.07, 0.15, 4000.0),
        ("company", "false", 390.0, 300.0, 60.0, 0.2, 0.16, 0.25, 5000.0),
        ("company", "", 10.0, 0.0, 0.0, math.nan, math.nan, math.nan, 0.0),
    ]
    frame = pd.DataFrame(rows, columns=columns).assign(months=12)
    records = (Record("at_risk_customers", 60.0, "count", n=400.0),)
    if worth:
        records += (Record(f"at_risk_{worth}", 5000.0, "money"),)
    return Result(frame, records, context=context)


def test_at_risk_stands_by_tier_and_segment_with_its_money(context_of) -> None:
    """All first, the high tier before the low, yes and no in words, no share without a rhythm."""
    table = show.at_risk(risk(context_of()), id="V-13")

    assert ["All", "Tier", "High potential", "Low activity", "company", "no", "not known"] == [
        text(row[0]) for row in table.rows
    ]
    assert ["400", "60", "20.0% (16.0–25.0%)", "¥5.0k"] == [text(c) for c in table.rows[0][1:]]
    assert "–" == text(table.rows[-1][3])
    assert "Margin they brought" == table.columns[4].label
    assert "last 12 months" in table.caption


def test_without_money_there_is_no_column_of_it_and_without_stages_a_note(context_of) -> None:
    """Four columns; or the reason."""
    context = context_of()
    why = "no customer has ordered three times"
    none = Record("at_risk_customers", None, "count", status="not_computed", reason=why)

    assert 4 == len(show.at_risk(risk(context, worth=None), id="V-13").columns)
    found = show.at_risk(Result(pd.DataFrame(), (none,), context=context), id="V-13")
    assert isinstance(found, Note) and why in found.to_text()
