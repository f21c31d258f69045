"""When each customer is expected next: by pencil, on a company no model assumes, and refused."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from repurchase.analysis import next_purchase as expected
from repurchase.stats import rhythm

DAY = dt.date.fromisoformat
END = DAY("2025-06-30")


def regular(n, gap, *, orders=4, last="2025-06-01"):
    """Customers with so many order dates `gap` days apart, alternately a little more and less."""
    dates = {}
    for i in range(n):
        day, known = DAY(last) - dt.timedelta(days=i % 20), []
        for k in range(orders):
            known.append(day.isoformat())
            day -= dt.timedelta(days=gap + (3 if (i + k) % 2 else -3))
        dates[f"{i:04d}"] = known
    return dates


@pytest.fixture(scope="module")
def steady():
    """150 customers who order about every 30 days."""
    return regular(150, 30)


def test_the_due_date_is_the_own_rhythm_after_the_last_order(steady, summary_of, lives):
    """About 30 days after the last order date, whatever has elapsed; the next date lies ahead."""
    summary, days = summary_of(steady, day=END.isoformat()), lives(steady)
    found = expected.next_purchase(summary, days, day=END, worth="margin").frame

    first = found.set_index("customer_id").loc["0000"]
    assert pd.Timestamp("2025-07-01") == pytest.approx(first["due_date"], abs=pd.Timedelta(days=2))
    assert 29 == first["elapsed_days"]
    assert (found["due_from"] <= found["due_date"]).all()
    assert (found["due_date"] <= found["due_until"]).all()
    assert (found["next_date"] > pd.Timestamp(END)).all()
    assert 150 == len(found)


def test_the_worth_of_an_order_is_the_mean_and_what_is_expected_its_share(
    steady, summary_of, lives
):
    """All order dates bring 5 of margin: so will the next, times the probability to come."""
    summary, days = summary_of(steady, day=END.isoformat()), lives(steady)
    found = expected.next_purchase(summary, days, day=END, worth="margin").frame
    unknown = expected.next_purchase(summary, days, day=END, worth=None).frame

    assert [5.0] * 150 == pytest.approx(found["order_margin"].tolist())
    assert (5 * found["returns"]).tolist() == pytest.approx(found["expected_margin"].tolist())
    assert unknown["expected_margin"].isna().all()


def test_who_has_waited_longer_is_more_overdue_and_less_likely_to_come(summary_of, lives):
    """The same rhythm, silent for 10 days and for a year."""
    dates = regular(150, 30) | {"late": regular(1, 30, last="2024-06-30")["0000"]}
    dates |= {"soon": regular(1, 30, last="2025-06-20")["0000"]}
    summary = summary_of(dates, day=END.isoformat())

    found = expected.next_purchase(summary, lives(dates), day=END, worth=None).frame
    late, soon = (found.set_index("customer_id").loc[name] for name in ("late", "soon"))

    assert late["overdue"] > 0.99 > 0.5 > soon["overdue"]
    assert late["returns"] < soon["returns"]
    assert late["due_date"] < pd.Timestamp(END) < late["next_date"]


def test_the_records_carry_interval_and_n(gamma_company, summary_of, lives):
    """Typical gap and both shares who never return; 1,500 customers, as planted."""
    summary = summary_of(gamma_company, day=END.isoformat())
    found = expected.next_purchase(summary, lives(gamma_company), day=END, worth=None)

    first = found.one("never_returns", dimensions="after=first")
    later = found.one("never_returns", dimensions="after=later")
    assert first.low <= 0.4 <= first.high
    assert later.low - 0.02 <= 0.15 <= later.high + 0.02
    known = sum(bool(days) for days in gamma_company.values())
    assert [float(known)] * 3 == [r.n for r in found.records]


@pytest.mark.parametrize(
    "dates", [{}, regular(29, 30), regular(200, 30, orders=2)], ids=["none", "29", "two orders"]
)
def test_under_thirty_with_three_orders_nobody_is_dated(dates, summary_of, lives):
    """An empty frame with its columns, and records that say why."""
    dates = dates | {"once": ["2025-01-01"]}
    summary = summary_of(dates, day=END.isoformat())
    found = expected.next_purchase(summary, lives(dates), day=END, worth="margin")

    assert found.frame.empty
    assert expected.COLUMNS == list(found.frame.columns)
    reasons = {r.reason for r in found.records}
    assert {"fewer than 30 customers have three order dates"} == reasons
    assert {None} == {r.value for r in found.records}


def test_the_interval_covers_a_company_that_no_model_assumes(gamma_company, summary_of, lives):
    """Gamma gaps in whole days, 90 days ahead: 80 % covered within six points, as many come."""
    cut = END - dt.timedelta(days=90)
    summary = summary_of(gamma_company, day=cut.isoformat())
    found = expected.tested(
        summary, lives(gamma_company), cut=cut, end=END, data_from=DAY("2023-01-01")
    )

    inside, came = found.one("interval_coverage"), found.one("came_back")
    assert 0.8 == pytest.approx(inside.value, abs=0.06)
    assert came.value == pytest.approx(found.one("came_back_expected").value, abs=0.03)
    foretold = found.one("came_back_expected")
    assert 0 < foretold.value - foretold.low < 1.96 * (0.25 / foretold.n) ** 0.5
    known = {c for c, days in gamma_company.items() if days and min(days) <= cut.isoformat()}
    later = {c for c in known if any(cut.isoformat() < d for d in gamma_company[c])}
    assert (len(later), len(known)) == (came.numerator, came.n)


def test_a_test_needs_as_much_before_as_after_and_thirty_who_came(summary_of, lives):
    """Data too short, or hardly anyone back: not tested, with the reason."""
    dates, cut = regular(150, 30, orders=8), END - dt.timedelta(days=90)
    summary, days = summary_of(dates, day=cut.isoformat()), lives(dates)

    short = expected.tested(summary, days, cut=cut, end=END, data_from=DAY("2025-03-01"))
    assert "the data begin on 2025-03-01: a test needs 180 days" == short.records[0].reason
    nobody = lives(dates, until=cut.isoformat())
    few = expected.tested(summary, nobody, cut=cut, end=END, data_from=DAY("2023-01-01"))
    assert "fewer than 30 were seen to come back" == few.records[0].reason


def test_a_date_beyond_a_hundred_years_is_missing():
    """A gap that no calendar holds has no day; a shorter one ends on the day it is over."""
    last = pd.Series(pd.to_datetime(["2025-01-01", "2025-01-01"]))

    found = expected._date(last, np.array([1.5, 40_000.0]))

    assert pd.Timestamp("2025-01-03") == found[0]
    assert pd.isna(found[1])


def test_the_rhythm_is_that_of_the_summary(steady, summary_of, lives):
    """Sums of logarithms from the summary give the model that the gaps themselves give."""
    summary = summary_of(steady, day=END.isoformat())
    record = expected.next_purchase(summary, lives(steady), day=END, worth=None).one("typical_gap")
    logs = [
        np.log(np.diff([DAY(d).toordinal() for d in sorted(days)])) for days in steady.values()
    ]
    elapsed = [END.toordinal() - DAY(max(days)).toordinal() for days in steady.values()]
    direct = rhythm.fit_rhythm(
        rhythm.gaps(
            [len(x) for x in logs], [x.sum() for x in logs], [(x**2).sum() for x in logs], elapsed
        )
    )

    assert direct.typical == pytest.approx(record.value)
