import datetime as dt
import math

import numpy as np
import pytest
from repurchase.analysis import outlook
from scipy import stats


def company(months, *, each=1.0, season=None, noise=None, joiners=100.0, first=2023 * 12):
    """So many joiners a month, each spending the same a month ever after, times the season."""
    revenue = np.zeros((months, months))
    for month in range(months):
        factor = season[(first + month) % 12] if season else 1.0
        revenue[: month + 1, month] = joiners * each * factor * (noise[month] if noise else 1.0)
    customers = np.full(months, joiners)
    return outlook.Months(
        first, revenue, customers, np.triu(revenue, 1).sum(axis=0), np.ones(months + 3)
    )


def test_a_steady_company_is_forecast_exactly():
    """2,400 customers at 1 a month each."""
    known = company(24)

    assert 2400 == pytest.approx(outlook.forecast(known, 23, [1]))
    assert 7200 == pytest.approx(outlook.forecast(known, 23, [1, 2, 3]))


def test_the_season_of_a_year_ago_is_taken_over_in_part():
    """A December of twice the usual: its level to the power of the share that is season."""
    season = [1.0] * 11 + [2.0]
    known = company(23, season=season)  # January 2023 to November 2024
    spend = outlook.spend_by_age(known, 22)
    december = outlook.forecast(known, 22, [1])
    usual = outlook._level(known, spend, 22, 23)
    past = outlook._level(known, spend, 10, 11)

    assert usual * (known.existing(10, 11) / past) ** outlook.SEASON == pytest.approx(december)
    assert december > 1.4 * usual


def test_a_forecast_reads_nothing_after_its_origin():
    """The future may be anything."""
    known = company(24)
    changed = company(24)
    changed.revenue[:, 20:] *= 7

    assert outlook.forecast(known, 19, [1, 2, 3]) == outlook.forecast(changed, 19, [1, 2, 3])


def test_customers_to_come_are_not_expected():
    """What exists at the origin is all that is counted, in forecast and in what came."""
    known = company(24)

    assert 2000 == known.existing(19, 23)
    assert 2000 == pytest.approx(outlook.forecast(known, 19, [1]))


def test_ages_nobody_has_reached_are_taken_from_the_next_lower():
    """After 13 months nobody has been there for longer than a year."""
    spend = outlook.spend_by_age(company(14), 12)

    assert len(outlook.BANDS) + 1 == len(spend)
    assert 1.0 == pytest.approx(spend[-1])


def test_the_interval_is_the_spread_of_past_errors():
    """Six errors of 10 %: Student's t with six degrees, the next one's own deviation added."""
    low, high = outlook.interval(100.0, [0.1, -0.1] * 3, 0.95)
    reach = stats.t.ppf(0.975, 6) * 0.1 * math.sqrt(7 / 6)

    assert 100 * math.exp(-reach) == pytest.approx(low)
    assert 100 * math.exp(reach) == pytest.approx(high)


def test_five_errors_are_too_few():
    """Below six there is no interval."""
    assert all(math.isnan(x) for x in outlook.interval(100.0, [0.1] * 5, 0.8))


def test_an_error_counts_only_once_it_is_known():
    """A quarter's forecast of month 12 is known in month 15, not before."""
    rows = outlook._tested(company(30), "quarter", [1, 2, 3])
    tests = {row["origin"]: row["tests"] for row in rows}

    assert (0, 0, 1) == (tests["2024-01"], tests["2024-03"], tests["2024-04"])


def test_intervals_made_then_hold_what_came():
    """400 companies with seasons, growth and shocks that no part of the method assumes.

    Calibrated by METHODS 2: an exact binomial test at .001 does not reject 80 % and 95 %.
    """
    rng = np.random.default_rng(11)
    held = {"80": 0, "95": 0}
    for _ in range(400):
        season = list(np.exp(rng.normal(0, 0.2, 12)))
        noise = list(np.exp(rng.standard_t(6, 33) * 0.1))
        known = company(33, season=season, noise=noise)
        last = outlook._tested(known, "month", [1])[-2]  # the last one whose month is known
        for level in held:
            held[level] += bool(last[f"inside{level}"])
    for level, count in held.items():
        assert stats.binomtest(count, 400, int(level) / 100).pvalue > 0.001, (level, count)


def buying(months, *, missing=()):
    """Three customers, one more from May, who order on the 10th of every month; 10 of money."""
    labels = [f"{2023 + i // 12}-{i % 12 + 1:02d}" for i in range(months)]
    days = [f"{label}-10" for label in labels if label not in missing]
    return {"ann": days, "bob": days, "cid": days, "dee": days[4:]}


def ask(lives, windows, dates, period, country=None, targets=None, data_from="2023-01-01"):
    w = windows(period, data_from=data_from)
    days = lives(dates, until=w.seen_until.isoformat())
    return outlook.outlook(days, w, country=country, targets=targets)


def test_the_outlook_of_a_table(lives, windows):
    """Four customers of 10 a month: 40 next month, 120 in three; every past one held."""
    result = ask(lives, windows, buying(24), "2024-12")
    month = result.one("expected_repeat_revenue", dimensions="horizon=month")
    quarter = result.one("expected_repeat_revenue", dimensions="horizon=quarter")

    assert (40, 120) == pytest.approx((month.value, quarter.value), abs=0.5)
    last = result.frame[(result.frame["horizon"] == "month")].iloc[-2]
    assert ("2024-11", 40) == (last["origin"], last["actual"])


def test_a_quarter_that_has_begun_adds_what_came(lives, windows):
    """At the end of November two months of the quarter are over: 80 so far, one month to go."""
    result = ask(lives, windows, buying(23), "2024-11")
    rest = result.frame[result.frame["horizon"] == "rest"].iloc[-1]

    assert (80, 80) == (rest["so_far"], rest["year_ago_so_far"])
    assert (dt.date(2024, 12, 1), dt.date(2024, 12, 31)) == (rest["first"], rest["last"])


def test_a_target_is_of_the_whole_quarter(lives, windows):
    """120 promised for the quarter, 80 have come: the forecast of 40 is held against 40."""
    result = ask(lives, windows, buying(23), "2024-11", targets={"2024-Q4": 120.0})
    record = result.one(
        "expected_repeat_revenue", compare_to="target", dimensions="horizon=rest"
    )

    assert 0 == pytest.approx(record.change, abs=0.5)


def test_too_short_a_history_is_refused(lives, windows):
    """Eighteen months allow five tested forecasts of a month; six are needed."""
    result = ask(lives, windows, buying(18), "2024-06")
    record = result.one("expected_repeat_revenue", dimensions="horizon=month")

    assert (None, "not_computed") == (record.value, record.status)
    assert "18 months" in record.reason and "19" in record.reason


def test_a_quarter_needs_two_months_more(lives, windows):
    """With nineteen months the month is there, the quarter not yet."""
    result = ask(lives, windows, buying(19), "2024-07")

    assert result.one("expected_repeat_revenue", dimensions="horizon=month").value is not None
    assert "21" in result.one("expected_repeat_revenue", dimensions="horizon=quarter").reason


def test_a_month_a_year_ago_without_revenue_gives_no_forecast(lives, windows):
    """Nobody bought in January 2024: January 2025 has no season to go by."""
    result = ask(lives, windows, buying(24, missing=("2024-01",)), "2024-12")

    assert "not_computed" == result.one(
        "expected_repeat_revenue", dimensions="horizon=month"
    ).status


def test_a_moved_festival_moves_the_season(lives, windows):
    """The festival fell on 2024-02-10 and falls on 2025-01-29: January 2025 resembles late
    January and early February 2024, in which the company sold twice as often.
    """
    dates = buying(24)
    for name in dates:
        dates[name] = sorted([*dates[name], "2024-02-03"])
    plain = ask(lives, windows, dates, "2024-12", country=None)
    aligned = ask(lives, windows, dates, "2024-12", country="CN")
    ask_month = {"dimensions": "horizon=month"}

    assert (
        aligned.one("expected_repeat_revenue", **ask_month).value
        > 1.3 * plain.one("expected_repeat_revenue", **ask_month).value
    )


def test_the_chance_of_an_amount():
    """Half above what is expected, 2.5 % above the upper bound, all above nothing."""
    row = {"expected": 100.0, "tests": 9, "high95": 100 * math.exp(stats.t.ppf(0.975, 9) * 0.1)}

    assert 0.5 == pytest.approx(outlook.chance_above(row, 100))
    assert 0.025 == pytest.approx(outlook.chance_above(row, row["high95"]))
    assert 1.0 == outlook.chance_above(row, 0)
