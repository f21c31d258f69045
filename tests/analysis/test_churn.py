"""The article's own numbers stand in METHODS 2, "The source articles' own numbers"."""

import pandas as pd
import pytest
from repurchase.analysis import churn, retention
from repurchase.records import Record


def monthly(sets):
    """Order dates of customers who buy on the 15th of the months that they are in."""
    found = {}
    for month, members in sets.items():
        for member in members:
            found.setdefault(f"c{member}", []).append(f"{month}-15")
    return found


def rates(lives, windows, sets, period, activity_months=1):
    w = windows(period)
    days = lives(monthly(sets), until=w.seen_until.isoformat())
    return churn.retention_by_period(days, w, activity_months=activity_months)


ARTICLE = {
    "2025-01": range(1000),
    "2025-02": [*range(750), *range(1000, 1200)],  # 950: 750 kept, 200 joined
    "2025-03": [*range(750), *range(1200, 1350)],  # 900: 750 kept, 150 joined
    "2025-04": [*range(750), *range(1200, 1230), *range(1350, 1450)],  # 880: 780 kept, 100 joined
}


@pytest.mark.parametrize(
    ("month", "s", "e", "n", "rate"),
    [
        ("2025-02", 1000, 950, 200, 0.75),
        ("2025-03", 950, 900, 150, 0.78947),
        ("2025-04", 900, 880, 100, 0.86667),  # the article prints 86, which its figures do not give
    ],
)
def test_the_articles_months(lives, windows, month, s, e, n, rate):
    """(950 - 200) / 1000, (900 - 150) / 950 and (880 - 100) / 900, from sets of customers."""
    result = rates(lives, windows, ARTICLE, "2025-04")
    counts = [
        result.one(name, dimensions=f"at={month}").value
        for name in ("customers_at_start", "customers_at_end", "customers_joined")
    ]

    assert [s, e, n] == counts
    assert rate == pytest.approx(
        result.one("retention_rate", dimensions=f"at={month}").value, abs=5e-6
    )


def test_newcomers_who_left_again_are_not_subtracted(lives, windows):
    """100 at the start, 30 new of whom 10 leave, 20 old leave: 80 %, not (100 - 30) / 100."""
    sets = {
        "2024-12": range(100),
        "2025-01": [*range(100), *range(100, 130)],
        "2025-03": [*range(80), *range(100, 120)],
    }
    row = rates(lives, windows, sets, "2025-03").frame.set_index("period").loc["2025-Q1"]

    assert (100, 100, 20) == tuple(row[["start_customers", "end_customers", "joined"]])
    assert 0.8 == row["value"]


def test_a_quarter_is_not_the_mean_of_its_months(lives, windows):
    """Ten of a hundred leave each month: 73 of the hundred are left, the months' mean is .9."""
    sets = {"2024-12": range(100), "2025-01": range(90), "2025-02": range(81), "2025-03": range(73)}
    frame = rates(lives, windows, sets, "2025-03").frame.set_index("period")
    months = frame.loc[["2025-01", "2025-02", "2025-03"], "value"]

    assert 0.73 == frame.loc["2025-Q1", "value"]
    assert 0.9 == pytest.approx(months.mean(), abs=0.001)


def test_who_comes_back_within_a_quarter_is_kept_of_it(lives, windows):
    """Lost to January's and February's sets, there again in March: the quarter keeps him."""
    sets = {"2024-12": [1], "2025-03": [1]}
    frame = rates(lives, windows, sets, "2025-03").frame.set_index("period")

    assert 1.0 == frame.loc["2025-Q1", "value"]
    assert 0.0 == frame.loc["2025-01", "value"]


def test_the_last_month_is_the_headline(lives, windows):
    """The same sets as the headline's retention rate, counted in another way."""
    dates = {
        "ann": ["2024-01-10", "2024-02-05", "2025-01-20"],
        "bob": ["2024-01-31", "2024-03-01"],
        "cid": ["2024-02-10"],
        "dee": ["2024-12-30", "2025-01-02"],
        "eve": ["2025-01-15"],
    }
    for period in ("2025-01", "2025-02", "2025-03"):
        w = windows(period)
        days = lives(dates, until=w.seen_until.isoformat())
        money = days.mutate(assigned_date=days.order_date).limit(0)
        head = retention.headline_figures(
            days, money, w, activity_months=12, cohort_months=12, targets={}
        ).one("retention_rate")
        mine = churn.retention_by_period(days, w, activity_months=12)
        record = mine.one("retention_rate", dimensions=f"at={period}")

        assert (head.numerator, head.n) == (record.numerator, record.n)


def test_a_month_before_a_full_activity_window_is_not_computed(lives, windows):
    """Twelve months of activity before February 2025 begin in February 2024."""
    w = windows("2025-03", data_from="2024-02-10")
    days = lives({"ann": ["2024-02-10", "2025-02-10"]})
    frame = churn.retention_by_period(days, w, activity_months=12).frame.set_index("period")

    assert "2024-02-10" in frame.loc["2025-02", "reason"]
    assert pd.isna(frame.loc["2025-03", "reason"])


RHYTHMS = pd.DataFrame(
    # then and now with a rhythm; over: silent too long; the last line has none
    [(1, 0, 1, 0, 0, 30.0), (1, 1, 1, 0, 0, 6.0), (1, 1, 1, 1, 0, 4.0), (1, 0, 1, 1, 1, 20.0),
     (0, 0, 1, 1, 0, 40.0), (0, 0, 0, 0, 0, 7.0)],
    columns=["now", "now_over", "then", "then_over", "came_back", "customers"],
).assign(few=[0, 0, 0, 0, 0, 1], cycle=10.0)  # fmt: skip


def both(windows, period="2025-06", **options):
    retained = Record(
        "retention_rate", 0.9, "share", low=0.88, high=0.92, numerator=90, n=100,
        compare_to="previous", change=0.02, change_low=0.01, change_high=0.04,
    )  # fmt: skip
    w = windows(period, **options)
    return churn.churn([retained], RHYTHMS, w, activity_months=12)


def test_churn_by_window_mirrors_retention(windows):
    """90 % kept is 10 % lost; bounds and the change turn round."""
    lost = both(windows).one("churn_rate", compare_to="previous")

    assert (0.1, 0.08, 0.12, 10) == pytest.approx((lost.value, lost.low, lost.high, lost.numerator))
    assert (-0.02, -0.04, -0.01) == (lost.change, lost.change_low, lost.change_high)


def test_churn_by_rhythm_is_paired_on_the_customers(windows):
    """Now 10 of 60, then 64 of 100; what they have in common from the customers' residuals."""
    result = both(windows)
    now, change = result.one("overdue_share"), result.one("overdue_share", compare_to="year_ago")
    residuals = [  # of now, of then, and of how many
        (0 - 1 / 6, 0 - 0.64, 30), (1 - 1 / 6, 0 - 0.64, 6), (1 - 1 / 6, 1 - 0.64, 4),
        (0 - 1 / 6, 1 - 0.64, 20), (0, 1 - 0.64, 40),
    ]  # fmt: skip
    both_err = sum(k * a * b for a, b, k in residuals)
    alone = [sum(k * r[side] ** 2 for *r, k in residuals) for side in (0, 1)]
    common = both_err / (alone[0] * alone[1]) ** 0.5
    up, down = 0.28032 - 1 / 6, 0.64 - 0.54237  # Wilson's bounds of 10/60 above, of 64/100 below

    assert (10, 60) == (now.numerator, now.n)
    assert 1 / 6 - 0.64 == pytest.approx(change.change)
    reach = (up**2 + down**2 - 2 * common * up * down) ** 0.5
    assert reach == pytest.approx(change.change_high - change.change, abs=1e-4)


def test_how_often_the_rhythm_was_wrong(windows):
    """Of the 64 called silent a year ago 20 have ordered since; 7 have no rhythm now."""
    result = both(windows)
    record = result.one("overdue_returned")

    assert (20, 64) == (record.numerator, record.n)
    assert 7 == result.one("customers_without_rhythm").value


def test_a_year_ago_needs_its_own_activity_window(windows):
    """Data from 2024-01 cannot tell who was a customer on 2024-06-30."""
    result = both(windows, data_from="2024-01-01")

    assert None is result.one("overdue_share", compare_to="year_ago").change
    assert "not_computed" == result.one("overdue_returned").status
