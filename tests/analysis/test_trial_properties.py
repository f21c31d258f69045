"""What must not matter to a test's reading does not: rows' order, arms' names, money's unit.

Companies are made by hypothesis, small and ugly: ties, arms of a few customers, unknown money,
customers in two arms.
"""

import datetime as dt
import warnings

import ibis
import pandas as pd
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st
from repurchase.analysis import trials
from repurchase.analysis.trial_units import TrialTables, units
from repurchase.params import ArmPlan, ExperimentPlan

START, SEEN = dt.date(2025, 6, 2), dt.date(2025, 12, 31)
ARMS = ("control", "new", "other")
# a reading is dozens of queries: few companies, and none looked for that is smaller yet
QUICK = settings(
    max_examples=6, deadline=None, derandomize=True, suppress_health_check=[*HealthCheck],
    phases=[Phase.explicit, Phase.generate],
)  # fmt: skip

# a customer's arm, days after START, and orders as (age, half the revenue in cents, whether
# the margin is known)
customer = st.tuples(
    st.sampled_from(ARMS),
    st.integers(0, 3),
    st.lists(
        st.tuples(st.integers(-8, 25), st.integers(-500, 9_000), st.integers(0, 19)),
        max_size=3, unique_by=lambda order: order[0],
    ),
)  # fmt: skip
companies = st.lists(customer, min_size=12, max_size=60)


def plan(names=None, times=1):
    named = names or dict(zip(ARMS, ARMS, strict=True))
    return ExperimentPlan(
        id="x",
        control=named["control"],
        arms={named[a]: ArmPlan(share=1, cost=0.5 * times) for a in ARMS},
        planned_end=START + dt.timedelta(days=3),
        horizon_days=7,
        longer_horizon_days=20,
        smallest_effect=1.0 * times,
    )


def read(company, *, names=None, times=1, order=None, also=()):
    """The trial as the chapter reads it. `names` of the arms; `times` the unit of money; `order`
    of the customers' rows; `also` has further assignments: a customer's place and an arm."""
    named = names or dict(zip(ARMS, ARMS, strict=True))
    places = list(range(len(company))) if order is None else order
    given = [*((i, company[i][0]) for i in places), *also]
    assigned = [
        (f"c{i:03}", named[arm], START + dt.timedelta(days=company[i][1]), None, None, "log")
        for i, arm in given
    ]
    days = []
    for i in places:
        for age, cents, known in company[i][2]:
            money = 2 * cents * times / 100  # so that half of it is whole cents
            day = START + dt.timedelta(days=company[i][1] + age)
            days.append((f"c{i:03}", day, money, money / 2 if known else None))
    logged = ibis.memtable(
        pd.DataFrame(
            assigned,
            columns=["customer_id", "arm", "assigned_on", "exposed_at", "planned_share",
                     "assignment_source"],
        ),
        schema={"customer_id": "string", "arm": "string", "assigned_on": "date",
                "exposed_at": "timestamp", "planned_share": "float64",
                "assignment_source": "string"},
    )  # fmt: skip
    logged = logged.mutate(assigned_at=logged.assigned_on.cast("timestamp"))
    table = ibis.memtable(
        pd.DataFrame(days, columns=["customer_id", "order_date", "net_revenue", "net_margin"]),
        schema={"customer_id": "string", "order_date": "date", "net_revenue": "float64",
                "net_margin": "float64"},
    )  # fmt: skip
    table = table.mutate(
        **{c: table[c].cast("decimal(18, 4)") for c in ("net_revenue", "net_margin")}
    )
    own = plan(named, times)
    tables = TrialTables(logged, table)
    made = units(tables, horizons=(7, 20), seen_until=SEEN).cache()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return trials.read(own, logged, made, seen_until=SEEN)


NUMBERS = [
    "n_control", "n", "control", "treatment", "difference", "low", "high", "any_low", "any_high",
    "relative", "p", "q", "gained", "chance",
]  # fmt: skip
IN_MONEY = ("control", "treatment", "difference", "low", "high", "any_low", "any_high")


def rows_of(trial, names=None):
    """The figures by arm, metric and horizon, arms called as at first."""
    back = {v: k for k, v in (names or {}).items()}
    frame = trial.frame.assign(arm=trial.frame["arm"].map(lambda a: back.get(a, a)))
    return frame.set_index(["arm", "metric", "horizon"]).sort_index()[NUMBERS].astype("float64")


def same(one, other):
    """Alike to six digits; what nobody differs in may be nought by rounding only."""
    pd.testing.assert_frame_equal(one, other, check_exact=False, rtol=1e-6, atol=1e-9)


def decided(trial, names=None):
    told = trial.verdict
    back = {v: k for k, v in (names or {}).items()}
    return told.decision, told.why, back.get(told.arm, told.arm)


@QUICK
@given(companies, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(company, random):
    """Every figure, check and the verdict stay, to the digit."""
    order = list(range(len(company)))
    random.shuffle(order)
    plain, mixed = read(company), read(company, order=order)

    assert plain.checks == mixed.checks
    assert decided(plain) == decided(mixed)
    pd.testing.assert_frame_equal(rows_of(plain), rows_of(mixed), check_exact=True)


@QUICK
@given(companies, st.permutations(["甲 组", "+A1", "z"]))
def test_what_arms_are_called_does_not_matter(company, called):
    """The figures of each arm stay, whatever comes first in the alphabet."""
    names = dict(zip(ARMS, called, strict=True))
    plain, renamed = read(company), read(company, names=names)

    same(rows_of(plain), rows_of(renamed, names))
    # of two arms that bring the same the name decides, so only that one may differ
    assert decided(plain)[:2] == decided(renamed, names)[:2]


@QUICK
@given(companies)
def test_the_unit_of_money_does_not_matter(company):
    """A hundred times as much money of everything: differences times a hundred, shares and
    chances as they were, the same verdict."""
    plain, cents = read(company), read(company, times=100)
    one, other = rows_of(plain), rows_of(cents)
    money = one.index.get_level_values("metric").isin(["margin", "revenue", "average_order"])
    one.loc[money, list(IN_MONEY)] *= 100

    same(one, other)
    assert decided(plain) == decided(cents)


@QUICK
@given(companies, st.data())
def test_rows_that_are_logged_twice_are_caught_and_change_nothing(company, data):
    """Each is counted, and no figure moves."""
    some = st.lists(st.integers(0, len(company) - 1), min_size=1, unique=True)
    repeated = data.draw(some)
    plain, twice = read(company), read(company, also=[(i, company[i][0]) for i in repeated])
    found = {c.name: c for c in twice.checks}

    assert ("noted", len(repeated)) == (found["repeated_rows"].state, found["repeated_rows"].count)
    assert "passed" == {c.name: c for c in plain.checks}["repeated_rows"].state
    pd.testing.assert_frame_equal(rows_of(plain), rows_of(twice), check_exact=True)


@QUICK
@given(companies, st.integers(0, 59))
def test_a_customer_in_two_arms_is_in_neither(company, which):
    """The figures are those of the company without him, and the check counts him."""
    assume(which < len(company))
    alone = [c for i, c in enumerate(company) if i != which]
    assume({c[0] for c in alone} == set(ARMS))
    other = ARMS[(ARMS.index(company[which][0]) + 1) % 3]
    both = read(company, also=[(which, other)])
    found = {c.name: c for c in both.checks}["two_arms"]

    assert (1, len(company)) == (found.count, found.n)
    same(rows_of(read(alone)), rows_of(both))
