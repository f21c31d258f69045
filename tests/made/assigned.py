"""Little experiments from customers, arms and order dates, read from end to end."""

import datetime as dt

import ibis
import pandas as pd
from repurchase.analysis import trials
from repurchase.analysis.trial_segments import labelled
from repurchase.analysis.trial_units import TrialTables, units
from repurchase.params import ArmPlan, ExperimentPlan

START, SEEN = dt.date(2025, 6, 2), dt.date(2025, 9, 30)


def tables(arms, bought, *, start=None):
    """`arms` by customer; `bought` has (customer, days after the start, revenue, margin)."""
    start = start or dict.fromkeys(arms, START)
    assigned = pd.DataFrame(
        [(c, a, start[c], None, 0.5, "log") for c, a in arms.items()],
        columns=["customer_id", "arm", "assigned_on", "exposed_at", "planned_share",
                 "assignment_source"],
    )  # fmt: skip
    logged = ibis.memtable(
        assigned, schema={"customer_id": "string", "arm": "string", "assigned_on": "date",
                          "exposed_at": "timestamp", "planned_share": "float64",
                          "assignment_source": "string"},
    )  # fmt: skip
    rows = [(c, start[c] + dt.timedelta(days=d), r, m) for c, d, r, m in bought]
    days = ibis.memtable(
        pd.DataFrame(rows, columns=["customer_id", "order_date", "net_revenue", "net_margin"]),
        schema={"customer_id": "string", "order_date": "date", "net_revenue": "float64",
                "net_margin": "float64"},
    )  # fmt: skip
    days = days.mutate(
        net_revenue=days.net_revenue.cast("decimal(18, 4)"),
        net_margin=days.net_margin.cast("decimal(18, 4)"),
    )
    logged = logged.mutate(assigned_at=logged.assigned_on.cast("timestamp"))
    return TrialTables(logged, days)


def plan(**changes):
    told = {"id": "x", "horizon_days": 7, "longer_horizon_days": 30,
            "arms": {"new": ArmPlan(share=0.5, cost=0), "control": ArmPlan(share=0.5)},
            "planned_end": START, "smallest_effect": 1.0}  # fmt: skip
    return ExperimentPlan(**(told | changes))


def halves(n):
    return {f"c{i:03}": "new" if i % 2 else "control" for i in range(n)}


def read(made, own=None, *, segments=None, **more):
    """The experiment as the chapter reads it; `segments` by name have customer_id and label."""
    own = own or plan()
    table = units(made, horizons=trials.horizons_of(own), seen_until=SEEN)
    table = labelled(table, segments or {})
    return trials.read(own, made.assignments, table, seen_until=SEEN, days=made.days, **more)
