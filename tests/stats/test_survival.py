"""Kaplan-Meier against a pencil and two published data sets."""

import csv
from pathlib import Path

import numpy as np
import pytest
from repurchase.stats.survival import kaplan_meier, log_rank
from statsmodels.duration.survfunc import survdiff


def test_five_customers_by_pencil():
    """Events at 1 and 3, one censored at 2, two at 4: 4/5, then 4/5 * 2/3."""
    curve = kaplan_meier([1, 2, 3, 4], [1, 0, 1, 0], [0, 1, 0, 2])

    assert [1.0, 3.0] == curve.time.tolist()
    assert [0.8, 0.8 * 2 / 3] == pytest.approx(curve.survival.tolist())
    assert [5.0, 3.0] == curve.at_risk.tolist()
    assert (1.0, 0.8, 0.8) == pytest.approx((curve.at(0.5), curve.at(1), curve.at(2.9)))


def test_greenwoods_band_is_the_published_one():
    """The 6-MP arm of Freireich 1963 at 10 weeks: .753, 95 % log-log band .503 to .889.

    Collett, Modelling Survival Data, gives the estimate; the band is R's
    survfit(conf.type = "log-log").
    """
    weeks = [6, 7, 9, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 34, 35]
    events = [3, 1, 0, 1, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0]
    censored = [1, 0, 1, 1, 1, 0, 0, 1, 1, 1, 0, 0, 1, 2, 1, 1]

    curve = kaplan_meier(weeks, events, censored)

    assert 23 == curve.median()
    at = int(np.flatnonzero(curve.time == 10)[0])
    assert (0.753, 0.503, 0.889) == pytest.approx(
        (curve.survival[at], curve.low[at], curve.high[at]), abs=5e-4
    )


@pytest.mark.parametrize(("group", "median"), [("all", 56), ("control", 58), ("miR-137", 26)])
def test_the_waltons_medians_come_out(shared_data, group, median):
    """163 rows, 156 events; medians as lifelines prints them (METHODS, Kaplan-Meier)."""
    path = shared_data.parent / "reference" / "waltons_dataset.csv"
    rows = [r for r in _rows(path) if group in ("all", r["group"])]
    times = sorted({float(r["T"]) for r in rows})
    events = [sum(float(r["T"]) == t and r["E"] == "1" for r in rows) for t in times]
    censored = [sum(float(r["T"]) == t and r["E"] == "0" for r in rows) for t in times]

    assert median == kaplan_meier(times, events, censored).median()


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as handle:
        return [{k: v.removesuffix(".0") for k, v in row.items()} for row in csv.DictReader(handle)]


def test_a_curve_that_never_halves_has_no_median():
    """The median is unknown, not the last time seen."""
    assert np.isnan(kaplan_meier([1, 9], [1, 0], [0, 9]).median())


@pytest.mark.parametrize(
    ("time", "events", "censored"), [([1, 1], [1, 1], [0, 0]), ([1], [-1], [0]), ([1], [1, 2], [0])]
)
def test_impossible_counts_are_refused(time, events, censored):
    """Repeated times, negative counts and uneven arrays are mistakes of the caller."""
    with pytest.raises(ValueError, match=r"must be|distinct"):
        kaplan_meier(time, events, censored)


# Freireich 1963, weeks to relapse: 6-MP against placebo (Gehan 1965); + is censored
SIX_MP = "6 6 6 6+ 7 9+ 10 10+ 11+ 13 16 17+ 19+ 20+ 22 23 25+ 32+ 32+ 34+ 35+".split()
PLACEBO = "1 1 2 2 3 4 4 5 5 8 8 8 8 11 11 12 12 15 17 22 23".split()


def _counts(weeks, happened):
    """Distinct times, events and censored on each."""
    times, place = np.unique(np.asarray(weeks, dtype=float), return_inverse=True)
    events = np.bincount(place, happened)
    return times, events, np.bincount(place) - events


def _arm(text):
    return _counts([float(w.rstrip("+")) for w in text], ["+" not in w for w in text])


def test_the_leukaemia_trial_of_freireich():
    """Medians 23 and 8 weeks, log-rank 16.7929 (METHODS, Kaplan-Meier)."""
    test = log_rank([_arm(SIX_MP), _arm(PLACEBO)])

    assert (23, 8) == (kaplan_meier(*_arm(SIX_MP)).median(), kaplan_meier(*_arm(PLACEBO)).median())
    assert (16.792941, 1) == pytest.approx((test.chi_square, test.freedom), abs=1e-6)


def test_the_leukaemia_trial_from_its_file(shared_data):
    """gehan.dat holds the same 42 patients: arm, weeks, relapse."""
    rows = np.loadtxt(shared_data.parent / "reference" / "gehan.dat")
    arms = [rows[rows[:, 0] == arm] for arm in np.unique(rows[:, 0])]

    test = log_rank([_counts(arm[:, 1], arm[:, 2]) for arm in arms])

    assert 16.792941 == pytest.approx(test.chi_square, abs=1e-6)


def test_the_waltons_differ(shared_data):
    """Log-rank 122.2491 (METHODS, Kaplan-Meier)."""
    rows = _rows(shared_data.parent / "reference" / "waltons_dataset.csv")
    arms = [[r for r in rows if r["group"] == group] for group in ("control", "miR-137")]

    test = log_rank(
        [_counts([float(r["T"]) for r in arm], [r["E"] == "1" for r in arm]) for arm in arms]
    )

    assert 122.249126 == pytest.approx(test.chi_square, abs=1e-6)
    assert 1e-20 > test.p


def test_four_groups_are_those_of_statsmodels():
    """200 customers of four channels with ties and censoring; order of groups is nothing."""
    rng = np.random.default_rng(1)
    channel, time = rng.integers(0, 4, 200), rng.integers(1, 30, 200)
    happened = rng.random(200) < 0.7
    groups = [_counts(time[channel == c], happened[channel == c]) for c in range(4)]

    test = log_rank(groups)

    chi_square, p = survdiff(time, happened, channel)
    assert (chi_square, 3, p) == pytest.approx(tuple(test))
    assert chi_square == pytest.approx(log_rank(groups[::-1]).chi_square)


def test_nothing_to_compare_is_refused():
    """One group; no event; an event when the other group has ended."""
    for groups in (
        [([1], [1], [0])],
        [([1], [0], [1]), ([1], [0], [1])],
        [([1], [0], [5]), ([2], [1], [3])],
    ):
        with pytest.raises(ValueError, match="must be"):
            log_rank(groups)
